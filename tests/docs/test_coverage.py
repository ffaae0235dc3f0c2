"""Each row of `docs/coverage.md` says what its function does, and every function has a row."""

from __future__ import annotations

import numpy as np
import pytest

import fxad.numpy as fnp
import fxad.scipy.linalg as linalg
import fxad.scipy.special as special
from tests.docs.coverage_claims import COLUMNS, NO, YES, ZERO
from tests.docs.coverage_page import COMMAND, ROWS, cells_of, line_of, published
from tests.numpy.functions import OLD, TABLES

PUBLISHED = published()
#: What only later versions of NumPy and SciPy have.
LATER = {"cumulative_prod", "cumulative_sum", "matvec", "scipy.special.softplus", "unstack", "vecmat"}


@pytest.mark.parametrize("name", ROWS)
def test_the_row_is_what_the_function_does(name: str) -> None:
    made = line_of(cells_of(name))
    assert PUBLISHED.get(name) == made, f"docs/coverage.md is stale; make it again: {COMMAND}"


def test_the_page_has_these_rows_and_no_others() -> None:
    """Versions of NumPy and SciPy that do not have all functions yet have the others' rows."""
    assert [name for name in PUBLISHED if name in ROWS or name not in LATER] == list(ROWS), (
        f"docs/coverage.md is stale; make it again: {COMMAND}")


def functions(namespace: object, names: list[str]) -> set[str]:
    return {name for name in names if callable(getattr(namespace, name))
            and not isinstance(getattr(namespace, name), type)}


def test_every_function_has_a_row() -> None:
    absent = {name for name in LATER if not hasattr(np, name)}
    assert functions(fnp, fnp.__all__) - ROWS.keys() - OLD - absent == set()
    for part in ("linalg", "fft", "emath"):
        module = getattr(fnp, part)
        assert {f"{part}.{name}" for name in functions(module, module.__all__)} - ROWS.keys() == set()
    for title, part in (("scipy.special", special), ("scipy.linalg", linalg)):
        names = {f"{title}.{name}" for name in functions(part, part.__all__)}
        assert names - ROWS.keys() - LATER == set()
    assert len(ROWS) >= 330


def test_what_has_a_derivative_has_all_columns() -> None:
    """Except where the shape of the result depends on the numbers."""
    for row in [row for rows in TABLES.values() for row in rows if not row.zero]:
        cells = PUBLISHED[row.name].split(" | ")[1 : len(COLUMNS) + 1]
        missing = [column for column, cell in zip(COLUMNS, cells, strict=True) if cell == NO]
        why = ["through np"] * (not row.handed) + ["fxad.numpy"] * (not row.named)
        assert missing == [*why, *["batch"] * bool(row.batched), *["jit"] * bool(row.jitted)]


#: What NumPy code uses and differentiation of NumPy code often lacks, in one mode or in both.
OFTEN_LACKING = """
    cumprod nancumsum nancumprod nansum nanprod nanmean nanmax nanmin nanvar nanstd nanmedian nanquantile
    nanpercentile median percentile quantile average ptp interp convolve correlate trapezoid unwrap i0 sinc take
    take_along_axis put_along_axis compress extract choose cbrt piecewise delete insert flip block vdot polyval
    polyfit copysign ldexp float_power apply_along_axis ediff1d gradient cross cov corrcoef histogram unique
    broadcast_arrays linalg.qr linalg.lstsq linalg.pinv linalg.eig linalg.eigvals linalg.eigh linalg.eigvalsh
    linalg.svd linalg.svdvals linalg.matrix_power linalg.matrix_norm linalg.vector_norm linalg.cond
    linalg.multi_dot linalg.tensorsolve linalg.tensorinv linalg.slogdet linalg.cross
"""


def test_both_modes_and_the_second_order_of_what_is_often_lacking() -> None:
    for name in OFTEN_LACKING.split():
        assert PUBLISHED[name].split(" | ")[1:6] == [YES] * 5, name
    for name in "nonzero searchsorted digitize linalg.matrix_rank".split():
        assert PUBLISHED[name].split(" | ")[1:6] == [YES, YES, ZERO, ZERO, ZERO], name
