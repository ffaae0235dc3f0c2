"""The container classes: how an instance of each is taken apart and put together."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fxad.errors import TypeMismatch, explain
from fxad.tree.paths import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

__all__ = [
    "UNKNOWN",
    "Node",
    "container",
    "custom_node",
    "dataclass_node",
    "learn",
    "node_of",
    "node_types",
    "register",
    "split_fields",
]


class Node:
    """How one container class is taken apart, put together, addressed and printed.

    `flatten(x)` gives the children (a list or tuple) and what else the container holds (`aux`);
    `unflatten(aux, children)` is its inverse; `keys(aux, n)` are the steps to the children; and
    `show(aux, texts)` prints the container around its printed children.
    """

    __slots__ = ("flatten", "keys", "show", "unflatten")

    def __init__(
        self,
        flatten: Callable[[Any], tuple[Sequence[Any], Any]],
        unflatten: Callable[[Any, list[Any]], Any],
        keys: Callable[[Any, int], Iterable[Any]],
        show: Callable[[Any, list[str]], str],
    ) -> None:
        self.flatten = flatten
        self.unflatten = unflatten
        self.keys = keys
        self.show = show


def _sorted_keys(tree: Mapping[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(tree))
    except TypeError:
        kinds = sorted({type(key).__name__ for key in tree})
        raise TypeMismatch(
            explain(
                "The leaves of a dict are taken in the order of its sorted keys, and the keys of"
                f" this one cannot be sorted: they are of types {', '.join(kinds)}.",
                fix="keys of one type, or a collections.OrderedDict, which keeps its own order",
            )
        ) from None


def _flatten_dict(tree: dict[Any, Any]) -> tuple[list[Any], Any]:
    keys = _sorted_keys(tree)
    return [tree[key] for key in keys], keys


def _flatten_ordered(tree: dict[Any, Any]) -> tuple[list[Any], Any]:
    return list(tree.values()), tuple(tree)


def _flatten_default(tree: defaultdict[Any, Any]) -> tuple[list[Any], Any]:
    keys = _sorted_keys(tree)
    return [tree[key] for key in keys], (tree.default_factory, keys)


def _items(keys: Iterable[Any], texts: list[str]) -> str:
    return ", ".join([f"{key!r}: {text}" for key, text in zip(keys, texts, strict=True)])


def _named(keys: Iterable[str], texts: list[str]) -> str:
    return ", ".join([f"{key}={text}" for key, text in zip(keys, texts, strict=True)])


def _sequence_keys(aux: Any, n: int) -> list[SequenceKey]:
    return [SequenceKey(i) for i in range(n)]


_BUILTIN: dict[type, Node] = {
    type(None): Node(
        lambda tree: ((), None),
        lambda aux, children: None,
        lambda aux, n: (),
        lambda aux, texts: "None",
    ),
    tuple: Node(
        lambda tree: (tree, None),
        lambda aux, children: tuple(children),
        _sequence_keys,
        lambda aux, texts: f"({', '.join(texts)}{',' if len(texts) == 1 else ''})",
    ),
    list: Node(
        lambda tree: (tree, None),
        lambda aux, children: children,
        _sequence_keys,
        lambda aux, texts: f"[{', '.join(texts)}]",
    ),
    dict: Node(
        _flatten_dict,
        lambda keys, children: dict(zip(keys, children, strict=True)),
        lambda keys, n: [DictKey(key) for key in keys],
        lambda keys, texts: f"{{{_items(keys, texts)}}}",
    ),
    OrderedDict: Node(
        _flatten_ordered,
        lambda keys, children: OrderedDict(zip(keys, children, strict=True)),
        lambda keys, n: [DictKey(key) for key in keys],
        lambda keys, texts: f"OrderedDict({{{_items(keys, texts)}}})",
    ),
    defaultdict: Node(
        _flatten_default,
        lambda aux, children: defaultdict(aux[0], zip(aux[1], children, strict=True)),
        lambda aux, n: [DictKey(key) for key in aux[1]],
        lambda aux, texts: f"defaultdict({aux[0]!r}, {{{_items(aux[1], texts)}}})",
    ),
}

#: What the user registered, and the built-in containers.
_registered: dict[type, Node] = dict(_BUILTIN)
#: The same, with every other class met so far: its node, or None for the class of a leaf.
node_types: dict[type, Node | None] = dict(_BUILTIN)
_lock = threading.RLock()
#: Bounds what is remembered of classes that a process makes and drops by the thousand.
_CLASSES = 8192
UNKNOWN: Any = object()


def learn(cls: type) -> Node | None:
    """The node of a class met for the first time, remembered; None when it is a leaf's."""
    node = _registered.get(cls)
    if node is None:
        if issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple):
            node = _named_tuple_node(cls)
        elif dataclasses.is_dataclass(cls):
            node = dataclass_node(cls, *split_fields(cls))
    with _lock:
        if len(node_types) >= _CLASSES:
            node_types.clear()
            node_types.update(_registered)
        node_types.setdefault(cls, node)  # a registration in another thread may have come first
        return node_types[cls]


def node_of(tree: Any) -> Node | None:
    """The node of `tree`'s class, or None for a leaf."""
    cls = type(tree)
    node = node_types.get(cls, UNKNOWN)
    return learn(cls) if node is UNKNOWN else node


def container(cls: type) -> Node:
    """The node of a class that is known to be a container's."""
    node = node_types.get(cls) or learn(cls)
    assert node is not None
    return node


def _named_tuple_node(cls: Any) -> Node:
    names: tuple[str, ...] = cls._fields
    return Node(
        lambda tree: (tuple(tree), None),
        lambda aux, children: cls._make(children),
        lambda aux, n: [GetAttrKey(name) for name in names],
        lambda aux, texts: f"{cls.__name__}({_named(names, texts)})",
    )


def split_fields(cls: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a dataclass's children, and of its static fields."""
    fields = [field for field in dataclasses.fields(cls) if field.init]
    static = [field.name for field in fields if field.metadata.get("static", False)]
    return tuple([field.name for field in fields if field.name not in static]), tuple(static)


def dataclass_node(cls: Any, data: tuple[str, ...], meta: tuple[str, ...]) -> Node:
    """The node of a dataclass with the fields `data` as children and the fields `meta` static."""

    def flatten_fields(tree: Any) -> tuple[list[Any], Any]:
        static = [getattr(tree, name) for name in meta]
        # The types are part of the structure, because 2 == 2.0 == np.float32(2), and a function
        # traced for one of them is not the function of the others.
        return [getattr(tree, name) for name in data], tuple([(type(v), v) for v in static])

    def build(aux: Any, children: list[Any]) -> Any:
        fields = dict(zip(data, children, strict=True))
        fields.update(zip(meta, [value for _, value in aux], strict=True))
        return cls(**fields)

    def show(aux: Any, texts: list[str]) -> str:
        static = [repr(value) for _, value in aux]
        return f"{cls.__name__}({_named((*data, *meta), texts + static)})"

    return Node(flatten_fields, build, lambda aux, n: [GetAttrKey(name) for name in data], show)


def custom_node(
    cls: type,
    flatten: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten: Callable[[Any, Any], Any],
) -> Node:
    """The node of a class with a user's pair of functions."""

    def take_apart(tree: Any) -> tuple[Sequence[Any], Any]:
        children, aux = flatten(tree)
        return tuple(children), aux

    return Node(
        take_apart,
        lambda aux, children: unflatten(aux, tuple(children)),
        lambda aux, n: [FlattenedIndexKey(i) for i in range(n)],
        lambda aux, texts: f"CustomNode({cls.__name__}[{aux!r}], [{', '.join(texts)}])",
    )


def register(cls: type, node: Node) -> None:
    """Make a class a container's.

    Raises:
        ValueError: it is registered already.
    """
    if not isinstance(cls, type):
        raise TypeError(f"only a class can be registered as a pytree, not {cls!r}")
    with _lock:
        if cls in _registered:
            raise ValueError(f"{cls.__qualname__} is already registered as a pytree")
        _registered[cls] = node
        node_types[cls] = node
