"""Python's operators on tracers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.ir.program import EMPTY
from fxad.primitives import arithmetic as a
from fxad.primitives import logical, powers
from fxad.primitives.families import Elementwise
from fxad.tracing import NUMBER_TYPES, Trace, Tracer, attach

_OTHER = (float, int, complex, bool, np.ndarray, np.generic, Tracer)
_SEQUENCES = (list, tuple, str, bytes)


def _repeated(sequence: Any, times: Tracer) -> Any:
    """`[x] * n`: a list repeats, also beside a NumPy number."""
    return sequence * operator.index(times)


def _binary(primitive: Elementwise) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The operator and its reflection. The first lines are the path that nearly all calls take."""
    straight = primitive.straight

    def forward(self: Tracer, other: Any) -> Any:
        cls = other.__class__
        trace = self.owner
        if cls is Tracer:
            if other.owner is trace:
                key: Any = (self.type, other.type)
                out = straight[key]
                if out is not None:
                    return trace.record(primitive, (self.index, other.index), EMPTY, out)
        elif cls in NUMBER_TYPES:
            key = (self.type, cls)
            out = straight[key]
            if out is not None:
                return trace.record(primitive, (self.index, trace.number(other)), EMPTY, out)
        elif not isinstance(other, _OTHER):
            if primitive is a.mul and isinstance(other, _SEQUENCES) and not self.type.shape:
                return _repeated(other, self)
            return primitive.ufunc(self, other) if isinstance(other, (list, tuple)) else NotImplemented
        elif isinstance(other, np.ndarray) and other.dtype == object:
            other = Trace.stack(other)
        return primitive(self, other)

    def reflected(self: Tracer, other: Any) -> Any:
        cls = other.__class__
        if cls in NUMBER_TYPES:
            key = (cls, self.type)
            out = straight[key]
            if out is not None:
                trace = self.owner
                return trace.record(primitive, (trace.number(other), self.index), EMPTY, out)
        if isinstance(other, _OTHER):
            return primitive(other, self)
        if primitive is a.mul and isinstance(other, _SEQUENCES) and not self.type.shape:
            return _repeated(other, self)
        return primitive.ufunc(other, self) if isinstance(other, (list, tuple)) else NotImplemented

    return forward, reflected


def _unary(primitive: Elementwise) -> Callable[..., Any]:
    straight = primitive.straight

    def method(self: Tracer) -> Any:
        key = self.type
        out = straight[key]
        if out is None:
            return primitive(self)
        return self.owner.record(primitive, (self.index,), EMPTY, out)

    return method


def _power(self: Tracer, other: Any, modulo: None = None) -> Any:
    if other.__class__ is int:
        return powers.pow_operator(self, other)
    if other.__class__ in NUMBER_TYPES:
        trace = self.owner
        return powers.power.record(trace, (self.index, trace.number(other)))
    if isinstance(other, (list, tuple)):
        return np.power(self, other)
    return powers.pow_operator(self, other) if isinstance(other, _OTHER) else NotImplemented


def _rpower(self: Tracer, other: Any, modulo: None = None) -> Any:
    if other.__class__ in NUMBER_TYPES:
        trace = self.owner
        return powers.power.record(trace, (trace.number(other), self.index))
    if isinstance(other, (list, tuple)):
        return np.power(other, self)
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
    methods["__neg__"] = _unary(a.neg)
    methods["__pos__"] = _unary(a.positive_of)
    methods["__invert__"] = _unary(logical.invert)
    attach(**methods)


_install()
