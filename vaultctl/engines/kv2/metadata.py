"""A secret's record, without its data; listings; and the settings of the mount."""

from collections.abc import Mapping
from typing import Any

from vaultctl.engines.kv2.data import merge_patch, path_of
from vaultctl.engines.kv2.record import METADATA, Config, Record, load, load_config, remove_data, save, save_config
from vaultctl.framework import custom_metadata
from vaultctl.framework.endpoint import Context
from vaultctl.framework.fields import Field, convert, go_type
from vaultctl.logical import durations
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import InvalidRequest, NotFound
from vaultctl.logical.response import EMPTY, Response
from vaultctl.logical.storage import scan

_UINT32 = 2**32


def read_config(ctx: Context, _fields: Mapping[str, Any]) -> Response:
    """Give the mount's settings."""
    return Response(data=load_config(ctx.storage)._asdict())


def write_config(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Change the mount's settings that are named."""
    settings = _settings(ctx, fields)
    if settings:
        save_config(ctx.storage, load_config(ctx.storage)._replace(**settings))
    return EMPTY


def read(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give a path's record."""
    record = load(ctx.storage, path_of(fields))
    return None if record is None else Response(data=record.describe())


def write(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Change the settings of a path that are named; there need not be a version of it. Raises: InvalidRequest."""
    settings = _settings(ctx, fields)
    if "custom_metadata" in fields:
        settings["custom_metadata"] = _custom(fields["custom_metadata"]) or None
    path, now = path_of(fields), rfc3339(ctx.now_ns)
    return _store(ctx, path, load(ctx.storage, path) or Record(now, ""), settings, fields)


def patch(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Change the settings of a path that are named; a null takes one back. Raises: InvalidRequest, NotFound."""
    settings = _settings(ctx, fields)
    if "custom_metadata" in fields:
        settings["custom_metadata"] = _custom_change(fields["custom_metadata"])
    path = path_of(fields)
    record = load(ctx.storage, path)
    if not settings:
        return EMPTY
    if record is None:
        raise NotFound
    if "custom_metadata" in settings:
        is_null = ctx.request.data["custom_metadata"] is None
        merged = None if is_null else merge_patch(record.custom_metadata, settings["custom_metadata"])
        settings["custom_metadata"] = merged or None
    return _store(ctx, path, record, settings, fields)


def _settings(ctx: Context, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give the plain settings that are named. Source: OpenBao 2.7, where a null leaves a duration as it is."""
    names = ("max_versions", "cas_required", "metadata_cas_required")
    settings = {name: fields[name] for name in names if name in fields}
    if "max_versions" in settings:
        settings["max_versions"] %= _UINT32
    if ctx.request.data.get("delete_version_after") is not None:
        seconds = int(fields["delete_version_after"])
        settings["delete_version_after"] = durations.go_text(max(-1, seconds))
    return settings


def _store(ctx: Context, path: str, record: Record, settings: Mapping[str, Any], fields: Mapping[str, Any]) -> Response:
    if not settings:
        return EMPTY
    config = load_config(ctx.storage)
    _check_cas(record, config, fields)
    version = record.current_metadata_version + 1
    changed = record._replace(**settings, updated_time=rfc3339(ctx.now_ns), current_metadata_version=version)
    save(ctx.storage, path, changed)
    warnings = tuple(
        f'"{name}" set to false, but is mandated by backend config. This value will be ignored.'
        for name in ("cas_required", "metadata_cas_required")
        if settings.get(name) is False and getattr(config, name)
    )
    return Response(status=200, warnings=warnings) if warnings else EMPTY


def _check_cas(record: Record, config: Config, fields: Mapping[str, Any]) -> None:
    """Check `metadata_cas`; a record that is not stored yet has no `updated_time`. Raises: InvalidRequest."""
    wanted = fields.get("metadata_cas")
    if wanted is None:
        if config.metadata_cas_required or record.metadata_cas_required:
            raise InvalidRequest("metadata check-and-set parameter required for this call")
    elif not record.updated_time and wanted:
        raise InvalidRequest("metadata_cas must be 0 when creating new metadata")
    elif wanted != record.current_metadata_version:
        raise InvalidRequest("metadata check-and-set parameter does not match the current version")


def _custom_change(given: Mapping[str, Any]) -> dict[str, str | None]:
    gone = [key for key, value in given.items() if value is None]
    return {**_custom({key: value for key, value in given.items() if value is not None}), **dict.fromkeys(gone)}


def _custom(given: Mapping[str, Any]) -> dict[str, str]:
    """Convert and check custom metadata. Raises: InvalidRequest."""
    texts: dict[str, str] = {}
    for key, value in given.items():
        if isinstance(value, list | dict):
            raise InvalidRequest(
                f"{custom_metadata.INVALID}'' expected type 'string', got unconvertible type '{go_type(value)}'"
            )
        texts[key] = convert(_TEXT, {"text": value})["text"]
    custom_metadata.check(texts)
    return texts


_TEXT = {"text": Field("string", "A value of custom metadata.")}


def delete(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Remove a path with all its versions."""
    path = path_of(fields)
    record = load(ctx.storage, path)
    if record:
        for number in record.versions:
            remove_data(ctx.storage, path, number)
        ctx.storage.delete(METADATA + path)
    return EMPTY


def list_keys(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the keys and folders directly below a path, a page of them where one is asked for."""
    keys = _page(ctx, fields)
    return Response(data={"keys": keys}) if keys else None


def list_detailed(ctx: Context, fields: Mapping[str, Any]) -> Response | None:
    """Give the same, with the record of each key."""
    keys = _page(ctx, fields)
    return Response(data={"keys": keys, "key_info": _key_info(ctx, _folder(fields), keys)}) if keys else None


def scan_keys(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give all keys below a path, however deep. Source: OpenBao 2.7, where nothing is 200 too."""
    keys = scan(ctx.storage, METADATA + _folder(fields))
    return Response(data={"keys": keys} if keys else {})


def scan_detailed(ctx: Context, fields: Mapping[str, Any]) -> Response:
    """Give the same, with the record of each key."""
    folder = _folder(fields)
    keys = scan(ctx.storage, METADATA + folder)
    return Response(data={"keys": keys, "key_info": _key_info(ctx, folder, keys)} if keys else {})


def _page(ctx: Context, fields: Mapping[str, Any]) -> list[str]:
    limit = fields.get("limit", 0)
    return ctx.storage.list(
        METADATA + _folder(fields), after=fields.get("after", ""), limit=limit if limit > 0 else None
    )


def _folder(fields: Mapping[str, Any]) -> str:
    path = path_of(fields)
    return path + "/" if path else ""


def _key_info(ctx: Context, folder: str, keys: list[str]) -> dict[str, Any]:
    records = {key: None if key.endswith("/") else load(ctx.storage, folder + key) for key in keys}
    return {key: record.describe() if record else {} for key, record in records.items()}
