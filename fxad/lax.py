"""Structured control flow, with JAX's names and signatures.

Python's own `if`, `while` and `for` work on traced values and need none of this. What stands here does where
Python can't decide (under `vmap`, inside other loops), and makes a loop one operation: it is recorded once
for all its steps, and its body runs without the cost of tracing.
"""

from fxad.api.associative import associative_scan
from fxad.api.control import cond, select, select_n, switch
from fxad.api.implicit import custom_linear_solve, custom_root
from fxad.api.loops import fori_loop, scan, while_loop
from fxad.api.loops import map_ as map
from fxad.api.values import stop_gradient

__all__ = ["associative_scan", "cond", "custom_linear_solve", "custom_root", "fori_loop", "map", "scan",
           "select", "select_n", "stop_gradient", "switch", "while_loop"]
