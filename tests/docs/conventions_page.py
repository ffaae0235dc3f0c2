"""The page `docs/conventions.md`: derivatives at points where mathematics leaves a choice, in one table.

`python -m tests.docs.conventions_page` writes the page; the test computes every row in all modes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fxad.scipy import special
from tests.docs.promotion_page import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conventions.md"
inf, nan = np.inf, np.nan


class Row(NamedTuple):
    """What a function and its derivatives are at a point.

    `second` is None where it does not exist, or is not a convention but an accident.
    """

    text: str
    function: Callable[[Any], Any]
    at: Any
    value: Any
    first: Any
    second: Any
    why: str


def row(text: str, function: Callable[[Any], Any], at: Any, value: Any, first: Any, second: Any = None,
        why: str = "") -> Row:
    return Row(text, function, np.array(at, float) if isinstance(at, list) else np.float64(at), value, first,
               second, why)


_NONE = [[0, 0], [0, 0]]
_I = [[1, 0], [0, 1]]

TABLES: dict[str, list[Row]] = {
    "Where it is not chosen, it is not there": [
        row("`np.where(x > 0, np.sqrt(x), 0)`", lambda x: np.where(x > 0, np.sqrt(x), 0.0), -1, 0, 0, 0,
            "the mask is applied after the products of the branch that it masks"),
        row("`np.where(x > 0, np.log(x), 0)`", lambda x: np.where(x > 0, np.log(x), 0.0), 0, 0, 0, 0,
            "so the infinity of the other branch is not multiplied by 0"),
        row("`np.where(x != 0, 1 / x, 0)`", lambda x: np.where(x != 0, 1 / x, 0.0), 0, 0, 0, 0, ""),
        row("`np.where(x > 0, np.sqrt(x), 0) ** 2`", lambda x: np.where(x > 0, np.sqrt(x), 0.0) ** 2, 0, 0, 0, 0,
            "also through what is done with the chosen value later"),
        row("`np.fmax(x, 1)`", lambda x: np.fmax(x, 1.0), nan, 1, 0, 0, "a NaN that is not chosen"),
        row("`np.nan_to_num(x)`", np.nan_to_num, nan, 0, 0, 0, "a constant is chosen"),
    ],
    "Norms at 0": [
        row("`abs(x)`", np.abs, 0, 0, 0, 0, "the least of the subgradients; `sign(0)` is 0"),
        row("`np.linalg.norm(v)`", np.linalg.norm, [0, 0], 0, [0, 0], _NONE, "as `abs`"),
        row("`np.linalg.norm(v, 1)`", lambda v: np.linalg.norm(v, 1), [0, 0], 0, [0, 0], _NONE, ""),
        row("`np.linalg.norm(v, 3)`", lambda v: np.linalg.norm(v, 3), [0, 0], 0, [0, 0], _NONE, ""),
        row("`np.linalg.norm(v, np.inf)`", lambda v: np.linalg.norm(v, inf), [0, 0], 0, [0, 0], _NONE, ""),
        row("`np.linalg.norm(m, 'nuc')`", lambda m: np.linalg.norm(m, "nuc"), _NONE, 0, _NONE, None, ""),
        row("`np.hypot(v[0], v[1])`", lambda v: np.hypot(v[0], v[1]), [0, 0], 0, [0, 0], _NONE, ""),
        row("`np.abs(v[0] + 1j * v[1])`", lambda v: np.abs(v[0] + 1j * v[1]), [0, 0], 0, [0, 0], _NONE, ""),
        row("`np.std(v)`", np.std, [1, 1], 0, [0, 0], None, "a norm of the deviations"),
        row("`np.sqrt(x ** 2)`", lambda x: np.sqrt(x**2), 0, 0, nan, None,
            "`inf * 0` by the chain rule: write `abs(x)`, `np.hypot` or `np.linalg.norm`"),
    ],
    "Roots and powers at the edges": [
        row("`np.sqrt(x)`", np.sqrt, 0, 0, inf, -inf, "the one-sided limit, with NumPy's warning"),
        row("`np.cbrt(x)`", np.cbrt, 0, 0, inf, None, "the limit from both sides"),
        row("`x ** 0.5`", lambda x: x**0.5, 0, 0, inf, -inf, "as `np.sqrt`"),
        row("`x ** 1.5`", lambda x: x**1.5, 0, 0, 0, inf, ""),
        row("`x ** 0`", lambda x: x**0, 0, 1, 0, 0, "1 for every `x`"),
        row("`x ** 0.0`", lambda x: x**0.0, 0, 1, 0, 0, "as `x ** 0`"),
        row("`x ** 1.0`", lambda x: x**1.0, 0, 0, 1, 0, ""),
        row("`x ** 2.0`", lambda x: x**2.0, 0, 0, 0, 2, "no `0 ** -1` on the way"),
        row("`x ** 3.0`", lambda x: x**3.0, -2, -8, 12, -12, "a negative base with a whole exponent"),
        row("`np.power(x, np.array(3))`", lambda x: np.power(x, np.array(3)), -2, -8, 12, -12, ""),
        row("`(-2.0) ** y`", lambda y: (-2.0) ** y, 3, -8, nan, None,
            "beside `y = 3` there is no real value, so no derivative"),
        row("`0.0 ** y`", lambda y: 0.0**y, 2, 0, 0, 0, "0 for every `y > 0`"),
        row("`0.0 ** y`", lambda y: 0.0**y, 0, 1, 0, 0, "from the side where it is 0"),
        row("`np.prod(v)`", np.prod, [0, 2, 3], 0, [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]],
            "no division by an element"),
        row("`np.linalg.det(m)`", np.linalg.det, _NONE, 0, _NONE, [[[[0, 0], [0, 1]], [[0, 0], [-1, 0]]],
                                                                  [[[0, -1], [0, 0]], [[1, 0], [0, 0]]]],
            "the adjugate, not the inverse"),
    ],
    "Near 0, with all digits": [
        row("`np.sinc(x)`", np.sinc, 0, 1, 0, -np.pi**2 / 3, "the limit of every order"),
        row("`np.sinc(x)`", np.sinc, 1e-9, 1, -np.pi**2 / 3 * 1e-9, -np.pi**2 / 3, ""),
        row("`np.log1p(x)`", np.log1p, 1e-20, 1e-20, 1, -1, ""),
        row("`np.log1p(x)`", np.log1p, -1, -inf, inf, -inf, ""),
        row("`np.expm1(x)`", np.expm1, 1e-20, 1e-20, 1, 1, ""),
        row("`np.log(x)`", np.log, 0, -inf, inf, -inf, "the one-sided limit, with NumPy's warning"),
        row("`np.i0(x)`", np.i0, 0, 1, 0, 0.5, ""),
    ],
    "Angles at the origin": [
        row("`np.arctan2(v[0], v[1])`", lambda v: np.arctan2(v[0], v[1]), [0, 0], 0, [nan, nan], None,
            "the angle has no limit there, and its derivative none either"),
        row("`np.angle(v[0] + 1j * v[1])`", lambda v: np.angle(v[0] + 1j * v[1]), [0, 0], 0, [nan, nan], None,
            "as `np.arctan2`"),
    ],
    "Sums of exponentials at infinity": [
        row("`np.logaddexp(v[0], v[1])`", lambda v: np.logaddexp(v[0], v[1]), [-inf, 0.5], 0.5, [0, 1], _NONE,
            "softmax weights"),
        row("`np.logaddexp(v[0], v[1])`", lambda v: np.logaddexp(v[0], v[1]), [-inf, -inf], -inf, [0, 0],
            _NONE, "nothing is added to nothing: 0, not NaN, so that rows that are masked out stay harmless"),
        row("`np.logaddexp(x, 0)`", lambda x: np.logaddexp(x, 0.0), inf, inf, nan, None,
            "infinity does not move"),
        row("`np.logaddexp(np.inf, x)`", lambda x: np.logaddexp(inf, x), 0, inf, 0, 0, ""),
        row("`np.logaddexp.reduce(v)`", np.logaddexp.reduce, [-inf, 1, 1], 1 + np.log(2), [0, 0.5, 0.5],
            [[0, 0, 0], [0, 0.25, -0.25], [0, -0.25, 0.25]], ""),
        row("`np.logaddexp.reduce(v)`", np.logaddexp.reduce, [-inf, -inf], -inf, [0, 0], _NONE, ""),
        row("`np.logaddexp.accumulate(v)[-1]`", lambda v: np.logaddexp.accumulate(v)[-1], [-inf, -inf], -inf,
            [0, 0], _NONE, ""),
        row("`scipy.special.logsumexp(v)`", lambda v: special.logsumexp(v), [-inf, 1, 1], 1 + np.log(2),
            [0, 0.5, 0.5], [[0, 0, 0], [0, 0.25, -0.25], [0, -0.25, 0.25]], ""),
        row("`scipy.special.logsumexp(v)`", lambda v: special.logsumexp(v), [-inf, -inf], -inf, [0, 0], _NONE,
            ""),
    ],
    "Ties": [
        row("`np.max(v)`", np.max, [1, 1, 0], 1, [0.5, 0.5, 0], [[0] * 3] * 3, "equals share equally"),
        row("`np.min(v)`", np.min, [1, 1, 1, 1], 1, [0.25] * 4, [[0] * 4] * 4, ""),
        row("`np.maximum(v[0], v[1])`", lambda v: np.maximum(v[0], v[1]), [1, 1], 1, [0.5, 0.5], _NONE, ""),
        row("`np.maximum(x, 0)`", lambda x: np.maximum(x, 0.0), 0, 0, 0.5, 0, "so `relu` has 1/2 at 0"),
        row("`np.clip(x, 0, 1)`", lambda x: np.clip(x, 0.0, 1.0), 1, 1, 0.5, 0, "the value shares with the bound"),
        row("`np.maximum.accumulate(v)[-1]`", lambda v: np.maximum.accumulate(v)[-1], [1, 1], 1, [0.5, 0.5], _NONE,
            ""),
        row("`np.linalg.norm(v, np.inf)`", lambda v: np.linalg.norm(v, inf), [1, -1], 1, [0.5, -0.5], None, ""),
        row("`np.ptp(v)`", np.ptp, [1, 1], 0, [0, 0], _NONE, ""),
        row("`np.sort(v)[0]`", lambda v: np.sort(v)[0], [1, 1, 2], 1, [1, 0, 0], [[0] * 3] * 3,
            "sorting moves elements, equals in their order: the first of them comes first"),
        row("`np.median(v)`", np.median, [1, 1, 1], 1, [0, 1, 0], [[0] * 3] * 3, "the middle one of the sorted"),
        row("`np.median(v)`", np.median, [1, 2, 2, 3], 2, [0, 0.5, 0.5, 0], [[0] * 4] * 4,
            "the middle two of the sorted"),
    ],
    "Steps": [
        row("`np.sign(x)`", np.sign, 0, 0, 0, 0, "piecewise constant: 0 everywhere, also at the step"),
        row("`np.floor(x)`", np.floor, 1, 1, 0, 0, ""),
        row("`np.round(x)`", np.round, 0.5, 0, 0, 0, ""),
        row("`np.heaviside(x, 0.5)`", lambda x: np.heaviside(x, 0.5), 0, 0.5, 0, 0, ""),
        row("`x % 1.0`", lambda x: x % 1.0, 1, 0, 1, 0, "the slope on both sides"),
        row("`np.interp(x, [0, 1, 2], [0, 1, 3])`", lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]),
            1, 1, 2, 0, "the slope to the right of the point"),
    ],
    "Eigenvalues and singular values that coincide": [
        row("`np.linalg.eigvalsh(m)[0]`", lambda m: np.linalg.eigvalsh(m)[0], _I, 1, [[1, 0], [0, 0]], None,
            "of the vectors that the decomposition chose; gaps of 0 are left out"),
        row("`np.sum(np.linalg.eigvalsh(m))`", lambda m: np.sum(np.linalg.eigvalsh(m)), _I, 2, _I,
            [[_NONE, _NONE], [_NONE, _NONE]], "what does not depend on the choice is exact"),
        row("`np.linalg.eigh(m)[1][0, 0] ** 2`", lambda m: np.linalg.eigh(m)[1][0, 0] ** 2, _I, 1, _NONE, None,
            "vectors of one eigenspace do not turn into each other"),
        row("`np.linalg.svdvals(m)[0]`", lambda m: np.linalg.svdvals(m)[0], _I, 1, [[1, 0], [0, 0]], None, ""),
        row("`np.sum(np.linalg.svdvals(m))`", lambda m: np.sum(np.linalg.svdvals(m)), _I, 2, _I,
            [[_NONE, [[0, 0.5], [-0.5, 0]]], [[[0, -0.5], [0.5, 0]], _NONE]],
            "what does not depend on the choice is exact"),
        row("`np.linalg.svdvals(m)`", np.linalg.svdvals, _NONE, [0, 0], [_NONE, _NONE], None, "as `abs` at 0"),
    ],
}

TEXT = """\
# Numerical conventions

Where a function has a kink, a tie, a pole or a limit, mathematics leaves the derivative open, and a program has to give
something. This table says what fxad gives, and why. The tests compute each row in forward and in reverse mode, and the
second derivative in all four combinations of them.

NaN stands where no number would be right. An infinite derivative comes with NumPy's warning, as if one had computed
it oneself; `np.errstate` works as usual. A dash stands where there is no second derivative to speak of.

{tables}

## Integers and booleans

They have no derivative. With respect to them `grad` raises, or gives dtype `float0` with `allow_int=True`; what is computed
from floats as an integer or a boolean (comparisons, `argmax`, `round(...).astype(int)`) is a constant to everything that
uses it.
"""


def number(x: float) -> str:
    return "NaN" if np.isnan(x) else f"{x:.6g}".replace("e-0", "e-").replace("e+0", "e")


def written(x: Any) -> str:
    if x is None:
        return "–"
    array = np.asarray(x, float)
    if array.ndim and array.size > 1 and np.all(array == 0):
        return "0"
    if array.ndim == 0:
        return number(float(array))
    return "[" + ", ".join(map(written_part, x)) + "]"


def written_part(x: Any) -> str:
    return number(float(x)) if np.ndim(x) == 0 else "[" + ", ".join(map(written_part, x)) + "]"


def page() -> str:
    """The text of the page."""
    tables = []
    for title, rows in TABLES.items():
        cells = [(r.text, [written_part(r.at.tolist()), written(r.value), written(r.first), written(r.second), r.why])
                 for r in rows]
        tables.append(f"## {title}\n\n" + table(
            "function", ["at", "value", "first derivative", "second", "why"], cells))
    return TEXT.format(tables="\n\n".join(tables))


if __name__ == "__main__":
    PAGE.write_text(page())
