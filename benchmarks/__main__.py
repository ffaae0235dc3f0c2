"""`python -m benchmarks [NAME ...]`: run the comparisons and print a table of ratios.

Exit status 1 when a promise is not kept. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys

import numpy as np

from benchmarks import loops, scalar, tracing
from benchmarks.harness import Row, table

SUITE = {
    "import": tracing.import_time,
    "tracing": tracing.per_operation,
    "long": tracing.long_loop,
    "float": tracing.changing_float,
    "unjitted": scalar.unjitted,
    "jitted": scalar.jitted,
    "first": scalar.first_gradient,
    "oscillator": loops.oscillator,
    "recurrent": loops.recurrent,
    "memory": loops.memory,
}


def main(argv: list[str] | None = None) -> int:
    """Run the chosen benchmarks; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUITE)}; all if none")
    names = parser.parse_args(argv).names
    unknown = [n for n in names if n not in SUITE]
    if unknown:
        parser.error(f"there is no benchmark named {', '.join(unknown)}; there are {', '.join(SUITE)}")
    if "OPENBLAS_CORETYPE" in os.environ:
        print("OPENBLAS_CORETYPE is set: NumPy is not at its usual speed", file=sys.stderr)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores")
    rows: list[Row] = []
    for name in names or SUITE:
        print(f"{name}: {(SUITE[name].__doc__ or '').strip()}", flush=True)
        rows += SUITE[name]()
    print()
    print(table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
