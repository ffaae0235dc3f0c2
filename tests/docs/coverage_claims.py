"""What the coverage table says of a function, each cell after what it says has been seen to hold."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import FxadError
from tests.numpy.functions import CREATION, QUESTIONS, SAME, Row
from tests.numpy.test_functions import arrays_of, assert_near, direction, inexact, numeric, same_types, second_order, total

__all__ = ["COLUMNS", "NO", "YES", "ZERO", "claims_of_a_creation", "claims_of_a_question", "claims_of_a_row",
           "claims_of_the_same"]

COLUMNS = ("through np", "fxad.numpy", "forward", "reverse", "second order", "batch", "jit")
YES, ZERO, NO = "✓", "0", "–"
NOT_HANDED = "as `{}.{}`: {} does not hand traced values over"


def claims_of_a_row(row: Row, plain: Any = np, traced: Any = fnp) -> tuple[list[str], str]:
    """The cells of a row and its note; raises where one does not hold.

    Args:
        row: the function.
        plain: the namespace of the function on arrays.
        traced: its namespace in fxad.
    """
    with np.errstate(all="ignore"):
        functions = [lambda *a, n=n: row.function(n, *a) for n in (plain, traced)]
        expected = functions[0](*row.arrays)
        cells = [
            _value(functions[0], row.arrays, expected) if row.handed else _refused(functions[0], row.arrays),
            _value(functions[1], row.arrays, expected) if row.named else NO,
        ]
        function = functions[0 if row.handed else 1]
        rng = np.random.default_rng(zlib.crc32(row.name.encode()))
        tangents = [direction(rng, x) for x in row.arrays]
        if row.zero:
            cells += _zero(function, row.arrays, tangents)
        else:
            cells += [*_first_order(function, functions[0], row.arrays, tangents, rng),
                      _second_order(function, row.arrays, tangents)]
        cells += [_batch(function, functions[0], row), _jit(function, row, expected)]
    library = "NumPy" if plain is np else "SciPy"
    notes = [NOT_HANDED.format(traced.__name__, row.name, library)] * (not row.handed) + [row.note]
    notes += list(dict.fromkeys([row.batched, row.jitted]))
    return cells, "; ".join(filter(None, notes))


def _value(function: Callable[..., Any], arrays: tuple[Any, ...], expected: Any) -> str:
    """On traced values and on plain ones it gives NumPy's value, in shape, dtype and numbers."""
    for out in (function(*arrays), fxad.vjp(function, *arrays)[0]):
        same_types(out, expected)
        assert_near(out, expected)
    return YES


def _refused(function: Callable[..., Any], arrays: tuple[Any, ...]) -> str:
    """NumPy does not hand it over, or not all that it needs."""
    with pytest.raises((FxadError, AttributeError)):
        fxad.vjp(function, *arrays)
    return NO


def _first_order(function: Callable[..., Any], reference: Callable[..., Any], arrays: tuple[Any, ...],
                 tangents: list[Any], rng: np.random.Generator) -> tuple[str, str]:
    """Forward mode agrees with differences, and reverse mode with forward mode."""
    out, dout = fxad.jvp(function, arrays, tuple(tangents))
    moved = [d for d, o in zip(arrays_of(dout), arrays_of(out), strict=True) if o.dtype.kind in "fc"]
    assert_near(moved, numeric(reference, arrays, tangents), 1e-6)
    assert any(np.any(d) for d in moved), "the derivative is not zero"

    out, pull = fxad.vjp(function, *arrays)
    cts = [direction(rng, o) if o.dtype.kind in "fc" else np.zeros(o.shape, fxad.float0)
           for o in arrays_of(out)]
    pulled = pull(fxad.tree.flatten(out)[1].unflatten(cts))
    left = sum(np.sum(c * d) for c, d in zip(inexact(cts), moved, strict=True))
    right = sum(np.sum(p * t) for p, t in zip(pulled, tangents, strict=True))
    np.testing.assert_allclose(np.real(left), np.real(right), rtol=1e-8, atol=1e-8)
    return YES, YES


def _second_order(function: Callable[..., Any], arrays: tuple[Any, ...], tangents: list[Any]) -> str:
    second_order(function, arrays, tangents)
    return YES


def _zero(function: Callable[..., Any], arrays: tuple[Any, ...], tangents: list[Any]) -> list[str]:
    """Tangents and cotangents are zero, and what else a function depends on is differentiated beside it."""
    out, dout = fxad.jvp(function, arrays, tuple(tangents))
    for o, d in zip(arrays_of(out), arrays_of(dout), strict=True):
        assert d.dtype == (o.dtype if o.dtype.kind in "fc" else fxad.float0)
        assert d.dtype == fxad.float0 or not np.any(d)

    def beside(*given: Any) -> Any:
        leaves = fxad.tree.leaves(function(*given))
        return sum(np.sum(np.real(x**3)) for x in given) + sum(np.sum(np.real(x)) for x in leaves)

    places = tuple(range(len(arrays)))
    slope = fxad.grad(beside, argnums=places)
    second = fxad.jvp(slope, arrays, tuple(tangents))[1]
    for g, s, x, t in zip(slope(*arrays), second, arrays, tangents, strict=True):
        np.testing.assert_allclose(g, 3 * x**2)
        np.testing.assert_allclose(s, 6 * x * t)
    return [ZERO, ZERO, ZERO]


def _batch(function: Callable[..., Any], reference: Callable[..., Any], row: Row) -> str:
    """vmap agrees with a loop, or is refused."""
    batches = [np.stack([x, x * 1.1]) for x in row.arrays]
    if row.batched:
        with pytest.raises(FxadError):
            fxad.vmap(function)(*batches)
        return NO
    out = fxad.vmap(function)(*batches)
    each = [arrays_of(reference(*(b[i] for b in batches))) for i in range(2)]
    assert_near(out, [np.stack(pair) for pair in zip(*each, strict=True)], 1e-10)
    return YES


def _jit(function: Callable[..., Any], row: Row, expected: Any) -> str:
    """Compiled, it has the same value and the same gradient, or is refused."""
    if row.jitted:
        with pytest.raises(FxadError):
            fxad.jit(function)(*row.arrays)
        return NO
    compiled = fxad.jit(function)(*row.arrays)
    same_types(compiled, expected)
    assert_near(compiled, expected)
    if not row.zero:
        slope = fxad.grad(total(function), argnums=tuple(range(len(row.arrays))))
        for a, b in zip(fxad.jit(slope)(*row.arrays), slope(*row.arrays), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1.0, np.max(np.abs(b), initial=0.0)))
    return YES


def claims_of_a_creation(name: str) -> tuple[list[str], str]:
    """A function that takes no array: NumPy's values, inside of a derivative and compiled too."""
    expected = getattr(np, name)(*CREATION[name])
    for n in (np, fnp):
        def function(x: Any, n: Any = n) -> Any:
            return x, getattr(n, name)(*CREATION[name])

        for out in (fxad.vjp(function, 1.0)[0], fxad.jit(function)(1.0)):
            same_types(out[1], expected)
            assert_near(out[1], expected)
    return [YES, YES, NO, NO, NO, NO, YES], ""


def claims_of_a_question(name: str) -> tuple[list[str], str]:
    """A function that is answered by no array: NumPy's answer for a traced value."""
    x = np.arange(6.0).reshape(2, 3)
    for n in (np, fnp):
        answers = []

        def function(t: Any, n: Any = n, answers: list[Any] = answers) -> Any:
            answers.append(QUESTIONS[name](n, t))
            return t

        fxad.vjp(function, x)
        assert answers[0] == QUESTIONS[name](np, x)
    return [YES, YES, NO, NO, NO, NO, NO], ""


def claims_of_the_same(name: str) -> tuple[list[str], str]:
    """A name that `fxad.numpy` has from NumPy."""
    assert getattr(fnp, name) is getattr(np, name)
    return [YES, YES, NO, NO, NO, NO, NO], SAME[name]
