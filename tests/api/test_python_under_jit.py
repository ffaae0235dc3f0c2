"""Every way in which Python decides, under jit: results are those without it, and a path for each way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad

TABLE = {0: 10.0, 1: 20.0, 2: 30.0}
NAMES = ["a", "b", "c"]
X = np.array([1.0, -2.0, 3.0])


def early_return(x: Any) -> Any:
    if x < 0:
        return -x
    if 1 < x <= 2:
        return x * 10
    return x


def breaks(x: Any) -> Any:
    for k in range(6):
        x = x * 2
        if x > 10:
            break
        if k == 1 and x < 1:
            continue
        x = x + 0.5
    else:
        x = -x
    return x


def while_else(x: Any) -> Any:
    n = 0
    while x > 1:
        x = x / 2
        n += 1
        if n == 3:
            break
    else:
        return x + 100
    return x


def matches(n: Any) -> Any:
    match n:
        case 0:
            return 1.0
        case 1 | 2:
            return 2.0
        case k if k > 10:
            return 3.0 * n
        case _:
            return 4.0


def asserts(x: Any) -> Any:
    assert x > 0, "x is to be positive"
    return np.sqrt(x)


def walrus(x: Any) -> Any:
    if (y := x * 2) > 3:
        return y
    return x


def tries(x: Any) -> Any:
    try:
        if x < 0:
            raise ArithmeticError
        return x * len(range(int(x)))
    except ArithmeticError:
        return -x
    finally:
        x = x + 1


def catches_what_int_raises(x: Any) -> Any:
    try:
        return x * int(x)
    except ValueError:
        return 1.0
    except OverflowError:
        return 2.0


def generates(x: Any) -> Any:
    def partial_sums(n: Any) -> Any:
        total = 0.0
        for k in range(n):
            total = total + x * k
            if total > 20:
                return
            yield total

    return sum(partial_sums(5))


def power(x: Any, n: Any) -> Any:
    return x if n <= 1 else x * power(x, n - 1)


@fxad.jit
def jitted_power(x: Any, n: Any) -> Any:
    return x if n <= 1 else x * jitted_power(x, n - 1)


def inner_jit(x: Any) -> Any:
    half = fxad.jit(lambda y: y / 2 if y > 4 else y)
    return half(x) if x > 0 else half(-x) * 3


def filled(n: Any) -> Any:
    return np.zeros((n, 2)).sum() + np.ones(n).sum() + np.eye(n)[0, 0] + np.full(n, 2.0).sum()


# What decides, arguments for it, and how many paths these take.
DECISIONS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]], int]] = {
    "if": (lambda x: x if x > 0 else -x, [(1.0,), (-1.0,), (2.0,)], 2),
    "if a flag": (lambda x, flag: x if flag else -x, [(1.0, np.True_), (2.0, np.False_)], 2),
    "not": (lambda x: x if not x > 0 else -x, [(1.0,), (-1.0,)], 2),
    "and": (lambda x: x * 2 if x > 0 and x < 1 else x, [(0.5,), (-1.0,), (2.0,)], 3),
    "or": (lambda x: x or 7.0, [(0.0,), (3.0,)], 2),
    "x and y": (lambda x: x and x * 2, [(0.0,), (3.0,)], 2),
    "a chain of comparisons": (lambda x: x * 2 if 0 < x < 1 else x, [(0.5,), (-1.0,), (2.0,)], 3),
    "an early return": (early_return, [(-1.0,), (0.5,), (1.5,), (3.0,)], 4),
    "break, continue, else": (breaks, [(0.01,), (1.0,), (3.0,), (11.0,), (-1.0,)], 5),
    "while, else": (while_else, [(0.5,), (1.5,), (3.0,), (100.0,)], 4),
    "match": (matches, [(0,), (1,), (2,), (5,), (11,), (12,)], 5),
    "assert": (asserts, [(1.0,), (4.0,)], 1),
    ":=": (walrus, [(1.0,), (2.0,)], 2),
    "try": (tries, [(2.5,), (-1.0,), (3.5,)], 3),
    "what int raises": (catches_what_int_raises, [(2.5,), (np.nan,), (np.inf,), (2.25,), (-np.inf,)], 3),
    "a generator": (generates, [(1.0,), (5.0,), (100.0,)], 3),
    "max": (lambda x, y: max(x, y), [(1.0, 2.0), (2.0, 1.0)], 2),
    "min of three": (lambda x: min(x, x * x, 1.0), [(0.5,), (2.0,), (-1.0,)], 3),
    "sorted": (lambda x, y: sorted([x, y, 1.5])[0] * 2, [(1.0, 2.0), (2.0, 1.0), (1.8, 3.0)], 3),
    "sum": (lambda x: sum(x), [(X,), (-X,)], 1),
    "any": (lambda x: x[0] if any(x > 2) else x[1], [(X,), (-X,)], 2),
    "all": (lambda x: x[0] if all(x > -3) else x[1], [(X,), (-2 * X,)], 2),
    "range": (lambda x, n: sum((x * k for k in range(n)), 0.0), [(1.5, 0), (1.5, 3), (2.5, 3)], 2),
    "range of a length": (lambda x: sum(x[k] * k for k in range(len(x))), [(X,), (2 * X,)], 1),
    "range of a shape": (lambda x: sum(x[k] for k in range(x.shape[0] - 1)), [(X,), (2 * X,)], 1),
    "int": (lambda x: x * int(x), [(1.5,), (2.5,), (1.25,)], 2),
    "round": (lambda x: x * round(x), [(1.6,), (2.2,), (1.2,)], 2),
    "math.floor": (lambda x: x - math.floor(x), [(1.5,), (2.5,), (1.25,)], 2),
    "a dict": (lambda n: TABLE[n] * 1.0, [(0,), (1,), (2,), (1,)], 3),
    "a dict, by int()": (lambda n: TABLE[int(n)] * 1.0, [(0,), (1,)], 2),
    "a dict with a default": (lambda x, n: x * TABLE.get(n, -1.0), [(1.0, 2), (1.0, 9)], 2),
    "a dict of traced keys": (lambda x, n: {n: x, n + 1: -x}[3], [(1.0, 3), (1.0, 2)], 2),
    "in a dict": (lambda x, n: x if n in TABLE else -x, [(1.0, 2), (1.0, 9)], 2),
    "in a set": (lambda x, n: x if n in {3, 4} else -x, [(1.0, 4), (1.0, 9)], 2),
    "in a list": (lambda x: x if x in [1.0, 2.0] else -x, [(1.0,), (2.0,), (3.0,)], 3),
    "in an array": (lambda x: x[0] if 3.0 in x else x[1], [(X,), (-X,)], 2),
    "an item of a list": (lambda x, n: [x, -x, x * x][n], [(3.0, 0), (3.0, 1), (3.0, -1)], 3),
    "an item of a string": (lambda x, n: x if NAMES[n] == "b" else -x, [(3.0, 0), (3.0, 1)], 2),
    "a slice of a list": (lambda x, n: sum([x, x * 2, x * 3][:n]), [(3.0, 1), (3.0, 2)], 2),
    "list * n": (lambda x, n: np.stack([x] * n), [(X, 1), (X, 2)], 2),
    "n * list": (lambda x, n: np.stack(n * [x]), [(X, 1), (X, 2)], 2),
    "tuple * n": (lambda x, n: sum((x,) * n), [(2.0, 1), (2.0, 2)], 2),
    "x[:n]": (lambda x, n: x[:n] * 2, [(X, 1), (X, 2), (2 * X, 2)], 2),
    "np.arange(n)": (lambda x, n: x * np.arange(n), [(2.0, 3), (2.0, 4), (3.0, 4)], 2),
    "np.arange(m, n)": (lambda m, n: 1.0 * np.arange(m, n), [(1, 3), (2, 4)], 2),
    "np.arange(n, 0, -1)": (lambda n: 1.0 * np.arange(n, 0, -1), [(3,), (2,)], 2),
    "arrays of n": (filled, [(1,), (3,)], 2),
    "np.reshape": (lambda x, n: np.reshape(x, (n, -1)), [(np.arange(6.0), 2), (np.arange(6.0), 3)], 2),
    "x.reshape": (lambda x, n: x.reshape(n, -1), [(np.arange(6.0), 2), (np.arange(6.0), 3)], 2),
    "axis=n": (lambda x, n: np.sum(x, axis=n), [(np.ones((2, 3)), 0), (np.ones((2, 3)), 1)], 2),
    "k of np.diag": (lambda x, n: np.diag(x, n), [(X, 0), (X, 1)], 2),
    "float of an int": (lambda x, n: x * float(n), [(1.5, 2), (1.5, 3)], 2),
    "float of a flag": (lambda x: x * float(x > 1), [(1.5,), (0.5,), (2.0,)], 2),
    "complex of an int": (lambda x, n: x * complex(n), [(1.5, 2), (1.5, 3)], 2),
    "math of an int": (lambda x, n: x * math.sqrt(n) * math.factorial(n), [(1.5, 2), (1.5, 3)], 2),
    "bool": (lambda x, n: x * bool(n), [(1.5, 2), (1.5, 0)], 2),
    "a format": (lambda x, n: x if f"{n:02d}" == "07" else -x, [(1.5, 7), (1.5, 0)], 2),
    "x.any()": (lambda x: x * 2 if (x > 2).any() else x, [(X,), (-X,)], 2),
    "np.allclose": (lambda x: x * 2 if np.allclose(x, X) else x, [(X,), (-X,)], 2),
    "an array of one": (lambda x: x * 2 if x > 0 else x, [(np.ones(1),), (-np.ones((1,)),)], 2),
    "recursion": (power, [(2.0, 1), (2.0, 3), (3.0, 3)], 2),
    "recursion of the jitted": (jitted_power.fun, [(2.0, 1), (2.0, 3), (3.0, 3)], 2),
    "jit inside": (inner_jit, [(1.0,), (5.0,), (-1.0,), (-5.0,)], 4),
    "nan": (lambda x: x * 2 if x > 0 else (x * 3 if x <= 0 else 0 * x), [(np.nan,), (1.0,), (-1.0,)], 3),
    "a comprehension with if": (lambda x: sum(v for v in x if v > 0), [(X,), (-X,)], 2),
    "zip, enumerate": (lambda x: sum(k * a * b for k, (a, b) in enumerate(zip(x, x[::-1], strict=True))),
                       [(X,)], 1),
    "unpacking": (lambda x: (lambda a, b, c: a * b - c)(*x), [(X,)], 1),
    "isinstance of a container": (
        lambda t: sum(t) if isinstance(t, (list, tuple)) else t["x"], [([1.0, 2.0],), ({"x": 3.0},)], 2),
    "isinstance of a flag": (
        lambda x, mode: x if isinstance(mode, str) else -x, [(1.0, "a"), (1.0, None)], 2),
    "isinstance of an array": (
        lambda x: x * 2 if isinstance(x, fxad.numpy.ndarray) else x, [(X,), (2 * X,)], 1),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(name: str) -> None:
    f, arguments, paths = DECISIONS[name]
    jitted = fxad.jit(f)
    for _ in range(3):
        for args in arguments:
            np.testing.assert_array_equal(jitted(*args), f(*args))
    assert len(jitted.paths()) == paths
    assert sum(path.hits for path in jitted.paths()) == 3 * len(arguments)
    for path in jitted.paths():
        for guard in path.guards:
            assert guard.expression
            assert guard.source is not None
            assert guard.source.file == __file__


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_inside_a_derivative_inside_jit(name: str) -> None:
    f, arguments, _ = DECISIONS[name]
    gradient = fxad.grad(lambda s, *args: np.sum(np.real(f(*args)) * s) * s)
    jitted = fxad.jit(gradient)
    for _ in range(2):
        for args in arguments:
            np.testing.assert_array_equal(jitted(1.5, *args), gradient(1.5, *args))


def differentiable(args: tuple[Any, ...]) -> bool:
    return args[0].__class__ is float or args[0].__class__ is np.ndarray


@pytest.mark.parametrize("name", [n for n, (_, a, _) in DECISIONS.items() if all(map(differentiable, a))])
def test_derivatives_take_the_same_paths(name: str) -> None:
    f, arguments, _ = DECISIONS[name]
    gradient = fxad.grad(lambda *args: np.sum(np.real(f(*args)) ** 2))
    jitted = fxad.jit(gradient)
    of_jitted = fxad.grad(lambda *args: np.sum(np.real(fxad.jit(f)(*args)) ** 2))
    for _ in range(2):
        for args in arguments:
            expected = gradient(*args)
            np.testing.assert_array_equal(jitted(*args), expected)
            np.testing.assert_array_equal(of_jitted(*args), expected)


def tutorial(a: Any) -> Any:
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    if b.sum() > 0:  # noqa: SIM108 - as the tutorial has it
        c = b
    else:
        c = 100 * b
    return c


def path_of(a: Any) -> tuple[int, bool]:
    b, n = a * 2, 0
    while np.linalg.norm(b) < 1000:
        b, n = b * 2, n + 1
    return n, bool(b.sum() > 0)


def total(a: Any) -> Any:
    return tutorial(a).sum()


MADE: dict[str, tuple[Any, Any]] = {
    "jit(f)": (fxad.jit(tutorial), tutorial),
    "jit(jit(f))": (fxad.jit(fxad.jit(tutorial)), tutorial),
    "jit(grad(f))": (fxad.jit(fxad.grad(total)), fxad.grad(total)),
    "jit(value_and_grad(f))": (fxad.jit(fxad.value_and_grad(total)), fxad.value_and_grad(total)),
    "jit(jvp(f))": (
        fxad.jit(lambda a: fxad.jvp(tutorial, (a,), (a,))), lambda a: fxad.jvp(tutorial, (a,), (a,))),
    "jit(jacobian(f))": (fxad.jit(fxad.jacobian(tutorial)), fxad.jacobian(tutorial)),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("size", [None, 3])
def test_a_hundred_scales_and_signs(name: str, size: int | None) -> None:
    jitted, plain = MADE[name]
    jitted.clear_cache()
    rng = np.random.default_rng(7)
    called = [np.float64(rng.normal(size=size)) * 10.0 ** rng.uniform(-4, 4) for _ in range(100)]
    for a in called:
        for x, y in zip(fxad.tree.leaves(jitted(a)), fxad.tree.leaves(plain(a)), strict=True):
            np.testing.assert_array_equal(x, y)
    assert len(jitted.paths()) == len({path_of(a) for a in called})
    assert sum(path.hits for path in jitted.paths()) == 100


def test_gradients_of_a_jitted_function_take_a_hundred_paths() -> None:
    jitted = fxad.jit(total)
    rng = np.random.default_rng(8)
    for _ in range(100):
        a = rng.normal(size=3) * 10.0 ** rng.uniform(-4, 4)
        np.testing.assert_array_equal(fxad.grad(jitted)(a), fxad.grad(total)(a))


def test_vmap_of_a_jitted_function_without_guards() -> None:
    f = fxad.jit(lambda x: np.sum(np.sin(x) * x))
    xs = np.linspace(-1, 1, 12).reshape(4, 3)
    np.testing.assert_array_equal(fxad.vmap(f)(xs), fxad.vmap(f.fun)(xs))
    np.testing.assert_array_equal(fxad.jit(fxad.vmap(fxad.grad(f)))(xs), fxad.vmap(fxad.grad(f.fun))(xs))


# -- what goes wrong on a path ----------------------------------------------------------------------


def test_an_assertion_that_fails_does_so_each_time() -> None:
    f = fxad.jit(asserts)
    for _ in range(3):
        with pytest.raises(AssertionError, match=r"^x is to be positive"):
            f(-1.0)
        assert f(4.0) == 2.0
    assert [path.hits for path in f.paths()] == [3]


def test_what_the_user_raises_is_the_users() -> None:
    def f(x: Any) -> Any:
        if x > 3:
            raise KeyError("too large")
        return x

    jitted = fxad.jit(f)
    for value in (1.0, 5.0, 1.0, 5.0, 2.0):
        if value > 3:
            with pytest.raises(KeyError, match="too large"):
                jitted(value)
        else:
            assert jitted(value) == value
    assert len(jitted.paths()) == 1


def test_a_key_that_is_not_there() -> None:
    f = fxad.jit(lambda n: TABLE[n] * 1.0)
    for _ in range(2):
        with pytest.raises(KeyError):
            f(17)
        assert f(1) == 20.0


def test_ints_that_int_cannot_make() -> None:
    f = fxad.jit(lambda x: x * int(x))
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot convert float NaN to integer"):
            f(np.nan)
        assert f(2.5) == 5.0
    g = fxad.jit(catches_what_int_raises)
    assert [g(np.nan), g(np.inf), g(2.0)] == [1.0, 2.0, 4.0]
    assert [repr(path.guards[0].answer) for path in g.paths()] == [
        "raises ValueError", "raises OverflowError", "2"]


FLOATS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "float": (lambda x: x * float(x), "x itself: it is a number to NumPy's functions and to operators"),
    "math": (lambda x: math.sin(x), r"np\.sin\(x\)"),
    "complex": (lambda x: complex(x), r"x \+ 0j"),
    "item": (lambda x: x.item(), "x itself"),
    "tolist": (lambda x: x.tolist(), r"list\(x\), which keeps the elements traced"),
    "asarray": (lambda x: np.asarray(x), r"x itself instead of np\.asarray\(x\)"),
    "value_of": (lambda x: fxad.value_of(x), "compute with x itself"),
    "dict": (lambda x: {1.0: x}[x], r"a look-up by an integer, or np\.where\(x == key, a, b\)"),
    "set": (lambda x: x in {1.0}, r"a look-up by an integer"),
    "arange": (lambda x: np.arange(x), "x itself"),
    "format": (lambda x: f"{x:.3f}", r'f"\{fxad\.value_of\(x\):\.3f\}"'),
}


@pytest.mark.parametrize("name", FLOATS)
def test_a_float_is_no_guard(name: str) -> None:
    f, fix = FLOATS[name]
    with pytest.raises(fxad.errors.ConcretizationError, match=fix) as caught:
        fxad.jit(f)(2.0)
    assert "Write instead:" in str(caught.value)
    assert f"test_python_under_jit.py:{f.__code__.co_firstlineno}" in str(caught.value)


def test_the_hash_of_an_array() -> None:
    with pytest.raises(TypeError, match=r"unhashable type: an array of shape \(3,\)"):
        fxad.jit(lambda x: {x: 1.0})(X)


# -- recursion --------------------------------------------------------------------------------------


@fxad.jit
def endless(x: Any) -> Any:
    return endless(x + 1.0)


def endless_plain(x: Any) -> Any:
    return endless_plain(x + 1.0)


@fxad.jit
def endless_from_numbers(x: Any) -> Any:
    return endless_from_numbers(1.0) + x


@pytest.mark.parametrize("f", [endless, endless_plain, endless_from_numbers])
def test_recursion_without_end(f: Any) -> None:
    for call in (fxad.jit(f), fxad.grad(fxad.jit(f)), fxad.jit(fxad.grad(f))):
        with pytest.raises(RecursionError) as caught:
            call(1.0)
        text = str(caught.value)
        assert isinstance(caught.value, fxad.errors.EndlessRecursion)
        assert text.startswith(f"jit of {f.__name__}: its calls are nested deeper than Python allows (")
        assert "A function that calls itself is traced call by call, and nothing ends these." in text
        assert text.endswith(
            "Write instead: a condition that ends the recursion, or a loop (for, while) in its place")
        assert f"in {f.__name__}" in text
        assert len(caught.traceback) < 60
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    assert fxad.jit(lambda x: x * 2)(1.0) == 2.0


def test_recursion_of_a_static_number() -> None:
    calls = []

    @fxad.jit(static_argnums=0)
    def factorial(n: int, x: Any) -> Any:
        calls.append(n)
        return x if n == 0 else n * factorial(n - 1, x)

    assert factorial(5, 1.0) == 120.0
    assert factorial(5, 2.0) == 240.0
    assert calls == [5, 4, 3, 2, 1, 0]


# -- what is listed ---------------------------------------------------------------------------------


def test_how_paths_are_shown() -> None:
    f = fxad.jit(catches_what_int_raises)
    for x in (2.5, np.nan, 2.0):
        f(x)
    line = catches_what_int_raises.__code__.co_firstlineno + 2
    place = f"test_python_under_jit.py:{line}"
    assert list(map(str, f.paths())) == [
        f"2 calls\n    int(x) -> 2  # {place}",
        f"1 call\n    int(x) -> raises ValueError  # {place}",
    ]
    assert repr(f.paths()[0]) == f"<path: int(x) -> 2  # {place}; hits 2>"
    straight = fxad.jit(lambda x: x * 2)
    straight(1.0)
    assert repr(straight.paths()) == "[<path: no guards; hits 1>]"
    (guard,) = f.paths()[0].guards
    expression, source, answer = guard
    assert (expression, source.line, source.function, answer) == (
        "int(x)", line, "catches_what_int_raises", 2)


def test_a_function_without_source_has_paths() -> None:
    space: dict[str, Any] = {}
    exec("def f(x):\n    return x if x > 0 else -x", space)
    f = fxad.jit(space["f"])
    assert [f(1.0), f(-1.0)] == [1.0, 1.0]
    assert [str(path.guards[0]) for path in f.paths()] == [
        "... -> True  # <string>:2", "... -> False  # <string>:2"]
