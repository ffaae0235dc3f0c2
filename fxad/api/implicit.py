"""Values that are defined by an equation: roots, solutions of linear systems, fixed points.

Their derivatives come from the implicit function theorem, not from the steps of the solver. They are of any
order and in both modes, since the derivative of a solution is the solution of a linear system.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.bodies import Body, array_leaf, describe_types, mismatch, record_body, strong_types
from fxad.api.custom import custom_jvp
from fxad.api.derivatives import jvp, linearize
from fxad.api.loops import as_int, while_loop
from fxad.api.recording import describe, float0, leaf_type
from fxad.api.values import stop_gradient
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.execute import Executable
from fxad.ir.program import Params, Program
from fxad.ir.types import ArrayType
from fxad.primitives.linear_solve import custom_linear_solve as linear_solve_primitive
from fxad.primitives.structural import convert_to
from fxad.primitives.structured import arranged
from fxad.source import Source
from fxad.tracing import Tracer, bind
from fxad.transforms.transpose import transpose

__all__ = ["custom_linear_solve", "custom_root", "fixed_point"]


def custom_root(
    f: Callable[[Any], Any], initial_guess: Any, solve: Callable[[Any, Any], Any],
    tangent_solve: Callable[[Any, Any], Any], has_aux: bool = False,
) -> Any:
    """The root of a function, found by a solver of any kind, with the derivatives of the root.

    Args:
        f: the function, from a pytree to one of the same structure and types. What it closes over may be
            differentiated. It is recorded once: Python can't decide on values in it.
        initial_guess: where the solver starts. The root does not depend on it, so it has derivative zero.
        solve: `solve(f, initial_guess)` returns the root. Python may decide in it, as in
            `while abs(f(x)) > 1e-9:`, where it may around the call; under `vmap`, `fxad.lax.while_loop` does.
        tangent_solve: `tangent_solve(g, y)` returns x with g(x) = y, for a linear function g. It is
            differentiated, so an iterative one is put into `custom_linear_solve`.
        has_aux: `solve` returns `(root, aux)`, and so does this function; aux has derivative zero.

    Raises:
        TreeMismatch, TypeMismatch: the value of `f`, or the root, is not like the guess.

    >>> import fxad
    >>> def square_root(a):
    ...     def newton(f, x):
    ...         while abs(f(x)) > 1e-12:
    ...             x = 0.5 * (x + a / x)
    ...         return x
    ...     return fxad.lax.custom_root(lambda x: x * x - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> square_root(4.0).round(9), fxad.grad(square_root)(4.0).round(9)
    (np.float64(2.0), np.float64(0.25))
    """
    for what in (f, solve, tangent_solve):
        check_callable(what, "custom_root")
    start, treedef, types = _unknowns("custom_root", initial_guess)
    body = _like_itself("custom_root", "f", f, treedef, types, start)
    run = Executable(body.program)

    def at(consts: Sequence[Any]) -> Callable[[Any], Any]:
        def function(x: Any) -> Any:
            return tree.unflatten(treedef, run(*_leaves("custom_root: f", x, treedef, types), *consts))

        return function

    @_Solved
    def root(*consts: Any) -> Any:
        found = solve(at(consts), stop_gradient(tree.unflatten(treedef, start)))
        if has_aux and (not isinstance(found, tuple) or len(found) != 2):
            raise mismatch(f"custom_root with has_aux=True: solve returns (root, aux), and this one returned"
                           f" {type(found).__name__}.", "return root, aux")
        x, aux = found if has_aux else (found, None)
        leaves = _leaves("custom_root: the root", x, treedef, types)
        return tree.unflatten(treedef, leaves), stop_gradient(aux)

    @root.defjvp
    def root_jvp(consts: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        x, aux = root(*consts)
        floats = [i for i, t in enumerate(tangents) if getattr(t, "dtype", None) != float0]

        def moved(*some: Any) -> Any:
            whole = list(consts)
            for i, value in zip(floats, some, strict=True):
                whole[i] = value
            return at(whole)(x)

        _, rhs = jvp(moved, [consts[i] for i in floats], [tangents[i] for i in floats])
        _, matvec = linearize(at(consts), x)
        found = _leaves("custom_root: what tangent_solve returns", tangent_solve(matvec, rhs), treedef, types)
        return (x, aux), (tree.unflatten(treedef, [-v for v in found]), tree.map(_zero_like, aux))

    x, aux = root(*body.captured)
    return (x, aux) if has_aux else x


class _Solved(custom_jvp):
    """A function defined by an equation among its arguments; the rest is how it is solved."""

    closes_over_means = True


def _zero_like(x: Any) -> Any:
    type = leaf_type(x)
    return np.zeros(type.shape, type.dtype if type.inexact else float0)


def custom_linear_solve(
    matvec: Callable[[Any], Any], b: Any, solve: Callable[[Any, Any], Any],
    transpose_solve: Callable[[Any, Any], Any] | None = None, symmetric: bool = False, has_aux: bool = False,
) -> Any:
    """The solution x of `matvec(x) = b`, found by a solver of any kind, with the derivatives of the solution.

    Args:
        matvec: a linear function, from a pytree like `b` to one like `b`. What it closes over may be
            differentiated.
        b: the right hand side: a pytree of floating arrays and numbers.
        solve: `solve(matvec, b)` returns x. It is never differentiated. It is recorded once for all right
            hand sides, so Python can't decide on values in it: iterate by `fxad.lax.while_loop`.
        transpose_solve: `transpose_solve(vecmat, ct)` solves the transposed system. Reverse mode needs it.
        symmetric: the matrix is symmetric, and `solve` solves the transposed system, too.
        has_aux: the solvers return `(x, aux)`, and so does this function; aux has derivative zero.

    Raises:
        TreeMismatch, TypeMismatch: `matvec` or a solver returns something that is not like `b`.
        MissingRule, in reverse mode: there is no `transpose_solve`.

    >>> import numpy as np, fxad
    >>> def f(a):
    ...     matvec = lambda x: a * x
    ...     return fxad.lax.custom_linear_solve(matvec, 6.0, lambda mv, b: b / mv(1.0), symmetric=True)
    >>> f(3.0), fxad.grad(f)(3.0).round(6)
    (np.float64(2.0), np.float64(-0.666667))
    """
    name = "custom_linear_solve"
    for what in (matvec, solve, *([] if transpose_solve is None else [transpose_solve])):
        check_callable(what, name)
    start, treedef, types = _unknowns(name, b)
    forward = _captures_first(_like_itself(name, "matvec", matvec, treedef, types, start), len(types))
    solver = _solver(name, "solve", solve, forward, treedef, types, start, has_aux)
    back = transposed = None
    if symmetric:
        back, transposed = forward, solver
    elif transpose_solve is not None:
        program, captured = forward[0], forward[1]
        linear = [i >= len(captured) for i in range(len(program.inputs))]
        back = (transpose(program, linear), captured)
        transposed = _solver(name, "transpose_solve", transpose_solve, back, treedef, types, start, has_aux)
    parts = (forward, back, solver[:2], transposed and transposed[:2])
    outs = bind(
        linear_solve_primitive, [*(c for part in parts if part for c in part[1]), *start],
        Params(matvec=forward[0], vecmat=back and back[0], solve=solver[0],
               transpose_solve=transposed and transposed[0],
               consts=tuple(len(part[1]) if part else 0 for part in parts)))
    found = solver[2].out.rebuild(outs)
    if not has_aux:
        return found
    x, aux = found
    return x, aux


Part = tuple[Program, list[Any]]


def _solver(
    name: str, label: str, solve: Callable[[Any, Any], Any], matrix: Part, treedef: Any,
    types: Sequence[ArrayType], values: Sequence[Any], has_aux: bool,
) -> tuple[Program, list[Any], Body]:
    """A solver, recorded for any right hand side."""
    program, captured = matrix
    run = Executable(program)

    def product(x: Any) -> Any:
        leaves = _leaves(f"{name}: the argument of matvec", x, treedef, types)
        return tree.unflatten(treedef, run(*captured, *leaves))

    def solved(b: Any) -> Any:
        found = solve(product, b)
        if has_aux and (not isinstance(found, tuple) or len(found) != 2):
            raise mismatch(f"{name} with has_aux=True: {label} returns (x, aux), and this one returned"
                           f" {type(found).__name__}.", "return x, aux")
        x, aux = found if has_aux else (found, None)
        x = tree.unflatten(treedef, _leaves(f"{name}: what {label} returns", x, treedef, types))
        return (x, aux) if has_aux else x

    solved.__name__ = label
    body = record_body(solved, f"{label} of {name}", [treedef], types, values=[*values, *captured])
    return (*_captures_first(body, len(types)), body)


def _captures_first(body: Body, count: int) -> Part:
    order = [*range(count, len(body.program.inputs)), *range(count)]
    return arranged(body.program, order), body.captured


def fixed_point(
    f: Callable[..., Any], x0: Any, *args: Any, tol: float | None = None, max_iter: int = 1000
) -> Any:
    """The fixed point `x = f(x, *args)`, by iteration, with the derivatives of the fixed point.

    The derivative does not go through the iterations. It is a fixed point, too, of the linear equation
    `dx = df/dx dx + df/dargs dargs`, and in reverse mode of its transpose (Christianson 1994, "Reverse
    accumulation and attractive fixed points"). These iterations converge where those of `f` do.

    Args:
        f: takes x and `args`, and returns a pytree like x. It may also close over what is differentiated.
        x0: where the iteration starts, a pytree of floats. It has derivative zero.
        *args: further arguments of `f`, which are differentiated.
        tol: the iteration ends when no element changes by more than `tol` times 1 + its size. Left out:
            eight times the spacing of numbers in the dtype of x.
        max_iter: the most iterations. Where they are not enough, the result is NaN.

    Raises:
        TreeMismatch, TypeMismatch: the value of `f` is not like x.

    >>> import numpy as np, fxad
    >>> x = fxad.fixed_point(lambda x, a: np.cos(a * x), 1.0, 1.0)
    >>> x.round(6), fxad.grad(lambda a: fxad.fixed_point(lambda x, a: np.cos(a * x), 1.0, a))(1.0).round(6)
    (np.float64(0.739085), np.float64(-0.297474))
    """
    check_callable(f, "fixed_point")
    leaves, treedef, types = _unknowns("fixed_point", x0)
    most = as_int(max_iter, "max_iter")
    near = 8 * max((float(np.finfo(t.dtype).eps) for t in types), default=0.0) if tol is None else tol

    def residual(x: Any) -> Any:
        new = _leaves("fixed_point: the value of f", f(x, *args), treedef, types)
        return tree.unflatten(treedef, [a - b for a, b in zip(tree.leaves(x), new, strict=True)])

    def iterate(step: Callable[[Any], Any], x: Any) -> Any:
        """x - step(x), again and again."""

        def unfinished(state: Any) -> Any:
            count, _, ended = state
            return np.logical_and(count < most, np.logical_not(ended))

        def advance(state: Any) -> Any:
            count, x, _ = state
            old, change = tree.leaves(x), tree.leaves(step(x))
            new = [a - d for a, d in zip(old, change, strict=True)]
            ended = np.bool_(True)
            for a, d in zip(new, change, strict=True):
                ended = np.logical_and(ended, np.all(abs(d) <= near * (1 + abs(a))))
            return count + 1, tree.unflatten(treedef, new), ended

        _, x, ended = while_loop(unfinished, advance, (0, x, np.bool_(False)))
        return tree.map(lambda v: np.where(ended, v, np.nan)[()], x)

    def solve_linear(matvec: Callable[[Any], Any], b: Any) -> Any:
        def step(x: Any) -> Any:
            return tree.map(lambda p, q: p - q, matvec(x), b)

        return iterate(step, b)

    def tangent_solve(matvec: Callable[[Any], Any], b: Any) -> Any:
        return custom_linear_solve(matvec, b, solve_linear, solve_linear)

    return custom_root(residual, tree.unflatten(treedef, leaves), iterate, tangent_solve)


# -- shared -----------------------------------------------------------------------------------------


def _unknowns(name: str, value: Any) -> tuple[list[Any], Any, list[ArrayType]]:
    """The leaves of what is solved for: floating numbers of NumPy's types."""
    leaves, treedef = tree.flatten(value)
    leaves = [array_leaf(leaf, f"what {name} solves for") for leaf in leaves]
    types = strong_types(leaves)
    for leaf, type in zip(leaves, types, strict=True):
        if not type.inexact:
            raise mismatch(
                f"{name}: what it solves for, or starts at, holds {describe(leaf)}, which is no floating"
                " number.",
                "1.0 instead of 1, or x.astype(float)")
    start = [convert_to(v, t.dtype) if isinstance(v, Tracer) else v if t.shape else t.dtype.type(v)
             for v, t in zip(leaves, types, strict=True)]
    return start, treedef, types


def _like_itself(
    name: str, label: str, f: Callable[[Any], Any], treedef: Any, types: Sequence[ArrayType],
    values: Sequence[Any]
) -> Body:
    """A function recorded whose value has to be like its argument."""

    def checked(x: Any) -> Any:
        return tree.unflatten(treedef, _leaves(f"{name}: the value of {label}", f(x), treedef, types))

    checked.__name__ = getattr(f, "__name__", label)
    return record_body(checked, f"{label} of {name}", [treedef], types, values=values)


def _leaves(what: str, value: Any, treedef: Any, types: Sequence[ArrayType]) -> list[Any]:
    """The leaves of a value of this structure, in these types; a Python number is converted."""
    leaves, given = tree.flatten(value)
    if given != treedef:
        raise TreeMismatch(explain(
            f"{what} has another structure than what is solved for:\n  it:      {given}\n"
            f"  wanted:  {treedef}",
            source=Source.here(), fix="the same structure"))
    leaves = [array_leaf(leaf, what) for leaf in leaves]
    found = [leaf_type(leaf) for leaf in leaves]
    if not all(map(_fits, found, types)):
        raise TypeMismatch(explain(
            f"{what} has another type than what is solved for:\n"
            f"  it:      {describe_types(given, [f.strong for f in found])}\n"
            f"  wanted:  {describe_types(treedef, types)}", source=Source.here(),
            fix="the same shapes and dtypes"))
    return [v if f.dtype == t.dtype and not f.weak else
            convert_to(v, t.dtype) if isinstance(v, Tracer) else t.dtype.type(v)
            for v, f, t in zip(leaves, found, types, strict=True)]


def _fits(given: ArrayType, wanted: ArrayType) -> bool:
    if given.shape != wanted.shape:
        return False
    return given.dtype == wanted.dtype or (given.weak and np.can_cast(given.dtype, wanted.dtype, "same_kind"))
