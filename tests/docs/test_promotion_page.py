"""The tables of `docs/promotion.md` are what fxad says now, and what NumPy says."""

from __future__ import annotations

import numpy as np
import pytest

from fxad.ir import dtype_name
from tests.docs.promotion_page import KINDS, OUT_OF_RANGE, OWN, PAGE, arrays, name_of, outcome, page


@pytest.mark.filterwarnings("ignore")
def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.promotion_page"


@pytest.mark.filterwarnings("ignore")
def test_the_tables_are_numpys() -> None:
    def of_numpy(function, *args):
        try:
            return f"`{dtype_name(function(*args).dtype)}`"
        except TypeError:
            return "TypeError"

    with np.errstate(all="ignore"):
        for x in arrays():
            for y in arrays():
                assert name_of(np.add, x, y) == of_numpy(np.add, x, y)
            for number in KINDS.values():
                assert name_of(lambda x, v=number: x + v, x) == of_numpy(np.add, x, number)
            for name, function in OWN.items():
                assert name_of(function, x) == of_numpy(function, x), f"{name} of {x.dtype}"


def test_ints_out_of_range_are_numpys_errors() -> None:
    for name, call in OUT_OF_RANGE.items():
        try:
            value = call(lambda n: n)
        except OverflowError as error:
            expected = f"OverflowError: {error}"
        else:
            expected = f"`{value.tolist()}`, `{dtype_name(value.dtype)}`"
        assert outcome(call, False) == expected, name
        assert outcome(call, True) == expected, name
