"""Functions that write into their first argument: into a traced array as `x[...] = v` does.

A plain array can't hold a traced value, so writing one into it is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted
from fxad.numpy.dispatch import REDUCTIONS, implements, into_array
from fxad.numpy.selecting import where as choose
from fxad.numpy.shaping import broadcast_to, ravel, reshaped, resize
from fxad.tracing import Tracer

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _target(name: str, x: Any) -> Any:
    """The traced array to write into; refuses any other."""
    if not isinstance(x, Tracer):
        raise into_array(name)
    return x


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    _target("copyto", dst)
    value = broadcast_to(converted(as_array(src), dst.dtype), dst.shape)
    dst[...] = value if where is True else choose(where, value, dst)


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    _target("putmask", a)
    a[...] = choose(mask, resize(converted(as_array(values), a.dtype), a.shape), a)


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    _target("place", arr)
    places = np.nonzero(np.broadcast_to(mask, arr.shape))
    arr[places] = resize(converted(as_array(vals), arr.dtype), places[0].size)


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _target("put", a)
    index = ravel(ind)
    if mode != "raise":
        index = index % a.size if mode == "wrap" else np.clip(index, 0, a.size - 1)
    flat = ravel(a).at[index].set(resize(converted(as_array(v), a.dtype), index.size))
    a[...] = reshaped(flat, a.shape)


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    _target("put_along_axis", arr)
    axis = range(arr.ndim)[axis]
    index: list[Any] = list(np.ogrid[tuple(slice(n) for n in np.shape(indices))])
    index[axis] = indices
    arr[tuple(index)] = values


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    _target("fill_diagonal", a)
    places = np.zeros(a.shape, bool)
    np.fill_diagonal(places, True, wrap)
    index = np.nonzero(places)
    a[index] = resize(converted(as_array(val), a.dtype), index[0].size)


def _at(ufunc: np.ufunc, name: str) -> Any:
    def at(a: Any, indices: Any, b: Any, axis: int = 0) -> None:
        _target(f"{ufunc.__name__}.at", a)
        a[...] = getattr(a.at[indices], name)(b)

    return at


REDUCTIONS.update({
    (np.add, "at"): _at(np.add, "add"), (np.subtract, "at"): _at(np.subtract, "subtract"),
    (np.multiply, "at"): _at(np.multiply, "multiply"), (np.divide, "at"): _at(np.divide, "divide"),
    (np.maximum, "at"): _at(np.maximum, "max"), (np.minimum, "at"): _at(np.minimum, "min"),
})
