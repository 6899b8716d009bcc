"""What the log says of a request: never a header, a query or a body, and of the path nothing that may be a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from vaultctl.http.pages import clean

if TYPE_CHECKING:
    from vaultctl.http.wire import Call

_LOOKS_LIKE_TOKEN = re.compile(r"(?:hv[sbr]|[sbr])\.[A-Za-z0-9_.-]{8,}", re.IGNORECASE)
_NAMES_TOKEN = re.compile(
    r"((?:auth/token/(?:lookup|renew|revoke)|sys/wrapping/(?:lookup|unwrap|rewrap|verify)|sys/capabilities)[a-z-]*/+).+",
    re.IGNORECASE | re.DOTALL,
)
"""Paths that may go on with a token or an accessor, whatever that looks like: a root token can be any word."""

_AT_MOST = 8
"""So often may a path be escaped again; one that is so more often is not shown."""

_LONGEST = 512


def log_line(call: Call, status: int, took_s: float) -> str:
    """Write one line."""
    return f"{call.method[:16]} {shown_path(call)} {status} {took_s * 1000:.1f}ms"


def shown_path(call: Call) -> str:
    """Give the path of a request as a log may have it."""
    path = _plain(call.target.partition("?")[0])
    path = _NAMES_TOKEN.sub(r"\1…", _LOOKS_LIKE_TOKEN.sub("…", path))
    for header in ("x-vault-token", "authorization"):
        token = call.headers.get(header, "").removeprefix("Bearer ").strip()
        if token and token in path:
            path = path.replace(token, "…")
    if not path.isprintable():
        path = path.encode("unicode_escape").decode()
    return path if len(path) <= _LONGEST else path[:_LONGEST] + "…"


def _plain(path: str) -> str:
    """Give a path without escapes and without empty and dot segments: a token may hide behind them."""
    for _ in range(_AT_MOST):
        if "%" not in path or (decoded := unquote(path)) == path:
            return clean(path)
        path = decoded
    return "…"
