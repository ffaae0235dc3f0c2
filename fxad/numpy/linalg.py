"""`numpy.linalg` on arrays and traced values alike; what the functions are is in `fxad.primitives`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from fxad.numpy import calculus, shaping
from fxad.numpy import contraction as products
from fxad.numpy.arguments import as_array, refuse_out
from fxad.numpy.dispatch import implements
from fxad.primitives import contraction, decompositions, determinants, least_squares, norms, singular_values
from fxad.primitives import linalg as primitive

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals",
    "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]


def _register(function: Any, made: Callable[..., Any], arrays: int = 1, *, views: bool = False) -> Any:
    """What a function of NumPy's is on traced values; its first arguments may be array-likes."""

    @functools.wraps(made)
    def with_arrays(*args: Any, **kwargs: Any) -> Any:
        return made(*map(as_array, args[:arrays]), *args[arrays:], **kwargs)

    return implements(function, views=views)(with_arrays)


norm = _register(np.linalg.norm, norms.norm)
vector_norm = _register(np.linalg.vector_norm, norms.vector_norm)
matrix_norm = _register(np.linalg.matrix_norm, norms.matrix_norm)
cond = _register(np.linalg.cond, norms.cond)
matrix_rank = _register(np.linalg.matrix_rank, least_squares.matrix_rank)
lstsq = _register(np.linalg.lstsq, least_squares.lstsq, 2)
inv = _register(np.linalg.inv, primitive.inv)
pinv = _register(np.linalg.pinv, least_squares.pinv)
solve = _register(np.linalg.solve, primitive.solve, 2)
matrix_power = _register(np.linalg.matrix_power, primitive.matrix_power)
det = _register(np.linalg.det, determinants.det)
slogdet = _register(np.linalg.slogdet, determinants.slogdet)
cholesky = _register(np.linalg.cholesky, decompositions.cholesky)
eig = _register(np.linalg.eig, decompositions.eig)
eigh = _register(np.linalg.eigh, decompositions.eigh)
eigvals = _register(np.linalg.eigvals, decompositions.eigvals)
eigvalsh = _register(np.linalg.eigvalsh, decompositions.eigvalsh)
qr = _register(np.linalg.qr, decompositions.qr)
svd = _register(np.linalg.svd, singular_values.svd)
svdvals = _register(np.linalg.svdvals, singular_values.svdvals)
matmul = _register(np.linalg.matmul, contraction.matmul, 2)
vecdot = _register(np.linalg.vecdot, contraction.vecdot, 2)
tensordot = _register(np.linalg.tensordot, products.tensordot, 2)
matrix_transpose = _register(np.linalg.matrix_transpose, shaping.matrix_transpose, views=True)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: None = None) -> Any:
    refuse_out("linalg.multi_dot", out)
    return primitive.multi_dot([as_array(x) for x in arrays])


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = as_array(a), as_array(b)
    if axes is not None:
        kept = [i for i in range(a.ndim) if i not in axes]
        a = shaping.transpose(a, [*kept, *axes])
    shape = a.shape[-(a.ndim - b.ndim):]
    if math.prod(shape) ** 2 != a.size:
        raise LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) =="
                          " prod(a.shape[:b.ndim])")
    n = math.prod(shape)
    return shaping.reshape(primitive.solve(shaping.reshape(a, (n, n)), shaping.ravel(b)), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    a = as_array(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    n = math.prod(a.shape[ind:])
    inverse = primitive.inv(shaping.reshape(a, (n, -1)))
    return shaping.reshape(inverse, (*a.shape[ind:], *a.shape[:ind]))


@implements(np.linalg.diagonal, views=True)
def diagonal(x: Any, /, *, offset: Any = 0) -> Any:
    return products.diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: Any = 0, dtype: Any = None) -> Any:
    return products.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.outer)
def outer(x1: Any, x2: Any, /) -> Any:
    a, b = as_array(x1), as_array(x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError("Input arrays must be one-dimensional, but they are"
                         f" x1.ndim={a.ndim!r} and x2.ndim={b.ndim!r}.")
    return contraction.outer(a, b)


@implements(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    a, b = as_array(x1), as_array(x2)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors, but they are"
                         f" {a.shape[axis]} and {b.shape[axis]} dimensional instead.")
    return calculus.cross(a, b, axis=axis)
