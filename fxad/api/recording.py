"""From a call of a user's function to what it recorded: shared by all un-jitted transforms.

`record` replaces the arguments that a transform acts on by tracers, calls the function, and hands back
its trace together with how inputs and outputs were put together. It does no mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.errors import NonDifferentiable, TypeMismatch, explain, locate
from fxad.execute.places import locate_in_program
from fxad.ir.types import ArrayType, type_of
from fxad.primitives.chosen import Chosen
from fxad.source import Source, calling_place
from fxad.tracing import Kind, Trace, Tracer, as_source, current_trace, recording
from fxad.tracing.trace import Foreseen

__all__ = [
    "Inputs", "Outputs", "Recording", "describe", "float0", "function_name", "is_array", "record",
    "stacked",
]

#: The dtype of the derivative with respect to an integer: there is none, so it holds nothing.
float0 = np.dtype([("float0", np.void, 0)])

_NUMBERS = (float, int, complex)


def is_array(leaf: Any) -> bool:
    """Whether a leaf is traced: an array or a number. Flags, strings and the rest are static.

    So are ints that no int64 holds: what NumPy makes of one depends on what is beside it.
    """
    if isinstance(leaf, (Tracer, np.generic)):
        return True
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind in "fciub"
    if isinstance(leaf, int):
        return not isinstance(leaf, bool) and leaf.bit_length() < 64
    return isinstance(leaf, _NUMBERS)


def leaf_type(leaf: Any) -> ArrayType:
    """The type of an array leaf, traced or not."""
    return leaf.type if isinstance(leaf, Tracer) else type_of(leaf)


def function_name(fun: Callable[..., Any]) -> str:
    """The name of a function for messages."""
    return getattr(fun, "__name__", None) or type(fun).__name__


def describe(value: Any) -> str:
    """A value in a few words, for messages."""
    if isinstance(value, (Tracer, np.ndarray, np.generic)):
        return f"{value.dtype} of shape {value.shape}" if value.shape else f"one {value.dtype}"
    return f"{type(value).__name__} {value!r:.40}"


class Inputs:
    """The arguments a transform acts on, flattened: which leaves are traced, and how to rebuild them.

    Attributes:
        leaves: every leaf.
        trees: the tree of each chosen argument, with its number of leaves.
        traced: positions in `leaves` of those that are traced.
    """

    __slots__ = ("leaves", "names", "traced", "trees")

    def __init__(self, values: Sequence[Any], names: Sequence[str]) -> None:
        self.leaves: list[Any] = []
        self.trees: list[tuple[Any, int]] = []
        self.names: list[str] = []
        for value, name in zip(values, names, strict=True):
            if value.__class__ is float or value.__class__ is np.ndarray:
                leaves, treedef = [value], tree.LEAF
            else:
                leaves, treedef = tree.flatten(value)
            self.leaves += leaves
            self.trees.append((treedef, len(leaves)))
            self.names += [name] * len(leaves)
        self.traced: list[int] = []

    def rebuild(self, leaves: Sequence[Any]) -> list[Any]:
        """The chosen arguments with other leaves."""
        values, at = [], 0
        for treedef, count in self.trees:
            part = leaves[at : at + count]
            values.append(part[0] if treedef is tree.LEAF else treedef.unflatten(part))
            at += count
        return values


class Outputs:
    """What a function returned, flattened: operands of its trace, and how to put them together."""

    __slots__ = ("operands", "static", "treedef", "where")

    def __init__(self, trace: Trace, value: Any, *, what: str, any_leaf: bool = False) -> None:
        if value.__class__ is Tracer:
            leaves, self.treedef = [value], tree.LEAF
        else:
            leaves, self.treedef = tree.flatten(value)
        self.operands: list[Any] = []
        self.static: list[Any] = []
        self.where: list[int] = []
        for leaf in leaves:
            leaf = stacked(leaf)
            if leaf.__class__ is Tracer or is_array(leaf) or isinstance(leaf, bool):
                self.where.append(len(self.operands))
                self.operands.append(trace.operand(leaf))
                self.static.append(None)
            elif any_leaf:
                self.where.append(-1)
                self.static.append(leaf)
            else:
                raise TypeMismatch(
                    explain(
                        f"{what} returned {describe(leaf)}, which is no array and no number.",
                        source=Source.here(),
                        fix="return arrays (in any pytree), or pass the rest out with has_aux=True",
                    )
                )

    def rebuild(self, values: Sequence[Any]) -> Any:
        """What the function returned, with other values for its arrays."""
        if self.treedef is tree.LEAF and self.where[0] == 0:
            return values[0]
        leaves = [
            values[w] if w >= 0 else s for w, s in zip(self.where, self.static, strict=True)
        ]
        return self.treedef.unflatten(leaves)


def stacked(value: Any) -> Any:
    """An object array that holds traced values as one traced array; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return Trace.stack(value)
    if isinstance(value, Chosen):
        raise value.error
    return value


class Recording:
    """A function's trace after it was called: see `record`."""

    __slots__ = ("aux", "inputs", "out", "trace")

    def __init__(self, trace: Trace, inputs: Inputs, out: Outputs, aux: Outputs | None) -> None:
        self.trace = trace
        self.inputs = inputs
        self.out = out
        self.aux = aux

    @property
    def operands(self) -> list[Any]:
        """The operands of all outputs: the main ones, then the auxiliary ones."""
        return self.out.operands if self.aux is None else self.out.operands + self.aux.operands

    def locate(self, error: Exception) -> None:
        """Note on an error of NumPy's, raised by what this recorded, the user's line."""
        written = {s for s in self.trace.sources if s is not None}
        locate_in_program(error, filter(None, map(as_source, written)))

    @property
    def values(self) -> list[Any]:
        """The concrete (or outer) values of the Program's inputs: arguments, then captures."""
        assert self.trace.in_values is not None
        return [*self.trace.in_values, *self.trace.captures.values()]


def record(
    fun: Callable[..., Any],
    purpose: str,
    inputs: Inputs,
    call: Callable[[list[Any]], Any],
    *,
    has_aux: bool = False,
    kind: Kind = Kind.CONCRETE,
    types: Sequence[ArrayType] | None = None,
    foreseen: Sequence[Foreseen] = (),
) -> Recording:
    """Call a function on tracers in place of the traced leaves of `inputs`.

    Args:
        fun: the function, for messages.
        purpose: the transform, for messages.
        inputs: its `traced` leaves become tracers.
        call: calls the function, given the rebuilt arguments.
        has_aux: the function returns `(output, aux)`.
        kind: what asking for a value means.
        types: the types of the tracers, where they are not those of the leaves.
        foreseen: what was computed already on a part of the way.
    """
    leaves = list(inputs.leaves)
    values = [leaves[i] for i in inputs.traced]
    names = [inputs.names[i] for i in inputs.traced]
    trace = Trace(kind, purpose=purpose, in_values=values, names=names)
    trace.foreseen += foreseen
    trace.around = current_trace()
    for k, i in enumerate(inputs.traced):
        leaves[i] = trace.input(types[k] if types is not None else leaf_type(leaves[i]))
    try:
        with recording(trace):
            result = call(inputs.rebuild(leaves))
        aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeMismatch(
                    explain(
                        f"has_aux=True, and {function_name(fun)} returned {describe(result)}"
                        " instead of a pair.",
                        source=Source.here(),
                        fix="return output, aux",
                    )
                )
            result, extra = result
            aux = Outputs(trace, extra, what=function_name(fun), any_leaf=True)
        return Recording(trace, inputs, Outputs(trace, result, what=function_name(fun)), aux)
    except BaseException as error:
        trace.end()
        if isinstance(error, Exception):
            locate(error, calling_place(error))
        raise


def require_inexact(inputs: Inputs, transform: str, *, allow_int: bool = False,
                    complex_fix: str | None = None) -> None:
    """Choose the leaves to differentiate: floating and complex ones.

    Raises NonDifferentiable for an integer (unless `allow_int`), and for a complex number when
    `complex_fix` says what to do instead.
    """
    for i, leaf in enumerate(inputs.leaves):
        cls = leaf.__class__
        if cls is float:
            inputs.traced.append(i)
            continue
        if not is_array(leaf) and cls is not int:
            if isinstance(leaf, np.ndarray):
                raise NonDifferentiable(
                    explain(f"{transform} was given an array of dtype {leaf.dtype}.",
                            source=Source.here(), fix="an array of floats"))
            continue
        kind = leaf_type(leaf).dtype.kind
        if kind in "fc":
            if kind == "c" and complex_fix is not None:
                raise NonDifferentiable(
                    explain(
                        f"{transform} needs real inputs, and {inputs.names[i]} is complex.",
                        source=Source.here(), fix=complex_fix))
            inputs.traced.append(i)
        elif not allow_int:
            raise NonDifferentiable(
                explain(
                    f"{transform} needs floating-point inputs, and {inputs.names[i]!r} is"
                    f" {describe(leaf)}: an integer has no derivative.",
                    source=Source.here(),
                    fix=f"pass {_as_float(leaf)}, or choose other arguments with argnums"
                    " (allow_int=True gives derivatives of dtype float0)",
                )
            )


def _as_float(leaf: Any) -> str:
    return f"{leaf}.0" if leaf.__class__ is int else "x.astype(float)"


def no_derivative(leaf: Any) -> Any:
    """What stands in a gradient for a leaf without one: float0 zeros for integers, else None."""
    return np.zeros(np.shape(leaf), float0) if is_array(leaf) or leaf.__class__ is int else None
