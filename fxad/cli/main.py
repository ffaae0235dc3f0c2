"""Reading the command."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from fxad.cli.arguments import read_arguments
from fxad.cli.expression import CONSTANTS, FUNCTIONS, function_of, variables
from fxad.cli.files import function_in, one_line, order_arguments
from fxad.cli.report import Question, report
from fxad.cli.usage import UsageError

__all__ = ["main"]

_EPILOG = f"""\
examples:
  python -m fxad "log(x**2) * sin(x) + 1/x" x=2.0
  python -m fxad "sum(w * x) ** 2" w=[1,2,3] x=points.csv --order 2
  python -m fxad --ir model.py:loss weights=w.npy

An expression has numbers, the names given, + - * / // % ** @, comparisons, constant indices such
as x[0] and x[1:, 0], lists (arrays), the constants {" and ".join(CONSTANTS)}, and the functions
{textwrap.fill(", ".join(sorted(FUNCTIONS)), 88, initial_indent="  ", subsequent_indent="  ")}.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m fxad",
        description="The value of a function, its derivatives, and the Programs that compute them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "function", metavar="EXPR", help="an expression, or path/to/file.py:function"
    )
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="name=value",
        help="an argument: a Python literal (lists are arrays), or a .npy or .csv file",
    )
    parser.add_argument(
        "--order", type=int, choices=(1, 2), default=1, help="2: second derivatives as well"
    )
    parser.add_argument("--ir", action="store_true", help="show only the Programs")
    parser.add_argument(
        "--jacobian", action="store_true", help="for a value that is an array: all its derivatives"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; `argv` is that of the process when it is not given.

    Returns:
        The exit status: 0, or 2 when the command is wrong, with one line on stderr that says why.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with np.errstate(all="ignore"):  # the answer shows its inf and nan
            print(_answer(words))
    except UsageError as error:
        print(f"fxad: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        # The user's function, or fxad in it, refused these arguments.
        print(f"fxad: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


def _answer(words: Sequence[str]) -> str:
    # A leading blank keeps argparse from reading "-x**2" as an option.
    hidden = [f" {word}" if re.match(r"-(?!-|h$)", word) else word for word in words]
    options = _parser().parse_intermixed_args(hidden)
    text = options.function.strip()
    given = read_arguments([word.strip() for word in options.arguments])
    settings: dict[str, Any] = {"order": options.order, "jacobian": options.jacobian}
    found = re.fullmatch(r"(.+\.py):([^\W\d]\w*)", text)
    if found is not None:
        path, name = found.groups()
        function = function_in(path, name)
        arguments = order_arguments(function, given)
        question = Question(
            f"{name}({', '.join(arguments)}) of {path}", function, name, arguments, **settings
        )
    else:
        question = _about_expression(text, given, settings)
    return report(question, only_programs=options.ir)


def _about_expression(text: str, given: dict[str, Any], settings: dict[str, Any]) -> Question:
    used = variables(text)
    function = function_of(text, list(given))
    extra = [name for name in given if name not in used and name not in CONSTANTS]
    if extra:
        raise UsageError(f"{extra[0]} is not in the expression")
    title = f"f({', '.join(given)}) = {text}"
    return Question(title, function, "f", given, sources=False, **settings)
