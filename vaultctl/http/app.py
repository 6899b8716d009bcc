"""The application: what stands between an HTTP server library and a door.

What a door can answer without waiting it answers in the thread that brought the request, which is quickest; whatever
may wait (a lock on the state, another server) is asked in a thread of a pool, so that slow requests hold up no others.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.http import pages, wire
from vaultctl.http.direct import call_in
from vaultctl.http.intake import Gone, Intake, Limits
from vaultctl.http.log_line import log_line
from vaultctl.logical.errors import VaultError, where
from vaultctl.logical.request import only_reads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

READERS = 8
"""So many requests that only read are answered at a time."""

_TYPE, _START, _BODY = "type", "http.response.start", "http.response.body"


class Manners(NamedTuple):
    """How a door is asked.

    `at_once` answers a request that it need not wait for, and gives None for any other; without it all may wait.
    `writers` is how many writes the door takes at a time.
    """

    at_once: Callable[[Request], Response | None] | None = None
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
        headers = wire.headers_of(
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        )
        call = _call_of(scope, headers)
        client = "{}:{}".format(*(scope.get("client") or ("", 0)))
        try:
            if _has_body(headers, scope["http_version"]):
                parts = _parts(receive, headers.get("content-length", ""))
                call = call._replace(body=await self.intake.take(client, parts))
            self.answering.add(client)
            answer = await self._answer(call)
        except Gone:
            if "transfer-encoding" not in headers:
                self.intake.release(client)
                return
            # Granian says so of chunks that are none, too: whoever sent them is still there.
            answer = _last(wire.write_error(wire.bad_chunks(), call.method))
        except VaultError as error:  # the rest of the body is not waited for
            answer = _last(wire.write_error(error, call.method))
        try:
            said = _encoded(answer.headers)
            if headers.get("x-vault-namespace"):  # Source: OpenBao 2.7, which says it again in every answer
                said = [*said, (b"x-vault-namespace", headers["x-vault-namespace"].encode("latin-1"))]
            await send({_TYPE: _START, "status": answer.status, "headers": said})
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
            return wire.write_response(await self._ask(wire.read_call(call)), call)
        except VaultError as error:
            return wire.write_error(error, call.method)
        except Exception as error:  # the outer edge
            self._manners.complain(f"internal error: {where(error)}")
            return wire.write_error(VaultError("internal error"))

    async def _ask(self, request: Request) -> Response:
        response = self._manners.at_once(request) if self._manners.at_once else None
        if response is not None:
            return response
        return await call_in(self._reading if only_reads(request) else self.writing, self._door.handle, request)

    def close(self) -> None:
        """Let go of the threads."""
        self._reading.shutdown(cancel_futures=True)
        self.writing.shutdown(cancel_futures=True)


def _last(answer: Answer) -> Answer:
    """Give an answer behind which the connection ends."""
    return answer._replace(headers=(*answer.headers, ("Connection", "close")))


@lru_cache(maxsize=64)
def _encoded(headers: tuple[tuple[str, str], ...]) -> list[tuple[bytes, bytes]]:
    """Give headers as ASGI has them; nearly all answers have the same ones."""
    return [*((name.lower().encode(), value.encode()) for name, value in headers), (b"server", b"vaultctl")]


def _call_of(scope: dict[str, Any], headers: Mapping[str, str]) -> Call:
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    client = scope.get("client")
    return wire.Call(scope["method"], target.decode("latin-1"), headers, b"", client[0] if client else "")


def _has_body(headers: Mapping[str, str], http_version: str) -> bool:
    """Tell whether a body follows. In HTTP/1 a header says so; to ask for one that there is not takes a while."""
    length = headers.get("content-length")
    if length is not None:
        return length != "0"
    return "transfer-encoding" in headers or not http_version.startswith("1")


async def _parts(receive: Any, announced: str) -> AsyncIterator[bytes]:
    """Give a body as it comes, and ask for no more than was announced.

    Raises: Gone where the client went away before it had sent all.
    """
    left_b = int(announced) if announced.isdigit() else -1
    while left_b:
        message = await receive()
        if message[_TYPE] != "http.request":
            raise Gone
        part = message.get("body", b"")
        yield part
        left_b -= len(part)
        if not message.get("more_body"):
            return
