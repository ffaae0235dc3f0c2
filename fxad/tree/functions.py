"""What is done with trees."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from fxad.errors import TreeMismatch
from fxad.tree.nodes import UNKNOWN, learn, node_of, node_types
from fxad.tree.paths import Path
from fxad.tree.treedef import LEAF, PyTreeDef, flat_tuple, mismatch, treedef_of

__all__ = [
    "all",
    "all_leaves",
    "broadcast_prefix",
    "flatten",
    "flatten_with_path",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "reduce",
    "structure",
    "transpose",
    "unflatten",
]

IsLeaf = Callable[[Any], bool]
#: More containers than this in one tree means that a container holds itself.
_CONTAINERS = 1 << 21


def flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], PyTreeDef]:
    """The leaves of a tree from left to right, and its structure.

    Args:
        tree: any value; one that is no container is a leaf itself.
        is_leaf: called with every subtree; True makes it a leaf.

    Raises:
        TypeMismatch: a dict has keys that cannot be sorted.
        ValueError: a container holds itself.

    >>> import fxad
    >>> fxad.tree.flatten((1.0, [2.0, None]))
    ([1.0, 2.0], PyTreeDef((*, [*, None])))
    """
    if is_leaf is None:
        cls = type(tree)
        node = node_types.get(cls, UNKNOWN)
        if node is None:
            return [tree], LEAF
        if cls is tuple:
            for child in tree:
                if node_types.get(type(child), UNKNOWN) is not None:
                    break
            else:
                return list(tree), flat_tuple(len(tree))
    return _flatten(tree, is_leaf)


def _flatten(tree: Any, is_leaf: IsLeaf | None) -> tuple[list[Any], PyTreeDef]:
    found: list[Any] = []
    entries: list[Any] = []
    stack = [tree]
    while stack:
        subtree = stack.pop()
        cls = type(subtree)
        node = node_types.get(cls, UNKNOWN)
        if node is UNKNOWN:
            node = learn(cls)
        if node is None or (is_leaf is not None and is_leaf(subtree)):
            found.append(subtree)
            entries.append(None)
            continue
        children, aux = node.flatten(subtree)
        entries.append((cls, len(children), aux))
        stack.extend(children[::-1])
        if len(entries) - len(found) > _CONTAINERS:
            raise ValueError("a container in this pytree holds itself")
    return found, treedef_of(tuple(entries))


def unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """The tree of structure `treedef` that has these leaves.

    Raises:
        TreeMismatch: there are more or fewer leaves than the structure has.

    >>> import fxad
    >>> fxad.tree.unflatten(fxad.tree.structure({"a": 0, "b": (0, 0)}), [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    return treedef.unflatten(leaves)


def leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """The leaves of a tree from left to right.

    >>> import fxad
    >>> fxad.tree.leaves({"b": 2.0, "a": (1.0, None)})
    [1.0, 2.0]
    """
    return flatten(tree, is_leaf)[0]


def structure(tree: Any, is_leaf: IsLeaf | None = None) -> PyTreeDef:
    """The structure of a tree.

    >>> import fxad
    >>> fxad.tree.structure([1.0, (2.0,)])
    PyTreeDef([*, (*,)])
    """
    return flatten(tree, is_leaf)[1]


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of `f(leaf, ...)`; the other trees have `tree`'s structure as a prefix.

    Args:
        f: called with a leaf of `tree`, and the subtree of each of `rest` at the same place.
        tree: the tree whose structure the result has.
        rest: more trees.
        is_leaf: called with every subtree of `tree`; True makes it a leaf.

    Raises:
        TreeMismatch: one of `rest` does not have the structure of `tree`.

    >>> import fxad
    >>> fxad.tree.map(lambda x, y: x + y, {"a": 1, "b": 2}, {"a": 10, "b": 20})
    {'a': 11, 'b': 22}
    """
    first, treedef = flatten(tree, is_leaf)
    if not rest:
        return treedef.unflatten([f(x) for x in first])
    columns = [treedef.flatten_up_to(other) for other in rest]
    return treedef.unflatten([f(*xs) for xs in zip(first, *columns, strict=True)])


_NOTHING: Any = object()


def reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _NOTHING,
    is_leaf: IsLeaf | None = None,
) -> Any:
    """`functools.reduce` over the leaves of a tree.

    Raises:
        TypeError: the tree has no leaf and there is no `initializer`.

    >>> import fxad, operator
    >>> fxad.tree.reduce(operator.add, {"a": 1, "b": [2, 3]})
    6
    """
    if initializer is _NOTHING:
        return functools.reduce(function, leaves(tree, is_leaf))
    return functools.reduce(function, leaves(tree, is_leaf), initializer)


def all(tree: Any, *, is_leaf: IsLeaf | None = None) -> bool:
    """Whether every leaf of a tree is true.

    >>> import fxad
    >>> fxad.tree.all({"a": True, "b": [True, False]})
    False
    """
    return False not in [bool(leaf) for leaf in leaves(tree, is_leaf)]


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf | None = None) -> bool:
    """Whether every element is a leaf.

    >>> import fxad
    >>> fxad.tree.all_leaves([1.0, 2.0]), fxad.tree.all_leaves([1.0, (2.0,)])
    (True, False)
    """
    return not any(
        node_of(x) is not None and not (is_leaf is not None and is_leaf(x)) for x in iterable
    )


def transpose(outer: PyTreeDef, inner: PyTreeDef | None, tree: Any) -> Any:
    """Turn a tree of trees inside out.

    Args:
        outer: the structure of the outer tree.
        inner: the structure that every leaf of the outer tree has; None to read it off the first.
        tree: the tree to turn: of structure `outer`, with trees of structure `inner` as leaves.

    Raises:
        TreeMismatch: the tree does not have that structure.

    >>> import fxad
    >>> pairs = {"a": (1, 2), "b": (3, 4)}
    >>> structure = fxad.tree.structure
    >>> fxad.tree.transpose(structure({"a": 0, "b": 0}), structure((0, 0)), pairs)
    ({'a': 1, 'b': 3}, {'a': 2, 'b': 4})
    """
    subtrees = outer.flatten_up_to(tree)
    if inner is None:
        if not subtrees:
            raise TreeMismatch("a tree without a leaf does not tell the inner structure")
        inner = structure(subtrees[0])
    rows = [inner.flatten_up_to(subtree) for subtree in subtrees]
    return inner.unflatten(
        [outer.unflatten([row[i] for row in rows]) for i in range(inner.num_leaves)]
    )


def flatten_with_path(
    tree: Any, is_leaf: IsLeaf | None = None
) -> tuple[list[tuple[Path, Any]], PyTreeDef]:
    """The leaves of a tree, each with the path to it, and its structure.

    >>> import fxad
    >>> pairs, _ = fxad.tree.flatten_with_path({"a": 1.0, "b": [2.0]})
    >>> [(fxad.tree.keystr(path), leaf) for path, leaf in pairs]
    [("['a']", 1.0), ("['b'][0]", 2.0)]
    """
    found, treedef = flatten(tree, is_leaf)
    return list(zip(treedef.paths(), found, strict=True)), treedef


def leaves_with_path(tree: Any, is_leaf: IsLeaf | None = None) -> list[tuple[Path, Any]]:
    """The leaves of a tree, each with the path to it.

    >>> import fxad
    >>> fxad.tree.leaves_with_path((5.0,))
    [((SequenceKey(idx=0),), 5.0)]
    """
    return flatten_with_path(tree, is_leaf)[0]


def map_with_path(
    f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf | None = None
) -> Any:
    """The tree of `f(path, leaf, ...)`; otherwise as `map`.

    Raises:
        TreeMismatch: one of `rest` does not have the structure of `tree`.

    >>> import fxad
    >>> fxad.tree.map_with_path(lambda path, x: fxad.tree.keystr(path), {"a": 1, "b": (2,)})
    {'a': "['a']", 'b': ("['b'][0]",)}
    """
    first, treedef = flatten(tree, is_leaf)
    columns = [treedef.flatten_up_to(other) for other in rest]
    rows = zip(treedef.paths(), first, *columns, strict=True)
    return treedef.unflatten([f(*xs) for xs in rows])


def broadcast_prefix(prefix: Any, tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """One value for every leaf of `tree`: a leaf of `prefix` counts for all leaves below its place.

    None is a leaf of the prefix, so that `in_axes=(0, None)` says "not mapped".

    Args:
        prefix: a tree whose structure is a prefix of `tree`'s.
        tree: the full tree.
        is_leaf: called with every subtree of `prefix`; True makes it a leaf.

    Raises:
        TreeMismatch: the prefix does not fit the tree; names the place.

    >>> import fxad
    >>> fxad.tree.broadcast_prefix((0, None), ([1.0, 2.0], {"a": 3.0}))
    [0, 0, None]
    """
    found: list[Any] = []
    stack: list[tuple[Any, Any, Any]] = [(prefix, tree, None)]
    while stack:
        given, subtree, link = stack.pop()
        node = None if given is None else node_of(given)
        if node is None or (is_leaf is not None and is_leaf(given)):
            found += [given] * structure(subtree).num_leaves
            continue
        children, aux = node.flatten(given)
        parts, own = node.flatten(subtree) if type(subtree) is type(given) else ((), UNKNOWN)
        if own is UNKNOWN or own != aux or len(parts) != len(children):
            expected = node.show(aux, ["..."] * len(children))
            raise mismatch(link, f"the prefix has {expected} there", subtree)
        keys = node.keys(aux, len(children))
        below = [(c, p, (link, k)) for c, p, k in zip(children, parts, keys, strict=True)]
        stack.extend(below[::-1])
    return found
