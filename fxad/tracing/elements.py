"""`np.array([t, u])`: putting traced values together the way NumPy code does.

NumPy asks each element for its value by `__array__`, exactly as it does for `np.asarray(t)`. For an
element the answer can be an object array that holds the tracer: nothing is lost, and fxad stacks the
array where it meets it. For `np.asarray(t)` itself it can't: the code that follows wants numbers. What
tells them apart is the call as it is written.
"""

from __future__ import annotations

import ast
import dis
import functools
import itertools
import linecache
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fxad.tracing.tracer import Tracer

__all__ = ["as_element", "is_element", "is_stored"]

#: An array with more elements is not taken apart; np.stack puts it together at no cost.
_LIMIT = 1024


def is_element(depth: int = 2) -> bool:
    """Whether the call that asks for a value, `depth` frames up, is given a list or tuple."""
    frame = sys._getframe(depth)
    argument = _argument(frame.f_code, frame.f_lasti)
    if argument is None:
        return False
    if not isinstance(argument, str):
        return argument
    value = frame.f_locals.get(argument, frame.f_globals.get(argument))
    return isinstance(value, (list, tuple))


def is_stored(depth: int = 2) -> bool:
    """Whether the value is asked for by an assignment to elements, `array[...] = x`."""
    frame = sys._getframe(depth)
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "STORE_SUBSCR"


@functools.lru_cache(maxsize=1024)
def _argument(code: CodeType, instruction: int) -> bool | str | None:
    """How the first argument of a call is written: a list (True), a name, or something else (None)."""
    positions = next(itertools.islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    line, end_line, start, end = positions
    if line is None or end_line is None or start is None or end is None:
        return None
    rows = [linecache.getline(code.co_filename, n).encode() for n in range(line, end_line + 1)]
    if not all(rows):
        return None
    rows[-1] = rows[-1][:end]
    rows[0] = rows[0][start:]
    try:
        call = ast.parse(b"".join(rows).decode(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(call, ast.Call) or not call.args:
        return None
    first = call.args[0]
    if isinstance(first, (ast.List, ast.Tuple, ast.ListComp)):
        return True
    return first.id if isinstance(first, ast.Name) else None


def as_element(tracer: Tracer) -> np.ndarray[Any, Any] | None:
    """An object array of rank-0 tracers with the shape of `tracer`; None when it would be too large."""
    if tracer.size > _LIMIT:
        return None
    elements = np.empty(tracer.shape, object)
    for index in np.ndindex(tracer.shape):
        # The value now: NumPy copies what it puts together.
        elements[index] = (
            tracer[index] if index else tracer.__class__(tracer.owner, tracer.index, tracer.type))
    return elements
