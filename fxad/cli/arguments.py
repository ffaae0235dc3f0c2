"""The values of the arguments, from words such as `x=2.0`, `w=[1, 2]` and `data=points.csv`."""

from __future__ import annotations

import ast
import keyword
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.cli.usage import UsageError

__all__ = ["differentiable", "read_arguments"]


def read_arguments(words: Sequence[str]) -> dict[str, Any]:
    """The values by name.

    Numbers become NumPy scalars, integers floats (a derivative is wanted), lists arrays. Tuples and
    dicts stay, with their elements converted; strings, booleans and None stay as they are.

    Raises:
        UsageError: a word is not `name=value`, or its value cannot be read.

    >>> read_arguments(["x=2", "w=[1, 2.5]", "mode='fast'"])
    {'x': np.float64(2.0), 'w': array([1. , 2.5]), 'mode': 'fast'}
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"{word!r} is not of the form name=value")
        if name in found:
            raise UsageError(f"{name} is given twice")
        found[name] = _read(name, text.strip())
    return found


def differentiable(value: Any) -> bool:
    """Whether an argument holds numbers and nothing else, so that a derivative makes sense."""
    leaves = tree.leaves(value)
    arrays = [leaf for leaf in leaves if isinstance(leaf, (np.ndarray, np.generic))]
    return 0 < len(leaves) == len([x for x in arrays if x.dtype.kind in "fc"])


def _read(name: str, text: str) -> Any:
    if text.endswith((".npy", ".csv")):
        return _load(name, text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise UsageError(
            f"the value of {name} is not a Python literal or a .npy or .csv file: {text!r}"
        ) from None
    return _convert(name, value)


def _load(name: str, path: str) -> Any:
    try:
        if path.endswith(".npy"):
            array = np.load(path, allow_pickle=False)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # an empty file is only a warning to NumPy
                array = np.loadtxt(path, delimiter=",", ndmin=1)
    except (OSError, EOFError, ValueError, UserWarning) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UsageError(f"the file {path} of {name} cannot be read: {reason}") from None
    return array.astype(np.float64) if array.dtype.kind in "iu" else array


def _convert(name: str, value: Any) -> Any:
    match value:
        case bool() | None | str() | bytes():
            return value
        case int() | float():
            try:
                return np.float64(value)
            except OverflowError:
                raise UsageError(f"the value of {name} is too large") from None
        case complex():
            return np.complex128(value)
        case list():
            return _array(name, value)
        case tuple():
            return tuple([_convert(name, element) for element in value])
        case dict():
            return {key: _convert(name, element) for key, element in value.items()}
    raise UsageError(f"the value of {name} is a {type(value).__name__}; give numbers or lists")


def _array(name: str, value: list[Any]) -> Any:
    try:
        array = np.array(value)
        if array.dtype.kind in "iuf":
            return array.astype(np.float64)
        if array.dtype.kind == "c":
            return array
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"the value of {name} is not a list of numbers, or its rows differ in length")
