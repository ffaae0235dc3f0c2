"""The families of primitives: what all elementwise, all linear, all non-differentiable ones share."""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Primitive, Unknown, require
from fxad.ir.program import EMPTY, Literal, Params, frozen
from fxad.ir.types import ArrayType
from fxad.primitives.samples import Sample
from fxad.tracing import NUMBER_TYPES, Trace, Tracer, bind, bind_in
from fxad.tracing.operations import operations

__all__ = ["Elementwise", "Linear", "NonDifferentiable", "Operation", "Pointwise", "accumulator",
           "axis_argument", "batch_reduction", "reduced", "to_front"]

_WEAK_PYTHON: dict[str, type] = {"f": float, "i": int, "c": complex, "b": bool}


class Operation(Primitive):
    """A primitive that is called like a function, on tracers and arrays alike."""

    def __init__(self, name: str, *, samples: Sequence[Sample] = ()) -> None:
        super().__init__(name)
        self.samples = samples

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Apply it as it is: no promotion, no broadcasting."""
        if not params:
            return bind(self, operands, EMPTY)
        key = tuple(params.items())
        known = _params.get(key)
        if known is None:
            if len(_params) > 65536:
                _params.clear()
            known = _params[key] = frozen(params)
        return bind(self, operands, known)


#: The params met so far, so that those of a call in a loop are made and hashed once.
_params: dict[tuple[tuple[str, Any], ...], Params] = {}


class Linear(Operation):
    """Linear in its first operand; the others, if any, are not differentiated (indices, say)."""

    linear: tuple[int, ...] = (0,)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        dx = tangents[0]
        return None if dx is None else self(dx, *primals[1:], **params)


class NonDifferentiable(Operation):
    """Piecewise constant or of integers: its derivative is zero wherever there is one."""

    differentiable = False


Partial = Callable[..., Any]
_COMPARISONS = frozenset([np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal])


class Pointwise(Operation, abc.ABC):
    """The same operation on every element, with NumPy's promotion and broadcasting.

    Operands have one shape, or rank 0 beside it, and one dtype, weak literals aside; calling it
    promotes and broadcasts as NumPy does, by explicit equations.

    Args:
        name: the name of the primitive.
        arity: the number of its operands.
        jvp: for each operand `(out, *operands, tangent) -> tangent of out`, or None where the
            derivative is zero; one function alone for a unary one.
        transpose: for each operand in which it is linear `(ct, *operands) -> ct`, else None.
        symbol: the Python operator, for readable source.
        scalar: a template over Python floats that gives NumPy's value bit for bit, or raises.
        samples: inputs for the conformance tests.
    """

    elementwise = True

    def __init__(
        self,
        name: str,
        arity: int,
        *,
        jvp: Partial | Sequence[Partial | None] | None = None,
        transpose: Partial | Sequence[Partial | None] | None = None,
        symbol: str | None = None,
        scalar: str | None = None,
        commutative: bool = False,
        cheap: bool = False,
        samples: Sequence[Sample] = (),
    ) -> None:
        super().__init__(name, samples=samples)
        self.arity = arity
        self.partials = _per_operand(jvp, arity)
        self.transposes = _per_operand(transpose, arity)
        self.linear = tuple(i for i, t in enumerate(self.transposes) if t is not None)
        self.symbol = symbol
        self.scalar = scalar
        self.commutative = commutative
        self.cheap = cheap
        self.differentiable = any(p is not None for p in self.partials)
        self._plans: dict[Any, _Plan] = {}
        #: The output type for operands that need neither conversion nor broadcast, by their types (a
        #: Python number by its class), else None: the path that nearly all operations take.
        self.straight = _Straight(self)

    # -- calling: NumPy's promotion and broadcasting ---------------------------------------------

    def __call__(self, *operands: Any, **params: Any) -> Any:
        trace: Trace | None = None
        for value in operands:
            if value.__class__ is Tracer:
                found = value.owner
                if trace is None or found.serial > trace.serial:
                    trace = found
        if trace is None:
            return self._concrete(operands)
        numbers = tuple([trace.operand(v) for v in operands])
        return self.record(trace, numbers)

    def record(self, trace: Trace, numbers: tuple[Any, ...]) -> Tracer:
        """Record it over operands that are numbers of `trace` or literals."""
        key = tuple([_kind_of(trace, n) for n in numbers])
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plan(key)
        if plan.steps is not None:
            numbers = tuple(
                [n if step is None else _adapt(trace, n, step)
                 for n, step in zip(numbers, plan.steps, strict=True)]
            )
        return trace.record(self, numbers, EMPTY, plan.type)

    def straight_type(self, key: Any) -> ArrayType | None:
        """The entry of `straight` for a key: a type, or a pair of types and classes of numbers."""
        kinds = key if key.__class__ is tuple else (key,)
        options = []
        for k in kinds:
            type = k if isinstance(k, ArrayType) else NUMBER_TYPES[k]
            weak_number = type is not k and type.weak
            options.append([type, _literal_kind(type)] if weak_number else [type])
        plans = [self._plan(choice) for choice in itertools.product(*options)]
        if all(p.steps is None and p.type is plans[0].type for p in plans):
            return plans[0].type
        return None

    @abc.abstractmethod
    def _concrete(self, operands: Sequence[Any]) -> Any:
        """The value for operands of which none is traced."""

    def _plan(self, key: tuple[Any, ...]) -> _Plan:
        types = [k.type if isinstance(k, _LiteralKind) else k for k in key]
        dtypes, out = self.resolve(types)
        try:
            shape = np.broadcast_shapes(*(t.shape for t in types))
        except ValueError:
            shapes = " ".join(str(t.shape) for t in types)
            require(False, f"operands could not be broadcast together with shapes {shapes}",
                    fix="reshape one of them, e.g. x[:, None], so that the axes line up")
            raise
        steps: list[tuple[Any, Any] | None] = []
        for kind, type, dtype in zip(key, types, dtypes, strict=True):
            convert = not isinstance(kind, _LiteralKind) and type.dtype != dtype
            stretch = type.ndim > 0 and type.shape != shape
            step = (self._conversion(type, dtype) if convert else None, shape if stretch else None)
            steps.append(step if convert or stretch else None)
        made = _Plan(ArrayType(shape, out, self._weak(types)), steps if any(steps) else None)
        if len(self._plans) > 65536:
            self._plans.clear()
        self._plans[key] = made
        return made

    def _conversion(self, type: ArrayType, dtype: np.dtype[Any]) -> tuple[Callable[..., Any], np.dtype[Any]]:
        """How an operand comes to have a dtype: a Python int that is out of its bounds is an error."""
        number = type.weak and type.dtype.kind == "i" and dtype.kind in "iu"
        return (operations.fit if number else operations.convert), dtype

    @abc.abstractmethod
    def resolve(self, types: Sequence[ArrayType]) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
        """The dtypes that it computes with, and the one it gives (NEP 50)."""

    # -- the rules -------------------------------------------------------------------------------

    def infer(self, *types: ArrayType, **params: Any) -> ArrayType:
        require(len(types) == self.arity, f"{self.name} takes {self.arity} operands, not {len(types)}")
        shape: tuple[int, ...] = ()
        for type in types:
            if type.ndim:
                require(not shape or shape == type.shape,
                        f"{self.name}: operands of shapes {shape} and {type.shape}")
                shape = type.shape
        dtypes, out = self.resolve(types)
        require(all(t.weak or t.dtype == dtype for t, dtype in zip(types, dtypes, strict=True)),
                f"{self.name}: operands of types {', '.join(map(str, types))} without a conversion")
        return ArrayType(shape, out, self._weak(types))

    def _weak(self, types: Sequence[ArrayType]) -> bool:
        # Python's operators on Python numbers give Python numbers; NumPy's functions do not.
        return self.symbol is not None and all(t.weak for t in types)

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        run = super()._make_evaluator(types, params)
        if not all(t.weak for t in types):
            return run
        # Python's operators would raise where NumPy's give inf.
        scalars = [t.dtype.type for t in types]
        return lambda *values: run(*[v if v.__class__ is int and v.bit_length() > 63 else s(v)
                                     for s, v in zip(scalars, values, strict=True)])

    def emit_scalar(self, *operands: Code, **params: Any) -> str | None:
        return None if self.scalar is None else self.scalar.format(*operands)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, **params: Any) -> Any:
        total = None
        for partial, dx in zip(self.partials, tangents, strict=True):
            if partial is not None and dx is not None:
                term = partial(out, *primals, dx)
                total = term if total is None else total + term
        if total is None:
            return None
        if total.dtype != out.dtype:
            total = operations.convert(total, out.dtype)
        if total.shape != out.shape:
            total = operations.broadcast(total, out.shape, ())
        return total

    def transpose(self, ct: Any, *operands: Any, **params: Any) -> Any:
        pulled: list[Any] = []
        for rule, operand in zip(self.transposes, operands, strict=True):
            if not isinstance(operand, Unknown):
                pulled.append(None)
            elif rule is None:
                raise self._missing("transpose", "it is not linear in this operand")
            else:
                pulled.append(rule(ct, *operands))
        return tuple(pulled)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], **params: Any
    ) -> tuple[Any, Any]:
        aligned, dim = align(size, operands, dims)
        return bind(self, aligned, frozen(params)), dim


def python_kinds(types: Sequence[ArrayType]) -> tuple[Any, ...]:
    """Operands as a ufunc's `resolve_dtypes` takes them: Python numbers beside others by their kind."""
    if all(t.weak for t in types):
        return tuple(t.dtype for t in types)
    return tuple(_WEAK_PYTHON[t.dtype.kind] if t.weak and t.dtype.kind != "b" else t.dtype for t in types)


class Elementwise(Pointwise):
    """A NumPy ufunc: it gives the value and the promotion."""

    def __init__(self, name: str, ufunc: np.ufunc, **given: Any) -> None:
        super().__init__(name, ufunc.nin, **given)
        self.ufunc = ufunc

    def _concrete(self, operands: Sequence[Any]) -> Any:
        value = self.ufunc(*operands)
        if all(v.__class__ in (float, int, complex, bool) for v in operands):
            return value.item()  # Python numbers stay weak
        return value

    def resolve(self, types: Sequence[ArrayType]) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
        if self.ufunc in _COMPARISONS and any(not t.weak for t in types) and all(
                t.dtype.kind in "iu" for t in types):
            return tuple(t.dtype for t in types), np.dtype(np.bool_)  # exact for any int beside any integers
        resolved = self.ufunc.resolve_dtypes((*python_kinds(types), None))
        return resolved[:-1], resolved[-1]

    def emit(self, *operands: Code, **params: Any) -> str:
        if self.symbol is not None:
            if self.arity == 1:
                return f"{self.symbol}{operands[0]}"
            return f" {self.symbol} ".join(operands)
        return f"np.{self.ufunc.__name__}({', '.join(operands)})"

    def emit_into(self, *operands: Code, out: str) -> str | None:
        """The value written into the array `out`, or None where it is no ufunc's."""
        if type(self).emit is not Elementwise.emit:
            return None
        return f"np.{self.ufunc.__name__}({', '.join(operands)}, out={out})"

    def _make_evaluator(self, types: tuple[ArrayType, ...], params: Params) -> Callable[..., Any]:
        # On two numbers NumPy's operators round as its ufuncs do, save complex `*` and some `**`.
        numbers = self.symbol is not None and all(t.ndim == 0 for t in types)
        # `**` is an operation of its own: of arrays it is sqrt, square or reciprocal for some exponents.
        if type(self).emit is Elementwise.emit and not numbers and self.symbol != "**":
            return self.ufunc
        return super()._make_evaluator(types, params)


class _Plan:
    __slots__ = ("steps", "type")

    def __init__(self, type: ArrayType, steps: list[Any] | None) -> None:
        self.type = type
        self.steps = steps


class _Straight(dict[Any, "ArrayType | None"]):
    """The table `Elementwise.straight`, which fills itself: one look-up on the way of every operation."""

    def __init__(self, primitive: Pointwise) -> None:
        super().__init__()
        self.primitive = primitive

    def __missing__(self, key: Any) -> ArrayType | None:
        if len(self) > 65536:
            self.clear()
        found = self[key] = self.primitive.straight_type(key)
        return found


class _LiteralKind:
    """The kind of a literal operand in the key of a plan: a weak literal needs no conversion."""

    __slots__ = ("type",)

    def __init__(self, type: ArrayType) -> None:
        self.type = type


_literal_kinds: dict[ArrayType, _LiteralKind] = {}


def _kind_of(trace: Trace, number: Any) -> Any:
    if number.__class__ is not Literal:
        return trace.records[number][3]
    type = number.type
    return _literal_kind(type) if type.weak else type


def _literal_kind(type: ArrayType) -> _LiteralKind:
    kind = _literal_kinds.get(type)
    return kind if kind is not None else _literal_kinds.setdefault(type, _LiteralKind(type))


def _adapt(trace: Trace, number: Any, step: tuple[Any, Any]) -> Any:
    """Record the conversion and the broadcast of one operand; gives its new number."""
    conversion, shape = step
    value: Any = number.value if isinstance(number, Literal) else Tracer(
        trace, number, trace.type_of(number)
    )
    if conversion is not None:
        convert, dtype = conversion
        value = convert(value, dtype)
    if shape is not None:
        n = len(shape)
        value = operations.broadcast(value, shape, tuple(range(n - value.ndim, n)))
    return trace.operand(value)


def _per_operand(rules: Any, arity: int) -> tuple[Partial | None, ...]:
    if rules is None:
        return (None,) * arity
    if callable(rules):
        return (rules,)
    return tuple(rules)


def align(
    size: int, operands: Sequence[Any], dims: Sequence[int | None]
) -> tuple[list[Any], int]:
    """Operands of one elementwise operation, batched, as operands of one shape (or rank 0).

    Gives the operands and the axis that is the batch's.
    """
    ranks = [getattr(x, "ndim", 0) - (d is not None) for x, d in zip(operands, dims, strict=True)]
    rank = max(ranks)
    mapped = {d for d in dims if d is not None}
    plain = all(r == rank if d is not None else r == 0
                for r, d in zip(ranks, dims, strict=True))
    if plain and len(mapped) == 1:
        return list(operands), mapped.pop()
    shape = next(
        (_without(x.shape, d) for x, d, r in zip(operands, dims, ranks, strict=True) if r == rank)
    )
    aligned = []
    for x, d, r in zip(operands, dims, ranks, strict=True):
        if d is not None:
            x = to_front(x, d)
            if r < rank:
                x = operations.broadcast(x, (size, *shape), (0,))
        elif r > 0:
            x = operations.broadcast(x, (size, *shape), tuple(range(1, rank + 1)))
        aligned.append(x)
    return aligned, 0


def _without(shape: tuple[int, ...], dim: int | None) -> tuple[int, ...]:
    return shape if dim is None else shape[:dim] + shape[dim + 1 :]


def to_front(x: Any, dim: int) -> Any:
    """`x` with its mapped axis first."""
    return x if dim == 0 else operations.move_axis(x, dim, 0)


def record_nullary(like: Any, primitive: Primitive, params: Params) -> Any:
    """Apply a primitive without operands in the trace of `like`, or compute it when that is concrete."""
    if isinstance(like, Tracer):
        return bind_in(like.owner, primitive, (), params)
    if isinstance(like, Trace):
        return bind_in(like, primitive, (), params)
    return bind(primitive, (), params)


def reduced(x: ArrayType, axes: tuple[int, ...]) -> ArrayType:
    """The type of `x` without `axes`."""
    require(all(0 <= a < x.ndim for a in axes), f"axes {axes} of an array of shape {x.shape}")
    return ArrayType(tuple(n for i, n in enumerate(x.shape) if i not in axes), x.dtype)


def axis_argument(x: Code, axes: tuple[int, ...]) -> str:
    """`, axis=...` in its shortest form."""
    if len(axes) == x.type.ndim:
        return ""
    return f", axis={axes[0] if len(axes) == 1 else axes}"


def accumulator(x: Code) -> str:
    """`, dtype=...` where NumPy would sum or multiply in a wider dtype than that of `x`."""
    dtype = x.type.dtype
    wider = dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize < 8)
    return f", dtype=np.{dtype.type.__name__}" if wider else ""


def batch_reduction(
    primitive: Any, x: Any, dim: int, axes: tuple[int, ...], **params: Any
) -> tuple[Any, int]:
    """A reduction over the same axes of every element of a batch."""
    moved = tuple(a + (a >= dim) for a in axes)
    return primitive(x, axes=moved, **params), dim - sum(a < dim for a in moved)
