"""The static seal, and the spellings of its key."""

import base64
import os

import pytest

from vaultctl.crypto.seals.static import StaticSeal, read_key, write_key
from vaultctl.logical.errors import IntegrityError, SealKeyError

KEY = bytes(range(32))
NAME = "core/seal/root-key"


@pytest.fixture
def seal() -> StaticSeal:
    """A seal with a key."""
    return StaticSeal(KEY, os.urandom)


def test_what_was_wrapped_is_unwrapped(seal: StaticSeal):
    """A seal opens what it closed, and so does another one with the same key."""
    assert StaticSeal(KEY, os.urandom).unwrap(NAME, seal.wrap(NAME, b"plain")) == b"plain"


def test_a_wrapped_value_names_its_key(seal: StaticSeal):
    """The key's id stands in the clear in front of what it wrapped."""
    assert seal.key_id.encode() in seal.wrap(NAME, b"plain")[:20]


def test_the_keys_id_follows_from_the_key(seal: StaticSeal):
    """The same key has the same id everywhere; the id is no part of the key."""
    assert StaticSeal(KEY, os.urandom).key_id == seal.key_id
    assert StaticSeal(bytes(32), os.urandom).key_id != seal.key_id
    assert bytes.fromhex(seal.key_id) not in KEY


def test_the_header_gets_no_secret(seal: StaticSeal):
    """What the seal says of itself is its type and its key's id."""
    assert dict(seal.describe()) == {"type": "static", "key_id": seal.key_id}


def test_a_wrapped_value_is_bound_to_its_name(seal: StaticSeal):
    """Under another name it is an IntegrityError that tells that name."""
    with pytest.raises(IntegrityError, match="core/other"):
        seal.unwrap("core/other", seal.wrap(NAME, b"plain"))


def test_no_changed_byte_is_unwrapped(seal: StaticSeal):
    """Whichever byte changes, the key's id among them, it is a StateError."""
    blob = seal.wrap(NAME, b"plain")
    for position in range(len(blob)):
        with pytest.raises((IntegrityError, SealKeyError)):
            seal.unwrap(NAME, blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :])


def test_another_key_does_not_unwrap(seal: StaticSeal):
    """Another key opens nothing, even where its id is put in front."""
    other = StaticSeal(bytes(32), os.urandom)
    blob = seal.wrap(NAME, b"plain")
    with pytest.raises((IntegrityError, SealKeyError)):
        other.unwrap(NAME, blob)
    with pytest.raises((IntegrityError, SealKeyError)):
        other.unwrap(NAME, blob.replace(seal.key_id.encode(), other.key_id.encode()))


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
