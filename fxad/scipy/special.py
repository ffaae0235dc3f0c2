"""`scipy.special` on arrays and traced values alike.

SciPy's ufuncs hand traced values over by themselves: `scipy.special.erf(x)` is the same as that from here.
Its other functions do not, and `logsumexp`, `softmax` or `polygamma` of traced values are to be had here.
Integers are taken as float64, and single precision stays single.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fxad.ir.types import ArrayType, type_of
from fxad.numpy import elementwise
from fxad.numpy.arguments import as_array, axes_of, concrete, converted, holds, refused, with_kept_axes
from fxad.numpy.dispatch import has_tracer
from fxad.numpy.reductions import any_, max_, sum_
from fxad.primitives import (
    bessel_functions,
    entropies,
    error_functions,
    exponential,
    gamma_functions,
    incomplete_integrals,
    logistic,
)
from fxad.primitives.arithmetic import equal, not_equal
from fxad.primitives.exponential import exp, log
from fxad.primitives.logical import isfinite, logical_and, logical_not
from fxad.primitives.rounding import absolute, hypot, sign
from fxad.primitives.selection import where
from fxad.primitives.special import float_dtype, missing, scipy_special, ufunc_dtype
from fxad.primitives.stopping import stop_gradient
from fxad.primitives.structural import reshape
from fxad.scipy.namesakes import named, namesake_of
from fxad.tracing import Tracer

__all__ = [
    "beta", "betainc", "betaincinv", "betaln", "binom", "boxcox", "boxcox1p", "cbrt", "digamma", "entr",
    "erf", "erfc", "erfcinv", "erfcx", "erfi", "erfinv", "exp1", "exp2", "exp10", "expi", "expit",
    "expm1", "exprel", "factorial", "gamma", "gammainc", "gammaincc", "gammaincinv", "gammaln",
    "gammasgn", "huber", "i0", "i0e", "i1", "i1e", "iv", "ive", "j0", "j1", "jn", "jv", "k0", "k0e", "k1",
    "k1e", "kl_div", "kn", "kv", "kve", "log1p", "log_expit", "log_ndtr", "log_softmax", "loggamma",
    "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "poch", "polygamma", "pseudo_huber", "psi",
    "rel_entr", "sinc", "softmax", "softplus", "xlog1py", "xlogy", "y0", "y1", "yn", "yv", "zeta",
]

F = TypeVar("F", bound=Callable[..., Any])

#: What each ufunc of `scipy.special` is on traced values, by its name.
UFUNCS: dict[str, Callable[..., Any]] = {}


def _ufunc(implementation: F, *names: str) -> F:
    """A function of SciPy's that is a ufunc: SciPy's own on arrays, `implementation` on traced values."""
    for name in names:
        UFUNCS[name] = implementation
    name = names[0]

    def either(*args: Any, **kwargs: Any) -> Any:
        traced = has_tracer(args)
        special = scipy_special()
        if special is not None and (kwargs or not traced):
            return getattr(special, name)(*args, **kwargs)  # which hands traced values over
        if kwargs:
            raise missing(f"{name}(..., {next(iter(kwargs))}=)")
        return implementation(*[as_array(v) if isinstance(v, (list, tuple)) else v for v in args])

    made: F = named(either, "special", name)
    return made


_function = namesake_of("special")


# -- functions of each element -------------------------------------------------------------------------

erf = _ufunc(error_functions.erf, "erf")
erfc = _ufunc(error_functions.erfc, "erfc")
erfcx = _ufunc(error_functions.erfcx, "erfcx")
erfi = _ufunc(error_functions.erfi, "erfi")
erfinv = _ufunc(error_functions.erfinv, "erfinv")
erfcinv = _ufunc(error_functions.erfcinv, "erfcinv")
ndtr = _ufunc(error_functions.ndtr, "ndtr")
ndtri = _ufunc(error_functions.ndtri, "ndtri")
log_ndtr = _ufunc(error_functions.log_ndtr, "log_ndtr")

gammaln = _ufunc(gamma_functions.gammaln, "gammaln")
gamma = _ufunc(gamma_functions.gamma, "gamma")
loggamma = _ufunc(gamma_functions.loggamma, "loggamma")
gammasgn = _ufunc(gamma_functions.gammasgn, "gammasgn")
betaln = _ufunc(gamma_functions.betaln, "betaln")
beta = _ufunc(gamma_functions.beta, "beta")

expit = _ufunc(logistic.expit, "expit")
logit = _ufunc(logistic.logit, "logit")
log_expit = _ufunc(logistic.log_expit, "log_expit")

xlogy = _ufunc(entropies.xlogy, "xlogy")
xlog1py = _ufunc(entropies.xlog1py, "xlog1py")
entr = _ufunc(entropies.entr, "entr")
rel_entr = _ufunc(entropies.rel_entr, "rel_entr")
kl_div = _ufunc(entropies.kl_div, "kl_div")

exp2 = _ufunc(exponential.exp2, "exp2")
exp10 = _ufunc(logistic.exp10, "exp10")
expm1 = _ufunc(exponential.expm1, "expm1")
log1p = _ufunc(exponential.log1p, "log1p")
cbrt = _ufunc(exponential.cbrt, "cbrt")


def _real(x: Any, name: str) -> Any:
    """An array in the dtype in which a function of real numbers computes."""
    x = as_array(x)
    return converted(x, float_dtype(name, [ArrayType(x.shape, x.dtype)]))


def _digamma(x: Any) -> Any:
    return gamma_functions.polygamma(_real(x, "digamma"), n=0)


digamma = _ufunc(_digamma, "digamma", "psi")
psi = _ufunc(_digamma, "psi")
exprel = _ufunc(lambda x: logistic.exprel(_real(x, "exprel"), order=0), "exprel")
sinc = elementwise.sinc


def _by_order(name: str, of_order: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of an order, or an array of orders, that is not traced, and of numbers."""

    def function(n: Any, x: Any) -> Any:
        orders = np.asarray(concrete(as_array(n), f"scipy.special.{name}(n, x)",
                                     "an order n that is not traced"))
        x = _real(x, name)
        if orders.ndim == 0:
            return of_order(orders.item(), x)
        made: Any = np.zeros(np.broadcast_shapes(orders.shape, x.shape), x.dtype)
        for k in np.unique(orders).tolist():
            made = where(equal(orders, k), of_order(k, x), made)
        return made

    return function


def _bessel(name: str) -> Callable[..., Any]:
    primitive, order = bessel_functions.BY_NAME[name]
    if order is not None:
        return _ufunc(lambda x: primitive(_real(x, name), order=order), name)

    def of_order(n: float, x: Any) -> Any:
        return primitive(x, order=int(n) if n == int(n) else n)

    return _ufunc(_by_order(name, of_order), name)


i0, i1, iv, i0e, i1e, ive = map(_bessel, ("i0", "i1", "iv", "i0e", "i1e", "ive"))
k0, k1, kv, kn, k0e, k1e, kve = map(_bessel, ("k0", "k1", "kv", "kn", "k0e", "k1e", "kve"))
j0, j1, jv, jn = map(_bessel, ("j0", "j1", "jv", "jn"))
y0, y1, yv, yn = map(_bessel, ("y0", "y1", "yv", "yn"))

gammainc = _ufunc(incomplete_integrals.gammainc, "gammainc")
gammaincc = _ufunc(incomplete_integrals.gammaincc, "gammaincc")
gammaincinv = _ufunc(incomplete_integrals.gammaincinv, "gammaincinv")
betainc = _ufunc(incomplete_integrals.betainc, "betainc")
betaincinv = _ufunc(incomplete_integrals.betaincinv, "betaincinv")
exp1 = _ufunc(incomplete_integrals.exp1, "exp1")
expi = _ufunc(incomplete_integrals.expi, "expi")
poch = _ufunc(incomplete_integrals.poch, "poch")
binom = _ufunc(incomplete_integrals.binom, "binom")


def _huber(delta: Any, r: Any) -> Any:
    size = absolute(r)
    loss = where(size <= delta, 0.5 * (r * r), delta * (size - 0.5 * delta))
    return where(delta < 0, math.inf, loss)


def _pseudo_huber(delta: Any, r: Any) -> Any:
    # delta**2 (sqrt(1 + v**2) - 1) with v = r / delta, without the cancellation for small v.
    none = equal(delta, 0)
    loss = r * r / (1.0 + hypot(1.0, r / where(none, 1.0, delta)))
    return where(delta < 0, math.inf, where(none, 0.0, loss))


def _power_transform(logarithm: Callable[[Any], Any], origin: float) -> Callable[[Any, Any], Any]:
    """(x**lmbda - 1) / lmbda, and log(x) for lmbda = 0: smooth in lmbda there too."""

    def transform(x: Any, lmbda: Any) -> Any:
        bounded = logical_and(equal(x, origin), lmbda >= 0)  # its logarithm is infinite there
        power = logarithm(where(bounded, origin + 1.0, x))
        value = power * logistic.exprel(lmbda * power, order=0)
        return where(bounded, -1.0 / where(bounded, lmbda, 1.0), value)

    return transform


def _of_reals(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A ufunc that is composed of others, on operands of one dtype and shape."""

    def composed(*operands: Any) -> Any:
        dtype = ufunc_dtype(name, [x.type if x.__class__ is Tracer else type_of(x) for x in operands])
        return function(*np.broadcast_arrays(*[converted(as_array(x), dtype) for x in operands]))

    return _ufunc(composed, name)


huber = _of_reals("huber", _huber)
pseudo_huber = _of_reals("pseudo_huber", _pseudo_huber)
boxcox = _of_reals("boxcox", _power_transform(log, 0.0))
boxcox1p = _of_reals("boxcox1p", _power_transform(exponential.log1p, -1.0))


@_function
def zeta(x: Any, q: Any = None, out: None = None) -> Any:
    """The Hurwitz zeta function; its derivative is by q."""
    if q is None or out is not None:
        raise refused("scipy.special.zeta(x) of a traced x has no derivative here, and out= takes no traced"
                      " values.", "zeta(x, 1.0) for x > 1, where that has the same value")
    x, q = (as_array(v) if isinstance(v, (list, tuple)) else v for v in (x, q))
    return incomplete_integrals.zeta(x, q)


@_function
def polygamma(n: Any, x: Any) -> Any:
    """The derivative of order n of the digamma function; n is an int that is not traced, or an array of them.

    >>> import numpy as np, fxad, fxad.scipy.special as special
    >>> fxad.grad(lambda x: special.polygamma(1, x))(1.0) - special.polygamma(2, 1.0)
    np.float64(0.0)
    """
    return _by_order("polygamma", lambda k, x: gamma_functions.polygamma(x, n=operator.index(k)))(n, x)


@_function
def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the multivariate gamma function of dimension d, which is not traced."""
    d = operator.index(concrete(as_array(d), "multigammaln(a, d)", "a dimension d that is not traced")[()])
    a = _real(a, "multigammaln")
    if not holds(np.all(a > 0.5 * (d - 1))):
        raise ValueError(f"condition a ({a:f}) > 0.5 * (d-1) ({0.5 * (d - 1):f}) not met")
    shifted = [gamma_functions.gammaln(a + 0.5 * (1 - j)) for j in range(1, d + 1)]
    return sum(shifted, 0.25 * d * (d - 1) * math.log(math.pi))


@_function
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """gamma(n + 1), and 0 for negative n."""
    if exact or extend != "zero":
        raise refused(f"factorial(n, exact={exact}, extend={extend!r}) of a traced n.", "factorial(n)")
    n = _real(n, "factorial")
    return where(n < 0, 0.0, gamma_functions.gamma(n + 1.0))


@_function
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(_real(x, "softplus"), 0.0)


# -- functions of arrays -------------------------------------------------------------------------------


@_function
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
              return_sign: bool = False) -> Any:
    """The logarithm of a sum of exponentials, with weights `b`.

    The derivative by `a` is the softmax. Where all elements are minus infinity, or all weights zero, the
    value is minus infinity and the derivative by `a` is 0. Where an element is plus infinity, the derivative
    by it is NaN. The derivative by a weight is `exp(a - logsumexp(a, b=b))`, also of a weight that is 0.

    >>> import numpy as np, fxad, fxad.scipy.special as special
    >>> fxad.grad(special.logsumexp)(np.array([0.0, np.log(3.0), -np.inf]))
    array([0.25, 0.75, 0.  ])
    """
    a = np.atleast_1d(as_array(a))
    axes = axes_of(axis, a.ndim)
    signs = None
    if b is None and not return_sign:
        dtype = float_dtype("logsumexp", [ArrayType(a.shape, a.dtype)], complex=True)
        value = logistic.logsumexp(converted(a, dtype), axes=axes)
    else:
        value, signs = _weighted(a, np.ones(1, np.bool_) if b is None else as_array(b), axes, return_sign)
    if keepdims:
        value, signs = (x if x is None else with_kept_axes(x, a.shape, axes, True) for x in (value, signs))
    return (value, signs) if return_sign else value


def _weighted(a: Any, b: Any, axes: tuple[int, ...], signed: bool) -> tuple[Any, Any]:
    """The logarithm of a weighted sum, or of its magnitude, and its sign."""
    given = [ArrayType(x.shape, x.dtype) for x in (a, b)]
    dtype = float_dtype("logsumexp", given, complex=True)
    a, b = np.broadcast_arrays(converted(a, dtype), converted(b, dtype))
    unused = equal(b, 0)
    # What has no weight adds nothing, also where it is infinite.
    pivot = stop_gradient(max_(where(unused, -math.inf, np.real(a)), axes, None, True, -math.inf))
    pivot = where(isfinite(pivot), pivot, 0.0)
    shifted = a - pivot
    without = logical_and(unused, logical_not(np.real(shifted) < math.log(np.finfo(dtype).max)))
    terms = where(without, 0.0, exp(where(without, 0.0, shifted)))
    total = sum_(b * terms, axes)
    shift = reshape(pivot, shape=total.shape)
    # Nothing in the sum: no derivative by a, and an infinite one by the weights.
    nothing = logical_not(any_(logical_and(logical_not(unused), not_equal(terms, 0)), axes))
    instead: Any = -math.inf
    if b.__class__ is Tracer:
        instead = log(where(nothing, sum_(b * stop_gradient(terms), axes), 1.0))
    total = where(nothing, 1.0, total)
    signs = where(nothing, 0.0, sign(total))
    if signed or dtype.kind == "f":
        value = log(absolute(total)) + shift
        if not signed:
            value = where(total < 0, math.nan, value)
        instead = np.real(instead)
    else:
        value = log(total) + shift
    return where(nothing, instead, value), signs


@_function
def softmax(x: Any, axis: Any = None) -> Any:
    """`exp(x)` over its sum along an axis, or several.

    >>> import numpy as np, fxad, fxad.scipy.special as special
    >>> fxad.jacobian(special.softmax)(np.array([0.0, np.log(3.0)]))
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    x = _real(x, "softmax")
    return logistic.softmax(x, axes=axes_of(axis, x.ndim))


@_function
def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of `softmax`, also where that is 0."""
    x = _real(x, "log_softmax")
    axes = axes_of(axis, x.ndim)
    greatest = stop_gradient(max_(x, axes, None, True, -math.inf))
    x = x - where(isfinite(greatest), greatest, 0.0)
    return x - with_kept_axes(logistic.logsumexp(x, axes=axes), x.shape, axes, True)
