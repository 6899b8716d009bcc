"""One seal over a current and previous ones: it wraps with the current, and unwraps by the key id in the blob.

Previous seals are looked for when something that they wrapped is read first, so that one that is gone costs nothing but
what it wrapped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaultctl.crypto.seals.blob import head_of, key_id_of
from vaultctl.crypto.seals.seal import Seal
from vaultctl.logical.errors import IntegrityError

PREVIOUS = "previous"
"""Where a header's description of a seal has those of the previous ones."""

Described = Mapping[str, Any]
"""What a header says of one seal."""


class Several:
    """A current seal, and previous ones that some entries are still wrapped by."""

    def __init__(self, current: Seal, previous: Sequence[Described], find: Callable[[Described], Seal]) -> None:
        """`find` gives a previous seal by its description. It raises SealKeyError, SealUnavailable."""
        self.current = current
        self.previous = previous
        self.find_described = find
        self._found: dict[str, Seal] = {current.key_id: current}
        self._by_head: dict[bytes, Seal] = {head_of(current.key_id): current}

    def __repr__(self) -> str:
        """Show the keys' ids, never a key."""
        return f"Several({[self.key_id, *(each['key_id'] for each in self.previous)]})"

    @property
    def kind(self) -> str:
        """The current seal's type."""
        return self.current.kind

    @property
    def is_auto(self) -> bool:
        """Tell whether the current seal opens without people."""
        return self.current.is_auto

    @property
    def key_id(self) -> str:
        """The key that wraps now."""
        return self.current.key_id

    def describe(self) -> Described:
        """Give what the header says of all of them."""
        return {**self.current.describe(), PREVIOUS: [dict(each) for each in self.previous]}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt under the current key."""
        return self.current.wrap(name, plain)

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt by the key that wrapped it. Raises: IntegrityError, SealKeyError, SealUnavailable."""
        seal = self._by_head.get(blob[: 2 + blob[1]]) if len(blob) > 1 else None
        if seal is None:
            key_id = key_id_of(blob)
            seal = self.find(key_id)
            if seal is None:
                raise wrapped_by_unknown(name, key_id)
            self._by_head[head_of(key_id)] = seal
        return seal.unwrap(name, blob)

    def known(self, key_id: str) -> Seal | None:
        """Give the seal of a key, if it was looked for already."""
        return self._found.get(key_id)

    def find(self, key_id: str) -> Seal | None:
        """Give the seal of a key, or None where the header names no such key. Raises: SealKeyError, SealUnavailable."""
        if key_id not in self._found:
            described = next((each for each in self.previous if each["key_id"] == key_id), None)
            if described is None:
                return None
            self._found[key_id] = self.find_described(described)
        return self._found[key_id]


def current_of(seal: Seal) -> Seal:
    """Give the seal that wraps, without the previous ones."""
    return seal.current if isinstance(seal, Several) else seal


def in_front_of(seal: Seal, current: Seal) -> Seal:
    """Give another current seal, with the previous ones that this one has, unless it has its own."""
    if not isinstance(seal, Several) or isinstance(current, Several):
        return current
    return Several(current, seal.previous, seal.find_described)


def previous_of(seal: Seal) -> Sequence[Described]:
    """Give the descriptions of the previous ones."""
    return seal.previous if isinstance(seal, Several) else ()


def wrapped_by_unknown(name: str, key_id: str) -> IntegrityError:
    """Name an entry that is wrapped by a key of which the state knows nothing."""
    return IntegrityError(
        f"the entry {name} is wrapped by the seal key {key_id}, which is none of this state's",
        hint="restore a backup with 'vaultctl operator snapshot restore FILE'",
    )
