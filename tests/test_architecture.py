"""The layers of the package: imports point downwards, stand at the top, and files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "fxad"
FILES = sorted(path for path in ROOT.rglob("*.py"))
LIMIT = 500

#: The layer of every module and package directly below fxad.
LAYERS = {
    name: layer
    for layer, names in enumerate([
        ("errors", "config", "source", "tree", "tree_util"),
        ("ir",),
        ("tracing",),
        ("transforms",),
        ("primitives",),
        ("optimize",),
        ("execute",),
        ("api",),
        ("numpy", "scipy", "lax", "random", "nn", "debug", "checkpoint_policies"),
        ("inspect", "testing", "test_util", "cli", "__main__", "__init__"),
    ])
    for name in names
}


def _module(path: Path) -> str:
    return ".".join(["fxad", *path.relative_to(ROOT).with_suffix("").parts])


def _part(module: str) -> str:
    """The module or package directly below fxad that `module` is, or is in."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def _exists(module: str) -> bool:
    path = ROOT.parent.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def _imports(node: ast.AST) -> list[str]:
    """The modules of fxad that an import statement imports."""
    match node:
        case ast.Import(names):
            found = [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            submodules = [f"{module}.{alias.name}" for alias in names]
            # Both of: from fxad.ir import Program, from fxad import tree
            found = [sub if _exists(sub) else module for sub in submodules]
        case _:
            found = []
    return [name for name in found if name.split(".")[0] == "fxad"]


def _only_for_types(tree: ast.Module) -> set[ast.AST]:
    """What stands below `if TYPE_CHECKING:`, which never runs."""
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    ]
    return {child for block in blocks for part in block.body for child in ast.walk(part)}


def violations(module: str, text: str) -> list[str]:
    """What is wrong with the imports of a module."""
    tree = ast.parse(text)
    own = LAYERS[_part(module)]
    skipped = _only_for_types(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append(f"{module}:{node.lineno} imports relatively")
        if node in skipped:
            continue
        for target in _imports(node):
            if LAYERS[_part(target)] > own:
                found.append(f"{module}:{node.lineno} imports {target}, which lies above it")
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for node in ast.walk(function):
                targets = _imports(node)
                if targets:
                    found.append(f"{module}:{node.lineno} imports {targets[0]} in a function")
    return found


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_imports_point_downwards_and_stand_at_the_top(path):
    assert violations(_module(path), path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_no_file_is_long(path):
    assert len(path.read_text().splitlines()) <= LIMIT


def test_every_module_has_a_layer():
    parts = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES}
    assert parts <= LAYERS.keys()


def test_every_name_says_what_is_in_it():
    names = {part.removesuffix(".py") for path in FILES for part in path.relative_to(ROOT).parts}
    vague = {"utils", "util", "helpers", "misc", "common"}
    assert not names & vague
    assert not [name for name in names if name.endswith("_utils") or name[-1].isdigit()]


def test_modules_of_one_layer_import_in_one_direction():
    edges: dict[str, set[str]] = {}
    for path in FILES:
        tree = ast.parse(path.read_text())
        skipped = _only_for_types(tree)
        own = _part(_module(path))
        for node in ast.walk(tree):
            for target in [] if node in skipped else _imports(node):
                if _part(target) not in (own, "__init__"):
                    edges.setdefault(own, set()).add(_part(target))
    for start in edges:
        reached, pending = set(), list(edges[start])
        while pending:
            name = pending.pop()
            if name not in reached:
                reached.add(name)
                pending.extend(edges.get(name, ()))
        assert start not in reached, f"fxad.{start} imports itself by way of others"


@pytest.mark.parametrize(
    ("module", "text", "complaint"),
    [
        ("fxad.ir.types", "from fxad.tracing import Tracer", "lies above it"),
        ("fxad.ir.types", "from fxad import tracing", "lies above it"),
        ("fxad.ir.types", "import fxad.api.derivatives", "lies above it"),
        ("fxad.ir.types", "import fxad", "lies above it"),
        ("fxad.api.x", "def f():\n    from fxad.ir import Program", "in a function"),
        ("fxad.api.x", "def g():\n    def h():\n        import fxad.ir", "in a function"),
        ("fxad.ir.types", "from .program import Var", "imports relatively"),
    ],
)
def test_the_check_finds_mistakes(module, text, complaint):
    assert any(complaint in line for line in violations(module, text))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("fxad.api.x", "from fxad.ir import Program\nfrom fxad import tree\nimport numpy as np"),
        ("fxad.ir.x", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import fxad.api"),
        ("fxad.testing", "def f():\n    import scipy"),
    ],
)
def test_the_check_passes_what_is_right(module, text):
    assert violations(module, text) == []
