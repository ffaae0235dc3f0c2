"""`x.flat` and `x.resize` of arrays of a trace."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted
from fxad.numpy.shaping import reshaped, resize
from fxad.primitives.indexing import getitem
from fxad.primitives.slicing import pad_with
from fxad.tracing import Tracer, attach, check_writable, rebind, shares_memory

__all__ = ["Flat"]


class Flat:
    """The elements of an array in C order, as `numpy.flatiter`: reading copies, writing changes the array.

    >>> import numpy as np, fxad
    >>> def f(x):
    ...     y = x * 2.0
    ...     y.flat[[0, 3]] = 0.0
    ...     return y
    >>> fxad.jit(f)(np.ones((2, 2)))
    array([[0., 2.],
           [2., 0.]])
    """

    __slots__ = ("_at", "base")

    def __init__(self, base: Tracer) -> None:
        self.base = base
        self._at = 0

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._at >= self.base.size:
            raise StopIteration
        self._at += 1
        return self[self._at - 1]

    def __getitem__(self, index: Any) -> Any:
        return +getitem(self._line(), index)

    def __setitem__(self, index: Any, values: Any) -> None:
        x = self.base
        check_writable(x, "x = x.at[np.unravel_index(i, x.shape)].set(v)")
        line = self._line()
        count = np.arange(x.size)[index].size if not isinstance(index, Tracer) else index.size
        values = converted(as_array(values), x.dtype)
        if count:
            values = resize(values, count)
            shape = getitem(line, index).shape
            rebind(x, reshaped(line.at[index].set(reshaped(values, shape)), x.shape))

    def copy(self) -> Any:
        """A vector of the elements."""
        return self.base.flatten()

    def _line(self) -> Any:
        return reshaped(self.base, (self.base.size,))


def _set_flat(x: Tracer, values: Any) -> None:
    Flat(x)[:] = values


def _resize(x: Tracer, *new_shape: Any, refcheck: bool = True) -> None:
    """Change the shape in place, with zeros for elements that are new."""
    check_writable(x, "x = np.resize(x, shape), a new array, which repeats the elements")
    shape = new_shape[0] if len(new_shape) == 1 and np.iterable(new_shape[0]) else new_shape
    shape = tuple(map(operator.index, shape))
    if shares_memory(x):
        raise ValueError("cannot resize an array that references or is referenced\nby another array in this"
                         " way.\nUse the np.resize function or refcheck=False")
    line = reshaped(x, (x.size,))
    rebind(x, reshaped(pad_with(line, [0], [math.prod(shape) - x.size]), shape))


attach(flat=property(Flat, _set_flat), resize=_resize)


