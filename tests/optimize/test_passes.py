"""The passes: each changes no bit of any result, and does what it is for."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.execute import interpret
from fxad.ir import Program, parse, verify
from fxad.ir.analysis import dce
from fxad.ir.program import EMPTY, Equation, Literal, Var
from fxad.ir.types import ArrayType
from fxad.optimize import PIPELINE, RULES, cse, fold, optimize, rule, simplify
from fxad.optimize.pattern import _Node
from tests.laws import assert_identical

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 1e-310, 2.5]
PARTS = [0.0, -0.0, -1.5, np.inf, np.nan]
VALUES = {
    "float64": np.array(SPECIAL),
    "float32": np.array([*SPECIAL[:-5], 1e38, 1e-45, 3.3], np.float32),
    "complex128": np.array([complex(a, b) for a in PARTS for b in PARTS]),
    "int64": np.array([0, 1, -1, 7, -(2**63), 2**63 - 1]),
    "int8": np.array([0, 1, -1, 127, -128], np.int8),
    "uint8": np.array([0, 1, 255], np.uint8),
    "bool": np.array([True, False]),
}


def program_of(pattern: Any, dtype: Any, rank: int) -> Program | None:
    """The Program that is just the pattern of a rule, or None where it has no type."""
    inputs: dict[str, Var] = {}
    equations: list[Equation] = []
    shape = (5,) if rank else ()

    def write(node: Any) -> Any:
        if isinstance(node, str):
            return inputs.setdefault(node, Var(ArrayType(shape, dtype), node))
        if not isinstance(node, _Node):
            return Literal(node)
        ins = tuple(map(write, node.operands))
        out = Var(node.primitive.infer(*(a.type for a in ins)))
        equations.append(Equation(node.primitive, ins, EMPTY, (out,)))
        return out

    try:
        out = write(pattern)
    except TypeError:
        return None
    return Program(inputs.values(), equations, [out])


@pytest.mark.parametrize("dtype", VALUES)
@pytest.mark.parametrize("tried", RULES, ids=[r.text for r in RULES])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rules_change_no_bit(tried: Any, dtype: str) -> None:
    for rank in (0, 1):
        program = program_of(tried.pattern, np.dtype(dtype), rank)
        if program is None:
            continue
        better = dce(simplify(program))
        verify(better)
        if better == program:
            continue
        values = VALUES[dtype]
        for choice in itertools.product(values, repeat=len(program.inputs)):
            given = [np.full(5, v, dtype) if rank else v for v in choice]
            (a,), (b,) = interpret(program)(*given), interpret(better)(*given)
            assert_identical(a, b)


def test_every_rule_is_applied_to_some_type() -> None:
    for tried in RULES:
        programs = [program_of(tried.pattern, np.dtype(d), 1) for d in VALUES]
        assert any(p is not None and dce(simplify(p)) != p for p in programs), tried.text


def names(program: Program) -> list[str]:
    return [e.primitive.name for e in program]


def unary(*lines: str, out: str = "a", type: str = "f64[3]") -> Program:
    body = "\n".join(lines)
    return parse(f"program(x: {type}, y: {type}) {{\n{body}\n}} -> {out}")


@pytest.mark.parametrize("line", [
    "a: f64[3] = add(x, 0.0)", "a: f64[3] = add(x, -0.0)", "a: f64[3] = sub(x, -0.0)",
    "a: f64[3] = mul(x, 0.0)", "a: f64[3] = mul(x, 0)", "a: f64[3] = div(x, x)",
    "a: f64[3] = sub(x, x)", "a: f64[3] = power(x, 0.0)", "a: f64[3] = mul(x, 1.0000000000000002)",
    "a: f64[3] = sub(0.0, x)", "a: f64[3] = div(1, x)", "a: f64[3] = maximum(x, x)",
])
def test_what_is_left_alone(line: str) -> None:
    program = unary(line)
    assert optimize(program) == program


@pytest.mark.parametrize(("type", "line"), [
    ("u8[3]", "a: u8[3] = mul(x, -1)"),
    ("c128[3]", "a: c128[3] = mul(x, 1)"), ("c128[3]", "a: c128[3] = div(x, 1)"),
    ("c128[3]", "a: c128[3] = mul(x, -1.0)"), ("f64[3]", "a: bool[3] = logical_not(x)"),
])
def test_a_replacement_keeps_the_type_and_the_bits(type: str, line: str) -> None:
    program = unary(line, type=type)
    verify(program)
    assert simplify(program) == program


def test_negations() -> None:
    assert names(optimize(unary("a: f64[3] = neg(x)", "b: f64[3] = neg(a)", out="b"))) == []
    assert names(optimize(unary("b: f64[3] = neg(y)", "a: f64[3] = add(x, b)"))) == ["sub"]
    assert names(optimize(unary("b: f64[3] = neg(y)", "a: f64[3] = add(b, x)"))) == ["sub"]
    assert names(optimize(unary("b: f64[3] = neg(y)", "a: f64[3] = sub(x, b)"))) == ["add"]
    # b stays where something else reads it
    both = optimize(unary("b: f64[3] = neg(y)", "a: f64[3] = add(x, b)", out="(a, b)"))
    assert sorted(names(both)) == ["neg", "sub"]


def test_moves() -> None:
    x = np.arange(6.0).reshape(2, 3)
    for f, kept in [
        (lambda x: np.transpose(np.transpose(x)), []), (lambda x: np.reshape(np.reshape(x, -1), (2, 3)), []),
        (lambda x: np.reshape(np.reshape(x, -1), (3, 2)), ["reshape"]),
        (lambda x: np.transpose(np.transpose(x[None], (1, 2, 0)), (2, 0, 1))[0], None),
        (lambda x: x**1, []), (lambda x: np.reshape(x, (2, 3)), []),
        (lambda x: x.astype(float), []), (lambda x: np.broadcast_to(x, (2, 3)), []),
    ]:
        program = fxad.make_ir(f)(x)
        better = verify(optimize(program))
        assert kept is None or names(better) == kept
        assert_identical(interpret(better)(x)[0], interpret(program)(x)[0])


def test_cse() -> None:
    program = unary("a: f64[3] = sin(x)", "b: f64[3] = sin(x)", "c: f64[3] = mul(a, b)",
                    "d: f64[3] = add(x, y)", "e: f64[3] = add(y, x)", "f: f64[3] = sub(x, y)",
                    "g: f64[3] = sub(y, x)", out="(c, d, e, f, g)")
    better = verify(cse(program))
    assert names(better) == ["sin", "mul", "add", "sub", "sub"]
    assert better.outputs[1] is better.outputs[2]
    values = [np.arange(3.0), np.ones(3)]
    for a, b in zip(interpret(better)(*values), interpret(program)(*values), strict=True):
        assert_identical(a, b)


def test_cse_tells_params_literals_and_types_apart() -> None:
    program = unary("a: f64[3] = mul(x, 2.0)", "b: f64[3] = mul(x, 2)", "c: f64[3] = mul(x, 0.0)",
                    "d: f64[3] = mul(x, -0.0)", "e: f64[] = reduce_sum(x, axes=(0,))",
                    "f: f32[3] = convert(x, dtype=dtype(f32))", "g: f64[3] = integer_pow(x, n=2)",
                    "h: f64[3] = integer_pow(x, n=3)", out="(a, b, c, d, e, f, g, h)")
    assert len(cse(program)) == 8
    # the products of complex numbers are rounded in order
    swapped = unary("a: c128[3] = mul(x, y)", "b: c128[3] = mul(y, x)", out="(a, b)", type="c128[3]")
    assert len(cse(swapped)) == 2


def test_cse_counts_an_operand_twice() -> None:
    program = unary("a: f64[3] = add(x, x)", "b: f64[3] = add(x, y)", "c: f64[3] = add(y, y)",
                    out="(a, b, c)")
    assert len(cse(program)) == 3


@pytest.mark.parametrize(("line", "value"), [
    ("a: ~f64[] = add(1.0, 2.5)", 3.5), ("a: ~f64[] = mul(2, 0.5)", 1.0), ("a: ~i64[] = mul(2, 3)", 6),
    ("a: f64[] = sqrt(4.0)", np.float64(2.0)), ("a: f32[] = mul(f32(3.0), 2.0)", np.float32(6.0)),
    ("a: ~f64[] = neg(0.0)", -0.0), ("a: ~bool[] = less(1.0, 2.0)", True),
    # beside a float32 the Python number is one, too
    ("a: bool[] = equal(f32(0.1), 0.1)", np.bool_(True)),
])
def test_fold(line: str, value: Any) -> None:
    program = unary(line)
    better = verify(fold(program))
    assert names(better) == []
    (out,) = better.outputs
    assert isinstance(out, Literal)
    assert out == Literal(value)


@pytest.mark.parametrize("line", [
    "a: ~f64[] = div(1.0, 0.0)", "a: ~f64[] = div(1, 0)", "a: f64[] = log(-1.0)", "a: f64[] = log(0.0)",
    "a: f64[] = exp(1000.0)", "a: ~f64[] = sub(inf, inf)", "a: ~f64[] = add(nan, 1.0)",
    "a: ~i64[] = floor_divide(1, 0)", "a: f64[] = sqrt(-1.0)", "a: ~f64[] = mul(1e308, 10.0)",
    "a: ~i64[] = power(2, -1)", "a: f64[] = arcsin(2.0)",
])
def test_what_is_not_folded(line: str) -> None:
    """What warns or raises does so when it runs."""
    program = unary(line)
    assert fold(program) == program


def test_folded_values_are_those_of_a_run() -> None:
    for f in (lambda: np.sin(0.3), lambda: 0.1 + 0.2, lambda: np.float32(0.1) * 3, lambda: 2**0.5):
        j = fxad.jit(lambda x, f=f: x * 0 + f())
        for _ in range(3):
            assert j(1.0) == f()


def test_dce() -> None:
    program = unary("a: f64[3] = sin(x)", "b: f64[3] = cos(x)", "c: f64[3] = exp(b)")
    assert names(dce(program)) == ["sin"]
    assert dce(program).inputs == program.inputs  # they stay, used or not
    whole = unary("a: f64[3] = sin(x)")
    assert dce(whole) is whole


def test_pipeline() -> None:
    assert PIPELINE[0][0] == "dead code"
    program = fxad.make_ir(lambda x: np.sin(x) * 1 - (-np.sin(x)) + 0 * x)(np.ones(3))
    better = optimize(program)
    assert names(better) == ["sin", "add", "mul", "add"]
    assert optimize(better) == better
    assert optimize(program, []) == program
    assert optimize(program, [("only", dce)]) == dce(program)


def test_optimizing_is_optional() -> None:
    f = lambda x: np.sin(x) * 1
    with fxad.config.using(optimize=False):
        j = fxad.jit(f)
        assert [j(0.5) for _ in range(3)] == [np.sin(0.5)] * 3


def test_a_rule_of_ones_own() -> None:
    own = rule("log(exp(x))", "x")
    program = unary("b: f64[3] = exp(x)", "a: f64[3] = log(b)")
    assert names(simplify(program)) == ["exp", "log"]
    assert own.text == "log(exp(x)) -> x"
    with pytest.raises(ValueError, match="starts with a primitive"):
        rule("x", "x")
    with pytest.raises(ValueError, match="not a pattern"):
        rule("add(x, [1])", "x")


def test_a_long_program() -> None:
    x = Var(ArrayType((), np.float64), "x")
    chain, equations = x, []
    for _ in range(20_000):
        out = Var(x.type)
        equations.append(Equation(fxad.ir.PRIMITIVES["neg"], (chain,), EMPTY, (out,)))
        chain = out
    with fxad.config.using(verify=False):
        assert names(optimize(Program([x], equations, [chain]))) == []
