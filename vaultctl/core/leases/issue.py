"""The stage behind dispatch where an answer has a lease to register."""

from typing import TYPE_CHECKING

from vaultctl.core.leases import revoke, store
from vaultctl.core.leases.store import Lease
from vaultctl.core.letters import random_text
from vaultctl.core.mounts import Mount, suffix_of
from vaultctl.core.tokens import SECOND_NS, Token
from vaultctl.logical import response as answers
from vaultctl.logical.durations import go_text
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.response import Response

if TYPE_CHECKING:
    from vaultctl.core.exchange import Exchange

_ID_LENGTH = 24
_LAST_USE = "Secret cannot be returned; token had one use left, so leased credentials were immediately revoked."


def register(exchange: "Exchange", response: Response) -> Response:
    """Store the lease of an answer; give the answer with the lease's id. Raises: InvalidRequest."""
    wanted, mount, session = response.lease, exchange.mount, exchange.session
    if wanted is None or wanted.internal is None or mount is None:
        return response
    if not exchange.writing:
        raise RuntimeError(f"the {mount.type} engine leases on a read, and its endpoint does not say reads_write")
    ttl_s, warnings = capped(mount, wanted.duration_s, wanted.max_ttl_s)
    now_ns, token = exchange.now_ns, exchange.token
    expire_ns = now_ns + ttl_s * SECOND_NS
    if token and token.type == "batch" and token.expire_ns:
        expire_ns = min(expire_ns, token.expire_ns)
    lease = Lease(
        mount.lease_source,
        _below(exchange, mount),
        now_ns,
        expire_ns,
        expire_ns,
        renewable=wanted.renewable,
        ttl_s=ttl_s,
        max_ttl_s=wanted.max_ttl_s,
        token=_ends_with(token),
        internal=dict(wanted.internal),
    )
    if token and token.num_uses < 0:
        revoke.take_back(session, mount, lease, now_ns)
        raise InvalidRequest(_LAST_USE)
    store.create(session.view, lease)
    shown = answers.Lease((expire_ns - now_ns) // SECOND_NS, mount.path + lease.below, lease.renewable)
    return response._replace(lease=shown, warnings=(*response.warnings, *warnings))


def capped(mount: Mount, ttl_s: int, max_ttl_s: int) -> tuple[int, tuple[str, ...]]:
    """Give the seconds that a lease may live, 0 standing for the mount's own, and a warning where they are fewer."""
    most_s = min(most for most in (max_ttl_s, mount.max_lease_ttl_s) if most)
    given_s = ttl_s or mount.default_lease_ttl_s
    if given_s <= most_s:
        return given_s, ()
    warning = (
        f'TTL of "{go_text(given_s)}" exceeded the effective max_ttl of "{go_text(most_s)}";'
        " TTL value is capped accordingly"
    )
    return most_s, (warning,) if ttl_s else ()


def _below(exchange: "Exchange", mount: Mount) -> str:
    path = exchange.path.strip("/")
    suffix = suffix_of(mount.namespace)
    return (path + "/" if path else "") + random_text(exchange.host.random, _ID_LENGTH) + suffix


def _ends_with(token: Token | None) -> str:
    """Name the token with which a lease ends: a batch token is nowhere stored, the one that made it is."""
    if token is None:
        return ""
    return token.parent if token.type == "batch" else token.id_hash
