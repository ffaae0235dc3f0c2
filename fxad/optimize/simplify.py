"""Algebra that changes no bit of any result, as rules.

Not here, because they are wrong for some value: x + 0.0 (for -0.0), x * 0 and x / x (inf, nan).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fxad.ir.program import Atom, Equation, Params, Program, Var, substitute
from fxad.optimize.pattern import Rule, rewrite_with, rule
from fxad.primitives.stacks import zip_stacks
from fxad.primitives.structural import broadcast

__all__ = ["RULES", "simplify"]


def _real(found: Mapping[str, Atom]) -> bool:
    # (inf + i) * 1 is inf + nan i: the imaginary part of the 1 is multiplied, too.
    return found["x"].type.dtype.kind != "c"


def _signed(found: Mapping[str, Atom]) -> bool:
    return found["x"].type.dtype.kind in "fi"  # NumPy has no unsigned -1: it raises


RULES: list[Rule] = [
    rule("mul(x, 1)", "x", _real),             # 1 is exact
    rule("mul(x, -1)", "neg(x)", _signed),     # only the sign bit changes
    rule("div(x, 1)", "x", _real),
    rule("div(x, -1)", "neg(x)", _real),
    rule("sub(x, 0)", "x"),                    # also for x = -0.0: -0.0 - 0.0 = -0.0
    rule("neg(neg(x))", "x"),                  # the sign bit, twice
    rule("add(x, neg(y))", "sub(x, y)"),       # IEEE 754 defines x - y as x + (-y)
    rule("sub(x, neg(y))", "add(x, y)"),
    rule("mul(neg(x), neg(y))", "mul(x, y)"),  # the sign of a product is the xor of the signs
    rule("logical_not(logical_not(x))", "x"),  # on booleans; other types fail the type check
    rule("pos(x)", "x"),
]

_by_primitive: dict[str, list[Rule]] = {}
for _rule in RULES:
    _by_primitive.setdefault(_rule.pattern.primitive.name, []).append(_rule)


def simplify(program: Program) -> Program:
    """Program -> Program with the rules applied, each equation after those that feed it."""
    env: dict[Var, Atom] = {}
    made: dict[Var, Equation] = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        rules = _by_primitive.get(eqn.primitive.name)
        replaced = rewrite_with(rules, eqn, inputs, made) if rules else None
        if replaced is None:
            composed = _COMPOSED.get(eqn.primitive.name)
            replaced = composed(eqn, inputs, made) if composed is not None else None
        if replaced is None and eqn.primitive.elementwise:
            replaced = _elementwise(eqn, inputs, made)
        if replaced is not None:
            new, result = replaced
            env[eqn.output] = result
            kept += new
            made.update((e.output, e) for e in new)
            continue
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        kept.append(eqn)
        made.update((v, eqn) for v in eqn.outputs)
    return Program(program.inputs, kept, substitute(program.outputs, env))


# -- rules on params: what moves elements, done twice, is done once ---------------------------------

Replaced = tuple[list[Equation], Atom] | None
Made = dict[Var, Equation]


def _below(eqn: Equation, atom: Atom, made: Made) -> Equation | None:
    below = made.get(atom) if isinstance(atom, Var) else None
    return below if below is not None and below.primitive is eqn.primitive else None


def _again(eqn: Equation, x: Atom, **params: Any) -> Replaced:
    out = Var(eqn.output.type)
    return [Equation(eqn.primitive, (x,), Params(params), (out,), eqn.source)], out


def _elementwise(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """f(x, broadcast(s)) = f(x, s), and f(broadcast(s), t) = broadcast(f(s, t)) for numbers s, t."""
    if len(eqn.outputs) != 1 or not eqn.output.type.ndim:
        return None
    numbers = [_number(a, made) for a in inputs]
    if all(n is a for n, a in zip(numbers, inputs, strict=True)):
        return None
    if any(n.type.ndim for n in numbers):
        out = Var(eqn.output.type)
        return [Equation(eqn.primitive, tuple(numbers), eqn.params, (out,), eqn.source)], out
    one = Var(eqn.primitive.infer(*(n.type for n in numbers), **eqn.params))
    whole = Var(eqn.output.type)
    return [
        Equation(eqn.primitive, tuple(numbers), eqn.params, (one,), eqn.source),
        Equation(broadcast, (one,), Params(shape=whole.type.shape, axes=()), (whole,), eqn.source),
    ], whole


def _number(atom: Atom, made: Made) -> Atom:
    """The number that an operand repeats, or the operand itself."""
    eqn = made.get(atom) if isinstance(atom, Var) else None
    repeats = eqn is not None and eqn.primitive is broadcast and not eqn.inputs[0].type.ndim
    return eqn.inputs[0] if eqn is not None and repeats else atom


def _reshape(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """reshape(x, its own shape) = x; reshape(reshape(x)) = reshape(x)."""
    (x,) = inputs
    if x.type.shape == eqn.params["shape"]:
        return [], x
    below = _below(eqn, x, made)
    if below is None:
        return None
    if below.inputs[0].type.shape == eqn.params["shape"]:
        return [], below.inputs[0]
    return _again(eqn, below.inputs[0], shape=eqn.params["shape"])


def _transpose(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """The identity permutation is nothing; two permutations are one."""
    (x,) = inputs
    axes = eqn.params["axes"]
    below = _below(eqn, x, made)
    if below is not None:
        axes = tuple(below.params["axes"][a] for a in axes)
        x = below.inputs[0]
    if axes == tuple(range(len(axes))):
        return [], x
    return _again(eqn, x, axes=axes) if below is not None else None


def _convert(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """A conversion to the dtype that a value has already."""
    (x,) = inputs
    return ([], x) if isinstance(x, Var) and x.type is eqn.output.type else None


def _broadcast(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """A broadcast to the shape that a value has already."""
    (x,) = inputs
    return ([], x) if x.type.shape == eqn.params["shape"] else None


def _integer_pow(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """x**1 = x."""
    return ([], inputs[0]) if eqn.params["n"] == 1 else None


def _unzip_stack(eqn: Equation, inputs: tuple[Atom, ...], made: Made) -> Replaced:
    """What one loop over numbers puts together, the next takes apart."""
    (x,) = inputs
    below = made.get(x) if isinstance(x, Var) else None
    if below is None or below.primitive is not zip_stacks:
        return None
    return [], below.inputs[int(np.ravel_multi_index(eqn.params["index"], below.params["shape"]))]


_COMPOSED: dict[str, Callable[[Equation, tuple[Atom, ...], Made], Replaced]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "convert": _convert,
    "broadcast": _broadcast,
    "integer_pow": _integer_pow,
    "unzip_stack": _unzip_stack,
}
