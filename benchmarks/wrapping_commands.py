"""Compares whole commands of response wrapping: vaultctl over its local state, and the real bao with its server.

As `commands.py` does, by the same words in turn, A B A B. Each run has a wrapping token of its own, which the program
itself made before anything is measured.

    python benchmarks/wrapping_commands.py [--pairs 25] [--vaultctl .venv-bench/bin/vaultctl]
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import commands
import measure

Words = Callable[[str], tuple[str, ...]]

COMMANDS: Mapping[str, Words] = {
    "wrap": lambda _: ("write", "sys/wrapping/wrap", "user=app", "password=secret"),
    "kv get -wrap-ttl": lambda _: ("kv", "get", "-wrap-ttl=5m", "secret/bench"),
    "lookup": lambda token: ("write", "sys/wrapping/lookup", f"token={token}"),
    "rewrap": lambda token: ("write", "sys/wrapping/rewrap", f"token={token}"),
    "unwrap": lambda token: ("unwrap", token),
}
"""The words of each command, given a wrapping token that was not used yet."""

Program = tuple[Path, dict[str, str]]


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description="Compare wrapping by whole commands of vaultctl and bao.")
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    before = measure.load()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ours = args.vaultctl, measure.clean_env(home, VAULTCTL_DATA_DIR=str(home / "state"), VAULTCTL_STORAGE="json")
        with measure.bao_server(home) as bao:
            both = (ours, (bao.binary, bao.env))
            for program, env in both:
                measure.run([program, "kv", "put", "secret/bench", "user=app", "password=secret"], env)
            found = {name: compare(words, args.pairs, both) for name, words in COMMANDS.items()}
    print("## Response wrapping, beside bao\n")
    print(f"{args.pairs} pairs a command; {measure.python_of(args.vaultctl)}.")
    print(f"{before} at the start, {measure.load()} at the end.\n")
    print(commands.comparison(found))


def compare(words: Words, count: int, both: Sequence[Program]) -> commands.Pairs:
    """Run a command by both, in turn, each with a token of its own; the first runs are not counted."""
    costs = commands.Pairs([], [])
    for _ in range(count + commands.WARM_UP):
        for (program, env), kept in zip(both, costs, strict=True):
            kept.append(measure.run([program, *words(new_token(program, env))], env))
    return commands.Pairs(costs.ours[commands.WARM_UP :], costs.theirs[commands.WARM_UP :])


def new_token(program: Path, env: Mapping[str, str]) -> str:
    """Wrap something, and give the token."""
    argv = [str(program), "write", "-field=wrapping_token", "sys/wrapping/wrap", "user=app"]
    return subprocess.run(argv, env=dict(env), check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
