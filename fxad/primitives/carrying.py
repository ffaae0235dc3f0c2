"""What loops carry: how tangents, batch axes and waiting spread from step to step."""

from __future__ import annotations

from collections.abc import Sequence

from fxad.ir.analysis import dce
from fxad.ir.program import Equation, Params, Program
from fxad.primitives.structured import hoisted, spliced
from fxad.transforms.batch import batched_outputs
from fxad.transforms.jvp import moving_outputs
from fxad.transforms.split import separated

__all__ = ["beside", "carried_batch", "carried_tangents", "known_part", "late_carry", "moved_out"]


def carried_tangents(
    body: Program, active: Sequence[bool], consts: int, carry: int
) -> tuple[list[bool], list[bool]]:
    """Which inputs and outputs of a loop's body have tangents, once those of the carry have spread."""
    now = list(active)
    while True:
        moving = moving_outputs(body, now)
        spread = [a or b for a, b in zip(now[consts : consts + carry], moving, strict=False)]
        if spread == now[consts : consts + carry]:
            return now, [*spread, *moving[carry:]]
        now[consts : consts + carry] = spread


def carried_batch(
    body: Program, size: int, axes: Sequence[int | None], consts: int, carry: int
) -> tuple[list[int | None], list[bool]]:
    """The batch axes of a body's inputs, and which outputs are batched, once the carry's have spread."""
    now = list(axes)
    while True:
        flags = batched_outputs(body, size, now)
        spread = [0 if a is not None or b else None
                  for a, b in zip(now[consts : consts + carry], flags, strict=False)]
        if spread == now[consts : consts + carry]:
            return now, [*(a is not None for a in spread), *flags[carry:]]
        now[consts : consts + carry] = spread


def late_carry(
    body: Program, late: Sequence[bool], consts: int, carry: int
) -> tuple[list[bool], list[bool]]:
    """Which inputs and outputs of a loop's body have to wait, once the carry's late ones have spread."""
    now = list(late)
    while True:
        waiting = separated(body, [v for v, flag in zip(body.inputs, now, strict=True) if flag])[2]
        outs = [a in waiting for a in body.outputs]
        spread = [a or b for a, b in zip(now[consts : consts + carry], outs, strict=False)]
        if spread == now[consts : consts + carry]:
            return now, [*spread, *outs[carry:]]
        now[consts : consts + carry] = spread


def known_part(program: Program, late: Sequence[bool], outputs: Sequence[bool]) -> Program:
    """The Program from the inputs that are not `late` to the outputs that do not wait."""
    roots = [v for v, flag in zip(program.inputs, late, strict=True) if flag]
    known = [v for v, flag in zip(program.inputs, late, strict=True) if not flag]
    outs = [a for a, flag in zip(program.outputs, outputs, strict=True) if not flag]
    return dce(Program(known, separated(program, roots)[0], outs))


def beside(flags: Sequence[bool], sizes: Sequence[int]) -> list[int]:
    """The order of values and, numbered after them, their tangents: group by group."""
    order: list[int] = []
    tangents = iter(range(len(flags), 2 * len(flags)))
    start = 0
    for size in sizes:
        group = range(start, start + size)
        order += [*group, *(next(tangents) for i in group if flags[i])]
        start += size
    return order


def moved_out(
    eqn: Equation, late: list[bool], lead: int, consts: int
) -> tuple[list[Equation], Equation, list[bool]]:
    """What a loop computes of its known constants, in front of it; `lead` operands come before those."""
    parts = hoisted(eqn.params["body"], [not flag for flag in late[lead : lead + consts]])
    if parts is None:
        return [], eqn, late
    before, body = parts
    known = [a for a, flag in zip(eqn.inputs[lead : lead + consts], late[lead:], strict=False) if not flag]
    equations, made = spliced(before, known)
    inputs = (*eqn.inputs[: lead + consts], *made, *eqn.inputs[lead + consts :])
    name = "consts" if "consts" in eqn.params else "body_consts"
    params = Params(eqn.params | {"body": body, name: consts + len(made)})
    moved = Equation(eqn.primitive, inputs, params, eqn.outputs, eqn.source)
    return equations, moved, [*late[: lead + consts], *([False] * len(made)), *late[lead + consts :]]
