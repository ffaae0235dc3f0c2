"""Arrays of every kind: what a function may be given, beside an ordinary array of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["INPUTS"]

_rng = np.random.default_rng(11)
_numbers = _rng.permutation(np.linspace(-2.1, 2.4, 24)).reshape(4, 6)


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


INPUTS: dict[str, Any] = {
    "0-d": np.array(1.25),
    "scalar": np.float64(-0.75),
    "float32 scalar": np.float32(0.5),
    "0-d float32": np.array(0.5, np.float32),
    "0-d int": np.array(3),
    "vector": _numbers[0].copy(),
    "one": np.array([[0.5]]),
    "empty": np.zeros(0),
    "empty float32": np.zeros(0, np.float32),
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((3, 0)),
    "reversed": _numbers[::-1, ::-1],
    "reversed vector": _numbers[0, ::-1],
    "strided": _numbers[::2, 1::2],
    "Fortran": np.asfortranarray(_numbers),
    "transposed": _numbers.T,
    "three axes": np.moveaxis(_rng.permutation(np.linspace(-1, 1, 24)).reshape(2, 3, 4), 0, -1),
    "read-only": _read_only(_numbers),
    "broadcast": np.broadcast_to(_numbers[0], (3, 6)),
    "float32": _numbers.astype(np.float32),
    "float16": _numbers[:2].astype(np.float16),
    "complex128": _numbers[:2] + 1j * _numbers[2:],
    "complex64": (_numbers[0] + 1j * _numbers[1]).astype(np.complex64),
    "int8": np.array([[3, -2, 7], [0, 5, -6]], np.int8),
    "uint8": np.array([4, 200, 0, 17], np.uint8),
    "int64": np.array([[3, -2, 7], [0, 5, -6]]),
    "bool": np.array([True, False, True]),
    "infinite": np.array([np.inf, 1.0, -np.inf, np.nan, 0.0, -0.0]),
}
