"""Forward mode: `jvp : (a -> b) -> (a, Ta -> b, Tb)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.config import config
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.ir.verify import verify
from fxad.tracing import Kind, Trace
from fxad.tracing.operations import operations
from fxad.transforms.inline import Environment, build, replay

__all__ = ["active_inputs", "jvp", "jvp_values", "moving_outputs", "tangent_type"]


def tangent_type(type: ArrayType) -> ArrayType:
    """The type of a tangent, and of a cotangent, of a value: its own, without weakness."""
    return type.strong


def active_inputs(program: Program, active: Sequence[bool] | None) -> tuple[bool, ...]:
    """Which inputs are differentiated: as given, or all that are floating or complex."""
    if active is None:
        return tuple(t.inexact for t in program.in_types)
    if len(active) != len(program.inputs):
        raise ValueError(f"{len(active)} flags for {len(program.inputs)} inputs")
    return tuple(active)


def jvp(
    program: Program,
    active: Sequence[bool] | None = None,
    out_active: Sequence[bool] | None = None,
) -> Program:
    """(a -> b) -> (a, Ta -> b, Tb): the value together with its directional derivative.

    The inputs are followed by a tangent for each active input (all floating and complex ones, unless
    `active` says otherwise); the outputs by a tangent for each active output (all floating and
    complex ones, unless `out_active` says otherwise).

    >>> import numpy as np, fxad
    >>> p = fxad.make_ir(np.sin)(0.0)
    >>> fxad.transforms.jvp(p)(0.0, 1.0)
    (np.float64(0.0), np.float64(1.0))
    """
    flags = active_inputs(program, active)
    out_flags = [t.inexact for t in program.out_types] if out_active is None else out_active
    trace = Trace(Kind.BUILD, purpose="jvp", names=[v.name or "" for v in program.inputs])
    primals = [trace.input(v.type) for v in program.inputs]
    tangents = [
        trace.input(tangent_type(v.type)) if flag else None
        for v, flag in zip(program.inputs, flags, strict=True)
    ]
    outs, tangents_out = jvp_values(trace, program, primals, tangents)
    full = [
        operations.full(trace, tangent_type(a.type), 0) if t is None else t
        for a, t, flag in zip(program.outputs, tangents_out, out_flags, strict=True)
        if flag
    ]
    made = build(trace, [*outs, *full])
    return verify(made) if config.verify else made


def moving_outputs(program: Program, active: Sequence[bool]) -> list[bool]:
    """Which outputs have a tangent that is not zero, when the `active` inputs have one."""
    trace = Trace(Kind.BUILD, purpose="jvp")
    primals = [trace.input(v.type) for v in program.inputs]
    tangents = [
        trace.input(tangent_type(v.type)) if flag else None
        for v, flag in zip(program.inputs, active, strict=True)
    ]
    _, found = jvp_values(trace, program, primals, tangents)
    trace.end()
    return [t is not None for t in found]


def jvp_values(
    trace: Trace, program: Program, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Record a Program and its tangents in `trace`. A tangent that is zero is None."""
    values = Environment(zip(program.inputs, primals, strict=True))
    moving: dict[Any, Any] = {
        v: t for v, t in zip(program.inputs, tangents, strict=True) if t is not None
    }
    for eqn in program.equations:
        trace.source = eqn.source
        ins = [values.read(a) for a in eqn.inputs]
        dins = [moving.get(a) for a in eqn.inputs]
        still = not eqn.primitive.differentiable or all(d is None for d in dins)
        if eqn.primitive.structured and not still:
            out, dout = eqn.primitive.push(ins, dins, **eqn.params)
            values.write(eqn, out)
        else:
            out = replay(trace, eqn, ins)
            values.write(eqn, out)
            if still:
                continue
            dout = eqn.primitive.jvp(ins, dins, out, **eqn.params)
        pairs = zip(eqn.outputs, dout if eqn.primitive.multiple else (dout,), strict=True)
        moving.update((v, d) for v, d in pairs if d is not None and v.type.inexact)
    trace.source = None
    outs = [values.read(a) for a in program.outputs]
    return outs, [moving.get(a) for a in program.outputs]
