"""The static seal, and the spellings of its key."""

import base64
import os

import pytest

from vaultctl.crypto.seals.static import StaticSeal, read_key, write_key
from vaultctl.logical.errors import SealKeyError

KEY = bytes(range(32))


def test_the_keys_id_follows_from_the_key():
    """The same key has the same id everywhere; the id is no part of the key."""
    seal = StaticSeal(KEY, os.urandom)
    assert StaticSeal(KEY, os.urandom).key_id == seal.key_id
    assert StaticSeal(bytes(32), os.urandom).key_id != seal.key_id
    assert bytes.fromhex(seal.key_id) not in KEY


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode() + b"\n",
        base64.b64encode(KEY),
        base64.b64encode(KEY) + b"\r\n",
    ],
    ids=["bytes", "hex", "hex-line", "base64", "base64-line"],
)
def test_a_key_is_read_in_each_spelling(text: bytes):
    """A key is 32 bytes as they are, in hex or in base64, with or without an end of line."""
    assert read_key(text, "the test") == KEY


def test_a_key_is_read_as_it_was_written():
    """What a key file holds reads back."""
    assert read_key(write_key(KEY), "the test") == KEY


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"short", KEY[:31], KEY + b"x", base64.b64encode(KEY[:31]), b"g" * 64, b"\xff" * 64, b"A" * 43]
)
def test_anything_else_is_no_key(text: bytes):
    """Text of another length or spelling is a SealKeyError that names the source and shows nothing of it."""
    with pytest.raises(SealKeyError, match="the test holds no seal key") as caught:
        read_key(text, "the test")
    assert caught.value.hint != ""
