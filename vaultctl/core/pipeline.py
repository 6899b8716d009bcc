"""The stages that every request passes, in order. There is no second path.

unsealed (opening the state does that) → namespace → route → authenticate → authorise → audit the request → dispatch →
lease → commit → audit the answer. Refusals are audited too. Where no audit device is enabled, nothing of it is done.

A savepoint stands in front of dispatch: a request that fails loses what it did, and keeps what letting it in did (a use
of its token). Source: OpenBao 2.7, where a refused request still uses a token up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vaultctl.core import tokens
from vaultctl.core.auditing import SERVED, Auditing, Rules
from vaultctl.core.mounts import Mounts
from vaultctl.core.namespaces import ROOT
from vaultctl.framework import fields
from vaultctl.framework.endpoint import ROOT_ONLY, Caller, Context, MountInfo, find
from vaultctl.logical import paths
from vaultctl.logical.errors import (
    BadToken,
    InvalidRequest,
    NamespaceLocked,
    NoRoute,
    NoSuchMethod,
    NotFound,
    NotOffered,
    PermissionDenied,
    UnsupportedOperation,
    UnsupportedPath,
    VaultError,
    WrongContentType,
)
from vaultctl.logical.request import MERGE_PATCH, READING, Operation, Request
from vaultctl.logical.response import EMPTY, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaultctl.core.audit.trail import Trail
    from vaultctl.core.methods import Methods
    from vaultctl.core.mounts import Mount
    from vaultctl.core.plugins import Catalogue
    from vaultctl.core.session import Mark, Session
    from vaultctl.core.tokens import Token
    from vaultctl.framework.endpoint import Endpoint, Engine, Entry, Handler, Match
    from vaultctl.logical.storage import Storage


_MAX_DEPTH = 300
"""So deep may the data of a request be nested."""


_OWN_HELP = {
    "system": "The engine's own paths: mounts, their moves, and how the state stands.",
    "token": "Tokens: made, looked up, renewed and revoked. Every auth method gives tokens of this store.",
}
"""The types of mounts whose endpoints are the core's own, and what they are for."""


class NeedsWriting(Exception):
    """Raised before a request with a reading verb had any effect: it must be opened for writing."""


class Host:
    """What the pipeline asks of the core around it."""

    def __init__(
        self,
        catalogue: Catalogue,
        system_endpoints: Callable[[str], Sequence[Endpoint]],
        now_ns: Callable[[], int],
        random: Callable[[int], bytes],
        storage: str = "",
        audit_rules: Rules = SERVED,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`storage` is the name of the backend, for those who ask; `audit_rules` say who may enable audit devices.

        `monotonic_s` is for deadlines.
        """
        self.auditing = Auditing(audit_rules)
        self.storage = storage
        self.monotonic_s = monotonic_s
        self.catalogue = catalogue
        self._methods: Methods | None = None
        self.system_endpoints = system_endpoints
        self.now_ns = now_ns
        self.random = random

    @property
    def methods(self) -> Methods:
        """The types of auth methods."""
        if self._methods is None:
            from vaultctl.core.methods import Methods

            self._methods = Methods(self.catalogue.given_methods)
        return self._methods

    def kinds(self, mount: Mount) -> Catalogue | Methods:
        """Give where the type of a mount comes from."""
        return self.methods if mount.path.startswith("auth/") else self.catalogue


class SystemContext:
    """What a handler of the core's own endpoints may touch: the whole session. `path` is that below the mount."""

    def __init__(self, exchange: Exchange, mount: Mount) -> None:
        self.mount = mount
        self.path = exchange.path
        self.request = exchange.request
        self.session = exchange.session
        self.token = exchange.token
        self.now_ns = exchange.now_ns
        self.random = exchange.host.random
        self.catalogue = exchange.host.catalogue
        self.host = exchange.host
        self.namespace = exchange.namespace
        self.mounts = Mounts(exchange.session.mounts, exchange.session.namespaces, exchange.namespace)

    @property
    def has_sudo(self) -> bool:
        """Tell whether the caller has the right to sudo on the path that was asked for."""
        if self.token is None:
            return False
        from vaultctl.core.policies import admission

        if admission.is_root_in(self.session, self.token, self.namespace):
            return True
        acl = admission.acl_of(self.session, self.token, self.now_ns / 1e9)
        return "sudo" in acl.capabilities(self.namespace.path + self.request.path)


class Exchange:
    """One request on its way through the stages, and what they found."""

    def __init__(self, host: Host, session: Session, request: Request, *, writing: bool) -> None:
        self.host = host
        self.session = session
        self.request = request
        self.writing = writing
        self.now_ns = host.now_ns()
        self.namespace = ROOT
        self.has_prefix = False
        self.mount: Mount | None = None
        self.path = ""
        self.match: Match | None = None
        self.token: Token | None = None
        self.mark: Mark | None = None
        """Where a request that fails goes back to."""

        self.keep: Callable[[Response], Response] | None = None
        """What a policy leaves of a listing."""
        self.trail: Trail | None = None
        """What records the request; None where no audit device is enabled."""


def run(exchange: Exchange) -> Response:
    """Pass one request through all stages. Raises: VaultError, NeedsWriting."""
    exchange.request = check_request(exchange.request)
    resolve_namespace(exchange)
    route(exchange)
    check_lock(exchange)
    exchange.trail = exchange.host.auditing.trail(exchange)
    return answer(exchange) if exchange.trail is None else exchange.trail.follow(answer)


def answer(exchange: Exchange) -> Response:
    """Pass a request through the stages behind its routing. Raises: VaultError, NeedsWriting."""
    try:
        authenticate(exchange)
        authorise(exchange)
        if exchange.trail is not None:
            exchange.trail.record_request()
        exchange.mark = exchange.session.mark()
        try:
            response = dispatch(exchange)
            if response.lease and response.lease.internal is not None:
                response = register_lease(exchange, response)
            if exchange.keep:
                response = exchange.keep(response)
        except Exception as error:
            if not (isinstance(error, VaultError) and error.keeps_changes):
                exchange.session.rollback(exchange.mark)
            raise
    except NeedsWriting:
        raise
    except Exception:
        finish(exchange)
        raise
    finish(exchange)
    return response


def check_request(request: Request) -> Request:
    """Refuse what no engine can take; give the request with its data as it can be stored. Raises: VaultError."""
    try:
        request.path.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the path is not valid UTF-8") from None
    if not paths.is_printable(request.path):  # OpenBao's HTTP server has no words for it
        raise InvalidRequest("the path holds a character that cannot be printed")
    if request.operation is Operation.PATCH:
        _check_patch(request.content_type)
    if request.wrap_ttl_s:
        raise NotOffered("response wrapping is not part of this version of vaultctl")
    return request._replace(data=_storable(request.data, _MAX_DEPTH)) if request.data else request


def _check_patch(content_type: str) -> None:
    from vaultctl.logical import media_types

    found = media_types.read(content_type)
    if found != MERGE_PATCH:
        raise WrongContentType(f"PATCH requires Content-Type of {MERGE_PATCH}, provided {found}")


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
    exchange.namespace, path = table.descend(table.named(request.namespace), request.path)
    if path != request.path:
        exchange.request = request._replace(path=path)
        exchange.has_prefix = True
    if request.operation in (Operation.UPDATE, Operation.PATCH) and path.endswith("/"):
        raise InvalidRequest("cannot write to a path ending in '/'")
    if path.startswith("auth/token/"):
        from vaultctl.core.token_store import scope

        check_lock(exchange)
        exchange.namespace = table.get(scope.namespace_id(exchange.request)) or exchange.namespace


def route(exchange: Exchange) -> None:
    """Find the mount, the path below it and the endpoint; that there is none is said only to who may know it.

    Raises: InvalidRequest for what is of the root namespace alone, whoever asks.
    """
    mount = exchange.session.mounts.serving(exchange.request.path, exchange.namespace.id)
    if mount is None:
        return
    exchange.mount = mount
    exchange.path = exchange.request.path[len(mount.path) :]
    if not mount.tainted and exchange.host.kinds(mount).serves(mount.type):
        exchange.match = find(endpoints_of(exchange.host, mount, exchange.path), exchange.path)
    elsewhere = exchange.match.endpoint.outside_namespaces if exchange.match else ""
    if elsewhere and not exchange.namespace.is_root:
        raise InvalidRequest(ROOT_ONLY if exchange.has_prefix else elsewhere)


def check_lock(exchange: Exchange) -> None:
    """Refuse what is asked of a locked namespace, but for unlocking it. Raises: NamespaceLocked."""
    locked = exchange.session.namespaces.locked(exchange.namespace)
    if locked and not (exchange.match and exchange.match.endpoint.when_locked):
        raise NamespaceLocked(locked.path)


def endpoints_of(host: Host, mount: Mount, path: str) -> Sequence[Endpoint]:
    """Give the endpoints that a mount's type declares; the system's come by subject. Raises: NotOffered."""
    if mount.type == "system":
        return host.system_endpoints(path)
    if mount.type == "token":
        from vaultctl.core import token_store

        return token_store.endpoints_for(path)
    return host.kinds(mount).engine(mount.type, mount.options).endpoints


def authenticate(exchange: Exchange) -> None:
    """Find the token, and take a use from it where they are counted. Raises: BadToken, NeedsWriting.

    Source: OpenBao 2.7, which looks at no token, not even a bad one, where none is needed.
    """
    if exchange.match and exchange.match.endpoint.unauthenticated:
        return
    if not exchange.request.token:
        if exchange.match and exchange.match.endpoint.token_optional:
            return
        raise BadToken
    token = tokens.find(exchange.session.view, exchange.request.token, exchange.now_ns / 1e9)
    if token is None or token.num_uses < 0 or not _may_come_from(token, exchange.request.remote_addr):
        raise BadToken
    if token.num_uses > 0:
        need_writing(exchange)
        token = tokens.use(exchange.session.view, token)
    exchange.token = token


def _may_come_from(token: Token, remote_addr: str) -> bool:
    """Tell whether a token can be used from where it came from."""
    if not token.bound_cidrs:
        return True
    from vaultctl.logical import addresses

    return addresses.allow(token.bound_cidrs, remote_addr)


def authorise(exchange: Exchange) -> None:
    """Allow root everything, and others what needs no right or what their policies allow. Raises: PermissionDenied."""
    endpoint = exchange.match.endpoint if exchange.match else None
    if endpoint and (endpoint.unauthenticated or endpoint.token_optional):
        return
    if exchange.token is None:
        raise PermissionDenied
    if not exchange.token.is_root or exchange.token.namespace != ROOT.id:
        from vaultctl.core.policies import admission

        admission.admit(exchange, exchange.token)


def dispatch(exchange: Exchange) -> Response:
    """Call the endpoint's handler. Raises: VaultError, NeedsWriting."""
    request, mount = exchange.request, exchange.mount
    if mount is None:
        raise NoRoute(f'no handler for route "{_shown(request)}". route entry not found.')
    if mount.tainted:
        shown, place = _shown(request), exchange.namespace.path
        raise NoRoute(f'no handler for route "{shown}" on namespace "{place}". route entry or namespace is tainted.')
    if request.operation is Operation.HELP:
        return _help(exchange, mount)
    if exchange.match is None:
        endpoints_of(exchange.host, mount, exchange.path)  # an engine that is not offered says so itself
        raise UnsupportedPath
    endpoint = exchange.match.endpoint
    handler = endpoint.operations.get(request.operation)
    if endpoint.login and request.operation is Operation.UPDATE:
        handler = _login(exchange, mount, endpoint.login)
    if handler is None:
        raise _no_handler(exchange, mount, endpoint)
    if endpoint.reads_write:
        need_writing(exchange)
    given, values = given_data(request), exchange.match.values
    asks_first = endpoint.exists is not None and request.operation is Operation.UPDATE
    # What the path says counts, whatever the data has by the same name.
    data = {name: value for name, value in given.items() if name not in values} if values else given
    converted = fields.convert(endpoint.fields, data, error_prefix="" if asks_first else fields.ERROR_PREFIX)
    ignored = given.keys() - endpoint.fields.keys() if given else set()
    response = handler(context_for(exchange, mount), {**converted, **values})
    if response is None:
        if request.operation not in READING:
            return EMPTY
        response = _empty_listing(request, ignored)
    response = _with_ignored(response, ignored)
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
    if not is_last and not (session.changed and tokens.is_due(session.view, now_s)):
        return
    from vaultctl.core.token_store import sweep

    if token and is_last:
        sweep.remove(session, token)
    sweep.sweep(session, now_s, sweep.AT_ONCE)


def need_writing(exchange: Exchange) -> None:
    """Ask for the request to be opened for writing, if it is not. Raises: NeedsWriting."""
    if not exchange.writing:
        raise NeedsWriting


def given_data(request: Request) -> Mapping[str, Any]:
    """Give what a handler's fields are taken from: the query where nothing is written, else the body."""
    return request.query if request.operation in READING or request.operation is Operation.DELETE else request.data


def _empty_listing(request: Request, ignored: set[str]) -> Response:
    """Answer a read that found nothing. Raises: NotFound, but for a listing that has ignored something to tell of.

    Source: OpenBao 2.7.
    """
    if ignored and request.operation in (Operation.LIST, Operation.SCAN):
        return Response(data={})
    raise NotFound


def _with_ignored(response: Response, ignored: set[str]) -> Response:
    """Warn of parameters that the endpoint does not have. Source: OpenBao 2.7, and only where the answer has a body."""
    if not ignored or (response.data is None and response.auth is None):
        return response
    warning = f"Endpoint ignored these unrecognized parameters: [{' '.join(sorted(ignored))}]"
    return response._replace(warnings=(*response.warnings, warning))


def _no_handler(exchange: Exchange, mount: Mount, endpoint: Endpoint) -> VaultError:
    """Say why an endpoint does not take a verb."""
    if endpoint.bare:
        return NoSuchMethod()
    if endpoint.unauthenticated:
        return UnsupportedOperation("unsupported operation")
    return UnsupportedPath() if _lists_no_folder(exchange, mount) else UnsupportedOperation()


def _lists_no_folder(exchange: Exchange, mount: Mount) -> bool:
    """Tell whether a listing is of what is no folder: OpenBao looks for the path with a slash behind."""
    if exchange.request.operation not in (Operation.LIST, Operation.SCAN):
        return False
    folder = exchange.path.rstrip("/") + "/"
    return find(endpoints_of(exchange.host, mount, folder), folder) is None


def context_for(exchange: Exchange, mount: Mount) -> Context | SystemContext:
    """Give what a handler of this mount may touch."""
    if mount.type in _OWN_HELP:
        return SystemContext(exchange, mount)
    caller = Caller(exchange.token.id_hash, exchange.token.type) if exchange.token else None
    return engine_context(exchange.session, mount, exchange.request, exchange.now_ns, caller)


def method_context(ctx: SystemContext, mount: Mount) -> Context:
    """Give what an auth method may touch while a token of its own is renewed: a request for its login's mount."""
    return engine_context(ctx.session, mount, ctx.request, ctx.now_ns)


def engine_context(
    session: Session, mount: Mount, request: Request, now_ns: int, caller: Caller | None = None
) -> Context:
    """Give what an engine, or an auth method, may touch on this mount."""
    host = session.host
    engine = host.kinds(mount).engine(mount.type, mount.options)
    storage = MountStorage(session.view, mount, engine)
    options = mount.options or {}
    ttls_s = mount.default_lease_ttl_s, mount.max_lease_ttl_s
    info = MountInfo(mount.path, mount.type, options, *ttls_s, upgrading=mount.upgrading)
    return Context(request, storage, info, now_ns, host.random, caller)


def _help(exchange: Exchange, mount: Mount) -> Response:
    from vaultctl.framework import help as framework_help

    endpoints = endpoints_of(exchange.host, mount, exchange.path)
    if not exchange.path:
        text = _OWN_HELP.get(mount.type) or exchange.host.kinds(mount).engine(mount.type, mount.options).help
        return Response(raw=framework_help.engine_help(text, endpoints))
    return Response(raw=framework_help.path_help(endpoints, exchange.path))


def _shown(request: Request) -> str:
    lists = request.operation in (Operation.LIST, Operation.SCAN)
    return request.path + "/" if lists and not request.path.endswith("/") else request.path


class MountStorage:
    """A mount's part of the state: every name below its uuid, and seal-wrapped where mount and engine ask for it."""

    def __init__(self, storage: Storage, mount: Mount, engine: Engine) -> None:
        self._storage = storage
        self._prefix = mount.storage_prefix
        self._wraps = engine.seal_wrapped if mount.seal_wrap else None

    def get(self, key: str, /) -> bytes | None:
        """Return an entry's value."""
        return self._storage.get(self._prefix + key)

    def list(self, prefix: str, /, *, after: str = "", limit: int | None = None) -> list[str]:
        """Return what stands directly below the prefix."""
        return self._storage.list(self._prefix + prefix, after=after, limit=limit)

    def put(self, key: str, value: bytes, /, *, seal_wrap: bool = False) -> None:
        """Store an entry."""
        wrap = seal_wrap or (self._wraps is not None and self._wraps(key))
        self._storage.put(self._prefix + key, value, seal_wrap=wrap)

    def delete(self, key: str, /) -> None:
        """Remove an entry."""
        self._storage.delete(self._prefix + key)
