"""Gradients, directional derivatives and their building blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import Argnums, Chosen, check_callable, choose
from fxad.api.matching import check_cotangents, check_tangents
from fxad.api.recording import (
    Recording,
    function_name,
    is_array,
    no_derivative,
    record,
    require_inexact,
)
from fxad.errors import NonDifferentiable, NonScalarOutput, explain
from fxad.execute import Executable, executables
from fxad.ir.program import Program
from fxad.ir.types import ArrayType
from fxad.source import Source
from fxad.transforms import derived
from fxad.transforms import jvp as jvp_program
from fxad.transforms import transpose as transpose_program

__all__ = ["elementwise_grad", "grad", "hvp", "jvp", "linear_transpose", "linearize", "value_and_grad",
           "vjp"]


def grad(
    fun: Callable[..., Any],
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The gradient of a function whose value is one real number.

    Args:
        fun: returns a scalar (or `(scalar, aux)` with `has_aux`).
        argnums: which positional arguments to differentiate: an int, or a sequence of ints.
        has_aux: `fun` returns a pair, of which the second part is passed through.
        holomorphic: `fun` is a holomorphic function of complex numbers, with a complex value.
        allow_int: integer arguments are allowed; their derivative has dtype float0.
        argnames: keyword arguments to differentiate, as a name or several. With `argnums=None` only
            these; the result for several is a dict.

    Returns:
        A function with the arguments of `fun`. Its value has the shape and dtype of the chosen
        argument (a tuple for several); with `has_aux` it is `(gradient, aux)`. For complex arguments of
        a real function it is df/dx - i df/dy, JAX's convention.

    Raises:
        NonScalarOutput: the value of `fun` is not one real number.
        NonDifferentiable: a chosen argument is an integer.
        TypeMismatch: there is no such argument.

    >>> import numpy as np, fxad
    >>> fxad.grad(lambda x: np.sin(x) * x)(0.5)
    np.float64(0.9182168195493894)
    >>> fxad.grad(lambda x: (x ** 2).sum())(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = _value_and_grad("grad", fun, argnums, has_aux, holomorphic, allow_int, argnames)

    @functools.wraps(fun, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(
    fun: Callable[..., Any],
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The value and the gradient together, for the price of the gradient.

    Arguments and errors are those of `grad`. The function it gives returns `(value, gradient)`, or
    `((value, aux), gradient)` with `has_aux`.

    >>> import numpy as np, fxad
    >>> fxad.value_and_grad(lambda x: x * x)(3.0)
    (np.float64(9.0), np.float64(6.0))
    """
    return _value_and_grad("value_and_grad", fun, argnums, has_aux, holomorphic, allow_int, argnames)


def _value_and_grad(
    name: str,
    fun: Callable[..., Any],
    argnums: Argnums | None,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    argnames: str | Sequence[str] | None,
) -> Callable[..., Any]:
    check_callable(fun, name)

    @functools.wraps(fun, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        chosen = choose(name, fun, argnums, argnames, args, kwargs)
        inputs = chosen.inputs
        require_inexact(inputs, name, allow_int=allow_int)
        rec = record(fun, name, inputs, chosen.call, has_aux=has_aux)
        trace = rec.trace
        try:
            _check_scalar(rec, fun, name, holomorphic)
            operands = rec.operands
            count = len(inputs.traced)
            key = ("value_and_grad", count, trace.fingerprint(operands))
            entry = executables.get(key)
            if entry is None:
                program = trace.program(operands)
                entry = executables.put(key, Executable(derived.value_and_grad(program, count)))
            results = entry(*rec.values)
        except Exception as error:
            rec.locate(error)
            raise
        finally:
            trace.end()
        value = results[0]
        n = len(operands)
        gradient = chosen.result(_in_trees(chosen, results[n:]))
        if rec.aux is None:
            return value, gradient
        return (value, rec.aux.rebuild(results[1:n])), gradient

    return value_and_gradient


def _in_trees(chosen: Chosen, derivatives: Sequence[Any]) -> list[Any]:
    """Derivatives of the traced leaves, put together as the chosen arguments are."""
    inputs = chosen.inputs
    if len(derivatives) == len(inputs.leaves):
        return inputs.rebuild(list(derivatives))
    leaves = [no_derivative(leaf) for leaf in inputs.leaves]
    for i, d in zip(inputs.traced, derivatives, strict=True):
        leaves[i] = d
    return inputs.rebuild(leaves)


def _check_scalar(rec: Recording, fun: Callable[..., Any], name: str, holomorphic: bool) -> None:
    out = rec.out
    f = function_name(fun)
    if out.treedef is not tree.LEAF:
        raise NonScalarOutput(
            explain(
                f"{name} needs a function whose value is one number, and {f} returned a"
                f" {out.treedef}.",
                source=Source.here(),
                fix="return one number, and the rest with has_aux=True; or vjp or jacobian,"
                " which take any output",
            )
        )
    type: ArrayType = rec.trace.type_of(out.operands[0])
    if type.shape != ():
        call = f if f != "<lambda>" else "f"
        raise NonScalarOutput(
            explain(
                f"{name} needs a function whose value is one number, and {f} returned an array of"
                f" shape {type.shape}.",
                source=Source.here(),
                fix="one of\n"
                f"    {name}(lambda a: {call}(a).sum())      the gradient of the sum\n"
                f"    fxad.elementwise_grad({call})(a)     the derivative of each element, where"
                " elements do not mix (or fxad.vmap of the gradient)\n"
                f"    fxad.jacobian({call})(a)             all derivatives of all elements\n"
                f"    fxad.vjp({call}, a)[1](ct)           the product with a cotangent ct of shape"
                f" {type.shape}",
            )
        )
    kind = type.dtype.kind
    if holomorphic:
        traced = [rec.trace.records[i][3] for i in range(len(rec.inputs.traced))]
        if kind != "c" or any(t.dtype.kind != "c" for t in traced):
            raise NonDifferentiable(
                explain(
                    f"{name} with holomorphic=True needs complex inputs and a complex value; the"
                    f" value of {f} is {type.dtype}.",
                    source=Source.here(), fix="complex arguments, or holomorphic=False",
                )
            )
    elif kind != "f":
        raise NonScalarOutput(
            explain(
                f"{name} needs a function whose value is one real number, and {f} returned one of"
                f" dtype {type.dtype}.",
                source=Source.here(),
                fix="np.real(...) or abs(...) of it; or holomorphic=True for a holomorphic function"
                if kind == "c" else "a value of floats, e.g. 1.0 * value",
            )
        )


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of a function, and its pull-back of cotangents (reverse mode).

    Args:
        fun: any function of arrays (in pytrees) to arrays.
        primals: where to evaluate and linearise it.
        has_aux: `fun` returns `(output, aux)`; aux is passed through.

    Returns:
        `(output, pullback)`, or `(output, pullback, aux)`. `pullback(ct)`, with `ct` like the output, is a
        tuple with one cotangent for each of `primals`. It may be called any number of times: nothing is
        freed and nothing accumulates.

    Raises (from the pull-back):
        TreeMismatch, TypeMismatch: `ct` is not structured, shaped or typed like the output.

    >>> import numpy as np, fxad
    >>> y, pullback = fxad.vjp(lambda x: x ** 2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    at = _Linearized("vjp", fun, primals, has_aux, derived.pullback_pair)
    treedef, types, chosen = at.out.treedef, at.types, at.chosen

    def pullback(ct: Any) -> tuple[Any, ...]:
        cts = check_cotangents(treedef, types, ct)
        found = at.second(*at.residuals, *(c for c, t in zip(cts, types, strict=True) if t.inexact))
        return tuple(_in_trees(chosen, found))

    return at.result(pullback)


class _Linearized:
    """A function evaluated and linearised at a point, for `vjp` and `linearize`.

    Attributes:
        second: the derivative as an executable on residuals and (co)tangents.
        residuals: what the evaluation left for it.
        out: how the output is put together; `types` are the types of its leaves.
    """

    __slots__ = ("_aux", "_value", "chosen", "out", "residuals", "second", "types")

    def __init__(
        self,
        name: str,
        fun: Callable[..., Any],
        primals: Sequence[Any],
        has_aux: bool,
        derive: Callable[[Program, int, int], tuple[Program, Program]],
    ) -> None:
        rec, self.chosen = _record_all(name, fun, primals, has_aux)
        trace = rec.trace
        try:
            operands, count, main = rec.operands, len(rec.inputs.traced), len(rec.out.operands)
            key = (name, count, main, trace.fingerprint(operands))
            entry = executables.get(key)
            if entry is None:
                first, second = derive(trace.program(operands), count, main)
                entry = executables.put(key, Executable(first, aux=Executable(second)))
            results = entry(*rec.values)
            self.types = [trace.type_of(o) for o in rec.out.operands]
        except Exception as error:
            rec.locate(error)
            raise
        finally:
            trace.end()
        self.out = rec.out
        self.second: Executable = entry.aux
        self._value = rec.out.rebuild(results[:main])
        self._aux = () if rec.aux is None else (rec.aux.rebuild(results[main : len(operands)]),)
        self.residuals = results[len(operands) :]

    def result(self, derivative: Callable[..., Any]) -> tuple[Any, ...]:
        """What the user gets: the value, the derivative, and aux when there is one."""
        return (self._value, derivative, *self._aux)


def _record_all(
    name: str, fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool
) -> tuple[Recording, Chosen]:
    """A recording with respect to all positional arguments; integers are passed as they are."""
    check_callable(fun, name)
    chosen = Chosen(fun, range(len(primals)), (), False, tuple(primals), {})
    require_inexact(chosen.inputs, name, allow_int=True)
    return record(fun, name, chosen.inputs, chosen.call, has_aux=has_aux), chosen


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> Any:
    """The value of a function and its directional derivative (forward mode).

    Args:
        fun: any function of arrays (in pytrees) to arrays.
        primals: the arguments, as a tuple or list.
        tangents: the direction: structured, shaped and typed like `primals`.
        has_aux: `fun` returns `(output, aux)`.

    Returns:
        `(output, tangent of the output)`, or `(output, tangent, aux)`.

    Raises:
        TreeMismatch, TypeMismatch: `tangents` does not fit `primals`.

    >>> import numpy as np, fxad
    >>> fxad.jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    directions = check_tangents("jvp", primals, tangents)
    rec, chosen = _record_all("jvp", fun, primals, has_aux)
    trace = rec.trace
    try:
        operands, count, main = rec.operands, len(chosen.inputs.traced), len(rec.out.operands)
        key = ("jvp", count, main, trace.fingerprint(operands))
        entry = executables.get(key)
        if entry is None:
            program = trace.program(operands)
            active = [i < count for i in range(len(program.inputs))]
            out_active = [i < main and t.inexact for i, t in enumerate(program.out_types)]
            entry = executables.put(key, Executable(jvp_program(program, active, out_active)))
        results = entry(*rec.values, *(directions[i] for i in chosen.inputs.traced))
        types = [trace.type_of(o) for o in rec.out.operands]
    except Exception as error:
        rec.locate(error)
        raise
    finally:
        trace.end()
    out = rec.out.rebuild(results[:main])
    n = len(operands)
    tangent = rec.out.rebuild(_with_float0(types, results[n:]))
    if rec.aux is None:
        return out, tangent
    return out, tangent, rec.aux.rebuild(results[main:n])


def _with_float0(types: Sequence[ArrayType], found: Sequence[Any]) -> list[Any]:
    """Tangents of all outputs, given those of the floating ones."""
    rest = iter(found)
    return [next(rest) if t.inexact else no_derivative(np.empty(t.shape, t.dtype)) for t in types]


def linearize(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of a function and its derivative as a function of the direction.

    Where `jvp` is for one direction, the function that `linearize` gives is for many: what does not
    depend on the direction is computed once.

    Args:
        fun: any function of arrays (in pytrees) to arrays.
        primals: where to linearise it.
        has_aux: `fun` returns `(output, aux)`.

    Returns:
        `(output, derivative)`, or `(output, derivative, aux)`; `derivative(*tangents)` is the tangent of
        the output.

    >>> import numpy as np, fxad
    >>> y, derivative = fxad.linearize(np.exp, 0.0)
    >>> derivative(1.0), derivative(3.0)
    (np.float64(1.0), np.float64(3.0))
    """
    at = _Linearized("linearize", fun, primals, has_aux, derived.linear_pair)

    def derivative(*tangents: Any) -> Any:
        directions = check_tangents("linearize", primals, tangents)
        found = at.second(*at.residuals, *(directions[i] for i in at.chosen.inputs.traced))
        return at.out.rebuild(_with_float0(at.types, found))

    return at.result(derivative)


def linear_transpose(fun: Callable[..., Any], *primals: Any) -> Callable[..., tuple[Any, ...]]:
    """The transpose of a function that is linear in all its arguments.

    Args:
        fun: linear; that is taken on trust, except that a non-linear operation raises MissingRule.
        primals: values (or anything with a shape and dtype) like its arguments; only types matter.

    Returns:
        A function from a cotangent of the output to a tuple of cotangents of the arguments.

    >>> import numpy as np, fxad
    >>> f_t = fxad.linear_transpose(lambda x: x[:2] * 3.0, np.zeros(3))
    >>> f_t(np.array([1.0, 2.0]))
    (array([3., 6., 0.]),)
    """
    args = tree.map(_zeros, tuple(primals))
    rec, chosen = _record_all("linear_transpose", fun, args, False)
    trace = rec.trace
    operands, count = rec.operands, len(chosen.inputs.traced)
    captured = list(trace.captures.values())
    types = [trace.type_of(o) for o in operands]
    program = trace.program(operands)
    trace.end()
    backward = Executable(
        transpose_program(program, [i < count for i in range(len(program.inputs))])
    )

    def transposed(ct: Any) -> tuple[Any, ...]:
        cts = check_cotangents(rec.out.treedef, types, ct)
        return tuple(_in_trees(chosen, backward(*captured, *cts)))

    return transposed


def _zeros(leaf: Any) -> Any:
    if is_array(leaf) or isinstance(leaf, bool):
        return leaf
    return np.zeros(leaf.shape, leaf.dtype)


def elementwise_grad(
    fun: Callable[..., Any], argnums: Argnums | None = 0, has_aux: bool = False,
    *, argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The derivative of each element of the output with respect to the same element of the input.

    For functions that act on each element by itself. It is the gradient of the sum of the output:
    where elements do mix, each derivative is summed over all outputs.

    >>> import numpy as np, fxad
    >>> fxad.elementwise_grad(np.tanh)(np.array([0.0, 1.0]))
    array([1.        , 0.41997434])
    """
    check_callable(fun, "elementwise_grad")

    @functools.wraps(fun, updated=())
    def total(*args: Any, **kwargs: Any) -> Any:
        out = fun(*args, **kwargs)
        out, aux = out if has_aux else (out, None)
        value = sum(np.sum(leaf) for leaf in tree.leaves(out))
        return (value, aux) if has_aux else value

    return grad(total, argnums, has_aux, argnames=argnames)


def hvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]
) -> Any:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    Args:
        fun: returns one real number.
        primals: the arguments, as a tuple or list.
        tangents: the vector: structured, shaped and typed like `primals`.

    Returns:
        The product, shaped like the first argument; for several arguments a tuple. It is forward mode
        over reverse mode (Pearlmutter 1994): it costs a few evaluations of `fun`.

    >>> import numpy as np, fxad
    >>> fxad.hvp(lambda x: (x ** 3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    argnums: Argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(fun, argnums), primals, tangents)[1]
