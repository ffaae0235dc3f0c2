"""Bits packed into bytes, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.numpy.arguments import as_array, axis_of, converted, join
from fxad.numpy.dispatch import implements
from fxad.numpy.reductions import truth
from fxad.numpy.shaping import moveaxis, ravel, reshaped
from fxad.primitives.structural import reduce_sum

__all__ = ["packbits", "unpackbits"]

_BIG, _LITTLE = [2**i for i in range(7, -1, -1)], [2**i for i in range(8)]


def _weights(bitorder: str) -> Any:
    """What each of eight bits counts."""
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return np.array(_BIG if bitorder == "big" else _LITTLE, np.uint8)


def _last(a: Any, axis: Any) -> tuple[Any, Any]:
    """The array with the axis along which the bits lie at the end, and where it was."""
    if axis is None:
        return ravel(a), 0
    axis = axis_of(axis, a.ndim)
    return moveaxis(a, axis, -1), axis


@implements(np.packbits)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    x = as_array(a)
    if x.dtype.kind not in "iub":
        raise TypeError("Expected an input array of integer or boolean data type")
    x, place = _last(truth(x), axis)
    count = math.ceil(x.shape[-1] / 8)
    x = join([x, np.zeros((*x.shape[:-1], 8 * count - x.shape[-1]), bool)], x.ndim - 1)
    bits = converted(reshaped(x, (*x.shape[:-1], count, 8)), np.uint8)
    return moveaxis(reduce_sum(bits * _weights(bitorder), axes=(bits.ndim - 1,)), -1, place)


@implements(np.unpackbits)
def unpackbits(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    x = as_array(a)
    if x.dtype != np.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    x, place = _last(x, axis)
    bits = converted((x[..., None] & _weights(bitorder)) != 0, np.uint8)
    bits = reshaped(bits, (*bits.shape[:-2], 8 * bits.shape[-2]))
    if count is not None and count > bits.shape[-1]:
        bits = join([bits, np.zeros((*bits.shape[:-1], count - bits.shape[-1]), np.uint8)], bits.ndim - 1)
    elif count is not None:
        bits = bits[..., : count if count >= 0 else max(bits.shape[-1] + count, 0)]
    return moveaxis(bits, -1, place)
