"""Every function of scipy.linalg: value, dtype, derivatives, vmap, stacks, and the keywords of SciPy's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.linalg

import fxad
import fxad.scipy.linalg as linalg
from tests.laws import keeps_the_laws


class Case(NamedTuple):
    """Calls of SciPy's function and of fxad's on operands."""

    id: str
    call: Callable[..., Any]
    operands: tuple[Any, ...]
    complex: bool = True


_rng = np.random.default_rng(3)
_square = _rng.normal(size=(3, 3)) + 3 * np.eye(3)
_definite = _square @ _square.T
_wide, _tall = _rng.normal(size=(2, 4)), _rng.normal(size=(4, 2))
_stack = _rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)
_vector, _columns = _rng.normal(size=3), _rng.normal(size=(3, 2))
_stacked_columns = _rng.normal(size=(2, 3, 2))


def _hermitian(a: Any) -> Any:
    return 0.5 * (a + np.conj(np.swapaxes(a, -1, -2)))


def _definite_of(a: Any) -> Any:
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(a.shape[-1])


def _cases() -> list[Case]:
    cases = []
    for trans in (0, 1, 2, "N", "T", "C"):
        for lower in (False, True):
            for unit in (False, True):
                cases.append(Case(f"solve_triangular-{trans}-{lower}-{unit}",
                                  lambda m, a, b, k=(trans, lower, unit): m.solve_triangular(
                                      a, b, trans=k[0], lower=k[1], unit_diagonal=k[2], check_finite=False),
                                  (_square, _columns)))
    cases += [
        Case("solve_triangular-vector", lambda m, a, b: m.solve_triangular(a, b), (_square, _vector)),
        Case("solve_triangular-stack", lambda m, a, b: m.solve_triangular(a, b, lower=True),
             (_stack, _stacked_columns)),
        Case("solve", lambda m, a, b: m.solve(a, b), (_square, _columns)),
        Case("solve-vector", lambda m, a, b: m.solve(a, b, overwrite_a=True), (_square, _vector)),
        Case("solve-stack", lambda m, a, b: m.solve(a, b), (_stack, _columns)),
        Case("solve-transposed", lambda m, a, b: m.solve(a, b, transposed=True), (_square, _columns),
             complex=False),
        *(Case(f"solve-{kind}-{lower}", lambda m, a, b, k=(kind, lower): m.solve(
            _definite_of(a), b, assume_a=k[0], lower=k[1]), (_square, _columns))
          for kind in ("gen", "sym", "her", "pos") for lower in (False, True)),
        *(Case(f"solve-{kind}", lambda m, a, b, k=kind: m.solve(a, b, assume_a=k), (_square, _columns))
          for kind in ("diagonal", "tridiagonal", "upper triangular", "lower triangular")),
        Case("inv", lambda m, a: m.inv(a), (_square,)),
        Case("det", lambda m, a: m.det(a), (_square,)),
        Case("det-stack", lambda m, a: m.det(a), (_stack,)),
        *(Case(f"cholesky-{lower}", lambda m, a, k=lower: m.cholesky(_definite_of(a), lower=k), (_square,))
          for lower in (False, True)),
        Case("cho_factor", lambda m, a: m.cho_factor(_definite_of(a))[0], (_square,)),
        *(Case(f"cho_solve-{lower}", lambda m, a, b, k=lower: m.cho_solve(
            m.cho_factor(_definite_of(a), k), b), (_square, _columns)) for lower in (False, True)),
        Case("cho_solve-vector", lambda m, a, b: m.cho_solve(m.cho_factor(_definite_of(a)), b),
             (_square, _vector)),
        *(Case(f"lu_factor-{name}", lambda m, a: m.lu_factor(a), (x,))
          for name, x in (("square", _square), ("wide", _wide), ("tall", _tall), ("stack", _stack))),
        *(Case(f"lu-{name}", lambda m, a: m.lu(a), (x,))
          for name, x in (("square", _square), ("wide", _wide), ("tall", _tall), ("stack", _stack))),
        Case("lu-permute_l", lambda m, a: m.lu(a, permute_l=True), (_tall,)),
        Case("lu-p_indices", lambda m, a: m.lu(a, p_indices=True), (_tall,)),
        *(Case(f"lu_solve-{trans}", lambda m, a, b, k=trans: m.lu_solve(m.lu_factor(a), b, trans=k),
               (_square[::-1].copy(), _columns)) for trans in (0, 1, 2)),
        Case("lu_solve-vector", lambda m, a, b: m.lu_solve(m.lu_factor(a), b), (_square, _vector)),
        Case("lu_solve-stack", lambda m, a, b: m.lu_solve(m.lu_factor(a), b), (_stack, _stacked_columns)),
        Case("qr", lambda m, a: m.qr(a), (_wide,)),
        Case("qr-economic", lambda m, a: m.qr(a, mode="economic"), (_tall,)),
        Case("qr-r", lambda m, a: m.qr(a, mode="r"), (_tall,)),
        Case("svd", lambda m, a: m.svd(a, full_matrices=False)[1], (_wide,)),
        Case("svd-values", lambda m, a: m.svd(a, compute_uv=False), (_wide,)),
        Case("svdvals", lambda m, a: m.svdvals(a), (_tall,)),
        Case("eigvalsh", lambda m, a: m.eigvalsh(_hermitian(a)), (_square,)),
        Case("eigh-upper", lambda m, a: m.eigh(_hermitian(a), lower=False)[0], (_square,)),
        Case("eigh-projector", lambda m, a: (lambda v: v @ np.conj(v.T))(
            m.eigh(_hermitian(a), subset_by_index=(1, 2))[1]), (_square,)),
        *(Case(f"eigh-{k}", lambda m, a, b, k=k: m.eigh(_hermitian(a), _definite_of(b), type=k)[0],
               (_square, _square.T)) for k in (1, 2, 3)),
        *(Case(f"eigh-vectors-{k}", lambda m, a, b, k=k: (lambda v: v[:, :1] @ np.conj(v[:, :1].T))(
            m.eigh(_hermitian(a), _definite_of(b), lower=False, type=k)[1]),
               (_square, _square.T)) for k in (1, 2, 3)),
        Case("eigvals", lambda m, a: m.eigvals(_hermitian(a)).sum(), (_square,)),
        *(Case(f"norm-{k}", lambda m, a, k=k: m.norm(a, k), (_wide,)) for k in (None, "fro", 2, 1, np.inf)),
        Case("norm-axis", lambda m, a: m.norm(a, axis=1, keepdims=True), (_wide,)),
        Case("pinv", lambda m, a: m.pinv(a), (_tall,)),
        Case("expm", lambda m, a: m.expm(a), (_square,)),
        Case("expm-large", lambda m, a: m.expm(3 * a), (_square,)),
        Case("expm-stack", lambda m, a: m.expm(a), (_stack,)),
        Case("expm-one", lambda m, a: m.expm(a[:1, :1]), (_square,)),
        Case("expm_frechet", lambda m, a, e: m.expm_frechet(a, e), (_square, _definite), complex=False),
        Case("block_diag", lambda m, a, b, c: m.block_diag(a, b, c, 2.0), (_wide, _vector, _tall)),
        Case("toeplitz", lambda m, c: m.toeplitz(c), (_vector,)),
        Case("toeplitz-r", lambda m, c, r: m.toeplitz(c, r), (_vector, _wide[0])),
        Case("hankel", lambda m, c: m.hankel(c), (_vector,)),
        Case("hankel-r", lambda m, c, r: m.hankel(c, r), (_vector, _wide[0])),
        Case("circulant", lambda m, c: m.circulant(c), (_vector,)),
        Case("circulant-stack", lambda m, c: m.circulant(c), (_wide,)),
    ]
    return cases


CASES = _cases()
every = pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])


def _parts(out: Any) -> list[Any]:
    return [x for x in (out if isinstance(out, (tuple, list)) else [out]) if not isinstance(x, bool)]


def _smooth(out: Any) -> Any:
    """The results that have a derivative."""
    found = tuple(x for x in _parts(out) if x.dtype.kind in "fc")
    return found if len(found) > 1 else found[0]


def _operands(case: Case, dtype: str) -> list[Any]:
    turned = 1.0 if dtype[0] == "f" else np.exp(0.3j)
    return [(x * turned).astype(dtype) for x in case.operands]


@every
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "complex64"])
def test_value(case: Case, dtype: str) -> None:
    """SciPy's, in SciPy's dtype; on arrays it is SciPy's function."""
    if dtype[0] == "c" and not case.complex:
        pytest.skip("SciPy's does not take complex matrices")
    operands = _operands(case, dtype)
    expected = _parts(case.call(scipy.linalg, *operands))
    near = 1e-11 if dtype in ("float64", "complex128") else 2e-4
    for found in (case.call(linalg, *operands), fxad.jit(lambda *xs: case.call(linalg, *xs))(*operands)):
        for a, b in zip(_parts(found), expected, strict=True):
            assert np.shape(a) == np.shape(b)
            if isinstance(b, np.ndarray) and not case.id.startswith("expm_frechet"):
                assert a.dtype == b.dtype  # SciPy's numbers, and that derivative, are double always
            np.testing.assert_allclose(a, b, rtol=near, atol=near * max(1.0, np.max(np.abs(b), initial=0)))


@every
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_derivatives(case: Case, dtype: str) -> None:
    if dtype[0] == "c" and not case.complex:
        pytest.skip("SciPy's does not take complex matrices")
    keeps_the_laws(lambda *xs: _smooth(case.call(linalg, *xs)), *_operands(case, dtype),
                   second=dtype == "float64")


@every
def test_gradient_of_single_precision(case: Case) -> None:
    operands = _operands(case, "float32")
    out, pull = fxad.vjp(lambda *xs: np.sum(_parts(case.call(linalg, *xs))[-1].real), *operands)
    for ct in pull(np.ones_like(out)):
        assert ct.dtype == np.float32


# -- what is special to one function -------------------------------------------------------------------


def test_the_names_are_scipys() -> None:
    for name in linalg.__all__:
        assert hasattr(scipy.linalg, name)
        assert getattr(linalg, name).__doc__


def test_cho_factor_keeps_the_other_triangle() -> None:
    a = np.array([[4.0, 5.0], [2.0, 9.0]])
    for lower in (True, False):
        ours = fxad.jit(lambda a, lower=lower: linalg.cho_factor(a, lower)[0])(a)
        np.testing.assert_allclose(ours, scipy.linalg.cho_factor(a, lower)[0])


def test_gradients_are_zero_outside_of_the_triangle_that_is_read() -> None:
    a, b = np.array([[2.0, 5.0], [7.0, 3.0]]), np.array([1.0, 2.0])
    gradient = fxad.grad(lambda a: linalg.solve_triangular(a, b, lower=True).sum())(a)
    assert gradient[0, 1] == 0
    gradient = fxad.grad(lambda a: linalg.solve(a, b, assume_a="sym", lower=True).sum())(a)
    assert gradient[0, 1] == 0


def test_singular_matrices_are_errors() -> None:
    zero, one = np.zeros((2, 2)), np.ones(2)
    with pytest.raises(np.linalg.LinAlgError):
        fxad.jit(linalg.solve)(zero, one)
    with pytest.raises(np.linalg.LinAlgError):
        fxad.jit(linalg.solve_triangular)(zero, one)
    with pytest.raises(np.linalg.LinAlgError):
        fxad.jit(linalg.cholesky)(zero)


def test_lu_of_a_singular_matrix_warns_as_scipys() -> None:
    with pytest.warns(RuntimeWarning, match="exactly zero"):
        factors, pivots = fxad.jit(linalg.lu_factor)(np.zeros((2, 2)))
    np.testing.assert_array_equal(factors, 0.0)
    np.testing.assert_array_equal(pivots, [0, 1])


def test_expm_of_large_nilpotent_and_diagonal_matrices() -> None:
    """The exponential is right to the last digits where squaring many times would lose them."""
    for a in (np.array([[0.0, 1e6], [0.0, 0.0]]), np.diag([1.0, -300.0]), np.zeros((3, 3))):
        np.testing.assert_allclose(fxad.jit(linalg.expm)(a), scipy.linalg.expm(a), rtol=1e-13)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 30.0])
def test_frechet_derivative_is_scipys(scale: float) -> None:
    a, e = _square - 3 * np.eye(3), _definite
    found = fxad.jvp(linalg.expm, (scale * a,), (e,))[1]
    expected = scipy.linalg.expm_frechet(scale * a, e, compute_expm=False)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


def test_third_derivative_of_expm() -> None:
    """Along a direction that commutes, exp(t a) has the derivatives a**n exp(t a)."""
    a = _square / 3
    d = fxad.jacfwd(fxad.jacfwd(fxad.jacfwd(lambda t: linalg.expm(t * a))))(0.7)
    np.testing.assert_allclose(d, a @ a @ a @ scipy.linalg.expm(0.7 * a), rtol=1e-11)


def test_block_diag_of_nothing_and_of_lists() -> None:
    np.testing.assert_array_equal(fxad.jit(lambda x: linalg.block_diag([x, x], []))(1.0),
                                  scipy.linalg.block_diag([1.0, 1.0], []))


def test_results_are_arrays_of_their_own() -> None:
    """What is written into them leaves the operands as they are."""

    def f(x: Any) -> Any:
        made = [linalg.block_diag(x), linalg.eigh(x + x.T, subset_by_index=(0, 1))[1], linalg.circulant(x[0]),
                linalg.solve(x, x[0], assume_a="banded"), linalg.cho_factor(x + x.T)[0], linalg.lu(x)[2]]
        for y in made:
            y[0] = 5.0
        return x.sum() + sum((y * y).sum() for y in made)

    x = np.array([[2.0, 1.0], [0.5, 3.0]])
    value = fxad.value_and_grad(f)(x)[0]
    assert value == pytest.approx(f(x), rel=1e-13)
    np.testing.assert_array_equal(x, [[2.0, 1.0], [0.5, 3.0]])


@pytest.mark.parametrize(("call", "text"), [
    (lambda m, a: m.expm(a), "Write instead: fxad.scipy.linalg.expm, which takes traced values"),
    (lambda m, a: m.solve_triangular(a, a), "Write instead: fxad.scipy.linalg.solve_triangular, which takes"),
    (lambda m, a: m.cho_factor(a), "scipy.linalg.cho_factor(x) would turn a traced array into plain numbers"),
    (lambda m, a: m.sqrtm(a), "Write instead: NumPy's functions, those that fxad.scipy has, or fxad.pure"),
])
def test_scipys_own_functions_name_the_ones_to_take(call: Any, text: str) -> None:
    with pytest.raises(fxad.errors.ConcretizationError) as caught:
        fxad.jit(lambda a: call(scipy.linalg, a))(_square)
    assert text in str(caught.value)
    assert "test_linalg.py" in str(caught.value)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda a: linalg.qr(a, pivoting=True), fxad.errors.TypeMismatch, "with pivoting, or in mode 'raw'"),
    (lambda a: linalg.qr(a, mode="reduced"), ValueError, "Mode argument should be one of"),
    (lambda a: linalg.eigh(a, subset_by_value=(0, 1)), fxad.errors.TypeMismatch, "eigenvalues between two"),
    (lambda a: linalg.eigh(a, a, type=4), ValueError, '"type" keyword only accepts 1, 2, and 3.'),
    (lambda a: linalg.eig(a, a), fxad.errors.TypeMismatch, "eig(solve(b, a)), or eig(a.T)"),
    (lambda a: linalg.pinv(a, return_rank=True), fxad.errors.TypeMismatch, "np.linalg.matrix_rank(a)"),
    (lambda a: linalg.solve(a, a[0], assume_a="odd"), ValueError, "odd is not a recognized matrix structure"),
    (lambda a: linalg.solve(a[:2], a[0]), ValueError, "solve: expected square matrices"),
    (lambda a: linalg.lu(a[0]), ValueError, "lu: expected matrices, and the array has shape (3,)"),
    (lambda a: linalg.toeplitz(a), fxad.errors.TypeMismatch, "fxad.vmap over the rows, or x.ravel()"),
    (lambda a: linalg.expm_frechet(a, a[:2]), ValueError, "expected A and E to be the same shape"),
    (lambda a: linalg.solve(a + 0j, a[0], transposed=True), NotImplementedError, "can currently not solve"),
])
def test_messages(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error) as caught:
        fxad.jit(call)(_square)
    assert text in str(caught.value)


def test_without_scipy() -> None:
    """The values are the same to rounding."""
    code = f"""import json, sys
sys.modules['scipy'] = None
import fxad, numpy as np
from fxad.scipy import linalg
a, wide, b = map(np.array, {[_square.tolist(), _wide.tolist(), _vector.tolist()]})
print(json.dumps([
    linalg.expm(a).tolist(), [x.tolist() for x in linalg.lu_factor(a)],
    [x.tolist() for x in linalg.lu(wide.T)],
    linalg.lu_solve(linalg.lu_factor(a), b).tolist(), linalg.solve_triangular(a, b, trans=1).tolist(),
    linalg.cho_solve(linalg.cho_factor(a @ a.T), b).tolist(), linalg.block_diag(a, 1.0).tolist(),
    fxad.grad(lambda a: linalg.expm(a).sum())(a).tolist(),
]))"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    a, m = _square, scipy.linalg
    expected = [
        m.expm(a), *m.lu_factor(a), *m.lu(_wide.T), m.lu_solve(m.lu_factor(a), _vector),
        m.solve_triangular(a, _vector, trans=1), m.cho_solve(m.cho_factor(a @ a.T), _vector),
        m.block_diag(a, 1.0), m.expm_frechet(a.T, np.ones((3, 3)), compute_expm=False),
    ]
    out = json.loads(done.stdout)
    flat = [out[0], *out[1], *out[2], *out[3:]]
    for x, y in zip(flat, expected, strict=True):
        np.testing.assert_allclose(np.array(x), y, rtol=1e-12, atol=1e-13)
