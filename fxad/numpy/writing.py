"""Functions that write into their first argument: into an array of the trace, as `x[...] = v` does.

A plain array can't hold a traced value, so writing one into it is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, converted
from fxad.numpy.dispatch import REDUCTIONS, implements
from fxad.numpy.output import into_array
from fxad.numpy.selecting import where as choose
from fxad.numpy.shaping import broadcast_to, ravel, reshaped, resize
from fxad.numpy.ufuncs import UFUNCS
from fxad.primitives.at import change_at
from fxad.tracing import Tracer, check_writable, rebind

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _target(name: str, x: Any) -> Any:
    """The traced array to write into; refuses any other."""
    if not isinstance(x, Tracer):
        raise into_array(name)
    return x


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    _target("copyto", dst)
    value = as_array(src)
    weak = src.__class__ in (int, float, complex)
    if not np.can_cast(np.result_type(dst.dtype, src) if weak else value.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {value.dtype!r} to {dst.dtype!r} according to the"
                        f" rule '{casting}'")
    value = broadcast_to(converted(value, dst.dtype), dst.shape)
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
    index = ravel(as_array(ind))
    if not index.size:
        return
    if mode != "raise":
        index = index % a.size if mode == "wrap" else np.clip(index, 0, a.size - 1)
    flat = ravel(a).at[index].set(resize(converted(as_array(v), a.dtype), index.size))
    a[...] = reshaped(flat, a.shape)


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    _target("put_along_axis", arr)
    if axis is None:
        put(arr, indices, values)
        return
    axis = axis_of(axis, arr.ndim)
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


#: The ufuncs whose `at` is one operation; the others go through the places one after the other.
_AT = {np.add: "add", np.subtract: "subtract", np.multiply: "multiply", np.divide: "divide",
       np.maximum: "max", np.minimum: "min"}


def _at(ufunc: np.ufunc) -> Any:
    def at(a: Any, indices: Any, *b: Any, axis: int = 0) -> None:
        name = f"{ufunc.__name__}.at"
        _target(name, a)
        check_writable(a, f"a = a.at[indices].apply(np.{ufunc.__name__})" if not b else
                       "a = a.at[indices].add(b), and so on")
        if ufunc in _AT:
            new = getattr(a.at[indices], _AT[ufunc])(as_array(b[0]) if isinstance(b[0], list) else b[0])
        else:
            new = change_at(a, indices, ufunc, *b)
        rebind(a, new)

    return at


REDUCTIONS.update({
    (ufunc, "at"): _at(ufunc) for ufunc in UFUNCS
    if ufunc.nout == 1 and ufunc.nin <= 2 and ufunc.signature is None
})
