"""Python functions over the elements of arrays: `vectorize`, and `ndenumerate`."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, converted, stacked
from fxad.numpy.dispatch import has_tracer
from fxad.numpy.shaping import broadcast_to, reshaped
from fxad.primitives.indexing import getitem
from fxad.tracing import Tracer

__all__ = ["ndenumerate", "vectorize"]


class vectorize:
    """As `numpy.vectorize`: a Python function called for each element, on traced values too.

    On traced values the loop is unrolled, so that the function may decide on each element; `fxad.vmap` is
    the faster way for a function that does not.

        >>> import fxad, fxad.numpy as np
        >>> relu = np.vectorize(lambda t: t if t > 0 else 0.0 * t)
        >>> fxad.grad(lambda x: np.sum(relu(x) ** 2))(np.array([-1.0, 3.0]))
        array([0., 6.])
    """

    def __init__(self, pyfunc: Any = None, otypes: Any = None, doc: str | None = None,
                 excluded: Any = None, cache: bool = False, signature: str | None = None) -> None:
        self.pyfunc = pyfunc
        self.otypes = otypes
        self.excluded = set() if excluded is None else set(excluded)
        self.signature = signature
        self._options = {"otypes": otypes, "excluded": excluded, "cache": cache, "signature": signature}
        self.__doc__ = doc if doc is not None else getattr(pyfunc, "__doc__", None)
        if pyfunc is not None:
            functools.update_wrapper(self, pyfunc, assigned=("__name__", "__module__"), updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of all elements of the arguments, broadcast against each other."""
        if self.pyfunc is None:  # used as a decorator with options
            return vectorize(args[0], doc=self.__doc__, **self._options)
        if not has_tracer((*args, *kwargs.values())):
            return np.vectorize(self.pyfunc, **self._options)(*args, **kwargs)
        names: list[Any] = [i for i in range(len(args)) if i not in self.excluded]
        names += [k for k in kwargs if k not in self.excluded]
        arrays = [as_array(args[n] if isinstance(n, int) else kwargs[n]) for n in names]

        def call(*elements: Any) -> Any:
            chosen = dict(zip(names, elements, strict=True))
            return self.pyfunc(*[chosen.get(i, v) for i, v in enumerate(args)],
                               **{k: chosen.get(k, v) for k, v in kwargs.items()})

        cores = [0] * len(arrays) if self.signature is None else _cores(self.signature, len(arrays))
        for x, core in zip(arrays, cores, strict=True):
            if x.ndim < core:
                raise ValueError(f"{x.ndim}-dimensional argument does not have enough dimensions for all"
                                 f" core dimensions {self.signature}")
        loops = [x.shape[: x.ndim - core] for x, core in zip(arrays, cores, strict=True)]
        shape = np.broadcast_shapes(*loops)
        arrays = [broadcast_to(x, (*shape, *x.shape[len(loop):]))
                  for x, loop in zip(arrays, loops, strict=True)]
        made = [call(*[getitem(x, index) for x in arrays]) for index in np.ndindex(*shape)]
        if not made and self.otypes is not None and self.signature is None:
            empty = tuple([np.empty(shape, t) for t in self.otypes])
            return empty if len(empty) > 1 else empty[0]
        if not made:
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        if not isinstance(made[0], tuple):
            return self._together(made, 0, shape)
        return tuple([self._together([m[k] for m in made], k, shape) for k in range(len(made[0]))])

    def _together(self, results: list[Any], k: int, shape: tuple[int, ...]) -> Any:
        """The results for all elements as one array, in the dtype asked for or that of the first."""
        parts = [as_array(r) for r in results]
        if self.otypes is not None:
            dtype = np.dtype(self.otypes[k])
        else:
            dtype = np.result_type(*[p.dtype for p in parts]) if self.signature else parts[0].dtype
        return reshaped(stacked([converted(p, dtype) for p in parts]), (*shape, *parts[0].shape))


def _cores(signature: str, count: int) -> list[int]:
    """How many of the last axes of each argument are the function's: "(n,m),(m)->(n)" says 2 and 1."""
    inputs = re.findall(r"\(([^()]*)\)", signature.partition("->")[0])
    if len(inputs) != count:
        raise TypeError(f"wrong number of positional arguments: expected {len(inputs)}, got {count}")
    return [len([name for name in core.split(",") if name.strip()]) for core in inputs]


class ndenumerate:
    """As `numpy.ndenumerate`: the indices and the elements, of a traced array too."""

    def __init__(self, arr: Any) -> None:
        if isinstance(arr, Tracer):
            self._pairs: Iterator[Any] = ((i, getitem(arr, i)) for i in np.ndindex(*arr.shape))
        else:
            self._pairs = iter(np.ndenumerate(arr))

    def __iter__(self) -> ndenumerate:
        return self

    def __next__(self) -> Any:
        return next(self._pairs)
