"""Loops made lighter: what is the same at every step is done once, in front of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.ir.program import Atom, Equation, Literal, Params, Program, Var, substitute
from fxad.primitives.carrying import moved_out
from fxad.primitives.looping import while_
from fxad.primitives.scanning import scan

__all__ = ["lighten_loops"]


def lighten_loops(program: Program) -> Program:
    """Program -> Program whose loops carry and compute only what changes from step to step.

    - a constant operand that is a number is written into the body;
    - a carried value that the body gives back as it is becomes a constant;
    - equations of the body that read constants alone move in front of the loop.
    """
    env: dict[Var, Atom] = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        if eqn.primitive is scan or eqn.primitive is while_:
            eqn = _with_numbers(_with_constants(eqn, env))
            lead = eqn.params["cond_consts"] if eqn.primitive is while_ else int(eqn.params["length"] is None)
            consts = eqn.params["body_consts" if eqn.primitive is while_ else "consts"]
            outer, eqn, _ = moved_out(eqn, [False] * len(eqn.inputs), lead, consts)
            kept += outer
        kept.append(eqn)
    return Program(program.inputs, kept, substitute(program.outputs, env))


class _Layout:
    """Where the operands of a loop are, and its Programs as functions of them."""

    def __init__(self, eqn: Equation) -> None:
        params = eqn.params
        self.is_while = eqn.primitive is while_
        self.lead = params["cond_consts"] if self.is_while else int(params["length"] is None)
        self.consts = params["body_consts" if self.is_while else "consts"]
        self.carry = params["carry"]
        self.first = self.lead + self.consts
        self.body: Program = params["body"]

    def carried(self, eqn: Equation) -> Sequence[Atom]:
        """The initial values of the carry."""
        return eqn.inputs[self.first : self.first + self.carry]


def _with_constants(eqn: Equation, env: dict[Var, Atom]) -> Equation:
    """The loop with what it carries unchanged as constants; `env` gets their final values."""
    at = _Layout(eqn)
    own = at.body.inputs[at.consts : at.consts + at.carry]
    still = [out is v for out, v in zip(at.body.outputs, own, strict=False)]
    if not any(still):
        return eqn
    env.update((v, a) for v, a, s in zip(eqn.outputs, at.carried(eqn), still, strict=False) if s)
    moves = [i for i, s in enumerate(still) if s]
    stays = [i for i, s in enumerate(still) if not s]
    body = at.body
    inner = Program(
        [*body.inputs[: at.consts], *(own[i] for i in moves), *(own[i] for i in stays),
         *body.inputs[at.consts + at.carry :]],
        body.equations, [*(body.outputs[i] for i in stays), *body.outputs[at.carry :]])
    given = at.carried(eqn)
    operands = [*eqn.inputs[at.lead : at.first], *(given[i] for i in moves), *(given[i] for i in stays),
                *eqn.inputs[at.first + at.carry :]]
    outputs = (*(eqn.outputs[i] for i in stays), *eqn.outputs[at.carry :])
    params = eqn.params | {"body": inner, "carry": len(stays)}
    lead = list(eqn.inputs[: at.lead])
    if at.is_while:
        cond: Program = params["cond"]
        asked = cond.inputs[at.lead :]
        params["cond"] = Program([*cond.inputs[: at.lead], *(asked[i] for i in moves),
                                  *(asked[i] for i in stays)], cond.equations, cond.outputs)
        params["cond_consts"] = at.lead + len(moves)
        params["body_consts"] = at.consts + len(moves)
        lead += [given[i] for i in moves]
    else:
        params["consts"] = at.consts + len(moves)
    return Equation(eqn.primitive, (*lead, *operands), Params(params), outputs, eqn.source)


def _with_numbers(eqn: Equation) -> Equation:
    """The loop with constants that are literals written into its Programs."""
    at = _Layout(eqn)
    params: dict[str, Any] = dict(eqn.params)
    inputs = eqn.inputs
    changed = False
    parts = [("body", "body_consts" if at.is_while else "consts", at.lead)]
    if at.is_while:
        parts.append(("cond", "cond_consts", 0))
    gone: set[int] = set()
    for name, count, start in parts:
        program: Program = params[name]
        env: dict[Var, Atom] = {}
        for k in range(params[count]):
            atom = inputs[start + k]
            if isinstance(atom, Literal) and atom.type is program.inputs[k].type:
                env[program.inputs[k]] = atom
                gone.add(start + k)
        if env:
            changed = True
            params[name] = _filled(program, env)
            params[count] -= len(env)
    if not changed:
        return eqn
    kept = tuple(a for i, a in enumerate(inputs) if i not in gone)
    return Equation(eqn.primitive, kept, Params(params), eqn.outputs, eqn.source)


def _filled(program: Program, env: dict[Var, Atom]) -> Program:
    equations = [Equation(e.primitive, substitute(e.inputs, env), e.params, e.outputs, e.source)
                 for e in program.equations]
    return Program([v for v in program.inputs if v not in env], equations, substitute(program.outputs, env))
