"""check_grads: passes what is right, and names what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from fxad.ir import PRIMITIVES
from fxad.primitives.families import Elementwise
from fxad.test_util import check_grads


@pytest.mark.parametrize(("f", "args"), [
    (np.sin, (0.3,)),
    (lambda x, y: x @ y, (np.arange(6.0).reshape(2, 3), np.ones(3))),
    (lambda p: {"a": p["x"] * p["y"][0], "n": 3, "b": [p["y"][0] ** 3]},
     ({"x": np.arange(3.0), "y": (2.0, "static", None, True)},)),
    (lambda x, n: x * n, (np.ones(2), np.arange(2))),
    (lambda x: np.sum(np.exp(-x) * x), (np.float32([0.5, 1.5]),)),
    (lambda z: z * np.exp(z), (np.array([1 + 2j, 0.3 - 1j]),)),
    (lambda z: np.abs(z) * np.conj(z), (np.array([1 + 2j, 0.3 - 1j]),)),
    (lambda x: np.exp(1j * x), (0.7,)),
    (lambda x: 2.5, (0.7,)),
    (lambda x: x * 2, (np.zeros((0, 3)),)),
    (lambda x, y: x * y, (np.float32(2.0), 3.0)),
])
@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
def test_right(f: Any, args: Any, modes: Any) -> None:
    check_grads(f, args, order=2, modes=modes)


def test_third_order() -> None:
    check_grads(lambda x: np.tanh(x) * x, (np.array([0.3, -0.7]),), order=3)


@pytest.fixture
def wrong() -> Any:
    """sin, with a first derivative that is right and a second that is not."""
    def jvp(out: Any, x: Any, dx: Any) -> Any:
        return dx * slightly(x)

    primitive = Elementwise("wrong_sin", np.sin, jvp=jvp)
    slightly = Elementwise("wrong_cos", np.cos, jvp=lambda out, x, dx: -dx * np.sin(x) * 1.001)
    yield lambda x: primitive(x)
    del PRIMITIVES["wrong_sin"], PRIMITIVES["wrong_cos"]


def test_wrong(wrong: Any) -> None:
    f = lambda p: {"ok": p["b"] * 2, "bad": [wrong(p["a"])]}
    p = {"a": np.array([0.5, 0.7]), "b": 1.0}
    check_grads(f, (p,), order=1)
    with pytest.raises(AssertionError, match=r"order 2, fwd over fwd: the tangent of "
                                             r"output \['bad'\]\[0\] is wrong"):
        check_grads(f, (p,), order=2, modes=["fwd"])
    with pytest.raises(AssertionError, match=r"order 2, rev over rev: the cotangent of "
                                             r"argument \[0\]\['a'\]"):
        check_grads(f, (p,), order=2, modes=["rev"])
    check_grads(f, (p,), order=2, rtol=1e-2, atol=1e-2)
    with pytest.raises(AssertionError, match="wrong"):
        check_grads(lambda x: wrong(wrong(x)), (0.5,))


def test_a_stopped_gradient_is_wrong() -> None:
    with pytest.raises(AssertionError, match=r"order 1, fwd: the tangent of output is wrong"):
        check_grads(lambda x: x * fxad.stop_gradient(x), (2.0,))
    with pytest.raises(AssertionError, match=r"order 1, rev: the cotangent of argument \[0\]"):
        check_grads(lambda x: x * fxad.stop_gradient(x), (2.0,), modes=["rev"])
    check_grads(lambda x: x * x, (2.0,), eps=1e-3)


def test_arguments() -> None:
    with pytest.raises(ValueError, match="modes are 'fwd' and 'rev'"):
        check_grads(np.sin, (1.0,), modes=["forward"])
    with pytest.raises(ValueError, match="at least 1"):
        check_grads(np.sin, (1.0,), order=0)
