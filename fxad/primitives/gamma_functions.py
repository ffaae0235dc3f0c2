"""The gamma function, its logarithm and derivatives, and the beta function.

Formulas: Abramowitz and Stegun (1964), chapters 6 and 26, and the Digital Library of Mathematical Functions
(DLMF), chapters 5, 8 and 25.
"""

from __future__ import annotations

import math
from typing import Any

from fxad.ir.primitive import Code, kernel
from fxad.primitives.samples import normal, points, positive, sample
from fxad.primitives.special import OfOrder, Special, missing, scipy, scipy_special

__all__ = ["beta", "betaln", "digamma", "gamma", "gammaln", "gammasgn", "loggamma", "polygamma"]

_samples = [sample(positive(3, 4)), sample(positive()), sample(normal(0, 2)),
            sample(points(-0.5, -2.3, 7.5, 40.0))]
_pairs = [sample(positive(3, 4), positive(3, 4)), sample(positive(3), positive()),
          sample(positive(), positive(3)), sample(positive(), positive()), sample(normal(0), normal(0))]


class Polygamma(OfOrder):
    """The digamma function, and its derivative of order `n`: A&S 6.4.1. Its derivative is the next one."""

    def emit(self, x: Code, *, n: int) -> str:
        if scipy_special() is None:
            raise missing("polygamma" if n else "digamma")
        return f"polygamma_of({n}, {x})" if n else f"scipy.special.digamma({x})"

    def jvp(self, primals: Any, tangents: Any, out: Any, *, n: int) -> Any:
        return tangents[0] * self(primals[0], n=n + 1)


@kernel
def polygamma_of(n: int, x: Any) -> Any:
    """scipy.special.polygamma, in the dtype of x."""
    return scipy.special.polygamma(n, x).astype(x.dtype)[()]


polygamma = Polygamma("polygamma", samples=[
    sample(positive(3, 4), n=0), sample(positive(), n=0), sample(positive(3), n=1), sample(normal(0, 2), n=1),
    sample(points(-0.5, -2.3, 7.5), n=2), sample(points(0.0, -1.0, math.inf, math.nan), n=0, smooth=False),
])


def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function."""
    return polygamma(x, n=0)


# log |gamma(x)|: the sign is lost, and the derivative is digamma(x) for either, DLMF 5.2.2.
gammaln = Special("gammaln", formula="by_element(log_gamma_of_number, {})",
                  jvp=lambda out, x, dx: dx * digamma(x), samples=_samples)
gamma = Special("gamma", formula="by_element(gamma_of_number, {})",
                jvp=lambda out, x, dx: dx * (out * digamma(x)), samples=_samples)
# The same for positive x; NaN for negative x, where the principal branch is complex.
loggamma = Special("loggamma", jvp=lambda out, x, dx: dx * digamma(x), samples=_samples[:3])
#: The sign of the gamma function, which steps at its poles.
gammasgn = Special("gammasgn", samples=_samples)


@kernel
def log_gamma_of_number(x: float) -> float:
    """math.lgamma, with infinity at the poles and beyond the range, and SciPy's minus infinity at that."""
    try:
        return x if math.isinf(x) else math.lgamma(x)
    except (ValueError, OverflowError):
        return math.inf


@kernel
def gamma_of_number(x: float) -> float:
    """math.gamma, with infinity at 0 and beyond the range, and NaN at the other poles."""
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.copysign(math.inf, x) if x == 0 else math.nan


# -- the beta function: A&S 6.2 ------------------------------------------------------------------------

betaln = Special(
    "betaln", 2, commutative=True,
    jvp=[lambda out, a, b, da: da * (digamma(a) - digamma(a + b)),
         lambda out, a, b, db: db * (digamma(b) - digamma(a + b))],
    samples=_pairs,
)
beta = Special(
    "beta", 2, commutative=True,
    jvp=[lambda out, a, b, da: da * (out * (digamma(a) - digamma(a + b))),
         lambda out, a, b, db: db * (out * (digamma(b) - digamma(a + b)))],
    samples=_pairs,
)
