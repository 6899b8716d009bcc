"""What happens to the state under a running server: it says clearly what is wrong, and goes on when that is mended."""

import json
import os
import resource
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.places import ON_DISK
from support.soak import times


@pytest.fixture
def served(serve, vaultctl):
    """A server over a state of a kind, with a secret in it, that ends in order and without a word too many."""
    servers = []

    def start(storage="json", **env):
        vaultctl.env.update({"VAULTCTL_STORAGE": storage} | env)
        assert vaultctl("kv", "put", "secret/a", "k=v").code == 0
        if not env:
            del vaultctl.env["VAULTCTL_STORAGE"]  # a migration is to be followed
        servers.append(serve(token=vaultctl("print", "token").out.strip()))
        return servers[-1]

    yield start
    for server in servers:
        code, _, err = server.stop()
        assert code == 0
        for word in ("Traceback", "internal error", "Error at "):
            assert word not in err


def put(server, name="a", value="w"):
    """Write a secret."""
    return server.ask("POST", f"secret/data/{name}", json.dumps({"data": {"k": value}}).encode())


def get(server, name="a"):
    """Read a secret's value."""
    return server.ask("GET", f"secret/data/{name}").json["data"]["data"]["k"]


def assert_refused(answer, words):
    """Make sure that an answer is an error as the API has it, of the server's side, that says what is wrong."""
    assert 500 <= answer.status < 600
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["errors"]
    assert words in answer.json["errors"][0]
    for trace in ("Traceback", ".py"):
        assert trace not in answer.body.decode()


def test_a_migration_under_the_server_loses_nothing(served, vaultctl):
    """While the state moves from backend to backend, every write that is answered is there afterwards."""
    server = served()
    stop = threading.Event()

    def write(name):
        last = 0
        while not stop.is_set():
            assert put(server, name, str(last + 1)).status == 200
            last += 1
        return name, str(last)

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, f"w{number}") for number in range(3)]
        try:
            for storage in ["sqlite", "toml", "json"] * times(1, 10):
                done = vaultctl("operator", "migrate", f"-to={storage}")
                assert (done.code, done.err) == (0, "")
                (vaultctl.data / next(_migrated(vaultctl.data))).unlink()
        finally:
            stop.set()
    for writer in writers:
        name, last = writer.result()
        assert int(last) > 0
        assert get(server, name) == last
        assert vaultctl("kv", "get", "-field=k", f"secret/{name}").out == last


def _migrated(folder):
    """Give the names of files that a migration left."""
    return (path.name for path in folder.iterdir() if path.name.endswith(".migrated"))


@pytest.mark.parametrize("storage", ON_DISK)
def test_a_restore_under_the_server_is_what_it_serves_then(served, vaultctl, storage):
    """After a restore the server answers from what was restored."""
    server = served(storage)
    assert vaultctl("operator", "snapshot", "save", "copy").code == 0
    assert (put(server).status, put(server, "b").status) == (200, 200)
    assert vaultctl("operator", "snapshot", "restore", "copy").code == 0
    assert get(server) == "v"
    assert server.ask("GET", "secret/data/b").status == 404
    assert (put(server, "c").status, vaultctl("kv", "get", "-field=k", "secret/c").out) == (200, "w")


@pytest.mark.parametrize("storage", ON_DISK)
def test_a_folder_that_is_gone_is_not_made_again_and_may_come_back(served, vaultctl, storage):
    """Without its folder the server refuses reads and writes, makes nothing, and goes on when it is back."""
    server = served(storage)
    away = vaultctl.home / "away"
    vaultctl.data.rename(away)
    for _ in range(3):
        assert_refused(server.ask("GET", "secret/data/a"), "there is no state at")
        assert_refused(put(server), "there is no state at")
        assert_refused(server.ask("POST", "sys/remount", b'{"from":"secret","to":"b"}'), "there is no state at")
    assert not vaultctl.data.exists()
    away.rename(vaultctl.data)
    assert get(server) == "v"
    assert put(server).status == 200
    assert vaultctl("kv", "get", "-field=k", "secret/a").out == "w"


@pytest.mark.parametrize("storage", ON_DISK)
def test_a_disk_that_takes_no_more(served, vaultctl, storage):
    """A write that the disk does not take is refused and not there; reads go on, and writes when there is room."""
    server = served(storage)
    pid, (_, hard) = server.process.pid, resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in vaultctl.data.iterdir())
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest + 1_000, hard))
    for number in range(3):
        assert_refused(put(server, f"no-{number}", "x" * 200_000), "cannot")
        assert get(server) == "v"
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert put(server, "b", "x" * 200_000).status == 200
    names = server.ask("LIST", "secret/metadata").json["data"]["keys"]
    assert names == ["a", "b"]
    assert vaultctl("operator", "check").code == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "none", folder]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def _fill(folder):
    """Leave no room on a disk."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4096):
                pass
        except OSError:
            return


def _empty(folder):
    (folder / "filler").unlink()


def _read_only(folder):
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def _writable(folder):
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


FULL, READ_ONLY = (_fill, _empty), (_read_only, _writable)
# A file system on which a file is open for writing, as a database is, cannot be made read-only.
DISKS = [*((storage, FULL) for storage in ON_DISK), ("json", READ_ONLY), ("toml", READ_ONLY)]


@pytest.mark.parametrize(("storage", "trouble"), DISKS)
def test_a_disk_that_is_full_or_read_only(served, vaultctl, small_disk, storage, trouble):
    """A real disk without room, or that cannot be written to: reads go on, writes are refused, until it is mended."""
    spoil, mend = trouble
    vaultctl.data = small_disk / "state"
    server = served(storage, VAULTCTL_DATA_DIR=str(vaultctl.data))
    spoil(small_disk)
    for _ in range(3):
        assert_refused(put(server, "b", "x" * 20_000), "")
        assert get(server) == "v"
    mend(small_disk)
    assert put(server, "b", "x" * 20_000).status == 200
    assert vaultctl("operator", "check").code == 0
    assert vaultctl("kv", "get", "-field=k", "secret/b").out == "x" * 20_000
