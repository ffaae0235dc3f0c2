"""Linear maps that come with their transpose: what a derivative rule of the user's own gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fxad.errors import MissingRule, NonDifferentiable, explain
from fxad.ir.primitive import Code, Unknown, require
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.primitives.samples import Sample, normal, sample
from fxad.primitives.structured import (
    Structured,
    bound_type,
    example,
    instantiated,
    placed,
    record,
    trace_of,
)
from fxad.transforms.batch import batch
from fxad.transforms.inline import inline
from fxad.transforms.jvp import jvp, tangent_type
from fxad.transforms.transpose import transpose

__all__ = ["LinearMap", "linear_map", "transposed"]


class LinearMap(Structured):
    """`forward(*known, *xs)`, linear in the xs, with `backward(*known, *cts)` as its transpose.

    `known` says how many operands are known. One of the two Programs may be None where it can't be made of
    the other; it is missed when it is needed. `name` is that of the function whose derivative it is.
    """

    def infer(
        self, *types: ArrayType, forward: Program | None, backward: Program | None, known: int, name: str
    ) -> Any:
        given = [t.strong for t in types]
        if forward is not None:
            require(given == [t.strong for t in forward.in_types], f"linear_map: operands of types {given}")
        outs = forward.out_types if backward is None and forward is not None else (
            backward.in_types[known:] if backward is not None else ())
        if backward is not None:
            require(given[known:] == [t.strong for t in backward.out_types],
                    f"linear_map: {given[known:]}, and a transpose to {list(backward.out_types)}")
        return tuple(t.strong for t in outs)

    def owns(self, output: int, **params: Any) -> bool:
        return False

    def emit(self, *xs: Code, forward: Any, backward: Any, known: int, name: str) -> str:
        if forward is None:
            raise _one_way(name)
        return f"{forward}({', '.join(xs)})"

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        known = params["known"]
        trace = trace_of(tangents)
        if any(t is not None for t in tangents[:known]):
            forward = params["forward"]
            if forward is None:
                raise _one_way(params["name"])
            pushed = jvp(forward, [t is not None for t in tangents], [True] * len(forward.outputs))
            outs = inline(trace, pushed, [*primals, *(t for t in tangents if t is not None)])
            count = len(forward.outputs)
            return outs[:count], outs[count:]
        outs = list(record(self, primals, **params))
        types = [tangent_type(bound_type(x)) for x in primals[known:]]
        moved = instantiated(tangents[known:], types, trace)
        return outs, record(self, [*primals[:known], *moved], **params)

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        known = params["known"]
        trace = trace_of([c for c in ct if c is not None])
        types = self.infer(*(_type(x) for x in operands), **params)
        cts = instantiated(ct, types, trace)
        turned = params | {"forward": params["backward"], "backward": params["forward"]}
        if turned["forward"] is None:
            turned["forward"] = transposed(params["forward"], known)
            if turned["forward"] is None:
                raise _one_way(params["name"])
        pulled = record(self, [*operands[:known], *cts], **turned)
        return (*[None] * known, *(p if isinstance(x, Unknown) else None
                                   for p, x in zip(pulled, operands[known:], strict=True)))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        known = params["known"]
        trace = trace_of(operands)
        flags = [d is not None for d in dims[:known]] + [True] * (len(operands) - known)
        moved = [placed(x, d, 0, size, trace) if flag else x
                 for x, d, flag in zip(operands, dims, flags, strict=True)]
        both = {
            name: None if params[name] is None else batch(
                params[name], size,
                [*(0 if f else None for f in flags[:known]), *[0] * (len(params[name].inputs) - known)])
            for name in ("forward", "backward")
        }
        outs = record(self, moved, **(params | both))
        return outs, [0] * len(outs)


def transposed(program: Program, known: int) -> Program | None:
    """The transpose of a Program in what follows its known inputs, None where it has none."""
    try:
        return transpose(program, [i >= known for i in range(len(program.inputs))])
    except (MissingRule, NonDifferentiable):
        return None


def _type(x: Any) -> ArrayType:
    return x.type if isinstance(x, Unknown) else bound_type(x)


def _one_way(name: str) -> MissingRule:
    return MissingRule(explain(
        f"{name} has a rule for one mode of differentiation only, and what that does can't be transposed:"
        f" it is not"
        " made of operations that are linear in the tangent or cotangent.",
        fix=f"both rules: {name}.defjvp(...) for jvp, jacfwd and hessian,"
        f" {name}.defvjp(...) for grad, vjp and jacrev"))


def _examples() -> list[Sample]:
    forward = example(lambda a, x: [a * x, x + x], (3,), (3,))
    backward = example(lambda a, c, d: [a * c + 2.0 * d], (3,), (3,), (3,))
    return [sample(normal(3), normal(3), forward=forward, backward=backward, known=1, name="f", dtypes="d")]


linear_map = LinearMap("linear_map", _examples)
