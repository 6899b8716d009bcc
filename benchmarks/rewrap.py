"""Measures a rewrap: seal-wrapped entries of 1 KiB brought to a new key of the static seal, beside a bare loop.

The bare loop decrypts and encrypts the same bytes with the same AES-GCM library, and stores nothing. Each round
measures both, one after the other, in one process of its own; memory is that process's peak. Another process reads and
writes meanwhile, and before, for the waiting times.

    python benchmarks/rewrap.py [--entries 100000] [--rounds 3] [--kinds sqlite json]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import measure

if TYPE_CHECKING:
    from vaultctl.connect import Connection

SIZE_B = 1024
IDLE_S = 4.0


class Round(NamedTuple):
    """Entries a second of both, by the clock and by CPU time, and by how much memory the rewrap grew."""

    bare: float
    rewrap: float
    bare_cpu: float
    rewrap_cpu: float
    grew_mib: float
    failed: int


class Waits(NamedTuple):
    """How long each read and each write took, in ms."""

    reads_ms: list[float]
    writes_ms: list[float]


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Measure a rewrap beside a bare loop.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=6, help="how often to look at waiting times, idle and beside one")
    parser.add_argument("--kinds", nargs="+", default=["sqlite", "json"])
    args = parser.parse_args()
    before = measure.load()
    print(f"## A rewrap of {args.entries:,} entries of {SIZE_B} bytes\n")
    rows, waits = [], []
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            apart(fill, str(data), kind, args.entries)
            rounds = [apart(one_round, str(data), kind, args.entries) for _ in range(args.rounds)]
            waits.append([kind, *beside(str(data), kind, args.turns)])
        rows += [_row(kind, number, each) for number, each in enumerate(rounds, 1)]
    print(
        measure.table(["backend", "round", "bare, 1/s", "rewrap, 1/s", "share", "share of CPU time", "MiB more"], rows)
    )
    print("\n## Reads and writes of another process, p99 in ms\n")
    columns = ["backend", "read, idle", "in a rewrap", "write, idle", "in a rewrap", "times", "asked"]
    print(measure.table(columns, waits))
    print(f"\n{before} at the start, {measure.load()} at the end.")


def _row(kind: str, number: int, each: Round) -> list[str]:
    share, of_cpu = each.rewrap / each.bare, each.rewrap_cpu / each.bare_cpu
    failed = f" ({each.failed} failed)" if each.failed else ""
    rates = [f"{each.bare:,.0f}", f"{each.rewrap:,.0f}{failed}", f"{share:.1%}", f"{of_cpu:.1%}"]
    return [kind, str(number), *rates, f"{each.grew_mib:.1f}"]


def apart(work: Callable[..., Any], *args: Any) -> Any:
    """Do it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def environ(data: str, kind: str) -> dict[str, str]:
    """Say which state is meant."""
    return {"VAULTCTL_DATA_DIR": data, "VAULTCTL_STORAGE": kind, "HOME": data}


def connect(data: str, kind: str) -> "Connection":
    """Open the state, as a command does."""
    from vaultctl.connect import connect_local

    return connect_local(environ(data, kind))


def fill(data: str, kind: str, count: int) -> None:
    """Make a state with so many seal-wrapped entries."""
    from vaultctl.client.client import Client

    connection = connect(data, kind)
    Client(connection, token=connection.token).call("POST", "sys/mounts/w", {"type": "kv", "seal_wrap": True})
    with connection._core.sessions.writing() as session:
        mount = session.mounts.at("w/")
        assert mount
        for number in range(count):
            secret = b'{"value":"' + os.urandom(SIZE_B // 2 - 6).hex().encode() + b'"}'
            session.view.put(f"{mount.storage_prefix}data/{number:08d}", secret, seal_wrap=True)
        session.commit()
    connection.close()


def one_round(data: str, kind: str, count: int) -> Round:
    """Measure the bare loop, then rotate the key and measure the rewrap to its end."""
    connection = rotated(data, kind)
    peak_mib, begun, cpu = measure.own_rss_mib(), time.perf_counter(), time.process_time()
    failed = to_the_end(connection)
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    grew_mib = measure.own_rss_mib() - peak_mib
    connection.close()
    bare, bare_cpu = bare_loop(count)
    return Round(bare, count / wall_s, bare_cpu, count / cpu_s, grew_mib, failed)


def bare_loop(count: int) -> tuple[float, float]:
    """Decrypt and encrypt as many blobs of that size; give the rates by the clock and by CPU time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    old, new, bound = AESGCM(os.urandom(32)), AESGCM(os.urandom(32)), b"b" * 80
    nonce = os.urandom(12)
    blobs = [old.encrypt(nonce, os.urandom(SIZE_B), bound) for _ in range(min(count, 20_000))]
    begun, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        new.encrypt(os.urandom(12), old.decrypt(nonce, blobs[number % len(blobs)], bound), bound)
    return count / (time.perf_counter() - begun), count / (time.process_time() - cpu)


def rotated(data: str, kind: str) -> "Connection":
    """Give the state's seal a new key; the rewrap that this begins is still to do."""
    from vaultctl.connect.maintenance import Maintenance

    maintenance = Maintenance(environ(data, kind), tell=print)
    maintenance.rotate_seal_key()
    maintenance.close()
    return connect(data, kind)


def to_the_end(connection: "Connection") -> int:
    """Work on the rewrap until it is done; give how many entries failed."""
    from vaultctl.client import sealwrap
    from vaultctl.client.client import Client

    client = Client(connection, token=connection.token)
    while True:
        worked = connection.advance(5)
        told = sealwrap.status(client)
        if not told["is_running"]:
            return int(told["entries"]["failed"])
        if not worked:
            time.sleep(0.005)  # the other process works on it


def beside(data: str, kind: str, turns: int) -> list[str]:
    """Read and write in one process while none rewraps, and while another one does, in turns: a machine has moods."""
    context, idle, busy = get_context("spawn"), Waits([], []), Waits([], [])
    with context.Manager() as manager, ProcessPoolExecutor(2, mp_context=context) as pool:
        for _ in range(turns):
            over: Any = manager.Event()
            _add(idle, pool.submit(ask, data, kind, over, IDLE_S).result())
            asking = pool.submit(ask, data, kind, over, 0.0)
            pool.submit(rewrap_until_over, data, kind, over).result()
            _add(busy, asking.result())
    pairs = [(_p99(idle.reads_ms), _p99(busy.reads_ms)), (_p99(idle.writes_ms), _p99(busy.writes_ms))]
    waits = [f"{each:.1f}" for pair in pairs for each in pair]
    asked = f"{len(idle.writes_ms):,} / {len(busy.writes_ms):,}"
    return [*waits, f"{pairs[1][1] / pairs[1][0]:.1f}", asked]


def _add(to: Waits, found: Waits) -> None:
    to.reads_ms.extend(found.reads_ms)
    to.writes_ms.extend(found.writes_ms)


def rewrap_until_over(data: str, kind: str, over: Event) -> None:
    """Rewrap all there is."""
    try:
        connection = rotated(data, kind)
        to_the_end(connection)
        connection.close()
    finally:
        over.set()


def ask(data: str, kind: str, over: Event, seconds: float) -> Waits:
    """Write a secret, and read it, over and over, for so long or until it is over."""
    from vaultctl.client.client import Client

    connection = connect(data, kind)
    client = Client(connection, token=connection.token)
    waits, until = Waits([], []), time.monotonic() + seconds
    while (time.monotonic() < until) if seconds else not over.is_set():
        begun = time.perf_counter()
        client.call("POST", "secret/data/bench", {"data": {"number": len(waits.reads_ms)}})
        written = time.perf_counter()
        client.call("GET", "secret/data/bench")
        waits.reads_ms.append((time.perf_counter() - written) * 1e3)
        waits.writes_ms.append((written - begun) * 1e3)
        time.sleep(0.005)
    connection.close()
    return waits


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else max(values, default=0.0)


if __name__ == "__main__":
    main()
