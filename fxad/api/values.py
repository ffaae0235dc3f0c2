"""Values without their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad import tree
from fxad.primitives.stopping import stop_gradient as stop
from fxad.tracing import Tracer, concrete_value

__all__ = ["stop_gradient", "value_of"]


def stop_gradient(x: Any) -> Any:
    """`x` itself, taken as a constant by every derivative.

    Args:
        x: an array or a pytree of arrays; leaves that are not traced are given back as they are.

    >>> import fxad
    >>> fxad.grad(lambda x: x * fxad.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return tree.map(lambda leaf: stop(leaf) if isinstance(leaf, Tracer) else leaf, x)


def value_of(x: Any) -> Any:
    """The concrete value of a traced array, for printing, plotting or deciding.

    What is computed from it has no derivative: that is the point, and why it is not done silently.

    Args:
        x: an array or a pytree of arrays; leaves that are not traced are given back as they are.

    Raises:
        ConcretizationError: there is no single value, as under vmap, or none yet, as under jit.

    >>> import fxad
    >>> def f(x):
    ...     print("x is", fxad.value_of(x))
    ...     return x * x
    >>> fxad.grad(f)(3.0)
    x is 3.0
    np.float64(6.0)
    """

    def value(leaf: Any) -> Any:
        if not isinstance(leaf, Tracer):
            return leaf
        found = concrete_value(leaf, "fxad.value_of(x)", "compute with x itself")
        # The caller may write into it; what the trace knows stays as it is.
        return found.copy() if isinstance(found, np.ndarray) else found

    return tree.map(value, x)
