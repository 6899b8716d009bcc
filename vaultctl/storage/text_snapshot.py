"""One generation of a state that is a text file: its bytes, and how they are read.

A name is looked up by halving the bytes, and only the lines that are touched are decoded. What a file syntax adds is a
`Syntax`. The bytes are drawn in docs/state-format.md.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Protocol

from vaultctl.logical.errors import IntegrityError
from vaultctl.logical.json_text import base64_text
from vaultctl.storage.header import HEAD_B, RESTORE, Header, from_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultctl.storage.backend import Integrity


class Parts:
    """A file taken apart: the header's text, where the entries' lines begin and end, and the MAC.

    The MAC covers all bytes before `end_b`, and is written there.
    """

    __slots__ = ("begin_b", "end_b", "head", "tag")

    def __init__(self, head: bytes, begin_b: int, end_b: int, tag: str) -> None:
        self.head = head
        self.begin_b = begin_b
        self.end_b = end_b
        self.tag = tag


class Syntax(Protocol):
    """How a file syntax writes the parts. An entry's line ends with a newline, and holds no other."""

    kind: str
    large: int
    """Above this many entries another backend serves better."""

    def split(self, data: bytes) -> Parts:
        """Take a file apart. Raises: ValueError where it is not in this syntax."""
        ...

    def rough_split(self, data: bytes) -> tuple[bytes, list[bytes]]:
        """Take what may be a damaged file apart: the header's text, and lines of which some may be entries."""
        ...

    def opening(self, head: bytes) -> bytes:
        """Write all that stands before the first entry."""
        ...

    def tail(self, tag: str) -> bytes:
        """Write the MAC."""
        ...

    def write_head(self, header: Header) -> bytes:
        """Write the header."""
        ...

    def read_head(self, head: bytes) -> object:
        """Read the header's record. Raises: ValueError."""
        ...

    def entry(self, name: str, text: str) -> bytes:
        """Write one entry's line, with its newline."""
        ...

    def name_of(self, line: bytes) -> str:
        """Read the name in an entry's line, of which only the beginning may be given. Raises: ValueError."""
        ...

    def text_of(self, line: bytes) -> bytes:
        """Read the value in an entry's line, given without its newline. Raises: ValueError."""
        ...


def end_of_name(line: bytes, mark: bytes) -> int:
    """Find the quote that ends the name, and begins the mark between it and the value. Raises: ValueError.

    The name's own quotes are escaped, so it is the first such quote with an even number of backslashes before it.
    """
    end = line.index(mark)
    while (end - len(line[:end].rstrip(b"\\"))) % 2:
        end = line.index(mark, end + 1)
    return end


_HEAD_B = 4096
"""So much of a line is looked at for its name before the rest is, which may be many megabytes."""

_HEAD_TEXT_B = (HEAD_B + 2) // 3 * 4
"""So many characters of base64 hold the head of a ciphertext."""

_LOOKS = 32
"""After so many searches a snapshot notes where its lines begin, and need not look for that again."""


class TextSnapshot:
    """One generation of a text file."""

    def __init__(self, syntax: Syntax, location: str, data: bytes, parts: Parts, header: Header) -> None:
        """Hold a file's bytes, and where its parts are."""
        self._syntax = syntax
        self._location = location
        self._parts = parts
        self.data = data
        self.header = header
        self._looks = 0
        self._begins: list[int] = []

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None. Raises: IntegrityError."""
        begin_b, end_b = self.place(name)
        return self._blob(name, self.data[begin_b : end_b - 1]) if begin_b < end_b else None

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on."""
        return (self._name(*line) for line in self._lines(start))

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on, and before `end`."""
        return self.data.count(b"\n", self.place(start)[0], self.place(end)[0])

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on."""
        for begin_b, end_b in self._lines(start):
            name = self._name(begin_b, end_b)
            yield name, self._blob(name, self.data[begin_b:end_b])

    def heads(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on, with the first bytes of each."""
        for begin_b, end_b in self._lines(start):
            name = self._name(begin_b, end_b)
            yield name, self._head(name, self.data[begin_b:end_b])

    @property
    def entry_count(self) -> int:
        """Count the entries."""
        return self.data.count(b"\n", self._parts.begin_b, self._parts.end_b)

    def place(self, name: str) -> tuple[int, int]:
        """Give where the entry's line begins and ends; the two are the same where it would be put."""
        if self._looks >= _LOOKS:
            return self._place_among_begins(name)
        self._looks += 1
        low, high = self._parts.begin_b, self._parts.end_b
        while low < high:
            middle = (low + high) // 2
            begin_b = self.data.rfind(b"\n", low, middle) + 1 or low
            end_b = self.data.index(b"\n", middle) + 1
            found = self._name(begin_b, end_b - 1)
            if found == name:
                return begin_b, end_b
            low, high = (end_b, high) if found < name else (low, begin_b)
        return low, low

    def _place_among_begins(self, name: str) -> tuple[int, int]:
        begins = self._begins or self._note_begins()
        low, high = 0, len(begins) - 1
        while low < high:
            middle = (low + high) // 2
            found = self._name(begins[middle], begins[middle + 1] - 1)
            if found == name:
                return begins[middle], begins[middle + 1]
            low, high = (middle + 1, high) if found < name else (low, middle)
        return begins[low], begins[low]

    def _note_begins(self) -> list[int]:
        """Note where each line begins, and where the last one ends."""
        position = self._parts.begin_b
        while position < self._parts.end_b:
            self._begins.append(position)
            position = self.data.index(b"\n", position) + 1
        self._begins.append(self._parts.end_b)
        return self._begins

    def body(self, begin_b: int | None = None, end_b: int | None = None) -> memoryview:
        """Give a stretch of the entries' lines; by default from the first, and to the last."""
        begin_b = self._parts.begin_b if begin_b is None else begin_b
        return memoryview(self.data)[begin_b : self._parts.end_b if end_b is None else end_b]

    def verify(self, integrity: Integrity, /) -> None:
        """Check the MAC over the whole file."""
        end_b = self._parts.end_b
        try:
            tag = binascii.a2b_base64(self._parts.tag, strict_mode=True)
        except ValueError:
            tag = b""
        # Base64 has spare bits at its end: only the one way in which the tag is written is the right one.
        written = self._syntax.tail(base64_text(tag))
        if self.data[end_b:] != written or not integrity.is_authentic(memoryview(self.data)[:end_b], tag):
            raise IntegrityError(f"{self._location} is not what vaultctl wrote: its MAC does not match", hint=RESTORE)

    def audit(self, integrity: Integrity, /) -> list[str]:
        """The MAC says it all."""
        try:
            self.verify(integrity)
        except IntegrityError as error:
            return list(error.errors)
        return []

    def _lines(self, start: str) -> Iterator[tuple[int, int]]:
        position = self.place(start)[0]
        while position < self._parts.end_b:
            end_b = self.data.index(b"\n", position)
            yield position, end_b
            position = end_b + 1

    def _name(self, begin_b: int, end_b: int) -> str:
        for size_b in (_HEAD_B, end_b - begin_b):
            try:
                return self._syntax.name_of(self.data[begin_b : min(end_b, begin_b + size_b)])
            except ValueError:
                continue
        raise IntegrityError(f"{self._location} has a line that is no entry", hint=RESTORE)

    def _head(self, name: str, line: bytes) -> bytes:
        try:
            return binascii.a2b_base64(self._syntax.text_of(line)[:_HEAD_TEXT_B], strict_mode=True)
        except ValueError as error:
            raise IntegrityError(f"{self._location}: the entry {name} is damaged", hint=RESTORE) from error

    def _blob(self, name: str, line: bytes) -> bytes:
        try:
            return binascii.a2b_base64(self._syntax.text_of(line), strict_mode=True)
        except ValueError as error:
            raise IntegrityError(f"{self._location}: the entry {name} is damaged", hint=RESTORE) from error


def parse(syntax: Syntax, location: str, data: bytes) -> TextSnapshot:
    """Take a file apart. Raises: IntegrityError, NewerFormat."""
    try:
        parts = syntax.split(data)
        record = syntax.read_head(parts.head)
    except ValueError as error:
        raise _damaged(location, data) from error
    return TextSnapshot(syntax, location, data, parts, from_record(record, location))


def _damaged(location: str, data: bytes) -> IntegrityError:
    if not data.strip(b"\0"):
        return IntegrityError(f"{location} is empty", hint=RESTORE)
    if not data.endswith(b"\n"):
        return IntegrityError(f"{location} is cut off: its end is missing", hint=RESTORE)
    return IntegrityError(f"{location} is damaged: it does not read as a vaultctl state", hint=RESTORE)
