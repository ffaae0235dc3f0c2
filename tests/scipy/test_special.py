"""Every special function of the table: value, dtype, derivatives, vmap, jit, and as SciPy's own ufunc."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import fxad
import fxad.scipy.special as special
from tests.laws import keeps_the_laws
from tests.scipy.cases import CASES, UFUNCS, Case

every = pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])
NEAR = {"float64": 1e-12, "float32": 2e-5, "complex128": 1e-12, "complex64": 2e-5}


def assert_same(actual: Any, desired: Any) -> None:
    """Pairs or arrays of one dtype, and values equal to its accuracy."""
    if isinstance(desired, tuple):
        for a, b in zip(actual, desired, strict=True):
            assert_same(a, b)
        return
    assert (np.shape(actual), actual.dtype) == (np.shape(desired), desired.dtype)
    near = NEAR[desired.dtype.name]
    np.testing.assert_allclose(actual, desired, rtol=near, atol=near)


@every
def test_value(case: Case) -> None:
    expected = case.theirs(*case.operands)
    assert_same(case.ours(*case.operands), expected)
    for _ in range(2):  # interpreted, then compiled
        assert_same(fxad.jit(case.ours)(*case.operands), expected)
    assert_same(fxad.value_of(fxad.vjp(case.ours, *case.operands)[0]), expected)


@every
def test_single_precision(case: Case) -> None:
    operands = [np.float32(x) if np.ndim(x) == 0 else x.astype(np.float32) for x in case.operands]
    expected = case.theirs(*operands)
    first = expected[0] if isinstance(expected, tuple) else expected
    if first.dtype == np.float32:  # SciPy's polygamma and its relatives give double precision
        assert_same(fxad.jit(case.ours)(*operands), expected)
    out, pull = fxad.vjp(case.ours, *operands)
    out = out if not isinstance(out, tuple) else out[0]
    assert out.dtype == np.float32
    if not isinstance(expected, tuple):
        assert {np.asarray(ct).dtype for ct in pull(np.ones_like(out))} == {np.dtype(np.float32)}


@pytest.mark.parametrize("case", [c for c in CASES if c.complex], ids=[c.id for c in CASES if c.complex])
@pytest.mark.parametrize("dtype", ["complex128", "complex64"])
def test_complex(case: Case, dtype: str) -> None:
    operands = [(x * (0.8 + 0.3j)).astype(dtype) for x in case.operands]
    assert_same(fxad.jit(case.ours)(*operands), case.theirs(*operands))
    if dtype == "complex128" and "sign" not in str(case.ours.__closure__):
        keeps_the_laws(lambda *xs: _first(case.ours(*xs)), *operands, second=False)


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


@every
def test_derivatives(case: Case) -> None:
    keeps_the_laws(lambda *xs: _first(case.ours(*xs)), *case.operands)


@pytest.mark.parametrize("name", UFUNCS)
def test_scipys_own_ufunc(name: str) -> None:
    """It is dispatched, with its values and derivatives."""
    operands = UFUNCS[name]
    ufunc, ours = getattr(scipy.special, name), getattr(special, name)
    program = fxad.make_ir(lambda *xs: ufunc(*xs))(*operands)
    assert program == fxad.make_ir(lambda *xs: ours(*xs))(*operands)
    np.testing.assert_allclose(fxad.jit(lambda *xs: ufunc(*xs))(*operands), ufunc(*operands), rtol=1e-13)


@pytest.mark.parametrize("name", UFUNCS)
def test_other_operands(name: str) -> None:
    """Integers count as float64, Python numbers have SciPy's rule, lists are arrays."""
    ours = getattr(special, name)
    ints = [np.array([1, 2])] * len(UFUNCS[name])
    with np.errstate(all="ignore"):
        assert fxad.jit(ours)(*ints).dtype == np.float64
        np.testing.assert_allclose(fxad.jit(ours)(*ints), getattr(special, name)(*ints), rtol=1e-14)
    single = [np.float32([0.25, 0.5]), 0.5][: len(ints)]
    expected = getattr(scipy.special, name)(*single)  # some ufuncs of SciPy's give double precision here
    assert_same(fxad.jit(lambda x: ours(x, *single[1:]))(single[0]), expected)
    listed = fxad.jit(lambda x: ours([x, 0.5 * x], *single[1:]))(0.5)
    np.testing.assert_allclose(listed, ours(np.array([0.5, 0.25]), *single[1:]), rtol=1e-14)


def test_memory_is_used_again() -> None:
    """Large results go into the memory of what is not read any more, with the same values."""
    f = lambda x: scipy.special.xlogy(scipy.special.erf(np.exp(x)), np.exp(x))
    x = np.linspace(-1.0, 1.0, 5000)
    program = fxad.optimize.optimize(fxad.make_ir(f)(x))
    assert "scipy.special.erf(" in fxad.execute.source(program)
    assert "out=" in fxad.execute.source(program)
    np.testing.assert_array_equal(fxad.execute.compile_program(program)(x)[0], f(x))


def test_keywords_of_ufuncs() -> None:
    f = lambda x: special.erf(x, dtype=np.float64)
    assert fxad.grad(f)(0.3) == fxad.grad(special.erf)(0.3)
    out = np.zeros(2)
    special.gammaln(np.array([1.0, 3.0]), out=out)
    np.testing.assert_array_equal(out, scipy.special.gammaln([1.0, 3.0]))


def test_the_names_are_scipys() -> None:
    missing = [name for name in special.__all__ if not hasattr(scipy.special, name)]
    assert set(missing) <= {"softplus"}  # since SciPy 1.17
    for name in special.__all__:
        assert getattr(special, name).__doc__


def test_repeated_derivatives() -> None:
    """Third derivatives, against those of the second."""
    for name, x in [("erf", 0.3), ("gammaln", 2.5), ("gamma", 1.7), ("expit", 0.4), ("log_ndtr", -3.0),
                    ("erfcx", 1.4), ("erfinv", 0.2), ("ndtri", 0.3), ("exprel", 0.1), ("entr", 0.7),
                    ("logit", 0.3), ("log_expit", -1.0), ("erfc", 0.5), ("ndtr", -0.5), ("erfcinv", 0.6)]:
        second = fxad.grad(fxad.grad(getattr(special, name)))
        third, h = fxad.grad(second), 1e-3
        slope = (8 * (second(x + h) - second(x - h)) - second(x + 2 * h) + second(x - 2 * h)) / (12 * h)
        assert third(x) == pytest.approx(slope, rel=1e-7), name


# -- messages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "text"), [
    (lambda x: scipy.special.softmax(x), "Write instead: fxad.scipy.special.softmax, which takes traced"),
    (lambda x: scipy.special.logsumexp(x), "scipy.special.logsumexp(x) would turn a traced array into plain"),
    (lambda x: scipy.special.polygamma(1, x), "Write instead: fxad.scipy.special.polygamma, which takes"),
    (lambda x: scipy.special.wofz(x), "scipy.special.wofz has no traced form."),
    (lambda x: scipy.special.erf(x, out=np.zeros(2)), "scipy.special.erf was asked to write a traced value"),
    (lambda x: scipy.special.erf(x, where=np.array([True, False])), "scipy.special.erf(..., where=mask)"),
    (lambda x: special.gammaln(x + 0j), "gammaln is a function of real numbers, and its operand has dtype"),
    (lambda x: special.factorial(x, exact=True), "factorial(n, exact=True, extend='zero') of a traced n"),
    (lambda x: special.polygamma(x, 1.0), "polygamma(n, x)"),
    (lambda x: scipy.special.zeta(x, 1.0), "Write instead: fxad.scipy.special.zeta, which takes traced"),
    (lambda x: special.zeta(x), "zeta(x, 1.0) for x > 1, where that has the same value"),
    (lambda x: scipy.special.jv(x, 1.0), "scipy.special.jv(n, x)"),
    (lambda x: special.multigammaln(x[0], x[1]), "multigammaln(a, d)"),
])
def test_messages(call: Any, text: str) -> None:
    with pytest.raises(fxad.errors.FxadError) as caught:
        fxad.jit(call)(np.array([0.5, 0.25]))
    assert text in str(caught.value)
    assert "test_special.py" in str(caught.value)


@pytest.mark.parametrize(("name", "count"), [
    ("gammainc", 2), ("gammaincc", 2), ("gammaincinv", 2), ("betainc", 3), ("betaincinv", 3), ("zeta", 2)])
def test_no_derivative_is_an_error_and_not_zero(name: str, count: int) -> None:
    function, operands = getattr(special, name), [2.5, 2.0, 0.5][-count:]
    with pytest.raises(fxad.errors.NonDifferentiable, match=f"{name} has no derivative here with respect"):
        fxad.grad(function)(*operands)
    assert np.isfinite(fxad.grad(function, argnums=count - 1)(*operands))


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'fxad' has no attribute 'scypi'"):
        fxad.scypi
