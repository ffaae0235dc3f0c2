"""From Python to Programs: traces, and the tracers that user code computes with."""

from fxad.tracing.deciding import concrete_value
from fxad.tracing.orders import derivatives_around
from fxad.tracing.segments import Segment, segment
from fxad.tracing.trace import (
    NUMBER_TYPES,
    Guard,
    Kind,
    Trace,
    as_source,
    bind,
    bind_in,
    infer,
    innermost,
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
    "concrete_value",
    "derivatives_around",
    "infer",
    "innermost",
    "segment",
]
