"""New arrays by NumPy's names: in a function that is being traced they hold traced values."""

from __future__ import annotations

import numpy as np

from fxad.numpy import creation, elementwise
from fxad.numpy.buffers import creating

__all__ = ["arange", "array", "copy", "empty", "empty_like", "eye", "full", "full_like", "identity",
           "linspace", "ones", "ones_like", "tri", "zeros", "zeros_like"]

arange = creating(np.arange)
array = creating(creation.array)
copy = creating(elementwise.copy)
empty = creating(np.empty)
empty_like = creating(creation.empty_like)
eye = creating(np.eye)
full = creating(creation.full)
full_like = creating(creation.full_like)
identity = creating(np.identity)
linspace = creating(creation.linspace)
ones = creating(np.ones)
ones_like = creating(creation.ones_like)
tri = creating(np.tri)
zeros = creating(np.zeros)
zeros_like = creating(creation.zeros_like)
