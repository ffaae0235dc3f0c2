"""The few settings of the library, in one object.

>>> import fxad
>>> with fxad.config.using(verify=True):      # check every Program that a transform makes
...     fxad.grad(lambda x: x * x)(3.0)
np.float64(6.0)
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

__all__ = ["Config", "config"]


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


class Config:
    """Settings, each read where it matters.

    Attributes:
        verify: check every Program that a transform or a pass makes (`fxad.ir.verify`). Slow; the
            tests run with it. Initially true when the environment sets FXAD_VERIFY=1.
        optimize: run the optimiser; without it Programs run as the transforms wrote them.
        guard_limit: how many paths a jitted function has for one signature before new ones run un-jitted.
        cache_size: how many derived Programs each cache keeps; the oldest half goes when it is full.
    """

    # No dataclass: making one is a noticeable part of the time to import the package.
    __slots__ = ("cache_size", "guard_limit", "optimize", "verify")

    def __init__(self) -> None:
        self.verify: bool = _flag("FXAD_VERIFY")
        self.optimize: bool = True
        self.guard_limit: int = 64
        self.cache_size: int = 1024

    @contextlib.contextmanager
    def using(self, **settings: bool | int) -> Iterator[Config]:
        """Change settings inside a `with` block, and put them back after it.

        The settings are the process's, not the thread's: they are for tests and debugging.
        """
        for name in settings:
            if name not in self.__slots__:
                raise TypeError(f"no setting is named {name!r}; there are {list(self.__slots__)}")
        before = {name: getattr(self, name) for name in settings}
        for name, value in settings.items():
            setattr(self, name, value)
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


config = Config()
