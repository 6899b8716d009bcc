import os

import pytest
from support import softhsm
from support.bao import ROOT_TOKEN

from vaultctl.connect.remote import NO_FLAGS, connect
from vaultctl.crypto.seals.pkcs11 import Pkcs11Seal
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.crypto.seals.transit import TransitKey, TransitSeal
from vaultctl.logical.request import Operation


@pytest.fixture
def token(hsm_store):
    """A token of a real module, with two keys."""
    token = softhsm.make_token(hsm_store, softhsm.library())
    hsm = token.hsm()
    for label in ("first", "second"):
        hsm.generate(label)
    hsm.close()
    return token


@pytest.fixture
def transit_key(bao):
    """A key of a real transit engine, in its second version."""
    bao.ask(Operation.UPDATE, "sys/mounts/transit", {"type": "transit"})
    bao.ask(Operation.UPDATE, "transit/keys/vaultctl")
    connection = connect({}, bao.address, NO_FLAGS)
    key = TransitKey(connection.door, lambda: ROOT_TOKEN, "transit/", "vaultctl")
    key.rotate()
    yield key
    connection.close()


@pytest.fixture(params=["static", "pkcs11", "transit"])
def seals(request):
    """Give a seal that opens by itself, and the same seal under another key."""
    if request.param == "static":
        return StaticSeal(bytes(range(32)), os.urandom), StaticSeal(bytes(32), os.urandom)
    if request.param == "pkcs11":
        hsm = request.getfixturevalue("token").hsm()
        return Pkcs11Seal(hsm, "first", os.urandom), Pkcs11Seal(hsm, "second", os.urandom)
    key = request.getfixturevalue("transit_key")
    return TransitSeal(key, 1), TransitSeal(key, 2)


@pytest.fixture
def seal(seals):
    """Give a seal that opens by itself."""
    return seals[0]
