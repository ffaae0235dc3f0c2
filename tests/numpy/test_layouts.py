"""Keywords on arrays of every layout and on empty ones, as functions and methods: what NumPy answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from fxad import tree
from tests.numpy.calls import KEYWORDS, Call, itself
from tests.numpy.test_keywords import BY_NAME, BY_VALUE, answer, assert_same

_numbers = np.random.default_rng(0).permutation(np.linspace(-2.1, 2.4, 24)).reshape(2, 3, 4)


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


#: The keywords of the calls fit arrays of shape (2, 3, 4); on other shapes most are mistakes, as in NumPy.
LAYOUTS: dict[str, Any] = {
    "Fortran": np.asfortranarray(_numbers),
    "reversed": np.ascontiguousarray(_numbers[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
    "transposed": np.ascontiguousarray(_numbers.transpose(2, 0, 1)).transpose(1, 2, 0),
    "strided": np.repeat(np.repeat(_numbers, 2, axis=0), 3, axis=2)[::2, :, ::3],
    "read-only": _read_only(_numbers),
    "broadcast": np.broadcast_to(_numbers[:1], (2, 3, 4)),
    "big-endian": _numbers.astype(">f8"),
    "unaligned": np.frombuffer(bytearray(b"\0" + _numbers.tobytes()), np.float64, offset=1).reshape(2, 3, 4),
    "no rows": np.zeros((0, 3, 4)),
    "no columns": np.zeros((2, 0, 4)),
    "nothing": np.zeros((2, 3, 0)),
    "0-d": np.array(1.25),
    "one": np.array([[[0.5]]]),
}


#: What NumPy does not check when there is nothing to compute, or finds wrong for no reason of its own.
UNCHECKED = {"average", "choose", "compress", "corrcoef", "cov", "median", "nanquantile", "percentile",
             "piecewise", "quantile", "repeat", "take"}
#: What NumPy 2.0 did not take yet.
NEWER = {"clip", "pad"} if np.lib.NumpyVersion(np.__version__) < "2.1.0" else set()
#: Methods of arrays that are not the function of the same name with the array put first.
NOT_METHODS = {"ptp", "sort", "partition", "resize", "put", "choose", "compress", "nonzero", "round", "copy"}


def native(found: Any) -> Any:
    """The results in this machine's byte order, in which fxad's are."""
    if isinstance(found, Exception):
        return found
    return [a.astype(a.dtype.newbyteorder("=")) for a in found]


def gradient(call: Call, x: Any) -> Any:
    """The gradient of the sum of all floating results."""
    def total(x: Any) -> Any:
        leaves = [v for v in tree.leaves(call(np, x)) if np.result_type(v).kind in "fc"]
        return sum((np.sum(np.real(v)) for v in leaves), start=np.sum(0.0 * x))

    return fxad.grad(total)(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("subject", [s for s in KEYWORDS if s != "histograms"])
def test_keywords_on_every_layout(subject: str) -> None:
    """Every other call on one layout, by turns; the gradient is that of a plain copy."""
    names = list(LAYOUTS)
    for i, call in enumerate(KEYWORDS[subject][::2]):
        if not hasattr(np, call.name.partition(".")[0]):
            continue
        name = names[i % len(names)]
        x = LAYOUTS[name]
        if call.name in BY_NAME | NEWER or (x.size < 2 and (call.name in UNCHECKED or "mean" in call.kwargs)):
            continue
        before = x.copy()
        expected = native(answer(lambda x, call=call: call(np, x), x))
        runs = [lambda x, call=call: fxad.jvp(lambda x: call(np, x), (x,), (np.ones_like(x),))[0]]
        if call.name not in BY_VALUE:
            runs.append(fxad.jit(lambda x, call=call: call(np, x)))
        for run in runs:
            assert_same(call, x, native(answer(run, x)), expected, strict=False)
        if not isinstance(expected, Exception) and "dtype" not in call.kwargs:
            there, plain = (answer(lambda x, call=call: gradient(call, x), y)
                            for y in (x, np.array(x, np.float64, order="C")))
            assert not isinstance(plain, Exception), f"{call}: {plain!r}"
            assert_same(call, x, native(there), plain, strict=False)
        np.testing.assert_array_equal(x, before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("subject", ["reductions", "calculus", "shapes", "selecting", "rounding", "products"])
def test_methods_take_the_keywords(subject: str) -> None:
    x = LAYOUTS["transposed"]
    for call in KEYWORDS[subject]:
        if "." in call.name or call.name in NOT_METHODS | NEWER or not hasattr(np.ndarray, call.name):
            continue
        if (call.args and call.args[0] is not itself) or "correction" in call.kwargs:
            continue  # the methods var and std do not take it

        def method(x: Any, call: Call = call) -> Any:
            return getattr(x, call.name)(*call.args[1:], **call.kwargs)

        expected = answer(method, x)
        for run in (fxad.jit(method), lambda x, m=method: fxad.jvp(m, (x,), (np.ones_like(x),))[0]):
            assert_same(call, x, answer(run, x), expected, strict=True)


def test_a_mask_makes_no_more_elements_than_there_are() -> None:
    one, mask = np.ones((2, 1)), np.array([True, False, True, True])
    for f in (np.sum, np.mean, np.var, np.any, np.nansum, np.nanmean):
        for run in (fxad.jit(lambda x, f=f: f(x, where=mask)), lambda x, f=f: fxad.vjp(
                lambda x: f(x, where=mask), x)[0]):
            with pytest.raises(ValueError, match=r"mask|broadcast"):
                run(one)
    with pytest.raises(fxad.errors.TypeMismatch) as error:
        fxad.grad(lambda x: np.prod(x, where=mask))(one)
    assert "a mask of shape (4,) (where=) is larger than the array of shape (2, 1)" in str(error.value)
    assert "np.broadcast_to(x, mask.shape)" in str(error.value)


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="since NumPy 2.2")
def test_matrix_products_do_not_broadcast_what_they_sum_over() -> None:
    cases = [(np.matvec, np.ones((3, 1)), np.ones(4)), (np.vecmat, np.ones(4), np.ones((1, 3)))]
    for function, x, y in cases:
        with pytest.raises(ValueError, match="mismatch in its core dimension"):
            function(x, y)
        with pytest.raises(fxad.errors.TypeMismatch, match="elements meet"):
            fxad.jit(function)(x, y)


def test_a_place_outside_the_array() -> None:
    for f in (np.partition, np.argpartition):
        for kth in (3, -4, [0, 5]):
            with pytest.raises(ValueError, match=r"kth\(=-?\d\) out of bounds \(3\)"):
                f(np.ones(3), kth)
            with pytest.raises(ValueError, match=r"kth\(=-?\d\) out of bounds \(3\)"):
                fxad.jit(lambda x, f=f, k=kth: f(x, k))(np.ones(3))
