"""The bodies of requests, as they come: each within a time, and all together within some memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import h11

from vaultctl.http import heads, wire
from vaultctl.logical.errors import TooLarge, VaultError

if TYPE_CHECKING:
    from vaultctl.http.heads import Head

SMALL_B = 64 << 10
"""Bodies up to here are not counted: whoever may connect may have one."""

_MOST_SHELL, _SHELL_B = 4, 16 << 10
"""So many times what is in them may chunks take, and so much besides: each costs time, be there one byte in it."""


class Limits(NamedTuple):
    """So long may a client take to send a body; so much of long bodies is held at a time."""

    read_s: float = 30.0
    held_b: int = 128 << 20


class TooSlow(VaultError):
    """A client did not send its body in time."""

    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the body of the request did not come within {seconds:g} seconds")


class TooMuch(VaultError):
    """So many long bodies are on their way that one more is not taken."""

    status = 503

    def __init__(self) -> None:
        super().__init__("too many long requests at a time: try again")


class Held:
    """How much of long bodies is in memory, on its way or being answered."""

    def __init__(self, most_b: int) -> None:
        self._most_b = most_b
        self._by_body: dict[Body, int] = {}

    def count(self, body: Body, length_b: int) -> None:
        """Say how long a body is by now. Raises: TooMuch."""
        if length_b > SMALL_B:
            self._by_body[body] = length_b
            if sum(self._by_body.values()) > self._most_b:
                raise TooMuch

    def release(self, body: Body) -> None:
        """Let go of a body: its request is answered, or was given up."""
        self._by_body.pop(body, None)


class Body:
    """The body of one request. One that is too long is read to its end all the same, but not kept.

    For a client hears an answer only once it has sent all.
    """

    def __init__(self, head: Head, held: Held, now_s: float) -> None:
        self.since_s = now_s
        self._held = held
        self._left_b = head.framing.length_b or 0
        self._chunks = heads.begin(head.block)[0] if head.framing.length_b is None else None
        self._parts: list[bytes] = []
        self._length_b = 0
        self._sent_b = 0

    def take(self, received: bytearray) -> bytes | None:
        """Take what belongs to it off the front of what was received; give it once it is there in full.

        Raises: TooMuch, TooLarge, InvalidRequest for chunks that are none.
        """
        if self._chunks is None:
            part = bytes(received) if len(received) <= self._left_b else bytes(received[: self._left_b])
            del received[: len(part)]
            self._left_b -= len(part)
            self._keep(part)
            is_over = not self._left_b
        else:
            is_over = self._take_chunks(self._chunks, received)
        if not is_over:
            return None
        if self._length_b > wire.MAX_BODY_B:
            raise _too_large()
        return b"".join(self._parts)

    def release(self) -> None:
        """Let go of it."""
        self._parts.clear()
        self._held.release(self)

    def _keep(self, part: bytes | bytearray) -> None:
        """Keep a part. Raises: TooMuch, TooLarge for what is so much too long that its end is not waited for."""
        self._length_b += len(part)
        if self._length_b <= wire.MAX_BODY_B:
            self._parts.append(bytes(part))
            self._held.count(self, self._length_b)
        else:
            self.release()
            if self._length_b > 2 * wire.MAX_BODY_B:
                raise _too_large()

    def _take_chunks(self, chunks: h11.Connection, received: bytearray) -> bool:
        """Take what came, and tell whether the last chunk did. Raises: as `take`."""
        if not received:  # to the library that would be the end of the connection
            return False
        self._sent_b += len(received)
        chunks.receive_data(bytes(received))
        received.clear()
        try:
            while (event := chunks.next_event()) is not h11.NEED_DATA:
                if not isinstance(event, h11.Data):
                    received += chunks.trailing_data[0]
                    return True
                self._keep(event.data)
        except h11.RemoteProtocolError:
            raise wire.bad_chunks() from None
        if self._sent_b > _MOST_SHELL * self._length_b + _SHELL_B:
            raise wire.bad_chunks()
        return False


def _too_large() -> TooLarge:
    return TooLarge("http: request body too large")
