"""Facts about a Program that several passes ask for: uses, liveness, dependence. All iterative."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fxad.ir.program import Equation, Program, Var

__all__ = ["dce", "dependents", "last_uses", "use_counts"]


def use_counts(program: Program) -> Counter[Var]:
    """How often each variable is read, outputs included."""
    counts: Counter[Var] = Counter()
    for eqn in program.equations:
        counts.update(a for a in eqn.inputs if isinstance(a, Var))
    counts.update(a for a in program.outputs if isinstance(a, Var))
    return counts


def dce(program: Program) -> Program:
    """Program -> Program without the equations that nothing reads. Inputs stay as they are.

    Effects (primitives that are not `pure`) are kept.
    """
    live = {a for a in program.outputs if isinstance(a, Var)}
    kept: list[Equation] = []
    for eqn in reversed(program.equations):
        if not eqn.primitive.pure or any(v in live for v in eqn.outputs):
            kept.append(eqn)
            live.update(a for a in eqn.inputs if isinstance(a, Var))
    if len(kept) == len(program.equations):
        return program
    return Program(program.inputs, reversed(kept), program.outputs)


def dependents(program: Program, roots: Iterable[Var]) -> set[Var]:
    """The variables whose values depend on any of `roots`, those included."""
    reached = set(roots)
    for eqn in program.equations:
        if any(a in reached for a in eqn.inputs if isinstance(a, Var)):
            reached.update(eqn.outputs)
    return reached


def last_uses(program: Program) -> list[list[Var]]:
    """For each equation, the variables that nothing reads after it (inputs and outputs left out)."""
    keep = {a for a in program.outputs if isinstance(a, Var)}
    keep.update(program.inputs)
    rows: list[list[Var]] = []
    for eqn in reversed(program.equations):
        dying = [
            v
            for v in dict.fromkeys([*(a for a in eqn.inputs if isinstance(a, Var)), *eqn.outputs])
            if v not in keep
        ]
        keep.update(dying)
        rows.append(dying)
    rows.reverse()
    return rows
