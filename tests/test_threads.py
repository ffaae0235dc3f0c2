"""Threads that trace, transform and call at once give the results of one."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad


@pytest.fixture(autouse=True)
def _eager_switches() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], Any], count: int = 16) -> list[Any]:
    """The results of `work(0)`, ..., each in a thread of its own that starts with the others."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count
    errors: list[BaseException] = []

    def run(k: int) -> None:
        barrier.wait()
        try:
            results[k] = work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "threads wait for each other"
    assert not errors, errors
    return results


def branching(a: Any) -> Any:
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


def total(a: Any) -> Any:
    return np.sum(branching(a) ** 2)


def smooth(a: Any) -> Any:
    return np.sum(np.exp(-a) * np.tanh(a @ np.ones((len(a), len(a)))))


INPUTS = [np.random.default_rng(k).normal(size=3) * 10.0 ** (k % 5 - 2) for k in range(12)]

TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": fxad.grad(total),
    "hessian": fxad.hessian(smooth),
    "jvp": lambda a: fxad.jvp(branching, (a,), (a,)),
    "jacobian": fxad.jacobian(branching),
    "vmap": lambda a: fxad.vmap(fxad.grad(smooth))(np.stack([a, 2 * a])),
    "grad of grad": fxad.grad(lambda a: np.sum(fxad.grad(smooth)(a) ** 2)),
    "jit": fxad.jit(branching),
    "jit of grad": fxad.jit(fxad.grad(total)),
    "grad of jit": fxad.grad(fxad.jit(total)),
    "a new jit": lambda a: fxad.jit(fxad.value_and_grad(total))(a),
    "a new shape": lambda a: fxad.grad(smooth)(np.resize(a, 3 + int(abs(1000 * a[0])) % 50)),
}


def compute(a: Any) -> list[Any]:
    return [leaf for f in TRANSFORMS.values() for leaf in fxad.tree.leaves(f(a))]


def forget() -> None:
    """Empty the caches, so that everything is derived and compiled again, by all threads at once."""
    fxad.execute.cache.executables.clear()
    for f in TRANSFORMS.values():
        if hasattr(f, "clear_cache"):
            f.clear_cache()


def assert_same(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sixteen_threads_give_what_one_gives() -> None:
    expected = [compute(a) for a in INPUTS]
    forget()

    def work(k: int) -> list[list[Any]]:
        order = [(k + i) % len(INPUTS) for i in range(len(INPUTS))]
        found = {i: compute(INPUTS[i]) for i in order}
        return [found[i] for i in range(len(INPUTS))]

    for results in at_once(work):
        for found, e in zip(results, expected, strict=True):
            assert_same(found, e)


def test_one_jitted_function_and_its_cache_is_cleared() -> None:
    f = fxad.jit(branching)
    expected = [branching(a) for a in INPUTS]

    def work(k: int) -> int:
        for _ in range(6):
            for a, e in zip(INPUTS, expected, strict=True):
                np.testing.assert_array_equal(f(a), e)
            if k % 4 == 0:
                f.clear_cache()
            assert sum(p.hits for p in f.paths()) >= 0
        return k

    assert at_once(work) == list(range(16))
    f.clear_cache()
    for a, e in zip(INPUTS, expected, strict=True):
        np.testing.assert_array_equal(f(a), e)
    assert sum(p.hits for p in f.paths()) == len(INPUTS)


def test_every_path_is_there_once_and_every_call_is_counted() -> None:
    f = fxad.jit(branching)
    f_alone = fxad.jit(branching)
    for a in INPUTS:
        f_alone(a)
    at_once(lambda k: [f(a) for a in INPUTS])
    assert len(f.paths()) == len(f_alone.paths())
    assert sum(p.hits for p in f.paths()) == 16 * len(INPUTS)
    answers = lambda g: sorted(tuple(q.answer for q in p.guards) for p in g.paths())
    assert answers(f) == answers(f_alone)


def test_one_warning_of_too_many_paths() -> None:
    f = fxad.jit(lambda x, n: x * len(range(n)))
    with fxad.config.using(guard_limit=4), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = at_once(lambda k: [f(2.0, n) for n in range(20)])
    assert results == [[2.0 * n for n in range(20)]] * 16
    assert [w.category for w in caught] == [RuntimeWarning]


def test_a_signature_for_each_thread() -> None:
    f = fxad.jit(lambda x, mode, sizes: np.sum(x) * len(mode) * sizes[0], static_argnums=(1, 2))
    results = at_once(lambda k: [f(np.ones(3), "m" * (k % 4), [k % 3]) for _ in range(20)])
    for k, found in enumerate(results):
        assert found == [3.0 * (k % 4) * (k % 3)] * 20


def test_a_generator_goes_from_thread_to_thread() -> None:
    def pieces(x: Any) -> Iterator[Any]:
        for k in range(1, 5):
            yield x ** k

    def f(x: Any) -> Any:
        made = pieces(x)
        parts: list[Any] = []
        for _ in range(4):
            thread = threading.Thread(target=lambda: parts.append(next(made)))
            thread.start()
            thread.join()
        return sum(parts)

    plain = fxad.grad(lambda x: sum(pieces(x)))
    assert fxad.grad(f)(0.5) == plain(0.5)
    assert fxad.jit(fxad.grad(f))(0.5) == plain(0.5)
