"""Reverse mode's second half: `transpose : (a -o b) -> (b -o a)`.

A cotangent may carry a pending *mask*, left by `where`: its value counts only where the mask is true.
The mask travels with the cotangent through everything elementwise, so that it is applied after the
products it protects against; an unselected branch's inf or NaN never reaches a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.config import config
from fxad.ir.analysis import dce
from fxad.ir.primitive import Primitive, Unknown
from fxad.ir.program import Equation, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.ir.verify import verify
from fxad.tracing import Kind, Trace, Tracer
from fxad.tracing.operations import operations
from fxad.transforms.inline import Environment, build, replay
from fxad.transforms.jvp import tangent_type
from fxad.transforms.masked import Masked
from fxad.transforms.split import separated

__all__ = ["transpose"]


def transpose(program: Program, linear: Sequence[bool] | None = None) -> Program:
    """(a -o b) -> (b -o a): the transpose of a Program that is linear in some of its inputs.

    Args:
        program: linear in the inputs that `linear` marks, for any values of the others.
        linear: one flag an input; None marks all.

    Returns:
        A Program whose inputs are the unmarked inputs and then a cotangent for each output, and
        whose outputs are the cotangents of the marked inputs.

    Raises:
        MissingRule: a primitive on the way has no transpose rule.

    >>> import fxad
    >>> triple = fxad.make_ir(lambda x: 3.0 * x)(1.0)
    >>> fxad.transforms.transpose(triple)(2.0)
    np.float64(6.0)
    """
    flags = [True] * len(program.inputs) if linear is None else list(linear)
    if len(flags) != len(program.inputs):
        raise ValueError(f"{len(flags)} flags for {len(program.inputs)} inputs")
    marked = [v for v, flag in zip(program.inputs, flags, strict=True) if flag]
    trace = Trace(Kind.BUILD, purpose="transpose")
    values = Environment(
        (v, trace.input(v.type)) for v, flag in zip(program.inputs, flags, strict=True) if not flag
    )
    cotangents = _Cotangents()
    first, second, moving = separated(program, marked)
    for atom in program.outputs:
        given = trace.input(tangent_type(atom.type))
        if isinstance(atom, Var) and atom in moving:
            cotangents.add(atom, given)
    for eqn in first:
        trace.source = eqn.source
        values.write(eqn, replay(trace, eqn, [values.read(a) for a in eqn.inputs]))
    return _backward(trace, second, marked, moving, values, cotangents)


def _backward(
    trace: Trace,
    equations: list[Equation],
    marked: list[Var],
    moving: set[Var],
    values: Environment,
    cotangents: _Cotangents,
) -> Program:
    for eqn in reversed(equations):
        given = [cotangents.pop(v) for v in eqn.outputs]
        if all(ct is None for ct in given):
            continue
        trace.source = eqn.source
        operands = [
            Unknown(a.type) if isinstance(a, Var) and a in moving else values.read(a)
            for a in eqn.inputs
        ]
        for atom, ct in zip(eqn.inputs, _pull(eqn, given, operands), strict=True):
            if ct is not None and isinstance(atom, Var) and atom in moving:
                cotangents.add(atom, ct)
    trace.source = None
    outs = []
    for var in marked:
        ct = cotangents.pop(var)
        type = tangent_type(var.type)
        outs.append(operations.full(trace, type, 0) if ct is None else settle(ct))
    made = dce(build(trace, outs))
    return verify(made) if config.verify else made


class _Cotangents:
    """The cotangent of each variable so far; a missing one is zero."""

    def __init__(self) -> None:
        self.known: dict[Var, Any] = {}

    def add(self, var: Var, ct: Any) -> None:
        old = self.known.get(var)
        self.known[var] = ct if old is None else _added(old, ct)

    def pop(self, var: Var) -> Any:
        return self.known.pop(var, None)


class _Sum:
    """A sum of masked cotangents, which is zero where none of the masks holds."""

    __slots__ = ("masked", "value")

    def __init__(self, value: Any, masked: tuple[Masked, ...]) -> None:
        self.value = value
        self.masked = masked

    def mask(self) -> Any:
        first, *others = [_mask_of(m) for m in self.masked]
        for mask in others:
            first = operations.either(first, mask)
        return first


def _added(a: Any, b: Any) -> Any:
    """The sum of two cotangents. Which elements count stays known where both are masked."""
    if isinstance(a, Masked) and isinstance(b, Masked):
        if _same(a.mask, b.mask):
            if a.negated == b.negated:
                return Masked(operations.add(a.value, b.value), a.mask, a.negated)
            first, second = (b, a) if a.negated else (a, b)
            return operations.where(a.mask, first.value, second.value)
        return _Sum(operations.add(settle(a), settle(b)), (a, b))
    if isinstance(a, _Sum) and isinstance(b, Masked):
        known = any(_same(m.mask, b.mask) and m.negated == b.negated for m in a.masked)
        return _Sum(operations.add(a.value, settle(b)), a.masked if known else (*a.masked, b))
    return operations.add(settle(a), settle(b))


def _same(a: Any, b: Any) -> bool:
    if not (isinstance(a, Tracer) and isinstance(b, Tracer)):
        return a is b
    return a.owner is b.owner and a.index == b.index


def _mask_of(ct: Masked) -> Any:
    return operations.opposite(ct.mask) if ct.negated else ct.mask


def settle(ct: Any) -> Any:
    """The cotangent with its pending mask applied."""
    if isinstance(ct, _Sum):
        return ct.value
    if not isinstance(ct, Masked):
        return ct
    return operations.where(ct.mask, 0, ct.value) if ct.negated else operations.where(ct.mask, ct.value, 0)


def _pull(eqn: Equation, given: list[Any], operands: list[Any]) -> Sequence[Any]:
    """The cotangents of an equation's operands, from those of its outputs."""
    primitive, params = eqn.primitive, eqn.params
    if primitive.multiple:
        cts = tuple(None if ct is None else settle(ct) for ct in given)
        return _aligned(primitive.transpose(cts, *operands, **params), operands)
    (ct,) = given
    if isinstance(ct, _Sum):
        # Only a product could make another number of the zeros.
        ct = Masked(ct.value, ct.mask()) if primitive.elementwise else ct.value
    if isinstance(ct, Masked):
        pulled = _pull_masked(primitive, ct, operands, params)
    else:
        pulled = _aligned(primitive.transpose(ct, *operands, **params), operands)
    if primitive.elementwise:
        # The one implicit broadcast of the IR, a rank-0 operand beside arrays, is undone here.
        shape = eqn.outputs[0].type.shape
        pulled = [
            _summed(p) if p is not None and a.type.shape != shape else p
            for p, a in zip(pulled, eqn.inputs, strict=True)
        ]
    return pulled


def _pull_masked(
    primitive: Primitive, ct: Masked, operands: list[Any], params: Params
) -> Sequence[Any]:
    """The pull-back of a masked cotangent; its mask stays pending where the primitive allows it."""
    # One flag for all elements: a linear map takes zeros to zeros, so it can be asked afterwards.
    if primitive.elementwise or not getattr(ct.mask, "ndim", 0):
        raw = _aligned(primitive.transpose(ct.value, *operands, **params), operands)
        return [None if p is None else _under(ct, p) for p in raw]
    mask = _mask_of(ct)
    if primitive.transpose_copies:
        raw = _aligned(primitive.transpose(ct.value, *operands, **params), operands)
        flags = [Unknown(ArrayType(o.shape, bool)) if isinstance(o, Unknown) else o for o in operands]
        masks = _aligned(primitive.transpose(mask, *flags, **params), operands)
        return [None if p is None else Masked(p, m) for p, m in zip(raw, masks, strict=True)]
    raw = _aligned(primitive.transpose(settle(ct), *operands, **params), operands)
    if not primitive.moves:
        return raw
    # Sums of selected elements: where none was selected the sum is zero, and stays masked.
    chosen = operations.convert(mask, ct.value.dtype)
    counts = _aligned(primitive.transpose(chosen, *operands, **params), operands)
    return [None if p is None else Masked(p, n != 0) for p, n in zip(raw, counts, strict=True)]


def _summed(ct: Any) -> Any:
    """The sum of all elements, zero and masked where no element was selected."""
    if not isinstance(ct, Masked):
        return operations.sum_all(ct)
    if not getattr(ct.mask, "ndim", 0):
        return Masked(operations.sum_all(ct.value), ct.mask, ct.negated)
    chosen = operations.sum_all(operations.convert(_mask_of(ct), ct.value.dtype))
    return Masked(operations.sum_all(settle(ct)), chosen != 0)


def _under(outer: Masked, ct: Any) -> Any:
    """`ct`, where the cotangent that it was made of counts."""
    if not isinstance(ct, Masked):
        return Masked(ct, outer.mask, outer.negated)
    if _same(outer.mask, ct.mask):
        return ct if outer.negated == ct.negated else None
    return Masked(ct.value, operations.both(_mask_of(outer), _mask_of(ct)))


def _aligned(result: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """A rule's result as one entry an operand; a rule with one linear operand gives just that."""
    if isinstance(result, tuple):
        return result
    return [result if isinstance(o, Unknown) else None for o in operands]
