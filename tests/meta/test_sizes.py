"""Files and functions stay small, and say what they are for."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "vaultctl").rglob("*.py")) + sorted((ROOT / "tests").rglob("*.py"))
MAX_FILE = 600
MAX_FUNCTION = 60


def functions(path):
    """Give every function of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_small(path):
    """No file has more than 600 lines, no function more than 60."""
    assert len(path.read_text().splitlines()) <= MAX_FILE
    assert [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_test_says_what_it_shows(path):
    """Each test has a docstring of one sentence."""
    for function in functions(path):
        if path.name.startswith("test_") and function.name.startswith("test_"):
            docstring = ast.get_docstring(function) or ""
            assert (docstring.endswith("."), function.name) == (True, function.name)


def test_each_module_says_what_it_is():
    """Each module of the package has a docstring."""
    lacking = [
        path.name for path in FILES if "tests" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert lacking == []
