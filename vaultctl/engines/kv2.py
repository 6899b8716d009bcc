"""kv version 2: every write is a version, and the last ten are kept. Source: OpenBao 2.7.

Stored below the mount:

    metadata/<path>               the path's record: its versions, when each was made, deleted or destroyed
    versions/<path>/<number>      the JSON of one version's data
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.framework.endpoint import Context, Endpoint, Engine
from vaultctl.framework.fields import Field, convert
from vaultctl.logical import json_text
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.request import READING, Operation
from vaultctl.logical.response import EMPTY, Response
from vaultctl.logical.storage import Storage

METADATA = "metadata/"
VERSIONS = "versions/"
DEFAULT_MAX_VERSIONS = 10

_WRONG_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use."
    " If using the OpenBao CLI, use 'bao kv {verb}' for this operation."
)
_ROOT_OF_DATA = "Non-listing operations on the root of a K/V v2 mount are not supported."


class Version(NamedTuple):
    """One version in a record. Times are RFC 3339; a `deletion_time` of "" is none."""

    created_time: str
    deletion_time: str = ""
    destroyed: bool = False

    def is_gone(self, now: str) -> bool:
        """Tell whether its data is not to be had: deleted, or destroyed."""
        return self.destroyed or (bool(self.deletion_time) and self.deletion_time <= now)


class Record(NamedTuple):
    """What is known of a path besides its data. `versions` is by number."""

    created_time: str
    updated_time: str
    current_version: int
    oldest_version: int
    versions: Mapping[int, Version]
    max_versions: int = 0
    cas_required: bool = False
    metadata_cas_required: bool = False
    current_metadata_version: int = 0
    delete_version_after: str = "0s"
    custom_metadata: Mapping[str, str] | None = None

    def keep(self) -> int:
        """Give how many versions are kept."""
        return self.max_versions or DEFAULT_MAX_VERSIONS


def read_data(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a version's data, the newest one's by default. Raises: NotFound with a body for a deleted version."""
    path = _path(fields)
    record = load(ctx.storage, path)
    if record is None:
        return None
    number = fields["version"] if fields.get("version", 0) > 0 else record.current_version
    version = record.versions.get(number)
    if version is None:
        return None
    metadata = _version_metadata(record, number)
    if version.is_gone(rfc3339(ctx.now_ns)):
        raise NotFound(data={"data": None, "metadata": metadata})
    stored = ctx.storage.get(_version_key(path, number))
    return Response(data={"data": None if stored is None else json_text.loads(stored), "metadata": metadata})


def write_data(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store a new version, and let the oldest go when there are too many. Raises: InvalidRequest."""
    path = _path(fields)
    if fields.get("data") is None or "data" not in ctx.request.data:
        raise InvalidRequest("no data provided")
    now = rfc3339(ctx.now_ns)
    record = load(ctx.storage, path) or Record(now, now, 0, 0, {})
    _check_cas(record, fields.get("options", {}))
    number = record.current_version + 1
    kept = {**record.versions, number: Version(now)}
    for old in sorted(kept)[: max(0, len(kept) - record.keep())]:
        ctx.storage.delete(_version_key(path, old))
        del kept[old]
    given = None if ctx.request.data["data"] is None else fields["data"]
    data = json_text.dumps(given).encode()
    ctx.storage.put(_version_key(path, number), data)
    oldest = min(kept) if len(kept) == record.keep() and min(kept) > 1 else record.oldest_version
    record = record._replace(versions=kept, current_version=number, oldest_version=oldest, updated_time=now)
    save(ctx.storage, path, record)
    return Response(data=_version_metadata(record, number))


def delete_data(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Mark the newest version as deleted; its data stays until it is destroyed."""
    path = _path(fields)
    now = rfc3339(ctx.now_ns)
    record = load(ctx.storage, path)
    if record is None:
        return EMPTY
    newest = record.versions.get(record.current_version)
    if newest and not newest.is_gone(now):
        marked = {**record.versions, record.current_version: newest._replace(deletion_time=now)}
        save(ctx.storage, path, record._replace(versions=marked, updated_time=now))
    return EMPTY


def read_metadata(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a path's record."""
    record = load(ctx.storage, _path(fields))
    if record is None:
        return None
    shown = record._asdict()
    shown["versions"] = {str(number): version._asdict() for number, version in record.versions.items()}
    return Response(data=shown)


def delete_metadata(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a path with all its versions."""
    path = _path(fields)
    record = load(ctx.storage, path)
    if record:
        for number in record.versions:
            ctx.storage.delete(_version_key(path, number))
        ctx.storage.delete(METADATA + path)
    return EMPTY


def list_metadata(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the keys and folders directly below a path."""
    folder = fields.get("path", "").strip("/")
    keys = ctx.storage.list(METADATA + (folder + "/" if folder else ""))
    return Response(data={"keys": keys}) if keys else None


def wrong_path(ctx: Context, _fields: Mapping[str, Any]) -> Response:
    """Say that a path lacks `data/` or `metadata/`, which people forget. Raises: NotFound, always."""
    verb = {Operation.LIST: "list", Operation.DELETE: "delete"}.get(
        ctx.request.operation, "get" if ctx.request.operation in READING else "put"
    )
    raise NotFound(warnings=(_WRONG_PATH.format(verb=verb),))


def load(storage: Storage, path: str) -> Record | None:
    """Read a path's record."""
    stored = storage.get(METADATA + path)
    if stored is None:
        return None
    record = json.loads(stored)
    versions = {int(number): Version(**version) for number, version in record.pop("versions").items()}
    return Record(versions=versions, **record)


def save(storage: Storage, path: str, record: Record) -> None:
    """Write a path's record."""
    stored = record._asdict()
    stored["versions"] = {str(number): version._asdict() for number, version in record.versions.items()}
    storage.put(METADATA + path, json.dumps(stored, ensure_ascii=False).encode())


def _version_metadata(record: Record, number: int) -> dict[str, Any]:
    version = record.versions[number]
    return {**version._asdict(), "custom_metadata": record.custom_metadata, "version": number}


_CAS = {"cas": Field("int", "The version that must be the newest one now; 0 for none at all.")}


def _check_cas(record: Record, options: Mapping[str, Any]) -> None:
    if "cas" not in options:
        if record.cas_required:
            raise InvalidRequest("check-and-set parameter required for this call")
        return
    try:
        wanted = convert(_CAS, options)["cas"]
    except InvalidRequest:
        raise InvalidRequest("error parsing check-and-set parameter") from None
    if wanted != record.current_version:
        raise InvalidRequest("check-and-set parameter did not match the current version")


def _path(fields: Mapping[str, Any]) -> str:
    path: str = fields.get("path", "").strip("/")
    if not path:
        raise NotFound(warnings=(_ROOT_OF_DATA,))
    return path


def _version_key(path: str, number: int) -> str:
    return f"{VERSIONS}{path}/{number}"


_PATH = {"path": Field("string", "Where the secret is.")}
_DATA = {Operation.READ: read_data, Operation.UPDATE: write_data, Operation.DELETE: delete_data}
_METADATA = {Operation.READ: read_metadata, Operation.LIST: list_metadata, Operation.DELETE: delete_metadata}
_DATA_FIELDS = {
    **_PATH,
    "data": Field("map", "The secret's own keys and values."),
    "options": Field("map", "cas: the version that must be the newest one now; 0 for none at all."),
    "version": Field("int", "The version to read."),
}

ENGINE = Engine(
    type="kv",
    endpoints=(
        Endpoint(
            "data/{path*}",
            _DATA,
            "Read, write or delete a secret.",
            "Each write makes a version. A read gives the newest one, or the one that it names. A delete marks the"
            " newest one; its data stays until it is destroyed.",
            _DATA_FIELDS,
        ),
        Endpoint(
            "metadata/{path*}",
            _METADATA,
            "Read or delete what is known of a secret, or list secrets.",
            "A delete removes the secret with all its versions.",
            _PATH,
        ),
        Endpoint("data", _DATA, "No secret is kept here, only below.", fields=_DATA_FIELDS),
        Endpoint("metadata", _METADATA, "List secrets.", fields=_PATH),
        Endpoint(
            "{path*}",
            {
                Operation.READ: wrong_path,
                Operation.LIST: wrong_path,
                Operation.UPDATE: wrong_path,
                Operation.DELETE: wrong_path,
            },
            "Paths of this engine begin with data/ or metadata/.",
        ),
    ),
    help="Keeps secrets by path, with their former versions.",
    seal_wrapped=lambda key: key.startswith(VERSIONS),
)
