"""Functions with derivative rules of the user's own: `custom_jvp`, `custom_vjp`, `custom_gradient`."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.bodies import record_body
from fxad.api.recording import float0, function_name, leaf_type
from fxad.api.rules import Backward, Call, Rule, SymbolicZero
from fxad.api.values import stop_gradient
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.execute import Executable
from fxad.ir.program import Params
from fxad.primitives.custom import custom_jvp as custom_jvp_primitive
from fxad.primitives.custom import custom_vjp as custom_vjp_primitive
from fxad.source import Source
from fxad.tracing import Tracer, bind

__all__ = ["closure_convert", "custom_gradient", "custom_jvp", "custom_vjp"]


class _Custom:
    """What the two decorators have in common."""

    kind = ""
    #: Whether what the function closes over decides only how its value is found, not what it is.
    closes_over_means = False

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        check_callable(fun, self.kind)
        functools.update_wrapper(self, fun, updated=())
        self.fun = fun
        many = nondiff_argnums if isinstance(nondiff_argnums, Sequence) else (nondiff_argnums,)
        self.nondiff_argnums = tuple(operator.index(n) for n in many)
        try:
            self._signature: inspect.Signature | None = inspect.signature(fun)
        except (TypeError, ValueError):
            self._signature = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of the function; what differentiates it uses its rule."""
        args = self._positional(args, kwargs)
        call = Call(self.kind, self.fun, args, self._nondiff(len(args)))
        if not any(v.__class__ is Tracer for v in call.values):
            out = self.fun(*args)
            if not any(leaf.__class__ is Tracer for leaf in tree.leaves(out)):
                return out
            # It closes over something traced.
        around = call.record()
        if self.closes_over_means:
            call.function.captured = [stop_gradient(c) for c in call.function.captured]
        if not call.out_types:
            return call.out.rebuild([])
        return call.out.rebuild(self._bind(call, around))

    def _bind(self, call: Call, around: int) -> Sequence[Any]:
        raise TypeError(f"{type(self).__name__} is abstract")

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<{self.kind} function {function_name(self.fun)}>"

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments by position, with defaults, as a rule takes them."""
        if self._signature is None and not kwargs:
            return args
        assert self._signature is not None
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeMismatch(explain(
                f"{function_name(self.fun)}, a {self.kind} function, was called with arguments that have no"
                f" position: {', '.join(bound.kwargs)}.",
                source=Source.here(),
                fix="parameters that are not keyword-only, as a rule takes them by position"))
        return bound.args

    def _nondiff(self, count: int) -> list[int]:
        if any(not -count <= n < count for n in self.nondiff_argnums):
            raise TypeMismatch(explain(
                f"{function_name(self.fun)} has nondiff_argnums={self.nondiff_argnums}, and was called with"
                f" {count} argument{'s' * (count != 1)}.",
                source=Source.here(), fix=f"numbers between 0 and {count - 1}"))
        return [n % count for n in self.nondiff_argnums]


class custom_jvp(_Custom):
    """A function with a rule of its own for its derivative, which all modes and orders follow.

    Args:
        fun: the function, of arrays in pytrees.
        nondiff_argnums: positions of arguments that are not differentiated: functions, settings. The rule is
            given them first. Flags, strings and other leaves that are no arrays are static by themselves.

    Define the rule by `defjvp`, or by `defjvps` for one function an argument.

    The rule says how to differentiate with respect to the arguments. A value that the function closes over
    can't be differentiated: pass it as an argument.

    Raises, where it is differentiated:
        MissingRule: there is no rule.
        TreeMismatch, TypeMismatch: the rule returns something that does not fit the value.
        NonDifferentiable: the function closes over a value that is differentiated.

    >>> import numpy as np, fxad
    >>> @fxad.custom_jvp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.defjvp
    ... def log1pexp_jvp(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return log1pexp(x), (1 - 1 / (1 + np.exp(x))) * dx
    >>> fxad.grad(log1pexp)(0.0)
    np.float64(0.5)
    """

    kind = "custom_jvp"

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(fun, nondiff_argnums)
        self._rule: Callable[..., Any] | None = None
        self._symbolic = False

    def defjvp(self, jvp: Callable[..., Any], symbolic_zeros: bool = False) -> Callable[..., Any]:
        """Define the rule: `jvp(*nondiff, primals, tangents)` returns the value and its tangent.

        Args:
            jvp: takes the arguments and their tangents, each as a tuple, and returns a pair of the structure
                and types of the value. It is linear in the tangents. The tangent of an integer is float0.
            symbolic_zeros: the rule is given a `SymbolicZero` as the tangent of what is not differentiated,
                and may return one.

        Returns:
            `jvp`, so that it can be a decorator.
        """
        check_callable(jvp, "defjvp")
        self._rule, self._symbolic = jvp, bool(symbolic_zeros)
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Define the rule by one function an argument: `jvp(tangent, value, *primals)`, or None for zero.

        >>> import numpy as np, fxad
        >>> product = fxad.custom_jvp(lambda x, y: x * y)
        >>> product.defjvps(lambda dx, out, x, y: dx * y, None)
        >>> fxad.grad(product, argnums=(0, 1))(2.0, 3.0)
        (np.float64(3.0), np.float64(0.0))
        """
        if self.nondiff_argnums:
            raise TypeMismatch(explain("defjvps does not go with nondiff_argnums.", source=Source.here(),
                                       fix="defjvp"))

        def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
            if len(jvps) != len(primals):
                raise TypeMismatch(explain(
                    f"defjvps of {function_name(self.fun)} was given {len(jvps)} rules, for {len(primals)}"
                    " arguments.",
                    source=Source.here(), fix="one rule an argument; None where the derivative is zero"))
            out = self(*primals)
            parts = [jvp(tree.map(_instantiated, t), out, *primals)
                     for jvp, t in zip(jvps, tangents, strict=True) if jvp is not None and not _is_zero(t)]
            if not parts:
                return out, tree.map(lambda o: SymbolicZero(leaf_type(o).shape, leaf_type(o).dtype), out)
            return out, tree.map(lambda *ts: functools.reduce(operator.add, ts), *parts)

        rule.__name__ = "of defjvps"
        self._rule, self._symbolic = rule, True

    def _bind(self, call: Call, around: int) -> Sequence[Any]:
        rule = Rule(call, self._rule, self._symbolic) if self._rule is not None and around else None
        operands = [*call.values, *call.function.captured, *(rule.captured if rule else ())]
        outs: Sequence[Any] = bind(custom_jvp_primitive, operands, Params(
            primal=call.function.program, rule=rule and rule.program, args=len(call.values),
            wrt=rule.wrt if rule else (), moving=rule.moving if rule else (), name=call.name,
            defined=self._rule is not None))
        return outs


def _is_zero(tangent: Any) -> bool:
    """Whether nothing in it moves: an argument that is not differentiated, or an integer."""
    return all(isinstance(t, SymbolicZero) for t in tree.leaves(tangent))


def _instantiated(tangent: Any) -> Any:
    return tangent.instantiate() if isinstance(tangent, SymbolicZero) and tangent.dtype != float0 else tangent


class custom_vjp(_Custom):
    """A function with a rule of its own for reverse mode.

    Args:
        fun: the function, of arrays in pytrees.
        nondiff_argnums: positions of arguments that are not differentiated. The forward rule is given them in
            their places, and the backward rule first.

    Define the rules by `defvjp`. There is no forward mode through such a function: where that is needed, use
    `custom_jvp`. Forward mode of its gradient (`hessian`, `hvp`) works; the rules have been used then.

    Raises, where it is differentiated:
        MissingRule: there are no rules, or forward mode has reached it.
        TreeMismatch, TypeMismatch: a rule returns something that does not fit.
        NonDifferentiable: the function closes over a value that is differentiated.

    >>> import numpy as np, fxad
    >>> @fxad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, ct: (np.clip(ct, -1.0, 1.0),))
    >>> fxad.grad(lambda x: 10.0 * clipped(x))(3.0)
    np.float64(1.0)
    """

    kind = "custom_vjp"

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        super().__init__(fun, nondiff_argnums)
        self._rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        self._symbolic = False

    def defvjp(
        self, fwd: Callable[..., Any], bwd: Callable[..., Any], symbolic_zeros: bool = False
    ) -> None:
        """Define the rules.

        Args:
            fwd: takes the arguments of the function and returns its value and the residuals: any pytree, of
                which the arrays are kept for `bwd`.
            bwd: `bwd(*nondiff, residuals, ct)` returns a tuple with a cotangent for each argument; None
                stands for zero, and for the cotangent of an integer.
            symbolic_zeros: `fwd` is given each array as a `CustomVJPPrimal`, whose `perturbed` says whether
                it may be differentiated.
        """
        check_callable(fwd, "defvjp")
        check_callable(bwd, "defvjp")
        self._rules, self._symbolic = (fwd, bwd), bool(symbolic_zeros)

    def _bind(self, call: Call, around: int) -> Sequence[Any]:
        rules = Backward(call, *self._rules, self._symbolic) if self._rules is not None and around else None
        captured = [*rules.forward.captured, *rules.backward.captured] if rules else []
        operands = [*call.values, *call.function.captured, *captured]
        outs: Sequence[Any] = bind(custom_vjp_primitive, operands, Params(
            primal=call.function.program, forward=rules and rules.forward.program,
            backward=rules and rules.backward.program, args=len(call.values),
            consts=len(rules.forward.captured) if rules else 0, wrt=tuple(call.floats) if rules else (),
            name=call.name, defined=self._rules is not None))
        return outs


def custom_gradient(fun: Callable[..., Any]) -> custom_vjp:
    """A function that returns its value and its pull-back, as a function that has that gradient.

    Args:
        fun: returns `(value, pullback)`. `pullback(ct)` returns a tuple with a cotangent for each argument,
            or for one argument just that; it may close over what `fun` computes.

    Raises:
        TypeMismatch: `fun` returns no pair; and what `custom_vjp` raises.

    >>> import fxad
    >>> @fxad.custom_gradient
    ... def square(x):
    ...     return x * x, lambda ct: 10.0 * ct * x
    >>> square(3.0), fxad.grad(square)(3.0)
    (9.0, np.float64(30.0))
    """
    check_callable(fun, "custom_gradient")
    name = function_name(fun)

    def both(*args: Any) -> tuple[Any, Any]:
        result = fun(*args)
        if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
            raise TypeMismatch(explain(
                f"{name}, under custom_gradient, returns a pair (value, pullback), and this one returned"
                f" {type(result).__name__}.", source=Source.here(), fix="return value, lambda ct: (...,)"))
        return result

    def value(*args: Any) -> Any:
        return both(*args)[0]

    def pull(state: Any, ct: Any) -> Any:
        found = state.pullback(ct)
        single = state.count == 1 and not (isinstance(found, (tuple, list)) and len(found) == 1)
        return (found,) if single else found

    def keep(*args: Any) -> Any:
        out, pullback = both(*args)
        return out, _State(pullback, len(args))

    functools.update_wrapper(value, fun, updated=())
    keep.__name__ = pull.__name__ = name
    made = custom_vjp(value)
    made.defvjp(keep, pull)
    return made


class _State:
    """What `custom_gradient` keeps, a leaf that is no array: what a pull-back closes over is found anyway."""

    def __init__(self, pullback: Callable[..., Any], count: int) -> None:
        self.pullback = pullback
        self.count = count


def closure_convert(fun: Callable[..., Any], *example_args: Any) -> tuple[Callable[..., Any], list[Any]]:
    """A function as one that closes over no traced value: those become arguments.

    Args:
        fun: a function of arrays in pytrees.
        *example_args: values like its arguments, of which the structure and types matter.

    Returns:
        `(converted, consts)`: `converted(*args, *consts)` is `fun(*args)`. `consts` are the traced floating
        values that `fun` closes over. `fun` is recorded once, so nothing in it can be decided by Python.

    Raises (when `converted` is called):
        TreeMismatch: the arguments are not structured like the examples.

    >>> import numpy as np, fxad
    >>> def f(a):
    ...     converted, consts = fxad.closure_convert(lambda x: a * x, 1.0)
    ...     return converted(2.0, *consts)
    >>> fxad.grad(f)(3.0)
    np.float64(2.0)
    """
    check_callable(fun, "closure_convert")
    leaves = tree.leaves(tuple(example_args))
    trees = [tree.structure(a) for a in example_args]
    whole = tree.structure(tuple(example_args))
    body = record_body(fun, "closure_convert", trees, [leaf_type(leaf) for leaf in leaves], values=leaves)
    hoisted = [i for i, c in enumerate(body.captured) if isinstance(c, Tracer) and c.type.inexact]
    consts = [body.captured[i] for i in hoisted]
    run = Executable(body.program)

    def converted(*args: Any) -> Any:
        given, extra = args[: len(trees)], args[len(trees) :]
        if tree.structure(given) != whole or len(extra) != len(consts):
            raise TreeMismatch(explain(
                f"{body.name}, of closure_convert, was called with arguments of another structure:\n"
                f"  the examples:  {whole}, and {len(consts)} constants\n"
                f"  the arguments: {tree.structure(given)}, and {len(extra)} constants",
                source=Source.here(), fix="converted(*args, *consts)"))
        captured = list(body.captured)
        for i, value in zip(hoisted, extra, strict=True):
            captured[i] = value
        return body.out.rebuild(run(*tree.leaves(given), *captured))

    return converted, consts
