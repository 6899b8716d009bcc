"""A file with one token in it, which is replaced whole or not at all, by one process at a time.

The new file is there, with its space on the disk, before anybody asks for what is to stand in it: `prepare`. What is
put in is on the disk under the name FILE.next before FILE is touched, so that whoever comes next can bring it to its
end: `left`. The lock is on the file itself; who replaces it holds the lock of the one that was.
"""

import fcntl
import os
import stat
from contextlib import suppress

from vaultctl.cli.failures import Failure, Misuse

_ROOM = b"\n" * 8192
"""More than any token takes; blank, so that it reads as no token."""

BUSY = 11


class Unready(Misuse):
    """The file is not as it must be: that may pass by itself."""


class Missing(Unready):
    """There is no such file."""


class Busy(Failure):
    """Another process works on the file."""

    exit_code = BUSY


class TokenFile:
    """The file, locked as long as this lives. Raises: Misuse where it could not be replaced, Busy."""

    def __init__(self, path: str) -> None:
        self.given = path
        self.path = os.path.realpath(path)  # a link stays one
        self._next = self.path + ".next"
        self._fd = self._lock()
        self._room: int | None = None
        self.had = os.fstat(self._fd)

    def _lock(self) -> int:
        while True:
            try:
                fd = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise Missing(str(self._misuse("open", error))) from None
            except OSError as error:
                raise self._misuse("open", error) from None
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise Unready(f"{self.given} is no file")
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(fd, self.path):
                    return fd
            except BlockingIOError:
                os.close(fd)
                raise Busy(f"another process keeps {self.given}: nothing was asked") from None
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # it was replaced while we looked

    def text(self) -> str:
        """Read what is in the file. Raises: Misuse."""
        return _text(self._fd, self.given)

    def left(self) -> str:
        """Give the text that an earlier process got on the disk and not into the file, "" for none. Raises: Misuse."""
        try:
            fd = os.open(self._next, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Unready(f"open {self.given}.next: {_reason(error)}") from None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Unready(f"{self.given}.next is no file: remove it")
            if os.fstat(fd).st_uid not in (os.geteuid(), self.had.st_uid):
                raise Unready(f"{self.given}.next belongs to another user: remove it")
            return _text(fd, self.given + ".next").strip()
        finally:
            os.close(fd)

    def take_left(self) -> None:
        """Put what is left in the file's place. Raises: OSError."""
        os.replace(self._next, self.path)
        self._sync_folder()

    def drop_left(self) -> None:
        """Remove what is left: no other copy of it may be needed. Raises: Misuse."""
        try:
            os.unlink(self._next)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._misuse("remove what is left beside", error) from None

    def prepare(self) -> None:
        """Make the new file, and take its space. Raises: Misuse: nothing changed."""
        folder = os.stat(os.path.dirname(self.path))
        if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, self.had.st_uid):
            raise Unready(f"{self.given} belongs to another user, in a folder where only its owner may replace it")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._room = os.open(self._next, flags, 0o600)
            os.fchmod(self._room, 0o600)
            if self.had.st_uid != os.geteuid():
                os.fchown(self._room, self.had.st_uid, self.had.st_gid)
            if os.write(self._room, _ROOM) < len(_ROOM):
                raise OSError(28, "No space left on device")
            os.fsync(self._room)
            self._sync_folder()
        except OSError as error:
            self.give_up()
            raise self._misuse("replace", error) from None

    def put(self, text: str) -> None:
        """Put a text in the file's place: first on the disk beside it, then there. Raises: OSError."""
        if self._room is None:
            raise ValueError("nothing was prepared")
        data = text.encode() + b"\n"
        os.pwrite(self._room, data, 0)
        os.fsync(self._room)  # from here on the next process finds it, whatever becomes of this one
        os.ftruncate(self._room, len(data))
        os.fsync(self._room)
        self.take_left()

    def left_safely(self, text: str) -> bool:
        """Tell whether a text that could not be put in its place is on the disk beside it."""
        if self._room is None:
            return False
        try:
            os.fsync(self._room)
            return _text(self._room, self.given).strip() == text and _is_at(self._room, self._next)
        except (OSError, Misuse):
            return False

    def give_up(self) -> None:
        """Remove what was prepared."""
        if self._room is not None:
            os.close(self._room)
            self._room = None
            with suppress(OSError):
                os.unlink(self._next)

    def close(self) -> None:
        """Let go of the file."""
        if self._room is not None:
            os.close(self._room)
            self._room = None
        os.close(self._fd)

    def _sync_folder(self) -> None:
        fd = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _misuse(self, verb: str, error: OSError) -> Unready:
        return Unready(f"cannot {verb} {self.given}: {_reason(error)}; nothing was asked")


def _is_at(fd: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)


def _text(fd: int, name: str) -> str:
    try:
        return os.pread(fd, 1 << 20, 0).decode("ascii")
    except OSError as error:
        raise Unready(f"read {name}: {_reason(error)}") from None
    except UnicodeDecodeError:
        raise Unready(f"{name} holds no token") from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
