"""Program -> Program that computes the same with less work."""

from fxad.optimize.cse import cse
from fxad.optimize.fold import fold
from fxad.optimize.pattern import Rule, rule
from fxad.optimize.pipeline import PIPELINE, optimize
from fxad.optimize.simplify import RULES, simplify

__all__ = ["PIPELINE", "RULES", "Rule", "cse", "fold", "optimize", "rule", "simplify"]
