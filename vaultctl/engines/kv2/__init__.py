"""kv version 2: every write is a version, and the last ten are kept. Source: OpenBao 2.7.

What is stored is in `record`, handlers of a secret's data in `data`, of all else in `metadata`. A mount that was of
version 1 answers nothing until each of its entries is converted.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.engines.kv2 import data
from vaultctl.engines.kv2.record import VERSIONS, convert_from_version_1, load
from vaultctl.framework.endpoint import Context, Endpoint, Engine, Exists, Handler, Upgrade
from vaultctl.framework.fields import Field
from vaultctl.logical.errors import InvalidRequest, NotFound, UnsupportedOperation
from vaultctl.logical.request import Operation
from vaultctl.logical.response import Response

_UPGRADING = (
    "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will"
    " resume service shortly."
)
_GO_ON = "if no other command works on it, go on with: vaultctl kv enable-versioning PATH"
_WRONG_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use."
    " If using the OpenBao CLI, use 'bao kv {verb}' for this operation."
)
_ROOT = "Non-listing operations on the root of a K/V v2 mount are not supported."
_ROOTS = frozenset({"data", "metadata", "delete", "undelete", "destroy"})
_UNLISTED = frozenset({"data", "subkeys", "delete", "undelete", "destroy"})
_VERBS = {Operation.READ: "get", Operation.UPDATE: "put"}


def wrong_path(ctx: Context, _fields: Mapping[str, Any]) -> Response:
    """Say that a path lacks `data/` or `metadata/`, which people forget. Raises: NotFound, always."""
    operation = ctx.request.operation
    if ctx.request.path[len(ctx.mount.path) :] in _ROOTS:
        raise NotFound(warnings=(_ROOT,))
    raise NotFound(warnings=(_WRONG_PATH.format(verb=_VERBS.get(operation, operation.value)),))


def wrong_listing(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Say that this cannot be listed. Raises: UnsupportedOperation, NotFound."""
    if ctx.request.path[len(ctx.mount.path) :] in _UNLISTED:
        raise UnsupportedOperation
    return wrong_path(ctx, fields)


def _is_there(ctx: Context, values: Mapping[str, str]) -> bool:
    """Tell whether anything is known of a path, deleted or not."""
    return load(ctx.storage, values["path"].strip("/")) is not None


def _ready(handler: Handler) -> Handler:
    """Give a handler that answers nothing while entries of version 1 are left."""

    def answer(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
        if ctx.mount.upgrading:
            raise InvalidRequest(_UPGRADING, hint=_GO_ON)
        return handler(ctx, fields)

    return answer


def _of_metadata(name: str) -> Handler:
    """Give a handler of `metadata`, which is imported when one of them is asked: to read a secret none is needed."""

    def answer(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
        from vaultctl.engines.kv2 import metadata

        handler: Handler = getattr(metadata, name)
        return handler(ctx, fields)

    return answer


def _endpoint(
    pattern: str,
    handlers: Mapping[Operation, Handler],
    synopsis: str,
    description: str = "",
    fields: Mapping[str, Field] = {},
    *,
    exists: Exists | None = None,
) -> Endpoint:
    ready = {operation: _ready(handler) for operation, handler in handlers.items()}
    fields = {**_PATH, **fields} if "{" in pattern else fields
    return Endpoint(pattern, ready, synopsis, description, fields, exists=exists)


_PATH = {"path": Field("string", "Where the secret is.")}
_NOT_LISTED = {
    Operation.READ: wrong_path,
    Operation.UPDATE: wrong_path,
    Operation.PATCH: wrong_path,
    Operation.DELETE: wrong_path,
}
_LISTED = {Operation.LIST: _of_metadata("list_keys"), Operation.SCAN: _of_metadata("scan_keys")}
_DETAILED = {Operation.LIST: _of_metadata("list_detailed"), Operation.SCAN: _of_metadata("scan_detailed")}
_PAGE = {
    "after": Field("string", "A listing begins behind this name, which need not be there."),
    "limit": Field("int", "A listing has no more names than this; without it, or with 0, it has all."),
}
_SETTINGS = {
    "max_versions": Field("int", "How many versions are kept; 0 is what the mount says, and that is 10."),
    "cas_required": Field("bool", "Whether each write must say which version is the newest one now."),
    "metadata_cas_required": Field("bool", "Whether each write of metadata must say which one is the newest now."),
}
_VERSION = {"version": Field("int", "The version to read; the newest one by default.")}

ENGINE = Engine(
    type="kv",
    endpoints=(
        _endpoint(
            "data/{path*}",
            {
                Operation.READ: data.read,
                Operation.UPDATE: data.write,
                Operation.PATCH: data.patch,
                Operation.DELETE: data.delete,
            },
            "Read, write, patch or delete a secret.",
            "Each write makes a version. A read gives the newest one, or the one that it names. A patch, of type"
            " application/merge-patch+json, is laid over the newest one. A delete marks the newest one; its data stays"
            " until it is destroyed.",
            {
                "data": Field("map", "The secret's own keys and values."),
                "options": Field("map", "cas: the version that must be the newest one now; 0 for none at all."),
                **_VERSION,
            },
            exists=_is_there,
        ),
        _endpoint(
            "metadata/{path*}",
            {
                **_LISTED,
                Operation.READ: _of_metadata("read"),
                Operation.UPDATE: _of_metadata("write"),
                Operation.PATCH: _of_metadata("patch"),
                Operation.DELETE: _of_metadata("delete"),
            },
            "Read, change or delete what is known of a secret, or list secrets.",
            "A write changes what it names; custom_metadata is replaced as a whole, and a patch merges it. A delete"
            " removes the secret with all its versions. A scan lists folders too.",
            {
                **_SETTINGS,
                **_PAGE,
                "delete_version_after": Field("duration", "How long a version lives; 0 is what the mount says."),
                "custom_metadata": Field("map", "Up to 64 texts by key, for people's own use."),
                "metadata_cas": Field("int", "The metadata's own version that must be the newest one now."),
            },
            exists=_is_there,
        ),
        _endpoint(
            "delete/{path*}",
            {Operation.UPDATE: data.delete_versions},
            "Mark versions of a secret as deleted.",
            "They are no longer read, and can be brought back.",
            {"versions": Field("ints", "The versions to delete.")},
        ),
        _endpoint(
            "undelete/{path*}",
            {Operation.UPDATE: data.undelete_versions},
            "Bring deleted versions of a secret back.",
            fields={"versions": Field("ints", "The versions to bring back.")},
        ),
        _endpoint(
            "destroy/{path*}",
            {Operation.UPDATE: data.destroy_versions},
            "Remove the data of versions of a secret for good.",
            fields={"versions": Field("ints", "The versions to destroy.")},
        ),
        _endpoint(
            "subkeys/{path*}",
            {Operation.READ: data.read_subkeys},
            "Read the keys of a secret without their values.",
            fields={**_VERSION, "depth": Field("int", "How deep to look; 0, the default, has no limit.")},
        ),
        _endpoint("detailed-metadata/{path*}", _DETAILED, "List secrets with what is known of each.", fields=_PAGE),
        _endpoint(
            "config",
            {
                Operation.READ: _of_metadata("read_config"),
                Operation.UPDATE: _of_metadata("write_config"),
                Operation.LIST: wrong_path,
                Operation.SCAN: wrong_path,
            },
            "Read or change the settings of the mount.",
            "A path's own settings stand beside them: of two max_versions the larger counts, of two durations the"
            " shorter, and cas is required if either says so.",
            {
                **_SETTINGS,
                "delete_version_after": Field("signed_duration", "How long a version lives; below 0 forever."),
            },
        ),
        _endpoint("metadata", {**_NOT_LISTED, **_LISTED}, "List secrets.", fields=_PAGE),
        _endpoint("detailed-metadata", {**_NOT_LISTED, **_DETAILED}, "List secrets with what is known.", fields=_PAGE),
        Endpoint(
            "{path*}",
            {**_NOT_LISTED, Operation.LIST: wrong_listing, Operation.SCAN: wrong_listing},
            "Paths of this engine begin with data/, metadata/ and their like.",
        ),
    ),
    help="Keeps secrets by path, with their former versions.",
    seal_wrapped=lambda key: key.startswith(VERSIONS),
    upgrade=Upgrade("data/", convert_from_version_1),
)
