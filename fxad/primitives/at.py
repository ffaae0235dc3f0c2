"""`x.at[i].set(v)` and its relatives: writing by any index, with a new array as the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.ir.program import Params
from fxad.ir.types import type_of
from fxad.primitives.arithmetic import divide, greater_equal, less, neg, remainder
from fxad.primitives.creation import full_like
from fxad.primitives.index_form import Resolved, block_shape, resolve
from fxad.primitives.indexing import gather, place_block, take
from fxad.primitives.logical import logical_and
from fxad.primitives.powers import pow_operator
from fxad.primitives.rounding import clip, maximum, minimum
from fxad.primitives.scatter import scatter
from fxad.primitives.selection import where
from fxad.primitives.slicing import assign, pad_with, rank_of, region_shape, shape_of, slice_, whole
from fxad.primitives.structural import broadcast, convert, convert_to, reshape, written_as
from fxad.source import Source
from fxad.tracing import Trace, Tracer, attach, bind_in, concrete_value, innermost
from fxad.tracing.operations import operations

__all__ = ["At", "Target", "at", "change_at", "set_at"]


class Target:
    """The place in `x` that an index means: what is there, and `x` with something else there.

    With `drop`, an index array that holds the size of its axis means a place outside, where nothing
    is written.
    """

    def __init__(self, x: Any, form: Resolved, *, drop: bool = False) -> None:
        self.x = x
        self.form = form
        self.base = x if form.shape == x.shape else reshape(x, shape=form.shape)
        self.region = self.base if form.whole else slice_(self.base, index=form.region)
        self.inside = shape_of(self.region)
        if drop and form.arrays:
            none = [0] * len(self.inside)
            outside = [int(a in form.axes) for a in range(len(none))]
            self.region = pad_with(self.region, none, outside)

    def read(self) -> Any:
        """What is there."""
        form = self.form
        if not form.arrays:
            return self.region
        out = gather(self.region, *form.arrays, axes=form.axes, distinct=form.distinct)
        return place_block(out, form)

    def write(self, v: Any, op: str = "set") -> Any:
        """`x` with `v` there, combined with what is there by a scatter's `op`."""
        form = self.form
        if not form.arrays:
            return self._finish(_COMBINED[op](self.region, v))
        v = place_block(v, form, back=True)
        return self._finish(
            scatter(self.region, v, *form.arrays, axes=form.axes, op=op, distinct=form.distinct)
        )

    def _finish(self, out: Any) -> Any:
        if shape_of(out) != self.inside:
            out = slice_(out, index=tuple(map(whole, self.inside)))
        if not self.form.whole:
            out = assign(self.base, out, index=self.form.region)
        return out if self.form.shape == self.x.shape else reshape(out, shape=self.x.shape)


_COMBINED: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda x, v: v,
    "add": lambda x, v: x + v,
    "multiply": lambda x, v: x * v,
    "min": minimum,
    "max": maximum,
}


# -- the values that are written -----------------------------------------------------------------


def cast(x: Any, v: Any, op: str) -> Any:
    """`v` in the dtype of `x`, where NumPy would write it there; a Python number stays one."""
    if not isinstance(v, (Tracer, bool, int, float, complex)):
        v = np.asarray(v)
    dtype = x.dtype
    given = type_of(v) if not isinstance(v, Tracer) else v.type
    if op == "set":
        fits = given.dtype.kind != "c" or dtype.kind in "cb"
    else:
        out = np.result_type(dtype, given.dtype.type(0).item() if given.weak else given.dtype)
        fits = np.can_cast(out, dtype, "same_kind")
    if not fits:
        what = f"values of dtype {given.dtype} cannot be written into an array of dtype {dtype}"
        fix = "np.real(v)" if given.dtype.kind == "c" else f"x.astype(np.{given.dtype})"
        raise TypeMismatch(explain(f"{what} ({op}).", source=Source.here(), fix=fix))
    if isinstance(v, (Tracer, np.ndarray)):
        return written_as(v, dtype) if given.dtype != dtype else v
    return v


def fitted(x: Any, v: Any, shape: tuple[int, ...], trace: Trace | None) -> Any:
    """`v`, cast already, broadcast to `shape` as NumPy's assignment does it."""
    dims = shape_of(v)
    while len(dims) > len(shape) and dims[0] == 1:
        dims = dims[1:]
    try:
        fits = np.broadcast_shapes(dims, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise TypeMismatch(explain(
            f"could not broadcast input array from shape {shape_of(v)} into shape {shape}",
            source=Source.here(), fix="reshape the values, or index another place",
        ))
    if dims != shape_of(v):
        v = reshape(v, shape=dims)
    if trace is None:
        return np.broadcast_to(np.asarray(v, x.dtype), shape)
    if not isinstance(v, (Tracer, np.ndarray)) and type_of(v).dtype != x.dtype:
        v = bind_in(trace, convert, (v,), Params(dtype=x.dtype))
    if dims == shape:
        return v
    axes = tuple(range(len(shape) - len(dims), len(shape)))
    return bind_in(trace, broadcast, (v,), Params(shape=shape, axes=axes))


def set_at(x: Any, index: Any, values: Any, op: str = "set") -> Any:
    """`x` with `values` written at `index`, which is whatever NumPy takes.

    Args:
        x: an array.
        index: slices, ints, None, Ellipsis, arrays of integers or booleans, in a tuple or alone.
        values: what is written; it is broadcast and cast as in NumPy's assignment.
        op: "set", "add", "multiply", "min" or "max": how it is combined with what is there.

    Raises:
        IndexError: a place outside of `x`.
        TypeMismatch: the values' shape or dtype does not fit.
    """
    return _Written(x, index).update(values, op)


def change_at(x: Any, index: Any, function: Callable[..., Any], *values: Any) -> Any:
    """`x` with `function(what is there, *values)` at `index`, once more for each time that a place comes."""
    if not values:
        return _Written(x, index).in_turn(lambda old, _: function(old))
    return _Written(x, index).in_turn(function, *values)


def at(x: Any) -> At:
    """`x.at` for arrays and traced values alike: writing with a new array as the result.

    Args:
        x: an array or an array-like; it stays as it is.

    Returns:
        What is indexed next: `fxad.at(x)[i].set(v)` is `x` after `x[i] = v`. There are `add`, `subtract`,
        `multiply`, `divide`, `min`, `max`, `power` and `apply` as well, and `get` reads.

    >>> import numpy as np, fxad
    >>> fxad.at(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    >>> fxad.grad(lambda t: np.sum(fxad.at(np.ones(3))[1:].multiply(t)))(2.0)
    np.float64(2.0)
    """
    return At(Trace.stack(x))


class _Written:
    """One writing: the array, the index, and what is to be done with places outside."""

    def __init__(
        self, x: Any, index: Any, mode: str | None = None, distinct: bool = False
    ) -> None:
        self.x = x
        self.index = index
        self.mode = _mode(mode)
        self.distinct = distinct

    def target(self) -> Target:
        form = resolve(self.x.shape, self.index, _ADJUST[self.mode])
        if self.mode == "fill":
            form = form._replace(arrays=_all_outside(form))
        if self.distinct:
            form = form._replace(distinct=True)
        return Target(self.x, form, drop=self.mode == "fill")

    def update(self, values: Any, op: str) -> Any:
        v = cast(self.x, values, op)
        mask = self.mask(v)
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        trace = innermost((self.x, v, *parts))
        if mask is not None:
            made = self.masked(mask, v, op, trace)
        else:
            target = self.target()
            made = target.write(fitted(self.x, v, target.form.result_shape, trace), op)
        # Of all of a plain array the values may be what is left, in a view of theirs.
        return np.array(made) if trace is None else made

    def mask(self, v: Any) -> Any:
        """The index, if it is one mask, and the values are the same wherever it is true."""
        index = self.index
        if isinstance(index, tuple) and len(index) == 1:
            (index,) = index
        if not isinstance(index, (Tracer, np.ndarray)) or index.dtype.kind != "b":
            return None
        fits = self.x.shape[: index.ndim] == index.shape
        rest = self.x.ndim - index.ndim
        return index if fits and rank_of(v) <= rest else None

    def masked(self, mask: Any, v: Any, op: str, trace: Trace | None) -> Any:
        """A choice between old and new, element by element: no value of the mask is needed."""
        x = self.x
        v = fitted(x, v, x.shape[mask.ndim :], trace)
        if trace is None:
            v = np.broadcast_to(v, x.shape)
            mask = np.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x.shape)
            return where(mask, _COMBINED[op](x, v), x)
        if rank_of(v) < x.ndim:
            axes = tuple(range(x.ndim - rank_of(v), x.ndim))
            v = bind_in(trace, broadcast, (v,), Params(shape=x.shape, axes=axes))
        if mask.ndim < x.ndim:
            axes = tuple(range(mask.ndim))
            mask = bind_in(trace, broadcast, (mask,), Params(shape=x.shape, axes=axes))
        return where(mask, _COMBINED[op](x, v), x)


    def in_turn(self, function: Callable[[Any, Any], Any], v: Any = None) -> Any:
        """`x` with `function(what is there, v)` in its place; a place that comes again, again.

        Places that come a second, a third time are done in a second and third round. To know them
        the values of traced indices are needed, unless they are promised to be distinct.
        """
        target = self.target()
        form, x = target.form, self.x
        parts = self.index if isinstance(self.index, tuple) else (self.index,)
        trace = innermost((x, v, *parts))
        if v is not None and rank_of(v):
            v = fitted(x, v, form.result_shape, trace)
        if not form.arrays or form.distinct:
            return target.write(self.result(function(target.read(), v), form, trace))
        block = block_shape(form.arrays)
        count, every = math.prod(block), tuple(range(len(block)))
        flat = [reshape(operations.broadcast(i, block, every), shape=(count,)) for i in form.arrays]
        if v is not None and rank_of(v):
            at = form.position
            v = reshape(v, shape=(*v.shape[:at], count, *v.shape[at + len(block) :]))
        for chosen in _rounds(form):
            arrays = tuple(gather(i, chosen, axes=(0,), distinct=True) for i in flat)
            part = form._replace(arrays=arrays, distinct=True)
            given = v
            if rank_of(v):
                given = gather(v, chosen, axes=(form.position,), distinct=True)
            target = Target(x, part, drop=self.mode == "fill")
            x = target.write(self.result(function(target.read(), given), part, trace))
        return x

    def result(self, v: Any, form: Resolved, trace: Trace | None) -> Any:
        return fitted(self.x, cast(self.x, v, "set"), form.result_shape, trace)


def _rounds(form: Resolved) -> list[np.ndarray[Any, Any]]:
    """Which of the indices are the first of their place, which the second, and so on."""
    region = region_shape(form.region)
    element: Any = 0
    for i, axis in zip(form.arrays, form.axes, strict=True):
        # One more than the size, for what is outside.
        element = element * (region[axis] + 1) + np.where(
            _known(i) < 0, _known(i) + region[axis], _known(i))
    element = np.ravel(element)
    order = np.argsort(element, kind="stable")
    line = element[order]
    first = np.flatnonzero(np.r_[True, line[1:] != line[:-1]][: line.size])
    turn = np.empty(line.size, np.intp)
    turn[order] = np.arange(line.size) - np.repeat(first, np.diff(np.r_[first, line.size]))
    return [np.flatnonzero(turn == k) for k in range(int(turn.max(initial=-1)) + 1)]


def _known(indices: Any) -> Any:
    if not isinstance(indices, Tracer):
        return indices
    asked = "x.at[i].apply(f) or .power(v) at several traced places, of which some may be the same,"
    fix = ("unique_indices=True when no place comes twice, or x.at[i].set(f(x[i])), which applies "
           "f once")
    return np.asarray(concrete_value(indices, asked, fix))


# -- places outside ------------------------------------------------------------------------------

_MODES = {None: "raise", "promise_in_bounds": "raise", "clip": "clip", "wrap": "wrap",
          "drop": "fill", "fill": "fill"}


def _mode(mode: str | None) -> str:
    if mode not in _MODES:
        known = ", ".join(repr(m) for m in _MODES)
        raise ValueError(f"mode is {mode!r}; it must be one of {known}")
    return _MODES[mode]


def _from_front(i: Any, n: int) -> Any:
    i = convert_to(i, np.intp)
    return where(less(i, 0), i + n, i)


def _clipped(i: Any, n: int) -> Any:
    return clip(_from_front(i, n), 0, max(n - 1, 0))


def _wrapped(i: Any, n: int) -> Any:
    return remainder(convert_to(i, np.intp), n) if n else convert_to(i, np.intp)


def _outside_is_last(i: Any, n: int) -> Any:
    i = _from_front(i, n)
    return where(logical_and(greater_equal(i, 0), less(i, n)), i, n)


_ADJUST: dict[str, Any] = {
    "raise": None, "clip": _clipped, "wrap": _wrapped, "fill": _outside_is_last,
}


def _inside(form: Resolved) -> tuple[Any, list[int]]:
    """Whether each index is inside in all axes (outside is written as the size); and the sizes."""
    region = region_shape(form.region)
    sizes = [region[a] for a in form.axes]
    valid: Any = True
    for i, n in zip(form.arrays, sizes, strict=True):
        inside = less(i, n)
        valid = inside if valid is True else logical_and(valid, inside)
    return valid, sizes


def _all_outside(form: Resolved) -> tuple[Any, ...]:
    """Index arrays where an index that is outside in one axis is outside in all."""
    valid, sizes = _inside(form)
    return tuple(where(valid, i, n) for i, n in zip(form.arrays, sizes, strict=True))


def _take_filled(x: Any, form: Resolved, value: Any) -> Any:
    """What an index takes out of `x`, with `value` for what is outside."""
    valid, sizes = _inside(form)
    shape = form.result_shape
    value = np.asarray(_fill_value(x.dtype) if value is None else value).astype(x.dtype)[()]
    if 0 in sizes:
        return full_like(x, value.item(), shape)
    if not form.arrays:
        return take(x, form)
    arrays = tuple(where(valid, i, 0) for i in form.arrays)
    out = take(x, form._replace(arrays=arrays, distinct=form.rank == 0))
    if form.rank:
        axes = tuple(range(form.position, form.position + form.rank))
        valid = broadcast(valid, shape=shape, axes=axes)
    return where(valid, out, value)


def _fill_value(dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "fc":
        return np.nan
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min


# -- x.at ----------------------------------------------------------------------------------------


class At:
    """`x.at`: index it, and say what is to be done there. The array itself stays as it is.

    >>> import numpy as np, fxad
    >>> fxad.grad(lambda x: np.sum(x.at[0].multiply(3.0)))(np.ones(2))
    array([3., 1.])
    """

    __slots__ = ("_x",)

    def __init__(self, x: Any) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> _Place:
        return _Place(self._x, index)

    def __repr__(self) -> str:
        return f"At({self._x!r})"


class _Place:
    """`x.at[index]`.

    All methods take `mode`, which says what becomes of places outside: None raises IndexError as
    NumPy does, "clip" moves them to the nearest place, "wrap" counts around, "drop" (or "fill")
    writes nothing there. `unique_indices=True` promises that no place comes twice.
    """

    __slots__ = ("_index", "_x")

    def __init__(self, x: Any, index: Any) -> None:
        self._x = x
        self._index = index

    def get(
        self, *, mode: str | None = None, fill_value: Any = None,
        indices_are_sorted: bool = False, unique_indices: bool = False,
    ) -> Any:
        """`x[index]`; with mode "fill" outside places give `fill_value`, NaN when left out."""
        kind = _mode(mode)
        form = resolve(self._x.shape, self._index, _ADJUST[kind])
        if kind == "fill":
            return _take_filled(self._x, form, fill_value)
        return take(self._x, form._replace(distinct=form.distinct or unique_indices))

    def set(self, values: Any, **options: Any) -> Any:
        """`x` after `x[index] = values`."""
        return self._written(**options).update(values, "set")

    def add(self, values: Any, **options: Any) -> Any:
        """`x` after `np.add.at(x, index, values)`."""
        return self._written(**options).update(values, "add")

    def subtract(self, values: Any, **options: Any) -> Any:
        """`x` after `np.subtract.at(x, index, values)`."""
        values = cast(self._x, values, "add")
        if not isinstance(values, (Tracer, np.ndarray)):
            values = self._x.dtype.type(values)
        return self._written(**options).update(neg(values), "add")

    def multiply(self, values: Any, **options: Any) -> Any:
        """`x` after `np.multiply.at(x, index, values)`."""
        return self._written(**options).update(values, "multiply")

    mul = multiply

    def divide(self, values: Any, **options: Any) -> Any:
        """`x` after `np.divide.at(x, index, values)`: divided by the product of what is given."""
        if self._x.dtype.kind not in "fc":
            cast(self._x, 1.0, "divide")
        ones = full_like(self._x, 1)
        return divide(self._x, self._written(ones, **options).update(values, "multiply"))

    def min(self, values: Any, **options: Any) -> Any:
        """`x` after `np.minimum.at(x, index, values)`."""
        return self._written(**options).update(values, "min")

    def max(self, values: Any, **options: Any) -> Any:
        """`x` after `np.maximum.at(x, index, values)`."""
        return self._written(**options).update(values, "max")

    def power(self, values: Any, **options: Any) -> Any:
        """`x` after `np.power.at(x, index, values)`."""
        return self._written(**options).in_turn(pow_operator, cast(self._x, values, "power"))

    def apply(self, function: Callable[[Any], Any], **options: Any) -> Any:
        """`x` after `x[index] = function(x[index])`, once more for each time that a place comes."""
        return self._written(**options).in_turn(lambda old, _: function(old))

    def _written(
        self, x: Any = None, *, mode: str | None = None, indices_are_sorted: bool = False,
        unique_indices: bool = False,
    ) -> _Written:
        return _Written(self._x if x is None else x, self._index, mode, unique_indices)


attach(at=property(At))
