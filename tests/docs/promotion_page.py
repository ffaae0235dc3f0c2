"""The page `docs/promotion.md`: its tables are written by asking fxad, never by hand.

`python -m tests.docs.promotion_page` writes the page; `test_promotion_page` fails where it is stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import fxad
from fxad.ir import dtype_name
from tests.numpy.test_promotion import DTYPES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "promotion.md"

#: The numbers of Python's that stand for their kinds.
KINDS: dict[str, Any] = {"bool": True, "int": 3, "float": 1.5, "complex": 2j}

#: Functions whose value has a dtype of its own, of one array and of one with itself.
OWN: dict[str, Callable[[Any], Any]] = {
    "`x + x`, `x * x`": lambda x: x + x, "`x - x`": lambda x: x - x, "`x / x`": lambda x: x / x,
    "`x // x`": lambda x: x // x, "`x ** x`": lambda x: x ** x, "`x ** 3`": lambda x: x ** 3,
    "`x < x`": lambda x: x < x, "`x & x`": lambda x: x & x, "`~x`": lambda x: ~x, "`-x`": lambda x: -x,
    "`abs(x)`": abs, "`np.sqrt(x)`, `np.exp(x)`": np.sqrt,
    "`np.hypot(x, x)`": lambda x: np.hypot(x, x), "`np.sum(x)`, `np.prod(x)`": np.sum,
    "`np.cumsum(x)`": np.cumsum, "`np.mean(x)`": np.mean, "`np.max(x)`": np.max,
    "`np.argmax(x)`": np.argmax, "`np.linalg.norm(x)`": np.linalg.norm, "`np.fft.fft(x)`": np.fft.fft,
    "`np.real(x)`": np.real, "`np.angle(x)`": np.angle,
}

#: Ints that the dtype beside them does not hold.
OUT_OF_RANGE: dict[str, Callable[[Any], Any]] = {
    "`np.uint8([1, 250]) + 300`": lambda n: np.array([1, 250], np.uint8) + n(300),
    "`np.uint8([1, 250]) * -1`": lambda n: np.array([1, 250], np.uint8) * n(-1),
    "`np.uint8([1, 250]) < 300`": lambda n: np.array([1, 250], np.uint8) < n(300),
    "`np.float32([1, 2]) + 2**40`": lambda n: np.array([1, 2], np.float32) + n(2**40),
    "`np.array([1, 2]) + 2**70`": lambda n: np.array([1, 2]) + n(2**70),
    "`np.array([1.0, 2.0]) + 2**70`": lambda n: np.array([1.0, 2.0]) + n(2**70),
}

TEXT = """\
# Promotion of dtypes

The dtype of a value is NumPy 2's, exactly, whether it is traced or not: arrays and NumPy's scalars promote by their
dtypes alone, and Python's numbers are *weak*, so that `2.5 * x` of a float32 `x` is float32
([NEP 50](https://numpy.org/neps/nep-0050-scalar-promotion.html)). A rank-0 array counts as any array. The tests compare
each entry of the tables, and many more operations, with NumPy itself.

The tables are written by fxad: what they say is what it does. Dtypes have the short names of a printed Program:
`f32` is `np.float32`, `u8` is `np.uint8`, `c128` is `np.complex128`.

## Two arrays, or an array and a NumPy scalar

The dtype of `x + y`. It is the same for `*`, `np.maximum`, `np.where(mask, x, y)` and `np.concatenate`.

{pairs}

## An array and a Python number

The number takes the dtype of the array where that has its kind. It makes no difference whether the number is written in
the function, closed over, or an argument of it.

{numbers}

## Ints out of range

An int that the dtype beside it does not hold is NumPy's `OverflowError`; a comparison is exact, and beside floats it is
rounded. Again the same holds for a number that is traced, which is where other libraries wrap around.

{out_of_range}

An int that not even an int64 holds is not traced: as an argument of a jitted function it is static.

## Functions with dtypes of their own

{own}

`TypeError` is NumPy's own, for what it does not compute.

## Derivatives

A gradient has the dtype of the argument that it belongs to, a tangent that of the value: float32 stays float32, through
every derivative, also where a function mixes it with others.

```python
>>> import numpy as np, fxad
>>> x = np.ones(3, np.float32)
>>> fxad.grad(lambda x: np.sum(np.arange(3.0) * x))(x).dtype
dtype('float32')
>>> fxad.hessian(lambda x: np.sum(2.5 * x ** 3))(x).dtype
dtype('float32')
```

`np.longdouble` and its complex kind are refused: they are another type on each machine.
"""


def name_of(function: Callable[..., Any], *args: Any) -> str:
    """The short name of the dtype of a traced call, or the name of its error."""
    try:
        return f"`{dtype_name(fxad.eval_shape(function, *args).dtype)}`"
    except TypeError:
        return "TypeError"


def arrays() -> list[Any]:
    return [np.ones(2, dtype) for dtype in DTYPES]


def table(corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    lines = [[corner, *columns], ["---"] * (len(columns) + 1), *[[name, *cells] for name, cells in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def outcome(call: Callable[[Any], Any], traced: bool) -> str:
    """The value of a call with a number that is written there, or traced."""
    def compute() -> Any:
        if not traced:
            return fxad.jit(lambda: call(lambda n: n))()
        numbers: list[int] = []
        call(lambda n: numbers.append(n) or 0)
        return fxad.jit(lambda ns: call(lambda n: ns[n]))({n: n for n in numbers})

    try:
        made = compute()
    except OverflowError as error:
        return f"OverflowError: {error}"
    return f"`{made.tolist()}`, `{dtype_name(made.dtype)}`"


def page() -> str:
    """The text of the page."""
    short = [f"`{dtype_name(d)}`" for d in DTYPES]
    kinds = [f"`{kind}`" for kind in KINDS]
    pairs = [(f"**{name}**", [name_of(lambda x, y: x + y, x, y) for y in arrays()])
             for name, x in zip(short, arrays(), strict=True)]
    numbers = [(f"**{name}**", [name_of(lambda x, v=v: x + v, x) for v in KINDS.values()])
               for name, x in zip(short, arrays(), strict=True)]
    own = [(name, [name_of(f, x) for x in arrays()]) for name, f in OWN.items()]
    beyond = [(name, [outcome(call, False)]) for name, call in OUT_OF_RANGE.items()]
    return TEXT.format(
        pairs=table("`x + y`", short, pairs), numbers=table("`x + n`", kinds, numbers),
        own=table("", short, own), out_of_range=table("", ["gives"], beyond))


if __name__ == "__main__":
    PAGE.write_text(page())
