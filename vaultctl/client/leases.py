"""Leases."""

from vaultctl.client.client import Client
from vaultctl.logical.request import NOTHING
from vaultctl.logical.response import Response


def revoke(client: Client, lease_id: str, how: str = "", *, sync: bool = False) -> Response:
    """Revoke a lease; with "prefix" all that are below a path, with "force" whatever their engine says."""
    verb = f"revoke-{how}" if how else "revoke"
    return client.call("PUT", f"sys/leases/{verb}/{lease_id.strip('/')}", NOTHING if how == "force" else {"sync": sync})


def names(client: Client, folder: str) -> list[str]:
    """List what is leased directly below a folder."""
    listed = client.find("LIST", f"sys/leases/lookup/{folder}".rstrip("/"))
    return list((listed.data or {}).get("keys", [])) if listed else []
