"""The handful of operations that the transforms write themselves.

The transforms know primitives only by their rules, yet have to add cotangents, make zeros, apply
masks and move a mapped axis. What those record is defined by the primitives, which set it here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Operations", "operations"]


class Operations:
    """Functions on tracers, set once by `fxad.primitives`.

    Attributes:
        full: `(trace, type, number) -> x`, an array of one value.
        add: `(x, y) -> x + y`, of one type.
        where: `(mask, x, y)`, elementwise; `y` may be a number.
        both: `(mask, mask) -> mask`, logical and.
        either: `(mask, mask) -> mask`, logical or.
        opposite: `mask -> mask`, logical not.
        sum_all: `x -> sum of all its elements`, rank 0.
        broadcast: `(x, shape, axes) -> y`: axis i of x becomes axis axes[i] of y.
        move_axis: `(x, source, destination) -> y`.
        convert: `(x, dtype) -> y`.
        fit: `(x, dtype) -> y`, a Python int in a dtype of integers: an error where it has no place.
        reshape: `(x, shape) -> y`.
        eye: `(trace, n, dtype) -> the n by n identity`.
    """

    full: Callable[..., Any]
    add: Callable[..., Any]
    where: Callable[..., Any]
    both: Callable[..., Any]
    either: Callable[..., Any]
    opposite: Callable[..., Any]
    sum_all: Callable[..., Any]
    broadcast: Callable[..., Any]
    move_axis: Callable[..., Any]
    convert: Callable[..., Any]
    fit: Callable[..., Any]
    reshape: Callable[..., Any]
    eye: Callable[..., Any]


operations = Operations()
