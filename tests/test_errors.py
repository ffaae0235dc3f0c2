"""Every kind of mistake: the message says what went wrong, marks the line, and says what to write."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors
from fxad.ir import PRIMITIVES, Primitive, load_deferred
from fxad.ir.types import ArrayType
from fxad.primitives.families import Operation
from fxad.primitives.structural import convert

Case = tuple[Callable[[], Any], type[Exception], list[str]]


def decide(x: Any) -> Any:
    return x if x > 0 else -x


def assign(x: Any) -> Any:
    x[0] = 1.0
    return x


def increment(x: Any) -> Any:
    x += 1.0
    return x


def outer_write(x: Any, over: Any) -> Any:
    buffer = np.zeros_like(x)

    def write(t: Any) -> Any:
        buffer[0] = t
        return t

    return np.sum(over(write, x)) + buffer[0]


def store(x: Any) -> Any:
    buffer = np.zeros((2, 3))
    buffer[0] = x
    return buffer


def accumulate(x: Any) -> Any:
    total = np.zeros(3)
    total += x
    return total


def pullback() -> Any:
    return fxad.vjp(lambda x: {"a": x * 2, "b": x[0]}, np.ones(3))[1]


def leaked(make: Callable[[Any], Any] = np.sin, transform: Any = fxad.grad) -> Any:
    kept = []
    transform(lambda x: (kept.append(make(x)), x)[1])(1.0 if transform is not fxad.vmap else np.ones(1))
    return kept[0]


X = np.ones(3)

#: name -> (what goes wrong, the class, parts of the message)
CASES: dict[str, Case] = {
    # -- a value that is asked for
    "math": (lambda: fxad.grad(lambda x: math.sin(x))(1.0), errors.ConcretizationError,
             ["drop its derivative", "math.sin(x)", "f64[], input 'x' of the function under grad",
              "np.sin(x)", "stop_gradient"]),
    "float": (lambda: fxad.grad(lambda x: float(x))(1.0), errors.ConcretizationError,
              ["float(x)", "drop its derivative", "Write instead: x itself"]),
    "complex": (lambda: fxad.grad(lambda x: complex(x))(1.0), errors.ConcretizationError,
                ["complex(x)", "x + 0j"]),
    "asarray": (lambda: fxad.grad(lambda x: np.asarray(x))(1.0), errors.ConcretizationError,
                ["np.asarray(x)", "np.stack", "x itself", "fxad.value_of(x)"]),
    "item": (lambda: fxad.grad(lambda x: x.item())(1.0), errors.ConcretizationError,
             ["x.item()", "x itself"]),
    "tolist": (lambda: fxad.grad(lambda x: x.tolist())(X), errors.ConcretizationError,
               ["x.tolist()", "list(x)"]),
    "value under jit": (lambda: fxad.jit(lambda x: fxad.value_of(x))(1.0), errors.ConcretizationError,
                        ["fxad.value_of(x)", "one program is made for all values",
                         "input 'x' of the function under jit"]),
    "if on a shape": (lambda: fxad.eval_shape(decide, 1.0), errors.ConcretizationError,
                      ["a decision in Python", "only its shape and dtype are known",
                       "made at test_errors.py:", "x > 0", "np.where(condition, a, b)"]),
    "if under vmap": (lambda: fxad.vmap(decide)(X), errors.ConcretizationError,
                      ["a different value in each element of the batch", "np.where"]),
    "range of a shape": (lambda: fxad.eval_shape(lambda n: list(range(n)), 3), errors.ConcretizationError,
                         ["range", "input 'n' of the function under eval_shape", "static"]),
    "unknown function": (lambda: fxad.grad(lambda x: np.savetxt("x.txt", x))(X),
                         errors.ConcretizationError,
                         ["np.savetxt has no traced form: a file holds numbers", "fxad.value_of(x)"]),
    "unknown ufunc": (lambda: fxad.grad(lambda x: np.frompyfunc(abs, 1, 1)(x))(1.0),
                      errors.ConcretizationError, ["has no traced form"]),
    # -- what can't be differentiated
    "int": (lambda: fxad.grad(lambda x: x * x)(3), errors.NonDifferentiable,
            ["'x' is int 3", "pass 3.0", "allow_int=True"]),
    "int array": (lambda: fxad.grad(np.sum)(np.arange(3)), errors.NonDifferentiable,
                  ["int64 of shape (3,)", "astype(float)"]),
    "object array": (lambda: fxad.grad(lambda x: 1.0)(np.array([None])), errors.NonDifferentiable,
                     ["dtype object"]),
    "array of shape (3,)": (lambda: fxad.grad(lambda x: x * 2)(X), errors.NonScalarOutput,
                            ["shape (3,)", ".sum()", "elementwise_grad", "vmap", "jacobian", "vjp"]),
    "complex value": (lambda: fxad.grad(lambda x: x * 1j)(1.0), errors.NonScalarOutput,
                      ["dtype complex128", "holomorphic=True", "np.real"]),
    "int value": (lambda: fxad.grad(lambda x: 3)(1.0), errors.NonScalarOutput, ["dtype int64"]),
    "list value": (lambda: fxad.grad(lambda x: [x, x])(1.0), errors.NonScalarOutput,
                   ["[*, *]", "has_aux=True", "jacobian"]),
    "no value": (lambda: fxad.grad(lambda x: None)(1.0), errors.NonScalarOutput, ["None"]),
    "a string": (lambda: fxad.grad(lambda x: "no")(1.0), errors.TypeMismatch,
                 ["returned str 'no'", "no array and no number", "has_aux=True"]),
    "an object": (lambda: fxad.vjp(lambda x: [x, object()], 1.0), errors.TypeMismatch,
                  ["no array and no number"]),
    "jit of a string": (lambda: fxad.jit(lambda x: "no")(1.0), errors.TypeMismatch, ["str 'no'"]),
    "holomorphic of real": (lambda: fxad.grad(np.sin, holomorphic=True)(1.0),
                            errors.NonDifferentiable, ["holomorphic=True needs complex"]),
    "no pair": (lambda: fxad.grad(lambda x: x, has_aux=True)(1.0), errors.TypeMismatch,
                ["has_aux=True", "instead of a pair", "return output, aux"]),
    # -- arguments of the transforms
    "not callable": (lambda: fxad.grad(3.0), errors.TypeMismatch,
                     ["takes a function", "float 3.0", "grad(f)(x), not grad(f(x))"]),
    "vmap of a value": (lambda: fxad.vmap(X), errors.TypeMismatch, ["vmap takes a function"]),
    "jit of a value": (lambda: fxad.jit(3), errors.TypeMismatch, ["jit takes a function"]),
    "argnums": (lambda: fxad.grad(lambda x: x, 2)(1.0), errors.TypeMismatch,
                ["argument number 2", "1 positional argument.", "argnums between 0 and 0"]),
    "negative argnums": (lambda: fxad.grad(lambda x, y: x, (0, -3))(1.0, 2.0), errors.TypeMismatch,
                         ["argument number -3", "2 positional arguments"]),
    "argnums without arguments": (lambda: fxad.grad(lambda x: x)(x=1.0), errors.TypeMismatch,
                                  ["0 positional arguments", "argnames"]),
    "argnums twice": (lambda: fxad.grad(lambda x, y: x, (0, -2))(1.0, 2.0), errors.TypeMismatch,
                      ["names an argument twice"]),
    "argnames": (lambda: fxad.grad(lambda x, k: x, argnames="k")(1.0, 2.0), errors.TypeMismatch,
                 ["'k'", "not called with k=", "by keyword"]),
    "cotangent structure": (lambda: pullback()(X), errors.TreeMismatch,
                            ["the cotangent is not structured like the output", "{'a': *, 'b': *}"]),
    "cotangent shape": (lambda: pullback()({"a": np.ones(2), "b": 1.0}), errors.TypeMismatch,
                        ["cotangent of type f64[2] for an output of type f64[3]", "shape (3,)"]),
    "cotangent dtype": (lambda: pullback()({"a": X.astype("f4"), "b": 1.0}), errors.TypeMismatch,
                        ["f32[3]", "cotangent.astype(np.float64)"]),
    "complex cotangent": (lambda: pullback()({"a": X, "b": 1j}), errors.TypeMismatch,
                          ["c128[]", "f64[]"]),
    "cotangent of no kind": (lambda: pullback()({"a": "s", "b": 1.0}), errors.TypeMismatch,
                             ["str 's'"]),
    "tangent structure": (lambda: fxad.jvp(np.sin, (1.0,), (1.0, 2.0)), errors.TreeMismatch,
                          ["jvp: the tangents are not structured like the primals"]),
    "tangent shape": (lambda: fxad.jvp(np.sin, (X,), (np.ones(2),)), errors.TypeMismatch,
                      ["a tangent of type f64[2] for a primal of type f64[3]"]),
    "tangent dtype": (lambda: fxad.jvp(np.sin, (X,), (np.ones(3, int),)), errors.TypeMismatch,
                      ["i64[3]", "tangent.astype(np.float64)"]),
    "tangent of an int": (lambda: fxad.jvp(lambda n: n, (1,), (1,)), errors.TypeMismatch,
                          ["an integer", "fxad.float0"]),
    "tangents without a tuple": (lambda: fxad.jvp(np.sin, 1.0, 1.0), errors.TypeMismatch,
                                 ["primals is a tuple", "(primals,)"]),
    "linearized structure": (lambda: fxad.linearize(np.sin, 1.0)[1](1.0, 2.0), errors.TreeMismatch,
                             ["linearize"]),
    "linearized shape": (lambda: fxad.linearize(np.sin, 1.0)[1](X), errors.TypeMismatch,
                         ["linearize: a tangent"]),
    # -- vmap
    "number of in_axes": (lambda: fxad.vmap(lambda x: x, (0, 0))(X), errors.TypeMismatch,
                          ["in_axes has 2 entries", "1 positional argument"]),
    "tree of in_axes": (lambda: fxad.vmap(lambda x: x, ({"a": 0},))(X), errors.TypeMismatch,
                        ["in_axes does not fit", "{'a': ...}"]),
    "kind of in_axes": (lambda: fxad.vmap(lambda x: x, "a")(X), errors.TypeMismatch,
                        ["'a', which is neither an int nor None"]),
    "in_axes out of range": (lambda: fxad.vmap(lambda x: x, 1)(X), errors.TypeMismatch,
                             ["axis 1 of an argument of shape (3,)", "in_axes=None"]),
    "vmap of a scalar": (lambda: fxad.vmap(lambda x: x)(2.0), errors.TypeMismatch,
                         ["shape ()", "in_axes=None"]),
    "batch sizes": (lambda: fxad.vmap(lambda x, y: x + y)(X, np.ones((2, 3))), errors.TypeMismatch,
                    ["different sizes", "3 ((3,) along axis 0)", "2 ((2, 3) along axis 0)"]),
    "axis_size": (lambda: fxad.vmap(lambda x: x, axis_size=4)(X), errors.TypeMismatch,
                  ["different sizes", "axis_size=4"]),
    "no batch axis": (lambda: fxad.vmap(lambda x: x, None)(X), errors.TypeMismatch,
                      ["no argument has a batch axis", "axis_size=n"]),
    "out_axes": (lambda: fxad.vmap(lambda x: x, out_axes=2)(X), errors.TypeMismatch,
                 ["out_axes=2 for an output of 0 axes"]),
    "out_axes None": (lambda: fxad.vmap(lambda x: x, out_axes=None)(X), errors.TypeMismatch,
                      ["out_axes is None", "differs between the elements"]),
    # -- values that outlive their trace
    "leak": (lambda: leaked() + 1, errors.TracerLeak,
             ["after its trace (grad) had ended", "made at test_errors.py", "has_aux=True"]),
    "leak in a ufunc": (lambda: np.exp(leaked()), errors.TracerLeak, ["(grad)"]),
    "leak with a number": (lambda: leaked() * 3.7, errors.TracerLeak, ["(grad)"]),
    "leak in a decision": (lambda: bool(leaked(lambda x: x > 0)), errors.TracerLeak, ["x > 0"]),
    "leak of an input": (lambda: -leaked(lambda x: x), errors.TracerLeak, ["input 'x'"]),
    "leak from jit": (lambda: leaked(transform=fxad.jit) + 1, errors.TracerLeak, ["(jit)"]),
    "leak from vmap": (lambda: leaked(transform=fxad.vmap) + 1, errors.TracerLeak, ["(vmap)"]),
    "leak into another trace": (lambda: fxad.grad(lambda x: x * leaked())(1.0), errors.TracerLeak,
                                ["(grad)"]),
    "leak as a result": (lambda: fxad.jit(lambda x: leaked())(1.0), errors.TracerLeak, ["(grad)"]),
    "leak as an argument": (lambda: fxad.grad(lambda x: x * x)(leaked()), errors.TracerLeak,
                            ["(grad)"]),
    "leak in an indexing": (lambda: leaked(lambda x: np.stack([x, x]))[0], errors.TracerLeak,
                            ["(grad)"]),
    # -- assignment
    "assignment": (lambda: fxad.grad(lambda x: np.sum(assign(x)))(X), errors.TypeMismatch,
                   ["an argument of the function is written to: the array is the caller's", "x[0] = 1.0",
                    "x = x.at[i].set(v)", "x = x.copy()", "input 'x' of the function under grad"]),
    "assignment in place": (lambda: fxad.grad(lambda x: np.sum(increment(x)))(X), errors.TypeMismatch,
                            ["an argument of the function is written to", "x += 1.0", "x = x + v"]),
    "assignment to a view": (lambda: fxad.grad(lambda x: np.sum(assign(x[1:])))(X), errors.TypeMismatch,
                             ["an argument of the function is written to, by a view of it", "x[0] = 1.0"]),
    "assignment to a number": (lambda: fxad.grad(lambda x: assign(np.sum(x)))(X), errors.TypeMismatch,
                               ["one number is written to", "x = v"]),
    "assignment to a diagonal": (lambda: fxad.grad(lambda x: np.sum(assign(np.diagonal(np.outer(x, x)))))(X),
                                 errors.TypeMismatch, ["assignment destination is read-only", "y.copy()"]),
    "assignment to an outer array": (
        lambda: fxad.grad(lambda x: outer_write(x, lambda f, y: fxad.vmap(f)(y)))(X), errors.TypeMismatch,
        ["an array of the function around is written to in a function under vmap", "buffer[0] = t",
         "np.zeros_like(t)"]),
    "assignment in a loop": (
        lambda: fxad.grad(lambda x: outer_write(x, lambda f, y: fxad.lax.map(f, y)))(X), errors.TypeMismatch,
        ["an array of the function around is written to in a function under", "buffer[0] = t"]),
    "assignment into an array": (lambda: fxad.grad(lambda x: np.sum(store(x)))(X),
                                 errors.ConcretizationError,
                                 ["assignment into a plain NumPy array", "buffer[0] = x"]),
    "in place": (lambda: fxad.grad(lambda x: np.sum(accumulate(x)))(X), errors.TypeMismatch,
                 ["total += x", "np.add", "y = y + x"]),
    "out=": (lambda: fxad.grad(lambda x: np.sum(np.sin(x, out=np.zeros(3))))(X), errors.TypeMismatch,
             ["out=", "np.sin"]),
    "where=": (lambda: fxad.grad(lambda x: np.sum(np.sin(x, where=x > 0)))(X), errors.TypeMismatch,
               ["where=mask", "np.where(mask, np.sin(...), other)"]),
    # -- operands
    "broadcast": (lambda: fxad.grad(lambda x: np.sum(x * np.ones(4)))(X), errors.TypeMismatch,
                  ["shapes (3,) (4,)", "x * np.ones(4)", "x[:, None]"]),
    "broadcast, two traced": (lambda: fxad.grad(lambda x, y: np.sum(np.maximum(x, y)))(X, np.ones(4)),
                              errors.TypeMismatch, ["shapes (3,) (4,)", "np.maximum(x, y)"]),
    "matmul": (lambda: fxad.grad(lambda x: x @ np.ones(4))(X), errors.TypeMismatch,
               ["(3,) and (4,)"]),
    "reshape": (lambda: fxad.grad(lambda x: np.sum(np.reshape(x, (2, 2))))(X), errors.TypeMismatch,
                ["size 3 into shape (2, 2)"]),
    "concatenate": (lambda: fxad.grad(lambda x: np.sum(np.concatenate([x, np.ones((2, 2))])))(X),
                    errors.TypeMismatch, []),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    make, expected, parts = CASES[name]
    with pytest.raises(errors.FxadError) as caught:
        make()
    assert type(caught.value) is expected
    text = str(caught.value)
    for part in parts:
        assert part in text, text
    # the user's file, the line, and the expression marked
    lines = text.splitlines()
    place = next(i for i, row in enumerate(lines) if row.strip().startswith(__file__ + ":"))
    number = int(lines[place].split(":")[1].split(",")[0])
    source = inspect.getsource(inspect.getmodule(test_message)).splitlines()[number - 1]
    assert lines[place + 1].strip() == source.strip()
    assert "^" in lines[place + 2]
    assert set(lines[place + 2].strip()) == {"^"}
    assert len(lines) < 30  # one screen


WITHOUT_A_FIX = {"matmul", "reshape", "concatenate"}


@pytest.mark.parametrize("name", [n for n in CASES if n not in WITHOUT_A_FIX])
def test_message_says_what_to_write(name: str) -> None:
    with pytest.raises(errors.FxadError, match="Write instead: "):
        CASES[name][0]()


def test_storing_a_number_into_a_plain_array() -> None:
    """NumPy puts an exception of its own around ours."""

    def f(x: Any) -> Any:
        buffer = np.zeros(3)
        buffer[0] = x
        return np.sum(buffer)

    with pytest.raises((ValueError, errors.ConcretizationError)) as caught:
        fxad.grad(f)(1.0)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, errors.ConcretizationError):
        error = error.__cause__ or error.__context__
    assert error is not None
    assert "buffer[0] = x" in str(error)


def test_numpys_own_errors_stay() -> None:
    """Where NumPy raises for arrays, the same class comes for traced ones."""
    for f, kind in [
        (lambda x: x[5], IndexError), (lambda x: x[0, 0], IndexError), (lambda x: x["a"], IndexError),
        (lambda x: x if x > 0 else -x, ValueError), (lambda x: np.sum(x, axis=3), Exception),
        (lambda x: len(x[0]), TypeError), (lambda x: list(x[0]), TypeError),
        (lambda x: {x: 1}, TypeError), (lambda x: x + "a", TypeError), (lambda x: x + None, TypeError),
        (lambda x: x.no_such_method(), AttributeError), (lambda x: x * np.ones(4), ValueError),
    ]:
        with pytest.raises(kind):
            f(X)
        with pytest.raises(kind):
            fxad.vjp(f, X)


@pytest.mark.parametrize(("cls", "bases"), [
    (errors.ConcretizationError, (TypeError,)), (errors.NonScalarOutput, (TypeError,)),
    (errors.TypeMismatch, (TypeError, ValueError)), (errors.NonDifferentiable, (TypeError,)),
    (errors.TreeMismatch, (TypeError, ValueError)), (errors.MissingExtra, (ImportError,)),
])
def test_classes(cls: type[Exception], bases: tuple[type, ...]) -> None:
    assert issubclass(cls, errors.FxadError)
    assert issubclass(cls, bases)


# -- a primitive that lacks rules ---------------------------------------------------------------------


class Bare(Operation):
    """The identity, with no derivative and no batch rule."""

    def infer(self, x: ArrayType) -> ArrayType:
        return x

    def emit(self, x: Any) -> str:
        return f"np.positive({x})"


class Halfway(Bare):
    """It has a jvp, which is not transposable."""

    def jvp(self, primals: Any, tangents: Any, out: Any) -> Any:
        return bare(tangents[0])


class Empty(Primitive):
    """Nothing but a name."""


@pytest.fixture(autouse=True)
def _primitives_for_these_tests() -> Any:
    """They are no part of the registry, which other tests go through."""
    global bare, halfway, empty
    load_deferred()
    before = dict(PRIMITIVES)
    bare, halfway, empty = Bare("bare"), Halfway("halfway"), Empty("empty")
    yield
    for name in set(PRIMITIVES) - set(before):
        del PRIMITIVES[name]


@pytest.mark.parametrize(("run", "rule", "cls"), [
    (lambda: fxad.grad(lambda x: bare(x))(1.0), "jvp", "Bare"),
    (lambda: fxad.jvp(lambda x: bare(x), (1.0,), (1.0,)), "jvp", "Bare"),
    (lambda: fxad.vjp(lambda x: halfway(x), 1.0), "transpose", "Bare"),
    (lambda: fxad.vmap(lambda x: bare(x))(X), "batch", "Bare"),
    (lambda: fxad.linear_transpose(lambda x: bare(x), 1.0), "transpose", "Bare"),
])
def test_missing_rule(run: Callable[[], Any], rule: str, cls: str) -> None:
    with pytest.raises(errors.MissingRule) as caught:
        run()
    text = str(caught.value)
    assert f"primitive 'bare' has no {rule} rule" in text
    assert f"def {rule}(...) in class {cls}, " in text
    assert "test_errors.py" in text


def test_what_works_without_rules() -> None:
    assert fxad.jit(lambda x: bare(x) * 2)(3.0) == 6.0
    assert fxad.jvp(lambda x: halfway(x), (3.0,), (1.0,)) == (3.0, 1.0)
    assert bare(np.float64(2.0)) == 2.0


def test_missing_infer_and_emit() -> None:
    with pytest.raises(errors.MissingRule, match="no infer rule"):
        empty.infer(ArrayType((), float))
    with pytest.raises(errors.MissingRule, match="no emit rule"):
        empty.emit()


def test_two_primitives_of_one_name() -> None:
    with pytest.raises(ValueError, match="two primitives are named bare"):
        Bare("bare")


# -- warnings are NumPy's --------------------------------------------------------------------------------


def test_numpys_warnings_come_through() -> None:
    """Also from scalar code, and at the first, second and later calls."""
    j = fxad.jit(lambda x: 1 / x + np.log(x))
    for _ in range(4):
        with pytest.warns(RuntimeWarning):
            j(0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            j(1.0)


def test_config_rejects_unknown_settings() -> None:
    with pytest.raises(TypeError, match="no setting is named 'speed'"), fxad.config.using(speed=1):
        pass


def test_convert_is_no_silent_cast() -> None:
    """Integers are not differentiated by way of a conversion."""
    assert fxad.grad(lambda x: np.sum(convert(x, dtype=np.dtype(np.int64)) * 1.0))(2.5) == 0.0
