"""What NumPy's functions do to their arguments first: array-likes, axes, dtypes, `keepdims`, `out`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from fxad.errors import ConcretizationError, TypeMismatch, explain
from fxad.numpy.dispatch import has_tracer
from fxad.numpy.output import into_array
from fxad.primitives.slicing import concatenate
from fxad.primitives.structural import convert_to, reshape
from fxad.source import Source, depth_of_user
from fxad.tracing import Kind, Trace, Tracer, concrete_value

__all__ = ["as_array", "axes_counted", "axes_of", "axis_of", "concrete", "converted", "holds", "inexact",
           "join", "kept_shape", "refuse_out", "refused", "stacked", "warned",
           "with_kept_axes"]


def as_array(value: Any) -> Any:
    """A traced array or an ndarray of any array-like; traced values in lists are stacked."""
    if value.__class__ is Tracer:
        return value
    if isinstance(value, (list, tuple)):
        if has_tracer(value):
            return stacked([as_array(v) for v in value])
    elif isinstance(value, np.ndarray) and value.dtype == object and has_tracer(value.flat):
        return reshape(stacked([as_array(v) for v in value.flat]), shape=value.shape)
    return np.asarray(value)


def stacked(values: Sequence[Any]) -> Any:
    """Arrays of one shape as the elements of a new first axis, in the dtype that holds all."""
    shape = values[0].shape
    if any(v.shape != shape for v in values):
        raise refused("all input arrays must have the same shape, and they have "
                      + ", ".join(sorted({str(v.shape) for v in values})), "arrays of one shape")
    return join([reshape(v, shape=(1, *shape)) for v in values], 0)


def join(values: Sequence[Any], axis: int) -> Any:
    """Arrays one after the other along `axis`, in the dtype that holds all."""
    dtype = np.result_type(*[v.dtype for v in values])
    return concatenate(*[converted(v, dtype) for v in values], axis=axis)


def converted(x: Any, dtype: Any) -> Any:
    """An array in another dtype, or itself when it has it."""
    if x.__class__ is Tracer:
        return convert_to(x, dtype)
    return np.asarray(x).astype(dtype, copy=False)


def inexact(x: Any) -> Any:
    """`x`, as float64 when it holds integers or booleans."""
    return x if x.dtype.kind in "fc" else converted(x, np.float64)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that an `axis` argument of a reduction means, in order."""
    if axis is None:
        return tuple(range(ndim))
    if ndim == 0 and axis.__class__ is int and axis in (0, -1):
        return ()  # NumPy reduces a scalar along its only "axis"
    axes = normalize_axis_tuple(axis, ndim, allow_duplicate=True)
    if len(set(axes)) < len(axes):
        raise ValueError("duplicate value in 'axis'")
    return tuple(sorted(axes))


def axes_counted(axis: Any, ndim: int) -> tuple[int, ...]:
    """As `axes_of`, for means: a number has no axis over which NumPy counts its elements."""
    if ndim == 0 and axis is not None:
        normalize_axis_tuple(axis, ndim)
    return axes_of(axis, ndim)


def axis_of(axis: Any, ndim: int) -> int:
    """One axis, not negative; raises AxisError."""
    return normalize_axis_index(axis, ndim)


def kept_shape(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """`shape` with size 1 along the axes that are reduced."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def with_kept_axes(out: Any, shape: Sequence[int], axes: Sequence[int], keepdims: Any) -> Any:
    """A reduction's result, with axes of size 1 for those reduced if `keepdims`."""
    return reshape(out, shape=kept_shape(shape, axes)) if keepdims else out


def refuse_out(name: str, out: Any) -> None:
    """Raise TypeMismatch if there is an array to write into."""
    if out is not None:
        raise into_array(name)


def refused(what: str, fix: str) -> TypeMismatch:
    """The error for arguments that don't fit."""
    return TypeMismatch(explain(what, source=Source.here(), fix=fix))


def concrete(x: Any, asked: str, fix: str) -> Any:
    """The numbers of an array, for what depends on them and not only on their types."""
    return concrete_value(x, asked, fix) if x.__class__ is Tracer else x


def warned(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """NumPy's warning for what is known from the types alone, at the user's line."""
    warnings.warn(message, category, stacklevel=depth_of_user())


def holds(condition: Any) -> bool:
    """Whether a condition on values holds, for NumPy's errors about them.

    Where there are no values to look at (vmap, also around a derivative), it is taken to.
    """
    if condition.__class__ is not Tracer:
        return bool(condition)
    if condition.owner.kind not in (Kind.CONCRETE, Kind.JIT):
        return True
    try:
        return bool(condition)
    except ConcretizationError:
        return True


Trace.stack = staticmethod(as_array)
