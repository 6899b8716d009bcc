"""A secret's data: written, read, patched, deleted, brought back, destroyed."""

from collections.abc import Callable, Mapping
from typing import Any

from vaultctl.engines.kv2.record import (
    Config,
    Record,
    Version,
    add_version,
    load,
    load_config,
    load_data,
    remove_data,
    save,
)
from vaultctl.framework.endpoint import Context
from vaultctl.framework.fields import Field, convert
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.response import EMPTY, Response


def read(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a version's data, the newest one's by default. Raises: NotFound with a body for a deleted version."""
    return _read(ctx, fields, "data", lambda data: data)


def read_subkeys(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the keys of a version's data alone. Raises: NotFound with a body for a deleted version."""
    depth = fields.get("depth", 0)
    return _read(ctx, fields, "subkeys", lambda data: None if data is None else _subkeys(data, depth))


def _read(ctx: Context, fields: Mapping[str, Any], name: str, show: Callable[[Any], Any]) -> Response | None:
    path = path_of(fields)
    record = load(ctx.storage, path)
    if record is None:
        return None
    number = fields["version"] if fields.get("version", 0) > 0 else record.current_version
    version = record.versions.get(number)
    if version is None:
        return None
    metadata = record.describe_version(number)
    if version.is_gone(rfc3339(ctx.now_ns)):
        raise NotFound(data={name: None, "metadata": metadata})
    return Response(data={name: show(load_data(ctx.storage, path, number)), "metadata": metadata})


def _subkeys(data: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Give a null for each key that holds no further ones, or lies at `depth`. Source: OpenBao 2.7, -1 is as 1."""
    goes_on, below = depth == 0 or depth > 1, max(depth - 1, 0)
    return {
        key: _subkeys(value, below) if goes_on and isinstance(value, dict) and value else None
        for key, value in data.items()
    }


def write(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store a new version, and let the oldest go when there are too many. Raises: InvalidRequest."""
    path, data = path_of(fields), _given(ctx, fields)
    config, now = load_config(ctx.storage), rfc3339(ctx.now_ns)
    record = load(ctx.storage, path) or Record(now, now)
    _check_cas(record, config, fields.get("options", {}))
    return _added(ctx, path, record, config, data)


def patch(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Store a new version that is the newest one with a JSON merge patch on it. Raises: InvalidRequest, NotFound."""
    path, change = path_of(fields), _given(ctx, fields)
    record, config = load(ctx.storage, path), load_config(ctx.storage)
    if record is None:
        raise NotFound
    _check_cas(record, config, fields.get("options", {}))
    newest = record.versions.get(record.current_version)
    if newest is None:
        raise NotFound
    if newest.is_gone(rfc3339(ctx.now_ns)):
        raise NotFound(data=record.describe_version(record.current_version))
    data = merge_patch(load_data(ctx.storage, path, record.current_version), change)
    return _added(ctx, path, record, config, data)


def _added(ctx: Context, path: str, record: Record, config: Config, data: Any) -> Response:
    record = add_version(ctx.storage, path, record, config, data, ctx.now_ns)
    return Response(data=record.describe_version(record.current_version))


def merge_patch(value: Any, change: Any) -> Any:
    """Give a value as the change leaves it: a null removes a key. Source: RFC 7396."""
    if not isinstance(change, dict):
        return change
    merged = dict(value) if isinstance(value, dict) else {}
    for key, item in change.items():
        if item is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), item)
    return merged


def delete(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Mark the newest version as deleted; its data stays until it is destroyed."""
    path = path_of(fields)
    record = load(ctx.storage, path)
    if record:
        _mark_deleted(ctx, path, record, [record.current_version])
    return EMPTY


def delete_versions(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Mark versions as deleted; their data stays until it is destroyed. Raises: InvalidRequest."""
    path, record, numbers = _versions_of(ctx, fields, "No version number provided")
    if record:
        _mark_deleted(ctx, path, record, numbers)
    return EMPTY


def _mark_deleted(ctx: Context, path: str, record: Record, numbers: list[int]) -> None:
    now = rfc3339(ctx.now_ns)
    found = _those(record, numbers, lambda version: not version.is_gone(now))
    _replace(ctx, path, record, {number: found[number]._replace(deletion_time=now) for number in found})


def undelete_versions(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Take the mark off versions; those that are deleted by themselves live as long again. Raises: InvalidRequest."""
    path, record, numbers = _versions_of(ctx, fields, "No version number provided")
    if record:
        found = _those(record, numbers, lambda version: not version.destroyed)
        ends = record.deletion_time(load_config(ctx.storage), ctx.now_ns)
        _replace(ctx, path, record, {number: found[number]._replace(deletion_time=ends) for number in found})
    return EMPTY


def destroy_versions(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove the data of versions for good. Raises: InvalidRequest."""
    path, record, numbers = _versions_of(ctx, fields, "no version number provided")
    if record:
        found = _those(record, numbers, lambda version: not version.destroyed)
        for number in found:
            remove_data(ctx.storage, path, number)
        _replace(ctx, path, record, {number: found[number]._replace(destroyed=True) for number in found})
    return EMPTY


def _versions_of(ctx: Context, fields: Mapping[str, Any], none_given: str) -> tuple[str, Record | None, list[int]]:
    if not fields.get("versions"):
        raise InvalidRequest(none_given)
    path = path_of(fields)
    return path, load(ctx.storage, path), fields["versions"]


def _those(record: Record, numbers: list[int], is_meant: Callable[[Version], bool]) -> dict[int, Version]:
    found = {number: record.versions[number] for number in numbers if number in record.versions}
    return {number: version for number, version in found.items() if is_meant(version)}


def _replace(ctx: Context, path: str, record: Record, changed: Mapping[int, Version]) -> None:
    """Store changed versions. Source: OpenBao 2.7, where that is no update of the record's time."""
    if changed:
        save(ctx.storage, path, record._replace(versions={**record.versions, **changed}))


_CAS = {"cas": Field("int", "The version that must be the newest one now; 0 for none at all.")}


def _check_cas(record: Record, config: Config, options: Mapping[str, Any]) -> None:
    if "cas" not in options:
        if record.cas_required or config.cas_required:
            raise InvalidRequest("check-and-set parameter required for this call")
        return
    try:
        wanted = convert(_CAS, options)["cas"]
    except InvalidRequest:
        raise InvalidRequest("error parsing check-and-set parameter") from None
    if wanted != record.current_version:
        raise InvalidRequest("check-and-set parameter did not match the current version")


def _given(ctx: Context, fields: Mapping[str, Any]) -> Any:
    """Give the data of a request; a null is data. Raises: InvalidRequest."""
    if "data" not in fields:
        raise InvalidRequest("no data provided")
    return None if ctx.request.data["data"] is None else fields["data"]


def path_of(fields: Mapping[str, Any]) -> str:
    """Give the path of the secret that a request is about."""
    path: str = fields.get("path", "").strip("/")
    return path
