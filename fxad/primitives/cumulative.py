"""Running sums, products and extremes along an axis, and the recurrence of their derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, kernel, require
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.exponential import exp
from fxad.primitives.families import Linear, Operation, accumulator, align
from fxad.primitives.samples import exactly, normal, points, sample, uniform
from fxad.primitives.selection import where
from fxad.primitives.structural import convert_to

__all__ = ["cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "linear_recurrence", "shift"]


class Running(Operation):
    """An operation along `axis` of one array, forwards or in `reverse`, that keeps its type."""

    def infer(self, x: ArrayType, *, axis: int, reverse: bool, **params: Any) -> ArrayType:
        require(0 <= axis < x.ndim, f"axis {axis} of an array of shape {x.shape}")
        return x

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, axis: int,
        **params: Any,
    ) -> tuple[Any, Any]:
        aligned, dim = align(size, operands, dims)
        return self(*aligned, axis=axis + (axis >= dim), **params), dim


def backwards(x: Code, axis: int, reverse: bool, text: str) -> str:
    """`text`, with `{}` for x, applied in reverse order along `axis` if `reverse`."""
    if not reverse:
        return text.format(x)
    return f"np.flip({text.format(f'np.flip({x}, {axis})')}, {axis})"


class Cumsum(Linear, Running):
    """The running sum along `axis`."""

    moves = True

    def emit(self, x: Code, *, axis: int, reverse: bool) -> str:
        return backwards(x, axis, reverse, f"np.cumsum({{}}, {axis}{accumulator(x)})")

    def transpose(self, ct: Any, x: Any, *, axis: int, reverse: bool) -> Any:
        return self(ct, axis=axis, reverse=not reverse)


class Shift(Linear, Running):
    """Every element moved one place along `axis` (in `reverse`: back), after a zero."""

    def emit(self, x: Code, *, axis: int, reverse: bool) -> str:
        return f"shifted({x}, {axis}, {reverse})"

    def transpose(self, ct: Any, x: Any, *, axis: int, reverse: bool) -> Any:
        return self(ct, axis=axis, reverse=not reverse)


@kernel
def shifted(x: Any, axis: int, reverse: bool, first: float = 0) -> Any:
    """`x` moved one place along `axis`, with `first` before it."""
    out = np.full(x.shape, first, x.dtype)
    to, of = np.moveaxis(out, axis, 0), np.moveaxis(x, axis, 0)
    if reverse:
        to[:-1] = of[1:]
    else:
        to[1:] = of[:-1]
    return out


class LinearRecurrence(Running):
    """`y[i] = a[i] y[i-1] + b[i]` along `axis`, from y[-1] = 0; in `reverse` from the other end.

    Its derivatives and its transpose are such recurrences again.
    """

    linear = (1,)

    def infer(self, *types: ArrayType, axis: int, reverse: bool, **params: Any) -> ArrayType:
        a, b = types
        require(a == b, f"a recurrence of {a} and {b}")
        return super().infer(a, axis=axis, reverse=reverse)

    def emit(self, *operands: Code, axis: int, reverse: bool, **params: Any) -> str:
        return f"linear_recurrence_of({', '.join(operands)}, {axis}, {reverse})"

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int, reverse: bool
    ) -> Any:
        a, _ = primals
        da, db = tangents
        if da is not None:
            driven = da * shift(out, axis=axis, reverse=reverse)
            db = driven if db is None else driven + db
        return self(a, db, axis=axis, reverse=reverse)

    def transpose(self, ct: Any, *operands: Any, axis: int, reverse: bool) -> Any:
        a, b = operands
        if not isinstance(b, Unknown) or isinstance(a, Unknown):
            raise self._missing("transpose", "it is linear in b only")
        back = shift(a, axis=axis, reverse=not reverse)
        return None, self(back, ct, axis=axis, reverse=not reverse)


@kernel
def linear_recurrence_of(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """`y[i] = a[i] y[i-1] + b[i]`, all at once in log2(n) steps.

    After a step with distance k, y holds what the last 2k terms give, a the product of 2k factors.
    """
    y, a = b.copy(), a.copy()
    terms, factors = np.moveaxis(y, axis, 0), np.moveaxis(a, axis, 0)
    if reverse:
        terms, factors = terms[::-1], factors[::-1]
    factors[:1] = 0  # multiplies y[-1]
    k = 1
    while k < len(terms):
        terms[k:] += factors[k:] * terms[:-k]
        factors[k:] *= factors[:-k].copy()
        k *= 2
    return y


class Cumprod(Running):
    """The running product along `axis`; if `exclusive`, of the elements before, without its own."""

    def emit(self, x: Code, *, axis: int, reverse: bool, exclusive: bool) -> str:
        if exclusive:
            return f"products_before({x}, {axis}, {reverse})"
        return backwards(x, axis, reverse, f"np.cumprod({{}}, {axis}{accumulator(x)})")

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int,
        reverse: bool, exclusive: bool,
    ) -> Any:
        # y[i] = x[i] y[i-1]: dy[i] = x[i] dy[i-1] + y[i-1] dx[i].
        (x,), (dx,) = primals, tangents
        before = out if exclusive else self(x, axis=axis, reverse=reverse, exclusive=True)
        dy = linear_recurrence(x, before * dx, axis=axis, reverse=reverse)
        return shift(dy, axis=axis, reverse=reverse) if exclusive else dy


@kernel
def products_before(x: Any, axis: int, reverse: bool) -> Any:
    """For each element the product of those before it along `axis`: 1 for the first."""
    x = shifted(x, axis, reverse, 1)
    if reverse:
        return np.flip(np.cumprod(np.flip(x, axis), axis, dtype=x.dtype), axis)
    return np.cumprod(x, axis, dtype=x.dtype)


class CumulativeExtreme(Running):
    """The greatest, or smallest, so far along `axis`. Elements that tie share the derivative."""

    def __init__(self, name: str, function: str, **given: Any) -> None:
        super().__init__(name, **given)
        self.function = function

    def emit(self, x: Code, *, axis: int, reverse: bool) -> str:
        return backwards(x, axis, reverse, f"np.{self.function}.accumulate({{}}, {axis})")

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int, reverse: bool
    ) -> Any:
        # The sum and the number of the elements that tie begin anew where the extreme changes.
        (x,), (dx,) = primals, tangents
        winners = equal(x, out)
        same = convert_to(equal(out, shift(out, axis=axis, reverse=reverse)), x.dtype)
        total = linear_recurrence(same, where(winners, dx, 0), axis=axis, reverse=reverse)
        count = linear_recurrence(
            same, convert_to(winners, x.dtype), axis=axis, reverse=reverse)
        return total / count


class Cumlogsumexp(Running):
    """`log(cumsum(exp(x)))` along `axis`, safe from overflow."""

    def emit(self, x: Code, *, axis: int, reverse: bool) -> str:
        return backwards(x, axis, reverse, f"np.logaddexp.accumulate({{}}, {axis})")

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, axis: int, reverse: bool
    ) -> Any:
        # exp(out[i]) is a running sum; divided by itself, no term of its derivative is above 1.
        (x,), (dx,) = primals, tangents
        pivot = where(equal(out, -math.inf), 0, out)  # where all are 0, so is each
        kept = exp(shift(out, axis=axis, reverse=reverse) - pivot)
        return linear_recurrence(kept, dx * exp(x - pivot), axis=axis, reverse=reverse)


_lines = [sample(normal(3, 4), axis=0, reverse=False, dtypes="fci"),
          sample(normal(3, 4), axis=1, reverse=True, dtypes="fc"),
          sample(normal(7), axis=0, reverse=False), sample(normal(0, 2), axis=0, reverse=False),
          sample(normal(2, 0), axis=0, reverse=True)]
_real_lines = [
    sample(normal(3, 4), axis=0, reverse=False), sample(normal(2, 5), axis=1, reverse=True),
    sample(normal(0), axis=0, reverse=False),
]
_ties = exactly([1.0, 3.0, 3.0, 2.0, 3.0, 4.0, 4.0])

cumsum = Cumsum("cumsum", samples=_lines)
shift = Shift("shift", samples=_lines)
linear_recurrence = LinearRecurrence("linear_recurrence", samples=[
    sample(normal(3, 4), normal(3, 4), axis=0, reverse=False, dtypes="fc"),
    sample(normal(2, 7), normal(2, 7), axis=1, reverse=True),
    sample(normal(1), normal(1), axis=0, reverse=False),
    sample(normal(0), normal(0), axis=0, reverse=True),
])
cumprod = Cumprod("cumprod", samples=[
    sample(x, axis=axis, reverse=reverse, exclusive=exclusive, dtypes=dtypes)
    for exclusive in (False, True)
    for x, axis, reverse, dtypes in [
        (normal(3, 4), 0, False, "fci"), (normal(2, 5), 1, True, "f"),
        (points(2.0, 0.0, 3.0, 0.0), 0, False, "fc"), (normal(0, 2), 0, False, "f"),
    ]
])
_running_extremes = [*_real_lines, sample(_ties, axis=0, reverse=False, smooth=False),
                     sample(_ties, axis=0, reverse=True, smooth=False)]
cummax = CumulativeExtreme("cummax", "maximum", samples=_running_extremes)
cummin = CumulativeExtreme("cummin", "minimum", samples=_running_extremes)
cumlogsumexp = Cumlogsumexp("cumlogsumexp", samples=[
    *_real_lines, sample(uniform(-800.0, 800.0, 6), axis=0, reverse=False),
    sample(points(-math.inf, -math.inf, 1.0, -math.inf), axis=0, reverse=False, smooth=False),
])
