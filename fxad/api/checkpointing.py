"""`checkpoint` (or `remat`): functions whose backward pass computes again instead of keeping.

What is recorded at the call is one `remat` equation; Python decides in the function as it does around it.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.recording import function_name, stacked
from fxad.api.rules import Call
from fxad.errors import TypeMismatch, explain
from fxad.ir.program import Params
from fxad.primitives.rematerialization import Policy as Spec
from fxad.primitives.rematerialization import checkpoint_name as name_primitive
from fxad.primitives.rematerialization import remat as remat_primitive
from fxad.source import Source
from fxad.tracing import Tracer, bind

__all__ = [
    "Policy", "checkpoint", "checkpoint_name", "dots_saveable", "dots_with_no_batch_dims_saveable",
    "everything_saveable", "nothing_saveable", "save_any_names_but_these", "save_anything_except_these_names",
    "save_from_both_policies", "save_only_these_names",
]


class Policy:
    """What `checkpoint` keeps beside the arguments: see `fxad.checkpoint_policies`."""

    __slots__ = ("_shown", "spec")

    def __init__(self, spec: Spec, shown: str) -> None:
        self.spec = spec
        self._shown = shown

    def __repr__(self) -> str:
        return f"<checkpoint policy {self._shown}>"


nothing_saveable = Policy(("nothing",), "nothing_saveable")
everything_saveable = Policy(("everything",), "everything_saveable")
dots_saveable = Policy(("dots",), "dots_saveable")
dots_with_no_batch_dims_saveable = Policy(("dots_without_batch",), "dots_with_no_batch_dims_saveable")


def save_only_these_names(*names: str) -> Policy:
    """Keep the values that `checkpoint_name` gave one of these names.

    >>> import fxad
    >>> fxad.checkpoint_policies.save_only_these_names("hidden")
    <checkpoint policy save_only_these_names('hidden')>
    """
    return _by_names("names", "save_only_these_names", names)


def save_any_names_but_these(*names: str) -> Policy:
    """Keep the values that have a name, and none of these."""
    return _by_names("names_but", "save_any_names_but_these", names)


def save_anything_except_these_names(*names: str) -> Policy:
    """Keep everything but the values with one of these names."""
    return _by_names("anything_but", "save_anything_except_these_names", names)


def save_from_both_policies(policy_1: Policy, policy_2: Policy) -> Policy:
    """Keep what either of two policies keeps."""
    for policy in (policy_1, policy_2):
        _checked(policy)
    return Policy(("any", policy_1.spec, policy_2.spec), f"save_from_both_policies({policy_1}, {policy_2})")


def _by_names(kind: str, shown: str, names: Sequence[str]) -> Policy:
    for name in names:
        if not isinstance(name, str):
            raise TypeMismatch(explain(f"{shown} takes names, and was given {name!r:.40}.",
                                       source=Source.here(), fix=f'{shown}("a", "b")'))
    return Policy((kind, *names), f"{shown}({', '.join(map(repr, names))})")


def _checked(policy: Any) -> Spec:
    if policy is None:
        return nothing_saveable.spec
    if not isinstance(policy, Policy):
        raise TypeMismatch(explain(
            f"{getattr(policy, '__name__', repr(policy))[:60]} is no policy of checkpoint.",
            source=Source.here(),
            fix="one of fxad.checkpoint_policies: nothing_saveable, dots_saveable, everything_saveable,"
            " save_only_these_names(...) ..."))
    return policy.spec


def checkpoint(
    fun: Callable[..., Any] | None = None, *, prevent_cse: bool = True, policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Any:
    """`fun`, with a backward pass that computes its intermediate values again instead of keeping them.

    Between the forward and the backward pass only the arguments are kept, and what `policy` says. So the
    gradient of a chain of n such functions needs the memory of n arguments and of the inside of one
    function, and the time of one more forward pass.

    Args:
        fun: a function of arrays in pytrees; it may close over traced values, and Python may decide in it.
            Left out, the result is a decorator: `@fxad.checkpoint(policy=...)`.
        prevent_cse: taken for the sake of JAX's signature. What is computed again is never merged with the
            first time, so there is nothing to prevent.
        policy: what is kept as well: one of `fxad.checkpoint_policies`; None for `nothing_saveable`.
        static_argnums: positions of arguments that are passed as they are. Flags, strings and other leaves
            that are no arrays are static by themselves.

    Returns:
        A function with the values and derivatives of `fun`. What it does besides (`fxad.debug.print`,
        `io_callback`) happens once.

    Raises:
        TypeMismatch: `policy` is no policy, or (when called) a static position is out of range.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed., 2008, chapter 12.

    >>> import numpy as np, fxad
    >>> @fxad.checkpoint
    ... def layer(x):
    ...     return np.sin(np.sin(x))
    >>> fxad.grad(lambda x: layer(layer(x)))(0.0)
    np.float64(1.0)
    """
    if fun is None:
        return functools.partial(
            checkpoint, prevent_cse=prevent_cse, policy=policy, static_argnums=static_argnums)
    check_callable(fun, "checkpoint")
    spec = _checked(policy)
    static = static_argnums if isinstance(static_argnums, Sequence) else (static_argnums,)
    static = tuple(operator.index(n) for n in static)
    name = function_name(fun)

    @functools.wraps(fun)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        count = len(args)
        if any(not -count <= n < count for n in static):
            raise TypeMismatch(explain(
                f"{name}, under checkpoint with static_argnums={static}, was called with {count} positional"
                f" argument{'s' * (count != 1)}.",
                source=Source.here(), fix="positions of arguments that are given by position"))

        def called(keywords: dict[str, Any], *args: Any) -> Any:
            return fun(*args, **keywords)

        called.__name__ = name
        call = Call("checkpointed", called, [kwargs, *args], [1 + n % count for n in static])
        if not any(v.__class__ is Tracer for v in call.values):
            out = fun(*args, **kwargs)
            if not any(leaf.__class__ is Tracer for leaf in tree.leaves(out)):
                return out
            # It closes over something traced.
        call.record()
        if not call.out_types:
            return call.out.rebuild([])
        operands = [*call.values, *call.function.captured]
        return call.out.rebuild(bind(remat_primitive, operands, Params(
            body=call.function.program, policy=spec)))

    return checkpointed


def checkpoint_name(x: Any, name: str) -> Any:
    """`x` itself, under a name by which the policy of a `checkpoint` around it can keep it.

    Args:
        x: an array or a pytree of arrays.
        name: what `save_only_these_names` and its relatives know it by.

    >>> import numpy as np, fxad
    >>> def f(x):
    ...     return np.sin(fxad.checkpoint_name(np.exp(x), "e"))
    >>> policy = fxad.checkpoint_policies.save_only_these_names("e")
    >>> fxad.grad(fxad.checkpoint(f, policy=policy))(0.0).round(4)
    np.float64(0.5403)
    """
    if not isinstance(name, str):
        raise TypeMismatch(explain(f"checkpoint_name was given {name!r:.40} as a name.",
                                   source=Source.here(), fix='checkpoint_name(x, "hidden")'))

    def named(leaf: Any) -> Any:
        leaf = stacked(leaf)
        return name_primitive(leaf, name=name) if isinstance(leaf, Tracer) else leaf

    return tree.map(named, x)
