"""What the intermediate representation says of a value: its shape, its dtype, and whether it is weak.

Types are interned: equal types are one object, so they are compared and hashed by identity.

A shape may start with `UNKNOWN`: what a loop leaves behind at each step has as many elements as there were
steps. Such a value is a `Stack`; only loops make and read it.

A Python function that a Program calls is a value as well, of type `FUNCTION`: an `Opaque`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

__all__ = ["DTYPE_NAMES", "FUNCTION", "UNKNOWN", "ArrayType", "Opaque", "Stack", "dtype_name", "is_inexact",
           "type_of"]

#: The length of an axis that is known at run time only.
UNKNOWN = -1

#: The short names of the text form.
DTYPE_NAMES: dict[str, np.dtype[Any]] = {
    "bool": np.dtype(np.bool_),
    **{f"i{8 * n}": np.dtype(f"i{n}") for n in (1, 2, 4, 8)},
    **{f"u{8 * n}": np.dtype(f"u{n}") for n in (1, 2, 4, 8)},
    **{f"f{8 * n}": np.dtype(f"f{n}") for n in (2, 4, 8)},
    **{f"c{8 * n}": np.dtype(f"c{n}") for n in (8, 16)},
}
_SHORT = {dtype: name for name, dtype in DTYPE_NAMES.items()}

_interned: dict[tuple[tuple[int, ...], np.dtype[Any], bool], ArrayType] = {}
_lock = threading.RLock()
#: Interned types are few (one per shape a program meets); the bound only guards a process that
#: goes through millions of shapes. Types that are alive in a Program stay equal to themselves.
_LIMIT = 1 << 20


class ArrayType:
    """The type of a value: `shape`, `dtype` and `weak`.

    `weak` marks a Python scalar (NEP 50): beside a typed operand it takes that operand's dtype.
    """

    __slots__ = ("dtype", "inexact", "ndim", "shape", "size", "weak")

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool
    ndim: int
    size: int
    #: Whether a derivative with respect to such a value can exist (float or complex).
    inexact: bool

    def __new__(cls, shape: tuple[int, ...], dtype: Any, weak: bool = False) -> ArrayType:
        """The one type of this shape, dtype and weakness."""
        key = (shape, dtype, weak)
        found = _interned.get(key)
        return found if found is not None else cls._intern(key)

    @classmethod
    def _intern(cls, key: tuple[Any, ...]) -> ArrayType:
        shape = tuple(int(n) for n in key[0])
        dtype = np.dtype(key[1])
        if dtype not in _SHORT:
            native = dtype.newbyteorder("=")
            if native not in _SHORT:
                raise TypeError(
                    f"fxad works on booleans, integers, floats and complex numbers, not on {dtype}"
                )
            dtype = native
        weak = bool(key[2])
        with _lock:
            found = _interned.get((shape, dtype, weak))
            if found is None:
                if len(_interned) > _LIMIT:
                    raise MemoryError("more than a million different array types in one process")
                found = object.__new__(cls)
                found.shape = shape
                found.dtype = dtype
                found.weak = weak
                found.ndim = len(shape)
                found.inexact = dtype.kind in "fc"
                size = 1
                for n in shape:
                    size *= n
                found.size = size
                _interned[shape, dtype, weak] = found
        return found

    def with_shape(self, shape: tuple[int, ...]) -> ArrayType:
        """This type with another shape."""
        return ArrayType(shape, self.dtype, self.weak)

    def with_dtype(self, dtype: Any) -> ArrayType:
        """This type with another dtype, strong."""
        return ArrayType(self.shape, np.dtype(dtype))

    @property
    def is_stack(self) -> bool:
        """Whether its first axis has a length that is known at run time only."""
        return self.shape[:1] == (UNKNOWN,)

    @property
    def strong(self) -> ArrayType:
        """This type without weakness."""
        return ArrayType(self.shape, self.dtype) if self.weak else self

    def __str__(self) -> str:
        if self is FUNCTION:
            return "function"
        lengths = ["?" if n == UNKNOWN else str(n) for n in self.shape]
        return f"{'~' if self.weak else ''}{_SHORT[self.dtype]}[{','.join(lengths)}]"

    __repr__ = __str__

    def __reduce__(self) -> str | tuple[Any, ...]:
        return "FUNCTION" if self is FUNCTION else (ArrayType, (self.shape, self.dtype, self.weak))


def _function_type() -> ArrayType:
    # Not interned under its dtype: arrays of Python objects stay what fxad does not work on.
    made = object.__new__(ArrayType)
    made.shape, made.dtype, made.weak = (), np.dtype(object), False
    made.inexact, made.ndim, made.size = False, 0, 1
    return made


_serials = itertools.count(1)
#: The type of an `Opaque`.
FUNCTION = _function_type()


class Opaque:
    """A Python function as a value of a Program: `call(*arrays)` gives a sequence of arrays.

    It is an operand, as arrays are: a Program is the same whichever function it calls. Compared by the
    function.
    """

    __slots__ = ("__weakref__", "call", "name", "serial")

    def __init__(self, call: Callable[..., Any], name: str) -> None:
        self.call = call
        self.name = name
        #: Names it in emitted source.
        self.serial = next(_serials)

    def __call__(self, *values: Any, **how: Any) -> Any:
        """Call the function."""
        return self.call(*values, **how)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.call == other.call

    def __hash__(self) -> int:
        return hash(self.call)

    def __repr__(self) -> str:
        return f"<function {self.name}>"


class Stack(list[Any]):
    """The value of a type whose first axis is `UNKNOWN`: one array (number, stack) for each step of a loop.

    It is not changed once the loop has ended.
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.shape = shape
        self.dtype = np.dtype(dtype)

    def copy(self) -> Stack:
        """Another stack of the same items."""
        return Stack(self.shape, self.dtype, self)


def dtype_name(dtype: Any) -> str:
    """The short name of a dtype: `f64`, `i32`, `bool`, ..."""
    return _SHORT[np.dtype(dtype)]


def is_inexact(dtype: Any) -> bool:
    """Whether a dtype is floating or complex."""
    return np.dtype(dtype).kind in "fc"


_WEAK: dict[type, ArrayType] = {
    float: ArrayType((), np.dtype(np.float64), True),
    int: ArrayType((), np.dtype(np.int64), True),
    complex: ArrayType((), np.dtype(np.complex128), True),
    bool: ArrayType((), np.dtype(np.bool_), True),
}


def type_of(value: Any) -> ArrayType:
    """The type of a concrete value: a Python scalar's is weak, a NumPy value's is not.

    Raises TypeError for anything else.
    """
    weak = _WEAK.get(value.__class__)
    if weak is not None:
        return weak
    if value.__class__ is Opaque:
        return FUNCTION
    if isinstance(value, (np.ndarray, np.generic, Stack)):
        return ArrayType(value.shape, value.dtype)
    for python, weak in _WEAK.items():
        if isinstance(value, python):
            return weak
    if hasattr(value, "__array__"):
        np.asarray(value)  # it may have more to say
    raise TypeError(f"{type(value).__name__} is not an array or a number")
