"""New arrays: from array-likes, like others, and between endpoints."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, holds, join, refused
from fxad.numpy.buffers import filled_like
from fxad.numpy.dispatch import has_tracer, implements
from fxad.numpy.elementwise import own_of, typed
from fxad.numpy.reductions import all_
from fxad.numpy.shaping import broadcast_to, moveaxis, reshaped_view
from fxad.primitives.arithmetic import divide
from fxad.primitives.exponential import log10
from fxad.primitives.logical import isfinite
from fxad.primitives.powers import power
from fxad.primitives.rounding import sign
from fxad.primitives.structural import reshape, written_as
from fxad.primitives.views import C_ORDER, F_ORDER, View, may_be_view
from fxad.tracing import Tracer

__all__ = ["array", "asanyarray", "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray",
           "empty_like", "full", "full_like", "geomspace", "linspace", "logspace", "meshgrid", "ones_like",
           "require", "zeros_like"]


# -- from array-likes ---------------------------------------------------------------------------------


@implements(np.asarray, views=True)
def asarray(a: Any, dtype: Any = None, order: Any = None, *, device: Any = None,
            copy: bool | None = None, like: Any = None) -> Any:
    made = as_array(a)
    return made if dtype is None else converted(made, dtype)


@implements(np.asanyarray, views=True)
def asanyarray(a: Any, dtype: Any = None, order: Any = None, *, device: Any = None,
               copy: bool | None = None, like: Any = None) -> Any:
    return asarray(a, dtype)


@implements(np.ascontiguousarray, views=True)
def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    return _lying(a, dtype, C_ORDER)


@implements(np.asfortranarray, views=True)
def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    return _lying(a, dtype, F_ORDER)


def _lying(a: Any, dtype: Any, order: View) -> Any:
    """An array whose elements lie in an order: itself, if they do, else a copy."""
    x = reshaped_view(asarray(a, dtype), np.shape(a) or (1,))
    if x.__class__ is not Tracer:
        return x
    return may_be_view(Tracer(x.owner, x.index, x.type), x, [order], "F" if order is F_ORDER else "C")


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    """As `numpy.asarray_chkfinite`, on arrays and traced values alike: raises ValueError for inf and NaN.

    Under vmap, where there is no single value, nothing is checked.
    """
    if not has_tracer((a,)):
        return np.asarray_chkfinite(a, dtype, order)
    made = asarray(a, dtype)
    if made.dtype.kind in "fc" and not holds(all_(isfinite(made))):
        raise ValueError("array must not contain infs or NaNs")
    return made


@implements(np.require, views=True)
def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    """What is required of the memory holds for all results."""
    return asarray(a, dtype)


@implements(np.array, views=True)
def array(object: Any, dtype: Any = None, *, copy: bool | None = True, order: Any = "K",
          subok: bool = False, ndmin: int = 0, like: Any = None) -> Any:
    made = asarray(object, dtype)
    if made.ndim < ndmin:
        made = reshaped_view(made, (1,) * (ndmin - made.ndim) + made.shape)
    return own_of(made, order) if copy else made


# -- like others --------------------------------------------------------------------------------------


def _filled(a: Any, value: Any, dtype: Any, order: Any, shape: Any) -> Any:
    """An array of one value, like `a` in what is not asked for; it can be written to."""
    a = as_array(a)
    if shape is None:
        shape = a.shape
    elif not np.iterable(shape):
        shape = (operator.index(shape),)
    dtype = a.dtype if dtype is None else dtype
    if a.__class__ is not Tracer:
        return np.full(shape, value, dtype)
    return filled_like(a, tuple(map(operator.index, shape)), value, dtype, order)


@implements(np.zeros_like, views=True)
def zeros_like(a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *,
               device: Any = None) -> Any:
    return _filled(a, 0, dtype, order, shape)


@implements(np.ones_like, views=True)
def ones_like(a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *,
              device: Any = None) -> Any:
    return _filled(a, 1, dtype, order, shape)


@implements(np.empty_like, views=True)
def empty_like(prototype: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
               shape: Any = None, *, device: Any = None) -> Any:
    return _filled(prototype, 0, dtype, order, shape)


@implements(np.full_like, views=True)
def full_like(a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
              shape: Any = None, *, device: Any = None) -> Any:
    if np.ndim(fill_value) == 0 and not has_tracer((fill_value,)):
        return _filled(a, fill_value, dtype, order, shape)
    made = _filled(a, 0, dtype, order, shape)
    if made.__class__ is not Tracer:  # `a` is a plain array
        return own_of(broadcast_to(written_as(as_array(fill_value), made.dtype), made.shape), "C")
    made[...] = fill_value
    return made


@implements(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", *, device: Any = None,
         like: Any = None) -> Any:
    value = as_array(fill_value)
    shape = tuple(shape) if np.iterable(shape) else (operator.index(shape),)
    return broadcast_to(value if dtype is None else written_as(value, dtype), shape)


# -- between endpoints --------------------------------------------------------------------------------


@implements(np.linspace)
def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False,
             dtype: Any = None, axis: int = 0, *, device: Any = None) -> Any:
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    steps = num - 1 if endpoint else num
    kind = np.result_type(*[typed(x if np.ndim(x) == 0 else as_array(x).dtype) for x in (start, stop)])
    if kind.kind not in "fc":
        kind = np.result_type(kind, 1.0)
    first, last = converted(as_array(start), kind), converted(as_array(stop), kind)
    shape = np.broadcast_shapes(first.shape, last.shape)
    first, last = broadcast_to(first, shape), broadcast_to(last, shape)
    step: Any = (last - first) / float(steps) if steps > 0 else np.nan
    count = np.reshape(np.arange(num, dtype=kind), (-1,) + (1,) * len(shape))
    if steps > 0:
        made = count * step + first
        if endpoint and num > 1:
            made = join([made[:-1], reshape(last, shape=(1, *shape))], 0)
    else:
        made = broadcast_to(first, (num, *shape))
    made = moveaxis(made, 0, axis) if axis != 0 else made
    if dtype is not None:
        kind = np.dtype(dtype)
        made = converted(np.floor(made) if kind.kind in "iu" else made, kind)
    return (made, step) if retstep else made


@implements(np.logspace)
def logspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0,
             dtype: Any = None, axis: int = 0) -> Any:
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    if np.ndim(base):
        base = np.expand_dims(base, axis)
    made = power(base, exponents)
    return made if dtype is None else converted(made, dtype)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None,
              axis: int = 0) -> Any:
    start, stop = as_array(start), as_array(stop)
    kind = np.result_type(start.dtype, stop.dtype, np.float64)
    if kind.kind == "c":
        raise refused("np.geomspace between traced complex numbers has no traced form.",
                      "np.exp(np.linspace(np.log(start), np.log(stop), num))")
    start, stop = converted(start, kind), converted(stop, kind)
    side = sign(start)  # of both: NumPy goes from one to the other on one side of zero
    first, last = divide(start, side), divide(stop, side)
    made = logspace(log10(first), log10(last), num, endpoint)
    num = operator.index(num)
    shape = (1, *np.broadcast_shapes(start.shape, stop.shape))
    ends = [broadcast_to(reshape(x, shape=(1, *x.shape)), shape) for x in (first, last)]
    if num > 1 and endpoint:
        made = join([ends[0], made[1:-1], ends[1]], 0)
    elif num > 0:
        made = join([ends[0], made[1:]], 0)
    made = made * side
    made = moveaxis(made, 0, axis) if axis != 0 else made
    return made if dtype is None else converted(made, dtype)


@implements(np.meshgrid, views=True)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    ndim = len(xi)
    axes = list(range(ndim))
    if indexing == "xy" and ndim > 1:
        axes[:2] = [1, 0]
    lines = [as_array(x) for x in xi]
    made = [reshaped_view(x, tuple(x.size if i == axis else 1 for i in range(ndim)))
            for x, axis in zip(lines, axes, strict=True)]
    if not sparse:
        shape = np.broadcast_shapes(*(x.shape for x in made))
        made = [broadcast_to(x, shape) for x in made]
    return tuple([own_of(x) if copy else x for x in made])
