"""Structured loops: an ODE and a recurrent network, value and gradient, beside Python loops and peers."""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import fxad
from benchmarks.harness import Row, interleaved
from benchmarks.scalar import installed
from fxad.primitives.reversal import binomial_steps

__all__ = ["memory", "oscillator", "recurrent"]

STEPS, H = 1000, 0.01


def rate(y: Any, mu: Any, np: Any) -> Any:
    """The van der Pol oscillator, y'' = mu (1 - y^2) y' - y, as a system of two."""
    return np.stack([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])


def runge_kutta(y: Any, mu: Any, np: Any) -> Any:
    """One step of the classical Runge-Kutta method."""
    a = rate(y, mu, np)
    b = rate(y + 0.5 * H * a, mu, np)
    c = rate(y + 0.5 * H * b, mu, np)
    d = rate(y + H * c, mu, np)
    return y + H / 6.0 * (a + 2.0 * b + 2.0 * c + d)


def by_scan(mu: Any, y: Any, lax: Any, np: Any) -> Any:
    """The first component after all steps, by `scan`."""
    return lax.scan(lambda y, _: (runge_kutta(y, mu, np), None), y, None, length=STEPS)[0][0]


def by_fori(mu: Any, y: Any, lax: Any, np: Any) -> Any:
    """The same by `fori_loop`."""
    return lax.fori_loop(0, STEPS, lambda i, y: runge_kutta(y, mu, np), y)[0]


def by_for(mu: Any, y: Any, np: Any) -> Any:
    """The same in Python."""
    for _ in range(STEPS):
        y = runge_kutta(y, mu, np)
    return y[0]


def oscillator() -> list[Row]:
    """RK4 of a 2-state van der Pol oscillator, 1,000 steps, value and gradient."""
    y = np.array([2.0, 0.0])
    mine = fxad.value_and_grad(functools.partial(by_scan, lax=fxad.lax, np=np))
    fori = fxad.value_and_grad(functools.partial(by_fori, lax=fxad.lax, np=np))
    plain = fxad.value_and_grad(functools.partial(by_for, np=np))
    calls: dict[str, Callable[[], Any]] = {
        "scan": functools.partial(mine, 1.5, y), "fori_loop": functools.partial(fori, 1.5, y),
        "jit(scan)": functools.partial(fxad.jit(mine), 1.5, y), "for": functools.partial(plain, 1.5, y),
    }
    if installed("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        theirs = jax.jit(jax.value_and_grad(functools.partial(by_scan, lax=jax.lax, np=jax.numpy)))
        calls["jax.jit"] = lambda: jax.block_until_ready(theirs(1.5, y))
    if installed("autograd"):
        import autograd
        import autograd.numpy as anp

        theirs_too = autograd.value_and_grad(
            functools.partial(by_for, np=type("", (), {"stack": staticmethod(anp.stack)})))
        calls["autograd"] = functools.partial(theirs_too, 1.5, y)
    times = interleaved(calls, repetitions=7)
    best = times["jit(scan)"].median
    rows = [
        Row("value and gradient of an ODE, by jit of scan", "a Python for", times["for"].median / best,
            "times as fast", "at least", 40),
        Row("the same by scan, un-jitted", "a Python for", times["for"].median / times["scan"].median,
            "times as fast", "at least", 30),
        Row("the same by fori_loop, un-jitted", "a Python for",
            times["for"].median / times["fori_loop"].median, "times as fast", "at least", 30),
    ]
    if "autograd" in times:
        rows.append(Row("the same by scan, un-jitted", "autograd",
                        times["autograd"].median / times["scan"].median, "times as fast", "at least", 100))
    if "jax.jit" in times:
        rows.append(Row("the same by jit of scan", "jax.jit of scan", best / times["jax.jit"].median,
                        "of its time", "at most", 2))
    return rows


def network(w: Any, xs: Any, lax: Any, np: Any) -> Any:
    """The last state of a recurrent network, summed."""
    h = np.zeros(w.shape[0])
    return np.sum(lax.scan(lambda h, x: (np.tanh(w @ h + x), None), h, xs)[0] ** 2)


def recurrent() -> list[Row]:
    """A recurrent network of 200 steps, hidden size 64, value and gradient."""
    rng = np.random.default_rng(0)
    w, xs = rng.normal(size=(64, 64)) / 8, rng.normal(size=(200, 64))

    def loop(w: Any) -> Any:
        h = np.zeros(64)
        for x in xs:
            h = np.tanh(w @ h + x)
        return np.sum(h**2)

    mine = fxad.value_and_grad(functools.partial(network, lax=fxad.lax, np=np))
    calls: dict[str, Callable[[], Any]] = {
        "scan": functools.partial(mine, w, xs),
        "for": functools.partial(fxad.value_and_grad(loop), w),
    }
    if installed("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        theirs = jax.jit(jax.value_and_grad(functools.partial(network, lax=jax.lax, np=jax.numpy)))
        calls["jax.jit"] = lambda: jax.block_until_ready(theirs(w, xs))
    times = interleaved(calls, repetitions=7)
    rows = [Row("value and gradient of a recurrent network, by scan", "a Python for",
                times["for"].median / times["scan"].median, "times as fast", "at least", 1)]
    if "jax.jit" in times:
        rows.append(Row("the same by scan, un-jitted", "jax.jit of scan",
                        times["scan"].median / times["jax.jit"].median, "of its time", "at most", 10))
    return rows


def memory() -> list[Row]:
    """Peak memory: a scan of 10,000 steps over 100,000 elements, and a chain of checkpointed functions."""
    steps, x = 10_000, np.linspace(0.0, 1.0, 100_000)

    def step(y: Any, _: Any) -> Any:
        return y + 1e-4 * np.sin(y), None

    def f(x: Any) -> Any:
        return np.sum(fxad.lax.scan(step, x, None, steps, checkpoint="binomial")[0])

    def layer(y: Any) -> Any:
        for _ in range(8):
            y = np.sin(1.1 * y)
        return y

    def chain(layer: Any, x: Any) -> Any:
        for _ in range(16):
            x = layer(x)
        return np.sum(x)

    peak = _peak(f, x)
    kept = _peak(functools.partial(chain, layer), x)
    again = _peak(functools.partial(chain, fxad.checkpoint(layer)), x)
    return [
        Row("peak memory of a gradient through 10,000 steps", "one state", peak, "states", "at most", 40),
        Row("steps computed again", "the steps", binomial_steps(steps) / steps, "times", "at most", 5),
        Row("peak memory of 16 layers, checkpointed", "without", again / kept, "of its memory",
            "at most", 0.25),
    ]


def _peak(f: Callable[[Any], Any], x: Any) -> float:
    """The most memory that a gradient takes, in arrays like `x`."""
    tracemalloc.start()
    fxad.grad(f)(x)
    peak = tracemalloc.get_traced_memory()[1] / x.nbytes
    tracemalloc.stop()
    return peak
