"""The singular value decomposition of stacks of matrices.

Singular vectors are determined up to a phase that each pair shares, within the space of equal singular
values not at all, and those of zero, which a rank-deficient or oblong matrix has, are any basis of a
space. In the derivative the largest component of each complex left vector keeps its phase, and vectors
of equal singular values do not mix, zeros included: they turn no more than they must to stay orthogonal
to the others, and for the product `u @ vh` of those that are not zero. So nothing is inf or NaN there,
and what does not depend on the choice of such vectors is right, as is the projection on the space they
span. A singular value that is 0 has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fxad.ir.primitive import Code
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.contraction import diagonal, matmul
from fxad.primitives.decompositions import (
    eigh,
    eigvalsh,
    leading,
    moved_complement,
    real_part,
)
from fxad.primitives.eigenspaces import (
    columns_of,
    inverse_gaps,
    inverse_or_zero,
    rows_of,
    turned_back,
)
from fxad.primitives.linalg import (
    OnMatrices,
    adjoint,
    check_matrix,
    hermitian_part,
    inexact,
    real_dtype,
)
from fxad.primitives.rounding import absolute, copysign
from fxad.primitives.samples import normal, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import concatenate
from fxad.primitives.sorting import argsort, sort, take_along
from fxad.primitives.structural import broadcast, convert_to, flip

__all__ = ["SVDResult", "svd", "svdvals"]


class SingularValues(OnMatrices):
    """`u`, `s`, `vh` with `(u * s) @ vh == x`, `s` in descending order.

    Without `vectors`, `s` alone. With `full`, `u` and `vh` are square.
    """

    multiple = True

    def infer(self, x: ArrayType, *, full: bool, vectors: bool) -> tuple[ArrayType, ...]:
        check_matrix(x, "svd")
        *stack, m, n = x.shape
        k = min(m, n)
        s = ArrayType((*stack, k), real_dtype(x.dtype))
        if not vectors:
            return (s,)
        u, vh = ((*stack, m, m if full else k), (*stack, n if full else k, n))
        return ArrayType(u, x.dtype), s, ArrayType(vh, x.dtype)

    def emit(self, x: Code, *, full: bool, vectors: bool) -> str:
        if not vectors:
            return f"(np.linalg.svd({x}, compute_uv=False),)"
        return f"np.linalg.svd({x}{'' if full else ', full_matrices=False'})"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *,
        full: bool, vectors: bool,
    ) -> Any:
        (x,), (dx,) = primals, tangents
        k = min(x.shape[-2:])
        if not k:
            return (None,) * len(out)
        u, s, vh = out if vectors else self(x, full=False, vectors=True)
        if full:
            u, vh = leading(u, k, -1), leading(vh, k, -2)
        p = matmul(matmul(adjoint(u), dx), adjoint(vh))
        ds = where(equal(s, 0), 0, real_part(diagonal(p, 0, -2, -1)))
        if not vectors:
            return (ds,)
        du, dv = _vectors(dx, u, s, vh, p)
        if full:
            du = _with_complement(out[0], u, du)
            dv = _with_complement(adjoint(out[2]), adjoint(vh), dv)
        return du, ds, adjoint(dv)


def _vectors(dx: Any, u: Any, s: Any, vh: Any, p: Any) -> tuple[Any, Any]:
    """The tangents of `u` and of `v`."""
    m, k, n = u.shape[-2], s.shape[-1], vh.shape[-1]
    size = max(m, n)
    # Hermitian changes turn the vectors of u and v together, skew-Hermitian ones against each other: those
    # have a meaning where singular values are equal, too, since `u @ vh` has.
    together = hermitian_part(p)
    against = p - together
    sums = columns_of(s, p.shape) + rows_of(s, p.shape)
    together, against = inverse_gaps(s) * together, inverse_or_zero(sums, s, size) * against
    du, dv = matmul(u, together + against), matmul(adjoint(vh), together - against)
    inverse_s = inverse_or_zero(s, s, size)
    if m > k:
        outside = matmul(dx, adjoint(vh)) - matmul(u, p)
        du = du + outside * rows_of(inverse_s, outside.shape)
    if n > k:
        outside = matmul(adjoint(dx), u) - matmul(adjoint(vh), adjoint(p))
        dv = dv + outside * rows_of(inverse_s, outside.shape)
    if p.dtype.kind == "c":
        # x does not change when both vectors turn by one phase.
        du, dv = turned_back(u, du, (adjoint(vh), dv))
    return du, dv


def _with_complement(square: Any, some: Any, change: Any) -> Any:
    """The tangent of all columns from that of the first ones."""
    if square.shape == some.shape:
        return change
    return concatenate(change, moved_complement(square, some, change), axis=change.ndim - 1)


class SVDResult(NamedTuple):
    """What `svd` gives."""

    U: Any
    S: Any
    Vh: Any


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """The singular value decomposition of each matrix.

    Args:
        a: matrices.
        full_matrices: whether U and Vh are square. Of the vectors beyond the singular values only the
            space has a meaning, and a derivative.
        compute_uv: whether U and Vh are wanted; if not, the result is S alone.
        hermitian: says that `a` is Hermitian: the lower triangle is read, the decomposition is made of
            the eigenvalues, and the derivative is that on Hermitian matrices.
    """
    (a,) = inexact(a)
    if hermitian:
        return _of_hermitian(a) if compute_uv else _values_of_hermitian(a)
    out = svd_p(a, full=bool(full_matrices and compute_uv), vectors=bool(compute_uv))
    return SVDResult(*out) if compute_uv else out[0]


def svdvals(x: Any, /) -> Any:
    """The singular values of each matrix, in descending order."""
    return svd(x, compute_uv=False)


def _of_hermitian(a: Any) -> SVDResult:
    """The vectors are eigenvectors; the signs of the eigenvalues go to Vh."""
    w, v = eigh(a)
    last = w.ndim - 1
    order = flip(argsort(absolute(w), axis=last), axes=(last,))
    w = take_along(w, order, axis=last)
    v = take_along(v, broadcast(order, shape=v.shape, axes=(*range(last), last + 1)), axis=v.ndim - 1)
    signed = v * rows_of(convert_to(copysign(1.0, w), v.dtype), v.shape)
    return SVDResult(v, absolute(w), adjoint(signed))


def _values_of_hermitian(a: Any) -> Any:
    s = absolute(eigvalsh(a))
    return flip(sort(s, axis=s.ndim - 1), axes=(s.ndim - 1,))


_oblong = [(3, 3), (4, 2), (2, 2, 3), (1, 1), (0, 2), (2, 0)]
svd_p = SingularValues("svd", samples=[
    *(sample(normal(*size), full=False, vectors=True) for size in _oblong),
    # The phases of complex singular vectors are LAPACK's choice.
    *(sample(normal(*size), full=False, vectors=True, dtypes="c", smooth=False)
      for size in _oblong[:4]),
    *(sample(normal(*size), full=False, vectors=False, dtypes="fc") for size in _oblong[1:3]),
    # One vector beyond the singular values is determined up to its sign; of others only the space is.
    *(sample(normal(*size), full=True, vectors=True)
      for size in ((3, 3), (3, 2), (2, 2, 3), (0, 2), (2, 0))),
])
