"""The shamir seal: an unseal key that is kept by nobody."""

import os

import pytest

from vaultctl.crypto.seals.shamir import OpenedShamirSeal, ShamirSeal
from vaultctl.logical.errors import IntegrityError, SealKeyError

KEY = bytes(range(32))
NAME = "core/seal/root-key"


@pytest.fixture
def seal() -> ShamirSeal:
    """A seal of five shares, three of which open."""
    return ShamirSeal(KEY, 5, 3, os.urandom)


def test_what_was_wrapped_is_unwrapped(seal: ShamirSeal):
    """The same unseal key opens it again, in another process too."""
    assert ShamirSeal(KEY, 5, 3, os.urandom).unwrap(NAME, seal.wrap(NAME, b"plain")) == b"plain"


def test_another_key_does_not_unwrap(seal: ShamirSeal):
    """Another unseal key opens nothing."""
    with pytest.raises(IntegrityError):
        ShamirSeal(bytes(32), 5, 3, os.urandom).unwrap(NAME, seal.wrap(NAME, b"plain"))


def test_the_header_gets_no_secret(seal: ShamirSeal):
    """What the header says is the type, the key's id and how it is shared."""
    assert seal.describe() == {"type": "shamir", "key_id": seal.key_id, "shares": 5, "threshold": 3}
    assert KEY.hex() not in repr(seal)


def test_it_is_opened_by_people(seal: ShamirSeal):
    """It does not open by itself, so it wraps no entries."""
    assert (seal.kind, seal.is_auto) == ("shamir", False)


def test_what_was_opened_gives_the_root_key_alone(seal: ShamirSeal):
    """What is kept of an opened seal is the root key: it unwraps nothing else, and wraps nothing."""
    opened = OpenedShamirSeal(seal.describe(), NAME, b"root key")
    assert (opened.unwrap(NAME, b""), opened.describe(), opened.key_id) == (b"root key", seal.describe(), seal.key_id)
    with pytest.raises(IntegrityError):
        opened.unwrap("core/keyring", seal.wrap("core/keyring", b"x"))
    with pytest.raises(SealKeyError, match="only its holders"):
        opened.wrap(NAME, b"x")
    assert "root key" not in repr(opened)
