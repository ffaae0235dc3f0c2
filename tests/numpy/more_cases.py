"""The table of calls, continued: histograms, sets, windows, grids, padding, and every method of quantile."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.numpy.cases import GAPS, MASK, Case, P, S, V, W, X, Y, normal

# The bins, edges and windows stay away from the numbers: there the counts jump.
INSIDE = np.array([0.13, 0.61, 0.27, 0.84, 0.45])
EDGES = np.array([0.0, 0.2, 0.5, 1.0])

HISTOGRAMS = [
    Case("histogram_weights", lambda n, w: (
        n.histogram(INSIDE, EDGES, weights=w), n.histogram(INSIDE, 3, (0, 1), weights=w, density=True),
        n.histogram(INSIDE, 2, weights=w)), 1.0 + V**2, single=False),
    Case("histogram_edges", lambda n, x: (
        n.histogram(x, 4)[1], n.histogram_bin_edges(x, 3), n.histogram(x, 4, density=True)[0]), INSIDE),
    Case("histogram2d", lambda n, x, w: n.histogram2d(
        INSIDE, x, [EDGES, 3], weights=w, density=True), INSIDE[::-1].copy(), 1.0 + W**2, single=False,
        alone=False),
    Case("histogramdd", lambda n, w: (
        n.histogramdd(np.stack([INSIDE, INSIDE[::-1]], 1), 2, weights=w),
        n.histogramdd((INSIDE, INSIDE), (2, EDGES), weights=w, density=True)), 1.0 + V**2, single=False),
]

SETS = [
    Case("sets", lambda n, x, y: (
        n.union1d(x, y), n.intersect1d(n.concatenate([x, y[:2]]), y), n.setdiff1d(x, y[:2]),
        n.setxor1d(x, y), n.intersect1d(x, x[:3], return_indices=True)), V, W, batched=False, jitted=False),
    Case("unique_counts", lambda n, x: (n.unique_all(x), n.unique_counts(x), n.unique_inverse(x),
                                        n.unique(n.stack([x, x]), axis=0)), V, batched=False, jitted=False),
    Case("trim_zeros", lambda n, x: n.trim_zeros(n.maximum(x, 0.0)), X if hasattr(np, "matvec") else V,
         batched=False, jitted=False),  # of several axes since NumPy 2.2
]

QUANTILES = [
    *[Case(f"quantile_{m}", lambda n, x, m=m: (n.quantile(x, [0.3, 0.85], axis=1, method=m),
                                               n.nanquantile(
        n.where(x > 2, np.nan, x), 0.55, axis=0, method=m)), X)
      for m in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf")],
    Case("quantile_weights", lambda n, x, w: (
        n.quantile(x, [0.3, 0.8], axis=1, weights=w, method="inverted_cdf"),
        n.percentile(x, 40, weights=w, method="inverted_cdf")), X, P),
    Case("nan_weights", lambda n, x: n.nanquantile(
        x, 0.4, weights=np.arange(1.0, 7.0), method="inverted_cdf"), GAPS),
]

PADDING = [
    Case(f"pad_{mode}", lambda n, x, mode=mode, kw=kw: (n.pad(x, 2, mode=mode, **kw), n.pad(
        x, ((0, 3), (1, 0)), mode=mode, **kw)), X)
    for mode, kw in [("linear_ramp", {"end_values": 2.0}), ("maximum", {}), ("mean", {"stat_length": 2}),
                     ("median", {}), ("minimum", {"stat_length": ((1, 2),) * 2}),
                     ("reflect", {"reflect_type": "odd"}), ("symmetric", {"reflect_type": "odd"})]
]

UFUNC_METHODS = [
    Case("reduceat", lambda n, x: (
        n.add.reduceat(x, [0, 2]), n.multiply.reduceat(x, [0, 3, 1], axis=1),
        n.maximum.reduceat(x, [1, 0], axis=1), n.minimum.reduceat(x, [0, 1]),
        n.logaddexp.reduceat(x, [0, 1])), X),
    Case("accumulate_any", lambda n, x: (n.subtract.accumulate(x), n.hypot.accumulate(x, axis=1),
                                         n.divide.accumulate(x), n.fmax.accumulate(x, axis=1)), X),
    Case("fold_axes", lambda n, x: (n.hypot.reduce(x, axis=None), n.fmax.reduce(x, axis=(0, 1)),
                                    n.hypot.reduce(x, axis=1, where=MASK),
                                    n.logaddexp.reduce(x, axis=1, initial=0.5)), X),
    Case("axes=", lambda n, x, y: n.matmul(x, y, axes=[(0, 1), (1, 0), (1, 0)]), X, normal(2, 4)),
    Case("dtype_signature", lambda n, x: (n.add(x, 2, dtype=np.float64, casting="unsafe"), n.multiply(
        x, x, signature="dd->d")), X),
]

OTHERS = [
    Case("i0", lambda n, x: n.i0(x), X),
    Case("kaiser", lambda n, b: n.kaiser(6, b), np.array(3.2), single=False, batched=False),
    Case("kaiser_at_0", lambda n, b: n.kaiser(5, b), np.array(0.0), single=False, batched=False),
    Case("sliding_windows", lambda n, x: (sliding_window_view(x, 2, axis=1), sliding_window_view(x, (2, 3)),
                                          sliding_window_view(x[0], 3)), X),
    Case("emath", lambda n, x: (n.emath.sqrt(x), n.emath.log(x), n.emath.arccos(x), n.emath.power(x, 2),
                                n.emath.log2(x * x), n.emath.logn(2, x * x)), X, batched=False, single=False),
    Case("sort_complex", lambda n, x: n.sort_complex(x), V, single=False),
    Case("polydiv", lambda n, u, v: n.polydiv(u, v[:3]), V, W, batched=False, single=False),
    Case("poly", lambda n, x: n.poly(x), V),
    Case("poly_matrix", lambda n, x: n.poly(x @ x.T), X, batched=False, single=False),
    Case("poly1d", lambda n, c, x: (n.poly1d(c) * n.poly1d(c[1:]) + 1.0)(x), V, X, batched=False,
         jitted=False, alone=False),
    Case("polyfit_full", lambda n, y: (n.polyfit(np.arange(5.0), y, 2, full=True)[:2],
                                       n.polyfit(np.arange(5.0), y, 1, cov=True)), V, single=False),
    Case("asarray_chkfinite", lambda n, x: n.asarray_chkfinite(x) * 2 if n is not np else x * 2, X),
    Case("array_split_at", lambda n, x: n.trim_zeros(n.pad(x, 1)), V, batched=False, jitted=False),
    Case("var_mean", lambda n, x: (n.var(x, axis=1, mean=n.mean(x, axis=1, keepdims=True)),
                                   n.nanstd(x, axis=0, ddof=1)), X),
    Case("nan_where", lambda n, x: (n.nanmax(x, initial=-3.0, where=MASK), n.nanmedian(x, axis=1)), X),
    Case("einsum_path", lambda n, x, y: n.einsum_path("ij,kj->ik", x, y)[0] == [] or n.sum(x * y), X, Y),
    Case("cov_weights", lambda n, x, w: n.cov(x, aweights=w, fweights=[1, 2, 1, 3]), X, P[0]),
    Case("interp_points", lambda n, xp, fp: n.interp([-0.2, 0.4, 1.7], xp, fp),
         np.array([-1.0, 0.1, 1.2, 2.0]), normal(4)),
    Case("ufunc_0d", lambda n, s: (n.unwrap(n.stack([s, s + 4.0])), n.average(n.atleast_1d(s))), S),
]

BITS = [Case("bits", lambda n, x: (n.packbits(x > 0), n.packbits(x > 0, axis=1, bitorder="little"),
                                   n.unpackbits(n.packbits(x > 0, axis=1), axis=1, count=4)), X,
             smooth=False)]

MORE: list[Case] = [*HISTOGRAMS, *SETS, *QUANTILES, *PADDING, *UFUNC_METHODS, *OTHERS, *BITS]
