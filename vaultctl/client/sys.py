"""Mounts and their moves."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer
from vaultctl.logical.response import Response

LIST_SETTINGS = (
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
    "allowed_response_headers",
)
"""What of a mount's config is a list of names."""


def list_mounts(client: Client) -> Response:
    """Give every secrets engine by its path."""
    answer = client.call("GET", "sys/mounts")
    if answer.data is None:
        raise NoAnswer("data from server response is empty")
    return answer


def read_mount(client: Client, path: str) -> Response:
    """Give one secrets engine. Raises: InvalidRequest where none is."""
    return client.call("GET", f"sys/mounts/{path.strip('/')}")


def enable(client: Client, path: str, body: Mapping[str, Any]) -> Response:
    """Enable a secrets engine; the body is that of `POST sys/mounts/:path`."""
    return client.call("POST", f"sys/mounts/{path.strip('/')}".rstrip("/"), body)


def disable(client: Client, path: str) -> Response:
    """Disable a secrets engine, if there is one."""
    return client.call("DELETE", f"sys/mounts/{path.strip('/')}")


def tune(client: Client, path: str, body: Mapping[str, Any]) -> Response:
    """Tune a secrets engine; the body is that of `POST sys/mounts/:path/tune`."""
    return client.call("POST", f"sys/mounts/{path.strip('/')}/tune", body)


def start_move(client: Client, source: str, target: str, *, rewrite_policies: bool = False) -> str:
    """Begin to move a mount, with its policies where the engine can do that; give the migration's id."""
    more = {"rewrite_policies": True} if rewrite_policies else {}
    answer = client.call("POST", "sys/remount", {"from": source, "to": target, **more})
    if "migration_id" not in (answer.data or {}):
        raise NoAnswer("data from server response is empty")
    return str((answer.data or {})["migration_id"])


def move_status(client: Client, migration_id: str) -> Mapping[str, Any] | None:
    """Tell how a move stands: source_mount, target_mount, status, and here also phase, counters, times and cause."""
    answer = client.find("GET", f"sys/remount/status/{migration_id}")
    return None if answer is None or answer.data is None else dict(answer.data["migration_info"])


def moves(client: Client) -> dict[str, Mapping[str, Any]]:
    """Give all moves by id, the oldest first."""
    answer = client.find("LIST", "sys/remount/status")
    return {} if answer is None or answer.data is None else dict(answer.data.get("key_info") or {})


def node_addresses(client: Client) -> list[str]:
    """Give the addresses of a cluster's nodes."""
    nodes = (client.call("GET", "sys/ha-status").data or {}).get("nodes") or []
    return [str(node["api_address"]) for node in nodes if node.get("api_address")]


def seal_status_answer(client: Client) -> Response:
    """Tell how the state is sealed; a warning says why its seal does not open it. Raises: VaultError."""
    return client.call("GET", "sys/seal-status")


def seal_status(client: Client) -> dict[str, Any]:
    """Tell how the state is sealed."""
    return dict(client.call("GET", "sys/seal-status").raw or {})


def leader(client: Client) -> dict[str, Any]:
    """Tell which node leads."""
    return dict(client.call("GET", "sys/leader").raw or {})
