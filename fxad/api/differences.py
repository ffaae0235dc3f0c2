"""Derivatives by central differences, for functions of which nothing better is known.

The step for an element x is `cbrt(eps) * max(1, |x|)`, which balances the truncation error, of second order
in the step, with rounding (Dennis and Schnabel 1983, section 5.6).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad import tree
from fxad.api.compilation import ShapeDtypeStruct
from fxad.api.recording import is_array, leaf_type
from fxad.errors import NonDifferentiable, explain
from fxad.ir.types import ArrayType
from fxad.source import Source

if TYPE_CHECKING:
    from fxad.api.user_primitives import Primitive

__all__ = ["Differences"]


class Differences:
    """The rules of a primitive that is differentiated numerically.

    What they compute numerically are primitives in their turn, so that second derivatives exist.
    """

    def __init__(self, owner: Primitive, make: Callable[[Callable[..., Any], str], Primitive], *,
                 warn: bool = True) -> None:
        self._owner = owner
        self._make = make
        self._warn = warn
        self._along: Primitive | None = None
        self._whole: Primitive | None = None

    # -- rules ----------------------------------------------------------------------------------------

    def jvp(self, primals: Any, tangents: Any, **named: Any) -> Any:
        """The value, and the difference along the tangents: two calls of the function."""
        self._announce()
        out = self._owner(*primals, **named)
        leaves, treedef = tree.flatten(out)
        kinds = self._kinds(leaves)
        if self._along is None:
            self._along = self._numeric(self._difference, "along a direction")
        found = iter(self._along(primals, tangents, named, kinds))
        moved = [next(found) if leaf_type(leaf).inexact else None for leaf in leaves]
        return out, tree.unflatten(treedef, moved)

    def fwd(self, *args: Any, **named: Any) -> Any:
        """The value, and all that the Jacobian is computed of."""
        self._announce()
        out = self._owner(*args, **named)
        return out, (args, named, self._kinds(tree.leaves(out)))

    def bwd(self, residuals: Any, ct: Any) -> tuple[Any, ...]:
        """The product with the Jacobian, which takes two calls of the function for each element."""
        args, named, kinds = residuals
        if self._whole is None:
            self._whole = self._numeric(self._jacobian, "the Jacobian")
        rows = self._whole(args, named, kinds)
        cts = [c for c in tree.leaves(ct) if is_array(c) and leaf_type(c).inexact]
        leaves, treedef = tree.flatten(args)
        moving = _moving(leaves)
        found: list[Any] = [None] * len(leaves)
        for k, i in enumerate(moving):
            terms = [np.tensordot(c, row[k], axes=leaf_type(c).ndim)
                     for c, row in zip(cts, rows, strict=True)]
            found[i] = sum(terms[1:], terms[0])
        return tuple(tree.unflatten(treedef, found))

    def _numeric(self, fun: Callable[..., Any], what: str) -> Primitive:
        made = self._make(fun, f"{self._owner.name} ({what}, by differences)")
        made.numeric = Differences(made, self._make, warn=False)

        def types(*args: Any) -> Any:
            inputs, kinds = args[0], args[-1]
            if len(args) == 4:  # along a direction
                return [ShapeDtypeStruct(t.shape, t.dtype) for t in kinds]
            leaves = tree.leaves(inputs)
            return [[ShapeDtypeStruct((*t.shape, *leaves[i].shape), t.dtype) for i in _moving(leaves)]
                    for t in kinds]

        made.def_type(types)
        return made

    def _kinds(self, leaves: Sequence[Any]) -> tuple[ArrayType, ...]:
        """The types of the floating ones; an argument that is no array, so that it is known beforehand."""
        types = [leaf_type(leaf).strong for leaf in leaves]
        self._real(types)
        return tuple(t for t in types if t.inexact)

    def _real(self, types: Sequence[ArrayType]) -> None:
        if any(t.dtype.kind == "c" for t in types):
            raise NonDifferentiable(explain(
                f"{self._owner.name} is differentiated by differences, which is for real values, and has"
                f" complex"
                " ones.", source=Source.here(),
                fix="a rule, defjvp or defvjp; or its real and imaginary parts"))

    def _announce(self) -> None:
        if self._warn:
            self._warn = False
            warnings.warn(
                f"{self._owner.name} is differentiated by central differences (finite_differences=True):"
                f" about half"
                " the digits are right, and reverse mode calls it twice for each element of its arguments."
                " defjvp or defvjp gives exact derivatives.", RuntimeWarning, stacklevel=2)

    # -- numbers --------------------------------------------------------------------------------------

    def _difference(self, primals: Any, tangents: Any, named: Any, kinds: tuple[ArrayType, ...]) -> Any:
        leaves, treedef = tree.flatten(primals)
        moves = tree.flatten(tangents, is_leaf=lambda x: x is None)[0]
        pairs = [(i, moves[i]) for i in _moving(leaves)]
        self._real([leaf_type(leaves[i]) for i, _ in pairs])
        speeds = [float(np.max(np.abs(v) / _scale(leaves[i]), initial=0.0)) for i, v in pairs]
        fastest = max(speeds, default=0.0)
        if not fastest:
            return [np.zeros(t.shape, t.dtype)[()] for t in kinds]
        step = _step([leaves[i] for i, _ in pairs]) / fastest
        ends = []
        for sign in (1.0, -1.0):
            moved = list(leaves)
            for i, v in pairs:
                moved[i] = (leaves[i] + sign * step * v).astype(leaves[i].dtype)
            ends.append(self._outputs(tree.unflatten(treedef, moved), named))
        return [((a - b) / (2.0 * step)).astype(t.dtype) for a, b, t in zip(*ends, kinds, strict=True)]

    def _jacobian(self, args: Any, named: Any, kinds: tuple[ArrayType, ...]) -> Any:
        leaves, treedef = tree.flatten(args)
        rows: list[list[Any]] = [[] for _ in kinds]
        self._real([leaf_type(leaves[i]) for i in _moving(leaves)])
        for i in _moving(leaves):
            x = np.asarray(leaves[i])
            found = [np.empty((*t.shape, *x.shape), t.dtype) for t in kinds]
            for place in np.ndindex(x.shape):
                step = _step([x]) * _scale(x[place])
                ends, at = [], []
                for sign in (1.0, -1.0):
                    moved = x.copy()
                    moved[place] += sign * step
                    at.append(float(moved[place]))
                    whole = list(leaves)
                    whole[i] = moved[()]
                    ends.append(self._outputs(tree.unflatten(treedef, whole), named))
                for out, a, b in zip(found, *ends, strict=True):
                    out[(..., *place)] = (a - b) / (at[0] - at[1])
            for row, block in zip(rows, found, strict=True):
                row.append(block[()])
        return rows

    def _outputs(self, args: Any, named: Any) -> list[Any]:
        """The floating values of the function."""
        made = tree.leaves(self._owner.fun(*args, **named))
        return [np.asarray(leaf) for leaf in made if leaf_type(leaf).inexact]


def _moving(leaves: Sequence[Any]) -> list[int]:
    """The positions of the floating arrays."""
    return [i for i, x in enumerate(leaves)
            if (x.dtype.kind in "fc" if isinstance(x, ShapeDtypeStruct) else
                is_array(x) and leaf_type(x).inexact)]


def _scale(x: Any) -> Any:
    return np.maximum(1.0, np.abs(x))


def _step(values: Sequence[Any]) -> float:
    """The relative step, by the coarsest of the dtypes."""
    return float(np.cbrt(max(np.finfo(np.asarray(v).dtype).eps for v in values)))
