"""The exponential of stacks of matrices, and its derivative along a direction.

The derivative `l(x, e)`, the Fréchet derivative, is linear in e. Its transpose is `l(x', ct)`, and its own
derivative by x is a block of the same derivative of a matrix twice as large: the exponential of
[[x, e], [0, x]] has l(x, e) in its upper right block (Higham, Functions of Matrices, 2008, section 10.6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.contraction import matrix_transpose
from fxad.primitives.creation import full_like
from fxad.primitives.linalg import OnMatrices, check_matrix, matrices
from fxad.primitives.samples import normal, sample
from fxad.primitives.slicing import concatenate, slice_, whole
from fxad.primitives.special import scipy_linalg

__all__ = ["expm_change_p", "expm_p"]


class Exponential(OnMatrices):
    """The exponential of each matrix."""

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "expm", square=True)
        return x.strong

    def emit(self, x: Code) -> str:
        by_scipy = scipy_linalg() is not None and x.type.size
        return f"scipy.linalg.expm({x})" if by_scipy else f"exponential_of({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        return expm_change_p(primals[0], tangents[0])


class ExponentialChange(OnMatrices):
    """The derivative of the exponential of `x` along `e`. Linear in `e`."""

    linear = (1,)

    def infer(self, x: ArrayType, e: ArrayType) -> ArrayType:
        check_matrix(x, "expm", square=True)
        require(x.strong is e.strong, f"the change of a matrix {x} has type {e}")
        return x.strong

    def emit(self, x: Code, e: Code) -> str:
        return f"change_of_exponential({x}, {e})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        (x, e), (dx, de) = primals, tangents
        change = None if de is None else self(x, de)
        if dx is None:
            return change
        zero, n = full_like(x, 0), x.shape[-1]
        moved = self(_blocks(x, e, zero), _blocks(dx, zero, zero))
        moved = slice_(moved, index=(*map(whole, x.shape[:-2]), (0, n, 1), (n, 2 * n, 1)))
        return moved if change is None else change + moved

    def transpose(self, ct: Any, x: Any, e: Any) -> Any:
        if isinstance(x, Unknown):
            raise self._missing("transpose", "it is not linear in the matrix")
        return None, self(matrix_transpose(x), ct)


def _blocks(x: Any, e: Any, zero: Any) -> Any:
    """[[x, e], [0, x]]."""
    rows, columns = x.ndim - 2, x.ndim - 1
    return concatenate(concatenate(x, e, axis=columns), concatenate(zero, x, axis=columns), axis=rows)


@kernel
def exponential_of(x: Any) -> Any:
    """The exponential of each matrix, by scaling and squaring."""
    return exponential_and_change(x, np.zeros_like(x))[0]


@kernel
def change_of_exponential(x: Any, e: Any) -> Any:
    """The derivative of the exponential of each matrix along another one."""
    return exponential_and_change(x, e)[1]


@kernel
def exponential_and_change(x: Any, e: Any) -> Any:
    """The exponential of x / 2**s by a rational approximation, squared s times; and its derivative along e.

    Al-Mohy and Higham (2009), algorithm 6.4, of degree 13 alone: each step is differentiated beside it.
    """
    n, dtype = x.shape[-1], x.dtype
    if not x.size:
        return np.zeros_like(x), np.zeros_like(x)
    wide = np.result_type(dtype, np.float64)
    norms = np.max(np.sum(np.abs(x), axis=-2), axis=-1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.ceil(np.log2(norms / 4.74))
    steps = np.where(np.isfinite(steps) & (steps > 0), steps, 0.0)[..., None, None]
    x, e = x.astype(wide) * 0.5**steps, e.astype(wide) * 0.5**steps
    b = [math.factorial(26 - k) * math.factorial(13) / (
        math.factorial(26) * math.factorial(k) * math.factorial(13 - k)) for k in range(14)]
    one = np.eye(n, dtype=wide)
    x2, e2 = x @ x, x @ e + e @ x
    x4, e4 = x2 @ x2, x2 @ e2 + e2 @ x2
    x6, e6 = x2 @ x4, x4 @ e2 + e4 @ x2
    odd = b[13] * x6 + b[11] * x4 + b[9] * x2
    even = b[12] * x6 + b[10] * x4 + b[8] * x2
    d_odd = x6 @ (b[13] * e6 + b[11] * e4 + b[9] * e2) + e6 @ odd + b[7] * e6 + b[5] * e4 + b[3] * e2
    d_even = x6 @ (b[12] * e6 + b[10] * e4 + b[8] * e2) + e6 @ even + b[6] * e6 + b[4] * e4 + b[2] * e2
    odd = x6 @ odd + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    even = x6 @ even + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    u, du = x @ odd, x @ d_odd + e @ odd
    y = np.linalg.solve(even - u, even + u)
    dy = np.linalg.solve(even - u, du + d_even + (du - d_even) @ y)
    for k in range(int(np.max(steps, initial=0.0))):
        more = k < steps
        dy = np.where(more, y @ dy + dy @ y, dy)
        y = np.where(more, y @ y, y)
    return y.astype(dtype), dy.astype(dtype)


_pairs = [(normal(3, 3), normal(3, 3)), (normal(2, 2, 2, scale=3), normal(2, 2, 2))]
expm_p = Exponential("expm", samples=[*matrices, sample(normal(3, 3, scale=4))])
expm_change_p = ExponentialChange("expm_change", samples=[
    *(sample(*pair, dtypes="fc") for pair in _pairs), sample(normal(0, 0), normal(0, 0)),
    sample(normal(1, 1), normal(1, 1)),
])
