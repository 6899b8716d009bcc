"""How a request's body is taken in: each within a time, and all together within some memory.

Nothing here waits for a clock: who is late is found from time to time, and its connection is closed for reading, which
is how `take` hears of it. So it does not matter which thread takes a body, or how that waits.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.http import wire
from vaultctl.logical.errors import TooLarge, VaultError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL_B = 64 << 10
"""Bodies up to here are not counted: whoever may connect may have one."""


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


class Gone(Exception):
    """The client went away before it had sent its body: there is nobody to answer."""


class Intake:
    """Takes in bodies. Clients are named by their addresses; each sends one body at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since: dict[str, float] = {}
        self._late: set[str] = set()
        self._held_b: dict[str, int] = {}

    async def take(self, client: str, parts: AsyncIterator[bytes]) -> bytes:
        """Give a body that comes in parts; what is long is held until `release`.

        One that is too long is read to its end all the same, but not kept: a client hears an answer only once it has
        sent all. Raises: Gone, TooSlow, TooMuch, TooLarge.
        """
        kept: list[bytes] = []
        length = 0
        self._since[client] = time.monotonic()
        try:
            async for part in parts:
                length += len(part)
                if length <= wire.MAX_BODY_B:
                    kept.append(part)
                    self._hold(client, length)
                else:
                    kept.clear()
                    self.release(client)
                    if length > 2 * wire.MAX_BODY_B:
                        break
        except Gone:
            if client in self._late:
                raise TooSlow(self._limits.read_s) from None
            raise
        finally:
            self._since.pop(client, None)
            self._late.discard(client)
        if length > wire.MAX_BODY_B:
            raise TooLarge("http: request body too large")
        return b"".join(kept)

    def _hold(self, client: str, length: int) -> None:
        """Count what is long. Raises: TooMuch."""
        if length > SMALL_B:
            self._held_b[client] = length
            if sum(list(self._held_b.values())) > self._limits.held_b:
                raise TooMuch

    def release(self, client: str) -> None:
        """Let go of a body that was taken, if it was long: its request is answered, or was given up."""
        self._held_b.pop(client, None)

    def late(self) -> set[str]:
        """Name the clients whose bodies did not come in time; they are late from now on."""
        latest = time.monotonic() - self._limits.read_s
        self._late.update(client for client, since in list(self._since.items()) if since < latest)
        return set(self._late)
