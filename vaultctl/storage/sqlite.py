"""The state in an SQLite database: for large states, and for many small writes.

The tables are drawn in docs/state-format.md. Only the header and the keyed digest over the set of entries are checked
at each read; that the entries are the ones of that digest is what `operator check` finds out.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from vaultctl.logical.errors import IntegrityError, NoState, StateError, StateUnavailable
from vaultctl.storage import files, lock
from vaultctl.storage.backend import Salvage
from vaultctl.storage.header import no_state
from vaultctl.storage.sqlite_connection import connect, identity, translate
from vaultctl.storage.sqlite_snapshot import SqliteSnapshot, SqliteWriter, blob_of

_MISSES = 10_000
"""So many rows in a row that cannot be read are taken for the end."""

_SETTLED_AT = 512
"""After so many changes the log is worked into the file. That is synced, too, so it is done when the lock is free."""


class Sqlite:
    """A backend over an SQLite database in WAL mode; a commit is synced before it is answered."""

    kind = "sqlite"

    def __init__(
        self,
        path: str,
        *,
        seam: files.Files | None = None,
        lock_timeout_s: float = 60.0,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        """Name the file. Nothing is opened yet."""
        self.location = path
        self._files = seam or files.Files()
        self._lock = lock.FileLock(path + ".lock", timeout_s=lock_timeout_s, on_wait=on_wait)
        self._idle: list[tuple[sqlite3.Connection, tuple[int, int] | None]] = []
        self._unsettled = 0
        """So many changes were committed here since the log was worked into the file."""

    def exists(self) -> bool:
        """Tell whether a state was committed there; a file that a crash left empty is none."""
        if not _is_filled(self.location):
            return False
        try:
            with self._connection() as connection:
                return _has_state(connection)
        except NoState:  # moved away just now
            return False

    @contextmanager
    def reader(self) -> Iterator[SqliteSnapshot]:
        """Give the newest generation, for as long as the context lasts."""
        if not os.path.lexists(self.location):
            raise no_state(self.location)
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                if not _has_state(connection):
                    raise no_state(self.location)
                yield SqliteSnapshot(connection, self.location)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def writer(self, *, synced: bool = True) -> Iterator[SqliteWriter]:
        """Take the lock; the folder and the file are made where they are missing."""
        with self.locked(), self._transaction(synced=synced) as connection:
            writer = SqliteWriter(connection, self._snapshot(connection))
            yield writer
            self._unsettled += writer.changes
        if self._unsettled >= _SETTLED_AT:
            self._settle()

    def _settle(self) -> None:
        """Work the write-ahead log into the file, as far as readers let it. What was committed is safe without that."""
        self._unsettled = 0
        with suppress(StateError), self._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _snapshot(self, connection: sqlite3.Connection) -> SqliteSnapshot | None:
        return SqliteSnapshot(connection, self.location) if _has_state(connection) else None

    @contextmanager
    def overwriter(self) -> Iterator[SqliteWriter]:
        """Take the lock, whatever the file holds; what is no state that can be read is put aside."""
        with self.locked():
            if not self._is_readable():
                self._put_aside()
            with self._transaction() as connection:
                yield SqliteWriter(connection, self._snapshot(connection))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all writers out."""
        files.own_folder(self._files, os.path.dirname(self.location))
        self._lock.acquire()
        try:
            is_new = self._make_file()
            try:
                yield
            finally:
                if is_new:
                    self._remove_if_empty()
        finally:
            self._lock.release()

    def retire(self, path: str, /) -> None:
        """Give the database another name, with its write-ahead log worked in: a log left behind would be a trap.

        Other processes may have the database open, as long as none of them is reading.
        """
        with self._connection() as connection:
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StateUnavailable(f"{self.location} is being read by another process", hint="end it and try again")
        self.close()
        files.rename(self._files, self.location, path)
        for end in ("-wal", "-shm"):
            files.remove(self._files, self.location + end)

    @contextmanager
    def _transaction(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            # Kept in the file, so this costs nothing but the first time; without the lock it could meet others' writes.
            connection.execute("PRAGMA journal_mode = WAL")
            if not synced:  # a later commit, or a checkpoint, syncs the log as far as it is by then
                connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if not synced:
                    connection.execute("PRAGMA synchronous = FULL")

    def salvage(self) -> Salvage:
        """Read row by row; a page that cannot be read costs its own rows."""
        if not os.path.lexists(self.location):
            raise no_state(self.location)
        try:
            with self.reader() as snapshot:
                header = snapshot.header
        except StateError:
            header = None
        return Salvage(header, self._salvaged())

    def _salvaged(self) -> Iterator[tuple[str, bytes | None]]:
        with self._connection() as connection:
            row_id, misses = 0, 0
            while misses < _MISSES:
                row_id += 1
                try:
                    row = connection.execute(
                        "SELECT rowid, name, value FROM entry NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1",
                        (row_id,),
                    ).fetchone()
                except sqlite3.DatabaseError:
                    misses += 1
                    continue
                if row is None:
                    return
                row_id, misses = int(row[0]), 0
                yield str(row[1]), blob_of(row[2])

    def _is_readable(self) -> bool:
        """Tell whether the file is a whole database with a state in it, or with nothing. Raises: NewerFormat."""
        try:
            with self._connection() as connection:
                is_whole = str(connection.execute("PRAGMA quick_check").fetchone()[0]) == "ok"
                return is_whole and (not _has_state(connection) or bool(SqliteSnapshot(connection, self.location)))
        except IntegrityError:
            return False

    def _put_aside(self) -> None:
        self.close()
        kept = files.free_name(self.location + files.DAMAGED)
        for end in ("", "-wal", "-shm"):
            if os.path.lexists(self.location + end):
                files.rename(self._files, self.location + end, kept + end)
        self._make_file()

    def is_awaited(self) -> bool:
        """Tell whether somebody waits for the lock."""
        return self._lock.is_awaited()

    def job_lock(self, job_id: str, /) -> lock.JobFileLock | None:
        """Take a job's lock, a file beside the state."""
        return lock.take_job_lock(self.location, job_id)

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop()[0].close()

    def _make_file(self) -> bool:
        """Make the file for its owner alone, as SQLite itself would not; tell whether it was missing."""
        if os.path.lexists(self.location):
            return False
        try:
            os.close(self._files.create(self.location))
            self._files.sync_folder(os.path.dirname(self.location))
        except OSError as error:
            raise files.unavailable(error, f"make {self.location}") from error
        return True

    def _remove_if_empty(self) -> None:
        """Take the file away again when nothing was committed: it would look like a state."""
        with suppress(StateError):
            if not self.exists():
                self.close()
                for end in ("-wal", "-shm", ""):
                    files.remove(self._files, self.location + end)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; what SQLite raises becomes ours."""
        connection, file = self._lend()
        broken = False
        try:
            yield connection
        except sqlite3.Error as error:
            broken = True
            if identity(self.location) != file:  # moved away under this connection, by `operator migrate`
                raise no_state(self.location) from error
            raise translate(error, self.location) from error
        finally:
            connection.close() if broken else self._idle.append((connection, file))

    def _lend(self) -> tuple[sqlite3.Connection, tuple[int, int] | None]:
        """Give a connection to the file that has the name now, and that file; one that was replaced is let go."""
        file = identity(self.location)
        while True:
            try:
                connection, opened = self._idle.pop()
            except IndexError:
                return self._connect(), file
            if opened == file:
                return connection, file
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect(self.location)
        except FileNotFoundError:
            raise no_state(self.location) from None
        except OSError as error:
            raise files.unavailable(error, f"open {self.location}") from error
        except sqlite3.Error as error:
            raise (
                no_state(self.location) if identity(self.location) is None else translate(error, self.location)
            ) from error


def _is_filled(path: str) -> bool:
    """Tell whether a file is there and not empty, as it is for a moment after it was made."""
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return os.path.lexists(path)


def _has_state(connection: sqlite3.Connection) -> bool:
    """Tell whether anything was ever committed. A state or not, it is never written over."""
    return bool(connection.execute("SELECT 1 FROM sqlite_master").fetchone())
