"""Arrays that come from nothing but params: constants, one value repeated, counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import code_of, kernel, number_source
from fxad.ir.program import Array, Literal, Params
from fxad.ir.types import ArrayType
from fxad.primitives.families import NonDifferentiable, record_nullary
from fxad.primitives.samples import sample
from fxad.primitives.stacks import no_stack_in
from fxad.tracing import Trace

__all__ = ["constant", "eye_like", "full", "full_like", "iota"]


class Nullary(NonDifferentiable):
    """A primitive without operands. Never batched: no operand can be."""

    cheap = True

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        raise AssertionError(f"{self.name} has no operand that could be batched")


class Full(Nullary):
    """An array of one value."""

    def infer(self, *, shape: tuple[int, ...], value: Literal, dtype: Any) -> ArrayType:
        return ArrayType(shape, dtype)

    def emit(self, *, shape: tuple[int, ...], value: Literal, dtype: Any) -> str:
        if not shape:
            return f"np.{dtype.name}({code_of(value)})".replace("np.bool(", "np.bool_(")
        kind = "" if dtype == np.float64 else f", np.{dtype.type.__name__}"
        if value.is_value(0):
            return f"np.zeros({shape}{kind})"
        if value.is_value(1):
            return f"np.ones({shape}{kind})"
        return f"np.full({shape}, {code_of(value)}, np.{dtype.type.__name__})"


class Constant(Nullary):
    """A constant array, written into the Program."""

    cheap = False

    def infer(self, *, value: Array) -> ArrayType:
        return ArrayType(value.value.shape, value.value.dtype)

    def emit(self, *, value: Array) -> str:
        array = value.value
        name = array.dtype.type.__name__
        items = ", ".join(map(number_source, array.ravel().tolist()))
        return f"np.array([{items}], np.{name}).reshape({array.shape})"

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Any:
        return params["value"].value.copy


class Iota(Nullary):
    """Counts 0, 1, 2, ... along one axis."""

    def infer(self, *, shape: tuple[int, ...], axis: int, dtype: Any) -> ArrayType:
        return ArrayType(shape, dtype)

    def emit(self, *, shape: tuple[int, ...], axis: int, dtype: Any) -> str:
        if len(shape) == 1:
            return f"np.arange({shape[0]}, dtype=np.{dtype.type.__name__})"
        return f"counting({shape}, {axis}, np.{dtype.type.__name__})"


@kernel
def counting(shape: tuple[int, ...], axis: int, dtype: Any) -> np.ndarray[Any, Any]:
    """0, 1, 2, ... along `axis`, the same along the others."""
    column = np.arange(shape[axis], dtype=dtype).reshape([-1] + [1] * (len(shape) - axis - 1))
    return np.broadcast_to(column, shape).copy()


_F8 = np.dtype(np.float64)
full = Full("full", samples=[sample(shape=(2, 3), value=Literal(1.5), dtype=_F8),
                             sample(shape=(), value=Literal(2.0), dtype=_F8),
                             sample(shape=(0, 3), value=Literal(0), dtype=_F8)])
constant = Constant("constant", samples=[sample(value=Array(np.arange(3.0))),
                                         sample(value=Array(np.zeros((0, 2))))])
iota = Iota("iota", samples=[sample(shape=(4,), axis=0, dtype=_F8),
                             sample(shape=(2, 3), axis=0, dtype=np.dtype(np.int64))])


def full_in(trace: Trace, type: ArrayType, value: Any) -> Any:
    """An array of one value in a trace; a plain number of that dtype when it has rank 0."""
    if not type.shape:
        return type.dtype.type(value)
    if type.is_stack:
        return no_stack_in(trace, type)
    params = Params(shape=type.shape, value=Literal(value), dtype=type.dtype)
    return record_nullary(trace, full, params)


def full_like(x: Any, value: Any, shape: Any = None, dtype: Any = None) -> Any:
    """An array of one value, in the trace of `x`, with its shape and dtype unless given."""
    type = ArrayType(x.shape if shape is None else tuple(shape), np.dtype(dtype or x.dtype))
    if not type.shape:
        return type.dtype.type(value)
    params = Params(shape=type.shape, value=Literal(value), dtype=type.dtype)
    return record_nullary(x, full, params)


def iota_like(x: Any, shape: Sequence[int], axis: int, dtype: Any = np.int64) -> Any:
    """Counting along one axis, in the trace of `x`."""
    params = Params(shape=tuple(shape), axis=axis, dtype=np.dtype(dtype))
    return record_nullary(x, iota, params)


def eye_like(x: Any, n: int, m: int, dtype: Any, offset: int = 0) -> Any:
    """The n by m identity in the trace of `x`: ones on diagonal `offset`."""
    return record_nullary(x, constant, Params(value=Array(np.eye(n, m, offset, dtype))))


def constant_in(trace: Trace, value: np.ndarray[Any, Any]) -> Any:
    """A constant array in a trace."""
    return record_nullary(trace, constant, Params(value=Array(value)))


Trace.constant = staticmethod(constant_in)
