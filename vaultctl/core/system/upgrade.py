"""The upgrade of a mount to the next version of its engine, as a stored job. A tune of its `version` starts it.

What is not converted yet is what is left below the engine's prefix, so that a step needs no cursor, and may end with
the process at any time. Until the last step the engine answers that it is being upgraded.
"""

from itertools import islice

from vaultctl.core import jobs
from vaultctl.core.exchange import MountStorage, SystemContext
from vaultctl.core.jobs import Job
from vaultctl.core.mounts import Mount, new_uuid
from vaultctl.core.plugins import Catalogue
from vaultctl.core.session import Session
from vaultctl.framework.endpoint import Upgrade

KIND = "upgrade"
BATCH, MAX_BATCH = 500, 8000
"""So many entries are converted in the first step and at most. Each step takes as many as all before it: a text file is
written anew by each commit, so that steps of one size would take a time that grows with the square of the mount."""


def start(ctx: SystemContext, mount: Mount) -> None:
    """Store the job, if the engine has another form for what the mount holds."""
    upgrade = _upgrade_of(mount)
    if upgrade is None:
        return
    total = sum(1 for _ in ctx.session.view.below(mount.storage_prefix + upgrade.prefix))
    if total:
        ctx.session.put_mount(mount._replace(upgrading=True))
        job = Job(new_uuid(ctx.random), KIND, {"uuid": mount.uuid}, ctx.now_ns, ctx.now_ns, total=total)
        jobs.enqueue(ctx.session.view, job)


def step(session: Session, job: Job) -> Job:
    """Convert a batch of entries."""
    mount = session.mounts.get(job.params["uuid"])
    upgrade = mount and _upgrade_of(mount)
    if mount is None or upgrade is None:
        return job.failed("the mount is gone")
    storage = MountStorage(session.view, mount, Catalogue().engine(mount.type, mount.options))
    limit = min(max(job.done, BATCH), MAX_BATCH)
    names = list(islice(session.view.below(mount.storage_prefix + upgrade.prefix), limit))
    for name in names:
        upgrade.convert(storage, name[len(mount.storage_prefix) :], job.started_ns)
    job = job._replace(phase="converting", done=job.done + len(names))
    if len(names) == limit:
        return job
    session.put_mount(mount._replace(upgrading=False))
    return job.succeeded()


def _upgrade_of(mount: Mount) -> Upgrade | None:
    return Catalogue().engine(mount.type, mount.options).upgrade if mount.type in ("kv", "generic") else None
