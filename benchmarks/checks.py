"""Measures what a token costs: requests in this process with a token, and without any check of it.

The same requests are answered by the same core over a state in memory; for those without a check the two stages that
look at the token are taken out of the pipeline. Rounds of the three follow one another, and each is measured in CPU
time, so that other work on the machine does not count.

    python benchmarks/checks.py [--rounds 60] [--requests 300]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import measure
from engine import TOKEN, memory_core

from vaultctl.core import pipeline
from vaultctl.logical.request import Operation, Request

if TYPE_CHECKING:
    from vaultctl.core.core import Core
    from vaultctl.core.exchange import Exchange

READ, UPDATE = Operation.READ, Operation.UPDATE
SECRET = {"data": {"user": "app", "password": "correct horse"}}
POLICY = """
path "sys/mounts" { capabilities = ["read", "sudo"] }
path "secret/data/*" { capabilities = ["create", "read", "update"] }
"""
REQUESTS = {
    "GET sys/mounts, 10 mounts": Request(READ, "sys/mounts"),
    "kv-v2 get": Request(READ, "secret/data/bench"),
    "kv-v2 put": Request(UPDATE, "secret/data/bench", data=SECRET),
}
GOAL = 1.3


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description="Measure what a token costs.")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=300)
    args = parser.parse_args()
    before = measure.load()
    core = memory_core(os.urandom(32))
    tokens = {"root": TOKEN, "a policy's": made(core)}
    rows = []
    for name, request in REQUESTS.items():
        found = compared(core, request, tokens, args.rounds, args.requests)
        cells = [name, f"{statistics.median(found['']):.1f}"]
        for token in tokens:
            ratio = statistics.median(a / b for a, b in zip(found[token], found[""], strict=True))
            cells += [f"{statistics.median(found[token]):.1f}", f"**{ratio:.2f}**"]
        rows.append([*cells, f"{GOAL}"])
    print("## What a token costs, in the process\n")
    print(f"CPU time of a request, µs. {before} at the start, {measure.load()} at the end.\n")
    print(measure.table(["request", "no check", "root token", "ratio", "policy token", "ratio", "goal"], rows))


def made(core: "Core") -> str:
    """Make mounts, a secret, and a token with a policy of its own; give the token."""
    for number in range(6):
        core.handle(Request(UPDATE, f"sys/mounts/bench-{number}", data={"type": "kv"}, token=TOKEN))
    core.handle(Request(UPDATE, "secret/data/bench", data=SECRET, token=TOKEN))
    core.handle(Request(UPDATE, "sys/policies/acl/bench", data={"policy": POLICY}, token=TOKEN))
    answer = core.handle(Request(UPDATE, "auth/token/create", data={"policies": ["bench"]}, token=TOKEN))
    return str((answer.auth or {})["client_token"])


def compared(
    core: "Core", request: Request, tokens: Mapping[str, str], rounds: int, often: int
) -> dict[str, list[float]]:
    """Answer the request without a check, and with each token, in turn; give the µs of one."""
    found: dict[str, list[float]] = {name: [] for name in ("", *tokens)}
    for _ in range(rounds):
        with unchecked():
            found[""].append(time_of(core.handle, request, often))
        for name, token in tokens.items():
            found[name].append(time_of(core.handle, request._replace(token=token), often))
    return found


def time_of(handle: Callable[[Request], object], request: Request, often: int) -> float:
    """Give the CPU time of one request, in µs."""
    request = request.identified("benchmark")
    handle(request)
    begun = time.process_time()
    for _ in range(often):
        handle(request)
    return (time.process_time() - begun) / often * 1e6


@contextmanager
def unchecked() -> Iterator[None]:
    """Take the two stages that look at the token out of the pipeline."""
    stages = pipeline.authenticate, pipeline.authorise

    def let_in(exchange: "Exchange") -> None:
        """Ask nothing."""

    pipeline.authenticate = pipeline.authorise = let_in
    try:
        yield
    finally:
        pipeline.authenticate, pipeline.authorise = stages


if __name__ == "__main__":
    main()
