"""Choosing elements: by masks, by positions, by their values; and masks of matrices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, concrete, converted, refuse_out
from fxad.numpy.dispatch import has_tracer, implements
from fxad.numpy.elementwise import typed
from fxad.numpy.reductions import truth
from fxad.numpy.shaping import expand_dims, moveaxis, ravel, reshaped
from fxad.primitives import selection
from fxad.primitives import sorting as primitive
from fxad.primitives.indexing import getitem
from fxad.primitives.rounding import clip
from fxad.primitives.structural import broadcast_to, flip
from fxad.tracing import Tracer

__all__ = ["apply_along_axis", "apply_over_axes", "argpartition", "argsort", "argwhere", "choose",
           "compress", "digitize", "extract", "flatnonzero", "nonzero", "partition", "piecewise",
           "searchsorted", "select", "sort", "sort_complex", "take", "take_along_axis", "tril", "triu",
           "where"]


def _scalar_or_array(value: Any) -> Any:
    """A Python number as it is, weak; all else as an array."""
    return value if isinstance(value, (bool, int, float, complex)) else as_array(value)


# -- by masks -----------------------------------------------------------------------------------------


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    mask = truth(as_array(condition))
    return selection.where(mask, _scalar_or_array(x), _scalar_or_array(y))


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    choices = [_scalar_or_array(c) for c in choicelist]
    out = _scalar_or_array(default)
    for condition, choice in zip(condlist[::-1], choices[::-1], strict=True):
        mask = as_array(condition)
        if mask.dtype.kind != "b":
            raise TypeError("invalid entry in condlist: should be boolean ndarray")
        out = selection.where(mask, choice, out)
    return out


@implements(np.choose)
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    refuse_out("choose", out)
    options = [_scalar_or_array(c) for c in choices]
    index = _within(as_array(a), len(options), mode)
    if mode == "raise" and not isinstance(index, Tracer) and np.any((index < 0)
                                                                   | (index >= len(options))):
        raise ValueError("invalid entry in choice array")
    dtype = np.result_type(*map(typed, options))
    options = [converted(as_array(c), dtype) for c in options]
    made = options[-1]
    for k in range(len(options) - 2, -1, -1):
        made = selection.where(index == k, options[k], made)
    shape = np.broadcast_shapes(index.shape, *(c.shape for c in options))
    return broadcast_to(made, shape)


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function is called with all of `x`, and what it gives used where its condition holds."""
    x = as_array(x)
    if np.isscalar(condlist) or (
        not isinstance(condlist[0], (list, np.ndarray, Tracer)) and x.ndim != 0
    ):
        condlist = [condlist]
    masks = [as_array(c) for c in condlist]
    if len(funclist) not in (len(masks), len(masks) + 1):
        raise ValueError(f"with {len(masks)} condition(s), either {len(masks)} or {len(masks) + 1}"
                         " functions are expected")
    made: Any = np.zeros(x.shape, x.dtype)
    if len(funclist) > len(masks):
        made = broadcast_to(_piece(funclist[-1], x, args, kw), x.shape)
    for mask, function in zip(masks, funclist, strict=False):
        made = selection.where(mask, _piece(function, x, args, kw), made)
    return made


def _piece(function: Any, x: Any, args: Any, kw: Any) -> Any:
    return converted(as_array(function(x, *args, **kw) if callable(function) else function), x.dtype)


@implements(np.triu)
def triu(m: Any, k: Any = 0) -> Any:
    m = as_array(m)
    return where(np.tri(*_matrix(m), operator.index(k) - 1, bool), converted(as_array(0), m.dtype), m)


@implements(np.tril)
def tril(m: Any, k: Any = 0) -> Any:
    m = as_array(m)
    return where(np.tri(*_matrix(m), operator.index(k), bool), m, converted(as_array(0), m.dtype))


def _matrix(m: Any) -> tuple[int, int]:
    if m.ndim == 0:
        raise TypeError("the triangle of an array without axes")
    return m.shape[-2:] if m.ndim > 1 else (m.shape[0], m.shape[0])


# -- by positions -------------------------------------------------------------------------------------


def _within(index: Any, n: int, mode: str) -> Any:
    """Indices that are in bounds, by NumPy's `mode`."""
    if mode == "wrap":
        return index % n
    return clip(index, 0, n - 1) if mode == "clip" else index


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: None = None, mode: str = "raise") -> Any:
    refuse_out("take", out)
    a = as_array(a)
    if axis is None:
        a, axis = ravel(a), 0
    a = a if a.ndim else ravel(a)
    axis = axis_of(axis, a.ndim)
    if not has_tracer((indices,)):  # NumPy checks them, and brings them into bounds
        index = np.take(np.arange(a.shape[axis]), indices, mode=mode)  # type: ignore[call-overload]
    else:
        index = as_array(indices)
        if index.dtype.kind not in "iub":
            raise TypeError(f"Cannot cast array data from {index.dtype!r} to dtype('int64') according to"
                            " the rule 'safe'")
        index = _within(converted(index, np.intp), a.shape[axis], mode)
    if not isinstance(index, Tracer) and index.ndim == 0:
        index = int(index)
    return getitem(a, (*(slice(None),) * axis, index))


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    x, index = as_array(arr), as_array(indices)
    if axis is None:
        if index.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    if index.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if x.ndim != index.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    shapes = [(*v.shape[:axis], 1, *v.shape[axis + 1 :]) for v in (x, index)]
    shape = list(np.broadcast_shapes(*shapes))
    x = broadcast_to(x, (*shape[:axis], x.shape[axis], *shape[axis + 1 :]))
    index = broadcast_to(index, (*shape[:axis], index.shape[axis], *shape[axis + 1 :]))
    return primitive.take_along(x, index, axis=axis)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: None = None) -> Any:
    refuse_out("compress", out)
    if np.ndim(condition) != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, flatnonzero(condition), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return take(ravel(arr), flatnonzero(condition))


@implements(np.nonzero)
def nonzero(a: Any) -> tuple[Any, ...]:
    """The positions, of which there are as many as the values say: they need the values."""
    return np.nonzero(concrete(as_array(a), "np.nonzero(x) or np.where(condition)",
                               "np.where(condition, x, y), of a shape that is known"))


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    return nonzero(ravel(a))[0]


@implements(np.argwhere)
def argwhere(a: Any) -> Any:
    return np.argwhere(concrete(as_array(a), "np.argwhere(x)", "np.where(condition, x, y)"))


# -- in order -----------------------------------------------------------------------------------------


def _axis(a: Any, axis: Any) -> tuple[Any, int]:
    a = as_array(a)
    return (ravel(a), 0) if axis is None else (a, axis_of(axis, a.ndim))


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    a, axis = _axis(a, axis)
    return primitive.sort(a, axis=axis)


@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    x = sort(a)
    if x.dtype.kind == "c":
        return x
    return converted(x, np.complex64 if x.dtype.char in "bhBH" else np.complex128)


@implements(np.argsort)
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    a, axis = _axis(a if np.ndim(a) else ravel(a), axis)
    if stable or kind in ("stable", "mergesort"):
        return primitive.argsort(a, axis=axis)
    return primitive.argsort(a, axis=axis, stable=False)


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    """Sorted altogether, which is one of the orders that a partition may have."""
    a, axis = _axis(a, axis)
    _check_places(kth, a.shape[axis])
    return sort(a, axis)


def _check_places(kth: Any, n: int) -> None:
    for k in np.ravel(kth).tolist() if n and not has_tracer((kth,)) else ():
        if not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    """Sorted altogether, which is one of the orders that a partition may have."""
    a, axis = _axis(a if np.ndim(a) else ravel(a), axis)
    _check_places(kth, a.shape[axis])
    return argsort(a, axis)


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    a, v = as_array(a), as_array(v)
    if a.ndim != 1:
        raise ValueError("object too deep for desired array")
    if sorter is not None:
        if np.shape(sorter) != a.shape:
            raise ValueError("sorter.size must equal a.size")
        a = take(a, sorter)
    dtype = np.result_type(a.dtype, v.dtype)
    return primitive.searchsorted(converted(a, dtype), converted(v, dtype), side=side, rows=0)


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    x, edges = as_array(x), as_array(bins)
    if x.dtype.kind == "c":
        raise TypeError("x may not be complex")
    values = concrete(edges, "np.digitize with traced bins", "np.searchsorted(bins, x)")
    steps = np.diff(values)
    if np.all(steps >= 0):
        return searchsorted(edges, x, "left" if right else "right")
    if not np.all(steps <= 0):
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(values) - searchsorted(flip(edges, axes=(0,)), x, "right" if right else "left")


# -- one line after the other -------------------------------------------------------------------------


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    x = as_array(a)
    for axis in np.atleast_1d(axes).tolist():
        made = as_array(func(x, axis))
        x = made if made.ndim == x.ndim else expand_dims(made, axis)
    return x


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    x = as_array(arr)
    axis = axis_of(axis, x.ndim)
    lines = moveaxis(x, axis, -1)
    rest = lines.shape[:-1]
    if 0 in rest:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    made = as_array([func1d(lines[i], *args, **kwargs) for i in np.ndindex(*rest)])
    made = reshaped(made, (*rest, *made.shape[1:]))
    inner = made.ndim - len(rest)
    return moveaxis(made, tuple(range(len(rest), made.ndim)), tuple(range(axis, axis + inner)))
