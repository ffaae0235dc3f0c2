"""The ufuncs that are no single primitive, and what `ufunc.reduce` and `ufunc.accumulate` mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.numpy.arguments import (
    as_array,
    axes_of,
    axis_of,
    concrete,
    converted,
    refuse_out,
    refused,
    with_kept_axes,
)
from fxad.numpy.calculus import cumprod, cumsum
from fxad.numpy.dispatch import REDUCTIONS, UFUNCS
from fxad.numpy.elementwise import clip
from fxad.numpy.joining import stack
from fxad.numpy.reductions import all_, any_, logsumexp, max_, min_, prod, sum_, truth
from fxad.numpy.shaping import moveaxis, reshape, transpose
from fxad.primitives import contraction, cumulative
from fxad.primitives.arithmetic import floor_divide, remainder
from fxad.primitives.indexing import getitem
from fxad.primitives.logical import isinf
from fxad.primitives.numerals import exponent, mantissa
from fxad.primitives.powers import pow_operator, power
from fxad.primitives.rounding import absolute, copysign, trunc
from fxad.primitives.selection import where as choose
from fxad.primitives.trigonometric import deg2rad, rad2deg
from fxad.tracing import Tracer

__all__ = ["REDUCTIONS", "UFUNCS"]  # the tables, full


#: What the clip method of a plain array calls; it has no public name.
_CLIP: np.ufunc = vars(np)["_core"].umath.clip

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
    return copysign(choose(isinf(x), 0, x - whole), x), whole


def _frexp(x: Any) -> tuple[Any, Any]:
    x = _as_floats(np.frexp, x)
    return mantissa(x), exponent(x)


def _matvec(x1: Any, x2: Any) -> Any:
    _one_length("matvec", x1, x2, x1.shape[-1:], x2.shape[-1:])
    return contraction.einsum("...ij,...j->...i", x1, x2)


def _vecmat(x1: Any, x2: Any) -> Any:
    if x1.dtype.kind == "c":
        x1 = np.conjugate(x1)
    _one_length("vecmat", x1, x2, x1.shape[-1:], x2.shape[-2:-1])
    return contraction.einsum("...i,...ij->...j", x1, x2)


def _one_length(name: str, x1: Any, x2: Any, n: tuple[int, ...], m: tuple[int, ...]) -> None:
    """Raise TypeMismatch unless what is multiplied and summed has one length: it is not broadcast."""
    if n and m and n != m:
        raise refused(f"np.{name} of shapes {x1.shape} and {x2.shape}: {n[0]} elements meet {m[0]}",
                      "operands whose lengths agree")


def _generalized(function: Any, *counts: int) -> Any:
    """A function over the last axes of its operands, `counts` of each and of the result, with NumPy's
    `axis` and `axes` for others and `keepdims`."""

    def call(x: Any, y: Any, axis: Any = None, axes: Any = None, keepdims: bool = False) -> Any:
        x, y = as_array(x), as_array(y)
        if (axis is not None or keepdims) and counts != (1, 1, 0):
            raise TypeError("axis and keepdims can only be used where all operands have one core dimension")
        if axis is not None:
            axes = [axis, axis]
        if axes is None:
            out = function(x, y)
            return np.expand_dims(out, -1) if keepdims else out
        given = [(a,) if np.ndim(a) == 0 else tuple(a) for a in axes]
        if [len(a) for a in given] not in (list(counts), list(counts[: 2 + (counts[2] > 0)])):
            raise ValueError(f"axes should be a list of tuples of lengths {counts}")
        x, y = (moveaxis(v, a, tuple(range(-n, 0)))
                for v, a, n in zip((x, y), given, counts, strict=False))
        out = function(x, y)
        if counts[2] == 0:
            return np.expand_dims(out, given[0]) if keepdims else out
        return moveaxis(out, tuple(range(-counts[2], 0)), given[2])

    return call


UFUNCS.update({
    np.power: pow_operator, np.float_power: _float_power, np.divmod: _divmod, np.modf: _modf,
    np.frexp: _frexp, np.fabs: _fabs, np.degrees: rad2deg,
    np.radians: deg2rad,
    np.matmul: _generalized(contraction.matmul, 2, 2, 2),
    np.vecdot: _generalized(contraction.vecdot, 1, 1, 0),
    _CLIP: clip,
})
if hasattr(np, "matvec"):  # since NumPy 2.2
    UFUNCS.update({np.matvec: _generalized(_matvec, 2, 1, 1), np.vecmat: _generalized(_vecmat, 1, 2, 1)})


# -- reduce and accumulate ----------------------------------------------------------------------------


def _in_order(ufunc: np.ufunc, name: str, a: Any, axis: Any, dtype: Any, out: Any) -> tuple[Any, list[Any]]:
    """The array, and its elements along one axis in the dtype in which the ufunc takes them."""
    refuse_out(f"{ufunc.__name__}.{name}", out)
    a = as_array(a)
    if dtype is None:
        found = ufunc.resolve_dtypes((a.dtype, a.dtype, None))
        dtype = found[0] if found[2].kind == found[0].kind else found[2]
    a = truth(a) if dtype == np.bool_ else converted(a, dtype)
    return a, list(moveaxis(a, axis_of(axis, a.ndim), 0))


def _fold(ufunc: np.ufunc) -> Any:
    """Reduce a ufunc that has no reduction of its own: one element after the other."""
    name = ufunc.__name__
    one_axis = ufunc in (np.subtract, np.divide, np.power)  # the order of the elements matters

    def reduce(a: Any, axis: Any = 0, dtype: Any = None, out: None = None, keepdims: bool = False,
               initial: Any = None, where: Any = True) -> Any:
        a = as_array(a)
        axes = axes_of(axis, a.ndim)
        if one_axis and a.ndim and len(axes) != 1:
            raise ValueError(f"reduction operation '{name}' is not reorderable, so at most one axis may be"
                             " specified")
        start = ufunc.identity if initial is None else initial
        if where is not True:
            neutral = start if ufunc.identity is None else ufunc.identity
            if neutral is None:
                raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a"
                                 " where mask one has to specify 'initial'")
            a = choose(as_array(where), a, converted(as_array(neutral), a.dtype))
        kept = tuple([i for i in range(a.ndim) if i not in axes])
        size = math.prod(a.shape[i] for i in axes)
        lines = reshape(transpose(a, kept + axes), (*[a.shape[i] for i in kept], size))
        lines, parts = _in_order(ufunc, "reduce", lines, -1, dtype, out)
        if not parts and start is None:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        made = np.full(lines.shape[:-1], start, lines.dtype)[()] if not parts else parts.pop(0)
        if start is not None and size:
            made = ufunc(converted(as_array(start), lines.dtype), made)
        for part in parts:
            made = ufunc(made, part)
        return with_kept_axes(made, a.shape, axes, keepdims)

    return reduce


def _accumulate(ufunc: np.ufunc) -> Any:
    """Accumulate a ufunc that has no primitive that runs along an axis: one element after the other."""

    def accumulate(a: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        a, parts = _in_order(ufunc, "accumulate", _line(a), axis, dtype, out)
        for i in range(1, len(parts)):
            parts[i] = ufunc(parts[i - 1], parts[i])
        return stack(parts, axis) if parts else a

    return accumulate


def _reduce_at(ufunc: np.ufunc) -> Any:
    """Reduce the slices that begin at the indices."""

    def reduceat(a: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        name = f"{ufunc.__name__}.reduceat"
        refuse_out(name, out)
        a = as_array(a)
        axis = axis_of(axis, a.ndim)
        n = a.shape[axis]
        starts = np.asarray(concrete(as_array(indices), f"np.{name}", "indices that are not traced"))
        for i in starts.tolist():
            if not 0 <= i < n:
                raise IndexError(f"index {i} out-of-bounds in {name} [0, {n})")
        ends = [*starts.tolist()[1:], n]
        before = (slice(None),) * axis
        reduce = REDUCTIONS[ufunc, "reduce"]
        parts = []
        for i, end in zip(starts.tolist(), ends, strict=True):
            part = getitem(a, (*before, slice(i, max(i + 1, end))))
            if end <= i + 1 and ufunc in _FOLDED:  # one element stays what it is: NumPy adds no identity here
                parts += _in_order(ufunc, "reduceat", part, axis, dtype, None)[1]
            else:
                parts.append(reduce(part, axis, dtype))
        return stack(parts, axis)

    return reduceat


def _line(a: Any) -> Any:
    """An array that has an axis to accumulate along."""
    if np.ndim(a) == 0:
        raise TypeError("cannot accumulate on a scalar")
    return a


def _running(running: Any, ufunc: np.ufunc) -> Any:
    """Accumulate by a primitive that runs along an axis."""

    def accumulate(a: Any, axis: Any = 0, dtype: Any = None, out: None = None) -> Any:
        refuse_out(f"{ufunc.__name__}.accumulate", out)
        a = as_array(a) if dtype is None else converted(as_array(a), dtype)
        return running(_line(a), axis=axis_of(axis, a.ndim), reverse=False)

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
    (np.add, "accumulate"): lambda a, *args, **kwargs: cumsum(_line(a), *args, **kwargs),
    (np.multiply, "accumulate"): lambda a, *args, **kwargs: cumprod(_line(a), *args, **kwargs),
    (np.maximum, "accumulate"): _running(cumulative.cummax, np.maximum),
    (np.minimum, "accumulate"): _running(cumulative.cummin, np.minimum),
    (np.logaddexp, "accumulate"): _running(cumulative.cumlogsumexp, np.logaddexp),
})
_FOLDED = (np.subtract, np.divide, np.hypot, np.fmax, np.fmin, np.logical_xor, np.bitwise_and,
           np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm, np.power, np.logaddexp2)
REDUCTIONS.update({(ufunc, "reduce"): _fold(ufunc) for ufunc in _FOLDED})
REDUCTIONS.update({
    (ufunc, "accumulate"): _accumulate(ufunc) for ufunc in (*_FOLDED, np.logical_or, np.logical_and)
})
REDUCTIONS.update({
    (ufunc, "reduceat"): _reduce_at(ufunc) for ufunc, method in list(REDUCTIONS) if method == "reduce"
})
