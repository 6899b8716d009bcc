"""The application: what stands between an HTTP server library and a door.

A door that never waits is asked in the event loop, which is quicker; whatever may wait (a lock on the state, another
server) is asked in a thread, so that slow requests hold up no others.
"""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http import pages, wire
from vaultctl.logical.errors import TooLarge, VaultError, where
from vaultctl.logical.request import READING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request

READERS = 8
"""So many requests that only read are answered at a time."""

_TOKEN = re.compile(r"\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_.-]{8,}")
_TYPE, _START, _BODY = "type", "http.response.start", "http.response.body"


class Manners(NamedTuple):
    """How a door is asked. `in_loop` is for one that never waits; `writers` is how many writes it takes at a time."""

    in_loop: bool = False
    writers: int = 1
    log: Callable[[str], None] | None = None
    complain: Callable[[str], None] = lambda _line: None


class _Gone(Exception):
    """The client went away before it had sent its body: there is nobody to answer."""


class App:
    """One door as an ASGI application."""

    def __init__(self, door: Door, manners: Manners) -> None:
        self._door = door
        self._manners = manners
        self.in_flight = 0
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self.writing = ThreadPoolExecutor(manners.writers, thread_name_prefix="writing")

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
            if call.headers.get("x-vault-namespace"):  # Source: OpenBao 2.7, which says it again in every answer
                headers.append((b"x-vault-namespace", call.headers["x-vault-namespace"].encode("latin-1")))
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
            self._manners.complain(f"internal error: {where(error)}")
            return wire.write_error(VaultError("internal error"))

    async def _ask(self, request: Request) -> Answer:
        if self._manners.in_loop:
            return wire.write_response(self._door.handle(request))
        pool = self._reading if request.operation in READING and not request.wrap_ttl_s else self.writing
        return await asyncio.get_running_loop().run_in_executor(pool, _handle, self._door, request)

    def _log(self, call: Call, answer: Answer, took_s: float) -> None:
        """Write one line: no query, and no part of a path that looks like a token."""
        if self._manners.log:
            path = _TOKEN.sub("…", call.target.partition("?")[0])
            self._manners.log(f"{call.method} {path} {answer.status} {took_s * 1000:.1f}ms")

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
