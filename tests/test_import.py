"""`import fxad` costs NumPy and nothing else."""

import json
import subprocess
import sys

OPTIONAL = {
    "autograd", "hypothesis", "jax", "jaxlib", "matplotlib", "numba", "pandas", "pytest", "scipy",
    "sympy", "torch",
}


def _modules_after(statement: str) -> set[str]:
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_fxad_imports_no_optional_package():
    assert not _modules_after("import fxad") & OPTIONAL


def test_importing_fxad_imports_only_numpy_besides_the_standard_library():
    # What NumPy itself, and a site's start-up files, bring along is none of fxad's doing.
    numpy = _modules_after("import numpy, numpy.random, numpy.linalg, numpy.fft")
    added = _modules_after("import fxad") - numpy
    foreign = {name for name in added if name not in sys.stdlib_module_names and name[0] != "_"}
    assert foreign <= {"fxad", "typing_extensions"}


def test_importing_fxad_does_not_load_the_command_line():
    assert "argparse" not in _modules_after("import fxad") - _modules_after("import numpy")
