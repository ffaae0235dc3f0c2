"""Program -> values: the interpreter, the emitted source, and the caches that lead from one to the other."""

from fxad.execute.cache import Cache, Executable, executables
from fxad.execute.emit import compile_program, source
from fxad.execute.interpreter import interpret
from fxad.execute.paths import Path, PathTree, finish
from fxad.execute.standalone import standalone_source

__all__ = ["Cache", "Executable", "Path", "PathTree", "compile_program", "executables", "finish", "interpret",
           "source", "standalone_source"]
