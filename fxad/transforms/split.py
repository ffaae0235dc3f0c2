"""Separating a Program into what is known first and what waits for the tangents.

`split : (a, Ta -> b, Tb) -> (a -> b, residuals), (residuals, Ta -o Tb)`, and with it
`linearize : (a -> b) -> (a -> b, residuals), (residuals, Ta -o Tb)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fxad.config import config
from fxad.ir.analysis import dce
from fxad.ir.program import Atom, Equation, Program, Var
from fxad.ir.verify import verify
from fxad.transforms.jvp import jvp

__all__ = ["linearize", "separated", "split"]


def separated(
    program: Program, roots: Iterable[Var]
) -> tuple[list[Equation], list[Equation], set[Var]]:
    """The equations that do not depend on `roots`, those that do, and all variables that do.

    Structured equations of which a part depends on `roots` are taken apart.
    """
    late: set[Var] = set(roots)
    first: list[Equation] = []
    second: list[Equation] = []
    for eqn in program.equations:
        flags = [a in late for a in eqn.inputs]
        if not any(flags):
            first.append(eqn)
            continue
        parts = eqn.primitive.separate(eqn, flags) if eqn.primitive.structured else None
        if parts is None:
            second.append(eqn)
            late.update(eqn.outputs)
        else:
            first += parts.first
            second += parts.second
            late.update(parts.late)
            late.update(v for e in parts.second for v in e.outputs)
    return first, second, late


def split(program: Program, known_inputs: int, known_outputs: int) -> tuple[Program, Program]:
    """(a, Ta -> b, Tb) -> (a -> b, residuals), (residuals, Ta -o Tb).

    The first `known_inputs` inputs and `known_outputs` outputs belong to the first part; its further
    outputs are the residuals, which are the first inputs of the second part. Only what the second
    part reads is a residual, and what is cheap to compute again (`primitive.cheap`) is not.
    """
    first, second, late = separated(program, program.inputs[known_inputs:])
    needed: dict[Var, None] = {}

    def need(atoms: Sequence[Atom]) -> None:
        needed.update((a, None) for a in atoms if isinstance(a, Var) and a not in late)

    for eqn in second:
        need(eqn.inputs)
    need(program.outputs[known_outputs:])
    again: list[Equation] = []
    for eqn in reversed(first):
        if eqn.primitive.cheap and eqn.output in needed:
            del needed[eqn.output]
            need(eqn.inputs)
            again.append(eqn)
    residuals = tuple(needed)
    known = Program(
        program.inputs[:known_inputs], first, [*program.outputs[:known_outputs], *residuals]
    )
    linear = Program(
        [*residuals, *program.inputs[known_inputs:]],
        [*reversed(again), *second],
        program.outputs[known_outputs:],
    )
    parts = dce(known), dce(linear)
    if config.verify:
        for part in parts:
            verify(part)
    return parts


def linearize(
    program: Program,
    active: Sequence[bool] | None = None,
    out_active: Sequence[bool] | None = None,
) -> tuple[Program, Program]:
    """(a -> b) -> (a -> b, residuals), (residuals, Ta -o Tb): the value, and the derivative there.

    `active` and `out_active` choose inputs and outputs as in `jvp`.

    >>> import numpy as np, fxad
    >>> forward, linear = fxad.transforms.linearize(fxad.make_ir(np.sin)(0.0))
    >>> value, residual = forward(0.0)
    >>> linear(residual, 2.0)
    np.float64(2.0)
    """
    return split(jvp(program, active, out_active), len(program.inputs), len(program.outputs))
