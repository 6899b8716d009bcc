"""What every seal that opens by itself keeps to, wherever its key is."""

import pytest

from vaultctl.crypto.seals.blob import key_id_of
from vaultctl.logical.errors import IntegrityError

NAME = "core/seal/root-key"


@pytest.mark.parametrize("plain", [b"", b"plain", bytes(range(256)) * 300], ids=["empty", "short", "long"])
def test_what_was_wrapped_is_unwrapped(seal, plain):
    """A seal opens what it closed, be it empty or long."""
    assert seal.unwrap(NAME, seal.wrap(NAME, plain)) == plain


def test_it_wraps_nothing_the_same_way_twice(seal):
    """Who sees two blobs cannot tell whether they hold the same."""
    assert seal.wrap(NAME, b"plain") != seal.wrap(NAME, b"plain")


def test_a_wrapped_value_names_its_key(seal):
    """The key's id stands in the clear in front of what it wrapped."""
    assert key_id_of(seal.wrap(NAME, b"plain")) == seal.key_id


def test_the_header_gets_no_secret_and_no_place(seal):
    """What the seal says of itself is its type and its key's id: whoever can write the header points at nothing."""
    assert dict(seal.describe()) == {"type": seal.kind, "key_id": seal.key_id}
    assert seal.is_auto


def test_a_wrapped_value_is_bound_to_its_name(seal):
    """Under another name it is an IntegrityError that tells that name."""
    with pytest.raises(IntegrityError, match="core/other"):
        seal.unwrap("core/other", seal.wrap(NAME, b"plain"))


def test_no_changed_byte_is_unwrapped(seal):
    """Whichever byte changes, the key's id among them, it is an IntegrityError; the seal goes on."""
    blob = seal.wrap(NAME, b"plain")
    for position in range(len(blob)):
        with pytest.raises(IntegrityError):
            seal.unwrap(NAME, blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :])
    assert seal.unwrap(NAME, blob) == b"plain"


def test_no_shorter_value_is_unwrapped(seal):
    """A blob that was cut anywhere is an IntegrityError."""
    blob = seal.wrap(NAME, b"plain")
    for length in range(len(blob)):
        with pytest.raises(IntegrityError):
            seal.unwrap(NAME, blob[:length])


def test_another_key_does_not_unwrap(seals):
    """Another key opens nothing, even where its id is put in front."""
    seal, other = seals
    blob = seal.wrap(NAME, b"plain")
    with pytest.raises(IntegrityError):
        other.unwrap(NAME, blob)
    behind = blob[2 + len(seal.key_id) :]
    with pytest.raises(IntegrityError):
        other.unwrap(NAME, other.wrap(NAME, b"")[: 2 + len(other.key_id)] + behind)
