"""The application: what stands between an HTTP server library and a door.

A door that never waits is asked in the event loop, which is quicker; whatever may wait (a lock on the state, another
server) is asked in a thread, so that slow requests hold up no others.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http import pages, wire
from vaultctl.http.intake import Gone, Intake, Limits
from vaultctl.http.log_line import log_line
from vaultctl.logical.errors import VaultError, where
from vaultctl.logical.request import READING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request

READERS = 8
"""So many requests that only read are answered at a time."""

_TYPE, _START, _BODY = "type", "http.response.start", "http.response.body"


class Manners(NamedTuple):
    """How a door is asked. `in_loop` is for one that never waits; `writers` is how many writes it takes at a time."""

    in_loop: bool = False
    writers: int = 1
    log: Callable[[str], None] | None = None
    complain: Callable[[str], None] = lambda _line: None
    limits: Limits = Limits()


class App:
    """One door as an ASGI application."""

    def __init__(self, door: Door, manners: Manners) -> None:
        self._door = door
        self._manners = manners
        self.intake = Intake(manners.limits)
        self.answering: set[str] = set()
        """The addresses of clients, HOST:PORT, whose requests were read and are not answered yet."""
        self.log = manners.log
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self.writing = ThreadPoolExecutor(manners.writers, thread_name_prefix="writing")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope[_TYPE] != "http":
            return
        began = time.monotonic()
        call = _call_of(scope)
        client = "{}:{}".format(*(scope.get("client") or ("", 0)))
        try:
            body = await self.intake.take(client, _parts(receive))
            self.answering.add(client)
            answer = await self._answer(call._replace(body=body))
        except Gone:
            self.intake.release(client)
            return
        except VaultError as error:  # the rest of the body is not waited for
            answer = wire.write_error(error, call.method)
            answer = answer._replace(headers=(*answer.headers, ("Connection", "close")))
        try:
            headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
            headers.append((b"server", b"vaultctl"))
            if call.headers.get("x-vault-namespace"):  # Source: OpenBao 2.7, which says it again in every answer
                headers.append((b"x-vault-namespace", call.headers["x-vault-namespace"].encode("latin-1")))
            await send({_TYPE: _START, "status": answer.status, "headers": headers})
            await send({_TYPE: _BODY, "body": b"" if call.method == "HEAD" else answer.body})
            if self.log:
                self.log(log_line(call, answer.status, time.monotonic() - began))
        finally:
            self.answering.discard(client)
            self.intake.release(client)

    async def _answer(self, call: Call) -> Answer:
        """Give the answer, whatever happens: nothing that failed inside is shown to a client."""
        try:
            found = pages.answer_alone(call)
            if found is not None:
                return found
            return await self._ask(wire.read_call(call))
        except VaultError as error:
            return wire.write_error(error, call.method)
        except Exception as error:  # the outer edge
            self._manners.complain(f"internal error: {where(error)}")
            return wire.write_error(VaultError("internal error"))

    async def _ask(self, request: Request) -> Answer:
        if self._manners.in_loop:
            return wire.write_response(self._door.handle(request))
        pool = self._reading if request.operation in READING and not request.wrap_ttl_s else self.writing
        return await asyncio.get_running_loop().run_in_executor(pool, _handle, self._door, request)

    def close(self) -> None:
        """Let go of the threads."""
        self._reading.shutdown(cancel_futures=True)
        self.writing.shutdown(cancel_futures=True)


def _handle(door: Door, request: Request) -> Answer:
    return wire.write_response(door.handle(request))


def _call_of(scope: dict[str, Any]) -> Call:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client")
    return wire.Call(scope["method"], target.decode("latin-1"), headers, b"", client[0] if client else "")


async def _parts(receive: Any) -> AsyncIterator[bytes]:
    """Give a body as it comes. Raises: Gone where the client went away before it had sent all."""
    while True:
        message = await receive()
        if message[_TYPE] != "http.request":
            raise Gone
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
