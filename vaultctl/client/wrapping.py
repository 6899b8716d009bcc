"""Wrapping tokens: what is known of them, and what they stand for."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import InvalidRequest, NamespaceLocked, NoAnswer, Sealed, StateError, VaultError
from vaultctl.logical.response import Response

LIVE = "live"
_CANNOT_SAY = (StateError, NoAnswer, Sealed, NamespaceLocked)


def wrap(client: Client, data: Mapping[str, Any]) -> Response:
    """Wrap data."""
    return client.call("PUT", "sys/wrapping/wrap", data)


def lookup(client: Client, token: str) -> Response:
    """Tell the creation path, time and TTL of a wrapping token; "" is the token in use. Nothing is used up."""
    return client.call("PUT", "sys/wrapping/lookup", {"token": token} if token else {})


def rewrap(client: Client, token: str) -> Response:
    """Wrap what a token stands for anew; the token is good no more."""
    return client.call("PUT", "sys/wrapping/rewrap", {"token": token})


def unwrap(client: Client, token: str, own: str, expect_path: str = "") -> Response:
    """Unwrap what a token stands for; "" is the token in use. `own` is the token in use, "" for none.

    Who has no token asks with the wrapping token itself. Source: OpenBao 2.7's client. `expect_path` is for our own
    servers alone: others do not know of it.
    """
    body = {"expect_path": expect_path} if expect_path else {}
    if token and not own:
        client = client.with_token(token)
    elif token != own and token:
        body = {"token": token, **body}
    return client.call("PUT", "sys/wrapping/unwrap", body)


def verify(client: Client, token: str, expect_path: str = "") -> Mapping[str, Any] | None:
    """Tell how a token stands, exactly; None where the server knows no such question, as OpenBao and Vault do not.

    Raises: VaultError where no server can be asked at all.
    """
    body = {"token": token, **({"expect_path": expect_path} if expect_path else {})}
    try:
        told = client.call("POST", "sys/wrapping/verify", body).data or {}
    except _CANNOT_SAY:
        raise
    except VaultError:
        return None
    return told if "state" in told else None


def find(client: Client, token: str) -> Mapping[str, Any] | None:
    """Look a token up; None for one that is good no more, or never was. Raises: VaultError."""
    try:
        return lookup(client, token).data or {}
    except InvalidRequest:
        return None


def is_of_a_namespace(token: str) -> bool:
    """Tell whether a token says that it was made in a namespace below the root's."""
    first, *rest = token.split(".")
    return first in ("s", "hvs") and len(rest) == 2 and all(rest)


def server_time(client: Client) -> float | None:
    """Give the moment that it is for a remote, in seconds since the epoch, if it says so."""
    try:
        told = client.call("GET", "sys/health").raw or {}
    except _CANNOT_SAY:
        return None
    except VaultError:
        return None
    found = told.get("server_time_utc")
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
