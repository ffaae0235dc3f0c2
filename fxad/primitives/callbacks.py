"""Python functions that a Program calls at run time.

The function is an operand, of type `FUNCTION`, and not a param: two Programs that call different functions
are one Program, a cache of Programs keeps no function alive, and a function made anew at each call makes no
new Program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.errors import MissingRule, NonDifferentiable, explain
from fxad.ir.primitive import Code, kernel, require
from fxad.ir.program import Params
from fxad.ir.types import FUNCTION, ArrayType, Opaque
from fxad.primitives.families import NonDifferentiable as Constant
from fxad.primitives.families import Operation, record_nullary, to_front
from fxad.tracing import Trace, bind, innermost

__all__ = ["Levels", "batched_operands", "call_text", "effect", "function", "levelled", "pure_callback"]

#: The batches that a call is over, the outermost first: their size, and which operands have an axis for it.
#: Those axes stand first, in the same order.
Levels = tuple[tuple[int, tuple[bool, ...]], ...]


class Function(Constant):
    """A Python function as a constant, of a Program that is to have it among its equations."""

    cheap = True

    def infer(self, *, value: Opaque) -> ArrayType:
        return FUNCTION

    def emit(self, *, value: Opaque) -> str:
        return f"function_{value.serial}"  # `compile_program` says what that is

    def evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        value = params["value"]
        return lambda: value  # and not kept, as evaluators are


class Call(Operation):
    """`f(*xs)`, with the values that it promises to give: `outs`, for one element of the batches in `levels`.

    Params:
        name: what the user calls it, for messages and printed Programs.
        outs: the types of the values for one element.
        levels: see `Levels`.
        method: what is done for the elements of a batch: "sequential" calls `f` for each; "expand_dims"
        calls it
            once, on operands of which those that are the same for all have axes of length 1; with
            "broadcast_all" those are repeated, and with "legacy_vectorized" they are as they were.
        masked: the first of the xs is a boolean: where it is false `f` is not called, and the values are
        zeros.
    """

    multiple = True

    def __init__(self, name: str, *, pure: bool) -> None:
        super().__init__(name)
        self.pure = pure

    def infer(
        self, f: ArrayType, *xs: ArrayType, name: str, outs: tuple[ArrayType, ...], levels: Levels,
        method: str, masked: bool = False,
    ) -> Any:
        require(f is FUNCTION, f"{self.name}: a function of type {f}")
        return levelled(outs, levels)

    def emit(
        self, f: Code, *xs: Code, name: str, outs: tuple[ArrayType, ...], levels: Levels, method: str,
        masked: bool = False,
    ) -> str:
        if masked:
            kinds = tuple((t.shape, t.dtype.name) for t in outs)
            names = [f"a{k}" for k in range(len(xs))]
            once = f"lambda {', '.join(names)}: call_if({', '.join([f, str(kinds), *names])})"
            return call_text(f"({once})", xs, outs, levels)
        if method == "sequential":
            return call_text(f, xs, outs, levels)
        sizes = tuple(size for size, _ in levels)
        if method != "legacy_vectorized":
            xs = tuple(_aligned(x, k, levels, method) for k, x in enumerate(xs))
        return f"{f}({', '.join([*xs, f'batch={sizes}'])})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        if any(t.inexact for t in params["outs"]):
            trace = innermost(primals)
            raise NonDifferentiable(explain(
                f"{params['name']} is called back at run time, so its value has no derivative, and one was"
                f" asked"
                " for.",
                source=None if trace is None else trace.source,
                fix="fxad.primitive(f) with a rule: f.defjvp(...) or f.defvjp(...); or"
                " fxad.stop_gradient(x) for"
                " its arguments, where the derivative is to be zero"))
        return (None,) * len(params["outs"])

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        trace = innermost([c for c in ct if c is not None])
        raise MissingRule(explain(
            f"{params['name']} was applied to a tangent, in a rule for a derivative. It is called back at"
            f" run time,"
            " so its transpose is not known, and reverse mode needs it.",
            source=None if trace is None else trace.source,
            fix="NumPy's functions for what is linear in the tangent; or a rule for reverse mode:"
            " f.defvjp(...)"))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        moved, levels = batched_operands(size, operands, dims, params["levels"])
        outs = bind(self, moved, Params(params | {"levels": levels}))
        return outs, [0] * len(outs)


def levelled(types: Sequence[ArrayType], levels: Levels) -> tuple[ArrayType, ...]:
    """The types of values for whole batches, from those for one element."""
    sizes = tuple(size for size, _ in levels)
    return tuple(ArrayType((*sizes, *t.shape), t.dtype) for t in types)


def batched_operands(
    size: int, operands: Sequence[Any], dims: Sequence[int | None], levels: Levels
) -> tuple[list[Any], Levels]:
    """A function and its operands for one more batch, around the others."""
    moved = [x if d is None else to_front(x, d) for x, d in zip(operands, dims, strict=True)]
    return moved, ((size, tuple(d is not None for d in dims[1:])), *levels)


def call_text(f: str, xs: Sequence[str], outs: Sequence[ArrayType], levels: Levels) -> str:
    """The expression that calls `f` for each element of the batches, the last axis fastest."""
    if not levels:
        return f"{f}({', '.join(xs)})"
    (size, mapped), *inner = levels
    rest = tuple(inner)
    kinds = tuple((t.shape, t.dtype.name) for t in levelled(outs, rest))
    if rest:
        names = [f"{'bcdefg'[len(rest) % 6]}{k}" for k in range(len(xs))]
        f = f"lambda {', '.join(names)}: {call_text(f, names, outs, rest)}"
    return f"call_each({', '.join([f, str(size), str(mapped), str(kinds), *xs])})"


@kernel
def call_each(f: Any, size: int, mapped: Any, kinds: Any, *xs: Any) -> tuple[Any, ...]:
    """`f` of one element after the other along the first axes of `xs` (those that are `mapped`), stacked."""
    rows = [f(*[x[i] if m else x for x, m in zip(xs, mapped, strict=True)]) for i in range(size)]
    return tuple([
        np.stack([row[k] for row in rows]) if rows else np.empty((0, *shape), dtype)
        for k, (shape, dtype) in enumerate(kinds)
    ])


@kernel
def call_if(f: Any, kinds: Any, mask: Any, *xs: Any) -> tuple[Any, ...]:
    """`f(*xs)` where `mask` is true, and zeros elsewhere."""
    return f(*xs) if mask else tuple([np.zeros(shape, dtype)[()] for shape, dtype in kinds])


def _aligned(x: Code, number: int, levels: Levels, method: str) -> Code:
    """An operand with an axis for each batch."""
    flags = [mapped[number] for _, mapped in levels]
    if all(flags):
        return x
    shape = x.type.shape[sum(flags):]
    ones = tuple(size if flag else 1 for flag, (size, _) in zip(flags, levels, strict=True))
    text = f"np.reshape({x}, {(*ones, *shape)})"
    if method == "broadcast_all":
        text = f"np.broadcast_to({text}, {(*(size for size, _ in levels), *shape)})"
    return Code(text, ArrayType((math.prod(ones),), x.type.dtype))


function = Function("function")
pure_callback = Call("pure_callback", pure=True)
effect = Call("effect", pure=False)

Trace.function = staticmethod(lambda trace, value: record_nullary(trace, function, Params(value=value)))
