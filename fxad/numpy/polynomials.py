"""Polynomials, and the convolutions that multiply them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, join, stacked
from fxad.numpy.dispatch import implements
from fxad.numpy.shaping import atleast_1d, ravel
from fxad.primitives import contraction, decompositions, least_squares, linalg
from fxad.primitives.complexes import conj, real
from fxad.primitives.indexing import getitem
from fxad.primitives.reductions import reduce_all
from fxad.primitives.selection import where
from fxad.primitives.sorting import sort
from fxad.primitives.structural import broadcast_to, flip, reduce_sum
from fxad.tracing import Kind, Tracer

__all__ = ["convolve", "correlate", "poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint",
           "polymul", "polysub", "polyval", "roots", "vander"]


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    coefficients, x = as_array(p), as_array(x)
    y: Any = np.zeros(x.shape, x.dtype)
    for k in range(len(coefficients)):
        y = y * x + coefficients[k]
    return y


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    a, b = _same_degree(a1, a2)
    return a + b


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    a, b = _same_degree(a1, a2)
    return a - b


def _same_degree(*polynomials: Any) -> list[Any]:
    given = [atleast_1d(p) for p in polynomials]
    size = max(len(p) for p in given)
    return [join([np.zeros(size - len(p), p.dtype), p], 0) if len(p) < size else p for p in given]


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """Leading zeros are not taken off, as NumPy does: their coefficients have derivatives."""
    return convolve(a1, a2)


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p = as_array(p)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = np.zeros(m) if k is None else ravel(k)
    if len(constants) == 1:
        constants = broadcast_to(constants, (m,))
    if len(constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = join([p / np.arange(len(p), 0, -1), constants[i : i + 1]], 0)
    return p


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    u, v = ravel(u) + 0.0, ravel(v) + 0.0
    rest = converted(u, np.result_type(u.dtype, v.dtype))
    scale = 1.0 / v[0]
    steps = len(u) - len(v) + 1
    quotient = []
    for k in range(steps):
        factor = scale * rest[k]
        quotient.append(factor)
        rest = join([rest[:k], rest[k : k + len(v)] - factor * v, rest[k + len(v) :]], 0)
    q = stacked(quotient) if quotient else np.zeros(1, rest.dtype)
    while len(rest) > 1 and np.allclose(rest[0], 0, rtol=1e-14):
        rest = rest[1:]
    return q, rest


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """Real where the zeros are real, or conjugate to each other; under vmap only real zeros count."""
    zeros = as_array(seq_of_zeros)
    zeros = zeros if zeros.ndim else ravel(zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.shape[0]:
        zeros = decompositions.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    zeros = converted(zeros, np.dtype(np.mintypecode(zeros.dtype.char)))
    if not len(zeros):
        return 1.0
    made: Any = np.ones(1, zeros.dtype)
    for k in range(len(zeros)):
        times = zeros[k] * made
        made = join([made[:1], made[1:] - times[:-1], -times[-1:]], 0)
    if zeros.dtype.kind == "c" and _conjugate(zeros):
        return real(made)
    return made


def _conjugate(zeros: Any) -> bool:
    """Whether complex numbers come in conjugate pairs."""
    if isinstance(zeros, Tracer) and zeros.owner.kind not in (Kind.CONCRETE, Kind.JIT):
        return False
    pairs = sort(zeros, axis=0) == sort(conj(zeros), axis=0)
    return bool(reduce_all(as_array(pairs), axes=(0,)))


@implements(np.roots)
def roots(p: Any) -> Any:
    """They are complex numbers, also where NumPy, which looks at their values, gives real ones.

    Zeros at either end are not taken off, as NumPy does: roots at 0 and near infinity have derivatives.
    """
    p = as_array(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    if len(p) < 2:
        return np.array([])
    n = len(p) - 1
    companion = join([(-p[1:] / p[0])[None], np.eye(n - 1, n, dtype=p.dtype)], 0)
    return decompositions.eigvals(companion)


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None,
            cov: Any = False) -> Any:
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    order = operator.index(deg) + 1
    if order < 1:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1 or not x.size:
        raise TypeError("expected non-empty vector for x" if x.ndim == 1 else "expected 1D vector for x")
    if y.ndim not in (1, 2) or x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length" if y.ndim in (1, 2) else
                        "expected 1D or 2D array for y")
    columns = vander(x, order)
    values = y
    if w is not None:
        w = as_array(w) + 0.0
        if w.shape != x.shape:
            raise TypeError("expected w and y to have the same length" if w.ndim == 1 else
                            "expected a 1-d array for weights")
        columns = columns * w[:, None]
        values = y * (w if y.ndim == 1 else w[:, None])
    scale = np.sqrt(np.sum(columns * columns, 0))
    columns = columns / scale
    if rcond is None:
        rcond = len(x) * float(np.finfo(x.dtype).eps)
    c, residuals, rank, s = least_squares.lstsq(columns, values, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, converted(rank, np.intc), s, rcond
    if not cov:
        return c
    spread = linalg.inv(columns.T @ columns) / scale[:, None] / scale
    if cov != "unscaled":
        if len(x) <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        spread = (spread if y.ndim == 1 else spread[:, :, None]) * (residuals / (len(x) - order))
    elif y.ndim == 2:
        spread = spread[:, :, None]
    return c, spread


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    count = len(x) if N is None else N
    x = converted(x, np.result_type(x.dtype, int))
    if count <= 0:
        return np.empty((x.size, 0), x.dtype)
    powers = [np.ones(x.shape, x.dtype)]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return stacked(powers if increasing else powers[::-1]).T


_MODES = {"valid": 0, "same": 1, "full": 2, "v": 0, "s": 1, "f": 2, 0: 0, 1: 1, 2: 2}


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = _vectors(a, v, mode)
    if v.dtype.kind == "c":
        v = conj(v)
    if a.size < v.size:  # the shorter slides along the longer, and so from the other end
        return flip(_slide(v, a, _MODES[mode]), axes=(0,))
    return _slide(a, v, _MODES[mode])


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = (x if x.ndim else ravel(x) for x in map(as_array, (a, v)))
    a, v = _vectors(a, v, mode)
    if a.size < v.size:
        a, v = v, a
    return _slide(a, flip(v, axes=(0,)), _MODES[mode])


def _vectors(a: Any, v: Any, mode: Any) -> tuple[Any, Any]:
    a, v = as_array(a), as_array(v)
    if a.ndim != 1 or v.ndim != 1:
        raise ValueError("object too deep for desired array")
    if not a.size or not v.size:
        raise ValueError(f"{'v' if a.size else 'a'} cannot be empty")
    if mode not in _MODES:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    return a, v


def _slide(a: Any, v: Any, mode: int) -> Any:
    """The products of `v` with all windows of its length on `a`, by `mode` beyond its ends too."""
    n, m = a.size, v.size
    dtype = np.result_type(a.dtype, v.dtype)
    if dtype == np.bool_:
        return _slide(converted(a, np.intp), converted(v, np.intp), mode) != 0
    a, v = converted(a, dtype), converted(v, dtype)
    places = np.arange(n - m + 1)[:, None] + np.arange(m)
    parts = [contraction.matmul(getitem(a, places), v)]
    left = (0, m // 2, m - 1)[mode]
    right = (0, m - 1 - m // 2, m - 1)[mode]
    if left:
        parts.insert(0, _beyond(a, v, np.arange(-left, 0)))
    if right:
        parts.append(_beyond(a, v, np.arange(n - m + 1, n - m + 1 + right)))
    return join(parts, 0) if len(parts) > 1 else parts[0]


def _beyond(a: Any, v: Any, starts: Any) -> Any:
    """The sums of the products for windows that reach beyond `a`: of what is not there, nothing."""
    places = starts[:, None] + np.arange(v.size)
    there = (places >= 0) & (places < a.size)
    products = getitem(a, np.where(there, places, 0)) * v
    return reduce_sum(where(there, products, 0), axes=(1,))
