"""A state as one text file: a header, one entry a line, a MAC over every byte before it.

The bytes are drawn in docs/state-format.md, and read by `text_snapshot`. A writer copies the bytes between the lines
that change.
"""

from __future__ import annotations

import binascii
import os
from contextlib import contextmanager, nullcontext
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from vaultctl.logical.errors import IntegrityError, NoState
from vaultctl.logical.json_text import base64_text
from vaultctl.storage import files
from vaultctl.storage.header import from_record, no_state
from vaultctl.storage.text_snapshot import Parts, TextSnapshot, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from vaultctl.logical.storage import Replaced, Stored
    from vaultctl.storage.backend import Integrity, Salvage
    from vaultctl.storage.header import Commit
    from vaultctl.storage.lock import FileLock, JobFileLock
    from vaultctl.storage.text_snapshot import Syntax


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
        on_large: Callable[[int], None] | None = None,
    ) -> None:
        """Name the file. Nothing is opened yet.

        `on_large` is told the number of entries when a write leaves more than the syntax is good for: once, for a
        command may write several times.

        `alone` is for a copy that no other process writes (a snapshot): it needs no lock, and its folder and its owner
        may be anybody, for what is in it is verified all the same.
        """
        self.location = path
        self.kind = syntax.kind
        self._alone = alone
        self._on_large = on_large
        self._syntax = syntax
        self._files = seam or files.Files()
        self._lock_options = (lock_timeout_s, on_wait)
        self._loaded: _Loaded | None = None

    def exists(self) -> bool:
        """Tell whether the file is there. An empty one is a damaged state, but a good place for a copy."""
        if self._alone and os.path.isfile(self.location) and not os.path.getsize(self.location):
            return False
        return os.path.lexists(self.location)

    def reader(self) -> AbstractContextManager[TextSnapshot]:
        """Give the newest generation."""
        return nullcontext(self.newest())

    def newest(self) -> TextSnapshot:
        """Give the newest generation.

        The file last read stays open, so that an unchanged device and inode prove that it is still the same one.
        """
        loaded = self._loaded
        if not loaded or not loaded.is_current(self.location):
            loaded = self._loaded = self._load()
        return loaded.snapshot

    @contextmanager
    def writer(self, *, synced: bool = True) -> Iterator[TextWriter]:
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

    def is_awaited(self) -> bool:
        """Tell whether somebody waits for the lock."""
        return self._lock.is_awaited()

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
        tag = base64_text(integrity.mac(covered))
        data = covered + self._syntax.tail(tag)
        fd = files.replace_durably(self._files, self.location, data, unlocked=self._alone)
        parts = Parts(head, len(opening), len(covered), tag)
        fresh = TextSnapshot(self._syntax, self.location, data, parts, commit.header)
        self._loaded = _Loaded(fd, fresh)
        if self._on_large and fresh.entry_count > self._syntax.large:
            self._on_large(fresh.entry_count)
            self._on_large = None
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
            raise _no_copy(self.location) if self._alone else no_state(self.location) from None
        except OSError as error:
            raise files.unavailable(error, f"read {self.location}") from error

    def _load(self) -> _Loaded:
        data, fd = self._read()
        try:
            return _Loaded(fd, parse(self._syntax, self.location, data))
        except BaseException:
            os.close(fd)
            raise


class TextWriter:
    """A held lock over the newest generation of a text file."""

    def __init__(self, backend: TextFile, snapshot: TextSnapshot | None) -> None:
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
            yield syntax.entry(name, base64_text(blob))
    if snapshot:
        yield snapshot.body(position)


def _no_copy(location: str) -> NoState:
    return NoState(f"there is no file {location}", hint="name one that 'vaultctl operator snapshot save FILE' wrote")
