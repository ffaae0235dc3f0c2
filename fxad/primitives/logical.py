"""Logic on booleans, bits of integers, and questions about floats. None has a derivative."""

from __future__ import annotations

import numpy as np

from fxad.primitives.families import Elementwise
from fxad.primitives.samples import integers, normal, points, sample

__all__ = ["bitwise_and", "bitwise_or", "bitwise_xor", "invert", "isfinite", "isinf", "isnan",
           "left_shift", "logical_and", "logical_not", "logical_or", "logical_xor", "right_shift",
           "signbit"]

_bits = [sample(integers(0, 8, 3, 4), integers(0, 8, 3, 4), smooth=False)]
_two = [sample(normal(3, 4), normal(3, 4), dtypes="fib", smooth=False)]
_odd = [sample(points(0.0, np.nan, np.inf, -np.inf, 1.0), smooth=False)]

bitwise_and = Elementwise("bitwise_and", np.bitwise_and, symbol="&", commutative=True, samples=_bits)
bitwise_or = Elementwise("bitwise_or", np.bitwise_or, symbol="|", commutative=True, samples=_bits)
bitwise_xor = Elementwise("bitwise_xor", np.bitwise_xor, symbol="^", commutative=True, samples=_bits)
invert = Elementwise("invert", np.invert, symbol="~",
                     samples=[sample(integers(0, 8, 3, 4), smooth=False)])
left_shift = Elementwise("left_shift", np.left_shift, symbol="<<", samples=_bits)
right_shift = Elementwise("right_shift", np.right_shift, symbol=">>", samples=_bits)
logical_and = Elementwise("logical_and", np.logical_and, commutative=True, samples=_two)
logical_or = Elementwise("logical_or", np.logical_or, commutative=True, samples=_two)
logical_xor = Elementwise("logical_xor", np.logical_xor, commutative=True, samples=_two)
logical_not = Elementwise("logical_not", np.logical_not,
                          samples=[sample(normal(3, 4), dtypes="fib", smooth=False)])
isnan = Elementwise("isnan", np.isnan, scalar="math.isnan({})", samples=_odd)
isinf = Elementwise("isinf", np.isinf, scalar="math.isinf({})", samples=_odd)
isfinite = Elementwise("isfinite", np.isfinite, scalar="math.isfinite({})", samples=_odd)
signbit = Elementwise("signbit", np.signbit, samples=_odd)
