"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build/html`.

Every code cell of the pages runs at each build, and one that raises fails it.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The pages describe the tree they lie in, whatever version may be installed: for autodoc here, and
# for the Jupyter kernels that run the cells.
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# Source lines in Programs and messages read "cell 3:2", not the name of a temporary file: the kernels
# run this at their start.
profile = tempfile.TemporaryDirectory()  # removed when the build ends
startup = Path(profile.name, "profile_default", "startup")
startup.mkdir(parents=True)
(startup / "cell_names.py").write_text(
    "get_ipython().compile.get_code_name = lambda raw, transformed, number: f'cell {number}'\n"
)
os.environ["IPYTHONDIR"] = profile.name

import fxad  # noqa: E402

project = "fxad"
author = "The fxad authors"
copyright = "The fxad authors"
release = version = fxad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples/*.md"]
# Single backticks in docstrings are code.
default_role = "code"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 180
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what the arguments are
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# "Attributes" of a class are described in its docstring, not once more beside it.
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"fxad {release}"
html_show_sphinx = False
