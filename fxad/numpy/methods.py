"""The methods and properties of an ndarray, on traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.errors import ConcretizationError, explain
from fxad.numpy import (
    calculus,
    contraction,
    elementwise,
    reductions,
    selecting,
    shaping,
    statistics,
    writing,
)
from fxad.numpy.ufuncs import UFUNCS
from fxad.primitives.complexes import conj
from fxad.primitives.rounding import absolute, ceil, floor, trunc
from fxad.source import Source
from fxad.tracing import Tracer, attach, is_number, own

__all__: list[str] = []


# -- shape and order ----------------------------------------------------------------------------------


def _reshape(self: Tracer, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """`x.reshape(2, 3)` and `x.reshape((2, 3))`."""
    return shaping.reshape(self, shape[0] if len(shape) == 1 else shape, order, copy=copy)


def _transpose(self: Tracer, *axes: Any) -> Any:
    """`x.transpose()`, `x.transpose(1, 0)` and `x.transpose((1, 0))`."""
    if len(axes) == 1 and (axes[0] is None or np.iterable(axes[0])):
        (axes,) = axes
    return shaping.transpose(self, axes or None)


def _flatten(self: Tracer, order: str = "C") -> Any:
    """A vector of the elements: a copy."""
    return own(shaping.ravel(self, order))


def _astype(self: Tracer, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True,
            copy: bool = True) -> Any:
    """The values in another dtype."""
    if not np.can_cast(self.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {self.dtype!r} to {np.dtype(dtype)!r} according"
                        f" to the rule '{casting}'")
    return elementwise.astype(self, dtype, copy=copy)


# -- values -------------------------------------------------------------------------------------------


def _clip(self: Tracer, min: Any = None, max: Any = None, out: None = None, **kwargs: Any) -> Any:
    """The values kept between bounds."""
    return elementwise.clip(self, min, max, out, **kwargs)


def _contains(self: Tracer, value: Any) -> bool:
    return bool(reductions.any_(self == value))


def _round(self: Tracer, ndigits: int | None = None) -> Any:
    return int(np.rint(self)) if ndigits is None else elementwise.round_(self, ndigits)


def _whole(function: Callable[[Any], Any]) -> Callable[[Tracer], int]:
    return lambda self: int(function(self))


def _copy(self: Tracer, order: str = "C") -> Any:
    """A copy, with its elements in C order unless asked for another."""
    return self if is_number(self) else elementwise.own_of(self, order)


def _copied(self: Tracer, memo: Any = None) -> Any:
    return _copy(self, "K")


def _conjugate(self: Tracer) -> Any:
    """The complex conjugate."""
    return conj(self) if self.dtype.kind == "c" else self


# -- writing ------------------------------------------------------------------------------------------


def _sort(self: Tracer, axis: int = -1, kind: Any = None, order: Any = None, *,
          stable: bool | None = None) -> None:
    """Sort in place, as ndarray.sort does."""
    self[...] = selecting.sort(self, axis)


def _partition(self: Tracer, kth: Any, axis: int = -1, kind: Any = None, order: Any = None) -> None:
    """Sort in place: a sorted array is partitioned."""
    self[...] = selecting.sort(self, axis)


def _fill(self: Tracer, value: Any) -> None:
    """Write one value into all elements."""
    self[...] = value


def _write_part(part: Callable[[Any], Any]) -> Callable[[Tracer, Any], None]:
    def write(self: Tracer, value: Any) -> None:
        part(self)[...] = value

    return write


def _refused(name: str, why: str, fix: str) -> Callable[..., Any]:
    def method(self: Tracer, *_: Any, **__: Any) -> Any:
        raise ConcretizationError(
            explain(f"x.{name} of a traced array: {why}.", source=Source.here(),
                    origin=self.owner.origin(self.index), fix=fix))

    method.__doc__ = f"Refused: {why}."
    return method


_MEMORY = "it is about the bytes in memory, which a traced array does not have"

def _to_device(self: Tracer, device: Any, /, *, stream: Any = None) -> Tracer:
    """The array itself, which is where all arrays are."""
    np.empty(0).to_device(device, stream=stream)  # raises NumPy's errors
    return self


attach(
    device=property(lambda self: "cpu"),
    to_device=_to_device,
    __dlpack__=_refused("__dlpack__()", _MEMORY, "x itself, which every function of fxad.numpy takes"),
    __dlpack_device__=lambda self: (1, 0),  # the CPU
    T=property(shaping.transpose),
    mT=property(shaping.matrix_transpose),
    real=property(elementwise.real, _write_part(elementwise.real)),
    imag=property(elementwise.imag, _write_part(elementwise.imag)),
    reshape=_reshape,
    transpose=_transpose,
    flatten=_flatten,
    ravel=shaping.ravel,
    squeeze=shaping.squeeze,
    swapaxes=shaping.swapaxes,
    repeat=shaping.repeat,
    astype=_astype,
    copy=_copy,
    __copy__=_copied,
    __deepcopy__=_copied,
    sum=reductions.sum_,
    prod=reductions.prod,
    mean=reductions.mean,
    var=statistics.var,
    std=statistics.std,
    max=reductions.max_,
    min=reductions.min_,
    argmax=reductions.argmax,
    argmin=reductions.argmin,
    any=reductions.any_,
    all=reductions.all_,
    cumsum=calculus.cumsum,
    cumprod=calculus.cumprod,
    dot=contraction.dot,
    diagonal=contraction.diagonal,
    trace=contraction.trace,
    conj=_conjugate,
    conjugate=_conjugate,
    clip=_clip,
    round=elementwise.round_,
    take=selecting.take,
    compress=lambda self, condition, axis=None, out=None: selecting.compress(condition, self, axis, out),
    choose=selecting.choose,
    argsort=selecting.argsort,
    argpartition=selecting.argpartition,
    nonzero=selecting.nonzero,
    searchsorted=selecting.searchsorted,
    sort=_sort,
    partition=_partition,
    fill=_fill,
    put=writing.put,
    __abs__=lambda self: absolute(self),
    __contains__=_contains,
    __round__=_round,
    __floor__=_whole(floor),
    __ceil__=_whole(ceil),
    __trunc__=_whole(trunc),
    view=_refused("view(...)", _MEMORY, "x.astype(dtype) for the values in another dtype"),
    byteswap=_refused("byteswap()", _MEMORY, "x itself"),
    tobytes=_refused("tobytes()", _MEMORY, "fxad.value_of(x).tobytes()"),
)


def _called(self: Tracer, ufunc: np.ufunc, *others: Any) -> Any:
    return ufunc(self, *others)


# An array of objects, which is what np.array([t, u]) makes, NumPy computes element by element, calling
# the method of each that is named like the ufunc.
attach(**{  # type: ignore[arg-type]  # partialmethod is a descriptor
    ufunc.__name__: functools.partialmethod(_called, ufunc)
    for ufunc in UFUNCS
    if ufunc.nin <= 2 and ufunc.nout == 1 and not hasattr(Tracer, ufunc.__name__)
})
