"""Norms and condition numbers, composed of other operations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, not_equal
from fxad.primitives.complexes import imag, real
from fxad.primitives.contraction import operand
from fxad.primitives.eigenspaces import negligible
from fxad.primitives.exponential import sqrt
from fxad.primitives.linalg import check_matrix, inexact, inverse_or_nan_p, real_dtype, refused
from fxad.primitives.logical import isnan, logical_and, logical_not
from fxad.primitives.reductions import reduce_any, reduce_max, reduce_min
from fxad.primitives.rounding import absolute
from fxad.primitives.selection import where
from fxad.primitives.singular_values import svdvals
from fxad.primitives.slicing import slice_, whole
from fxad.primitives.stopping import stop_gradient
from fxad.primitives.structural import convert_to, permute, reduce_sum, reshape

__all__ = ["cond", "matrix_norm", "norm", "squared", "vector_norm"]

_inf = float("inf")


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """A norm of vectors or matrices. The Euclidean and Frobenius norms have derivative 0 at 0.

    Args:
        x: an array.
        ord: for vectors any number, inf, -inf or 0 (the number of elements that are not 0); for
            matrices 1, -1, 2, -2, inf, -inf, "fro" or "nuc". None is the root of the sum of
            squares.
        axis: the axis of vectors, or the two axes of matrices; None for all of `x`, which then has
            one or two axes unless `ord` is None.
        keepdims: whether the axes stay, with size 1.
    """
    x = operand(x)
    if x.dtype.kind not in "fc":
        x = convert_to(x, np.float64)
    if axis is None:
        require(ord is None or x.ndim in (1, 2), "Improper number of dimensions to norm.")
        axes = tuple(range(x.ndim))
        plain = ord is None or (ord == 2 and x.ndim == 1) or (ord in ("fro", "f") and x.ndim == 2)
    else:
        axes = tuple(_axis(a, x.ndim) for a in (axis if isinstance(axis, Sequence) else (axis,)))
        require(len(axes) in (1, 2), "Improper number of dimensions to norm.")
        require(len(set(axes)) == len(axes), "Duplicate axes given.")
        plain = ord is None or (ord == 2 and len(axes) == 1) or ord in ("fro", "f")
        plain = plain and (len(axes) == 2 or not isinstance(ord, str))
    if plain:
        out = _root(reduce_sum(squared(x), axes=tuple(sorted(axes))))
    elif len(axes) == 1:
        require(not isinstance(ord, str), f"Invalid norm order {ord!r} for vectors")
        out = _of_vectors(x, ord, axes[0])
    else:
        out = _of_matrices(x, ord, axes)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return reshape(out, shape=kept) if keepdims else out


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


def squared(x: Any) -> Any:
    """The squared absolute values."""
    if x.dtype.kind != "c":
        return x * x
    a, b = real(x), imag(x)
    return a * a + b * b


def _root(x: Any, power: float = 0.5) -> Any:
    """`x ** power`, with derivative 0 at 0, where the true one is infinite."""
    zero = equal(x, 0)
    safe = where(zero, 1, x)
    return where(zero, 0, sqrt(safe) if power == 0.5 else safe**power)


def _of_vectors(x: Any, ord: Any, axis: int) -> Any:
    axes = (axis,)
    if ord == 0:
        return reduce_sum(convert_to(not_equal(x, 0), real_dtype(x.dtype)), axes=axes)
    size = absolute(x)
    if ord == _inf:
        return _greatest(size, axis)
    if ord == -_inf:
        return reduce_min(size, axes=axes)
    if ord == 1:
        return reduce_sum(size, axes=axes)
    power = float(ord)
    if power > 0:
        return _root(reduce_sum(_root(size, power), axes=axes), 1 / power)
    return reduce_sum(size**power, axes=axes) ** (1 / power)


def _greatest(x: Any, axis: int) -> Any:
    """The greatest of numbers that are not negative: of no numbers it is their sum, 0."""
    return (reduce_max if x.shape[axis] else reduce_sum)(x, axes=(axis,))


def _of_matrices(x: Any, ord: Any, axes: Sequence[int]) -> Any:
    rows, columns = axes
    if ord in (1, -1, _inf, -_inf):
        over, along = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = reduce_sum(absolute(x), axes=(over,))
        along -= over < along
        return _greatest(sums, along) if ord > 0 else reduce_min(sums, axes=(along,))
    require(ord in (2, -2, "nuc"), f"Invalid norm order {ord!r} for matrices")
    others = tuple(i for i in range(x.ndim) if i not in axes)
    s = svdvals(permute(x, axes=(*others, rows, columns)))
    last = (s.ndim - 1,)
    if ord == "nuc":
        if s.shape[-1]:
            # What is zero to within rounding has vectors that are rounding, too.
            s = where(negligible(s, s, max(x.shape[rows], x.shape[columns])), stop_gradient(s), s)
        return reduce_sum(s, axes=last)
    return _greatest(s, *last) if ord > 0 else reduce_min(s, axes=last)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """A norm of vectors: over one axis, several as one, or all."""
    x = operand(x)
    axes = tuple(range(x.ndim)) if axis is None else tuple(
        _axis(a, x.ndim) for a in (axis if isinstance(axis, Sequence) else (axis,))
    )
    others = tuple(i for i in range(x.ndim) if i not in axes)
    kept = tuple(x.shape[i] for i in others)
    flat = permute(x, axes=(*others, *axes)) if (*others, *axes) != tuple(range(x.ndim)) else x
    count = 1
    for i in axes:
        count *= x.shape[i]
    out = norm(reshape(flat, shape=(*kept, count)), ord, -1)
    return reshape(out, shape=tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if (
        keepdims) else out


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def cond(x: Any, p: Any = None) -> Any:
    """The condition number of each matrix: its norm `p` times that of its inverse; inf if it is singular.

    With `p` None, 2 or -2 the matrices need not be square.
    """
    (x,) = inexact(x)
    check_matrix(ArrayType(x.shape, x.dtype), "cond")
    if not math.prod(x.shape[-2:]):
        raise refused("cond is not defined on empty arrays")
    if p in (None, 2, -2):
        s = svdvals(x)
        largest, smallest = _at(s, 0), _at(s, s.shape[-1] - 1)
        ratio = smallest / largest if p == -2 else largest / smallest
    else:
        check_matrix(ArrayType(x.shape, x.dtype), "cond", square=True)
        ratio = norm(x, p, (-2, -1)) * norm(inverse_or_nan_p(x), p, (-2, -1))
    given = reduce_any(isnan(x), axes=(x.ndim - 2, x.ndim - 1))
    return where(logical_and(isnan(ratio), logical_not(given)), _inf, ratio)


def _at(x: Any, i: int) -> Any:
    """The element `i` of each vector."""
    return slice_(x, index=(*map(whole, x.shape[:-1]), i))
