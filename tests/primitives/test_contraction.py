"""NumPy's products of arrays: values, types and errors are NumPy's; derivatives keep the laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fxad.ir import ArrayType, Program, type_of
from fxad.ir.primitive import Code
from fxad.primitives import contraction as c
from fxad.primitives.einsum import contract, einsum
from fxad.tracing import Kind, Trace
from fxad.transforms import batch, jvp
from tests.laws import (
    assert_close,
    checked,
    numeric_jvp,
    pairing,
    program_of,
    random_like,
    tangents_only,
    vjp_program,
)


def traced(function: Callable[..., Any], *values: Any) -> Program:
    """The Program of a function with one result."""
    trace = Trace(Kind.BUILD, purpose="a test")
    out = function(*[trace.input(type_of(v)) for v in values])
    return trace.program([trace.operand(out)])


def normal(*shape: int, dtype: str = "f8", seed: int = 0) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng([seed, *shape])
    x = 3 * rng.normal(size=shape)
    return np.asarray(x + 1j * rng.normal(size=shape) if dtype[0] == "c" else x).astype(dtype)


def keeps_the_laws(function: Callable[..., Any], *values: Any) -> None:
    """jvp is numeric, the transpose is its transpose, a batch is a loop; the second order too."""
    program = traced(function, *values)
    rng = np.random.default_rng(1)
    tangents = random_like(values, rng)
    first = tangents_only(program)
    pushed = checked(first)(*values, *tangents)
    numeric = numeric_jvp(checked(program), values, tangents)
    assert_close(pushed, [n.astype(p.dtype) for n, p in zip(numeric, pushed, strict=True)], 1e-7)
    cts = random_like(pushed, rng)
    pulled = checked(vjp_program(program))(*values, *cts)
    assert pairing(cts, pushed) == pytest.approx(pairing(pulled, tangents), rel=1e-9, abs=1e-9)
    again = random_like([*values, *tangents], rng)
    second = checked(tangents_only(first))(*values, *tangents, *again)
    numeric = numeric_jvp(checked(first), [*values, *tangents], again)
    assert_close(second, [n.astype(s.dtype) for n, s in zip(numeric, second, strict=True)], 1e-6)
    stacked = [np.stack([v, 2 * v, v - 1], axis=-1) for v in values]
    loop = [checked(program)(*[s[..., i] for s in stacked])[0] for i in range(3)]
    batched = batch(program, 3, [-1] * len(values))
    assert_close(checked(batched)(*stacked), [np.stack(loop)])


PRODUCTS: list[tuple[str, Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]] = [
    *[("matmul", c.matmul, np.matmul, list(shapes)) for shapes in (
        ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)), ((1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
        ((2, 1, 3, 2), (1, 4, 2, 3)), ((1, 1), (1, 1)),
    )],
    *[("dot", c.dot, np.dot, list(shapes)) for shapes in (
        ((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3, 4)), ((4, 2, 3), (3,)),
        ((3,), (4, 3, 2)), ((2, 3), (4, 3, 5)), ((4, 2, 3), (5, 3, 2)),
    )],
    *[("inner", c.inner, np.inner, list(shapes)) for shapes in (
        ((), (2, 3)), ((3,), (3,)), ((2, 3), (4, 3)), ((4, 2, 3), (3,)), ((2, 3), (5, 4, 3)),
    )],
    *[("outer", c.outer, np.outer, list(shapes)) for shapes in (
        ((3,), (4,)), ((2, 3), (4,)), ((), (4,)), ((2, 0), (3,)),
    )],
    *[("vdot", c.vdot, np.vdot, list(shapes)) for shapes in (
        ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (6,)), ((), ()),
    )],
    *[("vecdot", c.vecdot, np.vecdot, list(shapes)) for shapes in (
        ((3,), (3,)), ((4, 3), (3,)), ((4, 1, 3), (2, 3)),
    )],
    *[("kron", c.kron, np.kron, list(shapes)) for shapes in (
        ((), ()), ((), (3,)), ((3,), (2,)), ((2, 3), (3, 2)), ((2, 3), (2,)), ((2, 1, 3), (3, 2)),
    )],
    *[("tensordot", lambda x, y, axes=axes: c.tensordot(x, y, axes),
       lambda x, y, axes=axes: np.tensordot(x, y, axes), list(shapes)) for axes, shapes in (
        (0, ((2,), (3,))), (1, ((2, 3), (3, 4))), (2, ((4, 2, 3), (2, 3, 5))),
        (([1, 0], [0, 1]), ((3, 2), (2, 3, 4))), ((-1, 0), ((3, 2), (2, 3))),
        (([0, 2], [1, 0]), ((3, 5, 2), (2, 3, 4))),
    )],
]
_ids = [f"{name}-{'x'.join(map(str, shapes))}" for name, _, _, shapes in PRODUCTS]
products = pytest.mark.parametrize(("name", "ours", "numpy", "shapes"), PRODUCTS, ids=_ids)


@products
@pytest.mark.parametrize("dtypes", [
    ("f8", "f8"), ("f4", "f4"), ("c16", "c16"), ("c8", "c8"), ("i4", "i4"), ("?", "?"),
    ("f4", "i8"), ("f4", "c8"), ("?", "i2"),
], ids="-".join)
def test_product(name: str, ours: Any, numpy: Any, shapes: Any, dtypes: Any) -> None:
    """Values, shapes and dtypes are NumPy's, on arrays and on tracers, and mixed."""
    x, y = (normal(*shapes[i], dtype=dtypes[i], seed=i) for i in range(2))
    desired = numpy(x, y)
    assert_close([ours(x, y)], [desired])
    assert type(ours(x, y)) is type(np.asarray(desired)[()])
    assert_close(checked(traced(ours, x, y))(x, y), [desired])
    assert_close(checked(traced(lambda y: ours(x, y), y))(y), [desired])


@products
@pytest.mark.parametrize("dtypes", [("f8", "f8"), ("c16", "f8")], ids="-".join)
def test_product_derivatives(name: str, ours: Any, numpy: Any, shapes: Any, dtypes: Any) -> None:
    keeps_the_laws(ours, *(normal(*s, dtype=d) for s, d in zip(shapes, dtypes, strict=True)))


DIAGONALS: list[tuple[str, Callable[..., Any], tuple[int, ...]]] = [
    *[(f"diagonal{args}", lambda m, x, args=args: m.diagonal(x, *args), shape) for args, shape in (
        ((), (3, 3)), ((), (2, 3)), ((1,), (3, 3)), ((-1,), (3, 4)), ((5,), (3, 3)),
        ((-5,), (3, 3)), ((0, 1, 2), (4, 3, 2)), ((1, 2, 0), (4, 3, 2)),
        ((-1, -1, -2), (2, 3, 4)), ((), (0, 3)),
    )],
    *[(f"trace{args}", lambda m, x, args=args: m.trace(x, *args), shape) for args, shape in (
        ((), (3, 3)), ((1,), (3, 4)), ((-2,), (3, 3)), ((0, 1, 2), (4, 3, 2)), ((9,), (2, 2)),
    )],
    *[(f"diag{args}", lambda m, x, args=args: m.diag(x, *args), shape) for args, shape in (
        ((), (3,)), ((1,), (3,)), ((-2,), (3,)), ((), (3, 3)), ((1,), (3, 4)), ((), (0,)),
        ((1,), (0,)),
    )],
]
diagonals = pytest.mark.parametrize(
    ("name", "call", "shape"), DIAGONALS, ids=[f"{n}-{s}" for n, _, s in DIAGONALS]
)


@diagonals
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i4", "u2", "?"])
def test_diagonal(name: str, call: Any, shape: Any, dtype: str) -> None:
    x = normal(*shape, dtype=dtype)
    desired = call(np, x)
    assert_close([call(c, x)], [desired])
    assert_close(checked(traced(lambda x: call(c, x), x))(x), [desired])


@diagonals
def test_diagonal_derivatives(name: str, call: Any, shape: Any) -> None:
    keeps_the_laws(lambda x: call(c, x), normal(*shape))
    keeps_the_laws(lambda x: call(c, x), normal(*shape, dtype="c16"))


SUBSCRIPTS = [
    ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)), ("i...,i...", (2, 3), (2, 3)),
    (" i j , j k -> i k ", (2, 3), (3, 4)), ("...ij,...jk", (5, 2, 3), (3, 4)),
    ("...ij,...jk->...ik", (1, 2, 3), (5, 3, 4)), ("ij,jk", (2, 1), (3, 4)), ("ba", (2, 3)),
    ("ii", (3, 3)), ("ii->i", (3, 3)), ("...ii->...i", (2, 3, 3)), ("i,j,k", (2,), (3,), (4,)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)), ("ij,kl->", (2, 3), (3, 4)), (",ij", (), (2, 3)),
    ("i,i,i->i", (3,), (3,), (3,)), ("i...->...", (2, 3, 4)), ("...", (2, 3)), ("ij->", (2, 3)),
    ("ij,j...->i...", (2, 3), (3,)), ("ii,ij,jk->k", (3, 3), (3, 2), (2, 2)),
    ("a...b,b...->...a", (2, 3, 4), (4, 1)), ("iij,j->i", (2, 2, 3), (3,)), ("ii,i", (1, 1), (3,)),
]


@pytest.mark.parametrize("case", SUBSCRIPTS, ids=[f"{s} {h}" for s, *h in SUBSCRIPTS])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i4", "?"])
def test_einsum_syntax(case: Any, dtype: str) -> None:
    subscripts, *shapes = case
    values = [normal(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes)]
    desired = np.einsum(subscripts, *values)
    assert_close([c.einsum(subscripts, *values)], [desired])
    assert_close(checked(traced(lambda *v: c.einsum(subscripts, *v), *values))(*values), [desired])


def test_einsum_with_lists_of_axes() -> None:
    x, y = normal(2, 3, 4), normal(3, 5)
    for args in ((x, [0, 1, 2], y, [1, 3]), (x, [0, 1, 2], y, [1, 3], [3, 0]),
                 (x, [30, 1, ...], y, [1, 27], [27, ..., 30]), (x, [2, 1, 0])):
        np.testing.assert_allclose(c.einsum(*args), np.einsum(*args))


@pytest.mark.parametrize("bad", [
    ("ij,jk", (2, 3), (4, 5)), ("ij", (2, 3, 4)), ("ij,jk", (2, 3)), ("ij->k", (2, 3)),
    ("ij->ii", (2, 3)), ("i$", (2, 3)), ("ii", (2, 3)), ("ii->i", (1, 3)), ("...i->i", (2, 3)),
    ("ij...", (2,)), ("i,j->i->j", (2,), (3,)), ("i....", (2, 3)),
], ids=str)
def test_einsum_errors(bad: Any) -> None:
    subscripts, *shapes = bad
    values = [normal(*s) for s in shapes]
    with pytest.raises(ValueError, match=r"."):
        np.einsum(subscripts, *values)
    with pytest.raises(ValueError, match=r"."):
        c.einsum(subscripts, *values)


@pytest.mark.parametrize(("call", "shapes"), [
    *[(lambda m, x, y: m.matmul(x, y), shapes) for shapes in (
        ((2, 3), (2, 3)), ((), (3,)), ((2, 1), (3, 4)), ((2, 2, 3), (3, 3, 2)),
    )],
    (lambda m, x, y: m.dot(x, y), ((2, 3), (2,))), (lambda m, x, y: m.inner(x, y), ((2,), (3,))),
    (lambda m, x, y: m.tensordot(x, y), ((2, 3), (3, 2))),
    (lambda m, x, y: m.vdot(x, y), ((2,), (3,))), (lambda m, x, y: m.trace(x), ((3,), ())),
    (lambda m, x, y: m.diag(x), ((2, 2, 2), ())),
    (lambda m, x, y: m.diagonal(x, 0, 1, 1), ((2, 2), ())),
    (lambda m, x, y: m.diagonal(x, 0, 0, 2), ((2, 2), ())),
])
def test_errors(call: Any, shapes: Any) -> None:
    """What NumPy refuses is refused with an exception of the same kind."""
    x, y = (normal(*s) for s in shapes)
    with pytest.raises(ValueError, match=r"."):
        call(np, x, y)
    with pytest.raises(ValueError, match=r"."):
        call(c, x, y)


def _random_spec(rng: np.random.Generator) -> tuple[str, list[tuple[int, ...]]]:
    sizes = dict(zip("abcdef", rng.permutation([1, 2, 3, 2, 3, 4]), strict=True))
    terms = ["".join(rng.choice(list(sizes), size=rng.integers(0, 5)))
             for _ in range(rng.choice([1, 2, 2, 2, 3, 4]))]
    present = sorted(set("".join(terms)))
    out = "".join(rng.permutation([x for x in present if rng.random() < 0.5]))
    return f"{','.join(terms)}->{out}", [tuple(int(sizes[x]) for x in t) for t in terms]


@pytest.mark.parametrize("seed", range(150))
def test_random_einsum(seed: int) -> None:
    """Any contraction, as one equation and as the user's function, in value and derivatives."""
    rng = np.random.default_rng(seed)
    spec, shapes = _random_spec(rng)
    dtype = "c16" if seed % 5 == 0 else "f8"
    values = [normal(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes)]
    desired = np.einsum(spec, *values)
    for program in (program_of(einsum, values, {"spec": spec}),
                    traced(lambda *v: contract(spec, *v), *values)):
        assert_close(checked(program)(*values), [desired])
        tangents = random_like(values, rng)
        out, pushed = checked(jvp(program))(*values, *tangents)
        exact = sum(np.einsum(spec, *values[:i], t, *values[i + 1:])
                    for i, t in enumerate(tangents))
        assert_close([out, pushed], [desired, np.asarray(exact)])
        cts = random_like([pushed], rng)
        pulled = checked(vjp_program(program))(*values, *cts)
        back = pairing(pulled, tangents)
        assert pairing(cts, [pushed]) == pytest.approx(back, rel=1e-9, abs=1e-9)
        axes = [None if rng.random() < 0.3 else int(rng.integers(-1, 1)) for _ in values[1:]] + [0]
        stacked = [v if a is None else np.stack([v, -v], axis=a)
                   for v, a in zip(values, axes, strict=True)]
        rows = [[v if a is None else v * sign for v, a in zip(values, axes, strict=True)]
                for sign in (1, -1)]
        loop = np.stack([checked(program)(*row)[0] for row in rows])
        assert_close(checked(batch(program, 2, axes))(*stacked), [loop])


def test_matmul_operator() -> None:
    x, y = normal(2, 3), normal(3, 4)
    desired = x @ y
    assert_close(checked(traced(lambda x, y: x @ y, x, y))(x, y), [desired])
    assert_close(checked(traced(lambda x: x @ y, x))(x), [desired])

    class Other:
        def __rmatmul__(self, other: Any) -> str:
            return "theirs"

    trace = Trace(Kind.BUILD)
    assert (trace.input(type_of(x)) @ Other()) == "theirs"


def test_infinities_stay_off_the_zeros_of_a_diagonal() -> None:
    """The cotangent of a diagonal is zero elsewhere, also where it is infinite on it."""
    program = traced(lambda x: c.diagonal(x), normal(2, 2))
    ct = np.array([np.inf, 1.0])
    (pulled,) = checked(vjp_program(program))(normal(2, 2), ct)
    np.testing.assert_array_equal(pulled, [[np.inf, 0.0], [0.0, 1.0]])
    assert np.array_equal(c.diag(ct), np.array([[np.inf, 0.0], [0.0, 1.0]]))


@pytest.mark.parametrize(("spec", "shapes", "text"), [
    ("ab,bc->ac", ((2, 3), (3, 4)), "x.dot(y)"),
    ("ab,cb->ac", ((2, 3), (4, 3)), "x.dot(y.T)"),
    ("ab,bc->ca", ((2, 3), (3, 4)), "y.T.dot(x.T)"),
    ("ab,b->a", ((2, 3), (3,)), "x.dot(y)"),
    ("a,b->ab", ((2,), (3,)), "x[:, None] * y"),
    ("abc,cd->abd", ((5, 2, 3), (3, 4)), "x.reshape(10, 3).dot(y).reshape(5, 2, 4)"),
    ("abc,acd->abd", ((5, 2, 3), (5, 3, 4)), "np.matmul(x, y)"),
    ("abc,adc->abd", ((5, 2, 3), (5, 4, 3)), "np.matmul(x, y.transpose(0, 2, 1))"),
    ("abc,ac->ab", ((5, 20, 30), (5, 30)), "np.matmul(x, y[:, :, None])[:, :, 0]"),
    ("aab,b->a", ((2, 2, 3), (3,)), "np.einsum('aab,b->a', x, y)"),
])
def test_it_is_written_as_the_fastest_numpy(spec: str, shapes: Any, text: str) -> None:
    codes = [Code(n, ArrayType(s, np.dtype("f8"))) for n, s in zip("xy", shapes, strict=True)]
    assert einsum.emit(*codes, spec=spec) == text


def test_a_chain_goes_the_cheap_way() -> None:
    """(x y) v costs a matrix product; x (y v) does not."""
    x, y, v = normal(20, 20), normal(20, 20), normal(20)
    program = traced(lambda x, y, v: c.einsum("ij,jk,k->i", x, y, v), x, y, v)
    assert [eqn.output.type.ndim for eqn in program] == [1, 1]
