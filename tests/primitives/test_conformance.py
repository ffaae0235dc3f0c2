"""Every primitive keeps the laws, on each of its samples, in every dtype that the sample is for."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import pytest

from fxad.ir import PRIMITIVES, Code, Primitive, Program, frozen, load_deferred, type_of
from fxad.primitives.samples import Sample
from fxad.tracing import Kind, Trace, bind_in
from fxad.transforms import batch, jvp, linearize, transpose
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

#: Primitives of which an operand or the value is a stack, which only loops make: tests/api/test_loops.
STACKS = {"no_stack", "add_stacks", "unzip_stack", "zip_stacks"}
#: Primitives whose forward mode is an error, and what comes of that: tests/api/test_custom.
REVERSE_ONLY = {"custom_vjp", "custom_lin"}
#: Primitives of which an operand or the value is a Python function: tests/primitives/test_callbacks.
FUNCTIONS = {"effect", "function", "pure_callback", "python_call"}
#: Primitives that have no derivative by one of their operands, which is an error: tests/scipy.
PARTLY = {"betainc", "betaincinv", "gammainc", "gammaincc", "gammaincinv", "zeta"}
DTYPES = {"d": ("float64",), "f": ("float64", "float32"), "c": ("complex128", "complex64"), "i": ("int64",),
          "b": ("bool",)}
WIDE = ("float64", "complex128")
load_deferred()


class Case:
    """One primitive on one sample in one dtype."""

    def __init__(self, primitive: Primitive, index: int, sample: Sample, dtype: str) -> None:
        self.primitive = primitive
        self.sample = sample
        self.dtype = dtype
        self.id = f"{primitive.name}-{index}-{dtype}"
        self.values = sample.make(dtype)
        self.inexact = any(np.asarray(v).dtype.kind in "fc" for v in self.values)

    @property
    def program(self) -> Program:
        return program_of(self.primitive, self.values, self.sample.params)

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(self.id.encode()))


def _cases() -> list[Case]:
    return [
        Case(primitive, i, sample, dtype)
        for primitive in PRIMITIVES.values()
        for i, sample in enumerate(primitive.samples)
        for kind in (sample.dtypes if sample.makers else "f")
        for dtype in (DTYPES[kind] if sample.makers else DTYPES[kind][:1])
    ]


CASES = _cases()
with_operands = [c for c in CASES if c.values]
with_tangents = [c for c in CASES if c.inexact and c.primitive.name not in REVERSE_ONLY | PARTLY]
in_double = [c for c in with_tangents if c.dtype in WIDE]


def over(cases: list[Case]) -> pytest.MarkDecorator:
    """The test, once for each case."""
    return pytest.mark.parametrize("case", cases, ids=[c.id for c in cases])


@pytest.mark.parametrize("name", sorted(PRIMITIVES.keys() - STACKS - FUNCTIONS - {"custom_lin"}))
def test_it_has_samples(name: str) -> None:
    assert PRIMITIVES[name].samples, f"{name}: give it samples, so that it is tested"


@over(CASES)
def test_value(case: Case) -> None:
    """`infer` tells the type; interpreter and compiled code agree; the text is read back.

    Operands keep their values, no result shares memory with them, and strides make no difference.
    """
    run, values = checked(case.program), case.values
    copies = [np.array(v) for v in values]
    results = run(*values)
    assert_close(values, copies, exact=True)
    for result in results:
        assert not np.ndim(result) or result.flags.writeable
        assert not any(np.shares_memory(result, v) for v in values)
    strided = [np.stack([x, x], axis=-1)[..., 0] if np.ndim(x) else x for x in values]
    assert_close(run(*strided), results)


def _wide(program: Program) -> set[str]:
    """The dtypes of double precision that a Program computes in."""
    return {v.type.dtype.name for eqn in program.equations for v in eqn.outputs}.intersection(WIDE)


@over(with_tangents)
def test_jvp(case: Case) -> None:
    """The tangent is the numeric derivative, in the dtype of the value."""
    values, program = case.values, case.program
    tangents = random_like(values, case.rng)
    forward = jvp(program)
    if case.dtype not in WIDE:
        assert _wide(forward) <= _wide(program), "it computes in double precision on the way"
    results = checked(forward)(*values, *tangents)
    outs, tangents_out = results[: len(program.outputs)], results[len(program.outputs):]
    assert_close(outs, checked(program)(*values))
    inexact = [o for o in outs if o.dtype.kind in "fc"]
    assert [type_of(t) for t in tangents_out] == [type_of(o) for o in inexact]
    if case.sample.smooth and case.dtype in WIDE:
        numeric = numeric_jvp(checked(program), values, tangents)
        wide = [n.astype(t.dtype) for n, t in zip(numeric, tangents_out, strict=True)]
        assert_close(tangents_out, wide, 1e-7)


@over(with_tangents)
def test_transpose(case: Case) -> None:
    """linearize gives what jvp gives, and <ct, J v> = <J' ct, v>."""
    values, program = case.values, case.program
    tangents = random_like(values, case.rng)
    both = checked(jvp(program))(*values, *tangents)
    forward, linear = linearize(program)
    outs = checked(forward)(*values)
    residuals = outs[len(program.outputs):]
    pushed = checked(linear)(*residuals, *tangents)
    assert_close([*outs[: len(program.outputs)], *pushed], both)
    flags = [False] * len(residuals) + [True] * len(tangents)
    cts = random_like(pushed, case.rng)
    pulled = checked(transpose(linear, flags))(*residuals, *cts)
    assert [type_of(p) for p in pulled] == [type_of(t) for t in tangents]
    there, back = pairing(cts, pushed), pairing(pulled, tangents)
    narrow = any(a.dtype.name in ("float32", "complex64") for a in [*pushed, *pulled])
    near = 2e-4 if narrow else 1e-10
    if not (np.isnan(there) and np.isnan(back)):
        assert there == pytest.approx(back, rel=near, abs=near * (1 + sum(np.size(t) for t in cts)))


def _batch_axes(case: Case) -> list[tuple[int | None, ...]]:
    """Every choice of batched operands, with their batch axes first, last, and alternating.

    In single precision, which the rules do not look at, all operands are batched.
    """
    count = len(case.values)
    every = case.dtype not in ("float32", "complex64")
    return list(dict.fromkeys(
        tuple(axis if chosen else None for axis, chosen in zip(axes, choice, strict=False))
        for choice in itertools.product((True, False), repeat=count)
        if all(choice) or (every and any(choice))
        for axes in ((0,) * count, (-1,) * count, (0, -1) * count)
    ))


@over(with_operands)
def test_batch(case: Case) -> None:
    """A batch is a loop, whichever operands are batched and wherever the axis is."""
    size, program = 3, case.program
    elements = [case.sample.make(case.dtype, seed) for seed in range(size)]
    loop = checked(program)
    for axes in _batch_axes(case):
        rows = [
            [elements[i if a is not None else 0][k] for k, a in enumerate(axes)]
            for i in range(size)
        ]
        operands = [
            rows[0][k] if a is None else np.stack([row[k] for row in rows], axis=a)
            for k, a in enumerate(axes)
        ]
        one_by_one = [loop(*row) for row in rows]
        desired = [np.stack(outs) for outs in zip(*one_by_one, strict=True)]
        assert_close(checked(batch(program, size, axes))(*operands), desired)


with_numbers = [c for c in with_operands if len(c.values) > 1 and any(np.ndim(v) == 0 for v in c.values)]


@over(with_numbers)
def test_batch_beside_numbers(case: Case) -> None:
    """Numbers written into the Program keep their dtype, whatever the others that are mapped."""
    numbers = [np.ndim(v) == 0 and v.dtype.kind in "fc" for v in case.values]
    if not any(numbers) or all(numbers):
        return
    trace = Trace(Kind.BUILD, purpose="a test")
    operands = [np.asarray(v)[()] if number else trace.input(type_of(v))
                for v, number in zip(case.values, numbers, strict=True)]
    outs = bind_in(trace, case.primitive, operands, frozen(case.sample.params))
    program = trace.program([trace.operand(o) for o in (outs if case.primitive.multiple else (outs,))])
    arrays = [v for v, number in zip(case.values, numbers, strict=True) if not number]
    desired = [np.stack([out, out]) for out in checked(program)(*arrays)]
    found = checked(batch(program, 2, [0] * len(arrays)))(*[np.stack([v, v]) for v in arrays])
    assert_close(found, desired)


@over(in_double)
def test_batch_of_derivatives(case: Case) -> None:
    """The derivatives can be batched over their tangents and cotangents."""
    values, program = case.values, case.program
    size = 3
    many = [random_like(values, case.rng) for _ in range(size)]
    stacked = [np.stack(t) for t in zip(*many, strict=True)]
    pushed = tangents_only(program)
    axes = [None] * len(values) + [0] * len(stacked)
    loop = [checked(pushed)(*values, *t) for t in many]
    assert_close(checked(batch(pushed, size, axes))(*values, *stacked),
                 [np.stack(outs) for outs in zip(*loop, strict=True)])
    pulled = vjp_program(program)
    many = [random_like(loop[0], case.rng) for _ in range(size)]
    stacked = [np.stack(t) for t in zip(*many, strict=True)]
    axes = [None] * len(values) + [0] * len(stacked)
    loop = [checked(pulled)(*values, *t) for t in many]
    if stacked:
        assert_close(checked(batch(pulled, size, axes))(*values, *stacked),
                     [np.stack(outs) for outs in zip(*loop, strict=True)])


@over(in_double)
def test_second_order(case: Case) -> None:
    """jvp of jvp is numeric too; forward over reverse is reverse over forward."""
    values, program = case.values, case.program
    tangents = random_like(values, case.rng)
    first = tangents_only(program)
    again = random_like([*values, *tangents], case.rng)
    second = checked(tangents_only(first))(*values, *tangents, *again)
    if case.sample.smooth:
        numeric = numeric_jvp(checked(first), [*values, *tangents], again)
        wide = [n.astype(s.dtype) for n, s in zip(numeric, second, strict=True)]
        assert_close(second, wide, 1e-6)
    active = [np.asarray(v).dtype.kind in "fc" for v in values]
    cts = random_like(checked(first)(*values, *tangents), case.rng)
    reverse = vjp_program(program)
    forward_over_reverse = jvp(reverse, active + [False] * len(cts))
    reverse_over_forward = vjp_program(first, active + [False] * len(tangents))
    a = checked(forward_over_reverse)(*values, *cts, *tangents)[len(tangents):]
    b = checked(reverse_over_forward)(*values, *tangents, *cts)
    assert_close(a, b, 1e-9)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_python_floats(name: str) -> None:
    """Code over Python floats gives NumPy's values, bit for bit, at special values too."""
    primitive = PRIMITIVES[name]
    x = Code("x", type_of(np.float64()))
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.0, 1e300, -1e300, 5e-324, np.inf, -np.inf,
               np.nan, *rng.normal(size=6), *rng.normal(size=6, scale=1e3)]
    seen = set()
    for case in CASES:
        params = case.sample.params
        key = (len(case.values), str(params))
        if case.primitive is not primitive or not primitive.elementwise or key in seen:
            continue
        seen.add(key)
        operands = [np.float64(0.0) if v.dtype.kind == "f" else v.dtype.type() for v in case.values]
        if primitive.emit_scalar(*[x for _ in operands], **params) is None:
            continue
        run = checked(program_of(primitive, operands, params))
        values = [[np.False_, np.True_] if o.dtype.kind == "b" else special for o in operands]
        for given in itertools.product(*values):
            run(*[o.dtype.type(g) for o, g in zip(operands, given, strict=True)])
