"""Temporary files that killed processes left beside what they were about to write.

Their names say whose they are, and are none that people give: `<name>.vaultctl-<pid>.tmp`.
"""

import os
import stat
import time
from contextlib import suppress

_YOUNG_S = 60.0
"""A file so young may be of a process that cannot be seen from here: in another container, say."""

_MARK, _END = ".vaultctl-", ".tmp"


def temporary(path: str) -> str:
    """Give the name under which this process writes a file before it is put in its place."""
    return f"{path}{_MARK}{os.getpid()}{_END}"


def sweep(path: str, *, young_s: float = _YOUNG_S) -> None:
    """Remove what killed processes left of a file, as far as that can be done; what is younger than this stays."""
    folder, name = os.path.split(path)
    with suppress(OSError):
        for found in os.listdir(folder or "."):
            pid = found.removeprefix(name + _MARK).removesuffix(_END)
            if found == f"{name}{_MARK}{pid}{_END}" and pid.isascii() and pid.isdecimal():
                _remove_if_nobodys(os.path.join(folder, found), int(pid), young_s)


def _remove_if_nobodys(path: str, pid: int, young_s: float) -> None:
    with suppress(OSError):
        status = os.lstat(path)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if is_ours and time.time() - status.st_mtime >= young_s and not _is_alive(pid):
            os.unlink(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True
