"""Writing into an array by index, as a pure function: what `x[i] = v` and `x.at[i].add(v)` mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.program import Params
from fxad.ir.types import ArrayType, type_of
from fxad.primitives.arithmetic import equal, remainder
from fxad.primitives.creation import full_like, iota_like
from fxad.primitives.cumulative import linear_recurrence, shift
from fxad.primitives.families import NonDifferentiable, Operation
from fxad.primitives.index_form import Resolved, block_shape, resolve
from fxad.primitives.indexing import (
    batch_updates, block_position, check_indices, gather, gather_text, gathered_shape, move_block,
    place_block, scatter_sum,
)
from fxad.primitives.samples import exactly, integers, normal, positive, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import assign, filled, pad_with, region_shape, slice_, spread, whole
from fxad.primitives.structural import broadcast, convert, convert_to, reshape
from fxad.source import Source
from fxad.tracing import Trace, Tracer, bind_in, innermost
from fxad.tracing.operations import operations

__all__ = ["Target", "scatter", "set_at"]

_KERNELS = {"set": "set_at", "add": "add_at", "multiply": "multiply_at", "min": "minimum_at",
            "max": "maximum_at"}


class Scatter(Operation):
    """`x` with the updates `v` written where the index arrays say: an indexed assignment.

    `op` is "set", "add", "multiply", "min" or "max". An element that is indexed several times takes all
    its updates, one after the other; of "set" the last one stays, and it alone gets the derivative.
    `distinct` promises that there is no such element.
    """

    linear = (0, 1)

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
            if not distinct:
                dv = dv * other_updates(v, indices, x.shape, axes)
        elif op in ("min", "max"):
            # Everything that ties for the place shares its derivative.
            last = gather(out, *indices, **params)
            stays, wins = equal(x, out), equal(v, last)
            ones = convert_to(wins, out.dtype)
            ties = convert_to(stays, out.dtype) + scatter_sum(ones, *indices, shape=x.shape, **params)
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
            zeros = full_like(ct, 0, v.shape)
            ct_x = self(ct, zeros, *indices, op=op, **params) if op == "set" else ct
        if isinstance(v, Unknown):
            ct_v = gather(ct, *indices, **params)
            if op == "set" and not distinct:
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


@kernel
def set_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of `x` with `v` at `index`; of several for one place the last."""
    out = np.array(x)
    out[index] = v
    return out


@kernel
def add_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of `x` with `v` added at `index`."""
    out = np.array(x)
    np.add.at(out, index, v)
    return out


@kernel
def multiply_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of `x` multiplied by `v` at `index`."""
    out = np.array(x)
    np.multiply.at(out, index, v)
    return out


@kernel
def minimum_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of `x` with the smaller of `x` and `v` at `index`."""
    out = np.array(x)
    np.minimum.at(out, index, v)
    return out


@kernel
def maximum_at(x: Any, index: Any, v: Any) -> Any:
    """A copy of `x` with the greater of `x` and `v` at `index`."""
    out = np.array(x)
    np.maximum.at(out, index, v)
    return out


def stayed(
    like: Any, shape: tuple[int, ...], indices: Sequence[Any], axes: tuple[int, ...],
    wanted: tuple[int, ...],
) -> Any:
    """Which updates of a "set" stay: every one writes its number, and sees whether it is still there."""
    block = block_shape(indices)
    sizes = tuple(shape[a] for a in axes)
    numbers = reshape(iota_like(like, (math.prod(block),), 0), shape=block)
    board = full_like(like, 0, sizes, np.int64)
    every = tuple(range(len(axes)))
    written = scatter(board, numbers, *indices, axes=every, op="set")
    mask = equal(gather(written, *indices, axes=every), numbers)
    at = block_position(axes)
    return operations.broadcast(mask, wanted, tuple(range(at, at + len(block))))


class IndexOrder(NonDifferentiable):
    """The order that sorts the last axis of integers; equal ones stay in their order."""

    def infer(self, x: ArrayType) -> ArrayType:
        return ArrayType(x.shape, np.dtype(np.int64))

    def emit(self, x: Code) -> str:
        return f"np.argsort({x}, kind='stable')"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None]
    ) -> tuple[Any, Any]:
        return self(spread(size, operands[0], dims[0], operands[0])), 0


def other_updates(
    v: Any, indices: Sequence[Any], shape: tuple[int, ...], axes: tuple[int, ...]
) -> Any:
    """For each update the product of all others of the same element; right also where some are zero.

    In the order of the elements they write to, it is the running product of those before in the same
    element, times that of those after.
    """
    block = block_shape(indices)
    count, rank, at = math.prod(block), len(block), block_position(axes)
    element: Any = 0
    for i, a in zip(indices, axes, strict=True):
        element = element * shape[a] + remainder(convert_to(i, np.int64), shape[a])
    front = move_block(v, 0, at, 0, rank)
    order = index_order(reshape(element, shape=(count,)))
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
    others = scatter_sum(products[0] * products[1], order, shape=line.shape, axes=(0,), distinct=True)
    return move_block(reshape(others, shape=front.shape), 0, 0, at, rank)


_rows = exactly([0, 2, 2, -1])
index_order = IndexOrder("index_order", samples=[sample(integers(0, 3, 6), smooth=False),
                                                 sample(integers(0, 3, 2, 6), smooth=False)])
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
        sample(normal(3), normal(2), exactly([2, 0]), axes=(0,), op=op, distinct=True),
        sample(normal(3), normal(0), exactly(np.zeros(0, np.intp)), axes=(0,), op=op),
    )
] + [
    # Zeros among the factors of one element, and ties.
    sample(positive(3), exactly([0.0, 0.0, 3.0, 0.0, 2.0]), exactly([0, 1, 1, 2, 2]), axes=(0,),
           op="multiply"),
    sample(exactly([1.0, 2.0, 2.0]), exactly([1.0, 3.0, 2.0, 3.0]), exactly([0, 1, 2, 1]), axes=(0,),
           op="max", smooth=False),
])

# -- writing by any index -----------------------------------------------------------------------------


class Target:
    """The place in `x` that an index means: what is there, and `x` with something else there.

    With `drop`, an index array that holds the size of its axis means a place outside, which is not
    written to.
    """

    def __init__(self, x: Any, form: Resolved, *, drop: bool = False) -> None:
        self.x = x
        self.form = form
        self.base = x if form.shape == x.shape else reshape(x, shape=form.shape)
        self.region = self.base if form.whole else slice_(self.base, index=form.region)
        self.inside = self.region.shape
        if drop and form.arrays:
            none = [0] * len(self.inside)
            self.region = pad_with(self.region, none, [int(a in form.axes) for a in range(len(none))])

    def read(self) -> Any:
        """What is there."""
        form = self.form
        if not form.arrays:
            return self.region
        out = gather(self.region, *form.arrays, axes=form.axes, distinct=form.distinct)
        return place_block(out, form)

    def write(self, v: Any, op: str = "set") -> Any:
        """`x` with `v` there, combined with what is there by `op`; `v` is of the place's type."""
        form = self.form
        if form.arrays:
            v = place_block(v, form, back=True)
            return self.finish(scatter(self.region, v, *form.arrays, axes=form.axes, op=op,
                                       distinct=form.distinct))
        return self.finish(combined(self.region, v, op))

    def finish(self, region: Any) -> Any:
        """`x` with another region."""
        if region.shape != self.inside:
            region = slice_(region, index=tuple(map(whole, self.inside)))
        out = region
        if not self.form.whole:
            out = assign(self.base, region, index=self.form.region)
        return out if self.form.shape == self.x.shape else reshape(out, shape=self.x.shape)


def combined(x: Any, v: Any, op: str) -> Any:
    """`x` and `v`, of one type, combined elementwise by a scatter's `op`."""
    if op == "set":
        return v
    if op == "add":
        return x + v
    if op == "multiply":
        return x * v
    shape = (1, *x.shape)
    index = np.zeros(1, np.intp)
    out = scatter(reshape(x, shape=shape), reshape(v, shape=shape), index, axes=(0,), op=op,
                  distinct=True)
    return reshape(out, shape=x.shape)
