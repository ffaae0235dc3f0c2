"""Assignment to traced arrays, by law: NumPy's values, and derivatives of a rewrite without assignment."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.errors import TypeMismatch
from tests.tracing.sequences import rewritten, run, sequence

#: How many sequences; a large number is for a look at the whole, FXAD_SEQUENCES=10000.
COUNT = int(os.environ.get("FXAD_SEQUENCES", "240"))
PARTS = 8


def arguments(seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1.0, 1.0, 12), np.array(rng.uniform(-1.0, 1.0, (3, 4)), order="CF"[seed % 5 == 0])


def check(seed: int) -> bool:
    """Whether a sequence is refused; fails if anything in it is different."""
    x, y = arguments(seed)
    seq = sequence(seed, x, y)
    with np.errstate(all="ignore"):
        expected = run(seq, x.copy(), y.copy("K"))
        value, gradient = None, None
        try:
            value, gradient = fxad.value_and_grad(lambda x, y: run(seq, x, y), (0, 1))(x, y)
        except TypeMismatch as error:
            if "how the elements of the first lie in memory" not in str(error):
                raise AssertionError(f"seed {seed}\n{seq.text}") from error
            return True
        assert np.allclose(value, expected, rtol=1e-12, equal_nan=True), f"seed {seed}\n{seq.text}"
        desired = fxad.grad(lambda x, y: rewritten(seq, x, y, (x0, y0)), (0, 1))(
            x0 := x.copy(), y0 := y.copy("K"))
        for g, d in zip(gradient, desired, strict=True):
            np.testing.assert_allclose(g, d, rtol=1e-9, atol=1e-12, err_msg=f"seed {seed}\n{seq.text}")
        if seed % 10 == 0:
            compiled = fxad.jit(lambda x, y: run(seq, x, y))
            np.testing.assert_allclose(compiled(x, y), expected, rtol=1e-12)
            np.testing.assert_allclose(compiled(x + 0.1, y), run(seq, x + 0.1, y.copy("K")), rtol=1e-12)
    return False


@pytest.mark.parametrize("part", range(PARTS))
def test_random_sequences(part: int) -> None:
    seeds = range(part, COUNT, PARTS)
    refused = sum(check(seed) for seed in seeds)
    assert refused <= 0.15 * len(seeds) + 2
