"""Program -> Program that computes the same with less work: `fxad.optimize(program)`.

The module is itself the function; its parts are the passes, and the rules to write one's own.
"""

import sys
from types import ModuleType

from fxad.ir.program import Program
from fxad.optimize.cse import cse
from fxad.optimize.expand import expand
from fxad.optimize.fold import fold
from fxad.optimize.pattern import Rule, rule
from fxad.optimize.pipeline import PIPELINE, Pass, lower, optimize
from fxad.optimize.simplify import RULES, simplify

__all__ = ["PIPELINE", "RULES", "Pass", "Rule", "cse", "expand", "fold", "lower", "optimize", "rule",
           "simplify"]


class _Optimize(ModuleType):
    """Makes `fxad.optimize(program)` what `fxad.transforms.jvp(program)` leads one to expect."""

    def __call__(self, program: Program, passes: list[tuple[str, Pass]] | None = None) -> Program:
        return optimize(program, passes)


sys.modules[__name__].__class__ = _Optimize
