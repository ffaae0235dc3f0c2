"""Where a leaf is in its tree: a path is a tuple of keys, one a step."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

__all__ = ["DictKey", "FlattenedIndexKey", "GetAttrKey", "Path", "SequenceKey", "keystr"]

Path = tuple[Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceKey:
    """One step of a path: the element `idx` of a list or a tuple."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"


@dataclasses.dataclass(frozen=True, slots=True)
class DictKey:
    """One step of a path: the entry `key` of a dict."""

    key: Hashable

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@dataclasses.dataclass(frozen=True, slots=True)
class GetAttrKey:
    """One step of a path: the attribute `name` of a named tuple or a dataclass."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class FlattenedIndexKey:
    """One step of a path: the child `key` of a registered class."""

    key: int

    def __str__(self) -> str:
        return f"[<flat index {self.key}>]"


def keystr(keys: Path, *, simple: bool = False, separator: str = "") -> str:
    """A path as Python would write it, or its bare names joined by `separator` when `simple`.

    >>> import fxad
    >>> path, leaf = fxad.tree.flatten_with_path({"layers": [1.0]})[0][0]
    >>> fxad.tree.keystr(path)
    "['layers'][0]"
    >>> fxad.tree.keystr(path, simple=True, separator="/")
    'layers/0'
    """
    return separator.join([str(_bare(key)) if simple else str(key) for key in keys])


def _bare(key: Any) -> Any:
    """What a step of a path holds: the index, the key or the name."""
    return getattr(key, dataclasses.fields(key)[0].name) if dataclasses.is_dataclass(key) else key
