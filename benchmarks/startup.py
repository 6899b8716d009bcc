"""Shows where the time of `vaultctl secrets list` goes, module by module.

The interpreter says what each import took (-X importtime). Of many runs the smallest figure of each module counts:
what others do on the machine only ever adds. A module belongs to the nearest of the groups that imported it first, so
that the standard library's `gettext`, which only click needs, counts as click's; what vaultctl imports of the standard
library before click does, which needs much of it too, is a group of its own. What the interpreter imports by
itself, before any program, is its own. The whole is the smallest wall time without -X importtime; what is left of it
after the imports is the work of the command and the end of the process.

    python benchmarks/startup.py [--runs 25] [--vaultctl .venv-bench/bin/vaultctl]
"""

import argparse
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import measure

GROUPS = {
    "click": "click, and what it imports",
    "cryptography": "cryptography, and what it imports",
    "json": "json, and what it imports",
    "vaultctl": "vaultctl's own modules",
    "": "the standard library, as far as vaultctl imports it first",
}
SHOWN_MS = 0.3
_PREFIX = "import time:"


class Import(NamedTuple):
    """One line of -X importtime: a module, its own time, and the modules that were being imported, itself the last."""

    own_us: int
    chain: tuple[str, ...]

    @property
    def group(self) -> str:
        """Give the nearest importer that is a group; none of vaultctl's is what it only imports."""
        tops = [module.partition(".")[0] for module in reversed(self.chain)]
        found = next((top for top in tops if top in GROUPS), "vaultctl")
        return "" if found == "vaultctl" != tops[0] else found


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Show where the start-up time goes.")
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    python, command = args.vaultctl.parent / "python", [args.vaultctl, "secrets", "list"]
    before = measure.load()
    with tempfile.TemporaryDirectory() as folder:
        env = measure.clean_env(Path(folder), VAULTCTL_DATA_DIR=folder + "/state")
        measure.run(command, env)  # makes the state
        bare_ms = min(measure.run([python, "-c", ""], env).wall_ms for _ in range(args.runs))
        whole_ms = min(measure.run(command, env).wall_ms for _ in range(args.runs))
        own = {line.chain[-1] for line in imports([python, "-c", ""], env)}
        lines = fastest([imports([python, *command], env) for _ in range(args.runs)])
    lines = [line for line in lines if line.chain[-1] not in own]
    print("## Where the time of `vaultctl secrets list` goes\n")
    print(f"The smallest of {args.runs} runs; {measure.python_of(args.vaultctl)}.")
    print(f"{before} at the start, {measure.load()} at the end.\n")
    print(summary(lines, bare_ms, whole_ms))
    print(details(lines))


def imports(argv: Sequence[str | Path], env: dict[str, str]) -> list[Import]:
    """Run Python with -X importtime, and give what it imported."""
    asked = [argv[0], "-X", "importtime", *argv[1:]]
    done = subprocess.run(asked, env=env, check=True, capture_output=True, text=True)
    return parse(done.stderr)


def parse(text: str) -> list[Import]:
    """Read the lines. A module stands below all that it imported, less deep by one step of two spaces."""
    found: list[Import] = []
    chain: list[str] = []
    for line in reversed(text.splitlines()):
        if not line.startswith(_PREFIX) or "imported package" in line:
            continue
        own_us, _, module = line.removeprefix(_PREFIX).split("|")
        depth = (len(module) - len(module.lstrip()) - 1) // 2
        chain = [*chain[:depth], module.strip()]
        found.append(Import(int(own_us), tuple(chain)))
    return found[::-1]


def fastest(runs: Sequence[list[Import]]) -> list[Import]:
    """Give the smallest time of each module over all runs."""
    best: dict[tuple[str, ...], int] = {}
    for line in (line for run in runs for line in run):
        best[line.chain] = min(line.own_us, best.get(line.chain, line.own_us))
    return [Import(own_us, chain) for chain, own_us in best.items()]


def summary(lines: list[Import], bare_ms: float, whole_ms: float) -> str:
    """Write the table of groups."""
    parts = {"the interpreter, an empty program": (bare_ms, "")}
    for group, title in GROUPS.items():
        members = [line for line in lines if line.group == group]
        parts[title] = (sum(line.own_us for line in members) / 1e3, str(len(members)))
    parts["the rest: the command's work, the end"] = (whole_ms - sum(ms for ms, _ in parts.values()), "")
    parts["**the whole process**"] = (whole_ms, "")
    rows = [(title, f"{ms:.1f}", f"{ms / whole_ms:.0%}", modules) for title, (ms, modules) in parts.items()]
    return measure.table(("part", "ms", "share", "modules"), rows)


def details(lines: list[Import]) -> str:
    """Write the table of the slowest modules."""
    by_module: dict[tuple[str, str], float] = defaultdict(float)
    for line in lines:
        by_module[line.chain[-1], line.group] += line.own_us / 1e3
    slow = sorted(((ms, *key) for key, ms in by_module.items() if ms >= SHOWN_MS), reverse=True)
    rows = [(f"`{module}`", group or "vaultctl", f"{ms:.2f}") for ms, module, group in slow]
    return measure.table(("module", "imported for", "ms by itself"), rows)


if __name__ == "__main__":
    main()
