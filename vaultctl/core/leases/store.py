"""The rows of leases: each below the uuid of its mount, so that whatever ends a mount finds its leases as one range.

Behind the uuid stands how often all of the mount's leases ended at once, if they did (`Mount.lease_source`): a lease of
a former source counts as absent, whatever is left of it.

A lease's id is the mount's path, what is below it, and 24 characters; in an inner namespace that one's id follows. The
mount's path names no entry: nothing is leased while a mount moves, and a mount that moved has no leases. Rows of other
kinds name leases by the same text: those of a token, those by when they are due, and those that could not be revoked.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records, tokens
from vaultctl.core.mounts import ROOT_NAMESPACE, Mount
from vaultctl.core.tokens import SECOND_NS

if TYPE_CHECKING:
    from vaultctl.core.session import Session
    from vaultctl.core.views import View
    from vaultctl.logical.storage import Reading, Storage

BY_MOUNT = "core/leases/mount/"
ENDING_WITH = "core/leases/token/"
BY_EXPIRY = "core/leases/expiry/"
IRREVOCABLE = "core/leases/irrevocable/"
"""Where the records lie, and the rows by which they are found otherwise."""

_TOKENS = "token/"
_SINCE_EVER = "0" * 11
ATTEMPTS = 6
"""So many failures make a lease irrevocable. Source: OpenBao 2.7. It is tried further here, once a day."""


class Lease(NamedTuple):
    """A lease's record. Times are nanoseconds since the epoch.

    `mount` is a `lease_source` and `below` the id without the mount's path; `token` is the hash of the one that it ends
    with. `due_ns` is when it is revoked, or tried again; `error` is why the last attempt failed.
    """

    mount: str
    below: str
    issue_ns: int
    expire_ns: int
    due_ns: int
    renewed_ns: int = 0
    renewable: bool = False
    ttl_s: int = 0
    max_ttl_s: int = 0
    token: str = ""
    attempts: int = 0
    error: str = ""
    internal: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        """Name it by where it is from."""
        return f"Lease({self.name})"

    @property
    def name(self) -> str:
        """What every row of it ends in."""
        return f"{self.mount}/{self.below}"


def save(storage: "Storage", lease: Lease) -> None:
    """Write the record: what is not as in every other lease."""
    defaults = Lease._field_defaults
    record = {name: value for name, value in lease._asdict().items() if value != defaults.get(name, ...)}
    del record["mount"], record["below"]
    records.save(storage, BY_MOUNT + lease.name, record)


def create(storage: "Storage", lease: Lease) -> None:
    """Store a new lease, and what it is found by."""
    save(storage, lease)
    for row in _rows(lease):
        storage.put(row, b"")


def replace(storage: "Storage", old: Lease, new: Lease) -> None:
    """Write a changed record, and what it is found by."""
    before, after = _rows(old), _rows(new)
    for row in set(before).difference(after):
        storage.delete(row)
    for row in set(after).difference(before):
        storage.put(row, b"")
    save(storage, new)


def remove(storage: "Storage", lease: Lease) -> None:
    """Remove a lease, and what it is found by."""
    storage.delete(BY_MOUNT + lease.name)
    for row in _rows(lease):
        storage.delete(row)


def _rows(lease: Lease) -> list[str]:
    rows = [_due_row(lease.due_ns, lease.name)]
    if lease.token:
        rows.append(f"{ENDING_WITH}{lease.token}/{lease.name}")
    if lease.attempts >= ATTEMPTS:
        rows.append(IRREVOCABLE + lease.name)
    return rows


def _due_row(due_ns: int, name: str) -> str:
    return f"{BY_EXPIRY}{-(-due_ns // SECOND_NS):011d}-{name}"


def load(storage: "Reading", name: str) -> Lease | None:
    """Read the lease of a row."""
    record = records.load(storage, BY_MOUNT + name)
    mount, _, below = name.partition("/")
    return Lease(mount, below, **record) if record else None


def find(session: "Session", lease_id: str, namespace: str) -> tuple[Mount, Lease] | None:
    """Find a lease by its id, of a namespace or one in it, be it one that counts as absent."""
    place = place_of(session, lease_id, namespace)
    if place is None:
        return None
    mount, below = place
    lease = load(session.view, f"{mount.lease_source}/{below}") if below else None
    return (mount, lease) if lease else None


def mount_of(session: "Session", lease: Lease) -> Mount | None:
    """Find the mount that a lease is of; it has none if it ended with all others of the mount."""
    mount = session.mounts.get(lease.mount.partition(".")[0])
    return mount if mount and mount.lease_source == lease.mount else None


def place_of(session: "Session", lease_id: str, namespace: str) -> tuple[Mount, str] | None:
    """Give the mount that an id is of, and the rest of the id. A token's lease has such an id too."""
    path, _, suffix = lease_id.rpartition(".")
    named = session.namespaces.get(suffix) if path else None
    own = session.namespaces.get(namespace)
    found = named or session.namespaces.get(ROOT_NAMESPACE)
    if own is None or found is None or not found.path.startswith(own.path):
        return None
    mount = session.mounts.serving(lease_id, found.id)
    return (mount, lease_id[len(mount.path) :]) if mount else None


def is_good(view: "View", lease: Lease, now_ns: int) -> bool:
    """Tell whether a lease has not come to its end, and neither has the token that it ends with."""
    if lease.expire_ns <= now_ns:
        return False
    if not lease.token:
        return True
    token = tokens.load(view, lease.token)
    return token is not None and tokens.is_alive(view, token, now_ns / SECOND_NS)


def is_shown(view: "View", lease: Lease, now_ns: int) -> bool:
    """Tell whether a lease counts as there: a good one, and one that could not be revoked."""
    return bool(lease.error) or is_good(view, lease, now_ns)


def note_end_of_token(storage: "Storage", id_hash: str) -> None:
    """Have the leases of a token that is removed be due, if it has any."""
    if storage.list(f"{ENDING_WITH}{id_hash}/", limit=1):
        storage.put(f"{BY_EXPIRY}{_SINCE_EVER}-{_TOKENS}{id_hash}", b"")


def is_due(view: "View", now_ns: int) -> bool:
    """Tell whether there is a row of a lease that is to be revoked."""
    return next(due(view, now_ns), None) is not None


def due(view: "View", now_ns: int) -> Iterator[str]:
    """Give the rows of what is to be revoked, by when it was due, without what is common to them."""
    until_s = now_ns / SECOND_NS
    for name in view.below(BY_EXPIRY):
        row = name.removeprefix(BY_EXPIRY)
        if int(row.partition("-")[0]) > until_s:
            return
        yield row


def token_of(row: str) -> str:
    """Give the hash of the token whose leases a row has be due, or ""."""
    name = name_in(row)
    return name.removeprefix(_TOKENS) if name.startswith(_TOKENS) else ""


def name_in(row: str) -> str:
    """Give the name of the lease that is due by a row."""
    return row.partition("-")[2]


def shown_below(view: "View", mount: Mount, folder: str, now_ns: int) -> list[str]:
    """Give what stands directly below a folder of a mount's leases and is not past its end."""
    gone = set(_gone(view, now_ns))
    prefix = f"{BY_MOUNT}{mount.lease_source}/{folder}"
    shown = []
    for name in view.list(prefix):
        rows = view.below(prefix + name) if name.endswith("/") else iter((prefix + name,))
        if any(row.removeprefix(BY_MOUNT) not in gone for row in rows):
            shown.append(name)
    return shown


def _gone(view: "View", now_ns: int) -> Iterator[str]:
    for row in due(view, now_ns):
        token = token_of(row)
        if token:
            below = f"{ENDING_WITH}{token}/"
            yield from (name.removeprefix(below) for name in view.below(below))
        else:
            yield name_in(row)


def irrevocable(view: "View") -> Iterator[Lease]:
    """Give the leases that could not be revoked, however often that was tried."""
    for name in view.below(IRREVOCABLE):
        found = load(view, name.removeprefix(IRREVOCABLE))
        if found:
            yield found
