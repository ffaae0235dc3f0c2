"""Discrete Fourier transforms: of complex numbers, of real ones, and back to real ones.

All are linear. What `norm` scales with is NumPy's: "backward" nothing forwards and 1/n on the way back,
"forward" the other way round, "ortho" 1/sqrt(n) both ways. The sizes are those of the operands: NumPy's
`n` and `s` are equations of their own, which crop or append zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.complexes import conj
from fxad.primitives.creation import iota_like
from fxad.primitives.families import Linear
from fxad.primitives.logical import logical_or
from fxad.primitives.samples import normal, sample
from fxad.primitives.selection import where
from fxad.primitives.slicing import pad_with

__all__ = ["COMPLEX_OF", "fft", "irfft", "resized", "rfft", "rfft_size"]

#: The dtype of the transform of real numbers; longer or shorter ones have none.
COMPLEX_OF = {np.dtype("f4"): np.dtype("c8"), np.dtype("f8"): np.dtype("c16")}
_REAL_OF = {c: f for f, c in COMPLEX_OF.items()}
#: The norm by which the transform in the other direction has the same scale.
_OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def rfft_size(n: int) -> int:
    """How many of the `n` frequencies of real numbers are not negative."""
    return n // 2 + 1


def resized(x: Any, n: int, axis: int) -> Any:
    """`x` with size `n` along an axis: cropped, or with zeros at its end."""
    extra = n - x.shape[axis]
    if not extra:
        return x
    high = [extra if i == axis else 0 for i in range(x.ndim)]
    return pad_with(x, [0] * x.ndim, high)


def _arguments(x: ArrayType, axes: tuple[int, ...], norm: str) -> str:
    """The keywords of a transform of one axis, or of several, in their shortest form."""
    last = axes == (x.ndim - 1,)
    text = f", axes={axes}" if len(axes) > 1 else "" if last else f", axis={axes[0]}"
    return text if norm == "backward" else f"{text}, norm={norm!r}"


class FourierTransform(Linear):
    """The transform of complex numbers along `axes`, one after the other from the last one.

    `sum(x[j] * exp(-2 pi i j k / n))`, or with `+` if `inverse`. Its matrix is symmetric, so it is its
    own transpose.
    """

    def infer(self, x: ArrayType, *, axes: tuple[int, ...], inverse: bool, norm: str) -> ArrayType:
        require(x.dtype in _REAL_OF and len(axes) > 0 and norm in _OPPOSITE
                and all(0 <= a < x.ndim and x.shape[a] for a in axes),
                f"fft of {x} along axes {axes} with norm {norm!r}")
        return x

    def emit(self, x: Code, *, axes: tuple[int, ...], inverse: bool, norm: str) -> str:
        name = f"{'i' if inverse else ''}fft{'n' if len(axes) > 1 else ''}"
        return f"np.fft.{name}({x}{_arguments(x.type, axes, norm)})"

    def transpose(self, ct: Any, x: Any, **params: Any) -> Any:
        return self(ct, **params)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axes: tuple[int, ...], inverse: bool, norm: str,
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        moved = tuple(a + (a >= dim) for a in axes)
        return self(operands[0], axes=moved, inverse=inverse, norm=norm), dim

    def flops(self, x: ArrayType, *, axes: tuple[int, ...], **params: Any) -> int:
        return sum(_flops(x.size, x.shape[a]) for a in axes)


class HalfTransform(Linear):
    """Between `n` real numbers along an axis and the frequencies of them that are not negative.

    Those are `n // 2 + 1`. The first one, and for even `n` the last one, stand for themselves; each of
    the others stands also for its negative, whose value is the conjugate.
    """

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *,
        axis: int, **params: Any,
    ) -> tuple[Any, Any]:
        dim = dims[0] or 0
        return self(operands[0], axis=axis + (axis >= dim), **params), dim

    def flops(self, x: ArrayType, *, axis: int, **params: Any) -> int:
        return _flops(x.size, x.shape[axis])


class RealTransform(HalfTransform):
    """The transform of real numbers along an axis, without the negative frequencies."""

    def infer(self, x: ArrayType, *, axis: int, norm: str) -> ArrayType:
        require(x.dtype in COMPLEX_OF and norm in _OPPOSITE and 0 <= axis < x.ndim
                and x.shape[axis] > 0, f"rfft of {x} along axis {axis} with norm {norm!r}")
        shape = tuple(rfft_size(n) if i == axis else n for i, n in enumerate(x.shape))
        return ArrayType(shape, COMPLEX_OF[x.dtype])

    def emit(self, x: Code, *, axis: int, norm: str) -> str:
        return f"np.fft.rfft({x}{_arguments(x.type, (axis,), norm)})"

    def transpose(self, ct: Any, x: Any, *, axis: int, norm: str) -> Any:
        # Re sum_k ct[k] exp(-2 pi i j k / n) over the frequencies k that are there. irfft counts those
        # twice that have a negative, and its exponent has the other sign.
        n = x.shape[axis]
        once = where(_alone(ct, n, axis), ct, 0.5 * ct)
        return irfft(conj(once), n=n, axis=axis, norm=_OPPOSITE[norm])


class RealInverse(HalfTransform):
    """`n` real numbers along an axis from their frequencies that are not negative.

    The imaginary parts of the frequencies that stand for themselves alone are not looked at.
    """

    def infer(self, x: ArrayType, *, n: int, axis: int, norm: str) -> ArrayType:
        require(x.dtype in _REAL_OF and norm in _OPPOSITE and 0 <= axis < x.ndim
                and n > 0 and x.shape[axis] == rfft_size(n),
                f"irfft of {x} along axis {axis} to size {n} with norm {norm!r}")
        shape = tuple(n if i == axis else m for i, m in enumerate(x.shape))
        return ArrayType(shape, _REAL_OF[x.dtype])

    def emit(self, x: Code, *, n: int, axis: int, norm: str) -> str:
        size = f", {n}" if n % 2 else ""
        return f"np.fft.irfft({x}{size}{_arguments(x.type, (axis,), norm)})"

    def transpose(self, ct: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
        # x[k] counts twice where it has a negative: sum_j ct[j] exp(+2 pi i j k / n), ct real.
        freqs = conj(rfft(ct, axis=axis, norm=_OPPOSITE[norm]))
        return where(_alone(freqs, n, axis), freqs, 2.0 * freqs)


def _alone(x: Any, n: int, axis: int) -> Any:
    """Where along an axis of the half spectrum `x` of `n` numbers a frequency has no negative."""
    k = iota_like(x, x.shape, axis)
    zero = equal(k, 0)
    return zero if n % 2 else logical_or(zero, equal(k, n // 2))


def _flops(size: int, n: int) -> int:
    return 5 * size * max(n - 1, 1).bit_length()


_both = [(inverse, norm) for inverse in (False, True) for norm in _OPPOSITE]
_shapes: list[tuple[tuple[int, ...], int]] = [
    ((6,), 0), ((5,), 0), ((1,), 0), ((2,), 0), ((3, 4), 1), ((4, 3), 0), ((2, 5, 3), 1), ((0, 4), 1),
]

fft = FourierTransform("fft", samples=[
    *(sample(normal(5), axes=(0,), inverse=inverse, norm=norm, dtypes="c") for inverse, norm in _both),
    *(sample(normal(*shape), axes=(axis,), inverse=False, norm="backward", dtypes="c")
      for shape, axis in _shapes),
    *(sample(normal(2, 3, 4), axes=axes, inverse=inverse, norm=norm, dtypes="c")
      for axes, (inverse, norm) in zip(((0, 2), (1, 0), (2, 1, 0), (1, 1)), _both, strict=False)),
])
rfft = RealTransform("rfft", samples=[
    *(sample(normal(n), axis=0, norm=norm) for n in (5, 6) for norm in _OPPOSITE),
    *(sample(normal(*shape), axis=axis, norm="backward") for shape, axis in _shapes),
])
irfft = RealInverse("irfft", samples=[
    *(sample(normal(rfft_size(n)), n=n, axis=0, norm=norm, dtypes="c")
      for n in (5, 6) for norm in _OPPOSITE),
    *(sample(normal(*(rfft_size(n) if i == axis else n for i, n in enumerate(shape))),
             n=shape[axis], axis=axis, norm="backward", dtypes="c") for shape, axis in _shapes),
])
