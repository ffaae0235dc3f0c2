"""What the primitives that hold Programs have in common: calls, branches and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.ir.analysis import dce, has_effects
from fxad.ir.primitive import Primitive, require
from fxad.ir.program import Atom, Equation, Literal, Params, Program, Var, substitute
from fxad.ir.types import ArrayType, type_of
from fxad.primitives.families import Operation
from fxad.primitives.samples import Sample
from fxad.tracing import Kind, Trace, Tracer, bind, innermost
from fxad.tracing.operations import operations
from fxad.transforms.inline import build
from fxad.transforms.jvp import tangent_type

__all__ = ["Structured", "arranged", "bound_type", "check_operands", "example", "flagged", "hoisted",
           "instantiated", "placed", "used_inputs", "witnessed"]


class Structured(Operation):
    """A primitive with Programs among its params, and any number of outputs."""

    multiple = True
    structured = True

    #: Set by the executor: a Program as a function from arrays to a tuple of arrays.
    compiler: Callable[[Program], Callable[..., tuple[Any, ...]]]

    def __init__(self, name: str, examples: Callable[[], Sequence[Sample]]) -> None:
        Primitive.__init__(self, name)
        self._examples = examples

    @property
    def samples(self) -> Sequence[Sample]:
        """Made when they are asked for: they hold Programs, which take time to make."""
        return self._examples()

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        inputs = [Var(t) for t in types]
        outputs = tuple(Var(t) for t in self.infer(*types, **params))
        equation = Equation(self, tuple(inputs), params, outputs)
        return Structured.compiler(Program(inputs, [equation], outputs))


# -- programs ---------------------------------------------------------------------------------------


def arranged(program: Program, inputs: Sequence[int], outputs: Sequence[int] | None = None) -> Program:
    """The Program with its inputs in another order, and some of its outputs, in some order."""
    outs = program.outputs if outputs is None else [program.outputs[i] for i in outputs]
    return Program([program.inputs[i] for i in inputs], program.equations, outs)


def flagged(flags: Sequence[bool], wanted: bool = True) -> list[int]:
    """The positions of the flags that are `wanted`."""
    return [i for i, flag in enumerate(flags) if bool(flag) is wanted]


def example(function: Callable[..., Sequence[Any]], *shapes: tuple[int, ...]) -> Program:
    """A Program of float64 values of these shapes, for samples."""
    trace = Trace(Kind.BUILD, purpose="an example")
    return build(trace, function(*(trace.input(ArrayType(shape, "f8")) for shape in shapes)))


def used_inputs(program: Program) -> set[Var]:
    """The inputs that anything reads."""
    read: set[Any] = {a for eqn in program.equations for a in eqn.inputs}
    read.update(program.outputs)
    return read & set(program.inputs)


def witnessed(program: Program) -> Program:
    """The Program with one more output, a number that nobody reads: an operation has to give something."""
    return Program(program.inputs, program.equations, [*program.outputs, Literal(np.int64(0))])


def check_operands(name: str, program: Program, types: Sequence[ArrayType]) -> None:
    """Raise TypeMismatch unless values of these types can be the inputs of `program`."""
    given = [t.strong for t in types]
    wanted = [t.strong for t in program.in_types]
    require(given == wanted, f"{name}: operands of types {given} for a body that takes {wanted}")


# -- values in rules --------------------------------------------------------------------------------


def bound_type(value: Any) -> ArrayType:
    """The type of an operand in a rule: of a tracer, or of a number."""
    return value.type if isinstance(value, Tracer) else type_of(value)


def instantiated(values: Sequence[Any], types: Sequence[ArrayType], trace: Trace) -> list[Any]:
    """The values, with zeros for those that are None."""
    return [
        operations.full(trace, tangent_type(t), 0) if v is None else v
        for v, t in zip(values, types, strict=True)
    ]


def placed(value: Any, dim: int | None, axis: int, size: int, trace: Trace) -> Any:
    """`value` with its batch axis at `axis`; repeated along it when it has none."""
    if dim is not None:
        return operations.move_axis(value, dim, axis) if dim != axis else value
    type = bound_type(value)
    shape = (*type.shape[:axis], size, *type.shape[axis:])
    if not type.ndim and not isinstance(value, Tracer):
        return operations.full(trace, ArrayType(shape, type.dtype), value)
    return operations.broadcast(value, shape, tuple(i for i in range(len(shape)) if i != axis))


def trace_of(*groups: Sequence[Any]) -> Trace:
    """The trace that a rule records in: that of its operands."""
    trace = innermost([v for group in groups for v in group])
    assert trace is not None
    return trace


def record(primitive: Structured, operands: Sequence[Any], **params: Any) -> tuple[Any, ...]:
    """Apply a structured primitive; its outputs as a tuple."""
    outs: tuple[Any, ...] = bind(primitive, operands, Params(params))
    return outs


# -- loop-invariant equations -----------------------------------------------------------------------


def hoisted(body: Program, constant: Sequence[bool]) -> tuple[Program, Program] | None:
    """A loop's body without what is the same at every step, and a Program of that.

    Args:
        body: its first inputs are the loop's constants.
        constant: for each of those whether what depends on it may move out.

    Returns:
        A Program from the marked constants to further constants, and the body that takes those after its
        own; None when there is nothing to move.
    """
    still: set[Any] = {v for v, flag in zip(body.inputs, constant, strict=False) if flag}
    outer: list[Equation] = []
    inner: list[Equation] = []
    for eqn in body.equations:
        fixed = all(isinstance(a, Literal) or a in still for a in eqn.inputs)
        if fixed and not has_effects(eqn):
            outer.append(eqn)
            still.update(eqn.outputs)
        else:
            inner.append(eqn)
    if not outer:
        return None
    made = {v for eqn in outer for v in eqn.outputs}
    read: dict[Var, None] = {}
    for eqn in inner:
        read.update((a, None) for a in eqn.inputs if isinstance(a, Var) and a in made)
    read.update((a, None) for a in body.outputs if isinstance(a, Var) and a in made)
    if not read:
        return None
    known = [v for v, flag in zip(body.inputs, constant, strict=False) if flag]
    count = len(constant)
    rest = Program([*body.inputs[:count], *read, *body.inputs[count:]], inner, body.outputs)
    return dce(Program(known, outer, list(read))), rest


def spliced(program: Program, atoms: Sequence[Atom]) -> tuple[list[Equation], list[Atom]]:
    """The equations of a Program with its inputs replaced, under fresh variables, and its outputs."""
    env: dict[Var, Atom] = dict(zip(program.inputs, atoms, strict=True))
    equations = []
    for eqn in program.equations:
        copy = eqn.replace(substitute(eqn.inputs, env))
        env.update(zip(eqn.outputs, copy.outputs, strict=True))
        equations.append(copy)
    return equations, list(substitute(program.outputs, env))
