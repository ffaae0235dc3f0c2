"""The logistic function and its relatives, softmax and the logarithm of a sum of exponentials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.exponential import exp
from fxad.primitives.families import Operation, batch_reduction, reduced
from fxad.primitives.samples import normal, points, sample, uniform
from fxad.primitives.selection import where
from fxad.primitives.special import OfOrder, Special, float_dtype, scipy_special
from fxad.primitives.structural import broadcast, reduce_sum

__all__ = ["exp10", "expit", "exprel", "log_expit", "logit", "logsumexp", "softmax"]

_LOG10 = math.log(10)

_real = [sample(normal(3, 4, scale=3)), sample(normal()), sample(normal(0, 2))]
_far = sample(points(0.0, 800.0, -800.0, math.inf, -math.inf, math.nan), smooth=False)

# 1 - expit(x) is expit(-x), which keeps its digits where expit(x) is nearly 1.
expit: Special = Special(
    "expit", formula="expit_of({})", jvp=lambda out, x, dx: dx * (out * expit(-x)), samples=[*_real, _far],
)
log_expit = Special(
    "log_expit", formula="-np.logaddexp(0.0, -{})", jvp=lambda out, x, dx: dx * expit(-x),
    samples=[*_real, _far],
)
logit = Special(
    "logit", formula="logit_of({})", jvp=lambda out, x, dx: dx / (x * (1.0 - x)),
    samples=[sample(uniform(0.1, 0.9, 3, 4)), sample(uniform(0.1, 0.9)), sample(normal(0)),
             sample(points(0.5, 0.31, 0.69))],
)
exp10 = Special("exp10", formula="np.power(10.0, {})", jvp=lambda out, x, dx: dx * (out * _LOG10),
                samples=[*_real, sample(points(400.0, -400.0), smooth=False)])


@kernel
def expit_of(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return (np.where(np.signbit(x), small, 1.0) / (1.0 + small)).astype(x.dtype)[()]


@kernel
def logit_of(x: Any) -> Any:
    """log(x / (1 - x)); around 1/2, where that loses digits, log1p(2x - 1) - log1p(1 - 2x)."""
    with np.errstate(all="ignore"):
        s = np.where(np.abs(x - 0.5) < 0.2, 2.0 * x - 1.0, 0.0)
        near = np.log1p(s) - np.log1p(-s)
        return np.where(np.abs(x - 0.5) < 0.2, near, np.log(x / (1.0 - x))).astype(x.dtype)[()]


class Exprel(OfOrder):
    """`(exp(x) - 1) / x`, 1 at 0, and its derivatives of any `order`, exact around 0 too."""

    def emit(self, x: Code, *, order: int) -> str:
        if order == 0 and scipy_special() is not None:
            return f"scipy.special.exprel({x})"
        return f"exprel_derivative({x}, {order})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, order: int) -> Any:
        return tangents[0] * self(primals[0], order=order + 1)


@kernel
def exprel_derivative(x: Any, order: int) -> Any:
    """The integral of t**n exp(x t) for t from 0 to 1, which is the derivative of exprel of order n.

    By parts: x f_n + n f_(n-1) = exp(x). That loses all accuracy for small x, where the power series, the
    sum over k of x**k / (k! (k + n + 1)), does not.
    """
    x = np.asarray(x)
    wide = x.astype(np.float64)
    near = np.abs(wide) < order + 2.0
    far = np.where(near, 1.0, wide)
    close = np.where(near, wide, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        recurrence = np.expm1(far) / far
        for n in range(1, order + 1):
            recurrence = np.where(np.isinf(recurrence), recurrence, (np.exp(far) - n * recurrence) / far)
    term = np.ones(x.shape)
    series = term / (order + 1)
    for k in range(1, 30 + 4 * order):
        term = term * close / k
        series = series + term / (k + order + 1)
    return np.where(near, series, recurrence).astype(x.dtype)[()]


exprel = Exprel("exprel", samples=[
    sample(normal(3, 4), order=0), sample(normal(), order=0), sample(normal(0), order=1),
    sample(points(0.0, 1e-3, -0.5, 3.0), order=0), sample(uniform(-6, 6, 7), order=1),
    sample(uniform(-6, 6, 7), order=2), sample(points(math.inf, -math.inf, math.nan), order=0, smooth=False),
])


# -- along axes ----------------------------------------------------------------------------------------

Axes = tuple[int, ...]


def along(x: Any, reduced_shape_of: Any, axes: Axes) -> Any:
    """A reduction's result, repeated along the axes that it was taken over."""
    kept = tuple(i for i in range(len(reduced_shape_of)) if i not in axes)
    return broadcast(x, shape=reduced_shape_of, axes=kept)


class Logsumexp(Operation):
    """The logarithm of the sum of `exp(x)` over `axes`, which disappear.

    Its derivative is the softmax of x. Where all elements are minus infinity there is none, and it is 0.
    """

    def infer(self, x: ArrayType, *, axes: Axes) -> ArrayType:
        return ArrayType(reduced(x, axes).shape, float_dtype("logsumexp", [x], complex=True))

    def emit(self, x: Code, *, axes: Axes) -> str:
        return f"logsumexp_of({x}, {axes})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axes: Axes) -> Any:
        (x,), (dx,) = primals, tangents
        shift = where(equal(out, -math.inf), 0.0, out)
        return reduce_sum(dx * exp(x - along(shift, x.shape, axes)), axes=axes)

    def batch(self, size: int, operands: Any, dims: Any, *, axes: Axes) -> tuple[Any, Any]:
        return batch_reduction(self, operands[0], dims[0] or 0, axes)


@kernel
def logsumexp_of(x: Any, axes: Any) -> Any:
    """log(sum(exp(x))). The greatest elements are left out of the sum: log1p keeps the digits of the rest."""
    top = np.max(np.real(x), axis=axes, keepdims=True, initial=-np.inf)
    pivot = np.where(np.isfinite(top), top, 0.0).astype(top.dtype)
    with np.errstate(all="ignore"):
        terms = np.exp(x - pivot)
        if x.dtype.kind == "c":
            return (np.log(np.sum(terms, axis=axes)) + np.squeeze(pivot, axis=axes)).astype(x.dtype)[()]
        greatest = x == top
        count = np.sum(greatest, axis=axes, dtype=x.dtype)
        rest = np.sum(np.where(greatest, 0.0, terms), axis=axes, dtype=x.dtype)
        top = np.squeeze(top, axis=axes)
        found = np.log1p(rest / count) + np.log(count) + top
        return np.where(np.isfinite(top), found, top).astype(x.dtype)[()]


class Softmax(Operation):
    """`exp(x)` over its sum along `axes`."""

    def infer(self, x: ArrayType, *, axes: Axes) -> ArrayType:
        return ArrayType(x.shape, float_dtype("softmax", [x]))

    def emit(self, x: Code, *, axes: Axes) -> str:
        return f"softmax_of({x}, {axes})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axes: Axes) -> Any:
        (dx,) = tangents
        mean = reduce_sum(out * dx, axes=axes)
        return out * (dx - along(mean, dx.shape, axes))

    def batch(self, size: int, operands: Any, dims: Any, *, axes: Axes) -> tuple[Any, Any]:
        dim = dims[0] or 0
        return self(operands[0], axes=tuple(a + (a >= dim) for a in axes)), dim


@kernel
def softmax_of(x: Any, axes: Any) -> Any:
    """exp(x) / sum(exp(x)), without overflow."""
    with np.errstate(invalid="ignore"):
        terms = np.exp(x - np.max(x, axis=axes, keepdims=True, initial=-np.inf))
        return (terms / np.sum(terms, axis=axes, keepdims=True))[()]


_reductions = [(normal(3, 4), (0,)), (normal(3, 4), (0, 1)), (normal(2, 3, 2), (0, 2)), (normal(3), (0,)),
               (normal(), ()), (normal(0, 3), (1,))]
logsumexp = Logsumexp("logsumexp", samples=[
    *(sample(maker, axes=axes, dtypes="fc") for maker, axes in _reductions),
    sample(points(-math.inf, 0.0, 3.0, 3.0), axes=(0,), smooth=False),
    sample(points(-math.inf, -math.inf), axes=(0,), smooth=False),
    sample(points(math.inf, 1.0), axes=(0,), smooth=False), sample(normal(3, 0), axes=(1,), smooth=False),
])
softmax = Softmax("softmax", samples=[
    *(sample(maker, axes=axes) for maker, axes in _reductions),
    sample(points(-math.inf, 0.0, 800.0), axes=(0,), smooth=False),
])
