"""NumPy's functions, on arrays and traced values alike.

What stands here behaves as its namesake of `numpy`. `import numpy as np` code needs none of it: NumPy
hands traced values over by itself, and these are the same functions. The few that NumPy does not hand
over are the reason to use it: `array`, `asarray` and `full` take traced values here.
"""

# ruff: noqa: I001 - the imports are the table of contents; one name a line would hide it

import sys as _sys
from typing import Any as _Any

import numpy as _np
from numpy import (
    abs, absolute, acos, acosh, add, arange, arccos, arccosh, arcsin, arcsinh, arctan, arctan2,
    arctanh, asin, asinh, atan, atan2, atanh, bitwise_and, bitwise_count, bitwise_invert,
    bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, bool, bool_,
    broadcast_shapes, cbrt, ceil, complex64, complex128, complexfloating, conj, conjugate, copysign,
    cos, cosh, deg2rad, degrees, diag_indices, divide, divmod, dtype, e, empty, equal, euler_gamma,
    exceptions, exp, exp2, expm1, eye, fabs, finfo, float16, float32, float64, float_power,
    floating, floor, floor_divide, fmax, fmin, fmod, frexp, gcd, generic, greater, greater_equal,
    heaviside, hypot, identity, iinfo, index_exp, indices, inexact, inf, int8, int16, int32, int64,
    int_, integer, intp, invert, isdtype, isfinite, isinf, isnan, isscalar, issubdtype, lcm, ldexp,
    left_shift, less, less_equal, log, log1p, log2, log10, logaddexp, logaddexp2, logical_and,
    logical_not, logical_or, logical_xor, matmul, maximum, minimum, mod, modf, multiply, nan,
    negative, newaxis, nextafter, not_equal, number, ones, pi, positive, pow, power,
    promote_types, rad2deg, radians, reciprocal, remainder, right_shift, rint, s_, sign,
    signbit, signedinteger, sin, sinh, spacing, sqrt, square, subtract, tan, tanh, tri,
    tril_indices, triu_indices, true_divide, trunc, uint8, uint16, uint32, uint64, unsignedinteger,
    vecdot, zeros,
)

from fxad.numpy import linalg
from fxad.numpy.arrays import ndarray
from fxad.numpy import dispatch, methods, ufuncs  # noqa: F401 - what they attach and fill is all
from fxad.numpy.calculus import (
    cross, cumprod, cumsum, cumulative_prod, cumulative_sum, diff, ediff1d, gradient, interp,
    nancumprod, nancumsum, trapezoid, unwrap,
)
from fxad.numpy.contraction import (
    diag, diagflat, diagonal, dot, einsum, inner, kron, outer, tensordot, trace, vdot,
)
from fxad.numpy.creation import (
    array, asanyarray, asarray, ascontiguousarray, empty_like, full, full_like, geomspace, linspace,
    logspace, meshgrid, ones_like, zeros_like,
)
from fxad.numpy.elementwise import (
    allclose, angle, around, array_equal, array_repr, min_scalar_type, array_equiv, astype,
    can_cast, clip, common_type, copy, fix, imag, isclose, iscomplex, iscomplexobj, isneginf,
    isposinf, isreal, isrealobj, nan_to_num, ndim, real, real_if_close, result_type, shape, sinc,
    size, round_ as round,
)
from fxad.numpy.indexing import (
    diag_indices_from, ix_, lexsort, ravel_multi_index, tril_indices_from, trim_zeros,
    triu_indices_from, union1d, unique_values, unravel_index,
)
from fxad.numpy.joining import (
    append, array_split, block, column_stack, concatenate, delete, dsplit, dstack, hsplit, hstack,
    insert, pad, split, stack, unstack, vsplit, vstack,
)
from fxad.numpy.polynomials import (
    convolve, correlate, polyadd, polyder, polyfit, polyint, polymul, polysub, polyval, roots, vander,
)
from fxad.numpy.quantiles import (
    median, nanmedian, nanpercentile, nanquantile, percentile, quantile,
)
from fxad.numpy.reductions import (
    all_ as all, amax, amin, argmax, argmin, count_nonzero, mean, nanargmax, nanargmin, nanmax,
    nanmin, nanprod, nansum, prod, ptp, any_ as any, max_ as max, min_ as min, sum_ as sum,
)
from fxad.numpy.selecting import (
    apply_along_axis, apply_over_axes, argpartition, argsort, argwhere, bincount, choose, compress,
    digitize, extract, flatnonzero, isin, nonzero, partition, piecewise, searchsorted, select, sort,
    take, take_along_axis, tril, triu, unique, where,
)
from fxad.numpy.shaping import (
    atleast_1d, atleast_2d, atleast_3d, broadcast_arrays, broadcast_to, expand_dims, flip, fliplr,
    flipud, matrix_transpose, moveaxis, permute_dims, ravel, repeat, reshape, resize, roll,
    rollaxis, rot90, squeeze, swapaxes, tile, transpose,
)
from fxad.numpy.statistics import (
    average, corrcoef, cov, nanmean, nanstd, nanvar, std, var,
)
from fxad.numpy.writing import copyto, fill_diagonal, place, put, put_along_axis, putmask
from fxad.tracing import Tracer as _Tracer, attach as _attach

concat = concatenate

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "all", "allclose", "amax", "amin", "angle", "any",
    "append", "apply_along_axis", "apply_over_axes", "arange", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argpartition", "argsort",
    "argwhere", "around", "array", "array_equal", "array_equiv", "array_repr", "array_split",
    "asanyarray", "asarray", "ascontiguousarray", "asin", "asinh", "astype", "atan", "atan2",
    "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "average", "bincount", "bitwise_and",
    "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "block", "bool", "bool_", "broadcast_arrays",
    "broadcast_shapes", "broadcast_to", "can_cast", "cbrt", "ceil", "choose", "clip",
    "column_stack", "common_type", "complex64", "complex128", "complexfloating", "compress",
    "concat", "concatenate", "conj", "conjugate", "convolve", "copy", "copysign", "copyto",
    "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cov", "cross", "cumprod", "cumsum",
    "cumulative_prod", "cumulative_sum", "deg2rad", "degrees", "delete", "diag", "diag_indices",
    "diag_indices_from", "diagflat", "diagonal", "diff", "digitize", "divide", "divmod", "dot",
    "dsplit", "dstack", "dtype", "e", "ediff1d", "einsum", "empty", "empty_like", "equal",
    "euler_gamma", "exceptions", "exp", "exp2", "expand_dims", "expm1", "extract", "eye", "fabs",
    "fill_diagonal", "finfo", "fix", "flatnonzero", "flip", "fliplr", "flipud", "float16",
    "float32", "float64", "float_power", "floating", "floor", "floor_divide", "fmax", "fmin",
    "fmod", "frexp", "full", "full_like", "gcd", "generic", "geomspace", "gradient", "greater",
    "greater_equal", "heaviside", "hsplit", "hstack", "hypot", "identity", "iinfo", "imag",
    "index_exp", "indices", "inexact", "inf", "inner", "insert", "int8", "int16", "int32", "int64",
    "int_", "integer", "interp", "intp", "invert", "isclose", "iscomplex", "iscomplexobj",
    "isdtype", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "isrealobj",
    "isscalar", "issubdtype", "ix_", "kron", "lcm", "ldexp", "left_shift", "less", "less_equal",
    "lexsort", "linalg", "linspace", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logspace", "matmul",
    "matrix_transpose", "max", "maximum", "mean", "median", "meshgrid", "min", "min_scalar_type",
    "minimum", "mod", "modf", "moveaxis", "multiply", "nan", "nan_to_num", "nanargmax", "nanargmin",
    "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile",
    "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "ndarray", "ndim", "negative",
    "newaxis", "nextafter", "nonzero", "not_equal", "number", "ones", "ones_like", "outer", "pad",
    "partition", "percentile", "permute_dims", "pi", "piecewise", "place", "polyadd", "polyder",
    "polyfit", "polyint", "polymul", "polysub", "polyval", "positive", "pow", "power", "prod",
    "promote_types", "ptp", "put", "put_along_axis", "putmask", "quantile", "rad2deg", "radians",
    "ravel", "ravel_multi_index", "real", "real_if_close", "reciprocal", "remainder",
    "repeat", "reshape", "resize", "result_type", "right_shift", "rint", "roll", "rollaxis",
    "roots", "rot90", "round", "s_", "searchsorted", "select", "shape", "sign", "signbit",
    "signedinteger", "sin", "sinc", "sinh", "size", "sort", "spacing", "split", "sqrt", "square",
    "squeeze", "stack", "std", "subtract", "sum", "swapaxes", "take", "take_along_axis", "tan",
    "tanh", "tensordot", "tile", "trace", "transpose", "trapezoid", "tri", "tril", "tril_indices",
    "tril_indices_from", "trim_zeros", "triu", "triu_indices", "triu_indices_from", "true_divide",
    "trunc", "uint8", "uint16", "uint32", "uint64", "union1d", "unique", "unique_values",
    "unravel_index", "unsignedinteger", "unstack", "unwrap", "vander", "var", "vdot", "vecdot",
    "vsplit", "vstack", "where", "zeros", "zeros_like",
]

if hasattr(_np, "matvec"):  # since NumPy 2.2
    matvec, vecmat = _np.matvec, _np.vecmat
    __all__ += ["matvec", "vecmat"]


def _namespace(self: _Tracer, api_version: str | None = None) -> _Any:
    """The namespace of the array API standard for traced values: this one."""
    return _sys.modules[__name__]


_attach(__array_namespace__=_namespace)
