"""The door to a real OpenBao or Vault, or to a vaultctl server.

It waits, asks again and follows redirects as OpenBao's client does, but for one thing: a token goes to the scheme, host
and port that were addressed, or to the one that the node there names as its cluster's leader, and nowhere else.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from vaultctl.http import address as addresses
from vaultctl.http import http1, wire
from vaultctl.http.dial import CannotDial
from vaultctl.logical.errors import NoAnswer, VaultError
from vaultctl.logical.request import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vaultctl.http.address import Address
    from vaultctl.http.dial import Dialler
    from vaultctl.http.limit import Limit
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response

TIMEOUT_S = 60.0
"""For a request and all that is asked again for it. Source: OpenBao 2.7's client, as the next ones are."""

OPEN_TIMEOUT_S = 5.0
"""For a question that any node answers at once."""

_PAUSE_S = (1.0, 1.5)
_FORWARD = "forward-active-node"
_BEHIND = 412
_REDIRECTS = (301, 302, 307, 308)
_ASKED_AGAIN = (412, 429)
_ONCE = ("/sys/wrapping/rewrap", "/sys/wrapping/unwrap")
"""What can be done once: behind a gateway it may be done although the answer says otherwise."""
_NEVER_AGAIN = 501
_TOO_LATE = "context deadline exceeded"


class Sent(NamedTuple):
    """A request as it goes over the wire; the target begins with a slash."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None


class _Failed(Exception):
    """One attempt came to nothing."""


class RemoteDoor:
    """Asks the Vault at an address. It may be used by many threads; connections are kept for the next request."""

    def __init__(
        self,
        address: Address,
        dialler: Dialler,
        *,
        headers: Sequence[tuple[str, str]] = (),
        timeout_s: float = TIMEOUT_S,
        retries: int = 0,
        follows: bool = True,
        limit: Limit | None = None,
    ) -> None:
        self.address = address
        self._dialler = dialler
        self.headers = headers
        self.timeout_s = timeout_s
        self._retries = retries
        self._follows = follows
        self._limit = limit
        self._idle: list[tuple[tuple[str, str, int], http1.Link]] = []
        self._index = ""
        self.body = b""
        """The last answer as it came."""

    def handle(self, request: Request, /) -> Response:
        """Ask for one operation. Raises: VaultError, with the address in `url` where it was asked."""
        until_s = time.monotonic() + self.timeout_s
        there, sent = self.address, self.sent(request)
        if self._limit:
            time.sleep(min(self._limit.wait_s(time.monotonic()), self.timeout_s))
        try:
            answer = self._ask(there, sent, until_s)
            if answer.status == _BEHIND and self._index:  # no node to send it on to: what is a moment old must do
                self._index, sent = "", self.sent(request, seen=False)
                answer = self._ask(there, sent, until_s)
            if answer.status in _REDIRECTS and self._follows:
                there, sent = self._elsewhere(there, sent, answer, until_s)
                answer = self._ask(there, sent, until_s)
            if answer.status in _REDIRECTS:
                raise NoAnswer(f"it is redirected further, to {answer.headers.get('location', 'no place')}")
            self.body = answer.body
            return _read(answer, request)
        except _Failed as error:
            raise _with_url(NoAnswer(str(error)), there, sent) from None
        except NoAnswer:
            raise
        except VaultError as error:
            raise _with_url(error, there, sent) from None

    def sent(self, request: Request, *, seen: bool = True) -> Sent:
        """Give a request as it goes over the wire to this address; `seen` says what of the storage was seen already."""
        call = wire.write_request(request._replace(query=dict(sorted(request.query.items()))))  # sorted as Go does
        headers = (*self.headers, *call.headers.items(), *(self._seen() if seen else ()))
        has_body = request.operation in (Operation.UPDATE, Operation.PATCH)
        return Sent(call.method, self.address.prefix + call.target, headers, call.body if has_body else None)

    def connects_within(self, seconds: float) -> None:
        """Wait no longer for a connection."""
        self._dialler.connect_s = seconds

    def forget_index(self) -> None:
        """Take what comes next from the node that is asked, be it behind."""
        self._index = ""

    def _seen(self) -> Sequence[tuple[str, str]]:
        """Say up to where the storage was seen: a node that is behind sends what we ask to its leader.

        Source: OpenBao 2.7, whose standbys answer reads themselves, a moment late. Other servers know no such headers.
        """
        return [("X-Vault-Index", self._index), ("X-Vault-Inconsistent", _FORWARD)] if self._index else []

    def ask_openly(self, there: Address, path: str, timeout_s: float = OPEN_TIMEOUT_S) -> Mapping[str, Any] | None:
        """Ask a node for what it tells everybody: no token is sent. None where it gives no answer of a Vault."""
        asked = Sent("GET", f"{there.prefix}/v1/{path}", [("X-Vault-Request", "true")], None)
        try:
            answer = self._once(there, asked, time.monotonic() + min(timeout_s, self.timeout_s))
            said = json.loads(answer.body)
        except (OSError, VaultError, _Failed, ValueError, RecursionError):
            return None
        return said if answer.status == 200 and isinstance(said, dict) else None

    def close(self) -> None:
        """End the connections that are kept."""
        while self._idle:
            self._idle.pop()[1].close()

    def _ask(self, there: Address, sent: Sent, until_s: float) -> http1.Answer:
        """Ask, and ask again as often as was wished for. Raises: NoAnswer, _Failed."""
        retries = 0 if sent.target.endswith(_ONCE) else self._retries
        for attempt in range(retries + 1):
            is_last = attempt == retries
            try:
                answer = self._once(there, sent, until_s)
            except TimeoutError:
                raise NoAnswer(_TOO_LATE) from None
            except _Failed:
                if is_last:
                    raise
            else:
                if is_last or not _is_asked_again(answer.status):
                    return answer
            pause_s = _pause_s(attempt)
            if time.monotonic() + pause_s >= until_s:
                raise NoAnswer(_TOO_LATE)
            time.sleep(pause_s)
        raise NoAnswer(_TOO_LATE)  # retries below none

    def _once(self, there: Address, sent: Sent, until_s: float) -> http1.Answer:
        """Ask once. Raises: _Failed, TimeoutError, NoAnswer."""
        raw = self._bytes(there, sent)
        while True:
            link = self._link(there, until_s)
            try:
                answer = link.ask(raw, until_s)
            except BaseException as error:
                link.close()
                if isinstance(error, http1.NoAnswerBytes) and link.was_used and sent.method in ("GET", "LIST", "SCAN"):
                    continue  # it was ended while we asked: that is the way of connections that are kept
                _explain(error)
            if link.is_open:
                self._idle.append((there.origin, link))
            self._index = answer.headers.get("x-vault-index", self._index)
            return answer

    def _bytes(self, there: Address, sent: Sent) -> bytes:
        through_proxy = self._dialler.asks_proxy(there)
        headers = [*sent.headers, *(self._dialler.proxy_headers(there) if through_proxy else [])]
        target = there.root + sent.target if through_proxy else sent.target
        try:
            return http1.head(sent.method, target, there.spelt, headers, sent.body) + (sent.body or b"")
        except ValueError as error:
            raise _Failed(str(error)) from None

    def _link(self, there: Address, until_s: float) -> http1.Link:
        with suppress(IndexError):
            while True:
                origin, link = self._idle.pop()
                if origin == there.origin and not link.is_stale():
                    return link
                link.close()
        if there.scheme not in ("http", "https"):
            raise _Failed(f'unsupported protocol scheme "{there.scheme}"')
        try:
            return http1.Link(self._dialler.dial(there, until_s))
        except CannotDial as error:
            raise _Failed(str(error)) from None

    def _elsewhere(self, there: Address, sent: Sent, answer: http1.Answer, until_s: float) -> tuple[Address, Sent]:
        """Give where a redirect leads. Raises: NoAnswer where the token must not go there."""
        location = answer.headers.get("location", "")
        if not location:
            raise NoAnswer("http: no Location header in response")
        if location.startswith("/") and not location.startswith("//"):
            return there, sent._replace(target=location)
        try:
            target = addresses.parse(f"{there.scheme}:{location}" if location.startswith("//") else location)
        except ValueError as error:
            raise NoAnswer(f"a redirect leads nowhere: {error}") from None
        if target.origin != there.origin and not self._leads(target, until_s):
            raise NoAnswer(
                f"it is redirected to {target.root}, and the token was not sent there",
                hint="it is neither the address that was given nor the cluster's leader;"
                " if it is the right one, give it as the address",
            )
        path = location.partition("#")[0].partition("://")[2].partition("/")[2]
        if target.origin == there.origin:
            target = there
        return target, sent._replace(target="/" + path)

    def _leads(self, target: Address, until_s: float) -> bool:
        """Ask the node that was addressed whether another is its cluster's leader. No token is sent for that."""
        if target.scheme != self.address.scheme:
            return False
        said = self.ask_openly(self.address, "sys/leader", until_s - time.monotonic()) or {}
        try:
            return addresses.parse(str(said.get("leader_address"))).origin == target.origin
        except ValueError:
            return False


def _read(answer: http1.Answer, request: Request) -> Response:
    """Give what was answered, if that was a Vault. Raises: VaultError; NoAnswer where it was something else."""
    body = answer.body.strip()
    is_json = body[:1] == b"{"
    if answer.status < 400 and body and not is_json:
        kind = answer.headers.get("content-type", "").partition(";")[0] or "something of no type"
        raise NoAnswer(
            f"invalid character '{body[:1].decode(errors='replace')}' looking for beginning of value",
            hint=f"what answers there is no Vault: it sent {kind}; is the address right?",
        )
    try:
        response = wire.read_answer(wire.Answer(answer.status, tuple(answer.headers.items()), body), request)
    except VaultError as error:
        if not is_json:
            error.errors, error.raw_text = (), answer.body.decode(errors="replace")
        raise
    says_who = response.request_id or response.wrap_info  # what is wrapped has its id inside
    if body and answer.status < 400 and response.raw is None and not says_who:
        raise NoAnswer("unexpected end of JSON input", hint="what answers there is no Vault, or its answer was cut off")
    return response


def _is_asked_again(status: int) -> bool:
    return status in _ASKED_AGAIN or (status >= 500 and status != _NEVER_AGAIN)


def _pause_s(attempt: int) -> float:
    import random

    return random.uniform(*_PAUSE_S) * (attempt + 1)  # noqa: S311  # it spreads clients, and hides nothing


def _explain(error: BaseException) -> NoReturn:
    """Say what became of one attempt, as Go does. Raises: _Failed, or what it was given."""
    if isinstance(error, http1.NoAnswerBytes):
        raise _Failed("EOF") from None
    if isinstance(error, http1.BrokenAnswer):
        raise _Failed(str(error)) from None
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        reason = getattr(error, "reason", None)  # ssl's errors have one
        tls = f"remote error: tls: {reason.lower().replace('_', ' ')}" if isinstance(reason, str) else ""
        raise _Failed(tls or (error.strerror or str(error) or "connection lost").lower()) from None
    raise error


def _with_url(error: VaultError, there: Address, sent: Sent) -> VaultError:
    error.url = there.root + sent.target
    return error
