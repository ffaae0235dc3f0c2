"""NumPy's functions of a plain array with a traced value in another argument."""

import numpy as np
import pytest

import fxad
from fxad.errors import ConcretizationError

A = np.arange(12.0).reshape(3, 4)
V = np.array([3.0, 1.0, 2.0, 5.0])

#: Functions of traced integers, and what they are called with.
BY_NUMBERS = {
    "v[n]": (lambda n: V[n], [0, 2]),
    "v[mask]": (lambda n: V[n > 0], [0, 1, 0, 1]),
    "a[n, n]": (lambda n: A[n, n], [0, 2]),
    "a[:, n]": (lambda n: A[:, n], [0, 2]),
    "take": (lambda n: np.take(V, n), [0, 2]),
    "take by mode": (lambda n: np.take(A, n, axis=1, mode="wrap"), [0, 7]),
    "v.take": (lambda n: V.take(n), [0, 2]),
    "repeat": (lambda n: np.repeat(V, n), [1, 0, 2, 1]),
    "v.repeat": (lambda n: V.repeat(n), [1, 0, 2, 1]),
    "v.compress": (lambda n: V.compress(n > 0), [1, 0, 1, 0]),
    "delete": (lambda n: np.delete(V, n), [0, 2]),
    "delete by mask": (lambda n: np.delete(V, n > 0), [0, 1, 0, 1]),
    "insert": (lambda n: np.insert(V, n, 9.0), [0, 2]),
    "split": (lambda n: np.concatenate(np.split(V, n)[:2]), [1, 3]),
    "reduceat": (lambda n: np.add.reduceat(V, n), [0, 2]),
}
#: Those that are recorded with the numbers still open, so that they work under jit and vmap too.
TRACED = {
    "take_along_axis": (lambda n: np.take_along_axis(V, n, 0), [0, 2]),
    "fxad take": (lambda n: fxad.numpy.take(V, n), [0, 2]),
    "choose": (lambda n: np.choose(n, [V[:2], -V[:2], 2 * V[:2]]), [0, 2]),
    "where": (lambda n: np.where(n > 0, V, 0.0), [0, 1, 0, 1]),
    "ldexp": (lambda n: np.ldexp(V, n), [0, 1, 0, 1]),
}


@pytest.mark.parametrize("name", BY_NUMBERS | TRACED)
def test_integers_have_values_under_derivatives(name):
    f, n = (BY_NUMBERS | TRACED)[name]
    n = np.array(n)

    def g(x):
        return np.sum(f(np.round(x).astype(int)) * x[0])

    x = n + 0.125
    want = np.sum(f(n)) * (np.arange(len(n)) == 0)
    np.testing.assert_allclose(fxad.grad(g)(x), want)
    np.testing.assert_allclose(fxad.jacfwd(g)(x), want)
    np.testing.assert_array_equal(fxad.hessian(g)(x), 0.0)


@pytest.mark.parametrize("name", TRACED)
def test_what_stays_open(name):
    f, n = TRACED[name]
    n = np.array(n)
    np.testing.assert_array_equal(fxad.jit(f)(n), f(n))
    np.testing.assert_array_equal(fxad.vmap(f)(np.stack([n, n[::-1]])), [f(n), f(n[::-1])])


@pytest.mark.parametrize("transform", [fxad.jit, fxad.vmap])
def test_without_a_value_there_are_no_numbers(transform):
    with pytest.raises(ConcretizationError) as error:
        transform(lambda n: V[n])(np.array([[0, 2]]))
    text = str(error.value)
    assert "a[n] or np.take(a, n) of a plain array a" in text
    assert "fxad.numpy.take(a, n)" in text
    assert f"{__file__}:" in text
    for f in (np.delete, lambda v, n: np.insert(v, n, 1.0)):
        with pytest.raises(ConcretizationError, match="places that are not traced"):
            transform(lambda n, f=f: f(V, n))(np.array([[0, 2]]))


def test_numbers_are_not_written_into_the_trace():
    def f(x):
        n = np.round(x).astype(int)
        with pytest.raises(ValueError, match="read-only"):
            np.asarray(n)[:] = 7  # NumPy's would be n itself
        plain = np.array(n)
        plain[:] = 7
        return np.sum(V[n] * x)

    np.testing.assert_allclose(fxad.grad(f)(np.array([0.1, 2.1])), [3.0, 2.0])


#: Functions of a traced number or array beside a plain one.
BESIDE = {
    "v.clip": (lambda t: V.clip(t, 3.0), np.float64(2.0)),
    "v.clip from an array": (lambda t: V.clip(t, 4.0), V - 0.5),
    "v.dot": (lambda t: np.dot(V, t), V),
    "insert": (lambda t: np.insert(V, 1, t), np.float64(2.0)),
    "searchsorted": (lambda t: np.interp(t, np.sort(V), V), np.array([1.5, 2.5])),
    "polyfit": (lambda t: np.polyfit(np.arange(4.0), t, 1), V),
    "trapezoid": (lambda t: np.trapezoid(V, t), np.arange(4.0) ** 2),
    "solve": (lambda t: np.linalg.solve(np.eye(4) * 2, t), V),
    "piecewise": (lambda t: np.piecewise(t, [V > 2], [np.sin, np.cos]), V),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_traced_value_beside_a_plain_array(name):
    f, t = BESIDE[name]
    value, tangent = fxad.jvp(f, (t,), (np.ones_like(t),))
    np.testing.assert_allclose(value, f(t), rtol=1e-12)
    h = 1e-6
    np.testing.assert_allclose(tangent, (f(t + h) - f(t - h)) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fxad.jit(f)(t), f(t), rtol=1e-12)
    np.testing.assert_allclose(fxad.vmap(f)(np.stack([t, t])), [f(t), f(t)], rtol=1e-12)
