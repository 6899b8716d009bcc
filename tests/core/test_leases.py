"""Leases of secrets engines: how they end, what ends with them, and what is left where one cannot be taken back."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from support.audits import OWNED, audited, lines
from support.clock import Clock
from support.lender import Lender
from support.places import Place
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.core.core import Core
from vaultctl.core.leases import revoke, store
from vaultctl.logical.errors import InvalidRequest, NoRoute, NotFound, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

CAUSE = "ConnectionError at lender.py:26"
READ, LIST, UPDATE, DELETE = Operation.READ, Operation.LIST, Operation.UPDATE, Operation.DELETE


class Ticks:
    """A clock for deadlines on which each look takes long: a batch holds one lease, and a request steps once."""

    def __init__(self, step_s: float = 1.0) -> None:
        self.step_s = step_s
        self.now_s = 0.0

    def __call__(self) -> float:
        """Give the time, later each time."""
        self.now_s += self.step_s
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def lender(tmp_path, monkeypatch) -> Lender:
    """A third party's engine, installed."""
    made = Lender(tmp_path / "lender")
    made.install(monkeypatch)
    return made


@pytest.fixture
def core(clock: Clock, lender: Lender) -> Core:
    """A core with a mount of that engine, whose time passes by that clock."""
    made = make_core(Memory(), now_ns=clock)
    ask(made, UPDATE, "sys/mounts/db", type="lender")
    return made


def ask(core: Core, operation: Operation, path: str, by: str = ROOT_TOKEN, **data: object) -> Response:
    """Ask as root, or as somebody else."""
    where = {"data": data} if operation is UPDATE else {"query": data}
    return core.handle(Request(operation, path, token=by, **where))


def lend(core: Core, name: str = "a", token: str = ROOT_TOKEN, **query: object) -> str:
    """Have something lent; give the lease's id."""
    lease = ask(core, READ, f"db/creds/{name}", token, **query).lease
    assert lease is not None
    return lease.lease_id


def look_up(core: Core, lease_id: str) -> dict[str, object]:
    """Look a lease up."""
    return dict(ask(core, UPDATE, "sys/leases/lookup", lease_id=lease_id).data or {})


def is_there(core: Core, lease_id: str) -> bool:
    """Tell whether a lease is known."""
    try:
        look_up(core, lease_id)
    except InvalidRequest as error:
        return error.errors != ("invalid lease",)
    return True


def rows(core: Core, prefix: str = "core/leases/") -> list[str]:
    """Give the names of all that is stored of leases."""
    with core.state.reader() as view:
        return list(view.below(prefix))


def write(core: Core) -> None:
    """Write something that has nothing to do with leases."""
    ask(core, UPDATE, "secret/data/a", data={})


def wait(core: Core, until: Callable[[], bool]) -> None:
    """Step what is stored until something is so."""
    for _ in range(10_000):
        if until():
            return
        core.advance(0)
    raise AssertionError("it never came so")


def status(core: Core, migration_id: object) -> dict[str, object]:
    """Tell how a move stands."""
    return dict((ask(core, READ, f"sys/remount/status/{migration_id}").data or {})["migration_info"])


def move(core: Core) -> dict[str, object]:
    """Move the mount; tell how that ended."""
    begun = (ask(core, UPDATE, "sys/remount", **{"from": "db", "to": "new"}).data or {})["migration_id"]
    wait(core, lambda: status(core, begun)["status"] != "in-progress")
    return status(core, begun)


# Their life


def test_a_lease_says_how_long_it_lives_and_its_end_is_the_end_of_what_was_lent(core, clock, lender):
    """What was lent is there until the lease ends, and is taken back by the next write."""
    lease_id = lend(core, ttl=10)
    assert look_up(core, lease_id)["ttl"] == 10
    assert len(lender.lent) == 1
    clock.go(10)
    assert not is_there(core, lease_id)
    write(core)
    assert lender.lent == []
    assert rows(core) == []


def test_an_expired_lease_counts_as_absent_at_once(core, clock, lender):
    """Nobody lists or renews a lease that is over, though its row is there and the engine has heard of nothing."""
    lender.breaks()
    lease_id = lend(core, ttl=10)
    stored = rows(core)
    clock.go(10)
    with pytest.raises(NotFound):
        ask(core, LIST, "sys/leases/lookup/db/creds/a")
    assert rows(core) == stored
    with pytest.raises(InvalidRequest, match="lease not found"):
        ask(core, UPDATE, "sys/leases/renew", lease_id=lease_id)


def test_the_ticker_takes_back_what_expired(core, clock, lender):
    """A server that nobody asks anything takes back what is over."""
    for _ in range(5):
        lend(core, ttl=10)
    clock.go(10)
    core.advance(0.05)
    assert lender.lent == []
    assert rows(core) == []


def test_no_command_pays_for_a_big_backlog(clock, lender):
    """However much is over, a write that comes along takes a bounded part of it back, and the next ones go on."""
    core = make_core(Memory(), now_ns=clock, monotonic_s=Ticks())
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(5):
        lend(core, ttl=10)
    clock.go(10)
    left = []
    while lender.lent:
        write(core)
        left.append(len(lender.lent))
    assert left == [4, 3, 2, 1, 0]


def test_a_lease_is_renewed_as_far_as_its_limits_allow(core, clock):
    """A renewal counts from now on, and ends at the most that the engine allows from the beginning."""
    lease_id = lend(core, ttl=60, max_ttl=600)
    clock.go(30)
    renewed = ask(core, UPDATE, "sys/leases/renew", lease_id=lease_id, increment=120)
    assert renewed.lease is not None
    assert renewed.lease[:3] == (120, lease_id, True)
    assert look_up(core, lease_id)["ttl"] == 120
    clock.go(100)
    assert ask(core, UPDATE, f"sys/leases/renew/{lease_id}", increment=9999).lease.duration_s == 470
    clock.go(470)
    assert not is_there(core, lease_id)


def test_a_mount_limits_its_leases(core):
    """No lease is longer than the mount's maximum, and an answer says so."""
    ask(core, UPDATE, "sys/mounts/db/tune", max_lease_ttl="1m", default_lease_ttl="30s")
    answer = ask(core, READ, "db/creds/a", ttl=100)
    assert answer.lease.duration_s == 60
    assert answer.warnings == (
        'TTL of "1m40s" exceeded the effective max_ttl of "1m0s"; TTL value is capped accordingly',
    )
    assert ask(core, READ, "db/creds/a").lease.duration_s == 30


def test_what_an_engine_keeps_with_a_lease_is_shown_to_nobody(core):
    """An answer has the lease's id and its length, and nothing of what the engine needs to take it back."""
    answer = ask(core, READ, "db/creds/a")
    assert answer.lease.internal is None
    assert "internal" not in look_up(core, answer.lease.lease_id)


# What they end with


def make_token(core: Core, by: str = ROOT_TOKEN, **data: object) -> str:
    """Make a token that may do as much as the one that makes it, or what a policy p allows: everything, too."""
    rule = '{ capabilities = ["create", "read", "update"] }'
    ask(core, UPDATE, "sys/policies/acl/p", policy=f'path "*" {rule}')
    return str((ask(core, UPDATE, "auth/token/create", by, **data).auth or {})["client_token"])


def test_leases_end_with_their_token(core, lender):
    """What a token was lent is taken back when the token is revoked."""
    token = make_token(core)
    lease_id, other = lend(core, token=token), lend(core, "other")
    ask(core, UPDATE, "auth/token/revoke", token=token)
    assert not is_there(core, lease_id)
    assert [name.partition("-")[0] for name in lender.lent] == ["other"]
    assert is_there(core, other)


def test_leases_end_with_the_token_that_theirs_was_made_with(core, clock, lender):
    """A lease counts as absent as soon as a token above its own is over, and goes with the next writes."""
    token = make_token(core, ttl="10s", policies=["p"])
    child = make_token(core, token)
    lease_id = lend(core, token=child)
    clock.go(10)
    assert not is_there(core, lease_id)
    write(core)
    assert lender.lent == []
    assert rows(core) == []


def test_a_batch_tokens_lease_is_no_longer_than_the_token(core):
    """A batch token cannot be revoked, so that its leases end with it by their length."""
    token = make_token(core, type="batch", ttl="5m", policies=["p"])
    assert ask(core, READ, "db/creds/a", token).lease.duration_s == 300


def test_the_last_use_of_a_token_leases_nothing(core, lender):
    """What would end with the same request is not given out. Source: OpenBao 2.7."""
    token = make_token(core, num_uses=1)
    with pytest.raises(InvalidRequest, match="one use left"):
        lend(core, token=token)
    assert lender.lent == []
    assert rows(core) == []


# Revoking


def test_a_revocation_that_fails_is_kept_in_sight_and_tried_again(core, clock, lender):
    """A lease whose engine fails has ended, says why it is still there, and is tried again later and later."""
    lease_id = lend(core)
    lender.breaks()
    ask(core, UPDATE, "sys/leases/revoke", lease_id=lease_id)
    shown = look_up(core, lease_id)
    assert shown["ttl"] == 0
    assert shown["revoke_error"] == CAUSE
    clock.go(9)
    core.advance(0)
    assert look_up(core, lease_id)["ttl"] == 0
    lender.heals()
    core.advance(0)
    assert is_there(core, lease_id)
    clock.go(2)
    core.advance(0)
    assert not is_there(core, lease_id)
    assert lender.lent == []
    assert rows(core) == []


def test_after_six_failures_a_lease_is_irrevocable_and_counted(core, clock, lender):
    """It is listed with its mount and its error, and is dropped by force alone, or when the engine answers again."""
    lease_id = lend(core, ttl=1)
    lender.breaks()
    for _ in range(store.ATTEMPTS):
        clock.go(1000)
        core.advance(0)
    counted = ask(core, READ, "sys/leases/count", type="irrevocable").data
    assert counted["lease_count"] == 1
    [listed] = ask(core, READ, "sys/leases", type="irrevocable").data["leases"]
    assert (listed["lease_id"], listed["error"]) == (lease_id, CAUSE)
    assert listed["mount_id"] in counted["counts"]
    ask(core, UPDATE, "sys/leases/revoke-force/db")
    assert ask(core, READ, "sys/leases/count", type="irrevocable").data["lease_count"] == 0
    assert len(lender.lent) == 1
    assert rows(core) == []


def test_a_synchronous_revocation_tells_that_it_failed(core, lender):
    """The answer is an error, the lease goes on, and its error is noted."""
    lease_id = lend(core)
    lender.breaks()
    with pytest.raises(VaultError, match="failed to revoke") as refused:
        ask(core, UPDATE, "sys/leases/revoke", lease_id=lease_id, sync=True)
    assert refused.value.status == 400
    shown = look_up(core, lease_id)
    assert shown["ttl"] > 0
    assert shown["revoke_error"]


def test_nothing_of_what_an_engine_says_is_shown(core, lender):
    """An engine's own error can hold a password: its class and line are told."""
    lease_id = lend(core)
    lender.breaks()
    with pytest.raises(VaultError) as refused:
        ask(core, UPDATE, "sys/leases/revoke", lease_id=lease_id, sync=True)
    assert "canary" not in str(refused.value.errors) + str(look_up(core, lease_id))


def test_a_prefix_is_a_folder(core, lender):
    """A revocation by prefix takes what is below a path, and not what merely begins so."""
    for name in ("a", "ab"):
        lend(core, name)
    ask(core, UPDATE, "sys/leases/revoke-prefix/db/creds/a", sync=True)
    assert [name.partition("-")[0] for name in lender.lent] == ["ab"]
    ask(core, UPDATE, "sys/leases/revoke-prefix/d", sync=True)
    assert len(lender.lent) == 1
    ask(core, UPDATE, "sys/leases/revoke-prefix/db")
    assert lender.lent == []


def test_a_prefix_goes_on_past_what_fails_and_tries_it_again(core, clock, lender):
    """One lease that cannot be revoked keeps none of the others."""
    kept = lend(core, "b")
    others = [lend(core, name) for name in ("a", "c")]
    lender.breaks("b")
    ask(core, UPDATE, "sys/leases/revoke-prefix/db")
    assert [is_there(core, lease_id) for lease_id in others] == [False, False]
    assert look_up(core, kept)["revoke_error"]
    lender.heals()
    clock.go(11)
    write(core)
    assert lender.lent == []


def test_a_synchronous_prefix_names_what_failed(core, lender):
    """The answer names the leases that could not be revoked, and how many they are."""
    failing = sorted(lend(core, "b") for _ in range(2))
    lend(core, "a")
    lender.breaks("b")
    with pytest.raises(InvalidRequest) as refused:
        ask(core, UPDATE, "sys/leases/revoke-prefix/db", sync=True)
    assert refused.value.errors == (f"2 leases could not be revoked: {', '.join(failing)}: {CAUSE}",)


def test_leases_of_a_namespace_are_seen_from_it_and_from_above(core, lender):
    """A lease of an inner namespace carries its id; from beside it, it is unknown."""
    for name in ("n1", "n2"):
        ask(core, UPDATE, f"sys/namespaces/{name}")
    ask(core, UPDATE, "n1/sys/mounts/db", type="lender")
    answer = ask(core, READ, "n1/db/creds/a")
    lease_id = answer.lease.lease_id
    assert lease_id.startswith("db/creds/a/")
    assert look_up(core, lease_id)["namespace_path"] == "n1/"
    assert ask(core, LIST, "n1/sys/leases/lookup/db/creds/a").data["keys"] == [lease_id.rpartition("/")[2]]
    for path in ("n2/sys/leases/lookup",):
        with pytest.raises(InvalidRequest, match="invalid lease"):
            ask(core, UPDATE, path, lease_id=lease_id)
    ask(core, DELETE, "sys/namespaces/n1")
    wait(core, lambda: not core.advance(0))
    assert lender.lent == []
    assert rows(core) == []


# Moving and disabling


def test_a_move_revokes_what_the_mount_leased(core, lender):
    """After a move the leases are gone, and what was lent is taken back; the history tells how many."""
    lease_ids = [lend(core) for _ in range(3)]
    ended = move(core)
    assert (ended["status"], ended["done"], ended["total"]) == ("success", 3, 3)
    assert lender.lent == []
    assert not any(is_there(core, lease_id) for lease_id in lease_ids)
    assert ask(core, READ, "new/creds/a").lease.lease_id.startswith("new/creds/a/")


def test_a_move_that_cannot_revoke_leaves_the_source_in_use(core, lender):
    """The status says which leases failed and how many; the mount stays where it is and serves."""
    failing = sorted(lend(core, "b") for _ in range(7))
    lend(core, "a")
    lender.breaks("b")
    ended = move(core)
    assert ended["status"] == "failure"
    assert ended["failures"] == 7
    assert ended["failed_leases"] == failing[:5]
    assert ended["error"].startswith("7 leases could not be revoked: db/creds/b/")
    assert lend(core, "c").startswith("db/creds/c/")
    assert look_up(core, failing[0])["ttl"] > 0
    lender.heals()
    assert move(core)["status"] == "success"
    assert lender.lent == []


def test_a_move_gives_up_after_some_failures(core, lender):
    """An engine whose back-end is away is not asked a thousand times."""
    for _ in range(revoke.MOST_FAILURES + 300):
        lend(core)
    lender.breaks()
    ended = move(core)
    assert ended["status"] == "failure"
    assert ended["failures"] >= revoke.MOST_FAILURES
    assert "or more leases could not be revoked" in ended["error"]


def test_a_move_of_many_leases_is_counted_while_it_goes_on(clock, lender):
    """1,500 leases are revoked bit by bit: the count rises, and the source is tainted meanwhile."""
    core = make_core(Memory(), now_ns=clock, monotonic_s=Ticks(0.005))
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(1500):
        lend(core)
    begun = (ask(core, UPDATE, "sys/remount", **{"from": "db", "to": "new"}).data or {})["migration_id"]
    seen = []
    while status(core, begun)["status"] == "in-progress":
        now = status(core, begun)
        assert (now["phase"], now["total"]) == ("revoking", 1500)
        assert now["done"] == 1500 - len(lender.lent)
        seen.append(now["done"])
        with pytest.raises(NoRoute, match="tainted"):
            ask(core, READ, "db/creds/a")
        core.advance(0)
    assert seen == sorted(set(seen))
    assert len(seen) > 10
    assert status(core, begun)["done"] == 1500
    assert lender.lent == []
    assert rows(core) == []


def test_disabling_revokes_first(core, lender):
    """What a mount leased is taken back before the mount is gone."""
    lend(core)
    assert ask(core, DELETE, "sys/mounts/db").status in (0, 204)
    assert lender.lent == []
    assert rows(core) == []
    with pytest.raises(InvalidRequest, match="No secret engine"):
        ask(core, READ, "sys/mounts/db")


def test_a_mount_that_cannot_be_disabled_stays_in_use(core, lender):
    """The answer names what could not be revoked, and nothing of the mount is lost."""
    lease_id = lend(core)
    lender.breaks()
    with pytest.raises(InvalidRequest, match=f"1 lease could not be revoked: {lease_id}: ConnectionError"):
        ask(core, DELETE, "sys/mounts/db")
    assert lend(core, "b")
    ask(core, UPDATE, "sys/leases/revoke-force/db")
    assert ask(core, DELETE, "sys/mounts/db").status in (0, 204)
    assert len(lender.lent) == 2


def test_disabling_much_is_told_of_by_the_same_request(clock, lender):
    """Where the leases are many the answer says how far it is; asking again goes on, and ends with the mount gone."""
    core = make_core(Memory(), now_ns=clock, monotonic_s=Ticks(0.02))
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(50):
        lend(core)
    answers = [ask(core, DELETE, "sys/mounts/db")]
    while answers[-1].status == 202:
        assert answers[-1].data["total"] == 50
        answers.append(ask(core, DELETE, "sys/mounts/db"))
    assert len(answers) > 3
    counts = [answer.data["done"] for answer in answers[:-1]]
    assert counts == sorted(set(counts))
    assert lender.lent == []
    with pytest.raises(InvalidRequest, match="No secret engine"):
        ask(core, READ, "sys/mounts/db")


_MOVER = """
import sys
sys.path[:0] = {paths!r}
from support.places import Place
from support.states import ROOT_TOKEN, open_core
from vaultctl.logical.request import Operation, Request
from pathlib import Path
core = open_core(Place({kind!r}, Path({base!r})).open())
core.handle(Request(Operation.UPDATE, "sys/remount", data={{"from": "db", "to": "new"}}, token=ROOT_TOKEN))
while core.advance(1):
    pass
"""


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_move_is_gone_on_with_after_a_kill(kind, tmp_path, lender, monkeypatch):
    """A process that is killed in the middle of a batch loses no count, and takes nothing back that it did not count
    but what it had in hand."""
    place = Place(kind, tmp_path)
    core = make_core(place.open())
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for name in [*["a"] * 300, *["m"] * 5, *["z"] * 100]:
        lend(core, name)
    core.close()
    (lender.folder / "stuck").write_text("m")
    os.mkfifo(lender.folder / "go")
    paths = [str(lender.site), os.path.dirname(os.path.dirname(__file__))]
    script = _MOVER.format(paths=paths, kind=kind, base=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", script]) as mover:
        while not (lender.folder / "waiting").exists():
            assert mover.poll() is None
        mover.send_signal(signal.SIGKILL)
    assert not [name for name in lender.lent if name.startswith("a")]
    (lender.folder / "stuck").unlink()
    core = open_core(place.open())
    [migration] = (ask(core, LIST, "sys/remount/status").data or {})["keys"]
    wait(core, lambda: status(core, migration)["status"] != "in-progress")
    ended = status(core, migration)
    assert (ended["status"], ended["done"], ended["total"]) == ("success", 405, 405)
    assert lender.lent == []
    assert len(set(lender.log)) == 405
    assert rows(core) == []
    core.close()


def test_what_became_of_an_awaited_job_is_audited(clock, lender, tmp_path):
    """An entry of an answer has what the client got: how far it is, then the end, or why there is none."""
    log = tmp_path / "log"
    core = audited(make_core(Memory(), now_ns=clock, monotonic_s=Ticks(0.02), **OWNED), log)
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(50):
        lend(core)
    answers = [ask(core, DELETE, "sys/mounts/db")]
    while answers[-1].status == 202:
        answers.append(ask(core, DELETE, "sys/mounts/db"))
    told = [entry["response"].get("data", {}).get("done") for entry in _disabling(log)]
    assert told == [answer.data["done"] if answer.data else None for answer in answers]
    assert told[-1] is None


def test_that_an_awaited_job_failed_is_audited(clock, lender, tmp_path):
    """The client was told of an error, and so is who reads the log."""
    log = tmp_path / "log"
    core = audited(make_core(Memory(), now_ns=clock, **OWNED), log)
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    lend(core)
    lender.breaks()
    with pytest.raises(InvalidRequest):
        ask(core, DELETE, "sys/mounts/db")
    (entry,) = _disabling(log)
    assert entry["error"]
    assert "job_id" not in entry["response"]["data"]


def _disabling(log):
    asked = [entry for entry in lines(log) if entry["request"]["operation"] == "delete"]
    assert [entry["type"] for entry in asked] == ["request", "response"] * (len(asked) // 2)
    return asked[1::2]
