"""A part of a trace as a Program: what some of its variables need, given others."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from fxad.ir.program import Atom, Equation, Literal, Program, Var
from fxad.tracing.trace import CAPTURE, INPUT, NEXT_OUTPUT, Record, as_source

__all__ = ["Segment", "dependencies", "segment"]


class Segment(NamedTuple):
    """A part of a trace.

    Attributes:
        program: from the variables in `needs` to those that were asked for.
        needs: numbers of the variables that come from outside.
        computed: numbers of all variables that the program computes.
    """

    program: Program
    needs: tuple[int, ...]
    computed: frozenset[int]


def dependencies(
    records: Sequence[Record], targets: Sequence[Any], available: Container[int]
) -> tuple[list[int], list[int]]:
    """What `targets` depend on: variables from outside, and operations (first outputs) in order.

    From outside are the inputs, the captures and what is `available`.
    """
    outside: set[int] = set()
    inside: set[int] = set()
    stack = [t for t in targets if not isinstance(t, Literal)]
    while stack:
        number = stack.pop()
        primitive, operands = records[number][:2]
        if number in available or primitive is INPUT or primitive is CAPTURE:
            outside.add(number)
            continue
        if primitive is NEXT_OUTPUT:
            stack.append(number - operands[0])
        elif number not in inside:
            inside.add(number)
            stack.extend(o for o in operands if not isinstance(o, Literal))
    return sorted(outside), sorted(inside)


def segment(
    records: Sequence[Record],
    sources: Sequence[Any],
    targets: Sequence[Any],
    available: Container[int],
    effects: Sequence[int] = (),
) -> Segment:
    """The Program of `targets` (variable numbers or Literals) from what is available, and of `effects`."""
    needs, inside = dependencies(records, [*targets, *effects], available)
    env = {number: Var(records[number][3]) for number in needs}
    inputs = list(env.values())
    equations: list[Equation] = []
    for number in inside:
        primitive, operands, params, _ = records[number]
        count = 1
        while number + count < len(records) and records[number + count][0] is NEXT_OUTPUT:
            count += 1
        outs = tuple(Var(records[number + k][3]) for k in range(count))
        for k, var in enumerate(outs):
            env.setdefault(number + k, var)
        ins: tuple[Atom, ...] = tuple(o if isinstance(o, Literal) else env[o] for o in operands)
        equations.append(Equation(primitive, ins, params, outs, as_source(sources[number])))
    outputs: list[Atom] = [t if isinstance(t, Literal) else env[t] for t in targets]
    return Segment(Program(inputs, equations, outputs), tuple(needs), frozenset(env) - set(needs))
