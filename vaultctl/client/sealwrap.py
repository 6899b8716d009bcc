"""Verbs on what the seal wraps."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import NotOffered, UnsupportedOperation, UnsupportedPath, VaultError

_NONE = frozenset({UnsupportedPath.status, UnsupportedOperation.status, NotOffered.status})


class NoSealWrap(Exception):
    """The server has no such endpoint; that is no matter of rights."""


def start(client: Client) -> bool:
    """Start a rewrap; tell whether none was running. Raises: NoSealWrap, VaultError."""
    try:
        return client.call("POST", "sys/sealwrap/rewrap").status != 200
    except VaultError as error:
        raise _read(error) from error


def status(client: Client) -> dict[str, Any]:
    """Tell how the rewrap stands: entries, is_running, and what else the server says.

    Raises: NoSealWrap, VaultError.
    """
    try:
        return dict(client.call("GET", "sys/sealwrap/rewrap").data or {})
    except VaultError as error:
        raise _read(error) from error


def backends(client: Client) -> dict[str, Any]:
    """Tell of each seal, where the server does. Raises: VaultError."""
    answer = client.find("GET", "sys/seal-backend-status")
    return {} if answer is None else dict(answer.raw or answer.data or {})


def mounts(client: Client) -> dict[str, Mapping[str, Any]]:
    """Give the seal-wrapped mounts by path, with the entries counted where the server does so. Raises: VaultError."""
    try:
        answer = client.find("LIST", "sys/sealwrap/mounts")
        counted = (answer.data or {}).get("key_info") if answer else None
    except VaultError as error:
        if error.status not in _NONE:
            raise
        counted = None
    if counted is not None:
        return dict(counted)
    found = {**_wrapped(client, "sys/mounts", ""), **_wrapped(client, "sys/auth", "auth/")}
    return {path: mount for path, mount in found.items() if mount["type"] not in ("system", "ns_system")}


def _wrapped(client: Client, path: str, prefix: str) -> dict[str, Mapping[str, Any]]:
    answer = client.call("GET", path)
    return {
        prefix + name: {"type": mount["type"], "accessor": mount.get("accessor", "")}
        for name, mount in sorted((answer.data or {}).items())
        if isinstance(mount, Mapping) and mount.get("seal_wrap")
    }


def _read(error: VaultError) -> Exception:
    return NoSealWrap() if error.status in _NONE else error
