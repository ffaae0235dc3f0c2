"""Reads the text form of a Program. It is a parser of its own and never evaluates Python."""

from __future__ import annotations

import ast
import functools
import re
from typing import Any, NoReturn

import numpy as np

from fxad.ir.primitive import Primitive, primitive_named
from fxad.ir.program import (
    Array,
    Atom,
    Equation,
    Literal,
    Params,
    Program,
    Var,
    attach,
    frozen,
)
from fxad.ir.types import DTYPE_NAMES, FUNCTION, UNKNOWN, ArrayType
from fxad.source import Source

__all__ = ["ParseError", "parse"]


class ParseError(ValueError):
    """The text is no Program; the message names the line."""


@functools.cache
def _token() -> re.Pattern[str]:
    # Compiled when the first text is parsed: most users never parse one.
    return re.compile(_TOKENS, re.VERBOSE)


_TOKENS = r"""(?P<space>[ \t\r]+)
      | (?P<newline>\n)
      | (?P<comment>\#[^\n]*)
      | (?P<arrow>->)
      | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|inf\b|nan\b))
      | (?P<name>[^\W\d]\w*)
      | (?P<mark>[(){}\[\]:,=~?])
    """


def parse(text: str) -> Program:
    """The Program that `text` describes: `parse(str(p)) == p`.

    Raises:
        ParseError: the text is malformed; the message gives the line.

    >>> p = parse("program(x: f64[3]) { a: f64[3] = sin(x) } -> a")
    >>> print(p)
    program(x: f64[3]) {
      a: f64[3] = sin(x)
    } -> a
    """
    reader = _Reader(text)
    program = reader.program()
    reader.expect("end")
    return program


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        self.comments: dict[int, str] = {}
        position, line = 0, 1
        while position < len(text):
            match = _token().match(text, position)
            if match is None:
                raise ParseError(f"line {line}: unexpected {text[position]!r}")
            kind, token = match.lastgroup or "", match.group()
            if kind == "newline":
                line += 1
            elif kind == "comment":
                self.comments[line] = token[1:].strip()
            elif kind != "space":
                self.tokens.append((token if kind in ("mark", "arrow") else kind, token, line))
            position = match.end()
        self.tokens.append(("end", "the end", line))
        self.at = 0

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def token(self) -> str:
        return self.tokens[self.at][1]

    @property
    def line(self) -> int:
        return self.tokens[self.at][2]

    def fail(self, wanted: str) -> NoReturn:
        raise ParseError(f"line {self.line}: expected {wanted}, found {self.token}")

    def expect(self, kind: str) -> str:
        if self.kind != kind:
            self.fail({"name": "a name", "end": "the end"}.get(kind, repr(kind)))
        token = self.token
        if kind != "end":
            self.at += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.kind == kind:
            self.at += 1
            return True
        return False

    def word(self, word: str) -> None:
        if self.kind != "name" or self.token != word:
            self.fail(repr(word))
        self.at += 1

    # -- programs -------------------------------------------------------------------------------

    def program(self) -> Program:
        scope: dict[str, Var] = {}
        self.word("program")
        self.expect("(")
        inputs: list[Var] = []
        while not self.accept(")"):
            inputs.append(self.binding(scope))
            if self.kind != ")":
                self.expect(",")
        self.expect("{")
        equations: list[Equation] = []
        while not self.accept("}"):
            equations.append(self.equation(scope))
        self.expect("->")
        outputs: list[Atom] = []
        if self.accept("("):
            while not self.accept(")"):
                outputs.append(self.atom(scope))
                if self.kind != ")":
                    self.expect(",")
        else:
            outputs.append(self.atom(scope))
        return Program(inputs, equations, outputs)

    def binding(self, scope: dict[str, Var]) -> Var:
        name = self.expect("name")
        self.expect(":")
        var = Var(self.type(), name)
        if name in scope:
            raise ParseError(f"line {self.line}: {name} is defined twice")
        scope[name] = var
        return var

    def equation(self, scope: dict[str, Var]) -> Equation:
        fresh: dict[str, Var] = {}
        outputs = [self.binding(fresh)]
        while self.accept(","):
            outputs.append(self.binding(fresh))
        self.expect("=")
        name = self.expect("name")
        primitive = self.primitive(name)
        self.expect("(")
        inputs: list[Atom] = []
        params: dict[str, Any] = {}
        while not self.accept(")"):
            if self.kind == "name" and self.tokens[self.at + 1][0] == "=":
                key = self.expect("name")
                self.expect("=")
                params[key] = self.value()
            else:
                inputs.append(self.atom(scope))
            if self.kind != ")":
                self.expect(",")
        line = self.tokens[self.at - 1][2]
        for key, var in fresh.items():
            if key in scope:
                raise ParseError(f"line {line}: {key} is defined twice")
            scope[key] = var
        return Equation(
            primitive, tuple(inputs), frozen(params), tuple(outputs), self.source(line)
        )

    def primitive(self, name: str) -> Primitive:
        try:
            return primitive_named(name)
        except KeyError:
            raise ParseError(f"line {self.line}: there is no primitive named {name!r}") from None

    def source(self, line: int) -> Source | None:
        file, colon, number = self.comments.get(line, "").rpartition(":")
        return Source(file, int(number)) if colon and number.isdigit() else None

    def atom(self, scope: dict[str, Var]) -> Atom:
        if self.kind == "name" and self.token not in _WORDS:
            var = scope.get(self.token)
            if var is None:
                raise ParseError(f"line {self.line}: {self.token} is not defined")
            self.at += 1
            return var
        return self.literal()

    def literal(self) -> Literal:
        if self.kind == "name" and self.token in DTYPE_NAMES:
            dtype = DTYPE_NAMES[self.expect("name")]
            self.expect("(")
            number = self.number()
            self.expect(")")
            return Literal(dtype.type(number))
        return Literal(self.number())

    def number(self) -> Any:
        if self.kind == "name" and self.token in ("True", "False"):
            return self.expect("name") == "True"
        if self.kind == "name" and self.token == "complex":
            self.at += 1
            self.expect("(")
            real = float(self.expect("number"))
            self.expect(",")
            imag = float(self.expect("number"))
            self.expect(")")
            return complex(real, imag)
        if self.kind == "name" and self.token in ("inf", "nan"):
            return float(self.expect("name"))
        token = self.expect("number")
        is_int = token.lstrip("-").isdigit()
        return int(token) if is_int else float(token)

    def type(self) -> ArrayType:
        weak = self.accept("~")
        name = self.expect("name")
        if name == "function" and not weak:
            return FUNCTION
        if name not in DTYPE_NAMES:
            raise ParseError(f"line {self.line}: there is no dtype {name!r}")
        self.expect("[")
        shape: list[int] = []
        while not self.accept("]"):
            shape.append(UNKNOWN if self.accept("?") else int(self.expect("number")))
            if self.kind != "]":
                self.expect(",")
        return ArrayType(tuple(shape), DTYPE_NAMES[name], weak)

    # -- params ---------------------------------------------------------------------------------

    def value(self) -> Any:
        if self.kind == "string":
            return ast.literal_eval(self.expect("string"))
        if self.kind == "(":
            return tuple(self.items("(", ")"))
        if self.kind != "name":
            return self.number()
        word = self.token
        if word == "program":
            return self.program()
        if word == "None":
            self.at += 1
            return None
        form = _FORMS.get(word)
        if form is None:
            return self.number()
        self.at += 1
        return form(self)

    def items(self, start: str, end: str) -> list[Any]:
        self.expect(start)
        items: list[Any] = []
        while not self.accept(end):
            items.append(self.value())
            if self.kind != end:
                self.expect(",")
        return items

    def wrapped(self, read: Any) -> Any:
        self.expect("(")
        value = read()
        self.expect(")")
        return value

    def array(self) -> Array:
        self.expect("(")
        type = self.type()
        self.expect(",")
        values = self.items("[", "]")
        self.expect(")")
        if len(values) != type.size:
            raise ParseError(f"line {self.line}: {type} takes {type.size} values")
        return Array(np.array(values, type.dtype).reshape(type.shape))

    def params(self) -> Params:
        self.expect("(")
        params: dict[str, Any] = {}
        while not self.accept(")"):
            key = self.expect("name")
            self.expect("=")
            params[key] = self.value()
            if self.kind != ")":
                self.expect(",")
        return frozen(params)


def _function(reader: _Reader) -> NoReturn:
    name = reader.wrapped(lambda: reader.expect("string"))
    raise ParseError(f"line {reader.line}: the Python function {name} can't be read back from text; only a"
                     " Program that takes it as an input (a: function) can")


def _dtype(reader: _Reader) -> np.dtype[Any]:
    return DTYPE_NAMES[reader.wrapped(lambda: reader.expect("name"))]


_FORMS: dict[str, Any] = {
    "literal": lambda r: r.wrapped(r.literal),
    "dtype": _dtype,
    "type": lambda r: r.wrapped(r.type),
    "array": _Reader.array,
    "function": _function,
    "params": _Reader.params,
    "primitive": lambda r: r.primitive(r.wrapped(lambda: r.expect("name"))),
    "slice": lambda r: slice(*r.items("(", ")")),
}
_WORDS = {"True", "False", "complex", "inf", "nan", *DTYPE_NAMES}

attach(parser=parse)
