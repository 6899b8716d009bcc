"""The barrier: entries under the terms of a keyring, and what proves a state."""

import os

import pytest

from vaultctl.crypto.barrier import ENTRY, Barrier, open_keyring, seal_keyring
from vaultctl.crypto.keyring import new_keyring, read_keyring
from vaultctl.logical.errors import IntegrityError

NAME = "logical/uuid/secret"
CREATED = "2026-01-01T00:00:00Z"
ROOT_KEY = bytes(range(32))


@pytest.fixture
def barrier() -> Barrier:
    """A barrier of one term."""
    return Barrier(new_keyring(os.urandom, CREATED), os.urandom)


@pytest.fixture
def rotated(barrier: Barrier) -> Barrier:
    """The same with a second term."""
    return Barrier(barrier.keyring.rotated(os.urandom, CREATED), os.urandom)


def test_an_entry_decrypts(barrier: Barrier):
    """What was encrypted under a name decrypts under it."""
    assert barrier.decrypt(NAME, barrier.encrypt(NAME, b"value")) == b"value"


def test_an_entry_begins_with_its_kind_and_term(rotated: Barrier):
    """The first byte is the kind, the next four the number of the active term."""
    assert rotated.encrypt(NAME, b"")[:5] == bytes([ENTRY, 0, 0, 0, 2])


def test_an_entry_is_bound_to_its_name(barrier: Barrier):
    """Under another name it does not decrypt, and the error tells that name."""
    with pytest.raises(IntegrityError, match="the entry another/name does not decrypt"):
        barrier.decrypt("another/name", barrier.encrypt(NAME, b"value"))


@pytest.mark.parametrize("term", [0, 1, 3, 2**32 - 1])
def test_an_entry_is_bound_to_its_term(rotated: Barrier, term: int):
    """With another term's number in front it does not decrypt, whether there is such a term or not."""
    blob = rotated.encrypt(NAME, b"value")
    with pytest.raises(IntegrityError):
        rotated.decrypt(NAME, blob[:1] + term.to_bytes(4, "big") + blob[5:])


@pytest.mark.parametrize("kind", [0, 2, 3, 255])
def test_an_entry_of_another_kind_does_not_decrypt(barrier: Barrier, kind: int):
    """Only an entry is taken for an entry."""
    with pytest.raises(IntegrityError):
        barrier.decrypt(NAME, bytes([kind]) + barrier.encrypt(NAME, b"value")[1:])


def test_no_part_of_an_entry_decrypts(barrier: Barrier):
    """An entry that is cut off anywhere is an IntegrityError."""
    blob = barrier.encrypt(NAME, b"value")
    for end in range(len(blob)):
        with pytest.raises(IntegrityError):
            barrier.decrypt(NAME, blob[:end])


def test_old_terms_still_decrypt(barrier: Barrier, rotated: Barrier):
    """After a rotation the entries of the term before are read."""
    assert rotated.decrypt(NAME, barrier.encrypt(NAME, b"value")) == b"value"


def test_new_terms_are_closed_to_old_keyrings(barrier: Barrier, rotated: Barrier):
    """Without the new term its entries do not decrypt."""
    with pytest.raises(IntegrityError):
        barrier.decrypt(NAME, rotated.encrypt(NAME, b"value"))


def test_a_mac_is_known_again(barrier: Barrier):
    """A tag is authentic for the bytes that it was made for, and for no others."""
    tag = barrier.mac(b"all bytes")
    assert [barrier.is_authentic(data, tag) for data in (b"all bytes", b"all byte", b"all bytes.", b"")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_mac_differs_each_time(barrier: Barrier):
    """Two tags of the same bytes have two nonces."""
    assert barrier.mac(b"") != barrier.mac(b"")


@pytest.mark.parametrize("tag", [b"", bytes(12), bytes(28), bytes(40)])
def test_anything_else_is_no_mac(barrier: Barrier, tag: bytes):
    """A tag of another length, or of zeros, is not authentic."""
    assert barrier.is_authentic(b"", tag) is False


def test_a_mac_of_an_entry_is_none(barrier: Barrier):
    """No entry's ciphertext is taken for a tag, and no tag for bookkeeping: each has a key of its own."""
    entry = barrier.encrypt(NAME, b"")[5:]
    assert barrier.is_authentic(b"\x01\x00\x00\x00\x01" + NAME.encode(), entry) is False
    with pytest.raises(IntegrityError):
        barrier.reveal(barrier.mac(b""))


def test_fingerprints_outlive_a_rotation(barrier: Barrier, rotated: Barrier):
    """What a set digest is made of does not change with the active term."""
    assert barrier.fingerprint(NAME, b"blob") == rotated.fingerprint(NAME, b"blob")


def test_fingerprints_tell_names_from_values(barrier: Barrier):
    """Where the name ends and the value begins is part of the fingerprint."""
    assert barrier.fingerprint("ab", b"c") != barrier.fingerprint("a", b"bc")


def test_fingerprints_are_keyed(barrier: Barrier):
    """Another state's keys give another fingerprint."""
    other = Barrier(new_keyring(os.urandom, CREATED), os.urandom)
    assert barrier.fingerprint(NAME, b"") != other.fingerprint(NAME, b"")


def test_what_was_hidden_is_revealed(barrier: Barrier, rotated: Barrier):
    """Bookkeeping decrypts, after a rotation too."""
    assert rotated.reveal(barrier.hide(b"bookkeeping")) == b"bookkeeping"


def test_changed_bookkeeping_is_damage(barrier: Barrier):
    """Bookkeeping that was changed is an IntegrityError."""
    blob = barrier.hide(b"bookkeeping")
    with pytest.raises(IntegrityError):
        barrier.reveal(blob[:-1] + bytes([blob[-1] ^ 1]))


def test_a_keyring_is_read_as_it_was_written(rotated: Barrier):
    """All terms come back, with their keys and moments."""
    assert read_keyring(rotated.keyring.to_bytes()) == rotated.keyring


def test_a_rotation_adds_a_term(barrier: Barrier):
    """A rotation keeps the old terms and makes the new one active, with a key of its own."""
    keyring = barrier.keyring.rotated(os.urandom, "later")
    assert (sorted(keyring.terms), keyring.active, keyring.terms[2].created) == ([1, 2], 2, "later")
    assert keyring.terms[1] == barrier.keyring.terms[1]
    assert keyring.terms[1].key != keyring.terms[2].key


def test_a_keyring_opens_under_its_root_key(barrier: Barrier):
    """The root key that sealed a keyring opens it."""
    sealed = seal_keyring(ROOT_KEY, "core/keyring", barrier.keyring, os.urandom)
    assert open_keyring(ROOT_KEY, "core/keyring", sealed, os.urandom) == barrier.keyring


@pytest.mark.parametrize(("root_key", "name"), [(bytes(32), "core/keyring"), (ROOT_KEY, "core/other")])
def test_a_keyring_opens_under_nothing_else(barrier: Barrier, root_key: bytes, name: str):
    """Another root key, or another name, is an IntegrityError."""
    sealed = seal_keyring(ROOT_KEY, "core/keyring", barrier.keyring, os.urandom)
    with pytest.raises(IntegrityError, match=name):
        open_keyring(root_key, name, sealed, os.urandom)


def test_a_keyring_is_no_entry(barrier: Barrier):
    """A sealed keyring is not taken for an entry, nor an entry for a keyring."""
    sealed = seal_keyring(ROOT_KEY, NAME, barrier.keyring, os.urandom)
    with pytest.raises(IntegrityError):
        barrier.decrypt(NAME, sealed)
    with pytest.raises(IntegrityError):
        open_keyring(ROOT_KEY, NAME, barrier.encrypt(NAME, b"value"), os.urandom)
