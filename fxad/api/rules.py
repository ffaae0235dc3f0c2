"""A call of a function with rules of its own: the function and its rules as Programs.

They are recorded at the call, with what they close over, so that nothing of them is stale. In the function,
in a forward rule and on the residuals of a backward rule Python decides as it does around the call; tangents
and cotangents have no values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.bodies import describe_types
from fxad.api.recording import Outputs, describe, float0, function_name, is_array, leaf_type, stacked
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.ir.primitive import Unknown
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.primitives.structural import convert_to
from fxad.primitives.structured import arranged
from fxad.source import Source
from fxad.tracing import Kind, Trace, Tracer, derivatives_around
from fxad.tracing.operations import operations
from fxad.transforms.jvp import tangent_type

__all__ = ["Backward", "Call", "CustomVJPPrimal", "Rule", "SymbolicZero", "filled", "zero_tangent"]


class SymbolicZero:
    """A tangent or cotangent that is known to be zero, where a rule asks for it by `symbolic_zeros=True`.

    Attributes:
        shape: the shape of what it is a tangent of.
        dtype: the dtype of that.
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def instantiate(self) -> Any:
        """The zero as an array, or as one number."""
        return np.zeros(self.shape, self.dtype)[()]

    def __repr__(self) -> str:
        return f"SymbolicZero(shape={self.shape}, dtype={self.dtype})"


class CustomVJPPrimal:
    """An argument of a forward rule with `symbolic_zeros=True`.

    Attributes:
        value: the argument.
        perturbed: whether it may be differentiated. What is not has a cotangent that nobody reads.
    """

    __slots__ = ("perturbed", "value")

    def __init__(self, value: Any, perturbed: bool) -> None:
        self.value = value
        self.perturbed = perturbed


class Recorded:
    """A function as a Program: its inputs are those of the call, then what it closes over."""

    __slots__ = ("captured", "program")

    def __init__(self, program: Program, captured: Iterable[Any]) -> None:
        self.program = program
        self.captured = list(captured)


class Call:
    """One call of a function with rules.

    Attributes:
        values: the arrays and numbers among the arguments that may be differentiated.
        types: their types.
        floats: positions in `values` of those that have a derivative.
        nondiff: the arguments that a rule is given as they are.
        function: the function itself, recorded; `out` is how its result is put together.
    """

    def __init__(
        self, kind: str, fun: Callable[..., Any], args: Sequence[Any], nondiff: Sequence[int]
    ) -> None:
        self.kind = kind
        self.fun = fun
        self.name = function_name(fun)
        self._args = list(args)
        self._chosen = [i for i in range(len(args)) if i not in nondiff]
        self.nondiff = [args[i] for i in nondiff]
        leaves, self.treedef = tree.flatten(tuple(args[i] for i in self._chosen))
        self.leaves = [stacked(leaf) for leaf in leaves]
        self.where = [i for i, leaf in enumerate(self.leaves) if is_array(leaf) or _is_flags(leaf)]
        self.values = [self.leaves[i] for i in self.where]
        self.types = [leaf_type(v) for v in self.values]
        self.floats = [k for k, t in enumerate(self.types) if t.inexact]
        self.function: Recorded
        self.out: Outputs
        self.out_types: list[ArrayType]

    def arguments(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments that may be differentiated, with other arrays in them."""
        leaves = list(self.leaves)
        for i, value in zip(self.where, values, strict=True):
            leaves[i] = value
        made: tuple[Any, ...] = tree.unflatten(self.treedef, leaves)
        return made

    def all_arguments(self, values: Sequence[Any]) -> list[Any]:
        """All arguments, with other arrays in those that may be differentiated."""
        args = list(self._args)
        for i, value in zip(self._chosen, self.arguments(values), strict=True):
            args[i] = value
        return args

    def record(self) -> int:
        """Record the function; gives the most derivatives that are being taken of the arguments."""
        trace = Trace(Kind.CONCRETE, purpose=f"{self.name}, a {self.kind} function", in_values=self.values)
        trace.order = 0
        try:
            inputs = [trace.input(t) for t in self.types]
            self.out = Outputs(trace, self.fun(*self.all_arguments(inputs)), what=self.name)
            program = trace.program(self.out.operands)
            self.function = Recorded(program, trace.captures.values())
        finally:
            trace.end()
        self.out_types = [t.strong for t in program.out_types]
        return derivatives_around(self.values)

    def like(self) -> Any:
        """A tree like the result, of the positions of its leaves."""
        return tree.unflatten(self.out.treedef, range(self.out.treedef.num_leaves))

    def checked_value(self, trace: Trace, rule: str, value: Any) -> list[Any]:
        """The operands of a rule's value of the function, which is structured and typed as the function's."""
        leaves, treedef = tree.flatten(value)
        if treedef != self.out.treedef:
            raise TreeMismatch(explain(
                f"{rule} returns a value of another structure than {self.name}:\n"
                f"  {self.name}: {self.out.treedef}\n  the rule: {treedef}",
                source=Source.here(), fix="the same structure from both"))
        leaves = [stacked(leaf) for leaf in leaves]
        fitted = [_fitted(leaf, t) for leaf, t in zip(leaves, self.out_types, strict=True)]
        if any(f is None for f in fitted):
            raise TypeMismatch(explain(
                f"{rule} returns a value of another type than {self.name}:\n"
                f"  {self.name}: {describe_types(treedef, self.out_types)}\n"
                f"  the rule: {_shown(treedef, leaves)}",
                source=Source.here(), fix="the same shapes and dtypes from both"))
        return [trace.operand(f) for f in fitted]

    def pair(self, rule: str, result: Any, second: str) -> tuple[Any, Any]:
        """The two parts of what a rule returned."""
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            what = f"a {type(result).__name__} of {len(result)}" if isinstance(result, (tuple, list)) else (
                describe(result))
            raise TypeMismatch(explain(
                f"{rule} returns a pair (value, {second}), and this one returned {what}.",
                source=Source.here(), fix=f"return value, {second}"))
        return result[0], result[1]


class Rule(Recorded):
    """The rule of a `custom_jvp` function.

    Attributes:
        wrt: positions of the arguments it has a tangent of.
        moving: positions of the outputs it gives a tangent of.
    """

    __slots__ = ("moving", "wrt")

    def __init__(self, call: Call, rule: Callable[..., Any], symbolic: bool) -> None:
        self.wrt = tuple(k for k in call.floats if not symbolic or derivatives_around([call.values[k]]))
        types = [tangent_type(call.types[k]) for k in self.wrt]
        name = f"the jvp rule {function_name(rule)} of {call.name}"
        trace = Trace(Kind.CONCRETE, purpose=name, in_values=[*call.values, *map(Unknown, types)])
        trace.order = -1
        try:
            inputs = [trace.input(t) for t in call.types]
            given = dict(zip(self.wrt, [trace.input(t) for t in types], strict=True))
            tangents: list[Any] = [None] * len(call.leaves)
            for k, i in enumerate(call.where):
                tangents[i] = given[k] if k in given else zero_tangent(call.types[k], symbolic)
            result = rule(*call.nondiff, call.arguments(inputs), tree.unflatten(call.treedef, tangents))
            value, tangent = call.pair(name, result, "tangent")
            outs = call.checked_value(trace, name, value)
            moved = self._tangents(call, name, tangent)
            self.moving = tuple(moved)
            program = trace.program([*outs, *map(trace.operand, moved.values())])
            super().__init__(program, trace.captures.values())
        finally:
            trace.end()

    def _tangents(self, call: Call, name: str, tangent: Any) -> dict[int, Any]:
        leaves = filled(tangent, call.like())
        if leaves is None:
            raise TreeMismatch(explain(
                f"{name} returns a tangent of another structure than the value:\n"
                f"  the value:   {call.out.treedef}\n  the tangent: {tree.structure(tangent)}",
                source=Source.here(), fix="a tangent for every leaf of the value, in the same places"))
        found: dict[int, Any] = {}
        for i, (leaf, type) in enumerate(zip(leaves, call.out_types, strict=True)):
            if isinstance(leaf, SymbolicZero) or (not type.inexact and _is_nothing(leaf)):
                continue
            fitted = _fitted(leaf, tangent_type(type)) if type.inexact else None
            if fitted is None:
                wanted = f"{type}" if type.inexact else f"float0{list(type.shape)}, for an integer"
                raise TypeMismatch(explain(
                    f"{name} returns a tangent of another type than the value:\n"
                    f"  the value:   {type}\n  the tangent: {_type_text(leaf)}",
                    source=Source.here(), fix=f"a tangent of type {wanted}"))
            found[i] = fitted
        return found


class Backward:
    """The two rules of a `custom_vjp` function.

    Attributes:
        forward: from the arguments to the outputs and the residuals.
        backward: from the residuals, what it closes over, and the cotangents to those of the arguments.
    """

    __slots__ = ("backward", "forward")

    def __init__(
        self, call: Call, forward: Callable[..., Any], backward: Callable[..., Any], symbolic: bool
    ) -> None:
        name = f"the forward rule {function_name(forward)} of {call.name}"
        trace = Trace(Kind.CONCRETE, purpose=name, in_values=call.values)
        trace.order = -1
        try:
            inputs: list[Any] = [trace.input(t) for t in call.types]
            if symbolic:
                inputs = [CustomVJPPrimal(x, derivatives_around([v]) > 0)
                          for x, v in zip(inputs, call.values, strict=True)]
            result = forward(*call.all_arguments(inputs))
            value, left = call.pair(name, result, "residuals")
            outs = call.checked_value(trace, name, value)
            residuals = self._pull(call, trace, backward, left)
            self.forward = Recorded(trace.program([*outs, *residuals]), trace.captures.values())
        finally:
            trace.end()

    def _pull(self, call: Call, outer: Trace, backward: Callable[..., Any], left: Any) -> list[Any]:
        """Record the backward rule; gives the residuals that it needs, as operands of the trace `outer`."""
        name = f"the backward rule {function_name(backward)} of {call.name}"
        leaves, treedef = tree.flatten(left)
        leaves = [stacked(leaf) for leaf in leaves]
        kept = [i for i, leaf in enumerate(leaves) if _is_residual(leaf)]
        residuals = [outer.operand(leaves[i]) for i in kept]
        cts = [tangent_type(t) for t in call.out_types if t.inexact]
        known = [outer.handle(r) for r in residuals]
        # A cotangent may be what any argument is.
        trace = Trace(Kind.CONCRETE, purpose=name, in_values=[*known, *map(Unknown, cts), *call.values])
        trace.order = -1
        try:
            for i, r in zip(kept, residuals, strict=True):
                leaves[i] = trace.input(outer.type_of(r))
            given = iter([trace.input(t) for t in cts])
            ct = tree.unflatten(call.out.treedef, [
                next(given) if t.inexact else zero_tangent(t, False) for t in call.out_types])
            result = backward(*call.nondiff, tree.unflatten(treedef, leaves), ct)
            program = trace.program([trace.operand(c) for c in self._cotangents(call, trace, name, result)])
            captured = list(trace.captures.values())
        finally:
            trace.end()
        # What it closes over of the forward rule is a residual, too.
        start = len(residuals) + len(cts)
        inner = [j for j, c in enumerate(captured) if c.__class__ is Tracer and c.owner is outer]
        others = [j for j in range(len(captured)) if j not in inner]
        count = len(residuals)
        order = [*range(count), *(start + j for j in (*inner, *others)), *range(count, start)]
        self.backward = Recorded(arranged(program, order), [captured[j] for j in others])
        return [*residuals, *(captured[j].index for j in inner)]

    def _cotangents(self, call: Call, trace: Trace, name: str, result: Any) -> list[Any]:
        count = len(call.treedef.children())
        if not isinstance(result, (tuple, list)) or len(result) != count:
            got = f"{len(result)} cotangents" if isinstance(result, (tuple, list)) else describe(result)
            raise TypeMismatch(explain(
                f"{name} returns a tuple of {count} cotangent{'s' * (count != 1)}, one for each argument,"
                f" and this one returned {got}.",
                source=Source.here(),
                fix="return (ct,)" if count == 1 else "one entry an argument; None for zero"))
        like = tree.unflatten(call.treedef, range(len(call.leaves)))
        leaves = filled(tuple(result), like)
        if leaves is None:
            raise TreeMismatch(explain(
                f"{name} returns cotangents of another structure than the arguments:\n"
                f"  the arguments:  {call.treedef}\n  the cotangents: {tree.structure(tuple(result))}",
                source=Source.here(),
                fix="a cotangent for every leaf of the arguments, in the same places, or None"))
        for i, leaf in enumerate(leaves):
            k = call.where.index(i) if i in call.where else -1
            if (k < 0 or not call.types[k].inexact) and not _is_nothing(leaf):
                raise TypeMismatch(explain(
                    f"{name} returns the cotangent {_type_text(leaf)} of an argument without a derivative,"
                    f" {describe(call.leaves[i])}.", source=Source.here(), fix="None in its place"))
        found = []
        for k in call.floats:
            leaf, type = leaves[call.where[k]], tangent_type(call.types[k])
            if leaf is None or isinstance(leaf, SymbolicZero):
                found.append(operations.full(trace, type, 0))
                continue
            fitted = _fitted(leaf, type)
            if fitted is None:
                raise TypeMismatch(explain(
                    f"{name} returns a cotangent of another type than its argument:\n"
                    f"  the argument:  {type}\n  the cotangent: {_type_text(leaf)}",
                    source=Source.here(), fix=f"a cotangent of type {type}, or None for zero"))
            found.append(fitted)
        return found


# -- leaves -----------------------------------------------------------------------------------------


def filled(given: Any, like: Any) -> list[Any] | None:
    """A value (or None) for every leaf of `like`; in `given` None stands for all leaves below its place.

    None where the structures differ.
    """
    leaves, prefix = tree.flatten(given, is_leaf=_is_none)
    try:
        parts = prefix.flatten_up_to(like)
    except TreeMismatch:
        return None
    found: list[Any] = []
    for leaf, part in zip(leaves, parts, strict=True):
        below = tree.structure(part)
        if leaf is None:
            found += [None] * below.num_leaves
        elif below != tree.LEAF:
            return None
        else:
            found.append(stacked(leaf))
    return found


def _is_none(value: Any) -> bool:
    return value is None


def zero_tangent(type: ArrayType, symbolic: bool) -> Any:
    """What a rule is given as the tangent of a value that has none, or whose tangent is zero."""
    dtype = type.dtype if type.inexact else float0
    return SymbolicZero(type.shape, dtype) if symbolic else np.zeros(type.shape, dtype)


def _is_nothing(leaf: Any) -> bool:
    return leaf is None or isinstance(leaf, SymbolicZero) or getattr(leaf, "dtype", None) == float0


def _is_flags(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype == np.bool_


def _is_residual(leaf: Any) -> bool:
    """Whether a leaf is kept as an array. Numbers and the rest go to the backward rule as they are."""
    return isinstance(leaf, (Tracer, np.ndarray, np.generic)) and is_array(leaf)


def _fitted(value: Any, type: ArrayType) -> Any:
    """`value` as one of `type`, a Python number in its dtype; None when it does not fit."""
    if not is_array(value) and not isinstance(value, (bool, np.bool_)):
        return None
    given = leaf_type(value)
    if given.shape != type.shape:
        return None
    if given.dtype == type.dtype:
        return value
    if not given.weak or not np.can_cast(given.dtype, type.dtype, "same_kind"):
        return None
    return convert_to(value, type.dtype) if isinstance(value, Tracer) else type.dtype.type(value)


def _type_text(leaf: Any) -> str:
    if is_array(leaf) or isinstance(leaf, (bool, np.bool_)):
        return str(leaf_type(leaf).strong)
    return "None" if leaf is None else describe(leaf)


def _shown(treedef: Any, leaves: Sequence[Any]) -> str:
    if all(is_array(leaf) for leaf in leaves):
        return describe_types(treedef, [leaf_type(leaf).strong for leaf in leaves])
    return str([_type_text(leaf) for leaf in leaves])
