"""Python decides under jit: each path is compiled once, and a call finds its own."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad


def scaled(a: Any) -> Any:
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


def steps(a: Any) -> tuple[int, bool]:
    """Which path `scaled` takes."""
    b, n = a * 2, 0
    while np.linalg.norm(b) < 1000:
        b, n = b * 2, n + 1
    return n, bool(b.sum() > 0)


def inputs(count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=3) * 10.0 ** rng.integers(-3, 4) for _ in range(count)]


def early(x: Any) -> Any:
    if x < 0:
        return -x
    for k in range(10):
        x = x * 1.5
        if x > 20:
            break
        if k == 3 and not x > 5:
            return x * 100
    assert x > 0
    return x or 1.0


jitted_scaled = fxad.jit(scaled)


def cubes(a: Any) -> Any:
    return (scaled(a) ** 3).sum()


def twice(a: Any) -> Any:
    return fxad.grad(lambda b: (fxad.grad(cubes)(b) * b).sum())(a)


# A function with jit somewhere in it, and the same without.
TRANSFORMED: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "jit": (jitted_scaled, scaled),
    "jit of grad": (fxad.jit(fxad.grad(cubes)), fxad.grad(cubes)),
    "grad of jit": (fxad.grad(lambda a: (jitted_scaled(a) ** 3).sum()), fxad.grad(cubes)),
    "jit of hessian": (fxad.jit(fxad.hessian(cubes)), fxad.hessian(cubes)),
    "jit of jvp": (
        fxad.jit(lambda a: fxad.jvp(scaled, (a,), (a,))[1]), lambda a: fxad.jvp(scaled, (a,), (a,))[1]),
    "jit of vjp": (
        fxad.jit(lambda a: fxad.vjp(scaled, a)[1](a)[0]), lambda a: fxad.vjp(scaled, a)[1](a)[0]),
    "jit of jit": (fxad.jit(lambda a: jitted_scaled(a) + 1), lambda a: scaled(a) + 1),
    "jit of grad of grad": (fxad.jit(twice), twice),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_results_are_those_without_jit(name: str) -> None:
    jitted, plain = TRANSFORMED[name]
    for a in inputs(60):
        np.testing.assert_array_equal(jitted(a), plain(a))


def test_one_path_for_each_that_is_taken() -> None:
    f = fxad.jit(scaled)
    called = inputs(100)
    for a in called:
        np.testing.assert_array_equal(f(a), scaled(a))
    assert len(f.paths()) == len({steps(a) for a in called})
    assert sum(path.hits for path in f.paths()) == len(called)
    for path in f.paths():
        *loop, last = path.guards
        assert [guard.answer for guard in loop] == [True] * (len(loop) - 1) + [False]
        assert {guard.expression for guard in loop} == {"np.linalg.norm(b) < 1000"}
        assert last.expression == "b.sum() > 0"
        assert last.answer in (True, False)
        assert last.source is not None
        assert str(last.source) == f"test_guards.py:{scaled.__code__.co_firstlineno + 4}"
    f.clear_cache()
    assert f.paths() == []


def test_python_runs_once_for_each_path() -> None:
    runs = []

    @fxad.jit
    def f(x: Any) -> Any:
        runs.append(1)
        return early(x)

    values = [-1.0, 0.5, 1.0, 3.0, 10.0, 19.0, 0.9, -5.0]
    for _ in range(3):
        for x in values:
            assert f(x) == early(x)
    assert len(runs) == len(f.paths()) < len(values)


def test_ints_decide() -> None:
    @fxad.jit
    def power(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x * x
        return x

    for n in (0, 1, 3, 1):
        assert power(1.5, n) == 1.5 ** 2**n
    assert [path.guards[0].answer for path in power.paths()] == [0, 1, 3]
    half = fxad.jit(lambda x: x * int(x))
    assert (half(2.5), half(3.5), half(2.75)) == (5.0, 10.5, 5.5)
    assert len(half.paths()) == 2


def test_captured_arrays_on_paths() -> None:
    big, small = np.arange(3.0), np.ones(3)

    @fxad.jit
    def f(x: Any) -> Any:
        y = x * small
        if y.sum() > 0:
            return y + big
        return (y * big, small)[0]

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(f(x), x + big)
    np.testing.assert_array_equal(f(-x), -x * big)
    np.testing.assert_array_equal(f(x), x + big)


def test_a_function_that_changed_starts_anew() -> None:
    factor = [2.0]

    @fxad.jit
    def f(x: Any) -> Any:
        y = x * factor[0]
        return y if y > 0 else -y

    assert f(1.0) == 2.0
    factor[0] = 3.0
    assert f(-1.0) == 3.0  # another path: the way to its decision is not what it was
    assert f(1.0) == 3.0
    assert len(f.paths()) == 2


def test_too_many_paths() -> None:
    f = fxad.jit(lambda n: float(len(range(n))) * np.float64(1.0) if n > 3 else n * 1.0)
    with fxad.config.using(guard_limit=5):
        for n in range(1, 8):  # small ones share a path
            assert f(n) == n
        with pytest.warns(RuntimeWarning, match=r"5 different paths.*test_guards\.py:\d+.*np\.where"):
            assert f(50) == 50
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [f(60), f(2), f(70)] == [60, 2, 70]


def test_no_decision_for_a_batch() -> None:
    for f in (fxad.jit(fxad.vmap(early)), fxad.vmap(fxad.jit(early))):
        with pytest.raises(fxad.errors.ConcretizationError, match="each element of the batch"):
            f(np.ones(3))


def test_a_trace_that_closes_over_a_tracer() -> None:
    def outer(a: float) -> Any:
        inner = fxad.jit(lambda x: x * a if a > 1 else x + a)
        return inner(3.0) * a

    assert fxad.grad(outer)(2.0) == 12.0
    assert fxad.jit(fxad.grad(outer))(2.0) == 12.0
    assert fxad.jit(fxad.grad(outer))(0.5) == fxad.grad(outer)(0.5) == 4.0


def test_nan_decides_as_in_python() -> None:
    f = fxad.jit(lambda x: 1.0 * x if x > 0 else 0.0 * x + 2.0)
    assert np.isnan(f(np.nan))
    assert f(-1.0) == 2.0
    assert [path.guards[0].answer for path in f.paths()] == [False]


def test_threads_find_the_same_paths() -> None:
    f = fxad.jit(fxad.grad(lambda a: (scaled(a) ** 2).sum()))
    plain = fxad.grad(lambda a: (scaled(a) ** 2).sum())
    called = inputs(25)
    expected = [plain(a) for a in called]
    wrong: list[Any] = []

    def work() -> None:
        for a, e in zip(called, expected, strict=True):
            if not np.array_equal(f(a), e):
                wrong.append(a)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
