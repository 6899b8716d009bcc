"""The barrier's key, new key shares, and root tokens that are made with shares."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import NoAnswer
from vaultctl.logical.response import Response


def rotate(client: Client) -> None:
    """Replace the key that encrypts."""
    client.call("POST", "sys/rotate/keyring")


def key_status(client: Client) -> dict[str, Any]:
    """Tell which key encrypts: term, install_time, encryptions."""
    data = told(client.call("GET", "sys/key-status"))
    return {name: data[name] for name in ("term", "install_time", "encryptions") if name in data}


def told(answer: Response) -> dict[str, Any]:
    """Give what an answer tells, in its data or without an envelope. Raises: NoAnswer."""
    found: Mapping[str, Any] | None = answer.data if answer.data is not None else answer.raw
    if found is None:
        raise NoAnswer("data from server response is empty")
    return dict(found)
