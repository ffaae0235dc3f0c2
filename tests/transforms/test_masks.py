"""An unselected branch's inf or NaN never reaches a gradient, however the branch moves its elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad

X = np.array([0.0, 4.0, 0.0, 9.0])

# Each is finite, with finite derivatives, at X; what `where` does not select has an infinite slope there.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "elementwise": lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum(),
    "chain": lambda x: np.where(x > 0, np.log(x) * np.sqrt(x) / x, x).sum(),
    "nested": lambda x: np.where(x > 0, np.where(x > 5, np.sqrt(x), 1 / x), 0.0).sum(),
    "slice": lambda x: np.where(x[1:3] > 0, np.sqrt(x)[1:3], 0.0).sum(),
    "steps": lambda x: np.where(x[::2] > 0, np.sqrt(x)[::2], 0.0).sum(),
    "index array": lambda x: np.where(x[[1, 0, 0]] > 0, np.sqrt(x)[[1, 0, 0]], 0.0).sum(),
    "reverse": lambda x: np.where(x[::-1] > 0, np.sqrt(x)[::-1], 0.0).sum(),
    "reshape": lambda x: np.where(x.reshape(2, 2) > 0, np.sqrt(x).reshape(2, 2), 0.0).sum(),
    "transpose": lambda x: np.where(x.reshape(2, 2).T > 0, np.sqrt(x).reshape(2, 2).T, 0.0).sum(),
    "broadcast": lambda x: np.where(x > 0, np.sqrt(x), np.zeros((3, 4))).sum(),
    "broadcast scalar": lambda x: np.where(x > 10, np.sqrt(x[0]), x).sum(),
    "scalar times array": lambda x: np.where(x > 10, np.sqrt(x[0]) * x, x).sum(),
    "scalar flag": lambda x: np.where(x.sum() > 100, np.sqrt(x), x).sum(),
    "scalar flag, norm": lambda x: np.where(x.sum() > 100, np.sqrt(np.sum(x[::2] ** 2)), x[1]),
    "scalar flag, matmul": lambda x: np.where(x.sum() > 100, np.ones(4) @ np.sqrt(x), x[1]),
    "concatenate": lambda x: np.where(
        np.concatenate([x, x]) > 0, np.concatenate([np.sqrt(x), np.log(x)]), 0.0).sum(),
    "sum": lambda x: np.where(x.sum() > 100, np.sqrt(x).sum(), x.sum()),
    "cumsum": lambda x: np.where(x.sum() > 100, np.cumsum(np.sqrt(x)), x).sum(),
    "maximum": lambda x: np.where(x > 0, np.maximum(np.sqrt(x), 1.0), x).sum(),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_finite(name: str) -> None:
    f = FUNCTIONS[name]
    reverse, forward = fxad.grad(f)(X), fxad.jacfwd(f)(X)
    assert np.isfinite(reverse).all()
    np.testing.assert_allclose(reverse, forward, rtol=1e-14)
    np.testing.assert_array_equal(fxad.jit(fxad.grad(f))(X), reverse)
    np.testing.assert_array_equal(fxad.vmap(fxad.grad(f))(np.stack([X, X]))[1], reverse)
    # The selected elements' derivative, by central differences away from the singular points.
    for i in (1, 3):
        step = np.zeros(4)
        step[i] = 1e-6
        numeric = (f(X + step) - f(X - step)) / 2e-6
        np.testing.assert_allclose(reverse[i], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_finite_to_second_order(name: str) -> None:
    """Also where one product has two factors that depend on what the branch computes."""
    def f(x: Any) -> Any:
        return FUNCTIONS[name](x) ** 2 + np.sum(np.where(x > 0, np.sqrt(x), 0.0) ** 2)

    slope = fxad.grad(f)
    second = fxad.jacfwd(slope)(X)
    assert np.isfinite(second).all()
    np.testing.assert_allclose(fxad.jacrev(slope)(X), second, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fxad.jit(fxad.jacrev(slope))(X), second, rtol=1e-12, atol=1e-12)
    for i in (1, 3):
        step = np.zeros(4)
        step[i] = 1e-6
        numeric = (slope(X + step) - slope(X - step)) / 2e-6
        np.testing.assert_allclose(second[:, i], numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("function", "operations"), [
    (lambda x: np.where(x > 0, x * x, 0.1 * x).sum(), 4),  # both branches in one where
    (lambda x: np.select([x > 1, x > 0], [x * x, np.exp(x)], x).sum(), 13),
    (lambda x: np.clip(x, 0.0, 1.0).sum(), 10),
])
def test_few_operations(function: Callable[[Any], Any], operations: int) -> None:
    """A mask is applied once to each branch; where the branches meet it costs nothing more."""
    program = fxad.make_ir(fxad.grad(function))(X)
    assert len(program.equations) <= operations
