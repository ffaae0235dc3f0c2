"""`jit`, and looking at the Program of a function."""

from __future__ import annotations

import functools
import inspect
import operator
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.recording import Inputs, Recording, function_name, is_array, leaf_type, record
from fxad.config import config
from fxad.errors import TypeMismatch, explain
from fxad.execute import Cache, Executable, Path, PathTree
from fxad.ir.analysis import dce
from fxad.ir.program import Array, Atom, Equation, Literal, Params, Program, Var, substitute
from fxad.ir.types import ArrayType
from fxad.primitives.creation import constant
from fxad.source import Source
from fxad.tracing import Kind, Tracer

__all__ = ["JitFunction", "ShapeDtypeStruct", "eval_shape", "jit", "make_ir"]


class ShapeDtypeStruct:
    """An array's shape and dtype without its values: an argument for `eval_shape` and `make_ir`.

    >>> import numpy as np, fxad
    >>> fxad.ShapeDtypeStruct((2, 3), np.float64)
    ShapeDtypeStruct(shape=(2, 3), dtype=float64)
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape = tuple(operator.index(n) for n in shape)
        self.dtype = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ShapeDtypeStruct)
            and (self.shape, self.dtype) == (other.shape, other.dtype)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))


class JitFunction:
    """A function that is traced once for each signature of its arguments; see `jit`."""

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
                if entry is not None and entry.direct is not None:
                    leaf = entry.direct
                    leaf.hits += 1
                    piece = leaf.piece
                    given = args if piece.plain else piece.arguments(args)
                    return leaf.out.rebuild(piece.run.run(*given))
                inputs = Inputs(args, _names(self.fun, len(args)))
                return self._run(tuple(key), inputs, list(range(len(args))), args, kwargs, args)
        return self._general(args, kwargs)

    def _general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        static = {n % len(args) for n in self._static_argnums if -len(args) <= n < len(args)}
        names = sorted(kwargs)
        values = [*args, *(kwargs[n] for n in names)]
        labels = [*_names(self.fun, len(args)), *names]
        fixed = static | {len(args) + i for i, n in enumerate(names) if n in self._static_argnames}
        inputs = Inputs([None if i in fixed else v for i, v in enumerate(values)], labels)
        for leaf in inputs.leaves:
            if leaf.__class__ is Tracer:
                # Inside another trace the function is simply part of what that trace records.
                return self.fun(*args, **kwargs)
        key: list[Hashable] = [tuple(names), tuple(t for t, _ in inputs.trees)]
        traced: list[int] = []
        for i, leaf in enumerate(inputs.leaves):
            if is_array(leaf):
                traced.append(i)
                key.append(leaf_type(leaf))
            else:
                key.append(_static_key(leaf))
        key += [_static_key(values[i]) for i in sorted(fixed)]
        leaves = [inputs.leaves[i] for i in traced]
        return self._run(tuple(key), inputs, traced, args, kwargs, leaves, fixed, names)

    def _run(
        self,
        key: Hashable,
        inputs: Inputs,
        traced: list[int],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        leaves: Sequence[Any],
        fixed: set[int] | frozenset[int] = frozenset(),
        names: Sequence[str] = (),
    ) -> Any:
        """Follow the path of these arguments, or trace it, remember it and run."""
        tree = self._cache.get(key)
        if tree is None:
            tree = self._cache.put(key, PathTree())
        found = tree.follow(leaves)
        if found is not None:
            found[0].hits += 1
            return found[0].out.rebuild(found[1])
        if tree.count >= config.guard_limit:
            if not tree.warned:
                tree.warned = True
                warnings.warn(_too_many(self.fun, tree), RuntimeWarning, stacklevel=3)
            return self.fun(*args, **kwargs)
        inputs.traced = traced

        def call(values: list[Any]) -> Any:
            originals = [*args, *(kwargs[n] for n in names)]
            given = [o if i in fixed else v for i, (v, o) in
                     enumerate(zip(values, originals, strict=True))]
            return self.fun(*given[: len(args)], **dict(zip(names, given[len(args) :], strict=True)))

        rec = record(self.fun, "jit", inputs, call, kind=Kind.JIT)
        try:
            captured = list(rec.trace.captures.values())
            if any(c.__class__ is Tracer for c in captured):
                # A function that closes over traced values is traced anew at every call.
                executable = Executable(rec.trace.program(rec.operands))
                return rec.out.rebuild(executable(*leaves, *captured))
            leaf = tree.add(rec.trace, rec.operands, rec.out)
        finally:
            rec.trace.end()
        found = tree.follow(leaves)
        if found is None:  # an answer that is not even equal to itself, or another thread's reset
            return self.fun(*args, **kwargs)
        found[0].hits += 1
        return leaf.out.rebuild(found[1])

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<jitted {function_name(self.fun)}>"

    def paths(self) -> list[Path]:
        """The compiled paths: for each the decisions on it (place and answer), and how often it was taken.

        >>> import fxad
        >>> f = fxad.jit(lambda x: x if x > 0 else -x)
        >>> f(2.0), f(-3.0), f(5.0)
        (np.float64(2.0), np.float64(3.0), np.float64(5.0))
        >>> [([answer for _, answer in path.guards], path.hits) for path in f.paths()]
        [([True], 2), ([False], 1)]
        """
        return [path for tree in self._cache.values() for path in tree.paths()]

    def clear_cache(self) -> None:
        """Forget what was compiled."""
        self._cache.clear()


def _too_many(fun: Callable[..., Any], tree: PathTree) -> str:
    """The warning for a function whose decisions keep changing."""
    last = max(tree.paths(), key=lambda path: len(path.guards)).guards
    place = f" The last is at {last[-1][0]}." if last else ""
    return (
        f"jit of {function_name(fun)}: its decisions have led to {tree.count} different paths"
        f" (fxad.config.guard_limit), and a new one runs un-jitted from here on.{place} Use np.where for"
        " a choice between values, or make the number of steps depend on fewer things."
    )


def _names(fun: Callable[..., Any], count: int) -> list[str]:
    # What a transform returns takes *args; the function it wraps has the names.
    code = getattr(inspect.unwrap(fun), "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    return (names + [f"arg{i}" for i in range(len(names), count)])[:count]


class _ByValue:
    """A static argument that cannot be hashed: compared by value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByValue) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))


def _static_key(value: Any) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return type(value), _ByValue(value)
    if isinstance(value, (float, complex)):
        return type(value), repr(value)  # tells 0.0 from -0.0, and finds nan again
    return type(value), value


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
) -> Any:
    """Trace a function once for each signature of its arguments, and run the compiled Program after that.

    A signature is the structure of the arguments, the shape and dtype of their arrays and numbers, and
    the values of everything else: flags, strings and other leaves that are no arrays are static by
    themselves. Values that the function closes over are read when it is traced.

    Args:
        fun: a pure function of arrays (in pytrees).
        static_argnums: positional arguments that are part of the signature by value, whatever they are.
        static_argnames: keyword arguments likewise. One that is named and passed by position is found by
            its place.

    Raises:
        ConcretizationError: a value is asked for that can be no guard: a float, or an array.

    >>> import numpy as np, fxad
    >>> f = fxad.jit(lambda x: (np.sin(x) ** 2).sum())
    >>> f(np.zeros(3))
    np.float64(0.0)
    """
    if fun is None:
        return functools.partial(jit, static_argnums=static_argnums, static_argnames=static_argnames)
    check_callable(fun, "jit")
    nums = () if static_argnums is None else (
        (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums))
    names = () if static_argnames is None else (
        (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames))
    if names or nums:
        try:
            parameters = list(inspect.signature(fun).parameters)
        except (TypeError, ValueError):
            parameters = []
        nums += tuple(parameters.index(n) for n in names if n in parameters)
        names += tuple(parameters[n] for n in nums if 0 <= n < len(parameters))
    return JitFunction(fun, tuple(dict.fromkeys(nums)), tuple(dict.fromkeys(names)))


def make_ir(fun: Callable[..., Any]) -> Callable[..., Program]:
    """A function that gives the Program of `fun` for some arguments, instead of its value.

    The Program has an input for each array or number among the arguments, in the order of their leaves,
    and an output for each leaf of the result. Arrays and numbers that `fun` closes over are constants in
    it. Python decides on the values of the arguments; on a `ShapeDtypeStruct` it can't.

    >>> import numpy as np, fxad
    >>> print(fxad.make_ir(lambda x: 2.0 * x)(np.zeros(3)))  # doctest: +ELLIPSIS
    program(x: f64[3]) {
      a: f64[3] = mul(2.0, x)  # ...
    } -> a
    """
    check_callable(fun, "make_ir")

    @functools.wraps(fun, updated=())
    def program_of(*args: Any, **kwargs: Any) -> Program:
        rec = _abstract("make_ir", fun, args, kwargs)
        trace = rec.trace
        try:
            if any(c.__class__ is Tracer for c in trace.captures.values()):
                raise TypeMismatch(
                    explain("make_ir of a function that closes over a traced value: it has no Program of"
                            " its own.", source=Source.here(),
                            fix="make the value an argument of the function"))
            return dce(_closed(trace.program(rec.operands), list(trace.captures.values())))
        finally:
            trace.end()

    return program_of


def _closed(program: Program, captured: Sequence[Any]) -> Program:
    """The Program with its last inputs made constants."""
    count = len(program.inputs) - len(captured)
    env: dict[Var, Atom] = {}
    equations: list[Equation] = []
    for var, value in zip(program.inputs[count:], captured, strict=True):
        if np.ndim(value) == 0:
            env[var] = Literal(value[()] if isinstance(value, np.ndarray) else value)
        else:
            params = Params(value=Array(value))
            equations.append(Equation(constant, (), params, (var,)))
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        equations.append(Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source))
    return Program(program.inputs[:count], equations, substitute(program.outputs, env))


def _abstract(
    name: str, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Recording:
    inputs = Inputs([*args, kwargs], [*_names(fun, len(args)), "kwargs"])
    types: list[ArrayType] = []
    kind = Kind.CONCRETE
    for i, leaf in enumerate(inputs.leaves):
        if isinstance(leaf, ShapeDtypeStruct):
            kind = Kind.ABSTRACT
            types.append(ArrayType(leaf.shape, leaf.dtype))
        elif is_array(leaf):
            types.append(leaf_type(leaf))
        else:
            continue
        inputs.traced.append(i)
    if name == "eval_shape":
        kind = Kind.ABSTRACT
    return record(fun, name, inputs, lambda values: fun(*values[:-1], **values[-1]),
                  kind=kind, types=types)


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of a function's result, without computing it.

    Args:
        fun: a function of arrays (in pytrees).
        *args: its arguments; arrays may be given as `ShapeDtypeStruct`.
        **kwargs: its keyword arguments likewise.

    Returns:
        The result's tree with a `ShapeDtypeStruct` for every leaf.

    >>> import numpy as np, fxad
    >>> fxad.eval_shape(np.dot, np.ones((2, 3)), fxad.ShapeDtypeStruct((3,), np.float64))
    ShapeDtypeStruct(shape=(2,), dtype=float64)
    """
    rec = _abstract("eval_shape", fun, args, kwargs)
    types = [rec.trace.type_of(o) for o in rec.operands]
    rec.trace.end()
    return tree.unflatten(rec.out.treedef, [ShapeDtypeStruct(t.shape, t.dtype) for t in types])
