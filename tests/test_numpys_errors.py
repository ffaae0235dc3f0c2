"""NumPy's errors keep their type and their text, and say in a note where the user wrote what raised them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fxad

V, M, EYE, SINGULAR = np.ones(3), np.ones((2, 3)), np.eye(3), np.zeros((3, 3))
Function = Callable[[Any], Any]
MISTAKES: dict[str, tuple[Function, Any]] = {
    "shapes": (lambda x: x + np.ones(4), V), "matmul": (lambda x: x @ np.ones((4, 2)), M),
    "dot": (lambda x: np.dot(x, np.ones(4)), V),
    "einsum": (lambda x: np.einsum("ij,jk", x, np.ones((4, 4))), M),
    "subscripts": (lambda x: np.einsum("ij->k", x), M), "axis": (lambda x: np.sum(x, axis=2), M),
    "axes": (lambda x: np.sum(x, axis=(0, 0)), M), "max of nothing": (lambda x: np.max(x[:0]), V),
    "argmax of nothing": (lambda x: np.argmax(x[:0]), V), "reshape": (lambda x: x.reshape(2, 2), V),
    "reshape -1": (lambda x: x.reshape(-1, -1), V), "transpose": (lambda x: np.transpose(x, (0, 0)), M),
    "squeeze": (lambda x: np.squeeze(x, 0), M), "expand_dims": (lambda x: np.expand_dims(x, 5), M),
    "swapaxes": (lambda x: np.swapaxes(x, 0, 2), M),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 2)), V),
    "concatenate": (lambda x: np.concatenate([x, np.ones((2, 4))]), M), "stack": (
        lambda x: np.stack([x, np.ones(4)]), V), "split": (lambda x: np.split(x, 2), V),
    "repeat": (lambda x: np.repeat(x, [1, 2]), V), "pad": (lambda x: np.pad(x, 1, mode="nope"), V),
    "roll": (lambda x: np.roll(x, 1, axis=3), V), "index": (lambda x: x[5], V),
    "indices": (lambda x: x[0, 0], V),
    "index array": (lambda x: x[np.array([0, 7])], V), "float index": (lambda x: x[1.0], V),
    "mask": (lambda x: x[np.array([True, False])], V), "traced index": (lambda x: x[np.argmax(x) + 9], V),
    "take": (lambda x: np.take(x, [9]), V), "assignment": (lambda x: x.copy().__setitem__(9, 1.0), V),
    "len": (lambda x: len(x[0]), V), "iteration": (lambda x: list(x[0]), V),
    "inv of a rectangle": (lambda x: np.linalg.inv(x), M), "inv": (lambda x: np.linalg.inv(x), SINGULAR),
    "solve": (lambda x: np.linalg.solve(x, np.ones(3)), SINGULAR), "solve shapes": (
        lambda x: np.linalg.solve(x, np.ones(4)), EYE), "cholesky": (lambda x: np.linalg.cholesky(-x), EYE),
    "svd": (lambda x: np.linalg.svd(x * np.nan), EYE), "norm": (lambda x: np.linalg.norm(x, "nope"), M),
    "bits": (lambda x: x & 1, V), "invert": (lambda x: ~x, V), "bool minus": (lambda x: (x > 0) - (x > 0), V),
    "floor": (lambda x: np.floor(x + 1j), V), "power": (lambda x: (x > 0).astype(int) ** -1, V),
    "dtype": (lambda x: x.astype("nope"), V), "attribute": (lambda x: x.nope, V),
    "keyword": (lambda x: np.sum(x, foo=1), V), "interp": (lambda x: np.interp(x, [1, 2], [1, 2, 3]), V),
    "quantile": (lambda x: np.quantile(x, 2.0), V), "linspace": (lambda x: np.linspace(x, 1, -1), V),
    "average": (lambda x: np.average(x, weights=np.zeros(3)), V), "where": (
        lambda x: np.where(x > 0, x, np.ones(4)), V), "select": (lambda x: np.select([x > 0], [x, x]), V),
    "fft": (lambda x: np.fft.fft(x, n=0), V), "roots": (lambda x: np.roots(x), M), "partition": (
        lambda x: np.partition(x, 9), V), "cross": (lambda x: np.cross(x, np.ones(4)), V),
    "meshgrid": (lambda x: np.meshgrid(x, x, indexing="no"), V), "diff": (lambda x: np.diff(x, n=-1), V),
}


def raised(f: Function, x: Any) -> Exception:
    try:
        with np.errstate(all="ignore"):
            f(x)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def ways(f: Function) -> Iterator[tuple[str, Function]]:
    yield "jit", fxad.jit(f)
    yield "jvp", lambda x: fxad.jvp(f, (x,), (np.ones_like(x),))
    yield "vjp", lambda x: fxad.vjp(f, x)
    yield "vmap", lambda x: fxad.vmap(f)(x[None])


@pytest.mark.parametrize("name", MISTAKES)
def test_types_are_numpys(name: str) -> None:
    f, x = MISTAKES[name]
    expected = raised(f, x)
    for way, run in ways(f):
        error = raised(run, x)
        assert isinstance(error, type(expected)), f"{way}: {error!r}, not {expected!r}"
        said = str(error) + "".join(getattr(error, "__notes__", ()))
        traceback = error.__traceback__
        assert traceback is not None
        while traceback.tb_next is not None:
            traceback = traceback.tb_next
        # The line is in the text, in the note, or it is the last of the traceback.
        assert __file__ in said or traceback.tb_frame.f_code.co_filename == __file__, f"{way}: {said}"


def model(x: Any) -> Any:
    y = x * 2.0
    return np.sum(np.linalg.inv(y))


def other_model(x: Any) -> Any:
    y = x * 2.0
    return np.sum(np.linalg.inv(y))


@pytest.mark.parametrize("transform", [
    fxad.grad, fxad.jit, fxad.value_and_grad, fxad.jacrev, fxad.jacfwd,
    lambda f: lambda x: fxad.vmap(f)(x[None]),
    lambda f: lambda x: fxad.jvp(f, (x,), (x,)), lambda f: lambda x: fxad.vjp(f, x),
    lambda f: lambda x: fxad.linearize(f, x),
])
def test_an_error_at_run_time_says_where_it_was_written(transform: Any) -> None:
    for f in (model, other_model):
        transformed = transform(f)
        line = f.__code__.co_firstlineno + 2
        transformed(EYE)
        # Interpreted, then compiled; what was derived for one function serves the other.
        for _ in range(3):
            error = raised(transformed, SINGULAR)
            assert type(error) is np.linalg.LinAlgError
            assert str(error) == "Singular matrix"
            notes = getattr(error, "__notes__", [])
            assert len(notes) == (f is model or bool(notes)), notes
            for note in notes:
                assert note.startswith("This is where it was written:")
                assert f"{__file__}:{line}, in {f.__name__}" in note, note
                assert "np.linalg.inv(y)" in note


def test_in_transforms_of_transforms() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.linalg.inv(np.sin(x)) * np.cos(x))

    for transformed in (fxad.hessian(f), fxad.jit(fxad.grad(f)), lambda x: fxad.vmap(fxad.grad(f))(x[None])):
        for _ in range(3):
            error = raised(transformed, SINGULAR)
            (note,) = error.__notes__
            assert "np.linalg.inv(np.sin(x))" in note


def test_the_note_marks_the_expression() -> None:
    error = raised(fxad.jit(lambda x: np.sum(x) + x[7]), V)
    (note,) = error.__notes__
    _, _, place, text, marks = note.split("\n")
    assert place.startswith(f"  {__file__}:")
    assert text[marks.index("^") : marks.rindex("^") + 1] == "x[7]"


def test_in_the_scalar_tier() -> None:
    with np.errstate(all="raise"):
        for f in (fxad.jit(lambda x: np.log(x) * 2.0), fxad.grad(lambda x: np.log(x) * 2.0)):
            for _ in range(3):
                with pytest.raises(FloatingPointError, match="divide by zero encountered in log") as info:
                    f(0.0)
                (note,) = info.value.__notes__
                assert "np.log(x)" in note


def test_errors_of_the_users_own_have_no_note() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    for _, run in ways(f):
        assert not hasattr(raised(run, V), "__notes__")
    error = raised(fxad.grad(lambda x: fxad.jit(lambda x: x[9])(x)), V)
    assert len(error.__notes__) == 1  # once, however deep


def test_an_error_that_is_caught_is_the_users_to_handle() -> None:
    def safe(x: Any) -> Any:
        try:
            return x[9]
        except IndexError:
            return x[0]

    np.testing.assert_array_equal(fxad.grad(safe)(V), [1, 0, 0])
    np.testing.assert_array_equal(fxad.jit(fxad.grad(safe))(V), [1, 0, 0])
