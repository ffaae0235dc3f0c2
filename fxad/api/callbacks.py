"""Calling back into Python from Programs: for values, for effects, and for a look at what goes on."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.promises import Arguments, Promise, promise_of
from fxad.api.recording import function_name, stacked
from fxad.errors import TypeMismatch, explain
from fxad.ir.program import Params
from fxad.ir.types import ArrayType, Opaque
from fxad.primitives.callbacks import Call, effect
from fxad.primitives.callbacks import pure_callback as pure_primitive
from fxad.source import Source, user_frame
from fxad.tracing import Tracer, bind

__all__ = ["debug_breakpoint", "debug_callback", "debug_print", "io_callback", "pure_callback"]

_METHODS = ("sequential", "expand_dims", "broadcast_all", "legacy_vectorized")
#: What an effect without a result gives: every operation gives something.
_NOTHING = (ArrayType((), np.dtype(np.int64)),)


def pure_callback(
    callback: Callable[..., Any], result_shape_dtypes: Any, *args: Any, vmap_method: str = "sequential",
    **kwargs: Any,
) -> Any:
    """`callback(*args, **kwargs)`, computed by Python when the Program runs.

    Args:
        callback: a pure function of NumPy arrays and numbers. It may be left out where its value is not
        needed, or
            be called more than once.
        result_shape_dtypes: what it returns: a pytree of `ShapeDtypeStruct`, or of arrays or numbers like the
            results.
        *args: its arguments: arrays in pytrees. What is no array is passed on as it is.
        vmap_method: what happens under `vmap`: "sequential" calls it for each element; the others call it
        once
            for the whole batch, whose axis is the first of arguments and results: with "expand_dims"
            arguments that are the same for all have an axis of length 1 there, with "broadcast_all" they are
            repeated, with "legacy_vectorized" they have none.
        **kwargs: keyword arguments.

    Raises:
        TypeMismatch (also when the Program runs): it returns another shape or dtype than it promises.
        TreeMismatch (when the Program runs): it returns another structure.
        NonDifferentiable (from derivatives): it has no derivative. `fxad.primitive` can have one.

    >>> import numpy as np, fxad
    >>> f = fxad.jit(lambda x: 2.0 * fxad.pure_callback(np.sort, x, x))
    >>> f(np.array([3.0, 1.0, 2.0]))
    array([2., 4., 6.])
    """
    check_callable(callback, "pure_callback")
    if vmap_method not in _METHODS:
        raise TypeMismatch(explain(
            f"pure_callback: there is no vmap_method {vmap_method!r}.", source=Source.here(),
            fix=f"one of {', '.join(map(repr, _METHODS))}"))
    promise = promise_of("pure_callback", callback, result_shape_dtypes)
    return _call(pure_primitive, "pure_callback", callback, promise, args, kwargs, vmap_method)


def io_callback(
    callback: Callable[..., Any], result_shape_dtypes: Any, *args: Any, ordered: bool = True, **kwargs: Any
) -> Any:
    """`callback(*args, **kwargs)`, called each time the Program runs: for what it does, and for its result.

    It is never left out, repeated or moved before or after another effect; under `vmap` it is called for each
    element in turn, and in loops at each step.

    Args:
        callback: any function of NumPy arrays and numbers.
        result_shape_dtypes: what it returns, as in `pure_callback`; None where it returns None.
        *args: its arguments: arrays in pytrees. What is no array is passed on as it is.
        ordered: accepted for compatibility: effects are always in order.
        **kwargs: keyword arguments.

    Raises:
        TypeMismatch, TreeMismatch, NonDifferentiable: as `pure_callback`. Where the result is not to be
            differentiated, `stop_gradient` of the arguments says so.

    >>> import numpy as np, fxad
    >>> log = []
    >>> def f(x):
    ...     fxad.io_callback(log.append, None, x)
    ...     return x * x
    >>> fxad.grad(f)(3.0), log
    (np.float64(6.0), [np.float64(3.0)])
    """
    check_callable(callback, "io_callback")
    del ordered
    promise = promise_of("io_callback", callback, result_shape_dtypes)
    return _call(effect, "io_callback", callback, promise, args, kwargs)


def debug_callback(callback: Callable[..., Any], *args: Any, ordered: bool = True, **kwargs: Any) -> None:
    """Call `callback(*args, **kwargs)` each time the Program runs; what it returns is not looked at.

    Under derivatives it is called once, with the values (not the tangents); under `vmap` for each element in
    turn; in loops at each step.

    Args:
        callback: any function.
        *args: its arguments: arrays in pytrees. What is no array is passed on as it is.
        ordered: accepted for compatibility: effects are always in order.
        **kwargs: keyword arguments.

    >>> import numpy as np, fxad
    >>> def f(x):
    ...     fxad.debug.callback(lambda v: print("x is", v), x)
    ...     return x * x
    >>> fxad.vmap(f)(np.array([1.0, 2.0]))
    x is 1.0
    x is 2.0
    array([1., 4.])
    """
    check_callable(callback, "debug.callback")
    del ordered
    _call(effect, "debug.callback", callback, None, args, kwargs)


def debug_print(fmt: str, *args: Any, ordered: bool = True, **kwargs: Any) -> None:
    """Print `fmt.format(*args, **kwargs)` each time the Program runs, with the values of traced arrays.

    Args:
        fmt: a format string, as for `str.format`.
        *args: what it refers to by position.
        ordered: accepted for compatibility: effects are always in order.
        **kwargs: what it refers to by name.

    Raises:
        TypeMismatch: the format asks for something that is not given, or does not ask for something that is.

    >>> import fxad
    >>> def f(x):
    ...     fxad.debug.print("x = {x:.2f}", x=x)
    ...     return x * x
    >>> fxad.jit(fxad.grad(f))(3.0)
    x = 3.00
    np.float64(6.0)
    """
    _check_format(fmt, len(args), kwargs)
    del ordered

    def show(*values: Any, **named: Any) -> None:
        print(fmt.format(*values, **named))  # noqa: T201 - that is what it is for

    _call(effect, "debug.print", show, None, args, kwargs)


def _check_format(fmt: Any, count: int, named: dict[str, Any]) -> None:
    if not isinstance(fmt, str):
        raise TypeMismatch(explain(
            f"debug.print takes a format string first, and was given {type(fmt).__name__}.",
            source=Source.here(), fix='fxad.debug.print("x = {}", x)'))
    asked: set[int | str] = set()
    automatic = 0
    try:
        pending = [fmt]
        while pending:
            for _, field, spec, _ in string.Formatter().parse(pending.pop(0)):
                if field is None:
                    continue
                name = field.split(".")[0].split("[")[0]
                if not name:
                    asked.add(automatic)
                    automatic += 1
                elif name.isdigit():
                    asked.add(int(name))
                else:
                    asked.add(name)
                pending += [spec] if spec else []
    except ValueError as error:
        raise TypeMismatch(explain(
            f"debug.print: {fmt!r} is no format: {error}.", source=Source.here(),
            fix="{{ and }} for braces that are to be printed")) from None
    given: set[int | str] = {*range(count), *named}
    for missing in sorted(asked - given, key=str):
        raise TypeMismatch(explain(
            f"debug.print: the format {fmt!r} asks for {_argument(missing)}, which is not given.",
            source=Source.here(), fix="an argument for each field"))
    for extra in sorted(given - asked, key=str):
        raise TypeMismatch(explain(
            f"debug.print: {_argument(extra)} is given, and the format {fmt!r} does not ask for it.",
            source=Source.here(), fix=f"{{{extra}}} in the format"))


def _argument(name: int | str) -> str:
    return f"argument number {name}" if isinstance(name, int) else f"argument {name!r}"


def debug_breakpoint(*, debugger: Callable[[dict[str, Any], Source], Any] | None = None) -> None:
    """Stop here each time the Program runs, with the local variables of the function as they are then.

    Traced arrays among the local variables (also in lists, dicts and other pytrees) have their values.

    Args:
        debugger: called with a dict of the local variables and the place in the code; Python's `pdb` when
        left
            out, which shows the line and knows the variables by their names.

    >>> import fxad
    >>> def f(x):
    ...     y = x * x
    ...     fxad.debug.breakpoint(debugger=lambda values, place: print(sorted(values.items())))
    ...     return y
    >>> fxad.grad(f)(3.0)
    [('x', np.float64(3.0)), ('y', np.float64(9.0))]
    np.float64(6.0)
    """
    frame = user_frame()
    values = {} if frame is None else dict(frame.f_locals)
    place = Source.here() or Source()
    names = {} if frame is None else frame.f_globals
    run = debugger

    def stop(found: dict[str, Any]) -> None:
        if run is not None:
            run(found, place)
        else:
            _enter_pdb(found, place, names)

    _call(effect, "debug.breakpoint", stop, None, (values,), {})


def _enter_pdb(values: dict[str, Any], place: Source, names: dict[str, Any]) -> None:
    """Python's debugger in a frame with these variables, which shows the user's line."""
    # Imported only here, as it takes long; and it is what was asked for.
    import pdb  # noqa: T100

    session = pdb.Pdb()
    line = "\n" * (place.line - 1) + "__fxad_stop__()"
    exec(compile(line, place.file, "exec"), names | {"__fxad_stop__": session.set_trace}, values)


def _call(
    primitive: Call, name: str, fun: Callable[..., Any], promise: Promise | None, args: tuple[Any, ...],
    kwargs: dict[str, Any], method: str = "sequential",
) -> Any:
    leaves, treedef = tree.flatten((args, kwargs))
    leaves = [_alive(stacked(leaf)) for leaf in leaves]
    # What is called for whole batches gets all arrays in the same way, traced or not.
    arguments = Arguments(leaves, treedef, every=method != "sequential")
    source = Source.here()

    def call(*values: Any, batch: tuple[int, ...] = ()) -> Sequence[Any]:
        result = arguments.called(fun, values)
        if promise is None:
            return (np.int64(0),)
        return promise.kept(name, fun, result, source, batch) or (np.int64(0),)

    types = _NOTHING if promise is None or not promise.types else promise.types
    params = Params(name=name, outs=types, levels=(), method=method, masked=False)
    outs = bind(primitive, [Opaque(call, function_name(fun)), *arguments.traced], params)
    if promise is None:
        return None
    return tree.unflatten(promise.treedef, outs[: len(promise.types)])


def _alive(leaf: Any) -> Any:
    """A leaf; the type alone of a traced value whose trace has ended."""
    return f"<{leaf.type}, no longer traced>" if isinstance(leaf, Tracer) and leaf.owner.ended else leaf
