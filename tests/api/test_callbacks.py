"""pure_callback, io_callback and fxad.debug: values, batches, what is printed, and the errors by their"
" texts."""

from __future__ import annotations

import gc
import pdb  # noqa: T100 - to see that it is entered
import weakref

import numpy as np
import pytest

import fxad
from fxad import ShapeDtypeStruct, execute
from fxad.errors import MissingRule, NonDifferentiable, TreeMismatch, TypeMismatch

F8 = np.dtype(float)
X = np.array([3.0, 1.0, 2.0])


def sort(x):
    return np.sort(x)


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [fxad.pure_callback, fxad.io_callback])
@pytest.mark.parametrize("transform", [lambda f: f, fxad.jit, lambda f: lambda x: fxad.make_ir(f)(x)(x)])
def test_the_value_is_the_functions(call, transform):
    f = transform(lambda x: 2.0 * call(sort, x, x))
    for _ in range(3):
        np.testing.assert_array_equal(f(X), [2.0, 4.0, 6.0])


@pytest.mark.parametrize("call", [fxad.pure_callback, fxad.io_callback])
def test_trees_options_and_dtypes(call):
    def split(pair, *, scale, name):
        a, b = pair
        assert (name, type(scale)) == ("two", int)
        return {"sum": a + b, "n": np.int32(a.size), "flag": True, "half": np.float32(scale) / 2}

    promised = {"sum": ShapeDtypeStruct((3,), float), "n": np.int32(0), "flag": np.bool_(False),
                "half": ShapeDtypeStruct((), np.float32)}
    f = fxad.jit(lambda x: call(split, promised, (x, X), scale=3, name="two"))
    for _ in range(3):
        found = f(X)
        np.testing.assert_array_equal(found["sum"], 2 * X)
        assert (found["n"], found["flag"], found["half"]) == (3, True, 1.5)
        assert {k: v.dtype.name for k, v in found.items()} == {
            "sum": "float64", "n": "int32", "flag": "bool", "half": "float32"}


def test_without_traced_arguments_it_is_called_at_once():
    assert fxad.io_callback(lambda x: x + 1.0, 0.0, 2.0) == 3.0
    assert fxad.pure_callback(lambda: np.arange(2.0), np.zeros(2)).tolist() == [0.0, 1.0]
    assert fxad.io_callback(lambda: None, None) is None


def test_a_function_may_keep_and_change_what_it_is_given():
    kept = []

    def change(x, constant):
        kept.append(x)
        x[:] = 0.0
        constant[:] = 5.0
        return x

    given, constant = X.copy(), np.ones(3)
    f = fxad.jit(lambda x: (fxad.io_callback(change, x, x, constant), x * constant))
    for _ in range(3):
        out, product = f(given)
        np.testing.assert_array_equal(out, 0.0)
        np.testing.assert_array_equal(product, X)
        np.testing.assert_array_equal(given, X)
        assert not any(np.shares_memory(out, k) for k in kept)
        out[:] = 7.0
    np.testing.assert_array_equal(constant, 1.0)
    assert all((k == 0.0).all() for k in kept)


def test_an_unused_pure_callback_is_left_out_and_an_io_callback_is_not():
    calls = []

    def f(x):
        fxad.pure_callback(lambda x: calls.append("pure") or x, x, x)
        fxad.io_callback(lambda x: calls.append("io") or x, x, x)
        return x

    g = fxad.jit(f)
    for _ in range(3):
        g(1.0)
    calls.clear()
    g(1.0)
    assert calls == ["io"]


def test_equal_pure_callbacks_are_not_confused():
    """Two functions, one Program: which one is called is known at run time."""
    f = fxad.jit(lambda x: [fxad.pure_callback(g, x, x) for g in (np.sin, np.cos)])
    for _ in range(3):
        assert f(0.5) == [np.sin(0.5), np.cos(0.5)]


def test_functions_made_anew_at_each_call_make_no_new_programs():
    def gradient(k):
        return fxad.grad(lambda x: x * fxad.pure_callback(lambda v: v * k, 0.0, fxad.stop_gradient(x)))(3.0)

    assert gradient(2) == 6.0
    before = len(execute.executables)
    assert [gradient(k) for k in range(5)] == [0.0, 3.0, 6.0, 9.0, 12.0]
    assert len(execute.executables) == before


def test_a_cached_program_keeps_no_function_alive():
    class Owner:
        def twice(self, x):
            return x * 2.0

    owner: Owner | None = Owner()
    alive = weakref.ref(owner)

    def f(x):
        return x * fxad.pure_callback(owner.twice, 0.0, fxad.stop_gradient(x))

    for _ in range(3):
        assert fxad.grad(f)(1.5) == 3.0
    owner = None
    gc.collect()
    assert alive() is None


# -- batches ------------------------------------------------------------------------------------------------


def _shapes(log):
    def f(x, y):
        log.append((np.shape(x), np.shape(y)))
        return np.asarray(x) + y

    return f


@pytest.mark.parametrize(("method", "shapes"), [
    ("sequential", [((2,), (2,))] * 3),
    ("expand_dims", [((3, 2), (1, 2))]),
    ("broadcast_all", [((3, 2), (3, 2))]),
    ("legacy_vectorized", [((3, 2), (2,))]),
])
def test_what_a_function_is_given_under_vmap(method, shapes):
    log: list = []
    x, y = np.arange(6.0).reshape(3, 2), np.array([10.0, 20.0])
    f = fxad.vmap(lambda x, y: fxad.pure_callback(_shapes(log), y, x, y, vmap_method=method), (0, None))
    for run in (f, fxad.jit(f)):
        log.clear()
        np.testing.assert_array_equal(run(x, y), x + y)
        assert log == shapes


@pytest.mark.parametrize(("method", "count"), [("sequential", 6), ("expand_dims", 1), ("broadcast_all", 1)])
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_batches_in_batches(method, count, axes):
    log: list = []

    def f(x, y):
        return fxad.pure_callback(_shapes(log), 0.0, x, y, vmap_method=method)

    x, y = np.arange(6.0).reshape(2, 3), np.arange(2.0)
    over_rows = fxad.vmap(fxad.vmap(f, in_axes=(0, None)), in_axes=(0, 0))
    np.testing.assert_array_equal(over_rows(x, y), x + y[:, None])
    assert len(log) == count
    a = x[0] if axes[0] is not None else 1.5
    b = x[1] if axes[1] is not None else 2.5
    np.testing.assert_array_equal(fxad.vmap(f, in_axes=axes)(a, b), np.asarray(a) + b)


def test_an_empty_batch():
    f = fxad.vmap(lambda x: fxad.io_callback(lambda v: (v, np.int64(1)), (0.0, 0), x))
    a, b = f(np.zeros(0))
    assert (a.shape, a.dtype, b.shape, b.dtype) == ((0,), F8, (0,), np.dtype(np.int64))


# -- derivatives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [fxad.pure_callback, fxad.io_callback])
@pytest.mark.parametrize("transform", [fxad.grad, fxad.jacfwd, lambda f: fxad.jit(fxad.grad(f))])
def test_there_is_no_derivative(call, transform):
    with pytest.raises(NonDifferentiable) as caught:
        transform(lambda x: call(np.sin, x, x))(1.0)
    text = str(caught.value)
    assert text.startswith(f"{call.__name__} is called back at run time, so its value has no derivative, and"
                           " one was asked for.")
    assert "test_callbacks.py" in text
    assert text.endswith(
        "  Write instead: fxad.primitive(f) with a rule: f.defjvp(...) or f.defvjp(...); or"
        " fxad.stop_gradient(x)"
        " for its arguments, where the derivative is to be zero")


def test_what_has_no_derivative_may_come_out_of_one():
    assert fxad.grad(lambda x: x * fxad.pure_callback(np.sign, 0.0, fxad.stop_gradient(x)))(-2.0) == -1.0
    assert fxad.grad(lambda x: x * fxad.pure_callback(lambda x: int(x), 0, x))(3.7) == 3.0


# -- promises -----------------------------------------------------------------------------------------------

BROKEN = {
    "shape": (lambda x: x[:2], X, TypeMismatch,
              "{name}: f promised f64[3] and returned f64[2]: another shape.",
              "Write instead: return an array of shape (3,), or promise shape (2,)"),
    "rank": (lambda x: x.sum(), X, TypeMismatch, "{name}: f promised f64[3] and returned f64[]: another"
    " shape.",
             "promise shape ()"),
    "dtype": (lambda x: x.astype(np.float32), X, TypeMismatch,
              "{name}: f promised f64[3] and returned f32[3]: another dtype.",
              "Write instead: return result.astype(np.float64), or promise float32"),
    "integers": (lambda x: np.arange(3), X, TypeMismatch,
                 "{name}: f promised f64[3] and returned i64[3]: another dtype.", "promise int64"),
    "a float for an int": (lambda x: 1.5, np.int64(0), TypeMismatch,
                           "{name}: f promised i64[] and returned f64[]: another dtype.", "promise float64"),
    "structure": (lambda x: (x, x), X, TreeMismatch,
                  "{name}: f returned a result of another structure than it promised.\n  promised: f64[3]\n"
                  "  returned: (f64[3], f64[3])",
                  "Write instead: return what was promised, or promise what is returned"),
    "keys": (lambda x: {"a": x}, {"b": X}, TreeMismatch, "  promised: {{'b': f64[3]}}\n  returned: {{'a':"
    " f64[3]}}",
             "promise what is returned"),
    "nothing": (lambda x: None, X, TreeMismatch, "  promised: f64[3]\n  returned: None", "what was promised"),
    "something": (lambda x: x, None, TreeMismatch, "  promised: None\n  returned: f64[3]",
                  "what was promised"),
    "a second": (lambda x: (x, x.sum()), (X, X), TypeMismatch,
                 "{name}: f promised f64[3] in leaf 1 and returned f64[]: another shape.", "shape (3,)"),
    "text": (lambda x: "no", X, TypeMismatch, "{name}: f promised f64[3] and returned str 'no'.",
             "Write instead: return NumPy arrays and numbers"),
    "objects": (lambda x: np.array([None]), X, TypeMismatch, "{name}: f promised f64[3] and returned ndarray",
                "Write instead: return NumPy arrays and numbers"),
}


@pytest.mark.parametrize("call", [fxad.pure_callback, fxad.io_callback])
@pytest.mark.parametrize("transform", ["plain", "jit", "grad", "scan"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_function_that_does_not_return_what_it_promised(call, transform, case):
    """At once, when the Program runs first, and when compiled code runs."""
    function, promised, error, text, fix = BROKEN[case]
    good = fxad.tree.map(lambda leaf: leaf, promised)
    behaves = [True]

    def f(x):
        return good if behaves[0] else function(x)

    run = {
        "plain": lambda x: call(f, promised, x),
        "jit": fxad.jit(lambda x: fxad.tree.leaves(call(f, promised, x))),
        "grad": fxad.grad(lambda x: (x.sum(), call(f, promised, fxad.stop_gradient(x)))[0]),
        "scan": fxad.jit(lambda x: fxad.lax.fori_loop(0, 2, lambda i, c: (c, call(f, promised, x))[0], x)),
    }[transform]
    if call is fxad.pure_callback and (transform in ("grad", "scan") or promised is None):
        return  # there it may be left out
    for k in range(4):
        behaves[0] = k in (1, 2)
        if behaves[0]:
            run(X)
            continue
        with pytest.raises(error) as caught:
            run(X)
        message = str(caught.value)
        assert text.format(name=call.__name__) in message
        assert fix in message
        assert "test_callbacks.py" in message


def test_a_traced_value_is_no_result():
    kept = []

    def f(x):
        kept.append(x)
        return x

    fxad.grad(f)(1.0)
    with pytest.raises(TypeMismatch) as caught:
        fxad.io_callback(lambda: kept[0], 0.0)
    assert ("promised f64[] and returned a traced ~f64[]: a value of a function that is being traced"
            " elsewhere") in str(caught.value)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: fxad.pure_callback(3, 0.0, 1.0), "pure_callback takes a function, and was given int 3."),
    (lambda: fxad.io_callback(None, 0.0), "io_callback takes a function, and was given NoneType None."),
    (lambda: fxad.debug.callback("f"), "debug.callback takes a function, and was given str 'f'."),
    (lambda: fxad.pure_callback(np.sin, "float", 1.0),
     "pure_callback: the result of sin is described by str 'float', which has no shape and dtype."),
    (lambda: fxad.pure_callback(np.sin, 0.0, 1.0, vmap_method="loop"),
     "pure_callback: there is no vmap_method 'loop'."),
    (lambda: fxad.debug.print(3), "debug.print takes a format string first, and was given int."),
    (lambda: fxad.debug.print("{} {}", 1), "debug.print: the format '{} {}' asks for argument number 1, which"
                                           " is not given."),
    (lambda: fxad.debug.print("{x}", y=1), "debug.print: the format '{x}' asks for argument 'x', which is not"
                                           " given."),
    (lambda: fxad.debug.print("{}", 1, 2), "debug.print: argument number 1 is given, and the format '{}' does"
                                           " not ask for it."),
    (lambda: fxad.debug.print("{", 1), "debug.print: '{' is no format:"),
])
def test_misuse_is_named_where_it_stands(call, text):
    """When the function is traced, not when the Program runs."""
    with pytest.raises(TypeMismatch) as caught:
        call()
    assert str(caught.value).startswith(text)
    assert "test_callbacks.py" in str(caught.value)


# -- debug --------------------------------------------------------------------------------------------------


def test_print(capsys):
    def f(x):
        fxad.debug.print("x={x:.1f} {} {:>5} {{}} {n}", x.sum(), "s", x=x[0], n=3, ordered=True)
        return (x * x).sum()

    f(X)
    line = "x=3.0 6.0     s {} 3\n"
    assert capsys.readouterr().out == line
    for run in (fxad.grad(f), fxad.jit(fxad.grad(f))):
        for _ in range(2):
            run(X)
            assert capsys.readouterr().out == line


def test_print_of_whole_arrays_and_of_nested_fields(capsys):
    fxad.jit(lambda x: fxad.debug.print("{0} {0:{1}} {d[a]}", x, "", d={"a": x}))(np.arange(3))
    assert capsys.readouterr().out == "[0 1 2] [0 1 2] [0 1 2]\n"


def test_what_a_debug_callback_returns_is_not_looked_at():
    seen = []
    fxad.jit(lambda x: fxad.debug.callback(lambda v: seen.append(v) or "whatever", x))(1.0)
    assert seen == [1.0]
    assert fxad.debug.callback(lambda **kw: seen.append(kw), y=2) is None
    assert seen == [1.0, {"y": 2}]


def test_breakpoint_has_the_values_of_local_variables():
    stops = []

    def f(x, flag="on"):
        y = [x * 2.0, {"z": x.sum()}]
        fxad.debug.breakpoint(debugger=lambda values, place: stops.append((values, place)))
        return y[1]["z"] * x[0]

    for run in (f, fxad.grad(f), fxad.jit(f), fxad.jit(fxad.grad(f))):
        for _ in range(2):
            stops.clear()
            run(X)
            ((values, place),) = stops
            assert values["flag"] == "on"
            np.testing.assert_array_equal(values["x"], X)
            np.testing.assert_array_equal(values["y"][0], 2.0 * X)
            assert values["y"][1] == {"z": 6.0}
            assert place.function == "f"
            assert place.expression.startswith("fxad.debug.breakpoint(")


def test_breakpoint_for_each_element_and_each_step():
    stops = []

    def f(x):
        def body(i, c):
            fxad.debug.breakpoint(debugger=lambda values, _: stops.append((values["i"], values["c"])))
            return c * 2.0

        return fxad.lax.fori_loop(0, 2, body, x)

    fxad.vmap(f)(np.array([1.0, 5.0]))
    assert stops == [(0, 1.0), (0, 5.0), (1, 2.0), (1, 10.0)]


def test_breakpoint_beside_a_leaked_tracer():
    leaked = []
    fxad.grad(lambda x: (leaked.append(x), x)[1])(1.0)
    stops = []

    def f(x):
        old = leaked[0]
        fxad.debug.breakpoint(debugger=lambda values, _: stops.append(values["old"]))
        return x if old is not None else -x

    fxad.jit(f)(2.0)
    assert stops == ["<~f64[], no longer traced>"]


def test_breakpoint_enters_pdb(monkeypatch):
    entered = []

    def stop(self, frame=None):
        entered.append((self, __import__("sys")._getframe(1)))

    monkeypatch.setattr(pdb.Pdb, "set_trace", stop)

    def f(x):
        y = x * 2.0
        fxad.debug.breakpoint()
        return y * x

    assert fxad.grad(f)(3.0) == 12.0
    ((_, frame),) = entered
    assert frame.f_locals["y"] == 6.0
    assert frame.f_globals["fxad"] is fxad
    assert frame.f_code.co_filename == __file__
    assert frame.f_lineno == f.__code__.co_firstlineno + 2


def test_a_rule_that_calls_back_on_a_tangent_has_no_transpose():
    f = fxad.primitive(np.sin, name="f")
    f.defjvp(lambda p, t: (f(*p), fxad.pure_callback(lambda v: v * 2.0, t[0], t[0])))
    assert fxad.jvp(f, (1.0,), (1.0,)) == (np.sin(1.0), 2.0)
    with pytest.raises(MissingRule) as caught:
        fxad.grad(f)(1.0)
    assert str(caught.value).startswith(
        "pure_callback was applied to a tangent, in a rule for a derivative. It is called back at run time,"
        " so its"
        " transpose is not known, and reverse mode needs it.")
