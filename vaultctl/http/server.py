"""The HTTP server: one process and one event loop, from its start to its stop.

The sockets and HTTP itself are Granian's; `app` answers. Why Granian: docs/decisions/0006-http-server.md
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http.app import App, Manners
from vaultctl.logical.errors import VaultError, where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaultctl.logical.door import Door

TICK_S = 1.0
_STOP_S = 30.0
"""So long is waited for requests in flight."""

_DRAIN_S = 1.0
"""So long for connections that are in the middle of a request, or still take their answer."""


class Options(NamedTuple):
    """Where to listen, how the door is asked, what happens from time to time, and who is told."""

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    manners: Manners = Manners()
    started: Callable[[], None] = lambda: None
    tick: Callable[[], object] | None = None


class CannotServe(VaultError):
    """The server cannot be started: the address is in use, or what it needs is not installed."""


def serve(door: Door, options: Options) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. Raises: CannotServe."""
    _check_address(options)
    try:
        from granian.server.embed import Server as _Server  # noqa: F401
    except ImportError:
        raise CannotServe(
            "the HTTP server is not installed", hint="install it with: pip install 'vaultctl-cli[server]'"
        ) from None
    asyncio.run(_Running(door, options).run())


def _check_address(options: Options) -> None:
    """Bind the address for a moment: Granian shares it with whoever has it already. Raises: CannotServe."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotServe(f"cannot listen on {options.host}:{options.port}: {reason}") from None


class _Running:
    """A server from its start to its stop."""

    def __init__(self, door: Door, options: Options) -> None:
        self._options = options
        self._app = App(door, options.manners)

    async def run(self) -> None:
        """Serve until a signal comes."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        server = self._granian()
        serving = loop.create_task(server.serve())
        stopping = loop.create_task(stop.wait())
        ticking = loop.create_task(self._tick())
        try:
            if await self._is_up(serving):
                self._options.started()
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await self._stop(server, serving)
        finally:
            for task in (ticking, stopping):
                task.cancel()
            self._app.close()

    def _granian(self) -> Any:
        from granian.constants import HTTPModes, Interfaces, SSLProtocols
        from granian.server.embed import Server

        options = self._options
        return Server(
            self._app,
            address=options.host,
            port=options.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto if options.tls_cert else HTTPModes.http1,
            websockets=False,
            backlog=1024,
            log_enabled=False,
            ssl_cert=options.tls_cert,
            ssl_key=options.tls_key,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    async def _is_up(self, serving: asyncio.Task[None]) -> bool:
        """Wait until the address answers, or the server has ended."""
        while not serving.done():
            with suppress(OSError):
                _, writer = await asyncio.open_connection(self._options.host, self._options.port)
                writer.close()
                return True
            await asyncio.sleep(0.01)
        return False

    async def _tick(self) -> None:
        """Do from time to time what nobody asks for: work on stored jobs."""
        while self._options.tick:
            await asyncio.sleep(TICK_S)
            try:
                await asyncio.get_running_loop().run_in_executor(self._app.writing, self._options.tick)
            except VaultError as error:
                self._options.manners.complain(f"cannot work on stored jobs: {'; '.join(error.errors)}")

    async def _stop(self, server: Any, serving: asyncio.Task[None]) -> None:
        """Take no new connections, and wait for the requests in flight."""
        now = time.monotonic()
        deadline, drained = now + _STOP_S, now + _DRAIN_S
        server.stop()
        while time.monotonic() < (deadline if self._app.in_flight else drained) and not self._is_over(serving):
            await asyncio.sleep(0.01)
        if not serving.done():  # Granian tells of the end in its own time, when nobody listens any more
            asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        elif serving.exception():
            self._options.manners.complain(f"the server ended: {where(serving.exception() or Exception())}")

    def _is_over(self, serving: asyncio.Task[None]) -> bool:
        return serving.done() and not self._app.in_flight
