"""A runtime folder for tests: in memory and its owner's alone, as a login gives one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")  # what is in memory, on Linux


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """Give a folder in memory, and remove it; without such a place the test is left out."""
    if not _MEMORY.is_dir():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("there is no /dev/shm, and no key can be kept")
        pytest.skip("there is no /dev/shm here: what keeps a key without a server is not tested")
    folder = Path(tempfile.mkdtemp(prefix="vaultctl-test-", dir=_MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
