"""Fourier transforms as linear maps: their matrices, their transposes, their source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fxad.errors import TypeMismatch
from fxad.ir import Code, type_of
from fxad.primitives.fft import fft, irfft, resized, rfft, rfft_size
from fxad.transforms import linearize, transpose
from tests.laws import checked, program_of

NORMS = ("backward", "ortho", "forward")
SCALE = {"backward": lambda n: 1.0, "ortho": lambda n: n**-0.5, "forward": lambda n: 1 / n}


def transposed(primitive: Any, x: Any, ct: Any, **params: Any) -> Any:
    """The cotangent of the operand."""
    _, linear = linearize(program_of(primitive, [x], params))
    return checked(transpose(linear, [True]))(ct)[0]


def fourier(n: int, sign: int = -1) -> Any:
    k = np.arange(n)
    return np.exp(sign * 2j * np.pi * np.outer(k, k) / n)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", range(1, 9))
def test_the_matrix_of_the_complex_transform(n: int, norm: str) -> None:
    eye = np.eye(n, dtype=complex)
    for inverse in (False, True):
        scale = SCALE[norm](n) if not inverse else 1 / (n * SCALE[norm](n))
        params = {"axes": (1,), "inverse": inverse, "norm": norm}
        matrix = scale * fourier(n, 1 if inverse else -1)
        np.testing.assert_allclose(fft(eye, **params), matrix, atol=1e-12)
        np.testing.assert_allclose(transposed(fft, eye, eye, **params), matrix, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", range(1, 9))
def test_the_matrices_of_the_real_transforms(n: int, norm: str) -> None:
    """Row k of the cotangent of `rfft` is Re, of `irfft` the weights 1 and 2, of the same exponentials."""
    m = rfft_size(n)
    half = fourier(n)[:m]
    real, freqs = np.eye(n), np.eye(m, dtype=complex)
    params: dict[str, Any] = {"axis": 1, "norm": norm}
    np.testing.assert_allclose(rfft(real, **params), SCALE[norm](n) * half.T, atol=1e-12)
    pulled = transposed(rfft, np.zeros((m, n)), freqs, **params)
    np.testing.assert_allclose(pulled, SCALE[norm](n) * half.real, atol=1e-12)
    pulled = transposed(rfft, np.zeros((m, n)), 1j * freqs, **params)
    np.testing.assert_allclose(pulled, -SCALE[norm](n) * half.imag, atol=1e-12)
    weights = np.where((np.arange(m) == 0) | (2 * np.arange(m) == n), 1.0, 2.0)
    back = np.conj(half) * weights[:, None] / (n * SCALE[norm](n))
    np.testing.assert_allclose(irfft(freqs, n=n, **params), back.real, atol=1e-12)
    pulled = transposed(irfft, np.zeros((n, m), complex), real, n=n, **params)
    np.testing.assert_allclose(pulled, back.T, atol=1e-12)


def test_transposing_twice_gives_the_transform() -> None:
    for primitive, x, params in (
        (rfft, np.zeros(6), {"axis": 0, "norm": "backward"}),
        (irfft, np.zeros(3, complex), {"n": 5, "axis": 0, "norm": "ortho"}),
    ):
        _, linear = linearize(program_of(primitive, [x], params))
        twice = transpose(transpose(linear, [True]), [True])
        given = np.arange(1.0, x.size + 1).astype(x.dtype)
        np.testing.assert_allclose(checked(twice)(given)[0], checked(linear)(given)[0], atol=1e-12)


@pytest.mark.parametrize(("primitive", "x", "params", "source"), [
    (fft, np.zeros((3, 4), complex), {"axes": (1,), "inverse": False, "norm": "backward"}, "np.fft.fft(x)"),
    (fft, np.zeros((3, 4), complex), {"axes": (0,), "inverse": True, "norm": "ortho"},
     "np.fft.ifft(x, axis=0, norm='ortho')"),
    (fft, np.zeros((3, 4), complex), {"axes": (0, 1), "inverse": True, "norm": "backward"},
     "np.fft.ifftn(x, axes=(0, 1))"),
    (rfft, np.zeros(4), {"axis": 0, "norm": "forward"}, "np.fft.rfft(x, norm='forward')"),
    (irfft, np.zeros(3, complex), {"n": 4, "axis": 0, "norm": "backward"}, "np.fft.irfft(x)"),
    (irfft, np.zeros((3, 1), complex), {"n": 5, "axis": 0, "norm": "backward"},
     "np.fft.irfft(x, 5, axis=0)"),
])
def test_the_source_is_what_one_would_write(primitive: Any, x: Any, params: Any, source: str) -> None:
    assert primitive.emit(Code("x", type_of(x)), **params) == source


@pytest.mark.parametrize(("primitive", "x", "params"), [
    (fft, np.zeros(3), {"axes": (0,), "inverse": False, "norm": "backward"}),
    (fft, np.zeros(3, complex), {"axes": (1,), "inverse": False, "norm": "backward"}),
    (fft, np.zeros(3, complex), {"axes": (0,), "inverse": False, "norm": None}),
    (fft, np.zeros((0, 2), complex), {"axes": (0,), "inverse": False, "norm": "ortho"}),
    (rfft, np.zeros(3, complex), {"axis": 0, "norm": "backward"}),
    (irfft, np.zeros(3, complex), {"n": 3, "axis": 0, "norm": "backward"}),
    (irfft, np.zeros(3), {"n": 4, "axis": 0, "norm": "backward"}),
])
def test_operands_that_do_not_fit(primitive: Any, x: Any, params: Any) -> None:
    with pytest.raises(TypeMismatch, match=f"{primitive.name} of "):
        program_of(primitive, [x], params)


def test_resized() -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(resized(x, 2, 1), x[:, :2])
    np.testing.assert_array_equal(resized(x, 3, 0), np.vstack([x, np.zeros(3)]))
    assert resized(x, 3, 1) is x


def test_work_is_counted() -> None:
    assert fft.flops(type_of(np.zeros((3, 8), complex)), axes=(1,)) == 5 * 24 * 3
    assert rfft.flops(type_of(np.zeros(8)), axis=0) == 5 * 8 * 3
