"""Compares moves of large mounts: `vaultctl server` beside `bao server -dev`, in one run, over HTTP.

Each round fills a new mount on both servers, whose states are in memory, and moves it, timed from the request
until its status says that it is done, asked for again and again. States on disk are filled in this process, and
then served. At last many leases end while somebody else asks: what that one waits is what counts.

    python benchmarks/moves.py [--rounds 3] [--leases 10000] [--tokens 10000] [--secrets 20000] [--many 100000]
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import measure
from engine import TOKEN, memory_core, save_as
from server import our_server

from vaultctl.logical.request import Operation, Request

if TYPE_CHECKING:
    from vaultctl.connect import Connection
    from vaultctl.core.core import Core

BAO, MEMORY = "bao", "memory"
ON_DISK = ("sqlite", "json")
POLL_S = 0.001
PROBE_S = 0.01
"""So often the one who asks meanwhile does so."""

_NAMES = count()


class Asked(Exception):
    """A server refused what the benchmark asked."""


class Caller:
    """One connection to a server, which stays open as long as it is used."""

    def __init__(self, address: str, token: str) -> None:
        self._where = urlsplit(address)
        self._headers = {"X-Vault-Token": token}
        self.connect()

    def connect(self) -> None:
        """Connect anew: a server closes what nobody used for long."""
        self._connection = http.client.HTTPConnection(str(self._where.hostname), self._where.port, timeout=600)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, **data: Any) -> dict[str, Any]:
        """Ask; give the answer. Raises: Asked."""
        self._connection.request(method, f"/v1/{path}", json.dumps(data) if data else None, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise Asked(f"{method} {path}: {answer.status} {text.decode()}")
        return dict(json.loads(text)) if text else {}


Ask = Callable[..., Any]
"""Asks a server, or a core: a method, a path, and the data."""


class Load(NamedTuple):
    """A kind of mount: how one is made and filled, the path that it gets, and how much faster it is to be."""

    name: str
    fill: Callable[[Ask, int], str]
    target: str
    goal: int


def fill_leases(ask: Ask, many: int) -> str:
    """Make one-time passwords, each on a lease."""
    path = f"ssh-{next(_NAMES)}"
    ask("POST", f"sys/mounts/{path}", type="ssh")
    ask("POST", f"{path}/roles/r", key_type="otp", default_user="app", cidr_list="0.0.0.0/0")
    for _ in range(many):
        ask("POST", f"{path}/creds/r", ip="10.0.0.1")
    return path


def fill_tokens(ask: Ask, many: int) -> str:
    """Log in again and again by an approle: no password is hashed."""
    path = f"auth/approle-{next(_NAMES)}"
    ask("POST", f"sys/{path}", type="approle")
    ask("POST", f"{path}/role/r", bind_secret_id=False, secret_id_bound_cidrs="127.0.0.0/8", token_ttl="1h")
    role = ask("GET", f"{path}/role/r/role-id")["data"]["role_id"]
    for _ in range(many):
        ask("POST", f"{path}/login", role_id=role)
    return path


def fill_secrets(ask: Ask, many: int) -> str:
    """Write secrets, and make the namespace that they are to go to."""
    path = f"kv-{next(_NAMES)}"
    ask("POST", f"sys/mounts/{path}", type="kv", options={"version": "2"})
    ask("POST", "sys/namespaces/team")
    for number in range(many):
        ask("POST", f"{path}/data/app-{number}", data={"user": "app", "password": f"correct horse {number}"})
    return path


LEASES = Load("{} leases (ssh, one-time passwords)", fill_leases, "moved-", 5)
TOKENS = Load("an auth mount with {} tokens (approle)", fill_tokens, "auth/moved-", 5)
SECRETS = Load("kv-v2 with {} secrets, to another namespace", fill_secrets, "team/moved-", 50)


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description="Compare moves of large mounts.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leases", type=int, default=10_000)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--secrets", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=100_000, help="leases that end while others ask")
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    args = parser.parse_args()
    before = measure.load()
    loads = {LEASES: args.leases, TOKENS: args.tokens, SECRETS: args.secrets}
    found: dict[str, list[float]] = {}
    for load, many in loads.items():
        if many:
            found |= compared(load, many, args.rounds, args.vaultctl)
    print("## Moves of large mounts, beside `bao server -dev`\n")
    print(f"{args.rounds} rounds, medians. {before} at the start, {measure.load()} at the end.\n")
    print(moves([(load, many) for load, many in loads.items() if many], found))
    if args.many:
        print("## Many leases end while others ask\n")
        print("In one process, as in a server; the one who asks does so every 10 ms, reading and writing in turn.\n")
        print(endings([many for many in (args.leases, args.many) if many]))


def compared(load: Load, many: int, rounds: int, vaultctl: Path) -> dict[str, list[float]]:
    """Move so large a mount on each server in turn; give the seconds, by the load and the server."""
    found: dict[str, list[float]] = {}
    key = os.urandom(32)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        servers = dict(stack.enter_context(both(home, vaultctl)))
        for _ in range(rounds):
            for name, caller in servers.items():
                caller.connect()
                source = load.fill(caller.ask, many)
                found.setdefault(load.name + name, []).append(move(caller, source, load.target))
        core = memory_core(key)
        source = load.fill(asking(core), many)
        for kind in ON_DISK:
            for number in range(rounds):
                data = home / f"{kind}-{number}"
                save_as(core, key, kind, data)
                with on_disk(home, data, kind, vaultctl) as caller:
                    found.setdefault(load.name + kind, []).append(move(caller, source, load.target))
    return found


@contextmanager
def both(home: Path, vaultctl: Path) -> Iterator[dict[str, Caller]]:
    """Run both servers over states in memory."""
    with measure.bao_server(home) as bao, our_server(home, MEMORY, vaultctl) as ours:
        yield {BAO: Caller(bao.env["BAO_ADDR"], bao.env["BAO_TOKEN"]), MEMORY: Caller(ours.address, ours.token)}


@contextmanager
def on_disk(home: Path, data: Path, kind: str, vaultctl: Path) -> Iterator[Caller]:
    """Serve a state that is there, and have it read once."""
    port = measure.free_port()
    env = measure.clean_env(home, VAULTCTL_DATA_DIR=str(data), VAULTCTL_STORAGE=kind)
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [vaultctl, "server", f"-listen-address=127.0.0.1:{port}"], env=env, stdout=log, stderr=log
        )
    try:
        measure.wait_for("vaultctl server", lambda: measure.serves_kv(process, port, TOKEN))
        caller = Caller(f"http://127.0.0.1:{port}", TOKEN)
        caller.ask("GET", "sys/mounts")
        yield caller
    finally:
        process.terminate()
        process.wait(measure.PATIENCE_S)


def asking(core: "Core | Connection") -> Ask:
    """Ask a core as a caller asks a server."""
    verbs = {"GET": Operation.READ, "POST": Operation.UPDATE}

    def ask(method: str, path: str, **data: Any) -> dict[str, Any]:
        request = Request(verbs[method], path, data=data, token=TOKEN, remote_addr="127.0.0.1")
        return {"data": core.handle(request).data}

    return ask


def move(caller: Caller, source: str, target: str) -> float:
    """Move a mount; give the seconds until it is told that this is done. Raises: Asked where it failed."""
    begun = time.perf_counter()
    answer = caller.ask("POST", "sys/remount", **{"from": source, "to": f"{target}{next(_NAMES)}"})
    migration = (answer.get("data") or answer)["migration_id"]
    while True:
        info = caller.ask("GET", f"sys/remount/status/{migration}")["data"]["migration_info"]
        if info["status"] != "in-progress":
            break
        time.sleep(POLL_S)
    took_s = time.perf_counter() - begun
    if info["status"] != "success":
        raise Asked(f"the move of {source} ended with {info}")
    return took_s


def moves(loads: Sequence[tuple[Load, int]], found: Mapping[str, Sequence[float]]) -> str:
    """Write the table of seconds, and of how much faster than bao that is."""
    kinds = (MEMORY, *ON_DISK)
    head = ["a move of", "bao, ms", *(cell for kind in kinds for cell in (f"{kind}, ms", "times as fast")), "goal"]
    rows = []
    for load, many in loads:
        bao_s = statistics.median(found[load.name + BAO])
        cells = [load.name.format(f"{many:,}"), f"{bao_s * 1e3:,.0f}"]
        for kind in kinds:
            took_s = statistics.median(found[load.name + kind])
            cells += [f"{took_s * 1e3:,.0f}", f"**{bao_s / took_s:.1f}**"]
        rows.append([*cells, str(load.goal)])
    return measure.table(head, rows)


class Waits:
    """Somebody who reads and writes in turn, until told to stop, and notes how long each answer took."""

    def __init__(self, core: "Core | Connection") -> None:
        self.took_s: list[float] = []
        self._ask = asking(core)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "Waits":
        self._thread.start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        for number in count():
            begun = time.perf_counter()
            if number % 2:
                self._ask("POST", "secret/data/beside", data={"number": number})
            else:
                self._ask("GET", "sys/mounts")
            self.took_s.append(time.perf_counter() - begun)
            if self._over.wait(PROBE_S):
                return


def endings(sizes: Sequence[int]) -> str:
    """Measure what it takes to end so many leases, and what others wait; write the table."""
    rows = []
    for many in sizes:
        key = os.urandom(32)
        core = memory_core(key)
        source = fill_leases(asking(core), many)
        for kind in ("sqlite", MEMORY):
            with tempfile.TemporaryDirectory() as folder, served(core, key, kind, Path(folder) / "data") as other:
                rows.append([f"{many:,}", kind, *ending(other, source)])
    head = ["leases", "state", "the move, ms", "the removal, s", "others wait, ms: median", "p99", "most"]
    return measure.table(head, rows)


@contextmanager
def served(core: "Core", key: bytes, kind: str, folder: Path) -> Iterator["Core | Connection"]:
    """Give a core over a copy of a state, or over itself."""
    if kind == MEMORY:
        yield core
        return
    from vaultctl import connect

    save_as(core, key, kind, folder)
    connection = connect.connect_local({"VAULTCTL_DATA_DIR": str(folder), "VAULTCTL_STORAGE": kind})
    yield connection


def ending(core: "Core | Connection", source: str) -> list[str]:
    """Move the mount and remove what is left of its leases while somebody else asks; give the cells of a row."""
    core.advance(0)  # as a server's ticker does each second, be there a job or not
    with Waits(core) as waits:
        time.sleep(20 * PROBE_S)
        waits.took_s.clear()
        begun = time.perf_counter()
        asking(core)("POST", "sys/remount", **{"from": source, "to": "moved"})
        moved_s = time.perf_counter() - begun
        while core.pending():
            core.advance(0)
        removed_s = time.perf_counter() - begun - moved_s
    took_ms = sorted(1e3 * each for each in waits.took_s)
    p99_ms = took_ms[int(len(took_ms) * 0.99)]
    shown = [f"{each:.1f}" for each in (statistics.median(took_ms), p99_ms, took_ms[-1])]
    return [f"{moved_s * 1e3:.0f}", f"{removed_s:.1f}", *shown]


if __name__ == "__main__":
    main()
