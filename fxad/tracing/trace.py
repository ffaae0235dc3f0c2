"""A trace: the growing list of operations that a Python function performs on traced values.

One `Trace` serves every purpose; its `Kind` says what asking for a value means. It is a flat list of
records, one a variable, and that list is also its *fingerprint*: two runs of user code that record the
same list compute the same thing, so what was derived from one serves the other.

A trace knows no other trace. When an operation mixes traces, the youngest records it, and what comes
from elsewhere becomes a *capture*, an extra input of its Program. Nesting needs no global level.
"""

from __future__ import annotations

import enum
import itertools
import math
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fxad.errors import ConcretizationError, TracerLeak, explain
from fxad.ir.analysis import does_more
from fxad.ir.primitive import Primitive
from fxad.ir.program import EMPTY, Atom, Equation, Literal, Params, Program, Var
from fxad.ir.types import ArrayType, Opaque, type_of
from fxad.source import ROOT, Source

if TYPE_CHECKING:
    from fxad.tracing.tracer import Tracer

__all__ = ["NUMBER_TYPES", "Kind", "Raised", "Trace"]

_getframe = sys._getframe
_new = object.__new__
_serials = itertools.count(1)

#: Python numbers that are written into the trace when they are written in the code that uses them:
#: `1.0 - x`. All others become inputs at run time, so that a number that changes from call to call does
#: not make a new Program, not even when it happens to be 1.0.
_SPECIAL: dict[type, dict[Any, Literal]] = {
    float: {v: Literal(v) for v in (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)},
    int: {v: Literal(v) for v in (-2, -1, 0, 1, 2, 3, 4)},
    bool: {v: Literal(v) for v in (False, True)},
    complex: {},
}
# NumPy's scalars are numbers of a dtype, never written into a Program that differs from call to call.
_SPECIAL |= {cls: {} for cls in (np.float64, np.float32, np.int64, np.int32, np.complex128, np.bool_)}
#: The types of the numbers that need no look at their value.
NUMBER_TYPES: dict[type, ArrayType] = {cls: type_of(cls(0)) for cls in _SPECIAL}

#: Files seen to be the user's: a set is quicker to ask than a prefix to compare.
_user_files: set[str] = set()


def user_frame_of(frame: Any) -> Any:
    """The innermost frame outside fxad, from `frame` outwards."""
    while frame.f_code.co_filename.startswith(ROOT) and frame.f_back is not None:
        frame = frame.f_back
    if not frame.f_code.co_filename.startswith(ROOT):
        _user_files.add(frame.f_code.co_filename)
    return frame


class Kind(enum.Enum):
    """What a trace is for, and so what asking for a concrete value in it means."""

    CONCRETE = "differentiation"  # inputs have values; Python may decide on them
    JIT = "jit"  # Programs for all values of these types; what Python decides is a guard
    ABSTRACT = "a look at the program"  # types alone, as in eval_shape: Python has nothing to decide on
    BATCH = "vmap"  # one element stands for many
    BODY = "a loop or branch"  # the body of structured control flow: recorded once for all its steps
    BUILD = "a transform"  # fxad's own rules at work


class _Mark:
    """The primitive's place in a record that is no operation."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


INPUT = _Mark("input")
CAPTURE = _Mark("capture")
NEXT_OUTPUT = _Mark("next output")

Record = tuple[Any, tuple[Any, ...], Params, ArrayType]


class Guard(NamedTuple):
    """A decision of Python's on a traced value under jit.

    Attributes:
        number: the variable that was asked for its value.
        decide: makes the answer of the value: `bool`, or an int.
        answer: what it was, a `Raised` where deciding raised.
        upto: how many variables there were.
        source: where it was asked.
    """

    number: int
    decide: Callable[[Any], Any]
    answer: Any
    upto: int
    source: Any


class Raised(NamedTuple):
    """The answer of a decision that raised, as `int(x)` does for a NaN: Python may catch it and go on.

    Attributes:
        type: the class of the exception.
        text: its message.
    """

    type: type[Exception]
    text: str

    def __repr__(self) -> str:
        return f"raises {self.type.__name__}"


class Foreseen(NamedTuple):
    """What a call has computed up to one decision, along a known path.

    Attributes:
        records: what was recorded since the decision before.
        upto: how many variables there were.
        values: values by variable number.
    """

    records: tuple[Record, ...]
    upto: int
    values: dict[int, Any]


class Trace:
    """Records operations. `records[i]` made variable `i`: `(primitive, operands, params, type)`.

    Operands are variable numbers or Literals. `sources[i]` is where it was written: a
    `(code, instruction)` pair, a Source, or None.
    """

    __slots__ = (
        "_capture_numbers", "around", "captures", "effects", "foreseen", "guards", "in_values", "kind",
        "known", "lies_as", "lifted", "literal_numbers", "most", "names", "order", "purpose", "records",
        "serial", "source", "sources", "varies",
    )

    #: Set by the tracer module: makes the handle on a variable.
    tracer_type: Any = None
    #: Set by the primitives: records a constant array in a trace of kind BUILD.
    constant: Callable[[Trace, np.ndarray[Any, Any]], Tracer]
    #: Set by the primitives: records a Python function in a trace of kind BUILD.
    function: Callable[[Trace, Opaque], Tracer]
    #: Set by fxad.numpy: an array of any array-like, a traced one of what holds traced values.
    stack: Callable[[Any], Any]
    #: Set by fxad.numpy: what to write instead of a function of SciPy's that takes no traced values.
    namesake: Callable[[str], str]

    def __init__(
        self,
        kind: Kind,
        *,
        purpose: str = "",
        in_values: Sequence[Any] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.kind = kind
        #: Whether every Python number is written into the Program.
        self.literal_numbers = kind in (Kind.ABSTRACT, Kind.JIT, Kind.BUILD)
        #: What Python decided in a trace of kind JIT, in order.
        self.guards: list[Guard] = []
        #: The operations with effects (their first outputs), in order.
        self.effects: list[int] = []
        #: The trace of the function that called the one that is recorded here; for effects alone.
        self.around: Trace | None = None
        #: What a call has computed already on the way to the decision that this trace goes on from.
        self.foreseen: list[Foreseen] = []
        self.purpose = purpose or kind.value
        self.serial = next(_serials)
        self.records: list[Record] = []
        self.sources: list[Any] = []
        self.in_values = in_values
        self.names = names
        #: How many derivatives are taken of it, and how many were foreseen around it; see `orders`.
        self.order = int(kind is Kind.CONCRETE or kind is Kind.ABSTRACT)
        self.most: int | None = None
        #: What came from outside, by variable number, in order.
        self.captures: dict[int, Any] = {}
        self._capture_numbers: dict[Any, int] = {}
        #: Variables of arrays whose elements lie in memory as those of others; see `memory`.
        self.lies_as: dict[int, list[Any]] = {}
        #: Values computed because Python asked for them, and variables recorded in an outer trace for
        #: the same reason, by number; see `deciding`.
        self.known: dict[int, Any] = {}
        self.lifted: dict[int, Any] = {}
        #: For the first variables, whether they depend on the arguments; filled when that is asked.
        self.varies: list[bool] = []
        #: When set, the source of whatever is recorded (the equation that a rule is applied to, the
        #: call of a NumPy function): a Source, or a `(code, instruction)` pair.
        self.source: Any = None

    # -- recording ------------------------------------------------------------------------------

    def input(self, type: ArrayType) -> Tracer:
        """A new input. All inputs come before the first operation."""
        index = len(self.records)
        self.records.append((INPUT, (), EMPTY, type))
        self.sources.append(None)
        made: Tracer = self.tracer_type(self, index, type)
        return made

    def record(
        self, primitive: Primitive, operands: tuple[Any, ...], params: Params, type: ArrayType
    ) -> Tracer:
        """Append an operation with one output; `operands` are already numbers or Literals."""
        records = self.records
        try:
            index = len(records)
        except _Ended:
            raise self.leak(operands) from None
        records.append((primitive, operands, params, type))
        source: Any = self.source
        if source is None:
            frame = _getframe(2)
            if frame.f_code.co_filename not in _user_files:
                frame = user_frame_of(frame)
            source = (frame.f_code, frame.f_lasti)
        self.sources.append(source)
        made: Tracer = _new(self.tracer_type)
        made.owner = self
        made.index = index
        made.type = type
        return made

    def record_multiple(
        self,
        primitive: Primitive,
        operands: tuple[Any, ...],
        params: Params,
        types: Sequence[ArrayType],
    ) -> tuple[Tracer, ...]:
        """Append an operation with any number of outputs."""
        if not types:
            return ()
        first = self.record(primitive, operands, params, types[0])
        if does_more(primitive, params):
            self.effects.append(first.index)
        outs = [first]
        for k, type in enumerate(types[1:], 1):
            outs.append(self.tracer_type(self, len(self.records), type))
            self.records.append((NEXT_OUTPUT, (k,), EMPTY, type))
            self.sources.append(self.sources[first.index])
        return tuple(outs)

    def operand(self, value: Any) -> Any:
        """The number of `value` in this trace, or a Literal: captures what comes from outside."""
        if value.__class__ is self.tracer_type:
            return value.index if value.owner is self else self._capture(value)
        if value.__class__ in _SPECIAL:
            return self.number(value)
        if value.__class__ is Literal:
            return value
        if isinstance(value, np.ndarray) and value.dtype == object:
            whole = Trace.stack(value)
            if whole is value:
                raise TypeError("an array of Python objects is no operand: its dtype is object")
            return self.operand(whole)
        if self.kind is Kind.BUILD:
            if isinstance(value, np.generic):
                return Literal(value)
            if value.__class__ is Opaque:
                return Trace.function(self, value).index
            return Trace.constant(self, np.asarray(value)).index
        return self._capture(value)

    def number(self, value: Any) -> Any:
        """The operand for a number (one of the classes in NUMBER_TYPES): a Literal, or a capture."""
        cls = value.__class__
        literal = _SPECIAL[cls].get(value)
        if self.literal_numbers or (cls is int and value.bit_length() > 63):
            # An int that no int64 holds: what NumPy makes of it depends on what is beside it.
            return Literal(value) if literal is None or not value else literal
        if literal is not None and (value or math.copysign(1.0, value) > 0):
            code = _getframe(2).f_code
            if value in code.co_consts or code.co_filename.startswith(ROOT):
                return literal
        return self._new_capture(value, NUMBER_TYPES[cls])

    def _capture(self, value: Any) -> int:
        if value.__class__ is self.tracer_type:
            if value.owner.ended:
                raise value.owner.leak((value.index,))
            key: Any = (value.owner.serial, value.index)
            type = value.type
        else:
            key, type = id(value), type_of(value)
        number = self._capture_numbers.get(key)
        if number is None or changed(self.captures[number], value):
            # What is captured is the value now: the user may write into the array later, and an
            # assignment may rebind the handle of another trace.
            if value.__class__ is self.tracer_type:
                value = self.tracer_type(value.owner, value.index, value.type)
            elif isinstance(value, np.ndarray):
                value = value.copy("K")
            number = self._capture_numbers[key] = self._new_capture(value, type)
        return number

    def _new_capture(self, value: Any, type: ArrayType) -> int:
        try:
            number = len(self.records)
        except _Ended:
            raise self.leak(()) from None
        self.records.append((CAPTURE, (), EMPTY, type))
        self.sources.append(None)
        self.captures[number] = value
        return number

    def type_of(self, operand: Any) -> ArrayType:
        """The type of an operand as recorded: a variable's number or a Literal."""
        if operand.__class__ is Literal:
            type: ArrayType = operand.type
            return type
        recorded: ArrayType = self.records[operand][3]
        return recorded

    def handle(self, operand: Any) -> Any:
        """The value that an operand stands for: a tracer, or the number of a Literal."""
        if operand.__class__ is Literal:
            return operand.value
        return self.tracer_type(self, operand, self.records[operand][3])

    # -- the end --------------------------------------------------------------------------------

    def fingerprint(self, outputs: Sequence[Any]) -> Hashable:
        """What was recorded, and which of it comes out: equal for runs that compute the same."""
        return tuple(self.records), tuple(outputs)

    def program(self, outputs: Sequence[Any]) -> Program:
        """The Program of what was recorded: its inputs are the trace's, then the captures.

        `outputs` are operands: variable numbers or Literals. Nothing is left out.
        """
        inputs: list[Var] = []
        captures: list[Var] = []
        atoms: list[Var] = []
        equations: list[Equation] = []
        pending: list[Var] = []
        for number, (primitive, operands, params, type) in enumerate(self.records):
            var = Var(type)
            atoms.append(var)
            if primitive is INPUT:
                if len(inputs) < len(self.names):
                    var.name = self.names[len(inputs)]
                inputs.append(var)
            elif primitive is CAPTURE:
                captures.append(var)
            elif primitive is NEXT_OUTPUT:
                pending.append(var)
                eqn = equations[-1]
                equations[-1] = Equation(
                    eqn.primitive, eqn.inputs, eqn.params, (*eqn.outputs, var), eqn.source
                )
            else:
                ins = tuple(o if o.__class__ is Literal else atoms[o] for o in operands)
                equations.append(
                    Equation(primitive, ins, params, (var,), as_source(self.sources[number]))
                )
        outs: list[Atom] = [o if isinstance(o, Literal) else atoms[o] for o in outputs]
        return Program([*inputs, *captures], equations, outs)

    def end(self) -> None:
        """End the trace: its tracers can't be used any more, and what it held is let go."""
        self.records = _EndedRecords(self.records)
        self.known, self.lifted, self.foreseen, self.varies = {}, {}, [], []

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self.records.__class__ is _EndedRecords

    # -- messages -------------------------------------------------------------------------------

    def no_value(self, index: int, asked: str, fix: str) -> ConcretizationError:
        """The error for a value that is asked for where there is none."""
        why = {
            Kind.ABSTRACT: "there only its shape and dtype are known",
            Kind.JIT: "under jit one program is made for all values",
            Kind.BODY: f"it is in a body ({self.purpose}) that is recorded once for all its steps",
            Kind.BATCH: "under vmap it has a different value in each element of the batch",
            Kind.BUILD: "it is part of a rule that a transform is applying",
        }.get(self.kind, "that would lose its derivative")
        if self.kind is Kind.BODY:
            fix = (f"{fix}; fxad.lax.cond(condition, f, g, x) for a choice between computations, and"
                   " fxad.lax.while_loop for a loop")
        return ConcretizationError(
            explain(
                f"{asked} needs the value of a traced array, but {why}.",
                source=Source.here(),
                origin=self.origin(index),
                fix=fix,
            )
        )

    def origin(self, index: int) -> str:
        """Where a variable came from, in words."""
        records = self.records
        primitive, _, _, type = records[index]
        type = type.strong
        if primitive is INPUT:
            name = f" {self.names[index]!r}" if index < len(self.names) else f" number {index}"
            return f"{type}, input{name} of the function under {self.purpose}"
        if primitive is CAPTURE:
            return f"{type}, from outside the function under {self.purpose}"
        source = as_source(self.sources[index])
        place = f" at {source}" if source is not None else ""
        what = source.expression if source is not None else None
        return f"{type}, made{place}" + (f" by  {what}" if what else f" by {primitive!r}")

    def _in_use(self) -> list[int]:
        """The variables of this trace that the operation at hand was given."""
        frame: Any = _getframe(2)
        while frame is not None and frame.f_code.co_filename.startswith(ROOT):
            for value in frame.f_locals.values():
                for part in value if isinstance(value, (tuple, list)) else (value,):
                    if part.__class__ is self.tracer_type and part.owner is self:
                        return [part.index]
            frame = frame.f_back
        return []

    def leak(self, operands: Sequence[Any]) -> TracerLeak:
        """The error for using the trace after its end."""
        numbers = [o for o in operands if o.__class__ is int] or self._in_use()
        return TracerLeak(
            explain(
                f"a traced value was used after its trace ({self.purpose}) had ended. It was kept"
                " somewhere outside the function: in a list, a global or an attribute.",
                source=Source.here(),
                origin=self.origin(numbers[0]) if numbers else None,
                fix="return the value from the function (has_aux=True passes it through)",
            )
        )


def changed(captured: Any, value: Any) -> bool:
    """Whether an array was written into since it was captured (or is another in its place)."""
    if not isinstance(value, np.ndarray):
        return isinstance(value, np.generic) and value.tobytes() != captured.tobytes()
    if value.dtype != captured.dtype or value.shape != captured.shape:
        return True
    if value.flags.c_contiguous and captured.flags.c_contiguous:
        words = f"i{min(value.itemsize, 8)}"  # bits are compared: a NaN is what it was
        return not np.array_equal(value.reshape(-1).view(words), captured.reshape(-1).view(words))
    return bool(value.tobytes() != captured.tobytes())


class _Ended(Exception):
    """Raised by the records of a trace that has ended; becomes a TracerLeak."""


class _EndedRecords(list[Record]):
    """The records of an ended trace: readable for messages, closed to new ones."""

    __slots__ = ()

    def __len__(self) -> int:
        raise _Ended

    def __bool__(self) -> bool:
        return True


def as_source(source: Any) -> Source | None:
    """A recorded source as a Source."""
    if source.__class__ is tuple:
        return Source(code=source[0], instruction=source[1])
    return source  # type: ignore[no-any-return]
