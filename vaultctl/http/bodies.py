"""The bodies of requests, as they come: each within a time, and all together within some memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.http import heads, wire
from vaultctl.logical.errors import TooLarge, VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultctl.http.heads import Head

SMALL_B = 64 << 10
"""Bodies up to here are not counted: whoever may connect may have one."""

_MOST_SHELL, _SHELL_B = 1, 16 << 10
"""So many times what is in them may chunks take, and so much besides: each costs time, be there one byte in it."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]{0,256}|[ \t]{0,8})\r\n")
_TRAILER = re.compile(heads.TOKEN + rb"+:[\t -~\x80-\xff]*\r\n")
_EMPTY = re.compile(rb"\r\n")
_LINE_B = 1 << 10
_MOST_TRAILERS = 64


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
        self._chunks = _Chunks() if head.framing.length_b is None else None
        self._parts: list[bytes] = []
        self._length_b = 0
        self._sent_b = 0

    def take(self, received: bytearray) -> bytes | None:
        """Take what belongs to it off the front of what was received; give it once it is there in full.

        Raises: TooMuch, TooLarge, InvalidRequest for chunks that are none.
        """
        before_b = len(received)
        if self._chunks is None:
            self._left_b -= self._keep(taken(received, self._left_b))
            is_over = not self._left_b
        else:
            for part in self._chunks.take(received):
                self._keep(part)
            is_over = self._chunks.is_over
        self._sent_b += before_b - len(received)
        if self._sent_b - self._length_b > _MOST_SHELL * self._length_b + _SHELL_B:
            raise wire.bad_chunks()
        if not is_over:
            return None
        if self._length_b > wire.MAX_BODY_B:
            raise _too_large()
        return b"".join(self._parts)

    def release(self) -> None:
        """Let go of it."""
        self._parts.clear()
        self._held.release(self)

    def _keep(self, part: bytes) -> int:
        """Keep a part, and give its length. Raises: TooMuch, TooLarge: what is far too long is not read to its end."""
        self._length_b += len(part)
        if self._length_b <= wire.MAX_BODY_B:
            self._parts.append(part)
            self._held.count(self, self._length_b)
        else:
            self.release()
            if self._length_b > 2 * wire.MAX_BODY_B:
                raise _too_large()
        return len(part)


class _Chunks:
    """A body in chunks, taken apart. It is strict: what could be read in two ways is no chunk."""

    def __init__(self) -> None:
        self.is_over = False
        self._left_b = 0
        self._is_in_chunk = False
        self._trailers = -1
        """How many lines came behind the last chunk, or -1 in front of it."""

    def take(self, received: bytearray) -> Iterator[bytes]:
        """Take what came off the front of what was received, and give what was in it. Raises: InvalidRequest."""
        while not self.is_over and received:
            if self._left_b:
                part = taken(received, self._left_b)
                self._left_b -= len(part)
                yield part
            elif self._trailers >= 0:
                if not self._take_trailer(received):
                    return
            elif self._is_in_chunk:
                if not self._take_line(received, _EMPTY):
                    return
                self._is_in_chunk = False
            else:
                size = self._take_line(received, _SIZE)
                if size is None:
                    return
                self._left_b = int(size[1], 16)
                self._is_in_chunk = bool(self._left_b)
                self._trailers = -1 if self._left_b else 0

    def _take_trailer(self, received: bytearray) -> bool:
        """Take a line behind the last chunk, of which nobody wants to know; tell whether one was there."""
        if received[:1] == b"\r":
            self.is_over = self._take_line(received, _EMPTY) is not None
            return self.is_over
        if self._take_line(received, _TRAILER) is None:
            return False
        self._trailers += 1
        if self._trailers > _MOST_TRAILERS:
            raise wire.bad_chunks()
        return True

    def _take_line(self, received: bytearray, form: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Take a line of a form, or give None while it is not there in full. Raises: InvalidRequest."""
        end = received.find(b"\n", 0, _LINE_B) + 1
        if not end and len(received) < _LINE_B:
            return None
        line = bytes(received[:end])
        del received[:end]
        found = form.fullmatch(line)
        if found is None:
            raise wire.bad_chunks()
        return found


def taken(received: bytearray, most_b: int) -> bytes:
    """Take so much at most off the front of what was received."""
    part = bytes(received) if len(received) <= most_b else bytes(received[:most_b])
    del received[: len(part)]
    return part


def _too_large() -> TooLarge:
    return TooLarge("http: request body too large")
