"""How a request's body is taken in: each within a time, and all together within some memory."""

from __future__ import annotations

import asyncio
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


class Intake:
    """Takes in bodies."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held_b = 0

    async def take(self, parts: AsyncIterator[bytes]) -> bytes:
        """Give a body that comes in parts; what is long is held until `release`. Raises: TooSlow, TooMuch, TooLarge.

        One that is too long is read to its end all the same, but not kept: a client hears an answer only once it has
        sent all.
        """
        kept: list[bytes] = []
        length = held = 0
        try:
            async with asyncio.timeout(self._limits.read_s):
                async for part in parts:
                    length += len(part)
                    if length > wire.MAX_BODY_B:
                        kept.clear()
                        self._held_b -= held
                        held = 0
                        if length > 2 * wire.MAX_BODY_B:
                            break
                        continue
                    kept.append(part)
                    if length > SMALL_B:
                        self._held_b += length - held
                        held = length
                        if self._held_b > self._limits.held_b:
                            raise TooMuch
            if length > wire.MAX_BODY_B:
                raise TooLarge("http: request body too large")
            return b"".join(kept)
        except BaseException as error:
            self._held_b -= held
            if isinstance(error, TimeoutError):
                raise TooSlow(self._limits.read_s) from None
            raise

    def release(self, body: bytes) -> None:
        """Let go of a body that was taken: its request is answered."""
        if len(body) > SMALL_B:
            self._held_b -= len(body)
