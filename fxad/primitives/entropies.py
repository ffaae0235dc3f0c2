"""Products with logarithms that are 0 where the factor is: entropies and divergences.

The derivatives by the factor have the logarithm, and are infinite at 0 as those of `x log x` are. What is
divided there is 0 / 0, and its value 0, the limit for a fixed divisor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.ir.primitive import kernel
from fxad.primitives.arithmetic import equal
from fxad.primitives.exponential import log, log1p
from fxad.primitives.logical import logical_and
from fxad.primitives.samples import normal, points, positive, sample
from fxad.primitives.selection import where
from fxad.primitives.special import Special

__all__ = ["entr", "kl_div", "log_ratio", "rel_entr", "xlog1py", "xlogy"]

_inf = math.inf

_pairs = [sample(positive(3, 4), positive(3, 4)), sample(positive(3), positive()),
          sample(positive(), positive(3)), sample(positive(), positive()), sample(normal(0), normal(0))]


def ratio(x: Any, y: Any) -> Any:
    """`x / y`, and 0 for 0 / 0. Its derivative by x is 1 / y at x = 0 too."""
    return x / where(logical_and(equal(x, 0), equal(y, 0)), _inf, y)


@kernel
def xlogy_of(x: Any, y: Any) -> Any:
    """x log(y), and 0 where x is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y)).astype(np.result_type(x, y))[()]


@kernel
def xlog1py_of(x: Any, y: Any) -> Any:
    """x log(1 + y), and 0 where x is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log1p(y)).astype(np.result_type(x, y))[()]


@kernel
def log_ratio_of(x: Any, y: Any) -> Any:
    """log(x / y), of numbers close to each other and of a quotient beyond the range too."""
    with np.errstate(all="ignore"):
        quotient = np.asarray(x / y)
        near = np.abs(quotient - 1.0) < 0.5
        beyond = (quotient == 0) | np.isinf(quotient)
        found = np.where(near, np.log1p((x - y) / y), np.log(quotient))
        return np.where(beyond, np.log(x) - np.log(y), found).astype(quotient.dtype)[()]


@kernel
def rel_entr_of(x: Any, y: Any) -> Any:
    """x log(x / y), 0 at x = 0 and infinite for negative numbers."""
    with np.errstate(all="ignore"):
        inside = np.where((x == 0) & (y >= 0), 0.0, np.inf)
        found = np.where((x > 0) & (y > 0), x * log_ratio_of(x, y), inside)
        return np.where(np.isnan(x) | np.isnan(y), np.nan, found).astype(np.result_type(x, y))[()]


@kernel
def kl_div_of(x: Any, y: Any) -> Any:
    """x log(x / y) - x + y, y at x = 0 and infinite for negative numbers."""
    found = rel_entr_of(x, y)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(found) & ((x < 0) | (y <= 0)), np.inf, found - x + y).astype(found.dtype)[()]


@kernel
def entr_of(x: Any) -> Any:
    """-x log(x), 0 at 0 and minus infinity for negative numbers."""
    with np.errstate(all="ignore"):
        return np.where(x == 0, 0.0, np.where(x < 0, -np.inf, -x * np.log(x))).astype(x.dtype)[()]


class _Logarithmic(Special):
    """`log(x / y)`, which SciPy has no name for."""

    def emit(self, *operands: Any, **params: Any) -> str:
        return f"log_ratio_of({', '.join(operands)})"

    def emit_into(self, *operands: Any, out: str) -> str | None:
        return None


log_ratio = _Logarithmic(
    "log_ratio", 2, jvp=[lambda out, x, y, dx: dx / x, lambda out, x, y, dy: -(dy / y)],
    samples=[*_pairs, sample(points(1.0, 0.1, 0.7), points(1.0 + 1e-9, 2.0, 0.69999))],
)
xlogy = Special(
    "xlogy", 2, formula="xlogy_of({}, {})", complex=True,
    jvp=[lambda out, x, y, dx: dx * log(y), lambda out, x, y, dy: dy * ratio(x, y)],
    samples=[*_pairs, sample(normal(3), positive(3), dtypes="c"), sample(points(0.0), points(2.0))],
)
xlog1py = Special(
    "xlog1py", 2, formula="xlog1py_of({}, {})", complex=True,
    jvp=[lambda out, x, y, dx: dx * log1p(y), lambda out, x, y, dy: dy * ratio(x, y + 1.0)],
    samples=[*_pairs, sample(normal(3), positive(3), dtypes="c"), sample(points(0.0), points(2.0))],
)
entr = Special(
    "entr", formula="entr_of({})", jvp=lambda out, x, dx: -(dx * (log(x) + 1.0)),
    samples=[sample(positive(3, 4)), sample(positive()), sample(normal(0)),
             sample(points(0.0, -0.0, -1.0, math.inf, math.nan), smooth=False)],
)
rel_entr = Special(
    "rel_entr", 2, formula="rel_entr_of({}, {})",
    jvp=[lambda out, x, y, dx: dx * (log_ratio(x, y) + 1.0), lambda out, x, y, dy: -(dy * ratio(x, y))],
    samples=_pairs,
)
kl_div = Special(
    "kl_div", 2, formula="kl_div_of({}, {})",
    jvp=[lambda out, x, y, dx: dx * log_ratio(x, y), lambda out, x, y, dy: dy * (1.0 - ratio(x, y))],
    samples=_pairs,
)
