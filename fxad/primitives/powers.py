"""Powers, with the exponents known when the Program is made kept exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.exponential import log
from fxad.primitives.families import Elementwise, Operation, align
from fxad.primitives.samples import normal, positive, sample, uniform
from fxad.primitives.selection import where
from fxad.tracing import Tracer

__all__ = ["integer_pow", "pow_operator", "power"]


def _power_wrt_base(out: Any, x: Any, y: Any, dx: Any) -> Any:
    # d(x**y)/dx = y x**(y-1). At y = 0 the value is 1 for every x: the derivative is 0 there, also at
    # x = 0 where x**(y-1) is infinite.
    from_exponent = where(equal(y, 0), 1, y - 1)
    return dx * (y * power(x, from_exponent))


def _power_wrt_exponent(out: Any, x: Any, y: Any, dy: Any) -> Any:
    # d(x**y)/dy = x**y log x, and 0 at x = 0 (the limit for y > 0). Its log is asked for nowhere else.
    return dy * (out * log(where(equal(x, 0), 1, x)))


class Power(Elementwise):
    """`x ** y` for a traced or fractional exponent."""

    def emit_scalar(self, *operands: Code, **params: Any) -> str | None:
        return f"math.pow({operands[0]}, {operands[1]})"


power = Power(
    "power", np.power, symbol="**", jvp=[_power_wrt_base, _power_wrt_exponent],
    samples=[
        sample(positive(3, 4), normal(3, 4), dtypes="fc"),
        sample(positive(3), normal(), dtypes="f"),
        sample(positive(), normal(3), dtypes="f"),
    ],
)


class IntegerPow(Operation):
    """`x ** n` for an int `n` known when the Program is made; n may be negative."""

    elementwise = True

    def infer(self, x: ArrayType, *, n: int) -> ArrayType:
        return x

    def emit(self, x: Code, *, n: int) -> str:
        if n == 2 and not x.type.ndim:
            # NumPy squares arrays exactly rounded, but its numbers with pow, which is not.
            return f"{x} * {x}"
        return f"{x} ** {n}" if n >= 0 else f"{x} ** ({n})" if x.type.inexact else f"{x} ** {n}"

    def emit_scalar(self, x: Code, *, n: int) -> str | None:
        return f"{x} * {x}" if n == 2 else f"math.pow({x}, {n})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, n: int) -> Any:
        (x,), (dx,) = primals, tangents
        if n == 0:
            return None
        return dx if n == 1 else dx * (float_of(n, x) * power_of(x, n - 1))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        aligned, dim = align(size, operands, dims)
        return self(*aligned, **params), dim


def float_of(n: int, x: Any) -> Any:
    """The Python number `n` in the kind of `x`: weak, so that it takes x's dtype."""
    return float(n) if x.dtype.kind in "fc" else n


integer_pow = IntegerPow(
    "integer_pow",
    samples=[sample(uniform(0.5, 2.0, 3, 4), n=n, dtypes="fc") for n in (-2, -1, 0, 1, 2, 3, 5)],
)


def power_of(x: Any, n: int) -> Any:
    """`x ** n` with the trivial exponents left out."""
    return x if n == 1 else integer_pow(x, n=n)


def pow_operator(x: Any, y: Any) -> Any:
    """What `x ** y` means: a Python int exponent on a floating base makes an `integer_pow`."""
    if y.__class__ is int and isinstance(x, Tracer) and x.type.inexact and abs(y) < 2**31:
        params = _exponents.get(y)
        if params is None:
            params = _exponents[y] = Params(n=y)
        return x.owner.record(integer_pow, (x.index,), params, x.type)
    return power(x, y)


#: The params of each exponent met, so that they are hashed once. Exponents in programs are few.
_exponents: dict[int, Params] = {}
