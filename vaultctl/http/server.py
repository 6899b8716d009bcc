"""The HTTP server: one process and one event loop, from its start to its stop, and what signals do in between.

`listening` takes connections, `connection` reads and answers requests on each, `app` asks the door.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from asyncio import sslproto
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http import listening
from vaultctl.http.app import App, Manners
from vaultctl.http.certificates import CannotServe
from vaultctl.http.connection import Shared
from vaultctl.logical.errors import VaultError, where

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from vaultctl.logical.door import Door

TICK_S = 1.0
_BUSY_TICK_S = 0.05
"""The pause between two ticks, and that behind one which left work."""

_STOP_S = 30.0
"""So long is waited for requests in flight, and for who still takes an answer."""

_DRAIN_S = 1.0
"""So long for connections that are in the middle of a request."""

_TLS_BUFFER_B = 32 << 10
"""So much is received at a time where TLS is spoken. Each connection has a buffer of its own: a record is 16 KiB."""


class Reloaded(NamedTuple):
    """What a reload may change."""

    tls: ssl.SSLContext | None
    log: Callable[[str], None] | None


class Options(NamedTuple):
    """Where to listen, how the door is asked, what happens from time to time, and who is told.

    `reload` reads again what may change while the server runs; it raises what is wrong with it.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    manners: Manners = Manners()
    started: Callable[[], None] = lambda: None
    tick: Callable[[], bool] | None = None
    """Does what nobody asks for, a little of it, and tells whether any is left. Writes wait for it."""

    reload: Callable[[], Reloaded] | None = None


def serve(door: Door, options: Options) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. Raises: CannotServe.

    A second of these signals ends the process at once. SIGHUP is a reload.
    """
    sslproto.SSLProtocol.max_size = _TLS_BUFFER_B
    logging.getLogger("asyncio").addHandler(logging.NullHandler())  # what goes wrong is told by `complain`
    with asyncio.Runner() as runner:
        runner.run(_serve(door, options))


async def _serve(door: Door, options: Options) -> None:
    running = _Running(door, options)
    running.obey_signals()  # before anybody can connect, and send one
    try:
        socket = listening.listen(options.host, options.port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotServe(f"cannot listen on {options.host}:{options.port}: {reason}") from None
    with socket:
        await running.run(socket)


def _spare_what_stays() -> None:
    """Keep the collector of garbage from what was loaded and lasts, and have it look at the rest less often.

    A request makes some hundred objects, and few are in circles: by default every tenth request would wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _Running:
    """A server from its start to its stop."""

    def __init__(self, door: Door, options: Options) -> None:
        self._options = options
        self._complain = options.manners.complain
        self._app = App(door, options.manners)
        self._shared = Shared(self._app, options.manners.limits)
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    def obey_signals(self) -> None:
        """Have signals heard."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._asked_to_stop, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def run(self, socket: socket.socket) -> None:
        """Serve until a signal comes."""
        self._loop.set_exception_handler(self._tell_what_failed)
        listener = listening.Listener(socket, self._shared, self._options.tls, self._complain)
        beside = [
            self._loop.create_task(each)
            for each in (self._tick(), self._look(listener), self._reload_when_asked(listener))
        ]
        try:
            _spare_what_stays()
            listener.take()
            self._options.started()
            await self._stop.wait()
            while beside:
                beside.pop().cancel()
            await self._end(listener)
        finally:
            for task in beside:
                task.cancel()
            self._app.close()

    def _asked_to_stop(self, number: int) -> None:
        """Stop; at a second time, do not wait for anything. What was answered is on the disk."""
        if self._stop.is_set():
            os._exit(128 + number)
        self._stop.set()

    def _tell_what_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what went wrong on a connection by mistake of ours: it ends that connection, and nothing else."""
        error = context.get("exception")
        self._complain(f"internal error: {where(error) if isinstance(error, Exception) else context['message']}")
        connection = context.get("protocol")
        if connection in self._shared.open:
            connection.cut()

    # --- a reload ---

    async def _reload_when_asked(self, listener: listening.Listener) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                self._reload_now(listener)
            except VaultError as error:
                self._complain(f"not reloaded: {'; '.join(error.errors)}")
            except Exception as error:  # the outer edge: a reload ends no server
                self._complain(f"not reloaded: {where(error)}")

    def _reload_now(self, listener: listening.Listener) -> None:
        """Go on with what is in the files now. Raises: VaultError, and nothing has changed."""
        if not self._options.reload:
            return
        found = self._options.reload()
        if found.tls and listener.tls:
            listener.tls = found.tls
        self._app.log = found.log

    # --- from time to time ---

    async def _tick(self) -> None:
        """Do what nobody asks for: work on stored jobs. What is wrong is told once, and not every second."""
        told, is_left = "", False
        while self._options.tick:
            await asyncio.sleep(_BUSY_TICK_S if is_left else TICK_S)
            wrong, is_left = "", False
            try:
                is_left = await asyncio.wrap_future(self._app.writing.submit(self._options.tick))
            except VaultError as error:
                wrong = "; ".join(error.errors)
            except Exception as error:  # the outer edge: jobs go on when it is mended
                wrong = where(error)
            if wrong and wrong != told:
                self._complain(f"cannot work on stored jobs: {wrong}")
            told = wrong

    async def _look(self, listener: listening.Listener) -> None:
        """End connections that are late, and take new ones where there was no room for a while."""
        while True:
            await asyncio.sleep(TICK_S)
            listener.look(time.monotonic())

    # --- the end ---

    async def _end(self, listener: listening.Listener) -> None:
        """Take no new connections, and wait for the requests in flight."""
        listener.close()
        now = time.monotonic()
        deadline, drained = now + _STOP_S, now + _DRAIN_S
        while self._shared.open:
            is_awaited = any(each.is_answering or each.is_full for each in self._shared.open)
            if time.monotonic() >= (deadline if is_awaited else drained):
                break
            await asyncio.sleep(0.01)
        for connection in list(self._shared.open):
            connection.cut()
