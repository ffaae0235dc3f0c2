"""Bessel functions of real numbers, of an order that is known beforehand.

Formulas: Abramowitz and Stegun (1964), chapter 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.primitives.rounding import sign
from fxad.primitives.samples import Maker, normal, points, sample, uniform
from fxad.primitives.special import OfOrder, missing, scipy_special

__all__ = ["BY_NAME", "Bessel"]


class Bessel(OfOrder):
    """A Bessel function of some `order`, a real number.

    Args:
        name: the name of the primitive.
        function: SciPy's name for it, of the order and the operand.
        known: SciPy's names for orders 0 and 1.
        change: the derivative from the functions of the order, the one before and the one after:
            `(function, x, before, after)`.
        after_zero: the sign that the function of order 1 has as that of order -1.
        samples: inputs for the conformance tests.
    """

    def __init__(self, name: str, function: str, known: tuple[str, str], change: Callable[..., Any],
                 after_zero: int, samples: list[Any]) -> None:
        super().__init__(name, samples=samples)
        self.function, self.known = function, known
        self.change, self.after_zero = change, after_zero

    def emit(self, x: Code, *, order: float) -> str:
        whole = order == int(order) and order >= 0
        name = self.known[int(order)] if whole and order < 2 else self.function
        if scipy_special() is None:
            if self.function == "iv" and whole:
                return f"bessel_in_of({x}, {int(order)})"
            raise missing(name)
        if name != self.function:
            return f"scipy.special.{name}({x})"
        return f"bessel_of_order(scipy.special.{name}, {order!r}, {x})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, order: float) -> Any:
        (x,), (dx,) = primals, tangents
        after = self(x, order=order + 1)
        before = self(x, order=order - 1) if order else after if self.after_zero > 0 else -after
        return dx * self.change(out, x, before, after)


@kernel
def bessel_of_order(function: Any, order: float, x: Any) -> Any:
    """A function of an order and a number, in the dtype of the number."""
    return function(np.asarray(order, x.dtype), x)


_anywhere = [normal(3, 4), normal(), normal(0, 2), points(-7.0, 0.3, 15.0)]
_positive = [uniform(0.5, 9.0, 3, 4), uniform(0.5, 9.0), normal(0, 2), points(0.3, 15.0)]


def _samples(makers: list[Maker], *orders: float) -> list[Any]:
    return [sample(maker, order=order) for maker, order in zip(makers, orders, strict=True)]


_modest = [*_positive[:3], points(0.3, 5.0)]

bessel_j = Bessel("bessel_j", "jv", ("j0", "j1"), lambda f, x, before, after: 0.5 * (before - after), -1,
                  [*_samples(_anywhere, 0, 1, 2, 3), sample(uniform(1.0, 5.0, 3), order=0.5)])  # 9.1.27
bessel_y = Bessel("bessel_y", "yv", ("y0", "y1"), lambda f, x, before, after: 0.5 * (before - after), -1,
                  _samples(_modest, 0, 1, 2, 0))
bessel_i = Bessel("bessel_i", "iv", ("i0", "i1"), lambda f, x, before, after: 0.5 * (before + after), 1,
                  _samples([*_anywhere[:3], points(-5.0, 0.0, 2.0)], 0, 1, 2, 3))  # 9.6.26
bessel_k = Bessel("bessel_k", "kv", ("k0", "k1"), lambda f, x, before, after: -0.5 * (before + after), 1,
                  _samples(_modest, 0, 1, 2, 0))
# exp(-|x|) times I, and exp(x) times K.
bessel_ie = Bessel("bessel_ie", "ive", ("i0e", "i1e"),
                   lambda f, x, before, after: 0.5 * (before + after) - sign(x) * f, 1,
                   _samples([uniform(0.1, 9.0, 3, 4), uniform(-2.0, -0.1), *_anywhere[2:]], 0, 1, 2, 0))
bessel_ke = Bessel("bessel_ke", "kve", ("k0e", "k1e"),
                   lambda f, x, before, after: f - 0.5 * (before + after), 1, _samples(_modest, 0, 1, 2, 0))

#: Each of SciPy's functions: its primitive, and its order if that is no operand.
BY_NAME: dict[str, tuple[Bessel, int | None]] = {}
for _kind in (bessel_j, bessel_y, bessel_i, bessel_k, bessel_ie, bessel_ke):
    BY_NAME |= {_kind.known[0]: (_kind, 0), _kind.known[1]: (_kind, 1), _kind.function: (_kind, None)}
BY_NAME |= {"jn": (bessel_j, None), "yn": (bessel_y, None), "kn": (bessel_k, None)}
