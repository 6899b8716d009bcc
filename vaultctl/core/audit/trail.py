"""One request's way into the audit: an entry before it is dispatched, and one when it was answered and committed.

Where no device takes the first, the request is refused. Where none takes the second, what was done stays done, and the
answer is an error that says so. One device that takes an entry is enough. Source: OpenBao 2.7.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from vaultctl.core import tokens
from vaultctl.core.audit import entries
from vaultctl.core.audit.table import PREFIX, load_table
from vaultctl.core.exchange import BegunAnew, context_for, given_data, need_writing
from vaultctl.core.views import Transaction
from vaultctl.crypto.aead import hmac_sha256
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.errors import BadToken, InvalidRequest, NotAudited, VaultError
from vaultctl.logical.request import LISTING, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.core.audit.table import Table
    from vaultctl.core.auditing import Auditing, Open
    from vaultctl.core.exchange import Exchange
    from vaultctl.core.tokens import Token
    from vaultctl.logical.response import Response

_MADE = "the change was made, but its answer could not be audited"
_SECOND_NS = 1_000_000_000


class Trail:
    """The audit of one request."""

    def __init__(self, auditing: Auditing, exchange: Exchange, table: Table) -> None:
        self._auditing = auditing
        self._exchange = exchange
        self._table = table
        self._who: entries.Who | None = None
        self._asked: entries.Asked | None = None
        self._at = _at(exchange)

    def follow(self, answer: Callable[[Exchange], Response]) -> Response:
        """Have a request answered, and record what became of it. Raises: VaultError, NotAudited, BegunAnew."""
        try:
            response = answer(self._exchange)
        except (BegunAnew, NotAudited):
            raise
        except Exception as error:
            if self._asked is None:
                self._record_refusal(error)
            self._record_answer(error)
            raise
        if response.awaited is not None:  # what is answered in its place is recorded
            return response._replace(awaited=response.awaited._replace(record=self._record_answer))
        self._record_answer(response)
        return response

    def record_request(self) -> None:
        """Record a request that was let in, before anything is done. Raises: NotAudited, NeedsWriting."""
        exchange = self._exchange
        endpoint = exchange.match.endpoint if exchange.match else None
        if endpoint and endpoint.reads_write and exchange.request.operation in endpoint.operations:
            need_writing(exchange)  # it would be asked for after this entry, and there would be two
        asked = self._describe(allowed=True)
        if exchange.apart is None or not exchange.apart.is_recorded:
            self._write_request(asked, None)
        if exchange.apart:
            exchange.apart.is_recorded = True

    def _record_refusal(self, error: Exception) -> None:
        """Record a request that was not let in. Raises: NotAudited."""
        asked = self._describe(allowed=None if isinstance(error, BadToken) else False)
        self._write_request(asked, error if isinstance(error, VaultError) else VaultError("internal error"))

    def _describe(self, *, allowed: bool | None) -> entries.Asked:
        self._who = _who(self._exchange, allowed=allowed)
        self._asked = _asked(self._exchange, self._table.headers, is_let_in=bool(allowed))
        return self._asked

    def _write_request(self, asked: entries.Asked, error: VaultError | None) -> None:
        now, who = self._now(), self._who or entries.Who()
        failures = self._write(
            self._table, lambda device: entries.request_entry(device.ink, now, who, asked, self._at, error)
        )
        if failures and not self._may_disable():
            raise NotAudited("internal error", hint=_hint(failures))

    def _record_answer(self, answer: Response | Exception) -> None:
        """Record an answer, on the devices that are enabled by now. Raises: NotAudited."""
        exchange = self._exchange
        table, asked, who = self._table, self._asked, self._who or entries.Who()
        if exchange.session.changed_below(PREFIX):
            table = load_table(exchange.session.view)
            self._auditing.close_others(table)
        if asked is None:
            return
        now, name = self._now(), self._name_of_new_token(answer)
        failures = self._write(
            table, lambda device: entries.response_entry(device.ink, now, who, asked, self._at, answer, name)
        )
        if not failures or self._may_disable():
            return
        view = exchange.session.view
        is_made = isinstance(view, Transaction) and view.changed
        raise NotAudited(_MADE if is_made else "internal error", hint=_hint(failures)) from None

    def _write(self, table: Table, entry_for: Callable[[Open], entries.Entry]) -> dict[str, str]:
        """Write an entry to all devices; where none took it, tell for each why."""
        failures: dict[str, str] = {}
        for device in table.devices:
            try:
                opened = self._auditing.opened(device)
                opened.sink.write(entries.line(entry_for(opened), opened.form.prefix))
            except InvalidRequest as error:  # stored by another version
                failures[device.path] = error.errors[0]
            except OSError as error:
                failures[device.path] = error.strerror or str(error)
        return failures if len(failures) == len(table.devices) else {}

    def _may_disable(self) -> bool:
        """Tell whether this is the owner taking a device away, which nobody else can where none can be written to."""
        exchange = self._exchange
        takes_away = exchange.request.operation is Operation.DELETE and exchange.path.startswith("audit/")
        return takes_away and self._auditing.rules.is_owner

    def _name_of_new_token(self, answer: Response | Exception) -> str:
        auth = None if isinstance(answer, Exception) else answer.auth
        if not auth or not auth.get("client_token"):
            return ""
        exchange = self._exchange
        if exchange.wrapping:  # it was made before. Source: OpenBao 2.7
            return ""
        made = tokens.find(exchange.session.view, auth["client_token"], exchange.now_ns / 1e9)
        return made.display_name if made else ""

    def _now(self) -> str:
        return rfc3339(self._exchange.host.now_ns())


def _hint(failures: dict[str, str]) -> str:
    each = "; ".join(f"{path}: {cause}" for path, cause in failures.items())
    return f"no audit device could be written to: {each}"


def _at(exchange: Exchange) -> entries.At:
    mount = exchange.mount
    if mount is None:
        return entries.At()
    return entries.At(
        exchange.namespace.path + mount.path,
        mount.shown_type,
        mount.accessor,
        "auth" if mount.is_auth else "secret",
        frozenset(mount.config.get("audit_non_hmac_request_keys") or ()),
        frozenset(mount.config.get("audit_non_hmac_response_keys") or ()),
    )


def _asked(exchange: Exchange, headers: Mapping[str, bool], *, is_let_in: bool) -> entries.Asked:
    request, token = exchange.request, exchange.token
    sent = request.sent_headers
    lists = request.operation in LISTING
    address, port = _address(request.remote_addr)
    return entries.Asked(
        request.request_id,
        _client_id(token) if token else "",
        "create" if is_let_in and _makes_new(exchange) else request.operation.value,
        request.token,
        token.accessor if token else "",
        exchange.namespace.id,
        exchange.namespace.path,
        request.path + ("/" if lists and not request.path.endswith("/") else ""),
        given_data(request),
        address,
        port,
        int(request.wrap_ttl_s),
        {name: ([sent[name]], is_hashed) for name, is_hashed in sorted(headers.items()) if name in sent},
    )


def _makes_new(exchange: Exchange) -> bool:
    """Tell whether an update makes something that was not there, where the engine can tell."""
    match, mount = exchange.match, exchange.mount
    if exchange.request.operation is not Operation.UPDATE or match is None or mount is None or mount.tainted:
        return False
    exists = match.endpoint.exists
    return exists is not None and not exists(context_for(exchange, mount), match.values)


def _who(exchange: Exchange, *, allowed: bool | None) -> entries.Who:
    token = exchange.token
    if token is None:
        return entries.Who(allowed=allowed)
    from vaultctl.core.audit.grants import granting
    from vaultctl.core.policies import admission

    who = admission.who_in(exchange.session, token)
    return entries.Who(
        exchange.request.token,
        token.accessor,
        token.display_name,
        token.policies,
        allowed,
        granting(exchange, token) if allowed else (),
        getattr(token, "meta", None),
        # The use that this request takes is still one of them.
        max(token.num_uses, 0) + 1 if token.num_uses else 0,
        getattr(token, "entity_id", ""),
        token.type,
        int(token.ttl_s),
        rfc3339(token.creation_time_s * _SECOND_NS),
        who.entity.policies if who else (),
    )


def _client_id(token: Token) -> str:
    """Name who asks, for counting: the entity, else a name for those with the same policies in one namespace."""
    if token.entity_id:
        return token.entity_id
    named = ",".join(sorted(token.policies)) + "." + token.namespace
    return base64.b64encode(hmac_sha256(b"client", named.encode("utf-8", "surrogatepass"))).decode()


def _address(remote: str) -> tuple[str, int]:
    """Split an address and its port, where it has one."""
    host, colon, port = remote.rpartition(":")
    if colon and port.isdigit() and not host.endswith(":") and (":" not in host or host.startswith("[")):
        return host.strip("[]"), int(port)
    return remote, 0
