"""`fxad.numpy.ndarray`: the class that traced values are instances of, as arrays are.

`isinstance(x, numpy.ndarray)` is False of a traced value, and has to be: code written in C that is told of
an array reads its memory. For Python code that asks, there is this class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fxad.tracing import Tracer

__all__ = ["ndarray"]


class _ArrayOrTraced(type):
    """Of a class that has the arrays and the traced values as its instances."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (np.ndarray, Tracer))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, (np.ndarray, Tracer))


class ndarray(np.ndarray[Any, Any], metaclass=_ArrayOrTraced):
    """NumPy's array class, of which traced values are instances too.

    >>> import numpy as np, fxad
    >>> f = lambda x: isinstance(x, fxad.numpy.ndarray) * x
    >>> fxad.jit(f)(2.0), f(np.ones(2))
    (np.float64(2.0), array([1., 1.]))
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """As NumPy's: an array that is not initialised."""
        return np.ndarray(*args, **kwargs)
