"""How many derivatives are around a value: so deep is a rule recorded, and no deeper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.tracing import derivatives_around


def seen(transform: Callable[[Callable[[Any], Any]], Callable[[Any], Any]], x: Any = 1.0) -> list[int]:
    """What a function under a transform sees around its argument."""
    found: list[int] = []

    def f(x: Any) -> Any:
        found.append(derivatives_around([x]))
        return x * x

    transform(f)(x)
    return found


def along(f: Any) -> Any:
    return lambda x: fxad.jvp(f, (x,), (1.0,))[1]


def looped(f: Any) -> Any:
    return lambda x: fxad.lax.fori_loop(0, 2, lambda i, c: f(c), x)


def looped_from_outside(f: Any) -> Any:
    """The carry starts at a number, and comes to depend on x only after f was called."""
    return lambda x: fxad.lax.fori_loop(0, 2, lambda i, c: (derivatives_around([c]), f(c) + x)[1], 0.0)


CASES: dict[str, tuple[Any, Any, list[int]]] = {
    "none": (lambda f: f, 1.0, [0]),
    "jit": (fxad.jit, 1.0, [0]),
    "vmap": (fxad.vmap, np.ones(2), [0]),
    "grad": (fxad.grad, 1.0, [1]),
    "jit of grad": (lambda f: fxad.jit(fxad.grad(f)), 1.0, [1]),
    "grad of jit": (lambda f: fxad.grad(fxad.jit(f)), 1.0, [1]),
    "grad of vmap": (lambda f: fxad.grad(lambda x: np.sum(fxad.vmap(f)(x))), np.ones(2), [1]),
    "hessian": (fxad.hessian, 1.0, [2]),
    "three": (lambda f: lambda x: fxad.jvp(fxad.vmap(fxad.grad(along(f))), (x,), (x,)), np.ones(2), [3]),
    "an inner derivative of something else": (
        lambda f: fxad.grad(lambda x: x * fxad.grad(f)(2.0)), 1.0, [1]),
    "make_ir": (fxad.make_ir, 1.0, [1]),
    "a loop": (lambda f: fxad.grad(looped(f)), 1.0, [1]),
    "a loop that takes x from outside": (lambda f: fxad.grad(looped_from_outside(f)), 1.0, [0, 1]),
    "two derivatives of it": (lambda f: fxad.grad(fxad.grad(looped_from_outside(f))), 1.0, [0, 2]),
    "a loop of concrete values": (looped, 1.0, [0]),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives_around(name: str) -> None:
    transform, x, expected = CASES[name]
    assert seen(transform, x) == expected


def test_a_rule_uses_up_a_derivative() -> None:
    depth = []
    f = fxad.custom_jvp(lambda x: x * x)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        depth.append((derivatives_around(primals), derivatives_around(tangents)))
        return f(*primals), 2.0 * primals[0] * tangents[0]

    fxad.grad(f)(1.0)
    assert depth == [(0, 0)]
    depth.clear()
    fxad.hessian(f)(1.0)
    assert depth == [(1, 1), (0, 0)]
    g = fxad.custom_vjp(lambda x: x * x)

    def backward(x: Any, ct: Any) -> Any:
        depth.append((derivatives_around([x]), derivatives_around([ct])))
        return (2.0 * x * ct,)

    g.defvjp(lambda x: (g(x), x), backward)
    depth.clear()
    fxad.grad(fxad.grad(g))(1.0)
    assert depth == [(0, 0), (1, 1)]
