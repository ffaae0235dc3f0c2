"""NumPy's `emath`: functions that give complex numbers where real ones have no value.

Whether they do is decided by the values, for all elements at once: under `vmap`, where there is no single
value, use `np.sqrt(x + 0j)` and its like.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, inexact
from fxad.numpy.dispatch import implements
from fxad.numpy.reductions import any_
from fxad.primitives import exponential, powers, trigonometric

__all__ = ["arccos", "arcsin", "arctanh", "log", "log2", "log10", "logn", "power", "sqrt"]

_NARROW = "fbBhH"


def _complex_if(outside: Any, x: Any) -> Any:
    """`x`, as complex numbers if any is outside the domain."""
    if x.dtype.kind == "c" or not any_(outside):
        return inexact(x)
    return converted(x, np.complex64 if x.dtype.char in _NARROW else np.complex128)


def _positive(x: Any) -> Any:
    x = as_array(x)
    return x if x.dtype.kind == "c" else _complex_if(x < 0, x)


def _within_one(x: Any) -> Any:
    x = as_array(x)
    return x if x.dtype.kind == "c" else _complex_if(abs(x) > 1, x)


@implements(np.emath.sqrt)
def sqrt(x: Any) -> Any:
    return exponential.sqrt(_positive(x))


@implements(np.emath.log)
def log(x: Any) -> Any:
    return exponential.log(_positive(x))


@implements(np.emath.log2)
def log2(x: Any) -> Any:
    return exponential.log2(_positive(x))


@implements(np.emath.log10)
def log10(x: Any) -> Any:
    return exponential.log10(_positive(x))


@implements(np.emath.logn)
def logn(n: Any, x: Any) -> Any:
    return log(x) / log(n)


@implements(np.emath.power)
def power(x: Any, p: Any) -> Any:
    x, p = _positive(x), as_array(p)
    if p.dtype.kind in "iu" and any_(p < 0):
        p = inexact(p)
    return powers.pow_operator(x, p)


@implements(np.emath.arccos)
def arccos(x: Any) -> Any:
    return trigonometric.arccos(_within_one(x))


@implements(np.emath.arcsin)
def arcsin(x: Any) -> Any:
    return trigonometric.arcsin(_within_one(x))


@implements(np.emath.arctanh)
def arctanh(x: Any) -> Any:
    return trigonometric.arctanh(_within_one(x))
