"""The one class that stands for an array while a function is traced.

A `Tracer` is a handle on a variable of a trace. It has an array's attributes; its operators, methods
and NumPy protocols are attached by the layers that define what they mean (`attach`), because what
`a * b` records is the business of the primitives, and what `np.mean(a)` means that of `fxad.numpy`.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad.errors import ConcretizationError, FxadError, explain
from fxad.ir.types import ArrayType
from fxad.source import ROOT, Source, called_of_scipy
from fxad.tracing.deciding import concrete_value, decision, is_constant
from fxad.tracing.elements import as_element, is_element, is_stored
from fxad.tracing.memory import watch
from fxad.tracing.trace import Trace

__all__ = ["Tracer", "attach"]


class Tracer:
    """An array inside a trace. Behaves as a NumPy array; see `docs/sharp_edges` for where it can't.

    Attributes:
        owner: the trace that it belongs to.
        index: which variable of that trace it stands for.
        type: the type of that variable.
    """

    __slots__ = ("__weakref__", "index", "owner", "type", "viewed", "views")

    owner: Trace
    index: int
    type: ArrayType
    #: What it shares memory with, and the views of it; set where views are made, see `memory`.
    viewed: Any
    views: list[weakref.ref[Tracer]]

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
        return (self[i] for i in range(self.type.shape[0]))

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

    def __hash__(self) -> int:
        # A look-up in a dict or a set: by value, as a NumPy integer's. fxad itself looks nothing up by it.
        if sys._getframe(1).f_code.co_filename.startswith(ROOT):
            raise TypeError("unhashable type: 'Tracer'")
        if self.type.shape:
            raise TypeError(f"unhashable type: an array of shape {self.type.shape}")
        if not self._is_whole():
            raise self._lost("a look-up in a dict or set (hash(x))",
                             "a look-up by an integer, or np.where(x == key, a, b)")
        return hash(self._whole("a look-up in a dict or set (hash(n))"))

    def _is_whole(self) -> bool:
        """Whether it is one integer or truth value: it has no derivative, and its value can be a guard."""
        return not self.type.shape and self.type.dtype.kind in "iub"

    def _is_quotient(self) -> bool:
        """Whether it is the quotient of two integers, as np.arange(n) makes to find its length."""
        records = self.owner.records
        primitive, operands, _, _ = records[self.index]
        if getattr(primitive, "name", None) != "div" or self.type.shape:
            return False
        for operand in operands:
            if operand.__class__ is int and getattr(records[operand][0], "name", None) == "convert":
                operand = records[operand][1][0]
            type = operand.type if operand.__class__ is not int else records[operand][3]
            if type.dtype.kind not in "iub":
                return False
        return True

    def _whole(self, asked: str) -> int:
        """The value of one integer or truth value: a guard under jit."""
        fix = "a number that is not traced: a static argument (static_argnums), or one closed over"
        return decision(self, int, asked, fix)  # type: ignore[no-any-return]

    def _plain(self) -> Any:
        """The value, if it depends on no argument; else None."""
        return concrete_value(self, "", "") if is_constant(self) else None

    def __float__(self) -> float:
        if self._is_whole() and not is_stored():
            return float(self._whole("float(n)"))
        if self._is_quotient():
            fix = "np.arange of numbers that are not traced"
            quotient: float = decision(self, float, "np.arange(n)", fix)
            return quotient
        if is_stored():
            raise self._lost("an assignment into a plain NumPy array", _BUFFER)
        plain = self._plain()
        if plain is not None:
            return float(plain)
        here = Source.here()
        written = here.expression if here is not None else None
        if written is not None and written.startswith("math."):
            raise self._lost(written, "np." + written.removeprefix("math."))
        raise self._lost("float(x)", "x itself: it is a number to NumPy's functions and to operators")

    def __complex__(self) -> complex:
        if self._is_whole():
            return complex(self._whole("complex(n)"))
        plain = self._plain()
        if plain is not None:
            return complex(plain)
        raise self._lost("complex(x)", "x + 0j")

    def item(self, *index: Any) -> Any:
        """The value of an integer; otherwise refused: a Python number would carry no derivative."""
        if self._is_whole():
            return self.dtype.type(self._whole("n.item()")).item()
        plain = self._plain()
        if plain is not None:
            return plain.item(*index)
        raise self._lost("x.item()", "x itself")

    def tolist(self) -> Any:
        """The value of an integer; otherwise refused: Python numbers would carry no derivative."""
        if self._is_whole():
            return self.item()
        plain = self._plain()
        if plain is not None:
            return plain.tolist()
        raise self._lost("x.tolist()", "list(x), which keeps the elements traced")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if dtype is None and is_element():
            elements = as_element(self)
            if elements is not None:
                return elements
        plain = self._plain()
        if plain is not None:
            return self._given_out(np.array(plain, dtype), dtype, copy)
        if is_stored():
            raise self._lost("an assignment into a plain NumPy array", _BUFFER)
        if self._is_whole():  # np.arange(n) asks in this way
            return np.asarray(self._whole("np.asarray(n)"), self.dtype if dtype is None else dtype)
        if self.type.dtype.kind in "iub":  # as a[n] and np.take(a, n) of a plain array do
            numbers = concrete_value(
                self, "an array of plain numbers (a[n] or np.take(a, n) of a plain array a, np.asarray(n))",
                "fxad.numpy.take(a, n), np.take_along_axis(a, n, axis) or np.where(n, x, y)")
            return self._given_out(np.array(numbers, dtype), dtype, copy)
        function = called_of_scipy()
        if function is not None:
            raise self._lost(f"{function}(x)", Trace.namesake(function))
        raise self._lost(
            "np.asarray(x), or a NumPy function that has no traced form,",
            "np.stack([x, ...]) or fxad.numpy.array([x, ...]) to put values together,"
            " x itself instead of np.asarray(x)",
        )

    def _given_out(self, value: Any, dtype: Any, copy: Any) -> Any:
        """A plain array of the value; that of np.asarray is not written to, as its memory is not shared."""
        if not copy and self.type.shape and (dtype is None or np.dtype(dtype) == self.dtype):
            value.flags.writeable = False
            watch(self, value)
        return value

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        if self._is_whole():
            return format(self.item(), spec)
        raise ConcretizationError(
            explain(
                f"a traced array has no digits to be formatted by {spec!r}.",
                source=Source.here(),
                origin=self.owner.origin(self.index),
                fix=f"f\"{{fxad.value_of(x):{spec}}}\", where there is a value; or f\"{{x}}\"",
            )
        )

    def _lost(self, asked: str, fix: str) -> FxadError:
        if self.owner.ended:
            return self.owner.leak((self.index,))
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


#: What to write instead of filling a plain array.
_BUFFER = ("np.zeros_like(x), of a traced x, or fxad.numpy.zeros(shape), which hold traced values; or"
           " np.stack([...]) of the values")


def _truth(value: Any) -> bool:
    return bool(value)


def _whole(value: Any) -> int:
    return int(np.asarray(value).__index__())


Trace.tracer_type = Tracer


def attach(**methods: Callable[..., Any] | property) -> None:
    """Give every Tracer these methods."""
    for name, method in methods.items():
        setattr(Tracer, name, method)
