"""The specification of the intermediate representation, as code that checks a Program against it."""

from __future__ import annotations

from fxad.errors import VerificationError
from fxad.ir.printer import format_program
from fxad.ir.program import Atom, Equation, Literal, Program, Var
from fxad.ir.types import ArrayType

__all__ = ["verify"]


def verify(program: Program) -> Program:
    """Check a Program and return it.

    Every variable is defined once and before its use; every equation's outputs have the types that
    its primitive infers (weakness, which only matters while tracing, is not compared); outputs are
    defined; Programs held as params are themselves well formed.

    Raises:
        VerificationError: with the equation and the rule it breaks.
    """
    pending = [program]
    while pending:
        current = pending.pop()
        defined: set[Var] = set()
        for var in current.inputs:
            _define(current, defined, var, "the inputs")
        for eqn in current.equations:
            _check_equation(current, defined, eqn)
            for value in eqn.params.values():
                pending += [v for v in _flat(value) if isinstance(v, Program)]
        for atom in current.outputs:
            _check_atom(current, defined, atom, "the outputs")
    return program


def _flat(value: object) -> list[object]:
    return list(value) if isinstance(value, tuple) else [value]


def _fail(program: Program, message: str) -> None:
    raise VerificationError(f"{message}\n\nin\n\n{format_program(program)}")


def _define(program: Program, defined: set[Var], var: Var, where: str) -> None:
    if not isinstance(var, Var):
        raise VerificationError(f"{where} hold {var!r}, which is no variable")
    if var in defined:
        raise VerificationError(f"a variable of type {var.type} is defined twice, in {where}")
    defined.add(var)


def _check_atom(program: Program, defined: set[Var], atom: Atom, where: str) -> None:
    if isinstance(atom, Literal):
        return
    if not isinstance(atom, Var) or atom not in defined:
        raise VerificationError(f"{where} read {atom!r}, which is not defined before")


def _check_equation(program: Program, defined: set[Var], eqn: Equation) -> None:
    where = f"the equation {eqn.primitive.name} ({eqn.source})"
    for atom in eqn.inputs:
        _check_atom(program, defined, atom, where)
    inferred = eqn.primitive.infer(*(a.type for a in eqn.inputs), **eqn.params)
    types: tuple[ArrayType, ...] = inferred if eqn.primitive.multiple else (inferred,)
    for var in eqn.outputs:
        _define(program, defined, var, where)
    given = tuple(v.type for v in eqn.outputs)
    if [t.strong for t in types] != [t.strong for t in given]:
        _fail(program, f"{where} gives {list(types)}, and is declared to give {list(given)}")
