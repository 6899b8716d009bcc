"""Attempts that take the shares of several people: new shares, a root token. How far one is, and who remembers that.

An attempt is good as long as the state is sealed as it was when the attempt began: a new epoch, a new root key or a new
recovery key end it, whoever made them. What people entered is overwritten when an attempt ends; what a file keeps of it
is removed by whoever sees first that it is over.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vaultctl.crypto.shamir import wipe
from vaultctl.logical.json_text import base64_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.storage.header import Header

Stands = tuple[int, int]
"""The epoch of a state, and the generation that changed its seal or its recovery key last."""


class Attempt(NamedTuple):
    """One attempt. `asked` is what it is for; `entered` are the shares so far.

    `made` is the key that waits until its new shares are verified under `verification`, a nonce of its own.
    """

    nonce: str
    stands: Stands
    asked: Mapping[str, Any]
    entered: Sequence[bytearray] = ()
    made: bytearray | None = None
    verification: str = ""

    def __repr__(self) -> str:
        """Show how far it is, and nothing that was entered."""
        return f"Attempt({self.nonce}, {len(self.entered)} shares)"

    def with_share(self, share: bytearray) -> Attempt:
        """Give the attempt with one share more."""
        return self._replace(entered=(*self.entered, share))

    def anew(self, **changes: Any) -> Attempt:
        """Give the attempt without any share."""
        wipe(*self.entered)
        return self._replace(entered=(), **changes)

    def forget(self) -> None:
        """Overwrite all that is secret in it."""
        wipe(*self.entered, *([self.made] if self.made is not None else []))

    def to_record(self) -> dict[str, Any]:
        """Give the attempt for a file that outlives this process."""
        return {
            **self._asdict(),
            "entered": [base64_text(share) for share in self.entered],
            "made": None if self.made is None else base64_text(self.made),
        }


def from_record(record: dict[str, Any]) -> Attempt:
    """Read an attempt as a file keeps it. Raises: ValueError, TypeError, KeyError."""
    epoch, generation = record["stands"]
    return Attempt(
        record["nonce"],
        (int(epoch), int(generation)),
        dict(record["asked"]),
        tuple(map(_bytes, record["entered"])),
        None if record["made"] is None else _bytes(record["made"]),
        record["verification"],
    )


class Attempts(Protocol):
    """Remembers attempts, by the state's cluster id and their kind. All methods raise StateError."""

    def get(self, cluster_id: str, kind: str, /) -> Attempt | None:
        """Give an attempt as it stands."""
        ...

    def put(self, cluster_id: str, kind: str, attempt: Attempt, /) -> None:
        """Remember an attempt, in the place of what was remembered of it."""
        ...

    def drop(self, cluster_id: str, kind: str, /) -> None:
        """Forget an attempt, if there is one."""
        ...

    def drop_before(self, cluster_id: str, now: Stands, /) -> None:
        """Forget every attempt, of whichever kind, that began before the state stood as it does now."""
        ...


class Remembered:
    """Remembers them as long as the process lives."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str], Attempt] = {}

    def get(self, cluster_id: str, kind: str, /) -> Attempt | None:
        """Give an attempt as it stands."""
        return self._attempts.get((cluster_id, kind))

    def put(self, cluster_id: str, kind: str, attempt: Attempt, /) -> None:
        """Remember an attempt."""
        self._attempts[cluster_id, kind] = attempt

    def drop(self, cluster_id: str, kind: str, /) -> None:
        """Forget an attempt."""
        attempt = self._attempts.pop((cluster_id, kind), None)
        if attempt is not None:
            attempt.forget()

    def drop_before(self, cluster_id: str, now: Stands, /) -> None:
        """Forget what is over."""
        for found, kind in list(self._attempts):
            attempt = self.get(found, kind)
            if found == cluster_id and attempt is not None and attempt.stands < now:
                self.drop(found, kind)


def stands(header: Header) -> Stands:
    """Tell what of a state an attempt hangs on."""
    return header.epoch, header.tables.get("seal", 0)


def find(attempts: Attempts, header: Header, kind: str) -> Attempt | None:
    """Give the attempt, unless the state is sealed otherwise than when it began; what is over is forgotten."""
    attempt = attempts.get(header.cluster_id, kind)
    if attempt is None or attempt.stands == stands(header):
        return attempt
    drop_stale(attempts, header)  # one that began later than what this process sees stays: somebody else's is newer
    return None


def drop_stale(attempts: Attempts, header: Header) -> None:
    """Forget every attempt that is over: what people entered for it is good for more than it. Raises: StateError."""
    attempts.drop_before(header.cluster_id, stands(header))


def drop_all(attempts: Attempts, header: Header) -> None:
    """Forget every attempt that there was up to this epoch. Raises: StateError."""
    attempts.drop_before(header.cluster_id, (header.epoch + 1, 0))


def _bytes(text: str) -> bytearray:
    return bytearray(binascii.a2b_base64(text, strict_mode=True))
