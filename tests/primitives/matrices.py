"""Matrices to test with."""

from __future__ import annotations

from typing import Any

import numpy as np

import fxad.primitives.linalg as la
from fxad.primitives.contraction import matmul

__all__ = ["deficient", "gram", "normal", "regular"]


def regular(*shape: int, dtype: str = "f8", seed: int = 0) -> np.ndarray[Any, Any]:
    """Well-conditioned matrices."""
    x = normal(*shape, dtype=dtype, seed=seed)
    return (x + 3 * np.eye(*shape[-2:])).astype(dtype)


def normal(*shape: int, dtype: str = "f8", seed: int = 0) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng([seed, *shape])
    x = rng.normal(size=shape)
    x = x + 1j * rng.normal(size=shape) if dtype[0] == "c" else 3 * x if dtype[0] == "i" else x
    return np.asarray(x).astype(dtype)


def gram(x: Any, shift: float = 0.0) -> Any:
    """A Hermitian matrix, positive definite if `shift` is positive."""
    n = x.shape[-1]
    return matmul(x, la.adjoint(x)) + shift * np.eye(n).astype(x.dtype)


def deficient(m: int, n: int, rank: int, dtype: str = "f8") -> np.ndarray[Any, Any]:
    """A matrix of this rank."""
    return normal(m, rank, dtype=dtype) @ normal(rank, n, dtype=dtype)
