"""float32 stays float32, and complex64 complex64: through values and all derivatives of every function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from tests.numpy import cases, functions
from tests.numpy.more_cases import MORE

SINGLE = {"f": np.dtype(np.float32), "c": np.dtype(np.complex64)}
#: By subject: one plain call of each function, and all uses of those that go by way of other dtypes.
TABLES: dict[str, list[Any]] = {**functions.TABLES, "linalg": cases.LINALG, "complex": cases.COMPLEX,
                                "more": MORE}


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def single(x: Any) -> Any:
    return x.astype(SINGLE[x.dtype.kind]) if x.dtype.kind in SINGLE else x


def dtypes(out: Any) -> list[np.dtype[Any]]:
    return [np.asarray(leaf).dtype for leaf in tree.leaves(out)]


def tangent_dtypes(out: Any) -> list[np.dtype[Any]]:
    return [d if d.kind in "fc" else fxad.float0 for d in dtypes(out)]


def total(function: Callable[..., Any]) -> Callable[..., Any]:
    """A real number that depends on all floating results, and on them not only linearly."""
    def number(*arrays: Any) -> Any:
        leaves = [v for v in tree.leaves(function(*arrays)) if np.result_type(v).kind in "fc"]
        return sum(np.sum(np.real(v * np.conj(v)) + np.real(v)) for v in leaves)

    return number


def check(row: Any, n: Any) -> None:
    """Every transform of one call gives the dtypes that NumPy gives it, or those of its arguments."""
    arrays = tuple(map(single, row.arrays))
    places = tuple(range(len(arrays)))
    directions = tuple(map(np.ones_like, arrays))

    def function(*a: Any) -> Any:
        return row.function(n, *a)

    def same(found: Any, expected: list[np.dtype[Any]], of: str) -> None:
        assert dtypes(found) == expected, f"{of} of {row!r}: {dtypes(found)}, not {expected}"

    def twice(*a: Any) -> Any:
        return sum(np.sum(np.real(g * g)) for g in gradient(*a))

    value = row.function(np if n is np else fnp, *arrays)
    out, tangent = fxad.jvp(function, arrays, directions)
    same(out, dtypes(value), "the value")
    same(tangent, tangent_dtypes(value), "jvp")
    out, pull = fxad.vjp(function, *arrays)
    cts = [np.ones(np.shape(o), d) for o, d in zip(tree.leaves(out), tangent_dtypes(value), strict=True)]
    same(pull(tree.flatten(out)[1].unflatten(cts)), dtypes(arrays), "vjp")
    batches = [np.stack([x, x]) for x in arrays]
    batched = getattr(row, "batched", True) in (True, "")
    if batched:
        same(fxad.vmap(function)(*batches), dtypes(value), "vmap")
    if not any(d.kind in "fc" for d in dtypes(value)):
        return
    # Not the functions that look at values, of which single precision makes others.
    gradient = fxad.grad(total(function), argnums=places)
    same(fxad.value_and_grad(total(function))(*arrays)[0], dtypes(total(function)(*arrays)), "value_and_grad")
    same(gradient(*arrays), dtypes(arrays), "grad")
    same(fxad.jvp(gradient, arrays, directions)[1], dtypes(arrays), "forward over reverse")
    same(fxad.grad(twice, argnums=places)(*arrays), dtypes(arrays), "reverse over reverse")
    if batched:
        same(fxad.vmap(gradient)(*batches), dtypes(arrays), "vmap of grad")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("subject", TABLES)
def test_single_precision_stays(subject: str) -> None:
    for row in TABLES[subject]:
        check(row, np if getattr(row, "handed", True) else fnp)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_jacobians_and_hessians(dtype: Any) -> None:
    x = np.array([0.5, -1.5, 2.0], dtype)
    f = lambda x: np.sum(2.5 * np.sin(x) ** 2) + np.linalg.norm(x) if dtype == np.float32 else np.sum(x**3)
    for transform in (fxad.jacfwd, fxad.jacrev, fxad.jacobian, fxad.hessian, fxad.elementwise_grad):
        for compiled in (transform(f), fxad.jit(transform(f))):
            assert compiled(x).dtype == dtype
    assert fxad.hvp(f, (x,), (x,)).dtype == dtype
    value, linear = fxad.linearize(f, x)
    assert (value.dtype, linear(x).dtype) == (dtype, dtype)
    assert fxad.linear_transpose(lambda x: 2 * x, x)(x)[0].dtype == dtype


def test_what_mixes_precisions_gives_each_argument_its_own() -> None:
    narrow, wide, z = np.ones(3, np.float32), np.ones(3), np.ones(3, np.complex64)
    f = lambda a, b, c: np.sum(np.real(a * b * c + np.concatenate([a, b])[:3]))
    found = fxad.grad(f, argnums=(0, 1, 2))(narrow, wide, z)
    assert [g.dtype for g in found] == [np.float32, np.float64, np.complex64]
    found = fxad.jvp(f, (narrow, wide, z), (narrow, wide, z))
    assert [v.dtype for v in found] == [np.float64, np.float64]


def test_python_numbers_among_traced_values_are_weak() -> None:
    x = np.ones(3, np.float32)
    for f in (lambda n, x: n.r_[x, 1.0, 2], lambda n, x: n.c_[x, x] * 2.0, lambda n, x: n.r_[x, 1j],
              lambda n, x: n.r_[x, np.float64(1)], lambda n, x: n.r_[1, x, 0:3],
              lambda n, x: n.append(x, np.float32(2))):
        made, expected = fxad.jit(lambda x, f=f: f(fnp, x))(x), f(np, x)
        assert made.dtype == expected.dtype
        np.testing.assert_array_equal(made, expected)
