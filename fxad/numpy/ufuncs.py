"""The ufuncs that are no single primitive, and what `ufunc.reduce` and `ufunc.accumulate` mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, converted, refuse_out, refused
from fxad.numpy.calculus import cumprod, cumsum
from fxad.numpy.dispatch import REDUCTIONS, UFUNCS
from fxad.numpy.reductions import all_, any_, logsumexp, max_, min_, prod, sum_
from fxad.primitives import contraction, cumulative
from fxad.primitives.arithmetic import floor_divide, remainder
from fxad.primitives.logical import isinf
from fxad.primitives.numerals import exponent, mantissa
from fxad.primitives.powers import pow_operator, power
from fxad.primitives.rounding import absolute, copysign, trunc
from fxad.primitives.selection import where
from fxad.primitives.trigonometric import deg2rad, rad2deg
from fxad.tracing import Tracer

__all__ = ["REDUCTIONS", "UFUNCS"]  # the tables, full


# -- ufuncs that are no single primitive --------------------------------------------------------------


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return floor_divide(x, y), remainder(x, y)


def _as_floats(ufunc: np.ufunc, x: Any) -> Any:
    """`x` in the dtype in which the ufunc computes."""
    return converted(x, ufunc.resolve_dtypes((x.dtype, *[None] * ufunc.nout))[0])


def _fabs(x: Any) -> Any:
    return absolute(_as_floats(np.fabs, x))


def _float_power(x: Any, y: Any) -> Any:
    both = [np.dtype(v.dtype) if isinstance(v, Tracer) else as_array(v).dtype for v in (x, y)]
    dtype = np.result_type(np.float64, *both)
    return power(converted(x, dtype), converted(y, dtype))


def _modf(x: Any) -> tuple[Any, Any]:
    x = _as_floats(np.modf, x)
    whole = trunc(x)
    return copysign(where(isinf(x), 0, x - whole), x), whole


def _frexp(x: Any) -> tuple[Any, Any]:
    x = _as_floats(np.frexp, x)
    return mantissa(x), exponent(x)


def _matvec(x1: Any, x2: Any) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    return contraction.einsum("...ij,...j->...i", x1, x2)


def _vecmat(x1: Any, x2: Any) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if x1.dtype.kind == "c":
        x1 = np.conjugate(x1)
    return contraction.einsum("...i,...ij->...j", x1, x2)


UFUNCS.update({
    np.power: pow_operator, np.float_power: _float_power, np.divmod: _divmod, np.modf: _modf,
    np.frexp: _frexp, np.fabs: _fabs, np.degrees: rad2deg,
    np.radians: deg2rad,
    np.matmul: lambda x, y: contraction.matmul(as_array(x), as_array(y)),
    np.vecdot: lambda x, y, axis=-1: contraction.vecdot(as_array(x), as_array(y), axis=axis),
})
if hasattr(np, "matvec"):  # since NumPy 2.2
    UFUNCS.update({np.matvec: _matvec, np.vecmat: _vecmat})


# -- reduce and accumulate ----------------------------------------------------------------------------


def _fold(ufunc: np.ufunc) -> Any:
    """Reduce a ufunc that has no reduction of its own: one element after the other."""

    def reduce(a: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
               initial: Any = None, where: Any = True) -> Any:
        refuse_out(f"{ufunc.__name__}.reduce", out)
        if where is not True:
            raise refused(f"np.{ufunc.__name__}.reduce(..., where=...) has no traced form.",
                          "np.where(mask, x, y) before it")
        a = as_array(a) if dtype is None else converted(as_array(a), dtype)
        axis = axis_of(axis, a.ndim)
        parts = list(np.moveaxis(a, axis, 0))
        made = parts.pop(0) if initial is None else initial
        for part in parts:
            made = ufunc(made, part)
        return np.expand_dims(made, axis) if keepdims else made

    return reduce


def _running(running: Any, ufunc: np.ufunc) -> Any:
    """Accumulate by a primitive that runs along an axis."""

    def accumulate(a: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        refuse_out(f"{ufunc.__name__}.accumulate", out)
        a = as_array(a) if dtype is None else converted(as_array(a), dtype)
        return running(a, axis=axis_of(axis, a.ndim), reverse=False)

    return accumulate


def _decision(function: Any) -> Any:
    def reduce(a: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
               initial: Any = None, where: Any = True) -> Any:
        return function(a, axis, out, keepdims, where=where)

    return reduce


def _extreme(function: Any) -> Any:
    def reduce(a: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
               initial: Any = None, where: Any = True) -> Any:
        a = as_array(a) if dtype is None else converted(as_array(a), dtype)
        return function(a, axis, out, keepdims, initial, where)

    return reduce


REDUCTIONS.update({
    (np.add, "reduce"): sum_, (np.multiply, "reduce"): prod,
    (np.maximum, "reduce"): _extreme(max_), (np.minimum, "reduce"): _extreme(min_),
    (np.logical_or, "reduce"): _decision(any_), (np.logical_and, "reduce"): _decision(all_),
    (np.logaddexp, "reduce"): logsumexp,
    (np.add, "accumulate"): cumsum, (np.multiply, "accumulate"): cumprod,
    (np.maximum, "accumulate"): _running(cumulative.cummax, np.maximum),
    (np.minimum, "accumulate"): _running(cumulative.cummin, np.minimum),
    (np.logaddexp, "accumulate"): _running(cumulative.cumlogsumexp, np.logaddexp),
})
REDUCTIONS.update({
    (ufunc, "reduce"): _fold(ufunc)
    for ufunc in (np.subtract, np.divide, np.hypot, np.fmax, np.fmin, np.logical_xor, np.bitwise_and,
                  np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm, np.power, np.logaddexp2)
})
