"""The meaning of an index: every form that NumPy takes, brought into one.

`resolve` reads an index as NumPy does. What it gives needs no more rules: new axes, a region of
slices and ints, and index arrays each for one axis.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fxad.primitives.slicing import Index, rank_of, region_shape, shape_of, whole
from fxad.primitives.structural import reshape
from fxad.tracing import Trace, Tracer, concrete_value
from fxad.tracing.deciding import is_constant

__all__ = ["Resolved", "block_shape", "resolve"]


def block_shape(indices: Sequence[Any]) -> tuple[int, ...]:
    """The shape that index arrays, or their types, broadcast to."""
    shapes = {shape_of(i) for i in indices}
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


class Resolved(NamedTuple):
    """An index in the one form that fxad works with.

    Attributes:
        shape: the shape of the array with an axis of size 1 for each new one.
        region: what is taken out of that.
        axes: axes of the region that arrays index.
        arrays: the index arrays, of one rank.
        position: where the axes of the index go among the others, by NumPy's rule for the index as
            it was written; a gather from the region may put them elsewhere.
        distinct: no element is chosen twice.
    """

    shape: tuple[int, ...]
    region: Index
    axes: tuple[int, ...]
    arrays: tuple[Any, ...]
    position: int
    distinct: bool

    @property
    def rank(self) -> int:
        """The number of axes of the index arrays."""
        return rank_of(self.arrays[0]) if self.arrays else 0

    @property
    def whole(self) -> bool:
        """Whether the region is all there is."""
        return self.region == tuple(map(whole, self.shape))

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of what is indexed."""
        shape = region_shape(self.region)
        rest = [n for a, n in enumerate(shape) if a not in self.axes]
        return (*rest[: self.position], *block_shape(self.arrays), *rest[self.position :])


#: What is done to the index array of an axis of a given size in place of a check of its bounds.
Adjust = Callable[[Any, int], Any]


def resolve(shape: tuple[int, ...], index: Any, adjust: Adjust | None = None) -> Resolved:
    """What `index` means for an array of `shape`; raises IndexError where NumPy does.

    With `adjust`, ints are index arrays too, and no index is checked.
    """
    entries = [_entry(e) for e in (index if isinstance(index, tuple) else (index,))]
    used = sum(map(_consumed, entries))
    if used > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, "
                         f"but {used} were indexed")
    ellipses = sum(e is Ellipsis for e in entries)
    if ellipses > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not ellipses:
        entries.append(Ellipsis)
    return _Reader(shape, len(shape) - used, adjust).read(entries)


def _entry(e: Any) -> Any:
    """One entry: None, Ellipsis, a slice, an int, or an array of integers or booleans."""
    if e is None or e is Ellipsis or isinstance(e, slice):
        return e
    if not isinstance(e, (Tracer, np.ndarray, bool, np.bool_)):
        try:
            return operator.index(e)
        except TypeError:
            if isinstance(e, (float, complex, str, np.generic)):
                raise IndexError(
                    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and "
                    "integer or boolean arrays are valid indices"
                ) from None
        e = Trace.stack(e)  # a list may hold traced integers
        if not isinstance(e, Tracer) and e.size == 0 and e.dtype == np.float64:
            e = e.astype(np.intp)  # NumPy takes [] as a list of indices
    if not isinstance(e, Tracer):
        e = np.asarray(e)
    elif is_constant(e):
        e = np.array(concrete_value(e, "", "")) if e.type.shape else concrete_value(e, "", "")[()]
        e = e if isinstance(e, np.ndarray) or e.dtype.kind == "b" else int(e)
        if e.__class__ is int:
            return e
        e = np.asarray(e)
    if e.dtype.kind not in "iub":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    if e.dtype.kind == "b":
        return _mask_value(e)
    return int(e) if e.ndim == 0 and not isinstance(e, Tracer) else e


def _mask_value(mask: Any) -> Any:
    if not isinstance(mask, Tracer):
        return mask
    asked = "x[mask], whose result has one element for each true one of the mask,"
    fix = "np.where(mask, x, 0), which keeps the shape, or x.at[mask].set(v)"
    return np.asarray(concrete_value(mask, asked, fix))


def _is_array(e: Any) -> bool:
    return isinstance(e, (np.ndarray, Tracer))


def _consumed(e: Any) -> int:
    """How many axes an entry indexes."""
    if e is None or e is Ellipsis:
        return 0
    return int(e.ndim) if _is_array(e) and e.dtype.kind == "b" else 1


class _Reader:
    """Goes through the entries of an index from left to right."""

    def __init__(self, shape: tuple[int, ...], skipped: int, adjust: Adjust | None) -> None:
        self.given = shape
        self.skipped = skipped  # axes that the ellipsis stands for
        self.adjust = adjust
        self.axis = 0  # the axis of the array that comes next
        self.shape: list[int] = []
        self.region: list[Any] = []
        self.axes: list[int] = []
        self.arrays: list[Any] = []
        self.masks = 0  # how many of the arrays come from masks
        # NumPy's rule: arrays and ints next to each other are replaced by the axes of the index;
        # when anything is between two of them, also an empty ellipsis, those come first.
        self.before: int | None = None  # result axes before the first array or int
        self.interrupted = False
        self.apart = False

    def read(self, entries: list[Any]) -> Resolved:
        for e in entries:
            if e is None:
                self.add_slice(1, slice(None))
            elif e is Ellipsis:
                self.interrupted = self.before is not None
                for _ in range(self.skipped):
                    self.add_slice(self.next_size(), slice(None))
            elif isinstance(e, slice):
                self.add_slice(self.next_size(), e)
            elif isinstance(e, int) and self.adjust is None:
                self.add_int(e)
            elif isinstance(e, int):
                self.add_array(self.next_size(), np.intp(e))
            elif e.dtype.kind == "b":
                self.add_mask(e)
            else:
                self.add_array(self.next_size(), e)
        rank = max((rank_of(a) for a in self.arrays), default=0)
        arrays = tuple(_of_rank(a, rank) for a in self.arrays)
        try:
            size = math.prod(block_shape(arrays))
        except ValueError:
            shapes = " ".join(str(shape_of(a)) for a in self.arrays)
            raise IndexError("shape mismatch: indexing arrays could not be broadcast together with "
                             f"shapes {shapes}") from None
        return Resolved(
            tuple(self.shape), tuple(self.region), tuple(self.axes), arrays,
            0 if self.apart else self.before or 0,
            distinct=size <= 1 or self.masks == len(arrays),
        )

    def next_size(self) -> int:
        self.axis += 1
        return self.given[self.axis - 1]

    def add_slice(self, n: int, s: slice) -> None:
        self.interrupted = self.before is not None
        self.shape.append(n)
        entry = s.indices(n)
        self.region.append(entry if len(range(*entry)) else (0, 0, 1))

    def advance(self) -> None:
        if self.before is None:
            self.before = self.axes_kept()
        self.apart = self.apart or self.interrupted

    def axes_kept(self) -> int:
        return sum(e.__class__ is tuple for e in self.region)

    def add_int(self, i: int) -> None:
        n = self.next_size()
        self.check(i, i, n)
        self.advance()
        self.shape.append(n)
        self.region.append(i % n)

    def add_array(self, n: int, indices: Any) -> None:
        if self.adjust is not None:
            indices = self.adjust(indices, n)
        elif not isinstance(indices, Tracer) and indices.size:
            self.check(int(indices.min()), int(indices.max()), n)
        self.advance()
        self.axes.append(self.axes_kept())
        self.arrays.append(indices)
        self.shape.append(n)
        self.region.append(whole(n))

    def add_mask(self, mask: np.ndarray[Any, Any]) -> None:
        first = self.axis
        for k, n in enumerate(mask.shape):
            if self.given[first + k] != n:
                raise IndexError(
                    f"boolean index did not match indexed array along axis {first + k}; size of "
                    f"axis is {self.given[first + k]} but size of corresponding boolean axis is "
                    f"{n}")
        if mask.ndim == 0:  # a new axis, which is kept or emptied
            self.add_array(1, np.zeros(int(mask), np.intp))
            self.masks += 1
        for indices in mask.nonzero() if mask.ndim else ():
            self.add_array(self.next_size(), indices)
            self.masks += 1

    def check(self, low: int, high: int, n: int) -> None:
        for i in (low, high):
            if not -n <= i < n:
                raise IndexError(
                    f"index {i} is out of bounds for axis {self.axis - 1} with size {n}")


def _of_rank(indices: Any, rank: int) -> Any:
    missing = rank - rank_of(indices)
    if not missing:
        return indices
    return reshape(indices, shape=(*[1] * missing, *shape_of(indices)))
