"""The error function, the normal distribution, and their relatives.

Formulas: Abramowitz and Stegun (1964), chapters 7 and 26, and the Digital Library of Mathematical Functions
(DLMF), chapter 7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.primitives.exponential import exp
from fxad.primitives.samples import normal, points, sample, uniform
from fxad.primitives.special import OfOrder, Special, missing, scipy, scipy_special

__all__ = ["erf", "erfc", "erfcinv", "erfcx", "erfi", "erfinv", "log_ndtr", "ndtr", "ndtri"]

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0
_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0

_real = [sample(normal(3, 4)), sample(normal()), sample(normal(0, 2))]
_any = [sample(normal(3, 4), dtypes="fc"), sample(normal(), dtypes="fc"), sample(normal(0, 2))]
_far = points(0.0, -0.0, 30.0, -30.0, math.inf, -math.inf, math.nan)

# -- the error function: A&S 7.1.19 --------------------------------------------------------------------

erf = Special(
    "erf", formula="by_element(math.erf, {})", complex=True,
    jvp=lambda out, x, dx: dx * (_SLOPE * exp(-(x * x))),
    samples=[*_any, sample(_far, smooth=False)],
)
erfc = Special(
    "erfc", formula="by_element(math.erfc, {})", complex=True,
    jvp=lambda out, x, dx: dx * (-_SLOPE * exp(-(x * x))),
    samples=[*_any, sample(_far, smooth=False)],
)
erfi = Special("erfi", complex=True, jvp=lambda out, x, dx: dx * (_SLOPE * exp(x * x)), samples=_any)

# The derivative of an inverse is one over the derivative there: DLMF 7.17.
erfinv = Special(
    "erfinv", jvp=lambda out, x, dx: dx * (exp(out * out) / _SLOPE),
    samples=[sample(uniform(-0.9, 0.9, 3, 4)), sample(uniform(-0.9, 0.9)), sample(normal(0)),
             sample(points(1.0, -1.0, 2.0), smooth=False)],
)
erfcinv = Special(
    "erfcinv", jvp=lambda out, x, dx: dx * (exp(out * out) / -_SLOPE),
    samples=[sample(uniform(0.1, 1.9, 3, 4)), sample(uniform(0.1, 1.9)), sample(normal(0)),
             sample(points(0.0, 2.0, -1.0), smooth=False)],
)


# -- the scaled complementary error function -----------------------------------------------------------


class ErfcxDerivative(OfOrder):
    """The derivative of some `order` of `exp(x**2) erfc(x)`, real `x`; its own is the next one."""

    def emit(self, x: Code, *, order: int) -> str:
        if scipy_special() is None:
            raise missing("erfcx")
        return f"erfcx_derivative_of({x}, {order})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, order: int) -> Any:
        return tangents[0] * self(primals[0], order=order + 1)


@kernel
def erfcx_derivative_of(x: Any, order: int) -> Any:
    """The derivative of some order of erfcx, accurate for large x too.

    With w_n the derivative of order n: w_n = 2x w_(n-1) + 2(n-1) w_(n-2), from w' = 2xw - 2/sqrt(pi). For
    x > 1 that loses all accuracy, and the ratios r_n = -w_n / (2n w_(n-1)) of the repeated integrals
    (DLMF 7.18.2, 7.18.7) are a continued fraction, r_n = 1 / (2x + 2(n+1) r_(n+1)).
    """
    x = np.asarray(x)
    wide = x.astype(np.float64)
    first = scipy.special.erfcx(wide)
    far = wide > 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        before, w = 0.0, first
        for n in range(1, order + 1):
            before, w = w, 2.0 * wide * w + (2.0 * (n - 1) * before if n > 1 else -2.0 / math.sqrt(math.pi))
        ratios = scaled_erfc_ratios(np.where(far, wide, 1.0), order)
        for n, r in enumerate(ratios, 1):
            first = first * (-2.0 * n) * r
    return np.where(far, first, w).astype(x.dtype)[()]


@kernel
def scaled_erfc_ratios(x: Any, count: int) -> Any:
    """The first ratios of one repeated integral of erfc to the one before, for x of at least 1 / sqrt(2)."""
    found: list[Any] = []
    r = np.zeros_like(x)
    for n in range(count + 200, 0, -1):
        r = 1.0 / (2.0 * x + 2.0 * (n + 1) * r)
        if n <= count:
            found.insert(0, r)
    return found


erfcx_derivative = ErfcxDerivative("erfcx_derivative", samples=[
    sample(uniform(-2, 8, 3, 4), order=1), sample(normal(), order=1), sample(normal(0), order=2),
    sample(points(0.0, 1.0, 1.5, 1e5), order=2),
])


def _erfcx_slope(out: Any, x: Any, dx: Any) -> Any:
    if x.dtype.kind == "c":
        return dx * (2.0 * x * out - _SLOPE)
    return dx * erfcx_derivative(x, order=1)


erfcx = Special("erfcx", complex=True, jvp=_erfcx_slope, samples=[
    *_any, sample(points(0.0, 1e4, 1e9, -1.0)), sample(_far, smooth=False)])


# -- the normal distribution: A&S 26.2 -----------------------------------------------------------------


class InverseMills(OfOrder):
    """The density of the normal distribution over the distribution function, `h(x)`; or `h(x) + x`.

    h' = -h (x + h). For large negative x, h is nearly -x: its `excess` over that is computed for itself.
    """

    def emit(self, x: Code, *, excess: bool) -> str:
        if scipy_special() is None:
            raise missing("log_ndtr")
        return f"inverse_mills_excess({x})" if excess else f"inverse_mills({x})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, excess: bool) -> Any:
        (x,), (dx,) = primals, tangents
        if excess:
            return dx * (1.0 - self(x, excess=False) * out)
        return dx * -(out * self(x, excess=True))


@kernel
def inverse_mills(x: Any) -> Any:
    """The density of the normal distribution over the distribution function: nearly -x far below 0.

    Through exp(-x**2 / 2 - log_ndtr(x)) it would be the difference of two large numbers there; it is the
    inverse of the scaled function, erfcx(u) = exp(u**2) erfc(u) with u = -x / sqrt(2).
    """
    x = np.asarray(x)
    wide = x.astype(np.float64)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        below = math.sqrt(2 / math.pi) / scipy.special.erfcx(np.maximum(-wide, 0.0) / math.sqrt(2))
        density = np.exp(-0.5 * wide * wide) / math.sqrt(2 * math.pi)
        above = density / scipy.special.ndtr(np.maximum(wide, -1.0))
    return np.where(wide < -1.0, below, above).astype(x.dtype)[()]


@kernel
def inverse_mills_excess(x: Any) -> Any:
    """inverse_mills(x) + x, without the cancellation far below 0: a continued fraction, DLMF 7.9.1."""
    x = np.asarray(x)
    wide = x.astype(np.float64)
    (ratio,) = scaled_erfc_ratios(np.maximum(-wide, 1.0) / math.sqrt(2), 1)
    return np.where(wide < -1.0, math.sqrt(2) * ratio, inverse_mills(wide) + wide).astype(x.dtype)[()]


mills = InverseMills("inverse_mills", samples=[
    sample(normal(3, 4, scale=2), excess=False), sample(normal(), excess=True),
    sample(uniform(-5, 3, 3, 4), excess=True), sample(normal(0), excess=False),
    sample(points(0.0, -1.0, -50.0, 9.0), excess=False),
])

ndtr = Special(
    "ndtr", formula="0.5 * by_element(math.erfc, {} * -0.7071067811865476)", complex=True,
    jvp=lambda out, x, dx: dx * (_DENSITY * exp(-0.5 * (x * x))), samples=[*_any, sample(_far, smooth=False)],
)
ndtri = Special(
    "ndtri", jvp=lambda out, x, dx: dx * (exp(0.5 * (out * out)) / _DENSITY),
    samples=[sample(uniform(0.1, 0.9, 3, 4)), sample(uniform(0.1, 0.9)), sample(normal(0)),
             sample(points(0.0, 1.0, 2.0), smooth=False)],
)
log_ndtr = Special(
    "log_ndtr", jvp=lambda out, x, dx: dx * mills(x, excess=False),
    samples=[*_real, sample(points(-40.0, -5.0, 8.0)), sample(_far, smooth=False)],
)
