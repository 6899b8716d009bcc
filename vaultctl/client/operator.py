"""Making a state, sealing and unsealing it."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client


def is_made(client: Client) -> bool:
    """Tell whether there is a state."""
    return bool((client.call("GET", "sys/init").raw or {}).get("initialized"))


def init(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a state; give the shares of its keys, and a root token. The body is that of `PUT sys/init`."""
    return dict(client.call("PUT", "sys/init", body).raw or {})


def seal(client: Client) -> None:
    """Seal the state."""
    client.call("PUT", "sys/seal")


def unseal(client: Client, key: str, *, migrate: bool = False) -> dict[str, Any]:
    """Enter a share; give how the state is sealed."""
    return dict(client.call("PUT", "sys/unseal", {"key": key, "reset": False, "migrate": migrate}).raw or {})


def unseal_as_owner(client: Client) -> dict[str, Any]:
    """Unseal the local state, whose key is at hand; give how it is sealed."""
    return dict(client.call("PUT", "sys/unseal").raw or {})


def reset_unseal(client: Client) -> dict[str, Any]:
    """Forget the shares that were entered; give how the state is sealed."""
    return dict(client.call("PUT", "sys/unseal", {"reset": True}).raw or {})
