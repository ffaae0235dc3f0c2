"""Effects happen once, in order, each time the function runs: the sequence of events under every"
" transform."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fxad
from fxad import lax

LOG: list[tuple] = []


def note(name, *values):
    """Put an event into the log when the Program runs."""
    fxad.debug.callback(lambda *v: LOG.append((name, *[np.asarray(x).tolist() for x in v])), *values)


def events(fun, *args):
    """What is seen of a call."""
    LOG.clear()
    fun(*args)
    return list(LOG)


# -- functions of a number, with what they do ---------------------------------------------------------------


def straight(x):
    note("a", x)
    y = x * x
    note("b", y, x)
    note("c")
    return y * x


def unused(x):
    note("square", x * x)
    note("constant", 7)
    return x + 1.0


def in_scan(x):
    def body(c, e):
        note("s", c, e)
        note("t")
        return c * e, c

    return lax.scan(body, x, np.array([2.0, 3.0]))[0]


def in_scan_of_nothing(x):
    lax.scan(lambda c, e: (note("only", e), (None, None))[1], None, np.array([2.0, 3.0]) * x)
    return x * x


def in_fori(x):
    def body(i, c):
        note("i", i, c)
        return c + x

    return lax.fori_loop(0, 2, body, x)


def in_while(x):
    def body(c):
        note("w", c)
        return c * 2.0

    return lax.while_loop(lambda c: c < 5.0, body, x)


def in_condition(x):
    def test(c):
        note("asked", c)
        return c < 5.0

    return lax.while_loop(test, lambda c: c * 2.0, x)


def in_cond(x):
    def positive(x):
        note("positive", x)
        return x * x

    def negative(x):
        note("negative", x)
        return x

    return lax.cond(x > 0, positive, negative, x)


def in_branches_of_nothing(x):
    lax.cond(x > 0, lambda: note("yes"), lambda: note("no"))
    return x * x


def nested(x):
    def body(c, e):
        c = lax.cond(e > 2.5, lambda c: (note("large", c), c * e)[1], lambda c: c, c)
        return lax.fori_loop(0, 2, lambda i, v: (note("inner", i), v * c)[1], c), None

    return lax.scan(body, x, np.array([2.0, 3.0]))[0]


def in_map(x):
    return lax.map(lambda e: (note("m", e), e * e)[1], np.array([1.0, 2.0]) * x).sum()


def from_outside(x):
    """What is printed does not belong to the loop: still it is printed at each step."""
    return lax.fori_loop(0, 2, lambda i, c: (note("x", x), c * 2.0)[1], x)


def with_result(x):
    n = fxad.io_callback(lambda v: LOG.append(("io", float(v))) or np.float64(len(LOG)), np.float64(0.0),
                         fxad.stop_gradient(x))
    note("n", n)
    return x * n


FUNCTIONS = {
    straight: [("a", 2.0), ("b", 4.0, 2.0), ("c",)],
    unused: [("square", 4.0), ("constant", 7)],
    in_scan: [("s", 2.0, 2.0), ("t",), ("s", 4.0, 3.0), ("t",)],
    in_scan_of_nothing: [("only", 4.0), ("only", 6.0)],
    in_fori: [("i", 0, 2.0), ("i", 1, 4.0)],
    in_while: [("w", 2.0), ("w", 4.0)],
    in_condition: [("asked", 2.0), ("asked", 4.0), ("asked", 8.0)],
    in_cond: [("positive", 2.0)],
    in_branches_of_nothing: [("yes",)],
    nested: [("inner", 0), ("inner", 1), ("large", 8.0), ("inner", 0), ("inner", 1)],
    in_map: [("m", 2.0), ("m", 4.0)],
    from_outside: [("x", 2.0), ("x", 2.0)],
    with_result: [("io", 2.0), ("n", 1.0)],
}


def _pulled_twice(f):
    def run(x):
        _, pullback = fxad.vjp(f, x)
        pullback(1.0)
        pullback(1.0)

    return run


def _pushed_twice(f):
    def run(x):
        _, derivative = fxad.linearize(f, x)
        derivative(1.0)
        derivative(1.0)

    return run


TRANSFORMS = {
    "plain": lambda f: f,
    "jit": fxad.jit,
    "grad": fxad.grad,
    "value_and_grad": fxad.value_and_grad,
    "jvp": lambda f: lambda x: fxad.jvp(f, (x,), (1.0,)),
    "vjp, pulled twice": _pulled_twice,
    "linearize, pushed twice": _pushed_twice,
    "jacfwd": fxad.jacfwd,
    "jacrev": fxad.jacrev,
    "hessian": fxad.hessian,
    "grad of grad": lambda f: fxad.grad(fxad.grad(f)),
    "hvp": lambda f: lambda x: fxad.hvp(f, (x,), (1.0,)),
    "third": lambda f: fxad.jacfwd(fxad.grad(fxad.grad(f))),
    "jit of grad": lambda f: fxad.jit(fxad.grad(f)),
    "jit of hessian": lambda f: fxad.jit(fxad.hessian(f)),
    "grad of jit": lambda f: fxad.grad(fxad.jit(f)),
    "grad in a loop": lambda f: lambda x: lax.fori_loop(0, 1, lambda i, c: c + fxad.grad(f)(x), 0.0),
    "grad of a branch": lambda f: fxad.grad(lambda x: lax.cond(x > 0, f, lambda x: x, x)),
    "un-optimised": lambda f: fxad.jit(fxad.grad(f)),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("fun", FUNCTIONS, ids=lambda f: f.__name__)
def test_each_event_happens_once_and_in_order(fun, transform):
    """At the first call, which is interpreted or traced, and at later ones, which run compiled code."""
    transformed = TRANSFORMS[transform](fun)
    with fxad.config.using(optimize=transform != "un-optimised"):
        for _ in range(3):
            assert events(transformed, 2.0) == FUNCTIONS[fun]


@pytest.mark.parametrize("fun", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "jacfwd", "hessian", "jit of grad"])
def test_an_effect_changes_no_derivative(fun, transform):
    """The derivative is the same when nothing is noted: effects are no part of what is computed."""
    if fun is with_result:
        return  # its value depends on the effect
    noisy = TRANSFORMS[transform](fun)(2.0)
    silent = fxad.debug.callback
    fxad.debug.callback = lambda *a, **k: None
    try:
        quiet = TRANSFORMS[transform](fun)(2.0)
    finally:
        fxad.debug.callback = silent
    np.testing.assert_array_equal(np.asarray(noisy), np.asarray(quiet))


BATCH = np.array([2.0, -1.0, 3.0])


def _batch(*names_and_values):
    return list(names_and_values)


BATCHED = {
    straight: _batch(("a", 2.0), ("a", -1.0), ("a", 3.0), ("b", 4.0, 2.0), ("b", 1.0, -1.0), ("b", 9.0, 3.0),
                     ("c",)),
    unused: _batch(("square", 4.0), ("square", 1.0), ("square", 9.0), ("constant", 7)),
    in_cond: _batch(("negative", -1.0), ("positive", 2.0), ("positive", 3.0)),
    in_branches_of_nothing: _batch(("no",), ("yes",), ("yes",)),
    in_fori: _batch(("i", 0, 2.0), ("i", 0, -1.0), ("i", 0, 3.0), ("i", 1, 4.0),
                    ("i", 1, -2.0), ("i", 1, 6.0)),
}


@pytest.mark.parametrize("fun", BATCHED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("transform", [
    fxad.vmap, lambda f: fxad.jit(fxad.vmap(f)), lambda f: fxad.vmap(fxad.grad(f)),
    lambda f: fxad.grad(lambda x: fxad.vmap(f)(x).sum()), lambda f: fxad.jit(fxad.vmap(fxad.grad(f))),
    lambda f: fxad.jacrev(fxad.vmap(f)), lambda f: lambda x: fxad.vmap(fxad.vmap(f))(x[None]),
    lambda f: fxad.vmap(fxad.hessian(f)),
], ids=["vmap", "jit", "of grad", "grad of", "jit of grad", "jacrev", "twice", "of hessian"])
def test_under_vmap_each_element_has_its_own(fun, transform):
    """Only elements that take a branch are seen in it."""
    transformed = transform(fun)
    for _ in range(3):
        assert events(transformed, BATCH) == BATCHED[fun]


@pytest.mark.parametrize("transform", [
    fxad.vmap, lambda f: fxad.jit(fxad.vmap(f)), lambda f: fxad.vmap(fxad.grad(f)),
    lambda f: fxad.grad(lambda x: fxad.vmap(f)(x).sum()), lambda f: fxad.jit(fxad.vmap(fxad.grad(f)))])
def test_a_loop_that_ends_at_different_times(transform):
    """An element whose loop has ended is seen no more, neither in the body nor in the condition."""
    started = np.array([4.0, 1.0, 7.0])
    assert events(transform(in_while), started) == [
        ("w", 4.0), ("w", 1.0), ("w", 2.0), ("w", 4.0)]
    assert events(transform(in_condition), started) == [
        ("asked", 4.0), ("asked", 1.0), ("asked", 7.0), ("asked", 8.0), ("asked", 2.0), ("asked", 4.0),
        ("asked", 8.0)]


def test_two_masks():
    """A branch in a branch, and a loop in it, for the elements that are there."""

    def f(x):
        def outer(x):
            return lax.cond(x > 2, lambda x: lax.fori_loop(0, 2, lambda i, c: (note("in", i, c), c)[1], x),
                            lambda x: (note("small"), x)[1], x)

        return lax.cond(x > 0, outer, lambda x: x, x)

    expected = [("small",), ("in", 0, 3.0), ("in", 1, 3.0)]
    x = np.array([-1.0, 1.0, 3.0])
    assert events(fxad.vmap(f), x) == expected
    assert events(fxad.vmap(fxad.grad(f)), x) == expected
    assert events(fxad.vmap(fxad.vmap(f)), x[:, None]) == expected


def test_an_element_that_all_share_is_seen_once():
    product = fxad.vmap(lambda x, y: (note("y", y), x * y)[1], in_axes=(0, None))
    assert events(product, BATCH, 5.0) == [("y", 5.0)]


# -- decisions ----------------------------------------------------------------------------------------------


def guarded(x):
    note("before", x)
    if x > 0:
        note("positive", x * x)
        y = x * 2.0
    else:
        y = -x
    note("between")
    if y > 3.0:
        note("large", y)
    note("after", y)
    return y * y


def guarded_events(x):
    y = x * 2.0 if x > 0 else -x
    return [("before", x), *([("positive", x * x)] if x > 0 else []), ("between",),
            *([("large", y)] if y > 3 else []), ("after", y)]


@pytest.mark.parametrize("transform", ["plain", "jit", "grad", "jit of grad", "jvp", "hessian", "jacfwd"])
def test_guards_between_effects(transform):
    transformed = TRANSFORMS[transform](guarded)
    for x in (2.0, 1.0, -1.0, -4.0, 2.0, 1.0, -1.0, -4.0):
        assert events(transformed, x) == guarded_events(x)


def test_paths_beyond_the_limit():
    jitted = fxad.jit(guarded)
    with fxad.config.using(guard_limit=1):
        assert events(jitted, 2.0) == guarded_events(2.0)
        with pytest.warns(RuntimeWarning, match="different paths"):
            assert events(jitted, 1.0) == guarded_events(1.0)
        for x in (-1.0, -4.0, 2.0, 1.0, -4.0):
            assert events(jitted, x) == guarded_events(x)


def _asking(answers):
    """A function that asks the outside what to do, and how often it has been asked."""

    def ask(x):
        LOG.append(("asked", float(x)))
        return np.float64(answers.pop(0))

    def f(x):
        note("start", x)
        first = fxad.io_callback(ask, np.float64(0), fxad.stop_gradient(x))
        if first > 0:
            note("yes", first)
            second = fxad.io_callback(ask, np.float64(0), fxad.stop_gradient(x + 1.0))
            y = x * second if second > 0 else x
        else:
            note("no", first)
            y = x * x
        note("end", y)
        return y

    return f


def _asked(x, answers):
    events = [("start", x), ("asked", x)]
    if answers[0] > 0:
        y = x * answers[1] if answers[1] > 0 else x
        return [*events, ("yes", answers[0]), ("asked", x + 1.0), ("end", y)]
    return [*events, ("no", answers[0]), ("end", x * x)]


@pytest.mark.parametrize("transform", ["plain", "jit", "grad", "jit of grad", "value_and_grad", "hessian",
                                       "jvp", "jacrev", "grad of jit"])
def test_what_an_effect_gives_decides(transform):
    """It is asked once, although its answer is needed before the rest of the function is known."""
    answers: list[float] = []
    transformed = TRANSFORMS[transform](_asking(answers))
    for reply in ([1.0, 2.0], [-1.0], [1.0, -1.0], [1.0, 3.0], [-2.0], [1.0, 2.0]):
        answers[:] = reply
        assert events(transformed, 2.0) == _asked(2.0, reply)
        assert not answers


def test_the_value_with_decisions_on_answers():
    answers: list[float] = []
    f = fxad.jit(fxad.value_and_grad(_asking(answers)))
    for reply, expected in (([1.0, 2.0], (6.0, 2.0)), ([-1.0], (9.0, 6.0)), ([1.0, 5.0], (15.0, 5.0))) * 2:
        answers[:] = reply
        assert f(3.0) == expected


def test_a_decision_on_what_a_loop_with_effects_gives():
    def f(x):
        y = lax.fori_loop(0, 2, lambda i, c: (note("i", i), c * x)[1], x)
        note("then")
        return y if y > 4.0 else -y

    for transform in ("plain", "jit", "grad", "jit of grad", "hessian"):
        transformed = TRANSFORMS[transform](f)
        for x in (2.0, 1.0, 2.0):
            assert events(transformed, x) == [("i", 0), ("i", 1), ("then",)]
    assert fxad.grad(f)(2.0) == 12.0
    assert fxad.grad(f)(1.0) == -3.0


def test_a_decision_on_a_loop_that_computes_with_answers():
    def f(x):
        def body(i, c):
            return c * x + fxad.io_callback(lambda: np.float64(1.0), np.float64(0))

        y = lax.fori_loop(0, 2, body, x)
        return y if y > 0 else -y

    with pytest.raises(fxad.errors.ConcretizationError) as caught:
        fxad.grad(f)(2.0)
    assert str(caught.value).startswith(
        "Python decides on the value of a loop or branch that computes with the result of an io_callback:"
        " for the"
        " derivative it would have to be called again.")
    assert fxad.jit(f)(2.0) == 11.0


def test_value_of_runs_what_it_depends_on_first():
    def f(x):
        note("first", x)
        n = fxad.io_callback(lambda: LOG.append(("io",)) or np.float64(3.0), np.float64(0))
        LOG.append(("python", float(fxad.value_of(n))))
        note("last")
        return x * n

    for transform in ("grad", "hessian", "jvp"):
        assert events(TRANSFORMS[transform](f), 2.0) == [("first", 2.0), ("io",), ("python", 3.0), ("last",)]


# -- functions that call others -----------------------------------------------------------------------------


@pytest.mark.parametrize("inner", [fxad.jit(straight), fxad.grad(straight), fxad.jit(fxad.grad(straight))])
@pytest.mark.parametrize("transform", ["plain", "jit", "grad", "jit of grad"])
def test_effects_of_a_function_that_is_called_on_constants(inner, transform):
    """They happen when the function around runs, in their place."""

    def f(x):
        note("before")
        y = inner(2.0) * x
        note("after", y)
        return y

    transformed = TRANSFORMS[transform](f)
    for _ in range(3):
        seen = events(transformed, 1.0)
        assert [e[0] for e in seen] == ["before", "a", "b", "c", "after"]


def test_a_callback_may_call_fxad():
    def f(x):
        fxad.debug.callback(lambda v: LOG.append(("gradient", float(fxad.jit(fxad.grad(straight))(v)))), x)
        return x

    for transform in ("plain", "jit", "grad", "jit of grad"):
        transformed = TRANSFORMS[transform](f)
        for _ in range(2):
            assert events(transformed, 2.0) == [*FUNCTIONS[straight], ("gradient", 12.0)]


def test_make_ir_and_eval_shape_run_nothing():
    assert events(lambda x: (fxad.make_ir(straight)(x), fxad.eval_shape(straight, x)), 2.0) == []


def test_a_program_with_effects_runs_them_each_time():
    program = fxad.make_ir(straight)(2.0)
    for _ in range(3):
        assert events(program, 2.0) == FUNCTIONS[straight]


def test_a_function_of_a_checkpointed_loop_is_seen_once():
    def f(x):
        return lax.scan(lambda c, e: ((note("c", c), c * e)[1], None), x, np.array([2.0, 3.0, 4.0]),
                        checkpoint=2)[0]

    expected = [("c", 2.0), ("c", 4.0), ("c", 12.0)]
    for transform in ("plain", "grad", "jit of grad", "hessian"):
        transformed = TRANSFORMS[transform](f)
        for _ in range(2):
            assert events(transformed, 2.0) == expected


def test_a_checkpointed_loop_that_computes_with_answers():
    def f(x):
        def body(c, e):
            return c * fxad.io_callback(lambda: np.float64(1.0), np.float64(0)), None

        return lax.scan(body, x, np.arange(3.0), checkpoint=2)[0]

    with pytest.raises(fxad.errors.TypeMismatch) as caught:
        fxad.grad(f)(2.0)
    assert str(caught.value).startswith(
        "a loop with checkpoints runs again for its derivative, and computes with the result of an"
        " io_callback,"
        " which would be called again.")


# -- exceptions and threads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("error", [RuntimeError, ValueError, ArithmeticError, KeyboardInterrupt])
def test_an_exception_leaves_nothing_behind(transform, error):
    """ValueError and ArithmeticError too, which scalar code answers by running again in NumPy."""
    fails = [False]

    def fail(x):
        LOG.append(("called", float(x)))
        if fails[0]:
            raise error("stop here")

    def f(x):
        note("first", x)
        fxad.debug.callback(fail, x * 2.0)
        note("last")
        return x * x * x

    transformed = TRANSFORMS[transform](f)
    clean = [("first", 2.0), ("called", 4.0), ("last",)]
    for k in range(5):
        fails[0] = k in (0, 3)
        if fails[0]:
            LOG.clear()
            with pytest.raises(error, match="stop here"):
                transformed(2.0)
            assert clean[:2] == LOG
        else:
            assert events(transformed, 2.0) == clean


def test_an_exception_while_tracing_leaves_no_trace_current():
    def f(x):
        note("never", x)
        raise RuntimeError("in Python")

    for transform in ("jit", "grad", "jit of grad"):
        with pytest.raises(RuntimeError, match="in Python"):
            TRANSFORMS[transform](f)(2.0)
        assert events(lambda: note("now")) == [("now",)]


def test_threads_do_not_see_each_other():
    seen: dict[int, list] = {}

    def work(number):
        mine: list = []

        def f(x):
            fxad.debug.callback(lambda v: mine.append(float(v)), x)
            fxad.debug.callback(lambda: mine.append("end"))
            return x * x

        gradient = fxad.jit(fxad.grad(f))
        for k in range(30):
            gradient(float(100 * number + k))
            fxad.grad(f)(float(100 * number + k))
        seen[number] = mine

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        called = [float(100 * number + k) for k in range(30) for _ in range(2)]
        assert seen[number] == [event for value in called for event in (value, "end")]


def test_a_thread_started_in_a_traced_function_is_on_its_own():
    def f(x):
        thread = threading.Thread(target=note, args=("elsewhere",))
        thread.start()
        thread.join()
        return x * x

    assert events(lambda x: fxad.make_ir(f)(x), 2.0) == [("elsewhere",)]


@pytest.mark.parametrize("transform", ["plain", "jit", "grad", "jit of grad"])
def test_decisions_of_an_inner_function_on_constants(transform):
    """The effects that it decides on happen in their place among those of the function around, at each"
    " call."""

    def ask():
        LOG.append(("asked",))
        return np.float64(1.0)

    def inner(y):
        note("inner", y)
        return y * y if fxad.io_callback(ask, np.float64(0)) > 0 else y

    def f(x):
        note("before")
        slope = fxad.grad(inner)(3.0)
        note("after")
        return slope * x

    transformed = TRANSFORMS[transform](f)
    for _ in range(3):
        assert events(transformed, 2.0) == [("before",), ("inner", 3.0), ("asked",), ("after",)]
