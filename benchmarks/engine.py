"""Measures the engine itself: many writes in one process, and whole commands over states that hold much.

Each enable is one durable transaction through the door that the commands use, on each backend in turn. What limits it
is found in a second run by timing the calls on the way, each without what it calls that is timed too; the rest is
Python of the core. Memory has no disk: it shows what the engine takes alone.

Then whole commands, in turn over an empty state, one with all those mounts, and one with many secrets.

    python benchmarks/engine.py [--mounts 1000] [--secrets 10000] [--runs 15] [--profile]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import wraps
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import measure

if TYPE_CHECKING:
    from vaultctl.client.client import Client
    from vaultctl.core.core import Core

P = ParamSpec("P")
R = TypeVar("R")

FILES = {"json": "state.json", "sqlite": "state.sqlite"}
BACKENDS = (*FILES, "memory")
TOKEN = "s.benchmark"
REST = "the rest of the engine"
STOPWATCH = "the stopwatch itself"
COMMANDS = {
    "secrets list": ("secrets", "list"),
    "kv get": ("kv", "get", "secret/bench"),
    "kv put": ("kv", "put", "secret/bench", "password=1"),
}


class Place:
    """Where time goes: the seconds, without timed calls inside, and the number of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0


class Enables(NamedTuple):
    """What the enables took: each one's seconds, and all CPU seconds."""

    each_s: list[float]
    cpu_s: float


class Spent(NamedTuple):
    """Where the enables' seconds went; the first are each one's."""

    each_s: list[float]
    places_s: Mapping[str, float]


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Measure the engine in one process, and commands over large states.")
    parser.add_argument("--mounts", type=int, default=1000)
    parser.add_argument("--secrets", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--vaultctl", type=Path, default=measure.VAULTCTL)
    parser.add_argument("--profile", action="store_true", help="print the profile of each backend's enables, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), measure.load()
        plain = {kind: apart(just_enable, kind, folder / f"mounts-{kind}", args.mounts) for kind in BACKENDS}
        timed = {kind: apart(time_enables, kind, folder / f"timed-{kind}", args.mounts) for kind in BACKENDS}
        print(f"## {args.mounts} enables in one process\n")
        print(f"One durable transaction each; {before} at the start, {measure.load()} at the end.\n")
        print(rates(plain))
        print(limits(timed))
        if args.profile:
            for kind in BACKENDS:
                print(f"### {kind}\n\n```\n{apart(profile, kind, folder / f'profile-{kind}', args.mounts)}```\n")
        print(f"## Commands over large states\n\nMedian of {args.runs} runs of the whole process.\n")
        apart(fill_secrets, {kind: folder / f"secrets-{kind}" for kind in FILES}, args.secrets)
        states = {"empty": "empty", f"{args.mounts} mounts": "mounts", f"{args.secrets} secrets": "secrets"}
        places = {(title, kind): folder / f"{name}-{kind}" for title, name in states.items() for kind in FILES}
        print(commands(places, args.vaultctl, folder, args.runs))
        print(f"{measure.load()} at the end; peak memory below {measure.own_rss_mib():.0f} MiB cannot be seen.\n")


def apart(work: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
    """Do it in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **options).result()


def enable_many(client: "Client", count: int) -> Enables:
    """Enable so many engines."""
    from vaultctl.client import sys

    each_s, cpu_before_s = [], time.process_time()
    for number in range(count):
        begun = time.perf_counter()
        sys.enable(client, f"bench-{number}", {"type": "kv"})
        each_s.append(time.perf_counter() - begun)
    return Enables(each_s, time.process_time() - cpu_before_s)


def just_enable(kind: str, folder: Path, count: int) -> Enables:
    """Enable so many engines in a new state."""
    return enable_many(open_client(kind, folder), count)


def time_enables(kind: str, folder: Path, count: int) -> Spent:
    """Enable so many engines in a new state under the stopwatch, and take its own time for what it is."""
    client, stopwatch_s = open_client(kind, folder), overhead_s()
    places = watch()
    each_s = enable_many(client, count).each_s
    places_s = {title: place.seconds for title, place in places.items()}
    places_s[STOPWATCH] = stopwatch_s * sum(place.calls for place in places.values())
    return Spent(each_s, places_s)


def profile(kind: str, folder: Path, count: int) -> str:
    """Enable so many engines in a new state; give the functions that took longest by themselves."""
    import cProfile
    import io
    import pstats

    client, recorder, text = open_client(kind, folder), cProfile.Profile(), io.StringIO()
    recorder.runcall(enable_many, client, count)
    pstats.Stats(recorder, stream=text).strip_dirs().sort_stats("tottime").print_stats(20)
    return text.getvalue()


def open_client(kind: str, folder: Path) -> "Client":
    """Make a state, as the first use makes it, and give the verbs over it."""
    from vaultctl import connect
    from vaultctl.client.client import Client

    if kind == "memory":
        return Client(memory_core(os.urandom(32)), token=TOKEN)
    connection = connect.connect({"VAULTCTL_DATA_DIR": str(folder), "VAULTCTL_STORAGE": kind}, local_only=True)
    return Client(connection, token=connection.token)


def memory_core(key: bytes) -> "Core":
    """Make a state in memory, sealed with this key."""
    from vaultctl.core import bootstrap, mounts
    from vaultctl.core.core import Core
    from vaultctl.core.state import State
    from vaultctl.crypto.seals.static import StaticSeal
    from vaultctl.storage.memory import Memory

    seal, now_s = StaticSeal(key, os.urandom), int(time.time())
    state = State(Memory(), lambda _header: seal, random=os.urandom, now=lambda: "2026-01-01T00:00:00Z")
    cluster_id = mounts.new_uuid(os.urandom)
    state.initialise(cluster_id, lambda: seal, lambda it: bootstrap.fill(it, TOKEN, os.urandom, now_s))
    return Core(state)


def fill_secrets(folders: Mapping[str, Path], count: int) -> None:
    """Write so many secrets in memory, and save the state with its key and token as each of these backends."""
    from vaultctl.client import kv
    from vaultctl.client.client import Client

    key = os.urandom(32)
    core = memory_core(key)
    client = Client(core, token=TOKEN)
    for number in range(count):
        place = kv.Place("secret/", 2, f"team-{number % 100}/app-{number}")
        kv.put(client, place, {"user": "app", "password": f"correct horse {number}"})
    for kind, folder in folders.items():
        save_as(core, key, kind, folder)


def save_as(core: "Core", key: bytes, kind: str, folder: Path) -> None:
    """Make a data folder of a state in memory."""
    from vaultctl.connect import keys, local
    from vaultctl.core import maintenance
    from vaultctl.crypto.seals import static

    folder.mkdir(mode=0o700)
    for name, data in ((keys.SEAL_KEY, static.write_key(key)), (keys.ROOT_TOKEN, TOKEN.encode())):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(data)
    backend = local.open_backend(kind, str(folder / FILES[kind]), 60.0, lambda line: print(line, file=sys.stderr))
    maintenance.save(core.state, backend)


def watch() -> dict[str, Place]:
    """Time the calls that may matter, from now on; give the places, whose figures grow with each call."""
    import json

    from vaultctl.core.mounts import MountTable
    from vaultctl.crypto.barrier import Barrier
    from vaultctl.storage import sqlite_connection
    from vaultctl.storage.files import Files
    from vaultctl.storage.lock import FileLock
    from vaultctl.storage.text_file import TextFile

    watched: dict[str, tuple[tuple[Any, tuple[str, ...]], ...]] = {
        "fsync of the file": ((Files, ("sync",)),),
        "fsync of the folder": ((Files, ("sync_folder",)),),
        "create, write, rename": ((Files, ("create", "write", "replace", "remove", "make_folder")),),
        "close, which frees the old file": ((os, ("close",)),),
        "the lock": ((FileLock, ("acquire", "release")),),
        "the file's lines": ((TextFile, ("write",)),),
        "SQL": ((sqlite_connection._Connection, ("execute",)),),
        "encryption of entries": ((Barrier, ("__init__", "encrypt", "decrypt")),),
        "MAC, digest": ((Barrier, ("mac", "is_authentic", "fingerprint", "hide", "reveal")),),
        "json": ((json, ("dumps", "loads")),),
        "the mount table": ((MountTable, ("replaced", "conflicting")),),
    }
    places = {title: Place() for title in watched}
    commit = places["SQLite's COMMIT"] = Place()
    stack = [0.0]
    for title, owners in watched.items():
        for owner, names in owners:
            for name in names:
                setattr(owner, name, timed(getattr(owner, name), places[title], commit, stack))
    return places


def timed(call: Callable[P, R], place: Place, commit: Place, stack: list[float]) -> Callable[P, R]:
    """Give the call so that its time, less that of timed calls inside it, is added to its place."""

    @wraps(call)
    def wrapper(*args: P.args, **options: P.kwargs) -> R:
        stack.append(0.0)
        begun = time.perf_counter()
        try:
            return call(*args, **options)
        finally:
            took_s = time.perf_counter() - begun
            there = commit if args[1:] == ("COMMIT",) else place
            there.seconds += took_s - stack.pop()
            there.calls += 1
            stack[-1] += took_s

    return wrapper


def overhead_s(calls: int = 20_000) -> float:
    """Give the time that the stopwatch adds to one call."""
    plain = os.getpid
    watched = timed(plain, Place(), Place(), [0.0])
    took_s = []
    for call in (plain, watched):
        begun = time.perf_counter()
        for _ in range(calls):
            call()
        took_s.append(time.perf_counter() - begun)
    return (took_s[1] - took_s[0]) / calls


def rates(plain: Mapping[str, Enables]) -> str:
    """Write the table of enables per second."""
    rows = []
    for kind, (each_s, cpu_s) in plain.items():
        tenth = max(len(each_s) // 10, 1)
        cells = [f"{len(part) / sum(part):.0f}" for part in (each_s, each_s[:tenth], each_s[-tenth:])]
        rows.append([kind, *cells, f"{statistics.median(each_s) * 1e3:.2f}", f"{cpu_s / len(each_s) * 1e3:.2f}"])
    return measure.table(("backend", "enables/s", "first tenth", "last tenth", "median ms", "CPU ms each"), rows)


def limits(timed: Mapping[str, Spent]) -> str:
    """Write the table of where the time goes."""
    shares = {kind: dict(spent.places_s) for kind, spent in timed.items()}
    for kind, spent in timed.items():
        shares[kind][REST] = sum(spent.each_s) - sum(spent.places_s.values())
        shares[kind]["**all**"] = sum(spent.each_s)
    rows = []
    for place in next(iter(shares.values())):
        cells = [place]
        for kind, spent in timed.items():
            seconds = shares[kind][place]
            cells.append(
                f"{seconds / len(spent.each_s) * 1e3:.2f} ({seconds / sum(spent.each_s):.0%})" if seconds else ""
            )
        rows.append(cells)
    return measure.table(("ms an enable", *shares), rows)


def commands(places: Mapping[tuple[str, str], Path], vaultctl: Path, home: Path, runs: int) -> str:
    """Run the commands over each of the states, in turn, and write the table."""
    envs = {
        (title, kind): measure.clean_env(home, VAULTCTL_DATA_DIR=str(folder), VAULTCTL_STORAGE=kind)
        for (title, kind), folder in places.items()
    }
    costs: dict[tuple[tuple[str, str], str], list[measure.Cost]] = {}
    for env in envs.values():
        measure.run([vaultctl, *COMMANDS["kv put"]], env)
    for _ in range(runs):
        for name, words in COMMANDS.items():
            for key, env in envs.items():
                costs.setdefault((key, name), []).append(measure.run([vaultctl, *words], env))
    head = ["state", "backend", "MiB on disk", *(f"`{name}` ms" for name in COMMANDS), "`secrets list` peak MiB"]
    rows = []
    for (title, kind), folder in places.items():
        size_mib = (folder / FILES[kind]).stat().st_size / 2**20
        medians = [measure.median(costs[(title, kind), name]) for name in COMMANDS]
        cells = [title, kind, f"{size_mib:.2f}", *(f"{cost.wall_ms:.1f}" for cost in medians)]
        rows.append([*cells, f"{medians[0].rss_mib:.1f}"])
    return measure.table(head, rows)


if __name__ == "__main__":
    main()
