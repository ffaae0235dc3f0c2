"""Writes the equations of a Program as statements over NumPy, or over Python floats.

Two ways of writing an equation: *straight*, one NumPy call; and *scalar*, Python floats and `math`,
twenty times faster on rank-0 float64. Scalar code raises where NumPy would give inf or nan (1/0,
overflow, log(-1)); its region is then run straight. The results are the same, always.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
from typing import Any, NamedTuple, Protocol

import numpy as np

from fxad.execute.results import copies
from fxad.ir.analysis import last_uses
from fxad.ir.primitive import NAMESPACE, Code, code_of
from fxad.ir.printer import names_of
from fxad.ir.program import Atom, Equation, Literal, Program, Var, numpy_literals
from fxad.ir.types import FUNCTION
from fxad.primitives.structural import with_axes

__all__ = ["Line", "Writer", "is_scalar", "number_equation", "scalar_equation", "scalar_name", "tuple_of",
           "written"]

_F8 = np.dtype(np.float64)
_SCALAR_DTYPES = (_F8, np.dtype(np.bool_))
#: A run of scalar equations between array ones is worth its try block from this length on.
_REGION = 8
#: Arrays of at least this many elements have their memory used again by `out=`: below it, finding
#: the memory costs NumPy less than the keyword.
_REUSE = 4096


def is_scalar(program: Program) -> bool:
    """Whether the whole Program is float64 numbers that Python's own arithmetic can do."""
    return (
        len(program.equations) > 0
        and all(v.type.dtype in _SCALAR_DTYPES and v.type.ndim == 0 for v in program.inputs)
        and all(scalar_equation(eqn) for eqn in program.equations)
        and all(a.type.dtype == _F8 for a in program.outputs)
    )


def scalar_equation(eqn: Equation) -> bool:
    """Whether an equation can be done on Python's floats."""
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


#: What Python's ints do as NumPy's int64 do, as long as they fit.
_INTEGER = {"add", "sub", "mul", "neg", "pos", "less", "less_equal", "greater", "greater_equal", "equal",
            "not_equal", "where"}
_I8 = np.dtype(np.int64)


def number_equation(eqn: Equation) -> bool:
    """Whether an equation can be done on Python's floats and ints, in a loop over them."""
    if scalar_equation(eqn):
        return True
    values = [*eqn.inputs, *eqn.outputs]
    dtypes = (*_SCALAR_DTYPES, _I8)
    if len(eqn.outputs) != 1 or any(a.type.ndim or a.type.dtype not in dtypes for a in values):
        return False
    if eqn.primitive.name == "convert":
        return eqn.output.type.dtype in (_F8, _I8)
    first = 1 if eqn.primitive.name == "where" else 0
    return eqn.primitive.name in _INTEGER and all(a.type.dtype == _I8 for a in eqn.inputs[first:])


def _has_ints(eqn: Equation) -> bool:
    return any(isinstance(a, Var) and a.type.dtype == _I8 for a in (*eqn.inputs, *eqn.outputs))


class Line(NamedTuple):
    """A line of source, and what stands beside it."""

    text: str
    comment: str = ""


class Functions(Protocol):
    """Where the functions are written that a structured equation becomes."""

    def function_for(self, eqn: Equation) -> str:
        """Write a function for an equation, and give its name."""


class Writer:
    """Writes one Program; the functions of its structured equations go to `module`."""

    def __init__(self, program: Program, module: Functions) -> None:
        self.program = program
        self.module = module
        self.names = _python_names(program)
        self.made = {v: eqn for eqn in program.equations for v in eqn.outputs}
        self.folded: set[Var] = set()

    def code(self, atom: Atom) -> Code:
        """An operand: the name of a variable, or a number."""
        return Code(self.names[atom], atom.type) if isinstance(atom, Var) else code_of(atom)

    # -- scalar ----------------------------------------------------------------------------------

    def scalar(self, name: str) -> str:
        """The whole Program on Python floats."""
        program = self.program
        arguments = ", ".join(self.names[v] for v in program.inputs)
        lines = [Line(f"{v} = float({v})") for v in (self.names[v] for v in program.inputs)]
        for eqn in program.equations:
            lines.append(Line(f"{self.names[eqn.output]} = {self.scalar_code(eqn)}", _place(eqn)))
        outs = [self.scalar_atom(a) for a in program.outputs]
        if outs:
            # inf and nan: NumPy's arithmetic says so in a warning, so let it.
            total = " + ".join(outs)
            lines.append(Line(f"if not math.isfinite({total}):"))
            lines.append(Line("    raise ArithmeticError"))
        lines.append(Line(f"return {tuple_of([f'np.float64({o})' for o in outs])}"))
        body = [*written(lines, "        ")]
        # The arguments are kept as they came for the version that NumPy runs.
        return "\n".join([
            f"def {name}({arguments}):",
            f"    given = {tuple_of([self.names[v] for v in program.inputs])}",
            "    try:",
            *body,
            "    except (ArithmeticError, ValueError):  # NumPy gives inf or nan there",
            "        return in_numpy(*given)",
            "",
        ])

    def scalar_atom(self, atom: Atom) -> Code:
        """An operand over Python's floats."""
        if isinstance(atom, Literal):
            value = atom.value
            if isinstance(value, np.generic):
                value = value.item()
            # An int that is chosen as a value would stay one, and has no negative zero.
            return code_of(Literal(float(value) if value.__class__ is int else value))
        return Code(self.names[atom], atom.type)

    def scalar_code(self, eqn: Equation, prefix: dict[Var, str] | None = None) -> str:
        """An equation over Python's floats; `prefix` has other names for some variables."""
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

    def straight(self, name: str, *, own: bool = True) -> str:
        """One NumPy call an equation, scalar regions between them.

        Unless results are to be their `own`, they may share memory with arguments and each other.
        """
        program = self.program
        arguments = ", ".join(self.names[v] for v in program.inputs)
        lines: list[Line] = []
        for v in program.inputs:
            if v.type.ndim == 0 and v.type is not FUNCTION:
                lines.append(Line(f"{self.names[v]} = np.{v.type.dtype.name}({self.names[v]})"
                                   .replace("np.bool(", "np.bool_(")))
        self.prepare()
        lines += self.statements(0, len(program.equations))
        outs = []
        for atom, copy in zip(program.outputs, copies(program), strict=True):
            code = self.finished(atom)
            outs.append(Code(f"{code}.copy()", atom.type) if copy and own else code)
        lines.append(Line(f"return {tuple_of(outs)}"))
        return "\n".join([f"def {name}({arguments}):", *written(lines, "    "), ""])

    def finished(self, atom: Atom) -> Code:
        """An output: a number is one of NumPy's, of its dtype."""
        code = self.code(atom)
        if atom.type.ndim or atom.type is FUNCTION:
            return code
        return Code(f"np.{scalar_name(atom.type.dtype)}({code})", atom.type)

    # -- numbers of a loop -----------------------------------------------------------------------

    def number_atom(self, atom: Atom) -> Code:
        """An operand in a loop over Python's floats, ints and booleans."""
        if isinstance(atom, Literal) and atom.type.dtype.kind in "ib":
            return code_of(Literal(atom.value.item() if isinstance(atom.value, np.generic) else atom.value))
        return self.scalar_atom(atom)

    def number_lines(self, eqn: Equation) -> list[Line]:
        """An equation for which `number_equation` holds, over Python's numbers."""
        name = self.names[eqn.output]
        if eqn.primitive.name == "convert":
            to = "int" if eqn.output.type.dtype.kind == "i" else "float"
            text = f"{to}({self.number_atom(eqn.inputs[0])})"
        elif not _has_ints(eqn):
            text = self.scalar_code(eqn)
        else:
            found = eqn.primitive.emit_scalar(*map(self.number_atom, eqn.inputs), **eqn.params)
            assert found is not None
            text = found
        lines = [Line(f"{name} = {text}", _place(eqn))]
        if eqn.output.type.dtype.kind == "i" and eqn.primitive.name != "where":
            lines += [Line(f"if not {-(1 << 63)} <= {name} < {1 << 63}:"), Line("    raise ArithmeticError")]
        return lines

    # -- straight, continued ---------------------------------------------------------------------

    def prepare(self) -> None:
        """Look through the Program, before statements are written."""
        self.dying = last_uses(self.program)
        self.reusable = self._owned()
        self._choose_folds()
        self.over = self._written_over()

    def statements(self, position: int, stop: int) -> list[Line]:
        """The equations from `position` up to `stop`, scalar regions among them."""
        equations = self.program.equations
        lines: list[Line] = []
        while position < stop:
            end = position
            while end < stop and scalar_equation(equations[end]):
                end += 1
            if end - position >= _REGION:
                lines += self.region(position, end)
                position = end
                continue
            end = max(end, position + 1)
            for eqn, dead in zip(equations[position:end], self.dying[position:end], strict=True):
                lines += self.statement(eqn, dead)
            position = end
        return lines

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

    def _written_over(self) -> set[Var]:
        """The results of assignments that can be written into the array that was there before.

        That array is the copy which an assignment before it made, nobody reads it later, and nothing that may
        share its memory is alive: what is not elementwise may give a view.
        """
        equations = self.program.equations
        last: dict[Any, int] = dict.fromkeys(self.program.outputs, len(equations))
        shared: dict[Any, int] = {}  # until when something is read that may share memory with a variable
        for at, eqn in reversed(list(enumerate(equations))):
            alias = not eqn.primitive.overwrites and (eqn.primitive.view or not eqn.primitive.elementwise)
            until = max((max(last.get(v, -1), shared.get(v, -1)) for v in eqn.outputs), default=-1)
            for a in eqn.inputs:
                last.setdefault(a, at)
                if alias:
                    shared[a] = max(shared.get(a, -1), until)
        found: set[Var] = set()
        for at, eqn in enumerate(equations):
            x = eqn.inputs[0] if eqn.primitive.overwrites else None
            if isinstance(x, Var) and x in self.made and self.made[x].primitive.overwrites and (
                last[x] == at and shared.get(x, -1) < at and x not in eqn.inputs[1:] and x not in self.kept
            ):
                found.add(eqn.output)
        return found

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
        """An operand, with a broadcast that NumPy does by itself left to it."""
        if isinstance(atom, Var) and atom in self.folded:
            eqn = self.made[atom]
            inner = self.operand(eqn.inputs[0])
            if not inner.type.ndim:
                return Code(inner, inner.type)
            shape, axes = eqn.params["shape"], eqn.params["axes"]
            return Code(with_axes(inner, len(shape), axes), atom.type)
        return self.code(atom)

    def statement(self, eqn: Equation, dead: list[Var]) -> list[Line]:
        """An equation as one NumPy call; `dead` are the variables that nothing reads after it."""
        if len(eqn.outputs) == 1 and eqn.outputs[0] in self.folded:
            return []
        operands = [self.operand(a) for a in eqn.inputs]
        if operands and all(isinstance(a, Literal) for a in eqn.inputs):
            operands = typed(eqn)
        if eqn.primitive.structured:
            text = f"{self.module.function_for(eqn)}({', '.join(operands)})"
        else:
            emit = eqn.primitive.emit_over if eqn.outputs[0] in self.over else eqn.primitive.emit
            text = self._in_place(eqn, operands, dead) or emit(*operands, **eqn.params)
        left = tuple_of([self.names[v] for v in eqn.outputs]) if eqn.primitive.multiple else (
            self.names[eqn.output])
        lines = [Line(f"{left} = {text}", _place(eqn))]
        gone = [
            self.names[v] for v in dead if v.type.size >= _REUSE and v not in self.kept
            and v not in self.folded
        ]
        if gone:
            lines.append(Line(f"del {', '.join(gone)}"))
        return lines

    def _in_place(self, eqn: Equation, operands: list[Code], dead: list[Var]) -> str | None:
        """The call with `out=` a dead operand's memory, where there is one."""
        into = getattr(eqn.primitive, "emit_into", None)
        if into is None or eqn.params:
            return None
        out = eqn.outputs[0]
        for v in dead:
            if v in self.reusable and v not in self.kept and v is not out and v.type == out.type:
                text: str | None = into(*operands, out=self.names[v])
                if text is not None:
                    self.reusable.discard(v)
                return text
        return None

    def region(self, start: int, end: int) -> list[Line]:
        """A run of scalar equations, with the same in NumPy for when it raises."""
        equations = self.program.equations[start:end]
        inside = {v for eqn in equations for v in eqn.outputs}
        outer = dict.fromkeys(
            a for eqn in equations for a in eqn.inputs if isinstance(a, Var) and a not in inside
        )
        later = {a for eqn in self.program.equations[end:] for a in eqn.inputs}
        later.update(self.program.outputs)
        as_float = {v: f"{self.names[v]}_" for v in outer if v.type.dtype == _F8}
        lines = [Line("try:")]
        lines += [Line(f"    {name} = float({self.names[v]})") for v, name in as_float.items()]
        for eqn in equations:
            text = self.scalar_code(eqn, as_float)
            lines.append(Line(f"    {self.names[eqn.output]} = {text}", _place(eqn)))
        used = [v for eqn in equations for v in eqn.outputs if v in later]
        floats = [v for v in used if v.type.dtype == _F8]
        if floats:
            total = " + ".join(self.names[v] for v in floats)
            lines.append(Line(f"    if not math.isfinite({total}):"))
            lines.append(Line("        raise ArithmeticError"))
        for v in used:  # NumPy's numbers, also booleans: ~True is -2
            lines.append(Line(f"    {self.names[v]} = np.{scalar_name(v.type.dtype)}({self.names[v]})"))
        lines.append(Line("except (ArithmeticError, ValueError):  # NumPy gives inf or nan there"))
        for eqn in equations:
            literal = all(isinstance(a, Literal) for a in eqn.inputs)
            operands = typed(eqn) if literal else [self.code(a) for a in eqn.inputs]
            text = eqn.primitive.emit(*operands, **eqn.params)
            lines.append(Line(f"    {self.names[eqn.output]} = {text}"))
        return lines


def typed(eqn: Equation) -> list[Code]:
    """The operands of an equation on literals alone, by NumPy's rules instead of Python's."""
    literals = [a for a in eqn.inputs if isinstance(a, Literal)]
    return [code_of(a) for a in numpy_literals(literals)]


def scalar_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype's scalar type in NumPy."""
    return "bool_" if dtype.kind == "b" else dtype.name


def _place(eqn: Equation) -> str:
    return "" if eqn.source is None else str(eqn.source)


def tuple_of(items: list[Any]) -> str:
    """The source of a tuple."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def written(lines: list[Line], indent: str) -> list[str]:
    """The lines as text, with their comments in a column."""
    width = min(60, max((len(line.text) for line in lines if line.comment), default=0))
    return [
        f"{indent}{line.text:<{width}}  # {line.comment}" if line.comment else indent + line.text
        for line in lines
    ]


#: What the names of the functions of loops and branches, and of what belongs to them, start with.
_FUNCTIONS = {"while", "scan", "cond", "branch", "call", "all", "left", "keep", "step", "steps",
              "function", "python", "linear"}
_TAKEN = {*dir(builtins), *keyword.kwlist, "program", "given", "in_numpy"}


def _python_names(program: Program) -> dict[Var, str]:
    """Names for the variables that hide nothing the source uses."""
    names = names_of(program)
    used = set(names.values())
    for var, name in names.items():
        if name in NAMESPACE or name in _TAKEN or name.endswith("_") or name.split("_")[0] in _FUNCTIONS:
            fresh = next(f"{name}{n}" for n in itertools.count(1) if f"{name}{n}" not in used)
            used.add(fresh)
            names[var] = fresh
    return names


