"""Every function of NumPy's that has a traced form, in one table of calls.

A case is a function of the namespace and of arrays, so that it is called both as NumPy's own function,
which hands traced values over, and by name from `fxad.numpy`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


class Case:
    """One call, the arrays it is called with, and what can be asked of it."""

    def __init__(
        self, name: str, function: Function, *arrays: Any, smooth: bool = True, batched: bool = True,
        jitted: bool = True, single: bool = True, alone: bool = True,
    ) -> None:
        self.name = name
        self.function = function
        self.arrays = tuple(arrays)
        self.smooth = smooth
        self.batched = batched
        self.jitted = jitted
        self.single = single
        self.alone = alone

    def __repr__(self) -> str:
        return self.name


_rng = np.random.default_rng(7)


def normal(*shape: int) -> Any:
    return np.asarray(_rng.normal(size=shape))


def positive(*shape: int) -> Any:
    return np.asarray(_rng.uniform(0.5, 2.0, size=shape))


def away(*shape: int) -> Any:
    """Neither near 0, where some functions have a kink or a pole, nor near each other."""
    n = int(np.prod(shape))
    apart = np.linspace(-2.1, 2.4, n) + _rng.uniform(-0.02, 0.02, size=n)
    return _rng.permutation(apart).reshape(shape)


def inside(*shape: int) -> Any:
    return np.asarray(_rng.uniform(-0.8, 0.8, size=shape))


X, Y, V, W, S = away(3, 4), normal(3, 4), normal(5), normal(5), normal()
P, Q, C = positive(3, 4), positive(3, 4), away(2, 3, 4)
M = normal(3, 3) + 3.0 * np.eye(3)
SPD = M @ M.T + np.eye(3)
Z = normal(3, 2) + 1j * normal(3, 2)
GAPS = np.array([1.0, np.nan, 3.0, np.nan, -2.0, 0.5])
MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])


def unary(names: str, x: Any, **options: Any) -> list[Case]:
    return [
        Case(name, lambda n, x, name=name: getattr(n, name)(x), x, **options)
        for name in names.split()
    ]


def binary(names: str, x: Any, y: Any, **options: Any) -> list[Case]:
    return [
        Case(name, lambda n, x, y, name=name: getattr(n, name)(x, y), x, y, **options)
        for name in names.split()
    ]


def lin(name: str, function: Function, *arrays: Any, **options: Any) -> Case:
    return Case("linalg." + name, function, *arrays, **options)


UFUNCS = [
    *unary("abs absolute arcsinh arctan asinh atan cbrt ceil conj conjugate cos cosh deg2rad degrees"
           " exp exp2 expm1 fabs floor negative positive rad2deg radians reciprocal rint sign sin sinh"
           " square tan tanh trunc sinc", X),
    *unary("arccos arcsin arctanh acos asin atanh", inside(3, 4)),
    *unary("arccosh acosh log log10 log1p log2 sqrt", 1.5 + P),
    *unary("isfinite isinf isnan logical_not signbit isposinf isneginf iscomplex isreal", X,
           smooth=False),
    *unary("frexp modf", X), *unary("spacing", X, smooth=False),
    *binary("add arctan2 atan2 copysign divide fmax fmin fmod heaviside hypot logaddexp logaddexp2"
            " maximum minimum mod multiply remainder subtract true_divide", X, P),
    *binary("floor_divide nextafter", X, P, smooth=False),
    *binary("float_power power pow", P, X), *binary("divmod", X, P),
    *binary("equal greater greater_equal less less_equal logical_and logical_or logical_xor not_equal",
            X, Y, smooth=False),
    Case("vecdot_axis", lambda n, x, y: n.vecdot(x, y, axis=0), X, Y),
    *binary("matmul", X, normal(4, 2)), *binary("vecdot", X, Y), *binary("matvec", X, normal(4)),
    *binary("vecmat", normal(3), X),
    Case("ldexp", lambda n, x: n.ldexp(x, np.array([1, 2, -1, 0])), X),
    Case("gcd", lambda n, x: n.gcd(n.rint(x * 10).astype(int), 6), X, smooth=False),
    Case("lcm", lambda n, x: n.lcm(n.rint(x * 10).astype(int), 6), X, smooth=False),
    Case("bitwise", lambda n, x: (n.bitwise_and(x > 0, x < 1), n.bitwise_or(x > 0, x < 1),
                                  n.bitwise_xor(x > 0, x < 1), n.invert(x > 0)), X, smooth=False),
    Case("shifts", lambda n, x: (n.left_shift(n.ceil(x).astype(int), 2),
                                 n.right_shift(n.ceil(x).astype(int), 1),
                                 n.bitwise_count(n.ceil(x).astype(int))), X, smooth=False),
    Case("power_int", lambda n, x: n.power(x, 3), X),
    Case("power_negative", lambda n, x: n.power(x, -2), P),
    Case("power_base", lambda n, x: n.power(2.0, x), X),
    Case("dtype=", lambda n, x: n.add(x, x, dtype=np.float64), X),
    Case("add.reduce", lambda n, x: (n.add.reduce(x), n.add.reduce(x, axis=None),
                                     n.add.reduce(x, axis=1, keepdims=True, initial=2.0)), X),
    Case("multiply.reduce", lambda n, x: n.multiply.reduce(x, axis=1), X),
    Case("maximum.reduce", lambda n, x: (n.maximum.reduce(x), n.minimum.reduce(x, axis=None)), X),
    Case("logical.reduce", lambda n, x: (n.logical_or.reduce(x > 0), n.logical_and.reduce(x > 0, 1)),
         X, smooth=False),
    Case("logaddexp.reduce", lambda n, x: (n.logaddexp.reduce(x, axis=1), n.logaddexp.reduce(x),
                                           n.logaddexp.reduce(x, axis=0, keepdims=True)), X),
    Case("subtract.reduce", lambda n, x: (n.subtract.reduce(x), n.hypot.reduce(x, axis=1)), X),
    Case("accumulate", lambda n, x: (n.add.accumulate(x), n.multiply.accumulate(x, axis=1),
                                     n.maximum.accumulate(x, axis=1), n.minimum.accumulate(x),
                                     n.logaddexp.accumulate(x, axis=1)), X),
    Case("outer", lambda n, x, y: (n.multiply.outer(x, y), n.add.outer(x, y[0])), V, X),
]

REDUCTIONS = [
    *[
        Case(f"{name}{kwargs}", lambda n, x, name=name, kwargs=kwargs: getattr(n, name)(x, **kwargs), C)
        for name in ["sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std", "median", "ptp",
                     "nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"]
        for kwargs in ({}, {"axis": 1}, {"axis": (0, -1)}, {"axis": -1, "keepdims": True})
    ],
    *[
        Case(f"{name}{kwargs}", lambda n, x, name=name, kwargs=kwargs: getattr(n, name)(x, **kwargs), C,
             smooth=False)
        for name in ("argmax", "argmin", "nanargmax", "nanargmin", "any", "all")
        for kwargs in ({}, {"axis": 1}, {"axis": -1, "keepdims": True})
    ],
    Case("any_all", lambda n, x: (n.any(x > 0, axis=0), n.all(x > -9), n.count_nonzero(x > 0),
                                  n.count_nonzero(x > 0, axis=1)), X, smooth=False),
    Case("initial", lambda n, x: (n.sum(x, axis=1, initial=3.0), n.prod(x, initial=2.0),
                                  n.max(x, axis=0, initial=0.1), n.min(x, initial=-0.5)), X),
    Case("where=", lambda n, x: (n.sum(x, where=MASK), n.mean(x, axis=1, where=MASK),
                                 n.prod(x, axis=0, where=MASK), n.var(x, where=MASK),
                                 n.max(x, axis=1, where=MASK, initial=-9.0),
                                 n.std(x, axis=0, where=MASK, keepdims=True)), X),
    Case("sum_dtype", lambda n, x: (n.sum(x > 0), n.sum((x > 0).astype(np.int8)), n.mean(x > 0),
                                    n.prod((x > 0).astype(np.uint8)), n.var(x > 0)), X, smooth=False),
    Case("sum_empty_axis", lambda n, x: n.sum(x, axis=()), X),
    Case("max_empty", lambda n, x: n.max(x[:, :0], axis=1, initial=1.5), X, smooth=False),
    Case("ddof", lambda n, x: (n.var(x, ddof=1), n.std(x, axis=0, ddof=1), n.var(x, correction=1)), X),
    Case("average", lambda n, x, w: (n.average(x), n.average(x, axis=0), n.average(x, weights=w),
                                     n.average(x, axis=1, weights=w[0]),
                                     n.average(x, axis=0, weights=w, returned=True)), X, P),
    Case("nan", lambda n, x: (n.nansum(x), n.nanmean(x), n.nanmax(x), n.nanmin(x), n.nanvar(x),
                              n.nanstd(x), n.nanprod(x), n.nancumsum(x), n.nancumprod(x)), GAPS),
    Case("nanarg", lambda n, x: (n.nanargmax(x), n.nanargmin(x)), GAPS, smooth=False),
    Case("median_odd", lambda n, x: (n.median(x), n.median(x, axis=0, keepdims=True)), V),
    *[Case(f"quantile_{m}", lambda n, x, m=m: (n.quantile(x, 0.3, method=m), n.quantile(
        x, 0.85, axis=1, method=m, keepdims=True)), X)
      for m in ("linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull",
                "median_unbiased", "normal_unbiased")],
    Case("quantiles", lambda n, x: (n.quantile(x, [0.0, 0.4, 1.0], axis=0), n.percentile(x, 30),
                                    n.percentile(x, [10, 90], axis=1, keepdims=True),
                                    n.quantile(x, np.array([[0.1, 0.5]]), axis=(0, 1))), X),
    Case("nanquantile", lambda n, x: (n.nanmedian(x), n.nanquantile(x, 0.3), n.nanpercentile(x, 85.0),
                                      n.nanquantile(n.stack([x, x[::-1] * 2]), [0.1, 0.7], axis=1),
                                      n.nanmedian(n.stack([x, x[::-1]]), axis=0, keepdims=True),
                                      n.nanquantile(x, 0.4, method="hazen")), GAPS),
    Case("quantile_q", lambda n, x, q: n.quantile(x, q), X, np.array(0.37)),
    Case("cov", lambda n, x, y: (n.cov(x), n.cov(x, rowvar=False), n.cov(x, y, bias=True),
                                 n.cov(x[0]), n.corrcoef(x), n.corrcoef(x, y),
                                 n.cov(x, aweights=[1.0, 2.0, 0.5, 1.0])), X, Y),
]

CALCULUS = [
    Case("cumsum", lambda n, x: (n.cumsum(x), n.cumsum(x, axis=1), n.cumsum(x, axis=0)), X),
    Case("cumprod", lambda n, x: (n.cumprod(x), n.cumprod(x, axis=1)), X),
    Case("cumulative", lambda n, x: (n.cumulative_sum(x, axis=1, include_initial=True),
                                     n.cumulative_prod(x, axis=0)), X),
    Case("diff", lambda n, x: (n.diff(x), n.diff(x, n=2), n.diff(x, axis=0), n.diff(x, prepend=0.0),
                               n.diff(x, append=x[:, :1])), X),
    Case("ediff1d", lambda n, x: (n.ediff1d(x), n.ediff1d(x, to_end=[1.0], to_begin=2.0)), X),
    Case("gradient", lambda n, x: (n.gradient(x), n.gradient(x, 0.5, axis=1),
                                   n.gradient(x, axis=1, edge_order=2)), X),
    Case("gradient_uneven", lambda n, y, x: (n.gradient(y, x), n.gradient(y, x, edge_order=2)),
         V, np.cumsum(positive(5))),
    Case("trapezoid", lambda n, y, x: (n.trapezoid(y), n.trapezoid(y, x), n.trapezoid(y, dx=0.1),
                                       n.trapezoid(n.outer(y, y), x, axis=0)), V, np.cumsum(positive(5))),
    Case("interp", lambda n, x, xp, fp: (
        n.interp(x, xp, fp), n.interp(x, xp, fp, left=1.0, right=2.0), n.interp(x[0, 0], xp, fp)),
         X, np.array([-1.0, -0.3, 0.2, 0.9]), normal(4)),
    Case("interp_period", lambda n, x, xp, fp: n.interp(x, xp, fp, period=2.0),
         X, np.array([-1.3, -0.3, 0.2, 0.9]), normal(4)),
    Case("unwrap", lambda n, x: (n.unwrap(x), n.unwrap(x, axis=0), n.unwrap(x, period=4.0)), 5.0 * X),
    Case("cross", lambda n, x, y: (n.cross(x, y), n.cross(x.T, y.T, axis=0)), normal(4, 3), normal(4, 3)),
]

SHAPES = [
    Case("reshape", lambda n, x: (n.reshape(x, (4, 3)), n.reshape(x, -1), n.reshape(x, (2, -1)),
                                  n.reshape(x, (2, 6), order="F")), X),
    Case("ravel", lambda n, x: (n.ravel(x), n.ravel(x, order="F")), X),
    Case("transpose", lambda n, x: (n.transpose(x), n.transpose(x, (1, 0, 2)), n.swapaxes(x, 0, -1),
                                    n.moveaxis(x, 0, -1), n.moveaxis(x, [0, 1], [-1, 0]),
                                    n.rollaxis(x, 2), n.permute_dims(x, (2, 0, 1)),
                                    n.matrix_transpose(x)), C),
    Case("dims", lambda n, x: (n.expand_dims(x, 0), n.expand_dims(x, (0, -1)),
                               n.squeeze(x[:, :1]), n.squeeze(x[:, :1], axis=1)), X),
    Case("broadcast", lambda n, x: (n.broadcast_to(x, (2, 3, 4)), n.broadcast_arrays(x, x[0])), X),
    Case("atleast", lambda n, x, s: (n.atleast_1d(s), n.atleast_2d(s), n.atleast_3d(s), n.atleast_2d(x),
                                     n.atleast_3d(x), n.atleast_3d(x[0]), n.atleast_1d(s, x)), X, S),
    Case("flip", lambda n, x: (n.flip(x), n.flip(x, 1), n.fliplr(x), n.flipud(x), n.rot90(x),
                               n.rot90(x, 2), n.rot90(x, -1)), X),
    Case("roll", lambda n, x: (n.roll(x, 2), n.roll(x, -1, axis=1), n.roll(x, (1, 2), axis=(0, 1))), X),
    Case("tile", lambda n, x: (n.tile(x, 2), n.tile(x, (2, 1, 3)), n.tile(x[0], (2, 2))), X),
    Case("repeat", lambda n, x: (n.repeat(x, 2), n.repeat(x, 3, axis=1),
                                 n.repeat(x, [1, 0, 2], axis=0)), X),
    Case("resize", lambda n, x: (n.resize(x, (2, 3)), n.resize(x, (5, 4))), X),
    Case("concatenate", lambda n, x, y: (n.concatenate([x, y]), n.concatenate((x, y), axis=1),
                                         n.concatenate([x, np.ones((3, 1))], axis=-1),
                                         n.concatenate([x, y], axis=None)), X, Y),
    Case("concatenate_elements", lambda n, x: n.concatenate(x[:, :, None]), X),
    Case("stack", lambda n, x, y: (n.stack([x, y]), n.stack([x, y], axis=-1), n.stack([x[0, 0], 1.0]),
                                   n.vstack([x, y[0]]), n.hstack([x, y]), n.hstack([x[0], y[1]]),
                                   n.dstack([x, y]), n.column_stack([x, y]),
                                   n.column_stack([x[0], y[0]])), X, Y),
    Case("append", lambda n, x, y: (n.append(x, y), n.append(x, y, axis=0), n.append(x[0], 2.0)), X, Y),
    Case("block", lambda n, x, y: (n.block([[x, y], [y, x]]), n.block([x[0], y[0]])), X, Y),
    Case("split", lambda n, x: (n.split(x, 2, axis=1), n.split(x, [1, 3], axis=1), n.array_split(x, 2),
                                n.hsplit(x, 2), n.vsplit(x, 3), n.dsplit(x[None], 2),
                                n.unstack(x, axis=1)), X),
    Case("insert", lambda n, x: (n.insert(x, 1, 5.0), n.insert(x, 1, x[0], axis=0),
                                 n.insert(x, [0, 2], x[:, :2], axis=1), n.delete(x, 1, axis=0),
                                 n.delete(x, [0, 2], axis=1), n.delete(x, 3)), X),
    Case("pad", lambda n, x: (n.pad(x, 1), n.pad(x, ((0, 2), (1, 0)), constant_values=3.0),
                              n.pad(x, 2, mode="edge"), n.pad(x, 2, mode="reflect"),
                              n.pad(x, (1, 2), mode="symmetric"), n.pad(x, 3, mode="wrap")), X),
    Case("pad_traced", lambda n, x, s: n.pad(x, 1, constant_values=s), X, S,
         alone=False),  # NumPy hands over on account of the array only
]

SELECTING = [
    Case("where", lambda n, x, y: (n.where(x > y, x, y), n.where(x > 0, x, 0.0), n.where(MASK, 1, x),
                                   n.where(x > 0, 1.0, -1.0)), X, Y),
    Case("select", lambda n, x, y: (n.select([x > 1, x > 0], [x, y], 3.0), n.select([x > 0], [x * y])),
         X, Y),
    Case("choose", lambda n, x, y: n.choose((x > 0).astype(int), [x, y]), X, Y),
    Case("piecewise", lambda n, x: n.piecewise(x, [x < 0, x > 1], [lambda t: -t, lambda t: t * t, 7.0]),
         X),
    Case("clip", lambda n, x: (n.clip(x, -0.5, 0.5), n.clip(x, None, 0.3), n.clip(x, 0.1, None),
                               x.clip(-0.1, 0.7)), X),
    Case("clip_traced", lambda n, x, y: n.clip(x, y, y + 0.5), X, Y),
    Case("tri", lambda n, x: (n.triu(x), n.tril(x), n.triu(x, 1), n.tril(x, -1), n.tril(x[0])), X),
    Case("take", lambda n, x: (n.take(x, [0, 5, 2]), n.take(x, 1, axis=1), n.take(x, [[0, 2]], axis=0),
                               n.take(x, [7, -9], axis=1, mode="wrap"),
                               n.take(x, [7, -9], axis=1, mode="clip")), X),
    Case("take_traced", lambda n, x: n.take(x, n.argsort(x[0]), axis=1), X),
    Case("take_along_axis", lambda n, x: (n.take_along_axis(x, n.argsort(x, axis=1), axis=1),
                                          n.take_along_axis(x, np.array([[0, 2, 1, 0]]), 0)), X),
    Case("compress", lambda n, x: (n.compress([True, False, True], x, axis=0),
                                   n.extract(MASK, x), n.compress([False, True], x)), X),
    Case("extract_traced", lambda n, x: (n.extract(x > 0, x), n.compress(x[0] > 0, x, axis=1)), X,
         batched=False, jitted=False),
    Case("nonzero", lambda n, x: (n.nonzero(x > 0), n.flatnonzero(x > 0), n.argwhere(x > 0),
                                  n.where(x > 0)), X, smooth=False, batched=False, jitted=False),
    Case("sort", lambda n, x: (n.sort(x), n.sort(x, axis=0), n.sort(x, axis=None)), X),
    Case("partition", lambda n, x: n.partition(x, 1)[:, 1], X),
    Case("argsort", lambda n, x: (n.argsort(x), n.argsort(x, axis=None), n.argpartition(x, 1)[:, 1]), X,
         smooth=False),
    Case("searchsorted", lambda n, x: (n.searchsorted([-1.0, 0.0, 1.0], x),
                                       n.searchsorted(n.sort(x[0]), [0.0, 0.5], side="right"),
                                       n.digitize(x, [-1.0, 0.0, 1.0]),
                                       n.digitize(x, [1.0, 0.0, -1.0], right=True)), X, smooth=False),
    Case("unique", lambda n, x: n.unique(n.concatenate([x, x])), X, batched=False, jitted=False),
    Case("unique_all", lambda n, x: n.unique(x, return_index=True, return_inverse=True,
                                             return_counts=True), X, batched=False, jitted=False),
    Case("bincount", lambda n, x: n.bincount([0, 2, 2, 1, 5], x, minlength=8), V, single=False),
    Case("isin", lambda n, x: (n.isin(x, [1.0, 2.0]), n.isin(x, x[0], invert=True)), X, smooth=False),
    Case("apply_over_axes", lambda n, x: n.apply_over_axes(n.sum, x, [0, 2]), C),
    Case("lexsort", lambda n, x: (n.lexsort((x[0], n.round(x[1]))), n.lexsort((x, -x), axis=0)), X,
         smooth=False),
    Case("indices", lambda n, x: (x[n.diag_indices_from(x @ x.T)], (x @ x.T)[n.tril_indices_from(x @ x.T)],
                                  (x @ x.T)[n.triu_indices_from(x @ x.T, 1)], x[n.ix_([0, 2], [1, 3])],
                                  x[n.unravel_index(n.argmax(x), x.shape)],
                                  n.ravel(x)[n.ravel_multi_index((n.argsort(x[:, 0]), [1, 2, 0]), (3, 4))],
                                  x[n.ix_(n.argsort(x[:, 0]), [0, 1])]), X),
    Case("union1d", lambda n, x: (n.union1d(x, x[0]), n.unique_values(x), n.trim_zeros(n.maximum(
        x[0], 0.0))), X, batched=False, jitted=False),
    Case("apply_along_axis", lambda n, x: (n.apply_along_axis(n.sum, 0, x),
                                           n.apply_along_axis(lambda v: v[:2] * 2, 1, x)), X),
]

ELEMENTWISE = [
    Case("round", lambda n, x: (n.round(x), n.round(x, 2), n.around(x, -1)),
         np.array([0.314, -1.224, 17.727, 143.446, -26.0])),
    Case("nan_to_num", lambda n, x: (n.nan_to_num(x), n.nan_to_num(x, nan=1.0)), GAPS, smooth=False),
    Case("complex", lambda n, x, y: (n.real(x + 1j * y), n.imag(x + 1j * y), n.angle(x + 1j * y),
                                     n.angle(x + 1j * y, deg=True), n.abs(x + 1j * y)), X, Y),
    Case("real", lambda n, x: (n.real(x), n.angle(x * x)), X),
    Case("close", lambda n, x, y: (n.isclose(x, y), n.allclose(x, x + 1e-9), n.array_equal(x, x),
                                   n.array_equiv(x, x[:1]), n.isclose(x, x, equal_nan=True),
                                   n.array_equal(x, x[0])), X, Y, smooth=False),
    Case("copy", lambda n, x: n.copy(x) * 2, X),
    Case("likes", lambda n, x: (n.zeros_like(x), n.ones_like(x, dtype=np.int32), n.full_like(x, 2.5),
                                n.empty_like(x).shape == (3, 4), n.full_like(x, 3, shape=2)), X,
         smooth=False),
    Case("full_like", lambda n, x: n.full_like(x, x[0, 0]), X),
    Case("linspace", lambda n, a, b: (n.linspace(a, b, 7), n.linspace(a, 2.0, 4, endpoint=False),
                                      n.linspace(a, b, 3, retstep=True), n.linspace(0, b, 1)),
         S, np.array(2.5)),
    Case("linspace_arrays", lambda n, x, y: (n.linspace(x, y, 3), n.linspace(x, y, 3, axis=1)), X, Y),
    Case("logspace", lambda n, a, b: (n.logspace(a, b, 5), n.logspace(a, b, 4, base=2.0)),
         S, np.array(1.5)),
    Case("geomspace", lambda n, a, b: (n.geomspace(a, b, 5), n.geomspace(-a, -b, 4, endpoint=False)),
         np.array(0.5), np.array(9.5)),
    Case("meshgrid", lambda n, x, y: (n.meshgrid(x, y), n.meshgrid(x, y, indexing="ij"),
                                      n.meshgrid(x, y[:2], sparse=True)), V, W),
]

PRODUCTS = [
    Case("dot", lambda n, x, y: (n.dot(x, y.T), n.dot(x[0], y[0]), n.dot(x, y[0]), n.dot(2.0, x)), X, Y),
    Case("inner", lambda n, x, y: (n.inner(x, y), n.vdot(x, y), n.outer(x, y[0]), n.kron(x[:2], y)),
         X, Y),
    Case("tensordot", lambda n, x, y: (n.tensordot(x, y), n.tensordot(x, y, axes=(1, 1)),
                                       n.tensordot(x, y, axes=0)), X, Y),
    Case("einsum", lambda n, x, y: (n.einsum("ij,kj->ik", x, y), n.einsum("ij->j", x),
                                    n.einsum("ij,ij", x, y), n.einsum("...j,...j", x, y),
                                    n.einsum(x, [0, 1], y, [2, 1], [0, 2], optimize=True)), X, Y),
    Case("diagonals", lambda n, x: (n.diag(x), n.diag(x, 1), n.diag(x[0]), n.diag(x[0], -1),
                                    n.diagonal(x), n.diagonal(x, -1), n.trace(x), n.trace(x, 1),
                                    n.diagflat(x[:, :2])), X),
    Case("diagonal_axes", lambda n, x: (n.diagonal(x, 0, 1, 2), n.trace(x, axis1=0, axis2=2)), C),
    Case("polyval", lambda n, p, x: (n.polyval(p, x), n.vander(p), n.vander(p, 3, increasing=True)),
         V, X),
    Case("poly", lambda n, p, q: (n.polyadd(p, q[:3]), n.polysub(p, q), n.polymul(p, q), n.polyder(p),
                                  n.polyint(p), n.polyint(p, 2, k=[1.0, 2.0])), V, W),
    Case("roots", lambda n, x: n.sort(n.roots(x) + 0j), np.array([1.0, 0.5, 2.0, -0.3, 0.2]),
         single=False),
    Case("root_at_zero", lambda n, x: n.sort(n.roots(x) + 0j), np.array([1.0, 0.5, -3.0, 0.0]),
         single=False),
    Case("polyfit", lambda n, x, y: (n.polyfit(x, y, 2), n.polyfit(x, y, 1, w=[1.0, 2, 3, 4, 5])), V, W),
    *[Case(f"convolve_{mode}", lambda n, x, y, mode=mode: (
        n.convolve(x, y[:3], mode), n.convolve(x[:2], y, mode), n.correlate(x, y[:3], mode),
        n.correlate(x[:2], y, mode), n.correlate(x[:4], y, mode), n.correlate(x, y[:2], mode)), V, W)
      for mode in ("full", "same", "valid")],
]

LINALG = [
    *[lin(f"norm_{order}", lambda n, x, order=order: n.linalg.norm(x, order), M)
      for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)],
    *[lin(f"norm_v{order}", lambda n, x, order=order: n.linalg.norm(x, order, axis=1, keepdims=True), X)
      for order in (None, 1, 2, 3, 0.5, np.inf, -np.inf)],
    lin("norms", lambda n, x: (n.linalg.vector_norm(x), n.linalg.matrix_norm(x),
                               n.linalg.vector_norm(x, ord=3, axis=0)), M),
    lin("inv", lambda n, x: n.linalg.inv(x), M),
    lin("det", lambda n, x: (n.linalg.det(x), n.linalg.slogdet(x)), M),
    lin("solve", lambda n, a, b: (n.linalg.solve(a, b), n.linalg.solve(a, b[:, 0])), M, normal(3, 2)),
    lin("cholesky", lambda n, x: n.linalg.cholesky(x @ x.T), M),
    lin("eigh", lambda n, x: (n.linalg.eigh(x + x.T)[0], n.linalg.eigvalsh(x + x.T)), M),
    lin("eigvals", lambda n, x: n.linalg.eigvals(x @ x.T).real.sum(), M, single=False),
    lin("svd", lambda n, x: (n.linalg.svd(x, compute_uv=False), n.linalg.svdvals(x)), X),
    lin("svd_uv", lambda n, x: (lambda u, s, v: (u * s) @ v)(*n.linalg.svd(x, full_matrices=False)), X),
    lin("qr", lambda n, x: n.linalg.qr(x), M),
    lin("pinv", lambda n, x: n.linalg.pinv(x), X),
    lin("lstsq", lambda n, a, b: n.linalg.lstsq(a, b)[0], normal(5, 3), V),
    lin("matrix_power", lambda n, x: (n.linalg.matrix_power(x, 3), n.linalg.matrix_power(x, -1)), M),
    lin("tensors", lambda n, a, b: (n.linalg.tensorsolve(a, b), n.linalg.tensorinv(a, ind=2),
                                    n.linalg.tensorsolve(n.moveaxis(a, -1, 0), b, axes=(0,))),
        np.reshape(np.eye(6), (2, 3, 6)) + 0.1 * normal(2, 3, 6), normal(2, 3), smooth=True),
    lin("multi_dot", lambda n, x, y: n.linalg.multi_dot([x, y.T, x]), X, Y),
    lin("cond", lambda n, x: (n.linalg.cond(x), n.linalg.cond(x, 1)), M),
    lin("matrix_rank", lambda n, x: n.linalg.matrix_rank(x), M, smooth=False),
    lin("others", lambda n, x, y: (
        n.linalg.trace(x), n.linalg.diagonal(x), n.linalg.outer(x[0], y[0]), n.linalg.cross(x, y),
        n.linalg.vecdot(x, y), n.linalg.matmul(x, y), n.linalg.tensordot(x, y),
        n.linalg.matrix_transpose(x)), M, normal(3, 3)),
]

COMPLEX = [
    Case(f"complex_{name}", function, Z, single=False) for name, function in {
        "sums": lambda n, z: (n.sum(z), n.mean(z, axis=0), n.prod(z, axis=1), n.nansum(z), n.nanmean(z)),
        "spread": lambda n, z: (n.var(z), n.std(z, axis=0), n.var(z, axis=1, keepdims=True, ddof=1)),
        "average": lambda n, z: n.average(z, axis=0, weights=[1.0, 2.0, 3.0]),
        "running": lambda n, z: (n.cumsum(z), n.cumprod(z, axis=0), n.diff(z, axis=0), n.ediff1d(z)),
        "parts": lambda n, z: (z.real, n.imag(z), n.conj(z), n.abs(z), n.angle(z), n.sign(z)),
        "round": lambda n, z: n.nan_to_num(z),
        "select": lambda n, z: (n.where(z.real > 0, z, 0), n.select([z.real > 0], [z], 1j), n.triu(z)),
        "joined": lambda n, z: (n.concatenate([z, z.real]), n.stack([z, z * 2], axis=1), n.roll(z, 1),
                                n.pad(z, 1), n.tile(z, 2), n.repeat(z, 2, axis=0)),
        "products": lambda n, z: (n.dot(z.T, z), n.vdot(z, z * 1j), n.einsum("ij,kj->ik", z, z),
                                  n.outer(z, z), n.vecdot(z, z * 2j), n.inner(z, z), n.kron(z, z),
                                  n.convolve(z[:, 0], z[:, 1]), n.correlate(z[:, 0], z[:2, 1], "full"),
                                  n.trace(z), n.diag(z[:, 0])),
        "ufuncs": lambda n, z: (n.exp(z), n.sin(z), n.log(z), n.sqrt(z), z**3, n.power(z, 2.5), 1 / z,
                                n.square(z), n.reciprocal(z), n.tanh(z), n.sinc(z)),
        "linspace": lambda n, z: n.linspace(z[0, 0], z[1, 1], 4),
        "interp": lambda n, z: n.interp([0.5, 1.2], [0.0, 1.0, 2.0], z[:, 0]),
        "polyval": lambda n, z: (n.polyval([1.0, 2.0, 3.0], z), n.vander(z[:, 0])),
        "cov": lambda n, z: (n.cov(z), n.cov(z, rowvar=False)),
        "linalg": lambda n, z: (n.linalg.norm(z), n.linalg.norm(z, axis=0), n.linalg.inv(z[:2]),
                                n.linalg.det(z[1:]), n.linalg.solve(z[:2], z[2]),
                                n.linalg.eigvalsh(z @ z.conj().T), n.linalg.svdvals(z)),
    }.items()
]

CASES = [*UFUNCS, *REDUCTIONS, *CALCULUS, *SHAPES, *SELECTING, *ELEMENTWISE, *PRODUCTS, *LINALG, *COMPLEX]
CASES = [c for c in CASES if all(hasattr(np, n) for n in ("unstack", "matvec")) or c.name not in (
    "split", "matvec", "vecmat", "cumulative")]
