"""`numpy.linalg` on traced values: values, derivatives of both orders, vmap, jit, dtypes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import TypeMismatch
from tests.laws import numeric_jvp
from tests.numpy import test_functions as laws
from tests.numpy.cases import Case

_rng = np.random.default_rng(5)


def real(*shape: int) -> Any:
    return np.asarray(_rng.normal(size=shape))


def cplx(*shape: int) -> Any:
    return np.asarray(_rng.normal(size=shape) + 1j * _rng.normal(size=shape))


def regular(*shape: int) -> Any:
    return real(*shape) + 3 * np.eye(*shape[-2:])


def spd(m: Any, x: Any) -> Any:
    """A Hermitian positive definite matrix."""
    return x @ m.conj(m.matrix_transpose(x)) + m.linalg.matrix_power(x, 0)


def matrices(name: str, function: Any, *shapes: tuple[int, ...], complex_too: bool = True) -> list[Case]:
    """The function of a regular matrix, of a stack of them, and of complex ones."""
    made = [Case(f"{name}-{'x'.join(map(str, s))}", function, regular(*s)) for s in shapes]
    if complex_too:
        made.append(Case(f"{name}-complex", function, cplx(*shapes[0]) + 3 * np.eye(*shapes[0][-2:])))
    return made


SQUARE = ((3, 3), (2, 3, 3), (1, 1))
OBLONG = ((3, 3), (4, 2), (2, 2, 4), (2, 3, 2))
VECTOR_ORDERS = (None, 0, 1, -1, 2, -2, 3, 0.5, np.inf, -np.inf)
MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)


def _tensor_solved(m: Any, x: Any) -> Any:
    a = m.reshape(x[:6, :6], (2, 3, 6))
    return (m.linalg.tensorsolve(a, x[:2, :3]), m.linalg.tensorinv(a, ind=2),
            m.linalg.tensorsolve(m.moveaxis(a, 2, 0), x[:2, :3], axes=(0,)),
            m.linalg.tensorinv(m.reshape(x[:6, :6], (6, 3, 2)), 1))


CASES = [
    *matrices("inv", lambda m, x: m.linalg.inv(x), *SQUARE),
    *matrices("det", lambda m, x: m.linalg.det(x), *SQUARE),
    *matrices("slogdet", lambda m, x: tuple(m.linalg.slogdet(x)), *SQUARE),
    *matrices("solve", lambda m, x: m.linalg.solve(x, x[..., :2] + 1), (3, 3), (2, 3, 3)),
    *matrices("solve_stack", lambda m, x: (m.linalg.solve(x[0], x), m.linalg.solve(x, x[1])), (2, 3, 3)),
    *matrices("solve_vector", lambda m, x: m.linalg.solve(x, x[..., 0].ravel()[:3]), (3, 3), (2, 3, 3)),
    *[c for p in (-3, -1, 0, 1, 2, 5) for c in matrices(
        f"matrix_power_{p}", lambda m, x, p=p: m.linalg.matrix_power(x, p), (3, 3), (2, 2, 2))],
    *matrices("cholesky", lambda m, x: (m.linalg.cholesky(spd(m, x)), m.linalg.cholesky(
        spd(m, x), upper=True)), *SQUARE),
    *matrices("eigh", lambda m, x: (m.linalg.eigh(spd(m, x))[0], m.linalg.eigvalsh(spd(m, x)),
                                    m.linalg.eigvalsh(spd(m, x), UPLO="U")), *SQUARE),
    *matrices("eigh_projections", lambda m, x: _projections(m, m.linalg.eigh(spd(m, x), "U")[1]),
              (3, 3), (2, 3, 3)),
    *matrices("eigvals", lambda m, x: m.linalg.eigvals(x + 0j), *SQUARE),
    *matrices("eig", lambda m, x: m.einsum("...ij,...j,...kj->...ik", *_eig(m, x)), (3, 3), (2, 3, 3)),
    *matrices("svdvals", lambda m, x: (m.linalg.svdvals(x), m.linalg.svd(x, compute_uv=False),
                                       m.linalg.svd(x)[1]), *OBLONG),
    *matrices("svd", lambda m, x: _recomposed(m, *m.linalg.svd(x, full_matrices=False)), *OBLONG),
    *matrices("svd_full", lambda m, x: _recomposed(m, *m.linalg.svd(x)), *OBLONG),
    *matrices("svd_hermitian", lambda m, x: (
        _recomposed(m, *m.linalg.svd(spd(m, x), hermitian=True)),
        m.linalg.svd(spd(m, x), hermitian=True, compute_uv=False)), (3, 3), (2, 3, 3)),
    *[c for mode in ("reduced", "r") for c in matrices(
        f"qr_{mode}", lambda m, x, mode=mode: m.linalg.qr(x, mode), *OBLONG)],
    *matrices("qr_complete", lambda m, x: m.linalg.qr(x, mode="complete"), (3, 3), (2, 4), (4, 3),
              (2, 2, 1), complex_too=False),
    *matrices("qr_complete_r", lambda m, x: m.linalg.qr(x, "complete")[1], (5, 3), (2, 3, 1)),
    *matrices("pinv", lambda m, x: (m.linalg.pinv(x), m.linalg.pinv(x, 1e-3), m.linalg.pinv(
        x, rtol=1e-3), m.linalg.pinv(x, rtol=None)), *OBLONG),
    *matrices("pinv_hermitian", lambda m, x: m.linalg.pinv(spd(m, x), hermitian=True), (3, 3), (2, 3, 3)),
    *matrices("lstsq", lambda m, x: m.linalg.lstsq(x, x[:, :2] + 1.0, rcond=None), (3, 3), (4, 2)),
    *matrices("lstsq_vector", lambda m, x: m.linalg.lstsq(x, x[:, 1] + 1.0), (5, 3), (2, 4)),
    *[c for p in (None, 2, -2) for c in matrices(
        f"cond_{p}", lambda m, x, p=p: m.linalg.cond(x, p), (3, 3), (2, 3, 3), (4, 2))],
    *[c for p in ("fro", "nuc", 1, -1, np.inf, -np.inf) for c in matrices(
        f"cond_{p}", lambda m, x, p=p: m.linalg.cond(x, p), (3, 3), (2, 3, 3))],
    *[c for o in MATRIX_ORDERS for c in matrices(f"norm_{o}", lambda m, x, o=o: (
        m.linalg.norm(x, o, axis=(-2, -1)), m.linalg.matrix_norm(x, ord=o, keepdims=True),
        m.linalg.norm(x, ord=o, axis=(-1, -2), keepdims=True)), (3, 3), (2, 3, 4))],
    *[c for o in VECTOR_ORDERS for c in matrices(f"vector_norm_{o}", lambda m, x, o=o: (
        m.linalg.norm(x[0, 0] if x.ndim == 3 else x[0], o), m.linalg.norm(x, o, axis=0, keepdims=True),
        m.linalg.vector_norm(x, ord=2 if o is None else o),
        m.linalg.vector_norm(x, axis=(0, 1), keepdims=True, ord=2 if o is None else o)),
        (3, 4), (2, 3, 4))],
    *matrices("norm_of_all", lambda m, x: (m.linalg.norm(x), m.linalg.norm(x, keepdims=True)),
              (2, 3, 4), (3,) * 2),
    *matrices("multi_dot", lambda m, x: (
        m.linalg.multi_dot([x, x.T]), m.linalg.multi_dot([x[0], x.T, x, x[0]]),
        m.linalg.multi_dot([x, x.T, x[:, 0]]), m.linalg.multi_dot([x[0], x[1]]),
        m.linalg.multi_dot((x[:, 0], x, x.T))), (3, 4)),
    *matrices("tensors", _tensor_solved, (7, 7)),
    *matrices("array_api", lambda m, x: (
        m.linalg.trace(x), m.linalg.trace(x, offset=1, dtype=x.dtype), m.linalg.diagonal(x, offset=-1),
        m.linalg.matrix_transpose(x), m.linalg.outer(x[..., 0].ravel(), x[..., 1].ravel()),
        m.linalg.cross(x, x[..., ::-1]), m.linalg.cross(x, x + 1, axis=-2), m.linalg.vecdot(x, 2 * x),
        m.linalg.vecdot(x, x, axis=0), m.linalg.matmul(x, x), m.linalg.tensordot(x, x, axes=((0,), (0,)))),
        (3, 3), (2, 3, 3)),
    *matrices("tensordot", lambda m, x: m.linalg.tensordot(x, x, axes=1), (3, 3)),
]


def _eig(m: Any, x: Any) -> tuple[Any, Any, Any]:
    w, v = m.linalg.eig(x + 0j)
    return v, w**2, m.conj(v)


def _projections(m: Any, v: Any) -> Any:
    return m.einsum("...ij,...kj->...jik", v, m.conj(v))


def _recomposed(m: Any, u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    return m.matmul(u[..., :k] * s[..., None, :] ** 2, vh[..., :k, :]), s


each = pytest.mark.parametrize("case", CASES, ids=repr)


@each
def test_value(case: Case) -> None:
    laws.test_value(case)


@each
def test_derivatives(case: Case) -> None:
    laws.test_derivatives(case)


@each
def test_vmap(case: Case) -> None:
    laws.test_vmap(case)


def _loss(case: Case, x: Any) -> Any:
    """A real number that depends on all results."""
    parts = [p for p in fxad.tree.leaves(case.function(np, x)) if p.dtype.kind in "fc"]
    return sum(np.sum(np.sin(p.real) + (p * np.conj(p)).real) for p in parts)


@each
def test_single_precision(case: Case) -> None:
    """Single precision stays single in values and in derivatives of both orders."""
    x = case.arrays[0].astype(np.complex64 if case.arrays[0].dtype.kind == "c" else np.float32)
    expected = case.function(np, x)
    out, _ = fxad.vjp(lambda x: case.function(np, x), x)
    laws.same_types(out, expected)
    gradient = fxad.grad(lambda x: _loss(case, x))
    first, second = fxad.jvp(gradient, (x,), (np.ones_like(x),))
    _, tangent = fxad.jvp(lambda x: _loss(case, x), (x,), (np.ones_like(x),))
    assert (first.dtype, second.dtype) == (x.dtype, x.dtype)
    assert tangent.dtype == np.float32
    wide = fxad.grad(lambda x: _loss(case, x))(case.arrays[0])
    np.testing.assert_allclose(first, wide, rtol=2e-2, atol=2e-3 * max(np.abs(wide).max(), 1.0))


@each
def test_second_order(case: Case) -> None:
    """Forward over reverse is numeric, and reverse over reverse."""
    x = case.arrays[0]
    v = laws.direction(_rng, x)
    gradient = fxad.grad(lambda x: _loss(case, x))
    _, over_forward = fxad.jvp(gradient, (x,), (v,))
    (numeric,) = numeric_jvp(lambda x: [gradient(x)], [x], [v], step=2e-5)
    scale = max(np.abs(numeric).max(), 1.0)
    np.testing.assert_allclose(over_forward, numeric, rtol=1e-5, atol=1e-5 * scale)
    over_reverse = fxad.grad(lambda x: np.sum(gradient(x) * v).real)(x)
    np.testing.assert_allclose(over_reverse, over_forward, rtol=1e-8, atol=1e-8 * scale)
    np.testing.assert_allclose(fxad.jit(gradient)(x), gradient(x), rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("function", [
    lambda x: np.linalg.inv(x), lambda x: np.linalg.det(x), lambda x: tuple(np.linalg.slogdet(x)),
    lambda x: np.linalg.cholesky(x), lambda x: tuple(np.linalg.eigh(x)), lambda x: tuple(np.linalg.svd(x)),
    lambda x: tuple(np.linalg.qr(x)), lambda x: np.linalg.pinv(x), lambda x: np.linalg.matrix_power(x, 3),
    lambda x: np.linalg.matrix_rank(x), lambda x: np.linalg.norm(x), lambda x: np.linalg.svdvals(x),
    lambda x: np.linalg.solve(x, x), lambda x: np.linalg.matrix_norm(x), lambda x: np.linalg.vector_norm(x),
    lambda x: tuple(np.linalg.svd(x, hermitian=True)), lambda x: np.linalg.eigvals(x + 0j),
    lambda x: np.linalg.multi_dot([x, x, x]),
])
@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (2, 0, 0)])
def test_empty(function: Any, shape: Any) -> None:
    """Nothing in, NumPy's nothing out, and a cotangent of no elements."""
    x = np.zeros(shape)
    try:
        expected = function(x)
    except np.linalg.LinAlgError:
        with pytest.raises(np.linalg.LinAlgError):
            fxad.vjp(function, x)
        return
    out, pull = fxad.vjp(function, x)
    laws.same_types(out, expected)
    laws.assert_near(out, expected)
    (ct,) = pull(fxad.tree.map(lambda o: np.ones_like(o) if o.dtype.kind in "fc"
                               else np.zeros(o.shape, fxad.float0), out))
    assert (ct.shape, ct.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("order", [1, 2, np.inf, "fro", "nuc"])
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_norms_of_empty_matrices_are_zero(order: Any, shape: Any) -> None:
    value, gradient = fxad.value_and_grad(lambda x: np.linalg.norm(x, order))(np.zeros(shape))
    assert value == 0.0
    assert gradient.shape == shape


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8"])
@pytest.mark.parametrize("order", [None, 0, 1, 2, 3, 0.5, np.inf])
def test_norms_at_zero_have_derivative_zero(order: Any, dtype: str) -> None:
    gradient = fxad.grad(lambda x: np.linalg.norm(x, order) + np.linalg.vector_norm(
        x, ord=2 if order is None else order))(np.zeros(3, dtype))
    assert gradient.dtype == dtype
    assert not np.any(gradient)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms_of_zero_matrices_have_derivative_zero(order: Any) -> None:
    for function in (lambda x: np.linalg.norm(x, order), lambda x: np.linalg.matrix_norm(x, ord=order)):
        assert not np.any(fxad.grad(function)(np.zeros((3, 3))))


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, -np.inf, "fro"])
@pytest.mark.parametrize("a", [
    np.zeros((2, 2)), np.diag([1.0, 0.0]), np.stack([np.eye(2), np.diag([1.0, 0.0]), 2 * np.eye(2)]),
    np.stack([np.eye(2), np.zeros((2, 2))]),
], ids=str)
def test_cond_of_singular_matrices(p: Any, a: Any) -> None:
    """It is inf, as NumPy's is, and the derivatives of the others in a stack are what they are."""
    with np.errstate(all="ignore"):
        expected = np.linalg.cond(a, p)
        out = fxad.jit(lambda x: np.linalg.cond(x, p))(a)
        np.testing.assert_allclose(out, expected)
        if a.ndim == 3:
            first = fxad.jacrev(lambda x: np.linalg.cond(x, p))(a)[0, 0]
            np.testing.assert_allclose(first, fxad.grad(lambda x: np.linalg.cond(x, p))(a[0]))


def test_large_matrices_have_their_eigenvalues_in_numpys_order() -> None:
    """LAPACK's order is another when it finds eigenvectors too, from some size on."""
    a = np.random.default_rng(0).normal(size=(220, 220))
    w, dw = fxad.jvp(np.linalg.eigvals, (a,), (np.eye(220),))
    np.testing.assert_array_equal(w, np.linalg.eigvals(a))
    np.testing.assert_allclose(dw, 1.0)
    _, dw = fxad.jvp(np.linalg.eigvals, (a,), (a,))
    np.testing.assert_allclose(dw, w, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("a", [2 * np.eye(3), np.diag([1.0, 2.0, 2.0]), np.zeros((2, 2))], ids=str)
def test_repeated_eigenvalues(a: Any) -> None:
    """What is the same for every choice of their vectors has its derivative."""
    for eigenvalues in (np.linalg.eigvals, np.linalg.eigvalsh):
        gradient = fxad.grad(lambda x, f=eigenvalues: np.sum(f(x) ** 2).real)(a)
        np.testing.assert_allclose(gradient, 2 * a.T, atol=1e-12)


def test_defective_matrices() -> None:
    """The derivative of their eigenvalues is infinite: never a small number."""
    for a in (np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 0.0]])):
        np.testing.assert_array_equal(fxad.jit(np.linalg.eigvals)(a), np.linalg.eigvals(a))
        try:
            with np.errstate(all="ignore"):
                gradient = fxad.grad(lambda x: np.linalg.eigvals(x)[0].real)(a)
        except np.linalg.LinAlgError:
            continue
        assert not np.abs(gradient).max() < 1e12


@pytest.mark.parametrize(("function", "error", "text"), [
    (lambda x: np.linalg.inv(x - x), np.linalg.LinAlgError, "Singular matrix"),
    (lambda x: np.linalg.solve(x - x, x), np.linalg.LinAlgError, "Singular matrix"),
    (lambda x: np.linalg.matrix_power(x - x, -1), np.linalg.LinAlgError, "Singular matrix"),
    (lambda x: np.linalg.cholesky(-x), np.linalg.LinAlgError, "not positive definite"),
    (lambda x: np.linalg.inv(x[:2]), np.linalg.LinAlgError, r"must be square: inv of shape \(2, 3\)"),
    (lambda x: np.linalg.det(x[0]), np.linalg.LinAlgError, "1-dimensional array given"),
    (lambda x: np.linalg.matrix_power(x[:2], 2), np.linalg.LinAlgError, "square matrices"),
    (lambda x: np.linalg.matrix_power(x, 1.5), TypeError, "interpreted as an integer"),
    (lambda x: np.linalg.multi_dot([x]), ValueError, "two arrays"),
    (lambda x: np.linalg.multi_dot([x, x[:2], x]), ValueError, "not aligned"),
    (lambda x: np.linalg.multi_dot([x, x[0], x]), np.linalg.LinAlgError, "multi_dot takes matrices"),
    (lambda x: np.linalg.eigh(x, "X"), ValueError, "UPLO argument must be 'L' or 'U'"),
    (lambda x: np.linalg.norm(x, "bad"), ValueError, "Invalid norm order"),
    (lambda x: np.linalg.cond(x, 3), ValueError, "Invalid norm order"),
    (lambda x: np.linalg.cond(x[:0]), np.linalg.LinAlgError, "cond is not defined on empty arrays"),
    (lambda x: np.linalg.cond(x[:2], 1), np.linalg.LinAlgError, "must be square"),
    (lambda x: np.linalg.tensorinv(x, 0), ValueError, "Invalid ind argument"),
    (lambda x: np.linalg.tensorsolve(x[:, :2], x[:, 0]), np.linalg.LinAlgError, "satisfy the requirement"),
    (lambda x: np.linalg.cross(x[:, :2], x[:, :2]), ValueError, "3-dimensional vectors"),
    (lambda x: np.linalg.outer(x, x), ValueError, "must be one-dimensional"),
    (lambda x: np.linalg.qr(x, "bad"), ValueError, "Unrecognized mode 'bad'"),
    (lambda x: np.linalg.solve(x, x[:2]), ValueError, "solve: matrices of shape"),
    (lambda x: np.linalg.norm(x, axis=(0, 0)), ValueError, "Duplicate axes"),
    (lambda x: np.linalg.norm(x, axis=5), ValueError, "out of bounds"),
])
def test_errors(function: Any, error: type[Exception], text: str) -> None:
    """Of NumPy's type."""
    x = np.eye(3)
    with pytest.raises(error):
        function(x)
    with pytest.raises(error, match=text):
        fxad.vjp(function, x)


def test_the_users_line_is_named() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="must be square") as caught:
        fxad.grad(lambda x: np.linalg.det(x))(np.ones((2, 3)))
    assert "lambda x: np.linalg.det(x)" in str(caught.value)
    assert "np.linalg.pinv" in str(caught.value)


def test_raw_qr_is_refused() -> None:
    with pytest.raises(TypeMismatch, match="mode 'raw' gives LAPACK's own reflectors") as caught:
        fxad.vjp(lambda x: np.linalg.qr(x, "raw"), np.eye(3))
    assert "mode='reduced', 'complete' or 'r'" in str(caught.value)


def test_half_precision_is_refused() -> None:
    x = np.eye(2, dtype=np.float16)
    for function in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(2)),
                     lambda x: np.linalg.lstsq(x, np.ones(2))):
        with pytest.raises(TypeError, match="float16 is unsupported in linalg"):
            fxad.vjp(function, x)


def test_out_is_refused() -> None:
    for namespace in (np, fnp):
        with pytest.raises(TypeMismatch, match="asked to write a traced value into an array"):
            fxad.vjp(lambda x, m=namespace: m.linalg.multi_dot([x, x], out=np.eye(2)), np.eye(2))


def test_every_name_is_there() -> None:
    assert set(fnp.linalg.__all__) == set(np.linalg.__all__)
