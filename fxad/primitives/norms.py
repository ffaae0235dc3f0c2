"""Norms, condition numbers, ranks and least squares, composed of other operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.ir.primitive import require
from fxad.primitives.arithmetic import equal, greater, not_equal
from fxad.primitives.complexes import imag, real
from fxad.primitives.contraction import matmul, operand
from fxad.primitives.creation import full_like
from fxad.primitives.decompositions import svdvals
from fxad.primitives.exponential import sqrt
from fxad.primitives.linalg import inexact, inv, pinv, real_dtype
from fxad.primitives.reductions import reduce_max, reduce_min
from fxad.primitives.rounding import absolute
from fxad.primitives.selection import where
from fxad.primitives.slicing import slice_, whole
from fxad.primitives.structural import broadcast, convert_to, permute, reduce_sum, reshape

__all__ = ["LstsqResult", "cond", "lstsq", "matrix_norm", "matrix_rank", "norm", "vector_norm"]

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
        out = _root(reduce_sum(_squared(x), axes=tuple(sorted(axes))))
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


def _squared(x: Any) -> Any:
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
    if ord == _inf and x.shape[axis]:
        return reduce_max(size, axes=axes)
    if ord == -_inf:
        return reduce_min(size, axes=axes)
    if ord in (1, _inf):  # the greatest of no numbers is their sum, 0
        return reduce_sum(size, axes=axes)
    power = float(ord)
    if power > 0:
        return _root(reduce_sum(_root(size, power), axes=axes), 1 / power)
    return reduce_sum(size**power, axes=axes) ** (1 / power)


def _of_matrices(x: Any, ord: Any, axes: Sequence[int]) -> Any:
    rows, columns = axes
    if ord in (1, -1, _inf, -_inf):
        over, along = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = reduce_sum(absolute(x), axes=(over,))
        return (reduce_max if ord > 0 else reduce_min)(sums, axes=(along - (over < along),))
    require(ord in (2, -2, "nuc"), f"Invalid norm order {ord!r} for matrices")
    others = tuple(i for i in range(x.ndim) if i not in axes)
    s = svdvals(permute(x, axes=(*others, rows, columns)))
    last = (s.ndim - 1,)
    if ord == "nuc":
        return reduce_sum(s, axes=last)
    return (reduce_max if ord > 0 else reduce_min)(s, axes=last)


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
    """The condition number of each matrix: its norm `p` times that of its inverse."""
    (x,) = inexact(x)
    require(x.ndim >= 2 and x.size > 0, "cond is not defined on empty arrays")
    if p in (None, 2, -2):
        s = svdvals(x)
        largest, smallest = _at(s, 0), _at(s, s.shape[-1] - 1)
        return smallest / largest if p == -2 else largest / smallest
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


def _at(x: Any, i: int) -> Any:
    """The element `i` of each vector."""
    return slice_(x, index=(*map(whole, x.shape[:-1]), i))


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The number of singular values that are not zero to within rounding. It has no derivative.

    Args:
        A: matrices, or a vector, which has rank 0 or 1.
        tol: singular values up to this one count as zero.
        hermitian: says that the matrices are Hermitian; the general way is correct for them too.
        rtol: the same, beside the largest singular value.
    """
    A = operand(A)
    if A.ndim < 2:
        present = convert_to(not_equal(A, 0), np.int64)
        return reduce_max(present, axes=(0,)) if A.ndim else present
    (A,) = inexact(A)
    s = svdvals(A)
    if not s.shape[-1]:
        return full_like(s, 0, s.shape[:-1], np.int64)
    if tol is None:
        eps = float(np.finfo(s.dtype).eps)
        tol = _at(s, 0) * (max(A.shape[-2:]) * eps if rtol is None else rtol)
    tol = operand(tol)
    limit = broadcast(tol, shape=s.shape, axes=tuple(range(tol.ndim)))
    return reduce_sum(convert_to(greater(s, limit), np.int64), axes=(s.ndim - 1,))


class LstsqResult(NamedTuple):
    """What `lstsq` gives."""

    x: Any
    residuals: Any
    rank: Any
    singular_values: Any


def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The `x` that makes `|b - a x|` least, the shortest if there are several.

    Under a derivative or `jit` the residuals are given whenever `a` has more rows than columns;
    NumPy leaves them out where `a` has not full rank.

    Args:
        a: a matrix.
        b: a vector, or a matrix.
        rcond: singular values up to `rcond` times the largest count as zero; None for the greater
            size of `a` times the machine precision.
    """
    a, b = inexact(a, b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return LstsqResult(*np.linalg.lstsq(a, b, rcond=rcond))
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise np.linalg.LinAlgError(f"lstsq of arrays of shapes {a.shape} and {b.shape}")
    m, n = a.shape
    require(b.shape[0] == m, f"lstsq: Incompatible dimensions {a.shape} and {b.shape}")
    if rcond is None:
        rcond = max(m, n) * float(np.finfo(a.dtype).eps)
    x = matmul(pinv(a, rcond), b)
    if m > n:
        residuals = reduce_sum(_squared(b - matmul(a, x)), axes=(0,))
        residuals = residuals if b.ndim == 2 else reshape(residuals, shape=(1,))
    else:
        residuals = full_like(b, 0, (0,), real_dtype(a.dtype))
    return LstsqResult(x, residuals, matrix_rank(a, rtol=rcond), svdvals(a))
