"""Views by layout are NumPy's views: whether there is one, and which elements it has."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.tracing import layout as lay
from tests.tracing.sequences import _Maker


def of(view: Any, array: Any) -> lay.Layout:
    """The layout of a NumPy view of an array in C order."""
    size = array.itemsize
    start = view.__array_interface__["data"][0] - array.__array_interface__["data"][0]
    return lay.Layout(start // size, view.shape, tuple(s // size for s in view.strides))


def same(a: lay.Layout, b: lay.Layout) -> bool:
    """Whether two layouts are of the same elements; the strides of axes of size 1 have no meaning."""
    if a.shape != b.shape or 0 in a.shape:
        return a.shape == b.shape
    return a.offset == b.offset and all(
        s == t for n, s, t in zip(a.shape, a.strides, b.strides, strict=True) if n > 1)


def random_views(seed: int) -> Any:
    maker = _Maker(seed, np.zeros(24), np.zeros((2, 1, 3, 4)))
    rng = maker.rng
    array: Any = np.zeros((2, 1, 3, 4)) if seed % 2 else np.zeros((4, 6))
    view = array
    for _ in range(3):
        if rng.random() < 0.5:
            try:
                view = view[maker.basic(view.shape)]
            except IndexError:
                continue
        else:
            view = view.transpose(rng.permutation(view.ndim))
    return maker, array, view


def test_reshaping_is_a_view_where_numpy_says_so() -> None:
    views = 0
    for seed in range(600):
        maker, array, view = random_views(seed)
        if not np.shares_memory(view, array):
            continue
        shape = maker.shape(view.size)
        made = view.reshape(shape)
        found = lay.reshaped(of(view, array), shape)
        assert (found is not None) == np.shares_memory(made, array), (view.shape, view.strides, shape)
        if found is not None:
            assert same(found, of(made, array))
            views += 1
        assert lay.is_contiguous(of(view, array)) == view.flags.c_contiguous
    assert 100 < views < 500


def test_permutation_and_diagonal() -> None:
    array = np.zeros((3, 4, 3))
    base = lay.contiguous(array.shape)
    assert base == of(array, array)
    assert same(lay.permuted(base, (2, 0, 1)), of(array.transpose(2, 0, 1), array))
    assert same(lay.diagonal(base, 0, 2), of(np.diagonal(array, 0, 0, 2), array))
    index = (1, (3, -1, -2), (0, 3, 1))
    assert same(lay.taken(base, index), of(array[1, ::-2], array))


def test_what_is_called_disjoint_is() -> None:
    apart = 0
    for seed in range(400):
        maker, array, first = random_views(seed)
        second = array[maker.basic(array.shape)]
        if lay.disjoint(of(first, array), of(second, array)):
            assert not np.shares_memory(first, second)
            apart += bool(first.size and second.size)
    assert apart > 10
    even, odd = lay.taken(lay.contiguous((8,)), [(0, 8, 2)]), lay.taken(lay.contiguous((8,)), [(1, 8, 2)])
    assert lay.disjoint(even, odd)
    assert not lay.disjoint(lay.half(even, 0), odd)
    assert lay.disjoint(lay.half(even, 0), lay.half(even, 1))


def test_what_is_a_view_in_every_order() -> None:
    base = lay.scattered((3, 4))
    assert lay.reshaped(base, (3, 2, 2)) is not None
    assert lay.reshaped(base, (1, 3, 1, 4)) is not None
    assert lay.reshaped(base, (12,)) is None
    split = lay.reshaped(base, (3, 2, 2))
    assert split is not None
    assert lay.reshaped(split, (3, 4)) is not None
