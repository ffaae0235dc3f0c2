"""Integers, booleans, half precision, arrays of nothing and numbers: NumPy's dtypes, values and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from tests.numpy.cases import Function
from tests.numpy.test_functions import arrays_of

ANY = {
    **{name: (lambda x, name=name: getattr(np, name)(x)) for name in [
        "sum", "prod", "mean", "var", "std", "max", "min", "ptp", "median", "any", "all", "argmax", "argmin",
        "cumsum", "cumprod", "sort", "argsort", "diff", "ravel", "transpose", "flip", "round", "nansum",
        "nanmax", "nanmean", "count_nonzero", "trace", "diag", "triu", "abs", "negative", "sqrt", "sin",
        "floor", "sign", "square", "reciprocal", "isnan", "real", "imag", "angle", "conj", "nan_to_num",
        "sinc", "exp2", "atleast_1d", "atleast_2d", "atleast_3d", "squeeze", "ediff1d", "trapezoid",
        "gradient", "unwrap", "fabs", "modf", "frexp", "positive", "zeros_like", "average", "logical_not",
        "isposinf", "fix", "trunc", "rint", "deg2rad", "nanprod", "nancumsum", "copy", "iscomplex",
    ]},
    "sum0": lambda x: np.sum(x, axis=0), "mean1": lambda x: np.mean(x, axis=-1),
    "max0": lambda x: np.max(x, axis=0), "prod1": lambda x: np.prod(x, axis=-1, keepdims=True),
    "cumsum0": lambda x: np.cumsum(x, axis=0), "clip": lambda x: np.clip(x, 1, 3),
    "clip_float": lambda x: np.clip(x, 0.5, None), "round1": lambda x: np.round(x, 1),
    "where": lambda x: np.where(x > 1, x, 0), "where_float": lambda x: np.where(x > 1, x, 0.5),
    "concatenate": lambda x: np.concatenate([x, x]), "stack": lambda x: np.stack([x, x], axis=-1),
    "append": lambda x: np.append(x, 1), "append_float": lambda x: np.append(x, 1.5),
    "reshape": lambda x: np.reshape(x, -1), "tile": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2), "roll": lambda x: np.roll(x, 1), "pad": lambda x: np.pad(x, 1),
    "pad_edge": lambda x: np.pad(x, 1, mode="edge"), "take": lambda x: np.take(x, []),
    "divide": lambda x: x / 2, "floordiv": lambda x: x // 2, "power": lambda x: np.power(x, 2),
    "power_float": lambda x: x**0.5, "multiply": lambda x: x * 2.5, "maximum": lambda x: np.maximum(x, 1),
    "dot": lambda x: np.dot(x, x.T), "outer": lambda x: np.outer(x, x), "matmul": lambda x: x @ x.T,
    "einsum": lambda x: np.einsum("...->...", x), "kron": lambda x: np.kron(x, x),
    "quantile": lambda x: np.quantile(x, 0.5), "percentile": lambda x: np.percentile(x, [20, 70]),
    "norm": lambda x: np.linalg.norm(x), "norm0": lambda x: np.linalg.norm(x, axis=0),
    "isclose": lambda x: np.isclose(x, 1), "array_equal": lambda x: np.array_equal(x, x),
    "searchsorted": lambda x: np.searchsorted([0, 2], x), "expand_dims": lambda x: np.expand_dims(x, 0),
    "interp": lambda x: np.interp(x, [0, 1, 2], [5, 6, 7]), "linspace": lambda x: np.linspace(x, 5, 3),
    "polyval": lambda x: np.polyval([1, 2, 3], x), "vstack": lambda x: np.vstack([x, x]),
    "hstack": lambda x: np.hstack([x, x]), "broadcast": lambda x: np.broadcast_to(x, (2, *x.shape)),
    "split": lambda x: np.array_split(x, 2), "delete": lambda x: np.delete(x, 0),
    "insert": lambda x: np.insert(x, 0, 7), "convolve": lambda x: np.convolve(x, [1, 2]),
    "select": lambda x: np.select([x > 1], [x]), "logaddexp": lambda x: np.logaddexp(x, x),
    "astype": lambda x: x.astype(np.int16), "item": lambda x: x.sum().astype(np.float32),
    "cov": lambda x: np.cov(x), "swap": lambda x: np.swapaxes(x, 0, -1), "add.reduce": np.add.reduce,
    "maximum.reduce": np.maximum.reduce, "logaddexp.reduce": lambda x: np.logaddexp.reduce(x),
    "geomspace": lambda x: np.geomspace(1 + abs(x), 9, 3),
    "tensordot": lambda x: np.tensordot(x, x, 0), "meshgrid": lambda x: np.meshgrid(x, x),
}
ODD = {
    "bool": np.array([[True, False, True], [False, True, True]]),
    "int8": np.array([[1, -2, 3], [4, 0, 2]], np.int8),
    "int64": np.array([[1, 2, 3], [4, 0, 2]]),
    "uint16": np.array([1, 5, 2], np.uint16),
    "float16": np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]], np.float16),
    "float32": np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]], np.float32),
    "complex64": np.array([0.5 + 1j, 1.5, 2.0 - 0.5j], np.complex64),
    "number": np.array(1.5),
    "int number": np.array(3),
    "empty": np.zeros(0),
    "empty rows": np.zeros((0, 3)),
    "empty columns": np.zeros((2, 0), np.float32),
    "strided": np.arange(12.0).reshape(3, 4)[::2, ::-2],
    "one": np.array([[2.5]]),
}


ERRORS = (TypeError, ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError)


def answer(function: Function, x: Any) -> Any:
    """The result, or the exception."""
    try:
        return function(x)
    except ERRORS as error:
        return error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ANY)
def test_other_arrays(name: str) -> None:
    """Integers, booleans, half precision, arrays of nothing and numbers: NumPy's types and errors."""
    function = ANY[name]
    for kind, x in ODD.items():
        expected = answer(function, x)
        out = answer(fxad.jit(function), x)
        if isinstance(expected, Exception):
            assert isinstance(out, Exception), (kind, expected, out)
            assert any(isinstance(out, t) and isinstance(expected, t) for t in ERRORS), (kind, out)
            continue
        assert not isinstance(out, Exception), (kind, out)
        for a, b in zip(arrays_of(out), arrays_of(expected), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), kind
            near = {2: 2e-3, 4: 1e-6}.get(b.real.dtype.itemsize, 1e-12) if b.dtype.kind in "fc" else 0
            np.testing.assert_allclose(a, b, rtol=near, atol=near, err_msg=kind)
