"""A server of one door in threads of this process, for tests: on loopback, at a port that is free, without a library.

A test's server starts and ends with the test, in a process that is somebody else's: no signals, no event loop, nothing
to install. What serves people is `server`; why this one is another: docs/decisions/0011-vault-for-tests.md
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from http.client import responses
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from vaultctl.http import pages, wire
from vaultctl.logical.errors import NoAnswer, TooLarge, VaultError, where
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door

_LOOPBACK = "127.0.0.1"
_PIECE_B = 1 << 16
_LINE_MAX_B = 1 << 16
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_TOO_LONG = "http: request body too large"


class ConnectionCut(NoAnswer):
    """A door's way to say that its answer gets lost on the way: over HTTP the connection ends within it.

    `answer` is what would have been said, or None where not a byte goes out. `share` is how much of its body does.
    """

    def __init__(self, answer: Response | VaultError | None, share: float = 0.5) -> None:
        super().__init__("EOF" if answer is None else "unexpected EOF")
        self.answer = answer
        self.share = share


class ThreadServer:
    """Answers until it is closed; each connection has a thread of its own."""

    def __init__(self, door: Door) -> None:
        """Begin to listen."""
        self.door = door
        self._listening = socket.create_server((_LOOPBACK, 0), backlog=128)
        self._woken, self._wakes = socket.socketpair()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self.address = f"http://{_LOOPBACK}:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, name="vault accepting", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End all connections, and wait for the threads."""
        self._wakes.close()
        self._accepting.join()
        self._listening.close()
        self._woken.close()
        with self._lock:
            left = dict(self._connections)
        for connection in left.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left:
            thread.join()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(self._listening, selectors.EVENT_READ)
            while all(key.fileobj is self._listening for key, _ in selector.select()):
                with suppress(OSError):
                    self._begin(self._listening.accept()[0])

    def _begin(self, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._serve, args=(connection,), name="vault answering", daemon=True)
        with self._lock:
            self._connections[thread] = connection
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                _Handler(connection, (_LOOPBACK, 0), self)  # type: ignore[arg-type]  # it asks no server for anything
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]


class _Handler(BaseHTTPRequestHandler):
    """One connection: request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ThreadServer  # type: ignore[assignment]

    def handle_one_request(self) -> None:
        """Answer one request, whatever its verb."""
        self.raw_requestline = self.rfile.readline(_LINE_MAX_B + 1)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        refused: VaultError | None = None
        body = b""
        try:
            body = self._body()
        except VaultError as error:
            self.close_connection = True
            refused = error
        headers = wire.headers_of([(name.lower(), value) for name, value in self.headers.items()])
        call = wire.Call(self.command, self.path, headers, body, _LOOPBACK)
        try:
            self._send(self._head(answer := _answer(self.server.door, call, refused)) + answer.body)
        except ConnectionCut as cut:
            self.close_connection = True
            self._send(self._part(cut))

    def _body(self) -> bytes:
        """Read the body; one that is too long is read all the same, up to twice the limit.

        Raises: TooLarge, InvalidRequest for chunks that are none.
        """
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        announced = self.headers.get("content-length", "")
        left = int(announced) if announced.isascii() and announced.isdigit() else 0
        if left <= wire.MAX_BODY_B:
            return self.rfile.read(left)
        left = min(left, 2 * wire.MAX_BODY_B)
        while left > 0 and (piece := self.rfile.read(min(left, _PIECE_B))):
            left -= len(piece)
        raise TooLarge(_TOO_LONG)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        length = 0
        while size := self._chunk_size():
            length += size
            if length > wire.MAX_BODY_B:
                raise TooLarge(_TOO_LONG)
            parts.append(self.rfile.read(size))
            if self.rfile.readline(_LINE_MAX_B).strip():
                raise wire.bad_chunks()
        while self.rfile.readline(_LINE_MAX_B).strip():
            pass
        return b"".join(parts)

    def _chunk_size(self) -> int:
        """Read the line in front of a chunk. Raises: InvalidRequest."""
        size = self.rfile.readline(_LINE_MAX_B).partition(b";")[0].strip()
        if not size or size.strip(_HEX_DIGITS):
            raise wire.bad_chunks()
        return int(size, 16)

    def _head(self, answer: Answer) -> bytes:
        status = answer.status
        lines = [f"HTTP/1.1 {status} {responses.get(status, '')}", *map(": ".join, answer.headers)]
        if status != 204:
            lines.append(f"Content-Length: {len(answer.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def _part(self, cut: ConnectionCut) -> bytes:
        """Give what still goes out: at least half of the head, and less than the whole."""
        if cut.answer is None:
            return b""
        answer = wire.write_response(cut.answer) if isinstance(cut.answer, Response) else wire.write_error(cut.answer)
        head = self._head(answer)
        return head + answer.body[: int(len(answer.body) * cut.share)] if answer.body else head[: len(head) // 2]

    def _send(self, data: bytes) -> None:
        if self.command == "HEAD":
            data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if data else b""
        self.connection.sendall(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the standard library
        """Say nothing: a test's output is not ours."""


def _answer(door: Door, call: Call, refused: VaultError | None) -> Answer:
    """Give the answer. Raises: ConnectionCut."""
    try:
        found = pages.answer_alone(call)
        if found is not None:
            return found
        if refused:
            raise refused
        return wire.write_response(door.handle(wire.read_call(call)), call)
    except ConnectionCut:
        raise
    except VaultError as error:
        return wire.write_error(error, call.method)
    except Exception as error:  # the outer edge; who runs tests may know where it was
        return wire.write_error(VaultError(f"internal error: {where(error)}"))
