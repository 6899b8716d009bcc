"""New shares, and a new root key: who can make them, and from when on they count."""

import base64
import itertools
import os

import pytest
from support.clock import Clock
from support.rekeys import Rekey as Api
from support.states import ROOT_TOKEN, SEAL_KEY, make_core

from vaultctl.core import recovery
from vaultctl.core.core import Core
from vaultctl.core.exchange import Unauthenticated
from vaultctl.crypto.shamir import combine, split
from vaultctl.logical.errors import InvalidRequest, PermissionDenied, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

RECOVERY_KEY = bytes(range(100, 132))
SHARES = split(RECOVERY_KEY, 3, 2, os.urandom)
WRONG = split(bytes(32), 3, 2, os.urandom)


@pytest.fixture
def core() -> Core:
    """A core over a state whose recovery key has three shares, of which it takes two; all APIs answer."""
    core = make_core(Memory(), now_ns=Clock(), unauthenticated=Unauthenticated(rekey=True, generate_root=True))
    with core.sessions.writing() as session:
        recovery.store(session.transaction, RECOVERY_KEY, recovery.Recovery(3, 2))
        session.commit()
    return core


@pytest.fixture(params=["rotate/recovery", "rekey-recovery-key"])
def api(request, core: Core) -> Api:
    """One of the two APIs at the recovery key."""
    return Api(core, request.param)


def stored(core: Core) -> tuple[bytes, recovery.Recovery]:
    """Give the recovery key, and how it is shared."""
    with core.state.reader() as view:
        return recovery.load_key(view), recovery.load(view)


def test_enough_shares_make_new_ones(api: Api):
    """Any of the new shares that are enough give the new key, and the former ones are worth nothing any more."""
    told = api.enter(api.begin(), SHARES[2], SHARES[0])
    assert told["complete"] is True
    new = [bytes.fromhex(key) for key in told["keys"]]
    assert [base64.b64decode(key) for key in told["keys_base64"]] == new
    key, how = stored(api.core)
    assert how == (5, 3)
    assert {bytes(combine(some)) for some in itertools.combinations(new, 3)} == {key}
    assert key != RECOVERY_KEY
    nonce = api.begin()
    with pytest.raises(VaultError, match="recovery key does not match"):
        api.enter(nonce, *SHARES)
    assert api.enter(nonce, *new[2:])["complete"] is True


def test_progress_is_told(api: Api):
    """Before, between and after."""
    assert api("GET", "init")["started"] is False
    assert api("GET", "init")["required"] == 2
    nonce = api.begin()
    assert api("GET", "init") | {"nonce": nonce, "started": True, "n": 5, "t": 3, "progress": 0} == api("GET", "init")
    assert api.enter(nonce, SHARES[1])["progress"] == 1
    assert api("GET", "init")["progress"] == 1
    api.enter(nonce, SHARES[0])
    assert api("GET", "init")["started"] is False
    assert api("GET", "init")["required"] == 3


def test_until_the_last_share_nothing_changes(api: Api):
    """One share less than it takes changes nothing of the state."""
    with api.core.state.reader() as view:
        before = view.header
    api.enter(api.begin(), SHARES[0])
    with api.core.state.reader() as view:
        assert view.header == before


def test_a_wrong_share_has_people_begin_again(api: Api):
    """All that were entered are forgotten, the attempt goes on under its nonce, and the state is as it was."""
    nonce = api.begin()
    with pytest.raises(VaultError, match="recovery key does not match"):
        api.enter(nonce, SHARES[0], WRONG[1])
    assert api("GET", "init")["progress"] == 0
    assert stored(api.core) == (RECOVERY_KEY, (3, 2))
    assert api.enter(nonce, SHARES[0], SHARES[1])["complete"] is True


def test_a_share_counts_once(api: Api):
    """The same share again is refused, and what was entered stays."""
    nonce = api.begin()
    api.enter(nonce, SHARES[0])
    with pytest.raises(InvalidRequest, match="given key has already been provided during this"):
        api.enter(nonce, SHARES[0])
    assert api("GET", "init")["progress"] == 1


def test_two_shares_of_one_place_are_no_two(api: Api):
    """Shares whose last bytes agree cannot be of one secret."""
    nonce = api.begin()
    other = bytes([SHARES[0][0] ^ 1]) + SHARES[0][1:]
    with pytest.raises(VaultError, match="duplicate part detected"):
        api.enter(nonce, SHARES[0], other)
    assert api("GET", "init")["progress"] == 0


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ("", "key"),
        ("no share!", "'key' must be a valid hex or base64 string"),
        ("abcd", "key is shorter than minimum 16 bytes"),
        ("00" * 34, "key is longer than maximum 33 bytes"),
    ],
)
def test_what_is_no_share(api: Api, share: str, message: str):
    """It is refused at once, and is no progress."""
    nonce = api.begin()
    with pytest.raises(InvalidRequest, match=message):
        api("POST", "update", nonce=nonce, key=share)
    assert api("GET", "init")["progress"] == 0


def test_a_share_is_taken_in_base64(api: Api):
    """As well as in hex."""
    nonce = api.begin()
    assert api("POST", "update", nonce=nonce, key=base64.b64encode(SHARES[0]).decode())["progress"] == 1


def test_another_nonce_is_refused(api: Api):
    """The answer names the right one; nothing was entered."""
    nonce = api.begin()
    with pytest.raises(InvalidRequest, match=nonce):
        api.enter("another", SHARES[0])
    assert api("GET", "init")["progress"] == 0


def test_one_attempt_at_a_time(api: Api):
    """The second one has to wait until the first is over, or cancelled."""
    first = api.begin()
    with pytest.raises(InvalidRequest, match="already in progress"):
        api.begin()
    api("DELETE", "init")
    assert api.begin() != first


def test_a_cancelled_attempt_forgets_its_shares(api: Api):
    """What was entered does not count for the next one; to cancel none is no error."""
    nonce = api.begin()
    api.enter(nonce, SHARES[0])
    api("DELETE", "init")
    api("DELETE", "init")
    with pytest.raises(InvalidRequest, match="in progress"):
        api.enter(nonce, SHARES[1])
    assert api.enter(api.begin(), SHARES[1])["progress"] == 1


@pytest.mark.parametrize(
    ("shares", "threshold", "message"),
    [(0, 0, "shares must be at least one"), (2, 3, "threshold cannot be larger than shares"), (256, 2, "256")],
)
def test_numbers_that_cannot_be(api: Api, shares: int, threshold: int, message: str):
    """They are refused before anything begins."""
    with pytest.raises(VaultError, match=message):
        api.begin(shares, threshold)
    assert api("GET", "init")["started"] is False


def test_new_shares_count_once_they_are_verified(api: Api):
    """Until then the former ones do, however many of the new ones were entered."""
    told = api.enter(api.begin(require_verification=True), *SHARES[:2])
    nonce = told["verification_nonce"]
    assert stored(api.core) == (RECOVERY_KEY, (3, 2))
    assert api("GET", "verify") == {"nonce": nonce, "started": True, "n": 5, "t": 3, "progress": 0}
    assert api.verify(nonce, *told["keys"][:2])["progress"] == 2
    assert stored(api.core) == (RECOVERY_KEY, (3, 2))
    assert api.verify(nonce, told["keys"][4]) == {"nonce": nonce, "complete": True}
    assert stored(api.core)[0] == combine([bytes.fromhex(key) for key in told["keys"][:3]])
    with pytest.raises(InvalidRequest, match="configuration found"):
        api("GET", "verify")


def test_a_wrong_new_share_has_people_verify_again(api: Api):
    """Under another nonce; the shares that were handed out stay the ones that are wanted."""
    told = api.enter(api.begin(require_verification=True), *SHARES[:2])
    nonce = told["verification_nonce"]
    with pytest.raises(InvalidRequest, match="verification failed; incorrect key shares supplied"):
        api.verify(nonce, *told["keys"][:2], WRONG[0].hex())
    assert stored(api.core) == (RECOVERY_KEY, (3, 2))
    again = api("GET", "verify")
    assert again["progress"] == 0
    assert again["nonce"] != nonce
    with pytest.raises(InvalidRequest, match=again["nonce"]):
        api.verify(nonce, told["keys"][0])
    assert api.verify(again["nonce"], *told["keys"][:3])["complete"] is True


def test_a_new_share_counts_once(api: Api):
    """The same one again is refused, and the others stay."""
    told = api.enter(api.begin(require_verification=True), *SHARES[:2])
    api.verify(told["verification_nonce"], told["keys"][0])
    with pytest.raises(InvalidRequest, match="already been provided during this verify operation"):
        api.verify(told["verification_nonce"], told["keys"][0])
    assert api("GET", "verify")["progress"] == 1


def test_a_verification_can_begin_anew(api: Api):
    """Its nonce changes, the new shares do not."""
    told = api.enter(api.begin(require_verification=True), *SHARES[:2])
    api.verify(told["verification_nonce"], told["keys"][0])
    anew = api("DELETE", "verify")
    assert anew["progress"] == 0
    assert anew["nonce"] != told["verification_nonce"]
    assert api.verify(anew["nonce"], *told["keys"][2:])["complete"] is True


def test_a_verification_can_be_given_up(api: Api):
    """With the attempt its new shares are gone, and the former ones go on."""
    told = api.enter(api.begin(require_verification=True), *SHARES[:2])
    api("DELETE", "init")
    with pytest.raises(InvalidRequest, match="in progress"):
        api.verify(told["verification_nonce"], told["keys"][0])
    assert api.enter(api.begin(), *SHARES[:2])["complete"] is True


def test_shares_are_not_taken_again_while_new_ones_are_verified(api: Api):
    """The answer names the nonce of the verification."""
    nonce = api.begin(require_verification=True)
    told = api.enter(nonce, *SHARES[:2])
    with pytest.raises(InvalidRequest, match=told["verification_nonce"]):
        api.enter(nonce, SHARES[2])


def test_an_attempt_ends_when_the_keys_change(core: Core):
    """Whoever changed them: what was entered before proves nothing any more."""
    one, other = Api(core, "rotate/recovery"), Api(core, "rekey-recovery-key")
    nonce = one.begin()
    one.enter(nonce, SHARES[0])
    other.enter(other.begin(), *SHARES[:2])
    assert one("GET", "init")["started"] is False
    with pytest.raises(InvalidRequest, match="no rotation in progress"):
        one.enter(nonce, SHARES[1])


def test_an_auto_seal_gets_a_new_root_key_alone(core: Core):
    """There is nothing to hand out, whatever numbers were asked for; the recovery key stays."""
    api = Api(core, "rotate/root")
    before = _root_key(core)
    told = api.enter(api.begin(), *SHARES[:2])
    assert told["complete"] is True
    assert told["keys"] == []
    assert _root_key(core) != before
    assert stored(core) == (RECOVERY_KEY, (3, 2))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"require_verification": True}, "requiring verification not supported when rotating the barrier key"),
        ({"backup": True}, "key backup not supported when using stored keys"),
    ],
)
def test_where_no_shares_are_made_nothing_is_verified_or_kept(core: Core, more, message: str):
    """Such a wish is refused in OpenBao's words."""
    with pytest.raises(InvalidRequest, match=message):
        Api(core, "rotate/root").begin(1, 1, **more)


def test_without_a_token_nothing_is_made_by_default():
    """Whoever serves the state must have said so."""
    core = make_core(Memory(), now_ns=Clock())
    for path, words in (("rekey", "unsupported operation"), ("rekey-recovery-key", "unsupported path")):
        for verb, what in itertools.product(("GET", "POST", "DELETE"), ("init", "verify")):
            with pytest.raises(VaultError, match=words):
                Api(core, path)(verb, what)
        with pytest.raises(VaultError, match=words):
            Api(core, path)("POST", "update", key=SHARES[0].hex(), nonce="any")


@pytest.mark.parametrize("what", ["init", "verify", "backup"])
def test_with_a_token_it_takes_the_right(core: Core, what: str):
    """Shares are not all that is needed."""
    answer = core.handle(Request(Operation.UPDATE, "auth/token/create", data={"policies": "none"}, token=ROOT_TOKEN))
    request = Request(Operation.READ, f"sys/rotate/root/{what}", token=answer.auth["client_token"])
    with pytest.raises(PermissionDenied):
        core.handle(request)


def test_a_state_of_first_use_counts_its_seals_key_as_the_share():
    """Who has that key could open the state anyway; so recovery shares can be made for such a state."""
    core = make_core(Memory(), now_ns=Clock())
    api = Api(core, "rotate/recovery")
    nonce = api.begin()
    with pytest.raises(VaultError, match="failed to read root key: invalid key"):
        api.enter(nonce, bytes(32))
    told = api.enter(nonce, SEAL_KEY)
    assert len(told["keys"]) == 5
    assert stored(core) == (combine([bytes.fromhex(key) for key in told["keys"]]), (5, 3))


def test_what_was_entered_is_overwritten(core: Core):
    """Neither a cancelled attempt nor one that is over leaves shares in memory that were held for it."""
    api = Api(core, "rotate/recovery")
    for end in (lambda nonce: api("DELETE", "init"), lambda nonce: api.enter(nonce, SHARES[1])):
        nonce = api.begin()
        api.enter(nonce, SHARES[0])
        held = api.core.host.attempts.get(_cluster(core), "rotate-recovery").entered[0]
        assert held == SHARES[0]
        end(nonce)
        assert held == bytes(33)


def _cluster(core: Core) -> str:
    with core.state.reader() as view:
        return view.header.cluster_id


def _root_key(core: Core) -> bytes:
    with core.state.writer() as transaction:
        return transaction.root_key()
