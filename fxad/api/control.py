"""Structured control flow: branches and loops as single operations, with derivatives of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.bodies import Body, array_leaf, describe_types, mismatch, record_body
from fxad.api.recording import is_array, leaf_type, stacked
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.ir.analysis import has_effects
from fxad.ir.program import Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.conditional import cond as cond_primitive
from fxad.primitives.rounding import clip as clip_primitive
from fxad.primitives.structural import convert_to
from fxad.primitives.structured import witnessed
from fxad.source import Source
from fxad.tracing import Tracer, bind

__all__ = ["cond", "select", "select_n", "switch"]


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """`true_fun(*operands)` if `pred` else `false_fun(*operands)`; only the chosen one runs.

    Args:
        pred: one boolean or number, traced or not.
        true_fun: what is done when it holds; it may close over traced values.
        false_fun: what is done otherwise; its result has the same structure and types.
        *operands: the arguments of both, arrays in pytrees.

    Raises:
        TypeMismatch: `pred` is not one boolean or number, or the results differ in type.
        TreeMismatch: the results differ in structure.

    Under `vmap` with a `pred` that differs between elements, both are computed and the results chosen from.

    >>> import numpy as np, fxad
    >>> f = lambda x: fxad.lax.cond(x > 0, np.sin, lambda x: x * x, x)
    >>> fxad.grad(f)(0.0), fxad.grad(f)(3.0).round(4)
    (np.float64(0.0), np.float64(-0.99))
    """
    for fun in (true_fun, false_fun):
        check_callable(fun, "cond")
    which = _predicate(pred)
    return _branches("cond", which, [false_fun, true_fun], operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; only the chosen one runs.

    Args:
        index: one integer, traced or not; one out of range is moved to the nearest end.
        branches: functions with results of one structure and type.
        *operands: the arguments of all, arrays in pytrees.

    Raises:
        TypeMismatch: `index` is not one integer, there is no branch, or the results differ in type.
        TreeMismatch: the results differ in structure.

    >>> import numpy as np, fxad
    >>> fxad.lax.switch(1, [np.sin, np.cos, np.tan], 0.0)
    np.float64(1.0)
    """
    if not branches:
        raise mismatch("switch has no branches.", "at least one function")
    for fun in branches:
        check_callable(fun, "switch")
    given = stacked(index)
    if not is_array(given) or leaf_type(given).shape or leaf_type(given).dtype.kind not in "iu":
        raise mismatch(f"switch needs one integer as index, and was given {_described(given)}.",
                       "an integer such as x.astype(int)")
    last = len(branches) - 1
    if isinstance(given, Tracer):
        which: Any = clip_primitive(convert_to(given, np.int64), 0, last)
    else:
        which = np.int64(min(max(int(given), 0), last))
    return _branches("switch", which, branches, operands)


def _branches(name: str, which: Any, functions: Sequence[Callable[..., Any]], operands: Sequence[Any]) -> Any:
    leaves = [array_leaf(leaf, f"an operand of {name}") for leaf in tree.leaves(tuple(operands))]
    trees = [tree.structure(o) for o in operands]
    types = [leaf_type(leaf) for leaf in leaves]
    labels = ["the false branch", "the true branch"] if name == "cond" else [
        f"branch {i}" for i in range(len(functions))]
    bodies = [record_body(f, f"{label} of {name}", trees, types, values=leaves)
              for f, label in zip(functions, labels, strict=True)]
    first = bodies[0]
    for body, label in zip(bodies[1:], labels[1:], strict=True):
        _same_results(name, first, body, labels[0], label)
    programs, captured = _sharing(bodies, len(leaves))
    if not first.types:
        if not any(map(has_effects, [eqn for program in programs for eqn in program.equations])):
            return first.out.rebuild([])
        programs = [witnessed(program) for program in programs]
    outs = bind(cond_primitive, [which, *leaves, *captured], Params(branches=tuple(programs)))
    return first.out.rebuild(outs if first.types else [])


def _same_results(name: str, a: Body, b: Body, label_a: str, label_b: str) -> None:
    if a.out.treedef != b.out.treedef:
        raise TreeMismatch(explain(
            f"{name}: the branches return different structures:\n"
            f"  {label_a} ({a.name}): {a.out.treedef}\n  {label_b} ({b.name}): {b.out.treedef}",
            source=Source.here(), fix="the same structure from every branch"))
    if a.types != b.types:
        raise TypeMismatch(explain(
            f"{name}: the branches return different types:\n"
            f"  {label_a} ({a.name}): {describe_types(a.out.treedef, a.types)}\n"
            f"  {label_b} ({b.name}): {describe_types(b.out.treedef, b.types)}",
            source=Source.here(),
            fix="the same shapes and dtypes from every branch, e.g. 0.0 * x instead of 0, or"
            " x.astype(float)"))


def _sharing(bodies: Sequence[Body], count: int) -> tuple[list[Program], list[Any]]:
    """The branches' Programs with all that any of them took from outside as further inputs."""
    captured = [c for body in bodies for c in body.captured]
    types = [v.type for body in bodies for v in body.program.inputs[count:]]
    programs, at = [], count
    for body in bodies:
        own = body.program.inputs[count:]
        inputs = [*body.program.inputs[:count], *(Var(t) for t in types)]
        inputs[at : at + len(own)] = own
        programs.append(Program(inputs, body.program.equations, body.program.outputs))
        at += len(own)
    return programs, captured


def _predicate(pred: Any) -> Any:
    given = stacked(pred)
    if isinstance(given, (bool, np.bool_)):
        return np.bool_(given)
    kind: ArrayType | None = leaf_type(given) if is_array(given) or isinstance(given, np.ndarray) else None
    if kind is None or kind.shape or kind.dtype.kind not in "biuf":
        raise mismatch(f"cond needs one boolean as its predicate, and was given {_described(given)}.",
                       "np.all(...) or np.any(...) of it; np.where for a choice by elements")
    return given if kind.dtype.kind == "b" else given != 0


def _described(value: Any) -> str:
    if is_array(value) or isinstance(value, np.ndarray):
        return f"{leaf_type(value).strong}"
    return f"{type(value).__name__} {value!r:.40}"


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """`on_true` where `pred` holds and `on_false` elsewhere, for arrays of one shape and dtype.

    Args:
        pred: booleans of their shape, or one boolean.
        on_true: an array.
        on_false: an array of the same shape and dtype.

    Raises:
        TypeMismatch: the shapes or dtypes differ.

    >>> import numpy as np, fxad
    >>> fxad.lax.select(np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([1., 4.])
    """
    return select_n(pred, on_false, on_true)


def select_n(which: Any, *cases: Any) -> Any:
    """The elements of one of several arrays, by a boolean (two arrays) or an integer at each place.

    Args:
        which: booleans or integers of the arrays' shape, or one of them.
        *cases: arrays of one shape and dtype; for booleans the first is for False.

    Raises:
        TypeMismatch: the shapes or dtypes differ, or there are not two arrays for a boolean.

    >>> import numpy as np, fxad
    >>> fxad.lax.select_n(np.array([2, 0]), np.array([1, 2]), np.array([3, 4]), np.array([5, 6]))
    array([5, 2])
    """
    types = [leaf_type(c).strong for c in cases]
    kind = leaf_type(which)
    if not types or any(t is not types[0] for t in types) or kind.shape not in ((), types[0].shape):
        raise mismatch(f"select_n by {kind} between arrays of types {types}.",
                       "arrays of one shape and dtype, and a choice of that shape; np.where broadcasts")
    if kind.dtype.kind == "b":
        if len(cases) != 2:
            raise mismatch(f"select_n by booleans between {len(cases)} arrays.", "two arrays, or integers")
        return np.where(which, cases[1], cases[0])
    if kind.dtype.kind not in "iu":
        raise mismatch(f"select_n by {kind}.", "booleans or integers")
    out = cases[-1]
    for k in range(len(cases) - 2, -1, -1):
        out = np.where(which <= k, cases[k], out)
    return out
