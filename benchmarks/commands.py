"""Compares whole commands: vaultctl over its local state, and the real bao with a server that is running already.

Each command is run by both in turn, A B A B, so that whatever else the machine does hits both alike. The ratio is the
median over the pairs, bao's figure by vaultctl's: above 1, vaultctl takes less. Both get the same words, print into
/dev/null, and work on what the commands before made. The server's own start, time and memory are not in bao's figures.

`bao secrets move` asks once whether the move is over, and if it is not, sleeps for 10 s. Medians do not show that, so
the runs that slept are counted beside the table.

    python benchmarks/commands.py [--pairs 25] [--vaultctl .venv-bench/bin/vaultctl]
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import measure
from measure import Cost

WARM_UP = 2
SLEPT_MS = 5000.0

Words = Callable[[int], tuple[str, ...]]

COMMANDS: dict[str, Words] = {
    "secrets list": lambda _: ("secrets", "list"),
    "kv put": lambda n: ("kv", "put", "secret/bench", "user=app", f"password={n}"),
    "kv get": lambda _: ("kv", "get", "secret/bench"),
    "secrets enable": lambda n: ("secrets", "enable", f"-path=bench-{n}", "kv"),
    "secrets tune": lambda n: ("secrets", "tune", "-description=a benchmark", "-max-lease-ttl=24h", f"bench-{n}"),
    "secrets move": lambda n: ("secrets", "move", f"bench-{n}/", f"moved-{n}/"),
}
"""The words of each command in its nth run, in an order in which each finds what it works on."""


class Pairs(NamedTuple):
    """What one command took, run by run."""

    ours: list[Cost]
    theirs: list[Cost]


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description="Compare whole commands of vaultctl and bao.")
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    before = measure.load()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        our_env = measure.clean_env(home, VAULTCTL_DATA_DIR=str(home / "state"), VAULTCTL_STORAGE="json")
        with measure.bao_server(home) as bao:
            found = {
                name: compare(words, args.pairs, (args.vaultctl, our_env), (bao.binary, bao.env))
                for name, words in COMMANDS.items()
            }
    print("## Whole commands, beside bao\n")
    print(f"{args.pairs} pairs a command; {measure.python_of(args.vaultctl)}.")
    print(f"{before} at the start, {measure.load()} at the end.\n")
    print(comparison(found))
    print(f"The bao server took {bao.server.rss_mib:.0f} MiB besides, and {bao.server.cpu_ms / 1e3:.1f} s of CPU time.")
    slept = [cost.wall_ms for cost in found["secrets move"].theirs if cost.wall_ms > SLEPT_MS]
    print(f"`bao secrets move` slept for 10 s in {len(slept)} of {args.pairs} runs.\n")
    floor = min(measure.median(pairs.ours).rss_mib for pairs in found.values())
    if measure.own_rss_mib() > floor:
        print(f"**The memory figures are no good: the benchmark itself took {measure.own_rss_mib():.0f} MiB.**\n")


def compare(words: Words, count: int, ours: tuple[Path, dict[str, str]], theirs: tuple[Path, dict[str, str]]) -> Pairs:
    """Run a command by both, in turn; the first runs are not counted."""
    costs = Pairs([], [])
    for number in range(count + WARM_UP):
        for (program, env), kept in zip((ours, theirs), costs, strict=True):
            kept.append(measure.run([program, *words(number)], env))
    return Pairs(costs.ours[WARM_UP:], costs.theirs[WARM_UP:])


def comparison(found: dict[str, Pairs]) -> str:
    """Write the table."""
    head = ["command"]
    for what in ("wall ms", "CPU ms", "peak MiB"):
        head += [f"vaultctl {what}", f"bao {what}", "ratio"]
    return measure.table(head, [row(name, pairs) for name, pairs in found.items()])


def row(name: str, pairs: Pairs) -> list[str]:
    """Write one command's line."""
    cells = [f"`{name}`"]
    for ours, theirs in zip(zip(*pairs.ours, strict=True), zip(*pairs.theirs, strict=True), strict=True):
        cells += [
            f"{statistics.median(ours):.1f}",
            f"{statistics.median(theirs):.1f}",
            f"**{ratio(ours, theirs):.2f}**",
        ]
    return cells


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Give the median over the pairs."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
