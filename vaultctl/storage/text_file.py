"""A state as one text file: a header, one entry a line, a MAC over every byte before it.

The bytes are drawn in docs/state-format.md. A reader looks names up by halving the bytes, and decodes only the lines
that it touches; a writer copies the bytes between the lines that change. What a file syntax adds is a `Syntax`.
"""

from __future__ import annotations

import binascii
import os
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from vaultctl.logical.errors import IntegrityError, NoState
from vaultctl.storage import files
from vaultctl.storage.header import RESTORE, Header, from_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vaultctl.storage.backend import Integrity, Salvage
    from vaultctl.storage.header import Commit
    from vaultctl.storage.lock import FileLock, JobFileLock


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

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on."""
        for begin_b, end_b in self._lines(start):
            name = self._name(begin_b, end_b)
            yield name, self._blob(name, self.data[begin_b:end_b])

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
        written = self._syntax.tail(_base64(tag))
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

    def _blob(self, name: str, line: bytes) -> bytes:
        try:
            return binascii.a2b_base64(self._syntax.text_of(line), strict_mode=True)
        except ValueError as error:
            raise IntegrityError(f"{self._location}: the entry {name} is damaged", hint=RESTORE) from error


class _Loaded:
    """The snapshot last read or written, and the open file that pins its inode."""

    def __init__(self, fd: int, snapshot: TextSnapshot) -> None:
        self.fd = fd
        self.snapshot = snapshot

    def __del__(self) -> None:
        os.close(self.fd)

    def is_current(self, location: str) -> bool:
        try:
            named = os.stat(location)
        except OSError:
            return False
        ours = os.fstat(self.fd)
        return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


class TextFile:
    """A backend over one text file. Readers take no lock; a writer replaces the file whole."""

    def __init__(
        self,
        path: str,
        syntax: Syntax,
        *,
        seam: files.Files | None = None,
        lock_timeout_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
        alone: bool = False,
    ) -> None:
        """Name the file. Nothing is opened yet.

        `alone` is for a copy that no other process writes (a snapshot): it needs no lock, and its folder and its owner
        may be anybody, for what is in it is verified all the same.
        """
        self.location = path
        self.kind = syntax.kind
        self._alone = alone
        self._syntax = syntax
        self._files = seam or files.Files()
        self._lock_options = (lock_timeout_s, on_wait)
        self._loaded: _Loaded | None = None

    def exists(self) -> bool:
        """Tell whether the file is there. An empty one is a damaged state, but a good place for a copy."""
        if self._alone and os.path.isfile(self.location) and not os.path.getsize(self.location):
            return False
        return os.path.lexists(self.location)

    @contextmanager
    def reader(self) -> Iterator[TextSnapshot]:
        """Give the newest generation."""
        yield self.newest()

    def newest(self) -> TextSnapshot:
        """Give the newest generation.

        The file last read stays open, so that an unchanged device and inode prove that it is still the same one.
        """
        loaded = self._loaded
        if not loaded or not loaded.is_current(self.location):
            loaded = self._loaded = self._load()
        return loaded.snapshot

    @contextmanager
    def writer(self) -> Iterator[TextWriter]:
        """Take the lock; the folder is made where it is missing."""
        with self.locked():
            yield TextWriter(self, self.newest() if self.exists() else None)

    @contextmanager
    def overwriter(self) -> Iterator[TextWriter]:
        """Take the lock, whatever the file holds; what cannot be read is kept under another name."""
        with self.locked():
            try:
                newest = self.newest() if self.exists() else None
            except IntegrityError:
                files.keep_damaged(self._files, self.location)
                newest = None
            yield TextWriter(self, newest)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all writers out."""
        if self._alone:
            yield
            return
        files.own_folder(self._files, os.path.dirname(self.location))
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    @cached_property
    def _lock(self) -> FileLock:
        """Made on the first write: what only reads does not even import it."""
        from vaultctl.storage.lock import FileLock

        timeout_s, on_wait = self._lock_options
        return FileLock(self.location + ".lock", timeout_s=timeout_s, on_wait=on_wait)

    def retire(self, path: str, /) -> None:
        """Give the file another name."""
        files.rename(self._files, self.location, path)

    def write(self, snapshot: TextSnapshot | None, commit: Commit, integrity: Integrity) -> TextSnapshot:
        """Write the next generation. Only a writer calls this, with the lock held."""
        head = self._syntax.write_head(commit.header)
        opening = self._syntax.opening(head)
        covered = b"".join([opening, *_body(self._syntax, snapshot, commit.changes)])
        tag = _base64(integrity.mac(covered))
        data = covered + self._syntax.tail(tag)
        temporary = f"{self.location}.{os.getpid()}.tmp" if self._alone else ""
        fd = files.replace_durably(self._files, self.location, data, temporary=temporary)
        parts = Parts(head, len(opening), len(covered), tag)
        fresh = TextSnapshot(self._syntax, self.location, data, parts, commit.header)
        self._loaded = _Loaded(fd, fresh)
        return fresh

    def salvage(self) -> Salvage:
        """Read line by line."""
        data, fd = self._read()
        os.close(fd)
        head, lines = self._syntax.rough_split(data)
        try:
            header = from_record(self._syntax.read_head(head), self.location)
        except (ValueError, IntegrityError):
            header = None
        from vaultctl.storage.backend import Salvage

        return Salvage(header, self._salvaged(lines))

    def _salvaged(self, lines: list[bytes]) -> Iterator[tuple[str, bytes | None]]:
        for number, line in enumerate(lines):
            try:
                name = self._syntax.name_of(line)
            except ValueError:
                if line:
                    yield f"line {number + 2}", None
                continue
            if "/" not in name:
                continue  # the MAC
            try:
                yield name, binascii.a2b_base64(self._syntax.text_of(line), strict_mode=True)
            except ValueError:
                yield name, None

    def job_lock(self, job_id: str, /) -> JobFileLock | None:
        """Take a job's lock, a file beside the state."""
        from vaultctl.storage.lock import take_job_lock

        return take_job_lock(self.location, job_id)

    def close(self) -> None:
        """Let go of the file last read."""
        self._loaded = None

    def _read(self) -> tuple[bytes, int]:
        try:
            if not self._alone:
                files.check_owner(os.path.dirname(self.location))
            return files.read(self.location, anybodys=self._alone)
        except FileNotFoundError:
            raise _no_copy(self.location) if self._alone else _no_state(self.location) from None
        except OSError as error:
            raise files.unavailable(error, f"read {self.location}") from error

    def _load(self) -> _Loaded:
        data, fd = self._read()
        try:
            return _Loaded(fd, _parse(self._syntax, self.location, data))
        except BaseException:
            os.close(fd)
            raise


class TextWriter:
    """A held lock over the newest generation of a text file."""

    def __init__(self, backend: TextFile, snapshot: TextSnapshot | None) -> None:
        self._backend = backend
        self.snapshot = snapshot

    def commit(self, commit: Commit, integrity: Integrity, /) -> None:
        """Replace the file by its next generation."""
        base = None if commit.whole else self.snapshot
        self.snapshot = self._backend.write(base, commit, integrity)


def _body(
    syntax: Syntax, snapshot: TextSnapshot | None, changes: Mapping[str, bytes | None]
) -> Iterator[bytes | memoryview]:
    """Give the lines of the next generation: the old bytes, with each changed entry's line put in its place."""
    position = None
    for name, blob in sorted(changes.items()):
        if snapshot:
            begin_b, end_b = snapshot.place(name)
            yield snapshot.body(position, begin_b)
            position = end_b
        if blob is not None:
            yield syntax.entry(name, _base64(blob))
    if snapshot:
        yield snapshot.body(position)


def _parse(syntax: Syntax, location: str, data: bytes) -> TextSnapshot:
    try:
        parts = syntax.split(data)
        record = syntax.read_head(parts.head)
    except ValueError as error:
        raise _damaged(location, data) from error
    return TextSnapshot(syntax, location, data, parts, from_record(record, location))


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _no_state(location: str) -> NoState:
    return NoState(
        f"there is no state at {location}", hint="any writing command makes one, for example: secrets enable kv"
    )


def _no_copy(location: str) -> NoState:
    return NoState(f"there is no file {location}", hint="name one that 'vaultctl operator snapshot save FILE' wrote")


def _damaged(location: str, data: bytes) -> IntegrityError:
    if not data.strip(b"\0"):
        return IntegrityError(f"{location} is empty", hint=RESTORE)
    if not data.endswith(b"\n"):
        return IntegrityError(f"{location} is cut off: its end is missing", hint=RESTORE)
    return IntegrityError(f"{location} is damaged: it does not read as a vaultctl state", hint=RESTORE)
