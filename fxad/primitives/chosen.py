"""`x[mask]` where the mask has no value, as under jit, in a loop and under vmap: for `x[mask] += v`.

How many elements there are is not known, so there is no array of them. But what is done to each of them alone
can be done to all elements of `x`, and written back where the mask is true.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from fxad.errors import ConcretizationError
from fxad.primitives.selection import where
from fxad.tracing import Tracer

__all__ = ["Chosen"]


class Chosen:
    """The elements that a mask chooses.

    Operators and ufuncs give others of the kind; with anything else they are what can't be had, an error.

    Attributes:
        values: for each element of the array what it would be if it were chosen.
        mask: which are.
        error: why there is no array of them.
    """

    def __init__(self, values: Tracer, mask: Tracer, error: ConcretizationError) -> None:
        self.values = values
        self.mask = mask
        self.error = error

    def written_into(self, x: Tracer) -> Any:
        """`x` with these elements where the mask is true."""
        mask = self.mask
        if mask.ndim < x.ndim:
            mask = mask.reshape((*mask.shape, *[1] * (x.ndim - mask.ndim)))
        return where(mask, self.values.astype(x.dtype), x)

    def is_of(self, x: Tracer, mask: Any) -> bool:
        """Whether they are for the places in `x` where this mask is true."""
        return self.values.shape == x.shape and mask.__class__ is Tracer and _same(self.mask, mask)

    def _apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        given = []
        for v in operands:
            if isinstance(v, Chosen):
                if not v.is_of(self.values, self.mask):
                    raise self.error
                v = v.values
            elif np.ndim(v) > self.values.ndim - self.mask.ndim:
                raise self.error  # an element for each that is chosen
            given.append(v)
        return Chosen(function(*given), self.mask, self.error)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc.nout != 1 or ufunc.signature is not None:
            raise self.error
        return self._apply(ufunc, *inputs)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise self.error

    __array__ = __array_function__ = __len__ = __iter__ = __bool__ = __getitem__ = __setitem__ = _refuse
    __float__ = __int__ = __index__ = __complex__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self.error


def _same(a: Tracer, b: Tracer) -> bool:
    """Whether two masks are the same operations on the same variables: `x > 0`, written twice."""
    records = a.owner.records
    pairs = [(a.index, b.index)]
    for first, second in pairs:
        if len(pairs) > 64 or a.owner is not b.owner:
            return False
        if first != second or first.__class__ is not int:
            one, other = records[first], records[second]
            if one[0] is not other[0] or one[2] != other[2] or not one[1] or len(one[1]) != len(other[1]):
                return False
            for left, right in zip(one[1], other[1], strict=True):
                if left.__class__ is int and right.__class__ is int:
                    pairs.append((left, right))
                elif left != right:
                    return False
    return True


def _attach() -> None:
    def binary(function: Callable[[Any, Any], Any]) -> Callable[[Chosen, Any], Any]:
        return lambda self, other: self._apply(function, self, other)

    def reflected(function: Callable[[Any, Any], Any]) -> Callable[[Chosen, Any], Any]:
        return lambda self, other: self._apply(function, other, self)

    def unary(function: Callable[[Any], Any]) -> Callable[[Chosen], Any]:
        return lambda self: self._apply(function, self)

    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift",
                 "rshift"):
        function = getattr(operator, f"__{name}__")
        setattr(Chosen, f"__{name}__", binary(function))
        setattr(Chosen, f"__r{name}__", reflected(function))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Chosen, f"__{name}__", binary(getattr(operator, name)))
    for name in ("neg", "pos", "invert", "abs"):
        setattr(Chosen, f"__{name}__", unary(getattr(operator, name)))


_attach()
