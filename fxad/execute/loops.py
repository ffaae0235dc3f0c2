"""Loops, branches and checkpointed functions as functions of the emitted source.

The statements of a loop's body stand inside a Python loop.

A loop over numbers runs on Python floats and ints, as scalar code elsewhere does; where Python would raise
and NumPy gives inf or nan, the whole loop is run again by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.execute.writer import (
    Line,
    Writer,
    number_equation,
    scalar_name,
    tuple_of,
    written,
)
from fxad.ir.analysis import programs_of
from fxad.ir.primitive import Code
from fxad.ir.program import Atom, Equation, Program, Var, substitute
from fxad.ir.types import FUNCTION, ArrayType
from fxad.primitives.conditional import cond
from fxad.primitives.looping import while_
from fxad.primitives.rematerialization import remat
from fxad.primitives.scanning import scan

__all__ = ["Module"]

_NUMBERS = {np.dtype(np.float64): "float", np.dtype(np.int64): "int", np.dtype(np.bool_): "bool"}


class Module:
    """The functions of one piece of emitted source, in the order in which they are defined."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.functions: list[str] = []
        self._count = 0
        self._written: dict[Program, str] = {}

    def fresh(self, kind: str) -> str:
        """A name for a function that no other has."""
        self._count += 1
        return f"{kind}_{self._count}"

    def function_for(self, eqn: Equation) -> str:
        """Write what a structured equation stands for, and give the expression to call."""
        if eqn.primitive is cond:
            return self._branches(eqn)
        if eqn.primitive is scan or eqn.primitive is while_:
            return _Loop(self, eqn).write()
        if eqn.primitive is remat:
            return self._shared(eqn.params["body"], "checkpointed")
        names = {p: self.program(p, eqn.primitive.name) for p in programs_of(eqn.params)}
        params = {k: _named(v, names) for k, v in eqn.params.items()}
        name = self.fresh(eqn.primitive.name)
        given = [Code(f"x{i}", a.type) for i, a in enumerate(eqn.inputs)]
        text = eqn.primitive.emit(*given, **params)
        self.functions.append("\n".join([f"def {name}({', '.join(given)}):", f"    return {text}", ""]))
        return name

    def program(self, program: Program, kind: str) -> str:
        """Write a Program as a function, and give its name."""
        name = self.fresh(kind)
        self.functions.append(Writer(program, self).straight(name, own=False))
        return name

    def _shared(self, program: Program, kind: str) -> str:
        """Write a Program as a function, once however often it is called."""
        name = self._written.get(program)
        if name is None:
            name = self._written[program] = self.program(program, kind)
        return name

    def _branches(self, eqn: Equation) -> str:
        names = [self.program(branch, "branch") for branch in eqn.params["branches"]]
        which, count = eqn.inputs[0], len(eqn.inputs) - 1
        name = self.fresh("cond")
        given = ", ".join(f"x{i}" for i in range(count))
        lines = [f"def {name}(which, {given}):" if count else f"def {name}(which):"]
        for k, branch in enumerate(names[:-1]):
            test = f"which == {k}" if which.type.dtype.kind != "b" else "not which"
            lines += [f"    if {test}:", f"        return {branch}({given})"]
        lines += [f"    return {names[-1]}({given})", ""]
        self.functions.append("\n".join(lines))
        return name


def _named(value: Any, names: dict[Program, str]) -> Any:
    if isinstance(value, Program):
        return Code(names[value], ArrayType((), np.float64))
    if isinstance(value, tuple):
        return tuple(_named(v, names) for v in value)
    return value


class _Loop:
    """Writes one scan or while loop. Condition and body are one Program, so that their names differ."""

    def __init__(self, module: Module, eqn: Equation) -> None:
        self.module = module
        self.eqn = eqn
        params = eqn.params
        body: Program = params["body"]
        self.is_while = eqn.primitive is while_
        self.length: int | None = None if self.is_while else params["length"]
        self.lead = int(not self.is_while and self.length is None)
        consts = params["body_consts" if self.is_while else "consts"]
        carry = params["carry"]
        self.consts = list(body.inputs[:consts])
        self.carry = list(body.inputs[consts : consts + carry])
        self.elements = list(body.inputs[consts + carry :])
        equations: list[Equation] = []
        self.test: Atom | None = None
        if self.is_while:
            test: Program = params["cond"]
            own = params["cond_consts"]
            env: dict[Var, Atom] = dict(zip(test.inputs[own:], self.carry, strict=True))
            self.consts = [*test.inputs[:own], *self.consts]
            equations = [
                Equation(e.primitive, substitute(e.inputs, env), e.params, e.outputs, e.source)
                for e in test.equations
            ]
            self.test = substitute(test.outputs, env)[0]
        self.tested = len(equations)
        kept = [] if self.test is None else [self.test]
        self.program = Program([*self.consts, *self.carry, *self.elements], [*equations, *body.equations],
                               [*kept, *body.outputs])
        self.writer = Writer(self.program, module)
        self.names = self.writer.names
        self.next = body.outputs[:carry]
        self.left = body.outputs[carry:]
        self.stacks = eqn.outputs[carry + self.is_while :]

    def write(self) -> str:
        kind = "while_loop" if self.is_while else "scan"
        name = self.module.fresh(kind)
        if not self._is_scalar():
            self.module.functions.append(self._straight(name))
            return name
        slow = f"{name}_in_numpy"
        self.module.functions.append(self._straight(slow))
        self.module.functions.append(self._scalar(name, slow))
        return name

    def _is_scalar(self) -> bool:
        values: list[Atom] = [*self.program.inputs, *self.program.outputs]
        return all(v.type.ndim == 0 and v.type.dtype in _NUMBERS for v in values) and all(
            number_equation(e) for e in self.program.equations
        )

    # -- pieces ---------------------------------------------------------------------------------------

    def _arguments(self) -> list[str]:
        lead = ["steps"] if self.lead else []
        return [*lead, *(self.names[v] for v in [*self.consts, *self.carry]),
                *(f"all_{self.names[v]}" for v in self.elements)]

    def _head(self, over: Sequence[str], values: Callable[[str, Var], str]) -> list[str]:
        """The `for` or `while` line, and what comes first in the loop."""
        if self.is_while:
            return ["while True:"]
        count = "steps" if self.lead else str(self.length)
        backwards = self.eqn.params["reverse"]
        span = f"range({count} - 1, -1, -1)" if backwards else f"range({count})"
        lines = [f"for step in {span}:"]
        return lines + [f"    {self.names[v]} = {values(a, v)}"
                        for a, v in zip(over, self.elements, strict=True)]

    def _update(self, number: Callable[[Atom], str]) -> list[str]:
        pairs = [(self.names[v], number(a)) for v, a in zip(self.carry, self.next, strict=True)]
        changed = [(v, a) for v, a in pairs if v != a]
        if not changed:
            return []
        left, right = zip(*changed, strict=True)
        return [f"{', '.join(left)} = {', '.join(right)}"]

    # -- NumPy ----------------------------------------------------------------------------------------

    def _straight(self, name: str) -> str:
        writer = self.writer
        arguments = self._arguments()
        lines = [f"{self.names[v]} = np.{scalar_name(v.type.dtype)}({self.names[v]})"
                 for v in [*self.consts, *self.carry] if v.type.ndim == 0 and v.type is not FUNCTION]
        counted = self.is_while
        lines += ["steps = 0"] if counted else []
        kept = [f"left_{k}" for k in range(len(self.left))]
        for k, stack in zip(kept, self.stacks, strict=True):
            fresh = "[]" if stack.type.is_stack else (
                f"np.empty({stack.type.shape}, np.{stack.type.dtype.type.__name__})")
            lines.append(f"{k} = {fresh}")
        over = [f"all_{self.names[v]}" for v in self.elements]
        lines += self._head(over, _element)
        writer.prepare()
        inside = writer.statements(0, self.tested)
        if self.test is not None:
            inside += [Line(f"if not {writer.code(self.test)}:"), Line("    break")]
        inside += writer.statements(self.tested, len(self.program.equations))
        inside += [Line(self._keep(k, s, writer.finished(a)))
                   for k, s, a in zip(kept, self.stacks, self.left, strict=True)]
        inside += map(Line, self._update(lambda a: str(writer.finished(a))))
        inside += [Line("steps += 1")] if counted else []
        body = [*(f"    {line}" for line in lines), *written(inside or [Line("pass")], "        ")]
        if not self.is_while and self.eqn.params["reverse"]:
            body += [f"    {k}.reverse()" for k, s in zip(kept, self.stacks, strict=True) if s.type.is_stack]
        outs = [self.names[v] for v in self.carry]
        outs += ["np.int64(steps)"] if counted else []
        outs += [_stack(k, s.type) if s.type.is_stack else k for k, s in zip(kept, self.stacks, strict=True)]
        return "\n".join([f"def {name}({', '.join(arguments)}):", *body, f"    return {tuple_of(outs)}", ""])

    def _keep(self, name: str, stack: Var, value: str) -> str:
        return f"{name}.append({value})" if stack.type.is_stack else f"{name}[step] = {value}"

    # -- Python's numbers -----------------------------------------------------------------------------

    def _scalar(self, name: str, slow: str) -> str:
        arguments = self._arguments()
        lines = [f"{self.names[v]} = {_NUMBERS[v.type.dtype]}({self.names[v]})"
                 for v in [*self.consts, *self.carry]]
        lines += ["steps = 0"] if self.is_while else []
        kept = [f"left_{k}" for k in range(len(self.left))]
        for k in kept:
            lines += [f"{k} = []", f"keep_{k} = {k}.append"]
        lines += self._numbers_head()
        inside = [line for e in self.program.equations[: self.tested] for line in self.writer.number_lines(e)]
        if self.test is not None:
            inside += [Line(f"if not {self.writer.number_atom(self.test)}:"), Line("    break")]
        inside += [line for e in self.program.equations[self.tested:] for line in self.writer.number_lines(e)]
        inside += [Line(f"keep_{k}({self.writer.number_atom(a)})")
                   for k, a in zip(kept, self.left, strict=True)]
        inside += map(Line, self._update(lambda a: str(self.writer.number_atom(a))))
        inside += [Line("steps += 1")] if self.is_while else []
        body = [*(f"        {line}" for line in lines), *written(inside or [Line("pass")], "            ")]
        if not self.is_while and self.eqn.params["reverse"]:
            body += [f"        {k}.reverse()" for k in kept]
        floats = [self.names[v] for v in self.carry if v.type.dtype.kind == "f"]
        checks = [f"math.isfinite({' + '.join(floats)})"] if floats else []
        for k, s in zip(kept, self.stacks, strict=True):
            if not s.type.is_stack:
                body.append(f"        {k} = np.array({k}, np.{scalar_name(s.type.dtype)})")
            if s.type.dtype.kind == "f":
                checks.append(f"np.isfinite({k}).all()")
        if checks:
            body += [f"        if not ({' and '.join(checks)}):", "            raise ArithmeticError"]
        outs = [f"np.{scalar_name(v.type.dtype)}({self.names[v]})" for v in self.carry]
        outs += ["np.int64(steps)"] if self.is_while else []
        outs += [_stack(k, s.type) if s.type.is_stack else k for k, s in zip(kept, self.stacks, strict=True)]
        return "\n".join([
            f"def {name}({', '.join(arguments)}):",
            f"    given = {tuple_of(arguments) if arguments else '()'}",
            "    try:",
            *body,
            f"        return {tuple_of(outs)}",
            "    except (ArithmeticError, ValueError):  # NumPy gives inf or nan there",
            f"        return {slow}(*given)",
            "",
        ])

    def _numbers_head(self) -> list[str]:
        if self.is_while:
            return ["while True:"]
        backwards = self.eqn.params["reverse"]
        count = "steps" if self.lead else str(self.length)
        if not self.elements:
            return [f"for _ in range({count}):"]
        every = []
        for v in self.elements:
            text = f"all_{self.names[v]}"
            if not self.lead:
                text += ".tolist()"
            # A stack may be longer than the steps to go through.
            every.append(f"{text}[{count} - 1::-1]" if backwards and self.lead else f"reversed({text})"
                         if backwards else f"{text}[:{count}]" if self.lead else text)
        names = [self.names[v] for v in self.elements]
        if len(names) == 1:
            return [f"for {names[0]} in {every[0]}:"]
        return [f"for {', '.join(names)} in zip({', '.join(every)}):"]


def _element(array: str, v: Var) -> str:
    if v.type.ndim:
        return f"{array}[step]"
    return f"np.{scalar_name(v.type.dtype)}({array}[step])"


def _stack(name: str, type: ArrayType) -> str:
    return f"Stack({type.shape}, np.{type.dtype.type.__name__}, {name})"
