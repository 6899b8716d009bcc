"""The one cipher and the one derivation that everything is made of."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from vaultctl.crypto.aead import NONCE_B, TAG_B, Blocks, Cipher, derive

KEY = bytes(range(32))


@pytest.mark.parametrize("plain", [b"", b"plain", bytes(100_000)], ids=["empty", "short", "long"])
def test_what_was_encrypted_decrypts(plain: bytes):
    """A plain text of any length comes back."""
    cipher = Cipher(KEY, os.urandom)
    assert cipher.decrypt(cipher.encrypt(plain, b"bound"), b"bound") == plain


def test_it_is_aes_gcm_with_the_nonce_in_front():
    """Any AES-256-GCM reads what the cipher writes."""
    blob = Cipher(KEY, os.urandom).encrypt(b"plain", b"bound")
    assert AESGCM(KEY).decrypt(blob[:NONCE_B], blob[NONCE_B:], b"bound") == b"plain"


def test_each_encryption_takes_its_own_nonce():
    """The same text never encrypts to the same bytes."""
    cipher = Cipher(KEY, os.urandom)
    assert len({cipher.encrypt(b"plain", b"") for _ in range(1000)}) == 1000


def test_no_changed_byte_decrypts():
    """Whichever bit of a ciphertext changes, it does not decrypt."""
    cipher = Cipher(KEY, os.urandom)
    blob = cipher.encrypt(b"plain", b"bound")
    flipped = [blob[:at] + bytes([blob[at] ^ 1 << bit]) + blob[at + 1 :] for at in range(len(blob)) for bit in range(8)]
    assert [cipher.decrypt(changed, b"bound") for changed in flipped] == [None] * len(flipped)


def test_no_part_of_it_decrypts():
    """A ciphertext that is cut off at either end does not decrypt, however short it is."""
    cipher = Cipher(KEY, os.urandom)
    blob = cipher.encrypt(b"", b"")
    parts = [blob[:end] for end in range(len(blob))] + [blob[begin:] for begin in range(1, len(blob))]
    assert [cipher.decrypt(part, b"") for part in parts] == [None] * len(parts)
    assert len(blob) == NONCE_B + TAG_B


def test_it_is_bound_to_what_it_was_bound_to():
    """With other associated data it does not decrypt."""
    cipher = Cipher(KEY, os.urandom)
    assert cipher.decrypt(cipher.encrypt(b"plain", b"bound"), b"other") is None


def test_another_key_does_not_decrypt():
    """With another key it does not decrypt."""
    assert Cipher(bytes(32), os.urandom).decrypt(Cipher(KEY, os.urandom).encrypt(b"plain", b""), b"") is None


@pytest.mark.parametrize("purpose", ["", "vaultctl state mac", "ü"])
def test_a_derived_key_is_hkdf(purpose: str):
    """A derived key is HKDF-Expand with SHA-256, as another implementation of RFC 5869 has it."""
    assert derive(KEY, purpose) == HKDFExpand(SHA256(), 32, purpose.encode()).derive(KEY)


def test_a_block_is_what_the_standard_says():
    """Single blocks are AES-256's own, one after the other, and come back. Source: FIPS 197, appendix C.3."""
    blocks, plain = Blocks(KEY), bytes.fromhex("00112233445566778899aabbccddeeff")
    made = blocks.encrypt(plain)
    assert made.hex() == "8ea2b7ca516745bfeafc49904b496089"
    assert blocks.encrypt(plain + plain) == made + made
    assert blocks.decrypt(made) == plain


def test_blocks_show_no_key():
    """What is printed of them is their name."""
    assert repr(Blocks(KEY)) == "Blocks()"
