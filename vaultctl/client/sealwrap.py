"""Verbs on what the seal wraps."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import (
    NoAnswer,
    NotOffered,
    PermissionDenied,
    UnsupportedOperation,
    UnsupportedPath,
    VaultError,
)

PATH = "sys/sealwrap/rewrap"
_COUNTERS = ("processed", "succeeded", "failed")
_LICENSED = ("+ent", "+prem", "+pro")
"""What the version of a Vault with an Enterprise licence has in it; no other has any of it."""

_NONE = frozenset({UnsupportedPath.status, UnsupportedOperation.status, NotOffered.status})


class NoSealWrap(Exception):
    """The server has no such endpoint; that is no matter of rights."""


def start(client: Client) -> bool:
    """Start a rewrap; tell whether none was running. Raises: NoSealWrap, VaultError."""
    try:
        return client.call("POST", PATH).status != 200
    except VaultError as error:
        raise _read(client, error) from error


def status(client: Client) -> dict[str, Any]:
    """Tell how the rewrap stands: entries, is_running, and what else the server says.

    Raises: NoSealWrap, VaultError; NoAnswer where what is answered tells neither.
    """
    try:
        answer = client.call("GET", PATH)
    except VaultError as error:
        raise _read(client, error) from error
    # Vault's document shows an answer without an envelope.
    told = answer.data if answer.data is not None else (answer.raw or {}).get("data", answer.raw)
    entries = told.get("entries") if isinstance(told, Mapping) else None
    counts = [entries.get(name) for name in _COUNTERS] if isinstance(entries, Mapping) else [None]
    is_told = all(isinstance(count, int) for count in counts) and isinstance((told or {}).get("is_running"), bool)
    if not is_told:
        raise NoAnswer(f"what was answered for {PATH} tells not how a rewrap stands: entries or is_running is missing")
    return dict(told or {})


def backends(client: Client) -> dict[str, Any]:
    """Tell of each seal, where the server does. Raises: VaultError."""
    answer = client.find("GET", "sys/seal-backend-status")
    return {} if answer is None else dict(answer.raw or answer.data or {})


def mounts(client: Client) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """Give the seal-wrapped mounts by path, with the entries counted where the server does so.

    Beside them, what could not be seen for want of rights. Raises: VaultError.
    """
    unseen: list[str] = []
    try:
        answer = client.find("LIST", "sys/sealwrap/mounts")
        counted = (answer.data or {}).get("key_info") if answer else None
    except VaultError as error:
        if error.status not in (*_NONE, PermissionDenied.status):
            raise
        counted = None
        if error.status == PermissionDenied.status:  # Vault answers so for what it does not have, too
            unseen.append("how many entries of each mount are wrapped (list on sys/sealwrap/mounts)")
    if counted is not None:
        return dict(counted), []
    found = {**_wrapped(client, "sys/mounts", "", unseen), **_wrapped(client, "sys/auth", "auth/", unseen)}
    return {path: mount for path, mount in found.items() if mount["type"] not in ("system", "ns_system")}, unseen


def _wrapped(client: Client, path: str, prefix: str, unseen: list[str]) -> dict[str, Mapping[str, Any]]:
    try:
        answer = client.call("GET", path)
    except VaultError as error:
        if error.status != PermissionDenied.status:
            raise
        unseen.append(f"which mounts are seal-wrapped (read on {path})")
        return {}
    return {
        prefix + name: {"type": mount["type"], "accessor": mount.get("accessor", "")}
        for name, mount in sorted((answer.data or {}).items())
        if isinstance(mount, Mapping) and mount.get("seal_wrap")
    }


def _read(client: Client, error: VaultError) -> Exception:
    is_missing = error.status in _NONE or (error.status == PermissionDenied.status and not _may_be_there(client))
    return NoSealWrap() if is_missing else error


def _may_be_there(client: Client) -> bool:
    """Tell whether a server that refused may have the endpoint: it refuses for what it does not have, too.

    It is asked for what needs no token.
    """
    with suppress(VaultError):
        if backends(client):
            return True
    try:
        version = str((client.call("GET", "sys/seal-status").raw or {}).get("version", ""))
    except VaultError:
        return True
    major, is_licensed = version.partition(".")[0], any(word in version for word in _LICENSED)
    return is_licensed or not (major.isdecimal() and int(major) > 0)
