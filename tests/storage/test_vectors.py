"""States that earlier versions wrote are read by this one. tests/vectors/README.md tells what they hold."""

import os
import shutil
from pathlib import Path

import pytest
from support.places import ON_DISK, open_backend

from vaultctl.core.core import Core
from vaultctl.core.state import State, check_key_id
from vaultctl.crypto.barrier import SEALED
from vaultctl.crypto.seals.static import StaticSeal, read_key
from vaultctl.logical.errors import NoRoute
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.header import FORMAT

VECTORS = Path(__file__).parent.parent / "vectors"
TOKEN = "s.VectorRootTokenOfFormat1"
WRITTEN = [path.name for kind in ON_DISK for path in sorted(VECTORS.glob(f"state-*.{kind}"))]


@pytest.fixture(params=WRITTEN)
def core(request, tmp_path):
    """A core over a copy of each vector."""
    path = Path(shutil.copyfile(VECTORS / request.param, tmp_path / request.param))
    path.chmod(0o600)
    key = read_key((VECTORS / "seal.key").read_bytes(), "the vector")

    def seal_for(header):
        seal = StaticSeal(key, os.urandom)
        check_key_id(header, seal.key_id, "the vector")
        return seal

    backend = open_backend(path.suffix[1:], str(path))
    core = Core(State(backend, seal_for, random=os.urandom, now=lambda: "2026-02-02T00:00:00Z"))
    yield core
    core.close()


def test_each_format_has_its_vectors():
    """There is a vector of every format and backend."""
    assert sorted(WRITTEN) == sorted(f"state-{number}.{kind}" for number in range(1, FORMAT + 1) for kind in ON_DISK)


def test_a_vector_is_whole(core: Core):
    """A vector passes its audit."""
    with core.state.reader() as view:
        assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []


def test_a_vector_has_its_header(core: Core):
    """The header tells which state this is, and how often it was written."""
    with core.state.reader() as view:
        header = view.header
    assert (header.cluster_id, header.created) == ("f0f0f0f0-0000-4000-8000-000000000001", "2026-01-01T00:00:00Z")
    assert (header.generation, header.sealed, header.epoch, sorted(header.encryptions)) == (10, False, 0, ["1", "2"])


@pytest.mark.parametrize(
    ("version", "expected"),
    [(1, {"user": "first", "password": "one"}), (2, {"user": "sécond ☃", "password": "two"})],
)
def test_both_versions_of_a_secret_are_read(core: Core, version: int, expected: dict[str, str]):
    """Each version of the secret is read, under the keyring term that it was written with."""
    read = core.handle(Request(Operation.READ, "secret/data/app", query={"version": str(version)}, token=TOKEN))
    assert read.data["data"] == expected


def test_the_moved_mount_serves_its_data(core: Core):
    """What was stored before the move is read at the new path, and nothing is at the old one."""
    assert _read(core, "new/place/deep/er") == {"key": "value", "number": 7}
    with pytest.raises(NoRoute):
        _read(core, "old/deep/er")


def test_the_move_is_in_the_history(core: Core):
    """The move that was made is listed with its paths and its end."""
    listed = core.handle(Request(Operation.LIST, "sys/remount/status", token=TOKEN)).data
    (info,) = listed["key_info"].values()
    assert (info["source_mount"], info["target_mount"], info["status"]) == ("old/", "new/place/", "success")


def test_the_mounts_are_there(core: Core):
    """Each mount has its type, and what was set on it."""
    mounts = _read(core, "sys/mounts")
    assert {path: mount["type"] for path, mount in mounts.items()} == {
        "cubbyhole/": "cubbyhole",
        "identity/": "identity",
        "new/place/": "kv",
        "secret/": "kv",
        "sys/": "system",
        "wrapped/": "kv",
    }
    moved = mounts["new/place/"]
    assert (moved["description"], moved["config"]["max_lease_ttl"]) == ("what was moved", 3600)
    assert (mounts["wrapped/"]["seal_wrap"], mounts["secret/"]["options"]) == (True, {"version": "2"})


def test_a_seal_wrapped_value_is_read(core: Core):
    """What the seal encrypted is read, and lies there as such."""
    assert _read(core, "wrapped/it") == {"key": "under the seal"}
    with core.state.reader() as view:
        (name,) = [name for name in view.below("logical/") if name.endswith("/data/it")]
        assert view.snapshot.get(name)[0] == SEALED


def test_a_vector_can_be_written(core: Core):
    """A state of an earlier version takes new data, and keeps the old."""
    data = {"data": {"user": "third"}}
    core.handle(Request(Operation.UPDATE, "secret/data/app", data=data, token=TOKEN))
    assert _read(core, "secret/data/app")["data"] == {"user": "third"}
    assert _read(core, "new/place/deep/er") == {"key": "value", "number": 7}


def _read(core: Core, path: str):
    return core.handle(Request(Operation.READ, path, token=TOKEN)).data
