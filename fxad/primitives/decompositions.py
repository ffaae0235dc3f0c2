"""Cholesky, QR and eigenvalue decompositions of stacks of matrices.

Eigenvectors are determined only up to a phase, and within the space of equal eigenvalues not at all.
In the derivative the largest component of each complex vector keeps its phase, and vectors of equal
eigenvalues do not mix: nothing is inf or NaN there. What depends on such vectors one by one has no
derivative; nor has a matrix function such as `v @ diag(f(w)) @ adjoint(v)` its true one there, whose
part within the space of equal eigenvalues comes from the mixing. `cholesky` and `eigh` read one
triangle, as NumPy's do; their derivative is that on Hermitian matrices, so that the gradient is
Hermitian too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.complexes import conj, real
from fxad.primitives.contraction import diagonal, matmul, matrix_transpose
from fxad.primitives.eigenspaces import (
    inverse_gaps,
    nearest_order,
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
from fxad.primitives.slicing import concatenate, pad_with, slice_, whole
from fxad.primitives.sorting import take_along
from fxad.primitives.structural import convert_to, reduce_sum

__all__ = ["EigResult", "EighResult", "QRResult", "cholesky", "eig", "eigh", "eigvals", "eigvalsh",
           "leading", "moved_complement", "qr", "real_part"]


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
    Their derivative keeps both. Where there are fewer vectors than eigenvalues (a defective matrix),
    the derivative is infinite, and what comes out is huge or raises LinAlgError.
    """

    multiple = True

    def infer(self, x: ArrayType, *, vectors: bool) -> tuple[ArrayType, ...]:
        check_matrix(x, "eig", square=True)
        dtype = np.result_type(x.dtype, np.complex64)
        values = ArrayType(x.shape[:-1], dtype)
        return (values, ArrayType(x.shape, dtype)) if vectors else (values,)

    def emit(self, x: Code, *, vectors: bool) -> str:
        return f"complex_eig({x})" if vectors else f"complex_eigvals({x})"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, vectors: bool
    ) -> Any:
        (x,), (dx,) = primals, tangents
        w, v = out if vectors else self(x, vectors=True)
        if not x.shape[-1]:
            return (None,) * len(out)
        m = solve_p(v, matmul(convert_to(dx, v.dtype), v))
        dw = diagonal(m, 0, -2, -1)
        if vectors:
            return dw, _normalized(v, matmul(v, inverse_gaps(w) * m))
        # LAPACK finds the eigenvalues of a large matrix in another order when it is to find them alone.
        return (take_along(dw, nearest_order(out[0], w), axis=w.ndim - 1),)


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


@kernel
def complex_eigvals(x: Any) -> Any:
    """Eigenvalues alone, complex also where all are real."""
    return (np.linalg.eigvals(x).astype(np.result_type(x, np.complex64)),)


class EigResult(NamedTuple):
    """What `eig` gives."""

    eigenvalues: Any
    eigenvectors: Any


def eig(a: Any) -> EigResult:
    """Eigenvalues and eigenvectors of each square matrix, always complex: NumPy's are real if all are."""
    return EigResult(*eig_p(*inexact(a), vectors=True))


def eigvals(a: Any) -> Any:
    """The eigenvalues of each square matrix, always complex: NumPy's are real if all are."""
    (w,) = eig_p(*inexact(a), vectors=False)
    return w


# -- QR -------------------------------------------------------------------------------------------


class Orthogonalization(OnMatrices):
    """`q`, `r` with `q @ r == x`, orthonormal columns in `q` and upper triangular `r`.

    `mode` is "reduced", "complete" (square `q`) or "r" (only r). The columns of a square `q` beyond those
    of `x` span what is orthogonal to `x`; in the derivative they turn no more than they must for that.
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
        if not min(m, n):
            return (None,) * len(out)
        q, r = self(x, mode="reduced") if mode == "r" else out
        beyond = mode == "complete" and m > n
        if beyond:
            whole_q, q, r = q, leading(q, n, -1), leading(r, n, -2)
        # Q depends only on as many columns as it has; the others follow from R = Q^H x.
        square, change = (leading(t, min(m, n), -1) for t in (r, dx))
        dq = _orthogonal_change(q, square, change)
        dr = triangle(matmul(adjoint(q), dx - matmul(dq, r)), lower=False)
        if beyond:
            dq = concatenate(dq, moved_complement(whole_q, q, dq), axis=dq.ndim - 1)
            dr = pad_with(dr, [0] * dr.ndim, [*[0] * (dr.ndim - 2), m - n, 0])
        return (dr,) if mode == "r" else (dq, dr)


def leading(x: Any, n: int, axis: int) -> Any:
    """The first `n` rows (axis -2) or columns (axis -1)."""
    axis += x.ndim
    return slice_(x, index=tuple((0, n, 1) if i == axis else whole(k) for i, k in enumerate(x.shape)))


def moved_complement(square: Any, some: Any, change: Any) -> Any:
    """How the last columns of the unitary `square` stay orthogonal to the first, `some`, which change."""
    n, total = some.shape[-1], square.shape[-1]
    rest = slice_(square, index=(*map(whole, square.shape[:-1]), (n, total, 1)))
    return -matmul(some, matmul(adjoint(change), rest))


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
        mode: "reduced", "complete" (of the columns of Q beyond those of `a` only their span has a
            meaning, and a derivative), or "r" for R alone.

    Raises:
        TypeMismatch: the mode is another, such as "raw".
    """
    (a,) = inexact(a)
    check_matrix(ArrayType(a.shape, a.dtype), "qr")
    require(mode != "raw", "qr: mode 'raw' gives LAPACK's own reflectors, which have no derivative here.",
            fix="mode='reduced', 'complete' or 'r'")
    require(mode in ("reduced", "complete", "r"), f"Unrecognized mode {mode!r} of qr",
            fix="mode='reduced', 'complete' or 'r'")
    out = qr_p(a, mode=mode)
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


def real_spectrum(*shape: int) -> Maker:
    """Matrices that are not Hermitian, with eigenvalues that are real numbers well apart."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        v = regular(*shape)(rng, np.dtype(np.result_type(dtype, np.float64)))
        return ((v * np.arange(1.0, shape[-1] + 1.0)) @ np.linalg.inv(v)).astype(dtype)

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
# Where eigenvalues of a real matrix are complex, LAPACK may turn a vector into its negative at any step.
eig_p = Eigen("eig", samples=[
    *(sample(real_spectrum(*size), vectors=True, dtypes="fc") for size in _sizes[:4]),
    *(sample(normal(*size), vectors=False, dtypes="fc") for size in _sizes[:2]),
])
_oblong = [(3, 3), (4, 2), (2, 2, 3), (1, 1), (0, 2), (2, 0)]
qr_p = Orthogonalization("qr", samples=[
    *(sample(regular(*size), mode="reduced", dtypes="fc") for size in _oblong),
    *(sample(regular(*size), mode="r", dtypes="fc") for size in _oblong[1:3]),
    *(sample(regular(*size), mode="complete", dtypes="fc") for size in ((2, 3), (3, 0), (0, 2))),
    # One column beyond those of a real matrix is determined up to its sign; of others only the space is.
    sample(regular(4, 3), mode="complete"), sample(regular(2, 3, 2), mode="complete"),
])
