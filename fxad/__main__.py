"""`python -m fxad EXPR name=value ...`: see `fxad.cli`."""

import sys

from fxad.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
