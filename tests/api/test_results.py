"""Results are NumPy's own arrays and scalars, can be written to, and share memory with nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import lax, tree

CONSTANT = np.array([4.0, 5.0, 6.0, 7.0])
READ_ONLY = np.array([1.0, 2.0, 3.0, 4.0])
READ_ONLY.flags.writeable = False
ZERO_D = np.array(2.5)
CONSTANTS = (CONSTANT, READ_ONLY, ZERO_D)

#: Functions of a vector that give back what they were given, or something close by.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "the argument": lambda x: x,
    "twice the argument": lambda x: (x, x),
    "a slice": lambda x: x[1:],
    "overlapping slices": lambda x: (x[1:], x[:-1], x),
    "reversed": lambda x: x[::-1],
    "a matrix and its transpose": lambda x: (lambda m: (m, m.T, m[0], np.diagonal(m)))(x.reshape(2, 2)),
    "reshaped": lambda x: (x.reshape(2, 2), np.ravel(x), np.atleast_2d(x), np.squeeze(x[None]), x[:, None]),
    "broadcast": lambda x: np.broadcast_to(x, (3, 4)),
    "broadcast together": lambda x: np.broadcast_arrays(x, x[:1]),
    "split": lambda x: np.split(x, 2),
    "the real part": lambda x: (np.real(x), np.conj(x), np.positive(x)),
    "simplified": lambda x: (x * 1.0, x**1, np.negative(-x), x.T.T, x.reshape(2, 2).reshape(4), x / 1),
    "a copy": lambda x: (np.copy(x), x.astype(float), np.array(x) if isinstance(x, np.ndarray) else x),
    "an element": lambda x: (x[0], x[1], x[0]),
    "a constant": lambda x: CONSTANT,
    "a constant twice": lambda x: (CONSTANT, x, CONSTANT),
    "views of a constant": lambda x: (CONSTANT[1:], CONSTANT[::-1], x),
    "a constant that is read-only": lambda x: (READ_ONLY, READ_ONLY[:2]),
    "a constant of rank 0": lambda x: (ZERO_D, ZERO_D, x),
    "made inside": lambda x: (np.zeros(3), np.ones_like(x), np.arange(3.0), fnp.eye(2)),
    "one value made twice": lambda x: (np.sin(x), np.sin(x), np.sin(x)[1:]),
    "numbers": lambda x: (1.0, np.sum(x), np.float32(2.0), True, np.sum(x)),
    "a tree": lambda x: {"a": x, "b": [x[0], CONSTANT, {"c": (x, None)}]},
    "a choice": lambda x: lax.cond(np.sum(x) > 0, lambda x: (x, x), lambda x: (x[::-1], x), x),
    "a loop of no steps": lambda x: lax.fori_loop(0, 0, lambda i, c: c * 2, x),
    "a loop that carries": lambda x: lax.fori_loop(0, 3, lambda i, c: (c[1], c[0]), (x, x)),
    "a scan": lambda x: lax.scan(lambda c, _: (c, c), x, None, length=3),
    "of a function that is jitted": lambda x: (fxad.jit(lambda x: (x, x[1:]))(x), x),
    "with the gradient stopped": lambda x: (fxad.stop_gradient(x), x),
    "checkpointed": lambda x: fxad.checkpoint(lambda x: (x, x))(x),
    "assigned": lambda x: (x.at[0].set(1.0) if not isinstance(x, np.ndarray) else x, x),
    "empty": lambda x: (x[:0], x[4:]),
}


def square(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A real number whose derivative has to do with all of the result."""
    return lambda x: sum(np.sum(v) for v in tree.leaves(f(x)))


def run_vjp(f: Any, x: Any) -> Iterator[Any]:
    value, pull = fxad.vjp(f, x)
    cts = tree.map(lambda v: np.ones(np.shape(v), v.dtype if v.dtype.kind == "f" else fxad.float0), value)
    yield cts
    yield value, pull(cts), pull(cts)


def run_linearize(f: Any, x: Any) -> Iterator[Any]:
    value, push = fxad.linearize(f, x)
    direction = np.ones(4)
    yield direction
    yield value, push(direction), push(direction)


def run_jvp(f: Any, x: Any) -> Iterator[Any]:
    direction = np.ones(4)
    yield direction
    yield fxad.jvp(f, (x,), (direction,))


def plain(transform: Callable[[Any], Any]) -> Callable[[Any, Any], Iterator[Any]]:
    """A transform whose result takes what the function takes; three times, since the second is compiled."""
    def run(f: Any, x: Any) -> Iterator[Any]:
        transformed = transform(f)
        yield ()
        yield transformed(x), transformed(x), transformed(x)

    return run


#: For each way in: what is handed in beside the argument, then all that comes out.
WAYS: dict[str, Callable[[Any, Any], Iterator[Any]]] = {
    "jit": plain(fxad.jit),
    "vmap": plain(lambda f: lambda x: fxad.vmap(f)(np.stack([x, x]))),
    "vmap, not mapped": plain(lambda f: lambda x: fxad.vmap(lambda x, y: f(x), (None, 0))(x, np.ones(2))),
    "jit of vmap": plain(lambda f: fxad.jit(lambda x: fxad.vmap(f)(x[None]))),
    "jvp": run_jvp, "vjp": run_vjp, "linearize": run_linearize,
    "grad": plain(lambda f: fxad.grad(square(f))),
    "value_and_grad": plain(lambda f: fxad.value_and_grad(square(f))),
    "aux": plain(lambda f: fxad.grad(lambda x: (np.sum(x), f(x)), has_aux=True)),
    "jacfwd": plain(fxad.jacfwd), "jacrev": plain(fxad.jacrev),
    "hessian": plain(lambda f: fxad.hessian(square(f))),
    "elementwise_grad": plain(lambda f: fxad.elementwise_grad(f)),
    "hvp": plain(lambda f: lambda x: fxad.hvp(square(f), (x,), (np.ones(4),))),
    "jit of grad": plain(lambda f: fxad.jit(fxad.value_and_grad(square(f)))),
    "a checkpoint": plain(lambda f: fxad.jit(fxad.checkpoint(f))),
    "linear_transpose": plain(lambda f: lambda x: fxad.linear_transpose(lambda v: (v, v[1:], v), x)(
        (x, x[1:], x))),
}


def arrays_in(value: Any) -> list[np.ndarray[Any, Any]]:
    return [leaf for leaf in tree.leaves(value) if isinstance(leaf, np.ndarray)]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_results_are_nobody_elses(way: str, read_only: bool) -> None:
    for name, f in FUNCTIONS.items():
        where = f"{way} of {name}"
        x = np.array([0.5, 1.5, 2.0, -1.0])
        x.flags.writeable = not read_only
        kept = [a.copy() for a in (x, *CONSTANTS)]
        run = WAYS[way](f, x)
        try:
            given, out = next(run), next(run)
        except fxad.errors.NonDifferentiable:
            assert "numbers" in name, where  # booleans have no Jacobian
            continue
        for leaf in tree.leaves(out):
            assert type(leaf) is np.ndarray or isinstance(leaf, np.generic), f"{where}: {type(leaf)}"
            if leaf.dtype != fxad.float0:
                assert np.ndim(leaf) > 0 or isinstance(leaf, np.generic), f"{where}: an array of rank 0"
        made = arrays_in(out)
        others = [x, *CONSTANTS, *arrays_in(given)]
        for i, a in enumerate(made):
            assert a.flags.writeable, where
            assert not any(np.shares_memory(a, b) for b in (*others, *made[:i])), where
        # Writing into all of them changes nothing else, and nothing that comes later.
        before = [np.array(a) for a in made]
        for a in made:
            if a.dtype != fxad.float0:
                a[...] = 77
        for a, b in zip((x, *CONSTANTS), kept, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=where)
        again = arrays_in((lambda run: (next(run), next(run))[1])(WAYS[way](f, x)))
        for a, b in zip(again, before, strict=True):
            if a.dtype != fxad.float0:
                np.testing.assert_array_equal(a, b, err_msg=where)


@pytest.mark.parametrize("x", [np.array(2.5), np.float64(2.5), 2.5, np.array(2.5, np.float32),
                               np.float32(2.5)],
                         ids=lambda x: f"{type(x).__name__} {np.result_type(x)}")
def test_numbers_come_out_as_numpys(x: Any) -> None:
    kind = np.float64 if isinstance(x, float) else x.dtype.type
    one = kind(1)
    for made in (
        fxad.jit(lambda x: x)(x), fxad.grad(lambda x: x)(x), fxad.jit(fxad.grad(lambda x: x * x))(x),
        *fxad.value_and_grad(lambda x: x)(x), *fxad.jvp(lambda x: x, (x,), (x,)),
        fxad.vjp(lambda x: x, x)[0], fxad.vjp(lambda x: x, x)[1](one)[0],
        fxad.linearize(lambda x: x, x)[1](one),
        fxad.jacfwd(lambda x: x)(x), fxad.jacrev(lambda x: x)(x), fxad.hessian(lambda x: x * x)(x),
        fxad.hvp(lambda x: x * x, (x,), (x,)),
    ):
        assert type(made) is kind


def test_a_result_keeps_no_argument_alive_or_in_step() -> None:
    """What is written into an argument after the call is not seen by what came out, nor by a pull-back."""
    x, scale = np.arange(4.0), np.ones(4)
    value, pull = fxad.vjp(lambda x: (x, scale * x, x * x), x)
    _, push = fxad.linearize(lambda x: scale * x, x)
    x[...] = scale[...] = 99.0
    np.testing.assert_array_equal(value[0], np.arange(4.0))
    (found,) = pull((np.zeros(4), np.ones(4), np.ones(4)))
    np.testing.assert_array_equal(found, 1 + 2 * np.arange(4.0))
    np.testing.assert_array_equal(push(np.ones(4)), np.ones(4))
