"""The page `docs/coverage.md`, made from the calls of `tests.numpy.functions` and `tests.scipy.functions`.

`python -m tests.docs.coverage_page` writes it. Every cell is what was seen when the call was made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import scipy.linalg
import scipy.special

import fxad.scipy.linalg
import fxad.scipy.special
from tests.docs.coverage_claims import (
    COLUMNS,
    NO,
    YES,
    ZERO,
    claims_of_a_creation,
    claims_of_a_question,
    claims_of_a_row,
    claims_of_the_same,
)
from tests.numpy.functions import CREATION, QUESTIONS, REFUSED, SAME, TABLES
from tests.scipy.functions import LINALG, SPECIAL

__all__ = ["COMMAND", "PAGE", "ROWS", "cells_of", "line_of", "published"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"
COMMAND = "python -m tests.docs.coverage_page"

Claims = tuple[list[str], str]


def _rows() -> Iterator[tuple[str, str, Callable[[], Claims]]]:
    """The title of its table, the name of the function, and what gives its cells: for each row of the page."""
    for title, rows in TABLES.items():
        for row in sorted(rows, key=lambda row: row.name.lower()):
            yield title, row.name, functools.partial(claims_of_a_row, row)
    for name in sorted(CREATION):
        yield "Creation from sizes", name, functools.partial(claims_of_a_creation, name)
    for name in sorted(QUESTIONS):
        yield "Questions and text", name, functools.partial(claims_of_a_question, name)
    for name in sorted(SAME):
        yield "Nothing to trace", name, functools.partial(claims_of_the_same, name)
    for name in sorted(REFUSED):
        yield "No traced form", name, functools.partial(_claims_of_a_refusal, name)
    for row in sorted(SPECIAL, key=lambda row: row.name):
        yield "SciPy: special functions", f"scipy.special.{row.name}", functools.partial(
            claims_of_a_row, row, scipy.special, fxad.scipy.special)
    for row in sorted(LINALG, key=lambda row: row.name):
        yield "SciPy: linear algebra", f"scipy.linalg.{row.name}", functools.partial(
            claims_of_a_row, row, scipy.linalg, fxad.scipy.linalg)


def _claims_of_a_refusal(name: str) -> Claims:
    """What is refused, which `tests/numpy/test_untraced.py` sees for each of these names."""
    why, fix = REFUSED[name]
    return [NO] * len(COLUMNS), f"{why}; write {fix}"


#: For each function that has a row: its table, and what gives its cells.
ROWS: dict[str, tuple[str, Callable[[], Claims]]] = {
    name: (title, claims) for title, name, claims in _rows()
}


def cells_of(name: str) -> list[str]:
    """The cells of a function's row, after what they say has been seen to hold."""
    cells, note = ROWS[name][1]()
    return [f"`{name}`", *cells, note.replace("|", "\\|")]


def line_of(cells: list[str]) -> str:
    """The row as it stands on the page."""
    return f"| {' | '.join(cells)} |"


def published() -> dict[str, str]:
    """The lines of the page's rows, by function."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in lines}


INTRODUCTION = """\
<!-- Written by `{command}`; a test compares each row with what its call does. -->

# Coverage

What can be done with each function of NumPy's, and with those of SciPy's that fxad has. A mark is not a promise: it
was earned by a call of that function, and a test makes the call again for every row. There are {total} rows; {smooth}
have derivatives that are not zero.

| column | {yes} was earned by |
|---|---|
| through np | `np.f(x)` of a traced `x`: NumPy's value, in shape, dtype and numbers |
| fxad.numpy | `fxad.numpy.f(x)` of a traced `x` and of a plain array: the same |
| forward | `jvp` in a random direction, which agrees with differences of fourth order |
| reverse | `vjp` of a random cotangent, whose product with the direction is that of `jvp` |
| second order | forward over reverse and reverse over reverse, which agree with differences of gradients |
| batch | `vmap`, which agrees with a loop |
| jit | `jit`, with the same value, and the same gradient as without |

A `{zero}` under a derivative says that it was seen to be zero in both modes, beside other terms that have one: the
result is an integer, a boolean or a step function. A `{no}` says that there is nothing to ask for, or that the request
was seen to be refused, with an error that says what to write; the notes have the reason. Every function with a
derivative has all columns from `forward` on, except that a result whose length depends on the numbers can't be
batched, since NumPy has no array of rows of different lengths, nor compiled, since compiled code has fixed shapes:
{ragged}.

At kinks and ties the derivatives are [the conventions](sharp_edges.md#derivatives-at-points-where-there-is-none). The
methods and operators of arrays are these functions by other names. In each test a call stands for a function: all
keywords, dtypes and kinds of arrays have tests of their own.
"""

TEXTS = {
    "Derivative zero": "Integers, booleans and step functions. What else depends on `x` keeps its derivative beside"
                       " them.",
    "Creation from sizes": "They take no array of numbers, so there is nothing to differentiate. Inside of a derivative"
                           " and compiled they have NumPy's values.",
    "Questions and text": "They are answered by no array of numbers: inside of a derivative, as NumPy answers.",
    "Nothing to trace": "The names in `fxad.numpy` are NumPy's own functions.",
    "SciPy: special functions": "SciPy hands its ufuncs over as NumPy does. The others stand in `fxad.scipy.special`,"
                                " under the same names.",
    "Writing into an array": "Into one that is traced, such as `x.copy()`: arguments are not written to.",
    "SciPy: linear algebra": "SciPy hands none of them over: they stand in `fxad.scipy.linalg`, under the same"
                             " names.",
    "No traced form": "They raise an error that says why, and what to write instead.",
}


def _page() -> str:
    """The whole page."""
    rows = {name: cells_of(name) for name in ROWS}
    smooth = [cells for cells in rows.values() if cells[3] == YES]
    ragged = sorted(cells[0] for cells in smooth if cells[6] == NO)
    parts = [INTRODUCTION.format(command=COMMAND, total=len(rows), smooth=len(smooth), yes=YES, zero=ZERO,
                                 no=NO, ragged=", ".join(ragged))]
    titles = dict.fromkeys(title for title, _ in ROWS.values())
    for title in titles:
        columns = [c.replace("np", "scipy").replace("numpy", "scipy") if "SciPy" in title else c for c in COLUMNS]
        head = [line_of(["function", *columns, "notes"]), "|---|" + ":-:|" * len(COLUMNS) + "---|"]
        lines = [line_of(cells) for name, cells in rows.items() if ROWS[name][0] == title]
        text = [TEXTS[title], ""] if title in TEXTS else []
        parts.append("\n".join([f"## {title}", "", *text, *head, *lines, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(_page())
    print(f"{PAGE}: {len(published())} rows")
