"""Linear algebra on stacks of matrices: systems of equations, inverses, powers.

Every primitive works on the last two axes; all axes before them are a stack. The functions with the
names and signatures of `numpy.linalg` are what users call; they take integers too, as float64.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.errors import explain
from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, greater, greater_equal
from fxad.primitives.complexes import conj
from fxad.primitives.contraction import dot, einsum, matmul, matrix_transpose, operand
from fxad.primitives.creation import full_like, iota_like
from fxad.primitives.families import Operation
from fxad.primitives.samples import Maker, normal, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import spread
from fxad.primitives.structural import broadcast_to, convert_to, move_axis, reshape
from fxad.source import Source

__all__ = ["adjoint", "inv", "matrix_power", "multi_dot", "solve", "solve_triangular"]


# -- help -----------------------------------------------------------------------------------------


class OnMatrices(Operation):
    """An operation on the matrices in the last two axes of its operands, whose stacks are equal."""

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        like = next(x for x, d in zip(operands, dims, strict=True) if d is not None)
        stacked = [spread(size, x, d, like) for x, d in zip(operands, dims, strict=True)]
        result = self(*stacked, **params)
        return result, (0,) * len(result) if self.multiple else 0


def check_matrix(x: ArrayType, name: str, *, square: bool = False) -> None:
    """Raise what NumPy raises for what is no (square) matrix, or has no dtype of LAPACK's."""
    if x.ndim < 2:
        raise refused(f"{x.ndim}-dimensional array given. {name} takes arrays of two dimensions or more",
                      fix="x[None, :] for a row, x[:, None] for a column")
    if square and x.shape[-1] != x.shape[-2]:
        raise refused(f"Last 2 dimensions of the array must be square: {name} of shape {x.shape}",
                      fix="np.linalg.pinv or np.linalg.lstsq, which take other shapes, or x.T @ x")
    _check_dtype(x)


def refused(what: str, fix: str | None = None) -> np.linalg.LinAlgError:
    """NumPy's error for matrices that can't be, with the user's line."""
    return np.linalg.LinAlgError(explain(what, source=Source.here(), fix=fix))


def _check_dtype(x: Any) -> None:
    require(x.dtype.char in "fdFD", f"array type {x.dtype} is unsupported in linalg",
            fix="x.astype(np.float64)")


def inexact(*arrays: Any) -> list[Any]:
    """Operands in the one dtype in which NumPy's linalg computes: integers count as float64."""
    given = [operand(x) for x in arrays]
    for x in given:
        if x.dtype.kind in "fc":
            _check_dtype(x)
    dtype = np.result_type(*(x.dtype if x.dtype.kind in "fc" else np.float64 for x in given))
    return [x if x.dtype == dtype else convert_to(x, dtype) for x in given]


def adjoint(x: Any) -> Any:
    """The conjugate transpose of each matrix."""
    turned = matrix_transpose(x)
    return conj(turned) if x.dtype.kind == "c" else turned


def hermitian_part(x: Any) -> Any:
    """`(x + adjoint(x)) / 2`."""
    return (x + adjoint(x)) * 0.5


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the real part."""
    made: np.dtype[Any] = np.dtype(dtype.char.lower())
    return made


def places(x: Any) -> tuple[Any, Any]:
    """The numbers of the row and of the column of each element of a matrix of the shape of `x`."""
    shape = x.shape[-2:]
    return iota_like(x, shape, 0), iota_like(x, shape, 1)


def triangle(x: Any, *, lower: bool, strict: bool = False) -> Any:
    """`x` with zeros above (or below) the diagonal; if `strict`, also on it."""
    rows, columns = places(x) if lower else places(x)[::-1]
    return where((greater if strict else greater_equal)(rows, columns), x, 0)


def trace_of_product(x: Any, y: Any) -> Any:
    """The trace of `x @ y`, without the product."""
    return einsum("...ij,...ji->...", x, y)


# -- systems of equations -------------------------------------------------------------------------


class Solver(OnMatrices):
    """`x` with `m(a) @ x == b`, for a matrix `m(a)` that is linear in `a`. Linear in `b`."""

    linear = (1,)

    def matrix(self, a: Any, **params: Any) -> Any:
        """`m(a)`, applied to a tangent of `a` too."""
        return a

    def infer(self, a: ArrayType, b: ArrayType, **params: Any) -> ArrayType:
        check_matrix(a, self.name, square=True)
        require(b.ndim == a.ndim and b.shape[:-1] == a.shape[:-1] and a.dtype == b.dtype,
                f"{self.name}: matrices {a} and right-hand sides {b} do not fit together")
        return b.strong

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        a, (da, db) = primals[0], tangents
        if da is not None:
            moved = matmul(self.matrix(da, **params), out)
            db = -moved if db is None else db - moved
        return self(a, db, **params)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        if dims[0] is None and dims[1] is not None and operands[0].ndim == 2:
            # One matrix for all: the batch is more columns, and the matrix is factored once.
            a, b = operands[0], move_axis(operands[1], dims[1], 0)
            return with_more_columns(self, a, b, **params), 0
        return super().batch(size, operands, dims, **params)


def with_more_columns(solver: Solver, a: Any, b: Any, **params: Any) -> Any:
    """Solve with one matrix for a stack of right-hand sides."""
    rows = move_axis(b, b.ndim - 2, 0)
    x = solver(a, reshape(rows, shape=(rows.shape[0], math.prod(rows.shape[1:]))), **params)
    return move_axis(reshape(x, shape=rows.shape), 0, b.ndim - 2)


class Solve(Solver):
    """`x` with `a @ x == b`."""

    def emit(self, a: Code, b: Code) -> str:
        return f"np.linalg.solve({a}, {b})"

    def transpose(self, ct: Any, a: Any, b: Any) -> Any:
        if isinstance(a, Unknown):
            raise self._missing("transpose", "it is not linear in the matrix")
        return None, self(matrix_transpose(a), ct)


class TriangularSolve(Solver):
    """`x` with `t @ x == b`: `t` is one triangle of `a`, the other counts as zero.

    With `unit`, the diagonal counts as ones; with `trans`, `t` is transposed.
    """

    def matrix(self, a: Any, *, lower: bool, trans: bool, unit: bool) -> Any:
        kept = triangle(a, lower=lower, strict=unit)
        return matrix_transpose(kept) if trans else kept

    def emit(self, a: Code, b: Code, *, lower: bool, trans: bool, unit: bool) -> str:
        return f"triangular_solve({a}, {b}, lower={lower}, trans={trans}, unit={unit})"

    def transpose(self, ct: Any, a: Any, b: Any, *, lower: bool, trans: bool, unit: bool) -> Any:
        if isinstance(a, Unknown):
            raise self._missing("transpose", "it is not linear in the matrix")
        return None, self(a, ct, lower=lower, trans=not trans, unit=unit)


@kernel
def triangular_solve(a: Any, b: Any, *, lower: bool, trans: bool, unit: bool) -> Any:
    """Substitution in blocks: nearly all of the work is matrix products."""
    n = a.shape[-1]
    if trans:
        a, lower = np.swapaxes(a, -1, -2), not lower
    x = np.empty(b.shape, b.dtype)
    starts = range(0, n, 64)
    for start in starts if lower else reversed(starts):
        stop = min(start + 64, n)
        done = slice(0, start) if lower else slice(stop, n)
        rest = b[..., start:stop, :] - a[..., start:stop, done] @ x[..., done, :]
        block = a[..., start:stop, start:stop]
        block = np.tril(block) if lower else np.triu(block)
        if unit:
            block[..., range(stop - start), range(stop - start)] = 1
        x[..., start:stop, :] = np.linalg.solve(block, rest)
    return x


def solve(a: Any, b: Any) -> Any:
    """`x` with `a @ x == b`. `b` is a vector if it has one axis, else a (stack of) matrices."""
    return _solved(solve_p, a, b)


def solve_triangular(
    a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    """`x` with `a @ x == b`, where only one triangle of `a` is read.

    Args:
        a: square matrices.
        b: a vector, or matrices.
        trans: 0 or "N" for `a`, 1 or "T" for its transpose, 2 or "C" for its conjugate transpose.
        lower: whether the lower triangle is read; the upper if not.
        unit_diagonal: whether the diagonal is not read and counts as ones.
    """
    a = operand(a)
    if trans in (2, "C") and a.dtype.kind == "c":
        a = conj(a)
    return _solved(triangular_solve_p, a, b, lower=bool(lower), trans=trans in (1, "T", 2, "C"),
                   unit=bool(unit_diagonal))


def _solved(solver: Solver, a: Any, b: Any, **params: Any) -> Any:
    a, b = inexact(a, b)
    check_matrix(ArrayType(a.shape, a.dtype), "solve", square=True)
    vector = b.ndim == 1
    require(b.ndim > 0 and b.shape[0 if vector else -2] == a.shape[-1],
            f"solve: matrices of shape {a.shape} and right-hand sides of shape {b.shape}")
    if vector:
        b = reshape(b, shape=(*b.shape, 1))
    if a.ndim == 2 and b.ndim > 2:
        return with_more_columns(solver, a, b, **params)
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (broadcast_to(x, stack + x.shape[-2:]) for x in (a, b))
    x = solver(a, b, **params)
    return reshape(x, shape=x.shape[:-1]) if vector else x


# -- inverses -------------------------------------------------------------------------------------


class Inverse(OnMatrices):
    """The inverse of each matrix."""

    def infer(self, x: ArrayType) -> ArrayType:
        check_matrix(x, "inv", square=True)
        return x.strong

    def emit(self, x: Code) -> str:
        return f"np.linalg.inv({x})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any) -> Any:
        return -matmul(matmul(out, tangents[0]), out)


class InverseOrNan(Inverse):
    """The inverse of each matrix, and NaN for the singular ones."""

    def emit(self, x: Code) -> str:
        return f"inverse_or_nan({x})"


@kernel
def inverse_or_nan(x: Any) -> Any:
    """np.linalg.inv, with NaN where that would raise."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        out = np.full(x.shape, np.nan, x.dtype)
    for i in np.ndindex(x.shape[:-2]):
        try:
            out[i] = np.linalg.inv(x[i])
        except np.linalg.LinAlgError:
            continue
    return out


def inv(a: Any) -> Any:
    """The inverse of each matrix. A singular one raises LinAlgError."""
    return inv_p(*inexact(a))


# -- products -------------------------------------------------------------------------------------


def matrix_power(a: Any, n: int) -> Any:
    """Each matrix to an integer power, by repeated squaring; a negative one inverts it."""
    a = operand(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise refused(f"matrix_power takes square matrices, not shape {a.shape}")
    n = operator.index(n)
    if n == 0:
        zeros, ones = (full_like(a, value) for value in (0, 1))
        return where(equal(*places(a)), ones, zeros)
    if n < 0:
        a, n = inv(a), -n
    result = None
    while n:
        if n & 1:
            result = a if result is None else matmul(result, a)
        n >>= 1
        if n:
            a = matmul(a, a)
    return result


def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of two or more matrices, in a cheap order. The first and last may be vectors."""
    require(len(arrays) > 1, "multi_dot takes two arrays at least")
    given = [operand(x) for x in arrays]
    if len(given) == 2:
        return dot(*given)
    last = len(given) - 1
    args: list[Any] = []
    for i, x in enumerate(given):
        if not (x.ndim == 2 or (x.ndim == 1 and i in (0, last))):
            raise refused(f"multi_dot takes matrices, not shape {x.shape}")
        args += [x, [i, i + 1] if x.ndim == 2 else [1] if i == 0 else [last]]
    ends = [[0]] if given[0].ndim == 2 else [[]]
    ends.append([last + 1] if given[-1].ndim == 2 else [])
    for x, y in itertools.pairwise(given):
        require(x.shape[-1] == y.shape[0], f"multi_dot: shapes {x.shape} and {y.shape} not aligned")
    return einsum(*args, ends[0] + ends[1])


# -- the primitives -------------------------------------------------------------------------------


def regular(*shape: int) -> Maker:
    """Matrices that are well conditioned."""

    def make(rng: np.random.Generator, dtype: np.dtype[Any]) -> Any:
        x = normal(*shape)(rng, dtype)
        return x + 3 * np.eye(*shape[-2:], dtype=dtype)

    return make


matrices = [sample(regular(3, 3), dtypes="fc"), sample(regular(2, 4, 4), dtypes="fc"),
             sample(regular(1, 1)), sample(regular(0, 0)), sample(regular(0, 2, 2))]
_systems = [(regular(3, 3), normal(3, 2)), (regular(2, 3, 3), normal(2, 3, 1))]
_empty = [(regular(0, 0), normal(0, 2)), (regular(2, 2), normal(2, 0))]

solve_p = Solve("solve", samples=[
    *(sample(*makers, dtypes="fc") for makers in _systems), *(sample(*m) for m in _empty),
])
triangular_solve_p = TriangularSolve("triangular_solve", samples=[
    *(sample(*makers, dtypes="fc", lower=lower, trans=trans, unit=unit)
      for makers, lower, trans, unit in zip(
          _systems * 2, (True, False) * 2, (False, False, True, True), (False, True, True, False),
          strict=True)),
    *(sample(*m, lower=True, trans=False, unit=False) for m in _empty),
])
inv_p = Inverse("inv", samples=matrices)
inverse_or_nan_p = InverseOrNan("inverse_or_nan", samples=[
    *matrices, sample(lambda rng, dtype: np.stack([np.ones((2, 2), dtype), np.eye(2, dtype=dtype)]),
                      dtypes="fc", smooth=False),
])
