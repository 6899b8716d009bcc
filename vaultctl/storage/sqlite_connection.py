"""How an SQLite database is opened, and what its errors become."""

import os
import sqlite3
from typing import Any

from vaultctl.logical.errors import IntegrityError, StateError, StateUnavailable
from vaultctl.storage import files
from vaultctl.storage.header import RESTORE

_BUSY_TIMEOUT_S = 30
_LOG_PAGES = 4000
"""A commit that finds more in the log works them into the file itself, with the lock held. Mostly others did before."""

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-"
"""What a URI takes as it is; urllib.parse knows it too, and costs milliseconds to import."""


class _Connection(sqlite3.Connection):
    """A connection whose errors can be read: SQLite quotes the bytes of a damaged schema, which may be no text."""

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        """Run a statement. Raises: sqlite3.Error, and nothing else."""
        try:
            return super().execute(sql, values)
        except UnicodeDecodeError:
            raise sqlite3.DatabaseError("malformed database schema") from None


def connect(path: str) -> sqlite3.Connection:
    """Open a database that is there; where its folder takes no new files, for reading only.

    Raises: sqlite3.Error, OSError, UnsafePermissions.
    """
    folder = os.path.dirname(path)
    files.check_owner(folder)
    files.check_owner(path)
    if not os.access(path, os.W_OK) or not os.access(folder, os.W_OK):
        # Without a write-ahead log beside it, a database in such a folder cannot change.
        return _open(path, "mode=ro" if os.path.exists(path + "-wal") else "immutable=1")
    connection = _open(path, "mode=rw")  # never makes the file, which may be moved away just now
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _open(path: str, how: str) -> sqlite3.Connection:
    quoted = "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02x}" for byte in os.fsencode(path))
    return sqlite3.connect(
        f"file:{quoted}?{how}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )


def identity(path: str) -> tuple[int, int] | None:
    """Tell one file from another that has the same name; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def translate(error: sqlite3.Error, location: str) -> StateError:
    """Give our error for one of SQLite's."""
    # An error without a name is Python's own: bytes that are no UTF-8 where a text should be.
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "no such" in str(error):
        return IntegrityError(f"{location} is damaged: {error}", hint=RESTORE)
    hints = {
        "SQLITE_FULL": "free some space on that disk; the state is as it was before this command",
        "SQLITE_READONLY": "the file or its folder is read-only: allow writing, or point VAULTCTL_DATA_DIR elsewhere",
        "SQLITE_CANTOPEN": "check who owns the folder, or point VAULTCTL_DATA_DIR at a folder of your own",
        "SQLITE_BUSY": "another program has the database open; end it and try again",
    }
    hint = next((text for prefix, text in hints.items() if name.startswith(prefix)), "")
    return StateUnavailable(f"cannot use {location}: {error}", hint=hint)
