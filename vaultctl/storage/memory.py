"""A state that lives as long as the process."""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice

from vaultctl.logical.errors import NoState
from vaultctl.logical.storage import Replaced, Stored
from vaultctl.storage.backend import Integrity, Salvage
from vaultctl.storage.buckets import Buckets
from vaultctl.storage.header import Commit, Header
from vaultctl.storage.names import found, merge

_FOLD = 512
"""Above this many recent changes they go into the buckets, so that a small commit copies none."""


class MemorySnapshot:
    """One generation: buckets that are shared by many, and what changed since."""

    def __init__(self, header: Header, base: Buckets, recent: dict[str, bytes | None]) -> None:
        self.header = header
        self._base = base
        self._recent = recent
        self._recent_order: list[str] | None = None

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None."""
        if name in self._recent:
            return self._recent[name]
        return self._base.get(name)

    def _recent_from(self, start: str) -> list[str]:
        if self._recent_order is None:
            self._recent_order = sorted(self._recent)
        return self._recent_order[bisect_left(self._recent_order, start) :]

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on, and before `end`."""
        total = self._base.count(start, end)
        for name in self._recent_from(start):
            if name >= end:
                break
            total += (self._recent[name] is not None) - (self._base.get(name) is not None)
        return total

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on."""
        base, recent = self._base.names(start), self._recent_from(start)
        return merge(base, recent, self._is_gone) if recent else base

    def _is_gone(self, name: str) -> bool:
        return name in self._recent and self._recent[name] is None

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on."""
        return found(self.names(start), self.get)

    def heads(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on: a head is no cheaper than the whole here."""
        return self.entries(start)

    def verify(self, integrity: Integrity, /) -> None:
        """Nothing outside this process could have written here."""

    def audit(self, integrity: Integrity, /) -> list[str]:
        """Nothing outside this process could have written here."""
        return []

    def after(self, commit: Commit) -> "MemorySnapshot":
        """Give the next generation."""
        recent = {**self._recent, **commit.changes}
        for name, blob in commit.changes.items():
            if blob is None and self._base.get(name) is None:
                del recent[name]  # made and removed again, as most tokens are, before it came into the buckets
        if len(recent) <= _FOLD:
            return MemorySnapshot(commit.header, self._base, recent)
        return MemorySnapshot(commit.header, self._base.changed(recent), {})


class Memory:
    """A backend without a file."""

    kind = "memory"
    location = "memory"

    def __init__(self) -> None:
        """Start with no state."""
        self._newest: MemorySnapshot | None = None
        self._lock = threading.Lock()
        self._waiting = 0
        self._jobs: dict[str, MemoryJobLock] = {}

    def exists(self) -> bool:
        """Tell whether a state was made."""
        return self._newest is not None

    def reader(self) -> AbstractContextManager[MemorySnapshot]:
        """Give the newest generation."""
        if self._newest is None:
            raise NoState("there is no state in memory yet")
        return nullcontext(self._newest)

    def writer(self, *, synced: bool = True) -> "MemoryWriter":
        """Take the lock."""
        return MemoryWriter(self)

    def overwriter(self) -> "MemoryWriter":
        """Take the lock."""
        return self.writer()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all writers out."""
        self.lock()
        try:
            yield
        finally:
            self.unlock()

    def lock(self) -> MemorySnapshot | None:
        """Wait for the lock, and give the newest generation."""
        self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            self._waiting -= 1
        return self._newest

    def unlock(self) -> None:
        """Let the next one have the lock."""
        self._lock.release()

    def is_awaited(self) -> bool:
        """Tell whether a thread waits for the lock."""
        return self._waiting > 0

    def retire(self, path: str, /) -> None:
        """Forget the state: there is no file to rename."""
        self._newest = None

    def salvage(self) -> Salvage:
        """Give all entries."""
        if self._newest is None:
            raise NoState("there is no state in memory yet")
        newest = self._newest
        return Salvage(newest.header, ((name, newest.get(name)) for name in newest.names("")))

    def replace(self, snapshot: MemorySnapshot) -> None:
        """Make this the newest generation. Only a writer calls this, with the lock held."""
        self._newest = snapshot

    def job_lock(self, job_id: str, /) -> "MemoryJobLock | None":
        """Take a job's lock."""
        lock = MemoryJobLock(self._jobs, job_id)
        return lock if self._jobs.setdefault(job_id, lock) is lock else None

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryWriter:
    """A lock over the newest generation, held for as long as the context lasts."""

    def __init__(self, backend: Memory) -> None:
        self._backend = backend
        self.snapshot: MemorySnapshot | None = None

    def __enter__(self) -> "MemoryWriter":
        self.snapshot = self._backend.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.unlock()

    def stored(self, start: str, limit: int, /) -> list[Stored]:
        """Give so many entries from the name `start` on; none has a row."""
        entries = self.snapshot.entries(start) if self.snapshot else iter(())
        return [(0, name, blob) for name, blob in islice(entries, limit)]

    def replace(self, _replaced: Sequence[Replaced], _integrity: Integrity, /) -> bool:
        """Leave it to the commit."""
        return False

    def commit(self, commit: Commit, integrity: Integrity, /) -> None:
        """Make the next generation the newest."""
        base = self.snapshot
        if base is None or commit.whole:
            base = MemorySnapshot(commit.header, Buckets(), {})
        self.snapshot = base.after(commit)
        self._backend.replace(self.snapshot)


class MemoryJobLock:
    """A job's lock among the threads of this process."""

    def __init__(self, taken: "dict[str, MemoryJobLock]", job_id: str) -> None:
        self._taken = taken
        self._job_id = job_id

    def release(self) -> None:
        """Let it go."""
        self._taken.pop(self._job_id, None)
