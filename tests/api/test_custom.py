"""Functions with rules of their own: every transform uses the rule, at every order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors
from tests.test_composition import CHAINS, X, apply, order

Function = Callable[[Any], Any]

# -- rules that are the true derivative: all laws hold -------------------------------------------------


@fxad.custom_jvp
def sine(x: Any) -> Any:
    return np.sin(x)


@sine.defjvp
def sine_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return sine(x), cosine(x) * dx


@fxad.custom_jvp
def cosine(x: Any) -> Any:
    return np.cos(x)


cosine.defjvps(lambda dx, out, x: -sine(x) * dx)


@fxad.custom_vjp
def power(x: Any, n: int) -> Any:
    return x**n


power.defvjp(lambda x, n: (power(x, n), (x, n)),
             lambda kept, ct: (ct * kept[1] * power(kept[0], kept[1] - 1), None))


@fxad.custom_gradient
def cube(x: Any) -> Any:
    return x**3, lambda ct: 3 * cube(x) / x * ct


@fxad.custom_jvp
def product(pair: Any) -> Any:
    return pair["a"] * pair["b"]


@product.defjvp
def product_jvp(primals: Any, tangents: Any) -> Any:
    (pair,), (moved,) = primals, tangents
    return product(pair), (product({"a": moved["a"], "b": pair["b"]})
                           + product({"a": pair["a"], "b": moved["b"]}))


def in_scan(x: Any) -> Any:
    carry, _ = fxad.lax.scan(lambda c, a: (sine(c) * a, None), x, np.array([1.0, 1.0]))
    return carry


def in_while(x: Any) -> Any:
    return fxad.lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, sine(c[1])), (0, x))[1]


def in_cond(x: Any) -> Any:
    return fxad.lax.cond(x < 5.0, lambda x: sine(sine(x)), np.cos, x)


def captured_carry(x: Any) -> Any:
    """The loop starts at a number: that there is a derivative shows when x is taken from outside."""
    return fxad.lax.fori_loop(0, 2, lambda i, c: sine(c) + x, 0.0)


TWICE = [
    lambda x: np.sin(np.sin(x)),
    lambda x: np.cos(np.sin(x)) * np.cos(x),
    lambda x: -np.sin(np.sin(x)) * np.cos(x) ** 2 - np.cos(np.sin(x)) * np.sin(x),
    lambda x: (-np.cos(np.sin(x)) * np.cos(x) ** 3 + 3 * np.sin(np.sin(x)) * np.cos(x) * np.sin(x)
               - np.cos(np.sin(x)) * np.cos(x)),
]
LATE = [
    lambda x: np.sin(x) + x,
    lambda x: np.cos(x) + 1,
    lambda x: -np.sin(x),
    lambda x: -np.cos(x),
]
FORWARD: dict[str, tuple[Function, list[Function]]] = {
    "sine": (lambda x: sine(x) * x, [
        lambda x: np.sin(x) * x,
        lambda x: np.cos(x) * x + np.sin(x),
        lambda x: 2 * np.cos(x) - np.sin(x) * x,
        lambda x: -3 * np.sin(x) - np.cos(x) * x,
    ]),
    "in_jit": (fxad.jit(lambda x: sine(sine(x))), TWICE),
    "in_scan": (in_scan, TWICE),
    "in_while": (in_while, TWICE),
    "in_cond": (in_cond, TWICE),
    "captured_carry": (captured_carry, LATE),
    "tree": (lambda x: product({"a": x * x, "b": 2.0 * x}), [
        lambda x: 2 * x**3, lambda x: 6 * x**2, lambda x: 12 * x, lambda x: 12.0]),
}
REVERSE: dict[str, tuple[Function, list[Function]]] = {
    "power": (lambda x: power(x, 4), [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2,
                                      lambda x: 24 * x]),
    "gradient": (cube, [lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x, lambda x: 6.0]),
    "in_scan": (lambda x: fxad.lax.scan(lambda c, a: (power(c, 2) * a, None), x, np.ones(2))[0],
                [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x]),
}
@fxad.custom_vjp
def plain_power(x: Any, n: int) -> Any:
    return x**n


plain_power.defvjp(lambda x, n: (x**n, (x, n)),
                   lambda kept, ct: (ct * kept[1] * kept[0] ** (kept[1] - 1), None))
BACKWARD = ("grad", "vjp", "jacrev")
#: Reverse mode alone; and reverse mode that has used the rule before forward mode comes.
REVERSE_CHAINS = [c for c in CHAINS if all(n in BACKWARD or n in ("vmap", "jit") for n in c)]
USED_CHAINS = [c for c in CHAINS
               if next((n for n in reversed(c) if n not in ("vmap", "jit")), "grad") in BACKWARD]


def cases(functions: Any, chains: list[tuple[str, ...]]) -> list[Any]:
    """Each chain with some of the functions, in turn, and the short ones with all."""
    names = list(functions)
    return [pytest.param(chain, name, id=f"{name}-{'-'.join(chain)}") for i, chain in enumerate(chains)
            for k, name in enumerate(names) if len(chain) == 1 or (i + k) % len(names) < 1 + (len(chain) < 3)]


def check(f: Function, derivatives: list[Function], chain: tuple[str, ...]) -> None:
    transformed = apply(chain, f)
    for _ in range(2):  # the first run is interpreted, the second compiled
        np.testing.assert_allclose(transformed(X), derivatives[order(chain)](X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("chain", "name"), cases(FORWARD, CHAINS))
def test_custom_jvp_in_every_chain(chain: tuple[str, ...], name: str) -> None:
    check(*FORWARD[name], chain)


@pytest.mark.parametrize(("chain", "name"), cases(REVERSE, REVERSE_CHAINS))
def test_custom_vjp_in_every_chain_of_reverse_mode(chain: tuple[str, ...], name: str) -> None:
    check(*REVERSE[name], chain)


@pytest.mark.parametrize("chain", USED_CHAINS, ids="-".join)
def test_custom_vjp_is_used_before_forward_mode_comes(chain: tuple[str, ...]) -> None:
    check(lambda x: plain_power(x, 4), REVERSE["power"][1], chain)


# -- rules that differ on purpose ----------------------------------------------------------------------


@fxad.custom_jvp
def marked(x: Any) -> Any:
    return x * x


@marked.defjvp
def marked_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return marked(x), 10.0 * marked(x) * dx


@fxad.custom_vjp
def marked_back(x: Any) -> Any:
    return x * x


marked_back.defvjp(lambda x: (marked_back(x), x), lambda x, ct: (10.0 * marked_back(x) * ct,))
#: f -> 10 f at each order: x^2, 10 x^2, 100 x^2, ...
MARKS = [lambda x, k=k: 10.0**k * x * x for k in range(4)]


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_the_rule_is_used_at_every_order(chain: tuple[str, ...]) -> None:
    check(marked, MARKS, chain)
    if chain in REVERSE_CHAINS:
        check(marked_back, MARKS, chain)


def test_deep_orders() -> None:
    f: Function = marked
    for k in range(1, 6):
        f = fxad.grad(f) if k % 2 else (lambda g: lambda x: fxad.jvp(g, (x,), (1.0,))[1])(f)
        assert f(3.0) == pytest.approx(10.0**k * 9.0)


def test_a_rule_that_branches_is_as_deep_as_the_derivative() -> None:
    """As those of Bessel functions: the rule calls the function with other static arguments."""
    calls = []

    def bessel(n: int, x: Any) -> Any:
        calls.append(n)
        return np.sin(x + n * np.pi / 2)

    f = fxad.custom_jvp(bessel, nondiff_argnums=(0,))
    f.defjvp(lambda n, primals, tangents: (
        f(n, *primals), 0.5 * (f(n + 1, *primals) - f(n - 1, *primals)) * tangents[0]))
    assert fxad.grad(f, argnums=1)(0, 0.3) == pytest.approx(np.cos(0.3))
    assert set(calls) == {-1, 0, 1}
    second = fxad.grad(fxad.grad(f, argnums=1), argnums=1)
    assert second(0, 0.3) == pytest.approx(-np.sin(0.3))
    assert set(calls) == {-2, -1, 0, 1, 2}


def test_gradient_clipping_and_reversal() -> None:
    clip = fxad.custom_vjp(lambda lo, hi, x: x, nondiff_argnums=(0, 1))
    clip.defvjp(lambda lo, hi, x: (x, None), lambda lo, hi, _, ct: (np.clip(ct, lo, hi),))
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(fxad.grad(lambda x: np.sum(clip(-1.0, 1.5, x) ** 2))(x), [1.5, -1.0, 1.5])
    np.testing.assert_array_equal(
        fxad.vmap(fxad.grad(lambda x: clip(-1.0, 1.5, x) ** 2))(x), [1.5, -1.0, 1.5])
    np.testing.assert_array_equal(
        fxad.jit(fxad.grad(lambda x: np.sum(fxad.vmap(lambda y: clip(-1.0, 1.5, y))(x) ** 2)))(x),
        [1.5, -1.0, 1.5])
    reverse = fxad.custom_vjp(lambda x: x)
    reverse.defvjp(lambda x: (x, None), lambda _, ct: (-ct,))
    np.testing.assert_array_equal(fxad.grad(lambda x: np.sum(reverse(x) * x))(x), 0 * x)


def test_straight_through() -> None:
    hard = fxad.custom_jvp(lambda x: np.round(x))
    hard.defjvps(lambda dx, out, x: dx)
    x = np.array([0.2, 1.7])
    np.testing.assert_array_equal(fxad.grad(lambda x: np.sum(hard(x) ** 2))(x), 2 * np.round(x))
    np.testing.assert_array_equal(fxad.jacfwd(hard)(x), np.eye(2))
    np.testing.assert_array_equal(fxad.jacrev(fxad.jit(hard))(x), np.eye(2))
    np.testing.assert_array_equal(fxad.hessian(lambda x: np.sum(hard(x) ** 2))(x), 2 * np.eye(2))


def test_log1pexp_and_safe_norm() -> None:
    log1pexp = fxad.custom_jvp(lambda x: np.log1p(np.exp(x)))
    log1pexp.defjvps(lambda dx, out, x: (1 - 1 / (1 + np.exp(x))) * dx)
    with np.errstate(over="ignore"):
        assert fxad.grad(log1pexp)(1000.0) == 1.0
    safe = fxad.custom_jvp(lambda x: np.sqrt(np.sum(x * x)))
    safe.defjvps(lambda dx, out, x: np.sum(x * dx) / np.where(out == 0, 1.0, out))
    np.testing.assert_array_equal(fxad.grad(safe)(np.zeros(3)), np.zeros(3))
    np.testing.assert_allclose(fxad.grad(safe)(np.array([3.0, 4.0])), [0.6, 0.8])
    rows = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(fxad.vmap(fxad.grad(safe))(rows), [[0.6, 0.8], [0.0, 0.0]])


# -- values that are closed over, decisions, batches ---------------------------------------------------


def test_nothing_is_stale() -> None:
    scale = 1.0
    f = fxad.custom_jvp(lambda x: x)
    f.defjvps(lambda dx, out, x: scale * dx)
    assert fxad.grad(f)(2.0) == 1.0
    scale = 5.0
    assert fxad.grad(f)(2.0) == 5.0
    f.defjvps(lambda dx, out, x: 7.0 * dx)
    assert fxad.grad(f)(2.0) == 7.0


def test_rules_close_over_traced_values() -> None:
    def outer(a: Any, x: Any) -> Any:
        f = fxad.custom_jvp(lambda x: x * 1.0)
        f.defjvp(lambda p, t: (f(*p), a * a * t[0]))
        return fxad.grad(f)(x)

    # The inner derivative is a^2, which the outer one differentiates.
    assert outer(3.0, 1.0) == 9.0
    assert fxad.grad(outer)(3.0, 1.0) == 6.0
    np.testing.assert_array_equal(fxad.vmap(outer, (0, None))(np.array([1.0, 2.0]), 1.0), [1.0, 4.0])
    np.testing.assert_array_equal(
        fxad.vmap(fxad.grad(outer), (0, None))(np.array([1.0, 2.0]), 1.0), [2.0, 4.0])

    def reverse(a: Any, x: Any) -> Any:
        f = fxad.custom_vjp(lambda x: x * 1.0)
        f.defvjp(lambda x: (x, a), lambda kept, ct: (kept * a * ct,))
        return fxad.grad(f)(x)

    assert fxad.grad(reverse)(3.0, 1.0) == 6.0
    np.testing.assert_array_equal(
        fxad.jit(fxad.vmap(fxad.grad(reverse), (0, None)))(np.array([1.0, 2.0]), 1.0), [2.0, 4.0])


def test_python_decides_in_functions_and_rules() -> None:
    f = fxad.custom_jvp(lambda x: x if x > 0 else -x)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (dx,) = primals, tangents
        return f(x), 2.0 * dx if x > 0 else -3.0 * dx

    g = fxad.custom_vjp(lambda x: x if x > 0 else -x)
    g.defvjp(lambda x: (g(x), x), lambda x, ct: (2.0 * ct if x > 0 else -3.0 * ct,))
    for h in (f, g):
        assert [fxad.grad(h)(1.0), fxad.grad(h)(-1.0)] == [2.0, -3.0]
        jitted = fxad.jit(fxad.grad(lambda x: h(x * x - 2.0)))  # noqa: B023 - it is used in its turn
        assert [jitted(2.0), jitted(1.0), jitted(3.0), jitted(0.5)] == [8.0, -6.0, 12.0, -3.0]
    assert fxad.grad(fxad.grad(lambda x: f(x) * x))(2.0) == 4.0


def test_a_rule_is_linear_in_its_tangents_so_nothing_decides_on_them() -> None:
    f = fxad.custom_jvp(lambda x: x)
    f.defjvps(lambda dx, out, x: dx if dx > 0 else -dx)
    with pytest.raises(errors.ConcretizationError,
                       match="Python decides on a tangent or cotangent in the jvp rule"):
        fxad.grad(f)(1.0)
    g = fxad.custom_vjp(lambda x: x)
    g.defvjp(lambda x: (x, None), lambda _, ct: (ct if ct > 0 else -ct,))
    with pytest.raises(errors.ConcretizationError, match="in the backward rule"):
        fxad.jit(fxad.grad(g))(1.0)


def test_batches_of_some_operands() -> None:
    f = fxad.custom_vjp(lambda x, y: np.sum(x) * y)
    f.defvjp(lambda x, y: (np.sum(x) * y, (x, y)),
             lambda kept, ct: (kept[1] * ct * np.ones(3), np.sum(kept[0]) * ct))
    g = fxad.custom_jvp(lambda x, y: np.sum(x) * y)
    g.defjvps(lambda dx, out, x, y: np.sum(dx) * y, lambda dy, out, x, y: np.sum(x) * dy)
    xs, x, ys, y = np.arange(6.0).reshape(2, 3), np.arange(3.0), np.array([2.0, 5.0]), 2.0
    for h in (f, g, lambda x, y: np.sum(x) * y):
        for axes, args in (((0, None), (xs, y)), ((None, 0), (x, ys)), ((0, 0), (xs, ys)),
                           ((1, 0), (xs.T, ys))):
            got = fxad.grad(lambda *a: np.sum(fxad.vmap(h, axes)(*a) ** 2), argnums=(0, 1))(*args)  # noqa: B023
            plain = lambda a, b: np.sum(a) * b
            expected = fxad.grad(lambda *a: np.sum(fxad.vmap(plain, axes)(*a) ** 2), argnums=(0, 1))(*args)  # noqa: B023
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_allclose(a, b)
            each = fxad.vmap(fxad.grad(h, argnums=(0, 1)), axes)(*args)
            wanted = fxad.vmap(fxad.grad(plain, argnums=(0, 1)), axes)(*args)
            for a, b in zip(each, wanted, strict=True):
                np.testing.assert_allclose(a, b)


# -- arguments -----------------------------------------------------------------------------------------


def test_keywords_defaults_and_static_leaves() -> None:
    seen = []

    @fxad.custom_jvp
    def f(x: Any, n: int = 2, how: str = "up") -> Any:
        return x**n

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        x, n, how = primals
        seen.append((how, tangents[1].dtype, tangents[2]))
        return f(x, n, how), n * x ** (n - 1) * tangents[0]

    assert fxad.grad(lambda x: f(x, how="down"))(3.0) == 6.0
    assert fxad.grad(lambda x: f(n=3, x=x))(3.0) == 27.0
    assert seen == [("down", fxad.float0, None), ("up", fxad.float0, None)]
    assert f(3.0, n=3) == 27.0
    only = fxad.custom_jvp(lambda x, *, n: x)
    with pytest.raises(errors.TypeMismatch, match="arguments that have no position: n"):
        only(1.0, n=2)


def test_integers_have_no_tangent() -> None:
    f = fxad.custom_jvp(lambda x, k: (x[k], k + 1))

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x, k), (dx, dk) = primals, tangents
        assert dk.dtype == fxad.float0
        return f(x, k), (dx[k], np.zeros((), fxad.float0))

    x = np.arange(3.0)
    np.testing.assert_array_equal(fxad.grad(lambda x: f(x, 1)[0])(x), [0, 1, 0])
    _, (_, none) = fxad.jvp(lambda x: f(x, 1), (x,), (x,))
    assert none.dtype == fxad.float0
    g = fxad.custom_vjp(lambda x, k: x * k)
    g.defvjp(lambda x, k: (x * k, (x, k)), lambda kept, ct: (kept[1] * ct, np.zeros((), fxad.float0)))
    assert fxad.grad(g)(2.0, 3) == 3.0
    assert fxad.grad(g, argnums=(0, 1), allow_int=True)(2.0, 3)[1].dtype == fxad.float0


def test_none_is_a_zero_cotangent() -> None:
    f = fxad.custom_vjp(lambda tree, y: tree["a"] * tree["b"][0] * y)
    f.defvjp(lambda tree, y: (f(tree, y), y), lambda y, ct: ({"a": ct * y, "b": None}, None))
    tree, y = {"a": 2.0, "b": [3.0]}, 5.0
    assert fxad.grad(f, argnums=(0, 1))(tree, y) == ({"a": 5.0, "b": [0.0]}, 0.0)
    g = fxad.custom_vjp(lambda tree: tree["a"])
    g.defvjp(lambda tree: (g(tree), None), lambda _, ct: (None,))
    assert fxad.grad(g)(tree) == {"a": 0.0, "b": [0.0]}


def test_symbolic_zeros() -> None:
    seen = []
    f = fxad.custom_jvp(lambda x, y: x * y)

    def rule(primals: Any, tangents: Any) -> Any:
        seen.append([isinstance(t, fxad.SymbolicZero) for t in tangents])
        x, y = primals
        dx, dy = tangents
        if isinstance(dy, fxad.SymbolicZero):
            assert (dy.shape, dy.dtype, dy.ndim) == ((), np.float64, 0)
            return f(x, y), dx * y
        if isinstance(dx, fxad.SymbolicZero):
            return f(x, y), x * dy
        return f(x, y), dx * y + x * dy

    f.defjvp(rule, symbolic_zeros=True)
    assert fxad.grad(lambda x: f(x, 3.0))(2.0) == 3.0
    assert fxad.grad(lambda y: f(2.0, y))(3.0) == 2.0
    assert fxad.grad(lambda x: f(x, x))(3.0) == 6.0
    assert seen == [[False, True], [True, False], [False, False]]
    still = fxad.custom_jvp(lambda x: x)
    still.defjvp(lambda p, t: (p[0], fxad.SymbolicZero((), np.float64)), symbolic_zeros=True)
    assert fxad.grad(lambda x: still(x) * x)(3.0) == 3.0
    perturbed = []
    g = fxad.custom_vjp(lambda x, y: x * y)

    def forward(x: Any, y: Any) -> Any:
        perturbed.append((x.perturbed, y.perturbed))
        return g(x.value, y.value), (x.value, y.value)

    g.defvjp(forward, lambda kept, ct: (kept[1] * ct, kept[0] * ct), symbolic_zeros=True)
    assert fxad.grad(lambda x: g(x, 3.0))(2.0) == 3.0
    assert perturbed == [(True, False)]
    assert repr(fxad.SymbolicZero((2,), np.float32)) == "SymbolicZero(shape=(2,), dtype=float32)"


def test_none_among_defjvps_is_zero() -> None:
    f = fxad.custom_jvp(lambda x, y: {"out": x * y})
    f.defjvps(None, lambda dy, out, x, y: {"out": x * dy})
    assert fxad.grad(lambda x, y: f(x, y)["out"], argnums=(0, 1))(2.0, 3.0) == (0.0, 2.0)
    f.defjvps(None, None)
    assert fxad.grad(lambda x: f(x, x)["out"] + x)(2.0) == 1.0


def test_dtypes_are_kept() -> None:
    f = fxad.custom_jvp(lambda x: 2 * x)
    f.defjvps(lambda dx, out, x: 2.0 * dx)
    x = np.ones(3, np.float32)
    assert fxad.grad(lambda x: np.sum(f(x)))(x).dtype == np.float32
    constant = fxad.custom_jvp(lambda x: np.sum(x))
    constant.defjvp(lambda p, t: (constant(*p), 1.0))  # a Python number takes the dtype
    assert fxad.jvp(constant, (x,), (x,))[1].dtype == np.float32
    z = fxad.custom_vjp(lambda x: x * 1j)
    z.defvjp(lambda x: (z(x), None), lambda _, ct: (np.real(1j * ct),))
    assert fxad.grad(lambda x: np.imag(z(x)))(2.0) == 1.0


def test_methods_and_names() -> None:
    class Model:
        scale = 3.0

        @fxad.custom_jvp
        def f(self, x: Any) -> Any:
            """Scaled."""
            return self.scale * x

        @f.defjvp
        def rule(primals: Any, tangents: Any) -> Any:
            self, x = primals
            return self.scale * x, 7.0 * tangents[1]

    assert fxad.grad(Model().f)(2.0) == 7.0
    assert Model.f.__doc__ == "Scaled."
    assert repr(marked) == "<custom_jvp function marked>"


def test_concrete_calls_run_the_function_as_it_is() -> None:
    def f(x: Any) -> Any:
        assert isinstance(x, float)
        return float(x)

    assert fxad.custom_jvp(f)(2.0) == 2.0
    assert fxad.custom_vjp(f)(2.0) == 2.0


def test_programs_hold_rules_and_are_read_back() -> None:
    program = fxad.make_ir(lambda x: marked(x) + marked_back(x))(3.0)
    assert [e.primitive.name for e in program][:2] == ["custom_jvp", "custom_vjp"]
    again = fxad.ir.parse(str(program))
    assert again == program
    assert again(3.0) == 18.0
    assert "custom_jvp" not in fxad.execute.source(program)
    alone = fxad.make_ir(marked)(3.0)
    assert fxad.transforms.jvp(fxad.ir.parse(str(alone)))(3.0, 1.0) == (9.0, 90.0)


def test_linear_transpose_goes_through_the_function() -> None:
    f = fxad.custom_jvp(lambda x: (3.0 * x, x))
    f.defjvp(lambda p, t: (f(*p), f(*t)))
    assert fxad.linear_transpose(f, 1.0)((2.0, 1.0)) == (7.0,)
    assert fxad.grad(lambda x: f(x)[0])(1.0) == 3.0


def test_a_custom_function_inside_a_rule_on_tangents() -> None:
    f = fxad.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (f(x), None), lambda _, ct: (f(ct) * 2.0,))
    assert fxad.grad(f)(1.0) == 2.0
    assert fxad.grad(lambda x: fxad.grad(lambda y: f(y) * y)(x))(1.0) == 6.0  # 2 f(x) + f(x)


def test_threads() -> None:
    results: list[Any] = [None] * 8

    def work(k: int) -> None:
        f = fxad.custom_jvp(lambda x: x * k)
        f.defjvps(lambda dx, out, x: dx * k)
        results[k] = [fxad.grad(lambda x: f(x) * marked(x))(float(n)) for n in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k in range(8):
        np.testing.assert_allclose(results[k], [k * n**2 + 10.0 * k * n**3 for n in range(20)])


def test_closure_convert() -> None:
    def f(a: Any, b: Any) -> Any:
        offsets = np.arange(3.0)
        converted, consts = fxad.closure_convert(lambda x: a * x["v"] + b * offsets, {"v": np.zeros(3)})
        assert len(consts) == 2
        return np.sum(converted({"v": np.ones(3)}, *consts) ** 2)

    plain = lambda a, b: np.sum((a + b * np.arange(3.0)) ** 2)
    assert fxad.grad(f, argnums=(0, 1))(2.0, 3.0) == fxad.grad(plain, argnums=(0, 1))(2.0, 3.0)
    converted, consts = fxad.closure_convert(np.sin, 1.0)
    assert consts == []
    assert converted(0.5) == np.sin(0.5)
    with pytest.raises(errors.TreeMismatch, match="called with arguments of another structure"):
        converted({"x": 0.5})
    with pytest.raises(errors.ConcretizationError, match="a body"):
        fxad.closure_convert(lambda x: x if x > 0 else -x, 1.0)


def test_custom_gradient_of_several_arguments() -> None:
    @fxad.custom_gradient
    def f(x: Any, y: Any) -> Any:
        z = np.exp(x)
        return z * y, lambda ct: (z * y * ct, 100.0 * ct)

    assert fxad.grad(f, argnums=(0, 1))(0.0, 2.0) == (2.0, 100.0)
    np.testing.assert_allclose(fxad.vmap(fxad.grad(f))(np.zeros(2), np.array([2.0, 3.0])), [2.0, 3.0])
    assert fxad.hessian(f)(0.0, 2.0) == 2.0
