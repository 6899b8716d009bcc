"""Requests and answers on the wire, in both directions: what a server reads and writes, and what a client does.

Pure functions between the contract and `Call` and `Answer`, which hold what HTTP has. No sockets; the few paths that a
server answers without asking anybody are in `pages`. Source: OpenBao 2.7, recorded over HTTP.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlencode

from vaultctl.http import query
from vaultctl.http.body import read_body
from vaultctl.logical import durations, json_text, paths
from vaultctl.logical.errors import (
    InvalidRequest,
    NoRoute,
    NoSuchMethod,
    NotFound,
    NotOffered,
    PermissionDenied,
    Sealed,
    ServerError,
    TooLarge,
    UnsupportedOperation,
    VaultError,
    WrongContentType,
)
from vaultctl.logical.request import MERGE_PATCH, NOTHING, Operation, Request
from vaultctl.logical.response import Lease, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API = "/v1/"
MAX_BODY_B = 33_554_432
"""A body may be so long."""

JSON = "application/json"
ALWAYS = (("Cache-Control", "no-store"), ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
"""Headers of every answer."""

_OF_JSON = (("Content-Type", JSON), *ALWAYS)

_OF_THE_SERVER = frozenset({"sys/health", "sys/init", "sys/leader", "sys/seal-status"})
"""These tell of the server itself: namespaces and response wrapping are nothing to them. Source: OpenBao 2.7."""

_SERVERS_ALONE = frozenset({"sys/health", "sys/init"})
"""Of these the engine behind `sys/` knows nothing. Source: OpenBao 2.7."""


class Call(NamedTuple):
    """A request as HTTP has it. `target` is path and query as they were sent; names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    remote_addr: str = ""

    def __repr__(self) -> str:
        """Name the method alone: all else may hold what is secret."""
        return f"Call({self.method})"


class Answer(NamedTuple):
    """An answer as HTTP has it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        """Name the status, and nothing of the body."""
        return f"Answer({self.status})"


# --- the server's half ---


def headers_of(sent: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give headers by their names, which are in lower case: of several that are called the same, the first one counts.

    Whatever a proxy puts in front of what a client sent is in force. Source: OpenBao 2.7, where of several
    Authorization headers it is the first one that has a token.
    """
    headers = dict(reversed(sent))
    if len(headers) != len(sent) and "authorization" in headers:
        bearers = (value for name, value in sent if name == "authorization" and value.startswith("Bearer "))
        headers["authorization"] = next(bearers, headers["authorization"])
    return headers


_STRUCTS = {"sys/init": "http.InitRequest", "sys/unseal": "http.UnsealRequest"}
"""What Go reads a body into, where that is no map."""


def read_call(call: Call) -> Request:
    """Give the request that a call below `/v1/` stands for. Raises: VaultError.

    The body is read before anybody looks at the token: what is no JSON is 400 to everybody.
    """
    escaped_path, _, query_text = call.target.partition("?")
    path = escaped_path.removeprefix(API)
    if "%" in path:
        path = unquote(path)  # bytes that are no UTF-8 become U+FFFD
    if call.method not in query.METHODS:
        raise NoSuchMethod
    if "." in path and not {".", ".."}.isdisjoint(path.split("/")):
        raise InvalidRequest("relative paths not supported")
    if path in _SERVERS_ALONE and escapes_sys(call):
        raise ServerError(405, "unsupported operation")
    asked = query.read(query_text) if query_text else {}
    operation = query.take_operation(call.method, asked)
    headers = call.headers
    content_type = headers.get("content-type", "")
    data: Mapping[str, Any] = NOTHING
    # Source: OpenBao 2.7, where a PATCH of the wrong type is refused before its body is read.
    patches = operation is Operation.PATCH and content_type.partition(";")[0].strip().lower() == MERGE_PATCH
    if operation is Operation.UPDATE or patches:
        data = read_body(content_type, call.body, _STRUCTS.get(path, ""))
    return Request(
        operation,
        path,
        namespace=_namespace_of(headers["x-vault-namespace"], path) if "x-vault-namespace" in headers else "",
        data=data,
        query=NOTHING if operation in (Operation.UPDATE, Operation.PATCH) else asked,
        content_type=content_type,
        token=headers.get("x-vault-token") or _bearer_of(headers),
        wrap_ttl_s=_wrap_ttl_s(headers["x-vault-wrap-ttl"], path) if "x-vault-wrap-ttl" in headers else 0.0,
        wrap_format=headers.get("x-vault-wrap-format", ""),
        remote_addr=call.remote_addr,
        sent_headers=headers,
    )


def bad_chunks() -> InvalidRequest:
    """Give the refusal of a body whose chunks are none."""
    return InvalidRequest("malformed chunked encoding")


def escapes_sys(call: Call) -> bool:
    """Tell whether the slash behind `sys` came as an escape: then the path is as any engine's.

    Source: OpenBao 2.7, whose server knows its own paths, and those whose data stands at the top too, by that slash.
    """
    if "%" not in call.target:
        return False
    first = call.target.removeprefix(API).partition("?")[0].partition("/")[0]
    return unquote(first).startswith("sys/")


def write_response(response: Response, call: Call | None = None) -> Answer:
    """Write what a door answered, as it is said to this call."""
    if response.mirrored and call and escapes_sys(call):
        response = response._replace(mirrored=False)
    body: bytes | None = None
    if response.raw is not None:
        body = _json(response.raw) if response.raw else None
    elif response.status in (200, 202) or (not response.status and _says_something(response)):
        body = _envelope(response)
    return _answer(response.status or (204 if body is None else 200), body, response.headers)


def write_error(error: VaultError, method: str = "") -> Answer:
    """Write what a door refused. Only one whose refusal has data or warnings is put into an envelope.

    Source: OpenBao 2.7, where a PATCH of what is not there is answered without a body.
    """
    if error.data is None and not error.warnings:
        if method == "PATCH" and error.status == 404 and not error.errors:
            return _answer(404, None)
        return _answer(error.status, _json({"errors": list(error.errors)}))
    answered = Response(error.status, error.data, warnings=error.warnings, request_id=error.request_id)
    return _answer(error.status, _envelope(answered))


def _namespace_of(header: str, path: str) -> str:
    name = paths.clean(header.strip(" ").strip("/"))
    return "" if name in (".", "root") or path in _OF_THE_SERVER else name + "/"


def _bearer_of(headers: Mapping[str, str]) -> str:
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    return rest.strip(" \t") if scheme == "Bearer" else ""


def _wrap_ttl_s(header: str, path: str) -> float:
    if not header or path in _OF_THE_SERVER:
        return 0.0
    try:
        seconds = durations.parse(header.strip(" \t"))  # not every server does that before
    except durations.DurationError as error:
        raise InvalidRequest(f"error parsing X-Vault-Wrap-TTL header: {error}") from None
    if seconds < 0:
        raise InvalidRequest("error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative")
    return seconds


def _says_something(response: Response) -> bool:
    return (
        response.data is not None
        or response.auth is not None
        or response.wrap_info is not None
        or bool(response.warnings)
    )


def _envelope(response: Response) -> bytes:
    """Write the envelope; the data is made text once, be it there twice."""
    data = b"null" if response.data is None else json_text.page(response.data)
    head = b'"request_id":%b,"lease_id":"","renewable":false,"lease_duration":0' % json_text.page(response.request_id)
    if response.lease:
        head = json_text.page({"request_id": response.request_id, **_lease_of(response.lease)})[1:-1]
    tail = b'"wrap_info":null,"warnings":null,"auth":null'
    if response.wrap_info is not None or response.warnings or response.auth is not None:
        warnings = list(response.warnings) or None
        tail = json_text.page({"wrap_info": response.wrap_info, "warnings": warnings, "auth": response.auth})[1:-1]
    # Joined once: a table of a thousand mounts takes longer to copy than all else that it needs.
    twice = (memoryview(data)[1:-1], b",") if response.mirrored and response.data else ()
    return b"".join((b"{", *twice, head, b',"data":', data, b",", tail, b"}\n"))


def _lease_of(lease: Lease) -> dict[str, Any]:
    return {"lease_id": lease.lease_id, "renewable": lease.renewable, "lease_duration": lease.duration_s}


def _answer(status: int, body: bytes | None, more: Mapping[str, str] = NOTHING) -> Answer:
    return Answer(status, (*_OF_JSON, *more.items()) if more else _OF_JSON, body or b"")


def _json(value: Mapping[str, Any]) -> bytes:
    return json_text.page(value) + b"\n"


# --- the client's half ---

_VERBS = {
    Operation.READ: ("GET", NOTHING),
    Operation.LIST: ("GET", {"list": "true"}),
    Operation.SCAN: ("GET", {"scan": "true"}),
    Operation.HELP: ("GET", {"help": "1"}),
    Operation.UPDATE: ("PUT", NOTHING),
    Operation.PATCH: ("PATCH", NOTHING),
    Operation.DELETE: ("DELETE", NOTHING),
    Operation.HEAD: ("HEAD", NOTHING),
}
_ENVELOPE = frozenset(
    {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"}
)
_ERRORS: dict[int, type[VaultError]] = {
    400: InvalidRequest,
    403: PermissionDenied,
    404: NoRoute,
    405: UnsupportedOperation,
    413: TooLarge,
    415: WrongContentType,
    501: NotOffered,
    503: Sealed,
}


def write_request(request: Request) -> Call:
    """Write a request as a client sends it: listings as GET, which passes every proxy."""
    method, added = _VERBS[request.operation]
    asked = urlencode({**request.query, **added}, doseq=True)
    target = API + paths.escaped(request.path) + (f"?{asked}" if asked else "")
    body = b""
    if request.operation in (Operation.UPDATE, Operation.PATCH):
        body = json_text.dumps(dict(request.data), compact=True).encode("utf-8", "backslashreplace")
    return Call(method, target, _headers_of(request, has_body=bool(body)), body)


def read_answer(answer: Answer, request: Request) -> Response:
    """Give what a server answered. Raises: VaultError, of the class that goes with the status."""
    said = _said(answer)
    if answer.status >= 400 and _is_refusal(said):
        raise _refusal(answer.status, said, request)
    if not 200 <= answer.status < 300 and not isinstance(said, dict):
        raise ServerError(answer.status, f"the server answered {answer.status}, which is no answer of the API")
    if not isinstance(said, dict):
        return Response(answer.status)
    if "request_id" not in said and not isinstance(said.get("data"), dict | None):
        raise ServerError(answer.status, f"the server answered {answer.status} with data of a kind that no Vault does")
    if "request_id" not in said or "data" not in said:
        return Response(answer.status, raw=said)
    duration_s, lease_id, renewable = (said.get(key) for key in ("lease_duration", "lease_id", "renewable"))
    lease = Lease(duration_s or 0, lease_id or "", bool(renewable))
    return Response(
        answer.status,
        said["data"],
        auth=said.get("auth"),
        lease=lease if any(lease) else None,
        wrap_info=said.get("wrap_info"),
        warnings=tuple(said.get("warnings") or ()),
        request_id=said["request_id"],
        mirrored=bool(said.keys() - _ENVELOPE),
    )


def _headers_of(request: Request, *, has_body: bool) -> dict[str, str]:
    """Give the headers of a request; none is there without a value."""
    ttl = f"{request.wrap_ttl_s:.9f}".rstrip("0").rstrip(".") + "s" if request.wrap_ttl_s else ""
    headers = {
        "x-vault-request": "true",
        "x-vault-token": request.token,
        "x-vault-namespace": request.namespace,
        "x-vault-wrap-ttl": ttl,
        "x-vault-wrap-format": request.wrap_format,
        "content-type": request.content_type if has_body else "",
        **request.headers,
    }
    return {name: value for name, value in headers.items() if value}


def _said(answer: Answer) -> Any:
    """Read the body of an answer, or give None where it is no JSON."""
    try:
        return json_text.loads(answer.body) if answer.body.strip() else None
    except (ValueError, RecursionError):
        return None


def _is_refusal(said: Any) -> bool:
    """Tell errors from the few answers whose status is 400 and above and that say something, as sys/health does."""
    return not isinstance(said, dict) or "errors" in said or "request_id" in said


def _refusal(status: int, said: Any, request: Request) -> VaultError:
    """Make the error that goes with a status: its class has its words for this process, the server has its own."""
    if not isinstance(said, dict):
        nothing = status == 404 and request.operation is Operation.PATCH
        said = {} if nothing else {"errors": [f"the server answered {status}, and no JSON"]}
    errors = [error if isinstance(error, str) else json.dumps(error) for error in said.get("errors") or ()]
    warnings = tuple(said.get("warnings") or ())
    kind = NotFound if status == 404 and not errors else _ERRORS.get(status)
    error = VaultError.__new__(kind) if kind else ServerError(status, *errors)
    if kind:
        VaultError.__init__(error, *errors, warnings=warnings, data=said.get("data"))
    error.request_id = said.get("request_id") or request.request_id
    return error
