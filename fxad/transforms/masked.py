"""A cotangent that counts only where a mask is true."""

from __future__ import annotations

from typing import Any

__all__ = ["Masked"]


class Masked:
    """`value` where `mask` holds, and zero elsewhere; applied as late as possible."""

    __slots__ = ("mask", "value")

    def __init__(self, value: Any, mask: Any) -> None:
        self.value = value
        self.mask = mask
