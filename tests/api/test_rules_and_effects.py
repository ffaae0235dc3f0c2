"""Rules of the user's own, primitives, callbacks and structured loops inside one another."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import lax

SEEN: list[float] = []


@fxad.primitive
def sine(x: Any) -> Any:
    return np.float64(math.sin(x))


sine.def_type(lambda x: fxad.ShapeDtypeStruct((), np.float64))
sine.defjvp(lambda primals, tangents: (sine(*primals), np.cos(primals[0]) * tangents[0]))


@fxad.custom_jvp
def noted(x: Any) -> Any:
    """sin(x), which notes that it was computed."""
    fxad.debug.callback(lambda v: SEEN.append(float(v)), x)
    return sine(x)


@noted.defjvp
def _noted_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return noted(x), np.cos(x) * dx


def plain(x: Any) -> Any:
    return noted(x) * x


def in_scan(x: Any) -> Any:
    return lax.scan(lambda c, _: (noted(c) * x, None), x, None, 3)[0]


def in_while(x: Any) -> Any:
    return lax.while_loop(lambda c: c[1] < 2, lambda c: (noted(c[0]) + x, c[1] + 1), (x, 0))[0]


def in_cond(x: Any) -> Any:
    return lax.cond(x > 0, noted, lambda x: x * x, x)


def solved(x: Any) -> Any:
    """y = sin(y) / 2 + x."""
    return fxad.fixed_point(lambda y, x: np.sin(y) * 0.5 + x, 0.0, x)


def by_hand(x: Any) -> Any:
    y = x
    for _ in range(200):
        y = np.sin(y) * 0.5 + x
    return y


def loop(x: Any) -> Any:
    c = x
    for _ in range(3):
        c = np.sin(c) * x
    return c


#: With rules, without, and how often the callback sees a value when the function is computed once.
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], int]] = {
    "plain": (plain, lambda x: np.sin(x) * x, 1),
    "in a scan": (in_scan, loop, 3),
    "in a while loop": (in_while, lambda x: np.sin(np.sin(x) + x) + x, 2),
    "in a branch": (in_cond, np.sin, 1),
    "fixed point": (solved, by_hand, 0),
}
MODES: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "value": lambda f: f,
    "grad": fxad.grad,
    "jacfwd": fxad.jacfwd,
    "grad of grad": lambda f: fxad.grad(fxad.grad(f)),
    "jacfwd of grad": lambda f: fxad.jacfwd(fxad.grad(f)),
    "grad of jacfwd": lambda f: fxad.grad(fxad.jacfwd(f)),
    "vmap of grad": lambda f: lambda x: fxad.vmap(fxad.grad(f))(np.stack([x, x + 0.5]))[0],
    "grad of vmap": lambda f: lambda x: fxad.grad(lambda z: np.sum(fxad.vmap(f)(z)))(np.stack([x, x]))[1],
}


#: An effect of some elements only, in a function with a rule, can't be told apart: an error, tested below.
UNTOLD = {("in a branch", "vmap of grad"), ("in a branch", "grad of vmap")}


@pytest.mark.parametrize(("name", "mode"), [(n, m) for n in FUNCTIONS for m in MODES if (n, m) not in UNTOLD])
def test_derivatives(name: str, mode: str) -> None:
    f, same, _ = FUNCTIONS[name]
    desired = MODES[mode](same)(0.7)
    made = MODES[mode](f)
    for call in (made, made, fxad.jit(made)):
        np.testing.assert_allclose(call(0.7), desired, rtol=1e-9)


@pytest.mark.parametrize("mode", ["value", "grad", "jacfwd", "grad of grad"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_effect_happens_once(name: str, mode: str) -> None:
    f, _, count = FUNCTIONS[name]
    made = MODES[mode](f)
    for call in (made, fxad.jit(made)):
        for _ in range(3):
            SEEN.clear()
            call(0.7)
            assert len(SEEN) == count, (name, mode)


@pytest.mark.parametrize("mode", ["vmap of grad", "grad of vmap"])
def test_an_effect_of_some_elements_in_a_function_with_a_rule(mode: str) -> None:
    with pytest.raises(fxad.errors.TypeMismatch, match="an effect in custom_jvp, where it can't be told"):
        MODES[mode](in_cond)(0.7)
