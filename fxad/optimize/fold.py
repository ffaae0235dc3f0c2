"""Constant folding: scalar equations whose operands are all literals are done now."""

from __future__ import annotations

import warnings

import numpy as np

from fxad.ir.program import Atom, Equation, Literal, Program, Var, numpy_literals, substitute

__all__ = ["fold"]


def fold(program: Program) -> Program:
    """Program -> Program without scalar equations on literals alone.

    What raises or warns (1/0, log(-1)) is left for run time, where the user sees it; so is a NaN.
    """
    env: dict[Var, Atom] = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        folded = _value(eqn, inputs)
        if folded is not None:
            env[eqn.output] = folded
            continue
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        kept.append(eqn)
    return Program(program.inputs, kept, substitute(program.outputs, env))


def _value(eqn: Equation, inputs: tuple[Atom, ...]) -> Literal | None:
    if not (eqn.primitive.elementwise and eqn.primitive.pure and inputs and len(eqn.outputs) == 1):
        return None
    literals = [a for a in inputs if isinstance(a, Literal)]
    if len(literals) < len(inputs):
        return None
    literals = numpy_literals(literals)
    values = [a.value for a in literals]
    types = tuple(a.type for a in literals)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        try:
            result = eqn.primitive.evaluator(types, eqn.params)(*values)
        except (ArithmeticError, ValueError, Warning):
            return None
    out = eqn.output.type
    result = out.dtype.type(result)
    if result != result:  # a NaN
        return None
    return Literal(result.item() if out.weak else result)
