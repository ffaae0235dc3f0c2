"""jit: what is a signature, what is traced how often; make_ir and eval_shape."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors


class Counted:
    """A function that counts how often Python runs it."""

    def __init__(self, f: Any) -> None:
        self.f = f
        self.calls = 0
        self.__name__ = "counted"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.f(*args, **kwargs)


def test_traced_once_a_signature() -> None:
    f = Counted(lambda x: np.sum(x) * 2)
    j = fxad.jit(f)
    for k in range(5):
        assert j(np.full(3, 1.0 * k)) == 6.0 * k
    assert f.calls == 1
    j(np.ones(4))  # another shape
    assert f.calls == 2
    j(np.ones(3, np.float32))  # another dtype
    assert f.calls == 3
    j(np.ones((3, 1)))  # another rank
    assert f.calls == 4
    for _ in range(2):
        assert j(np.ones(3)) == 6.0
        assert j(np.ones(4)) == 8.0
    assert f.calls == 4


def test_python_numbers_do_not_retrace() -> None:
    f = Counted(lambda x, t: np.sin(x) * t)
    j = fxad.jit(f)
    for t in (0.0, 1.0, -0.0, 2.5, np.inf, 1e-300):
        np.testing.assert_equal(j(0.5, t), np.sin(0.5) * t)
    assert f.calls == 1
    j(0.5, 3)  # an int is of another type
    j(0.5, 4)
    assert f.calls == 2
    j(np.float64(0.5), 0.1)  # not weak
    j(np.float64(0.7), 0.2)
    assert f.calls == 3


def test_a_weak_number_stays_weak() -> None:
    j = fxad.jit(lambda x, t: x * t)
    assert j(np.float32(2.0), 3.0).dtype == np.float32
    assert j(np.float32(2.0), np.float64(3.0)).dtype == np.float64
    assert j(np.ones(2, np.float32), 3).dtype == np.float32


def test_static_leaves_retrace() -> None:
    f = Counted(lambda x, mode, flag: x * 2 if flag else x * 3 if mode == "three" else x)
    j = fxad.jit(f)
    for _ in range(2):
        assert j(1.0, "a", True) == 2.0
        assert j(1.0, "three", False) == 3.0
        assert j(1.0, "a", False) == 1.0
        assert j(1.0, None, False) == 1.0
    assert f.calls == 4


@pytest.mark.parametrize("static", [{"static_argnums": 1}, {"static_argnums": (1,)},
                                    {"static_argnums": -1}, {"static_argnames": "n"},
                                    {"static_argnames": ["n"]}])
def test_static_arguments(static: Any) -> None:
    def power(x: Any, n: Any) -> Any:
        y = 1.0
        for _ in range(n):
            y = y * x
        return y

    f = Counted(power)
    j = fxad.jit(functools.wraps(power)(lambda *args, **kwargs: f(*args, **kwargs)), **static)
    for _ in range(2):
        assert j(2.0, 3) == 8.0
        assert j(2.0, 5) == 32.0
    assert f.calls == 2
    if "static_argnames" in static:
        assert j(2.0, n=3) == 8.0


def test_static_floats_are_told_apart() -> None:
    f = Counted(lambda x, c: x * c)
    j = fxad.jit(f, static_argnums=1)
    for _ in range(2):
        assert not np.signbit(j(1.0, 0.0))
        assert np.signbit(j(1.0, -0.0))
        assert np.isnan(j(1.0, np.nan))
        assert j(1.0, 1) == j(1.0, 1.0) == j(1.0, True) == 1.0
    assert f.calls == 6


def test_as_a_decorator_with_arguments() -> None:
    @fxad.jit(static_argnames=("n",))
    def f(x: Any, *, n: int) -> Any:
        """Docs."""
        return x**n

    assert f(2.0, n=3) == 8.0
    assert f.__doc__ == "Docs."
    assert f.__name__ == "f"


def test_keyword_arguments() -> None:
    f = Counted(lambda x, *, a, b: x * a + b)
    j = fxad.jit(f)
    assert j(2.0, a=3.0, b=1.0) == 7.0
    assert j(2.0, b=1.0, a=3.0) == 7.0
    assert f.calls == 1


def test_pytrees() -> None:
    f = Counted(lambda p: {"sum": p["a"] + p["b"][0], "none": None, "pair": (p["a"], 1.0)})
    j = fxad.jit(f)
    for k in (1.0, 2.0):
        assert j({"a": k, "b": [2.0]}) == {"sum": k + 2.0, "none": None, "pair": (k, 1.0)}
    assert f.calls == 1
    j({"a": 1.0, "b": [2.0], "c": 3.0})
    assert f.calls == 2


def test_unhashable_static_leaves() -> None:
    class Box:
        __hash__ = None

        def __init__(self, v: int) -> None:
            self.v = v

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Box) and self.v == other.v

    f = Counted(lambda x, box: x * box.v)
    j = fxad.jit(f)
    assert [j(2.0, Box(k)) for k in (1, 3, 1, 3)] == [2.0, 6.0, 2.0, 6.0]
    assert f.calls == 2


@dataclasses.dataclass(frozen=True)
class Layer:
    scale: float

    @fxad.jit
    def apply(self, x: Any) -> Any:
        return x * self.scale

    @functools.partial(fxad.jit, static_argnums=0)
    def static_self(self, x: Any) -> Any:
        return x * self.scale


class Plain:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    @fxad.jit
    def apply(self, x: Any) -> Any:
        return x * self.scale


def test_methods() -> None:
    for _ in range(2):
        assert Layer(3.0).apply(2.0) == 6.0
        assert Layer(4.0).apply(2.0) == 8.0
        assert Layer(5.0).static_self(2.0) == 10.0
        assert Plain(6.0).apply(2.0) == 12.0
        assert fxad.jit(Plain(7.0).apply)(2.0) == 14.0
    assert fxad.grad(Layer(3.0).apply)(1.0) == 3.0
    assert fxad.grad(lambda layer: layer.apply(2.0))(Layer(3.0)) == Layer(2.0)


def test_partials_and_callables() -> None:
    assert fxad.jit(functools.partial(lambda a, x: a * x, 3.0))(2.0) == 6.0
    assert fxad.jit(np.sin)(0.0) == 0.0
    assert fxad.jit(fxad.jit(lambda x: x + 1))(1.0) == 2.0
    assert fxad.jit(lambda: np.float64(3.0))() == 3.0


def test_closures_are_read_when_traced() -> None:
    table = [np.arange(3.0)]
    j = fxad.jit(lambda x: np.sum(table[0] * x))
    assert j(1.0) == 3.0
    table[0] = np.zeros(3)
    assert j(1.0) == 3.0
    j.clear_cache()
    assert j(1.0) == 0.0


def test_captured_arrays_of_any_size() -> None:
    big = np.random.default_rng(0).normal(size=(50, 50))
    j = fxad.jit(lambda x: np.sum(big @ x))
    for _ in range(3):
        np.testing.assert_allclose(j(np.ones(50)), big.sum())


def test_a_function_that_raises_is_not_remembered() -> None:
    calls = []

    @fxad.jit
    def f(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        return x

    with pytest.raises(ValueError, match="once"):
        f(1.0)
    assert f(1.0) == 1.0


@pytest.mark.parametrize("decide", [
    lambda x: x if x > 0 else -x, lambda x: max(x, 0.5 * x), lambda x: x * (3.0 if x[0] > 0 else 4.0),
    lambda x: x and 2.0 * x, lambda x: x if not x > 0 or x < 0.5 else x * x,
])
def test_decisions_are_those_of_python(decide: Any) -> None:
    jitted = fxad.jit(decide)
    gradient = fxad.jit(fxad.grad(lambda x: np.sum(decide(x))))
    for value in (1.0, -1.0, 0.25, 0.0, 1.0):
        x = np.array([value])
        np.testing.assert_array_equal(jitted(x), decide(x))
        np.testing.assert_array_equal(gradient(x), fxad.grad(lambda x: np.sum(decide(x)))(x))


def test_jit_of_every_transform() -> None:
    f = lambda x: np.sum(np.sin(x) * x)
    x = np.linspace(0.1, 1.0, 4)
    for t in (fxad.grad, fxad.value_and_grad, fxad.jacfwd, fxad.hessian,
              lambda f: lambda x: fxad.vjp(f, x)[1](2.0), lambda f: lambda x: fxad.jvp(f, (x,), (x,)),
              lambda f: lambda x: fxad.linearize(f, x)[1](x), lambda f: fxad.vmap(f),
              lambda f: lambda x: fxad.hvp(f, (x,), (x,))):
        g, j = t(f), fxad.jit(t(f))
        for _ in range(3):
            for a, b in zip(fxad.tree.leaves(j(x)), fxad.tree.leaves(g(x)), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-13)


def test_make_ir() -> None:
    weights = np.array([1.0, 2.0])
    p = fxad.make_ir(lambda x, y: np.sum(np.sin(x) * y["k"]) + weights)(np.zeros(3), {"k": 2.0})
    assert fxad.ir.parse(str(p)) == p
    fxad.ir.verify(p)
    assert len(p.inputs) == 2
    np.testing.assert_array_equal(p(np.zeros(3), 2.0), weights)
    assert "sin" in str(p)
    assert "# test_compilation.py:" in str(p)
    again = fxad.make_ir(lambda x, y: np.sum(np.sin(x) * y["k"]) + weights)(np.ones(3), {"k": 3.0})
    assert again == p
    assert hash(again) == hash(p)
    q = fxad.make_ir(lambda x: x * 2)(fxad.ShapeDtypeStruct((3,), np.float32))
    assert str(q.out_types[0]) == "f32[3]"
    with pytest.raises(errors.ConcretizationError):
        fxad.make_ir(lambda x: x if x > 0 else -x)(fxad.ShapeDtypeStruct((), np.float64))
    assert len(fxad.make_ir(lambda x: x if x > 0 else -x)(2.0)) == 0
    with pytest.raises(errors.TypeMismatch, match="closes over a traced value"):
        fxad.grad(lambda x: fxad.make_ir(lambda y: x * y)(1.0)(2.0))(1.0)


def test_eval_shape() -> None:
    f = lambda x, n: {"y": np.sum(x, axis=0), "z": (n * 2, np.argmax(x))}
    found = fxad.eval_shape(f, fxad.ShapeDtypeStruct((2, 3), np.float32), 3)
    assert found["y"] == fxad.ShapeDtypeStruct((3,), np.float32)
    assert found["z"][0] == fxad.ShapeDtypeStruct((), np.int64)
    assert found["z"][1].dtype == np.intp
    s = found["y"]
    assert (s.ndim, s.size, hash(s)) == (1, 3, hash(fxad.ShapeDtypeStruct((3,), np.float32)))


def test_stop_gradient_and_value_of() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(fxad.value_of(x * 2))
        return x * fxad.stop_gradient(x) + fxad.stop_gradient({"a": x, "n": "s"})["a"]

    assert fxad.grad(f)(3.0) == 3.0
    assert seen == [6.0]
    assert fxad.jit(lambda x: fxad.stop_gradient(x) + 1)(1.0) == 2.0
    for transform in (fxad.jit, fxad.vmap):
        with pytest.raises(errors.ConcretizationError, match=r"fxad\.value_of"):
            transform(fxad.value_of)(np.ones(2))
    assert fxad.value_of(3.0) == 3.0
