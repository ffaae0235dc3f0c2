"""Pytrees: nested containers of arrays, taken apart into leaves and put together again.

A *leaf* is anything that is not a container. The containers are `dict`, `OrderedDict`,
`defaultdict`, `list`, `tuple`, named tuples, `None` (which holds no leaf), instances of
dataclasses, `Partial`, and classes registered here. As in JAX, subclasses of `dict`, `list` and
`tuple` that are not registered are leaves.

>>> import fxad
>>> leaves, treedef = fxad.tree.flatten({"w": [1.0, 2.0], "b": 3.0})
>>> leaves, treedef
([3.0, 1.0, 2.0], PyTreeDef({'b': *, 'w': [*, *]}))
>>> fxad.tree.unflatten(treedef, [x * 10 for x in leaves])
{'b': 30.0, 'w': [10.0, 20.0]}

A `PyTreeDef` is the nodes of the tree in preorder, so that comparing and hashing one is comparing
and hashing a tuple, and so that nothing here recurses: a tree may be nested as deeply as it likes.
"""

from fxad.tree.functions import (
    all,
    all_leaves,
    broadcast_prefix,
    flatten,
    flatten_with_path,
    leaves,
    leaves_with_path,
    map,
    map_with_path,
    reduce,
    structure,
    transpose,
    unflatten,
)
from fxad.tree.paths import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey, keystr
from fxad.tree.raveling import ravel_pytree
from fxad.tree.registration import (
    Partial,
    register_dataclass,
    register_pytree_node,
    register_pytree_node_class,
    register_static,
)
from fxad.tree.treedef import LEAF, PyTreeDef

__all__ = [
    "LEAF",
    "DictKey",
    "FlattenedIndexKey",
    "GetAttrKey",
    "Partial",
    "PyTreeDef",
    "SequenceKey",
    "all",
    "all_leaves",
    "broadcast_prefix",
    "flatten",
    "flatten_with_path",
    "keystr",
    "leaves",
    "leaves_with_path",
    "map",
    "map_with_path",
    "ravel_pytree",
    "reduce",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_static",
    "structure",
    "transpose",
    "unflatten",
]
