"""Program -> Program: forward mode, splitting, transposition and vectorisation.

Transforms touch primitives only through their rules, and take and give Programs:

| transform | type |
|---|---|
| `jvp` | `(a -> b) -> (a, Ta -> b, Tb)` |
| `split` | `(a, Ta -> b, Tb) -> (a -> b, residuals), (residuals, Ta -o Tb)` |
| `linearize` | `(a -> b) -> (a -> b, residuals), (residuals, Ta -o Tb)` |
| `transpose` | `(a -o b) -> (b -o a)` |
| `batch` | `(a -> b) -> ([a] -> [b])` |
"""

from fxad.transforms import derived
from fxad.transforms.batch import batch
from fxad.transforms.inline import inline
from fxad.transforms.jvp import jvp
from fxad.transforms.split import linearize, split
from fxad.transforms.transpose import transpose

__all__ = ["batch", "derived", "inline", "jvp", "linearize", "split", "transpose"]
