"""The text form of a Program: what `str(program)` gives and `parse` reads back."""

from __future__ import annotations

import itertools
import keyword
from collections.abc import Iterator
from typing import Any

import numpy as np

from fxad.ir.primitive import Primitive
from fxad.ir.program import Array, Atom, Literal, Params, Program, Var, attach
from fxad.ir.types import DTYPE_NAMES, ArrayType, Opaque, dtype_name

__all__ = ["format_program", "format_value", "names_of"]

#: Names that the parser reads as something else.
_RESERVED = {"program", "inf", "nan", "True", "False", "None", "complex", "function", *DTYPE_NAMES}


def names_of(program: Program) -> dict[Var, str]:
    """A distinct readable name for every variable: its own where it has one, else a, b, c, ..."""
    names: dict[Var, str] = {}
    taken = set(_RESERVED)
    defined = [*program.inputs, *(v for eqn in program.equations for v in eqn.outputs)]
    for var in defined:
        hint = var.name
        if hint and hint.isidentifier() and not keyword.iskeyword(hint):
            unique = hint
            for n in itertools.count(2):
                if unique not in taken:
                    break
                unique = f"{hint}_{n}"
            taken.add(unique)
            names[var] = unique
    fresh = _letters()
    for var in defined:
        if var not in names:
            names[var] = next(n for n in fresh if n not in taken and not keyword.iskeyword(n))
    return names


def _letters() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length):
            yield "".join(letters)


def format_program(program: Program, indent: str = "") -> str:
    """The exact text of a Program."""
    names = names_of(program)

    def atom(a: Atom) -> str:
        return names[a] if isinstance(a, Var) else format_literal(a)

    head = ", ".join(f"{names[v]}: {v.type}" for v in program.inputs)
    rows: list[tuple[str, str, str]] = []
    for eqn in program.equations:
        left = ", ".join(f"{names[v]}: {v.type}" for v in eqn.outputs)
        args = [atom(a) for a in eqn.inputs]
        args += [f"{k}={format_value(v, indent + '  ')}" for k, v in sorted(eqn.params.items())]
        right = f"{eqn.primitive.name}({', '.join(args)})"
        rows.append((left, right, str(eqn.source) if eqn.source is not None else ""))
    # Columns line up, unless a row is so long that lining up would push all others away.
    wide = max((len(row[0]) for row in rows if len(row[0]) <= 32), default=0)
    far = max((len(row[1]) for row in rows if len(row[1]) <= 60 and "\n" not in row[1]), default=0)
    lines = [f"program({head}) {{"]
    for left, right, source in rows:
        text = f"{indent}  {left:<{wide}} = {right}"
        if source:
            text = f"{text:<{len(indent) + 5 + wide + far}}  # {source}"
        lines.append(text)
    outs = [atom(a) for a in program.outputs]
    result = outs[0] if len(outs) == 1 else f"({', '.join(outs)})"
    lines.append(f"{indent}}} -> {result}")
    return "\n".join(lines)


def format_literal(literal: Literal) -> str:
    """`2.0`, `3`, `True`, `(1+2j)` for Python scalars; `f32(2.0)` for typed ones."""
    value = literal.value
    if isinstance(value, np.generic):
        return f"{dtype_name(value.dtype)}({_number(value.item())})"
    return _number(value)


def _number(value: Any) -> str:
    if isinstance(value, complex):
        # repr of a complex number loses the sign of some zeros; the pair does not.
        return f"complex({value.real!r}, {value.imag!r})"
    return repr(value)


def format_value(value: Any, indent: str = "") -> str:
    """The text of a param."""
    match value:
        case bool() | int() | float() | complex() | None:
            return _number(value)
        case str():
            return repr(value)
        case Literal():
            return f"literal({format_literal(value)})"
        case np.dtype():
            return f"dtype({dtype_name(value)})"
        case ArrayType():
            return f"type({value})"
        case Array():
            return _array(value.value)
        case Opaque():
            return f"function({value.name!r})"
        case Program():
            return format_program(value, indent)
        case Primitive():
            return f"primitive({value.name})"
        case slice():
            parts = (value.start, value.stop, value.step)
            return f"slice({', '.join(format_value(p) for p in parts)})"
        case tuple():
            inner = ", ".join(format_value(v, indent) for v in value)
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case Params():
            inner = ", ".join(f"{k}={format_value(v, indent)}" for k, v in sorted(value.items()))
            return f"params({inner})"
    raise TypeError(f"a param of type {type(value).__name__} has no text form: {value!r}")


def _array(array: np.ndarray[Any, Any]) -> str:
    items = ", ".join(_number(v) for v in array.ravel().tolist())
    return f"array({ArrayType(array.shape, array.dtype)}, [{items}])"


attach(printer=format_program)
