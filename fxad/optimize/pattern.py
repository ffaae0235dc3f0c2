"""Rewrite rules in the notation of the algebra they rewrite.

    rule("mul(x, 1)", "x")

Names are variables of the pattern; numbers match literals of that exact value; `name(...)` is a
primitive. A rule matches an equation and, through the equations that made its operands, what is
below it. The replacement must have the type of what it replaces, else the rule is passed over.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fxad.ir.primitive import PRIMITIVES, Primitive
from fxad.ir.program import EMPTY, Atom, Equation, Literal, Params, Var
from fxad.ir.types import ArrayType

__all__ = ["Rule", "rewrite_with", "rule"]


class _Node(NamedTuple):
    """A pattern: a primitive over patterns. A str is a variable, a number itself."""

    primitive: Primitive
    operands: tuple[_Node | str | complex, ...]


class Rule(NamedTuple):
    """`pattern -> replacement`, and a condition on what the variables matched."""

    pattern: _Node
    replacement: _Node | str | complex
    when: Callable[[Mapping[str, Atom]], bool] | None = None
    text: str = ""


def rule(
    pattern: str, replacement: str, when: Callable[[Mapping[str, Atom]], bool] | None = None
) -> Rule:
    """A rule from its two sides as text."""
    left, right = _read(pattern), _read(replacement)
    if not isinstance(left, _Node):
        raise ValueError(f"a pattern starts with a primitive: {pattern}")
    return Rule(left, right, when, f"{pattern} -> {replacement}")


def _read(text: str) -> _Node | str | complex:
    return _convert(ast.parse(text, mode="eval").body)


def _convert(node: ast.expr) -> _Node | str | complex:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Call(func=ast.Name(id=name), args=args):
            return _Node(PRIMITIVES[name], tuple(_convert(a) for a in args))
    raise ValueError(f"not a pattern: {ast.unparse(node)}")


def _match(
    pattern: _Node | str | complex, atom: Atom, made: Mapping[Var, Equation], found: dict[str, Atom]
) -> bool:
    if isinstance(pattern, str):
        return found.setdefault(pattern, atom) is atom
    if isinstance(pattern, _Node):
        eqn = made.get(atom) if isinstance(atom, Var) else None
        return eqn is not None and _match_equation(pattern, eqn, eqn.inputs, made, found)
    return isinstance(atom, Literal) and atom.is_value(pattern)


def _match_equation(
    pattern: _Node,
    eqn: Equation,
    inputs: tuple[Atom, ...],
    made: Mapping[Var, Equation],
    found: dict[str, Atom],
) -> bool:
    if eqn.primitive is not pattern.primitive or len(inputs) != len(pattern.operands):
        return False
    for order in _orders(eqn, inputs):
        if not _plausible(pattern.operands, order, made):
            continue
        trial = dict(found)
        if all(_match(p, a, made, trial) for p, a in zip(pattern.operands, order, strict=True)):
            found.update(trial)
            return True
    return False


def _plausible(
    patterns: tuple[_Node | str | complex, ...], atoms: tuple[Atom, ...], made: Mapping[Var, Equation]
) -> bool:
    """Whether operands are of the kinds that patterns ask for: turns most equations away at once."""
    for pattern, atom in zip(patterns, atoms, strict=True):
        if pattern.__class__ is str:
            continue
        if pattern.__class__ is _Node:
            eqn = made.get(atom) if atom.__class__ is Var else None
            if eqn is None or eqn.primitive is not pattern.primitive:
                return False
        elif atom.__class__ is not Literal:
            return False
    return True


def _orders(eqn: Equation, inputs: tuple[Atom, ...]) -> Iterator[tuple[Atom, ...]]:
    yield inputs
    if eqn.primitive.commutative and len(inputs) == 2:
        yield inputs[::-1]


def rewrite_with(
    rules: list[Rule], eqn: Equation, inputs: tuple[Atom, ...], made: Mapping[Var, Equation]
) -> tuple[list[Equation], Atom] | None:
    """The equations and the result that replace `eqn`, or None when no rule fits."""
    for candidate in rules:
        found: dict[str, Atom] = {}
        if not _match_equation(candidate.pattern, eqn, inputs, made, found):
            continue
        if candidate.when is not None and not candidate.when(found):
            continue
        new: list[Equation] = []
        result = _write(candidate.replacement, found, eqn, new)
        if result is not None and _same_type(result.type, eqn.outputs[0].type):
            return new, result
    return None


def _same_type(a: ArrayType, b: ArrayType) -> bool:
    return a.strong is b.strong


def _write(
    side: Any, found: Mapping[str, Atom], eqn: Equation, new: list[Equation]
) -> Atom | None:
    if isinstance(side, str):
        return found[side]
    if not isinstance(side, _Node):
        return Literal(side)
    inputs = []
    for operand in side.operands:
        atom = _write(operand, found, eqn, new)
        if atom is None:
            return None
        inputs.append(atom)
    params: Params = EMPTY
    type = side.primitive.infer(*(a.type for a in inputs), **params)
    out = Var(type)
    new.append(Equation(side.primitive, tuple(inputs), params, (out,), eqn.source))
    return out
