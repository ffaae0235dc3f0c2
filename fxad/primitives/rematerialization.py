"""Functions of which the backward pass computes again what it needs: `checkpoint` in the API.

A `remat` equation holds the function as a Program. Its derivative is a `remat` equation, too; where a
derivative is taken apart, the second part is given the operands of the first and computes the rest again,
but for what its policy says is to be saved (Griewank and Walther, Evaluating Derivatives, 2nd ed., ch. 12;
Chen et al. 2016, arXiv:1604.06174).

A policy is data: a tuple of its kind and its names, or of `"any"` and other policies.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from fxad.ir.analysis import dce, has_effects
from fxad.ir.primitive import Code, Separated, Unknown, require
from fxad.ir.program import Atom, Equation, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.einsum import einsum, split_spec
from fxad.primitives.families import Linear
from fxad.primitives.samples import Sample, normal, sample
from fxad.primitives.stacks import batch_axis
from fxad.primitives.structural import reduce_sum
from fxad.primitives.structured import (
    Structured,
    arranged,
    check_operands,
    example,
    flagged,
    record,
    used_inputs,
    witnessed,
)
from fxad.primitives.trigonometric import cos, sin
from fxad.transforms.batch import batch, batched_outputs
from fxad.transforms.jvp import jvp, moving_outputs
from fxad.transforms.split import separated
from fxad.transforms.transpose import transpose

__all__ = ["Policy", "checkpoint_name", "remat"]

Policy = tuple[Any, ...]

#: Values of so few elements take no memory to speak of: to run, a function of those alone is written out.
_SMALL = 16


class CheckpointName(Linear):
    """`x` itself, under a name by which a policy can save it."""

    view = True
    elementwise = True
    transpose_copies = True

    def infer(self, x: ArrayType, *, name: str) -> ArrayType:
        return x

    def emit(self, x: Code, *, name: str) -> str:
        return str(x)

    def emit_scalar(self, x: Code, *, name: str) -> str | None:
        return str(x)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, name: str) -> Any:
        return tangents[0]  # the name is the value's

    def transpose(self, ct: Any, x: Any, *, name: str) -> Any:
        return ct

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, name: str
    ) -> tuple[Any, Any]:
        return self(operands[0], name=name), dims[0]


class Remat(Structured):
    """`body(*operands)`; of its derivative, `policy` says what is kept for the backward pass."""

    #: Set by the executor: a Program as a function that is interpreted at first.
    runner: Callable[[Program], Callable[..., tuple[Any, ...]]]

    def infer(self, *types: ArrayType, body: Program, policy: Policy) -> Any:
        check_operands("remat", body, types)
        require(_is_policy(policy), f"remat: {policy!r} is no policy")
        return tuple(t.strong for t in body.out_types)

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        return Remat.runner(params["body"])

    def expansion(self, *, body: Program, policy: Policy) -> Program | None:
        values = [*body.inputs, *(v for eqn in body.equations for v in eqn.outputs)]
        small = all(not v.type.is_stack and v.type.size <= _SMALL for v in values)
        return body if small else None

    def owns(self, output: int, *, body: Program, policy: Policy) -> bool:
        atom = body.outputs[output]
        for eqn in body.equations:
            if atom in eqn.outputs:
                params = eqn.params if eqn.primitive.structured else {}
                mine = not eqn.primitive.view and eqn.primitive.owns(eqn.outputs.index(atom), **params)
                return mine and body.outputs.count(atom) == 1
        return False

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], *, body: Program, policy: Policy
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        active = [t is not None for t in tangents]
        moving = moving_outputs(body, active)
        pushed = jvp(body, active, moving)
        outs = record(self, [*primals, *(t for t in tangents if t is not None)], body=pushed, policy=policy)
        found = iter(outs[len(moving) :])
        return outs[: len(moving)], [next(found) if flag else None for flag in moving]

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated:
        body: Program = eqn.params["body"]
        policy: Policy = eqn.params["policy"]
        first, second, waits = separated(body, [v for v, f in zip(body.inputs, late, strict=True) if f])
        waiting = [isinstance(a, Var) and a in waits for a in body.outputs]
        late_outs = [body.outputs[i] for i in flagged(waiting)]
        again, given = _again(first, second, late_outs, waits, policy)
        operands = dict(zip(body.inputs, eqn.inputs, strict=True))
        known = [v for v, flag in zip(body.inputs, late, strict=True) if not flag]
        kept = [v for v in given if v not in operands]

        early = [eqn.outputs[i] for i in flagged(waiting, False)]
        residuals = {v: Var(v.type.strong) for v in kept}
        forward = Program(known, first, [*(body.outputs[i] for i in flagged(waiting, False)), *kept])
        backward = Program([*given, *(v for v, flag in zip(body.inputs, late, strict=True) if flag)],
                           [*again, *second], late_outs)
        atoms = [*(residuals.get(v) or operands[v] for v in given),
                 *(operands[v] for v, flag in zip(body.inputs, late, strict=True) if flag)]
        outs = [eqn.outputs[i] for i in flagged(waiting)]
        return Separated(
            self._equations(forward, [operands[v] for v in known], [*early, *residuals.values()], eqn),
            self._equations(backward, atoms, outs, eqn),
            outs)

    def _equations(
        self, body: Program, inputs: Sequence[Atom], outputs: Sequence[Var], eqn: Equation
    ) -> list[Equation]:
        """One part of `eqn`; none, where it gives nothing and has no effects."""
        if not outputs:
            if not any(map(has_effects, body.equations)):
                return []
            body = witnessed(body)
            outputs = [Var(body.out_types[-1].strong)]
        params = Params(body=dce(body), policy=eqn.params["policy"])
        made = Equation(self, tuple(inputs), params, tuple(outputs), eqn.source)
        return [self.prune(made, [True] * len(outputs))]

    def transpose(self, ct: Any, *operands: Any, body: Program, policy: Policy) -> Any:
        linear = [isinstance(x, Unknown) for x in operands]
        given = [i for i, c in enumerate(ct) if c is not None]
        pulled = transpose(arranged(body, range(len(linear)), given), linear)
        known = [x for x, flag in zip(operands, linear, strict=True) if not flag]
        outs = iter(record(self, [*known, *(ct[i] for i in given)], body=pulled, policy=policy))
        return tuple(next(outs) if flag else None for flag in linear)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, body: Program,
        policy: Policy,
    ) -> tuple[Any, Any]:
        flags = batched_outputs(body, size, dims)
        places = [batch_axis(t) if flag else None for t, flag in zip(body.out_types, flags, strict=True)]
        return record(self, operands, body=batch(body, size, dims, places), policy=policy), places

    def prune(self, eqn: Equation, used: Sequence[bool]) -> Equation:
        body: Program = eqn.params["body"]
        kept = flagged(used)
        thin = dce(arranged(body, range(len(body.inputs)), kept))
        read = used_inputs(thin)
        ins = [i for i, v in enumerate(thin.inputs) if v in read]
        if len(kept) == len(used) and len(ins) == len(eqn.inputs) and _same(thin, body):
            return eqn
        params = Params(body=arranged(thin, ins), policy=eqn.params["policy"])
        return Equation(self, tuple(eqn.inputs[i] for i in ins), params, tuple(eqn.outputs[i] for i in kept),
                        eqn.source)


def _same(a: Program, b: Program) -> bool:
    return len(a.equations) == len(b.equations) and all(map(operator.is_, a.equations, b.equations))


def _again(
    first: Sequence[Equation], second: Sequence[Equation], outputs: Sequence[Atom], late: set[Var],
    policy: Policy,
) -> tuple[list[Equation], list[Var]]:
    """What of `first` is computed again for `second`, and the values that are given to it."""
    needed: dict[Var, None] = {}

    def need(atoms: Sequence[Atom]) -> None:
        needed.update((a, None) for a in atoms if isinstance(a, Var) and a not in late)

    for eqn in second:
        need(eqn.inputs)
    need(outputs)
    saved = _saved(first, policy)
    again: list[Equation] = []
    for eqn in reversed(first):
        wanted = [v for v in eqn.outputs if v in needed]
        if wanted and not all(v in saved for v in wanted):
            for v in wanted:
                del needed[v]
            need(eqn.inputs)
            again.append(eqn)
    return again[::-1], list(needed)


# -- policies ---------------------------------------------------------------------------------------


def _saved(equations: Sequence[Equation], policy: Policy) -> set[Any]:
    """The variables that a policy saves; an effect is never repeated, so its results are."""
    saved: set[Any] = set()
    for eqn in equations:
        if has_effects(eqn) or saves(policy, eqn):
            # What is named is saved as it was before, which is the same array: exp's derivative reads that.
            saved.update(eqn.inputs if eqn.primitive is checkpoint_name else eqn.outputs)
    return saved


def saves(policy: Policy, eqn: Equation) -> bool:
    """Whether a policy saves what an equation gives."""
    kind, *names = policy
    if kind == "any":
        return any(saves(p, eqn) for p in names)
    if kind == "everything":
        return not eqn.primitive.cheap
    if kind in ("dots", "dots_without_batch"):
        return _is_dot(eqn, batched=kind == "dots")
    name = eqn.params["name"] if eqn.primitive is checkpoint_name else None
    if kind == "names":
        return name in names
    if kind == "names_but":
        return name is not None and name not in names
    if kind == "anything_but":
        return name not in names and not eqn.primitive.cheap
    return False  # "nothing"


def _is_dot(eqn: Equation, *, batched: bool) -> bool:
    """Whether it is a product that sums over an axis of both factors, and if not `batched` no stack."""
    if eqn.primitive is not einsum or len(eqn.inputs) < 2:
        return False
    terms, out = split_spec(eqn.params["spec"])
    shared = set(terms[0]).intersection(*terms[1:])
    return bool(shared - set(out)) and (batched or not shared & set(out))


def _is_policy(policy: Any) -> bool:
    if not isinstance(policy, tuple) or not policy:
        return False
    kind, *rest = policy
    if kind == "any":
        return all(map(_is_policy, rest))
    if kind in ("names", "names_but", "anything_but"):
        return all(isinstance(name, str) for name in rest)
    return not rest and kind in ("nothing", "everything", "dots", "dots_without_batch")


# -- samples ----------------------------------------------------------------------------------------


def _examples() -> list[Sample]:
    body = example(lambda x, y: [reduce_sum(sin(x) * y, axes=(1,)), cos(y) * checkpoint_name(
        sin(x), name="s"), x], (3, 7), ())
    policies: list[Policy] = [
        ("nothing",), ("everything",), ("names", "s"), ("any", ("dots",), ("anything_but", "s"))]
    return [sample(normal(3, 7), normal(), body=body, policy=policy, dtypes="d") for policy in policies]


checkpoint_name = CheckpointName("checkpoint_name", samples=[
    sample(normal(3, 4), name="a", dtypes="fc"), sample(normal(), name="a")])
remat = Remat("remat", _examples)
