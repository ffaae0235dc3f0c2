"""The LU factorization of stacks of matrices, with the row interchanges of LAPACK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, greater_equal
from fxad.primitives.contraction import matmul, matrix_transpose
from fxad.primitives.families import NonDifferentiable, to_front
from fxad.primitives.linalg import OnMatrices, check_matrix, places, regular, triangle, triangular_solve_p
from fxad.primitives.logical import logical_and
from fxad.primitives.samples import exactly, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import pad_with, slice_, whole
from fxad.primitives.sorting import take_along
from fxad.primitives.special import scipy, scipy_linalg
from fxad.primitives.structural import broadcast

__all__ = ["lu_p", "permutation_p", "rows_at"]


class LU(OnMatrices):
    """`l` below the diagonal and `u` on and above it, and which row each row was exchanged with, in order.

    For `x` of m rows and n columns and k the smaller of them, l has k columns and ones on its diagonal, u
    has k rows, and `l @ u` are the rows of x in their new order.
    """

    multiple = True

    def infer(self, x: ArrayType) -> tuple[ArrayType, ...]:
        check_matrix(x, "lu")
        return x.strong, ArrayType((*x.shape[:-2], min(x.shape[-2:])), np.dtype(np.int32))

    def emit(self, x: Code) -> str:
        by_scipy = scipy_linalg() is not None and x.type.size
        return f"lu_by_scipy({x})" if by_scipy else f"lu_by_elimination({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        # With the rows in their new order: l^-1 dx u^-1 = l^-1 dl + du u^-1, whose terms are strictly lower
        # and upper triangular. Factors that are not square are made so by ones on the diagonal.
        (x, pivots), (dx,) = out, tangents
        m, n = x.shape[-2:]
        k = min(m, n)
        dx = rows_at(dx, permutation_p(pivots, rows=m))
        left, right = _columns(x, k, m), _rows(x, k, n)
        inner = triangular_solve_p(left, dx, lower=True, trans=False, unit=True)
        turned = matrix_transpose(inner)
        inner = matrix_transpose(triangular_solve_p(right, turned, lower=False, trans=True, unit=False))
        below = triangle(inner, lower=True, strict=True)
        dl = below + matmul(triangle(left, lower=True, strict=True), below)
        du = matmul(triangle(inner, lower=False), triangle(right, lower=False))
        return dl + du, None


def _columns(x: Any, k: int, m: int) -> Any:
    """The first `k` columns, with zeros after them up to `m`."""
    first = slice_(x, index=(*map(whole, x.shape[:-1]), (0, k, 1)))
    return first if k == m else pad_with(first, [0] * x.ndim, [*[0] * (x.ndim - 1), m - k])


def _rows(x: Any, k: int, n: int) -> Any:
    """The first `k` rows, with those of the identity after them up to `n`."""
    first = slice_(x, index=(*map(whole, x.shape[:-2]), (0, k, 1), whole(n)))
    if k == n:
        return first
    padded = pad_with(first, [0] * x.ndim, [*[0] * (x.ndim - 2), n - k, 0])
    rows, columns = places(padded)
    return where(logical_and(equal(rows, columns), greater_equal(rows, k)), 1, padded)


def rows_at(x: Any, order: Any) -> Any:
    """The rows of each matrix in the order of an array of their numbers."""
    indices = broadcast(order, shape=(*order.shape, x.shape[-1]), axes=tuple(range(order.ndim)))
    return take_along(x, indices, axis=x.ndim - 2)


@kernel
def lu_by_scipy(x: Any) -> Any:
    """scipy.linalg.lu_factor of each matrix."""
    if x.ndim == 2:
        return scipy.linalg.lu_factor(x, check_finite=False)
    found = np.empty_like(x)
    pivots = np.empty((*x.shape[:-2], min(x.shape[-2:])), np.int32)
    for i in np.ndindex(x.shape[:-2]):
        found[i], pivots[i] = scipy.linalg.lu_factor(x[i], check_finite=False)
    return found, pivots


@kernel
def lu_by_elimination(x: Any) -> Any:
    """The LU factorization of each matrix, by columns, each with the greatest of its elements on top."""
    x = np.array(x)
    *stack, m, n = x.shape
    pivots = np.zeros((*stack, min(m, n)), np.int32)
    for j in range(min(m, n)):
        column = x[..., j:, j]
        best = np.argmax(np.abs(column.real) + np.abs(column.imag), axis=-1) + j
        pivots[..., j] = best
        place = np.broadcast_to(best[..., None, None], (*stack, 1, n))
        chosen, top = np.take_along_axis(x, place, -2), x[..., j : j + 1, :].copy()
        np.put_along_axis(x, place, top, -2)
        x[..., j : j + 1, :] = chosen
        pivot = x[..., j : j + 1, j]
        x[..., j + 1 :, j] /= np.where(pivot == 0, 1, pivot)
        x[..., j + 1 :, j + 1 :] -= x[..., j + 1 :, j, None] * x[..., j, None, j + 1 :]
    return x, pivots


class Permutation(NonDifferentiable):
    """The numbers of `rows` rows in the order that a sequence of interchanges brings them into."""

    def infer(self, pivots: ArrayType, *, rows: int) -> ArrayType:
        require(pivots.ndim > 0 and pivots.dtype.kind in "iu" and pivots.shape[-1] <= rows,
                f"interchanges of {rows} rows can't be {pivots}")
        return ArrayType((*pivots.shape[:-1], rows), np.dtype(np.intp))

    def emit(self, pivots: Code, *, rows: int) -> str:
        return f"permutation_of({pivots}, {rows})"

    def batch(self, size: int, operands: Any, dims: Any, **params: Any) -> tuple[Any, Any]:
        return self(to_front(operands[0], dims[0]), **params), 0


@kernel
def permutation_of(pivots: Any, rows: int) -> Any:
    """The order of rows 0, 1, ... after row i has been exchanged with row pivots[i], for each i in turn."""
    stack = pivots.shape[:-1]
    order = np.broadcast_to(np.arange(rows), (*stack, rows)).copy()
    for i in range(pivots.shape[-1]):
        place = pivots[..., i, None].astype(np.intp)
        chosen, here = np.take_along_axis(order, place, -1), order[..., i, None].copy()
        np.put_along_axis(order, place, here, -1)
        order[..., i, None] = chosen
    return order


lu_p = LU("lu", samples=[
    *(sample(regular(*shape), dtypes="fc") for shape in [(3, 3), (2, 4, 4), (4, 2), (2, 2, 3)]),
    *(sample(regular(*shape)) for shape in [(1, 1), (0, 0), (0, 2, 2), (0, 2), (2, 0)]),
])
permutation_p = Permutation("permutation_of_pivots", samples=[
    sample(exactly(np.array([2, 1, 2], np.int32)), rows=3, dtypes="i"),
    sample(exactly(np.array([[1], [0]], np.int32)), rows=3, dtypes="i"),
])
