"""The families of SciPy's special functions, and SciPy as emitted code knows it.

Emitted code calls `scipy.special`, as the code that was traced did. SciPy is optional, though: where it is
not installed, a function that has an exact way in NumPy alone takes that, with the same results to rounding.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from fxad.errors import MissingExtra, explain
from fxad.ir.primitive import NAMESPACE, Code, kernel, require
from fxad.ir.program import EMPTY
from fxad.ir.types import ArrayType
from fxad.primitives.families import Operation, Pointwise, align, python_kinds
from fxad.source import Source

__all__ = ["OfOrder", "Special", "by_element", "missing", "scipy",
           "scipy_call", "scipy_linalg", "scipy_special", "ufunc_dtype"]


class _Package:
    """A package whose modules are loaded when emitted code first uses them."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("__"):  # what Python and its tools ask of any object
            raise AttributeError(name)
        module = importlib.import_module(f"{self._name}.{name}")
        setattr(self, name, module)
        return module


scipy = NAMESPACE["scipy"] = _Package("scipy")


@functools.cache
def scipy_special() -> ModuleType | None:
    """`scipy.special`, or None where SciPy is not installed."""
    try:
        return importlib.import_module("scipy.special")
    except ImportError:
        return None


@functools.cache
def scipy_linalg() -> ModuleType | None:
    """`scipy.linalg`, or None where SciPy is not installed."""
    try:
        return importlib.import_module("scipy.linalg")
    except ImportError:
        return None


def missing(name: str, module: str = "special") -> MissingExtra:
    """The error for a function whose values are SciPy's, where it is not installed."""
    return MissingExtra(explain(f"fxad.scipy.{module}.{name} needs SciPy.", source=Source.here(),
                                fix='pip install "fxad[scipy]"'))


def scipy_call(name: str, operands: Sequence[Code], params: str = "") -> str:
    """The source of a call of `scipy.special`; raises MissingExtra where that is not installed."""
    if scipy_special() is None:
        raise missing(name)
    return f"scipy.special.{name}({params}{', '.join(operands)})"


def float_dtype(name: str, types: Sequence[ArrayType], *, complex: bool = False) -> np.dtype[Any]:
    """The dtype in which a special function computes: that of the operands, and float64 for integers.

    Raises TypeMismatch for complex numbers, unless `complex`, and for other precisions than SciPy's.
    """
    given = [t.dtype for t in types if not t.weak] or [np.dtype(np.float64)]
    if any(t.weak and t.dtype.kind == "c" for t in types):
        given.append(np.dtype(np.complex64))
    dtype = np.result_type(*given)
    if dtype.kind not in "fc" or dtype.itemsize < 4:
        dtype = np.result_type(dtype, np.float64)
    require(dtype.char in "fdFD", f"{name} computes in double or single precision, not in {dtype}",
            fix="x.astype(np.float64)")
    require(complex or dtype.kind == "f", f"{name} is a function of real numbers, and its operand has dtype"
            f" {dtype}.", fix="x.real, or np.abs(x)")
    return dtype


def ufunc_dtype(name: str, types: Sequence[ArrayType], *, complex: bool = False) -> np.dtype[Any]:
    """The dtype in which a ufunc of SciPy's computes: it has rules of its own for numbers and short integers.

    Raises as `float_dtype` does.
    """
    dtype = float_dtype(name, types, complex=complex)
    ufunc = getattr(scipy_special(), name, None)
    if isinstance(ufunc, np.ufunc):
        dtype = ufunc.resolve_dtypes((*python_kinds(types), None))[-1]
    return dtype


class Special(Pointwise):
    """A function of each element that `scipy.special` has.

    Args:
        name: its name, which is SciPy's.
        arity: the number of operands.
        formula: a template for the value of real numbers in NumPy alone, for where there is no SciPy.
        complex: whether it takes complex numbers.
        given: what `Pointwise` takes besides.
    """

    def __init__(
        self, name: str, arity: int = 1, *, formula: str | None = None, complex: bool = False, **given: Any,
    ) -> None:
        super().__init__(name, arity, **given)
        self.formula = formula
        self.complex = complex

    def resolve(self, types: Sequence[ArrayType]) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
        dtype = ufunc_dtype(self.name, types, complex=self.complex)
        return (dtype,) * self.arity, dtype

    def emit(self, *operands: Code, **params: Any) -> str:
        real = all(x.type.dtype.kind == "f" for x in operands)
        if self.formula is not None and real and scipy_special() is None:
            return self.formula.format(*operands)
        return scipy_call(self.name, operands)

    def emit_into(self, *operands: Code, out: str) -> str | None:
        """The value written into the array `out`, or None where no ufunc gives it."""
        return None if scipy_special() is None else f"{self.emit(*operands)[:-1]}, out={out})"

    def emit_scalar(self, *operands: Code, **params: Any) -> str | None:
        return super().emit_scalar(*operands, **params) or f"float({self.emit(*operands)})"

    def _concrete(self, operands: Sequence[Any]) -> Any:
        special = scipy_special()
        if special is not None:
            return getattr(special, self.name)(*operands)
        types = [ArrayType(np.shape(x), np.asarray(x).dtype, x.__class__ in (int, float)) for x in operands]
        (dtype, *_), _ = self.resolve(types)
        arrays = [np.asarray(x).astype(dtype) for x in operands]
        return self.evaluator(tuple(ArrayType(x.shape, dtype) for x in arrays), EMPTY)(*arrays)


class OfOrder(Operation):
    """A function of each element that depends on a number known beforehand, such as its order."""

    elementwise = True

    def infer(self, x: ArrayType, **params: Any) -> ArrayType:
        return ArrayType(x.shape, float_dtype(self.name, [x]))

    def batch(self, size: int, operands: Any, dims: Any, **params: Any) -> tuple[Any, Any]:
        (x,), dim = align(size, operands, dims)
        return self(x, **params), dim


@kernel
def by_element(function: Any, x: Any) -> Any:
    """A function of Python's floats on each element."""
    return np.asarray(np.frompyfunc(function, 1, 1)(x)).astype(x.dtype)[()]
