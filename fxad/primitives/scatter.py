"""Writing where index arrays say, as a pure function: the primitive under `x[i] = v` and `x.at`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, remainder
from fxad.primitives.creation import full_like, iota_like
from fxad.primitives.cumulative import linear_recurrence, shift
from fxad.primitives.families import Operation
from fxad.primitives.index_form import block_shape
from fxad.primitives.indexing import (
    batch_updates,
    block_position,
    check_indices,
    gather,
    gather_text,
    gathered_shape,
    move_block,
    scatter_sum,
)
from fxad.primitives.samples import exactly, normal, points, positive, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import filled, shape_of, spread
from fxad.primitives.sorting import argsort
from fxad.primitives.structural import convert_to, reshape
from fxad.tracing.operations import operations

__all__ = ["scatter"]

#: The function that does each `op` in NumPy.
_KERNELS = {"set": "assigned", "add": "add_at", "multiply": "multiply_at", "min": "minimum_at",
            "max": "maximum_at"}


class Scatter(Operation):
    """`x` with the updates `v` written where the index arrays say: an indexed assignment.

    `op` is "set", "add", "multiply", "min" or "max". An element that is indexed several times takes
    all its updates, one after the other; of "set" the last one stays, and alone has a derivative.
    `distinct` promises that there is no such element.
    """

    linear = (0, 1)
    overwrites = True

    def infer(
        self, x: ArrayType, v: ArrayType, *indices: ArrayType, axes: tuple[int, ...], op: str,
        distinct: bool = False,
    ) -> ArrayType:
        check_indices(x.shape, axes, indices)
        wanted = gathered_shape(x.shape, axes, block_shape(indices))
        require(v.shape == wanted and (v.dtype == x.dtype or v.weak),
                f"updates {v} do not fit into {x}, where they are of shape {wanted}")
        return x.strong

    def emit(
        self, x: Code, v: Code, *indices: Code, axes: tuple[int, ...], op: str,
        distinct: bool = False,
    ) -> str:
        return f"{_KERNELS[op]}({x}, np.s_[{gather_text(x.type.shape, axes, indices)}], {v})"

    def emit_over(
        self, x: Code, v: Code, *indices: Code, axes: tuple[int, ...], op: str, distinct: bool = False,
    ) -> str:
        place = f"np.s_[{gather_text(x.type.shape, axes, indices)}]"
        return f"{_KERNELS[op]}({x}, {place}, {v}, over=True)"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axes: tuple[int, ...],
        op: str, distinct: bool = False,
    ) -> Any:
        x, v, *indices = primals
        dx, dv, *_ = tangents
        params: dict[str, Any] = {"axes": axes, "distinct": distinct}
        if op == "set":
            return self(*filled((x, v), (dx, dv)), *indices, op=op, **params)
        if op == "multiply":
            moved = None if dx is None else self(dx, v, *indices, op=op, **params)
            if dv is None:
                return moved
            dv = dv * gather(x, *indices, **params)
            if may_repeat(indices, distinct):
                dv = dv * other_updates(v, indices, x.shape, axes)
        elif op in ("min", "max"):
            # Everything that ties for the place shares its derivative.
            last = gather(out, *indices, **params)
            stays, wins = equal(x, out), equal(v, last)
            ones = convert_to(wins, out.dtype)
            ties = scatter_sum(ones, *indices, shape=x.shape, **params)
            ties = ties + convert_to(stays, out.dtype)
            moved = None if dx is None else where(stays, dx, 0) / ties
            if dv is None:
                return moved
            dv = where(wins, dv, 0) / gather(ties, *indices, **params)
        else:
            moved = dx
        if moved is not None and dv is not None:
            return self(moved, dv, *indices, op="add", **params)
        return moved if dv is None else scatter_sum(dv, *indices, shape=x.shape, **params)

    def transpose(
        self, ct: Any, x: Any, v: Any, *indices: Any, axes: tuple[int, ...], op: str,
        distinct: bool = False,
    ) -> Any:
        params: dict[str, Any] = {"axes": axes, "distinct": distinct}
        if op == "multiply":
            return self(ct, v, *indices, op=op, **params), None, *[None] * len(indices)
        ct_x = ct_v = None
        if isinstance(x, Unknown):
            zeros = full_like(ct, 0, shape_of(v))
            ct_x = self(ct, zeros, *indices, op=op, **params) if op == "set" else ct
        if isinstance(v, Unknown):
            ct_v = gather(ct, *indices, **params)
            if op == "set" and may_repeat(indices, distinct):
                ct_v = where(stayed(ct, x.shape, indices, axes, v.shape), ct_v, 0)
        return ct_x, ct_v, *[None] * len(indices)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...], op: str, distinct: bool = False,
    ) -> tuple[Any, Any]:
        (x, v, *indices), (dim, v_dim, *index_dims) = operands, dims
        like = next(o for o, d in zip(operands, dims, strict=True) if d is not None)
        x = spread(size, x, dim, like)
        v, indices, moved = batch_updates(size, v, v_dim, indices, index_dims, axes, x)
        return self(x, v, *indices, axes=moved, op=op, distinct=distinct), 0


def may_repeat(indices: Sequence[Any], distinct: bool) -> bool:
    """Whether one element may be indexed several times."""
    return not distinct and math.prod(block_shape(indices)) > 1


@kernel
def add_at(x: Any, index: Any, v: Any, over: bool = False) -> Any:
    """A copy of `x`, or `x` itself, with `v` added at `index`."""
    out = x if over else np.array(x)
    np.add.at(out, index, v)
    return out


@kernel
def multiply_at(x: Any, index: Any, v: Any, over: bool = False) -> Any:
    """A copy of `x`, or `x` itself, multiplied by `v` at `index`."""
    out = x if over else np.array(x)
    np.multiply.at(out, index, v)
    return out


@kernel
def minimum_at(x: Any, index: Any, v: Any, over: bool = False) -> Any:
    """A copy of `x`, or `x` itself, with the smaller of `x` and `v` at `index`."""
    out = x if over else np.array(x)
    np.minimum.at(out, index, v)
    return out


@kernel
def maximum_at(x: Any, index: Any, v: Any, over: bool = False) -> Any:
    """A copy of `x`, or `x` itself, with the greater of `x` and `v` at `index`."""
    out = x if over else np.array(x)
    np.maximum.at(out, index, v)
    return out


def stayed(
    like: Any, shape: tuple[int, ...], indices: Sequence[Any], axes: tuple[int, ...],
    wanted: tuple[int, ...],
) -> Any:
    """Which updates of a "set" stay: each writes its number, and sees whether it is still there."""
    block = block_shape(indices)
    sizes = tuple(shape[a] for a in axes)
    numbers = reshape(iota_like(like, (math.prod(block),), 0), shape=block)
    board = full_like(like, 0, sizes, np.int64)
    every = tuple(range(len(axes)))
    written = scatter(board, numbers, *indices, axes=every, op="set")
    mask = equal(gather(written, *indices, axes=every), numbers)
    at = block_position(axes)
    return operations.broadcast(mask, wanted, tuple(range(at, at + len(block))))


def other_updates(
    v: Any, indices: Sequence[Any], shape: tuple[int, ...], axes: tuple[int, ...]
) -> Any:
    """For each update the product of all others of its element; right also where some are zero.

    In the order of the elements they write to, it is the running product of those before in the
    same element, times that of those after.
    """
    block = block_shape(indices)
    count, rank, at = math.prod(block), len(block), block_position(axes)
    element: Any = 0
    for i, a in zip(indices, axes, strict=True):
        element = element * shape[a] + remainder(convert_to(i, np.int64), shape[a])
    front = move_block(v, 0, at, 0, rank)
    order = argsort(reshape(element, shape=(count,)), axis=0)
    # Counted from 1, so that none equals the zero that comes before the first.
    group = gather(reshape(element, shape=(count,)), order, axes=(0,), distinct=True) + 1
    table = reshape(front, shape=(count, math.prod(v.shape) // max(count, 1)))
    line = gather(table, order, axes=(0,), distinct=True)
    products = []
    for reverse in (False, True):
        same = equal(group, shift(group, axis=0, reverse=reverse))
        same = operations.broadcast(same, line.shape, (0,))
        zeros, ones = full_like(line, 0), full_like(line, 1)
        factors = where(same, shift(line, axis=0, reverse=reverse), 0)
        starts = where(same, zeros, ones)
        products.append(linear_recurrence(factors, starts, axis=0, reverse=reverse))
    others = products[0] * products[1]
    others = scatter_sum(others, order, shape=line.shape, axes=(0,), distinct=True)
    return move_block(reshape(others, shape=front.shape), 0, 0, at, rank)


_rows = exactly([0, 2, 2, -1])
scatter = Scatter("scatter", samples=[
    case
    for op in _KERNELS
    for case in (
        sample(normal(3), normal(4), _rows, axes=(0,), op=op,
               dtypes="fc" if op in ("set", "add", "multiply") else "f"),
        sample(normal(3, 2, 4), normal(4, 2), _rows, exactly([1, 0, 0, 3]), axes=(0, 2), op=op),
        sample(normal(2, 3, 3, 2), normal(2, 2, 3, 2), exactly([[0], [1]]), exactly([[0, 2, 2]]),
               axes=(1, 2), op=op),
        sample(normal(2, 3), normal(2), exactly(-1), axes=(1,), op=op, distinct=True),
        sample(normal(3), normal(), exactly(1), axes=(0,), op=op, distinct=True),
        sample(normal(3), normal(2), exactly([2, 0]), axes=(0,), op=op, distinct=True),
        sample(normal(3), normal(0), exactly(np.zeros(0, np.intp)), axes=(0,), op=op),
    )
] + [
    # Zeros among the factors of one element, and ties.
    sample(positive(3), points(0.0, 0.0, 3.0, 0.0, 2.0), exactly([0, 1, 1, 2, 2]), axes=(0,),
           op="multiply"),
    sample(points(1.0, 2.0, 2.0), points(1.0, 3.0, 2.0, 3.0), exactly([0, 1, 2, 1]), axes=(0,),
           op="max", smooth=False),
])
