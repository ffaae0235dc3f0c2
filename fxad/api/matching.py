"""Whether tangents fit primals and cotangents fit outputs; errors that show both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad import tree
from fxad.api.recording import float0, is_array, leaf_type, stacked
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.ir.types import ArrayType
from fxad.source import Source

__all__ = ["check_cotangents", "check_tangents"]


def check_tangents(name: str, primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """The leaves of `tangents`, each fit for the leaf of `primals` at its place."""
    for what, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, (tuple, list)):
            raise TypeMismatch(
                explain(
                    f"{name}: {what} is a tuple or list with one entry an argument, not"
                    f" {type(value).__name__}.",
                    source=Source.here(), fix=f"({what},)" if name == "jvp" else f"*{what}",
                )
            )
    p_leaves, p_tree = tree.flatten(tuple(primals))
    t_leaves, t_tree = tree.flatten(tuple(tangents))
    if p_tree != t_tree:
        raise TreeMismatch(
            explain(
                f"{name}: the tangents are not structured like the primals:\n"
                f"  primals:  {p_tree}\n  tangents: {t_tree}",
                source=Source.here(), fix="a tangent for every leaf of the primals, in the same places",
            )
        )
    return [
        _fitted(name, "tangent", "primal", leaf_type(p), t) if is_array(p) else None
        for p, t in zip(p_leaves, t_leaves, strict=True)
    ]


def check_cotangents(treedef: Any, types: Sequence[ArrayType], ct: Any) -> list[Any]:
    """The leaves of a cotangent, each fit for the output at its place."""
    leaves, ct_tree = tree.flatten(ct)
    if ct_tree != treedef:
        raise TreeMismatch(
            explain(
                "the cotangent is not structured like the output of the function:\n"
                f"  output:    {treedef}\n  cotangent: {ct_tree}",
                source=Source.here(), fix="a cotangent for every leaf of the output, in the same places",
            )
        )
    return [_fitted("vjp", "cotangent", "output", t, c) for t, c in zip(types, leaves, strict=True)]


def _fitted(name: str, what: str, of: str, type: ArrayType, value: Any) -> Any:
    """`value` as a (co)tangent of something of `type`; a Python number takes its dtype."""
    value = stacked(value)
    if not type.inexact:
        if value is None or getattr(value, "dtype", None) == float0:
            return None
        if not is_array(value) and not isinstance(value, bool):
            raise _mismatch(name, what, of, type, value)
        if what == "cotangent":
            return None  # the cotangent of an integer output is never read
        raise TypeMismatch(
            explain(
                f"{name}: the {of} is {type}, an integer, whose {what} holds nothing.",
                source=Source.here(), fix=f"np.zeros({type.shape}, fxad.float0) in its place",
            )
        )
    if not is_array(value):
        raise _mismatch(name, what, of, type, value)
    given = leaf_type(value)
    if given.shape != type.shape:
        raise _mismatch(name, what, of, type, value)
    if given.dtype != type.dtype:
        if not given.weak or (given.dtype.kind == "c" and type.dtype.kind != "c"):
            raise _mismatch(name, what, of, type, value)
        return type.dtype.type(value)
    return value


def _mismatch(name: str, what: str, of: str, type: ArrayType, value: Any) -> TypeMismatch:
    given = leaf_type(value) if is_array(value) else None
    shown = str(given) if given is not None else f"{value.__class__.__name__} {value!r:.40}"
    if given is not None and given.shape == type.shape:
        fix = f"{what}.astype(np.{type.dtype.name})" if given.shape else f"np.{type.dtype.name}({what})"
    else:
        fix = f"a {what} of shape {type.shape} and dtype {type.dtype}"
    return TypeMismatch(
        explain(
            f"{name}: a {what} of type {shown} for an {of} of type {type}."
            if of == "output" else f"{name}: a {what} of type {shown} for a {of} of type {type}.",
            source=Source.here(), fix=fix,
        )
    )
