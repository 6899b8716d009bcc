"""The deliberate differences from OpenBao: each has its name and its reason in `docs/differences.md` alone."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "differences.md"
_NAME = re.compile(r"`([a-z0-9-]+)`")

Steps = dict[str, set[int]]


def documented() -> list[str]:
    """Give what stands in the first column of each row of the document, which is the name of a difference."""
    return [cell.strip("`") for cell in cells()]


def cells() -> list[str]:
    """Give the first cell of each row as it stands there."""
    rows = [line for line in _DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    return [cell for row in rows if (cell := row.split(" | ")[0].removeprefix("| ")) != "name"]


def is_name(cell: str) -> bool:
    """Tell whether a cell holds a name and nothing else."""
    return _NAME.fullmatch(cell) is not None


def unknown(names: set[str]) -> set[str]:
    """Give those of the names that the document does not have, or has twice."""
    counted = Counter(documented())
    return {name for name in names if counted[name] != 1}


class Listed:
    """The steps of recorded cases that are answered otherwise, by the name of the difference."""

    def __init__(self, path: Path) -> None:
        self.by_name: dict[str, dict[str, list[int]]] = json.loads(path.read_text())
        self.steps: Steps = defaultdict(set)
        for cases in self.by_name.values():
            for case, numbers in cases.items():
                self.steps[case].update(numbers)
        self.steps = dict(self.steps)

    def names_of(self, case: str) -> list[str]:
        """Give the names of the differences that a case meets."""
        return [name for name, cases in self.by_name.items() if case in cases]

    def is_different(self, case: str, number: int) -> bool:
        """Tell whether a step is said to be answered otherwise."""
        return number in self.steps.get(case, ())
