"""Jacobians and Hessians."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from fxad.api.arguments import Argnums, check_callable, choose
from fxad.api.recording import Recording, function_name, record, require_inexact
from fxad.errors import NonDifferentiable, explain
from fxad.execute import Executable, executables
from fxad.ir.program import Program
from fxad.source import Source
from fxad.transforms import derived

__all__ = ["hessian", "jacfwd", "jacobian", "jacrev"]


def jacfwd(
    fun: Callable[..., Any],
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The Jacobian by forward mode: best where there are fewer inputs than outputs.

    Args:
        fun: any function of arrays (in pytrees) to arrays.
        argnums: which positional arguments to differentiate: an int, or a sequence of ints.
        has_aux: `fun` returns `(output, aux)`.
        holomorphic: `fun` is a holomorphic function of complex numbers.
        argnames: keyword arguments to differentiate.

    Returns:
        A function whose value has, for every leaf of the output, the tree of the chosen argument, with
        leaves of shape `output.shape + input.shape`; with `has_aux`, `(jacobian, aux)`.

    Raises:
        NonDifferentiable: an input is an integer, or complex without `holomorphic`.

    >>> import numpy as np, fxad
    >>> fxad.jacfwd(lambda x: x ** 2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian("jacfwd", fun, argnums, argnames, has_aux, holomorphic, False,
                     derived.jacobian_forward)


def jacrev(
    fun: Callable[..., Any],
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The Jacobian by reverse mode: best where there are fewer outputs than inputs.

    Arguments and result are those of `jacfwd`; `allow_int` is that of `grad`.

    >>> import numpy as np, fxad
    >>> fxad.jacrev(lambda x: x[0] * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [2., 1.]])
    """
    return _jacobian("jacrev", fun, argnums, argnames, has_aux, holomorphic, allow_int,
                     derived.jacobian_reverse)


jacobian = jacrev


def _jacobian(
    name: str,
    fun: Callable[..., Any],
    argnums: Argnums | None,
    argnames: str | Sequence[str] | None,
    has_aux: bool,
    holomorphic: bool,
    allow_int: bool,
    derive: Callable[[Program, int, int], Program],
) -> Callable[..., Any]:
    check_callable(fun, name)
    real_fix = None
    if name == "jacfwd" and not holomorphic:
        real_fix = "holomorphic=True for a holomorphic function, or its real and imaginary parts"

    @functools.wraps(fun, updated=())
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen = choose(name, fun, argnums, argnames, args, kwargs)
        inputs = chosen.inputs
        require_inexact(inputs, name, allow_int=allow_int, complex_fix=real_fix)
        rec = record(fun, name, inputs, chosen.call, has_aux=has_aux)
        trace = rec.trace
        try:
            operands, count, main = rec.operands, len(inputs.traced), len(rec.out.operands)
            _check_outputs(rec, name, fun, holomorphic)
            key = (name, count, main, trace.fingerprint(operands))
            entry = executables.get(key)
            if entry is None:
                program = derive(trace.program(operands), count, main)
                entry = executables.put(key, Executable(program))
            results = entry(*rec.values)
        except Exception as error:
            rec.locate(error)
            raise
        finally:
            trace.end()
        n = len(operands)
        blocks = results[n:]
        rows = []
        for j in range(main):
            leaves: list[Any] = [None] * len(inputs.leaves)
            for k, i in enumerate(inputs.traced):
                leaves[i] = blocks[j * count + k]
            rows.append(chosen.result(inputs.rebuild(leaves)))
        found = rec.out.rebuild(rows)
        return found if rec.aux is None else (found, rec.aux.rebuild(results[main:n]))

    return jacobian_of


def _check_outputs(rec: Recording, name: str, fun: Callable[..., Any], holomorphic: bool) -> None:
    for operand in rec.out.operands:
        type = rec.trace.type_of(operand)
        kind = type.dtype.kind
        wanted = "c" if holomorphic else "f" if name == "jacrev" else "fc"
        if kind not in wanted:
            fix = ("holomorphic=True for a holomorphic function, or np.real(...) and np.imag(...) of it"
                   if kind == "c" else "a floating-point output, or has_aux=True to pass it through")
            raise NonDifferentiable(
                explain(
                    f"{name} needs {'complex' if holomorphic else 'real floating-point'} outputs, and"
                    f" {function_name(fun)} returned {type}.",
                    source=Source.here(), fix=fix,
                )
            )


def hessian(
    fun: Callable[..., Any],
    argnums: Argnums | None = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: str | Sequence[str] | None = None,
) -> Callable[..., Any]:
    """The matrix (tensor) of second derivatives: forward mode over reverse mode.

    Arguments are those of `jacfwd`. For a scalar function of an array the value has shape
    `x.shape + x.shape`.

    >>> import numpy as np, fxad
    >>> fxad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    inner = jacrev(fun, argnums, has_aux, holomorphic, argnames=argnames)
    return jacfwd(inner, argnums, has_aux, holomorphic, argnames=argnames)
