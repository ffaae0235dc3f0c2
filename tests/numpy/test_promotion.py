"""Promotion of dtypes, exactly NumPy's: every pair of dtypes, and every dtype beside Python's numbers.

Each function below is called with traced values on the left, on the right and on both sides, as an operator,
as NumPy's function and as that of `fxad.numpy`; the value, its dtype and its type, or the error, are NumPy's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
          "float32", "float64", "complex64", "complex128"]
NUMBERS = [True, 3, 1.5, 2j, 300, -1, 2**40, 2**63, 2**70]
MASK = np.array([True, False, True])

Form = Callable[[Any, Any, Any], Any]


def _ufunc(name: str) -> Form:
    return lambda n, a, b: getattr(n, name)(a, b)


def _operator(function: Any) -> Form:
    return lambda n, a, b: function(a, b)


OPERATORS = "add sub mul truediv floordiv mod pow lt le gt ge eq ne and_ or_ xor lshift rshift"
UFUNCS = """add subtract multiply true_divide floor_divide remainder power maximum minimum fmax less equal
not_equal bitwise_and left_shift logical_and hypot arctan2 copysign logaddexp float_power fmod gcd divmod
nextafter heaviside"""
FORMS: dict[str, Form] = {
    **{f"operator.{name}": _operator(getattr(operator, name)) for name in OPERATORS.split()},
    **{name: _ufunc(name) for name in UFUNCS.split()},
    "where": lambda n, a, b: n.where(MASK, a, b),
    "concatenate": lambda n, a, b: n.concatenate([n.atleast_1d(a), n.atleast_1d(b)]),
    "append": lambda n, a, b: n.append(a, b),
    "clip": lambda n, a, b: n.clip(a, b, b),
    "dot": lambda n, a, b: n.dot(a, b),
    "outer": lambda n, a, b: n.multiply.outer(a, b),
    "result_type": lambda n, a, b: n.zeros(1, n.result_type(a, b)),
}


def of_kind(kind: str, dtype: str, values: list[int]) -> Any:
    """Three forms of the same numbers: an array, one of rank 0, and a NumPy scalar."""
    array = np.array(values).astype(dtype)
    return {"array": array, "0-d": np.array(array[0]), "scalar": array[0]}[kind]


def answer(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as error:  # it is compared
        return error


def is_python(x: Any) -> bool:
    return isinstance(x, (bool, int, float, complex))


def assert_same(actual: Any, expected: Any, where: str) -> None:
    if isinstance(expected, tuple):
        for a, e in zip(actual, expected, strict=True):
            assert_same(a, e, where)
    elif isinstance(expected, Exception):
        assert isinstance(actual, type(expected)), f"{where}: {actual!r}, not {expected!r}"
    else:
        assert not isinstance(actual, Exception), f"{where}: {actual!r}, not {expected!r}"
        assert isinstance(actual, np.ndarray) == isinstance(expected, np.ndarray), where
        assert (np.shape(actual), actual.dtype) == (np.shape(expected), expected.dtype), where
        if np.all(actual == expected):
            return
        # NumPy's own loops differ in the last bit between arrays and scalars.
        np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo(actual.dtype).eps
                                   if actual.dtype.kind in "fc" else 0, err_msg=where)


def as_numpy(expected: Any) -> Any:
    """Where NumPy gives a Python number, a NumPy scalar of the same value comes out of a transform."""
    return np.asarray(expected)[()] if is_python(expected) else expected


def is_object(x: Any) -> bool:
    """Whether NumPy computed with Python's own ints, beyond all that a dtype holds."""
    return getattr(x, "dtype", np.dtype(float)).kind == "O" or (x.__class__ is int and x.bit_length() > 63)


def routes(a: Any, b: Any) -> Iterator[tuple[str, Callable[[Any], Any], tuple[Any, ...]]]:
    """The ways in which an operation can meet traced values: how it is run, and on which arguments."""
    if not is_python(a):
        yield "left traced", lambda f: fxad.jit(lambda x: f(np, x, b)), (a,)
    if not is_python(b):
        yield "right traced", lambda f: fxad.jit(lambda y: f(np, a, y)), (b,)
    yield "both traced", lambda f: fxad.jit(lambda x, y: f(np, x, y)), (a, b)
    yield "fxad.numpy", lambda f: fxad.jit(lambda x, y: f(fnp, x, y)), (a, b)


def compare(a: Any, b: Any, where: str, forms: dict[str, Form] = FORMS) -> None:
    with np.errstate(all="ignore"):
        expected = {name: answer(f, np, a, b) for name, f in forms.items()}
        # NumPy's arrays of Python objects are not fxad's.
        expected = {name: e for name, e in expected.items() if not is_object(e)}
        sound = [name for name, e in expected.items() if not isinstance(e, Exception)]
        for side, run, args in routes(a, b):
            # All at once, as one program, and each that is an error by itself.
            together = run(lambda n, x, y: {k: forms[k](n, x, y) for k in sound})
            for _ in range(1 + (side == "both traced")):  # interpreted, then compiled
                given = answer(together, *args)
                assert not isinstance(given, Exception), f"{where}, {side}: {given!r}"
                for name in sound:
                    assert_same(given[name], as_numpy(expected[name]), f"{name} of {where}, {side}")
            if side == "right traced":
                continue  # the errors are those of the left
            for name in expected.keys() - set(sound):
                assert_same(answer(run(forms[name]), *args), expected[name], f"{name} of {where}, {side}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("left", DTYPES)
def test_every_pair_of_dtypes(left: str) -> None:
    for i, right in enumerate(DTYPES):
        # The dtype does not depend on the form (NEP 50): every pair meets one mixed form beside two arrays.
        mixed = [("array", "scalar"), ("0-d", "array"), ("scalar", "0-d"), ("scalar", "scalar")][
            (i + DTYPES.index(left)) % 4]
        for one, other in (("array", "array"), mixed):
            a, b = of_kind(one, left, [1, 3, 2]), of_kind(other, right, [2, 1, 3])
            compare(a, b, f"{left} {one} and {right} {other}")


#: Beside booleans NumPy finds no place for an int beyond int64; here the comparison is exact.
_LARGE_BESIDE_BOOL = {f"operator.{c}" for c in ("lt", "le", "gt", "ge", "eq", "ne")} | {
    "less", "equal", "not_equal"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_are_weak(dtype: str) -> None:
    for i, number in enumerate(NUMBERS):
        forms = dict(FORMS)
        if isinstance(number, int) and number >= 2**63 and dtype == "bool":
            forms = {k: f for k, f in forms.items() if k not in _LARGE_BESIDE_BOOL}
        if isinstance(number, int) and number >= 2**64:  # NumPy makes arrays of Python objects of them
            forms = {k: f for k, f in forms.items() if k not in ("clip", "dot", "float_power", "outer")}
        kind = ("array", "0-d", "scalar")[i % 3]
        x = of_kind(kind, dtype, [1, 3, 2])
        compare(x, number, f"{dtype} {kind} and {number}", forms)
        compare(number, x, f"{number} and {dtype} {kind}", forms)


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap"])
def test_ints_that_are_no_literals(transform: str) -> None:
    """Outside `jit` a number is an input of the program; one that does not fit is found out all the same."""
    small, large = np.array([1, 250], np.uint8), 300
    fits = {"jvp": lambda f: fxad.jvp(lambda t: f(small + (t > 9).astype("u1")), (1.0,), (1.0,))[0],
            "vmap": lambda f: fxad.vmap(f)(small)}
    if transform == "grad":
        for n in (2**63, 2**70, -(2**64)):
            assert fxad.grad(lambda x, n=n: x * n)(1.0) == float(n)
            assert fxad.grad(lambda x, s: x * s)(1.0, n) == float(n)
        return
    run = fits[transform]
    np.testing.assert_array_equal(run(lambda x: x < large), [True, True])
    np.testing.assert_array_equal(run(lambda x: large == x), [False, False])
    np.testing.assert_array_equal(run(lambda x: np.clip(x, -5, large)), small)
    np.testing.assert_array_equal(run(lambda x: np.where(x > 9, large, x)), np.where(small > 9, large, small))
    for wrong in (lambda x: x + large, lambda x: x * -1, lambda x: np.maximum(large, x), lambda x: x & large):
        with pytest.raises(OverflowError, match=r"Python integer -?[0-9]+ out of bounds for uint8"):
            run(wrong)


def test_an_int_that_no_int64_holds_has_no_derivative() -> None:
    with pytest.raises(fxad.errors.NonDifferentiable, match="needs floating-point inputs"):
        fxad.grad(lambda n, x: n * x)(2**70, 1.0)
    nothing = fxad.grad(lambda n, x: n * x, argnums=(0, 1), allow_int=True)(2**70, 1.0)
    assert (nothing[0].dtype, nothing[1]) == (fxad.float0, float(2**70))


def test_long_double_is_refused() -> None:
    with pytest.raises(TypeError, match="fxad works on booleans, integers, floats and complex"):
        fxad.grad(lambda x: x * np.longdouble(1))(1.0)


def test_a_traced_int_is_written_into_an_array_or_is_an_error() -> None:
    small = np.array([1, 250], np.uint8)

    def assigned(x: Any, n: Any) -> Any:
        y = x.copy()
        y[0] = n
        return y

    functions = [assigned, np.full_like, lambda x, n: x * 0 + fnp.full(2, n, dtype=np.uint8),
                 lambda x, n: x.at[1].set(n)]
    for f, expected in zip(functions, ([3, 250], [3, 3], [3, 3], [1, 3]), strict=True):
        np.testing.assert_array_equal(fxad.jit(f)(small, 3), np.array(expected, np.uint8))
        for n in (300, -1):
            with pytest.raises(OverflowError, match=r"Python integer -?[0-9]+ out of bounds for uint8"):
                fxad.jit(f)(small, n)
