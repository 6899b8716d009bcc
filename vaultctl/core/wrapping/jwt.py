"""Wrapping tokens in the form of a JWT, signed with ES512 by a key that the state has.

The key is made when the first one is asked for. A JWT names the token, which decides: it is no right by itself.
Source: OpenBao 2.7 for the claims and messages; `addr` is empty, since the engine does not know by which door it is
reached.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from vaultctl.core.tokens import SECOND_NS
from vaultctl.crypto import es512

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.state import View
    from vaultctl.core.tokens import Token

KEY = "core/wrapping/jwt-key"
_HEADER = {"alg": "ES512", "typ": "JWT"}
_LEEWAY_S = 5


class BadSignature(ValueError):
    """A JWT that this state did not sign, or not so."""


def claims(token: Token, text: str, wrapped_accessor: str) -> dict[str, Any]:
    """Give what a JWT says of a wrapping token."""
    issued_s = token.issue_ns // SECOND_NS
    return {
        "accessor": wrapped_accessor,
        "addr": "",
        "exp": token.expire_ns // SECOND_NS,
        "iat": issued_s,
        "jti": text,
        "nbf": issued_s - _LEEWAY_S,
        "type": "wrapping",
    }


def sign(view: View, said: Mapping[str, Any]) -> str:
    """Give a JWT that says so."""
    key = view.get(KEY)
    if key is None:
        key = es512.new_key()
        view.put(KEY, key)
    signed = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (_HEADER, said))
    return f"{signed}.{_encoded(es512.sign(key, signed.encode()))}"


def read(view: View, text: str) -> str:
    """Give the token that a JWT stands for, or "" for what is none. Raises: BadSignature."""
    signed, _, signature = text.rpartition(".")
    try:
        header, said = (json.loads(_decoded(part)) for part in signed.split("."))
        signature_bytes = _decoded(signature)
        algorithm, named = header.get("alg"), said.get("jti")
    except (ValueError, AttributeError):
        return ""
    if algorithm != _HEADER["alg"]:
        raise BadSignature(
            "wrapping token could not be parsed: unexpected signature algorithm"
            f' {json.dumps(algorithm)}; expected ["{_HEADER["alg"]}"]'
        )
    key = view.get(KEY)
    if key is None or not es512.is_good(key, signed.encode(), signature_bytes):
        raise BadSignature(
            "wrapping token signature could not be validated: go-jose/go-jose: error in cryptographic primitive"
        )
    return named if isinstance(named, str) else ""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
