"""Arrays written with brackets: `mgrid`, `ogrid`, `r_` and `c_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, refused
from fxad.numpy.creation import array, linspace, meshgrid
from fxad.numpy.dispatch import has_tracer
from fxad.numpy.elementwise import result_type
from fxad.numpy.joining import concatenate, stack
from fxad.numpy.shaping import moveaxis, transpose

__all__ = ["c_", "mgrid", "ogrid", "r_"]


def _traced(item: Any) -> bool:
    if isinstance(item, slice):
        item = (item.start, item.stop, item.step)
    return has_tracer((item,))


def _points(part: slice) -> Any:
    """The numbers that a slice names: from start to stop by steps, or so many as an imaginary step says."""
    start = 0 if part.start is None else part.start
    step = 1 if part.step is None else part.step
    if isinstance(step, complex):
        return linspace(start, part.stop, int(abs(step)))
    return start + np.arange(int(np.ceil((part.stop - start) / step))) * step


class _Grid:
    """Coordinates of the points of a grid, one array an axis; see `numpy.mgrid` and `numpy.ogrid`."""

    def __init__(self, plain: Any, sparse: bool) -> None:
        self.plain = plain
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(map(_traced, parts)):
            return self.plain[key]
        lines = [_points(part) for part in parts]
        if not isinstance(key, tuple):
            return lines[0]
        dtype = np.result_type(*[line.dtype for line in lines])
        made = meshgrid(*[line.astype(dtype) for line in lines], indexing="ij", sparse=self.sparse)
        return made if self.sparse else stack(made)


class _Row:
    """Slices, numbers and arrays, one after the other; see `numpy.r_` and `numpy.c_`."""

    def __init__(self, plain: Any, axis: int, ndmin: int, place: int) -> None:
        self.plain = plain
        self.given = (axis, ndmin, place)

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(map(_traced, parts)):
            return self.plain[key]
        axis, ndmin, place = self.given
        if isinstance(parts[0], str):
            directive, parts = parts[0], parts[1:]
            if directive in ("r", "c"):
                raise refused(f"np.r_[{directive!r}, ...] makes a matrix, which has no traced form.",
                              "np.r_['0,2', ...] for an array of two axes")
            numbers = [int(n) for n in directive.split(",")]
            axis, ndmin, place = (*numbers, *self.given[len(numbers):])
        made = [_placed(part, ndmin, place) for part in parts]
        # Python's numbers are weak among the others.
        dtype = result_type(*[part if np.isscalar(part) else m for part, m in zip(parts, made, strict=True)])
        return concatenate([converted(m, dtype) for m in made], axis)

    def __len__(self) -> int:
        return 0


def _placed(part: Any, ndmin: int, place: int) -> Any:
    """One part with at least `ndmin` axes, its own ones beginning at `place` among them."""
    if isinstance(part, str):
        raise ValueError("special directives must be the first entry.")
    if isinstance(part, slice):
        made = array(_points(part), ndmin=ndmin)
        return moveaxis(made, -1, place) if place != -1 else made
    own = as_array(part).ndim
    made = array(part, ndmin=ndmin)
    if place == -1 or own >= ndmin or own == 0:
        return made
    extra = ndmin - own
    first = place if place >= 0 else place + extra + 1
    axes = tuple(range(ndmin))
    return transpose(made, axes[:first] + axes[extra:] + axes[first:extra])


mgrid = _Grid(np.mgrid, sparse=False)
ogrid = _Grid(np.ogrid, sparse=True)
r_ = _Row(np.r_, 0, 1, -1)
c_ = _Row(np.c_, -1, 2, 0)
