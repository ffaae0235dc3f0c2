"""Program -> readable Python source over NumPy -> a function.

Two ways of writing an equation: *straight*, one NumPy call; and *scalar*, Python floats and `math`,
twenty times faster on rank-0 float64. Scalar code raises where NumPy would give inf or nan (1/0,
overflow, log(-1)); its region is then run straight. The results are the same, always.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import linecache
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fxad.execute.results import copies
from fxad.ir.analysis import last_uses
from fxad.ir.primitive import NAMESPACE, Code, code_of
from fxad.ir.printer import names_of
from fxad.ir.program import Atom, Equation, Literal, Program, Var, numpy_literals
from fxad.primitives.structural import with_axes

__all__ = ["compile_program", "source"]

_F8 = np.dtype(np.float64)
_SCALAR_DTYPES = (_F8, np.dtype(np.bool_))
#: A run of scalar equations between array ones is worth its try block from this length on.
_REGION = 8
#: Arrays of at least this many elements have their memory used again by `out=`: below it, finding
#: the memory costs NumPy less than the keyword.
_REUSE = 4096

_files = itertools.count(1)


def compile_program(program: Program, name: str = "program") -> Callable[..., tuple[Any, ...]]:
    """The Program as a compiled function: arrays in, a tuple of arrays out.

    Its source can be read by tracebacks and debuggers under the file name `<fxad name-N>`.
    """
    text = source(program, name)
    file = f"<fxad {name}-{next(_files)}>"
    space = dict(NAMESPACE)
    exec(compile(text, file, "exec"), space)
    function: Callable[..., tuple[Any, ...]] = space[name]
    if is_scalar(program):
        space["in_numpy"] = _Lazily(program, name)
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)
    space["__fxad_source__"] = _SourceFile(file)
    return function


class _SourceFile:
    """Takes the source out of the line cache when the function that owns it dies."""

    file = ""  # an interruption may come before there is one

    def __init__(self, file: str) -> None:
        self.file = file

    def __del__(self) -> None:
        if linecache is not None and linecache.cache is not None:  # not while Python shuts down
            linecache.cache.pop(self.file, None)


class _Lazily:
    """The straight version of a scalar Program, compiled when it is first needed."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.function: Callable[..., Any] | None = None

    def __call__(self, *values: Any) -> Any:
        if self.function is None:
            space = dict(NAMESPACE)
            exec(compile(_Writer(self.program).straight(self.name), f"<fxad {self.name}>", "exec"), space)
            self.function = space[self.name]
        return self.function(*values)


def source(program: Program, name: str = "program") -> str:
    """The Python source of a Program, as a function called `name`."""
    writer = _Writer(program)
    return writer.scalar(name) if is_scalar(program) else writer.straight(name)


def is_scalar(program: Program) -> bool:
    """Whether the whole Program is float64 numbers that Python's own arithmetic can do."""
    return (
        len(program.equations) > 0
        and all(v.type.dtype in _SCALAR_DTYPES and v.type.ndim == 0 for v in program.inputs)
        and all(_scalar_equation(eqn) for eqn in program.equations)
        and all(a.type.dtype == _F8 for a in program.outputs)
    )


def _scalar_equation(eqn: Equation) -> bool:
    variables = [*(a for a in eqn.inputs if isinstance(a, Var)), *eqn.outputs]
    if any(v.type.ndim or v.type.dtype not in _SCALAR_DTYPES for v in variables):
        return False
    if any(isinstance(a, Literal) and a.type.dtype.kind not in "fib" for a in eqn.inputs):
        return False
    first = 1 if eqn.primitive.name == "where" else 0
    if any(a.type.dtype.kind == "b" for a in eqn.inputs[first:] if isinstance(a, Var)):
        return False  # Python's booleans are ints: True + True is 2
    operands = [Code("x", a.type) for a in eqn.inputs]
    return not eqn.primitive.multiple and eqn.primitive.emit_scalar(*operands, **eqn.params) is not None


class _Line(NamedTuple):
    text: str
    comment: str = ""


class _Writer:
    """Writes one Program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = _python_names(program)
        self.made = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.folded: set[Var] = set()

    def code(self, atom: Atom) -> Code:
        return Code(self.names[atom], atom.type) if isinstance(atom, Var) else code_of(atom)

    # -- scalar ----------------------------------------------------------------------------------

    def scalar(self, name: str) -> str:
        """The whole Program on Python floats."""
        program = self.program
        arguments = ", ".join(self.names[v] for v in program.inputs)
        lines = [_Line(f"{v} = float({v})") for v in (self.names[v] for v in program.inputs)]
        for eqn in program.equations:
            lines.append(_Line(f"{self.names[eqn.output]} = {self.scalar_code(eqn)}", _place(eqn)))
        outs = [self.scalar_atom(a) for a in program.outputs]
        if outs:
            # inf and nan: NumPy's arithmetic says so in a warning, so let it.
            total = " + ".join(outs)
            lines.append(_Line(f"if not math.isfinite({total}):"))
            lines.append(_Line("    raise ArithmeticError"))
        lines.append(_Line(f"return {_tuple([f'np.float64({o})' for o in outs])}"))
        body = [*_written(lines, "        ")]
        # The arguments are kept as they came for the version that NumPy runs.
        return "\n".join([
            f"def {name}({arguments}):",
            f"    given = {_tuple([self.names[v] for v in program.inputs])}",
            "    try:",
            *body,
            "    except (ArithmeticError, ValueError):  # NumPy gives inf or nan there",
            "        return in_numpy(*given)",
            "",
        ])

    def scalar_atom(self, atom: Atom) -> Code:
        if isinstance(atom, Literal):
            value = atom.value
            if isinstance(value, np.generic):
                value = value.item()
            # An int that is chosen as a value would stay one, and has no negative zero.
            return code_of(Literal(float(value) if value.__class__ is int else value))
        return Code(self.names[atom], atom.type)

    def scalar_code(self, eqn: Equation, prefix: dict[Var, str] | None = None) -> str:
        operands = []
        for a in eqn.inputs:
            code = self.scalar_atom(a)
            if prefix and isinstance(a, Var) and a in prefix:
                code = Code(prefix[a], a.type)
            operands.append(code)
        text = eqn.primitive.emit_scalar(*operands, **eqn.params)
        assert text is not None
        return text

    # -- straight --------------------------------------------------------------------------------

    def straight(self, name: str) -> str:
        """One NumPy call an equation, scalar regions between them."""
        program = self.program
        arguments = ", ".join(self.names[v] for v in program.inputs)
        lines: list[_Line] = []
        for v in program.inputs:
            if v.type.ndim == 0:
                lines.append(_Line(f"{self.names[v]} = np.{v.type.dtype.name}({self.names[v]})"
                                   .replace("np.bool(", "np.bool_(")))
        equations = program.equations
        dying = last_uses(program)
        self.reusable = self._owned()
        self._choose_folds()
        position = 0
        while position < len(equations):
            end = position
            while end < len(equations) and _scalar_equation(equations[end]):
                end += 1
            if end - position >= _REGION:
                lines += self.region(position, end)
                position = end
                continue
            end = max(end, position + 1)
            for eqn, dead in zip(equations[position:end], dying[position:end], strict=True):
                lines += self.statement(eqn, dead)
            position = end
        outs = []
        for atom, copy in zip(program.outputs, copies(program), strict=True):
            code = self.code(atom)
            if not atom.type.ndim:
                code = Code(f"np.{_scalar_name(atom.type.dtype)}({code})", atom.type)
            elif copy:
                code = Code(f"{code}.copy()", atom.type)
            outs.append(code)
        lines.append(_Line(f"return {_tuple(outs)}"))
        return "\n".join([f"def {name}({arguments}):", *_written(lines, "    "), ""])

    def _owned(self) -> set[Var]:
        """Variables whose memory is theirs alone: fresh results that no view looks at."""
        owned = {
            v for eqn in self.program.equations for v in eqn.outputs
            if eqn.primitive.elementwise and not eqn.primitive.view and v.type.size >= _REUSE
        }
        for eqn in self.program.equations:
            if eqn.primitive.view or not eqn.primitive.elementwise:
                # Only elementwise equations that give no view keep nothing of their operands.
                owned.difference_update(a for a in eqn.inputs if isinstance(a, Var))
        return owned

    def _choose_folds(self) -> None:
        """Broadcasts that NumPy does by itself where they are used, so that no statement is needed."""
        uses: dict[Var, list[Equation | None]] = {}
        for eqn in self.program.equations:
            for a in eqn.inputs:
                if isinstance(a, Var):
                    uses.setdefault(a, []).append(eqn)
        for a in self.program.outputs:
            if isinstance(a, Var):
                uses.setdefault(a, []).append(None)
        candidates = {
            eqn.output for eqn in self.program.equations
            if eqn.primitive.name == "broadcast" and isinstance(eqn.inputs[0], Var)
            and eqn.output.type.ndim  # a number may be read by a scalar region, by its name
        }
        self.folded = {
            v for v in candidates
            if all(user is not None and self._broadcasts_alone(user, candidates)
                   for user in uses.get(v, [None]))
        }
        # What a folded broadcast reads stays alive until its users have run.
        self.kept = {self.made[v].inputs[0] for v in self.folded}

    def _broadcasts_alone(self, eqn: Equation, candidates: set[Var]) -> bool:
        if not eqn.primitive.elementwise:
            return False
        shapes = []
        for a in eqn.inputs:
            if a in candidates and isinstance(a, Var):
                params = self.made[a].params
                source = self.made[a].inputs[0].type.shape
                shape = [1] * len(params["shape"])
                for n, axis in zip(source, params["axes"], strict=True):
                    shape[axis] = n
                # Axes before the first of the operand's are NumPy's to add.
                shapes.append(tuple(shape[min(params["axes"], default=len(shape)):]))
            else:
                shapes.append(a.type.shape)
        return np.broadcast_shapes(*shapes) == eqn.outputs[0].type.shape

    def operand(self, atom: Atom) -> Code:
        if isinstance(atom, Var) and atom in self.folded:
            eqn = self.made[atom]
            inner = self.operand(eqn.inputs[0])
            if not inner.type.ndim:
                return Code(inner, inner.type)
            shape, axes = eqn.params["shape"], eqn.params["axes"]
            return Code(with_axes(inner, len(shape), axes), atom.type)
        return self.code(atom)

    def statement(self, eqn: Equation, dead: list[Var]) -> list[_Line]:
        if len(eqn.outputs) == 1 and eqn.outputs[0] in self.folded:
            return []
        operands = [self.operand(a) for a in eqn.inputs]
        if operands and all(isinstance(a, Literal) for a in eqn.inputs):
            operands = _typed(eqn)
        text = self._in_place(eqn, operands, dead) or eqn.primitive.emit(*operands, **eqn.params)
        left = _tuple([self.names[v] for v in eqn.outputs]) if eqn.primitive.multiple else (
            self.names[eqn.output])
        lines = [_Line(f"{left} = {text}", _place(eqn))]
        gone = [
            self.names[v] for v in dead if v.type.size >= _REUSE and v not in self.kept
            and v not in self.folded
        ]
        if gone:
            lines.append(_Line(f"del {', '.join(gone)}"))
        return lines

    def _in_place(self, eqn: Equation, operands: list[Code], dead: list[Var]) -> str | None:
        """The call with `out=` a dead operand's memory, where there is one."""
        ufunc = getattr(eqn.primitive, "ufunc", None)
        if ufunc is None or eqn.primitive.name == "where" or eqn.params:
            return None
        out = eqn.outputs[0]
        for v in dead:
            if v in self.reusable and v not in self.kept and v is not out and v.type == out.type:
                self.reusable.discard(v)
                text = f"np.{ufunc.__name__}({', '.join(operands)}, out={self.names[v]})"
                return text
        return None

    def region(self, start: int, end: int) -> list[_Line]:
        """A run of scalar equations, with the same in NumPy for when it raises."""
        equations = self.program.equations[start:end]
        inside = {v for eqn in equations for v in eqn.outputs}
        outer = dict.fromkeys(
            a for eqn in equations for a in eqn.inputs if isinstance(a, Var) and a not in inside
        )
        later = {a for eqn in self.program.equations[end:] for a in eqn.inputs}
        later.update(self.program.outputs)
        as_float = {v: f"{self.names[v]}_" for v in outer if v.type.dtype == _F8}
        lines = [_Line("try:")]
        lines += [_Line(f"    {name} = float({self.names[v]})") for v, name in as_float.items()]
        for eqn in equations:
            text = self.scalar_code(eqn, as_float)
            lines.append(_Line(f"    {self.names[eqn.output]} = {text}", _place(eqn)))
        used = [v for eqn in equations for v in eqn.outputs if v in later]
        floats = [v for v in used if v.type.dtype == _F8]
        if floats:
            total = " + ".join(self.names[v] for v in floats)
            lines.append(_Line(f"    if not math.isfinite({total}):"))
            lines.append(_Line("        raise ArithmeticError"))
        for v in used:  # NumPy's numbers, also booleans: ~True is -2
            lines.append(_Line(f"    {self.names[v]} = np.{_scalar_name(v.type.dtype)}({self.names[v]})"))
        lines.append(_Line("except (ArithmeticError, ValueError):  # NumPy gives inf or nan there"))
        for eqn in equations:
            literal = all(isinstance(a, Literal) for a in eqn.inputs)
            operands = _typed(eqn) if literal else [self.code(a) for a in eqn.inputs]
            text = eqn.primitive.emit(*operands, **eqn.params)
            lines.append(_Line(f"    {self.names[eqn.output]} = {text}"))
        return lines


def _typed(eqn: Equation) -> list[Code]:
    """The operands of an equation on literals alone, by NumPy's rules instead of Python's."""
    literals = [a for a in eqn.inputs if isinstance(a, Literal)]
    return [code_of(a) for a in numpy_literals(literals)]


def _scalar_name(dtype: np.dtype[Any]) -> str:
    return "bool_" if dtype.kind == "b" else dtype.name


def _place(eqn: Equation) -> str:
    return "" if eqn.source is None else str(eqn.source)


def _tuple(items: list[Any]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def _written(lines: list[_Line], indent: str) -> list[str]:
    width = min(60, max((len(line.text) for line in lines if line.comment), default=0))
    return [
        f"{indent}{line.text:<{width}}  # {line.comment}" if line.comment else indent + line.text
        for line in lines
    ]


_TAKEN = {*NAMESPACE, *dir(builtins), *keyword.kwlist, "program", "given", "in_numpy"}


def _python_names(program: Program) -> dict[Var, str]:
    """Names for the variables that hide nothing the source uses."""
    names = names_of(program)
    used = set(names.values())
    for var, name in names.items():
        if name in _TAKEN or name.endswith("_"):
            fresh = next(f"{name}{n}" for n in itertools.count(1) if f"{name}{n}" not in used)
            used.add(fresh)
            names[var] = fresh
    return names


