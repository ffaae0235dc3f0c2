"""Putting arrays together and taking them apart."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.numpy.arguments import (
    as_array,
    axis_of,
    concrete,
    converted,
    join,
    refuse_out,
    refused,
    stacked,
)
from fxad.numpy.dispatch import FUNCTIONS, VIEWS, has_tracer, implements
from fxad.numpy.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    moveaxis,
    ravel,
    reshaped,
)
from fxad.primitives.indexing import getitem

__all__ = ["append", "array_split", "block", "column_stack", "concatenate", "delete", "dsplit",
           "dstack", "hsplit", "hstack", "insert", "split", "stack", "unstack", "vsplit", "vstack"]


def listed(arrays: Any) -> list[Any]:
    """The arrays of a sequence, or the elements of one array along its first axis."""
    return [as_array(x) for x in arrays]


# -- together -----------------------------------------------------------------------------------------


@implements(np.concatenate)
def concatenate(arrays: Any, /, axis: Any = 0, out: None = None, *, dtype: Any = None,
                casting: str = "same_kind") -> Any:
    refuse_out("concatenate", out)
    parts = listed(arrays)
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        parts, axis = [ravel(x) for x in parts], 0
    axis = axis_of(axis, parts[0].ndim) if parts[0].ndim else 0
    if any(x.ndim == 0 for x in parts):
        raise refused("zero-dimensional arrays cannot be concatenated", "np.stack for numbers")
    return join(_cast(parts, dtype, casting), axis)


def _cast(parts: list[Any], dtype: Any, casting: str) -> list[Any]:
    """The arrays in the dtype that was asked for, where `casting` allows that."""
    if dtype is None:
        return parts
    for x in parts:
        if not np.can_cast(x.dtype, dtype, casting):  # type: ignore[arg-type]
            raise TypeError(f"Cannot cast array data from {x.dtype!r} to {np.dtype(dtype)!r} according"
                            f" to the rule '{casting}'")
    return [converted(x, dtype) for x in parts]


@implements(np.stack)
def stack(arrays: Any, axis: Any = 0, out: None = None, *, dtype: Any = None,
          casting: str = "same_kind") -> Any:
    refuse_out("stack", out)
    parts = listed(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    axis = axis_of(axis, parts[0].ndim + 1)
    return moveaxis(stacked(_cast(parts, dtype, casting)), 0, axis)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return concatenate([atleast_2d(x) for x in tup], 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts = [atleast_1d(x) for x in tup]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    return concatenate([atleast_3d(x) for x in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    parts = listed(tup)
    return concatenate([reshaped(x, (x.size, 1)) if x.ndim < 2 else x for x in parts], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return concatenate([ravel(arr), ravel(values)], 0)
    return concatenate([arr, values], axis)


@implements(np.block)
def block(arrays: Any) -> Any:
    depth = _depth(arrays)
    ndim = max(depth, *(x.ndim for x in _leaves(arrays)))

    def build(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            x = as_array(part)
            return reshaped(x, (1,) * (ndim - x.ndim) + x.shape)
        return concatenate([build(p, level + 1) for p in part], ndim - depth + level)

    return build(arrays, 0)


def _depth(part: Any) -> int:
    if not isinstance(part, list):
        return 0
    depths = {_depth(p) for p in part}
    if len(depths) != 1:
        raise ValueError("List depths are mismatched." if depths else "List cannot be empty")
    return 1 + depths.pop()


def _leaves(part: Any) -> list[Any]:
    if isinstance(part, list):
        return [x for p in part for x in _leaves(p)]
    return [as_array(part)]


# -- apart --------------------------------------------------------------------------------------------


@implements(np.array_split, views=True)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    x = as_array(ary)
    axis = axis_of(axis, x.ndim)
    if np.ndim(indices_or_sections) > 0:
        ends = [*(operator.index(i) for i in indices_or_sections), None]
        pairs = list(zip([0, *ends[:-1]], ends, strict=True))
    else:
        count = operator.index(indices_or_sections)
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(x.shape[axis], count)
        sizes = np.cumsum([0] + [each + 1] * extra + [each] * (count - extra)).tolist()
        pairs = list(itertools.pairwise(sizes))
    before = (slice(None),) * axis
    return [getitem(x, (*before, slice(a, b))) for a, b in pairs]


@implements(np.split, views=True)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    x = as_array(ary)
    if np.ndim(indices_or_sections) == 0 and x.shape[axis_of(axis, x.ndim)] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(x, indices_or_sections, axis)


def _splitter(function: Any, least: int, axis: Callable[[int], int]) -> Any:
    @implements(function, views=True)
    def along(ary: Any, indices_or_sections: Any) -> list[Any]:
        x = as_array(ary)
        if x.ndim < least:
            raise ValueError(f"{function.__name__} only works on arrays of {least} or more dimensions")
        return split(x, indices_or_sections, axis(x.ndim))

    return along


vsplit = _splitter(np.vsplit, 2, lambda ndim: 0)
hsplit = _splitter(np.hsplit, 1, lambda ndim: min(ndim - 1, 1))
dsplit = _splitter(np.dsplit, 3, lambda ndim: 2)


def unstack(x: Any, /, *, axis: Any = 0) -> tuple[Any, ...]:
    """The elements along one axis, as a tuple."""
    x = as_array(x)
    return tuple(moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # since NumPy 2.1
    FUNCTIONS[np.unstack] = unstack
    VIEWS.add(np.unstack)


def _places(name: str, obj: Any) -> Any:
    """The numbers of positions on which the shape of the result depends."""
    return concrete(obj, f"np.{name}(x, n)", "places that are not traced") if has_tracer((obj,)) else obj


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    x = as_array(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    kept = np.delete(np.arange(x.shape[axis]), _places("delete", obj))
    return getitem(x, (*(slice(None),) * axis, kept))


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x = as_array(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis]
    obj = _places("insert", obj)
    np.insert(np.arange(n), obj, 0)  # raises if the places are none
    v = converted(as_array(values), x.dtype)
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if places.ndim == 0 and v.ndim:
        v = moveaxis(reshaped(v, (1,) * (x.ndim - v.ndim) + v.shape), 0, axis)
    count = v.shape[axis] if places.ndim == 0 and v.ndim == x.ndim else places.size
    v = broadcast_to(v, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
    # What np.insert does to the numbers of the elements tells where each comes from.
    order = np.insert(np.arange(n), obj, np.arange(n, n + count))
    return getitem(join([x, v], axis), (*(slice(None),) * axis, order))
