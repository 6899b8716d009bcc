"""HTTP/1.1 as a client speaks it, over a socket that somebody else opened: no more of it than the Vault API needs.

The standard library's http.client does the same and takes 23 ms longer to import, which is a third of a whole command:
see docs/decisions. What is no HTTP is refused with Go's words, because those are what people look for.
"""

import re
import select
import socket
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

HEAD_MAX_B = 1 << 20
BODY_MAX_B = 128 << 20
"""More than any answer of the API: what sends it is no Vault, and shall not fill our memory."""

_PIECE_B = 1 << 16
_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Answer(NamedTuple):
    """A status, headers by their names in lower case, and a body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class BrokenAnswer(Exception):
    """What came is no HTTP."""


class NoAnswerBytes(Exception):
    """The other side closed before it said anything; on a connection that was used before, that is no error of it."""


def head(method: str, target: str, host: str, headers: Iterable[tuple[str, str]], body: bytes | None) -> bytes:
    """Write the lines before the body. Raises: ValueError for what would be read as another line."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise _bad_header("name", name)
        if _BAD_VALUE.search(value):
            raise _bad_header("value for", "-".join(part.capitalize() for part in name.split("-")))
        lines.append(f"{name}: {value}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode()


class Link:
    """One connection, for one request at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._until_s = 0.0
        self.was_used = False
        """That it answered before: the other side may have ended it meanwhile."""
        self.is_open = True

    def is_stale(self) -> bool:
        """Tell whether the other side ended it, or said something that nobody asked for."""
        return bool(self._buffer or select.select([self._sock], [], [], 0)[0])

    def ask(self, request: bytes, until_s: float) -> Answer:
        """Send one request and read its answer, until that moment of the monotonic clock.

        Raises: OSError, TimeoutError among them; BrokenAnswer; NoAnswerBytes.
        """
        self._until_s = until_s
        self._sock.settimeout(self._left_s())
        self._sock.sendall(request)
        while True:
            status, version, headers = self._head()
            if status >= 200:
                break
        has_body = not request.startswith(b"HEAD ")  # it is told how long it would be, and does not come
        answer = Answer(status, headers, self._body(status, headers) if has_body else b"")
        wants_end = "close" in headers.get("connection", "").lower() or version == b"0"
        if wants_end or not self.is_open:
            self.close()
        self.was_used = True
        return answer

    def close(self) -> None:
        """End it."""
        self.is_open = False
        self._sock.close()

    def _left_s(self) -> float:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _fill(self) -> bool:
        """Take what has come; tell whether there was anything."""
        self._sock.settimeout(self._left_s())
        piece = self._sock.recv(_PIECE_B)
        self._buffer += piece
        return bool(piece)

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > HEAD_MAX_B:
                raise BrokenAnswer("net/http: server response headers exceeded 1048576 bytes; aborted")
            if not self._fill():
                if not self._buffer:
                    raise NoAnswerBytes
                break
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _head(self) -> tuple[int, bytes, dict[str, str]]:
        first = self._line()
        match = _STATUS.fullmatch(first)
        if not match:
            raise _broken("malformed HTTP response", first[:200].decode(errors="replace"))
        headers: dict[str, str] = {}
        size_b = 0
        while line := self._next_header():
            size_b += len(line)
            name, colon, value = line.partition(b":")
            if not colon or size_b > HEAD_MAX_B:
                raise BrokenAnswer("net/http: HTTP/1.x transport connection broken: malformed MIME header line")
            key, text = name.decode("latin-1").strip().lower(), value.decode("utf-8", "replace").strip()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        return int(match[2]), match[1], headers

    def _next_header(self) -> bytes:
        try:
            return self._line()
        except NoAnswerBytes:
            raise BrokenAnswer("unexpected EOF") from None

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = headers.get("content-length")
        if length is None:
            return self._rest()
        if not (length.isascii() and length.isdigit()):
            raise _broken("bad Content-Length", length)
        return self._exactly(_checked(int(length)))

    def _exactly(self, length_b: int) -> bytes:
        body = bytearray(self._buffer[:length_b])  # a list of pieces could weigh many times what is in them
        self._buffer = self._buffer[length_b:]
        while len(body) < length_b:
            self._sock.settimeout(self._left_s())
            piece = self._sock.recv(min(length_b - len(body), _PIECE_B))
            if not piece:
                raise BrokenAnswer("unexpected EOF")
            body += piece
        return bytes(body)

    def _rest(self) -> bytes:
        """Read to the end of the connection."""
        body = bytearray(self._buffer)
        self._buffer = b""
        while self._fill():
            _checked(len(body) + len(self._buffer))
            body += self._buffer
            self._buffer = b""
        self.is_open = False
        return bytes(body)

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            size = self._next_header().partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                raise BrokenAnswer("net/http: HTTP/1.x transport connection broken: invalid byte in chunk length")
            if int(size, 16) == 0:
                while self._next_header():
                    pass
                return bytes(body)
            _checked(len(body) + int(size, 16))
            body += self._exactly(int(size, 16))
            if self._next_header():
                raise BrokenAnswer("net/http: HTTP/1.x transport connection broken: malformed chunked encoding")


def _checked(size_b: int) -> int:
    """Give the size of a body. Raises: BrokenAnswer where it is too large to be an answer."""
    if size_b > BODY_MAX_B:
        raise BrokenAnswer(f"the answer is larger than {BODY_MAX_B >> 20} MiB")
    return size_b


def _bad_header(what: str, name: str) -> ValueError:
    from vaultctl.logical.go_text import quoted

    return ValueError(f"net/http: invalid header field {what} {quoted(name)}")


def _broken(why: str, text: str) -> BrokenAnswer:
    from vaultctl.logical.go_text import quoted

    return BrokenAnswer(f"net/http: HTTP/1.x transport connection broken: {why} {quoted(text)}")
