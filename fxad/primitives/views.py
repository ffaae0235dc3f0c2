"""Views: how each kind of them is read from its array, and written back into it.

What NumPy has as one block of memory seen in several ways is here a value from which the views are computed;
`fxad.tracing.memory` keeps account of them.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.complexes import imag, make_complex, real
from fxad.primitives.index_form import Resolved
from fxad.primitives.slicing import Index, assign, region_shape, slice_, whole
from fxad.primitives.structural import broadcast_to, permute, reshape
from fxad.tracing import Tracer, adopt, adopt_if_view, is_number
from fxad.tracing import layout as lay
from fxad.tracing.layout import Layout

__all__ = ["C_ORDER", "F_ORDER", "Diagonal", "Gathered", "Part", "Permuted", "Rearranged", "Region",
           "Reshaped", "Stretched", "Windows", "Zeros", "is_view", "may_be_view", "permuted", "reshaped"]


class View(abc.ABC):
    """One kind of view: a `Step` of `fxad.tracing.memory`."""

    #: Whether NumPy writes to it.
    writable = True

    read: Callable[[Any], Any]

    @abc.abstractmethod
    def write(self, x: Any, v: Any) -> Any:
        """The array `x` with `v` in place of the view."""

    @abc.abstractmethod
    def move(self, layout: Layout) -> Layout | None:
        """Where the view lies, given where the array does; None where it is a copy."""


class ReadOnly(View):
    """A view that NumPy does not write to."""

    writable = False

    def write(self, x: Any, v: Any) -> NoReturn:
        """There is nothing to write: `check_writable` comes first."""
        raise TypeError(f"a view of the kind {type(self).__name__} is read-only")


class Region(View):
    """New axes, slices and ints: `shape` has an axis of size 1 for each new one, `index` is taken of that.

    `simple` has the type of the view and the params of its assignment, where that is all there is to it.
    """

    simple: tuple[ArrayType, Params] | None = None

    def __init__(self, given: tuple[int, ...], shape: tuple[int, ...], index: Index) -> None:
        self.given = given
        self.shape = shape
        self.index = index

    def read(self, x: Any) -> Any:
        if self.shape != self.given:
            x = reshape(x, shape=self.shape)
        return x if self.index == tuple(map(whole, self.shape)) else slice_(x, index=self.index)

    def write(self, x: Any, v: Any) -> Any:
        if self.index != tuple(map(whole, self.shape)):
            base = x if self.shape == self.given else reshape(x, shape=self.shape)
            v = assign(base, v, index=self.index)
        return v if self.shape == self.given else reshape(v, shape=self.given)

    def move(self, layout: Layout) -> Layout | None:
        spread = lay.reshaped(layout, self.shape)
        return None if spread is None else lay.taken(spread, self.index)


@functools.lru_cache(maxsize=4096)
def reshaped(given: tuple[int, ...], shape: tuple[int, ...]) -> Reshaped:
    """The one view of this kind, so that what is found out about it is found again."""
    return Reshaped(given, shape)


@functools.lru_cache(maxsize=4096)
def permuted(axes: tuple[int, ...]) -> Permuted:
    """The one view of this kind."""
    return Permuted(axes)


class Reshaped(View):
    """Another shape, in C order."""

    def __init__(self, given: tuple[int, ...], shape: tuple[int, ...]) -> None:
        self.given = given
        self.shape = shape

    def read(self, x: Any) -> Any:
        return reshape(x, shape=self.shape)

    def write(self, x: Any, v: Any) -> Any:
        return reshape(v, shape=self.given)

    def move(self, layout: Layout) -> Layout | None:
        return lay.reshaped(layout, self.shape)


class Dense(View):
    """The array itself, if its elements lie next to each other: where NumPy copies if they do not."""

    def __init__(self, fortran: bool = False) -> None:
        self.fortran = fortran

    def read(self, x: Any) -> Any:
        return x

    def write(self, x: Any, v: Any) -> Any:
        return v

    def move(self, layout: Layout) -> Layout | None:
        axes = range(len(layout.shape))
        if lay.is_contiguous(lay.permuted(layout, axes[::-1]) if self.fortran else layout):
            return layout
        return None


#: The two orders in which elements lie next to each other.
C_ORDER, F_ORDER = Dense(), Dense(True)


class Permuted(View):
    """The axes in another order."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def read(self, x: Any) -> Any:
        return permute(x, axes=self.axes)

    def write(self, x: Any, v: Any) -> Any:
        return permute(v, axes=tuple([self.axes.index(i) for i in range(len(self.axes))]))

    def move(self, layout: Layout) -> Layout | None:
        return lay.permuted(layout, self.axes)


class Part(View):
    """The real parts (0) of complex numbers, or the imaginary ones (1)."""

    def __init__(self, which: int) -> None:
        self.which = which

    def read(self, x: Any) -> Any:
        return (real, imag)[self.which](x)

    def write(self, x: Any, v: Any) -> Any:
        return make_complex(real(x), v) if self.which else make_complex(v, imag(x))

    def move(self, layout: Layout) -> Layout | None:
        return lay.half(layout, self.which)


class Gathered(View):
    """What integers that are known at run time only choose: `x[i]` for a traced `i`."""

    def __init__(self, form: Resolved, read: Callable[[Any], Any], write: Callable[[Any, Any], Any]) -> None:
        self.form = form
        self.read = read
        self._write = write

    def write(self, x: Any, v: Any) -> Any:
        return self._write(x, v)

    def move(self, layout: Layout) -> Layout | None:
        form = self.form
        spread = lay.reshaped(layout, form.shape)
        if spread is None:
            return None
        inside = lay.taken(spread, form.region)
        rest = [a for a in range(len(region_shape(form.region))) if a not in form.axes]
        return lay.permuted(inside, rest)._replace(offset=None)


class Diagonal(View):
    """The diagonal of two axes, as a last axis."""

    def __init__(self, read: Callable[[Any], Any], offset: int, axes: tuple[int, int], *,
                 writable: bool = False) -> None:
        self.read = read
        self.offset = offset
        self.axes = axes
        self.writable = writable

    def write(self, x: Any, v: Any) -> Any:
        first, second = self.axes
        rows = np.arange(max(-self.offset, 0), max(-self.offset, 0) + v.shape[-1])
        order = [a for a in range(x.ndim) if a not in self.axes] + [first, second]
        lines = permute(x, axes=tuple(order))
        made = lines.at[..., rows, rows + self.offset].set(v)
        return permute(made, axes=tuple([order.index(i) for i in range(x.ndim)]))

    def move(self, layout: Layout) -> Layout | None:
        first, second = max(-self.offset, 0), max(self.offset, 0)
        n = max(min(layout.shape[self.axes[0]] - first, layout.shape[self.axes[1]] - second), 0)
        starts = dict(zip(self.axes, (first, second) if n else (0, 0), strict=True))
        index = [(starts[a], starts[a] + n, 1) if a in starts else whole(size)
                 for a, size in enumerate(layout.shape)]
        return lay.diagonal(lay.taken(layout, index), *self.axes)


class Stretched(ReadOnly):
    """A broadcast to another shape, whose elements NumPy does not write to: some are one."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def read(self, x: Any) -> Any:
        return broadcast_to(x, self.shape)

    def move(self, layout: Layout) -> Layout | None:
        shape = (*[1] * (len(self.shape) - len(layout.shape)), *layout.shape)
        spread = lay.reshaped(layout, shape)
        assert spread is not None
        strides = [s if n == m else 0 for s, n, m in zip(spread.strides, shape, self.shape, strict=True)]
        return spread._replace(shape=self.shape, strides=tuple(strides))


class Windows(ReadOnly):
    """What is seen of an array through windows that slide along axes, which are `pairs` of axis and size."""

    def __init__(self, read: Callable[[Any], Any], pairs: Sequence[tuple[int, int]]) -> None:
        self.read = read
        self.pairs = pairs

    def move(self, layout: Layout) -> Layout | None:
        for axis, size in self.pairs:
            shape = [*layout.shape, size]
            shape[axis] -= size - 1
            layout = layout._replace(shape=tuple(shape), strides=(*layout.strides, layout.strides[axis]))
        return layout


class Rearranged(View):
    """An einsum that takes elements of one array, and adds nothing up: `ij->ji`, `ii->i`."""

    def __init__(self, read: Callable[[Any], Any], spec: str) -> None:
        self.read = read
        self.given, _, self.made = spec.partition("->")

    def write(self, x: Any, v: Any) -> Any:
        rank = len(self.made)
        index = []
        for letter in self.given:
            axis = self.made.index(letter)
            index.append(np.arange(v.shape[axis]).reshape([-1 if i == axis else 1 for i in range(rank)]))
        return x.at[tuple(index)].set(v, unique_indices=True)

    def move(self, layout: Layout) -> Layout | None:
        sizes = dict(zip(self.given, layout.shape, strict=True))
        strides = [sum(s for c, s in zip(self.given, layout.strides, strict=True) if c == letter)
                   for letter in self.made]
        return layout._replace(shape=tuple([sizes[c] for c in self.made]), strides=tuple(strides))


class Zeros(ReadOnly):
    """The imaginary parts of real numbers, which NumPy does not write to."""

    def read(self, x: Any) -> Any:
        return imag(x)

    def move(self, layout: Layout) -> Layout | None:
        return layout


def is_view(made: Any, x: Any, step: Any) -> Any:
    """`made`, which is `step.read(x)`, as a view of `x`; arrays that are not traced are what NumPy says."""
    if made.__class__ is Tracer and made is not x and x.__class__ is Tracer and not is_number(x):
        adopt(made, x, step)
    return made


def may_be_view(made: Any, x: Any, steps: Sequence[Any], copied: str = "C") -> Any:
    """As `is_view`, for what is a copy, in the order `copied`, where the elements of `x` lie otherwise."""
    if made.__class__ is Tracer and made is not x and x.__class__ is Tracer and not is_number(x):
        adopt_if_view(made, x, *steps, copied=copied)
    return made
