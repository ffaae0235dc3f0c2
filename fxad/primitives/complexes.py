"""Complex numbers and their parts. The convention is JAX's: a transpose does not conjugate.

Of the plain pairing `sum(x * y)` these primitives keep the real part, Re <ct, J v> = Re <J' ct, v>:
taking a part, and the conjugate, are linear over the real numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, kernel
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import neg
from fxad.primitives.families import Elementwise, Linear
from fxad.primitives.samples import normal, sample
from fxad.primitives.trigonometric import arctan2

__all__ = ["angle", "conj", "imag", "make_complex", "real"]

_real_dtypes = {np.dtype(np.complex64): np.dtype(np.float32),
                np.dtype(np.complex128): np.dtype(np.float64)}


class Part(Linear):
    """The real or the imaginary part of `x`, in the real dtype of its precision."""

    elementwise = True

    def infer(self, x: ArrayType) -> ArrayType:
        return ArrayType(x.shape, _real_dtypes.get(x.dtype, x.dtype))

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        return self(operands[0]), dims[0]


class Real(Part):
    """The real part of `x`; of real numbers, themselves."""

    view = True

    def emit(self, x: Code) -> str:
        return f"np.real({x})"

    def transpose(self, ct: Any, x: Any) -> Any:
        return make_complex(ct, 0.0) if x.dtype.kind == "c" else ct


class Imag(Part):
    """The imaginary part of `x`; of real numbers, zero."""

    view = True

    def emit(self, x: Code) -> str:
        if x.type.dtype.kind == "c":
            return f"np.imag({x})"
        # np.imag gives zeros that can't be written to.
        return f"np.zeros_like({x})" if x.type.ndim else f"np.{x.type.dtype.type.__name__}(0)"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        return imag(tangents[0]) if primals[0].dtype.kind == "c" else None

    def transpose(self, ct: Any, x: Any) -> Any:
        # Re(-i ct v) = ct Im v
        return make_complex(0.0, neg(ct)) if x.dtype.kind == "c" else None


class MakeComplex(Elementwise):
    """`x + i y` of two real arrays, exactly: signed zeros, inf and NaN stay where they are."""

    def __init__(self) -> None:
        super().__init__(
            "complex", np.arctan2,  # a ufunc that promotes as this does, apart from the result
            jvp=[lambda out, x, y, dx: make_complex(dx, 0.0),
                 lambda out, x, y, dy: make_complex(0.0, dy)],
            transpose=[lambda ct, x, y: real(ct), lambda ct, x, y: neg(imag(ct))],
            samples=[sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal()),
                     sample(normal(), normal()), sample(normal(0, 2), normal(0, 2))],
        )

    def resolve(
        self, types: Sequence[ArrayType]
    ) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
        dtypes, out = super().resolve(types)
        return dtypes, np.result_type(out, np.complex64)

    def emit(self, *operands: Code, **params: Any) -> str:
        return f"make_complex_of({', '.join(operands)})"

    def _concrete(self, operands: Sequence[Any]) -> Any:
        return make_complex_of(*operands)


@kernel
def make_complex_of(x: Any, y: Any) -> Any:
    """`x + i y` of real arrays or numbers."""
    out = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)),
                   np.result_type(x, y, np.complex64))
    out.real = x
    out.imag = y
    return out[()]


_any = [sample(normal(3, 4), dtypes="fc"), sample(normal(), dtypes="fc"),
        sample(normal(2, 0), dtypes="c")]
real = Real("real", samples=_any)
imag = Imag("imag", samples=_any)
conj: Elementwise = Elementwise("conj", np.conjugate, jvp=lambda out, x, dx: conj(dx),
                                transpose=lambda ct, x: conj(ct), samples=_any)
make_complex = MakeComplex()


def angle(z: Any) -> Any:
    """The argument of `z`, between -pi and pi; pi and 0 of negative and other real numbers."""
    return arctan2(imag(z), real(z))
