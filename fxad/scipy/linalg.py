"""`scipy.linalg` on arrays and traced values alike.

SciPy hands none of its functions over, so that traced values go to those that stand here. All work on stacks
of matrices: the axes before the last two. The `overwrite_...` arguments, the choice of a driver, and
`check_finite` are accepted and make no difference: a traced value is not looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from fxad.numpy.arguments import as_array, converted, join, refused
from fxad.primitives import decompositions, determinants, least_squares, norms, singular_values
from fxad.primitives import linalg as primitive
from fxad.primitives.arithmetic import equal, less_equal
from fxad.primitives.complexes import conj
from fxad.primitives.contraction import matmul, matrix_transpose
from fxad.primitives.indexing import getitem
from fxad.primitives.linalg import adjoint, inexact, places, triangle
from fxad.primitives.lu import lu_p, permutation_p, rows_at
from fxad.primitives.matrix_exponential import expm_change_p, expm_p
from fxad.primitives.rounding import absolute
from fxad.primitives.selection import where
from fxad.primitives.slicing import pad_with
from fxad.primitives.sorting import argsort
from fxad.primitives.structural import broadcast_to, reshape
from fxad.scipy.namesakes import namesake_of

__all__ = [
    "LinAlgError", "block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "det", "eig", "eigh",
    "eigvals", "eigvalsh", "expm", "expm_frechet", "hankel", "inv", "lu", "lu_factor", "lu_solve", "norm",
    "pinv", "qr", "solve", "solve_triangular", "svd", "svdvals", "toeplitz",
]

_function = namesake_of("linalg")


def _matrix(a: Any, name: str, *, square: bool = False) -> Any:
    """An array of matrices in a dtype of LAPACK's; raises SciPy's error for other arrays."""
    (a,) = inexact(as_array(a))
    if a.ndim < 2:
        raise ValueError(f"{name}: expected matrices, and the array has shape {a.shape}")
    if square and a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{name}: expected square matrices, and the array has shape {a.shape}")
    return a


# -- systems of equations ------------------------------------------------------------------------------


@_function
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False,
                     overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """The gradient by `a` is zero outside the triangle that is read.

    >>> import numpy as np, fxad
    >>> a, b = np.array([[2.0, 7.0], [1.0, 4.0]]), np.array([2.0, 5.0])
    >>> fxad.jacobian(lambda b: fxad.scipy.linalg.solve_triangular(a, b, lower=True))(b)
    array([[ 0.5  ,  0.   ],
           [-0.125,  0.25 ]])
    """
    return primitive.solve_triangular(_matrix(a, "solve_triangular", square=True), as_array(b), trans, lower,
                                      unit_diagonal)


@_function
def solve(a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
          check_finite: bool = True, assume_a: Any = None, transposed: bool = False) -> Any:
    """The gradient by `a` is zero outside of what is read for the structure that is assumed."""
    a, b = np.atleast_2d(as_array(a)), np.atleast_1d(as_array(b))
    if transposed and np.iscomplexobj(a):
        raise NotImplementedError("scipy.linalg.solve can currently not solve a^T x = b or a^H x = b for"
                                  " complex matrices.")
    a = _matrix(a, "solve", square=True)
    if assume_a in ("upper triangular", "lower triangular"):
        return primitive.solve_triangular(a, b, int(transposed), assume_a.startswith("lower"))
    a = _of_structure(a, assume_a, lower)
    if assume_a in ("pos", "positive definite"):
        return _by_cholesky(decompositions.cholesky(a), b, True)
    return primitive.solve(matrix_transpose(a) if transposed else a, b)


def _of_structure(a: Any, assumed: Any, lower: bool) -> Any:
    """The matrices that SciPy sees when it is told of a structure."""
    if assumed in (None, "gen", "general", "banded"):
        return a
    if assumed in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        turned = matrix_transpose(a) if assumed.startswith("sym") else adjoint(a)
        rows, columns = places(a) if lower else places(a)[::-1]
        whole = where(less_equal(columns, rows), a, turned)
        if a.dtype.kind == "c" and not assumed.startswith("sym"):
            whole = where(equal(rows, columns), 0.5 * (a + turned), whole)  # the diagonal's real part
        return whole
    rows, columns = places(a)
    kept = {
        "diagonal": lambda: equal(rows, columns),
        "tridiagonal": lambda: less_equal(absolute(rows - columns), 1),
        "upper triangular": lambda: less_equal(rows, columns),
        "lower triangular": lambda: less_equal(columns, rows),
    }
    if assumed not in kept:
        raise ValueError(f"{assumed} is not a recognized matrix structure")
    return where(kept[assumed](), a, 0)


@_function
def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: Any = None,
        lower: bool = False) -> Any:
    return primitive.inv(_of_structure(_matrix(a, "inv", square=True), assume_a, lower))


@_function
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """In double precision, as SciPy's is."""
    a = _matrix(a, "det", square=True)
    return determinants.det(converted(a, np.complex128 if a.dtype.kind == "c" else np.float64))


# -- Cholesky ------------------------------------------------------------------------------------------


@_function
def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The gradient is Hermitian, as the matrix is."""
    return decompositions.cholesky(_matrix(a, "cholesky", square=True), upper=not lower)


@_function
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """A factor as `cho_solve` takes it: the other triangle holds what `a` does there."""
    a = _matrix(a, "cho_factor", square=True)
    rows, columns = places(a) if lower else places(a)[::-1]
    return where(less_equal(columns, rows), decompositions.cholesky(a, upper=not lower), a), lower


@_function
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """The gradient by the factor is zero in the triangle that is not read.

    >>> import numpy as np, fxad
    >>> from fxad.scipy.linalg import cho_factor, cho_solve
    >>> def f(a):
    ...     return cho_solve(cho_factor(a, lower=True), np.array([2.0, 0.0]))[0]
    >>> fxad.grad(f)(2 * np.eye(2))
    array([[-0.5,  0. ],
           [ 0. ,  0. ]])
    """
    c, lower = c_and_lower
    return _by_cholesky(_matrix(c, "cho_solve", square=True), as_array(b), bool(lower))


def _by_cholesky(c: Any, b: Any, lower: bool) -> Any:
    there, back = (0, 2) if lower else (2, 0)
    return primitive.solve_triangular(c, primitive.solve_triangular(c, b, there, lower), back, lower)


# -- LU ------------------------------------------------------------------------------------------------


@_function
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """Both factors in one matrix, and the interchanges of rows, which have no derivative."""
    return tuple(lu_p(_matrix(a, "lu_factor")))


@_function
def lu_solve(lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: bool = False,
             check_finite: bool = True) -> Any:
    """The gradient by the factors is that of both triangles.

    >>> import numpy as np, fxad
    >>> from fxad.scipy.linalg import lu_factor, lu_solve
    >>> def f(a):
    ...     return lu_solve(lu_factor(a), np.array([2.0, 0.0]))[0]
    >>> fxad.grad(f)(2 * np.eye(2))
    array([[-0.5,  0. ],
           [ 0. ,  0. ]])
    """
    factors, pivots = lu_and_piv
    factors, b = inexact(_matrix(factors, "lu_solve", square=True), as_array(b))
    order = permutation_p(converted(as_array(pivots), np.int32), rows=factors.shape[-1])
    vector = b.ndim == 1
    columns = reshape(b, shape=(*b.shape, 1)) if vector else b
    stack = np.broadcast_shapes(factors.shape[:-2], columns.shape[:-2])
    columns = broadcast_to(columns, stack + columns.shape[-2:])
    order = broadcast_to(order, stack + order.shape[-1:])
    if trans in (0, "N"):
        columns = rows_at(columns, order)
        columns = primitive.solve_triangular(factors, columns, 0, True, True)
        columns = primitive.solve_triangular(factors, columns)
    else:
        columns = primitive.solve_triangular(factors, columns, trans)
        columns = primitive.solve_triangular(factors, columns, trans, True, True)
        columns = rows_at(columns, argsort(order, axis=order.ndim - 1))
    return reshape(columns, shape=columns.shape[:-1]) if vector else columns


@_function
def lu(a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True,
       p_indices: bool = False) -> Any:
    """Three factors, of which the permutation has no derivative."""
    a = _matrix(a, "lu")
    packed, pivots = lu_p(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    left = triangle(_leading(packed, m, k), lower=True, strict=True)
    left = where(equal(*places(left)), 1, left)
    upper = triangle(_leading(packed, k, n), lower=False)
    order = permutation_p(pivots, rows=m)
    back = argsort(order, axis=order.ndim - 1)
    if permute_l:
        return rows_at(left, back), upper
    if p_indices:
        return converted(back, np.int32), left, upper
    ones = equal(reshape(back, shape=(*back.shape, 1)), np.arange(m))
    return converted(ones, primitive.real_dtype(a.dtype)), left, upper


def _leading(x: Any, rows: int, columns: int) -> Any:
    return getitem(x, (Ellipsis, slice(rows), slice(columns)))


# -- other decompositions ------------------------------------------------------------------------------


@_function
def qr(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
       check_finite: bool = True) -> Any:
    a = _matrix(a, "qr")
    if pivoting or mode == "raw":
        raise refused("scipy.linalg.qr of a traced matrix with pivoting, or in mode 'raw'.",
                      "mode='full', 'economic' or 'r', without pivoting")
    if mode == "economic":
        return tuple(decompositions.qr(a))
    if mode not in ("full", "qr", "r"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    if mode == "r":
        r = decompositions.qr(a, "r")
        missing = a.shape[-2] - r.shape[-2]
        return (pad_with(r, [0] * r.ndim, [*[0] * (r.ndim - 2), missing, 0]) if missing else r,)
    return tuple(decompositions.qr(a, "complete"))


@_function
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False,
        check_finite: bool = True, lapack_driver: str = "gesdd") -> Any:
    out = singular_values.svd(_matrix(a, "svd"), full_matrices, compute_uv)
    return tuple(out) if compute_uv else out


@_function
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return singular_values.svdvals(_matrix(a, "svdvals"))


@_function
def eig(a: Any, b: Any = None, left: bool = False, right: bool = True, overwrite_a: bool = False,
        overwrite_b: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False) -> Any:
    """Always complex."""
    if b is not None or left or homogeneous_eigvals:
        raise refused("scipy.linalg.eig of a traced matrix with a second one (b), with left eigenvectors"
                      " or homogeneous eigenvalues.", "eig(solve(b, a)), or eig(a.T) for the left ones")
    a = _matrix(a, "eig", square=True)
    return tuple(decompositions.eig(a)) if right else decompositions.eigvals(a)


@_function
def eigvals(a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True,
            homogeneous_eigvals: bool = False) -> Any:
    """Always complex."""
    return eig(a, b, right=False, homogeneous_eigvals=homogeneous_eigvals)


@_function
def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
         overwrite_b: bool = False, type: int = 1, check_finite: bool = True, subset_by_index: Any = None,
         subset_by_value: Any = None, driver: Any = None) -> Any:
    """Eigenvectors may have the opposite sign of SciPy's. With `b`, by its Cholesky factor."""
    if subset_by_value is not None:
        raise refused("scipy.linalg.eigh of a traced matrix, for eigenvalues between two numbers: how many"
                      " there are depends on values.", "all of them, or subset_by_index=(low, high)")
    a = _matrix(a, "eigh", square=True)
    factor = None
    if b is not None:
        if type not in (1, 2, 3):
            raise ValueError('"type" keyword only accepts 1, 2, and 3.')
        a, b = inexact(a, _matrix(b, "eigh", square=True))
        a = _of_structure(a, "her" if a.dtype.kind == "c" else "sym", lower)
        factor = decompositions.cholesky(b, upper=not lower)
        factor, lower = factor if lower else adjoint(factor), True
        if type == 1:
            half = primitive.solve_triangular(factor, a, 0, True)
            a = primitive.solve_triangular(factor, adjoint(half), 0, True)
        else:
            a = matmul(matmul(adjoint(factor), a), factor)
    uplo = "L" if lower else "U"
    w, v = (decompositions.eigvalsh(a, uplo), None) if eigvals_only else decompositions.eigh(a, uplo)
    if factor is not None and v is not None:
        v = matmul(factor, v) if type == 3 else primitive.solve_triangular(factor, v, 2, True)
    if subset_by_index is not None:
        low, high = subset_by_index
        chosen = (Ellipsis, slice(int(low), int(high) + 1))
        w, v = getitem(w, chosen), None if v is None else getitem(v, chosen)
    return w if v is None else (w, v)


@_function
def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, overwrite_a: bool = False,
             overwrite_b: bool = False, type: int = 1, check_finite: bool = True,
             subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None) -> Any:
    return eigh(a, b, lower=lower, eigvals_only=True, type=type, subset_by_index=subset_by_index,
                subset_by_value=subset_by_value)


@_function
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return norms.norm(inexact(as_array(a))[0], ord, axis, keepdims)


@_function
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False,
         check_finite: bool = True) -> Any:
    if atol is not None or return_rank:
        raise refused("scipy.linalg.pinv of a traced matrix with an absolute tolerance, or with its rank.",
                      "pinv(a, rtol=...), and np.linalg.matrix_rank(a)")
    a = _matrix(a, "pinv")
    eps = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps)
    return least_squares.pinv(a, eps if rtol is None else rtol)


# -- functions of matrices -----------------------------------------------------------------------------


@_function
def expm(A: Any) -> Any:
    """The derivative is exact, of any order: that of the exponential of a larger matrix.

    >>> import numpy as np, fxad
    >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> fxad.jacfwd(lambda t: fxad.scipy.linalg.expm(t * turn))(0.0)
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    A = as_array(A)
    if A.size == 1 and A.ndim < 2:
        A = reshape(A, shape=(1, 1))
    return expm_p(*inexact(A))


@_function
def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True,
                 check_finite: bool = True) -> Any:
    """For stacks of matrices too. `method` makes no difference."""
    A, E = inexact(as_array(A), as_array(E))
    if A.shape != E.shape:
        raise ValueError("expected A and E to be the same shape")
    change = expm_change_p(A, E)
    return (expm_p(A), change) if compute_expm else change


# -- matrices of a form --------------------------------------------------------------------------------


@_function
def block_diag(*arrs: Any) -> Any:
    """Numbers and vectors count as one row; of stacks, each matrix is a block."""
    given = [np.atleast_2d(as_array(x)) for x in arrs or ([],)]
    stack = np.broadcast_shapes(*(x.shape[:-2] for x in given))
    width, before, rows = sum(x.shape[-1] for x in given), 0, []
    dtype = np.result_type(*(x.dtype for x in given))
    for x in given:
        x = broadcast_to(converted(x, dtype), stack + x.shape[-2:])
        sides = [0] * (x.ndim - 1)
        rows.append(pad_with(x, [*sides, before], [*sides, width - before - x.shape[-1]]))
        before += x.shape[-1]
    return join(rows, len(stack))


def _vectors(*given: Any) -> list[Any]:
    """Vectors in the dtype that holds all."""
    arrays = [np.atleast_1d(as_array(x)) for x in given]
    if any(x.ndim > 1 for x in arrays):
        raise refused("SciPy's matrices of a form take one traced vector, not a stack of them.",
                      "fxad.vmap over the rows, or x.ravel()")
    dtype = np.result_type(*(x.dtype for x in arrays))
    return [converted(x, dtype) for x in arrays]


@_function
def toeplitz(c: Any, r: Any = None) -> Any:
    """A vector alone is the first column, and its conjugate the first row.

    >>> import numpy as np, fxad
    >>> fxad.grad(lambda c: fxad.scipy.linalg.toeplitz(c).sum())(np.ones(3))
    array([3., 4., 2.])
    """
    (c,) = _vectors(c)
    c, r = _vectors(c, conj(c) if r is None and c.dtype.kind == "c" else c if r is None else r)
    m, n = c.shape[0], r.shape[0]
    diagonals = join([getitem(c, slice(None, None, -1)), getitem(r, slice(1, None))], 0)
    return getitem(diagonals, m - 1 - np.arange(m)[:, None] + np.arange(n))


@_function
def hankel(c: Any, r: Any = None) -> Any:
    c, r = _vectors(c, np.zeros_like(as_array(c)) if r is None else r)
    diagonals = join([c, getitem(r, slice(1, None))], 0)
    return getitem(diagonals, np.arange(c.shape[0])[:, None] + np.arange(r.shape[0]))


@_function
def circulant(c: Any) -> Any:
    c = np.atleast_1d(as_array(c))
    n = c.shape[-1]
    return getitem(c, (Ellipsis, (np.arange(n)[:, None] - np.arange(n)) % n))
