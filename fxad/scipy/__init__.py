"""SciPy's functions, on arrays and traced values alike: what models use of `special` and `linalg`.

SciPy's ufuncs are traced as they stand, `scipy.special.gammaln(x)`. SciPy hands over none of its other
functions; those that stand here behave as their namesakes. SciPy is optional: a function that has an exact
way in NumPy alone works without it, and another says that it is missing when it is called.
"""

from fxad.scipy import linalg, special

__all__ = ["linalg", "special"]
