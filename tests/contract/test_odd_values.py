"""Durations, lists, moments and versions at their limits, beside a real OpenBao, in every field that takes them."""

from collections.abc import Sequence
from typing import Any

import pytest
from support.differences import unknown
from support.scripts import Step, played, shown
from support.states import ROOT_TOKEN, make_core

from vaultctl.storage.memory import Memory

_DIFFERENCE = 4
_DURATIONS = (
    *(10**30, str(10**30), -1, "-1s", "-1d", "0.5s", "-0.5s", "1.9s", 2**63, 2**63 - 1, -(2**63), str(2**63)),
    *(10**10, 10**12, 9223372036, 9223372037, -9223372037, "106751d", "106752d", "9" * 21 + "d", "d", "1dd"),
    *("2562047h", "2562048h", "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns"),
    *("1.5", 1.5, "10.0.0.0/8", "1x", " 5", "5 ", "+5", "1_0", "0x10", "05", "-0", "1e3s", "5.s", ".s", "1h.5m"),
    *("\x00", "1\t", "é", "1µs", "\u0663", "\u200b5", "\U0001f600", '"', "\\", "a" * 150),
    *(None, "", True, [1], [None], {}),
)
_SHORT = ("0.5s", "-0.5s", "1µs")
_LISTS = (
    *(None, [None], [[]], [{}], [None, "a"], ["a", None], [1], [True], "", " ", [""], [" "], ["a,b"], {}, [["a"]]),
    *({"a": "1"}, 1, True, "a,b", " a , b,", [[None]], ["B", "A", "b"], "root,a"),
)
_PAIRS = (*_LISTS, [{"a": 1}], [[{"a": "1"}]], {"q": [1]}, {"q": None})
_MOMENTS = (
    *("0001-01-01T00:00:00Z", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:01Z", "0000-01-01T00:00:00Z"),
    *("", " ", None, 0, "0", "1970-01-01T00:00:00Z", 1.5, "1.5", -1, 10**30, str(10**30), 2**63, "0.5s", True, []),
    *(4102444800, "99999999999", "9999999999999", "9999-12-31T23:59:59Z", "2100-01-01T00:00:00.123456789Z"),
)
_VERSIONS = (
    *(1, 1.5, 10**30, "1", "v1", "1.2", "1.2.3", "01.02.3", "1.2.3.4", "1.2.3-a", "1.2.3-", "1.2.3+b", "v1.2.3-rc1+x"),
    *("10s", "1e3", "x", "1.2.x", 0, -1, "", None, "\x00", "é"),
)


def _each(
    path: str, name: str, values: Sequence[Any], *, first: Sequence[Step] = (), beside: dict[str, Any] | None = None
) -> list[Step]:
    """Write each value into a field, and read what became of it."""
    script = list(first)
    for value in values:
        script += [["POST", path, {**(beside or {}), name: value}], ["GET", path]]
        if "roles/" in path or "role/" in path or "acl/" in path:
            script.append(["DELETE", path])
    return script


_USERPASS: list[Step] = [
    ["POST", "sys/auth/people", {"type": "userpass"}],
    ["POST", "auth/people/users/u", {"password": "p"}],
]
_APPROLE: list[Step] = [["POST", "sys/auth/machines", {"type": "approle"}]]
_KV: list[Step] = [["POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}}]]
_OLD_KV: list[Step] = [["POST", "sys/mounts/old", {"type": "kv"}]]
_ROLE: list[Step] = [*_APPROLE, ["POST", "auth/machines/role/r", {"policies": "a"}]]


def _lockouts(name: str, values: Sequence[Any]) -> list[Step]:
    steps = [[["POST", _TUNE, {"user_lockout_config": {name: value}}], ["GET", _TUNE]] for value in values]
    return [*_USERPASS, *(step for pair in steps for step in pair)]


_AUDITED = "audit_non_hmac_request_keys"
_TUNE = "sys/auth/people/tune"
_POLICY = {"policy": 'path "a" {}'}
SCRIPTS: dict[str, list[Step]] = {
    **{
        f"userpass {name}": _each("auth/people/users/u", name, _DURATIONS, first=_USERPASS)
        for name in ("token_ttl", "token_max_ttl", "token_period", "token_explicit_max_ttl", "ttl", "max_ttl")
    },
    **{
        f"token role {name}": _each("auth/token/roles/r", name, _DURATIONS)
        for name in ("token_period", "token_explicit_max_ttl", "period", "explicit_max_ttl")
    },
    "approle secret_id_ttl": [
        *_ROLE,
        *(["POST", "auth/machines/role/r/secret-id-ttl", {"secret_id_ttl": value}] for value in _DURATIONS),
        ["GET", "auth/machines/role/r/secret-id-ttl"],
        ["DELETE", "auth/machines/role/r/secret-id-ttl"],
        *(["POST", "auth/machines/role/r/secret-id", {"ttl": value}] for value in _DURATIONS),
    ],
    "kv metadata": _each("kv/metadata/a", "delete_version_after", _DURATIONS, first=_KV),
    "kv config": _each("kv/config", "delete_version_after", _DURATIONS, first=_KV),
    "old kv": _each("old/a", "lease", _DURATIONS, first=_OLD_KV),
    **{
        f"tune {name}": _each(_TUNE, name, [each for each in _DURATIONS if each not in _SHORT], first=_USERPASS)
        for name in ("default_lease_ttl", "max_lease_ttl")
    },
    **{
        f"{name} below a second": [
            *_USERPASS,
            *(
                step
                for value in _SHORT
                for step in (["POST", _TUNE, {name: value}], ["GET", _TUNE, {}, None, "ttl-below-a-second"])
            ),
        ]
        for name in ("default_lease_ttl", "max_lease_ttl")
    },
    "lockout": [
        *_lockouts("lockout_duration", _DURATIONS),
        *_lockouts("lockout_counter_reset_duration", _DURATIONS),
        *_lockouts("lockout_threshold", [value for value in _DURATIONS if value != "9" * 21 + "d"]),
    ],
    "renewal": [
        ["POST", "auth/token/create", {"ttl": "1h"}],
        *(["POST", "auth/token/renew-self", {"increment": value}, "${0:auth.client_token}"] for value in _DURATIONS),
        *(["POST", "sys/leases/renew", {"lease_id": "nope", "increment": value}] for value in _DURATIONS),
    ],
    "policy ttl": [["POST", "sys/policies/acl/p", {**_POLICY, "ttl": value}] for value in _DURATIONS],
    "policy expiration": _each("sys/policies/acl/p", "expiration", _MOMENTS, beside=_POLICY),
    **{
        f"userpass {name}": _each("auth/people/users/u", name, _LISTS, first=_USERPASS)
        for name in ("token_policies", "policies", "token_bound_cidrs", "bound_cidrs")
    },
    **{
        f"approle {name}": _each("auth/machines/role/r", name, _LISTS, first=_APPROLE, beside={"role_id": "R"})
        for name in ("token_policies", "secret_id_bound_cidrs", "token_bound_cidrs")
    },
    **{
        f"token role {name}": _each("auth/token/roles/r", name, _LISTS)
        for name in ("allowed_policies", "disallowed_policies", "allowed_entity_aliases", "bound_cidrs")
    },
    **{
        f"tune {name}": _each("sys/mounts/old/tune", name, _LISTS, first=_OLD_KV)
        for name in ("audit_non_hmac_request_keys", "passthrough_request_headers", "options")
    },
    "mounts": [
        step
        for name, values in (("config", _LISTS), ("options", _PAIRS))
        for value in values
        for step in (
            ["POST", "sys/mounts/m", {"type": "kv", name: {_AUDITED: value} if name == "config" else value}],
            ["GET", "sys/mounts/m/tune"],
            ["DELETE", "sys/mounts/m"],
        )
    ],
    "tokens": [
        step
        for value in _PAIRS
        for step in (["POST", "auth/token/create", {"policies": value}], ["POST", "auth/token/create", {"meta": value}])
    ],
    "capabilities": [
        step
        for value in _LISTS
        for step in (
            ["POST", "sys/capabilities-self", {"paths": value}],
            ["POST", "sys/capabilities-self", {"paths": ["a"], "path": value}],
        )
    ],
    "versions": [
        *_OLD_KV,
        *(["POST", "sys/mounts/old/tune", {"plugin_version": value}] for value in _VERSIONS),
        *(
            step
            for value in _VERSIONS
            for step in (
                ["POST", "sys/mounts/m", {"type": "kv", "config": {"plugin_version": value}}],
                ["DELETE", "sys/mounts/m"],
            )
        ),
    ],
    "bound to one address": [
        *_USERPASS,
        ["POST", "auth/people/users/u", {"token_strictly_bind_ip": True, "token_bound_cidrs": "10.0.0.0/8"}],
        ["POST", "auth/people/users/u", {"token_bound_cidrs": "127.0.0.0/8"}],
        ["POST", "auth/people/users/u", {"token_strictly_bind_ip": True}],
        ["GET", "auth/people/users/u"],
        ["POST", "auth/people/users/u", {"token_strictly_bind_ip": True, "token_bound_cidrs": ""}],
        ["POST", "auth/people/users/u", {"bound_cidrs": "127.0.0.0/8"}],
        *_ROLE,
        ["POST", "auth/machines/role/r", {"token_strictly_bind_ip": True}],
        ["POST", "auth/machines/role/r", {"token_bound_cidrs": "10.0.0.0/8"}],
        ["POST", "auth/machines/role/r/token-bound-cidrs", {"token_bound_cidrs": "10.0.0.0/8"}],
        ["POST", "auth/machines/role/r/token-ttl", {"token_ttl": 5}],
    ],
    "no password": [
        *_USERPASS,
        *(
            ["POST", f"auth/people/users/{name}", {**given, "token_policies": "zz"}]
            for name in ("u", "new")
            for given in ({"password": ""}, {"password": None}, {"password_hash": ""}, {"password_hash": None})
        ),
        ["GET", "auth/people/users/u"],
        ["POST", "auth/people/login/u", {"password": "p"}, ""],
    ],
    "approle logins": [
        *_ROLE,
        ["GET", "auth/machines/role/r/token-bound-cidrs"],
        ["POST", "auth/machines/role/r", {"role_id": "R"}],
        ["POST", "auth/machines/role/r/custom-secret-id", {"secret_id": "S"}],
        *(
            ["POST", "auth/machines/login", {"role_id": role, "secret_id": secret}, ""]
            for role, secret in (("R ", "S"), (" R", "S"), ("R", "S\t"), ("R", " "), (" ", "S"), (None, "S"))
        ),
        ["POST", "auth/machines/login", {"role_id": ["R"], "secret_id": "S"}, "", "login-field-types"],
        ["POST", "auth/machines/role/r/custom-secret-id", {"secret_id": "K", "cidr_list": "10.0.0.0/8"}],
        ["POST", "auth/machines/login", {"role_id": "R", "secret_id": "K"}, ""],
        ["POST", "auth/machines/login", {"role_id": "R", "secret_id": "S" * 5000}, "", "long-secret-ids"],
        ["POST", "auth/machines/role/" + "r" * 5000, {"policies": "a"}],
        ["LIST", "auth/machines/role/nope/secret-id"],
        ["POST", "auth/machines/role/r/bound-cidr-list", {"bound_cidr_list": ""}],
        ["POST", "sys/auth/machines/tune", {"max_lease_ttl": 50}],
        ["POST", "auth/machines/role/r/secret-id", {"ttl": 100}],
    ],
    "parts of a role need the right to update": [
        *_ROLE,
        ["POST", "sys/policies/acl/new", {"policy": 'path "auth/machines/*" { capabilities = ["create"] }'}],
        ["POST", "auth/token/create", {"policies": ["new"]}],
        ["POST", "auth/machines/role/nope/token-ttl", {"token_ttl": 1}, "${3:auth.client_token}"],
        ["POST", "auth/machines/role/r/token-ttl", {"token_ttl": 1}, "${3:auth.client_token}"],
    ],
    "a locked namespace": [
        ["POST", "sys/namespaces/lk"],
        ["POST", "sys/namespaces/api-lock/lock/lk"],
        *(
            [verb, f"lk/sys/{path}"]
            for verb in ("GET", "POST")
            for path in ("health", "seal-status", "leader", "mounts", "host-info", "nope")
        ),
        ["POST", "sys/namespaces/api-lock/unlock/lk"],
    ],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_value_means_the_same(name, bao):
    """What OpenBao says of a value, and what it keeps of it, we do too, but where a step names a difference."""
    script = SCRIPTS[name]
    here = played(make_core(Memory()), script, ROOT_TOKEN)
    there = played(bao, script, "root")
    for step, ours, theirs in zip(script, here, there, strict=True):
        if len(step) > _DIFFERENCE:
            assert (step, shown(ours)) != (step, shown(theirs))
        else:
            assert (step, shown(ours)) == (step, shown(theirs))


def test_each_difference_has_its_reason():
    """Every difference that a step names is in the document."""
    named = {step[_DIFFERENCE] for each in SCRIPTS.values() for step in each if len(step) > _DIFFERENCE}
    assert unknown(named) == set()
