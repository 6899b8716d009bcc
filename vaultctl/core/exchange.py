"""One request on its way: what the stages found of it, and what handlers may touch.

The stages themselves are in `pipeline`.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core.auditing import SERVED, Auditing, Rules
from vaultctl.core.mounts import Mounts
from vaultctl.core.namespaces import ROOT
from vaultctl.core.tokens import BY_ID
from vaultctl.framework.endpoint import Caller, Context, MountInfo
from vaultctl.logical.request import READING, Operation, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vaultctl.core.apart import Apart
    from vaultctl.core.attempts import Attempts
    from vaultctl.core.audit.trail import Trail
    from vaultctl.core.methods import Methods
    from vaultctl.core.mounts import Mount
    from vaultctl.core.plugins import Catalogue
    from vaultctl.core.seal_looks import Looks
    from vaultctl.core.sealing import Sealing
    from vaultctl.core.session import Mark, Session
    from vaultctl.core.tokens import Token
    from vaultctl.framework.endpoint import Endpoint, Engine, Match
    from vaultctl.logical.response import Response
    from vaultctl.logical.storage import Storage

OWN_HELP = {
    "identity": "Entities and their aliases: who somebody is, whatever auth method was used. Logins make them.",
    "system": "The engine's own paths: mounts, their moves, and how the state stands.",
    "token": "Tokens: made, looked up, renewed and revoked. Every auth method gives tokens of this store.",
}
"""The types of mounts whose endpoints are the core's own, and what they are for."""


_BATCH_S, _TEXT_BATCH_S = 0.01, 0.05
"""So long a batch of revocations or removals goes on; its commit takes about as long again, and others wait for both.

A text file is written anew by each commit, so that small batches would take a time that grows with the square of it.
"""


class BegunAnew(Exception):
    """Raised where a request is given up without any effect, and begun anew in another way."""


class NeedsWriting(BegunAnew):
    """Raised before a request with a reading verb had any effect: it must be opened for writing."""


class Unauthenticated(NamedTuple):
    """What can be asked without a token by those who have shares. Source: OpenBao 2.7, where nothing can by default."""

    rekey: bool = False
    generate_root: bool = False


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
        sealing: Callable[[], Sealing] | None = None,
        wrapping_history_s: int = 0,
    ) -> None:
        """`storage` is the name of the backend, for those who ask; `audit_rules` say who may enable audit devices.

        `monotonic_s` is for deadlines; `sealing` gives what it takes to unseal, without it that of a server.
        For `wrapping_history_s` wrapping tokens that are gone are remembered.
        """
        self.find_sealing = sealing
        self.auditing = Auditing(audit_rules)
        self.storage = storage
        self.monotonic_s = monotonic_s
        self.wrapping_history_s = wrapping_history_s
        self.catalogue = catalogue
        self._methods: Methods | None = None
        self._admit: Callable[[Exchange, Token], None] | None = None
        self.system_endpoints = system_endpoints
        self.now_ns = now_ns
        self.random = random
        self.is_awaited: Callable[[], bool] = lambda: False
        """Tells whether somebody waits for the state's lock."""
        self.batch_s = _TEXT_BATCH_S if storage in ("json", "toml") else _BATCH_S
        self.unauthenticated = Unauthenticated()
        self.find_attempts: Callable[[], Attempts] | None = None
        self.asks_seals = True
        """Whether a request may ask a seal how it is."""

    @cached_property
    def looks(self) -> Looks:
        """What is known of the seals."""
        from vaultctl.core.seal_looks import Looks

        return Looks(self.now_ns)

    @cached_property
    def attempts(self) -> Attempts:
        """What remembers attempts that take several people's shares; without another, this process."""
        if self.find_attempts is not None:
            return self.find_attempts()
        from vaultctl.core.attempts import Remembered

        return Remembered()

    @cached_property
    def sealing(self) -> Sealing:
        """What unsealing takes, and making a state."""
        if self.find_sealing is not None:
            return self.find_sealing()
        from vaultctl.core import sealing

        return sealing.in_memory()

    @property
    def methods(self) -> Methods:
        """The types of auth methods."""
        if self._methods is None:
            from vaultctl.core.methods import Methods

            self._methods = Methods(self.catalogue.given_methods)
        return self._methods

    def admit(self, exchange: Exchange, token: Token) -> None:
        """Let a token in that is not root's, as far as its policies allow. Raises: PermissionDenied."""
        if self._admit is None:
            from vaultctl.core.policies.admission import admit

            self._admit = admit  # an import for each request takes as long as a look-up of a policy
        self._admit(exchange, token)

    def kinds(self, mount: Mount) -> Catalogue | Methods:
        """Give where the type of a mount comes from."""
        return self.methods if mount.path.startswith("auth/") else self.catalogue


class Exchange:
    """One request on its way through the stages, and what they found."""

    def __init__(
        self, host: Host, session: Session, request: Request, *, writing: bool = False, apart: Apart | None = None
    ) -> None:
        self.host = host
        self.session = session
        self.request = request
        self.writing = writing
        self.apart = apart
        """What it takes along when it is begun anew; None where nothing is locked, and slow work is done at once."""
        self.now_ns = host.now_ns()
        self.asked_in = ROOT
        """The namespace that the request names."""
        self.namespace = ROOT
        """The one that answers: for a request about a token, the token's own."""
        self.has_prefix = False
        self.mount: Mount | None = None
        self.path = ""
        self.match: Match | None = None
        self.token: Token | None = None
        self.wrapping: Token | None = None
        """The wrapping token that the request is about."""

        self.mark: Mark | None = None
        """Where a request that fails goes back to."""

        self.keep: Callable[[Response], Response] | None = None
        """What a policy leaves of a listing."""
        self.trail: Trail | None = None
        """What records the request; None where no audit device is enabled."""


class SystemContext:
    """What a handler of the core's own endpoints may touch: the whole session. `path` is that below the mount."""

    def __init__(self, exchange: Exchange, mount: Mount) -> None:
        self.mount = mount
        self.path = exchange.path
        self.request = exchange.request
        self.session = exchange.session
        self.token = exchange.token
        self.wrapping = exchange.wrapping
        self.now_ns = exchange.now_ns
        self.random = exchange.host.random
        self.catalogue = exchange.host.catalogue
        self.host = exchange.host
        self.namespace = exchange.namespace
        self._tables = exchange.session.mounts, exchange.session.namespaces

    @cached_property
    def mounts(self) -> Mounts:
        """The mounts of the namespace that answers, as this request found them."""
        return Mounts(*self._tables, self.namespace)

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


def need_writing(exchange: Exchange) -> None:
    """Ask for the request to be opened for writing, if it is not. Raises: NeedsWriting."""
    if not exchange.writing:
        raise NeedsWriting


def endpoints_of(host: Host, mount: Mount, path: str) -> Sequence[Endpoint]:
    """Give the endpoints that a mount's type declares; the system's come by subject. Raises: NotOffered."""
    if mount.type == "system":
        return host.system_endpoints(path)
    if mount.type == "token":
        from vaultctl.core import token_store

        return token_store.endpoints_for(path)
    if mount.type == "identity":
        from vaultctl.core import identity_store

        return identity_store.endpoints_for(path)
    return host.kinds(mount).engine(mount.type, mount.options).endpoints


def given_data(request: Request) -> Mapping[str, Any]:
    """Give what a handler's fields are taken from: the query where nothing is written, else the body."""
    return request.query if request.operation in READING or request.operation is Operation.DELETE else request.data


def context_for(exchange: Exchange, mount: Mount) -> Context | SystemContext:
    """Give what a handler of this mount may touch."""
    if mount.type in OWN_HELP:
        return SystemContext(exchange, mount)
    caller = Caller(exchange.token.id_hash, exchange.token.type) if exchange.token else None
    place = _place_of(mount, exchange.token)
    context = engine_context(exchange.session, mount, exchange.request, exchange.now_ns, caller, place)
    return context._replace(apart=exchange.apart.do) if exchange.apart else context


def _place_of(mount: Mount, token: Token | None) -> str:
    """Give where a token finds a mount's data if not below the mount: a wrapping token's cubbyhole is by its record."""
    if mount.type != "cubbyhole" or token is None or token.namespace != mount.namespace:
        return ""
    return BY_ID if token.is_wrapping else ""


def method_context(ctx: SystemContext, mount: Mount) -> Context:
    """Give what an auth method may touch while a token of its own is renewed: a request for its login's mount."""
    return engine_context(ctx.session, mount, ctx.request, ctx.now_ns)


def engine_context(
    session: Session, mount: Mount, request: Request, now_ns: int, caller: Caller | None = None, place: str = ""
) -> Context:
    """Give what an engine, or an auth method, may touch on this mount; its data may lie at another place."""
    host = session.host
    engine = host.kinds(mount).engine(mount.type, mount.options)
    storage = MountStorage(session.view, mount, engine, place)
    options = mount.options or {}
    ttls_s = mount.default_lease_ttl_s, mount.max_lease_ttl_s
    info = MountInfo(mount.path, mount.type, options, *ttls_s, upgrading=mount.upgrading)
    return Context(request, storage, info, now_ns, host.random, caller)


class MountStorage:
    """A mount's part of the state: every name below its uuid, and seal-wrapped where mount and engine ask for it.

    What it leased lies elsewhere once all of that has ended: see `core.leases.ended`.
    """

    def __init__(self, storage: Storage, mount: Mount, engine: Engine, place: str = "") -> None:
        self._storage = storage
        self._prefix = place or mount.storage_prefix
        self._wraps = engine.seal_wrapped if mount.seal_wrap else None
        self._leased = engine.leases.entries if mount.generation and engine.leases else ""
        self._leased_prefix = mount.leased_prefix if self._leased else ""

    def _name(self, key: str) -> str:
        """Give the name of an entry, or a folder, in the state."""
        return (self._leased_prefix if self._leased and key.startswith(self._leased) else self._prefix) + key

    def get(self, key: str, /) -> bytes | None:
        """Return an entry's value."""
        return self._storage.get(self._name(key))

    def list(self, prefix: str, /, *, after: str = "", limit: int | None = None) -> list[str]:
        """Return what stands directly below the prefix."""
        return self._storage.list(self._name(prefix), after=after, limit=limit)

    def put(self, key: str, value: bytes, /, *, seal_wrap: bool = False) -> None:
        """Store an entry."""
        wrap = seal_wrap or (self._wraps is not None and self._wraps(key))
        self._storage.put(self._name(key), value, seal_wrap=wrap)

    def delete(self, key: str, /) -> None:
        """Remove an entry."""
        self._storage.delete(self._name(key))
