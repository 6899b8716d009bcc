"""sys/locked-users: who is locked out of an auth method, and how to let them in again. Source: OpenBao 2.7."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import lockouts
from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import Mount
from vaultctl.core.namespaces import Namespace
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import UnsupportedPath
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def list_locked(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Count and name the users that are locked out, by namespace and mount."""
    accessor = fields.get("mount_accessor", "")
    spaces = [ctx.namespace, *ctx.session.namespaces.below(ctx.namespace)]
    found = [_of_namespace(ctx, space, accessor) for space in spaces if not accessor or space is ctx.namespace]
    found = [space for space in found if space["counts"] or accessor]
    return Response(data={"by_namespace": found, "total": sum(space["counts"] for space in found)})


def _of_namespace(ctx: SystemContext, space: Namespace, accessor: str) -> dict[str, Any]:
    mounts = [mount for mount in ctx.session.mounts.within(space.id) if mount.is_auth]
    names = {mount.accessor: _locked(ctx, mount) for mount in mounts if accessor in ("", mount.accessor)}
    if accessor:
        names.setdefault(accessor, [])
    rows = [
        {"mount_accessor": each, "counts": len(users), "alias_identifiers": users or None}
        for each, users in names.items()
        if users or accessor
    ]
    return {
        "namespace_id": space.id,
        "namespace_path": space.path,
        "counts": sum(map(len, names.values())),
        "mount_accessors": rows,
    }


def _locked(ctx: SystemContext, mount: Mount) -> list[str]:
    return sorted(lockouts.locked(ctx.session.view, mount, ctx.now_ns))


def unlock(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Let a user in again; that nobody is locked out is no error. Raises: UnsupportedPath."""
    accessor, slash, alias = fields["user"].partition("/unlock/")
    if not slash or not alias or "/" in accessor:
        raise UnsupportedPath
    for mount in ctx.mounts:
        if mount.is_auth and mount.accessor == accessor:
            lockouts.unlock(ctx.session.view, mount, alias)
    return EMPTY


ENDPOINTS = (
    Endpoint(
        "locked-users",
        {Operation.READ: list_locked},
        "List the users that are locked out of an auth method.",
        fields={"mount_accessor": Field("string", "The accessor of the one mount to tell of.")},
    ),
    Endpoint(
        "locked-users/{user+}",
        {Operation.UPDATE: unlock},
        "Let a user that is locked out in again.",
        "The path goes on with the accessor of the auth method, /unlock/, and the user's name in it.",
        {"user": Field("string", "<mount accessor>/unlock/<name>")},
    ),
)
