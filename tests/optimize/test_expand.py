"""Equations that stand for a Program are replaced by it where a Program runs, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors
from fxad.execute import Executable, compile_program, interpret
from fxad.ir import Program, verify
from fxad.ir.analysis import programs_of
from fxad.optimize import expand


@fxad.custom_jvp
def inner(x: Any) -> Any:
    return np.sin(x), 2.0


inner.defjvp(lambda p, t: (inner(*p), (7.0 * t[0], 0.0)))


@fxad.custom_vjp
def outer(x: Any) -> Any:
    return inner(x)[0] * inner(x * 2.0)[1], x


outer.defvjp(lambda x: (outer(x), None), lambda _, ct: (ct[0],))


def names(program: Program) -> set[str]:
    """All primitives of a Program and of those that its equations hold."""
    found, pending = set(), [program]
    while pending:
        for eqn in pending.pop().equations:
            found.add(eqn.primitive.name)
            pending += programs_of(eqn.params)
    return found


PROGRAMS = {
    "nested": lambda x: outer(x),
    "twice": lambda x: (outer(x)[0], outer(outer(x)[1])[0], outer(1.5 * x)),
    "scan": lambda x: fxad.lax.scan(lambda c, a: (outer(c)[0] * a, outer(a)[1]), x, np.ones(3)),
    "cond": lambda x: fxad.lax.cond(x > 0, lambda x: outer(x)[0], lambda x: inner(x)[1], x),
    "while": lambda x: fxad.lax.while_loop(
        lambda c: outer(c)[1] < 3.0, lambda c: c + inner(1.0)[1] + outer(c)[1], x),
    "plain": lambda x: np.sin(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_left_and_nothing_changes(name: str) -> None:
    f = PROGRAMS[name]
    program = fxad.make_ir(f)(0.5)
    expanded = verify(expand(program))
    assert not names(expanded) & {"custom_jvp", "custom_vjp"}
    assert (expanded is program) == (name == "plain")
    for run in (interpret(program), compile_program(program), Executable(program), Executable(expanded)):
        for _ in range(2):
            for a, b in zip(run(0.5), fxad.tree.leaves(f(0.5)), strict=True):
                np.testing.assert_array_equal(a, b)


def test_what_is_recorded_keeps_its_rules() -> None:
    """Only what runs is expanded: in a trace, and after many runs, the rule is there."""
    g = fxad.jit(lambda x: inner(x)[0])
    assert [g(0.0), g(0.0), g(0.0)] == [0.0] * 3
    program = Executable(fxad.make_ir(lambda x: inner(x)[0])(0.0))
    assert [program(1.0)[0] for _ in range(3)] == [np.sin(1.0)] * 3
    for _ in range(3):
        assert fxad.grad(lambda x: program(x)[0])(0.0) == 7.0
        assert fxad.grad(g)(0.0) == 7.0


def test_a_derivative_without_a_rule_is_an_error_where_it_is_read() -> None:
    linear = fxad.transforms.linearize(fxad.make_ir(lambda x: outer(x)[0])(1.0))[1]
    with pytest.raises(errors.MissingRule, match="forward mode"):
        expand(linear)
    unread = Program(linear.inputs, linear.equations, linear.inputs)
    assert len(expand(unread)) == 0


def test_long_chains_do_not_recurse() -> None:
    def f(x: Any) -> Any:
        for _ in range(3000):
            x = inner(x)[0]
        return x

    program = fxad.make_ir(f)(0.5)
    assert len(program) == 3000
    assert len(expand(program)) == 3000
