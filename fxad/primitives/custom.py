"""Functions with derivative rules of the user's own.

A `custom_jvp` or `custom_vjp` equation holds the function and its rules as Programs. Taking a derivative
writes the rule in the place of the equation; where none is taken the function itself runs (`expansion`).
Programs of values that one of them closes over have those as further operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.errors import MissingRule, NonDifferentiable, explain
from fxad.ir.analysis import dce
from fxad.ir.primitive import Separated, Unknown, require
from fxad.ir.program import Equation, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.samples import Sample, normal, sample
from fxad.primitives.structural import convert, reduce_sum
from fxad.primitives.structured import (
    Structured,
    arranged,
    bound_type,
    check_operands,
    example,
    flagged,
    instantiated,
    placed,
    record,
    spliced,
    trace_of,
)
from fxad.primitives.trigonometric import cos, sin
from fxad.source import Source
from fxad.tracing import Kind, Trace
from fxad.transforms.batch import batch, batched_outputs
from fxad.transforms.inline import build, inline
from fxad.transforms.jvp import tangent_type
from fxad.transforms.split import separated

__all__ = ["custom_jvp", "custom_lin", "custom_vjp"]


class Custom(Structured):
    """What the two have in common.

    Operands are the arguments, then what `primal` closes over (so many as it has further inputs), then what
    the rules close over. `name` is for messages; `defined` says whether there is a rule, and a rule is None
    also where more derivatives are taken than were foreseen.
    """

    def expansion(self, *, primal: Program, **params: Any) -> Program:
        return primal

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated:
        # A part of it is linear, or known before the rest: the function itself is taken apart.
        primal: Program = eqn.params["primal"]
        inputs = eqn.inputs[: len(primal.inputs)]
        equations, outs = spliced(primal, inputs)
        copies = [Equation(convert, (a,), Params(dtype=v.type.dtype), (v,), eqn.source)
                  for a, v in zip(outs, eqn.outputs, strict=True)]
        waiting = [a for a, flag in zip(inputs, late, strict=False) if flag and isinstance(a, Var)]
        first, second, found = separated(Program([], [*equations, *copies], eqn.outputs), waiting)
        return Separated(first, second, [v for v in eqn.outputs if v in found])

    def _refuse_captures(self, tangents: Sequence[Any], name: str) -> None:
        if any(t is not None for t in tangents):
            kind = self.name
            raise NonDifferentiable(explain(
                f"{name} is a {kind} function that closes over a value that is differentiated. Its rule"
                " says how to differentiate it with respect to its arguments alone.",
                source=Source.here(), fix=f"the value as an argument of {name}, and a rule that knows it"))

    def _missing_rule(self, name: str, defined: bool, mode: str) -> MissingRule:
        if defined:
            return MissingRule(explain(
                f"{name} is differentiated more often than could be foreseen when it was called: a"
                " derivative was taken of a Program, or of a derivative that was made before.",
                source=Source.here(),
                fix="the derivatives around the call of the function: fxad.grad(fxad.grad(f)), not"
                " derivatives of what make_ir gives"))
        rule = f"def{mode}"
        of = "rule(primals, tangents)" if mode == "jvp" else "forward, backward"
        return MissingRule(explain(
            f"{name} is a {self.name} function without a rule: {rule} was never called.",
            source=Source.here(), fix=f"{name}.{rule}({of}) before it is differentiated"))


class CustomJvp(Custom):
    """A function with a rule for forward mode, which reverse mode follows from.

    `rule` takes all arguments, a tangent for each that `wrt` names, and what it closes over. It gives the
    outputs and a tangent for each that `moving` names; the others are zero.
    """

    def infer(
        self, *types: ArrayType, primal: Program, rule: Program | None, args: int, wrt: tuple[int, ...],
        moving: tuple[int, ...], name: str, defined: bool,
    ) -> Any:
        check_operands("custom_jvp", primal, types[: len(primal.inputs)])
        outs = tuple(t.strong for t in primal.out_types)
        if rule is not None:
            given = [*types[:args], *(tangent_type(types[i]) for i in wrt), *types[len(primal.inputs) :]]
            check_operands("the rule of custom_jvp", rule, given)
            wanted = [*outs, *(outs[i] for i in moving)]
            require([t.strong for t in rule.out_types] == wanted,
                    f"custom_jvp: a rule that gives {list(rule.out_types)} for outputs {list(outs)}")
        return outs

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, primal: Program, rule: Program | None,
        args: int, moving: tuple[int, ...], name: str, defined: bool, wrt: tuple[int, ...],
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        own = len(primal.inputs)
        self._refuse_captures(tangents[args:own], name)
        trace = trace_of(primals, tangents)
        if all(t is None for t in tangents[:args]):  # what the rule alone closes over changes no value
            return record(self, primals, primal=primal, rule=rule, args=args, moving=moving, name=name,
                          defined=defined, wrt=wrt), [None] * len(primal.outputs)
        if rule is None or any(t is not None and i not in wrt for i, t in enumerate(tangents[:args])):
            raise self._missing_rule(name, defined, "jvp")
        types = [bound_type(primals[i]) for i in wrt]
        moved = instantiated([tangents[i] for i in wrt], types, trace)
        outs = inline(trace, rule, [*primals[:args], *moved, *primals[own:]])
        count = len(primal.outputs)
        found: list[Any] = [None] * count
        for i, tangent in zip(moving, outs[count:], strict=True):
            found[i] = tangent
        return outs[:count], found

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, primal: Program,
        rule: Program | None, args: int, moving: tuple[int, ...], name: str, defined: bool,
        wrt: tuple[int, ...],
    ) -> tuple[Any, Any]:
        values, axes = in_front(size, operands, dims)
        own, count = len(primal.inputs), len(primal.outputs)
        flags = batched_outputs(primal, size, axes[:own])
        given = [*axes[:args], *(axes[i] for i in wrt), *axes[own:]]
        if rule is not None:
            found = batched_outputs(rule, size, given)
            flags = [a or b for a, b in zip(flags, found, strict=False)]
            for i, flag in zip(moving, found[count:], strict=True):
                flags[i] = flags[i] or flag
            rule = batch(rule, size, given, places(flags, [*range(count), *moving]))
        outs = record(self, values, primal=batch(primal, size, axes[:own], places(flags)), rule=rule,
                      args=args, wrt=wrt, moving=moving, name=name, defined=defined)
        return outs, places(flags)


class CustomVjp(Custom):
    """A function with a rule for reverse mode.

    `forward` takes the arguments and what it closes over (`consts` values, which come before those that
    `backward` closes over), and gives the outputs and the residuals. `backward` takes the residuals, what it
    closes over, and a cotangent for each output of floats; it gives a cotangent for each argument that
    `wrt` names.
    """

    def infer(
        self, *types: ArrayType, primal: Program, forward: Program | None, backward: Program | None,
        args: int, consts: int, wrt: tuple[int, ...], name: str, defined: bool,
    ) -> Any:
        own = len(primal.inputs)
        check_operands("custom_vjp", primal, types[:own])
        outs = tuple(t.strong for t in primal.out_types)
        if forward is not None and backward is not None:
            given = [*types[:args], *types[own : own + consts]]
            check_operands("the forward rule of custom_vjp", forward, given)
            require([t.strong for t in forward.out_types[: len(outs)]] == list(outs),
                    f"custom_vjp: a forward rule that gives {list(forward.out_types)} for outputs"
                    f" {list(outs)}")
            given = [*forward.out_types[len(outs) :], *types[own + consts :], *(t for t in outs if t.inexact)]
            check_operands("the backward rule of custom_vjp", backward, given)
            wanted = [tangent_type(types[i]) for i in wrt]
            require([t.strong for t in backward.out_types] == wanted,
                    f"custom_vjp: a backward rule that gives {list(backward.out_types)} for {wanted}")
        return outs

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, primal: Program, forward: Program | None,
        backward: Program | None, args: int, consts: int, name: str, defined: bool, wrt: tuple[int, ...],
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        own = len(primal.inputs)
        self._refuse_captures(tangents[args : own + consts], name)
        trace = trace_of(primals, tangents)
        active = [i for i in range(args) if tangents[i] is not None]
        types = primal.out_types
        if not active:
            return record(self, primals, primal=primal, forward=forward, backward=backward, args=args,
                          consts=consts, name=name, defined=defined, wrt=wrt), [None] * len(types)
        if forward is None or backward is None or not set(active) <= set(wrt):
            raise self._missing_rule(name, defined, "vjp")
        results = inline(trace, forward, [*primals[:args], *primals[own : own + consts]])
        outs, residuals = results[: len(types)], results[len(types) :]
        floats = flagged([t.inexact for t in types])
        found: list[Any] = [None] * len(types)
        if floats:
            known = [*residuals, *primals[own + consts :]]
            thin = dce(arranged(backward, range(len(backward.inputs)), [wrt.index(i) for i in active]))
            pushed = record(custom_lin, [*known, *(tangents[i] for i in active)], backward=thin,
                            known=len(known), name=name)
            for i, tangent in zip(floats, pushed, strict=True):
                found[i] = tangent
        return outs, found

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, primal: Program,
        forward: Program | None, backward: Program | None, args: int, consts: int, name: str, defined: bool,
        wrt: tuple[int, ...],
    ) -> tuple[Any, Any]:
        values, axes = in_front(size, operands, dims)
        own, count = len(primal.inputs), len(primal.outputs)
        flags = batched_outputs(primal, size, axes[:own])
        if forward is not None and backward is not None:
            given = [*axes[:args], *axes[own : own + consts]]
            found = batched_outputs(forward, size, given)
            flags = [a or b for a, b in zip(flags, found, strict=False)]
            left = places(found[count:])
            forward = batch(forward, size, given, [*places(flags), *left])
            inexact = flagged([t.inexact for t in primal.out_types])
            known = [*left, *axes[own + consts :]]
            backward = batched_backward(backward, size, [*known, *places(flags, inexact)],
                                        [axes[i] for i in wrt])
        outs = record(self, values, primal=batch(primal, size, axes[:own], places(flags)), forward=forward,
                      backward=backward, args=args, consts=consts, wrt=wrt, name=name, defined=defined)
        return outs, places(flags)


class CustomLin(Structured):
    """The derivative of a `custom_vjp` function: linear in its last operands, and known by its transpose.

    The first `known` operands are what `backward` takes before the cotangents.
    """

    def infer(self, *types: ArrayType, backward: Program, known: int, name: str) -> Any:
        check_operands("custom_lin", backward, [*types[:known], *backward.in_types[known:]])
        given, wanted = [t.strong for t in types[known:]], [t.strong for t in backward.out_types]
        require(given == wanted, f"custom_lin: tangents of types {given} for arguments of types {wanted}")
        return tuple(t.strong for t in backward.in_types[known:])

    def expansion(self, *, name: str, **params: Any) -> Program:
        raise self._forward(name)

    def _forward(self, name: str) -> MissingRule:
        return MissingRule(explain(
            f"forward mode (jvp, jacfwd, linearize) reached {name}, a custom_vjp function: it has a rule for"
            " reverse mode alone.",
            source=Source.here(),
            fix="fxad.custom_jvp with defjvp in its place, which serves both modes; or reverse mode (grad,"
            " vjp, jacrev)"))

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, backward: Program, known: int, name: str,
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        if any(t is not None for t in tangents[:known]):
            raise self._forward(name)
        outs = record(self, primals, backward=backward, known=known, name=name)
        trace = trace_of(tangents)
        moved = instantiated(tangents[known:], backward.out_types, trace)
        return outs, record(self, [*primals[:known], *moved], backward=backward, known=known, name=name)

    def transpose(self, ct: Any, *operands: Any, backward: Program, known: int, name: str) -> Any:
        if any(isinstance(x, Unknown) for x in operands[:known]):
            raise self._forward(name)
        trace = trace_of([c for c in ct if c is not None])
        cts = instantiated(ct, backward.in_types[known:], trace)
        outs = inline(trace, backward, [*operands[:known], *cts])
        return (*[None] * known,
                *(out if isinstance(x, Unknown) else None
                  for x, out in zip(operands[known:], outs, strict=True)))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, backward: Program,
        known: int, name: str,
    ) -> tuple[Any, Any]:
        trace = trace_of(operands)
        values, axes = in_front(size, operands, dims)
        values[known:] = [placed(x, a, 0, size, trace)
                          for x, a in zip(values[known:], axes[known:], strict=True)]
        cts = len(backward.inputs) - known
        batched = batched_backward(backward, size, [*axes[:known], *[0] * cts], [0] * len(backward.outputs))
        return record(self, values, backward=batched, known=known, name=name), [0] * cts


# -- batches ----------------------------------------------------------------------------------------


def in_front(
    size: int, operands: Sequence[Any], dims: Sequence[int | None]
) -> tuple[list[Any], list[int | None]]:
    """The operands with their batch axes in front, and where those then are."""
    trace = trace_of(operands)
    values = [x if d is None else placed(x, d, 0, size, trace) for x, d in zip(operands, dims, strict=True)]
    return values, [None if d is None else 0 for d in dims]


def places(flags: Sequence[bool], which: Sequence[int] | None = None) -> list[int | None]:
    """For each output (or those of `which`) its batch axis: in front, or none."""
    return [0 if flags[i] else None for i in (range(len(flags)) if which is None else which)]


def batched_backward(
    backward: Program, size: int, axes: Sequence[int | None], wanted: Sequence[int | None]
) -> Program:
    """A backward rule over a batch.

    A cotangent of what all elements share is the sum of those of the elements.
    """
    flags = batched_outputs(backward, size, axes)
    made = batch(backward, size, axes, places(flags))
    trace = Trace(Kind.BUILD, purpose="vmap")
    outs = inline(trace, made, [trace.input(t) for t in made.in_types])
    fitted = []
    for out, flag, want in zip(outs, flags, wanted, strict=True):
        if want is not None:
            out = placed(out, 0 if flag else None, 0, size, trace)
        elif flag:
            out = reduce_sum(out, axes=(0,))
        fitted.append(out)
    return build(trace, fitted)


# -- samples ----------------------------------------------------------------------------------------


def _jvp_examples() -> list[Sample]:
    primal = example(lambda x, y: [sin(x) * y * 2.0, x], (3,), ())
    rule = example(lambda x, y, dx, dy: [sin(x) * y * 2.0, x, 2.0 * (cos(x) * dx * y + sin(x) * dy), dx],
                   (3,), (), (3,), ())
    return [sample(normal(3), normal(), primal=primal, rule=rule, args=2, wrt=(0, 1), moving=(0, 1),
                   name="f", defined=True, dtypes="d")]


def _vjp_examples() -> list[Sample]:
    primal = example(lambda x, y: [sin(x) * y, x], (3,), ())
    forward = example(lambda x, y: [sin(x) * y, x, x, y], (3,), ())
    backward = example(
        lambda x, y, a, b: [cos(x) * y * a + b, reduce_sum(sin(x) * a, axes=(0,))], (3,), (), (3,), (3,))
    return [sample(normal(3), normal(), primal=primal, forward=forward, backward=backward, args=2, consts=0,
                   wrt=(0, 1), name="f", defined=True, dtypes="d")]


custom_jvp = CustomJvp("custom_jvp", _jvp_examples)
custom_vjp = CustomVjp("custom_vjp", _vjp_examples)
custom_lin = CustomLin("custom_lin", lambda: ())
