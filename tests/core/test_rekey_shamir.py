"""New shares of an unseal key: which ones open the state from when on, and who has its root key then."""

import errno
import itertools
import os
from functools import partial
from itertools import count

import pytest
from support.clock import Clock
from support.disk import Disk
from support.places import Place
from support.rekeys import Rekey as Api
from support.states import CLUSTER, NOW, NOW_S, ROOT_TOKEN

from vaultctl.connect.dev import dev, seal_finder, unseal, unsealing_seal
from vaultctl.core import bootstrap
from vaultctl.core.auditing import OWNER
from vaultctl.core.core import Core
from vaultctl.core.exchange import Unauthenticated
from vaultctl.core.sealing import InMemory, Sealing
from vaultctl.core.state import State
from vaultctl.crypto.shamir import combine
from vaultctl.logical.errors import InvalidRequest, Sealed, StateUnavailable, VaultError
from vaultctl.logical.request import Operation, Request


@pytest.fixture
def made():
    """A state whose unseal key is a single share, as a dev server has it."""
    return dev(ROOT_TOKEN, now_ns=Clock(), unauthenticated=Unauthenticated(rekey=True, generate_root=True))


@pytest.fixture(params=["rotate/root", "rekey"])
def api(request, made) -> Api:
    """One of the two APIs at the unseal key."""
    return Api(made.core, request.param)


def unseals(core: Core, *shares: str) -> bool:
    """Seal the state, enter shares, and tell whether that unsealed it; else forget them."""
    if core.handle(Request(Operation.READ, "sys/seal-status")).raw["sealed"] is False:
        core.handle(Request(Operation.UPDATE, "sys/seal", token=ROOT_TOKEN))
    for share in shares:
        try:
            status = core.handle(Request(Operation.UPDATE, "sys/unseal", data={"key": share})).raw
        except InvalidRequest:
            return False
        if not status["sealed"]:
            return True
    core.handle(Request(Operation.UPDATE, "sys/unseal", data={"reset": True}))
    return False


def test_the_new_shares_open_the_state_and_the_former_do_not(made, api: Api):
    """Everything reads on meanwhile, and what was written before reads after the next unsealing, too."""
    core = made.core
    core.handle(Request(Operation.UPDATE, "secret/data/a", data={"data": {"a": "1"}}, token=ROOT_TOKEN))
    told = api.enter(api.begin(5, 3), made.unseal_key)
    assert len(told["keys"]) == 5
    read = Request(Operation.READ, "secret/data/a", token=ROOT_TOKEN)
    assert core.handle(read).data["data"] == {"a": "1"}
    status = core.handle(Request(Operation.READ, "sys/seal-status")).raw
    assert (status["n"], status["t"], status["sealed"]) == (5, 3, False)
    assert not unseals(core, made.unseal_key.hex())
    assert not unseals(core, *told["keys"][:2])
    for some in itertools.islice(itertools.combinations(told["keys"], 3), 0, 10, 3):
        assert unseals(core, *some)
        assert core.handle(read).data["data"] == {"a": "1"}


def test_a_wrong_unseal_key_makes_nothing(made, api: Api):
    """The former one opens the state as before."""
    nonce = api.begin(5, 3)
    with pytest.raises(VaultError, match="failed to read root key: invalid key"):
        api.enter(nonce, bytes(32))
    assert api("GET", "init")["progress"] == 0
    assert unseals(made.core, made.unseal_key.hex())


def test_until_they_are_verified_the_former_share_opens_the_state(made, api: Api):
    """And the new ones do not; afterwards it is the other way round."""
    told = api.enter(api.begin(3, 2, require_verification=True), made.unseal_key)
    nonce = told["verification_nonce"]
    api.verify(nonce, told["keys"][0])
    core = made.core
    with core.state.reader() as view:
        assert view.header.seal["threshold"] == 1
    assert api.verify(nonce, told["keys"][2])["complete"] is True
    assert not unseals(core, made.unseal_key.hex())
    assert unseals(core, *told["keys"][:2])


def test_sealing_ends_an_attempt(made, api: Api):
    """What was entered before is forgotten with the keys."""
    nonce = api.begin(3, 2, require_verification=True)
    told = api.enter(nonce, made.unseal_key)
    assert unseals(made.core, made.unseal_key.hex())
    assert api("GET", "init")["started"] is False
    with pytest.raises(InvalidRequest, match="in progress"):
        api.verify(told["verification_nonce"], told["keys"][0])


def test_sealed_nothing_is_told(made, api: Api):
    """Neither how far an attempt is, nor whether there is one."""
    made.core.handle(Request(Operation.UPDATE, "sys/seal", token=ROOT_TOKEN))
    for verb, what in (("GET", "init"), ("POST", "init"), ("DELETE", "init"), ("GET", "verify")):
        with pytest.raises(Sealed):
            api(verb, what)


def test_the_root_key_is_another_one(made, api: Api):
    """Who kept the former one, with a copy of the state, opens nothing that is written from now on."""
    with made.core.state.reader() as view:
        before = view.root_key(), view.header.epoch
    told = api.enter(api.begin(1, 1), made.unseal_key)
    with made.core.state.reader() as view:
        assert view.root_key() != before[0]
        assert view.header.epoch == before[1] + 1
        assert view.header.seal["key_id"] != before[0].hex()
    assert combine([bytes.fromhex(told["keys"][0])]) != made.unseal_key


def test_where_the_disk_says_no_the_former_share_opens_the_state(tmp_path):
    """At whichever call it does: nothing was handed out, and the keys at hand are those of the state as it is."""
    for number in count(1):
        place = Place("json", tmp_path / str(number))
        place.folder.mkdir()
        key, keeper = os.urandom(32), InMemory()
        disk = Disk(place.folder)
        state = State(place.open(seam=disk), seal_finder(keeper), random=os.urandom, now=lambda: NOW)
        fill = partial(bootstrap.fill, root_token=ROOT_TOKEN, random=os.urandom, now_s=NOW_S)
        state.initialise(CLUSTER, lambda key=key: unsealing_seal(key), fill)
        unseal(state, keeper, key)
        core = Core(state, now_ns=Clock(), sealing=lambda keeper=keeper: Sealing(keeper))
        api = Api(core, "rotate/root")
        nonce = api.begin(5, 3)
        disk._fail_at, disk._error = len(disk.calls) + number, errno.ENOSPC
        try:
            api.enter(nonce, key)
        except StateUnavailable:
            core.handle(Request(Operation.UPDATE, "sys/mounts/a", data={"type": "kv"}, token=ROOT_TOKEN))
            with core.state.reader() as view:
                is_former = view.header.seal["shares"] == 1
            assert unseals(core, key.hex()) is is_former
        else:
            assert number > 3
            return


def test_recovery_shares_are_of_auto_seals_alone(made):
    """A state that people unseal has none; OpenBao's words, of each API."""
    for path, words in (
        ("rotate/recovery", "recovery keys not supported"),
        ("rekey-recovery-key", "recovery rekeying not supported"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            Api(made.core, path).begin()


@pytest.mark.parametrize("path", ["rotate/root", "rekey"])
def test_no_share_is_in_the_audit_log(tmp_path, path: str):
    """Neither those that were entered nor those that were handed out, in whichever spelling."""
    log = tmp_path / "audit.log"
    made = dev(ROOT_TOKEN, audit_rules=OWNER, unauthenticated=Unauthenticated(rekey=True))
    device = {"type": "file", "options": {"file_path": str(log)}}
    made.core.handle(Request(Operation.UPDATE, "sys/audit/f", data=device, token=ROOT_TOKEN))
    api = Api(made.core, path)
    told = api.enter(api.begin(2, 2), made.unseal_key)
    text = log.read_text()
    assert f"sys/{path}/update" in text
    assert not [share for share in (*told["keys"], *told["keys_base64"], made.unseal_key.hex()) if share in text]
