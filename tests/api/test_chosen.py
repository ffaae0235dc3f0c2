"""What a mask chooses where it has no value: for `x[mask] += v`, and an error wherever else it arrives."""

import numpy as np
import pytest

import fxad
from fxad.errors import ConcretizationError

X = np.array([1.0, -1.0, 2.0])
USES = {
    "returned": lambda x: x[x > 0],
    "in a tree": lambda x: {"a": x[x > 0]},
    "summed": lambda x: np.sum(x[x > 0]),
    "a method": lambda x: x[x > 0].sum(),
    "beside the array": lambda x: x[x > 0] * x,
    "concatenated": lambda x: np.concatenate([x[x > 0], x]),
    "written elsewhere": lambda x: x.at[0].set(x[x > 0]),
    "chosen from": lambda x: np.where(x > 0, x[x > 0], 0),
    "decided on": lambda x: 1.0 if x[x > 0] else 0.0,
    "linalg": lambda x: np.linalg.norm(x[x > 0]),
    "cond": lambda x: fxad.lax.cond(x[0] > 0, np.sin, np.cos, x[x > 0]),
    "scan": lambda x: fxad.lax.scan(lambda c, _: (c, None), x[x > 0], None, 2)[0],
    "checkpoint": lambda x: fxad.checkpoint(np.sin)(x[x > 0]),
    "differentiated": lambda x: fxad.grad(np.sum)(x[x > 0]),
    "a primitive": lambda x: fxad.primitives.trigonometric.sin(x[x > 0]),
    "its shape": lambda x: x[x > 0].shape,
    "jitted": lambda x: fxad.jit(np.sin)(x[x > 0]),
}


@pytest.mark.parametrize("use", USES)
def test_there_is_no_array_of_them(use):
    f = USES[use]
    for run in (lambda: fxad.jit(f)(X), lambda: fxad.vmap(f)(X[None])):
        with pytest.raises(ConcretizationError, match=r"np\.where\(mask, x, 0\)") as error:
            run()
        assert f"{__file__}:" in str(error.value)


def test_they_can_be_changed_in_place():
    def f(x):
        y = x * 2
        y[y > 0] += 1
        y[x < 0] = np.exp(y[x < 0]) * 3
        return y

    want = np.where(X > 0, 2 * X + 1, 3 * np.exp(2 * X))
    slope = np.where(X > 0, 2.0, 6 * np.exp(2 * X))
    np.testing.assert_allclose(f(X), want)
    for run in (f, fxad.jit(f), lambda x: fxad.vmap(f)(x[None])[0]):
        np.testing.assert_allclose(run(X), want)
        np.testing.assert_allclose(fxad.grad(lambda x, run=run: np.sum(run(x)))(X), slope)
