"""The operating system calls by which a state reaches the disk, each behind one method.

No other module replaces, syncs or removes a file of a state. Tests put a `Files` of their own in the place of this one,
which crashes at the nth call or plays a disk that is full.
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from itertools import count

from vaultctl.logical.errors import StateUnavailable, UnsafePermissions

_HINTS = {
    errno.ENOSPC: "free some space on that disk; the state is as it was before this command",
    errno.EDQUOT: "free some of your quota on that disk; the state is as it was before this command",
    errno.EROFS: "the file system is read-only: mount it for writing, or point VAULTCTL_DATA_DIR at another folder",
    errno.EACCES: "check who owns the folder, or point VAULTCTL_DATA_DIR at a folder of your own",
    errno.EPERM: "check who owns the folder, or point VAULTCTL_DATA_DIR at a folder of your own",
    errno.ENAMETOOLONG: "choose a shorter path with VAULTCTL_DATA_DIR",
    errno.ENOTDIR: "a part of that path is a file; point VAULTCTL_DATA_DIR at a folder",
    errno.EMFILE: "this process may open too few files: raise the limit with ulimit -n",
    errno.EISDIR: "a folder stands where the file should be; remove it or choose another place",
}
DAMAGED = ".damaged"
"""Ends the name under which a state that cannot be read is kept when another takes its place."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def unavailable(error: OSError, doing: str) -> StateUnavailable:
    """Turn the system's refusal into ours, with what to do next."""
    reason = (error.strerror or str(error)).lower()
    return StateUnavailable(f"cannot {doing}: {reason}", hint=_HINTS.get(error.errno or 0, ""))


class Files:
    """The calls. All of them raise OSError."""

    def make_folder(self, path: str) -> None:
        """Make a folder for its owner alone, and the folders above it, whatever the umask says."""
        if os.path.isdir(path):
            return
        if path != os.path.dirname(path):
            self.make_folder(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
            os.chmod(path, 0o700)
        except FileExistsError:
            if not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None

    def create(self, path: str) -> int:
        """Make a file that is not there yet, for its owner alone, and return its descriptor."""
        fd = os.open(path, _NEW, 0o600)
        os.fchmod(fd, 0o600)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def sync(self, fd: int) -> None:
        """Bring the file's bytes to the disk itself."""
        if hasattr(fcntl, "F_FULLFSYNC"):  # macOS: fsync alone leaves the bytes in the drive's cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)

    def replace(self, source: str, target: str) -> None:
        """Put one file in another's place, all at once."""
        os.replace(source, target)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name, which nothing has yet."""
        os.link(source, target, follow_symlinks=False)

    def sync_folder(self, path: str) -> None:
        """Bring the folder's names to the disk itself."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return


def replace_durably(files: Files, path: str, data: bytes, *, unlocked: bool = False) -> int:
    """Give the file new contents: when this returns they are on disk; when it raises, the old ones are.

    Returns a descriptor of the new file, which pins its inode. `unlocked` says that no lock is around it: then each
    process has a temporary file of its own, and those that killed ones left are removed at last.

    The order is: temporary file in the same folder, write, sync, replace, sync the folder. A temporary file that a
    crash left behind is removed first, so none outlives the next write. Where only the last step fails, the file has
    its new contents, and the error says so.

    Raises: StateUnavailable.
    """
    if unlocked:
        from vaultctl.storage import leftovers
    temporary = leftovers.temporary(path) if unlocked else path + ".tmp"
    try:
        _check_replaceable(path)
        files.remove(temporary)
        fd = _fill(files, temporary, data)
        try:
            files.replace(temporary, path)
        except OSError:
            os.close(fd)
            files.remove(temporary)
            raise
    except OSError as error:
        raise unavailable(error, f"write {path}") from error
    try:
        files.sync_folder(os.path.dirname(path))
    except OSError as error:
        os.close(fd)
        raise StateUnavailable(
            unavailable(error, f"bring {path} to the disk itself").errors[0],
            hint="the change was made, but may be lost if the power fails now: check that disk",
        ) from error
    if unlocked:
        leftovers.sweep(path)
    return fd


def _check_replaceable(path: str) -> None:
    """Refuse to put a file in the place of a device, a pipe or a folder. Raises: OSError."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)


def write_new(files: Files, path: str, data: bytes) -> None:
    """Make a file with these contents, durably: whole or not at all, and never in the place of another.

    Raises: OSError, FileExistsError among them.
    """
    temporary = path + ".tmp"
    files.remove(temporary)
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    os.close(_fill(files, temporary, data))
    try:
        files.link(temporary, path)
    finally:
        files.remove(temporary)
    files.sync_folder(os.path.dirname(path))


def _fill(files: Files, path: str, data: bytes) -> int:
    fd = files.create(path)
    try:
        files.write(fd, data)
        files.sync(fd)
    except OSError:
        os.close(fd)
        files.remove(path)
        raise
    return fd


def free_name(path: str) -> str:
    """Give this name, or the first with a number behind it that nothing has yet."""
    numbered = (f"{path}.{number}" for number in count(2))
    return path if not os.path.lexists(path) else next(name for name in numbered if not os.path.lexists(name))


def keep_damaged(files: Files, path: str) -> None:
    """Give a file that is about to be replaced a second name, under which it stays. Raises: StateUnavailable."""
    try:
        files.link(path, free_name(path + DAMAGED))
    except OSError as error:
        raise unavailable(error, f"keep the damaged {path}") from error


def rename(files: Files, source: str, target: str) -> None:
    """Give a file another name in its folder, durably. Raises: StateUnavailable."""
    try:
        files.replace(source, target)
        files.sync_folder(os.path.dirname(target))
    except OSError as error:
        raise unavailable(error, f"rename {source}") from error


def remove(files: Files, path: str) -> None:
    """Remove a file if it is there. Raises: StateUnavailable."""
    try:
        files.remove(path)
    except OSError as error:
        raise unavailable(error, f"remove {path}") from error


def own_folder(files: Files, path: str) -> None:
    """Make sure that the folder is there, and nobody else's. Raises: StateUnavailable, UnsafePermissions."""
    try:
        files.make_folder(path)
        check_owner(path)
    except OSError as error:
        raise unavailable(error, f"use the folder {path}") from error


def read(path: str, *, anybodys: bool = False, max_b: int | None = None) -> tuple[bytes, int]:
    """Read a whole file; return its bytes and the descriptor, which stays open to pin the inode.

    With `anybodys` it does not matter who owns the file. Raises: OSError, UnsafePermissions.
    """
    # Without O_NONBLOCK a pipe in the place of the file would be waited for until somebody writes to it.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if max_b is not None and status.st_size > max_b:
            raise OSError(errno.EFBIG, f"larger than {max_b} bytes", path)
        if not anybodys:
            check_owner(path, status)
        return _read_all(fd, status.st_size), fd
    except BaseException:
        os.close(fd)
        raise


def _read_all(fd: int, size_b: int) -> bytes:
    chunks = []
    while chunk := os.read(fd, max(size_b + 1, 65536)):
        chunks.append(chunk)
    return b"".join(chunks)


def check_owner(path: str, status: os.stat_result | None = None) -> None:
    """Refuse a file or folder that belongs to another user, or that others may write to.

    Raises: UnsafePermissions, OSError.
    """
    status = status or os.stat(path)
    is_shared = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX  # /tmp, for example
    shared = "others work in that folder too: keep the state in a folder of your own" if is_shared else ""
    if status.st_uid != os.geteuid():
        raise UnsafePermissions(
            f"{path} belongs to user id {status.st_uid}, and this is user id {os.geteuid()}",
            hint=shared or "run vaultctl as the owner, or point VAULTCTL_DATA_DIR at a folder of your own",
        )
    if status.st_mode & 0o022:
        raise UnsafePermissions(
            f"{path} can be changed by other users (mode {stat.S_IMODE(status.st_mode):o})",
            hint=shared or f"run: chmod go-rwx {path}",
        )


def read_private(path: str) -> bytes:
    """Read a file of secrets, and refuse it where it is not the owner's alone.

    Raises: UnsafePermissions, OSError.
    """
    data, fd = read(path)
    try:
        mode = os.fstat(fd).st_mode & 0o777
    finally:
        os.close(fd)
    if mode & 0o077:
        raise UnsafePermissions(f"{path} can be read by other users (mode {mode:o})", hint=f"run: chmod 600 {path}")
    return data
