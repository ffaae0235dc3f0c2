"""Linear algebra: values and types are NumPy's, and derivatives are numeric ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad.primitives.decompositions as dec
import fxad.primitives.determinants as dets
import fxad.primitives.least_squares as least
import fxad.primitives.linalg as la
import fxad.primitives.norms as norms
import fxad.primitives.singular_values as sv
from fxad.primitives.complexes import conj
from fxad.primitives.contraction import einsum
from fxad.transforms import batch
from tests.laws import (
    assert_close,
    checked,
    keeps_the_laws,
    random_like,
    tangents_only,
    traced,
    vjp_program,
)
from tests.primitives.matrices import gram, normal, regular


class Ours:
    """Our functions under NumPy's names, to call with the same expression as `np.linalg`."""

    def __getattr__(self, name: str) -> Any:
        for module in (la, dets, dec, sv, least, norms):
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)


ours = Ours()

#: Name, the call with `m` for the module, and operands `(maker, shapes)`.
CASES: list[tuple[str, Callable[..., Any], Any, list[tuple[int, ...]]]] = [
    *[("inv", lambda m, a: m.inv(a), regular, [s]) for s in ((3, 3), (2, 3, 3), (0, 0), (0, 2, 2))],
    *[("det", lambda m, a: m.det(a), regular, [s]) for s in ((3, 3), (1, 1), (2, 3, 3), (0, 0))],
    *[("slogdet", lambda m, a: tuple(m.slogdet(a)), regular, [s])
      for s in ((3, 3), (2, 4, 4), (0, 0))],
    *[("solve", lambda m, a, b: m.solve(a, b), regular, list(s)) for s in (
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((3, 3), (4, 3, 2)),
        ((4, 1, 3, 3), (2, 3, 1)), ((2, 3, 3), (3,)), ((0, 0), (0,)), ((2, 2), (2, 0)),
    )],
    *[("pinv", lambda m, a: m.pinv(a), regular, [s]) for s in ((3, 3), (4, 2), (2, 2, 4), (0, 3))],
    ("pinv rcond", lambda m, a: m.pinv(a, 1e-3), regular, [(3, 2)]),
    ("pinv rtol", lambda m, a: m.pinv(a, rtol=None), regular, [(3, 2)]),
    *[(f"matrix_power {n}", lambda m, a, n=n: m.matrix_power(a, n), regular, [s])
      for n in (-2, -1, 0, 1, 2, 3, 5) for s in ((3, 3), (2, 2, 2))],
    *[("multi_dot", lambda m, *a: m.multi_dot(a), normal, list(s)) for s in (
        ((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 2)), ((3,), (3, 4), (4,)), ((3,), (3,)),
        ((2, 3), (3, 4), (4, 1), (1, 3)), ((5,), (5, 2), (2, 3)),
    )],
    *[("svdvals", lambda m, a: m.svd(a, compute_uv=False), normal, [s])
      for s in ((3, 3), (4, 2), (2, 2, 3), (0, 2))],
    *[("cond", lambda m, a, p=p: m.cond(a, p), regular, [s])
      for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc") for s in ((3, 3), (2, 3, 3))],
    *[(f"norm {ord} {axis} {keep}", lambda m, a, o=ord, x=axis, k=keep: m.norm(a, o, x, k),
       normal, [s])
      for ord, axis, keep, s in (
          (None, None, False, (5,)), (None, None, True, (2, 3, 2)), (None, 1, False, (2, 3)),
          (None, (0, 1), False, (2, 3)), (2, None, False, (5,)), (2, -1, True, (2, 3)),
          (3, None, False, (5,)), (2.5, 0, False, (4, 2)),
          (1, None, False, (5,)), (-1, None, False, (5,)), (-2.5, 1, False, (2, 3)),
          (0.5, None, False, (5,)), (np.inf, None, False, (5,)), (-np.inf, 1, False, (2, 3)),
          (0, None, False, (5,)), ("fro", None, False, (2, 3)), ("nuc", None, False, (2, 3)),
          (2, None, False, (3, 2)), (-2, None, False, (3, 3)), (1, None, True, (3, 2)),
          (-1, None, False, (3, 2)), (np.inf, (2, 0), False, (2, 3, 4)),
          (-np.inf, (0, 1), False, (2, 3)), ("nuc", (-1, 0), True, (2, 3, 4)),
          ("fro", (2, 1), True, (2, 3, 4)),
          (None, None, False, (0,)), (np.inf, None, False, (0,)),
      )],
    *[(f"vector_norm {ord} {axis}", lambda m, a, o=ord, x=axis: m.vector_norm(a, axis=x, ord=o),
       normal, [(2, 3, 4)]) for ord, axis in ((2, None), (1, 1), (3, (0, 2)), (np.inf, (2, 1)))],
    ("matrix_norm", lambda m, a: m.matrix_norm(a), normal, [(2, 3, 4)]),
    ("matrix_norm nuc", lambda m, a: m.matrix_norm(a, ord="nuc", keepdims=True), normal,
     [(2, 3, 4)]),
]
IDS = [f"{name}-{'x'.join(map(str, s))}" for name, _, _, s in CASES]
cases = pytest.mark.parametrize(("name", "call", "maker", "shapes"), CASES, ids=IDS)


@cases
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8", "i4"])
def test_value(name: str, call: Any, maker: Any, shapes: Any, dtype: str) -> None:
    """Values, shapes and dtypes are NumPy's, on arrays and on tracers."""
    values = [maker(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes)]
    if dtype == "i4" and name.startswith("pinv"):
        # NumPy's has no rtol=None for integers, and keeps the dtype of empty ones.
        values = [v.astype("f8") for v in values]
    with np.errstate(divide="ignore"):
        desired = call(np.linalg, *values)
    desired = desired if isinstance(desired, tuple) else (desired,)
    near = 1e-3 if dtype in ("f4", "c8") else 1e-8
    with np.errstate(divide="ignore"):
        actual = call(ours, *values)
    assert_close(actual if isinstance(actual, tuple) else (actual,), desired, near)
    assert_close(checked(traced(lambda *v: call(ours, *v), *values))(*values), desired, near)


@pytest.mark.parametrize(
    ("name", "call", "maker", "shapes"), [c for c in CASES if not c[0].startswith("norm 0 ")],
    ids=[i for i in IDS if not i.startswith("norm 0 ")],
)
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_derivatives(name: str, call: Any, maker: Any, shapes: Any, dtype: str) -> None:
    values = [maker(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes)]
    second = name in ("solve", "det", "pinv", "inv")
    keeps_the_laws(lambda *v: call(ours, *v), *values, second=second)


#: Functions that do not depend on what decompositions leave open.
DECOMPOSED: list[tuple[str, Callable[[Any], Any], tuple[int, ...]]] = [
    ("cholesky", lambda x: dec.cholesky(gram(x, 1.0)), (3, 3)),
    ("cholesky upper", lambda x: dec.cholesky(gram(x, 1.0), upper=True), (2, 3, 3)),
    ("eigvalsh", lambda x: dec.eigvalsh(gram(x)), (3, 3)),
    ("eigvalsh U", lambda x: dec.eigvalsh(gram(x), "U"), (2, 3, 3)),
    ("eigh", lambda x: _spectral(gram(x), "L"), (3, 3)),
    ("eigh U", lambda x: _spectral(gram(x), "U"), (2, 3, 3)),
    *[("svd", lambda x: _recomposed(x), s) for s in ((3, 3), (4, 2), (2, 2, 3))],
    *[("qr", lambda x: tuple(dec.qr(x)), s) for s in ((3, 3), (4, 2), (2, 2, 3))],
    ("qr r", lambda x: dec.qr(x, "r"), (3, 2)),
    ("eigvals", lambda x: dec.eigvals(x), (3, 3)),
    *[("eig", lambda x: _projections(x), s) for s in ((3, 3), (2, 4, 4))],
    ("eigvals batched", lambda x: dec.eigvals(x), (2, 4, 4)),
    ("lstsq", lambda x: least.lstsq(x, normal(4, seed=5))[:2], (4, 3)),
    ("lstsq wide", lambda x: least.lstsq(x, normal(2, 2, seed=5)).x, (2, 3)),
    ("solve_triangular", lambda x: la.solve_triangular(x, normal(3, seed=5), lower=True), (3, 3)),
    ("solve_triangular T", lambda x: la.solve_triangular(x, normal(3, 2), "T"), (2, 3, 3)),
    ("solve_triangular C", lambda x: la.solve_triangular(x, normal(3, 2), 2, True, True), (3, 3)),
]


def _spectral(a: Any, uplo: str) -> Any:
    w, v = dec.eigh(a, uplo)
    return einsum("...ij,...j,...kj->...ik", v, w**3, conj(v)), w


def _projections(x: Any) -> Any:
    """On each eigenvector. The vectors of a real matrix may become their negatives at any step."""
    w, v = dec.eig(x)
    return w, einsum("...ij,...kj->...jik", v, conj(v))


def _recomposed(x: Any) -> Any:
    u, s, vh = sv.svd(x, full_matrices=False)
    return einsum("...ij,...j,...jk->...ik", u, s**3, vh), s


@pytest.mark.parametrize(("name", "function", "shape"), DECOMPOSED,
                         ids=[f"{n}-{s}" for n, _, s in DECOMPOSED])
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_decomposition_derivatives(name: str, function: Any, shape: Any, dtype: str) -> None:
    keeps_the_laws(function, regular(*shape, dtype=dtype))


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8", "i4"])
def test_decomposition_values(dtype: str) -> None:
    """The results and the names of their fields are NumPy's."""
    a = regular(4, 3, dtype=dtype)
    square = a.conj().T @ a
    for call in (
        lambda m: m.svd(a), lambda m: m.svd(a, full_matrices=False), lambda m: m.qr(a),
        lambda m: m.qr(a, "complete"), lambda m: m.eigh(square), lambda m: m.eigh(square, "U"),
        lambda m: m.slogdet(square),
    ):
        actual, desired = call(ours), call(np.linalg)
        assert actual._fields == desired._fields
        assert_close(actual, desired, 1e-3 if dtype in ("f4", "c8") else 1e-8)
    for call in (
        lambda m: m.eigvalsh(square), lambda m: m.qr(a, "r"), lambda m: m.svdvals(a),
        lambda m: m.cholesky(square), lambda m: m.cholesky(square, upper=True),
        lambda m: m.matrix_rank(a), lambda m: m.matrix_rank(0 * a),
        lambda m: m.matrix_rank(a, tol=2), lambda m: m.matrix_rank(a[0]),
        lambda m: m.matrix_rank(np.stack([a, 0 * a])),
    ):
        assert_close([call(ours)], [call(np.linalg)], 1e-3 if dtype in ("f4", "c8") else 1e-8)
    w, v = dec.eig(square)
    assert w.dtype == v.dtype == np.result_type(np.linalg.eig(square)[0], np.complex64)
    assert dec.eig(square)._fields == np.linalg.eig(square)._fields


def test_one_triangle_is_read() -> None:
    a = gram(normal(3, 3), 1.0)
    np.testing.assert_allclose(dec.cholesky(np.tril(a)), np.linalg.cholesky(a))
    np.testing.assert_allclose(dec.cholesky(np.triu(a), upper=True), np.linalg.cholesky(a).T)
    np.testing.assert_allclose(dec.eigvalsh(np.triu(a), "U"), np.linalg.eigvalsh(a))
    t = np.tril(a)
    np.testing.assert_allclose(la.solve_triangular(a, t, lower=True), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(la.solve_triangular(a, np.triu(a)), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1])
def test_triangular_blocks(n: int, lower: bool, trans: int) -> None:
    a, b = regular(n, n) + 20 * np.eye(n), normal(n, 3)
    t = np.tril(a) if lower else np.triu(a)
    x = la.solve_triangular(a, b, trans, lower)
    np.testing.assert_allclose((t.T if trans else t) @ x, b, atol=1e-10)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(("name", "function", "a"), [
    ("eigh", lambda x: tuple(dec.eigh(x)), np.eye(3)),
    ("eigh", lambda x: tuple(dec.eigh(x)), np.diag([1.0, 1.0, 2.0])),
    ("eigh", lambda x: tuple(dec.eigh(x)), np.zeros((3, 3))),
    ("svd", lambda x: tuple(sv.svd(x, full_matrices=False)), np.eye(3)),
    ("svd", lambda x: tuple(sv.svd(x, full_matrices=False)), np.zeros((3, 2))),
    ("svd", lambda x: tuple(sv.svd(x, full_matrices=False)), np.ones((2, 3))),
    ("eig", lambda x: tuple(dec.eig(x)), np.eye(3)),
    ("svdvals", lambda x: sv.svdvals(x), np.ones((3, 3))),
    ("norm", lambda x: norms.norm(x), np.zeros(3)),
    ("norm 3", lambda x: norms.norm(x, 3), np.zeros(3)),
    ("norm 2", lambda x: norms.norm(x, 2), np.zeros((3, 3))),
    ("norm nuc", lambda x: norms.norm(x, "nuc"), np.ones((3, 3))),
])
def test_degenerate(name: str, function: Any, a: Any, dtype: str) -> None:
    """Where eigenvalues coincide derivatives of first and second order are finite."""
    a = a.astype(dtype)
    program = traced(function, a)
    tangents = random_like([a], np.random.default_rng(0))
    first = tangents_only(program)
    again = random_like([a, a], np.random.default_rng(1))
    pushed = checked(first)(a, *tangents)
    pulled = checked(vjp_program(program))(a, *random_like(pushed, np.random.default_rng(2)))
    for x in (*pushed, *pulled, *checked(tangents_only(first))(a, *tangents, *again)):
        assert np.all(np.isfinite(x))


def test_sum_of_equal_eigenvalues() -> None:
    """What does not depend on the basis of the space of equal eigenvalues is right there too."""
    a, da = np.diag([1.0, 1.0, 2.0]), normal(3, 3)
    (pushed,) = checked(tangents_only(traced(lambda x: einsum("i->", dec.eigvalsh(x)), a)))(a, da)
    assert pushed == pytest.approx(np.trace(da))


def test_singular_matrices_raise() -> None:
    a, b = np.zeros((2, 2)), np.ones(2)
    for call in (lambda m: m.inv(a), lambda m: m.solve(a, b), lambda m: m.cholesky(-np.eye(2)),
                 lambda m: m.matrix_power(a, -1)):
        with pytest.raises(np.linalg.LinAlgError):
            call(np.linalg)
        with pytest.raises(np.linalg.LinAlgError):
            call(ours)
    with pytest.raises(np.linalg.LinAlgError):
        la.solve_triangular(a, b)


@pytest.mark.parametrize("call", [
    lambda m, x: m.inv(x), lambda m, x: m.det(x), lambda m, x: m.eigh(x),
    lambda m, x: m.cholesky(x), lambda m, x: m.eig(x), lambda m, x: m.slogdet(x),
    lambda m, x: m.solve(x, x),
    lambda m, x: m.matrix_power(x, 2),
])
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_shapes_that_raise(call: Any, shape: Any) -> None:
    x = np.ones(shape)
    with pytest.raises(np.linalg.LinAlgError):
        call(np.linalg, x)
    with pytest.raises(np.linalg.LinAlgError):
        call(ours, x)
    with pytest.raises(np.linalg.LinAlgError):
        traced(lambda x: call(ours, x), x)


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="float16 is unsupported in linalg"):
        la.inv(np.eye(2, dtype=np.float16))


def test_norm_errors() -> None:
    for call in (lambda m: m.norm(np.ones((2, 2, 2)), 2), lambda m: m.norm(np.ones((2, 2)), 3),
                 lambda m: m.norm(np.ones(2), "fro"),
                 lambda m: m.norm(np.ones((2, 2)), axis=(0, 0)),
                 lambda m: m.norm(np.ones((2, 2)), axis=2), lambda m: m.norm(np.ones(2), "nuc")):
        for module in (np.linalg, ours):
            with pytest.raises(ValueError, match=r".*"):
                call(module)


def test_one_factorization_for_many_columns() -> None:
    """A batch over the right-hand side alone is one solve with more columns."""
    a, b = regular(3, 3), normal(3, 2)
    program = batch(traced(la.solve, a, b), 4, [None, 0])
    (eqn,) = [e for e in program if e.primitive.name == "solve"]
    assert eqn.inputs[1].type.shape == (3, 8)


def test_gradients_of_hermitian_matrices_are_hermitian() -> None:
    a = gram(normal(3, 3), 1.0)
    for function in (dec.cholesky, lambda x: dec.eigh(x).eigenvectors):
        (pulled,) = checked(vjp_program(traced(function, a)))(a, normal(3, 3))
        np.testing.assert_allclose(pulled, pulled.T, atol=1e-12)
