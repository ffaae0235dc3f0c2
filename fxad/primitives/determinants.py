"""Determinants of stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.ir.types import ArrayType
from fxad.primitives.complexes import imag, make_complex, real
from fxad.primitives.contraction import matmul
from fxad.primitives.linalg import (
    OnMatrices,
    check_matrix,
    inexact,
    inv_p,
    matrices,
    real_dtype,
    trace_of_product,
)
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


class Adjugate(OnMatrices):
    """The transposed cofactors of each matrix, `det(x) inv(x)` for a regular one.

    The derivative of the determinant, for singular matrices too; its own is NaN for those.
    """

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "det", square=True)
        return x.strong

    def emit(self, x: Code) -> str:
        return f"adjugate({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        (x,), (dx,) = primals, tangents
        scale = _as_matrices(trace_of_product(out, dx), x.shape)
        return (scale * out - matmul(matmul(out, dx), out)) / _as_matrices(det_p(x), x.shape)


def _as_matrices(x: Any, shape: tuple[int, ...]) -> Any:
    """A number a matrix, broadcast to the matrices."""
    return broadcast(x, shape=shape, axes=tuple(range(x.ndim)))


@kernel
def adjugate(x: Any) -> Any:
    """`det(x) inv(x)`; from the singular value decomposition where `x` is not well conditioned."""
    limits = np.finfo(x.dtype)
    try:
        inverse = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        inverse = np.full_like(x, np.inf)
    d = np.asarray(np.linalg.det(x))
    condition = np.abs(x).sum(axis=(-1, -2)) * np.abs(inverse).sum(axis=(-1, -2))
    if np.all((condition < limits.eps**-0.25) & (np.abs(d) > limits.tiny) & np.isfinite(d)):
        return d[..., None, None] * inverse
    u, s, vh = np.linalg.svd(x)
    others = np.where(np.eye(x.shape[-1], dtype=bool), 1, s[..., None, :]).prod(axis=-1)
    phase = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    v, uh = (np.conj(np.swapaxes(m, -1, -2)) for m in (vh, u))
    return phase * ((v * others[..., None, :]) @ uh)


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
    """The determinant of each matrix; it has a derivative for singular matrices too."""
    return det_p(*inexact(a))


def slogdet(a: Any) -> SlogdetResult:
    """The sign and the logarithm of the absolute value of the determinant of each matrix."""
    return SlogdetResult(*slogdet_p(*inexact(a)))


det_p = Determinant("det", samples=matrices)
adjugate_p = Adjugate("adjugate", samples=matrices)
slogdet_p = SignAndLogDet("slogdet", samples=matrices)
