"""Sums, products, extremes and decisions along axes, and where the extremes are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.program import Literal
from fxad.numpy.arguments import (
    as_array,
    axes_counted,
    axes_of,
    axis_of,
    converted,
    holds,
    inexact,
    kept_shape,
    refuse_out,
    refused,
    warned,
    with_kept_axes,
)
from fxad.numpy.dispatch import has_tracer, implements
from fxad.primitives import reductions as primitive
from fxad.primitives.arithmetic import divide, not_equal
from fxad.primitives.exponential import exp, log
from fxad.primitives.logical import isnan, logical_and, logical_not, logical_or
from fxad.primitives.rounding import maximum, minimum
from fxad.primitives.selection import where as choose
from fxad.primitives.stopping import stop_gradient
from fxad.primitives.structural import broadcast_to, reduce_sum, reshape

__all__ = ["all_", "amax", "amin", "any_", "argmax", "argmin", "count_nonzero", "logsumexp", "mask_of",
           "max_", "min_", "nanargmax", "nanargmin", "nanmax", "nanmin", "nanprod", "nansum", "prod", "ptp",
           "sum_"]

_inf = float("inf")


@functools.cache
def accumulated(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which NumPy sums and multiplies elements of `dtype`."""
    return np.add.reduce(np.zeros(1, dtype)).dtype  # type: ignore[no-any-return]


def _reduced(
    reduction: Any, x: Any, axis: Any, keepdims: Any, initial: Any, where: Any, *,
    name: str, combine: Callable[..., Any], identity: Any,
) -> Any:
    """A reduction with NumPy's `initial` and `where`; without an identity, `where` needs `initial`."""
    axes = axes_of(axis, x.ndim)
    start = identity if identity is not None else initial
    if where is not True:
        if start is None:
            raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a "
                             "where mask one has to specify 'initial'")
        x = choose(mask_of(where, x), x, _in_dtype(start, x.dtype))
    if initial is not None:
        initial = _in_dtype(initial, x.dtype)
        if reduction is not reduce_sum and any(x.shape[a] == 0 for a in axes):
            kept = tuple(n for i, n in enumerate(x.shape) if i not in axes)
            out = broadcast_to(initial, kept)
            return with_kept_axes(out, x.shape, axes, keepdims)
    out = reduction(x, axes=axes)
    if initial is not None:
        out = combine(out, initial)
    return with_kept_axes(out, x.shape, axes, keepdims)


def mask_of(where: Any, x: Any) -> Any:
    """The mask of the elements that are reduced, which chooses among those there are and makes no more."""
    mask = as_array(where)
    extra = mask.ndim - x.ndim
    if extra > 0 or any(m != n == 1 for m, n in zip(mask.shape, x.shape[-extra:], strict=True)):
        raise refused(f"a mask of shape {mask.shape} (where=) is larger than the array of shape {x.shape}"
                      " whose elements it chooses", "np.broadcast_to(x, mask.shape) in the place of x")
    return mask


def _in_dtype(value: Any, dtype: np.dtype[Any]) -> Any:
    """A number in another dtype; raises OverflowError for infinity in integers."""
    return converted(as_array(value), dtype) if has_tracer((value,)) else np.array(value, dtype)


# -- sums and products --------------------------------------------------------------------------------


@implements(np.sum)
def sum_(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False,
         initial: Any = None, where: Any = True) -> Any:
    refuse_out("sum", out)
    a = as_array(a)
    a = converted(a, dtype or accumulated(a.dtype))
    return _reduced(reduce_sum, a, axis, keepdims, initial, where,
                    name="add", combine=lambda x, y: x + y, identity=0)


@implements(np.prod)
def prod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False,
         initial: Any = None, where: Any = True) -> Any:
    refuse_out("prod", out)
    a = as_array(a)
    a = converted(a, dtype or accumulated(a.dtype))
    return _reduced(primitive.reduce_prod, a, axis, keepdims, initial, where,
                    name="multiply", combine=lambda x, y: x * y, identity=1)


@implements(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False,
           initial: Any = None, where: Any = True) -> Any:
    return sum_(nan_to(as_array(a), 0), axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False,
            initial: Any = None, where: Any = True) -> Any:
    return prod(nan_to(as_array(a), 1), axis, dtype, out, keepdims, initial, where)


def nan_to(x: Any, value: Any) -> Any:
    """`x` with `value` in place of each NaN."""
    return choose(isnan(x), value, x) if x.dtype.kind in "fc" else x


def elements(shape: tuple[int, ...], axes: tuple[int, ...], where: Any = True) -> Any:
    """How many elements are reduced to one: a weak number, or an array where a mask chooses them."""
    if where is True:
        count = 1
        for a in axes:
            count *= shape[a]
        return Literal(float(count))
    mask = broadcast_to(as_array(where), shape)
    return reduce_sum(converted(mask, np.int64), axes=axes)


def mean_of(x: Any, axes: tuple[int, ...], where: Any = True) -> Any:
    """The mean over normalised axes of floats or complex numbers."""
    if where is not True:
        x, where = choose(as_array(where), x, 0), broadcast_to(as_array(where), x.shape)
    total = reduce_sum(x, axes=axes)
    count = elements(x.shape, axes, where)
    if where is True and 0 in [x.shape[a] for a in axes]:
        warned("Mean of empty slice")
    return converted(divide(total, count), x.dtype)


@implements(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False, *,
         where: Any = True) -> Any:
    refuse_out("mean", out)
    a = as_array(a)
    x = converted(a, dtype) if dtype is not None else inexact(a)
    axes = axes_counted(axis, x.ndim)
    if x.dtype.itemsize == 2:  # NumPy adds up half precision in single precision
        return with_kept_axes(converted(mean_of(converted(x, np.float32), axes, where), x.dtype),
                              x.shape, axes, keepdims)
    return with_kept_axes(mean_of(x, axes, where), x.shape, axes, keepdims)


# -- extremes -----------------------------------------------------------------------------------------


@implements(np.max, np.amax)
def max_(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, initial: Any = None,
         where: Any = True) -> Any:
    refuse_out("max", out)
    return _reduced(primitive.reduce_max, as_array(a), axis, keepdims, initial, where,
                    name="maximum", combine=maximum, identity=None)


@implements(np.min, np.amin)
def min_(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, initial: Any = None,
         where: Any = True) -> Any:
    refuse_out("min", out)
    return _reduced(primitive.reduce_min, as_array(a), axis, keepdims, initial, where,
                    name="minimum", combine=minimum, identity=None)


amax, amin = max_, min_


def _nan_extreme(extreme: Any, worst: float, a: Any, axis: Any, keepdims: Any, initial: Any,
                 where: Any) -> Any:
    """The extreme of what is not NaN; NaN where nothing else is."""
    x = as_array(a)
    if x.dtype.kind != "f" or initial is not None:
        return extreme(nan_to(x, worst), axis, None, keepdims, initial, where)
    found = extreme(nan_to(x, worst), axis, None, keepdims, None, where)
    return choose(all_(isnan(x), axis, None, keepdims), float("nan"), found)


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Any:
    refuse_out("nanmax", out)
    return _nan_extreme(max_, -_inf, a, axis, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, initial: Any = None,
           where: Any = True) -> Any:
    refuse_out("nanmin", out)
    return _nan_extreme(min_, _inf, a, axis, keepdims, initial, where)


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: None = None, keepdims: Any = False) -> Any:
    refuse_out("ptp", out)
    return max_(a, axis, None, keepdims) - min_(a, axis, None, keepdims)


def _position(extreme: Any, name: str, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    refuse_out(name, out)
    a = as_array(a)
    if a.ndim == 0 and axis is not None:
        axis_of(axis, 1)
    if axis is None or a.ndim == 0:
        found = extreme(reshape(a, shape=(a.size,)), axis=0)
        return reshape(found, shape=(1,) * a.ndim) if keepdims else found
    axis = axis_of(axis, a.ndim)
    found = extreme(a, axis=axis)
    return reshape(found, shape=kept_shape(a.shape, (axis,))) if keepdims else found


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Any:
    return _position(primitive.argmax, "argmax", a, axis, out, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Any:
    return _position(primitive.argmin, "argmin", a, axis, out, keepdims)


def _nan_position(position: Any, worst: float, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    x = as_array(a)
    if x.dtype.kind in "fc" and not holds(logical_not(any_(all_(isnan(x), axis)))):
        raise ValueError("All-NaN slice encountered")
    return position(nan_to(x, worst), axis, out, keepdims=keepdims)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Any:
    return _nan_position(argmax, -_inf, a, axis, out, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Any:
    return _nan_position(argmin, _inf, a, axis, out, keepdims)


# -- decisions ----------------------------------------------------------------------------------------


def truth(x: Any) -> Any:
    """`x` as booleans."""
    return x if x.dtype.kind == "b" else not_equal(x, 0)


@implements(np.any)
def any_(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, *,
         where: Any = True) -> Any:
    refuse_out("any", out)
    return _reduced(primitive.reduce_any, truth(as_array(a)), axis, keepdims, None, where,
                    name="logical_or", combine=logical_or, identity=False)


@implements(np.all)
def all_(a: Any, axis: Any = None, out: None = None, keepdims: Any = False, *,
         where: Any = True) -> Any:
    refuse_out("all", out)
    return _reduced(primitive.reduce_all, truth(as_array(a)), axis, keepdims, None, where,
                    name="logical_and", combine=logical_and, identity=True)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return sum_(truth(as_array(a)), axis, np.int64, None, keepdims)


def logsumexp(a: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: Any = False,
              initial: Any = None, where: Any = True) -> Any:
    """`log(sum(exp(a)))` along axes, safe from overflow: np.logaddexp.reduce."""
    refuse_out("logaddexp.reduce", out)
    x = as_array(a)
    x = converted(x, dtype or np.logaddexp.resolve_dtypes((x.dtype, x.dtype, None))[0])
    if where is not True:
        x = choose(mask_of(where, x), x, -_inf)
    greatest = stop_gradient(max_(x, axis, None, True, -_inf))
    # Where all are -inf, so is the result; subtracting it from itself would give NaN.
    pivot = choose(greatest == -_inf, 0, choose(greatest == _inf, 0, greatest))
    total = sum_(exp(x - pivot), axis, None, None, True)
    nothing = total == 0  # the derivative by each element is 0 there
    total = choose(nothing, -_inf, log(choose(nothing, 1, total)) + pivot)
    if initial is not None:
        total = np.logaddexp(total, initial)
    if keepdims:
        return total
    axes = axes_of(axis, x.ndim)
    return reshape(total, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes))
