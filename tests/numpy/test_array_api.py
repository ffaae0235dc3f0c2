"""The array API standard (2024.12): its names, the methods of its arrays, and code written against it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad import tree
from fxad.errors import ConcretizationError
from fxad.tracing import Tracer

#: The standard's names, by the sections that it has. https://data-apis.org/array-api/2024.12/
NAMES = {
    "constants": "e inf nan newaxis pi",
    "creation": """arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones
        ones_like tril triu zeros zeros_like""",
    "data types": """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
        complex128 astype can_cast finfo iinfo isdtype result_type""",
    "elementwise": """abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert
        bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide
        equal exp expm1
        floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log10
        log1p log2 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply negative
        nextafter not_equal positive pow real reciprocal remainder round sign signbit sin sinh sqrt square
        subtract tan tanh trunc""",
    "indexing": "take take_along_axis",
    "linear algebra": "matmul matrix_transpose tensordot vecdot",
    "manipulation": """broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat
        reshape roll squeeze stack tile unstack""",
    "searching": "argmax argmin count_nonzero nonzero searchsorted where",
    "sets": "unique_all unique_counts unique_inverse unique_values",
    "sorting": "argsort sort",
    "statistics": "cumulative_prod cumulative_sum max mean min prod std sum var",
    "utilities": "all any diff",
    "linalg": """cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank
        matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm""",
    "fft": """fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn""",
}
OPERATORS = "add sub mul truediv floordiv pow mod matmul and or xor lshift rshift"
METHODS = f"""abs array_namespace bool complex dlpack dlpack_device eq float ge getitem gt index int invert
    le lt ne neg pos setitem {OPERATORS} {" ".join("i" + n for n in OPERATORS.split())}
    {" ".join("r" + n for n in OPERATORS.split())}""".split()
ATTRIBUTES = ["dtype", "device", "mT", "ndim", "shape", "size", "T", "to_device"]


@pytest.mark.parametrize("section", NAMES)
def test_the_namespace_has_every_name(section: str) -> None:
    space = getattr(fnp, section) if section in ("linalg", "fft") else fnp
    assert not [name for name in NAMES[section].split() if not hasattr(space, name)]


@pytest.mark.parametrize("method", [*(f"__{m}__" for m in METHODS), *ATTRIBUTES])
def test_a_traced_value_has_every_method(method: str) -> None:
    assert inspect.getattr_static(Tracer, method, None) is not None


@pytest.mark.skipif(not hasattr(np, "__array_namespace_info__"), reason="since NumPy 2.1")
def test_the_namespace_says_what_it_has() -> None:
    assert fnp.__array_api_version__ == np.__array_api_version__
    info = fnp.__array_namespace_info__()
    assert info.default_device() == "cpu"
    assert info.default_dtypes()["real floating"] == np.float64
    assert info.capabilities()["boolean indexing"]


def in_trace(f: Callable[[Any], Any], x: Any) -> Any:
    """What a function says of a traced value, that is not an array."""
    found: list[Any] = []
    fxad.jit(lambda x: found.append(f(x)) or x)(x)
    return found[0]


def test_where_a_traced_value_is() -> None:
    x = np.ones((2, 3))
    assert in_trace(lambda x: x.__array_namespace__(), x) is fnp
    assert in_trace(lambda x: x.__array_namespace__(api_version="2022.12"), x) is fnp
    with pytest.raises(ValueError, match="is not supported"):
        fxad.jit(lambda x: x.__array_namespace__(api_version="1789.07"))(x)
    assert in_trace(lambda x: x.device, x) == x.device == "cpu"
    assert in_trace(lambda x: x.__dlpack_device__(), x) == x.__dlpack_device__()
    np.testing.assert_array_equal(fxad.jit(lambda x: x.to_device("cpu") * 2)(x), 2 * x)
    for wrong in (lambda x: x.to_device("cuda"), lambda x: x.to_device("cpu", stream=1)):
        with pytest.raises(ValueError, match=r"device|stream") as expected:
            wrong(x)
        with pytest.raises(ValueError, match=r"device|stream") as error:
            fxad.jit(wrong)(x)
        assert str(error.value) == str(expected.value)


@pytest.mark.parametrize("export", [lambda x: x.__dlpack__(), np.from_dlpack, fnp.from_dlpack])
def test_memory_is_not_handed_out(export: Any) -> None:
    with pytest.raises(ConcretizationError) as error:
        fxad.grad(lambda x: np.sum(export(x)))(np.ones(3))
    assert "it is about the bytes in memory, which a traced array does not have" in str(error.value)
    assert "Write instead: x itself" in str(error.value)


# -- code that is written against the standard, and has never heard of fxad or NumPy ---------------------


def softmax(x: Any) -> Any:
    xp = x.__array_namespace__()
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def layer_norm(x: Any) -> Any:
    xp = x.__array_namespace__()
    centered = x - xp.mean(x, axis=-1, keepdims=True)
    scale = xp.sqrt(xp.var(x, axis=-1, correction=1, keepdims=True) + xp.finfo(x.dtype).eps)
    return xp.where(centered > 0, centered / scale, xp.asarray(0.1, dtype=x.dtype) * centered)


def gram_schmidt(x: Any) -> Any:
    xp = x.__array_namespace__()
    found: list[Any] = []
    for row in xp.unstack(x, axis=0) if hasattr(xp, "unstack") else list(x):
        for q in found:
            row = row - xp.vecdot(q, row) * q
        found.append(row / xp.linalg.vector_norm(row))
    return xp.stack(found, axis=0)


def smoothed(x: Any) -> Any:
    """A low pass, in the frequency domain."""
    xp = x.__array_namespace__()
    n = x.shape[-1]
    spectrum = xp.fft.rfft(x, axis=-1)
    keep = xp.astype(xp.arange(spectrum.shape[-1]) < 3, x.dtype) if hasattr(xp, "astype") else (
        xp.arange(spectrum.shape[-1]) < 3)
    return xp.fft.irfft(spectrum * keep, n=n, axis=-1)


def whitened(x: Any) -> Any:
    xp = x.__array_namespace__()
    centered = x - xp.mean(x, axis=0)
    cov = xp.matmul(xp.matrix_transpose(centered), centered) / x.shape[0] + xp.eye(x.shape[1], dtype=x.dtype)
    w, v = xp.linalg.eigh(cov)
    return xp.linalg.solve(xp.linalg.cholesky(cov), centered.mT), xp.sum(xp.log(w)), xp.abs(xp.linalg.det(v))


def in_place(x: Any) -> Any:
    xp = x.__array_namespace__()
    out = xp.zeros_like(x)
    out[..., 1:] = x[..., :-1]
    out[..., 0] = xp.sum(x, axis=-1)
    out += 1.0
    out *= x
    return xp.concat([out, xp.flip(out, axis=-1)], axis=-1), xp.permute_dims(out, (1, 0))


def sorted_pairs(x: Any) -> Any:
    xp = x.__array_namespace__()
    order = xp.argsort(x, axis=-1)
    low, high = xp.min(x), xp.max(x)
    assert bool(low <= high)
    gaps = xp.diff(xp.sort(x, axis=-1))
    return xp.take_along_axis(x, order, axis=-1), xp.clip(x, low * 0.5, high * 0.5), gaps


WRITTEN = [softmax, layer_norm, gram_schmidt, smoothed, whitened, in_place, sorted_pairs]
X = np.random.default_rng(4).normal(size=(3, 5))


@pytest.mark.parametrize("f", WRITTEN, ids=lambda f: f.__name__)
def test_code_written_against_the_standard(f: Any) -> None:
    rng = np.random.default_rng(2)
    expected = tree.leaves(f(X))
    direction = rng.normal(size=X.shape)
    out, tangents = fxad.jvp(f, (X,), (direction,))
    h = 1e-6
    moved = [(a - b) / (2 * h) for a, b in zip(*(tree.leaves(f(X + k * h * direction)) for k in (1, -1)),
                                              strict=True)]
    for a, b, d, m in zip(tree.leaves(out), expected, tree.leaves(tangents), moved, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(d, m, rtol=1e-6, atol=1e-8)
    value, pull = fxad.vjp(f, X)
    cts = tree.map(lambda v: rng.normal(size=v.shape)[()], value)
    paired = sum(np.sum(c * d) for c, d in zip(tree.leaves(cts), tree.leaves(tangents), strict=True))
    np.testing.assert_allclose(np.sum(pull(cts)[0] * direction), paired, rtol=1e-10)
    for a, b in zip(tree.leaves(fxad.jit(f)(X)), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("f", [f for f in WRITTEN if f is not sorted_pairs], ids=lambda f: f.__name__)
def test_it_is_mapped(f: Any) -> None:
    batch = np.stack([X, 1.5 * X[::-1], X**2])
    found = tree.leaves(fxad.vmap(f)(batch))
    each = [tree.leaves(f(x)) for x in batch]
    for a, b in zip(found, zip(*each, strict=True), strict=True):
        np.testing.assert_allclose(a, np.stack(b), rtol=1e-10, atol=1e-12)
    gradient = fxad.grad(lambda x: sum(np.sum(v**2) for v in tree.leaves(f(x))))
    np.testing.assert_allclose(fxad.vmap(gradient)(batch), np.stack([gradient(x) for x in batch]), rtol=1e-9,
                               atol=1e-11)
