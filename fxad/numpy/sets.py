"""Arrays as sets: which elements are different, and which are in another array.

What is in the result is decided by the values, so they have to be known; the elements that are chosen keep
their derivatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, concrete, join
from fxad.numpy.dispatch import FUNCTIONS, implements
from fxad.numpy.reductions import any_
from fxad.numpy.selecting import take
from fxad.numpy.shaping import ravel, reshaped

__all__ = ["intersect1d", "isin", "setdiff1d", "setxor1d", "union1d", "unique", "unique_all",
           "unique_counts", "unique_inverse", "unique_values"]


def _values(x: Any, name: str) -> Any:
    """The numbers of an array, for a result with as many elements as they say."""
    return concrete(x, f"np.{name}(x)", "np.sort(x), of a shape that is known")


@implements(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False,
           return_counts: bool = False, axis: Any = None, *, equal_nan: bool = True,
           sorted: bool = True) -> Any:
    """Which elements are chosen is decided by their values; they keep their derivatives."""
    x = as_array(ar)
    if axis is not None:
        axis = axis_of(axis, x.ndim)
    _, index, inverse, counts = np.unique(
        _values(x, "unique"), return_index=True, return_inverse=True, return_counts=True, axis=axis,
        equal_nan=equal_nan)
    made = [take(x if axis is not None else ravel(x), index, axis or 0)]
    made += [v for v, wanted in ((index, return_index), (inverse, return_inverse),
                                 (counts, return_counts)) if wanted]
    return tuple(made) if len(made) > 1 else made[0]


@implements(np.unique_values)
def unique_values(x: Any, /) -> Any:
    x = as_array(x)
    values = _values(x, "unique_values")
    found = np.unique_values(values)  # which need not be sorted
    numbers, index = np.unique(values, return_index=True, equal_nan=False)
    if not np.any(found != found):
        index = index[np.searchsorted(numbers, found)]
    return take(ravel(x), index)


def _with_values(function: Any) -> Any:
    """One of NumPy's functions that give the different elements and something about them."""

    @implements(function)
    def results(x: Any, /) -> Any:
        x = as_array(x)
        values = _values(x, function.__name__)
        return function(values)._replace(values=take(ravel(x), np.unique_all(values).indices))

    return results


unique_all = _with_values(np.unique_all)
unique_counts = _with_values(np.unique_counts)
unique_inverse = _with_values(np.unique_inverse)


@implements(np.isin)
def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *,
         kind: Any = None) -> Any:
    x = as_array(element)
    found = any_(reshaped(x, (*x.shape, 1)) == ravel(test_elements), -1)
    return ~found if invert else found


if hasattr(np, "in1d"):  # until NumPy 2.4
    FUNCTIONS[np.in1d] = lambda ar1, ar2, assume_unique=False, invert=False, *, kind=None: isin(
        ravel(ar1), ar2, invert=invert)


def _distinct(x: Any, name: str, assume_unique: bool) -> tuple[Any, Any, Any]:
    """The different elements of an array: as they are traced, as numbers, and where they stand."""
    x = ravel(x)
    values = _values(x, name)
    if assume_unique:
        return x, values, np.arange(x.size)
    numbers, index = np.unique(values, return_index=True)
    return take(x, index), numbers, index


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    return unique(join([ravel(ar1), ravel(ar2)], 0))


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The elements are those of the first array."""
    x, numbers, index = _distinct(ar1, "intersect1d", assume_unique)
    y, others, places = _distinct(ar2, "intersect1d", assume_unique)
    _, here, there = np.intersect1d(numbers, others, assume_unique=True, return_indices=True)
    found = take(join([x, y], 0), here)
    return (found, index[here], places[there]) if return_indices else found


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    x, numbers, _ = _distinct(ar1, "setdiff1d", assume_unique)
    others = _values(ravel(ar2), "setdiff1d")
    return take(x, np.flatnonzero(np.isin(numbers, others, invert=True)))


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    x, numbers, _ = _distinct(ar1, "setxor1d", assume_unique)
    y, others, _ = _distinct(ar2, "setxor1d", assume_unique)
    together = np.concatenate([numbers, others])
    alone = np.flatnonzero(np.concatenate([np.isin(numbers, others, invert=True),
                                           np.isin(others, numbers, invert=True)]))
    return take(join([x, y], 0), alone[np.argsort(together[alone], kind="stable")])
