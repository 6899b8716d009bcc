"""Response wrapping as time goes by: what opens an answer, how often, until when, and what goes with it."""

import json
from collections.abc import Callable

import pytest
from support.clock import Clock
from support.places import KINDS, Place
from support.states import ROOT_TOKEN, make_core
from support.wrapping import (
    UNKNOWN,
    bare_token,
    is_live,
    lines_of,
    look_up,
    names,
    read,
    token_of,
    unwrap,
    verify,
    wrap,
    write,
)

from vaultctl.core import tokens
from vaultctl.core.core import Core
from vaultctl.core.wrapping import past
from vaultctl.crypto.barrier import SEALED
from vaultctl.logical.errors import InvalidRequest, NotFound, PermissionDenied, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core whose time passes by that clock."""
    return make_core(Memory(), now_ns=clock)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_wrapped_comes_out_once(kind, tmp_path):
    """On every backend the content is given to the first who asks, and to nobody after."""
    core = make_core(Place(kind, tmp_path).open())
    write(core, "secret/data/app", data={"k": "v"})
    token = token_of(read(core, "secret/data/app", ttl_s=60))
    assert look_up(core, token)["creation_path"] == "secret/data/app"
    assert unwrap(core, token)["data"] == {"k": "v"}
    with pytest.raises(InvalidRequest, match=UNKNOWN):
        unwrap(core, token)


def test_a_wrapping_token_opens_its_own_answer(core):
    """The token itself may be who asks, with none in the body; it is used up by that."""
    token = wrap(core, a="b")
    assert write(core, "sys/wrapping/unwrap", token).data == {"a": "b"}
    with pytest.raises(InvalidRequest, match=UNKNOWN):
        write(core, "sys/wrapping/unwrap", token)


def test_an_answer_keeps_all_that_it_had(core):
    """Data, lease, warnings, login and the id of the request that was answered come out as they were."""
    plain = write(core, "auth/token/create", policies=["absent"], ttl="1h")
    core.handle(Request(Operation.UPDATE, "sys/mounts/kv1", data={"type": "kv"}, token=ROOT_TOKEN))
    write(core, "kv1/a", k="v")
    made = core.handle(
        Request(
            Operation.UPDATE,
            "auth/token/create",
            data={"policies": ["absent"], "ttl": "1h"},
            token=ROOT_TOKEN,
            wrap_ttl_s=60,
            request_id="the-first",
        )
    )
    opened = write(core, "sys/wrapping/unwrap", token=token_of(made))
    assert (made.data, made.auth, made.request_id, opened.request_id) == (None, None, "", "the-first")
    assert opened.warnings == plain.warnings
    assert opened.auth.keys() == plain.auth.keys()
    assert made.wrap_info["wrapped_accessor"] == opened.auth["accessor"]
    lease = read(core, "kv1/a").lease
    assert write(core, "sys/wrapping/unwrap", token=token_of(read(core, "kv1/a", ttl_s=9))).lease == lease


def test_numbers_come_out_as_they_were_spelt(core):
    """Nothing that was wrapped is rounded."""
    data = json.loads('{"big": 12345678901234567890, "f": 1.0, "n": null, "l": [1, {"x": []}]}')
    assert unwrap(core, wrap(core, **data)) == data


def test_what_says_nothing_and_what_is_refused_is_not_wrapped(core):
    """A write without an answer stays one, and an error is told as it is; neither leaves a token."""
    before = lines_of(core)
    core.handle(Request(Operation.UPDATE, "cubbyhole/a", data={"k": "v"}, token=ROOT_TOKEN, wrap_ttl_s=60))
    core.handle(Request(Operation.DELETE, "cubbyhole/a", token=ROOT_TOKEN, wrap_ttl_s=60))
    with pytest.raises(NotFound):
        read(core, "secret/data/absent", ttl_s=60)
    with pytest.raises(InvalidRequest, match="endpoint requires response wrapping"):
        write(core, "sys/wrapping/wrap", a=1)
    assert lines_of(core) == before


def test_that_a_secret_was_deleted_is_wrapped_too(core):
    """An answer of 404 that has data is wrapped, comes out as it was, and is used up by that."""
    write(core, "secret/data/app", data={"k": "v"})
    core.handle(Request(Operation.DELETE, "secret/data/app", token=ROOT_TOKEN))
    token = token_of(read(core, "secret/data/app", ttl_s=60))
    with pytest.raises(NotFound) as refused:
        unwrap(core, token)
    assert refused.value.data["data"] is None
    assert not is_live(core, token)


def test_nothing_is_left_of_what_was_unwrapped(core):
    """The content and every row of the token go with the use, whoever asked; that it was used is remembered."""
    before = lines_of(core)
    unwrap(core, wrap(core))
    write(core, "sys/wrapping/unwrap", wrap(core))
    assert lines_of(core) == before
    assert len(names(core, past.PREFIX)) == 2


def test_an_unwrap_can_be_wrapped_again(core):
    """What comes out of one token is put under another, whose path tells of it."""
    second = token_of(write(core, "sys/wrapping/unwrap", ttl_s=60, token=wrap(core, a="b")))
    assert look_up(core, second)["creation_path"] == "sys/wrapping/unwrap"
    assert unwrap(core, second) == {"a": "b"}


def test_a_token_without_rights_leaves_the_content_where_it_is(core):
    """Who may not unwrap does not use up the token of another."""
    token = wrap(core)
    with pytest.raises(PermissionDenied):
        read(core, "secret/data/x", by=bare_token(core))
    nobody = write(core, "auth/token/create", policies=["none"], no_default_policy=True).auth["client_token"]
    with pytest.raises(PermissionDenied):
        unwrap(core, token, nobody)
    with pytest.raises(VaultError, match="permission denied"):
        unwrap(core, token, "")
    assert unwrap(core, token, bare_token(core)) == {"a": 1}


def test_any_other_use_of_a_wrapping_token_uses_it_up(core):
    """A wrapping token that asks for something else is refused, and opens nothing any more."""
    token = wrap(core)
    with pytest.raises(PermissionDenied):
        read(core, "secret/data/x", by=token)
    assert not is_live(core, token)
    assert verify(core, token)["state"] == "used"


def test_the_content_can_be_read_in_the_cubbyhole(core):
    """The token reads the same envelope where clients looked for it before there was an unwrap."""
    data = read(core, "cubbyhole/response", by=wrap(core, a="b")).data
    assert json.loads(data["response"])["data"] == {"a": "b"}


def test_the_content_of_a_namespace_can_be_read_there(core):
    """A wrapping token of an inner namespace finds its content in that one's cubbyhole, and in no other."""
    write(core, "sys/namespaces/n")
    asked = Request(Operation.READ, "cubbyhole/response", "n", token=wrap(core, namespace="n", a="b"))
    assert json.loads(core.handle(asked).data["response"])["data"] == {"a": "b"}
    elsewhere = Request(Operation.READ, "cubbyhole/response", token=wrap(core, namespace="n", a="b"))
    with pytest.raises(PermissionDenied):
        core.handle(elsewhere)


def test_the_content_is_in_nobody_elses_cubbyhole(core):
    """Who asks for a response without a wrapping token of its own is told that there is none."""
    wrap(core, a="b")
    with pytest.raises(NotFound):
        read(core, "cubbyhole/response")


def test_a_wrapping_token_is_four_rows(core, clock):
    """Record and content lie side by side, the index by mount is in order of time; leases are listed by the hash."""
    before, made = set(names(core)), []
    for _ in range(5):
        clock.go(0.001)
        token = wrap(core)
        with core.state.reader() as view:
            made.append(tokens.hash_of(view, token))
    added = [name for name in names(core) if name not in before]
    assert len(added) == 4 * len(made)
    beside = [name for name in added if name.startswith(tokens.BY_ID)]
    assert beside == [f"{tokens.BY_ID}{each}{end}" for each in sorted(made) for end in ("", "/response")]
    assert [tokens.hash_in(name) for name in added if name.startswith(tokens.BY_MOUNT)] == made
    listing = Request(Operation.LIST, "sys/leases/lookup/sys/wrapping/wrap", token=ROOT_TOKEN)
    assert core.handle(listing).data["keys"] == [f"h{each}" for each in sorted(made)]


# --- rewrapping ---


def test_rewrapping_gives_the_content_another_token(core, clock):
    """The old token opens nothing any more; the new one lives as long as the old one was to, from now on."""
    write(core, "secret/data/app", data={"k": "v"})
    first = token_of(read(core, "secret/data/app", ttl_s=100))
    clock.go(60)
    answer = write(core, "sys/wrapping/rewrap", token=first)
    second = token_of(answer)
    assert (answer.wrap_info["ttl"], answer.wrap_info["creation_path"]) == (100, "secret/data/app")
    assert not is_live(core, first)
    clock.go(99)
    assert unwrap(core, second)["data"] == {"k": "v"}


def test_a_rewrap_leaves_as_much_behind_as_it_found(core):
    """However often something is rewrapped, the state holds it once."""
    token = wrap(core)
    before = len(lines_of(core))
    for _ in range(5):
        token = token_of(write(core, "sys/wrapping/rewrap", token=token))
    assert len(lines_of(core)) == before
    assert verify(core, token)["rewrapped"] == 5


def test_what_is_rewrapped_keeps_its_path(core):
    """A token that was rewrapped tells where its content came from, and ends with that mount."""
    core.handle(Request(Operation.UPDATE, "sys/mounts/kv1", data={"type": "kv"}, token=ROOT_TOKEN))
    write(core, "kv1/a", k="v")
    token = token_of(write(core, "sys/wrapping/rewrap", token=token_of(read(core, "kv1/a", ttl_s=60))))
    assert write(core, "auth/token/lookup", token=token).data["path"] == "kv1/a"
    write(core, "sys/remount", **{"from": "kv1", "to": "kv2"})
    assert not is_live(core, token)


def test_a_rewrap_by_a_wrapping_token_is_refused_and_loses_nothing(core):
    """Neither the token that asks nor the one it names is used up (rewrap-keeps-content)."""
    token, other = wrap(core, a="mine"), wrap(core, a="other")
    for body in ({}, {"token": token}, {"token": other}):
        with pytest.raises(PermissionDenied):
            write(core, "sys/wrapping/rewrap", token, **body)
    assert (unwrap(core, token), unwrap(core, other)) == ({"a": "mine"}, {"a": "other"})


@pytest.mark.parametrize("asked_in", ["", "inner/"])
def test_a_token_of_an_inner_namespace_is_rewrapped(core, asked_in):
    """It is rewrapped from wherever that is asked for, and stays in its namespace (rewrap-keeps-content)."""
    inner = write(core, "sys/namespaces/inner").data["id"]
    token = wrap(core, namespace="inner/")
    second = token_of(write(core, "sys/wrapping/rewrap", namespace=asked_in, token=token))
    assert second.endswith(f".{inner}")
    assert unwrap(core, second) == {"a": 1}


def test_a_token_that_is_named_twice_opens_its_answer(core):
    """A wrapping token that asks, and stands in the body too, is used once (unwrap-named-twice)."""
    token = wrap(core)
    assert unwrap(core, token, token) == {"a": 1}
    assert not is_live(core, token)


@pytest.mark.parametrize("asked_in", ["", "one/", "two/"])
@pytest.mark.parametrize("wrapped_in", ["", "one/", "two/"])
@pytest.mark.parametrize("asks", ["", "one/"])
def test_unwrapping_goes_by_the_right_that_the_client_has_at_home(core, asked_in, wrapped_in, asks):
    """Who may unwrap in the namespace of the own token, unwraps what came from any, wherever the request goes."""
    for name in ("one", "two"):
        write(core, f"sys/namespaces/{name}")
    token, client = wrap(core, namespace=wrapped_in), bare_token(core, asks)
    answer = write(core, "sys/wrapping/unwrap", client, namespace=asked_in, token=token)
    assert answer.data == {"a": 1}
    token = wrap(core, namespace=wrapped_in)
    assert write(core, "sys/wrapping/unwrap", token, namespace=asked_in).data == {"a": 1}


# --- ends ---


def test_an_expired_token_opens_nothing_from_that_moment(core, clock):
    """A wrapping token is good up to its end, and not at it; every reader is told so."""
    token = wrap(core, ttl_s=1.5)
    clock.go(1.499)
    assert look_up(core, token)["creation_ttl"] == 1.5
    clock.go(0.001)
    assert not is_live(core, token)
    for path in ("unwrap", "rewrap"):
        with pytest.raises(InvalidRequest, match=UNKNOWN):
            write(core, f"sys/wrapping/{path}", token=token)
    assert verify(core, token)["state"] == "expired"


def test_what_expired_is_removed_by_later_writes_a_bounded_part_at_a_time(core, clock):
    """Rows and contents of expired tokens go with writes, no more than a hundred with each; reads remove nothing."""
    before = lines_of(core)
    for _ in range(150):
        wrap(core, ttl_s=10)
    clock.go(10)
    read(core, "sys/mounts")
    contents = [name for name in names(core, tokens.BY_ID) if name.endswith("/response")]
    assert len(contents) == 150
    write(core, "secret/data/a", data={})
    contents = [name for name in names(core, tokens.BY_ID) if name.endswith("/response")]
    assert len(contents) == 50
    core.handle(Request(Operation.DELETE, "secret/metadata/a", token=ROOT_TOKEN))
    assert lines_of(core) == before


def _move(core: Core) -> None:
    write(core, "sys/remount", **{"from": "kv1", "to": "elsewhere"})


def _disable(core: Core) -> None:
    core.handle(Request(Operation.DELETE, "sys/mounts/kv1", token=ROOT_TOKEN))


def _revoke_prefix(core: Core) -> None:
    write(core, "sys/leases/revoke-prefix/kv1/a")


def _revoke_lease(core: Core) -> None:
    listed = core.handle(Request(Operation.LIST, "sys/leases/lookup/kv1/a", token=ROOT_TOKEN))
    lease_id = f"kv1/a/{listed.data['keys'][0]}"
    assert write(core, "sys/leases/lookup", lease_id=lease_id).data["path"] == "kv1/a"
    write(core, "sys/leases/revoke", lease_id=lease_id)


@pytest.mark.parametrize("end", [_move, _disable, _revoke_prefix, _revoke_lease])
@pytest.mark.parametrize("moved_before", [False, True])
def test_a_wrapping_token_ends_with_the_mount_that_it_came_from(core, end: Callable[[Core], None], moved_before):
    """Where a mount is moved or disabled, or its leases are revoked, what it answered opens no more."""
    write(core, "sys/mounts/kv1" if not moved_before else "sys/mounts/first", type="kv")
    if moved_before:
        write(core, "sys/remount", **{"from": "first", "to": "kv1"})
    write(core, "kv1/a", k="v")
    token, other = token_of(read(core, "kv1/a", ttl_s=60)), wrap(core)
    end(core)
    core.advance(1)
    assert verify(core, token)["state"] == "revoked"
    assert not is_live(core, token)
    assert is_live(core, other)


def test_what_an_auth_method_answered_ends_with_its_move(core):
    """A wrapped secret id, or login, opens no more when its method was moved."""
    write(core, "sys/auth/approle", type="approle")
    write(core, "auth/approle/role/ci", token_policies="default")
    answer = write(core, "auth/approle/role/ci/secret-id", ttl_s=60)
    assert answer.wrap_info["wrapped_accessor"]
    write(core, "sys/remount", **{"from": "auth/approle", "to": "auth/other"})
    core.advance(1)
    assert not is_live(core, token_of(answer))


def test_a_namespace_takes_its_wrapping_tokens_with_it(core):
    """What was wrapped in a namespace that is gone opens no more."""
    write(core, "sys/namespaces/inner")
    token = wrap(core, namespace="inner/")
    core.handle(Request(Operation.DELETE, "sys/namespaces/inner", token=ROOT_TOKEN))
    core.advance(1)
    assert not is_live(core, token)
    assert verify(core, token)["state"] == "revoked"


# --- storage and form ---


def _is_under_the_seal(core: Core, name: str) -> bool:
    with core.state.reader() as view:
        return view.snapshot.get(name)[0] == SEALED


def test_the_content_of_a_seal_wrapped_mount_lies_under_the_seal(core):
    """What a mount under the seal answers is no less protected when it is wrapped, and rewrapped."""
    write(core, "sys/mounts/kv1", type="kv", seal_wrap=True)
    write(core, "kv1/a", k="v")
    token = token_of(read(core, "kv1/a", ttl_s=60))
    [name] = [name for name in names(core, tokens.BY_ID) if name.endswith("/response")]
    assert _is_under_the_seal(core, name)
    write(core, "sys/wrapping/rewrap", token=token)
    [name] = [name for name in names(core, tokens.BY_ID) if name.endswith("/response")]
    assert _is_under_the_seal(core, name)
    wrap(core)
    assert [_is_under_the_seal(core, each) for each in names(core, tokens.BY_ID) if each.endswith("/response")].count(
        False
    ) == 1


def test_the_id_of_a_wrapped_answer_is_empty(core):
    """Nobody learns from a wrapped answer which request is inside (as in OpenBao)."""
    assert write(core, "sys/wrapping/wrap", ttl_s=60, a=1).request_id == ""
    assert read(core, "sys/mounts").request_id != ""
