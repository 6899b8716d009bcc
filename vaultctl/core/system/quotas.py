"""sys/quotas: rate limits by name. They are stored and shown, and limit nothing. Source: OpenBao 2.7 for the rest."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from vaultctl.core import quotas
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import Mount
from vaultctl.core.namespaces import ROOT, Namespace
from vaultctl.core.quotas import Config, Quota
from vaultctl.framework.endpoint import ROOT_ONLY, Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, UnsupportedPath
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_NAME = re.compile(r"\w(([\w.-]+)?\w)?", re.ASCII)
_WITH_ROLES = frozenset({"approle", "cert", "jwt", "kubernetes", "oidc"})
"""The types of auth methods that have roles to log in with."""

_SHOWN_AS_INTEGER = 1e21
"""Above this Go shows a number with an exponent."""

_LIMITS_NOTHING = "vaultctl keeps and shows quotas, and limits nothing by them"


def write(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a quota, or write it anew. Raises: InvalidRequest."""
    name, rate = _name(fields), fields.get("rate", 0.0)
    if not rate > 0 or not isfinite(rate):
        raise InvalidRequest("'rate' is invalid")
    namespace, mount, suffix = _place(ctx, fields.get("path", ""))
    role = fields.get("role", "")
    if role:
        _check_role(mount, suffix)
    made = Quota(
        name,
        "" if mount else namespace.id,
        mount.uuid if mount else "",
        suffix,
        role,
        rate,
        int(fields.get("interval", 0)) or 1,
        int(fields.get("block_interval", 0)),
        fields.get("inheritable", mount is None and namespace.is_root),
    )
    for other in quotas.all_of(ctx.session.view):
        if other.name != name and other.is_like(made):
            raise InvalidRequest(f"quota rule with similar properties exists under the name {quoted(other.name)}")
    quotas.save(ctx.session.view, made)
    return Response(status=200, warnings=(_LIMITS_NOTHING,))


def _name(fields: Mapping[str, Any]) -> str:
    name: str = fields["name"]
    if not _NAME.fullmatch(name):
        raise UnsupportedPath
    return name


def _place(ctx: SystemContext, path: str) -> tuple[Namespace, Mount | None, str]:
    """Give the namespace, the mount and what is below it that a path names. Raises: InvalidRequest."""
    path = path.strip("/")
    namespace, rest = ctx.session.namespaces.descend(ROOT, path + "/" if path else "")
    mount = ctx.session.mounts.serving(rest, namespace.id) if rest else None
    if rest and mount is None:
        raise InvalidRequest(f"invalid mount path {quoted(rest)}")
    return namespace, mount, rest[len(mount.path) :].rstrip("/") if mount else ""


def _check_role(mount: Mount | None, suffix: str) -> None:
    if suffix:
        raise InvalidRequest(
            "Quotas cannot contain both a path suffix and a role. If a role is provided, path must be a valid auth"
            " mount with a concept of roles"
        )
    shown = mount.path if mount else ""
    if mount is None or not mount.is_auth:
        raise InvalidRequest(
            f"Mount path {quoted(shown)} is not a valid auth method and therefore unsuitable for use with"
            " role-based quotas"
        )
    if mount.type not in _WITH_ROLES:
        raise InvalidRequest(f"Mount path {quoted(shown)} does not support use with role-based quotas")


def read(ctx: SystemContext, fields: Mapping[str, Any]) -> Response | None:
    """Give a quota, with its path as it is now."""
    found = quotas.find(ctx.session.view, _name(fields))
    if found is None:
        return None
    whole = found.rate.is_integer() and found.rate < _SHOWN_AS_INTEGER
    return Response(
        data={
            "block_interval": found.block_s,
            "inheritable": found.inheritable,
            "interval": found.interval_s,
            "name": found.name,
            "path": quotas.path_of(ctx.session, found),
            "rate": int(found.rate) if whole else found.rate,
            "role": found.role,
            "type": "rate-limit",
        }
    )


def delete(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Remove a quota."""
    quotas.remove(ctx.session.view, _name(fields))
    return EMPTY


def list_names(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response | None:
    """Give the names of all quotas."""
    names = [quota.name for quota in quotas.all_of(ctx.session.view)]
    return Response(data={"keys": names}) if names else None


def read_config(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give what holds for all quotas."""
    return Response(data=dict(sorted(quotas.load_config(ctx.session.view)._asdict().items())))


def write_config(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Write what holds for all quotas; what is not named is off, or empty."""
    config = Config(
        fields.get("rate_limit_exempt_paths", []),
        fields.get("enable_rate_limit_audit_logging", False),
        fields.get("enable_rate_limit_response_headers", False),
    )
    quotas.save_config(ctx.session.view, config)
    return Response(status=200, warnings=(_LIMITS_NOTHING,))


ENDPOINTS = (
    Endpoint(
        "quotas/config",
        {Operation.READ: read_config, Operation.UPDATE: write_config},
        "Read or write what holds for all quotas.",
        "Quotas are kept and shown here, and limit nothing.",
        {
            "rate_limit_exempt_paths": Field("strings", "The paths that no rate limit is for."),
            "enable_rate_limit_audit_logging": Field("bool", "Whether refusals by a quota are audited."),
            "enable_rate_limit_response_headers": Field("bool", "Whether answers tell of the quota in headers."),
        },
        outside_namespaces=ROOT_ONLY,
    ),
    *(
        Endpoint(
            pattern,
            {Operation.LIST: list_names},
            "List the rate limits.",
            outside_namespaces=ROOT_ONLY,
        )
        for pattern in ("quotas/rate-limit", "quotas/rate-limit/")
    ),
    Endpoint(
        "quotas/rate-limit/{name}",
        {Operation.READ: read, Operation.UPDATE: write, Operation.DELETE: delete},
        "Read, write or remove a rate limit.",
        "It is kept and shown, goes with its mount, and limits nothing.",
        {
            "name": Field("string", "The name of the quota."),
            "path": Field("string", "A mount, a path below one, or a namespace; without it all requests are meant."),
            "role": Field("string", "The role that logins are counted of, where the path is that of an auth method."),
            "rate": Field("float", "How many requests there may be in an interval."),
            "interval": Field("duration", "The interval; a second, if nothing is said."),
            "block_interval": Field("duration", "For how long nobody is served who asked too often."),
            "inheritable": Field("bool", "Whether the namespaces inside are meant too."),
            "type": Field("string", "Not looked at: the path says that it is a rate limit."),
        },
        outside_namespaces=ROOT_ONLY,
    ),
)
