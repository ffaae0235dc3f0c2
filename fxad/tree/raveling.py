"""A pytree as one vector, and back: in NumPy calls alone, which traced values take as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fxad.errors import TreeMismatch, TypeMismatch
from fxad.tree.functions import flatten

__all__ = ["ravel_pytree"]


def ravel_pytree(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All leaves of a tree in one vector, and the function that makes a tree of such a vector.

    The leaves may be traced, and so may the vector given to `unravel`. Leaves of several dtypes are
    promoted as NumPy does, and `unravel` converts each one back; when all have one dtype,
    `unravel` keeps the dtype of the vector it is given.

    Returns:
        `(flat, unravel)`. A leaf that is a scalar comes back as a NumPy scalar.

    Raises:
        TreeMismatch: `unravel` is given an array that is not a vector of the right length.
        TypeMismatch: `unravel` is given another dtype, and the leaves had several.

    >>> import numpy as np, fxad
    >>> flat, unravel = fxad.tree.ravel_pytree({"w": np.ones((2, 2)), "b": 3.0})
    >>> flat
    array([3., 1., 1., 1., 1.])
    >>> unravel(flat * 2)
    {'b': np.float64(6.0), 'w': array([[2., 2.],
           [2., 2.]])}
    """
    leaves, treedef = flatten(tree)
    shapes = [np.shape(leaf) for leaf in leaves]
    # A Python scalar has no dtype of its own: it takes that of the arrays beside it.
    dtypes = [np.dtype(leaf.dtype) if hasattr(leaf, "dtype") else None for leaf in leaves]
    plain = [leaf for leaf, dtype in zip(leaves, dtypes, strict=True) if dtype is None]
    known = [dtype for dtype in dtypes if dtype is not None]
    common = np.result_type(*known, *plain) if leaves else np.dtype(np.float64)
    mixed = any(dtype != common for dtype in known)
    parts = [
        np.reshape(np.asarray(leaf, common) if dtype is None else leaf, (-1,))
        for leaf, dtype in zip(leaves, dtypes, strict=True)
    ]
    flat = np.concatenate(parts) if parts else np.zeros(0, common)
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    total = sum(sizes)

    def unravel(vector: Any) -> Any:
        if np.shape(vector) != (total,):
            raise TreeMismatch(
                f"the tree takes a vector of {total} elements; got shape {np.shape(vector)}"
            )
        if mixed and vector.dtype != common:
            raise TypeMismatch(
                f"the leaves of the tree were promoted to {common}, so the vector has to be of that"
                f" dtype; got {vector.dtype}"
            )
        found: list[Any] = []
        start = 0
        for shape, size, dtype in zip(shapes, sizes, dtypes, strict=True):
            part = vector[start : start + size]
            if mixed and dtype is not None and dtype != common:
                part = part.astype(dtype)
            found.append(part[0] if shape == () else np.reshape(part, shape))
            start += size
        return treedef.unflatten(found)

    return flat, unravel
