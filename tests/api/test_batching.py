"""vmap: axes in and out, pytrees, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors

A = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("out", [0, 1, 2, -1, -2, -3])
def test_axes(axis: int, out: int) -> None:
    f = lambda x: np.sin(x) + x[0, 0]
    elements = np.moveaxis(A, axis, 0)
    expected = np.stack([f(e) for e in elements], axis=out)
    for _ in range(2):
        np.testing.assert_allclose(fxad.vmap(f, axis, out)(A), expected)
    np.testing.assert_allclose(fxad.jit(fxad.vmap(f, axis, out))(A), expected)


@pytest.mark.parametrize(("in_axes", "x", "y"), [
    (0, A, A), ((0, None), A, A[0]), ((None, 0), A[0], A), ((1, 0), A.swapaxes(0, 1), A),
    ([0, None], A, A[0]), ((-1, -3), np.moveaxis(A, 0, -1), A),
])
def test_two_arguments(in_axes: Any, x: Any, y: Any) -> None:
    f = lambda x, y: x * 2 + y * x
    first, second = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes, in_axes)
    expected = [f(A[0] if first is None else A[i], A[0] if second is None else A[i]) for i in range(2)]
    np.testing.assert_allclose(fxad.vmap(f, in_axes)(x, y), np.stack(expected))


def test_pytrees_of_axes() -> None:
    p = {"w": A, "b": 2.0}
    f = lambda p, x: (p["w"] * x + p["b"], {"sum": np.sum(p["w"]), "b": p["b"]})
    (y, extra) = fxad.vmap(f, in_axes=({"w": 1, "b": None}, None),
                           out_axes=(-1, {"sum": 0, "b": None}))(p, 3.0)
    assert y.shape == (2, 4, 3)
    np.testing.assert_array_equal(y, np.moveaxis(A * 3 + 2, 1, -1))
    np.testing.assert_array_equal(extra["sum"], A.sum(axis=(0, 2)))
    assert extra["b"] == 2.0
    # a prefix stands for all below it
    found = fxad.vmap(lambda p: p["a"][0] + p["a"][1], in_axes=({"a": 1},))({"a": (A, A)})
    np.testing.assert_array_equal(found, 2 * A.swapaxes(0, 1))
    found = fxad.vmap(lambda p, q: p["a"] + q, in_axes=(None, 0))({"a": 1.0}, np.arange(3.0))
    np.testing.assert_array_equal(found, [1.0, 2.0, 3.0])


def test_None_in_trees() -> None:
    f = lambda p: p["x"] if p["none"] is None else None
    np.testing.assert_array_equal(fxad.vmap(f)({"x": np.arange(3.0), "none": None}), np.arange(3.0))
    assert fxad.vmap(lambda x: (x, None))(np.arange(2.0))[1] is None


def test_static_leaves() -> None:
    def f(x: Any, mode: str, flag: bool) -> Any:
        assert type(mode) is str
        assert flag is True
        return x * 2

    np.testing.assert_array_equal(fxad.vmap(f)(np.arange(3.0), "mode", True), [0.0, 2.0, 4.0])


def test_keywords_are_batched() -> None:
    found = fxad.vmap(lambda x, *, k: x * k, in_axes=None)(2.0, k=np.arange(3.0))
    np.testing.assert_array_equal(found, [0.0, 2.0, 4.0])


def test_axis_size() -> None:
    np.testing.assert_array_equal(fxad.vmap(lambda x: 2.0 * x, None, axis_size=3)(1.5), [3.0] * 3)
    np.testing.assert_array_equal(fxad.vmap(lambda: np.arange(2.0), axis_size=3)(),
                                  np.tile(np.arange(2.0), (3, 1)))
    np.testing.assert_array_equal(fxad.vmap(np.sin, axis_size=2)(np.zeros(2)), [0.0, 0.0])
    assert fxad.vmap(np.sin)(np.zeros(0)).shape == (0,)


def test_constant_outputs() -> None:
    x = np.arange(3.0)
    for _ in range(2):
        a, b, c, d = fxad.vmap(lambda x: (1.0, np.ones(2), x, 3), out_axes=(0, 1, 0, None))(x)
        np.testing.assert_array_equal(a, np.ones(3))
        np.testing.assert_array_equal(b, np.ones((2, 3)))
        np.testing.assert_array_equal(c, x)
        assert d == 3
        assert all(v.flags.writeable for v in (a, b, c))


@pytest.mark.parametrize("f", [
    lambda x, y: x + y, lambda x, y: x * np.sum(y), lambda x, y: np.where(x > 0, y, x),
    lambda x, y: np.where(np.sum(x) > 0, x, y), lambda x, y: x @ y, lambda x, y: np.outer(x, y),
    lambda x, y: np.concatenate([x, y]), lambda x, y: np.stack([x, y], axis=-1),
    lambda x, y: np.cumsum(x) - np.max(y), lambda x, y: x[::-1] * y[1], lambda x, y: np.sort(x) + y,
    lambda x, y: np.maximum(x, y) / np.hypot(x, y), lambda x, y: x[np.array([0, 2, 2])] * y,
    lambda x, y: (x + 0 * y)[np.argsort(y)], lambda x, y: np.mean(x) + np.var(y), lambda x, y: np.argmax(x),
    lambda x, y: np.reshape(np.tile(x, 2), (2, 3)) @ y, lambda x, y: np.clip(x, -0.5, y),
    lambda x, y: (x + 0 * y).at[1].set(y[0]), lambda x, y: np.linalg.norm(x - y),
])
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0), (-1, 0), (0, -1)])
def test_a_batch_is_a_loop(f: Any, axes: tuple[int | None, int | None]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 3))
    g = fxad.jit(f)  # arrays alone have no `at`
    expected = np.stack([g(x[0] if axes[0] is None else x[i], y[0] if axes[1] is None else y[i])
                         for i in range(4)])
    args = [v[0] if a is None else np.moveaxis(v, 0, a) for v, a in zip((x, y), axes, strict=True)]
    for _ in range(2):
        found = fxad.vmap(f, axes)(*args)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_per_example_gradients() -> None:
    rng = np.random.default_rng(1)
    w, xs, ys = rng.normal(size=3), rng.normal(size=(5, 3)), rng.normal(size=5)
    loss = lambda w, x, y: (np.dot(w, x) - y) ** 2
    found = fxad.vmap(fxad.grad(loss), (None, 0, 0))(w, xs, ys)
    np.testing.assert_allclose(found, 2 * (xs @ w - ys)[:, None] * xs)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int32, np.int8, np.bool_])
def test_dtypes(dtype: Any) -> None:
    x = np.array([[1, 0], [0, 1]], dtype)
    assert fxad.vmap(lambda x: x)(x).dtype == dtype
    assert fxad.vmap(lambda x: x[0])(x).dtype == dtype


def test_deciding_on_what_is_not_batched() -> None:
    """A value from outside the vmap, or from a transform inside, is one value."""
    f = lambda x: np.sum(fxad.vmap(lambda p: p * x if x > 0 else p)(np.ones(3)))
    assert fxad.grad(f)(2.0) == 3.0
    with pytest.raises(errors.ConcretizationError):
        fxad.vmap(lambda x: x if x > 0 else -x)(np.ones(3))
    with pytest.raises(errors.ConcretizationError):
        fxad.vmap(fxad.grad(lambda x: x if x > 0 else -x))(np.ones(3))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_gradient_of_an_element_that_is_looked_up(dtype: Any) -> None:
    """The cotangent is one number for all elements of the batch: it stays what it is beside the indices."""
    x = np.array([[0.13, 0.61, 0.27], [0.3, 0.2, 0.1]], dtype)
    found = fxad.vmap(fxad.grad(lambda x: 0.5 * x[np.argmax(x)]))(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [[0, 0.5, 0], [0.5, 0, 0]])


@pytest.mark.parametrize("f", [
    lambda x: x[np.nanargmax(x)] ** 2, lambda x: np.sum(np.histogram(x, 4, density=True)[0]),
    lambda x: np.sum(np.histogram_bin_edges(x, 3) ** 2),
])
def test_numpys_questions_about_values(f: Any) -> None:
    """What NumPy refuses by value is taken to be right under vmap, also around a derivative."""
    x = np.array([[0.13, 0.61, 0.27], [0.3, 0.2, 0.1]])
    expected = [fxad.grad(f)(row) for row in x]
    np.testing.assert_allclose(fxad.vmap(fxad.grad(f))(x), expected)
    np.testing.assert_allclose(fxad.grad(lambda x: np.sum(fxad.vmap(f)(x)))(x), expected)
