"""`fxad.primitive`: any Python function on arrays as one operation, with derivatives of the user's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.compilation import ShapeDtypeStruct
from fxad.api.differences import Differences
from fxad.api.primitive_rules import Signature, SignatureRules
from fxad.api.promises import Arguments, Promise, promise_of
from fxad.api.recording import function_name, leaf_type, stacked
from fxad.api.statics import StaticKeys
from fxad.errors import ConcretizationError, TypeMismatch, explain
from fxad.ir.program import Params
from fxad.ir.types import ArrayType, Opaque
from fxad.primitives.python_calls import python_call
from fxad.source import Source
from fxad.tracing import Tracer, bind, concrete_value

__all__ = ["Primitive", "primitive"]

#: How many signatures of a primitive are remembered.
_MANY = 256
_UNSET: Any = object()


class Primitive:
    """A Python function that is one operation to fxad; see `primitive`.

    On arrays it is the function itself. On traced values it is recorded, and called when the Program runs.
    """

    def __init__(self, fun: Callable[..., Any], name: str) -> None:
        self.fun = fun
        self.name = name
        #: Rules by differences, where they are wanted and there are no others.
        self.numeric: Differences | None = None
        self._jvp: Callable[..., Any] | None = None
        self._vjp: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        #: See `def_batch`.
        self.batch_rule: Callable[..., Any] | None = None
        self._type_rule: Callable[..., Any] | None = None
        self._promises: dict[Hashable, Promise] = {}
        self._rules: dict[Hashable, SignatureRules] = {}
        functools.update_wrapper(self, fun, updated=())

    # -- rules ----------------------------------------------------------------------------------------

    @property
    def jvp_rule(self) -> Callable[..., Any] | None:
        """The rule for forward mode; see `defjvp`."""
        return self.numeric.jvp if self.numeric and not self._jvp and not self._vjp else self._jvp

    @property
    def vjp_rule(self) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
        """The rules for reverse mode; see `defvjp`."""
        if self.numeric and not self._jvp and not self._vjp:
            return self.numeric.fwd, self.numeric.bwd
        return self._vjp

    def def_type(self, rule: Callable[..., Any] | None = None, *, example: Any = _UNSET) -> Any:
        """Say what the function returns, from what it is given.

        Args:
            rule: called like the function, with a `ShapeDtypeStruct` in place of every array and number; it
                returns the result's tree of `ShapeDtypeStruct` (or of arrays like the results).
            example: in place of a rule: a result, for a function that always returns that structure and
            types.

        Returns:
            `rule`, so that it can be used as a decorator.

        Raises (when the function has been called):
            TypeMismatch, TreeMismatch: it returned something else.
        """
        if (rule is None) == (example is _UNSET):
            raise TypeMismatch(explain(
                f"{self.name}.def_type takes a rule or an example, one of the two.", source=Source.here(),
                fix=f"{self.name}.def_type(lambda x: x), or {self.name}.def_type(example=np.zeros(3))"))
        if rule is None:
            promise_of(f"{self.name}.def_type", self.fun, example)
            self._type_rule = lambda *args, **kwargs: example
        else:
            check_callable(rule, "def_type")
            self._type_rule = rule
        self._promises.clear()
        return rule

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Give the rule for forward mode: `rule(primals, tangents)` returns `(value, tangent)`.

        `primals` is the tuple of arguments; `tangents` is like it, with float0 zeros for integers and None
        for what is no array. The rule is written in NumPy and may call any primitive, this one too. Without
        a rule for reverse mode that is made of this one, by transposing what is linear in the tangents.
        """
        check_callable(rule, "defjvp")
        self._jvp = rule
        self._rules.clear()
        return rule

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Give the rules for reverse mode.

        Args:
            fwd: called like the function; returns `(value, residuals)`, residuals being any pytree.
            bwd: `bwd(residuals, ct)` returns a tuple with a cotangent for each positional argument; None for
            zero,
                for integers and for what is no array.

        Without a rule for forward mode that is made of these, by transposing `bwd`, which is linear in `ct`.
        """
        check_callable(fwd, "defvjp")
        check_callable(bwd, "defvjp")
        self._vjp = (fwd, bwd)
        self._rules.clear()

    def def_batch(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Give the rule for `vmap`, in place of a loop over the elements.

        `rule(axis_size, in_batched, *args)` returns `(value, out_batched)`: `in_batched` has True for each
        array among the arguments that has the batch on its first axis; `out_batched` says so of the values.
        """
        check_callable(rule, "def_batch")
        self.batch_rule = rule
        self._rules.clear()
        return rule

    # -- calls ----------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of the function, or its place in a trace."""
        leaves, treedef = tree.flatten((args, kwargs))
        leaves = [stacked(leaf) for leaf in leaves]
        if not any(leaf.__class__ is Tracer for leaf in leaves):
            result = self.fun(*args, **kwargs)
            if self._type_rule is not None:
                arguments = Arguments(leaves, treedef, every=True)
                types = [leaf_type(leaf).strong for leaf in arguments.traced]
                self._ruled(arguments, types).kept(self.name, self.fun, result, Source.here())
            return result
        args, kwargs = self._by_position(*tree.unflatten(treedef, leaves))
        leaves, treedef = tree.flatten((args, kwargs))
        arguments = Arguments(leaves, treedef, every=True)
        types = [leaf_type(leaf).strong for leaf in arguments.traced]
        statics = StaticKeys()
        key = (treedef, arguments.places, tuple(types), tuple([statics.key(s) for s in arguments.static]))
        statics.settle()
        promise = self._promise(key, arguments, types)
        rules = self._current(key, arguments, types, promise)
        bound = _Bound(self, key, arguments, types, promise)
        params = Params(rules=rules, outs=promise.types, levels=())
        if not promise.types:
            raise TypeMismatch(explain(
                f"{self.name} returns no array, and a primitive gives values.", source=Source.here(),
                fix="fxad.io_callback, for a function that is called for its effects"))
        outs = bind(python_call, [Opaque(bound, self.name), *arguments.traced], params)
        return tree.unflatten(promise.treedef, outs)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _by_position(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Arguments by name at their places, so that the rules find them there."""
        if not kwargs:
            return args, kwargs
        try:
            found = inspect.signature(self.fun).bind(*args, **kwargs)
        except (TypeError, ValueError):  # the function says what is wrong itself, when it is called
            return args, kwargs
        found.apply_defaults()
        return found.args, found.kwargs

    def _current(
        self, key: Hashable, arguments: Arguments, types: Sequence[ArrayType], promise: Promise
    ) -> SignatureRules:
        """The rules for a signature, made anew when they have changed."""
        found = self._rules.get(key)
        if found is None or not found.fresh():
            if len(self._rules) >= _MANY:
                self._rules.clear()
            without = Arguments(arguments.static, arguments.treedef).at(arguments.places)
            found = self._rules[key] = SignatureRules(self, Signature(key, without, types, promise))
        return found

    def _promise(self, key: Hashable, arguments: Arguments, types: Sequence[ArrayType]) -> Promise:
        found = self._promises.get(key)
        if found is None or self._type_rule is not None:
            learn = self._tried if self._type_rule is None else self._ruled
            made = learn(arguments, types)
            if len(self._promises) >= _MANY:
                self._promises.clear()
            found = self._promises[key] = made
        return found

    def _ruled(self, arguments: Arguments, types: Sequence[ArrayType]) -> Promise:
        assert self._type_rule is not None
        args, kwargs = arguments.rebuilt([ShapeDtypeStruct(t.shape, t.dtype) for t in types])
        return promise_of(f"{self.name}.def_type", self.fun, self._type_rule(*args, **kwargs))

    def _tried(self, arguments: Arguments, types: Sequence[ArrayType]) -> Promise:
        """What the function returns for the values that its arguments have now."""
        try:
            values = [
                concrete_value(leaf, f"{self.name}(...)", "def_type") if isinstance(leaf, Tracer) else leaf
                for leaf in arguments.traced
            ]
        except ConcretizationError:
            shown = ", ".join(map(str, types))
            raise ConcretizationError(explain(
                f"{self.name} is a primitive, and nothing says what it returns for {shown}: its arguments"
                f" have no"
                " values here, so it can't be tried.",
                source=Source.here(),
                fix=f"{self.name}.def_type(lambda x: fxad.ShapeDtypeStruct(x.shape, x.dtype)), or"
                f" {self.name}.def_type(example=...)")) from None
        return promise_of(self.name, self.fun, arguments.called(self.fun, typed(values, types)))


class _Bound:
    """A call of a primitive with all but the arrays; two are equal that do the same."""

    __slots__ = ("_arguments", "_promise", "_source", "_types", "key", "owner")

    def __init__(
        self, owner: Primitive, key: Hashable, arguments: Arguments, types: Sequence[ArrayType],
        promise: Promise,
    ) -> None:
        self.owner = owner
        self.key = key
        self._arguments = Arguments(arguments.static, arguments.treedef).at(arguments.places)
        self._types = types
        self._promise = promise
        self._source = Source.here()

    def __call__(self, *values: Any) -> Sequence[Any]:
        owner = self.owner
        result = self._arguments.called(owner.fun, typed(values, self._types))
        return self._promise.kept(owner.name, owner.fun, result, self._source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bound) and self.owner is other.owner and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.owner), self.key))


def typed(values: Sequence[Any], types: Sequence[ArrayType]) -> list[Any]:
    """Numbers as NumPy's, of their dtypes."""
    return [v if t.shape else t.dtype.type(v) for v, t in zip(values, types, strict=True)]


def primitive(
    fun: Callable[..., Any] | None = None, *, name: str | None = None, finite_differences: bool = False
) -> Any:
    """Make any Python function of arrays one operation: a call into SciPy, a C library, a simulator.

    On arrays it is the function itself. On traced values it becomes one equation, which calls the function
    when the Program runs: inside `jit` too, and under `vmap` for one element after the other. Its
    derivatives are what `defjvp` or `defvjp` say (or both); its type is what `def_type` says, or what it
    returns when it is tried on the values at hand, where there are some. It is taken to be pure.

    Args:
        fun: a function of arrays and numbers, in pytrees. What is no array is passed on as it is. Without it,
            `primitive(name=...)` is a decorator.
        name: what it is called in messages and printed Programs.
        finite_differences: differentiate it numerically, where nothing better is known: by central
        differences
            with the step `cbrt(eps) * max(1, abs(x))` for each element of each argument. It warns when it
            does so first. About half the digits are right, and reverse mode calls the function twice for each
            element.

    Arguments that it takes by keyword only are options: there is no derivative with respect to them.

    Raises (from what it returns):
        TypeMismatch, TreeMismatch: the function or a rule returns something else than it promises.
        ConcretizationError: it is called on values that are not known yet, and has no `def_type`.
        MissingRule: a derivative is asked for that has no rule.

    >>> import math, numpy as np, fxad
    >>> @fxad.primitive
    ... def log_gamma(x):
    ...     return math.lgamma(x)
    >>> @log_gamma.defjvp
    ... def _(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return log_gamma(x), (np.log(x) - 0.5 / x - 1.0 / (12.0 * x ** 2)) * dx  # asymptotic
    >>> fxad.grad(log_gamma)(50.0).round(8)
    np.float64(3.90198967)
    """
    if fun is None:
        return functools.partial(primitive, name=name, finite_differences=finite_differences)
    check_callable(fun, "primitive")
    made = Primitive(fun, name or function_name(fun))
    if finite_differences:
        made.numeric = Differences(made, Primitive)
    return made
