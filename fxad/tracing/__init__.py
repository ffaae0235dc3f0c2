"""From Python to Programs: traces, and the tracers that user code computes with."""

from fxad.tracing.trace import (
    NUMBER_TYPES,
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
    "Kind",
    "Trace",
    "Tracer",
    "as_source",
    "attach",
    "bind",
    "bind_in",
    "infer",
    "innermost",
]
