"""Who may import whom: the one table, held for every import wherever it stands."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "vaultctl"
FILES = sorted(PACKAGE.rglob("*.py"))

ALLOWED = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {"client", "connect", "logical"},
    "connect": {"core", "http", "storage", "crypto", "logical"},
    "testing": {"connect", "client", "logical"},
    "core": {"framework", "storage", "crypto", "logical"},
    "engines": {"framework", "crypto.aead", "logical"},
    "auth": {"framework", "crypto.aead", "logical"},
    "http": {"logical"},
    "client": {"logical"},
    "framework": {"logical"},
    "storage": {"logical"},
    "crypto": {"logical"},
    "logical": set(),
}


def imported(path):
    """Give every module of ours that a file imports, those inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name.removeprefix("vaultctl.") for name in found if name.split(".")[0] == "vaultctl"}


def room(path):
    """Give the room of the house that a file stands in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    """A file imports its own room, the rooms that the table gives it, and the version."""
    allowed = ALLOWED[room(path)] | {room(path), "__version__", "__commit_date__"}
    beyond = {name for name in imported(path) if not any(f"{name}.".startswith(f"{ok}.") for ok in allowed)}
    assert beyond == set()


@pytest.mark.parametrize("room_name", ["engines", "auth"])
def test_siblings_do_not_import_each_other(room_name):
    """An engine or auth method, be it a file or a package, imports no other."""
    for path in (PACKAGE / room_name).rglob("*.py"):
        own = f"{room_name}.{path.relative_to(PACKAGE / room_name).parts[0].removesuffix('.py')}."
        assert not any(name.startswith(f"{room_name}.") and not f"{name}.".startswith(own) for name in imported(path))


def test_what_core_imports_by_name_is_there():
    """The tables of modules that are imported by their names name modules that are there."""
    from importlib import import_module

    from vaultctl.core import jobs, plugins, system

    names = [*plugins.MODULES.values(), *jobs._KINDS.values()]
    names += [f"vaultctl.core.system.{name}" for name in system.SUBJECTS.values()]
    for name in names:
        assert import_module(name).__doc__


def test_logical_does_nothing_but_think():
    """The contract imports neither I/O nor clocks nor randomness, but for the calendar."""
    forbidden = {"os", "io", "pathlib", "socket", "random", "secrets", "subprocess", "datetime", "threading"}
    for path in (PACKAGE / "logical").rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert names & forbidden == set()


def test_the_words_of_a_switch_stand_in_one_place():
    """What Go reads as true or false is said by one module, and all others go by it."""
    spelling = [
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(
            isinstance(node, ast.Constant) and node.value == "TRUE" for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert spelling == ["logical/go_bools.py"]
