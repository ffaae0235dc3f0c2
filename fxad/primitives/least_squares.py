"""The pseudo-inverse, least squares and the rank: what holds for matrices of any rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.ir.primitive import Code, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import greater, not_equal
from fxad.primitives.contraction import matmul, operand
from fxad.primitives.creation import full_like
from fxad.primitives.linalg import (
    OnMatrices,
    adjoint,
    check_matrix,
    hermitian_part,
    inexact,
    real_dtype,
    refused,
    regular,
    triangle,
)
from fxad.primitives.norms import squared
from fxad.primitives.reductions import reduce_max
from fxad.primitives.samples import Maker, normal, sample
from fxad.primitives.singular_values import svd, svdvals
from fxad.primitives.stopping import stop_gradient
from fxad.primitives.structural import convert_to, reduce_sum, reshape

__all__ = ["LstsqResult", "lstsq", "matrix_rank", "pinv"]

_DEFAULT: Any = object()


class PseudoInverse(OnMatrices):
    """Moore and Penrose's inverse; singular values up to `rcond` times the largest are zero.

    If `hermitian`, the lower triangle is read, and the derivative is that on Hermitian matrices.
    """

    def infer(self, x: ArrayType, *, rcond: float, hermitian: bool) -> ArrayType:
        check_matrix(x, "pinv", square=hermitian)
        return ArrayType((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)

    def emit(self, x: Code, *, rcond: float, hermitian: bool) -> str:
        return f"np.linalg.pinv({x}, {rcond!r}{', hermitian=True' if hermitian else ''})"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *,
        rcond: float, hermitian: bool,
    ) -> Any:
        # Golub and Pereyra's formula, which holds where the rank does not change. Not by way of the
        # singular vectors: they have no derivative where two singular values are equal.
        (x,), (dx,), p = primals, tangents, out
        if hermitian:
            # The matrix that is read, with the derivative that it is said to have.
            read = triangle(x, lower=True) + adjoint(triangle(x, lower=True, strict=True))
            x, dx = hermitian_part(x), hermitian_part(dx)
            x = x + stop_gradient(read - x)
        turned, back = adjoint(dx), adjoint(p)
        from_rows = matmul(matmul(p, back), turned - matmul(matmul(turned, x), p))
        from_columns = matmul(turned - matmul(p, matmul(x, turned)), matmul(back, p))
        return from_rows + from_columns - matmul(matmul(p, dx), p)


def pinv(
    a: Any, rcond: float | None = None, hermitian: bool = False, *, rtol: Any = _DEFAULT
) -> Any:
    """The pseudo-inverse of each matrix. Its derivative is the one at constant rank.

    Args:
        a: matrices.
        rcond: singular values up to `rcond` times the largest count as zero; 1e-15 if left out.
        hermitian: says that `a` is Hermitian: the lower triangle is read, and the derivative is that on
            Hermitian matrices.
        rtol: another name of `rcond`; None for the size of the matrix times the machine precision.
    """
    (a,) = inexact(a)
    check_matrix(ArrayType(a.shape, a.dtype), "pinv")
    if rcond is None:
        rcond = _epsilon(a) if rtol is None else 1e-15 if rtol is _DEFAULT else rtol
    else:
        require(rtol is _DEFAULT, "`rtol` and `rcond` can't be both set.", fix="one of them")
    return pinv_p(a, rcond=_number(rcond, "pinv", "rcond"), hermitian=bool(hermitian))


def _epsilon(a: Any) -> float:
    """The size of matrices times the precision of their dtype."""
    size: int = max(a.shape[-2:])
    return size * float(np.finfo(a.dtype).eps)


def _number(x: Any, name: str, argument: str) -> float:
    require(np.ndim(x) == 0, f"{name}: {argument} is one number, not an array of shape {np.shape(x)}",
            fix="fxad.vmap over the matrices with a number each, or one number for all")
    return float(x)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The number of singular values that are not zero to within rounding. It has no derivative.

    Args:
        A: matrices, or a vector, which has rank 0 or 1.
        tol: singular values up to this one count as zero; a number, or one for each matrix.
        hermitian: says that the matrices are Hermitian; the lower triangle is read.
        rtol: the same, beside the largest singular value.
    """
    require(tol is None or rtol is None, "`tol` and `rtol` can't be both set.", fix="one of them")
    A = operand(A)
    if A.ndim < 2:
        present = convert_to(not_equal(A, 0), np.int64)
        if not A.ndim:
            return present
        return reduce_max(present, axes=(0,)) if A.size else reduce_sum(present, axes=(0,))
    s = svd(A, compute_uv=False, hermitian=hermitian)
    if not s.shape[-1]:
        return full_like(s, 0, s.shape[:-1], np.int64)
    if tol is None:
        relative = operand(_epsilon(A if A.dtype.kind in "fc" else s) if rtol is None else rtol)
        limit = reduce_max(s, axes=(s.ndim - 1,)) * relative
    else:
        limit = operand(tol)
    return reduce_sum(convert_to(greater(s, reshape(limit, shape=(*limit.shape, 1))), np.int64),
                      axes=(s.ndim - 1,))


class LstsqResult(NamedTuple):
    """What `lstsq` gives."""

    x: Any
    residuals: Any
    rank: Any
    singular_values: Any


def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The `x` that makes `|b - a x|` least, the shortest if there are several.

    Its derivative is the one at constant rank. Under a derivative or `jit` the residuals are given
    whenever `a` has more rows than columns; NumPy leaves them out where `a` has not full rank.

    Args:
        a: a matrix.
        b: a vector, or a matrix.
        rcond: singular values up to `rcond` times the largest count as zero; None for the greater
            size of `a` times the machine precision, -1 for the machine precision.
    """
    a, b = inexact(a, b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return LstsqResult(*np.linalg.lstsq(a, b, rcond=rcond))
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise refused(f"lstsq of arrays of shapes {a.shape} and {b.shape}",
                      fix="a matrix, and a vector or a matrix; fxad.vmap for stacks of them")
    m, n = a.shape
    if b.shape[0] != m:
        raise refused(f"lstsq: Incompatible dimensions {a.shape} and {b.shape}")
    rcond = _epsilon(a) if rcond is None else _number(rcond, "lstsq", "rcond")
    if not 0 < rcond < 1:  # LAPACK's rule
        rcond = float(np.finfo(a.dtype).eps) / 2
    x = matmul(pinv(a, rcond), b)
    if m > n:
        residuals = reduce_sum(squared(b - matmul(a, x)), axes=(0,))
        residuals = residuals if b.ndim == 2 else reshape(residuals, shape=(1,))
    else:
        residuals = full_like(b, 0, (0,), real_dtype(a.dtype))
    rank = convert_to(matrix_rank(a, rtol=rcond), np.int32)
    return LstsqResult(x, residuals, rank, svdvals(a))


def _symmetric(*shape: int) -> Maker:
    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        x = regular(*shape)(rng, dtype)
        return (x + np.conj(np.swapaxes(x, -1, -2))) / 2

    return make


pinv_p = PseudoInverse("pinv", samples=[
    *(sample(maker, rcond=1e-15, hermitian=False, dtypes="fc")
      for maker in (regular(3, 3), normal(4, 2), normal(2, 2, 3), normal(0, 2))),
    # The tangent of a Hermitian matrix is Hermitian; a numeric derivative along another one differs.
    *(sample(_symmetric(*size), rcond=1e-15, hermitian=True, dtypes="fc", smooth=False)
      for size in ((3, 3), (2, 2, 2))),
])
