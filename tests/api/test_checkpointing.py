"""`checkpoint` of functions: the same values and derivatives, and less that is kept."""

import tracemalloc

import numpy as np
import pytest

import fxad
from fxad import checkpoint_policies as policies
from fxad.api.checkpointing import Policy
from fxad.errors import TypeMismatch

EVERY_POLICY = {
    "none": None,
    "nothing": policies.nothing_saveable,
    "everything": policies.everything_saveable,
    "dots": policies.dots_saveable,
    "dots without batch": policies.dots_with_no_batch_dims_saveable,
    "names": policies.save_only_these_names("hidden"),
    "other names": policies.save_only_these_names("nobody"),
    "names but": policies.save_any_names_but_these("hidden"),
    "anything but": policies.save_anything_except_these_names("hidden"),
    "both": policies.save_from_both_policies(policies.dots_saveable,
                                             policies.save_only_these_names("hidden")),
}

W = np.random.default_rng(0).normal(size=(3, 3))


def plain(x):
    h = fxad.checkpoint_name(np.tanh(W @ x), "hidden")
    return np.sin(h) * x + np.exp(-(h**2)), np.sum(h)


def deciding(x):
    y = np.sin(x)
    while np.sum(y * y) > 0.3:
        y = y * 0.7
    return y * x if y[0] > 0 else y - x


def looping(x):
    return fxad.lax.scan(lambda c, a: (np.sin(c + a * x), c * a), x, np.arange(1.0, 5.0))


def branching(x):
    return fxad.lax.cond(x[0] > 0, lambda x: np.exp(x) * x, np.cos, x)


def with_rule(x):
    f = fxad.custom_jvp(lambda x: np.sin(x) * 2)
    f.defjvp(lambda ps, ts: (f(*ps), 2 * np.cos(ps[0]) * ts[0]))
    return f(x) * x


def nested(x):
    inner = fxad.checkpoint(lambda x: np.sin(x) * np.exp(x))
    return inner(inner(x)) * x


FUNCTIONS = {f.__name__: f for f in (plain, deciding, looping, branching, with_rule, nested)}


def scalar(f):
    return lambda x: sum(np.sum(leaf * (i + 1)) for i, leaf in enumerate(fxad.tree.leaves(f(x))))


X = np.array([0.3, -0.7, 1.1])
V = np.array([1.0, -2.0, 0.5])

TRANSFORMS = {
    "value": lambda f: f(X),
    "grad": lambda f: fxad.grad(scalar(f))(X),
    "value_and_grad": lambda f: fxad.value_and_grad(scalar(f))(X),
    "vjp": lambda f: fxad.vjp(scalar(f), X)[1](2.0),
    "jvp": lambda f: fxad.jvp(f, (X,), (V,)),
    "linearize": lambda f: fxad.linearize(f, X)[1](V),
    "jacfwd": lambda f: fxad.jacfwd(f)(X),
    "jacrev": lambda f: fxad.jacrev(f)(X),
    "hessian": lambda f: fxad.hessian(scalar(f))(X),
    "jacrev of jacrev": lambda f: fxad.jacrev(fxad.jacrev(scalar(f)))(X),
    "grad of grad": lambda f: fxad.grad(lambda x: fxad.grad(scalar(f))(x) @ V)(X),
    "third": lambda f: fxad.jacfwd(fxad.hessian(scalar(f)))(X),
    "jit of grad": lambda f: fxad.jit(fxad.grad(scalar(f)))(X),
    "grad of jit": lambda f: fxad.grad(fxad.jit(scalar(f)))(X),
    "jit of hessian": lambda f: fxad.jit(fxad.hessian(scalar(f)))(X),
}
BATCHED = {
    "vmap": lambda f: fxad.vmap(f)(np.stack([X, -X])),
    "vmap of grad": lambda f: fxad.vmap(fxad.grad(scalar(f)))(np.stack([X, -X])),
    "grad of vmap": lambda f: fxad.grad(lambda x: np.sum(fxad.vmap(scalar(f))(x)))(np.stack([X, -X])),
    "vmap of hessian": lambda f: fxad.vmap(fxad.hessian(scalar(f)))(np.stack([X, -X])),
    "last axis": lambda f: fxad.vmap(f, in_axes=1, out_axes=-1)(np.stack([X, -X], 1)),
}


def same(a, b):
    fxad.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), a, b)


@pytest.mark.parametrize("policy", EVERY_POLICY)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_policies_change_no_derivative(transform, policy):
    run = TRANSFORMS[transform]
    made = fxad.checkpoint(plain, policy=EVERY_POLICY[policy])
    for _ in range(3):  # interpreted, then compiled
        same(run(made), run(plain))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("transform", TRANSFORMS | BATCHED)
def test_functions_keep_their_derivatives(transform, function):
    f = FUNCTIONS[function]
    run = (TRANSFORMS | BATCHED)[transform]
    if transform in BATCHED and f is deciding:
        with pytest.raises(fxad.errors.ConcretizationError, match="under vmap"):
            run(fxad.checkpoint(f))
        return
    made = fxad.checkpoint(f)
    for _ in range(2):
        same(run(made), run(f))


# -- what is kept -------------------------------------------------------------------------------------


def residuals(f, *args):
    """How many elements the forward pass leaves for the backward pass, beside its arguments."""
    forward, _ = fxad.transforms.linearize(fxad.make_ir(f)(*args))
    return sum(a.type.size for a in forward.outputs[1:] if a not in forward.inputs)


def body(x, w):
    a = fxad.checkpoint_name(np.sin(x), "a")
    b = fxad.checkpoint_name(np.exp(w @ a), "b")
    return np.sum(np.cos(b) * a)


@pytest.mark.parametrize(("policy", "kept"), [
    (None, 0),
    (policies.nothing_saveable, 0),
    (policies.save_only_these_names("a"), 3),
    (policies.save_only_these_names("b"), 3),
    (policies.save_only_these_names("a", "b"), 6),
    (policies.save_any_names_but_these("a"), 3),
    (policies.dots_saveable, 3),
    (policies.save_from_both_policies(policies.dots_saveable, policies.save_only_these_names("a")), 6),
], ids=lambda v: str(v))
def test_what_a_policy_keeps(policy, kept):
    assert residuals(fxad.checkpoint(body, policy=policy), X, W) == kept


def test_everything_saveable_keeps_what_is_kept_without_checkpoint():
    without = residuals(body, X, W)
    assert without > 6
    assert residuals(fxad.checkpoint(body, policy=policies.everything_saveable), X, W) == without


def test_products_of_stacks_are_dots_with_batch():
    def f(stack, x):
        return np.sum(np.sin(np.matmul(stack, x)))

    args = np.stack([W, W]), np.ones((2, 3, 1))
    assert residuals(fxad.checkpoint(f, policy=policies.dots_saveable), *args) == 6
    assert residuals(fxad.checkpoint(f, policy=policies.dots_with_no_batch_dims_saveable), *args) == 0


def peak(f, x):
    fxad.grad(f)(x)
    tracemalloc.start()
    fxad.grad(f)(x)
    found = tracemalloc.get_traced_memory()[1] / x.nbytes
    tracemalloc.stop()
    return found


def test_a_chain_of_checkpointed_functions_needs_the_memory_of_its_links():
    def block(x):
        for _ in range(8):
            x = np.sin(x) * 1.1
        return x

    def chain(block):
        def f(x):
            for _ in range(8):
                x = block(x)
            return np.sum(x)
        return f

    x = np.linspace(0.0, 1.0, 20_000)
    assert peak(chain(block), x) > 64
    assert peak(chain(fxad.checkpoint(block)), x) < 32
    # A function of functions: their second derivatives are computed again, too.
    second = {b: peak(lambda x, b=b: np.sum(fxad.grad(chain(b))(x) ** 2), x)
              for b in (block, fxad.checkpoint(block))}
    kept, again = second.values()
    assert again < 0.6 * kept


def test_a_step_of_a_loop_keeps_its_carry_alone():
    def step(c, _):
        return np.sin(np.sin(np.sin(c))), None

    def f(step):
        return lambda x: np.sum(fxad.lax.scan(step, x, None, 50)[0])

    x = np.linspace(0.0, 1.0, 10_000)
    assert peak(f(fxad.checkpoint(step)), x) < 0.6 * peak(f(step), x)


def test_numbers_stay_numbers_in_a_loop():
    def f(step):
        def run(x):
            return fxad.lax.fori_loop(0, 30, lambda i, c: step(c), x)
        return run

    made = fxad.make_ir(fxad.grad(f(fxad.checkpoint(lambda c: np.sin(c) * 1.5))))(0.3)
    source = fxad.execute.source(fxad.optimize.lower(fxad.optimize.optimize(fxad.optimize.expand(made))))
    assert "math.sin" in source


# -- how it is called ---------------------------------------------------------------------------------


def test_trees_keywords_flags_and_closures():
    @fxad.checkpoint(policy=policies.dots_saveable)
    def f(params, x, *, power, name="a"):
        out = {"y": params["w"] * x**power}
        return out if name == "a" else (out, name)

    def loss(params, scale):
        outer = np.sin(scale)
        inner = fxad.checkpoint(lambda p: f(p, outer, power=3)["y"])
        return inner(params)

    got = fxad.grad(loss, argnums=(0, 1))({"w": 2.0}, 0.5)
    s, c = np.sin(0.5), np.cos(0.5)
    same(got, ({"w": s**3}, 6 * s**2 * c))


def test_static_arguments():
    @fxad.checkpoint(static_argnums=(1, -1))
    def f(x, kind, n):
        assert type(n) is int
        for _ in range(n):
            x = np.sin(x) if kind == "s" else np.cos(x)
        return x

    np.testing.assert_allclose(fxad.grad(f)(0.5, "s", 2), np.cos(np.sin(0.5)) * np.cos(0.5))


def test_a_function_of_nothing_and_one_of_no_arrays():
    def f(x):
        return fxad.checkpoint(lambda: np.sin(x))() + fxad.checkpoint(lambda x: 2.0)(x)

    assert fxad.grad(f)(0.0) == 1.0
    assert fxad.checkpoint(np.sin)(0.0) == 0.0


def test_methods_and_names():
    class Model:
        def __init__(self, w):
            self.w = w

        @fxad.checkpoint
        def __call__(self, x):
            """What it does."""
            return np.sin(self.w * x)

    assert Model.__call__.__doc__ == "What it does."
    assert fxad.grad(Model(2.0))(0.0) == 2.0
    assert fxad.remat is fxad.checkpoint


def test_effects_happen_once_and_in_order(capsys):
    @fxad.checkpoint
    def f(x):
        fxad.debug.print("in {}", x)
        y = np.sin(x)
        fxad.debug.print("out {}", y)
        return y * y

    for run in (fxad.grad(f), fxad.jit(fxad.grad(f)), fxad.grad(fxad.jit(f))):
        for _ in range(3):
            run(0.0)
            assert capsys.readouterr().out == "in 0.0\nout 0.0\n"


def test_a_result_of_an_effect_is_kept():
    calls = []

    def host(x):
        calls.append(float(x))
        return np.cos(x)

    @fxad.checkpoint
    def f(x):
        scale = fxad.io_callback(host, fxad.ShapeDtypeStruct((), np.float64), fxad.stop_gradient(x))
        return np.sin(x) * scale

    np.testing.assert_allclose(fxad.grad(f)(0.4), np.cos(0.4) ** 2)
    assert calls == [0.4]


def test_programs_keep_their_text_form():
    program = fxad.make_ir(fxad.grad(scalar(fxad.checkpoint(
        plain, policy=EVERY_POLICY["both"]))))(X)
    assert fxad.ir.parse(str(program)) == program
    same(program(X), fxad.grad(scalar(plain))(X))


def test_guards_in_a_checkpointed_function():
    traces = []

    @fxad.jit
    @fxad.grad
    @fxad.checkpoint
    def f(x):
        traces.append(1)
        return np.sin(x) if x > 0 else x * x

    assert [f(x) for x in (0.0, -3.0, 0.0)] == [0.0, -6.0, 0.0]
    assert f(1.0) == np.cos(1.0)
    assert len(f.paths()) == 2


def test_float32_complex_and_empty():
    f = fxad.checkpoint(lambda x: np.sum(np.real(np.exp(np.sin(x)) * x)))
    assert fxad.grad(f)(np.float32([1, 2])).dtype == np.float32
    z = np.array([1 + 2j, 0.5j])
    plain_grad = fxad.grad(lambda x: np.sum(np.real(np.exp(np.sin(x)) * x)))
    same(fxad.vjp(f, z)[1](1.0), fxad.vjp(lambda x: np.sum(np.real(np.exp(np.sin(x)) * x)), z)[1](1.0))
    assert fxad.grad(f)(np.zeros((0, 3))).shape == (0, 3)
    same(fxad.grad(f)(np.ones((4, 3))[::2, ::-1]), plain_grad(np.ones((2, 3))))


# -- mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mistake", "text"), [
    (lambda: fxad.checkpoint(3.0), "checkpoint"),
    (lambda: fxad.checkpoint(np.sin, policy=lambda prim, *_, **__: True),
     "<lambda> is no policy of checkpoint."),
    (lambda: fxad.checkpoint(np.sin, policy="dots"), "'dots' is no policy of checkpoint."),
    (lambda: policies.save_only_these_names(["a"]),
     "save_only_these_names takes names, and was given ['a']."),
    (lambda: fxad.checkpoint_name(1.0, 2), "checkpoint_name was given 2 as a name."),
    (lambda: fxad.checkpoint(lambda x: x, static_argnums=2)(1.0),
     "<lambda>, under checkpoint with static_argnums=(2,), was called with 1 positional argument."),
])
def test_mistakes(mistake, text):
    with pytest.raises((TypeMismatch, TypeError)) as error:
        mistake()
    assert text in str(error.value)
    assert __file__ in str(error.value) or "checkpoint" in str(error.value)


def test_what_is_refused_names_the_policies():
    with pytest.raises(TypeMismatch, match="save_only_these_names"):
        fxad.checkpoint(np.sin, policy=True)
    assert isinstance(policies.nothing_saveable, Policy)
    assert repr(EVERY_POLICY["names"]) == "<checkpoint policy save_only_these_names('hidden')>"
