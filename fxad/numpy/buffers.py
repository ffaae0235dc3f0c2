"""New arrays of a trace: to be written to, element by element, with traced values."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.ir.program import Literal, Params
from fxad.primitives.creation import full
from fxad.primitives.families import record_nullary
from fxad.tracing import Own, Trace, Tracer, current_trace

__all__ = ["filled", "filled_like"]


def filled(trace: Trace, shape: tuple[int, ...], value: Any, dtype: Any) -> Tracer:
    """An array of one value."""
    dtype = np.dtype(dtype)
    params = Params(shape=shape, value=Literal(dtype.type(value).item()), dtype=dtype)
    made: Tracer = record_nullary(trace, full, params)
    made.viewed = Own()
    return made


def filled_like(a: Tracer, shape: tuple[int, ...], value: Any, dtype: Any, order: Any) -> Any:
    """As `filled`, in the function that is being called, with its elements lying as those of `a` do."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fciub":
        return np.full(shape, value, dtype)
    trace, calling = a.owner, current_trace()
    if calling is not None and calling.serial > trace.serial:
        trace = calling
    made = filled(trace, shape, value, dtype)
    if order == "K" and shape == a.type.shape:
        made.viewed = Own((a.owner, a.index))
    return made
