"""NumPy's functions, on arrays and traced values alike.

What stands here behaves as its namesake of `numpy`. `import numpy as np` code needs none of it: NumPy
hands traced values over by itself, and these are the same functions. The few that NumPy does not hand
over are the reason to use it: `array`, `asarray` and `full` take traced values here.
"""

from numpy import (  # noqa: F401 - ufuncs: NumPy's protocol brings traced values to `ufuncs.UFUNCS`
    abs, absolute, acos, acosh, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asin,
    asinh, atan, atan2, atanh, bitwise_and, bitwise_count, bitwise_invert, bitwise_left_shift,
    bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, cbrt, ceil, conj, conjugate, copysign,
    cos, cosh, deg2rad, degrees, divide, divmod, equal, exp, exp2, expm1, fabs, float_power, floor,
    floor_divide, fmax, fmin, fmod, frexp, gcd, greater, greater_equal, heaviside, hypot, invert,
    isfinite, isinf, isnan, lcm, ldexp, left_shift, less, less_equal, log, log10, log1p, log2,
    logaddexp, logaddexp2, logical_and, logical_not, logical_or, logical_xor, matmul, maximum, minimum,
    mod, modf, multiply, negative, nextafter, not_equal, positive, pow, power, rad2deg, radians,
    reciprocal, remainder, right_shift, rint, sign, signbit, sin, sinh, spacing, sqrt, square,
    subtract, tan, tanh, true_divide, trunc, vecdot,
)
from numpy import (  # noqa: F401 - dtypes, constants and what is the same for traced values
    arange, bool, bool_, broadcast_shapes, complex64, complex128, complexfloating, diag_indices, dtype,
    e, empty, euler_gamma, exceptions, eye, finfo, float16, float32, float64, floating, generic,
    identity, iinfo, index_exp, indices, inexact, inf, int8, int16, int32, int64, int_, integer, intp,
    isdtype, isscalar, issubdtype, nan, ndarray, newaxis, number, ones, pi, promote_types, random, s_,
    signedinteger, tri, tril_indices, triu_indices, uint8, uint16, uint32, uint64, unsignedinteger,
    zeros,
)

import sys as _sys
from typing import Any as _Any

import numpy as _np

from fxad.numpy import dispatch, linalg, methods, ufuncs  # noqa: F401 - methods and ufuncs fill tables
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
    allclose, angle, around, array_equal, array_equiv, astype, can_cast, clip, common_type, copy, fix,
    imag, isclose, iscomplex, iscomplexobj, isneginf, isposinf, isreal, isrealobj, nan_to_num, ndim,
    real, real_if_close, result_type, round_ as round, shape, sinc, size,
)
from fxad.numpy.joining import (
    append, array_split, block, column_stack, concatenate, delete, dsplit, dstack, hsplit, hstack,
    insert, pad, split, stack, unstack, vsplit, vstack,
)
from fxad.numpy.polynomials import (
    convolve, correlate, polyadd, polyder, polyint, polymul, polysub, polyval, vander,
)
from fxad.numpy.reductions import (
    all_ as all, amax, amin, any_ as any, argmax, argmin, count_nonzero, max_ as max, mean,
    min_ as min, nanargmax, nanargmin, nanmax, nanmin, nanprod, nansum, prod, ptp, sum_ as sum,
)
from fxad.numpy.selecting import (
    apply_along_axis, argpartition, argsort, argwhere, choose, compress, digitize, extract,
    flatnonzero, nonzero, partition, piecewise, searchsorted, select, sort, take, take_along_axis,
    tril, triu, unique, where,
)
from fxad.numpy.shaping import (
    atleast_1d, atleast_2d, atleast_3d, broadcast_arrays, broadcast_to, expand_dims, flip, fliplr,
    flipud, matrix_transpose, moveaxis, permute_dims, ravel, repeat, reshape, resize, roll, rollaxis,
    rot90, squeeze, swapaxes, tile, transpose,
)
from fxad.numpy.statistics import (
    average, corrcoef, cov, median, nanmean, nanstd, nanvar, percentile, quantile, std, var,
)
from fxad.tracing import Tracer as _Tracer, attach as _attach

if hasattr(_np, "matvec"):  # since NumPy 2.2
    matvec, vecmat = _np.matvec, _np.vecmat

concat = concatenate


def _namespace(self: _Tracer, api_version: str | None = None) -> _Any:
    """The namespace of the array API standard for traced values: this one."""
    return _sys.modules[__name__]


_attach(__array_namespace__=_namespace)
