"""The key of the barrier: when it is replaced, by people and by itself."""

import pytest
from support.clock import Clock
from support.states import ROOT_TOKEN, make_core

from vaultctl.connect.dev import dev
from vaultctl.core.core import Core
from vaultctl.core.rotation import FEWEST_OPERATIONS
from vaultctl.crypto.barrier import ROTATE_AFTER
from vaultctl.logical.errors import InvalidRequest, PermissionDenied
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

DAY_S = 24 * 3600


@pytest.fixture
def clock() -> Clock:
    """A clock that goes when it is told to."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core over a new state in memory."""
    return dev(ROOT_TOKEN, now_ns=clock).core


def ask(core: Core, operation: Operation, path: str, token: str = ROOT_TOKEN, **data):
    """Ask, and give the data of the answer."""
    return core.handle(Request(operation, path, data=data, token=token)).data


def term(core: Core) -> int:
    """Give the term that encrypts."""
    return ask(core, Operation.READ, "sys/key-status")["term"]


def write(core: Core) -> None:
    """Store something."""
    ask(core, Operation.UPDATE, "secret/data/a", data={"a": "1"})


@pytest.mark.parametrize("path", ["sys/rotate", "sys/rotate/keyring"])
def test_a_new_term_encrypts_from_now_on(core: Core, path: str):
    """What was written before is read as before, and the new term has encrypted nothing yet."""
    write(core)
    ask(core, Operation.UPDATE, path)
    assert ask(core, Operation.READ, "sys/key-status") == {
        "term": 2,
        "install_time": "2026-01-01T00:00:00Z",
        "encryptions": 0,
    }
    assert ask(core, Operation.READ, "secret/data/a")["data"] == {"a": "1"}
    write(core)
    assert ask(core, Operation.READ, "sys/key-status")["encryptions"] > 0


def test_rotation_takes_sudo(core: Core):
    """The right to update is not enough."""
    ask(core, Operation.UPDATE, "sys/policies/acl/p", policy='path "sys/rotate*" { capabilities = ["update"] }')
    response = core.handle(Request(Operation.UPDATE, "auth/token/create", data={"policies": "p"}, token=ROOT_TOKEN))
    for path in ("sys/rotate", "sys/rotate/keyring", "sys/rotate/root"):
        with pytest.raises(PermissionDenied):
            ask(core, Operation.UPDATE, path, token=response.auth["client_token"])
    assert term(core) == 1


def test_what_is_not_chosen_is_the_default(core: Core):
    """A state of which nobody said anything rotates after many encryptions, at no age."""
    default = {"max_operations": ROTATE_AFTER, "interval": 0, "enabled": True}
    for path in ("sys/rotate/config", "sys/rotate/keyring/config"):
        assert ask(core, Operation.READ, path) == default


def test_what_is_chosen_is_kept_one_by_one(core: Core):
    """A setting that is not given stays as it was."""
    ask(core, Operation.UPDATE, "sys/rotate/config", interval="25h", enabled=False)
    ask(core, Operation.UPDATE, "sys/rotate/keyring/config", max_operations=2_000_000)
    chosen = {"max_operations": 2_000_000, "interval": "25h0m0s", "enabled": False}
    assert ask(core, Operation.READ, "sys/rotate/config") == chosen
    ask(core, Operation.UPDATE, "sys/rotate/config", interval=0)
    assert ask(core, Operation.READ, "sys/rotate/config") == {**chosen, "interval": 0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_operations": 5}, "max_operations must be in the range [1000000,3865470566]"),
        ({"max_operations": ROTATE_AFTER + 1}, "max_operations must be in the range [1000000,3865470566]"),
        ({"max_operations": -1}, "max_operations must be in the range [1000000,3865470566]"),
        ({"interval": "1h"}, "interval must be greater or equal to 24h0m0s"),
    ],
)
def test_what_cannot_be_chosen(core: Core, wrong, message: str):
    """Numbers out of range are refused in OpenBao's words, and nothing changes."""
    with pytest.raises(InvalidRequest) as caught:
        ask(core, Operation.UPDATE, "sys/rotate/config", **wrong)
    assert caught.value.errors == (message,)
    assert ask(core, Operation.READ, "sys/rotate/config")["max_operations"] == ROTATE_AFTER


def test_a_term_ends_at_its_age_with_the_next_write(core: Core, clock: Clock):
    """The write that finds the term too old replaces it, once."""
    ask(core, Operation.UPDATE, "sys/rotate/config", interval=f"{DAY_S}s")
    clock.go(DAY_S - 1)
    write(core)
    assert term(core) == 1
    clock.go(1)
    write(core)
    write(core)
    assert term(core) == 2


def test_a_term_ends_at_its_age_where_nobody_writes(core: Core, clock: Clock):
    """A server's ticker replaces it, once a day."""
    ask(core, Operation.UPDATE, "sys/rotate/config", interval=f"{DAY_S}s")
    for day in range(1, 4):
        core.advance(0.01)
        core.advance(0.01)
        assert term(core) == day
        clock.go(DAY_S)


def test_a_term_of_any_age_stays_where_that_is_switched_off(core: Core, clock: Clock):
    """With enabled=false only people rotate."""
    ask(core, Operation.UPDATE, "sys/rotate/config", interval=f"{DAY_S}s", enabled=False)
    clock.go(10 * DAY_S)
    write(core)
    core.advance(0.01)
    assert term(core) == 1


def test_a_term_ends_after_so_many_encryptions(core: Core):
    """The first write that finds the count reached replaces the term."""
    ask(core, Operation.UPDATE, "sys/rotate/config", max_operations=FEWEST_OPERATIONS)
    _count(core, FEWEST_OPERATIONS - 1)
    write(core)
    assert term(core) == 1
    write(core)
    assert term(core) == 2


def test_without_a_config_a_term_ends_by_default(core: Core):
    """Long before random nonces could repeat."""
    _count(core, ROTATE_AFTER)
    write(core)
    assert term(core) == 2


def test_switched_off_it_does_not_end(core: Core):
    """Whoever switches it off looks after it."""
    ask(core, Operation.UPDATE, "sys/rotate/config", enabled=False)
    _count(core, ROTATE_AFTER)
    write(core)
    assert term(core) == 1


def test_the_root_key_is_replaced(clock: Clock):
    """Everything reads on, under a root key of which nobody has an older copy."""
    core = make_core(Memory(), now_ns=clock)
    write(core)
    before = _root_key(core)
    ask(core, Operation.UPDATE, "sys/rotate/root")
    assert _root_key(core) != before
    assert ask(core, Operation.READ, "secret/data/a")["data"] == {"a": "1"}


def test_a_root_key_that_people_share_is_replaced_with_their_shares(core: Core):
    """Without them nothing could wrap it."""
    before = _root_key(core)
    with pytest.raises(InvalidRequest, match="rotate it with its shares"):
        ask(core, Operation.UPDATE, "sys/rotate/root")
    assert _root_key(core) == before


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.UPDATE, "sys/rotate"),
        (Operation.READ, "sys/rotate/config"),
        (Operation.READ, "sys/key-status"),
    ],
)
def test_namespaces_have_no_keys(core: Core, operation: Operation, path: str):
    """The keys are those of the whole state."""
    ask(core, Operation.UPDATE, "sys/namespaces/ns")
    with pytest.raises(InvalidRequest, match="namespace is not sealable"):
        ask(core, operation, f"ns/{path}")


def _count(core: Core, encryptions: int) -> None:
    """Have the active term look as if it had encrypted so often before."""
    with core.state.writer() as transaction:
        counted = dict(transaction.header.encryptions)
        transaction._encrypted = encryptions - counted.get("1", 0) - 1
        transaction.put("core/test/any", b"")
        transaction.commit()


def _root_key(core: Core) -> bytes:
    with core.state.writer() as transaction:
        return transaction.root_key()
