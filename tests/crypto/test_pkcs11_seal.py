"""The pkcs11 seal, on SoftHSM2: which token, which key, and what happens when the module goes away."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from vaultctl.crypto.seals.pkcs11 import Hsm, Pkcs11Seal
from vaultctl.logical.errors import SealKeyError, SealUnavailable

NAME = "core/seal/root-key"


def seal_of(token, label="first", **changed):
    return Pkcs11Seal(Hsm(token.settings._replace(**changed)), label, os.urandom)


def test_a_module_that_went_away_is_said_to_be_away(token):
    """Without its module a seal does nothing and says so; when it is back, the seal goes on, and nothing is lost."""
    seal = seal_of(token)
    blob = seal.wrap(NAME, b"plain")
    seal.hsm.close()
    with token.pulled_out():
        for use in (lambda: seal.unwrap(NAME, blob), lambda: seal.wrap(NAME, b"other")):
            with pytest.raises(SealUnavailable, match=r"does not answer: .* has none") as caught:
                use()
            assert caught.value.hint
    assert seal.unwrap(NAME, blob) == b"plain"


def test_a_session_that_the_module_dropped_is_opened_again(token):
    """Another user of the library in this process may begin anew with it: the seal does so too."""
    import pkcs11

    seal = seal_of(token)
    blob = seal.wrap(NAME, b"plain")
    pkcs11.lib(token.settings.lib).reinitialize()
    assert seal.unwrap(NAME, blob) == b"plain"


def test_many_threads_use_one_token(token):
    """Sessions take one operation at a time; threads wait for each other."""
    seal = seal_of(token)

    def there_and_back(number):
        return seal.unwrap(NAME, seal.wrap(NAME, b"%d" % number))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(there_and_back, range(200))) == [b"%d" % number for number in range(200)]


def test_two_seals_share_a_token(token):
    """Each logs in by itself, as a process does that has the seal before and the seal after."""
    first, second = seal_of(token, "first"), seal_of(token, "second")
    assert first.unwrap(NAME, first.wrap(NAME, b"1")) == second.unwrap(NAME, second.wrap(NAME, b"1"))


def test_a_wrong_pin_is_refused(token):
    """The token says no, and neither message nor repr shows a PIN."""
    seal = seal_of(token, pin="0815")
    with pytest.raises(SealKeyError, match="refused the PIN") as caught:
        seal.wrap(NAME, b"plain")
    assert "0815" not in str(caught.value) + repr(token.settings) + repr(seal)


def test_a_key_that_is_not_there_is_named(token):
    """A label without a key is an error that names token and label."""
    with pytest.raises(SealKeyError, match="no AES key with the label third"):
        seal_of(token, "third").wrap(NAME, b"plain")


def test_a_token_that_is_not_there_is_named(token):
    """Neither is there a token of another label."""
    with pytest.raises(SealUnavailable, match=r"the token elsewhere does not answer: .* has none"):
        seal_of(token, token_label="elsewhere").wrap(NAME, b"plain")


def test_a_library_that_is_none_is_named(token):
    """A library that does not load is an error with its path."""
    with pytest.raises(SealUnavailable, match=r"cannot load the PKCS #11 library /nowhere/lib\.so"):
        seal_of(token, lib="/nowhere/lib.so").wrap(NAME, b"plain")


@pytest.mark.parametrize("which", ["slot", "serial"])
def test_a_token_is_found_by(token, which):
    """Slot and serial number name a token as well as its label does."""
    import pkcs11

    found = pkcs11.lib(token.settings.lib).get_token(token_label=token.settings.token_label)
    value = str(found.slot.slot_id) if which == "slot" else found.serial.decode().strip()
    seal = seal_of(token, token_label="", **{which: value})
    assert seal.unwrap(NAME, seal.wrap(NAME, b"plain")) == b"plain"


def test_a_key_is_made_once(token):
    """A label that a key has is not given to another one."""
    with pytest.raises(SealKeyError, match="has a key first already"):
        token.hsm().generate("first")


def test_a_made_key_does_not_leave_the_token(token):
    """Nobody reads the key's bytes."""
    import pkcs11

    found = pkcs11.lib(token.settings.lib).get_token(token_label=token.settings.token_label)
    with found.open(user_pin=token.settings.pin) as session:
        key = session.get_key(label="first")
        with pytest.raises(pkcs11.PKCS11Error):
            key[pkcs11.Attribute.VALUE]
