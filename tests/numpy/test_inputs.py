"""Every function of the namespace on arrays of every kind: what NumPy gives, in memory of its own."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from tests.numpy.calls import Call, calls, itself
from tests.numpy.inputs import INPUTS
from tests.numpy.test_keywords import BY_NAME, BY_VALUE, answer, assert_same

#: Functions of two arrays, called with one twice.
BINARY = {
    "append", "array_equal", "array_equiv", "convolve", "correlate", "cov", "corrcoef", "dot",
    "inner", "isclose", "allclose", "kron", "outer", "vdot", "isin", "polyadd", "polysub",
    "polyval", "searchsorted", "tensordot", "broadcast_arrays", "meshgrid", "trapezoid", "extract",
    "interp", "average", "union1d", "intersect1d", "setdiff1d", "setxor1d",
}
#: Not functions of an array of numbers, or the result is none.
OTHERS = {
    "arange", "array2string", "array_repr", "array_str", "asmatrix", "bartlett", "blackman", "bmat",
    "common_type", "diag_indices", "empty", "empty_like", "eye", "fix", "hamming", "hanning",
    "histogram", "histogram_bin_edges", "identity", "indices", "isdtype", "isscalar", "issubdtype",
    "iterable", "ix_", "lexsort", "min_scalar_type", "mintypecode", "ones", "poly", "polyder",
    "result_type", "roots", "row_stack", "tri", "tril_indices", "triu_indices", "typename", "where",
    "zeros",
}


def _takes_an_array(name: str) -> bool:
    """Whether a name of NumPy's is a function of one array that can be called with it alone."""
    function = getattr(np, name, None)
    if not callable(function) or isinstance(function, type) or name in OTHERS | set(fnp.untraced) - BY_NAME:
        return False
    if isinstance(function, np.ufunc):
        return function.nin == 1
    module = getattr(function, "__module__", "")
    if not module.startswith("numpy") or (not hasattr(function, "__wrapped__") and name not in BY_NAME):
        return False
    given = [p for p in inspect.signature(function).parameters.values()
             if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(given) == 1 or name in BY_NAME


def _is_binary(name: str) -> bool:
    function = getattr(np, name, None)
    return name in BINARY or (isinstance(function, np.ufunc) and function.nin == 2)


AXIS = """sum prod mean var std max min median ptp any all argmax argmin cumsum cumprod nansum nanprod nanmean
nanvar nanstd nanmax nanmin nanmedian nancumsum nancumprod sort argsort flip diff average count_nonzero
unwrap trapezoid gradient"""
TABLE: list[Call] = [
    *[Call(name) for name in fnp.__all__ if _takes_an_array(name)],
    *[Call(name, itself, itself) for name in fnp.__all__ if _is_binary(name)],
    *calls(AXIS, axis=[0, -1]), *calls("sum max mean var", keepdims=[True]),
    *calls("quantile", itself, 0.3), *calls("percentile", itself, [20, 70], axis=[0]),
    *calls("nanquantile", itself, 0.3, axis=[-1]), *calls("clip", itself, 0, 1), *calls("pad", itself, 1),
    *calls("where", lambda n, x: x > 0, itself, 0),
    *calls("reshape", itself, -1, order=[..., "F"]), *calls("ravel", order=["F"]),
    *calls("take", itself, [0, 0]), *calls("repeat", itself, 2, axis=[..., 0]), *calls("tile", itself, 2),
    *calls("roll", itself, 1), *calls("pad", itself, 1, mode=["edge", "mean", "linear_ramp"]),
    *calls("insert", itself, 0, 1), *calls("delete", itself, 0), *calls("interp", itself, [0, 1], [2, 3]),
    *calls("searchsorted", [0, 1], itself), *calls("expand_dims", itself, 0),
    *calls("swapaxes", itself, 0, -1), *calls("moveaxis", itself, 0, -1),
    *calls("linspace", itself, 2, 3), *calls("polyval", [1, 2, 3], itself),
    *calls("convolve", itself, [1, 2]), *calls("einsum", "...->...", itself), *calls("vander", itself, 2),
    *calls("round", itself, 1), *calls("power", itself, 2), *calls("array_split", itself, 2),
    *calls("add.reduce maximum.reduce logaddexp.reduce hypot.reduce add.accumulate subtract.accumulate"),
    *calls("multiply.outer", itself, itself), *calls("add.reduceat", itself, [0]),
]


def assert_own_memory(out: Any, x: Any, where: str) -> None:
    """Results can be written to, and share no memory with an argument or with each other."""
    arrays = [leaf for leaf in tree.leaves(out) if isinstance(leaf, np.ndarray)]
    for i, a in enumerate(arrays):
        assert a.flags.writeable, where
        assert not np.shares_memory(a, x), where
        assert not any(np.shares_memory(a, b) for b in arrays[:i]), where


def compare(call: Call, kind: str, x: Any) -> None:
    n = fnp if call.name in BY_NAME else np
    expected = answer(lambda x: call(np, x), x)
    runs: list[Any] = []
    if x.dtype.kind in "fc":
        runs.append(lambda x: fxad.jvp(lambda x: call(n, x), (x,), (np.ones_like(x),))[0])
    if call.name not in BY_VALUE:
        runs.append(fxad.jit(lambda x: call(n, x)))
    for run in runs:
        kept: list[Any] = []

        def keep(x: Any, run: Any = run, kept: list[Any] = kept) -> Any:
            kept.append(run(x))
            return kept[0]

        assert_same(call, x, answer(keep, x), expected, strict=False)
        if kept:
            assert_own_memory(kept[0], x, f"{call} of {kind}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", INPUTS)
def test_inputs(kind: str) -> None:
    x = INPUTS[kind]
    before = np.array(x)
    for call in TABLE:
        compare(call, kind, x)
    np.testing.assert_array_equal(x, before)  # no argument was changed


def test_the_table_has_most_of_numpy() -> None:
    assert len({call.name for call in TABLE}) > 200
