"""Program -> values: the interpreter, the emitted source, and the caches that lead from one to the other."""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from fxad.execute.cache import Cache, Executable, executables
from fxad.execute.emit import compile_program, source
from fxad.execute.interpreter import interpret
from fxad.execute.paths import Path, PathTree, finish

if TYPE_CHECKING:
    from fxad.execute.standalone import standalone_source

__all__ = ["Cache", "Executable", "Path", "PathTree", "compile_program", "executables", "finish", "interpret",
           "source", "standalone_source"]


def __getattr__(name: str) -> _Any:
    """What few programs use, loaded when it is asked for."""
    if name == "standalone_source":
        return _importlib.import_module("fxad.execute.standalone").standalone_source
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
