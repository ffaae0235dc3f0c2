"""A traced value that outlives its function: every way out, and every use is refused with its origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad
from fxad.errors import TracerLeak

TRANSFORMS: dict[str, tuple[Callable[..., Any], Any]] = {
    "grad": (fxad.grad, 2.0),
    "jit": (fxad.jit, 2.0),
    "vmap": (fxad.vmap, np.ones(3)),
    "jvp": (lambda f: lambda x: fxad.jvp(f, (x,), (x,)), 2.0),
    "vjp": (lambda f: lambda x: fxad.vjp(f, x), 2.0),
    "linearize": (lambda f: lambda x: fxad.linearize(f, x), 2.0),
}

USES: dict[str, Callable[[Any], Any]] = {
    "an operator": lambda t: t + 1.0,
    "a reflected operator": lambda t: 1.0 - t,
    "with itself": lambda t: t * t,
    "a function": np.sin,
    "a comparison and a decision": lambda t: bool(t > 0),
    "a decision": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "item": lambda t: t.item(),
    "tolist": lambda t: t.tolist(),
    "an array of it": np.asarray,
    "its value": fxad.value_of,
    "a method": lambda t: t.sum(),
    "in another gradient": lambda t: fxad.grad(lambda x: x * t)(1.0),
    "in another jit": lambda t: fxad.jit(lambda x: x * t)(1.0),
    "as an argument": lambda t: fxad.grad(lambda x: x * 2.0)(t),
    "returned by another": lambda t: fxad.jit(lambda x: t)(1.0),
    "in a stack": lambda t: np.stack([t, t]),
}


def smuggled(transform: str) -> Any:
    kept: list[Any] = []

    def keeps(x: Any) -> Any:
        y = x * 3.0
        kept.append(y)
        return y * 2.0

    made, argument = TRANSFORMS[transform]
    made(keeps)(argument)
    return kept[0]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("use", USES)
def test_every_use_is_refused(transform: str, use: str) -> None:
    leaked = smuggled(transform)
    with pytest.raises(TracerLeak) as caught:
        USES[use](leaked)
    text = str(caught.value)
    assert text.startswith(
        f"a traced value was used after its trace ({transform}) had ended. It was kept somewhere outside the"
        " function: in a list, a global or an attribute.")
    assert "test_leaks.py:" in text
    assert "made at test_leaks.py:" in text
    assert "by  x * 3.0" in text
    assert text.endswith("Write instead: return the value from the function (has_aux=True passes it through)")


def test_what_is_known_of_it_can_still_be_read() -> None:
    leaked = smuggled("grad")
    assert (leaked.shape, leaked.ndim, leaked.dtype) == ((), 0, np.float64)
    assert repr(leaked) == "Tracer(f64[])" or repr(leaked) == "Tracer(~f64[])"


KEPT: Any = None


class Holder:
    value: Any = None


def by_global(x: Any) -> Any:
    global KEPT
    KEPT = x * 2.0
    return x


def by_attribute(x: Any) -> Any:
    Holder.value = x * 2.0
    return x


def by_exception(x: Any) -> Any:
    raise ArithmeticError(x * 2.0)


def test_by_a_global_and_an_attribute() -> None:
    fxad.grad(by_global)(1.0)
    fxad.jit(by_attribute)(1.0)
    for leaked in (KEPT, Holder.value):
        with pytest.raises(TracerLeak, match=r"by  x \* 2\.0"):
            leaked + 1.0


def test_by_an_exception() -> None:
    for transform in (fxad.grad, fxad.jit):
        with pytest.raises(ArithmeticError) as raised:
            transform(by_exception)(1.0)
        with pytest.raises(TracerLeak, match=r"by  x \* 2\.0"):
            raised.value.args[0] + 1.0


def test_by_a_generator_that_goes_on() -> None:
    kept: list[Iterator[Any]] = []

    def f(x: Any) -> Any:
        def pieces() -> Iterator[Any]:
            yield x * 2.0
            yield x * 3.0

        kept.append(pieces())
        return next(kept[-1])

    fxad.grad(f)(1.0)
    with pytest.raises(TracerLeak, match="input 'x' of the function under grad"):
        next(kept[0])


def test_by_a_closure_that_is_called_later() -> None:
    kept: list[Callable[[], Any]] = []

    def f(x: Any) -> Any:
        kept.append(lambda: x * 2.0)
        return x

    fxad.jit(f)(1.0)
    with pytest.raises(TracerLeak, match="input 'x' of the function under jit"):
        kept[0]()


def test_by_a_dict_that_is_looked_up_later() -> None:
    table: dict[Any, Any] = {}

    def f(n: Any) -> Any:
        table[n] = 1.0
        return 1.0 * n

    fxad.jit(f)(3)
    (leaked,) = table
    with pytest.raises(TracerLeak, match="input 'n' of the function under jit"):
        table[leaked]
    assert table.get(4) is None


def test_an_inner_value_used_in_the_outer_function() -> None:
    kept: list[Any] = []

    def inner(y: Any) -> Any:
        kept.append(y * 2.0)
        return y

    def outer(x: Any) -> Any:
        fxad.grad(inner)(x)
        return x * kept[-1]

    for f in (fxad.grad(outer), fxad.jit(outer), fxad.jit(fxad.grad(outer))):
        with pytest.raises(TracerLeak, match=r"by  y \* 2\.0"):
            f(1.0)


def test_a_later_call_is_unharmed() -> None:
    smuggled("jit")
    assert fxad.jit(lambda x: x * 3.0)(2.0) == 6.0
    assert fxad.grad(lambda x: x * 3.0)(2.0) == 3.0
