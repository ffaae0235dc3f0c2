"""Looking at values while a Program runs: `print`, `callback` and `breakpoint`, with JAX's names."""

from fxad.api.callbacks import debug_breakpoint as breakpoint
from fxad.api.callbacks import debug_callback as callback
from fxad.api.callbacks import debug_print as print

__all__ = ["breakpoint", "callback", "print"]
