"""A disk that loses power, or refuses, at the nth call of the operating system that a state makes.

It works in a real folder, so that the code above sees what it did, and keeps a second account of what has reached the
disk itself. After a loss of power a file that was not synced may be empty, cut off, full of zeros or whole, and what
was done to the folder's names since it was last synced may be undone, the newest first.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from vaultctl.storage.files import Files

World = dict[str, bytes]
"""The files of a folder, by name."""


class CrashNow(BaseException):
    """The power is gone. Nothing may catch this and go on."""


class _Content:
    """The bytes of one file, as written and as they are on the disk (None: not even their number)."""

    def __init__(self, durable: bytes | None = None) -> None:
        self.written = durable or b""
        self.durable = durable

    def remains(self) -> list[bytes]:
        """Give all that may be left of it."""
        if self.durable == self.written:
            return [self.written]
        length = len(self.written)
        torn = self.written[: length // 2] + bytes(length - length // 2)
        return list(
            dict.fromkeys([self.durable or b"", self.written[: length // 2], torn, bytes(length), self.written])
        )


class Disk(Files):
    """The calls of a process that works in one folder. Its lock files are not part of the account."""

    def __init__(
        self, folder: Path, *, crash_at: int = 0, before: bool = True, fail_at: int = 0, error: int = 0
    ) -> None:
        """Crash before or after the nth call, or fail it with an error number; 0 is never."""
        self.calls: list[str] = []
        self._folder = folder
        self._crash_at, self._before = crash_at, before
        self._fail_at, self._error = fail_at, error
        self._off = False
        self._names = {name: _Content(data) for name, data in look(folder).items()}
        self._since_sync = [dict(self._names)]
        self._opened: dict[int, _Content] = {}

    def worlds(self) -> Iterator[World]:
        """Give every folder that a loss of power now may leave."""
        for names in self._since_sync:
            for chosen in product(*(content.remains() for content in names.values())):
                yield dict(zip(names, chosen, strict=True))

    def make_folder(self, path: str) -> None:
        with self._call("make_folder"):
            super().make_folder(path)

    def create(self, path: str) -> int:
        with self._call("create"):
            fd = super().create(path)
            self._opened[fd] = _Content()
            self._rename({**self._names, os.path.basename(path): self._opened[fd]})
        return fd

    def write(self, fd: int, data: bytes) -> None:
        def half() -> None:
            super(Disk, self).write(fd, data[: len(data) // 2])

        with self._call("write", failing=half):
            super().write(fd, data)
            self._opened[fd].written += data

    def sync(self, fd: int) -> None:
        with self._call("sync"):
            super().sync(fd)
            self._opened[fd].durable = self._opened[fd].written

    def replace(self, source: str, target: str) -> None:
        with self._call("replace"):
            super().replace(source, target)
            names = dict(self._names)
            names[os.path.basename(target)] = names.pop(os.path.basename(source))
            self._rename(names)

    def link(self, source: str, target: str) -> None:
        with self._call("link"):
            super().link(source, target)
            self._rename({**self._names, os.path.basename(target): self._names[os.path.basename(source)]})

    def sync_folder(self, path: str) -> None:
        with self._call("sync_folder"):
            super().sync_folder(path)
            self._since_sync = [self._names]

    def remove(self, path: str) -> None:
        with self._call("remove"):
            super().remove(path)
            self._rename({name: content for name, content in self._names.items() if name != os.path.basename(path)})

    @contextmanager
    def _call(self, name: str, failing: Callable[[], None] = lambda: None) -> Iterator[None]:
        if self._off:
            raise CrashNow
        self.calls.append(name)
        number = len(self.calls)
        if number == self._fail_at:
            failing()
            raise OSError(self._error, os.strerror(self._error))
        if number == self._crash_at and self._before:
            self._crash()
        yield
        if number == self._crash_at:
            self._crash()

    def _crash(self) -> None:
        self._off = True
        raise CrashNow

    def _rename(self, names: dict[str, _Content]) -> None:
        self._names = names
        self._since_sync.append(names)


def look(folder: Path) -> World:
    """Give what is in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if _counts(path)} if folder.exists() else {}


def become(folder: Path, world: World) -> None:
    """Make the folder this one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in filter(_counts, list(folder.iterdir())):
        path.unlink()
    for name, data in world.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(data)


def _counts(path: Path) -> bool:
    return not path.name.endswith((".lock", "-wal", "-shm"))


REFUSALS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}
"""What a disk says that cannot take any more."""
