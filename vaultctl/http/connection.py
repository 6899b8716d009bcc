"""One connection to the server: request after request, each read, answered and followed by the next.

All of it happens in the loop's thread, but for answers that a thread of a pool gives. Who is late is found from time to
time, by `look`, and no request has a clock of its own.
"""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from vaultctl.http import heads, wire
from vaultctl.http.bodies import SMALL_B, Body, Held, TooSlow, taken
from vaultctl.logical.errors import VaultError

if TYPE_CHECKING:
    from vaultctl.http.app import App
    from vaultctl.http.bodies import Limits
    from vaultctl.http.heads import Head
    from vaultctl.http.wire import Answer, Call

SILENT_S = 30.0
"""So long may a client take for the head of a request; and so long is a connection kept on which nothing is asked."""

UNREAD_S = 30.0
"""Who takes nothing of an answer for so long is cut off."""

_LINGER_S = 2.0
"""So long is waited for a client to stop sending what nobody reads: cut off at once, it might not get its answer."""

_TAKEN_B = 64 << 10
_NO_TIME = float("inf")


class Shared:
    """What the connections of a server have together: the app, limits, and what they receive into."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.held = Held(limits.held_b)
        self.open: set[Connection] = set()
        # What is received is taken out at once, before any other connection is looked at.
        self.buffer = memoryview(bytearray(_TAKEN_B))


class Connection(asyncio.BufferedProtocol):
    """One connection, from when it is taken to its end."""

    def __init__(self, shared: Shared, taken: socket.socket, client: str) -> None:
        """Begin, with a handshake perhaps. `client` is the address that audit devices are told."""
        self._shared = shared
        self._socket = taken
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._searched_b = 0
        self._head: Head | None = None
        self._body: Body | None = None
        self._began_s = 0.0
        self._answering: Call | None = None
        self._is_coming = False
        """That the loop goes on with the next request by itself."""
        self.is_full = False
        """That the client does not take what it is told."""
        self.has_ended = False
        """That the client sends nothing more: perhaps it only waits, and perhaps it is no more."""
        self._is_paused = False
        """That nothing is received: so much was sent ahead."""
        self._is_last = False
        """That nothing is answered but what is under way."""
        self._is_over = False
        """That nothing more is read."""
        self._unsent_b = 0
        self.heard_s = time.monotonic()
        self._until_s = self.heard_s + SILENT_S
        """When it is cut off, if nothing happens until then."""
        shared.open.add(self)

    @property
    def is_answering(self) -> bool:
        """Tell whether a request was read, and its answer is not on its way yet."""
        return self._answering is not None

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is under way: no request, and no answer that is not taken."""
        return not (self._answering or self._head or self._received or self.is_full)

    def end(self) -> None:
        """Answer what is under way, and nothing more."""
        self._is_last = True
        if self.is_idle:
            self._close()

    def cut(self) -> None:
        """End it at once."""
        self.connection_lost(None)
        if self._transport:
            self._transport.abort()
        else:  # a handshake is under way, and fails of it
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def look(self, now_s: float) -> None:
        """Cut off whoever is late. Who takes an answer slowly is not, as long as some of it goes out."""
        unsent_b = self._transport.get_write_buffer_size() if self._transport else 0
        if unsent_b < self._unsent_b:
            self.heard_s, self._until_s = now_s, now_s + UNREAD_S
        self._unsent_b = unsent_b
        if self._body and now_s >= self._body.since_s + self._shared.limits.read_s:
            self._refuse(TooSlow(self._shared.limits.read_s))
        elif now_s >= self._until_s:
            self.cut()

    # --- what the loop tells ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was under way: nobody is there to be answered."""
        self._shared.open.discard(self)
        self._is_over = True
        self._forget_request()
        self._received.clear()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to put what is received."""
        return self._shared.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received."""
        self.heard_s = time.monotonic()
        if self._is_over:
            return
        self._received += self._shared.buffer[:nbytes]
        if not self._is_coming:
            self._go_on()
        if len(self._received) > heads.MAX_B and self._transport:
            self._is_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Tell whether there is still somebody to answer."""
        self.has_ended = True
        self._go_on_soon()
        return bool(self._answering or self.is_full or self._received) and not self._is_tls()

    def pause_writing(self) -> None:
        """Wait with the next request: the client does not take the answers that it has."""
        self.is_full = True
        self._until_s = time.monotonic() + UNREAD_S

    def resume_writing(self) -> None:
        """Go on."""
        self.is_full = False
        self._until_s = time.monotonic() + SILENT_S
        self._after_answer()

    # --- a request ---

    def _go_on_soon(self) -> None:
        """Go on in a later turn of the loop: other connections have theirs in between."""
        if not self._is_coming:
            self._is_coming = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Read one request, as far as it came, and have it answered."""
        self._is_coming = False
        if self._answering or self.is_full or self._is_over:
            return
        try:
            call = self._read()
        except VaultError as error:
            self._refuse(error)
            return
        if call:
            self._ask(call)
        elif self.has_ended:
            self._close()
        else:
            self._receive_on()

    def _read(self) -> Call | None:
        """Give a request if it is there in full. Raises: VaultError."""
        if self._head is None:
            self._head = heads.take(self._received, self._searched_b)
            self._searched_b = 0 if self._head else len(self._received)
            if self._head is None:
                return None
            self._began_s = time.monotonic()
            self._begin_body(self._head)
        head = self._head
        if self._body:
            body = self._body.take(self._received)
            if body is None:
                return None
        else:
            body = taken(self._received, head.framing.length_b) if head.framing.length_b else b""
        return wire.Call(head.method, head.target, head.framing.headers, body, self._client)

    def _begin_body(self, head: Head) -> None:
        """Wait for a body, unless all of it is there and it is short, as most are."""
        length_b = head.framing.length_b
        if length_b is not None and length_b <= len(self._received) and length_b <= SMALL_B:
            return
        self._body = Body(head, self._shared.held, self._began_s)
        self._until_s = _NO_TIME
        if head.framing.awaits and not self._received and self._transport:
            self._transport.write(heads.CONTINUE)

    def _ask(self, call: Call) -> None:
        self._answering, body = call, self._body
        self._body, self._until_s = None, _NO_TIME
        answer = self._shared.app.ask(call)
        if isinstance(answer, Future):
            answer.add_done_callback(lambda given: self._tell_loop(body, given))
        else:
            self._answered(body, answer)

    def _tell_loop(self, body: Body | None, answer: Future[Answer]) -> None:
        if not answer.cancelled():
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._answered, body, answer.result())

    def _answered(self, body: Body | None, answer: Answer) -> None:
        """Say what was answered, if there is still somebody to hear it."""
        if body:
            body.release()
        call, head = self._answering, self._head
        if call is None or head is None:
            return
        keeps = head.framing.keeps and not self._is_last
        if keeps and head.framing.to_tell:
            answer = answer._replace(headers=(*answer.headers, ("Connection", "keep-alive")))
        self._write(answer, call.method, keeps=keeps)
        now_s = time.monotonic()
        self._shared.app.note(call, answer, now_s - self._began_s)
        self._forget_request()
        self._is_last = not keeps
        self._until_s = now_s + (UNREAD_S if self.is_full else SILENT_S)
        self._after_answer()

    def _after_answer(self) -> None:
        """Go on with what came meanwhile."""
        if self.is_full or self._answering:
            return
        if self._is_last:
            self._close()
        elif self._received or self.has_ended:
            self._go_on_soon()
        self._receive_on()

    def _receive_on(self) -> None:
        """Receive again, where that was put off and there is room now."""
        if self._is_paused and len(self._received) <= heads.MAX_B and self._transport:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def _refuse(self, error: VaultError) -> None:
        """Answer what was not read in full, as the last thing."""
        method = self._head.method if self._head else ""
        answer = wire.write_error(error, method)
        self._write(answer, method, keeps=False)
        if self._head:
            call = wire.Call(method, self._head.target, self._head.framing.headers)
            self._shared.app.note(call, answer, time.monotonic() - self._began_s)
        self._forget_request()
        self._received.clear()
        self._is_over = True
        if self.has_ended or not self._transport:
            self._close()
            return
        if not self._is_tls():
            self._transport.write_eof()
        self._until_s = time.monotonic() + _LINGER_S

    def _write(self, answer: Answer, method: str, *, keeps: bool) -> None:
        if self._transport and not self._transport.is_closing():
            for piece in heads.write(answer, method, keeps=keeps):
                self._transport.write(piece)

    def _forget_request(self) -> None:
        if self._body:
            self._body.release()
        self._head = self._body = self._answering = None

    def _close(self) -> None:
        """End it once what was written has been taken."""
        self._is_over = True
        self._until_s = time.monotonic() + UNREAD_S
        if self._transport:
            self._transport.close()

    def _is_tls(self) -> bool:
        return self._transport is not None and not self._transport.can_write_eof()
