"""Functions that are integrals up to a point, their inverses, and quotients of gamma functions.

Some have a derivative by their last operand only. Formulas: Abramowitz and Stegun (1964), chapters 5, 6 and
23, and the Digital Library of Mathematical Functions (DLMF), chapters 6, 8 and 25.
"""

from __future__ import annotations

from typing import Any

from fxad.errors import NonDifferentiable, explain
from fxad.primitives.entropies import xlog1py, xlogy
from fxad.primitives.exponential import exp
from fxad.primitives.gamma_functions import betaln, digamma, gammaln
from fxad.primitives.samples import normal, positive, sample, uniform
from fxad.primitives.special import Special
from fxad.source import Source

__all__ = ["betainc", "betaincinv", "binom", "exp1", "expi", "gammainc", "gammaincc", "gammaincinv", "poch",
           "zeta"]


def _without(name: str, operand: str, instead: str) -> Any:
    """The rule for an operand by which there is no derivative: an error, since it is not zero."""

    def refuse(*_: Any) -> Any:
        raise NonDifferentiable(explain(
            f"scipy.special.{name} has no derivative here with respect to {operand}.", source=Source.here(),
            fix=f"a derivative by {instead} alone, with {operand} as a number or"
            f" fxad.stop_gradient({operand})"))

    return refuse


def _gamma_density(a: Any, x: Any) -> Any:
    """The derivative of gammainc(a, x) by x, DLMF 8.8.13: the density of the gamma distribution."""
    return exp(xlogy(a - 1.0, x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    """The derivative of betainc(a, b, x) by x, DLMF 8.17.1: the density of the beta distribution."""
    return exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b))


_pair = [sample(positive(3, 4), positive(3, 4)), sample(positive(3), positive()),
         sample(normal(0), normal(0))]
_one = [sample(positive(3, 4)), sample(positive())]
_shares = [sample(positive(3, 4), uniform(0.1, 0.9, 3, 4)), sample(positive(), uniform(0.1, 0.9))]

gammainc = Special(
    "gammainc", 2, jvp=[_without("gammainc", "a", "x"), lambda out, a, x, dx: dx * _gamma_density(a, x)],
    samples=_pair,
)
gammaincc = Special(
    "gammaincc", 2, jvp=[_without("gammaincc", "a", "x"), lambda out, a, x, dx: -(dx * _gamma_density(a, x))],
    samples=_pair,
)
betainc = Special(
    "betainc", 3, jvp=[_without("betainc", "a", "x"), _without("betainc", "b", "x"),
                       lambda out, a, b, x, dx: dx * _beta_density(a, b, x)],
    samples=[sample(positive(3, 4), positive(3, 4), uniform(0.1, 0.9, 3, 4)),
             sample(positive(), positive(), uniform(0.1, 0.9, 3))],
)
# The derivative of an inverse is one over the derivative there.
gammaincinv = Special(
    "gammaincinv", 2, jvp=[_without("gammaincinv", "a", "y"),
                           lambda out, a, y, dy: dy / _gamma_density(a, out)],
    samples=_shares,
)
betaincinv = Special(
    "betaincinv", 3, jvp=[_without("betaincinv", "a", "y"), _without("betaincinv", "b", "y"),
                          lambda out, a, b, y, dy: dy / _beta_density(a, b, out)],
    samples=[sample(positive(3, 4), positive(3, 4), uniform(0.1, 0.9, 3, 4))],
)
# DLMF 25.11.17.
zeta: Special = Special(
    "zeta", 2, jvp=[_without("zeta", "x", "q"), lambda out, x, q, dq: -(dq * (x * zeta(x + 1.0, q)))],
    samples=[sample(uniform(1.5, 4.0, 3, 4), positive(3, 4)), sample(uniform(1.5, 4.0), positive(3))],
)

# -- exponential integrals, DLMF 6.2, and quotients of gamma functions, A&S 6.1.21, 6.1.22 -------------

exp1 = Special("exp1", jvp=lambda out, x, dx: -(dx * (exp(-x) / x)), samples=_one)
expi = Special("expi", jvp=lambda out, x, dx: dx * (exp(x) / x), samples=_one)
poch = Special(
    "poch", 2, jvp=[lambda out, z, m, dz: dz * (out * (digamma(z + m) - digamma(z))),
                    lambda out, z, m, dm: dm * (out * digamma(z + m))],
    samples=[*_pair, sample(positive(), positive(3))],
)
binom = Special(
    "binom", 2, jvp=[lambda out, n, k, dn: dn * (out * (digamma(n + 1.0) - digamma(n - k + 1.0))),
                     lambda out, n, k, dk: dk * (out * (digamma(n - k + 1.0) - digamma(k + 1.0)))],
    samples=[sample(uniform(3.0, 6.0, 3, 4), positive(3, 4)), sample(uniform(3.0, 6.0), positive(3))],
)
