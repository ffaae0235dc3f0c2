"""Emitted source: its tiers give NumPy's values, it clobbers nothing, and it can be read."""

from __future__ import annotations

import functools
import gc
import linecache
import math
import traceback
import warnings
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.execute import compile_program, interpret, source
from fxad.execute.emit import straight_source
from fxad.execute.writer import is_scalar
from fxad.ir import NAMESPACE, PRIMITIVES, Program, load_deferred, parse
from fxad.ir.program import EMPTY, Equation, Literal, Var
from fxad.ir.types import ArrayType
from tests.laws import assert_identical

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 710.0, -710.0, 1e308, 1e-308, 5e-324, np.inf, -np.inf,
           np.nan, 1e22, math.pi]


def straight(program: Program) -> Any:
    space = dict(NAMESPACE)
    exec(straight_source(program, "f"), space)
    return space["f"]


@functools.cache
def ways(program: Program) -> tuple[Any, ...]:
    return interpret(program), compile_program(program), straight(program)


def same_everywhere(program: Program, *values: Any) -> tuple[Any, ...]:
    reference, *others = ways(program)
    with np.errstate(all="ignore"):
        results = reference(*values)
        for run in others:
            for a, b in zip(run(*values), results, strict=True):
                assert_identical(a, b)
    return results


# -- the scalar tier -------------------------------------------------------------------------------


def scalar_primitives() -> list[tuple[str, int]]:
    load_deferred()
    found = []
    for name, primitive in PRIMITIVES.items():
        arity = getattr(primitive, "arity", 1)
        if not primitive.elementwise or name in ("where", "convert"):
            continue
        try:
            program = applied(name, arity)
        except (TypeError, KeyError):
            continue
        if is_scalar(program):
            found.append((name, arity))
    return found


def applied(name: str, arity: int) -> Program:
    primitive = PRIMITIVES[name]
    inputs = [Var(ArrayType((), np.float64)) for _ in range(arity)]
    out = Var(primitive.infer(*(v.type for v in inputs)))
    return Program(inputs, [Equation(primitive, tuple(inputs), EMPTY, (out,))], [out])


@pytest.mark.parametrize(("name", "arity"), scalar_primitives())
def test_scalar_code_is_numpys_bit_for_bit(name: str, arity: int) -> None:
    program = applied(name, arity)
    rng = np.random.default_rng(0)
    values = [*SPECIAL, *rng.normal(size=60), *rng.normal(scale=100, size=20), *rng.random(20)]
    if arity == 1:
        for v in values:
            same_everywhere(program, np.float64(v))
            same_everywhere(program, float(v))
    else:
        for v in values:
            for w in SPECIAL[:15]:
                same_everywhere(program, np.float64(v), *[np.float64(w)] * (arity - 1))


@pytest.mark.parametrize("n", [-3, -2, -1, 0, 1, 2, 3, 4, 7, 30])
def test_integer_powers(n: int) -> None:
    program = fxad.make_ir(lambda x: x**n + 0)(1.5)
    for v in [*SPECIAL, *np.random.default_rng(0).normal(size=50)]:
        same_everywhere(program, np.float64(v))


def test_squares_are_exactly_rounded() -> None:
    """Numbers as arrays: NumPy's own `x ** 2` of a number is off in the last place now and then."""
    program = fxad.make_ir(lambda x: x**2 + 0)(1.5)
    for v in (0.3624182010806754, 1.8871580461934296, *np.random.default_rng(0).normal(size=3000)):
        (result,) = same_everywhere(program, np.float64(v))
        assert result == v * v


def test_there_are_scalar_primitives() -> None:
    assert {n for n, _ in scalar_primitives()} >= {"add", "mul", "sin", "exp", "log", "sqrt", "power"}


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: 1 / x, 0.0), (lambda x: np.log(x), 0.0), (lambda x: np.log(x), -1.0),
    (lambda x: np.sqrt(x), -1.0), (lambda x: np.exp(x), 1000.0), (lambda x: x**200, 1e10),
    (lambda x: x**-1, 0.0), (lambda x: 0.0**x, -1.0), (lambda x: np.arcsin(x), 2.0),
    (lambda x: x - x, np.inf), (lambda x: np.sin(x), np.inf), (lambda x: (-8.0 * x) ** (1 / 3), 1.0),
    (lambda x: x * 1e300 * 1e300, 1.0), (lambda x: np.arctanh(x), 1.0), (lambda x: np.cosh(x), 800.0),
    (lambda x: np.log1p(x), -1.0), (lambda x: x % 0.0, 1.0), (lambda x: np.where(x > 0, x, 0.0) ** -1, -1.0),
    (lambda x: 1.0 / np.where(x > 0, x, 0.0), -1.0), (lambda x: 1.0 / np.where(x > 0, 0, x), 1.0),
])
def test_numpys_value_and_warning_where_python_raises(f: Any, x: float) -> None:
    program = fxad.make_ir(f)(0.7)
    same_everywhere(program, x)
    with np.errstate(all="ignore"):
        expected = f(np.float64(x))
    j = fxad.jit(f)
    for _ in range(3):
        with np.errstate(all="ignore"):
            np.testing.assert_equal(j(x), expected)
        with pytest.warns(RuntimeWarning), np.errstate(all="warn"):
            j(x)
    with np.errstate(all="ignore"):
        expected = f(np.float64(0.7))
    if np.isfinite(expected):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(j(0.7), expected, rtol=1e-15)


def test_scalar_source() -> None:
    text = source(fxad.make_ir(lambda x, y: np.where(x > y, np.sin(x), 2 * y))(1.0, 2.0))
    assert "math.sin(" in text
    assert "try:" in text
    assert "np.sin" not in text
    f4 = fxad.make_ir(lambda x: np.sin(x))(np.float32(1.0))
    assert not is_scalar(f4)
    assert "np.sin" in source(f4)


def test_results_are_numpy_scalars() -> None:
    f = fxad.jit(lambda x: (x * 2, x > 1, 3, x * 1j, np.stack([x]).astype(np.float32)[0]))
    for _ in range(3):
        assert [type(v) for v in f(2.0)] == [
            np.float64, np.bool_, np.int64, np.complex128, np.float32]


def test_booleans_are_not_integers() -> None:
    """Python's True + True is 2, and ~True is -2."""
    f = lambda x: np.where(np.logical_not((x > 0) + (x > 1)), 1.0, ((x > 0) * (x > -1)) * 3.0 * x)
    program = fxad.make_ir(f)(1.0)
    for v in (2.0, 0.5, -0.5, -2.0):
        same_everywhere(program, v)

    def region(s: Any, x: Any) -> Any:
        positive = s > 0
        a = s + 1
        for k in range(9):
            a = a * s + k
        return np.sum(np.where(~positive, x, 2 * x)) + a

    program = fxad.make_ir(region)(1.0, np.ones(3))
    assert "try:" in source(program)
    for v in (2.0, -2.0):
        (result,) = same_everywhere(program, np.float64(v), np.ones(3))
        assert result == region(np.float64(v), np.ones(3))


# -- regions ---------------------------------------------------------------------------------------


def with_region(x: Any, s: Any) -> Any:
    total = np.sum(x)
    b = 1 / s
    for _ in range(5):
        b = b * total + np.log(s)
    return x * b, b, total


@pytest.mark.parametrize("s", [2.0, 0.0, -1.0, np.inf, np.nan, 1e300])
def test_regions(s: float) -> None:
    x = np.arange(3.0)
    program = fxad.make_ir(with_region)(x, 1.5)
    text = source(program)
    assert "try:" in text
    assert "except (ArithmeticError, ValueError)" in text
    results = same_everywhere(program, x, np.float64(s))
    with np.errstate(all="ignore"):
        for a, b in zip(results, with_region(x, np.float64(s)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_region_reads_numbers_that_were_broadcast() -> None:
    """A broadcast that NumPy does by itself has no statement of its own; a number's must have."""
    program = parse("""program(x: f64[3]) {
      t: f64[] = reduce_sum(x, axes=(0,))
      a: f64[] = broadcast(t, axes=(), shape=())
      b: f64[] = mul(a, 2.0)
      c: f64[] = add(b, a)
      d: f64[] = mul(c, a)
      e: f64[] = sub(d, 1.0)
      f: f64[] = mul(e, e)
      g: f64[] = add(f, 0.5)
      h: f64[] = mul(g, a)
      i: f64[] = add(h, c)
      j: f64[3] = mul(i, x)
    } -> j""")
    same_everywhere(program, np.arange(3.0))


# -- the memory of dead values ---------------------------------------------------------------------

N = 5000
LARGE = [
    lambda x: np.sin(x) * 2 + 1,
    lambda x: (np.sin(x), np.exp(np.sin(x)) * 2),
    lambda x: np.exp(np.sin(x)) * fxad.stop_gradient(np.sin(x)),
    lambda x: late_view(np.sin(x), fxad.stop_gradient),
    lambda x: late_view(np.sin(x), lambda a: a[::2]),
    lambda x: late_view(np.sin(x), lambda a: np.reshape(a, (2, -1))),
    lambda x: late_view(np.sin(x), np.real),
    lambda x: late_view(np.sin(x), np.positive),
    lambda x: late_view(np.sin(x), lambda a: np.broadcast_to(a, (2, N))),
    lambda x: late_view(np.sin(x), lambda a: np.flip(a)),
    lambda x: late_view(np.sin(x), lambda a: a[None, :] + np.zeros((2, 1))),
    lambda x: late_view(np.sin(x), lambda a: a),
    lambda x: late_view(x, lambda a: a * 1),
    lambda x: (np.abs(x) + CAPTURED, CAPTURED, -CAPTURED),
    lambda x: np.where(x > 0, np.exp(x), -x) * np.where(x > 0, 2.0, x),
    lambda x: np.cumsum(np.sin(x) * x) + np.sin(x),
    lambda x: np.concatenate([np.sin(x), np.cos(x) * 2]) * 2,
    lambda x: np.sort(np.sin(x)) + np.sin(x),
    lambda x: np.exp(x[:, None] * np.ones(1)) - x[:, None],
]
CAPTURED = np.linspace(1, 2, N)


def late_view(a: Any, view: Any) -> Any:
    """`a` dies in an operation of its own shape while a view of it is still to be read."""
    seen = view(a)
    b = np.exp(a)
    c = b * 2.0
    d = np.cos(c)
    return np.sum(seen * 1.0) + d, seen


@pytest.mark.parametrize("f", LARGE)
def test_nothing_alive_is_overwritten(f: Any) -> None:
    x = np.linspace(-1, 1, N)
    plain = fxad.tree.leaves(f(x))
    copies = [x.copy(), CAPTURED.copy()]
    program = fxad.make_ir(f)(x)
    for candidate in (program, fxad.optimize.optimize(program)):
        results = compile_program(candidate)(x)
        for a, b, reference in zip(results, interpret(candidate)(x), plain, strict=True):
            assert_identical(a, b)
            np.testing.assert_allclose(a, reference, rtol=1e-12)
    j, g = fxad.jit(f), fxad.jit(fxad.elementwise_grad(lambda x: fxad.tree.leaves(f(x))[0]))
    first = g(x)
    for _ in range(3):
        for a, b in zip(fxad.tree.leaves(j(x)), plain, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        np.testing.assert_allclose(g(x), first, rtol=1e-12)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(CAPTURED, copies[1])


def test_memory_is_used_again() -> None:
    text = source(fxad.make_ir(lambda x: np.cos(np.exp(np.sin(x))))(np.zeros(N)))
    assert "out=" in text
    assert "out=" not in source(fxad.make_ir(lambda x: np.cos(np.exp(np.sin(x))))(np.zeros(10)))
    assert "out=x" not in text


def test_large_values_are_freed() -> None:
    text = source(fxad.make_ir(lambda x: np.sum(np.cumsum(x)) + np.sum(np.sin(np.cumsum(x))))(np.zeros(N)))
    assert "del " in text


# -- broadcasts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [
    lambda x, r: x + r, lambda x, r: x * r[:1], lambda x, r: x[:, None] * r, lambda x, r: x * 2 + r[0],
    lambda x, r: np.where(r > 0, x, r), lambda x, r: x * np.sum(r), lambda x, r: r[:, None] + r,
])
def test_broadcasts_are_numpys_own(f: Any) -> None:
    x, r = np.arange(6.0).reshape(2, 3), np.array([1.0, -2.0, 3.0])
    program = fxad.make_ir(f)(x, r)
    assert "broadcast_to" not in source(program)
    (result,) = same_everywhere(program, x, r)
    np.testing.assert_array_equal(result, f(x, r))


def test_a_broadcast_that_is_read_as_an_array() -> None:
    x = np.arange(3.0)
    program = fxad.make_ir(lambda x: (np.cumsum(np.broadcast_to(x, (2, 3)), axis=0),
                                      np.broadcast_to(x, (2, 3))))(x)
    a, b = same_everywhere(program, x)
    np.testing.assert_array_equal(a, [x, 2 * x])
    assert b.flags.writeable


# -- source ----------------------------------------------------------------------------------------


def test_source_is_readable() -> None:
    def f(weights: Any, lambda_: Any) -> Any:
        return np.sum(weights * lambda_)

    text = source(fxad.make_ir(f)(np.ones(3), np.ones(3)))
    assert text.startswith("def program(weights, lambda_1):\n")
    assert "# test_emit.py:" in text
    compile(text, "source", "exec")


def test_names_hide_nothing() -> None:
    """Variables are not called np, math, or as a kernel or a builtin."""
    def f(np_: Any, np: Any, math: Any, float: Any, given: Any, program: Any, nan: Any, x_: Any,
          in_numpy: Any, a: Any) -> Any:
        return np_ * np + math * float - given / program + nan * x_ + in_numpy * a

    values = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]
    program = fxad.make_ir(f)(*values)
    (result,) = same_everywhere(program, *values)
    assert result == f(*values)
    arrays = [np.full(2, v) for v in values]
    (result,) = same_everywhere(fxad.make_ir(f)(*arrays), *arrays)
    np.testing.assert_array_equal(result, f(*arrays))


def test_tracebacks_show_the_source() -> None:
    program = fxad.make_ir(lambda x: np.sin(x) @ np.ones(3))(np.ones(3))
    run = compile_program(program)
    file = run.__code__.co_filename
    assert linecache.getlines(file)[0].startswith("def program(")
    try:
        run("no array")
    except TypeError:
        assert "np.sin(x)" in traceback.format_exc()
    else:
        pytest.fail("a string is no array")
    del run, program
    gc.collect()
    assert file not in linecache.cache


def test_literals_of_every_kind() -> None:
    values = [0, -3, 1.5, -0.0, np.inf, -np.inf, np.nan, True, 1 + 2j, complex(0.0, -0.0),
              complex(-0.0, np.nan), np.float32(0.1), np.complex64(complex(-0.0, -0.0)), np.int8(-3),
              np.bool_(False), np.uint8(200)]
    program = Program([], [], [Literal(v) for v in values])
    for a, v in zip(same_everywhere(program), values, strict=True):
        assert a.tobytes() == Literal(v).type.dtype.type(v).tobytes()


def test_constants_of_every_kind() -> None:
    for c in (np.array([0.0, -0.0, np.nan, np.inf]), np.array([complex(0.0, -0.0), complex(-0.0, np.inf)]),
              np.zeros((0, 3), np.float32), np.array([[True], [False]]), np.arange(3, dtype=np.uint8)):
        program = fxad.make_ir(lambda x, c=c: (x, c))(1.0)
        _, found = same_everywhere(program, 1.0)
        assert found.tobytes() == c.tobytes()
        assert found.dtype == c.dtype


def test_literals_alone_follow_numpy() -> None:
    """Two Python numbers in one equation: 1.0 / 0.0 is inf, 0.0 ** -1 as well."""
    for body, value in [("div(1.0, 0.0)", np.inf), ("integer_pow(0.0, n=-1)", np.inf),
                        ("power(0.0, -1.0)", np.inf), ("floor_divide(1, 0)", 0), ("neg(True)", None)]:
        if value is None:
            continue
        kind = "~i64[]" if isinstance(value, int) else "~f64[]"
        program = parse(f"program() {{\n a: {kind} = {body}\n}} -> a")
        (result,) = same_everywhere(program)
        assert result == value


def test_wrong_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="takes 1 arrays, and was given 2"):
        fxad.make_ir(np.sin)(1.0)(1.0, 2.0)
