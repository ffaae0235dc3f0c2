"""Reverse mode of a loop that keeps a few of its states and computes the others again.

`checkpoint` says which states are kept:

- an int or "sqrt": so many segments of equal length: their first states, and those of one segment at a time;
- "binomial": about `2 log2(n)` states, chosen again and again so that the fewest steps are repeated (Griewank
  and Walther 2000, ACM TOMS Algorithm 799).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import PRIMITIVES, Code, Separated, Unknown, kernel
from fxad.ir.program import Equation, Params, Program, Var
from fxad.ir.types import UNKNOWN, ArrayType, Stack
from fxad.primitives.carrying import beside, carried_batch, carried_tangents, known_part, late_carry
from fxad.primitives.samples import Sample, normal, sample
from fxad.primitives.stacks import batch_axis
from fxad.primitives.structured import (
    Structured,
    arranged,
    bound_type,
    example,
    flagged,
    instantiated,
    placed,
    record,
    trace_of,
)
from fxad.tracing import Kind, Trace, bind
from fxad.tracing.operations import operations
from fxad.transforms.batch import batch, batch_values, batched_type
from fxad.transforms.inline import build, inline
from fxad.transforms.jvp import jvp
from fxad.transforms.split import separated
from fxad.transforms.transpose import transpose

__all__ = ["Schedule", "backwards", "binomial_steps", "default_snapshots", "pulled_back"]

Schedule = int | str | None
_I8 = np.dtype(np.int64)


class Backwards(Structured):
    """The cotangents of a loop, from its first state, its elements, and the cotangents of its results.

    `step` is the loop's body, for its states alone: constants, state, elements to the next state. `back`
    is one step of the backward pass: constants, state, elements, sums, cotangents of the state, cotangents
    of what was stacked; it gives sums, cotangents of the state before, cotangents of the elements. `sizes`
    are the numbers of these six, `stacked` the types of the cotangents of an element. Operands are the number
    of steps where `length` is None, and then those six.
    """

    def infer(
        self, *types: ArrayType, step: Program, back: Program, sizes: tuple[int, ...], length: int | None,
        reverse: bool, checkpoint: Schedule, stacked: tuple[ArrayType, ...],
    ) -> Any:
        carried = sizes[3] + sizes[4]
        n = UNKNOWN if length is None else length
        outs = [t.strong for t in back.out_types]
        return (*outs[:carried], *(ArrayType((n, *t.shape), t.dtype) for t in outs[carried:]))

    def owns(self, output: int, **params: Any) -> bool:
        return bool(output >= params["sizes"][3] + params["sizes"][4])

    def emit(self, *operands: Code, **params: Any) -> str:
        length, back = params["length"], params["back"]
        steps, values = (operands[0], operands[1:]) if length is None else (str(length), operands)
        stacked = [(t.shape, t.dtype.name) for t in params["stacked"]]
        how = f"{params['sizes']}, {params['reverse']}, {params['checkpoint']!r}"
        options = f"{how}, {length is None}, {stacked}"
        comma = "," if len(values) == 1 else ""
        return (f"run_backwards({steps}, {params['step']}, {back}, {options}, "
                f"({', '.join(values)}{comma}))")

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, step: Program, back: Program,
        sizes: tuple[int, ...], length: int | None, reverse: bool, checkpoint: Schedule,
        stacked: tuple[ArrayType, ...],
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        lead = int(length is None)
        consts, carry, xs, sums, cts, _ = sizes
        front, cot = consts + carry + xs, sums + cts
        given = list(tangents[lead:])
        flags = [t is not None for t in given]
        active, moves = carried_tangents(step, flags[:front], consts, carry)
        flags, moving = carried_tangents(back, [*active, *flags[front:]], front, cot)
        trace = trace_of(tangents)
        for start, count in ((consts, carry), (front, cot)):
            group = slice(start, start + count)
            given[group] = instantiated(given[group], back.in_types[group], trace)
        moved = [t for t, flag in zip(given, flags, strict=True) if flag]
        order, outs_order = beside(flags, sizes), beside(moving, [sums, cts, len(moving) - cot])
        pushed = arranged(jvp(back, flags, moving), order, outs_order)
        stepped = arranged(jvp(step, active, moves), beside(active, sizes[:3]), beside(moves, [carry]))
        ends = np.cumsum([0, *sizes])
        more = tuple(n + sum(flags[a : a + n]) for n, a in zip(sizes, ends, strict=False))
        values = [*primals[lead:], *moved]
        outs = record(
            self, [*primals[:lead], *(values[i] for i in order)], step=stepped, back=pushed, sizes=more,
            length=length, reverse=reverse, checkpoint=checkpoint,
            stacked=tuple(t.strong for t in pushed.out_types[more[3] + more[4] :]))
        found = dict(zip(outs_order, outs, strict=True))
        rest = iter(range(len(moving), len(outs_order)))
        return [found[i] for i in range(len(moving))], [found[next(rest)] if m else None for m in moving]

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated | None:
        """What waits goes back over the whole loop again: nothing is kept."""
        params = eqn.params
        lead = int(params["length"] is None)
        if lead and late[0]:
            return None
        consts, carry, xs, sums, cts, _ = sizes = params["sizes"]
        front, cot = consts + carry + xs, sums + cts
        flags, outs = late_carry(params["step"], late[lead : lead + front], consts, carry)
        flags, waits = late_carry(params["back"], [*flags, *late[lead + front :]], front, cot)
        known, early = flagged(flags, False), flagged(waits, False)
        whole = tuple(v if flag else Var(v.type) for v, flag in zip(eqn.outputs, waits, strict=True))
        second = Equation(self, eqn.inputs, params, whole, eqn.source)
        if not early:
            return Separated([], [second], list(whole))
        back = known_part(params["back"], flags, waits)
        ends = np.cumsum([0, *sizes])
        first = Equation(
            self, (*eqn.inputs[:lead], *(eqn.inputs[lead + i] for i in known)),
            Params(params | {
                "step": known_part(params["step"], flags[:front], outs),
                "back": back,
                "sizes": tuple(flags[a : a + n].count(False) for n, a in zip(sizes, ends, strict=False)),
                "stacked": tuple(t.strong for i, t in zip(early, back.out_types, strict=True) if i >= cot),
            }),
            tuple(eqn.outputs[i] for i in early), eqn.source)
        return Separated([first], [second], list(whole))

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        """The transpose of the same with all states kept."""
        linear = [isinstance(x, Unknown) for x in operands]
        plain = _with_all_states([bound_type(x) if not flag else x.type
                                  for x, flag in zip(operands, linear, strict=True)], **params)
        given = [i for i, c in enumerate(ct) if c is not None]
        pulled = transpose(arranged(plain, range(len(operands)), given), linear)
        known = [x for x, flag in zip(operands, linear, strict=True) if not flag]
        trace = trace_of([c for c in ct if c is not None])
        outs = iter(inline(trace, pulled, [*known, *(ct[i] for i in given)]))
        return tuple(next(outs) if flag else None for flag in linear)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, step: Program, back: Program,
        sizes: tuple[int, ...], length: int | None, reverse: bool, checkpoint: Schedule,
        stacked: tuple[ArrayType, ...],
    ) -> tuple[Any, Any]:
        lead = int(length is None)
        consts, carry, xs, sums, cts, _ = sizes
        front, cot = consts + carry + xs, sums + cts
        trace = trace_of(operands)
        if lead and dims[0] is not None:  # loops of different lengths
            types = [batched_type(t, None, size) if d is None else
                     ArrayType((*t.shape[:d], *t.shape[d + 1 :]), t.dtype)
                     for t, d in zip(map(bound_type, operands), dims, strict=True)]
            plain = _with_all_states(types, step=step, back=back, sizes=sizes, length=length, reverse=reverse,
                                     checkpoint=checkpoint, stacked=stacked)
            return batch_values(trace, plain, size, operands, dims)
        values: list[Any] = list(operands[lead:])
        axes = list(dims[lead:])
        states = [*range(consts, consts + carry), *range(front, front + cot)]
        for i in range(consts, len(values)):
            if axes[i] is not None and i not in states:
                axis = batch_axis(back.in_types[i])
                values[i], axes[i] = placed(values[i], axes[i], 1 + axis, size, trace), axis
        for i in states:
            axes[i] = None if axes[i] is None else 0
        stepped, _ = carried_batch(step, size, axes[:front], consts, carry)
        axes, flags = carried_batch(back, size, [*stepped, *axes[front:]], front, cot)
        for i in states:
            if axes[i] is not None:
                values[i] = placed(values[i], dims[lead + i], 0, size, trace)
        places = [None if not flag else 0 if i < cot else batch_axis(t)
                  for i, (t, flag) in enumerate(zip(back.out_types, flags, strict=True))]
        batched = batch(back, size, axes, places)
        outs = record(
            self, [*operands[:lead], *values],
            step=batch(step, size, stepped, stepped[consts : consts + carry]), back=batched, sizes=sizes,
            length=length, reverse=reverse, checkpoint=checkpoint,
            stacked=tuple(t.strong for t in batched.out_types[cot:]))
        return outs, [p if p is None or i < cot else p + 1 for i, p in enumerate(places)]


def _with_all_states(
    types: Sequence[ArrayType], *, step: Program, back: Program, sizes: tuple[int, ...],
    length: int | None, reverse: bool, checkpoint: Schedule, stacked: tuple[ArrayType, ...],
) -> Program:
    """The same as two scans: one that stacks all states, and one that goes back over them."""
    consts, carry, _, sums, cts, _ = sizes
    scan = PRIMITIVES["scan"]  # which is defined in terms of this module
    trace = Trace(Kind.BUILD, purpose="transpose")
    values = [trace.input(t) for t in types]
    lead = values[: int(length is None)]
    rest = values[len(lead):]
    groups: list[list[Any]] = []
    for size in sizes:
        groups.append(rest[:size])
        rest = rest[size:]
    fixed, first, elements, totals, given, stack = groups
    inner = Trace(Kind.BUILD, purpose="transpose")
    inputs = [inner.input(t) for t in step.in_types]
    outs = inline(inner, step, inputs)
    noting = build(inner, [*outs, *inputs[consts : consts + carry]])
    common = {"length": length, "checkpoint": None}
    found = bind(scan, [*lead, *fixed, *first, *elements],
                 Params(body=noting, consts=consts, carry=carry, reverse=reverse, **common))
    states = found[carry:]
    # constants, state, elements, sums, cts, stack -> constants, sums, cts, state, elements, stack
    at = np.cumsum([0, *sizes])
    order = [*range(at[0], at[1]), *range(at[3], at[5]), *range(at[1], at[3]), *range(at[5], at[6])]
    results = bind(scan, [*lead, *fixed, *totals, *given, *states, *elements, *stack],
                   Params(body=arranged(back, order), consts=consts, carry=sums + cts,
                          reverse=not reverse, **common))
    return build(trace, results)


def pulled_back(
    operands: Sequence[Any], ct: Sequence[Any], body: Program, consts: int, carry: int,
    length: int | None, reverse: bool, checkpoint: Schedule,
) -> tuple[Any, ...]:
    """The cotangents of a scan's operands; those that are None are linear."""
    lead = int(length is None)
    inner = operands[lead:]
    linear = [x is None for x in inner]
    roots = [v for v, flag in zip(body.inputs, linear, strict=True) if flag]
    end = consts + carry
    while True:  # what is carried is linear as soon as it depends on what is
        late = separated(body, roots)[2]
        more = [v for v, out in zip(body.inputs[consts:end], body.outputs, strict=False)
                if out in late and v not in roots]
        if not more:
            break
        roots += more
    linear = [v in roots for v in body.inputs]
    known, lin = flagged(linear, False), flagged(linear)
    kept = [i for i in known if consts <= i < end]
    step = known_part(body, linear, [i >= carry or linear[consts + i] for i in range(len(body.outputs))])
    outs = [i for i, a in enumerate(body.outputs) if a in late or (i < carry and linear[consts + i])]
    moving = [i for i in outs if i < carry]
    given = [i for i in outs if i >= carry and ct[i] is not None]
    pulled = transpose(arranged(body, range(len(body.inputs)), [*moving, *given]), linear)
    sums = [i for i in lin if i < consts]
    back = _back(pulled, known, lin, sums, moving, consts, end)
    trace = trace_of([c for c in ct if c is not None])
    types = body.in_types
    starts = instantiated([None] * len(sums), [types[i] for i in sums], trace)
    cts = instantiated([ct[i] for i in moving], [body.out_types[i] for i in moving], trace)
    fixed = [i for i in known if i < consts]
    elements = [i for i in known if i >= end]
    sizes = (len(fixed), len(kept), len(elements), len(sums), len(moving), len(given))
    values = [*(inner[i] for i in (*fixed, *kept, *elements)), *starts, *cts, *(ct[i] for i in given)]
    found = record(
        backwards, [*operands[:lead], *values], step=step, back=back, sizes=sizes, length=length,
        reverse=reverse, checkpoint=checkpoint,
        stacked=tuple(t.strong for t in back.out_types[len(sums) + len(moving):]))
    results: dict[int, Any] = dict(zip(sums, found, strict=False))
    results.update(zip([consts + i for i in moving], found[len(sums):], strict=False))
    results.update(zip([i for i in lin if i >= end], found[len(sums) + len(moving):], strict=True))
    return (*[None] * lead, *(results.get(i) for i in range(len(inner))))


def _back(
    pulled: Program, known: list[int], lin: list[int], sums: list[int], moving: list[int], consts: int,
    end: int,
) -> Program:
    """One step of the backward pass, with sums; see `Backwards`."""
    trace = Trace(Kind.BUILD, purpose="transpose")
    types = pulled.in_types
    count = len(known)
    values = [trace.input(t) for t in types[:count]]
    totals = [trace.input(pulled.out_types[lin.index(i)]) for i in sums]
    cts = [trace.input(t) for t in types[count:]]
    outs = dict(zip(lin, inline(trace, pulled, [*values, *cts]), strict=True))
    added = [operations.add(t, outs[i]) for t, i in zip(totals, sums, strict=True)]
    return build(trace, [*added, *(outs[consts + i] for i in moving), *(outs[i] for i in lin if i >= end)])


# -- running ------------------------------------------------------------------------------------------


@kernel
def run_backwards(
    steps: Any, step: Callable[..., Any], back: Callable[..., Any], sizes: tuple[int, ...], reverse: bool,
    checkpoint: int | str, dynamic: bool, stacked: list[Any], operands: tuple[Any, ...],
) -> tuple[Any, ...]:
    """Go back over a loop, from a few of its states."""
    steps = int(steps)
    consts, carry, xs, sums, cts, _ = sizes
    fixed, rest = operands[:consts], operands[consts:]
    state, rest = tuple(rest[:carry]), rest[carry:]
    elements, rest = rest[:xs], rest[xs:]
    moving = [tuple(rest[: sums + cts])]
    given = rest[sums + cts :]
    left: list[Any] = [[None] * steps if dynamic else np.empty((steps, *shape), dtype)
                       for shape, dtype in stacked]

    def forward(k: int, state: Any) -> Any:
        at = steps - 1 - k if reverse else k
        return step(*fixed, *state, *[x[at] for x in elements])

    def backward(k: int, state: Any) -> None:
        at = steps - 1 - k if reverse else k
        outs = back(*fixed, *state, *[x[at] for x in elements], *moving[0], *[c[at] for c in given])
        moving[0] = outs[: sums + cts]
        for kept, value in zip(left, outs[sums + cts :], strict=True):
            kept[at] = value

    if checkpoint == "binomial":
        go_back_binomially(steps, default_snapshots(steps), state, forward, backward)
    elif steps:
        parts = math.isqrt(steps - 1) + 1 if checkpoint == "sqrt" else int(checkpoint)
        go_back_in_segments(steps, -(-steps // max(1, min(parts, steps))), state, forward, backward)
    outs = [Stack((UNKNOWN, *shape), dtype, kept) if dynamic else kept
            for kept, (shape, dtype) in zip(left, stacked, strict=True)]
    return (*moving[0], *outs)


@kernel
def go_back_in_segments(
    steps: int, length: int, state: Any, forward: Callable[..., Any], backward: Callable[..., Any]
) -> None:
    """Keep the first state of each segment, then all states of one segment at a time."""
    starts = []
    for first in range(0, steps, length):
        starts.append(state)
        if first + length < steps:
            for k in range(first, first + length):
                state = forward(k, state)
    for first in reversed(range(0, steps, length)):
        states = [starts.pop()]
        for k in range(first, min(first + length, steps) - 1):
            states.append(forward(k, states[-1]))
        while states:
            backward(first + len(states) - 1, states.pop())


@kernel
def go_back_binomially(
    steps: int, snapshots: int, state: Any, forward: Callable[..., Any], backward: Callable[..., Any]
) -> None:
    """Keep so many states beside the first, chosen such that the fewest steps are repeated."""
    pending = [(0, steps, snapshots, state)]
    while pending:
        first, last, free, state = pending.pop()
        if last <= first:
            continue
        if last - first == 1:
            backward(first, state)
            continue
        middle = first + binomial_split(last - first, free)
        later = state
        for k in range(first, middle):
            later = forward(k, later)
        pending.append((first, middle, free, state))
        pending.append((middle, last, free - 1 if free else 0, later))


@kernel
def binomial_split(steps: int, snapshots: int) -> int:
    """How many steps to go before the next state is kept; all but one where none can be."""
    if snapshots <= 0:
        return steps - 1
    kept = snapshots + 1  # the state to start from is kept as well
    repeats = 1
    while math.comb(kept + repeats, kept) < steps:
        repeats += 1
    within = math.comb(kept + repeats - 2, kept) if repeats > 1 else 0
    beyond = math.comb(kept - 1 + repeats, kept - 1)
    return min(max(1, within, steps - beyond), steps - 1)


@kernel
def default_snapshots(steps: int) -> int:
    """How many states "binomial" keeps of a loop of so many steps: about 2 log2(steps)."""
    return max(1, math.ceil(2 * math.log2(steps))) if steps > 1 else 1


def binomial_steps(steps: int, snapshots: int | None = None) -> int:
    """How many steps of a loop the backward pass computes again under "binomial".

    Args:
        steps: the length of the loop.
        snapshots: how many states are kept beside the first; by default as many as "binomial" keeps.

    It is the least number there can be (Griewank and Walther 2000): r n - C(c + r, r - 1), for c states with
    the first and the smallest r with C(c + r, c) >= n.

    >>> from fxad.primitives.reversal import binomial_steps
    >>> binomial_steps(10_000) / 10_000
    3.504
    """
    count = [0]

    def forward(k: int, state: Any) -> None:
        count[0] += 1

    kept = default_snapshots(steps) if snapshots is None else snapshots
    go_back_binomially(steps, kept, None, forward, lambda k, state: None)
    return count[0]


def _examples() -> list[Sample]:
    step = example(lambda c, v: [v * c], (2,), (2,))
    back = example(lambda c, v, total, ct: [total + v * ct, ct * c], (2,), (2,), (2,), (2,))
    values = [normal(2), normal(2), normal(2), normal(2)]
    return [sample(*values, step=step, back=back, sizes=(1, 1, 0, 1, 1, 0), length=5, reverse=False,
                   checkpoint=c, stacked=(), dtypes="d") for c in (2, "sqrt", "binomial")]


backwards = Backwards("backwards", _examples)
