"""Leases that are nothing but entries of their mount's own storage: all of a mount end at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from support.clock import Clock
from support.states import ROOT_TOKEN, make_core

from vaultctl.core import jobs
from vaultctl.core.core import Core
from vaultctl.core.leases import ended
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

READ, LIST, UPDATE, DELETE = Operation.READ, Operation.LIST, Operation.UPDATE, Operation.DELETE


class Still:
    """A clock for deadlines, each of which is over when it is looked at: a request steps once, and a batch is small."""

    def __init__(self) -> None:
        self.now_s, self.pace_s = 0.0, 1.0

    def __call__(self) -> float:
        """Give the time, later each time."""
        self.now_s += self.pace_s
        return self.now_s


@pytest.fixture
def still() -> Still:
    """The core's clock for deadlines."""
    return Still()


@pytest.fixture
def core(still: Still) -> Core:
    """A core with one-time passwords at ssh/, which does as little at a time as it can."""
    made = make_core(Memory(), now_ns=Clock(), monotonic_s=still)
    enable(made, "ssh")
    return made


def ask(core: Core, operation: Operation, path: str, **data: object) -> Response:
    """Ask as root."""
    return core.handle(Request(operation, path, token=ROOT_TOKEN, data=data))


def enable(core: Core, path: str) -> None:
    """Enable ssh, with a role."""
    ask(core, UPDATE, f"sys/mounts/{path}", type="ssh")
    ask(core, UPDATE, f"{path}/roles/r", key_type="otp", default_user="u", cidr_list="0.0.0.0/0")


def give(core: Core, path: str = "ssh") -> tuple[str, str]:
    """Have a password given; give it, and its lease's id."""
    answer = ask(core, UPDATE, f"{path}/creds/r", ip="1.2.3.4")
    assert answer.lease is not None
    return str((answer.data or {})["key"]), answer.lease.lease_id


def lets_in(core: Core, path: str, password: str) -> bool:
    """Tell whether a host would let somebody in."""
    try:
        ask(core, UPDATE, f"{path}/verify", otp=password)
    except InvalidRequest as error:
        if error.errors == ("OTP not found",):
            return False
        raise
    return True


def is_there(core: Core, lease_id: str) -> bool:
    """Tell whether a lease is known."""
    try:
        ask(core, UPDATE, "sys/leases/lookup", lease_id=lease_id)
    except InvalidRequest:
        return False
    return True


def rows(core: Core) -> list[str]:
    """Name all that is stored of leases and passwords."""
    with core.state.reader() as view:
        return [*view.below("core/leases/"), *(name for name in view.below("logical/") if "/otp/" in name)]


def finish(core: Core) -> None:
    """Step what is stored until nothing is left."""
    for _ in range(10_000):
        if not core.advance(0):
            return
    raise AssertionError("it never came to its end")


def wait(until: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


def move(core: Core, source: str, target: str) -> dict[str, object]:
    """Move a mount, which the request itself does; tell how that ended."""
    begun = (ask(core, UPDATE, "sys/remount", **{"from": source, "to": target}).data or {})["migration_id"]
    return dict((ask(core, READ, f"sys/remount/status/{begun}").data or {})["migration_info"])


def test_a_move_ends_all_leases_in_its_one_commit(core: Core):
    """They are counted, and none is found nor lets anybody in, though their rows are there yet."""
    given = [give(core) for _ in range(3 * ended.CHUNK)]
    ended_move = move(core, "ssh", "new")
    assert (ended_move["status"], ended_move["done"], ended_move["total"]) == ("success", len(given), len(given))
    assert len(rows(core)) > len(given)
    for password, lease_id in (given[0], given[-1]):
        assert not lets_in(core, "new", password)
        assert not is_there(core, lease_id)
        assert not is_there(core, lease_id.replace("ssh/", "new/", 1))
    with pytest.raises(NotFound):
        ask(core, LIST, "sys/leases/lookup/new/creds/r")


def test_what_ended_is_removed_bit_by_bit(core: Core):
    """Each step removes a part, and at last nothing is left of the leases and of what they stood for."""
    for _ in range(3 * ended.CHUNK):
        give(core)
    move(core, "ssh", "new")
    left = [len(rows(core))]
    while core.advance(0):
        left.append(len(rows(core)))
    assert left == sorted(set(left), reverse=True)
    assert len(left) > 4
    assert rows(core) == []


def test_a_batch_ends_where_somebody_waits(core: Core, still: Still):
    """However much time it has, what is removed in the background goes on later when a request wants to write."""
    for _ in range(4 * ended.CHUNK):
        give(core)
    move(core, "ssh", "new")
    still.pace_s = 0
    with ThreadPoolExecutor(1) as pool:
        with core.sessions.writing() as session:
            job = jobs.pending(session.view)
            assert job is not None
            asked = pool.submit(ask, core, UPDATE, "secret/data/beside", data={"a": "1"})
            wait(core.state.backend.is_awaited)
            assert ended.step(session, job).done == job.done + ended.CHUNK
        asked.result()
        with core.sessions.writing() as session:
            assert ended.step(session, job).status == jobs.SUCCESS


def test_requests_leave_what_ended_to_a_ticker(core: Core, still: Still):
    """Nobody's write takes longer while somebody else removes it; where nobody does so any more, writes go on."""
    for _ in range(6 * ended.CHUNK):
        give(core)
    move(core, "ssh", "new")
    still.pace_s = 0.1
    assert core.advance(0)
    left = rows(core)
    ask(core, UPDATE, "secret/data/beside", data={"a": "1"})
    assert rows(core) == left
    still.now_s += 60
    ask(core, UPDATE, "secret/data/beside", data={"a": "2"})
    assert len(rows(core)) < len(left)


def test_a_mount_leases_on_after_a_move(core: Core):
    """What it gives from then on is good, while the former leases are being removed, and afterwards; and so again."""
    give(core)
    places = ["ssh", "a", "b", "c"]
    for source, target in pairwise(places):
        move(core, source, target)
        password, lease_id = give(core, target)
        finish(core)
        assert is_there(core, lease_id)
        assert lease_id.startswith(f"{target}/creds/r/")
        kept, _ = give(core, target)
        assert lets_in(core, target, kept)
        assert not lets_in(core, target, kept)
    assert lets_in(core, "c", password)
    ask(core, UPDATE, "sys/leases/revoke", lease_id=lease_id)
    ask(core, UPDATE, "sys/leases/revoke-prefix/c", sync=True)
    finish(core)
    assert rows(core) == []


def test_a_lease_ends_by_itself_after_a_move(core: Core):
    """A password of a mount that was moved goes with its lease."""
    give(core)
    move(core, "ssh", "new")
    password, lease_id = give(core, "new")
    ask(core, UPDATE, "sys/leases/revoke", lease_id=lease_id)
    assert not lets_in(core, "new", password)


def test_a_prefix_of_a_whole_mount_ends_it_all_and_one_below_does_not(core: Core):
    """Below a mount the leases are revoked one by one; no other mount's leases end."""
    enable(core, "other")
    kept = give(core, "other")
    one, two = give(core), give(core)
    ask(core, UPDATE, "sys/leases/revoke-prefix/ssh/creds/none", sync=True)
    assert is_there(core, one[1])
    ask(core, UPDATE, "sys/leases/revoke-prefix/ssh", sync=True)
    assert not is_there(core, one[1])
    assert not lets_in(core, "ssh", two[0])
    assert is_there(core, kept[1])
    finish(core)
    assert lets_in(core, "other", kept[0])


def test_a_mount_that_is_disabled_leaves_nothing(core: Core):
    """Its data goes with it, and what it leased bit by bit."""
    given = [give(core) for _ in range(3)]
    move(core, "ssh", "new")
    given += [give(core, "new") for _ in range(2 * ended.CHUNK)]
    assert ask(core, DELETE, "sys/mounts/new").status in (0, 204)
    assert not any(is_there(core, lease_id) for _, lease_id in given)
    finish(core)
    assert rows(core) == []
    with core.state.reader() as view:
        assert not [name for name in view.below("logical/") if "/roles/" in name]


def test_a_namespace_that_is_deleted_leaves_nothing(core: Core):
    """What its mounts leased after they were moved goes too."""
    ask(core, UPDATE, "sys/namespaces/n1")
    give(core)
    move(core, "ssh", "n1/ssh")
    answer = ask(core, UPDATE, "n1/ssh/creds/r", ip="1.2.3.4")
    assert answer.lease is not None
    ask(core, DELETE, "sys/namespaces/n1")
    finish(core)
    assert rows(core) == []
    with core.state.reader() as view:
        assert [name for name in view.below("logical/") if "/roles/" in name] == []


def test_leases_that_ended_end_only_once(core: Core):
    """A token that is revoked, or a moment that comes, while they are being removed, finds nothing to take back."""
    by = str((ask(core, UPDATE, "auth/token/create").auth or {})["client_token"])
    core.handle(Request(UPDATE, "ssh/creds/r", token=by, data={"ip": "1.2.3.4"}))
    move(core, "ssh", "new")
    ask(core, UPDATE, "auth/token/revoke", token=by)
    finish(core)
    ask(core, UPDATE, "sys/leases/tidy")
    finish(core)
    assert rows(core) == []


def test_tokens_of_a_method_that_was_moved_are_revoked_by_prefix():
    """What an auth method gave after a move is found below its new path."""
    core = make_core(Memory())
    ask(core, UPDATE, "sys/auth/people", type="userpass")
    ask(core, UPDATE, "auth/people/users/u", password="p")
    login = Request(UPDATE, "auth/people/login/u", data={"password": "p"})
    core.handle(login)
    move(core, "auth/people", "auth/new")
    token = str((core.handle(login._replace(path="auth/new/login/u")).auth or {})["client_token"])
    ask(core, UPDATE, "auth/token/lookup", token=token)
    ask(core, UPDATE, "sys/leases/revoke-prefix/auth/new", sync=True)
    with pytest.raises(Exception, match="bad token"):
        ask(core, UPDATE, "auth/token/lookup", token=token)


def test_wrapped_answers_of_a_mount_end_with_its_leases(core: Core):
    """A wrapping token that holds a password goes with the move, is counted, and is not there after a second one."""
    for source, target in pairwise(["ssh", "a", "b"]):
        asked = Request(UPDATE, f"{source}/creds/r", token=ROOT_TOKEN, data={"ip": "1.2.3.4"}, wrap_ttl_s=60)
        wrapped = str((core.handle(asked).wrap_info or {})["token"])
        give(core, source)
        assert ask(core, UPDATE, "sys/wrapping/lookup", token=wrapped).data
        moved = move(core, source, target)
        assert (moved["status"], moved["done"], moved["total"]) == ("success", 3, 3)
        with pytest.raises(InvalidRequest):
            ask(core, UPDATE, "sys/wrapping/unwrap", token=wrapped)
        finish(core)
    assert rows(core) == []
    with core.state.reader() as view:
        assert list(view.below("core/tokens/revoked/")) == []
