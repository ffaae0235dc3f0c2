"""The four immutable types of the intermediate representation, and the constants beside them.

A `Program` is `(inputs, equations, outputs)` in static single assignment form: every `Var` is an
input or the output of exactly one `Equation`, and is used only after it. Two Programs are equal
when they are the same up to the names of their variables and to source lines.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fxad.ir.types import ArrayType, type_of
from fxad.source import Source

if TYPE_CHECKING:
    from fxad.ir.primitive import Primitive

__all__ = ["EMPTY", "Array", "Atom", "Equation", "Literal", "Params", "Program", "Var"]


class Var:
    """A value that a Program computes or takes. Compared by identity."""

    __slots__ = ("name", "type")

    def __init__(self, type: ArrayType, name: str | None = None) -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name or '_'}:{self.type}"


class Literal:
    """A scalar written into a Program. Interned by exact value: 1, 1.0, True, 0.0 and -0.0 differ.

    A Python scalar's type is weak, a NumPy scalar's is not.
    """

    __slots__ = ("type", "value")

    value: Any
    type: ArrayType

    def __new__(cls, value: Any) -> Literal:
        """The literal of a Python or NumPy scalar."""
        kind = value.__class__
        key = (kind, value if kind is int or kind is bool else repr(value))
        found = _literals.get(key)
        if found is not None:
            return found
        type = type_of(value)
        if type.shape != ():
            raise TypeError(f"a Literal is a scalar; got shape {type.shape}")
        if isinstance(value, np.ndarray):
            return cls(value[()])
        made = object.__new__(cls)
        made.value = value
        made.type = type
        with _literal_lock:
            if len(_literals) >= 65536:
                _literals.clear()
            return _literals.setdefault(key, made)

    def __eq__(self, other: object) -> bool:
        # Interning makes equal literals one object except after the table was emptied.
        return self is other or (
            isinstance(other, Literal)
            and self.type is other.type
            and repr(self.value) == repr(other.value)
        )

    def __hash__(self) -> int:
        return hash((self.type, repr(self.value)))

    def __repr__(self) -> str:
        value = self.value
        if isinstance(value, np.generic):
            return f"{value.item()!r}:{self.type.dtype.name}"
        return repr(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return Literal, (self.value,)

    def is_value(self, value: complex) -> bool:
        """Whether this is the number `value`; 0.0 is not -0.0, and no NaN is any value."""
        own = self.value
        if own != value:
            return False
        return not (own == 0 and isinstance(own, (float, np.floating)) and math.copysign(1.0, own) < 0)


def numpy_literals(literals: Sequence[Literal]) -> list[Literal]:
    """The literals that are all operands of an operation, such that NumPy's rules hold for it.

    Between Python numbers alone Python's would: 1 / 0 raises. Beside a NumPy number they are weak.
    """
    if any(not a.type.weak for a in literals):
        return list(literals)
    return [Literal(a.type.dtype.type(a.value)) for a in literals]


_literals: dict[tuple[Any, ...], Literal] = {}
_literal_lock = threading.RLock()

Atom = Var | Literal


class Array:
    """A constant array as a param: hashable, compared by dtype, shape and bytes."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: Any) -> None:
        array = np.array(value, order="C")
        array.flags.writeable = False
        self.value: np.ndarray[Any, Any] = array
        self._hash = hash((array.shape, array.dtype, array.tobytes()))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Array)
            and self.value.dtype == other.value.dtype
            and self.value.shape == other.value.shape
            and self.value.tobytes() == other.value.tobytes()
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Array({self.value!r})"


class Params(dict[str, Any]):
    """The params of an equation: a mapping that is hashable and must not be changed."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:  # type: ignore[override]  # dict sets __hash__ to None
        try:
            return self._hash
        except AttributeError:
            self._hash: int = hash(tuple(sorted(self.items(), key=_by_name)))
            return self._hash

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("the params of an equation cannot be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return Params, (dict(self),)


def _by_name(item: tuple[str, Any]) -> str:
    return item[0]


EMPTY = Params()


class Equation:
    """`outputs = primitive(inputs, **params)`, written at `source` in the user's code."""

    __slots__ = ("inputs", "outputs", "params", "primitive", "source")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Atom, ...],
        params: Params,
        outputs: tuple[Var, ...],
        source: Source | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.source = source

    @property
    def output(self) -> Var:
        """The only output."""
        (out,) = self.outputs
        return out

    def replace(self, inputs: tuple[Atom, ...]) -> Equation:
        """The same equation over other inputs, with fresh outputs."""
        outputs = tuple(Var(v.type, v.name) for v in self.outputs)
        return Equation(self.primitive, inputs, self.params, outputs, self.source)

    def __repr__(self) -> str:
        return f"<Equation {self.primitive.name}>"


class Program:
    """A pure function on arrays: `inputs`, `equations` in order, `outputs`.

    Call it with one array an input; the result is an array, or a tuple when there are several
    outputs (or none).

    >>> import numpy as np, fxad
    >>> p = fxad.make_ir(lambda x: np.sin(x) * x)(1.0)
    >>> [eqn.primitive.name for eqn in p]
    ['sin', 'mul']
    >>> p == fxad.ir.parse(str(p))
    True
    """

    __slots__ = ("_key", "_run", "effectful", "equations", "inputs", "outputs")

    def __init__(
        self, inputs: Iterable[Var], equations: Iterable[Equation], outputs: Iterable[Atom]
    ) -> None:
        self.inputs = tuple(inputs)
        self.equations = tuple(equations)
        self.outputs = tuple(outputs)
        self._key: Hashable | None = None
        self._run: Any = None
        #: False once it is known that nothing in it has effects; see `has_effects`.
        self.effectful: bool | None = None

    @property
    def in_types(self) -> tuple[ArrayType, ...]:
        """The types of the inputs."""
        return tuple(v.type for v in self.inputs)

    @property
    def out_types(self) -> tuple[ArrayType, ...]:
        """The types of the outputs."""
        return tuple(a.type for a in self.outputs)

    def __len__(self) -> int:
        return len(self.equations)

    def __getitem__(self, index: int) -> Equation:
        return self.equations[index]

    def key(self) -> Hashable:
        """A value equal for equal Programs: names and source lines left out."""
        if self._key is None:
            number: dict[Var, int] = {v: i for i, v in enumerate(self.inputs)}

            def ref(atom: Atom) -> Hashable:
                return number[atom] if isinstance(atom, Var) else atom

            rows: list[Hashable] = []
            for eqn in self.equations:
                ins = tuple(map(ref, eqn.inputs))
                for out in eqn.outputs:
                    number[out] = len(number)
                rows.append((eqn.primitive, ins, eqn.params, tuple(v.type for v in eqn.outputs)))
            self._key = (self.in_types, tuple(rows), tuple(map(ref, self.outputs)))
        return self._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and (self is other or self.key() == other.key())

    def __hash__(self) -> int:
        return hash(self.key())

    def __call__(self, *values: Any) -> Any:
        """The value of the Program for one array (or number) an input."""
        from_values = self._run
        if from_values is None:
            from_values = self._run = _runner(self)
        return from_values(*values)

    def __str__(self) -> str:
        text: str = _printer(self)
        return text

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return _parser, (str(self),)


def _unset(*_: Any) -> Any:
    raise RuntimeError("import fxad, not a part of it, before you use a Program")


# The printer, the parser and the evaluator are written in terms of Program, so they hand
# themselves in (`attach`) rather than being imported from here.
_printer: Any = _unset
_parser: Any = _unset
_runner: Any = _unset


def attach(*, printer: Any = None, parser: Any = None, runner: Any = None) -> None:
    """Set how a Program prints, is parsed, and runs. Called once by each of those modules."""
    global _printer, _parser, _runner
    _printer = printer or _printer
    _parser = parser or _parser
    _runner = runner or _runner


def frozen(params: Mapping[str, Any]) -> Params:
    """`params` as Params."""
    return Params(params) if params else EMPTY


def substitute(atoms: Sequence[Atom], env: Mapping[Var, Atom]) -> tuple[Atom, ...]:
    """`atoms` with every Var that `env` has replaced."""
    return tuple(env.get(a, a) if isinstance(a, Var) else a for a in atoms)
