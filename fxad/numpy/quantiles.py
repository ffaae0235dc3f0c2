"""Order statistics: medians, quantiles and percentiles, with NaN or without."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.numpy.arguments import (
    as_array,
    axes_counted,
    converted,
    inexact,
    kept_shape,
    refuse_out,
    stacked,
    with_kept_axes,
)
from fxad.numpy.dispatch import implements
from fxad.numpy.reductions import mean
from fxad.numpy.shaping import broadcast_to, moveaxis, ravel, reshaped
from fxad.numpy.statistics import nanmean, weights_along
from fxad.primitives.cumulative import cumsum
from fxad.primitives.indexing import getitem
from fxad.primitives.logical import isnan
from fxad.primitives.rounding import clip, floor, maximum
from fxad.primitives.selection import where as choose
from fxad.primitives.sorting import argsort, sort, take_along
from fxad.primitives.structural import reduce_sum, reshape
from fxad.tracing import Tracer

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

Axes = tuple[int, ...]
_INF = float("inf")


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
    axes = axes_counted(axis, x.ndim)
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
_METHODS = {"interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
            "linear": (1.0, 1.0), "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8)}
#: Those that take one element: its position, which is rounded, of n elements.
_DISCRETE: dict[str, Callable[[Any, Any], Any]] = {
    "inverted_cdf": lambda q, n: np.ceil(n * q - 1),
    # The nearest, of two equally near ones the even, counted from one.
    "closest_observation": lambda q, n: _nearest_even(n * q - 1.5),
    "lower": lambda q, n: np.floor((n - 1) * q),
    "higher": lambda q, n: np.ceil((n - 1) * q),
    "nearest": lambda q, n: np.rint((n - 1) * q),
}
_HALVES = ("averaged_inverted_cdf", "midpoint")


def _nearest_even(position: Any) -> Any:
    whole = np.floor(position)
    return whole + choose(as_array((position == whole) & (whole % 2 == 1)), 0.0, 1.0)


def _fraction(q: Any, n: Any, method: str) -> tuple[Any, Any, Any]:
    """The positions of two neighbours in a sorted line of n elements, and where between them.

    There is nothing between them for the methods that take one element.
    """
    if method in _DISCRETE:
        place = converted(as_array(clip(_DISCRETE[method](q, n), 0.0, n - 1.0)), np.intp)
        return place, place, None
    if method == "averaged_inverted_cdf":
        position = n * q - 1
    elif method in ("linear", "midpoint"):
        position = q * (n - 1)
    else:
        alpha, beta = _METHODS[method]
        position = n * q + (alpha + q * (1 - alpha - beta)) - 1
    early = position < 0
    position = clip(position, 0.0, n - 1.0)
    first = floor(position)
    fraction = position - first
    if method == "midpoint":
        fraction = choose(as_array(fraction == 0), 0.0, 0.5)
    elif method == "averaged_inverted_cdf":
        fraction = choose(as_array(early), 0.0, choose(as_array(fraction == 0), 0.5, 1.0))
    below = converted(as_array(first), np.intp)
    return below, converted(as_array(np.minimum(below + 1, n - 1)), np.intp), fraction


def _checked(x: Any, q: Any, out: Any, method: str, weights: Any) -> Any:
    """The quantiles as a Python number or an array."""
    refuse_out("quantile", out)
    if not isinstance(q, (int, float)):
        q = as_array(q)
    if x.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    if np.ndim(q) > 2:
        raise ValueError("q must be a scalar or 1d")
    if not isinstance(q, Tracer) and not (np.all(np.asarray(q) >= 0) and np.all(np.asarray(q) <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    names = [*_DISCRETE, *_HALVES, *_METHODS]
    if method not in names:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(names)}")
    return q


def _between(low: Any, high: Any, t: Any) -> Any:
    """`low` and `high` in proportion, from the nearer one as NumPy does: both ends are met exactly."""
    step = high - low
    return choose(as_array(t >= 0.5), high - step * (1.0 - t), low + step * t)


def _interpolated(x: Any, q: Any, method: str) -> Any:
    """`x` in the dtype of the result; floats, and what is only taken from, as they are."""
    if method in _DISCRETE or x.dtype.kind == "f":
        return x
    return converted(x, np.result_type(x.dtype, q if isinstance(q, (int, float)) else q.dtype, 0.0))


def _quantile(a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, weights: Any) -> Any:
    x = as_array(a)
    q = _checked(x, q, out, method, weights)
    if x.dtype.kind == "b" and method not in _DISCRETE:
        raise TypeError("numpy boolean subtract, the `-` operator, is not supported")
    axes = axes_counted(axis, x.ndim)
    if weights is not None:
        return _weighted(x, q, axis, axes, keepdims, as_array(weights))
    line = sort(_line(_interpolated(x, q, method), axes), axis=x.ndim - len(axes))
    n = line.shape[-1]
    below, above, t = _fraction(q, n, method)
    found = _take_last(line, below)
    if t is not None:
        found = _between(found, _take_last(line, above), float(t) if isinstance(q, (int, float)) else t)
    ndim = np.ndim(q)
    if line.dtype.kind == "f":
        last = _take_last(line, slice(n - 1, n) if ndim else n - 1)  # NaN is sorted last
        if ndim > 1:
            last = reshape(last, shape=(*last.shape, *[1] * (ndim - 1)))
        found = choose(isnan(last), last, found)
    return _in_place(found, q, x.shape, axes, keepdims)


def _in_place(found: Any, q: Any, shape: tuple[int, ...], axes: Axes, keepdims: Any) -> Any:
    """The axes of `q` from the end to the front, and those reduced where they were."""
    ndim = np.ndim(q)
    found = moveaxis(found, tuple(range(found.ndim - ndim, found.ndim)), tuple(range(ndim)))
    return reshape(found, shape=(*np.shape(q), *kept_shape(shape, axes))) if keepdims else found


def _weighted(x: Any, q: Any, axis: Any, axes: Axes, keepdims: Any, w: Any) -> Any:
    """The first element at which the sum of the weights so far reaches `q` of their total."""
    if w.shape != x.shape:
        w = weights_along(x, w, axis)
    if not isinstance(w, Tracer) and np.any(w < 0):
        raise ValueError("Weights must be non-negative.")
    gaps = isnan(x) if x.dtype.kind == "f" else None
    line, w = _line(x, axes), _line(broadcast_to(w, x.shape), axes)
    last = line.ndim - 1
    order = argsort(line, axis=last)
    line, w = take_along(line, order, axis=last), take_along(w, order, axis=last)
    reached = cumsum(converted(w, np.float64), axis=last, reverse=False)
    total = _take_last(reached, slice(-1, None))
    if not isinstance(total, Tracer) and not np.all(np.isfinite(total) & (total > 0)):
        raise ValueError("Weights included NaN, inf or were all zero.")
    reached = reached / total
    if not isinstance(q, (int, float)) and q.dtype.kind == "f":
        reached = converted(reached, q.dtype)
    before = choose(reached == 0, -1.0, reached)[..., None] < ravel(q)
    index = np.minimum(reduce_sum(converted(before, np.intp), axes=(last,)), line.shape[-1] - 1)
    found = take_along(line, index, axis=last)
    if gaps is not None:
        found = choose(isnan(line[..., -1:]), line[..., -1:], found)
    return _in_place(reshaped(found, (*found.shape[:-1], *np.shape(q))), q, x.shape, axes, keepdims)


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
    q = _checked(x, q, out, method, weights)
    if x.size == 0:
        return nanmean(x, axis, keepdims=keepdims)
    axes = axes_counted(axis, x.ndim)
    if weights is not None:
        # What weighs nothing is not reached, wherever it is.
        w = as_array(weights)
        w = broadcast_to(w if w.shape == x.shape else weights_along(x, w, axis), x.shape)
        gaps = isnan(x)
        found = _weighted(choose(gaps, _INF, x), q, axis, axes, keepdims, choose(gaps, 0, w))
        return choose(found == _INF, float("nan"), found)
    last = x.ndim - len(axes)
    line = sort(_line(_interpolated(x, q, method), axes), axis=last)
    exact = np.float64 if isinstance(q, (int, float)) else q.dtype
    count = reduce_sum(converted(~isnan(line), exact), axes=(last,))
    n = maximum(reshape(count, shape=(*count.shape, 1)), 1)
    made = []
    for i in range(np.size(q)):
        below, above, t = _fraction(q if np.ndim(q) == 0 else ravel(q)[i], n, method)
        low, high = (take_along(line, places, axis=last) for places in (below, above))
        if t is not None:
            low = _between(low, high, converted(t, line.dtype) if isinstance(q, (int, float)) else t)
        made.append(reshape(low, shape=count.shape))
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
    refuse_out("nanmedian", out)
    x = as_array(a)
    axes = axes_counted(axis, x.ndim)
    if x.dtype.kind not in "fc":
        return median(x, axis, keepdims=keepdims)
    if x.size == 0:
        return nanmean(x, axis, keepdims=keepdims)
    last = x.ndim - len(axes)
    line = sort(_line(x, axes), axis=last)  # NaN is sorted last
    count = reduce_sum(converted(~isnan(line), np.intp), axes=(last,))
    n = maximum(reshape(count, shape=(*count.shape, 1)), 1)
    low, high = (take_along(line, places, axis=last) for places in ((n - 1) // 2, n // 2))
    middle = choose(n % 2 == 1, low, (low + high) / 2.0)
    return with_kept_axes(reshape(middle, shape=count.shape), x.shape, axes, keepdims)
