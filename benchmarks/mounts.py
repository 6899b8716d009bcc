"""Compares `secrets list` of many mounts: vaultctl over its local state, and the real bao with a running server.

python benchmarks/mounts.py [--pairs 15] [--mounts 1000 5000] [--vaultctl .venv-bench/bin/vaultctl]
"""

import argparse
import os
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import measure
from commands import Pairs, compare, comparison
from engine import TOKEN, enable_many, memory_core, save_as

from vaultctl.client.client import Client


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description="Compare secrets list of vaultctl and bao with many mounts.")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--mounts", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    before = measure.load()
    found: dict[str, Pairs] = {}
    for count in args.mounts:
        with tempfile.TemporaryDirectory() as folder:
            found |= compared(Path(folder), count, args.pairs, args.vaultctl)
    print("## `secrets list` with many mounts, beside bao\n")
    print(f"{args.pairs} pairs a line. {before} at the start, {measure.load()} at the end.\n")
    print(comparison(found))


def compared(home: Path, count: int, pairs: int, vaultctl: Path) -> dict[str, Pairs]:
    """Make so many mounts in both, and list them in turn, from each backend."""
    ours = {kind: home / kind for kind in ("json", "sqlite")}
    key = os.urandom(32)
    core = memory_core(key)
    enable_many(Client(core, token=TOKEN), count)
    for kind, folder in ours.items():
        save_as(core, key, kind, folder)
    words = ("secrets", "list")
    with measure.bao_server(home) as bao:
        enable_on_server(bao.env, count)
        return {
            f"{count} mounts, {kind}": compare(
                lambda _: words,
                pairs,
                (vaultctl, measure.clean_env(home, VAULTCTL_DATA_DIR=str(folder))),
                (bao.binary, bao.env),
            )
            for kind, folder in ours.items()
        }


def enable_on_server(env: Mapping[str, str], count: int) -> None:
    """Make so many kv mounts over HTTP."""
    for number in range(count):
        request = urllib.request.Request(  # the server of this benchmark
            f"{env['BAO_ADDR']}/v1/sys/mounts/bench-{number}",
            data=b'{"type":"kv"}',
            headers={"X-Vault-Token": env["BAO_TOKEN"]},
        )
        urllib.request.urlopen(request).close()


if __name__ == "__main__":
    main()
