"""The laws of differentiation as functions: numeric derivatives, the pairing with a cotangent.

Programs are functions of arrays; all functions here take and give lists of arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from fxad.execute import compile_program, interpret
from fxad.ir import Primitive, Program, frozen, parse, type_of, verify
from fxad.tracing import Kind, Trace, bind_in
from fxad.transforms import batch, inline, jvp, linearize, transpose

__all__ = ["assert_close", "assert_identical", "checked", "keeps_the_laws", "numeric_jvp", "pairing",
           "program_of", "random_like", "tangents_only", "traced", "vjp_program"]

#: Relative and absolute tolerance for results of this precision.
TOLERANCE = {"f4": 2e-4, "c8": 2e-4, "f8": 1e-10, "c16": 1e-10}


def program_of(primitive: Primitive, values: Sequence[Any], params: dict[str, Any]) -> Program:
    """The Program of one equation."""
    trace = Trace(Kind.BUILD, purpose="a test")
    inputs = [trace.input(type_of(v)) for v in values]
    out = bind_in(trace, primitive, inputs, frozen(params))
    outs = out if primitive.multiple else (out,)
    return trace.program([trace.operand(o) for o in outs])


@functools.lru_cache(maxsize=1024)
def checked(program: Program) -> Callable[..., list[Any]]:
    """The interpreted Program, after its form, its text and its compiled code have been checked."""
    verify(program)
    assert parse(str(program)) == program
    compiled, interpreted = compile_program(program), interpret(program)

    def run(*values: Any) -> list[Any]:
        with np.errstate(all="ignore"):
            results = interpreted(*values)
            for a, b in zip(compiled(*values), results, strict=True):
                assert_identical(a, b)
        for value, type in zip(results, program.out_types, strict=True):
            assert type_of(value) == type.strong
        return list(results)

    return run


def assert_identical(a: Any, b: Any) -> None:
    """The same type, shape and dtype, and the same bits, except that all NaN are one."""
    assert type(a) is type(b)
    assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
    assert np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if a.dtype.kind in "fc":
        for part in (np.real, np.imag):
            x, y = part(a), part(b)
            assert np.array_equal(np.signbit(x) & ~np.isnan(x), np.signbit(y) & ~np.isnan(y))


def assert_close(
    actual: Sequence[Any], desired: Sequence[Any], tolerance: float | None = None, *,
    exact: bool = False,
) -> None:
    """All arrays have the same dtypes, and agree to the accuracy of their dtype, or exactly."""
    assert len(actual) == len(desired)
    for a, b in zip(actual, desired, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        near = 0.0 if exact else tolerance or TOLERANCE.get(a.dtype.str[1:], 0)
        scale = max(1.0, np.max(np.abs(b[np.isfinite(b)]), initial=0.0)) if b.size else 1.0
        np.testing.assert_allclose(a, b, rtol=near, atol=near * scale)


def random_like(values: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    """Normal values of the shapes and dtypes of the inexact ones among `values`."""
    made = []
    for value in values:
        value = np.asarray(value)
        if value.dtype.kind in "fc":
            x = rng.normal(size=value.shape)
            if value.dtype.kind == "c":
                x = x + 1j * rng.normal(size=value.shape)
            made.append(np.asarray(x).astype(value.dtype))
    return made


def pairing(cts: Sequence[Any], values: Sequence[Any]) -> float:
    """The real part of `sum(ct * value)`: complex numbers are not conjugated."""
    return float(sum(np.sum(np.real(a * b)) for a, b in zip(cts, values, strict=True)))


def numeric_jvp(
    function: Callable[..., Sequence[Any]], values: Sequence[Any], tangents: Sequence[Any],
    step: float = 1e-4,
) -> list[Any]:
    """The directional derivative of the inexact outputs, by central differences of fourth order.

    `tangents` has an entry for each inexact value.
    """

    def at(distance: float) -> list[Any]:
        moving = iter(tangents)
        moved = [
            v + distance * next(moving) if np.asarray(v).dtype.kind in "fc" else v for v in values
        ]
        with np.errstate(all="ignore"):
            return [o for o in function(*moved) if np.asarray(o).dtype.kind in "fc"]

    near, far = (zip(at(h), at(-h), strict=True) for h in (step, 2 * step))
    return [
        (8 * (a - b) - (c - d)) / (12 * step)
        for (a, b), (c, d) in zip(near, far, strict=True)
    ]


def vjp_program(program: Program, active: Sequence[bool] | None = None) -> Program:
    """(a -> b) -> (a, Tb -> Ta): the cotangents of the inputs, as one Program."""
    forward, linear = linearize(program, active)
    count = len(forward.outputs) - len(program.outputs)
    moving = len(linear.inputs) - count
    backward = transpose(linear, [False] * count + [True] * moving)
    trace = Trace(Kind.BUILD, purpose="a test")
    values = [trace.input(t) for t in program.in_types]
    cts = [trace.input(t.strong) for t in linear.out_types]
    residuals = inline(trace, forward, values)[len(program.outputs):]
    outs = inline(trace, backward, [*residuals, *cts])
    return trace.program([trace.operand(o) for o in outs])


def tangents_only(program: Program) -> Program:
    """(a -> b) -> (a, Ta -> Tb): the jvp without the values."""
    both = jvp(program)
    return Program(both.inputs, both.equations, both.outputs[len(program.outputs):])


def traced(function: Callable[..., Any], *values: Any) -> Program:
    """The Program of a function with one result or several."""
    trace = Trace(Kind.BUILD, purpose="a test")
    out = function(*[trace.input(type_of(v)) for v in values])
    outs = out if isinstance(out, tuple) else (out,)
    return trace.program([trace.operand(o) for o in outs])


def keeps_the_laws(function: Callable[..., Any], *values: Any, second: bool = True) -> None:
    """jvp is numeric, the transpose is its transpose, a batch is a loop; the second order too."""
    program = traced(function, *values)
    rng = np.random.default_rng(1)
    tangents = random_like(values, rng)
    first = tangents_only(program)
    pushed = checked(first)(*values, *tangents)
    numeric = numeric_jvp(checked(program), values, tangents)
    assert_close(pushed, [n.astype(p.dtype) for n, p in zip(numeric, pushed, strict=True)], 1e-7)
    cts = random_like(pushed, rng)
    pulled = checked(vjp_program(program))(*values, *cts)
    assert pairing(cts, pushed) == pytest.approx(pairing(pulled, tangents), rel=1e-8, abs=1e-8)
    if second:
        again = random_like([*values, *tangents], rng)
        twice = checked(tangents_only(first))(*values, *tangents, *again)
        numeric = numeric_jvp(checked(first), [*values, *tangents], again)
        assert_close(twice, [n.astype(s.dtype) for n, s in zip(numeric, twice, strict=True)], 1e-5)
    rows = [[v + 0.1 * i * t for v, t in zip(values, tangents, strict=True)] for i in range(3)]
    loop = [checked(program)(*row) for row in rows]
    stacked = [np.stack(column, axis=-1) for column in zip(*rows, strict=True)]
    assert_close(checked(batch(program, 3, [-1] * len(values)))(*stacked),
                 [np.stack(outs) for outs in zip(*loop, strict=True)])
