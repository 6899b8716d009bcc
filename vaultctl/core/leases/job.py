"""Many revocations as a stored job: counted, in batches, gone on with after a kill.

A job's `areas` are mounts, by uuid, and folders of their leases; an auth mount's area means its tokens, and any mount's
the wrapping tokens that hold its answers, too. Where leases are kept that could not be revoked, the job ends after some
failures and names the first. What a whole mount leased ends at once, if it is nothing but entries of its own (`ended`).
"""

from collections.abc import Iterable, Iterator, Sequence

from vaultctl.core.jobs import Job
from vaultctl.core.leases import ended, revoke, store
from vaultctl.core.leases.revoke import MOST_FAILURES, Batch, Mode
from vaultctl.core.mounts import Mount
from vaultctl.core.session import Session
from vaultctl.core.tokens import BY_MOUNT as TOKENS_BY_MOUNT

KIND = "leases"
REVOKING, REVOKED = "revoking", "revoked"
_NAMED = 5
_TOKENS_AT_ONCE = 500
Area = Sequence[str]


def step(session: Session, job: Job) -> Job:
    """Revoke a batch of what a request asked for; a job without areas, of what is due."""
    if "areas" not in job.params:
        return _tidy(session, job)
    job = go_on(session, job, job.params["areas"], Mode(job.params["mode"]))
    if job.phase != REVOKED:
        return job
    return job.failed(reason(job)) if job.failures and job.params["mode"] == Mode.KEEP else job.succeeded()


def _tidy(session: Session, job: Job) -> Job:
    until_ns = job.started_ns
    job = job._replace(phase=REVOKING, done=job.done + revoke.sweep(session, until_ns))
    return job if store.is_due(session.view, until_ns) else job.succeeded()


def go_on(session: Session, job: Job, areas: Iterable[Area], mode: Mode) -> Job:
    """Revoke a batch of what is leased in some areas; the job's phase tells when that was the last."""
    areas = list(areas)
    if job.phase != REVOKING:
        job = job._replace(phase=REVOKING, total=sum(map(session.view.count_below, _places(session, areas))))
    number_text, _, after = job.cursor.partition(" ")
    number = int(number_text or 0)
    while number < len(areas) and not (mode is Mode.KEEP and job.failures >= MOST_FAILURES):
        mount, folder = session.mounts.get(areas[number][0]), areas[number][1]
        if mount and not folder and ended.can_end_at_once(session, mount):
            job = job._replace(done=job.done + ended.end_all(session, mount), cursor=f"{number + 1} ")
        elif mount:
            batch = _batch(session, mount, folder, after, mode)
            job = _counted(job, batch, f"{number} {batch.cursor}")
            if not batch.is_last:
                return job
        number, after = number + 1, ""
    return job._replace(phase=REVOKED)


def _counted(job: Job, batch: Batch, cursor: str) -> Job:
    named = [*job.failed_leases, *batch.failed][:_NAMED]
    return job._replace(
        done=job.done + batch.done, failures=job.failures + len(batch.failed), failed_leases=named, cursor=cursor
    )


def _batch(session: Session, mount: Mount, folder: str, after: str, mode: Mode) -> Batch:
    batch = Batch(0, (), "", is_last=True)
    if not mount.is_auth:
        batch = revoke.revoke_below(session, mount, folder, after, mode)
    if not batch.is_last or not _has_tokens(session, mount, folder):
        return batch
    from vaultctl.core.token_store import sweep

    done = sweep.revoke_below(session, mount.token_source, folder, _TOKENS_AT_ONCE)
    return batch._replace(done=batch.done + done, is_last=done < _TOKENS_AT_ONCE)


def has_any(session: Session, areas: Iterable[Area]) -> bool:
    """Tell whether anything is leased in some areas."""
    return any(next(session.view.below(place), None) is not None for place in _places(session, areas))


def _places(session: Session, areas: Iterable[Area]) -> Iterator[str]:
    """Name where the leases, or tokens, of some areas lie."""
    for uuid, folder in areas:
        mount = session.mounts.get(uuid)
        if mount and not mount.is_auth:
            yield f"{store.BY_MOUNT}{mount.lease_source}/{folder}"
        if mount:
            yield f"{TOKENS_BY_MOUNT}{mount.token_source}/{folder}"


def _has_tokens(session: Session, mount: Mount, folder: str) -> bool:
    return next(session.view.below(f"{TOKENS_BY_MOUNT}{mount.token_source}/{folder}"), None) is not None


def reason(job: Job) -> str:
    """Say how many leases could not be revoked, which are the first, and why."""
    more = " or more" if job.failures >= MOST_FAILURES else ""
    many = "1 lease" if job.failures == 1 else f"{job.failures}{more} leases"
    first = job.failed_leases[0]
    return f"{many} could not be revoked: {', '.join(each[0] for each in job.failed_leases)}: {first[1]}"
