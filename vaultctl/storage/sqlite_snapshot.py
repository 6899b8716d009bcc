"""One generation of the SQLite backend, for reading and for writing."""

import json
import sqlite3
from collections.abc import Iterator, Sequence

from vaultctl.logical.errors import IntegrityError
from vaultctl.logical.storage import Replaced, Stored
from vaultctl.storage.backend import Integrity
from vaultctl.storage.header import FORMAT, HEAD_B, RESTORE, Commit, check_format, from_record, no_state, parse_json

_SCHEMA = (
    "CREATE TABLE entry (name TEXT NOT NULL, value BLOB NOT NULL)",
    "CREATE UNIQUE INDEX entry_name ON entry (name)",
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1),"
    " header TEXT NOT NULL, digest BLOB NOT NULL, mac BLOB NOT NULL)",
    f"PRAGMA user_version = {FORMAT}",
)
_CLEAN = ("DROP TABLE IF EXISTS entry", "DROP TABLE IF EXISTS state")

_SET = 1 << 256
"""The set digest is the sum of the entries' fingerprints, modulo this."""


class SqliteSnapshot:
    """One generation, held by an open read transaction."""

    def __init__(self, connection: sqlite3.Connection, location: str) -> None:
        """Read the header. Raises: IntegrityError, NewerFormat, NoState."""
        self._connection = connection
        self._location = location
        check_format(connection.execute("PRAGMA user_version").fetchone()[0], location)
        row = connection.execute("SELECT header, digest, mac FROM state").fetchone()
        if row is None:
            raise no_state(location)
        if [type(column) for column in row] != [str, bytes, bytes]:
            raise IntegrityError(f"{location} has a damaged header", hint=RESTORE)
        self.header_text, self.digest, self.mac = row
        try:
            record = parse_json(self.header_text)
        except ValueError as error:
            raise IntegrityError(f"{location} has a damaged header", hint=RESTORE) from error
        self.header = from_record(record, location)

    def get(self, name: str, /) -> bytes | None:
        """Return the entry's ciphertext, or None."""
        row = self._connection.execute("SELECT value FROM entry WHERE name = ?", (name,)).fetchone()
        return None if row is None else blob_of(row[0])

    def names(self, start: str, /) -> Iterator[str]:
        """Give all names from `start` on."""
        rows = self._connection.execute("SELECT name FROM entry WHERE name >= ? ORDER BY name", (start,))
        return (str(row[0]) for row in rows)

    def count(self, start: str, end: str, /) -> int:
        """Count the names from `start` on, and before `end`."""
        asked = "SELECT count(*) FROM entry WHERE name >= ? AND name < ?"
        return int(self._connection.execute(asked, (start, end)).fetchone()[0])

    def entries(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on."""
        return self._connection.execute(
            "SELECT name, CAST(value AS BLOB) FROM entry WHERE name >= ? ORDER BY name", (start,)
        )

    def heads(self, start: str, /) -> Iterator[tuple[str, bytes]]:
        """Give all entries from the name `start` on, with the first bytes of each."""
        return self._connection.execute(
            "SELECT name, CAST(substr(value, 1, ?) AS BLOB) FROM entry WHERE name >= ? ORDER BY name", (HEAD_B, start)
        )

    def verify(self, integrity: Integrity, /) -> None:
        """Check the MAC over the header and the set digest."""
        if not integrity.is_authentic(signed(self.header_text, self.digest), self.mac):
            raise IntegrityError(f"{self._location} is not what vaultctl wrote: its MAC does not match", hint=RESTORE)

    def audit(self, integrity: Integrity, /) -> list[str]:
        """Check the file, the MAC, and that the entries are the very set that was last committed."""
        found = [str(row[0]) for row in self._connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        try:
            self.verify(integrity)
        except IntegrityError as error:
            return found + list(error.errors)
        total, count = 0, 0
        for name, value in self._connection.execute("SELECT name, value FROM entry"):
            total = (total + integrity.fingerprint(str(name), blob_of(value))) % _SET
            count += 1
        if (total, count) != self.read_digest(integrity):
            found.append(
                f"{self._location}: an entry was added, removed or put back from an older copy"
                f" ({count} entries are there, {self.read_digest(integrity)[1]} were written)"
            )
        return found

    def read_digest(self, integrity: Integrity) -> tuple[int, int]:
        """Give the digest over the set of entries, and their count."""
        plain = integrity.reveal(self.digest)
        return int.from_bytes(plain[:32], "big"), int.from_bytes(plain[32:], "big")


class SqliteWriter:
    """A held lock and an open transaction."""

    def __init__(self, connection: sqlite3.Connection, snapshot: SqliteSnapshot | None) -> None:
        self._connection = connection
        self.snapshot = snapshot
        self.changes = 0
        """How many were written."""

        self._grown = 0
        """By so much the sum of the fingerprints grew with that."""

    def stored(self, start: str, limit: int, /) -> list[Stored]:
        """Give so many entries from the name `start` on, each with its row."""
        return self._connection.execute(
            "SELECT rowid, name, CAST(value AS BLOB) FROM entry WHERE name >= ? ORDER BY name LIMIT ?", (start, limit)
        ).fetchall()

    def replace(self, replaced: Sequence[Replaced], integrity: Integrity, /) -> bool:
        """Write them at once: a row that was just read is still at hand."""
        rows = [(new, row) for row, _, _, new in replaced]
        self._connection.executemany("UPDATE entry SET value = ? WHERE rowid = ?", rows)
        self._grown += integrity.fingerprints(replaced)
        self.changes += len(rows)
        return True

    def commit(self, commit: Commit, integrity: Integrity, /) -> None:
        """Write the changes, the header and the digest in one transaction."""
        if self.snapshot is None or commit.whole:
            for statement in (*_CLEAN, *_SCHEMA):
                self._connection.execute(statement)
            self.snapshot = None
            total, count = 0, 0
        else:
            total, count = self.snapshot.read_digest(integrity)
            total += self._grown
        for name, blob in commit.changes.items():
            old = self.snapshot.get(name) if self.snapshot else None
            total += (integrity.fingerprint(name, blob) if blob is not None else 0) - (
                integrity.fingerprint(name, old) if old is not None else 0
            )
            count += (blob is not None) - (old is not None)
            self._write(name, old, blob)
        digest = integrity.hide((total % _SET).to_bytes(32, "big") + count.to_bytes(8, "big"))
        header = json.dumps(commit.header.to_record(), separators=(",", ":"))
        self._connection.execute(
            "INSERT OR REPLACE INTO state (id, header, digest, mac) VALUES (1, ?, ?, ?)",
            (header, digest, integrity.mac(signed(header, digest))),
        )
        self._connection.execute("COMMIT")
        self.changes += len(commit.changes)

    def _write(self, name: str, old: bytes | None, blob: bytes | None) -> None:
        if blob is None:
            self._connection.execute("DELETE FROM entry WHERE name = ?", (name,))
        elif old is None:
            self._connection.execute("INSERT INTO entry (name, value) VALUES (?, ?)", (name, blob))
        else:
            self._connection.execute("UPDATE entry SET value = ? WHERE name = ?", (blob, name))


def signed(header: str, digest: bytes) -> bytes:
    """Give the bytes that the state row's MAC covers."""
    return header.encode() + b"\0" + digest


def blob_of(value: object) -> bytes:
    """Give the bytes of a value, whatever type a damaged row has given it."""
    return value if isinstance(value, bytes) else str(value).encode()
