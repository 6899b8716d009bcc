"""Entries in the order of their names that never change: what is changed gives others, which share the rest with them.

They lie in buckets of some hundred names each. A change copies the buckets that it touches, and the list of them all:
its cost hardly grows with how much there is besides, and nothing large is ever copied or put in order at once.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

_SIZE = 64
"""A bucket that grew to twice as many is divided into such; smaller ones side by side become one."""


class Bucket(NamedTuple):
    """Some entries whose names follow one another, and the names in order.

    These are a tuple, which Python's garbage collector does not look into again and again as it does into a list: with
    400,000 names that would stop everybody for 0.2 s.
    """

    entries: dict[str, bytes]
    order: tuple[str, ...]


_NONE = Bucket({}, ())


class Buckets:
    """All entries."""

    def __init__(self, buckets: Sequence[Bucket] = (), firsts: Sequence[str] = ()) -> None:
        """Take buckets that are in order, none of them empty, and the first name of each."""
        self._buckets = buckets
        self._firsts = firsts

    def get(self, name: str) -> bytes | None:
        """Return an entry, or None."""
        index = bisect_right(self._firsts, name) - 1
        return self._buckets[index].entries.get(name) if index >= 0 else None

    def names(self, start: str) -> Iterator[str]:
        """Give all names from `start` on."""
        index = self._index(start)
        for bucket in self._buckets[index : index + 1]:
            yield from bucket.order[bisect_left(bucket.order, start) :]
        for following in range(index + 1, len(self._buckets)):
            yield from self._buckets[following].order

    def count(self, start: str, end: str) -> int:
        """Count the names from `start` on, and before `end`."""
        low, high = self._index(start), self._index(end)
        between = sum(len(bucket.order) for bucket in self._buckets[low:high])
        return max(0, between + self._rank(high, end) - self._rank(low, start))

    def changed(self, changes: Mapping[str, bytes | None]) -> "Buckets":
        """Give the entries as they are after changes; None stands for one that is gone."""
        made, firsts, begun = list[Bucket](), list[str](), 0
        for index, names in self._touched(sorted(changes)):
            made += self._buckets[begun:index]
            firsts += self._firsts[begun:index]
            begun = index + 1
            bucket = self._buckets[index] if self._buckets else _NONE
            _append(made, firsts, _changed(bucket, names, changes))
        made += self._buckets[begun:]
        firsts += self._firsts[begun:]
        return Buckets(made, firsts)

    def _touched(self, names: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Give the buckets in which names in order lie, or belong."""
        done = 0
        while done < len(names):
            index = self._index(names[done])
            begun, is_last = done, index + 1 >= len(self._firsts)
            done = len(names) if is_last else bisect_left(names, self._firsts[index + 1], begun)
            yield index, names[begun:done]

    def _index(self, name: str) -> int:
        return max(0, bisect_right(self._firsts, name) - 1)

    def _rank(self, index: int, name: str) -> int:
        return bisect_left(self._buckets[index].order, name) if self._buckets else 0


def _changed(bucket: Bucket, names: Iterable[str], changes: Mapping[str, bytes | None]) -> Bucket:
    """Give a bucket as it is after the changes of names that come in order: what is behind one to move is little."""
    entries, order = bucket.entries.copy(), list(bucket.order)
    for name in names:
        blob = changes[name]
        if blob is not None:
            if name not in entries:
                insort(order, name)
            entries[name] = blob
        elif entries.pop(name, None) is not None:
            del order[bisect_left(order, name)]
    return Bucket(entries, tuple(order))


def _append(made: list[Bucket], firsts: list[str], bucket: Bucket) -> None:
    """Add a bucket behind others: in parts where it is large, to the one before where both are small."""
    if made and len(made[-1].order) + len(bucket.order) <= _SIZE:
        before = made.pop()
        firsts.pop()
        bucket = Bucket(before.entries | bucket.entries, before.order + bucket.order)
    parts = [bucket] if len(bucket.order) < 2 * _SIZE else list(_divided(bucket))
    made += (part for part in parts if part.order)
    firsts += (part.order[0] for part in parts if part.order)


def _divided(bucket: Bucket) -> Iterator[Bucket]:
    for begun in range(0, len(bucket.order), _SIZE):
        order = bucket.order[begun : begun + _SIZE]
        yield Bucket({name: bucket.entries[name] for name in order}, order)
