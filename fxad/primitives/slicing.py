"""Static regions of an array: taking one out, putting one in, padding, joining, dynamic slices.

A region is written as an `Index`: one entry an axis, either an int (the axis disappears) or the
triple `(start, stop, step)` that Python's `slice.indices` gives, in the sense of `range`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.creation import full_like
from fxad.primitives.families import Linear, Operation, to_front
from fxad.primitives.samples import normal, sample
from fxad.tracing import Tracer
from fxad.tracing.operations import operations

__all__ = ["Index", "assign", "concatenate", "filled", "index_text", "pad", "pad_with", "rank_of",
           "region_shape", "shape_of", "slice_", "spread", "whole"]

Index = tuple[int | tuple[int, int, int], ...]


def whole(n: int) -> tuple[int, int, int]:
    """The entry that keeps an axis of size `n` as it is."""
    return (0, n, 1)


def region_shape(index: Index) -> tuple[int, ...]:
    """The shape of the region."""
    return tuple([len(range(*e)) for e in index if e.__class__ is tuple])


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an operand of a rule: a tracer, an array or a number."""
    return getattr(x, "shape", ())


def rank_of(x: Any) -> int:
    """The number of axes of an operand of a rule."""
    return len(shape_of(x))


def check_index(shape: tuple[int, ...], index: Index) -> None:
    """Raise TypeMismatch unless `index` is a region of an array of `shape`."""
    fits = len(index) == len(shape)
    for entry, n in zip(index, shape, strict=False):
        if isinstance(entry, tuple):
            start, stop, step = entry
            ends = [*range(start, stop, step)[:1], *range(start, stop, step)[-1:]]
            fits = fits and start >= 0 and stop >= (0 if step > 0 else -1)
            fits = fits and all(0 <= i < n for i in ends)
        else:
            fits = fits and 0 <= entry < n
    require(fits, f"{index} is no region of an array of shape {shape}")


def index_text(shape: tuple[int, ...], index: Index, put: dict[int, str] | None = None) -> str:
    """The source between the brackets; `put` has the text of some axes instead."""
    texts = []
    for axis, (entry, n) in enumerate(zip(index, shape, strict=True)):
        if put and axis in put:
            texts.append(put[axis])
        elif isinstance(entry, tuple):
            texts.append(_slice_text(*entry, n))
        else:
            texts.append(str(entry))
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts) or "()"


def _slice_text(start: int, stop: int, step: int, n: int) -> str:
    if step > 0:
        first = str(start) if start else ""
        last = str(stop) if stop < n else ""
    else:
        first = str(start) if start < n - 1 else ""
        last = str(stop) if stop >= 0 else ""
    return f"{first}:{last}" if step == 1 else f"{first}:{last}:{step}"


def spread(size: int, x: Any, dim: int | None, like: Any) -> Any:
    """`x` with its mapped axis first, made by repetition if it has none; in the trace of `like`."""
    if dim is not None:
        return to_front(x, dim)
    if not isinstance(x, Tracer) and rank_of(x) == 0:
        # `like` may be an index array: what is repeated keeps its own dtype, and a Python number its kind.
        return full_like(like, x, (size,), getattr(x, "dtype", np.result_type(like.dtype, x)))
    return operations.broadcast(x, (size, *x.shape), tuple(range(1, x.ndim + 1)))


class Slice(Linear):
    """A region of `x`."""

    view = True
    cheap = True
    transpose_copies = True

    def infer(self, x: ArrayType, *, index: Index) -> ArrayType:
        check_index(x.shape, index)
        return ArrayType(region_shape(index), x.dtype)

    def emit(self, x: Code, *, index: Index) -> str:
        return f"{x}[{index_text(x.type.shape, index)}]"

    def transpose(self, ct: Any, x: Any, *, index: Index) -> Any:
        return pad(ct, shape=x.shape, index=index)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, index: Index
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        whole_index = (*index[:dim], whole(size), *index[dim:])
        return self(operands[0], index=whole_index), len(region_shape(index[:dim]))


class Pad(Linear):
    """Zeros of `shape` with `x` as the region `index`: the transpose of a slice."""

    transpose_copies = True

    def infer(self, x: ArrayType, *, shape: tuple[int, ...], index: Index) -> ArrayType:
        check_index(shape, index)
        require(region_shape(index) == x.shape, f"{x} does not fill the region {index}")
        return ArrayType(shape, x.dtype)

    def emit(self, x: Code, *, shape: tuple[int, ...], index: Index) -> str:
        kind = "" if x.type.dtype == np.float64 else f", np.{x.type.dtype.type.__name__}"
        return f"padded({x}, {shape}, np.s_[{index_text(shape, index)}]{kind})"

    def transpose(self, ct: Any, x: Any, *, shape: tuple[int, ...], index: Index) -> Any:
        return slice_(ct, index=index)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        shape: tuple[int, ...], index: Index,
    ) -> tuple[Any, Any]:
        x = to_front(operands[0], dims[0] or 0)
        return self(x, shape=(size, *shape), index=(whole(size), *index)), 0


@kernel
def padded(x: Any, shape: tuple[int, ...], index: Any, dtype: Any = np.float64) -> Any:
    """Zeros, with `x` at `index`."""
    out = np.zeros(shape, dtype)
    out[index] = x
    return out


class Assign(Operation):
    """`x` with `v` in place of the region `index`."""

    linear = (0, 1)
    transpose_copies = True
    overwrites = True

    def infer(self, x: ArrayType, v: ArrayType, *, index: Index) -> ArrayType:
        check_index(x.shape, index)
        require(region_shape(index) == v.shape and (v.dtype == x.dtype or v.weak),
                f"{v} cannot be written into the region {index} of {x}")
        return x.strong

    def emit(self, x: Code, v: Code, *, index: Index) -> str:
        return f"assigned({x}, np.s_[{index_text(x.type.shape, index)}], {v})"

    def emit_over(self, x: Code, v: Code, *, index: Index) -> str:
        return f"assigned({x}, np.s_[{index_text(x.type.shape, index)}], {v}, over=True)"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, index: Index
    ) -> Any:
        dx, dv = filled(primals, tangents)
        return self(dx, dv, index=index)

    def transpose(self, ct: Any, x: Any, v: Any, *, index: Index) -> Any:
        ct_x = ct_v = None
        if isinstance(x, Unknown):
            ct_x = self(ct, full_like(ct, 0, shape_of(v)), index=index)
        if isinstance(v, Unknown):
            ct_v = slice_(ct, index=index)
        return ct_x, ct_v

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, index: Index
    ) -> tuple[Any, Any]:
        like = next(o for o, d in zip(operands, dims, strict=True) if d is not None)
        x, v = (spread(size, o, d, like) for o, d in zip(operands, dims, strict=True))
        return self(x, v, index=(whole(size), *index)), 0


@kernel
def assigned(x: Any, index: Any, v: Any, over: bool = False) -> Any:
    """A copy of `x`, or `x` itself, with `v` at `index`."""
    out = x if over else np.array(x)
    out[index] = v
    return out


def filled(primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """The tangents, with an array of zeros for each that is zero."""
    like = next(t for t in tangents if t is not None)
    return [full_like(like, 0, shape_of(x)) if t is None else t
            for x, t in zip(primals, tangents, strict=True)]


class Concatenate(Operation):
    """The operands one after the other along `axis`."""

    transpose_copies = True

    def infer(self, *types: ArrayType, axis: int) -> ArrayType:
        first = types[0] if types else None
        require(first is not None and 0 <= axis < first.ndim, f"concatenate along axis {axis}")
        assert first is not None
        rest = first.shape[:axis] + first.shape[axis + 1 :]
        for t in types:
            require(t.ndim == first.ndim and t.shape[:axis] + t.shape[axis + 1 :] == rest,
                    f"all the input array dimensions except for the concatenation axis {axis} must "
                    f"match exactly, but got shapes {first.shape} and {t.shape}")
            require(t.dtype == first.dtype, f"concatenate: operands of types {first} and {t}")
        total = sum(t.shape[axis] for t in types)
        return ArrayType((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)

    def emit(self, *operands: Code, axis: int) -> str:
        along = f", axis={axis}" if axis else ""
        comma = "," if len(operands) == 1 else ""
        return f"np.concatenate(({', '.join(operands)}{comma}){along})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int) -> Any:
        return self(*filled(primals, tangents), axis=axis)

    def transpose(self, ct: Any, *operands: Any, axis: int) -> Any:
        pulled: list[Any] = []
        start = 0
        for x in operands:
            stop = start + x.shape[axis]
            index = tuple(
                (start, stop, 1) if a == axis else whole(n) for a, n in enumerate(ct.shape)
            )
            pulled.append(slice_(ct, index=index) if isinstance(x, Unknown) else None)
            start = stop
        return tuple(pulled)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int
    ) -> tuple[Any, Any]:
        like = next(o for o, d in zip(operands, dims, strict=True) if d is not None)
        spreaded = [spread(size, o, d, like) for o, d in zip(operands, dims, strict=True)]
        return self(*spreaded, axis=axis + 1), 0


_x = normal(4, 5)
slice_ = Slice("slice", samples=[
    sample(_x, index=((1, 4, 2), (0, 5, 1)), dtypes="fc"),
    sample(_x, index=((3, -1, -1), 2)), sample(normal(3), index=(1,)),
    sample(normal(2, 3, 4), index=(1, (0, 3, 1), (3, 0, -2))),
    sample(normal(3, 4), index=((2, 2, 1), (0, 4, 1))), sample(normal(0, 2), index=((0, 0, 1), 1)),
])
pad = Pad("pad", samples=[
    sample(normal(2, 5), shape=(4, 5), index=((1, 4, 2), (0, 5, 1)), dtypes="fc"),
    sample(normal(4), shape=(4, 5), index=((3, -1, -1), 2)),
    sample(normal(), shape=(3,), index=(1,)),
    sample(normal(0), shape=(2, 3), index=(1, (1, 1, 1))),
])
assign = Assign("assign", samples=[
    sample(_x, normal(2, 5), index=((1, 4, 2), (0, 5, 1)), dtypes="fc"),
    sample(_x, normal(4), index=((3, -1, -1), 2)), sample(normal(3), normal(), index=(1,)),
    sample(normal(3), normal(0), index=((0, 0, 1),)),
])
concatenate = Concatenate("concatenate", samples=[
    sample(normal(2, 3), normal(1, 3), normal(0, 3), axis=0, dtypes="fc"),
    sample(normal(2, 3), normal(2, 1), axis=1), sample(normal(3), axis=0),
])


def pad_with(
    x: Any, low: Sequence[int], high: Sequence[int], interior: Sequence[int] | None = None
) -> Any:
    """`x` with zeros before, after and between its elements; a negative `low` or `high` crops.

    Args:
        x: an array.
        low: for each axis how many zeros come before it.
        high: how many come after it.
        interior: how many go between two neighbours; none when left out.
    """
    steps = [1 + k for k in interior] if interior is not None else [1] * x.ndim
    shape, index, crop = [], [], []
    for n, before, after, step in zip(x.shape, low, high, steps, strict=True):
        span = (n - 1) * step + 1 if n else 0
        start = max(before, 0)
        total = start + span + max(after, 0)
        shape.append(total)
        index.append((start, start + span, step))
        first = min(-min(before, 0), total)
        crop.append((first, max(total + min(after, 0), first), 1))
    out = x
    if tuple(shape) != x.shape:
        out = pad(x, shape=tuple(shape), index=tuple(index))
    if any(entry != whole(n) for entry, n in zip(crop, shape, strict=True)):
        out = slice_(out, index=tuple(crop))
    return out

