"""What people typed, in the messages that quote it: each is escaped as Go escapes it, beside a real OpenBao."""

from collections.abc import Mapping
from typing import Any

import pytest
from support.bao import Bao, RemoteError
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.logical.errors import VaultError
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

READ, UPDATE = Operation.READ, Operation.UPDATE
VALUES = ('q"b\\s', "é😀", "n\nt\tr\rx", "\x00\x07\x7f\u0085x", "\u200b\u00a0\ufeff\ue000", "\U000e0001x")
PRINTABLE = VALUES[:2]
"""A path with anything else is no request at all."""

_BODIES: tuple[tuple[str, str], ...] = (
    ("sys/mounts/m", "type"),
    ("sys/mounts/secret/tune", "default_lease_ttl"),
    ("sys/mounts/secret/tune", "listing_visibility"),
    ("sys/mounts/secret/tune", "plugin_version"),
    ("sys/remount", "from"),
    ("sys/quotas/rate-limit/q", "path"),
    ("auth/token/create", "ttl"),
    ("auth/token/create", "type"),
    ("auth/token/create", "policies"),
    ("auth/token/roles/r", "token_type"),
    ("auth/token/roles/r", "token_bound_cidrs"),
    ("auth/approle/role/r", "token_type"),
    ("auth/approle/role/r/secret-id-accessor/destroy", "secret_id_accessor"),
    ("identity/entity-alias", "mount_accessor"),
    ("ssh/roles/r", "key_type"),
    ("ssh/creds/r", "ip"),
    ("sys/policies/acl/p", "ttl"),
)
_MORE: Mapping[str, Mapping[str, Any]] = {
    "sys/remount": {"to": "elsewhere"},
    "sys/quotas/rate-limit/q": {"rate": 1},
    "sys/policies/acl/p": {"policy": ""},
    "identity/entity-alias": {"name": "n", "canonical_id": "c"},
}
"""What else the request needs."""

_PATHS = (
    (READ, "nope/{}"),
    (READ, "sys/mounts/{}"),
    (READ, "sys/mounts/{}/tune"),
    (UPDATE, "sys/mounts/{}/tune"),
    (UPDATE, "sys/mounts/sys/{}"),
    (READ, "sys/auth/{}/tune"),
    (READ, "sys/internal/ui/mounts/{}"),
    (UPDATE, "sys/audit-hash/{}"),
    (UPDATE, "sys/namespaces/{} x"),
)


@pytest.fixture
def ours() -> Core:
    """A core with what is asked for."""
    core = make_core(Memory())
    for path, data in _MOUNTS:
        core.handle(Request(UPDATE, path, data=data, token=ROOT_TOKEN))
    return core


@pytest.fixture
def theirs(bao: Bao) -> Bao:
    """A real OpenBao with the same."""
    for path, data in _MOUNTS:
        bao.ask(UPDATE, path, data)
    return bao


_MOUNTS = (
    ("sys/mounts/ssh", {"type": "ssh"}),
    ("ssh/roles/r", {"key_type": "otp", "default_user": "u", "cidr_list": "0.0.0.0/0"}),
    ("sys/auth/approle", {"type": "approle"}),
    ("auth/approle/role/r", {"policies": "default"}),
)


def _said(door, token: str, operation: Operation, path: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the errors, or the warnings."""
    try:
        return tuple(door.handle(Request(operation, path, data=data, token=token)).warnings)
    except (VaultError, RemoteError) as error:
        return tuple(error.errors)


@pytest.mark.parametrize(("path", "field"), _BODIES)
def test_values_of_fields_are_quoted_alike(path, field, ours, theirs):
    """Quotation marks, line ends, controls and what cannot be seen are escaped; letters of any script are not."""
    for value in VALUES:
        data = {**_MORE.get(path, {}), field: value}
        expected = _said(theirs, "root", UPDATE, path, data)
        if value != "é😀" or path != "sys/quotas/rate-limit/q":  # which is a path
            assert expected, (path, value)
            assert _said(ours, ROOT_TOKEN, UPDATE, path, data) == expected, value


@pytest.mark.parametrize(("operation", "path"), _PATHS)
def test_paths_are_quoted_alike(operation, path, ours, theirs):
    """A path is quoted as any other text."""
    data = {"input": "x"} if "hash" in path else {"type": "kv"}
    for value in PRINTABLE:
        expected = _said(theirs, "root", operation, path.format(value), data)
        assert expected
        assert _said(ours, ROOT_TOKEN, operation, path.format(value), data) == expected, value


def test_every_character_has_one_of_gos_spellings():
    """The short escapes, two digits for ASCII, four and eight for what lies above."""
    assert quoted('a"\\\a\b\f\n\r\t\v') == r'"a\"\\\a\b\f\n\r\t\v"'
    assert quoted("\x00\x1b\x7f\x80\u00ad\u2028\U000e0001") == r'"\x00\x1b\x7f\u0080\u00ad\u2028\U000e0001"'
    assert quoted("aé😀中 ") == '"aé😀中 "'
