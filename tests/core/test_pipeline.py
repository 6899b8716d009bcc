"""What a request does to the state and to its token, whatever becomes of it."""

import pytest
from support.states import NOW_S, ROOT_TOKEN, make_core

from vaultctl.core import tokens
from vaultctl.core.core import Core
from vaultctl.core.plugins import Catalogue
from vaultctl.framework.endpoint import Endpoint, Engine
from vaultctl.logical.errors import BadToken, InvalidRequest, PermissionDenied, UnsupportedPath
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

LIMITED = "s.LimitedTokenOfTheTests"


def _write(ctx, fields):
    ctx.storage.put(fields["name"], b"written")


def _read(ctx, fields):
    value = ctx.storage.get(fields["name"])
    return None if value is None else Response(data={"value": value.decode()})


def _write_and_raise(error):
    def handle(ctx, _fields):
        ctx.storage.put("note", b"written")
        raise error

    return handle


def _count(ctx, _fields):
    count = int(ctx.storage.get("count") or 0) + 1
    ctx.storage.put("count", str(count).encode())
    return Response(data={"count": count})


def _write_while_reading(ctx, _fields):
    ctx.storage.put("note", b"written")
    return Response(data={})


PROBE = Engine(
    type="probe",
    endpoints=(
        Endpoint("refuse", {Operation.UPDATE: _write_and_raise(InvalidRequest("no"))}, "Write, and refuse."),
        Endpoint("break", {Operation.UPDATE: _write_and_raise(ZeroDivisionError())}, "Write, and break."),
        Endpoint("count", {Operation.READ: _count}, "Count the reads.", reads_write=True),
        Endpoint("careless", {Operation.READ: _write_while_reading}, "Write on a snapshot."),
        Endpoint("open", {Operation.READ: lambda _ctx, _fields: Response(data={})}, "Ask.", unauthenticated=True),
        Endpoint("{name}", {Operation.READ: _read, Operation.UPDATE: _write}, "Write or read a note."),
    ),
    help="Does what a test needs.",
)


@pytest.fixture
def core() -> Core:
    """A core over a state in memory, with the probe engine at `probe/`."""
    made = make_core(Memory(), catalogue=Catalogue({"probe": PROBE}), now_ns=lambda: NOW_S * 1_000_000_000)
    made.handle(Request(Operation.UPDATE, "sys/mounts/probe", data={"type": "probe"}, token=ROOT_TOKEN))
    return made


@pytest.mark.parametrize(("path", "error"), [("probe/refuse", InvalidRequest), ("probe/break", ZeroDivisionError)])
def test_a_request_that_fails_leaves_nothing_of_what_it_did(core: Core, path: str, error: type[Exception]):
    """An exception in a handler goes back to the savepoint, so that what the handler stored is not there."""
    with pytest.raises(error):
        _ask(core, Operation.UPDATE, path)
    assert _notes(core) == []


@pytest.mark.parametrize(("path", "error"), [("probe/refuse", InvalidRequest), ("probe/break", ZeroDivisionError)])
def test_a_request_that_fails_uses_its_token(core: Core, path: str, error: type[Exception]):
    """What letting a request in did stays, whatever became of the request."""
    _create(core, num_uses=3)
    with pytest.raises(error):
        _ask(core, Operation.UPDATE, path, LIMITED)
    assert _uses_left(core) == 2


def test_a_request_that_nothing_serves_uses_its_token(core: Core):
    """A path that the mount does not have takes a use as well."""
    _create(core, num_uses=3)
    with pytest.raises(UnsupportedPath):
        _ask(core, Operation.UPDATE, "probe/a/b", LIMITED)
    assert _uses_left(core) == 2


def test_a_read_uses_a_limited_token(core: Core):
    """A read with a token of two uses is opened for writing and takes one: it works twice, and no more."""
    _ask(core, Operation.UPDATE, "probe/note")
    _create(core, num_uses=2)
    assert [_ask(core, Operation.READ, "probe/note", LIMITED).data["value"] for _ in range(2)] == ["written"] * 2
    with pytest.raises(BadToken):
        _ask(core, Operation.READ, "probe/note", LIMITED)


def test_the_last_use_removes_the_token(core: Core):
    """After a token's last use neither it nor its accessor is in the state."""
    before = _token_names(core)
    _create(core, num_uses=1)
    _ask(core, Operation.UPDATE, "probe/note", LIMITED)
    assert _token_names(core) == before


def test_a_last_use_that_fails_removes_the_token(core: Core):
    """A token whose last use was refused is gone all the same."""
    before = _token_names(core)
    _create(core, num_uses=1)
    with pytest.raises(InvalidRequest):
        _ask(core, Operation.UPDATE, "probe/refuse", LIMITED)
    assert _token_names(core) == before


def test_a_read_with_a_token_without_limit_writes_nothing(core: Core):
    """A plain read makes no generation."""
    _ask(core, Operation.UPDATE, "probe/note")
    before = _generation(core)
    _ask(core, Operation.READ, "probe/note")
    assert _generation(core) == before


def test_an_endpoint_may_write_when_it_is_read(core: Core):
    """A read of an endpoint that says so gets a transaction, and what it stores is kept."""
    assert [_ask(core, Operation.READ, "probe/count").data["count"] for _ in range(3)] == [1, 2, 3]


def test_a_refused_request_is_told_in_the_form_of_openbao(core: Core):
    """A token without the right is PermissionDenied, as an error that was collected."""
    _create(core, policies=("default",))
    with pytest.raises(PermissionDenied) as caught:
        _ask(core, Operation.UPDATE, "probe/note", LIMITED)
    assert (caught.value.status, caught.value.errors) == (403, ("1 error occurred:\n\t* permission denied\n\n",))


def test_a_refused_request_uses_its_token(core: Core):
    """A token without the right is used up by asking."""
    _create(core, policies=("default",), num_uses=1)
    with pytest.raises(PermissionDenied):
        _ask(core, Operation.READ, "probe/note", LIMITED)
    with pytest.raises(BadToken):
        _ask(core, Operation.READ, "probe/note", LIMITED)


def test_a_write_on_a_snapshot_is_a_bug(core: Core):
    """A handler that stores during a plain read is a RuntimeError, and nothing is stored."""
    with pytest.raises(RuntimeError, match="a write on a snapshot"):
        _ask(core, Operation.READ, "probe/careless")
    assert _notes(core) == []


@pytest.mark.parametrize("token", ["", "s.NobodyEverMadeThisToken", "\ud800", "\0"])
def test_a_token_that_is_missing_or_wrong_is_denied(core: Core, token: str):
    """Without a good token every path is a plain refusal, also one that nothing serves."""
    for path in ("probe/note", "probe/a/b", "nowhere", "sys/mounts", ""):
        with pytest.raises(BadToken) as caught:
            _ask(core, Operation.READ, path, token)
        assert (caught.value.status, caught.value.errors) == (403, ("permission denied",))


def test_an_expired_token_is_denied(core: Core):
    """A token whose time is over counts as absent."""
    _create(core, ttl_s=60, creation_time_s=NOW_S - 60)
    with pytest.raises(BadToken):
        _ask(core, Operation.READ, "probe/note", LIMITED)


@pytest.mark.parametrize("token", ["", "s.NobodyEverMadeThisToken", LIMITED])
def test_an_endpoint_without_authentication_looks_at_no_token(core: Core, token: str):
    """Who may ask without a token may ask with any, and it costs no use."""
    _create(core, num_uses=3)
    assert _ask(core, Operation.READ, "probe/open", token).data == {}
    assert _uses_left(core) == 3


def test_a_third_party_type_is_enabled_and_served(core: Core):
    """A type that is not built in works like any other when the catalogue has it."""
    assert _ask(core, Operation.READ, "sys/mounts").data["probe/"]["type"] == "probe"


def test_a_type_that_nobody_knows_cannot_be_enabled(core: Core):
    """A type that neither vaultctl nor an installed package has is refused."""
    with pytest.raises(InvalidRequest, match="plugin not found in the catalog: nonsense"):
        core.handle(Request(Operation.UPDATE, "sys/mounts/n", data={"type": "nonsense"}, token=ROOT_TOKEN))


def _ask(core: Core, operation: Operation, path: str, token: str = ROOT_TOKEN) -> Response:
    return core.handle(Request(operation, path, token=token))


def _create(core: Core, *, policies: tuple[str, ...] = ("root",), creation_time_s: int = NOW_S, **fields) -> None:
    with core.state.writer() as transaction:
        tokens.create(
            transaction,
            LIMITED,
            policies=policies,
            path="auth/token/create",
            display_name="limited",
            creation_time_s=creation_time_s,
            **fields,
        )
        transaction.commit()


def _uses_left(core: Core) -> int:
    with core.state.reader() as view:
        return tokens.find(view, LIMITED, NOW_S).num_uses


def _token_names(core: Core) -> list[str]:
    with core.state.reader() as view:
        return list(view.below("core/tokens/"))


def _notes(core: Core) -> list[str]:
    with core.state.reader() as view:
        return list(view.below("logical/"))


def _generation(core: Core) -> int:
    with core.state.reader() as view:
        return view.header.generation
