"""Rewrap: every entry that the seal wraps is brought to the seal's current key, as a stored job.

Only the seal's own layer is changed: what is below it is what the barrier made, before and after. Where no entry shall
be wrapped (a seal that needs people, or `disable_sealwrap`), the same job takes that layer off. An entry that cannot be
unwrapped, because it is damaged or because its key is gone, is counted, named and left as it is. A seal that is out of
reach stops the job, which goes on from there.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from vaultctl.core import jobs, records
from vaultctl.core.jobs import BACKGROUND, FAILURE, IN_PROGRESS, Job
from vaultctl.core.mounts import new_uuid
from vaultctl.core.session import Session
from vaultctl.core.views import ROOT_KEY, Transaction
from vaultctl.crypto.barrier import SEALED
from vaultctl.crypto.seals.blob import head_of, key_id_of
from vaultctl.crypto.seals.bulk import Rewrap, rewrapper
from vaultctl.crypto.seals.several import previous_of
from vaultctl.logical.errors import IntegrityError, NotOffered, SealKeyGone, StateError
from vaultctl.logical.storage import Reading, Replaced, Stored

KIND = "rewrap"
LAST = "core/rewrap/last"
"""Where the newest one is kept: it outlives the history of jobs."""

COUNTING, REWRAPPING, ENDING, STOPPED = "counting", "rewrapping", "ending", "stopped"
NAMED = 50
"""So many of the entries that failed are named."""

BATCH_S, BATCH_B = 0.05, 4 << 20
"""When a batch ends at the latest; the commit takes about as long again."""

_FEW, _AT_FIRST, _AT_ONCE = 128, 256, 1_024
"""So many entries has a batch while others wait for the state, at first, and when nobody does: it grows by twos."""

_LEAST, _MOST, _MOST_B = 2_000, 50_000, 64 << 20
"""The same for a state that is one text file, which each commit writes anew: a batch is as large as all before it."""

_LOOKS = 128
"""So many entries are looked at between two looks at the clock, and at whether somebody waits."""

_COUNTED = 1_024
"""So many are counted between two such looks."""

_PACE = "rewrap pace"

_SEALED = bytes([SEALED])
_DATA = "logical/"


class Target(NamedTuple):
    """What entries shall be like: the key, and whether any entry besides the root key is wrapped."""

    key_id: str
    wraps: bool


def running(storage: Reading) -> Job | None:
    """Give the rewrap that is not at its end."""
    job = newest(storage)
    return job if job and job.status == IN_PROGRESS else None


def newest(storage: Reading) -> Job | None:
    """Give the rewrap that was started last, as it stands."""
    record = records.load(storage, LAST)
    if record is None:
        return None
    return jobs.find(storage, record["id"]) or Job(**record)


def start(session: Session, now_ns: int, random: Callable[[int], bytes]) -> bool:
    """Store the job, or go on with one that the seal stopped; tell whether there was none running."""
    transaction = session.transaction
    last = newest(transaction)
    if last and last.status == IN_PROGRESS:
        return False
    params = Target(transaction.seal.key_id, transaction.wraps)._asdict()
    if last and last.phase == STOPPED and last.params == params:
        job = last._replace(status=IN_PROGRESS, phase=REWRAPPING, error="", updated_ns=now_ns)
        jobs.revive(transaction, job)
    else:
        job = Job(BACKGROUND + new_uuid(random), KIND, params, now_ns, now_ns)
        jobs.enqueue(transaction, job)
    records.save(transaction, LAST, job._asdict())
    return True


def step(session: Session, job: Job) -> Job:
    """Count, or rewrap, a batch of entries."""
    transaction = session.transaction
    target = Target(**job.params)
    if target.key_id != transaction.seal.key_id:
        return _ended(transaction, job.failed("the seal has another key by now: a rewrap to that one is needed"))
    batch = _Batch(session, job, target)
    job = {REWRAPPING: batch.rewrap, ENDING: batch.end}.get(job.phase, batch.count)()
    return job if job.status == IN_PROGRESS else _ended(transaction, job)


def _ended(transaction: Transaction, job: Job) -> Job:
    """Keep what became of a job; after one without failures the previous keys are needed no more."""
    if job.status != FAILURE and previous_of(transaction.seal):
        transaction.drop_previous()
    records.save(transaction, LAST, job._asdict())
    return job


class _Batch:
    """One step's look at the state: from the cursor on, until time or size says that it is enough."""

    def __init__(self, session: Session, job: Job, target: Target) -> None:
        self._transaction = session.transaction
        self._seal = session.transaction.seal
        self._bulk: dict[bytes, Rewrap | None] = {}
        self._target = target
        self._job = job
        self._wanted = Wanted(session)
        self._head = head_of(target.key_id)
        self._is_text = session.host.storage in ("json", "toml")
        self._clock_s = session.host.monotonic_s
        self._is_awaited = session.host.is_awaited
        self._pace: int = session.view.memo.get(_PACE, _AT_FIRST)
        self._until_s = self._clock_s() + BATCH_S
        self._cursor, self._stopped, self._failed = job.cursor, "", list[tuple[str, str]]()
        self._done = self._size_b = 0

    def count(self) -> Job:
        """Count what there is to do. A text file is in memory as a whole, and gets no commit for it."""
        total, cursor = self._job.total, self._job.cursor
        heads = self._transaction.stored_heads(cursor)
        while found := list(islice(heads, _COUNTED)):
            total += self._count_due(found)
            cursor = found[-1][0]
            if not self._is_text and (self._is_late() or self._is_awaited()):
                return self._job._replace(phase=COUNTING, total=total, cursor=cursor)
        return self._job._replace(phase=REWRAPPING, total=total, cursor="")

    def rewrap(self) -> Job:
        """Rewrap what is next; where the seal is out of reach, stop in front of that entry."""
        while True:
            stored = self._transaction.stored(self._cursor, _LOOKS)
            self._rewrap(stored)
            is_last = len(stored) < _LOOKS
            if is_last or self._stopped or self._is_enough():
                break
        self._transaction.memo[_PACE] = _FEW if self._is_awaited() else min(2 * self._pace, _AT_ONCE)
        job = self._job
        job = job._replace(
            cursor=self._cursor,
            done=job.done + self._done,
            failures=job.failures + len(self._failed),
            failed_leases=[*job.failed_leases, *self._failed][:NAMED],
        )
        if self._stopped:
            return job.failed(self._stopped)._replace(phase=STOPPED)
        return job._replace(phase=ENDING, total=job.done) if is_last else job

    def end(self) -> Job:
        """Say how it went: a step of its own, which is synced whatever those before it were."""
        job = self._job
        if not job.failures:
            return job.succeeded()
        many = "1 entry" if job.failures == 1 else f"{job.failures} entries"
        return job.failed(f"{many} could not be rewrapped: {job.failed_leases[0][1]}")

    def _is_enough(self) -> bool:
        if self._is_text:
            return self._done >= min(max(self._job.done, _LEAST), _MOST) or self._size_b >= _MOST_B
        if self._done >= self._pace or self._size_b >= BATCH_B:
            return True
        return self._is_late() or self._is_awaited()

    def _is_late(self) -> bool:
        return self._clock_s() >= self._until_s

    def _count_due(self, found: list[tuple[str, bytes]]) -> int:
        """Count those that are."""
        if found[0][0] < _DATA:
            return sum(self._is_due(name, head) for name, head in found)
        bare = [name for name, head in found if head[:1] != _SEALED]
        return len(found) - len(bare) + (sum(map(self._wanted, bare)) if self._target.wraps else 0)

    def _is_due(self, name: str, blob: bytes) -> bool:
        """Tell whether an entry is one of those that are counted: it is wrapped, or it shall be."""
        if name == ROOT_KEY:
            return self._seal.is_auto
        if blob[:1] == _SEALED:
            return True
        return self._target.wraps and self._wanted(name)

    def _rewrap(self, stored: Sequence[Stored]) -> None:
        """Bring entries to what they shall be, as far as the seal is in reach."""
        at, replaced = 0, list[Replaced]()
        while at < len(stored) and not self._stopped:
            many = self._at_once(stored, at)
            replaced += many or self._one(stored[at])
            at += len(many) or 1
        if replaced:
            self._transaction.replace(replaced)

    def _at_once(self, stored: Sequence[Stored], begin: int) -> list[Replaced]:
        """Rewrap all from there on that one key wrapped, and unwraps, where its seal does many at once."""
        _, name, blob = stored[begin]
        if blob[:1] != _SEALED or name < _DATA or not self._target.wraps or blob.startswith(self._head):
            return []
        head = blob[: 2 + blob[1]]
        if head not in self._bulk:
            self._bulk[head] = rewrapper(self._seal, head)
        rewrap = self._bulk[head]
        many = rewrap(stored, begin) if rewrap else []
        if many:
            self._cursor = many[-1][1]
            self._done += len(many)
            self._size_b += sum([len(old) for _, _, old, _ in many])
        return many

    def _one(self, stored: Stored) -> list[Replaced]:
        """Bring one entry to what it shall be, if it can be."""
        row, name, blob = stored
        new = blob
        if self._is_due(name, blob):
            try:
                new = self._rewrapped(name, blob)
            except StateError as error:
                if not self._is_its_own(name, blob, error):
                    self._stopped = error.errors[0]
                    return []
            self._done += 1
            self._size_b += len(blob)
        self._cursor = name
        return [(row, name, blob, new)] if new is not blob else []

    def _rewrapped(self, name: str, blob: bytes) -> bytes:
        """Give one entry as it shall be; the same object if it is. Raises: StateError, where the seal does."""
        if blob[:1] != _SEALED:
            self._transaction.decrypt(name, blob)  # damage is not wrapped, but named
            return self._seal.wrap(name, blob)
        plain = self._seal.unwrap(name, blob)
        if not self._target.wraps and name != ROOT_KEY:
            return plain
        return blob if blob.startswith(self._head) else self._seal.wrap(name, plain)

    def _is_its_own(self, name: str, blob: bytes, error: StateError) -> bool:
        """Tell whether it is for this entry alone that it cannot be rewrapped, and name it then."""
        why = error.errors[0]
        if isinstance(error, SealKeyGone):
            if key_id_of(blob) == self._target.key_id:
                return False  # without the current key nothing is rewrapped at all
            why = f"the entry {name} is under the seal key {key_id_of(blob)}, which is gone: {why}"
        elif not isinstance(error, IntegrityError):  # the seal is out of reach, or its key is
            return False
        self._failed.append((name, why))
        return True


class Wanted:
    """Tells of an entry's name whether its mount and its engine ask for it to be wrapped."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._of: dict[str, Callable[[str], bool] | None] = {}

    def __call__(self, name: str) -> bool:
        """Tell it."""
        if not name.startswith(_DATA):
            return False
        uuid, _, key = name[len(_DATA) :].partition("/")
        if uuid not in self._of:
            self._of[uuid] = self._predicate(uuid)
        asks = self._of[uuid]
        return asks is not None and asks(key)

    def _predicate(self, uuid: str) -> Callable[[str], bool] | None:
        mount = self._session.mounts.get(uuid)
        if mount is None or not mount.seal_wrap:
            return None
        try:
            return self._session.host.kinds(mount).engine(mount.type, mount.options).seal_wrapped
        except NotOffered:
            return None


class Counts(NamedTuple):
    """How the entries of one mount that are, or shall be, wrapped stand."""

    current: int = 0
    old: int = 0
    unwrapped: int = 0


def count(session: Session, prefix: str, wanted: Wanted) -> Counts:
    """Count the entries below a prefix by the key that they are under."""
    head, found = head_of(session.view.seal.key_id), {"current": 0, "old": 0, "unwrapped": 0}
    for name, blob in _below(session, prefix):
        if blob[:1] == _SEALED:
            found["current" if blob.startswith(head) else "old"] += 1
        elif wanted(name):
            found["unwrapped"] += 1
    return Counts(**found)


def _below(session: Session, prefix: str) -> Iterator[tuple[str, bytes]]:
    for name, blob in session.view.snapshot.heads(prefix):
        if not name.startswith(prefix):
            return
        yield name, blob


def is_whole(session: Session) -> bool:
    """Tell whether every wrapped entry is under the current key, as far as is known without looking at each."""
    return not previous_of(session.view.seal) and running(session.view) is None


def describe(job: Job) -> dict[str, Any]:
    """Give the counters, as the API has them."""
    return {"processed": job.done, "succeeded": job.done - job.failures, "failed": job.failures}
