"""The page `docs/complex.md`: the derivatives of complex functions, in tables of formulas that are run.

`python -m tests.docs.complex_page` writes the page; the test evaluates every formula as it is printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.docs.promotion_page import table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "complex.md"


def _points() -> dict[str, Any]:
    rng = np.random.default_rng(5)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    return {"z": np.complex128(1.25 - 0.5j), "v": normal(3), "w": normal(3), "m": normal(3, 3),
            "n": normal(3, 3), "x": np.float64(0.75), "r": rng.normal(size=3)}


#: What the names in the tables stand for.
POINTS = _points()


class Row(NamedTuple):
    """A function of its first name, and its derivatives as formulas of it, of `t` and of `ct`.

    Where `t` and `ct` do not occur, the formula is the complex derivative, which multiplies either.
    """

    text: str
    of: str
    jvp: str
    vjp: str

    @property
    def holomorphic(self) -> bool:
        return not self.vjp


TABLES: dict[str, list[Row]] = {
    "Real functions of complex numbers": [
        Row("np.real(z)", "z", "np.real(t)", "ct"),
        Row("np.imag(z)", "z", "np.imag(t)", "-1j * ct"),
        Row("np.abs(z)", "z", "np.real(np.conj(z) * t) / np.abs(z)", "ct * np.conj(z) / np.abs(z)"),
        Row("np.abs(z) ** 2", "z", "2 * np.real(np.conj(z) * t)", "2 * ct * np.conj(z)"),
        Row("np.angle(z)", "z", "np.imag(t / z)", "-1j * ct / z"),
        Row("np.real(z ** 2)", "z", "np.real(2 * z * t)", "2 * ct * z"),
        Row("np.linalg.norm(v)", "v", "np.real(np.vdot(v, t)) / np.linalg.norm(v)",
            "ct * np.conj(v) / np.linalg.norm(v)"),
        Row("np.sum(np.abs(v) ** 2)", "v", "2 * np.real(np.vdot(v, t))", "2 * ct * np.conj(v)"),
        Row("np.var(v)", "v", "2 * np.real(np.vdot(v - np.mean(v), t)) / v.size",
            "2 * ct * np.conj(v - np.mean(v)) / v.size"),
    ],
    "Holomorphic functions": [
        Row("z ** 3", "z", "3 * z ** 2", ""), Row("1 / z", "z", "-1 / z ** 2", ""),
        Row("z ** (0.5 + 1j)", "z", "(0.5 + 1j) * z ** (-0.5 + 1j)", ""),
        Row("np.exp(z)", "z", "np.exp(z)", ""), Row("np.log(z)", "z", "1 / z", ""),
        Row("np.sqrt(z)", "z", "0.5 / np.sqrt(z)", ""), Row("np.sin(z)", "z", "np.cos(z)", ""),
        Row("np.tanh(z)", "z", "1 - np.tanh(z) ** 2", ""),
        Row("np.arctan(z)", "z", "1 / (1 + z ** 2)", ""),
        Row("np.arccos(z)", "z", "-1 / np.sqrt(1 - z ** 2)", ""),
    ],
    "Functions that are not holomorphic": [
        Row("np.conj(z)", "z", "np.conj(t)", "np.conj(ct)"),
        Row("np.real(z) + 0j", "z", "np.real(t)", "np.real(ct)"),
        Row("np.abs(z) + 0j", "z", "np.real(np.conj(z) * t) / np.abs(z)",
            "np.real(ct) * np.conj(z) / np.abs(z)"),
        Row("z * np.conj(z)", "z", "2 * np.real(np.conj(z) * t)", "2 * np.real(ct) * np.conj(z)"),
        Row("np.sign(z)", "z", "1j * np.sign(z) * np.imag(t / z)", "np.imag(ct * np.sign(z)) * 1j / z"),
        Row("np.vdot(v, w)", "v", "np.vdot(t, w)", "np.conj(ct * w)"),
    ],
    "Complex functions of real numbers": [
        Row("(2 + 1j) * x", "x", "(2 + 1j) * t", "np.real((2 + 1j) * ct)"),
        Row("np.exp(1j * x)", "x", "1j * np.exp(1j * x) * t", "np.real(1j * np.exp(1j * x) * ct)"),
        Row("x + 0j", "x", "t", "np.real(ct)"),
        Row("np.fft.fft(r)", "r", "np.fft.fft(t)", "np.real(np.fft.fft(ct))"),
    ],
    "Vectors and matrices": [
        Row("np.sum(v)", "v", "np.sum(t)", "ct * np.ones(3)"),
        Row("v @ w", "v", "t @ w", "ct * w"),
        Row("m @ n", "m", "t @ n", "ct @ n.T"),
        Row("np.prod(v)", "v", "np.prod(v) * np.sum(t / v)", "ct * np.prod(v) / v"),
        Row("np.fft.fft(v)", "v", "np.fft.fft(t)", "np.fft.fft(ct)"),
        Row("np.linalg.inv(m)", "m", "-np.linalg.inv(m) @ t @ np.linalg.inv(m)",
            "-np.linalg.inv(m).T @ ct @ np.linalg.inv(m).T"),
        Row("np.linalg.det(m)", "m", "np.linalg.det(m) * np.trace(np.linalg.inv(m) @ t)",
            "ct * np.linalg.det(m) * np.linalg.inv(m).T"),
        Row("np.linalg.solve(m, w)", "m", "-np.linalg.solve(m, t @ np.linalg.solve(m, w))",
            "-np.outer(np.linalg.solve(m.T, ct), np.linalg.solve(m, w))"),
    ],
    "Decompositions": [
        Row("np.linalg.eigvals(m)", "m", "np.diag(np.linalg.inv(V) @ t @ V)",
            "np.linalg.inv(V).T @ np.diag(ct) @ V.T"),
        Row("np.linalg.eigvalsh(m + np.conj(m).T)", "m", "2 * np.real(np.diag(np.conj(H).T @ t @ H))",
            "2 * np.conj(H) @ np.diag(ct) @ H.T"),
        Row("np.linalg.svdvals(m)", "m", "np.real(np.diag(np.conj(U).T @ t @ np.conj(Wh).T))",
            "np.conj(U) @ np.diag(ct) @ np.conj(Wh)"),
        Row("np.linalg.slogdet(m)[1]", "m", "np.real(np.trace(np.linalg.inv(m) @ t))",
            "ct * np.linalg.inv(m).T"),
    ],
}

TEXT = """\
# Complex numbers

Complex functions are differentiated with JAX's conventions. A complex number is a pair of real ones, and derivatives
are linear over the *reals*: a tangent `t` says how far each number moves, and

$$\\mathrm{{Re}} \\sum \\bar v \\cdot \\mathrm{{jvp}}(t) = \\mathrm{{Re}} \\sum \\mathrm{{vjp}}(\\bar v) \\cdot t$$

for a cotangent $\\bar v$ (`ct` in the tables): nothing is conjugated in the pairing. For a real function $f$ of
$z = x + iy$ it follows that `grad` gives

$$\\frac{{\\partial f}}{{\\partial x}} - i \\frac{{\\partial f}}{{\\partial y}}.$$

**Steepest descent is along the conjugate of that**: `z - rate * np.conj(grad(f)(z))`.

```python
>>> import numpy as np, fxad
>>> z = 3.0 + 4.0j
>>> fxad.grad(lambda z: np.abs(z) ** 2)(z)
np.complex128(6-8j)
>>> z - 0.25 * np.conj(fxad.grad(lambda z: np.abs(z) ** 2)(z))
np.complex128(1.5+2j)
```

In the tables `z` is a complex number, `v` and `w` are complex vectors, `m` and `n` complex matrices, `x` is a real
number and `r` a real vector. The tests evaluate each formula as it is printed, against both modes and against
differences.

{tables}

{names}

## What has a complex value

`grad` asks for a real value, since a complex one has no steepest direction. `holomorphic=True` says that a function is
holomorphic; then `grad`, `jacfwd`, `jacrev` and `hessian` give the complex derivative, of complex arguments and values only.
It is taken on trust: of `np.conj` it gives a number that is no derivative.

```python
>>> fxad.grad(lambda z: z ** 3, holomorphic=True)(1.0 + 2.0j)
np.complex128(-9+12j)
```

Without it, take `np.real` and `np.imag` of the value, or `vjp` and `jvp`, which are for every function: `vjp` with the
cotangents 1 and -1j gives the gradients of the real and of the imaginary part.

```python
>>> f = lambda z: z * np.abs(z)
>>> value, pull = fxad.vjp(f, 3.0 + 4.0j)
>>> pull(1.0 + 0.0j)[0] == fxad.grad(lambda z: np.real(f(z)))(3.0 + 4.0j)
np.True_
>>> pull(-1.0j)[0] == fxad.grad(lambda z: np.imag(f(z)))(3.0 + 4.0j)
np.True_
```

`jacrev` takes complex arguments where values are real, `jacfwd` complex values where arguments are real; `hessian` neither.
`hvp` is for any real function.

## What dtypes are

The gradient with respect to a real argument is real, and with respect to a complex one complex, whatever is in between;
complex64 stays complex64. Where real numbers become complex the imaginary part of a cotangent is dropped on the way back,
since nothing can move in its direction.

## Choices that a decomposition makes

Eigenvectors and singular vectors are defined up to a factor of absolute value 1. fxad differentiates what LAPACK chose:
what does not depend on the choice has the derivative that mathematics gives it, and anything else none that means
anything. `eigh` and `cholesky` take a matrix for Hermitian, whatever stands in its other triangle.
"""


def bindings(point: dict[str, Any]) -> dict[str, Any]:
    """The names in the formulas: the points, and what decompositions of `m` give."""
    m = point["m"]
    u, _, wh = np.linalg.svd(m)
    return {**point, "np": np, "V": np.linalg.eig(m)[1], "H": np.linalg.eigh(m + np.conj(m).T)[1], "U": u, "Wh": wh}


NAMES = """`V` are the eigenvectors of `m`, `H` those of `m + np.conj(m).T` (`np.linalg.eigh`), and `U, s, Wh` are
`np.linalg.svd(m)`."""


def page() -> str:
    """The text of the page."""
    tables = []
    for title, rows in TABLES.items():
        if rows[0].holomorphic:
            cells = [(f"`{r.text}`", [f"`{r.jvp}`"]) for r in rows]
            tables.append(f"## {title}\n\nThe derivative multiplies a tangent, and a cotangent too.\n\n" + table(
                "function", ["derivative"], cells))
        else:
            cells = [(f"`{r.text}`", [f"`{r.jvp}`", f"`{r.vjp}`"]) for r in rows]
            tables.append(f"## {title}\n\n" + table("function", ["jvp", "vjp"], cells))
    return TEXT.format(tables="\n\n".join(tables), names=NAMES)


if __name__ == "__main__":
    PAGE.write_text(page())
