"""NumPy's warnings stay NumPy's: category and text, `np.errstate`, and the line of the user."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad

ZERO, NEGATIVE = np.array([0.0, 1.0]), np.array([-1.0, 4.0])
LARGE, INFINITE = np.array([1e308, 1.0]), np.array([np.inf, 1.0])
Function = Callable[[Any], Any]
#: Functions, and where the floating-point unit has something to say about their value.
FLOATING: dict[str, tuple[Function, Any]] = {
    "1 / x": (lambda x: 1 / x, ZERO), "x / x": (lambda x: x / x, ZERO), "log 0": (np.log, ZERO),
    "log -1": (np.log, NEGATIVE), "sqrt -1": (np.sqrt, NEGATIVE), "exp": (np.exp, 1e4 * LARGE[1:]),
    "x * x": (lambda x: x * x, LARGE), "inf - inf": (lambda x: x - x, INFINITE),
    "sin inf": (np.sin, INFINITE),
    "x ** 0.5": (lambda x: x**0.5, NEGATIVE), "x ** -1": (lambda x: x**-1, ZERO),
    "x ** -1.0": (lambda x: x**-1.0, ZERO), "x ** 3": (lambda x: x**3, LARGE),
    "np.power": (lambda x: np.power(x, -2.5), ZERO), "%": (lambda x: 1.0 % x, ZERO),
    "//": (lambda x: 1.0 // x, ZERO), "log1p": (np.log1p, NEGATIVE[:1]), "arctanh": (np.arctanh, ZERO[1:]),
    "sum": (lambda x: np.sum(x * 10), LARGE), "prod": (np.prod, np.array([1e200, 1e200])),
    "cumprod": (np.cumprod, np.array([1e200, 1e200])), "dot": (lambda x: np.dot(x, x), LARGE),
    "square": (np.square, LARGE), "hypot": (lambda x: np.hypot(x, x), LARGE), "ldexp": (
        lambda x: np.ldexp(x, 2000), ZERO), "to float32": (lambda x: x.astype(np.float32), LARGE),
    "to int": (lambda x: x.astype(np.int32), INFINITE * np.nan), "float32": (
        lambda x: x * np.float32(1e30), np.array([1e30], np.float32)),
    "ints / 0": (lambda x: (x > 5).astype(int) / 0, ZERO),
    "ints // 0": (lambda x: (x > 5).astype(int) // 0, ZERO),
    "underflow": (lambda x: x * 1e-200 * 1e-200, np.ones(2)),
    "where": (lambda x: np.where(x > 0, 1 / x, 0), ZERO),
    "a number / 0": (lambda x: 1 / x, np.float64(0)), "a number": (lambda x: np.log(x) + x, np.float64(0)),
    "a large number": (lambda x: x * x, np.float64(1e300)), "a number's power": (
        lambda x: x**0.5, np.float64(-1)), "a number's cube": (lambda x: x**3, np.float64(1e200)),
    "0 / 0": (lambda x: x / x, np.float64(0)), "a chain": (
        lambda x: np.sin(x) * 2 + np.exp(x * 1000) / 0.0, np.float64(1)),
}


def said(function: Function, x: Any) -> Any:
    """What is warned of, or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function(x)
        except FloatingPointError as error:
            return str(error)
    return sorted({(w.category, str(w.message)) for w in caught}, key=str)


def ways(f: Function) -> Iterator[tuple[str, Function]]:
    jitted = fxad.jit(f)
    yield "jit, interpreted", jitted
    yield "jit, compiled", jitted
    yield "jvp", lambda x: fxad.jvp(f, (x,), (np.zeros_like(x),))


@pytest.mark.parametrize("name", FLOATING)
@pytest.mark.parametrize("mode", ["warn", "raise", "ignore"])
def test_floating_point_errors_are_numpys(name: str, mode: str) -> None:
    f, x = FLOATING[name]
    with np.errstate(all=mode):  # type: ignore[call-overload]
        expected = said(f, x)
        for way, run in ways(f):
            found = said(run, x)
            if way == "jvp" and mode == "warn":  # and there may be more, of the derivative
                assert set(expected) <= set(found), way
            elif way == "jvp" and mode == "raise":
                assert isinstance(found, str) or not isinstance(expected, str), way
            else:
                assert found == expected, way


def test_calls_on_errors_are_made() -> None:
    heard: list[Any] = []
    with np.errstate(all="call"), np.errstate(call=lambda kind, flag: heard.append(kind)):
        for _ in range(3):
            fxad.jit(lambda x: 1 / x)(ZERO)
            fxad.grad(lambda x: np.sum(np.log(x)))(ZERO)
    assert heard
    assert set(heard) == {"divide by zero"}


#: What NumPy's functions say of types and shapes: said where the function is traced.
SPOKEN: dict[str, tuple[Function, Any]] = {
    "mean": (lambda x: np.mean(x[:0]), ZERO), "mean of no columns": (lambda x: np.mean(x[:, :0], axis=1),
                                                                    np.ones((2, 2))),
    "var": (lambda x: np.var(x[:1], ddof=1), ZERO), "std": (lambda x: np.std(x, ddof=3), ZERO),
    "cov": (lambda x: np.cov(x[:1]), ZERO),
    "complex to real": (lambda x: (x * 1j).astype(np.float64), ZERO),
    "complex to integers": (lambda x: (x * 1j).astype(np.int64), ZERO),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_warnings_in_words(name: str) -> None:
    f, x = SPOKEN[name]
    with np.errstate(all="ignore"):
        ((category, text),) = said(f, x)
        for way, run in (("jit", fxad.jit(f)), ("jvp", lambda x: fxad.jvp(f, (x,), (x,))),
                         ("vmap", lambda x: fxad.vmap(f)(x[None]))):
            ((found, words),) = said(run, x)
            assert (found, words.rstrip(".")) == (category, text.rstrip(".")), way
        with pytest.warns(category) as caught:
            fxad.jit(f)(x)
        assert caught[0].filename == __file__


def test_warnings_of_the_derivative_are_those_of_its_formula() -> None:
    """As when one computes 0.5 / sqrt(0) oneself."""
    for gradient in (fxad.grad(np.sqrt), fxad.jit(fxad.grad(np.sqrt))):
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="divide by zero encountered in scalar divide"):
                assert gradient(0.0) == np.inf
            with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
                gradient(0.0)
            with np.errstate(divide="ignore"):
                assert gradient(0.0) == np.inf
