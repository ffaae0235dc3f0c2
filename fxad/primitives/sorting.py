"""Sorting and searching along an axis, and taking elements by their positions along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.families import Linear, NonDifferentiable, Operation, to_front
from fxad.primitives.samples import exactly, integers, normal, points, sample
from fxad.tracing.operations import operations

__all__ = ["argsort", "put_along_add", "searchsorted", "sort", "take_along"]


class Sort(Operation):
    """`x` in ascending order along `axis`. The tangent is put in the same order."""

    def infer(self, x: ArrayType, *, axis: int) -> ArrayType:
        require(0 <= axis < x.ndim, f"axis {axis} of an array of shape {x.shape}")
        return x

    def emit(self, x: Code, *, axis: int) -> str:
        return f"np.sort({x}, {axis})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int) -> Any:
        return take_along(tangents[0], argsort(primals[0], axis=axis), axis=axis)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        return self(operands[0], axis=axis + (axis >= dim)), dim


class Argsort(NonDifferentiable):
    """The positions along `axis` that sort `x`; if `stable`, equal elements keep their order."""

    def infer(self, x: ArrayType, *, axis: int, stable: bool = True) -> ArrayType:
        require(0 <= axis < x.ndim, f"axis {axis} of an array of shape {x.shape}")
        return x.with_dtype(np.intp)

    def emit(self, x: Code, *, axis: int, stable: bool = True) -> str:
        return f'np.argsort({x}, {axis}, kind="stable")' if stable else f"np.argsort({x}, {axis})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int,
        **params: Any,
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        return self(operands[0], axis=axis + (axis >= dim), **params), dim


def _agree(x: ArrayType, indices: ArrayType, axis: int) -> None:
    """Along all other axes there are as many indices as elements."""
    require(0 <= axis < x.ndim, f"axis {axis} of an array of shape {x.shape}")
    require(indices.dtype.kind in "iu", f"indices of dtype {indices.dtype}",
            fix="indices.astype(int)")
    around = x.shape[:axis] + x.shape[axis + 1:]
    require(indices.ndim == x.ndim and around == indices.shape[:axis] + indices.shape[axis + 1:],
            f"indices of shape {indices.shape} along axis {axis} of shape {x.shape}")


def _together(size: int, operands: Sequence[Any], dims: Sequence[int | None]) -> list[Any]:
    """Both operands with the batch axis in front."""
    return [
        operations.broadcast(x, (size, *x.shape), tuple(range(1, x.ndim + 1))) if dim is None
        else to_front(x, dim)
        for x, dim in zip(operands, dims, strict=True)
    ]


class TakeAlong(Linear):
    """np.take_along_axis: along `axis`, the elements of `x` at `indices`."""

    moves = True

    def infer(self, *types: ArrayType, axis: int) -> ArrayType:
        x, indices = types
        _agree(x, indices, axis)
        return ArrayType(indices.shape, x.dtype)

    def emit(self, *operands: Code, axis: int) -> str:
        return f"np.take_along_axis({', '.join(operands)}, {axis})"

    def transpose(self, ct: Any, *operands: Any, axis: int) -> Any:
        x, indices = operands
        return put_along_add(ct, indices, axis=axis, size=x.shape[axis]), None

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int
    ) -> tuple[Any, Any]:
        return self(*_together(size, operands, dims), axis=axis + 1), 0


class PutAlongAdd(Linear):
    """The transpose of `take_along`: every element is added at its index, in `size` places."""

    moves = True

    def infer(self, *types: ArrayType, axis: int, size: int) -> ArrayType:
        x, indices = types
        require(x.shape == indices.shape, f"indices of shape {indices.shape} for {x}")
        _agree(x, indices, axis)
        return ArrayType((*x.shape[:axis], size, *x.shape[axis + 1:]), x.dtype)

    def emit(self, *operands: Code, axis: int, size: int) -> str:
        return f"added_along({', '.join(operands)}, {axis}, {size})"

    def transpose(self, ct: Any, *operands: Any, axis: int, size: int) -> Any:
        return take_along(ct, operands[1], axis=axis), None

    def batch(
        self, size_of_batch: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axis: int, size: int,
    ) -> tuple[Any, Any]:
        both = _together(size_of_batch, operands, dims)
        return self(*both, axis=axis + 1, size=size), 0


@kernel
def added_along(x: Any, indices: Any, axis: int, size: int) -> Any:
    """Zeros with every element of `x` added at its index along `axis`."""
    out = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1:]), x.dtype)
    places = list(np.indices(indices.shape, sparse=True))
    places[axis] = indices
    np.add.at(out, tuple(places), x)
    return out


class Searchsorted(NonDifferentiable):
    """Where each of `values` goes in the sorted vector `x`.

    Both begin with `rows` axes over which this is repeated.
    """

    def infer(self, *types: ArrayType, side: str, rows: int) -> ArrayType:
        x, values = types
        require(x.ndim == rows + 1 and x.shape[:rows] == values.shape[:rows],
                f"searchsorted in {x}, of {values}", fix="one dimension for the first operand")
        return ArrayType(values.shape, np.dtype(np.intp))

    def emit(self, *operands: Code, side: str, rows: int) -> str:
        x, values = operands
        if rows == 0:
            return f"np.searchsorted({x}, {values}, {side!r})"
        return f"searchsorted_rows({x}, {values}, {side!r}, {rows})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, side: str,
        rows: int,
    ) -> tuple[Any, Any]:
        x, values = operands
        if dims[0] is None and rows == 0:
            return self(x, values, side=side, rows=0), dims[1]
        return self(*_together(size, operands, dims), side=side, rows=rows + 1), 0


@kernel
def searchsorted_rows(x: Any, values: Any, side: Any, rows: int) -> Any:
    """np.searchsorted, row by row."""
    out = np.empty(values.shape, np.intp)
    for row in np.ndindex(x.shape[:rows]):
        out[row] = np.searchsorted(x[row], values[row], side)
    return out


_lines = [sample(normal(3, 4), axis=0, dtypes="fc"), sample(normal(2, 3, 4), axis=1),
          sample(normal(5), axis=0, dtypes="fi"), sample(normal(0, 2), axis=0),
          sample(points(2.0, 1.0, 2.0, np.nan, -np.inf, 1.0), axis=0, smooth=False)]
_sorted = exactly([-1.0, 0.0, 0.0, 2.0])

sort = Sort("sort", samples=_lines)
argsort = Argsort("argsort", samples=[*_lines, sample(normal(3, 4), axis=1, stable=False)])
take_along = TakeAlong("take_along", samples=[
    sample(normal(3, 4), integers(0, 3, 5, 4), axis=0, dtypes="fci"),
    sample(normal(2, 3, 4), integers(-4, 4, 2, 3, 2), axis=2),
    sample(normal(3), integers(0, 3, 0), axis=0),
])
put_along_add = PutAlongAdd("put_along_add", samples=[
    sample(normal(5, 4), integers(0, 3, 5, 4), axis=0, size=3, dtypes="fci"),
    sample(normal(2, 3, 2), integers(-4, 4, 2, 3, 2), axis=2, size=4),
    sample(normal(0, 2), integers(0, 3, 0, 2), axis=0, size=3),
])
searchsorted = Searchsorted("searchsorted", samples=[
    sample(_sorted, normal(2, 3), side="left", rows=0),
    sample(_sorted, normal(), side="right", rows=0),
    sample(_sorted, points(0.0, np.nan, 2.0), side="right", rows=0, smooth=False),
    sample(exactly([[0.0, 1.0], [0.5, 0.5]]), exactly([0.2, 0.5]), side="left", rows=1),
])
