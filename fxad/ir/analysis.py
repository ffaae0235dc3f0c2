"""Facts about a Program that several passes ask for: uses, liveness, dependence. All iterative."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable

from fxad.ir.primitive import Primitive
from fxad.ir.program import Equation, Params, Program, Var

__all__ = ["dce", "dependents", "does_more", "has_effects", "last_uses", "programs_of", "silent",
           "use_counts"]


def use_counts(program: Program) -> Counter[Var]:
    """How often each variable is read, outputs included."""
    counts: Counter[Var] = Counter()
    for eqn in program.equations:
        counts.update(a for a in eqn.inputs if isinstance(a, Var))
    counts.update(a for a in program.outputs if isinstance(a, Var))
    return counts


def programs_of(params: Params) -> list[Program]:
    """The Programs among the params of an equation."""
    found: list[Program] = []
    for value in params.values():
        found += [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Program)]
    return found


def has_effects(eqn: Equation) -> bool:
    """Whether an equation does more than to compute: it must not be dropped, merged or run twice."""
    return does_more(eqn.primitive, eqn.params)


def does_more(primitive: Primitive, params: Params) -> bool:
    """Whether a primitive with these params does more than to compute: `has_effects` of its equation."""
    if not primitive.structured:
        return not primitive.pure
    pending = [(primitive, params)]
    while pending:
        current, given = pending.pop()
        if not current.pure:
            return True
        if current.structured:
            pending += [(e.primitive, e.params) for p in programs_of(given) if p.effectful is not False
                        for e in p.equations]
    for program in programs_of(params):
        program.effectful = False
    return False


def silent(params: Params) -> Params | None:
    """The params of a loop or a branch without effects; None where their results are computed with."""
    held = programs_of(params)

    def without(program: Program) -> Program | None:
        counts = use_counts(program)
        kept: list[Equation] = []
        for eqn in program.equations:
            if not has_effects(eqn):
                kept.append(eqn)
            elif eqn.primitive.structured:
                inner = silent(eqn.params)
                if inner is None:
                    return None
                kept.append(Equation(eqn.primitive, eqn.inputs, inner, eqn.outputs, eqn.source))
            elif any(counts[v] for v in eqn.outputs):
                return None
        return Program(program.inputs, kept, program.outputs)

    made = {program: without(program) for program in held}
    if None in made.values():
        return None
    return Params({
        k: made[v] if isinstance(v, Program) else
        tuple(made[p] if isinstance(p, Program) else p for p in v) if isinstance(v, tuple) else v
        for k, v in params.items()
    })


def dce(program: Program) -> Program:
    """Program -> Program without the equations that nothing reads. Inputs stay as they are.

    Effects (primitives that are not `pure`) are kept. Structured equations lose what nothing reads of them.
    """
    live = {a for a in program.outputs if a.__class__ is Var}
    kept: list[Equation] = []
    for eqn in reversed(program.equations):
        for var in eqn.outputs:
            if var in live:
                break
        else:
            if eqn.primitive.pure and not (eqn.primitive.structured and has_effects(eqn)):
                continue
        if eqn.primitive.structured:
            used = [v in live for v in eqn.outputs]
            # Kept for its effects alone, it still has to give something: every operation does.
            eqn = eqn.primitive.prune(eqn, used if any(used) else [True, *used[1:]])
        kept.append(eqn)
        for atom in eqn.inputs:
            if atom.__class__ is Var:
                live.add(atom)
    kept.reverse()
    if len(kept) == len(program.equations) and all(map(operator.is_, kept, program.equations)):
        return program
    return Program(program.inputs, kept, program.outputs)


def dependents(program: Program, roots: Iterable[Var]) -> set[Var]:
    """The variables whose values depend on any of `roots`, those included."""
    reached: set[object] = set(roots)
    for eqn in program.equations:
        for atom in eqn.inputs:
            if atom in reached:
                reached.update(eqn.outputs)
                break
    return reached  # type: ignore[return-value]  # only variables were put in


def last_uses(program: Program) -> list[list[Var]]:
    """For each equation, the variables that nothing reads after it (inputs and outputs left out)."""
    keep = {a for a in program.outputs if isinstance(a, Var)}
    keep.update(program.inputs)
    rows: list[list[Var]] = []
    for eqn in reversed(program.equations):
        dying: list[Var] = []
        for v in (*eqn.inputs, *eqn.outputs):
            if v.__class__ is Var and v not in keep:
                keep.add(v)
                dying.append(v)
        rows.append(dying)
    rows.reverse()
    return rows
