"""Whether a token's policies let a request in. Root tokens never come here.

Nothing of a request's fields is looked at first, but for the path that tells whether an update makes something new.
Source: OpenBao 2.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vaultctl.core.exchange import context_for, endpoints_of, given_data
from vaultctl.framework.endpoint import find
from vaultctl.logical.errors import PermissionDenied
from vaultctl.logical.request import LISTING, Operation

if TYPE_CHECKING:
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.identity import Who
    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.policies.acl import Acl, Permissions
    from vaultctl.core.session import Session
    from vaultctl.core.tokens import Token
    from vaultctl.core.views import View
    from vaultctl.logical.response import Response

_CAPABILITY = {
    Operation.READ: "read",
    Operation.HEAD: "read",
    Operation.LIST: "list",
    Operation.SCAN: "scan",
    Operation.PATCH: "patch",
    Operation.DELETE: "delete",
}
_MOST_GRANTS = 4096
"""So many of what an access list allowed are kept with it."""

_ACLS, _MOST_TOKENS = "access lists of tokens", 4096
"""What is kept of a generation: the access lists of so many tokens."""

_SLASHES = re.compile("/{2,}")
_PLACE = re.compile(r"\{\{\s*\.(path|key)\s*\}\}")


def is_root_in(session: Session, token: Token, namespace: Namespace) -> bool:
    """Tell whether a token may do everything in a namespace: root's in its own, and in what that one holds."""
    own = session.namespaces.get(token.namespace) if token.is_root else None
    return own is not None and own.holds(namespace)


def acl_of(session: Session, token: Token, now_s: float) -> Acl:
    """Give what a token may do by its policies, which are those of its own namespace. Raises: VaultError."""
    own = session.namespaces.get(token.namespace)
    if own is None:
        raise PermissionDenied
    who = who_in(session, token)
    return session.acl(own, policies_of(token, who), now_s, who)


def who_in(session: Session, token: Token) -> Who | None:
    """Give the entity of a token, if it is one of the token's own namespace: only there it brings policies."""
    if not token.entity_id:
        return None
    from vaultctl.core import identity

    who = identity.who(session.view, token.entity_id)
    return who if who and who.entity.namespace == token.namespace else None


def policies_of(token: Token, who: Who | None) -> tuple[str, ...]:
    """Give the policies of a token, with those of its entity."""
    if who is None or not who.entity.policies:
        return token.policies
    return tuple(sorted({*token.policies, *who.entity.policies}))


def admit(exchange: Exchange, token: Token) -> None:
    """Let a request in, with the limit that is set for its listing. Raises: PermissionDenied."""
    view, now_s, asked = exchange.session.view, exchange.now_ns / 1e9, _asked(exchange)
    header, kept = view.header, view.memo.get(_ACLS)
    if kept is not None and kept[0] is header:
        known: Acl | None = kept[1].get(token.id_hash)
        if known is not None and asked in known.grants and now_s < known.valid_until_s:
            return
    request = exchange.request
    if is_root_in(exchange.session, token, exchange.namespace) or request.operation is Operation.HELP:
        return
    acl = acl_of(exchange.session, token, now_s)
    _keep(view, token, acl)
    if asked in acl.grants:
        return
    served = _served_path(exchange)
    if served != request.path:
        _admit_to(exchange, acl, served)
    path, permissions = _admit_to(exchange, acl, request.path)
    if request.operation in LISTING:
        _limit_listing(exchange, acl, path, permissions)
    elif asked and served == request.path and _decides_alone(permissions, asked) and len(acl.grants) < _MOST_GRANTS:
        acl.grants.add(asked)


def _keep(view: View, token: Token, acl: Acl) -> None:
    """Keep what a token may do for as long as nothing at all changes: then nobody looks for its policies again."""
    kept = view.memo.get(_ACLS)
    if kept is None or kept[0] is not view.header or len(kept[1]) >= _MOST_TOKENS:
        kept = view.memo[_ACLS] = (view.header, {})
    known: dict[str, Acl] = kept[1]
    known[token.id_hash] = acl


_Asked = tuple[str, str, Operation, bool, bool]
"""All of a request that an access list decides by, where that is not its data too: the namespace, the path, the verb,
and whether its endpoint needs sudo, and makes something new.
"""


def _asked(exchange: Exchange) -> _Asked | None:
    """Name what a request asks for; None where it takes more than that to decide on it."""
    if exchange.match is None:
        return None
    request, endpoint = exchange.request, exchange.match.endpoint
    if endpoint.normal:
        return None
    makes_new = endpoint.exists is not None and request.operation is Operation.UPDATE
    return exchange.namespace.path, request.path, request.operation, endpoint.sudo, makes_new


def _decides_alone(permissions: Permissions, asked: _Asked) -> bool:
    """Tell whether what was allowed once is so as long as the access list is the same."""
    makes_new = asked[-1]
    return permissions.plain and (not makes_new or permissions.capabilities >= {"create", "update"})


def _served_path(exchange: Exchange) -> str:
    """Give the path of what is served: more slashes or other letters in a path do not make it another thing."""
    path = exchange.request.path
    endpoint = exchange.match.endpoint if exchange.match else None
    if exchange.match and endpoint and endpoint.normal:
        before, _, rest = endpoint.pattern.partition("{")
        value = endpoint.normal(*exchange.match.values.values())
        path = path[: len(path) - len(exchange.path)] + before + value + rest.partition("}")[2]
    return _SLASHES.sub("/", path).strip("/")


def _admit_to(exchange: Exchange, acl: Acl, path: str) -> tuple[str, Permissions]:
    """Let a request in to one path, which is given in full with what is allowed there. Raises: PermissionDenied."""
    request = exchange.request
    listing = request.operation in LISTING
    if exchange.mount is None:  # Source: OpenBao 2.7: who may use the path without the slash hears that this is none
        path = path.lstrip("/")
    path = exchange.namespace.path + path
    if listing and not path.endswith("/"):
        path += "/"
    permissions = acl.at(path, listing=listing)
    if permissions is None or (_needs_sudo(exchange) and "sudo" not in permissions.capabilities):
        raise PermissionDenied
    capability = _capability(exchange, permissions)
    if not permissions.allow(request.operation, capability, given_data(request), request.wrap_ttl_s):
        raise PermissionDenied
    return path, permissions


def _needs_sudo(exchange: Exchange) -> bool:
    return exchange.match is not None and exchange.match.endpoint.sudo


def _capability(exchange: Exchange, permissions: Permissions) -> str:
    """Name what a request needs; whether an update makes something new is asked only where it matters."""
    operation = exchange.request.operation
    if operation is not Operation.UPDATE:
        return _CAPABILITY[operation]
    if exchange.match is None or exchange.mount is None or exchange.match.endpoint.exists is None:
        return "update"
    if {"create", "update"} <= permissions.capabilities:
        return "update"
    context = context_for(exchange, exchange.mount)
    return "update" if exchange.match.endpoint.exists(context, exchange.match.values) else "create"


def _limit_listing(exchange: Exchange, acl: Acl, path: str, permissions: Permissions) -> None:
    query = permissions.page(exchange.request.query)
    if query is None:
        raise PermissionDenied
    if query is not exchange.request.query:
        exchange.request = exchange.request._replace(query=query)
    if permissions.keys_filter:
        template = permissions.keys_filter
        path = path[len(exchange.namespace.path) :]
        exchange.keep = lambda response: _filtered(exchange, acl, template, path, response)


def _filtered(exchange: Exchange, acl: Acl, template: str, path: str, response: Response) -> Response:
    """Give a listing with the keys that the token may read, or list; a policy's template says at which path."""
    data = response.data or {}
    keys = [key for key in data.get("keys", ()) if _may_see_key(exchange, acl, template, path, key)]
    if "keys" not in data:
        return response
    left: dict[str, Any] = {**data, "keys": keys}
    if "key_info" in data:
        left["key_info"] = {key: data["key_info"][key] for key in keys if key in data["key_info"]}
    return response._replace(data=left)


def _may_see_key(exchange: Exchange, acl: Acl, template: str, path: str, key: str) -> bool:
    place = _PLACE.sub(lambda match: key if match[1] == "key" else path, template)
    operation = Operation.LIST if key.endswith("/") else Operation.READ
    permissions = acl.at(exchange.namespace.path + place, listing=operation is Operation.LIST)
    if permissions is None or not permissions.allow(operation, _CAPABILITY[operation], {}, 0):
        return False
    return "sudo" in permissions.capabilities or not _is_sudo_path(exchange, place)


def _is_sudo_path(exchange: Exchange, path: str) -> bool:
    host, mount = exchange.host, exchange.session.mounts.serving(path, exchange.namespace.id)
    if mount is None or mount.tainted or not host.kinds(mount).serves(mount.type):
        return False
    below = path[len(mount.path) :]
    match = find(endpoints_of(host, mount, below), below)
    return match is not None and match.endpoint.sudo
