"""What is told of wrapping tokens, live and gone, and how an answer from elsewhere is found out."""

from itertools import pairwise

import pytest
from support.clock import Clock
from support.states import ROOT_TOKEN, make_core
from support.wrapping import (
    is_live,
    names,
    token_of,
    unwrap,
    verify,
    wrap,
    write,
)

from vaultctl.core.core import Core
from vaultctl.core.wrapping import past
from vaultctl.logical.errors import InvalidRequest, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

DAY_S = 24 * 3600


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core whose time passes by that clock."""
    return make_core(Memory(), now_ns=clock)


# --- what becomes of a token ---


def test_a_live_token_is_told_of_to_whoever_has_it(core, clock):
    """Nothing is used up by asking, and no token is needed for it."""
    token = wrap(core, ttl_s=60)
    assert verify(core, token) == {
        "state": "live",
        "creation_path": "sys/wrapping/wrap",
        "creation_time": "2026-01-01T00:00:00Z",
        "creation_ttl": 60,
        "expiry_time": "2026-01-01T00:01:00Z",
        "rewrapped": 0,
    }
    assert unwrap(core, token) == {"a": 1}


def test_a_token_that_was_used_is_known_as_such(core, clock):
    """It is told when it was used; so it is of one that was rewrapped."""
    used, rewrapped = wrap(core), wrap(core)
    clock.go(7)
    unwrap(core, used)
    write(core, "sys/wrapping/rewrap", token=rewrapped)
    for token in (used, rewrapped):
        found = verify(core, token)
        assert (found["state"], found["used_time"]) == ("used", "2026-01-01T00:00:07Z")


def test_a_token_that_was_revoked_is_known_as_such(core):
    """Who took it back is not told, but that it was nobody's use."""
    token = wrap(core)
    write(core, "auth/token/revoke", token=token)
    assert verify(core, token)["state"] == "revoked"


@pytest.mark.parametrize("sweeps", [False, True])
def test_a_token_that_expired_is_known_as_such(core, clock, sweeps):
    """It is told whether its rows are removed already or not."""
    token = wrap(core, ttl_s=10)
    clock.go(20)
    if sweeps:
        write(core, "secret/data/a", data={})
    assert bool(names(core, past.PREFIX)) == sweeps
    found = verify(core, token)
    assert (found["state"], found["expiry_time"]) == ("expired", "2026-01-01T00:00:10Z")


@pytest.mark.parametrize("token", ["s.abc", ROOT_TOKEN, "eyJh.eyJh.AAAA", "x"])
def test_what_was_never_a_wrapping_token_here_is_known_as_such(core, token):
    """No other token is told of, however good it is."""
    assert verify(core, token) == {"state": "never-here"}


def test_a_token_whose_namespace_was_lost_is_known_as_such(core):
    """A token with another last part than its own, or none, is told where it belongs."""
    inner = write(core, "sys/namespaces/inner").data["id"]
    other = write(core, "sys/namespaces/other").data["id"]
    token = wrap(core, namespace="inner/")
    base = token.removesuffix(f".{inner}")
    for wrong in (base, f"{base}.{other}", f"{base}.nowher"):
        assert verify(core, wrong) == {"state": "wrong-namespace", "namespace": "inner/"}
    assert verify(core, wrap(core) + f".{inner}") == {"state": "wrong-namespace", "namespace": "root"}


def test_what_became_of_a_token_is_forgotten_in_time(clock):
    """After the time that was set a token counts as unknown, and later ends take its rows with them, bit by bit."""
    core = make_core(Memory(), now_ns=clock, wrapping_history_s=10)
    tokens = [wrap(core) for _ in range(100)]
    for token in tokens:
        unwrap(core, token)
    clock.go(9)
    assert verify(core, tokens[0])["state"] == "used"
    clock.go(2)
    assert verify(core, tokens[0])["state"] == "never-here"
    left = [len(names(core, past.PREFIX))]
    while left[-1] > 60:
        clock.go(11 * 24 * 3600)  # or what is new would not be forgotten, and chance could keep this from its end
        unwrap(core, wrap(core))
        left.append(len(names(core, past.PREFIX)))
    assert max(before - after for before, after in pairwise(left)) == 31


def test_what_became_of_a_token_is_known_from_one_folder_to_the_next(core, clock):
    """A token is found by when it ended, however many of the folders of ten days were begun since."""
    tokens = []
    for _ in range(35):
        tokens.append(wrap(core))
        unwrap(core, tokens[-1])
        clock.go(24 * 3600)
    known = [verify(core, token)["state"] for token in tokens]
    assert known == ["never-here"] * 6 + ["used"] * 29


def test_a_month_is_remembered_where_nobody_says_how_long(core, clock):
    """A token that was used is known for thirty days."""
    token = wrap(core)
    unwrap(core, token)
    clock.go(30 * DAY_S - 1)
    assert verify(core, token)["state"] == "used"
    clock.go(2)
    assert verify(core, token)["state"] == "never-here"


# --- what somebody expects ---


def test_an_answer_from_another_path_is_refused_and_stays(core):
    """Somebody who took the content out and wrapped it again is found out, and nothing is used up."""
    write(core, "sys/auth/approle", type="approle")
    write(core, "auth/approle/role/ci", token_policies="default")
    path = "auth/approle/role/ci/secret-id"
    good, forged = token_of(write(core, path, ttl_s=60)), wrap(core, secret_id="forged")
    for by in (ROOT_TOKEN, forged):
        body = {"token": forged} if by == ROOT_TOKEN else {}
        with pytest.raises(InvalidRequest) as refused:
            write(core, "sys/wrapping/unwrap", by, expect_path=path, **body)
        assert refused.value.errors == (f"creation path is sys/wrapping/wrap, not the expected {path}",)
    assert verify(core, forged, expect_path=path)["matches"] is False
    assert verify(core, good, expect_path=f"/{path}/")["matches"] is True
    assert unwrap(core, forged) == {"secret_id": "forged"}
    assert unwrap(core, good, expect_path=path)["secret_id"]


@pytest.mark.parametrize("expected", ["", "/", None, 5, ["a"]])
def test_an_expected_path_that_is_none_passes_for_no_check(core, expected):
    """An empty variable in a script opens nothing."""
    token = wrap(core)
    with pytest.raises(InvalidRequest, match="expect_path is no path"):
        unwrap(core, token, expect_path=expected)
    assert is_live(core, token)


def test_a_token_that_was_made_too_late_is_found_out(core, clock):
    """What was wrapped after a moment, or was never here, does not match."""
    token = wrap(core)
    clock.go(60)
    late = wrap(core)
    moment = "2026-01-01T00:00:30Z"
    matching = [verify(core, each, issued_before=moment)["matches"] for each in (token, late, "s.x")]
    assert matching == [True, False, False]


def test_an_expected_path_is_one_of_the_namespace_that_asks(core):
    """The same path in another namespace is somebody else's; from above it is named with the namespace in front."""
    write(core, "sys/namespaces/evil")
    write(core, "sys/namespaces/third")
    forged, good = wrap(core, namespace="evil/"), wrap(core)
    path = "sys/wrapping/wrap"
    for namespace, expected, token, is_good in (
        ("", path, good, True),
        ("", path, forged, False),
        ("third/", path, forged, False),
        ("third/", path, good, False),
        ("evil/", path, good, False),
        ("evil/", path, forged, True),
        ("", f"evil/{path}", forged, True),
        ("", f"evil/{path}", good, False),
    ):
        asked = {"namespace": namespace, "token": token, "expect_path": expected}
        assert write(core, "sys/wrapping/verify", "", **asked).data["matches"] is is_good, asked
        if not is_good:
            with pytest.raises(InvalidRequest, match="creation path is"):
                write(core, "sys/wrapping/unwrap", **asked)
    assert write(core, "sys/wrapping/unwrap", token=forged, expect_path=f"evil/{path}").data == {"a": 1}
    assert write(core, "sys/wrapping/unwrap", token=good, expect_path=path).data == {"a": 1}


def test_what_was_wrapped_anew_matches_where_that_is_allowed(core):
    """Who does not allow that content was wrapped anew is told that it does not match."""
    token = token_of(write(core, "sys/wrapping/rewrap", token=wrap(core)))
    assert verify(core, token, allow_rewrapped=False)["matches"] is False
    assert verify(core, token, allow_rewrapped=True)["matches"] is True
    assert verify(core, wrap(core), allow_rewrapped=False)["matches"] is True
    for wrong in (5, None, ""):
        with pytest.raises(InvalidRequest, match="expect_path is no path"):
            verify(core, token, expect_path=wrong)


@pytest.mark.parametrize("operation", [Operation.LIST, Operation.SCAN])
def test_listing_what_is_about_a_wrapping_token(core, operation):
    """There is nothing to list, whatever token is named. Source: OpenBao 2.7."""
    for path in ("lookup", "unwrap", "rewrap"):
        with pytest.raises(VaultError) as refused:
            core.handle(Request(operation, f"sys/wrapping/{path}", token=ROOT_TOKEN))
        assert (refused.value.status, "unsupported path" in refused.value.errors[0]) == (404, True)
    with pytest.raises(VaultError, match="permission denied"):
        core.handle(Request(operation, "sys/wrapping/lookup"))


def test_the_lease_of_an_expired_token_is_not_listed(core, clock):
    """What a mount's wrapping tokens are listed as goes with the end of each."""
    write(core, "secret/data/a", data={"k": "v"})
    token_of(core.handle(Request(Operation.READ, "secret/data/a", token=ROOT_TOKEN, wrap_ttl_s=1)))
    token_of(core.handle(Request(Operation.READ, "secret/data/a", token=ROOT_TOKEN, wrap_ttl_s=60)))
    listing = Request(Operation.LIST, "sys/leases/lookup/secret/data/a", token=ROOT_TOKEN)
    assert len(core.handle(listing).data["keys"]) == 2
    clock.go(1.5)
    assert len(core.handle(listing).data["keys"]) == 1
    clock.go(60)
    with pytest.raises(VaultError):
        core.handle(listing)


def test_the_path_of_what_was_read_with_a_slash_behind(core):
    """A path is told as it is cleaned, so that it is the one that somebody expects."""
    write(core, "secret/data/a", data={"k": "v"})
    token = token_of(core.handle(Request(Operation.READ, "secret/data/a/", token=ROOT_TOKEN, wrap_ttl_s=60)))
    assert verify(core, token, expect_path="secret/data/a")["matches"] is True
    assert verify(core, token)["creation_path"] == "secret/data/a"


def test_asking_what_is_known_of_a_token_waits_for_nobody(core):
    """A look-up and a check are answered while somebody writes: they take no lock."""
    token = wrap(core)
    with core.state.writer():
        for path in ("lookup", "verify"):
            request = Request(Operation.UPDATE, f"sys/wrapping/{path}", data={"token": token})
            answer = core.answer_at_once(request)
            assert answer is not None
            assert answer.data["creation_path"] == "sys/wrapping/wrap"
