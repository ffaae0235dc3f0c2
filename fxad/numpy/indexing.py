"""Index arrays: those that a shape determines, and positions as numbers and back."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fxad.numpy.arguments import as_array, axis_of, concrete, refused
from fxad.numpy.dispatch import implements
from fxad.numpy.selecting import argsort, nonzero, take_along_axis
from fxad.numpy.shaping import reshaped_view

__all__ = [
    "diag_indices_from",
    "ix_",
    "lexsort",
    "ravel_multi_index",
    "tril_indices_from",
    "trim_zeros",
    "triu_indices_from",
    "unravel_index",
]


# -- what a shape determines --------------------------------------------------------------------------


@implements(np.diag_indices_from)
def diag_indices_from(arr: Any) -> tuple[Any, ...]:
    return np.diag_indices_from(np.empty(as_array(arr).shape, bool))


@implements(np.tril_indices_from)
def tril_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    return np.tril_indices_from(np.empty(as_array(arr).shape, bool), k)


@implements(np.triu_indices_from)
def triu_indices_from(arr: Any, k: int = 0) -> tuple[Any, Any]:
    return np.triu_indices_from(np.empty(as_array(arr).shape, bool), k)


# -- positions ----------------------------------------------------------------------------------------


@implements(np.ix_, views=True)
def ix_(*args: Any) -> tuple[Any, ...]:
    made = []
    for k, given in enumerate(args):
        index = as_array(given)
        if index.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if index.dtype.kind == "b":
            (index,) = nonzero(index)
        made.append(reshaped_view(index, (1,) * k + (index.size,) + (1,) * (len(args) - k - 1)))
    return tuple(made)


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    index = as_array(indices)
    sizes = [operator.index(n) for n in (shape if np.iterable(shape) else (shape,))]
    if order == "F":
        return unravel_index(index, sizes[::-1])[::-1]
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple(index // step % n for step, n in zip(steps, sizes, strict=True))


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Sequence[Any], dims: Sequence[int], mode: Any = "raise",
                      order: str = "C") -> Any:
    if mode != "raise":
        raise refused(f"np.ravel_multi_index(..., mode={mode!r}) has no traced form.",
                      "np.clip(i, 0, n - 1) or i % n before it")
    pairs = list(zip(multi_index, dims, strict=True))
    made: Any = 0
    for index, n in pairs if order == "C" else pairs[::-1]:
        made = made * n + as_array(index)
    return made


@implements(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    given = [as_array(k) for k in keys]
    if not given:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if given[0].ndim == 0:
        return np.intp(0)
    axis = axis_of(axis, given[0].ndim)
    order = argsort(given[0], axis, "stable")
    for key in given[1:]:  # sorting is stable: the last key decides first
        order = take_along_axis(order, argsort(take_along_axis(key, order, axis), axis, "stable"), axis)
    return order


# -- as many as the values say ------------------------------------------------------------------------


@implements(np.trim_zeros, views=True)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    x = as_array(filt)
    sides = trim.lower()
    if sides not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    places = np.argwhere(concrete(x, "np.trim_zeros(x)", "x as it is, of a shape that is known"))
    index = [slice(None)] * x.ndim
    for i in range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim):
        if len(places):
            first, last = int(places[:, i].min()), int(places[:, i].max())
            index[i] = slice(first if "f" in sides else None, last + 1 if "b" in sides else None)
        else:
            index[i] = slice(0, 0)
    return x[tuple(index)]
