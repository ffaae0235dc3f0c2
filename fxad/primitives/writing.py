"""Assignment: what `x[i] = v` and `x += v` make of a traced array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.ir.program import EMPTY, Literal, Params
from fxad.ir.types import ArrayType
from fxad.primitives import arithmetic as a
from fxad.primitives import logical, powers
from fxad.primitives.at import set_at
from fxad.primitives.creation import full
from fxad.primitives.families import Elementwise, record_nullary
from fxad.primitives.indexing import step_at
from fxad.primitives.structural import convert_to
from fxad.source import Source
from fxad.tracing import NUMBER_TYPES, Trace, Tracer, attach, check_writable, is_number, rebind

__all__ = ["replace", "set_item"]

_FIX = "x = x.at[i].set(v) for x[i] = v, and x = x.at[i].add(v) for x[i] += v"


def set_item(x: Tracer, index: Any, values: Any) -> None:
    """`x[index] = values`.

    Raises:
        IndexError: a place outside of `x`.
        TypeMismatch: `x` can't be written to, or `values` do not fit.
    """
    check_writable(x, _FIX)
    if isinstance(values, (list, tuple)) or (isinstance(values, np.ndarray) and values.dtype == object):
        values = Trace.stack(values)
    elif values.__class__ is int and x.type.dtype.kind in "iu":
        x.type.dtype.type(values)  # raises where it does not fit
    if values.__class__ is Tracer and _is_there_already(x, index, values):
        return
    rebind(x, variable(x, set_at(x, index, values)))


def _is_there_already(x: Tracer, index: Any, values: Tracer) -> bool:
    """Whether `values` are the view that `x[index]` is, as in the last step of `x[index] += v`."""
    viewed = getattr(values, "viewed", None)
    return viewed.__class__ is tuple and viewed[0] is x and viewed[1] is step_at(x, index)


def variable(x: Tracer, new: Any) -> Tracer:
    """A new value of `x`, which may be an array or a number, in the trace of `x`."""
    if new.__class__ is Tracer:
        return new
    trace, type = x.owner, x.type
    if not isinstance(new, np.ndarray):
        value = Literal(type.dtype.type(new).item())
        params = Params(shape=type.shape, value=value, dtype=type.dtype)
        return record_nullary(trace, full, params)  # type: ignore[no-any-return]
    return trace.handle(trace.operand(new))  # type: ignore[no-any-return]


def replace(x: Tracer, new: Any, ufunc: np.ufunc | None = None, casting: Any = "same_kind") -> None:
    """Write `new` into all of `x`, as `out=x` does: of the same shape, and cast by the rule `casting`."""
    type = x.type
    if new.type is not type:
        shape = new.type.shape
        if shape != type.shape:
            raise ValueError(f"non-broadcastable output operand with shape {type.shape} doesn't match the"
                             f" broadcast shape {shape}")
        if not np.can_cast(new.type.dtype, type.dtype, casting):
            if ufunc is not None:
                ufunc.resolve_dtypes((*[new.type.dtype] * ufunc.nin, type.dtype), casting=casting)
            raise TypeMismatch(explain(
                f"values of dtype {new.type.dtype} cannot be written into an array of dtype {type.dtype}.",
                source=Source.here(), fix=f"x.astype(np.{new.type.dtype}), made before"))
        new = convert_to(new, type.dtype)
    rebind(x, new)


# -- x += v ------------------------------------------------------------------------------------------


def _in_place(primitive: Elementwise, symbol: str) -> Callable[..., Any]:
    straight = primitive.straight
    fix = f"x = x {symbol} v, a new array"

    def method(self: Tracer, other: Any) -> Any:
        if is_number(self):
            return NotImplemented  # a number does not change: the name is bound to another
        check_writable(self, fix)
        cls = other.__class__
        trace = self.owner
        out: ArrayType | None = None
        # As in the operator itself. A number is looked for in the code that this is called from.
        if cls is Tracer:
            if other.owner is trace:
                key: Any = (self.type, other.type)
                out = straight[key]
                number = other.index
        elif cls in NUMBER_TYPES:
            key = (self.type, cls)
            out = straight[key]
            if out is self.type:
                number = trace.number(other)
        if out is self.type:
            rebind(self, trace.record(primitive, (self.index, number), EMPTY, out))
            return self
        made = getattr(self, f"__{_NAMES[symbol]}__")(other)
        if made is NotImplemented:
            return NotImplemented
        replace(self, made, primitive.ufunc)
        return self

    return method


_NAMES = {"+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow",
          "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift", "@": "matmul"}

_OPERATORS: dict[str, Elementwise] = {
    "+": a.add, "-": a.sub, "*": a.mul, "/": a.divide, "//": a.floor_divide, "%": a.remainder,
    "&": logical.bitwise_and, "|": logical.bitwise_or, "^": logical.bitwise_xor,
    "<<": logical.left_shift, ">>": logical.right_shift,
}


def _general(symbol: str, ufunc: np.ufunc) -> Callable[..., Any]:
    """The operators whose result is not one elementwise operation."""
    name = f"__{_NAMES[symbol]}__"
    fix = f"x = x {symbol} v, a new array"

    def method(self: Tracer, other: Any) -> Any:
        if is_number(self):
            return NotImplemented
        check_writable(self, fix)
        made = getattr(self, name)(other)
        if made is NotImplemented:
            return NotImplemented
        replace(self, made, ufunc)
        return self

    return method


attach(__setitem__=set_item,
       **{f"__i{_NAMES[symbol]}__": _in_place(p, symbol) for symbol, p in _OPERATORS.items()},
       __ipow__=_general("**", powers.power.ufunc), __imatmul__=_general("@", np.matmul))
