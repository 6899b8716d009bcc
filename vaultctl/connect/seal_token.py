"""The token of the transit seal is renewed in time, as long as a server runs. Source: OpenBao's transit seal.

One that is not renewable, or a batch token, is left to come to its end: whoever made it puts another in its place.
"""

from __future__ import annotations

import time
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.crypto.seals.transit import TransitKey
    from vaultctl.logical.response import Response

_AGAIN_S = 5.0
"""So long after a renewal that failed another is tried."""

_LEAST_S = 1.0


class Renewal:
    """The renewals of one token; nobody waits for them."""

    def __init__(self, key: TransitKey, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._key = key
        self._monotonic_s = monotonic_s
        self._token = ""
        self._next_s = float("inf")
        self._renewing = Lock()

    def begin(self) -> None:
        """Begin to renew the token, if its time has come."""
        try:
            token = self._key.find_token()
        except VaultError:  # whoever needs the seal is told
            return
        is_due = token != self._token or self._monotonic_s() >= self._next_s
        if is_due and self._renewing.acquire(blocking=False):
            Thread(target=self._work, args=(token,), daemon=True).start()

    def _work(self, token: str) -> None:
        try:
            if token != self._token:
                self._plan(self._ask(Operation.READ, "lookup-self", token).data or {}, "ttl")
                self._token = token
            else:
                self._plan(self._ask(Operation.UPDATE, "renew-self", token).auth or {}, "lease_duration")
        except VaultError:  # whoever needs the seal is told what is wrong with the token
            self._token, self._next_s = token, self._monotonic_s() + _AGAIN_S
        finally:
            self._renewing.release()

    def _ask(self, operation: Operation, name: str, token: str) -> Response:
        return self._key.door.handle(
            Request(operation, f"auth/token/{name}", namespace=self._key.namespace, token=token)
        )

    def _plan(self, told: Mapping[str, Any], ttl: str) -> None:
        """Renew it next when half of its time is over."""
        left_s = told.get(ttl) or 0
        is_renewed = bool(told.get("renewable")) and left_s > 0
        self._next_s = self._monotonic_s() + max(left_s / 2, _LEAST_S) if is_renewed else float("inf")
