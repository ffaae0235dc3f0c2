"""Vectorisation: `batch : (a -> b) -> ([a] -> [b])`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.config import config
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.ir.verify import verify
from fxad.tracing import Kind, Trace, Tracer
from fxad.tracing.operations import operations
from fxad.transforms.inline import Environment, build, replay

__all__ = ["batch", "batch_values", "batched_outputs", "batched_type"]


def batch(
    program: Program,
    size: int,
    in_axes: Sequence[int | None] | None = None,
    out_axes: Sequence[int | None] | None = None,
) -> Program:
    """(a -> b) -> ([a] -> [b]): the Program over a whole batch at once.

    Args:
        program: what is done to one element.
        size: the number of elements in the batch.
        in_axes: for each input the position of its batch axis, or None when all elements share it;
            0 for all when left out.
        out_axes: where each output's batch axis goes (0 when left out), or None for an output that
            is the same for all elements.

    Raises:
        ValueError: `out_axes` is None for an output that depends on a batched input.

    >>> import numpy as np, fxad
    >>> double = fxad.make_ir(lambda x: x + x)(1.0)
    >>> fxad.transforms.batch(double, 3)(np.arange(3.0))
    array([0., 2., 4.])
    """
    ins = [0] * len(program.inputs) if in_axes is None else list(in_axes)
    outs = [0] * len(program.outputs) if out_axes is None else list(out_axes)
    trace = Trace(Kind.BUILD, purpose="vmap", names=[v.name or "" for v in program.inputs])
    values = []
    dims: list[int | None] = []
    for var, axis in zip(program.inputs, ins, strict=True):
        type = batched_type(var.type, axis, size)
        values.append(trace.input(type))
        dims.append(None if axis is None else axis % type.ndim)
    results, result_dims = batch_values(trace, program, size, values, dims)
    placed = [
        _place(trace, value, dim, axis, atom.type, size)
        for value, dim, axis, atom in zip(results, result_dims, outs, program.outputs, strict=True)
    ]
    made = build(trace, placed)
    return verify(made) if config.verify else made


def batched_outputs(program: Program, size: int, in_axes: Sequence[int | None]) -> list[bool]:
    """Which outputs differ between the elements of the batch."""
    trace = Trace(Kind.BUILD, purpose="vmap")
    values = [trace.input(batched_type(t, a, size)) for t, a in zip(program.in_types, in_axes, strict=True)]
    dims = [None if a is None else a % v.ndim for a, v in zip(in_axes, values, strict=True)]
    _, found = batch_values(trace, program, size, values, dims)
    trace.end()
    return [d is not None for d in found]


def batched_type(type: ArrayType, axis: int | None, size: int) -> ArrayType:
    """The type of a whole batch of values of `type`."""
    if axis is None:
        return type
    position = axis % (type.ndim + 1)
    return ArrayType((*type.shape[:position], size, *type.shape[position:]), type.dtype)


def batch_values(
    trace: Trace,
    program: Program,
    size: int,
    values: Sequence[Any],
    dims: Sequence[int | None],
) -> tuple[list[Any], list[int | None]]:
    """Record the batched Program in `trace`; gives the results and where their batch axes are."""
    env = Environment(zip(program.inputs, values, strict=True))
    where: dict[Any, int | None] = dict(zip(program.inputs, dims, strict=True))
    for eqn in program.equations:
        trace.source = eqn.source
        ins = [env.read(a) for a in eqn.inputs]
        in_dims = [where.get(a) for a in eqn.inputs]
        if all(d is None for d in in_dims):
            env.write(eqn, replay(trace, eqn, ins))
            continue
        out, dim = eqn.primitive.batch(size, ins, in_dims, **eqn.params)
        env.write(eqn, out)
        if eqn.primitive.multiple:
            where.update(zip(eqn.outputs, dim, strict=True))
        else:
            where[eqn.outputs[0]] = dim
    trace.source = None
    return [env.read(a) for a in program.outputs], [where.get(a) for a in program.outputs]


def _place(
    trace: Trace, value: Any, dim: int | None, axis: int | None, type: ArrayType, size: int
) -> Any:
    if axis is None:
        if dim is not None:
            raise ValueError("out_axes is None for an output that differs between the elements")
        return value
    position = axis % (type.ndim + 1)
    if dim is not None:
        return value if dim == position else operations.move_axis(value, dim, position)
    if type.ndim == 0 and not isinstance(value, Tracer):
        return operations.full(trace, ArrayType((size,), type.dtype), value)
    shape = (*type.shape[:position], size, *type.shape[position:])
    axes = tuple(i for i in range(len(shape)) if i != position)
    return operations.broadcast(value, shape, axes)
