"""Static arguments: which they are, and when two of them are the same."""

from __future__ import annotations

import dataclasses
import enum
import functools
import gc
import threading
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest

import fxad
from fxad.errors import TypeMismatch


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: Any


@dataclasses.dataclass
class Loose:
    value: Any


class Pair(NamedTuple):
    a: Any
    b: Any


class Box:
    """Has `==` and no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and self.value == other.value


def signatures(*values: Any) -> int:
    """How many signatures these static arguments are."""
    calls = []

    @fxad.jit(static_argnums=1)
    def f(x: Any, value: Any) -> Any:
        calls.append(value)
        return x

    for _ in range(2):
        for value in values:
            f(1.0, value)
    return len(calls)


def function(x: Any) -> Any:
    return x


NAN = float("nan")

# Values, of which each is a static argument of its own.
DIFFERENT: dict[str, list[Any]] = {
    "numbers": [1, True, 1.0, 1 + 0j, np.int64(1), np.float32(1), np.True_],
    "zeros": [0.0, -0.0, 0, False, np.float64(0.0), np.float64(-0.0)],
    "in a tuple": [(1,), (True,), (1.0,), (0.0,), (-0.0,)],
    "in a list": [[1], [True], [1.0], (1,), []],
    "in a dict": [{"a": 1}, {"a": True}, {"b": 1}, {}, {1: 1}, {True: 1}],
    "the order of a dict": [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
    "sets": [{1, 2}, {1}, frozenset({1, 2}), {1.0, 2.0}, set()],
    "slices": [slice(1), slice(2), slice(0, 1), slice(None)],
    "strings": ["a", b"a", "b", "", None, ...],
    "arrays": [np.arange(3), np.arange(3.0), np.arange(3)[None], np.arange(1, 4)],
    "arrays of strings": [np.array(["a", "b"]), np.array(["a", "c"])],
    "arrays of objects": [np.array([1, "b"], object), np.array([1.0, "b"], object)],
    "enums": [Colour.RED, Colour.BLUE],
    "frozen dataclasses": [Frozen(1), Frozen(1.0), Frozen(True), Frozen([1])],
    "dataclasses": [Loose(1), Loose(2), Loose([1]), Frozen(1)],
    "named tuples": [Pair(1, 2), Pair(1.0, 2), (1, 2)],
    "with ==": [Box(1), Box(2)],
    "in one another": [[{"a": (1, [2])}], [{"a": (1, [2.0])}], [{"a": (1, Box(2))}]],
    "functions": [function, len, np.sin, functools.partial(function), Frozen],
}

# Values made anew, which are the same static argument.
SAME: dict[str, list[Any]] = {
    "nan": [float("nan"), float("nan"), NAN],
    "nan in a list": [[float("nan")], [float("nan")]],
    "lists": [[1, [2]], [1, [2]]],
    "dicts": [{"a": [1]}, {"a": [1]}],
    "sets": [{1, 2}, {2, 1}],
    "arrays": [np.arange(3.0), np.arange(3.0)],
    "views": [np.arange(6.0)[::2], np.arange(6.0)[::2].copy()],
    "arrays of strings": [np.array(["a", "b"]), np.array(["a", "b"])],
    "dataclasses": [Loose([1]), Loose([1])],
    "frozen dataclasses": [Frozen(1), Frozen(1)],
    "named tuples": [Pair(1, [2]), Pair(1, [2])],
    "with ==": [Box(1), Box(1)],
    "with == in a list": [[Box(1)], [Box(1)]],
    "methods": [Frozen(1).__eq__, Frozen(1).__eq__],
    "strings": ["ab", "".join(["a", "b"])],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs(name: str) -> None:
    assert signatures(*DIFFERENT[name]) == len(DIFFERENT[name])


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same(name: str) -> None:
    assert signatures(*SAME[name]) == 1


@pytest.mark.parametrize("name", DIFFERENT)
def test_leaves_that_are_no_arrays(name: str) -> None:
    """The same holds of what is static by itself, in a list of an argument."""
    values = [v for v in DIFFERENT[name] if isinstance(v, (str, bytes, bool, Box, enum.Enum))]
    f = fxad.jit(lambda x: x[0])
    for value in values * 2:
        f([1.0, value])
    assert len(f.paths()) == len(values)


def write(value: Any) -> None:
    if isinstance(value, list):
        value[0] = 3.0
    elif isinstance(value, dict):
        value["k"] = 3.0
    elif isinstance(value, Box):
        value.value = 3.0
    elif isinstance(value, Loose):
        value.value[0] = 3.0
    else:
        value[...] = 3.0


@pytest.mark.parametrize(("value", "read"), [
    ([2.0], lambda v: v[0]),
    ({"k": 2.0}, lambda v: v["k"]),
    (Box(2.0), lambda v: v.value),
    (Loose([2.0]), lambda v: v.value[0]),
    (np.array([2.0]), lambda v: v[0]),
], ids=["list", "dict", "object", "dataclass", "array"])
def test_one_that_is_written_into_is_another(value: Any, read: Any) -> None:
    f = fxad.jit(lambda x, v: x * read(v), static_argnums=1)
    assert f(1.0, value) == 2.0
    write(value)
    assert f(1.0, value) == 3.0
    assert len(f.paths()) == 2


def test_one_that_cannot_be_kept() -> None:
    f = fxad.jit(lambda x, box: x, static_argnums=1)
    with pytest.raises(TypeMismatch, match="static Box that can neither be hashed nor copied"
                                           r" \(TypeError: cannot pickle") as caught:
        f(1.0, Box(threading.Lock()))
    assert str(caught.value).endswith("Write instead: a static argument with __eq__ and __hash__")


# -- which arguments are static -----------------------------------------------------------------------


def scaled(x: Any, n: Any = 2, *, m: Any = 1) -> Any:
    return sum((x for _ in range(n)), 0.0) * m


@pytest.mark.parametrize("given", [
    {"static_argnums": 1}, {"static_argnums": -1}, {"static_argnums": [1]}, {"static_argnames": "n"},
    {"static_argnames": ("n",)}, {"static_argnums": np.int64(1)}, {"static_argnums": range(1, 2)},
])
def test_by_number_and_by_name(given: Any) -> None:
    f = fxad.jit(scaled, **given)
    for n in (0, 3, 3):
        assert f(2.0, n) == f(2.0, n=n) == f(n=n, x=2.0) == 2.0 * n
    assert f(2.0) == 4.0
    assert all(not path.guards for path in f.paths())


def test_the_last_is_the_last_of_the_function() -> None:
    f = fxad.jit(lambda x, y, mode="a": x * y if mode == "a" else x, static_argnums=-1)
    assert f(2.0, 3.0) == 6.0
    assert f(2.0, 4.0) == 8.0
    assert f(2.0, 4.0, "b") == 2.0
    assert len(f.paths()) == 2


def test_many_arguments() -> None:
    f = fxad.jit(lambda x, *rest, **named: x * sum(rest) * sum(named.values()),
                 static_argnums=(1, 2), static_argnames="k")
    assert f(2.0, 3, 4, k=1, j=2.0) == 42.0
    assert f(3.0, 3, 4, k=1, j=2.0) == 63.0
    assert len(f.paths()) == 1
    assert f(2.0, 3, k=2) == 12.0


def test_a_traced_value_in_a_static_place() -> None:
    f = fxad.jit(lambda x, y: x * y, static_argnums=1)
    assert fxad.grad(lambda y: f(3.0, y))(2.0) == 3.0
    assert fxad.grad(lambda y: fxad.jit(lambda x, y: x * y[0], static_argnums=1)(3.0, [y]))(2.0) == 3.0


WRONG: dict[str, tuple[Any, str]] = {
    "a number too large": (
        {"static_argnums": 2}, r"jit: argument number 2 \(static_argnums=2\) is to be static, and scaled has"
        r" positional arguments x, n\."),
    "a number too small": (
        {"static_argnums": (0, -3)}, r"jit: argument number -3 \(static_argnums=\(0, -3\)\) is to be static"),
    "a name": (
        {"static_argnames": "k"}, r"jit: argument 'k' \(static_argnames='k'\) is to be static, and scaled has"
        r" arguments x, n, m\."),
    "no number": ({"static_argnums": 1.5}, r"jit: static_argnums=1\.5 is no int and no sequence of ints\."),
    "a name for a number": ({"static_argnums": "n"}, r"jit: static_argnums='n' is no int"),
    "no name": ({"static_argnames": 1}, r"jit: static_argnames=1 is no name and no sequence of names\."),
    "numbers for names": ({"static_argnames": [1]}, r"jit: static_argnames=\[1\] is no name"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_that_are_not_there(name: str) -> None:
    given, message = WRONG[name]
    with pytest.raises(TypeMismatch, match=f"^{message}") as caught:
        fxad.jit(scaled, **given)
    assert "test_statics.py:" in str(caught.value)
    assert "Write instead: " in str(caught.value)


@pytest.mark.parametrize("name", ["donate_argnums", "device", "inline", "backend"])
def test_settings_that_are_not_there(name: str) -> None:
    with pytest.raises(TypeError, match=rf"jit\(\) got an unexpected keyword argument '{name}'"):
        fxad.jit(scaled, **{name: 0})


def test_a_function_in_c() -> None:
    assert fxad.jit(np.sum, static_argnums=1)(np.ones((2, 3)), 0).shape == (3,)


# -- what is kept alive -------------------------------------------------------------------------------


class Model:
    """An object that is equal only to itself."""

    def __init__(self, w: Any) -> None:
        self.w = w

    @fxad.jit
    def apply(self, x: Any) -> Any:
        return x * self.w if x > 0 else x


def test_an_object_dies_and_its_entry_with_it() -> None:
    Model.apply.clear_cache()
    for k in range(5):
        model = Model(1.0 * k)
        died = weakref.ref(model)
        assert model.apply(2.0) == 2.0 * k
        assert model.apply(-2.0) == -2.0
        del model
        gc.collect()
        assert died() is None
    assert len(Model.apply.paths()) == 2  # of the last one, until another comes


def test_functions_that_are_static_die() -> None:
    f = fxad.jit(lambda x, g: g(x), static_argnums=1)
    died = []
    for k in range(3):
        def g(x: Any, k: int = k) -> Any:
            return x * k

        died.append(weakref.ref(g))
        assert f(2.0, g) == 2.0 * k
        del g
    gc.collect()
    assert [ref() for ref in died] == [None] * 3
