"""The exceptions fxad raises, and the one layout of their messages.

Every message fits one screen and has the same four parts: what went wrong in the user's
words; the user's file and line with the expression marked; where the value came from; and one
concrete rewrite. `explain` lays those parts out; the classes only name the kind of mistake.
"""

from __future__ import annotations

from fxad.source import ROOT, Source

__all__ = [
    "ConcretizationError",
    "EndlessRecursion",
    "FxadError",
    "MissingExtra",
    "MissingRule",
    "NonDifferentiable",
    "NonScalarOutput",
    "TracerLeak",
    "TreeMismatch",
    "TypeMismatch",
    "VerificationError",
    "explain",
    "is_located",
    "locate",
]

#: How the note begins that is put on an error of NumPy's.
_WRITTEN = "This is where it was written:"


class FxadError(Exception):
    """The base of every exception that fxad raises on its own account."""


class ConcretizationError(FxadError, TypeError):
    """A traced value was asked for a concrete one where there is none, or where it would be lost."""


class TracerLeak(FxadError):
    """A traced value was used after the trace that made it had ended."""


class EndlessRecursion(FxadError, RecursionError):
    """A jitted function calls itself without end."""


class NonScalarOutput(FxadError, TypeError):
    """`grad` was given a function whose value is not one real number."""


class TypeMismatch(FxadError, TypeError, ValueError):
    """Operands do not fit a primitive or a transform: shape, dtype or kind of value."""


class MissingRule(FxadError):
    """A transform met a primitive that lacks the rule it needs."""


class NonDifferentiable(FxadError, TypeError):
    """A derivative was asked for where none is defined, e.g. with respect to an integer."""


class TreeMismatch(FxadError, TypeError, ValueError):
    """Two pytrees that must have one structure have two."""


class VerificationError(FxadError):
    """A Program breaks the rules of the intermediate representation: a bug in a pass or a rule."""


class MissingExtra(FxadError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


def explain(
    what: str, *, source: Source | None = None, origin: str | None = None, fix: str | None = None
) -> str:
    """The text of a message: `what`, then the marked source line, the value's origin and the fix.

    Args:
        what: what went wrong, in the user's words; one or two sentences.
        source: where in the user's code it happened.
        origin: where the value came from.
        fix: what to write instead.
    """
    parts = [what]
    if source is not None:
        parts.append(source.marked(indent="  "))
    if origin is not None:
        parts.append(f"  The value: {origin}")
    if fix is not None:
        parts.append(f"  Write instead: {fix}")
    return "\n\n".join(parts)


def is_located(error: BaseException) -> bool:
    """Whether an error says already where the user wrote what raised it."""
    notes = getattr(error, "__notes__", ())
    return isinstance(error, FxadError) or any(note.startswith(_WRITTEN) for note in notes)


def locate(error: BaseException, source: Source | None) -> None:
    """Put a note on an error that is not fxad's own: the user's line, with the expression marked.

    The error keeps its type and text, which are NumPy's.
    """
    if source is not None and not source.file.startswith(ROOT) and not is_located(error):
        error.add_note(f"{_WRITTEN}\n\n{source.marked(indent='  ')}")
