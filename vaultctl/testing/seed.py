"""What a vault for tests holds, from a TOML or JSON file or from a dict: mounts, secrets, and whatever else is written.

What its tables are is told in docs/testing.md; a mount that is there already is replaced.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaultctl.client import kv, sys
from vaultctl.logical import json_text, paths
from vaultctl.logical.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaultctl.client.client import Client

_TABLES = ("mounts", "secrets", "writes")
_MOUNT = (
    "type",
    "description",
    "config",
    "options",
    "local",
    "seal_wrap",
    "external_entropy_access",
    "plugin_name",
    "plugin_version",
)
_WRITE = ("path", "data")


class SeedError(Exception):
    """A seed is no good: the text names the file and the key, and no value."""


def sow(client: Client, seed: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Bring a seed into a vault. Raises: SeedError."""
    if isinstance(seed, Mapping):
        _Sowing(client, "seed").sow(seed)
        return
    if not isinstance(seed, str | os.PathLike):
        raise SeedError(f"seed: it is {_kind(seed)}, and must be a file's name or a mapping")
    name = os.fspath(seed)
    try:
        with open(name, "rb") as file:
            text = file.read().decode()
        found = _parsed(name, text)
    except OSError as error:
        raise SeedError(f"{name}: cannot be read: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise SeedError(f"{name}: it is not UTF-8") from None
    _Sowing(client, name).sow(found)


def _parsed(name: str, text: str) -> Mapping[str, Any]:
    if name.endswith(".json"):
        try:
            found = json_text.loads(text)
        except (ValueError, RecursionError) as error:
            raise SeedError(f"{name}: it is no JSON: {_place(error)}") from None
    elif name.endswith(".toml"):
        import tomllib

        try:
            found = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SeedError(f"{name}: it is no TOML: {_place(error)}") from None
    else:
        raise SeedError(f"{name}: a seed is a file that ends in .toml or .json")
    if not isinstance(found, dict):
        raise SeedError(f"{name}: it is {_kind(found)}, and must be a table")
    return found


def _place(error: Exception) -> str:
    """Tell where a text is wrong, and nothing of what stands there."""
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    if line is not None:
        return f"line {line}, column {column}"
    return str(error).rpartition("(")[2].rstrip(")").removeprefix("at ")


class _Sowing:
    """One seed on its way into a vault."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def sow(self, seed: Mapping[str, Any]) -> None:
        """Enable, write secrets, and do what else there is. Raises: SeedError."""
        self._check_names("", seed, _TABLES)
        for key, path, mount in self._tables(seed, "mounts"):
            self._enable(key, path, mount)
        for key, path, secret in self._tables(seed, "secrets"):
            self._write_secret(key, path, secret)
        writes = seed.get("writes", [])
        if not isinstance(writes, list):
            raise self._wrong("writes", f"it is {_kind(writes)}, and must be a list")
        for number, write in enumerate(writes):
            self._write(f"writes[{number}]", self._table(f"writes[{number}]", write))

    def _enable(self, key: str, path: str, mount: Mapping[str, Any]) -> None:
        self._check_names(key, mount, _MOUNT)
        if "type" not in mount:
            raise self._wrong(key, "it has no type")
        if not {"", ".", ".."}.isdisjoint(path.strip("/").split("/")):
            raise self._wrong(key, "it is no path of a mount: it has empty or dot segments")
        there = self._try(key, lambda: sys.list_mounts(self._client).data or {})
        if paths.mount_path(path) in there:
            self._try(key, lambda: sys.disable(self._client, path))
        self._try(key, lambda: sys.enable(self._client, path, mount))

    def _write_secret(self, key: str, path: str, secret: Mapping[str, Any]) -> None:
        there = self._try(key, lambda: sys.list_mounts(self._client).data or {})
        if not any(paths.clean(path).startswith(mount) for mount in there):
            raise self._wrong(key, "there is no mount for that path: enable one below mounts")
        self._try(key, lambda: kv.put(self._client, kv.locate(self._client, path), secret))

    def _write(self, key: str, write: Mapping[str, Any]) -> None:
        self._check_names(key, write, _WRITE)
        path = write.get("path")
        if not isinstance(path, str) or not path.strip("/"):
            raise self._wrong(f"{key}.path", "it must be the path to write to")
        data = self._table(f"{key}.data", write.get("data", {}))
        self._check_plain(f"{key}.data", data)
        self._try(key, lambda: self._client.call("PUT", path, data))

    def _tables(self, seed: Mapping[str, Any], name: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Give the key, the path and the table of each entry."""
        for path, entry in self._table(name, seed.get(name, {})).items():
            self._check_name(name, path)
            key = f'{name}."{path}"'
            table = self._table(key, entry)
            self._check_plain(key, table)
            yield key, path, table

    def _table(self, key: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._wrong(key, f"it is {_kind(value)}, and must be a table")
        return value

    def _check_plain(self, key: str, value: Any) -> None:
        """Refuse what JSON does not have."""
        if isinstance(value, Mapping):
            for name, item in value.items():
                self._check_name(key, name)
                self._check_plain(f"{key}.{name}", item)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                self._check_plain(f"{key}[{number}]", item)
        elif isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(key, f"it is {value}, which JSON does not have: write it as text")
        elif value is not None and not isinstance(value, str | int | float):
            raise self._wrong(key, f"it is {_kind(value)}, which JSON does not have: write it as text")

    def _check_name(self, key: str, name: object) -> None:
        if not isinstance(name, str):
            raise self._wrong(key, f"its key {name!r} is {_kind(name)}, and must be a text")

    def _check_names(self, key: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known:
                where = f"{key}.{name}" if key else str(name)
                raise self._wrong(where, f"there is no such key: it is one of {', '.join(known)}")

    def _try(self, key: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except VaultError as error:
            raise self._wrong(key, "; ".join(error.errors) or f"it was refused with {error.status}") from None

    def _wrong(self, key: str, why: str) -> SeedError:
        return SeedError(f"{self._name}: {key}: {why}")


def _kind(value: Any) -> str:
    names = {dict: "a table", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), f"a value of type {type(value).__name__}")
