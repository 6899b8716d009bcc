"""A seal that is elsewhere, and what this process has seen of it: whether it answers, and since when it does not.

One that does not answer at all (it was not refused, nobody says anything) is not asked again by everybody who needs it:
whoever comes next is told at once, until a probe finds that it answers, or a while is over.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock, Thread, local
from typing import TYPE_CHECKING, Any, TypeVar

from vaultctl.crypto.seals.several import Several
from vaultctl.logical.errors import IntegrityError, SealUnavailable, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vaultctl.crypto.seals.seal import Seal

_Result = TypeVar("_Result")

SLOW_S = 1.0
"""An error that took longer than this to come was no refusal: nobody answered."""

SHUT_S = 30.0
"""So long nobody asks after that, but for probes."""

CROWD, CROWD_S = 4, 2.0
"""While so many wait for an answer, one of them for so long, nobody joins them: others need the threads."""

PATIENCE_S = 3.0
"""So long somebody waits who holds what others wait for."""

_here = local()
_PROBE = "vaultctl seal health"


class Line:
    """The way to one module, or to one other Vault: who waits there, and whether that is of any use."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.monotonic_s = monotonic_s
        self._lock = Lock()
        self._waiting: list[float] = []
        """When each question was asked that has no answer yet."""

        self._shut_until_s = 0.0
        self._why = ""

    def use(self, work: Callable[[], _Result], *, probes: bool = False) -> _Result:
        """Ask. Raises: SealUnavailable at once, where asking is of no use; whatever the work raises."""
        with self._lock:
            began_s = self.monotonic_s()
            if not probes:
                self._check(began_s)
            self._waiting.append(began_s)
        why = ""
        try:
            return work()
        except SealUnavailable as error:
            why = error.errors[0]
            raise
        finally:
            self._end(began_s, why)

    def shut(self, why: str) -> None:
        """Have nobody ask any more who does not probe."""
        with self._lock:
            self._shut_until_s, self._why = self.monotonic_s() + SHUT_S, why

    def _check(self, now_s: float) -> None:
        if now_s < self._shut_until_s:
            raise SealUnavailable(f"{self._why}; others are told so at once, until it answers", hint=_WAIT)
        if len(self._waiting) >= CROWD and now_s - self._waiting[0] > CROWD_S:
            waited_s = now_s - self._waiting[0]
            raise SealUnavailable(f"the seal has not answered for {waited_s:.0f} s", hint=_WAIT)
        if self._shut_until_s:
            self._shut_until_s = now_s + SHUT_S  # whoever comes next shall not wait for this one's answer, too

    def _end(self, began_s: float, why: str) -> None:
        with self._lock:
            self._waiting.remove(began_s)
            now_s = self.monotonic_s()
            is_silent = bool(why) and now_s - began_s > SLOW_S
            self._shut_until_s, self._why = (now_s + SHUT_S, why) if is_silent else (0.0, "")


_WAIT = "what the seal wrapped can be neither read nor written until it answers; all else goes on"


class Health:
    """What became of the newest use of one key. `now_ns` is the time of day."""

    def __init__(self, line: Line, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.line = line
        self._now_ns = now_ns
        self.is_known = False
        """Whether it was ever asked."""

        self.ill_since_ns = 0
        """0 where it answered, or was never asked."""

    def note(self, *, is_well: bool) -> None:
        """Note what became of a use."""
        self.is_known, self.ill_since_ns = True, 0 if is_well else self.ill_since_ns or self._now_ns()


class Watched:
    """A seal whose every use is noted."""

    is_auto = True

    def __init__(self, seal: Seal, health: Health) -> None:
        self.seal = seal
        self.health = health
        self.kind = seal.kind
        self.key_id = seal.key_id

    def __repr__(self) -> str:
        """Show the key's id."""
        return repr(self.seal)

    def describe(self) -> Mapping[str, Any]:
        """Give what the header says of this seal."""
        return self.seal.describe()

    def wrap(self, name: str, plain: bytes, /) -> bytes:
        """Encrypt. Raises: SealUnavailable, SealKeyError."""
        return self._used(lambda: self.seal.wrap(name, plain))

    def unwrap(self, name: str, blob: bytes, /) -> bytes:
        """Decrypt. Raises: IntegrityError, SealUnavailable, SealKeyError."""
        return self._used(lambda: self.seal.unwrap(name, blob))

    def probe(self) -> None:
        """Ask how it is, even where nobody else asks. Raises: StateError."""
        self._noted(lambda: answers(self.seal), probes=True)

    def _used(self, work: Callable[[], _Result]) -> _Result:
        if getattr(_here, "is_hurried", False):
            return _within_patience(self, lambda: self._noted(work))
        return self._noted(work)

    def _noted(self, work: Callable[[], _Result], *, probes: bool = False) -> _Result:
        try:
            result = self.health.line.use(work, probes=probes)
        except IntegrityError:  # of the entry alone
            raise
        except StateError:
            self.health.note(is_well=False)
            raise
        self.health.note(is_well=True)
        return result


def answers(seal: Seal) -> bool:
    """Tell whether a seal opens what it wraps. Raises: StateError where it cannot be asked."""
    return seal.unwrap(_PROBE, seal.wrap(_PROBE, b"well")) == b"well"


def watched_of(seal: Seal, key_id: str) -> Watched | None:
    """Give the seal of a key, where it is elsewhere, and was looked for already."""
    found = seal.known(key_id) if isinstance(seal, Several) else seal
    return found if isinstance(found, Watched) and found.key_id == key_id else None


@contextmanager
def hurried() -> Iterator[None]:
    """In this thread, wait but a moment for an answer: others wait for what it holds."""
    _here.is_hurried = True
    try:
        yield
    finally:
        _here.is_hurried = False


def _within_patience(watched: Watched, work: Callable[[], _Result]) -> _Result:
    """Wait a moment for some work, which goes on after that. Raises: SealUnavailable; whatever the work raises."""
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    running = Thread(target=run, daemon=True)
    running.start()
    running.join(PATIENCE_S)
    if results:
        return results[0]
    if errors:
        raise errors[0]
    why = f"the {watched.kind} seal has not answered for {PATIENCE_S:.0f} s"
    watched.health.note(is_well=False)
    watched.health.line.shut(why)
    raise SealUnavailable(why, hint=_WAIT)
