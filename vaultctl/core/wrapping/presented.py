"""The wrapping token that a request is about: found before anybody's rights are looked at.

It stands in the body, or it is the client's own token. Source: OpenBao 2.7, for the order and the messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core import tokens
from vaultctl.core.exchange import given_data
from vaultctl.logical.errors import InvalidRequest, PermissionDenied, VaultError
from vaultctl.logical.request import LISTING

if TYPE_CHECKING:
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.namespaces import Namespace
    from vaultctl.core.tokens import Token
    from vaultctl.core.views import View
    from vaultctl.logical.request import Request

_UNWRAP, _REWRAP = "wrapping/unwrap", "wrapping/rewrap"
_UNKNOWN = "wrapping token is not valid or does not exist"


class NoWrappingToken(VaultError):
    """What stands for a wrapping token cannot be one."""

    status = 403

    def __init__(self, why: str) -> None:
        super().__init__(f"error validating wrapping token: {why}")


def find_wrapping(exchange: Exchange) -> None:
    """Find the token that a request is about; a listing is about none. Raises: NoWrappingToken, InvalidRequest."""
    if exchange.request.operation in LISTING:
        exchange.match = None  # with a slash behind it is no such path. Source: OpenBao 2.7
        return
    text = given_text(exchange.request)
    named = named_by(exchange.session.view, text)
    if named != text:
        if exchange.request.token == text:
            exchange.request = exchange.request._replace(token=named)
        text = named
    found = tokens.find(exchange.session.view, text, exchange.now_ns / 1e9)
    if found is None or not found.is_wrapping or found.num_uses < 0:
        raise InvalidRequest(_UNKNOWN)
    if exchange.path == _UNWRAP:
        _check_path(exchange, found)
    exchange.wrapping = found


def given_text(request: Request) -> str:
    """Give the token that a request names, or its own. Raises: NoWrappingToken."""
    given = given_data(request).get("token")
    if given is None:
        if not request.token:
            raise NoWrappingToken("token is empty")
        return request.token
    if not isinstance(given, str):
        raise NoWrappingToken("could not decode token in request body")
    if not given:
        raise NoWrappingToken("empty token in request body")
    return given


def named_by(view: View, text: str) -> str:
    """Give the token that a JWT of this state stands for, or the text itself. Raises: NoWrappingToken."""
    if not is_jwt(text):
        return text
    from vaultctl.core.wrapping import jwt

    try:
        return jwt.read(view, text) or text
    except jwt.BadSignature as error:
        raise NoWrappingToken(str(error)) from None


def is_jwt(text: str) -> bool:
    """Tell whether a text may be a JWT. Source: OpenBao 2.7, which looks where the dots are."""
    return len(text) > 3 and text.count(".") == 2 and "." not in (text[1], text[3])


def spare(exchange: Exchange, token: Token) -> None:
    """Refuse a wrapping token that asks to be rewrapped, or to rewrap another, before that uses it up.

    In OpenBao 2.7 it is refused, and its content is lost. Raises: PermissionDenied.
    """
    if token.is_wrapping and exchange.path == _REWRAP and exchange.wrapping is not None:
        raise PermissionDenied


def matches(made_at: str, expected: str, namespace: Namespace) -> bool:
    """Tell whether an answer came from the path that somebody expects it from, who asks in a namespace.

    `made_at` is the path with its namespace in front: the same path in another namespace is somebody else's.
    """
    return made_at.strip("/") == namespace.path + expected.strip("/")


def checked_path(expected: object) -> str:
    """Give an expected path, if it is one: an empty variable must not pass for a check. Raises: InvalidRequest."""
    if not isinstance(expected, str) or not expected.strip("/"):
        raise InvalidRequest("expect_path is no path")
    return expected


def _check_path(exchange: Exchange, token: Token) -> None:
    """Refuse to unwrap what came from another path than the client expects: the token stays as it is.

    Raises: InvalidRequest.
    """
    data = exchange.request.data
    if "expect_path" not in data:
        return
    expected = checked_path(data["expect_path"])
    home = exchange.session.namespaces.get(token.namespace)
    made_at = (home.path if home else "") + token.path
    if not matches(made_at, expected, exchange.asked_in):
        raise InvalidRequest(f"creation path is {made_at}, not the expected {exchange.asked_in.path}{expected}")
