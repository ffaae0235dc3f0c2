"""Moving elements without computing: broadcast, reshape, transpose, flip, conversion of dtype."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.families import (
    Linear,
    NonDifferentiable,
    accumulator,
    axis_argument,
    batch_reduction,
    reduced,
    to_front,
)
from fxad.primitives.samples import integers, normal, sample
from fxad.tracing import Tracer

__all__ = ["broadcast", "broadcast_to", "convert", "fit", "flip", "move_axis", "permute", "reduce_sum",
           "reshape", "written_as"]


class Broadcast(Linear):
    """Axis i of `x` becomes axis `axes[i]` of the result; an axis of size 1 is stretched."""

    moves = True
    cheap = True
    view = True

    def infer(self, x: ArrayType, *, shape: tuple[int, ...], axes: tuple[int, ...]) -> ArrayType:
        require(
            len(axes) == x.ndim and all(a < b for a, b in itertools.pairwise(axes))
            and all(n in (1, shape[a]) for n, a in zip(x.shape, axes, strict=True)),
            f"could not broadcast {x} along axes {axes} to shape {shape}",
        )
        return ArrayType(shape, x.dtype)

    def emit(self, x: Code, *, shape: tuple[int, ...], axes: tuple[int, ...]) -> str:
        return f"np.broadcast_to({with_axes(x, len(shape), axes)}, {shape})"

    def transpose(
        self, ct: Any, x: Any, *, shape: tuple[int, ...], axes: tuple[int, ...]
    ) -> Any:
        stretched = {a for n, a in zip(x.shape, axes, strict=True) if n != shape[a]}
        gone = tuple(i for i in range(len(shape)) if i not in axes or i in stretched)
        total = reduce_sum(ct, axes=gone) if gone else ct
        return total if not stretched else reshape(total, shape=x.shape)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        shape: tuple[int, ...], axes: tuple[int, ...],
    ) -> tuple[Any, Any]:
        x = to_front(operands[0], dims[0] or 0)
        return self(x, shape=(size, *shape), axes=(0, *(a + 1 for a in axes))), 0


def with_axes(x: Code, rank: int, axes: tuple[int, ...]) -> str:
    """Source that inserts axes of size 1 so that NumPy's own broadcasting does the rest."""
    first = min(axes, default=rank)
    if axes == tuple(range(rank - len(axes), rank)):
        return str(x)
    marks = [":" if i in axes else "None" for i in range(first, rank)]
    return f"{x}[{', '.join(marks)}]"


class ReduceSum(Linear):
    """The sum of `x` over `axes`, which disappear. Broadcast and sum are each other's transpose."""

    transpose_copies = True

    def infer(self, x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
        return reduced(x, axes)

    def emit(self, x: Code, *, axes: tuple[int, ...]) -> str:
        return f"np.sum({x}{axis_argument(x, axes)}{accumulator(x)})"

    def transpose(self, ct: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
        kept = tuple(i for i in range(x.ndim) if i not in axes)
        return broadcast(ct, shape=x.shape, axes=kept)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...],
    ) -> tuple[Any, Any]:
        return batch_reduction(self, operands[0], dims[0] or 0, axes)


class Reshape(Linear):
    """The same elements in C order, in another shape."""

    view = True
    transpose_copies = True

    def infer(self, x: ArrayType, *, shape: tuple[int, ...]) -> ArrayType:
        require(x.size == math.prod(shape),
                f"cannot reshape array of size {x.size} into shape {shape}")
        return ArrayType(shape, x.dtype)

    def emit(self, x: Code, *, shape: tuple[int, ...]) -> str:
        # A rank-0 value may be a Python or NumPy scalar, which np.reshape takes and a method does not.
        return f"{x}.reshape({shape})" if x.type.ndim else f"np.reshape({x}, {shape})"

    def transpose(self, ct: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
        return self(ct, shape=x.shape)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        shape: tuple[int, ...],
    ) -> tuple[Any, Any]:
        return self(to_front(operands[0], dims[0] or 0), shape=(size, *shape)), 0


class Permute(Linear):
    """The axes in another order: axis i of the result is axis `axes[i]` of `x`."""

    view = True
    transpose_copies = True

    def infer(self, x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
        require(sorted(axes) == list(range(x.ndim)),
                f"axes {axes} do not permute the {x.ndim} axes of an array of shape {x.shape}")
        return ArrayType(tuple(x.shape[a] for a in axes), x.dtype)

    def emit(self, x: Code, *, axes: tuple[int, ...]) -> str:
        return f"{x}.T" if axes == (1, 0) else f"{x}.transpose({axes})"

    def transpose(self, ct: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
        return self(ct, axes=tuple(int(i) for i in np.argsort(axes)))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...],
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        moved = tuple(a + (a >= dim) for a in axes)
        return self(operands[0], axes=(dim, *moved)), 0


class Flip(Linear):
    """The elements in reverse order along `axes`."""

    view = True
    transpose_copies = True

    def infer(self, x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
        require(all(0 <= a < x.ndim for a in axes), f"flip of {x} along axes {axes}")
        return x

    def emit(self, x: Code, *, axes: tuple[int, ...]) -> str:
        return f"np.flip({x}, {axes})"

    def transpose(self, ct: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
        return self(ct, axes=axes)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...],
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        return self(operands[0], axes=tuple(a + (a >= dim) for a in axes)), dim


class Convert(Linear):
    """The same values in another dtype; a complex value loses its imaginary part in a real one."""

    elementwise = True

    def infer(self, x: ArrayType, *, dtype: np.dtype[Any]) -> ArrayType:
        return ArrayType(x.shape, dtype)

    def emit(self, x: Code, *, dtype: np.dtype[Any]) -> str:
        name = f"np.{dtype.type.__name__}"
        if x.type.dtype.kind == "c" and dtype.kind not in "cb":
            x = Code(f"np.real({x})", x.type)
        return f"{x}.astype({name})" if x.type.ndim else f"{name}({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        return self(tangents[0], **params) if out.dtype.kind in "fc" else None

    def transpose(self, ct: Any, x: Any, *, dtype: np.dtype[Any]) -> Any:
        return convert_to(ct, x.dtype)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        return self(operands[0], **params), dims[0]


class Fit(NonDifferentiable):
    """A Python int in the dtype of the integers beside it, as NumPy takes it: OverflowError if it can't."""

    elementwise = True

    def infer(self, x: ArrayType, *, dtype: np.dtype[Any]) -> ArrayType:
        require(x.dtype.kind == "i" and dtype.kind in "iu", f"{x} as a Python int beside {dtype}")
        return ArrayType(x.shape, dtype)

    def emit(self, x: Code, *, dtype: np.dtype[Any]) -> str:
        name = f"np.{dtype.type.__name__}"
        return f"{name}(int({x}))" if not x.type.ndim else f"fitted({x}, {name})"

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        return self(operands[0], **params), dims[0]


@kernel
def fitted(x: Any, dtype: Any) -> Any:
    """Integers in another dtype that holds them all."""
    for outermost in (np.min(x, initial=0), np.max(x, initial=0)):
        dtype(int(outermost))  # raises what NumPy raises for a Python int
    return x.astype(dtype)


_x = normal(2, 3, 4)
broadcast = Broadcast("broadcast", samples=[
    sample(normal(3), shape=(2, 3), axes=(1,), dtypes="fc"),
    sample(normal(3), shape=(3, 2), axes=(0,)),
    sample(normal(), shape=(2, 3), axes=()),
    sample(normal(2, 1), shape=(2, 3), axes=(0, 1)),
])
reduce_sum = ReduceSum("reduce_sum", samples=[
    sample(normal(3, 4), axes=(0,), dtypes="fc"), sample(normal(3, 4), axes=(0, 1)),
    sample(normal(), axes=()), sample(normal(0, 3), axes=(0,)),
])
reshape = Reshape("reshape", samples=[sample(_x, shape=(6, 4), dtypes="fc"),
                                      sample(normal(), shape=(1, 1)), sample(normal(1), shape=())])
permute = Permute("transpose", samples=[sample(_x, axes=(2, 0, 1), dtypes="fc"),
                                        sample(normal(2, 3), axes=(1, 0))])
flip = Flip("flip", samples=[sample(_x, axes=(0, 2), dtypes="fc")])
convert = Convert("convert", samples=[
    sample(normal(3, 4), dtype=np.dtype(np.float64), dtypes="f"),
    sample(normal(3, 4), dtype=np.dtype(np.complex128), dtypes="fc"),
    sample(normal(), dtype=np.dtype(np.float32), dtypes="f", smooth=False),
    sample(normal(3), dtype=np.dtype(np.int64), dtypes="fib", smooth=False),
])
fit = Fit("fit", samples=[
    sample(integers(0, 60), dtype=np.dtype(np.uint8), smooth=False),
    sample(integers(-60, 60, 3, 4), dtype=np.dtype(np.int8), smooth=False),
    sample(integers(0, 9, 0), dtype=np.dtype(np.uint64), smooth=False),
])


def convert_to(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`, or `x` itself when it has it already."""
    dtype = np.dtype(dtype)
    if isinstance(x, Tracer) and x.type.dtype == dtype and not x.type.weak:
        return x
    return convert(x, dtype=dtype)


def written_as(x: Any, dtype: Any) -> Any:
    """`x` as NumPy writes it into an array of `dtype`: a Python int that has no place there is an error."""
    dtype = np.dtype(dtype)
    if isinstance(x, Tracer) and x.type.weak and x.type.dtype.kind == "i" and dtype.kind in "iu":
        return fit(x, dtype=dtype)
    return convert_to(x, dtype)


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """`x` in `shape`, by NumPy's rule: axes line up from the right."""
    shape = tuple(shape)
    if x.shape == shape:
        return x
    n = len(shape)
    return broadcast(x, shape=shape, axes=tuple(range(n - x.ndim, n)))


def move_axis(x: Any, source: int, destination: int) -> Any:
    """`x` with one axis moved."""
    order = [i for i in range(x.ndim) if i != source]
    order.insert(destination, source)
    return x if order == list(range(x.ndim)) else permute(x, axes=tuple(order))

