"""sys/internal/ui: which mounts a token may see, which one serves a path, and what the token may do.

The kv commands ask for the mount of a path before they do anything else.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.mounts import Mount
from vaultctl.core.namespaces import ROOT, Namespace
from vaultctl.core.system.mounts import describe
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import BadToken, PermissionDenied, UnsupportedPath, VaultError
from vaultctl.logical.go_text import quoted
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response


class NoAccess(PermissionDenied):
    """No mount there, or none that this token may know of: the two look alike on purpose."""

    def __init__(self, path: str, *, hint: str = "") -> None:
        VaultError.__init__(
            self,
            "preflight capability check returned 403, please ensure client's policies grant access to path "
            + quoted(f"{path.rstrip('/')}/"),
            hint=hint,
        )


def list_mounts(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give all mounts, auth methods apart from secrets engines; without a token only those that anybody may see."""
    table, show = list(ctx.mounts), describe
    if ctx.token is None:
        table, show = [mount for mount in table if anybody_sees(mount)], _outline
    else:
        table = [mount for mount in table if anybody_sees(mount) or may_see(ctx, mount)]
    return Response(
        data={
            "auth": {_shown_path(mount): show(mount) for mount in table if mount.is_auth},
            "secret": {_shown_path(mount): show(mount) for mount in table if not mount.is_auth},
        }
    )


def anybody_sees(mount: Mount) -> bool:
    """Tell whether a mount is shown without a token too."""
    return mount.config.get("listing_visibility") == "unauth"


def may_see(ctx: SystemContext, mount: Mount) -> bool:
    """Tell whether who asks may do anything at or below a mount; without a token, nothing."""
    namespace = ctx.session.namespaces.get(mount.namespace)
    return namespace is not None and _reaches(ctx, namespace, namespace.path + mount.path)


def _reaches(ctx: SystemContext, namespace: Namespace, place: str) -> bool:
    """Tell whether the token may do anything at or below a full path, which lies in this namespace."""
    if ctx.token is None:
        return False
    if ctx.token.is_root and ctx.token.namespace == ROOT.id:
        return True
    from vaultctl.core.policies import admission

    if admission.is_root_in(ctx.session, ctx.token, namespace):
        return True
    return admission.acl_of(ctx.session, ctx.token, ctx.now_ns / 1e9).reaches(place)


def read_acl(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give what the token may do, by path. Source: OpenBao 2.7, which leaves out what has a `+`."""
    if ctx.token is None or ctx.token.is_root:
        return Response(data={"root": True})
    from vaultctl.core.policies import admission

    acl = admission.acl_of(ctx.session, ctx.token, ctx.now_ns / 1e9)
    return Response(
        data={
            "root": False,
            "exact_paths": {path: each.describe() for path, each in sorted(acl.exact.items())},
            "glob_paths": {path: each.describe() for path, each in sorted(acl.prefixes.items())},
        }
    )


def _outline(mount: Mount) -> dict[str, Any]:
    options = None if mount.options is None else dict(mount.options)
    return {"description": mount.description, "options": options, "type": mount.type}


def read_mount(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give the mount that serves a path, to any token that may do something there.

    Raises: BadToken, NoAccess; UnsupportedPath where there is no path, which takes no use of a token either.
    """
    if not fields["path"]:
        raise UnsupportedPath
    if ctx.token is None:
        raise BadToken
    mount = ctx.mounts.serving(fields["path"])
    if mount is None or not may_see(ctx, mount):
        raise NoAccess(fields["path"])
    if mount.tainted:
        raise NoAccess(fields["path"], hint=f"{mount.path} is being moved; see: vaultctl remount list")
    return Response(data={**describe(mount), "path": _path_in(ctx, mount)})


def _path_in(ctx: SystemContext, mount: Mount) -> str:
    """Give a mount's path, which is the full one for a mount of a namespace in this one. Source: OpenBao 2.7."""
    if mount.namespace == ctx.namespace.id:
        return _shown_path(mount)
    namespace = ctx.session.namespaces.get(mount.namespace)
    return (namespace.path if namespace else "") + mount.path


def list_namespaces(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give the paths of the namespaces in this one that the token may do something in. Raises: VaultError, BadToken."""
    if ctx.token is None:
        raise VaultError("client token empty")
    children = [child for child in ctx.session.namespaces.children(ctx.namespace) if _reaches(ctx, child, child.path)]
    keys = [child.path[len(ctx.namespace.path) :] for child in children]
    return Response(data={"keys": keys} if keys else {})


def _shown_path(mount: Mount) -> str:
    return mount.path[len("auth/") :] if mount.is_auth else mount.path


ENDPOINTS = (
    Endpoint("internal/ui/resultant-acl", {Operation.READ: read_acl}, "Tell what this token may do, by path."),
    Endpoint(
        "internal/ui/mounts",
        {Operation.READ: list_mounts},
        "List the mounts that this token has access to.",
        token_optional=True,
    ),
    Endpoint(
        "internal/ui/namespaces",
        {Operation.READ: list_namespaces},
        "List the namespaces in this one that this token has access to.",
        token_optional=True,
    ),
    Endpoint(
        "internal/ui/mounts/{path*}",
        {Operation.READ: read_mount},
        "Tell which mount serves a path.",
        fields={"path": Field("string", "The path of the mount, or one below it.")},
        token_optional=True,
    ),
)
