"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.primitives.elementary import scalar_template
from fxad.primitives.exponential import sqrt
from fxad.primitives.families import Elementwise
from fxad.primitives.samples import normal, points, positive, sample, uniform

__all__ = ["arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cos", "cosh",
           "deg2rad", "rad2deg", "sin", "sinh", "tan", "tanh"]

_any = [sample(normal(3, 4), dtypes="fc"), sample(points(0.0, np.pi))]
_inside = [sample(uniform(-0.8, 0.8, 3, 4), dtypes="fc")]


def _side(out: Any, x: Any, real: Callable[[Any], Any], turned: Callable[[Any], Any]) -> Any:
    """A root, `real(x)`; for complex x by the value: on a branch cut `x * x` forgets on which side x is."""
    return turned(out) if x.dtype.kind == "c" else real(x)


sin = Elementwise("sin", np.sin, scalar="math.sin({})",
                  jvp=lambda out, x, dx: dx * cos(x), samples=_any)
cos: Elementwise = Elementwise("cos", np.cos, scalar="math.cos({})",
                  jvp=lambda out, x, dx: -(dx * sin(x)), samples=_any)
tan = Elementwise("tan", np.tan, scalar=scalar_template("tan"),
                  jvp=lambda out, x, dx: dx * (out * out + 1.0), samples=_any)
arcsin = Elementwise("arcsin", np.arcsin, scalar=scalar_template("arcsin"),
                     jvp=lambda out, x, dx: dx / _side(out, x, lambda x: sqrt(1.0 - x * x), cos),
                     samples=_inside)
arccos = Elementwise("arccos", np.arccos, scalar=scalar_template("arccos"),
                     jvp=lambda out, x, dx: -(dx / _side(out, x, lambda x: sqrt(1.0 - x * x), sin)),
                     samples=_inside)
arctan = Elementwise("arctan", np.arctan, scalar=scalar_template("arctan"),
                     jvp=lambda out, x, dx: dx / (x * x + 1.0), samples=_inside)
sinh = Elementwise("sinh", np.sinh, scalar=scalar_template("sinh"),
                   jvp=lambda out, x, dx: dx * cosh(x), samples=_any)
cosh: Elementwise = Elementwise("cosh", np.cosh, scalar=scalar_template("cosh"),
                   jvp=lambda out, x, dx: dx * sinh(x), samples=_any)
# NumPy has a tanh of its own, which differs from the C library's in the last place.
tanh = Elementwise("tanh", np.tanh, scalar="float(np.tanh({}))",
                   jvp=lambda out, x, dx: dx * (1.0 - out * out), samples=_any)
arcsinh = Elementwise("arcsinh", np.arcsinh, scalar=scalar_template("arcsinh"),
                      jvp=lambda out, x, dx: dx / _side(out, x, lambda x: sqrt(x * x + 1.0), cosh),
                      samples=_inside)
arccosh = Elementwise(
    "arccosh", np.arccosh, scalar=scalar_template("arccosh"),
    # sqrt(x - 1) sqrt(x + 1), not sqrt(x**2 - 1), which overflows earlier.
    jvp=lambda out, x, dx: dx / _side(out, x, lambda x: sqrt(x - 1.0) * sqrt(x + 1.0), sinh),
    samples=[sample(uniform(1.5, 3.0, 3, 4), dtypes="fc")],
)
arctanh = Elementwise("arctanh", np.arctanh, scalar=scalar_template("arctanh"),
                      jvp=lambda out, x, dx: dx / (1.0 - x * x), samples=_inside)
deg2rad: Elementwise = Elementwise("deg2rad", np.deg2rad, jvp=lambda out, x, dx: deg2rad(dx),
                      transpose=lambda ct, x: deg2rad(ct), samples=[sample(normal(3, 4))])
rad2deg: Elementwise = Elementwise("rad2deg", np.rad2deg, jvp=lambda out, x, dx: rad2deg(dx),
                      transpose=lambda ct, x: rad2deg(ct), samples=[sample(normal(3, 4))])
arctan2 = Elementwise(
    "arctan2", np.arctan2, scalar=scalar_template("arctan2", "{}, {}"),
    jvp=[
        lambda out, y, x, dy: dy * (x / (x * x + y * y)),
        lambda out, y, x, dx: dx * (-y / (x * x + y * y)),
    ],
    samples=[sample(normal(3, 4), normal(3, 4)), sample(positive(3), normal())],
)
