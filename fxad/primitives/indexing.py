"""Indexing by arrays, and what `x[...]` means: NumPy's whole indexing in terms of three primitives.

Every index is brought into one form first (`resolve`): new axes are a reshape, slices and ints a
region (`slice`), and what is left is `gather`: index arrays, each for one axis, that broadcast to
one shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from weakref import ref

import numpy as np

from fxad.errors import ConcretizationError
from fxad.ir.primitive import Code, kernel, require
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.chosen import Chosen
from fxad.primitives.creation import iota_like
from fxad.primitives.families import Linear, to_front
from fxad.primitives.index_form import Resolved, block_shape, resolve
from fxad.primitives.samples import exactly, normal, sample
from fxad.primitives.slicing import index_text, rank_of, shape_of, slice_, spread, whole
from fxad.primitives.structural import permute, reshape
from fxad.primitives.views import Gathered, Region
from fxad.tracing import Tracer, attach, innermost, is_number, own
from fxad.tracing.memory import forget_the_dead

__all__ = ["gather", "getitem", "region_at", "scatter_sum", "take"]

# -- the layout of a gather ----------------------------------------------------------------------


def block_position(axes: Sequence[int]) -> int:
    """Where the axes of the index go by NumPy's rule: in place of neighbouring axes, else first."""
    return axes[0] if axes and axes[-1] - axes[0] == len(axes) - 1 else 0


def gathered_shape(
    shape: tuple[int, ...], axes: tuple[int, ...], block: tuple[int, ...]
) -> tuple[int, ...]:
    """The shape of a gather from an array of `shape` with an index of shape `block`."""
    rest = [n for a, n in enumerate(shape) if a not in axes]
    at = block_position(axes)
    return (*rest[:at], *block, *rest[at:])


def check_indices(
    shape: tuple[int, ...], axes: tuple[int, ...], indices: Sequence[ArrayType]
) -> None:
    """Raise TypeMismatch unless `indices` are index arrays for `axes` of an array of `shape`."""
    require(len(axes) == len(indices) > 0 and list(axes) == sorted(set(axes))
            and axes[0] >= 0 and axes[-1] < len(shape),
            f"{len(indices)} index arrays for axes {axes} of an array of shape {shape}")
    require(all(i.dtype.kind in "iu" and i.ndim == indices[0].ndim for i in indices),
            f"index arrays must be of integers and of one rank, not {indices}")


def gather_text(shape: tuple[int, ...], axes: tuple[int, ...], indices: Sequence[str]) -> str:
    """The source between the brackets."""
    return index_text(shape, tuple(map(whole, shape)), dict(zip(axes, indices, strict=True)))


def move_block(x: Any, first: int, source: int, destination: int, count: int) -> Any:
    """`x` with `count` axes moved; positions count from axis `first`, those before it stay."""
    if source == destination or count == 0:
        return x
    inner = list(range(first, x.ndim))
    block = inner[source : source + count]
    rest = inner[:source] + inner[source + count :]
    order = [*range(first), *rest[:destination], *block, *rest[destination:]]
    return permute(x, axes=tuple(order))


def batch_indices(
    size: int, indices: Sequence[Any], dims: Sequence[int | None], like: Any, *, counted: bool
) -> list[Any]:
    """Index arrays with the mapped axis first; `counted`: after one that counts along it."""
    rank = max(rank_of(i) - (d is not None) for i, d in zip(indices, dims, strict=True))
    moved = [
        to_front(i, d) if d is not None else reshape(i, shape=(1, *shape_of(i)))
        for i, d in zip(indices, dims, strict=True)
    ]
    if not counted:
        return moved
    count = iota_like(like, (size,), 0)
    return [reshape(count, shape=(size, *[1] * rank)) if rank else count, *moved]


# -- the primitives ------------------------------------------------------------------------------


class Gather(Linear):
    """`x[:, i, j]`: the elements of `x` that index arrays choose along `axes`.

    The arrays have one rank and broadcast to one shape, which takes the place of the axes by
    NumPy's rule (`block_position`). `distinct` promises that no element is chosen twice.
    """

    moves = True
    view = True  # NumPy gives a view when the indices are scalars

    def infer(
        self, x: ArrayType, *indices: ArrayType, axes: tuple[int, ...], distinct: bool = False
    ) -> ArrayType:
        check_indices(x.shape, axes, indices)
        return ArrayType(gathered_shape(x.shape, axes, block_shape(indices)), x.dtype)

    def emit(
        self, x: Code, *indices: Code, axes: tuple[int, ...], distinct: bool = False
    ) -> str:
        return f"{x}[{gather_text(x.type.shape, axes, indices)}]"

    def transpose(
        self, ct: Any, x: Any, *indices: Any, axes: tuple[int, ...], distinct: bool = False
    ) -> Any:
        return scatter_sum(ct, *indices, shape=x.shape, axes=axes, distinct=distinct)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...], distinct: bool = False,
    ) -> tuple[Any, Any]:
        (x, *indices), (dim, *index_dims) = operands, dims
        if all(d is None for d in index_dims):
            moved = tuple(a + 1 for a in axes)
            out = self(to_front(x, dim or 0), *indices, axes=moved, distinct=distinct)
            return out, batch_position(axes, indices)
        if dim is None:
            mapped = batch_indices(size, indices, index_dims, x, counted=False)
            return self(x, *mapped, axes=axes, distinct=False), block_position(axes)
        x = to_front(x, dim)
        mapped = batch_indices(size, indices, index_dims, x, counted=True)
        out = self(x, *mapped, axes=(0, *(a + 1 for a in axes)), distinct=distinct)
        return move_block(out, 1, 0, block_position(axes), rank_of(mapped[0]) - 1), 0


def batch_position(axes: tuple[int, ...], indices: Sequence[Any]) -> int:
    """Where the first axis of `x` goes when `axes`, counted without it, are gathered."""
    neighbours = axes[-1] - axes[0] == len(axes) - 1
    return 0 if neighbours else rank_of(indices[0])


class ScatterSum(Linear):
    """Zeros of `shape` with `v` added where the index arrays say: the transpose of a gather."""

    moves = True

    def infer(
        self, v: ArrayType, *indices: ArrayType, shape: tuple[int, ...], axes: tuple[int, ...],
        distinct: bool = False,
    ) -> ArrayType:
        check_indices(shape, axes, indices)
        require(v.shape == gathered_shape(shape, axes, block_shape(indices)),
                f"scatter_sum: {v} into an array of shape {shape} along axes {axes}")
        return ArrayType(shape, v.dtype)

    def emit(
        self, v: Code, *indices: Code, shape: tuple[int, ...], axes: tuple[int, ...],
        distinct: bool = False,
    ) -> str:
        kind = "" if v.type.dtype == np.float64 else f", np.{v.type.dtype.type.__name__}"
        if distinct or block_shape([i.type for i in indices]) == ():
            return f"padded({v}, {shape}, np.s_[{gather_text(shape, axes, indices)}]{kind})"
        return f"summed({v}, {shape}, {axes}, ({', '.join(indices)},){kind})"

    def transpose(
        self, ct: Any, v: Any, *indices: Any, shape: tuple[int, ...], axes: tuple[int, ...],
        distinct: bool = False,
    ) -> Any:
        return gather(ct, *indices, axes=axes, distinct=distinct)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        shape: tuple[int, ...], axes: tuple[int, ...], distinct: bool = False,
    ) -> tuple[Any, Any]:
        (v, *indices), (dim, *index_dims) = operands, dims
        v, indices, moved = batch_updates(size, v, dim, indices, index_dims, axes)
        return self(v, *indices, shape=(size, *shape), axes=moved, distinct=distinct), 0


def batch_updates(
    size: int, v: Any, dim: int | None, indices: Sequence[Any], dims: Sequence[int | None],
    axes: tuple[int, ...], like: Any = None,
) -> tuple[Any, list[Any], tuple[int, ...]]:
    """Updates and index arrays of a batch, for a target with the mapped axis first; and axes."""
    moved = tuple(a + 1 for a in axes)
    if like is None:
        like = next(o for o, d in zip((v, *indices), (dim, *dims), strict=True) if d is not None)
    v = spread(size, v, dim, like)
    if all(d is None for d in dims):
        at = batch_position(axes, indices)
        return move_block(v, 0, 0, at, 1), list(indices), moved
    mapped = batch_indices(size, indices, dims, like, counted=True)
    v = move_block(v, 1, block_position(axes), 0, rank_of(mapped[0]) - 1)
    return v, mapped, (0, *moved)


@kernel
def summed(
    v: Any, shape: tuple[int, ...], axes: tuple[int, ...], indices: tuple[Any, ...],
    dtype: Any = np.float64,
) -> Any:
    """Zeros of `shape` with `v` added at the index arrays of `axes`; equal indices add up.

    NumPy's `add.at` is fast on one flat index only, so that is what it is given.
    """
    flat: Any = 0
    for i, axis in zip(indices, axes, strict=True):
        n = shape[axis]
        i = np.asarray(i, np.intp)
        if i.size and (i.min() < -n or i.max() >= n):
            raise IndexError(f"index out of bounds for axis {axis} with size {n}")
        flat = flat * n + np.where(i < 0, i + n, i)
    rank = flat.ndim
    rest = [n for a, n in enumerate(shape) if a not in axes]
    width = math.prod(rest)
    first = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0
    v = np.moveaxis(np.asarray(v), range(first, first + rank), range(rank)).reshape(-1)
    if width != 1:
        flat = flat.reshape(-1, 1) * width + np.arange(width)
    out = np.zeros(math.prod(shape), dtype)
    np.add.at(out, flat.reshape(-1), v)
    out = out.reshape([*(shape[a] for a in axes), *rest])
    return np.moveaxis(out, range(len(axes)), axes)


_rows = exactly([0, 2, 2, -1])
_grid = exactly([[0, 1, 1], [2, -3, 1]])
gather = Gather("gather", samples=[
    sample(normal(3), _rows, axes=(0,), dtypes="fc"),
    sample(normal(2, 3), _grid, axes=(1,)),
    sample(normal(3, 2, 4), _rows, exactly([1, 0, 0, 3]), axes=(0, 2)),
    sample(normal(2, 3, 3, 2), exactly([[0], [1]]), exactly([[0, 2, 2]]), axes=(1, 2)),
    sample(normal(2, 3), exactly(1), axes=(1,)),
    sample(normal(3), exactly([2, 0]), axes=(0,), distinct=True),
    sample(normal(3), exactly(np.zeros(0, np.intp)), axes=(0,)),
])
scatter_sum = ScatterSum("scatter_sum", samples=[
    sample(normal(4), _rows, shape=(3,), axes=(0,), dtypes="fc"),
    sample(normal(2, 2, 3), _grid, shape=(2, 3), axes=(1,)),
    sample(normal(4, 2), _rows, exactly([1, 0, 0, 3]), shape=(3, 2, 4), axes=(0, 2)),
    sample(normal(2, 2, 3, 2), exactly([[0], [1]]), exactly([[0, 2, 2]]), shape=(2, 3, 3, 2),
           axes=(1, 2)),
    sample(normal(2), exactly(1), shape=(2, 3), axes=(1,)),
    sample(normal(), exactly(1), shape=(3,), axes=(0,), dtypes="fc"),
    sample(normal(0), exactly(np.zeros(0, np.intp)), shape=(3,), axes=(0,)),
])

# -- x[...] --------------------------------------------------------------------------------------


def getitem(x: Any, index: Any) -> Any:
    """`x[index]`, for every index that NumPy takes; `x` and the parts of `index` may be traced."""
    if x.__class__ is not Tracer:
        parts = index if isinstance(index, tuple) else (index,)
        return x[index] if innermost(parts) is None else take(x, resolve(x.shape, index))
    key = _static_key(index)
    if key is None:
        try:
            form = resolve(x.type.shape, index)
        except ConcretizationError as error:
            if index.__class__ is Tracer and x.type.shape[: index.ndim] == index.type.shape != ():
                return Chosen(Tracer(x.owner, x.index, x.type), index, error)
            raise
        made = take(x, form)
        step = _step_of(x, index, form)
        shares = step is not None
    else:
        plan = _plans.get((x.type, key))
        if plan is None:
            plan = _plan(x.type, index, key)
        steps, step, shares = plan
        made = x
        for primitive, params, type in steps:
            made = x.owner.record(primitive, (made.index,), params, type)
    if shares:
        if made is x:
            return x if x.type.shape else own(x)
        # As `adopt` does, for slices are taken often.
        made.viewed = x, step
        try:
            views = x.views
        except AttributeError:
            views = x.views = []
        views.append(ref(made))
        if not len(views) % 32:
            forget_the_dead(views)
    return made


def region_at(x: Tracer, index: Any) -> Region | None:
    """The place in `x` that an index of slices, ints, None and Ellipsis means; None for others."""
    key = _static_key(index)
    if key is None:
        return None
    plan = _plans.get((x.type, key))
    return (_plan(x.type, index, key) if plan is None else plan)[1]


def _step_of(x: Any, index: Any, form: Resolved) -> Any:
    """How `x[index]` is a view of `x`, or None: with index arrays, and of single elements, it is a copy."""
    parts = index if isinstance(index, tuple) else (index,)
    if form.rank or any(isinstance(p, np.ndarray) or (isinstance(p, Tracer) and not is_number(p))
                        for p in parts):
        return None
    if not form.result_shape and not any(p is Ellipsis for p in parts):
        return None
    if not form.arrays:
        return Region(x.shape, form.shape, form.region)
    return Gathered(form, lambda x: take(x, form), lambda x, v: x.at[index].set(v))


def take(x: Any, form: Resolved) -> Any:
    """What an index takes out of `x`."""
    if form.shape != x.shape:
        x = reshape(x, shape=form.shape)
    if not form.whole:
        x = slice_(x, index=form.region)
    if not form.arrays:
        return x
    return place_block(gather(x, *form.arrays, axes=form.axes, distinct=form.distinct), form)


def place_block(x: Any, form: Resolved, *, back: bool = False) -> Any:
    """A gather's result with the axes of the index where NumPy has them; or `back` from there."""
    ends = (block_position(form.axes), form.position)
    source, destination = ends[::-1] if back else ends
    return move_block(x, 0, source, destination, form.rank)


#: For an index without arrays, as nearly all are: what is recorded, (primitive, params, type) each, the
#: place, and whether the result is a view, as all are that are no single elements.
_plans: dict[Any, tuple[list[Any], Region, bool]] = {}
_PLAIN = (int, type(None), type(Ellipsis))


def _static_key(index: Any) -> Any:
    """A key for an index of slices, ints, None and Ellipsis; None for any other.

    Classes are compared exactly: True and 1.0 equal 1, and mean something else.
    """
    cls = index.__class__
    if cls is int:
        return index
    if cls is slice:
        parts = (index.start, index.stop, index.step)
        return (slice, *parts) if all(p.__class__ in _PLAIN[:2] for p in parts) else None
    if cls is not tuple:
        return (index,) if index is None or index is Ellipsis else None
    keys = []
    for e in index:
        if e.__class__ not in _PLAIN:
            e = _static_key(e) if e.__class__ is slice else None
            if e is None:
                return None
        keys.append(e)
    return tuple(keys)


def _plan(given: ArrayType, index: Any, key: Any) -> tuple[list[Any], Region, bool]:
    form = resolve(given.shape, index)
    type = given
    steps: list[Any] = []
    if form.shape != given.shape:
        params = Params(shape=form.shape)
        type = reshape.infer(type, **params)
        steps.append((reshape, params, type))
    if not form.whole:
        params = Params(index=form.region)
        type = slice_.infer(type, **params)
        steps.append((slice_, params, type))
    if len(_plans) > 65536:
        _plans.clear()
    shape = type.shape
    scalar = not shape and (index.__class__ is not tuple or Ellipsis not in index) and index is not Ellipsis
    region = Region(given.shape, form.shape, form.region)
    if form.shape == given.shape and not form.whole:
        region.simple = type, Params(index=form.region)
    plan = _plans[given, key] = steps, region, not scalar
    return plan


attach(__getitem__=getitem)
