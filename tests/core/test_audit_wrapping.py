"""What the audit has of wrapped answers and of wrapping tokens, beside the entries of a real OpenBao."""

from collections.abc import Callable
from typing import Any

from support import bao as bao_support
from support.audits import OWNED, enable, lines
from support.states import ROOT_TOKEN, make_core
from support.wrapping import verify, wrap

from vaultctl.logical.door import Door
from vaultctl.logical.errors import InvalidRequest, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

UPDATE = Operation.UPDATE


def _script(door: Door, root: str) -> None:
    """Wrap what is read, written, listed and made; look up, rewrap and unwrap."""

    def ask(path: str, by: str = root, *, ttl_s: float = 0, operation: Operation = UPDATE, **data: Any) -> str:
        """Ask, and give the wrapping token of the answer, if it has one."""
        request = Request(operation, path, data=data, token=by, wrap_ttl_s=ttl_s)
        info = door.handle(request).wrap_info
        return str(info["token"]) if info else ""

    token = ask("sys/wrapping/wrap", ttl_s=60, a="b")
    ask("sys/wrapping/lookup", "", token=token)
    ask("sys/wrapping/unwrap", token=token)
    ask("sys/wrapping/unwrap", ask("sys/wrapping/wrap", ttl_s=60, a="b"))
    token = ask("sys/wrapping/rewrap", token=ask("sys/wrapping/wrap", ttl_s=60, c="d"))
    ask("sys/wrapping/unwrap", token=ask("sys/wrapping/unwrap", ttl_s=30, token=token))
    ask("sys/wrapping/unwrap", token=ask("auth/token/create", ttl_s=60, policies=["default"]))
    ask("sys/policies/acl", ttl_s=60, operation=Operation.LIST)


def _shape(value: Any, name: str = "") -> Any:
    """Give an entry with what differs from run to run put away; that something is hashed stays to be seen."""
    if isinstance(value, dict):
        gone = ("time", "id", "client_id", "remote_address", "remote_port", "mount_running_version")
        gone = (*gone, "mount_running_plugin_version")
        return {key: _shape(item, key) for key, item in value.items() if key not in gone}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    if name.endswith("_time"):  # `audit-details`
        return "<put away>"
    if name.endswith("accessor") and not str(value).startswith("hmac-"):
        return "<put away>"
    return "<hash>" if isinstance(value, str) and value.startswith("hmac-sha256:") else value


def test_the_entries_are_those_of_openbao(audited_bao, tmp_path):
    """Of a wrapped answer both have the same: the token's hash, its accessor's, path and TTL, and no content."""
    found = {}
    core = make_core(Memory(), **OWNED)
    for name, door, root in (("bao", audited_bao, bao_support.ROOT_TOKEN), ("ours", core, ROOT_TOKEN)):
        enable(door, token=root, file_path=str(tmp_path / name))
        _script(door, root)
        found[name] = [_shape(entry) for entry in lines(tmp_path / name)]
    audited_bao.disable_audit()
    differs = [(ours, theirs) for ours, theirs in zip(found["ours"], found["bao"], strict=True) if ours != theirs]
    # `audit-details`: of what was wrapped a second time, OpenBao records the bytes.
    assert [pair for pair in differs if "http_raw_body" not in pair[1].get("response", {}).get("data", {})] == []
    assert len(differs) == 1


def _refused(ask: Callable[[], Response]) -> VaultError:
    try:
        ask()
    except VaultError as error:
        return error
    raise AssertionError("it was not refused")


def test_a_check_that_failed_is_recorded(tmp_path):
    """Who unwraps what came from elsewhere, or has a token that is good no more, is found in the audit."""
    core, log = make_core(Memory(), **OWNED), tmp_path / "audit.log"
    token = wrap(core, a="b")
    enable(core, token=ROOT_TOKEN, file_path=str(log))
    body = {"token": token, "expect_path": "auth/approle/role/ci/secret-id"}
    request = Request(Operation.UPDATE, "sys/wrapping/unwrap", data=body, token=ROOT_TOKEN)
    assert isinstance(_refused(lambda: core.handle(request)), InvalidRequest)
    assert verify(core, "s.nosuch", expect_path="a/b")["matches"] is False
    refused, answered = [entry for entry in lines(log) if entry["type"] == "response"][-2:]
    assert "error" in refused
    assert (refused["request"]["path"], answered["request"]["path"]) == ("sys/wrapping/unwrap", "sys/wrapping/verify")
    assert answered["response"]["data"]["matches"] is False
    assert token not in log.read_text()
