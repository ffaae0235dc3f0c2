"""Signs, absolute values, rounding and the choice between two values: what is not smooth.

The conventions: `absolute` and `hypot` have derivative 0 at 0; where two values are equal,
`maximum` and its relatives give each half of the tangent; steps have derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, greater_equal, less_equal, not_equal
from fxad.primitives.complexes import conj, imag, real
from fxad.primitives.families import Elementwise, Operation, align
from fxad.primitives.logical import logical_or
from fxad.primitives.samples import exactly, integers, normal, points, positive, sample, uniform
from fxad.primitives.selection import where

__all__ = ["absolute", "ceil", "clip", "copysign", "floor", "fmax", "fmin", "heaviside", "hypot",
           "ldexp", "maximum", "minimum", "nextafter", "rint", "sign", "sinc", "trunc"]

_inf = float("inf")


def _sign_derivative(out: Any, x: Any, dx: Any) -> Any:
    if x.dtype.kind != "c":
        return None
    # z/|z| turns by the part of dz at right angles to z; it does not grow.
    return (out * 1j) * (imag(conj(out) * dx) / _nonzero(absolute(x)))


def _nonzero(r: Any) -> Any:
    # What is divided by infinity is zero: so are the derivatives at 0, of every order.
    return where(equal(r, 0), _inf, r)


def _absolute_derivative(out: Any, x: Any, dx: Any) -> Any:
    return real(conj(sign(x)) * dx) if x.dtype.kind == "c" else dx * sign(x)


_steps = [sample(normal(3, 4, scale=3)), sample(normal()), sample(normal(0)),
          sample(points(-0.0, 0.0, 0.5, -0.5, 1.5, 2.5, np.inf, np.nan), smooth=False)]

sign = Elementwise(
    "sign", np.sign, jvp=_sign_derivative,
    scalar="(1.0 if {0} > 0 else -1.0 if {0} < 0 else 0.0 if {0} == 0 else {0})",
    samples=[sample(normal(3, 4), dtypes="fc"), sample(normal(), dtypes="fci"),
             sample(points(0.0, -0.0, np.nan), dtypes="f", smooth=False)],
)
# Python rounds to an int, which has no negative zero.
floor = Elementwise("floor", np.floor, scalar="math.copysign(math.floor({0}), {0})", samples=_steps)
ceil = Elementwise("ceil", np.ceil, scalar="math.copysign(math.ceil({0}), {0})", samples=_steps)
trunc = Elementwise("trunc", np.trunc, scalar="math.copysign(math.trunc({0}), {0})", samples=_steps)
rint = Elementwise("rint", np.rint, scalar="math.copysign(round({0}), {0})", samples=_steps)

absolute = Elementwise(
    "abs", np.absolute, scalar="abs({})", jvp=_absolute_derivative,
    samples=[sample(normal(3, 4), dtypes="fc"), sample(normal(), dtypes="fci"),
             sample(normal(0, 2), dtypes="fc"),
             sample(points(0.0, -0.0), dtypes="fc", smooth=False)],
)
# math.hypot rounds some results differently.
hypot = Elementwise(
    "hypot", np.hypot, commutative=True, scalar="float(np.hypot({}, {}))",
    jvp=[lambda out, x, y, dx: dx * (x / _nonzero(out)),
         lambda out, x, y, dy: dy * (y / _nonzero(out))],
    samples=[sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal()),
             sample(normal(), normal()), sample(points(0.0, 3.0), points(0.0, 0.0), smooth=False)],
)

Mask = Callable[[Any, Any], Any]


def _chosen(name: str, ufunc: np.ufunc, chosen: Mask, symbol: str) -> Elementwise:
    """The greater or the smaller of two values. `chosen(x, y)`: whether x is, alone or in a tie.

    Which of two zeros, or of two NaNs, comes out is NumPy's to say, and differs between its versions: so
    ties are NumPy's in scalar code, and the operands are not taken to commute.
    """
    tie = f"float(np.{name}({{0}}, {{1}}))"
    scalar = f"({{0}} if {{0}} {symbol} {{1}} else {{1}} if {{1}} {symbol} {{0}} else {tie})"

    def derivative(x: Any, y: Any, dx: Any, dtype: np.dtype[Any]) -> Any:
        share = where(equal(x, y), dtype.type(0.5), 1.0)
        return where(chosen(x, y), dx * share, 0)

    return Elementwise(
        name, ufunc, scalar=scalar,
        jvp=[lambda out, x, y, dx: derivative(x, y, dx, out.dtype),
             lambda out, x, y, dy: derivative(y, x, dy, out.dtype)],
        samples=[
            sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal(), dtypes="fi"),
            sample(normal(), normal(3)), sample(normal(), normal()), sample(normal(0), normal(0)),
            sample(points(1.0, 2.0, np.nan), points(1.0, np.nan, 3.0), smooth=False),
        ],
    )


def _ignoring_nan(chosen: Mask) -> Mask:
    return lambda x, y: logical_or(chosen(x, y), not_equal(y, y))


maximum = _chosen("maximum", np.maximum, greater_equal, ">")
minimum = _chosen("minimum", np.minimum, less_equal, "<")
fmax = _chosen("fmax", np.fmax, _ignoring_nan(greater_equal), ">")
fmin = _chosen("fmin", np.fmin, _ignoring_nan(less_equal), "<")


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """`x` kept between `low` and `high`; None is no bound. On a bound, x and the bound share."""
    if low is not None:
        x = maximum(x, low)
    return x if high is None else minimum(x, high)


copysign: Elementwise = Elementwise(
    "copysign", np.copysign, scalar="math.copysign({}, {})",
    jvp=[lambda out, x, y, dx: dx * (sign(x) * copysign(1.0, y)), None],
    samples=[sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal()),
             sample(normal(), normal(3)),
             sample(points(0.0, 1.0), points(-0.0, -2.0), smooth=False)],
)
heaviside = Elementwise(
    "heaviside", np.heaviside,
    jvp=[None, lambda out, x, y, dy: where(equal(x, 0), dy, 0)],
    transpose=[None, lambda ct, x, y: where(equal(x, 0), ct, 0)],
    samples=[sample(normal(3, 4), normal(3, 4)),
             sample(points(0.0, 1.0, -1.0), normal(), smooth=False)],
)
# The next number follows x wherever x goes.
nextafter = Elementwise(
    "nextafter", np.nextafter, scalar="math.nextafter({}, {})",
    jvp=[lambda out, x, y, dx: dx, None],
    samples=[sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal())],
)
ldexp: Elementwise = Elementwise(
    "ldexp", np.ldexp,
    jvp=[lambda out, x, i, dx: ldexp(dx, i), None], transpose=[lambda ct, x, i: ldexp(ct, i), None],
    samples=[sample(normal(3, 4), integers(-3, 4, 3, 4)), sample(normal(), integers(-3, 4, 3)),
             sample(normal(3), exactly(2))],
)


class Sinc(Operation):
    """`sin(pi x) / (pi x)`, 1 at 0, and its derivatives of any `order`, exact around 0 too."""

    elementwise = True

    def infer(self, x: ArrayType, *, order: int) -> ArrayType:
        return x.strong

    def emit(self, x: Code, *, order: int) -> str:
        return f"np.sinc({x})" if order == 0 else f"sinc_derivative({x}, {order})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, order: int) -> Any:
        return tangents[0] * self(primals[0], order=order + 1)

    def batch(self, size: int, operands: Any, dims: Any, *, order: int) -> tuple[Any, Any]:
        (x,), dim = align(size, operands, dims)
        return self(x, order=order), dim


@kernel
def sinc_derivative(x: Any, order: int) -> Any:
    """The derivative of np.sinc of some order.

    With y = pi x and f(y) = sin(y)/y: y f_n + n f_(n-1) = sin(y + n pi/2). That loses all accuracy
    for small y, where the power series does not: f_n is the sum over k of
    (-1)^k y^(2k-n) / ((2k+1) (2k-n)!).
    """
    x = np.asarray(x)
    y = x * np.pi
    near = np.abs(y) < order + 2.0
    far = np.where(near, 1.0, y)
    recurrence = np.sin(far) / far
    for n in range(1, order + 1):
        recurrence = (np.sin(far + n * (np.pi / 2)) - n * recurrence) / far
    close = np.where(near, y, 0.0)
    first = (order + 1) // 2
    term = close ** (2 * first - order) * (-1.0) ** first
    series = term / (2 * first + 1)
    for k in range(first + 1, first + 20 + 2 * order):
        m = 2 * k - order
        term = term * (close * close) / (-m * (m - 1.0))
        series = series + term / (2 * k + 1)
    return (np.where(near, series, recurrence) * np.pi**order).astype(x.dtype)[()]


sinc = Sinc("sinc", samples=[
    sample(normal(3, 4), order=0, dtypes="fc"), sample(normal(), order=0),
    sample(points(0.0, 1e-3, -0.5, 1.0, 3.0), order=0),
    sample(uniform(-4, 4, 5), order=1, dtypes="fc"), sample(normal(0), order=1),
    sample(positive(3), order=2),
])
