"""Elementary functions on Python floats: the C library's, where NumPy's give the same bits.

NumPy has vectorised versions of its own for processors with wide registers, whose last bit often differs.
Which it uses is a fact of the machine, so a few values are compared once.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["scalar_template"]

_MATH = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
         "arctanh": "atanh", "arctan2": "atan2"}
#: Where NumPy's own versions are in use, each of these differs at about every second or third value.
_TELLING = ("cbrt", "log10", "arcsinh", "sinh")


def _numpy_has_its_own() -> bool:
    values = np.linspace(0.1, 3.7, 32)
    return any(
        getattr(np, name)(values).tolist() != list(map(getattr(math, _MATH.get(name, name)), values.tolist()))
        for name in _TELLING
    )


_OWN = _numpy_has_its_own()


def scalar_template(name: str, operands: str = "{}") -> str:
    """The template over Python floats for NumPy's function `name`."""
    if _OWN:
        return f"float(np.{name}({operands}))"
    return f"math.{_MATH.get(name, name)}({operands})"
