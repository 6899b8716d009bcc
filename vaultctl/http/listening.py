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
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

BACKLOG = 1024
MOST_CONNECTIONS = 4096
"""So many connections are open at a time, or fewer where the system gives fewer descriptors."""

_RESERVE = 256
"""Descriptors that are left for the state, its locks, and the library itself."""

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
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    given = _DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(min(MOST_CONNECTIONS, given - _RESERVE), 16)


def thin_out(listening: socket.socket, allowed: int, answering: Container[str]) -> int:
    """Where nearly all connections are taken, end those that were silent longest; tell how many.

    `answering` are the addresses, HOST:PORT, of clients that wait for an answer: they are left alone. A client that was
    sent away can connect again, which one that was never let in cannot.
    """
    if len(os.listdir("/dev/fd")) < allowed * 9 // 10:
        return 0
    there = list(_connections(listening))
    too_many = len(there) - allowed * 3 // 4
    silent = sorted((pair for pair in there if _address(pair[1]) not in answering), key=lambda pair: -pair[0])
    ended = silent[: max(too_many, 0)]
    for _, connection in ended:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for _, connection in there:
        connection.close()
    return len(ended)


def _connections(listening: socket.socket) -> Iterator[tuple[int, socket.socket]]:
    """Give a duplicate of each connection to the listening socket's port, and for how many ms it was silent."""
    port = listening.getsockname()[1]
    for name in os.listdir("/dev/fd"):
        connection = _duplicate(int(name))
        if connection is None:
            continue
        try:
            is_one = connection.family == listening.family and connection.getsockname()[1] == port
            silent_ms = _silent_ms(connection) if is_one and connection.getpeername() else -1
        except OSError:
            silent_ms = -1
        if silent_ms < 0:
            connection.close()
        else:
            yield silent_ms, connection


def _duplicate(fd: int) -> socket.socket | None:
    """Duplicate a descriptor that is a socket, so that it stays what it is while it is looked at."""
    try:
        ours = os.dup(fd)
    except OSError:
        return None
    try:
        return socket.socket(fileno=ours)
    except OSError:
        os.close(ours)
        return None


def _silent_ms(connection: socket.socket) -> int:
    if sys.platform != "linux":
        return 0
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_RECEIVED + 4)
    return int(struct.unpack_from("=I", told, _LAST_RECEIVED)[0])


def _address(connection: socket.socket) -> str:
    try:
        host, port = connection.getpeername()[:2]
    except OSError:
        return ""
    return f"{host}:{port}"
