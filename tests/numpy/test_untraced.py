"""What can't be traced: each name of the table, and what happens with a traced value there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import FxadError

_rng = np.random.default_rng(0)
NOWHERE = os.devnull

CALLS: dict[str, Callable[[Any], Any]] = {
    "save": lambda t: np.save(NOWHERE, t), "savetxt": lambda t: np.savetxt(NOWHERE, t),
    "savez": lambda t: np.savez(NOWHERE, t), "savez_compressed": lambda t: np.savez_compressed(NOWHERE, t),
    "format_float_positional": lambda t: np.format_float_positional(t[0]),
    "format_float_scientific": lambda t: np.format_float_scientific(t[0]),
    "base_repr": lambda t: np.base_repr(t[0]), "strings": lambda t: np.strings.upper(t),
    "char": lambda t: np.char.upper(t), "busday_count": lambda t: np.busday_count(t, t),
    "busday_offset": lambda t: np.busday_offset(t, 1), "is_busday": lambda t: np.is_busday(t),
    "datetime_as_string": lambda t: np.datetime_as_string(t), "isnat": lambda t: np.isnat(t),
    "shares_memory": lambda t: np.shares_memory(t, t),
    "may_share_memory": lambda t: np.may_share_memory(t, t),
    "lib.stride_tricks.as_strided": lambda t: np.lib.stride_tricks.as_strided(t, (2, 2)),
    "array": np.array, "asarray": np.asarray, "asanyarray": np.asanyarray,
    "ascontiguousarray": np.ascontiguousarray, "asfortranarray": np.asfortranarray,
    "asarray_chkfinite": np.asarray_chkfinite, "require": np.require,
    "full": lambda t: np.full(3, t[0]), "vectorize": lambda t: np.vectorize(lambda v: v * 2)(t),
    "ndenumerate": np.ndenumerate, "r_": lambda t: np.r_[t, 1], "c_": lambda t: np.c_[t, t],
    "arange": lambda t: np.arange(t[0]), "asmatrix": np.asmatrix, "bmat": lambda t: np.bmat([[t, t]]),
    "matrix": np.matrix, "broadcast": lambda t: np.broadcast(t, t),
    "frompyfunc": lambda t: np.frompyfunc(lambda v: v * 2, 1, 1)(t), "ma": lambda t: np.ma.array(t),
    "record": np.record, "recarray": lambda t: np.rec.fromarrays([t]),
    "random.shuffle": _rng.shuffle, "random.permutation": _rng.permutation, "random.choice": _rng.choice,
    "random.normal": lambda t: _rng.normal(t[0]), "random.uniform": lambda t: _rng.uniform(0, t[0]),
    "testing": lambda t: np.testing.assert_allclose(t, t),
}
#: NumPy raises an error of its own there, before it asks fxad; under its name in fxad.numpy it is ours.
NUMPYS_OWN: dict[str, Callable[[Any, Any], Any]] = {
    "binary_repr": lambda n, t: n.binary_repr(t[0]), "datetime_data": lambda n, t: n.datetime_data(t),
    "isfortran": lambda n, t: n.isfortran(t), "frombuffer": lambda n, t: n.frombuffer(t),
    "from_dlpack": lambda n, t: n.from_dlpack(t), "fromiter": lambda n, t: n.fromiter(t, float),
    "nested_iters": lambda n, t: n.nested_iters(t, [[0], []]),
}
#: Those too, and they are no functions; or the array is no traced value to begin with.
OBJECTS = {"mgrid", "ogrid", "nditer", "rec", "memmap"}


def test_every_name_is_tested() -> None:
    assert set(fnp.untraced) == CALLS.keys() | NUMPYS_OWN.keys() | OBJECTS


@pytest.mark.filterwarnings("ignore:the matrix subclass", "ignore:you are shuffling")
@pytest.mark.parametrize("name", CALLS)
def test_refused_with_what_to_write(name: str) -> None:
    """Under a derivative and under jit, an error of ours with the line and the rewrite."""
    for run in (lambda x: fxad.vjp(CALLS[name], x), fxad.jit(CALLS[name])):
        with pytest.raises(FxadError, match="Write instead: "):
            run(np.arange(4.0) + 1.0)


@pytest.mark.parametrize("name", NUMPYS_OWN)
def test_refused_by_numpy_and_by_name(name: str) -> None:
    x = np.arange(4.0) + 1.0
    with pytest.raises((TypeError, ValueError, AttributeError)):
        fxad.vjp(lambda t: NUMPYS_OWN[name](np, t), x)
    with pytest.raises(FxadError, match=f"np.{name} has no traced form"):
        fxad.vjp(lambda t: NUMPYS_OWN[name](fnp, t), x)


@pytest.mark.parametrize("name", sorted(OBJECTS - {"mgrid", "ogrid"}))
def test_objects_take_no_traced_value(name: str) -> None:
    takes = {"nditer": lambda t: np.nditer(t), "rec": lambda t: np.rec.array(t),
             "memmap": lambda t: np.memmap(t)}
    with pytest.raises((TypeError, ValueError)):
        fxad.vjp(takes[name], np.arange(4.0))


def test_the_namespace_is_complete() -> None:
    """All of NumPy's public names but its test runner and submodules, and more than 330 functions."""
    modules = {name for name in dir(np) if isinstance(getattr(np, name, None), type(np))}
    public = {name for name in dir(np) if not name.startswith("_")} - modules - {"test"}
    assert public - set(fnp.__all__) == set()
    functions = [name for name in fnp.__all__ if callable(getattr(fnp, name))
                 and not isinstance(getattr(fnp, name), type)]
    assert len(functions) >= 330


def test_the_names_that_numpy_does_not_hand_over() -> None:
    """vectorize, mgrid, r_, c_ and ndenumerate of fxad.numpy are NumPy's on plain and on traced values."""
    x = np.arange(3.0) + 1.0
    for function in (
        lambda n, t: n.vectorize(lambda a, b: a * b if a > 1.5 else b)(t, 2.0),
        lambda n, t: n.vectorize(lambda v, w: n.sum(v) * w, signature="(k),()->()")(t, t),
        lambda n, t: n.vectorize(lambda a, *, k: a * k, excluded={"k"})(t, k=3.0),
        lambda n, t: n.mgrid[0 : t[0] : 3j, 1 : t[1] : 2j], lambda n, t: n.ogrid[0 : t[1] : 3j],
        lambda n, t: n.r_[t, 1.0, 0:3], lambda n, t: n.r_["1,2,0", t, t],
        lambda n, t: n.r_["0,3,0", t, t[:, None]],
        lambda n, t: n.c_[t, 2 * t], lambda n, t: n.r_[0.0, t[0]],
        lambda n, t: n.stack([v * i[0] for i, v in n.ndenumerate(t)]),
    ):
        expected = function(np, x)
        value, slope = fxad.jvp(lambda t, f=function: f(fnp, t), (x,), (np.ones(3),))
        np.testing.assert_allclose(value, expected)
        np.testing.assert_allclose(function(fnp, x), expected)
        near = [function(np, x + h) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(slope, (near[0] - near[1]) / 2e-6, atol=1e-8)


@pytest.mark.parametrize(("factors", "slope"), [
    ([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]), ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0]), ([2.0, -1.0], [-1.0, 2.0]),
])
def test_products_with_zeros(factors: list[float], slope: list[float]) -> None:
    """prod and the last of cumprod, to second order, in both modes."""
    x = np.array(factors)
    n = len(x)
    second = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(n)] for i in range(n)]
    for function in (np.prod, lambda t: np.cumprod(t)[-1]):
        np.testing.assert_array_equal(fxad.grad(function)(x), slope)
        np.testing.assert_array_equal(fxad.jacfwd(function)(x), slope)
        np.testing.assert_array_equal(fxad.hessian(function)(x), second)
        np.testing.assert_array_equal(fxad.jacfwd(fxad.jacfwd(function))(x), second)


def test_orders_at_zero() -> None:
    """sinc to third order and i0 to second at 0, where the formulas are 0/0."""
    third = fxad.grad(fxad.grad(fxad.grad(np.sinc)))
    np.testing.assert_allclose([fxad.grad(fxad.grad(np.sinc))(0.0), third(0.0)], [-np.pi**2 / 3, 0.0],
                               atol=1e-12)
    np.testing.assert_allclose([fxad.grad(np.i0)(0.0), fxad.grad(fxad.grad(np.i0))(0.0)], [0.0, 0.5])
