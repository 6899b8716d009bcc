"""Clients that no server deserves, and what of a server they change."""

import random
import selectors
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def connections(port: int, many: int) -> Iterator[list[socket.socket]]:
    """Open so many connections, which are closed at the end."""
    opened: list[socket.socket] = []
    try:
        while len(opened) < many:
            opened.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        yield opened
    finally:
        for connection in opened:
            connection.close()


def send_as_taken(connections: Iterable[socket.socket], data: bytes) -> None:
    """Send to all at a time, until each has taken all, or wants no more, or was closed."""
    with selectors.DefaultSelector() as waiting:
        for connection in connections:
            connection.setblocking(False)
            waiting.register(connection, selectors.EVENT_WRITE, memoryview(data))
        while waiting.get_map():
            ready = waiting.select(timeout=2)
            if not ready:
                return
            for key, _ in ready:
                left = key.data
                try:
                    left = left[key.fileobj.send(left[: 1 << 20]) :]
                except OSError:
                    left = left[:0]
                if left:
                    waiting.modify(key.fileobj, selectors.EVENT_WRITE, left)
                else:
                    waiting.unregister(key.fileobj)


def drip(connections: Iterable[socket.socket], data: bytes, position: int) -> None:
    """Send one byte to each: that at this position."""
    for connection in connections:
        with suppress(OSError):
            connection.send(data[position : position + 1])


def received(connection: socket.socket) -> bytes:
    """Give all that comes until the other side closes."""
    connection.settimeout(60)
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def rss_b(pid: int) -> int:
    """Give how much memory a process has."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024


def nonsense(seed: int) -> bytes:
    """Give bytes that are no HTTP, or nearly are."""
    dice = random.Random(seed)
    kinds = (
        lambda: dice.randbytes(dice.randrange(1, 4096)),
        lambda: b"\x16\x03\x01" + dice.randbytes(200),
        lambda: b"GET /v1/" + dice.randbytes(50) + b" HTTP/1.1\r\n\r\n",
        lambda: b"GET /v1/sys/health HTTP/1.1\r\n" + dice.randbytes(100) + b": x\r\n\r\n",
        lambda: b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        lambda: b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        lambda: b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        lambda: b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n" + dice.randbytes(9),
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + dice.randbytes(60),
        lambda: b"GET http://[::1/v1/x HTTP/9.9\r\n\r\n",
        lambda: b"\r\n" * dice.randrange(1, 3000),
        lambda: b"GET /v1/%00%ff%zz?list=\xff HTTP/1.1\r\nHost: x\r\nX-Vault-Token: \xff\x01\r\n\r\n",
        lambda: b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        lambda: b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
    )
    return dice.choice(kinds)()
