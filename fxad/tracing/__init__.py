"""From Python to Programs: traces, and the tracers that user code computes with."""

from fxad.tracing.binding import bind, bind_in, current_trace, infer, innermost, recording
from fxad.tracing.deciding import computed, concrete_value, settle
from fxad.tracing.orders import derivatives_around
from fxad.tracing.segments import Segment, segment
from fxad.tracing.trace import (
    NUMBER_TYPES,
    Guard,
    Kind,
    Trace,
    as_source,
)
from fxad.tracing.tracer import Tracer, attach

__all__ = [
    "NUMBER_TYPES",
    "Guard",
    "Kind",
    "Segment",
    "Trace",
    "Tracer",
    "as_source",
    "attach",
    "bind",
    "bind_in",
    "computed",
    "concrete_value",
    "current_trace",
    "derivatives_around",
    "infer",
    "innermost",
    "recording",
    "segment",
    "settle",
]
