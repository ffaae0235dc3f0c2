"""Inputs for the conformance tests: each primitive says on which operands it is to be tested.

A `Sample` is made anew from a fixed seed in whatever dtype the test asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Maker", "Sample", "booleans", "exactly", "integers", "normal", "points", "positive", "sample",
           "uniform"]

# Quoted: to name np.random is to import it, which takes longer than all of this package.
Maker: TypeAlias = "Callable[[np.random.Generator, np.dtype[Any]], Any]"


class Sample:
    """One call of a primitive: makers of its operands, its params, and the dtypes it is for.

    Attributes:
        makers: one an operand: `(rng, dtype) -> array`. Makers that ignore dtype give indices, masks.
        params: the params of the call.
        dtypes: kinds of dtype to test in: "f" (float64, float32), "d" (float64 alone), "c", "i", "b".
        smooth: whether derivatives can be compared with finite differences around these operands.
    """

    __slots__ = ("dtypes", "makers", "params", "smooth")

    def __init__(
        self,
        makers: Sequence[Maker],
        params: dict[str, Any] | None = None,
        *,
        dtypes: str = "f",
        smooth: bool = True,
    ) -> None:
        self.makers = tuple(makers)
        self.params = params or {}
        self.dtypes = dtypes
        self.smooth = smooth

    def make(self, dtype: Any, seed: int = 0) -> list[Any]:
        """The operands, of floating (or other) dtype `dtype`."""
        rng = np.random.default_rng(seed)
        return [maker(rng, np.dtype(dtype)) for maker in self.makers]


def sample(*makers: Maker, dtypes: str = "f", smooth: bool = True, **params: Any) -> Sample:
    """A Sample, with the params as keywords."""
    return Sample(makers, params, dtypes=dtypes, smooth=smooth)


def normal(*shape: int, scale: float = 1.0) -> Maker:
    """Standard normal values (complex ones in a complex dtype, rounded to integers in an integer one)."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        x = rng.normal(scale=scale, size=shape)
        if dtype.kind == "c":
            return np.asarray(x + 1j * rng.normal(scale=scale, size=shape)).astype(dtype)
        if dtype.kind in "iu":
            return np.asarray(np.abs(5 * x) if dtype.kind == "u" else 5 * x).astype(dtype)
        if dtype.kind == "b":
            return np.asarray(x > 0)
        return np.asarray(x).astype(dtype)

    return make


def uniform(low: float, high: float, *shape: int) -> Maker:
    """Uniform values between `low` and `high`, both parts of complex ones."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        x = rng.uniform(low, high, size=shape)
        if dtype.kind == "c":
            x = x + 1j * rng.uniform(low, high, size=shape)
        return np.asarray(x).astype(dtype)

    return make


def positive(*shape: int) -> Maker:
    """Values between 0.5 and 2."""
    return uniform(0.5, 2.0, *shape)


def points(*values: float) -> Maker:
    """These values, as a vector."""
    return lambda rng, dtype: np.array(values).astype(dtype)


def exactly(value: Any) -> Maker:
    """This value, whatever the dtype: an index array, a mask."""
    return lambda rng, dtype: np.asarray(value)


def integers(low: int, high: int, *shape: int) -> Maker:
    """int64 values from `low` up to but not including `high`, whatever the dtype."""
    return lambda rng, dtype: np.asarray(rng.integers(low, high, size=shape))


def booleans(*shape: int) -> Maker:
    """A mask, whatever the dtype."""
    return lambda rng, dtype: np.asarray(rng.random(size=shape) > 0.5)
