"""Taking back what was leased: one lease, those of a mount in batches, and what is due.

An engine's effect comes first, then the row goes, in the transaction that the caller commits. So an effect is repeated
only if the process died between the two, and engines bear that. Nothing that an engine raises ends a batch: why it
failed is kept with the lease, which is tried again later and later. The text of what is not ours is not kept: nobody
knows what it holds.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from vaultctl.core.exchange import engine_context
from vaultctl.core.leases import store
from vaultctl.core.leases.store import Lease
from vaultctl.core.tokens import SECOND_NS
from vaultctl.logical.errors import StateError, VaultError, where
from vaultctl.logical.request import Operation, Request

if TYPE_CHECKING:
    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session
    from vaultctl.framework.endpoint import Context

_CHUNK = 200
_BACKOFF_S, _MAX_BACKOFF_S = 10, 86_400
MOST_FAILURES = 25
"""After so many failures nobody goes on where each is told of."""


class Mode(StrEnum):
    """What becomes of a lease that could not be taken back."""

    KEEP = "keep"
    """It stays as it is, and says why."""
    INSIST = "insist"
    """It has ended, and is tried again."""
    FORCE = "force"
    """It is dropped, and what it stands for is left to itself."""


class RevocationFailed(VaultError):
    """The engine could not take back what was leased. What was noted of that stays."""

    status = 400
    keeps_changes = True


def take_back(session: "Session", mount: "Mount", lease: Lease, now_ns: int) -> str:
    """Have the engine take back what was leased; give why it could not, or "". Raises: StateError."""
    mark = session.mark()
    try:
        engine = session.host.catalogue.engine(mount.type, mount.options)
        if engine.leases:
            engine.leases.revoke(context(session, mount, lease, now_ns), lease.internal)
    except StateError:
        raise
    except Exception as error:  # an engine may be anybody's
        session.rollback(mark)
        return _reason(error)
    return ""


def context(session: "Session", mount: "Mount", lease: Lease, now_ns: int) -> "Context":
    """Give what an engine may touch where no request is under way."""
    namespace = session.namespaces.get(mount.namespace)
    request = Request(Operation.DELETE, mount.path + lease.below, namespace.path if namespace else "")
    return engine_context(session, mount, request, now_ns)


def _reason(error: Exception) -> str:
    return "; ".join(error.errors) if isinstance(error, VaultError) and error.errors else where(error)


def revoke(session: "Session", mount: "Mount", lease: Lease, mode: Mode, now_ns: int) -> str:
    """Take a lease back and remove it; where that fails do as the mode says, and give why. Raises: StateError."""
    error = take_back(session, mount, lease, now_ns)
    if not error or mode is Mode.FORCE:
        store.remove(session.view, lease)
    else:
        store.replace(session.view, lease, _failed(lease, error, mode, now_ns))
    return error


def _failed(lease: Lease, error: str, mode: Mode, now_ns: int) -> Lease:
    failed = lease._replace(error=error)
    if mode is Mode.KEEP and lease.expire_ns > now_ns:
        return failed
    wait_s = min(_BACKOFF_S * 2**lease.attempts, _MAX_BACKOFF_S)
    attempts = min(lease.attempts + 1, 32)
    due_ns = now_ns + wait_s * SECOND_NS
    return failed._replace(attempts=attempts, due_ns=due_ns, expire_ns=min(lease.expire_ns, now_ns))


class Batch(NamedTuple):
    """What one batch did: how many leases went, which did not and why, where it ended, and whether that was all."""

    done: int
    failed: Sequence[tuple[str, str]]
    cursor: str
    is_last: bool


def revoke_below(session: "Session", mount: "Mount", folder: str, after: str, mode: Mode) -> Batch:
    """Revoke a batch of the leases below a folder of a mount, those behind the cursor. Raises: StateError."""
    host, done, failed = session.host, 0, list[tuple[str, str]]()
    until_s, prefix = host.monotonic_s() + host.batch_s, f"{store.BY_MOUNT}{mount.lease_source}/"
    while True:
        names = list(islice(session.view.below(prefix + folder, after and prefix + after), _CHUNK))
        for name in names:
            after = name.removeprefix(prefix)
            lease = store.load(session.view, name.removeprefix(store.BY_MOUNT))
            error = revoke(session, mount, lease, mode, host.now_ns()) if lease else ""
            done += not error or mode is Mode.FORCE
            if error:
                failed.append((mount.path + after, error))
            if host.monotonic_s() >= until_s:
                return Batch(done, failed, after, is_last=False)
        if len(names) < _CHUNK:
            return Batch(done, failed, after, is_last=True)


def sweep(session: "Session", now_ns: int) -> int:
    """Revoke a batch of what is due; tell how many rows went. Raises: StateError."""
    host, done = session.host, 0
    until_s = host.monotonic_s() + host.batch_s
    while True:
        rows = list(islice(store.due(session.view, now_ns), _CHUNK))
        for row in rows:
            done += _sweep_row(session, row, now_ns, lambda: host.monotonic_s() >= until_s)
            if host.monotonic_s() >= until_s:
                return done
        if not rows:
            return done


def _sweep_row(session: "Session", row: str, now_ns: int, is_late: Callable[[], bool]) -> int:
    token = store.token_of(row)
    if not token:
        return _sweep_lease(session, store.name_in(row), store.BY_EXPIRY + row, now_ns)
    below, done = f"{store.ENDING_WITH}{token}/", 0
    for name in list(islice(session.view.below(below), _CHUNK)):
        if is_late():
            return done
        done += _sweep_lease(session, name.removeprefix(below), name, now_ns)
    if not session.view.list(below, limit=1):
        session.view.delete(store.BY_EXPIRY + row)
    return done


def _sweep_lease(session: "Session", name: str, row: str, now_ns: int) -> int:
    """Revoke what a row is of. The row goes in any case: a lease that failed has a new one, and ends with no token."""
    lease = store.load(session.view, name)
    session.view.delete(row)
    if lease is None:
        return 1
    mount = store.mount_of(session, lease)
    if mount is None:
        store.remove(session.view, lease)
        return 1
    if row.startswith(store.ENDING_WITH):
        lease = lease._replace(token="")
    revoke(session, mount, lease, Mode.INSIST, now_ns)
    return 1
