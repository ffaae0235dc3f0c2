"""`numpy.fft` on traced values: values, derivatives of both orders, vmap, jit, dtypes, errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import fxad
import fxad.numpy as fnp
from fxad.errors import TypeMismatch
from tests.laws import numeric_jvp
from tests.numpy import test_functions as laws
from tests.numpy.cases import Case

_rng = np.random.default_rng(11)


def real(*shape: int) -> Any:
    return np.asarray(_rng.normal(size=shape))


def cplx(*shape: int) -> Any:
    return np.asarray(_rng.normal(size=shape) + 1j * _rng.normal(size=shape))


NORMS = (None, "ortho", "forward")
#: The functions of one axis, and those of several, each with a maker of what they take.
ONE = {"fft": cplx, "ifft": cplx, "rfft": real, "irfft": cplx, "hfft": cplx, "ihfft": real}
MANY = {"fftn": cplx, "ifftn": cplx, "rfftn": real, "irfftn": cplx,
        "fft2": cplx, "ifft2": cplx, "rfft2": real, "irfft2": cplx}


def call(name: str, x: Any, label: str, *args: Any, **kwargs: Any) -> Case:
    return Case(f"{name}-{label}", lambda m, x: getattr(m.fft, name)(x, *args, **kwargs), x,
                single=x.dtype.kind == "f")


CASES = [
    # Even and odd sizes, cropping and padding, one point.
    *[call(name, make(size), f"{size}-to-{n}", n)
      for name, make in ONE.items() for size in (2, 5, 6) for n in (None, 1, 2, 4, 5, 7, 9)],
    *[call(name, make(1), "one", 1) for name, make in ONE.items()],
    *[call(name, make(2, 5), f"norm-{norm}", norm=norm) for name, make in ONE.items() for norm in NORMS],
    *[call(name, make(4, 3, 2), f"axis-{axis}", 3, axis) for name, make in ONE.items()
      for axis in (0, -2)],
    # Real numbers are complex ones, too.
    *[call(name, real(5), "real", n) for name in ("fft", "ifft", "irfft", "hfft") for n in (None, 4, 7)],
    *[call(name, real(2, 3, 4), "real") for name in ("fftn", "ifftn", "irfftn", "fft2", "ifft2", "irfft2")],
    *[call(name, make(2, 3, 4), f"axes-{axes}-{s}", s, axes) for name, make in MANY.items()
      for s, axes in (((3, 5), (0, 1)), ((2, 2), (-1, 0)), ((4, 1), (1, 2)), ((-1, 3), (2, 0)))],
    *[call(name, make(4, 3, 5), f"norm-{norm}", norm=norm) for name, make in MANY.items()
      for norm in NORMS],
    *[call(name, make(3, 4), f"one-axis-{axis}", axes=(axis,)) for name, make in MANY.items()
      for axis in (0, -1)],
    *[call(name, make(3, 4), "twice", (3, 5), (1, 1)) for name, make in MANY.items()],
    *[call(name, cplx(3, 4), "no-axes", axes=()) for name in ("fftn", "ifftn")],
    call("fftn", real(3, 4), "no-axes-real", axes=()),
    *[call(name, make(5), f"axes-{axes}", axes) for name in ("fftshift", "ifftshift")
      for make in (real, cplx) for axes in (None, 0, (-1,))],
    *[call(name, real(2, 3, 4), f"axes-{axes}", axes) for name in ("fftshift", "ifftshift")
      for axes in (None, 1, (0, 2), [1, 1], ())],
    Case("fftfreq", lambda m, d: (m.fft.fftfreq(5, d), m.fft.rfftfreq(4, d)), real()),
]
each = pytest.mark.parametrize("case", CASES, ids=repr)


@each
def test_value(case: Case) -> None:
    laws.test_value(case)


@each
def test_derivatives(case: Case) -> None:
    laws.test_derivatives(case)


@each
def test_vmap(case: Case) -> None:
    laws.test_vmap(case)


@each
def test_single_precision(case: Case) -> None:
    """Single precision stays single in values, tangents and cotangents, of complex numbers too."""
    dtype = np.complex64 if case.arrays[0].dtype.kind == "c" else np.float32
    x = case.arrays[0].astype(dtype)
    expected = case.function(np, x)
    out, pull = fxad.vjp(lambda x: case.function(np, x), x)
    laws.same_types(out, expected)
    laws.assert_near(out, expected, 1e-4)
    (ct,) = pull(fxad.tree.map(np.ones_like, out))
    assert (ct.dtype, ct.shape) == (x.dtype, x.shape)
    _, tangents = fxad.jvp(lambda x: case.function(np, x), (x,), (np.ones_like(x),))
    laws.same_types(tangents, expected)


@pytest.mark.parametrize("case", [c for c in CASES if c.arrays[0].size > 1][::4], ids=repr)
def test_second_order(case: Case) -> None:
    """The Hessian of a function of the power: forward over reverse is reverse over reverse, and numeric."""
    x = case.arrays[0]

    def loss(x: Any) -> Any:
        y = case.function(np, x)
        return np.sum((y * np.conj(y)).real ** 2)

    v = laws.direction(_rng, x)
    gradient = fxad.grad(loss)
    assert gradient(x).dtype == x.dtype
    _, over_forward = fxad.jvp(gradient, (x,), (v,))
    (numeric,) = numeric_jvp(lambda x: [gradient(x)], [x], [v])
    np.testing.assert_allclose(over_forward, numeric, rtol=1e-6, atol=1e-6 * np.abs(numeric).max())
    over_reverse = fxad.grad(lambda x: np.sum(gradient(x) * v).real)(x)
    np.testing.assert_allclose(over_reverse, over_forward, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fxad.jit(gradient)(x), gradient(x), rtol=1e-12)


@pytest.mark.parametrize(("name", "n"), [
    *itertools.product(("rfft", "irfft", "hfft", "ihfft"), range(1, 8))])
def test_edges_of_the_half_spectrum(name: str, n: int) -> None:
    """The transpose is the transposed matrix: also at frequency 0 and at the highest one."""
    make = ONE[name]
    size = n // 2 + 1 if make is cplx else n
    basis = np.eye(size, dtype=make(1).dtype)
    columns = [getattr(np.fft, name)(e, n) for e in basis]
    out, pull = fxad.vjp(lambda x: getattr(np.fft, name)(x, n), make(size))
    for k in range(out.size):
        (ct,) = pull(np.eye(out.size, dtype=out.dtype)[k])
        expected = np.array([column[k] for column in columns])
        if make is cplx:  # what the imaginary parts do, with the sign of the pairing
            expected = expected - 1j * np.array([getattr(np.fft, name)(1j * e, n)[k] for e in basis])
        np.testing.assert_allclose(ct, expected.real if make is real else expected, atol=1e-12)


def test_a_gradient_of_real_numbers_is_real() -> None:
    x = real(6)
    gradient = fxad.grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(x)
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, 12 * x)  # Parseval


def test_a_complex_gradient_has_the_conjugate_convention() -> None:
    """Of a real function it is df/dx - i df/dy."""
    z = cplx(4)
    gradient = fxad.grad(lambda z: np.sum(np.abs(np.fft.ifft(z)) ** 2))(z)
    np.testing.assert_allclose(gradient, 0.5 * np.conj(z))


def test_holomorphic_jacobian() -> None:
    z = cplx(5)
    jacobian = fxad.jacfwd(np.fft.fft, holomorphic=True)(z)
    np.testing.assert_allclose(jacobian, np.fft.fft(np.eye(5)), atol=1e-12)
    np.testing.assert_allclose(fxad.jacrev(np.fft.fft, holomorphic=True)(z), jacobian, atol=1e-12)


@pytest.mark.parametrize("dtype", ["i1", "i8", "u2", "bool", "f2"])
@pytest.mark.parametrize("name", [*ONE, *MANY])
def test_other_dtypes(name: str, dtype: str) -> None:
    """Integers count as float64 and half precision as single, as in NumPy."""
    x = np.arange(12).reshape(3, 4).astype(dtype)
    expected = getattr(np.fft, name)(x)
    laws.same_types(fxad.jit(lambda x: getattr(np.fft, name)(x))(x), expected)
    laws.assert_near(fxad.jit(lambda x: getattr(np.fft, name)(x))(x), expected, 1e-2)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
@pytest.mark.parametrize("name", [*ONE, *MANY])
def test_empty(name: str, shape: Any) -> None:
    x = np.ones(shape)
    def function(x: Any) -> Any:
        return getattr(np.fft, name)(x)

    try:
        expected = function(x)
    except ValueError:
        with pytest.raises(ValueError, match="Invalid number of FFT data points"):
            fxad.vjp(function, x)
    else:
        laws.same_types(fxad.vjp(function, x)[0], expected)


@pytest.mark.parametrize(("function", "error", "text"), [
    (lambda x: np.fft.fft(x, 0), ValueError, r"Invalid number of FFT data points \(0\) specified"),
    (lambda x: np.fft.rfft(x, -2), ValueError, r"Invalid number of FFT data points \(-2\) specified"),
    (lambda x: np.fft.irfft(x[:, :1]), ValueError, r"Invalid number of FFT data points \(0\)"),
    (lambda x: np.fft.fftn(x, (3, -2), (0, 1)), ValueError, r"Invalid number of FFT data points \(-2\)"),
    (lambda x: np.fft.fft(x, norm="full"), ValueError, 'should be "backward", "ortho" or "forward"'),
    (lambda x: np.fft.hfft(x, norm="full"), ValueError, 'should be "backward", "ortho" or "forward"'),
    (lambda x: np.fft.fft(x, axis=2), IndexError, "axis 2 is out of bounds"),
    (lambda x: np.fft.fft(x[0, 0]), IndexError, "out of bounds"),
    (lambda x: np.fft.fft2(x[0]), IndexError, "out of bounds"),
    (lambda x: np.fft.fftn(x, (3,), (0, 1)), ValueError, "Shape and axes have different lengths"),
    (lambda x: np.fft.fft(x, 2.5), TypeError, "cannot be interpreted as an integer"),
    (lambda x: np.fft.rfftn(x, axes=()), IndexError, "out of range"),
    (lambda x: np.fft.irfftn(x, axes=()), IndexError, "out of range"),
    (lambda x: np.fft.rfft(x * 1j), TypeError, "rfft"),
    (lambda x: np.fft.ihfft(x * 1j), TypeError, "ihfft"),
    (lambda x: np.fft.fftshift(x, 2), IndexError, "out of bounds"),
])
def test_errors(function: Any, error: type[Exception], text: str) -> None:
    """Of NumPy's type; where ours says more, it is one of NumPy's type too."""
    x = np.ones((3, 4))
    with pytest.raises(error):
        function(x)
    with pytest.raises(error, match=text):
        fxad.vjp(function, x)


def test_complex_numbers_are_refused_with_the_way_out() -> None:
    with pytest.raises(TypeMismatch, match=r"np\.fft\.rfft takes real numbers, not complex128") as caught:
        fxad.vjp(np.fft.rfft, cplx(3))
    assert "np.fft.rfft(x.real)" in str(caught.value)


@pytest.mark.parametrize("name", [*ONE, *MANY])
def test_out_is_refused(name: str) -> None:
    x = np.ones((3, 4))
    expected = getattr(np.fft, name)(x)
    for namespace in (np, fnp):
        with pytest.raises(TypeMismatch, match="asked to write a traced value into an array"):
            fxad.vjp(lambda x, m=namespace: getattr(m.fft, name)(x, out=np.empty_like(expected)), x)


@pytest.mark.parametrize("call", [
    lambda x: np.fft.fftn(x, (3, 2)), lambda x: np.fft.rfft2(x, (3, 2), None),
    lambda x: np.fft.fftn(x, (None, 2), (0, 1)),
])
def test_deprecated_arguments_warn(call: Any) -> None:
    x = np.ones((3, 4))
    with pytest.warns(DeprecationWarning, match="should not|deprecated"):
        expected = call(x)
    with pytest.warns(DeprecationWarning, match="should not|deprecated"):
        out, _ = fxad.vjp(call, x)
    laws.assert_near(out, expected)


def test_frequencies() -> None:
    """NumPy's, with the dtype of the array API standard."""
    for n, d in ((1, 1.0), (4, 0.5), (5, 2.0)):
        for name in ("fftfreq", "rfftfreq"):
            ours, numpys = getattr(fnp.fft, name), getattr(np.fft, name)
            np.testing.assert_array_equal(ours(n, d), numpys(n, d))
            np.testing.assert_array_equal(ours(n, d=d, device="cpu"), numpys(n, d))
            assert ours(n, d, dtype=np.float32).dtype == np.float32
            np.testing.assert_allclose(fxad.grad(lambda d, f=ours: np.sum(f(4, d, dtype=np.float32)**2))(
                2.0), -2 * np.sum(numpys(4, 1.0)**2) / 8, rtol=1e-6)
    with pytest.raises(ValueError, match="Device not understood"):
        fnp.fft.fftfreq(3, device="gpu")
    with pytest.raises(TypeMismatch, match="gives real floating point numbers, not complex64"):
        fnp.fft.rfftfreq(3, dtype=np.complex64)


def test_every_name_is_there() -> None:
    assert set(fnp.fft.__all__) == {n for n in np.fft.__all__ if n != "helper"}


def test_one_equation_for_several_axes() -> None:
    """A batch of transforms is one transform of the stack."""
    x = cplx(3, 4, 5)
    np.testing.assert_allclose(fxad.vmap(np.fft.fft2)(x), np.fft.fft2(x))
    np.testing.assert_allclose(fxad.vmap(np.fft.fft2, in_axes=1)(x), np.fft.fft2(np.moveaxis(x, 1, 0)))
    (equation,) = fxad.make_ir(fxad.vmap(np.fft.fft2))(x).equations
    assert equation.params["axes"] == (1, 2)
