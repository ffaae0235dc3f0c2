"""What tracing costs, that it is linear, and that a number that changes costs nothing more."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fxad
from benchmarks.harness import Row
from benchmarks.scalar import installed
from fxad.execute import executables

__all__ = ["changing_float", "import_time", "long_loop", "per_operation"]


_IMPORT = """
import time
import numpy
start = time.perf_counter()
import {name}
print(time.perf_counter() - start)
"""


def import_time() -> list[Row]:
    """`import fxad` in a fresh process, on top of `import numpy`, and `import jax`."""
    names = ["fxad", *(["jax"] if installed("jax") else [])]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(15):
        for name in names:
            code = _IMPORT.format(name=name)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            seconds[name].append(float(done.stdout))
    best = {name: min(times) for name, times in seconds.items()}  # what the machine does when left alone
    rows = [Row("import fxad, beyond import numpy", "the clock", best["fxad"] * 1e3, "ms", "at most", 40)]
    if "jax" in best:
        rows.append(Row("import fxad, beyond import numpy", "import jax", best["fxad"] / best["jax"],
                        "of its time", "at most", 0.2))
    return rows


def loop(n: int) -> Callable[[Any], Any]:
    """A loop of n operations."""

    def f(x: Any) -> Any:
        for _ in range(n // 2):
            x = x * 0.5 - x
        return x

    return f


def _trace_seconds(n: int) -> float:
    """Seconds to trace n operations: the function runs, and nothing is derived."""
    f = loop(n)
    trace = fxad.tracing.Trace(fxad.tracing.Kind.CONCRETE, in_values=[1.0])
    x = trace.input(fxad.ir.type_of(1.0))
    start = time.perf_counter()
    f(x)
    return time.perf_counter() - start


def per_operation() -> list[Row]:
    """Microseconds an operation, and how that changes from 1,000 to 10,000 operations."""
    short, long = [], []
    for _ in range(21):
        short.append(_trace_seconds(1_000) / 1_000)
        long.append(_trace_seconds(10_000) / 10_000)
    a, b = min(short), min(long)  # by the clock, what the machine does when left alone
    growth = statistics.median(y / x for x, y in zip(short, long, strict=True))  # pairs: one moment each
    print(f"  {a * 1e6:.2f} us an operation in 1,000; {b * 1e6:.2f} us in 10,000")
    return [
        Row("tracing one operation", "the clock", min(a, b) * 1e6, "us", "at most", 1.5),
        Row("tracing 10,000 operations, each", "1,000 operations", growth, "times", "at most", 1.5),
    ]


def long_loop() -> list[Row]:
    """10,000 operations traced, differentiated and first run; 100,000 without a recursion limit."""
    seconds = []
    for n in (10_000, 10_002, 10_004):  # each is new to the caches
        start = time.perf_counter()
        fxad.grad(loop(n))(1.0)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    fxad.grad(loop(100_000))(1.0)
    longest = time.perf_counter() - start
    best = min(seconds)
    print(f"  10,000 operations {best:.2f} s; 100,000 operations {longest:.2f} s")
    return [
        Row("first gradient of a loop of 10,000 operations", "the clock", best, "s", "at most", 1.5),
        Row("first gradient of 100,000 operations", "ten times 10,000", longest / (10 * best),
            "times", "at most", 2.0),
    ]


def changing_float() -> list[Row]:
    """`t = i * dt` at every call: neither recompiles nor makes the cache grow."""
    dt = 0.01
    now = [0.0]

    def f(x: Any) -> Any:
        return np.sin(x * now[0]) + now[0]

    gradient = fxad.grad(f)
    for i in range(3, 10):
        now[0] = i * dt
        gradient(0.3)
    before = len(executables)
    fixed, changing = [], []
    for i in range(10, 2_010):
        start = time.perf_counter()
        gradient(0.3)
        fixed.append(time.perf_counter() - start)
        now[0] = i * dt
        start = time.perf_counter()
        gradient(0.3)
        changing.append(time.perf_counter() - start)
    grown = len(executables) - before
    ratio = statistics.median(changing) / statistics.median(fixed)
    print(f"  the cache grew by {grown}; a call with a new number takes {ratio:.2f} of one without")
    return [
        Row("new cache entries for 2,000 values of a Python float", "none", grown, "", "at most", 0),
        Row("a call with a float never seen", "the call before", ratio, "times", "at most", 1.5),
    ]
