"""The source of a Program as a module of its own, which runs where fxad is not installed.

Before the Program's functions stand the imports and the kernels that they use.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from typing import Any

from fxad.errors import FxadError, explain
from fxad.execute.emit import functions_of, source, straight_source
from fxad.execute.writer import is_scalar
from fxad.ir.primitive import NAMESPACE
from fxad.ir.program import Program
from fxad.optimize import expand

__all__ = ["standalone_source"]

#: What a name that emitted code uses is imported by.
_IMPORTS = {
    "np": "import numpy as np",
    "math": "import math",
    "nan": "from math import nan",
    "inf": "from math import inf",
    "nanj": "from cmath import nanj",
    "infj": "from cmath import infj",
    "Any": "from typing import Any",
    "Callable": "from collections.abc import Callable",
    "Iterable": "from collections.abc import Iterable",
}
_INSTALLED = ("import numpy", "import scipy")


def standalone_source(program: Program, name: str = "program") -> str:
    """The source of a module with a function called `name`: arrays in, a tuple of arrays out.

    >>> import fxad
    >>> program = fxad.ir.parse("program(x: f64[3]) { a: f64[3] = sin(x) } -> a")
    >>> print(fxad.execute.standalone_source(program, "f"))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(x):
        a = np.sin(x)
        return (a,)
    <BLANKLINE>

    Raises:
        FxadError: the Program calls Python functions, or a kernel that was typed in.
    """
    program = expand(program)
    calls = functions_of(program)
    if calls:
        raise FxadError(explain(
            f"the Program calls Python functions ({', '.join(sorted(calls))}), which are no source.",
            fix="the Program of what surrounds them, or fxad.execute.compile_program to run it"))
    parts = [source(program, name)]
    if is_scalar(program):
        parts.insert(0, straight_source(program, "in_numpy"))  # for where Python's floats raise
    kernels: dict[str, str] = {}
    imports: dict[str, None] = {}
    pending = [*parts]
    while pending:
        for used in _names(pending.pop()):
            if used in _IMPORTS:
                imports[_IMPORTS[used]] = None
            elif used in NAMESPACE and used not in kernels and used != "scipy":
                kernels[used] = _source_of(used, NAMESPACE[used])
                pending.append(kernels[used])
    for module in re.findall(r"\bscipy\.(?:linalg|special)\b", "".join([*kernels.values(), *parts])):
        imports[f"import {module}"] = None
    installed = [line for line in imports if line.startswith(_INSTALLED)]
    future = ["from __future__ import annotations"] if kernels else []
    groups = [future, imports.keys() - installed, installed]
    header = "\n\n".join("\n".join(sorted(group)) for group in groups if group)
    texts = [header, *[kernels[k] for k in reversed(kernels)], *[p.strip() for p in parts]]
    return "\n\n\n".join(text for text in texts if text) + "\n"


def _names(text: str) -> list[str]:
    """The names that a piece of source reads and does not make, in order."""
    made = set(dir(builtins)) - NAMESPACE.keys()
    read: dict[str, None] = {}
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id, ast.Load()):
                read[id] = None
            case ast.Name(id) | ast.FunctionDef(name=id) | ast.arg(arg=id):
                made.add(id)
    return [name for name in read if name not in made]


def _source_of(name: str, value: Any) -> str:
    """The source of a kernel, or of a number."""
    if isinstance(value, (int, float, complex)):
        return f"{name} = {value!r}"
    try:
        text = textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        raise FxadError(explain(f"the source of the kernel {name} can't be found: it was typed in.",
                                fix="a kernel that is defined in a file")) from None
    (node,) = ast.parse(text).body
    return "\n".join(text.splitlines()[node.lineno - 1 :])  # without its decorator
