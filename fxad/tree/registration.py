"""Making containers of further classes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from fxad.tree.nodes import custom_node, dataclass_node, register, split_fields

__all__ = [
    "Partial",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_static",
]

C = TypeVar("C", bound=type)


def register_pytree_node(
    nodetype: type,
    flatten_func: Callable[[Any], tuple[Iterable[Any], Hashable]],
    unflatten_func: Callable[[Any, Any], Any],
) -> None:
    """Make the instances of a class containers.

    Args:
        nodetype: the class; its subclasses are not registered with it.
        flatten_func: takes an instance to `(children, aux)`; `aux` is what else it holds, and
            has to be hashable and comparable.
        unflatten_func: takes `(aux, children)` to an instance. It is called with children that
            are not arrays (tracers, plain objects) too, so it should not check or convert them.

    Raises:
        ValueError: the class is already registered.

    >>> import fxad
    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> fxad.tree.register_pytree_node(Pair, lambda p: ((p.a, p.b), None), lambda _, ab: Pair(*ab))
    >>> fxad.tree.leaves(Pair(1.0, [2.0, 3.0]))
    [1.0, 2.0, 3.0]
    """
    register(nodetype, custom_node(nodetype, flatten_func, unflatten_func))


def register_pytree_node_class(cls: C) -> C:
    """Make the instances of a class containers, by its `tree_flatten` and `tree_unflatten`.

    `tree_flatten(self)` returns `(children, aux)`; the classmethod `tree_unflatten(cls, aux,
    children)` is its inverse. For use as a decorator.

    Raises:
        ValueError: the class is already registered.

    >>> import fxad
    >>> @fxad.tree.register_pytree_node_class
    ... class Scale:
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...     def tree_flatten(self):
    ...         return (self.factor,), None
    ...     @classmethod
    ...     def tree_unflatten(cls, aux, children):
    ...         return cls(*children)
    >>> fxad.tree.map(lambda x: x + 1, Scale(2.0)).factor
    3.0
    """
    methods: Any = cls
    register(cls, custom_node(cls, lambda tree: tree.tree_flatten(), methods.tree_unflatten))
    return cls


def register_dataclass(
    nodetype: C,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> C:
    """Choose which fields of a dataclass are children and which are static.

    A dataclass is a container without this: all fields that its constructor takes are children,
    but for those declared with `metadata={"static": True}`. Register it to say otherwise.

    Args:
        nodetype: the class; also one that is no dataclass, if its constructor takes the fields.
        data_fields: the names of the children.
        meta_fields: the names of the static fields; their values have to be hashable.
        drop_fields: the names of fields that the constructor can do without.

    Returns:
        The class, so that this can be used as a decorator.

    Raises:
        ValueError: the class is already registered, or a field of the constructor is left out.
        TypeError: only one of `data_fields` and `meta_fields` is given.

    >>> import fxad
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Layer:
    ...     weight: float
    ...     name: str
    >>> fxad.tree.register_dataclass(Layer, data_fields=["weight"], meta_fields=["name"]) is Layer
    True
    >>> fxad.tree.structure(Layer(0.5, "first"))
    PyTreeDef(Layer(weight=*, name='first'))
    """
    if (data_fields is None) != (meta_fields is None):
        raise TypeError("register_dataclass takes both of data_fields and meta_fields, or neither")
    if data_fields is None or meta_fields is None:
        if not dataclasses.is_dataclass(nodetype):
            raise TypeError(
                f"{nodetype.__name__} is no dataclass: give data_fields and meta_fields"
            )
        data, meta = split_fields(nodetype)
        data = tuple([name for name in data if name not in drop_fields])
    else:
        data, meta = tuple(data_fields), tuple(meta_fields)
    if dataclasses.is_dataclass(nodetype):
        known = {field.name for field in dataclasses.fields(nodetype) if field.init}
        wrong = known.symmetric_difference({*data, *meta, *drop_fields})
        if wrong:
            raise ValueError(
                f"data_fields, meta_fields and drop_fields of {nodetype.__name__} do not name"
                f" exactly the fields of its constructor; see {sorted(wrong)}"
            )
    register(nodetype, dataclass_node(nodetype, data, meta))
    return nodetype


def register_static(cls: C) -> C:
    """Make the instances of a class containers without a leaf: part of the structure.

    The instances have to be hashable and comparable. For use as a decorator.

    Raises:
        ValueError: the class is already registered.
    """
    register(cls, custom_node(cls, lambda tree: ((), tree), lambda aux, children: aux))
    return cls


class Partial(functools.partial[Any]):
    """`functools.partial` as a container: its arguments are leaves, its function is static.

    >>> import fxad, operator
    >>> double = fxad.tree.Partial(operator.mul, 2.0)
    >>> fxad.tree.map(lambda x: x + 1, double)(5.0)
    15.0
    """


register(
    Partial,
    custom_node(
        Partial,
        lambda tree: ((tree.args, tree.keywords), tree.func),
        lambda func, children: Partial(func, *children[0], **children[1]),
    ),
)
