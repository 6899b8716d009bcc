"""The stage behind the lease: an answer that is to be wrapped is put away, and a token for it given out.

Errors, answers without a body and what the server tells of itself are not wrapped. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core.wrapping import store
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.request import LISTING, Operation
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session
    from vaultctl.core.tokens import Token

JWT = "jwt"
"""The one other form that a wrapping token can have."""

_OF_THE_SERVER = frozenset({"sys/health", "sys/init", "sys/leader", "sys/seal-status"})


def put_away(exchange: Exchange, response: Response) -> Response:
    """Put an answer away, and give the one that has a token in its place; give back what is not to be wrapped."""
    mount, request = exchange.mount, exchange.request
    if mount is None or not _can_be_wrapped(exchange, response):
        return response
    path = request.path.rstrip("/")
    if request.operation in LISTING:
        path += "/"  # Source: OpenBao 2.7
    fields = {
        "path": path,
        "namespace": exchange.namespace.id,
        "mount": mount.token_source,
        "below": path.removeprefix(mount.path).strip("/"),
        "issue_ns": exchange.now_ns,
        "ttl_s": as_whole(request.wrap_ttl_s),
    }
    content = store.content_of(response, request.request_id)
    seal_wrap, random = store.is_seal_wrapped(mount), exchange.host.random
    made, text = store.issue(exchange.session, fields, content, seal_wrap=seal_wrap, random=random)
    accessor = _wrapped_accessor(mount, response)
    if request.wrap_format == JWT:
        text = as_jwt(exchange.session, made, text, accessor)
    return Response(wrap_info=info(made, text, accessor))


def as_jwt(session: Session, token: Token, text: str, wrapped_accessor: str = "") -> str:
    """Give the JWT that stands for a wrapping token."""
    from vaultctl.core.wrapping import jwt

    return jwt.sign(session.view, jwt.claims(token, text, wrapped_accessor))


def info(token: Token, text: str, wrapped_accessor: str = "") -> dict[str, Any]:
    """Give the `wrap_info` of an answer."""
    shown = {
        "token": text,
        "accessor": token.accessor,
        "ttl": int(token.ttl_s),
        "creation_time": rfc3339(token.issue_ns),
        "creation_path": token.path,
    }
    return {**shown, "wrapped_accessor": wrapped_accessor} if wrapped_accessor else shown


def as_whole(seconds: float) -> float:
    """Give a number of seconds without a fraction where there is none."""
    return int(seconds) if seconds == int(seconds) else seconds


def _can_be_wrapped(exchange: Exchange, response: Response) -> bool:
    request = exchange.request
    if response.wrap_info is not None or response.awaited is not None or response.status == 204:
        return False
    if request.operation is Operation.HELP or request.path in _OF_THE_SERVER:
        return False
    if response.data is not None or response.auth is not None or response.raw is not None:
        return True
    return response.lease is not None or bool(response.warnings)


def _wrapped_accessor(mount: Mount, response: Response) -> str:
    """Name what is wrapped, for whoever may want to revoke it: a token, or a secret id."""
    if response.auth is not None:
        return str(response.auth.get("accessor", ""))
    if mount.type == "approle" and response.data is not None:
        return str(response.data.get("secret_id_accessor", ""))
    return ""
