"""Branches: one of several Programs, chosen by a number at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.analysis import dce, has_effects
from fxad.ir.primitive import Separated, Unknown, require
from fxad.ir.program import Atom, Equation, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.masked_effects import has_any, where_true
from fxad.primitives.samples import Sample, booleans, exactly, normal, sample
from fxad.primitives.stacks import batch_axis, no_stack
from fxad.primitives.structured import (
    Structured,
    arranged,
    check_operands,
    example,
    flagged,
    record,
    trace_of,
    used_inputs,
    witnessed,
)
from fxad.tracing import Kind, Trace
from fxad.tracing.operations import operations
from fxad.transforms.batch import batch, batched_outputs
from fxad.transforms.inline import build, inline
from fxad.transforms.jvp import jvp, moving_outputs
from fxad.transforms.split import separated, split
from fxad.transforms.transpose import transpose

__all__ = ["cond"]


class Cond(Structured):
    """`branches[which](*operands)`; `which` is an integer in range, or a boolean.

    All branches take the same operands and give values of the same types.
    """

    def infer(self, which: ArrayType, *operands: ArrayType, branches: tuple[Program, ...]) -> Any:
        require(which.shape == () and which.dtype.kind in "biu", f"cond: a choice by {which}")
        for branch in branches:
            check_operands("cond", branch, operands)
        types = [tuple(t.strong for t in branch.out_types) for branch in branches]
        require(all(t == types[0] for t in types), f"cond: branches that give {types}")
        return types[0]

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, branches: tuple[Program, ...]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        active = [t is not None for t in tangents[1:]]
        moving = _any(moving_outputs(b, active) for b in branches)
        pushed = tuple(jvp(b, active, moving) for b in branches)
        moved = [t for t in tangents[1:] if t is not None]
        outs = record(self, [*primals, *moved], branches=pushed)
        count = len(moving)
        found = iter(outs[count:])
        return outs[:count], [next(found) if flag else None for flag in moving]

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated | None:
        if late[0]:
            return None
        branches: tuple[Program, ...] = eqn.params["branches"]
        flags = list(late[1:])
        waits = _any(_late_outputs(b, flags) for b in branches)
        ins = [*flagged(flags, False), *flagged(flags)]
        outs = [*flagged(waits, False), *flagged(waits)]
        known, known_outs = flags.count(False), waits.count(False)
        halves = [split(arranged(b, ins, outs), known, known_outs) for b in branches]
        operands = [eqn.inputs[1 + i] for i in ins]
        firsts, seconds, slots, direct = _shared_residuals(halves, known, known_outs)
        early = [eqn.outputs[i] for i in outs[:known_outs]]
        kept = tuple(Var(t) for t in slots)
        index = eqn.inputs[0]
        first = Equation(
            self, (index, *operands[:known]), Params(branches=firsts), (*early, *kept), eqn.source)
        waiting = tuple(eqn.outputs[i] for i in outs[known_outs:])
        given: tuple[Atom, ...] = (index, *kept, *(operands[i] for i in direct), *operands[known:])
        second = Equation(self, given, Params(branches=seconds), waiting, eqn.source)
        if not first.outputs and has_effects(first):
            first = Equation(self, first.inputs, Params(branches=tuple(map(witnessed, firsts))),
                             (Var(ArrayType((), np.int64)),), eqn.source)
        return Separated([first] if first.outputs else [], [second], list(waiting))

    def transpose(self, ct: Any, *operands: Any, branches: tuple[Program, ...]) -> Any:
        linear = [isinstance(x, Unknown) for x in operands[1:]]
        given = [i for i, c in enumerate(ct) if c is not None]
        every = range(len(linear))
        pulled = tuple(transpose(arranged(b, every, given), linear) for b in branches)
        known = [x for x, flag in zip(operands[1:], linear, strict=True) if not flag]
        outs = iter(record(self, [operands[0], *known, *(ct[i] for i in given)], branches=pulled))
        return (None, *(next(outs) if flag else None for flag in linear))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        branches: tuple[Program, ...],
    ) -> tuple[Any, Any]:
        axes = list(dims[1:])
        types = branches[0].out_types
        if dims[0] is not None:
            return self._choose(size, operands, axes, branches)
        flags = _any(batched_outputs(b, size, axes) for b in branches)
        places = [batch_axis(t) if flag else None for t, flag in zip(types, flags, strict=True)]
        batched = tuple(batch(_fillers(b, size, places), size, axes, _but_fillers(b, places))
                        for b in branches)
        return record(self, operands, branches=batched), places

    def _choose(
        self, size: int, operands: Sequence[Any], axes: list[int | None], branches: tuple[Program, ...]
    ) -> tuple[Any, Any]:
        """A choice that differs between the elements: all branches, and of each output one."""
        which = operands[0]
        trace = trace_of(operands)
        places = [batch_axis(t) for t in branches[0].out_types]
        every = []
        for k, b in enumerate(branches):
            filled, but = _fillers(b, size, places), _but_fillers(b, places)
            if has_any(b):
                flag: Any = k if which.dtype.kind in "iu" else bool(k)
                masked = batch(where_true(filled), size, [0, *axes], but)
                every.append(inline(trace, masked, [equal(which, flag), *operands[1:]]))
            else:
                every.append(inline(trace, batch(filled, size, axes, but), operands[1:]))
        outs = every.pop()
        for k in range(len(every) - 1, -1, -1):
            # The first branch is for False.
            mask = equal(which, k if which.dtype.kind in "iu" else False)
            for i, type in enumerate(branches[k].out_types):
                if type.is_stack:  # only one of the branches has a stack to give
                    outs[i] = outs[i] if _is_filler(branches[k], i) else every[k][i]
                    continue
                chosen = operations.broadcast(mask, (size, *type.shape), (0,)) if type.ndim else mask
                outs[i] = operations.where(chosen, every[k][i], outs[i])
        return tuple(outs), places

    def prune(self, eqn: Equation, used: Sequence[bool]) -> Equation:
        branches: tuple[Program, ...] = eqn.params["branches"]
        kept = flagged(used)
        every = range(len(eqn.inputs) - 1)
        thin = [dce(arranged(b, every, kept)) for b in branches]
        read = set().union(*({b.inputs.index(v) for v in used_inputs(b)} for b in thin))
        if len(kept) == len(used) and len(read) == len(every):
            return eqn
        ins = sorted(read)
        params = Params(branches=tuple(arranged(b, ins) for b in thin))
        inputs = (eqn.inputs[0], *(eqn.inputs[1 + i] for i in ins))
        return Equation(self, inputs, params, tuple(eqn.outputs[i] for i in kept), eqn.source)


def _any(rows: Any) -> list[bool]:
    return [any(flags) for flags in zip(*rows, strict=True)]


def _late_outputs(program: Program, late: Sequence[bool]) -> list[bool]:
    waiting = separated(program, [v for v, flag in zip(program.inputs, late, strict=True) if flag])[2]
    return [a in waiting for a in program.outputs]


def _shared_residuals(
    halves: Sequence[tuple[Program, Program]], known: int, known_outs: int
) -> tuple[tuple[Program, ...], tuple[Program, ...], list[ArrayType], list[int]]:
    """Split branches made to fit each other: what one leaves behind, the others leave empty.

    Residuals of one type share a slot; those that are operands are passed on themselves (`direct`).
    """
    residuals = [list(first.outputs[known_outs:]) for first, _ in halves]
    direct: list[int] = []
    slots: list[ArrayType] = []
    places: list[dict[Any, int]] = []
    for (first, _), left in zip(halves, residuals, strict=True):
        free = list(range(len(slots)))
        place: dict[Any, int] = {}
        for atom in left:
            if atom in first.inputs:
                i = first.inputs.index(atom)
                if i not in direct:
                    direct.append(i)
                continue
            # A stack is never chosen between by elements, so it has a slot of its own.
            fits = [s for s in free if slots[s] is atom.type.strong and not atom.type.is_stack]
            if fits:
                free.remove(fits[0])
            else:
                slots.append(atom.type.strong)
            place[atom] = fits[0] if fits else len(slots) - 1
        places.append(place)
    fillers = _zeros(slots)
    firsts, seconds = [], []
    for (first, second), left, place in zip(halves, residuals, places, strict=True):
        kept = list(fillers.outputs)
        inside = [Var(t) for t in slots]
        passed = {i: Var(first.inputs[i].type) for i in direct}
        for atom, var in zip(left, second.inputs, strict=False):
            if atom in place:
                kept[place[atom]] = atom
                inside[place[atom]] = var
            else:
                passed[first.inputs.index(atom)] = var
        equations = [*fillers.equations, *first.equations]
        firsts.append(dce(Program(first.inputs, equations, [*first.outputs[:known_outs], *kept])))
        late = second.inputs[len(left):]
        seconds.append(Program([*inside, *(passed[i] for i in direct), *late], second.equations,
                               second.outputs))
    return tuple(firsts), tuple(seconds), slots, direct


def _zeros(types: Sequence[ArrayType]) -> Program:
    trace = Trace(Kind.BUILD, purpose="cond")
    return build(trace, [operations.full(trace, t, 0) for t in types])


def _maker(program: Program, output: int) -> Equation | None:
    atom = program.outputs[output]
    return next((e for e in program.equations if atom in e.outputs), None)


def _is_filler(program: Program, output: int) -> bool:
    eqn = _maker(program, output)
    return eqn is not None and eqn.primitive is no_stack


def _fillers(program: Program, size: int, places: Sequence[int | None]) -> Program:
    """The branch with empty stacks of batched elements, where batched ones are wanted."""
    outputs: list[Atom] = list(program.outputs)
    equations = list(program.equations)
    for i, axis in enumerate(places):
        if axis is not None and _is_filler(program, i):
            type = outputs[i].type
            shape = (*type.shape[:axis], size, *type.shape[axis:])
            outputs[i] = empty = Var(ArrayType(shape, type.dtype))
            params = Params(shape=shape, dtype=type.dtype)
            equations.append(Equation(no_stack, (), params, (empty,)))
    return Program(program.inputs, equations, outputs)


def _but_fillers(program: Program, places: Sequence[int | None]) -> list[int | None]:
    return [None if _is_filler(program, i) else axis for i, axis in enumerate(places)]


def _examples() -> list[Sample]:
    branches = (example(lambda x, y: [x * y * y, -x], (3,), ()),
                example(lambda x, y: [x + 2.0 * y, x], (3,), ()),
                example(lambda x, y: [x / (x * x + 1.0), x * y], (3,), ()))
    return [sample(exactly(k), normal(3), normal(), branches=branches, dtypes="d") for k in range(3)] + [
        sample(booleans(), normal(3), normal(), branches=branches[:2], dtypes="d")]


cond = Cond("cond", _examples)
