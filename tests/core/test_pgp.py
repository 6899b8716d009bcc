"""Shares and root tokens that are encrypted for those who are to have them, who decrypt them with GnuPG."""

import base64
import shutil
import tempfile
from pathlib import Path

import pytest
from support.clock import Clock
from support.gpg import Gpg, gpg
from support.rekeys import Rekey
from support.states import ROOT_TOKEN

from vaultctl.connect.dev import dev
from vaultctl.core.exchange import Unauthenticated
from vaultctl.crypto import pgp
from vaultctl.crypto.shamir import combine
from vaultctl.logical.errors import InvalidRequest, VaultError
from vaultctl.logical.request import Operation, Request


@pytest.fixture(scope="module")
def people():
    """The key rings of two people."""
    folder = Path(tempfile.mkdtemp(prefix="gpg"))  # the path of an agent's socket must be short
    try:
        with gpg(folder) as ring:
            yield ring
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def keys(people: Gpg) -> dict[str, str]:
    """Their public keys, in base64."""
    return {name: people.key(name) for name in ("ada", "bob")}


@pytest.fixture
def made():
    """A state whose unseal key is a single share."""
    return dev(ROOT_TOKEN, now_ns=Clock(), unauthenticated=Unauthenticated(rekey=True, generate_root=True))


@pytest.mark.parametrize(("path", "backup_path"), [("rotate/root", "rotate/root/backup"), ("rekey", "rekey/backup")])
def test_each_share_is_for_one(made, people: Gpg, keys, path: str, backup_path: str):
    """Each decrypts to a share in hex, as OpenBao's do, and is kept as it was encrypted where that was asked for."""
    api = Rekey(made.core, path)
    nonce = api.begin(2, 2, pgp_keys=list(keys.values()), backup=True)
    names = [people.fingerprint(name) for name in keys]
    assert api("GET", "init")["pgp_fingerprints"] == names
    told = api.enter(nonce, made.unseal_key)
    assert told["pgp_fingerprints"] == names
    assert told["backup"] is True
    shares = [bytes.fromhex(people.decrypt(base64.b64decode(key)).decode()) for key in told["keys_base64"]]
    with made.core.state.reader() as view:
        wrapped = view.header.seal["key_id"]
    assert _key_id(bytes(combine(shares))) == wrapped
    kept = made.core.handle(Request(Operation.READ, f"sys/{backup_path}", token=ROOT_TOKEN)).data
    assert kept == {
        "nonce": nonce,
        "keys": dict(zip(names, ([key] for key in told["keys"]), strict=True)),
        "keys_base64": dict(zip(names, ([key] for key in told["keys_base64"]), strict=True)),
    }
    made.core.handle(Request(Operation.UPDATE, "sys/namespaces/n1", token=ROOT_TOKEN))
    for operation in (Operation.READ, Operation.DELETE):  # what the root namespace keeps is no other's
        with pytest.raises(InvalidRequest):
            made.core.handle(Request(operation, f"sys/{backup_path}", namespace="n1", token=ROOT_TOKEN))
    made.core.handle(Request(Operation.DELETE, f"sys/{backup_path}", token=ROOT_TOKEN))
    with pytest.raises(InvalidRequest, match="no backed-up keys found"):
        made.core.handle(Request(Operation.READ, f"sys/{backup_path}", token=ROOT_TOKEN))


def test_nothing_is_kept_unasked(made, keys):
    """Without backup the shares are nowhere but in the answer."""
    api = Rekey(made.core, "rotate/root")
    api.enter(api.begin(2, 2, pgp_keys=list(keys.values())), made.unseal_key)
    with pytest.raises(InvalidRequest, match="no backed-up keys found"):
        api("GET", "backup")


def test_a_root_token_is_for_one(made, people: Gpg, keys):
    """It decrypts to the token itself."""
    ask = Rekey(made.core, "rotate/x").core.handle
    begun = ask(
        Request(Operation.UPDATE, "sys/generate-root-token/attempt", data={"pgp_key": keys["ada"]}, token=ROOT_TOKEN)
    ).data
    assert begun["otp"] == ""
    assert begun["pgp_fingerprint"] == people.fingerprint("ada")
    data = {"nonce": begun["nonce"], "key": made.unseal_key.hex()}
    told = ask(Request(Operation.UPDATE, "sys/generate-root-token/update", data=data, token=ROOT_TOKEN)).data
    token = people.decrypt(base64.b64decode(told["encoded_token"])).decode()
    assert ask(Request(Operation.READ, "auth/token/lookup-self", token=token)).data["policies"] == ["root"]


@pytest.mark.parametrize(
    ("number", "message"),
    [(1, "count mismatch between number of provided PGP keys and number of shares"), (3, "count mismatch")],
)
def test_there_is_a_key_for_each_share(made, keys, number: int, message: str):
    """Neither fewer nor more."""
    with pytest.raises(VaultError, match=message):
        Rekey(made.core, "rotate/root").begin(2, 2, pgp_keys=[keys["ada"]] * number)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no base64!", "error decoding given PGP key"),
        (base64.b64encode(b"hello").decode(), "error parsing given PGP key"),
        ("", "error parsing given PGP key"),
    ],
)
def test_what_is_no_key(text: str, message: str):
    """It is told in one line, and as early as it is given."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        pgp.read_key(text)
    assert "\n" not in caught.value.errors[0]


def test_a_key_that_signs_alone_takes_no_share(made, people: Gpg):
    """Before anything was begun, not when the shares are entered."""
    people._run("--quick-gen-key", "sam <sam@example.org>", "ed25519", "sign", "never")
    key = base64.b64encode(people._run("--export", "sam@example.org")).decode()
    api = Rekey(made.core, "rotate/root")
    with pytest.raises(VaultError, match="error encrypting for given PGP key"):
        api.begin(1, 1, pgp_keys=[key])
    assert api("GET", "init")["started"] is False


def _key_id(key: bytes) -> str:
    from vaultctl.crypto.seals.static import StaticSeal

    return StaticSeal(key, bytes).key_id
