"""Products of arrays under NumPy's names; what they are is in `fxad.primitives.contraction`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, converted, refuse_out
from fxad.numpy.dispatch import implements
from fxad.numpy.shaping import ravel
from fxad.primitives import contraction as primitive
from fxad.primitives.views import Diagonal, Rearranged, is_view
from fxad.tracing import Tracer

__all__ = ["diag", "diagflat", "diagonal", "dot", "einsum", "einsum_path", "inner", "kron",
           "outer", "tensordot", "trace", "vdot"]


# -- products -----------------------------------------------------------------------------------------


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Any:
    refuse_out("dot", out)
    return primitive.dot(as_array(a), as_array(b))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    return primitive.inner(as_array(a), as_array(b))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    return primitive.vdot(as_array(a), as_array(b))


@implements(np.outer)
def outer(a: Any, b: Any, out: None = None) -> Any:
    refuse_out("outer", out)
    return primitive.outer(as_array(a), as_array(b))


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    return primitive.kron(as_array(a), as_array(b))


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    return primitive.tensordot(as_array(a), as_array(b), axes)


@implements(np.einsum, views=True)
def einsum(*operands: Any, out: None = None, optimize: Any = False, dtype: Any = None,
           **kwargs: Any) -> Any:
    refuse_out("einsum", out)
    text = isinstance(operands[0], str)
    values = [as_array(x) if (i > 0 if text else i % 2 == 0 and i < len(operands) - 1) else x
              for i, x in enumerate(operands)]
    if not text and len(operands) % 2 == 0:
        values[-2] = as_array(values[-2])
    if dtype is not None:
        values = [converted(x, dtype) if hasattr(x, "dtype") else x for x in values]
    made = primitive.einsum(*values)
    if len(operands) > 3 or dtype is not None:
        return made
    spec = primitive.rearranged(*values)
    if spec is None:
        return made
    x = values[1] if text else values[0]
    if made is x:
        return x
    return is_view(made, x, Rearranged(lambda x: primitive.einsum(spec, x), spec))


@implements(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """It depends on shapes alone."""
    shapes = [np.broadcast_to(0.0, x.shape) if isinstance(x, Tracer) else x for x in operands]
    return np.einsum_path(*shapes, optimize=optimize)


# -- diagonals ----------------------------------------------------------------------------------------


@implements(np.diagonal, views=True)
def diagonal(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    return _diagonal(a, operator.index(offset), i, j)


def _diagonal(a: Any, offset: int, i: int, j: int, *, writable: bool = False) -> Any:
    def read(x: Any) -> Any:
        return primitive.diagonal(x, offset, i, j)

    return is_view(read(a), a, Diagonal(read, offset, (i, j), writable=writable))


@implements(np.trace)
def trace(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None,
          out: None = None) -> Any:
    refuse_out("trace", out)
    a = as_array(a)
    if dtype is not None:
        a = converted(a, dtype)
    total = primitive.trace(a, operator.index(offset), axis1, axis2)
    return total if dtype is None else converted(total, dtype)


@implements(np.diag, views=True)
def diag(v: Any, k: Any = 0) -> Any:
    v = as_array(v)
    return diagonal(v, k) if v.ndim == 2 else primitive.diag(v, operator.index(k))


@implements(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    return primitive.diag(ravel(v), operator.index(k))
