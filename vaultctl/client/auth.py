"""Auth methods: their mounts. Paths are those below `auth/`."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer
from vaultctl.logical.response import Response


def list_methods(client: Client) -> Response:
    """Give every auth method by its path."""
    answer = client.call("GET", "sys/auth")
    if answer.data is None:
        raise NoAnswer("data from server response is empty")
    return answer


def enable(client: Client, path: str, body: Mapping[str, Any]) -> Response:
    """Enable an auth method; the body is that of `POST sys/auth/:path`."""
    return client.call("POST", f"sys/auth/{path.strip('/')}".rstrip("/"), body)


def disable(client: Client, path: str) -> Response:
    """Disable an auth method, if there is one."""
    return client.call("DELETE", f"sys/auth/{path.strip('/')}")


def tune(client: Client, path: str, body: Mapping[str, Any]) -> Response:
    """Tune an auth method; the body is that of `POST sys/mounts/auth/:path/tune`."""
    return client.call("POST", f"sys/mounts/auth/{path.strip('/')}/tune", body)
