"""The socket that the server listens on, how many may come, and who is sent away when they are too many.

The library takes connections from a duplicate of this socket. So the address is bound once, and by nobody else, as long
as the server lives; whoever connects while one certificate follows another waits in the one queue.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

BACKLOG = 1024
MOST_CONNECTIONS = 4096
"""So many connections are open at a time, or fewer where the system gives fewer descriptors."""

_RESERVE = 256
"""Descriptors that are left for the state, its locks, and the library itself."""

_SPARE = 32
"""Descriptors that are taken only where all others are."""

_DESCRIPTORS = 65_536
_UNREAD_MS = 30_000
"""Who takes nothing of an answer for so long is cut off, where the system can be told that."""

_LAST_RECEIVED = 52
"""Where Linux's `struct tcp_info` has the milliseconds since data came last, a number of four bytes."""


def listen(host: str, port: int) -> socket.socket:
    """Bind the address and listen. Raises: OSError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, kind)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What is accepted inherits these.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "linux":
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
        if family == socket.AF_INET6 and host == "::":
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.settimeout(0)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def nobody() -> socket.socket:
    """Give a listening socket that nobody can connect to: its name is gone before anybody sees it."""
    silent = socket.socket(socket.AF_UNIX)
    silent.settimeout(0)
    with tempfile.TemporaryDirectory(prefix="vaultctl-") as folder:
        silent.bind(os.path.join(folder, "nobody"))
    silent.listen(1)
    return silent


def connections_allowed() -> int:
    """Ask the system for as many descriptors as it gives, and tell how many connections that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most - _SPARE, hard))
        soft = most - _SPARE
    given = _DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(min(MOST_CONNECTIONS, given - _RESERVE), 16)


def has_run_out() -> bool:
    """Tell whether there are hardly any descriptors left."""
    return len(_descriptors()) >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE // 4


@contextmanager
def spare_descriptors() -> Iterator[None]:
    """Have some more descriptors for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft + _SPARE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def knock(listening: socket.socket) -> None:
    """Connect for a moment, so that whoever waits for connections looks for those that came before."""
    with socket.socket(listening.family) as knocking, suppress(OSError):
        knocking.settimeout(0)
        host, port = listening.getsockname()[:2]
        loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # to be reached, not to be bound
        knocking.connect((loopback.get(host, host), port))


def thin_out(listening: socket.socket, allowed: int, answering: Container[str]) -> int:
    """Where nearly all connections are taken, end those that were silent longest; tell how many.

    `answering` are the addresses, HOST:PORT, of clients that wait for an answer: they are left alone. A client that was
    sent away can connect again, which one that was never let in cannot.
    """
    if len(_descriptors()) < allowed * 9 // 10:
        return 0
    there = [(_silent_ms(connection), fd, client) for fd, client, connection in _connections(listening)]
    silent = sorted((each for each in there if each[2] not in answering), reverse=True)
    ended = {fd: client for _, fd, client in silent[: max(len(there) - allowed * 3 // 4, 0)]}
    for fd, client, connection in _connections(listening) if ended else ():
        if ended.get(fd) == client:
            _shut(connection, socket.SHUT_RDWR)
    return len(ended)


def stop_reading(listening: socket.socket, clients: Container[str]) -> None:
    """Take nothing more from these clients, HOST:PORT; what is sent to them still reaches them."""
    for _, client, connection in _connections(listening):
        if client in clients:
            _shut(connection, socket.SHUT_RD)


def _connections(listening: socket.socket) -> Iterator[tuple[int, str, socket.socket]]:
    """Give each connection to the listening socket's port: its descriptor, its client's address, and itself.

    They are the library's own descriptors, looked at for a moment: a duplicate of each would be one more, where they
    may have run out. One that is closed meanwhile, and is something else by then, is none of ours, or a new client's.
    """
    port = listening.getsockname()[1]
    for fd in _descriptors():
        try:
            connection = socket.socket(fileno=fd)
        except OSError:
            continue
        try:
            if connection.family == listening.family and connection.getsockname()[1] == port:
                host, number = connection.getpeername()[:2]
                yield fd, f"{host}:{number}", connection
        except OSError:
            continue
        finally:
            connection.detach()


def _descriptors() -> list[int]:
    """Give the descriptors that are open; where none is left to look with, all that may be."""
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return list(range(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):
        connection.shutdown(how)


def _silent_ms(connection: socket.socket) -> int:
    """Tell for how long nothing came, where the system knows."""
    if sys.platform != "linux":
        return 0
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_RECEIVED + 4)
    except OSError:
        return 0
    return int(struct.unpack_from("=I", told, _LAST_RECEIVED)[0])
