"""`out=`: the result of a function, written into an array of the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.primitives.selection import where as choose
from fxad.primitives.structural import broadcast_to
from fxad.primitives.writing import replace, variable
from fxad.source import Source
from fxad.tracing import Tracer, check_writable

__all__ = ["into_array", "store"]


def into_array(name: str, package: str = "np") -> TypeMismatch:
    """The error for a traced value that `np.name` is to write into an array."""
    name = f"{package}.{name}"
    return TypeMismatch(
        explain(
            f"{name} was asked to write a traced value into an array (out=, or an"
            " assignment such as y += x where y is a plain array): the array can't hold it.",
            source=Source.here(),
            fix=f"y = {name}(...) as a new value, e.g. y = y + x; or make y by np.zeros_like(x) or"
            " fxad.numpy.zeros(shape), which can",
        )
    )


def store(outs: Any, compute: Callable[[], Any], name: str, package: str = "np", *,
          ufunc: np.ufunc | None = None, casting: Any = "same_kind", where: Any = True) -> Any:
    """What a function does with `out`: an array, or a tuple of arrays and None for several results.

    Args:
        outs: what was given as `out`.
        compute: gives the result, or a tuple of them.
        name: the function, for messages.
        package: and where it is from.
        ufunc: a ufunc's result is broadcast to the shape of `out`, and its errors are NumPy's.
        casting: how the result may be cast.
        where: a mask of what is written.
    """
    several = isinstance(outs, tuple)
    arrays = outs if several else (outs,)
    for x in arrays:
        if x is not None and not isinstance(x, Tracer):
            raise into_array(name, package)
        if x is not None:
            check_writable(x, f"y = {package}.{name}(...), a new array")
    made = compute()
    results = made if isinstance(made, tuple) else (made,)
    given = []
    for x, value in zip(arrays, results, strict=True):
        if x is not None:
            _write(x, value, ufunc, casting, where)
        given.append(value if x is None else x)
    return tuple(given) if isinstance(made, tuple) else given[0]


def _write(x: Tracer, value: Any, ufunc: np.ufunc | None, casting: Any, where: Any) -> None:
    if not isinstance(value, Tracer):
        value = np.asarray(value)
    if ufunc is not None and value.shape != x.shape and _fits(value.shape, x.shape):
        value = broadcast_to(value, x.shape)
    if where is not True:
        if not np.can_cast(value.dtype, x.dtype, casting):
            replace(x, value, ufunc, casting)  # raises
        value = choose(where, value, variable(x, x)).astype(x.dtype)
    replace(x, value, ufunc, casting)


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
