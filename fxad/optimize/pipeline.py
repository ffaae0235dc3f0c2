"""The passes, in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fxad.config import config
from fxad.ir.analysis import dce
from fxad.ir.program import Equation, Params, Program
from fxad.ir.verify import verify
from fxad.optimize.cse import cse
from fxad.optimize.explode import explode_loops
from fxad.optimize.fold import fold
from fxad.optimize.looping import lighten_loops
from fxad.optimize.simplify import simplify

__all__ = ["PIPELINE", "Pass", "lower", "optimize"]

Pass = Callable[[Program], Program]


def _inside(program: Program, run: Pass) -> Program:
    """The Program with a pass run on the Programs that its equations hold."""
    if not any(eqn.primitive.structured for eqn in program.equations):
        return program

    def changed(value: Any) -> Any:
        if isinstance(value, Program):
            return run(value)
        if isinstance(value, tuple) and any(isinstance(v, Program) for v in value):
            return tuple(map(changed, value))
        return value

    equations = []
    for eqn in program.equations:
        if eqn.primitive.structured:
            params = Params({name: changed(value) for name, value in eqn.params.items()})
            eqn = Equation(eqn.primitive, eqn.inputs, params, eqn.outputs, eqn.source)
        equations.append(eqn)
    return Program(program.inputs, equations, program.outputs)


def nested(program: Program) -> Program:
    """Program -> Program with the Programs that its equations hold optimised."""
    return _inside(program, optimize)


def lower(program: Program) -> Program:
    """Program -> Program in the form that is best to run, no longer to be differentiated.

    Loops over small arrays become loops over numbers. What comes in is optimised already.
    """
    if not any(eqn.primitive.structured for eqn in program.equations):
        return program
    made = dce(simplify(explode_loops(program)))
    made = _inside(made, lambda body: lower(optimize(body)))
    return verify(made) if config.verify else made


#: Name and pass. Dead code goes first, so that nobody works on it, and last, for what became dead.
PIPELINE: list[tuple[str, Pass]] = [
    ("dead code", dce),
    ("constant folding", fold),
    ("algebra", simplify),
    ("common subexpressions", cse),
    ("algebra again", simplify),
    ("lighter loops", lighten_loops),
    ("bodies", nested),
    ("dead code again", dce),
]


def optimize(program: Program, passes: list[tuple[str, Pass]] | None = None) -> Program:
    """Program -> Program that computes the same, bit for bit, with less work.

    Args:
        program: any Program.
        passes: `(name, pass)` pairs to run in place of `PIPELINE`.

    >>> import fxad
    >>> p = fxad.ir.parse('''program(x: f64[3]) {
    ...   a: f64[3] = mul(x, 1)
    ...   b: f64[3] = neg(a)
    ...   c: f64[3] = neg(b)
    ... } -> c''')
    >>> print(fxad.optimize.optimize(p))
    program(x: f64[3]) {
    } -> x
    """
    for _, run in PIPELINE if passes is None else passes:
        program = run(program)
        if config.verify:
            verify(program)
    return program
