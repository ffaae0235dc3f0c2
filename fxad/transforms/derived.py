"""Programs of the derivatives that users ask for, put together from the transforms.

Each takes a Program `(a, captures) -> (b, aux)`, where the first `count` inputs are differentiated and
the first `main` outputs are; the others pass through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fxad.ir.analysis import dce, has_effects
from fxad.ir.program import Program
from fxad.tracing import Kind, Trace
from fxad.tracing.operations import operations
from fxad.transforms.batch import batch
from fxad.transforms.inline import build, inline
from fxad.transforms.split import linearize
from fxad.transforms.transpose import transpose

__all__ = ["jacobian_forward", "jacobian_reverse", "linear_pair", "pullback_pair", "value_and_grad"]


def linear_pair(program: Program, count: int, main: int) -> tuple[Program, Program]:
    """(a -> b, aux) -> (a -> b, aux, residuals), (residuals, Ta -o Tb)."""
    active = [i < count for i in range(len(program.inputs))]
    out_active = [i < main and t.inexact for i, t in enumerate(program.out_types)]
    return linearize(program, active, out_active)


def pullback_pair(program: Program, count: int, main: int) -> tuple[Program, Program]:
    """(a -> b, aux) -> (a -> b, aux, residuals), (residuals, Tb -o Ta)."""
    forward, linear = linear_pair(program, count, main)
    return forward, _transposed(linear, count)


def _transposed(linear: Program, count: int) -> Program:
    residuals = len(linear.inputs) - count
    return transpose(linear, [i >= residuals for i in range(len(linear.inputs))])


def value_and_grad(program: Program, count: int) -> Program:
    """(a -> R, aux) -> (a -> R, aux, Ta): one Program for the value and the gradient."""
    forward, backward = pullback_pair(program, count, 1)
    trace, inputs = _like(program, "grad")
    values = inline(trace, forward, inputs)
    outs, residuals = values[: len(program.outputs)], values[len(program.outputs) :]
    one = program.out_types[0].dtype.type(1)
    return dce(build(trace, [*outs, *inline(trace, backward, [*residuals, one])]))


def _like(program: Program, purpose: str) -> tuple[Trace, list[Any]]:
    trace = Trace(Kind.BUILD, purpose=purpose, names=[v.name or "" for v in program.inputs])
    return trace, [trace.input(v.type) for v in program.inputs]


def jacobian_forward(program: Program, count: int, main: int) -> Program:
    """(a -> b, aux) -> (a -> b, aux, J): J by columns, one directional derivative for each input element.

    J lists, for each main output, the derivative with respect to each of the `count` inputs, of shape
    output.shape + input.shape.
    """
    trace, inputs = _like(program, "jacfwd")
    outs: list[Any] = []
    columns: list[list[Any]] = []
    if any(map(has_effects, program.equations)):
        outs, columns = _columns_at_once(trace, program, inputs, count, main)
    for k in range(len(columns), count):
        type = program.in_types[k]
        active = [i == k for i in range(len(program.inputs))]
        out_active = [i < main for i in range(len(program.outputs))]
        forward, linear = linearize(program, active, out_active)
        values = inline(trace, forward, inputs)
        outs, residuals = values[: len(program.outputs)], values[len(program.outputs) :]
        columns.append(_over_basis(trace, linear, residuals, type, last=True))
    jacobian = [
        operations.reshape(columns[k][j], (*program.out_types[j].shape, *program.in_types[k].shape))
        if program.in_types[k].shape else columns[k][j]
        for j in range(main) for k in range(count)
    ]
    if not count:
        outs = inline(trace, program, inputs)
    return dce(build(trace, [*outs, *jacobian]))


def _columns_at_once(
    trace: Trace, program: Program, inputs: Sequence[Any], count: int, main: int
) -> tuple[list[Any], list[list[Any]]]:
    """The outputs, and J for each input in turn, with the value computed once: it has effects."""
    forward, linear = linear_pair(program, count, main)
    values = inline(trace, forward, inputs)
    outs, residuals = values[: len(program.outputs)], values[len(program.outputs) :]
    fixed = len(residuals)
    columns = []
    for k in range(count):
        part = Trace(Kind.BUILD, purpose="jacfwd")
        known = [part.input(t) for t in linear.in_types[:fixed]]
        moving = part.input(linear.in_types[fixed + k])
        zeros = [operations.full(part, t, 0) for t in linear.in_types[fixed:]]
        zeros[k] = moving
        alone = build(part, inline(part, linear, [*known, *zeros]))
        columns.append(_over_basis(trace, alone, residuals, program.in_types[k], last=True))
    return outs, columns


def jacobian_reverse(program: Program, count: int, main: int) -> Program:
    """(a -> b, aux) -> (a -> b, aux, J): J by rows, one pull-back for each output element.

    J is laid out as that of `jacobian_forward`.
    """
    trace, inputs = _like(program, "jacrev")
    forward, linear = linear_pair(program, count, main)
    values = inline(trace, forward, inputs)
    outs, residuals = values[: len(program.outputs)], values[len(program.outputs) :]
    jacobian: list[Any] = []
    for j in range(main):
        one = dce(Program(linear.inputs, linear.equations, linear.outputs[j : j + 1]))
        type = program.out_types[j]
        rows = _over_basis(trace, _transposed(one, count), residuals, type, last=False)
        jacobian += [
            operations.reshape(row, (*type.shape, *program.in_types[k].shape)) if type.shape else row
            for k, row in enumerate(rows)
        ]
    return dce(build(trace, [*outs, *jacobian]))


def _over_basis(
    trace: Trace, linear: Program, residuals: Sequence[Any], type: Any, *, last: bool
) -> list[Any]:
    """A linear Program applied to each standard basis vector of `type`, stacked on one axis."""
    if not type.shape:
        return inline(trace, linear, [*residuals, type.dtype.type(1)])
    n = math.prod(type.shape)
    basis = operations.reshape(operations.eye(trace, n, type.dtype), (n, *type.shape))
    axis = -1 if last else 0
    batched = batch(
        linear, n, [*([None] * len(residuals)), 0], [axis] * len(linear.outputs)
    )
    return inline(trace, batched, [*residuals, basis])
