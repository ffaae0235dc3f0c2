"""Order statistics: medians, quantiles and percentiles, with NaN or without."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.numpy.arguments import (
    as_array,
    axes_of,
    converted,
    inexact,
    kept_shape,
    refuse_out,
    refused,
    stacked,
    with_kept_axes,
)
from fxad.numpy.dispatch import implements
from fxad.numpy.reductions import mean
from fxad.numpy.shaping import moveaxis, ravel, reshaped
from fxad.primitives.indexing import getitem
from fxad.primitives.logical import isnan
from fxad.primitives.rounding import clip, floor, maximum
from fxad.primitives.selection import where as choose
from fxad.primitives.sorting import sort, take_along
from fxad.primitives.structural import reduce_sum, reshape
from fxad.tracing import Tracer

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

Axes = tuple[int, ...]


def _line(x: Any, axes: Axes) -> Any:
    """`x` with `axes` made one, the last."""
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    x = moveaxis(x, axes, tuple(range(len(kept), x.ndim)))
    return reshaped(x, (*x.shape[: len(kept)], math.prod(x.shape[len(kept):])))


def _take_last(x: Any, index: Any) -> Any:
    return getitem(x, (..., index))


@implements(np.median)
def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
           keepdims: Any = False) -> Any:
    refuse_out("median", out)
    x = as_array(a)
    axes = axes_of(axis, x.ndim)
    line = sort(_line(inexact(x), axes), axis=x.ndim - len(axes))
    n = line.shape[-1]
    if n == 0:
        return mean(a, axis, keepdims=keepdims)
    middle = _take_last(line, n // 2)
    if n % 2 == 0:
        middle = (_take_last(line, n // 2 - 1) + middle) / 2.0
    last = _take_last(line, n - 1)  # NaN is sorted last
    return with_kept_axes(choose(isnan(last), last, middle), x.shape, axes, keepdims)


#: The `(alpha, beta)` of the methods that interpolate: Hyndman and Fan (1996).
_METHODS = {"linear": (1.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
            "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8)}
#: Those that choose one of the neighbours of the linear method, from the fraction between them.
_CHOICES: dict[str, Callable[[Any], Any]] = {
    "lower": lambda t: t * 0.0, "higher": np.ceil, "midpoint": lambda t: np.ceil(t) * 0.5,
}


def _fraction(q: Any, n: int, method: str) -> tuple[Any, Any, Any]:
    """The positions of two neighbours in a sorted line of n elements, and where between them."""
    alpha, beta = _METHODS.get(method, (1.0, 1.0))
    position = q * (n - 1) if method in ("linear", *_CHOICES, "nearest") else (
        n * q + (alpha + q * (1 - alpha - beta)) - 1)
    if method == "nearest":
        position = np.rint(position)
    position = clip(position, 0.0, n - 1.0)
    first = floor(position)
    fraction = position - first
    if method in _CHOICES:
        fraction = _CHOICES[method](fraction)
    below = converted(as_array(first), np.intp)
    return below, np.minimum(below + 1, n - 1), fraction


def _checked(q: Any, out: Any, method: str, weights: Any) -> Any:
    """The quantiles as a Python number or an array."""
    refuse_out("quantile", out)
    if method not in (*_METHODS, *_CHOICES, "nearest") or weights is not None:
        what = f"method={method!r}" if weights is None else "weights=..."
        raise refused(f"np.quantile(..., {what}) has no traced form.",
                      "one of the methods " + ", ".join([*_METHODS, *_CHOICES, "nearest"]))
    if not isinstance(q, (int, float)):
        q = as_array(q)
    if not isinstance(q, Tracer) and not (np.all(np.asarray(q) >= 0) and np.all(np.asarray(q) <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    return q


def _between(low: Any, high: Any, t: Any) -> Any:
    """`low` and `high` in proportion, from the nearer one as NumPy does: both ends are met exactly."""
    step = high - low
    return choose(as_array(t >= 0.5), high - step * (1.0 - t), low + step * t)


def _quantile(a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, weights: Any) -> Any:
    q = _checked(q, out, method, weights)
    x = as_array(a)
    if x.dtype.kind in "bc":
        raise TypeError("a must be an array of real numbers" if x.dtype.kind == "c" else
                        "numpy boolean subtract, the `-` operator, is not supported")
    axes = axes_of(axis, x.ndim)
    line = sort(_line(inexact(x), axes), axis=x.ndim - len(axes))
    n = line.shape[-1]
    below, above, t = _fraction(q, n, method)
    if isinstance(q, (int, float)):
        t = float(t)
    ndim = np.ndim(q)
    found = _between(_take_last(line, below), _take_last(line, above), t)
    last = _take_last(line, slice(n - 1, n) if ndim else n - 1)  # NaN is sorted last
    if ndim > 1:
        last = reshape(last, shape=(*last.shape, *[1] * (ndim - 1)))
    found = choose(isnan(last), last, found)
    found = moveaxis(found, tuple(range(found.ndim - ndim, found.ndim)), tuple(range(ndim)))
    if keepdims:
        found = reshape(found, shape=(*np.shape(q), *kept_shape(x.shape, axes)))
    return found


@implements(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
             method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    return _quantile(a, q, axis, out, method, keepdims, weights)


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
               method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    return _quantile(a, _hundredths(q), axis, out, method, keepdims, weights)


def _hundredths(q: Any) -> Any:
    return (q if isinstance(q, (int, float)) else as_array(q)) / 100


# -- of what is not NaN -------------------------------------------------------------------------------


def _nan_quantile(a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any,
                  weights: Any) -> Any:
    """Each line has a length of its own: its NaN are sorted last, and left out."""
    x = as_array(a)
    if x.dtype.kind != "f":
        return _quantile(x, q, axis, out, method, keepdims, weights)
    q = _checked(q, out, method, weights)
    axes = axes_of(axis, x.ndim)
    last = x.ndim - len(axes)
    line = sort(_line(x, axes), axis=last)
    count = reduce_sum(converted(~isnan(line), x.dtype), axes=(last,))
    n = reshape(count, shape=(*count.shape, 1))
    made = []
    for i in range(np.size(q)):
        below, above, t = _fraction(q if np.ndim(q) == 0 else ravel(q)[i], maximum(n, 1), method)
        above = converted(np.minimum(above, maximum(n, 1) - 1), np.intp)
        low, high = (take_along(line, places, axis=last) for places in (below, above))
        made.append(reshape(_between(low, high, t), shape=count.shape))
    found = reshape(stacked(made), shape=(*np.shape(q), *count.shape))
    if keepdims:
        found = reshape(found, shape=(*np.shape(q), *kept_shape(x.shape, axes)))
    return found


@implements(np.nanquantile)
def nanquantile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    return _nan_quantile(a, q, axis, out, method, keepdims, weights)


@implements(np.nanpercentile)
def nanpercentile(a: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
                  method: str = "linear", keepdims: Any = False, *, weights: Any = None) -> Any:
    return _nan_quantile(a, _hundredths(q), axis, out, method, keepdims, weights)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
              keepdims: Any = False) -> Any:
    return _nan_quantile(a, 0.5, axis, out, "linear", keepdims, None)
