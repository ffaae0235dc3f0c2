"""Static arguments of a jitted function: which they are, and what of them is in the key of a signature.

The key of a value says all that a function can see of it: 1, True and 1.0 are three keys, 0.0 and
-0.0 two, a NaN is found again, and a list is its elements. An object that is equal only to itself is
held weakly: when it is dead nothing can match its key any more.
"""

from __future__ import annotations

import copy
import inspect
import operator
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from types import MethodType
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.recording import function_name
from fxad.errors import TypeMismatch, explain
from fxad.source import Source

__all__ = ["StaticKeys", "is_dead", "static_parameters"]

#: Values of these classes are their own keys, beside the class.
_PLAIN = (str, int, bool, bytes, type(None), type(Ellipsis))
_SETS = (set, frozenset)


class _Alive:
    """The key of an object that is equal only to itself."""

    __slots__ = ("id", "ref")

    def __init__(self, value: Any) -> None:
        self.id = id(value)
        self.ref = weakref.ref(value)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, _Alive) or self.id != other.id:
            return False
        return self.ref() is not None and self.ref() is other.ref()

    def __hash__(self) -> int:
        return self.id


class _ByValue:
    """The key of an object that has `==` and no hash."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ByValue) or type(self.value) is not type(other.value):
            return False
        return bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(type(self.value))

    def settle(self) -> None:
        """Become the key of the value as it is now, whatever is written into it later."""
        try:
            self.value = copy.deepcopy(self.value)
        except Exception as error:
            raise TypeMismatch(
                explain(
                    f"jit was given a static {type(self.value).__name__} that can neither be hashed nor"
                    f" copied ({type(error).__name__}: {error}), so that it could change unseen.",
                    source=Source.here(),
                    fix="a static argument with __eq__ and __hash__",
                )
            ) from None


class StaticKeys:
    """Makes the keys of the static arguments of one call.

    Attributes:
        weak: whether one of them is an object that may die.
    """

    __slots__ = ("_loose", "weak")

    def __init__(self) -> None:
        self._loose: list[_ByValue] = []
        self.weak = False

    def key(self, value: Any) -> Hashable:
        """The key of a value, hashable and equal to the keys of equal values of the same types."""
        cls = type(value)
        if cls in _PLAIN:
            return cls, value
        if issubclass(cls, (float, complex)):
            return cls, repr(value)  # tells 0.0 from -0.0, and finds nan again
        if cls is list or issubclass(cls, tuple):
            return cls, self._keys(value)
        if cls is dict:  # in its order, which a function can see
            return cls, self._keys(value), self._keys(value.values())
        if cls in _SETS:
            return cls, frozenset(self._keys(value))
        if cls is slice:
            return cls, self._keys((value.start, value.stop, value.step))
        if isinstance(value, (np.ndarray, np.generic)):
            if value.dtype.hasobject:
                return cls, value.shape, self._keys(np.ravel(value).tolist())
            return cls, value.dtype, value.shape, value.tobytes()
        if cls is MethodType:
            return cls, self.key(value.__func__), self.key(value.__self__)
        return self._object(value, cls)

    def settle(self) -> None:
        """The keys are kept: what could be written into is copied.

        Raises:
            TypeMismatch: something can't be copied.
        """
        for key in self._loose:
            key.settle()

    def _keys(self, values: Iterable[Any]) -> tuple[Hashable, ...]:
        return tuple([self.key(v) for v in values])

    def _object(self, value: Any, cls: type) -> Hashable:
        leaves, treedef = tree.flatten(value)
        if treedef is not tree.LEAF:
            return treedef, self._keys(leaves)
        if (getattr(cls, "__hash__", None), getattr(cls, "__eq__", None)) == (object.__hash__, object.__eq__):
            try:
                alive = _Alive(value)
            except TypeError:  # there are no weak references to it
                return cls, value
            self.weak = True
            return alive
        try:
            hash(value)
        except TypeError:
            by_value = _ByValue(value)
            self._loose.append(by_value)
            return by_value
        return cls, value


def is_dead(key: Any) -> bool:
    """Whether a key holds an object that is gone, so that nothing can match it."""
    stack = [key]
    while stack:
        part = stack.pop()
        if isinstance(part, _Alive):
            if part.ref() is None:
                return True
        elif isinstance(part, (tuple, frozenset)):
            stack += part
    return False


def static_parameters(
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None,
    argnames: str | Sequence[str] | None,
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The positions and the names of the static arguments of a function.

    One that is given by its number is static by its name too, and the other way round.

    Raises:
        TypeMismatch: the function has no such argument, or `argnums` and `argnames` are no numbers and names.
    """
    nums, names = _numbers(argnums), _words(argnames)
    if not nums and not names:
        return (), ()
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):  # what is written in C may not say
        return nums, names
    kinds = {p.kind for p in parameters}
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    count = len(positional)
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        for n in nums:
            if not -count <= n < count:
                raise _no_argument(fun, f"number {n} (static_argnums={argnums!r})", (
                    f"positional arguments {', '.join(positional)}" if count else "no positional arguments"))
        nums = tuple([n % count for n in nums])
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for name in names:
            if name not in named:
                raise _no_argument(fun, f"{name!r} (static_argnames={argnames!r})", (
                    f"arguments {', '.join(named)}" if named else "no arguments by name"))
    both = nums + tuple([positional.index(n) for n in names if n in positional])
    called = names + tuple([positional[n] for n in nums if 0 <= n < count])
    return tuple(dict.fromkeys(both)), tuple(dict.fromkeys(called))


def _no_argument(fun: Callable[..., Any], asked: str, there: str) -> TypeMismatch:
    return TypeMismatch(
        explain(
            f"jit: argument {asked} is to be static, and {function_name(fun)} has {there}.",
            source=Source.here(),
            fix="the number or the name of an argument of the function",
        )
    )


def _numbers(argnums: Any) -> tuple[int, ...]:
    try:
        if argnums is None:
            return ()
        many = argnums if isinstance(argnums, Iterable) and not isinstance(argnums, str) else (argnums,)
        return tuple([operator.index(n) for n in many])
    except TypeError:
        raise TypeMismatch(
            explain(f"jit: static_argnums={argnums!r} is no int and no sequence of ints.",
                    source=Source.here(), fix="static_argnums=1 or static_argnums=(1, 2)")
        ) from None


def _words(argnames: Any) -> tuple[str, ...]:
    if argnames is None:
        return ()
    many = (argnames,) if isinstance(argnames, str) else argnames
    if isinstance(many, Iterable):
        found = tuple(many)
        if all(isinstance(n, str) for n in found):
            return found
    raise TypeMismatch(
        explain(f"jit: static_argnames={argnames!r} is no name and no sequence of names.",
                source=Source.here(), fix="static_argnames=\"n\" or static_argnames=(\"m\", \"n\")"))
