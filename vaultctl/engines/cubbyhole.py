"""cubbyhole: a place of its own for each token, gone with the token. Source: OpenBao 2.7.

Stored below the mount as `<the caller's id>/<path>`, the JSON of the fields that were written. What is below an id goes
when the token is revoked; the core sees to that.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.framework.endpoint import Context, Endpoint, Engine
from vaultctl.framework.fields import Field
from vaultctl.logical import json_text
from vaultctl.logical.errors import InvalidRequest, one_error
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Response


def read(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give what the token has stored at a path. Raises: InvalidRequest without a path."""
    own = _own(ctx)
    stored = ctx.storage.get(own + _path(fields))
    return None if stored is None else Response(data=json_text.loads(stored))


def write(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store the request's data in the place of what was there. Raises: InvalidRequest."""
    own, path = _own(ctx), _path(fields)
    if not ctx.request.data:
        raise InvalidRequest(one_error("missing data fields"))
    ctx.storage.put(own + path, json_text.dumps(dict(ctx.request.data)).encode())
    return EMPTY


def delete(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove what the token has stored at a path, if anything is."""
    ctx.storage.delete(_own(ctx) + fields["path"].strip("/"))
    return EMPTY


def list_keys(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the keys and folders directly below a path."""
    folder = fields["path"].strip("/")
    keys = ctx.storage.list(_own(ctx) + (folder + "/" if folder else ""))
    return Response(data={"keys": keys}) if keys else None


def _is_there(ctx: Context, values: Mapping[str, str]) -> bool:
    """Tell whether the token has stored anything at a path. Raises: InvalidRequest for one that can store nothing."""
    path = values["path"].strip("/")
    return bool(path) and ctx.storage.get(_own(ctx) + path) is not None


def _own(ctx: Context) -> str:
    """Give the folder of the token. Raises: InvalidRequest for one that has none."""
    if ctx.caller is None or ctx.caller.type != "service":
        raise InvalidRequest("cubbyhole operations are only supported by 'service' type tokens")
    return ctx.caller.id + "/"


def _path(fields: Mapping[str, Any]) -> str:
    """Give the path. Raises: InvalidRequest. Source: OpenBao 2.7, whose words these are, with a status of 500."""
    path: str = fields["path"].strip("/")
    if not path:
        raise InvalidRequest(one_error("missing path"))
    return path


ENGINE = Engine(
    type="cubbyhole",
    endpoints=(
        Endpoint(
            "{path*}",
            {
                Operation.READ: read,
                Operation.LIST: list_keys,
                Operation.UPDATE: write,
                Operation.DELETE: delete,
            },
            "Read, write, list and delete secrets that only this token sees.",
            "Each token sees what it stored itself, and nothing else. When it is revoked, all of that is removed.",
            {"path": Field("string", "Where the secret is.")},
            exists=_is_there,
        ),
    ),
    help="Keeps secrets for one token alone, as long as that token lives.",
)
