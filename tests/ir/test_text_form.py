"""The text form: `parse(str(p)) == p` for every Program, and errors that name the line."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.ir import PRIMITIVES, Primitive, Program, parse, verify
from fxad.ir.parser import ParseError
from fxad.ir.printer import format_value
from fxad.ir.program import Array, Equation, Literal, Params, Var
from fxad.ir.types import ArrayType
from fxad.primitives.families import Operation
from fxad.transforms import batch, jvp, linearize, transpose

X = np.linspace(0.5, 1.5, 6).reshape(2, 3)

FUNCTIONS = {
    "identity": lambda x: x,
    "constant": lambda x: 2.0,
    "several": lambda x: (x, np.sin(x), 1.0, x),
    "broadcast": lambda x: x * np.arange(3.0) + x[:, :1],
    "index": lambda x: (x[0], x[:, ::-1], x[..., None], x[np.array([0, 1, 1])], x[x[:, 0] > 0.7]),
    "at": lambda x: x.at[0, 1].set(2.0).at[:, 0].add(x[0, 0]),
    "reductions": lambda x: (np.sum(x, axis=0), np.max(x), np.mean(x), np.cumsum(x, axis=1)),
    "contraction": lambda x: (x @ x.T, np.einsum("ij,ik->jk", x, x)),
    "dtypes": lambda x: (x.astype(np.float32), x > 1, np.argmax(x), x + 1j, x.astype(np.int8)),
    "constants": lambda x: (x + np.array([np.nan, np.inf, -0.0]), x * np.float32(0.1), x + 1e-300),
    "where": lambda x: np.where(x > 1, np.sqrt(x), -x),
    "shapes": lambda x: (np.reshape(x, -1), np.stack([x, x]), np.pad(x, 1), np.flip(x), x.T),
    "powers": lambda x: (x**3, x**-2, x**0.5, 2.0**x),
    "linalg": lambda x: np.linalg.norm(x) + np.linalg.det(x[:, :2] + np.eye(2)),
}


def round_trip(program: Program) -> None:
    verify(program)
    text = str(program)
    again = parse(text)
    assert again == program
    assert hash(again) == hash(program)
    assert parse(str(again)) == again
    assert pickle.loads(pickle.dumps(program)) == program
    assert "\n".join(line.rstrip() for line in text.splitlines()) == text


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_functions_and_their_derivatives(name: str, dtype: str) -> None:
    f = FUNCTIONS[name]
    try:
        program = fxad.make_ir(f)(X.astype(dtype))
    except (TypeError, ValueError):
        assert dtype == "c16"  # some functions are for real numbers
        return
    round_trip(program)
    round_trip(jvp(program))
    first, linear = linearize(program)
    round_trip(first)
    round_trip(linear)
    kept = len(first.outputs) - len(program.outputs)
    round_trip(transpose(linear, [i >= kept for i in range(len(linear.inputs))]))
    round_trip(batch(program, 3))
    round_trip(fxad.optimize.optimize(jvp(program)))


def literals(*values: Any) -> Program:
    return Program([], [], [Literal(v) for v in values])


@pytest.mark.parametrize("value", [
    0, 1, -1, 2**62, 0.0, -0.0, 1.5, -2.5e-300, 1e22, np.inf, -np.inf, np.nan, True, False,
    1 + 2j, complex(0.0, -0.0), complex(-0.0, 0.0), complex(np.nan, -np.inf),
    np.float32(0.1), np.float64(-0.0), np.float32(np.inf), np.float64(np.nan), np.int8(-3),
    np.uint64(2**63), np.bool_(True), np.complex64(1 - 2j), np.complex128(complex(-0.0, np.nan)),
])
def test_literals(value: Any) -> None:
    program = literals(value)
    (out,) = parse(str(program)).outputs
    assert isinstance(out, Literal)
    assert type(out.value) is type(value)
    assert out.type == Literal(value).type
    assert out == Literal(value)
    assert np.asarray(out.value).tobytes() == np.asarray(value).tobytes() or value != value
    round_trip(program)


def test_different_literals_differ() -> None:
    values = [0, 0.0, -0.0, False, 1, 1.0, True, 1 + 0j, complex(1, -0.0), np.float64(1), np.float32(1),
              np.int64(1), np.nan, np.inf]
    programs = [literals(v) for v in values]
    for i, p in enumerate(programs):
        for j, q in enumerate(programs):
            assert (p == q) is (i == j)
            assert (str(p) == str(q)) is (i == j)


class Holder(Operation):
    """A primitive with one param of any kind."""

    def infer(self, x: ArrayType, *, p: Any) -> ArrayType:
        return x


@pytest.fixture
def holder() -> Any:
    yield Holder("holder")
    del PRIMITIVES["holder"]


INNER = fxad.make_ir(lambda x: np.sin(x) * 2.0)(X)


@pytest.mark.parametrize("value", [
    True, False, None, 3, -3, 0.5, -0.0, np.inf, -np.inf, 1 - 2j, "text", "it's \"quoted\"\n\\", "", "# no",
    (), (1,), (1, (2.0, "a"), None),
    np.dtype(np.float32), np.dtype(np.bool_), Literal(2.0), Literal(np.float32(2.0)), Literal(-1),
    Array(np.arange(6.0).reshape(2, 3)), Array(np.zeros((0, 2), np.int32)), Array(np.array(True)),
    Array(np.array([1 + 2j, complex(np.nan, -0.0)])), Array(np.array([np.nan, -0.0, np.inf], "f4")),
    Array(np.array(2.5)), Params(a=1, b=Params(c="x")), Params(), ArrayType((2, 3), np.float32),
    ArrayType((), np.int64, True), INNER, (INNER, INNER), fxad.primitives.trigonometric.sin,
], ids=lambda v: repr(v)[:40])
def test_params(holder: Primitive, value: Any) -> None:
    x = Var(ArrayType((2,), np.float64), "x")
    out = Var(x.type)
    program = Program([x], [Equation(holder, (x,), Params(p=value), (out,))], [out])
    round_trip(program)
    (eqn,) = parse(str(program)).equations
    assert type(eqn.params["p"]) is type(value)
    assert eqn.params == Params(p=value)


def test_a_param_without_a_text_form() -> None:
    with pytest.raises(TypeError, match="object has no text form"):
        format_value(object())


def test_names() -> None:
    """Names of variables are their own where they can be, distinct, and no keywords."""
    names = ["x", "x", "lambda", "program", "inf", "nan", "True", "f64", "complex", "a b", "", None,
             "sin", "i32", "literal", "x_2", "é"]
    inputs = [Var(ArrayType((), np.float64), n) for n in names]
    program = Program(inputs, [], inputs)
    round_trip(program)
    head = str(program).splitlines()[0]
    assert head.startswith("program(x: f64[], x_2: f64[], ")


def test_many_variables() -> None:
    x = Var(ArrayType((), np.float64))
    neg = PRIMITIVES["neg"]
    chain, equations = [x], []
    for _ in range(2000):
        out = Var(x.type)
        equations.append(Equation(neg, (chain[-1],), Params(), (out,)))
        chain.append(out)
    round_trip(Program([x], equations, [chain[-1]]))


def test_source_lines_are_read_back() -> None:
    program = parse("program(x: f64[]) {\n  a: f64[] = sin(x)  # model.py:12\n} -> a")
    source = program[0].source
    assert source is not None
    assert (source.file, source.line) == ("model.py", 12)
    assert "# model.py:12" in str(program)
    assert parse("program(x: f64[]) { # a comment\n} -> x")[:] == ()


@pytest.mark.parametrize(("text", "message"), [
    ("", "line 1: expected 'program', found the end"),
    ("program", r"line 1: expected '\('"),
    ("program(x: f64[]) {", "line 1: expected a name, found the end"),
    ("program(x: f64[]) {\n}", "line 2: expected '->'"),
    ("program(x: f64[]) {\n} -> y", "line 2: y is not defined"),
    ("program(x: f65[]) {\n} -> x", "line 1: there is no dtype 'f65'"),
    ("program(x: f64[], x: f64[]) {\n} -> x", "line 1: x is defined twice"),
    ("program(x: f64[]) {\n  a: f64[] = sine(x)\n} -> a", "line 2: there is no primitive named 'sine'"),
    ("program(x: f64[]) {\n  a: f64[] = sin(a)\n} -> a", "line 2: a is not defined"),
    ("program(x: f64[]) {\n\n  x: f64[] = sin(x)\n} -> x", "line 3: x is defined twice"),
    ("program(x: f64[]) {\n  a: f64[] = sin(x\n} -> a", "line 3: expected ','"),
    ("program(x: f64[]) {\n} -> x\nx", "line 3: expected the end, found x"),
    ("program(x: f64[]) {\n} -> x $", r"line 2: unexpected '\$'"),
    ("program(x: f64[2) {\n} -> x", "line 1: expected ','"),
    ("program(x: f64[]) {\n  a: f64[] = sin(__import__('os'))\n} -> a", "line 2"),
    ("program() {\n a: f64[2] = constant(value=array(f64[2], [1.0]))\n} -> a",
     "line 2: f64.2. takes 2 values"),
])
def test_parse_errors(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse(text)
