"""What is answered where the keys are not at hand: how the state stands, and how it is unsealed, or made.

Such a request passes no pipeline: there is no token to be found, no policy, and no audit device. Source: OpenBao 2.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultctl.core import attempts
from vaultctl.core.state import AT_HAND
from vaultctl.framework.endpoint import find
from vaultctl.logical.errors import IntegrityError, InvalidRequest, NoState, NoSuchMethod, Sealed
from vaultctl.logical.request import Operation
from vaultctl.logical.response import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from vaultctl.core.exchange import Host
    from vaultctl.core.state import State
    from vaultctl.framework.endpoint import Endpoint
    from vaultctl.logical.errors import StateError
    from vaultctl.logical.request import Request
    from vaultctl.logical.response import Response
    from vaultctl.storage.header import Header

_REFUSED_AT_ONCE = ("health", "init", "leader", "seal-status", "unseal")
"""What looks at the verb first. Source: OpenBao 2.7, where all else looks at what a patch is written in."""

_ASKING = (Operation.READ, Operation.HEAD)
_MADE_BY_HAND = "there is no state yet; make it with: vaultctl operator init"


class SealedContext:
    """What a handler may touch without keys: the header, which is plain; None where there is no state."""

    def __init__(self, state: State, host: Host, request: Request, header: Header | None) -> None:
        self.state = state
        self.host = host
        self.request = request
        self.header = header
        self.now_ns = host.now_ns()
        self.random: Callable[[int], bytes] = host.random


def answer(state: State, host: Host, request: Request) -> Response:
    """Answer without keys what can be answered so. Raises: Sealed for all else, other VaultErrors."""
    endpoint, values = _find(host, request)
    if request.operation is Operation.PATCH and (endpoint is None or endpoint.pattern not in _REFUSED_AT_ONCE):
        from vaultctl.core.pipeline import check_request

        check_request(request)
    if endpoint is None or not endpoint.when_sealed:
        raise _sealed(state)
    if endpoint.outside_namespaces and request.namespace.strip("/") not in ("", "root"):
        raise _identified(InvalidRequest(endpoint.outside_namespaces), request)
    handler = endpoint.when_sealed.get(request.operation)
    if handler is None:
        raise _identified(NoSuchMethod(), request)
    ctx = SealedContext(state, host, request, _header_of(state))
    data = request.query if request.operation in ("read", "head") else request.data
    response = handler(ctx, {**data, **values})
    return (response or EMPTY).identified(request.request_id)


def answer_without_seal(state: State, host: Host, request: Request, error: StateError) -> Response:
    """Answer what needs no keys, where a seal that is elsewhere does not give them. Raises: the error, for all else.

    The owner of the state is told why, others are not.
    """
    endpoint, _ = _find(host, request)
    header = None if isinstance(error, (IntegrityError, NoState)) else _header_of(state)
    asks = endpoint is not None and endpoint.when_sealed and request.operation in _ASKING
    if not asks or header is None or header.seal.get("type") in AT_HAND:
        raise error
    response = answer(state, host, request)
    return response._replace(warnings=error.errors) if host.asks_seals else response


def drop_stale(state: State, host: Host) -> None:
    """Have a root key removed that was kept for an epoch which is over, and what people entered. Raises: StateError."""
    header = _header_of(state)
    if header is None:
        return
    attempts.drop_stale(host.attempts, header)
    if header.seal.get("type") == "shamir":
        host.sealing.keeper.root_key(header)


def _find(host: Host, request: Request) -> tuple[Endpoint | None, Mapping[str, Any]]:
    if not request.path.startswith("sys/"):
        return None, {}
    path = request.path.removeprefix("sys/")
    found = find(host.system_endpoints(path), path) if path else None
    return (found.endpoint, found.values) if found else (None, {})


def _header_of(state: State) -> Header | None:
    try:
        with state.backend.reader() as snapshot:
            return snapshot.header
    except NoState:
        return None


def _sealed(state: State) -> Sealed:
    error = Sealed()
    if not state.backend.exists():
        error.hint = _MADE_BY_HAND
    return error


def _identified(error: InvalidRequest | NoSuchMethod, request: Request) -> InvalidRequest | NoSuchMethod:
    error.request_id = request.request_id
    return error
