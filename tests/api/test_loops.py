"""Structured loops and branches: against Python's own, in every mode, and what they refuse."""

from __future__ import annotations

import functools
import itertools
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import lax
from fxad.errors import ConcretizationError, TracerLeak, TreeMismatch, TypeMismatch
from fxad.execute import compile_program, interpret
from fxad.ir import parse
from fxad.optimize import lower, optimize
from fxad.primitives.reversal import binomial_steps, go_back_binomially
from tests.laws import assert_identical

W = np.array([[0.4, -0.7, 0.2], [0.3, 0.1, -0.5], [-0.2, 0.6, 0.3]])
XS = np.sin(np.arange(15.0)).reshape(5, 3)
X = np.array([0.7, -0.4, 1.1])
KINDS = [None, 1, 2, 3, 100, "sqrt", "binomial"]


# -- the same function with a structured loop and with Python's -----------------------------------------


def rnn(x: Any, scan: Any) -> Any:
    h, ys = scan(lambda h, u: (np.tanh(W @ h + u * x[0]), np.sum(h * x)), x * 0.5, XS)
    return np.sum(ys**2) + h @ x


def rnn_backwards(x: Any, scan: Any) -> Any:
    h, ys = scan(lambda h, u: (np.tanh(W @ h + u * x[0]), h * u), x, XS, reverse=True)
    return np.sum(np.sin(ys)) + np.sum(h)


def tree_carry(x: Any, scan: Any) -> Any:
    def step(c: Any, u: Any) -> Any:
        new = {"a": c["a"] * np.cos(u[0]["v"]) + c["b"][0], "b": (c["b"][0] * 0.9 + x[1], c["b"][1] + 1)}
        return new, (c["a"] * u[1], {})

    c, (ys, _) = scan(step, {"a": x[0], "b": (x[2], 0)}, [{"v": XS[:, 0] * x[0]}, XS[:, 1]])
    return c["a"] + c["b"][0] ** 2 + np.sum(ys * np.arange(5.0))


def numbers(x: Any, scan: Any) -> Any:
    def step(c: Any, _: Any) -> Any:
        y, v = c
        return (y + 0.1 * v, v - 0.1 * np.sin(y) * x[2]), y * v

    (y, v), ys = scan(step, (x[0], x[1]), None, length=7)
    return y * v + np.sum(ys)


def small_arrays(x: Any, scan: Any) -> Any:
    def step(y: Any, _: Any) -> Any:
        k = np.stack([y[1], -np.sin(y[0]) * x[2]])
        return y + 0.1 * k, np.sum(k * y)

    y, ys = scan(step, x[:2], None, length=6)
    return y[0] * y[1] + np.sum(ys**2)


def empty(x: Any, scan: Any) -> Any:
    y, ys = scan(lambda y, u: (y * u, y), x, np.zeros((0, 3)))
    return np.sum(y * y) + np.sum(ys)


def nested(x: Any, scan: Any) -> Any:
    def outer(c: Any, u: Any) -> Any:
        inner, ys = scan(lambda d, v: (d * 0.5 + v * x[0], d), c, u)
        return inner + c[0], np.sum(ys)

    c, ys = scan(outer, x, np.stack([XS, XS[::-1]]))
    return np.sum(c**2) + np.sum(ys)


def by_hand(f: Any, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False) -> Any:
    """scan in Python."""
    leaves = fxad.tree.leaves(xs)
    n = len(leaves[0]) if leaves else length
    assert n is not None
    carry, ys = init, [None] * n
    for i in reversed(range(n)) if reverse else range(n):
        carry, ys[i] = f(carry, fxad.tree.map(lambda a, i=i: a[i], xs))
    if not n:
        made = fxad.eval_shape(f, init, fxad.tree.map(lambda a: np.zeros(a.shape[1:]), xs))[1]
        return carry, fxad.tree.map(lambda s: np.zeros((0, *s.shape)), made)
    return carry, fxad.tree.map(lambda *y: np.stack(y), *ys)


SCANS = {f.__name__: f for f in (rnn, rnn_backwards, tree_carry, numbers, small_arrays, empty, nested)}


def with_while(x: Any) -> Any:
    """Newton's iteration for a cube root, beside a carried vector."""

    def better(c: Any) -> Any:
        r, v = c
        return (2 * r + x[0] / (r * r)) / 3, v * 0.5 + np.sin(v) * x[2]

    r, v = lax.while_loop(lambda c: abs(c[0] ** 3 - x[0]) > 1e-10, better, (x[0] + 1.0, x))
    return r * np.sum(v)


def while_by_hand(x: Any) -> Any:
    r, v = x[0] + 1.0, x
    while abs(r**3 - x[0]) > 1e-10:
        r, v = (2 * r + x[0] / (r * r)) / 3, v * 0.5 + np.sin(v) * x[2]
    return r * np.sum(v)


def with_fori(x: Any, n: int = 4) -> Any:
    return np.sum(lax.fori_loop(1, n, lambda i, v: np.sin(v) * i + x, x))


def fori_by_hand(x: Any, n: int = 4) -> Any:
    v = x
    for i in range(1, n):
        v = np.sin(v) * i + x
    return np.sum(v)


def nested_while(x: Any) -> Any:
    """A while loop of which each step is a while loop, with different numbers of steps."""

    def outer(c: Any) -> Any:
        s, k = c
        step = lambda d: (d[0] * x[0] + np.sin(d[0]), d[1] + 1)
        return lax.while_loop(lambda d: d[1] < k, step, (s, 0))[0] + x[1], k + 1

    return lax.while_loop(lambda c: c[1] < 5, outer, (x[2], 0))[0]


def nested_while_by_hand(x: Any) -> Any:
    s = x[2]
    for k in range(5):
        for _ in range(k):
            s = s * x[0] + np.sin(s)
        s = s + x[1]
    return s


def branch_in_loop(x: Any) -> Any:
    def step(y: Any, k: Any) -> Any:
        y = lax.cond(y > 0.5, lambda y: y * x[0], lambda y: np.exp(y) + x[1], y)
        return lax.switch(k, [np.sin, lambda y: y * y * x[2], lambda y: y], y), y

    y, ys = lax.scan(step, x[2], np.array([0, 1, 2, 1, 5]))
    return y + np.sum(ys**2)


def branch_in_loop_by_hand(x: Any) -> Any:
    y, total = x[2], 0.0
    for k in (0, 1, 2, 1, 2):
        y = y * x[0] if y > 0.5 else np.exp(y) + x[1]
        total = total + y**2
        y = [np.sin, lambda y: y * y * x[2], lambda y: y][k](y)
    return y + total


def loop_in_branch(x: Any) -> Any:
    grow = lambda v: lax.while_loop(lambda c: np.sum(c * c) < 50, lambda c: c * 1.5 + x, v)
    return np.sum(lax.cond(x[0] > 0, grow, lambda v: v * x[1], x))


def loop_in_branch_by_hand(x: Any) -> Any:
    v = x
    if x[0] > 0:
        while np.sum(v * v) < 50:
            v = v * 1.5 + x
    else:
        v = v * x[1]
    return np.sum(v)


PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    **{name: (lambda x, f=f: f(x, lax.scan), lambda x, f=f: f(x, by_hand)) for name, f in SCANS.items()},
    "while": (with_while, while_by_hand),
    "fori": (with_fori, fori_by_hand),
    "nested_while": (nested_while, nested_while_by_hand),
    "branch_in_loop": (branch_in_loop, branch_in_loop_by_hand),
    "loop_in_branch": (loop_in_branch, loop_in_branch_by_hand),
}

MODES: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "value": lambda f: f,
    "grad": fxad.grad,
    "jacfwd": fxad.jacfwd,
    "vjp": lambda f: lambda x: fxad.vjp(f, x)[1](2.0)[0],
    "linearize": lambda f: lambda x: fxad.linearize(f, x)[1](np.cos(x)),
    "hessian": fxad.hessian,
    "reverse over reverse": lambda f: fxad.jacrev(fxad.grad(f)),
    "reverse over forward": lambda f: fxad.jacrev(fxad.jacfwd(f)),
    "forward over forward": lambda f: fxad.jacfwd(fxad.jacfwd(f)),
    "third": lambda f: lambda x: fxad.grad(lambda y: np.sum(fxad.grad(lambda z: np.sum(
        fxad.grad(f)(z) ** 2))(y)))(x),
}
NAMES = [(p, m) for p in PAIRS for m in MODES]


@pytest.mark.parametrize(("pair", "mode"), NAMES)
def test_a_loop_is_pythons_loop(pair: str, mode: str) -> None:
    structured, plain = (MODES[mode](f) for f in PAIRS[pair])
    desired = plain(X)
    for f in (structured, structured, fxad.jit(structured)):  # interpreted, then compiled
        np.testing.assert_allclose(f(X), desired, rtol=1e-9, atol=1e-10)


BATCH = np.stack([X, X * 0.5, -X, X + 2.0])


@pytest.mark.parametrize("mode", ["value", "grad", "jacfwd", "hessian", "reverse over reverse"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_batch_is_a_loop(pair: str, mode: str) -> None:
    structured, plain = (MODES[mode](f) for f in PAIRS[pair])
    rows = BATCH if pair != "while" else np.abs(BATCH)
    with np.errstate(all="ignore"):
        desired = np.stack([plain(x) for x in rows])
        np.testing.assert_allclose(fxad.vmap(structured)(rows), desired, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("pair", PAIRS)
def test_derivatives_of_a_batch(pair: str) -> None:
    """A loop that is batched first and differentiated after that, twice too."""
    structured, plain = PAIRS[pair]
    rows = BATCH if pair != "while" else np.abs(BATCH)
    total = lambda x: np.sum(fxad.vmap(structured)(x) ** 2)
    with np.errstate(all="ignore"):
        desired = np.stack([fxad.grad(lambda x: plain(x) ** 2)(x) for x in rows])
        np.testing.assert_allclose(fxad.grad(total)(rows), desired, rtol=1e-8, atol=1e-8)
        along = fxad.hvp(total, (rows,), (np.ones_like(rows),))
        desired = np.stack([fxad.hvp(lambda x: plain(x) ** 2, (x,), (np.ones(3),)) for x in rows])
        np.testing.assert_allclose(along, desired, rtol=1e-7, atol=1e-7)


# -- checkpoints --------------------------------------------------------------------------------------


def checkpointed(kind: Any, x: Any) -> Any:
    scan = lambda *a, **k: lax.scan(*a, **k, checkpoint=kind)
    total = rnn(x, scan) + rnn_backwards(x, scan) + tree_carry(x, scan) + nested(x, scan) + empty(x, scan)
    steps = lax.while_loop(lambda c: c[1] < 30, lambda c: (np.sin(c[0]) * x[0] + x, c[1] + 1), (x, 0),
                           checkpoint=kind)[0]
    return total + np.sum(steps) + np.sum(lax.fori_loop(0, 9, lambda i, v: v * x + i, x, checkpoint=kind))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_checkpoints_change_no_derivative(kind: Any) -> None:
    plain, kept = (lambda x, k=k: checkpointed(k, x) for k in (None, kind))
    np.testing.assert_allclose(fxad.grad(kept)(X), fxad.grad(plain)(X), rtol=1e-10)
    np.testing.assert_allclose(fxad.hessian(kept)(X), fxad.hessian(plain)(X), rtol=1e-8)
    np.testing.assert_allclose(fxad.jit(fxad.grad(kept))(X), fxad.grad(plain)(X), rtol=1e-10)
    np.testing.assert_allclose(fxad.vmap(fxad.grad(kept))(BATCH), [fxad.grad(plain)(x) for x in BATCH],
                               rtol=1e-8)
    np.testing.assert_allclose(fxad.grad(lambda x: np.sum(fxad.vmap(kept)(x)))(BATCH),
                               [fxad.grad(plain)(x) for x in BATCH], rtol=1e-8)
    np.testing.assert_allclose(fxad.jacrev(fxad.grad(kept))(X), fxad.hessian(plain)(X), rtol=1e-8)
    np.testing.assert_allclose(fxad.linearize(fxad.grad(kept), X)[1](X), fxad.hessian(plain)(X) @ X,
                               rtol=1e-8)
    np.testing.assert_allclose(fxad.vmap(fxad.hessian(kept))(BATCH), [fxad.hessian(plain)(x) for x in BATCH],
                               rtol=1e-8)


def test_third_derivatives_and_transposes_with_checkpoints() -> None:
    def f(x: Any, kind: Any) -> Any:
        step = lambda c, u: (np.sin(c) * x + u * c, np.sum(c) * u)
        c, ys = lax.scan(step, x, XS[:, 0], checkpoint=kind)
        return np.sum(c) + np.sum(np.cos(ys))

    plain, kept = (lambda x, k=k: f(x, k) for k in (None, "binomial"))
    for third in (lambda f: fxad.jacfwd(fxad.hessian(f))(X), lambda f: fxad.jacrev(fxad.hessian(f))(X),
                  lambda f: fxad.jacrev(fxad.jacrev(fxad.grad(f)))(X)):
        np.testing.assert_allclose(third(kept), third(plain), rtol=1e-8)
    # A pull-back is linear, and its transpose is the push-forward.
    pull = fxad.vjp(kept, X)[1]
    push = fxad.linear_transpose(lambda ct: pull(ct)[0], 1.0)
    np.testing.assert_allclose(push(BATCH[0])[0], fxad.jvp(plain, (X,), (BATCH[0],))[1], rtol=1e-10)


@pytest.mark.parametrize("snapshots", range(7))
def test_binomial_steps_are_the_fewest(snapshots: int) -> None:
    """The closed form of Griewank and Walther, and every step is gone back over once, from the last."""
    for steps in (1, 2, 3, 10, 57, 130):
        kept, repeats = snapshots + 1, 0
        while math.comb(kept + repeats, kept) < steps:
            repeats += 1
        fewest = repeats * steps - math.comb(kept + repeats, repeats - 1) if repeats else 0
        assert binomial_steps(steps, snapshots) == fewest
        seen: list[tuple[int, int]] = []
        note = lambda k, s, seen=seen: seen.append((k, s))
        go_back_binomially(steps, snapshots, 0, lambda k, s: s + 1, note)
        assert seen == [(k, k) for k in range(steps)][::-1]


@pytest.mark.parametrize("derivative", ["grad", "hvp", "vmap of grad", "grad of vmap"])
def test_binomial_needs_the_memory_of_few_states(derivative: str) -> None:
    n, size = 300, 30_000

    def f(x: Any, kind: Any) -> Any:
        return np.sum(lax.scan(lambda y, _: (y + 1e-2 * np.sin(y), None), x, None, n, checkpoint=kind)[0])

    x = np.linspace(0.0, 1.0, size)

    def run(kind: Any) -> Any:
        one = functools.partial(f, kind=kind)
        return {
            "grad": lambda: fxad.grad(one)(x),
            "hvp": lambda: fxad.jvp(fxad.grad(one), (x,), (np.ones(size),))[1],
            "vmap of grad": lambda: fxad.vmap(fxad.grad(one))(x.reshape(3, -1)),
            "grad of vmap": lambda: fxad.grad(lambda x: np.sum(fxad.vmap(one)(x)))(x.reshape(3, -1)),
        }[derivative]()

    small = run("binomial")
    tracemalloc.start()
    try:
        run("binomial")
        peak = tracemalloc.get_traced_memory()[1] / x.nbytes
    finally:
        tracemalloc.stop()
    # An hvp carries a state and its tangent.
    assert peak < (60 if derivative == "hvp" else 30)  # of 300 states
    np.testing.assert_allclose(small, run(None), rtol=1e-10)


# -- how they run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
def test_every_tier_gives_the_same(pair: str) -> None:
    """The interpreter, emitted code, the optimised and the lowered Program: bit for bit."""
    for f in (PAIRS[pair][0], fxad.value_and_grad(PAIRS[pair][0])):
        program = fxad.make_ir(f)(X)
        assert parse(str(program)) == program
        better = optimize(program)
        results = interpret(program)(X)
        for way in (compile_program(program), compile_program(better), compile_program(lower(better))):
            for a, b in zip(way(X), results, strict=True):
                assert_identical(a, b)


@pytest.mark.parametrize("x", [np.array([1e200, 2.0, 3.0]), np.array([0.0, 1.0, np.nan]),
                               np.array([np.inf, -1.0, 1e-300])])
@pytest.mark.parametrize("pair", ["numbers", "small_arrays"])
def test_special_values_are_numpys(pair: str, x: Any) -> None:
    program = lower(optimize(fxad.make_ir(fxad.value_and_grad(PAIRS[pair][0]))(X)))
    with np.errstate(all="ignore"):
        for a, b in zip(compile_program(program)(x), interpret(fxad.make_ir(
                fxad.value_and_grad(PAIRS[pair][0]))(X))(x), strict=True):
            np.testing.assert_array_equal(a, b)


def test_small_arrays_run_on_pythons_floats() -> None:
    program = lower(optimize(fxad.make_ir(fxad.grad(PAIRS["small_arrays"][0]))(X)))
    scans = [e for e in program if e.primitive.name == "scan"]
    assert scans
    assert all(v.type.ndim == 0 for e in scans for v in e.params["body"].inputs)


def test_what_is_the_same_at_every_step_moves_out() -> None:
    def f(x: Any) -> Any:
        return lax.scan(lambda c, u: (c + np.exp(W @ x) * u, None), x, np.arange(4.0))[0]

    (eqn,) = [e for e in optimize(fxad.make_ir(f)(X)) if e.primitive.name == "scan"]
    assert [e.primitive.name for e in eqn.params["body"]] == ["mul", "add"]


def test_only_the_chosen_branch_runs() -> None:
    with np.errstate(all="raise"):
        assert lax.cond(True, lambda x: x + 1.0, lambda x: 1.0 / (x - x), 2.0) == 3.0


def test_unrolling_changes_nothing() -> None:
    for unroll, reverse in itertools.product((1, 2, 3, 5, 9, True), (False, True)):
        step = lambda h, s: (np.tanh(W @ h + s * X), h[0])
        made, desired = (lax.scan(step, X, XS, reverse=reverse, unroll=u) for u in (unroll, 1))
        for a, b in zip(made, desired, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)


def test_map() -> None:
    f = lambda x: {"s": np.sum(x) ** 2, "v": x[0] * x}
    desired = fxad.vmap(f)(XS)
    for size in (None, 1, 2, 5, 7):
        made = lax.map(f, XS, batch_size=size)
        fxad.tree.map(np.testing.assert_allclose, made, desired)


def test_select() -> None:
    assert lax.select(True, 1.0, 2.0) == 1.0
    np.testing.assert_array_equal(
        lax.select_n(np.array([0, 2, 1]), np.arange(3), np.arange(3) + 10, np.arange(3) + 20), [0, 21, 12])
    np.testing.assert_array_equal(
        fxad.grad(lambda x: np.sum(lax.select(x > 0, x * x, -x)))(X), np.where(X > 0, 2 * X, -1.0))


def test_numbers_of_python_take_the_dtype_of_the_carry() -> None:
    y = lax.fori_loop(0, 3, lambda i, v: 2.0, np.float32(1.0))
    assert y == 2.0
    assert y.dtype == np.float32
    assert lax.while_loop(lambda i: i < 5, lambda i: i + 2, 0) == 6
    x = np.ones(2, np.float32)
    out = fxad.grad(lambda x: np.sum(lax.scan(lambda c, _: (c * 0.3 + 1.0, None), x, None, 3)[0]))(x)
    assert out.dtype == np.float32


def test_loops_that_read_numbers_make_no_new_programs() -> None:
    f = lambda x, dt: lax.fori_loop(0, 5, lambda i, y: y + dt * np.sin(y), x)
    fxad.grad(f)(1.0, 0.123)
    before = len(fxad.execute.executables)
    for k in range(20):
        fxad.grad(f)(1.0, 0.2 + 0.01 * k)
    assert len(fxad.execute.executables) == before


# -- misuse -------------------------------------------------------------------------------------------

MISUSE: dict[str, tuple[type[Exception], Callable[[], Any], str]] = {
    "predicate of several": (
        TypeMismatch, lambda: lax.cond(np.array([True, False]), np.sin, np.cos, 1.0),
        "cond needs one boolean as its predicate, and was given bool[2]."),
    "predicate that is none": (
        TypeMismatch, lambda: lax.cond("yes", np.sin, np.cos, 1.0),
        "cond needs one boolean as its predicate, and was given str 'yes'."),
    "branches of different type": (
        TypeMismatch, lambda: lax.cond(True, np.sin, lambda x: 0, 1.0),
        "cond: the branches return different types:\n  the false branch (<lambda>): i64[]\n"
        "  the true branch (sin): f64[]"),
    "branches of different structure": (
        TreeMismatch, lambda: lax.switch(0, [lambda x: x, lambda x: (x, x)], 1.0),
        "switch: the branches return different structures:\n  branch 0 (<lambda>): PyTreeDef(*)\n"
        "  branch 1 (<lambda>): PyTreeDef((*, *))"),
    "no branches": (TypeMismatch, lambda: lax.switch(0, [], 1.0), "switch has no branches."),
    "index of float": (
        TypeMismatch, lambda: lax.switch(0.5, [np.sin], 1.0),
        "switch needs one integer as index, and was given f64[]."),
    "dtype drift": (
        TypeMismatch, lambda: lax.while_loop(lambda i: i < 3, lambda i: i + 0.5, 0),
        "while_loop: what is carried from step to step must keep its structure, shapes and dtypes.\n"
        "  at the start:    i64[]\n  after one step:  f64[]"),
    "shape drift": (
        TypeMismatch, lambda: lax.scan(lambda c, x: ({"v": c["v"] + x}, None), {"v": 0.0}, XS),
        "scan: what is carried from step to step must keep its structure, shapes and dtypes.\n"
        "  at the start:    {'v': f64[]}\n  after one step:  {'v': f64[3]}"),
    "structure drift": (
        TreeMismatch, lambda: lax.fori_loop(0, 3, lambda i, c: (c[0],), (1.0, 2.0)),
        "fori_loop: what is carried from step to step must keep its structure, shapes and dtypes."),
    "condition of several": (
        TypeMismatch, lambda: lax.while_loop(lambda x: x < 3, lambda x: x + 1, X),
        "while_loop: the condition gives one boolean, and this one returned bool[3]."),
    "no pair": (
        TypeMismatch, lambda: lax.scan(lambda c, x: c + x, 0.0, X),
        "scan: the body returns a pair (carry, output), and this one returned Tracer."),
    "lengths": (
        TypeMismatch, lambda: lax.scan(lambda c, x: (c, None), 0.0, (np.ones(3), np.ones(4))),
        "scan: xs have first axes of different lengths, or length is another: [3, 4]."),
    "no length": (
        TypeMismatch, lambda: lax.scan(lambda c, x: (c, None), 0.0),
        "scan: there is neither an array in xs nor a length."),
    "number in xs": (
        TypeMismatch, lambda: lax.scan(lambda c, x: (c, None), 0.0, 3.0),
        "scan: xs holds a number, which has no axis to go along."),
    "string carried": (
        TypeMismatch, lambda: lax.while_loop(lambda c: True, lambda c: c, "a"),
        "the initial value of while_loop holds str 'a', which is no array and no number."),
    "bound": (
        TypeMismatch, lambda: lax.fori_loop(0, 2.5, lambda i, x: x, 1.0),
        "fori_loop: upper is f64[], and has to be one integer."),
    "schedule": (
        TypeMismatch, lambda: lax.scan(lambda c, x: (c, None), 0.0, X, checkpoint="log"),
        "scan: checkpoint='log'."),
    "decision in a body": (
        ConcretizationError, lambda: lax.scan(lambda c, x: (c + x if x > 0 else c, None), 0.0, X),
        "a decision in Python (if, while, and, or) needs the value of a traced array, but it is in a body"
        " (the body of scan) that is recorded once for all its steps."),
    "decision in a branch": (
        ConcretizationError, lambda: lax.cond(True, lambda x: x if x > 0 else -x, np.sin, 1.0),
        "but it is in a body (the true branch of cond) that is recorded once for all its steps."),
    "decision in a condition": (
        ConcretizationError, lambda: lax.while_loop(lambda x: bool(x > 0), lambda x: x - 1, 1.0),
        "but it is in a body (the condition of while_loop) that is recorded once for all its steps."),
    "not a function": (
        TypeMismatch, lambda: lax.cond(True, 1.0, np.sin, 1.0),
        "cond takes a function, and was given float 1.0."),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name: str) -> None:
    kind, call, text = MISUSE[name]
    with pytest.raises(kind) as caught:
        call()
    assert text in str(caught.value)
    assert "test_loops.py" in str(caught.value)


def test_a_decision_in_a_body_says_what_to_write() -> None:
    with pytest.raises(ConcretizationError, match=r"np\.where.*fxad\.lax\.cond.*fxad\.lax\.while_loop"):
        lax.fori_loop(0, 3, lambda i, x: x if x > 0 else -x, 1.0)


def test_a_value_smuggled_out_of_a_body() -> None:
    kept: list[Any] = []
    lax.scan(lambda c, x: (kept.append(c) or c + x, None), 0.0, X)
    with pytest.raises(TracerLeak, match="the body of scan"):
        kept[0] + 1.0
