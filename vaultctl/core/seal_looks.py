"""What is known of each seal's key: from what asked it, and from looks at those that nobody asked.

Anybody may ask how the seals stand, so a server does not look at them for that: its ticker does, one at a time.
"""

from __future__ import annotations

from threading import Lock, Thread
from typing import TYPE_CHECKING

from vaultctl.crypto.seals.several import Several, previous_of
from vaultctl.crypto.seals.watched import Watched, answers, watched_of
from vaultctl.logical.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaultctl.crypto.seals.seal import Seal

_WELL_S, _ILL_S = 600, 5
"""So long a look at a seal holds: where it was well, and where it was not."""


class Looks:
    """The looks of one process."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._found: dict[str, tuple[int, int]] = {}
        """By key: when it was looked at, and since when it cannot be asked, or 0."""

        self._looking = Lock()

    def ill_since_ns(self, seal: Seal, key_id: str) -> int:
        """Tell since when a key cannot be asked; 0 where it can, or nobody tried."""
        watched = watched_of(seal, key_id)
        if watched is not None and watched.health.is_known:
            return watched.health.ill_since_ns
        return self._found.get(key_id, (0, 0))[1]

    def look(self, seal: Seal, key_id: str) -> None:
        """Ask a key."""
        is_well = _answers(seal, key_id)
        now_ns = self._now_ns()
        since_ns = self._found.get(key_id, (0, 0))[1] or now_ns
        self._found[key_id] = now_ns, 0 if is_well else since_ns

    def begin(self, seal: Seal) -> None:
        """Begin to look at those keys whose turn it is, unless somebody looks already; nobody waits for that."""
        due = [key_id for key_id in keys_of(seal) if self._is_due(seal, key_id)]
        if due and self._looking.acquire(blocking=False):
            Thread(target=self._look_at, args=(seal, due), daemon=True).start()

    def _look_at(self, seal: Seal, key_ids: list[str]) -> None:
        try:
            for key_id in key_ids:
                self.look(seal, key_id)
        finally:
            self._looking.release()

    def _is_due(self, seal: Seal, key_id: str) -> bool:
        looked_ns = self._found.get(key_id, (0, 0))[0]
        holds_s = _ILL_S if self.ill_since_ns(seal, key_id) else _WELL_S
        return self._now_ns() - looked_ns >= holds_s * 10**9


def keys_of(seal: Seal) -> Iterator[str]:
    """Give the ids of the keys that can be asked: what people unsealed is at hand, or nobody would get this far."""
    if seal.is_auto:
        yield seal.key_id
    yield from (str(each["key_id"]) for each in previous_of(seal) if each["type"] != "shamir")


def _answers(seal: Seal, key_id: str) -> bool:
    try:
        found = seal.find(key_id) if isinstance(seal, Several) else seal
        if isinstance(found, Watched):
            found.probe()
            return True
        return found is not None and answers(found)
    except StateError:
        return False
