"""What kv version 2 stores.

Below the mount:

config                        the mount's own settings; without it all are zero
metadata/<path>               the path's record: its settings, and its versions, each made, deleted or destroyed
versions/<path>/<number>      the JSON of one version's data
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from vaultctl.logical import durations, json_text
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.storage import Storage

CONFIG = "config"
METADATA = "metadata/"
VERSIONS = "versions/"
DEFAULT_MAX_VERSIONS = 10

_MOST_KNOWN = 500
_KNOWN: dict[bytes, "Record"] = {}
"""Records by how they are stored: the same bytes are always the same record, in whatever state, and none is changed."""

_JSON = json.JSONEncoder(ensure_ascii=False)


class Config(NamedTuple):
    """A mount's settings. `delete_version_after` is as Go writes durations; "-1s" is never, whatever a path says."""

    max_versions: int = 0
    cas_required: bool = False
    metadata_cas_required: bool = False
    delete_version_after: str = "0s"


class Version(NamedTuple):
    """One version in a record. Times are RFC 3339; a `deletion_time` of "" is none."""

    created_time: str
    deletion_time: str = ""
    destroyed: bool = False

    def describe(self) -> dict[str, Any]:
        """Give the version as JSON can have it; `_asdict` takes five times as long, and each write tells of all."""
        return {
            "created_time": self.created_time,
            "deletion_time": self.deletion_time,
            "destroyed": self.destroyed,
        }

    def is_gone(self, now: str) -> bool:
        """Tell whether its data is not to be had: deleted, or destroyed."""
        # Without the Z, since a fraction may be shorter than another.
        return self.destroyed or (bool(self.deletion_time) and self.deletion_time[:-1] <= now[:-1])


class Record(NamedTuple):
    """What is known of a path besides its data. `versions` is by number; a `max_versions` of 0 is the mount's."""

    created_time: str
    updated_time: str
    current_version: int = 0
    oldest_version: int = 0
    versions: Mapping[int, Version] = {}
    max_versions: int = 0
    cas_required: bool = False
    metadata_cas_required: bool = False
    current_metadata_version: int = 0
    delete_version_after: str = "0s"
    custom_metadata: Mapping[str, str] | None = None

    def describe(self) -> dict[str, Any]:
        """Give the record as JSON can have it, in an answer and in the storage."""
        versions = {str(number): version.describe() for number, version in self.versions.items()}
        return {**self._asdict(), "versions": versions}

    def describe_version(self, number: int) -> dict[str, Any]:
        """Give what an answer says of one version."""
        return {**self.versions[number].describe(), "custom_metadata": self.custom_metadata, "version": number}

    def deletion_time(self, config: Config, from_ns: int) -> str:
        """Give when a version that begins to live now is deleted by itself: the sooner of what mount and path say."""
        limits_s = [durations.stored(setting.delete_version_after) for setting in (config, self)]
        wished_s = [limit for limit in limits_s if limit > 0]
        if limits_s[0] < 0 or not wished_s:
            return ""
        return rfc3339(from_ns + int(min(wished_s)) * 1_000_000_000)


def load(storage: Storage, path: str) -> Record | None:
    """Read a path's record."""
    stored = storage.get(METADATA + path) if path else None
    if stored is None:
        return None
    known = _KNOWN.get(stored)
    if known:
        return known
    record = json.loads(stored)
    versions = {int(number): Version(**version) for number, version in record.pop("versions").items()}
    return _remembered(stored, Record(versions=versions, **record))


def save(storage: Storage, path: str, record: Record) -> None:
    """Write a path's record."""
    stored = _json(record.describe())
    storage.put(METADATA + path, stored)
    _remembered(stored, record)


def _remembered(stored: bytes, record: Record) -> Record:
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[stored] = record
    return record


def load_config(storage: Storage) -> Config:
    """Read the mount's settings."""
    stored = storage.get(CONFIG)
    return Config() if stored is None else Config(**json.loads(stored))


def save_config(storage: Storage, config: Config) -> None:
    """Write the mount's settings."""
    storage.put(CONFIG, _json(config._asdict()))


def load_data(storage: Storage, path: str, number: int) -> Any:
    """Read one version's data."""
    stored = storage.get(_version_key(path, number))
    return None if stored is None else json_text.loads(stored)


def remove_data(storage: Storage, path: str, number: int) -> None:
    """Remove one version's data; the record goes on to tell of it."""
    storage.delete(_version_key(path, number))


def add_version(storage: Storage, path: str, record: Record, config: Config, data: Any, now_ns: int) -> Record:
    """Store data as the newest version, and let the oldest go when there are too many. Gives the stored record.

    Source: OpenBao 2.7, where the larger of the path's and the mount's `max_versions` counts, and the oldest version
    is told only from the moment that as many are there as are kept.
    """
    number, now = record.current_version + 1, rfc3339(now_ns)
    kept = {**record.versions, number: Version(now, record.deletion_time(config, now_ns))}
    oldest = record.oldest_version
    max_versions = max(record.max_versions, config.max_versions) or DEFAULT_MAX_VERSIONS
    if number - oldest >= max_versions:
        oldest = number - max_versions + 1
        for old in [version for version in kept if version < oldest]:
            remove_data(storage, path, old)
            del kept[old]
    storage.put(_version_key(path, number), json_text.dumps(data).encode())
    record = record._replace(versions=kept, current_version=number, oldest_version=oldest, updated_time=now)
    save(storage, path, record)
    return record


def convert_from_version_1(storage: Storage, key: str, now_ns: int) -> None:
    """Make what kv version 1 stored as `data/<path>` the first version of that path. Source: OpenBao 2.7."""
    stored = storage.get(key)
    if stored is None:
        return
    path, now = key.partition("/")[2], rfc3339(now_ns)
    storage.put(_version_key(path, 1), stored)
    save(storage, path, Record(now, now, 1, 1, {1: Version(now)}))
    storage.delete(key)


def _version_key(path: str, number: int) -> str:
    return f"{VERSIONS}{path}/{number}"


def _json(value: Any) -> bytes:
    return _JSON.encode(value).encode()
