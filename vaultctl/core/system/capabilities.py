"""sys/capabilities, -self and -accessor: what a token may do on paths. Source: OpenBao 2.7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaultctl.core import identity, tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.policies import admission
from vaultctl.core.token_store import lookup
from vaultctl.core.tokens import Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import BadToken, InvalidRequest, one_error
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


def of_token(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell what a token may do. Raises: InvalidRequest for one that is not known."""
    text = (ctx.request.data or {}).get("token")
    if not text or not isinstance(text, str):
        raise InvalidRequest(one_error("no token found"))
    paths = _paths(fields)
    found = tokens.find(ctx.session.view, text, ctx.now_ns / 1e9)
    if found is None:
        raise InvalidRequest(one_error("invalid token"))
    return _answer(ctx, found, paths)


def of_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell what the token of an accessor may do. Raises: InvalidRequest for one that is not known."""
    if not fields.get("accessor"):
        raise InvalidRequest("missing accessor")
    found = lookup.in_namespace(ctx, fields["accessor"])
    if found is None:
        raise InvalidRequest(one_error("invalid accessor"))
    return _answer(ctx, found, _paths(fields))


def of_caller(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Tell what the token that asks may do. Raises: InvalidRequest."""
    if ctx.token is None:
        raise BadToken
    return _answer(ctx, ctx.token, _paths(fields))


def _paths(fields: Mapping[str, Any]) -> list[str]:
    paths: list[str] = fields.get("paths") or fields.get("path") or []
    if not paths:
        raise InvalidRequest("paths must be supplied")
    return paths


def _answer(ctx: SystemContext, token: Token, paths: list[str]) -> Response:
    if not identity.may_act(ctx.session.view, token.entity_id):
        raise InvalidRequest(one_error("invalid token"))
    if "" in paths:
        raise InvalidRequest(one_error("missing path"))
    found = {path: _capabilities(ctx, token, path) for path in paths}
    return Response(data={**found, "capabilities": found[paths[0]]} if len(paths) == 1 else found)


def _capabilities(ctx: SystemContext, token: Token, path: str) -> list[str]:
    if token.is_root:
        return ["root"] if admission.is_root_in(ctx.session, token, ctx.namespace) else ["deny"]
    return admission.acl_of(ctx.session, token, ctx.now_ns / 1e9).capabilities(ctx.namespace.path + path.lstrip("/"))


_PATHS = {
    "paths": Field("slice", "The paths that are asked about."),
    "path": Field("slice", "The older name of paths."),
}

ENDPOINTS = (
    Endpoint(
        "capabilities",
        {Operation.UPDATE: of_token},
        "Tell what a token may do on paths.",
        fields={"token": Field("string", "The token."), **_PATHS},
        mirrored=True,
    ),
    Endpoint(
        "capabilities-accessor",
        {Operation.UPDATE: of_accessor},
        "Tell what the token of an accessor may do on paths.",
        fields={"accessor": Field("string", "The token's accessor."), **_PATHS},
        mirrored=True,
    ),
    Endpoint(
        "capabilities-self",
        {Operation.UPDATE: of_caller},
        "Tell what the token that asks may do on paths.",
        fields={"token": Field("string", "Not looked at."), **_PATHS},
        mirrored=True,
    ),
)
