"""The static seal: a key of 32 bytes that the owner keeps, by default in a file beside the state.

Source: OpenBao 2.7's static seal, which names its keys by id; here the id follows from the key.
"""

import binascii
from collections.abc import Mapping
from typing import Any

from vaultctl.crypto.aead import KEY_B, Cipher, Random, derive
from vaultctl.crypto.barrier import damaged
from vaultctl.crypto.seals.blob import head_of
from vaultctl.logical.errors import SealKeyError


class StaticSeal:
    """AES-256-GCM under one key."""

    kind = "static"
    is_auto = True

    def __init__(self, key: bytes, random: Random) -> None:
        """Take a key of 32 bytes."""
        self.cipher = Cipher(key, random)
        self.key_id = binascii.hexlify(derive(key, "vaultctl seal key id")[:8]).decode()
        self.head = head_of(self.key_id)

    def __repr__(self) -> str:
        """Show the key's id, never the key."""
        return f"StaticSeal({self.key_id})"

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return {"type": self.kind, "key_id": self.key_id}

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt, bound to the name and the key's id."""
        return self.head + self.cipher.encrypt(plain, self.head + name.encode())

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt."""
        head = self.head
        plain = self.cipher.decrypt(blob, head + name.encode(), len(head)) if blob.startswith(head) else None
        if plain is None:
            raise damaged(name)
        return plain


def read_key(text: bytes, source: str) -> bytes:
    """Read a key as kept in a file or a variable: base64 or hex of 32 bytes, or the bytes themselves.

    Raises: SealKeyError.
    """
    if len(text) == KEY_B:
        return text
    stripped = text.strip()
    try:
        key = (
            bytes.fromhex(stripped.decode())
            if len(stripped) == 2 * KEY_B
            else binascii.a2b_base64(stripped, strict_mode=True)
        )
    except ValueError:
        key = b""
    if len(key) != KEY_B:
        raise SealKeyError(
            f"{source} holds no seal key: a key is {KEY_B} bytes, in base64 or hex",
            hint="put the key back from your backup; without it the state cannot be opened",
        )
    return key


def write_key(key: bytes) -> bytes:
    """Give the key as a file keeps it."""
    return binascii.b2a_base64(key)
