"""What a Python function that is called at run time has promised to return, and whether it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.bodies import describe_types
from fxad.api.recording import function_name, is_array, leaf_type
from fxad.errors import FxadError, TreeMismatch, TypeMismatch, explain
from fxad.ir.types import ArrayType
from fxad.source import Source
from fxad.tracing import Tracer, recording

__all__ = ["Arguments", "Promise", "promise_of"]

#: A Python number fits a promise of its own kind or of one that comes after.
_KINDS = "biufc"
_SAME: Any = object()


class Promise:
    """The structure and types of a result.

    Attributes:
        treedef: its structure.
        types: the types of its leaves, for one element of a batch.
    """

    __slots__ = ("treedef", "types")

    def __init__(self, treedef: Any, types: Sequence[ArrayType]) -> None:
        self.treedef = treedef
        self.types = tuple(types)

    def __str__(self) -> str:
        return describe_types(self.treedef, self.types)

    def kept(
        self, what: str, fun: Any, result: Any, source: Source | None, batch: tuple[int, ...] = ()
    ) -> list[Any]:
        """The leaves of a result, as arrays of their own.

        Raises:
            TreeMismatch: it is structured otherwise.
            TypeMismatch: a leaf is no array, or of another shape or dtype.
        """
        leaves, treedef = tree.flatten(result)
        if treedef != self.treedef:
            raise TreeMismatch(explain(
                f"{what}: {function_name(fun)} returned a result of another structure than it promised.\n"
                f"  promised: {self}\n  returned: {_described(result)}",
                source=source, fix="return what was promised, or promise what is returned"))
        return [
            self._leaf(what, fun, leaf, ArrayType((*batch, *type.shape), type.dtype), source, number)
            for number, (leaf, type) in enumerate(zip(leaves, self.types, strict=True))
        ]

    def _leaf(
        self, what: str, fun: Any, leaf: Any, type: ArrayType, source: Source | None, number: int
    ) -> Any:
        which = f" in leaf {number}" if len(self.types) > 1 else ""
        if isinstance(leaf, Tracer) or not (is_array(leaf) or isinstance(leaf, (bool, np.bool_))):
            raise TypeMismatch(explain(
                f"{what}: {function_name(fun)} promised {type}{which} and returned {_described(leaf)}.",
                source=source, fix="return NumPy arrays and numbers"))
        given = leaf_type(leaf)
        fits = given.dtype == type.dtype or (
            given.weak and _KINDS.index(given.dtype.kind) <= _KINDS.index(type.dtype.kind))
        if given.shape != type.shape:
            raise TypeMismatch(explain(
                f"{what}: {function_name(fun)} promised {type}{which} and returned {given.strong}: another"
                f" shape.",
                source=source, fix=f"return an array of shape {type.shape}, or promise shape {given.shape}"))
        if not fits:
            raise TypeMismatch(explain(
                f"{what}: {function_name(fun)} promised {type}{which} and returned {given.strong}: another"
                f" dtype.",
                source=source, fix=f"return result.astype(np.{type.dtype.name}), or promise {given.dtype}"))
        # A copy: what comes out of a Program is nobody else's, also not the function's.
        return np.array(leaf, type.dtype) if type.shape else type.dtype.type(leaf)


def promise_of(what: str, fun: Any, promised: Any) -> Promise:
    """A promise from a tree of arrays, numbers or anything else with a shape and a dtype.

    Raises TypeMismatch when it holds something else.
    """
    leaves, treedef = tree.flatten(promised)
    types = []
    for leaf in leaves:
        if is_array(leaf) or isinstance(leaf, (bool, np.bool_)):
            types.append(leaf_type(leaf).strong)
        elif hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
            types.append(ArrayType(tuple(leaf.shape), np.dtype(leaf.dtype)))
        else:
            raise TypeMismatch(explain(
                f"{what}: the result of {function_name(fun)} is described by {type(leaf).__name__}"
                f" {leaf!r:.40},"
                " which has no shape and dtype.",
                source=Source.here(), fix="fxad.ShapeDtypeStruct(shape, dtype), or an array like the result"))
    return Promise(treedef, types)


class Arguments:
    """The arguments of a call: traced leaves, which are given at run time, among what is known.

    Attributes:
        traced: the traced leaves, in order.
    """

    __slots__ = ("_kept", "_places", "_treedef", "traced")

    def __init__(self, leaves: Sequence[Any], treedef: Any, *, every: bool = False) -> None:
        """`every`: all arrays and numbers are given at run time, traced or not."""
        self._treedef = treedef
        self._places = [
            i for i, leaf in enumerate(leaves)
            if isinstance(leaf, Tracer) or (every and (is_array(leaf) or _is_flags(leaf)))
        ]
        self.traced = [leaves[i] for i in self._places]
        self._kept = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        for i in self._places:
            self._kept[i] = None

    @property
    def places(self) -> tuple[int, ...]:
        """Which leaves are given at run time."""
        return tuple(self._places)

    @property
    def static(self) -> list[Any]:
        """The leaves, with None for those that are given at run time."""
        return list(self._kept)

    @property
    def treedef(self) -> Any:
        """The structure of the arguments."""
        return self._treedef

    def at(self, places: Sequence[int]) -> Arguments:
        """These arguments with those leaves given at run time."""
        self._places = list(places)
        return self

    def rebuilt(self, values: Sequence[Any], others: Any = _SAME) -> Any:
        """The arguments with `values` for the traced leaves, and `others` for all others if that is given.

        Arrays are copies: they may be written to and kept.
        """
        leaves = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in self._kept]
        if others is not _SAME:
            leaves = [others] * len(leaves)
        for i, value in zip(self._places, values, strict=True):
            leaves[i] = value.copy() if isinstance(value, np.ndarray) else value
        return tree.unflatten(self._treedef, leaves)

    def called(self, fun: Any, values: Sequence[Any]) -> Any:
        """`fun(*args, **kwargs)`, where the arguments are a pair of those. Nothing in it is traced."""
        args, kwargs = self.rebuilt(values)
        with recording(None):
            return fun(*args, **kwargs)


def _is_flags(leaf: Any) -> bool:
    return isinstance(leaf, np.bool_) or (isinstance(leaf, np.ndarray) and leaf.dtype == np.bool_)


def _described(value: Any) -> str:
    """A result in terms of types, for messages."""
    if isinstance(value, Tracer):
        return f"a traced {value.type}: a value of a function that is being traced elsewhere"

    def shown(leaf: Any) -> Any:
        plain = not isinstance(leaf, Tracer) and (is_array(leaf) or isinstance(leaf, (bool, np.bool_)))
        return _Text(str(leaf_type(leaf).strong) if plain else f"{type(leaf).__name__} {leaf!r:.40}")

    try:
        return str(tree.map(shown, value))
    except (FxadError, TypeError):
        return f"{type(value).__name__} {value!r:.40}"


class _Text:
    """Prints as its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
