"""Histograms: how many elements, or how much weight, each bin has.

The counts are steps, of derivative zero; weights and, where the data make them, edges have derivatives. Only
what the size of the result depends on has to be known.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, concrete, converted, holds, refused, stacked
from fxad.numpy.calculus import diff
from fxad.numpy.creation import linspace
from fxad.numpy.dispatch import has_tracer, implements
from fxad.numpy.reductions import max_, min_, sum_
from fxad.numpy.selecting import searchsorted, where
from fxad.numpy.shaping import atleast_2d, ravel, reshaped
from fxad.primitives.indexing import getitem, scatter_sum

__all__ = ["bincount", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """The numbers that are counted decide the size of the result; the weights may be traced."""
    bins = np.asarray(concrete(as_array(x), "np.bincount(x)", "np.sum(weights[:, None] * (x[:, None] =="
                               " np.arange(n)), axis=0)"))
    if weights is None:
        return np.bincount(bins, minlength=minlength)
    size = len(np.bincount(bins, minlength=minlength))
    w = as_array(weights)
    if w.dtype.kind == "c":
        raise TypeError("Cannot cast array data from dtype('complex128') to dtype('float64') according to"
                        " the rule 'safe'")
    w = converted(w, np.float64)
    if w.shape != bins.shape:
        raise ValueError("The weights and list don't have the same length.")
    return scatter_sum(w, bins, shape=(size,), axes=(0,))


# -- edges --------------------------------------------------------------------------------------------


def _ends(a: Any, range: Any) -> tuple[Any, Any]:
    """The outermost edges: those given, or the extremes of the data."""
    if range is not None:
        first, last = range
        if not holds(first <= last):
            raise ValueError("max must be larger than min in range parameter.")
        kind = "supplied"
    elif a.size == 0:
        first, last, kind = 0, 1, "supplied"
    else:
        first, last, kind = min_(a), max_(a), "autodetected"
    if not holds(np.isfinite(first) & np.isfinite(last)):
        raise ValueError(f"{kind} range of [{first}, {last}] is not finite")
    if has_tracer((first, last)):
        same = first == last
        return where(same, first - 0.5, first), where(same, last + 0.5, last)
    return (first - 0.5, last + 0.5) if first == last else (first, last)


def _increasing(edges: Any, message: str) -> Any:
    if not holds(np.all(getitem(edges, slice(1, None)) >= getitem(edges, slice(None, -1)))):
        raise ValueError(message)
    return edges


def _edges(a: Any, bins: Any, range: Any, weights: Any) -> Any:
    """The edges of the bins of one line of data."""
    if isinstance(bins, str):
        values = concrete(a, f"np.histogram with bins={bins!r}", "a number of bins")
        bins = len(np.histogram_bin_edges(values, bins, range, None if weights is None else 1)) - 1
    elif np.ndim(bins) == 1:
        return _increasing(as_array(bins), "`bins` must increase monotonically, when an array")
    elif np.ndim(bins):
        raise ValueError("`bins` must be 1d, when an array")
    try:
        count = operator.index(bins)
    except TypeError:
        raise TypeError("`bins` must be an integer, a string, or an array") from None
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = _ends(a, range)
    kind = np.result_type(*[v if isinstance(v, (int, float)) else v.dtype for v in (first, last, a)])
    kind = np.result_type(kind, float) if kind.kind in "iu" else kind
    edges = linspace(first, last, count + 1, dtype=kind)
    if not holds(np.all(getitem(edges, slice(1, None)) > getitem(edges, slice(None, -1)))):
        raise ValueError(f"Too many bins for data range. Cannot create {count} finite-sized bins.")
    return edges


def _line(a: Any) -> Any:
    a = ravel(a)
    if a.dtype.kind == "c":
        raise refused("np.histogram of complex numbers, which have no order.", "np.histogram(np.abs(x))")
    return converted(a, np.uint8) if a.dtype.kind == "b" else a


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    return _edges(_line(a), bins, range, weights)


# -- one axis -----------------------------------------------------------------------------------------


def _added(weights: Any, places: Any, count: int) -> Any:
    """The sums of the weights at each of `count` places, in their dtype; more places count nothing."""
    kind = weights.dtype
    wide = kind if kind.kind in "iu" else np.result_type(kind, np.float64)
    total = scatter_sum(converted(weights, wide), places, shape=(count + 1,), axes=(0,))
    return converted(getitem(total, slice(None, count)), kind)


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None,
              weights: Any = None) -> tuple[Any, Any]:
    a = as_array(a)
    if weights is not None and as_array(weights).shape != a.shape:
        raise ValueError("weights should have the same shape as a.")
    a = _line(a)
    edges = _edges(a, bins, range, weights)
    count = len(edges) - 1
    w = np.ones(a.shape, np.intp) if weights is None else ravel(weights)
    inside = (a >= edges[0]) & (a <= edges[-1])
    places = np.minimum(searchsorted(edges, a, "right"), count) - 1
    n = _added(w, where(inside, places, count), count)
    if density:
        return n / converted(diff(edges), np.float64) / sum_(n), edges
    return n, edges


# -- several axes -------------------------------------------------------------------------------------


@implements(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None,
                weights: Any = None) -> tuple[Any, list[Any]]:
    if np.ndim(sample) != 2 or not hasattr(sample, "shape"):
        sample = atleast_2d(as_array(sample)).T
    ndim = sample.shape[1]
    bins = list(bins) if np.iterable(bins) else [bins] * ndim
    if len(bins) != ndim:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    if range is not None and len(range) != ndim:
        raise ValueError("range argument must have one entry per dimension")
    lines = [sample[:, i] for i in np.arange(ndim)]
    edges = [_edges_of(i, x, bins[i], range[i] if range is not None else None)
             for i, x in enumerate(lines)]
    counts = [len(e) - 1 for e in edges]
    inside: Any = True
    place: Any = 0
    for x, edge, count in zip(lines, edges, counts, strict=True):
        inside = inside & (x >= edge[0]) & (x <= edge[-1])
        place = place * count + np.minimum(searchsorted(edge, x, "right"), count) - 1
    size = math.prod(counts)
    w = np.ones(len(sample)) if weights is None else converted(as_array(weights), np.float64)
    n = reshaped(_added(w, where(inside, place, size), size), tuple(counts))
    return (_density(n, edges) if density else n), edges


def _edges_of(i: int, x: Any, bins: Any, range: Any) -> Any:
    """The edges along one of the axes."""
    if np.ndim(bins) == 1:
        return _increasing(as_array(bins), f"`bins[{i}]` must be monotonically increasing, when an array")
    if np.ndim(bins):
        raise ValueError(f"`bins[{i}]` must be a scalar or 1d array")
    if bins < 1:
        raise ValueError(f"`bins[{i}]` must be positive, when an integer")
    first, last = _ends(x, range)
    try:
        return linspace(first, last, operator.index(bins) + 1)
    except TypeError as error:
        raise TypeError(f"`bins[{i}]` must be an integer, when a scalar") from error


def _density(n: Any, edges: Sequence[Any]) -> Any:
    """Counts divided by their sum and by the sizes of the bins."""
    total = sum_(n)
    for i, edge in enumerate(edges):
        width = diff(edge)
        n = n / reshaped(width, tuple(width.size if j == i else 1 for j in np.arange(n.ndim)))
    return n / total


@implements(np.histogram2d)
def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None,
                weights: Any = None) -> tuple[Any, Any, Any]:
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if np.ndim(x) != 1 or np.ndim(y) != 1:
        raise ValueError("x and y must have one axis.")
    several = isinstance(bins, (list, tuple)) or getattr(bins, "ndim", 0) == 1
    if several and len(bins) not in (1, 2):
        bins = [bins, bins]
    n, edges = histogramdd(stacked([as_array(x), as_array(y)]).T, bins, range, density, weights)
    return n, edges[0], edges[1]
