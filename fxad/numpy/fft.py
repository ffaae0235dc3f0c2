"""`numpy.fft` on arrays and traced values alike; the transforms are in `fxad.primitives.fft`."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, refuse_out, refused
from fxad.numpy.dispatch import implements
from fxad.numpy.shaping import roll
from fxad.primitives import fft as primitive
from fxad.primitives.complexes import conj
from fxad.primitives.fft import COMPLEX_OF, resized, rfft_size
from fxad.primitives.structural import convert_to

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]

_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


# -- arguments ------------------------------------------------------------------------------------


def _norm_of(norm: Any) -> str:
    """The name of a norm; None is "backward"."""
    if norm is None:
        return "backward"
    if norm not in _SWAPPED:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return str(norm)


def _size_of(n: Any) -> int:
    """A number of points, which is positive."""
    size: int = operator.index(n)
    if size < 1:
        raise ValueError(f"Invalid number of FFT data points ({size}) specified.")
    return size


def _axes_of(x: Any, s: Any, axes: Any, half: bool = False) -> tuple[list[int], list[int]]:
    """The sizes and the axes of a transform of several axes.

    Args:
        x: the array.
        s: the sizes; None, or -1 in an entry, for those of `x`.
        axes: the axes; None for the last ones, as many as there are sizes.
        half: whether the last axis holds half a spectrum, which is not as long as the result.
    """
    given = s is not None
    if given:
        s = list(s)
        if axes is None:
            _deprecated("`axes` should not be `None` if `s` is not `None`: name the axes")
    count = len(s) if given else x.ndim
    where = [axis_of(a, x.ndim) for a in (range(-count, 0) if axes is None else axes)]
    if not given:
        s = [x.shape[a] for a in where]
        if half:
            s[-1] = 2 * (s[-1] - 1)
    if len(s) != len(where):
        raise ValueError("Shape and axes have different lengths.")
    if None in s:
        _deprecated("`s` should not have an entry None: use -1 for the size of the axis")
    # An entry -1 is the size of the array even where that is half a spectrum, as NumPy has it.
    return [x.shape[a] if n is None or n == -1 else n for n, a in zip(s, where, strict=True)], where


def _deprecated(message: str) -> None:
    warnings.warn(f"{message} (deprecated in NumPy 2.0)", DeprecationWarning, stacklevel=4)


def _as_complex(x: Any) -> Any:
    """`x` in the complex dtype in which NumPy transforms it."""
    if x.dtype.kind == "c":
        return x
    return convert_to(x, COMPLEX_OF[_real_dtype(x)])


def _as_real(x: Any, name: str) -> Any:
    """`x` in the real dtype in which NumPy transforms it."""
    if x.dtype.kind == "c":
        raise refused(f"np.fft.{name} takes real numbers, not {x.dtype}.",
                      f"np.fft.{name}(x.real), or np.fft.fft(x), which takes complex ones")
    return convert_to(x, _real_dtype(x))


def _real_dtype(x: Any) -> np.dtype[Any]:
    """Single precision of half and single, and double of all else."""
    return np.dtype(np.float32 if x.dtype.char in "ef" else np.float64)


# -- one axis -------------------------------------------------------------------------------------


def _one_axis(a: Any, n: Any, axis: Any, norm: Any, inverse: bool) -> Any:
    a = as_array(a)
    axis = axis_of(axis, a.ndim)
    n = _size_of(a.shape[axis] if n is None else n)
    a = resized(_as_complex(a), n, axis)
    return primitive.fft(a, axes=(axis,), inverse=inverse, norm=_norm_of(norm))


def _half(a: Any, n: Any, axis: Any, norm: str, name: str) -> Any:
    """The frequencies, not negative, of real numbers."""
    a = as_array(a)
    axis = axis_of(axis, a.ndim)
    n = _size_of(a.shape[axis] if n is None else n)
    return primitive.rfft(resized(_as_real(a, name), n, axis), axis=axis, norm=norm)


def _from_half(a: Any, n: Any, axis: Any, norm: str, conjugate: bool = False) -> Any:
    """Real numbers from their frequencies that are not negative."""
    a = as_array(a)
    axis = axis_of(axis, a.ndim)
    n = _size_of(2 * (a.shape[axis] - 1) if n is None else n)
    half = resized(_as_complex(a), rfft_size(n), axis)
    if conjugate and a.dtype.kind == "c":
        half = conj(half)
    out = primitive.irfft(half, n=n, axis=axis, norm=norm)
    return convert_to(out, a.dtype) if a.dtype == np.float16 else out


@implements(np.fft.fft)
def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.fft", out)
    return _one_axis(a, n, axis, norm, False)


@implements(np.fft.ifft)
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.ifft", out)
    return _one_axis(a, n, axis, norm, True)


@implements(np.fft.rfft)
def rfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.rfft", out)
    return _half(a, n, axis, _norm_of(norm), "rfft")


@implements(np.fft.irfft)
def irfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.irfft", out)
    return _from_half(a, n, axis, _norm_of(norm))


@implements(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.hfft", out)
    return _from_half(a, n, axis, _SWAPPED[_norm_of(norm)], conjugate=True)


@implements(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.ihfft", out)
    return conj(_half(a, n, axis, _SWAPPED[_norm_of(norm)], "ihfft"))


# -- several axes ---------------------------------------------------------------------------------


def _several_axes(a: Any, s: Any, axes: Any, norm: Any, inverse: bool) -> Any:
    a = as_array(a)
    sizes, where = _axes_of(a, s, axes)
    return _along(a, sizes, where, _norm_of(norm), inverse)


def _along(a: Any, sizes: Sequence[int], axes: Sequence[int], norm: str, inverse: bool) -> Any:
    """The transform along axes, to sizes. An axis that is named twice is transformed twice."""
    if not axes:
        return a
    sizes = [_size_of(n) for n in sizes]
    a = _as_complex(a)
    if len(set(axes)) < len(axes):
        for n, axis in zip(reversed(sizes), reversed(axes), strict=True):
            a = primitive.fft(resized(a, n, axis), axes=(axis,), inverse=inverse, norm=norm)
        return a
    for n, axis in zip(sizes, axes, strict=True):
        a = resized(a, n, axis)
    return primitive.fft(a, axes=tuple(axes), inverse=inverse, norm=norm)


def _half_of_several(a: Any, s: Any, axes: Any, norm: Any, name: str) -> Any:
    a = as_array(a)
    norm = _norm_of(norm)
    sizes, where = _axes_of(a, s, axes)
    first = _half(a, sizes[-1], where[-1], norm, name)
    return _along(first, sizes[:-1], where[:-1], norm, False)


def _from_half_of_several(a: Any, s: Any, axes: Any, norm: Any) -> Any:
    a = as_array(a)
    norm = _norm_of(norm)
    sizes, where = _axes_of(a, s, axes, half=True)
    return _from_half(_along(a, sizes[:-1], where[:-1], norm, True), sizes[-1], where[-1], norm)


@implements(np.fft.fftn)
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.fftn", out)
    return _several_axes(a, s, axes, norm, False)


@implements(np.fft.ifftn)
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.ifftn", out)
    return _several_axes(a, s, axes, norm, True)


@implements(np.fft.rfftn)
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.rfftn", out)
    return _half_of_several(a, s, axes, norm, "rfftn")


@implements(np.fft.irfftn)
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.irfftn", out)
    return _from_half_of_several(a, s, axes, norm)


@implements(np.fft.fft2)
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.fft2", out)
    return _several_axes(a, s, axes, norm, False)


@implements(np.fft.ifft2)
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.ifft2", out)
    return _several_axes(a, s, axes, norm, True)


@implements(np.fft.rfft2)
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.rfft2", out)
    return _half_of_several(a, s, axes, norm, "rfft2")


@implements(np.fft.irfft2)
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Any:
    refuse_out("fft.irfft2", out)
    return _from_half_of_several(a, s, axes, norm)


# -- frequencies ----------------------------------------------------------------------------------


def fftfreq(n: int, d: Any = 1.0, device: str | None = None, *, dtype: Any = None) -> Any:
    """The frequencies of `np.fft.fft` of `n` samples at distance `d`, the negative ones last.

    Args:
        n: the number of samples.
        d: their distance; it may be a traced value.
        device: None or "cpu", as in NumPy.
        dtype: a floating point dtype for the result, as the array API standard has it.

    Raises:
        TypeMismatch: `dtype` is not one of real floating point numbers.

    >>> fftfreq(4, 0.5)
    array([ 0. ,  0.5, -1. , -0.5])
    """
    _check_device(device)
    return _in_dtype(np.fft.fftfreq(n, d), dtype, "fftfreq")


def rfftfreq(n: int, d: Any = 1.0, device: str | None = None, *, dtype: Any = None) -> Any:
    """The frequencies of `np.fft.rfft` of `n` samples at distance `d`; the arguments are `fftfreq`'s.

    >>> rfftfreq(5, 0.2)
    array([0., 1., 2.])
    """
    _check_device(device)
    return _in_dtype(np.fft.rfftfreq(n, d), dtype, "rfftfreq")


def _check_device(device: str | None) -> None:
    if device not in (None, "cpu"):
        raise ValueError(f'Device not understood. Only "cpu" is allowed, but received: {device}')


def _in_dtype(x: Any, dtype: Any, name: str) -> Any:
    if dtype is None:
        return x
    if np.dtype(dtype).kind != "f":
        raise refused(f"fft.{name} gives real floating point numbers, not {np.dtype(dtype)}.",
                      f"fft.{name}(n, d, dtype=np.float64)")
    return x.astype(dtype)


def _shifted(x: Any, axes: Any, forward: bool) -> Any:
    x = as_array(x)
    if axes is None:
        axes = tuple(range(x.ndim))
    elif not isinstance(axes, (tuple, list)):
        axes = (operator.index(axes),)
    half = [x.shape[axis_of(a, x.ndim)] // 2 for a in axes]
    return roll(x, half if forward else [-n for n in half], tuple(axes))


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, True)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, False)
