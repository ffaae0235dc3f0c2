"""Every transform with every other, to depth three: each against the derivative known from calculus.

A scalar function with its first three derivatives is a list of functions. A transform takes the function
at some order to the next order, or leaves it where it is; a chain of transforms has to arrive at the
member of the list that its count of derivatives says.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import fxad

Function = Callable[[Any], Any]

# -- transforms of a scalar function: one more derivative, or the same function --------------------


def by_jvp(f: Function) -> Function:
    return lambda x: fxad.jvp(f, (x,), (1.0,))[1]


def by_vjp(f: Function) -> Function:
    def derivative(x: Any) -> Any:
        _, pullback = fxad.vjp(f, x)
        pullback(2.0)  # the first call must not use anything up
        return pullback(1.0)[0]

    return derivative


def by_linearize(f: Function) -> Function:
    def derivative(x: Any) -> Any:
        _, push = fxad.linearize(f, x)
        push(3.0)
        return push(1.0)

    return derivative


def by_value_and_grad(f: Function) -> Function:
    return lambda x: fxad.value_and_grad(f)(x)[1]


def in_batch(f: Function) -> Function:
    def middle(x: Any) -> Any:
        return fxad.vmap(f)(np.stack([x + 0.25, x, x - 0.25]))[1]

    return middle


def in_batch_of_one(f: Function) -> Function:
    return lambda x: fxad.vmap(f, out_axes=-1)(np.reshape(x, (1,)))[0]


RAISING = {"grad": fxad.grad, "jvp": by_jvp, "vjp": by_vjp, "linearize": by_linearize,
           "jacfwd": fxad.jacfwd, "jacrev": fxad.jacrev}
KEEPING = {"vmap": in_batch, "jit": fxad.jit}
TRANSFORMS = RAISING | KEEPING

CHAINS = [c for n in (1, 2, 3) for c in itertools.product(TRANSFORMS, repeat=n)]


def apply(chain: tuple[str, ...], f: Function) -> Function:
    """`chain` as it is written: the last is applied first."""
    for name in reversed(chain):
        f = TRANSFORMS[name](f)
    return f


def order(chain: tuple[str, ...]) -> int:
    return sum(name in RAISING for name in chain)


# -- functions with their derivatives ---------------------------------------------------------------


def loop(x: Any) -> Any:
    total = 0.0
    for k in range(4):
        total = total + x**k / (k + 1.0)
    return total


def product_in_steps(x: Any) -> Any:
    y = x
    for _ in range(3):
        y = y * x
    return np.sin(y)


def factory(a: float, weights: Any) -> Function:
    def inner(x: Any) -> Any:
        return np.sum(np.exp(a * x) * weights)

    return inner


def through_arrays(x: Any) -> Any:
    table = np.array([1.0, 2.0, -1.0])
    return np.sum(np.sin(table * x) * np.arange(3.0))


def choosing(x: Any) -> Any:
    return np.where(x > 0, x**3, np.exp(-x))


def choosing_arrays(x: Any) -> Any:
    grid = np.array([-1.0, 0.5, 2.0])
    return np.sum(np.where(grid < 0, np.cos(x) * grid, x * x * grid))


def branching(x: Any) -> Any:
    if x > 10:
        return x
    return x * x * x


def looping(x: Any) -> Any:
    y = x
    while y < 4:
        y = 2 * y
    return y * x


def shifted(k: int) -> Function:
    def derivative(x: float) -> float:
        return 1.5**k * np.exp(1.5 * x) * 6.0

    return derivative


FUNCTIONS: dict[str, list[Function]] = {
    "sin_times_x": [
        lambda x: np.sin(x) * x,
        lambda x: np.cos(x) * x + np.sin(x),
        lambda x: 2 * np.cos(x) - np.sin(x) * x,
        lambda x: -3 * np.sin(x) - np.cos(x) * x,
    ],
    "rational": [
        lambda x: 1 / (1 + x**2),
        lambda x: -2 * x / (1 + x**2) ** 2,
        lambda x: (6 * x**2 - 2) / (1 + x**2) ** 3,
        lambda x: 24 * x * (1 - x**2) / (1 + x**2) ** 4,
    ],
    "loop": [
        loop,
        lambda x: 1 / 2 + 2 * x / 3 + 3 * x**2 / 4,
        lambda x: 2 / 3 + 6 * x / 4,
        lambda x: 6 / 4,
    ],
    "product_in_steps": [
        product_in_steps,
        lambda x: 4 * x**3 * np.cos(x**4),
        lambda x: 12 * x**2 * np.cos(x**4) - 16 * x**6 * np.sin(x**4),
        lambda x: (24 * x - 64 * x**9) * np.cos(x**4) - 144 * x**5 * np.sin(x**4),
    ],
    "closure": [factory(1.5, np.array([1.0, 2.0, 3.0])), *map(shifted, (1, 2, 3))],
    "through_arrays": [
        through_arrays,
        lambda x: 2 * np.cos(2 * x) - 2 * np.cos(x),
        lambda x: -4 * np.sin(2 * x) + 2 * np.sin(x),
        lambda x: -8 * np.cos(2 * x) + 2 * np.cos(x),
    ],
    "choosing": [choosing, lambda x: 3 * x**2, lambda x: 6 * x, lambda x: 6.0],
    "choosing_arrays": [
        choosing_arrays,
        lambda x: np.sin(x) + 5 * x,
        lambda x: np.cos(x) + 5,
        lambda x: -np.sin(x),
    ],
    "linear": [lambda x: 3.0 * x, lambda x: 3.0, lambda x: 0.0, lambda x: 0.0],
    "constant": [lambda x: np.float64(2.5), lambda x: 0.0, lambda x: 0.0, lambda x: 0.0],
}

X = 0.7


def in_turn(names: Iterable[str], start: int, count: int) -> list[str]:
    """Some of many cases, such that over all starts every case has its turn."""
    return list(itertools.islice(itertools.cycle(names), start, start + count))


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_every_order(chain: tuple[str, ...]) -> None:
    for name in in_turn(FUNCTIONS, CHAINS.index(chain), 10 if len(chain) < 3 else 4):
        derivatives = FUNCTIONS[name]
        f = apply(chain, derivatives[0])
        for _ in range(2):  # the first run is interpreted, the second compiled
            actual = f(X)
            assert np.shape(actual) == (), name
            np.testing.assert_allclose(actual, derivatives[order(chain)](X), rtol=1e-9, atol=1e-12,
                                       err_msg=name)


@pytest.mark.parametrize("chain", [c for c in CHAINS if "vmap" not in c], ids="-".join)
def test_python_decides(chain: tuple[str, ...]) -> None:
    """Branches and loops on traced values, under every derivative, jit, and all their nestings."""
    n = order(chain)
    f, g = apply(chain, branching), apply(chain, looping)
    for _ in range(2):
        np.testing.assert_allclose(f(X), [X**3, 3 * X**2, 6 * X, 6.0][n], rtol=1e-12)
        np.testing.assert_allclose(g(X), [8 * X**2, 16 * X, 16.0, 0.0][n], rtol=1e-12)


# -- functions of arrays: against numeric derivatives -----------------------------------------------

W = np.array([[0.3, -1.2, 0.5], [0.7, 0.1, -0.4]])
ARRAY_FUNCTIONS: dict[str, Function] = {
    "sum": lambda x: np.sum(x**3),
    "product_of_sums": lambda x: np.sum(np.sin(x)) * np.sum(x),
    "captured": lambda x: np.sum(np.tanh(W * x)),
    "where": lambda x: np.sum(np.where(x > 0, x**2, np.exp(x))),
    "rows": lambda x: np.sum(np.sum(x * W, axis=1) ** 2),
    "index": lambda x: x[0, 1] * x[1, 2] ** 2 + np.sum(x[:, ::2] ** 3),
    "max": lambda x: np.max(x) ** 3 + np.min(x[0]) ** 2,
    "matmul": lambda x: np.sum((x @ W.T) ** 2),
    "logsumexp": lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x),
}
A = np.array([[0.9, -0.4, 1.3], [0.2, 0.8, -1.1]])
V = np.array([[0.1, 0.7, -0.3], [1.1, -0.6, 0.4]])
U = np.array([[-0.8, 0.2, 0.5], [0.3, 0.9, -0.7]])


def numeric(f: Function, x: Any, v: Any, step: float = 1e-4) -> Any:
    near, far = f(x + step * v) - f(x - step * v), f(x + 2 * step * v) - f(x - 2 * step * v)
    return (8 * near - far) / (12 * step)


#: f -> (x -> J(x) v): each a way to differentiate along a fixed direction.
ALONG: dict[str, Callable[[Function, Any], Function]] = {
    "jvp": lambda f, v: lambda x: fxad.jvp(f, (x,), (v,))[1],
    "linearize": lambda f, v: lambda x: fxad.linearize(f, x)[1](v),
    "grad": lambda f, v: lambda x: np.sum(fxad.grad(f)(x) * v),
    "vjp": lambda f, v: lambda x: np.sum(fxad.vjp(f, x)[1](1.0)[0] * v),
    "jacfwd": lambda f, v: lambda x: np.sum(fxad.jacfwd(f)(x) * v),
    "jacrev": lambda f, v: lambda x: np.sum(fxad.jacrev(f)(x) * v),
    "elementwise_grad": lambda f, v: lambda x: np.sum(fxad.elementwise_grad(f)(x) * v),
}
STAYING: dict[str, Callable[[Function], Function]] = {
    "plain": lambda f: f,
    "jit": fxad.jit,
    "vmap": lambda f: lambda x: fxad.vmap(f, in_axes=-1)(np.stack([x, x + 1.0], axis=-1))[0],
}
PAIRS = [("plain", "plain"), ("jit", "plain"), ("vmap", "jit"), ("plain", "vmap")]


ALONG_TWICE = list(itertools.product(ALONG, repeat=2))


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("pair", ALONG_TWICE, ids="-".join)
def test_arrays(pair: tuple[str, str], turn: int) -> None:
    """Two directional derivatives, with and without jit and vmap between and around them."""
    first, second = pair
    (name,) = in_turn(ARRAY_FUNCTIONS, ALONG_TWICE.index(pair) + 2 * turn, 1)
    f = ARRAY_FUNCTIONS[name]
    once = ALONG[first](f, V)
    np.testing.assert_allclose(once(A), numeric(f, A, V), rtol=1e-7, atol=1e-8)
    reference = numeric(once, A, U)
    for inner, outer in PAIRS:
        twice = STAYING[outer](ALONG[second](STAYING[inner](once), U))
        np.testing.assert_allclose(twice(A), reference, rtol=1e-6, atol=1e-7)


def test_hessian_is_every_pair() -> None:
    for f in ARRAY_FUNCTIONS.values():
        reference = fxad.hessian(f)(A)
        np.testing.assert_allclose(reference, np.transpose(reference, (2, 3, 0, 1)), atol=1e-12)
        for outer, inner in itertools.product((fxad.jacfwd, fxad.jacrev), repeat=2):
            np.testing.assert_allclose(outer(inner(f))(A), reference, atol=1e-11)
        np.testing.assert_allclose(fxad.hvp(f, (A,), (V,)), np.tensordot(reference, V, 2), atol=1e-11)


# -- perturbation confusion, closures and captures ----------------------------------------------------


@pytest.mark.parametrize("outer", RAISING, ids=str)
@pytest.mark.parametrize("inner", RAISING, ids=str)
def test_perturbation_confusion(outer: str, inner: str) -> None:
    d_out, d_in = RAISING[outer], RAISING[inner]
    # d/dx (x * d/dy (x + y)) = 1, not 2
    assert d_out(lambda x: x * d_in(lambda y: x + y)(1.0))(1.0) == 1.0
    # d/dx (x * d/dy (x * y)) = 2x
    assert d_out(lambda x: x * d_in(lambda y: x * y)(2.0))(3.0) == 6.0
    # d/dy at y = x: the inner function closes over x and is taken at x, too
    assert d_out(lambda x: d_in(lambda y: x * y * y)(x))(3.0) == 12.0
    # the inner derivative does not depend on its own argument's tangent from outside
    assert d_out(lambda x: d_in(lambda y: x)(x))(3.0) == 0.0


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product(RAISING, repeat=3)))
def test_closures_over_three_levels(a: str, b: str, c: str) -> None:
    da, db, dc = RAISING[a], RAISING[b], RAISING[c]

    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            def h(z: Any) -> Any:
                return x**3 * y**2 * z + np.sin(x * z)

            return dc(h)(y)

        return db(g)(x)

    # h' = x^3 y^2 + x cos(x z) at z = y; d/dy: 2 x^3 y - x^2 sin(x y) at y = x; d/dx of that:
    x = 0.6
    expected = 8 * x**3 - 2 * x * np.sin(x * x) - 2 * x**3 * np.cos(x * x)
    np.testing.assert_allclose(da(f)(x), expected, rtol=1e-12)


def test_vmap_inside_captures_the_outer_tracer() -> None:
    points = np.array([1.0, 2.0, 3.0])
    f = lambda x: np.sum(fxad.vmap(lambda p: p * x**2)(points))
    assert fxad.grad(f)(2.0) == 24.0
    assert fxad.jvp(f, (2.0,), (1.0,))[1] == 24.0
    assert fxad.jit(fxad.grad(f))(2.0) == 24.0
    np.testing.assert_array_equal(fxad.vmap(fxad.grad(f))(points), 12 * points)


def test_grad_inside_captures_a_batched_tracer() -> None:
    points = np.array([1.0, 2.0, 3.0])
    f = lambda p: fxad.grad(lambda y: p * y**3)(2.0)
    np.testing.assert_array_equal(fxad.vmap(f)(points), 12 * points)
    np.testing.assert_array_equal(fxad.jit(fxad.vmap(f))(points), 12 * points)
    np.testing.assert_array_equal(fxad.jacfwd(fxad.vmap(f))(points), 12 * np.eye(3))


def test_jit_inside_closes_over_outer_tracers() -> None:
    @fxad.jit
    def outer(x: Any) -> Any:
        inner = fxad.jit(lambda y: x * y)
        return inner(x) + inner(2.0)

    assert outer(3.0) == 15.0
    assert fxad.grad(outer)(3.0) == 8.0
    assert fxad.grad(fxad.grad(outer))(3.0) == 2.0

    def f(x: Any) -> Any:
        return fxad.jit(lambda y: x * y * y)(3.0)  # called on a number, closes over a tracer

    assert fxad.grad(f)(2.0) == 9.0
    assert fxad.grad(f)(5.0) == 9.0
    np.testing.assert_array_equal(fxad.vmap(f)(np.array([1.0, 2.0])), [9.0, 18.0])


def test_nested_vmap() -> None:
    x, y = np.arange(3.0), np.arange(4.0)
    table = fxad.vmap(lambda a: fxad.vmap(lambda b: a * b + np.sin(a))(y))(x)
    np.testing.assert_allclose(table, x[:, None] * y + np.sin(x)[:, None])
    swapped = fxad.vmap(fxad.vmap(lambda a, b: a - b, (None, 0)), (0, None), out_axes=1)(x, y)
    np.testing.assert_array_equal(swapped, (x[:, None] - y).T)


def test_vmap_of_a_pullback() -> None:
    x = np.array([1.0, 2.0, 3.0])
    _, pullback = fxad.vjp(lambda x: x**2, x)
    (rows,) = fxad.vmap(pullback)(np.eye(3))
    np.testing.assert_array_equal(rows, np.diag(2 * x))
    _, push = fxad.linearize(lambda x: x**2, x)
    np.testing.assert_array_equal(fxad.vmap(push)(np.eye(3)), np.diag(2 * x))
    np.testing.assert_array_equal(fxad.jit(fxad.vmap(push))(np.eye(3)), np.diag(2 * x))


def test_pullback_made_inside_a_trace() -> None:
    """A pull-back whose residuals are traced is used inside the trace, also many times."""

    def f(x: Any) -> Any:
        _, pullback = fxad.vjp(lambda y: y**3, x)
        return pullback(1.0)[0] * pullback(x)[0]

    # 3x^2 * 3x^3 = 9x^5
    np.testing.assert_allclose(fxad.grad(f)(2.0), 45 * 2.0**4)
    np.testing.assert_allclose(fxad.vmap(fxad.grad(f))(np.array([1.0, 2.0])), [45, 720])


def test_a_captured_array_that_is_written_to_later() -> None:
    """What an operation used is the array as it was then."""

    def f(x: Any) -> Any:
        w = np.ones(3)
        y = x * w
        w *= 2
        return np.sum(y + x * w)

    np.testing.assert_array_equal(fxad.grad(f)(np.zeros(3)), [3.0, 3.0, 3.0])
    assert fxad.jit(f)(np.ones(3)) == 9.0
    weights = np.ones(2)
    g = fxad.jit(lambda x: x * weights)
    first = g(1.0)
    weights[:] = 7.0
    np.testing.assert_array_equal(g(1.0), first)
    _, pullback = fxad.vjp(lambda x: x * weights, 1.0)
    weights[:] = 0.0
    assert pullback(np.ones(2)) == (14.0,)


@pytest.mark.parametrize("depth", [4, 5])
def test_deep_nests(depth: int) -> None:
    f: Function = lambda x: np.exp(2 * x)
    for k in range(depth):
        f = list(RAISING.values())[k % len(RAISING)](f)
    np.testing.assert_allclose(f(0.3), 2.0**depth * np.exp(0.6), rtol=1e-12)
    np.testing.assert_allclose(fxad.jit(fxad.vmap(f))(np.array([0.3, 0.0])),
                               2.0**depth * np.exp([0.6, 0.0]), rtol=1e-12)
