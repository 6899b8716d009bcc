"""Where tests keep a state: each kind of backend at one place, opened as often as a test wants.

Two backends over one place stand for two processes: they share the file, and nothing in memory.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vaultctl.crypto.barrier import Barrier
from vaultctl.crypto.keyring import new_keyring
from vaultctl.storage.backend import Backend, Snapshot
from vaultctl.storage.header import Commit, Header, next_header
from vaultctl.storage.json_file import json_file
from vaultctl.storage.memory import Memory
from vaultctl.storage.sqlite import Sqlite
from vaultctl.storage.toml_file import toml_file

KINDS = ("memory", "json", "toml", "sqlite")
ON_DISK = ("json", "toml", "sqlite")
TEXT = ("json", "toml")

_OPENERS = {"json": json_file, "toml": toml_file, "sqlite": Sqlite}


class Place:
    """One place of one kind."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.path = folder / f"state.{kind}"
        self.keys = Barrier(new_keyring(os.urandom, "2026-01-01T00:00:00Z"), os.urandom)
        self._memory = Memory()

    def open(self, **options) -> Backend:
        """Give a backend of its own over this place; in memory there is only one."""
        return open_backend(self.kind, str(self.path), **options) if self.kind != "memory" else self._memory

    def commit(self, changes: dict[str, bytes | None], backend: Backend | None = None) -> Header:
        """Commit these changes, and give the header that went with them."""
        with self._using(backend) as used, used.writer() as writer:
            header = next_header(writer.snapshot.header if writer.snapshot else NEW, changes, {})
            writer.commit(Commit(header, changes), self.keys)
        return header

    def read(self, backend: Backend | None = None) -> dict[str, bytes | None]:
        """Verify what is there, and give all of it."""
        with self._using(backend) as used, used.reader() as snapshot:
            snapshot.verify(self.keys)
            return entries(snapshot)

    def damage(self, data: bytes) -> None:
        """Put these bytes in the place of the file, as something other than vaultctl would."""
        for end in ("-wal", "-shm", "-journal", ""):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        self.path.touch(mode=0o600)
        self.path.write_bytes(data)

    @contextmanager
    def _using(self, backend: Backend | None) -> Iterator[Backend]:
        """Take this backend, or one that is closed again, which leaves a database in one file."""
        used = backend or self.open()
        try:
            yield used
        finally:
            if backend is None:
                used.close()


NEW = Header("a-cluster", "2026-01-01T00:00:00Z", 0, {}, {"type": "static", "key_id": "none"}, False, 0, {})
"""The header that comes before a first commit."""


def open_backend(kind: str, path: str, **options) -> Backend:
    """Give a backend over a file."""
    return _OPENERS[kind](path, **options)


def entries(snapshot: Snapshot) -> dict[str, bytes | None]:
    """Give all entries of a snapshot, in its order."""
    return {name: snapshot.get(name) for name in snapshot.names("")}
