"""Every function of the table `cases`: its value, derivatives, vmap and jit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from tests.numpy.cases import CASES as FIRST
from tests.numpy.cases import Case, Function
from tests.numpy.more_cases import MORE

CASES = [*FIRST, *MORE]


def arrays_of(out: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in tree.leaves(out)]


def same_types(out: Any, expected: Any) -> None:
    for a, b in zip(arrays_of(out), arrays_of(expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


def assert_near(out: Any, expected: Any, tolerance: float = 1e-12) -> None:
    for a, b in zip(arrays_of(out), arrays_of(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype.kind == b.dtype.kind
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def inexact(values: list[Any]) -> list[Any]:
    return [v for v in values if v.dtype.kind in "fc"]


def direction(rng: np.random.Generator, x: Any) -> Any:
    """A tangent or a cotangent for `x`."""
    made = np.asarray(rng.normal(size=x.shape))
    if x.dtype.kind == "c":
        made = made + 1j * rng.normal(size=x.shape)
    return made.astype(x.dtype)


def numeric(function: Function, arrays: tuple[Any, ...], tangents: list[Any]) -> list[Any]:
    """The directional derivative by central differences of fourth order."""
    h = 1e-4

    def at(k: float) -> list[Any]:
        moved = [x + k * h * t for x, t in zip(arrays, tangents, strict=True)]
        return inexact(arrays_of(function(*moved)))

    return [(8 * (a - b) - (c - d)) / (12 * h)
            for a, b, c, d in zip(at(1), at(-1), at(2), at(-2), strict=True)]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_value(case: Case) -> None:
    """The value is NumPy's, in shape, dtype and numbers, from both namespaces, traced or not."""
    expected = case.function(np, *case.arrays)
    for namespace in (np, fnp):
        out, _ = fxad.vjp(lambda *a, n=namespace: case.function(n, *a), *case.arrays)
        same_types(out, expected)
        assert_near(out, expected)
    plain = case.function(fnp, *case.arrays)
    same_types(plain, expected)
    if case.jitted:
        compiled = fxad.jit(lambda *a: case.function(np, *a))(*case.arrays)
        same_types(compiled, expected)
        assert_near(compiled, expected)


@pytest.mark.parametrize("case", [c for c in CASES if len(c.arrays) > 1 and c.alone], ids=repr)
def test_one_argument_traced(case: Case) -> None:
    """Beside plain arrays each argument alone may be traced."""
    expected = case.function(np, *case.arrays)
    for i, x in enumerate(case.arrays):
        def function(t: Any, i: int = i) -> Any:
            return case.function(np, *case.arrays[:i], t, *case.arrays[i + 1 :])

        out, _ = fxad.jvp(function, (x,), (np.ones_like(x),))
        same_types(out, expected)
        assert_near(out, expected)


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=repr)
def test_derivatives(case: Case) -> None:
    """Forward mode agrees with differences, reverse mode with forward mode."""
    rng = np.random.default_rng(3)
    tangents = [direction(rng, x) for x in case.arrays]

    def function(*a: Any) -> Any:
        return case.function(np, *a)

    expected = numeric(function, case.arrays, tangents)
    out, dout = fxad.jvp(function, case.arrays, tuple(tangents))
    moved = [d for d, o in zip(arrays_of(dout), arrays_of(out), strict=True) if o.dtype.kind in "fc"]
    assert_near(moved, expected, 1e-6)

    out, pull = fxad.vjp(function, *case.arrays)
    cts = [direction(rng, o) if o.dtype.kind in "fc" else np.zeros(o.shape, fxad.float0)
           for o in arrays_of(out)]
    pulled = pull(tree.flatten(out)[1].unflatten(cts))
    left = sum(np.sum(c * d) for c, d in zip(inexact(cts), moved, strict=True))
    right = sum(np.sum(p * t) for p, t in zip(pulled, tangents, strict=True))
    # The pairing is of real parts: complex numbers are not conjugated.
    np.testing.assert_allclose(np.real(left), np.real(right), rtol=1e-8, atol=1e-8)
    for p, x in zip(pulled, case.arrays, strict=True):
        assert (p.shape, p.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("case", [c for c in CASES if c.batched], ids=repr)
def test_vmap(case: Case) -> None:
    """vmap agrees with a loop."""
    batches = [np.stack([x, x * 1.1]) for x in case.arrays]
    out = fxad.vmap(lambda *a: case.function(np, *a))(*batches)
    each = [arrays_of(case.function(np, *(b[i] for b in batches))) for i in range(2)]
    expected = [np.stack(pair) for pair in zip(*each, strict=True)]
    assert_near(out, expected, 1e-10)


@pytest.mark.parametrize("case", [c for c in CASES if c.single], ids=repr)
def test_single_precision(case: Case) -> None:
    """float32 gives the dtypes that it gives in NumPy, in gradients too."""
    arrays = [x.astype(np.float32) for x in case.arrays]
    expected = case.function(np, *arrays)
    out, pull = fxad.vjp(lambda *a: case.function(np, *a), *arrays)
    same_types(out, expected)
    cts = [np.ones(o.shape, o.dtype) if o.dtype.kind in "fc" else np.zeros(o.shape, fxad.float0)
           for o in arrays_of(out)]
    for ct in pull(tree.flatten(out)[1].unflatten(cts)):
        assert ct.dtype == np.float32


def total(function: Function) -> Function:
    """A real number that depends on every number in the result, and not linearly."""

    def summed(*arrays: Any) -> Any:
        leaves = [x for x in tree.leaves(function(*arrays)) if np.result_type(x).kind in "fc"]
        return sum(np.sum(np.real(x)) + 0.7 * np.sum(np.imag(x))
                   + 0.5 * np.sum(np.real(x) ** 2 + np.imag(x) ** 2) for x in leaves)

    return summed


def second_order(function: Function, arrays: tuple[Any, ...], tangents: list[Any]) -> None:
    """The derivative of the gradient, in forward and reverse mode, agrees with differences of gradients."""
    places = tuple(range(len(arrays)))
    slope = fxad.grad(total(function), argnums=places)
    _, forward = fxad.jvp(slope, arrays, tuple(tangents))

    def along(*a: Any) -> Any:
        return sum(np.real(np.sum(p * t)) for p, t in zip(slope(*a), tangents, strict=True))

    reverse = fxad.grad(along, argnums=places)(*arrays)
    after, before = (slope(*[x + h * t for x, t in zip(arrays, tangents, strict=True)])
                     for h in (1e-5, -1e-5))
    for f, r, a, b in zip(forward, reverse, after, before, strict=True):
        expected = (a - b) / 2e-5
        scale = max(1.0, np.max(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(f / scale, expected / scale, atol=1e-6)
        np.testing.assert_allclose(r / scale, expected / scale, atol=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if c.smooth], ids=repr)
def test_second_order(case: Case) -> None:
    rng = np.random.default_rng(1)
    second_order(lambda *a: case.function(np, *a), case.arrays, [direction(rng, x) for x in case.arrays])
