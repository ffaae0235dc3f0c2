"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fxad.primitives.arithmetic import equal
from fxad.primitives.elementary import scalar_template
from fxad.primitives.families import Elementwise
from fxad.primitives.samples import normal, points, positive, sample
from fxad.primitives.selection import where

__all__ = [
           "cbrt",
           "exp",
           "exp2",
           "expm1",
           "log",
           "log1p",
           "log2",
           "log10",
           "logaddexp",
           "logaddexp2",
           "sqrt",
           "square",
]

_LOG2 = 0.6931471805599453  # log 2
_LOG10 = 2.302585092994046  # log 10

_any = [sample(normal(3, 4), dtypes="fc")]
_real = [sample(normal(3, 4))]
_positive = [sample(positive(3, 4), dtypes="fc")]
_positive_real = [sample(positive(3, 4))]

exp = Elementwise("exp", np.exp, scalar=scalar_template("exp"),
                  jvp=lambda out, x, dx: dx * out, samples=_any)
exp2 = Elementwise("exp2", np.exp2, scalar=scalar_template("exp2"),
                   jvp=lambda out, x, dx: dx * (out * _LOG2), samples=_any)
expm1 = Elementwise("expm1", np.expm1, scalar=scalar_template("expm1"),
                    jvp=lambda out, x, dx: dx * (out + 1.0), samples=_any)
log = Elementwise("log", np.log, scalar=scalar_template("log"),
                  jvp=lambda out, x, dx: dx / x, samples=_positive)
log2 = Elementwise("log2", np.log2, scalar=scalar_template("log2"),
                   jvp=lambda out, x, dx: dx / (x * _LOG2), samples=_positive)
log10 = Elementwise("log10", np.log10, scalar=scalar_template("log10"),
                    jvp=lambda out, x, dx: dx / (x * _LOG10), samples=_positive)
log1p = Elementwise("log1p", np.log1p, scalar=scalar_template("log1p"),
                    jvp=lambda out, x, dx: dx / (x + 1.0), samples=_positive)
sqrt = Elementwise("sqrt", np.sqrt, scalar="math.sqrt({})",
                   jvp=lambda out, x, dx: dx * (0.5 / out), samples=_positive)
cbrt = Elementwise("cbrt", np.cbrt, scalar=scalar_template("cbrt"),
                   jvp=lambda out, x, dx: dx / (3.0 * (out * out)), samples=_positive_real)
square = Elementwise("square", np.square, scalar="{0} * {0}",
                     jvp=lambda out, x, dx: dx * (2.0 * x), samples=_any)


def _pivot(out: Any) -> Any:
    """What a sum of exponentials is measured by: where all are 0, so is each."""
    return where(equal(out, -math.inf), 0, out)


# d logaddexp(x, y)/dx = exp(x - out): a softmax weight, safe from overflow.
logaddexp = Elementwise(
    "logaddexp", np.logaddexp, commutative=True,
    jvp=[lambda out, x, y, dx: dx * exp(x - _pivot(out)), lambda out, x, y, dy: dy * exp(y - _pivot(out))],
    samples=[sample(normal(3, 4), normal(3, 4)), sample(normal(3), normal()),
             sample(points(-math.inf, -math.inf), points(-math.inf, 0.5), smooth=False)],
)
logaddexp2 = Elementwise(
    "logaddexp2", np.logaddexp2, commutative=True,
    jvp=[lambda out, x, y, dx: dx * exp2(x - _pivot(out)), lambda out, x, y, dy: dy * exp2(y - _pivot(out))],
    samples=[sample(normal(3, 4), normal(3, 4))],
)
