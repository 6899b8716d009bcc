"""The file device: appends to a file that other processes append to as well, and that may be rotated away meanwhile.

A line is one write to a file that is open for appending, so that no other line gets in between. Before it, the device
looks whether the file ends with a line feed: a process that was killed may have left part of a line, and the next line
begins on its own. While it looks and writes it holds a lock on the file; a reader who holds that lock for long cannot
stop anybody, since after a moment the line is written without it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

from vaultctl.core.audit.devices import Sink, said

if TYPE_CHECKING:
    from vaultctl.core.audit.options import FileOptions

_LOCK_S = 0.5
_LOCK_STEP_S = 0.0005
_FOLDER_MODE = 0o700


def open_device(given: FileOptions, stdout_fd: int) -> Sink:
    """Give the device for a path, or for "stdout" or "discard"."""
    if given.path == "discard":
        return Discard()
    return Stdout(stdout_fd) if given.path == "stdout" else FileDevice(given)


class Discard:
    """Lines that nobody reads."""

    def check(self) -> None:
        """There is nothing to look at."""

    def write(self, line: bytes, /) -> None:
        """Forget the line."""

    def close(self) -> None:
        """There is nothing to let go of."""


class Stdout:
    """The standard output of a server; a command's own output is no place for lines, so there it is stderr."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def check(self) -> None:
        """Whether it can be written shows when it is."""

    def write(self, line: bytes, /) -> None:
        """Write the line. Raises: OSError."""
        with self._lock:
            while line:
                line = line[os.write(self._fd, line) :]

    def close(self) -> None:
        """It belongs to the process."""


class FileDevice:
    """A file, made with its folders where it is not there."""

    def __init__(self, given: FileOptions) -> None:
        self._path = given.path
        self._mode = given.mode
        self._lock = threading.Lock()
        self._fd = -1
        self._identity = (0, 0)
        self._is_regular = False

    def check(self) -> None:
        """Open the file. Raises: OSError, whose text is as Go would say it."""
        with self._lock:
            self._reopen()

    def write(self, line: bytes, /) -> None:
        """Append the line. Raises: OSError."""
        with self._lock:
            if self._fd < 0 or not self._is_in_place():
                self._reopen()
            try:
                self._append(line)
            except OSError as error:
                raise OSError(error.errno, f"write {self._path}: {said(error)}") from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _append(self, line: bytes) -> None:
        if not self._is_regular:
            self._write(line)
            return
        is_locked = self._take_lock()
        try:
            size_b = os.fstat(self._fd).st_size
            # What is read may be another's line that is just being written, where the lock could not be had.
            if size_b and os.pread(self._fd, 1, size_b - 1) != b"\n":
                line = b"\n" + line
            self._write(line)
        finally:
            if is_locked:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        while left:  # after part of a line, the next write fails with the cause: the disk is full, for example
            left = left[os.write(self._fd, left) :]

    def _take_lock(self) -> bool:
        deadline = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_LOCK_STEP_S)
            except OSError:  # a file system without locks
                return False
            else:
                return True

    def _is_in_place(self) -> bool:
        """Tell whether the open file is the one at the path: it may have been rotated away."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def _reopen(self) -> None:
        self._close()
        fd = _opened(self._path, self._mode)
        found = os.fstat(fd)
        self._is_regular = stat.S_ISREG(found.st_mode)
        self._identity = (found.st_dev, found.st_ino)
        self._fd = fd
        if self._mode and self._is_regular and stat.S_IMODE(found.st_mode) != self._mode:
            os.fchmod(fd, self._mode)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _opened(path: str, mode: int) -> int:
    """Open a file for appending, made with its folders where it is not there. Raises: OSError, worded as Go's."""
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder or ".", _FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"mkdir {folder}: {said(error)}") from None
    try:
        # What is no file may have no reader (a pipe), which must not be waited for.
        is_other = os.path.exists(path) and not os.path.isfile(path)
        access = os.O_WRONLY | os.O_NONBLOCK if is_other else os.O_RDWR | os.O_CREAT
        return os.open(path, access | os.O_APPEND | os.O_CLOEXEC, mode or 0o600)
    except OSError as error:
        raise OSError(error.errno, f"open {path}: {said(error)}") from None
