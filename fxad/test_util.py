"""Checking derivatives against finite differences, for tests of one's own functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api import jvp, vjp

__all__ = ["check_grads"]

#: By the bytes of a real number: the step of a difference, and how close the derivative has to be.
#: A difference of fourth order is off by about step**4, and by rounding / step.
_STEPS = {2: (2e-1, 1e-1), 4: (2e-2, 5e-3), 8: (2e-4, 1e-6)}

Leaves = list[Any]


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
) -> None:
    """Compare the derivatives of a function with finite differences, and raise where they differ.

    Directions and cotangents are random, the same at every call. Of each derivative that is found
    right, the derivative is checked in turn, up to `order`, in every sequence of `modes`.

    Args:
        f: a function of arrays (in pytrees) to arrays, smooth around `args`.
        args: its arguments. Integers, flags and other leaves without a derivative stay as they are.
        order: the highest order of derivatives to check.
        modes: "fwd" checks `jvp`, "rev" checks `vjp`.
        eps: the step of the differences; by default one that suits the narrowest dtype.
        atol: absolute tolerance, for values around 1; by default one that suits the narrowest dtype.
        rtol: relative tolerance; likewise.

    Raises:
        AssertionError: a derivative is wrong; it names the mode, the order and the leaf.
        ValueError: `modes` or `order` is not one of those above.

    >>> import numpy as np, fxad
    >>> fxad.test_util.check_grads(lambda x: np.sin(x) * x, (np.arange(3.0),), order=3)
    """
    if not modes or any(mode not in ("fwd", "rev") for mode in modes):
        raise ValueError(f"modes are 'fwd' and 'rev', not {modes!r}")
    if order < 1:
        raise ValueError(f"the order of a derivative is at least 1, not {order!r}")
    function, values = _on_leaves(f, args)
    _Check(tuple(modes), eps, atol, rtol).run(function, values, order, ())


class _OnLeaves:
    """A function from floating leaves to floating leaves, and what these are called."""

    def __init__(
        self, call: Callable[[Leaves], Leaves], inputs: list[str], outputs: list[str]
    ) -> None:
        self.call = call
        self.inputs = inputs
        self.outputs = outputs


def _on_leaves(f: Callable[..., Any], args: Sequence[Any]) -> tuple[_OnLeaves, Leaves]:
    paths, treedef = tree.flatten_with_path(tuple(args))
    moving = [i for i, (_, leaf) in enumerate(paths) if _inexact(leaf)]

    def call(values: Leaves) -> Leaves:
        leaves = [leaf for _, leaf in paths]
        for i, value in zip(moving, values, strict=True):
            leaves[i] = value
        return [x for x in tree.leaves(f(*tree.unflatten(treedef, leaves))) if _inexact(x)]

    inputs = [f"argument {tree.keystr(paths[i][0])}" for i in moving]
    outs, _ = tree.flatten_with_path(f(*args))
    outputs = [f"output {tree.keystr(path)}".rstrip() for path, leaf in outs if _inexact(leaf)]
    return _OnLeaves(call, inputs, outputs), [paths[i][1] for i in moving]


def _inexact(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return isinstance(leaf, (float, complex)) if dtype is None else dtype.kind in "fc"


def _like(moved: Any, value: Any) -> Any:
    """`moved` in the dtype of `value`; a Python number, which is weak, stays one."""
    if isinstance(value, (float, complex)) and not isinstance(value, np.generic):
        return type(value)(moved)
    return np.asarray(moved, np.asarray(value).dtype)[()]


def _described(modes: tuple[str, ...]) -> str:
    return f"order {len(modes)}, {' over '.join(modes)}"


class _Check:
    """The settings of one call of `check_grads`, and its random numbers."""

    def __init__(
        self, modes: tuple[str, ...], eps: float | None, atol: float | None, rtol: float | None
    ) -> None:
        self.modes = modes
        self.eps = eps
        self.atol = atol
        self.rtol = rtol
        self.rng = np.random.default_rng(0)

    def run(self, f: _OnLeaves, values: Leaves, orders: int, over: tuple[str, ...]) -> None:
        """Check the derivatives of `f`, and theirs; `f` is the derivative that `over` says."""
        outs = f.call(values)
        widths = [np.finfo(np.asarray(v).dtype).dtype.itemsize for v in (*values, *outs)]
        step, near = _STEPS[min([w for w in widths if w in _STEPS], default=8)]
        self.step = self.eps or step
        self.near = {"atol": near if self.atol is None else self.atol,
                     "rtol": near if self.rtol is None else self.rtol}
        directions = [self.random(v) for v in values]
        cts = [self.random(o) for o in outs]
        if "fwd" in self.modes:
            self.forward(f, values, directions, outs, _described(("fwd", *over)))
            if orders > 1:
                pushed = _OnLeaves(
                    lambda x: jvp(f.call, (x,), (directions,))[1], f.inputs, f.outputs)
                self.run(pushed, values, orders - 1, ("fwd", *over))
        if "rev" in self.modes:
            self.reverse(f, values, cts, outs, _described(("rev", *over)))
            if orders > 1:
                pulled = _OnLeaves(lambda x: vjp(f.call, x)[1](cts)[0], f.inputs, f.inputs)
                self.run(pulled, values, orders - 1, ("rev", *over))

    def random(self, value: Any) -> Any:
        """A direction of the shape and dtype of `value`, as a NumPy value."""
        value = np.asarray(value)
        x = self.rng.normal(size=value.shape)
        if value.dtype.kind == "c":
            x = x + 1j * self.rng.normal(size=value.shape)
        return np.asarray(x, value.dtype)[()]

    def forward(
        self, f: _OnLeaves, values: Leaves, directions: Leaves, outs: Leaves, name: str
    ) -> None:
        """The tangent of every output against the difference along one direction of all inputs."""
        found_outs, tangents = jvp(f.call, (values,), (directions,))
        numeric = self.difference(f, values, directions)
        for leaf, out, own, tangent, expected in zip(
            f.outputs, outs, found_outs, tangents, numeric, strict=True
        ):
            self.same(own, out, f"{name}: the value beside the tangent, {leaf}")
            self.same(tangent, expected, f"{name}: the tangent of {leaf}")

    def reverse(self, f: _OnLeaves, values: Leaves, cts: Leaves, outs: Leaves, name: str) -> None:
        """The cotangent of every input, along a direction, against the difference along it."""
        found_outs, pullback = vjp(f.call, values)
        for leaf, out, own in zip(f.outputs, outs, found_outs, strict=True):
            self.same(own, out, f"{name}: the value beside the pull-back, {leaf}")
        (pulled,) = pullback(cts)
        for i, leaf in enumerate(f.inputs):
            if pulled[i].dtype != np.asarray(values[i]).dtype:
                raise AssertionError(
                    f"{name}: the cotangent of {leaf} has dtype {pulled[i].dtype}, and the argument"
                    f" {np.asarray(values[i]).dtype}")
            direction = self.random(values[i])
            along = [direction if j == i else np.zeros_like(v) for j, v in enumerate(values)]
            numeric = self.difference(f, values, along)
            expected = sum(np.sum(np.real(c * n)) for c, n in zip(cts, numeric, strict=True))
            actual = np.sum(np.real(pulled[i] * direction))
            self.same(actual, expected, f"{name}: the cotangent of {leaf}, along a random direction")

    def difference(self, f: _OnLeaves, values: Leaves, directions: Leaves) -> Leaves:
        """The derivative along a direction: a central difference of fourth order."""

        def at(steps: float) -> Leaves:
            h = steps * self.step
            return f.call([_like(v + h * d, v) for v, d in zip(values, directions, strict=True)])

        return [
            (8 * (a - b) - (c - d)) / (12 * self.step)
            for a, b, c, d in zip(at(1), at(-1), at(2), at(-2), strict=True)
        ]

    def same(self, actual: Any, expected: Any, message: str) -> None:
        actual, expected = np.asarray(actual), np.asarray(expected)
        scale = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=1.0))
        np.testing.assert_allclose(
            actual, expected, rtol=self.near["rtol"], atol=self.near["atol"] * scale,
            err_msg=f"check_grads: {message} is wrong")
