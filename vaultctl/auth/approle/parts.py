"""The parts of a role that have paths of their own: read, written and put back one by one. Source: OpenBao 2.7."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vaultctl.auth.approle import roles
from vaultctl.auth.approle.roles import Role
from vaultctl.framework import token_fields
from vaultctl.framework.endpoint import Context, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, UnsupportedPath
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_DEPRECATED = 'The "bound_cidr_list" field is deprecated and will be removed. Please use "{}" instead.'


class _Part(NamedTuple):
    """One part: the path below the role, the field's name and kind, and its older name, if it had one."""

    path: str
    name: str
    field: Field
    older: str = ""
    zero: Any = 0
    is_optional: bool = False


_PARTS = (
    _Part("policies", "token_policies", token_fields.FIELDS["token_policies"], "policies", []),
    _Part("period", "token_period", token_fields.FIELDS["token_period"], "period"),
    _Part("token-ttl", "token_ttl", token_fields.FIELDS["token_ttl"]),
    _Part("token-max-ttl", "token_max_ttl", token_fields.FIELDS["token_max_ttl"]),
    _Part("token-num-uses", "token_num_uses", token_fields.FIELDS["token_num_uses"]),
    _Part(
        "token-bound-cidrs", "token_bound_cidrs", token_fields.FIELDS["token_bound_cidrs"], zero=None, is_optional=True
    ),
    _Part("secret-id-num-uses", "secret_id_num_uses", Field("int", "How often a secret id can be used.")),
    _Part("secret-id-ttl", "secret_id_ttl", Field("duration", "How long a secret id is good.")),
    _Part(
        "secret-id-bound-cidrs",
        "secret_id_bound_cidrs",
        Field("slice", "The blocks of addresses that one can log in from."),
        zero=None,
        is_optional=True,
    ),
)


def read_role_id(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the id of a role."""
    role = roles.find(ctx, fields)
    return role and Response(data={"role_id": role.role_id})


def write_role_id(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give a role another id. Raises: VaultError."""
    role = _known(ctx, fields)
    role_id: str = fields.get("role_id", "")
    if not role_id:
        raise InvalidRequest("missing role_id")
    roles.save(ctx, role, role_id)
    return EMPTY


def read_local_secret_ids(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Tell whether the secret ids of a role stay out of replication."""
    role = roles.find(ctx, fields)
    return role and Response(data={"local_secret_ids": role.local_secret_ids})


def read_bound_cidr_list(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give nothing: the list has another name now."""
    warning = _DEPRECATED.format("secret_id_bound_cidrs")
    return roles.find(ctx, fields) and Response(data={"bound_cidr_list": None}, warnings=(warning,))


def write_bound_cidr_list(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Write the blocks of addresses that one can log in from. Raises: VaultError."""
    role = _known(ctx, fields)
    if not fields.get("bound_cidr_list"):
        raise InvalidRequest("missing bound_cidr_list")
    _save(ctx, role._replace(secret_id_bound_cidrs=roles.blocks(fields["bound_cidr_list"])))
    return EMPTY


def delete_bound_cidr_list(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Let one log in from anywhere."""
    role = roles.find(ctx, fields)
    if role:
        _save(ctx, role._replace(secret_id_bound_cidrs=None))
    return EMPTY


def _reader(part: _Part) -> Callable[[Context, Mapping[str, Any]], Response | None]:
    def read(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
        role = roles.find(ctx, fields)
        if role is None:
            return None
        value = _shown(_value(role, part.name))
        older = {part.older: value} if part.older in role.terms.older else {}
        return Response(data={**older, part.name: value})

    return read


def _writer(part: _Part) -> Callable[[Context, Mapping[str, Any]], Response]:
    def write(ctx: Context, fields: Mapping[str, Any]) -> Response:
        role = _known(ctx, fields)
        if part.name not in fields and part.older not in fields:
            if part.is_optional:
                return EMPTY
            raise InvalidRequest(f"missing {_MISSING.get(part.name, part.name)}")
        _save(ctx, _changed(role, part, fields))
        return EMPTY

    return write


_MISSING = {"token_period": "period"}


def _deleter(part: _Part) -> Callable[[Context, Mapping[str, Any]], Response]:
    def delete(ctx: Context, fields: Mapping[str, Any]) -> Response:
        role = roles.find(ctx, fields)
        if role:
            _save(ctx, _put_back(role, part))
        return EMPTY

    return delete


def _changed(role: Role, part: _Part, fields: Mapping[str, Any]) -> Role:
    value: Any = fields.get(part.name)
    if part.name == "secret_id_bound_cidrs":
        return role._replace(secret_id_bound_cidrs=roles.blocks(fields[part.name]))
    if part.name == "secret_id_num_uses":
        roles.check_uses(fields[part.name])
    if part.name.startswith("secret_id"):
        changed: dict[str, Any] = {part.name: value}
        return role._replace(**changed)
    if part.name == "token_bound_cidrs":
        found = token_fields.addresses(fields[part.name], "failed to parse token_bound_cidrs: ")
        return role._replace(terms=role.terms._replace(token_bound_cidrs=found))
    if part.name == "token_max_ttl" and fields[part.name] < role.terms.token_ttl:
        raise InvalidRequest("token_max_ttl should be greater than or equal to token_ttl")
    terms = token_fields.with_given(role.terms, {part.name: value} if part.name in fields else {})
    older = (part.older,) if part.older else ()
    return role._replace(terms=token_fields.with_older(terms, fields, older))


def _put_back(role: Role, part: _Part) -> Role:
    if part.name.startswith("secret_id"):
        return role._replace(**{part.name: part.zero})
    older = tuple(name for name in role.terms.older if name != part.older)
    zero: dict[str, Any] = {part.name: tuple(part.zero) if isinstance(part.zero, list) else part.zero}
    return role._replace(terms=role.terms._replace(older=older, **zero))


def _value(role: Role, name: str) -> Any:
    return getattr(role, name) if name.startswith("secret_id") else getattr(role.terms, name)


def _shown(value: Any) -> Any:
    return int(value) if isinstance(value, float) else list(value) if isinstance(value, tuple) else value


def _known(ctx: Context, fields: Mapping[str, Any]) -> Role:
    """Give the role that a request means. Raises: UnsupportedPath. Source: OpenBao 2.7, where there is none."""
    role = roles.find(ctx, fields)
    if role is None:
        raise UnsupportedPath
    return role


def _save(ctx: Context, role: Role) -> None:
    roles.save(ctx, role, role.role_id)


def _endpoint(part: _Part, name: Mapping[str, Field]) -> Endpoint:
    fields = {**name, part.name: part.field}
    if part.older:
        fields[part.older] = Field(part.field.kind, f"The older name of {part.name}.")
    return Endpoint(
        f"role/{{role_name}}/{part.path}",
        {Operation.READ: _reader(part), Operation.UPDATE: _writer(part), Operation.DELETE: _deleter(part)},
        f"Read, write or put back a role's {part.name}.",
        fields=fields,
    )


def endpoints(name: Mapping[str, Field]) -> list[Endpoint]:
    """Give the endpoints of all parts; `name` is the field of the role's name."""
    return [
        *(_endpoint(part, name) for part in _PARTS),
        Endpoint(
            "role/{role_name}/bound-cidr-list",
            {
                Operation.READ: read_bound_cidr_list,
                Operation.UPDATE: write_bound_cidr_list,
                Operation.DELETE: delete_bound_cidr_list,
            },
            "The older name of secret-id-bound-cidrs.",
            fields={**name, "bound_cidr_list": Field("slice", "The older name of secret_id_bound_cidrs.")},
        ),
        Endpoint(
            "role/{role_name}/role-id",
            {Operation.READ: read_role_id, Operation.UPDATE: write_role_id},
            "Read or write the id of a role.",
            fields={**name, "role_id": Field("string", "The id; no other role may have it.")},
        ),
        Endpoint(
            "role/{role_name}/local-secret-ids",
            {Operation.READ: read_local_secret_ids},
            "Tell whether the secret ids of a role stay out of replication.",
            fields=name,
        ),
    ]
