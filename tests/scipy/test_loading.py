"""SciPy and the primitives of its functions are loaded when they are needed, and SciPy may be missing."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.special

from fxad.ir import PRIMITIVES, Code, load_deferred, type_of
from fxad.ir.primitive import DEFERRED, NAMESPACE
from fxad.primitives.special import Special

load_deferred()


def _run(code: str, *, without_scipy: bool = False) -> Any:
    """What a fresh interpreter prints, as JSON."""
    start = "import json, sys\n" + ("sys.modules['scipy'] = None\n" if without_scipy else "")
    done = subprocess.run([sys.executable, "-W", "error", "-c", start + code], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_fxad_loads_none_of_it() -> None:
    loaded = set(_run("import fxad; print(json.dumps(list(sys.modules)))"))
    assert not loaded & {"scipy", "fxad.scipy", "fxad.execute.standalone", *DEFERRED}


def test_fxad_scipy_is_there_without_an_import_of_its_own() -> None:
    assert _run("import fxad; print(json.dumps(float(fxad.scipy.special.erf(0.5))))") == math.erf(0.5)


def test_a_ufunc_of_scipys_loads_what_it_needs() -> None:
    code = "import fxad, scipy.special; print(json.dumps(float(fxad.grad(scipy.special.gammaln)(2.0))))"
    assert _run(code) == pytest.approx(1 - np.euler_gamma, rel=1e-14)


def test_a_saved_program_loads_what_it_needs() -> None:
    text = "program(x: f64[]) { y: f64[] = gammaln(x)  z: f64[] = polygamma(y, n=1) } -> z"
    code = ("import fxad; from fxad.ir import parse\n"
            f"p = parse({text!r}); assert parse(str(p)) == p\n"
            "print(json.dumps(float(fxad.execute.interpret(p)(0.5)[0])))")
    assert _run(code) == scipy.special.polygamma(1, scipy.special.gammaln(0.5))


def test_a_saved_program_can_be_read_without_scipy() -> None:
    code = "from fxad.ir import parse; print(json.dumps(str(parse({!r}))))"
    text = "program(x: f64[]) {\n  y: f64[] = gammaln(x)\n} -> y"
    assert _run(code.format(text), without_scipy=True) == text


# -- without SciPy -------------------------------------------------------------------------------------

_VALUES = {"": [-0.7, 0.2, 1.3], "logit": [0.1, 0.4, 0.8], "entr": [0.0, 0.3, 2.0]}
_WITHOUT = ("erf", "erfc", "ndtr", "gammaln", "gamma", "expit", "log_expit", "logit", "exprel", "exp10",
            "entr", "softmax", "log_softmax", "softplus", "cbrt", "expm1", "log1p", "exp2", "sinc",
            "i0", "i1")
_OF_TWO = ("xlogy", "xlog1py", "rel_entr", "kl_div")


def test_values_without_scipy() -> None:
    given = {name: _VALUES.get(name, _VALUES[""]) for name in _WITHOUT}
    code = (
        "import fxad, numpy as np; s = fxad.scipy.special\n"
        f"given, two = {given}, {_OF_TWO}\n"
        "x, y = np.array([0.0, 0.5, 2.0]), np.array([2.0, 0.25, 2.1])\n"
        "out = {n: fxad.jit(getattr(s, n))(np.array(v)).tolist() for n, v in given.items()}\n"
        "assert all(np.array_equal(getattr(s, n)(np.array(v)), out[n]) for n, v in given.items())\n"
        "out.update({n: fxad.jit(getattr(s, n))(x, y).tolist() for n in two})\n"
        "out['logsumexp'] = float(fxad.jit(lambda a, b: s.logsumexp(a, b=b))(x, y))\n"
        "out['grad'] = [float(fxad.grad(f)(0.3)) for f in (s.erf, s.expit, s.ndtr, s.logsumexp, s.entr)]\n"
        "out['list'], out['float'] = s.erf([0.5, 1.0]).tolist(), float(s.gammaln(3))\n"
        "print(json.dumps(out))")
    out = _run(code, without_scipy=True)
    for name, values in given.items():
        expected = getattr(scipy.special, name)(np.array(values))
        np.testing.assert_allclose(out[name], expected, rtol=1e-14, atol=1e-16, err_msg=name)
    x, y = np.array([0.0, 0.5, 2.0]), np.array([2.0, 0.25, 2.1])
    for name in _OF_TWO:
        np.testing.assert_allclose(out[name], getattr(scipy.special, name)(x, y), rtol=1e-12, err_msg=name)
    assert out["logsumexp"] == pytest.approx(scipy.special.logsumexp(x, b=y), rel=1e-14)
    logistic, density = scipy.special.expit(0.3), math.exp(-0.045) / math.sqrt(2 * math.pi)
    slopes = [2 / math.sqrt(math.pi) * math.exp(-0.09), logistic * (1 - logistic), density, 1.0,
              -math.log(0.3) - 1]
    np.testing.assert_allclose(out["grad"], slopes, rtol=1e-14)
    assert out["list"] == [math.erf(0.5), math.erf(1.0)]
    assert out["float"] == math.lgamma(3)


@pytest.mark.parametrize(("call", "name"), [
    ("fxad.scipy.special.erfinv(0.5)", "special.erfinv"),
    ("fxad.scipy.special.digamma(np.ones(3))", "special.digamma"),
    ("fxad.grad(fxad.scipy.special.gammaln)(2.0)", "special.digamma"),
    ("fxad.jit(fxad.scipy.special.log_ndtr)(2.0)", "special.log_ndtr"),
    ("fxad.scipy.special.polygamma(2, 1.0)", "special.polygamma"),
    ("fxad.scipy.special.j0(1.0)", "special.j0"),
    ("fxad.scipy.special.gammainc(1.0, 2.0)", "special.gammainc"),
    ("fxad.scipy.special.erf(0.5 + 1j)", "special.erf"),
])
def test_what_needs_scipy_says_so(call: str, name: str) -> None:
    code = (f"import fxad, numpy as np\ntry:\n    {call}\n"
            "except fxad.errors.MissingExtra as error:\n    print(json.dumps(str(error)))")
    text = _run(code, without_scipy=True)
    assert text.startswith(f"fxad.scipy.{name} needs SciPy.")
    assert text.endswith('Write instead: pip install "fxad[scipy]"')


@pytest.mark.parametrize("name", [n for n, p in PRIMITIVES.items() if isinstance(p, Special) and p.formula])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_way_in_numpy_is_scipys_function(name: str, dtype: Any) -> None:
    """At all kinds of numbers, in arrays and alone."""
    primitive = PRIMITIVES[name]
    assert isinstance(primitive, Special)
    assert primitive.formula is not None
    function = getattr(scipy.special, name)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 0.31, 1e-8, -2.5, 30.0, 1e-300, np.inf, -np.inf, np.nan]
    numbers = np.array(special, dtype)
    grid = np.meshgrid(*[numbers] * primitive.arity)
    names = "xy"[: primitive.arity]
    run = eval(f"lambda {', '.join(names)}: " + primitive.formula.format(
        *[Code(n, type_of(x)) for n, x in zip(names, grid, strict=True)]), NAMESPACE)
    with np.errstate(all="ignore"):
        expected, found = function(*grid), run(*grid)
        one = run(*[x.ravel()[5] for x in grid])
    assert (found.dtype, one.dtype) == (dtype, dtype)
    assert isinstance(one, np.generic)
    near = 1e-14 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(found, expected, rtol=near, atol=near * 1e-2)
    assert one == found.ravel()[5]
