"""Timing that holds on a noisy machine: candidates take turns, medians are compared, ratios are shown."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Row", "Timing", "interleaved", "table"]


@dataclass(frozen=True)
class Timing:
    """Seconds a call, of every repetition of one candidate."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median over the repetitions."""
        return statistics.median(self.seconds)


def interleaved(
    candidates: Mapping[str, Callable[[], object]], *, repetitions: int = 15, slice_s: float = 0.02
) -> dict[str, Timing]:
    """Time candidates in turns A B C A B C ..., so that a slow moment of the machine meets all.

    Each turn calls a candidate often enough to last about `slice_s`, after a warm-up that also compiles
    what is compiled lazily. Garbage is collected between turns and not in them.
    """
    counts: dict[str, int] = {}
    for name, call in candidates.items():
        for _ in range(5):
            call()
        start = time.perf_counter()
        call()
        once = max(time.perf_counter() - start, 1e-7)
        counts[name] = max(1, int(slice_s / once))
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repetitions):
        for name, call in candidates.items():
            count = counts[name]
            gc.collect()
            gc.disable()
            start = time.perf_counter()
            for _ in range(count):
                call()
            seconds[name].append((time.perf_counter() - start) / count)
            gc.enable()
    return {name: Timing(name, tuple(s)) for name, s in seconds.items()}


@dataclass(frozen=True)
class Row:
    """One line of the result: what was measured, and the ratio or number that is promised.

    `promise` compares `figure` with `bound`: "at least" or "at most".
    """

    what: str
    against: str
    figure: float
    unit: str
    promise: str
    bound: float

    @property
    def holds(self) -> bool:
        """Whether the figure keeps the promise."""
        return self.figure >= self.bound if self.promise == "at least" else self.figure <= self.bound

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (self.what, self.against, f"{self.figure:.3g} {self.unit}".strip(),
                f"{self.promise} {self.bound:g}", "yes" if self.holds else "NO")


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    head = ("measured", "against", "result", "promised", "kept")
    cells = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
             for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)
