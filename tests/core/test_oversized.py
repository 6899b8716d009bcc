"""Durations that no request can have any more: former versions stored them, and what has them is still read."""

import json

import pytest
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.logical import durations
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

READ, UPDATE = Operation.READ, Operation.UPDATE
_SECONDS = 10**18
LAST = "9999-12-31T23:59:59.999999999Z"


@pytest.fixture
def core() -> Core:
    """A core of today."""
    return make_core(Memory())


def ask(core: Core, operation: Operation, path: str, by: str = ROOT_TOKEN, **data: object) -> dict:
    """Ask, and give the data of the answer."""
    answer = core.handle(Request(operation, path, data=data, token=by))
    return dict(answer.data or answer.auth or {})


def store(core: Core, name: str, **changes: object) -> None:
    """Change an entry, as a former version would have stored it."""
    with core.sessions.writing() as session:
        record = json.loads(session.view.get(name))
        session.view.put(name, json.dumps({**record, **changes}).encode())
        session.commit()


@pytest.mark.parametrize("stored", ["99999999999999999s", "2562047h48m0s", "1000000000h0m0s"])
@pytest.mark.parametrize("entry", ["config", "metadata/a"])
def test_a_kv_path_whose_versions_live_too_long(core, entry, stored):
    """It is read and written as before; its versions are deleted as late as can be."""
    ask(core, UPDATE, "secret/config", delete_version_after="1h")
    ask(core, UPDATE, "secret/metadata/a", delete_version_after="1h")
    with core.state.reader() as view:
        (mount,) = (mount for mount in core.sessions.of(view).mounts if mount.path == "secret/")
    for name in ("config", "metadata/a"):
        store(core, mount.storage_prefix + name, delete_version_after=stored if name == entry else "0s")
    shown = ask(core, UPDATE, "secret/data/a", data={"k": "v"})
    assert durations.moment_ns(shown["deletion_time"]) - durations.moment_ns(shown["created_time"]) == (
        int(durations.stored(stored)) * 10**9
    )
    assert ask(core, READ, "secret/data/a")["data"] == {"k": "v"}
    assert ask(core, READ, f"secret/{entry}")["delete_version_after"] == stored


def test_a_token_that_ends_after_the_last_year(core):
    """It is looked up, renewed and revoked as any."""
    made = ask(core, UPDATE, "auth/token/create", ttl="1h", policies=["default"])
    with core.state.reader() as view:
        (name,) = (each for each in _below(view, "core/tokens/id/") if made["accessor"].encode() in view.get(each))
    store(core, name, ttl_s=_SECONDS, expire_ns=_SECONDS * 10**9)
    found = ask(core, READ, "auth/token/lookup-self", by=made["client_token"])
    assert (found["expire_time"], found["creation_ttl"]) == (LAST, _SECONDS)
    assert ask(core, UPDATE, "auth/token/renew", token=made["client_token"])["client_token"] == made["client_token"]
    ask(core, UPDATE, "auth/token/revoke", token=made["client_token"])


def test_a_secret_id_that_ends_after_the_last_year(core):
    """It is looked up as any."""
    ask(core, UPDATE, "sys/auth/approle", type="approle")
    ask(core, UPDATE, "sys/mounts/auth/approle/tune", max_lease_ttl="9223372036s")
    ask(core, UPDATE, "auth/approle/role/r", policies="default")
    with core.state.reader() as view:
        (mount,) = (mount for mount in core.sessions.of(view).mounts if mount.path == "auth/approle/")
        tuned = mount._replace(config={**mount.config, "default_lease_ttl": _SECONDS, "max_lease_ttl": _SECONDS})
    with core.sessions.writing() as session:
        session.put_mount(tuned)
        session.commit()
    store(core, f"{mount.storage_prefix}role/r", secret_id_ttl=_SECONDS)
    made = ask(core, UPDATE, "auth/approle/role/r/secret-id")
    found = ask(core, UPDATE, "auth/approle/role/r/secret-id/lookup", secret_id=made["secret_id"])
    assert found["expiration_time"] == LAST


def _below(view, prefix):
    for name in view.list(prefix):
        yield from _below(view, prefix + name) if name.endswith("/") else (prefix + name,)
