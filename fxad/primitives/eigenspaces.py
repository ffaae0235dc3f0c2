"""What the derivatives of eigenvectors and singular vectors share: gaps and phases."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import less_equal
from fxad.primitives.complexes import imag, make_complex
from fxad.primitives.families import NonDifferentiable
from fxad.primitives.linalg import OnMatrices
from fxad.primitives.reductions import reduce_max
from fxad.primitives.rounding import absolute
from fxad.primitives.samples import normal, points, sample
from fxad.primitives.selection import where
from fxad.primitives.structural import broadcast, reduce_sum

__all__ = ["columns_of", "inverse_gaps", "inverse_or_zero", "nearest_order", "negligible", "rows_of",
           "turned_back"]


def rows_of(x: Any, shape: tuple[int, ...]) -> Any:
    """Vectors as matrices whose rows are all equal: element j in column j."""
    return broadcast(x, shape=shape, axes=(*range(x.ndim - 1), x.ndim))


def columns_of(x: Any, shape: tuple[int, ...]) -> Any:
    """Vectors as matrices whose columns are all equal: element i in row i."""
    return broadcast(x, shape=shape, axes=tuple(range(x.ndim)))


def inverse_gaps(w: Any) -> Any:
    """`1 / (w[j] - w[i])` at (i, j), and 0 where the two are equal to within rounding."""
    shape = (*w.shape, w.shape[-1])
    gaps = rows_of(w, shape) - columns_of(w, shape)
    return inverse_or_zero(gaps, absolute(w), w.shape[-1])


def negligible(x: Any, scale: Any, size: int) -> Any:
    """Where `x` is nothing, to within rounding, beside the largest of each vector of `scale`."""
    largest = reduce_max(scale, axes=(scale.ndim - 1,)) * (8 * size * float(np.finfo(x.dtype).eps))
    return less_equal(absolute(x), columns_of(largest, x.shape))


def inverse_or_zero(x: Any, scale: Any, size: int) -> Any:
    """`1 / x`, and 0 where `x` is nothing beside the largest of each vector of `scale`."""
    nothing = negligible(x, scale, size)
    return where(nothing, 0, 1.0 / where(nothing, 1, x))


def turned_back(v: Any, dv: Any, *others: tuple[Any, Any]) -> list[Any]:
    """`dv` without the change in phase of the largest component of each column.

    `others` are further vectors and their tangents, which turn with them.
    """
    largest = largest_of(v)
    # That component is not zero: a column has length one.
    p, dp = (reduce_sum(where(largest, x, 0), axes=(x.ndim - 2,)) for x in (v, dv))
    turn = make_complex(0.0, imag(dp / p))
    return [dx - x * rows_of(turn, x.shape) for x, dx in ((v, dv), *others)]


class LargestOf(OnMatrices, NonDifferentiable):
    """In each column, a mask with the one component that is largest."""

    def infer(self, x: ArrayType) -> ArrayType:
        return x.with_dtype(np.bool_)

    def emit(self, x: Code) -> str:
        return f"largest_of_columns({x})"


@kernel
def largest_of_columns(x: Any) -> Any:
    """A mask with the first of the largest components of each column."""
    size = x.real**2 + x.imag**2
    first = np.argmax(size, axis=-2)[..., None, :]
    return np.arange(x.shape[-2])[:, None] == first


class NearestOrder(OnMatrices, NonDifferentiable):
    """For each of the numbers of a vector, where in a vector of the same numbers it stands."""

    def infer(self, w: ArrayType, others: ArrayType) -> ArrayType:
        require(w.shape == others.shape and w.ndim > 0, f"the order of {w} in {others}")
        return w.with_dtype(np.intp)

    def emit(self, w: Code, others: Code) -> str:
        return f"nearest_places({w}, {others})"


@kernel
def nearest_places(w: Any, others: Any) -> Any:
    """Of each of `w` the place in `others` of the nearest that is not yet taken."""
    distances = np.abs(w[..., :, None] - others[..., None, :])
    places = np.empty(w.shape, np.intp)
    for row in np.ndindex(w.shape):
        places[row] = np.argmin(distances[row])
        distances[(*row[:-1], slice(None), places[row])] = np.inf
    return places


largest_of = LargestOf("largest_of", samples=[
    sample(normal(3, 2), dtypes="c"), sample(normal(2, 3, 3), dtypes="c"),
])
nearest_order = NearestOrder("nearest_order", samples=[
    sample(points(1.0, 3.0, 2.0), points(2.01, 1.01, 2.99), dtypes="fc"),
    sample(points(1.0, 1.0), points(1.0, 1.0)), sample(normal(2, 0), normal(2, 0)),
    sample(normal(2, 3), normal(2, 3), dtypes="c"),
])
