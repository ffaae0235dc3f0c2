"""Every formula of `docs/complex.md`, evaluated as it is printed: against both modes, and against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from tests.docs.complex_page import PAGE, POINTS, TABLES, Row, bindings, page

ROWS = [r for rows in TABLES.values() for r in rows]
NAMES = bindings(POINTS)


def function_of(row: Row) -> Any:
    code = compile(row.text, f"<{row.text}>", "eval")
    return lambda x: eval(code, {**NAMES, row.of: x})


def like(rng: np.random.Generator, x: Any) -> Any:
    made = rng.normal(size=np.shape(x)) + (1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else 0)
    return np.asarray(made, np.asarray(x).dtype)[()]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.text)
def test_the_row(row: Row) -> None:
    rng = np.random.default_rng(0)
    f, x = function_of(row), POINTS[row.of]
    value = f(x)
    t, ct = like(rng, x), like(rng, value)
    if row.holomorphic:
        derivative = eval(row.jvp, NAMES)
        pushed, pulled = derivative * t, ct * derivative
        np.testing.assert_allclose(fxad.grad(f, holomorphic=True)(x), derivative, rtol=1e-12)
        np.testing.assert_allclose(fxad.jacfwd(f, holomorphic=True)(x), derivative, rtol=1e-12)
    else:
        pushed, pulled = eval(row.jvp, {**NAMES, "t": t}), eval(row.vjp, {**NAMES, "ct": ct})
    h = 1e-6
    np.testing.assert_allclose(pushed, (f(x + h * t) - f(x - h * t)) / (2 * h), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(np.real(np.sum(ct * pushed)), np.real(np.sum(pulled * t)), rtol=1e-12)
    for transform in (lambda g: g, fxad.jit):
        found, tangent = transform(lambda x: fxad.jvp(f, (x,), (t,)))(x)
        np.testing.assert_allclose(found, value, rtol=1e-13)
        np.testing.assert_allclose(tangent, pushed, rtol=1e-10, atol=1e-12)
        (cotangent,) = transform(lambda x: fxad.vjp(f, x)[1](ct))(x)
        np.testing.assert_allclose(cotangent, pulled, rtol=1e-10, atol=1e-12)
        assert cotangent.dtype == np.asarray(x).dtype
        assert tangent.dtype == np.asarray(value).dtype


@pytest.mark.parametrize("row", TABLES["Real functions of complex numbers"], ids=lambda r: r.text)
def test_the_gradient_is_of_x_minus_i_of_y(row: Row) -> None:
    f, x = function_of(row), POINTS[row.of]
    gradient = fxad.grad(f)(x)
    real, imaginary = (fxad.grad(lambda s, i=i: f(x + i * s))(np.zeros(np.shape(x))[()]) for i in (1, 1j))
    np.testing.assert_allclose(gradient, real - 1j * imaginary, rtol=1e-12)
    np.testing.assert_allclose(gradient, eval(row.vjp, {**NAMES, "ct": 1.0}), rtol=1e-12)
    step = 1e-4
    assert f(x - step * np.conj(gradient)) < f(x)  # descent is along the conjugate
    direction = like(np.random.default_rng(1), x)
    found = fxad.hvp(f, (x,), (direction,))
    h = 1e-5
    expected = (fxad.grad(f)(x + h * direction) - fxad.grad(f)(x - h * direction)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_what_has_a_complex_value() -> None:
    z = 1.0 + 2.0j
    for transform in (fxad.grad, fxad.jacrev):
        with pytest.raises(TypeError, match="complex|real"):
            transform(lambda z: z**2)(z)
    for transform in (fxad.jacfwd, fxad.hessian):
        with pytest.raises(TypeError, match="real inputs"):
            transform(lambda z: np.abs(z) ** 2)(z)
    with pytest.raises(TypeError, match="complex inputs"):
        fxad.grad(lambda z: z**2, holomorphic=True)(1.0)
    assert fxad.hessian(lambda z: z**3, holomorphic=True)(z) == pytest.approx(6 * z)
    assert fxad.jacfwd(lambda x: (2 + 1j) * x)(0.5) == 2 + 1j
    assert fxad.jacrev(np.abs)(z) == pytest.approx(np.conj(z) / np.abs(z))


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.complex_page"
