"""Core: the door to the engine in this process."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vaultctl.core import pipeline, system, tokens
from vaultctl.core.auditing import SERVED, Rules
from vaultctl.core.exchange import Exchange, Host, NeedsWriting
from vaultctl.core.mounts import new_uuid
from vaultctl.core.plugins import Catalogue
from vaultctl.core.session import Sessions
from vaultctl.core.state import AT_HAND
from vaultctl.logical.errors import InvalidRequest, Sealed, StateError, VaultError
from vaultctl.logical.request import Operation, Request, only_reads
from vaultctl.logical.response import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vaultctl.core.apart import Apart
    from vaultctl.core.attempts import Attempts
    from vaultctl.core.exchange import Unauthenticated
    from vaultctl.core.sealing import Sealing
    from vaultctl.core.state import State
    from vaultctl.core.views import View
    from vaultctl.crypto.seals.seal import Seal
    from vaultctl.logical.response import Awaited, Response
    from vaultctl.storage.header import Header

ACTIVE_JOBS = "core/jobs/active/"
BACKGROUND_JOB = "background-"
JOB_BUDGET_S = 0.05
"""How long a request that writes works on jobs, its own or those that others left."""

_JOBS_FIRST_S = 0.01
"""How long a request that writes works on jobs of others before its own turn: a step of each, mostly."""

_STEPPED_S = 5.0
"""Who worked on jobs so lately without a request of its own does so again: background jobs are left to it."""

_POLL_S = 0.02
"""So often it is looked how a job stands that another process works on."""


WRAPPING_HISTORY_S = 30 * 24 * 3600


class _JobsFirst(Exception):
    """What an earlier command was killed in comes before a new write: it was answered."""


class Core:
    """Answers requests over one state. It may be called from many threads."""

    def __init__(
        self,
        state: State,
        *,
        random: Callable[[int], bytes] = os.urandom,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
        catalogue: Catalogue | None = None,
        audit_rules: Rules = SERVED,
        sealing: Callable[[], Sealing] | None = None,
        attempts: Callable[[], Attempts] | None = None,
        unauthenticated: Unauthenticated | None = None,
        wrapping_history_s: int = WRAPPING_HISTORY_S,
        asks_seals: bool = True,
    ) -> None:
        """Serve this state; the clocks, the randomness and the engines can be others in tests.

        `audit_rules` say what those who ask may do with audit devices: by default, what clients of a server may.
        `sealing` gives what unsealing takes, which is asked for when it is needed. `attempts` gives what remembers
        attempts that take several people; without it they are forgotten with this core. `unauthenticated` says what
        may be asked for without a token: by default nothing.
        For `wrapping_history_s` seconds it is remembered what became of wrapping tokens. Without `asks_seals` no
        request asks a seal how it is: somebody else does, by `look_at_seals`.
        """
        self.state = state
        self.monotonic_s = monotonic_s
        self._without_jobs: tuple[str, int] | None = None
        """The version of the jobs' table in which none was waiting."""

        self._stepped_s: float | None = None
        """When somebody last worked on jobs without a request of its own: a server's ticker, or who waits for them."""

        kind, kinds = state.backend.kind, catalogue or Catalogue()
        more = (monotonic_s, sealing, wrapping_history_s)
        self.host = Host(kinds, system.endpoints_for, now_ns, random, kind, audit_rules, *more)
        self.host.find_attempts = attempts
        self.host.asks_seals = asks_seals
        if unauthenticated is not None:
            self.host.unauthenticated = unauthenticated
        self.host.is_awaited = state.backend.is_awaited
        self.sessions = Sessions(state, self.host)

    def handle(self, request: Request, /) -> Response:
        """Answer one request. Raises: VaultError."""
        request = self._identified(request)
        try:
            return self._handle(request)
        except Sealed:
            return self.without_keys(request)
        except StateError as error:
            if self.state.has_keys:
                raise
            from vaultctl.core import sealed

            return sealed.answer_without_seal(self.state, self.host, request, error)

    def without_keys(self, request: Request) -> Response:
        """Answer what can be answered where the keys are not at hand, or there is no state yet. Raises: VaultError."""
        from vaultctl.core import sealed

        self._drop_keys()
        return sealed.answer(self.state, self.host, self._identified(request))

    def _handle(self, request: Request) -> Response:
        if only_reads(request):
            try:
                return self._read(request)
            except NeedsWriting:
                pass
        response, budget_s = self._written(request)
        if budget_s is not None:
            self._advance_quietly(budget_s)
        return response if response.awaited is None else self._awaited(response, response.awaited)

    def answer_at_once(self, request: Request) -> Response | None:
        """Answer a read that takes no lock; give None for what may wait, or take long. Raises: VaultError."""
        quick = request.operation in (Operation.READ, Operation.UPDATE) and only_reads(request)
        if quick and not self.host.auditing.has_devices:
            with suppress(NeedsWriting, Sealed), self.state.reader(waits=False) as view:
                view.before_seal = _leave_to_others
                return self._run(Exchange(self.host, self.sessions.of(view), self._identified(request)))
        return None

    def look_at_seals(self) -> None:
        """Begin to ask those seals how they are that nobody asked for a while. Raises: StateError."""
        with suppress(Sealed), self.state.reader(waits=False) as view:
            self.host.looks.begin(view.seal)

    def _identified(self, request: Request) -> Request:
        return request if request.request_id else request.identified(new_uuid(self.host.random))

    def advance(self, budget_s: float) -> bool:
        """Work on stored jobs for so long, and remove some of what has expired; tell whether any job is left.

        Where the state is sealed nothing is done, and keys that were at hand are dropped. Requests leave background
        jobs to whoever does this again and again. Raises: StateError.
        """
        self._stepped_s = self.monotonic_s()
        return self._advance_unless_sealed(budget_s)

    def _advance_unless_sealed(self, budget_s: float) -> bool:
        try:
            return self._advance(budget_s)
        except Sealed:
            self._drop_keys()
            return False

    def _advance(self, budget_s: float) -> bool:
        with self.state.reader() as view:
            has_jobs, is_due = bool(self._active_jobs(view)), tokens.is_due(view, self.host.now_ns() / 1e9)
        is_left = has_jobs and self._advance_jobs(budget_s)
        if is_due:
            self._sweep()
        self._rotate_if_due()
        self._sweep_leases(self.monotonic_s() + budget_s)
        return is_left

    def _advance_jobs(self, budget_s: float) -> bool:
        from vaultctl.core import jobs

        clocks = jobs.Clocks(self.host.now_ns, self.monotonic_s)
        return jobs.advance(self.sessions, clocks, self.monotonic_s() + budget_s)

    def _sweep(self) -> None:
        """Remove some of the tokens that came to their end. Raises: StateError."""
        from vaultctl.core.token_store import sweep

        with self.sessions.writing() as session:
            sweep.sweep(session, self.host.now_ns() / 1e9, sweep.AT_ONCE)
            session.commit()

    def _rotate_if_due(self) -> None:
        """Begin a new keyring term where the active one is as old as people let one become. Raises: StateError."""
        with self.state.reader() as view:
            if "rotation" not in view.header.tables:
                return
            from vaultctl.core import rotation

            if not rotation.is_due(view, self.host.now_ns()):
                return
        with self.sessions.writing() as session:
            rotation.rotate_if_due(session, self.host.now_ns())

    def _sweep_leases(self, deadline_s: float) -> None:
        """Revoke what has been leased and is due, for so long. Raises: StateError."""
        while self._is_lease_due():
            from vaultctl.core.leases import revoke

            with self.sessions.writing() as session:
                revoke.sweep(session, self.host.now_ns())
                session.commit()
            if self.monotonic_s() >= deadline_s:
                return

    def _is_lease_due(self) -> bool:
        with self.state.reader() as view:
            return self._has_due(view)

    def _has_due(self, view: View) -> bool:
        """Tell whether a lease is to be revoked; where nothing was ever leased, that costs nothing."""
        if "leases" not in view.header.tables:
            return False
        from vaultctl.core.leases import store

        return store.is_due(view, self.host.now_ns())

    def _awaited(self, response: Response, awaited: Awaited) -> Response:
        """Answer with what became of a job, and have that audited. Raises: InvalidRequest, NotAudited, StateError."""
        record = awaited.record or (lambda _answer: None)
        try:
            answer = self._outcome(response, awaited)
        except Exception as error:
            record(error)
            raise
        record(answer)
        return answer

    def _outcome(self, response: Response, awaited: Awaited) -> Response:
        """Tell what became of a job, if that is known in time. Raises: InvalidRequest where it failed, StateError."""
        from vaultctl.core import jobs

        until_s, done = self.monotonic_s() + awaited.at_most_s, -1
        while True:
            with self.state.reader() as view:
                job = jobs.find(view, awaited.job_id)
            if job is None or job.status == jobs.SUCCESS:
                return EMPTY._replace(request_id=response.request_id)
            if job.status == jobs.FAILURE:
                error = InvalidRequest(job.error)
                error.request_id = response.request_id
                raise error
            if self.monotonic_s() >= until_s:
                return response._replace(data={**(response.data or {}), **job.describe()}, awaited=None)
            if job.done == done:
                time.sleep(_POLL_S)  # another process works on it
            done = job.done
            self._advance_quietly()

    def pending(self) -> Mapping[str, Any] | None:
        """Tell of the job that is worked on next: phase, done, total, started, updated. Raises: StateError."""
        from vaultctl.core import jobs

        with self.state.reader() as view:
            job = jobs.pending(view)
        return job.describe() if job else None

    def _advance_quietly(self, budget_s: float = JOB_BUDGET_S) -> None:
        """Work on jobs beside a request, whose own answer does not hang on them."""
        with suppress(VaultError):
            self._advance_unless_sealed(budget_s)

    def close(self) -> None:
        """Let go of the state, and of audit devices."""
        self.host.auditing.close()
        self.state.backend.close()

    def _read(self, request: Request) -> Response:
        with self.state.reader() as view:
            return self._run(Exchange(self.host, self.sessions.of(view), request))

    def _written(self, request: Request) -> tuple[Response, float | None]:
        """Answer in a transaction, behind jobs and slow work; see `_write`. Raises: VaultError."""
        from vaultctl.core.apart import Apart, NeedsWork  # what only reads does not even import it

        after_jobs, apart = False, Apart()
        while True:
            try:
                return self._write(request, apart, after_jobs=after_jobs)
            except _JobsFirst:
                self._advance_quietly(_JOBS_FIRST_S)
                after_jobs = True
            except NeedsWork:
                apart.work()

    def _write(self, request: Request, apart: Apart, *, after_jobs: bool) -> tuple[Response, float | None]:
        """Answer in a transaction; tell how long to work on jobs now, if at all.

        Raises: VaultError, _JobsFirst, NeedsWork.
        """
        with self.sessions.writing() as session:
            jobs = self._active_jobs(session.view)
            if not after_jobs and not all(job.startswith(BACKGROUND_JOB) for job in jobs):
                raise _JobsFirst
            exchange = Exchange(self.host, session, request, writing=True, apart=apart)
            response = self._run(exchange) if not _may_wait(session.view.seal) else self._run_hurried(exchange)
            before, header = session.view.header, session.header
            if header.sealed:
                self._forget_keys(before)
            if header.tables.get("jobs") != before.tables.get("jobs") or self._has_due(session.view):
                return response, JOB_BUDGET_S
            is_left = any(job.startswith(BACKGROUND_JOB) for job in jobs)
            return response, 0 if is_left and not self._are_jobs_stepped() else None

    def _are_jobs_stepped(self) -> bool:
        """Tell whether somebody in this process works on jobs from time to time."""
        return self._stepped_s is not None and self.monotonic_s() - self._stepped_s < _STEPPED_S

    def _drop_keys(self) -> None:
        """Drop what is left of keys where the state is sealed."""
        from vaultctl.core import sealed

        self.state.forget()
        sealed.drop_stale(self.state, self.host)

    def _forget_keys(self, header: Header) -> None:
        """Drop the keys of a state that this process has just sealed; others do when they see its new epoch."""
        from vaultctl.core import attempts

        self.state.forget()
        self.host.sealing.keeper.drop(header.cluster_id)
        attempts.drop_all(self.host.attempts, header)

    def _active_jobs(self, view: View) -> list[str]:
        """Name the jobs that are not at their end; as long as no job changed, that costs nothing."""
        header = view.header
        version = (header.cluster_id, header.tables.get("jobs", 0))
        if version == self._without_jobs:
            return []
        active = view.list(ACTIVE_JOBS)
        if not active:
            self._without_jobs = version
        return active

    def _run_hurried(self, exchange: Exchange) -> Response:
        """Wait but a moment for the seal while others wait for the lock."""
        from vaultctl.crypto.seals import watched

        with watched.hurried():
            return self._run(exchange)

    def _run(self, exchange: Exchange) -> Response:
        request_id = exchange.request.request_id
        try:
            response = pipeline.run(exchange)
        except VaultError as error:
            error.request_id = error.request_id or request_id
            raise
        # What was wrapped keeps the id of its own request, and a wrapped answer has none. Source: OpenBao 2.7.
        if response.request_id or response.wrap_info is not None:
            return response
        return response.identified(request_id)


def _leave_to_others(seal: Seal) -> None:
    """Have a request answered elsewhere that may have to wait for the seal. Raises: NeedsWriting."""
    if _may_wait(seal):
        raise NeedsWriting


def _may_wait(seal: Seal) -> bool:
    return seal.kind not in AT_HAND or bool(getattr(seal, "previous", ()))
