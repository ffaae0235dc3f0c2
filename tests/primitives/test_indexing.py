"""Indexing means what it means in NumPy, in every form, and so do its derivatives and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fxad.errors import ConcretizationError, TypeMismatch
from fxad.execute import source
from fxad.ir import Program, type_of
from fxad.primitives.at import set_at
from fxad.primitives.dynamic_slicing import dynamic_slice, dynamic_update_slice
from fxad.primitives.indexing import getitem
from fxad.primitives.slicing import concatenate, pad_with
from fxad.tracing import Kind, Trace, Tracer
from fxad.transforms import batch, jvp, linearize, transpose
from tests.laws import (
    assert_close,
    checked,
    numeric_jvp,
    pairing,
    random_like,
    tangents_only,
    vjp_program,
)

S = np.s_
I = np.array([0, 1, 0, 1, 0])  # noqa: E741 - the index of the table below
X = np.arange(24.0).reshape(2, 3, 4)


def traced(function: Callable[..., Any], *values: Any, kind: Kind = Kind.CONCRETE) -> Any:
    """The Program of a function, and the arrays that it captured."""
    trace = Trace(kind, in_values=values)
    out = function(*[trace.input(type_of(v)) for v in values])
    program = trace.program([trace.operand(out)])
    return program, list(trace.captures.values())


def value(function: Callable[..., Any], *values: Any) -> Any:
    """The value of a function by way of its Program."""
    program, captures = traced(function, *values)
    (out,) = checked(program)(*values, *captures)
    return out


def assert_same(actual: Any, desired: Any) -> None:
    """The same shape, dtype and elements."""
    desired = np.asarray(desired)
    assert (np.shape(actual), actual.dtype) == (desired.shape, desired.dtype)
    np.testing.assert_array_equal(actual, desired)


def check_derivatives(program: Program, values: list[Any], active: list[bool]) -> None:
    """jvp is numeric, transpose agrees with it, the second order agrees in both ways."""
    rng = np.random.default_rng(0)
    moving = [v for v, flag in zip(values, active, strict=True) if flag]
    tangents = random_like(moving, rng)
    run = checked(program)

    def of_moving(*moved: Any) -> list[Any]:
        rest = iter(moved)
        return run(*[next(rest) if flag else v for v, flag in zip(values, active, strict=True)])

    out, pushed = checked(jvp(program, active))(*values, *tangents)
    assert_same(out, run(*values)[0])
    assert_close([pushed], numeric_jvp(of_moving, moving, tangents), 1e-7)
    cts = random_like([out], rng)
    pulled = checked(vjp_program(program, active))(*values, *cts)
    assert pairing(cts, [pushed]) == pytest.approx(pairing(pulled, tangents), rel=1e-9, abs=1e-9)


TABLE = [
    0, -1, S[1:], S[::-1], S[..., 0], S[None, :, 0, None, ::-2], S[1, 2, 3], S[1, ..., None, 2],
    ..., None, (), S[-1:0:-1], S[5:], S[:, 3:1], S[-100:100:2], np.int64(1), np.array(1),
    # arrays, apart and together, with ints, new axes and ellipses between
    I, S[:, I], S[..., I], S[:, I, ..., I], S[:, I, I, ...], S[:, I, None, I], S[:, 0, I],
    S[0, :, I], S[I, :, np.array(0)], S[I, :, 0], S[I, None, :, I], S[I, I], S[None, I, 1, None],
    S[[0, 1], [[0], [1]], 1:], S[1:, I], S[::-1, ::2, I], S[0, I, None, 1], S[[[0]], 0, ..., 1],
    [], S[:, []], [[]], S[np.ix_([0, 1], [2, 0], [3])], np.uint8([1, 0]), S[I.astype(np.int8), 0],
    np.array([-1, -2]), S[:, -I],
    # masks
    X > 5, X[:, :, 0] > 5, S[:, [True, False, True]], True, False, S[:, True, I], S[True, ..., I],
    S[I, True, :, I], np.array(True), np.True_, S[True, False], S[[True, False], :, [True] * 4],
    S[[True, True], 0, [0, 3]], S[X[0] > 100], S[..., X[0, 0] > 1], S[:, X[0] > 3],
]


@pytest.mark.parametrize("index", TABLE[:-3], ids=[str(i) for i in range(len(TABLE) - 3)])
def test_value_of_every_form(index: Any) -> None:
    try:
        desired = X[index]
    except IndexError:
        with pytest.raises(IndexError):
            value(lambda x: x[index], X)
        return
    assert_same(value(lambda x: x[index], X), desired)
    assert_same(getitem(X, index), desired)


@pytest.mark.parametrize("index", TABLE[-3:], ids=["empty", "last", "two"])
def test_masks_that_do_or_do_not_fit(index: Any) -> None:
    test_value_of_every_form(index)


def random_index(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """An index of any form; nearly always one that fits."""
    entries: list[Any] = []
    axis = 0
    block = tuple(rng.integers(0 if rng.random() < 0.1 else 1, 4, size=rng.integers(0, 3)))
    skipped = False
    while axis < len(shape) or rng.random() < 0.2:
        kind = rng.choice(["slice", "int", "array", "mask", "new", "skip", "stop", "truth"],
                          p=[0.3, 0.15, 0.25, 0.08, 0.1, 0.06, 0.04, 0.02])
        n = shape[axis] if axis < len(shape) else 0
        if kind == "new":
            entries.append(None)
        elif kind == "truth":
            entries.append(bool(rng.random() < 0.8))
        elif kind == "skip" and not skipped:
            skipped = True
            entries.append(...)
            axis += int(rng.integers(0, len(shape) - axis + 1)) if axis < len(shape) else 0
        elif axis == len(shape) or kind == "stop":
            break
        elif kind == "slice":
            low, high = (None if rng.random() < 0.3 else int(rng.integers(-n - 1, n + 2))
                         for _ in range(2))
            step = rng.choice([None, 1, 2, -1, -2])
            entries.append(slice(low, high, step))
            axis += 1
        elif kind == "int" and n:
            entries.append(int(rng.integers(-n, n)))
            axis += 1
        elif kind == "array" and n:
            shapes = block[int(rng.integers(0, len(block) + 1)):]
            entries.append(rng.integers(-n, n, size=shapes))
            axis += 1
        elif kind == "mask":
            rank = int(rng.integers(1, len(shape) - axis + 1))
            entries.append(rng.random(shape[axis : axis + rank]) < 0.5)
            axis += rank
    return entries[0] if len(entries) == 1 and rng.random() < 0.5 else tuple(entries)


def refusal(function: Callable[[Any], Any], x: Any) -> str:
    """The text of the IndexError that the function raises, if it does."""
    try:
        function(x)
    except IndexError as error:
        return str(error)
    return ""


def random_cases(count: int, seed: int) -> Iterator[tuple[Any, Any]]:
    """Arrays and indices that NumPy takes."""
    rng = np.random.default_rng(seed)
    while count:
        shape = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 4], size=rng.integers(0, 4),
                                                 p=[0.06, 0.14, 0.2, 0.3, 0.3]))
        x, index = rng.normal(size=shape), random_index(rng, shape)
        theirs = refusal(lambda x, index=index: x[index], x)
        ours = refusal(lambda x, index=index: value(lambda x: x[index], x), x)
        assert theirs[:20] == ours[:20]
        if theirs:
            continue
        count -= 1
        yield x, index


def test_random_indices() -> None:
    for x, index in random_cases(500, 0):
        program, captures = traced(lambda x, index=index: x[index], x)
        (out,) = checked(program)(x, *captures)
        assert_same(out, x[index])


def test_derivatives_and_batches_of_random_indices() -> None:
    rng = np.random.default_rng(1)
    for x, index in random_cases(60, 2):
        program, captures = traced(lambda x, index=index: x[index], x)
        active = [True] + [False] * len(captures)
        check_derivatives(program, [x, *captures], active)
        many = rng.normal(size=(3, *x.shape))
        axes = [0] + [None] * len(captures)
        assert_same(checked(batch(program, 3, axes))(many, *captures)[0],
                    np.stack([m[index] for m in many]))
        if captures:  # every element of the batch with indices of its own
            each = [np.stack([c, c, np.flip(c, 0) if c.ndim else c]) for c in captures]
            loop = [checked(program)(x, *row)[0] for row in zip(*each, strict=True)]
            axes = [None] + [0] * len(captures)
            assert_same(checked(batch(program, 3, axes))(x, *each)[0], np.stack(loop))
            loop = [checked(program)(m, *row)[0] for m, *row in zip(many, *each, strict=True)]
            axes = [0] * (len(captures) + 1)
            assert_same(checked(batch(program, 3, axes))(many, *each)[0], np.stack(loop))


def test_writing_at_random_indices() -> None:
    rng = np.random.default_rng(3)
    ops: dict[str, Callable[[Any, Any, Any], None]] = {
        "set": lambda x, i, v: x.__setitem__(i, v), "add": np.add.at, "multiply": np.multiply.at,
        "min": np.minimum.at, "max": np.maximum.at,
    }
    for k, (x, index) in enumerate(random_cases(250, 4)):
        op = list(ops)[k % len(ops)]
        v = rng.normal(size=np.shape(x[index])[int(rng.integers(0, 2)) :])
        desired = x.copy()
        ops[op](desired, index, v)
        program, captures = traced(lambda x, v, i=index, op=op: set_at(x, i, v, op), x, v)
        (out,) = checked(program)(x, v, *captures)
        np.testing.assert_allclose(out, desired, rtol=1e-14, atol=0)
        assert_same(set_at(x, index, v, op), out)
        if k % 4 == 0:
            active = [True, True] + [False] * len(captures)
            check_derivatives(program, [x, v, *captures], active)


AT: list[tuple[str, Callable[[Any, Any, Any], None]]] = [
    ("set", lambda x, i, v: x.__setitem__(i, v)), ("add", np.add.at), ("subtract", np.subtract.at),
    ("multiply", np.multiply.at), ("divide", np.divide.at), ("power", np.power.at),
    ("min", np.minimum.at), ("max", np.maximum.at),
]
PLACES: list[Any] = [
    0, S[1:3], S[::-2, 1], [0, 2, 2, -1, 0], S[[0, 2, 2], [1, -1, 2]], S[:, [0, 0, 2]],
    S[1:, [[0, 1], [1, 0]]], np.array([True, False, True, True]), S[...], S[[], 0],
]


@pytest.mark.parametrize("place", PLACES, ids=map(str, range(len(PLACES))))
@pytest.mark.parametrize(("name", "inplace"), AT, ids=[name for name, _ in AT])
def test_at(name: str, inplace: Callable[..., None], place: Any) -> None:
    """`.at` is NumPy's in-place operation on a copy; places that come twice are done twice."""
    rng = np.random.default_rng(5)
    x = rng.uniform(0.5, 2.0, size=(4, 3))
    for v in (rng.uniform(0.5, 2.0, size=x[place].shape), np.float64(1.5)):
        desired = x.copy()
        inplace(desired, place, v)
        program, captures = traced(lambda x, v: getattr(x.at[place], name)(v), x, v)
        (out,) = checked(program)(x, v, *captures)
        assert out.dtype == desired.dtype
        np.testing.assert_allclose(out, desired, rtol=1e-14)
        check_derivatives(program, [x, v, *captures], [True, True] + [False] * len(captures))


def test_derivative_of_a_product_with_zeros_at_one_place() -> None:
    x, v, index = np.array([2.0, 3.0]), np.array([0.0, 5.0, 0.0, 7.0]), np.array([0, 0, 1, 1])
    program, captures = traced(lambda x, v: x.at[index].multiply(v), x, v)
    ct = np.array([1.0, 10.0])
    ct_x, ct_v = checked(vjp_program(program, [True, True, False]))(x, v, *captures, ct)
    assert_same(ct_x, [0.0, 0.0])
    assert_same(ct_v, [10.0, 0.0, 210.0, 0.0])
    # d2 / dv0 dv1 = x0, though v0 = 0.
    first = tangents_only(program)
    a, b = np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])
    second = tangents_only(first)
    zero = np.zeros(2)
    (out,) = checked(second)(x, v, index, zero, a, zero, b, zero, np.zeros(4))
    assert_same(out, [2.0, 0.0])


def test_only_the_last_update_of_a_place_has_a_derivative() -> None:
    index = np.array([1, 0, 1, -2])
    x, v = np.zeros(3), np.array([1.0, 2.0, 3.0, 4.0])
    program, captures = traced(lambda x, v: x.at[index].set(v), x, v)
    ct = np.array([1.0, 10.0, 100.0])
    ct_x, ct_v = checked(vjp_program(program, [True, True, False]))(x, v, *captures, ct)
    assert_same(ct_x, [0.0, 0.0, 100.0])
    assert_same(ct_v, [0.0, 1.0, 0.0, 10.0])


def test_ties_share() -> None:
    x, v = np.array([1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    program, captures = traced(lambda x, v: x.at[np.array([0, 0, 1])].max(v), x, v)
    pulled = checked(vjp_program(program, [True, True, False]))
    ct_x, ct_v = pulled(x, v, *captures, np.array([3.0, 5.0]))
    assert_same(ct_x, [1.0, 5.0])
    assert_same(ct_v, [1.0, 1.0, 0.0])


def test_traced_indices() -> None:
    x, i, j = np.arange(12.0).reshape(3, 4), np.array([0, 2, -1]), np.int64(-2)
    assert_same(value(lambda x, i: x[i], x, i), x[i])
    assert_same(value(lambda x, j: x[j], x, j), x[j])
    assert_same(value(lambda x, i, j: x[i, j], x, i, j), x[i, j])
    assert_same(value(lambda x, i, j: x[j, None, i[:2]], x, i, j), x[j, None, i[:2]])
    assert_same(value(lambda x, i: x[1:, i][:, ::-1], x, i), x[1:, i][:, ::-1])
    assert_same(value(lambda i: getitem(x, (slice(None), i)), i), x[:, i])
    assert_same(value(lambda x, j: x[j:], x, j), x[j:])
    assert_same(value(lambda x, i, j: x.at[i, j].add(1.0), x, i, j), np.array(
        [[0, 1, 3, 3], [4, 5, 6, 7], [8, 9, 12, 11.0]]))
    program, _ = traced(lambda x, i: x[i], x, i)
    with pytest.raises(IndexError, match="out of bounds"):
        program(x, np.array([0, 3, 1]))
    pulled = vjp_program(program)
    with pytest.raises(IndexError, match="out of bounds"):
        pulled(x, np.array([0, 3, 1]), np.ones((3, 4)))


def test_traced_masks() -> None:
    x = np.array([1.0, -2.0, 3.0])
    assert_same(value(lambda x: x[x > 0], x), x[x > 0])
    assert_same(value(lambda x: x.at[x > 0].set(0.0), x), np.where(x > 0, 0.0, x))
    assert_same(value(lambda x: x.at[x > 0].multiply(np.array([2.0, 3.0])), x), [2.0, -2.0, 9.0])
    program, _ = traced(lambda x: x.at[x > 0].set(0.0), x, kind=Kind.BATCH)
    assert_same(program(x), [0.0, -2.0, 0.0])
    for kind in (Kind.ABSTRACT, Kind.BATCH):
        with pytest.raises(ConcretizationError, match=r"np\.where\(mask, x, 0\)"):
            traced(lambda x: x[x > 0], x, kind=kind)


@pytest.mark.parametrize(
    "index", [3, -4, S[:, 4], S[0, 0, 0], S[[0, 3]], S[:, [-5]], 1.0, "a", S[..., ...], S[0.5:],
              [0.5], [True, False], np.ones((3, 3), bool), S[[0, 1], [0, 1, 2]], np.array(2.0)],
    ids=str,
)
def test_what_numpy_refuses(index: Any) -> None:
    x = np.ones((3, 4))
    with pytest.raises((IndexError, TypeError)) as theirs:
        x[index]
    for use in (lambda x: x[index], lambda x: x.at[index].set(0.0)):
        with pytest.raises(theirs.type):
            traced(use, x)


def test_modes() -> None:
    x, i = np.arange(3.0), np.array([-4, -3, -1, 0, 2, 3, 7])
    for places in (lambda i: i, lambda i: np.array([-4, -3, -1, 0, 2, 3, 7])):
        def get(mode: str, places: Any = places, **fill: Any) -> Any:
            return value(lambda x, i: x.at[places(i)].get(mode=mode, **fill), x, i)

        def add(mode: str, places: Any = places) -> Any:
            return value(lambda x, i: x.at[places(i)].add(1.0, mode=mode), x, i)

        assert_same(get("clip"), [0.0, 0, 2, 0, 2, 2, 2])
        assert_same(get("wrap"), [2.0, 0, 2, 0, 2, 0, 1])
        assert_same(get("fill"), [np.nan, 0, 2, 0, 2, np.nan, np.nan])
        assert_same(get("drop", fill_value=9), [9.0, 0, 2, 0, 2, 9, 9])
        assert_same(add("clip"), [3.0, 1, 6])
        assert_same(add("wrap"), [3.0, 2, 5])
        assert_same(add("drop"), [2.0, 1, 4])
        assert_same(add("fill"), [2.0, 1, 4])
    y = np.arange(6.0).reshape(2, 3)
    assert_same(value(lambda y: y.at[[0, 5], [9, 1]].set(7.0, mode="drop"), y), y)
    assert_same(value(lambda y: y.at[5].set(7.0, mode="drop"), y), y)
    assert_same(value(lambda y: y.at[5, 1:].get(mode="fill", fill_value=1), y), [1.0, 1.0])
    assert_same(value(lambda y: y.at[:, [0, 4]].get(mode="fill"), y), [[0, np.nan], [3, np.nan]])
    with pytest.raises(IndexError):
        value(lambda x: x.at[3].set(1.0), x)
    with pytest.raises(ValueError, match="mode is 'nearest'"):
        value(lambda x: x.at[3].set(1.0, mode="nearest"), x)


def test_apply() -> None:
    x = np.array([1.0, 2.0, 3.0])
    assert_same(value(lambda x: x.at[1:].apply(lambda a: a * a), x), [1.0, 4.0, 9.0])
    index = np.array([1, 1, 2])
    assert_same(value(lambda x: x.at[index].apply(lambda a: a * a), x), [1.0, 16.0, 9.0])
    assert_same(value(lambda x, i: x.at[i].apply(lambda a: a * a), x, index), [1.0, 16.0, 9.0])
    with pytest.raises(ConcretizationError, match="unique_indices=True"):
        traced(lambda x, i: x.at[i].apply(lambda a: a * a), x, index, kind=Kind.ABSTRACT)
    program, _ = traced(
        lambda x, i: x.at[i].apply(lambda a: a * a, unique_indices=True), x, index, kind=Kind.ABSTRACT)
    assert_same(program(x, np.array([2, 0, 1])), [1.0, 4.0, 9.0])


def test_dtypes_of_what_is_written() -> None:
    for dtype in (np.float32, np.int64, np.complex64, np.uint8):
        x = np.arange(4).astype(dtype)
        for v in (1, np.float64(1.5), np.array([1, 2], np.int8)):
            desired = x.copy()
            desired[1:3] = v
            assert_same(value(lambda x, v=v: x.at[1:3].set(v), x), desired)
            assert_same(value(lambda x, v=v: x.at[[1, 2]].set(v), x), desired)
        assert_same(value(lambda x: x.at[1].add(1), x), x + np.array([0, 1, 0, 0], dtype))
        assert_same(value(lambda x: x.at[1].subtract(1), x), x - np.array([0, 1, 0, 0], dtype))
    x = np.zeros(3)
    with pytest.raises(TypeMismatch, match="complex128 cannot be written"):
        value(lambda x: x.at[0].set(1j), x)
    with pytest.raises(TypeMismatch, match="float64 cannot be written"):
        value(lambda x: x.at[0].add(1.5), np.arange(3))
    with pytest.raises(TypeMismatch, match="divide"):
        value(lambda x: x.at[0].divide(2), np.arange(3))
    with pytest.raises(TypeMismatch, match=r"from shape \(2,\) into shape \(3,\)"):
        value(lambda x: x.at[:].set(np.ones(2)), x)
    assert_same(value(lambda x: x.at[:].set(np.ones((1, 3))), x), np.ones(3))


def test_padding_and_joining() -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    assert_same(value(lambda x: pad_with(x, (1, 0), (0, 2)), x), np.pad(x, ((1, 0), (0, 2))))
    spaced = np.zeros((3, 5))
    spaced[::2, ::2] = x
    assert_same(value(lambda x: pad_with(x, (0, 0), (0, 0), (1, 1)), x), spaced)
    assert_same(value(lambda x: pad_with(x, (0, -1), (0, -1), (1, 1)), x), spaced[:, 1:-1])
    assert_same(value(lambda x: pad_with(x, (-1, 0), (1, 0)), x), [[4.0, 5, 6], [0, 0, 0]])
    assert_same(value(lambda x: pad_with(x, (-5, 0), (0, 0)), x), np.zeros((0, 3)))
    assert_same(value(lambda x: concatenate(x, x[:, :1], axis=1), x), np.c_[x, x[:, :1]])
    with pytest.raises(TypeMismatch, match="must match exactly"):
        value(lambda x: concatenate(x, x[:, :1], axis=0), x)


def test_dynamic_slices() -> None:
    x = np.arange(5.0)
    for start, first in ((1, 1), (9, 3), (-2, 3), (-9, 0)):
        s = np.int64(start)
        assert_same(value(lambda x, s: dynamic_slice(x, s, sizes=(2,)), x, s), x[first : first + 2])
        desired = x.copy()
        desired[first : first + 2] = 7.0
        out = value(lambda x, s: dynamic_update_slice(x, np.full(2, 7.0), s), x, s)
        assert_same(out, desired)


def test_elements_by_iteration() -> None:
    x = np.arange(3.0)
    a, b, c = (value(lambda x, k=k: list(x)[k] * 2.0, x) for k in range(3))
    assert (a, b, c) == (0.0, 2.0, 4.0)


def test_source_is_plain_indexing() -> None:
    def code(function: Callable[..., Any], *values: Any) -> str:
        return source(traced(function, *values)[0])

    x, i, j = np.ones((3, 4)), np.array([0, 1]), np.array([2, 3])
    assert "a[b, c]" in code(lambda x, i, j: x[i, j], x, i, j)
    assert "[:, " in code(lambda x, i: x[:, i], x, i)
    assert "[1:, ::-1]" in code(lambda x: x[1:, ::-1], x)
    assert "[2, 0]" in code(lambda x: x[-1, 0], x)


def test_split_keeps_no_array_for_a_slice() -> None:
    """The derivative of indexing needs the indices and nothing else."""
    x, i = np.ones(1000), np.array([0, 1])
    program, _ = traced(lambda x, i: x[i], x, i)
    forward, linear = linearize(program)
    assert [t.shape for t in forward.out_types[1:]] == [(2,)]
    back = transpose(linear, [False, True])
    assert_same(back(i, np.ones(2))[:3], [1.0, 1.0, 0.0])


def test_a_tracer_comes_out() -> None:
    trace = Trace(Kind.CONCRETE, in_values=[X])
    x = trace.input(type_of(X))
    assert isinstance(x[0], Tracer)
    assert x[0].shape == (3, 4)
    assert isinstance(x.at[0].set(1.0), Tracer)
