"""Determinants of stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.complexes import imag, make_complex, real
from fxad.primitives.contraction import matmul, matrix_transpose
from fxad.primitives.linalg import (
    OnMatrices,
    check_matrix,
    inexact,
    inv_p,
    matrices,
    real_dtype,
    regular,
    trace_of_product,
)
from fxad.primitives.samples import normal, sample
from fxad.primitives.structural import broadcast

__all__ = ["SlogdetResult", "det", "slogdet"]



class Determinant(OnMatrices):
    """The determinant of each matrix."""

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "det", square=True)
        return ArrayType(x.shape[:-2], x.dtype)

    def emit(self, x: Code) -> str:
        return f"np.linalg.det({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        return trace_of_product(adjugate_p(primals[0]), tangents[0])


class DivisorDeterminant(Determinant):
    """The determinant, and NaN where little would be left of the precision after dividing by it."""

    def emit(self, x: Code) -> str:
        return f"det_or_nan({x})"


@kernel
def det_or_nan(x: Any) -> Any:
    """np.linalg.det, with NaN for matrices that are singular to within three digits."""
    d = np.linalg.det(x)
    if not x.shape[-1]:
        return d
    s = np.linalg.svd(x, compute_uv=False)
    return np.where(s[..., -1] * 1e-3 > s[..., 0] * np.finfo(x.dtype).eps, d, np.nan * d)[()]


class Adjugate(OnMatrices):
    """The transposed cofactors of each matrix, `det(x) inv(x)` for a regular one.

    The derivative of the determinant, for singular matrices too.
    """

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "det", square=True)
        return x.strong

    def emit(self, x: Code) -> str:
        return f"adjugate({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        return adjugate_change(primals[0], tangents[0])


class AdjugateChange(OnMatrices):
    """The derivative of the adjugate of `x` along `dx`, for singular `x` too. Linear in `dx`.

    It holds the second derivatives of the determinant, `tr(adjugate_change(x, y) @ z)`, and is symmetric
    in `y` and `z`. Its own derivative along `x`, the third one of the determinant, divides by the
    determinant: it is NaN for a matrix that is singular, or nearly so.
    """

    linear = (1,)

    def infer(self, x: ArrayType, dx: ArrayType) -> ArrayType:
        check_matrix(x, "det", square=True)
        require(x.strong is dx.strong, f"the change of a matrix {x} has type {dx}")
        return x.strong

    def emit(self, x: Code, dx: Code) -> str:
        return f"change_of_adjugate({x}, {dx})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        change = None if dy is None else self(x, dy)
        if dx is None:
            return change
        # The product rule on det(x) out = tr(a y) a - a y a, where a is the adjugate.
        a, moved = adjugate_p(x), self(x, dx)
        first = _scaled(moved, a, y) - matmul(matmul(moved, y), a)
        second = _scaled(a, moved, y) - matmul(matmul(a, y), moved)
        third = (first + second - _scaled(out, a, dx)) / _as_matrices(divisor_det_p(x), x.shape)
        return third if change is None else change + third

    def transpose(self, ct: Any, x: Any, dx: Any) -> Any:
        if isinstance(x, Unknown):
            raise self._missing("transpose", "it is not linear in the matrix")
        return None, matrix_transpose(self(x, matrix_transpose(ct)))


def _scaled(x: Any, y: Any, z: Any) -> Any:
    """Each matrix of `x` times the trace of `y @ z`."""
    return x * _as_matrices(trace_of_product(y, z), x.shape)


def _as_matrices(x: Any, shape: tuple[int, ...]) -> Any:
    """A number a matrix, broadcast to the matrices."""
    return broadcast(x, shape=shape, axes=tuple(range(x.ndim)))


@kernel
def adjugate(x: Any) -> Any:
    """`det(x) inv(x)`; from the singular value decomposition where `x` is not well conditioned."""
    d, inverse = well_conditioned_inverse(x)
    if inverse is not None:
        return d * inverse
    phase, u, s, vh = signed_svd(x)
    others = np.where(np.eye(x.shape[-1], dtype=bool), 1, s[..., None, :]).prod(axis=-1)
    v, uh = (np.conj(np.swapaxes(m, -1, -2)) for m in (vh, u))
    return phase * ((v * others[..., None, :]) @ uh)


@kernel
def change_of_adjugate(x: Any, dx: Any) -> Any:
    """The derivative of the adjugate of `x` along `dx`."""
    d, inverse = well_conditioned_inverse(x)
    if inverse is not None:
        moved = inverse @ dx
        return d * (np.trace(moved, axis1=-2, axis2=-1)[..., None, None] * inverse - moved @ inverse)
    phase, u, s, vh = signed_svd(x)
    v, uh = (np.conj(np.swapaxes(m, -1, -2)) for m in (vh, u))
    # Of a diagonal matrix s: element (i, j) changes by -p[i, j], and (i, i) by the sum of the other
    # p[k, k], each times the product of those s that neither index names.
    p = uh @ dx @ v
    n = s.shape[-1]
    after = np.cumprod(np.where(np.tri(n, dtype=bool), 1, s[..., None, :]), axis=-1)
    before = np.cumprod(s, axis=-1)
    between = np.ones_like(after)
    between[..., :, 1:] = after[..., :, :-1]
    first, last = np.ones_like(s), np.ones_like(s)
    first[..., 1:] = before[..., :-1]
    last[..., :-1] = np.cumprod(s[..., :0:-1], axis=-1)[..., ::-1]
    pairs = np.triu(first[..., :, None] * between * last[..., None, :], 1)
    pairs = pairs + np.swapaxes(pairs, -1, -2)
    change = -pairs * p
    diagonal = np.einsum("...ij,...jj->...i", pairs, p)
    change[..., np.arange(n), np.arange(n)] = diagonal
    return phase * (v @ change @ uh)


@kernel
def well_conditioned_inverse(x: Any) -> Any:
    """The determinants and the inverses of matrices, or None twice unless all are well conditioned."""
    limits = np.finfo(x.dtype)
    try:
        inverse = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return None, None
    d = np.asarray(np.linalg.det(x))
    condition = np.abs(x).sum(axis=(-1, -2)) * np.abs(inverse).sum(axis=(-1, -2))
    if np.all((condition < limits.eps**-0.25) & (np.abs(d) > limits.tiny) & np.isfinite(d)):
        return d[..., None, None], inverse
    return None, None


@kernel
def signed_svd(x: Any) -> Any:
    """The determinant of the two factors of a singular value decomposition, and the decomposition."""
    u, s, vh = np.linalg.svd(x)
    return np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None], u, s, vh


class SignAndLogDet(OnMatrices):
    """The sign of the determinant (of a complex one, its phase) and the logarithm of its size."""

    multiple = True

    def infer(self, x: ArrayType) -> tuple[ArrayType, ...]:
        check_matrix(x, "slogdet", square=True)
        stack = x.shape[:-2]
        return ArrayType(stack, x.dtype), ArrayType(stack, real_dtype(x.dtype))

    def emit(self, x: Code) -> str:
        return f"np.linalg.slogdet({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        change = trace_of_product(inv_p(primals[0]), tangents[0])
        if change.dtype.kind != "c":
            return None, change
        return out[0] * make_complex(0.0, imag(change)), real(change)


class SlogdetResult(NamedTuple):
    """What `slogdet` gives."""

    sign: Any
    logabsdet: Any


def det(a: Any) -> Any:
    """The determinant of each matrix.

    Its derivatives of first and second order are those of the polynomial for singular matrices too; of
    third order they are NaN there.
    """
    return det_p(*inexact(a))


def slogdet(a: Any) -> SlogdetResult:
    """The sign and the logarithm of the absolute value of the determinant of each matrix.

    A singular one has no derivative, and raises LinAlgError where one is asked for.
    """
    return SlogdetResult(*slogdet_p(*inexact(a)))


def of_rank_two(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
    """A singular matrix."""
    return normal(4, 2)(rng, dtype) @ normal(2, 4)(rng, dtype)


singular = sample(of_rank_two, dtypes="fc", smooth=False)

det_p = Determinant("det", samples=[*matrices, singular])
divisor_det_p = DivisorDeterminant("det_or_nan", samples=[*matrices, singular])
adjugate_p = Adjugate("adjugate", samples=[*matrices, singular])
adjugate_change = AdjugateChange("adjugate_change", samples=[
    *(sample(maker, normal(*shape), dtypes="fc") for maker, shape in (
        (regular(3, 3), (3, 3)), (regular(2, 4, 4), (2, 4, 4)), (regular(1, 1), (1, 1)),
        (regular(0, 0), (0, 0)))),
])
slogdet_p = SignAndLogDet("slogdet", samples=matrices)
