"""Choosing between values: `where`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.families import Elementwise
from fxad.primitives.samples import booleans, normal, sample
from fxad.primitives.structural import broadcast_to
from fxad.tracing.operations import operations
from fxad.transforms.masked import Masked

__all__ = ["where"]


class Where(Elementwise):
    """`x` where the mask holds, `y` elsewhere.

    Its transpose leaves the mask pending on the cotangents: it is applied after the products of the
    branch's own derivatives, so that an inf or NaN of an element not chosen is masked, not multiplied.
    """

    def __init__(self) -> None:
        super().__init__(
            "where", np.add,
            jvp=[None, None],
            samples=[
                sample(booleans(3, 4), normal(3, 4), normal(3, 4), dtypes="fc"),
                sample(booleans(), normal(3), normal(3)),
                sample(booleans(3), normal(), normal(3)),
            ],
        )
        self.arity = 3
        self.linear = (1, 2)
        self.differentiable = True

    def resolve(self, types: Sequence[ArrayType]) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
        _, x, y = types
        dtypes, out = super().resolve((x, y)) if x.dtype != y.dtype else ((x.dtype, y.dtype), x.dtype)
        return (np.dtype(np.bool_), *dtypes), out

    def _conversion(self, type: ArrayType, dtype: np.dtype[Any]) -> Any:
        return operations.convert, dtype  # np.where takes a Python int as C does, modulo what the dtype holds

    def emit(self, *operands: Code, **params: Any) -> str:
        if all(x.type.ndim == 0 for x in operands):
            mask, x, y = operands  # np.where would give an array
            chosen = f"{x} if {mask} else {y}"
            if not (x.type.weak or y.type.weak):
                return chosen
            # A Python number that is chosen becomes NumPy's, for what is done with it later.
            name = self.infer(*(o.type for o in operands)).dtype.type.__name__
            return f"np.{name}({chosen})"
        return f"np.where({', '.join(operands)})"

    def emit_scalar(self, *operands: Code, **params: Any) -> str | None:
        mask, x, y = operands
        return f"{x} if {mask} else {y}"

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Any:
        return super(Elementwise, self)._make_evaluator(types, params)

    def _concrete(self, operands: Sequence[Any]) -> Any:
        return np.where(*operands)[()]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        mask = primals[0]
        _, dx, dy = tangents
        tangent = where(mask, 0 if dx is None else dx, 0 if dy is None else dy)
        return tangent if tangent.shape == out.shape else broadcast_to(tangent, out.shape)

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        mask = operands[0]
        return None, Masked(ct, mask), Masked(ct, mask, negated=True)


where = Where()
