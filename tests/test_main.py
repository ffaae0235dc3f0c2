"""The command line, by its exact text."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from fxad.cli.main import main
from fxad.ir import parse


def answer(capsys, *words):
    status = main(words)
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


def parts(out, derivative):
    """The text up to the derivative's program, and that program, read back."""
    head, _, program = out.partition(f"\nThe program of its {derivative}:\n\n")
    assert program.endswith("\n")
    return head, parse(textwrap.dedent(program))


def refusal(capsys, *words):
    status = main(words)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("fxad: ")
    assert err.count("\n") == 1
    return err.removeprefix("fxad: ").rstrip("\n")


def test_one_variable(capsys):
    head, program = parts(answer(capsys, "x**2 * 3", "x=2"), "derivative")
    assert head == textwrap.dedent("""\
        f(x) = x**2 * 3

        x     = 2.0
        f     = 12.0
        df/dx = 12.0

        The program of f:

          program(x: f64[]) {
            a: f64[] = integer_pow(x, n=2)
            b: f64[] = mul(a, 3)
          } -> b
        """)
    assert program(np.float64(2.0)) == 12.0


def test_two_variables_and_second_order(capsys):
    out = answer(capsys, "-x * y[0]", "x=2", "y=[3, 4.5]", "--order", "2")
    head, program = parts(out, "gradient")
    assert head == textwrap.dedent("""\
        f(x, y) = -x * y[0]

        x         = 2.0
        y         = [3.  4.5]
        f         = -6.0
        df/dx     = -3.0
        df/dy     = [-2.  0.]
        d2f/dx2   = 0.0
        d2f/dx dy = [-1. -0.]
        d2f/dy2   = [[0. 0.]
                     [0. 0.]]

        The program of f:

          program(x: f64[], y: f64[2]) {
            a: f64[] = neg(x)
            b: f64[] = slice(y, index=(0,))
            c: f64[] = mul(a, b)
          } -> c
        """)
    first, second = program(np.float64(2.0), np.array([3.0, 4.5]))
    assert first == -3.0
    np.testing.assert_array_equal(second, [-2.0, 0.0])


def test_a_value_that_is_an_array(capsys):
    out = answer(capsys, "x[1:] ** 2", "x=[1, 2, 3]", "--jacobian")
    assert out.startswith(textwrap.dedent("""\
        f(x) = x[1:] ** 2

        x     = [1. 2. 3.]
        f     = [4. 9.]
        df/dx = [[0. 4. 0.]
                 [0. 0. 6.]]

        The program of f:
        """))
    _, program = parts(out, "Jacobian")
    np.testing.assert_array_equal(program(np.array([1.0, 2.0, 3.0])), [[0, 4, 0], [0, 0, 6]])


def test_programs_alone(capsys):
    assert answer(capsys, "--ir", "sin(x)", "x=1") == textwrap.dedent("""\
        f(x) = sin(x)

        The program of f:

          program(x: f64[]) {
            a: f64[] = sin(x)
          } -> a

        The program of its derivative:

          program(x: f64[]) {
            a: f64[] = cos(x)
          } -> a
        """)


def test_the_command_of_the_readme():
    words = [sys.executable, "-m", "fxad", "log(x**2) * sin(x) + 1/x", "x=2.0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(textwrap.dedent("""\
        f(x) = log(x**2) * sin(x) + 1/x

        x     = 2.0
        f     = 1.7605538953892688
        df/dx = 0.08239541392249738

        The program of f:

          program(x: f64[]) {
            a: f64[] = integer_pow(x, n=2)
            b: f64[] = log(a)
            c: f64[] = sin(x)
            d: f64[] = mul(b, c)
            e: f64[] = div(1, x)
            f: f64[] = add(d, e)
          } -> f
        """))


@pytest.mark.parametrize(
    ("expression", "arguments", "value", "derivative"),
    [
        ("-x", ["x=3"], "-3.0", "-1.0"),
        ("-hypot(3, x)", ["x=4"], "-5.0", "-0.8"),
        ("x % 3", ["x=4"], "1.0", "1.0"),
        ("pi * x + e", ["x=0"], str(np.e), str(np.pi)),
        ("e * x", ["x=2", "e=3"], "6.0", "3.0"),
        ("where(x > 0, x ** 2, 0)", ["x=3"], "9.0", "6.0"),
        ("sum(x, axis=0)", ["x=[1, 2]"], "3.0", "[1. 1.]"),
        ("max(x)", ["x=[1, 2]"], "2.0", "[0. 1.]"),
        ("x[0, -1]", ["x=[[1, 2], [3, 4]]"], "2.0", "[[0. 1.]"),
        ("sum([x, 2 * x, 1])", ["x=1"], "4.0", "3.0"),
        ("dot(x, [3, 4])", ["x=[1, 2]"], "11.0", "[3. 4.]"),
        ("sum([[x, 1], [2, x]] @ [1, 2])", ["x=1"], "7.0", "3.0"),
        ("sqrt(x)", ["x=-1"], "nan", "nan"),
        ("1 / x", ["x=0"], "inf", "-inf"),
        ("sum(reshape(x, (2, 1)) ** 2)", ["x=[1, 2]"], "5.0", "[2. 4.]"),
    ],
)
def test_expressions(capsys, expression, arguments, value, derivative):
    rows = answer(capsys, expression, *arguments).splitlines()
    assert [row.partition("= ")[2] for row in rows if row.startswith("f  ")] == [value]
    assert [row.partition("= ")[2] for row in rows if row.startswith("df/dx")] == [derivative]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: EXPR, name=value"),
        (["x", "x=1", "--order", "3"], "argument --order: invalid choice: 3 (choose from 1, 2)"),
        (["x", "x=1", "--fast"], "unrecognized arguments: --fast"),
        (["x"], "x has no value: add x=..."),
        (["x + y", "x=1"], "y has no value: add y=..."),
        (["x", "x=1", "y=2"], "y is not in the expression"),
        (["x", "x=1", "x=2"], "x is given twice"),
        (["x", "1"], "'1' is not of the form name=value"),
        (["x", "if=1"], "'if=1' is not of the form name=value"),
        (["sin", "sin=1"], "sin is the name of a function; call the variable otherwise"),
        (["x", "x=y"], "the value of x is not a Python literal or a .npy or .csv file: 'y'"),
        (["x", "x=f(1)"], "the value of x is not a Python literal or a .npy or .csv file: 'f(1)'"),
        (["x", "x={1}"], "the value of x is a set; give numbers or lists"),
        (["x", "x=[1, [2]]"],
         "the value of x is not a list of numbers, or its rows differ in length"),
        (["x", "x=['a']"],
         "the value of x is not a list of numbers, or its rows differ in length"),
        (["x", "x='a'"], "f has no argument with respect to which to differentiate it"),
        (["1 + 2"], "f has no argument with respect to which to differentiate it"),
        (["x", "x=none.npy"], "the file none.npy of x cannot be read: No such file or directory"),
        (["x", "x=none.csv"], "the file none.csv of x cannot be read: none.csv not found."),
        (["1 +", "x=2"], "the expression '1 +' cannot be read: invalid syntax"),
        (["x.real", "x=2"], "'x.real' is not allowed in an expression"),
        (["x.__class__", "x=2"], "'x.__class__' is not allowed in an expression"),
        (["lambda: x", "x=2"], "'lambda: x' is not allowed in an expression"),
        (["x if x else 1", "x=2"], "'x if x else 1' is not allowed in an expression"),
        (["[y for y in x]", "x=2", "y=1"], "'[y for y in x]' is not allowed in an expression"),
        (["x + 'a'", "x=2"], "\"'a'\" is not allowed in an expression"),
        (["x * True", "x=2"], "'True' is not allowed in an expression"),
        (["0 < x < 1", "x=2"], "'0 < x < 1' is not allowed in an expression"),
        (["sum(*x)", "x=2"], "'*x' is not allowed in an expression"),
        (["sum(x, dtype=1)", "x=2"], "a call may have the keywords axis and keepdims, not dtype"),
        (["sum(x, **x)", "x=2"], "a call may have the keywords axis and keepdims, not None"),
        (["sum(x, axis=x)", "x=2"],
         "an index has to be made of integer constants; 'x' is not allowed in an expression"),
        (["x[y]", "x=[1, 2]", "y=0"],
         "an index has to be made of integer constants; 'y' is not allowed in an expression"),
        (["x[0.5]", "x=[1, 2]"],
         "an index has to be made of integer constants; '0.5' is not allowed in an expression"),
        (["__import__('os')", "x=1"], "there is no function __import__"),
        (["sine(x)", "x=1"], "there is no function sine; did you mean sin?"),
        (["x ** 2", "x=[1, 2]"],
         "the value of f is an array of shape (2,), not one number:"
         " pass --jacobian for the derivatives of all its elements"),
        (["x[5]", "x=[1, 2]"], "IndexError: index 5 is out of bounds for axis 0 with size 2"),
        (["(" * 300 + "x" + ")" * 300, "x=1"], None),
        (["none.py:f", "x=1"], "there is no file none.py"),
    ],
)  # fmt: skip
def test_wrong_commands(capsys, words, message):
    text = refusal(capsys, *words)
    assert message is None or text == message


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(textwrap.dedent("""\
        import numpy as np

        scale = 3.0

        def loss(params, x, power=2, *, shift=0.0):
            return (params["w"] * x) ** power * scale + shift

        def chosen(x, mode):
            if mode == "cube":
                return x ** 3
            raise ValueError("no such mode")

        def pair(x):
            return x, x

        def only(*, x):
            return x
        """))
    return path


def test_a_function_of_a_file(capsys, model):
    out = answer(capsys, f"{model}:loss", "params={'w': 2}", "x=5")
    head, program = parts(out, "gradient")
    assert head == textwrap.dedent(f"""\
        loss(params, x) of {model}

        params['w']        = 2.0
        x                  = 5.0
        loss               = 300.0
        dloss/dparams['w'] = 300.0
        dloss/dx           = 120.0

        The program of loss:

          program(params: f64[], x: f64[]) {{
            a: f64[] = mul(params, x)       # model.py:6
            b: f64[] = integer_pow(a, n=2)  # model.py:6
            c: f64[] = mul(b, 3.0)          # model.py:6
            d: f64[] = add(c, 0.0)          # model.py:6
          }} -> d
        """)
    assert program(np.float64(2.0), np.float64(5.0)) == (300.0, 120.0)
    assert "# model.py:6" in out.partition("its gradient:")[2]


def test_arguments_that_are_not_numbers_are_not_differentiated(capsys, model):
    rows = answer(capsys, f"{model}:chosen", "x=2", "mode='cube'").splitlines()
    assert rows[2:6] == ["x          = 2.0", "mode       = 'cube'", "chosen     = 8.0",
                         "dchosen/dx = 12.0"]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "words", "message"),
    [
        ("nothing", ["x=1"], "there is no function nothing in {path}"),
        ("scale", ["x=1"], "there is no function scale in {path}"),
        ("loss", ["x=1"], "params has no value: add params=..."),
        ("loss", ["y=1"], "loss has no parameter y; it has params, x, power, shift"),
        ("loss", ["params={'w': 1}", "x=1", "shift=1"],
         "shift of loss is keyword-only, and cannot be given here"),
        ("only", ["x=1"], "x of only is keyword-only, and cannot be given here"),
        ("chosen", ["x=1", "mode='square'"], "ValueError: no such mode (model.py:11)"),
        ("pair", ["x=1"], "pair returns PyTreeDef((*, *)); one number or array is needed"),
    ],
)  # fmt: skip
def test_wrong_commands_about_a_file(capsys, model, function, words, message):
    assert refusal(capsys, f"{model}:{function}", *words) == message.format(path=model)


def test_a_file_that_cannot_be_run(capsys, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("x = 1\nraise KeyError('gone')\n")
    assert refusal(capsys, f"{path}:f") == f"{path} raised KeyError: 'gone' (broken.py:2)"


def test_arrays_from_files(capsys, tmp_path):
    np.save(tmp_path / "x.npy", np.array([1, 2]))
    (tmp_path / "y.csv").write_text("3.0,4.0\n")
    out = answer(capsys, "sum(x * y)", f"x={tmp_path}/x.npy", f"y={tmp_path}/y.csv")
    assert "f     = 11.0\ndf/dx = [3. 4.]\ndf/dy = [1. 2.]\n" in out


def test_files_that_cannot_be_read(capsys, tmp_path):
    (tmp_path / "x.npy").write_text("no array")
    (tmp_path / "y.csv").write_text("a,b\n")
    (tmp_path / "z.csv").write_text("")
    for name in ("x.npy", "y.csv", "z.csv"):
        message = refusal(capsys, "x", f"x={tmp_path / name}")
        assert message.startswith(f"the file {tmp_path / name} of x cannot be read: ")


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    out, err = capsys.readouterr()
    assert (caught.value.code, err) == (0, "")
    assert out.startswith("usage: python -m fxad [-h] [--order {1,2}] [--ir] [--jacobian]")
    assert 'python -m fxad "log(x**2) * sin(x) + 1/x" x=2.0' in out
    assert max(len(line) for line in out.splitlines()) < 100
