"""New arrays of fxad.numpy in a function that is traced: written to, and plain as long as they are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import TypeMismatch
from fxad.tracing import Tracer

X = np.array([0.4, -0.7, 1.3])

NEW = {
    "zeros": lambda n: n.zeros(3), "ones": lambda n: n.ones(3), "full": lambda n: n.full(3, 2.5),
    "empty": lambda n: n.empty(3), "arange": lambda n: n.arange(3.0),
    "linspace": lambda n: n.linspace(0, 1, 3),
    "eye": lambda n: n.eye(3)[1], "identity": lambda n: n.identity(3)[0],
    "array": lambda n: n.array([1.0, -0.0, 3.0]),
    "zeros_like": lambda n: n.zeros_like(np.ones(3)), "full_like": lambda n: n.full_like(np.ones(3), 4.0),
    "float32": lambda n: n.zeros(3, np.float32), "complex": lambda n: n.zeros(3, complex),
    "int": lambda n: n.zeros(3, int), "bool": lambda n: n.ones(3, bool),
    "F": lambda n: n.array(np.ones((3, 2)).T)[0],
    "copy": lambda n: n.copy(np.ones(3)),
}


@pytest.mark.parametrize("name", NEW)
def test_they_are_written_to(name: str) -> None:
    def f(x: Any, n: Any) -> Any:
        a = NEW[name](n)
        a[:] = 0
        if a.dtype.kind != "b":
            a[1] = x[0] if a.dtype.kind in "fc" else x[0] > 0
            a[2:] += a[1]
        return a

    expected = f(X, np)
    found = fxad.jit(lambda x: f(x, fnp))(X)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    rows = fxad.vmap(lambda x: f(x, fnp))(np.stack([X, -X]))
    np.testing.assert_allclose(rows, np.stack([f(X, np), f(-X, np)]), rtol=1e-6)


@pytest.mark.parametrize("name", NEW)
def test_their_values_are_numpys(name: str) -> None:
    def f(x: Any) -> Any:
        a = NEW[name](fnp)
        assert isinstance(a, Tracer)
        return a if name != "empty" else a * 0.0

    expected = NEW[name](np) if name != "empty" else np.zeros(3)
    found = fxad.jit(f)(X)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(np.real(found)), np.signbit(np.real(expected)))


def test_outside_they_are_plain() -> None:
    for name, make in NEW.items():
        assert type(make(fnp)) is np.ndarray, name
    assert type(fnp.array("text")) is np.ndarray
    seen = []
    fxad.jit(lambda x: (seen.append(fnp.array("text")), x)[1])(X)
    assert type(seen[0]) is np.ndarray


TRANSFORMS = {
    "grad": lambda f: fxad.grad(lambda x: np.sum(f(x)))(X), "jit": lambda f: fxad.jit(f)(X),
    "vmap": lambda f: fxad.vmap(f)(np.stack([X, X])), "jvp": lambda f: fxad.jvp(f, (X,), (X,)),
    "map": lambda f: fxad.lax.map(f, np.stack([X, X])),
    "jit of grad": lambda f: fxad.jit(fxad.grad(lambda x: np.sum(f(x))))(X),
    "shape": lambda f: fxad.eval_shape(f, X),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_until_then_they_have_a_value_wherever_one_is_asked_for(name: str) -> None:
    def f(x: Any) -> Any:
        a = fnp.linspace(0.0, 2.0, 3)
        n = fnp.arange(3)
        assert float(a[1]) == 1.0
        assert math.sqrt(a[2] * 2) == 2.0
        assert a[1].item() == 1.0
        assert a.tolist() == [0.0, 1.0, 2.0]
        assert complex(a[1]) == 1.0
        assert bool(a[1] < a[2])
        assert int(a[2]) == 2
        assert [10, 20, 30][n[1]] == 20
        np.testing.assert_array_equal(np.asarray(a), [0.0, 1.0, 2.0])
        np.testing.assert_array_equal(np.array(np.asarray(n, float)), [0.0, 1.0, 2.0])
        assert not np.zeros_like(x).any()
        mask = np.zeros_like(x, bool)
        mask[1:] = True
        total = x[mask][0] + x[n[1]] + np.sum(x[n])
        for i in n:
            total = total + x[i] * a[i]
        for _ in range(n[2]):
            total = total + np.reshape(x, fnp.array([3, 1]))[0, 0]
        return total * x

    TRANSFORMS[name](f)


def test_arrays_given_out_by_asarray_are_watched() -> None:
    def kept(x: Any) -> Any:
        a = fnp.zeros(3)
        plain = np.asarray(a)
        with pytest.raises(ValueError, match="read-only"):
            plain[0] = 1.0
        a[0] = x[0]
        return a + plain

    with pytest.raises(TypeMismatch, match=r"of which np\.asarray has made a plain one") as caught:
        fxad.jit(kept)(X)
    assert "np.array(x), a copy" in str(caught.value)

    def let_go(x: Any) -> Any:
        a = fnp.zeros(3)
        total = float(np.asarray(a).sum())
        copied = np.array(a, copy=True)
        copied[0] = 5.0
        a[0] = x[0]
        return a + copied + total

    np.testing.assert_array_equal(fxad.jit(let_go)(X), [5.4, 0.0, 0.0])


def test_like_an_outer_array_they_are_of_the_inner_function() -> None:
    def f(x: Any) -> Any:
        def inner(t: Any) -> Any:
            a = np.zeros_like(x)
            a[1:] = t
            b = x.copy()
            b[0] += t
            return np.sum(a * b)

        return fxad.vmap(inner)(x), fxad.grad(inner)(x[0])

    a, b = fxad.jit(f)(X)
    np.testing.assert_allclose(a, [np.sum([t * X[1], t * X[2]]) for t in X])
    np.testing.assert_allclose(b, X[1] + X[2])


def test_gradients_through_a_recurrence() -> None:
    def f(x: Any, n: Any) -> Any:
        u = n.zeros((5, 3))
        u[0] = x
        for k in range(4):
            u[k + 1, 1:-1] = u[k, 1:-1] + 0.1 * (u[k, 2:] - 2 * u[k, 1:-1] + u[k, :-2])
            u[k + 1, [0, -1]] = u[k, [0, -1]]
        return np.sum(u[-1] ** 2)

    h = 1e-6
    numeric = [(f(X + h * e, np) - f(X - h * e, np)) / (2 * h) for e in np.eye(3)]
    for transform in (fxad.grad, lambda f: fxad.jit(fxad.grad(f)), fxad.jacfwd):
        np.testing.assert_allclose(transform(lambda x: f(x, fnp))(X), numeric, rtol=1e-6)


def test_a_buffer_of_the_function_around_is_refused() -> None:
    def f(x: Any) -> Any:
        a = fnp.zeros(3)

        def inner(t: Any) -> Any:
            a[0] = t
            return t

        return fxad.grad(inner)(x[0]) + a[0]

    with pytest.raises(TypeMismatch, match="an array of the function around is written to"):
        fxad.grad(f)(X)


def test_full_like_a_plain_array() -> None:
    def f(x: Any) -> Any:
        a = fnp.full_like(np.zeros((2, 3), np.float32), x)
        a[0, 0] = x[1]
        return a

    np.testing.assert_array_equal(fxad.jit(f)(X), np.float32([[X[1], *X[1:]], X]))
