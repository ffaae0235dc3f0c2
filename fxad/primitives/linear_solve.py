"""Solutions of linear systems whose matrix is known only as a function, found by a function of the user's.

`matvec(x) = b` is solved for x. The derivative of a solution is another one, of `A dx = db - dA x`, and so is
its transpose, of `A' w = ct`: derivatives of any order take solutions alone, and never go through the solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.errors import MissingRule, explain
from fxad.ir.primitive import Unknown, require
from fxad.ir.program import Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import sub
from fxad.primitives.custom import in_front, places
from fxad.primitives.samples import Sample, normal, sample
from fxad.primitives.structured import (
    Structured,
    check_operands,
    example,
    instantiated,
    placed,
    record,
    trace_of,
)
from fxad.source import Source
from fxad.transforms.batch import batch, batched_outputs
from fxad.transforms.inline import inline
from fxad.transforms.jvp import jvp

__all__ = ["custom_linear_solve"]

_PARTS = ("matvec", "vecmat", "solve", "transpose_solve")


class CustomLinearSolve(Structured):
    """`x` with `matvec(x) = b`, by `solve(b)`, which may give more than x.

    The operands are what the four Programs close over, in the order of `matvec`, `vecmat` (its transpose),
    `solve` and `transpose_solve`, so many of each as `consts` says, and then b. What a Program closes over
    comes first in its inputs. `vecmat` and `transpose_solve` are None where there is no reverse mode.
    """

    def infer(
        self, *types: ArrayType, matvec: Program, vecmat: Program | None, solve: Program,
        transpose_solve: Program | None, consts: tuple[int, ...],
    ) -> Any:
        given, b = _parts(types, consts)
        for name, program, own in zip(_PARTS, (matvec, vecmat, solve, transpose_solve), given, strict=True):
            if program is not None:
                check_operands(f"{name} of custom_linear_solve", program, [*own, *b])
                outs = [t.strong for t in program.out_types[: len(b)]]
                require(outs == [t.strong for t in b],
                        f"custom_linear_solve: {name} gives {outs} for {list(b)}")
        return tuple(t.strong for t in solve.out_types)

    def expansion(self, *, solve: Program, consts: tuple[int, ...], **params: Any) -> Program:
        before, own, after = sum(consts[:2]), consts[2], consts[3]
        unread = [Var(ArrayType((), "f8")) for _ in range(before + after)]
        return Program([*unread[:before], *solve.inputs[:own], *unread[before:], *solve.inputs[own:]],
                       solve.equations, solve.outputs)

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, matvec: Program, consts: tuple[int, ...],
        **params: Any,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        trace = trace_of(primals, tangents)
        outs = record(self, primals, matvec=matvec, consts=consts, **params)
        own = consts[0]
        count = len(matvec.inputs) - own
        x = outs[:count]
        moved = tangents[:own]
        rhs: list[Any] = list(tangents[len(tangents) - count :])
        if any(t is not None for t in moved):
            active = [t is not None for t in (*moved, *[None] * count)]
            pushed = jvp(matvec, active, [True] * count)
            change = inline(trace, pushed, [*primals[:own], *x, *(t for t in moved if t is not None)])[count:]
            rhs = instantiated(rhs, matvec.in_types[own:], trace)
            rhs = [sub(b, a) for b, a in zip(rhs, change, strict=True)]
        none: list[Any] = [None] * (len(outs) - count)
        if all(t is None for t in rhs):
            return outs, [*[None] * count, *none]
        rhs = instantiated(rhs, matvec.in_types[own:], trace)
        found = record(self, [*primals[: len(primals) - count], *rhs], matvec=matvec, consts=consts, **params)
        return outs, [*found[:count], *none]

    def transpose(
        self, ct: Any, *operands: Any, matvec: Program, vecmat: Program | None, solve: Program,
        transpose_solve: Program | None, consts: tuple[int, ...],
    ) -> Any:
        given, b = _parts(operands, consts)
        if any(isinstance(x, Unknown) for own in given for x in own):
            raise self._missing("transpose", "it is linear in b alone")
        if vecmat is None or transpose_solve is None:
            raise MissingRule(explain(
                "reverse mode reached custom_linear_solve, which was given no transpose_solve.",
                source=Source.here(),
                fix="transpose_solve=..., which solves vecmat(x) = ct; or symmetric=True"))
        trace = trace_of([c for c in ct if c is not None])
        cts = instantiated(ct[: len(b)], matvec.in_types[consts[0] :], trace)
        swapped = [*given[1], *given[0], *given[3], *given[2]]
        outs = record(self, [*swapped, *cts], matvec=vecmat, vecmat=matvec, solve=transpose_solve,
                      transpose_solve=solve, consts=(consts[1], consts[0], consts[3], consts[2]))
        return (*[None] * sum(consts),
                *(out if isinstance(x, Unknown) else None for x, out in zip(b, outs, strict=False)))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, solve: Program,
        consts: tuple[int, ...], **params: Any,
    ) -> tuple[Any, Any]:
        trace = trace_of(operands)
        values, axes = in_front(size, operands, dims)
        given, b = _parts(axes, consts)
        first = len(values) - len(b)
        # Each element has a system of its own: all solutions are batched.
        values[first:] = [placed(x, a, 0, size, trace) for x, a in zip(values[first:], b, strict=True)]
        count = len(b)
        batched: dict[str, Program | None] = {}
        flags: list[bool] = []
        for name, own in zip(_PARTS, given, strict=True):
            program = solve if name == "solve" else params[name]
            if program is None:
                batched[name] = None
                continue
            ins = [*own, *[0] * count]
            found = [True] * count + batched_outputs(program, size, ins)[count:]
            batched[name] = batch(program, size, ins, places(found))
            flags = found if name == "solve" else flags
        return record(self, values, consts=consts, **batched), places(flags)


def _parts(values: Sequence[Any], consts: Sequence[int]) -> tuple[list[Sequence[Any]], Sequence[Any]]:
    """What each of the four Programs closes over, and the right hand side."""
    parts, at = [], 0
    for n in consts:
        parts.append(values[at : at + n])
        at += n
    return parts, values[at:]


def _examples() -> list[Sample]:
    # x - y / 2 = a, 2 y = b
    matvec = example(lambda x, y: [x - 0.5 * y, 2.0 * y], (3,), (3,))
    vecmat = example(lambda x, y: [x, 2.0 * y - 0.5 * x], (3,), (3,))
    solve = example(lambda a, b: [a + 0.25 * b, 0.5 * b, b > 0.0], (3,), (3,))
    back = example(lambda a, b: [a, 0.5 * b + 0.25 * a, b > 0.0], (3,), (3,))
    return [sample(normal(3), normal(3), matvec=matvec, vecmat=vecmat, solve=solve, transpose_solve=back,
                   consts=(0, 0, 0, 0), dtypes="d")]


custom_linear_solve = CustomLinearSolve("custom_linear_solve", _examples)
