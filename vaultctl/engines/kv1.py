"""kv version 1: one value a path, no history. Source: OpenBao 2.7.

Stored below the mount as `data/<path>`, the JSON of the fields that were written.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.framework.endpoint import Context, Endpoint, Engine
from vaultctl.logical import durations, json_text
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY, Lease, Response
from vaultctl.logical.storage import scan

DATA = "data/"


def read(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give what is stored at a path."""
    path = fields["path"].strip("/")
    stored = ctx.storage.get(DATA + path) if path else None
    if stored is None:
        return None
    data = json_text.loads(stored)
    return Response(data=data, lease=Lease(_lease_s(data, ctx.mount.default_lease_ttl_s)))


def write(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store the request's data in the place of what was there. Raises: InvalidRequest."""
    path = fields["path"].strip("/")
    if not path:
        raise InvalidRequest("missing path")
    if not ctx.request.data:
        raise InvalidRequest("missing data fields")
    ctx.storage.put(DATA + path, json_text.dumps(dict(ctx.request.data)).encode())
    return EMPTY


def delete(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove what is stored at a path, if anything is."""
    path = fields["path"].strip("/")
    if path:
        ctx.storage.delete(DATA + path)
    return EMPTY


def list_keys(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the keys and folders directly below a path."""
    folder = fields["path"].strip("/")
    keys = ctx.storage.list(DATA + (folder + "/" if folder else ""))
    return Response(data={"keys": keys}) if keys else None


def scan_keys(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give all keys below a path, however deep. Source: OpenBao 2.7, which finds nothing with 200."""
    folder = fields["path"].strip("/")
    keys = scan(ctx.storage, DATA + (folder + "/" if folder else ""))
    return Response(data={"keys": keys} if keys else {})


def _is_there(ctx: Context, values: Mapping[str, str]) -> bool:
    """Tell whether anything is stored at a path."""
    path = values["path"].strip("/")
    return bool(path) and ctx.storage.get(DATA + path) is not None


def _lease_s(data: Mapping[str, Any], default_s: int) -> int:
    """Give the duration that the stored data asks for in `ttl`, else in `lease`, where it can be read as one."""
    value = data["ttl"] if "ttl" in data else data.get("lease", default_s)
    if value is None or value == "":
        return 0
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return durations.whole(str(value))
        except durations.DurationError:
            pass
    return default_s


ENGINE = Engine(
    type="kv",
    endpoints=(
        Endpoint(
            "{path*}",
            {
                Operation.READ: read,
                Operation.LIST: list_keys,
                Operation.SCAN: scan_keys,
                Operation.UPDATE: write,
                Operation.DELETE: delete,
            },
            "Read, write, list, scan and delete secrets by path.",
            "A write replaces all fields of a path.",
            exists=_is_there,
        ),
    ),
    help="Keeps secrets by path, one version of each.",
    seal_wrapped=lambda _key: True,
)
