"""The function named by `path/to/file.py:function`."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from fxad.cli.usage import UsageError
from fxad.source import ROOT

__all__ = ["function_in", "one_line", "order_arguments"]


def function_in(path: str, name: str) -> Callable[..., Any]:
    """Run the file, as an import does, and take the function out of it.

    Raises:
        UsageError: there is no such file or function, or the file raised an error.
    """
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path}")
    module_name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))  # for its own imports
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path} raised {one_line(error)}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise UsageError(f"there is no function {name} in {path}")
    return function  # type: ignore[no-any-return]


def order_arguments(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """The values of the parameters in the order of the signature, defaults filled in between.

    Raises:
        UsageError: a parameter without a default is not given, or a name is none of them.
    """
    parameters = inspect.signature(function).parameters
    name = getattr(function, "__name__", "the function")
    for key in given:
        if key not in parameters:
            raise UsageError(f"{name} has no parameter {key}; it has {', '.join(parameters)}")
    found: dict[str, Any] = {}
    pending: dict[str, Any] = {}  # defaults count only when a given parameter comes after them
    for key, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            if key in given or parameter.default is parameter.empty:
                raise UsageError(f"{key} of {name} is keyword-only, and cannot be given here")
            continue
        if key in given:
            found |= pending | {key: given[key]}
            pending = {}
        elif parameter.default is parameter.empty:
            raise UsageError(f"{key} has no value: add {key}=...")
        else:
            pending[key] = parameter.default
    return found


def one_line(error: BaseException) -> str:
    """An exception in one line, with the place in the user's file where there is one."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.endswith(".py") and not _library(f.filename)]
    return f"{text} ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else text


def _library(path: str) -> bool:
    return path.startswith(ROOT) or f"{os.sep}numpy{os.sep}" in path
