"""grad, value_and_grad, vjp, jvp, linearize, linear_transpose, elementwise_grad, hvp."""

from __future__ import annotations

import dataclasses
import threading
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors
from fxad.execute import executables

Point = namedtuple("Point", ["x", "y"])


@dataclasses.dataclass
class Model:
    w: Any
    b: Any
    name: str = "linear"


def product(x: Any, y: Any, z: Any = 5.0, *, k: Any = 7.0) -> Any:
    return x * y**2 * z * k


# -- which arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(("argnums", "expected"), [
    (0, 180.0), (1, 240.0), (2, 72.0), (-1, 72.0), (-3, 180.0),
    ((0,), (180.0,)), ([1], (240.0,)), ((0, 2), (180.0, 72.0)), ((2, 0), (72.0, 180.0)),
    ((-1, 0), (72.0, 180.0)), (range(2), (180.0, 240.0)), (np.int64(1), 240.0), ((), ()),
])
def test_argnums(argnums: Any, expected: Any) -> None:
    args, kwargs = (2.0, 3.0, 5.0), {"k": 4.0}
    assert fxad.grad(product, argnums)(*args, **kwargs) == expected
    assert fxad.value_and_grad(product, argnums)(*args, **kwargs) == (360.0, expected)
    assert fxad.jacfwd(product, argnums)(*args, **kwargs) == expected
    assert fxad.jacrev(product, argnums)(*args, **kwargs) == expected


@pytest.mark.parametrize(("argnums", "argnames", "expected"), [
    (None, "k", 90.0), (None, ["k"], {"k": 90.0}), (None, ("k", "z"), {"k": 90.0, "z": 72.0}),
    (0, "k", (180.0, {"k": 90.0})), ((0, 1), ["k"], ((180.0, 240.0), {"k": 90.0})),
])
def test_argnames(argnums: Any, argnames: Any, expected: Any) -> None:
    g = fxad.grad(product, argnums, argnames=argnames)
    assert g(2.0, 3.0, z=5.0, k=4.0) == expected


def test_default_arguments_are_not_differentiated() -> None:
    assert fxad.grad(product)(2.0, 3.0) == 315.0


@pytest.mark.parametrize("transform", [fxad.grad, fxad.value_and_grad, fxad.jacfwd, fxad.jacrev])
def test_name_and_docs_are_kept(transform: Any) -> None:
    def f(x: Any) -> Any:
        """What it does."""
        return x * x

    assert transform(f).__name__ == "f"
    assert transform(f).__doc__ == "What it does."


@pytest.mark.parametrize("f", [
    np.sin, fxad.tree_util.Partial(np.sin), np.float64(2.0).__mul__, lambda *a: a[0] * 1,
], ids=["ufunc", "partial", "bound", "varargs"])
def test_any_callable(f: Any) -> None:
    assert np.isfinite(fxad.grad(f)(0.5))


# -- auxiliary output ------------------------------------------------------------------------------


def with_aux(x: Any) -> Any:
    y = x * x
    return np.sum(y), {"y": y, "name": "aux", "n": 3, "flag": True, "none": None}


def test_has_aux() -> None:
    x = np.array([1.0, 2.0])
    gradient, aux = fxad.grad(with_aux, has_aux=True)(x)
    np.testing.assert_array_equal(gradient, [2.0, 4.0])
    np.testing.assert_array_equal(aux["y"], [1.0, 4.0])
    assert type(aux["y"]) is np.ndarray
    assert (aux["name"], aux["n"], aux["flag"], aux["none"]) == ("aux", 3, True, None)
    (value, aux), gradient = fxad.value_and_grad(with_aux, has_aux=True)(x)
    assert value == 5.0
    np.testing.assert_array_equal(gradient, [2.0, 4.0])
    for jacobian in (fxad.jacfwd, fxad.jacrev):
        rows, aux = jacobian(with_aux, has_aux=True)(x)
        np.testing.assert_array_equal(rows, [2.0, 4.0])
        np.testing.assert_array_equal(aux["y"], [1.0, 4.0])
    out, pullback, aux = fxad.vjp(with_aux, x, has_aux=True)
    assert (out, aux["name"]) == (5.0, "aux")
    np.testing.assert_array_equal(pullback(1.0)[0], [2.0, 4.0])
    out, tangent, aux = fxad.jvp(with_aux, (x,), (np.ones(2),), has_aux=True)
    assert (out, tangent, aux["n"]) == (5.0, 6.0, 3)
    out, push, aux = fxad.linearize(with_aux, x, has_aux=True)
    assert (out, push(np.ones(2)), aux["name"]) == (5.0, 6.0, "aux")


def test_aux_has_no_part_in_the_derivative() -> None:
    assert fxad.grad(lambda x: (x * x, x**3), has_aux=True)(3.0) == (6.0, 27.0)
    nested = fxad.grad(lambda x: fxad.grad(lambda y: (y**3, y), has_aux=True)(x)[0])
    assert nested(2.0) == 12.0
    through_aux = fxad.grad(lambda x: fxad.grad(lambda y: (y**3, y**2), has_aux=True)(x)[1])
    assert through_aux(2.0) == 4.0


# -- pytrees ---------------------------------------------------------------------------------------


def test_pytrees() -> None:
    g = fxad.grad(lambda p: p["a"] * p["b"][0] + p["b"][1] ** 2)
    assert g({"a": 2.0, "b": [3.0, 4.0]}) == {"a": 3.0, "b": [2.0, 8.0]}
    found = fxad.grad(lambda p: p.x * p.y)(Point(2.0, 3.0))
    assert found == Point(3.0, 2.0)
    assert type(found) is Point
    assert fxad.grad(lambda p: p[0] * p[2])((2.0, None, 3.0)) == (3.0, None, 2.0)
    assert fxad.grad(lambda p: p[0] ** 2)((2.0, ())) == (4.0, ())
    assert fxad.grad(lambda x, p: x * p["a"], (0, 1))(2.0, {"a": 3.0}) == (3.0, {"a": 2.0})


def test_dataclass() -> None:
    model = Model(np.array([1.0, 2.0]), 0.5)
    found = fxad.grad(lambda m: np.sum(m.w**2) * m.b)(model)
    assert type(found) is Model
    np.testing.assert_array_equal(found.w, [1.0, 2.0])
    assert found.b == 5.0


def test_static_leaves() -> None:
    """Strings, flags and None are what they are for `f`, and None in the derivative."""

    def f(p: dict[str, Any]) -> Any:
        assert type(p["name"]) is str
        assert p["square"] is True
        assert p["nothing"] is None
        return p["x"] ** 2 if p["square"] else p["x"]

    p = {"x": 3.0, "name": "f", "square": True, "nothing": None}
    assert fxad.grad(f)(p) == {"x": 6.0, "name": None, "square": None, "nothing": None}
    out, pullback = fxad.vjp(f, p)
    assert out == 9.0
    assert pullback(1.0)[0]["x"] == 6.0


def test_output_pytrees() -> None:
    f = lambda x: {"a": x * 2, "b": (x**2, None)}
    out, pullback = fxad.vjp(f, 3.0)
    assert out == {"a": 6.0, "b": (9.0, None)}
    assert pullback({"a": 1.0, "b": (10.0, None)}) == (62.0,)
    out, tangent = fxad.jvp(f, (3.0,), (2.0,))
    assert tangent == {"a": 4.0, "b": (12.0, None)}
    _, push = fxad.linearize(f, 3.0)
    assert push(1.0) == {"a": 2.0, "b": (6.0, None)}


# -- dtypes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [
    lambda x: np.sum(x * 2.0 + 1), lambda x: np.sum(np.sin(x) / 3), lambda x: np.sum(x**3),
    lambda x: np.sum(np.where(x > 0.5, x, 0.25)), lambda x: np.mean(x) * 0.1,
    lambda x: np.sum(x) ** 0.5, lambda x: np.max(x) + np.exp(-x[0]),
])
def test_dtype_is_kept(f: Callable[..., Any], dtype: Any) -> None:
    x = np.array([0.5, 1.5, 2.5], dtype)
    value, gradient = fxad.value_and_grad(f)(x)
    assert value.dtype == f(x).dtype == dtype
    assert gradient.dtype == dtype
    assert fxad.jvp(f, (x,), (x,))[1].dtype == dtype
    assert fxad.hessian(f)(x).dtype == dtype
    assert fxad.jacfwd(f)(x).dtype == dtype
    assert fxad.vmap(f)(x[None]).dtype == dtype
    assert fxad.jit(fxad.grad(f))(x).dtype == dtype
    np.testing.assert_allclose(gradient, fxad.grad(f)(x.astype(float)), rtol=1e-5)


def test_mixed_precision() -> None:
    a, b = np.float32([1.0, 2.0]), np.array([3.0, 4.0])
    da, db = fxad.grad(lambda a, b: np.sum(a * b), (0, 1))(a, b)
    assert (da.dtype, db.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(da, b)
    np.testing.assert_array_equal(db, a)
    assert fxad.grad(lambda x: np.sum(x.astype(np.float64) ** 2))(a).dtype == np.float32


def test_integers_with_allow_int() -> None:
    dx, dn = fxad.grad(lambda x, n: x * n, (0, 1), allow_int=True)(2.0, 3)
    assert dx == 3.0
    assert (dn.dtype, dn.shape) == (fxad.float0, ())
    d = fxad.grad(lambda p: np.sum(p["x"] * p["n"]), allow_int=True)(
        {"x": np.ones(2), "n": np.arange(2)})
    np.testing.assert_array_equal(d["x"], [0.0, 1.0])
    assert (d["n"].dtype, d["n"].shape) == (fxad.float0, (2,))


def test_integers_beside_floats() -> None:
    nothing = np.zeros((), fxad.float0)
    out, tangent = fxad.jvp(lambda x, n: (x * n, n), (2.0, 3), (1.0, nothing))
    assert out == (6.0, 3)
    assert tangent[0] == 3.0
    assert tangent[1].dtype == fxad.float0
    out, pullback = fxad.vjp(lambda x, n: (x * n, n), 2.0, 3)
    dx, dn = pullback((1.0, nothing))
    assert dx == 3.0
    assert dn.dtype == fxad.float0


# -- complex numbers, as JAX has them --------------------------------------------------------------

Z = 1.5 + 2.5j


@pytest.mark.parametrize(("f", "expected"), [
    (lambda z: np.real(z * np.conj(z)), 3 - 5j),
    (lambda z: np.real(z**2), 3 + 5j),
    (lambda z: np.imag(z**2), 5 - 3j),
    (lambda z: np.abs(z), 0.5144957554275266 - 0.8574929257125443j),
    (lambda z: np.angle(z), -0.29411764705882354 - 0.17647058823529413j),
])
def test_grad_of_a_real_function_of_complex(f: Callable[..., Any], expected: complex) -> None:
    np.testing.assert_allclose(fxad.grad(f)(Z), expected, rtol=1e-14)
    np.testing.assert_allclose(fxad.grad(lambda z: np.sum(f(z)))(np.array([Z])), [expected])
    np.testing.assert_allclose(fxad.jacrev(f)(Z), expected)


@pytest.mark.parametrize(("f", "ct", "expected"), [
    (lambda z: z * z, 1 + 1j, -2 + 8j), (np.conj, 1 + 1j, 1 - 1j), (np.real, 2.0, 2 + 0j),
    (np.imag, 2.0, -2j),
])
def test_vjp_of_complex(f: Callable[..., Any], ct: Any, expected: complex) -> None:
    assert fxad.vjp(f, Z)[1](ct) == (expected,)


def test_more_of_complex() -> None:
    np.testing.assert_allclose(
        fxad.grad(np.sin, holomorphic=True)(Z), 0.43378099760770306 - 6.035048637766573j)
    assert fxad.jvp(lambda z: z * z, (Z,), (1j,)) == (-4 + 7.5j, -5 + 3j)
    # the cotangent of a real input is real
    assert fxad.vjp(lambda x: x * Z, 2.0)[1](1 + 1j) == (-1.0,)
    assert fxad.hessian(lambda z: z**3, holomorphic=True)(Z) == 9 + 15j
    assert fxad.grad(lambda x: np.real(np.exp(1j * x)))(0.5) == -np.sin(0.5)
    assert fxad.grad(lambda z: np.real(z * z))(np.complex64(Z)).dtype == np.complex64


# -- zero derivatives ------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda x: 3.0, lambda x: np.float64(3.0), lambda x: np.sum(np.ones(2)),
    lambda x: np.sum(np.sign(x)), lambda x: np.sum(fxad.stop_gradient(x)),
    lambda x: np.sum(x > 0) * 1.0, lambda x: np.sum(np.floor(x)),
], ids=["python", "numpy", "array", "sign", "stopped", "comparison", "floor"])
def test_independent_of_the_input(f: Callable[..., Any]) -> None:
    x = np.array([0.5, -1.5])
    for found in (fxad.grad(f)(x), fxad.jacfwd(f)(x), fxad.jacrev(f)(x), fxad.vjp(f, x)[1](1.0)[0]):
        assert type(found) is np.ndarray
        assert found.flags.writeable
        np.testing.assert_array_equal(found, [0.0, 0.0])
    assert fxad.jvp(f, (x,), (x,))[1] == 0.0
    assert fxad.linearize(f, x)[1](x) == 0.0
    np.testing.assert_array_equal(fxad.hessian(f)(x), np.zeros((2, 2)))
    np.testing.assert_array_equal(fxad.jit(fxad.grad(f))(x), [0.0, 0.0])
    np.testing.assert_array_equal(fxad.vmap(fxad.grad(f))(np.stack([x, x, x])), np.zeros((3, 2)))


def test_one_of_two_inputs() -> None:
    dx, dy = fxad.grad(lambda x, y: x * x, (0, 1))(3.0, np.ones((2, 2), np.float32))
    assert dx == 6.0
    np.testing.assert_array_equal(dy, np.zeros((2, 2)))
    assert dy.dtype == np.float32


# -- pull-backs ------------------------------------------------------------------------------------


def test_pullback_again_and_again() -> None:
    x = np.array([1.0, 2.0])
    _, pullback = fxad.vjp(lambda x: np.sin(x) * x, x)
    first = pullback(np.ones(2))[0]
    for scale in (2.0, -3.0, 0.5):
        np.testing.assert_allclose(pullback(np.full(2, scale))[0], scale * first, rtol=1e-14)
    np.testing.assert_array_equal(pullback(np.ones(2))[0], first)


@pytest.mark.parametrize("f", [
    lambda x: x**2, lambda x: np.exp(x) * x, lambda x: x[::-1] * x, lambda x: np.reshape(x, (2, 2)) @
    np.reshape(x, (2, 2)), lambda x: np.sum(x * x, keepdims=True),
])
def test_residuals_are_safe_from_writes(f: Callable[..., Any]) -> None:
    for _ in range(3):
        x = np.array([1.0, 2.0, 3.0, 4.0])
        y, pullback = fxad.vjp(f, x)
        _, push = fxad.linearize(f, x)
        expected = fxad.vjp(f, x.copy())[1](np.ones_like(y))[0]
        pushed = push(np.ones(4))
        x[:] = np.nan
        ct = np.ones_like(y)
        y[...] = np.nan
        found = pullback(ct)[0]
        np.testing.assert_array_equal(found, expected)
        found[...] = np.nan
        ct[...] = 7.0
        np.testing.assert_array_equal(pullback(np.ones_like(y))[0], expected)
        np.testing.assert_array_equal(push(np.ones(4)), pushed)


def no_sharing(results: list[Any], others: list[Any]) -> None:
    arrays = [r for r in results if isinstance(r, np.ndarray)]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:i])
        assert not any(np.shares_memory(a, b) for b in others)


@pytest.mark.parametrize("f", [
    lambda x: x, lambda x: (x, x), lambda x: (x, x.T, x[0], np.reshape(x, -1)), lambda x: (x[:, ::2],
    x[:, ::-1]), lambda x: np.broadcast_to(x[0], (2, 3)), lambda x: (CONSTANT, x + 0.0, CONSTANT),
    lambda x: (np.real(x), fxad.stop_gradient(x)), lambda x: np.transpose(np.sin(x)),
    lambda x: np.expand_dims(x, 0), lambda x: np.squeeze(x), lambda x: np.diagonal(x[:, :2]),
])
def test_results_are_nobody_elses(f: Callable[..., Any]) -> None:
    leaves = fxad.tree.leaves
    x = np.arange(6.0).reshape(2, 3)
    j = fxad.jit(f)
    for _ in range(3):
        no_sharing(leaves(j(x)), [x, CONSTANT])
        y, pullback = fxad.vjp(f, x)
        ct = fxad.tree.map(np.ones_like, y)
        no_sharing(leaves(y), [x, CONSTANT])
        first, second = pullback(ct)[0], pullback(ct)[0]
        no_sharing([first, second], [x, *leaves(ct), *leaves(y)])
        y, t = fxad.jvp(f, (x,), (x,))
        no_sharing(leaves((y, t)), [x, CONSTANT])
        no_sharing(leaves(fxad.vmap(f)(np.stack([x, x]))), [x, CONSTANT])
        no_sharing(leaves(fxad.jacfwd(f)(x)) + leaves(fxad.jacrev(f)(x)), [x, CONSTANT])


CONSTANT = np.arange(4.0)

# -- linear_transpose, hvp, elementwise_grad -------------------------------------------------------


def test_linear_transpose() -> None:
    assert fxad.linear_transpose(lambda x, y: x + 2 * y, 1.0, 1.0)(3.0) == (3.0, 6.0)
    m = np.arange(6.0).reshape(2, 3)
    f = lambda p: {"out": m @ p["v"]}
    (found,) = fxad.linear_transpose(f, {"v": fxad.ShapeDtypeStruct((3,), np.float64)})(
        {"out": np.array([1.0, 2.0])})
    np.testing.assert_array_equal(found["v"], m.T @ [1.0, 2.0])
    twice = fxad.linear_transpose(lambda ct: fxad.linear_transpose(lambda x: 3 * x, 1.0)(ct)[0], 1.0)
    assert twice(2.0) == (6.0,)


def test_linear_transpose_of_what_is_not_linear() -> None:
    with pytest.raises(errors.MissingRule, match="sin"):
        fxad.linear_transpose(np.sin, 1.0)(1.0)


def test_hvp() -> None:
    f = lambda x: np.sum(x**3) + np.prod(x)
    x, v = np.array([1.0, 2.0, 0.5]), np.array([0.3, -0.2, 1.0])
    np.testing.assert_allclose(fxad.hvp(f, (x,), (v,)), fxad.hessian(f)(x) @ v)
    g = lambda a, b: a**2 * np.sum(b)
    da, db = fxad.hvp(g, (2.0, np.ones(2)), (1.0, np.array([1.0, 0.0])))
    assert da == 2 * 2 * 1.0 + 2 * 2.0 * 1.0
    np.testing.assert_array_equal(db, [4.0, 4.0])


def test_elementwise_grad() -> None:
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    np.testing.assert_allclose(fxad.elementwise_grad(np.sin)(x), np.cos(x))
    twice = fxad.elementwise_grad(fxad.elementwise_grad(np.sin))
    np.testing.assert_allclose(twice(x), -np.sin(x))
    assert fxad.elementwise_grad(lambda a, b: a * b, 1)(2.0, 3.0) == 2.0
    d, aux = fxad.elementwise_grad(lambda a: (a**2, "aux"), has_aux=True)(x)
    np.testing.assert_allclose(d, 2 * x)
    assert aux == "aux"


# -- Python decides --------------------------------------------------------------------------------


def scaled(a: Any) -> Any:
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if b.sum() > 0:  # noqa: SIM108 - the four lines as a user writes them
        c = b
    else:
        c = 100 * b
    return c


def test_control_flow_on_a_scalar() -> None:
    a = np.float64(np.random.default_rng(0).normal())
    assert fxad.grad(scaled)(a) == scaled(a) / a
    assert fxad.grad(scaled)(-a) == scaled(-a) / -a
    assert fxad.grad(scaled)(float(a)) == scaled(a) / a


def test_control_flow_on_an_array() -> None:
    a = np.random.default_rng(1).normal(size=(2, 3))
    with pytest.raises(errors.NonScalarOutput) as caught:
        fxad.grad(scaled)(a)
    text = str(caught.value)
    for part in ("(2, 3)", "lambda a: scaled(a).sum()", "elementwise_grad", "jacobian", "vjp",
                 "cotangent", "test_derivatives.py"):
        assert part in text
    ratio = scaled(a) / a
    y, pullback = fxad.vjp(scaled, a)
    np.testing.assert_array_equal(y, scaled(a))
    for v in (np.random.default_rng(2).normal(size=(2, 3)), np.ones((2, 3))):
        np.testing.assert_allclose(pullback(v)[0], v * ratio, rtol=1e-15)
        np.testing.assert_allclose(pullback(v)[0], v * ratio, rtol=1e-15)
    diagonal = (np.eye(6) * ratio.ravel()).reshape(2, 3, 2, 3)
    np.testing.assert_allclose(fxad.jacrev(scaled)(a), diagonal, rtol=1e-15)
    np.testing.assert_allclose(fxad.jacfwd(scaled)(a), diagonal, rtol=1e-15)
    np.testing.assert_array_equal(fxad.hessian(scaled)(a), np.zeros((2, 3) * 3))


def test_python_functions_that_decide() -> None:
    assert fxad.grad(lambda x, y: max(x * 2, y), (0, 1))(3.0, 1.0) == (2.0, 0.0)
    assert fxad.grad(lambda x, y: min(x * 2, y), (0, 1))(3.0, 1.0) == (0.0, 1.0)
    assert fxad.grad(lambda x: sorted([x, -x, 2 * x])[0])(3.0) == -1.0
    assert fxad.grad(lambda x: x * (x > 0 and x < 5))(3.0) == 1.0
    assert fxad.grad(lambda x: abs(x) ** 3)(-2.0) == -12.0
    np.testing.assert_array_equal(
        fxad.grad(lambda x: sum(v * i for i, v in enumerate(x)))(np.ones(3)), [0.0, 1.0, 2.0])
    assert fxad.grad(lambda x, n: sum(x for _ in range(n)))(2.0, 3) == 3.0


def test_a_decision_where_python_numbers_would_raise() -> None:
    """A Python float given as argument follows NumPy's rules inside: 0.0 ** -1 is inf."""
    with np.errstate(all="ignore"):
        assert fxad.grad(lambda x: x**2 if x**-1 > 0 else x)(0.0) == 0.0
        assert fxad.grad(lambda x: x if 1 / x > 0 else -x)(0.0) == 1.0
        assert fxad.grad(lambda x: fxad.grad(lambda y: x * y**-2)(0.0))(1.0) == -np.inf


def test_closures_are_never_stale() -> None:
    scale = 2.0
    g = fxad.grad(lambda x: scale * x)
    assert g(1.0) == 2.0
    scale = 3.0
    assert g(1.0) == 3.0


# -- the mask of where -----------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [np.bool_(True), True, np.float64(1.0) > 0])
def test_where_with_one_condition_for_all(condition: Any) -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    f = lambda x: np.sum(np.where(condition, np.reshape(x, -1), np.inf * np.reshape(x, -1)) ** 2)
    np.testing.assert_array_equal(fxad.grad(f)(x), 2 * x)
    g = lambda x, s: np.sum(np.where(s > 0, np.transpose(x) * s, 0.0))
    dx, ds = fxad.grad(g, (0, 1))(x, 2.0)
    np.testing.assert_array_equal(dx, np.full((2, 2), 2.0))
    assert ds == 10.0


def test_where_chooses_numbers_for_arrays() -> None:
    f = lambda x: np.where(x > 0, x, np.zeros(3))
    y, dy = fxad.jvp(f, (1.0,), (2.0,))
    np.testing.assert_array_equal(y, np.ones(3))
    np.testing.assert_array_equal(dy, np.full(3, 2.0))
    assert fxad.grad(lambda x: np.sum(f(x)))(1.0) == 3.0
    assert fxad.grad(lambda x: np.where(True, x, 2 * x))(1.0) == 1.0
    assert fxad.grad(lambda x: np.where(False, x, 2 * x))(1.0) == 2.0


def test_where_keeps_the_other_branch_out() -> None:
    x = np.array([0.0, 4.0, -1.0])
    with np.errstate(all="ignore"):
        for f in (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
                  lambda x: np.sum(np.where(x > 0, np.log(x) * np.sqrt(x) / 1.0, x * 0.0))):
            assert np.isfinite(fxad.grad(f)(x)).all()
            assert np.isfinite(fxad.jacfwd(f)(x)).all()
        np.testing.assert_array_equal(
            fxad.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(x), [0.0, 0.25, 0.0])


# -- unusual inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_empty(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    assert fxad.grad(lambda x: np.sum(np.sin(x) * 2))(x).shape == shape
    assert fxad.jacfwd(lambda x: x * 2)(x).shape == shape + shape
    assert fxad.jacrev(lambda x: x * 2)(x).shape == shape + shape
    assert fxad.jvp(np.sin, (x,), (x,))[1].shape == shape
    assert fxad.vmap(np.sin)(np.zeros((4, *shape))).shape == (4, *shape)
    assert fxad.vmap(np.sin)(np.zeros((0, *shape))).shape == (0, *shape)
    assert fxad.jit(fxad.grad(lambda x: np.sum(x * x)))(x).shape == shape


@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0)], ids=["float", "scalar", "0-d"])
def test_rank_zero(x: Any) -> None:
    for _ in range(3):
        value, gradient = fxad.value_and_grad(lambda x: x**3)(x)
        assert (value, gradient) == (8.0, 12.0)
        assert type(value) is type(gradient) is np.float64


BASE = np.random.default_rng(3).normal(size=(4, 6))
READ_ONLY = BASE.copy()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize("x", [
    BASE[::2, 1::2], np.asfortranarray(BASE), BASE[::-1, ::-1], BASE.T, READ_ONLY,
    np.broadcast_to(BASE[0], (4, 6)), BASE.astype(">f8"), np.frombuffer(BASE.tobytes()),
], ids=["strided", "Fortran", "reversed", "transposed", "read-only", "broadcast", "big-endian",
        "buffer"])
def test_any_memory_layout(x: Any) -> None:
    f = lambda x: np.sum(np.sin(x) * x**2) + np.sum(x[..., ::-1][..., 0])
    plain = np.array(x, dtype=float, order="C")
    j = fxad.jit(fxad.value_and_grad(f))
    for _ in range(3):
        assert_same(fxad.value_and_grad(f)(x), fxad.value_and_grad(f)(plain))
        assert_same(j(x), fxad.value_and_grad(f)(plain))
        assert_same(fxad.jvp(np.sin, (x,), (x,)), fxad.jvp(np.sin, (plain,), (plain,)))
        assert_same(fxad.vmap(np.cos)(x), np.cos(plain))


def assert_same(a: Any, b: Any) -> None:
    for p, q in zip(fxad.tree.leaves(a), fxad.tree.leaves(b), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_and_inf() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0])
    np.testing.assert_array_equal(fxad.elementwise_grad(lambda x: x**2)(x), 2 * x)
    np.testing.assert_array_equal(fxad.elementwise_grad(np.abs)(x), [np.nan, 1.0, -1.0, 0.0])
    for _ in range(3):
        assert np.isnan(fxad.grad(lambda x: x * x)(np.nan))
        assert fxad.grad(lambda x: 1 / x)(0.0) == -np.inf
        assert fxad.grad(np.exp)(1e4) == np.inf
        assert np.isnan(fxad.grad(np.log)(np.nan))
        assert fxad.grad(np.sqrt)(0.0) == np.inf


# -- caches, size, threads -------------------------------------------------------------------------


def test_a_changing_float_makes_nothing_new() -> None:
    def simulate(x: Any, dt: float) -> Any:
        for i in range(3):
            t = i * dt + 0.123
            x = x + np.sin(x * t) * dt + 0.01 * dt
        return x

    fxad.grad(simulate)(1.0, 0.1)
    before = len(executables)
    for k in range(50):
        dt = 0.1 + 0.001 * (k + 1)
        found = fxad.grad(simulate)(1.0, dt)
        step = 1e-6
        numeric = (simulate(1 + step, dt) - simulate(1 - step, dt)) / (2 * step)
        np.testing.assert_allclose(found, numeric, rtol=1e-8)
    assert len(executables) == before


def test_a_float_that_becomes_a_simple_number() -> None:
    """Only constants of the code are written into a Program, not variables that are 1.0 for once."""
    gradient = fxad.grad(lambda x, t: (x * t + t) ** t - np.sin(t * x) + 3.0)
    gradient(1.5, 0.3)
    before = len(executables)
    for t in (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 7.0):
        x = 1.5 if t >= 0 else -3.0
        assert np.isfinite(gradient(x, t))
    assert len(executables) == before


def test_special_floats_are_told_apart() -> None:
    with np.errstate(all="ignore"):
        for c in (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, np.inf, 1, True, 2, -0.5):
            f = lambda x, c=c: x * c + np.copysign(1.0, c) * x
            for _ in range(2):
                assert fxad.vjp(f, 2.0)[0] == f(2.0) or np.isnan(f(2.0))
                np.testing.assert_equal(fxad.grad(f)(2.0), c + np.copysign(1.0, c))


def chained(n: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        y = x
        for _ in range(n // 2):
            y = y * 0.5 + x
        return y

    return f


def test_ten_thousand_operations() -> None:
    for derivative in (fxad.grad, lambda f: lambda x: fxad.jvp(f, (x,), (1.0,))[1]):
        for _ in range(2):
            np.testing.assert_allclose(derivative(chained(10_000))(1.0), 2.0)


def test_hundred_thousand_operations() -> None:
    """No pass recurses."""
    with fxad.config.using(verify=False):
        np.testing.assert_allclose(fxad.grad(chained(100_000))(1.0), 2.0)


def test_threads() -> None:
    """Eight threads trace, differentiate and compile the same and different functions at once."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)
    shared = fxad.jit(lambda x: np.sum(np.sin(x) * x))

    def work(k: int) -> None:
        try:
            barrier.wait()
            for i in range(30):
                x = np.linspace(0.1, 1.0, 3 + i % 4) * (k + 1)
                f = lambda x: np.sum(np.exp(-x) * x**2) * (k + 1.5)
                np.testing.assert_allclose(
                    fxad.grad(f)(x), (2 * x - x**2) * np.exp(-x) * (k + 1.5), rtol=1e-12)
                np.testing.assert_allclose(shared(x), np.sum(np.sin(x) * x), rtol=1e-12)
                np.testing.assert_allclose(
                    fxad.jit(fxad.grad(lambda x: np.sum(np.sin(x) * x)))(x),
                    np.sin(x) + x * np.cos(x), rtol=1e-12)
                np.testing.assert_allclose(fxad.vmap(np.cos)(x), np.cos(x))
                np.testing.assert_allclose(np.diag(fxad.jacfwd(np.sin)(x)), np.cos(x))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]
