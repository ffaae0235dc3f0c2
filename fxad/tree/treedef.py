"""The structure of a tree."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from fxad.errors import TreeMismatch
from fxad.tree.nodes import UNKNOWN, container, node_of
from fxad.tree.paths import Path, keystr

__all__ = ["LEAF", "PyTreeDef", "flat_tuple", "mismatch", "treedef_of"]


class PyTreeDef:
    """The structure of a pytree: the tree without its leaves.

    Hashable, and equal to the structure of every tree that differs only in its leaves.

    Attributes:
        num_leaves: how many leaves such a tree has.
    """

    __slots__ = ("_hash", "_nodes", "num_leaves")

    num_leaves: int

    def __init__(self, nodes: tuple[Any, ...]) -> None:
        # In preorder: None for a leaf, (class, number of children, aux) for a container.
        self._nodes = nodes
        self.num_leaves = nodes.count(None)
        self._hash: int | None = None

    @property
    def num_nodes(self) -> int:
        """The number of containers and leaves."""
        return len(self._nodes)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, PyTreeDef) and self._nodes == other._nodes)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self._nodes)
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return PyTreeDef, (self._nodes,)

    def __repr__(self) -> str:
        texts: list[str] = []
        for entry in reversed(self._nodes):
            if entry is None:
                texts.append("*")
            else:
                cls, n, aux = entry
                texts.append(container(cls).show(aux, _pop(texts, n)))
        return f"PyTreeDef({texts[0]})"

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure that has these leaves.

        Raises:
            TreeMismatch: there are more or fewer leaves than `num_leaves`.
        """
        rest = list(leaves)
        if len(rest) != self.num_leaves:
            raise TreeMismatch(
                f"a tree of structure {_short(repr(self))} has {self.num_leaves} leaves;"
                f" got {len(rest)}"
            )
        if self is LEAF:
            return rest[0]
        root = self._nodes[0]
        if root is not None and root[0] is tuple and root[1] == len(rest) == len(self._nodes) - 1:
            return tuple(rest)  # the common case, at a tenth of the cost
        # Backwards over the preorder, the children of a node lie on the stack, the first on top.
        stack: list[Any] = []
        for entry in reversed(self._nodes):
            if entry is None:
                stack.append(rest.pop())
            else:
                cls, n, aux = entry
                children = _pop(stack, n)
                stack.append(container(cls).unflatten(aux, children))
        return stack[0]

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The subtrees of `tree` where this structure has leaves: this is a prefix of the tree.

        >>> import fxad
        >>> outer = fxad.tree.structure({"a": 0, "b": 0})
        >>> outer.flatten_up_to({"a": [1, 2], "b": 3})
        [[1, 2], 3]

        Raises:
            TreeMismatch: the structure is not a prefix of the tree's; names the place.
        """
        if self is LEAF:
            return [tree]
        found: list[Any] = []
        stack = [tree]
        for entry in self._nodes:
            subtree = stack.pop()
            if entry is None:
                found.append(subtree)
                continue
            cls, n, aux = entry
            if type(subtree) is not cls:
                raise self._mismatch(tree)
            children, own = container(cls).flatten(subtree)
            if len(children) != n or own != aux:
                raise self._mismatch(tree)
            stack.extend(children[::-1])
        return found

    def _mismatch(self, tree: Any) -> TreeMismatch:
        """The error for a tree that does not begin with this structure, with the place."""
        stack: list[tuple[Any, Any]] = [(tree, None)]
        for entry in self._nodes:
            subtree, link = stack.pop()
            if entry is None:
                continue
            cls, n, aux = entry
            node = container(cls)
            children, own = node.flatten(subtree) if type(subtree) is cls else ((), UNKNOWN)
            if own is UNKNOWN or len(children) != n or own != aux:
                expected = node.show(aux, ["..."] * n)
                return mismatch(link, f"expected {expected}", subtree)
            keys = list(node.keys(aux, n))
            stack.extend([(c, (link, k)) for c, k in zip(children, keys, strict=True)][::-1])
        raise AssertionError("the trees do match")

    def children(self) -> list[PyTreeDef]:
        """The structures of the root's children."""
        # Backwards, each finished subtree is a span; a node swallows the spans of its children.
        spans: list[int] = []
        for entry in reversed(self._nodes[1:]):
            n = 0 if entry is None else entry[1]
            spans.append(1 + sum(_pop(spans, n)))
        found, start = [], 1
        for span in reversed(spans):
            found.append(treedef_of(self._nodes[start : start + span]))
            start += span
        return found

    def node_data(self) -> tuple[type, Any] | None:
        """The class of the root and what it holds besides its children; None for a leaf."""
        root = self._nodes[0]
        return None if root is None else (root[0], root[2])

    def paths(self) -> list[Path]:
        """The path of every leaf, as a tuple of `SequenceKey`, `DictKey`, `GetAttrKey`, ..."""
        found: list[Path] = []
        stack: list[Any] = [None]  # a path is a chain of (parent, key) until it is asked for
        for entry in self._nodes:
            link = stack.pop()
            if entry is None:
                found.append(_path(link))
            else:
                cls, n, aux = entry
                keys = list(container(cls).keys(aux, n))
                stack.extend([(link, key) for key in keys[::-1]])
        return found


#: The structure of a tree that is one leaf.
LEAF = PyTreeDef((None,))


def treedef_of(nodes: tuple[Any, ...]) -> PyTreeDef:
    """The structure with these nodes; `LEAF` itself for the one of a leaf."""
    return LEAF if nodes == (None,) else PyTreeDef(nodes)


@functools.lru_cache(maxsize=256)
def flat_tuple(n: int) -> PyTreeDef:
    """The structure of a tuple of `n` leaves."""
    return PyTreeDef(((tuple, n, None), *(None,) * n))


def _pop(stack: list[Any], n: int) -> list[Any]:
    """The top `n` of a stack, the top first, taken off it."""
    if n == 0:
        return []
    top = stack[: -n - 1 : -1]
    del stack[-n:]
    return top


def _path(link: Any) -> Path:
    keys = []
    while link is not None:
        link, key = link
        keys.append(key)
    return tuple(keys[::-1])


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."


def mismatch(link: Any, expected: str, got: Any) -> TreeMismatch:
    """The error for `got` at the place that `link` (a chain of keys) leads to."""
    node = node_of(got)
    if node is None:
        given = f"a leaf of type {type(got).__name__}"
    else:
        children, aux = node.flatten(got)
        given = node.show(aux, ["..."] * len(children))
    place = f"at {keystr(_path(link))}" if link is not None else "at their root"
    return TreeMismatch(
        f"two pytrees differ in structure {place}: {_short(expected)}, got {_short(given)}"
    )
