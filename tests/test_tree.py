"""Pytrees: what is a container, in which order its leaves come, and how structures compare."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxad import tree, tree_util
from fxad.errors import TreeMismatch, TypeMismatch

Point = namedtuple("Point", ["x", "y"])


class Typed(NamedTuple):
    first: Any
    second: Any


@dataclass
class Layer:
    weight: Any
    bias: Any
    name: str = field(default="layer", metadata={"static": True})
    size: int = field(init=False, default=0)


@dataclass(frozen=True, slots=True)
class Frozen:
    value: Any


@tree.register_pytree_node_class
class Box:
    def __init__(self, content, label):
        self.content = content
        self.label = label

    def tree_flatten(self):
        return (self.content,), self.label

    @classmethod
    def tree_unflatten(cls, label, children):
        return cls(*children, label)

    def __eq__(self, other):
        return isinstance(other, Box) and vars(self) == vars(other)

    __hash__ = None


class ListSubclass(list):
    pass


CASES = [
    # tree, leaves, printed structure
    (1.0, [1.0], "*"),
    ("text", ["text"], "*"),
    (None, [], "None"),
    ((), [], "()"),
    ([], [], "[]"),
    ({}, [], "{}"),
    ((1,), [1], "(*,)"),
    ((1, 2), [1, 2], "(*, *)"),
    ([1, (2, None), [3]], [1, 2, 3], "[*, (*, None), [*]]"),
    ({"b": 1, "a": 2}, [2, 1], "{'a': *, 'b': *}"),
    ({2: "x", 1: [3, 4]}, [3, 4, "x"], "{1: [*, *], 2: *}"),
    (OrderedDict(b=1, a=2), [1, 2], "OrderedDict({'b': *, 'a': *})"),
    (defaultdict(list, b=1, a=2), [2, 1], "defaultdict(<class 'list'>, {'a': *, 'b': *})"),
    (Point(1, (2, 3)), [1, 2, 3], "Point(x=*, y=(*, *))"),
    (Typed([1], None), [1], "Typed(first=[*], second=None)"),
    (Layer(1, [2, 3], name="in"), [1, 2, 3], "Layer(weight=*, bias=[*, *], name='in')"),
    (Frozen({"k": 1}), [1], "Frozen(value={'k': *})"),
    (Box([1, 2], "b"), [1, 2], "CustomNode(Box['b'], [[*, *]])"),
    (ListSubclass([1, 2]), [ListSubclass([1, 2])], "*"),
    (Layer, [Layer], "*"),
    ({1, 2}, [{1, 2}], "*"),
]


@pytest.mark.parametrize(("value", "leaves", "text"), CASES)
def test_flatten_and_unflatten(value, leaves, text):
    found, treedef = tree.flatten(value)
    assert found == leaves
    assert repr(treedef) == f"PyTreeDef({text})"
    assert treedef.num_leaves == len(leaves)
    rebuilt = tree.unflatten(treedef, found)
    assert rebuilt == value
    assert type(rebuilt) is type(value)
    assert pickle.loads(pickle.dumps(treedef)) == treedef


@pytest.mark.parametrize(("value", "leaves", "text"), CASES)
def test_structures_are_equal_to_themselves_and_to_no_other(value, leaves, text):
    treedef = tree.structure(value)
    others = [tree.structure(other) for other, _, printed in CASES if printed != text]
    assert treedef == tree.structure(value)
    assert hash(treedef) == hash(tree.structure(value))
    assert treedef not in others
    assert treedef != text


KEYS = st.text("abc", min_size=1, max_size=2)
LEAVES = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=2))
TREES = st.recursive(
    st.one_of(LEAVES, st.none()),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.lists(below, max_size=3).map(tuple),
        st.dictionaries(KEYS, below, max_size=3),
        st.dictionaries(KEYS, below, max_size=3).map(OrderedDict),
        st.dictionaries(KEYS, below, max_size=3).map(lambda d: defaultdict(int, d)),
        st.builds(Point, below, below),
        st.builds(Layer, below, below, KEYS),
        st.builds(Box, below, KEYS),
    ),
    max_leaves=12,
)


@given(TREES)
def test_unflatten_undoes_flatten(value):
    leaves, treedef = tree.flatten(value)
    assert treedef.unflatten(leaves) == value
    assert len(leaves) == treedef.num_leaves == len(treedef.paths())
    assert tree.structure(treedef.unflatten(range(len(leaves)))) == treedef


@given(TREES)
def test_children_are_the_structures_of_the_children(value):
    treedef = tree.structure(value)
    children = treedef.children()
    assert sum(child.num_nodes for child in children) == max(treedef.num_nodes - 1, 0)
    if isinstance(value, (list, tuple)):
        assert children == [tree.structure(child) for child in value]
    if treedef.node_data() is not None and not isinstance(value, (dict, OrderedDict)):
        parts = treedef.flatten_up_to(value)
        assert len(parts) == treedef.num_leaves


@given(TREES)
def test_a_structure_is_a_prefix_of_trees_that_go_on_below_its_leaves(value):
    leaves, treedef = tree.flatten(value)
    longer = treedef.unflatten([[leaf, {"below": leaf}] for leaf in leaves])
    assert treedef.flatten_up_to(longer) == [[leaf, {"below": leaf}] for leaf in leaves]


@given(TREES)
def test_paths_lead_to_their_leaves(value):
    steps = {
        tree.SequenceKey: lambda x, key: x[key.idx],
        tree.DictKey: lambda x, key: x[key.key],
        tree.GetAttrKey: lambda x, key: getattr(x, key.name),
        tree.FlattenedIndexKey: lambda x, key: x.tree_flatten()[0][key.key],
    }
    for path, leaf in tree.leaves_with_path(value):
        x = value
        for key in path:
            x = steps[type(key)](x, key)
        assert x is leaf


@given(TREES)
def test_a_prefix_gives_each_leaf_one_value(value):
    leaves, treedef = tree.flatten(value)
    assert tree.broadcast_prefix("all", value) == ["all"] * len(leaves)
    numbers = list(range(len(leaves)))
    if None not in tree.leaves(value, is_leaf=lambda x: x is None):
        assert tree.broadcast_prefix(treedef.unflatten(numbers), value) == numbers


@pytest.mark.parametrize(
    ("prefix", "value", "expected"),
    [
        (None, (1, 2), [None, None]),
        ((0, None), ([1, 2], {"a": 3}), [0, 0, None]),
        ({"a": 0, "b": (1, None)}, {"b": (1, [2, 3]), "a": [4, 5]}, [0, 0, 1, None, None]),
        ((0, None), (1, None), [0]),
        ([], [], []),
    ],
)
def test_broadcast_prefix(prefix, value, expected):
    assert tree.broadcast_prefix(prefix, value) == expected


@pytest.mark.parametrize(
    ("prefix", "value", "message"),
    [
        ((0, 1), (1, 2, 3), "two pytrees differ in structure at their root: the prefix has"
         " (..., ...) there, got (..., ..., ...)"),
        ((0, [1]), (1, (2,)), "two pytrees differ in structure at [1]: the prefix has"
         " [...] there, got (...,)"),
        ({"a": (0, 1)}, {"a": 1.0}, "two pytrees differ in structure at ['a']: the prefix has"
         " (..., ...) there, got a leaf of type float"),
        ({"a": 0}, {"b": 0}, "two pytrees differ in structure at their root: the prefix has"
         " {'a': ...} there, got {'b': ...}"),
    ],
)  # fmt: skip
def test_a_prefix_that_does_not_fit(prefix, value, message):
    with pytest.raises(TreeMismatch) as caught:
        tree.broadcast_prefix(prefix, value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((1, 2), [1, 2], "at their root: expected (..., ...), got [..., ...]"),
        ({"a": [1, 2]}, {"a": [1]}, "at ['a']: expected [..., ...], got [...]"),
        ([None], [1], "at [0]: expected None, got a leaf of type int"),
        (Layer(1, (2,)), Layer(1, 2), "at .bias: expected (...,), got a leaf of type int"),
        (Layer(1, 2, "p"), Layer(1, 2, "q"), "at their root:"
         " expected Layer(weight=..., bias=..., name='p'),"
         " got Layer(weight=..., bias=..., name='q')"),
        (Box((1,), "b"), Box([1], "b"), "at [<flat index 0>]: expected (...,), got [...]"),
    ],
)  # fmt: skip
def test_map_over_trees_that_differ(first, second, message):
    with pytest.raises(TreeMismatch) as caught:
        tree.map(lambda x, y: x, first, second)
    assert str(caught.value) == f"two pytrees differ in structure {message}"


def test_unflatten_with_too_few_leaves():
    with pytest.raises(TreeMismatch) as caught:
        tree.unflatten(tree.structure((0, [0])), [1])
    assert str(caught.value) == "a tree of structure PyTreeDef((*, [*])) has 2 leaves; got 1"


def test_a_dict_is_the_same_tree_in_any_order_of_insertion():
    assert tree.structure({"a": 1, "b": 2}) == tree.structure({"b": 1, "a": 2})


def test_keys_that_cannot_be_sorted():
    with pytest.raises(TypeMismatch, match="of types int, str") as caught:
        tree.flatten({"a": 1, 2: 3})
    assert "Write instead: keys of one type, or a collections.OrderedDict" in str(caught.value)


def test_static_fields_of_other_types_make_other_structures():
    # 2 == 2.0, but what is traced for one of them is not right for the other.
    assert tree.structure(Layer(1, 2, name=2)) != tree.structure(Layer(1, 2, name=2.0))
    assert tree.structure(Layer(1, 2, name=1)) != tree.structure(Layer(1, 2, name=True))


def test_is_leaf():
    value = {"a": (1, 2), "b": [(3, 4)]}
    leaves, treedef = tree.flatten(value, is_leaf=lambda x: isinstance(x, tuple))
    assert leaves == [(1, 2), (3, 4)]
    assert repr(treedef) == "PyTreeDef({'a': *, 'b': [*]})"
    assert tree.leaves((1, None), is_leaf=lambda x: x is None) == [1, None]
    assert tree.structure((1, 2), is_leaf=lambda x: True) is tree.LEAF


def test_map_takes_subtrees_of_further_trees():
    assert tree.map(lambda x, y: (x, y), [1, 2], [{"a": 3}, 4]) == [(1, {"a": 3}), (2, 4)]


def test_map_with_path():
    found = tree.map_with_path(lambda path, x, y: (tree.keystr(path), x + y), (1, [2]), (10, [20]))
    assert found == (("[0]", 11), [("[1][0]", 22)])


def test_reduce():
    assert tree.reduce(lambda a, b: a + b, [1, (2, None)]) == 3
    assert tree.reduce(lambda a, b: a + b, None, 7) == 7
    with pytest.raises(TypeError):
        tree.reduce(lambda a, b: a + b, None)


def test_all_and_all_leaves():
    assert tree.all([True, (1, None)])
    assert not tree.all({"a": 0})
    assert tree.all(None)
    assert tree.all_leaves([1, "a"])
    assert not tree.all_leaves([1, None])
    assert tree.all_leaves([1, None], is_leaf=lambda x: x is None)


def test_transpose():
    outer, inner = tree.structure([0, 0]), tree.structure({"a": 0, "b": (0,)})
    value = [{"a": 1, "b": (2,)}, {"a": 3, "b": (4,)}]
    assert tree.transpose(outer, inner, value) == {"a": [1, 3], "b": ([2, 4],)}
    assert tree.transpose(outer, None, value) == {"a": [1, 3], "b": ([2, 4],)}
    with pytest.raises(TreeMismatch):
        tree.transpose(outer, inner, [{"a": 1, "b": (2,)}])
    with pytest.raises(TreeMismatch, match="does not tell the inner structure"):
        tree.transpose(tree.structure([]), None, [])


def test_partial_is_a_container_of_its_arguments():
    partial = tree.Partial(pow, 2.0, exp=3)
    leaves, treedef = tree.flatten(partial)
    assert leaves == [2.0, 3]
    assert treedef.unflatten([3.0, 2])() == 9.0
    assert treedef == tree.structure(tree.Partial(pow, 5.0, exp=6))


def test_registering_a_class_by_functions():
    class Pair:
        def __init__(self, *items):
            self.items = items

    assert tree.all_leaves([Pair(1, 2)])  # a class is a leaf's until it is registered
    tree.register_pytree_node(Pair, lambda p: (iter(p.items), "aux"), lambda aux, c: Pair(*c, aux))
    leaves, treedef = tree.flatten(Pair(1, 2))
    assert leaves == [1, 2]
    assert treedef.unflatten(leaves).items == (1, 2, "aux")
    with pytest.raises(ValueError, match="Pair is already registered as a pytree"):
        tree.register_pytree_node(Pair, lambda p: ((), None), lambda aux, c: Pair())


def test_registering_something_that_is_no_class():
    with pytest.raises(TypeError, match="only a class can be registered"):
        tree.register_pytree_node(Box(1, "b"), lambda p: ((), None), lambda aux, c: None)


def test_registering_a_dataclass():
    @dataclass
    class Model:
        weights: Any
        depth: int
        cache: Any = None

    tree.register_dataclass(Model, ["weights"], ["depth"], drop_fields=["cache"])
    leaves, treedef = tree.flatten(Model([1, 2], 3, cache="kept out"))
    assert leaves == [1, 2]
    assert treedef.unflatten([3, 4]) == Model([3, 4], 3)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"data_fields": ["a"]}, TypeError, "takes both of data_fields and meta_fields"),
        ({"data_fields": ["a"], "meta_fields": []}, ValueError, r"see \['b'\]"),
        ({"data_fields": ["a", "b"], "meta_fields": ["c"]}, ValueError, r"see \['c'\]"),
    ],
)
def test_registering_a_dataclass_wrongly(fields, error, message):
    @dataclass
    class Model:
        a: Any
        b: Any

    with pytest.raises(error, match=message):
        tree.register_dataclass(Model, **fields)


def test_register_static():
    @tree.register_static
    @dataclass(frozen=True)
    class Options:
        depth: int

    assert tree.leaves((Options(1), 2)) == [2]
    assert tree.structure(Options(1)) != tree.structure(Options(2))


def test_a_structure_that_holds_something_unhashable():
    with pytest.raises(TypeError, match="unhashable"):
        hash(tree.structure(Layer(1, 2, name=["list"])))


def test_very_deep_trees():
    value: Any = 1.0
    for _ in range(10_000):
        value = [value]
    leaves, treedef = tree.flatten(value)
    assert leaves == [1.0]
    assert treedef == tree.structure(value)
    assert hash(treedef) == hash(tree.structure(value))
    assert len(repr(treedef)) == len("PyTreeDef(*)") + 20_000
    doubled = tree.map(lambda x, y: x + y, value, value)
    assert tree.leaves(doubled) == [2.0]
    assert tree.broadcast_prefix(value, value) == [1.0]
    assert len(treedef.paths()[0]) == 10_000
    assert treedef.children()[0].num_nodes == 10_000


def test_a_container_that_holds_itself(monkeypatch):
    monkeypatch.setattr("fxad.tree.functions._CONTAINERS", 1000)
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="holds itself"):
        tree.flatten(value)


def test_classes_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("fxad.tree.nodes._CLASSES", 50)
    before = tree.structure([Point(1, 2), Box(1, "b")])
    for n in range(100):
        made = namedtuple(f"Made{n}", ["x"])
        assert tree.leaves(made(n)) == [n]
    assert tree.structure([Point(1, 2), Box(1, "b")]) == before
    assert before.unflatten([1, 2, 3]) == [Point(1, 2), Box(3, "b")]


def test_registering_and_flattening_in_threads():
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for n in range(200):
                made = type(f"Made{n}", (), {})
                tree.register_pytree_node(made, lambda x: ((1, 2), None), lambda a, c: None)
                assert tree.leaves([made(), Point(3, 4)]) == [1, 2, 3, 4]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_arrays_are_leaves():
    x = np.ones(3)
    leaves, treedef = tree.flatten((x, np.float64(2.0)))
    assert leaves[0] is x
    assert treedef == tree.structure((1, 2))


def test_the_names_of_tree_util():
    assert tree_util.tree_map is tree.map
    assert tree_util.tree_flatten is tree.flatten
    two = tree.structure([0, (0,)])
    assert tree_util.treedef_tuple([two, tree.LEAF]) == tree.structure(([0, (0,)], 0))
    assert tree_util.treedef_children(two) == [tree.LEAF, tree.structure((0,))]
    assert tree_util.treedef_is_leaf(tree.LEAF)
    assert not tree_util.treedef_is_leaf(tree.structure(None))
