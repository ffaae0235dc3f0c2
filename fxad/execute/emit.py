"""Program -> readable Python source over NumPy -> a function."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable
from typing import Any

from fxad.execute.loops import Module
from fxad.execute.writer import Writer, is_scalar
from fxad.ir.analysis import programs_of
from fxad.ir.primitive import NAMESPACE
from fxad.ir.program import Program
from fxad.optimize import expand
from fxad.primitives.callbacks import function as function_constant

__all__ = ["compile_program", "source"]

_files = itertools.count(1)


def compile_program(program: Program, name: str = "program") -> Callable[..., tuple[Any, ...]]:
    """The Program as a compiled function: arrays in, a tuple of arrays out.

    Its source can be read by tracebacks and debuggers under the file name `<fxad name-N>`.
    """
    program = expand(program)
    text = source(program, name)
    file = f"<fxad {name}-{next(_files)}>"
    space = NAMESPACE | functions_of(program)
    exec(compile(text, file, "exec"), space)
    function: Callable[..., tuple[Any, ...]] = space[name]
    if is_scalar(program):
        space["in_numpy"] = _Lazily(program, name)
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)
    space["__fxad_source__"] = _SourceFile(file)
    return function


def functions_of(program: Program) -> dict[str, Any]:
    """The Python functions that are constants of a Program, by their names in its source."""
    found: dict[str, Any] = {}
    pending = [program]
    while pending:
        for eqn in pending.pop().equations:
            if eqn.primitive is function_constant:
                found[eqn.primitive.emit(**eqn.params)] = eqn.params["value"]
            elif eqn.primitive.structured:
                pending += programs_of(eqn.params)
    return found


class _SourceFile:
    """Takes the source out of the line cache when the function that owns it dies."""

    file = ""  # an interruption may come before there is one

    def __init__(self, file: str) -> None:
        self.file = file

    def __del__(self) -> None:
        if linecache is not None and linecache.cache is not None:  # not while Python shuts down
            linecache.cache.pop(self.file, None)


class _Lazily:
    """The straight version of a scalar Program, compiled when it is first needed."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.function: Callable[..., Any] | None = None

    def __call__(self, *values: Any) -> Any:
        if self.function is None:
            space = dict(NAMESPACE)
            exec(compile(straight_source(self.program, self.name), f"<fxad {self.name}>", "exec"), space)
            self.function = space[self.name]
        return self.function(*values)


def source(program: Program, name: str = "program") -> str:
    """The Python source of a Program, as a function called `name`; loops are functions before it."""
    program = expand(program)
    if is_scalar(program):
        return Writer(program, Module(name)).scalar(name)
    return straight_source(program, name)


def straight_source(program: Program, name: str = "program") -> str:
    """The source with one NumPy call an equation, whatever the Program."""
    module = Module(name)
    text = Writer(program, module).straight(name)
    return "\n\n".join([*module.functions, text])
