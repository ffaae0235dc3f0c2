"""Program -> readable Python source over NumPy -> a function."""

from __future__ import annotations

import itertools
import linecache
import re
from collections.abc import Callable
from typing import Any

from fxad.execute.loops import Module
from fxad.execute.writer import Writer, is_scalar
from fxad.ir.analysis import programs_of
from fxad.ir.primitive import NAMESPACE
from fxad.ir.program import Program
from fxad.optimize import expand
from fxad.primitives.callbacks import function as function_constant
from fxad.source import Source

__all__ = ["compile_program", "source"]

_files = itertools.count(1)


def compile_program(program: Program, name: str = "program") -> Callable[..., tuple[Any, ...]]:
    """The Program as a compiled function: arrays in, a tuple of arrays out.

    Its source can be read by tracebacks and debuggers under the file name `<fxad name-N>`.
    """
    program = expand(program)
    space = NAMESPACE | functions_of(program)
    function = _loaded(source(program, name), name, space, program)
    if is_scalar(program):
        space["in_numpy"] = _Lazily(program, name)
    return function


def _loaded(text: str, name: str, space: dict[str, Any], program: Program) -> Callable[..., tuple[Any, ...]]:
    """The function `name` of a source text, which tracebacks can read."""
    file = f"<fxad {name}-{next(_files)}>"
    exec(compile(text, file, "exec"), space)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space["__fxad_source__"] = _SourceFile(file, program)
    return space[name]  # type: ignore[no-any-return]


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
    """Takes the source out of the line cache when the function that owns it dies.

    It knows which line of the user's a line of it comes from.
    """

    file = ""  # an interruption may come before there is one

    def __init__(self, file: str, program: Program) -> None:
        self.file = file
        self.program = program

    def place(self, line: int) -> Source | None:
        """What the comment at the end of a line says, as a place: with columns where they are certain."""
        comment = re.search(r"  # (\S+:\d+)$", linecache.getline(self.file, line).rstrip())
        if comment is None:
            return None
        found: list[Source] = []
        pending = [self.program]
        while pending:
            for eqn in pending.pop().equations:
                if eqn.source is not None and str(eqn.source) == comment[1]:
                    found.append(eqn.source)
                pending += programs_of(eqn.params) if eqn.primitive.structured else ()
        if not found or len({source.marked() for source in found}) == 1:
            return found[0] if found else None
        return Source(found[0].file, found[0].line, found[0].function)

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
            text = straight_source(self.program, self.name)
            self.function = _loaded(text, self.name, dict(NAMESPACE), self.program)
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
