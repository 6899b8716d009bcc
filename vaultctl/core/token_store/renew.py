"""auth/token/renew, renew-self and renew-accessor. Source: OpenBao 2.7 for limits, messages and their order."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.core import identity, tokens
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import Mount
from vaultctl.core.token_store import roles
from vaultctl.core.token_store.issue import BATCH, auth_block, limits_of
from vaultctl.core.token_store.lookup import ACCESSOR, by_accessor
from vaultctl.core.token_store.ttl import Limits, life
from vaultctl.core.tokens import SECOND_NS, Token
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, VaultError, one_error
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def renew(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a token a new end. Raises: VaultError."""
    text = fields.get("token", "")
    if not text:
        raise InvalidRequest("missing token ID")
    token = tokens.find(ctx.session.view, text, ctx.now_ns / SECOND_NS)
    return _renewed(ctx, token, text, fields.get("increment", 0))


def renew_self(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the caller's token a new end. Raises: VaultError."""
    return renew(ctx, {**fields, "token": ctx.request.token})


def renew_accessor(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the token with an accessor a new end. Raises: VaultError."""
    return _renewed(ctx, by_accessor(ctx, fields), "", fields.get("increment", 0))


def _renewed(ctx: SystemContext, token: Token | None, text: str, increment_s: float) -> Response:
    if token is None or token.num_uses < 0:
        raise InvalidRequest("token not found")
    if token.type == BATCH:
        raise InvalidRequest("batch tokens cannot be renewed")
    if token.namespace != ctx.namespace.id:
        raise VaultError(one_error("cannot renew a token across namespaces"))
    if token.path == tokens.FIRST_PATH:
        raise InvalidRequest("invalid lease ID")
    if not token.renewable or not token.expire_ns:
        raise InvalidRequest("lease is not renewable")
    bounds = _bounds(ctx, token)
    if bounds is None:
        return EMPTY
    ttl_s, warnings = life(
        increment_s or bounds.ttl_s, bounds.limits, since_s=token.issue_ns / SECOND_NS, now_s=ctx.now_ns / SECOND_NS
    )
    renewed = token._replace(lease_ttl_s=ttl_s, renewed_ns=ctx.now_ns, expire_ns=ctx.now_ns + int(ttl_s * SECOND_NS))
    tokens.replace(ctx.session.view, token, renewed)
    by_entity = identity.policies_of(ctx.session.view, token.entity_id, token.namespace)
    return Response(auth=auth_block(renewed, text, by_entity), warnings=tuple(warnings))


class _Bounds(NamedTuple):
    """What a token may have now; a `ttl_s` of 0 is the mount's default."""

    ttl_s: float
    limits: Limits


def _bounds(ctx: SystemContext, token: Token) -> _Bounds | None:
    """Give what bounds a token now: its auth method or its role where one made it, else what it was made with.

    None is for a token that its method has nothing to say of any more. Raises: VaultError.
    """
    mount = ctx.session.mounts.serving(token.path, token.namespace)
    if mount is None:
        raise VaultError(one_error("unable to retrieve system view from router"))
    if mount.is_auth and mount.type != "token":
        return _by_method(ctx, mount, token)
    ttl_s = token.lease_ttl_s or token.ttl_s
    if not token.role:
        limits = limits_of(mount, token.period_s, token.max_ttl_s, token.explicit_max_ttl_s)
        return _Bounds(ttl_s, limits)
    role = roles.find(ctx.session.view, token.namespace, token.role)
    if role is None:
        gone = f"original token role {quoted(token.role)} could not be found, not renewing"
        raise VaultError(one_error(f"failed to renew entry: {gone}"))
    return _Bounds(ttl_s, limits_of(mount, period_s=role.token_period, explicit_max_s=role.token_explicit_max_ttl))


def _by_method(ctx: SystemContext, mount: Mount, token: Token) -> _Bounds | None:
    """Ask the auth method that gave a token. Raises: VaultError."""
    from vaultctl.core.exchange import method_context
    from vaultctl.framework.login import Renewing

    method = ctx.host.methods.engine(mount.type, mount.options)
    explicit_s = token.explicit_max_ttl_s
    if method.renew is None:
        return _Bounds(token.lease_ttl_s or token.ttl_s, limits_of(mount, token.period_s, token.max_ttl_s, explicit_s))
    try:
        login = method.renew(method_context(ctx, mount), Renewing(token.policies, token.meta or {}))
    except VaultError as error:
        raise VaultError(one_error(f"failed to renew entry: {error}")) from None
    return login and _Bounds(login.ttl_s, limits_of(mount, login.period_s, login.max_ttl_s, explicit_s))


_INCREMENT = {"increment": Field("duration", "For how long from now on; the token's limits may allow less.")}

ENDPOINTS = (
    Endpoint(
        "renew",
        {Operation.UPDATE: renew},
        "Give a token a new end.",
        fields={"token": Field("string", "The token."), **_INCREMENT},
    ),
    Endpoint(
        "renew-self",
        {Operation.UPDATE: renew_self},
        "Give the caller's own token a new end.",
        fields={"token": Field("string", "It is ignored."), **_INCREMENT},
    ),
    Endpoint(
        "renew-accessor",
        {Operation.UPDATE: renew_accessor},
        "Give the token with an accessor a new end; the token itself is not shown.",
        fields={**ACCESSOR, **_INCREMENT},
    ),
)
