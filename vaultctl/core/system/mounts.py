"""sys/mounts: the life of a secrets engine's mount: list, enable, read, disable, tune.

Source: the API document of /sys/mounts, and OpenBao 2.7 for defaults, messages and the order of checks.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl import __version__
from vaultctl.core import namespaces
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import Mount
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import paths
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.json_text import Kept
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_UNMOVABLE = ("sys/", "cubbyhole/", "identity/", "auth/token/")
_NO_STATUS = frozenset({"database", "system", "cubbyhole", "identity", "token", "generic"})
RUNNING_VERSION = f"v{__version__}+builtin"
"""The version that every built-in engine runs with."""


def list_mounts(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give every secrets engine by its path."""
    shown = ctx.mounts.keep("shown", lambda table: Kept({m.path: describe(m) for m in table if not m.is_auth}))
    return Response(data=shown)


def read_mount(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give one mount. Raises: InvalidRequest."""
    path = paths.mount_path(fields["path"])
    mount = ctx.mounts.serving(path)
    if mount is None:
        raise InvalidRequest(f"No secret engine mount at {path}")
    return Response(data=describe(mount))


def describe(mount: Mount) -> dict[str, Any]:
    """Give a mount as the API shows it, TTLs as configured (0: the system's)."""
    shown = {
        "accessor": mount.accessor,
        "config": dict(mount.config),
        "description": mount.description,
        "external_entropy_access": mount.external_entropy_access,
        "local": mount.local,
        "options": None if mount.options is None else dict(mount.options),
        "plugin_version": mount.plugin_version,
        "running_plugin_version": RUNNING_VERSION,
        "running_sha256": "",
        "seal_wrap": mount.seal_wrap,
        "type": mount.shown_type,
        "uuid": mount.uuid,
    }
    if mount.type not in _NO_STATUS:
        shown["deprecation_status"] = "supported"
    return shown


def enable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a mount. Raises: InvalidRequest, in OpenBao's order of checks."""
    from vaultctl.core.system import enabling

    return enabling.engine(ctx, fields)


def read_tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a mount's configuration, TTLs as they take effect. Raises: InvalidRequest."""
    from vaultctl.core.system import tuning

    return tuning.read(ctx, {**fields, "path": paths.mount_path(fields["path"])})


def tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change a mount's configuration: all of it, or nothing. Raises: InvalidRequest."""
    from vaultctl.core.system import tuning

    return tuning.write(ctx, {**fields, "path": paths.mount_path(fields["path"])})


def disable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Take a mount away, after its leases with all that it holds; that there is none is no error.

    Raises: InvalidRequest.
    """
    path = paths.mount_path(fields["path"])
    if path in _UNMOVABLE:
        from vaultctl.logical.go_text import quoted

        raise InvalidRequest(f"cannot unmount {quoted(path)}")
    mount = ctx.mounts.at(path)
    if mount is None or mount.is_auth:
        _check_same_namespace(ctx, path)
        return say_where_it_is(ctx, path)
    from vaultctl.core.system import disable as disabling

    return disabling.disable(ctx, mount)


def _check_same_namespace(ctx: SystemContext, path: str) -> None:
    """Refuse to disable a mount from outside its namespace. Raises: InvalidRequest."""
    found = ctx.mounts.serving(path)
    if found and found.namespace != ctx.namespace.id:
        raise InvalidRequest("failed to taint entry in mounts table")


def say_where_it_is(ctx: SystemContext, path: str) -> Response:
    """Warn where the mount that was at a path was moved, and so lives on with all that it holds."""
    from vaultctl.core import jobs

    source = ctx.namespace.path + path
    moved = [job for job in jobs.history(ctx.session.view) if job.params.get("source") == source]
    target = moved[-1].params["target"] if moved and moved[-1].status == jobs.SUCCESS else None
    if target is None or _mount_at(ctx, target) is None:
        return EMPTY
    return Response(
        status=204,
        warnings=(f"nothing was disabled: the mount that was at {path} was moved to {target}, and is there",),
    )


def _mount_at(ctx: SystemContext, full_path: str) -> Mount | None:
    namespace, path = ctx.session.namespaces.descend(namespaces.ROOT, full_path)
    return ctx.session.mounts.at(path, namespace.id)


PATH = {"path": Field("string", 'The path of the mount, for example "team/secrets".')}
TUNE_FIELDS = {
    **PATH,
    "default_lease_ttl": Field("string", "The default lease TTL of this mount; 0 or system for the system's."),
    "max_lease_ttl": Field("string", "The longest lease TTL of this mount; 0 or system for the system's."),
    "description": Field("string", "What this mount is for."),
    "audit_non_hmac_request_keys": Field("slice", "Keys of requests that audit devices show in clear."),
    "audit_non_hmac_response_keys": Field("slice", "Keys of answers that audit devices show in clear."),
    "listing_visibility": Field("string", "Whether the mount is listed without a token: unauth or hidden."),
    "passthrough_request_headers": Field("slice", "Headers of a request that the engine gets to see."),
    "allowed_response_headers": Field("slice", "Headers that the engine may answer with."),
    "options": Field("keypair", "Options of the engine; they are merged, and an empty value removes one."),
    "plugin_version": Field("string", "The version of the engine to run; there are only built-in ones here."),
    "token_type": Field("string", "The type of the tokens that an auth method gives; secrets engines have none."),
    "user_lockout_config": Field("map", "The lockout of users of an auth method; secrets engines have none."),
}

ENABLE_FIELDS = {
    **PATH,
    "type": Field("string", "The type of the engine, for example kv."),
    "description": Field("string", "What this mount is for."),
    "config": Field("map", "default_lease_ttl, max_lease_ttl, force_no_cache and what else can be tuned."),
    "options": Field("keypair", "Options of the engine, for example version=2 for kv."),
    "local": Field("bool", "Keep the mount out of replication. It is stored and shown."),
    "seal_wrap": Field("bool", "Encrypt the mount's secrets with the seal's key too."),
    "external_entropy_access": Field("bool", "Give the engine outside entropy. It is stored and shown."),
    "plugin_name": Field("string", "The engine's name where the type is plugin."),
    "plugin_version": Field("string", "It is ignored: the version is a part of config."),
}

ENDPOINTS = (
    Endpoint("mounts", {Operation.READ: list_mounts}, "List the secrets engines that are enabled.", mirrored=True),
    Endpoint(
        "mounts/{path+}/tune",
        {Operation.READ: read_tune, Operation.UPDATE: tune},
        "Read or change a mount's configuration.",
        "A read gives the TTLs as they take effect. A write changes what it names: all of it, or nothing when one"
        " value is not good.",
        TUNE_FIELDS,
        mirrored=True,
    ),
    Endpoint(
        "mounts/{path+}",
        {Operation.READ: read_mount, Operation.UPDATE: enable, Operation.DELETE: disable},
        "Enable, read or disable a secrets engine.",
        "Disabling an engine removes all that it holds.",
        ENABLE_FIELDS,
        mirrored=True,
    ),
)
