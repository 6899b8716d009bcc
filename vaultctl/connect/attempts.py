"""Attempts that take several people, without a server: each command is a process of its own, and this outlives them.

They are files of the runtime folder (see `runtime`), for what people entered is as secret as a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.connect.runtime import RuntimeFolder
from vaultctl.core import attempts
from vaultctl.logical.errors import StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.attempts import Attempt, Stands


class AttemptFiles:
    """Remembers attempts in files of the runtime folder. The lock of the state keeps writers apart."""

    def __init__(self, environ: Mapping[str, str], lock_timeout_s: float) -> None:
        self._folder = RuntimeFolder(environ, lock_timeout_s)

    def get(self, cluster_id: str, kind: str, /) -> Attempt | None:
        """Give an attempt as it stands; what is not as we write it is as if it were not there."""
        return self._read(_name(cluster_id, kind))

    def put(self, cluster_id: str, kind: str, attempt: Attempt, /) -> None:
        """Remember an attempt. Raises: StateUnavailable, where there is no folder to do so."""
        reason = self._folder.why_not()
        if reason:
            raise StateUnavailable(
                f"what people enter cannot be kept from one command to the next: {reason}",
                hint="run 'vaultctl server', and ask that by its -address: it remembers",
            )
        self._folder.write(_name(cluster_id, kind), attempt.to_record())

    def drop(self, cluster_id: str, kind: str, /) -> None:
        """Forget an attempt, if there is one. Raises: StateUnavailable."""
        self._folder.remove(_name(cluster_id, kind))

    def drop_before(self, cluster_id: str, now: Stands, /) -> None:
        """Remove the files of what is over. Raises: StateUnavailable."""
        for name in self._folder.names(_name(cluster_id, "")):
            attempt = self._read(name)
            if attempt is not None and attempt.stands < now:
                self._folder.remove(name)

    def _read(self, name: str) -> Attempt | None:
        record = self._folder.read(name)
        try:
            return attempts.from_record(record) if record else None
        except (KeyError, TypeError, ValueError):
            return None


def _name(cluster_id: str, kind: str) -> str:
    return f"{cluster_id}.{kind}"
