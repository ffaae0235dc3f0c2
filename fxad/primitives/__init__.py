"""The primitives: each one class, in one place, with all its rules."""

from fxad.primitives import (  # noqa: F401 - each defines its primitives
    arithmetic,
    at,
    complexes,
    contraction,
    creation,
    cumulative,
    decompositions,
    determinants,
    dynamic_slicing,
    eigenspaces,
    einsum,
    exponential,
    i0,
    indexing,
    linalg,
    logical,
    norms,
    numerals,
    operators,
    powers,
    reductions,
    rounding,
    scatter,
    selection,
    slicing,
    sorting,
    stopping,
    structural,
    trigonometric,
)
from fxad.tracing.operations import operations

operations.full = creation.full_in
operations.add = arithmetic.add
operations.where = selection.where
operations.both = logical.logical_and
operations.sum_all = lambda x: structural.reduce_sum(x, axes=tuple(range(x.ndim)))
operations.broadcast = lambda x, shape, axes: structural.broadcast(x, shape=shape, axes=axes)
operations.move_axis = structural.move_axis
operations.convert = structural.convert_to
operations.reshape = lambda x, shape: structural.reshape(x, shape=shape)
operations.eye = lambda trace, n, dtype: creation.eye_like(trace, n, n, dtype)
