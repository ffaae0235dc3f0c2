"""Cholesky, QR, eigenvalue and singular value decompositions of stacks of matrices.

Eigenvectors and singular vectors are determined only up to a phase, and within the space of equal
eigenvalues not at all. In the derivative the largest component of each complex vector (of each left
one, for singular vectors) keeps its phase, and vectors of equal eigenvalues do not mix: nothing is
inf or NaN there. `cholesky` and `eigh` read one triangle, as NumPy's do; their derivative is that
on Hermitian matrices, so that the gradient is Hermitian too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.errors import NonDifferentiable, explain
from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.complexes import conj, real
from fxad.primitives.contraction import diagonal, matmul, matrix_transpose
from fxad.primitives.eigenspaces import (
    columns_of,
    inverse_gaps,
    inverse_or_zero,
    rows_of,
    turned_back,
)
from fxad.primitives.linalg import (
    OnMatrices,
    adjoint,
    check_matrix,
    hermitian_part,
    inexact,
    places,
    real_dtype,
    regular,
    solve_p,
    triangle,
    triangular_solve_p,
)
from fxad.primitives.samples import Maker, normal, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import slice_, whole
from fxad.primitives.structural import convert_to, reduce_sum
from fxad.source import Source

__all__ = ["EigResult", "EighResult", "QRResult", "SVDResult", "cholesky", "eig", "eigh", "eigvals",
           "eigvalsh", "qr", "svd", "svdvals"]


# -- Cholesky -------------------------------------------------------------------------------------


class Cholesky(OnMatrices):
    """The lower triangular `l` with `l @ adjoint(l) == x`."""

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "cholesky", square=True)
        return x.strong

    def emit(self, x: Code) -> str:
        return f"np.linalg.cholesky({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        # With p = l^-1 dx l^-H: dl = l (the lower triangle of p, with half its diagonal).
        params = {"lower": True, "trans": False, "unit": False}
        half = triangular_solve_p(out, hermitian_part(tangents[0]), **params)
        p = adjoint(triangular_solve_p(out, adjoint(half), **params))
        return matmul(out, triangle(p, lower=True) - where(equal(*places(p)), 0.5 * p, 0))


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The Cholesky factor of each positive definite matrix.

    Only the lower (or `upper`) triangle is read. The gradient is Hermitian, as the matrix is.
    """
    (a,) = inexact(a)
    return adjoint(cholesky_p(adjoint(a))) if upper else cholesky_p(a)


# -- Hermitian eigenvalues ------------------------------------------------------------------------


class HermitianEigen(OnMatrices):
    """Eigenvalues in ascending order and, if `vectors`, orthonormal eigenvectors in columns."""

    multiple = True

    def infer(self, x: ArrayType, *, lower: bool, vectors: bool) -> tuple[ArrayType, ...]:
        check_matrix(x, "eigh", square=True)
        values = ArrayType(x.shape[:-1], real_dtype(x.dtype))
        return (values, x.strong) if vectors else (values,)

    def emit(self, x: Code, *, lower: bool, vectors: bool) -> str:
        triangle_read = "" if lower else ", 'U'"
        if vectors:
            return f"np.linalg.eigh({x}{triangle_read})"
        return f"(np.linalg.eigvalsh({x}{triangle_read}),)"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *,
        lower: bool, vectors: bool,
    ) -> Any:
        (x,), (dx,) = primals, tangents
        if not x.shape[-1]:
            return (None,) * len(out)
        w, v = out if vectors else self(x, lower=lower, vectors=True)
        m = matmul(matmul(adjoint(v), hermitian_part(dx)), v)
        dw = real_part(diagonal(m, 0, -2, -1))
        if not vectors:
            return (dw,)
        dv = matmul(v, inverse_gaps(w) * m)
        if v.dtype.kind == "c":
            (dv,) = turned_back(v, dv)
        return dw, dv


def real_part(x: Any) -> Any:
    """The real part, of real numbers without an operation."""
    return real(x) if x.dtype.kind == "c" else x


class EighResult(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Any
    eigenvectors: Any


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues and eigenvectors of each Hermitian matrix, of which one triangle is read."""
    return EighResult(*eigh_p(*inexact(a), lower=_reads_lower(UPLO), vectors=True))


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of each Hermitian matrix, in ascending order."""
    (w,) = eigh_p(*inexact(a), lower=_reads_lower(UPLO), vectors=False)
    return w


def _reads_lower(uplo: str) -> bool:
    require(uplo.upper() in ("L", "U"), "UPLO argument must be 'L' or 'U'")
    return uplo.upper() == "L"


# -- general eigenvalues --------------------------------------------------------------------------


class Eigen(OnMatrices):
    """Complex eigenvalues and, if `vectors`, eigenvectors in columns.

    The vectors are LAPACK's: of length one, and with a real number as their largest component.
    Their derivative keeps both.
    """

    multiple = True

    def infer(self, x: ArrayType, *, vectors: bool) -> tuple[ArrayType, ...]:
        check_matrix(x, "eig", square=True)
        dtype = np.result_type(x.dtype, np.complex64)
        values = ArrayType(x.shape[:-1], dtype)
        return (values, ArrayType(x.shape, dtype)) if vectors else (values,)

    def emit(self, x: Code, *, vectors: bool) -> str:
        return f"complex_eig({x})" if vectors else f"complex_eig({x})[:1]"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, vectors: bool
    ) -> Any:
        (x,), (dx,) = primals, tangents
        w, v = out if vectors else self(x, vectors=True)
        if not x.shape[-1]:
            return (None,) * len(out)
        m = solve_p(v, matmul(convert_to(dx, v.dtype), v))
        dw = diagonal(m, 0, -2, -1)
        return (dw, _normalized(v, matmul(v, inverse_gaps(w) * m))) if vectors else (dw,)


def _normalized(v: Any, dv: Any) -> Any:
    """`dv` without what changes the length of a column or turns its largest component."""
    rows = (v.ndim - 2,)
    growth = real(reduce_sum(conj(v) * dv, axes=rows))
    dv = dv - v * rows_of(growth, v.shape)
    (dv,) = turned_back(v, dv)
    return dv


@kernel
def complex_eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors, complex also where all are real."""
    w, v = np.linalg.eig(x)
    dtype = np.result_type(x, np.complex64)
    return w.astype(dtype), v.astype(dtype)


class EigResult(NamedTuple):
    """What `eig` gives."""

    eigenvalues: Any
    eigenvectors: Any


def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of each square matrix, always complex."""
    return EigResult(*eig_p(*inexact(a), vectors=True))


def eigvals(a: Any) -> Any:
    """The eigenvalues of each square matrix, always complex."""
    (w,) = eig_p(*inexact(a), vectors=False)
    return w


# -- singular values ------------------------------------------------------------------------------


class SingularValues(OnMatrices):
    """`u`, `s`, `vh` with `(u * s) @ vh == x`, `s` in descending order.

    Without `vectors`, `s` alone. With `full`, `u` and `vh` are square, and there is a derivative
    for square `x` only.
    """

    multiple = True

    def infer(self, x: ArrayType, *, full: bool, vectors: bool) -> tuple[ArrayType, ...]:
        check_matrix(x, "svd")
        *stack, m, n = x.shape
        k = min(m, n)
        s = ArrayType((*stack, k), real_dtype(x.dtype))
        if not vectors:
            return (s,)
        u, vh = ((*stack, m, m if full else k), (*stack, n if full else k, n))
        return ArrayType(u, x.dtype), s, ArrayType(vh, x.dtype)

    def emit(self, x: Code, *, full: bool, vectors: bool) -> str:
        if not vectors:
            return f"(np.linalg.svd({x}, compute_uv=False),)"
        return f"np.linalg.svd({x}{'' if full else ', full_matrices=False'})"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *,
        full: bool, vectors: bool,
    ) -> Any:
        (x,), (dx,) = primals, tangents
        m, n = x.shape[-2:]
        if vectors and full and m != n:
            raise _no_derivative("svd", "the columns of U and V beyond the rank are arbitrary",
                                 "np.linalg.svd(x, full_matrices=False)")
        if not min(m, n):
            return (None,) * len(out)
        u, s, vh = out if vectors else self(x, full=False, vectors=True)
        p = matmul(matmul(adjoint(u), dx), adjoint(vh))
        ds = real_part(diagonal(p, 0, -2, -1))
        return (_svd_vectors(dx, u, s, vh, p, ds)) if vectors else (ds,)


def _svd_vectors(dx: Any, u: Any, s: Any, vh: Any, p: Any, ds: Any) -> tuple[Any, Any, Any]:
    """The tangents of `u`, `s`, `vh`."""
    m, k, n = u.shape[-2], s.shape[-1], vh.shape[-1]
    shape = p.shape
    left, right = columns_of(s, shape), rows_of(s, shape)
    # 1 / (s[j]^2 - s[i]^2), where neither the gap nor the sum is zero.
    factor = inverse_gaps(s) * inverse_or_zero(left + right, s, max(m, n))
    from_right, from_left = p * right, left * p
    turn_u = factor * (from_right + adjoint(from_right))
    turn_v = factor * (from_left + adjoint(from_left))
    inverse_s = inverse_or_zero(s, s, max(m, n))
    if p.dtype.kind == "c":
        phases = where(equal(*places(p)), (p - adjoint(p)) * 0.5, 0)
        turn_u = turn_u + phases * rows_of(inverse_s, shape)
    du, dv = matmul(u, turn_u), matmul(adjoint(vh), turn_v)
    if m > k:
        outside = matmul(dx, adjoint(vh)) - matmul(u, p)
        du = du + outside * rows_of(inverse_s, outside.shape)
    if n > k:
        outside = matmul(adjoint(dx), u) - matmul(adjoint(vh), adjoint(p))
        dv = dv + outside * rows_of(inverse_s, outside.shape)
    if p.dtype.kind == "c":
        # x does not change when both vectors turn by one phase.
        du, dv = turned_back(u, du, (adjoint(vh), dv))
    return du, ds, adjoint(dv)


def _no_derivative(name: str, why: str, fix: str) -> NonDifferentiable:
    return NonDifferentiable(
        explain(f"this form of {name} has no derivative: {why}.", source=Source.here(), fix=fix)
    )


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Any
    S: Any
    Vh: Any


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """The singular value decomposition of each matrix.

    Args:
        a: matrices.
        full_matrices: whether U and Vh are square. If the matrices are not, there is no derivative.
        compute_uv: whether U and Vh are wanted; if not, the result is S alone.
        hermitian: says that `a` is Hermitian. The general decomposition is correct for it too.
    """
    (a,) = inexact(a)
    out = svd_p(a, full=bool(full_matrices and compute_uv), vectors=bool(compute_uv))
    return SVDResult(*out) if compute_uv else out[0]


def svdvals(x: Any, /) -> Any:
    """The singular values of each matrix, in descending order."""
    return svd(x, compute_uv=False)


# -- QR -------------------------------------------------------------------------------------------


class Orthogonalization(OnMatrices):
    """`q`, `r` with `q @ r == x`, orthonormal columns in `q` and upper triangular `r`.

    `mode` is "reduced", "complete" (square `q`) or "r" (only r).
    """

    multiple = True

    def infer(self, x: ArrayType, *, mode: str) -> tuple[ArrayType, ...]:
        check_matrix(x, "qr")
        *stack, m, n = x.shape
        k = m if mode == "complete" else min(m, n)
        r = ArrayType((*stack, k, n), x.dtype)
        return (r,) if mode == "r" else (ArrayType((*stack, m, k), x.dtype), r)

    def emit(self, x: Code, *, mode: str) -> str:
        if mode == "r":
            return f"(np.linalg.qr({x}, 'r'),)"
        return f"np.linalg.qr({x})" if mode == "reduced" else f"np.linalg.qr({x}, {mode!r})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, mode: str) -> Any:
        (x,), (dx,) = primals, tangents
        m, n = x.shape[-2:]
        if mode == "complete" and m > n:
            raise _no_derivative("qr", "the columns of Q beyond those of the matrix are arbitrary",
                                 "np.linalg.qr(x)")
        if not min(m, n):
            return (None,) * len(out)
        q, r = self(x, mode="reduced") if mode == "r" else out
        # Q depends only on as many columns as it has; the others follow from R = Q^H x.
        square, change = (_leading_columns(t, min(m, n)) for t in (r, dx))
        dq = _orthogonal_change(q, square, change)
        dr = triangle(matmul(adjoint(q), dx - matmul(dq, r)), lower=False)
        return (dr,) if mode == "r" else (dq, dr)


def _leading_columns(x: Any, n: int) -> Any:
    """The first `n` columns."""
    return slice_(x, index=(*map(whole, x.shape[:-1]), (0, n, 1)))


def _orthogonal_change(q: Any, r: Any, dx: Any) -> Any:
    """The tangent of Q for square R: `dx = dq r + q dr`."""
    params = {"lower": False, "trans": True, "unit": False}
    c = matrix_transpose(triangular_solve_p(r, matrix_transpose(dx), **params))  # dx r^-1
    p = matmul(adjoint(q), c)
    below = triangle(p, lower=True, strict=True)
    # q^H dq is skew-Hermitian, and below the diagonal that of p; r^-1 has no part there.
    turn = below - adjoint(below)
    if p.dtype.kind == "c":
        turn = turn + where(equal(*places(p)), (p - adjoint(p)) * 0.5, 0)
    return c + matmul(q, turn - p)


class QRResult(NamedTuple):
    """What `qr` gives."""

    Q: Any
    R: Any


def qr(a: Any, mode: str = "reduced") -> Any:
    """The QR decomposition of each matrix.

    Args:
        a: matrices; for a derivative their leading columns must be linearly independent.
        mode: "reduced", "complete" (its derivative exists only when there are no more rows than
            columns), or "r" for R alone.
    """
    require(mode in ("reduced", "complete", "r"), f"qr: mode {mode!r}",
            fix="mode='reduced', 'complete' or 'r'")
    out = qr_p(*inexact(a), mode=mode)
    return out[0] if mode == "r" else QRResult(*out)


# -- the primitives -------------------------------------------------------------------------------


def hermitian(*shape: int, positive: bool = False) -> Maker:
    """Hermitian matrices with eigenvalues well apart, if `positive` all of them positive."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        q, _ = np.linalg.qr(normal(*shape)(rng, np.dtype(np.result_type(dtype, np.float64))))
        n = shape[-1]
        w = np.arange(1.0, n + 1.0) - (0 if positive else n / 2)
        return ((q * w) @ np.conj(np.swapaxes(q, -1, -2))).astype(dtype)

    return make


_sizes = [(3, 3), (2, 4, 4), (1, 1), (0, 0), (0, 2, 2)]

# The tangent of a Hermitian matrix is Hermitian; a numeric derivative along another one differs.
cholesky_p = Cholesky("cholesky", samples=[
    sample(hermitian(*size, positive=True), dtypes="fc", smooth=False) for size in _sizes
])
eigh_p = HermitianEigen("eigh", samples=[
    sample(hermitian(*size), lower=lower, vectors=vectors, dtypes="fc", smooth=False)
    for size, lower, vectors in [
        *zip(_sizes, [True, False] * 3, [True] * 5, strict=False),
        (_sizes[0], False, False), (_sizes[1], True, False),
    ]
])
eig_p = Eigen("eig", samples=[
    sample(normal(*size), vectors=vectors, dtypes="fc")
    for size, vectors in zip(_sizes[:4] + _sizes[:2], [True] * 4 + [False] * 2, strict=True)
])
_oblong = [(3, 3), (4, 2), (2, 2, 3), (1, 1), (0, 2), (2, 0)]
svd_p = SingularValues("svd", samples=[
    *(sample(normal(*size), full=False, vectors=True) for size in _oblong),
    # The phases of complex singular vectors are LAPACK's choice.
    *(sample(normal(*size), full=False, vectors=True, dtypes="c", smooth=False)
      for size in _oblong[:4]),
    *(sample(normal(*size), full=False, vectors=False, dtypes="fc") for size in _oblong[1:3]),
    sample(normal(3, 3), full=True, vectors=True),
])
qr_p = Orthogonalization("qr", samples=[
    *(sample(regular(*size), mode="reduced", dtypes="fc") for size in _oblong),
    *(sample(regular(*size), mode="r", dtypes="fc") for size in _oblong[1:3]),
    sample(regular(2, 3), mode="complete"),
])
