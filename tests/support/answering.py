"""A server of HTTP that says what it is told to, and keeps what it was asked: for all that no Vault does."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Reply = Callable[[str], bytes]


class Server:
    """Answers each request with what `reply` makes of its text; nothing is an end without an answer."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None, path: str = "") -> None:
        self._reply = reply
        self._tls = tls
        self._listening = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listening.bind(path or ("127.0.0.1", 0))
        self._listening.listen()
        self.asked: list[str] = []
        self.connections = 0
        self.port = 0 if path else self._listening.getsockname()[1]
        self.address = f"unix://{path}" if path else f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        """Answer until the socket is closed."""
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), self._secured(connection) as connection:
            while text := _request(connection):
                self.asked.append(text)
                said = self._reply(text)
                connection.sendall(said)
                if not said or b"Content-Length" not in said:
                    connection.close()
                    return

    def _secured(self, connection: socket.socket) -> socket.socket:
        """Begin TLS, if that is what is spoken here. A failure leaves nothing open."""
        try:
            return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
        except OSError:
            connection.close()
            raise


def _request(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return ""
        data += piece
        if data.startswith(b"\x16"):
            return "TLS"
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        piece = connection.recv(missing)
        body, missing = body + piece, missing - len(piece)
    return (head + b"\r\n\r\n" + body).decode()


def says(status: int, body: str = "", **headers: str) -> bytes:
    """Write an answer; names of headers have underscores for dashes."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


@contextmanager
def answering(reply: Reply | bytes, **options: object) -> Iterator[Server]:
    """Run a server on a free port of this machine, and end it."""
    server = Server(reply if callable(reply) else lambda _text: reply, **options)  # type: ignore[arg-type]
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.close()
