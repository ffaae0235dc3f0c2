"""The passes, in their order."""

from __future__ import annotations

from collections.abc import Callable

from fxad.config import config
from fxad.ir.analysis import dce
from fxad.ir.program import Program
from fxad.ir.verify import verify
from fxad.optimize.cse import cse
from fxad.optimize.fold import fold
from fxad.optimize.simplify import simplify

__all__ = ["PIPELINE", "Pass", "optimize"]

Pass = Callable[[Program], Program]

#: Name and pass. Dead code goes first, so that nobody works on it, and last, for what became dead.
PIPELINE: list[tuple[str, Pass]] = [
    ("dead code", dce),
    ("constant folding", fold),
    ("algebra", simplify),
    ("common subexpressions", cse),
    ("algebra again", simplify),
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
