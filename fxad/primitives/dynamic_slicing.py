"""Slices of a known size at a traced place: the starts are moved to where the slices fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import less
from fxad.primitives.creation import full_like, iota_like
from fxad.primitives.families import Linear, Operation
from fxad.primitives.indexing import batch_indices, gather
from fxad.primitives.rounding import clip
from fxad.primitives.samples import exactly, normal, sample
from fxad.primitives.scatter import scatter
from fxad.primitives.selection import where
from fxad.primitives.slicing import filled, shape_of, spread
from fxad.primitives.structural import convert_to, reshape

__all__ = ["dynamic_slice", "dynamic_update_slice"]


def check_block(x: ArrayType, starts: Sequence[ArrayType], sizes: tuple[int, ...]) -> None:
    """Raise TypeMismatch unless a block of `sizes` at `starts` can be in `x`."""
    require(len(starts) == len(sizes) == x.ndim,
            f"{len(starts)} starts and {len(sizes)} sizes for an array of {x.ndim} axes")
    require(all(s.dtype.kind in "iu" and s.ndim == 0 for s in starts),
            f"starts must be integer scalars, not {starts}")
    require(all(0 <= k <= n for k, n in zip(sizes, x.shape, strict=True)),
            f"a slice of shape {sizes} does not fit into an array of shape {x.shape}")


def block_text(x: Code, starts: Sequence[Code], sizes: tuple[int, ...]) -> str:
    """The source between the brackets."""
    return f"block_at({x.type.shape}, ({''.join(f'{s}, ' for s in starts)}), {sizes})"


@kernel
def block_at(shape: tuple[int, ...], starts: tuple[Any, ...], sizes: tuple[int, ...]) -> Any:
    """Slices of `sizes` that begin at `starts`, or as near as they fit."""
    index = []
    for n, start, size in zip(shape, starts, sizes, strict=True):
        first = int(start)
        if first < 0:
            first += n
        first = min(max(first, 0), n - size)
        index.append(slice(first, first + size))
    return tuple(index)


def block_indices(
    like: Any, size: int, starts: Sequence[Any], dims: Sequence[int | None],
    shape: tuple[int, ...], sizes: tuple[int, ...],
) -> list[Any]:
    """Index arrays for all axes that choose the block of every element of a batch."""
    rank = len(sizes)
    indices = []
    for axis, (start, dim, n, k) in enumerate(zip(starts, dims, shape, sizes, strict=True)):
        first = convert_to(start, np.int64)
        first = clip(where(less(first, 0), first + n, first), 0, n - k)
        first = reshape(first, shape=(1 if dim is None else size, *[1] * rank))
        steps = reshape(iota_like(like, (k,), 0), shape=tuple(k if a == axis + 1 else 1
                                                              for a in range(rank + 1)))
        indices.append(first + steps)
    return indices


class DynamicSlice(Linear):
    """The block of shape `sizes` that begins at the traced `starts`, one an axis.

    A negative start counts from the end; a block that would reach over an end is moved inside.
    """

    moves = True

    view = True

    def infer(self, x: ArrayType, *starts: ArrayType, sizes: tuple[int, ...]) -> ArrayType:
        check_block(x, starts, sizes)
        return ArrayType(sizes, x.dtype)

    def emit(self, x: Code, *starts: Code, sizes: tuple[int, ...]) -> str:
        return f"{x}[{block_text(x, starts, sizes)}]"

    def transpose(self, ct: Any, x: Any, *starts: Any, sizes: tuple[int, ...]) -> Any:
        return dynamic_update_slice(full_like(ct, 0, x.shape), ct, *starts)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        sizes: tuple[int, ...],
    ) -> tuple[Any, Any]:
        (x, *starts), (dim, *start_dims) = operands, dims
        if all(d is None for d in start_dims):
            return self(spread(size, x, dim, x), 0, *starts, sizes=(size, *sizes)), 0
        like = next(s for s, d in zip(starts, start_dims, strict=True) if d is not None)
        shape = x.shape if dim is None else (*x.shape[:dim], *x.shape[dim + 1 :])
        indices = block_indices(like, size, starts, start_dims, shape, sizes)
        axes = tuple(range(len(sizes)))
        if dim is None:
            return gather(x, *indices, axes=axes), 0
        mapped = batch_indices(size, indices, [0] * len(indices), like, counted=True)
        x = spread(size, x, dim, x)
        return gather(x, *mapped, axes=tuple(range(len(mapped))), distinct=True), 0


class DynamicUpdateSlice(Operation):
    """`x` with the block `v` written at the traced `starts`, which are as in `dynamic_slice`."""

    linear = (0, 1)

    def infer(self, x: ArrayType, v: ArrayType, *starts: ArrayType) -> ArrayType:
        check_block(x, starts, v.shape)
        require(v.dtype == x.dtype or v.weak, f"{v} cannot be written into {x}")
        return x.strong

    def emit(self, x: Code, v: Code, *starts: Code) -> str:
        return f"assigned({x}, {block_text(x, starts, v.type.shape)}, {v})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        return self(*filled(primals[:2], tangents[:2]), *primals[2:])

    def transpose(self, ct: Any, x: Any, v: Any, *starts: Any) -> Any:
        ct_x = ct_v = None
        if isinstance(x, Unknown):
            ct_x = self(ct, full_like(ct, 0, shape_of(v)), *starts)
        if isinstance(v, Unknown):
            ct_v = dynamic_slice(ct, *starts, sizes=v.shape)
        return ct_x, ct_v, *[None] * len(starts)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None]
    ) -> tuple[Any, Any]:
        (x, v, *starts), (dim, v_dim, *start_dims) = operands, dims
        like = next(o for o, d in zip(operands, dims, strict=True) if d is not None)
        x, v = spread(size, x, dim, like), spread(size, v, v_dim, like)
        if all(d is None for d in start_dims):
            return self(x, v, 0, *starts), 0
        indices = block_indices(like, size, starts, start_dims, x.shape[1:], v.shape[1:])
        mapped = batch_indices(size, indices, [0] * len(indices), like, counted=True)
        axes = tuple(range(len(mapped)))
        return scatter(x, v, *mapped, axes=axes, op="set", distinct=True), 0


dynamic_slice = DynamicSlice("dynamic_slice", samples=[
    sample(normal(5), exactly(1), sizes=(3,), dtypes="fc"),
    sample(normal(4, 5), exactly(-2), exactly(9), sizes=(2, 3)),
    sample(normal(4, 5), exactly(1), exactly(0), sizes=(0, 5)),
])
dynamic_update_slice = DynamicUpdateSlice("dynamic_update_slice", samples=[
    sample(normal(5), normal(3), exactly(1), dtypes="fc"),
    sample(normal(4, 5), normal(2, 3), exactly(-2), exactly(9)),
    sample(normal(4, 5), normal(0, 5), exactly(1), exactly(0)),
])
