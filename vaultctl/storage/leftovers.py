"""Temporary files `<name>.<pid>.tmp` that killed processes left beside what they were about to write."""

import os
import time
from contextlib import suppress

_YOUNG_S = 60.0
"""A file so young may be of a process that cannot be seen from here: in another container, say."""

_NOBODYS_S = 3600.0
"""Nobody writes for so long; the number may be another process's by now."""


def temporary(path: str) -> str:
    """Give the name under which this process writes a file before it is put in its place."""
    return f"{path}.{os.getpid()}.tmp"


def sweep(path: str, *, young_s: float = _YOUNG_S) -> None:
    """Remove what killed processes left of a file, as far as that can be done; what is younger than this stays."""
    folder, name = os.path.split(path)
    with suppress(OSError):
        for found in os.listdir(folder or "."):
            pid = found.removeprefix(f"{name}.").removesuffix(".tmp")
            if found == f"{name}.{pid}.tmp" and pid.isascii() and pid.isdecimal():
                _remove_if_nobodys(os.path.join(folder, found), int(pid), young_s)


def _remove_if_nobodys(path: str, pid: int, young_s: float) -> None:
    with suppress(OSError):
        status = os.lstat(path)
        age_s = time.time() - status.st_mtime
        if status.st_uid == os.geteuid() and (age_s > _NOBODYS_S or (age_s >= young_s and not _is_alive(pid))):
            os.unlink(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True
