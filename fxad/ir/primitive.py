"""The contract of a primitive: one class that holds everything fxad knows about one operation.

The transforms and the executor know primitives only through these methods and facts; adding one
touches one file. `Primitive` gives the safe default for each rule, and for a missing one an error
that names the file to edit.
"""

from __future__ import annotations

import importlib
import inspect
import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from fxad.errors import MissingRule, TypeMismatch, explain
from fxad.ir.program import Literal, Params
from fxad.ir.types import ArrayType
from fxad.source import Source

if TYPE_CHECKING:
    from fxad.ir.program import Equation, Program, Var

__all__ = ["DEFERRED", "NAMESPACE", "PRIMITIVES", "Code", "Primitive", "Separated", "Unknown", "code_of",
           "kernel", "load_deferred", "number_source", "primitive_named", "require"]

#: The names that emitted expressions may use: NumPy, math and the kernels.
NAMESPACE: dict[str, Any] = {
    "np": np,
    "math": math,
    "nan": math.nan,
    "inf": math.inf,
    "nanj": complex(0, math.nan),
    "infj": complex(0, math.inf),
}

#: Every primitive by name, for the parser and for the tests that go through all of them.
PRIMITIVES: dict[str, Primitive] = {}

#: Modules of further primitives, which few programs use: loaded when one of theirs is asked for by name.
DEFERRED: list[str] = []

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Make a plain NumPy function callable from emitted code, under its own name.

    A kernel uses NumPy, `math` and other kernels, and nothing else: its source is copied beside
    printed programs, which run without fxad.
    """
    name = function.__name__
    if name in NAMESPACE:
        raise ValueError(f"two kernels are named {name}")
    NAMESPACE[name] = function
    return function


class Code(str):
    """A piece of Python source that stands for a value, with the value's type."""

    type: ArrayType

    def __new__(cls, text: str, type: ArrayType) -> Code:
        """`text`, which computes a value of `type`."""
        code = super().__new__(cls, text)
        code.type = type
        return code


def code_of(literal: Literal) -> Code:
    """The source of a literal. Negative ones are in brackets, ready for any operator."""
    value = literal.value
    if isinstance(value, np.generic):
        return Code(f"np.{value.dtype.name}({number_source(value.item())})"
                    .replace("np.bool(", "np.bool_("), literal.type)
    text = number_source(value)
    return Code(f"({text})" if text.startswith("-") else text, literal.type)


def number_source(value: Any) -> str:
    """The source of a Python number. The repr of a complex one loses the sign of some zeros."""
    if isinstance(value, complex):
        return f"complex({value.real!r}, {value.imag!r})"
    return repr(value)


class Unknown:
    """Stands for a linear operand in a transpose rule: it has a type and no value."""

    __slots__ = ("dtype", "ndim", "shape", "size", "type")

    def __init__(self, type: ArrayType) -> None:
        self.type = type
        self.shape = type.shape
        self.dtype = type.dtype
        self.ndim = type.ndim
        self.size = type.size


class Separated(NamedTuple):
    """An equation in two parts: what is known first, and what waits for the late inputs.

    Attributes:
        first: equations that read no late variable.
        second: equations that do.
        late: those outputs of the equation that `second` gives. The others are given by `first`.
    """

    first: list[Equation]
    second: list[Equation]
    late: list[Var]


class Primitive:
    """One operation, with all its rules.

    Facts, as attributes:
        multiple: the primitive has several outputs; rules then take and give tuples.
        pure: it may be dropped, merged and reordered.
        linear: positions of the operands in which it is (jointly) linear.
        commutative: its two operands may be swapped.
        view: NumPy gives a view of the first operand, or may.
        elementwise: each output element depends on the operands' elements at the same place.
        transpose_copies: its transpose only moves and repeats elements, so it moves masks too.
        moves: it moves and sums elements (its matrix holds zeros and ones), so that a mask can follow.
        cheap: cheaper to compute again than to keep for the backward pass.
        overwrites: it copies its first operand and writes into the copy; `emit_over` does without the copy.
        structured: it holds Programs among its params; it has `push` for `jvp`, `separate` and `prune`.
        samples: inputs for the conformance tests.
    """

    multiple: bool = False
    pure: bool = True
    linear: tuple[int, ...] = ()
    commutative: bool = False
    view: bool = False
    elementwise: bool = False
    transpose_copies: bool = False
    moves: bool = False
    cheap: bool = False
    overwrites: bool = False
    structured: bool = False
    differentiable: bool = True
    samples: Sequence[Any] = ()

    def __init__(self, name: str) -> None:
        if name in PRIMITIVES:
            raise ValueError(f"two primitives are named {name}")
        self.name = name
        self._evaluators: dict[Any, Callable[..., Any]] = {}
        PRIMITIVES[name] = self

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str | tuple[Any, ...]:
        return primitive_named, (self.name,)

    # -- the rules -----------------------------------------------------------------------------

    def infer(self, *types: ArrayType, **params: Any) -> Any:
        """Types in, type (or tuple of types) out. Raises TypeMismatch when the operands don't fit."""
        raise self._missing("infer", "say which types it gives")

    def emit(self, *operands: Code, **params: Any) -> str:
        """One Python expression over NumPy for the value."""
        raise self._missing("emit", "write it as a NumPy expression")

    def emit_over(self, *operands: Code, **params: Any) -> str:
        """As `emit`, written into the memory of the first operand, which nobody else looks at."""
        raise self._missing("emit_over", "it is said to overwrite its first operand")

    def emit_scalar(self, *operands: Code, **params: Any) -> str | None:
        """An expression over Python floats for rank-0 float64 operands, or None.

        It gives bit for bit NumPy's value, or raises ArithmeticError or ValueError.
        """
        return None

    def jvp(
        self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any
    ) -> Any:
        """The tangent of the output, or None for zero. A zero tangent is None; not all are."""
        raise self._missing("jvp", "forward-mode derivatives need it")

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        """Cotangents of the linear operands (those that are `Unknown`) from the output's.

        One value for one linear operand, or a tuple with one entry (or None) an operand.
        """
        raise self._missing("transpose", "reverse-mode derivatives need it")

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        """The batched result and where its mapped axis went (None: the result is not batched)."""
        raise self._missing("batch", "vmap, jacfwd and jacrev need it")

    # -- the rules of structured primitives -----------------------------------------------------

    def push(
        self, primals: Sequence[Any], tangents: Sequence[Any], **params: Any
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """The outputs together with their tangents; None is a zero tangent, and not all are given."""
        raise self._missing("push", "forward-mode derivatives need it")

    def separate(self, eqn: Equation, late: Sequence[bool]) -> Separated | None:
        """An equation as what does not depend on its `late` inputs and what does.

        None: all of it depends on them.
        """
        return None

    def prune(self, eqn: Equation, used: Sequence[bool]) -> Equation:
        """The equation without the outputs that are not used, and without what only they need."""
        return eqn

    def expansion(self, **params: Any) -> Program | None:
        """A Program that may run in place of the equation, or None when it has to stay as it is."""
        return None

    def owns(self, output: int, **params: Any) -> bool:
        """Whether an output is memory of its own, never that of an operand."""
        return not self.structured

    def flops(self, *types: ArrayType, **params: Any) -> int:
        """About how many floating point operations it does."""
        out = self.infer(*types, **params)
        return sum(t.size for t in (out if self.multiple else (out,)))

    # -- evaluation, made from `emit` -----------------------------------------------------------

    def evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        """A function that computes the value from concrete operands of these types."""
        key = (types, params)
        found = self._evaluators.get(key)
        if found is None:
            found = self._make_evaluator(types, params)
            if len(self._evaluators) > 4096:
                self._evaluators.clear()
            self._evaluators[key] = found
        return found

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        names = [f"x{i}" for i in range(len(types))]
        text = self.emit(*map(Code, names, types), **params)
        return _compile(f"lambda {', '.join(names)}: {text}")

    # -- help -----------------------------------------------------------------------------------

    def _missing(self, rule: str, why: str) -> MissingRule:
        cls = type(self)
        try:
            path = inspect.getsourcefile(cls) or "its file"
            path = os.path.relpath(path, os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
        except (TypeError, ValueError, OSError):
            path = "its file"
        return MissingRule(
            explain(
                f"primitive {self.name!r} has no {rule} rule: {why}.",
                source=Source.here(),
                fix=f"def {rule}(...) in class {cls.__name__}, {path}",
            )
        )


def primitive_named(name: str) -> Primitive:
    """The primitive of this name, from a deferred module too. Raises KeyError."""
    if name not in PRIMITIVES:
        load_deferred()
    return PRIMITIVES[name]


def load_deferred() -> None:
    """Load the modules of all further primitives."""
    for module in DEFERRED:
        importlib.import_module(module)


_compiled: dict[str, Callable[..., Any]] = {}


def _compile(text: str) -> Callable[..., Any]:
    found = _compiled.get(text)
    if found is None:
        if len(_compiled) > 4096:
            _compiled.clear()
        found = _compiled[text] = eval(text, NAMESPACE)
    return found


def require(condition: bool, message: str, *, fix: str | None = None) -> None:
    """Raise TypeMismatch with the user's line unless `condition` holds; for `infer` rules."""
    if not condition:
        raise TypeMismatch(explain(message, source=Source.here(), fix=fix))
