"""The primitives: each one class, in one place, with all its rules."""

from fxad.ir.primitive import DEFERRED
from fxad.primitives import (  # noqa: F401 - each defines its primitives
    arithmetic,
    at,
    callbacks,
    complexes,
    conditional,
    contraction,
    creation,
    cumulative,
    custom,
    decompositions,
    determinants,
    dynamic_slicing,
    eigenspaces,
    einsum,
    exponential,
    fft,
    indexing,
    least_squares,
    linalg,
    linear_maps,
    linear_solve,
    logical,
    looping,
    masked_effects,
    modified_bessel,
    norms,
    numerals,
    operators,
    powers,
    python_calls,
    reductions,
    rematerialization,
    reversal,
    rounding,
    scanning,
    scatter,
    selection,
    singular_values,
    slicing,
    sorting,
    stacks,
    stopping,
    structural,
    trigonometric,
    writing,
)
from fxad.primitives.structured import bound_type
from fxad.tracing.operations import operations

DEFERRED += [f"fxad.primitives.{name}" for name in (
    "bessel_functions",
    "entropies",
    "error_functions",
    "gamma_functions",
    "incomplete_integrals",
    "logistic",
    "lu",
    "matrix_exponential",
)]

operations.full = creation.full_in
operations.add = lambda x, y: (
    stacks.add_stacks if bound_type(x).is_stack else arithmetic.add)(x, y)
operations.where = selection.where
operations.both = logical.logical_and
operations.either = logical.logical_or
operations.opposite = logical.logical_not
operations.sum_all = lambda x: structural.reduce_sum(x, axes=tuple(range(x.ndim)))
operations.broadcast = lambda x, shape, axes: structural.broadcast(x, shape=shape, axes=axes)
operations.move_axis = structural.move_axis
operations.convert = structural.convert_to
operations.fit = lambda x, dtype: structural.fit(x, dtype=dtype)
operations.reshape = lambda x, shape: structural.reshape(x, shape=shape)
operations.eye = lambda trace, n, dtype: creation.eye_like(trace, n, n, dtype)
