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
from fxad.primitives.chosen import Chosen
from fxad.primitives.creation import full
from fxad.primitives.families import Elementwise, record_nullary
from fxad.primitives.indexing import region_at
from fxad.primitives.slicing import assign
from fxad.primitives.structural import convert_to
from fxad.source import Source
from fxad.tracing import NUMBER_TYPES, Trace, Tracer, attach, check_writable, is_number, rebind

__all__ = ["replace", "set_item", "variable"]

_FIX = "x = x.at[i].set(v) for x[i] = v, and x = x.at[i].add(v) for x[i] += v"


def set_item(x: Tracer, index: Any, values: Any) -> None:
    """`x[index] = values`.

    Raises:
        IndexError: a place outside of `x`.
        TypeMismatch: `x` can't be written to, or `values` do not fit.
    """
    check_writable(x, _FIX)
    # The usual case: a place known by ints and slices, and one number or a traced array that fits.
    region = region_at(x, index)
    cls = values.__class__
    if region is not None:
        if cls is Tracer:
            viewed = getattr(values, "viewed", None)
            if viewed.__class__ is tuple and viewed[1] is region and viewed[0] is x:
                return  # the last step of `x[index] += v`, which has written it already
        if region.simple is not None:
            trace, type = x.owner, x.type
            part, params = region.simple
            if cls is Tracer:
                if values.owner is trace and values.type is part:
                    rebind(x, trace.record(assign, (x.index, values.index), params, type))
                    return
            elif cls in NUMBER_TYPES and not part.shape and NUMBER_TYPES[cls].dtype == type.dtype:
                rebind(x, trace.record(assign, (x.index, trace.number(values)), params, type))
                return
    if isinstance(values, Chosen):
        if not values.is_of(x, index):
            raise values.error
        made = values.written_into(x)
        _check_cast(values.values.dtype, x.type.dtype)
        rebind(x, made)
        return
    if isinstance(values, (list, tuple)) or (isinstance(values, np.ndarray) and values.dtype == object):
        values = Trace.stack(values)
    elif values.__class__ is int and x.type.dtype.kind in "iu":
        x.type.dtype.type(values)  # raises where it does not fit
    rebind(x, variable(x, set_at(x, index, values)))


def _check_cast(given: np.dtype[Any], dtype: np.dtype[Any]) -> None:
    """As `x[i] = v` does it, except that no imaginary part is lost."""
    if given.kind == "c" and dtype.kind not in "cb":
        raise TypeMismatch(explain(
            f"values of dtype {given} cannot be written into an array of dtype {dtype}.",
            source=Source.here(), fix="np.real(v)"))


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
    if not isinstance(new, Tracer):
        new = np.asarray(new)
    if not isinstance(new, Tracer) or new.type is not type:
        shape, dtype = new.shape, new.dtype
        if shape != type.shape:
            raise ValueError(f"non-broadcastable output operand with shape {type.shape} doesn't match the"
                             f" broadcast shape {shape}")
        if not np.can_cast(dtype, type.dtype, casting):
            if ufunc is not None and ufunc.nout == 1:
                ufunc.resolve_dtypes((*[dtype] * ufunc.nin, type.dtype), casting=casting)
            raise TypeMismatch(explain(
                f"values of dtype {dtype} cannot be written into an array of dtype {type.dtype}.",
                source=Source.here(), fix=f"x.astype(np.{dtype}), made before"))
        new = convert_to(new, type.dtype) if isinstance(new, Tracer) else new.astype(type.dtype)
    rebind(x, variable(x, new))


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
