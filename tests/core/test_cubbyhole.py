"""The cubbyhole: each token's own, and gone with it."""

import os
import time

import pytest
from support.states import NOW_S, ROOT_TOKEN, make_core, values

from vaultctl.core import tokens
from vaultctl.core.core import Core
from vaultctl.core.token_store.issue import Wanted, issue
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

OTHER = "s.AnotherTokenOfTheTests"


@pytest.fixture
def core() -> Core:
    """A core with a second token that may do everything, three times."""
    made = make_core(Memory())
    give(made, OTHER, num_uses=3)
    return made


def give(core: Core, token: str, **fields: object) -> None:
    """Make a token."""
    defaults = {
        "policies": ("root",),
        "path": "auth/token/create",
        "display_name": "token",
        "creation_time_s": NOW_S,
    }
    with core.sessions.writing() as session:
        tokens.create(session.view, token, **{**defaults, **fields})
        session.commit()


def ask(core: Core, operation: Operation, path: str, token: str = ROOT_TOKEN, **data: object) -> object:
    """Ask, and give the data of the answer."""
    return core.handle(Request(operation, path, data=data, token=token)).data


def in_cubbyholes(core: Core) -> int:
    """Count the entries of all cubbyholes."""
    with core.sessions.reading() as session:
        prefix = session.mounts.at("cubbyhole/").storage_prefix
    return len(values(core.state, prefix))


def test_a_token_sees_its_own_alone(core: Core):
    """What two tokens store at one path are two things."""
    ask(core, Operation.UPDATE, "cubbyhole/a", key="root's")
    ask(core, Operation.UPDATE, "cubbyhole/a", OTHER, key="another's")
    assert ask(core, Operation.READ, "cubbyhole/a") == {"key": "root's"}
    assert ask(core, Operation.READ, "cubbyhole/a", OTHER) == {"key": "another's"}


def test_a_token_lists_its_own_alone(core: Core):
    """A token that stored nothing has nothing to list."""
    ask(core, Operation.UPDATE, "cubbyhole/a", key="root's")
    with pytest.raises(NotFound):
        ask(core, Operation.LIST, "cubbyhole", OTHER)


def test_a_cubbyhole_goes_with_the_last_use_of_its_token(core: Core):
    """After the last use of a token nothing of its cubbyhole is stored, and the others' are whole."""
    ask(core, Operation.UPDATE, "cubbyhole/a", key="root's")
    ask(core, Operation.UPDATE, "cubbyhole/a", OTHER, key="another's")
    ask(core, Operation.UPDATE, "cubbyhole/b/c", OTHER, key="another's")
    assert in_cubbyholes(core) == 3
    assert ask(core, Operation.READ, "cubbyhole/b/c", OTHER) == {"key": "another's"}
    assert in_cubbyholes(core) == 1
    assert ask(core, Operation.READ, "cubbyhole/a") == {"key": "root's"}


def test_a_token_that_is_made_again_finds_nothing(core: Core):
    """A cubbyhole does not outlive its token, even if there is such a token again."""
    for _ in range(3):
        ask(core, Operation.UPDATE, "cubbyhole/a", OTHER, key="value")
    give(core, OTHER, num_uses=3)
    with pytest.raises(NotFound):
        ask(core, Operation.READ, "cubbyhole/a", OTHER)


def test_a_batch_token_has_none(core: Core):
    """A token that is not stored for itself has no cubbyhole."""
    wanted = Wanted(["root"], "auth/token/create", type="batch", ttl_s=3600)
    with core.sessions.writing() as session:
        _, auth = issue(session, session.mounts.at("auth/token/"), wanted, random=os.urandom, now_ns=time.time_ns())
    with pytest.raises(InvalidRequest, match="only supported by 'service' type tokens"):
        ask(core, Operation.UPDATE, "cubbyhole/a", auth["client_token"], key="value")


def test_no_name_in_the_state_tells_of_the_token(core: Core):
    """What lies in a cubbyhole has a name that holds neither the token nor its accessor."""
    ask(core, Operation.UPDATE, "cubbyhole/a", OTHER, key="value")
    with core.state.reader() as view:
        assert not any(OTHER in name or OTHER[::-1] in name for name in view.below(""))
