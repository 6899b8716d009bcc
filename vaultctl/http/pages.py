"""What the server answers without asking a door: redirects, paths outside of the API, paths that cannot be read.

Source: OpenBao 2.7, recorded over HTTP. It has pages for browsers at `/ui/`; here that path leads nowhere.
"""

import json
from html import escape
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from vaultctl.http.body import BAD_ESCAPE
from vaultctl.http.wire import ALWAYS, API, JSON, Answer, Call


class Own(NamedTuple):
    """How a path that tells of the server itself is asked."""

    methods: frozenset[str]
    not_in_namespaces: bool = False


_SERVERS_OWN = {
    "/v1/sys/health": Own(frozenset({"GET", "HEAD"}), not_in_namespaces=True),
    "/v1/sys/init": Own(frozenset({"GET", "POST", "PUT"}), not_in_namespaces=True),
    "/v1/sys/leader": Own(frozenset({"GET"})),
    "/v1/sys/seal": Own(frozenset({"PATCH", "POST", "PUT"}), not_in_namespaces=True),
    "/v1/sys/seal-status": Own(frozenset({"GET"})),
    "/v1/sys/step-down": Own(frozenset({"PATCH", "POST", "PUT"}), not_in_namespaces=True),
    "/v1/sys/unseal": Own(frozenset({"POST", "PUT"}), not_in_namespaces=True),
}
_SYS = "/v1/sys/"
_OUTSIDE = frozenset(
    (
        "generate-recovery-token",
        "generate-root",
        "in-flight-req",
        "metrics",
        "pprof",
        "raw",
        "rekey",
        "rekey-recovery-key",
    )
)
"""What is refused below `sys/` where a header names a namespace, the root namespace too, whatever is asked of it."""

_ROOTS = ("/v1", "/v1/sys", "/ui")
"""These are folders, whether a slash says so or not."""

_ROBOTS = b"# http://www.robotstxt.org\nUser-agent: *\nDisallow: /\n"
_NO_ERRORS = b'{"errors":[]}\n'


def answer_alone(call: Call) -> Answer | None:
    """Answer what is no matter of the API, or give None for what is."""
    path, mark, query = call.target.partition("?")
    if "%" in path and BAD_ESCAPE.search(path):
        return Answer(400, (("Content-Type", "text/plain; charset=utf-8"),), b"400 Bad Request")
    if path.startswith((API, "/ui/")):
        cleaned = clean(path)
        if cleaned != path:
            return _redirect(call, cleaned + mark + query)
    if path.startswith(API):
        if "%" in path and not unquote_to_bytes(path).decode("utf-8", "ignore").isprintable():
            return Answer(400, (), b"")
        if path == "/v1/sys":
            return _redirect(call, "/v1/sys/" + mark + query)
        if path in _SERVERS_OWN:
            return _of_the_server(call, _SERVERS_OWN[path])
        return _in_no_namespace(call) if "x-vault-namespace" in call.headers and _is_outside(path) else None
    return _outside_of_the_api(call, path)


def _outside_of_the_api(call: Call, path: str) -> Answer:
    if path in ("/", "/ui"):
        return _redirect(call, "/ui/")
    if path == "*" and call.method == "OPTIONS":
        return Answer(200, (), b"")
    if path == "/robots.txt":
        return Answer(200, (("Content-Type", "text/plain; charset=utf-8"), *ALWAYS), _ROBOTS)
    return Answer(404, (("Content-Type", JSON), *ALWAYS), _NO_ERRORS)


def clean(path: str) -> str:
    """Resolve empty and dot segments of a path as it was sent: an escaped slash or dot is none."""
    if "//" not in path and "/." not in path:
        return path
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    cleaned = "/" + "/".join(kept)
    return cleaned + "/" if cleaned in _ROOTS or (kept and path.endswith("/")) else cleaned


def _of_the_server(call: Call, own: Own) -> Answer | None:
    """Refuse what these paths do not take, before anything else of a request is read."""
    refused = _in_no_namespace(call) if own.not_in_namespaces else None
    return refused or (None if call.method in own.methods else _refused(405))


def _is_outside(path: str) -> bool:
    return path.startswith(_SYS) and path[len(_SYS) :].partition("/")[0] in _OUTSIDE


def _in_no_namespace(call: Call) -> Answer | None:
    """Refuse what names a namespace."""
    if call.headers.get("x-vault-namespace", "").strip():
        return _refused(400, "operation unavailable in namespaces")
    return None


def _refused(status: int, *errors: str) -> Answer:
    return Answer(status, (("Content-Type", JSON), *ALWAYS), json.dumps({"errors": errors}).encode() + b"\n")


def _redirect(call: Call, target: str) -> Answer:
    if call.method not in ("GET", "HEAD"):
        return Answer(307, (("Location", target), *ALWAYS), b"")
    page = f'<a href="{escape(target)}">Temporary Redirect</a>.\n\n'.encode()
    return Answer(307, (("Content-Type", "text/html; charset=utf-8"), ("Location", target), *ALWAYS), page)
