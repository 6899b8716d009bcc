"""Writes constraints.txt: the exact version of all that building, testing and running the project needs.

The versions are those that are installed where this runs. It follows the requirements that pyproject.toml names (the
build system's, the package's and the group `dev`) as far as they lead. The file is written only when it changes.
"""

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
BESIDES = ("pip", "editables")
"""What installs the package for work on it; no requirement names them."""

HEAD = """\
# Written by `make generate` from what is installed in .venv; `make upgrade` brings the newest versions.
"""


def main() -> None:
    """Write the file, if that changes it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = closure([Requirement(line) for line in (*BESIDES, *named(project))])
    text = HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
    path = ROOT / "constraints.txt"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print(f"{path.name}: {len(pins)} versions written")


def named(project: dict[str, Any]) -> list[str]:
    """Give the requirements that the project itself names."""
    tables = (
        project["build-system"]["requires"],
        project["project"]["dependencies"],
        project["dependency-groups"]["dev"],
    )
    return [line for table in tables for line in table]


def closure(requirements: Iterable[Requirement]) -> dict[str, str]:
    """Give the installed version of each requirement, and of what those require. Raises: PackageNotFoundError."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(requirements)
    while todo:
        wanted = todo.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found = distribution(name)
        pins[name] = found.version
        for line in found.requires or ():
            requirement = Requirement(line)
            if applies(requirement, extras):
                todo.append(requirement)
    return pins


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Tell whether a requirement holds on this machine, with any of these extras or none."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


if __name__ == "__main__":
    main()
