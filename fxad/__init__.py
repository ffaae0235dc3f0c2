"""fxad: derivatives of plain NumPy functions.

>>> import numpy as np, fxad
>>> def f(x):
...     return np.sum(np.sin(x) ** 2)
>>> fxad.grad(f)(np.array([0.0, np.pi / 4]))
array([0., 1.])
"""

import importlib as _importlib
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING

from fxad import (
    checkpoint_policies,
    debug,
    errors,
    execute,
    ir,
    lax,
    numpy,
    optimize,
    primitives,
    test_util,
    tracing,
    transforms,
    tree,
    tree_util,
)
from fxad import (
    config as _config_module,
)
from fxad.api import (
    CustomVJPPrimal,
    ShapeDtypeStruct,
    SymbolicZero,
    at,
    checkpoint,
    checkpoint_name,
    closure_convert,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    elementwise_grad,
    eval_shape,
    fixed_point,
    float0,
    grad,
    hessian,
    hvp,
    io_callback,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linear_transpose,
    linearize,
    make_ir,
    primitive,
    pure_callback,
    stop_gradient,
    value_and_grad,
    value_of,
    vjp,
    vmap,
)
from fxad.config import config

if TYPE_CHECKING:
    from fxad import scipy

remat = checkpoint

__version__ = "0.1.0"

__all__ = [
    "CustomVJPPrimal", "ShapeDtypeStruct", "SymbolicZero", "at", "checkpoint", "checkpoint_name",
    "checkpoint_policies", "closure_convert", "config", "custom_gradient",
    "custom_jvp", "custom_vjp", "debug", "elementwise_grad", "errors", "eval_shape", "execute",
    "fixed_point", "float0", "grad", "hessian", "hvp", "io_callback", "ir", "jacfwd", "jacobian", "jacrev",
    "jit", "jvp", "lax", "linear_transpose", "linearize", "make_ir", "numpy", "optimize", "primitive",
    "primitives", "pure_callback", "remat", "scipy", "stop_gradient", "test_util", "tracing", "transforms",
    "tree", "tree_util", "value_and_grad", "value_of", "vjp", "vmap",
]

del _config_module


def __getattr__(name: str) -> _ModuleType:
    """What few programs use, loaded when it is asked for."""
    if name == "scipy":
        return _importlib.import_module("fxad.scipy")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
