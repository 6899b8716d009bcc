"""auth/token/lookup, lookup-self, lookup-accessor and accessors: what is known of tokens. Source: OpenBao 2.7."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from vaultctl.core import accessors, identity, tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.namespaces import ROOT
from vaultctl.core.tokens import BY_ID, SECOND_NS, Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, VaultError, one_error
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

ACCESSOR = {"accessor": Field("string", "The accessor of the token.")}


class BadTokenGiven(VaultError):
    """A token that somebody asks about is none."""

    status = 403


class OtherNamespace(InvalidRequest):
    """An accessor of another namespace; whether there is such a token is not told. Source: OpenBao 2.7, as 500."""

    def __init__(self) -> None:
        super().__init__(one_error("cannot lookup token in different namespace"))


def look_up(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell of a token; without one, of the caller's. Raises: BadTokenGiven."""
    text = fields.get("token") or ctx.request.token
    token = tokens.find(ctx.session.view, text, ctx.now_ns / SECOND_NS)
    if token is None:
        raise BadTokenGiven("bad token")
    return Response(data=_described(ctx, token, text))


def look_up_self(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Tell of the caller's token. Raises: BadTokenGiven."""
    return look_up(ctx, {})


def look_up_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell of the token with an accessor, and not what the token is. Raises: InvalidRequest."""
    return Response(data=_described(ctx, by_accessor(ctx, fields), ""))


def by_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Token:
    """Find the token that a request means by its accessor. Raises: InvalidRequest."""
    found = find_by_accessor(ctx, fields)
    if found is None:
        raise InvalidRequest(one_error("invalid accessor"))
    return found


def find_by_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Token | None:
    """Find the token that a request means by its accessor, if there is one. Raises: InvalidRequest without accessor."""
    accessor = fields.get("accessor", "")
    if not accessor:
        raise InvalidRequest(one_error("missing accessor"))
    return in_namespace(ctx, accessor)


def in_namespace(ctx: SystemContext, accessor: str) -> Token | None:
    """Find the token with an accessor, which only the token's own namespace knows. Raises: OtherNamespace.

    An accessor names its namespace behind a dot, or is the root's; so one that is not there is refused just the same.
    """
    token = accessors.find(ctx.session.view, accessor, ctx.now_ns / SECOND_NS)
    named = ctx.session.namespaces.get(accessor.partition(".")[2]) or ROOT
    if ctx.namespace.id != (token.namespace if token else named.id):
        raise OtherNamespace
    return token


def list_accessors(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the accessors of all tokens."""
    view, now_s = ctx.session.view, ctx.now_ns / SECOND_NS
    rows = ((name.removeprefix(BY_ID), json.loads(data)) for name, data in view.entries(BY_ID, deep=False))
    by_hash = {id_hash: tokens.from_record(id_hash, record) for id_hash, record in rows}
    own = [token for token in by_hash.values() if token.namespace == ctx.namespace.id]
    gone = tokens.revoked(view)
    return Response(data={"keys": [token.accessor for token in own if _is_alive(token, by_hash, gone, now_s)]})


def _is_alive(token: Token | None, by_hash: Mapping[str, Token], gone: Collection[str], now_s: float) -> bool:
    while token and not token.has_expired(now_s) and token.mount not in gone:
        if not token.parent:
            return True
        token = by_hash.get(token.parent)
    return False


def _described(ctx: SystemContext, token: Token, text: str) -> dict[str, Any]:
    """Give a token as the API shows it, of an inner namespace with the namespace's path."""
    shown = _describe(token, text, ctx.now_ns)
    by_entity = identity.policies_of(ctx.session.view, token.entity_id, token.namespace)
    if by_entity:
        shown |= {"identity_policies": list(by_entity), "external_namespace_policies": {}}
    namespace = ctx.session.namespaces.get(token.namespace)
    if namespace and not namespace.is_root:
        shown["namespace_path"] = namespace.path
    return dict(sorted(shown.items()))


def _describe(token: Token, text: str, now_ns: int) -> dict[str, Any]:
    ends = bool(token.expire_ns)
    shown: dict[str, Any] = {
        "accessor": token.accessor,
        "creation_time": token.creation_time_s,
        "creation_ttl": int(token.ttl_s),
        "display_name": token.display_name,
        "entity_id": token.entity_id,
        "expire_time": rfc3339(token.expire_ns) if ends else None,
        "explicit_max_ttl": int(token.explicit_max_ttl_s),
        "id": text,
        "issue_time": rfc3339(token.issue_ns or token.creation_time_s * SECOND_NS),
        "meta": None if token.meta is None else dict(token.meta),
        "num_uses": token.num_uses,
        "orphan": token.is_orphan,
        "path": token.path,
        "policies": list(token.policies),
        "renewable": token.renewable,
        "ttl": max(0, token.expire_ns - now_ns) // SECOND_NS if ends else 0,
        "type": token.type,
    }
    if token.path == tokens.FIRST_PATH:
        del shown["issue_time"], shown["renewable"]
    if token.bound_cidrs:
        shown["bound_cidrs"] = list(token.bound_cidrs)
    if token.renewed_ns:
        shown |= {"last_renewal": rfc3339(token.renewed_ns), "last_renewal_time": token.renewed_ns // SECOND_NS}
    if token.period_s:
        shown["period"] = int(token.period_s)
    if token.role:
        shown["role"] = token.role
    return shown


_BOTH = (Operation.READ, Operation.UPDATE)

ENDPOINTS = (
    Endpoint(
        "lookup",
        dict.fromkeys(_BOTH, look_up),
        "Tell of a token: its policies, where it came from, how long it lives.",
        fields={"token": Field("string", "The token; without one, the caller's own.")},
    ),
    Endpoint(
        "lookup-self",
        dict.fromkeys(_BOTH, look_up_self),
        "Tell of the caller's own token.",
        fields={"token": Field("string", "It is ignored.")},
    ),
    Endpoint(
        "lookup-accessor",
        {Operation.UPDATE: look_up_accessor},
        "Tell of the token with an accessor; the token itself is not shown.",
        fields=ACCESSOR,
    ),
    *(
        Endpoint(pattern, {Operation.LIST: list_accessors}, "List the accessors of all tokens.", sudo=True)
        for pattern in ("accessors", "accessors/")
    ),
)
