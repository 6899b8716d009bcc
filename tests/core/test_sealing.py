"""A state that is sealed and unsealed: what is answered, who keeps keys, and who drops them."""

import os
from pathlib import Path

import pytest
from support.places import Place
from support.states import NOW, NOW_S

from vaultctl.client import operator
from vaultctl.client.client import Client
from vaultctl.connect.dev import seal_finder
from vaultctl.core import initialise
from vaultctl.core.core import Core
from vaultctl.core.sealing import InMemory, Plan, Sealing
from vaultctl.core.state import State
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import InvalidRequest, NoSuchMethod, Sealed, VaultError
from vaultctl.logical.request import MERGE_PATCH, Operation, Request

KEY = bytes(range(32))


class Process:
    """What one process has of a state: a core, and a keeper in its memory."""

    def __init__(self, place: Place, *, auto: bool = False, owner: bool = False) -> None:
        self.keeper = InMemory()
        find = (lambda _header: StaticSeal(KEY, os.urandom)) if auto else seal_finder(self.keeper)
        self.state = State(place.open(), find, random=os.urandom, now=lambda: NOW)
        self.core = Core(self.state, sealing=lambda: Sealing(self.keeper, owner))

    def client(self, token: str = "") -> Client:
        """Ask it, with a token."""
        return Client(self.core, token=token)


class Made:
    """A state of three shares, two of which open."""

    def __init__(self, folder: Path, kind: str = "json", *, auto: bool = False, recovery: int = 3) -> None:
        self.place = Place(kind, folder)
        self.auto = auto
        first = self.process()
        if auto:
            plan = Plan(recovery_shares=recovery, recovery_threshold=min(recovery, 2))
            made = initialise.under_auto(first.state, lambda: StaticSeal(KEY, os.urandom), plan, os.urandom, NOW_S)
        else:
            made = initialise.under_shamir(first.state, Plan(3, 2), os.urandom, NOW_S)
        self.shares = [share.hex() for share in made.recovery_shares or made.shares]
        self.root_token = made.root_token

    def process(self, **options) -> Process:
        """Give another process over the state."""
        return Process(self.place, auto=self.auto, **options)

    def unsealed(self) -> Process:
        """Give a process that two people have unsealed."""
        process = self.process()
        for share in self.shares[:2]:
            operator.unseal(process.client(), share)
        return process


@pytest.fixture(params=["json", "sqlite"])
def made(request, tmp_path) -> Made:
    """A new shamir state on a disk."""
    return Made(tmp_path, request.param)


def is_sealed(process: Process) -> bool:
    """Tell whether a process says that it is sealed, and answers so."""
    sealed = process.client().call("GET", "sys/seal-status").raw["sealed"]
    try:
        process.client().call("GET", "sys/mounts")
    except Sealed:
        assert sealed
    except VaultError:
        assert not sealed
    return bool(sealed)


def test_shares_unseal_one_by_one(made: Made):
    """The first share begins an attempt with a nonce, and the last one needed ends it."""
    process = made.process()
    first = operator.unseal(process.client(), made.shares[0])
    assert (first["sealed"], first["progress"], first["t"], first["n"]) == (True, 1, 2, 3)
    assert len(first["nonce"]) == 36
    assert process.client().call("GET", "sys/seal-status").raw["nonce"] == first["nonce"]
    last = operator.unseal(process.client(), made.shares[2])
    assert (last["sealed"], last["progress"], last["nonce"]) == (False, 0, "")
    assert "sys/" in process.client(made.root_token).call("GET", "sys/mounts").data


def test_a_share_counts_once(made: Made):
    """A share that was entered before changes nothing, nor does its nonce change."""
    process = made.process()
    first = operator.unseal(process.client(), made.shares[0])
    assert operator.unseal(process.client(), made.shares[0]) == first


def test_wrong_shares_begin_anew(made: Made):
    """Shares that do not make the key are refused, and none of them is kept."""
    process = made.process()
    operator.unseal(process.client(), made.shares[0])
    other = bytes([*os.urandom(32), 255]).hex()
    with pytest.raises(InvalidRequest, match="cipher: message authentication failed"):
        operator.unseal(process.client(), other)
    assert process.client().call("GET", "sys/seal-status").raw["progress"] == 0
    assert is_sealed(process)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        ("abc", "'key' must be a valid hex or base64 string"),
        ("ab" * 10, "invalid key: key is shorter than minimum 16 bytes"),
        ("ab" * 15, "'key' must be a valid hex or base64 string"),
        ("ab" * 34, "invalid key: key is longer than maximum 33 bytes"),
        ("", "'key' must be specified in request body as JSON, or 'reset' set to true"),
    ],
)
def test_what_is_no_share_is_refused(made: Made, share, message):
    """A text that can be no share is refused in OpenBao's words."""
    with pytest.raises(InvalidRequest) as caught:
        operator.unseal(made.process().client(), share)
    assert caught.value.errors == (message,)


def test_shares_of_different_lengths_do_not_go_together(made: Made):
    """A share without its last byte is none of this key, and what was entered is forgotten."""
    process = made.process()
    operator.unseal(process.client(), made.shares[0])
    with pytest.raises(InvalidRequest, match="failed to compute combined key: all parts must be the same length"):
        operator.unseal(process.client(), made.shares[1][:-2])
    assert process.client().call("GET", "sys/seal-status").raw["progress"] == 0


def test_a_reset_forgets_the_shares(made: Made):
    """After a reset all shares are needed again."""
    process = made.process()
    operator.unseal(process.client(), made.shares[0])
    assert operator.reset_unseal(process.client())["progress"] == 0
    assert operator.unseal(process.client(), made.shares[1])["progress"] == 1


def test_what_is_unsealed_in_one_process_is_not_in_another(made: Made):
    """The key is in the memory of the process that was given the shares."""
    made.unsealed()
    assert is_sealed(made.process())


def test_sealing_makes_every_process_drop_its_keys(made: Made):
    """All processes are sealed at their next request, and a new unsealing of one unseals that one alone."""
    mine, other = made.unsealed(), made.unsealed()
    assert [is_sealed(mine), is_sealed(other)] == [False, False]
    operator.seal(mine.client(made.root_token))
    assert [is_sealed(mine), is_sealed(other), is_sealed(made.process())] == [True, True, True]
    for share in made.shares[:2]:
        operator.unseal(mine.client(), share)
    assert [is_sealed(mine), is_sealed(other)] == [False, True]


def test_a_process_that_slept_through_a_seal_has_no_keys(made: Made):
    """Sealed and unsealed while a process asked for nothing, the state is sealed for that process all the same."""
    mine, other = made.unsealed(), made.unsealed()
    operator.seal(mine.client(made.root_token))
    for share in made.shares[1:]:
        operator.unseal(mine.client(), share)
    assert is_sealed(other)
    with other.state.backend.reader() as snapshot:
        assert other.keeper.root_key(snapshot.header) is None


def test_a_tick_drops_the_keys_too(made: Made):
    """A server that nobody asks drops its keys at its next tick."""
    mine, other = made.unsealed(), made.unsealed()
    operator.seal(mine.client(made.root_token))
    assert other.core.advance(0.01) is False
    assert (other.state._unsealed, other.keeper._keys) == (None, {})


def test_sealing_needs_a_right(made: Made):
    """Nobody seals a state without a token that may."""
    process = made.unsealed()
    with pytest.raises(VaultError) as caught:
        operator.seal(process.client())
    assert (caught.value.status, is_sealed(process)) == (403, False)


def test_sealing_again_changes_nothing(made: Made):
    """A sealed state is sealed once more without a token, as on OpenBao."""
    process = made.unsealed()
    operator.seal(process.client(made.root_token))
    operator.seal(process.client())
    assert is_sealed(process)


def test_without_keys_nothing_else_is_answered(made: Made):
    """Every path but those that tell how it stands is refused, known or not, with a token or without."""
    process = made.process()
    for path in ("sys/mounts", "secret/data/a", "nosuch/x", "sys/ha-status", "sys/nosuch", "auth/token/lookup-self"):
        for operation in Operation:
            with pytest.raises(Sealed):
                process.core.handle(Request(operation, path, token=made.root_token, content_type=MERGE_PATCH))


@pytest.mark.parametrize("path", ["sys/seal-status", "sys/leader", "sys/init", "sys/seal", "sys/unseal", "sys/health"])
def test_a_verb_that_a_path_does_not_take_is_refused_sealed_too(made: Made, path):
    """Sealed, a path of the server itself refuses other verbs as it does unsealed."""
    with pytest.raises(NoSuchMethod):
        made.process().core.handle(Request(Operation.DELETE, path))


def test_health_tells_by_its_status(made: Made):
    """A load balancer sees 503 of a sealed state, or what it asked for."""
    client = made.process().client()
    assert client.call("GET", "sys/health").status == 503
    assert client.call("GET", "sys/health", query={"sealedcode": "299"}).status == 299


def test_a_namespace_does_not_unseal(made: Made):
    """What is the server's own is refused within a namespace."""
    with pytest.raises(InvalidRequest, match="operation unavailable in namespaces"):
        made.process().core.handle(Request(Operation.UPDATE, "sys/unseal", namespace="a/", data={"reset": True}))


def test_no_share_and_no_key_reaches_the_disk(made: Made):
    """Whatever a server is given, its state's folder holds no share and no root key."""
    process = made.process()
    operator.unseal(process.client(), made.shares[0])
    operator.unseal(process.client(), made.shares[1])
    with process.state.reader() as view:
        root_key = view.root_key()
    stored = b"".join(path.read_bytes() for path in made.place.folder.iterdir())
    for secret in (root_key, *map(bytes.fromhex, made.shares)):
        assert secret not in stored
        assert secret.hex().encode() not in stored


def test_forgotten_keys_are_overwritten(made: Made):
    """What the memory of a server held is zero where it was, once it is dropped."""
    keeper = InMemory()
    with made.process().state.backend.reader() as snapshot:
        header = snapshot.header
    keeper.keep(header, b"k" * 32)
    keeper.enter(header, b"s" * 33, "nonce")
    held = [*keeper._keys.values(), *keeper._shares[header.cluster_id][1]]
    keeper.drop(header.cluster_id)
    assert [bytes(buffer) for buffer in held] == [bytes(32), bytes(33)]


def test_the_term_is_replaced_without_the_unseal_key(made: Made):
    """A state that was unsealed can have a new keyring term, though its unseal key is nowhere."""
    process = made.unsealed()
    with process.state.writer() as transaction:
        transaction.rotate()
        transaction.commit()
    assert not is_sealed(process)
    assert not is_sealed(made.unsealed())


# --- a seal that opens by itself ---


@pytest.fixture
def auto(tmp_path) -> Made:
    """A new state under a static seal, with three recovery shares."""
    return Made(tmp_path, auto=True)


def test_a_seal_that_opens_by_itself_stays_sealed(auto: Made):
    """The mark counts, though the key is at hand."""
    process = auto.process()
    assert not is_sealed(process)
    operator.seal(process.client(auto.root_token))
    assert is_sealed(process)
    assert is_sealed(auto.process())


def test_recovery_shares_unseal_it(auto: Made):
    """Over HTTP people with shares of the recovery key unseal it."""
    process = auto.process()
    operator.seal(process.client(auto.root_token))
    status = operator.unseal(process.client(), auto.shares[2])
    assert (status["progress"], status["t"], status["n"], status["recovery_seal"]) == (1, 2, 3, True)
    assert operator.unseal(process.client(), auto.shares[0])["sealed"] is False
    assert not is_sealed(auto.process())


def test_wrong_recovery_shares_do_not(auto: Made):
    """Shares of something else leave it sealed."""
    process = auto.process()
    operator.seal(process.client(auto.root_token))
    operator.unseal(process.client(), auto.shares[0])
    with pytest.raises(InvalidRequest, match="recovery key does not match"):
        operator.unseal(process.client(), bytes([*os.urandom(32), 255]).hex())
    assert is_sealed(process)


def test_its_owner_needs_no_share(auto: Made):
    """Who owns the files has the key, and unseals it with that."""
    operator.seal(auto.process().client(auto.root_token))
    assert operator.unseal_as_owner(auto.process(owner=True).client())["sealed"] is False


def test_others_need_one(auto: Made):
    """Who asks a server is not the owner of its files."""
    process = auto.process()
    operator.seal(process.client(auto.root_token))
    with pytest.raises(InvalidRequest, match="'key' must be specified"):
        operator.unseal_as_owner(process.client())


def test_a_state_without_recovery_shares_says_so(tmp_path):
    """A state that was made without them is unsealed by its owner alone, and a share is told so."""
    made = Made(tmp_path, auto=True, recovery=0)
    process = made.process()
    operator.seal(process.client(made.root_token))
    with pytest.raises(InvalidRequest, match="this state has no recovery shares"):
        operator.unseal(process.client(), "ab" * 33)
    assert process.client().call("GET", "sys/seal-status").raw["n"] == 0


def test_the_owner_of_a_shamir_state_needs_shares(made: Made):
    """To own the files of a shamir state opens nothing."""
    with pytest.raises(InvalidRequest, match="'key' must be specified"):
        operator.unseal_as_owner(made.process(owner=True).client())
