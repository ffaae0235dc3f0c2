"""Ordinary NumPy functions run unchanged under every transform, and do what their names say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.signal

import fxad

PATH = Path(__file__).resolve().parents[2] / "docs" / "examples" / "everyday.py"
spec = importlib.util.spec_from_file_location("example_everyday", PATH)
everyday = importlib.util.module_from_spec(spec)
spec.loader.exec_module(everyday)
CASES = {f.__name__: (f, x) for f, x in everyday.CASES.items()}


def differences(f, x, h=1e-6):
    columns = []
    for i in range(x.size):
        step = np.zeros_like(x)
        step.flat[i] = h
        columns.append((np.asarray(f(x + step)) - f(x - step)) / (2 * h))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *x.shape)


def close(a, b, tolerance=2e-6):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.max(np.abs(b))))


@pytest.mark.parametrize("name", CASES)
def test_a_function_runs_unchanged_under_every_transform(name):
    f, x = CASES[name]
    before = x.copy()
    weights = np.cos(1.0 + np.arange(np.size(f(x)))).reshape(np.shape(f(x)))

    def total(x):
        return np.sum(weights * f(x))

    value, gradient = fxad.value_and_grad(total)(x)
    close(value, total(x), 1e-12)
    close(gradient, differences(total, x))
    jacobian = differences(f, x)
    close(fxad.jacfwd(f)(x), jacobian)
    close(fxad.jacrev(f)(x), jacobian)
    hessian = differences(fxad.grad(total), x)
    close(fxad.hessian(total)(x), hessian)
    close(fxad.jacrev(fxad.jacrev(total))(x), hessian)
    batch = np.stack([x, 1.01 * x, 0.99 * x])
    close(fxad.vmap(f)(batch), np.stack([f(b) for b in batch]), 1e-10)
    close(fxad.vmap(fxad.grad(total))(batch), np.stack([fxad.grad(total)(b) for b in batch]), 1e-9)
    for _ in range(2):
        close(fxad.jit(f)(x), f(x), 1e-12)
        close(fxad.jit(fxad.jacrev(f))(x), jacobian)
        close(fxad.grad(fxad.jit(total))(x), gradient, 1e-12)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    f, x = CASES[name]
    x = x.astype(np.float32)
    assert fxad.grad(lambda x: np.sum(f(x)))(x).dtype == np.float32


def test_at_least_twenty_functions_that_know_nothing_of_derivatives():
    assert len(CASES) >= 20
    assert "fxad" not in PATH.read_text()


def test_they_do_what_their_names_say():
    solve, a = CASES["lu_solve"]
    np.testing.assert_allclose(solve(a), np.linalg.solve(a, np.ones(len(a))))
    f, x = CASES["cholesky"]
    np.testing.assert_allclose(f(x), np.linalg.cholesky(x @ x.T + np.eye(len(x))), atol=1e-14)
    f, x = CASES["gram_schmidt"]
    np.testing.assert_allclose(f(x).T @ f(x), np.eye(3), atol=1e-14)
    f, x = CASES["spline"]
    natural = scipy.interpolate.CubicSpline(np.arange(len(x)), x, bc_type="natural")
    np.testing.assert_allclose(f(x), natural([0.3, 1.7, 2.2, 3.9]))
    f, x = CASES["levinson"]
    np.testing.assert_allclose(f(x)[1:], scipy.linalg.solve_toeplitz(x[:4], -x[1:]))
    f, x = CASES["savitzky_golay"]
    np.testing.assert_allclose(f(x)[2:-2], scipy.signal.savgol_filter(x, 5, 2)[2:-2])
    f, x = CASES["stationary"]
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(f(x) @ p, f(x))
    f, x = CASES["recursive_filter"]
    np.testing.assert_allclose(f(x), scipy.signal.lfilter([0.3], [1.0, -1.2, 0.5], x))
    f, x = CASES["horner"]
    np.testing.assert_allclose(f(x), np.polyval([2.0, -1.0, 0.5, 3.0], x))
    f, x = CASES["moving_average"]
    np.testing.assert_allclose(f(x)[0], np.convolve(x, np.ones(3) / 3, mode="valid"))
    f, x = CASES["power_spectrum"]
    assert np.argmax(f(np.sin(2 * np.pi * 2 * np.arange(8) / 8))) == 2
    f, x = CASES["heat"]
    assert np.ptp(np.diff(f(x), 2)) < np.ptp(np.diff(x, 2))
