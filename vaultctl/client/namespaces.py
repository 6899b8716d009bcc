"""Namespaces of the one that a client works in."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.response import Response


def create(client: Client, path: str, metadata: Mapping[str, str]) -> Response:
    """Make a namespace, or give one that is there this metadata."""
    return client.call("POST", _at(path), {"custom_metadata": dict(metadata)})


def read(client: Client, path: str) -> Response | None:
    """Give one namespace, or None where there is none."""
    return client.find("GET", _at(path))


def patch(client: Client, path: str, metadata: Mapping[str, str | None]) -> Response:
    """Change the metadata; a null takes a key away."""
    return client.call("PATCH", _at(path), {"custom_metadata": dict(metadata)})


def delete(client: Client, path: str) -> Response:
    """Begin to delete a namespace with all that it holds; one that is not there is warned of."""
    return client.call("DELETE", _at(path))


def list_them(client: Client, verb: str) -> Mapping[str, Any]:
    """Give what is known of each by its path: of those directly in this one with LIST, of all with SCAN."""
    answer = client.find(verb, "sys/namespaces")
    data = (answer.data if answer else None) or {}
    info = data.get("key_info") or {}
    return {key: info.get(key, {}) for key in data.get("keys") or ()}


def lock(client: Client, path: str) -> str:
    """Lock the API of a namespace, "" for the client's own; give the key that unlocks it."""
    data = client.call("PUT", f"sys/namespaces/api-lock/lock/{path.strip('/')}".rstrip("/"), {}).data or {}
    return str(data.get("unlock_key", ""))


def unlock(client: Client, path: str, key: str) -> Response:
    """Unlock a namespace, by its key or by the right of sudo."""
    body = {"unlock_key": key} if key else {}
    return client.call("PUT", f"sys/namespaces/api-lock/unlock/{path.strip('/')}".rstrip("/"), body)


def _at(path: str) -> str:
    return f"sys/namespaces/{path.strip('/')}"
