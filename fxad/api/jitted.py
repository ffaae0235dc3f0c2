"""A jitted function: its signatures, the paths compiled for each, and how a call finds its own."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Hashable, Sequence
from types import MethodType
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.recording import Inputs, Recording, function_name, is_array, leaf_type, record, stacked
from fxad.api.statics import StaticKeys, is_dead
from fxad.config import config
from fxad.errors import EndlessRecursion, explain
from fxad.execute import Cache, Executable, Path, PathTree, finish
from fxad.execute.places import locate_in_program
from fxad.source import ROOT, Source, depth_of_user
from fxad.tracing import Kind, Tracer, current_trace, settle
from fxad.tracing.trace import Foreseen

__all__ = ["JitFunction", "parameter_names"]

#: The kinds of dtypes that are traced.
_TRACED = "fciub"


class JitFunction:
    """A function that is traced once for each signature of its arguments; see `jit`.

    Any number of threads may call it at once. It is pickled as its function is, without what was compiled.
    """

    def __init__(
        self, fun: Callable[..., Any], static_argnums: tuple[int, ...], static_argnames: tuple[str, ...]
    ) -> None:
        self.fun = fun
        self._static_argnums = static_argnums
        self._static_argnames = static_argnames
        self._cache = Cache()
        functools.update_wrapper(self, fun, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of the function, by the Program compiled for this signature."""
        try:
            # The usual call has floats and arrays by position: its signature is found without trees.
            key: list[Any] = []
            if not kwargs and not self._static_argnums:
                for value in args:
                    cls = value.__class__
                    if cls is float:
                        key.append(float)
                    elif cls is np.ndarray:
                        key.append(value.shape)
                        key.append(value.dtype)
                    else:
                        break
                else:
                    entry = self._cache.get(tuple(key))
                    if entry is not None and not entry.effectful:
                        leaf = entry.direct
                        if leaf is not None:
                            leaf.hits += 1
                            piece = leaf.piece
                            given = args if piece.plain else piece.arguments(args)
                            return leaf.out.rebuild(piece.run.run(*given))
                        found = entry.follow(args)
                        if found is not None:
                            found[0].hits += 1
                            return found[0].out.rebuild(found[1])
                    elif entry is None and any(
                        v.__class__ is np.ndarray and v.dtype.kind not in _TRACED for v in args
                    ):
                        return self._general(args, kwargs)
                    return self._run(_Call(self, tuple(key), args, kwargs, args))
            return self._general(args, kwargs)
        except RecursionError:
            raise
        except Exception as error:
            locate_in_program(error)
            raise

    def _general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = _Call(self, None, args, kwargs, ())
        inputs = call.inputs
        for leaf in inputs.leaves:
            if leaf.__class__ is Tracer or stacked(leaf).__class__ is Tracer:
                # Inside another trace the function is simply part of what that trace records.
                try:
                    return self.fun(*args, **kwargs)
                except RecursionError as error:
                    raise _endless(self.fun, error) from None
        statics = call.statics = StaticKeys()
        key: list[Hashable] = [tuple(call.names), tuple([t for t, _ in inputs.trees])]
        leaves: list[Any] = []
        for i, leaf in enumerate(inputs.leaves):
            if is_array(leaf):
                inputs.traced.append(i)
                leaves.append(leaf)
                key.append(leaf_type(leaf))
            else:
                key.append(statics.key(leaf))
        for value in call.fixed_values():
            if any(leaf.__class__ is Tracer for leaf in tree.leaves(value)):
                return self.fun(*args, **kwargs)
            key.append(statics.key(value))
        call.key, call.leaves = tuple(key), leaves
        return self._run(call)

    def _run(self, call: _Call) -> Any:
        """Follow the path of these arguments, or trace it, remember it and run."""
        paths = self._cache.get(call.key)
        if paths is None:
            paths = self._new_signature(call)
        if paths.effectful and current_trace() is not None:
            # Its effects are to take place whenever the function around it runs.
            return call.plainly()
        foreseen: list[Foreseen] = []
        found = paths.follow(call.leaves, foreseen)
        if found is None:
            full = paths.count >= config.guard_limit
            if full:
                if paths.first_warning():
                    warnings.warn(_too_many(self.fun, paths), RuntimeWarning, stacklevel=depth_of_user())
                if not foreseen:
                    return call.plainly()
            rec = self._trace(call, foreseen)
            trace = rec.trace
            try:
                if any(c.__class__ is Tracer for c in trace.captures.values()):
                    # A function that closes over traced values is traced anew at every call.
                    settle(trace)
                    executable = Executable(trace.program(rec.operands))
                    return rec.out.rebuild(executable(*call.leaves, *trace.captures.values()))
                leaf = None if full else paths.add(trace, rec.operands, rec.out)
                if trace.effects and current_trace() is not None:
                    return call.plainly()
                if trace.effects or leaf is None:
                    if leaf is not None:
                        leaf.hits += 1
                    return rec.out.rebuild(finish(trace, rec.operands))
            finally:
                rec.trace.end()
            found = paths.follow(call.leaves)
            if found is None:  # another thread's trace has found that the function changed
                return call.plainly()
        leaf, values = found
        leaf.hits += 1
        return leaf.out.rebuild(values)

    def _new_signature(self, call: _Call) -> PathTree:
        if call.statics is not None:
            call.statics.settle()
            if call.statics.weak:
                self._cache.discard(is_dead)
        made: PathTree = self._cache.put(call.key, PathTree())
        return made

    def _trace(self, call: _Call, foreseen: Sequence[Foreseen]) -> Recording:
        try:
            return record(self.fun, "jit", call.inputs, call.traced, kind=Kind.JIT, foreseen=foreseen)
        except RecursionError as error:
            raise _endless(self.fun, error) from None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:  # as a decorated function: by its name
            return self.__qualname__
        return JitFunction, (self.fun, self._static_argnums, self._static_argnames)

    def __repr__(self) -> str:
        return f"<jitted {function_name(self.fun)}>"

    def paths(self) -> list[Path]:
        """The compiled paths: for each the decisions on it, and how often it was taken.

        A decision has the `expression` that was decided, its `source` (file and line) and the `answer`.

        >>> import fxad
        >>> f = fxad.jit(lambda x: x if x > 0 else -x)
        >>> f(2.0), f(-3.0), f(5.0)
        (np.float64(2.0), np.float64(3.0), np.float64(5.0))
        >>> [([guard.answer for guard in path.guards], path.hits) for path in f.paths()]
        [([True], 2), ([False], 1)]
        """
        return [path for paths in self._cache.values() for path in paths.paths()]

    def clear_cache(self) -> None:
        """Forget what was compiled."""
        self._cache.clear()


class _Call:
    """A call of a jitted function, and what belongs to it.

    Attributes:
        key: its signature.
        leaves: the values of the traced leaves.
        inputs: the arguments, flattened; a static one is None in their place.
        names: the names of the keyword arguments, in order.
        fixed: the numbers of the static ones, among the positional ones and those by name.
        statics: the keys of what is static, where something may be.
    """

    __slots__ = ("args", "fixed", "fun", "inputs", "key", "kwargs", "leaves", "names", "statics")

    def __init__(
        self,
        jitted: JitFunction,
        key: Hashable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        leaves: Sequence[Any],
    ) -> None:
        self.fun = jitted.fun
        self.key = key
        self.args = args
        self.kwargs = kwargs
        self.leaves = leaves
        self.statics: StaticKeys | None = None
        self.names = sorted(kwargs)
        self.fixed: set[int] = set()
        count = len(args)
        labels = parameter_names(self.fun, count)
        if key is not None:  # every argument is a traced leaf
            self.inputs = Inputs(args, labels)
            self.inputs.traced = list(range(count))
            return
        values = [*args, *(kwargs[n] for n in self.names)]
        self.fixed.update([n % count for n in jitted._static_argnums if -count <= n < count])
        if jitted._static_argnames:
            self.fixed.update(
                [count + i for i, n in enumerate(self.names) if n in jitted._static_argnames])
        for i in self.fixed:
            values[i] = None
        self.inputs = Inputs(values, labels + self.names)

    def fixed_values(self) -> list[Any]:
        """The static arguments."""
        count = len(self.args)
        return [self.args[i] if i < count else self.kwargs[self.names[i - count]]
                for i in sorted(self.fixed)]

    def traced(self, values: list[Any]) -> Any:
        """Call the function with tracers for its traced leaves."""
        for i, value in zip(sorted(self.fixed), self.fixed_values(), strict=True):
            values[i] = value
        count = len(self.args)
        return self.fun(*values[:count], **dict(zip(self.names, values[count:], strict=True)))

    def plainly(self) -> Any:
        """Call the function as it is."""
        return self.fun(*self.args, **self.kwargs)


def parameter_names(fun: Callable[..., Any], count: int) -> list[str]:
    """The names of the first `count` positional parameters, for messages and printed Programs."""
    # What a transform returns takes *args; the function it wraps has the names.
    code = getattr(inspect.unwrap(fun), "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    return (names + [f"arg{i}" for i in range(len(names), count)])[:count]


def _too_many(fun: Callable[..., Any], paths: PathTree) -> str:
    """The warning for a function whose decisions keep changing."""
    busiest = paths.busiest()
    text = busiest.expression if busiest is not None else None
    place = f" Most of them part at {busiest}{f', {text}' if text else ''}." if busiest else ""
    return (
        f"jit of {function_name(fun)}: its decisions have led to {paths.count} different paths"
        f" (fxad.config.guard_limit), and a new one runs un-jitted from here on.{place} Use np.where for"
        " a choice between values, or make the number of steps depend on fewer things."
    )


def _endless(fun: Callable[..., Any], error: RecursionError) -> EndlessRecursion:
    """The error for a function that calls itself without end, without the thousand frames of it."""
    if isinstance(error, EndlessRecursion):
        return error.with_traceback(None)
    place, traceback, seen = None, error.__traceback__, set()
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(ROOT):
            if code in seen or place is None:  # what comes back, not what happened to be called last
                place = Source(code=code, instruction=traceback.tb_lasti)
            seen.add(code)
        traceback = traceback.tb_next
    return EndlessRecursion(
        explain(
            f"jit of {function_name(fun)}: its calls are nested deeper than Python allows"
            f" ({sys.getrecursionlimit()} of them). A function that calls itself is traced call by call,"
            " and nothing ends these.",
            source=place or Source.here(),  # the limit may be met before the function is called again
            fix="a condition that ends the recursion, or a loop (for, while) in its place",
        )
    )
