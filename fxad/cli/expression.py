"""From the text of an expression to a function over NumPy.

The text is parsed, and a new tree is built from it out of nothing but numbers, known names,
operators, calls of the functions below and constant indices. Only that tree is compiled: no text is
ever evaluated. Columns are kept, so that a message of fxad marks the place in the expression.
"""

from __future__ import annotations

import ast
import difflib
import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad.cli.usage import UsageError

__all__ = ["CONSTANTS", "FUNCTIONS", "function_of", "variables"]

_FILE = "<expression>"

#: The functions an expression may call, under the names NumPy gives them.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        np.arccos, np.arccosh, np.arcsin, np.arcsinh, np.arctan, np.arctan2, np.arctanh, np.cbrt,
        np.ceil, np.clip, np.concatenate, np.cos, np.cosh, np.cumprod, np.cumsum, np.deg2rad,
        np.diag, np.dot, np.exp, np.exp2, np.expm1, np.floor, np.hypot, np.inner, np.linalg.det,
        np.linalg.inv, np.linalg.norm, np.linalg.solve, np.log, np.log10, np.log1p, np.log2,
        np.logaddexp, np.matmul, np.maximum, np.mean, np.minimum, np.outer, np.power, np.prod,
        np.rad2deg, np.ravel, np.reciprocal, np.reshape, np.sign, np.sin, np.sinh, np.sort, np.sqrt,
        np.square, np.stack, np.std, np.sum, np.tan, np.tanh, np.tile, np.trace, np.transpose,
        np.var, np.where,
    )
} | {"abs": np.abs, "max": np.max, "min": np.min}

CONSTANTS: dict[str, float] = {"e": np.e, "pi": np.pi}

_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.FloorDiv, ast.Mod, ast.MatMult)
_UNARY = (ast.UAdd, ast.USub)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_KEYWORDS = ("axis", "keepdims")


def variables(text: str) -> list[str]:
    """The names in an expression that are neither functions nor constants, in order.

    Raises:
        UsageError: the text is no expression of the kinds allowed.
    """
    names = [node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name)]
    return [name for name in dict.fromkeys(names) if name not in FUNCTIONS | CONSTANTS]


def function_of(text: str, names: Sequence[str]) -> Callable[..., Any]:
    """The function of `names` that an expression computes.

    Raises:
        UsageError: the text is no expression of the kinds allowed; names the part that is not.

    >>> float(function_of("2 * x[0] + y", ["x", "y"])([3.0, 4.0], 1.0))
    7.0
    """
    text = text.strip()
    for name in names:
        if name in FUNCTIONS:
            raise UsageError(f"{name} is the name of a function; call the variable otherwise")
    body = _Builder(text, names).build(_parse(text))
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in names],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    known = {**FUNCTIONS, **CONSTANTS, "__builtins__": {}}
    function: Callable[..., Any] = eval(compile(tree, _FILE, "eval"), known)
    function.__name__ = "f"
    linecache.cache[_FILE] = (len(text), None, [text + "\n"], _FILE)  # for marked source lines
    return function


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise UsageError(f"the expression {text!r} cannot be read: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError("the expression cannot be read: it is nested too deeply") from None


def _is_bool(number: complex) -> bool:
    return isinstance(number, bool)  # which are ints to a pattern


class _Builder:
    """Builds the tree that is compiled; every node of it is made here."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text = text
        self.names = names

    def build(self, node: ast.expr) -> ast.expr:
        """A value: what may stand anywhere in an expression."""
        return ast.copy_location(self._value(node), node)

    def _value(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant(value=int() | float() | complex() as number) if not _is_bool(number):
                return ast.Constant(number)
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left, op, right) if isinstance(op, _BINARY):
                return ast.BinOp(self.build(left), op, self.build(right))
            case ast.UnaryOp(op, operand) if isinstance(op, _UNARY):
                return ast.UnaryOp(op, self.build(operand))
            case ast.Compare(left, [op], [right]) if isinstance(op, _COMPARISONS):
                return ast.Compare(self.build(left), [op], [self.build(right)])
            case ast.Call(ast.Name(id=name), args, keywords) if name in FUNCTIONS:
                options = [self._keyword(keyword) for keyword in keywords]
                return ast.Call(self._name(name), [self._argument(a) for a in args], options)
            case ast.Call(ast.Name(id=name)):
                close = difflib.get_close_matches(name, FUNCTIONS, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise UsageError(f"there is no function {name}{hint}")
            case ast.Subscript(value, index):
                return ast.Subscript(self.build(value), self._index(index), ast.Load())
            case ast.List(elements) if elements:
                # stack takes traced elements, and in nested lists the inner stacks.
                rows = ast.List([self.build(element) for element in elements], ast.Load())
                stack = ast.copy_location(ast.Name("stack", ast.Load()), node)
                return ast.Call(stack, [ast.copy_location(rows, node)], [])
        raise self._refusal(node)

    def _name(self, name: str) -> ast.expr:
        if name not in self.names and name not in FUNCTIONS and name not in CONSTANTS:
            raise UsageError(f"{name} has no value: add {name}=...")
        return ast.Name(name, ast.Load())

    def _argument(self, node: ast.expr) -> ast.expr:
        """An argument of a call: a value, or a tuple of values (a shape, arrays to stack)."""
        if isinstance(node, ast.Tuple) and node.elts:
            elements = [self.build(element) for element in node.elts]
            return ast.copy_location(ast.Tuple(elements, ast.Load()), node)
        return self.build(node)

    def _keyword(self, node: ast.keyword) -> ast.keyword:
        if node.arg not in _KEYWORDS:
            allowed = " and ".join(_KEYWORDS)
            raise UsageError(f"a call may have the keywords {allowed}, not {node.arg}")
        match node.value:
            case ast.Constant(value=bool() | None as value):
                return ast.keyword(node.arg, ast.copy_location(ast.Constant(value), node.value))
        return ast.keyword(node.arg, self._index(node.value))

    def _index(self, node: ast.expr) -> ast.expr:
        """A constant index: integers, slices of them, and tuples of those."""
        match node:
            case ast.Constant(value=int() as number) if not _is_bool(number):
                built: ast.expr = ast.Constant(number)
            case ast.UnaryOp(ast.USub(), ast.Constant(value=int() as number)):
                built = ast.Constant(-number)
            case ast.Slice(lower, upper, step):
                parts = (lower, upper, step)
                built = ast.Slice(*[None if p is None else self._index(p) for p in parts])
            case ast.Tuple(elements):
                built = ast.Tuple([self._index(element) for element in elements], ast.Load())
            case _:
                raise self._refusal(node, "an index has to be made of integer constants; ")
        return ast.copy_location(built, node)

    def _refusal(self, node: ast.expr, why: str = "") -> UsageError:
        part = ast.get_source_segment(self.text, node) or type(node).__name__
        return UsageError(f"{why}{part!r} is not allowed in an expression")
