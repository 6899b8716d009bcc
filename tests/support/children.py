"""Programs that tests run in other processes, as `python -m support.children PROGRAM KIND PATH …`.

What a program prints was answered by the state before.
"""

import os
import signal
import sqlite3
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from support import endings
from support.migrating import Folder, step, turn_key
from support.places import open_backend
from support.seals import Module
from support.states import ROOT_TOKEN, initialise, make_state, open_core, open_state, values, write
from vaultctl.cli import main
from vaultctl.connect import remote, serving
from vaultctl.connect.dev import Dev, dev
from vaultctl.connect.maintenance import Maintenance
from vaultctl.core.core import Core
from vaultctl.http import server
from vaultctl.logical.errors import InvalidRequest, StateUnavailable
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage import files
from vaultctl.storage.files import Files
from vaultctl.storage.json_file import JsonSyntax
from vaultctl.storage.sqlite import Sqlite
from vaultctl.storage.text_file import TextFile

_CALLS = ("create", "write", "sync", "replace", "sync_folder", "remove")


def hold_lock(kind: str, path: str) -> None:
    """Hold the lock on a state until stdin ends."""
    with open_backend(kind, path).writer():
        _answer("held")
        sys.stdin.read()


def hold_job_lock(kind: str, path: str, job_id: str) -> None:
    """Hold the lock on a job until stdin ends, and do not release it then."""
    lock = open_backend(kind, path).job_lock(job_id)
    _answer("held" if lock else "taken")
    sys.stdin.read()


def make(kind: str, path: str) -> None:
    """Make a state, when told to, unless another process was faster."""
    state = open_state(open_backend(kind, path))
    _await_go()
    _answer(str(initialise(state)))


def write_on(kind: str, path: str, first: str) -> None:
    """Store one numbered secret after the other, for ever."""
    core = open_core(open_backend(kind, path))
    for number in count(int(first)):
        core.handle(
            Request(Operation.UPDATE, f"secret/data/{number}", data={"data": {"number": number}}, token=ROOT_TOKEN)
        )
        _answer(str(number))


def read_mounts(kind: str, path: str, times: str) -> None:
    """Read the mounts so many times; then tell of it."""
    core = open_core(open_backend(kind, path))
    _await_go()
    for _ in range(int(times)):
        core.handle(Request(Operation.READ, "sys/mounts", token=ROOT_TOKEN))
    _answer("read")


def read_mounts_for_ever(kind: str, path: str) -> None:
    """Read the mounts for ever, and tell of it once it began."""
    core = open_core(open_backend(kind, path))
    for number in count():
        core.handle(Request(Operation.READ, "sys/mounts", token=ROOT_TOKEN))
        if not number:
            _answer("reading")


def step_jobs(kind: str, path: str) -> None:
    """Step the jobs that are there, one step at a time, and tell of each."""
    core = open_core(open_backend(kind, path))
    while core.advance(0):
        _answer("stepped")


def move_on(kind: str, path: str) -> None:
    """Move a mount with its policies to and fro, for ever, and tell where it is."""
    core = open_core(open_backend(kind, path))
    while True:
        mounts = core.handle(Request(Operation.READ, "sys/mounts", token=ROOT_TOKEN)).data or {}
        source, target = ("a/", "b/c/") if "a/" in mounts else ("b/c/", "a/")
        data = {"from": source, "to": target, "rewrite_policies": True}
        core.handle(Request(Operation.UPDATE, "sys/remount", data=data, token=ROOT_TOKEN))
        while core.advance(1):
            pass
        _answer(target)


def step_a_rewrap(kind: str, path: str, module: str) -> None:
    """Step a rewrap under seals whose keys are in a folder, one step at a time, and tell of each."""
    core = Module(Path(module)).open(open_backend(kind, path), monotonic_s=count().__next__)
    while core.advance(0):
        _answer("stepped")


def rotate_seal_key(_kind: str, data_dir: str, last: str, storage: str) -> None:
    """Rotate the key of the static seal, and be killed at the nth call that reaches the disk; print how many."""
    calls = _die_at_call(int(last))
    maintenance = Maintenance({"VAULTCTL_DATA_DIR": data_dir, "VAULTCTL_STORAGE": storage}, tell=_answer)
    maintenance.rotate_seal_key()
    maintenance.close()
    _answer(str(next(calls) - 1))


def migrate_seal(_kind: str, data_dir: str, storage: str, shares: str, seal: str, last: str, *environ: str) -> None:
    """Migrate to another seal, and be killed at the nth call that reaches the disk, or SQL; print how many."""
    folder = _folder(data_dir, storage, shares, environ)
    calls = _die_at_call(int(last))
    step(folder, seal, _answer)
    _answer(str(next(calls) - 1))


def migrate_on(_kind: str, data_dir: str, storage: str, shares: str, *environ: str) -> None:
    """Migrate from seal to seal for ever, and rotate the key of each that has one; tell of each step."""
    folder, order = _folder(data_dir, storage, shares, environ), ("static", "shamir", "pkcs11", "transit")
    connection = folder.open()
    while connection.advance(0):
        _answer("stepped")
    connection.close()
    while True:
        step(folder, order[(order.index(folder.seal) + 1) % len(order)], _answer)
        if folder.seal != "shamir":
            turn_key(folder, _answer)


def _folder(data_dir: str, storage: str, shares: str, environ: tuple[str, ...]) -> Folder:
    folder = Folder(Path(data_dir), storage, dict(pair.split("=", 1) for pair in environ))
    folder.shares = Path(shares)
    return folder


def _die_at_call(last: int) -> Iterator[int]:
    """Be killed at the nth call that reaches the disk; give what counts them."""
    calls = count(1)

    def deadly(name: str) -> Callable[..., Any]:
        def call(self: files.Files, *args: Any) -> Any:
            if next(calls) == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return getattr(super(type(self), self), name)(*args)

        return call

    names = ("make_folder", "create", "write", "sync", "replace", "link", "sync_folder", "remove")
    files.Files = type("Deadly", (files.Files,), {name: deadly(name) for name in names})  # type: ignore[misc]
    plain = Sqlite._connect

    def connected(self: Sqlite) -> sqlite3.Connection:
        connection = plain(self)

        def seen(_sql: str) -> None:
            if next(calls) == last:
                os.kill(os.getpid(), signal.SIGKILL)

        connection.set_trace_callback(seen)
        return connection

    Sqlite._connect = connected  # type: ignore[method-assign]
    return calls


def unwrap_together(kind: str, path: str, threads: str, *tokens: str) -> None:
    """Unwrap each of some tokens, from many threads at the same moment; tell how many of them got what."""
    core = open_core(open_backend(kind, path))
    _await_go()
    with ThreadPoolExecutor(int(threads)) as pool:
        for token in tokens:
            asked = [pool.submit(_unwrapped, core, token) for _ in range(int(threads))]
            got = [each.result() for each in asked if each.result()]
            _answer(f"{len(got)} {' '.join(got)}".strip())


def unwrap_on(kind: str, path: str, *tokens: str) -> None:
    """Unwrap one token after the other, and tell of each what it held."""
    core = open_core(open_backend(kind, path))
    for token in tokens:
        _answer(_unwrapped(core, token))


def _unwrapped(core: Core, token: str) -> str:
    """Give what a token held, or "" where another was faster."""
    try:
        answer = core.handle(Request(Operation.UPDATE, "sys/wrapping/unwrap", data={"token": token}, token=ROOT_TOKEN))
    except InvalidRequest:
        return ""
    return str((answer.data or {})["number"])


def mutate(kind: str, path: str, name: str, times: str) -> None:
    """When told to, store entries of its own, and add one to a counter that all processes share, so many times."""
    state = open_state(open_backend(kind, path))
    _await_go()
    for number in range(int(times)):
        with state.writer() as transaction:
            counted = int(transaction.get("core/test/counter") or 0)
            transaction.put("core/test/counter", str(counted + 1).encode())
            transaction.put(f"core/test/{name}/{number:04d}", name.encode())
            transaction.commit()


def read_only(kind: str, path: str) -> None:
    """As the owner of a state, whoever runs this, print one of its values, and what comes of changing it."""
    import urllib.parse  # noqa: F401 - the owner may not get at the library any more

    from vaultctl.storage import lock  # noqa: F401 - nor at this

    os.setuid(os.stat(path).st_uid)
    state = open_state(open_backend(kind, path))
    _answer(values(state)["core/test/a"].decode())
    try:
        write(state, {"core/test/a": b"changed"})
    except StateUnavailable as error:
        _answer(error.hint)


def die_at(_kind: str, path: str, statement: str) -> None:
    """Make a change in an SQLite state, and be killed at the nth SQL statement; print how many there were."""
    backend = _Deadly(path, int(statement))
    write(make_state(backend), {"core/test/a": b"new", "core/test/gone": None, "core/test/made": b"made"})
    backend.close()
    _answer(str(backend.statements))


def end_and_die(kind: str, path: str, site: str, type_: str, ending: str, last: str) -> None:
    """End all that a mount gave, and be killed at the nth call that reaches the disk; print how many there were."""
    endings.find_lender(site)
    backend: _Deadly | _DeadlyJson = (_Deadly if kind == "sqlite" else _DeadlyJson)(path, int(last))
    endings.end_all(endings.slow_core(backend), type_, ending)
    _answer(str(backend.calls))


class _DeadlyFiles(Files):
    """Kills its process when it is about to make its nth call."""

    def __init__(self, last: int) -> None:
        self.calls = 0
        self._last = last

    def __getattribute__(self, name: str) -> Any:
        """Count the calls of the operating system."""
        if name in _CALLS:
            self.calls += 1
            if self.calls == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


class _DeadlyJson(TextFile):
    """A state in JSON over such files."""

    def __init__(self, path: str, last: int) -> None:
        self._deadly = _DeadlyFiles(last)
        super().__init__(path, JsonSyntax(), seam=self._deadly)

    @property
    def calls(self) -> int:
        """Count the calls that were made."""
        return self._deadly.calls


class _Deadly(Sqlite):
    """Kills its process when it is about to run its nth statement."""

    def __init__(self, path: str, last: int) -> None:
        super().__init__(path)
        self.statements = 0
        self._last = last

    @property
    def calls(self) -> int:
        """Count the statements that were run."""
        return self.statements

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.set_trace_callback(self._count)
        return connection

    def _count(self, _sql: str) -> None:
        self.statements += 1
        if self.statements == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def init_die_at(number: str, *flags: str) -> None:
    """Run `operator init`, and die at the nth call by which something reaches the disk."""
    left = int(number)

    def dying(call: Any) -> Any:
        def called(*args: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)

        return called

    for name in ("make_folder", "create", "write", "sync", "replace", "link", "sync_folder", "remove"):
        setattr(files.Files, name, dying(getattr(files.Files, name)))
    sys.exit(main.run(["operator", "init", "-format=json", *flags]))


def serve_dev(port: str) -> None:
    """Serve a state in memory, as `server -dev` does; each line on stdin puts a new one in its place."""
    door = _Renewed()
    listener = serving.Listener(f"127.0.0.1:{port}")
    threading.Thread(target=door.renew_by_line, daemon=True).start()
    serving.serve(Dev(door, ROOT_TOKEN, b""), listener, started=lambda: _answer("ready"), log=None, complain=_answer)


def serve_proxy(port: str, address: str) -> None:
    """Serve what answers at an address: a server over a remote door; it ends with stdin."""
    door = remote.connect({}, address, remote.NO_FLAGS)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    manners = server.Manners(writers=8, complain=_answer)
    server.serve(door, server.Options("127.0.0.1", int(port), manners=manners, started=lambda: _answer("ready")))


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


class _Renewed:
    """A door to the newest state in memory."""

    def __init__(self) -> None:
        self._core = dev(ROOT_TOKEN).core

    def handle(self, request: Request) -> Response:
        """Ask the newest."""
        return self._core.handle(request)

    def advance(self, seconds: float) -> bool:
        """Work on the newest one's jobs."""
        return self._core.advance(seconds)

    def renew_by_line(self) -> None:
        """Begin anew with every line, and end with the last."""
        for _line in sys.stdin:
            made = dev(ROOT_TOKEN)
            self._core = made.core
            _answer(f"new {b64encode(made.unseal_key).decode()}")
        os.kill(os.getpid(), signal.SIGTERM)


def _await_go() -> None:
    _answer("ready")
    sys.stdin.readline()


def _answer(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
