"""The heads of requests on the wire, and the heads of answers. Pure functions.

What headers say is h11's to tell: see docs/decisions/0019-http-server-on-asyncio.md
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http.client import responses
from typing import TYPE_CHECKING, NamedTuple

import h11

from vaultctl.http import wire
from vaultctl.logical.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.http.wire import Answer

MAX_B = 128 << 10
"""So long may the head of a request be."""

_MOST_LINES = 256
"""So many headers may it have: each takes some time to read."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
"""What methods and the names of headers are made of."""

_END = re.compile(rb"\n\r?\n")
_BEGIN = re.compile(TOKEN)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
"""What is no text. Beyond that it is what makes the library's expressions go back over blanks again and again."""

_LINE = re.compile(rb"(" + TOKEN + rb"+) ([^\x00-\x20\x7f]+) HTTP/1\.([0-9])\r?\n")
_AUTHORITY = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_LINE_ENDS = re.compile(r"[\r\n]")
_MOST_B = (1 << 63) - 1
_COPIED_B = 64 << 10
_KEPT_B = 4 << 10
_KEPT = 256
"""Headers up to this length are kept, those of the last so many requests: a client sends the same ones again."""


class BadHead(VaultError):
    """The head of a request cannot be read; where the next one would begin is not known."""

    status = 400


class HeadTooLong(BadHead):
    """The head of a request is longer than any that a client of the API sends."""

    status = 431


class Framing(NamedTuple):
    """What headers say: what they are, how long a body comes, and what becomes of the connection.

    `length_b` is None where the body comes in chunks. Who `awaits` wants to be told to go on before it sends the body.
    One `to_tell` speaks HTTP/1.0, and does not know that the connection is kept unless it is told.
    """

    headers: Mapping[str, str]
    length_b: int | None
    keeps: bool
    awaits: bool
    to_tell: bool = False


class Head(NamedTuple):
    """One head: its line, and what its headers say."""

    method: str
    target: str
    framing: Framing

    def __repr__(self) -> str:
        """Name the method alone: all else may hold what is secret."""
        return f"Head({self.method})"


def take(received: bytearray, searched_b: int = 0) -> Head | None:
    """Take a head off the front of what was received, or give None while it is not there in full. Raises: BadHead.

    In the first `searched_b` bytes there was no end before.
    """
    while received and received[0] in b"\r\n":  # some clients end a body with a line of its own
        del received[0]
    if received and not _BEGIN.match(received):  # TLS, for example, whose client waits
        raise _malformed()
    found = _END.search(received, max(searched_b - 2, 0))
    if found is None or found.end() > MAX_B:
        if len(received) > MAX_B:
            raise HeadTooLong("the head of the request is too long")
        return None
    head = bytes(received[: found.end()])
    del received[: found.end()]
    line = _LINE.match(head)
    if line is None:
        raise _malformed()
    target = line[2].decode("latin-1")
    if not target.startswith("/"):
        target = _AUTHORITY.sub("", target, count=1) or "/"
    block = head[line.end() :]
    if block.count(b"\n") > _MOST_LINES:
        raise HeadTooLong("the head of the request has too many lines")
    read = _read if len(block) <= _KEPT_B else _read.__wrapped__
    return Head(line[1].decode(), target, read(block, b"0" if line[3] == b"0" else b"1"))


@lru_cache(maxsize=_KEPT)
def _read(block: bytes, minor: bytes) -> Framing:
    """Read headers. Raises: BadHead."""
    request = _parsed(block, minor)
    sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    headers = wire.headers_of(sent)
    chunked = "transfer-encoding" in headers
    length = None if chunked else int(headers.get("content-length", "0"))
    if length is not None and length > _MOST_B:
        raise _malformed()
    said = {word.strip().lower() for name, value in sent if name == "connection" for word in value.split(",")}
    is_old = minor == b"0"
    # Of what has both lengths and chunks the chunks count, and nothing more is read from whoever sent it.
    ends = "close" in said or (chunked and (is_old or "content-length" in headers))
    keeps = not ends and (not is_old or "keep-alive" in said)
    awaits = minor == b"1" and headers.get("expect", "").lower() == "100-continue"
    return Framing(headers, length, keeps, awaits, to_tell=keeps and is_old)


def _parsed(block: bytes, minor: bytes) -> h11.Request:
    """Have the library read headers. Raises: BadHead.

    It is shown another request line: it takes no target that is not ASCII, and knows nothing that depends on the line.
    """
    if _CONTROL.search(block):
        raise _malformed()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * MAX_B)
    connection.receive_data(b"POST / HTTP/1." + minor + b"\r\n" + block)
    try:
        request = connection.next_event()
    except h11.RemoteProtocolError as error:
        refused = _malformed()
        refused.status = error.error_status_hint
        raise refused from None
    if not isinstance(request, h11.Request) or connection.trailing_data[0]:
        raise _malformed()
    return request


def _malformed() -> BadHead:
    return BadHead("malformed HTTP request")


def write(answer: Answer, method: str, *, keeps: bool) -> Sequence[bytes | memoryview]:
    """Write an answer to a request with this method: its head, and its body where it may have one.

    They are one piece, but for a body that takes longer to copy than to send by itself.
    """
    status = answer.status if answer.status >= 200 else 200  # as Go, which takes what is below for a word in between
    has_body = status not in (204, 304)
    length = b"Content-Length: %d\r\n" % len(answer.body) if has_body else b""
    end = b"\r\n" if keeps else b"Connection: close\r\n\r\n"
    body = answer.body if has_body and method != "HEAD" else b""
    head = _fixed(status, answer.headers), _date(int(time.time())), length, end
    if len(body) <= _COPIED_B:
        return (b"".join((*head, body)),)
    return b"".join(head), memoryview(body)


@lru_cache(maxsize=64)
def _fixed(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} {responses.get(status, '')}", *map(": ".join, headers)]
    # Some values are what a client said, or a server elsewhere.
    return "".join(f"{_LINE_ENDS.sub(' ', line)}\r\n" for line in lines).encode("latin-1", "replace")


@lru_cache(maxsize=1)
def _date(now_s: int) -> bytes:
    return f"Date: {formatdate(now_s, usegmt=True)}\r\n".encode()
