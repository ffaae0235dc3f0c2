"""The intermediate representation: types, Programs, the contract of a primitive, the text form."""

from fxad.ir.analysis import dce, dependents, last_uses, use_counts
from fxad.ir.parser import ParseError, parse
from fxad.ir.primitive import NAMESPACE, PRIMITIVES, Code, Primitive, Unknown, kernel, require
from fxad.ir.program import (
    EMPTY,
    Array,
    Atom,
    Equation,
    Literal,
    Params,
    Program,
    Var,
    frozen,
    substitute,
)
from fxad.ir.types import DTYPE_NAMES, ArrayType, dtype_name, is_inexact, type_of
from fxad.ir.verify import verify

__all__ = [
    "DTYPE_NAMES",
    "EMPTY",
    "NAMESPACE",
    "PRIMITIVES",
    "Array",
    "ArrayType",
    "Atom",
    "Code",
    "Equation",
    "Literal",
    "Params",
    "ParseError",
    "Primitive",
    "Program",
    "Unknown",
    "Var",
    "dce",
    "dependents",
    "dtype_name",
    "frozen",
    "is_inexact",
    "kernel",
    "last_uses",
    "parse",
    "require",
    "substitute",
    "type_of",
    "use_counts",
    "verify",
]
