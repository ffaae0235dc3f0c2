"""jacfwd, jacrev, jacobian, hessian."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors

BOTH = pytest.mark.parametrize("jacobian", [fxad.jacfwd, fxad.jacrev])
M = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])


def test_jacobian_is_jacrev() -> None:
    assert fxad.jacobian is fxad.jacrev


@BOTH
@pytest.mark.parametrize(("f", "x", "expected"), [
    (lambda x: x**2, 3.0, 6.0),
    (lambda x: x * np.arange(3.0), 2.0, np.arange(3.0)),
    (lambda x: np.sum(x**2), np.arange(3.0), 2 * np.arange(3.0)),
    (lambda x: M @ x, np.ones(3), M),
    (lambda x: x.T, np.zeros((2, 3)), np.eye(6).reshape(2, 3, 2, 3).transpose(1, 0, 2, 3)),
    (lambda x: x[:, :0], np.zeros((2, 3)), np.zeros((2, 0, 2, 3))),
    (lambda x: np.float64(2.0), np.zeros(3), np.zeros(3)),
    (lambda x: np.ones(2), np.zeros(3), np.zeros((2, 3))),
    (lambda x: np.stack([x, 2 * x, np.float64(1.0)]), 1.0, np.array([1.0, 2.0, 0.0])),
])
def test_values(jacobian: Any, f: Any, x: Any, expected: Any) -> None:
    for _ in range(2):
        found = jacobian(f)(x)
        assert found.shape == np.shape(expected)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(fxad.jit(jacobian(f))(x), expected)


@BOTH
def test_pytrees(jacobian: Any) -> None:
    f = lambda p, s: {"y": p["a"] * p["b"], "z": (p["a"] * s, None)}
    rows = jacobian(f)({"a": np.ones(2), "b": 3.0}, 2.0)
    np.testing.assert_array_equal(rows["y"]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(rows["y"]["b"], np.ones(2))
    np.testing.assert_array_equal(rows["z"][0]["a"], 2 * np.eye(2))
    np.testing.assert_array_equal(rows["z"][0]["b"], np.zeros(2))
    assert rows["z"][1] is None
    both = jacobian(f, (1, 0))({"a": np.ones(2), "b": 3.0}, 2.0)
    np.testing.assert_array_equal(both["z"][0][0], np.ones(2))
    np.testing.assert_array_equal(both["y"][1]["b"], np.ones(2))


@BOTH
def test_argnames(jacobian: Any) -> None:
    f = lambda x, *, k: k * x
    np.testing.assert_array_equal(
        jacobian(f, None, argnames="k")(np.arange(2.0), k=3.0), np.arange(2.0))


@BOTH
def test_static_leaves(jacobian: Any) -> None:
    found = jacobian(lambda p: p["x"] ** 2)({"x": 3.0, "name": "n", "flag": True})
    assert found == {"x": 6.0, "name": None, "flag": None}


def test_complex() -> None:
    z = 1.5 + 2.5j
    f = lambda z: np.stack([z * z, np.exp(z)])
    for jacobian in (fxad.jacfwd, fxad.jacrev):
        np.testing.assert_allclose(
            jacobian(f, holomorphic=True)(z), [2 * z, np.exp(z)], rtol=1e-14)
    np.testing.assert_allclose(
        fxad.jacrev(lambda z: np.stack([np.real(z * z), np.imag(z)]))(z), [3 + 5j, -1j])
    # a complex function of a real argument, forward
    np.testing.assert_allclose(fxad.jacfwd(lambda x: np.exp(1j * x))(0.5), 1j * np.exp(0.5j))
    for jacobian in (fxad.jacfwd, fxad.jacrev):
        with pytest.raises(errors.NonDifferentiable, match="holomorphic=True"):
            jacobian(f)(z)
        with pytest.raises(errors.NonDifferentiable):
            jacobian(f, holomorphic=True)(1.0)


def test_allow_int() -> None:
    dx, dn = fxad.jacrev(lambda x, n: x * n, (0, 1), allow_int=True)(np.ones(2), 3)
    np.testing.assert_array_equal(dx, 3 * np.eye(2))
    assert dn is None or dn.dtype == fxad.float0


def test_hessian() -> None:
    f = lambda x: np.sum(x) ** 3 + np.prod(x)
    x = np.array([1.0, 2.0, 0.5])
    expected = np.full((3, 3), 6 * 3.5) + np.array([[0, 0.5, 2], [0.5, 0, 1], [2, 1, 0]])
    for _ in range(2):
        np.testing.assert_allclose(fxad.hessian(f)(x), expected)
    for a, b in itertools.product((fxad.jacfwd, fxad.jacrev), repeat=2):
        np.testing.assert_allclose(a(b(f))(x), expected)
    h = fxad.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert h == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}
    assert fxad.hessian(lambda x, y: x * y**2, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))
    # of a vector function: one Hessian an output
    np.testing.assert_array_equal(fxad.hessian(lambda x: x**2)(np.ones(2)),
                                  2 * np.eye(2)[:, :, None] * np.eye(2))
    rows, aux = fxad.hessian(lambda x: (np.sum(x**2), "aux"), has_aux=True)(np.ones(2))
    np.testing.assert_array_equal(rows, 2 * np.eye(2))
    assert aux == "aux"


@BOTH
def test_second_derivatives_of_a_matrix_function(jacobian: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 2))
    twice = jacobian(jacobian(lambda x: x @ x))(x)
    assert twice.shape == (2,) * 6
    e = np.eye(2)
    expected = (np.einsum("ia,bc,jd->ijabcd", e, e, e) + np.einsum("ic,da,jb->ijabcd", e, e, e))
    np.testing.assert_allclose(twice, expected)
