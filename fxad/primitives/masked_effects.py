"""Effects that take place for some elements of a batch only.

Under `vmap`, a branch that only some elements take is computed for all, and so are the steps of a loop that
has ended for some. Values are chosen from afterwards; an effect can't be taken back, so it is told for whom
it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.ir.analysis import has_effects
from fxad.ir.program import EMPTY, Atom, Equation, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.callbacks import effect
from fxad.primitives.logical import logical_and

__all__ = ["has_any", "where_true"]


def has_any(program: Program) -> bool:
    """Whether there are effects in a Program."""
    return any(map(has_effects, program.equations))


def where_true(program: Program) -> Program:
    """The Program with one more input, in front: a boolean, without which its effects do not take place."""
    mask = Var(ArrayType((), np.dtype(np.bool_)))
    equations = [e for eqn in program.equations for e in (_under(mask, eqn) if has_effects(eqn) else [eqn])]
    return Program([mask, *program.inputs], equations, program.outputs)


def _under(mask: Var, eqn: Equation) -> list[Equation]:
    """An equation with its effects where `mask` is true."""
    before: list[Equation] = []
    params: dict[str, Any] = dict(eqn.params)
    inputs: list[Atom] = list(eqn.inputs)
    if eqn.primitive is effect and params["masked"]:
        both = Var(inputs[1].type)
        before = [Equation(logical_and, (mask, inputs[1]), EMPTY, (both,), eqn.source)]
        inputs[1] = both
    elif eqn.primitive is effect:
        params["masked"] = True
        params["levels"] = tuple((size, (False, *flags)) for size, flags in params["levels"])
        inputs.insert(1, mask)
    elif "branches" in params:
        params["branches"] = tuple(map(where_true, params["branches"]))
        inputs.insert(1, mask)
    elif "cond_consts" in params:
        params |= {"cond": where_true(params["cond"]), "body": where_true(params["body"]),
                   "cond_consts": params["cond_consts"] + 1, "body_consts": params["body_consts"] + 1}
        inputs = [mask, *inputs[: params["cond_consts"] - 1], mask, *inputs[params["cond_consts"] - 1 :]]
    elif "consts" in params:
        lead = int(params["length"] is None)
        params |= {"body": where_true(params["body"]), "consts": params["consts"] + 1}
        inputs.insert(lead, mask)
    else:
        raise _too_deep(eqn)
    return [*before, Equation(eqn.primitive, tuple(inputs), Params(params), eqn.outputs, eqn.source)]


def _too_deep(eqn: Equation) -> TypeMismatch:
    return TypeMismatch(explain(
        f"vmap of a branch or a loop that differs between the elements, with an effect in"
        f" {eqn.primitive.name}, where"
        " it can't be told for which elements it is.",
        source=eqn.source, fix="the effect outside of the branch or loop"))
