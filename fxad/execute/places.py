"""Where the user wrote what raised an error while a Program ran."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fxad.errors import is_located, locate
from fxad.source import Source

__all__ = ["locate_in_program"]


def locate_in_program(error: Exception, written: Iterable[Source] | None = None) -> None:
    """Note on an error of NumPy's the user's line that the failing operation comes from.

    A Program serves every function that records the same operations, so its lines may be those of another
    function: `written`, where given, are the places that are right.
    """
    if is_located(error):
        return
    found: Source | None = None
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__") == "fxad.execute.interpreter":
            found = frame.f_locals.get("_source", found)
        else:
            compiled: Any = frame.f_globals.get("__fxad_source__")
            if compiled is not None:
                found = compiled.place(traceback.tb_lineno) or found
        traceback = traceback.tb_next
    if found is not None and (written is None or any(found.is_at(source) for source in written)):
        locate(error, found)
