"""Functions with rules of their own: every transform uses the rule, at every order, and mistakes are named."""

from __future__ import annotations

import itertools
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
    return product(pair), product({"a": moved["a"], "b": pair["b"]}) + product({"a": pair["a"], "b": moved["b"]})


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
    "power": (lambda x: power(x, 4), [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x]),
    "gradient": (cube, [lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x, lambda x: 6.0]),
    "in_scan": (lambda x: fxad.lax.scan(lambda c, a: (power(c, 2) * a, None), x, np.ones(2))[0],
                [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x]),
}
#: A chain is applied from the right: once reverse mode has used the rule, forward mode may follow.
FORWARD_MODES = {"jvp", "linearize", "jacfwd", "hessian_", "hvp_"}
REVERSE_CHAINS = [c for c in CHAINS if not FORWARD_MODES & {n for n in c if n not in ("jit", "vmap", "vmap_of_one")}]


@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_custom_jvp_in_every_chain(chain: tuple[str, ...], name: str) -> None:
    if (CHAINS.index(chain) + list(FORWARD).index(name)) % 4 and len(chain) > 1:
        return
    f, derivatives = FORWARD[name]
    transformed = apply(chain, f)
    for _ in range(2):
        np.testing.assert_allclose(transformed(X), derivatives[order(chain)](X), rtol=1e-9, atol=1e-12)
