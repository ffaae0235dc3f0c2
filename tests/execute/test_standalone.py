"""The source of a Program as a module: it runs alone, with the results of the Program."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.special

import fxad
from fxad.execute import interpret, standalone_source
from fxad.ir import PRIMITIVES, Program, load_deferred
from tests.laws import assert_identical, program_of, traced, vjp_program

load_deferred()
#: Primitives of Python functions, of their values, and of the stacks of loops.
OTHERS = {"effect", "function", "pure_callback", "python_call"}
NAMES = sorted(n for n, p in PRIMITIVES.items() if p.samples and n not in OTHERS)


def run(text: str, name: str, *values: Any) -> Any:
    """What the function of a module gives, where nothing but its own names are known."""
    space: dict[str, Any] = {}
    exec(compile(text, "<standalone>", "exec"), space)
    with np.errstate(all="ignore"):
        return space[name](*values)


@pytest.mark.parametrize("name", NAMES)
def test_every_primitive(name: str) -> None:
    sample = PRIMITIVES[name].samples[0]
    dtype = {"i": np.int64, "b": np.bool_, "c": np.complex128}.get(sample.dtypes[0], np.float64)
    values = sample.make(dtype)
    program = program_of(PRIMITIVES[name], values, sample.params)
    with np.errstate(all="ignore"):
        expected = interpret(program)(*values)
    text = standalone_source(program, "f")
    assert "fxad" not in text
    for a, b in zip(run(text, "f", *values), expected, strict=True):
        assert_identical(a, b)


def gradient(function: Any, *values: Any) -> Program:
    return vjp_program(traced(function, *values))


def loop(x: Any) -> Any:
    return fxad.lax.fori_loop(0, 3, lambda i, y: y * np.sin(y) + x, x)


@pytest.mark.parametrize(("function", "x"), [
    (lambda x: np.sum(scipy.special.gammaln(x) * scipy.special.log_ndtr(x)), np.array([0.5, 1.5])),
    (lambda x: fxad.scipy.special.logsumexp(x, b=np.array([1.0, 2.0])), np.array([0.5, 1.5])),
    (lambda x: fxad.scipy.linalg.expm(x).sum(), np.array([[0.5, 1.5], [2.0, -1.0]])),
    (lambda x: fxad.scipy.linalg.lu_solve(fxad.scipy.linalg.lu_factor(x), x[0]).sum(),
     np.array([[0.5, 1.5], [2.0, -1.0]])),
    (lambda x: np.exp(x) / x + scipy.special.erf(x), np.array(0.5)),
    (lambda x: np.sinc(x).sum(), np.array([0.0, 0.3])),
    (loop, np.array(0.4)),
])
def test_gradients_run_where_fxad_is_not(function: Any, x: Any, tmp_path: Any) -> None:
    program = gradient(function, x)
    expected = interpret(program)(x, np.float64(1.0))[0]
    (tmp_path / "gradient.py").write_text(standalone_source(program, "gradient"))
    np.save(tmp_path / "x.npy", x)
    code = ("import sys; sys.modules['fxad'] = None\nimport numpy as np; from gradient import gradient\n"
            "np.save('out.npy', gradient(np.load('x.npy'), np.float64(1.0))[0])")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True,
                          check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


def test_the_text() -> None:
    program = traced(lambda x: fxad.scipy.special.logsumexp(x) + scipy.special.erf(x[0]), np.ones(2))
    text = standalone_source(program, "f")
    start = "from __future__ import annotations\n\nfrom typing import Any\n\nimport numpy as np\nimport scipy"
    assert text.startswith(start)
    assert "\n\n\ndef logsumexp_of(x: Any, axes: Any) -> Any:\n" in text
    assert "@kernel" not in text
    assert text.endswith(")\n")


def test_numbers_on_which_pythons_floats_raise() -> None:
    """The version that NumPy runs instead is there too."""
    program = traced(lambda x: 1.0 / x, np.array(0.0))
    assert run(standalone_source(program, "f"), "f", np.float64(0.0)) == (np.inf,)


def test_python_functions_are_no_source() -> None:
    def f(x: Any) -> Any:
        return fxad.pure_callback(lambda v: np.sin(v), fxad.ShapeDtypeStruct((), np.float64), x)

    with pytest.raises(fxad.errors.FxadError, match="the Program calls Python functions"):
        standalone_source(traced(f, 1.0))
