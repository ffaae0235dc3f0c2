"""`associative_scan`: all running totals of an associative operation, in a logarithmic number of steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.bodies import array_leaf, describe_types, mismatch
from fxad.api.recording import function_name, leaf_type, stacked
from fxad.errors import TreeMismatch, explain
from fxad.source import Source
from fxad.tracing import Tracer

__all__ = ["associative_scan"]


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """The running totals of `elems` under an associative operation: `cumsum` for `fn = np.add`.

    The totals of neighbours are found by the same function for half the elements, so that `fn` is called
    about 2 log2(n) times on whole arrays, instead of n times on elements.

    Args:
        fn: associative, `fn(fn(a, b), c)` equal to `fn(a, fn(b, c))`. It is given two trees like `elems`,
            with any number of elements along `axis`, and gives one of the same structure and types.
        elems: a pytree of arrays of one length n along `axis`.
        reverse: from the last element to the first.
        axis: the axis along which the elements stand; negative ones count from the last.

    Returns:
        A tree like `elems`: at each place the total of the elements up to there, that one included.

    Raises:
        TypeMismatch: the arrays differ in length, have no such axis, or `fn` changes a shape or dtype.
        TreeMismatch: `fn` changes the structure.

    Source: Blelloch, Prefix sums and their applications, 1990, section 1.3.

    >>> import numpy as np, fxad
    >>> fxad.lax.associative_scan(np.maximum, np.array([1.0, 3.0, 2.0, 5.0, 4.0]))
    array([1., 3., 3., 5., 5.])
    >>> compose = lambda f, g: (f[0] * g[0], g[0] * f[1] + g[1])  # of x -> a x + b
    >>> fxad.lax.associative_scan(compose, (np.full(3, 2.0), np.ones(3)))
    (array([2., 4., 8.]), array([1., 3., 7.]))
    """
    check_callable(fn, "associative_scan")
    leaves, treedef = tree.flatten(elems)
    arrays = [_array(leaf) for leaf in leaves]
    axes = [_axis(x, axis) for x in arrays]
    lengths = {x.shape[a] for x, a in zip(arrays, axes, strict=True)}
    if len(lengths) != 1:
        raise mismatch(
            "associative_scan needs arrays of one length along the axis, and was given"
            f" {describe_types(treedef, [leaf_type(x) for x in arrays])}.", "arrays of one length")
    (count,) = lengths

    def combine(left: list[Any], right: list[Any]) -> list[Any]:
        made = fn(tree.unflatten(treedef, left), tree.unflatten(treedef, right))
        return _like(made, left, treedef, function_name(fn))

    def part(xs: list[Any], *bounds: int | None) -> list[Any]:
        return [x[(slice(None),) * a + (slice(*bounds),)] for x, a in zip(xs, axes, strict=True)]

    def totals(xs: list[Any], n: int) -> list[Any]:
        if n < 2:
            return xs
        odd = totals(combine(part(xs, 0, n - 1, 2), part(xs, 1, None, 2)), n // 2)
        even = part(xs, 0, 1)
        if n > 2:
            before = odd if n % 2 else part(odd, 0, -1)
            rest = combine(before, part(xs, 2, None, 2))
            even = [np.concatenate([a, b], axis) for a, b, axis in zip(even, rest, axes, strict=True)]
        return [_interleaved(a, b, axis) for a, b, axis in zip(even, odd, axes, strict=True)]

    if reverse:
        arrays = part(arrays, None, None, -1)
    found = totals(arrays, count)
    if reverse:
        found = part(found, None, None, -1)
    return tree.unflatten(treedef, [x if isinstance(x, Tracer) else np.array(x) for x in found])


def _interleaved(a: Any, b: Any, axis: int) -> Any:
    """a[0], b[0], a[1], b[1], ... along `axis`; `a` may be one longer."""
    n = b.shape[axis]
    before = (slice(None),) * axis
    pairs = np.stack([a[(*before, slice(n))], b], axis + 1)
    both = pairs.reshape((*a.shape[:axis], 2 * n, *a.shape[axis + 1 :]))
    return both if a.shape[axis] == n else np.concatenate([both, a[(*before, slice(n, None))]], axis)


def _array(leaf: Any) -> Any:
    leaf = array_leaf(leaf, "an element of associative_scan")
    return leaf if isinstance(leaf, Tracer) else np.asarray(leaf)


def _axis(x: Any, axis: int) -> int:
    axis = operator.index(axis)
    if not -x.ndim <= axis < x.ndim:
        raise mismatch(f"associative_scan along axis {axis} was given {leaf_type(x).strong}.",
                       "an axis that all arrays have")
    position: int = axis % x.ndim
    return position


def _like(made: Any, given: list[Any], treedef: Any, name: str) -> list[Any]:
    """The leaves of what `fn` gave, which is structured and typed as what it was given."""
    leaves, found = tree.flatten(made)
    if found != treedef:
        raise TreeMismatch(explain(
            f"associative_scan: {name} changes the structure of its elements:\n"
            f"  given: {treedef}\n  returned: {found}",
            source=Source.here(), fix="the same structure as its arguments"))
    leaves = [_array(stacked(leaf)) for leaf in leaves]
    before, after = ([leaf_type(x).strong for x in xs] for xs in (given, leaves))
    if before != after:
        raise mismatch(
            f"associative_scan: {name} changes the types of its elements:\n"
            f"  given: {describe_types(treedef, before)}\n  returned: {describe_types(treedef, after)}",
            "the same shapes and dtypes as its arguments")
    return leaves
