"""What the server answers without asking a door: redirects, paths outside of the API, paths that cannot be read.

Source: OpenBao 2.7, recorded over HTTP. It has pages for browsers at `/ui/`; here that path leads nowhere.
"""

from html import escape
from urllib.parse import unquote_to_bytes

from vaultctl.http.body import BAD_ESCAPE
from vaultctl.http.wire import ALWAYS, API, JSON, Answer, Call

_ROBOTS = b"# http://www.robotstxt.org\nUser-agent: *\nDisallow: /\n"
_NO_ERRORS = b'{"errors":[]}\n'


def answer_alone(call: Call) -> Answer | None:
    """Answer what is no matter of the API, or give None for what is."""
    path, mark, query = call.target.partition("?")
    if BAD_ESCAPE.search(path):
        return Answer(400, (("Content-Type", "text/plain; charset=utf-8"), *ALWAYS), b"400 Bad Request")
    cleaned = clean(path)
    if cleaned != path:
        return _redirect(call, cleaned + mark + query)
    if path.startswith(API):
        return None if _is_printable(path) else Answer(400, ALWAYS, b"")
    if path in ("/", "/ui"):
        return _redirect(call, "/ui/")
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
    is_folder = bool(kept) and path.endswith(("/", "/.", "/.."))
    return "/" + "/".join(kept) + ("/" if is_folder else "")


def _is_printable(path: str) -> bool:
    """Tell whether all of a path can be shown."""
    return "%" not in path or unquote_to_bytes(path).decode("utf-8", "ignore").isprintable()


def _redirect(call: Call, target: str) -> Answer:
    if call.method not in ("GET", "HEAD"):
        return Answer(307, (("Location", target), *ALWAYS), b"")
    page = f'<a href="{escape(target)}">Temporary Redirect</a>.\n\n'.encode()
    return Answer(307, (("Content-Type", "text/html; charset=utf-8"), ("Location", target), *ALWAYS), page)
