"""Logging in with approle: the id of a role, and a secret id where the role asks for one. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

from vaultctl.auth.approle import roles, secrets
from vaultctl.auth.approle.roles import Role
from vaultctl.auth.approle.secrets import SecretId
from vaultctl.framework.endpoint import Context
from vaultctl.framework.login import Login, Refused, Renewing
from vaultctl.logical import addresses
from vaultctl.logical.errors import VaultError
from vaultctl.logical.go_text import quoted

_WRONG = "invalid role or secret ID"


def alias_of(_ctx: Context, fields: Mapping[str, Any]) -> str:
    """Name who wants to log in: the role's id. Raises: VaultError."""
    role_id = _trimmed(fields, "role_id")
    if not role_id:
        raise VaultError("missing role_id")
    return role_id


def _trimmed(fields: Mapping[str, Any], name: str) -> str:
    text: str = fields.get(name, "")
    return text.strip()


def prove(ctx: Context, fields: Mapping[str, Any]) -> Login:
    """Tell which role it is. Raises: Refused. Side effects: a secret id's use, which is taken even then."""
    role = roles.find_by_role_id(ctx, _trimmed(fields, "role_id"))
    if role is None:
        raise Refused(_WRONG)
    found = _proven(ctx, role, _trimmed(fields, "secret_id")) if role.bind_secret_id else None
    _check_source(ctx, role.secret_id_bound_cidrs or (), "by CIDR restrictions on the role")
    meta = {**(found.meta if found else {}), "role_name": role.name}
    login = role.terms.login(ctx.request)._replace(alias=role.role_id, alias_meta=meta, meta=meta)
    if found and found.token_bound_cidrs:
        login = login._replace(bound_cidrs=found.token_bound_cidrs)
    return login


def _proven(ctx: Context, role: Role, text: str) -> SecretId:
    """Give the secret id, with a use taken from it. Raises: Refused."""
    if not text:
        raise Refused("missing secret_id")
    found = secrets.find(ctx, role.name, text)
    if found is None:
        raise Refused(_WRONG, counts=True)
    secrets.use(ctx, found)
    _check_source(ctx, found.cidr_list, "through CIDR restrictions on the secret ID")
    return found


def _check_source(ctx: Context, cidrs: tuple[str, ...], by: str) -> None:
    if cidrs and not addresses.allow(cidrs, ctx.request.remote_addr):
        source = ctx.request.remote_addr or "127.0.0.1"
        raise Refused(f"source address {quoted(source)} unauthorized {by}")


def renew(ctx: Context, token: Renewing) -> Login:
    """Give the terms of a token anew, of a role that is still there. Raises: VaultError."""
    name = token.meta.get("role_name", "")
    role = roles.load(ctx, name)
    if role is None:
        raise VaultError(f"role {quoted(name)} does not exist during renewal")
    return role.terms.login(ctx.request)
