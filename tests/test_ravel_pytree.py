"""A tree as a vector, and back, with concrete and with traced leaves."""

from __future__ import annotations

import numpy as np
import pytest

import fxad
from fxad.errors import TreeMismatch, TypeMismatch
from fxad.tree import ravel_pytree


@pytest.mark.parametrize(
    ("value", "vector"),
    [
        (2.0, [2.0]),
        (np.arange(6.0).reshape(2, 3), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ({"b": np.ones(2), "a": (3.0, None)}, [3.0, 1.0, 1.0]),
        ([np.zeros((0, 2)), np.ones((1, 1))], [1.0]),
        (np.arange(6.0).reshape(2, 3).T, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
    ],
)
def test_ravel_and_unravel(value, vector):
    flat, unravel = ravel_pytree(value)
    np.testing.assert_array_equal(flat, np.array(vector))
    rebuilt = unravel(flat)
    assert fxad.tree.structure(rebuilt) == fxad.tree.structure(value)
    for one, other in zip(fxad.tree.leaves(rebuilt), fxad.tree.leaves(value), strict=True):
        np.testing.assert_array_equal(one, other, strict=isinstance(other, np.ndarray))


def test_a_tree_without_leaves():
    flat, unravel = ravel_pytree({"a": None})
    assert flat.shape == (0,)
    assert unravel(flat) == {"a": None}


def test_a_python_number_takes_the_dtype_beside_it():
    flat, _ = ravel_pytree([np.ones(2, np.float32), 2.0])
    assert flat.dtype == np.float32


def test_leaves_of_several_dtypes_come_back_as_they_were():
    flat, unravel = ravel_pytree([np.ones(2, np.float32), np.ones(1), np.arange(2)])
    assert flat.dtype == np.float64
    assert [leaf.dtype for leaf in unravel(flat)] == [np.float32, np.float64, np.int64]
    with pytest.raises(TypeMismatch, match="has to be of that dtype; got float32"):
        unravel(flat.astype(np.float32))


def test_a_vector_of_another_dtype_where_all_leaves_have_one():
    _, unravel = ravel_pytree([np.ones(2), np.ones(1)])
    assert [leaf.dtype for leaf in unravel(np.ones(3, np.complex128))] == [np.complex128] * 2


def test_a_vector_of_the_wrong_length():
    _, unravel = ravel_pytree([np.ones(2)])
    with pytest.raises(TreeMismatch, match=r"takes a vector of 2 elements; got shape \(3,\)"):
        unravel(np.ones(3))


def test_unravel_is_differentiated():
    _, unravel = ravel_pytree({"a": np.ones(2), "b": 1.0})

    def f(vector):
        parts = unravel(vector)
        return (parts["a"] * parts["a"])[1] * parts["b"]

    np.testing.assert_array_equal(fxad.grad(f)(np.array([1.0, 2.0, 3.0])), [0.0, 12.0, 4.0])


def test_ravel_is_differentiated():
    def f(value):
        flat, _ = ravel_pytree(value)
        return (flat * flat)[0] * flat[2]

    found = fxad.grad(f)({"a": np.array([2.0, 3.0]), "b": 5.0})
    np.testing.assert_array_equal(found["a"], [20.0, 0.0])
    assert found["b"] == 4.0
