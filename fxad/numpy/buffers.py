"""New arrays of a trace: to be written to, element by element, with traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.program import Literal, Params
from fxad.primitives.creation import full
from fxad.primitives.families import record_nullary
from fxad.tracing import Own, Trace, Tracer, current_trace
from fxad.tracing.element_order import lies_as

__all__ = ["creating", "filled", "filled_like", "of_trace"]


def filled(trace: Trace, shape: tuple[int, ...], value: Any, dtype: Any, order: str = "C") -> Tracer:
    """An array of one value."""
    dtype = np.dtype(dtype)
    params = Params(shape=shape, value=Literal(dtype.type(value).item()), dtype=dtype)
    made: Tracer = record_nullary(trace, full, params)
    made.viewed = Own(order="F" if order == "F" else "C")
    if order == "F":
        lies_as(made, None)
    return made


def filled_like(a: Tracer, shape: tuple[int, ...], value: Any, dtype: Any, order: Any) -> Any:
    """As `filled`, in the function that is being called, with its elements lying as those of `a` do."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fciub":
        return np.full(shape, value, dtype)
    trace, calling = a.owner, current_trace()
    if calling is not None and calling.serial > trace.serial:
        trace = calling
    made = filled(trace, shape, value, dtype, order)
    if order not in ("C", "F") and len(shape) == a.type.ndim:
        made.viewed = Own((a.owner, a.index))
        lies_as(made, (a.owner, a.index))
    return made


def creating(function: Callable[..., Any]) -> Any:
    """A function that makes arrays: in a function that is being traced, arrays of its trace.

    They can be written to with traced values, which plain arrays can't. As long as none was, they have a
    value wherever one is asked for.
    """

    @functools.wraps(function)
    def create(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        trace = current_trace()
        if trace is None or not isinstance(made, np.ndarray) or made.dtype.kind not in "fciub":
            return made
        return of_trace(trace, made)

    create.__doc__ = (f"As `numpy.{function.__name__}`. In a function that is being traced, its result can be"
                      " written to with traced values.")
    return create


def of_trace(trace: Trace, array: np.ndarray[Any, Any]) -> Tracer:
    """A plain array as one of a trace."""
    value = _only_value(array)
    order = "C" if array.flags.c_contiguous else "F"
    if value is not None:
        return filled(trace, array.shape, value, array.dtype, order)
    made: Tracer = trace.handle(trace.operand(array))
    made.viewed = Own(order=order)
    return made


def _only_value(array: np.ndarray[Any, Any]) -> Any:
    """The one value that all elements have, 0 or 1, else None: what most new arrays hold."""
    if not array.size:
        return 0
    first = array.item(0)
    if (first != 0 and first != 1) or np.signbit(np.real(first)):
        return None
    return first if (array == first).all() and not np.signbit(array.real).any() else None
