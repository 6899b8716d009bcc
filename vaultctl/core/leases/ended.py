"""All leases of a mount ended at once, however many, where what was leased is nothing but entries of the mount's own.

The mount gets another `lease_source`, below which its leases, and its engine's `Leases.entries`, are found from that
commit on. So all of the former source count as absent with it: none is found by its id, and no entry of theirs by the
engine. The wrapping tokens that hold the mount's answers are of that source, too, and are revoked with it. Jobs remove
what is left of all of them, in batches, and no new write waits for that.
"""

from itertools import islice
from typing import TYPE_CHECKING

from vaultctl.core import jobs
from vaultctl.core.jobs import Job
from vaultctl.core.leases import store
from vaultctl.core.mounts import new_uuid

if TYPE_CHECKING:
    from vaultctl.core.exchange import Host
    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session

KIND = "ended"
CHUNK = 100
"""So many are removed before it is looked at the clock, and whether somebody waits."""


def can_end_at_once(session: "Session", mount: "Mount") -> bool:
    """Tell whether what a mount leased is nothing but entries of its own."""
    return bool(_entries(session, mount))


def _entries(session: "Session", mount: "Mount") -> str:
    """Name the folder in which a mount's engine keeps what it leased, or give "" where that is not all there is."""
    catalogue = session.host.catalogue
    if mount.is_auth or mount.type in ("system", "identity") or not catalogue.serves(mount.type):
        return ""
    leasing = catalogue.engine(mount.type, mount.options).leases
    return leasing.entries if leasing else ""


def end_all(session: "Session", mount: "Mount") -> int:
    """End all leases of a mount, and its wrapping tokens, and store what removes the rest; tell how many they were."""
    from vaultctl.core.token_store import sweep

    leases, tokens = session.view.count_below(f"{store.BY_MOUNT}{mount.lease_source}/"), sweep.count_of(session, mount)
    host, now_ns = session.host, session.host.now_ns()
    if leases:
        params = {"source": mount.lease_source, "entries": mount.leased_prefix + _entries(session, mount)}
        jobs.enqueue(session.view, Job(_new_id(host), KIND, params, now_ns, now_ns, total=leases))
    if tokens:
        jobs.enqueue(session.view, sweep.removal(_new_id(host), 0, now_ns))
    if leases or tokens:
        session.put_mount(sweep.revoke_source(session, mount))
    return leases + tokens


def _new_id(host: "Host") -> str:
    return jobs.BACKGROUND + new_uuid(host.random)


def step(session: "Session", job: Job) -> Job:
    """Remove a batch of the leases that ended, and behind the last of them of what they stood for."""
    job = job._replace(phase="removing")
    view, host = session.view, session.host
    until_s = host.monotonic_s() + host.batch_s
    prefix = f"{store.BY_MOUNT}{job.params['source']}/"
    while job.done < job.total and (names := list(islice(view.below(prefix, job.cursor), CHUNK))):
        for name in names:
            lease = store.load(view, name.removeprefix(store.BY_MOUNT))
            if lease:
                store.remove(view, lease)
        job = job._replace(done=job.done + len(names), cursor=names[-1])
        if host.monotonic_s() >= until_s or host.is_awaited():
            return job
    entries = job.params["entries"]
    while names := list(islice(view.below(entries, job.cursor if job.cursor.startswith(entries) else ""), CHUNK)):
        for name in names:
            view.delete(name)
        job = job._replace(cursor=names[-1])
        if host.monotonic_s() >= until_s or host.is_awaited():
            return job
    return job.succeeded()


def entries_of(session: "Session", mount: "Mount") -> str:
    """Name where a mount's data has entries that ended, and are removed by a job, or give ""."""
    entries = _entries(session, mount) if mount.generation else ""
    return mount.storage_prefix + entries if entries else ""
