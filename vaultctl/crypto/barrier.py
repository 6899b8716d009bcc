"""The barrier: what turns entries into ciphertext and back. The bytes are drawn in docs/state-format.md.

Every ciphertext is bound to its entry's name and to the term that made it, so that neither can be changed unseen.
Transactions count encryptions, because a key with random 96-bit nonces must not be used for ever.
"""

from typing import TYPE_CHECKING

from vaultctl.crypto.aead import Cipher, Mac, Random, derive, hmac_sha256
from vaultctl.crypto.keyring import Keyring, read_keyring
from vaultctl.logical.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaultctl.logical.storage import Replaced

ENTRY = 1
KEYRING = 2
SEALED = 3
TOKEN = 4
"""The kinds of a blob, its first byte: an entry, the keyring, something that a seal wrapped, a batch token."""

ROTATE_AFTER = 3_865_470_566
"""A term is replaced after this many encryptions, nine tenths of what NIST SP 800-38D allows with random nonces.

Source: OpenBao 2.7, whose operators may only lower it.
"""

_TERM_B = 4
_HEAD_B = 1 + _TERM_B
_SALT_B = 24


class Barrier:
    """The keys of one unsealed state. It also holds the keys by which a backend proves its state (see `Integrity`)."""

    def __init__(self, keyring: Keyring, random: Random) -> None:
        """Hold a keyring."""
        self.keyring = keyring
        self._random = random
        self._ciphers: dict[bytes, Cipher] = {}
        """By what a ciphertext begins with: the kind of an entry, and the term."""

        self.term = str(keyring.active)
        """The term that encrypts, as headers name it."""
        self._head = bytes([ENTRY]) + keyring.active.to_bytes(_TERM_B, "big")
        self._active = self._ciphers[self._head] = Cipher(keyring.terms[keyring.active].key, random)
        # The set digest is carried from commit to commit, so its keys must outlive a rotation: they come from the first
        # term, which a keyring never loses.
        first, active = keyring.terms[min(keyring.terms)].key, keyring.terms[keyring.active].key
        self._mac = Cipher(derive(active, "vaultctl state mac"), random)
        self._hidden = Cipher(derive(first, "vaultctl backend bookkeeping"), random)
        self._set_mac = Mac(derive(first, "vaultctl set digest"))

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return f"Barrier({self.keyring!r})"

    def encrypt(self, name: str, plain: bytes) -> bytes:
        """Encrypt an entry's value under the active term."""
        return self._head + self._active.encrypt(plain, self._head + name.encode())

    def decrypt(self, name: str, blob: bytes) -> bytes:
        """Decrypt an entry's value. Raises: IntegrityError, which names the entry."""
        head = blob[:_HEAD_B]
        plain = (self._ciphers.get(head) or self._cipher(head, name)).decrypt(blob[_HEAD_B:], head + name.encode())
        if plain is None:
            raise damaged(name)
        return plain

    def encrypt_token(self, plain: bytes) -> bytes:
        """Encrypt what no entry holds, under a key of its own: so it needs no count of what a term encrypted."""
        head = bytes([TOKEN]) + self.keyring.active.to_bytes(_TERM_B, "big") + self._random(_SALT_B)
        return head + self._token_cipher(self.keyring.active, head).encrypt(plain, head)

    def decrypt_token(self, blob: bytes) -> bytes | None:
        """Decrypt it, or return None where it is none of this state's."""
        head, body = blob[: 1 + _TERM_B + _SALT_B], blob[1 + _TERM_B + _SALT_B :]
        term = int.from_bytes(head[1 : 1 + _TERM_B], "big")
        if head[:1] != bytes([TOKEN]) or term not in self.keyring.terms:
            return None
        return self._token_cipher(term, head).decrypt(body, head)

    def _token_cipher(self, term: int, head: bytes) -> Cipher:
        secret = derive(self.keyring.terms[term].key, "vaultctl batch tokens")
        return Cipher(hmac_sha256(secret, head), self._random)

    def mac(self, data: bytes, /) -> bytes:
        """Authenticate bytes with GMAC: AES-GCM over no plaintext, with a fresh nonce."""
        return self._mac.encrypt(b"", data)

    def is_authentic(self, data: bytes | memoryview, tag: bytes, /) -> bool:
        """Tell whether `mac` made the tag for these bytes."""
        return self._mac.decrypt(tag, data) == b""

    def fingerprint(self, name: str, blob: bytes, /) -> int:
        """Give the entry's part in a set digest."""
        encoded = name.encode()
        data = len(encoded).to_bytes(4, "big") + encoded + blob
        return int.from_bytes(self._set_mac.of(data), "big")

    def fingerprints(self, replaced: "Iterable[Replaced]", /) -> int:
        """Give by how much the sum of the fingerprints grows when these ciphertexts take the place of others."""
        begun, number, total = self._set_mac.begun, int.from_bytes, 0
        for _, name, old, new in replaced:
            encoded = name.encode()
            bound = len(encoded).to_bytes(4, "big") + encoded
            was, becomes = begun.copy(), begun.copy()
            was.update(bound + old)
            becomes.update(bound + new)
            total += number(becomes.finalize(), "big") - number(was.finalize(), "big")
        return total

    def hide(self, data: bytes, /) -> bytes:
        """Encrypt bookkeeping of the backend's own."""
        return self._hidden.encrypt(data, b"")

    def reveal(self, blob: bytes, /) -> bytes:
        """Decrypt it. Raises: IntegrityError."""
        plain = self._hidden.decrypt(blob, b"")
        if plain is None:
            raise IntegrityError("the state's own bookkeeping is damaged")
        return plain

    def _cipher(self, head: bytes, name: str) -> Cipher:
        """Make the cipher that a ciphertext's first bytes name. Raises: IntegrityError."""
        term = self.keyring.terms.get(int.from_bytes(head[1:], "big"))
        if head[:1] != bytes([ENTRY]) or term is None:
            raise damaged(name)
        cipher = self._ciphers[head] = Cipher(term.key, self._random)
        return cipher


def seal_keyring(root_key: bytes, name: str, keyring: Keyring, random: Random) -> bytes:
    """Encrypt the keyring under the root key."""
    head = bytes([KEYRING])
    return head + Cipher(root_key, random).encrypt(keyring.to_bytes(), head + name.encode())


def open_keyring(root_key: bytes, name: str, blob: bytes, random: Random) -> Keyring:
    """Decrypt the keyring. Raises: IntegrityError."""
    head = bytes([KEYRING])
    plain = Cipher(root_key, random).decrypt(blob[1:], head + name.encode()) if blob[:1] == head else None
    if plain is None:
        raise damaged(name)
    return read_keyring(plain)


def damaged(name: str) -> IntegrityError:
    """Name the entry that is not what vaultctl wrote."""
    return IntegrityError(
        f"the entry {name} does not decrypt: it was changed, renamed, or put there by something else",
        hint="restore a backup with 'vaultctl operator snapshot restore FILE', or save the other entries with"
        " 'vaultctl operator check -salvage=FILE'",
    )
