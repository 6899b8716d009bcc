"""AES-256-GCM and HMAC-SHA256, from `cryptography`. Nothing here invents a primitive.

Python's own `hmac` would load a second OpenSSL, which takes 3 ms of every command.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_B = 32
NONCE_B = 12
TAG_B = 16

Random = Callable[[int], bytes]
"""Gives that many random bytes; `os.urandom` outside tests."""


class Cipher:
    """One key. Nonces are random and travel in front of the ciphertext."""

    def __init__(self, key: bytes, random: Random) -> None:
        """Take a key of 32 bytes."""
        self._aes = AESGCM(key)
        self._random = random

    def __repr__(self) -> str:
        """Show nothing."""
        return "Cipher()"

    def encrypt(self, plain: bytes, bound: bytes) -> bytes:
        """Encrypt; `bound` is authenticated and not stored."""
        nonce = self._random(NONCE_B)
        return nonce + self._aes.encrypt(nonce, plain, bound)

    def decrypt(self, blob: bytes, bound: bytes | memoryview) -> bytes | None:
        """Decrypt, or return None where the bytes or what they are bound to have changed."""
        if len(blob) < NONCE_B + TAG_B:
            return None
        try:
            return self._aes.decrypt(blob[:NONCE_B], blob[NONCE_B:], bound)
        except InvalidTag:
            return None


class Mac:
    """HMAC-SHA256 under one key, for many texts: to begin from the key each time takes twice as long."""

    def __init__(self, key: bytes) -> None:
        self._begun = hmac.HMAC(key, hashes.SHA256())

    def __repr__(self) -> str:
        """Show nothing."""
        return "Mac()"

    def of(self, data: bytes) -> bytes:
        """Give the HMAC-SHA256 of the data."""
        mac = self._begun.copy()
        mac.update(data)
        return mac.finalize()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Give the HMAC-SHA256 of the data."""
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def derive(key: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose: HKDF-Expand (RFC 5869) of one SHA-256 block."""
    return hmac_sha256(key, purpose.encode() + b"\x01")
