"""auth/token/revoke, revoke-self, revoke-accessor and revoke-orphan. Source: OpenBao 2.7 for the messages."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.token_store import sweep
from vaultctl.core.token_store.issue import BATCH
from vaultctl.core.token_store.lookup import ACCESSOR, find_by_accessor
from vaultctl.core.tokens import SECOND_NS, Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def revoke(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Revoke a token and all that descend from it; one that is not there is none the more. Raises: InvalidRequest."""
    return _revoked(ctx, _find(ctx, fields))


def revoke_self(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Revoke the caller's own token. Raises: InvalidRequest."""
    return revoke(ctx, {"token": ctx.request.token})


def revoke_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Revoke the token with an accessor. Raises: InvalidRequest."""
    token = find_by_accessor(ctx, fields)
    if token is None:
        return Response(status=200, warnings=("No token found with this accessor",))
    if token.num_uses < 0:
        raise InvalidRequest("token not found")
    return _revoked(ctx, token)


def revoke_orphan(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Revoke a token alone; its children live on as orphans. Raises: InvalidRequest."""
    if not fields.get("token"):
        raise InvalidRequest("missing token ID")
    if not ctx.has_sudo:
        raise InvalidRequest("root or sudo privileges required to revoke and orphan")
    token = _find(ctx, fields)
    if token is None:
        raise InvalidRequest("token to revoke not found")
    _check_stored(token)
    sweep.orphan(ctx.session, token)
    return _revoked(ctx, token)


def _find(ctx: SystemContext, fields: Mapping[str, Any]) -> Token | None:
    text = fields.get("token", "")
    if not text:
        raise InvalidRequest("missing token ID")
    token = tokens.find(ctx.session.view, text, ctx.now_ns / SECOND_NS)
    return token if token and token.num_uses >= 0 else None


def _revoked(ctx: SystemContext, token: Token | None) -> Response:
    if token:
        _check_stored(token)
        sweep.revoke(ctx.session, token)
        sweep.go_on(ctx)
    return EMPTY


def _check_stored(token: Token) -> None:
    if token.type == BATCH:
        raise InvalidRequest("batch tokens cannot be revoked")


_TOKEN = {"token": Field("string", "The token.")}

ENDPOINTS = (
    Endpoint("revoke", {Operation.UPDATE: revoke}, "Revoke a token and all that descend from it.", fields=_TOKEN),
    Endpoint("revoke-self", {Operation.UPDATE: revoke_self}, "Revoke the caller's own token."),
    Endpoint(
        "revoke-accessor",
        {Operation.UPDATE: revoke_accessor},
        "Revoke the token with an accessor, and all that descend from it.",
        fields=ACCESSOR,
    ),
    Endpoint(
        "revoke-orphan",
        {Operation.UPDATE: revoke_orphan},
        "Revoke a token alone: its children live on as orphans.",
        "The caller needs the right to sudo on this path.",
        fields=_TOKEN,
    ),
)
