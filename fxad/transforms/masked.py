"""A cotangent that counts only where a mask is true."""

from __future__ import annotations

from typing import Any

__all__ = ["Masked"]


class Masked:
    """`value` where `mask` holds, or where it does not if `negated`; zero elsewhere.

    It is applied as late as possible.
    """

    __slots__ = ("mask", "negated", "value")

    def __init__(self, value: Any, mask: Any, negated: bool = False) -> None:
        self.value = value
        self.mask = mask
        self.negated = negated
