"""Where a leaf is in its tree: a path is a tuple of keys, one a step."""

from __future__ import annotations

from typing import Any

__all__ = ["DictKey", "FlattenedIndexKey", "GetAttrKey", "Path", "SequenceKey", "keystr"]

Path = tuple[Any, ...]


class _Key:
    """One step of a path: it holds one value, under the name that says what it is.

    Not dataclasses: making four of them takes a twentieth of the time to import the package.
    """

    __slots__ = ("_value",)

    form = "{!r}"  #: How the step is written in Python.
    field = "value"  #: The name of what it holds.

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """The index, the key or the name."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._value == other._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __str__(self) -> str:
        return self.form.format(self._value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.field}={self._value!r})"


class SequenceKey(_Key):
    """One step of a path: the element `idx` of a list or a tuple."""

    __slots__ = ()
    form = "[{!r}]"
    field = "idx"
    idx = _Key.value


class DictKey(_Key):
    """One step of a path: the entry `key` of a dict."""

    __slots__ = ()
    form = "[{!r}]"
    field = "key"
    key = _Key.value


class GetAttrKey(_Key):
    """One step of a path: the attribute `name` of a named tuple or a dataclass."""

    __slots__ = ()
    form = ".{}"
    field = "name"
    name = _Key.value


class FlattenedIndexKey(_Key):
    """One step of a path: the child `key` of a registered class."""

    __slots__ = ()
    form = "[<flat index {}>]"
    field = "key"
    key = _Key.value


def keystr(keys: Path, *, simple: bool = False, separator: str = "") -> str:
    """A path as Python would write it, or its bare names joined by `separator` when `simple`.

    >>> import fxad
    >>> path, leaf = fxad.tree.flatten_with_path({"layers": [1.0]})[0][0]
    >>> fxad.tree.keystr(path)
    "['layers'][0]"
    >>> fxad.tree.keystr(path, simple=True, separator="/")
    'layers/0'
    """
    return separator.join([str(key.value) if simple and isinstance(key, _Key) else str(key) for key in keys])
