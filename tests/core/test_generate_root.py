"""A root token for those who hold enough shares."""

import base64
import os

import pytest
from support.clock import Clock
from support.states import NOW_S, ROOT_TOKEN, SEAL_KEY, make_core

from vaultctl.core import recovery
from vaultctl.core.core import Core
from vaultctl.core.exchange import Unauthenticated
from vaultctl.core.system.generate_root import OTP_LENGTH
from vaultctl.crypto.shamir import split
from vaultctl.logical.errors import InvalidRequest, UnsupportedOperation, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

KEY = bytes(range(100, 132))
SHARES = [share.hex() for share in split(KEY, 3, 2, os.urandom)]
OTP = "abcdefghijklmnopqrstuvwxyz"
PATHS = {"generate-root-token": True, "generate-root": False}


@pytest.fixture(params=PATHS)
def api(request) -> "Api":
    """One of the two APIs of a state whose recovery key has three shares, of which it takes two."""
    core = make_core(Memory(), now_ns=Clock(), unauthenticated=Unauthenticated(rekey=True, generate_root=True))
    with core.sessions.writing() as session:
        recovery.store(session.transaction, KEY, recovery.Recovery(3, 2))
        session.commit()
    return Api(core, request.param)


class Api:
    """Asks one of the two APIs, which answer the same."""

    def __init__(self, core: Core, path: str) -> None:
        self.core = core
        self.path = path

    def __call__(self, operation: Operation, what: str, **data):
        token = ROOT_TOKEN if PATHS[self.path] else ""
        response = self.core.handle(Request(operation, f"sys/{self.path}/{what}", data=data, token=token))
        return response.data if response.data is not None else response.raw

    def begin(self, **how):
        """Begin an attempt."""
        return self(Operation.UPDATE, "attempt", **how)

    def status(self):
        """Tell how the attempt stands."""
        return self(Operation.READ, "attempt")

    def enter(self, nonce: str, *shares: str):
        """Enter shares, and give the last answer."""
        for share in shares:
            told = self(Operation.UPDATE, "update", nonce=nonce, key=share)
        return told


def decoded(core: Core, encoded: str, otp: str) -> str:
    """Give the token that was made."""
    request = Request(Operation.UPDATE, "sys/decode-token", data={"encoded_token": encoded, "otp": otp})
    return core.handle(request).data["token"]


@pytest.mark.parametrize("otp", ["", OTP])
def test_enough_shares_make_a_root_token(api: Api, otp: str):
    """It is told under a password alone, which is made where none was given."""
    begun = api.begin(**({"otp": otp} if otp else {}))
    assert len(begun["otp"]) == (0 if otp else OTP_LENGTH)
    told = api.enter(begun["nonce"], SHARES[2], SHARES[0])
    assert told["complete"] is True
    token = decoded(api.core, told["encoded_token"], otp or begun["otp"])
    found = api.core.handle(Request(Operation.READ, "auth/token/lookup-self", token=token)).data
    assert found["policies"] == ["root"]
    assert found["path"] == "auth/token/root"
    assert found["display_name"] == "root"
    assert (found["ttl"], found["orphan"], found["creation_time"]) == (0, True, NOW_S)
    assert api.status()["started"] is False


def test_progress_is_told(api: Api):
    """Whose password it is, it is told once."""
    assert api.status()["started"] is False
    begun = api.begin()
    status = api.status()
    assert (status["nonce"], status["started"], status["progress"], status["required"]) == (begun["nonce"], True, 0, 2)
    assert status["otp"] == ""
    assert status["otp_length"] == OTP_LENGTH
    assert api.enter(begun["nonce"], SHARES[0])["progress"] == 1
    assert api.status()["progress"] == 1


def test_a_wrong_share_has_people_begin_again(api: Api):
    """No token is made."""
    nonce = api.begin()["nonce"]
    before = _tokens(api.core)
    with pytest.raises(VaultError, match="root generation aborted: unable to authenticate: recovery key verification"):
        api.enter(nonce, SHARES[0], "11" * 33)
    assert api.status()["progress"] == 0
    assert _tokens(api.core) == before
    assert api.enter(nonce, *SHARES[:2])["complete"] is True


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ("zz", "'key' must be a valid hex or base64 string"),
        ("abcd", "invalid key: key is shorter than minimum 16 bytes"),
        ("00" * 40, "invalid key: key is longer than maximum 33 bytes"),
        ("", "given key has already been provided during this generation operation"),
    ],
    ids=["no-text", "short", "long", "again"],
)
def test_what_is_no_progress(api: Api, share: str, message: str):
    """It is refused in OpenBao's words, and what was entered stays."""
    nonce = api.begin()["nonce"]
    api.enter(nonce, SHARES[0])
    with pytest.raises(VaultError, match=message):
        api.enter(nonce, share or SHARES[0])
    assert api.status()["progress"] == 1


def test_another_nonce_is_refused(api: Api):
    """The answer names the right one."""
    nonce = api.begin()["nonce"]
    with pytest.raises(VaultError, match=nonce):
        api.enter("another", SHARES[0])


def test_one_attempt_at_a_time(api: Api):
    """The second one has to wait until the first is over, or cancelled."""
    nonce = api.begin()["nonce"]
    with pytest.raises(InvalidRequest, match="root generation already in progress for this namespace"):
        api.begin()
    api(Operation.DELETE, "attempt")
    api(Operation.DELETE, "attempt")
    with pytest.raises(VaultError, match="no root generation in progress"):
        api.enter(nonce, SHARES[0])
    assert api.begin()["nonce"] != nonce


def test_a_password_is_as_long_as_the_token(api: Api):
    """Others would not cover it."""
    for otp in ("short", OTP + "x"):
        with pytest.raises(InvalidRequest, match="OTP string has incorrect length"):
            api.begin(otp=otp)
    assert api.status()["started"] is False


def test_without_a_token_nothing_is_made_by_default():
    """Whoever serves the state must have said so."""
    api = Api(make_core(Memory(), now_ns=Clock()), "generate-root")
    for operation, what in (
        (Operation.READ, "attempt"),
        (Operation.UPDATE, "attempt"),
        (Operation.DELETE, "attempt"),
        (Operation.UPDATE, "update"),
    ):
        with pytest.raises(UnsupportedOperation, match="unsupported operation"):
            api(operation, what)


def test_a_state_of_first_use_counts_its_seals_key_as_the_share():
    """So whoever has it can have a root token again, where all were lost."""
    api = Api(make_core(Memory(), now_ns=Clock()), "generate-root-token")
    nonce = api.begin(otp=OTP)["nonce"]
    with pytest.raises(VaultError, match="unable to retrieve stored keys: invalid key"):
        api.enter(nonce, bytes(32).hex())
    told = api.enter(nonce, base64.b64encode(SEAL_KEY).decode())
    assert decoded(api.core, told["encoded_token"], OTP).startswith("s.")


@pytest.mark.parametrize(
    ("encoded", "otp", "message"),
    [
        ("", OTP, "provided 'encoded_token' or 'otp' is empty"),
        ("AAAA", "", "provided 'encoded_token' or 'otp' is empty"),
        ("AAAA", "ab", "error xoring token: length of byte slices is not equivalent: 3 != 2"),
        ("!", OTP, "error decoding base64'd token"),
    ],
)
def test_what_cannot_be_decoded(encoded: str, otp: str, message: str):
    """It is refused in OpenBao's words."""
    with pytest.raises(InvalidRequest, match=message):
        decoded(make_core(Memory()), encoded, otp)


def _tokens(core: Core) -> int:
    request = Request(Operation.LIST, "auth/token/accessors", token=ROOT_TOKEN)
    return len(core.handle(request).data["keys"])
