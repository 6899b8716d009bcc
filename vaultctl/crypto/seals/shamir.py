"""The shamir seal: an unseal key that nobody keeps, but as shares among people (see `crypto/shamir`).

It opens only where enough of them put their shares together, so it wraps the root key and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.crypto.aead import Random
from vaultctl.crypto.barrier import damaged
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import SealKeyError


class ShamirSeal:
    """AES-256-GCM under the unseal key: blobs are as the static seal's."""

    kind = "shamir"
    is_auto = False

    def __init__(self, key: bytes | bytearray, shares: int, threshold: int, random: Random) -> None:
        """Take the unseal key, 32 bytes, and how it is shared."""
        self._under = StaticSeal(bytes(key), random)
        self._numbers = {"shares": shares, "threshold": threshold}

    def __repr__(self) -> str:
        """Show the key's id, never the key."""
        return f"ShamirSeal({self.key_id})"

    @property
    def key_id(self) -> str:
        """Name the unseal key."""
        return self._under.key_id

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return {"type": self.kind, "key_id": self.key_id, **self._numbers}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt, bound to the name and the key's id."""
        return self._under.wrap(name, plain)

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt."""
        return self._under.unwrap(name, blob)


class OpenedShamirSeal:
    """A shamir seal that was opened before: what was kept is the root key, and not the unseal key."""

    kind = "shamir"
    is_auto = False

    def __init__(self, described: Mapping[str, Any], name: str, root_key: bytes | bytearray) -> None:
        """Take what the header says of the seal, the name of the root key's entry, and the root key."""
        self._described = described
        self._name = name
        self._root_key = root_key

    def __repr__(self) -> str:
        """Show the key's id, never a key."""
        return f"OpenedShamirSeal({self.key_id})"

    @property
    def key_id(self) -> str:
        """Name the unseal key."""
        return str(self._described.get("key_id", ""))

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return self._described

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Refuse: that takes the unseal key. Raises: SealKeyError."""
        raise SealKeyError(f"the unseal key is needed to wrap {name}, and only its holders have it, in shares")

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Give the root key, which was unwrapped before. Raises: IntegrityError for any other entry."""
        if name != self._name:
            raise damaged(name)
        return bytes(self._root_key)
