"""From Python to Programs: traces, and the tracers that user code computes with."""

from fxad.tracing.binding import bind, bind_in, current_trace, infer, innermost, recording
from fxad.tracing.deciding import computed, concrete_value, settle
from fxad.tracing.memory import (
    Own,
    adopt,
    adopt_if_view,
    check_writable,
    is_number,
    own,
    rebind,
    shares_memory,
)
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
    "Own",
    "Segment",
    "Trace",
    "Tracer",
    "adopt",
    "adopt_if_view",
    "as_source",
    "attach",
    "bind",
    "bind_in",
    "check_writable",
    "computed",
    "concrete_value",
    "current_trace",
    "derivatives_around",
    "infer",
    "innermost",
    "is_number",
    "own",
    "rebind",
    "recording",
    "segment",
    "settle",
    "shares_memory",
]
