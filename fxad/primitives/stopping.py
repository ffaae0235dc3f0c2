"""Values without derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.ir.primitive import Code
from fxad.ir.types import ArrayType
from fxad.primitives.families import NonDifferentiable
from fxad.primitives.samples import normal, sample

__all__ = ["stop_gradient"]


class StopGradient(NonDifferentiable):
    """`x` itself, with derivative zero."""

    view = True
    elementwise = True

    def infer(self, x: ArrayType) -> ArrayType:
        return x

    def emit(self, x: Code) -> str:
        return str(x)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        return self(operands[0]), dims[0]


stop_gradient = StopGradient("stop_gradient", samples=[
    sample(normal(3, 4), dtypes="fcib", smooth=False), sample(normal(), smooth=False),
])
