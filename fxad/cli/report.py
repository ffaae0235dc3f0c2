"""The answer: values and derivatives in one column, then the Programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api import grad, hessian, jacobian, make_ir, value_and_grad
from fxad.cli.arguments import differentiable
from fxad.cli.usage import UsageError
from fxad.ir import Equation, Program

__all__ = ["Question", "report"]


class Question:
    """What is asked: a function, where, and how much.

    Attributes:
        title: the function in the user's words.
        function: what it computes.
        name: what it is called in the answer.
        arguments: the values of its parameters, in their order.
        order: 2 when second derivatives are wanted too.
        jacobian: derivatives of a value that is not one number are wanted.
        sources: whether Programs show the user's lines (there are none in an expression).
    """

    def __init__(
        self,
        title: str,
        function: Callable[..., Any],
        name: str,
        arguments: dict[str, Any],
        *,
        order: int = 1,
        jacobian: bool = False,
        sources: bool = True,
    ) -> None:
        self.title = title
        self.function = function
        self.name = name
        self.arguments = arguments
        self.order = order
        self.jacobian = jacobian
        self.sources = sources
        self.values = tuple(arguments.values())
        chosen = [i for i, value in enumerate(self.values) if differentiable(value)]
        if not chosen:
            raise UsageError(f"{name} has no argument with respect to which to differentiate it")
        self.argnums = tuple(chosen)
        self.names = [list(arguments)[i] for i in chosen]

    def first(self) -> tuple[Any, Sequence[Any]]:
        """The value, and the derivative with respect to each argument."""
        if not self.jacobian:
            value, found = value_and_grad(self.function, self.argnums)(*self.values)
        else:
            value = self.function(*self.values)
            found = jacobian(self.function, self.argnums)(*self.values)
        return value, found

    def derivative(self) -> Callable[..., Any]:
        """The function that gives the derivatives; a bare one where there is one argument."""
        argnums = self.argnums if len(self.argnums) > 1 else self.argnums[0]
        return (jacobian if self.jacobian else grad)(self.function, argnums)


def report(question: Question, *, only_programs: bool = False) -> str:
    """The whole text of the answer.

    Raises:
        UsageError: the value is not one number, and no Jacobian was asked for.
    """
    _check_value(question)
    parts = [question.title]
    if not only_programs:
        parts.append(_columns(_rows(question)))
    name = question.name
    whose = "Jacobian" if question.jacobian else "gradient" if _scalar(question) else "derivative"
    programs = [(f"The program of {name}:", question.function)]
    programs.append((f"The program of its {whose}:", question.derivative()))
    for head, function in programs:
        program = make_ir(function)(*question.values)
        text = str(program if question.sources else _without_sources(program))
        parts.append(f"{head}\n\n" + "\n".join("  " + line for line in text.splitlines()))
    return "\n\n".join(parts)


def _scalar(question: Question) -> bool:
    """Whether to speak of a gradient: several inputs, or an array."""
    return len(question.argnums) > 1 or np.shape(question.values[question.argnums[0]]) != ()


def _check_value(question: Question) -> None:
    value = question.function(*question.values)
    name = question.name
    if not tree.all_leaves([value]):
        raise UsageError(f"{name} returns {tree.structure(value)}; one number or array is needed")
    if np.shape(value) != () and not question.jacobian:
        raise UsageError(
            f"the value of {name} is an array of shape {np.shape(value)}, not one number:"
            " pass --jacobian for the derivatives of all its elements"
        )


def _rows(question: Question) -> list[tuple[str, Any]]:
    """What is told, with its names: arguments, value, first and second derivatives."""
    name = question.name
    value, first = question.first()
    rows = _leaves(question.arguments.items())
    rows.append((name, value))
    rows += _leaves([(f"d{name}/d{x}", d) for x, d in zip(question.names, first, strict=True)])
    if question.order == 2:
        second = hessian(question.function, question.argnums)(*question.values)
        for i, x in enumerate(question.names):
            for j, y in enumerate(question.names[i:], i):
                below = f"d{x}2" if i == j else f"d{x} d{y}"
                rows += _leaves([(f"d2{name}/{below}", second[i][j])])
    return rows


def _leaves(items: Any) -> list[tuple[str, Any]]:
    """Every leaf of trees, under the name of its tree and the path in it."""
    rows: list[tuple[str, Any]] = []
    for name, value in items:
        rows += [(name + tree.keystr(path), leaf) for path, leaf in tree.leaves_with_path(value)]
    return rows


def _columns(rows: Sequence[tuple[str, Any]]) -> str:
    width = max(len(name) for name, _ in rows)
    lines = []
    for name, value in rows:
        first, *rest = _text(value).splitlines()
        lines.append(f"{name:<{width}} = {first}")
        lines += [(" " * (width + 3) + line).rstrip() for line in rest]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, (str, bytes, bool)):
        return repr(value)
    return str(value) if np.ndim(value) else str(np.asarray(value)[()])


def _without_sources(program: Program) -> Program:
    """The Program without source lines: an expression has only one."""
    bare = [Equation(e.primitive, e.inputs, e.params, e.outputs) for e in program.equations]
    return Program(program.inputs, bare, program.outputs)
