"""Where the elements of a view lie in the memory of its array, in the terms of NumPy: offset, shape, strides.

A traced array has no memory, but whether `x.reshape(shape)` is a view or a copy depends on it, and so does
whether two views overlap. Strides are counted in elements of the array. The rules are NumPy's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Layout", "contiguous", "diagonal", "disjoint", "half", "is_contiguous", "permuted", "reshaped",
           "scattered", "taken"]

#: Larger than any size: multiples of different powers of it are different.
_APART = 2**61 - 1


class Layout(NamedTuple):
    """The elements of a view.

    Attributes:
        offset: that of the first element; None where it is known at run time only.
        shape: the shape of the view.
        strides: the steps along its axes.
        parts: 2 where the unit is half an element, the real or the imaginary part; else 1.
    """

    offset: int | None
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    parts: int = 1


def _dense(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array in C order."""
    steps = itertools.accumulate(reversed(shape[1:]), lambda a, n: a * max(n, 1), initial=1)
    return tuple(steps)[::-1] if shape else ()


def contiguous(shape: tuple[int, ...], order: str = "C") -> Layout:
    """An array of its own, in C order or in Fortran's."""
    return Layout(0, shape, _dense(shape) if order == "C" else _dense(shape[::-1])[::-1])


def scattered(shape: tuple[int, ...]) -> Layout:
    """An array of which no order is known: what is a view of it is one in every order."""
    return Layout(0, shape, tuple([_APART ** (k + 1) for k in range(len(shape))]))


def reshaped(layout: Layout, shape: tuple[int, ...]) -> Layout | None:
    """The view in another shape, in C order; None where that takes a copy."""
    if math.prod(shape) <= 1:
        return layout._replace(shape=shape, strides=_dense(shape))
    old = [(n, s) for n, s in zip(layout.shape, layout.strides, strict=True) if n != 1]
    strides = [0] * len(shape)
    first = at = 0
    while first < len(old):
        # As many axes of either side as have the same size together.
        last, stop = first + 1, at + 1
        before, after = old[first][0], shape[at]
        while before != after:
            if after < before:
                after *= shape[stop]
                stop += 1
            else:
                before *= old[last][0]
                last += 1
        if any(a[1] != b[0] * b[1] for a, b in itertools.pairwise(old[first:last])):
            return None
        step = old[last - 1][1]
        for axis in reversed(range(at, stop)):
            strides[axis] = step
            step *= shape[axis]
        first, at = last, stop
    return layout._replace(shape=shape, strides=tuple(strides))


def taken(layout: Layout, index: Sequence[int | tuple[int, int, int]]) -> Layout:
    """A region: ints, and slices as (start, stop, step)."""
    offset, shape, strides = layout.offset or 0, [], []
    for entry, stride in zip(index, layout.strides, strict=True):
        if isinstance(entry, tuple):
            shape.append(len(range(*entry)))
            strides.append(stride * entry[2])
            offset += entry[0] * stride
        else:
            offset += entry * stride
    return layout._replace(offset=None if layout.offset is None else offset, shape=tuple(shape),
                           strides=tuple(strides))


def permuted(layout: Layout, axes: Sequence[int]) -> Layout:
    """The axes in another order."""
    return layout._replace(shape=tuple([layout.shape[a] for a in axes]),
                           strides=tuple([layout.strides[a] for a in axes]))


def diagonal(layout: Layout, first: int, second: int) -> Layout:
    """The diagonal of two axes of one size, as a last axis."""
    rest = [a for a in range(len(layout.shape)) if a not in (first, second)]
    made = permuted(layout, rest)
    return made._replace(shape=(*made.shape, layout.shape[first]),
                         strides=(*made.strides, layout.strides[first] + layout.strides[second]))


def half(layout: Layout, part: int) -> Layout:
    """The real (0) or the imaginary (1) parts."""
    offset = None if layout.offset is None else 2 * layout.offset + part
    return Layout(offset, layout.shape, tuple([2 * s for s in layout.strides]), 2)


def is_contiguous(layout: Layout) -> bool:
    """Whether the elements lie next to each other in C order."""
    if 0 in layout.shape:
        return True
    dense = _dense(layout.shape)
    return all(n == 1 or s == d for n, s, d in zip(layout.shape, layout.strides, dense, strict=True))


def disjoint(a: Layout, b: Layout) -> bool:
    """Whether two views of one array are known to have no element in common."""
    if 0 in a.shape or 0 in b.shape:
        return True
    if a.parts != b.parts or a.offset is None or b.offset is None:
        return False
    ends = []
    for x in (a, b):
        spans = [(n - 1) * s for n, s in zip(x.shape, x.strides, strict=True)]
        assert x.offset is not None
        ends.append((x.offset + sum(s for s in spans if s < 0), x.offset + sum(s for s in spans if s > 0)))
    (low, high), (start, stop) = ends
    if high < start or stop < low:
        return True
    common = math.gcd(*[s for x in (a, b) for n, s in zip(x.shape, x.strides, strict=True) if n > 1])
    return common > 1 and (a.offset - b.offset) % common != 0
