"""Where in the user's code an operation was written.

A trace notes only the frame's code object and instruction offset, which costs a tenth of a
microsecond; the file, line and columns are worked out when somebody asks.
"""

from __future__ import annotations

import itertools
import linecache
import os
import sys
from types import CodeType, FrameType

import numpy as np

__all__ = ["ROOT", "Source", "called_of_scipy", "calling_place", "depth_of_user", "user_frame"]

#: The folder of the package: frames below it are fxad's own and never shown to the user.
ROOT = os.path.dirname(os.path.abspath(__file__)) + os.sep
#: The folder of NumPy, whose frames are between the user's and fxad's.
_NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep


class Source:
    """A place in the user's code: `file`, `line`, `function` and, where known, columns."""

    __slots__ = ("_code", "_columns", "_file", "_function", "_instruction", "_line")

    def __init__(
        self,
        file: str | None = None,
        line: int | None = None,
        function: str | None = None,
        *,
        code: CodeType | None = None,
        instruction: int = 0,
    ) -> None:
        self._file = file
        self._line = line
        self._function = function
        self._columns: tuple[int, int] | None = None
        self._code = code
        self._instruction = instruction

    def _resolve(self) -> None:
        code = self._code
        if code is None:
            return
        self._code = None
        self._file = code.co_filename
        self._function = code.co_name
        positions = next(
            itertools.islice(code.co_positions(), self._instruction // 2, None), (None,) * 4
        )
        line, end_line, start, end = positions
        self._line = code.co_firstlineno if line is None else line
        if line is not None and line == end_line and start is not None and end is not None:
            self._columns = (start, end)

    @property
    def file(self) -> str:
        """The path of the file, as Python knows it."""
        self._resolve()
        return self._file or "<unknown>"

    @property
    def line(self) -> int:
        """The line, counted from 1."""
        self._resolve()
        return self._line or 0

    @property
    def function(self) -> str | None:
        """The name of the function around it, or None."""
        self._resolve()
        return self._function

    @property
    def expression(self) -> str | None:
        """The text of the expression, when the source file can be read."""
        self._resolve()
        text = linecache.getline(self.file, self.line)
        if not text:
            return None
        if self._columns is None:
            return text.strip()
        raw = text.encode()  # co_positions counts bytes
        return raw[self._columns[0] : self._columns[1]].decode(errors="replace")

    def is_at(self, other: Source) -> bool:
        """Whether two places are on one line of one function."""
        return (self.file, self.line, self.function) == (other.file, other.line, other.function)

    def marked(self, indent: str = "") -> str:
        """The line with its place, and a row of carets under the expression."""
        self._resolve()
        inside = f", in {self._function}" if self._function else ""
        rows = [f"{self.file}:{self.line}{inside}"]
        text = linecache.getline(self.file, self.line).rstrip("\n")
        if text.strip():
            margin = len(text) - len(text.lstrip())
            rows.append("    " + text[margin:])
            if self._columns is not None:
                raw = text.encode()
                start = len(raw[: self._columns[0]].decode(errors="replace")) - margin
                width = len(raw[self._columns[0] : self._columns[1]].decode(errors="replace"))
                rows.append("    " + " " * start + "^" * max(width, 1))
        return "\n".join(indent + row for row in rows)

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"

    def __repr__(self) -> str:
        return f"Source({self.file!r}, {self.line})"

    @classmethod
    def here(cls) -> Source | None:
        """The innermost place outside fxad, NumPy and SciPy on the current stack."""
        frame = user_frame()
        return None if frame is None else cls(code=frame.f_code, instruction=frame.f_lasti)


def calling_place(error: BaseException) -> Source | None:
    """The user's line that called what raised an error; None where the user's own code raised it."""
    inner = (ROOT, _NUMPY, "<fxad ", "<string>", *_scipy())
    place, inside = None, False
    traceback = error.__traceback__
    while traceback is not None:
        inside = traceback.tb_frame.f_code.co_filename.startswith(inner)
        if not inside:
            place = Source(code=traceback.tb_frame.f_code, instruction=traceback.tb_lasti)
        traceback = traceback.tb_next
    return place if inside else None


def user_frame() -> FrameType | None:
    """The innermost frame that is neither fxad's nor NumPy's nor SciPy's, or None."""
    inner = (ROOT, _NUMPY, *_scipy())
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(inner):
        frame = frame.f_back
    return frame


def _scipy() -> tuple[str, ...]:
    """The folder of SciPy, where it is loaded."""
    file = getattr(sys.modules.get("scipy"), "__file__", None)
    return (os.path.dirname(os.path.abspath(file)) + os.sep,) if file else ()


def called_of_scipy() -> str | None:
    """The public function of SciPy that is being called, as `scipy.special.softmax`, or None."""
    folder, user = _scipy(), user_frame()
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and frame is not user:
        if folder and frame.f_code.co_filename.startswith(folder):
            module = ".".join(frame.f_globals["__name__"].split(".")[:2])
            if hasattr(sys.modules.get(module), frame.f_code.co_name):
                found = f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back
    return found


def depth_of_user() -> int:
    """The `stacklevel` at which the caller's warning names the user's line."""
    inner = (ROOT, _NUMPY, *_scipy())
    frame, depth = sys._getframe(1), 1
    while frame.f_code.co_filename.startswith(inner) and frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth
