"""Python's operators on tracers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.program import EMPTY
from fxad.primitives import arithmetic as a
from fxad.primitives import logical, powers
from fxad.primitives.families import Elementwise
from fxad.tracing import Tracer, attach

_OTHER = (float, int, complex, bool, np.ndarray, np.generic, Tracer)


def _binary(primitive: Elementwise) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The operator and its reflection. The first lines are the path that nearly all calls take."""
    plans = primitive._plans

    def forward(self: Tracer, other: Any) -> Any:
        if other.__class__ is Tracer:
            trace = self.trace
            if other.trace is trace:
                plan = plans.get((self.type, other.type))
                if plan is not None and plan.steps is None:
                    return trace.record(primitive, (self.index, other.index), EMPTY, plan.type)
        elif not isinstance(other, _OTHER):
            return NotImplemented
        return primitive(self, other)

    def reflected(self: Tracer, other: Any) -> Any:
        return primitive(other, self) if isinstance(other, _OTHER) else NotImplemented

    return forward, reflected


def _power(self: Tracer, other: Any, modulo: None = None) -> Any:
    return powers.pow_operator(self, other) if isinstance(other, _OTHER) else NotImplemented


def _rpower(self: Tracer, other: Any, modulo: None = None) -> Any:
    return powers.pow_operator(other, self) if isinstance(other, _OTHER) else NotImplemented


def _install() -> None:
    pairs = {
        "add": a.add, "sub": a.sub, "mul": a.mul, "truediv": a.divide, "floordiv": a.floor_divide,
        "mod": a.remainder, "and": logical.bitwise_and, "or": logical.bitwise_or,
        "xor": logical.bitwise_xor, "lshift": logical.left_shift, "rshift": logical.right_shift,
    }
    methods: dict[str, Any] = {}
    for name, primitive in pairs.items():
        methods[f"__{name}__"], methods[f"__r{name}__"] = _binary(primitive)
    comparisons = {"lt": a.less, "le": a.less_equal, "gt": a.greater, "ge": a.greater_equal,
                   "eq": a.equal, "ne": a.not_equal}
    for name, primitive in comparisons.items():
        methods[f"__{name}__"], _ = _binary(primitive)
    methods["__pow__"], methods["__rpow__"] = _power, _rpower
    methods["__divmod__"] = lambda self, other: (self // other, self % other)
    methods["__rdivmod__"] = lambda self, other: (other // self, other % self)
    methods["__neg__"] = lambda self: a.neg(self)
    methods["__pos__"] = lambda self: a.positive_of(self)
    methods["__invert__"] = lambda self: logical.invert(self)
    attach(**methods)


_install()
