"""Granian, embedded: one server of it takes connections from our listening socket with one certificate.

All that is known here of Granian's inside is the three things that `_init_shared_socket` sets, and that a worker is
alive as long as its task is. Why Granian: docs/decisions/0006-http-server.md
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from vaultctl.http.listening import BACKLOG

if TYPE_CHECKING:
    import socket

    from vaultctl.http.certificates import Certificate

_HEADERS_MS = 30_000
"""So long may a client take for the head of a request; and so long is a connection kept on which nothing is asked."""

_HEADERS_B = 128 << 10
"""So long may the head of a request be; a longer one is 431."""


class Embedded(Server):
    """One Granian. It ends with `stop`, or when its worker cannot begin."""

    def __init__(self, app: Any, listening: socket.socket, allowed: int, tls: Certificate | None) -> None:
        """Prepare a server, with a certificate that was tried: one that it does not take ends the process."""
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            # HTTP/2 has no limits on silence and slowness in this library, and no client of the API needs it.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_MS, max_buffer_size=_HEADERS_B),
            websockets=False,
            backlog=BACKLOG,
            backpressure=allowed,
            log_enabled=False,
            ssl_cert=tls.cert if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_protocol_min=SSLProtocols.tls13 if tls and tls.tls13 else SSLProtocols.tls12,
        )
        self._listening = listening
        self._serving: asyncio.Task[None] | None = None

    async def begin(self) -> bool:
        """Take connections from now on; tell whether that is so."""
        self._serving = asyncio.get_running_loop().create_task(self.serve())
        while not self.wrks and not self._serving.done():
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # here the worker begins, or fails
        workers: list[Any] = self.wrks
        if not self.is_over and all(worker.is_alive() for worker in workers):
            return True
        await asyncio.wait({self._serving})
        self._serving.exception()  # its own panic may be no Exception; what it is was printed
        return False

    @property
    def is_over(self) -> bool:
        """Tell whether it answers nobody any more."""
        return self._serving is None or self._serving.done()

    async def ended(self) -> None:
        """Wait for the end; what it failed of is raised."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    def take_no_more(self, silent: socket.socket) -> None:
        """Leave new connections to others; those that are there, be it in the middle of a handshake, go on.

        Its descriptor becomes one of a socket that nobody connects to: Granian itself can stop taking connections only
        together with whatever is half done on those that it has.
        """
        os.dup2(silent.fileno(), self._taken)

    def take_again(self) -> None:
        """Take new connections again. What the system tells of them on Linux is as if nothing had been."""
        os.dup2(self._listening.fileno(), self._taken)

    def end(self) -> None:
        """Take no new connections, answer what was asked, and end."""
        self.stop()  # type: ignore[no-untyped-call]  # Granian's

    def _init_shared_socket(self) -> None:
        self._taken = os.dup(self._listening.fileno())
        holder: Any = SocketHolder  # its stub lacks what it takes: descriptor, whether it is a path, backlog
        self._shd = holder(self._taken, False, *((BACKLOG,) if sys.platform == "linux" else ()))  # noqa: FBT003
        self._sfd: Any = self._taken
        self._ssp: Any = None
