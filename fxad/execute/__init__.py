"""Program -> values: the interpreter, the emitted source, and the caches that lead from one to the other."""

from fxad.execute.cache import Cache, Executable, executables
from fxad.execute.emit import compile_program, source
from fxad.execute.interpreter import interpret

__all__ = ["Cache", "Executable", "compile_program", "executables", "interpret", "source"]
