"""Secrets of kv version 2 as time goes by."""

import pytest
from support.clock import SECOND_NS, Clock
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.logical.errors import InvalidRequest, NotFound, WrongContentType
from vaultctl.logical.request import MERGE_PATCH, Operation, Request
from vaultctl.storage.memory import Memory


@pytest.fixture
def clock() -> Clock:
    """The clock of the core."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core over a state in memory."""
    return make_core(Memory(), now_ns=clock)


def ask(core: Core, operation: Operation, path: str, **data: object) -> object:
    """Ask with the root token; give the data of the answer."""
    return core.handle(Request(operation, path, data=data, token=ROOT_TOKEN, content_type=MERGE_PATCH)).data


def write(core: Core) -> None:
    """Write a secret."""
    ask(core, Operation.UPDATE, "secret/data/a", data={"key": "value"})


def is_there(core: Core) -> bool:
    """Tell whether the secret can be read."""
    try:
        ask(core, Operation.READ, "secret/data/a")
    except NotFound:
        return False
    return True


@pytest.mark.parametrize("begun_ns", [0, 1, 500_000_000, 120_000_000, 999_999_999])
@pytest.mark.parametrize("past_ns", [0, 1, 3_000_000, 999_999_999])
def test_a_version_lives_as_long_as_the_mount_says(core: Core, clock: Clock, begun_ns: int, past_ns: int):
    """A version is there to the last nanosecond of its life, and not after it."""
    clock.now_ns += begun_ns
    ask(core, Operation.UPDATE, "secret/config", delete_version_after="10s")
    write(core)
    clock.now_ns += 10 * SECOND_NS - 1
    assert is_there(core)
    clock.now_ns += 1 + past_ns
    assert not is_there(core)


def test_a_version_that_is_brought_back_lives_as_long_again(core: Core, clock: Clock):
    """An undelete begins the life of a version anew."""
    ask(core, Operation.UPDATE, "secret/config", delete_version_after="10s")
    write(core)
    clock.now_ns += 60 * SECOND_NS
    ask(core, Operation.UPDATE, "secret/undelete/a", versions=[1])
    clock.now_ns += 9 * SECOND_NS
    assert is_there(core)
    clock.now_ns += 1 * SECOND_NS
    assert not is_there(core)


def test_a_new_setting_leaves_older_versions_as_they_are(core: Core, clock: Clock):
    """A version lives as long as was said when it was made."""
    write(core)
    ask(core, Operation.UPDATE, "secret/config", delete_version_after="1s")
    clock.now_ns += 60 * SECOND_NS
    assert is_there(core)


def test_a_deleted_version_keeps_its_data_and_a_destroyed_one_does_not(core: Core):
    """Only what is destroyed is no longer stored."""
    write(core)
    ask(core, Operation.DELETE, "secret/data/a")
    with core.state.reader() as view:
        assert sum("/versions/a/" in name for name in view.below("logical/")) == 1
    ask(core, Operation.UPDATE, "secret/destroy/a", versions=[1])
    with core.state.reader() as view:
        assert sum("/versions/a/" in name for name in view.below("logical/")) == 0


def test_versions_that_are_too_many_are_not_stored(core: Core):
    """The data of a version that is no longer kept is gone from the state."""
    ask(core, Operation.UPDATE, "secret/config", max_versions=2)
    for _ in range(5):
        write(core)
    with core.state.reader() as view:
        assert [name.rpartition("/")[2] for name in view.below("logical/") if "/versions/a/" in name] == ["4", "5"]


def test_a_record_that_was_written_before_is_read(core: Core):
    """A record as the first release wrote it has all that is asked of it."""
    write(core)
    with core.sessions.writing() as session:
        prefix = session.mounts.at("secret/").storage_prefix
        session.view.put(
            f"{prefix}metadata/old",
            b'{"created_time": "2026-01-01T00:00:00Z", "updated_time": "2026-01-01T00:00:00Z", "current_version": 1,'
            b' "oldest_version": 0, "versions": {"1": {"created_time": "2026-01-01T00:00:00Z"}}}',
        )
        session.view.put(f"{prefix}versions/old/1", b'{"key": "value"}')
        session.commit()
    assert ask(core, Operation.READ, "secret/data/old")["data"] == {"key": "value"}


@pytest.mark.parametrize(
    ("content_type", "error"),
    [("application/json", WrongContentType), ("text/plain; charset=utf-8", WrongContentType), ("", InvalidRequest)],
)
def test_a_patch_says_how_it_patches(core: Core, content_type: str, error: type[Exception]):
    """A patch of another content type is refused, whatever it is of, and changes nothing."""
    write(core)
    request = Request(
        Operation.PATCH, "secret/data/a", data={"data": {"key": "other"}}, token=ROOT_TOKEN, content_type=content_type
    )
    with pytest.raises(error):
        core.handle(request)
    assert ask(core, Operation.READ, "secret/data/a")["data"] == {"key": "value"}
