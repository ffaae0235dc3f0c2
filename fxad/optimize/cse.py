"""Common subexpressions: the same operation on the same values is done once."""

from __future__ import annotations

from collections.abc import Hashable

from fxad.ir.analysis import has_effects
from fxad.ir.program import Atom, Equation, Program, Var, substitute

__all__ = ["cse"]


def cse(program: Program) -> Program:
    """Program -> Program in which equal pure equations are one."""
    env: dict[Var, Atom] = {}
    seen: dict[Hashable, Equation] = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        key_inputs: tuple[Hashable, ...] = inputs
        if eqn.primitive.commutative and all(a.type.dtype.kind != "c" for a in inputs):
            # Not of complex numbers: the two products of a part are rounded, or fused, in order.
            key_inputs = (frozenset(inputs), len(inputs))
        # Weakness is part of the key: 2 and 2.0 are different literals, ~f64 and f64 different types.
        key = (eqn.primitive, key_inputs, eqn.params, tuple(v.type for v in eqn.outputs))
        same = None if has_effects(eqn) else seen.get(key)
        if same is not None:
            env.update(zip(eqn.outputs, same.outputs, strict=True))
            continue
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        seen[key] = eqn
        kept.append(eqn)
    return Program(program.inputs, kept, substitute(program.outputs, env))
