"""Running sums and products, differences, integrals, interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, converted, join, refuse_out, refused
from fxad.numpy.dispatch import FUNCTIONS, implements
from fxad.numpy.elementwise import typed
from fxad.numpy.joining import concatenate
from fxad.numpy.reductions import accumulated, nan_to, sum_
from fxad.numpy.shaping import broadcast_to, moveaxis, ravel
from fxad.primitives import cumulative as primitive
from fxad.primitives.arithmetic import not_equal, remainder
from fxad.primitives.indexing import getitem
from fxad.primitives.logical import isnan
from fxad.primitives.rounding import clip
from fxad.primitives.selection import where as choose
from fxad.primitives.sorting import searchsorted
from fxad.primitives.structural import reshape
from fxad.tracing import Tracer

__all__ = ["cross", "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "diff", "ediff1d",
           "gradient", "interp", "nancumprod", "nancumsum", "trapezoid", "unwrap"]


# -- running sums and products ------------------------------------------------------------------------


def _running(name: str, a: Any, axis: Any, dtype: Any, out: Any) -> tuple[Any, int]:
    """The array in the dtype of the result, and the axis along which it runs."""
    refuse_out(name, out)
    x = as_array(a)
    x = converted(x, dtype or accumulated(x.dtype))
    x = x if x.ndim else ravel(x)
    return (ravel(x), 0) if axis is None else (x, axis_of(axis, x.ndim))


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    x, axis = _running("cumsum", a, axis, dtype, out)
    return primitive.cumsum(x, axis=axis, reverse=False)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    x, axis = _running("cumprod", a, axis, dtype, out)
    return primitive.cumprod(x, axis=axis, reverse=False, exclusive=False)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return cumsum(nan_to(as_array(a), 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
    return cumprod(nan_to(as_array(a), 1), axis, dtype, out)


def _cumulative(running: Any, first: int, x: Any, axis: Any, dtype: Any, out: Any,
                include_initial: bool) -> Any:
    x = as_array(x)
    x = x if x.ndim else ravel(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is"
                             " required.")
        axis = 0
    total = running(x, axis, dtype, out)
    if not include_initial:
        return total
    shape = tuple(1 if i == axis_of(axis, x.ndim) else n for i, n in enumerate(x.shape))
    return concatenate([np.full(shape, first, total.dtype), total], axis)


def cumulative_sum(x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None,
                   include_initial: bool = False) -> Any:
    """The running sum along an axis, beginning with 0 if `include_initial`."""
    return _cumulative(cumsum, 0, x, axis, dtype, out, include_initial)


def cumulative_prod(x: Any, /, *, axis: Any = None, dtype: Any = None, out: None = None,
                    include_initial: bool = False) -> Any:
    """The running product along an axis, beginning with 1 if `include_initial`."""
    return _cumulative(cumprod, 1, x, axis, dtype, out, include_initial)


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    FUNCTIONS[np.cumulative_sum] = cumulative_sum
    FUNCTIONS[np.cumulative_prod] = cumulative_prod


# -- differences --------------------------------------------------------------------------------------


def along(x: Any, axis: int, index: Any) -> Any:
    """`x` indexed along one axis."""
    return getitem(x, (*(slice(None),) * axis, index))


@implements(np.diff)
def diff(a: Any, n: Any = 1, axis: Any = -1, prepend: Any = np._NoValue,
         append: Any = np._NoValue) -> Any:
    x = as_array(a)
    if n == 0:
        return x
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, x.ndim)
    parts = [x]
    for extra, first in ((prepend, True), (append, False)):
        if extra is not np._NoValue:
            e = as_array(extra)
            if e.ndim == 0:
                e = broadcast_to(e, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
            parts = [e, *parts] if first else [*parts, e]
    if len(parts) > 1:
        x = join(parts, axis)
    for _ in range(n):
        later, earlier = along(x, axis, slice(1, None)), along(x, axis, slice(None, -1))
        x = not_equal(later, earlier) if x.dtype.kind == "b" else later - earlier
    return x


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = ravel(ary)
    parts = [getitem(x, slice(1, None)) - getitem(x, slice(None, -1))]
    for name, given in (("to_begin", to_begin), ("to_end", to_end)):
        if given is not None and not np.can_cast(as_array(given).dtype, x.dtype, "same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind`"
                            " rule.")
    if to_begin is not None:
        parts.insert(0, converted(ravel(to_begin), x.dtype))
    if to_end is not None:
        parts.append(converted(ravel(to_end), x.dtype))
    return join(parts, 0) if len(parts) > 1 else parts[0]


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_array(f)
    if f.dtype.kind in "iu":
        f = converted(f, np.float64)
    axes = tuple(range(f.ndim)) if axis is None else tuple(
        axis_of(i, f.ndim) for i in (axis if isinstance(axis, tuple) else (axis,)))
    spacings = varargs if varargs else (1.0,)
    if len(spacings) == 1:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    made = tuple(_slope(f, h, i, edge_order) for h, i in zip(spacings, axes, strict=True))
    return made[0] if len(axes) == 1 else made


def _slope(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """The derivative along one axis by second order differences."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient, at least"
                         " (edge_order + 1) elements are required.")

    def at(i: int) -> Any:
        return along(f, axis, slice(i, i + 1 or None))

    before, middle, after = (along(f, axis, s) for s in np.s_[:-2, 1:-1, 2:])
    if np.ndim(spacing) == 0:
        first = last = spacing
        inner = (after - before) / (2.0 * spacing)
        second, penultimate = spacing, spacing
    else:
        steps = diff(as_array(spacing))
        if len(steps) != n - 1:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        first, last = steps[0], steps[-1]
        second, penultimate = (steps[1], steps[-2]) if n > 2 else (first, last)
        column = (-1,) + (1,) * (f.ndim - axis - 1)
        h, k = (np.reshape(s, column) for s in (steps[:-1], steps[1:]))
        inner = (-k / (h * (h + k)) * before + (k - h) / (h * k) * middle
                 + h / (k * (h + k)) * after)
    if edge_order == 1:
        ends = ((at(1) - at(0)) / first, (at(-1) - at(-2)) / last)
    else:
        ends = (_edge(at(0), at(1), at(2), first, second),
                -_edge(at(-1), at(-2), at(-3), last, penultimate))
    made = join([ends[0], inner, ends[1]], axis)
    return converted(made, f.dtype) if f.dtype.kind in "fc" else made


def _edge(f0: Any, f1: Any, f2: Any, h: Any, k: Any) -> Any:
    """The derivative at the first of three points, h and k apart."""
    return (-(2.0 * h + k) / (h * (h + k)) * f0 + (h + k) / (h * k) * f1
            - h / (k * (h + k)) * f2)


# -- integrals and interpolation ----------------------------------------------------------------------


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    y = as_array(y)
    axis = axis_of(axis, y.ndim)
    width: Any = dx
    if x is not None:
        x = as_array(x)
        width = diff(x) if x.ndim == 1 else diff(x, axis=axis)
        if x.ndim == 1:
            width = reshape(width, shape=(width.size, *[1] * (y.ndim - axis - 1)))
    pairs = along(y, axis, slice(1, None)) + along(y, axis, slice(None, -1))
    return sum_(width * pairs / 2.0, axis)


if hasattr(np, "trapz"):  # until NumPy 2.4
    FUNCTIONS[np.trapz] = trapezoid


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp = as_array(x), as_array(xp)
    if period is None and "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError("Cannot cast array data from dtype('complex128') to dtype('float64') according to"
                        " the rule 'safe'")
    x, xp = (converted(v, np.float64) for v in (x, xp))
    fp = as_array(fp)
    fp = converted(fp, np.complex128 if fp.dtype.kind == "c" else np.float64)
    if xp.ndim != 1 or fp.shape != xp.shape:
        raise ValueError("fp and xp are not of the same length." if xp.ndim == 1 else
                         "Data points must be 1-D sequences")
    if xp.size == 0:
        raise ValueError("array of sample points is empty")
    if period is not None:
        x, xp, fp, left, right = *_periodic(x, xp, fp, period), None, None
    first, last = getitem(fp, 0), getitem(fp, -1)
    start, end = getitem(xp, 0), getitem(xp, -1)
    if xp.size == 1:
        inside = first
    else:
        i = clip(searchsorted(xp, x, side="right", rows=0) - 1, 0, xp.size - 2)
        x0, f0 = getitem(xp, i), getitem(fp, i)
        slope = (getitem(fp, i + 1) - f0) / (getitem(xp, i + 1) - x0)
        inside = choose(x == end, last, slope * (x - x0) + f0)
    found = choose(x < start, first if left is None else left, inside)
    found = choose(x > end, last if right is None else right, found)
    return found if xp.size == 1 else choose(isnan(x), x, found)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Sample points of one period, in order, with a neighbour of the next on either side."""
    if not isinstance(period, Tracer) and period == 0:
        raise ValueError("period must be a non-zero value")
    period = abs(period)
    x, xp = remainder(x, period), remainder(xp, period)
    order = np.argsort(xp, kind="stable")
    xp, fp = getitem(xp, order), getitem(fp, order)
    xp = join([xp[-1:] - period, xp, xp[:1] + period], 0)
    return x, xp, join([fp[-1:], fp, fp[:1]], 0)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi) -> Any:
    p = as_array(p)
    axis = axis_of(axis, p.ndim)
    steps = diff(p, axis=axis)
    if discont is None:
        discont = period / 2
    ints = np.result_type(steps.dtype, typed(period)).kind in "iu"
    high, odd = divmod(period, 2) if ints else (period / 2, 0)
    wrapped = remainder(steps + high, period) - high
    if odd == 0:  # both ends of the interval mean the same: keep the direction
        wrapped = choose((wrapped == -high) & (steps > 0), high, wrapped)
    correction = choose(abs(steps) < discont, 0, wrapped - steps)
    moved = along(p, axis, slice(1, None)) + cumsum(correction, axis)
    return join([along(p, axis, slice(None, 1)), moved], axis)


# -- the product of vectors in space ------------------------------------------------------------------


@implements(np.cross)
def cross(a: Any, b: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_array(a), as_array(b)
    a = moveaxis(a, axis_of(axisa, a.ndim), -1)
    b = moveaxis(b, axis_of(axisb, b.ndim), -1)
    sizes = (a.shape[-1], b.shape[-1])
    if not set(sizes) <= {2, 3}:
        raise refused(f"incompatible dimensions for cross product: vectors of {sizes[0]} and {sizes[1]}"
                      " components (dimension must be 2 or 3)", "vectors with 3 components")
    if sizes == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a, b = (x if n == 3 else join([x, np.zeros((*x.shape[:-1], 1), x.dtype)], x.ndim - 1)
            for x, n in zip((a, b), sizes, strict=True))
    (a0, a1, a2), (b0, b1, b2) = ([x[..., i] for i in range(3)] for x in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    made = join([reshape(p, shape=(*p.shape, 1)) for p in parts], parts[0].ndim)
    return moveaxis(made, -1, axisc)
