"""The one class that stands for an array while a function is traced.

A `Tracer` is a handle on a variable of a trace. It has an array's attributes; its operators, methods
and NumPy protocols are attached by the layers that define what they mean (`attach`), because what
`a * b` records is the business of the primitives, and what `np.mean(a)` means that of `fxad.numpy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad.errors import ConcretizationError, explain
from fxad.ir.types import ArrayType
from fxad.source import Source
from fxad.tracing.deciding import decision
from fxad.tracing.elements import as_element, is_element, is_stored
from fxad.tracing.trace import Trace

__all__ = ["Tracer", "attach"]


class Tracer:
    """An array inside a trace. Behaves as a NumPy array; see `docs/sharp_edges` for where it can't.

    Attributes:
        owner: the trace that it belongs to.
        index: which variable of that trace it stands for.
        type: the type of that variable.
    """

    __slots__ = ("__weakref__", "index", "owner", "type")

    def __init__(self, trace: Trace, index: int, type: ArrayType) -> None:
        self.owner = trace
        self.index = index
        self.type = type

    if TYPE_CHECKING:  # attached by fxad.primitives and fxad.numpy

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tracer: ...
        def __radd__(self, other: Any) -> Tracer: ...
        def __sub__(self, other: Any) -> Tracer: ...
        def __rsub__(self, other: Any) -> Tracer: ...
        def __mul__(self, other: Any) -> Tracer: ...
        def __rmul__(self, other: Any) -> Tracer: ...
        def __truediv__(self, other: Any) -> Tracer: ...
        def __rtruediv__(self, other: Any) -> Tracer: ...
        def __pow__(self, other: Any) -> Tracer: ...
        def __neg__(self) -> Tracer: ...
        def __getitem__(self, index: Any) -> Tracer: ...

    # -- what is known of the array --------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as a tuple of ints."""
        return self.type.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.type.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.type.size

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.type.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.type.size * self.type.dtype.itemsize

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError("len() of unsized object")
        return self.type.shape[0]

    def __iter__(self) -> Iterator[Tracer]:
        if not self.type.shape:
            raise TypeError("iteration over a 0-d array")
        return iter([self[i] for i in range(self.type.shape[0])])

    # -- Python decides --------------------------------------------------------------------------

    def __bool__(self) -> bool:
        fix = "np.where(condition, a, b) for a choice between values"
        if self.type.size != 1:
            return bool(np.empty(self.type.shape, np.bool_))  # NumPy's own error or answer
        asked = "a decision in Python (if, while, and, or)"
        return decision(self, _truth, asked, fix)  # type: ignore[no-any-return]

    def __index__(self) -> int:
        if self.type.dtype.kind not in "iub":
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        fix = "a number that is not traced: a static argument (static_argnums), or one closed over"
        asked = "an int made from a traced integer (range, index)"
        return decision(self, _whole, asked, fix)  # type: ignore[no-any-return]

    def __int__(self) -> int:
        if self.type.dtype.kind == "c":
            raise TypeError("int() argument must not be a complex number")
        fix = "np.trunc(x) keeps it an array"
        return decision(self, int, "int(x)", fix)  # type: ignore[no-any-return]

    def __float__(self) -> float:
        if is_stored():
            fix = "np.stack([...]) of the values instead of filling an array with them one by one"
            raise self._lost("an assignment into a plain NumPy array", fix)
        here = Source.here()
        written = here.expression if here is not None else None
        if written is not None and written.startswith("math."):
            raise self._lost(written, "np." + written.removeprefix("math."))
        raise self._lost("float(x)", "x itself: it is a number to NumPy's functions and to operators")

    def __complex__(self) -> complex:
        raise self._lost("complex(x)", "x + 0j")

    def item(self, *_: Any) -> Any:
        """Refused: a Python number would carry no derivative."""
        raise self._lost("x.item()", "x itself")

    def tolist(self) -> Any:
        """Refused: Python numbers would carry no derivative."""
        raise self._lost("x.tolist()", "list(x), which keeps the elements traced")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if dtype is None and is_element():
            elements = as_element(self)
            if elements is not None:
                return elements
        if is_stored():
            raise self._lost("an assignment into a plain NumPy array",
                             "np.concatenate([...]) or np.where(...) for the array as a whole")
        raise self._lost(
            "np.asarray(x), or a NumPy function that has no traced form,",
            "np.stack([x, ...]) or fxad.numpy.array([x, ...]) to put values together,"
            " x itself instead of np.asarray(x)",
        )

    def _lost(self, asked: str, fix: str) -> ConcretizationError:
        fix += "; fxad.stop_gradient(x) and fxad.value_of(x) where the derivative is to be dropped"
        return ConcretizationError(
            explain(
                f"{asked} would turn a traced array into plain numbers and drop its derivative.",
                source=Source.here(),
                origin=self.owner.origin(self.index),
                fix=fix,
            )
        )

    def __repr__(self) -> str:
        return f"Tracer({self.type})"

    __hash__ = None  # type: ignore[assignment]  # as an ndarray: == is elementwise


def _truth(value: Any) -> bool:
    return bool(value)


def _whole(value: Any) -> int:
    return int(np.asarray(value).__index__())


Trace.tracer_type = Tracer


def attach(**methods: Callable[..., Any] | property) -> None:
    """Give every Tracer these methods."""
    for name, method in methods.items():
        setattr(Tracer, name, method)
