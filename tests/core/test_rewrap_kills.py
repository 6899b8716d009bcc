"""Processes that are killed while they rewrap, or rotate a seal's key: the state opens, and the job goes on."""

import random
import shutil
import signal

import pytest
from support import processes
from support.places import ON_DISK, Place
from support.seals import Module, fill_quickly, finish, key_ids, read_all, status
from support.soak import times

from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.connect import connect_local
from vaultctl.connect.maintenance import Maintenance

COUNTS = {"sqlite": 2_000, "json": 9_000, "toml": 9_000}
"""So many entries take some batches."""


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_killed_rewrap_goes_on_where_it_was(tmp_path, kind: str):
    """After each kill the counters are those of the entries under the new key; in the end all are, and all decrypt."""
    place, module, count, chance = Place(kind, tmp_path), Module(tmp_path / "module"), COUNTS[kind], random.Random()
    core = module.make(place.open(), module.generate())
    fill_quickly(core, count)
    for _ in range(times(1, 30)):
        seal = module.generate()
        module.rotate(core, seal)
        core.close()
        for _ in range(times(3, 10)):
            stepper = processes.start("step_a_rewrap", kind, place.path, module.folder)
            for _ in range(chance.randrange(4)):
                processes.hear(stepper)
            processes.kill(stepper)
            core = module.open(place.open())
            told = status(core)
            entries = told["entries"]
            assert (entries["failed"], entries["succeeded"]) == (0, entries["processed"])
            assert key_ids(core).get(seal.key_id, 0) == max(0, entries["processed"] - 1)
            core.close()
        core = module.open(place.open())
        told = finish(core)
        assert (told["entries"]["processed"], told["entries"]["failed"], told["error"]) == (count + 1, 0, "")
        assert key_ids(core) == {seal.key_id: count}
    assert read_all(core, 50) == [f"secret {number}" for number in range(50)]
    with core.state.reader() as view:
        assert view.header.seal == seal.describe()
        assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []
    core.close()


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_rotation_that_is_killed_at_any_call_leaves_a_state_that_opens(tmp_path, kind: str):
    """Wherever a rotation is cut short, every secret can be read, and the next one ends well with one key file."""
    made = tmp_path / "made"
    write(made, kind)
    calls = int(rotate(copy_of(made, tmp_path / "whole"), 0, kind)[1][-1])
    assert calls > 10
    for last in range(1, calls + 1, times(3, 1)):
        data = copy_of(made, tmp_path / f"killed-{last}")
        assert rotate(data, last, kind)[0] == -signal.SIGKILL
        assert read(data, kind) == "value"
        maintenance = Maintenance(environ(data, kind), tell=print)
        connection = connect_local(environ(data, kind), makes=False)
        while connection.advance(60):
            pass
        rotated = maintenance.rotate_seal_key()
        while connection.advance(60):
            pass
        maintenance.settle_seal_keys(removes=True)
        assert maintenance.check().problems == []
        maintenance.close()
        connection.close()
        assert read(data, kind) == "value"
        assert [path.name for path in data.glob("seal.key*") if not path.name.endswith(".lock")] == ["seal.key"]
        assert rotated.old != rotated.new


def environ(data, kind: str) -> dict[str, str]:
    """Say which state is meant."""
    return {"VAULTCTL_DATA_DIR": str(data), "VAULTCTL_STORAGE": kind}


def write(data, kind: str) -> None:
    """Make a state with a secret on a seal-wrapped mount."""
    connection = connect_local(environ(data, kind))
    client = Client(connection, token=connection.token)
    client.call("POST", "sys/mounts/w", {"type": "kv", "seal_wrap": True})
    client.call("POST", "w/a", {"key": "value"})
    connection.close()


def read(data, kind: str) -> str:
    """Read it, as a new process does."""
    connection = connect_local(environ(data, kind), makes=False)
    try:
        place = kv.locate(Client(connection, token=connection.token), "w/a")
        return str(kv.get(Client(connection, token=connection.token), place).data["key"])
    finally:
        connection.close()


def copy_of(made, data):
    """Give a data folder of its own."""
    shutil.copytree(made, data)
    data.chmod(0o700)
    return data


def rotate(data, last: int, kind: str) -> tuple[int, list[str]]:
    """Rotate the key in another process, which dies at this call."""
    return processes.end(processes.start("rotate_seal_key", "-", data, last, kind))
