"""AES-256, in GCM and as the permutation of a block that it is, and HMAC-SHA256, from `cryptography`: nothing invented.

Python's own `hmac` would load a second OpenSSL, which takes 3 ms of every command.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher as Context
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_B = 32
NONCE_B = 12
TAG_B = 16
BLOCK_B = 16

Random = Callable[[int], bytes]
"""Gives that many random bytes; `os.urandom` outside tests."""


class Cipher:
    """One key. Nonces are random and travel in front of the ciphertext."""

    def __init__(self, key: bytes, random: Random) -> None:
        """Take a key of 32 bytes."""
        self.aes = AESGCM(key)
        self.random = random

    def __repr__(self) -> str:
        """Show nothing."""
        return "Cipher()"

    def encrypt(self, plain: bytes, bound: bytes) -> bytes:
        """Encrypt; `bound` is authenticated and not stored."""
        nonce = self.random(NONCE_B)
        return nonce + self.aes.encrypt(nonce, plain, bound)

    def decrypt(self, blob: bytes, bound: bytes | memoryview, begin: int = 0) -> bytes | None:
        """Decrypt what begins there, or return None where the bytes or what they are bound to have changed."""
        if len(blob) < begin + NONCE_B + TAG_B:
            return None
        try:
            return self.aes.decrypt(blob[begin : begin + NONCE_B], blob[begin + NONCE_B :], bound)
        except InvalidTag:
            return None


class Mac:
    """HMAC-SHA256 under one key, for many texts: to begin from the key each time takes twice as long."""

    def __init__(self, key: bytes) -> None:
        self.begun = hmac.HMAC(key, hashes.SHA256())

    def __repr__(self) -> str:
        """Show nothing."""
        return "Mac()"

    def of(self, data: bytes) -> bytes:
        """Give the HMAC-SHA256 of the data."""
        mac = self.begun.copy()
        mac.update(data)
        return mac.finalize()


class Blocks:
    """AES-256 of single blocks of 16 bytes under one key: for what is random itself, and never the same twice."""

    def __init__(self, key: bytes) -> None:
        self._context = Context(algorithms.AES(key), modes.ECB())  # noqa: S305  # a block by itself has no other mode
        self._encryptor = self._context.encryptor()  # kept: to begin costs ten times what a block does

    def __repr__(self) -> str:
        """Show nothing."""
        return "Blocks()"

    def encrypt(self, blocks: bytes) -> bytes:
        """Encrypt each block."""
        return self._encryptor.update(blocks)

    def decrypt(self, blocks: bytes) -> bytes:
        """Decrypt each block."""
        return self._context.decryptor().update(blocks)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Give the HMAC-SHA256 of the data."""
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def derive(key: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose: HKDF-Expand (RFC 5869) of one SHA-256 block."""
    return hmac_sha256(key, purpose.encode() + b"\x01")
