"""sys/auth: the life of an auth method's mount: list, enable, read, disable, tune. All of it needs sudo.

Paths are those below `auth/`. Source: the API document of /sys/auth, and OpenBao 2.7 for messages and the order of
checks.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core.exchange import SystemContext
from vaultctl.core.system import mounts
from vaultctl.core.system.mounts import ENABLE_FIELDS, TUNE_FIELDS, describe
from vaultctl.framework.endpoint import Endpoint
from vaultctl.framework.fields import Field
from vaultctl.logical import paths
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response

_TOKEN = "auth/token/"  # noqa: S105  # a path


def list_methods(ctx: SystemContext, _fields: Mapping[str, Any]) -> Response:
    """Give every auth method by its path."""
    return Response(data={mount.path.removeprefix("auth/"): describe(mount) for mount in ctx.mounts if mount.is_auth})


def read_method(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give one auth method. Raises: InvalidRequest."""
    mount = ctx.mounts.at(_path(fields))
    if mount is None:
        raise InvalidRequest(f"No auth engine at {paths.mount_path(fields['path'])}")
    return Response(data=describe(mount))


def enable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Make a mount. Raises: InvalidRequest."""
    from vaultctl.core.system import enabling

    return enabling.auth_method(ctx, fields)


def disable(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Take an auth method away with all that it holds; its tokens are revoked. Raises: InvalidRequest.

    That there is none is no error.
    """
    path = _path(fields)
    if path == _TOKEN:
        raise InvalidRequest("token credential backend cannot be disabled")
    mount = ctx.mounts.at(path)
    if mount is None:
        return mounts.say_where_it_is(ctx, path)
    from vaultctl.core import lockouts
    from vaultctl.core.system import disable as disabling
    from vaultctl.core.token_store import sweep

    sweep.revoke_source(ctx.session, mount)
    sweep.sweep(ctx.session, 0, sweep.AT_ONCE)
    sweep.go_on(ctx)
    lockouts.forget(ctx.session.view, mount)
    disabling.remove(ctx.session, mount)
    return EMPTY


def read_tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Give a method's configuration, TTLs as they take effect. Raises: InvalidRequest."""
    return mounts.read_tune(ctx, {**fields, "path": _path(fields)})


def tune(ctx: SystemContext, fields: Mapping[str, Any]) -> Response:
    """Change a method's configuration: all of it, or nothing. Raises: InvalidRequest."""
    return mounts.tune(ctx, {**fields, "path": _path(fields)})


def _path(fields: Mapping[str, Any]) -> str:
    return "auth/" + paths.mount_path(fields["path"])


_PATH = {"path": Field("string", 'The path of the auth method below auth/, for example "userpass".')}

ENDPOINTS = (
    Endpoint(
        "auth", {Operation.READ: list_methods}, "List the auth methods that are enabled.", sudo=True, mirrored=True
    ),
    Endpoint(
        "auth/{path+}/tune",
        {Operation.READ: read_tune, Operation.UPDATE: tune},
        "Read or change the configuration of an auth method.",
        "A read gives the TTLs as they take effect. A write changes what it names: all of it, or nothing when one"
        " value is not good.",
        {
            **TUNE_FIELDS,
            **_PATH,
            "token_type": Field("string", "The type of the tokens: service, batch, default-service or default-batch."),
            "user_lockout_config": Field(
                "map",
                "lockout_threshold, lockout_duration, lockout_counter_reset_duration and lockout_disable: how many"
                " failed logins lock a user out, and for how long.",
            ),
        },
        sudo=True,
        mirrored=True,
    ),
    Endpoint(
        "auth/{path+}",
        {Operation.READ: read_method, Operation.UPDATE: enable, Operation.DELETE: disable},
        "Enable, read or disable an auth method.",
        "Disabling a method removes all that it holds, and revokes the tokens that it gave.",
        {
            **ENABLE_FIELDS,
            **_PATH,
            "type": Field("string", "The type of the method, for example userpass."),
            "config": Field("map", "default_lease_ttl, max_lease_ttl, token_type and what else can be tuned."),
            "options": Field("keypair", "Options of the method."),
        },
        sudo=True,
        mirrored=True,
    ),
)
