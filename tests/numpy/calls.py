"""Functions of NumPy's with all their keywords: a table of calls, for a comparison with NumPy itself.

An entry is the name of a function, positional arguments after the array, and keywords; or a function of the
namespace and the array. Many calls are wrong on purpose: their errors are compared too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["CALLS", "KEYWORDS", "Call"]


class Call:
    """One call of a function, on whatever array."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name = name
        self.args = args
        self.kwargs = kwargs

    def __call__(self, n: Any, x: Any) -> Any:
        function = n
        for part in self.name.split("."):
            function = getattr(function, part)
        args = [a(n, x) if callable(a) and not isinstance(a, type) else a for a in self.args]
        return function(*args, **self.kwargs) if self.args else function(x, **self.kwargs)

    def __repr__(self) -> str:
        parts = [] if self.args else ["x"]
        parts += ["x" if a is itself else str(a).replace("\n", "") for a in self.args]
        parts += [f"{k}={v}".replace("\n", "") for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"


def itself(n: Any, x: Any) -> Any:
    """The array, as an argument."""
    return x


def every(**options: list[Any]) -> Iterator[dict[str, Any]]:
    """All combinations of the options; `...` leaves a keyword out."""
    for values in itertools.product(*options.values()):
        yield {k: v for k, v in zip(options, values, strict=True) if v is not ...}


def calls(names: str, *args: Any, **options: list[Any]) -> list[Call]:
    return [Call(name, *args, **kwargs) for name in names.split() for kwargs in every(**options)]


AXES: list[Any] = [..., None, 0, -1, 2, -3, (0, 2), (-1, 1), (), 3, -4, (0, 0), (0, 5)]
AXIS: list[Any] = [..., 0, 1, -1, 3, -4]
MASK = np.array([True, False, True, True])
BIG = np.arange(24).reshape(2, 3, 4) % 3 > 0
NONE = np.zeros(4, bool)
DTYPES: list[Any] = [np.float32, np.float64, np.float16, np.complex64, complex, int, np.int8, bool]

REDUCTIONS = [
    *calls("sum prod nansum nanprod", axis=AXES, keepdims=[..., True]),
    *calls("sum prod nansum nanprod", axis=[..., 1, (0, 2)], initial=[2.5, 3], where=[..., MASK, BIG, True]),
    *calls("sum prod nansum nanprod", axis=[..., 0], where=[MASK, BIG, NONE, np.ones((2, 5), bool)]),
    *calls("sum prod mean nanmean nansum nanprod cumsum cumprod nancumsum nancumprod var std", axis=[..., 1],
           dtype=DTYPES),
    *calls("mean nanmean var std nanvar nanstd", axis=AXES, keepdims=[..., True]),
    *calls("mean nanmean var std nanvar nanstd", axis=[..., 0, (0, 2)], where=[MASK, BIG, NONE]),
    *calls("var std nanvar nanstd", axis=[..., 1], ddof=[0, 1, 2, 30, 0.5], keepdims=[..., True]),
    *calls("var std nanvar nanstd", correction=[0, 1, 0.5], axis=[..., 1]),
    *calls("var std nanvar nanstd", correction=[1], ddof=[1, 0]),
    *calls("var std nanvar nanstd", axis=[1], mean=[np.full((2, 1, 4), 0.25)], keepdims=[..., True]),
    *calls("max min amax amin nanmax nanmin", axis=AXES, keepdims=[..., True]),
    *calls("max min nanmax nanmin", axis=[..., 1, (0, 2)], initial=[0.5, -9, 9, np.inf],
           where=[..., MASK, BIG]),
    *calls("max min nanmax nanmin", where=[MASK]),
    *calls("ptp median nanmedian any all", axis=AXES, keepdims=[..., True]),
    *calls("any all", axis=[..., 1], where=[MASK, BIG, NONE]),
    *calls("argmax argmin nanargmax nanargmin", axis=[..., None, 0, -1, 2, 3, -4], keepdims=[..., True]),
    *calls("count_nonzero", axis=AXES, keepdims=[..., True]),
    *calls("average", axis=AXES, keepdims=[..., True]),
    *calls("average", axis=[..., None, 0, 2, -1, (0, 2), (2, 0), (1, 2)], returned=[..., True],
           weights=[np.arange(1.0, 5.0), np.arange(24.0).reshape(2, 3, 4), np.ones((2, 4)),
                    np.arange(1, 9).reshape(4, 2)]),
    *calls("average", axis=[0], weights=[[0.0, 0.0], [1, 2], [1.0, -1.0]], keepdims=[..., True]),
    *calls("cumsum cumprod nancumsum nancumprod", axis=[..., None, 0, -1, 3, (0, 1)]),
    *calls("cumulative_sum cumulative_prod", axis=[..., None, 0, -1, 3], include_initial=[..., True],
           dtype=[..., np.float32]),
]

METHODS = ["inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
           "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher",
           "midpoint", "nearest"]
QUANTILES = [
    *calls("quantile nanquantile", itself, 0.3, axis=AXES, keepdims=[..., True]),
    *calls("quantile nanquantile", itself, [0.0, 0.4, 1], axis=[..., 0, (0, 2)], keepdims=[..., True]),
    *calls("quantile nanquantile", itself, np.array([[0.1, 0.5]]), axis=[..., -1],
           method=["linear", "hazen"]),
    *calls("percentile nanpercentile", itself, 30, axis=[..., 1], keepdims=[..., True]),
    *calls("percentile nanpercentile", itself, [10.0, 90], axis=[..., (0, 1)], keepdims=[..., True]),
    *[c for q in (0.25, 0.5, 0.3, 0.0, 1.0) for c in calls("quantile nanquantile", itself, q, axis=[..., -1],
                                                           method=METHODS)],
    *calls("quantile nanquantile percentile", itself, [0.2, 0.7], method=METHODS, axis=[0]),
    *calls("quantile nanquantile", itself, 0.5, method=["no such"]),
    *calls("quantile nanquantile", itself, 1.5), *calls("percentile", itself, -1),
    *calls("quantile nanquantile", itself, [0.3, 0.8], method=["inverted_cdf"], axis=[0, -1, None],
           weights=[np.arange(24.0).reshape(2, 3, 4) + 1.0], keepdims=[..., True]),
    *calls("quantile", itself, [0.3, 0.8], method=["inverted_cdf"], axis=[0, -1, None, (2, 0)],
           weights=[np.arange(1.0, 5.0), np.ones((4, 2)), np.ones(3)], keepdims=[..., True]),
    *calls("quantile", itself, 0.4, method=["inverted_cdf"], axis=[2], weights=[np.array([1, 0, 2, 1]),
                                                                            np.array([1, -1, 2, 1])]),
    *calls("quantile", itself, 0.4, method=["linear"], axis=[2], weights=[np.arange(4.0)]),
    *calls("quantile", itself, np.float32(0.3), axis=[..., 0]),
]

CALCULUS = [
    *calls("diff", n=[..., 0, 1, 2, 5, -1], axis=AXIS),
    *calls("diff", axis=[..., 1], prepend=[..., 0, 1.5], append=[..., 2]),
    *calls("diff", axis=[0], prepend=[np.ones((1, 3, 4))]),
    *calls("ediff1d", to_end=[..., 1, [1, 2]], to_begin=[..., 3, [4.0, 5.0]]),
    *calls("gradient", axis=[..., 1, (0, 2), 3, -1], edge_order=[..., 2]),
    *calls("gradient", itself, 0.5, axis=[..., 1]), *calls("gradient", itself, 0.5, 2, 3),
    *calls("gradient", itself, 0.5, 2), *calls("gradient", itself, [0.0, 1.0, 3.0, 3.5], axis=[2]),
    *calls("gradient", itself, [0.0, 1.0, 3.0, 3.5], axis=[1]),
    *calls("gradient", itself, [0, 1, 3, 4], axis=[2], edge_order=[2]),
    *calls("trapezoid", axis=AXIS, dx=[..., 2, 0.5]),
    *calls("trapezoid", x=[[0.0, 1.0, 3.0, 3.5], [0, 1, 3, 4]], axis=[..., 2]),
    *calls("trapezoid", x=[np.arange(24.0).reshape(2, 3, 4) ** 2], axis=[..., 1]),
    *calls("trapezoid", x=[[0.0, 1.0]], axis=[0, 1]),
    *calls("unwrap", axis=AXIS, period=[..., 2, 1.0], discont=[..., 0.5]),
    *calls("interp", itself, [0.0, 1.0, 2.0], [5.0, 1.0, 3.0], left=[..., -1], right=[..., 7],
           period=[..., 1.5]),
    *calls("interp", itself, [0.0, 1.0, 2.0], [5.0, 1.0]), *calls("interp", itself, [], []),
    *calls("interp", itself, [0, 1, 2], [5, 1 + 2j, 3]), *calls("interp", itself, [1.0], [5.0]),
    *calls("interp", itself, [0, 1], [1, 2], period=[0]),
    *calls("cross", itself, np.arange(6.0).reshape(2, 3)[:, :, None], axis=[1]),
    *calls("cross", itself, np.ones((2, 3, 4)), axisa=[1, 2], axisb=[1], axisc=[..., 0]),
]

SHAPES = [
    *[c for s in [(4, 6), -1, (2, -1), 24, (5, 5), (-1, -1), (2, 3, 4, 1), (0,)]
      for c in calls("reshape", itself, s, order=[..., "F", "C"])],
    *calls("ravel", order=[..., "C", "F", "X"]),
    *calls("transpose permute_dims", axes=[..., None, (1, 0, 2), (-1, 0, 1), (0, 1), (0, 0, 1), (0, 1, 5)]),
    *calls("matrix_transpose"),
    *[Call(name, itself, i, j) for name in ("swapaxes", "moveaxis", "rollaxis") for i in (0, 1, -1, 4)
      for j in (0, 2, -1, 3, -9)],
    *calls("moveaxis", itself, [0, 1], [-1, -2]), *calls("moveaxis", itself, [0, 1], [0]),
    *[Call("expand_dims", itself, i) for i in (0, -1, 3, (0, 2), (0, -1), 5, (0, 0))],
    *calls("squeeze", axis=[..., None, 0, -1, (0,), 7]),
    *calls("flip", axis=AXES), *calls("flipud fliplr"),
    *[c for k in (0, 1, 2, 3, -1, 5) for c in calls("rot90", itself, k, axes=[..., (1, 2), (2, 0), (0, 0)])],
    *[c for s in (1, -2, 7, (1, 2), 0) for c in calls("roll", itself, s, axis=[..., None, 0, -1, (0, 1), 3,
                                                                              (0, 0)])],
    *[Call("tile", itself, r) for r in (2, (2, 1), (1, 2, 3), (2, 1, 1, 2), 0, ())],
    *[c for r in (2, 0, [1, 2, 0], [1, 2, 0, 1], -1) for c in calls("repeat", itself, r,
                                                                    axis=[..., 1, -1, 3])],
    *[Call("resize", itself, s) for s in ((2, 2), 30, (0,), (5, 6), ())],
    *[Call("broadcast_to", itself, s) for s in ((2, 3, 4), (5, 2, 3, 4), (3, 4), (2, 3, 5), 4)],
    *calls("broadcast_arrays", itself, np.ones(4)), *calls("broadcast_arrays", itself, np.ones(3)),
    *calls("atleast_1d atleast_2d atleast_3d"),
]


def joined(name: str, arrays: Callable[[Any], Any], **options: list[Any]) -> list[Any]:
    return [Joined(name, arrays, kwargs) for kwargs in every(**options)]


class Joined(Call):
    """A call with a list of arrays."""

    def __init__(self, name: str, arrays: Callable[[Any], Any], kwargs: dict[str, Any]) -> None:
        super().__init__(name, **kwargs)
        self.arrays = arrays

    def __call__(self, n: Any, x: Any) -> Any:
        return getattr(n, self.name)(self.arrays(x), **self.kwargs)


ONES = np.ones((2, 3, 4), np.float32)
JOINING = [
    *[c for name in ("concatenate", "concat", "stack") for arrays in (
        lambda x: [x, x], lambda x: (x, ONES), lambda x: x, lambda x: [x, x[0]], lambda x: [x], lambda x: [])
      for c in joined(name, arrays, axis=[..., 0, 1, -1, 3, 4, *([None] * (name != "stack"))])],
    *[c for name in ("concatenate", "stack", "vstack", "hstack") for c in joined(
        name, lambda x: [x, ONES], dtype=[np.float32, int, complex], casting=[..., "unsafe", "safe"])],
    *[c for name in ("vstack", "hstack", "dstack", "column_stack", "block") for arrays in (
        lambda x: [x, x], lambda x: [x[0], x[0]], lambda x: [x[0, 0], x[0, 0]], lambda x: [x[0, 0, 0], 1.0],
        lambda x: [x, x[0]]) for c in joined(name, arrays)],
    *[Call("append", itself, v, **k) for v in (1, 2.5, [1, 2], ONES) for k in every(axis=[..., 0, -1, 3])],
    *[Call("split", itself, n, **k) for n in (2, 3, [1], [1, 2], [0, 5], 0) for k in every(axis=AXIS)],
    *[Call("array_split", itself, n, **k) for n in (2, 3, [1], 5, 0) for k in every(axis=AXIS)],
    *[Call(name, itself, n) for name in ("hsplit", "vsplit", "dsplit") for n in (1, 2, 3, [1])],
    *calls("unstack", axis=AXIS),
    *[Call("delete", itself, i, **k) for i in (0, -1, [0, 1], slice(0, 2), slice(None, None, 2), 99, [],
                                               [True, False]) for k in every(axis=[..., 0, -1, 3])],
    *[Call("insert", itself, i, v, **k) for i in (0, -1, [0, 1], slice(0, 2), 99, [1, 1], [])
      for v in (7, 2.5, [1, 2]) for k in every(axis=[..., 0, 1, 3])],
    *[Call("insert", itself, 1, v, axis=a) for v, a in ((ONES[0], 0), (ONES[:, 0], 1), (ONES[:, :, 0], 2),
                                                       (ONES, 0), (ONES[:, :1], 1))],
    *[Call("pad", itself, w, mode=m) for w in (1, (1, 2), ((1, 0), (0, 2), (2, 2)), 0, ((1,), (2,), (3,)), -1,
                                               1.5, {0: 1, -1: (2, 0)}, ((1, 2), (3, 4)))
      for m in ("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect",
                "symmetric", "wrap")],
    *calls("pad", itself, (2, 3), mode=["reflect", "symmetric"], reflect_type=["odd", "even"]),
    *calls("pad", itself, 2, mode=["maximum", "mean", "median", "minimum"],
           stat_length=[1, 2, 9, ((1, 2),) * 3, (1, 2), None, 0]),
    *calls("pad", itself, 2, constant_values=[3, (1, 2.5), ((1, 2), (3, 4), (5, 6)), 1.5]),
    *calls("pad", itself, 2, mode=["linear_ramp"], end_values=[3, (1, 2.5), ((1, 2), (3, 4), (5, 6))]),
    *calls("pad", itself, 2, mode=["no such", "edge"], constant_values=[1]),
]

ORDER = np.argsort(np.sin(np.arange(24.0).reshape(2, 3, 4)), -1)
SELECTING = [
    *calls("sort argsort", axis=[..., None, 0, -1, 3], kind=[..., "stable", "mergesort"]),
    *calls("sort argsort", stable=[True]),
    *[Call("take", itself, i, **k) for i in (0, -1, [0, 1], [[0, -2], [1, 1]], 30, [], np.array(1), 1.5,
                                             np.array([True, False]), np.array([1], np.uint8))
      for k in every(axis=[..., 0, -1, 3], mode=[..., "wrap", "clip"])],
    *[Call("take_along_axis", itself, i, **k) for i in (ORDER, ORDER[:1], ORDER[:, :, :1], np.array([0, 5]),
                                                        ORDER * 1.0)
      for k in every(axis=[..., -1, None, 0, 3])],
    *[Call("compress", m, itself, **k) for m in ([True, False], [True], [0, 1, 1], [True] * 9, MASK)
      for k in every(axis=[..., 0, -1, 3])],
    *[Call("extract", m, itself) for m in (BIG, MASK, [1, 0, 1])],
    *[Call("choose", np.array(i), f, **k) for i in ([0, 1, 1, 0], [[1], [0], [0]], [0, 2, 1, 5],
                                                            [0, -1, 0, 0])
      for f in (lambda n, x: [x, x * 2], lambda n, x: [x, 1]) for k in every(mode=[..., "wrap", "clip"])],
    *[Call("where", c, itself, y) for c in (BIG, MASK, True, 0, [1, 0, 2, 0]) for y in (0, 1.5, ONES, 1j)],
    *[Call("select", [BIG, MASK], lambda n, x: [x, x * 2], *d) for d in ((), (5,), (2.5,), (1j,))],
    *[Call("select", c, lambda n, x: [x, x * 2]) for c in ([BIG], [], [BIG, [1, 0, 1, 0]])],
    *[Call("piecewise", itself, *a) for a in (
        ([BIG], [1, 2]), ([BIG, ~BIG], [lambda v: v, lambda v: 2 * v]), ([BIG], [lambda v, k: v * k, 0], 3),
        ([BIG], [1, 2, 3]), (BIG, [5]), ([BIG, ~BIG], [lambda v: v * 0.5, 1, 7]))],
    *calls("triu tril", k=[..., 0, 1, -1, 7, -7]),
    *[Call("clip", itself, a, b) for a in (None, 0, 0.5, [0, 1, 2, 0.5], np.float32(0.5)) for b in (
        None, 1, 0.25, np.array([0, 1, 2, 3]), 300)],
    *calls("clip", min=[..., 0, None], max=[..., 1.5]), *calls("clip", itself, 0, 1, dtype=[np.float32]),
    *calls("unique", return_index=[..., True], return_inverse=[..., True], return_counts=[..., True],
           axis=[..., None, 0, -1, 3]),
    *calls("unique_all unique_counts unique_inverse unique_values nonzero flatnonzero argwhere"),
    *[Call(name, itself, [0, 1, 2, 2, 0.5], **k) for name in ("isin", "intersect1d", "setdiff1d", "setxor1d")
      for k in every(assume_unique=[...])],
    *calls("isin", itself, [0.5, 2], invert=[True], kind=[..., "sort"]),
    *calls("union1d", itself, [0, 1, 2, 2, 0.5]),
    *calls("intersect1d", itself, [0, 1, 2, 2, 0.5], return_indices=[True]),
    *[Call("searchsorted", [-1.0, 0.0, 1.0, 1.0, 2.0], itself, **k) for k in every(
        side=[..., "left", "right", "up"], sorter=[..., [0, 1, 2, 3, 4], [0, 1]])],
    *calls("searchsorted", lambda n, x: x[0, 0], 0.5), *calls("searchsorted", itself, 0.5),
    *[Call("digitize", itself, b, **k) for b in ([-1, 0, 1], [1, 0, -1], [0, 2, 1], [0.5], [])
      for k in every(right=[..., True])],
    *calls("trim_zeros", lambda n, x: n.ravel(x), trim=["fb", "f", "b", "x"]),
    *calls("isclose allclose array_equal", itself, ONES, equal_nan=[..., True]),
    *calls("isclose", itself, 0.5, rtol=[0.1, 1e-9], atol=[0, 1.0]),
    *calls("array_equiv", itself, ONES),
]

ROUNDING = [
    *calls("round around", decimals=[..., 0, 1, 2, -1, 3]), *calls("nan_to_num", nan=[..., 1.5],
                                                                  posinf=[..., 7], neginf=[..., -7.5]),
    Call("nan_to_num", lambda n, x: x.copy(), copy=False), Call("nan_to_num", itself, copy=True),
    *calls("angle", deg=[..., True]),
    *calls("astype", itself, np.float32), *calls("copy", order=[..., "C", "F"]),
    *calls("zeros_like ones_like", dtype=[..., np.float32, int], shape=[..., (2, 0), 3]),
    *[Call("full_like", itself, v, **k) for v in (1, 2.5, [1, 2, 3, 4]) for k in every(
        dtype=[..., np.float32, int], shape=[..., (2, 4), 4])],
    *calls("asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require",
           dtype=[..., np.float32, complex]),
    *calls("array", dtype=[..., np.float32], ndmin=[..., 5], copy=[..., None]),
    *calls("real_if_close", tol=[..., 1e-3]), *calls("sort_complex i0 sinc fix"),
    *[Call("linspace", itself, 2, **k) for k in every(num=[..., 1, 0, 4, -1], endpoint=[..., False],
                                                      retstep=[..., True], axis=[..., -1])],
    *[Call("linspace", itself, np.float32(2), dtype=d) for d in (np.float32, int, complex)],
    *[Call(name, lambda n, x: n.abs(x) + 1, 5, **k) for name in ("logspace", "geomspace") for k in every(
        num=[..., 1, 0, 4], endpoint=[..., False], axis=[..., -1], dtype=[..., np.float32])],
]

PRODUCTS = [
    *[Call("tensordot", itself, np.arange(24.0).reshape(4, 3, 2), axes=a) for a in (
        1, 0, ([0], [2]), (2, 0), ([1, 2], [1, 0]), ([0], [0]), 2, ([0, 1], [2]))],
    *[Call(name, itself, y) for name in ("dot", "matmul", "inner", "outer", "kron", "vdot", "vecdot",
                                              "matvec")
      for y in (2.0, np.arange(4.0), np.ones((4, 2)), np.ones((2, 4, 3)), np.ones((2, 3, 4)), np.ones(5))],
    *[Call("vecmat", np.arange(3.0), itself)],
    *[Call(name, itself, *a, **k) for name in ("diagonal", "trace") for a in ((), (1,), (-1,), (9,))
      for k in every(axis1=[..., 1], axis2=[..., 2, 0])], *calls("trace", dtype=[np.float32, int]),
    *[Call("diag", lambda n, x: x[0], k) for k in (0, 1, -2, 9)], *[Call("diag", itself, 0)],
    *[Call("diag", lambda n, x: x[0, 0], k) for k in (0, 1, -2)], *calls("diagflat", k=[..., 1, -1]),
    *[Call("einsum", s, itself) for s in ("ijk->", "ijk->kji", "ijk", "kij", "...k->k", "ij", "ijj->i",
                                          "ijk->il", "...")],
    *calls("cov corrcoef", lambda n, x: x[0], rowvar=[..., False], dtype=[..., np.float32]),
    *calls("cov", lambda n, x: x[0], bias=[..., True], ddof=[..., 0, 2, 9], fweights=[..., [1, 2, 1, 3]],
           aweights=[..., [1.0, 0.5, 2.0, 1.0]]),
    *calls("cov", lambda n, x: x[0], fweights=[[1, 2], [1.5, 1, 1, 1], [-1, 1, 1, 1]]),
    *calls("cov", lambda n, x: x[0], aweights=[[1.0, 2.0], [-1.0, 1, 1, 1], [[1.0] * 4]]),
    *calls("cov corrcoef", lambda n, x: x[0], np.arange(4.0) ** 2),
    *calls("cov corrcoef", lambda n, x: x[0, 0]),
    *calls("convolve correlate", lambda n, x: x[0, 0], [1.0, 2, 3], mode=[..., "full", "same", "valid", "x"]),
    *calls("convolve correlate", lambda n, x: x[0, 0], []), *calls("convolve correlate", itself, [1, 2]),
    *calls("polyval", lambda n, x: x[0, 0], 2.0), *calls("polyval", [1, 2, 3], itself),
    *calls("polyder", lambda n, x: x[0, 0], m=[..., 0, 1, 2, 9, -1]),
    *calls("polyint", lambda n, x: x[0, 0], m=[..., 0, 1, 2, -1], k=[..., 3, [1]]),
    *calls("polyadd polysub polymul polydiv", lambda n, x: x[0, 0], [1.0, 2]), *calls(
        "polyadd polysub polymul", lambda n, x: x[0, 0], [1, 2, 3, 4, 5.0, 6]),
    *calls("vander", lambda n, x: x[0, 0], N=[..., 0, 1, 3], increasing=[..., True]), *calls("vander"),
    *calls("polyfit", lambda n, x: n.arange(4.0), lambda n, x: x[0, 0], 1, w=[..., [1.0, 2, 3, 4]],
           full=[..., True], cov=[...]),
    *calls("polyfit", lambda n, x: n.arange(4.0), lambda n, x: x[0, 0], 1, cov=[True, "unscaled"]),
    *calls("polyfit", lambda n, x: n.arange(4.0), lambda n, x: x[0].T, 2),
    *calls("polyfit", lambda n, x: n.arange(4.0), lambda n, x: x[0, 0], -1),
    *calls("poly", lambda n, x: x[0, 0]), *calls("poly", lambda n, x: x[0, :, :3]),
]

HISTOGRAMS = [
    *calls("histogram", bins=[..., 3, [0.0, 0.5, 1.0, 2.0], [0, 1, 2], 0, [1, 0], "auto", 2.5],
           range=[..., (0, 2), (2, 0), (0, np.inf)], density=[..., True]),
    *calls("histogram", bins=[..., [0.0, 0.5, 1.0, 2.0]], weights=[np.arange(24.0).reshape(2, 3, 4), ONES,
                                                                   np.ones(5)], density=[..., True]),
    *calls("histogram_bin_edges", bins=[..., 4, "auto", "fd", "doane", "scott", "stone", "rice", "sturges",
                                        "sqrt"], range=[..., (0, 2)]),
    *calls("histogram2d", lambda n, x: x[0, 0], lambda n, x: x[0, 1], bins=[..., 3, [2, 3], [[0, 1, 2.0], 3]],
           range=[..., [[0, 1], [0, 2]]], density=[..., True], weights=[..., [1.0, 2, 3, 4]]),
    *calls("histogramdd", lambda n, x: x[0], bins=[3, (2, 3, 2, 2)], density=[..., True],
           weights=[..., [1.0, 2, 3]]),
    *calls("bincount", lambda n, x: np.array([0, 1, 1, 3]), lambda n, x: x[0, 0], minlength=[..., 9]),
]

REDUCEAT = [
    *[Call(f"{u}.{m}", itself, **k) for u in ("add", "multiply", "maximum", "minimum", "logical_or",
                                              "logical_and", "logaddexp", "hypot", "fmax", "subtract",
                                              "divide", "bitwise_or", "logical_xor")
      for m in ("reduce",) for k in every(axis=[..., 0, -1, 3, None], keepdims=[..., True])],
    *[Call(f"{u}.reduce", itself, axis=(0, 2)) for u in ("add", "multiply", "maximum", "logical_or",
                                                         "logaddexp", "subtract")],
    *[Call(f"{u}.reduce", itself, **k) for u in ("add", "multiply", "maximum", "logaddexp")
      for k in every(initial=[2.0], where=[..., MASK], axis=[..., -1])],
    *[Call(f"{u}.accumulate", itself, **k) for u in ("add", "multiply", "maximum", "minimum", "logaddexp",
                                                     "subtract", "divide", "hypot", "fmax")
      for k in every(axis=[..., -1, 3], dtype=[..., np.float32])],
    *calls("logical_or.accumulate logical_xor.accumulate", axis=[..., -1]),
    *[Call(f"{u}.reduceat", itself, i, **k) for u in ("add", "multiply", "maximum", "minimum", "subtract",
                                                      "hypot")
      for i in ([0, 2], [0, 1, 0], [1], [2, 0, 2], [0, 9]) for k in every(axis=[..., -1, 3])],
    *[Call(f"{u}.outer", itself, v) for u in ("add", "multiply", "arctan2", "maximum", "less")
      for v in (2.0, [1.0, 2.0], ONES)],
    *[Call(u, itself, 2, **k) for u in ("add", "multiply", "divide", "power", "maximum", "arctan2", "fmod")
      for k in every(dtype=[np.float32, np.float64, complex, int], casting=[..., "unsafe", "safe"])],
    *[Call(u, itself, **k) for u in ("sin", "sqrt", "negative", "abs", "exp") for k in every(
        dtype=[np.float32, np.float64, complex, int], casting=[..., "unsafe"])],
    *[Call(u, itself, np.ones((2, 4, 3)), **k) for u in ("matmul",) for k in every(
        dtype=[np.float32], axes=[..., [(-2, -1), (-1, -2), (-2, -1)]])],
    *calls("vecdot", itself, ONES, axis=[0, 1, -1], dtype=[..., np.float32]),
    *[Call(u, itself, ONES, signature=s) for u in ("add", "multiply") for s in ("dd->d", "ff->f")],
]

KEYWORDS: dict[str, list[Any]] = {
    "reductions": REDUCTIONS, "quantiles": QUANTILES, "calculus": CALCULUS, "shapes": SHAPES,
    "joining": JOINING, "selecting": SELECTING, "rounding": ROUNDING, "products": PRODUCTS,
    "histograms": HISTOGRAMS, "ufuncs": REDUCEAT,
}
CALLS = [c for table in KEYWORDS.values() for c in table]
