"""Secret ids of approle: given out, looked up and destroyed. Source: OpenBao 2.7 for messages and statuses."""

import json
import uuid
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from vaultctl.auth.approle import roles, secrets
from vaultctl.auth.approle.roles import Role
from vaultctl.auth.approle.secrets import SecretId
from vaultctl.framework import token_fields
from vaultctl.framework.endpoint import Context
from vaultctl.framework.fields import go_value
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound, VaultError, one_error
from vaultctl.logical.go_text import quoted
from vaultctl.logical.response import EMPTY, Response

_NEVER = "0001-01-01T00:00:00Z"
_TIDYING = (
    "Tidy operation successfully started. Any information from the operation will be printed to OpenBao's server logs."
)


class _Unknown(VaultError):
    """What a path or an accessor names is not there."""

    status = 404


class _NotOfThisRole(VaultError):
    """A secret id's accessor is that of another role."""

    status = 403


def generate(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a role a secret id that nobody else knows. Raises: VaultError."""
    return _made(ctx, fields, str(uuid.UUID(bytes=ctx.random(16))))


def store_custom(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a role a secret id that was chosen elsewhere. Raises: VaultError."""
    return _made(ctx, fields, _given(fields, "secret_id"))


def list_accessors(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the accessors of a role's secret ids. Raises: InvalidRequest."""
    found = secrets.accessors(ctx, _role(ctx, fields, InvalidRequest).name)
    return Response(data={"keys": found}) if found else None


def look_up(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Tell of a secret id. Raises: VaultError."""
    text = _given(fields, "secret_id")
    found = secrets.find(ctx, _role(ctx, fields).name, text)
    return found and Response(data=_described(found))


def look_up_accessor(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Tell of the secret id with an accessor, and not what it is. Raises: VaultError."""
    accessor = _given(fields, "secret_id_accessor")
    role = _role(ctx, fields)
    found = secrets.find_by_accessor(ctx, accessor)
    if found is None:
        raise NotFound(data={"error": _no_accessor(accessor)})
    return Response(data=_described(found)) if found.role == role.name else None


def destroy(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a secret id; that there is none is no error. Raises: VaultError."""
    text = _given(fields, "secret_id")
    found = secrets.find(ctx, _role(ctx, fields).name, text)
    if found:
        secrets.remove(ctx, found)
    return EMPTY


def destroy_accessor(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove the secret id with an accessor. Raises: VaultError."""
    accessor = _given(fields, "secret_id_accessor")
    role = _role(ctx, fields)
    found = secrets.find_by_accessor(ctx, accessor)
    if found is None:
        raise VaultError(one_error(_no_accessor(accessor)))
    if found.role != role.name:
        raise _NotOfThisRole("invalid secret id accessor")
    secrets.remove(ctx, found)
    return EMPTY


def tidy(ctx: Context, _fields: Mapping[str, Any]) -> Response:
    """Remove all secret ids that have expired."""
    secrets.remove_expired(ctx)
    return Response(status=202, warnings=(_TIDYING,))


def _made(ctx: Context, fields: Mapping[str, Any], text: str) -> Response:
    role = _role(ctx, fields, _Unknown, quoted='role "{}" does not exist')
    if not role.bind_secret_id:
        raise InvalidRequest("bind_secret_id is not set on the role")
    cidr_list = _within(fields.get("cidr_list", []), role.secret_id_bound_cidrs)
    token_cidrs = _within(fields.get("token_bound_cidrs", []), role.terms.token_bound_cidrs, "token CIDR blocks")
    made = secrets.make(
        ctx,
        role.name,
        text,
        num_uses=_uses(role, fields),
        ttl_s=min(_ttl_s(role, fields), ctx.mount.max_lease_ttl_s),
        meta=_metadata(fields.get("metadata", "")),
        cidr_list=cidr_list,
        token_bound_cidrs=token_fields.addresses(token_cidrs),
    )
    if made is None:
        raise VaultError(one_error("failed to store secret_id: SecretID is already registered"))
    return Response(
        data={
            "secret_id": text,
            "secret_id_accessor": made.accessor,
            "secret_id_num_uses": made.num_uses,
            "secret_id_ttl": int(made.ttl_s),
        }
    )


def _within(texts: list[str], outer: tuple[str, ...] | None, what: str = "CIDR blocks") -> tuple[str, ...]:
    """Give blocks that lie within those of the role, if it has any. Raises: VaultError."""
    try:
        found = roles.blocks(texts, what)
    except InvalidRequest as error:
        raise VaultError(one_error(str(error))) from None
    allowed = [ip_network(text, strict=False) for text in outer or ()]
    for text in found if allowed else ():
        inner = ip_network(text, strict=False)
        if not any(inner.version == each.version and inner.subnet_of(each) for each in allowed):  # type: ignore[arg-type]
            raise VaultError(
                one_error(
                    "failed to verify subset relationship between CIDR blocks on the role"
                    f" [{_quoted(outer or ())}] and CIDR blocks on the secret ID [{_quoted(found)}]"
                )
            )
    return found


def _quoted(texts: tuple[str, ...]) -> str:
    return " ".join(quoted(text) for text in texts)


def _uses(role: Role, fields: Mapping[str, Any]) -> int:
    if "num_uses" not in fields:
        return role.secret_id_num_uses
    num_uses: int = fields["num_uses"]
    if num_uses < 0:
        raise InvalidRequest("num_uses cannot be negative")
    if role.secret_id_num_uses and not 0 < num_uses <= role.secret_id_num_uses:
        raise InvalidRequest("num_uses cannot be higher than the role's secret_id_num_uses")
    return num_uses


def _ttl_s(role: Role, fields: Mapping[str, Any]) -> float:
    if "ttl" not in fields:
        return role.secret_id_ttl
    ttl_s: float = fields["ttl"]
    if role.secret_id_ttl and not 0 < ttl_s <= role.secret_id_ttl:
        raise InvalidRequest("ttl cannot be longer than the role's secret_id_ttl")
    return ttl_s


def _metadata(text: str) -> dict[str, str]:
    """Read metadata: a JSON object of texts, or key=value pairs with commas between. Raises: InvalidRequest."""
    try:
        found = json.loads(text) if text.strip() else {}
        if isinstance(found, dict):
            return {key: value if isinstance(value, str) else go_value(value) for key, value in found.items()}
    except ValueError:
        pass
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(equals and key.strip() for key, equals, _ in pairs):
        raise InvalidRequest("failed to parse metadata: failed to parse the input: invalid <key,value> format")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _role(
    ctx: Context,
    fields: Mapping[str, Any],
    error: type[VaultError] = VaultError,
    quoted: str = 'role "{}" does not exist',
) -> Role:
    role = roles.find(ctx, fields)
    if role is None:
        text = quoted.format(roles.name_in(fields))
        raise error(text if error is not VaultError else one_error(text))
    return role


def _given(fields: Mapping[str, Any], name: str) -> str:
    value: str = fields.get(name, "")
    if not value:
        raise InvalidRequest(f"missing {name}")
    return value


def _no_accessor(accessor: str) -> str:
    return f"failed to find accessor entry for secret_id_accessor: {quoted(accessor)}"


def _described(found: SecretId) -> dict[str, Any]:
    return {
        "cidr_list": list(found.cidr_list),
        "creation_time": rfc3339(found.created_ns),
        "expiration_time": rfc3339(found.expires_ns) if found.expires_ns else _NEVER,
        "last_updated_time": rfc3339(found.updated_ns),
        "metadata": dict(found.meta),
        "secret_id_accessor": found.accessor,
        "secret_id_num_uses": found.num_uses,
        "secret_id_ttl": int(found.ttl_s),
        "token_bound_cidrs": list(found.token_bound_cidrs),
    }
