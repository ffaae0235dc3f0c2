"""Bounded caches of what was derived and compiled, found again by the fingerprint of a trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

from fxad.config import config
from fxad.execute.emit import compile_program
from fxad.execute.interpreter import interpret
from fxad.ir import program as program_module
from fxad.ir.analysis import has_effects
from fxad.ir.program import Program
from fxad.optimize import expand, lower, optimize
from fxad.primitives.rematerialization import Remat
from fxad.primitives.structured import Structured
from fxad.tracing import Kind, Tracer, current_trace, innermost
from fxad.transforms.inline import inline

__all__ = ["Cache", "Executable", "executables"]

#: A Program is interpreted once more for every so many equations before it is compiled.
_LONG = 2000


class Executable:
    """A Program on its way from the interpreter to compiled source.

    The first call interprets, so that a first gradient costs no compilation; the second optimises,
    emits and compiles. Compiling an equation costs about as much as interpreting it a hundred times, so a
    very long Program has to come back more often. A call on traced values records the Program in
    their trace.
    """

    __slots__ = ("_calls", "_effectful", "_interpreted", "_optimized", "aux", "program", "run")

    def __init__(self, program: Program, aux: Any = None) -> None:
        self.program = program
        #: Whatever the maker wants to keep beside the Program.
        self.aux = aux
        self._optimized: Program | None = None
        self._effectful = any(map(has_effects, program.equations))
        self._calls = 0
        self._interpreted: Callable[..., tuple[Any, ...]] | None = None
        self.run: Callable[..., tuple[Any, ...]] = self._first

    def _first(self, *values: Any) -> tuple[Any, ...]:
        self._calls += 1
        if self._calls <= 1 + len(self.program.equations) // _LONG:
            interpreted = self._interpreted
            if interpreted is None:
                interpreted = self._interpreted = interpret(self.program)
            return interpreted(*values)
        self._interpreted = None
        self.run = compile_program(_lowered(self.optimized) if config.optimize else self.optimized)
        return self.run(*values)

    @property
    def optimized(self) -> Program:
        """The Program after the optimiser."""
        if self._optimized is None:
            self._optimized = optimize(self.program) if config.optimize else self.program
        return self._optimized

    def __call__(self, *values: Any) -> Any:
        """The outputs for these inputs: computed, or recorded when any of them is traced."""
        for value in values:
            if value.__class__ is Tracer:
                trace = innermost(values)
                assert trace is not None
                # jit records once, and optimises the whole; elsewhere it is recorded at every call.
                once = trace.kind is Kind.JIT
                return inline(trace, self.program if once else self.optimized, values)
        if self._effectful:
            # Its effects are to take place whenever the function runs that is being traced.
            calling = current_trace()
            if calling is not None:
                return inline(calling, self.program, values)
        return self.run(*values)


def _lowered(program: Program) -> Program:
    """An optimised Program as it is to be compiled: rules that no derivative has asked for are gone."""
    expanded = expand(program)
    return lower(program if expanded is program else optimize(expanded))


class Cache:
    """A bounded table: when it is full, the half that was put in first goes.

    Reading takes no lock; a race computes something twice and keeps one.
    """

    def __init__(self) -> None:
        self._table: dict[Hashable, Any] = {}
        # Reentrant: a signal handler or a finalizer may come back here.
        self._lock = threading.RLock()
        self.get = self._table.get

    def put(self, key: Hashable, value: Any) -> Any:
        """Remember `value`; gives what is remembered, which may be another thread's."""
        with self._lock:
            if len(self._table) >= config.cache_size:
                for old in list(self._table.copy())[: config.cache_size // 2]:
                    self._table.pop(old, None)
            return self._table.setdefault(key, value)

    def __len__(self) -> int:
        return len(self._table)

    def values(self) -> list[Any]:
        """All that is remembered, the oldest first."""
        return list(self._table.copy().values())

    def discard(self, useless: Callable[[Any], bool]) -> None:
        """Forget what stands under keys that are `useless`."""
        for key in self._table.copy():
            if useless(key):
                self._table.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._table.clear()


#: What the un-jitted transforms derived, by fingerprint.
executables = Cache()


def _runner(program: Program) -> Callable[..., Any]:
    executable = Executable(program)
    count = len(program.inputs)

    def run(*values: Any) -> Any:
        if len(values) != count:
            raise TypeError(f"the Program takes {count} arrays, and was given {len(values)}")
        outs = executable(*values)
        return outs[0] if len(outs) == 1 else tuple(outs)

    return run


def _without_trace(executable: Executable) -> Callable[..., tuple[Any, ...]]:
    """The Executable for values alone: its effects take place now, whatever is being traced."""
    return lambda *values: executable.run(*values)


program_module.attach(runner=_runner)
Structured.compiler = staticmethod(lambda program: compile_program(lower(optimize(program))))
Remat.runner = staticmethod(lambda program: _without_trace(Executable(program)))
