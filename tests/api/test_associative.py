"""`associative_scan`: running totals, in every length, direction and axis, with derivatives."""

import numpy as np
import pytest

import fxad
from fxad.errors import TreeMismatch, TypeMismatch
from fxad.lax import associative_scan

LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31)


def compose(f, g):
    """g after f, for f(x) = a x + b."""
    return {"a": f["a"] * g["a"], "b": g["a"] * f["b"] + g["b"]}


def one_by_one(fn, elems, reverse, axis):
    """The same by a loop."""
    moved = fxad.tree.map(lambda x: np.moveaxis(x, axis, 0), elems)
    n = len(fxad.tree.leaves(moved)[0])
    order = range(n)[::-1] if reverse else range(n)
    total, found = None, []
    for i in order:
        x = fxad.tree.map(lambda m, i=i: m[i], moved)
        total = x if total is None else fn(total, x)
        found.append(total)
    if not n:
        return elems
    found = found[::-1] if reverse else found
    return fxad.tree.map(lambda *xs: np.moveaxis(np.stack(xs), 0, axis), *found)


def same(a, b):
    fxad.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), a, b)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n", LENGTHS)
def test_totals_and_derivatives_are_those_of_a_loop(n, axis, reverse):
    shape = (n, 3) if axis == 0 else (2, n)
    rng = np.random.default_rng(n)
    elems = {"a": rng.normal(size=shape), "b": rng.normal(size=shape)}
    weights = {"a": rng.normal(size=shape), "b": rng.normal(size=shape)}

    def loss(scan):
        return lambda e: sum(np.sum(weights[k] * v) for k, v in scan(e).items())

    def fast(e):
        return associative_scan(compose, e, reverse=reverse, axis=axis)

    def slow(e):
        return one_by_one(compose, e, reverse, axis)

    made = fast(elems)
    same(made, slow(elems))
    assert not any(np.shares_memory(made[k], elems[k]) for k in "ab")
    if n:
        same(fxad.grad(loss(fast))(elems), fxad.grad(loss(slow))(elems))
        same(fxad.jvp(fast, (elems,), (weights,)), fxad.jvp(slow, (elems,), (weights,)))
    if n in (3, 8):
        same(fxad.hvp(loss(fast), (elems,), (weights,)), fxad.hvp(loss(slow), (elems,), (weights,)))
        same(fxad.jit(fxad.grad(loss(fast)))(elems), fxad.grad(loss(slow))(elems))


@pytest.mark.parametrize("n", LENGTHS)
def test_ufuncs_and_matrices(n):
    x = np.random.default_rng(n).normal(size=(n,))
    np.testing.assert_allclose(associative_scan(np.add, x), np.cumsum(x), atol=1e-12)
    m = np.random.default_rng(n).normal(size=(n, 2, 2))
    # The order of the factors matters.
    got = associative_scan(lambda a, b: b @ a, m)
    np.testing.assert_allclose(got, one_by_one(lambda a, b: b @ a, m, False, 0), rtol=1e-10)


def test_batches_and_bodies():
    x = np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_allclose(fxad.vmap(lambda x: associative_scan(np.multiply, x))(x), np.cumprod(x, 1))
    np.testing.assert_allclose(
        fxad.vmap(fxad.grad(lambda x: np.sum(associative_scan(np.multiply, x))))(x),
        [fxad.grad(lambda x: np.sum(np.cumprod(x)))(row) for row in x])
    carry, _ = fxad.lax.scan(lambda c, row: (associative_scan(np.maximum, c + row), None), x[0], x[1:])
    assert carry.shape == (6,)


def test_few_operations():
    program = fxad.make_ir(lambda x: associative_scan(np.add, x))(np.ones(1024))
    assert sum(eqn.primitive.name == "add" for eqn in program.equations) <= 2 * 10


def test_dtypes_and_integers():
    assert associative_scan(np.add, np.arange(5, dtype=np.int32)).dtype == np.int32
    x = np.arange(5, dtype=np.float32)
    assert fxad.grad(lambda x: np.sum(associative_scan(np.add, x)))(x).dtype == np.float32
    np.testing.assert_array_equal(associative_scan(np.logical_or, np.array([False, True, False])),
                                  [False, True, True])


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: associative_scan(3.0, np.ones(3)), TypeError, "associative_scan"),
    (lambda: associative_scan(np.add, np.float64(1.0)), TypeMismatch,
     "associative_scan along axis 0 was given f64[]."),
    (lambda: associative_scan(np.add, np.ones(3), axis=1), TypeMismatch,
     "associative_scan along axis 1 was given f64[3]."),
    (lambda: associative_scan(compose, {"a": np.ones(3), "b": np.ones(4)}), TypeMismatch,
     "arrays of one length along the axis, and was given {'a': f64[3], 'b': f64[4]}."),
    (lambda: associative_scan(lambda a, b: (a, b), np.ones(3)), TreeMismatch,
     "<lambda> changes the structure of its elements:\n  given: "),
    (lambda: associative_scan(lambda a, b: a < b, np.ones(4)), TypeMismatch,
     "<lambda> changes the types of its elements:\n  given: f64[2]\n  returned: bool[2]"),
    (lambda: associative_scan(lambda a, b: np.sum(a + b), np.ones(4)), TypeMismatch,
     "given: f64[2]\n  returned: f64[]"),
    (lambda: associative_scan(np.add, "abc"), TypeMismatch, "an element of associative_scan holds str 'abc'"),
])
def test_mistakes(call, error, text):
    with pytest.raises(error) as found:
        call()
    assert text in str(found.value)
