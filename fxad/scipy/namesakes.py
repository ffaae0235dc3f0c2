"""Functions that are SciPy's own on arrays, and fxad's on traced values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from fxad.numpy.dispatch import has_tracer, separate
from fxad.primitives.special import scipy_linalg, scipy_special

__all__ = ["named", "namesake_of"]

F = TypeVar("F", bound=Callable[..., Any])

_MODULES = {"special": scipy_special, "linalg": scipy_linalg}


def namesake_of(module: str) -> Callable[[F], F]:
    """Say that the function below is what SciPy's of the same name is on traced values.

    Without SciPy it is called with arrays too.
    """

    def decorate(implementation: F) -> F:
        name = implementation.__name__

        @functools.wraps(implementation)
        def either(*args: Any, **kwargs: Any) -> Any:
            theirs = _MODULES[module]()
            if theirs is None or has_tracer(args) or has_tracer(kwargs.values()):
                return separate(implementation(*args, **kwargs), (*args, *kwargs.values()))
            return getattr(theirs, name, implementation)(*args, **kwargs)

        made: F = named(either, module, name, implementation.__doc__)
        return made

    return decorate


def named(function: Any, module: str, name: str, doc: str | None = None) -> Any:
    """`function` with the name and the documentation of what it stands for."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"As `scipy.{module}.{name}`, on arrays and traced values alike." + (
        f"\n\n    {doc}" if doc else "")
    return function
