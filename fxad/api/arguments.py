"""Which arguments a transform acts on: argnums, argnames, and calling the function with them replaced."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from fxad.api.recording import Inputs, function_name
from fxad.errors import TypeMismatch, explain
from fxad.source import Source

__all__ = ["Argnums", "Chosen", "check_callable", "choose"]

Argnums = int | Sequence[int]


def check_callable(fun: Any, transform: str) -> None:
    """Raise TypeError unless `fun` can be called."""
    if not callable(fun):
        raise TypeMismatch(
            explain(
                f"{transform} takes a function, and was given {type(fun).__name__} {fun!r:.40}.",
                source=Source.here(),
                fix=f"{transform}(f)(x), not {transform}(f(x))",
            )
        )


class Chosen:
    """The chosen arguments of one call.

    Attributes:
        inputs: the chosen arguments, flattened.
        single: there is one, not a sequence of them: results are then not in a tuple.
        call: calls the function with the chosen arguments replaced.
    """

    __slots__ = ("argnames", "args", "fun", "inputs", "kwargs", "positions", "single")

    def __init__(
        self,
        fun: Callable[..., Any],
        positions: Sequence[int],
        argnames: Sequence[str],
        single: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.fun = fun
        self.args = args
        self.kwargs = kwargs
        self.positions = positions
        self.argnames = argnames
        self.single = single
        values = [args[p] for p in positions] + [kwargs[n] for n in argnames]
        names = [_parameter(fun, p) for p in positions] + list(argnames)
        self.inputs = Inputs(values, names)

    def call(self, values: list[Any]) -> Any:
        """The function's result with the chosen arguments replaced by `values`."""
        args = list(self.args)
        for p, value in zip(self.positions, values, strict=False):
            args[p] = value
        if not self.argnames:
            return self.fun(*args, **self.kwargs)
        count = len(self.positions)
        return self.fun(*args, **{**self.kwargs, **dict(zip(self.argnames, values[count:], strict=True))})

    def result(self, values: Sequence[Any]) -> Any:
        """One value an argument, in a tuple unless `argnums` was an int; named ones in a dict."""
        count = len(self.positions)
        if not self.argnames:
            return values[0] if self.single else tuple(values)
        named = dict(zip(self.argnames, values[count:], strict=True))
        if not count:
            return values[0] if self.single else named
        return (values[0] if self.single else tuple(values[:count])), named


def choose(
    transform: str,
    fun: Callable[..., Any],
    argnums: Argnums | None,
    argnames: str | Sequence[str] | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Chosen:
    """The chosen arguments; raises TypeMismatch when there are no such arguments."""
    positions, names, single = _many(argnums, argnames)
    count = len(args)
    for p in positions:
        if not -count <= p < count:
            raise TypeMismatch(
                explain(
                    f"{transform} differentiates argument number {p} (argnums={argnums!r}), and"
                    f" {function_name(fun)} was called with {count} positional"
                    f" argument{'s' * (count != 1)}.",
                    source=Source.here(),
                    fix=f"argnums between 0 and {count - 1}" if count else
                    "pass the argument by position, or use argnames",
                )
            )
    for name in names:
        if name not in kwargs:
            raise TypeMismatch(
                explain(
                    f"{transform} differentiates argument {name!r} (argnames={argnames!r}), and"
                    f" {function_name(fun)} was not called with {name}=...",
                    source=Source.here(),
                    fix=f"pass {name} by keyword, or use argnums",
                )
            )
    positions = [p % count for p in positions] if any(p < 0 for p in positions) else positions
    if len(set(positions)) < len(positions):
        raise TypeMismatch(
            explain(f"{transform}: argnums={argnums!r} names an argument twice.",
                    source=Source.here(), fix="each argument once"))
    return Chosen(fun, positions, names, single, args, kwargs)


def _many(
    argnums: Argnums | None, argnames: str | Sequence[str] | None
) -> tuple[Sequence[int], Sequence[str], bool]:
    if argnames is None:
        names: Sequence[str] = ()
    else:
        names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    if argnums is None:
        return (), names, isinstance(argnames, str)
    if isinstance(argnums, Sequence):
        return [operator.index(n) for n in argnums], names, False
    return (operator.index(argnums),), names, True


def _parameter(fun: Callable[..., Any], position: int) -> str:
    """The name of a positional parameter, for messages and printed Programs."""
    code = getattr(fun, "__code__", None)
    if code is not None:
        names = code.co_varnames
        return names[position] if position < code.co_argcount else f"arg{position}"
    try:
        parameters = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        return f"arg{position}"
    return parameters[position] if position < len(parameters) else f"arg{position}"
