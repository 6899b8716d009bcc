"""The socket that the server listens on: how many may come, and who is sent away when they are too many."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vaultctl.http.connection import SILENT_S, UNREAD_S, Connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from vaultctl.http.connection import Shared

_BACKLOG = 1024
MOST_CONNECTIONS = 4096
"""So many connections are open at a time, or fewer where the system gives fewer descriptors."""

_RESERVE = 256
"""Descriptors that are left for the state and its locks."""

_NOT_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
"""What who does not speak TLS is told. Source: Go's server."""

_DESCRIPTORS = 65_536
_AT_A_TIME = 64


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
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_S * 1000))
        if family == socket.AF_INET6 and host == "::":
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.settimeout(0)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def connections_allowed() -> int:
    """Ask the system for as many descriptors as it gives, and tell how many connections that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    given = _DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(min(MOST_CONNECTIONS, given - _RESERVE), 16)


class Listener:
    """Takes connections, and ends those that are late, and those that were silent longest where they are too many."""

    def __init__(
        self, listening: socket.socket, shared: Shared, tls: ssl.SSLContext | None, complain: Callable[[str], None]
    ) -> None:
        """Prepare; `tls` may be followed by another context, which new connections get."""
        self.tls = tls
        self._socket = listening
        self._shared = shared
        self._complain = complain
        self._allowed = connections_allowed()
        self._beginning: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._is_taking = False
        self._ended = 0

    def take(self) -> None:
        """Take connections from now on."""
        if not self._is_taking:
            self._loop.add_reader(self._socket, self._take_some)
            self._is_taking = True

    def pause(self) -> None:
        """Take none, until told otherwise: they wait in the system's queue."""
        if self._is_taking:
            self._loop.remove_reader(self._socket)
            self._is_taking = False

    def look(self, now_s: float) -> None:
        """End connections that are late, and take new ones if there is room again."""
        self._tell_ended()
        for connection in list(self._shared.open):
            connection.look(now_s)
        self.take()

    def close(self) -> None:
        """Take no more, and end those that are idle; the others once they are answered."""
        self._tell_ended()
        self.pause()
        self._socket.close()
        for connection in list(self._shared.open):
            connection.end()

    def _tell_ended(self) -> None:
        if self._ended:
            self._complain(f"too many connections: ended {self._ended} that were silent longest")
            self._ended = 0

    def _take_some(self) -> None:
        for _ in range(_AT_A_TIME):
            spare = len(self._beginning) if self.tls else 0  # each handshake has a descriptor besides
            is_full = len(self._shared.open) + spare >= self._allowed * 9 // 10
            if is_full and not self._thin_out(self._allowed * 3 // 4 - spare):
                self.pause()
                return
            try:
                taken, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # there are no descriptors: some of these are given back
                self._thin_out(len(self._shared.open) * 3 // 4)
                self.pause()
                return
            self._begin(taken, address[0])

    def _begin(self, taken: socket.socket, client: str) -> None:
        taken.settimeout(0)
        connection = Connection(self._shared, taken, client)
        beginning = self._loop.create_task(self._connect(connection, taken))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)

    async def _connect(self, connection: Connection, taken: socket.socket) -> None:
        limits = {"ssl_handshake_timeout": SILENT_S, "ssl_shutdown_timeout": 1.0} if self.tls else {}
        spare = None
        try:
            spare = taken.dup() if self.tls else None  # the loop closes the other where the handshake fails
            await self._loop.connect_accepted_socket(lambda: connection, taken, ssl=self.tls, **limits)
        except OSError as error:  # no handshake, or one that failed
            if spare and getattr(error, "reason", "") == "HTTP_REQUEST":
                with suppress(OSError):
                    spare.send(_NOT_TLS)
            connection.cut()
            taken.close()
            error.__traceback__ = None  # it leads to the buffers of the connection, in a circle
        finally:
            if spare:
                spare.close()

    def _thin_out(self, most: int) -> int:
        """End those that were silent longest until no more than so many are left, if that can be; tell how many.

        Who waits for an answer is left alone, as far as can be told. A client that was sent away can connect again,
        which one that was never let in cannot.
        """
        may_end = (each for each in self._shared.open if not each.is_answering or each.has_ended)
        silent = sorted(may_end, key=lambda each: each.heard_s)
        ended = silent[: max(len(self._shared.open) - most, 0)]
        for connection in ended:
            connection.cut()
        self._ended += len(ended)
        return len(ended)
