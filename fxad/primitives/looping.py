"""Loops that go on while a condition holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Separated, require
from fxad.ir.program import Equation, Params, Program, Var
from fxad.ir.types import UNKNOWN, ArrayType
from fxad.primitives.carrying import (
    beside,
    carried_batch,
    carried_tangents,
    known_part,
    late_carry,
    moved_out,
)
from fxad.primitives.logical import logical_and
from fxad.primitives.masked_effects import has_any, where_true
from fxad.primitives.reductions import reduce_any
from fxad.primitives.reversal import Schedule
from fxad.primitives.samples import Sample, normal, sample, uniform
from fxad.primitives.scanning import (
    Halves,
    choose,
    pruned_loop,
    scan,
)
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
)
from fxad.tracing import Kind, Trace
from fxad.transforms.batch import batch, batched_outputs, batched_type
from fxad.transforms.inline import build, inline
from fxad.transforms.jvp import jvp

__all__ = ["While", "while_"]

_I8 = np.dtype(np.int64)


class While(Structured):
    """`while cond(*cond_consts, *carry): carry, y = body(*body_consts, *carry)`; the ys are stacked.

    Operands are the constants of the condition, those of the body, and the initial carry. The outputs are the
    carry, the number of steps, and the stacks. `carry` says how many values are carried.
    """

    def infer(
        self, *types: ArrayType, cond: Program, body: Program, cond_consts: int, body_consts: int, carry: int,
        checkpoint: Schedule,
    ) -> Any:
        start = types[cond_consts + body_consts :]
        check_operands("while", cond, [*types[:cond_consts], *start])
        check_operands("while", body, types[cond_consts:])
        require([(t.shape, t.dtype.kind) for t in cond.out_types] == [((), "b")],
                f"while: a condition of types {list(cond.out_types)}")
        end = [t.strong for t in body.out_types[:carry]]
        require([t.strong for t in start] == end, f"while: a carry of types {list(start)} that becomes {end}")
        stacks = (ArrayType((UNKNOWN, *t.shape), t.dtype) for t in body.out_types[carry:])
        return (*end, ArrayType((), _I8), *stacks)

    def owns(self, output: int, **params: Any) -> bool:
        return bool(output >= params["carry"])

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, cond: Program, body: Program,
        cond_consts: int, body_consts: int, carry: int, checkpoint: Schedule,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        given = tangents[cond_consts:]
        active, moving = carried_tangents(body, [t is not None for t in given], body_consts, carry)
        pushed = jvp(body, active, moving)
        order = beside(active, [body_consts, carry])
        outs_order = beside(moving, [carry, len(moving) - carry])
        trace = trace_of(tangents)
        types = body.in_types[body_consts:]
        moved = [*given[:body_consts], *instantiated(given[body_consts:], types, trace)]
        values = [*primals[cond_consts:], *(t for t, flag in zip(moved, active, strict=True) if flag)]
        all_carried = [i for i in order if body_consts <= i < len(active) or
                       (i >= len(active) and i - len(active) >= sum(active[:body_consts]))]
        wide = _ignoring(cond, cond_consts, [i < len(active) for i in all_carried],
                         [pushed.in_types[i] for i in all_carried])
        outs = record(
            self, [*primals[:cond_consts], *(values[i] for i in order)], cond=wide,
            body=arranged(pushed, order, outs_order), cond_consts=cond_consts,
            body_consts=body_consts + sum(active[:body_consts]), carry=carry + sum(moving[:carry]),
            checkpoint=checkpoint,
        )
        carried = carry + sum(moving[:carry])
        back = dict(zip(outs_order, [*outs[:carried], *outs[carried + 1 :]], strict=True))
        found = iter(range(len(moving), len(outs_order)))
        pushed_outs = [back[next(found)] if m else None for m in moving]
        plain = [back[i] for i in range(len(moving))]
        return ([*plain[:carry], outs[carried], *plain[carry:]],
                [*pushed_outs[:carry], None, *pushed_outs[carry:]])

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated | None:
        params = eqn.params
        lead, carry = params["cond_consts"], params["carry"]
        if any(late[:lead]):
            return None
        outer, eqn, late = moved_out(eqn, list(late), lead, params["body_consts"])
        consts = eqn.params["body_consts"]
        body: Program = eqn.params["body"]
        waits, out_waits = late_carry(body, late[lead:], consts, carry)
        cond: Program = eqn.params["cond"]
        asked = used_inputs(cond)
        if any(flag and v in asked for v, flag in zip(cond.inputs[lead:], waits[consts:], strict=True)):
            return None  # how often the body runs depends on it
        if params["checkpoint"] is not None:
            return self._again(outer, eqn, waits, out_waits)
        halves = Halves(body, waits, out_waits, consts, carry)
        operands = eqn.inputs[lead:]
        kept = tuple(Var(ArrayType((UNKNOWN, *t.shape), t.dtype)) for t in halves.stacked_types)
        count = eqn.outputs[carry]
        outs = [*eqn.outputs[:carry], *eqn.outputs[carry + 1 :]]
        early = [outs[i] for i in flagged(out_waits, False)]
        known_carry = waits[consts:].count(False)
        known_cond = arranged(cond, [*range(lead), *(lead + i for i in flagged(waits[consts:], False))])
        first = Equation(
            self, (*eqn.inputs[:lead], *(operands[i] for i in flagged(waits, False))),
            Params(cond=known_cond, body=halves.known, cond_consts=lead,
                   body_consts=waits[:consts].count(False), carry=known_carry, checkpoint=None),
            (*early[:known_carry], count, *early[known_carry:], *kept), eqn.source,
        )
        waiting = tuple(outs[i] for i in flagged(out_waits))
        second = Equation(
            scan, (count, *halves.late_operands(operands, kept)),
            Params(body=halves.late, consts=halves.late_consts, carry=sum(waits[consts:]), length=None,
                   reverse=False, checkpoint=None),
            waiting, eqn.source,
        )
        return Separated([*outer, first], [second], list(waiting))

    def _again(
        self, outer: list[Equation], eqn: Equation, waits: list[bool], out_waits: list[bool]
    ) -> Separated:
        """With checkpoints nothing is stacked: the loop counts its steps, and what waits runs them again."""
        lead, consts, carry = (eqn.params[n] for n in ("cond_consts", "body_consts", "carry"))
        body, cond = eqn.params["body"], eqn.params["cond"]
        operands = eqn.inputs[lead:]
        count = eqn.outputs[carry]
        outs = [*eqn.outputs[:carry], *eqn.outputs[carry + 1 :]]
        stays = flagged(waits[consts:], False)
        early = [outs[i] for i in flagged(out_waits, False)]
        first = Equation(
            self, (*eqn.inputs[:lead], *(operands[i] for i in flagged(waits, False))),
            Params(eqn.params | {
                "cond": arranged(cond, [*range(lead), *(lead + i for i in stays)]),
                "body": known_part(body, waits, out_waits),
                "body_consts": waits[:consts].count(False), "carry": len(stays)}),
            (*early[: len(stays)], count, *early[len(stays):]), eqn.source,
        )
        whole = tuple(v if flag else Var(v.type) for v, flag in zip(outs, out_waits, strict=True))
        again = Params(body=body, consts=consts, carry=carry, length=None, reverse=False,
                       checkpoint=eqn.params["checkpoint"])
        second = Equation(scan, (count, *operands), again, whole, eqn.source)
        return Separated([*outer, first], [second], list(whole))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, cond: Program,
        body: Program, cond_consts: int, body_consts: int, carry: int, checkpoint: Schedule,
    ) -> tuple[Any, Any]:
        trace = trace_of(operands)
        lead, consts = cond_consts, cond_consts + body_consts
        values, axes = list(operands), list(dims)
        axes[consts:] = [None if a is None else 0 for a in axes[consts:]]
        while True:
            inner, flags = carried_batch(body, size, axes[lead:], body_consts, carry)
            axes[lead:] = inner
            (uneven,) = batched_outputs(cond, size, [*axes[:lead], *axes[consts:]])
            if not uneven or None not in axes[consts:]:
                break
            axes[consts:] = [0] * carry
        for i in range(consts, len(values)):
            if axes[i] is not None:
                values[i] = placed(values[i], dims[i], 0, size, trace)
        places = [
            None if not flag else 0 if i < carry else batch_axis(t)
            for i, (t, flag) in enumerate(zip(body.out_types, flags, strict=True))
        ]
        batched = batch(body, size, axes[lead:], places)
        asked = batch(cond, size, [*axes[:lead], *axes[consts:]], [0 if uneven else None])
        if not uneven:
            outs = record(self, values, cond=asked, body=batched, cond_consts=cond_consts,
                          body_consts=body_consts, carry=carry, checkpoint=checkpoint)
            done = [*places[:carry], None, *(p if p is None else p + 1 for p in places[carry:])]
            return outs, done
        sizes = (cond_consts, body_consts, carry)
        masked = has_any(cond) or has_any(body)
        if masked:  # for those elements only that have not ended
            asked = batch(where_true(cond), size, [0, *axes[:lead], *axes[consts:]], [0])
            batched = batch(where_true(body), size, [0, *axes[lead:]], places)
        outs = self._uneven(trace, size, asked, batched, values, sizes, checkpoint, masked)
        return outs, [*places[:carry], 0, *(p if p is None else p + 1 for p in places[carry:])]

    def _uneven(
        self, trace: Trace, size: int, cond: Program, body: Program, values: list[Any],
        sizes: tuple[int, int, int], checkpoint: Schedule, masked: bool,
    ) -> tuple[Any, ...]:
        """The elements of a batch end at different times: it runs until the last has ended.

        Two more values are carried: which elements are running, and how many steps each has taken. Where
        condition and body are `masked`, they are told the former.
        """
        cond_consts, body_consts, carry = sizes
        flags, counts = (batched_type(ArrayType((), d), 0, size) for d in (np.dtype(np.bool_), _I8))
        both = Trace(Kind.BUILD, purpose="vmap")
        asked = [both.input(t) for t in cond.in_types[masked:][:cond_consts]]
        fixed = [both.input(t) for t in body.in_types[masked:][:body_consts]]
        types = body.in_types[masked + body_consts :]
        carried = [both.input(t) for t in types]
        running, steps = both.input(flags), both.input(counts)
        told = [running] if masked else []
        outs = inline(both, body, [*told, *fixed, *carried])
        kept = [choose(running, new, old, size) for new, old in zip(outs, carried, strict=False)]
        (again,) = inline(both, cond, [*told, *asked, *kept])
        taken = steps + running.astype(_I8)
        made = build(both, [*kept, logical_and(running, again), taken, *outs[carry:]])
        alone = Trace(Kind.BUILD, purpose="vmap")
        for t in types:
            alone.input(t)
        flag = alone.input(flags)
        alone.input(counts)
        anyone = build(alone, [reduce_any(flag, axes=(0,))])
        start = values[cond_consts + body_consts :]
        everyone = [placed(np.bool_(True), None, 0, size, trace)] if masked else []
        (first,) = inline(trace, cond, [*everyone, *values[:cond_consts], *start])
        zeros = placed(np.int64(0), None, 0, size, trace)
        found = record(self, [*values, first, zeros], cond=anyone, body=made, cond_consts=0,
                       body_consts=cond_consts + body_consts, carry=carry + 2, checkpoint=checkpoint)
        return (*found[:carry], found[carry + 1], *found[carry + 3 :])

    def prune(self, eqn: Equation, used: Sequence[bool]) -> Equation:
        params = eqn.params
        lead, consts = params["cond_consts"], params["body_consts"]
        cond: Program = params["cond"]
        read = used_inputs(cond)
        needed = flagged([v in read for v in cond.inputs[lead:]])
        made = pruned_loop(eqn, used, lead, consts, params["carry"], needed)
        if made is eqn and len(needed) + lead == len(cond.inputs):
            return eqn
        # Which of the carried values have stayed can be told by their outputs.
        stays = [i for i, v in enumerate(eqn.outputs[: params["carry"]]) if v in made.outputs]
        asked = [i for i in range(lead) if cond.inputs[i] in read]
        thin = arranged(cond, [*asked, *(lead + i for i in stays)])
        inputs = (*(made.inputs[i] for i in asked), *made.inputs[lead:])
        new = Params(made.params | {"cond": thin, "cond_consts": len(asked)})
        if len(asked) == lead and len(stays) == params["carry"] and made is eqn:
            return eqn
        return Equation(self, inputs, new, made.outputs, eqn.source)


def _ignoring(
    cond: Program, consts: int, asked: Sequence[bool], types: Sequence[ArrayType]
) -> Program:
    """The condition for a carry that has more values; `asked` tells which are its own."""
    own = iter(cond.inputs[consts:])
    inputs = [next(own) if flag else Var(t) for flag, t in zip(asked, types, strict=True)]
    return Program([*cond.inputs[:consts], *inputs], cond.equations, cond.outputs)


def _examples() -> list[Sample]:
    small = example(lambda limit, v, s: [s < limit], (), (2,), ())
    body = example(lambda c, v, s: [v * c, s + 1.0 + v[0] * 1e-3], (2,), (2,), ())
    never = example(lambda limit, v, s: [s < limit - 1e9], (), (2,), ())
    values = [uniform(3.0, 6.0), normal(2), normal(2), normal()]
    return [sample(*values, cond=c, body=body, cond_consts=1, body_consts=1, carry=2,
                   checkpoint=k, dtypes="d") for c, k in ((small, None), (never, None), (small, "sqrt"))]


while_ = While("while", _examples)
