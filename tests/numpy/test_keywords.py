"""Every keyword of every function of the table `calls`, compared with NumPy: values, dtypes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from tests.numpy.calls import KEYWORDS, Call

_numbers = np.random.default_rng(0).permutation(np.linspace(-2.1, 2.4, 24)).reshape(2, 3, 4)
ARRAYS = {
    "float64": _numbers,
    "float32": _numbers.astype(np.float32),
    "int64": (_numbers * 5).astype(int),
    "NaN": np.where(np.abs(_numbers) > 1.7, np.nan, _numbers),
    "complex128": _numbers + 1j * _numbers[::-1],
    "bool": _numbers > 0,
}
#: Results whose size depends on the values, which are not known under jit.
BY_VALUE = {
    "argwhere", "bincount", "compress", "digitize", "extract", "flatnonzero", "intersect1d", "nonzero",
    "real_if_close", "setdiff1d", "setxor1d", "trim_zeros", "union1d", "unique", "unique_all",
    "unique_counts", "unique_inverse", "unique_values",
}
#: What NumPy does not hand over, so that it has to be called by its name in fxad.numpy.
BY_NAME = {"array", "asanyarray", "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray",
           "require"}
#: Which mistake is found first, where there are two, may differ; not whether there is one, or its kind.
KINDS = (IndexError, ValueError, TypeError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError,
         RuntimeError)


def answer(function: Any, x: Any) -> Any:
    """The results as arrays, or the exception."""
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(leaf) for leaf in tree.leaves(function(x))]
    except Exception as error:  # whatever NumPy raises is what is to be raised
        return error


def assert_same(call: Call, x: Any, actual: Any, expected: Any, strict: bool) -> None:
    where = f"{call} of {x.dtype}"
    if isinstance(expected, Exception):
        assert isinstance(actual, Exception), f"{where}: not raised: {expected!r}"
        kinds = [k for k in KINDS if isinstance(expected, k)] if strict else KINDS
        assert any(isinstance(actual, k) for k in kinds), f"{where}: {actual!r}, not {expected!r}"
        return
    assert not isinstance(actual, Exception), f"{where}: {actual!r}"
    assert len(actual) == len(expected), where
    for a, b in zip(actual, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), where
        near = {2: 2e-3, 4: 2e-6}.get(b.real.dtype.itemsize, 1e-12) if b.dtype.kind in "fc" else 0
        np.testing.assert_allclose(a, b, rtol=near, atol=near, err_msg=where)


def compare(call: Call, x: Any, strict: bool) -> None:
    """The call by name on arrays, under a derivative, and under jit where that may differ."""
    if not hasattr(np, call.name.partition(".")[0]):
        return
    expected = answer(lambda x: call(np, x), x)
    assert_same(call, x, answer(lambda x: call(fnp, x), x), expected, True)
    n = fnp if call.name in BY_NAME else np
    if x.dtype.kind in "fc":
        traced = answer(lambda x: fxad.jvp(lambda x: call(n, x), (x,), (x,))[0], x)
        assert_same(call, x, traced, expected, strict)
    if x.dtype.kind in "fc" and not strict:
        return
    if call.name not in BY_VALUE and not isinstance(call.kwargs.get("bins"), str):
        assert_same(call, x, answer(fxad.jit(lambda x: call(n, x)), x), expected, strict)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("subject", "kind"), [
    (subject, kind) for subject in KEYWORDS for kind in ARRAYS
    if (subject, kind) != ("histograms", "complex128")  # refused
])
def test_keywords(subject: str, kind: str) -> None:
    x = ARRAYS[kind]
    for call in KEYWORDS[subject]:
        compare(call, x.copy(), strict=kind == "float64")
