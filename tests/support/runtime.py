"""A runtime folder for tests: in memory and its owner's alone, as XDG_RUNTIME_DIR is on a desktop."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def runtime_folder() -> Iterator[str]:
    """Make a folder in memory, and remove it with all that is in it."""
    folder = tempfile.mkdtemp(prefix="vaultctl-test-", dir="/dev/shm")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
