"""Paths of jitted functions: their pieces, and how many of them are compiled."""

import numpy as np

import fxad


def doubled(x):
    n = 0
    while x < 1e30:
        x = x * 1.5 + np.sin(x) * 1e-3
        n += 1
    return x, n


def test_the_steps_of_a_python_loop_are_one_program(monkeypatch):
    made = []
    plain = fxad.execute.paths.Executable

    def noted(program):
        made.append(program)
        return plain(program)

    monkeypatch.setattr(fxad.execute.paths, "Executable", noted)
    g = fxad.jit(doubled)
    _, n = g(2.0)
    assert n > 150
    assert len(made) <= 4
    for start in (2.0, 2.5, 1e29, 2e30):
        assert g(start) == doubled(np.float64(start))
    assert len(made) <= 12
    np.testing.assert_allclose(fxad.jit(fxad.grad(lambda x: doubled(x)[0]))(2.0),
                               fxad.grad(lambda x: doubled(x)[0])(2.0))


def test_what_is_computed_once_is_handed_on():
    calls = []

    @fxad.jit
    def f(x):
        y = fxad.pure_callback(lambda a: calls.append(1) or np.exp(a), fxad.ShapeDtypeStruct((), float), x)
        if x > 0:
            x = x + 1
        if x > 1:
            x = x * 2
        if y > 1:
            return x * y
        return x - y

    for x in (0.5, 0.5, -0.5, 0.7):
        calls.clear()
        np.testing.assert_allclose(f(x), (x + 1) * 2 * np.exp(x) if x > 0 else x - np.exp(x))
        f(x)
        assert len(calls) <= 3  # traced once, and called once for each call


def test_equal_steps_on_different_lines_keep_their_lines():
    @fxad.jit
    def f(x):
        if x > 0:
            x = np.sqrt(x - 1)
        if x > 0:
            x = np.sqrt(x - 1)
        return x

    f(5.0)
    lines = {path.guards[1].source.line - path.guards[0].source.line for path in f.paths()}
    assert lines == {2}
