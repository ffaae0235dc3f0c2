"""In which order the elements of a traced array would lie in memory, by all that it was made of.

NumPy's functions keep the order of the axes of their operands: what is computed elementwise from a transposed
array is a transposed one. Whether a reshape of it is a view depends on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad.tracing.deciding import decision
from fxad.tracing.layout import Layout, contiguous
from fxad.tracing.trace import CAPTURE, INPUT, Kind, Trace

if TYPE_CHECKING:
    from fxad.tracing.tracer import Tracer

__all__ = ["Own", "certain_order", "is_argument", "known_layout", "lies_as", "stretched"]


class Own:
    """An array of its own, in the `order` "C" or "F", or with axes in the order of those of `like`."""

    __slots__ = ("like", "order")

    def __init__(self, like: tuple[Trace, int] | None = None, order: str = "C") -> None:
        self.like = like
        self.order = order


def is_argument(x: Tracer) -> bool:
    """Whether a handle is one on an argument, or on what comes from outside."""
    if getattr(x, "viewed", None) is not None:
        return False
    made = x.owner.records[x.index][0]
    return made is INPUT or made is CAPTURE


def lies_as(x: Tracer, other: tuple[Trace, int] | None) -> None:
    """Note that the elements of `x` lie in memory as those of another variable, or (None) not in C order.

    What is computed from `x` lies so, too, and of that the records say no more than the variable.
    """
    if not _plain(x.type.shape):
        x.owner.lies_as.setdefault(x.index, []).append(other)


#: Operations that give axes in C order when their operands' are; elementwise ones besides.
_KEEP_ORDER = frozenset(["slice", "broadcast", "reshape", "reduce_sum", "reduce_max", "reduce_min", "assign"])


def _plain(shape: Sequence[int]) -> bool:
    """Whether an array of this shape has only one order: at most one axis is longer than 1."""
    return sum(n != 1 for n in shape) <= 1


def certain_order(root: Tracer) -> str | None:
    """The order in which the elements of an array lie, if that takes no look at how it was made."""
    viewed = getattr(root, "viewed", None)
    if isinstance(viewed, Own) and viewed.like is None:
        return viewed.order
    known = viewed is None or isinstance(viewed, Own)  # and not what may be a view
    if known and _plain(root.type.shape) and not is_argument(root):
        return "C"
    return None


def known_layout(root: Tracer) -> Layout | None:
    """Where the elements of an array lie, by all that it was made of; None where that can't be known."""
    order = certain_order(root)
    if order is not None:
        return contiguous(root.type.shape, order)
    viewed = getattr(root, "viewed", None)
    if viewed is None and is_argument(root):
        strides = _given_strides(root.owner, root.index)
        return None if strides is None else Layout(0, root.type.shape, strides)
    if isinstance(viewed, Own) and viewed.like is not None:
        ordered = _ordered(*viewed.like) and not stretched(*viewed.like)
    else:
        ordered = viewed is None and _ordered(root.owner, root.index)
    return contiguous(root.type.shape) if ordered else None


def _ordered(trace: Trace, number: int) -> bool:
    """Whether the axes of a variable are known to be in C order in memory."""
    seen: set[tuple[int, int]] = set()
    stack = [(trace, number)]
    while stack:
        trace, n = stack.pop()
        if (trace.serial, n) in seen:
            continue
        seen.add((trace.serial, n))
        primitive, operands, _, type = trace.records[n]
        if _plain(type.shape):
            continue
        for other in trace.lies_as.get(n, ()):
            if other is None or stretched(*other):
                return False
            stack.append(other)
        if primitive is INPUT or primitive is CAPTURE:
            value = _given(trace, n)
            if value.__class__ is Trace.tracer_type:
                stack.append((value.owner, value.index))
            elif not _given_in_order(trace, n):
                return False
        elif operands or getattr(primitive, "name", None) not in ("full", "iota", "eye"):
            if not getattr(primitive, "elementwise", False) and primitive.name not in _KEEP_ORDER:
                return False
            stack.extend((trace, o) for o in operands if o.__class__ is int)
            if primitive.name == "convert" and stretched(*stack[-1]):
                return False
    return True


def stretched(trace: Trace, number: int) -> bool:
    """Whether a variable is seen through a broadcast: of such an array NumPy makes no copy in C order."""
    primitive, operands, _, type = trace.records[number]
    while getattr(primitive, "view", False) and operands and operands[0].__class__ is int:
        broadcast = primitive.name == "broadcast"
        primitive, operands, _, type = trace.records[operands[0]]
        if broadcast and type.size > 1:
            return True
    return False


def _given(trace: Trace, number: int) -> Any:
    """What an input or a capture is, as far as it is known."""
    if number in trace.captures:
        return trace.captures[number]
    return None if trace.in_values is None else trace.in_values[number]


def _given_in_order(trace: Trace, number: int) -> bool:
    """As `_ordered`, for an input or a capture that is a plain array."""
    strides = _given_strides(trace, number)
    if strides is None:
        return False
    shape = trace.records[number][3].shape
    steps = [abs(s) for n, s in zip(shape, strides, strict=True) if n > 1]
    return 0 not in steps and steps == sorted(steps, reverse=True)


def _given_strides(trace: Trace, number: int) -> tuple[int, ...] | None:
    """The strides of an input or a capture, in elements, where there are some; under jit they are a guard."""
    value, captured = _given(trace, number), number in trace.captures
    if not isinstance(value, np.ndarray) or not (captured or trace.kind in (Kind.CONCRETE, Kind.JIT)):
        return None
    if trace.kind is Kind.JIT and not captured:
        found: tuple[int, ...] = decision(trace.handle(number), _strides, "writing to a reshaped array", "")
        return found
    return _strides(value)


def _strides(value: Any) -> tuple[int, ...]:
    value = np.asarray(value)
    return tuple([s // value.itemsize for s in value.strides])
