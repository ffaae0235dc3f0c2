"""What the README and the pages show is what happens.

A page is either a notebook, whose `code-cell`s the site runs at each build, or plain text with fenced
`python` blocks. Here both are run without Sphinx: the cells and blocks of a page one after the other in one
namespace, `>>>` blocks as doctests.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fxad.ir import NAMESPACE, PRIMITIVES, load_deferred

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)]
_BLOCK = re.compile(r"^```(\{code-cell\}|python)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"\A(:[^\n]*\n)+\n?")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page):
    """The kind, text and line of each block of Python on a page."""
    text = page.read_text()
    return [
        (m[1], _OPTIONS.sub("", m[2]), text[: m.start(2)].count("\n") + 1)
        for m in _BLOCK.finditer(text)
    ]


def is_notebook(page):
    return page.read_text().startswith("---\njupytext:")


def run(page, namespace):
    for _, code, line in blocks(page):
        if ">>>" in code:
            test = doctest.DocTestParser().get_doctest(code, namespace, name_of(page), None, line - 1)
            flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
            out = []
            result = doctest.DocTestRunner(optionflags=flags).run(test, out=out.append, clear_globs=False)
            namespace.update(test.globs)
            assert result.failed == 0, "".join(out)
        else:
            padded = "\n" * (line - 1) + code  # so that a traceback has the page's lines
            exec(compile(padded, str(page), "exec"), namespace)


WITH_CODE = [page for page in PAGES if blocks(page)]


def test_there_are_pages():
    names = {name_of(page) for page in WITH_CODE}
    assert {"README.md", "docs/index.md", "docs/tutorial.md", "docs/how_it_works.md",
            "docs/sharp_edges.md", "docs/add_a_primitive.md"} <= names


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
@pytest.mark.usefixtures("primitives_of_its_own")
def test_the_code_of_a_page_runs(page, monkeypatch, tmp_path):
    (tmp_path / "spring.py").write_text(readme_file())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spring", raising=False)
    monkeypatch.chdir(page.parent)
    run(page, {"__name__": "page"})


def readme_file():
    """The file that the README tells the reader to write."""
    return next(code for _, code, _ in blocks(ROOT / "README.md") if "def energy" in code)


@pytest.fixture
def primitives_of_its_own():
    """A page may define primitives; they are not to be seen by other tests."""
    load_deferred()
    before = dict(PRIMITIVES), dict(NAMESPACE)
    yield
    for table, old in zip((PRIMITIVES, NAMESPACE), before, strict=True):
        for name in set(table) - set(old):
            del table[name]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in _LINK.findall(page.read_text()):
        if "://" in target or target.startswith("#"):
            continue
        path = target.partition("#")[0]
        assert (page.parent / path).exists() or f"({target})=" in page.read_text() + labels(), target


def labels():
    return "".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_only_notebooks_have_cells(page):
    assert is_notebook(page) == any(kind == "{code-cell}" for kind, _, _ in blocks(page))


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for page in PAGES:
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL):
            entries = [e for e in block.splitlines() if e and not e.startswith(":")]
            listed |= {(page.parent / f"{e}.md").resolve() for e in entries}
    pages = {p.resolve() for p in PAGES} - {ROOT / "README.md", DOCS / "index.md"}
    assert pages == listed


def test_the_layout_names_all_parts_of_the_package():
    text = (DOCS / "layout.md").read_text()
    files = [path.relative_to(ROOT / "fxad") for path in (ROOT / "fxad").rglob("*.py")]
    parts = {f"{file.parts[0]}/" if len(file.parts) > 1 else file.name for file in files}
    missing = {part for part in parts - {"__init__.py"} if f"`{part}`" not in text}
    assert not missing


def readme_commands():
    text = (ROOT / "README.md").read_text()
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


def test_the_two_commands_of_the_readme():
    commands = readme_commands()
    assert 'pip install . && python -m fxad "log(x**2) * sin(x) + 1/x" x=2.0' in commands
    assert 'pip install -e ".[test]" && pytest' in commands


def test_the_first_command_answers():
    words = shlex.split(readme_commands()[0].partition("&& ")[2])
    assert words[:3] == ["python", "-m", "fxad"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *words[1:]], env=environment, capture_output=True, text=True,
                          check=True)
    assert "1.76055389538" in done.stdout  # log(4) sin(2) + 1/2
    assert "0.0823954139" in done.stdout


def test_the_file_of_the_readme(tmp_path, monkeypatch):
    """The command for a function in a file, with the file that the README shows."""
    text = (ROOT / "README.md").read_text()
    (command,) = re.findall(r"`(python -m fxad spring\.py[^`]*)`", text)
    (tmp_path / "spring.py").write_text(readme_file())
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *shlex.split(command)[1:]], env=environment,
                          capture_output=True, text=True, check=True)
    assert "0.17157" in done.stdout
    assert "0.585786" in done.stdout
