"""Python functions in Programs: their type, their text, how they are printed as source, and effects in
passes."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import fxad
from fxad import lax
from fxad.execute import compile_program, interpret, source
from fxad.ir import FUNCTION, ArrayType, Opaque, ParseError, dce, has_effects, parse, silent, verify
from fxad.optimize import optimize

CALL = "levels=(), masked=False, method='sequential', name='pure_callback'"
TEXT = f"""program(f: function, x: f64[3]) {{
  a: f64[3] = pure_callback(f, x, {CALL}, outs=(type(f64[3]),))
}} -> a"""


def double(x):
    return (2.0 * x,)


def test_the_type_of_a_function():
    assert str(FUNCTION) == "function"
    assert FUNCTION.strong is FUNCTION
    assert pickle.loads(pickle.dumps(FUNCTION)) is FUNCTION
    assert copy.deepcopy(FUNCTION) is FUNCTION
    with pytest.raises(TypeError, match="not on object"):
        ArrayType((), object)


def test_functions_are_compared_by_what_they_call():
    assert Opaque(double, "a") == Opaque(double, "b")
    assert hash(Opaque(double, "a")) == hash(Opaque(double, "b"))
    assert Opaque(double, "a") != Opaque(math.sin, "a")
    assert repr(Opaque(double, "double")) == "<function double>"


def test_a_program_that_takes_a_function_has_an_exact_text():
    program = parse(TEXT)
    assert str(program) == TEXT
    assert parse(str(program)) == program
    assert verify(program) is program
    for run in (interpret(program), compile_program(program)):
        np.testing.assert_array_equal(run(Opaque(double, "double"), np.ones(3))[0], 2.0)
    np.testing.assert_array_equal(program(Opaque(double, "double"), np.ones(3)), 2.0)


@pytest.mark.parametrize("fun", [
    lambda x: fxad.pure_callback(double, (x,), x)[0],
    lambda x: (fxad.debug.callback(double, x), x)[1],
    lambda x: lax.fori_loop(0, 2, lambda i, c: fxad.io_callback(double, (c,), c)[0], x),
])
def test_a_program_that_holds_a_function_names_it(fun):
    program = fxad.make_ir(fun)(np.ones(3))
    assert verify(program) is program
    assert "function(value=function('double'))" in str(program)
    with pytest.raises(ParseError) as caught:
        parse(str(program))
    assert str(caught.value).startswith("line ")
    assert str(caught.value).endswith(
        ": the Python function 'double' can't be read back from text; only a Program that takes it as an"
        " input"
        " (a: function) can")
    for run in (interpret(program), compile_program(program), compile_program(optimize(program))):
        run(np.ones(3))


def test_a_users_primitive_is_named_too():
    own = fxad.primitive(np.sort)
    own.def_type(lambda x: x)
    program = fxad.make_ir(own)(np.ones(3))
    assert "rules=function('sort')" in str(program)
    with pytest.raises(ParseError, match="the Python function 'sort' can't be read back"):
        parse(str(program))
    np.testing.assert_array_equal(program(np.array([3.0, 1.0, 2.0])), [1.0, 2.0, 3.0])


def test_the_source_calls_what_it_is_given():
    assert source(parse(TEXT)).startswith("def program(f, x):\n    (a,) = f(x)")
    batched = fxad.transforms.batch(parse(TEXT), 2, [None, 0])
    assert "call_each(f, 2, (True,), (((3,), 'float64'),), x)" in source(batched)
    np.testing.assert_array_equal(batched(Opaque(double, "double"), np.ones((2, 3))), np.full((2, 3), 2.0))
    twice = fxad.transforms.batch(batched, 4, [None, 1])
    np.testing.assert_array_equal(twice(Opaque(double, "double"), np.ones((2, 4, 3))), np.full((4, 2, 3),
                                                                                               2.0))


def _effect(text):
    return (f"program(f: function, x: f64[]) {{\n  y: f64[] = sin(x)\n"
            f"  a: i64[] = effect(f, {text}, levels=(), masked=False, method='sequential', name='n',"
            f" outs=(type(i64[]),))\n  b: i64[] = effect(f, {text}, levels=(), masked=False,"
            " method='sequential',"
            f" name='n', outs=(type(i64[]),))\n}} -> x")


@pytest.mark.parametrize("text", ["x", "y", "1.0"])
def test_effects_are_neither_dropped_nor_merged(text):
    program = optimize(parse(_effect(text)))
    assert [e.primitive.name for e in program if has_effects(e)] == ["effect", "effect"]
    assert len(program) == (3 if text == "y" else 2)
    assert dce(program) is program


def test_a_silent_loop():
    def f(x):
        return lax.fori_loop(0, 2, lambda i, c: (fxad.debug.callback(double, c), c * x)[1], x)

    def g(x):
        return lax.fori_loop(0, 2, lambda i, c: c * fxad.io_callback(double, (x,), x)[0], x)

    (eqn,) = [e for e in fxad.make_ir(f)(2.0) if has_effects(e)]
    quiet = silent(eqn.params)
    assert quiet is not None
    assert not any(map(has_effects, quiet["body"].equations))
    (eqn,) = [e for e in fxad.make_ir(g)(2.0) if has_effects(e)]
    assert silent(eqn.params) is None
