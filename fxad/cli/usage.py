"""What is told to the user who gave a command that cannot be run."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """The command is wrong; the message is one line that says how to put it right."""
