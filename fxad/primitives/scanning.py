"""Loops over the elements of arrays: a body applied to each, with values carried along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.ir.analysis import dce, dependents, has_effects, silent
from fxad.ir.primitive import Separated, Unknown, require
from fxad.ir.program import Atom, Equation, Params, Program, Var
from fxad.ir.types import UNKNOWN, ArrayType
from fxad.primitives.arithmetic import add, less
from fxad.primitives.carrying import (
    beside,
    carried_batch,
    carried_tangents,
    known_part,
    late_carry,
    moved_out,
)
from fxad.primitives.reductions import reduce_max
from fxad.primitives.reversal import Schedule, pulled_back
from fxad.primitives.samples import Sample, normal, positive, sample
from fxad.primitives.stacks import batch_axis
from fxad.primitives.structured import (
    Structured,
    arranged,
    check_operands,
    example,
    flagged,
    instantiated,
    placed,
    record,
    trace_of,
    used_inputs,
    witnessed,
)
from fxad.tracing import Kind, Trace, Tracer
from fxad.tracing.operations import operations
from fxad.transforms.batch import batch, batched_type
from fxad.transforms.inline import build, inline
from fxad.transforms.jvp import jvp
from fxad.transforms.split import split
from fxad.transforms.transpose import transpose

__all__ = ["Scan", "scan"]

_I8 = np.dtype(np.int64)


class Scan(Structured):
    """`carry, y = body(*consts, *carry, *x)` for each element x of `xs`; the ys are stacked.

    Operands are the number of steps where `length` is None, then the constants, the initial carry, and the
    arrays that are gone through. Without a length these, and what is stacked, are stacks.
    `consts` and `carry` say how many there are of each. With `reverse` the last element comes first.
    `checkpoint` says what the backward pass keeps: what it needs of each step (None), or a few states, from
    which it computes the others again.
    """

    def infer(
        self, *types: ArrayType, body: Program, consts: int, carry: int, length: int | None, reverse: bool,
        checkpoint: Schedule,
    ) -> Any:
        if length is None:
            require(types[:1] == (ArrayType((), _I8),), f"scan: {types[:1]} for the number of steps")
            types = types[1:]
        n = UNKNOWN if length is None else length
        xs = types[consts + carry :]
        require(all(t.shape[:1] == (n,) for t in xs), f"scan: {n} steps over arrays of types {list(xs)}")
        elements = [ArrayType(t.shape[1:], t.dtype) for t in xs]
        check_operands("scan", body, [*types[: consts + carry], *elements])
        start = [t.strong for t in types[consts : consts + carry]]
        end = [t.strong for t in body.out_types[:carry]]
        require(start == end, f"scan: a carry of types {start} that becomes {end}")
        return (*end, *(ArrayType((n, *t.shape), t.dtype) for t in body.out_types[carry:]))

    def owns(self, output: int, **params: Any) -> bool:
        return bool(output >= params["carry"])

    # -- forward mode ---------------------------------------------------------------------------------

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, body: Program, consts: int, carry: int,
        length: int | None, reverse: bool, checkpoint: Schedule,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        lead = length is None
        given = tangents[lead:]
        active, moving = carried_tangents(body, [t is not None for t in given], consts, carry)
        pushed = jvp(body, active, moving)
        count = len(body.inputs)
        order = beside(active, [consts, carry, count - consts - carry])
        outs_order = beside(moving, [carry, len(moving) - carry])
        trace = trace_of(tangents)
        first = instantiated(given[consts : consts + carry], body.in_types[consts : consts + carry], trace)
        moved = [*given[:consts], *first, *given[consts + carry :]]
        values = [*primals[lead:], *(t for t, flag in zip(moved, active, strict=True) if flag)]
        outs = record(
            self, [*primals[:lead], *(values[i] for i in order)], body=arranged(pushed, order, outs_order),
            consts=consts + sum(active[:consts]), carry=carry + sum(moving[:carry]), length=length,
            reverse=reverse, checkpoint=checkpoint,
        )
        back = dict(zip(outs_order, outs, strict=True))
        found = iter(range(len(moving), len(outs_order)))
        return [back[i] for i in range(len(moving))], [back[next(found)] if m else None for m in moving]

    # -- reverse mode ---------------------------------------------------------------------------------

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated | None:
        params = eqn.params
        lead = int(params["length"] is None)
        if lead and late[0]:
            return None
        consts, carry = params["consts"], params["carry"]
        outer, eqn, late = moved_out(eqn, list(late), lead, consts)
        consts = eqn.params["consts"]
        body = eqn.params["body"]
        waits, out_waits = late_carry(body, late[lead:], consts, carry)
        if params["checkpoint"] is not None:
            return self._again(outer, eqn, lead, waits, out_waits)
        halves = Halves(body, waits, out_waits, consts, carry)
        operands = eqn.inputs[lead:]
        size = UNKNOWN if lead else params["length"]
        kept = tuple(Var(ArrayType((size, *t.shape), t.dtype)) for t in halves.stacked_types)
        early = tuple(eqn.outputs[i] for i in flagged(out_waits, False))
        first = Equation(
            self, (*eqn.inputs[:lead], *(operands[i] for i in flagged(waits, False))),
            Params(eqn.params | {"body": halves.known, "consts": waits[:consts].count(False),
                                 "carry": waits[consts : consts + carry].count(False)}),
            (*early, *kept), eqn.source,
        )
        waiting = tuple(eqn.outputs[i] for i in flagged(out_waits))
        second = Equation(
            self, (*eqn.inputs[:lead], *halves.late_operands(operands, kept)),
            Params(eqn.params | {"body": halves.late, "consts": halves.late_consts,
                                 "carry": sum(waits[consts : consts + carry])}),
            waiting, eqn.source,
        )
        return Separated([*outer, *_kept(first)], [second], list(waiting))

    def _again(
        self, outer: list[Equation], eqn: Equation, lead: int, waits: list[bool], out_waits: list[bool]
    ) -> Separated:
        """With checkpoints nothing is stacked: what waits runs the whole loop again (see `run_backwards`)."""
        body, consts = eqn.params["body"], eqn.params["consts"]
        known = known_part(body, waits, out_waits)
        operands = eqn.inputs[lead:]
        early = tuple(eqn.outputs[i] for i in flagged(out_waits, False))
        first = Equation(
            self, (*eqn.inputs[:lead], *(operands[i] for i in flagged(waits, False))),
            Params(eqn.params | {"body": known, "consts": waits[:consts].count(False),
                                 "carry": out_waits[: eqn.params["carry"]].count(False)}),
            early, eqn.source,
        )
        whole = tuple(v if flag else Var(v.type) for v, flag in zip(eqn.outputs, out_waits, strict=True))
        again = silent(eqn.params) if has_effects(eqn) else eqn.params
        if again is None:
            raise TypeMismatch(explain(
                "a loop with checkpoints runs again for its derivative, and computes with the result of an"
                " io_callback, which would be called again.",
                source=eqn.source, fix="checkpoint=None, or pure_callback for a function without effects"))
        second = Equation(self, eqn.inputs, again, whole, eqn.source)
        return Separated([*outer, *_kept(first)], [second], list(whole))

    def transpose(
        self, ct: Any, *operands: Any, body: Program, consts: int, carry: int, length: int | None,
        reverse: bool, checkpoint: Schedule,
    ) -> Any:
        lead = length is None
        inner = operands[lead:]
        if checkpoint is not None:
            values = [None if isinstance(x, Unknown) else x for x in operands]
            return pulled_back(values, ct, body, consts, carry, length, reverse, checkpoint)
        # All that is carried is linear (`separate` has seen to that); what starts at a known value starts
        # at zero, and what becomes of its cotangent nobody asks.
        linear = [isinstance(x, Unknown) or consts <= i < consts + carry for i, x in enumerate(inner)]
        alive = self._alive(body, consts, carry, [c is not None for c in ct])
        given = [*flagged(alive), *(carry + i for i in flagged([c is not None for c in ct[carry:]]))]
        pulled = transpose(arranged(body, range(len(body.inputs)), given), linear)
        lin = flagged(linear)
        known = flagged(linear, False)
        trace = trace_of([c for c in ct if c is not None])
        # Transposed: the cotangents of linear constants add up in the carry, those of xs are stacked.
        sums = [i for i in lin if i < consts]
        stays = [i for i in known if i < consts]
        backwards = _pulled_body(pulled, known, lin, sums, alive, consts, carry)
        types = body.in_types
        start = instantiated([None] * len(sums), [types[i] for i in sums], trace)
        now = flagged(alive)
        cts = instantiated([ct[i] for i in now], [types[consts + i] for i in now], trace)
        outs = record(
            self,
            [*operands[:lead], *(inner[i] for i in stays), *start, *cts,
             *(inner[i] for i in known if i >= consts + carry), *(c for c in ct[carry:] if c is not None)],
            body=backwards, consts=len(stays), carry=len(sums) + len(cts), length=length, reverse=not reverse,
            checkpoint=None,
        )
        found: dict[int, Any] = dict(zip(sums, outs, strict=False))
        found.update(zip([consts + i for i in flagged(alive)], outs[len(sums):], strict=False))
        found.update(zip([i for i in lin if i >= consts + carry], outs[len(sums) + len(cts):], strict=True))
        return (*[None] * lead, *(found.get(i) for i in range(len(inner))))

    def _alive(self, body: Program, consts: int, carry: int, given: Sequence[bool]) -> list[bool]:
        """Which carried values can have a cotangent that is not zero."""
        alive = list(given[:carry])
        reach = [dependents(body, [v]) for v in body.inputs[consts : consts + carry]]
        while True:
            seeds = [a for a, flag in zip(body.outputs, [*alive, *given[carry:]], strict=True) if flag]
            now = [old or any(s in r for s in seeds) for old, r in zip(alive, reach, strict=True)]
            if now == alive:
                return alive
            alive = now

    # -- vmap -----------------------------------------------------------------------------------------

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, body: Program, consts: int,
        carry: int, length: int | None, reverse: bool, checkpoint: Schedule,
    ) -> tuple[Any, Any]:
        lead = length is None
        trace = trace_of(operands)
        values, axes = list(operands[lead:]), list(dims[lead:])
        uneven = lead and dims[0] is not None
        for i in range(consts + carry, len(values)):
            if axes[i] is not None:
                values[i] = placed(values[i], axes[i], 1 + batch_axis(body.in_types[i]), size, trace)
                axes[i] = batch_axis(body.in_types[i])
        for i in range(consts, consts + carry):
            axes[i] = 0 if uneven or axes[i] is not None else None
        axes, flags = carried_batch(body, size, axes, consts, carry)
        for i in range(consts, consts + carry):
            if axes[i] is not None:
                values[i] = placed(values[i], dims[lead + i], 0, size, trace)
        places = [
            None if not flag else 0 if i < carry else batch_axis(t)
            for i, (t, flag) in enumerate(zip(body.out_types, flags, strict=True))
        ]
        batched = batch(body, size, axes, places)
        steps = list(operands[:lead])
        if uneven:
            batched, steps, values = _masked(batched, trace, size, steps[0], values, consts, carry, reverse)
        outs = record(self, [*steps, *values], body=batched, consts=consts + uneven, carry=carry + uneven,
                      length=length, reverse=reverse, checkpoint=checkpoint)
        outs = (*outs[:carry], *outs[carry + uneven :])
        return outs, [p if p is None or i < carry else p + 1 for i, p in enumerate(places)]

    # -- what is not needed ---------------------------------------------------------------------------

    def prune(self, eqn: Equation, used: Sequence[bool]) -> Equation:
        params = eqn.params
        return pruned_loop(eqn, used, int(params["length"] is None), params["consts"], params["carry"])


def _kept(first: Equation) -> list[Equation]:
    """The first half of a loop, if it gives anything or has effects."""
    if first.outputs or not has_effects(first):
        return [first] if first.outputs else []
    params = first.params
    length = UNKNOWN if params["length"] is None else params["length"]
    kept = Params(params | {"body": witnessed(params["body"])})
    return [Equation(first.primitive, first.inputs, kept, (Var(ArrayType((length,), _I8)),), first.source)]


# -- shared with while ------------------------------------------------------------------------------


class Halves:
    """The body of a loop, split into what is known first and what waits.

    Attributes:
        known: the first part: known inputs to known outputs, and what has to be stacked for the second.
        late: the second part; its inputs are constants, carry, and elements.
        late_consts: how many constants the second part has.
        stacked_types: the types of what is stacked.
    """

    def __init__(
        self, body: Program, late: Sequence[bool], out_late: Sequence[bool], consts: int, carry: int
    ) -> None:
        self._late = late
        self._consts = consts
        self._end = consts + carry
        ins = [*flagged(late, False), *flagged(late)]
        outs = [*flagged(out_late, False), *flagged(out_late)]
        known, known_outs = list(late).count(False), list(out_late).count(False)
        first, second = split(arranged(body, ins, outs), known, known_outs)
        residuals: Sequence[Any] = first.outputs[known_outs:]
        place = {v: ins[i] for i, v in enumerate(first.inputs)}
        #: Residuals that are operands of the loop, constants or elements, are passed on as such.
        self._direct_consts = [i for i, r in enumerate(residuals) if place.get(r, self._end) < consts]
        self._direct_xs = [i for i, r in enumerate(residuals) if r in place and place[r] >= self._end]
        passed = {*self._direct_consts, *self._direct_xs}
        self._stacked = [i for i in range(len(residuals)) if i not in passed]
        self._operand = {i: place[r] for i, r in enumerate(residuals) if r in place}
        self.stacked_types = [residuals[i].type for i in self._stacked]
        self.known = Program(first.inputs, first.equations,
                             [*first.outputs[:known_outs], *(residuals[i] for i in self._stacked)])
        count = len(residuals)
        late_ins = flagged(late)
        late_at = [[count + k for k, i in enumerate(late_ins) if low <= i < high]
                   for low, high in ((0, consts), (consts, self._end), (self._end, len(late)))]
        self.late = arranged(second, [*self._direct_consts, *late_at[0], *late_at[1], *self._direct_xs,
                                      *self._stacked, *late_at[2]])
        self.late_consts = len(self._direct_consts) + len(late_at[0])

    def late_operands(self, operands: Sequence[Atom], stacked: Sequence[Var]) -> list[Atom]:
        """The operands of the second loop, from those of the whole and what the first has stacked."""
        waiting = flagged(self._late)
        passed = self._operand
        return [
            *(operands[passed[i]] for i in self._direct_consts),
            *(operands[i] for i in waiting if i < self._end),
            *(operands[passed[i]] for i in self._direct_xs), *stacked,
            *(operands[i] for i in waiting if i >= self._end),
        ]


def pruned_loop(
    eqn: Equation, used: Sequence[bool], lead: int, consts: int, carry: int, extra: Sequence[int] = ()
) -> Equation:
    """A loop without the carried values, the stacked outputs and the operands that nothing needs.

    `extra` are carried values that are needed in any case. Outputs between the carry and what is stacked
    stay: there are as many as `used` is longer than the body has outputs.
    """
    body: Program = eqn.params["body"]
    between = len(used) - len(body.outputs)
    needed = [flag or i in extra for i, flag in enumerate(used[:carry])]
    stacked = list(used[carry + between :])
    while True:
        outs = [*flagged(needed), *(carry + i for i in flagged(stacked))]
        thin = dce(arranged(body, range(len(body.inputs)), outs))
        read = used_inputs(thin)
        now = [old or v in read
               for old, v in zip(needed, body.inputs[consts : consts + carry], strict=True)]
        if now == needed:
            break
        needed = now
    kept = [
        *(i for i in range(consts) if body.inputs[i] in read), *(consts + i for i in flagged(needed)),
        *(i for i in range(consts + carry, len(body.inputs)) if body.inputs[i] in read),
    ]
    if len(kept) == len(body.inputs) and len(outs) == len(body.outputs) and thin.equations == body.equations:
        return eqn
    name = "consts" if "consts" in eqn.params else "body_consts"
    params = eqn.params | {"body": arranged(thin, kept), name: sum(i < consts for i in kept),
                           "carry": sum(needed)}
    outputs = (*(eqn.outputs[i] for i in flagged(needed)), *eqn.outputs[carry : carry + between],
               *(eqn.outputs[carry + between + i] for i in flagged(stacked)))
    inputs = (*eqn.inputs[:lead], *(eqn.inputs[lead + i] for i in kept))
    return Equation(eqn.primitive, inputs, Params(params), outputs, eqn.source)


# -- bodies -----------------------------------------------------------------------------------------


def _pulled_body(
    pulled: Program, known: list[int], lin: list[int], sums: list[int], alive: list[bool], consts: int,
    carry: int,
) -> Program:
    """The body of a transposed scan: constants, then sums and cotangents carried, then elements."""
    trace = Trace(Kind.BUILD, purpose="transpose")
    count = len(known)
    types = pulled.in_types
    stays = [k for k, i in enumerate(known) if i < consts]
    elements = [k for k, i in enumerate(known) if i >= consts]
    alive_count = sum(alive)
    fixed = {k: trace.input(types[k]) for k in stays}
    totals = [trace.input(pulled.out_types[lin.index(i)]) for i in sums]
    cts = [trace.input(t) for t in types[count : count + alive_count]]
    fixed |= {k: trace.input(types[k]) for k in elements}
    stacked = [trace.input(t) for t in types[count + alive_count :]]
    outs = inline(trace, pulled, [*(fixed[k] for k in range(count)), *cts, *stacked])
    by_input = dict(zip(lin, outs, strict=True))
    added = [operations.add(t, by_input[i]) for t, i in zip(totals, sums, strict=True)]
    carried = [by_input[consts + i] for i in flagged(alive)]
    return build(trace, [*added, *carried, *(by_input[i] for i in lin if i >= consts + carry)])


def _masked(
    body: Program, trace: Trace, size: int, steps: Any, values: list[Any], consts: int, carry: int,
    reverse: bool,
) -> tuple[Program, list[Any], list[Any]]:
    """A batched body for elements with different numbers of steps: those that have ended stay as they are.

    The numbers become a constant, and a counter is carried behind the rest.
    """
    build_trace = Trace(Kind.BUILD, purpose="vmap")
    end = consts + carry
    fixed = [build_trace.input(t) for t in body.in_types[:consts]]
    counts = build_trace.input(batched_type(ArrayType((), _I8), 0, size))
    carried = [build_trace.input(t) for t in body.in_types[consts:end]]
    at = build_trace.input(ArrayType((), _I8))
    elements = [build_trace.input(t) for t in body.in_types[end:]]
    outs = inline(build_trace, body, [*fixed, *carried, *elements])
    running = less(at, counts)
    kept = [choose(running, new, old, size) for new, old in zip(outs, carried, strict=False)]
    counter = add(at, -1 if reverse else 1)
    made = build(build_trace, [*kept, counter, *outs[carry:]])
    most = reduce_max(steps, axes=(0,)) if isinstance(steps, Tracer) else steps.max()
    start = add(most, -1) if reverse else np.int64(0)
    return made, [most], [*values[:consts], steps, *values[consts:end], start, *values[end:]]


def choose(mask: Any, x: Any, y: Any, size: int) -> Any:
    """For each element of a batch `x` or `y`, which have their batch axis in front."""
    wide = operations.broadcast(mask, x.shape, (0,)) if x.ndim > 1 else mask
    return operations.where(wide, x, y)


def _examples() -> list[Sample]:
    # A constant, a carried vector and number, and elements: all mixed.
    body = example(lambda c, v, s, x: [v * c + x, s * x + s, s * v], (2,), (2,), (), ())
    lonely = example(lambda x: [x * x], (2,))
    only_carry = example(lambda v: [v * v / (v + 2.0)], (2,))
    values = [normal(2), normal(2), normal(), normal(4)]
    return [
        *(sample(*values, body=body, consts=1, carry=2, length=4, reverse=backwards,
                 checkpoint=c, dtypes="d")
          for backwards, c in ((False, None), (True, None), (False, 2), (True, "binomial"))),
        sample(normal(3, 2), body=lonely, consts=0, carry=0, length=3, reverse=False,
               checkpoint=None, dtypes="d"),
        sample(positive(2), body=only_carry, consts=0, carry=1, length=3, reverse=False,
               checkpoint=None, dtypes="d"),
        sample(normal(2), normal(2), normal(), normal(0), body=body, consts=1, carry=2, length=0,
               reverse=False, checkpoint=None, dtypes="d"),
    ]


scan = Scan("scan", _examples)
