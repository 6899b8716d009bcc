"""Wrapping tokens in the form of a JWT, signed with ES512 by a key that the state has.

The key is made when the first one is asked for. A JWT names the token, which decides: it is no right by itself.
Source: OpenBao 2.7 for the claims and messages; `addr` is empty, since the engine does not know by which door it is
reached.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from vaultctl.core.tokens import SECOND_NS
from vaultctl.crypto import es512
from vaultctl.logical.go_text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultctl.core.tokens import Token
    from vaultctl.core.views import View

KEY = "core/wrapping/jwt-key"
_HEADER = {"alg": "ES512", "typ": "JWT"}
_LEEWAY_S = 5
_NO_BASE64 = re.compile(r"[^A-Za-z0-9_\r\n-]")
_UNPARSED = "wrapping token could not be parsed: "
_UNVALIDATED = "wrapping token signature could not be validated: go-jose/go-jose: "


class BadSignature(ValueError):
    """A JWT that this state did not sign, or not so, or what only looks like one."""


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
    """Give the token that a JWT stands for, or "" for one that names none. Raises: BadSignature."""
    signed, _, _ = text.rpartition(".")
    head, payload, signature = (_decoded(part) for part in text.split("."))
    header = _object(head)
    _check_algorithm(header.get("alg"))
    if header.get("crit"):
        raise BadSignature(_UNVALIDATED + "unsupported critical header")
    key = view.get(KEY)
    if key is None or not es512.is_good(key, signed.encode(), signature):
        raise BadSignature(_UNVALIDATED + "error in cryptographic primitive")
    named = _object(payload).get("jti")
    return named if isinstance(named, str) else ""


def _check_algorithm(name: object) -> None:
    if name is not None and not isinstance(name, str):
        shown = json.dumps(name)
        kind = _go_kind(name)
        why = f"failed to unmarshal algorithm: json: cannot unmarshal {kind} into Go value of type string"
        raise BadSignature(f"{_UNPARSED}{why}: {json.dumps(shown)}")
    if name != _HEADER["alg"]:
        raise BadSignature(
            f'{_UNPARSED}unexpected signature algorithm {quoted(name or "")}; expected ["{_HEADER["alg"]}"]'
        )


def _go_kind(value: object) -> str:
    """Name the kind of a JSON value as Go does."""
    kinds = {bool: "bool", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "number")


def _object(data: bytes) -> dict[str, Any]:
    """Read a JSON object, in which no name stands twice. Raises: BadSignature."""
    if not data:
        return {}
    try:
        found = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=_once)
    except RecursionError:
        raise BadSignature(_UNPARSED + "exceeded max depth") from None
    except BadSignature:
        raise
    except ValueError as error:
        raise BadSignature(_UNPARSED + _words(error)) from None
    if not isinstance(found, dict):
        raise BadSignature(f"{_UNPARSED}json: cannot unmarshal {_go_kind(found)} into Go value of type jose.rawHeader")
    return found


def _words(error: ValueError) -> str:
    at_end = isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(error.doc) or error.msg.startswith("Unterminated")
    )
    return "unexpected end of JSON input" if at_end else "it is no JSON"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadSignature(f"{_UNPARSED}json: duplicate key '{name}' in object")
        found[name] = value
    return found


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Read base64 without padding, as Go does: line ends count for nothing. Raises: BadSignature."""
    wrong = _NO_BASE64.search(text)
    bare = text.replace("\r", "").replace("\n", "")
    if wrong or len(bare) % 4 == 1:
        at = wrong.start() if wrong else len(text.rstrip("\r\n")) - 1
        raise BadSignature(f"{_UNPARSED}illegal base64 data at input byte {len(text[:at].encode('utf-8', 'replace'))}")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
