"""The derivative rules of a user's primitive, recorded for the types of one call.

A rule is recorded anew at every call, so that what it closes over is never stale. As long as it records the
same thing, the `Rules` in the Program stay the same object, and what was derived from the Program is found
again.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad import tree
from fxad.api.promises import Arguments, Promise
from fxad.api.recording import Outputs, describe, float0, is_array, leaf_type, stacked
from fxad.errors import TracerLeak, TreeMismatch, TypeMismatch, explain
from fxad.ir.types import ArrayType, Opaque
from fxad.primitives.python_calls import SELF, Recorded, Rules
from fxad.primitives.structural import convert_to
from fxad.source import Source
from fxad.tracing import Kind, Trace, Tracer, recording
from fxad.tracing.trace import changed

if TYPE_CHECKING:
    from fxad.api.user_primitives import Primitive

__all__ = ["Signature", "SignatureRules"]

Ask = tuple[Any, ...]


class Signature:
    """How a primitive is called: the structure of its arguments, and the types of their arrays.

    Attributes:
        key: what tells it from others.
        arguments: the arguments without their arrays.
        types: the types of the arrays.
        promise: what comes out.
    """

    __slots__ = ("arguments", "key", "promise", "types")

    def __init__(
        self, key: Hashable, arguments: Arguments, types: Sequence[ArrayType], promise: Promise
    ) -> None:
        self.key = key
        self.arguments = arguments
        self.types = tuple(types)
        self.promise = promise

    @property
    def inexact(self) -> list[int]:
        """The arrays that can have a derivative."""
        return [i for i, t in enumerate(self.types) if t.inexact]


class SignatureRules(Rules):
    """The rules of a primitive for one signature."""

    __slots__ = ("_asked", "_checking", "_owner", "_residuals", "signature")

    def __init__(self, owner: Primitive, signature: Signature) -> None:
        super().__init__(_never, owner.name)
        # Weakly: what is derived stands in caches, which are not to keep a function alive.
        self._owner = weakref.ref(owner)
        self.signature = signature
        self._asked: dict[Ask, Any] = {}
        self._checking: int | None = None
        #: How the residuals of the first half of a pull-back are put together.
        self._residuals: Outputs | None = None

    @property
    def owner(self) -> Primitive:
        """The primitive whose rules these are."""
        owner = self._owner()
        if owner is None:
            raise TracerLeak(explain(
                f"the primitive {self.name} is gone, and a derivative of a Program that calls it was asked"
                f" for.",
                fix="keep a reference to what fxad.primitive(...) returned"))
        return owner

    def fresh(self) -> bool:
        """Whether the rules still record what they recorded when they were asked."""
        if self._checking == threading.get_ident():
            return True  # a rule that calls its own primitive
        self._checking = threading.get_ident()
        try:
            return all(_same(self._record(ask), found) for ask, found in list(self._asked.items()))
        finally:
            self._checking = None

    # -- what the transforms ask ----------------------------------------------------------------------

    @property
    def unruled(self) -> list[int]:
        """See `Rules`: the arguments that are given by keyword."""
        _, named = self.signature.arguments.rebuilt(range(len(self.signature.types)), others=None)
        return [i for i in tree.leaves(named) if i is not None]

    def forward(self) -> Recorded | None:
        """See `Rules`."""
        found: Recorded | None = self._ask(("jvp",)) if self.owner.jvp_rule is not None else None
        return found

    def backward(self) -> tuple[Recorded, Recorded] | None:
        """See `Rules`."""
        if self.owner.vjp_rule is None:
            return None
        first: Recorded = self._ask(("fwd",))
        return first, self._ask(("bwd",))

    def batched(self, size: int, flags: tuple[bool, ...]) -> tuple[Recorded, list[bool]] | None:
        """See `Rules`."""
        if self.owner.batch_rule is None:
            return None
        found: tuple[Recorded, list[bool]] = self._ask(("batch", size, flags))
        return found

    def _ask(self, ask: Ask) -> Any:
        found = self._asked.get(ask)
        if found is None:
            found = self._asked[ask] = self._record(ask)
        return found

    def _record(self, ask: Ask) -> Any:
        match ask:
            case ("jvp",):
                kinds = self.signature.types
                moving = [kinds[i] for i in self.signature.inexact]
                return self._recorded(self._pushed, [*kinds, *moving], "jvp rule")
            case ("fwd",):
                return self._recorded(self._started, self.signature.types, "fwd")
            case ("bwd",):
                start: Recorded = self._ask(("fwd",))
                count = len(self.signature.promise.types)
                residuals = [t.strong for t in start.program.out_types[count:]]
                cts = [t for t in self.signature.promise.types if t.inexact]
                return self._recorded(self._pulled, [*residuals, *cts], "bwd")
            case (_, size, flags):
                batched: list[bool] = []
                types = [ArrayType((size, *t.shape), t.dtype) if flag else t
                         for t, flag in zip(self.signature.types, flags, strict=True)]
                made = self._recorded(lambda xs: self._whole(size, flags, xs, batched), types, "batch rule")
                return made, batched

    def _recorded(
        self, build: Callable[[Sequence[Any]], Sequence[Any]], types: Sequence[ArrayType], what: str
    ) -> Recorded:
        """A rule as a Program: `build` calls it on tracers and gives its values, flat."""
        trace = Trace(Kind.BODY, purpose=f"the {what} of {self.name}")
        xs = [trace.input(t) for t in types]
        try:
            with recording(trace):
                values = build(xs)
                program = trace.program([trace.operand(v) for v in values])
            constants = list(trace.captures.values())
        finally:
            trace.end()
        if any(isinstance(c, Tracer) for c in constants):
            raise TracerLeak(explain(
                f"the {what} of {self.name} closes over a traced value, which is another at every call.",
                source=Source.here(), fix=f"make the value an argument of {self.name}"))
        return Recorded(program, [SELF if self._is_own(c) else c for c in constants])

    def _is_own(self, constant: Any) -> bool:
        """Whether it is the primitive, called with the same types."""
        call = constant.call if isinstance(constant, Opaque) else None
        owner = getattr(call, "owner", None)
        return owner is self._owner() and getattr(call, "key", None) == self.signature.key

    # -- the rules as they are called -----------------------------------------------------------------

    def _pushed(self, xs: Sequence[Any]) -> Sequence[Any]:
        signature = self.signature
        count = len(signature.types)
        primals, named = signature.arguments.rebuilt(xs[:count])
        rest = iter(xs[count:])
        moves = [next(rest) if t.inexact else np.zeros(t.shape, float0) for t in signature.types]
        tangents, _ = signature.arguments.rebuilt(moves, others=None)
        rule = self.owner.jvp_rule
        assert rule is not None
        made = rule(primals, tangents, **named)
        out, out_tangent = self._pair("jvp rule", made, "(value, tangent)")
        values = self._values("jvp rule", out)
        leaves = self._leaves("jvp rule", "tangent", out_tangent)
        kept = [(leaf, t) for leaf, t in zip(leaves, signature.promise.types, strict=True) if t.inexact]
        return [*values, *(self._fitted("jvp rule", "tangent", leaf, t) for leaf, t in kept)]

    def _started(self, xs: Sequence[Any]) -> Sequence[Any]:
        args, named = self.signature.arguments.rebuilt(xs)
        rule = self.owner.vjp_rule
        assert rule is not None
        made = rule[0](*args, **named)
        out, residuals = self._pair("fwd", made, "(value, residuals)")
        trace: Trace = xs[0].owner
        self._residuals = kept = Outputs(trace, residuals, what=f"fwd of {self.name}", any_leaf=True)
        return [*self._values("fwd", out), *map(trace.handle, kept.operands)]

    def _pulled(self, xs: Sequence[Any]) -> Sequence[Any]:
        signature, kept = self.signature, self._residuals
        assert kept is not None
        count = len(kept.operands)
        residuals = kept.rebuild(xs[:count])
        rest = iter(xs[count:])
        cts = [next(rest) if t.inexact else np.zeros(t.shape, float0) for t in signature.promise.types]
        rule = self.owner.vjp_rule
        assert rule is not None
        made = rule[1](residuals, tree.unflatten(signature.promise.treedef, cts))
        args, _ = signature.arguments.rebuilt(range(len(signature.types)), others=None)
        if not isinstance(made, (tuple, list)) or len(made) != len(args):
            given = f"{len(made)} values" if isinstance(made, (tuple, list)) else describe(made)
            raise TreeMismatch(explain(
                f"the bwd of {self.name} returns a tuple with a cotangent for each of {len(args)} positional"
                f" argument{'s' * (len(args) != 1)}, and returned {given}.",
                source=Source.here(), fix="return (ct,) for one argument; None stands for zero"))
        found: dict[int, Any] = {}
        for number, (arg, ct) in enumerate(zip(args, made, strict=True)):
            found.update(self._of_argument(number, arg, ct))
        return [self._fitted("bwd", "cotangent", found.get(i), signature.types[i]) for i in signature.inexact]

    def _of_argument(self, number: int, arg: Any, ct: Any) -> dict[int, Any]:
        """The cotangents of the arrays in an argument, by their numbers; none where all are zero."""
        if ct is None:
            return {}
        places, treedef = tree.flatten(arg, is_leaf=lambda x: x is None)
        leaves, ct_tree = tree.flatten(ct, is_leaf=lambda x: x is None)
        if treedef != ct_tree:
            raise TreeMismatch(explain(
                f"the bwd of {self.name}: the cotangent of argument {number} is not structured like it:\n"
                f"  argument:  {treedef}\n  cotangent: {ct_tree}",
                source=Source.here(), fix="a cotangent for every array of the argument, or None for zero"))
        return {p: leaf for p, leaf in zip(places, leaves, strict=True) if p is not None}

    def _whole(
        self, size: int, flags: Sequence[bool], xs: Sequence[Any], batched: list[bool]
    ) -> Sequence[Any]:
        signature = self.signature
        args, named = signature.arguments.rebuilt(xs)
        marks, _ = signature.arguments.rebuilt(list(flags), others=False)
        rule = self.owner.batch_rule
        assert rule is not None
        made = rule(size, list(marks), *args, **named)
        out, out_batched = self._pair("batch rule", made, "(value, batched)")
        types = signature.promise.types
        self._leaves("batch rule", "value", out)
        try:
            batched[:] = tree.broadcast_prefix(out_batched, out)
        except ValueError as error:
            raise TreeMismatch(explain(
                f"the batch rule of {self.name}: what says which values are batched does not fit them:"
                f" {error}", source=Source.here(),
                fix="True, or a tree of booleans like the value")) from None
        odd = [flag for flag in batched if not isinstance(flag, (bool, np.bool_))]
        if odd:
            raise TypeMismatch(explain(
                f"the batch rule of {self.name}: which values are batched is said by booleans, not by"
                f" {describe(odd[0])}.", source=Source.here(), fix="return value, True"))
        wide = [ArrayType((size, *t.shape), t.dtype) if flag else t
                for t, flag in zip(types, batched, strict=False)]
        return self._values("batch rule", out, wide)

    # -- what they return -----------------------------------------------------------------------------

    def _pair(self, what: str, made: Any, wanted: str) -> tuple[Any, Any]:
        if isinstance(made, (tuple, list)) and len(made) == 2:
            return made[0], made[1]
        raise TypeMismatch(explain(
            f"the {what} of {self.name} returns a pair {wanted}, and returned {describe(made)}.",
            source=Source.here(), fix=f"return {wanted.strip('()')}"))

    def _values(self, what: str, out: Any, types: Sequence[ArrayType] | None = None) -> list[Any]:
        types = self.signature.promise.types if types is None else types
        return [self._fitted(what, "value", leaf, t)
                for leaf, t in zip(self._leaves(what, "value", out), types, strict=True)]

    def _leaves(self, what: str, kind: str, out: Any) -> list[Any]:
        """The leaves of what a rule gives, which has the structure that was promised."""
        promise = self.signature.promise
        if out is None and kind == "tangent":
            return [None] * len(promise.types)
        leaves, treedef = tree.flatten(out, is_leaf=(lambda x: x is None) if kind == "tangent" else None)
        if treedef != promise.treedef:
            raise TreeMismatch(explain(
                f"the {what} of {self.name}: the {kind} is not structured like the value of {self.name}:\n"
                f"  value: {promise.treedef}\n  {kind}{' of the rule' * (kind == 'value')}: {treedef}",
                source=Source.here(), fix=f"a {kind} with the structure of what {self.name} returns"))
        return leaves

    def _fitted(self, what: str, kind: str, value: Any, type: ArrayType) -> Any:
        """One array that a rule gives, of the type that it has to have; None is zero."""
        if value is None and kind != "value":
            return np.zeros(type.shape, type.dtype)[()]
        value = stacked(value)
        if is_array(value) or isinstance(value, (bool, np.bool_)):
            given = leaf_type(value)
            if given.shape == type.shape and given.dtype == type.dtype:
                return value
            if given.shape == type.shape and given.weak:
                return convert_to(value, type.dtype) if isinstance(value, Tracer) else type.dtype.type(value)
            shown = str(given.strong)
        else:
            shown = describe(value)
        fix = f"np.broadcast_to, a sum, or .astype(np.{type.dtype.name}), so that it is {type}"
        raise TypeMismatch(explain(
            f"the {what} of {self.name} gives {'an' if kind[0] in 'aeiou' else 'a'} {kind} of type {shown}"
            f" where"
            f" {type} belongs.", source=Source.here(), fix=fix))


def _same(new: Any, old: Any) -> bool:
    """Whether a rule has recorded the same thing again."""
    if isinstance(new, tuple):
        return bool(new[1] == old[1]) and _same(new[0], old[0])
    if new.program != old.program or len(new.constants) != len(old.constants):
        return False
    return all(_equal(a, b) for a, b in zip(new.constants, old.constants, strict=True))


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return not changed(b, a) and np.shape(a) == np.shape(b)
    return repr(a) == repr(b) if isinstance(a, (int, float, complex)) else bool(a == b)


def _never(*_: Any) -> Any:
    raise AssertionError("rules are asked, not called")
