"""The moves that were made on remotes from this machine: what a cluster forgets when another node leads it.

One file in the data folder, a move a line, the oldest first; of what is known of a move the newest is kept. It holds
addresses, paths and times, and no token or secret. It makes no state, and where it cannot be written the move goes on
all the same; but no move begins that is to rewrite policies while their old texts cannot be kept.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from vaultctl.connect.settings import find_data_dir
from vaultctl.logical.errors import StateUnavailable, UnsafePermissions
from vaultctl.storage import files
from vaultctl.storage.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "remote-moves.jsonl"
KEPT = 1000
"""So many moves are kept, the newest ones."""

TEXTS = "remote-policies-{}.json"
"""The texts of policies that a move rewrites, old and new: a file of its own for each move, which stays."""

_MAX_B = 16 << 20
_LOCK_S = 5.0


class Journal:
    """Reads and writes the file."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Find its place. Raises: SettingError."""
        self._folder = find_data_dir(environ)
        self._path = os.path.join(self._folder, NAME)

    def note(self, migration_id: str, **facts: Any) -> None:
        """Write down what is known of a move, beside what was known before. Raises: StateError."""
        system = files.Files()
        files.own_folder(system, self._folder)
        with FileLock(self._path + ".lock", timeout_s=_LOCK_S):
            moves = self.moves()
            known = moves.setdefault(migration_id, {})
            known.update(facts, updated=_now())
            known.setdefault("started", known["updated"])
            lines = [json.dumps({"migration_id": key, **move}) for key, move in list(moves.items())[-KEPT:]]
            os.close(files.replace_durably(system, self._path, "".join(f"{line}\n" for line in lines).encode()))

    def moves(self) -> dict[str, dict[str, Any]]:
        """Give all moves by their ids, the oldest first; a line that is no move is none. Raises: StateError."""
        moves: dict[str, dict[str, Any]] = {}
        for line in self._read(self._path).splitlines():
            try:
                move = json.loads(line)
                moves[str(move.pop("migration_id"))] = move
            except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
                continue
        return moves

    def find(self, migration_id: str) -> dict[str, Any] | None:
        """Give one move. Raises: StateError."""
        return self.moves().get(migration_id)

    def keep_texts(self, key: str, texts: Mapping[str, Any]) -> str:
        """Write down what becomes of policies; give the name of the file. Raises: StateError."""
        system = files.Files()
        files.own_folder(system, self._folder)
        path = self.path_of_texts(key)
        os.close(files.replace_durably(system, path, (json.dumps(texts, indent=2) + "\n").encode()))
        return path

    def path_of_texts(self, key: str) -> str:
        """Name the file that has a move's policies."""
        return os.path.join(self._folder, TEXTS.format(key))

    def texts(self, key: str) -> dict[str, Any]:
        """Give what was written down of policies. Raises: StateError."""
        path = self.path_of_texts(key)
        try:
            found: dict[str, Any] = json.loads(self._read(path))
        except ValueError:
            raise StateUnavailable(f"{path} is missing, or damaged") from None
        return found

    def _read(self, path: str) -> bytes:
        try:
            data, fd = files.read(path, max_b=_MAX_B)
        except FileNotFoundError:
            return b""
        except UnsafePermissions:
            raise
        except OSError as error:
            raise files.unavailable(error, f"read {path}") from error
        os.close(fd)
        return data


def _now() -> str:
    """Give the time of day, in UTC and whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
