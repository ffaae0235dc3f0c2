"""Functions of each element that are no ufuncs: rounding, clipping, parts of complex numbers, tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, concrete, converted, inexact, refuse_out, refused, warned
from fxad.numpy.dispatch import FUNCTIONS, VIEWS, implements
from fxad.numpy.reductions import all_
from fxad.primitives import complexes
from fxad.primitives import rounding as primitive
from fxad.primitives.logical import isfinite, isinf, isnan, signbit
from fxad.primitives.rounding import maximum, minimum
from fxad.primitives.selection import where as choose
from fxad.primitives.structural import fit
from fxad.primitives.trigonometric import arctan2
from fxad.primitives.views import Part, Zeros, is_view
from fxad.tracing import Tracer, check_writable, is_number, own, rebind

__all__ = [
    "allclose",
    "angle",
    "around",
    "array2string",
    "array_equal",
    "array_equiv",
    "array_repr",
    "array_str",
    "astype",
    "can_cast",
    "clip",
    "common_type",
    "copy",
    "fix",
    "imag",
    "isclose",
    "iscomplex",
    "iscomplexobj",
    "isneginf",
    "isposinf",
    "isreal",
    "isrealobj",
    "min_scalar_type",
    "nan_to_num",
    "ndim",
    "own_of",
    "real",
    "real_if_close",
    "result_type",
    "round_",
    "shape",
    "sinc",
    "size",
    "typed",
]


# -- rounding -----------------------------------------------------------------------------------------


def _on_parts(function: Callable[[Any], Any], x: Any) -> Any:
    """A real function on the real and the imaginary part."""
    if x.dtype.kind != "c":
        return function(x)
    return complexes.make_complex(function(complexes.real(x)), function(complexes.imag(x)))


@implements(np.round, np.around)
def round_(a: Any, decimals: Any = 0, out: None = None) -> Any:
    refuse_out("round", out)
    x = as_array(a)
    if x.dtype.kind in "iu":
        return x if decimals >= 0 else converted(round_(inexact(x), decimals), x.dtype)
    if x.dtype.kind == "b" and decimals != 0:
        raise refused("np.round of booleans to some decimals.", "np.round(x.astype(float), decimals)")
    if decimals == 0:
        return _on_parts(primitive.rint, x)
    power = 10.0 ** abs(decimals)
    if decimals > 0:
        return _on_parts(lambda r: primitive.rint(r * power) / power, x)
    return _on_parts(lambda r: primitive.rint(r / power) * power, x)


around = round_


@implements(np.fix)
def fix(x: Any, out: None = None) -> Any:
    refuse_out("fix", out)
    return primitive.trunc(as_array(x))


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None,
         max: Any = None, dtype: Any = None, **kwargs: Any) -> Any:
    refuse_out("clip", out)
    x = as_array(a)
    if dtype is not None:
        np.clip(np.empty(0, x.dtype), 0, 0, dtype=dtype)  # raises where the values can't be cast
        x = converted(x, dtype)
    low, high = (b if isinstance(b, (int, float, complex)) or b is None else as_array(b)
                 for b in (a_min if min is None else min, a_max if max is None else max))
    if x.dtype.kind in "iu":  # an int beyond all that the dtype holds is no bound
        limits = np.iinfo(x.dtype)
        low, high = _above(low, x.dtype, limits.min), _below(high, x.dtype, limits.max)
    if low is None and high is None:
        return np.positive(x)
    return primitive.clip(converted(x, x.dtype), low, high)


def _above(low: Any, dtype: Any, limit: int) -> Any:
    if low.__class__ is int:
        return low if low > limit else None
    return fit(maximum(low, limit), dtype=dtype) if _is_python_int(low) else low


def _below(high: Any, dtype: Any, limit: int) -> Any:
    if high.__class__ is int:
        return high if high < limit else None
    return fit(minimum(high, limit), dtype=dtype) if _is_python_int(high) and limit < 2**63 else high


def _is_python_int(x: Any) -> bool:
    return x.__class__ is Tracer and x.type.weak and x.dtype.kind == "i"


@implements(np.nan_to_num, views=True)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None,
               neginf: Any = None) -> Any:
    given = x = as_array(x)
    if x.dtype.kind not in "fc":
        return x if not copy else own_of(x)
    limits = np.finfo(x.dtype)
    greatest = float(limits.max) if posinf is None else posinf
    least = float(limits.min) if neginf is None else neginf

    def part(r: Any) -> Any:
        r = choose(isnan(r), nan, r)
        r = choose(isposinf(r), greatest, r)
        return choose(isneginf(r), least, r)

    made = _on_parts(part, x)
    if copy or is_number(given):
        return made
    check_writable(given, "np.nan_to_num(x), a new array")
    rebind(given, made)
    return given


@implements(np.sinc)
def sinc(x: Any) -> Any:
    x = inexact(as_array(x))
    return primitive.sinc(x, order=0)


# -- complex numbers ----------------------------------------------------------------------------------


@implements(np.real, views=True)
def real(val: Any) -> Any:
    x = as_array(val)
    return x if x.dtype.kind != "c" else is_view(complexes.real(x), x, Part(0))


@implements(np.imag, views=True)
def imag(val: Any) -> Any:
    x = as_array(val)
    return is_view(complexes.imag(x), x, Part(1) if x.dtype.kind == "c" else Zeros())


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    z = as_array(z)
    found = complexes.angle(z) if z.dtype.kind == "c" else arctan2(0, z)
    return found * (180 / np.pi) if deg else found


@implements(np.real_if_close, views=True)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    x = as_array(a)
    if x.dtype.kind != "c":
        return x
    if tol > 1:
        tol = float(np.finfo(x.dtype).eps) * tol
    values = concrete(x, "np.real_if_close(x)", "np.real(x)")
    return real(x) if np.all(np.absolute(np.imag(values)) < tol) else x


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return bool(as_array(x).dtype.kind == "c")


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return not iscomplexobj(x)


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    x = as_array(x)
    return complexes.imag(x) != 0


@implements(np.isreal)
def isreal(x: Any) -> Any:
    x = as_array(x)
    return complexes.imag(x) == 0


# -- tests --------------------------------------------------------------------------------------------


@implements(np.isposinf)
def isposinf(x: Any, out: None = None) -> Any:
    refuse_out("isposinf", out)
    return isinf(x) & ~signbit(x)


@implements(np.isneginf)
def isneginf(x: Any, out: None = None) -> Any:
    refuse_out("isneginf", out)
    return isinf(x) & signbit(x)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    x, y = as_array(a), inexact(as_array(b))
    near = (abs(x - y) <= atol + rtol * abs(y)) & isfinite(y) | (x == y)
    return near | (isnan(x) & isnan(y)) if equal_nan else near


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    return all_(isclose(a, b, rtol, atol, equal_nan))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    x, y = as_array(a1), as_array(a2)
    if x.shape != y.shape:
        return False
    same = x == y
    if equal_nan and x.dtype.kind in "fc" and y.dtype.kind in "fc":
        same = same | (isnan(x) & isnan(y))
    return all_(same)


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    x, y = as_array(a1), as_array(a2)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return all_(x == y)


# -- what the type says -------------------------------------------------------------------------------


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    return as_array(a).shape  # type: ignore[no-any-return]


@implements(np.ndim)
def ndim(a: Any) -> int:
    return as_array(a).ndim  # type: ignore[no-any-return]


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    a = as_array(a)
    if axis is None:
        return a.size  # type: ignore[no-any-return]
    axes = axis if isinstance(axis, tuple) else (axis,)
    count = 1
    for i in axes:
        count *= a.shape[i]
    return count


def typed(value: Any) -> Any:
    """What stands for a value in NumPy's questions about types: its dtype, or a Python number."""
    if value.__class__ is not Tracer:
        return value
    if value.type.weak:
        return {"f": 0.0, "i": 0, "c": 0j, "b": False}[value.dtype.kind]
    return value.dtype


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*map(typed, arrays_and_dtypes))


@implements(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_.dtype if isinstance(from_, Tracer) else from_, to, casting)


@implements(np.min_scalar_type)
def min_scalar_type(a: Any) -> Any:
    """The dtype itself: the least that holds a value would depend on the value."""
    return as_array(a).dtype


def _written(function: Any) -> Any:
    """One of NumPy's functions that write an array as text: of the values, where there are some."""

    @implements(function)
    def text(a: Any, *args: Any, **kwargs: Any) -> str:
        values = concrete(as_array(a), f"np.{function.__name__}(x)", "repr(x), which says its type")
        return function(values, *args, **kwargs)  # type: ignore[no-any-return]

    return text


array2string, array_repr, array_str = (_written(f) for f in (np.array2string, np.array_repr, np.array_str))


@implements(np.common_type)
def common_type(*arrays: Any) -> Any:
    return np.common_type(*[np.empty(0, as_array(x).dtype) for x in arrays])


# -- copies -------------------------------------------------------------------------------------------


@implements(np.copy, views=True)
def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    return own_of(as_array(a), order)


def own_of(x: Any, order: str = "K") -> Any:
    """A copy, with its elements in the order of `x` ("K"), or in the one that is asked for."""
    return own(x, order or "K") if x.__class__ is Tracer else x


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """The same values in another dtype; of complex numbers in a real dtype, the real parts."""
    if not isinstance(x, Tracer):
        return np.asarray(x).astype(dtype, copy=copy)
    if x.dtype.kind == "c" and np.dtype(dtype).kind in "fiu":
        warned("Casting complex values to real discards the imaginary part", np.exceptions.ComplexWarning)
    made = converted(x, dtype)
    return own(made, "K") if made is x and copy and not is_number(x) else made


if hasattr(np, "astype"):  # since NumPy 2.1
    FUNCTIONS[np.astype] = astype
    VIEWS.add(np.astype)
