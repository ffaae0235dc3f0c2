"""Inverse trigonometric functions of complex numbers that lie on a branch cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad

ON_A_CUT = [complex(a, b) for a, b in [
    (1.7, 0.0), (-1.7, 0.0), (1.7, -0.0), (-1.7, -0.0), (0.0, 1.7), (0.0, -1.7), (-0.0, 1.7), (-0.0, -1.7)]]


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "sqrt",
                                  "log"])
@pytest.mark.parametrize("z", ON_A_CUT)
def test_derivative_on_a_branch_cut_is_that_of_its_side(name: str, z: complex) -> None:
    """The sign of a zero says on which side of the cut a number is; the derivative is taken along it."""
    function, h = getattr(np, name), 1e-6

    def at(step: float) -> Any:
        moved = complex(z.real, z.imag + step) if z.real == 0 else complex(z.real + step, z.imag)
        return function(np.complex128(moved))

    along = np.complex128(1j if z.real == 0 else 1.0)
    _, slope = fxad.jvp(function, (np.complex128(z),), (along,))
    np.testing.assert_allclose(slope, (at(h) - at(-h)) / (2 * h), rtol=1e-6)
