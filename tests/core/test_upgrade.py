"""A mount of kv version 1 that becomes one of version 2, in steps that may end with their process."""

import random

import pytest
from support import processes
from support.places import ON_DISK, Place
from support.soak import times
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.client import kv
from vaultctl.client.client import Client
from vaultctl.core import jobs
from vaultctl.core.core import Core
from vaultctl.core.system.upgrade import BATCH
from vaultctl.crypto.barrier import SEALED
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

COUNT = 3 * BATCH + 7
UPGRADING = "Upgrading from non-versioned to versioned data"


@pytest.fixture
def core() -> Core:
    """A core whose requests have no time left for jobs, over a mount of version 1 with many secrets at `k/`."""
    return fill(make_core(Memory(), monotonic_s=iter(range(10**9)).__next__))


def fill(core: Core, **mount: object) -> Core:
    """Enable a mount at `k/`, and store secrets in it."""
    ask(core, Operation.UPDATE, "sys/mounts/k", type="kv", **mount)
    with core.sessions.writing() as session:
        prefix = session.mounts.at("k/").storage_prefix
        for number in range(COUNT):
            session.view.put(f"{prefix}data/folder {number % 3}/{number}", b'{"number": %d}' % number)
        session.commit()
    return core


def ask(core: Core, operation: Operation, path: str, **data: object) -> object:
    """Ask with the root token; give the data of the answer."""
    return core.handle(Request(operation, path, data=data, token=ROOT_TOKEN)).data


def tune(core: Core) -> None:
    """Begin the upgrade."""
    ask(core, Operation.UPDATE, "sys/mounts/k/tune", options={"version": "2"})


def finish(core: Core) -> list[jobs.Job]:
    """Step all jobs to their end, and give their history."""
    while core.advance(60):
        pass
    with core.state.reader() as view:
        return jobs.history(view)


def check(core: Core, mount: str = "k") -> None:
    """Every secret is the first version of itself, and nothing of version 1 is left."""
    for number in range(0, COUNT, 97):
        read = ask(core, Operation.READ, f"{mount}/data/folder {number % 3}/{number}")
        assert (read["data"], read["metadata"]["version"]) == ({"number": number}, 1)
    assert len(ask(core, Operation.SCAN, f"{mount}/metadata")["keys"]) == COUNT
    with core.sessions.reading() as session:
        prefix = session.mounts.at(f"{mount}/").storage_prefix
        kinds = [name[len(prefix) :].partition("/")[0] for name in session.view.below(prefix)]
    assert (len(kinds), set(kinds)) == (2 * COUNT, {"metadata", "versions"})


def test_all_secrets_are_first_versions_afterwards(core: Core):
    """The job counts all secrets, ends with success, and leaves each as its own first version."""
    tune(core)
    (job,) = finish(core)
    assert (job.kind, job.status, job.done, job.total) == ("upgrade", jobs.SUCCESS, COUNT, COUNT)
    check(core)


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.READ, "k/data/folder 0/0"),
        (Operation.UPDATE, "k/data/new"),
        (Operation.LIST, "k/metadata"),
        (Operation.READ, "k/config"),
    ],
)
def test_a_mount_that_is_being_upgraded_says_so(core: Core, operation: Operation, path: str):
    """Until the last entry is converted, requests are refused with words that say to come back."""
    tune(core)
    with pytest.raises(InvalidRequest, match=UPGRADING):
        core.handle(Request(operation, path, data={"data": {"a": 1}}, token=ROOT_TOKEN))


def test_a_small_mount_is_upgraded_when_the_tune_answers():
    """A mount whose upgrade takes no time answers at once."""
    core = make_core(Memory())
    ask(core, Operation.UPDATE, "sys/mounts/k", type="kv")
    ask(core, Operation.UPDATE, "k/a", key="value")
    tune(core)
    assert ask(core, Operation.READ, "k/data/a")["data"] == {"key": "value"}


def test_another_process_goes_on(core: Core):
    """What one process began another one ends."""
    tune(core)
    other = open_core(core.state.backend)
    finish(other)
    check(other)


def test_a_mount_is_moved_while_it_is_upgraded(core: Core):
    """A move and an upgrade of the same mount both end well."""
    tune(core)
    ask(core, Operation.UPDATE, "sys/remount", **{"from": "k", "to": "moved"})
    assert [job.status for job in finish(core)] == [jobs.SUCCESS, jobs.SUCCESS]
    check(core, "moved")


def test_a_mount_is_disabled_while_it_is_upgraded(core: Core):
    """The upgrade of a mount that is gone ends, says why, and leaves nothing."""
    tune(core)
    ask(core, Operation.DELETE, "sys/mounts/k")
    (job,) = finish(core)
    assert (job.status, job.error) == (jobs.FAILURE, "the mount is gone")


def test_data_that_the_seal_wraps_stays_wrapped():
    """On a seal-wrapped mount the versions are under the seal as the secrets were."""
    core = fill(make_core(Memory()), seal_wrap=True)
    tune(core)
    finish(core)
    with core.state.reader() as view:
        versions = [name for name in view.below("logical/") if "/versions/" in name]
        assert {view.snapshot.get(name)[0] for name in versions} == {SEALED}


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_killed_upgrade_goes_on_where_it_was(tmp_path, kind: str):
    """However often the process is killed that converts a mount, each secret is there in the end, and once."""
    place, chance = Place(kind, tmp_path), random.Random()
    core = fill(make_core(place.open(), monotonic_s=iter(range(10**9)).__next__))
    tune(core)
    core.close()
    for _ in range(times(3, 30)):
        stepper = processes.start("step_jobs", kind, place.path)
        for _ in range(chance.randrange(3)):
            processes.hear(stepper)
        processes.kill(stepper)
    core = open_core(place.open())
    assert finish(core)[0].status == jobs.SUCCESS
    check(core)
    core.close()


@pytest.mark.parametrize("ask_for", [kv.get, kv.list_keys, kv.scan])
def test_who_found_the_mount_before_its_upgrade_asks_again(core, ask_for):
    """A mount that is upgraded between the two requests of a command gives what it holds, and not nothing."""
    client = Client(core, token=ROOT_TOKEN)
    path = "k/folder 1/1" if ask_for is kv.get else "k/folder 1"
    before = kv.locate(client, path)
    tune(core)
    finish(core)
    found = iter([before, kv.locate(client, path)])
    place, answer = kv.ask_there(lambda: next(found), lambda place: ask_for(client, place))
    data = answer.data["data"] if ask_for is kv.get else answer.data["keys"]
    assert (place.version, bool(data)) == (2, True)
