"""fxad.primitive: any Python function as one operation, with derivatives by rules, under every transform."""

from __future__ import annotations

import gc
import math
import warnings
import weakref

import numpy as np
import pytest
from scipy import integrate, interpolate, optimize

import fxad
from fxad import ShapeDtypeStruct, execute, lax
from fxad.errors import (
    ConcretizationError,
    MissingRule,
    NonDifferentiable,
    TracerLeak,
    TreeMismatch,
    TypeMismatch,
)

A = np.array([[1.0, 2.0, 0.5], [3.0, -4.0, 1.0]])
X = np.array([0.3, -0.7, 1.1])


def close(found, expected, rtol=1e-9, atol=1e-11):
    """Two trees of arrays are equal, in structure and up to rounding."""
    assert fxad.tree.structure(found) == fxad.tree.structure(expected)
    for a, b in zip(fxad.tree.leaves(found), fxad.tree.leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


# -- one function with each kind of rules: A @ sin(x) * k, of a matrix, a vector and an integer -------------


def plain(a, x, k=2):
    return {"y": a @ np.sin(x) * k, "total": np.sum(x)}


def _types(a, x, k=2):
    return {"y": ShapeDtypeStruct(a.shape[:1], x.dtype), "total": ShapeDtypeStruct((), x.dtype)}


def _jvp(f):
    def rule(primals, tangents):
        a, x, *k = primals
        da, dx, *_ = tangents
        k = k[0] if k else 2
        return f(*primals), {"y": (da @ np.sin(x) + a @ (np.cos(x) * dx)) * k, "total": np.sum(dx)}

    return rule


def _fwd(f):
    return lambda *args: (f(*args), args)


def _bwd(args, ct):
    a, x, *k = args
    n = k[0] if k else 2
    y, total = ct["y"], ct["total"]
    return (np.outer(y, np.sin(x)) * n, np.cos(x) * (a.T @ y) * n + total, *[None] * len(k))


def by_jvp():
    f = fxad.primitive(plain, name="by_jvp")
    f.defjvp(_jvp(f))
    f.def_type(_types)
    return f


def by_vjp():
    f = fxad.primitive(plain, name="by_vjp")
    f.defvjp(_fwd(f), _bwd)
    f.def_type(_types)
    return f


def by_both():
    f = fxad.primitive(plain, name="by_both")
    f.defjvp(_jvp(f))
    f.defvjp(_fwd(f), _bwd)
    f.def_type(_types)
    return f


def with_batch_rule():
    f = by_both()

    @f.def_batch
    def rule(size, in_batched, a, x, *k):
        s = np.sin(x)
        n = k[0] if k else 2
        batched_a, batched_x = in_batched[:2]
        if k and in_batched[2]:
            n = n[:, None]
        y = np.einsum(f"{'b' * batched_a}ij,{'b' * batched_x}j->{'b' * (batched_a or batched_x)}i", a, s) * n
        return ({"y": y, "total": np.sum(x, axis=-1)},
                {"y": batched_a or batched_x or bool(k and in_batched[2]), "total": batched_x})

    return f


PRIMITIVES = [by_jvp, by_vjp, by_both, with_batch_rule]


def scalar(f):
    """A number of it, that mixes all."""
    return lambda a, x, *k: (lambda out: np.sum(out["y"] ** 3) + out["total"] ** 2)(f(a, x, *k))


ARGNUMS = [0, 1, (0, 1)]
DERIVATIVES = {
    "grad": lambda f, n: fxad.grad(scalar(f), n),
    "jacfwd": lambda f, n: fxad.jacfwd(f, n),
    "jacrev": lambda f, n: fxad.jacrev(f, n),
    "jacfwd of grad": lambda f, n: fxad.jacfwd(fxad.grad(scalar(f), n), n),
    "jacrev of grad": lambda f, n: fxad.jacrev(fxad.grad(scalar(f), n), n),
    "jacrev of jacfwd": lambda f, n: fxad.jacrev(fxad.jacfwd(scalar(f), n), n),
    "jacfwd of jacfwd": lambda f, n: fxad.jacfwd(fxad.jacfwd(scalar(f), n), n),
    "hessian": lambda f, n: fxad.hessian(scalar(f), n),
}


@pytest.mark.parametrize("make", PRIMITIVES)
@pytest.mark.parametrize("argnums", ARGNUMS)
@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_derivatives_to_second_order(make, argnums, derivative):
    f = make()
    expected = DERIVATIVES[derivative](plain, argnums)(A, X)
    found = DERIVATIVES[derivative](f, argnums)
    close(found(A, X), expected)
    close(found(A, X, 3), DERIVATIVES[derivative](plain, argnums)(A, X, 3))
    jitted = fxad.jit(found)
    for _ in range(3):
        close(jitted(A, X), expected)


@pytest.mark.parametrize("make", PRIMITIVES)
def test_third_order(make):
    f = make()
    third = [fxad.jacfwd(fxad.hessian(scalar(g), 1), 1)(A, X) for g in (f, plain)]
    close(*third)
    close(fxad.grad(lambda x: np.sum(fxad.hessian(scalar(f), 1)(A, x)))(X),
          fxad.grad(lambda x: np.sum(fxad.hessian(scalar(plain), 1)(A, x)))(X))


AXES = [(0, 0), (0, None), (None, 0), (1, 0), (None, 1)]


def _batched_arguments(axes):
    rng = np.random.default_rng(0)
    shapes = []
    for shape, axis in zip(((2, 3), (3,)), axes, strict=True):
        shapes.append(shape if axis is None else (*shape[:axis], 4, *shape[axis:]))
    return [rng.normal(size=s) for s in shapes]


@pytest.mark.parametrize("make", PRIMITIVES)
@pytest.mark.parametrize("axes", AXES)
def test_vmap_and_derivatives_in_both_orders(make, axes):
    f = make()
    args = _batched_arguments(axes)
    for n in ARGNUMS:
        for d in ("grad", "jacfwd", "jacrev", "hessian"):
            close(fxad.vmap(DERIVATIVES[d](f, n), axes)(*args),
                  fxad.vmap(DERIVATIVES[d](plain, n), axes)(*args))
            around = [DERIVATIVES[d](lambda *a, g=g: fxad.tree.map(np.sum, fxad.vmap(g, axes)(*a)), n)(*args)
                      for g in (f, plain)]
            close(*around)
    jitted = fxad.jit(fxad.vmap(fxad.grad(scalar(f), (0, 1)), axes))
    for _ in range(3):
        close(jitted(*args), fxad.vmap(fxad.grad(scalar(plain), (0, 1)), axes)(*args))


@pytest.mark.parametrize("make", PRIMITIVES)
def test_batches_in_batches(make):
    f = make()
    rng = np.random.default_rng(1)
    a, x = rng.normal(size=(4, 2, 3)), rng.normal(size=(5, 3))

    def over(g):
        return fxad.vmap(fxad.vmap(g, (0, None)), (None, 0))

    close(over(f)(a, x), over(plain)(a, x))
    close(over(fxad.grad(scalar(f), (0, 1)))(a, x), over(fxad.grad(scalar(plain), (0, 1)))(a, x))
    total = [fxad.grad(lambda a, x, g=g: np.sum(over(scalar(g))(a, x)), (0, 1))(a, x) for g in (f, plain)]
    close(*total)
    second = [fxad.jacfwd(fxad.grad(lambda a, x, g=g: np.sum(over(scalar(g))(a, x)), 1), 1)(a, x)
              for g in (f, plain)]
    close(*second)


@pytest.mark.parametrize("make", PRIMITIVES)
def test_in_loops_and_branches(make):
    f = make()

    def looped(g):
        def run(a, x):
            def step(c, e):
                c = lax.cond(e > 0, lambda c: np.concatenate([g(a, c)["y"], c[:1]]), lambda c: c * e, c)
                return c, g(a, c)["total"]

            last, totals = lax.scan(step, x, np.array([0.5, -0.5, 0.25]))
            end = lax.while_loop(lambda c: np.sum(c) < 3.0, lambda c: c + np.abs(np.sin(c)) + 0.1, last)
            return np.sum(end ** 2) + np.sum(totals)

        return run

    for d in (lambda h: h, lambda h: fxad.grad(h, (0, 1)), lambda h: fxad.jacfwd(h, 1),
              lambda h: fxad.hessian(h, 1),
              lambda h: fxad.jit(fxad.grad(h, (0, 1)))):
        close(d(looped(f))(A, X), d(looped(plain))(A, X))


def test_every_transform_of_every_other():
    """All orders of three transforms, of a primitive with both rules."""
    f = by_both()

    def one(g):
        return lambda x: np.sum(g(A, np.array([1.0, 2.0, 3.0]) * x)["y"])

    transforms = {
        "grad": fxad.grad, "jit": fxad.jit,
        "jvp": lambda h: lambda x: fxad.jvp(h, (x,), (np.ones_like(x) if np.ndim(x) else 1.0,))[1],
        "vmap": lambda h: lambda x: np.sum(fxad.vmap(h)(np.array([1.0, 0.5]) * x)),
        "jacrev": fxad.jacrev,
    }
    for first in transforms.values():
        for second in transforms.values():
            for third in transforms.values():
                close(third(second(first(one(f))))(0.4), third(second(first(one(plain))))(0.4))


# -- a rule may call its own primitive, and others ----------------------------------------------------------


def test_a_rule_may_call_its_own_primitive():
    exp = fxad.primitive(math.exp, name="exp")
    exp.defjvp(lambda p, t: (exp(*p), exp(*p) * t[0]))
    f = exp
    for _ in range(5):
        assert f(0.5) == pytest.approx(math.exp(0.5), rel=1e-14)
        f = fxad.grad(f)


def test_rules_may_call_each_other():
    sin, cos = fxad.primitive(math.sin, name="sin"), fxad.primitive(math.cos, name="cos")
    sin.def_type(example=0.0)
    cos.def_type(example=0.0)
    sin.defvjp(lambda x: (sin(x), x), lambda x, ct: (cos(x) * ct,))
    cos.defjvp(lambda p, t: (cos(*p), -sin(*p) * t[0]))
    f, g = lambda x: sin(2.0 * x), lambda x: np.sin(2.0 * x)
    for _ in range(5):
        assert f(0.3) == pytest.approx(g(0.3), rel=1e-13)
        f, g = fxad.grad(f), fxad.grad(g)
    assert fxad.jacfwd(fxad.jacfwd(lambda x: sin(2.0 * x)))(0.3) == pytest.approx(-4.0 * math.sin(0.6))


def test_the_function_is_called_no_more_often_than_needed():
    calls = []

    def count(x):
        calls.append(float(x))
        return math.sin(x)

    f = fxad.primitive(count)
    f.def_type(example=0.0)
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (np.cos(x) * ct,))
    gradient = fxad.jit(fxad.value_and_grad(f))
    for _ in range(3):
        calls.clear()
        assert gradient(0.5) == (math.sin(0.5), math.cos(0.5))
        assert calls == [0.5]
    calls.clear()
    fxad.value_and_grad(f)(0.25)
    assert calls == [0.25]


# -- what a rule closes over --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_what_a_rule_closes_over_is_never_stale(kind):
    state = {"scale": 2.0, "array": np.array([1.0, 2.0]), "flag": True}
    f = fxad.primitive(lambda x: x.sum(), name="f")
    f.def_type(example=0.0)

    def slope():
        return state["scale"] * state["array"] * (1.0 if state["flag"] else -1.0)

    if kind == "jvp":
        f.defjvp(lambda p, t: (f(*p), np.sum(slope() * t[0] * p[0])))
    else:
        f.defvjp(lambda x: (f(x), x), lambda x, ct: (slope() * ct * x,))

    def check():
        x = np.array([3.0, 5.0])
        close(fxad.grad(f)(x), slope() * x)
        close(fxad.jacfwd(f)(x), slope() * x)
        close(fxad.jacfwd(fxad.grad(f))(x), np.diag(slope()))
        close(fxad.vmap(fxad.grad(f))(x[None]), (slope() * x)[None])

    for _ in range(2):
        check()
    state["scale"] = 3.0
    check()
    state["array"][0] = 7.0
    check()
    state["flag"] = False
    check()
    state["flag"] = True
    check()


def test_stale_rules_of_another_primitive():
    """A rule calls a primitive whose rule has changed."""
    scale = [2.0]
    inner = fxad.primitive(lambda x: x * 1.0, name="inner")
    inner.def_type(example=0.0)
    inner.defjvp(lambda p, t: (inner(*p), scale[0] * t[0]))
    outer = fxad.primitive(lambda x: x * 1.0, name="outer")
    outer.defjvp(lambda p, t: (outer(*p), inner(p[0]) * t[0]))
    for value in (2.0, 5.0, 2.0, 7.0):
        scale[0] = value
        assert fxad.grad(fxad.grad(outer))(1.5) == value


def test_a_rule_given_anew_is_used():
    f = fxad.primitive(math.sin, name="f")
    f.defjvp(lambda p, t: (f(*p), 1.0 * t[0]))
    assert fxad.grad(f)(0.5) == 1.0
    f.defjvp(lambda p, t: (f(*p), 2.0 * t[0]))
    assert fxad.grad(f)(0.5) == 2.0
    f.defvjp(lambda x: (f(x), None), lambda _, ct: (3.0 * ct,))
    assert fxad.grad(f)(0.5) == 3.0
    assert fxad.jvp(f, (0.5,), (1.0,))[1] == 2.0


def test_derivatives_are_found_again():
    f = by_both()
    gradient = fxad.grad(scalar(f), (0, 1))
    gradient(A, X)
    before = len(execute.executables)
    for k in range(5):
        gradient(A + k, X * k)
    assert len(execute.executables) == before


def test_primitives_made_in_a_function_are_right_and_are_let_go():
    alive = []

    def f(x, power):
        own = fxad.primitive(lambda v: v ** power, name="own")
        own.defjvp(lambda p, t: (own(*p), power * p[0] ** (power - 1) * t[0]))
        alive.append(weakref.ref(own.fun))
        return own(x) * x

    for power in (2, 3, 2, 4):
        assert fxad.grad(f)(2.0, float(power)) == (power + 1) * 2.0 ** power
        assert fxad.hessian(f)(2.0, float(power)) == (power + 1) * power * 2.0 ** (power - 1)
    gc.collect()
    assert [r() for r in alive] == [None] * len(alive)


def test_a_rule_that_closes_over_a_traced_value():
    def f(x):
        own = fxad.primitive(lambda v: v * 2.0, name="own")
        own.defjvp(lambda p, t: (own(*p), x * t[0]))
        return own(x)

    with pytest.raises(TracerLeak) as caught:
        fxad.grad(f)(2.0)
    assert str(caught.value).startswith(
        "the jvp rule of own closes over a traced value, which is another at every call.")
    assert str(caught.value).endswith("Write instead: make the value an argument of own")


# -- types --------------------------------------------------------------------------------------------------


def test_on_arrays_it_is_the_function_itself():
    calls = []
    f = fxad.primitive(lambda x, how="no": calls.append((x, how)) or "anything")
    assert f(3, how="yes") == "anything"
    assert calls == [(3, "yes")]
    assert (f.__name__, repr(f)) == ("<lambda>", "<primitive <lambda>>")


def test_the_type_is_tried_where_there_are_values():
    f = fxad.primitive(lambda x: np.sort(x)[:2])
    f.defjvp(lambda p, t: (f(*p), t[0][:2]))
    close(fxad.jacfwd(f)(X), np.eye(3)[:2])
    close(fxad.jit(fxad.jacfwd(f))(X), np.eye(3)[:2])  # known from the call before
    with pytest.raises(ConcretizationError) as caught:
        fxad.jit(f)(np.zeros(4))
    text = str(caught.value)
    assert text.startswith("<lambda> is a primitive, and nothing says what it returns for f64[4]: its"
                           " arguments have no values here, so it can't be tried.")
    assert "Write instead: <lambda>.def_type(lambda x: fxad.ShapeDtypeStruct(x.shape, x.dtype)), or" in text
    with pytest.raises(ConcretizationError, match="def_type"):
        fxad.vmap(f)(np.zeros((3, 5)))


def test_float32_stays_float32():
    f = by_both()
    gradient = fxad.grad(scalar(f), (0, 1))(A.astype("f4"), X.astype("f4"))
    assert [g.dtype.name for g in gradient] == ["float32", "float32"]
    with pytest.raises(TypeMismatch) as caught:
        fxad.jit(lambda x: h(x))(np.ones(2, "f4"))
    assert str(caught.value).startswith("h: sin64 promised f32[2] and returned f64[2]: another dtype.")
    assert "Write instead: return result.astype(np.float32), or promise float64" in str(caught.value)


def sin64(x):
    return np.sin(x.astype(float))


h = fxad.primitive(sin64, name="h")
h.def_type(lambda x: x)
h.defjvp(lambda p, t: (h(*p), np.cos(p[0]) * t[0]))


def test_a_promise_is_checked_without_a_trace_too():
    with pytest.raises(TypeMismatch, match="h: sin64 promised f32"):
        h(np.ones(2, "f4"))
    assert h(np.ones(2)).dtype == float


@pytest.mark.parametrize(("call", "text"), [
    (lambda: fxad.primitive(3), "primitive takes a function, and was given int 3."),
    (lambda: h.def_type(), "h.def_type takes a rule or an example, one of the two."),
    (lambda: h.def_type(lambda x: x, example=3.0), "h.def_type takes a rule or an example, one of the two."),
    (lambda: h.def_type(example="text"),
     "h.def_type: the result of sin64 is described by str 'text', which has no"),
    (lambda: h.defjvp(None), "defjvp takes a function, and was given NoneType None."),
    (lambda: h.defvjp(lambda x: x, 3), "defvjp takes a function, and was given int 3."),
    (lambda: h.def_batch("rule"), "def_batch takes a function, and was given str 'rule'."),
])
def test_misuse_at_definition(call, text):
    with pytest.raises(TypeMismatch) as caught:
        call()
    assert str(caught.value).startswith(text)


# -- rules that are wrong -----------------------------------------------------------------------------------


def _pair(x, y):
    return x * y, y


def _broken(**rules):
    f = fxad.primitive(_pair, name="f")
    f.def_type(lambda x, y: (x, y))
    if "jvp" in rules:
        f.defjvp(rules["jvp"])
    if "bwd" in rules or "fwd" in rules:
        f.defvjp(rules.get("fwd", lambda x, y: (f(x, y), None)),
                 rules.get("bwd", lambda r, ct: (ct[0], ct[1])))
    if "batch" in rules:
        f.def_batch(rules["batch"])
    return f


WRONG = {
    "no rule": ({}, MissingRule, "f is a primitive without a derivative, and one was asked for."),
    "jvp gives no pair": ({"jvp": lambda p, t: p[0]}, TypeMismatch,
                          "the jvp rule of f returns a pair (value, tangent), and returned float64 of shape"
                          " (3,)."),
    "jvp value structure": ({"jvp": lambda p, t: (p[0], t)}, TreeMismatch,
                            "the jvp rule of f: the value is not structured like the value of f:"),
    "jvp tangent structure": ({"jvp": lambda p, t: (p, t[0])}, TreeMismatch,
                              "the jvp rule of f: the tangent is not structured like the value of f:"),
    "jvp tangent shape": ({"jvp": lambda p, t: (p, (t[0].sum(), t[1]))}, TypeMismatch,
                          "the jvp rule of f gives a tangent of type f64[] where f64[3] belongs."),
    "jvp tangent dtype": ({"jvp": lambda p, t: (p, (t[0].astype("f4"), t[1]))}, TypeMismatch,
                          "the jvp rule of f gives a tangent of type f32[3] where f64[3] belongs."),
    "jvp value shape": ({"jvp": lambda p, t: ((p[0].sum(), p[1]), t)}, TypeMismatch,
                        "the jvp rule of f gives a value of type f64[] where f64[3] belongs."),
    "jvp decides": ({"jvp": lambda p, t: (p, t) if p[0][0] > 0 else None}, ConcretizationError,
                    "a decision in Python (if, while, and, or) needs the value of a traced array, but it is"
                    " in a body (the"
                    " jvp rule of f)"),
    "fwd gives no pair": ({"fwd": lambda x, y: x}, TypeMismatch,
                          "the fwd of f returns a pair (value, residuals), and returned float64 of shape"
                          " (3,)."),
    "bwd gives one": ({"bwd": lambda r, ct: ct[0]}, TreeMismatch,
                      "the bwd of f returns a tuple with a cotangent for each of 2 positional arguments,"
                      " and returned"
                      " float64 of shape (3,)."),
    "bwd gives three": ({"bwd": lambda r, ct: (ct[0], ct[1], None)}, TreeMismatch,
                        "the bwd of f returns a tuple with a cotangent for each of 2 positional arguments,"
                        " and"
                        " returned 3 values."),
    "bwd structure": ({"bwd": lambda r, ct: (ct, None)}, TreeMismatch,
                      "the bwd of f: the cotangent of argument 0 is not structured like it:"),
    "bwd shape": ({"bwd": lambda r, ct: (ct[0].sum(), None)}, TypeMismatch,
                  "the bwd of f gives a cotangent of type f64[] where f64[3] belongs."),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_rule_that_gives_something_else(case):
    rules, error, text = WRONG[case]
    f = _broken(**rules)
    for transform in (fxad.grad, lambda g: fxad.jit(fxad.grad(g))):
        with pytest.raises(error) as caught:
            transform(lambda x: f(x, x)[0].sum())(X)
        assert str(caught.value).startswith(text)


@pytest.mark.parametrize(("rule", "error", "text"), [
    (lambda n, b, x, y: (x, y), TreeMismatch,
     "the batch rule of f: the value is not structured like the value of f:"),
    (lambda n, b, x, y: ((x, y), (True, False, True)), TreeMismatch,
     "the batch rule of f: what says which values are batched does not fit them:"),
    (lambda n, b, x, y: ((x[0], y), True), TypeMismatch,
     "the batch rule of f gives a value of type f64[3] where f64[2,3] belongs."),
    (lambda n, b, x, y: x, TypeMismatch,
     "the batch rule of f returns a pair (value, batched), and returned float64"),
])
def test_a_batch_rule_that_gives_something_else(rule, error, text):
    f = _broken(batch=rule)
    with pytest.raises(error) as caught:
        fxad.vmap(f)(np.stack([X, X]), np.stack([X, X]))
    assert str(caught.value).startswith(text)


def test_one_rule_that_can_not_be_turned_round():
    f = fxad.primitive(lambda x: x * 1.0, name="f")
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (np.abs(ct) * x,))
    assert fxad.grad(f)(3.0) == 3.0
    with pytest.raises(MissingRule) as caught:
        fxad.jvp(f, (3.0,), (1.0,))
    assert str(caught.value).startswith(
        "f has a rule for one mode of differentiation only, and what that does can't be transposed: it is"
        " not made of"
        " operations that are linear in the tangent or cotangent.")
    assert "Write instead: both rules: f.defjvp(...) for jvp, jacfwd and hessian, f.defvjp(...) for grad" in (
        str(caught.value))


def test_an_exception_in_the_function_leaves_nothing_behind():
    fails = [True]

    def f(x):
        if fails[0]:
            raise KeyboardInterrupt
        return math.sin(x)

    own = fxad.primitive(f)
    own.def_type(example=0.0)
    own.defjvp(lambda p, t: (own(*p), np.cos(p[0]) * t[0]))
    for transform in (fxad.value_and_grad, fxad.jit, lambda g: fxad.jit(fxad.value_and_grad(g)), fxad.vmap):
        point = np.array([0.5]) if transform is fxad.vmap else 0.5
        run = transform(own)
        for _ in range(2):
            fails[0] = True
            with pytest.raises(KeyboardInterrupt):
                run(point)
            fails[0] = False
            close(run(point), transform(np.sin)(point))


def test_an_exception_in_a_rule_leaves_nothing_behind():
    fails = [True]
    f = fxad.primitive(math.sin, name="f")

    @f.defjvp
    def rule(primals, tangents):
        if fails[0]:
            raise RuntimeError("in the rule")
        return f(*primals), np.cos(primals[0]) * tangents[0]

    for _ in range(3):
        fails[0] = True
        with pytest.raises(RuntimeError, match="in the rule"):
            fxad.grad(f)(0.5)
        fails[0] = False
        assert fxad.grad(f)(0.5) == pytest.approx(math.cos(0.5))


# -- arguments ----------------------------------------------------------------------------------------------


def test_options_keywords_and_integers():
    seen = []

    def power(x, n, *, how="plain", scale=1.0):
        seen.append((type(n).__name__, how))
        return x ** n * scale

    f = fxad.primitive(power)
    f.def_type(lambda x, n, how, scale: x)
    f.defjvp(lambda p, t, how, scale: (f(*p, how=how, scale=scale), p[1] * p[0] ** (p[1] - 1) * scale * t[0]))
    assert fxad.grad(lambda x: f(x, 3, how="special", scale=2.0))(2.0) == 24.0
    assert fxad.jit(fxad.value_and_grad(lambda x: f(n=3, x=x, scale=np.float64(2.0))))(2.0) == (16.0, 24.0)
    assert seen == [("int64", "special"), ("int64", "plain")]


def test_tangents_of_what_has_none():
    seen = []
    f = fxad.primitive(lambda x, n, name: x * n, name="f")
    f.def_type(lambda x, n, name: x)

    @f.defjvp
    def rule(primals, tangents):
        seen.append(tangents[1:])
        return f(*primals), tangents[0] * primals[1]

    assert fxad.grad(f)(2.0, np.int64(5), "option") == 5.0
    assert (seen[0][0].dtype, seen[0][1]) == (fxad.float0, None)


def test_integer_values_have_no_tangent():
    f = fxad.primitive(lambda x: (x * 2.0, int(x)), name="f")
    f.def_type(lambda x: (x, np.int64(0)))
    f.defjvp(lambda p, t: (f(*p), (2.0 * t[0], None)))
    assert fxad.grad(lambda x: f(x)[0] * f(x)[1])(3.5) == 6.0
    only = fxad.primitive(lambda x: int(x), name="only")
    only.def_type(example=np.int64(0))
    assert fxad.grad(lambda x: x * only(x))(3.5) == 3.0


def test_as_a_decorator_and_a_method():
    class Model:
        scale = 3.0

        @fxad.primitive(name="apply")
        def apply(self, x):
            return x * self.scale

    Model.apply.def_type(lambda self, x: x)
    Model.apply.defjvp(lambda p, t: (Model.apply(*p), p[0].scale * t[1]))
    assert Model.apply.name == "apply"
    assert fxad.grad(lambda x: Model().apply(x) ** 2)(2.0) == 36.0


def test_a_result_without_arrays():
    f = fxad.primitive(lambda x: None, name="f")
    with pytest.raises(TypeMismatch, match=r"f returns no array, and a primitive gives values\."):
        fxad.grad(lambda x: (f(x), x)[1])(2.0)


# -- finite differences -------------------------------------------------------------------------------------


def test_finite_differences_warn_once():
    f = fxad.primitive(math.sin, name="f", finite_differences=True)
    with pytest.warns(RuntimeWarning) as caught:
        fxad.grad(f)(0.5)
    assert str(caught[0].message) == (
        "f is differentiated by central differences (finite_differences=True): about half the digits are"
        " right, and"
        " reverse mode calls it twice for each element of its arguments. defjvp or defvjp gives exact"
        " derivatives.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fxad.grad(f)(0.5)
        fxad.jvp(f, (0.5,), (1.0,))


@pytest.mark.filterwarnings("ignore:f is differentiated by central differences")
@pytest.mark.parametrize(("derivative", "near"), [
    ("grad", 1e-6), ("jacfwd", 1e-8), ("jacrev", 1e-8), ("hessian", 2e-4), ("jacrev of grad", 2e-4),
    ("jacfwd of jacfwd", 2e-4)])
@pytest.mark.parametrize("argnums", ARGNUMS)
def test_finite_differences(derivative, near, argnums):
    f = fxad.primitive(plain, name="f", finite_differences=True)
    f.def_type(_types)
    d = DERIVATIVES[derivative]
    expected = d(plain, argnums)(A, 100.0 * X)
    for run in (d(f, argnums), fxad.jit(d(f, argnums))):
        close(run(A, 100.0 * X), expected, rtol=near, atol=near * 100)


@pytest.mark.filterwarnings("ignore:f is differentiated by central differences")
def test_finite_differences_in_single_precision_and_under_vmap():
    f = fxad.primitive(plain, name="f", finite_differences=True)
    f.def_type(_types)
    found = fxad.grad(scalar(f), (0, 1))(A.astype("f4"), X.astype("f4"))
    assert [g.dtype.name for g in found] == ["float32"] * 2
    close(found, fxad.grad(scalar(plain), (0, 1))(A, X), rtol=1e-2, atol=1e-2)
    rows = np.stack([X, 2 * X])
    close(fxad.vmap(fxad.grad(scalar(f), 1), (None, 0))(A, rows),
          fxad.vmap(fxad.grad(scalar(plain), 1), (None, 0))(A, rows), rtol=1e-7, atol=1e-7)
    assert fxad.jvp(lambda x: f(A, x), (X,), (np.zeros(3),))[1]["total"] == 0.0


def test_finite_differences_of_complex_values():
    f = fxad.primitive(lambda z: z * z, name="f", finite_differences=True)
    with pytest.warns(RuntimeWarning), pytest.raises(NonDifferentiable) as caught:
        fxad.jacrev(f, holomorphic=True)(1.0 + 1.0j)
    assert str(caught.value).startswith(
        "f is differentiated by differences, which is for real values, and has complex ones.")


def test_a_rule_goes_before_finite_differences():
    f = fxad.primitive(math.sin, name="f", finite_differences=True)
    f.defjvp(lambda p, t: (f(*p), 2.0 * t[0]))
    assert fxad.grad(f)(0.5) == 2.0  # no warning, which would be an error


# -- SciPy --------------------------------------------------------------------------------------------------


def test_quadrature():
    """The integral of exp(-a t^2) from 0 to b; its derivatives are integrals again."""
    @fxad.primitive
    def moment(a, b, power):
        return integrate.quad(lambda t: t ** power * math.exp(-a * t * t), 0.0, b, epsabs=1e-13)[0]

    moment.def_type(example=0.0)

    @moment.defjvp
    def rule(primals, tangents):
        a, b, power = primals
        da, db, _ = tangents
        end = b ** power * np.exp(-a * b * b)
        return moment(a, b, power), -moment(a, b, power + 2) * da + end * db

    nodes, weights = np.polynomial.legendre.leggauss(20)

    def closed(a, b):
        t = b * (nodes + 1.0) / 2.0
        return np.sum(weights * np.exp(-a * t * t)) * b / 2.0

    def f(a, b):
        return moment(a, b, 0)

    close(fxad.grad(f, (0, 1))(1.3, 0.8), fxad.grad(closed, (0, 1))(1.3, 0.8))
    close(fxad.hessian(f, (0, 1))(1.3, 0.8), fxad.hessian(closed, (0, 1))(1.3, 0.8), rtol=1e-8)
    rows = np.array([1.0, 1.5, 2.0])
    close(fxad.jit(fxad.vmap(fxad.grad(f), (0, None)))(rows, 0.8),
          fxad.vmap(fxad.grad(closed), (0, None))(rows, 0.8))


def test_root_finding():
    """The root of x exp(x) = a, Lambert's W; the rule is the implicit function theorem."""
    @fxad.primitive
    def root(a):
        return optimize.brentq(lambda x: x * math.exp(x) - a, 0.0, 10.0, xtol=1e-14, rtol=1e-14)

    root.def_type(lambda a: a)
    root.defvjp(lambda a: ((lambda x: (x, x))(root(a))), lambda x, ct: (ct / (np.exp(x) * (1.0 + x)),))
    w = optimize.brentq(lambda x: x * math.exp(x) - 2.0, 0.0, 10.0, xtol=1e-14)
    first = w / (2.0 * (1.0 + w))
    second = -w * w * (2.0 + w) / (4.0 * (1.0 + w) ** 3)
    assert fxad.grad(root)(2.0) == pytest.approx(first, rel=1e-11)
    assert fxad.jacfwd(root)(2.0) == pytest.approx(first, rel=1e-11)
    for second_derivative in (fxad.hessian(root), fxad.grad(fxad.grad(root)), fxad.jit(fxad.hessian(root))):
        assert second_derivative(2.0) == pytest.approx(second, rel=1e-10)


def test_interpolation():
    """A spline through data that is differentiated with respect to where it is asked, and the data."""
    knots = np.linspace(0.0, 3.0, 7)
    basis = interpolate.CubicSpline(knots, np.eye(7))

    @fxad.primitive
    def spline(x, values, order):
        return interpolate.CubicSpline(knots, values)(x, int(order))

    spline.def_type(lambda x, values, order: x)

    @spline.defjvp
    def rule(primals, tangents):
        x, values, order = primals
        dx, dvalues, _ = tangents
        return spline(x, values, order), spline(x, values, order + 1) * dx + spline(x, dvalues, order)

    spline.defvjp(
        lambda x, values, order: (spline(x, values, order), (x, values, order)),
        lambda r, ct: (spline(*r[:2], r[2] + 1) * ct, weights(r[0], r[2]).T @ ct, None))

    @fxad.primitive
    def weights(x, order):
        return basis(x, int(order))

    weights.def_type(lambda x, order: ShapeDtypeStruct((*x.shape, 7), float))
    weights.defjvp(lambda p, t: (weights(*p), weights(p[0], p[1] + 1) * t[0][:, None]))

    x, values = np.array([0.3, 1.7, 2.2]), np.sin(knots)
    jacobian_x, jacobian_values = fxad.jacrev(lambda x, v: spline(x, v, 0), (0, 1))(x, values)
    fit = interpolate.CubicSpline(knots, values)
    close(jacobian_x, np.diag(fit(x, 1)))
    close(jacobian_values, basis(x))
    close(fxad.jacfwd(lambda x: spline(x, values, 0))(x), np.diag(fit(x, 1)))
    second = fxad.hessian(lambda x, v: np.sum(spline(x, v, 0) ** 2), (0, 1))(x, values)
    y, slope, bend = fit(x), fit(x, 1), fit(x, 2)
    close(second[0][0], np.diag(2.0 * (slope ** 2 + y * bend)))
    close(second[1][1], 2.0 * basis(x).T @ basis(x))
    close(second[0][1], 2.0 * (slope[:, None] * basis(x) + y[:, None] * basis(x, 1)))
    close(second[1][0], second[0][1].T)


def test_an_ode_with_the_adjoint_as_its_rule():
    """dy/dt = -k y from y0 to time 1, solved by SciPy; the cotangent is transported back by the adjoint"
    " equation."""
    @fxad.primitive
    def solve(y0, k):
        return integrate.solve_ivp(lambda t, y: -k * y, (0.0, 1.0), y0, rtol=1e-11, atol=1e-12).y[:, -1]

    solve.def_type(lambda y0, k: y0)
    solve.defvjp(lambda y0, k: ((lambda y: (y, (y, k)))(solve(y0, k))),
                 lambda r, ct: (solve(ct, r[1]), -np.sum(ct * r[0])))
    y0, k = np.array([1.0, 2.0]), 0.7
    exact = lambda y0, k: y0 * np.exp(-k)
    total = [lambda y0, k, g=g: np.sum(g(y0, k) ** 2) for g in (solve, exact)]
    close(*(fxad.grad(g, (0, 1))(y0, k) for g in total), rtol=1e-8)
    close(*(fxad.jacrev(fxad.grad(g, (0, 1)), (0, 1))(y0, k) for g in total), rtol=1e-7)


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("transform", [fxad.grad, fxad.jacfwd, lambda f: fxad.jit(fxad.grad(f))])
def test_a_derivative_with_respect_to_a_keyword_only_argument(kind, transform):
    """No rule is asked for it, so it must not come out as zero."""
    f = fxad.primitive(lambda x, *, scale: x * scale, name="f")
    f.def_type(lambda x, scale: x)
    if kind == "jvp":
        f.defjvp(lambda p, t, scale: (f(*p, scale=scale), scale * t[0]))
    else:
        f.defvjp(lambda x, scale: (f(x, scale=scale), scale), lambda scale, ct: (scale * ct,))
    assert transform(lambda x: f(x, scale=3.0))(2.0) == 3.0
    by_keyword = transform(lambda s: f(2.0, scale=s))
    with pytest.raises(NonDifferentiable) as caught:
        by_keyword(3.0)
    text = str(caught.value)
    assert text.startswith("f is differentiated with respect to an argument that it takes by keyword only,"
                           " and its rules are for those by position.")
    assert text.endswith("Write instead: a parameter of f that can be given by position")
