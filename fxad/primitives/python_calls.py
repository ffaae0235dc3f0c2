"""Python functions with derivative rules of the user's own, as operations of a Program."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

from fxad.errors import MissingRule, NonDifferentiable, explain
from fxad.ir.primitive import Code, Primitive, require
from fxad.ir.program import Params, Program, Var
from fxad.ir.types import FUNCTION, ArrayType, Opaque
from fxad.primitives.callbacks import Levels, batched_operands, call_text, levelled
from fxad.primitives.linear_maps import linear_map, transposed
from fxad.primitives.structured import Structured, instantiated, placed, record, trace_of
from fxad.tracing import Trace
from fxad.transforms.batch import batch
from fxad.transforms.inline import inline
from fxad.transforms.jvp import tangent_type
from fxad.transforms.split import split

__all__ = ["SELF", "Recorded", "Rules", "python_call"]


class _Self:
    """Stands for the function whose rule calls it, so that what is derived of a rule does not hold it."""

    def __repr__(self) -> str:
        return "the function itself"


SELF = _Self()


class Recorded:
    """A rule, recorded for operands of some types.

    Attributes:
        program: from the operands of the rule and then what it closes over.
        constants: what it closes over; `SELF` stands for the function whose rule it is.
    """

    __slots__ = ("constants", "program")

    def __init__(self, program: Program, constants: Sequence[Any]) -> None:
        self.program = program
        self.constants = list(constants)

    def closed_over(self, function: Any) -> list[Any]:
        """What it closes over, where the function is that operand."""
        return [function if c is SELF else c for c in self.constants]


class Rules(Opaque, abc.ABC):
    """The derivative rules of a function, for one signature of its arguments. Compared by identity."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    @abc.abstractmethod
    def unruled(self) -> list[int]:
        """The xs that the rules say nothing of."""

    @abc.abstractmethod
    def forward(self) -> Recorded | None:
        """(xs, tangents of the floating xs) -> (values, tangents of the floating values)."""

    @abc.abstractmethod
    def backward(self) -> tuple[Recorded, Recorded] | None:
        """xs -> (values, residuals), and (residuals, cotangents of the floating values) -> of the xs."""

    @abc.abstractmethod
    def batched(self, size: int, flags: tuple[bool, ...]) -> tuple[Recorded, list[bool]] | None:
        """xs of which some are batched, on axis 0, to values; and which of those are batched."""


class PythonCall(Structured):
    """`f(*xs)`: the function is an operand, and its `rules` are a param.

    `outs` are the types of the values for one element of the batches in `levels` (see `callbacks.Levels`).
    """

    def infer(
        self, f: ArrayType, *xs: ArrayType, rules: Rules, outs: tuple[ArrayType, ...], levels: Levels
    ) -> Any:
        require(f is FUNCTION, f"python_call: a function of type {f}")
        return levelled(outs, levels)

    def emit(self, f: Code, *xs: Code, rules: Rules, outs: tuple[ArrayType, ...], levels: Levels) -> str:
        return call_text(f, xs, outs, levels)

    def owns(self, output: int, **params: Any) -> bool:
        return True

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        return Primitive._make_evaluator(self, types, params)

    # -- derivatives ----------------------------------------------------------------------------------

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, rules: Rules, outs: tuple[ArrayType, ...],
        levels: Levels,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        if not any(t.inexact for t in outs):
            return record(self, primals, rules=rules, outs=outs, levels=levels), [None] * len(outs)
        at = _Point(primals, tangents, levels)
        if any(tangents[1 + i] is not None for i in rules.unruled):
            raise NonDifferentiable(explain(
                f"{rules.name} is differentiated with respect to an argument that it takes by keyword"
                " only, and its rules are for those by position.",
                source=at.trace.source, fix=f"a parameter of {rules.name} that can be given by position"))
        forward, backward = rules.forward(), rules.backward()
        if backward is not None:
            return at.by_pullback(rules.name, outs, forward, *backward)
        if forward is None:
            raise MissingRule(explain(
                f"{rules.name} is a primitive without a derivative, and one was asked for.",
                source=at.trace.source,
                fix=f"a rule, {rules.name}.defjvp(...) or {rules.name}.defvjp(...); or"
                " fxad.primitive(f, finite_differences=True)"))
        return at.by_pushforward(outs, forward)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, rules: Rules,
        outs: tuple[ArrayType, ...], levels: Levels,
    ) -> tuple[Any, Any]:
        moved, wider = batched_operands(size, operands, dims, levels)
        flags = wider[0][1]
        own = rules.batched(size, flags) if not levels else None
        if own is not None:
            rule, batched = own
            trace = trace_of(operands)
            values = inline(trace, rule.program, [*moved[1:], *rule.closed_over(moved[0])])
            return values, [0 if flag else None for flag in batched]
        made = record(self, moved, rules=rules, outs=outs, levels=wider)
        return made, [0] * len(made)


class _Point:
    """Operands and tangents of a call, for all elements of its batches."""

    def __init__(self, primals: Sequence[Any], tangents: Sequence[Any], levels: Levels) -> None:
        self.trace: Trace = trace_of(tangents)
        self.function = primals[0]
        self.xs = list(primals[1:])
        self.levels = levels
        types = [self.trace.type_of(self.trace.operand(x)) for x in self.xs]
        self.inexact = [i for i, t in enumerate(types) if t.inexact]
        given = [tangents[1 + i] for i in self.inexact]
        self.tangents = instantiated(given, [tangent_type(types[i]) for i in self.inexact], self.trace)

    def by_pushforward(
        self, outs: tuple[ArrayType, ...], rule: Recorded
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Values and tangents as the rule gives them."""
        count, fixed = len(self.xs), len(rule.constants)
        whole = self._over_batches(rule.program, [*range(count), *self.inexact, *[None] * fixed])
        made = inline(self.trace, whole, [*self.xs, *self.tangents, *rule.closed_over(self.function)])
        return made[: len(outs)], _beside(outs, made[len(outs) :])

    def by_pullback(
        self, name: str, outs: tuple[ArrayType, ...], push: Recorded | None, first: Recorded, back: Recorded
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Values by the first half of the pull-back, tangents by a map whose transpose is the second."""
        count = len(self.xs)
        whole = self._over_batches(first.program, [*range(count), *[None] * len(first.constants)])
        made = inline(self.trace, whole, [*self.xs, *first.closed_over(self.function)])
        values, residuals = made[: len(outs)], made[len(outs) :]
        cts = sum(t.inexact for t in outs)
        fixed = len(back.constants)
        # Everything is for all elements here, the constants aside.
        backward = self._stretched(back.program, len(residuals), cts, fixed)
        known: list[Any] = [*residuals, *back.closed_over(self.function)]
        forward = None
        if push is not None:
            start, linear, direct = self._linear(push, len(outs))
            closed = push.closed_over(self.function)
            kept = inline(self.trace, start, [*self.xs, *closed])[len(outs) :]
            kept += [closed[i] for i in direct]
            size = len(kept)
            backward = _with_inputs(backward, len(known), linear.in_types[:size])
            forward = _with_inputs(linear, 0, backward.in_types[: len(known)])
            known += kept
        else:
            forward = transposed(backward, len(known))
        spread = [self._everywhere(t, i) for t, i in zip(self.tangents, self.inexact, strict=True)]
        moved = record(linear_map, [*known, *spread], forward=forward, backward=backward, known=len(known),
                       name=name)
        return values, _beside(outs, moved)

    def _linear(self, push: Recorded, outs: int) -> tuple[Program, Program, list[int]]:
        """(xs, constants) -> (values, residuals), and (residuals, some constants, tangents) -> tangents."""
        program = push.program
        count, moving = len(self.xs), len(self.inexact)
        order = [*range(count), *range(count + moving, len(program.inputs)), *range(count, count + moving)]
        arranged = Program([program.inputs[i] for i in order], program.equations, program.outputs)
        start, linear = split(arranged, len(program.inputs) - moving, outs)
        fixed = start.inputs[count:]
        left = start.outputs[outs:]
        # A constant is the same for all elements, and may be no array.
        direct = [k for k, a in enumerate(left) if a in fixed]
        order = [k for k in range(len(left)) if k not in direct]
        start = Program(start.inputs, start.equations, [*start.outputs[:outs], *(left[k] for k in order)])
        start = self._over_batches(start, [*range(count), *[None] * len(fixed)])
        order = [*order, *range(len(left), len(linear.inputs)), *direct]
        linear = Program([linear.inputs[k] for k in order], linear.equations, linear.outputs)
        linear = self._stretched(linear, len(left) - len(direct), moving, len(direct))
        return start, linear, [fixed.index(left[k]) for k in direct]

    def _over_batches(self, program: Program, operands: Sequence[int | None]) -> Program:
        """A Program for one element as one for all; `operands` says whose axes each input has."""
        for size, flags in reversed(self.levels):
            program = batch(program, size, [0 if i is not None and flags[i] else None for i in operands])
        return program

    def _stretched(self, program: Program, known: int, moving: int, constants: int) -> Program:
        """A Program for one element as one for all: its inputs have the batches' axes, but for constants.

        Those stand after the `known` ones, or after the `moving` ones that follow.
        """
        count = len(program.inputs)
        # residuals, cotangents, constants -> residuals, constants, cotangents
        order = [*range(known), *range(known + moving, count), *range(known, known + moving)]
        program = Program([program.inputs[i] for i in order], program.equations, program.outputs)
        axes = [None if known <= i < known + constants else 0 for i in range(count)]
        for size, _ in reversed(self.levels):
            program = batch(program, size, axes)
        return program

    def _everywhere(self, tangent: Any, operand: int) -> Any:
        """A tangent with an axis for each batch."""
        for axis, (size, flags) in enumerate(self.levels):
            if not flags[operand]:
                tangent = placed(tangent, None, axis, size, self.trace)
        return tangent


def _beside(outs: Sequence[ArrayType], tangents: Sequence[Any]) -> list[Any]:
    """A tangent for each value, None for integers."""
    rest = iter(tangents)
    return [next(rest) if t.inexact else None for t in outs]


def _with_inputs(program: Program, at: int, types: Sequence[ArrayType]) -> Program:
    """The Program with more inputs, which it does not read, from position `at` on."""
    more = [Var(t) for t in types]
    return Program([*program.inputs[:at], *more, *program.inputs[at:]], program.equations, program.outputs)


python_call = PythonCall("python_call", lambda: ())
