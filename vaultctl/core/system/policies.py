"""sys/policies/acl, its older form sys/policy, and sys/policies/detailed/acl: reading and writing policies.

Source: OpenBao 2.7, for the order of checks and the messages. `sys/policy` says `rules` for the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.policies import rules, store
from vaultctl.core.policies.store import Policy
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.durations import NO_MOMENT_NS, moment_ns, rfc3339
from vaultctl.logical.errors import InvalidRequest, UnsupportedOperation, VaultError
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_DEPRECATED = "'rules' is deprecated, please use 'policy' instead"
_NS = 1_000_000_000
_LAST_NS = 253_402_300_800 * _NS - 1
_TOO_LATE = (
    "failed to create entry: failed to encode storage entry: json: error calling MarshalJSON for type *time.Time: year"
    " outside of range [0,9999]"
)
"""OpenBao's words for what ends after the year 9999."""
_SWITCHES = ("cas_required", "allow_wildcards_in_identity_templates", "allow_slashes_in_identity_templates")


class NoPolicy(VaultError):
    """A patch of a policy that is not there. Source: OpenBao 2.7, 404 with a text."""

    status = 404


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give a policy."""
    name = _name(fields)
    policy = store.find(ctx.session.view, name, _now_s(ctx), ctx.namespace.id)
    return Response(data=policy.describe(name)) if policy else None


def read_old(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give a policy, its text as `rules`."""
    found = read(ctx, fields)
    if found is None:
        return None
    data = dict(found.data or {})
    data["rules"] = data.pop("policy")
    return found._replace(data=data)


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Store a policy. Raises: InvalidRequest for a text that is none, or a version that is not the one expected."""
    name, text = store.name_of(fields["name"]), _given_text(fields.get("policy", ""))
    if not name:
        raise UnsupportedOperation
    expires_ns = _expiration(ctx, fields)
    switches = {key: fields.get(key, False) for key in _SWITCHES}
    policy = Policy(_storable(text), rules.parse(text, _now_s(ctx)), **switches)
    store.put(ctx.session.view, name, _dated(policy, ctx.now_ns, expires_ns or 0), fields.get("cas"), ctx.namespace.id)
    return EMPTY


def write_old(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Store a policy whose text may be called `rules`. Raises: InvalidRequest."""
    if fields.get("policy"):
        return write(ctx, fields)
    write(ctx, {**fields, "policy": fields.get("rules", "")})
    return Response(200, warnings=(_DEPRECATED,))


def patch(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change what is named of a policy. Raises: InvalidRequest, NoPolicy."""
    name = store.name_of(fields["name"])
    old = store.find(ctx.session.view, name, _now_s(ctx), ctx.namespace.id)
    if old is None:
        raise NoPolicy("policy not found")
    text = _given_text(fields.get("policy", old.text))
    expires_ns = _expiration(ctx, fields)
    changed = old._replace(
        text=_storable(text),
        rules=rules.parse(text, _now_s(ctx)),
        **{key: fields[key] for key in _SWITCHES if key in fields},
    )
    dated = _dated(changed, ctx.now_ns, _known_ns(old) if expires_ns is None else expires_ns)
    store.put(ctx.session.view, name, dated, fields.get("cas", old.version), ctx.namespace.id)
    return Response(200)


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove a policy. Raises: InvalidRequest for one that stays."""
    store.remove(ctx.session.view, _name(fields), ctx.namespace.id)
    return EMPTY


def _name(fields: Mapping[str, Any]) -> str:
    """Give the name of the policy that is read or removed; slashes behind it are nothing."""
    return store.name_of(fields["name"].rstrip("/"))


def list_names(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all policies, or of those in a folder of names."""
    keys = _names(ctx, fields)
    return Response(data={"keys": keys}) if keys else None


def list_old(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all policies twice, as `keys` and as `policies`."""
    keys = _names(ctx, fields)
    return Response(data={"keys": keys, "policies": keys}) if keys else None


def list_detailed(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the names of all policies, and each policy. Source: OpenBao 2.7, which names root in every folder."""
    keys = [name for name in _names(ctx, fields) if name != store.ROOT]
    keys += [store.ROOT] if ctx.namespace.is_root else []
    found = {name: store.find(ctx.session.view, name, _now_s(ctx), ctx.namespace.id) for name in keys}
    info = {name: policy.describe(name) for name, policy in found.items() if policy}
    return Response(data={"keys": keys, "key_info": info})


def _names(ctx: SystemContext, fields: Mapping[str, Any]) -> list[str]:
    folder = fields.get("name", "").rstrip("/")
    found = store.names(ctx.session.view, _now_s(ctx), folder + "/" if folder else "", ctx.namespace.id)
    return [*found, store.ROOT] if ctx.namespace.is_root and not folder else found


def _now_s(ctx: SystemContext) -> float:
    return ctx.now_ns / _NS


def _given_text(text: str) -> str:
    """Give the text, which may have come as base64. Raises: InvalidRequest for none."""
    if not text:
        raise InvalidRequest("'policy' parameter not supplied or empty")
    return store.decoded(text)


def _storable(text: str) -> str:
    """Give the text with U+FFFD for bytes that were no characters, where a parser looked at none of them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _expiration(ctx: SystemContext, fields: Mapping[str, Any]) -> int | None:
    """Give when a policy is to end, in ns since the epoch; 0 for never, None if not said. Raises: InvalidRequest."""
    if "expiration" in fields and "ttl" in fields:
        raise InvalidRequest("cannot supply both 'expiration' and 'ttl' for policies")
    if "ttl" in fields:
        expires_ns = ctx.now_ns + int(fields["ttl"]) * _NS
    elif "expiration" in fields:
        expires_ns = fields["expiration"]
    else:
        return None
    if expires_ns == NO_MOMENT_NS:
        return 0
    if expires_ns > _LAST_NS:
        raise InvalidRequest(_TOO_LATE)
    if expires_ns <= ctx.now_ns:
        raise InvalidRequest("refusing to update policy as expiration time has already elapsed")
    return expires_ns


def _known_ns(policy: Policy) -> int:
    return moment_ns(policy.expiration) or 0 if policy.expiration else 0


def _dated(policy: Policy, now_ns: int, expires_ns: int) -> Policy:
    return policy._replace(
        modified=rfc3339(now_ns),
        expiration=rfc3339(expires_ns) if expires_ns else "",
        expires_s=expires_ns / _NS,
    )


_NAME = {"name": Field("string", "The policy's name; it is kept in lower case.")}
_TEXT = {
    "policy": Field("string", "What the policy allows, in HCL or JSON; it may be in base64."),
    "expiration": Field("time", "When the policy ends: RFC 3339, or seconds since the epoch."),
    "ttl": Field("duration", "How long the policy lives."),
    "cas": Field("int", "The version that must be the present one; -1 for none at all."),
    "cas_required": Field("bool", "Whether every write has to name the present version."),
    "allow_wildcards_in_identity_templates": Field("bool", "Whether what stands for an entity may hold * and +."),
    "allow_slashes_in_identity_templates": Field("bool", "Whether what stands for an entity may hold slashes."),
}
_ABOUT = (
    'A policy names paths, and what may be done there: path "secret/*" { capabilities = ["read"] }. What no policy of a'
    " token allows, it may not do."
)

ENDPOINTS = (
    *(
        Endpoint(pattern, {Operation.READ: list_old, Operation.LIST: list_old}, "List the policies.", mirrored=True)
        for pattern in ("policy", "policy/")
    ),
    Endpoint(
        "policy/{name+}",
        {
            Operation.READ: read_old,
            Operation.LIST: list_old,
            Operation.UPDATE: write_old,
            Operation.DELETE: delete,
        },
        "Read, write or delete a policy.",
        _ABOUT,
        {**_NAME, **_TEXT, "rules": Field("string", "The older name of policy.")},
        mirrored=True,
        normal=store.name_of,
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_names}, "List the policies.")
        for pattern in ("policies/acl", "policies/acl/")
    ),
    Endpoint(
        "policies/acl/{name+}",
        {
            Operation.READ: read,
            Operation.LIST: list_names,
            Operation.UPDATE: write,
            Operation.PATCH: patch,
            Operation.DELETE: delete,
        },
        "Read, write, change or delete a policy.",
        _ABOUT,
        {**_NAME, **_TEXT},
        normal=store.name_of,
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_detailed}, "List the policies with what each says.")
        for pattern in ("policies/detailed/acl", "policies/detailed/acl/")
    ),
    Endpoint(
        "policies/detailed/acl/{name+}",
        {Operation.LIST: list_detailed},
        "List the policies in a folder of names, with what each says.",
        fields=_NAME,
    ),
)
