"""Bodies of structured control flow: functions recorded as Programs of their own.

A body is recorded for all its steps at once, so nothing in it has a value: Python can't decide there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.recording import Outputs, function_name, is_array, leaf_type, stacked
from fxad.errors import TypeMismatch, explain
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.primitives.structural import convert_to
from fxad.source import Source
from fxad.tracing import Kind, Trace, Tracer, derivatives_around, recording
from fxad.transforms.inline import build, inline

__all__ = ["Body", "array_leaf", "describe_types", "mismatch", "record_body", "strong_types"]


class Body:
    """A recorded body.

    Attributes:
        program: its inputs are those of the function, then what it took from outside.
        captured: what it took from outside.
        out: how its result is put together.
    """

    __slots__ = ("captured", "name", "out", "program")

    def __init__(self, name: str, program: Program, captured: list[Any], out: Outputs) -> None:
        self.name = name
        self.program = program
        self.captured = captured
        self.out = out

    @property
    def types(self) -> tuple[ArrayType, ...]:
        """The types of the leaves of its result."""
        return tuple(t.strong for t in self.program.out_types)

    def converted(self, types: Sequence[ArrayType]) -> Body:
        """The body with its first results in these types."""
        trace = Trace(Kind.BUILD, purpose="a body")
        values = [trace.input(v.type) for v in self.program.inputs]
        outs = inline(trace, self.program, values)
        first = [
            o if t is a.type.strong else
            convert_to(o, t.dtype) if isinstance(o, Tracer) else t.dtype.type(o)
            for o, t, a in zip(outs, types, self.program.outputs, strict=False)
        ]
        return Body(self.name, build(trace, [*first, *outs[len(first):]]), self.captured, self.out)


def record_body(
    fun: Callable[..., Any], purpose: str, trees: Sequence[Any], types: Sequence[ArrayType],
    names: Sequence[str] = (), *, values: Sequence[Any],
) -> Body:
    """Record `fun`, called with trees of values of these types (one treedef an argument).

    `values` are what it is called with, from which is foreseen how many derivatives may be taken. What it
    takes from outside may reach any value by way of the carry, so with more of them it is recorded again.
    """
    while True:
        trace = Trace(Kind.BODY, purpose=purpose, names=list(names), in_values=values)
        body = _recorded(trace, fun, trees, types)
        values = [*values, *body.captured]
        if trace.most is None or derivatives_around(values) <= trace.most:
            return body


def _recorded(trace: Trace, fun: Callable[..., Any], trees: Sequence[Any],
              types: Sequence[ArrayType]) -> Body:
    leaves: list[Any] = [trace.input(t) for t in types]
    try:
        arguments, at = [], 0
        for treedef in trees:
            arguments.append(tree.unflatten(treedef, leaves[at : at + treedef.num_leaves]))
            at += treedef.num_leaves
        with recording(trace):
            result = fun(*arguments)
        out = Outputs(trace, result, what=function_name(fun))
        program = trace.program(out.operands)
        captured = list(trace.captures.values())
    finally:
        trace.end()
    return Body(function_name(fun), program, captured, out)


def array_leaf(leaf: Any, what: str) -> Any:
    """A leaf of what is carried or gone through: an array, a traced value or a number."""
    leaf = stacked(leaf)
    if is_array(leaf):
        return leaf
    if isinstance(leaf, (bool, np.bool_)):
        return np.bool_(leaf)
    if isinstance(leaf, np.ndarray) and leaf.dtype == np.bool_:
        return leaf
    raise TypeMismatch(
        explain(f"{what} holds {type(leaf).__name__} {leaf!r:.40}, which is no array and no number.",
                source=Source.here(), fix="arrays and numbers there; let the function close over the rest"))


def mismatch(what: str, fix: str) -> TypeMismatch:
    """The error for something of the wrong type, at the user's line."""
    return TypeMismatch(explain(what, source=Source.here(), fix=fix))


def strong_types(leaves: Sequence[Any]) -> list[ArrayType]:
    """The types of leaves as a loop carries them: a Python number becomes one of NumPy's."""
    return [leaf_type(leaf).strong for leaf in leaves]


def describe_types(treedef: Any, types: Sequence[ArrayType]) -> str:
    """A tree of types, for messages."""
    return str(tree.unflatten(treedef, [_Shown(str(t)) for t in types]))


class _Shown:
    """Prints as its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
