"""Special functions where formulas written down naively give NaN, overflow, or lose their digits."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.special as theirs

import fxad
import fxad.scipy.special as special

inf, nan = math.inf, math.nan
ROOT_PI = math.sqrt(math.pi)


@pytest.mark.parametrize(("function", "x", "expected"), [
    # The log of the normal distribution far out: Mills' ratio, A&S 26.2.12.
    (special.log_ndtr, -1e3, 1e3 + 1e-3 - 2e-9),
    (special.log_ndtr, -1e8, 1e8 + 1e-8),
    (special.log_ndtr, -1e200, 1e200),
    (special.log_ndtr, -inf, inf),
    (special.log_ndtr, 10.0, math.exp(-50) / math.sqrt(2 * math.pi)),
    (special.log_ndtr, 40.0, 0.0),
    (special.log_ndtr, inf, 0.0),
    (fxad.grad(special.log_ndtr), -1e3, -1 + 1e-6 - 6e-12),
    (fxad.grad(special.log_ndtr), -1e8, -1.0),
    (special.erfcx, 1e4, -(1 - 1.5e-8) / (ROOT_PI * 1e8)),
    (special.erfcx, 1e9, -1 / (ROOT_PI * 1e18)),
    (fxad.grad(special.erfcx), 1e4, 2 * (1 - 3e-8) / (ROOT_PI * 1e12)),
    (special.erfcx, -30.0, -inf),
    # Inverses are vertical at their ends.
    (special.erfinv, 1.0, inf), (special.erfinv, -1.0, inf),
    (special.erfcinv, 0.0, -inf), (special.erfcinv, 2.0, -inf),
    (special.ndtri, 0.0, inf), (special.ndtri, 1.0, inf),
    (special.erf, 40.0, 0.0), (special.erf, inf, 0.0), (special.erfc, -inf, 0.0), (special.ndtr, -inf, 0.0),
    # The logistic function keeps its digits where it is nearly 1.
    (special.expit, 50.0, math.exp(-50)), (special.expit, 800.0, 0.0), (special.expit, -800.0, 0.0),
    (special.expit, inf, 0.0), (special.expit, -inf, 0.0), (special.expit, -700.0, math.exp(-700)),
    (special.log_expit, 800.0, 0.0), (special.log_expit, -800.0, 1.0), (special.log_expit, -inf, 1.0),
    (special.log_expit, inf, 0.0), (special.log_expit, 50.0, math.exp(-50)),
    (special.exprel, 0.0, 0.5), (special.exprel, 1e-9, 0.5 + 1e-9 / 3), (special.exprel, -700.0, 1 / 490000),
    (fxad.grad(special.exprel), 0.0, 1 / 3),
    # Poles of the gamma function.
    (special.gammaln, 0.0, -inf), (special.gammaln, -1.0, nan), (special.gammaln, -3.0, nan),
    (special.gamma, -2.0, nan), (special.gamma, 200.0, inf), (special.gamma, 0.0, -inf),
    (special.digamma, -1.0, inf), (special.digamma, 1e10, 1e-10 + 5e-21),
    (special.gammasgn, -0.5, 0.0),
    (special.entr, 0.0, inf), (special.entr, 1.0, -1.0),
    (special.cbrt, 0.0, inf),
    (lambda x: special.boxcox(2.0, x), 0.0, 0.5 * math.log(2) ** 2),  # smooth where the formula is 0 / 0
    (lambda x: special.boxcox1p(3.0, x), 0.0, 0.5 * math.log(4) ** 2),
    (lambda x: special.boxcox(0.0, x), 2.0, 0.25), (lambda x: special.boxcox1p(-1.0, x), 2.0, 0.25),
    (lambda x: special.huber(1.0, x), -3.0, -1.0), (lambda x: special.huber(x, 3.0), 1.0, 2.0),
    (lambda x: special.huber(x, 0.5), 1.0, 0.0), (lambda x: special.huber(1.0, x), 1.0, 1.0),
    (lambda x: special.pseudo_huber(1e-3, x), 1e6, 1e-3),
    (lambda x: special.pseudo_huber(1.0, x), 1e-9, 1e-9),
    (lambda x: special.pseudo_huber(0.0, x), 1.0, 0.0),
    # At their poles and zeros, and far out.
    (special.i0e, 0.0, 0.0), (special.i0, 0.0, 0.0), (special.i1, 0.0, 0.5), (special.j0, 0.0, 0.0),
    (special.j1, 0.0, 0.5), (special.i0e, 800.0, float(theirs.i1e(800.0) - theirs.i0e(800.0))),
    (lambda x: special.gammainc(1.0, x), 0.0, 1.0), (lambda x: special.gammainc(2.0, x), 0.0, 0.0),
    (lambda x: special.gammainc(0.5, x), 0.0, inf), (lambda x: special.betainc(1.0, 1.0, x), 0.0, 1.0),
    (lambda x: special.betainc(1.0, 1.0, x), 1.0, 1.0), (lambda x: special.gammainc(3.0, x), 800.0, 0.0),
])
def test_derivative(function: Any, x: float, expected: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = fxad.grad(function)(x)
    if math.isfinite(expected):
        assert found == pytest.approx(expected, rel=1e-12, abs=0)
    else:
        np.testing.assert_equal(found, expected)


@pytest.mark.parametrize(("function", "x", "y", "by_x", "by_y"), [
    (special.xlogy, 0.0, 2.0, math.log(2), 0.0),
    (special.xlogy, 0.0, 0.0, -inf, 0.0),
    (special.xlogy, 3.0, 2.0, math.log(2), 1.5),
    (special.xlog1py, 0.0, 1.0, math.log(2), 0.0),
    (special.xlog1py, 0.0, -1.0, -inf, 0.0),
    (special.rel_entr, 0.0, 2.0, -inf, 0.0),
    (special.rel_entr, 1.0, 1.0, 1.0, -1.0),
    (special.rel_entr, 1e300, 1e-300, 600 * math.log(10) + 1, -inf),
    (special.kl_div, 0.0, 2.0, -inf, 1.0),
    (special.kl_div, 0.0, 0.0, nan, 1.0),
    (special.kl_div, 1.0, 1.0, 0.0, 0.0),
    (special.kl_div, 1.0, 1.0 + 1e-9, math.log1p(-(1e-9 - 1e-18)), 1e-9),
    (special.betaln, 1.0, 1e9, float(theirs.psi(1.0) - theirs.psi(1e9 + 1)), -1e-9),
])
def test_derivatives_of_two(function: Any, x: float, y: float, by_x: float, by_y: float) -> None:
    with np.errstate(all="ignore"):
        found = fxad.grad(function, argnums=(0, 1))(x, y)
    for a, b in zip(found, (by_x, by_y), strict=True):
        if math.isfinite(b):
            assert a == pytest.approx(b, rel=1e-6, abs=1e-16)
        else:
            np.testing.assert_equal(a, b)


@pytest.mark.parametrize(("function", "operands"), [
    ("boxcox", (np.array([0.0, 0.0, 0.0, 2.0, -1.0]), np.array([2.0, 0.0, -1.0, 0.0, 1.0]))),
    ("boxcox1p", (np.array([-1.0, -1.0, 0.0, -2.0]), np.array([0.5, -2.0, 0.0, 1.0]))),
    ("huber", (np.array([1.0, -1.0, 0.0, 2.0]), np.array([-3.0, 1.0, 2.0, 0.0]))),
    ("pseudo_huber", (np.array([1.0, -1.0, 0.0, 2.0]), np.array([-3.0, 1.0, 2.0, 0.0]))),
])
def test_values_where_they_are_special(function: str, operands: Any) -> None:
    with np.errstate(all="ignore"):
        found = fxad.jit(getattr(special, function))(*operands)
    np.testing.assert_allclose(found, getattr(theirs, function)(*operands), rtol=1e-14)


def test_mixed_second_derivative_of_xlogy_at_zero() -> None:
    """d/dx d/dy x log(y) is 1 / y at x = 0 too."""
    for function in (special.xlogy, special.rel_entr):
        sign = 1 if function is special.xlogy else -1
        by_y = fxad.grad(function, argnums=1)
        with np.errstate(all="ignore"):
            assert fxad.grad(by_y)(0.0, 4.0) == sign * 0.25


@pytest.mark.parametrize(("values", "expected"), [
    ([-inf, 0.0, math.log(3)], [0.0, 0.25, 0.75]),
    ([-inf, -inf], [0.0, 0.0]),
    ([800.0, 800.0], [0.5, 0.5]),
    ([-800.0, -800.0], [0.5, 0.5]),
    ([0.0, -800.0], [1.0, 0.0]),
    ([inf, 1.0], [nan, 0.0]),
    ([nan, 1.0], [nan, nan]),
    ([0.0, -50.0], [1.0, math.exp(-50)]),
    ([], []),
])
def test_logsumexp(values: list[float], expected: list[float]) -> None:
    x = np.array(values)
    with np.errstate(all="ignore"):
        value, gradient = fxad.value_and_grad(special.logsumexp)(x)
        np.testing.assert_equal(value, theirs.logsumexp(x))
        np.testing.assert_allclose(gradient, expected, rtol=1e-13)


@pytest.mark.parametrize(("a", "b", "by_a", "by_b"), [
    ([0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]),  # a weight of 0 has a derivative
    ([0.0, inf], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]),  # what has no weight adds nothing, even infinity
    ([0.0, nan], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]),
    ([0.0, 900.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]),
    ([0.0, math.log(2)], [3.0, -1.0], [3.0, -2.0], [1.0, 2.0]),
    ([-inf, 0.0], [2.0, 2.0], [0.0, 1.0], [0.0, 0.5]),
    ([1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [inf, inf]),
])
def test_logsumexp_with_weights(a: list[float], b: list[float], by_a: list[float],
                                by_b: list[float]) -> None:
    arrays = np.array(a), np.array(b)
    with np.errstate(all="ignore"):
        value, found = fxad.value_and_grad(lambda a, b: special.logsumexp(a, b=b), argnums=(0, 1))(*arrays)
        np.testing.assert_allclose(value, theirs.logsumexp(arrays[0], b=arrays[1]), rtol=1e-14)
    np.testing.assert_allclose(found, (by_a, by_b), rtol=1e-13)
    if not any(map(math.isinf, by_b)):
        fxad.grad(lambda a: special.logsumexp(a, b=arrays[1]))(arrays[0])  # without a warning


def test_logsumexp_of_no_weight_has_no_derivative_by_its_elements() -> None:
    b = np.array([[1.0, 1.0], [0.0, 0.0]])
    gradient = fxad.grad(lambda a: special.logsumexp(a, axis=1, b=b)[0])(np.zeros((2, 2)))
    np.testing.assert_array_equal(gradient, [[0.5, 0.5], [0.0, 0.0]])


def test_logsumexp_of_negative_sums() -> None:
    a, b = np.array([0.0, 0.0]), np.array([1.0, -2.0])
    assert np.isnan(fxad.jit(lambda a: special.logsumexp(a, b=b))(a))
    value, sign = fxad.jit(lambda a: special.logsumexp(a, b=b, return_sign=True))(a)
    assert (value, sign) == theirs.logsumexp(a, b=b, return_sign=True) == (0.0, -1.0)


def test_softmax_where_elements_are_infinite() -> None:
    x = np.array([0.0, -inf, 0.0, 800.0])
    np.testing.assert_array_equal(fxad.jit(special.softmax)(x), theirs.softmax(x))
    jacobian = fxad.jacobian(special.softmax)(x)
    assert np.isfinite(jacobian).all()
    values = fxad.jit(special.log_softmax)(x)
    np.testing.assert_array_equal(values, theirs.log_softmax(x))
    np.testing.assert_allclose(fxad.jacobian(special.log_softmax)(x)[0], [1.0, 0.0, 0.0, -1.0])


def test_log_softmax_keeps_small_digits() -> None:
    assert fxad.jit(special.log_softmax)(np.array([0.0, -50.0]))[0] == pytest.approx(-math.exp(-50))
