"""Applying a primitive: to values it is computed, and among traced values the youngest trace records it.

Effects are the one exception: a message is to be printed whenever a function runs, also if nothing in it is
traced. They are recorded in the trace of the function that is being called on this thread (`recording`), if
that is younger.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from fxad.ir.analysis import does_more
from fxad.ir.primitive import Primitive
from fxad.ir.program import EMPTY, Params
from fxad.ir.types import ArrayType, type_of
from fxad.tracing.trace import Trace

__all__ = ["bind", "bind_in", "current_trace", "infer", "innermost", "recording"]


def innermost(operands: Sequence[Any]) -> Trace | None:
    """The youngest trace among the operands, or None when all are concrete."""
    trace: Trace | None = None
    tracer_type = Trace.tracer_type
    for value in operands:
        if value.__class__ is tracer_type:
            found = value.owner
            if trace is None or found.serial > trace.serial:
                trace = found
    return trace


def bind(primitive: Primitive, operands: Sequence[Any], params: Params = EMPTY) -> Any:
    """Apply a primitive: recorded by the innermost trace, or computed when all is concrete."""
    trace = innermost(operands)
    if primitive.multiple and does_more(primitive, params):
        calling = current_trace()
        if trace is None or (calling is not None and calling.serial > trace.serial):
            trace = calling
    if trace is None:
        types = tuple(map(type_of, operands))
        return primitive.evaluator(types, params)(*operands)
    return bind_in(trace, primitive, operands, params)


def bind_in(
    trace: Trace, primitive: Primitive, operands: Sequence[Any], params: Params = EMPTY
) -> Any:
    """Record a primitive in `trace`."""
    numbers = tuple(map(trace.operand, operands))
    types = tuple(map(trace.type_of, numbers))
    inferred = infer(primitive, types, params)
    if primitive.multiple:
        return trace.record_multiple(primitive, numbers, params, inferred)
    return trace.record(primitive, numbers, params, inferred)


def infer(primitive: Primitive, types: tuple[ArrayType, ...], params: Params) -> Any:
    """`primitive.infer`, remembered."""
    key = (primitive, types, params)
    found = _inferred.get(key)
    if found is None:
        if len(_inferred) > 65536:
            _inferred.clear()
        found = _inferred[key] = primitive.infer(*types, **params)
    return found


_inferred: dict[Any, Any] = {}


class _Calling(threading.local):
    """The trace of the function that is being called on this thread."""

    trace: Trace | None = None


_calling = _Calling()


class recording:
    """A `with` block in which a function is called that `trace` records (None: that nothing records)."""

    __slots__ = ("_before", "_trace")

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace

    def __enter__(self) -> None:
        self._before = _calling.trace
        _calling.trace = self._trace

    def __exit__(self, *_: object) -> None:
        _calling.trace = self._before


def current_trace() -> Trace | None:
    """The trace of the function that is being called on this thread, for effects alone."""
    trace = _calling.trace
    return None if trace is None or trace.ended else trace
