"""`jit`, and looking at the Program of a function."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.jitted import JitFunction, parameter_names
from fxad.api.recording import Inputs, Recording, is_array, leaf_type, record
from fxad.api.statics import static_parameters
from fxad.errors import TypeMismatch, explain
from fxad.ir.analysis import dce
from fxad.ir.program import Array, Atom, Equation, Literal, Params, Program, Var, substitute
from fxad.ir.types import ArrayType, Opaque
from fxad.primitives.callbacks import function
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


def jit(
    fun: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
) -> Any:
    """Trace a function once for each signature of its arguments, and run the compiled Program after that.

    A signature is the structure of the arguments, the shape and dtype of their arrays and numbers, and
    the values of everything else: flags, strings and other leaves that are no arrays are static by
    themselves. Where Python decides on a traced value (`if`, `while`, `range(n)`, an index), each path is
    traced once. Values that the function closes over are read when it is traced.

    Args:
        fun: a pure function of arrays (in pytrees).
        static_argnums: positional arguments that are part of the signature by value, whatever they are:
            also lists, dicts and others that can't be hashed. Negative ones count from the last.
        static_argnames: keyword arguments likewise. One that is named and passed by position is found by
            its place.

    Raises:
        TypeMismatch: `fun` is no function, or has no such argument.
        ConcretizationError (from calls): a value is asked for that can be no guard: a float, or an array.
        RecursionError (from calls): the function calls itself without end.

    >>> import numpy as np, fxad
    >>> f = fxad.jit(lambda x: (np.sin(x) ** 2).sum())
    >>> f(np.zeros(3))
    np.float64(0.0)
    """
    if fun is None:
        return functools.partial(jit, static_argnums=static_argnums, static_argnames=static_argnames)
    if isinstance(fun, (staticmethod, classmethod)):
        inner = jit(fun.__func__, static_argnums=static_argnums, static_argnames=static_argnames)
        return type(fun)(inner)
    check_callable(fun, "jit")
    return JitFunction(fun, *static_parameters(fun, static_argnums, static_argnames))


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
        if isinstance(value, Opaque):
            equations.append(Equation(function, (), Params(value=value), (var,)))
        elif np.ndim(value) == 0:
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
    inputs = Inputs([*args, kwargs], [*parameter_names(fun, len(args)), "kwargs"])
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
