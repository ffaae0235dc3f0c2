"""Every row of `docs/conventions.md`, in both modes, and at second order in all four combinations of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from tests.docs.conventions_page import PAGE, TABLES, Row, page

ROWS = [r for rows in TABLES.values() for r in rows]
FORWARD, REVERSE = fxad.jacfwd, fxad.jacrev
MODES: dict[str, Any] = {
    "forward": FORWARD, "reverse": REVERSE, "compiled forward": lambda f: fxad.jit(FORWARD(f)),
    "compiled reverse": lambda f: fxad.jit(REVERSE(f)),
}
SECOND: dict[str, Any] = {
    "forward over reverse": lambda f: FORWARD(REVERSE(f)), "reverse over forward": lambda f: REVERSE(FORWARD(f)),
    "forward over forward": lambda f: FORWARD(FORWARD(f)), "reverse over reverse": lambda f: REVERSE(REVERSE(f)),
}


def near(found: Any, expected: Any, where: str) -> None:
    expected = np.asarray(expected, float)
    assert np.shape(found) == expected.shape, where
    # What is as good as 0 is 0; the smallest of the numbers in the table are near 1e-20.
    scale = 1e-15 * np.max(np.abs(expected), where=np.isfinite(expected), initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=scale, err_msg=where)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.text} at {r.at}")
def test_the_row(row: Row) -> None:
    with np.errstate(all="ignore"):
        near(row.function(row.at), row.value, "the value")
        near(fxad.jit(row.function)(row.at), row.value, "the compiled value")
        for mode, derivative in MODES.items():
            transformed = derivative(row.function)
            for _ in range(2):  # interpreted, then compiled
                near(transformed(row.at), row.first, mode)
        if row.second is not None:
            for mode, derivative in SECOND.items():
                near(derivative(row.function)(row.at), row.second, mode)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.conventions_page"


def test_every_row_says_why_or_follows_one_that_does() -> None:
    for title, rows in TABLES.items():
        assert rows[0].why or title.startswith("Near 0")
