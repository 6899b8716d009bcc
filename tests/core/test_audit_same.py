"""The same requests to a real OpenBao and to a core, and the entries that both wrote."""

import re

import pytest
from support import bao as bao_support
from support.audits import OWNED, enable, lines
from support.states import ROOT_TOKEN, make_core

from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import MERGE_PATCH, NOTHING, Operation, Request
from vaultctl.storage.memory import Memory

READ, LIST, SCAN, UPDATE, DELETE = (
    Operation.READ,
    Operation.LIST,
    Operation.SCAN,
    Operation.UPDATE,
    Operation.DELETE,
)
_ROOT = "<root>"
_MADE = "<made>"
_POLICY = 'path "secret/*" { capabilities = ["read", "list"] }'

ASKED = [
    (UPDATE, "secret/data/x", _ROOT, {"data": {"a": "b", "n": 5, "l": ["q", {"z": None}], "t": True, "e": ""}}),
    (UPDATE, "secret/data/x", _ROOT, {"data": {"a": "c"}, "options": {"cas": 1}}),
    (READ, "secret/data/x", _ROOT, {"version": "1"}),
    (READ, "secret/data/none", _ROOT, {}),
    (LIST, "secret/metadata", _ROOT, {}),
    (SCAN, "secret/metadata", _ROOT, {}),
    (Operation.PATCH, "secret/data/x", _ROOT, {"data": {"p": "q"}}),
    (DELETE, "secret/data/x", _ROOT, {}),
    (UPDATE, "secret/data/x", _ROOT, {"data": {}, "options": {"cas": 9}}),
    (READ, "secret/data/x", "bad", {"version": "1"}),
    (READ, "secret/data/x", "", {}),
    (UPDATE, "secret/data/x", "", {"data": {"a": "b"}}),
    (READ, "nowhere/x", _ROOT, {}),
    (UPDATE, "nowhere/x", _ROOT, {"a": "b"}),
    (READ, "sys/nope", _ROOT, {}),
    (UPDATE, "sys/mounts", _ROOT, {}),
    (UPDATE, "sys/remount", _ROOT, {"from": "a"}),
    (READ, "sys/internal/ui/mounts", "", {}),
    (READ, "sys/health", _ROOT, {}),
    (READ, "sys/seal-status", _ROOT, {}),
    (UPDATE, "sys/policies/acl/kv", _ROOT, {"policy": _POLICY}),
    (UPDATE, "auth/token/create", _ROOT, {"id": _MADE, "policies": ["kv"], "no_default_policy": True, "ttl": "1h"}),
    (READ, "secret/data/x", _MADE, {}),
    (LIST, "secret/metadata", _MADE, {}),
    (UPDATE, "secret/data/x", _MADE, {"data": {"a": "denied"}}),
    (UPDATE, "sys/mounts/secret/tune", _ROOT, {"audit_non_hmac_request_keys": ["a", "l"]}),
    (UPDATE, "secret/data/y", _ROOT, {"data": {"a": "plain", "l": ["plain", {"q": "r"}], "d": {"a": "plain"}}}),
    (UPDATE, "cubbyhole/mine", _ROOT, {"a": "b"}),
    (READ, "cubbyhole/mine", _ROOT, {}),
    (UPDATE, "sys/mounts/one", _ROOT, {"type": "kv", "options": {"version": "1"}}),
    (READ, "sys/audit/other", _ROOT, {}),
    (UPDATE, "sys/config/auditing/request-headers/X-A", _ROOT, {"hmac": True}),
    (READ, "sys/config/auditing/request-headers", _ROOT, {}),
    (DELETE, "sys/config/auditing/request-headers/X-A", _ROOT, {}),
]
_TOKEN_IDS = {_ROOT: "", _MADE: "made-for-the-audit"}


def _ask(door, root, operation, path, token, data):
    data = {key: _TOKEN_IDS.get(item, item) if isinstance(item, str) else item for key, item in data.items()}
    reads = operation in (READ, LIST, SCAN, DELETE)
    query, body = (data, NOTHING) if reads else (NOTHING, data)
    content_type = MERGE_PATCH if operation is Operation.PATCH else "application/json"
    asker = root if token == _ROOT else _TOKEN_IDS.get(token, token)
    try:
        door.handle(Request(operation, path, data=body, query=query, token=asker, content_type=content_type))
    except VaultError:
        return


_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_GONE = {"id", "client_id", "remote_address", "remote_port", "mount_running_version", "mount_running_plugin_version"}


def _same(entry):
    """Put away ids, times, versions and addresses; of hashes it counts that they are there."""
    named = {name: _put_away(name, value) for name, value in entry.items() if name != "time"}
    # `audit-details`: what stands at the top of a refusal is more or less exact in OpenBao.
    if "error" in named and named["type"] == "response":
        named["error"] = "an error"
    return named


def _put_away(name, value):
    if name == "accessor" or name.endswith(("_accessor", "_time")):
        return "<put away>"
    if name == "display_name":
        return "<name>"
    if isinstance(value, dict):
        gone = _GONE if name == "request" else _GONE - {"id"}
        return {key: _put_away(key, item) for key, item in value.items() if key not in gone}
    if isinstance(value, list):
        return [_put_away("", item) for item in value]
    if isinstance(value, str):
        return "<hash>" if value.startswith("hmac-sha256:") or _TIME.fullmatch(value) else value
    return value


def test_the_entries_are_those_of_openbao(audited_bao, tmp_path):
    """Type, auth, request and answer of each entry are what a real OpenBao writes, but for named differences."""
    logs = {name: tmp_path / name for name in ("bao", "ours")}
    core = make_core(Memory(), **OWNED)
    doors = [("bao", audited_bao, bao_support.ROOT_TOKEN), ("ours", core, ROOT_TOKEN)]
    found = {}
    for name, door, root in doors:
        enable(door, token=root, file_path=str(logs[name]))
        for asked in ASKED:
            _ask(door, root, *asked)
        found[name] = [_same(entry) for entry in lines(logs[name])]
    audited_bao.disable_audit()
    assert [_key(entry) for entry in found["bao"]] == [_key(entry) for entry in found["ours"]]
    differs = [(theirs, ours) for theirs, ours in zip(found["bao"], found["ours"], strict=True) if theirs != ours]

    # `audit-details`: of an answer of 404 that has data, OpenBao records its bytes.
    assert [(theirs, ours) for theirs, ours in differs if not _is_bytes(theirs["response"])] == []
    assert len(differs) == 1


def _is_bytes(response):
    return "http_raw_body" in response["data"]


def _key(entry):
    return entry["type"], entry["request"]["operation"], entry["request"]["path"]


@pytest.mark.parametrize("option", [{"log_raw": "true"}, {"hmac_accessor": "false"}, {"elide_list_responses": "true"}])
def test_options_do_what_they_do_in_openbao(audited_bao, tmp_path, option):
    """With an option an entry of a listing, and one of a token's lookup, is in clear where OpenBao's is."""
    core, found = make_core(Memory(), **OWNED), []
    for name, door, root in (("bao", audited_bao, bao_support.ROOT_TOKEN), ("ours", core, ROOT_TOKEN)):
        log = tmp_path / name
        _ask(door, root, UPDATE, "secret/data/x", _ROOT, {"data": {"a": "b"}})
        enable(door, token=root, file_path=str(log), **option)
        _ask(door, root, LIST, "secret/metadata", _ROOT, {})
        _ask(door, root, READ, "secret/data/x", _ROOT, {})
        found.append([_kinds(entry) for entry in lines(log)])
    audited_bao.disable_audit()
    assert found[0] == found[1]


def _kinds(value, name=""):
    """Tell of each value whether it is hashed, and of a number what it is."""
    if isinstance(value, dict):
        return {key: _kinds(item, key) for key, item in value.items() if key not in _GONE and key != "created_time"}
    if isinstance(value, list):
        return [_kinds(item) for item in value]
    if isinstance(value, str):
        return "a hash" if value.startswith("hmac-sha256:") else "a text"
    return value
