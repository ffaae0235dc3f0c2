"""Loops over small arrays as loops over numbers, which run on Python's floats.

A NumPy call on two numbers costs as much as one on two hundred, and twenty times what Python needs for them.
So where a loop carries a few small arrays and does nothing with them but elementwise operations, moves and
short sums, its body is written for each element. No bit of a result changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fxad.ir.program import EMPTY, Atom, Equation, Literal, Params, Program, Var, substitute
from fxad.ir.types import UNKNOWN, ArrayType
from fxad.primitives.arithmetic import add
from fxad.primitives.looping import while_
from fxad.primitives.scanning import scan
from fxad.primitives.slicing import concatenate, slice_, whole
from fxad.primitives.stacks import unzip_stack, zip_stacks
from fxad.primitives.structural import reshape

__all__ = ["explode_loops"]

#: Arrays of more elements stay arrays.
_SMALL = 16
#: A body of more equations, written for each element, is not worth compiling.
_LONG = 4000
_DTYPES = {np.dtype(np.float64), np.dtype(np.bool_), np.dtype(np.int64)}
#: Primitives that only move elements: NumPy moves variables in their place.
_MOVES = {"reshape", "transpose", "broadcast", "slice", "concatenate", "flip"}
#: NumPy adds up to so many numbers one after the other; more in an order of its own.
_SUM = 7

Elements = np.ndarray[Any, Any]


class _Unfit(Exception):
    """A Program that can't be written for each element."""


def explode_loops(program: Program) -> Program:
    """Program -> Program whose loops over small arrays are loops over numbers, where that can be done."""
    env: dict[Var, Atom] = {}
    kept: list[Equation] = []
    for eqn in program.equations:
        inputs = substitute(eqn.inputs, env)
        if inputs != eqn.inputs:
            eqn = Equation(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        if (eqn.primitive is scan or eqn.primitive is while_) and _is_candidate(eqn):
            try:
                equations, results = _Exploded(eqn).equations()
            except _Unfit:
                kept.append(eqn)
            else:
                kept += equations
                env.update(zip(eqn.outputs, results, strict=True))
            continue
        kept.append(eqn)
    return Program(program.inputs, kept, substitute(program.outputs, env))


def _programs(eqn: Equation) -> list[Program]:
    return [eqn.params["body"], *([eqn.params["cond"]] if eqn.primitive is while_ else [])]


def _is_candidate(eqn: Equation) -> bool:
    values = [v for p in _programs(eqn) for v in (*p.inputs, *p.outputs)]
    return any(v.type.ndim for v in values) and all(_fits(v.type) for v in values)


def _fits(type: ArrayType) -> bool:
    return type.dtype in _DTYPES and 0 < type.size <= _SMALL and UNKNOWN not in type.shape


def _places(type: ArrayType) -> Iterator[tuple[int, ...]]:
    return np.ndindex(type.shape)


# -- a Program for each element ---------------------------------------------------------------------


def _elements(type: ArrayType, atoms: Sequence[Any]) -> Elements:
    made = np.empty(type.shape, object)
    for place, atom in zip(_places(type), atoms, strict=True):
        made[place] = atom
    return made


def _scalar_program(program: Program) -> Program:
    """The Program with a number in place of each element; raises _Unfit."""
    flips = any(e.primitive.name == "flip" or (e.primitive.name == "slice" and _backwards(e))
                for e in program.equations)
    env: dict[Var, Elements] = {}
    inputs: list[Var] = []
    for v in program.inputs:
        fresh = [Var(ArrayType((), v.type.dtype, v.type.weak), v.name if not v.type.ndim else None)
                 for _ in _places(v.type)]
        inputs += fresh
        env[v] = _elements(v.type, fresh)
    equations: list[Equation] = []
    for eqn in program.equations:
        if len(eqn.outputs) != 1 or not _fits(eqn.output.type) or len(equations) > _LONG:
            raise _Unfit
        operands = [env[a] if isinstance(a, Var) else _elements(ArrayType((), a.type.dtype), [a])
                    for a in eqn.inputs]
        env[eqn.output] = _exploded(eqn, operands, equations, flips)
    outputs: list[Atom] = []
    for a in program.outputs:
        outputs += list(env[a].flat) if isinstance(a, Var) else [a]
    return Program(inputs, equations, outputs)


def _backwards(eqn: Equation) -> bool:
    return any(isinstance(i, tuple) and i[2] < 0 for i in eqn.params["index"])


def _exploded(eqn: Equation, operands: list[Elements], made: list[Equation], flips: bool) -> Elements:
    name, type = eqn.primitive.name, eqn.output.type
    if name == "stop_gradient":
        return operands[0]
    if eqn.primitive.elementwise:
        return _elementwise(eqn, operands, made)
    if name in _MOVES:
        types = tuple(a.type for a in eqn.inputs)
        moved: Any = eqn.primitive.evaluator(types, eqn.params)(*operands)
        return _elements(type, [moved]) if not isinstance(moved, np.ndarray) else np.array(moved)
    if name in ("full", "constant"):
        numbers = np.asarray(eqn.primitive.evaluator((), eqn.params)())
        return _elements(type, [Literal(n) for n in numbers.reshape(-1)])
    if name == "pad":
        zero = Literal(type.dtype.type(0))
        padded = _elements(type, [zero] * type.size)
        at = tuple(_slice(*i) if isinstance(i, tuple) else i for i in eqn.params["index"])
        padded[at] = operands[0] if operands[0].ndim else operands[0][()]
        return padded
    if name == "reduce_sum":
        return _summed(eqn, operands[0], made, flips)
    raise _Unfit


def _slice(start: int, stop: int, step: int) -> slice:
    return slice(start, None if stop < 0 else stop, step)


def _elementwise(eqn: Equation, operands: list[Elements], made: list[Equation]) -> Elements:
    type = eqn.output.type
    out = np.empty(type.shape, object)
    for place in _places(type):
        atoms: tuple[Any, ...] = tuple(x[place] if x.ndim else x[()] for x in operands)
        var = Var(ArrayType((), type.dtype, type.weak))
        made.append(Equation(eqn.primitive, atoms, eqn.params, (var,), eqn.source))
        out[place] = var
    return out


def _summed(eqn: Equation, x: Elements, made: list[Equation], flips: bool) -> Elements:
    """The elements along one axis, one after the other, as NumPy adds a few."""
    axes = [a for a in eqn.params["axes"] if x.shape[a] > 1]
    limit = 2 if flips else _SUM  # what lies backwards in memory is added from its end
    if len(axes) > 1 or any(x.shape[a] > limit for a in axes) or eqn.output.type.dtype != np.float64:
        raise _Unfit
    rest = tuple(a for a in eqn.params["axes"] if a not in axes)
    rows = np.moveaxis(x, axes[0], 0) if axes else x[None]
    rest = tuple((a if a > axes[0] else a + 1) if axes else a + 1 for a in rest)
    rows = rows.reshape(rows.shape[:1] + eqn.output.type.shape)
    total = rows[0] if isinstance(rows[0], np.ndarray) else _elements(eqn.output.type, [rows[0]])
    for row in rows[1:]:
        row = row if isinstance(row, np.ndarray) else _elements(eqn.output.type, [row])
        sums = np.empty(total.shape, object)
        for place in np.ndindex(total.shape):
            var = Var(ArrayType((), eqn.output.type.dtype))
            pair: tuple[Any, Any] = (total[place], row[place])
            made.append(Equation(add, pair, EMPTY, (var,), eqn.source))
            sums[place] = var
        total = sums
    return total


# -- a loop for each element ------------------------------------------------------------------------


class _Exploded:
    """A loop over numbers that stands for one over small arrays, and what joins it to the rest."""

    def __init__(self, eqn: Equation) -> None:
        self.eqn = eqn
        self.before: list[Equation] = []
        self.after: list[Equation] = []

    def equations(self) -> tuple[list[Equation], list[Atom]]:
        """The equations in place of the loop, and what its outputs are."""
        eqn, params = self.eqn, dict(self.eqn.params)
        is_while = eqn.primitive is while_
        body: Program = params["body"]
        carry = params["carry"]
        consts = params["body_consts" if is_while else "consts"]
        lead = params["cond_consts"] if is_while else int(params["length"] is None)
        sizes = [v.type.size for v in body.inputs]
        inputs: list[Atom] = list(eqn.inputs[:lead])
        if is_while:
            cond: Program = params["cond"]
            inputs = [n for a in eqn.inputs[:lead] for n in self._numbers(a)]
            params["cond"] = _scalar_program(cond)
            params["cond_consts"] = len(inputs)
        params["body"] = _scalar_program(body)
        for i, atom in enumerate(eqn.inputs[lead:]):
            inputs += self._columns(atom) if i >= consts + carry else self._numbers(atom)
        params["body_consts" if is_while else "consts"] = sum(sizes[:consts])
        params["carry"] = sum(sizes[consts : consts + carry])
        outputs: list[Var] = []
        results: list[Atom] = []
        between = int(is_while)
        for i, var in enumerate(eqn.outputs):
            if i < carry:
                parts = [Var(ArrayType((), var.type.dtype)) for _ in _places(var.type)]
                results.append(self._array(parts, var.type, eqn))
            elif i < carry + between:
                parts = [Var(var.type)]
                results.append(parts[0])
            else:
                element = ArrayType(var.type.shape[1:], var.type.dtype)
                parts = [Var(ArrayType(var.type.shape[:1], var.type.dtype)) for _ in _places(element)]
                results.append(self._stacked(parts, var.type, eqn))
            outputs += parts
        made = Equation(eqn.primitive, tuple(inputs), Params(params), tuple(outputs), eqn.source)
        return [*self.before, made, *self.after], results

    def _numbers(self, atom: Atom) -> list[Atom]:
        """The elements of an array operand."""
        if not atom.type.ndim:
            return [atom]
        return [self._take(atom, place) for place in _places(atom.type)]

    def _take(self, atom: Atom, index: tuple[Any, ...]) -> Var:
        var = Var(slice_.infer(atom.type, index=index))
        self.before.append(Equation(slice_, (atom,), Params(index=index), (var,), self.eqn.source))
        return var

    def _columns(self, atom: Atom) -> list[Atom]:
        """An operand that is gone through: one for each place in its elements."""
        if atom.type.ndim == 1:
            return [atom]
        places = np.ndindex(atom.type.shape[1:])
        if not atom.type.is_stack:
            return [self._take(atom, (whole(atom.type.shape[0]), *place)) for place in places]
        columns: list[Atom] = []
        for place in places:
            var = Var(ArrayType((UNKNOWN,), atom.type.dtype))
            self.before.append(Equation(unzip_stack, (atom,), Params(index=place), (var,), self.eqn.source))
            columns.append(var)
        return columns

    def _array(self, parts: Sequence[Var], type: ArrayType, eqn: Equation) -> Atom:
        if not type.ndim:
            return parts[0]
        ones = [self._reshaped(p, (1,)) for p in parts]
        return self._reshaped(self._joined(ones, 0), type.shape)

    def _stacked(self, parts: Sequence[Var], type: ArrayType, eqn: Equation) -> Atom:
        if type.ndim == 1:
            return parts[0]
        if type.is_stack:
            var = Var(type.strong)
            self.after.append(Equation(zip_stacks, tuple(parts), Params(shape=type.shape[1:]), (var,),
                                       eqn.source))
            return var
        columns = [self._reshaped(p, (type.shape[0], 1)) for p in parts]
        return self._reshaped(self._joined(columns, 1), type.shape)

    def _reshaped(self, x: Var, shape: tuple[int, ...]) -> Var:
        if x.type.shape == shape:
            return x
        var = Var(ArrayType(shape, x.type.dtype))
        self.after.append(Equation(reshape, (x,), Params(shape=shape), (var,), self.eqn.source))
        return var

    def _joined(self, parts: Sequence[Var], axis: int) -> Var:
        if len(parts) == 1:
            return parts[0]
        var = Var(concatenate.infer(*(p.type for p in parts), axis=axis))
        self.after.append(Equation(concatenate, tuple(parts), Params(axis=axis), (var,), self.eqn.source))
        return var
