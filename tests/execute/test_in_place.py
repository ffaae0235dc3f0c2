"""Assignments in emitted code write into the array that was there, if nothing else looks at it."""

import numpy as np
import pytest

import fxad
from fxad.execute import compile_program, interpret, source
from fxad.optimize import optimize

X = np.linspace(0.5, 2.0, 6)


def filled(x):
    y = np.zeros_like(x)
    for i in range(1, len(x)):
        y[i] = np.sin(x[i]) + y[i - 1]
    return y


def looked_at(x):
    y = filled(x)
    before = y[2:4] * 1.0
    view = y[1:5]
    y[2] = 7.0
    return before, view * 1.0, y.copy()


def old_values(x):
    y = filled(x)
    old = y.copy()
    y[0] = 9.0
    older = y[::-1].copy()
    y[1:3] = y[0:2]
    return old, older, y


def returned_between(x):
    y = x.copy()
    made = []
    for i in range(3):
        y[i] = i * x[5 - i]
        made.append(y.copy())
    return made


def scattered(x):
    y = x.copy()
    y[[0, 2]] = x[[1, 3]]
    np.add.at(y, [0, 0, 1], y[[2, 3, 4]])
    y[[5, 4]] = y[[4, 5]]
    y[y > 1.0] = 0.5
    np.maximum.at(y, [1, 1], x[:2])
    return y


def overlapping(x):
    y = x.copy()
    y[0] = 1.0
    y[1:] = y[:-1]
    y[:-1] = y[1:] + y[:-1]
    y[::-1] = y
    return y


def transposed(x):
    y = x.copy()
    y[0] = 2.0
    m = y.reshape(2, 3).T
    s = m.sum(axis=0)
    y[5] = 3.0
    return m * 1.0, s, y


def carried(x):
    def step(i, y):
        y = y.at[i].set(y[i] * 2.0)
        z = y.at[0].add(1.0)
        return z.at[5].set(y[0])

    return fxad.lax.fori_loop(0, 4, step, x), x


FUNCTIONS = (filled, looked_at, old_values, returned_between, scattered, overlapping, transposed, carried)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_compiled_code_gives_what_the_interpreter_gives(f):
    def total(x):
        return sum(np.sum(np.cos(leaf) * (k + 1)) for k, leaf in enumerate(fxad.tree.leaves(f(x))))

    for g in (f, fxad.grad(total), fxad.jacrev(f), fxad.hessian(total)):
        program = optimize(fxad.make_ir(g)(X))
        before = X.copy()
        expected = interpret(program)(X)
        run = compile_program(program)
        for _ in range(2):
            for got, want in zip(run(X), expected, strict=True):
                np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(X, before)


def test_a_loop_that_fills_an_array_makes_one_copy():
    text = source(optimize(fxad.make_ir(filled)(X)))
    assert text.count("assigned(") == 5
    assert text.count("over=True") == 4


def test_what_is_looked_at_later_is_copied():
    text = source(optimize(fxad.make_ir(returned_between)(X)))
    assert "over=True" not in text
