"""What users call: arguments, pytrees, messages. The mathematics is in `fxad.transforms`."""

from fxad.api.batching import vmap
from fxad.api.callbacks import io_callback, pure_callback
from fxad.api.checkpointing import checkpoint, checkpoint_name
from fxad.api.compilation import ShapeDtypeStruct, eval_shape, jit, make_ir
from fxad.api.custom import closure_convert, custom_gradient, custom_jvp, custom_vjp
from fxad.api.derivatives import (
    elementwise_grad,
    grad,
    hvp,
    jvp,
    linear_transpose,
    linearize,
    value_and_grad,
    vjp,
)
from fxad.api.implicit import custom_linear_solve, custom_root, fixed_point
from fxad.api.jacobians import hessian, jacfwd, jacobian, jacrev
from fxad.api.recording import float0
from fxad.api.rules import CustomVJPPrimal, SymbolicZero
from fxad.api.user_primitives import primitive
from fxad.api.values import stop_gradient, value_of
from fxad.primitives.at import at

__all__ = [
    "CustomVJPPrimal", "ShapeDtypeStruct", "SymbolicZero", "at", "checkpoint", "checkpoint_name",
    "closure_convert", "custom_gradient", "custom_jvp", "custom_linear_solve", "custom_root", "custom_vjp",
    "elementwise_grad", "eval_shape", "fixed_point", "float0", "grad", "hessian", "hvp", "io_callback",
    "jacfwd", "jacobian", "jacrev", "jit", "jvp", "linear_transpose", "linearize", "make_ir", "primitive",
    "pure_callback", "stop_gradient", "value_and_grad", "value_of", "vjp", "vmap",
]
