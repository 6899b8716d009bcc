"""What a token's policies allowed once is remembered; whatever decides on it anew still does."""

import pytest
from support.clock import Clock
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.core.plugins import Catalogue
from vaultctl.framework.endpoint import Endpoint, Engine
from vaultctl.logical.errors import BadToken, PermissionDenied
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import EMPTY, Response
from vaultctl.storage.memory import Memory

READ, UPDATE, DELETE = Operation.READ, Operation.UPDATE, Operation.DELETE
PLAIN = Engine("plain", (Endpoint("data/{name}", {UPDATE: lambda _ctx, _fields: EMPTY}, "Take it."),), "Takes all.")


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core with a further engine, whose endpoint asks for nothing but the right to update."""
    return make_core(Memory(), now_ns=clock, catalogue=Catalogue({"plain": PLAIN}))


def ask(core: Core, operation: Operation, path: str, by: str = ROOT_TOKEN, **data: object) -> Response:
    """Ask as root, or as somebody else."""
    return core.handle(Request(operation, path, token=by, data=data))


def token(core: Core, rules: str, **data: object) -> str:
    """Make a token that may do what these rules allow."""
    ask(core, UPDATE, "sys/policies/acl/p", policy=rules, **data)
    return str((ask(core, UPDATE, "auth/token/create", policies=["p"]).auth or {})["client_token"])


def may(core: Core, operation: Operation, path: str, by: str, **data: object) -> bool:
    """Tell whether somebody is let in."""
    try:
        ask(core, operation, path, by, **data)
    except (PermissionDenied, BadToken):
        return False
    return True


def test_a_policy_that_changes_counts_at_once(core: Core):
    """What was allowed a moment ago is refused when the policy says so, and allowed again."""
    by = token(core, 'path "secret/data/a" { capabilities = ["read", "create", "update"] }')
    assert [may(core, UPDATE, "secret/data/a", by, data={}) for _ in range(3)] == [True] * 3
    ask(core, UPDATE, "sys/policies/acl/p", policy='path "secret/data/a" { capabilities = ["read"] }')
    assert [may(core, operation, "secret/data/a", by, data={}) for operation in (UPDATE, READ)] == [False, True]
    ask(core, DELETE, "sys/policies/acl/p")
    assert not may(core, READ, "secret/data/a", by)


def test_a_rule_that_expires_counts_at_once(core: Core, clock: Clock):
    """A right ends with its moment, however often it was used."""
    by = token(core, 'path "secret/data/a" { capabilities = ["create", "update"] }', ttl="10s")
    assert [may(core, UPDATE, "secret/data/a", by, data={}) for _ in range(3)] == [True] * 3
    clock.go(10)
    assert not may(core, UPDATE, "secret/data/a", by, data={})


def test_another_engine_at_the_same_path_is_asked_of_anew(core: Core):
    """The right to update is enough where nothing can be new, and is none to make something where it can."""
    ask(core, UPDATE, "sys/mounts/e", type="plain")
    by = token(core, 'path "e/data/a" { capabilities = ["update"] }')
    assert [may(core, UPDATE, "e/data/a", by, data={}) for _ in range(2)] == [True] * 2
    ask(core, DELETE, "sys/mounts/e")
    ask(core, UPDATE, "sys/mounts/e", type="kv", options={"version": "2"})
    assert not may(core, UPDATE, "e/data/a", by, data={})
    ask(core, UPDATE, "e/data/a", data={})
    assert may(core, UPDATE, "e/data/a", by, data={})
    ask(core, DELETE, "e/metadata/a")
    assert not may(core, UPDATE, "e/data/a", by, data={})


def test_what_hangs_on_the_data_is_decided_each_time(core: Core):
    """A parameter that is allowed lets no other one in."""
    rule = 'capabilities = ["update"], allowed_parameters = { "good" = [] }'
    by = token(core, f'path "e/data/a" {{ {rule} }}'.replace(", allowed", "\n allowed"))
    ask(core, UPDATE, "sys/mounts/e", type="plain")
    assert may(core, UPDATE, "e/data/a", by, good=1)
    assert not may(core, UPDATE, "e/data/a", by, bad=1)
    assert may(core, UPDATE, "e/data/a", by, good=1)


def test_a_token_that_comes_to_its_end_is_refused_at_once(core: Core, clock: Clock):
    """A token that was just let in is not, when it or the one above it has ended."""
    ask(core, UPDATE, "sys/policies/acl/p", policy='path "*" { capabilities = ["read", "create", "update", "sudo"] }')
    by = str((ask(core, UPDATE, "auth/token/create", policies=["p"], ttl="10s").auth or {})["client_token"])
    child = str((ask(core, UPDATE, "auth/token/create", by, policies=["p"], ttl="1h").auth or {})["client_token"])
    assert [may(core, READ, "sys/mounts", child) for _ in range(2)] == [True] * 2
    clock.go(10)
    assert not may(core, READ, "sys/mounts", child)
    assert not may(core, READ, "sys/mounts", by)
