"""Compares response wrapping: `vaultctl server` over a state in memory, and `bao server -dev`, over HTTP in one run.

Each server gets the same requests on one connection, one after the other, in rounds that take turns: wrap, lookup,
unwrap and rewrap, each token used as often as it can be. The figure is the median over the rounds.

    python benchmarks/wrapping.py [--rounds 5] [--requests 500] [--servers bao memory] [--connections 1] [--awake]

With `--awake` no CPU sleeps meanwhile: to wake a virtual one may take longer than what it is woken for, in each server.

With `--scale`, what a rewrap costs in the engine with few and with many live wrapping tokens in the state, for each
backend, in turns; and what the write costs that comes upon as many that have expired.

    python benchmarks/wrapping.py --scale 100000 [--backends memory sqlite json]

The tokens come one after the other, 5 ms apart by the clock that the engine is given, as they do in real states: those
of one moment would lie among each other wherever rows are in order of time.
"""

import argparse
import json
import os
import re
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import measure
from server import Server, running

from vaultctl.core import bootstrap, mounts
from vaultctl.core.core import Core
from vaultctl.core.state import State
from vaultctl.core.wrapping import store
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.backend import Backend
from vaultctl.storage.json_file import json_file
from vaultctl.storage.memory import Memory
from vaultctl.storage.sqlite import Sqlite

STEPS = ("wrap", "lookup", "unwrap", "rewrap")
GOAL = 2.0
SCALE_GOAL = 1.2
TTL_S = 3600
APART_NS = 5_000_000
FEW = 10
ROOT_TOKEN = "s.benchmark"
CONTENT = {"user": "app", "password": "correct horse battery staple"}


def main() -> None:
    """Print what was found as Markdown."""
    parser = argparse.ArgumentParser(description="Compare response wrapping.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--servers", nargs="+", default=["bao", "memory"])
    parser.add_argument("--awake", action="store_true")
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    parser.add_argument("--scale", type=int, default=0)
    parser.add_argument("--backends", nargs="+", default=["memory", "sqlite"])
    args = parser.parse_args()
    before = measure.load()
    with measure.awake() if args.awake else nullcontext():
        print(_table(args))
    print(f"{before} at the start, {measure.load()} at the end.")


def _table(args: argparse.Namespace) -> str:
    if args.scale:
        return scale(args.backends, args.scale, args.rounds)
    return throughput(args.servers, args.rounds, args.requests, args.connections, args.vaultctl)


def throughput(names: Sequence[str], rounds: int, requests: int, connections: int, vaultctl: Path) -> str:
    """Give a table of requests a second."""
    found: dict[tuple[str, str], list[float]] = {}
    with running(names, 0, vaultctl) as servers:
        for _ in range(rounds):
            for name, server in servers.items():
                for step, per_s in _round(server, requests, connections).items():
                    found.setdefault((name, step), []).append(per_s)
    lines = ["| request | " + " | ".join(f"{name} |" for name in names), "|---|" + "---:|---:|" * len(names)]
    for step in STEPS:
        cells = [statistics.median(found[name, step]) for name in names]
        lines.append(f"| {step} | " + " | ".join(f"{cell:,.0f} | **{cell / cells[0]:.2f}**" for cell in cells) + " |")
    return f"{rounds} rounds of {requests} requests, {connections} connection(s).\n\n" + "\n".join(lines) + "\n"


def _round(server: Server, requests: int, connections: int) -> dict[str, float]:
    """Wrap, look up, rewrap and unwrap; give for each how many a second."""
    tokens: list[list[str]] = [[] for _ in range(connections)]
    found = {}
    for step in ("wrap", "lookup", "rewrap", "unwrap"):
        clients = [_Client(server) for _ in range(connections)]
        answers: list[list[bytes]] = [[] for _ in range(connections)]
        jobs = [
            threading.Thread(target=_drive, args=(client, _prepared(client, step, own, requests // connections), got))
            for client, own, got in zip(clients, tokens, answers, strict=True)
        ]
        began = time.perf_counter()
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        found[step] = requests / (time.perf_counter() - began)
        if step in ("wrap", "rewrap"):
            tokens = [_tokens_in(got) for got in answers]
        for client in clients:
            client.close()
    return found


def _prepared(client: "_Client", step: str, tokens: list[str], count: int) -> list[bytes]:
    """Give the requests of a step as they are sent."""
    if step == "wrap":
        return [client.request("sys/wrapping/wrap", CONTENT, ttl_s=TTL_S)] * count
    return [client.request(f"sys/wrapping/{step}", {"token": token}) for token in tokens]


def _drive(client: "_Client", requests: Sequence[bytes], answers: list[bytes]) -> None:
    answers += map(client.ask, requests)


def _tokens_in(answers: Sequence[bytes]) -> list[str]:
    return [str(json.loads(answer)["wrap_info"]["token"]) for answer in answers]


class _Client:
    """One connection, which stays open. What it costs itself is part of each figure, so it is as little as can be."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.address.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f" HTTP/1.1\r\nHost: {host}\r\nX-Vault-Token: {server.token}\r\nContent-Type: application/json\r\n"

    def request(self, path: str, data: object, ttl_s: int = 0) -> bytes:
        """Give the bytes of a write to a path."""
        body = json.dumps(data).encode()
        more = f"X-Vault-Wrap-TTL: {ttl_s}\r\n" if ttl_s else ""
        return f"POST /v1/{path}{self._head}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def ask(self, request: bytes) -> bytes:
        """Send a request; give the body of its answer. Raises: SystemExit where it was refused."""
        self._socket.sendall(request)
        answer = self._socket.recv(65536)
        while not (match := _ANSWER.match(answer)) or len(answer) < match.end() + int(match[2]):
            more = self._socket.recv(65536)
            if not more:
                raise SystemExit("the server closed the connection")
            answer += more
        if match[1] != b"200":
            raise SystemExit(f"{request.split(b' ')[1].decode()} was answered {match[1].decode()}")
        return answer[match.end() :]

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()


_ANSWER = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)(?=\r\n).*?\r\n\r\n", re.IGNORECASE | re.DOTALL)


# --- many live tokens ---


class _Clock:
    def __init__(self) -> None:
        self.now_ns = time.time_ns()

    def __call__(self) -> int:
        return self.now_ns


def scale(kinds: Sequence[str], many: int, rounds: int) -> str:
    """Give a table of what a rewrap costs with few tokens and with many, and what a write costs when all expired."""
    lines = [
        f"| backend | rewrap, {FEW} live, µs | {many:,} live | ratio | a write as all {many:,} expired, ms | without |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            clock = _Clock()
            few, crowd = (_core(kind, f"{folder}/{count}", count, clock) for count in (FEW, many))
            costs: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for core, cost in zip((few, crowd), costs, strict=True):
                    cost.append(_rewrap_us(core, clock, 20 if kind == "json" else 300))
            clock.now_ns += 2 * TTL_S * 10**9
            late, plain = _write_ms(crowd), _write_ms(few)
            low, high = (statistics.median(cost) for cost in costs)
            lines.append(f"| {kind} | {low:,.0f} | {high:,.0f} | **{high / low:.2f}** | {late:.1f} | {plain:.1f} |")
    return "\n".join(lines) + "\n"


_OPENERS: dict[str, Callable[[str], Backend]] = {
    "memory": lambda _path: Memory(),
    "sqlite": lambda path: Sqlite(f"{path}.sqlite"),
    "json": lambda path: json_file(f"{path}.json"),
}


def _core(kind: str, path: str, count: int, clock: _Clock) -> Core:
    """Make a state with so many live wrapping tokens, in transactions of a thousand."""
    state = State(
        _OPENERS[kind](path),
        lambda _header: StaticSeal(bytes(KEY_B), os.urandom),
        random=os.urandom,
        now=lambda: "2026-01-01T00:00:00Z",
    )
    state.initialise(
        mounts.new_uuid(os.urandom),
        lambda: StaticSeal(bytes(KEY_B), os.urandom),
        lambda transaction: bootstrap.fill(transaction, ROOT_TOKEN, os.urandom, clock() // 10**9),
    )
    core = Core(state, now_ns=clock)
    content = store.content_of(Response(data=CONTENT), "an-id")
    for start in range(0, count, 10_000):
        with core.sessions.writing() as session:
            source = session.mounts.serving("sys/wrapping/wrap", "root")
            fields = {
                "path": "sys/wrapping/wrap",
                "namespace": "root",
                "mount": source.token_source if source else "",
                "below": "wrapping/wrap",
                "issue_ns": clock(),
                "ttl_s": TTL_S,
            }
            for _ in range(min(10_000, count - start)):
                clock.now_ns += APART_NS
                fields["issue_ns"] = clock()
                store.issue(session, fields, content, seal_wrap=False, random=os.urandom)
            session.commit()
    return core


def _rewrap_us(core: Core, clock: _Clock, count: int) -> float:
    """Rewrap one token so often; give what one time takes."""
    token = _wrap(core)
    began = time.perf_counter()
    for _ in range(count):
        clock.now_ns += APART_NS
        answer = core.handle(Request(Operation.UPDATE, "sys/wrapping/rewrap", data={"token": token}, token=ROOT_TOKEN))
        token = str((answer.wrap_info or {})["token"])
    took_us = (time.perf_counter() - began) / count * 1e6
    core.handle(Request(Operation.UPDATE, "sys/wrapping/unwrap", data={"token": token}, token=ROOT_TOKEN))
    return took_us


def _wrap(core: Core) -> str:
    request = Request(Operation.UPDATE, "sys/wrapping/wrap", data=CONTENT, token=ROOT_TOKEN, wrap_ttl_s=TTL_S)
    return str((core.handle(request).wrap_info or {})["token"])


def _write_ms(core: Core) -> float:
    """Give what one write takes: the median of a few."""
    took = []
    for number in range(9):
        began = time.perf_counter()
        core.handle(Request(Operation.UPDATE, "cubbyhole/x", data={"n": number}, token=ROOT_TOKEN))
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


if __name__ == "__main__":
    main()
