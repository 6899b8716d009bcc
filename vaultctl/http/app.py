"""What stands between connections and a door: whom a request is given to, and what is said of it.

What a door can answer without waiting is answered at once, in the loop's own thread, which is quickest; whatever may
wait (a lock on the state, another server) is asked in a thread of a pool, so that slow requests hold up no others.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.http import pages, wire
from vaultctl.http.bodies import Limits
from vaultctl.http.log_line import log_line
from vaultctl.http.pool import Pool
from vaultctl.logical.errors import VaultError, where
from vaultctl.logical.request import only_reads

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from vaultctl.http.wire import Answer, Call
    from vaultctl.logical.door import Door
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

READERS = 8
"""So many requests that only read are answered at a time."""


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
    """One door, asked over HTTP."""

    def __init__(self, door: Door, manners: Manners) -> None:
        self._door = door
        self._manners = manners
        self.log = manners.log
        self._reading = Pool(READERS, "reading")
        self.writing = Pool(manners.writers, "writing")

    def ask(self, call: Call) -> Answer | Future[Answer]:
        """Answer, or have it answered in a thread. Nothing that failed inside is shown to a client."""
        try:
            answer = pages.answer_alone(call)
            if answer is None:
                request = wire.read_call(call)
                response = self._manners.at_once(request) if self._manners.at_once else None
                if response is None:
                    pool = self._reading if only_reads(request) else self.writing
                    return pool.submit(partial(self._wait_for, request, call))
                answer = wire.write_response(response, call)
        except Exception as error:  # the outer edge
            answer = self._failed(error, call)
        return _said_to(call, answer) if "x-vault-namespace" in call.headers else answer

    def note(self, call: Call, answer: Answer, took_s: float) -> None:
        """Have the log say what was answered."""
        if self.log:
            self.log(log_line(call, answer.status, took_s))

    def close(self) -> None:
        """Have nothing more answered in a thread."""
        self._reading.close()
        self.writing.close()

    def _wait_for(self, request: Request, call: Call) -> Answer:
        try:
            answer = wire.write_response(self._door.handle(request), call)
        except Exception as error:  # the outer edge
            answer = self._failed(error, call)
        return _said_to(call, answer)

    def _failed(self, error: Exception, call: Call) -> Answer:
        if isinstance(error, VaultError):
            return wire.write_error(error, call.method)
        self._manners.complain(f"internal error: {where(error)}")
        return wire.write_error(VaultError("internal error"))


def _said_to(call: Call, answer: Answer) -> Answer:
    """Say the namespace again. Source: OpenBao 2.7, which does so in every answer."""
    namespace = call.headers.get("x-vault-namespace")
    return answer._replace(headers=(*answer.headers, ("X-Vault-Namespace", namespace))) if namespace else answer
