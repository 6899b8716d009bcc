"""What a killed process left beside the file that it was about to write is removed by a later one."""

import os
import subprocess
import sys
import time

import pytest
from support.runtime import runtime_folder

from vaultctl.connect.runtime import RuntimeFolder
from vaultctl.storage import files

KILLED = """
import os, signal, sys
from vaultctl.connect import token_helper
from vaultctl.storage import files, leftovers

os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
kind, path = sys.argv[1:]
if kind == "helper":
    token_helper.write(path, "a-secret")
files.replace_durably(files.Files(), path, b"a-secret", unlocked=True)
"""


def left_by_the_dead(path, kind):
    """Have a real process killed between the writing of its temporary file and the end; give that file."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, kind, str(path)])
    assert process.wait(60) == -9
    left = path.parent / f"{path.name}.vaultctl-{process.pid}.tmp"
    assert left.read_text() == "a-secret"
    return left


def aged(path, seconds):
    """Have a file be as old as this."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def write(path):
    """Write a file as commands do that have no lock around it."""
    os.close(files.replace_durably(files.Files(), str(path), b"new", unlocked=True))


@pytest.mark.parametrize("kind", ["helper", "file"])
def test_a_later_write_removes_it(tmp_path, kind):
    """After a minute the next write of the same file takes away what the dead left, the token in it with it."""
    path = tmp_path / "token"
    left = left_by_the_dead(path, kind)
    write(path)
    assert left.exists()  # it may be of a process that cannot be seen from here
    aged(left, 120)
    write(path)
    assert sorted(os.listdir(tmp_path)) == ["token"]


def test_what_the_living_write_stays(tmp_path):
    """A file of a process that lives stays; names that are not of this kind are people's own, and so is a link."""
    alive = tmp_path / f"token.vaultctl-{os.getppid()}.tmp"
    others = ["token.tmp", "token.20261120.tmp", "token.vaultctl-x.tmp", "token.vaultctl-1.2.tmp", "no.vaultctl-1.tmp"]
    for name in (alive.name, *others):
        (tmp_path / name).write_text("x")
        aged(tmp_path / name, 7200)
    link = tmp_path / f"token.vaultctl-{10**8}.tmp"
    link.symlink_to(tmp_path / "token.tmp")
    os.utime(link, (0, 0), follow_symlinks=False)
    write(tmp_path / "token")
    assert sorted(os.listdir(tmp_path)) == sorted(["token", alive.name, link.name, *others])


def test_a_number_that_is_no_process(tmp_path):
    """A number that no process can have is one of the dead."""
    left = tmp_path / f"token.vaultctl-{10**30}.tmp"
    left.write_text("x")
    aged(left, 120)
    write(tmp_path / "token")
    assert not left.exists()


def test_what_is_forgotten_leaves_nothing():
    """A key that is removed from the runtime folder is gone with all that the dead left of it, however young."""
    with runtime_folder() as base:
        folder = RuntimeFolder({"XDG_RUNTIME_DIR": str(base)}, 1.0)
        folder.check()
        folder.write("cluster", {"1": "key"})
        left = left_by_the_dead(base / "vaultctl" / "cluster", "file")
        folder.remove("cluster")
        assert not left.exists()
        assert not [name for name in os.listdir(base / "vaultctl") if name.startswith("cluster")]
