"""NumPy's functions, on arrays and traced values alike.

What stands here behaves as its namesake of `numpy`. `import numpy as np` code needs none of it: NumPy
hands traced values over by itself, and these are the same functions. The few that NumPy does not hand
over are the reason to use it: `array`, `asarray` and `full` take traced values here, and so do `vectorize`,
`mgrid`, `r_` and their relatives. `untraced` says what can't be traced, why, and what to write instead.
"""

# ruff: noqa: I001 - the imports are the table of contents; one name a line would hide it

import sys as _sys
import types as _types
from typing import Any as _Any

import numpy as _np
from numpy import (
    abs, absolute, acos, acosh, add, arccos, arccosh, arcsin, arcsinh, arctan, arctan2,
    arctanh, asin, asinh, asmatrix, atan, atan2, atanh, bartlett, base_repr, binary_repr, bitwise_and,
    bitwise_count, bitwise_invert, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift,
    bitwise_xor, blackman, bmat, bool, bool_, broadcast, broadcast_shapes, busday_count,
    busday_offset, busdaycalendar, byte, bytes_, cbrt, cdouble, ceil, character,
    complex128, complex64, complexfloating, conj, conjugate, copysign, cos, cosh, csingle, datetime64,
    datetime_as_string, datetime_data, deg2rad, degrees, diag_indices, divide, divmod, double, dtype,
    e, equal, errstate, euler_gamma, exceptions, exp, exp2, expm1, fabs, False_, finfo,
    flatiter, flexible, float16, float32, float64, float_power, floating, floor, floor_divide, fmax,
    fmin, fmod, format_float_positional, format_float_scientific, frexp, from_dlpack, frombuffer,
    fromfile, fromfunction, fromiter, frompyfunc, fromregex, fromstring, gcd, generic, genfromtxt,
    get_include, get_printoptions, getbufsize, geterr, geterrcall, greater, greater_equal, half,
    hamming, hanning, heaviside, hypot, iinfo, index_exp, indices, inexact, inf, info, int16,
    int32, int64, int8, int_, intc, integer, intp, invert, is_busday, isdtype, isfinite, isfortran, isinf,
    isnan,
    isnat, isscalar, issubdtype, iterable, lcm, ldexp, left_shift, less, less_equal, little_endian,
    load, loadtxt, log, log10, log1p, log2, logaddexp, logaddexp2, logical_and, logical_not,
    logical_or, logical_xor, long, longlong, mask_indices, matmul, matrix, maximum,
    may_share_memory, memmap, minimum, mintypecode, mod, modf, multiply, nan, ndindex,
    nditer, negative, nested_iters, newaxis, nextafter, not_equal, number, object_, pi, poly1d,
    positive, pow, power, printoptions, promote_types, rad2deg, radians, recarray, reciprocal, record,
    remainder, right_shift, rint, s_, save, savetxt, savez, savez_compressed, ScalarType, sctypeDict,
    set_printoptions, setbufsize, seterr, seterrcall, shares_memory, short, show_config, show_runtime,
    sign, signbit, signedinteger, sin, single, sinh, spacing, sqrt, square, str_, subtract, tan, tanh,
    timedelta64, tril_indices, triu_indices, True_, true_divide, trunc, typecodes, typename,
    ubyte, ufunc, uint, uint16, uint32, uint64, uint8, uintc, uintp, ulong, ulonglong,
    unsignedinteger, ushort, vecdot, void,
)

from fxad.numpy import emath, fft, linalg
from fxad.numpy import dispatch, flat, methods, ufuncs  # noqa: F401 - what they attach and fill is all
from fxad.numpy.arrays import ndarray
from fxad.numpy.bits import packbits, unpackbits
from fxad.numpy.calculus import (
    cross, cumprod, cumsum, cumulative_prod, cumulative_sum, diff, ediff1d, gradient, interp,
    nancumprod, nancumsum, trapezoid, unwrap,
)
from fxad.numpy.contraction import (
    diag, diagflat, diagonal, dot, einsum, einsum_path, inner, kron, outer, tensordot, trace, vdot,
)
from fxad.numpy.creation import (
    asanyarray, asarray, asarray_chkfinite, ascontiguousarray, asfortranarray, geomspace, logspace,
    meshgrid, require,
)
from fxad.numpy.grids import c_, mgrid, ogrid, r_
from fxad.numpy.histograms import (
    bincount, histogram, histogram2d, histogram_bin_edges, histogramdd,
)
from fxad.numpy.elementwise import (
    allclose, angle, around, array2string, array_equal, array_equiv, array_repr, array_str, astype,
    can_cast, clip, common_type, fix, imag, isclose, iscomplex, iscomplexobj, isneginf,
    isposinf, isreal, isrealobj, min_scalar_type, nan_to_num, ndim, real, real_if_close, result_type,
    shape, sinc, size, round_ as round,
)
from fxad.numpy.indexing import (
    diag_indices_from, ix_, lexsort, ravel_multi_index, tril_indices_from, trim_zeros,
    triu_indices_from, unravel_index,
)
from fxad.numpy.joining import (
    append, array_split, block, column_stack, concatenate, delete, dsplit, dstack, hsplit, hstack,
    insert, split, stack, unstack, vsplit, vstack,
)
from fxad.numpy.looping import ndenumerate, vectorize
from fxad.numpy.new_arrays import (
    arange, array, copy, empty, empty_like, eye, full, full_like, identity, linspace, ones, ones_like, tri,
    zeros, zeros_like,
)
from fxad.numpy.padding import pad
from fxad.numpy.polynomials import (
    convolve, correlate, poly, polyadd, polyder, polydiv, polyfit, polyint, polymul, polysub, polyval,
    roots, vander,
)
from fxad.numpy.quantiles import (
    median, nanmedian, nanpercentile, nanquantile, percentile, quantile,
)
from fxad.numpy.reductions import (
    all_ as all, amax, amin, argmax, argmin, count_nonzero, mean, nanargmax, nanargmin, nanmax,
    nanmin, nanprod, nansum, prod, ptp, any_ as any, max_ as max, min_ as min, sum_ as sum,
)
from fxad.numpy.selecting import (
    apply_along_axis, apply_over_axes, argpartition, argsort, argwhere, choose, compress, digitize,
    extract, flatnonzero, nonzero, partition, piecewise, searchsorted, select, sort,
    sort_complex, take, take_along_axis, tril, triu, where,
)
from fxad.numpy.sets import (
    intersect1d, isin, setdiff1d, setxor1d, union1d, unique, unique_all, unique_counts,
    unique_inverse, unique_values,
)
from fxad.numpy.shaping import (
    atleast_1d, atleast_2d, atleast_3d, broadcast_arrays, broadcast_to, expand_dims, flip, fliplr,
    flipud, matrix_transpose, moveaxis, permute_dims, ravel, repeat, reshape, resize, roll,
    rollaxis, rot90, squeeze, swapaxes, tile, transpose,
)
from fxad.numpy.statistics import (
    average, corrcoef, cov, nanmean, nanstd, nanvar, std, var,
)
from fxad.numpy.untraced import UNTRACED as untraced
from fxad.numpy.windows import i0, kaiser
from fxad.numpy.writing import copyto, fill_diagonal, place, put, put_along_axis, putmask
from fxad.tracing import Tracer as _Tracer, attach as _attach

concat = concatenate


__all__ = [
    "False_", "ScalarType", "True_", "abs", "absolute", "acos", "acosh", "add", "all", "allclose", "amax",
    "amin", "angle", "any", "append", "apply_along_axis", "apply_over_axes", "arange", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argpartition",
    "argsort", "argwhere", "around", "array", "array2string", "array_equal", "array_equiv", "array_repr",
    "array_split", "array_str", "asanyarray", "asarray", "asarray_chkfinite", "ascontiguousarray",
    "asfortranarray", "asin", "asinh", "asmatrix", "astype", "atan", "atan2", "atanh", "atleast_1d",
    "atleast_2d", "atleast_3d", "average", "bartlett", "base_repr", "binary_repr", "bincount",
    "bitwise_and", "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "blackman", "block", "bmat", "bool", "bool_", "broadcast",
    "broadcast_arrays", "broadcast_shapes", "broadcast_to", "busday_count", "busday_offset",
    "busdaycalendar", "byte", "bytes_", "c_", "can_cast", "cbrt", "cdouble", "ceil", "character",
    "choose", "clip", "column_stack", "common_type", "complex64", "complex128", "complexfloating",
    "compress", "concat", "concatenate", "conj", "conjugate", "convolve", "copy", "copysign", "copyto",
    "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cov", "cross", "csingle", "cumprod",
    "cumsum", "cumulative_prod", "cumulative_sum", "datetime64", "datetime_as_string", "datetime_data",
    "deg2rad", "degrees", "delete", "diag", "diag_indices", "diag_indices_from", "diagflat", "diagonal",
    "diff", "digitize", "divide", "divmod", "dot", "double", "dsplit", "dstack", "dtype", "e", "ediff1d",
    "einsum", "einsum_path", "emath", "empty", "empty_like", "equal", "errstate", "euler_gamma",
    "exceptions", "exp", "exp2", "expand_dims", "expm1", "extract", "eye", "fabs", "fft", "fill_diagonal",
    "finfo", "fix", "flatiter", "flatnonzero", "flexible", "flip", "fliplr", "flipud", "float16",
    "float32", "float64", "float_power", "floating", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "format_float_positional", "format_float_scientific", "frexp", "from_dlpack", "frombuffer",
    "fromfile", "fromfunction", "fromiter", "frompyfunc", "fromregex", "fromstring", "full", "full_like",
    "gcd", "generic", "genfromtxt", "geomspace", "get_include", "get_printoptions", "getbufsize",
    "geterr", "geterrcall", "gradient", "greater", "greater_equal", "half", "hamming", "hanning",
    "heaviside", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd", "hsplit", "hstack",
    "hypot", "i0", "identity", "iinfo", "imag", "index_exp", "indices", "inexact", "inf", "info", "inner",
    "insert", "int8", "int16", "int32", "int64", "int_", "intc", "integer", "interp", "intersect1d",
    "intp", "invert", "is_busday", "isclose", "iscomplex", "iscomplexobj", "isdtype", "isfinite",
    "isfortran", "isin", "isinf", "isnan", "isnat", "isneginf", "isposinf", "isreal", "isrealobj",
    "isscalar", "issubdtype", "iterable", "ix_", "kaiser", "kron", "lcm", "ldexp", "left_shift", "less",
    "less_equal", "lexsort", "linalg", "linspace", "little_endian", "load", "loadtxt", "log", "log1p",
    "log2", "log10", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logspace", "long", "longlong", "mask_indices", "matmul", "matrix", "matrix_transpose", "max",
    "maximum", "may_share_memory", "mean", "median", "memmap", "meshgrid", "mgrid", "min",
    "min_scalar_type", "minimum", "mintypecode", "mod", "modf", "moveaxis", "multiply", "nan",
    "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian",
    "nanmin", "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "ndarray",
    "ndenumerate", "ndim", "ndindex", "nditer", "negative", "nested_iters", "newaxis", "nextafter",
    "nonzero", "not_equal", "number", "object_", "ogrid", "ones", "ones_like", "outer", "packbits", "pad",
    "partition", "percentile", "permute_dims", "pi", "piecewise", "place", "poly", "poly1d", "polyadd",
    "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "positive", "pow",
    "power", "printoptions", "prod", "promote_types", "ptp", "put", "put_along_axis", "putmask",
    "quantile", "r_", "rad2deg", "radians", "ravel", "ravel_multi_index", "real", "real_if_close",
    "recarray", "reciprocal", "record", "remainder", "repeat", "require", "reshape", "resize",
    "result_type", "right_shift", "rint", "roll", "rollaxis", "roots", "rot90", "round", "s_", "save",
    "savetxt", "savez", "savez_compressed", "sctypeDict", "searchsorted", "select", "set_printoptions",
    "setbufsize", "setdiff1d", "seterr", "seterrcall", "setxor1d", "shape", "shares_memory", "short",
    "show_config", "show_runtime", "sign", "signbit", "signedinteger", "sin", "sinc", "single", "sinh",
    "size", "sort", "sort_complex", "spacing", "split", "sqrt", "square", "squeeze", "stack", "std",
    "str_", "subtract", "sum", "swapaxes", "take", "take_along_axis", "tan", "tanh", "tensordot", "tile",
    "timedelta64", "trace", "transpose", "trapezoid", "tri", "tril", "tril_indices", "tril_indices_from",
    "trim_zeros", "triu", "triu_indices", "triu_indices_from", "true_divide", "trunc", "typecodes",
    "typename", "ubyte", "ufunc", "uint", "uint8", "uint16", "uint32", "uint64", "uintc", "uintp",
    "ulong", "ulonglong", "union1d", "unique", "unique_all", "unique_counts", "unique_inverse",
    "unique_values", "unpackbits", "unravel_index", "unsignedinteger", "unstack", "untraced", "unwrap",
    "ushort", "vander", "var", "vdot", "vecdot", "vectorize", "void", "vsplit", "vstack", "where",
    "zeros", "zeros_like",
]

# What only some versions of NumPy have, or some machines.
for _name in ("clongdouble", "complex256", "float128", "in1d", "longdouble", "matvec", "row_stack", "trapz",
              "vecmat"):
    if _name not in __all__ and hasattr(_np, _name):
        globals()[_name] = getattr(_np, _name)
        __all__ += [_name]

# The array API standard asks for them.
for _name in ("__array_api_version__", "__array_namespace_info__"):
    if hasattr(_np, _name):
        globals()[_name] = getattr(_np, _name)

_MODULES = ("char", "ctypeslib", "dtypes", "lib", "ma", "polynomial", "random", "rec", "strings",
            "testing", "typing")

_FUNCTION = _types.FunctionType | _types.BuiltinFunctionType
for _name in untraced:
    if _name in _MODULES:
        continue  # to look at a submodule is to load it, and some load much
    _function = getattr(_np, _name, None)
    if isinstance(_function, _FUNCTION) and globals()[_name] is _function:
        globals()[_name] = dispatch.refusing(_function)


def __getattr__(name: str) -> _types.ModuleType:
    """The submodules of NumPy that hold nothing to trace, as they are, loaded when asked for."""
    if name in _MODULES:
        module: _types.ModuleType = getattr(_np, name)
        return module
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _namespace(self: _Tracer, api_version: str | None = None) -> _Any:
    """The namespace of the array API standard for traced values: this one.

    Raises ValueError for a version of the standard that NumPy does not know.
    """
    if api_version is not None:
        array: _Any = _np.empty(0)
        array.__array_namespace__(api_version=api_version)
    return _sys.modules[__name__]


_attach(__array_namespace__=_namespace)
