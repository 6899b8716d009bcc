"""A state that cannot be used as it is: whose it is, who may write it, and what the disk says."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import processes
from support.program import Program, Ran
from support.runtime import runtime_folder
from support.shamir_state import init, unseal

DEEP = '{"vaultctl":' + "[" * 100_000 + '},\n"mac":""}\n'

OWNER = os.geteuid() or 65534
"""Somebody whom a folder's mode binds, as it does not bind root."""

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def anybodys():
    """The program with a data folder that anybody can get at, and nothing in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    program = Program(folder)
    yield program
    program.data.chmod(0o700)
    shutil.rmtree(folder)


@pytest.fixture
def owned(anybodys):
    """The program run by the owner of its data folder."""
    anybodys("kv", "put", "secret/a", "k=v")
    give(anybodys.data, *anybodys.data.iterdir())
    return anybodys


@pytest.fixture
def shamir(anybodys):
    """That program with a runtime folder, on a shamir state, two of whose three shares open it; still ours."""
    with runtime_folder() as runtime:
        anybodys.env |= {"XDG_RUNTIME_DIR": str(runtime), "VAULTCTL_LOCAL": "1"}
        yield anybodys


def give(*paths: Path) -> None:
    """Give files to the owner."""
    for path in paths:
        os.chown(path, OWNER, -1)


def as_owner(program: Program, *args: str) -> Ran:
    """Run a command line as the owner of the data folder."""
    tests = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "support.as_owner", *args],
        check=False,
        capture_output=True,
        text=True,
        cwd=tests,
        env={**program.env, "PYTHONPATH": str(tests)},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_read_only_folder_is_read(owned):
    """In a folder that cannot be written to, reads are answered."""
    owned.data.chmod(0o500)
    assert as_owner(owned, "kv", "get", "-field=k", "secret/a") == (0, "v", "")


def test_a_write_in_a_read_only_folder_is_refused(owned):
    """In a folder that cannot be written to, a write says why it is not done, and what to do."""
    owned.data.chmod(0o500)
    ran = as_owner(owned, "kv", "put", "secret/a", "k=w")
    assert (ran.code, ran.out) == (2, "")
    assert "permission denied" in ran.err
    assert "check who owns the folder, or point VAULTCTL_DATA_DIR at a folder of your own" in ran.err


@pytest.mark.parametrize("storage", ["json", "sqlite"])
def test_a_state_in_a_read_only_folder_is_unsealed(shamir, storage):
    """Shares open a state that cannot be written to, and reads are answered; nothing beside it changes either."""
    shamir.env["VAULTCTL_STORAGE"] = storage
    made = init(shamir, "-key-shares=3", "-key-threshold=2")
    (shamir.data / f"state.{storage}.init").touch(0o600)  # as of a command whose shares nobody may have seen
    lock_up(shamir)
    before = {path.name: path.read_bytes() for path in shamir.data.iterdir()}
    for share, is_sealed in zip(made.shares[:2], ("true", "false"), strict=True):
        ran = as_owner(shamir, "operator", "unseal", share)
        table = [line.split() for line in ran.out.splitlines()]
        assert (ran.code, ran.err, ["Sealed", is_sealed] in table) == (0, "", True)
    shamir.env["VAULT_TOKEN"] = made.root_token
    assert "cubbyhole/" in as_owner(shamir, "secrets", "list").out
    assert {path.name: path.read_bytes() for path in shamir.data.iterdir()} == before


def test_a_mark_in_a_read_only_folder_stays(shamir):
    """A state that was marked as sealed is unsealed only where the mark can be taken away, and the reason is said."""
    made = init(shamir, "-key-shares=3", "-key-threshold=2")
    assert unseal(shamir, made, 2)["sealed"] is False
    assert shamir("operator", "seal", env={"VAULT_TOKEN": made.root_token}).code == 0
    lock_up(shamir)
    assert as_owner(shamir, "operator", "unseal", made.shares[0]).code == 0
    ran = as_owner(shamir, "operator", "unseal", made.shares[1])
    assert (ran.code, ran.out, "permission denied" in ran.err) == (2, "", True)
    assert "Vault is sealed" in as_owner(shamir, "secrets", "list").err


def lock_up(program: Program) -> None:
    """Give the state and the runtime folder to the owner, who cannot write the state."""
    runtime = Path(program.env["XDG_RUNTIME_DIR"])
    shutil.rmtree(runtime / "vaultctl", ignore_errors=True)
    for path in program.data.iterdir():
        path.chmod(0o400)
    give(runtime, program.data, *program.data.iterdir())
    program.data.chmod(0o500)


def test_first_use_in_a_read_only_folder_is_refused(owned):
    """Where no state can be made, the reason is said."""
    for path in owned.data.iterdir():
        path.unlink()
    owned.data.chmod(0o500)
    ran = as_owner(owned, "secrets", "list")
    assert (ran.code, ran.out, "permission denied" in ran.err) == (2, "", True)


@is_root
@pytest.mark.parametrize("name", ["state.json", "seal.key", "."])
def test_what_belongs_to_another_user_is_refused(here, name):
    """A state, key or folder of another user is not used."""
    os.chown(here.data / name, 65534, -1)
    ran = here("kv", "put", "secret/a", "k=v")
    assert (ran.code, "belongs to user id 65534, and this is user id 0" in ran.err) == (2, True)


@pytest.mark.parametrize(("name", "mode"), [("state.json", 0o620), ("state.json", 0o602), (".", 0o770), (".", 0o777)])
def test_what_others_may_write_is_refused(here, name, mode):
    """A state or folder that others may change is not used, and how to mend it is said."""
    (here.data / name).chmod(mode)
    ran = here("kv", "put", "secret/a", "k=v")
    assert (ran.code, "run: chmod go-rwx" in ran.err) == (2, True)


def test_a_folder_that_all_share_is_not_to_be_closed_to_them(fresh):
    """For /tmp and its like the way out is another folder, and not to lock out all others."""
    fresh.data.mkdir()
    fresh.data.chmod(0o1777)
    ran = fresh("secrets", "list")
    assert (ran.code, "chmod" in ran.err, "keep the state in a folder of your own" in ran.err) == (2, False, True)
    assert "(mode 1777)" in ran.err


@is_root
def test_a_folder_that_all_share_and_another_owns_is_left_to_them(fresh):
    """Nobody is told to run as the owner of /tmp."""
    fresh.data.mkdir()
    fresh.data.chmod(0o1777)
    os.chown(fresh.data, 65534, -1)
    ran = fresh("secrets", "list")
    assert (ran.code, "as the owner" in ran.err, "keep the state in a folder of your own" in ran.err) == (
        2,
        False,
        True,
    )


@pytest.mark.parametrize("name", ["seal.key", "root-token", "token"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_or_token_that_others_may_read_is_refused(here, name, mode):
    """A file of secrets must be its owner's alone."""
    (here.data / name).touch()
    (here.data / name).chmod(mode)
    ran = here("secrets", "list")
    assert (ran.code, "run: chmod" in ran.err) == (2, True)


def test_a_data_folder_that_is_a_file_is_refused(fresh):
    """A file where the folder should be is named."""
    fresh.data.write_text("")
    ran = fresh("secrets", "list")
    assert (ran.code, str(fresh.data) in ran.err) == (2, True)


def test_a_state_that_is_a_folder_is_refused(fresh):
    """A folder where the state should be is named."""
    fresh.data.mkdir(0o700)
    (fresh.data / "state.json").mkdir()
    ran = fresh("secrets", "list")
    assert (ran.code, "state.json" in ran.err) == (2, True)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "nothing of the kind", "\0" * 100, DEEP])
def test_a_state_that_is_none_is_refused(here, text):
    """A file with something else in it is no state, and stays as it is."""
    (here.data / "state.json").write_text(text)
    ran = here("secrets", "list")
    assert (ran.code, ran.out, ran.err.startswith("Error: ")) == (2, "", True)
    assert (here.data / "state.json").read_text() == text


def test_a_changed_state_is_refused(here):
    """A state that something else changed is not used, and a way out is named."""
    path = here.data / "state.json"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))
    ran = here("secrets", "list")
    assert (ran.code, "vaultctl operator snapshot restore" in ran.err) == (2, True)


def test_a_full_disk_leaves_the_state_as_it_was(vaultctl):
    """A write that the disk has no room for is refused, and what was there is there."""
    vaultctl("kv", "put", "secret/a", "k=v")
    before = (vaultctl.data / "state.json").read_bytes()
    limit = len(before) + 1000
    ran = vaultctl(
        "kv",
        "put",
        "secret/b",
        "k=-",
        stdin=b"x" * 10_000,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (ran.code, ran.out, ran.err.startswith("Error: cannot write")) == (2, "", True)
    assert (vaultctl.data / "state.json").read_bytes() == before
    assert not (vaultctl.data / "state.json.tmp").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with little room, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@is_root
def test_a_disk_without_room_is_said_to_be_full(vaultctl, small_disk):
    """A write that finds the disk full says so, and that the state is as it was."""
    env = {"VAULTCTL_DATA_DIR": str(small_disk)}
    assert vaultctl("kv", "put", "secret/a", "k=v", env=env).code == 0
    ran = vaultctl("kv", "put", "secret/b", "k=-", stdin=b"x" * 60_000, env=env)
    assert (ran.code, "no space left on device" in ran.err, "free some space on that disk" in ran.err) == (
        2,
        True,
        True,
    )
    assert vaultctl("kv", "get", "-field=k", "secret/a", env=env).out == "v"
    assert vaultctl("kv", "put", "secret/a", "k=w", env=env).code == 0


@pytest.fixture
def lock_holder(here):
    """Another process that holds the lock on the state."""
    holder = processes.start("hold_lock", "json", here.data / "state.json")
    assert processes.hear(holder) == "held"
    yield holder
    processes.end(holder)


def test_a_lock_that_is_held_is_told_with_its_holder(here, lock_holder):
    """A write that does not get the lock in time names who has it."""
    ran = here("kv", "put", "secret/a", "k=v", "-lock-timeout=50ms")
    assert (ran.code, ran.out) == (2, "")
    assert f"the state is locked by process {lock_holder.pid} (children.py)" in ran.err
    assert "allow more time with -lock-timeout" in ran.err


def test_the_config_file_may_say_how_long_to_wait(here, lock_holder):
    """The time to wait for the lock is a setting too."""
    (here.home / "config.toml").write_text("lock_timeout = 0.05\n")
    ran = here("kv", "put", "secret/a", "k=v", env={"VAULTCTL_CONFIG": "config.toml"})
    assert (ran.code, "still was after 0.05 s" in ran.err) == (2, True)


def test_reads_need_no_lock(here, lock_holder):
    """A read is answered while another process writes."""
    assert here("secrets", "list", "-lock-timeout=0s").code == 0


@pytest.mark.parametrize("name", ["state.json", "seal.key", "root-token"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(vaultctl, name):
    """A named pipe where a file should be is told of, and nobody has to write to it first."""
    assert vaultctl("secrets", "list").code == 0
    (vaultctl.data / name).unlink()
    os.mkfifo(vaultctl.data / name, 0o600)
    ran = vaultctl("secrets", "list", timeout=60)
    assert (ran.code, "not a regular file" in ran.err) == (2, True)


def test_a_pipe_in_the_place_of_the_lock_is_told_of(vaultctl):
    """Nothing is locked by a pipe."""
    assert vaultctl("secrets", "list").code == 0
    (vaultctl.data / "state.json.lock").unlink(missing_ok=True)
    os.mkfifo(vaultctl.data / "state.json.lock", 0o600)
    ran = vaultctl("kv", "put", "secret/a", "k=v", timeout=60)
    assert (ran.code, "not a regular file" in ran.err) == (2, True)
