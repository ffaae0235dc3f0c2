"""A jitted function as an object: methods, partials, copies, pickles, and what it keeps alive."""

from __future__ import annotations

import copy
import dataclasses
import functools
import gc
import inspect
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import fxad


def double(x: Any) -> Any:
    """Twice x."""
    return x * 2 if x > 0 else x


renamed = fxad.jit(double)


@fxad.jit
def decorated(x: Any, *, n: int = 1) -> Any:
    return x * n


@fxad.jit(static_argnames="n")
def with_arguments(x: Any, n: int) -> Any:
    return x**n


@fxad.jit
@fxad.grad
def slope(x: Any) -> Any:
    return x**3


@dataclasses.dataclass(frozen=True)
class Layer:
    scale: Any
    kind: str = "linear"

    @fxad.jit
    def apply(self, x: Any) -> Any:
        return x * self.scale if self.kind == "linear" else np.tanh(x * self.scale)

    @fxad.jit
    @staticmethod
    def inside(x: Any) -> Any:
        return x + 1

    @staticmethod
    @fxad.jit
    def outside(x: Any) -> Any:
        return x + 2

    @fxad.jit
    @classmethod
    def made(cls, x: Any) -> Any:
        return cls(2.0).scale * x

    @classmethod
    @fxad.jit
    def named(cls, x: Any) -> Any:
        return x * len(cls.__name__)


class Point(NamedTuple):
    x: Any
    label: str


class Plain:
    def __init__(self, w: Any) -> None:
        self.w = w

    @fxad.jit
    def apply(self, x: Any) -> Any:
        return np.sum(x * self.w)

    @functools.partial(fxad.jit, static_argnums=2)
    def power(self, x: Any, n: int) -> Any:
        return x**n * self.w


class Callable_:
    def __call__(self, x: Any) -> Any:
        return x * 5


def test_methods() -> None:
    for _ in range(2):
        assert [Layer(3.0).apply(2.0), Layer(2.0).apply(2.0)] == [6.0, 4.0]
        assert Layer(1.0, "tanh").apply(0.5) == np.tanh(0.5)
        assert [Plain(2.0).apply(2.0), Plain(3.0).power(2.0, 3)] == [4.0, 24.0]
        assert Plain.apply(Plain(4.0), 2.0) == 8.0
        assert [Layer.inside(1.0), Layer(1.0).inside(1.0)] == [2.0, 2.0]
        assert [Layer.outside(1.0), Layer(1.0).outside(1.0)] == [3.0, 3.0]
        assert [Layer.made(3.0), Layer(1.0).made(3.0)] == [6.0, 6.0]
        assert [Layer.named(1.0), Layer(1.0).named(2.0)] == [5.0, 10.0]
    assert len(Layer.apply.paths()) == 2  # its scale is traced, its kind is not
    assert list(inspect.signature(Plain(1.0).power).parameters) == ["x", "n"]
    assert Plain(1.0).power.__name__ == "power"


def test_an_attribute_that_is_rebound_is_not_seen() -> None:
    plain = Plain(2.0)
    assert plain.apply(1.0) == 2.0
    plain.w = 3.0  # the instance is static: as in JAX, it is read when the method is traced
    assert plain.apply(1.0) == 2.0
    Plain.apply.clear_cache()
    assert plain.apply(1.0) == 3.0


def test_partials_callables_and_wrappers() -> None:
    partial = functools.partial(fxad.jit(lambda a, b, x: a * b + x), 2.0, b=3.0)
    assert partial(x=1.0) == 7.0
    assert fxad.jit(partial)(x=2.0) == 8.0
    assert fxad.jit(functools.partial(lambda a, x: a * x, 3.0))(2.0) == 6.0
    assert fxad.jit(Callable_())(2.0) == 10.0
    assert fxad.jit(fxad.jit(double))(3.0) == 6.0


def test_dataclass_and_named_tuple_arguments() -> None:
    f = fxad.jit(lambda p: p.x * 2 if p.label == "a" else -p.x)
    assert [f(Point(1.0, "a")), f(Point(2.0, "a")), f(Point(2.0, "b"))] == [2.0, 4.0, -2.0]
    assert len(f.paths()) == 2
    g = fxad.jit(lambda layer: layer.scale * 2 if layer.kind == "linear" else layer.scale)
    assert [g(Layer(1.0)), g(Layer(2.0)), g(Layer(3.0, "x"))] == [2.0, 4.0, 3.0]
    assert len(g.paths()) == 2
    assert fxad.jit(lambda p: Point(p.x * 2, 1.0))(Point(3.0, "a")) == Point(6.0, 1.0)


# -- pickles and copies -------------------------------------------------------------------------------

PICKLED: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "a function of another name": (renamed, (3.0,)),
    "a decorated function": (decorated, (3.0,)),
    "decorated with arguments": (with_arguments, (3.0, 2)),
    "decorated twice": (slope, (3.0,)),
    "made here": (fxad.jit(double), (3.0,)),
    "with statics": (fxad.jit(max, static_argnums=()), (3.0, 4.0)),
    "a method": (Layer.apply, (Layer(2.0), 3.0)),
    "a bound method": (Plain(2.0).apply, (3.0,)),
    "a partial": (functools.partial(decorated, n=3), (2.0,)),
}


@pytest.mark.parametrize("name", PICKLED)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(name: str, protocol: int) -> None:
    f, args = PICKLED[name]
    expected = f(*args)
    again = pickle.loads(pickle.dumps(f, protocol))
    np.testing.assert_array_equal(again(*args), expected)


def test_a_pickle_is_the_function_and_not_its_cache() -> None:
    f = fxad.jit(double)
    empty = pickle.dumps(f)
    f(1.0)
    f(-1.0)
    assert pickle.dumps(f) == empty
    again = pickle.loads(empty)
    assert again.paths() == []
    assert again.fun is double
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert pickle.loads(pickle.dumps(Layer.apply)) is Layer.apply
    static = pickle.loads(pickle.dumps(fxad.jit(double, static_argnums=0)))
    assert [static(1.0), static(2.0)] == [2.0, 4.0]
    assert len(static.paths()) == 2


def test_what_cannot_be_pickled() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError), match="Can't pickle"):
        pickle.dumps(fxad.jit(lambda x: x))


def test_copies() -> None:
    f = fxad.jit(lambda x: x * 2)
    f(1.0)
    for again in (copy.copy(f), copy.deepcopy(f)):
        assert again(2.0) == 4.0
        assert again.fun is f.fun
        assert len(again.paths()) == 1
    assert copy.deepcopy(decorated) is decorated
    assert copy.deepcopy({"f": decorated})["f"](2.0, n=3) == 6.0


def test_names_and_docs() -> None:
    assert (renamed.__name__, renamed.__doc__, renamed.__wrapped__) == ("double", "Twice x.", double)
    assert repr(renamed) == "<jitted double>"
    assert list(inspect.signature(decorated).parameters) == ["x", "n"]


# -- life ---------------------------------------------------------------------------------------------


def made() -> tuple[Callable[..., Any], list[weakref.ref[Any]]]:
    weights = np.arange(3.0)

    def f(x: Any) -> Any:
        return np.sum(x * weights) if x.sum() > 0 else np.sum(x)

    return f, [weakref.ref(f), weakref.ref(weights)]


@pytest.mark.parametrize("transform", [
    fxad.jit, fxad.grad, fxad.hessian, lambda f: fxad.jit(fxad.grad(f)), lambda f: fxad.grad(fxad.jit(f)),
    fxad.jacobian, lambda f: fxad.jit(fxad.jit(f)), lambda f: lambda x: fxad.jvp(f, (x,), (x,)),
    lambda f: lambda x: fxad.vjp(f, x)[1](1.0), lambda f: lambda x: fxad.linearize(f, x)[1](x),
])
def test_functions_and_their_arrays_die(transform: Any) -> None:
    f, died = made()
    g = transform(f)
    for k in (1.0, 2.0, -1.0, 3.0):
        g(k * np.ones(3))
    del f, g
    gc.collect()
    assert [ref() for ref in died] == [None, None]


def test_arguments_die() -> None:
    f = fxad.jit(lambda x: np.sum(x * 2))
    x = np.ones(3)
    died = weakref.ref(x)
    f(x)
    del x
    gc.collect()
    assert died() is None


def test_closed_over_arrays_are_read_when_traced() -> None:
    weights = np.array([1.0, 2.0])
    f = fxad.jit(lambda x: np.sum(x * weights) if x.sum() > 0 else np.sum(x))
    assert f(np.ones(2)) == 3.0
    weights[0] = 100.0
    assert f(np.ones(2)) == 3.0
    f.clear_cache()
    assert f(np.ones(2)) == 102.0


def test_a_closed_over_array_that_changed_starts_the_paths_anew() -> None:
    """A path is all of one time: what leads to a decision is not the array of before."""
    weights = np.array([1.0, 2.0])

    @fxad.jit
    def f(x: Any) -> Any:
        y = x * weights
        return y + weights if y.sum() > 0 else y - weights

    x = np.ones(2)
    np.testing.assert_array_equal(f(x), [2.0, 4.0])
    weights[:] = [10.0, 20.0]
    np.testing.assert_array_equal(f(-x), [-20.0, -40.0])
    np.testing.assert_array_equal(f(x), [20.0, 40.0])
    assert len(f.paths()) == 2


def test_the_warning_names_the_line_of_the_call() -> None:
    f = fxad.jit(lambda x, n: x * len(range(n)))
    with fxad.config.using(guard_limit=2), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(6):
            assert f(2.0, n) == 2.0 * n
            assert f(x=3.0, n=n) == 3.0 * n
    assert [w.filename for w in caught] == [__file__] * 2  # once for each signature
    line = f.fun.__code__.co_firstlineno
    for w in caught:
        assert str(w.message) == (
            "jit of <lambda>: its decisions have led to 2 different paths (fxad.config.guard_limit), and a"
            " new one runs un-jitted from here on. Most of them part at"
            f" test_jitted.py:{line}, range(n). Use np.where for a choice between values, or make the number"
            " of steps depend on fewer things.")
