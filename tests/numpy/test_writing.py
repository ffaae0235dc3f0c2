"""Functions that write: `out=`, `ufunc.at`, `np.put` and their relatives, as NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import TypeMismatch
from fxad.numpy.ufuncs import UFUNCS
from fxad.tracing import Tracer, memory
from tests.numpy.test_functions import CASES

X = np.array([[0.4, -0.7, 1.3], [0.2, 0.9, -0.1]])
V = np.array([0.5, 2.0, -1.0])


def same(found: Any, expected: Any) -> None:
    for a, b in zip(fxad.tree.leaves(found), fxad.tree.leaves(expected), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)


#: Each is given an array of the trace, to write to, and another; it returns what it likes.
OUTS: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda a, x: np.sin(x, out=a), "add": lambda a, x: np.add(x, 1.0, out=a),
    "positional": lambda a, x: np.add(x, x, a), "itself": lambda a, x: np.multiply(a, x, out=a),
    "numbers": lambda a, x: np.add(1.0, 2.0, out=a), "stretched": lambda a, x: np.add(x[0], 1.0, out=a),
    "tuple": lambda a, x: np.exp(x, out=(a,)), "view": lambda a, x: np.cos(x[0], out=a[1]),
    "column": lambda a, x: np.negative(x[:, 0], out=a[:, 2]),
    "where": lambda a, x: np.sqrt(x, out=a, where=x > 0),
    "keyword": lambda a, x: np.abs(x, out=a, dtype=float),
    "sum": lambda a, x: np.sum(x, axis=0, out=a[0]), "mean": lambda a, x: np.mean(x, 0, None, a[1]),
    "method": lambda a, x: x.sum(axis=0, out=a[0]), "max": lambda a, x: x.max(0, a[1]),
    "cumsum": lambda a, x: np.cumsum(x, axis=1, out=a), "clip": lambda a, x: np.clip(x, 0.0, 0.5, out=a),
    "clip in place": lambda a, x: a.clip(0, 1, out=a), "dot": lambda a, x: np.dot(x, np.eye(3), out=a),
    "matmul": lambda a, x: np.matmul(x, np.eye(3), out=a),
    "einsum": lambda a, x: np.einsum("ij->ij", x, out=a),
    "concatenate": lambda a, x: np.concatenate([x[:1], x[1:]], out=a),
    "stack": lambda a, x: np.stack([x[0], x[1]], out=a),
    "take": lambda a, x: np.take(x, [1, 0], axis=0, out=a), "round": lambda a, x: np.round(x, 1, out=a),
    "reduce": lambda a, x: np.add.reduce(x, axis=0, out=a[0]),
    "accumulate": lambda a, x: np.multiply.accumulate(x, out=a),
    "outer": lambda a, x: np.multiply.outer(x[:, 0], x[1], out=a),
    "median": lambda a, x: np.median(x, axis=0, out=a[0]),
    "modf": lambda a, x: np.modf(x, out=(a, None)), "divmod": lambda a, x: np.divmod(x, 0.3, out=(None, a)),
    "plain": lambda a, x: np.sum(np.ones((2, 3)), axis=0, out=a[0]),
    "ptp": lambda a, x: np.ptp(x, axis=0, out=a[0]),
    "fix": lambda a, x: np.fix(x, out=a), "choose": lambda a, x: np.choose([0, 1, 0], [x[0], x[1]], out=a[0]),
    "compress": lambda a, x: np.compress([True, True], x, axis=0, out=a),
    "quantile": lambda a, x: np.quantile(x, 0.3, axis=0, out=a[1]),
}


@pytest.mark.parametrize("name", OUTS)
def test_out(name: str) -> None:
    function = OUTS[name]

    def f(x: Any) -> Any:
        a = x * 3.0
        made = function(a, x)
        return made, a

    with np.errstate(invalid="ignore"):  # a mask is for what is written: all is computed
        same(fxad.jit(f)(X), f(X))
        same(fxad.vjp(f, X)[0], f(X))


def test_out_is_what_is_given_back() -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        assert np.sin(x, out=a) is a
        assert np.sum(x, axis=0, out=(row := a[0])) is row
        assert fnp.sum(x, axis=0, out=row) is row
        return a

    same(fxad.jit(f)(X), f(X))


def test_derivatives_of_out() -> None:
    def f(x: Any) -> Any:
        a = np.zeros_like(x)
        np.multiply(x, x, out=a)
        np.sqrt(x, out=a, where=x > 0)
        np.add(a, x, out=a)
        return np.sum(a)

    with np.errstate(all="ignore"):
        found = fxad.grad(f)(X)
    np.testing.assert_allclose(found, np.where(X > 0, 0.5 / np.sqrt(np.abs(X)), 2 * X) + 1.0)


def test_out_of_another_dtype_or_shape() -> None:
    def f(x: Any) -> Any:
        a = np.zeros_like(x, np.float32)
        np.sin(x, out=a)
        b = np.zeros_like(x, int)
        np.add(x, 1.0, out=b, casting="unsafe")
        return a, b

    same(fxad.jit(f)(X), f(X))
    for wrong in (lambda x: np.add(x, 1.0, out=np.zeros_like(x, int)), lambda x: np.add(x, x, out=x[0] * 1.0),
                  lambda x: np.sum(x, axis=0, out=np.zeros_like(x)), lambda x: np.add(x, 1.0j, out=x * 1.0)):
        with pytest.raises((TypeError, ValueError)) as expected:
            wrong(X)
        with pytest.raises(type(expected.value).__mro__[1]):
            fxad.jit(wrong)(X)


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "copyto": lambda a, x: np.copyto(a, x + 1), "copyto row": lambda a, x: np.copyto(a, x[0]),
    "copyto number": lambda a, x: np.copyto(a, 2), "copyto where": lambda a, x: np.copyto(a, x, where=x > 0),
    "putmask": lambda a, x: np.putmask(a, x > 0, x[0]),
    "place": lambda a, x: np.place(a, X > 0, [x[0, 0], 5.0]),
    "put": lambda a, x: np.put(a, [0, -1, 2], x[0]), "put number": lambda a, x: np.put(a, 4, 7.0),
    "put clip": lambda a, x: np.put(a, [0, 99], [1.0, x[0, 1]], mode="clip"),
    "put wrap": lambda a, x: np.put(a, [7, -8], [1.0, x[0, 1]], mode="wrap"),
    "put none": lambda a, x: np.put(a, [], []),
    "put repeated": lambda a, x: np.put(a, [1, 1, 2, 3], [1.0, 2.0]),
    "put method": lambda a, x: a.put([1, 2], x[1, :2]),
    "put_along_axis": lambda a, x: np.put_along_axis(a, np.array([[2], [0]]), x[:, :1], 1),
    "put_along_axis flat": lambda a, x: np.put_along_axis(a, np.array([4, 1]), x[0, :2], None),
    "fill_diagonal": lambda a, x: np.fill_diagonal(a, x[0, 1]),
    "fill_diagonal list": lambda a, x: np.fill_diagonal(a.T, [1.0, x[0, 1]]),
    "view": lambda a, x: np.copyto(a[:, ::2], x[:, :2]), "flat": lambda a, x: a.flat.__setitem__(3, x[0, 0]),
    "flat list": lambda a, x: a.flat.__setitem__([0, 5], x[0, :2]),
    "flat slice": lambda a, x: a.T.flat.__setitem__(slice(1, None, 2), x[0, :2]),
    "flat all": lambda a, x: setattr(a, "flat", x[1]),
    "nan_to_num": lambda a, x: np.nan_to_num(a, copy=False),
    "sort": lambda a, x: a.sort(axis=0), "fill": lambda a, x: a.fill(x[0, 0]),
    "shuffled": lambda a, x: a.__setitem__(slice(None), a[::-1]),
}


@pytest.mark.parametrize("name", WRITES)
def test_functions_that_write(name: str) -> None:
    def f(x: Any) -> Any:
        a = x * 3.0
        WRITES[name](a, x)
        return a

    same(fxad.jit(f)(X), f(X))
    same(fxad.vjp(f, X)[0], f(X))
    same(fxad.jvp(f, (X,), (np.ones_like(X),))[0], f(X))


BINARY = [u for u in UFUNCS if u.nin == 2 and u.nout == 1 and u.signature is None and "d" in
          "".join(t.partition("->")[0] for t in u.types if t.endswith(("d", "?")))]


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)
def test_at(ufunc: Any) -> None:
    def f(x: Any) -> Any:
        a = np.abs(x[0]) + 0.5
        try:
            ufunc.at(a, [0, 2, 0], np.abs(x[1]) + 0.3)
        except TypeError:
            return np.zeros(3) + x[0] * 0
        return a

    same(fxad.jit(f)(X), f(X))


def test_at_of_unary_ufuncs_and_integers() -> None:
    def f(x: Any) -> Any:
        a = x * 1.0
        np.negative.at(a, ([0, 0], [1, 1]))
        np.square.at(a, (slice(None), [2, 0]))
        np.add.at(a, 1, x[0])
        n = np.zeros_like(x, int)
        np.add.at(n, (0, [1, 1, 2]), 1)
        np.bitwise_or.at(n, (1,), 4)
        return a, n

    same(fxad.jit(f)(X), f(X))


def test_derivatives_of_at() -> None:
    def f(x: Any) -> Any:
        a = np.zeros_like(x)
        np.add.at(a, [0, 1, 0], V[:, None] * x[0])
        np.multiply.at(a, ([1, 1], [0, 0]), x[0, :2])
        return np.sum(a * a)

    h = 1e-6
    numeric = [(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(6).reshape(6, 2, 3)]
    np.testing.assert_allclose(fxad.grad(f)(X).ravel(), numeric, rtol=1e-6, atol=1e-8)


def test_plain_arrays_and_arguments_are_refused() -> None:
    plain = np.zeros((2, 3))
    for write in (lambda x: np.copyto(plain, x), lambda x: np.add.at(plain, 0, x[0]),
                  lambda x: np.put(plain, 0, x[0, 0]),
                  lambda x: np.sin(x, out=plain), lambda x: np.sum(x, axis=0, out=plain[0]),
                  lambda x: np.modf(x, out=(None, plain))):
        with pytest.raises(TypeMismatch, match="asked to write a traced value into an array") as caught:
            fxad.jit(write)(X)
        assert "fxad.numpy.zeros(shape)" in str(caught.value)
    assert not plain.any()
    for write in (lambda x: np.copyto(x, 0.0), lambda x: np.add.at(x, 0, 1.0), lambda x: np.put(x, 0, 1.0),
                  lambda x: np.sin(x, out=x), lambda x: x.sort(), lambda x: x.fill(0.0),
                  lambda x: setattr(x, "flat", 1.0),
                  lambda x: x.resize(3), lambda x: np.nan_to_num(x, copy=False)):
        with pytest.raises(TypeMismatch, match="an argument of the function is written to"):
            fxad.jit(write)(X)


def _shares(a: Any, b: Any) -> bool:
    if not isinstance(a, Tracer) or not isinstance(b, Tracer):
        return False
    for x in (a, b):
        if getattr(x, "viewed", None).__class__ is memory.Maybe:
            memory._settle(x)
    return memory._path(a)[0] is memory._path(b)[0]


@pytest.mark.parametrize("case", [c for c in CASES if all(np.ndim(x) for x in c.arrays)], ids=repr)
def test_results_share_memory_where_numpys_do(case: Any) -> None:
    arrays = [np.array(x) for x in case.arrays]
    found: list[list[bool]] = []

    def f(*given: Any) -> Any:
        copies = [x.copy() for x in given]
        found.extend([_shares(out, x) for x in copies]
                     for out in fxad.tree.leaves(case.function(np, *copies)))
        return 0.0

    with np.errstate(all="ignore"):
        outs = fxad.tree.leaves(case.function(np, *arrays))
        fxad.vjp(f, *arrays)
    assert found == [[isinstance(out, np.ndarray) and np.shares_memory(out, x) for x in arrays]
                     for out in outs]


def test_flat_reads() -> None:
    def f(x: Any) -> Any:
        a = x * 2.0
        first = a.flat[1:3]
        a[:] = 0.0
        return first, a.flat[5], list(x.T.flat)[1], len(x.flat), x.flat.copy()

    same(fxad.jit(f)(X), f(X))


def test_resize() -> None:
    def f(x: Any) -> Any:
        a = x * 2.0
        a.resize((2, 2))
        a.resize(6, refcheck=False)
        return a

    np.testing.assert_array_equal(fxad.jit(f)(X), [0.8, -1.4, 2.6, 0.4, 0.0, 0.0])

    def g(x: Any) -> Any:
        a = x * 2.0
        row = a[0]
        a.resize(3)
        return row

    with pytest.raises(ValueError, match="cannot resize an array"):
        fxad.jit(g)(X)


def test_at_of_plain_and_traced_arrays() -> None:
    x = np.arange(4.0)
    for update in (lambda a: a[1].set(5.0), lambda a: a[:].set(0.0), lambda a: a[[0, 0]].add(1.0),
                   lambda a: a[x > 1].multiply(2.0), lambda a: a[::2].apply(np.negative)):
        plain = update(fxad.at(x))
        assert plain.flags.writeable
        assert not np.shares_memory(plain, x)
        same(fxad.jit(lambda x, update=update: update(fxad.at(x)))(x), plain)
    same(fxad.at([1.0, 2.0])[0].set(3.0), np.array([3.0, 2.0]))
    same(fxad.at(x)[1].get(), np.float64(1.0))
    np.testing.assert_array_equal(x, np.arange(4.0))
