"""Singular values and vectors where they are determined, and what is said of them where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.primitives.decompositions as dec
import fxad.primitives.linalg as la
import fxad.primitives.singular_values as sv
from fxad.primitives.contraction import matmul
from fxad.transforms import jvp
from tests.laws import assert_close, checked, keeps_the_laws, random_like, traced
from tests.primitives.matrices import deficient, gram, normal


def _projection(v: Any, k: int) -> Any:
    """On the space of the columns from number `k` on."""
    rest = v[..., k:]
    return matmul(rest, la.adjoint(rest))


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(("function", "shape"), [
    (lambda x: _projection(sv.svd(x).U, 2), (4, 2)),
    (lambda x: _projection(la.adjoint(sv.svd(x).Vh), 2), (3, 2, 5)),
    (lambda x: tuple(_projection(v, k) for k in (1, 3) for v in (sv.svd(x).U,)), (5, 3)),
    (lambda x: matmul(sv.svd(x).U[:, :2] * sv.svd(x).S ** 2, sv.svd(x).Vh), (4, 2)),
    (lambda x: _projection(dec.qr(x, "complete").Q, 2), (4, 2)),
    (lambda x: (matmul(*dec.qr(x, "complete")), dec.qr(x, "complete").R), (2, 5, 3)),
], ids=["u", "v", "two cuts", "product", "q", "qr"])
def test_vectors_beyond_the_matrix(function: Any, shape: Any, dtype: str) -> None:
    """What depends on their space has its derivative; they stay orthonormal."""
    keeps_the_laws(function, normal(*shape, dtype=dtype))
    for square in (lambda x: sv.svd(x).U, lambda x: la.adjoint(sv.svd(x).Vh),
                   lambda x: dec.qr(x, "complete").Q):
        a = normal(*shape, dtype=dtype)
        both = checked(jvp(traced(square, a)))(a, *random_like([a], np.random.default_rng(0)))
        v, dv = both
        turn = np.conj(np.swapaxes(v, -1, -2)) @ dv
        np.testing.assert_allclose(turn, -np.conj(np.swapaxes(turn, -1, -2)), atol=1e-10)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_svd_of_hermitian_matrices(dtype: str) -> None:
    """It reads the lower triangle, as NumPy's does, and its derivative is Hermitian."""
    a = normal(4, 4, dtype=dtype)
    mirrored = np.tril(a) + np.conj(np.tril(a, -1).T)
    np.fill_diagonal(mirrored, np.diag(a).real)
    for compute_uv in (True, False):
        desired = np.linalg.svd(a, hermitian=True, compute_uv=compute_uv)
        actual = sv.svd(a, hermitian=True, compute_uv=compute_uv)
        assert_close(actual if compute_uv else [actual], desired if compute_uv else [desired])
    np.testing.assert_allclose(sv.svd(a, hermitian=True, compute_uv=False), sv.svdvals(mirrored))
    u, s, vh = sv.svd(a, hermitian=True)
    np.testing.assert_allclose((u * s) @ vh, mirrored, atol=1e-12)

    def recomposed(x: Any) -> Any:
        u, s, vh = sv.svd(gram(x) - 2 * np.eye(3), hermitian=True)
        return matmul(u * s**2, vh), s, sv.svd(gram(x) - 2 * np.eye(3), hermitian=True, compute_uv=False)

    keeps_the_laws(recomposed, normal(3, 3, dtype=dtype))


def test_zero_singular_values_have_derivative_zero() -> None:
    """As the absolute value has at 0."""
    for a in (np.zeros((2, 2)), np.diag([2.0, 0.0]), np.diag([0.0, 0.0, 3.0])):
        k = np.linalg.matrix_rank(a)
        jacobian = fxad.jacrev(np.linalg.svdvals)(a)
        assert not np.any(jacobian[k:])
        np.testing.assert_allclose(np.abs(jacobian[:k]).sum(), k)
        np.testing.assert_allclose(fxad.jacfwd(np.linalg.svdvals)(a), jacobian)


@pytest.mark.parametrize("dtype", ["f8", "c16", "f4"])
def test_nuclear_norm_of_a_deficient_matrix(dtype: str) -> None:
    """Its gradient is the least one: that of the singular values that are not zero."""
    for rank in (0, 1, 2):
        a = (deficient(4, 3, rank, "c16" if dtype == "c16" else "f8") if rank else np.zeros((4, 3)))
        a = a.astype(dtype)
        u, _, vh = np.linalg.svd(a, full_matrices=False)
        gradient = fxad.grad(lambda x: np.linalg.norm(x, "nuc"))(a)
        assert gradient.dtype == dtype
        expected = np.conj(u[:, :rank] @ vh[:rank])
        np.testing.assert_allclose(gradient, expected, atol=1e-5 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_low_rank_parts_of_deficient_matrices(dtype: str) -> None:
    """What depends on the singular values that are not zero, along tangents that keep the rank."""

    def best(left: Any, right: Any) -> Any:
        u, s, vh = sv.svd(matmul(left, right), full_matrices=False)
        return matmul(u[:, :2] * s[:2] ** 2, vh[:2]), s[:2]

    keeps_the_laws(best, normal(4, 2, dtype=dtype), normal(2, 3, dtype=dtype))


def test_the_phase_of_complex_vectors() -> None:
    """The largest component of each left vector keeps its phase; the pair turns together."""
    a, da = normal(3, 3, dtype="c16"), normal(3, 3, dtype="c16", seed=1)
    (u, s, vh), (du, ds, dvh) = fxad.jvp(lambda x: tuple(np.linalg.svd(x)), (a,), (da,))
    largest = np.argmax(np.abs(u), axis=0)
    ratio = du[largest, range(3)] / u[largest, range(3)]
    np.testing.assert_allclose(ratio.imag, 0, atol=1e-12)
    np.testing.assert_allclose((du * s) @ vh + (u * ds) @ vh + (u * s) @ dvh, da)


def test_equal_singular_values() -> None:
    """What is the same for every choice of their vectors has its derivative."""
    q, _ = np.linalg.qr(normal(3, 3))
    gradient = fxad.grad(lambda x: np.sum(np.linalg.svdvals(x) ** 2))(2 * q)
    np.testing.assert_allclose(gradient, 4 * q)
    np.testing.assert_allclose(fxad.grad(lambda x: np.linalg.norm(x, "nuc"))(2 * q), q, atol=1e-12)
    # Those that tie for the greatest share the derivative of the spectral norm.
    np.testing.assert_allclose(fxad.grad(lambda x: np.linalg.norm(x, 2))(2 * np.eye(3)), np.eye(3) / 3)
