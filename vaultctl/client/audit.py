"""Audit devices by path."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client


def devices(client: Client) -> Mapping[str, Any]:
    """Give every device by its path."""
    return client.call("GET", "sys/audit").data or {}


def enable(client: Client, path: str, body: Mapping[str, Any]) -> None:
    """Enable a device; the body is that of `PUT sys/audit/:path`."""
    client.call("PUT", f"sys/audit/{path.strip('/')}", body)


def disable(client: Client, path: str) -> None:
    """Disable a device, if there is one."""
    client.call("DELETE", f"sys/audit/{path.strip('/')}")
