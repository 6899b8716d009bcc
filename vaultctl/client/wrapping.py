"""Wrapping tokens: what is known of them, and what they stand for."""

from collections.abc import Mapping
from typing import Any

from vaultctl.client.client import Client
from vaultctl.logical.errors import InvalidRequest, NamespaceLocked, NoAnswer, Sealed, StateError, VaultError
from vaultctl.logical.response import Response

LIVE = "live"
_DEAD = ("wrapping token is not valid or does not exist", "no information found")
"""How a server words that a token is good no more, or never was: nothing else tells that from other refusals.

Source: OpenBao 2.7; Vault has the same words.
"""
_STATES = frozenset({LIVE, "used", "expired", "revoked", "never-here", "wrong-namespace"})
_LONGEST_S = 10**10
"""More than any TTL, for that is counted in nanoseconds, in 63 bits."""
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


def rewrapped(client: Client, token: str) -> Mapping[str, Any]:
    """Wrap what a token stands for anew, and give what is told of the new token. Raises: VaultError.

    Raises: NoAnswer where no token came, or what is none.
    """
    info = rewrap(client, token).wrap_info
    made = info.get("token") if isinstance(info, Mapping) else None
    if not isinstance(info, Mapping) or not isinstance(made, str) or not _is_text(made):
        raise NoAnswer("the server answered, and gave no token: whether the old one is still good, it did not say")
    return info


def _is_text(token: str) -> bool:
    return token.isascii() and token.isprintable() and len(token.split()) == 1


def verify(
    client: Client, token: str, expect_path: str = "", *, issued_before: str = "", allow_rewrapped: bool = True
) -> Mapping[str, Any] | None:
    """Tell how a token stands, exactly; None where the server knows no such question, as OpenBao and Vault do not.

    What is expected is sent along, so that the server's audit has whether it was so. Raises: VaultError where no
    server can be asked at all.
    """
    body: dict[str, Any] = {"token": token}
    if expect_path:
        body["expect_path"] = expect_path
    if issued_before:
        body["issued_before"] = issued_before
    if not allow_rewrapped:
        body["allow_rewrapped"] = False
    try:
        told = client.call("POST", "sys/wrapping/verify", body).data or {}
    except _CANNOT_SAY:
        raise
    except VaultError:
        return None
    return _checked(told) if told.get("state") in _STATES else None


def find(client: Client, token: str) -> Mapping[str, Any] | None:
    """Look a token up; None for one that is good no more, or never was. Raises: VaultError."""
    try:
        return _checked(lookup(client, token).data or {})
    except InvalidRequest as error:
        if is_dead(error):
            return None
        raise


def is_dead(error: VaultError) -> bool:
    """Tell whether a refusal says that a wrapping token is good no more, or never was."""
    return isinstance(error, InvalidRequest) and any(text.startswith(_DEAD) for text in error.errors)


def _checked(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what was told of a token, if it can be that. Raises: NoAnswer."""
    texts = (told.get(name, "") for name in ("creation_path", "creation_time", "expiry_time", "namespace"))
    ttl, times = told.get("creation_ttl", 0), told.get("rewrapped", 0)
    if not all(isinstance(text, str) for text in texts) or seconds(ttl) is None or not isinstance(times, int):
        raise NoAnswer("what the server tells of the wrapping token is nothing that a Vault tells")
    return told


def seconds(value: object) -> float | None:
    """Give a TTL that a server told, or None for what can be none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_S:
        return None
    return float(value)


def namespace_id(client: Client, path: str) -> str | None:
    """Give the id of a namespace, which the tokens that are made in it end in; None where that is not told.

    Raises: VaultError where no server can be asked at all.
    """
    above, _, name = path.strip("/").rpartition("/")
    try:
        found = (client.within(above).call("GET", f"sys/namespaces/{name}").data or {}).get("id")
    except _CANNOT_SAY:
        raise
    except VaultError:
        return None
    return found if isinstance(found, str) else None


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
