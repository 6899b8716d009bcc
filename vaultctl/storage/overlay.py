"""A write: the changes of one transaction over a base that never changes, and never is copied."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from vaultctl.storage.names import found, merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultctl.storage.backend import Snapshot


class Overlay:
    """Ciphertext by name. `changes` holds what differs from the base; None stands for a removed entry."""

    def __init__(self, base: Snapshot | None) -> None:
        """Start without changes; a base of None is a state that is yet to be made."""
        self._base = base
        self.changes: dict[str, bytes | None] = {}
        self._changed: list[str] = []
        """The names in `changes`, in order."""
        self.undo: list[tuple[str, bool, bytes | None]] = []
        """For each change, how it was before: how many they are is a savepoint for `rollback`."""

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None."""
        if name in self.changes:
            return self.changes[name]
        return self._base.get(name) if self._base else None

    def put(self, name: str, blob: bytes | None, /) -> None:
        """Store an entry; None removes one that is there."""
        was_changed = name in self.changes
        self.undo.append((name, was_changed, self.changes.get(name)))
        if not was_changed:
            if self._changed and name < self._changed[-1]:
                insort(self._changed, name)
            else:  # a job goes through the names in order
                self._changed.append(name)
        self.changes[name] = blob

    def delete(self, name: str, /) -> None:
        """Remove an entry if it is there."""
        if self.get(name) is not None:
            self.put(name, None)

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on in byte order."""
        base = self._base.names(start) if self._base else iter(())
        changed = self._changed[bisect_left(self._changed, start) :]
        return merge(base, changed, lambda name: name in self.changes and self.changes[name] is None)

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on, and before `end`."""
        base = self._base
        changed = self._changed[bisect_left(self._changed, start) : bisect_left(self._changed, end)]
        was_there = sum(base.get(name) is not None for name in changed) if base else 0
        is_there = sum(self.changes[name] is not None for name in changed)
        return (base.count(start, end) if base else 0) - was_there + is_there

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on."""
        return found(self.names(start), self.get)

    def heads(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give the same: a head is no cheaper than the whole here."""
        return self.entries(start)

    def changed_below(self, prefix: str) -> bool:
        """Tell whether anything changed whose name begins with the prefix."""
        if not self.changes:
            return False
        index = bisect_left(self._changed, prefix)
        return index < len(self._changed) and self._changed[index].startswith(prefix)

    def first_stored(self, prefix: str) -> str | None:
        """Give the first name that begins with the prefix and was stored."""
        for index in range(bisect_left(self._changed, prefix), len(self._changed)):
            name = self._changed[index]
            if not name.startswith(prefix):
                return None
            if self.changes[name] is not None:
                return name
        return None

    def rollback(self, mark: int) -> None:
        """Undo every change since the savepoint."""
        while len(self.undo) > mark:
            name, was_changed, blob = self.undo.pop()
            if was_changed:
                self.changes[name] = blob
            else:
                del self.changes[name]
                del self._changed[bisect_left(self._changed, name)]
