"""auth/token/roles: what tokens are like that are made with a role. Source: OpenBao 2.7 for checks and messages."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vaultctl.core import records
from vaultctl.core.exchange import SystemContext
from vaultctl.core.token_store.policies import Rules, sanitised
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.addresses import canonical
from vaultctl.logical.errors import InvalidRequest, UnsupportedPath
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response
from vaultctl.logical.storage import Reading

PREFIX = "core/tokens/role/"
NAME = {"role_name": Field("string", "The name of the role.")}
DEFAULT_SERVICE, DEFAULT_BATCH = "default-service", "default-batch"

_NAME = re.compile(r"\w(([\w.-]+)?\w)?", re.ASCII)
_SUFFIX = re.compile(r"\w[\w.-]+\w", re.ASCII)
_TYPES = ("service", "batch", DEFAULT_SERVICE, DEFAULT_BATCH)


class Role(NamedTuple):
    """One role; durations are seconds. What has two names was set by the older one if that is not its zero."""

    name: str
    orphan: bool = False
    renewable: bool = True
    path_suffix: str = ""
    allowed_policies: Sequence[str] = ()
    disallowed_policies: Sequence[str] = ()
    allowed_policies_glob: Sequence[str] = ()
    disallowed_policies_glob: Sequence[str] = ()
    allowed_entity_aliases: Sequence[str] | None = None
    token_type: str = DEFAULT_SERVICE
    token_no_default_policy: bool = False
    token_num_uses: int = 0
    token_period: float = 0
    period: float = 0
    token_explicit_max_ttl: float = 0
    explicit_max_ttl: float = 0
    token_bound_cidrs: Sequence[str] = ()
    bound_cidrs: Sequence[str] = ()

    @property
    def rules(self) -> Rules:
        """What it says of policies."""
        return Rules(
            self.allowed_policies,
            self.allowed_policies_glob,
            self.disallowed_policies,
            self.disallowed_policies_glob,
            self.token_no_default_policy,
        )


def find(storage: Reading, namespace: str, name: str) -> Role | None:
    """Read a role."""
    record = records.load(storage, f"{PREFIX}{namespace}/{name}")
    return None if record is None else Role(**record)


def check_name(name: str) -> None:
    """Refuse what is no name of a role. Raises: UnsupportedPath."""
    if not _NAME.fullmatch(name):
        raise UnsupportedPath


def list_roles(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all roles."""
    names = ctx.session.view.list(f"{PREFIX}{_namespace(ctx)}/")
    return Response(data={"keys": names}) if names else None


def read_role(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give a role; some of it is shown only where it is set."""
    check_name(fields["role_name"])
    role = find(ctx.session.view, _namespace(ctx), fields["role_name"])
    if role is None:
        return None
    shown = {name: _shown(value) for name, value in role._asdict().items()}
    for name in ("token_bound_cidrs", "bound_cidrs", "token_num_uses"):
        if not shown[name]:
            del shown[name]
    return Response(data=dict(sorted(shown.items())))


def _is_there(ctx: SystemContext, values: Mapping[str, str]) -> bool:
    return find(ctx.session.view, ctx.namespace.id, values["role_name"]) is not None


def _shown(value: Any) -> Any:
    return int(value) if isinstance(value, float) else list(value) if isinstance(value, tuple) else value


def delete_role(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove a role; its tokens live on, and cannot be renewed."""
    check_name(fields["role_name"])
    ctx.session.view.delete(f"{PREFIX}{_namespace(ctx)}/{fields['role_name']}")
    return EMPTY


def write_role(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a role, or change what is named of one. Raises: InvalidRequest."""
    name = fields["role_name"]
    check_name(name)
    if ctx.request.data.get("token_type", "") is None:
        raise InvalidRequest("Invalid 'token_type' value: null")
    role = find(ctx.session.view, _namespace(ctx), name) or Role(name)
    role = _with_plain(role, fields)
    role = _with_token_fields(role, fields)
    role, warnings = _with_older_names(role, fields)
    warnings += _of_max(ctx, role, fields)
    _check_batch(role)
    records.save(ctx.session.view, f"{PREFIX}{_namespace(ctx)}/{name}", role._asdict())
    return Response(status=200, warnings=tuple(warnings)) if warnings else EMPTY


def _namespace(ctx: SystemContext) -> str:
    return ctx.namespace.id


def _distinct(names: list[str]) -> list[str]:
    return sorted({name.strip().lower() for name in names} - {""})


_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "orphan": bool,
    "renewable": bool,
    "path_suffix": str,
    "allowed_policies": sanitised,
    "disallowed_policies": _distinct,
    "allowed_policies_glob": sanitised,
    "disallowed_policies_glob": _distinct,
    "allowed_entity_aliases": _distinct,
}


def _with_plain(role: Role, fields: Mapping[str, Any]) -> Role:
    suffix = fields.get("path_suffix", "")
    if suffix and not _SUFFIX.search(suffix):
        raise InvalidRequest(r"given role path suffix contains invalid characters; must match \w[\w-.]+\w")
    if ".." in suffix:
        raise InvalidRequest("error registering path suffix: path cannot contain parent references")
    return role._replace(**{name: take(fields[name]) for name, take in _PLAIN.items() if name in fields})


def _with_token_fields(role: Role, fields: Mapping[str, Any]) -> Role:
    given: dict[str, Any] = {
        name: fields[name]
        for name in ("token_explicit_max_ttl", "token_period", "token_no_default_policy", "token_num_uses")
        if name in fields
    }
    if "token_bound_cidrs" in fields:
        given["token_bound_cidrs"] = _addresses(fields["token_bound_cidrs"], "error parsing role fields")
    if given.get("token_num_uses", 0) < 0:
        raise InvalidRequest("error parsing role fields: 'token_num_uses' cannot be negative")
    if "token_type" in fields:
        if fields["token_type"] not in _TYPES:
            raise InvalidRequest(f"invalid 'token_type' value {quoted(fields['token_type'])}")
        given["token_type"] = fields["token_type"]
    return role._replace(**given)


def _addresses(texts: list[str], doing: str) -> list[str]:
    try:
        return [canonical(text) for text in texts]
    except ValueError as error:
        raise InvalidRequest(f"{doing}: {error}") from None


def _with_older_names(role: Role, fields: Mapping[str, Any]) -> tuple[Role, list[str]]:
    """Take what is given by its older name, unless the newer one is given too."""
    warnings = []
    changes: dict[str, Any] = {}
    for old, zero in (("period", 0.0), ("bound_cidrs", ()), ("explicit_max_ttl", 0.0)):
        new = "token_" + old
        if new in fields:
            changes[old] = zero
            if old in fields:
                warnings.append(f"Both '{new}' and deprecated '{old}' value supplied, ignoring the deprecated value")
        elif old in fields:
            value = fields[old] if old != "bound_cidrs" else _addresses(fields[old], "error parsing bound_cidrs")
            changes |= {old: value, new: value}
    return role._replace(**changes), warnings


def _of_max(ctx: SystemContext, role: Role, fields: Mapping[str, Any]) -> list[str]:
    explicit_s = role.token_explicit_max_ttl if "token_explicit_max_ttl" in fields else role.explicit_max_ttl
    most_s = ctx.mount.max_lease_ttl_s
    if explicit_s <= most_s:
        return []
    return [
        f"Given explicit max TTL of {int(explicit_s)} is greater than system/mount allowed value of {most_s} seconds;"
        " until this is fixed attempting to create tokens against this role will result in an error"
    ]


def _check_batch(role: Role) -> None:
    if role.token_type != "batch":  # noqa: S105  # the name of a type
        return
    for is_so, what in (
        (not role.orphan, "non-orphan tokens"),
        (role.token_period, "periodic tokens"),
        (role.renewable, "renewable tokens"),
        (role.token_explicit_max_ttl, "tokens with an explicit max TTL"),
    ):
        if is_so:
            raise InvalidRequest(f"'token_type' cannot be 'batch' when role is set to generate {what}")


ENDPOINTS = (
    *(
        Endpoint(pattern, {Operation.LIST: list_roles}, "List the roles that tokens can be made with.")
        for pattern in ("roles", "roles/")
    ),
    Endpoint(
        "roles/{role_name}",
        {Operation.READ: read_role, Operation.UPDATE: write_role, Operation.DELETE: delete_role},
        "Read, write or remove a role, which says what tokens are like that are made with it.",
        "A write changes what it names.",
        {
            **NAME,
            "allowed_policies": Field("slice", "The policies that a token may have; they need not be its parent's."),
            "allowed_policies_glob": Field("slice", "The same, with * for any text."),
            "disallowed_policies": Field("slice", "Policies that no token may have."),
            "disallowed_policies_glob": Field("slice", "The same, with * for any text."),
            "orphan": Field("bool", "Whether the tokens have no parent."),
            "renewable": Field("bool", "Whether the tokens can be renewed."),
            "path_suffix": Field("string", "Stands behind the role's name in the path that tokens are made at."),
            "allowed_entity_aliases": Field("slice", "Names of entity aliases that a token may be made for."),
            "token_type": Field("string", "service, batch, default-service or default-batch."),
            "token_period": Field("duration", "The period that the tokens are renewed by, for ever."),
            "token_explicit_max_ttl": Field("duration", "The longest life of a token, whatever renews it."),
            "token_num_uses": Field("int", "How often a token can be used; 0 for any number."),
            "token_no_default_policy": Field("bool", "Do not give the default policy."),
            "token_bound_cidrs": Field("slice", "The addresses that the tokens can be used from."),
            "period": Field("duration", "The older name of token_period."),
            "explicit_max_ttl": Field("duration", "The older name of token_explicit_max_ttl."),
            "bound_cidrs": Field("slice", "The older name of token_bound_cidrs."),
        },
        exists=_is_there,
    ),
)
