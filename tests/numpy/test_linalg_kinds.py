"""`numpy.linalg` on every kind of matrix: oblong, in stacks, complex, deficient, with equal eigenvalues.

Each row keeps all the laws of the coverage table: NumPy's value, both modes, the second order in both, vmap,
jit. What is compared is the same for every choice that a decomposition leaves open. Deficient and degenerate
matrices are made from their factors, so that they stay so along every tangent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from tests.docs.coverage_claims import claims_of_a_row
from tests.laws import numeric_jvp, pairing, random_like
from tests.numpy.functions import Row
from tests.primitives.matrices import normal, regular

Function = Callable[..., Any]
SQUARE, OBLONG = ((3, 3), (2, 3, 3)), ((4, 2), (2, 4), (2, 3, 2), (2, 2, 3))
ANY = (*SQUARE, *OBLONG)


def adjoint(n: Any, x: Any) -> Any:
    return n.conj(n.swapaxes(x, -1, -2))


def projection(n: Any, v: Any) -> Any:
    """On the space of some orthonormal columns."""
    return v @ adjoint(n, v)


def gram(n: Any, x: Any) -> Any:
    return x @ adjoint(n, x) + np.eye(x.shape[-2])


def recomposed(n: Any, u: Any, s: Any, vh: Any) -> Any:
    k = s.shape[-1]
    return (u[..., :k] * s[..., None, :] ** 3) @ vh[..., :k, :], s


def _qr(n: Any, x: Any, mode: str) -> Any:
    q, r = n.linalg.qr(x, mode)
    k = min(x.shape[-2:])
    return q[..., :k], projection(n, q[..., k:]), r


def _svd(n: Any, x: Any) -> Any:
    u, s, vh = n.linalg.svd(x)
    k = s.shape[-1]
    return *recomposed(n, u, s, vh), projection(n, u[..., k:]), projection(n, adjoint(n, vh)[..., k:])


def _eig(n: Any, x: Any) -> Any:
    w, v = n.linalg.eig(x + 0j)
    return w, n.abs(v), (v * n.exp(w)[..., None, :]) @ n.linalg.inv(v)


def _eigh(n: Any, x: Any, uplo: str) -> Any:
    w, v = n.linalg.eigh(gram(n, x), uplo)
    return w, n.einsum("...ij,...kj->...jik", v, n.conj(v)), (v * n.sqrt(w)[..., None, :]) @ adjoint(n, v)


def _lstsq(n: Any, a: Any) -> Any:
    many, one = n.linalg.lstsq(a, a[:, :2] ** 2 + 1.0), n.linalg.lstsq(a, a[:, 0] ** 2 + 1.0)
    return many[0], one[0], many[3]


def _tensors(n: Any, x: Any) -> Any:
    a = n.reshape(n.kron(x, x), (3, 3, 9))
    return n.linalg.tensorinv(a, ind=2), n.linalg.tensorsolve(a, x)


#: The call, and the shapes it is made with.
FUNCTIONS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "inv": (lambda n, x: n.linalg.inv(x), SQUARE),
    "det": (lambda n, x: n.linalg.det(x), SQUARE),
    "slogdet": (lambda n, x: tuple(n.linalg.slogdet(x)), SQUARE),
    "solve": (lambda n, x: (n.linalg.solve(x, x[..., :2] ** 2), n.linalg.solve(x, np.ones(3))), SQUARE),
    "cholesky": (lambda n, x: (n.linalg.cholesky(gram(n, x)), n.linalg.cholesky(
        gram(n, x), upper=True)), SQUARE),
    **{f"matrix_power {p}": (lambda n, x, p=p: n.linalg.matrix_power(x, p), SQUARE)
       for p in (-3, -1, 0, 2, 5)},
    **{f"qr {mode}": (lambda n, x, mode=mode: _qr(n, x, mode), ANY) for mode in ("reduced", "complete")},
    "qr r": (lambda n, x: n.linalg.qr(x, "r"), ANY),
    "svd": (_svd, ANY),
    "svd reduced": (lambda n, x: recomposed(n, *n.linalg.svd(x, full_matrices=False)), ANY),
    "svdvals": (lambda n, x: (n.linalg.svdvals(x), n.linalg.svd(x, compute_uv=False)), ANY),
    "eig": (_eig, SQUARE),
    "eigvals": (lambda n, x: n.linalg.eigvals(x + 0j), SQUARE),
    "eigh": (lambda n, x: (*_eigh(n, x, "L"), *_eigh(n, x, "U")), SQUARE),
    "eigvalsh": (lambda n, x: (n.linalg.eigvalsh(gram(n, x)), n.linalg.eigvalsh(gram(n, x), "U")), SQUARE),
    "pinv": (lambda n, x: n.linalg.pinv(x), ANY),
    "lstsq": (_lstsq, ((3, 3), (4, 2), (2, 4))),
    **{f"matrix_norm {o}": (lambda n, x, o=o: (n.linalg.matrix_norm(x, ord=o), n.linalg.norm(
        x, o, axis=(-1, -2))), ANY) for o in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
    **{f"vector_norm {o}": (lambda n, x, o=o: (n.linalg.vector_norm(x, ord=o), n.linalg.norm(
        x, o, axis=-1)), ((2, 2, 3),)) for o in (0, 1, -1, 2, -2, 3, 0.5, np.inf, -np.inf)},
    **{f"cond {p}": (lambda n, x, p=p: n.linalg.cond(x, p), ANY) for p in (None, 2, -2)},
    # Older versions of NumPy give complex numbers here for complex matrices, of imaginary part 0.
    **{f"cond {p}": (lambda n, x, p=p: n.real(n.linalg.cond(x, p)), SQUARE)
       for p in ("fro", "nuc", 1, -1, np.inf, -np.inf)},
    "multi_dot": (lambda n, x: (n.linalg.multi_dot([x, x.T, x]), n.linalg.multi_dot([x[0], x.T, x, x[0]])),
                  ((3, 3), (2, 4))),
    "tensors": (_tensors, ((3, 3),)),
    "cross": (lambda n, x: n.linalg.cross(x, x[..., ::-1] ** 2, axis=-2), ((3, 3), (2, 3, 2))),
    "vecdot": (lambda n, x: n.linalg.vecdot(x, x**2), ANY),
    "matmul": (lambda n, x: n.linalg.matmul(x, n.linalg.matrix_transpose(x)), ANY),
    "trace": (lambda n, x: (n.linalg.trace(x, offset=1), n.linalg.diagonal(x, offset=-1)), ANY),
}

KINDS = [
    Row(f"{name}-{'x'.join(map(str, shape))}-{dtype}", function, regular(*shape, dtype=dtype, seed=2),
        zero=name in ("vector_norm 0", "matrix_power 0"))
    for name, (function, shapes) in FUNCTIONS.items() for shape in shapes
    for dtype in (("f8", "c16") if shape in OBLONG else ("c16",))  # real square ones are in `test_linalg`
]


@pytest.mark.parametrize("row", KINDS, ids=repr)
def test_kinds(row: Row) -> None:
    claims_of_a_row(row)


# -- matrices with equal eigenvalues or singular values, and such without full rank -------------------

EQUAL = np.array([1.0, 3.0, 3.0])
ONE, TWO = np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0])
RANK = np.array([3.0, 2.0, 0.0])


def unitary(n: Any, x: Any) -> Any:
    return n.linalg.qr(x).Q if n is not np else np.linalg.qr(x)[0]


def hermitian(n: Any, x: Any, w: Any) -> Any:
    """The matrix with these eigenvalues."""
    q = unitary(n, x)
    return (q * w) @ adjoint(n, q)


def oblong(n: Any, x: Any, s: Any) -> Any:
    """The matrix with these singular values."""
    k = len(s)
    u, v = unitary(n, x[..., :k]), unitary(n, x[..., :k, :] ** 2 + x[..., :k, :])
    return (u * s) @ v


def growing(n: Any, x: Any) -> Any:
    """A positive number for each matrix."""
    return n.exp(n.real(x[..., :1, :1]))


def _spectral(n: Any, a: Any, f: Function) -> Any:
    w, v = n.linalg.eigh(a)
    return w, (v * f(w)[..., None, :]) @ adjoint(n, v), projection(n, v[..., :1]), projection(n, v[..., 1:])


def _spectral_of_any(n: Any, a: Any) -> Any:
    w, v = n.linalg.eig(a + 0j)
    return n.sum(w), (v * n.exp(w)[..., None, :]) @ n.linalg.inv(v)


def _pairs(n: Any, a: Any, cut: int) -> Any:
    u, s, vh = n.linalg.svd(a)
    first, s, second = u[..., :cut], s[..., :cut], vh[..., :cut, :]
    return (s, first @ second, (first * s[..., None, :]) @ second, projection(n, u[..., cut:]),
            projection(n, adjoint(n, vh)[..., cut:]))


#: A function of what makes a matrix with these eigenvalues or singular values.
SPECIAL: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "eigh of equal": (lambda n, x: _spectral(n, hermitian(n, x, EQUAL), n.exp), SQUARE),
    "eigh deficient": (lambda n, x: _spectral(n, hermitian(n, x, np.array([-2.0, 0.0, 0.0])), n.cos), SQUARE),
    "eigvalsh of equal": (lambda n, x: n.linalg.eigvalsh(hermitian(n, x, EQUAL) * growing(n, x)), SQUARE),
    "eig of equal": (lambda n, x: _spectral_of_any(n, x @ np.diag(EQUAL) @ n.linalg.inv(x)), SQUARE),
    "eigvals of equal": (lambda n, x: n.sum(n.linalg.eigvals(
        x @ np.diag(EQUAL) @ n.linalg.inv(x) * x[..., :1, :1] + 0j) ** 3, axis=-1), SQUARE),
    "svd of equal": (lambda n, x: _pairs(n, oblong(n, x, EQUAL[::-1]), 2), (*SQUARE, (4, 3))),
    "svd deficient": (lambda n, x: _pairs(n, oblong(n, x, RANK), 2), (*SQUARE, (5, 3))),
    "svdvals of equal": (lambda n, x: n.sum(n.linalg.svdvals(
        oblong(n, x, EQUAL) * growing(n, x)) ** 2), (*SQUARE, (4, 3))),
    "pinv deficient": (lambda n, x: n.linalg.pinv(oblong(n, x, RANK), 1e-9), (*SQUARE, (4, 3))),
    "pinv hermitian": (lambda n, x: n.linalg.pinv(hermitian(n, x, RANK - 2.0), 1e-9, hermitian=True), SQUARE),
    "lstsq deficient": (lambda n, x: n.linalg.lstsq(oblong(n, x, RANK), x[:, 0] ** 2, rcond=1e-9)[0],
                        ((3, 3), (4, 3))),
    "nuc of equal": (lambda n, x: n.linalg.matrix_norm(oblong(n, x, EQUAL) @ x, ord="nuc"), SQUARE),
    "nuc deficient": (lambda n, x: n.linalg.norm(oblong(n, x, RANK) * growing(n, x), "nuc", axis=(-2, -1)),
                      SQUARE),
    "spectral norm of equal": (lambda n, x: n.linalg.matrix_norm(
        unitary(n, x) * growing(n, x), ord=2), SQUARE),
    "cond of equal": (lambda n, x: n.linalg.cond(oblong(n, x, ONE + n.real(x[0, 0]) * TWO)),
                      ((3, 3), (4, 3))),
    "matrix_rank deficient": (lambda n, x: n.linalg.matrix_rank(oblong(n, x, RANK)), SQUARE),
}

DEFICIENT = [
    Row(f"{name}-{'x'.join(map(str, shape))}-{dtype}", function, regular(*shape, dtype=dtype, seed=1),
        zero=name == "matrix_rank deficient")
    for name, (function, shapes) in SPECIAL.items() for shape in shapes for dtype in ("f8", "c16")
]


@pytest.mark.parametrize("row", DEFICIENT, ids=repr)
def test_degenerate_and_deficient(row: Row) -> None:
    claims_of_a_row(row)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (4, 3), (2, 5)], ids=str)
def test_the_unitary_factor_where_singular_values_are_equal(shape: tuple[int, ...], dtype: str) -> None:
    """Along every tangent: U @ Vh is smooth there, though U and Vh are not."""
    u, _, vh = np.linalg.svd(normal(*shape, dtype=dtype), full_matrices=False)
    x, dx = 2.0 * (u @ vh), normal(*shape, dtype=dtype, seed=1)

    def unitary_factor(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return u @ vh, np.sum(s, axis=-1), np.sum(s**2, axis=-1)

    out, moved = fxad.jvp(unitary_factor, (x,), (dx,))
    for a, b in zip(moved, numeric_jvp(unitary_factor, [x], [dx]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    _, pull = fxad.vjp(unitary_factor, x)
    cts = random_like(out, np.random.default_rng(3))
    assert pairing(cts, moved) == pytest.approx(pairing(pull(tuple(cts)), [dx]))


def test_qr_of_dependent_columns() -> None:
    """Q has no derivative there: an error or a huge number, never a small one."""
    dx = normal(3, 2)
    for x in (np.zeros((3, 2)), np.outer([1.0, 2.0, 3.0], [1.0, 0.0]), np.outer([1.0, 2.0, 3.0], [1.0, 2.0])):
        try:
            with np.errstate(all="ignore"):
                _, moved = fxad.jvp(lambda x: np.linalg.qr(x)[0], (x,), (dx,))
        except np.linalg.LinAlgError:
            continue
        assert not np.abs(moved).max() < 1e12
