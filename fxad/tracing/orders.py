"""How many derivatives may be taken of what is recorded: so many levels of a custom rule are recorded.

A rule often calls the function that it is for, so that the second derivative has a rule, too. A rule is
recorded when the function is called; to record it without end would never end, so it is recorded as often
as there are derivatives around. What a value depends on leads outwards, through the inputs and captures of
its trace, to all traces that may differentiate it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fxad.tracing.trace import Kind, Trace

__all__ = ["derivatives_around"]


def derivatives_around(values: Iterable[Any]) -> int:
    """The most derivatives that are being taken of any of these values.

    A trace counts its own by `order`: 1 for a derivative, 0 for others, and -1 for a rule, which one of the
    derivatives around it is there for.
    """
    return _around(values, {})


def _around(values: Iterable[Any], known: dict[int, int]) -> int:
    most = 0
    owners = {v.owner.serial: v.owner for v in values if v.__class__ is Trace.tracer_type}
    for serial, trace in owners.items():
        found = known.get(serial)
        if found is None:
            outside = _around([*(trace.in_values or ()), *trace.captures.values()], known)
            if trace.kind is Kind.BODY:
                trace.most = outside if trace.most is None else min(outside, trace.most)
            found = known[serial] = max(outside + trace.order, 0)
        most = max(most, found)
    return most
