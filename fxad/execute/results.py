"""How values enter and leave a running Program: NumPy scalars inside, and no result that aliases."""

from __future__ import annotations

from typing import Any

from fxad.ir.program import Equation, Program, Var

__all__ = ["copies", "entry_dtypes"]


def entry_dtypes(program: Program) -> list[Any]:
    """For each input the scalar type that a number is made into, or None for an array.

    Inside a Program numbers are NumPy's scalars, so that 1/0 is inf with a warning and not an exception,
    and a 0-d array computes as any other number.
    """
    return [v.type.dtype.type if v.type.ndim == 0 else None for v in program.inputs]


def copies(program: Program) -> list[bool]:
    """Which outputs must be copied: those that share memory with an input or an earlier output.

    An array that comes out is writeable, and nobody else's.
    """
    made: dict[Var, Equation] = {v: eqn for eqn in program.equations for v in eqn.outputs}
    taken: set[Any] = set(program.inputs)
    flags: list[bool] = []
    for atom in program.outputs:
        root: Any = atom
        stretched = False
        while root in made and made[root].primitive.view:
            stretched = stretched or made[root].primitive.name == "broadcast"
            root = made[root].inputs[0]
        made_by = made.get(root)
        # What a loop or a branch gives may be what it was given.
        shared = made_by is not None and made_by.primitive.structured and not made_by.primitive.owns(
            made_by.outputs.index(root), **made_by.params)
        needed = stretched or shared or root in taken
        flags.append(isinstance(atom, Var) and atom.type.ndim > 0 and needed)
        taken.add(root)
    return flags
