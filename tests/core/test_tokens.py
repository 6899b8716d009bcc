"""Tokens as time goes by: how they end, what ends with them, and what is left of them in the state."""

import json
import os
from collections.abc import Callable

import pytest
from support.clock import Clock
from support.places import Place
from support.states import NOW_S, ROOT_TOKEN, make_core, make_state, open_core

from vaultctl.core import bootstrap, jobs, tokens
from vaultctl.core.core import Core
from vaultctl.core.token_store import issue, policies, sweep, ttl
from vaultctl.logical.errors import BadToken, InvalidRequest, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core whose time passes by that clock."""
    return make_core(Memory(), now_ns=clock)


def ask(core: Core, path: str, by: str = ROOT_TOKEN, **data: object) -> Response:
    """Write below auth/token/."""
    return core.handle(Request(Operation.UPDATE, f"auth/token/{path}", data=data, token=by))


def make(core: Core, parent: str = ROOT_TOKEN, **data: object) -> str:
    """Make a token that may do everything."""
    auth = ask(core, "create", parent, **data).auth
    assert auth is not None
    return str(auth["client_token"])


def is_good(core: Core, token: str) -> bool:
    """Tell whether a token opens anything."""
    try:
        core.handle(Request(Operation.READ, "auth/token/lookup-self", token=token))
    except BadToken:
        return False
    return True


def names(core: Core, prefix: str = "core/tokens/") -> list[str]:
    """Give the names of all that is stored of tokens."""
    with core.state.reader() as view:
        return list(view.below(prefix))


def test_an_expired_token_opens_nothing_from_that_moment(core, clock):
    """A token is good up to its end, and not at it."""
    token = make(core, ttl="10s")
    clock.go(9.999)
    assert is_good(core, token)
    clock.go(0.001)
    assert not is_good(core, token)


def test_a_child_of_an_expired_token_opens_nothing(core, clock):
    """A token ends with the one that it was made with, however long its own life is."""
    child = make(core, make(core, make(core, ttl="10s"), ttl="1h"), ttl="1h")
    assert is_good(core, child)
    clock.go(10)
    assert not is_good(core, child)
    with pytest.raises(VaultError, match="bad token"):
        ask(core, "lookup", token=child)


def test_an_orphan_outlives_the_token_that_made_it(core):
    """A token without parent stays when the one that made it is revoked."""
    parent = make(core)
    orphan = ask(core, "create-orphan", parent).auth["client_token"]
    ask(core, "revoke", token=parent)
    assert is_good(core, orphan)


def test_nothing_is_left_of_a_tree_that_was_revoked(core):
    """A revocation removes every row of a token and of all that descend from it, cubbyholes too."""
    before = names(core, "")
    parent = make(core, ttl="1h")
    child = make(core, parent, ttl="1h")
    core.handle(Request(Operation.UPDATE, "cubbyhole/a", data={"k": "v"}, token=child))
    ask(core, "revoke", token=parent)
    assert [name for name in names(core, "") if name not in before] == []


def test_what_expired_is_removed_by_a_later_write(core, clock):
    """The rows of an expired token, and of its children, go with the next write."""
    before = names(core)
    make(core, make(core, ttl="10s"), ttl="1h")
    clock.go(10)
    core.handle(Request(Operation.UPDATE, "secret/data/a", data={"data": {}}, token=ROOT_TOKEN))
    assert names(core) == before


def test_reads_remove_nothing(core, clock):
    """What has expired stays where it is as long as nobody writes."""
    make(core, ttl="10s")
    stored = names(core)
    clock.go(10)
    core.handle(Request(Operation.READ, "sys/mounts", token=ROOT_TOKEN))
    assert names(core) == stored


def test_the_ticker_removes_what_expired(core, clock):
    """A server that nobody asks anything removes what expired, a bounded number each time."""
    before = names(core)
    for _ in range(sweep.AT_ONCE + 1):
        make(core, ttl="10s")
    clock.go(10)
    core.advance(0)
    assert len(names(core, tokens.BY_ID)) == 2  # root's, and one that is left
    core.advance(0)
    assert names(core) == before


def test_a_large_tree_is_good_for_nothing_at_once_and_a_job_removes_it():
    """A revocation of many descendants takes effect when it is answered; what is left of them is a stored job."""
    core = make_core(Memory(), monotonic_s=Ticks())
    before, parent = names(core), make(core)
    children = [make(core, parent) for _ in range(2 * sweep.AT_ONCE)]
    grandchild = make(core, children[-1])
    with core.sessions.writing() as session:
        sweep.revoke(session, tokens.find(session.view, parent, NOW_S))
        session.commit()
    left = len(names(core, tokens.BY_ID))
    assert left > 1
    assert not any(is_good(core, token) for token in (children[0], children[-1], grandchild))
    while len(names(core)) > len(before):
        ask(core, "tidy")
    assert [name for name in names(core) if name not in before] == []


class Ticks:
    """A clock that goes by itself, so that each request steps its jobs once."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Give the time; it is always later than any deadline."""
        self.now_s += 1
        return self.now_s


def test_a_request_that_leaves_descendants_stores_a_job(core):
    """What a request does not remove of a tree itself is a job, which counts what it removes."""
    parent = make(core)
    for _ in range(2 * sweep.AT_ONCE):  # it removes as many of them itself
        make(core, parent)
    ask(core, "revoke", token=parent)
    with core.state.reader() as view:
        (job,) = jobs.history(view)
    assert (job.kind, job.status, job.done) == (sweep.KIND, jobs.SUCCESS, sweep.AT_ONCE)


def test_tokens_of_a_path_are_revoked_in_batches(core):
    """All tokens that were made below a path can be revoked, a bounded number at a time."""
    made = [make(core) for _ in range(3)]
    other = ask(core, "create-orphan").auth["client_token"]
    with core.sessions.writing() as session:
        mount = session.mounts.at("auth/token/").uuid
        assert sweep.revoke_below(session, mount, "create/", 2) == 2
        assert sweep.revoke_below(session, mount, "create/", 100) == 2  # root's own is one of them
        session.commit()
    assert [is_good(core, token) for token in (*made, ROOT_TOKEN, other)] == [False] * 4 + [True]


def test_renewing_moves_the_end(core, clock):
    """A renewed token lives on from then, and has one row among the ends."""
    token = make(core, ttl="10s")
    clock.go(6)
    assert ask(core, "renew-self", token).auth["lease_duration"] == 10
    clock.go(6)
    assert is_good(core, token)
    assert len(names(core, tokens.BY_EXPIRY)) == 1


def test_an_explicit_maximum_ends_what_is_renewed_for_ever(core, clock):
    """A periodic token is renewed by its period, up to its explicit maximum."""
    token = make(core, period="10s", explicit_max_ttl="25s")
    for expected in (10, 9, 2):
        clock.go(8 if expected != 2 else 7)
        assert ask(core, "renew-self", token).auth["lease_duration"] == expected
    clock.go(2)
    assert not is_good(core, token)


def test_a_mounts_maximum_holds_for_what_is_renewed_later(core, clock):
    """A renewal heeds the maximum that the mount has now."""
    token = make(core, ttl="1h")
    core.handle(
        Request(Operation.UPDATE, "sys/mounts/auth/token/tune", data={"max_lease_ttl": "30s"}, token=ROOT_TOKEN)
    )
    clock.go(10)
    answer = ask(core, "renew-self", token)
    assert answer.auth["lease_duration"] == 20
    clock.go(20)
    assert not is_good(core, token)


def test_a_batch_token_is_not_stored_and_ends(core, clock):
    """Nothing of a batch token is in the state; it opens what it says until its end."""
    stored = names(core, "")
    with core.sessions.writing() as session:
        wanted = issue.Wanted(["root"], "auth/token/create", type="batch", ttl_s=10)
        _, auth = issue.issue(session, session.mounts.at("auth/token/"), wanted, random=os.urandom, now_ns=clock.now_ns)
        session.commit()
    assert names(core, "") == stored
    assert is_good(core, auth["client_token"])
    clock.go(10)
    assert not is_good(core, auth["client_token"])


def test_a_batch_token_ends_with_its_parent(core, clock):
    """A batch token cannot be revoked, and yet goes with the token that it was made with."""
    parent = make(core)
    with core.sessions.writing() as session:
        parent_hash = tokens.find(session.view, parent, NOW_S).id_hash
        wanted = issue.Wanted(["root"], "auth/token/create", type="batch", ttl_s=10, parent=parent_hash)
        _, auth = issue.issue(session, session.mounts.at("auth/token/"), wanted, random=os.urandom, now_ns=clock.now_ns)
    assert is_good(core, auth["client_token"])
    ask(core, "revoke", token=parent)
    assert not is_good(core, auth["client_token"])


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t[:20] + "A" + t[21:] + "A", lambda _: "b.", lambda _: "b.é"]
)
def test_a_batch_token_that_was_changed_opens_nothing(core, clock, change: Callable[[str], str]):
    """A batch token is what this state made, or nothing."""
    with core.sessions.writing() as session:
        wanted = issue.Wanted(["root"], "auth/token/create", type="batch", ttl_s=10)
        _, auth = issue.issue(session, session.mounts.at("auth/token/"), wanted, random=os.urandom, now_ns=clock.now_ns)
    assert not is_good(core, change(auth["client_token"]))


def test_a_batch_token_of_an_older_term_is_good(core, clock):
    """A rotation of the keyring leaves batch tokens as they are."""
    with core.sessions.writing() as session:
        wanted = issue.Wanted(["root"], "auth/token/create", type="batch", ttl_s=10)
        _, auth = issue.issue(session, session.mounts.at("auth/token/"), wanted, random=os.urandom, now_ns=clock.now_ns)
        session.view.rotate()
        session.commit()
    assert is_good(core, auth["client_token"])


def test_a_failed_creation_leaves_nothing(core):
    """A token that is refused is not there, in no index either."""
    before = names(core)
    for data in ({"policies": ["response-wrapping"]}, {"ttl": "-1s"}, {"id": "s.x"}, {"type": "odd"}):
        with pytest.raises(InvalidRequest):
            ask(core, "create", **data)
    assert names(core) == before


def test_a_token_bound_to_addresses_is_good_only_there(core):
    """A bound token opens nothing from elsewhere, be it ever so good."""
    ask(core, "roles/r", token_bound_cidrs="10.0.0.0/8")
    token = make_with_role(core, "r")
    request = Request(Operation.READ, "auth/token/lookup-self", token=token)
    assert core.handle(request._replace(remote_addr="10.1.2.3")).data["bound_cidrs"] == ["10.0.0.0/8"]
    for elsewhere in ("11.1.2.3", "::1", "", "nowhere"):
        with pytest.raises(BadToken):
            core.handle(request._replace(remote_addr=elsewhere))


def test_a_token_bound_to_this_machine_is_good_in_this_process(core):
    """Whoever asks in this process asks from this machine."""
    ask(core, "roles/r", token_bound_cidrs="127.0.0.0/8")
    assert is_good(core, make_with_role(core, "r"))


def make_with_role(core: Core, role: str) -> str:
    return str(ask(core, f"create/{role}", ttl="1h").auth["client_token"])


def test_a_login_gives_a_token_of_its_mount(core, clock):
    """A login's token has the mount's limits and name, the default policy, and is nobody's child."""
    with core.sessions.writing() as session:
        mount = session.mounts.at("auth/token/")._replace(path="auth/a/b/", config={"max_lease_ttl": 60})
        login = issue.Login(["Dev"], "bob", {"username": "bob"}, ttl_s=3600)
        answer = issue.log_in(session, mount, "auth/a/b/login/bob", login, random=os.urandom, now_ns=clock.now_ns)
        session.commit()
    found = ask(core, "lookup", token=answer.auth["client_token"]).data
    assert (found["display_name"], found["policies"], found["orphan"]) == ("a-b-bob", ["default", "dev"], True)
    assert (found["ttl"], found["path"], found["meta"]) == (60, "auth/a/b/login/bob", {"username": "bob"})
    assert answer.warnings == ('TTL of "1h" exceeded the effective max_ttl of "1m"; TTL value is capped accordingly',)


def test_no_login_gives_root(core, clock):
    """An auth method cannot give what only root can."""
    with core.sessions.writing() as session, pytest.raises(InvalidRequest, match="cannot create root tokens"):
        issue.log_in(
            session,
            session.mounts.at("auth/token/"),
            "auth/x/login",
            issue.Login(["root"]),
            random=os.urandom,
            now_ns=clock.now_ns,
        )


@pytest.mark.parametrize(("by_mount", "by_method", "given"), [
    ("default-service", "", "service"),
    ("default-service", "batch", "batch"),
    ("default-batch", "", "batch"),
    ("default-batch", "service", "service"),
    ("service", "batch", "service"),
    ("batch", "service", "batch"),
])  # fmt: skip
def test_the_mount_has_the_last_word_on_a_logins_type(core, clock, by_mount, by_method, given):
    """The type of a login's token is the mount's, or the method's where the mount only has a default."""
    with core.sessions.writing() as session:
        mount = session.mounts.at("auth/token/")._replace(path="auth/x/", config={"token_type": by_mount})
        login = issue.Login(token_type=by_method)
        answer = issue.log_in(session, mount, "auth/x/login", login, random=os.urandom, now_ns=clock.now_ns)
    assert answer.auth["token_type"] == given


def test_tokens_outlive_the_process(place: Place):
    """Every backend keeps tokens, their children and their ends."""
    backend = place.open()
    core = make_core(backend)
    token = make(core, ttl="1h", meta={"k": "v"}, num_uses=0)
    child = make(core, token, ttl="1h")
    core.close()
    again = open_core(place.open())
    assert is_good(again, child)
    assert ask(again, "lookup", token=token).data["meta"] == {"k": "v"}
    ask(again, "revoke", token=token)
    assert not is_good(again, child)
    again.close()


def test_a_record_from_before_there_were_parents_is_read():
    """A root token that an older version stored is root's still."""
    backend = Memory()
    state = make_state(backend, lambda transaction: bootstrap.fill(transaction, ROOT_TOKEN, os.urandom, NOW_S))
    with state.writer() as transaction:
        name = next(transaction.below(tokens.BY_ID))
        record = json.loads(transaction.get(name))
        older = {**record, "orphan": True, "ttl_s": 0, "num_uses": 0, "type": "service", "namespace": "root"}
        transaction.put(name, json.dumps(older).encode())
        for name in list(transaction.below(tokens.BY_MOUNT)):
            transaction.delete(name)
        transaction.commit()
    core = open_core(backend)
    assert is_good(core, ROOT_TOKEN)
    ask(core, "revoke-self")
    assert not is_good(core, ROOT_TOKEN)


def test_a_namespace_takes_its_tokens_and_roles_along(core):
    """Deleting a namespace leaves nothing of its tokens."""
    other = make(core)
    before = names(core)
    core.handle(Request(Operation.UPDATE, "sys/namespaces/a", token=ROOT_TOKEN))
    token = core.handle(
        Request(Operation.UPDATE, "auth/token/create", "a/", data={"policies": ["default"]}, token=ROOT_TOKEN)
    ).auth["client_token"]
    core.handle(Request(Operation.UPDATE, "auth/token/roles/r", "a/", token=ROOT_TOKEN))
    assert token.startswith("s.")
    assert len(token.split(".")) == 3
    core.handle(Request(Operation.DELETE, "sys/namespaces/a", token=ROOT_TOKEN))
    assert names(core) == before
    assert [is_good(core, each) for each in (token, other)] == [False, True]


def test_a_request_about_a_token_is_one_of_its_namespace(core):
    """A token of a namespace is looked up, renewed and revoked there, whichever namespace the request names."""
    core.handle(Request(Operation.UPDATE, "sys/namespaces/a", token=ROOT_TOKEN))
    create = Request(Operation.UPDATE, "auth/token/create", "a/", {"policies": ["default"], "ttl": "1h"})
    token = core.handle(create._replace(token=ROOT_TOKEN)).auth["client_token"]
    assert ask(core, "lookup", token=token).data["namespace_path"] == "a/"
    assert ask(core, "renew", token=token).auth["lease_duration"] == 3600
    ask(core, "revoke", token=token)
    assert not is_good(core, token)


@pytest.mark.parametrize(("text", "pattern", "fits"), [
    ("abc", "abc", True), ("abc", "a*", True), ("abc", "*c", True), ("abc", "a*c", True), ("abc", "*b*", True),
    ("abc", "*", True), ("abc", "ab", False), ("abc", "*b", False), ("abc", "b*", False), ("ab", "ab*ab", False),
    ("a1b2c", "a*b*c", True), ("a1c2b", "a*b*c", False), ("", "*", True), ("aba", "a*ab*a", False),
])  # fmt: skip
def test_a_star_in_a_role_stands_for_any_text(text, pattern, fits):
    """Each star stands for any text, the empty one too, and nothing else does."""
    assert policies.fits(text, pattern) is fits


def test_a_life_within_limits():
    """What was wanted holds within the smallest maximum; a period holds whatever was wanted."""
    limits = ttl.Limits(default_s=100, mount_max_s=1000)
    assert ttl.life(0, limits, since_s=0, now_s=0) == (100, [])
    assert ttl.life(50, limits, since_s=0, now_s=0) == (50, [])
    assert ttl.life(5000, limits._replace(max_s=200), since_s=0, now_s=50)[0] == 150
    assert ttl.life(5, limits._replace(period_s=70), since_s=0, now_s=5000) == (70, [])
    assert ttl.life(5, limits._replace(period_s=7000), since_s=0, now_s=0)[0] == 1000
    with pytest.raises(VaultError, match="past the max TTL"):
        ttl.life(5, limits, since_s=0, now_s=1000)
