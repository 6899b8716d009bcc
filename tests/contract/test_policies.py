"""Policies, beside a real OpenBao: what it says of texts, how it lays them out, and what it lets tokens do."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bao import Bao, RemoteError
from support.policies import (
    CAPABILITIES,
    GOOD_AND_BAD,
    LAYOUTS,
    PATHS,
    POLICIES,
    ask,
    give_token,
    hcl,
    write_policy,
)
from support.soak import times
from support.states import make_core

from vaultctl.connect import policies
from vaultctl.core.core import Core
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import MERGE_PATCH, Operation, Request
from vaultctl.storage.memory import Memory

COMPARED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def said(door: Bao | Core, text: str) -> tuple[int, Sequence[str]]:
    """Write a policy, and give the status and the errors."""
    try:
        if isinstance(door, Bao):
            door.ask(Operation.UPDATE, "sys/policies/acl/p", {"policy": text})
        else:
            write_policy(door, "p", text)
    except (RemoteError, VaultError) as error:
        return error.status, list(error.errors)
    return 204, []


@pytest.mark.parametrize("text", GOOD_AND_BAD)
def test_a_text_is_taken_or_refused_in_the_same_words(text, running_bao):
    """A text that is a policy there is one here; of any other the same is said, with its line and column."""
    assert said(make_core(Memory()), text) == said(running_bao, text)


_BASE = (
    'path "a/*" {\n  capabilities = ["read", "list"] # why\n}\n// more\npath "b" {\n  allowed_parameters = { "x" = [1,'
    ' "y"] }\n  min_wrapping_ttl = "1m"\n  comment = <<EOF\ntext\nEOF\n}\n',
    '{"path": {"a/*": {"capabilities": ["read"]}, "b": {"required_parameters": ["x"], "pagination_limit": 5}}}',
)
_BITS = st.sampled_from(
    [*'{}[]",=#/*<-+.\\$\n :x0159', '"a"', "<<EOF\n", "/*", "*/", "${", "path", "true", "1.5e3", "0x1f", "ä", "\r\n"]
)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """Give a policy with some of it taken out, and something else put in."""
    text = draw(st.sampled_from(_BASE))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(_BITS | st.just("")) + text[at + draw(st.integers(0, 4)) :]
    return text


@given(text=spoilt())
@settings(COMPARED, max_examples=times(300, 10_000))
def test_spoilt_texts_are_refused_in_the_same_words(text, running_bao):
    """Wherever a text was spoilt, both say the same of it."""
    try:
        theirs = said(running_bao, text)
    except ConnectionError:
        return  # what ends a connection of OpenBao has no answer to be compared with
    assert said(make_core(Memory()), text) == theirs


def laid_out_by_bao(bao: Bao, text: str, folder: Any) -> str:
    """Give what `bao policy fmt` makes of a text, or what it says of it."""
    path = folder / "p.hcl"
    path.write_bytes(text.encode())
    ran = bao.run("policy", "fmt", str(path))
    return path.read_bytes().decode() if ran.code == 0 else ran.err.rstrip("\n")


def laid_out(text: str) -> str:
    """Give what is made of a text here, or what is said of it."""
    try:
        return policies.lay_out(text)
    except VaultError as error:
        return str(error.errors[0]).rstrip("\n")
    except policies.BadLayout as error:
        return f"Error printing result: {error}"


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_text_is_laid_out_alike(text, running_bao, tmp_path):
    """Every blank, every comment and every line is where `bao policy fmt` puts it."""
    assert laid_out(text) == laid_out_by_bao(running_bao, text, tmp_path)


class Doors:
    """A core and a real OpenBao that hold the same policies, and a token on each that has them."""

    def __init__(self, bao: Bao, texts: Sequence[str]) -> None:
        self.bao, self.core = bao, make_core(Memory())
        names = [f"p{number}" for number in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            bao.ask(Operation.UPDATE, f"sys/policies/acl/{name}", {"policy": text})
            write_policy(self.core, name, text)
        self.theirs = self._token_of_bao(names)
        write_policy(self.core, "self", 'path "sys/capabilities-self" { capabilities = ["update"] }')
        self.ours = give_token(self.core, *names, "self")

    def _token_of_bao(self, names: Sequence[str]) -> str:
        request = Request(
            Operation.UPDATE,
            "auth/token/create",
            data={"policies": names, "no_default_policy": True, "ttl": "10m"},
            token="root",
        )
        token: str = self.bao.raw(request)["auth"]["client_token"]
        return token

    def capabilities(self, paths: Sequence[str]) -> tuple[Any, Any]:
        """Give what each says of the paths."""
        theirs = self.bao.ask(Operation.UPDATE, "sys/capabilities", {"token": self.theirs, "paths": paths}).data
        ours = ask(self.core, Operation.UPDATE, "sys/capabilities-self", self.ours, paths=paths).data
        return theirs, ours

    def lets_in(self, operation: Operation, path: str, data: Mapping[str, Any]) -> tuple[bool, bool]:
        """Tell of each whether it lets a request in, whatever comes of it then."""
        in_query = operation not in (Operation.UPDATE, Operation.PATCH)
        request = Request(operation, path, **{"query" if in_query else "data": data})
        if operation is Operation.PATCH:
            request = request._replace(content_type=MERGE_PATCH)
        return _lets_in(self.bao, request._replace(token=self.theirs)), _lets_in(
            self.core, request._replace(token=self.ours)
        )


def _lets_in(door: Bao | Core, request: Request) -> bool:
    try:
        door.handle(request)
    except (RemoteError, VaultError) as error:
        return error.status != 403
    return True


@given(written=POLICIES, paths=st.lists(PATHS, min_size=15, max_size=25, unique=True))
@settings(COMPARED, max_examples=times(120, 5_000))
def test_capabilities_are_those_of_openbao(written, paths, running_bao):
    """For random policies and paths, `sys/capabilities` says the same."""
    theirs, ours = Doors(running_bao, [hcl(policy) for policy in written]).capabilities(paths)
    assert ours == theirs


_VALUES = st.sampled_from(["x", "y", "xy", 1, True, None, ["x"], ["x", "y"], {"k": "x"}, ""])
_WANTED = st.lists(st.sampled_from(["x", "x*", "*y", "*", 1, True, ["x"]]), max_size=2)
_LIMITS = st.dictionaries(st.sampled_from(["p", "Q", "r", "*"]), _WANTED, min_size=1, max_size=2)
_LIMITED = st.fixed_dictionaries(
    {
        "path": st.sampled_from(["kv/a", "kv/*", "kv/+", "kv/a/*", "kv/", "kv"]),
        "capabilities": st.lists(st.sampled_from(CAPABILITIES), min_size=1, max_size=5, unique=True),
    },
    optional={
        "allowed_parameters": _LIMITS,
        "denied_parameters": _LIMITS,
        "required_parameters": st.lists(st.sampled_from(["p", "Q"]), max_size=1),
        "pagination_limit": st.sampled_from([0, 2]),
    },
)
_REQUESTS = st.tuples(
    st.sampled_from([Operation.READ, Operation.UPDATE, Operation.DELETE, Operation.LIST, Operation.SCAN]),
    st.sampled_from(["kv/a", "kv/b", "kv/a/c"]),
    st.dictionaries(st.sampled_from(["p", "q", "r", "s"]), _VALUES, max_size=2),
)


def _queried(operation: Operation, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give data as a query can hold it, where it is one."""
    return (
        data if operation is Operation.UPDATE else {key: value for key, value in data.items() if isinstance(value, str)}
    )


@given(
    written=st.lists(st.lists(_LIMITED, min_size=1, max_size=3), min_size=1, max_size=2),
    requests=st.lists(_REQUESTS, min_size=4, max_size=10),
)
@settings(COMPARED, max_examples=times(80, 4_000))
def test_requests_are_let_in_as_by_openbao(written, requests, running_bao):
    """Random requests on a kv engine, new paths and known ones, are let in or refused alike."""
    doors = Doors(running_bao, [hcl(policy) for policy in written])
    with_kv(doors)
    for operation, path, data in requests:
        asked = _queried(operation, data)
        theirs, ours = doors.lets_in(operation, path, asked)
        assert (operation, path, asked, ours) == (operation, path, asked, theirs)


def with_kv(doors: Doors) -> None:
    """Give both an engine of kv version 1 at `kv/` that holds `kv/a` alone."""
    if "kv/" not in (doors.bao.ask(Operation.READ, "sys/mounts").data or {}):
        doors.bao.ask(Operation.UPDATE, "sys/mounts/kv", {"type": "kv"})
    for path in ("kv/b", "kv/a/c"):
        doors.bao.ask(Operation.DELETE, path)
    doors.bao.ask(Operation.UPDATE, "kv/a", {"there": "yes"})
    ask(doors.core, Operation.UPDATE, "sys/mounts/kv", type="kv")
    ask(doors.core, Operation.UPDATE, "kv/a", there="yes")
