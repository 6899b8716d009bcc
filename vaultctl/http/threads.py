"""A server of one door in threads of this process, for tests: on loopback, at a port that is free.

A test's server starts and ends with the test, in a process that is somebody else's: no signals, no event loop. What
serves people is `server`; why this one is another: docs/decisions/0011-vault-for-tests.md
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from vaultctl.http import heads, pages, wire
from vaultctl.http.bodies import Body, Held
from vaultctl.logical.errors import NoAnswer, VaultError, where
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from vaultctl.http.heads import Head
    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door

_LOOPBACK = "127.0.0.1"
_PIECE_B = 1 << 16


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
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Conversation(connection, self.door).hold()
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]


class _Conversation:
    """One connection: request after request."""

    def __init__(self, connection: socket.socket, door: Door) -> None:
        self._connection = connection
        self._door = door
        self._received = bytearray()

    def hold(self) -> None:
        """Answer what comes, until either side has had enough. Raises: OSError."""
        while self._answer_one():
            pass

    def _answer_one(self) -> bool:
        """Answer one request; tell whether another one may follow."""
        method, keeps = "", False
        try:
            head = self._head()
            if head is None:
                return False
            method = head.method
            body = self._body(head)
            if body is None:
                return False
            keeps = head.framing.keeps and not head.framing.to_tell
            call = wire.Call(method, head.target, head.framing.headers, body, _LOOPBACK)
            answer = _answer(self._door, call)
        except ConnectionCut as cut:
            self._connection.sendall(_part(cut, method))
            return False
        except VaultError as error:  # what follows is not to be read
            answer = wire.write_error(error, method)
        self._connection.sendall(b"".join(heads.write(answer, method, keeps=keeps)))
        return keeps

    def _head(self) -> Head | None:
        """Read a head, or give None where none comes any more. Raises: BadHead."""
        searched_b = 0
        while (head := heads.take(self._received, searched_b)) is None:
            searched_b = len(self._received)
            if not self._receive():
                return None
        return head

    def _body(self, head: Head) -> bytes | None:
        """Read a body, or give None where it stops in the middle. Raises: TooLarge, InvalidRequest."""
        if head.framing.length_b == 0:
            return b""
        if head.framing.awaits:
            self._connection.sendall(heads.CONTINUE)
        body = Body(head, Held(2 * wire.MAX_BODY_B), 0.0)
        while (whole := body.take(self._received)) is None:
            if not self._receive():
                return None
        return whole

    def _receive(self) -> bool:
        """Take what comes; tell whether anything did."""
        part = self._connection.recv(_PIECE_B)
        self._received += part
        return bool(part)


def _part(cut: ConnectionCut, method: str) -> bytes:
    """Give what still goes out: at least half of the head, and less than the whole."""
    if cut.answer is None:
        return b""
    answer = wire.write_response(cut.answer) if isinstance(cut.answer, Response) else wire.write_error(cut.answer)
    head = b"".join(heads.write(answer, "HEAD", keeps=True))
    body = answer.body if method != "HEAD" else b""
    return head + body[: int(len(body) * cut.share)] if body else head[: len(head) // 2]


def _answer(door: Door, call: Call) -> Answer:
    """Give the answer. Raises: ConnectionCut."""
    try:
        return pages.answer_alone(call) or wire.write_response(door.handle(wire.read_call(call)), call)
    except ConnectionCut:
        raise
    except VaultError as error:
        return wire.write_error(error, call.method)
    except Exception as error:  # the outer edge; who runs tests may know where it was
        return wire.write_error(VaultError(f"internal error: {where(error)}"))
