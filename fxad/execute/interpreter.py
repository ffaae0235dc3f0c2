"""Runs a Program equation by equation. The first run of every Program, and the reference for all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fxad.execute.results import copies, entry_dtypes
from fxad.ir.analysis import last_uses
from fxad.ir.program import Atom, Literal, Program, Var, numpy_literals
from fxad.optimize import expand

__all__ = ["interpret"]


def interpret(program: Program) -> Callable[..., tuple[Any, ...]]:
    """A function that evaluates the Program: arrays in, a tuple of arrays out.

    Values are let go after their last use.
    """
    program = expand(program)
    slots: dict[Atom, int] = {}
    initial: list[Any] = []

    def slot(atom: Atom) -> int:
        found = slots.get(atom)
        if found is None:
            found = slots[atom] = len(slots)
            initial.append(None if isinstance(atom, Var) else atom.value)
        return found

    for var in program.inputs:
        slot(var)
    steps: list[tuple[Any, tuple[int, ...], Any, tuple[int, ...], Any]] = []
    for eqn, dying in zip(program.equations, last_uses(program), strict=True):
        function = eqn.primitive.evaluator(tuple(a.type for a in eqn.inputs), eqn.params)
        literals = [a for a in eqn.inputs if isinstance(a, Literal)]
        inputs = numpy_literals(literals) if len(literals) == len(eqn.inputs) else eqn.inputs
        ins = tuple(map(slot, inputs))
        outs = tuple(map(slot, eqn.outputs))
        target: Any = outs if eqn.primitive.multiple else outs[0]
        steps.append((function, ins, target, tuple(map(slot, dying)), eqn.source))
    outs = tuple(map(slot, program.outputs))
    finish = list(zip(outs, copies(program), (a.type for a in program.outputs), strict=True))
    entry = entry_dtypes(program)
    count = len(program.inputs)

    def run(*values: Any) -> tuple[Any, ...]:
        env = initial.copy()
        env[:count] = [
            v if scalar is None else scalar(v) for v, scalar in zip(values, entry, strict=True)
        ]
        for function, ins, target, dying, _source in steps:  # the source is for the message of an error
            result = function(*[env[i] for i in ins])
            if target.__class__ is int:
                env[target] = result
            else:
                for t, part in zip(target, result, strict=True):
                    env[t] = part
            for i in dying:
                env[i] = None
        return tuple([_finished(env[i], copy, type) for i, copy, type in finish])

    return run


def _finished(value: Any, copy: bool, type: Any) -> Any:
    if not type.shape:
        return type.dtype.type(value)
    return value.copy() if copy else value


