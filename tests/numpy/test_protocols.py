"""Traced values in the place of arrays: methods, properties, operators, promotion, and what is refused."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from fxad.errors import ConcretizationError, TypeMismatch
from fxad.ir import type_of
from fxad.tracing import Kind, Trace, Tracer

X = np.array([[0.5, -1.5, 2.0, 0.3], [1.25, 0.75, -0.1, -2.0], [3.0, -0.6, 0.9, 1.1]])
V = np.array([0.5, -1.5, 2.0])


def tracer(value: Any, kind: Kind = Kind.BUILD) -> Any:
    """A traced value of the type of `value`."""
    return Trace(kind, purpose="a test", in_values=[value]).input(type_of(value))


def leaves(out: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in tree.leaves(out)]


def assert_same(out: Any, expected: Any) -> None:
    for a, b in zip(leaves(out), leaves(expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-13)


# -- methods and properties ---------------------------------------------------------------------------

METHODS: dict[str, Callable[[Any], Any]] = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "real": lambda x: (x.real, x.imag, (x + 1j).real, (x + 2j).imag),
    "reshape": lambda x: (x.reshape(4, 3), x.reshape((2, 6)), x.reshape(-1), x.reshape(6, 2, order="F")),
    "transpose": lambda x: (x.transpose(), x.transpose(1, 0), x.transpose((1, 0)), x.transpose(None)),
    "flatten": lambda x: (x.flatten(), x.ravel(), x.flatten("F")),
    "squeeze": lambda x: (x[:1].squeeze(), x[:1].squeeze(axis=0)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "repeat": lambda x: (x.repeat(2), x.repeat(2, axis=1)),
    "astype": lambda x: (x.astype(np.float32), x.astype(int), x.astype(complex), x.astype("f8")),
    "copy": lambda x: (x.copy(), copy.copy(x), copy.deepcopy(x)),
    "sum": lambda x: (x.sum(), x.sum(0), x.sum(axis=(0, 1)), x.sum(-1, keepdims=True)),
    "prod": lambda x: (x.prod(), x.prod(axis=1)),
    "mean": lambda x: (x.mean(), x.mean(0), x.mean(axis=1, keepdims=True)),
    "var": lambda x: (x.var(), x.var(axis=0, ddof=1), x.std(), x.std(1)),
    "max": lambda x: (x.max(), x.max(0), x.min(), x.min(axis=1)),
    "argmax": lambda x: (x.argmax(), x.argmax(0), x.argmin(axis=1)),
    "any": lambda x: ((x > 0).any(), (x > 0).all(axis=0), (x > 9).any(1)),
    "cumsum": lambda x: (x.cumsum(), x.cumsum(0), x.cumprod(axis=1)),
    "dot": lambda x: (x.dot(x.T), x[0].dot(x[1])),
    "diagonal": lambda x: (x.diagonal(), x.diagonal(1)),
    "conj": lambda x: (x.conj(), x.conjugate(), (x + 1j).conj()),
    "clip": lambda x: (x.clip(-1, 1), x.clip(min=0.0), x.clip(max=0.5)),
    "round": lambda x: (x.round(), x.round(1)),
    "take": lambda x: (x.take([0, 3]), x.take(1, axis=1)),
    "compress": lambda x: x.compress([True, False, True], axis=0),
    "choose": lambda x: (x > 0).astype(int).choose([x, 2 * x]),
    "argsort": lambda x: (x.argsort(), x.argsort(0), x.argpartition(1)[:, 1]),
    "nonzero": lambda x: (x > 0).nonzero(),
    "searchsorted": lambda x: np.sort(x[0]).searchsorted(0.4),
    "attributes": lambda x: (x.ndim, x.size, x.shape, x.itemsize, x.nbytes, len(x)),
    "abs": lambda x: (abs(x), -x, +x, ~(x > 0)),
    "iter": lambda x: [row * 2 for row in x],
    "unpack": lambda x: (lambda a, b, c: a + b * c)(*x),
    "contains": lambda x: (0.5 in x, 7.0 in x),
    "matmul": lambda x: (x @ x.T, x.T @ X, X @ x.T),
    "divmod": lambda x: (divmod(x, 0.4), divmod(3.0, x), x // 0.3, x % 0.3),
    "comparisons": lambda x: (x < 0, x <= 0.5, x > V[:, None], x >= 0, x == 0.5, x != 0.5, x == 0.5),
    "index": lambda x: (x[0], x[1, 2], x[:, ::2], x[..., None], x[[0, 2]], x[X > 0]),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    """Each method gives what an ndarray's gives, traced for a derivative."""
    method = METHODS[name]
    out, _ = fxad.vjp(method, X)
    assert_same(out, method(X))


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"nonzero", "contains"}))
def test_methods_compiled(name: str) -> None:
    """And under jit."""
    method = METHODS[name]
    assert_same(fxad.jit(method)(X), method(X))


def test_no_method_is_missing() -> None:
    """A traced value has all that an ndarray has, apart from what is about memory."""
    memory = {"base", "ctypes", "data", "flags", "strides", "setflags", "dump", "dumps", "tofile",
              "to_device", "device", "getfield", "setfield", "itemset", "newbyteorder", "ptp", "tostring"}
    # Writes through to memory, and the name of the trace that a Tracer belongs to.
    memory |= {"flat", "put", "trace"}
    public = {n for n in dir(np.ndarray) if not n.startswith("_")}
    assert {n for n in public - memory if not hasattr(Tracer, n)} == set()


def test_python_rounds_to_ints() -> None:
    """round, math.floor and their relatives of one number, as of np.float64."""

    def f(x: Any) -> Any:
        assert round(x) == 3
        assert (math.floor(x), math.ceil(x), math.trunc(x)) == (2, 3, 2)
        return round(x, 1) * x

    assert fxad.grad(f)(2.54) == pytest.approx(2.5)


def test_a_copy_is_a_handle_of_its_own() -> None:
    t = tracer(X)
    for made in (t.copy(), np.copy(t), fnp.array(t), copy.copy(t), t.flatten(), t.astype(float)):
        assert made is not t


def test_namespace() -> None:
    assert tracer(X).__array_namespace__() is fnp


def test_types_answer() -> None:
    """What NumPy asks about shapes and dtypes needs no values."""
    t, z = tracer(X.astype(np.float32)), tracer(X + 1j)
    assert (np.shape(t), np.ndim(t), np.size(t), np.size(t, 0)) == ((3, 4), 2, 12, 3)
    assert (np.iscomplexobj(z), np.isrealobj(z), np.iscomplexobj(t)) == (True, False, False)
    assert np.result_type(t, 1.0) == np.float32
    assert np.result_type(t, z) == np.complex128
    assert np.can_cast(t, np.float64)
    assert not np.can_cast(z, np.float64)
    assert np.common_type(t, z) is np.complex128
    assert np.iterable(t)
    assert not np.isscalar(t)


def test_creation_like_a_traced_value_gives_arrays_that_can_be_written_to() -> None:
    t = tracer(X.astype(np.float32))
    for made in (np.zeros_like(t), np.ones_like(t), np.full_like(t, 2), np.empty_like(t)):
        made[0] = t[1]
        assert (made.shape, made.dtype) == ((3, 4), np.float32)
    assert np.zeros_like(t, dtype=int, shape=(2,)).dtype == int


def test_lists_of_traced_values() -> None:
    """fxad.numpy.array stacks nested lists, and NumPy functions take lists of traced values."""

    def f(x: Any) -> Any:
        a = fnp.array([[x[0], 1.0], [2.0, x[1]]])
        b = np.add([x[0], x[1]], x[:2])
        c = fnp.full((2,), x[2])
        return np.sum(a @ b) + np.sum(c) + fnp.mean([x[0], x[1]]) + np.dot([x[0], 1.0], b)

    g = fxad.grad(f)(V)
    h = 1e-6
    plain = [(f(V + h * e) - f(V - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(g, plain, rtol=1e-7)
    assert fnp.array([[1, 2], [3, 4]], dtype=float, ndmin=3).shape == (1, 2, 2)


def test_arrays_of_objects() -> None:
    """np.array([t, u]) holds traced values as objects: ufuncs reach each of them, reductions too."""

    def f(x: Any) -> Any:
        a = np.array([x[0], 2.0 * x[2]])
        return np.sum(np.sin(a)) + np.sum(np.hypot(a, 1.0)) + a @ a + np.sum(x[:2] * a)

    plain = [(f(V + 1e-6 * e) - f(V - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(fxad.grad(f)(V), plain, rtol=1e-7)


# -- operators ----------------------------------------------------------------------------------------

BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "divmod": divmod,
}
OTHERS = {
    "ndarray": np.array([1.5, 0.5, 2.5]), "column": np.array([[1.5], [0.5]]),
    "np.float64": np.float64(1.5),
    "np.float32": np.float32(1.5), "float": 1.5, "int": 2, "np.int64": np.int64(3), "bool": True,
    "complex": 1.5 + 0.5j, "ints": np.array([1, 2, 3]), "list": [1.5, 0.5, 2.5], "0-d": np.array(2.5),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("symbol", BINARY)
def test_operators(symbol: str, other: str) -> None:
    """Both ways round, with all that NumPy takes beside an array; and the derivative."""
    operation, y = BINARY[symbol], OTHERS[other]
    for x in (np.array([0.5, 1.25, 2.0]), np.array([0.5, 1.25, 2.0], np.float32)):
        for function in (lambda t: operation(t, y), lambda t: operation(y, t)):
            if other == "complex" and symbol in ("//", "%", "divmod"):
                with pytest.raises(TypeError):
                    fxad.jit(function)(x)
                continue
            assert_same(fxad.jit(function)(x), function(x))


@pytest.mark.parametrize("symbol", ["&", "|", "^", "<<", ">>"])
def test_bits(symbol: str) -> None:
    operation = {"&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift,
                 ">>": operator.rshift}[symbol]
    for x, y in ((np.array([1, 6, 3]), np.array([2, 1, 1])), (np.array([1, 6, 3]), 2)):
        assert_same(fxad.jit(lambda t, y=y: operation(t, y))(x), operation(x, y))
        assert_same(fxad.jit(lambda t, y=y: operation(y, t))(x), operation(y, x))


def test_unknown_operands_are_refused() -> None:
    for operation in BINARY.values():
        if operation not in (operator.eq, operator.ne):
            with pytest.raises(TypeError):
                operation(tracer(X), object())


# -- promotion ----------------------------------------------------------------------------------------

NAMES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
DTYPES = [np.dtype(name) for name in NAMES]
PROMOTING = {"add": np.add, "multiply": np.multiply, "divide": np.divide, "power": np.power,
             "maximum": np.maximum, "less": np.less}


def dtype_or_error(function: Callable[..., Any], *operands: Any) -> Any:
    with np.errstate(all="ignore"):
        try:
            return function(*operands).dtype
        except TypeError:
            return TypeError


@pytest.mark.parametrize("name", PROMOTING)
def test_promotion_of_arrays(name: str) -> None:
    """The dtype of every pair is NumPy's, for arrays and for numbers with a dtype."""
    function = PROMOTING[name]
    for a in DTYPES:
        for b in DTYPES:
            for x, y in ((np.ones(2, a), np.ones(2, b)), (np.ones(2, a), b.type(1)),
                         (a.type(1), b.type(1))):
                expected = dtype_or_error(function, x, y)
                t, u = tracer(x), tracer(y)
                assert dtype_or_error(function, t, y) == expected, (x, y)
                assert dtype_or_error(function, x, u) == expected, (x, y)
                u = t.owner.input(type_of(y))
                assert dtype_or_error(function, t, u) == expected, (x, y)


@pytest.mark.parametrize("name", PROMOTING)
def test_promotion_of_python_numbers(name: str) -> None:
    """Python's numbers are weak beside a dtype."""
    function = PROMOTING[name]
    for a in DTYPES:
        for number in (True, 2, 2.5, 1j):
            x = np.ones(2, a)
            assert dtype_or_error(function, tracer(x), number) == dtype_or_error(function, x, number)
            assert dtype_or_error(function, number, tracer(x)) == dtype_or_error(function, number, x)


OPERATORS = {"add": operator.add, "multiply": operator.mul, "divide": operator.truediv,
             "power": operator.pow, "less": operator.lt}


@pytest.mark.parametrize("name", OPERATORS)
def test_promotion_by_operators(name: str) -> None:
    operation = OPERATORS[name]
    for a in DTYPES:
        for y in (True, 2, 2.5, 1j, np.ones(2, np.float32), np.int8(1)):
            x = np.ones(2, a)
            if name == "power" and a.kind == "b" and type(y) is int:
                continue  # NumPy's operator squares instead, which gives int8 and not np.power's int64
            assert dtype_or_error(operation, tracer(x), y) == dtype_or_error(operation, x, y), (x, y)
            assert dtype_or_error(operation, y, tracer(x)) == dtype_or_error(operation, y, x), (x, y)


# -- what is refused ----------------------------------------------------------------------------------

BUFFER = np.zeros(3)

REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "out": (lambda x: np.sin(x, out=BUFFER), TypeMismatch, "write a traced value into an array"),
    "out of a reduction": (lambda x: np.sum(x, out=BUFFER), TypeMismatch, "np.sum was asked to write"),
    "out by position": (lambda x: np.cumsum(x, 0, None, BUFFER), TypeMismatch, "np.cumsum was asked"),
    "iadd": (lambda x: operator.iadd(BUFFER, x), TypeMismatch, "y = y \\+ x"),
    "where": (lambda x: np.sin(x, where=x > 0), TypeMismatch, "np.where\\(mask, np.sin"),
    "asarray": (lambda x: np.asarray(x), ConcretizationError, "np.stack"),
    "full": (lambda x: np.full(3, x[0], float), TypeMismatch, "np.copyto was asked to write"),
    "copyto": (lambda x: np.copyto(BUFFER, x), TypeMismatch, "np.copyto was asked to write"),
    "unknown": (lambda x: np.busday_count(x, x), ConcretizationError, "np.busday_count has no traced form"),
    "unknown ufunc": (lambda x: np.isnat(x), ConcretizationError, "np.isnat has no traced form"),
    "float": (lambda x: float(x[0]), ConcretizationError, "drop its derivative"),
    "item": (lambda x: x[0].item(), ConcretizationError, "drop its derivative"),
    "view": (lambda x: x.view(np.int64), ConcretizationError, "bytes in memory"),
    "order": (lambda x: np.ravel(x[:, None] * x, order="K"), TypeMismatch, "lie in memory"),
    "axis": (lambda x: np.sum(x, axis=1), np.exceptions.AxisError, "axis 1 is out of bounds"),
    "axis twice": (lambda x: np.sum(x[None], axis=(0, 0)), ValueError, "duplicate value"),
    "flip axis": (lambda x: np.flip(x, 2), np.exceptions.AxisError, "out of bounds"),
    "reshape": (lambda x: np.reshape(x, (2, 2)), ValueError, "cannot reshape array of size 3"),
    "reshape unknown": (lambda x: x.reshape(2, -1), ValueError, "cannot reshape"),
    "stack": (lambda x: np.stack([x, x[:2]]), ValueError, "same shape"),
    "concatenate": (lambda x: np.concatenate([x, x[:, None]]), ValueError, "dimensions"),
    "concatenate 0-d": (lambda x: np.concatenate([x[0], x[1]]), ValueError, "zero-dimensional"),
    "broadcast": (lambda x: x + np.ones(2), ValueError, "could not be broadcast"),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 2)), ValueError, "broadcast"),
    "split": (lambda x: np.split(x, 2), ValueError, "equal division"),
    "squeeze": (lambda x: np.squeeze(x, 0), ValueError, "size not equal to one"),
    "max of nothing": (lambda x: np.max(x[:0]), ValueError, "zero-size array"),
    "max where": (lambda x: np.max(x, where=x > 0), ValueError, "identity"),
    "quantile": (lambda x: np.quantile(x, 1.5), ValueError, "range \\[0, 1\\]"),
    "matmul": (lambda x: x @ np.ones((2, 2)), ValueError, "matmul"),
    "index": (lambda x: x[3], IndexError, "out of bounds"),
    "take floats": (lambda x: np.take(x, np.array([0.5])), TypeError, "Cannot cast"),
    "bool": (lambda x: bool(x > 0), ValueError, "ambiguous"),
    "at": (lambda x: np.add.at(BUFFER, [0], x[:1]), TypeMismatch, "np.add.at was asked to write"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What can't be traced says so, with NumPy's kind of exception and what to write instead."""
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        fxad.grad(lambda x: np.sum(function(x)))(V)


def test_nonzero_under_vmap_says_what_to_write() -> None:
    with pytest.raises(ConcretizationError, match=r"np.where\(condition, x, y\)"):
        fxad.vmap(lambda x: np.nonzero(x > 0))(X)


# -- derivative conventions ---------------------------------------------------------------------------

ZERO = np.zeros(3)


@pytest.mark.parametrize(("function", "x", "expected"), [
    (lambda x: np.linalg.norm(x), ZERO, ZERO),
    (lambda x: np.std(x), np.ones(3), ZERO),
    (lambda x: np.nanstd(x), np.ones(3), ZERO),
    (lambda x: np.sum(np.abs(x)), ZERO, ZERO),
    (lambda x: np.max(x), np.array([1.0, 2.0, 2.0]), np.array([0.0, 0.5, 0.5])),
    (lambda x: np.sum(np.maximum(x, 0.0)), ZERO, ZERO + 0.5),
    (lambda x: np.sum(np.clip(x, 0.0, 1.0)), ZERO, ZERO + 0.5),
    (lambda x: np.median(x), np.array([3.0, 1.0, 2.0, 7.0]), np.array([0.5, 0.0, 0.5, 0.0])),
    (lambda x: np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)), ZERO, ZERO),
    (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), ZERO, ZERO),
    (lambda x: np.sum(np.sinc(x)), ZERO, ZERO),
    (lambda x: np.nansum(x), np.array([1.0, np.nan, 2.0]), np.array([1.0, 0.0, 1.0])),
    (lambda x: np.nanmean(x), np.array([1.0, np.nan, 2.0]), np.array([0.5, 0.0, 0.5])),
    (lambda x: np.prod(x), np.array([2.0, 0.0, 3.0]), np.array([0.0, 6.0, 0.0])),
    (lambda x: np.logaddexp.reduce(x), np.array([-np.inf, 0.0, 0.0]), np.array([0.0, 0.5, 0.5])),
])
def test_conventions(function: Any, x: Any, expected: Any) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(fxad.grad(function)(x), expected, atol=1e-15)


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")
def test_fix() -> None:
    """`np.fix` has its own test: newer versions of NumPy warn of it."""
    x = np.array([-1.5, 0.5, 2.7])
    value, pullback = fxad.vjp(np.fix, x)
    np.testing.assert_array_equal(value, np.trunc(x))
    np.testing.assert_array_equal(pullback(x)[0], 0.0)
