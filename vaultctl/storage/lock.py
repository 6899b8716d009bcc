"""Locks between processes: flock on files that are never replaced, so that a dead owner's lock is free at once.

What a lock file says of its holder is for messages only; nothing is decided by it.
"""

import fcntl
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from vaultctl.logical.errors import StateLocked, StateUnavailable
from vaultctl.storage import files

_POLL_S = 0.001
_POLL_MAX_S = 0.02
_BRIEF_S = 0.02
"""So long a waiter looks as often as it can: most are done by then. Then it looks more and more seldom."""

_PATIENCE_S = 1.0
_LONGEST_S = 1e8  # three years: what a thread's lock takes as a time-out has a limit of its own
_WAITING_AT_B = 4096
_ANNOUNCES = sys.platform == "linux"
"""Elsewhere the two kinds of locks on a file may stand in each other's way."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileLock:
    """An exclusive lock, between the threads of this process and between processes."""

    def __init__(self, path: str, *, timeout_s: float = 60.0, on_wait: Callable[[str], None] | None = None) -> None:
        """Name the lock file; `on_wait` is told who holds the lock when that takes over a second."""
        self._path = path
        self._timeout_s = min(max(timeout_s, 0.0), _LONGEST_S)
        self._on_wait = on_wait
        self._threads = threading.Lock()
        self._waiting = 0
        self._fd = -1

    def acquire(self) -> None:
        """Wait for the lock. Raises: StateLocked, StateUnavailable."""
        deadline = time.monotonic() + self._timeout_s
        self._waiting += 1
        try:
            is_ours = self._threads.acquire(timeout=self._timeout_s)
        finally:
            self._waiting -= 1
        if not is_ours:
            raise self._locked("another thread of this process")
        try:
            fd = _open(self._path)
            try:
                self._wait(fd, deadline)
                _sign(fd)
            except BaseException:
                os.close(fd)
                raise
        except BaseException:
            self._threads.release()
            raise
        self._fd = fd

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()

    def is_awaited(self) -> bool:
        """Tell whether somebody waits for the lock, as far as that can be told; nothing but manners hangs on it."""
        if self._waiting:
            return True
        if not _ANNOUNCES:
            return False
        fd = _open(self._path)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _WAITING_AT_B)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False

    def release(self) -> None:
        """Let it go; closing the descriptor frees the lock."""
        os.close(self._fd)
        self._fd = -1
        self._threads.release()

    def _wait(self, fd: int, deadline: float) -> None:
        pause_s, told, is_announced = _POLL_S, False, False
        started = time.monotonic()
        while not try_lock(fd):
            _announce(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            now = time.monotonic()
            if now >= deadline:
                raise self._locked(_holder(fd))
            if not told and now - started > _PATIENCE_S and self._on_wait:
                self._on_wait(_holder(fd))
                told = True
            time.sleep(min(pause_s, max(0.0, deadline - now)))
            if now - started > _BRIEF_S:
                pause_s = min(pause_s * 1.5, _POLL_MAX_S)
            is_announced = True
        if is_announced:
            _announce(fd, fcntl.LOCK_UN)

    def _locked(self, holder: str) -> StateLocked:
        return StateLocked(
            f"the state is locked by {holder}, and still was after {self._timeout_s:g} s",
            hint="wait for that command to end, or allow more time with -lock-timeout",
        )


class JobFileLock:
    """A lock that is taken or not, without waiting; its file goes when it is released."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path

    def release(self) -> None:
        """Remove the file while it is still ours, then let go."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._fd)


def take_job_lock(state: str, job_id: str) -> JobFileLock | None:
    """Lock the file of a job beside the state, or return None where somebody else has it. Raises: StateUnavailable."""
    taken = _take(f"{state}.job-{job_id}")
    if taken:
        _sweep(f"{state}.job-", job_id)
    return taken


def _take(path: str) -> JobFileLock | None:
    fd = _open(path)
    if try_lock(fd) and _is_same_file(fd, path):
        return JobFileLock(fd, path)
    os.close(fd)
    return None


def _sweep(prefix: str, job_id: str) -> None:
    """Remove what killed owners of other jobs left behind; a file that is locked is somebody's, and stays."""
    folder, beginning = os.path.split(prefix)
    for name in os.listdir(folder):
        if name.startswith(beginning) and name != beginning + job_id:
            dead = _take(os.path.join(folder, name))
            if dead:
                dead.release()


def try_lock(fd: int) -> bool:
    """Take the lock on an open file, if it is free."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _announce(fd: int, how: int) -> None:
    """Let the holder know that somebody waits, or no more: each waiter shares a lock on a byte behind the text."""
    if _ANNOUNCES:
        with suppress(OSError):
            fcntl.lockf(fd, how, 1, _WAITING_AT_B)


def _open(path: str) -> int:
    try:
        fd = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        raise files.unavailable(error, f"open the lock file {path}") from error
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise StateUnavailable(f"cannot use the lock file {path}: not a regular file", hint=f"remove {path}")


def _is_same_file(fd: int, path: str) -> bool:
    """Tell whether the locked file is still the one of that name: a former owner may have removed it."""
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def _sign(fd: int) -> None:
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
    try:
        os.pwrite(fd, f"process {os.getpid()} ({name})".ljust(80).encode(), 0)
    except OSError:
        return  # a full disk must not keep anyone from reading; the text is for messages only


def _holder(fd: int) -> str:
    return os.pread(fd, 80, 0).decode(errors="replace").strip() or "another process"
