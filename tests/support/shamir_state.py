"""A local shamir state: where its key may be kept, and how it is made and unsealed by command lines."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

_MEMORY = Path("/dev/shm")  # what is in memory, on Linux


class Made(NamedTuple):
    """What `operator init` gave."""

    shares: list[str]
    root_token: str


@contextmanager
def runtime_folder() -> Iterator[Path]:
    """Give a folder in memory as a login gives one, and remove it; without such a place the test is left out."""
    if not _MEMORY.is_dir():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("there is no /dev/shm, and no key can be kept")
        pytest.skip("there is no /dev/shm here: what keeps a key without a server is not tested")
    folder = Path(tempfile.mkdtemp(dir=_MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def init(program, *flags: str) -> Made:
    """Make a state by hand; give its shares, in base64, and its root token."""
    ran = program("operator", "init", "-format=json", *flags)
    assert ran.code == 0, ran.err
    made = json.loads(ran.out)
    return Made(made["unseal_keys_b64"] or made["recovery_keys_b64"] or [], made["root_token"])


def unseal(program, made: Made, number: int) -> dict[str, object]:
    """Enter so many shares; give the status that the last one came to."""
    status: dict[str, object] = {}
    for share in made.shares[:number]:
        ran = program("operator", "unseal", "-format=json", share)
        assert ran.code == 0, ran.err
        status = json.loads(ran.out)
    return status
