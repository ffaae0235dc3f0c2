"""A function of 30 scalar operations: gradients un-jitted, jitted, and the very first one."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import fxad
from benchmarks.harness import Row, interleaved

__all__ = ["first_gradient", "jitted", "unjitted"]

X = 0.3


def thirty(sin: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """30 operations on one number: sine, product and sum, ten times."""

    def f(x: Any) -> Any:
        for _ in range(10):
            x = sin(x) * x + 1.5
        return x

    return f


def installed(name: str) -> bool:
    """Whether a peer can be imported; one that can't is named and left out."""
    if importlib.util.find_spec(name) is None:
        print(f"  {name} is not installed: left out", flush=True)
        return False
    return True


def unjitted() -> list[Row]:
    """`grad(f)(x)`, traced at every call, against autograd and torch.func."""
    gradient = fxad.grad(thirty(np.sin))
    candidates: dict[str, Callable[[], object]] = {"fxad": lambda: gradient(X)}
    if installed("autograd"):
        import autograd

        theirs = autograd.grad(thirty(autograd.numpy.sin))
        candidates["autograd"] = lambda: theirs(X)
    if installed("torch"):
        import torch

        torch.set_num_threads(1)
        torched = torch.func.grad(thirty(torch.sin))
        x = torch.tensor(X, dtype=torch.float64)
        candidates["torch.func"] = lambda: torched(x)
    found = interleaved(candidates)
    own = found.pop("fxad")
    print(f"  fxad {own.median * 1e6:.1f} us; " +
          "; ".join(f"{t.name} {t.median * 1e6:.1f} us" for t in found.values()))
    return [
        Row("grad(f)(x) un-jitted, 30 scalar operations", t.name, t.median / own.median,
            "times as fast", "at least", 5.0)
        for t in found.values()
    ]


def jitted() -> list[Row]:
    """`jit(grad(f))(x)` against jax.jit."""
    gradient = fxad.jit(fxad.grad(thirty(np.sin)))
    if not installed("jax"):
        return []
    import jax

    jax.config.update("jax_enable_x64", True)
    theirs = jax.jit(jax.grad(thirty(jax.numpy.sin)))
    found = interleaved({
        "fxad": lambda: gradient(X), "jax.jit": lambda: theirs(X).block_until_ready(),
    })
    own, peer = found["fxad"], found["jax.jit"]
    print(f"  fxad {own.median * 1e6:.2f} us; jax.jit {peer.median * 1e6:.2f} us")
    return [Row("jit(grad(f))(x), 30 scalar operations", "jax.jit", own.median / peer.median,
                "of its time", "at most", 1.0)]


_FIRST = """
import time
{imports}
def f(x):
    for _ in range(10):
        x = {sin}(x) * x + 1.5
    return x
start = time.perf_counter()
float({call})
print(time.perf_counter() - start)
"""


def first_gradient() -> list[Row]:
    """The first gradient in a fresh process, imports not counted, against jax.jit."""
    if not installed("jax"):
        return []
    scripts = {
        "fxad": _FIRST.format(imports="import numpy as np, fxad", sin="np.sin",
                              call="fxad.jit(fxad.grad(f))(0.3)"),
        "jax": _FIRST.format(
            imports="import jax, jax.numpy as np; jax.config.update('jax_enable_x64', True);"
            " jax.numpy.zeros(1).block_until_ready()",
            sin="np.sin", call="jax.jit(jax.grad(f))(0.3)"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(7):
        for name, script in scripts.items():
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                  check=True)
            seconds[name].append(float(done.stdout))
    own, peer = (statistics.median(seconds[name]) for name in ("fxad", "jax"))
    print(f"  fxad {own * 1e3:.2f} ms; jax.jit {peer * 1e3:.2f} ms")
    return [Row("time to the first gradient, 30 scalar operations", "jax.jit", own / peer,
                "of its time", "at most", 0.1)]
