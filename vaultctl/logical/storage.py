"""What engines, and the layers below them, see of a state: entries by name, in byte order."""

from typing import Protocol

Stored = tuple[int, str, bytes]
"""An entry as it lies there: the number of its row, which a backend without rows does not look at, name and ciphertext.
"""

Replaced = tuple[int, str, bytes, bytes]
"""The same, and the ciphertext that takes its place."""


class Reading(Protocol):
    """The reading half."""

    def get(self, key: str, /) -> bytes | None:
        """Return the entry's value, or None."""
        ...

    def list(self, prefix: str, /, *, after: str = "", limit: int | None = None) -> list[str]:
        """Return what stands directly below `prefix` ("" or ending in a slash), in byte order.

        A name that goes on below is given once, ending in a slash. Only names that sort after `after` are given, and
        at most `limit` of them, so that every backlog and page is a range.
        """
        ...


def scan(storage: Reading, prefix: str) -> list[str]:
    """Return every name below `prefix`, without it: of each folder what stands directly in it, then the last folder.

    Source: OpenBao 2.7, whose scans give names in this order.
    """
    found: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        for name in storage.list(prefix + folder):
            (folders if name.endswith("/") else found).append(folder + name)
    return found


class Storage(Reading, Protocol):
    """Reading and writing, inside one transaction."""

    def put(self, key: str, value: bytes, /, *, seal_wrap: bool = False) -> None:
        """Store the value; `seal_wrap` asks for the seal's own encryption around it."""
        ...

    def delete(self, key: str, /) -> None:
        """Remove the entry if it is there."""
        ...
