"""Roles of approle: what a machine may be, and what it takes to be that. Source: OpenBao 2.7.

Stored below the mount: `role/<name>`, and `role_id/<HMAC of the role id>`, which names the role.
"""

import json
import re
import uuid
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

from vaultctl.auth.approle import secrets
from vaultctl.framework import token_fields
from vaultctl.framework.endpoint import Context
from vaultctl.framework.token_fields import TokenTerms
from vaultctl.logical.durations import go_text
from vaultctl.logical.errors import InvalidRequest, UnsupportedPath, VaultError, one_error
from vaultctl.logical.response import EMPTY, Response

PREFIX = "role/"
_BY_ROLE_ID = "role_id/"
_OLDER = ("policies", "period")
_LONGEST_NAME = 4096
_NAME = re.compile(r"\w(([\w.-]+)?\w)?", re.ASCII)
_TRUNCATED = (
    "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will be"
    " truncated"
)


class Role(NamedTuple):
    """One role. Durations are seconds; a secret id without uses or ttl is good for ever."""

    name: str
    role_id: str = ""
    bind_secret_id: bool = True
    local_secret_ids: bool = False
    secret_id_bound_cidrs: tuple[str, ...] | None = None
    secret_id_num_uses: int = 0
    secret_id_ttl: float = 0
    terms: TokenTerms = TokenTerms()

    def __repr__(self) -> str:
        """Name it."""
        return f"Role({self.name})"


def list_roles(ctx: Context, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all roles."""
    names = ctx.storage.list(PREFIX)
    return Response(data={"keys": names}) if names else None


def read_role(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a role, without its id."""
    role = find(ctx, fields)
    if role is None:
        return None
    cidrs = role.secret_id_bound_cidrs
    shown = {
        "bind_secret_id": role.bind_secret_id,
        "local_secret_ids": role.local_secret_ids,
        "secret_id_bound_cidrs": None if cidrs is None else list(cidrs),
        "secret_id_num_uses": role.secret_id_num_uses,
        "secret_id_ttl": int(role.secret_id_ttl),
        **role.terms.show(),
    }
    shown["token_bound_cidrs"] = shown["token_bound_cidrs"] or []
    return Response(data=dict(sorted(shown.items())))


def delete_role(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a role with its secret ids; the tokens live on, and cannot be renewed."""
    role = find(ctx, fields)
    if role:
        secrets.remove_all(ctx, role.name)
        ctx.storage.delete(_BY_ROLE_ID + secrets.fingerprint(ctx, role.role_id))
        ctx.storage.delete(PREFIX + role.name)
    return EMPTY


def write_role(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Make a role, or change what is named of one. Raises: VaultError."""
    old = find(ctx, fields)
    role = old or Role(name_in(fields), terms=token_fields.TokenTerms(token_bound_cidrs=None))
    if len(role.name) > _LONGEST_NAME:
        raise InvalidRequest(f"role_name is longer than maximum of {_LONGEST_NAME} bytes")
    if old and fields.get("local_secret_ids", old.local_secret_ids) != old.local_secret_ids:
        raise InvalidRequest("local_secret_ids can only be modified during role creation")
    terms = token_fields.changed(role.terms, fields)
    role = role._replace(terms=token_fields.with_older(terms, fields, _OLDER))
    role = _with_secret_terms(role, fields)
    if not role.bind_secret_id and not role.secret_id_bound_cidrs and not role.terms.token_bound_cidrs:
        raise VaultError(one_error("at least one constraint should be enabled on the role"))
    _check_period(ctx, role.terms.token_period)
    role_id = fields.get("role_id") or role.role_id or str(uuid.UUID(bytes=ctx.random(16)))
    save(ctx, role, role_id)
    too_long = role.terms.token_max_ttl > ctx.mount.max_lease_ttl_s
    return Response(status=200, warnings=(_TRUNCATED,)) if too_long else EMPTY


def _with_secret_terms(role: Role, fields: Mapping[str, Any]) -> Role:
    given = {
        name: fields[name]
        for name in ("bind_secret_id", "local_secret_ids", "secret_id_num_uses", "secret_id_ttl")
        if name in fields
    }
    check_uses(given.get("secret_id_num_uses", 0))
    cidrs = fields.get("secret_id_bound_cidrs", fields.get("bound_cidr_list"))
    if cidrs is not None:
        try:
            given["secret_id_bound_cidrs"] = blocks(cidrs)
        except InvalidRequest as error:
            raise VaultError(one_error(str(error))) from None
    return role._replace(**given)


def check_uses(num_uses: int) -> None:
    """Refuse a number of uses that is none. Raises: InvalidRequest."""
    if num_uses < 0:
        raise InvalidRequest("secret_id_num_uses cannot be negative")


def blocks(texts: list[str], what: str = "CIDR blocks") -> tuple[str, ...]:
    """Give blocks of addresses, as they were written. Raises: InvalidRequest."""
    for text in texts:
        if "/" not in text or not _is_network(text):
            raise InvalidRequest(f"failed to validate {what}: invalid CIDR address: {text}")
    return tuple(texts)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _check_period(ctx: Context, period_s: float) -> None:
    most_s = ctx.mount.max_lease_ttl_s
    if period_s > most_s:
        period, most = go_text(int(period_s)), go_text(most_s)
        raise InvalidRequest(f'period of "{period}" is greater than the backend\'s maximum lease TTL of "{most}"')


def save(ctx: Context, role: Role, role_id: str) -> None:
    """Store a role with an id, which no other role may have. Raises: VaultError."""
    known = _BY_ROLE_ID + secrets.fingerprint(ctx, role_id)
    owner = ctx.storage.get(known)
    if owner is not None and owner.decode() != role.name:
        raise VaultError(one_error("role_id already in use"))
    if role.role_id and role.role_id != role_id:
        ctx.storage.delete(_BY_ROLE_ID + secrets.fingerprint(ctx, role.role_id))
    record = {**role._asdict(), "role_id": role_id, "terms": role.terms._asdict()}
    del record["name"]
    ctx.storage.put(PREFIX + role.name, json.dumps(record, separators=(",", ":")).encode())
    ctx.storage.put(known, role.name.encode())


def find(ctx: Context, fields: Mapping[str, Any]) -> Role | None:
    """Find the role that a request means. Raises: UnsupportedPath for what is no name."""
    return load(ctx, name_in(fields))


def find_by_role_id(ctx: Context, role_id: str) -> Role | None:
    """Find a role by its id."""
    name = ctx.storage.get(_BY_ROLE_ID + secrets.fingerprint(ctx, role_id))
    return load(ctx, name.decode()) if name else None


def load(ctx: Context, name: str) -> Role | None:
    """Read a role."""
    data = ctx.storage.get(PREFIX + name)
    if data is None:
        return None
    record = json.loads(data)
    cidrs = record.pop("secret_id_bound_cidrs")
    record |= {"terms": token_fields.from_record(record["terms"])}
    return Role(name, secret_id_bound_cidrs=None if cidrs is None else tuple(cidrs), **record)


def name_in(fields: Mapping[str, Any]) -> str:
    """Give the name of the role that a request means. Raises: UnsupportedPath."""
    name: str = fields["role_name"]
    if not _NAME.fullmatch(name):
        raise UnsupportedPath
    return name.lower()


def is_there(ctx: Context, values: Mapping[str, str]) -> bool:
    """Tell whether the role that a request means is there."""
    return find(ctx, values) is not None
