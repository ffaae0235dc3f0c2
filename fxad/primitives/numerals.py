"""How numbers are made up: divisors, inverses and bits, mantissa and exponent of floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, require
from fxad.ir.types import ArrayType
from fxad.primitives.families import Elementwise, NonDifferentiable, Operation, align
from fxad.primitives.rounding import ldexp
from fxad.primitives.samples import integers, normal, points, positive, sample

__all__ = ["bitwise_count", "exponent", "gcd", "lcm", "mantissa", "reciprocal", "spacing"]

_two = [sample(integers(0, 60, 3, 4), integers(1, 60, 3, 4), smooth=False)]
_floats = [sample(normal(3, 4)), sample(normal()), sample(points(0.0, -0.75, np.inf), smooth=False)]

gcd = Elementwise("gcd", np.gcd, commutative=True, samples=_two)
lcm = Elementwise("lcm", np.lcm, commutative=True, samples=_two)
bitwise_count = Elementwise("bitwise_count", np.bitwise_count,
                            samples=[sample(integers(0, 60, 3, 4), smooth=False)])
reciprocal = Elementwise(
    "reciprocal", np.reciprocal, jvp=lambda out, x, dx: -(dx * (out * out)),
    samples=[sample(positive(3, 4), dtypes="fci"), sample(positive(), dtypes="fc")],
)
spacing = Elementwise("spacing", np.spacing, samples=_floats)


class Exponent(NonDifferentiable):
    """The `e` of `x == m * 2**e` with m between 1/2 and 1."""

    elementwise = True

    def infer(self, x: ArrayType) -> ArrayType:
        require(x.dtype.kind == "f", f"frexp of {x}")
        return x.with_dtype(np.int32)

    def emit(self, x: Code) -> str:
        return f"np.frexp({x})[1]"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        (x,), dim = align(size, operands, dims)
        return self(x), dim


class Mantissa(Operation):
    """The `m` of `x == m * 2**e` with m between 1/2 and 1."""

    elementwise = True

    def infer(self, x: ArrayType) -> ArrayType:
        require(x.dtype.kind == "f", f"frexp of {x}")
        return x.strong

    def emit(self, x: Code) -> str:
        return f"np.frexp({x})[0]"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        return ldexp(tangents[0], -exponent(primals[0]))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        (x,), dim = align(size, operands, dims)
        return self(x), dim


exponent = Exponent("exponent", samples=_floats)
mantissa = Mantissa("mantissa", samples=_floats)
