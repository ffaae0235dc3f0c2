"""Polynomials, and the convolutions that multiply them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, join, refused, stacked
from fxad.numpy.dispatch import implements
from fxad.numpy.shaping import ravel
from fxad.primitives import contraction, decompositions, norms
from fxad.primitives.complexes import conj
from fxad.primitives.indexing import getitem
from fxad.primitives.structural import broadcast_to, flip

__all__ = ["convolve", "correlate", "polyadd", "polyder", "polyfit", "polyint", "polymul",
           "polysub", "polyval", "roots", "vander"]


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    coefficients, x = as_array(p), as_array(x)
    y: Any = np.zeros_like(x)
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
    given = [ravel(p) for p in polynomials]
    size = max(p.size for p in given)
    return [join([np.zeros(size - p.size, p.dtype), p], 0) if p.size < size else p for p in given]


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    return convolve(a1, a2)


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    p = as_array(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p = as_array(p)
    constants = np.zeros(m) if k is None else broadcast_to(ravel(k), (m,))
    for i in range(m):
        p = join([p / np.arange(len(p), 0, -1), constants[i : i + 1]], 0)
    return p


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
    if full or cov:
        raise refused("np.polyfit(..., full=True) and cov=True have no traced form.",
                      "np.linalg.lstsq(np.vander(x, deg + 1), y)")
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    if x.ndim != 1 or y.ndim not in (1, 2) or x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    columns = vander(x, operator.index(deg) + 1)
    if w is not None:
        w = as_array(w) + 0.0
        columns = columns * w[:, None]
        y = y * (w if y.ndim == 1 else w[:, None])
    scale = np.sqrt(np.sum(columns * columns, 0))
    if rcond is None:
        rcond = len(x) * float(np.finfo(x.dtype).eps)
    return (norms.lstsq(columns / scale, y, rcond)[0].T / scale).T


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
    """The products of `v` with all windows of its length on `a`, with zeros around it by `mode`."""
    n, m = a.size, v.size
    dtype = np.result_type(a.dtype, v.dtype)
    left = (0, m // 2, m - 1)[mode]
    right = (0, m - 1 - m // 2, m - 1)[mode]
    parts = [np.zeros(left, dtype), converted(a, dtype), np.zeros(right, dtype)]
    padded = join([p for p in parts if p.size], 0)
    places = np.arange(left + n + right - m + 1)[:, None] + np.arange(m)
    return contraction.matmul(getitem(padded, places), converted(v, dtype))
