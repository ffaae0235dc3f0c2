"""Padding: `np.pad` in all its modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, join, refused
from fxad.numpy.creation import linspace
from fxad.numpy.dispatch import implements
from fxad.numpy.quantiles import median
from fxad.numpy.reductions import max_, mean, min_
from fxad.numpy.shaping import broadcast_to
from fxad.primitives.indexing import getitem
from fxad.primitives.rounding import rint
from fxad.tracing import Tracer

__all__ = ["pad"]

#: The keywords of each mode.
_MODES: dict[str, tuple[str, ...]] = {
    "empty": (), "edge": (), "wrap": (), "constant": ("constant_values",), "linear_ramp": ("end_values",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",),
    "minimum": ("stat_length",), "reflect": ("reflect_type",), "symmetric": ("reflect_type",),
}
_STATISTICS: dict[str, Callable[..., Any]] = {"maximum": max_, "mean": mean, "median": median,
                                              "minimum": min_}


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """A function as `mode` writes into parts of an array, which has no traced form."""
    x = as_array(array)
    widths = _widths(pad_width, x.ndim)
    if callable(mode):
        raise refused("np.pad with a function as mode has no traced form.",
                      "mode= one of " + ", ".join(_MODES))
    if mode not in _MODES:
        raise ValueError(f"mode '{mode}' is not supported")
    unknown = {k: v for k, v in kwargs.items() if k not in _MODES[mode]}
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    one = _by_mode(x, mode, kwargs)
    for axis, (before, after) in enumerate(widths):
        if (before or after) and not x.shape[axis] and mode not in ("constant", "empty"):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
        if before or after:
            x = one(x, axis, before, after)
    return x


def _by_mode(x: Any, mode: str, kwargs: dict[str, Any]) -> Callable[..., Any]:
    """What pads along one axis: `(x, axis, before, after) -> x`."""
    if mode in ("constant", "empty"):
        values = _ends(kwargs.get("constant_values", 0), x.ndim)
        return lambda x, axis, *widths: _constant(x, axis, widths, values[axis])
    if mode == "linear_ramp":
        ends = _ends(kwargs.get("end_values", 0), x.ndim)
        return lambda x, axis, *widths: _ramp(x, axis, widths, ends[axis])
    if mode in _STATISTICS:
        lengths = _lengths(kwargs.get("stat_length"), x.ndim, mode)
        return lambda x, axis, *widths: _statistic(x, axis, widths, mode, lengths[axis])
    if kwargs.get("reflect_type", "even") == "odd":
        return lambda x, axis, *widths: _odd(x, axis, widths, mode)
    return lambda x, axis, *widths: _repeated(x, axis, widths, mode)


# -- arguments ----------------------------------------------------------------------------------------


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """How many elements before and after each axis."""
    if isinstance(pad_width, dict):
        pairs = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            pairs[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
        return pairs
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    if (given < 0).any():
        raise ValueError("index can't contain negative values")
    return [(a, b) for a, b in np.broadcast_to(given, (ndim, 2)).tolist()]


def _ends(values: Any, ndim: int) -> list[tuple[Any, Any]]:
    """The value before and the value after each axis."""
    if isinstance(values, (list, tuple)) or np.ndim(values) > 0:
        both = broadcast_to(as_array(values), (ndim, 2))
        return [(both[i, 0], both[i, 1]) for i in range(ndim)]
    return [(values, values)] * ndim


def _lengths(stat_length: Any, ndim: int, mode: str) -> list[tuple[Any, Any]]:
    """Of how many elements at either end the statistic is; None for all."""
    if stat_length is None:
        return [(None, None)] * ndim
    given = np.broadcast_to(np.asarray(stat_length), (ndim, 2))
    if (given < 0).any():
        raise ValueError("index can't contain negative values")
    if mode in ("maximum", "minimum") and (given == 0).any():
        raise ValueError("stat_length of 0 yields no value for padding")
    return [(a, b) for a, b in given.tolist()]


# -- along one axis -----------------------------------------------------------------------------------


def _along(x: Any, axis: int, index: Any) -> Any:
    return getitem(x, (*(slice(None),) * axis, index))


def _around(x: Any, axis: int, before: Any, after: Any) -> Any:
    return join([part for part in (before, x, after) if part.shape[axis]], axis)


def _filled(value: Any, x: Any, axis: int, width: int) -> Any:
    """One value, as `width` elements along `axis`."""
    shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
    if isinstance(value, Tracer):
        return broadcast_to(converted(value, x.dtype), shape)
    return np.full(shape, value, x.dtype)


def _constant(x: Any, axis: int, widths: Sequence[int], values: Sequence[Any]) -> Any:
    return _around(x, axis, *(_filled(v, x, axis, n) for v, n in zip(values, widths, strict=True)))


def _repeated(x: Any, axis: int, widths: Sequence[int], mode: str) -> Any:
    # Padding the numbers of the elements tells which element each place repeats.
    return _along(x, axis, np.pad(np.arange(x.shape[axis]), tuple(widths), mode=mode))  # type: ignore[call-overload]


def _ramp(x: Any, axis: int, widths: Sequence[int], ends: Sequence[Any]) -> Any:
    """From each end value straight to the element at the edge, which the ramp leaves out."""
    parts = []
    for end, width, edge in zip(ends, widths, (0, -1), strict=True):
        near = _along(x, axis, edge)
        line = linspace(converted(as_array(end), x.dtype) if isinstance(end, Tracer) else end, near, width,
                        endpoint=False, dtype=x.dtype, axis=axis)
        parts.append(line if edge == 0 else _along(line, axis, slice(None, None, -1)))
    return _around(x, axis, *parts)


def _statistic(x: Any, axis: int, widths: Sequence[int], mode: str, lengths: Sequence[Any]) -> Any:
    n = x.shape[axis]
    parts = []
    for width, length, first in zip(widths, lengths, (True, False), strict=True):
        count = n if length is None else min(length, n)
        chosen = _along(x, axis, slice(0, count) if first else slice(n - count, n))
        value = _STATISTICS[mode](chosen, axis, keepdims=True)
        if mode in ("mean", "median") and x.dtype.kind in "iu":
            value = rint(value)
        value = converted(value, x.dtype)
        parts.append(broadcast_to(value, (*x.shape[:axis], width, *x.shape[axis + 1 :])))
    return _around(x, axis, *parts)


def _odd(x: Any, axis: int, widths: Sequence[int], mode: str) -> Any:
    """Reflected at the point at the edge, again and again: twice the edge minus the even reflection."""
    before, after = widths
    n = x.shape[axis]
    most = n if mode == "symmetric" else n - 1  # the distance of the points of reflection
    if most == 0:  # one element, which is its own reflection
        return _repeated(x, axis, widths, "edge")
    while before or after:
        n = x.shape[axis]
        k, m, skip = min(before, most), min(after, most), mode == "reflect"
        first, last = _along(x, axis, slice(0, 1)), _along(x, axis, slice(n - 1, n))
        turned = _along(x, axis, slice(None, None, -1))
        left = 2 * first - _along(turned, axis, slice(n - skip - k, n - skip))
        right = 2 * last - _along(turned, axis, slice(skip, skip + m))
        x = converted(_around(x, axis, left, right), x.dtype)
        before, after = before - k, after - m
    return x
