"""The table of special functions: on which operands each is tested, and which of them are ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special

import fxad.scipy.special as special

__all__ = ["CASES", "UFUNCS", "Case"]


class Case(NamedTuple):
    """A function on operands: SciPy's, fxad's, and whether SciPy takes complex ones."""

    id: str
    theirs: Callable[..., Any]
    ours: Callable[..., Any]
    operands: tuple[Any, ...]
    complex: bool = False


_rng = np.random.default_rng(7)
_any = _rng.normal(size=(3, 4))
_unit = _rng.uniform(0.1, 0.9, size=(3, 4))
_positive = _rng.uniform(0.5, 3.0, size=(3, 4))
_row = _rng.uniform(0.5, 3.0, size=4)

#: The ufuncs, by the operands that they take.
UFUNCS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["erf", "erfc", "erfi", "erfcx", "ndtr", "log_ndtr", "expit", "log_expit", "exprel",
                     "exp2", "exp10", "expm1"], (_any,)),
    **dict.fromkeys(["erfinv", "erfcinv", "ndtri", "logit"], (_unit,)),
    **dict.fromkeys(["i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e", "j0", "j1", "y0", "y1", "exp1",
                     "expi", "loggamma"], (_positive,)),
    **dict.fromkeys(["huber", "pseudo_huber", "boxcox", "boxcox1p"], (_positive, _row)),
    **dict.fromkeys(["poch", "binom"], (_positive + 2, _row)),
    **dict.fromkeys(["gammaln", "gamma", "gammasgn", "digamma", "psi", "entr", "log1p", "cbrt"],
                    (_positive,)),
    **dict.fromkeys(["betaln", "beta", "xlogy", "xlog1py", "rel_entr", "kl_div"], (_positive, _row)),
}
_COMPLEX = {"erf", "erfc", "erfi", "erfcx", "ndtr", "expm1", "log1p", "xlogy", "xlog1py"}


def _function(name: str, *operands: Any, suffix: str = "", complex: bool = False, **params: Any) -> Case:
    """A function that is no ufunc, with keywords."""
    theirs, ours = getattr(scipy.special, name), getattr(special, name)
    return Case(f"{name}{suffix}", lambda *xs: theirs(*xs, **params), lambda *xs: ours(*xs, **params),
                operands, complex)


def _of_first(name: str, n: Any, x: Any) -> Case:
    theirs, ours = getattr(scipy.special, name), getattr(special, name)
    return Case(f"{name}-{n}", lambda x: theirs(n, x), lambda x: ours(n, x), (x,))


def _after(name: str, x: Any, *given: float) -> Case:
    """With numbers before the operand, in its dtype."""
    theirs, ours = getattr(scipy.special, name), getattr(special, name)
    return Case(name, lambda x: theirs(*map(x.dtype.type, given), x),
                lambda x: ours(*map(x.dtype.type, given), x), (x,))


_cube = _rng.normal(size=(2, 3, 2))
_weights = _rng.normal(size=(3, 2))

CASES = [
    *(Case(name, getattr(scipy.special, name), getattr(special, name), operands, name in _COMPLEX)
      for name, operands in UFUNCS.items()),
    *(_of_first("polygamma", n, _positive) for n in (0, 1, 2, 5)),
    _of_first("polygamma", np.array([0, 2, 1, 0]), _positive),
    *(_of_first(name, n, _positive)
      for name in ("jv", "yv", "iv", "kv", "ive", "kve") for n in (0, 1, 2, 0.5)),
    *(_of_first(name, n, _positive) for name in ("jn", "yn", "kn") for n in (0, 1, 3)),
    _of_first("jv", np.array([0.0, 2.5, 1.0, 0.0]), _positive),
    *(_after(name, x, 2.5) for name, x in (
        ("gammainc", _positive), ("gammaincc", _positive), ("gammaincinv", _unit), ("zeta", _positive))),
    *(_after(name, _unit, 2.5, 1.5) for name in ("betainc", "betaincinv")),
    _function("multigammaln", np.array(2.7), d=3),
    _function("factorial", _positive, exact=False),
    *(_function("logsumexp", _cube, suffix=f"-{i}", complex=True, **params) for i, params in enumerate([
        {}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}, {"axis": 0, "return_sign": True},
        {"keepdims": True},
    ])),
    *(Case(f"logsumexp-b-{i}", lambda a, b, p=params: scipy.special.logsumexp(a, b=b, **p),
           lambda a, b, p=params: special.logsumexp(a, b=b, **p), (_cube, weights), True)
      for i, (weights, params) in enumerate([
          (_weights, {"return_sign": True}), (np.abs(_weights), {}), (np.abs(_weights), {"axis": 1}),
          (_weights, {"axis": (0, 2), "return_sign": True}), (np.abs(_cube), {"axis": 0, "keepdims": True}),
      ])),
    *(_function(name, _cube, suffix=f"-{axis}", axis=axis)
      for name in ("softmax", "log_softmax") for axis in (None, 0, -1, (0, 1))),
]
