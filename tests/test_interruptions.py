"""An interruption at any point leaves nothing behind: the next call is right, and no lock is held."""

from __future__ import annotations

import inspect
import itertools
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad


class Stopped(BaseException):
    """What interrupts, as KeyboardInterrupt does: no handler of the library is to swallow it."""


def branching(a: Any) -> Any:
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    c = b if b.sum() > 0 else 100 * b
    return (np.sin(c) * c).sum()


def smooth(a: Any) -> Any:
    return np.sum(np.exp(-a) * np.tanh(a @ np.ones((3, 3))))


def fresh_shapes() -> Iterator[int]:
    """Sizes that no cache has seen, so that everything is derived and compiled again."""
    return itertools.count(2)


_sizes = fresh_shapes()


def new_program() -> Any:
    """The gradient of a function whose Program is in no cache."""
    x = np.linspace(0.1, 1.0, 2 + next(_sizes) % 400)
    return fxad.grad(lambda x: np.sum(np.sin(x) * x + np.cumsum(x)))(x)


shared = fxad.jit(branching)
shared_gradient = fxad.jit(fxad.grad(branching))
A = np.array([0.3, -1.2, 2.5])


def guarded() -> Any:
    shared.clear_cache()
    return [shared(k * A) for k in (1.0, -1.0, 30.0, 1.0)]


TASKS: dict[str, Callable[[], Any]] = {
    "grad": lambda: fxad.grad(branching)(A),
    "hessian": lambda: fxad.hessian(smooth)(A),
    "vmap": lambda: fxad.vmap(fxad.grad(smooth))(np.stack([A, 2 * A])),
    "jit": guarded,
    "jit of grad": lambda: [shared_gradient(k * A) for k in (1.0, -3.0, 7.0)],
    "a new jit": lambda: fxad.jit(fxad.value_and_grad(branching))(A),
    "jacobian": lambda: fxad.jacobian(lambda a: np.outer(a, a) @ a)(A),
    "jvp": lambda: fxad.jvp(fxad.jit(smooth), (A,), (A,)),
    "a new Program": new_program,
}


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in
               zip(fxad.tree.leaves(a), fxad.tree.leaves(b), strict=True))


FIXED = [name for name in TASKS if name != "a new Program"]
EXPECTED = {name: TASKS[name]() for name in FIXED}


def check_everything() -> None:
    """Every task gives exactly what it gave, in this thread and (no lock is held) in another."""
    wrong: list[str] = []

    def work() -> None:
        wrong.extend(name for name in FIXED if not same(TASKS[name](), EXPECTED[name]))
        new_program()
        wrong.append("done")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert wrong == ["done"]


def raises_out(frame: Any, event: str) -> bool:
    """Whether an exception at this event reaches the caller: not from what runs when an object dies."""
    code = frame.f_code
    return event == "call" and not code.co_flags & inspect.CO_GENERATOR and code.co_name != "__del__"


def calls_of(task: Callable[[], Any]) -> int:
    """How many calls of Python functions a task makes, with nothing in the caches."""
    count = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += raises_out(frame, event)

    fxad.execute.cache.executables.clear()
    sys.setprofile(profile)
    try:
        task()
    finally:
        sys.setprofile(None)
    return count


def interrupted_at(task: Callable[[], Any], at: int) -> bool:
    """Run a task that is interrupted when it enters its `at`-th function; whether it got that far."""
    left = at
    fxad.execute.cache.executables.clear()

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal left
        if raises_out(frame, event):
            left -= 1
            if left == 0:
                sys.setprofile(None)
                raise Stopped

    sys.setprofile(profile)
    try:
        task()
    except Stopped:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("name", TASKS)
def test_an_exception_at_any_call(name: str) -> None:
    rng = random.Random(name)
    task = TASKS[name]
    count = min(calls_of(task) for _ in range(3))
    stopped = 0
    for k in range(80):
        stopped += interrupted_at(task, rng.randint(1, count))
        if name in FIXED and k % 8 == 0:
            assert same(task(), EXPECTED[name])
    assert stopped >= 60
    check_everything()


# One that comes while an object dies is lost, as Python says in this warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a timer that interrupts is Unix's")
def test_a_thousand_keyboard_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    # An interruption inside a finalizer is let go by Python, and reported by what another would interrupt.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    rng = random.Random(0)
    names = list(TASKS)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    def quiet() -> None:
        """Stop the timer, whose next interruption may come while the one before is being dealt with."""
        while True:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                return
            except KeyboardInterrupt:
                continue

    before = signal.signal(signal.SIGALRM, interrupt)
    interrupted = runs = 0
    try:
        while interrupted < 1000:
            runs += 1
            assert runs < 20_000
            name = names[runs % len(names)]
            try:
                try:
                    # Again and again: the first may be lost.
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 2e-3), 5e-3)
                    while True:
                        TASKS[name]()
                finally:
                    quiet()
            except KeyboardInterrupt:
                quiet()
                interrupted += 1
            if interrupted % 100 == 0:
                check_everything()
    finally:
        signal.signal(signal.SIGALRM, before)
    check_everything()


def test_an_exception_of_the_function_itself() -> None:
    rng = random.Random(1)
    calls = [0]

    def fails(x: Any, when: int) -> Any:
        for k in range(5):
            if k == when:
                raise ValueError(k)
            x = np.sin(x) * 2.0
            if x[0] > 0.5:
                x = x - 0.1
        calls[0] += 1
        return np.sum(x)

    plain = lambda x: fails(x, -1)
    x = np.linspace(0.1, 1.0, 4)
    expected = fxad.grad(plain)(x)
    jitted = fxad.jit(fails, static_argnums=1)
    gradient = fxad.jit(fxad.grad(fails), static_argnums=1)
    for _ in range(100):
        for f in (jitted, gradient, fxad.grad(fails), fxad.hessian(fails)):
            with pytest.raises(ValueError, match=r"^\d$"):
                f(x * rng.uniform(0.5, 2.0), rng.randrange(5))
    assert calls[0] == 1
    assert len(jitted.paths()) == len(gradient.paths()) == 0
    np.testing.assert_array_equal(gradient(x, -1), expected)
    np.testing.assert_array_equal(fxad.grad(plain)(x), expected)
