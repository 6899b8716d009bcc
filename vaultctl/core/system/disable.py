"""Disabling a mount that has leases, as a stored job: they are revoked first, in counted batches.

If one of them cannot be revoked, the mount is put back in use, and nothing of its own data is lost.
"""

from collections.abc import Mapping
from typing import Any

from vaultctl.core import jobs
from vaultctl.core.exchange import SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.leases import ended
from vaultctl.core.leases import job as leases
from vaultctl.core.leases.revoke import Mode
from vaultctl.core.mounts import Mount, new_uuid
from vaultctl.core.session import Session
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.response import EMPTY, Awaited, Response

KIND = "disable"
_GOES_ON = "{} is not disabled yet: what it leased is being revoked. The same request tells how far that is."


def disable(ctx: SystemContext, mount: Mount) -> Response:
    """Take a mount away: at once where it has no leases, else by a job. Raises: InvalidRequest while it moves."""
    session = ctx.session
    running = _running(session, mount)
    if running is None:
        if not leases.has_any(session, [(mount.uuid, "")]):
            remove(session, mount)
            return EMPTY
        if mount.tainted:
            raise InvalidRequest(f"{mount.path} is being moved")
        session.put_mount(mount._replace(tainted=True))
        params = {"uuid": mount.uuid, "path": mount.path}
        running = Job(new_uuid(ctx.random), KIND, params, ctx.now_ns, ctx.now_ns)
        jobs.enqueue(session.view, running)
    return awaiting(running, {"path": mount.path}, _GOES_ON.format(mount.path))


def awaiting(job: Job, data: Mapping[str, Any], warning: str, at_most_s: float = 0) -> Response:
    """Answer with what becomes of a job, or after this time with how far it is."""
    return Response(202, data={"job_id": job.id, **data}, warnings=(warning,), awaited=Awaited(job.id, at_most_s))


def _running(session: Session, mount: Mount) -> Job | None:
    if not mount.tainted:
        return None
    for job_id in session.view.list(jobs.ACTIVE):
        job = jobs.find(session.view, job_id)
        if job and job.kind == KIND and job.params["uuid"] == mount.uuid:
            return job
    return None


def remove(session: Session, mount: Mount) -> None:
    """Take a mount away with all that it holds, and its quotas; what it leased, and ended at once, goes by a job."""
    from vaultctl.core import quotas

    quotas.forget_mount(session.view, mount)
    ended_entries = ended.entries_of(session, mount)
    for prefix in dict.fromkeys((mount.storage_prefix, mount.leased_prefix)):
        for name in list(session.view.below(prefix)):
            if not ended_entries or not name.startswith(ended_entries):
                session.view.delete(name)
    session.remove_mount(mount)


def step(session: Session, job: Job) -> Job:
    """Revoke a batch of the mount's leases; after the last, take the mount away."""
    mount = session.mounts.get(job.params["uuid"])
    if mount is None:
        return job.succeeded()
    if mount.path != job.params["path"]:
        return job.failed(f"the mount was moved to {mount.path}")
    job = leases.go_on(session, job, [(mount.uuid, "")], Mode.KEEP)
    if job.phase != leases.REVOKED:
        return job
    if job.failures:
        session.put_mount(mount._replace(tainted=False))
        return job.failed(leases.reason(job))
    remove(session, session.mounts.get(mount.uuid) or mount)
    return job.succeeded()
