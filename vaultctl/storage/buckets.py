"""Entries in the order of their names that never change: what is changed gives others, which share the rest with them.

They lie in buckets of some hundred names each. A change copies the buckets that it touches, and the list of them all:
its cost hardly grows with how much there is besides, and nothing large is ever copied or put in order at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

_SIZE = 64
"""A bucket that grew to twice as many is divided into such; smaller ones side by side become one."""


class Bucket:
    """Some entries whose names follow one another. They are put in order for the first who walks them."""

    __slots__ = ("_order", "entries")

    def __init__(self, entries: dict[str, bytes]) -> None:
        self.entries = entries
        self._order: tuple[str, ...] | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """The names in order.

        These are a tuple, which Python's garbage collector does not look into again and again as it does into a list:
        with 400,000 names that would stop everybody for 0.2 s.
        """
        if self._order is None:
            self._order = tuple(sorted(self.entries))
        return self._order


class Buckets:
    """All entries."""

    def __init__(self, buckets: Sequence[Bucket] = (), starts: Sequence[str] = ()) -> None:
        """Take buckets that are in order, none of them empty, and for each where it begins: at a first name, or before.

        What is between the beginnings of two buckets belongs into the first one.
        """
        self._buckets = buckets
        self._starts = starts

    def get(self, name: str) -> bytes | None:
        """Return an entry, or None."""
        index = bisect_right(self._starts, name) - 1
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
        between = sum(len(bucket.entries) for bucket in self._buckets[low:high])
        return max(0, between + self._rank(high, end) - self._rank(low, start))

    def changed(self, changes: Mapping[str, bytes | None]) -> "Buckets":
        """Give the entries as they are after changes; None stands for one that is gone."""
        made, starts, begun = list[Bucket](), list[str](), 0
        for index, names in self._touched(sorted(changes)):
            made += self._buckets[begun:index]
            starts += self._starts[begun:index]
            begun = index + 1
            if self._buckets:
                start, entries = self._starts[index], self._buckets[index].entries.copy()
            else:
                start, entries = names[0], {}
            _change(entries, names, changes)
            _append(made, starts, min(start, names[0]), entries)
        made += self._buckets[begun:]
        starts += self._starts[begun:]
        return Buckets(made, starts)

    def _touched(self, names: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Give the buckets in which names in order lie, or belong."""
        done = 0
        while done < len(names):
            index = self._index(names[done])
            begun, is_last = done, index + 1 >= len(self._starts)
            done = len(names) if is_last else bisect_left(names, self._starts[index + 1], begun)
            yield index, names[begun:done]

    def _index(self, name: str) -> int:
        return max(0, bisect_right(self._starts, name) - 1)

    def _rank(self, index: int, name: str) -> int:
        return bisect_left(self._buckets[index].order, name) if self._buckets else 0


def _change(entries: dict[str, bytes], names: Iterable[str], changes: Mapping[str, bytes | None]) -> None:
    """Make the changes of some names."""
    for name in names:
        blob = changes[name]
        if blob is None:
            entries.pop(name, None)
        else:
            entries[name] = blob


def _append(made: list[Bucket], starts: list[str], start: str, entries: dict[str, bytes]) -> None:
    """Add a bucket behind others: in parts where it is large, to the one before where both are small."""
    if made and len(made[-1].entries) + len(entries) <= _SIZE:
        made[-1] = Bucket(made[-1].entries | entries)
    elif len(entries) >= 2 * _SIZE:
        order = sorted(entries)
        for begun in range(0, len(order), _SIZE):
            part = order[begun : begun + _SIZE]
            made.append(Bucket({name: entries[name] for name in part}))
            starts.append(part[0])
    elif entries:
        made.append(Bucket(entries))
        starts.append(start)
