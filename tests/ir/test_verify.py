"""verify: each rule of the intermediate representation, broken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from fxad.errors import FxadError, VerificationError
from fxad.ir import PRIMITIVES, parse, verify
from fxad.ir.program import EMPTY, Equation, Literal, Params, Program, Var
from fxad.ir.types import ArrayType
from fxad.primitives.families import Operation

F8, F4 = ArrayType((3,), np.float64), ArrayType((3,), np.float32)
SCALAR = ArrayType((), np.float64)
sin, mul = PRIMITIVES["sin"], PRIMITIVES["mul"]


def test_well_formed() -> None:
    program = fxad.make_ir(lambda x: (np.sin(x) * 2.0, 1.0, x))(np.ones(3))
    assert verify(program) is program
    verify(Program([], [], []))


def one(eqn: Equation, inputs: list[Var], outputs: Any = None) -> Program:
    return Program(inputs, [eqn], eqn.outputs if outputs is None else outputs)


def test_use_before_definition() -> None:
    x, a, b = Var(F8, "x"), Var(F8), Var(F8)
    late = Program([x], [Equation(sin, (a,), EMPTY, (b,)), Equation(sin, (x,), EMPTY, (a,))], [b])
    with pytest.raises(VerificationError, match=r"the equation sin .* which is not defined before"):
        verify(late)


def test_foreign_variable() -> None:
    x, a = Var(F8, "x"), Var(F8)
    with pytest.raises(VerificationError, match="not defined before"):
        verify(one(Equation(sin, (Var(F8),), EMPTY, (a,)), [x]))
    with pytest.raises(VerificationError, match="the outputs read"):
        verify(Program([x], [], [a]))
    with pytest.raises(VerificationError, match="the outputs read"):
        verify(Program([x], [], [3.0]))  # type: ignore[list-item]


def test_defined_twice() -> None:
    x, a = Var(F8, "x"), Var(F8)
    with pytest.raises(VerificationError, match="defined twice, in the inputs"):
        verify(Program([x, x], [], [x]))
    again = Equation(sin, (x,), EMPTY, (a,))
    with pytest.raises(VerificationError, match="defined twice, in the equation sin"):
        verify(Program([x], [again, again], [a]))
    with pytest.raises(VerificationError, match="defined twice"):
        verify(one(Equation(sin, (x,), EMPTY, (x,)), [x]))


@pytest.mark.parametrize("wrong", [F4, SCALAR, ArrayType((4,), np.float64), ArrayType((3,), bool)])
def test_declared_type(wrong: ArrayType) -> None:
    x, a = Var(F8, "x"), Var(wrong)
    with pytest.raises(VerificationError) as caught:
        verify(one(Equation(sin, (x,), EMPTY, (a,)), [x]))
    text = str(caught.value)
    assert f"gives [{F8}], and is declared to give [{wrong}]" in text
    assert "program(x: f64[3])" in text


def test_weakness_is_not_compared() -> None:
    x, a = Var(ArrayType((), np.float64, True), "x"), Var(SCALAR)
    verify(one(Equation(sin, (x,), EMPTY, (a,)), [x]))


def test_number_of_outputs() -> None:
    x, a, b = Var(F8, "x"), Var(F8), Var(F8)
    with pytest.raises(VerificationError):
        verify(one(Equation(sin, (x,), EMPTY, (a, b)), [x]))
    with pytest.raises(VerificationError):
        verify(one(Equation(sin, (x,), EMPTY, ()), [x]))


def test_operands_that_do_not_fit() -> None:
    x, y, a = Var(F8, "x"), Var(ArrayType((4,), np.float64), "y"), Var(F8)
    with pytest.raises(FxadError, match="shapes"):
        verify(one(Equation(mul, (x, y), EMPTY, (a,)), [x, y]))
    with pytest.raises(FxadError, match="takes 2 operands"):
        verify(one(Equation(mul, (x,), EMPTY, (a,)), [x]))


def test_mixed_dtypes_need_a_conversion() -> None:
    x, y, a = Var(F8, "x"), Var(F4, "y"), Var(F8)
    with pytest.raises(FxadError):
        verify(one(Equation(mul, (x, y), EMPTY, (a,)), [x, y]))


def test_what_is_no_variable() -> None:
    with pytest.raises(VerificationError, match="no variable"):
        verify(Program([Literal(1.0)], [], []))  # type: ignore[list-item]


class Nest(Operation):
    """Holds Programs, alone or in a tuple."""

    def infer(self, x: ArrayType, *, body: Any) -> ArrayType:
        return x


@pytest.fixture
def nest() -> Any:
    yield Nest("nest")
    del PRIMITIVES["nest"]


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: (1, p)])
def test_programs_inside(nest: Any, wrap: Any) -> None:
    x, a = Var(F8, "x"), Var(F8)
    good = parse("program(x: f64[3]) { a: f64[3] = sin(x) } -> a")
    bad = parse("program(x: f64[3]) { a: f64[4] = sin(x) } -> a")
    deep = one(Equation(nest, (x,), Params(body=bad), (a,)), [x])
    verify(one(Equation(nest, (x,), Params(body=wrap(good)), (a,)), [x]))
    for body in (bad, deep):
        with pytest.raises(VerificationError, match="declared to give"):
            verify(one(Equation(nest, (x,), Params(body=wrap(body)), (a,)), [x]))


def test_every_transform_verifies() -> None:
    """With config.verify, what a transform makes is checked: a rule that is wrong is found."""

    class Wrong(Operation):
        def infer(self, x: ArrayType) -> ArrayType:
            return x

        def emit(self, x: Any) -> str:
            return f"np.positive({x})"

        def jvp(self, primals: Any, tangents: Any, out: Any) -> Any:
            trace = tangents[0].owner
            return trace.record(sin, (tangents[0].index,), EMPTY, F4)  # not the type that sin has

    wrong = Wrong("wrong")
    try:
        with fxad.config.using(verify=True), pytest.raises(VerificationError, match="sin"):
            fxad.jvp(lambda x: wrong(x), (np.ones(3),), (np.ones(3),))
    finally:
        del PRIMITIVES["wrong"]
