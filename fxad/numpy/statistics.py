"""Spread, averages, order statistics and covariance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.ir.program import Literal
from fxad.numpy.arguments import (
    as_array,
    axes_counted,
    axes_of,
    axis_of,
    converted,
    join,
    refuse_out,
    warned,
    with_kept_axes,
)
from fxad.numpy.dispatch import implements
from fxad.numpy.reductions import elements, mask_of, mean, mean_of, sum_
from fxad.numpy.shaping import transpose
from fxad.primitives.arithmetic import divide, equal
from fxad.primitives.complexes import conj, imag, real
from fxad.primitives.exponential import sqrt
from fxad.primitives.indexing import getitem
from fxad.primitives.logical import isnan
from fxad.primitives.rounding import clip, maximum
from fxad.primitives.selection import where as choose
from fxad.primitives.structural import broadcast, broadcast_to, reduce_sum, reshape
from fxad.tracing import Tracer

__all__ = ["average", "corrcoef", "cov", "nanmean", "nanstd", "nanvar", "std", "var"]

Axes = tuple[int, ...]


# -- spread -------------------------------------------------------------------------------------------


def squared(x: Any) -> Any:
    """The square of the absolute value of each element: real."""
    if x.dtype.kind == "c":
        return real(x) * real(x) + imag(x) * imag(x)
    return x * x


def _variance(a: Any, axes: Axes, dtype: Any, ddof: Any, where: Any, given: Any) -> Any:
    """The mean is taken and the squares are added up in `dtype`, the squares in that of the array."""
    kind = np.dtype(dtype or (np.float64 if a.dtype.kind in "iub" else a.dtype))
    center = given
    if center is None:
        kept = tuple(i for i in range(a.ndim) if i not in axes)
        center = broadcast(mean_of(converted(a, kind), axes, where), shape=a.shape, axes=kept)
    deviation = a - center
    square = deviation * deviation if a.dtype.kind in "fiu" else squared(deviation)
    if dtype is not None:
        square = converted(square, kind)
    count = elements(a.shape, axes, where)
    if where is not True:
        square = choose(as_array(where), square, 0)
    if isinstance(count, Literal) and not isinstance(ddof, Tracer) and ddof >= count.value:
        warned("Degrees of freedom <= 0 for slice")
    left = (
        Literal(max(count.value - ddof, 0.0)) if isinstance(count, Literal) and not
        isinstance(ddof, Tracer) else maximum(_number(count) - ddof, 0)
    )
    return converted(divide(reduce_sum(square, axes=axes), left), square.dtype)


def _number(count: Any) -> Any:
    return count.value if isinstance(count, Literal) else count


@implements(np.var)
def var(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None) -> Any:
    refuse_out("var", out)
    if correction is not None:
        if ddof:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    a = as_array(a)
    axes = axes_counted(axis, a.ndim)
    given = None if mean is None else as_array(mean)
    if a.dtype == np.float16 and dtype is None:  # NumPy computes with half precision in single precision
        wide = _variance(converted(a, np.float32), axes, None, ddof, where, given)
        found = converted(wide, a.dtype)
    else:
        found = _variance(a, axes, dtype, ddof, where, given)
    return with_kept_axes(found, a.shape, axes, keepdims)


@implements(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None) -> Any:
    """Its derivative is 0 where all elements are equal."""
    refuse_out("std", out)
    return root(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean,
                    correction=correction))


def root(x: Any) -> Any:
    """`sqrt(x)`, with derivative 0 at 0 instead of infinity."""
    if x.dtype.kind not in "fc":  # a number is cast back, an array refuses to be
        if x.ndim:
            np.sqrt(np.ones(1, x.dtype), out=np.ones(1, x.dtype))
        return converted(root(converted(x, np.float64)), x.dtype)
    zero = equal(x, 0)
    return choose(zero, x, sqrt(choose(zero, 1, x)))


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
            keepdims: Any = False) -> Any:
    a = as_array(a)
    axes = axes_of(axis, a.ndim)
    if weights is None:
        found = mean(a, axis, keepdims=keepdims)
        if not found.size:
            raise ZeroDivisionError("division by zero")
        total: Any = math.prod(a.shape[i] for i in axes)
        return (found, np.full(found.shape, total, found.dtype)[()]) if returned else found
    w = as_array(weights)
    if a.shape != w.shape:
        w = weights_along(a, w, axis)
    dtype = np.result_type(a.dtype, w.dtype, *(["f8"] if a.dtype.kind in "iub" else []))
    w = broadcast_to(converted(w, dtype), a.shape)
    total = sum_(w, axis, keepdims=keepdims)
    if not isinstance(total, Tracer) and np.any(total == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    found = divide(sum_(converted(a, dtype) * w, axis, keepdims=keepdims), total)
    return (found, total) if returned else found


def weights_along(a: Any, w: Any, axis: Any) -> Any:
    """Weights of the axes that are reduced, with axes of size 1 for the others."""
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = tuple([axis_of(i, a.ndim) for i in (axis if isinstance(axis, tuple) else (axis,))])
    if w.shape != tuple(a.shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    w = transpose(w, tuple(np.argsort(axes)))
    return reshape(w, shape=tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))


# -- what is not NaN ----------------------------------------------------------------------------------


def _valid(x: Any, dtype: Any, where: Any) -> Any:
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise TypeError("If a is inexact, then dtype must be inexact")
    valid = ~isnan(x)
    return valid if where is True else valid & mask_of(where, x)


def _of_number(axis: Any, ndim: int) -> Any:
    """The axis; these sum a number along its only "axis"."""
    return None if ndim == 0 and axes_of(axis, ndim) == () else axis


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False, *,
            where: Any = True) -> Any:
    x = as_array(a)
    if x.dtype.kind in "fc":
        where = _valid(x, dtype, where)
        axis = _of_number(axis, x.ndim)
    return mean(x, axis, dtype, out, keepdims, where=where)


@implements(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0,
           keepdims: Any = False, *, where: Any = True, mean: Any = None,
           correction: Any = None) -> Any:
    x = as_array(a)
    if x.dtype.kind not in "fc":
        return var(x, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    where = _valid(x, dtype, where)
    axis = _of_number(axis, x.ndim)
    if mean is not None:
        mean = converted(as_array(mean), x.dtype)
    found = var(x, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    left = sum_(converted(where, np.int64), axis, keepdims=keepdims)
    return choose(left > (ddof if correction is None else correction), found, float("nan"))


@implements(np.nanstd)
def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: Any = 0,
           keepdims: Any = False, *, where: Any = True, mean: Any = None,
           correction: Any = None) -> Any:
    return root(nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean,
                       correction=correction))


# -- covariance ---------------------------------------------------------------------------------------


@implements(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: Any = None, aweights: Any = None, *, dtype: Any = None) -> Any:
    x = as_array(m)
    if x.ndim > 2 or (y is not None and as_array(y).ndim > 2):
        raise ValueError("m has more than 2 dimensions")
    if dtype is None:
        others = [] if y is None else [as_array(y).dtype]
        dtype = np.result_type(x.dtype, np.float64, *others)
    x = _observations(x, dtype, rowvar)
    if y is not None:
        x = join([x, _observations(as_array(y), dtype, rowvar)], 0)
    if ddof is None:
        ddof = 0 if bias else 1
    _check_weights(fweights, aweights, x.shape[1])
    w = None
    for weights in (fweights, aweights):
        if weights is not None:
            w = as_array(weights) if w is None else w * as_array(weights)
    if w is None:
        left: Any = max(float(x.shape[1] - ddof), 0.0)
        center, weighted = mean(x, 1), None
        if not left:
            warned("Degrees of freedom <= 0 for slice")
    else:
        w_sum = sum_(w)
        center = sum_(x * w, 1) / w_sum
        correction = w if aweights is None else w * as_array(aweights)
        left = w_sum - ddof if aweights is None else w_sum - ddof * sum_(correction) / w_sum
        left = maximum(left, 0.0)
        weighted = w
    x = x - reshape(center, shape=(x.shape[0], 1))
    transposed = (x if weighted is None else x * weighted).T
    found = (x @ conj(transposed)) / left
    return reshape(found, shape=tuple(n for n in found.shape if n != 1)) if 1 in found.shape else found


def _check_weights(fweights: Any, aweights: Any, count: int) -> None:
    """Raise NumPy's errors for weights that don't fit."""
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        w = as_array(given)
        if name == "fweights" and not isinstance(w, Tracer) and not np.all(w == np.around(w)):
            raise TypeError("fweights must be integer")
        if w.ndim > 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if w.shape[0] != count:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        if not isinstance(w, Tracer) and np.any(w < 0):
            raise ValueError(f"{name} cannot be negative")


def _observations(x: Any, dtype: Any, rowvar: bool) -> Any:
    x = converted(x, dtype)
    if x.ndim < 2:
        return reshape(x, shape=(1, x.size))
    return x if rowvar else x.T


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    n = c.shape[0]
    spread = sqrt(real(getitem(c, (np.arange(n), np.arange(n)))))
    c = c / spread[:, None] / spread[None, :]
    if c.dtype.kind == "c":
        return clip(real(c), -1.0, 1.0) + 1j * clip(imag(c), -1.0, 1.0)
    return clip(c, -1.0, 1.0)
