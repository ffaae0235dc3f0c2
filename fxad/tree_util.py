"""The functions of `fxad.tree` under the names that `jax.tree_util` gives them."""

from __future__ import annotations

from collections.abc import Iterable

from fxad.tree import (
    DictKey,
    FlattenedIndexKey,
    GetAttrKey,
    Partial,
    PyTreeDef,
    SequenceKey,
    all_leaves,
    keystr,
    ravel_pytree,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_static,
)
from fxad.tree import all as tree_all
from fxad.tree import flatten as tree_flatten
from fxad.tree import flatten_with_path as tree_flatten_with_path
from fxad.tree import leaves as tree_leaves
from fxad.tree import leaves_with_path as tree_leaves_with_path
from fxad.tree import map as tree_map
from fxad.tree import map_with_path as tree_map_with_path
from fxad.tree import reduce as tree_reduce
from fxad.tree import structure as tree_structure
from fxad.tree import transpose as tree_transpose
from fxad.tree import unflatten as tree_unflatten

__all__ = [
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all_leaves",
    "keystr",
    "ravel_pytree",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_static",
    "tree_all",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_leaves",
    "tree_leaves_with_path",
    "tree_map",
    "tree_map_with_path",
    "tree_reduce",
    "tree_structure",
    "tree_transpose",
    "tree_unflatten",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a structure is that of one leaf.

    >>> treedef_is_leaf(tree_structure(1.0)), treedef_is_leaf(tree_structure((1.0,)))
    (True, False)
    """
    return treedef.num_nodes == 1 and treedef.num_leaves == 1


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """The structures of the root's children.

    >>> treedef_children(tree_structure((1.0, [2.0])))
    [PyTreeDef(*), PyTreeDef([*])]
    """
    return treedef.children()


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    """The structure of a tuple of trees of these structures.

    >>> treedef_tuple([tree_structure(1.0), tree_structure([2.0])])
    PyTreeDef((*, [*]))
    """
    return tree_structure(tuple([t.unflatten([0] * t.num_leaves) for t in treedefs]))
