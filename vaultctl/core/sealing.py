"""Where the root key of a shamir state is while it is unsealed, where the shares are on the way there, and who asks.

A server has all of that in its memory. What a command line does without a server is in `connect/runtime`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vaultctl.crypto.shamir import wipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaultctl.storage.header import Header


class Progress(NamedTuple):
    """The shares that were entered, and the nonce that names this attempt; "" where none was."""

    nonce: str = ""
    shares: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        """Show how many there are, and none of them."""
        return f"Progress({self.nonce!r}, {len(self.shares)} shares)"


class Keeper(Protocol):
    """Keeps the root key of a shamir state that was unsealed, and the shares that were entered for it.

    A root key is good for one epoch of the state, and under one unseal key: a new epoch means that all keys are to be
    dropped. The key of the next epoch is kept before there is a header of that; where that header never comes, it is as
    if it were not there, whoever else begins that epoch. All methods raise StateError.
    """

    def check(self) -> None:
        """Make sure that a key can be kept here."""
        ...

    def root_key(self, header: Header, /) -> bytes | None:
        """Give the root key, if it is here; one of an older epoch is removed."""
        ...

    def keep(self, header: Header, root_key: bytes, /) -> None:
        """Keep the root key for this epoch."""
        ...

    def drop(self, cluster_id: str, /) -> None:
        """Forget the root key of a state, and the shares."""
        ...

    def progress(self, header: Header, /) -> Progress:
        """Give the shares that were entered."""
        ...

    def enter(self, header: Header, share: bytes, nonce: str, /) -> Progress:
        """Add a share, unless it was entered before; the first one begins an attempt by this nonce."""
        ...

    def reset(self, cluster_id: str, /) -> None:
        """Forget the shares."""
        ...


class InMemory:
    """Keeps them as long as the process lives, and overwrites what it forgets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, int, str], bytearray] = {}
        """Root keys, by the state's cluster id, the epoch and the id of the unseal key."""

        self._shares: dict[str, tuple[str, list[bytearray]]] = {}

    def check(self) -> None:
        """Memory is always there."""

    def root_key(self, header: Header, /) -> bytes | None:
        """Give the root key."""
        with self._lock:
            self._wipe(lambda cluster_id, epoch: cluster_id == header.cluster_id and epoch < header.epoch)
            key = self._keys.get(_name(header))
            return None if key is None else bytes(key)

    def keep(self, header: Header, root_key: bytes, /) -> None:
        """Keep the root key."""
        with self._lock:
            self._wipe(lambda cluster_id, epoch: cluster_id != header.cluster_id or epoch == header.epoch)
            self._keys[_name(header)] = bytearray(root_key)

    def drop(self, cluster_id: str, /) -> None:
        """Forget the root key."""
        with self._lock:
            self._wipe(lambda found, _epoch: found == cluster_id)
        self.reset(cluster_id)

    def progress(self, header: Header, /) -> Progress:
        """Give the shares."""
        with self._lock:
            return self._progress(header.cluster_id)

    def enter(self, header: Header, share: bytes, nonce: str, /) -> Progress:
        """Add a share."""
        with self._lock:
            _, shares = self._shares.setdefault(header.cluster_id, (nonce, []))
            if share not in shares:
                shares.append(bytearray(share))
            return self._progress(header.cluster_id)

    def reset(self, cluster_id: str, /) -> None:
        """Forget the shares."""
        with self._lock:
            _, shares = self._shares.pop(cluster_id, ("", []))
            wipe(*shares)

    def _progress(self, cluster_id: str) -> Progress:
        nonce, shares = self._shares.get(cluster_id, ("", []))
        return Progress(nonce, tuple(map(bytes, shares)))

    def _wipe(self, is_done_with: Callable[[str, int], bool]) -> None:
        for name in [name for name in self._keys if is_done_with(name[0], name[1])]:
            wipe(self._keys.pop(name))


def _name(header: Header) -> tuple[str, int, str]:
    return header.cluster_id, header.epoch, str(header.seal.get("key_id", ""))


class Plan(NamedTuple):
    """What a new state is to be like: how its keys are shared, and for whom they are encrypted."""

    shares: int = 0
    threshold: int = 0
    recovery_shares: int = 0
    recovery_threshold: int = 0
    pgp_keys: tuple[bytes, ...] = ()
    """A PGP key for each share, of whichever key is shared; or none."""

    root_token_pgp_key: bytes = b""


class Made(NamedTuple):
    """What only those who made a state get to see: encrypted, where they gave PGP keys."""

    shares: Sequence[bytes]
    recovery_shares: Sequence[bytes]
    root_token: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"Made({len(self.shares)} shares, {len(self.recovery_shares)} recovery shares)"


class Maker(Protocol):
    """Makes a state where there is none."""

    kind: str
    """The type of the seal that it will have."""

    def make(self, plan: Plan, /) -> Made | None:
        """Make it; give None where somebody did so first. Raises: StateError."""
        ...


class Sealing(NamedTuple):
    """What unsealing takes, and making a state. `is_owner` says that those who ask own the state's files.

    `unseen` tells what to do where nobody may have seen the keys of the state that is there, or "".
    """

    keeper: Keeper
    is_owner: bool = False
    maker: Maker | None = None
    unseen: Callable[[], str] = lambda: ""
    seen: Callable[[], None] = lambda: None


def in_memory() -> Sealing:
    """Give that of a server."""
    return Sealing(InMemory())
