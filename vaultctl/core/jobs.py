"""Jobs: stored rows that idempotent transactions step until they are done. None is a thread, or lives in memory.

Whoever steps a job holds its lock; a free lock is a dead owner, and anybody may go on. Each step's effects and the
job's own progress commit together.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from vaultctl.core import records
from vaultctl.core.session import Sessions
from vaultctl.logical.durations import rfc3339
from vaultctl.logical.storage import Reading, Storage

if TYPE_CHECKING:
    from vaultctl.storage.backend import Backend

ACTIVE = "core/jobs/active/"
DONE = "core/jobs/done/"
LOG = "core/jobs/log/"
"""Where the rows lie, and an index of them by the moment they started."""

BACKGROUND = "background-"
"""Begins the ids of jobs that new writes need not wait for."""

KEPT = 1000
"""So many jobs stay in the history."""

IN_PROGRESS = "in-progress"
SUCCESS = "success"
FAILURE = "failure"

_KINDS = {
    "disable": "vaultctl.core.system.disable",
    "ended": "vaultctl.core.leases.ended",
    "leases": "vaultctl.core.leases.job",
    "namespace": "vaultctl.core.system.namespaces",
    "remount": "vaultctl.core.system.remount",
    "rewrap": "vaultctl.core.rewrap",
    "tokens": "vaultctl.core.token_store.sweep",
    "upgrade": "vaultctl.core.system.upgrade",
}
"""Each module has a `step(session, job) -> Job`."""

PUT_OFF = frozenset({"rewrapping"})
"""Phases in which a step need not be synced by itself: one that a power failure takes back is done again.

Such a step never ends a job well, and others do nothing because of it that cannot be taken back.
"""

_PAUSE_S, _PAUSES = 0.001, 20
"""Before each step those get at the state who wait for it: they look whether it is free at least so often."""


class Job(NamedTuple):
    """One row. `params` never changes; times are RFC 3339; `error` says why it failed.

    `failures` counts the leases that could not be revoked; `failed_leases` are the first, each with why. Of a rewrap
    they are entries.
    """

    id: str
    kind: str
    params: Mapping[str, Any]
    started_ns: int
    updated_ns: int
    phase: str = "queued"
    status: str = IN_PROGRESS
    cursor: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    failures: int = 0
    failed_leases: Sequence[tuple[str, str]] = ()

    def failed(self, error: str) -> "Job":
        """Give the job as one that ended without having its way."""
        return self._replace(status=FAILURE, phase="done", error=error)

    def succeeded(self) -> "Job":
        """Give the job as one that reached its end."""
        return self._replace(status=SUCCESS, phase="done")

    def describe(self) -> dict[str, Any]:
        """Say how far it is: phase, counters, times and cause."""
        told = {
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "started": rfc3339(self.started_ns),
            "updated": rfc3339(self.updated_ns),
            "error": self.error,
        }
        if self.failures:
            told |= {"failures": self.failures, "failed_leases": [lease_id for lease_id, _ in self.failed_leases]}
        return told


def enqueue(storage: Storage, job: Job) -> None:
    """Store a new job, and let the oldest of a long history go."""
    _save(storage, ACTIVE, job)
    storage.put(f"{LOG}{job.started_ns:020d}-{job.id}", b"")
    logged = storage.list(LOG)
    for name in logged[: max(0, len(logged) - KEPT)]:
        _forget(storage, name)


def revive(storage: Storage, job: Job) -> None:
    """Go on with a job that ended; its place in the history stays what it was, if it is still there."""
    storage.delete(DONE + job.id)
    _save(storage, ACTIVE, job)
    storage.put(f"{LOG}{job.started_ns:020d}-{job.id}", b"")


def find(storage: Reading, job_id: str) -> Job | None:
    """Read a job, whether it is done or not."""
    record = records.load(storage, ACTIVE + job_id) or records.load(storage, DONE + job_id)
    return Job(**record) if record else None


def history(storage: Reading) -> list[Job]:
    """Give all jobs, the oldest first."""
    found = (find(storage, _id_in(name)) for name in storage.list(LOG))
    return [job for job in found if job]


def pending(storage: Reading) -> Job | None:
    """Give the oldest job that is not at its end."""
    waiting = _waiting(storage)
    return find(storage, waiting[0]) if waiting else None


class Clocks(NamedTuple):
    """The time of day in nanoseconds, for what is stored, and a clock that never jumps, for deadlines."""

    now_ns: Callable[[], int]
    monotonic_s: Callable[[], float]


def advance(sessions: Sessions, clocks: Clocks, deadline_s: float) -> bool:
    """Step the jobs that nobody else steps until the deadline; tell whether any of them is left.

    Raises: StateError; then the job stays where it is.
    """
    left = False
    with sessions.reading() as session:
        waiting = _waiting(session.view)
    for job_id in waiting:
        lock = sessions.state.backend.job_lock(job_id)
        if lock is None:
            continue
        try:
            left = _drive(sessions, clocks, job_id, deadline_s) or left
        finally:
            lock.release()
    return left


def _waiting(storage: Reading) -> list[str]:
    """Name the jobs that are not at their end, the oldest first."""
    active = set(storage.list(ACTIVE))
    return [job_id for job_id in map(_id_in, storage.list(LOG)) if job_id in active]


def _drive(sessions: Sessions, clocks: Clocks, job_id: str, deadline_s: float) -> bool:
    phase = ""
    while True:
        _let_others_in(sessions.state.backend)
        with sessions.writing(synced=phase not in PUT_OFF) as session:
            job = find(session.view, job_id)
            if job is None or job.status != IN_PROGRESS:
                return False
            job = _module(job.kind).step(session, job)._replace(updated_ns=clocks.now_ns())
            _settle(session.view, job)
            session.commit()
        phase = job.phase
        if job.status != IN_PROGRESS:
            return False
        if clocks.monotonic_s() >= deadline_s:
            return True


def _let_others_in(backend: "Backend") -> None:
    """Wait until whoever waited for the state has it."""
    for _ in range(_PAUSES):
        if not backend.is_awaited():
            return
        time.sleep(_PAUSE_S)


def _module(kind: str) -> Any:
    return import_module(_KINDS[kind])


def _settle(storage: Storage, job: Job) -> None:
    if job.status == IN_PROGRESS:
        _save(storage, ACTIVE, job)
    else:
        storage.delete(ACTIVE + job.id)
        _save(storage, DONE, job)


def _save(storage: Storage, where: str, job: Job) -> None:
    records.save(storage, where + job.id, job._asdict())


def _forget(storage: Storage, name: str) -> None:
    """Remove a job that is done from the history; one that is not stays."""
    job_id = _id_in(name)
    if storage.get(ACTIVE + job_id) is None:
        storage.delete(DONE + job_id)
        storage.delete(LOG + name)


def _id_in(logged: str) -> str:
    return logged.partition("-")[2]
