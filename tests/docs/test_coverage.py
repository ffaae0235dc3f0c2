"""Each row of `docs/coverage.md` says what its function does, and every function has a row."""

from __future__ import annotations

import numpy as np
import pytest

import fxad.numpy as fnp
from tests.docs.coverage_claims import COLUMNS, NO
from tests.docs.coverage_page import COMMAND, ROWS, cells_of, line_of, published
from tests.numpy.functions import OLD, TABLES, WRITING

PUBLISHED = published()
LATER = {"cumulative_prod", "cumulative_sum", "matvec", "unstack", "vecmat"}


@pytest.mark.parametrize("name", ROWS)
def test_the_row_is_what_the_function_does(name: str) -> None:
    made = line_of(cells_of(name))
    assert PUBLISHED.get(name) == made, f"docs/coverage.md is stale; make it again: {COMMAND}"


def test_the_page_has_these_rows_and_no_others() -> None:
    """On a version of NumPy that does not have all functions yet, the others' rows."""
    missing = {name for name in LATER if not hasattr(np, name)}
    assert [name for name in PUBLISHED if name not in missing] == list(ROWS), (
        f"docs/coverage.md is stale; make it again: {COMMAND}")


def functions(namespace: object, names: list[str]) -> set[str]:
    return {name for name in names if callable(getattr(namespace, name))
            and not isinstance(getattr(namespace, name), type)}


def test_every_function_has_a_row() -> None:
    assert functions(fnp, fnp.__all__) - ROWS.keys() - OLD - WRITING == set()
    for part in ("linalg", "fft", "emath"):
        module = getattr(fnp, part)
        assert {f"{part}.{name}" for name in functions(module, module.__all__)} - ROWS.keys() == set()
    assert len(ROWS) >= 330


def test_what_has_a_derivative_has_all_columns() -> None:
    """Except where the shape of the result depends on the numbers."""
    for row in [row for rows in TABLES.values() for row in rows if not row.zero]:
        cells = PUBLISHED[row.name].split(" | ")[1 : len(COLUMNS) + 1]
        missing = [column for column, cell in zip(COLUMNS, cells, strict=True) if cell == NO]
        why = ["through np"] * (not row.handed) + ["fxad.numpy"] * (not row.named)
        assert missing == [*why, *["batch"] * bool(row.batched), *["jit"] * bool(row.jitted)]
