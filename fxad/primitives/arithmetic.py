"""Arithmetic and comparison: what Python's operators mean on arrays."""

from __future__ import annotations

import numpy as np

from fxad.primitives.families import Elementwise
from fxad.primitives.samples import normal, positive, sample

__all__ = [
    "add", "divide", "equal", "floor_divide", "fmod", "greater", "greater_equal", "less",
    "less_equal", "mul", "neg", "not_equal", "positive_of", "remainder", "sub",
]

_two = [sample(normal(3, 4), normal(3, 4), dtypes="fc"), sample(normal(3), normal(), dtypes="fc")]
_two_real = [sample(normal(3, 4), normal(3, 4)), sample(normal(), normal(3))]

add = Elementwise(
    "add", np.add, symbol="+", scalar="{} + {}", commutative=True,
    jvp=[lambda out, x, y, dx: dx, lambda out, x, y, dy: dy],
    transpose=[lambda ct, x, y: ct, lambda ct, x, y: ct],
    samples=_two,
)
sub = Elementwise(
    "sub", np.subtract, symbol="-", scalar="{} - {}",
    jvp=[lambda out, x, y, dx: dx, lambda out, x, y, dy: -dy],
    transpose=[lambda ct, x, y: ct, lambda ct, x, y: -ct],
    samples=_two,
)
mul = Elementwise(
    "mul", np.multiply, symbol="*", scalar="{} * {}", commutative=True,
    jvp=[lambda out, x, y, dx: dx * y, lambda out, x, y, dy: x * dy],
    transpose=[lambda ct, x, y: ct * y, lambda ct, x, y: x * ct],
    samples=_two,
)
divide = Elementwise(
    "div", np.divide, symbol="/", scalar="{} / {}",
    jvp=[lambda out, x, y, dx: dx / y, lambda out, x, y, dy: -(out / y) * dy],
    transpose=[lambda ct, x, y: ct / y, None],
    samples=[
        sample(normal(3, 4), positive(3, 4), dtypes="fc"),
        sample(normal(3), positive(), dtypes="fc"),
        sample(normal(), positive(3), dtypes="fc"),
    ],
)
neg = Elementwise(
    "neg", np.negative, symbol="-", scalar="-{}",
    jvp=lambda out, x, dx: -dx, transpose=lambda ct, x: -ct,
    samples=[sample(normal(3, 4), dtypes="fc")],
)
positive_of = Elementwise(
    "pos", np.positive, symbol="+", scalar="+{}",
    jvp=lambda out, x, dx: dx, transpose=lambda ct, x: ct,
    samples=[sample(normal(3, 4), dtypes="fc")],
)
remainder = Elementwise(
    "remainder", np.remainder, symbol="%",
    jvp=[lambda out, x, y, dx: dx, lambda out, x, y, dy: -floor_divide(x, y) * dy],
    samples=[sample(normal(3, 4, scale=5), positive(3, 4))],
)
fmod = Elementwise(
    "fmod", np.fmod,
    jvp=[lambda out, x, y, dx: dx, lambda out, x, y, dy: -((x - out) / y) * dy],
    samples=[sample(normal(3, 4, scale=5), positive(3, 4))],
)
floor_divide: Elementwise = Elementwise(
    "floor_divide", np.floor_divide, symbol="//",
    samples=[sample(normal(3, 4, scale=5), positive(3, 4))],
)


def comparison(name: str, ufunc: np.ufunc, symbol: str) -> Elementwise:
    """A comparison: two operands in, booleans out, no derivative."""
    return Elementwise(
        name, ufunc, symbol=symbol, scalar=f"{{}} {symbol} {{}}", samples=_two_real
    )


less = comparison("less", np.less, "<")
less_equal = comparison("less_equal", np.less_equal, "<=")
greater = comparison("greater", np.greater, ">")
greater_equal = comparison("greater_equal", np.greater_equal, ">=")
equal = comparison("equal", np.equal, "==")
not_equal = comparison("not_equal", np.not_equal, "!=")
