"""Writing one Program into a trace: how transforms compose, and how a nested Program joins the outer one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.ir.program import Atom, Equation, Program, Var
from fxad.tracing import Kind, Trace

__all__ = ["Environment", "build", "inline", "replay"]


class Environment(dict[Var, Any]):
    """What each variable of a Program stands for while a transform goes through it."""

    def read(self, atom: Atom) -> Any:
        """The value of an atom: for a literal, its number."""
        return self[atom] if isinstance(atom, Var) else atom.value

    def write(self, eqn: Equation, result: Any) -> None:
        """Bind the outputs of an equation to the result of its rule."""
        if eqn.primitive.multiple:
            self.update(zip(eqn.outputs, result, strict=True))
        else:
            self[eqn.outputs[0]] = result


def replay(trace: Trace, eqn: Equation, values: Sequence[Any]) -> Any:
    """Record an equation as it stands over other operands."""
    numbers = tuple([
        trace.operand(v) if a.__class__ is Var else a
        for a, v in zip(eqn.inputs, values, strict=True)
    ])
    if eqn.primitive.multiple:
        types = [v.type for v in eqn.outputs]
        return trace.record_multiple(eqn.primitive, numbers, eqn.params, types)
    return trace.record(eqn.primitive, numbers, eqn.params, eqn.outputs[0].type)


def inline(trace: Trace, program: Program, values: Sequence[Any]) -> list[Any]:
    """Record every equation of `program` in `trace`; gives the values of its outputs."""
    numbers: dict[Atom, Any] = {
        v: trace.operand(x) for v, x in zip(program.inputs, values, strict=True)
    }
    outer = trace.source
    try:
        for eqn in program.equations:
            trace.source = eqn.source or outer
            ins = tuple([numbers[a] if a.__class__ is Var else a for a in eqn.inputs])
            outs = eqn.outputs
            if eqn.primitive.multiple:
                made = trace.record_multiple(eqn.primitive, ins, eqn.params, [v.type for v in outs])
                numbers.update((v, m.index) for v, m in zip(outs, made, strict=True))
            else:
                made_one = trace.record(eqn.primitive, ins, eqn.params, outs[0].type)
                numbers[outs[0]] = made_one.index
    finally:
        trace.source = outer
    return [trace.handle(numbers[a] if isinstance(a, Var) else a) for a in program.outputs]


def build(trace: Trace, outputs: Sequence[Any]) -> Program:
    """End a trace of kind BUILD and give its Program."""
    assert trace.kind is Kind.BUILD
    program = trace.program([trace.operand(v) for v in outputs])
    trace.end()
    return program
