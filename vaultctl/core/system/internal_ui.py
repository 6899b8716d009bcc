"""sys/internal/ui/mounts: which mount serves a path. The kv commands ask it before they do anything else."""

from collections.abc import Mapping
from typing import Any

from vaultctl.core.mounts import Mount
from vaultctl.core.pipeline import SystemContext
from vaultctl.core.system.mounts import describe
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import PermissionDenied, VaultError
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


class NoAccess(PermissionDenied):
    """No mount there, or none that this token may know of: the two look alike on purpose."""

    def __init__(self, path: str, *, hint: str = "") -> None:
        VaultError.__init__(
            self,
            "preflight capability check returned 403, please ensure client's policies grant access to path"
            f' "{path.rstrip("/")}/"',
            hint=hint,
        )


def list_mounts(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give all mounts, auth methods apart from secrets engines; without a token only those that anybody may see."""
    table, show = list(ctx.session.mounts), describe
    if ctx.token is None:
        table, show = [m for m in table if m.config.get("listing_visibility") == "unauth"], _outline
    return Response(
        data={
            "auth": {_shown_path(mount): show(mount) for mount in table if mount.is_auth},
            "secret": {_shown_path(mount): show(mount) for mount in table if not mount.is_auth},
        }
    )


def _outline(mount: Mount) -> dict[str, Any]:
    options = None if mount.options is None else dict(mount.options)
    return {"description": mount.description, "options": options, "type": mount.type}


def read_mount(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the mount that serves a path. Raises: NoAccess."""
    mount = ctx.session.mounts.serving(fields["path"])
    if mount is None:
        raise NoAccess(fields["path"])
    if mount.tainted:
        raise NoAccess(fields["path"], hint=f"{mount.path} is being moved; see: vaultctl remount list")
    return Response(data={**describe(mount), "path": _shown_path(mount)})


def _shown_path(mount: Mount) -> str:
    return mount.path[len("auth/") :] if mount.is_auth else mount.path


ENDPOINTS = (
    Endpoint(
        "internal/ui/mounts",
        {Operation.READ: list_mounts},
        "List the mounts that this token has access to.",
        token_optional=True,
    ),
    Endpoint(
        "internal/ui/mounts/{path+}",
        {Operation.READ: read_mount},
        "Tell which mount serves a path.",
        fields={"path": Field("string", "The path of the mount, or one below it.")},
    ),
)
