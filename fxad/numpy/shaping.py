"""The same elements in other shapes and orders, repeated, or turned round."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fxad.numpy.arguments import as_array, axes_counted, axes_of, axis_of, join, refused
from fxad.numpy.dispatch import implements
from fxad.primitives.indexing import getitem
from fxad.primitives.slicing import whole
from fxad.primitives.structural import broadcast, permute
from fxad.primitives.structural import broadcast_to as stretch
from fxad.primitives.structural import flip as turn
from fxad.primitives.structural import reshape as same_elements
from fxad.primitives.views import (
    C_ORDER,
    F_ORDER,
    Region,
    Stretched,
    is_view,
    may_be_view,
)
from fxad.primitives.views import permuted as permuted_by
from fxad.primitives.views import reshaped as in_shape
from fxad.tracing import Tracer, own

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_to",
           "expand_dims", "flip", "fliplr", "flipud", "matrix_transpose", "moveaxis", "permute_dims",
           "ravel", "repeat", "reshape", "resize", "roll", "rollaxis", "rot90", "squeeze",
           "swapaxes", "tile", "transpose"]


# -- reshape ------------------------------------------------------------------------------------------


def _order(order: str, x: Any) -> str:
    """ "C" or "F"; what depends on how an array lies in memory has no meaning for a traced one."""
    if order not in ("C", "F"):
        if x.ndim > 1:
            raise refused(f"order={order!r} asks how the elements lie in memory, which is not known of"
                          " a traced array.", "order='C' or order='F'")
        return "C"
    return order


def reshaped(x: Any, shape: tuple[int, ...], order: str = "C") -> Any:
    """`x` in a shape without -1."""
    if x.shape == shape:
        return x
    if order == "F" and (x.ndim > 1 or len(shape) > 1):
        return transpose(same_elements(transpose(x), shape=shape[::-1]))
    return same_elements(x, shape=shape)


def _shape(shape: Any, size: int) -> tuple[int, ...]:
    """A `shape` argument as a tuple, with -1 filled in."""
    dims = [operator.index(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    unknown = [i for i, n in enumerate(dims) if n == -1]
    if len(unknown) > 1:
        raise ValueError("can only specify one unknown dimension")
    given = tuple(dims)
    if unknown:
        known = math.prod(n for n in dims if n != -1)
        if known == 0 or size % known:
            raise refused(f"cannot reshape array of size {size} into shape {given}",
                          "a shape whose sizes multiply to that of the array")
        dims[unknown[0]] = size // known
    elif any(n < 0 for n in dims):
        raise ValueError("negative dimensions are not allowed")
    return tuple(dims)


@implements(np.reshape, views=True)
def reshape(a: Any, /, shape: Any = None, order: Any = "C", *, newshape: Any = None,
            copy: bool | None = None) -> Any:
    a = as_array(a)
    shape = _shape(newshape if shape is None else shape, a.size)
    order = _order(order or "C", a)
    made = reshaped(a, shape, order)
    if made.__class__ is not Tracer:
        return made
    if copy:
        return own(made)
    if order == "F" and (a.ndim > 1 or len(shape) > 1):
        turned = permuted_by(tuple(range(a.ndim))[::-1]), permuted_by(tuple(range(len(shape)))[::-1])
        return may_be_view(made, a, [turned[0], in_shape(a.shape[::-1], shape[::-1]), turned[1]], "F")
    return may_be_view(made, a, [in_shape(a.shape, shape)])


@implements(np.ravel, views=True)
def ravel(a: Any, order: Any = "C") -> Any:
    a = as_array(a)
    order = _order(order or "C", a)
    made = reshaped(a, (a.size,), order)
    if a.__class__ is not Tracer:
        return made
    made = Tracer(made.owner, made.index, made.type)
    if order == "F" and a.ndim > 1:
        axes = tuple(range(a.ndim))[::-1]
        return may_be_view(made, a, [F_ORDER, permuted_by(axes), in_shape(a.shape[::-1], made.shape)])
    return may_be_view(made, a, [C_ORDER, in_shape(a.shape, made.shape)])


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    flat = ravel(a)
    shape = (new_shape,) if not np.iterable(new_shape) else tuple(new_shape)
    size = math.prod(shape)
    if size == 0 or flat.size == 0:
        return np.zeros(shape, flat.dtype)
    return same_elements(getitem(tile(flat, -(-size // flat.size)), slice(0, size)), shape=shape)


@implements(np.expand_dims, views=True)
def expand_dims(a: Any, axis: Any) -> Any:
    a = as_array(a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = a.ndim + len(axes)
    new = normalize_axis_tuple(axes, ndim)
    sizes = iter(a.shape)
    return reshaped_view(a, tuple(1 if i in new else next(sizes) for i in range(ndim)))


def reshaped_view(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` with axes of size 1 added or left out."""
    return is_view(reshaped(x, shape), x, in_shape(x.shape, shape))


@implements(np.squeeze, views=True)
def squeeze(a: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        gone = tuple(i for i, n in enumerate(a.shape) if n == 1)
    else:
        gone = axes_of(axis, a.ndim)
        if any(a.shape[i] != 1 for i in gone):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshaped_view(a, tuple(n for i, n in enumerate(a.shape) if i not in gone))


@implements(np.atleast_1d, views=True)
def atleast_1d(*arys: Any) -> Any:
    return _all(lambda x: reshaped_view(x, x.shape or (1,)), arys)


@implements(np.atleast_2d, views=True)
def atleast_2d(*arys: Any) -> Any:
    return _all(lambda x: reshaped_view(x, (1,) * (2 - x.ndim) + x.shape), arys)


@implements(np.atleast_3d, views=True)
def atleast_3d(*arys: Any) -> Any:
    def one(x: Any) -> Any:
        if x.ndim == 1:
            return reshaped_view(x, (1, x.size, 1))
        return reshaped_view(x, x.shape + (1,) * (3 - x.ndim))

    return _all(one, arys)


def _all(function: Any, arys: Sequence[Any]) -> Any:
    made = tuple(function(as_array(x)) for x in arys)
    return made[0] if len(made) == 1 else made


# -- the order of the axes ----------------------------------------------------------------------------


@implements(np.transpose, views=True)
def transpose(a: Any, axes: Any = None) -> Any:
    a = as_array(a)
    if axes is None:
        return _permuted(a, tuple(range(a.ndim))[::-1])
    if len(axes) != a.ndim:
        raise ValueError("axes don't match array")
    return _permuted(a, normalize_axis_tuple(axes, a.ndim))


permute_dims = transpose


def _permuted(a: Any, order: tuple[int, ...]) -> Any:
    return a if order == tuple(range(a.ndim)) else is_view(permute(a, axes=order), a, permuted_by(order))


@implements(np.matrix_transpose, views=True)
def matrix_transpose(x: Any, /) -> Any:
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


@implements(np.swapaxes, views=True)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    a = as_array(a)
    i, j = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    order = list(range(a.ndim))
    order[i], order[j] = j, i
    return _permuted(a, tuple(order))


@implements(np.moveaxis, views=True)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    a = as_array(a)
    sources = normalize_axis_tuple(source, a.ndim, "source")
    places = normalize_axis_tuple(destination, a.ndim, "destination")
    if len(sources) != len(places):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(a.ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return _permuted(a, tuple(order))


@implements(np.rollaxis, views=True)
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    a = as_array(a)
    axis = axis_of(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    axis_of(start, a.ndim + 1)
    return moveaxis(a, axis, start - 1 if axis < start else start)


# -- turning round ------------------------------------------------------------------------------------


@implements(np.flip, views=True)
def flip(m: Any, axis: Any = None) -> Any:
    m = as_array(m)
    axes = axes_counted(axis, m.ndim)
    if not axes:
        return m
    index = tuple([(n - 1, -1, -1) if i in axes and n else whole(n) for i, n in enumerate(m.shape)])
    return is_view(turn(m, axes=axes), m, Region(m.shape, m.shape, index))


@implements(np.flipud, views=True)
def flipud(m: Any) -> Any:
    if as_array(m).ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(m, 0)


@implements(np.fliplr, views=True)
def fliplr(m: Any) -> Any:
    if as_array(m).ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip(m, 1)


@implements(np.rot90, views=True)
def rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    m = as_array(m)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    i, j = axis_of(axes[0], m.ndim), axis_of(axes[1], m.ndim)
    if i == j:
        raise ValueError("Axes must be different.")
    k = operator.index(k) % 4
    if k == 0:
        return m
    if k == 2:
        return flip(flip(m, i), j)
    return swapaxes(flip(m, j), i, j) if k == 1 else flip(swapaxes(m, i, j), j)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        return reshaped(roll(ravel(a), shift, 0), a.shape)
    if not isinstance(axis, (tuple, list)):
        axis = (axis,)
    shifts, axes = np.broadcast_arrays(
        [operator.index(s) for s in shift] if np.iterable(shift) else operator.index(shift),
        normalize_axis_tuple(axis, a.ndim, allow_duplicate=True))
    for by, along in zip(shifts.tolist(), axes.tolist(), strict=True):
        n = a.shape[along]
        if n and by % n:
            before = (slice(None),) * along
            a = join([getitem(a, (*before, slice(n - by % n, None))),
                      getitem(a, (*before, slice(None, n - by % n)))], along)
    return a


# -- repetition ---------------------------------------------------------------------------------------


@implements(np.broadcast_to, views=True)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    array = as_array(array)
    shape = tuple(operator.index(n) for n in shape) if np.iterable(shape) else (operator.index(shape),)
    if array.ndim > len(shape):
        raise ValueError("input operand has more dimensions than allowed by the axis remapping")
    return _stretched(array, shape)


def _stretched(x: Any, shape: tuple[int, ...]) -> Any:
    made = stretch(x, shape)
    if made is x and x.__class__ is Tracer:
        made = Tracer(x.owner, x.index, x.type)  # NumPy does not write to it, also if it is all of `x`
    return is_view(made, x, Stretched(shape))


@implements(np.broadcast_arrays, views=True)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    arrays = [as_array(x) for x in args]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(_stretched(x, shape) for x in arrays)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    a = as_array(A)
    counts = [operator.index(n) for n in reps] if np.iterable(reps) else [operator.index(reps)]
    ndim = max(a.ndim, len(counts))
    counts = [1] * (ndim - len(counts)) + counts
    sizes = (1,) * (ndim - a.ndim) + a.shape
    pairs = tuple(n for pair in zip(counts, sizes, strict=True) for n in pair)
    many = broadcast(reshaped(a, sizes), shape=pairs, axes=tuple(range(1, 2 * ndim, 2)))
    return same_elements(many, shape=tuple(k * n for k, n in zip(counts, sizes, strict=True)))


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None or a.ndim == 0:
        a, axis = ravel(a), 0 if axis is None else axis
    axis = axis_of(axis, a.ndim)
    if np.ndim(repeats) == 0:
        count = operator.index(repeats)
        shape = (*a.shape[: axis + 1], count, *a.shape[axis + 1 :])
        axes = tuple(i for i in range(a.ndim + 1) if i != axis + 1)
        many = broadcast(a, shape=shape, axes=axes)
        return same_elements(
            many, shape=(*a.shape[:axis], a.shape[axis] * count, *a.shape[axis + 1 :]))
    repeats = np.asarray([operator.index(n) for n in repeats])
    index = np.repeat(np.arange(a.shape[axis]), repeats)
    return getitem(a, (*(slice(None),) * axis, index))
