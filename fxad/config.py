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
from dataclasses import dataclass, fields

__all__ = ["Config", "config"]


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


@dataclass
class Config:
    """Settings, each read where it matters.

    Attributes:
        verify: check every Program that a transform or a pass makes (`fxad.ir.verify`). Slow; the
            tests run with it. Initially true when the environment sets FXAD_VERIFY=1.
        optimize: run the optimiser; without it Programs run as the transforms wrote them.
        guard_limit: how many paths a jitted function has for one signature before new ones run un-jitted.
        cache_size: how many derived Programs each cache keeps; the oldest half goes when it is full.
    """

    verify: bool = _flag("FXAD_VERIFY")
    optimize: bool = True
    guard_limit: int = 64
    cache_size: int = 1024

    @contextlib.contextmanager
    def using(self, **settings: bool | int) -> Iterator[Config]:
        """Change settings inside a `with` block, and put them back after it.

        The settings are the process's, not the thread's: they are for tests and debugging.
        """
        known = {f.name for f in fields(self)}
        for name in settings:
            if name not in known:
                raise TypeError(f"no setting is named {name!r}; there are {sorted(known)}")
        before = {name: getattr(self, name) for name in settings}
        for name, value in settings.items():
            setattr(self, name, value)
        try:
            yield self
        finally:
            for name, value in before.items():
                setattr(self, name, value)


config = Config()
