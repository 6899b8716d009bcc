"""The HTTP server: one process, one event loop that speaks HTTP, and a door that answers in threads of its own.

The sockets and HTTP itself are Granian's. Whatever may wait (a lock on the state, another server) waits in a thread, so
that slow requests hold up no others; a door that never waits can be asked in the loop, which is quicker.
Why Granian, and why so: docs/decisions/0006-http-server.md
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http import pages, wire
from vaultctl.logical.errors import TooLarge, VaultError
from vaultctl.logical.request import READING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request

READERS = 8
"""So many requests that only read are answered at a time."""

TICK_S = 1.0
_STOP_S = 30.0
"""So long is waited for requests in flight."""

_DRAIN_S = 1.0
"""So long for connections that are in the middle of a request, or still take their answer."""

_TOKEN = re.compile(r"\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_.-]{8,}")
_TYPE, _START, _BODY = "type", "http.response.start", "http.response.body"


class Options(NamedTuple):
    """How to serve. `in_loop` is for a door that never waits; `writers` is how many writes a door takes at a time."""

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    in_loop: bool = False
    writers: int = 1
    started: Callable[[], None] = lambda: None
    tick: Callable[[], object] | None = None
    log: Callable[[str], None] | None = None
    complain: Callable[[str], None] = lambda _line: None


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


class _Gone(Exception):
    """The client went away before it had sent its body: there is nobody to answer."""


class App:
    """One door as an ASGI application."""

    def __init__(self, door: Door, options: Options) -> None:
        self._door = door
        self._options = options
        self.in_flight = 0
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self.writing = ThreadPoolExecutor(options.writers, thread_name_prefix="writing")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope[_TYPE] != "http":
            return
        began = time.monotonic()
        call = _call_of(scope)
        try:
            body = await _read(receive, call.headers.get("content-length", ""))
        except _Gone:
            return
        self.in_flight += 1
        try:
            answer = await self._answer(call, body)
            headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
            headers.append((b"server", b"vaultctl"))
            await send({_TYPE: _START, "status": answer.status, "headers": headers})
            await send({_TYPE: _BODY, "body": b"" if call.method == "HEAD" else answer.body})
            self._log(call, answer, time.monotonic() - began)
        finally:
            self.in_flight -= 1

    async def _answer(self, call: Call, body: bytes | None) -> Answer:
        """Give the answer, whatever happens: nothing that failed inside is shown to a client."""
        try:
            found = pages.answer_alone(call)
            if found is not None:
                return found
            if body is None:
                raise TooLarge("http: request body too large")
            request = wire.read_call(call._replace(body=body))
            return await self._ask(request)
        except VaultError as error:
            return wire.write_error(error, call.method)
        except Exception as error:  # the outer edge
            self._options.complain(f"internal error: {_where(error)}")
            return wire.write_error(VaultError("internal error"))

    async def _ask(self, request: Request) -> Answer:
        if self._options.in_loop:
            return wire.write_response(self._door.handle(request))
        pool = self._reading if request.operation in READING and not request.wrap_ttl_s else self.writing
        return await asyncio.get_running_loop().run_in_executor(pool, _handle, self._door, request)

    def _log(self, call: Call, answer: Answer, took_s: float) -> None:
        """Write one line: no query, and no part of a path that looks like a token."""
        if self._options.log:
            path = _TOKEN.sub("…", call.target.partition("?")[0])
            self._options.log(f"{call.method} {path} {answer.status} {took_s * 1000:.1f}ms")

    def close(self) -> None:
        """Let go of the threads."""
        self._reading.shutdown()
        self.writing.shutdown()


def _handle(door: Door, request: Request) -> Answer:
    return wire.write_response(door.handle(request))


def _call_of(scope: dict[str, Any]) -> Call:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client")
    return wire.Call(scope["method"], target.decode("latin-1"), headers, b"", client[0] if client else "")


async def _read(receive: Any, announced: str) -> bytes | None:
    """Read the body, or give None for one that is too long: it is read to its end all the same, but not kept.

    A client hears an answer only once it has sent all. Raises: _Gone where it went away before that.
    """
    parts: list[bytes] = []
    length = int(announced) if announced.isdigit() else 0
    kept = length <= wire.MAX_BODY_B
    length = 0
    while True:
        message = await receive()
        if message[_TYPE] != "http.request":
            raise _Gone
        part = message.get("body", b"")
        length += len(part)
        kept = kept and length <= wire.MAX_BODY_B
        if kept:
            parts.append(part)
        elif length > 2 * wire.MAX_BODY_B:
            return None
        if not message.get("more_body"):
            return b"".join(parts) if kept else None


def _where(error: BaseException) -> str:
    """Name an error's class and the line it came from; its text may hold what is secret."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {place}"


class _Running:
    """A server from its start to its stop."""

    def __init__(self, door: Door, options: Options) -> None:
        self._options = options
        self._app = App(door, options)

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
                self._options.complain(f"cannot work on stored jobs: {'; '.join(error.errors)}")

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
            self._options.complain(f"the server ended: {_where(serving.exception() or Exception())}")

    def _is_over(self, serving: asyncio.Task[None]) -> bool:
        return serving.done() and not self._app.in_flight
