"""The stages that every request passes, in order. There is no second path.

unsealed (opening the state does that) → namespace → route → authenticate → authorise → audit the request → dispatch →
lease → wrap → commit → audit the answer. Refusals are audited too. Where no audit device is enabled, nothing of it is
done.

A savepoint stands in front of dispatch: a request that fails loses what it did, and keeps what letting it in did (a use
of its token). Source: OpenBao 2.7, where a refused request still uses a token up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core import tokens
from vaultctl.core.exchange import BegunAnew, context_for, endpoints_of, given_data, need_writing
from vaultctl.core.namespaces import ROOT
from vaultctl.framework import fields
from vaultctl.framework.endpoint import ROOT_ONLY, UNAVAILABLE, find
from vaultctl.logical.errors import (
    BadToken,
    InvalidRequest,
    NamespaceLocked,
    NotFound,
    PermissionDenied,
    VaultError,
    WrongContentType,
)
from vaultctl.logical.request import LISTING, MERGE_PATCH, READING, Operation, Request
from vaultctl.logical.response import EMPTY, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from vaultctl.core.exchange import Exchange
    from vaultctl.core.mounts import Mount
    from vaultctl.core.tokens import Token
    from vaultctl.framework.endpoint import Endpoint, Entry, Handler, Match

Route = tuple["Mount | None", str, "Match | None"]
"""The mount that a path falls to, what of it is below that, and the endpoint there."""

_PLAIN = frozenset({int, bool, type(None)})
_KEPT_ROUTES, _KEPT_PATH = 1000, 256
"""So many routes are kept, of paths so long at most."""

_MAX_DEPTH = 300
"""So deep may the data of a request be nested."""


def run(exchange: Exchange) -> Response:
    """Pass one request through all stages. Raises: VaultError, BegunAnew."""
    exchange.request = check_request(exchange.request)
    resolve_namespace(exchange)
    route(exchange)
    if exchange.asked_in.path or exchange.namespace.path:  # the root has no lock
        check_lock(exchange)
    exchange.trail = exchange.host.auditing.trail(exchange)
    return answer(exchange) if exchange.trail is None else exchange.trail.follow(answer)


def answer(exchange: Exchange) -> Response:
    """Pass a request through the stages behind its routing. Raises: VaultError, BegunAnew."""
    try:
        authenticate(exchange)
        authorise(exchange)
        if exchange.trail is not None:
            exchange.trail.record_request()
        exchange.mark = exchange.session.mark()
        try:
            response = wrap(exchange) if exchange.request.wrap_ttl_s else produce(exchange)
        except Exception as error:
            if not (isinstance(error, VaultError) and error.keeps_changes):
                exchange.session.rollback(exchange.mark)
            raise
    except BegunAnew:
        raise
    except Exception:
        finish(exchange)
        raise
    finish(exchange)
    return response


def produce(exchange: Exchange) -> Response:
    """Give the answer: what the handler says, with its lease, as far as a policy lets it be seen.

    Raises: VaultError, NeedsWriting.
    """
    response = dispatch(exchange)
    if response.lease and response.lease.internal is not None:
        response = register_lease(exchange, response)
    return exchange.keep(response) if exchange.keep else response


def wrap(exchange: Exchange) -> Response:
    """Give the answer wrapped, if it says anything; that nothing is there may have data, too. Raises: VaultError."""
    from vaultctl.core.wrapping.stage import put_away

    try:
        response = produce(exchange)
    except NotFound as error:
        if error.data is None and not error.warnings:
            raise
        response = Response(error.status, error.data, warnings=error.warnings)
    return put_away(exchange, response)


def check_request(request: Request) -> Request:
    """Refuse what no engine can take; give the request with its data as it can be stored. Raises: VaultError."""
    try:
        if not request.path.isascii():
            request.path.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the path is not valid UTF-8") from None
    if not request.path.isprintable():  # OpenBao refuses %00, %0A, U+200B and their like, and has no words for it
        raise InvalidRequest("the path holds a character that cannot be printed")
    if request.operation is Operation.PATCH:
        _check_patch(request.content_type)
    if _is_plain(request.data):
        return request
    return request._replace(data=_storable(request.data, _MAX_DEPTH))


def _check_patch(content_type: str) -> None:
    from vaultctl.logical import media_types

    found = media_types.read(content_type)
    if found != MERGE_PATCH:
        raise WrongContentType(f"PATCH requires Content-Type of {MERGE_PATCH}, provided {found}")


def _is_plain(data: Mapping[str, Any]) -> bool:
    """Tell whether data is flat, and ASCII: as most is, and can be stored as it is."""
    for key, item in data.items():
        is_plain = item.isascii() if type(item) is str else type(item) in _PLAIN
        if not is_plain or type(key) is not str or not key.isascii():
            return False
    return True


def _storable(value: Any, depth: int) -> Any:
    """Give the data with U+FFFD for what is no character, as Go's JSON does. Raises: InvalidRequest."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if depth == 0 and isinstance(value, dict | list):
        raise InvalidRequest("refused JSON input due to high complexity: it is nested too deeply")
    if isinstance(value, dict):
        return {_storable(key, depth): _storable(item, depth - 1) for key, item in value.items()}
    return [_storable(item, depth - 1) for item in value] if isinstance(value, list) else value


def resolve_namespace(exchange: Exchange) -> None:
    """Find the namespace, by the header and by what the path begins with; the rest of the path is within it.

    Raises: NotFound, InvalidRequest, NamespaceLocked.
    """
    request, table = exchange.request, exchange.session.namespaces
    named = table.named(request.namespace) if request.namespace else ROOT
    exchange.namespace, path = table.descend(named, request.path)
    exchange.asked_in = exchange.namespace
    if path != request.path:
        exchange.request = request._replace(path=path)
        exchange.has_prefix = True
    if request.operation in (Operation.UPDATE, Operation.PATCH) and path.endswith("/"):
        raise InvalidRequest("cannot write to a path ending in '/'")
    if path.startswith("auth/token/"):
        from vaultctl.core.token_store import scope

        check_lock(exchange)  # that of a token's own namespace does not matter. Source: OpenBao 2.7
        exchange.namespace = table.get(scope.namespace_id(exchange.request)) or exchange.namespace
    elif path == "sys/wrapping/unwrap":
        from vaultctl.core.token_store.scope import own_namespace_id

        check_lock(exchange)
        exchange.namespace = table.get(own_namespace_id(exchange.request)) or exchange.namespace


def route(exchange: Exchange) -> None:
    """Find the mount, the path below it and the endpoint; that there is none is said only to who may know it.

    Raises: InvalidRequest for what no namespace but the root has, before anybody looks whether that is locked.
    """
    table, place = exchange.session.mounts, (exchange.namespace.id, exchange.request.path)
    found: Route | None = table.routes.get(place)
    if found is None:
        found = _found_route(exchange)
        if len(exchange.request.path) <= _KEPT_PATH:
            if len(table.routes) >= _KEPT_ROUTES:
                table.routes.clear()
            table.routes[place] = found
    exchange.mount, exchange.path, exchange.match = found
    if exchange.namespace.path and _is_elsewhere(exchange) == UNAVAILABLE:
        raise InvalidRequest(UNAVAILABLE)


def _found_route(exchange: Exchange) -> Route:
    """Find where a path leads: as long as no mount changes, it leads there."""
    mount = exchange.session.mounts.serving(exchange.request.path, exchange.namespace.id)
    if mount is None:
        return None, "", None
    path = exchange.request.path[len(mount.path) :]
    is_served = not mount.tainted and exchange.host.kinds(mount).serves(mount.type)
    return mount, path, find(endpoints_of(exchange.host, mount, path), path) if is_served else None


def _is_elsewhere(exchange: Exchange) -> str:
    """Say why an endpoint does not answer in this namespace; "" where it does."""
    elsewhere = exchange.match.endpoint.outside_namespaces if exchange.match else ""
    if not elsewhere or exchange.namespace.is_root:
        return ""
    return ROOT_ONLY if exchange.has_prefix else elsewhere


def check_lock(exchange: Exchange) -> None:
    """Refuse what is asked of a locked namespace, but for unlocking it, and what is the root namespace's alone.

    What answers before the namespace is looked at does so in a locked one, too, where a header names that; behind a
    prefix of the path it does not. Source: OpenBao 2.7. Raises: NamespaceLocked, InvalidRequest.
    """
    locked = exchange.session.namespaces.locked(exchange.asked_in)
    if locked and not _answers_when_locked(exchange):
        raise NamespaceLocked(locked.path)
    elsewhere = _is_elsewhere(exchange)
    if elsewhere:
        raise InvalidRequest(elsewhere)


def _answers_when_locked(exchange: Exchange) -> bool:
    endpoint = exchange.match.endpoint if exchange.match else None
    return endpoint is not None and endpoint.when_locked and not (endpoint.bare and exchange.has_prefix)


def authenticate(exchange: Exchange) -> None:
    """Find the token, and take a use from it where they are counted. Raises: BadToken, NeedsWriting.

    Source: OpenBao 2.7, which looks at no token, not even a bad one, where none is needed, and takes no use from one
    where it could have been left out.
    """
    if exchange.match and exchange.match.endpoint.about_wrapping:
        from vaultctl.core.wrapping.presented import find_wrapping

        find_wrapping(exchange)
    endpoint = exchange.match.endpoint if exchange.match else None
    if endpoint and exchange.request.operation in LISTING:
        endpoint = _unless_no_folder(exchange, endpoint)
    if endpoint and endpoint.unauthenticated:
        return
    if not exchange.request.token:
        if endpoint and endpoint.token_optional:
            return
        raise BadToken
    token = tokens.find(exchange.session.view, exchange.request.token, exchange.now_ns / 1e9)
    if token is None or token.num_uses < 0 or (token.bound_cidrs and not _may_come_from(token, exchange)):
        raise BadToken
    if token.entity_id:
        _check_entity(exchange, token)
    if token.num_uses > 0 and not (endpoint and endpoint.token_optional):
        need_writing(exchange)
        if exchange.wrapping:
            from vaultctl.core.wrapping import presented

            presented.spare(exchange, token)
        token = tokens.use(exchange.session.view, token)
    exchange.token = token


def _unless_no_folder(exchange: Exchange, endpoint: Endpoint) -> Endpoint | None:
    """Give the endpoint of a listing; one of what is no folder finds none that takes no token, and so takes one.

    Source: OpenBao 2.7, which looks for the path with a slash behind, among those that take no token, too.
    """
    if not (endpoint.unauthenticated or endpoint.token_optional):
        return endpoint
    from vaultctl.core.unanswered import lists_no_folder

    mount = None if endpoint.bare or "{" in endpoint.pattern else exchange.mount
    if mount is None or not lists_no_folder(exchange, mount):
        return endpoint
    exchange.match = None
    return None


def _check_entity(exchange: Exchange, token: Token) -> None:
    """Refuse the token of an entity that is disabled, or gone. Raises: BadToken."""
    from vaultctl.core import identity

    if not identity.may_act(exchange.session.view, token.entity_id):
        raise BadToken


def _may_come_from(token: Token, exchange: Exchange) -> bool:
    """Tell whether a token that is bound to addresses can be used from where it came from."""
    from vaultctl.logical import addresses

    return addresses.allow(token.bound_cidrs, exchange.request.remote_addr)


def authorise(exchange: Exchange) -> None:
    """Allow root everything, and others what needs no right or what their policies allow. Raises: PermissionDenied."""
    endpoint = exchange.match.endpoint if exchange.match else None
    if endpoint and (endpoint.unauthenticated or endpoint.token_optional):
        return
    if exchange.token is None:
        raise PermissionDenied
    if not exchange.token.is_root or exchange.token.namespace != ROOT.id:
        exchange.host.admit(exchange, exchange.token)


def dispatch(exchange: Exchange) -> Response:
    """Call the endpoint's handler. Raises: VaultError, BegunAnew."""
    request, mount, match = exchange.request, exchange.mount, exchange.match
    if mount is None or match is None or request.operation is Operation.HELP:
        from vaultctl.core import unanswered

        return unanswered.without_endpoint(exchange)
    endpoint = match.endpoint
    handler = endpoint.operations.get(request.operation)
    if endpoint.login and request.operation is Operation.UPDATE:
        handler = _login(exchange, mount, endpoint.login)
    if handler is None:
        from vaultctl.core import unanswered

        raise unanswered.no_handler(exchange, mount, endpoint)
    if endpoint.reads_write:
        need_writing(exchange)
    given, values = given_data(request), match.values
    asks_first = endpoint.exists is not None and request.operation is Operation.UPDATE
    # What the path says counts, whatever the data has by the same name.
    data = {name: value for name, value in given.items() if name not in values} if values else given
    declared = {} if endpoint.strict else endpoint.fields
    converted = fields.convert(declared, data, error_prefix="" if asks_first else fields.ERROR_PREFIX)
    ignored = given.keys() - endpoint.fields.keys() if given and not endpoint.quiet else set()
    response = handler(context_for(exchange, mount), {**converted, **values})
    if response is None:
        if request.operation not in READING:
            return EMPTY
        response = _empty_listing(request, ignored)
    replaced = given.keys() & values.keys() if values else ()
    if ignored or replaced:
        from vaultctl.core import unanswered

        response = unanswered.warned(response, ignored, replaced)
    is_mirrored = endpoint.mirrored and not exchange.has_prefix  # OpenBao tells by the path as it came
    return response._replace(mirrored=True) if is_mirrored else response


def register_lease(exchange: Exchange, response: Response) -> Response:
    """Store what the engine leased, and name it in the answer. Raises: InvalidRequest."""
    from vaultctl.core.leases import issue

    return issue.register(exchange, response)


def _login(exchange: Exchange, mount: Mount, entry: Entry) -> Handler:
    """Give what answers a login."""
    from vaultctl.core import logins

    return lambda _context, given: logins.log_in(exchange, mount, entry, given)


def finish(exchange: Exchange) -> None:
    """Remove a token whose last use this was, and commit. Raises: StateError."""
    token = exchange.token
    if exchange.writing:
        _remove_spent(exchange, token)
    exchange.session.commit()


def _remove_spent(exchange: Exchange, token: Token | None) -> None:
    """Remove a token whose last use this was, and some of those that came to their end."""
    session, now_s = exchange.session, exchange.now_ns / 1e9
    is_last = token is not None and token.num_uses < 0
    if not is_last and not (session.changed and tokens.was_due(session.view, now_s)):
        return
    from vaultctl.core.token_store import sweep

    if token and is_last:
        sweep.remove(session, token)
    sweep.sweep(session, now_s, sweep.AT_ONCE)


def _empty_listing(request: Request, ignored: Set[str]) -> Response:
    """Answer a read that found nothing. Raises: NotFound, but for a listing that has ignored something to tell of.

    Source: OpenBao 2.7.
    """
    if ignored and request.operation in LISTING:
        return Response(data={})
    raise NotFound
