"""Reductions other than the sum: products, extremes and where they are, any and all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.cumulative import cumprod
from fxad.primitives.families import (
    NonDifferentiable,
    Operation,
    accumulator,
    axis_argument,
    batch_reduction,
    reduced,
)
from fxad.primitives.samples import booleans, exactly, normal, points, sample
from fxad.primitives.selection import where
from fxad.primitives.structural import broadcast, convert_to, permute, reduce_sum, reshape

__all__ = ["argmax", "argmin", "reduce_all", "reduce_any", "reduce_max", "reduce_min",
           "reduce_prod"]

Axes = tuple[int, ...]


class ReduceProd(Operation):
    """The product of `x` over `axes`, which disappear."""

    def infer(self, x: ArrayType, *, axes: Axes) -> ArrayType:
        return reduced(x, axes)

    def emit(self, x: Code, *, axes: Axes) -> str:
        return f"np.prod({x}{axis_argument(x, axes)}{accumulator(x)})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axes: Axes) -> Any:
        return reduce_sum(tangents[0] * _product_of_others(primals[0], axes), axes=axes)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axes: Axes
    ) -> tuple[Any, Any]:
        return batch_reduction(self, operands[0], dims[0] or 0, axes)


def _product_of_others(x: Any, axes: Axes) -> Any:
    """For each element the product of all others that are reduced with it.

    What comes before times what comes after: right where elements are zero, as out / x is not.
    """
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    order = (*kept, *axes)
    count = math.prod(x.shape[i] for i in axes)
    line = reshape(permute(x, axes=order), shape=(*(x.shape[i] for i in kept), count))
    last = len(kept)
    before = cumprod(line, axis=last, reverse=False, exclusive=True)
    after = cumprod(line, axis=last, reverse=True, exclusive=True)
    others = reshape(before * after, shape=tuple(x.shape[i] for i in order))
    return permute(others, axes=tuple(order.index(i) for i in range(x.ndim)))


class Extreme(Operation):
    """The greatest or the smallest of `x` over `axes`. Elements that tie share the derivative."""

    def __init__(self, name: str, function: str, **given: Any) -> None:
        super().__init__(name, **given)
        self.function = function

    def infer(self, x: ArrayType, *, axes: Axes) -> ArrayType:
        require(all(x.shape[a] > 0 for a in axes if a < x.ndim),
                f"zero-size array to reduction operation {self.function}imum which has no identity",
                fix="x.size > 0 before it, or np.max(x, initial=...)")
        return reduced(x, axes)

    def emit(self, x: Code, *, axes: Axes) -> str:
        return f"np.{self.function}({x}{axis_argument(x, axes)})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axes: Axes) -> Any:
        (x,), (dx,) = primals, tangents
        kept = tuple(i for i in range(x.ndim) if i not in axes)
        winners = equal(x, broadcast(out, shape=x.shape, axes=kept))
        count = reduce_sum(convert_to(winners, x.dtype), axes=axes)
        return reduce_sum(where(winners, dx, 0), axes=axes) / count

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axes: Axes
    ) -> tuple[Any, Any]:
        return batch_reduction(self, operands[0], dims[0] or 0, axes)


class Decision(NonDifferentiable):
    """Whether any, or all, of the elements over `axes` are true."""

    def __init__(self, name: str, function: str, **given: Any) -> None:
        super().__init__(name, **given)
        self.function = function

    def infer(self, x: ArrayType, *, axes: Axes) -> ArrayType:
        return reduced(x, axes).with_dtype(np.bool_)

    def emit(self, x: Code, *, axes: Axes) -> str:
        return f"np.{self.function}({x}{axis_argument(x, axes)})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axes: Axes
    ) -> tuple[Any, Any]:
        return batch_reduction(self, operands[0], dims[0] or 0, axes)


class ArgExtreme(NonDifferentiable):
    """The position along `axis` of the first of the greatest, or smallest, elements."""

    def __init__(self, name: str, **given: Any) -> None:
        super().__init__(name, **given)

    def infer(self, x: ArrayType, *, axis: int) -> ArrayType:
        require(0 <= axis < x.ndim, f"axis {axis} of an array of shape {x.shape}")
        require(x.shape[axis] > 0, f"attempt to get {self.name} of an empty sequence")
        return reduced(x, (axis,)).with_dtype(np.intp)

    def emit(self, x: Code, *, axis: int) -> str:
        return f"np.{self.name}({x}, axis={axis})" if x.type.ndim > 1 else f"np.{self.name}({x})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        axis += axis >= dim
        return self(operands[0], axis=axis), dim - (axis < dim)


_over_axes = [sample(normal(3, 4), axes=(0,), dtypes="fc"), sample(normal(2, 3, 4), axes=(0, 2)),
              sample(normal(3, 4), axes=(0, 1), dtypes="fi"), sample(normal(), axes=()),
              sample(normal(2, 3), axes=())]
_ties = exactly([[1.0, 2.0, 2.0], [2.0, -1.0, -1.0]])

reduce_prod = ReduceProd("reduce_prod", samples=[
    *_over_axes, sample(points(2.0, 0.0, 3.0), axes=(0,), dtypes="fc"),
    sample(points(2.0, 0.0, 3.0, 0.0), axes=(0,)), sample(points(0.0, 0.0, 0.0), axes=(0,)),
    sample(normal(0, 3), axes=(0,)), sample(normal(3, 0), axes=(0, 1)),
    sample(booleans(4), axes=(0,), dtypes="b"),
])
reduce_max = Extreme("reduce_max", "max", samples=[
    *_over_axes, sample(_ties, axes=(0,), smooth=False), sample(_ties, axes=(0, 1), smooth=False),
    sample(normal(0, 3), axes=(1,)),
])
reduce_min = Extreme("reduce_min", "min", samples=[
    *_over_axes, sample(_ties, axes=(0,), smooth=False), sample(_ties, axes=(0, 1), smooth=False),
])
_decisions = [sample(booleans(3, 4), axes=(0,), dtypes="b"), sample(normal(3, 4), axes=(0, 1)),
              sample(booleans(2, 3, 4), axes=(0, 2)), sample(booleans(), axes=()),
              sample(booleans(0, 3), axes=(0,))]
reduce_any = Decision("reduce_any", "any", samples=_decisions)
reduce_all = Decision("reduce_all", "all", samples=_decisions)
_positions = [sample(normal(3, 4), axis=0, dtypes="fi"), sample(normal(2, 3, 4), axis=2),
              sample(normal(5), axis=0), sample(_ties, axis=1), sample(normal(0, 3), axis=1)]
argmax = ArgExtreme("argmax", samples=_positions)
argmin = ArgExtreme("argmin", samples=_positions)
