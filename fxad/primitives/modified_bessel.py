"""The modified Bessel function I0, which NumPy has, and those of other orders, its derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.ir.types import ArrayType
from fxad.primitives.families import Operation, align
from fxad.primitives.samples import normal, points, sample, uniform

__all__ = ["bessel_in"]


class BesselIn(Operation):
    """I_n(x), the modified Bessel function of the first kind of an integer `order`; NumPy's for order 0.

    Its derivative is (I_(n-1) + I_(n+1)) / 2, with I_(-n) = I_n: Abramowitz and Stegun (1964), 9.6.26.
    """

    elementwise = True

    def infer(self, x: ArrayType, *, order: int) -> ArrayType:
        return x.strong

    def emit(self, x: Code, *, order: int) -> str:
        return f"bessel_in_of({x}, {order})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, order: int) -> Any:
        (x,), (dx,) = primals, tangents
        if order == 0:
            return dx * self(x, order=1)
        return dx * (0.5 * (self(x, order=order - 1) + self(x, order=order + 1)))

    def batch(self, size: int, operands: Any, dims: Any, *, order: int) -> tuple[Any, Any]:
        (x,), dim = align(size, operands, dims)
        return self(x, order=order), dim


@kernel
def bessel_in_of(x: Any, order: int) -> Any:
    """np.i0, or the integral of exp(x cos t) sin(t)**(2n) over a half-turn, times (x/2)**n.

    That is Abramowitz and Stegun (1964), 9.6.18. All terms are positive, and the trapezoidal rule is exact
    as soon as there are a few points more than the square root of 20 |x|, since the integrand is periodic.
    """
    x = np.asarray(x)
    if order == 0:
        return np.i0(x).astype(x.dtype)[()]
    wide = x.astype(np.float64)
    size = np.abs(wide)
    bounded = size[size < 720.0]  # beyond, it is infinite
    count = 24 + 2 * order + math.ceil(math.sqrt(20.0 * bounded.max(initial=0.0)))
    total = np.zeros(x.shape)
    for t in (np.arange(count) + 0.5) * (np.pi / count):
        c = size * math.cos(t)
        total += np.exp(c) * math.sin(t) ** (2 * order)
    factor = math.sqrt(math.pi) / (count * math.gamma(order + 0.5))
    return (total * factor * (wide / 2) ** order).astype(x.dtype)[()]


bessel_in = BesselIn("bessel_in", samples=[
    sample(normal(3, 4), order=0), sample(normal(), order=0), sample(normal(0, 2), order=1),
    sample(points(0.0, 1e-3, -0.5, 20.0), order=0), sample(uniform(-4, 4, 5), order=1),
    sample(uniform(-9, 9, 3), order=2),
])
