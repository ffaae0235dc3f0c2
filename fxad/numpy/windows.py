"""The window with a parameter, the function that it is made of, and windows that slide along an array."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view as slide

from fxad.numpy.arguments import as_array, converted, inexact
from fxad.numpy.dispatch import has_tracer, implements
from fxad.numpy.shaping import moveaxis
from fxad.primitives.indexing import getitem
from fxad.primitives.modified_bessel import bessel_in
from fxad.primitives.views import Windows, is_view

__all__ = ["i0", "kaiser", "sliding_window_view"]


@implements(np.i0)
def i0(x: Any) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    return bessel_in(inexact(x), order=0)


def kaiser(M: Any, beta: Any) -> Any:
    """As `numpy.kaiser`, with a `beta` that may be traced: a window of M points.

        >>> import fxad, fxad.numpy as np
        >>> fxad.grad(lambda beta: np.kaiser(5, beta)[1])(2.0).round(4)
        np.float64(-0.1137)
    """
    if not has_tracer((M, beta)):
        return np.kaiser(M, beta)
    count = operator.index(M)
    if count < 2:
        return np.ones(max(count, 0))
    half = (count - 1) / 2.0
    place = (np.arange(count) - half) / half
    beta = converted(as_array(beta), np.float64)
    # The root of 0 at either end has no derivative: there the argument is 0, whatever beta is.
    roots = np.sqrt(np.maximum(1.0 - place**2, 0.0))
    return i0(beta * roots) / i0(beta)


@implements(slide, views=True)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False,
                        writeable: bool = False) -> Any:
    """As a view it can't be written to: elements of it overlap."""
    x = as_array(x)
    sizes = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    if any(n < 0 for n in sizes):
        raise ValueError("`window_shape` cannot contain negative values")
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(sizes) != len(axes):
        raise ValueError("Must provide window_shape for all dimensions of `x`, or matching length"
                         f" window_shape and axis; got {len(sizes)} and {len(axes)}.")
    pairs = [(i, operator.index(size)) for i, size in zip(axes, sizes, strict=True)]
    return is_view(_windows(x, pairs), x, Windows(lambda x: _windows(x, pairs), pairs))


def _windows(x: Any, pairs: Sequence[tuple[int, int]]) -> Any:
    for i, size in pairs:
        count = x.shape[i] - size + 1
        if count < 0:
            raise ValueError("window shape cannot be larger than input array shape")
        places = np.arange(count)[:, None] + np.arange(size)
        x = moveaxis(getitem(x, (*(slice(None),) * i, places)), i + 1, -1)
    return x
