"""The HTTP server: one process and one event loop, from its start to its stop, and what signals do in between.

The sockets and HTTP itself are Granian's (`embedded`); `app` answers. A reload begins a second Granian on the same
listening socket, with the certificate as it is now, and ends the first once its connections had time to end.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.http import listening
from vaultctl.http.app import App, Manners
from vaultctl.http.certificates import CannotServe, Certificate, tried
from vaultctl.http.direct import Loop
from vaultctl.logical.errors import VaultError, where

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from vaultctl.http.embedded import Embedded
    from vaultctl.logical.door import Door

TICK_S = 1.0
_BUSY_TICK_S = 0.05
"""The pause between two ticks, and that behind one which left work."""

_STOP_S = 30.0
"""So long is waited for requests in flight."""

_DRAIN_S = 1.0
"""So long for connections that are in the middle of a request, or still take their answer."""

_BREATHS = 50

_LINGER_S = 35.0
"""So long live connections that began before a reload: longer than one on which nothing is asked is kept at all."""


class Reloaded(NamedTuple):
    """What a reload may change."""

    certificate: Certificate | None
    log: Callable[[str], None] | None


class Options(NamedTuple):
    """Where to listen, how the door is asked, what happens from time to time, and who is told.

    `reload` reads again what may change while the server runs; it raises what is wrong with it.
    """

    host: str
    port: int
    certificate: Certificate | None = None
    manners: Manners = Manners()
    started: Callable[[], None] = lambda: None
    tick: Callable[[], bool] | None = None
    """Does what nobody asks for, a little of it, and tells whether any is left. Writes wait for it."""

    reload: Callable[[], Reloaded] | None = None


def serve(door: Door, options: Options) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. Raises: CannotServe.

    A second of these signals ends the process at once. SIGHUP is a reload.
    """
    try:
        from vaultctl.http import embedded  # noqa: F401
    except ImportError:
        raise CannotServe(
            "the HTTP server is not installed", hint="install it with: pip install 'vaultctl-cli[server]'"
        ) from None
    try:
        listener = listening.listen(options.host, options.port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotServe(f"cannot listen on {options.host}:{options.port}: {reason}") from None
    with listener, listening.nobody() as silent, asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_Running(door, options, listener, silent).run())


def _spare_what_stays() -> None:
    """Keep the collector of garbage from what was loaded and lasts, and have it look at the rest less often.

    A request makes some hundred objects, and few are in circles: by default every tenth request would wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _Running:
    """A server from its start to its stop."""

    def __init__(self, door: Door, options: Options, listener: socket.socket, silent: socket.socket) -> None:
        """`silent` is a socket that nobody can connect to. It is at hand for when no descriptor is left to make one."""
        self._options = options
        self._listener = listener
        self._silent = silent
        self._app = App(door, options.manners)
        self._allowed = listening.connections_allowed()
        self._serving: Embedded | None = None
        self._former: list[Embedded] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> None:
        """Serve until a signal comes. Raises: CannotServe."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        beside = []
        try:
            self._serving = await self._begin(self._options.certificate)
            beside = [loop.create_task(each()) for each in (self._tick, self._watch_clients, self._reload_when_asked)]
            _spare_what_stays()
            self._options.started()
            await self._until_stopped()
            while beside:
                beside.pop().cancel()
            await self._end()
        finally:
            for task in (*beside, *self._leaving):
                task.cancel()
            self._app.close()

    def _asked_to_stop(self, number: int) -> None:
        """Stop; at a second time, do not wait for anything. What was answered is on the disk."""
        if self._stop.is_set():
            os._exit(128 + number)
        self._stop.set()

    async def _begin(self, certificate: Certificate | None) -> Embedded:
        """Begin to answer, with a certificate if there is one. Raises: CannotServe, and nothing has changed."""
        from vaultctl.http.embedded import Embedded

        with ExitStack() as held:
            if certificate:
                loop = asyncio.get_running_loop()
                certificate = await loop.run_in_executor(None, held.enter_context, tried(certificate))
            server = Embedded(self._app, self._listener, self._allowed, certificate)
            if not await server.begin():
                raise CannotServe("the HTTP server cannot begin")
        return server

    async def _until_stopped(self) -> None:
        """Wait for a signal, or for an end that nobody asked for."""
        loop = asyncio.get_running_loop()
        stopping = loop.create_task(self._stop.wait())
        while not self._stop.is_set() and self._serving and not self._serving.is_over:
            await asyncio.wait({stopping}, timeout=TICK_S)
        stopping.cancel()

    # --- a reload ---

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            try:
                await self._reload_now()
            except VaultError as error:
                self._options.manners.complain(f"not reloaded: {'; '.join(error.errors)}")
            except Exception as error:  # the outer edge: a reload ends no server
                self._options.manners.complain(f"not reloaded: {where(error)}")

    async def _reload_now(self) -> None:
        """Go on with what is in the files now. Raises: VaultError, and nothing has changed."""
        if not self._options.reload:
            return
        found = self._options.reload()
        if found.certificate and self._options.certificate:
            former, self._serving = self._serving, await self._begin(found.certificate)
            if former:
                self._former.append(former)
                former.take_no_more(self._silent)
                leaving = asyncio.get_running_loop().create_task(self._leave(former))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
        self._app.log = found.log

    async def _leave(self, former: Embedded) -> None:
        """Let the connections to a server that was followed end by themselves, and then end it."""
        await asyncio.sleep(_LINGER_S)
        former.end()
        with suppress(Exception):
            await former.ended()
        self._former.remove(former)

    # --- from time to time ---

    async def _tick(self) -> None:
        """Do what nobody asks for: work on stored jobs. What is wrong is told once, and not every second."""
        told, is_left = "", False
        while self._options.tick:
            await asyncio.sleep(_BUSY_TICK_S if is_left else TICK_S)
            wrong, is_left = "", False
            try:
                is_left = await asyncio.get_running_loop().run_in_executor(self._app.writing, self._options.tick)
            except VaultError as error:
                wrong = "; ".join(error.errors)
            except Exception as error:  # the outer edge: jobs go on when it is mended
                wrong = where(error)
            if wrong and wrong != told:
                self._options.manners.complain(f"cannot work on stored jobs: {wrong}")
            told = wrong

    async def _watch_clients(self) -> None:
        """Give up bodies that do not come, and keep some connections free for those who come next."""
        while True:
            await asyncio.sleep(TICK_S)
            with suppress(OSError):  # no descriptor to look with: there will be one
                await self._look_at_clients()

    async def _look_at_clients(self) -> None:
        late = self._app.intake.late()
        if late:
            listening.stop_reading(self._listener, late)
        if listening.has_run_out():
            await self._catch_breath()
        ended = listening.thin_out(self._listener, self._allowed, self._app.answering)
        if ended:
            self._options.manners.complain(f"too many connections: ended {ended} that were silent longest")

    async def _catch_breath(self) -> None:
        """Where descriptors ran out, let those connections go that may.

        The library does nothing then but try to take the next connection, without end, as what takes a descriptor fails
        before anything else is looked at. So for a moment there is none to take, and there are descriptors to find that
        out with.
        """
        server = self._serving
        if server is None or sys.platform != "linux":
            return
        server.take_no_more(self._silent)  # first: else it takes the descriptors that are spared, too
        with listening.spare_descriptors():
            listening.thin_out(self._listener, self._allowed, self._app.answering)
            for _ in range(_BREATHS):
                await asyncio.sleep(0.02)
                if not listening.has_run_out():
                    break
            if server is self._serving:
                server.take_again()
        listening.knock(self._listener)

    # --- the end ---

    async def _end(self) -> None:
        """Take no new connections, and wait for the requests in flight."""
        server = self._serving
        if server is None or server.is_over:
            raise VaultError("the HTTP server ended by itself")
        now = time.monotonic()
        deadline, drained = now + _STOP_S, now + _DRAIN_S
        servers = [server, *self._former]
        for each in servers:
            each.end()
        self._listener.close()
        while time.monotonic() < (deadline if self._app.answering else drained):
            if all(each.is_over for each in servers) and not self._app.answering:
                break
            await asyncio.sleep(0.01)
        # Granian tells of the end in its own time, when nobody listens any more.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
