"""Equations that stand for a Program, replaced by it: a custom rule is of no use once no derivative is taken.

This is for running alone. A Program that may still be differentiated, or recorded in a trace, keeps them.
"""

from __future__ import annotations

from typing import Any

from fxad.ir.analysis import dce, programs_of
from fxad.ir.primitive import Primitive
from fxad.ir.program import Atom, Equation, Params, Program, Var, substitute

__all__ = ["expand"]


def expand(program: Program) -> Program:
    """Program -> Program in which no equation has an `expansion`, in the Programs of its equations neither.

    Raises MissingRule where something reads the derivative of a function that has no rule for it.
    """
    if not _expands(program):
        return program
    program = dce(program)
    env: dict[Var, Atom] = {}
    kept: list[Equation] = []
    # What is still to be done, the next on top: an equation and what its variables stand for; at the end of
    # an expansion also that, and what its own stand for.
    pending: list[tuple[Equation, dict[Var, Atom], Program | None, dict[Var, Atom]]]
    pending = [(eqn, env, None, env) for eqn in reversed(program.equations)]
    while pending:
        eqn, scope, inside, own = pending.pop()
        if inside is not None:
            scope.update(zip(eqn.outputs, substitute(inside.outputs, own), strict=True))
            continue
        inputs = substitute(eqn.inputs, scope)
        inside = eqn.primitive.expansion(**eqn.params) if eqn.primitive.structured else None
        if inside is not None:
            own = dict(zip(inside.inputs, inputs, strict=False))
            pending.append((eqn, scope, inside, own))
            pending += [(e, own, None, own) for e in reversed(inside.equations)]
            continue
        params = _params(eqn.params) if eqn.primitive.structured else eqn.params
        # The same Program may be written out twice, so its variables are made anew.
        outputs = eqn.outputs if scope is env else tuple(Var(v.type, v.name) for v in eqn.outputs)
        scope.update(zip(eqn.outputs, outputs, strict=True))
        kept.append(Equation(eqn.primitive, inputs, params, outputs, eqn.source))
    return Program(program.inputs, kept, substitute(program.outputs, env))


def _expands(program: Program) -> bool:
    pending = [program]
    while pending:
        for eqn in pending.pop().equations:
            if eqn.primitive.structured:
                if type(eqn.primitive).expansion is not Primitive.expansion:
                    return True
                pending += programs_of(eqn.params)
    return False


def _params(params: Params) -> Params:
    def changed(value: Any) -> Any:
        if isinstance(value, Program):
            return expand(value)
        return tuple(map(changed, value)) if isinstance(value, tuple) else value

    return Params({name: changed(value) for name, value in params.items()})
