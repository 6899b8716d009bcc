"""The transit seal, on a real OpenBao: versions of its key, rights, and what is no transit engine."""

import pytest

from vaultctl.crypto.seals.blob import key_id_of
from vaultctl.crypto.seals.transit import TransitSeal, key_id, version_of
from vaultctl.logical.errors import IntegrityError, NoAnswer, SealKeyError, SealUnavailable
from vaultctl.logical.request import Operation

NAME = "core/seal/root-key"


def test_a_seal_stays_with_its_version(transit_key):
    """What is wrapped names the version that the seal was made with, whatever came after it over there."""
    seal = TransitSeal(transit_key, 1)
    assert transit_key.newest() == 2
    assert key_id_of(seal.wrap(NAME, b"plain")) == "vaultctl:v1"
    assert seal.unwrap(NAME, seal.wrap(NAME, b"plain")) == b"plain"


def test_a_rotation_gives_the_next_version(transit_key):
    """Rotated, the key has one version more, and its older ones still open what they closed."""
    blob = TransitSeal(transit_key, 2).wrap(NAME, b"plain")
    assert transit_key.rotate() == 3
    assert TransitSeal(transit_key, version_of("vaultctl:v2")).unwrap(NAME, blob) == b"plain"


def test_a_version_that_is_out_of_use_is_said_to_be(bao, transit_key):
    """Once the engine refuses a version, so does the seal, with what the engine says."""
    blob = TransitSeal(transit_key, 1).wrap(NAME, b"plain")
    bao.ask(Operation.UPDATE, "transit/keys/vaultctl/config", {"min_decryption_version": 2})
    with pytest.raises(IntegrityError, match=r"core/seal/root-key.*too old"):
        TransitSeal(transit_key, 1).unwrap(NAME, blob)


def test_a_token_without_rights_is_told_what_it_needs(transit_key):
    """A refused token is SealUnavailable: once it has its rights, all is as it was."""
    key = transit_key._replace(find_token=lambda: "s.nobody")
    with pytest.raises(SealUnavailable, match="permission denied") as caught:
        TransitSeal(key, 1).wrap(NAME, b"plain")
    assert "update on transit/encrypt/vaultctl and transit/decrypt/vaultctl" in caught.value.hint
    assert "s.nobody" not in f"{key!r} {caught.value}"


@pytest.mark.parametrize(
    ("mount", "name"), [("secret/", "vaultctl"), ("nowhere/", "vaultctl"), ("cubbyhole/", "vaultctl")]
)
def test_what_is_no_transit_engine_is_no_seal(transit_key, mount, name):
    """An engine of another kind, or none, is an error and not a wrapped value."""
    key = transit_key._replace(mount=mount, name=name)
    with pytest.raises((SealUnavailable, SealKeyError)):
        TransitSeal(key, 1).wrap(NAME, b"plain")
    with pytest.raises((SealUnavailable, SealKeyError)):
        key.newest()


def test_a_server_that_does_not_answer_is_unavailable(transit_key):
    """Nobody at the address is SealUnavailable, not a damaged entry."""

    class Nobody:
        def handle(self, _request):
            raise NoAnswer("connection refused")

    blob = TransitSeal(transit_key, 1).wrap(NAME, b"plain")
    with pytest.raises(SealUnavailable, match="connection refused"):
        TransitSeal(transit_key._replace(door=Nobody()), 1).unwrap(NAME, blob)


@pytest.mark.parametrize("id_", ["vaultctl", "vaultctl:2", "vaultctl:v", "", "vaultctl:vx"])
def test_an_id_without_a_version_is_refused(id_):
    """A key's id is its name and its version."""
    assert version_of(key_id("vaultctl", 7)) == 7
    with pytest.raises(SealKeyError):
        version_of(id_)
