"""What goes wrong with rules of one's own: the message says what, where, and what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad import errors


@fxad.custom_jvp
def marked(x: Any) -> Any:
    return x * x


@marked.defjvp
def marked_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return marked(x), 10.0 * marked(x) * dx


def jvp_with(rule: Any, fun: Any = lambda x: x * x, **options: Any) -> Any:
    fun.__name__ = "f"
    f = fxad.custom_jvp(fun)
    if rule is not None:
        rule.__name__ = "g"
        f.defjvp(rule, **options)
    return f


def vjp_with(forward: Any, backward: Any, fun: Any = lambda x: x * x) -> Any:
    fun.__name__ = "f"
    f = fxad.custom_vjp(fun)
    if forward is not None:
        forward.__name__, backward.__name__ = "g", "h"
        f.defvjp(forward, backward)
    return f


def kept(x: Any) -> Any:
    return x * x, x


def closing(a: Any, decorate: Any = fxad.custom_jvp) -> Any:
    f = decorate(lambda x: a * x)
    f.__name__ = "f"
    if decorate is fxad.custom_jvp:
        f.defjvps(lambda dx, out, x: dx)
    else:
        f.defvjp(lambda x: (a * x, None), lambda _, ct: (ct,))
    return f(a)


LEAKED: list[Any] = []


def leaking(primals: Any, tangents: Any) -> Any:
    LEAKED.append(primals[0] * 2.0)
    return primals[0] * primals[0], tangents[0]


def leak() -> Any:
    fxad.grad(jvp_with(leaking))(1.0)
    return LEAKED[-1] + 1.0


PAIR = lambda x: {"a": x, "b": x}
VECTOR = np.ones(3)
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no jvp rule": (
        lambda: fxad.grad(jvp_with(None))(1.0), errors.MissingRule,
        "f is a custom_jvp function without a rule: defjvp was never called."
        "|f.defjvp(rule(primals, tangents)) before it is differentiated"),
    "no vjp rule": (
        lambda: fxad.grad(vjp_with(None, None))(1.0), errors.MissingRule,
        "f is a custom_vjp function without a rule: defvjp was never called."
        "|f.defvjp(forward, backward) before it is differentiated"),
    "forward mode": (
        lambda: fxad.jvp(vjp_with(kept, lambda x, ct: (x * ct,)), (1.0,), (1.0,)), errors.MissingRule,
        "forward mode (jvp, jacfwd, linearize) reached f, a custom_vjp function: it has a rule for reverse"
        " mode"
        " alone.|fxad.custom_jvp with defjvp in its place, which serves both modes; or reverse mode"),
    "forward mode in a batch": (
        lambda: fxad.jacfwd(lambda x: np.sum(vjp_with(kept, lambda x, ct: (x * ct,))(x)))(VECTOR),
        errors.MissingRule,
        "forward mode (jvp, jacfwd, linearize) reached f"),
    "reverse over forward": (
        lambda: fxad.grad(lambda x: fxad.jvp(vjp_with(kept, lambda x, ct: (x * ct,)), (x,), (1.0,))[1])(1.0),
        errors.MissingRule, "forward mode (jvp, jacfwd, linearize) reached f"),
    "no pair": (
        lambda: fxad.grad(jvp_with(lambda p, t: t[0]))(1.0), errors.TypeMismatch,
        "the jvp rule g of f returns a pair (value, tangent), and this one returned one float64."
        "|return value, tangent"),
    "three parts": (
        lambda: fxad.grad(jvp_with(lambda p, t: (p[0], t[0], 1)))(1.0), errors.TypeMismatch,
        "and this one returned a tuple of 3."),
    "another tree": (
        lambda: fxad.grad(jvp_with(lambda p, t: ({"a": p[0]}, t[0]), PAIR))(1.0), errors.TreeMismatch,
        "the jvp rule g of f returns a value of another structure than f:"
        "|f: PyTreeDef({'a': *, 'b': *})|the rule: PyTreeDef({'a': *})"),
    "another shape": (
        lambda: fxad.jacfwd(jvp_with(lambda p, t: (np.sum(p[0]), t[0])))(VECTOR), errors.TypeMismatch,
        "the jvp rule g of f returns a value of another type than f:|f: f64[3]|the rule: f64[]"),
    "tangent tree": (
        lambda: fxad.jvp(jvp_with(lambda p, t: (PAIR(p[0]), t[0]), PAIR), (1.0,), (1.0,)),
        errors.TreeMismatch,
        "the jvp rule g of f returns a tangent of another structure than the value:"
        "|the value:   PyTreeDef({'a': *, 'b': *})|the tangent: PyTreeDef(*)"),
    "tangent shape": (
        lambda: fxad.jacfwd(jvp_with(lambda p, t: (p[0] * p[0], np.sum(t[0]))))(VECTOR), errors.TypeMismatch,
        "the jvp rule g of f returns a tangent of another type than the value:"
        "|the value:   f64[3]|the tangent: f64[]|a tangent of type f64[3]"),
    "tangent dtype": (
        lambda: fxad.grad(jvp_with(lambda p, t: (p[0] * p[0], t[0].astype(np.float32))))(1.0),
        errors.TypeMismatch,
        "the value:   f64[]|the tangent: f32[]"),
    "no tangent": (
        lambda: fxad.grad(jvp_with(lambda p, t: (p[0] * p[0], None)))(1.0), errors.TypeMismatch,
        "the value:   f64[]|the tangent: None"),
    "tangent of an integer": (
        lambda: fxad.jvp(jvp_with(lambda p, t: ((p[0], 1), (t[0], 1.0)), lambda x: (x, 1)), (1.0,), (1.0,)),
        errors.TypeMismatch,
        "the value:   i64[]|the tangent: f64[]|a tangent of type float0[], for an integer"),
    "forward gives no pair": (
        lambda: fxad.grad(vjp_with(lambda x: x, lambda x, ct: (ct,)))(1.0), errors.TypeMismatch,
        "the forward rule g of f returns a pair (value, residuals), and this one returned one float64."),
    "forward of another shape": (
        lambda: fxad.jacrev(vjp_with(lambda x: (np.sum(x), x), lambda x, ct: (ct,)))(VECTOR),
        errors.TypeMismatch,
        "the forward rule g of f returns a value of another type than f:|f: f64[3]|the rule: f64[]"),
    "backward gives no tuple": (
        lambda: fxad.grad(vjp_with(kept, lambda x, ct: ct))(1.0), errors.TypeMismatch,
        "the backward rule h of f returns a tuple of 1 cotangent, one for each argument, and this one"
        " returned"
        " one float64.|return (ct,)"),
    "too many cotangents": (
        lambda: fxad.grad(vjp_with(kept, lambda x, ct: (ct, ct)))(1.0), errors.TypeMismatch,
        "returns a tuple of 1 cotangent, one for each argument, and this one returned 2 cotangents."),
    "cotangent tree": (
        lambda: fxad.grad(vjp_with(lambda d: (d["a"], None), lambda _, ct: (ct,),
                                   lambda d: d["a"]))({"a": 1.0}),
        errors.TreeMismatch,
        "the backward rule h of f returns cotangents of another structure than the arguments:"
        "|the arguments:  PyTreeDef(({'a': *},))|the cotangents: PyTreeDef((*,))"),
    "cotangent shape": (
        lambda: fxad.grad(lambda x: np.sum(vjp_with(kept, lambda x, ct: (np.sum(ct),))(x)))(VECTOR),
        errors.TypeMismatch,
        "the backward rule h of f returns a cotangent of another type than its argument:"
        "|the argument:  f64[3]|the cotangent: f64[]|a cotangent of type f64[3], or None for zero"),
    "cotangent of an integer": (
        lambda: fxad.grad(vjp_with(lambda x, n: (x, None), lambda _, ct: (ct, ct), lambda x, n: x))(1.0, 2),
        errors.TypeMismatch,
        "the backward rule h of f returns the cotangent f64[] of an argument without a derivative, int 2."
        "|None in its place"),
    "closed over": (
        lambda: fxad.grad(closing)(1.0), errors.NonDifferentiable,
        "<lambda> is a custom_jvp function that closes over a value that is differentiated."
        "|the value as an argument of <lambda>, and a rule that knows it"),
    "closed over in reverse": (
        lambda: fxad.grad(lambda a: closing(a, fxad.custom_vjp))(1.0), errors.NonDifferentiable,
        "<lambda> is a custom_vjp function that closes over a value that is differentiated."),
    "a leak": (leak, errors.TracerLeak, "a traced value was used after its trace (the jvp rule g of f) had"
    " ended."),
    "not callable": (lambda: fxad.custom_jvp(3), errors.TypeMismatch, "custom_jvp takes a function"),
    "rule not callable": (lambda: marked.defjvp(3), errors.TypeMismatch, "defjvp takes a function"),
    "nondiff_argnums": (
        lambda: fxad.custom_jvp(lambda x: x, nondiff_argnums=(1,))(1.0), errors.TypeMismatch,
        "<lambda> has nondiff_argnums=(1,), and was called with 1 argument.|numbers between 0 and 0"),
    "defjvps and nondiff_argnums": (
        lambda: fxad.custom_jvp(lambda n, x: x, nondiff_argnums=0).defjvps(None), errors.TypeMismatch,
        "defjvps does not go with nondiff_argnums."),
    "number of defjvps": (
        lambda: fxad.grad(number_of_rules())(1.0, 2.0), errors.TypeMismatch,
        "defjvps of f was given 1 rules, for 2 arguments."),
    "custom_gradient": (
        lambda: fxad.custom_gradient(lambda x: x)(1.0), errors.TypeMismatch,
        "<lambda>, under custom_gradient, returns a pair (value, pullback), and this one returned float."),
    "derivative of a program": (
        lambda: fxad.transforms.jvp(fxad.transforms.jvp(fxad.make_ir(marked)(1.0))), errors.MissingRule,
        "marked is differentiated more often than could be foreseen when it was called"),
}


def number_of_rules() -> Any:
    f = fxad.custom_jvp(lambda x, y: x)
    f.fun.__name__ = "f"
    f.defjvps(lambda dx, out, x, y: dx)
    return f


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    run, kind, parts = MISTAKES[name]
    with pytest.raises(kind) as caught:
        run()
    text = str(caught.value)
    for part in parts.split("|"):
        assert part in text, text
    assert "test_custom_mistakes.py" in text
    assert isinstance(caught.value, errors.FxadError)


def test_a_missing_rule_that_is_not_asked_for_is_no_mistake() -> None:
    f = jvp_with(None)
    assert f(3.0) == 9.0
    assert fxad.jit(f)(3.0) == 9.0
    assert fxad.grad(lambda x: f(fxad.stop_gradient(x)) * x)(3.0) == 9.0
    np.testing.assert_array_equal(fxad.vmap(vjp_with(None, None))(VECTOR), VECTOR)
