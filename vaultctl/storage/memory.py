"""A state that lives as long as the process."""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import islice
from typing import NamedTuple

from vaultctl.logical.errors import NoState
from vaultctl.logical.storage import Replaced, Stored
from vaultctl.storage.backend import Integrity, Salvage
from vaultctl.storage.header import Commit, Header
from vaultctl.storage.names import found, merge

_FOLD = 512
"""Above this many recent changes they become a layer of their own, so that a commit costs no copy of the whole."""

_GROWTH = 4
"""A layer is joined with the one below it where that is not so many times as large."""


class Layer(NamedTuple):
    """Entries that lie over those of the layers below; None stands for one that is gone. `order` is their names."""

    entries: Mapping[str, bytes | None]
    order: list[str]


class MemorySnapshot:
    """One generation: layers that are shared by many, the largest first, and what changed since.

    So what a commit costs grows with the logarithm of what the state holds.
    """

    def __init__(self, header: Header, layers: tuple[Layer, ...], recent: dict[str, bytes | None]) -> None:
        self.header = header
        self._layers = layers
        self._recent = recent
        self._recent_order: list[str] | None = None

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None."""
        if name in self._recent:
            return self._recent[name]
        for layer in reversed(self._layers):
            if name in layer.entries:
                return layer.entries[name]
        return None

    def _all_layers(self) -> tuple[Layer, ...]:
        if self._recent_order is None:
            self._recent_order = sorted(self._recent)
        return (*self._layers, Layer(self._recent, self._recent_order))

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on, and before `end`: only those of the largest layer are not looked at."""
        layers, total = self._all_layers(), 0
        for depth, layer in enumerate(layers):
            low, high = bisect_left(layer.order, start), bisect_left(layer.order, end)
            if self._layers and not depth:  # nothing is gone in it
                total = high - low
                continue
            below = layers[:depth]
            for name in layer.order[low:high]:
                total += (layer.entries[name] is not None) - _is_there(below, name)
        return total

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on."""
        walk: Iterator[str] = iter(())
        for layer in self._all_layers():
            own = _from(layer.order, start)
            walk = merge(walk, own, partial(_is_gone, layer.entries)) if layer is not self._layers[0] else own
        return walk

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
        if len(recent) <= _FOLD:
            return MemorySnapshot(commit.header, self._layers, recent)
        return MemorySnapshot(commit.header, _with_layer(self._layers, Layer(recent, sorted(recent))), {})


def _from(order: list[str], start: str) -> Iterator[str]:
    """Give the names from `start` on; `islice` would walk over all that come before."""
    return map(order.__getitem__, range(bisect_left(order, start), len(order)))


def _is_there(layers: Sequence[Layer], name: str) -> bool:
    """Tell whether a name is there as these layers have it, the last on top."""
    for layer in reversed(layers):
        if name in layer.entries:
            return layer.entries[name] is not None
    return False


def _is_gone(entries: Mapping[str, bytes | None], name: str) -> bool:
    return name in entries and entries[name] is None


def _with_layer(layers: tuple[Layer, ...], top: Layer) -> tuple[Layer, ...]:
    """Put a layer on top, and join it with those below that are not much larger."""
    below = list(layers)
    while below and len(below[-1].entries) < _GROWTH * len(top.entries):
        top = _joined(below.pop(), top)
    if below:
        return (*below, top)
    entries = {name: blob for name, blob in top.entries.items() if blob is not None}
    order = top.order if len(entries) == len(top.order) else [name for name in top.order if name in entries]
    return (Layer(entries, order),)


def _joined(lower: Layer, upper: Layer) -> Layer:
    """Make one layer of two; to sort two ordered runs is to merge them."""
    order = [*lower.order, *(name for name in upper.order if name not in lower.entries)]
    order.sort()
    return Layer({**lower.entries, **upper.entries}, order)


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

    @contextmanager
    def writer(self, *, synced: bool = True) -> Iterator["MemoryWriter"]:
        """Take the lock."""
        with self.locked():
            yield MemoryWriter(self, self._newest)

    def overwriter(self) -> AbstractContextManager["MemoryWriter"]:
        """Take the lock."""
        return self.writer()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all writers out."""
        self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    def is_awaited(self) -> bool:
        """Tell whether a thread waits for the lock."""
        return self._waiting > 0

    def settle(self) -> None:
        """Do nothing: nothing was put off."""

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
    """A held lock over the newest generation."""

    def __init__(self, backend: Memory, snapshot: MemorySnapshot | None) -> None:
        self._backend = backend
        self.snapshot = snapshot

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
            base = MemorySnapshot(commit.header, (Layer({}, []),), {})
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
