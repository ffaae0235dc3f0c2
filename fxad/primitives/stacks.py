"""Stacks: what the steps of a loop leave behind when their number is known at run time only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import NAMESPACE, Code, kernel, require
from fxad.ir.program import Params
from fxad.ir.types import UNKNOWN, ArrayType, Stack
from fxad.primitives.families import Linear, NonDifferentiable, record_nullary
from fxad.tracing import Trace

__all__ = ["add_stacks", "batch_axis", "no_stack", "no_stack_in", "unzip_stack", "zip_stacks"]

kernel(Stack)
NAMESPACE["UNKNOWN"] = UNKNOWN


class NoStack(NonDifferentiable):
    """A stack without elements, for where one is asked for and never read."""

    cheap = True

    def infer(self, *, shape: tuple[int, ...], dtype: Any) -> ArrayType:
        return ArrayType(shape, dtype)

    def emit(self, *, shape: tuple[int, ...], dtype: Any) -> str:
        return f"Stack({shape}, np.{dtype.type.__name__})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        raise AssertionError("it has no operand that could be batched")


class AddStacks(Linear):
    """The sum of two stacks, element by element."""

    linear = (0, 1)
    commutative = True

    def infer(self, x: ArrayType, y: ArrayType) -> ArrayType:
        require(x.is_stack and x is y, f"add_stacks of {x} and {y}")
        return x

    def emit(self, x: Code, y: Code) -> str:
        return f"sum_of_stacks({x}, {y})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        dx, dy = tangents
        return dy if dx is None else dx if dy is None else self(dx, dy)

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        return ct, ct

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        # Both come from the loop of one batch, so both are batched, at the front of each element.
        require(None not in dims and dims[0] == dims[1], "add_stacks of a batched and another stack")
        return self(*operands), dims[0]


@kernel
def sum_of_stacks(x: Any, y: Any) -> Any:
    """Element by element; elements may be stacks themselves."""
    added = [sum_of_stacks(a, b) if isinstance(a, Stack) else a + b for a, b in zip(x, y, strict=True)]
    return Stack(x.shape, x.dtype, added)


def batch_axis(type: ArrayType) -> int:
    """Where the batch axis of a value of this type goes: in front of the axes of known length."""
    return next((i for i, n in enumerate(type.shape) if n != UNKNOWN), type.ndim)


def no_stack_in(trace: Trace, type: ArrayType) -> Any:
    """An empty stack in a trace."""
    return record_nullary(trace, no_stack, Params(shape=type.shape, dtype=type.dtype))


no_stack = NoStack("no_stack")
add_stacks = AddStacks("add_stacks")


class ZipStacks(NonDifferentiable):
    """Stacks of numbers as one stack of arrays of `shape`: what the executor makes of loops over numbers."""

    def infer(self, *columns: ArrayType, shape: tuple[int, ...]) -> ArrayType:
        require(all(c.shape == (UNKNOWN,) and c.dtype == columns[0].dtype for c in columns)
                and len(columns) == math.prod(shape), f"zip_stacks of {list(columns)} in shape {shape}")
        return ArrayType((UNKNOWN, *shape), columns[0].dtype)

    def emit(self, *columns: Code, shape: tuple[int, ...]) -> str:
        return f"zipped_stacks({', '.join(columns)}, shape={shape})"


class UnzipStack(NonDifferentiable):
    """The numbers at one place of the arrays in a stack, as a stack."""

    def infer(self, x: ArrayType, *, index: tuple[int, ...]) -> ArrayType:
        require(x.is_stack and UNKNOWN not in x.shape[1:] and len(index) == x.ndim - 1,
                f"unzip_stack of {x} at {index}")
        return ArrayType((UNKNOWN,), x.dtype)

    def emit(self, x: Code, *, index: tuple[int, ...]) -> str:
        return f"unzipped_stack({x}, {index})"


@kernel
def zipped_stacks(*columns: Any, shape: tuple[int, ...]) -> Any:
    """One array of a shape for each step."""
    dtype = columns[0].dtype
    rows = [np.array(row, dtype).reshape(shape) for row in zip(*columns, strict=True)]
    return Stack((UNKNOWN, *shape), dtype, rows)


@kernel
def unzipped_stack(x: Any, index: tuple[int, ...]) -> Any:
    """The number at one place of each array."""
    return Stack((UNKNOWN,), x.dtype, [item[index] for item in x])


zip_stacks = ZipStacks("zip_stacks")
unzip_stack = UnzipStack("unzip_stack")
