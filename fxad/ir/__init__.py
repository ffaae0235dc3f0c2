"""The intermediate representation: types, Programs, the contract of a primitive, the text form."""

from fxad.ir.analysis import dce, dependents, has_effects, last_uses, programs_of, use_counts
from fxad.ir.parser import ParseError, parse
from fxad.ir.primitive import (
    NAMESPACE,
    PRIMITIVES,
    Code,
    Primitive,
    Separated,
    Unknown,
    kernel,
    require,
)
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
from fxad.ir.types import (
    DTYPE_NAMES,
    UNKNOWN,
    ArrayType,
    Stack,
    dtype_name,
    is_inexact,
    type_of,
)
from fxad.ir.verify import verify

__all__ = [
    "DTYPE_NAMES",
    "EMPTY",
    "NAMESPACE",
    "PRIMITIVES",
    "UNKNOWN",
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
    "Separated",
    "Stack",
    "Unknown",
    "Var",
    "dce",
    "dependents",
    "dtype_name",
    "frozen",
    "has_effects",
    "is_inexact",
    "kernel",
    "last_uses",
    "parse",
    "programs_of",
    "require",
    "substitute",
    "type_of",
    "use_counts",
    "verify",
]
