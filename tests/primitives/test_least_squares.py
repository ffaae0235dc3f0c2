"""Pseudo-inverses, least squares and ranks, of deficient matrices above all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.primitives.least_squares as least
import fxad.primitives.linalg as la
from fxad.errors import TypeMismatch
from fxad.primitives.contraction import matmul
from tests.laws import assert_close, checked, keeps_the_laws, traced
from tests.primitives.matrices import deficient, normal

EYE = np.eye(3)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("shapes", [
    ((4, 2), (2, 3)), ((3, 1), (1, 3)), ((2, 1), (1, 4)), ((2, 4, 2), (2, 2, 3)), ((5, 2), (2, 5)),
])
def test_pinv_at_constant_rank(shapes: Any, dtype: str) -> None:
    """Both orders, along tangents that keep the rank."""
    left, right = (normal(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes))
    keeps_the_laws(lambda x, y: least.pinv(matmul(x, y), 1e-6), left, right)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(("shapes", "columns"), [
    (((4, 2), (2, 3)), ()), (((4, 2), (2, 3)), (2,)), (((2, 1), (1, 4)), (3,)), (((3, 1), (1, 3)), ()),
])
def test_lstsq_at_constant_rank(shapes: Any, columns: Any, dtype: str) -> None:
    left, right = (normal(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes))
    b = normal(len(left), *columns, dtype=dtype, seed=5)
    keeps_the_laws(lambda x, y, b: least.lstsq(matmul(x, y), b, 1e-6)[:2], left, right, b)
    keeps_the_laws(lambda b: least.lstsq(left @ right, b, 1e-6)[:2], b)


def test_golub_and_pereyra() -> None:
    """The formula, by an explicit projection: the derivative of a projection on a moving range."""
    x, dx = deficient(4, 3, 2), normal(4, 2) @ normal(2, 3)
    p, dp = fxad.jvp(np.linalg.pinv, (x,), (dx,))
    np.testing.assert_allclose(p @ x @ p, p, atol=1e-12)
    expected = (-p @ dx @ p + p @ p.T @ dx.T @ (np.eye(4) - x @ p)
                + (np.eye(3) - p @ x) @ dx.T @ p.T @ p)
    np.testing.assert_allclose(dp, expected, atol=1e-10)


def test_zero_matrix() -> None:
    """Its pseudo-inverse is zero, and stays so."""
    p, dp = fxad.jvp(np.linalg.pinv, (np.zeros((3, 2)),), (np.ones((3, 2)),))
    assert not np.any(p)
    assert not np.any(dp)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_pinv_of_hermitian_matrices(dtype: str) -> None:
    a = normal(3, 3, dtype=dtype)
    np.testing.assert_allclose(least.pinv(a, hermitian=True), np.linalg.pinv(a, hermitian=True))
    keeps_the_laws(lambda x: least.pinv(matmul(x, la.adjoint(x)), hermitian=True), a)
    # Of rank one, along tangents that keep it.
    keeps_the_laws(lambda x: least.pinv(matmul(x, la.adjoint(x)), 1e-6, hermitian=True),
                   normal(3, 1, dtype=dtype))


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8", "i4"])
@pytest.mark.parametrize(("shape", "b", "rcond"), [
    ((4, 2), (4,), None), ((4, 2), (4, 3), None), ((3, 3), (3,), None), ((2, 4), (2, 2), None),
    ((4, 2), (4,), 1e-3), ((4, 2), (4,), -1), ((3, 3), (3, 2), 0.0), ((0, 3), (0,), None),
    ((3, 0), (3, 2), None), ((3, 3), (3,), 0.3), ((2, 4), (2,), 1.5),
])
def test_lstsq_values(shape: Any, b: Any, rcond: Any, dtype: str) -> None:
    """All four results are NumPy's, on arrays and on tracers."""
    a, b = normal(*shape, dtype=dtype), normal(*b, dtype=dtype, seed=1)
    desired = np.linalg.lstsq(a, b, rcond=rcond)
    for actual in (least.lstsq(a, b, rcond),
                   checked(traced(lambda a, b: tuple(least.lstsq(a, b, rcond)), a, b))(a, b)):
        assert_close(actual, desired, 1e-4 if dtype in ("f4", "c8") else 1e-8)


def test_lstsq_of_deficient_matrices() -> None:
    """NumPy leaves out the residuals where the rank is not full; here their shape can't depend on it."""
    a, b = deficient(5, 3, 2), normal(5)
    desired = np.linalg.lstsq(a, b, rcond=None)
    out, _ = fxad.vjp(lambda a: tuple(np.linalg.lstsq(a, b, rcond=None)), a)
    np.testing.assert_allclose(out[0], desired[0], atol=1e-12)
    assert out[2] == desired[2] == 2
    np.testing.assert_allclose(out[3], desired[3], atol=1e-12)
    assert desired[1].shape == (0,)
    np.testing.assert_allclose(out[1], [np.sum((b - a @ out[0]) ** 2)])


A = normal(2, 3, 3)
A[1, 2] = A[1, 0]


@pytest.mark.parametrize("call", [
    lambda m, a: m.matrix_rank(a), lambda m, a: m.matrix_rank(a, 0.5), lambda m, a: m.matrix_rank(a[1]),
    lambda m, a: m.matrix_rank(a, [0.5, 2.0]), lambda m, a: m.matrix_rank(a, rtol=0.3),
    lambda m, a: m.matrix_rank(a, rtol=[0.1, 0.5]), lambda m, a: m.matrix_rank(a, hermitian=True),
    lambda m, a: m.matrix_rank(np.stack([a, a, a]), tol=np.array([0.5, 2.0])),
    lambda m, a: m.matrix_rank(a[0, 0]), lambda m, a: m.matrix_rank(0 * a[0, 0]),
    lambda m, a: m.matrix_rank(a[0, 0, :0]), lambda m, a: m.matrix_rank(a[:, :, :0]),
    lambda m, a: m.matrix_rank(a[0, 0, 0]), lambda m, a: m.matrix_rank(np.ones((2, 2), int) * a[0, 0, 0]),
])
def test_matrix_rank(call: Any) -> None:
    desired = call(np.linalg, A)
    np.testing.assert_array_equal(call(least, A), desired)
    out = fxad.jit(lambda a: call(np.linalg, a))(A)
    np.testing.assert_array_equal(out, desired)
    assert np.shape(out) == np.shape(desired)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda x: np.linalg.pinv(x, 0.1, rtol=0.1), ValueError, "`rtol` and `rcond` can't be both set"),
    (lambda x: np.linalg.matrix_rank(x, 0.1, rtol=0.1), ValueError, "`tol` and `rtol` can't be both set"),
    (lambda x: np.linalg.pinv(np.stack([x, x]), np.array([0.1, 0.2])), TypeMismatch,
     "rcond is one number, not an array"),
    (lambda x: np.linalg.pinv(x[0]), np.linalg.LinAlgError, "1-dimensional array given"),
    (lambda x: np.linalg.pinv(x[:, :2], hermitian=True), np.linalg.LinAlgError, "must be square"),
    (lambda x: np.linalg.svd(x[:, :2], hermitian=True), np.linalg.LinAlgError, "must be square"),
    (lambda x: np.linalg.lstsq(np.stack([x, x]), x), np.linalg.LinAlgError, "lstsq of arrays of shapes"),
    (lambda x: np.linalg.lstsq(x, x[:2]), np.linalg.LinAlgError, "Incompatible dimensions"),
])
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        fxad.vjp(call, EYE)
    assert "test_least_squares.py" in str(caught.value)
