"""Roots, linear systems and fixed points: derivatives of every order against those from calculus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors
from tests.test_composition import CHAINS, RAISING, X, apply, order

Function = Callable[[Any], Any]
rng = np.random.default_rng(0)


# -- one number, in every chain of transforms -----------------------------------------------------------


def newton(f: Function, x: Any) -> Any:
    step = lambda x: x - f(x) / fxad.grad(f)(x)
    return fxad.lax.fori_loop(0, 30, lambda i, x: step(x), x)


def cube_root(a: Any) -> Any:
    return fxad.lax.custom_root(lambda x: x * x * x - a, 1.0, newton, lambda g, y: y / g(1.0))


def deciding_cube_root(a: Any) -> Any:
    """A solver whose loop is Python's."""

    def solve(f: Function, x: Any) -> Any:
        while abs(f(x)) > 1e-14:
            x = x - f(x) / (3 * x * x)
        return x

    return fxad.lax.custom_root(lambda x: x * x * x - a, 1.0, solve, lambda g, y: y / g(1.0))


def quotient(a: Any) -> Any:
    """a^(1/3) as the solution of a linear equation: a^(2/3) x = a."""
    factor = a ** (2 / 3)
    return fxad.lax.custom_linear_solve(lambda x: factor * x, a, lambda mv, b: b / mv(1.0), symmetric=True)


def iterated(a: Any) -> Any:
    """x = (x + a / x^2) / 2 has the fixed point a^(1/3)."""
    return fxad.fixed_point(lambda x, a: (x + a / (x * x)) / 2, 1.0, a)


CUBE_ROOT: list[Function] = [
    lambda a: a ** (1 / 3),
    lambda a: a ** (-2 / 3) / 3,
    lambda a: -2 / 9 * a ** (-5 / 3),
    lambda a: 10 / 27 * a ** (-8 / 3),
]
WAYS = {"root": cube_root, "linear": quotient, "iterated": iterated}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("chain", [c for i, c in enumerate(CHAINS) if len(c) < 3 or i % 19 == 0],
                         ids="-".join)
def test_every_order(chain: tuple[str, ...], name: str) -> None:
    f = apply(chain, WAYS[name])
    for _ in range(2):
        np.testing.assert_allclose(f(X), CUBE_ROOT[order(chain)](X), rtol=1e-9)


@pytest.mark.parametrize("chain", [c for c in CHAINS if len(c) < 3 and "vmap" not in c], ids="-".join)
def test_python_decides_in_the_solver(chain: tuple[str, ...]) -> None:
    f = apply(chain, deciding_cube_root)
    np.testing.assert_allclose(f(X), CUBE_ROOT[order(chain)](X), rtol=1e-9)
    np.testing.assert_allclose(f(2 * X), CUBE_ROOT[order(chain)](2 * X), rtol=1e-9)


# -- systems ---------------------------------------------------------------------------------------------


def conjugate_gradients(matvec: Function, b: Any) -> Any:
    def step(state: Any) -> Any:
        x, r, p, size = state
        image = matvec(p)
        alpha = size / np.dot(p, image)
        x, r = x + alpha * p, r - alpha * image
        new = np.dot(r, r)
        return x, r, r + new / size * p, new

    return fxad.lax.while_loop(lambda s: s[3] > 1e-26, step, (0.0 * b, b, b, np.dot(b, b)))[0]


BASE = rng.normal(size=(4, 4))
BASE = BASE @ BASE.T + 4 * np.eye(4)
B = rng.normal(size=4)


def by_conjugate_gradients(m: Any, b: Any) -> Any:
    return fxad.lax.custom_linear_solve(lambda x: m @ x, b, conjugate_gradients, symmetric=True)


@pytest.mark.parametrize("outer", RAISING)
@pytest.mark.parametrize("inner", ["jacfwd", "jacrev"])
def test_conjugate_gradients(inner: str, outer: str) -> None:
    def of(solve: Any) -> Function:
        return lambda t: np.sum(np.sin(solve(BASE + t * t * np.eye(4), B * t)))

    first = RAISING[inner]
    f, g = of(by_conjugate_gradients), of(np.linalg.solve)
    np.testing.assert_allclose(first(f)(0.7), first(g)(0.7), rtol=1e-8)
    second, reference = RAISING[outer](first(f)), RAISING[outer](first(g))
    np.testing.assert_allclose(second(0.7), reference(0.7), rtol=1e-7)
    np.testing.assert_allclose(fxad.jit(second)(0.7), reference(0.7), rtol=1e-7)
    points = np.array([0.5, 0.7, 1.2])
    np.testing.assert_allclose(fxad.vmap(second)(points), [reference(p) for p in points], rtol=1e-7)


def test_all_derivatives_of_a_solution() -> None:
    for argnums in (0, 1):
        for jac in (fxad.jacfwd, fxad.jacrev):
            np.testing.assert_allclose(jac(by_conjugate_gradients, argnums)(BASE, B),
                                       jac(np.linalg.solve, argnums)(BASE, B), rtol=1e-7, atol=1e-10)


def triangular(t: Any, b: Any, transposed: bool = True) -> Any:
    """A system that is not symmetric, of a tree: x + t y = p, 2 y = q."""
    matvec = lambda v: {"x": v["x"] + t * v["y"], "y": 2.0 * v["y"]}

    def solve(mv: Any, b: Any) -> Any:
        y = b["y"] / 2.0
        return {"x": b["x"] - mv({"x": 0.0 * y, "y": y})["x"], "y": y}

    def back(vm: Any, ct: Any) -> Any:
        x = ct["x"]
        return {"x": x, "y": (ct["y"] - vm({"x": x, "y": 0.0 * x})["y"]) / 2.0}

    return fxad.lax.custom_linear_solve(matvec, b, solve, back if transposed else None)


def test_a_system_that_is_not_symmetric() -> None:
    def f(t: Any, p: Any, q: Any) -> Any:
        v = triangular(t, {"x": p, "y": q})
        return np.sum(v["x"] ** 2 * v["y"])

    def plain(t: Any, p: Any, q: Any) -> Any:
        return np.sum((p - t * q / 2) ** 2 * q / 2)

    args = (0.3, np.array([1.0, 2.0]), np.array([3.0, -1.0]))
    for transform in (fxad.grad, fxad.jacfwd, lambda f, n: fxad.jacrev(fxad.grad(f, n), n),
                      lambda f, n: fxad.jacfwd(fxad.grad(f, n), n)):
        for n in range(3):
            np.testing.assert_allclose(transform(f, n)(*args), transform(plain, n)(*args), rtol=1e-10)
    np.testing.assert_allclose(
        fxad.vmap(fxad.grad(f), (None, 1, None))(args[0], np.eye(2), args[2]),
        fxad.vmap(fxad.grad(plain), (None, 1, None))(args[0], np.eye(2), args[2]), atol=1e-14)


def test_forward_mode_needs_no_transposed_solver() -> None:
    f = lambda t: triangular(t, {"x": 1.0, "y": 4.0}, transposed=False)["x"]
    assert fxad.jvp(f, (3.0,), (1.0,)) == (-5.0, -2.0)
    with pytest.raises(errors.MissingRule, match="custom_linear_solve, which was given no transpose_solve"):
        fxad.grad(f)(3.0)


def test_aux() -> None:
    def solve(mv: Any, b: Any) -> Any:
        return b / mv(1.0), {"steps": 1, "residual": b * 0.0}

    def f(a: Any) -> Any:
        x, aux = fxad.lax.custom_linear_solve(lambda x: a * x, a * a, solve, solve, has_aux=True)
        return x, aux

    x, aux = f(3.0)
    assert (x, aux) == (3.0, {"steps": 1, "residual": 0.0})
    assert fxad.grad(f, has_aux=True)(3.0) == (pytest.approx(1.0), aux)
    assert fxad.grad(lambda a: f(a)[1]["residual"] + f(a)[0])(3.0) == pytest.approx(1.0)
    np.testing.assert_allclose(fxad.vmap(fxad.grad(lambda a: f(a)[0]))(np.array([1.0, 2.0])), [1.0, 1.0])

    def root(a: Any) -> Any:
        return fxad.lax.custom_root(lambda x: x - a, 0.0, lambda g, x: (x - g(x), {"steps": 3}),
                                    lambda g, y: y, has_aux=True)

    assert root(2.0) == (2.0, {"steps": 3})
    assert fxad.grad(root, has_aux=True)(2.0) == (1.0, {"steps": 3})


# -- roots of systems ------------------------------------------------------------------------------------


def dense_solve(g: Function, y: Any) -> Any:
    return np.linalg.solve(fxad.jacobian(g)(y), y)


def dense_newton(f: Function, x: Any) -> Any:
    return fxad.lax.fori_loop(0, 20, lambda i, x: x - np.linalg.solve(fxad.jacfwd(f)(x), f(x)), x)


def argmin(loss: Callable[[Any, Any], Any], theta: Any, x0: Any) -> Any:
    return fxad.lax.custom_root(fxad.grad(lambda x: loss(x, theta)), x0, dense_newton, dense_solve)


def test_argmin() -> None:
    a, b = rng.normal(size=(5, 3)), rng.normal(size=5)

    def ridge(x: Any, theta: Any) -> Any:
        return np.sum((a @ x - b) ** 2) / 2 + theta * np.sum(x * x) / 2

    solution = lambda t: argmin(ridge, t, np.zeros(3))
    closed = lambda t: np.linalg.solve(a.T @ a + t * np.eye(3), a.T @ b)
    np.testing.assert_allclose(solution(0.5), closed(0.5))
    for jac in (fxad.jacfwd, fxad.jacrev):
        np.testing.assert_allclose(jac(solution)(0.5), jac(closed)(0.5), rtol=1e-9)
        np.testing.assert_allclose(fxad.jacrev(jac(solution))(0.5), fxad.jacrev(jac(closed))(0.5), rtol=1e-8)
        np.testing.assert_allclose(fxad.jit(fxad.jacfwd(jac(solution)))(0.5), fxad.jacfwd(jac(closed))(0.5),
                                   rtol=1e-8)
    points = np.array([0.1, 1.0])
    np.testing.assert_allclose(fxad.vmap(fxad.jacrev(solution))(points),
                               [fxad.jacrev(closed)(p) for p in points],
                               rtol=1e-8)


def test_an_implicit_step_of_an_ode() -> None:
    """Backward Euler for y' = -k y^2, many steps: the derivative is that of the recurrence."""

    def step(k: Any, y: Any) -> Any:
        f = lambda z: z - y + 0.1 * k * z * z
        return fxad.lax.custom_root(f, fxad.stop_gradient(y), newton, lambda g, r: r / g(1.0))

    def exact(k: Any, y: Any) -> Any:
        return (-1 + np.sqrt(1 + 0.4 * k * y)) / (0.2 * k)

    def end(stepper: Any) -> Function:
        return lambda k: fxad.lax.scan(lambda y, _: (stepper(k, y), None), 1.0, None, length=5)[0]

    f, g = end(step), end(exact)
    for d in (fxad.grad, fxad.jacfwd):
        np.testing.assert_allclose(d(f)(1.5), d(g)(1.5), rtol=1e-9)
        np.testing.assert_allclose(fxad.grad(d(f))(1.5), fxad.grad(d(g))(1.5), rtol=1e-8)


def test_a_root_that_closes_over_nothing() -> None:
    root = lambda x0: fxad.lax.custom_root(lambda x: x * x - 2.0, x0, newton, lambda g, y: y / g(1.0))
    np.testing.assert_allclose(root(1.0), np.sqrt(2))
    assert fxad.grad(root)(1.0) == 0.0


# -- fixed points ----------------------------------------------------------------------------------------


def test_fixed_points_of_systems() -> None:
    matrix = rng.normal(size=(3, 3)) * 0.2

    def f(x: Any, m: Any, b: Any) -> Any:
        return {"x": np.tanh(m @ x["x"] + b), "s": 0.5 * x["s"] + np.sum(x["x"])}

    def solution(m: Any, b: Any) -> Any:
        x = fxad.fixed_point(f, {"x": np.zeros(3), "s": 0.0}, m, b)
        return np.sum(x["x"] ** 2) + x["s"]

    def unrolled(m: Any, b: Any) -> Any:
        x = {"x": np.zeros(3), "s": 0.0}
        for _ in range(80):
            x = f(x, m, b)
        return np.sum(x["x"] ** 2) + x["s"]

    b = np.array([0.1, -0.2, 0.3])
    for n in (0, 1):
        np.testing.assert_allclose(fxad.grad(solution, n)(matrix, b), fxad.grad(unrolled, n)(matrix, b),
                                   rtol=1e-9)
        np.testing.assert_allclose(fxad.jacfwd(solution, n)(matrix, b), fxad.grad(unrolled, n)(matrix, b),
                                   rtol=1e-9)
    np.testing.assert_allclose(fxad.hessian(solution, 1)(matrix, b), fxad.hessian(unrolled, 1)(matrix, b),
                               rtol=1e-8)
    np.testing.assert_allclose(fxad.vmap(fxad.grad(solution, 1), (None, 0))(matrix, np.stack([b, 2 * b])),
                               [fxad.grad(unrolled, 1)(matrix, c) for c in (b, 2 * b)], rtol=1e-9)


def test_tolerance_and_steps() -> None:
    f = lambda x, a: 0.5 * x + a
    rough = fxad.fixed_point(f, 0.0, 1.0, tol=0.1)
    assert 1e-6 < abs(rough - 2.0) < 0.3
    assert type(rough) is np.float64
    assert np.isnan(fxad.fixed_point(f, 0.0, 1.0, max_iter=5))
    assert np.isnan(fxad.grad(lambda a: fxad.fixed_point(f, 2.0, a, max_iter=5))(1.0))
    assert np.isnan(fxad.fixed_point(lambda x: 2.0 * x, 1.0))
    single = fxad.fixed_point(f, np.float32(0), np.float32(1.0))
    assert single.dtype == np.float32
    assert single == pytest.approx(2.0, rel=1e-5)


# -- mistakes --------------------------------------------------------------------------------------------

LINEAR = fxad.lax.custom_linear_solve
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "matvec of another shape": (
        lambda: LINEAR(lambda x: x[:2], np.ones(3), lambda mv, b: b), errors.TypeMismatch,
        "custom_linear_solve: the value of matvec has another type than what is solved for:"
        "|it:      f64[2]|wanted:  f64[3]"),
    "solution of another tree": (
        lambda: LINEAR(lambda x: x, 1.0, lambda mv, b: (b, b)), errors.TreeMismatch,
        "custom_linear_solve: what solve returns has another structure than what is solved for:"
        "|it:      PyTreeDef((*, *))|wanted:  PyTreeDef(*)"),
    "no aux": (
        lambda: LINEAR(lambda x: x, 1.0, lambda mv, b: b, has_aux=True), errors.TypeMismatch,
        "custom_linear_solve with has_aux=True: solve returns (x, aux)"),
    "an integer": (
        lambda: LINEAR(lambda x: x, 1, lambda mv, b: b), errors.TypeMismatch,
        "custom_linear_solve: what it solves for, or starts at, holds int 1, which is no floating number."
        "|1.0 instead of 1"),
    "Python decides in a linear solver": (
        lambda: LINEAR(lambda x: x, 1.0, lambda mv, b: b if b > 0 else -b), errors.ConcretizationError,
        "solve of custom_linear_solve"),
    "f of another shape": (
        lambda: fxad.lax.custom_root(lambda x: x[0], np.ones(2), newton, dense_solve), errors.TypeMismatch,
        "custom_root: the value of f has another type than what is solved for:"),
    "root of another shape": (
        lambda: fxad.lax.custom_root(lambda x: x, np.ones(2), lambda f, x: x[0], dense_solve),
        errors.TypeMismatch,
        "custom_root: the root has another type than what is solved for:|it:      f64[]|wanted:  f64[2]"),
    "root without aux": (
        lambda: fxad.lax.custom_root(lambda x: x, 1.0, lambda f, x: x, dense_solve, has_aux=True),
        errors.TypeMismatch, "custom_root with has_aux=True: solve returns (root, aux)"),
    "tangent_solve": (
        lambda: fxad.grad(lambda a: fxad.lax.custom_root(lambda x: x - a, 1.0, newton, lambda g, y: (y,
                                                                                                     y)))(1.0),
        errors.TreeMismatch, "custom_root: what tangent_solve returns has another structure"),
    "a decision in f": (
        lambda: fxad.lax.custom_root(lambda x: x if x > 0 else -x, 1.0, newton, dense_solve),
        errors.ConcretizationError, "f of custom_root"),
    "fixed point": (
        lambda: fxad.fixed_point(lambda x: np.ones(2), 1.0), errors.TypeMismatch,
        "fixed_point: the value of f has another type than what is solved for:"),
    "max_iter": (lambda: fxad.fixed_point(np.cos, 1.0, max_iter=1.5), errors.TypeMismatch, "max_iter is"
    " float 1.5"),
    "no function": (lambda: fxad.fixed_point(1.0, 1.0), errors.TypeMismatch, "fixed_point takes a function"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    run, kind, parts = MISTAKES[name]
    with pytest.raises(kind) as caught:
        run()
    text = str(caught.value)
    for part in parts.split("|"):
        assert part in text, text
    assert "test_implicit.py" in text
