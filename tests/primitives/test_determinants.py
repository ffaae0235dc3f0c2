"""Determinants: their derivatives are those of the polynomial, for singular matrices too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.primitives.determinants as dets
from tests.laws import checked, keeps_the_laws, traced, vjp_program
from tests.primitives.matrices import deficient, normal, regular


def _minor(a: Any, rows: tuple[int, ...], columns: tuple[int, ...]) -> Any:
    """The determinant without some rows and columns."""
    return np.linalg.det(np.delete(np.delete(a, rows, 0), columns, 1))


@pytest.mark.parametrize("a", [
    np.diag([1.0, 2.0, 0.0]), np.outer([1.0, 2, 3], [1.0, -1, 1]), np.zeros((3, 3)),
    np.zeros((1, 1)), np.diag([1.0, 1e-9]), np.eye(2) * 1e-200,
], ids=str)
def test_determinant_of_a_singular_matrix(a: Any) -> None:
    """The derivative is that of the polynomial, whatever the rank."""
    (pulled,) = checked(vjp_program(traced(dets.det, a)))(a, np.float64(1.0))
    n = len(a)
    minors = [[_minor(a, (i,), (j,)) * (-1) ** (i + j) for j in range(n)] for i in range(n)]
    near = 1e-14 * np.max(np.abs(a), initial=0)
    np.testing.assert_allclose(pulled, minors, rtol=1e-12, atol=near)


SINGULAR = [
    np.diag([1.0, 2.0, 0.0]), np.outer([1.0, 2, 3], [1.0, -1, 1]), np.zeros((3, 3)), np.zeros((2, 2)),
    np.zeros((1, 1)), np.diag([1.0, 1e-9]), np.ones((4, 4)), deficient(5, 5, 4), deficient(5, 5, 3),
    deficient(4, 4, 2, "c16"), np.stack([np.eye(3), np.ones((3, 3)), normal(3, 3)]),
    np.diag([1.0, -1.0, 0.0, 0.0]), np.zeros((0, 0)), np.zeros((2, 0, 0)),
]


@pytest.mark.parametrize("a", SINGULAR, ids=str)
def test_both_orders_at_singular_matrices(a: Any) -> None:
    """Against differences, and forward against reverse mode, in both orders."""
    keeps_the_laws(dets.det, a)


@pytest.mark.parametrize("a", [a for a in SINGULAR if a.ndim == 2 and a.shape[0] > 1], ids=str)
def test_hessian_of_a_singular_matrix(a: Any) -> None:
    """The second derivative by two elements is the minor without their rows and columns, and a sign."""
    n = len(a)
    holomorphic = a.dtype.kind == "c"
    hessian = fxad.jacfwd(fxad.jacrev(np.linalg.det, holomorphic=holomorphic), holomorphic=holomorphic)(a)
    for i, j, k, m in np.ndindex(n, n, n, n):
        if i == k or j == m:
            expected: Any = 0.0
        else:
            sign = (-1) ** (i + j + k + m) * (1 if (k > i) == (m > j) else -1)
            expected = sign * _minor(a, (i, k), (j, m))
        np.testing.assert_allclose(hessian[i, j, k, m], expected, rtol=1e-9, atol=1e-9)


def test_third_order() -> None:
    """It is there for regular matrices, and NaN, not a wrong number, for singular ones."""

    def third(a: Any) -> Any:
        d = normal(3, 3)
        def along(f: Any) -> Any:
            return lambda x: fxad.jvp(f, (x,), (d,))[1]
        return along(along(along(np.linalg.det)))(a)

    # det(a + t d) has t^3 with det(d).
    np.testing.assert_allclose(third(regular(3, 3, seed=3)), 6 * np.linalg.det(normal(3, 3)))
    for a in (np.ones((3, 3)), np.zeros((3, 3)), deficient(3, 3, 2)):
        assert np.isnan(third(a))


@pytest.mark.parametrize("dtype", ["f4", "c8"])
def test_single_precision(dtype: str) -> None:
    for a in (deficient(4, 4, 2).astype(dtype), regular(4, 4).astype(dtype)):
        for function in (fxad.grad(lambda x: np.linalg.det(x).real),
                         fxad.grad(lambda x: np.sum(fxad.grad(lambda y: np.linalg.det(y).real)(x)).real)):
            wide = function(a.astype("f8" if dtype == "f4" else "c16"))
            assert function(a).dtype == a.dtype
            np.testing.assert_allclose(function(a), wide, rtol=2e-3, atol=2e-3 * np.abs(wide).max())


def test_slogdet_of_a_singular_matrix() -> None:
    """It has a value and no derivative."""
    for a in (np.ones((2, 2)), np.zeros((3, 3))):
        sign, log = fxad.jit(lambda x: tuple(np.linalg.slogdet(x)))(a)
        assert (sign, log) == (0.0, -np.inf)
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            fxad.grad(lambda x: np.linalg.slogdet(x).logabsdet)(a)
