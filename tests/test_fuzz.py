"""Random programs: every way to run or differentiate one gives the same.

Each seed makes the source of a Python function over NumPy: broadcasting, indexing, reductions, where,
matmul, chains of scalars, captured arrays, Python numbers. `FXAD_FUZZ=N` runs N seeds instead of a few.
A failing seed prints its function.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.execute import compile_program, interpret
from fxad.execute.emit import straight_source
from fxad.execute.writer import is_scalar
from fxad.ir import Program, parse, verify
from fxad.optimize import optimize
from fxad.transforms import batch, jvp, linearize, transpose
from tests.laws import assert_identical

COUNT = int(os.environ.get("FXAD_FUZZ", "300"))
GROUPS = 30

UNARY = [
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp(-{a} * {a})", "-{a}", "{a} ** 2",
    "{a} ** 3", "{a} ** -1 if False else {a} * {a}", "np.log1p({a} ** 2)", "np.arctan({a})",
    "np.sqrt({a} * {a} + 0.5)", "np.abs({a})", "1.0 / (2.5 + np.cos({a}))", "np.square({a})",
    "np.expm1(np.minimum({a}, 1.0))", "np.maximum({a}, 0.25)", "np.clip({a}, -0.5, 0.75)",
    "np.sign({a}) * {a}", "np.floor(3 * {a}) + {a}", "+{a}", "np.where({a} > 0.1, {a}, 0.3 * {a})",
    "np.where({a} > 0, np.sqrt({a}), 0.0)", "np.where({a} < 0.5, 1.0, {a} * {a})", "np.sinh({a})",
    "np.logical_not({a} > 0.2) * {a}", "({a} > 0) * {a}", "(1.0 - (~({a} > 0.3)) * {a})",
    "np.exp2({a})", "np.cbrt({a} * {a} + 1)", "np.conj({a})", "np.real({a}) * 2", "np.positive({a})",
    "np.imag({a}) + {a}", "np.real({a} * np.conj({a}))", "np.abs({a}) ** 1.5", "np.float64(0.3) * {a}",
]
NUMBERS = [
    "{a} * {k}", "{a} + {k}", "{k} - {a}", "{a} / 3", "{a} * 2", "{a} + 1", "1 - {a}", "{a} * 1",
    "{a} * 0.5 + {k}", "0.0 + {a}", "{a} - 0", "{k} / (2 + {a} * {a})", "1.5 ** {a}", "{a} * -1.0",
    "({a} + {k}) * ({a} - {k})", "{a} / 1", "-(-{a})",
]
BINARY = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (1.5 + {b} ** 2)", "np.maximum({a}, {b})",
    "np.minimum({a}, {b})", "np.hypot({a}, {b})", "np.arctan2({a}, {b} + 3)",
    "np.where({a} > {b}, {a}, {b} * 0.5)", "np.where({b} > 0.1, {a}, {b})",
    "np.where({a} < {b}, np.log(np.abs({a}) + 1), {b} ** 2)", "np.logaddexp({a}, {b})",
    "({a} > {b}) * {a}", "(np.abs({a}) + 0.5) ** {b}", "{a} * 2 - {b} / 4", "-{a} + -{b}",
    "-{a} * -{b}", "{a} - -{b}", "np.where(np.logical_and({a} > 0, {b} > 0), {a} * {b}, {a})",
]
SHAPES = [
    "{a}.T", "np.reshape({a}, -1)", "{a}[::-1]", "{a}[1:]", "{a}[0]", "{a}[..., None]", "{a}[None]",
    "{a}[..., ::2]", "{a}[-1:]", "np.flip({a})", "np.moveaxis({a}, 0, -1)", "np.squeeze({a})",
    "{a}[np.array([0, -1, 0])]", "{a}[{a0} > 0.2] if False else {a}", "np.expand_dims({a}, 0)",
    "np.roll({a}, 1, 0)", "np.broadcast_to({a}, (2, *{a}.shape))", "put({a}, 0, 0.5)",
    "put({a}, (..., -1), {a}[..., 0])", "{a}.ravel()", "np.swapaxes({a}, 0, -1)",
    "np.concatenate([{a}, {a} * 2])", "np.stack([{a}, {a} ** 2], axis=-1)", "np.tile({a}, 2)",
    "{a}[:, MASK[:{a}.shape[1]]]", "{a}[INDEX % {a}.shape[0]]", "{a}[INDEX[0] % {a}.shape[0], 0]",
]
REDUCTIONS = [
    "np.sum({a})", "np.sum({a}, axis=0)", "np.sum({a}, axis=-1, keepdims=True)", "np.mean({a})",
    "{a}.mean(axis=0)", "np.max({a})", "np.max({a}, axis=-1)", "np.min({a}, axis=0)", "np.var({a})",
    "np.cumsum({a}, axis=0)", "np.prod({a}, axis=-1)", "np.sort({a}, axis=-1)",
    "{a} - np.mean({a})", "{a} / (1 + np.sum({a} ** 2))", "np.sum({a} * {a}, axis=0)",
    "np.linalg.norm({a})", "np.sum(np.where({a} > 0, {a}, 0.0))",
]
CONTRACTIONS = ["{a} @ {b}", "np.dot({a}, {b})", "np.tensordot({a}, {b}, 1)", "{a} @ {b}.T",
                "np.outer({a}, {b})", "np.einsum('ij,kj->ik', {a}, {b})"]


DTYPES = ["f8"] * 7 + ["f4", "c16"]
SHAPES_OF_INPUTS = [(), (3,), (2, 3), (2, 1), (4,), (3, 3), (2, 2, 3), (1,)]
#: Large enough for memory to be used again.
LARGE_SHAPES = [(70, 64), (64,), (70, 1), (70, 64), ()]


def put(a: Any, index: Any, value: Any) -> Any:
    """`a` with a value written to a place."""
    if isinstance(a, fxad.tracing.Tracer):
        return a.at[index].set(value)
    out = np.array(a)
    out[index] = value
    return out


class Generated:
    """A random function, with arguments for it.

    Attributes:
        source: its text.
        function: the function.
        arguments: where it is well behaved.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = rng = np.random.default_rng(seed)
        scalars = rng.random() < 0.35
        self.dtype = np.dtype(DTYPES[rng.integers(len(DTYPES))])
        self.large = not scalars and rng.random() < 0.1
        choices = LARGE_SHAPES if self.large else SHAPES_OF_INPUTS
        shapes = [() if scalars else choices[k % len(choices)] for k in rng.integers(24, size=3)]
        count = int(rng.integers(1, 4))
        self.arguments = [like(rng, np.zeros(s, self.dtype)) for s in shapes[:count]]
        self.space: dict[str, Any] = {
            "np": np, "put": put, "MASK": rng.random(9) > 0.4, "INDEX": rng.integers(0, 9, size=(2, 2)),
            "C": like(rng, np.zeros(shapes[-1], self.dtype)),
            "D": like(rng, np.zeros(64 if self.large else 3, self.dtype)),
        }
        self.values = {f"x{i}": v for i, v in enumerate(self.arguments)}
        self.lines: list[str] = []
        captured = {} if scalars else {n: self.space[n] for n in "CD"}
        wanted = int(rng.integers(4, 26 if scalars else 14))
        for _ in range(200):
            if len(self.lines) == wanted:
                break
            self.extend({**captured, **self.values}, scalars)
        inputs = ", ".join(f"x{i}" for i in range(count))
        names = list(self.values)
        outputs = [names[-1], *rng.choice(names, size=int(rng.integers(0, 3)))]
        body = [f"    {line}" for line in self.lines]
        self.source = "\n".join(
            [f"def f({inputs}):", *body, f"    return ({', '.join(outputs)},)"])
        exec(self.source, self.space)
        self.function: Callable[..., Any] = self.space["f"]

    def extend(self, known: dict[str, Any], scalars: bool) -> None:
        """Add a statement, if a random one is well behaved on the arguments."""
        rng = self.rng
        kinds = [UNARY, NUMBERS, BINARY] if scalars else [
            UNARY, NUMBERS, BINARY, BINARY, SHAPES, SHAPES, REDUCTIONS, CONTRACTIONS]
        templates = kinds[rng.integers(len(kinds))]
        names = list(known)
        # Most often what was made last, so that chains grow.
        a, b = (names[-1] if rng.random() < 0.5 else names[rng.integers(len(names))] for _ in "ab")
        k = [0.7, -1.3, 2.5, 0.1, 3][rng.integers(5)]
        text = str(templates[rng.integers(len(templates))]).format(a=a, b=b, k=k, a0=a)
        try:
            with np.errstate(all="ignore"):
                value = eval(text, self.space, known)
        except (ValueError, IndexError, TypeError, AttributeError):
            return
        value = np.asarray(value)
        if (not 0 < value.size <= (5_000 if self.large else 60) or value.ndim > 3
                or value.dtype.kind not in "fc"
                or not np.all(np.abs(value) < 50)):
            return
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.values[name] = value[()]


def like(rng: np.random.Generator, value: Any) -> Any:
    """Normal values of the shape and dtype of `value`."""
    x = rng.normal(size=np.shape(value))
    if np.asarray(value).dtype.kind == "c":
        x = x + 1j * rng.normal(size=np.shape(value))
    return np.asarray(x, np.asarray(value).dtype)[()]


def close(a: Any, b: Any, near: float, message: str = "") -> None:
    for p, q in zip(fxad.tree.leaves(a), fxad.tree.leaves(b), strict=True):
        p, q = np.asarray(p), np.asarray(q)
        scale = float(np.max(np.abs(q[np.isfinite(q)]), initial=1.0))
        np.testing.assert_allclose(p, q, rtol=near, atol=near * scale, err_msg=message)


def run_all_ways(program: Program, values: list[Any], exact: bool = True) -> Any:
    """The value: by the interpreter, the emitted source, the optimised source and each tier."""
    verify(program)
    assert parse(str(program)) == program
    better = verify(optimize(program))
    results = interpret(program)(*values)
    ways = [compile_program(program), interpret(better), compile_program(better)]
    ways += [straight(p) for p in (program, better) if is_scalar(p)]
    # NumPy fuses the products of complex numbers, or not, by how they lie in memory.
    exact = exact and all(t.dtype.kind != "c" for e in program for t in (v.type for v in e.outputs))
    for way in ways:
        for a, b in zip(way(*values), results, strict=True):
            if exact:
                assert_identical(a, b)
            else:
                close(a, b, 1e-5 if np.asarray(b).dtype == np.float32 else 1e-13)
    return results


def straight(program: Program) -> Callable[..., Any]:
    """The Program in the tier that makes a NumPy call of every equation."""
    space = dict(fxad.ir.primitive.NAMESPACE)
    exec(straight_source(program, "f"), space)
    run: Callable[..., Any] = space["f"]
    return run


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e300, 1e-300, 710.0, 0.5]


def check(seed: int) -> None:
    made = Generated(seed)
    f, x, rng = made.function, made.arguments, np.random.default_rng(seed)
    near = 2e-3 if made.dtype == np.float32 else 1e-10
    copies = [np.array(v) for v in x]
    with np.errstate(all="ignore"):
        plain = f(*x)
        program = fxad.make_ir(f)(*x)
        results = run_all_ways(program, x)
        for p, r in zip(plain, results, strict=True):
            assert np.asarray(p).dtype == r.dtype
        close(results, plain, near * 1e-2)
        assert all(np.array_equal(a, b) for a, b in zip(x, copies, strict=True)), "changed its inputs"
        special = [np.asarray(rng.choice(SPECIAL, size=np.shape(v)), v.dtype)[()] for v in x]
        # What is summed in another order may differ by a rounding.
        elementwise = all(e.primitive.elementwise for e in program)
        run_all_ways(program, special, exact=elementwise)
        jitted = fxad.jit(f)
        for _ in range(2):
            close(jitted(*x), plain, near * 1e-2, "jit")
        derivatives(made, program, plain, near, rng)
        if not made.large:
            batches(f, x, near, rng)


def derivatives(
    made: Generated, program: Program, plain: Any, near: float, rng: np.random.Generator
) -> None:
    f, x = made.function, made.arguments
    v = [like(rng, p) for p in x]
    ct = tuple(like(rng, p) for p in plain)
    _, tangents = fxad.jvp(f, x, v)
    _, pullback = fxad.vjp(f, *x)
    _, push = fxad.linearize(f, *x)
    pulled = pullback(ct)
    close(push(*v), tangents, near, "linearize")
    # The first is interpreted, the second compiled.
    close(pullback(ct), pulled, 1e-14 if made.dtype.kind == "c" else 0.0, "a second pullback")
    there = sum(np.real(np.sum(c * t)) for c, t in zip(ct, tangents, strict=True))
    back = sum(np.real(np.sum(p * t)) for p, t in zip(pulled, v, strict=True))
    size = 1 + sum(np.sum(np.abs(p * t)) for p, t in zip(pulled, v, strict=True))
    assert abs(there - back) <= near * size, "forward is not reverse"
    if made.dtype != np.float32:
        numeric(f, x, v, tangents)
    # the Programs of the derivatives, in every tier
    forward = jvp(program)
    run_all_ways(forward, [*x, *v])
    first, linear = linearize(program)
    residuals = interpret(first)(*x)[len(program.outputs):]
    flags = [i >= len(residuals) for i in range(len(linear.inputs))]
    run_all_ways(transpose(linear, flags), [*residuals, *ct])
    loss = lambda *a: sum(np.sum(np.real(o * c)) for o, c in zip(f(*a), ct, strict=True))
    g = fxad.grad(loss, tuple(range(len(x))))
    close(g(*x), pulled, near, "grad")
    close(fxad.jit(g)(*x), pulled, near, "jit of grad")


def numeric(f: Callable[..., Any], x: list[Any], v: list[Any], tangents: Any) -> None:
    def along(step: float) -> list[Any]:
        def at(h: float) -> Any:
            return f(*[p + h * t for p, t in zip(x, v, strict=True)])

        far, low = (zip(at(h), at(-h), strict=True) for h in (2 * step, step))
        return [(8 * (c - d) - (a - b)) / (12 * step)
                for (a, b), (c, d) in zip(far, low, strict=True)]

    coarse, fine = along(2e-4), along(1e-4)
    for a, b, t in zip(coarse, fine, tangents, strict=True):
        scale = 1 + np.abs(b)
        smooth = np.abs(a - b) < 1e-7 * scale  # elsewhere a kink or a pole is near
        assert np.all((np.abs(b - t) < 1e-5 * scale) | ~smooth), "forward is not numeric"


def batches(f: Callable[..., Any], x: list[Any], near: float, rng: np.random.Generator) -> None:
    size = 3
    axes = [None if rng.random() < 0.3 else int(rng.integers(-1, np.ndim(p) + 1)) for p in x]
    if all(a is None for a in axes):
        axes[0] = 0
    elements = [[p * (1 + 0.01 * i) if a is not None else p for p, a in zip(x, axes, strict=True)]
                for i in range(size)]
    elements = [[np.asarray(e, p.dtype)[()] for e, p in zip(row, x, strict=True)] for row in elements]
    stacked = [p if a is None else np.stack([row[k] for row in elements], axis=a)
               for k, (p, a) in enumerate(zip(x, axes, strict=True))]
    loop = [np.stack(outs) for outs in zip(*(f(*row) for row in elements), strict=True)]
    close(fxad.vmap(f, tuple(axes))(*stacked), loop, near * 1e-1, "vmap")
    program = fxad.make_ir(f)(*x)
    run_all_ways(batch(program, size, axes), stacked)
    gradient = fxad.grad(lambda *a: sum(np.sum(np.real(np.sin(o))) for o in f(*a)), tuple(range(len(x))))
    loop = [np.stack(outs) for outs in zip(*(gradient(*row) for row in elements), strict=True)]
    close(fxad.vmap(gradient, tuple(axes))(*stacked), loop, near, "vmap of grad")


@pytest.mark.parametrize("group", range(GROUPS))
def test_fuzz(group: int) -> None:
    for seed in range(group, COUNT, GROUPS):
        try:
            check(seed)
        except Exception as error:
            error.add_note(f"seed {seed}:\n\n{Generated(seed).source}\n")
            raise


def test_programs_are_varied() -> None:
    """The generator makes what it is there for."""
    text = "\n".join(Generated(seed).source for seed in range(120))
    for part in ("np.where", "[", "np.sum", "@", "put(", "np.max", "**", " C", " D", "INDEX"):
        assert part in text, part
    with np.errstate(all="ignore"):
        scalar = sum(is_scalar(fxad.make_ir(m.function)(*m.arguments))
                     for m in map(Generated, range(80)))
    assert scalar > 3
