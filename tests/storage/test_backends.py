"""What every backend does alike, seen from the level of entries and commits."""

import json
import os
import shutil
import tempfile
import tomllib
from pathlib import Path

import pytest
from support import processes
from support.places import NEW, ON_DISK, Place, entries
from support.states import make_state, write

from vaultctl.crypto.barrier import Barrier
from vaultctl.logical.errors import NoState, StateLocked
from vaultctl.storage.header import Commit, next_header
from vaultctl.storage.overlay import Overlay

STRANGE = [
    'core/a"quote',
    'core/a" = "b',
    'core/a":"b',
    "core/a\\backslash\\",
    "core/a\\u0041",
    "core/tab\tnewline\nreturn\rend",
    "core/\x01\x1f",
    "core/del\x7f",
    "core/c1\x80\x9f",
    "core/ü/ß",
    "core/\u2028\ufeff\uffff",
    "core/😀",
    "core/ space ",
    "core/a!b",
    "core/a/b",
    "core/a",
    "core//double",
    "core/[entries]",
    "core/\n[entries]\n",
    'core/\n[integrity]\nmac = "',
    "core/'single'#comment",
    "vaultctl/",
    "mac/",
]


OWNER = os.geteuid() or 65534
"""Somebody whom a folder's mode binds, as it does not bind root."""


@pytest.fixture
def owned_folder():
    """A folder that its owner can get at, whoever that is."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


class Enough(Exception):
    """Raised in the middle of something."""


class Tired(Barrier):
    """Keys that fail at the last step of a commit."""

    def mac(self, data: bytes, /) -> bytes:
        raise Enough


def test_a_place_without_a_state_has_none_to_read(place: Place):
    """A reader of a place where nothing was committed gets NoState."""
    with pytest.raises(NoState), place.open().reader():
        pass


def test_a_state_does_not_exist_before_its_first_commit(place: Place):
    """A writer that ends without a commit leaves no state."""
    with place.open().writer() as writer:
        assert writer.snapshot is None
    assert place.open().exists() is False


def test_a_writer_that_commits_nothing_leaves_no_file(disk_place: Place):
    """Where no state was made, nothing is left that looks like one."""
    with disk_place.open().writer():
        pass
    assert {name for name in _names(disk_place.folder) if not name.endswith(".lock")} == set()


def test_a_state_exists_from_its_first_commit(place: Place):
    """After a commit the state is there, also for another backend."""
    place.commit({})
    assert place.open().exists() is True


def test_a_committed_entry_is_read(place: Place):
    """What was committed is what is read."""
    place.commit({"core/a/1": b"one"})
    with place.open().reader() as snapshot:
        assert snapshot.get("core/a/1") == b"one"


def test_an_entry_that_is_not_there_is_none(place: Place):
    """A name that was never stored reads as None, before, between and behind the names that were."""
    place.commit({"core/b": b"", "core/d": b""})
    with place.open().reader() as snapshot:
        assert [snapshot.get(name) for name in ("core/a", "core/c", "core/e", "core/", "")] == [None] * 5


def test_a_commit_changes_only_what_it_names(place: Place):
    """Entries that a commit replaces, removes and adds are changed, and all others stay."""
    place.commit({"core/a": b"a", "core/b": b"b", "core/c": b"c", "core/d": b"d"})
    place.commit({"core/0": b"first", "core/b": None, "core/c": b"C", "core/e": b"last"})
    expected = {"core/0": b"first", "core/a": b"a", "core/c": b"C", "core/d": b"d", "core/e": b"last"}
    assert place.read() == expected


def test_removing_what_is_not_there_changes_nothing(place: Place):
    """A commit may name an entry as gone that never was."""
    place.commit({"core/a": b"a"})
    place.commit({"core/0": None, "core/b": None})
    assert place.read() == {"core/a": b"a"}


def test_all_entries_can_go(place: Place):
    """A state may be left without any entry, and take new ones then."""
    place.commit({"core/a": b"a", "core/b": b"b"})
    place.commit({"core/a": None, "core/b": None})
    place.commit({"core/c": b"c"})
    assert place.read() == {"core/c": b"c"}


def test_a_state_may_have_no_entry(place: Place):
    """A state without an entry opens and verifies."""
    place.commit({})
    assert place.read() == {}


@pytest.mark.parametrize("name", STRANGE)
def test_any_name_is_kept(place: Place, name: str):
    """A name with quotes, escapes, control characters or any script reads back under itself."""
    place.commit({name: b"value", "core/n": b"neighbour", "zzz/": b"behind"})
    assert place.read() == dict(sorted({name: b"value", "core/n": b"neighbour", "zzz/": b"behind"}.items()))


def test_strange_names_live_side_by_side(place: Place):
    """Names that look like parts of one another are still different entries."""
    changes = {name: str(index).encode() for index, name in enumerate(STRANGE)}
    place.commit(changes)
    assert place.read() == changes


def test_a_name_is_found_however_often_one_looks(place: Place):
    """The hundredth search in a snapshot finds what the first does, before, between and behind all names too."""
    names = [f"core/{'x' * (number % 7)}{number:03d}" for number in range(150)] + STRANGE
    place.commit({name: name.encode("utf-8", "surrogatepass") for name in names})
    with place.open().reader() as snapshot:
        for _ in range(2):
            assert [snapshot.get(name) for name in names] == [name.encode("utf-8", "surrogatepass") for name in names]
            assert [snapshot.get(name) for name in ("", "core/0", "core/x!", "~~")] == [None] * 4


def test_names_come_in_byte_order(place: Place):
    """Names sort as their UTF-8 bytes do, whatever the order in which they were committed."""
    place.commit(dict.fromkeys(STRANGE[::2], b""))
    place.commit(dict.fromkeys(STRANGE[1::2], b""))
    with place.open().reader() as snapshot:
        assert list(snapshot.names("")) == sorted(STRANGE, key=str.encode)


def test_names_begin_at_the_start_that_is_asked_for(place: Place):
    """A walk gives the start itself, if it is there, and what follows."""
    place.commit({"core/a": b"", "core/b": b"", "core/c": b""})
    with place.open().reader() as snapshot:
        assert list(snapshot.names("core/b")) == ["core/b", "core/c"]
        assert list(snapshot.names("core/aa")) == ["core/b", "core/c"]
        assert list(snapshot.names("core/d")) == []


def test_names_between_two_are_counted(place: Place):
    """A count takes its first name and not its last, whatever was committed before and after the others."""
    place.commit({"core/a": b"", "core/b": b"", "core/c": b"", "core/e": b""})
    place.commit({"core/b": None, "core/d": b"", "core/e": b"again"})
    with place.open().reader() as snapshot:
        assert list(snapshot.names("")) == ["core/a", "core/c", "core/d", "core/e"]
        ends = ("core/a", "core/b", "core/d", "core/dd", "z")
        assert [snapshot.count("core/a", end) for end in ends] == [0, 1, 2, 3, 4]
        assert snapshot.count("core/b", "core/e") == 2
        assert snapshot.count("core/f", "z") == 0


@pytest.mark.parametrize("value", [b"", b"\0", b"\n", bytes(range(256))], ids=["empty", "nul", "newline", "all"])
def test_any_value_is_kept(place: Place, value: bytes):
    """Values are bytes, and any bytes will do, none too."""
    place.commit({"core/a": value})
    assert place.read() == {"core/a": value}


def test_a_large_value_is_kept(place: Place):
    """A value of one MiB reads back whole, with its neighbours."""
    value = os.urandom(1 << 20)
    place.commit({"core/a": b"a", "core/large": value, "core/z": b"z"})
    assert place.read() == {"core/a": b"a", "core/large": value, "core/z": b"z"}


def test_many_commits_add_up(place: Place):
    """A state after many commits is what all of them together say."""
    model: dict[str, bytes] = {}
    backend = place.open()
    for number in range(60):
        added = {f"core/{number * 37 % 100:02d}/{part}": str(number).encode() for part in range(20)}
        gone = list(model)[number % 7 :: 11]
        place.commit({**dict.fromkeys(gone), **added}, backend)
        model = {name: value for name, value in model.items() if name not in gone} | added
    assert place.read() == dict(sorted(model.items()))


def test_a_transaction_that_raises_commits_nothing(place: Place):
    """What was not committed is not there."""
    place.commit({"core/a": b"a"})
    with pytest.raises(Enough):
        _abandon(place)
    assert place.read() == {"core/a": b"a"}


def test_the_lock_is_free_after_an_exception(place: Place):
    """A writer whose body raises lets the next one in."""
    with pytest.raises(Enough):
        _abandon(place)
    place.commit({"core/a": b"a"}, place.open(lock_timeout_s=0))
    assert place.read() == {"core/a": b"a"}


def test_a_commit_that_breaks_off_changes_nothing(disk_place: Place):
    """A commit that raises half-way leaves every entry as it was, and lets the next one in."""
    disk_place.commit({"core/a": b"a", "core/b": b"b"})
    with disk_place.open().writer() as writer, pytest.raises(Enough):
        writer.commit(Commit(NEW, {"core/a": b"A", "core/b": None}), Tired(disk_place.keys.keyring, os.urandom))
    assert disk_place.read() == {"core/a": b"a", "core/b": b"b"}


def test_each_commit_is_a_generation(place: Place):
    """The generation grows by one with each commit."""
    backend = place.open()
    seen = []
    for _ in range(3):
        place.commit({"core/a": b""}, backend)
        with place.open().reader() as snapshot:
            seen.append(snapshot.header.generation)
    assert seen == [1, 2, 3]


def test_a_table_has_the_generation_that_changed_it(place: Place):
    """Each `core/<table>/…` has a version of its own; entries elsewhere have none."""
    place.commit({"core/mounts/1": b"", "core/tokens/1": b"", "logical/x/1": b""})
    place.commit({"core/mounts/1": None, "core/jobs/1": b"", "logical/x/1": b"new"})
    with place.open().reader() as snapshot:
        assert dict(snapshot.header.tables) == {"jobs": 2, "mounts": 2, "tokens": 1}


def test_the_header_is_kept(place: Place):
    """A header reads back as it was committed."""
    header = NEW._replace(
        generation=7,
        tables={"mounts": 3},
        seal={"type": "static", "key_id": 'ü"\\'},
        sealed=True,
        epoch=2,
        encryptions={"1": 5, "2": 9},
    )
    with place.open().writer() as writer:
        writer.commit(Commit(header, {}), place.keys)
    with place.open().reader() as snapshot:
        assert snapshot.header == header


def test_a_reader_keeps_its_generation(place: Place):
    """A snapshot that is open while others commit shows what it showed before."""
    place.commit({"core/a": b"old", "core/gone": b"here"})
    with place.open().reader() as snapshot:
        place.commit({"core/a": b"new", "core/added": b"added", "core/gone": None})
        assert entries(snapshot) == {"core/a": b"old", "core/gone": b"here"}
        assert snapshot.header.generation == 1


def test_a_writer_is_no_hindrance_to_readers(place: Place):
    """While a writer holds the lock, readers get the newest committed generation."""
    place.commit({"core/a": b"a"})
    with place.open().writer():
        assert place.read() == {"core/a": b"a"}


def test_a_backend_sees_the_commits_of_others(place: Place):
    """A backend that read before sees, in its next reader, what another one committed since."""
    mine, other = place.open(), place.open()
    place.commit({"core/a": b"1"}, mine)
    assert place.read(mine) == {"core/a": b"1"}
    place.commit({"core/a": b"2"}, other)
    assert place.read(mine) == {"core/a": b"2"}


def test_a_writer_begins_at_the_newest_generation(place: Place):
    """A backend that wrote before writes over what another one committed since."""
    mine, other = place.open(), place.open()
    place.commit({"core/a": b"1"}, mine)
    place.commit({"core/b": b"2"}, other)
    place.commit({"core/c": b"3"}, mine)
    assert place.read(other) == {"core/a": b"1", "core/b": b"2", "core/c": b"3"}


def test_an_unchanged_state_is_not_read_again(text_place: Place):
    """Two readers of one generation share one snapshot."""
    text_place.commit({"core/a": b"1"})
    backend = text_place.open()
    with backend.reader() as first, backend.reader() as second:
        assert first is second


def test_a_state_that_was_put_in_the_place_of_another_is_read(disk_place: Place):
    """A backend that has a file open sees that another file has its name now."""
    backend = disk_place.open()
    disk_place.commit({"core/a": b"old"}, backend)
    backend.close()
    copy = Path(shutil.copy(disk_place.path, disk_place.folder / "copy"))
    disk_place.commit({"core/a": b"new"}, backend)
    assert disk_place.read(backend) == {"core/a": b"new"}
    _forget_log(disk_place)
    copy.replace(disk_place.path)
    assert disk_place.read(backend) == {"core/a": b"old"}


def test_a_closed_backend_opens_again(place: Place):
    """Closing lets go of files, and no more."""
    backend = place.open()
    place.commit({"core/a": b"a"}, backend)
    backend.close()
    assert place.read(backend) == {"core/a": b"a"}


def test_a_backend_names_itself(place: Place):
    """A backend tells its kind and where it is."""
    backend = place.open()
    assert (backend.kind, backend.location) == (place.kind, "memory" if place.kind == "memory" else str(place.path))


def test_the_files_are_their_owners_alone(disk_place: Place):
    """Nobody else can read any file of a state, nor see into a folder that was made for it."""
    inner = Place(disk_place.kind, disk_place.folder / "deep" / "data")
    backend = inner.open()
    inner.commit({"core/a": b"a"}, backend)
    modes = {path.name: path.stat().st_mode & 0o777 for path in inner.folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert inner.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_state_in_a_read_only_folder_is_read(kind: str, owned_folder: Path):
    """Where nothing can be written a state is read all the same, and a write is refused with a hint."""
    place = Place(kind, owned_folder)
    backend = place.open()
    write(make_state(backend), {"core/test/a": b"value"})
    backend.close()
    for path in [*owned_folder.iterdir(), owned_folder]:
        os.chown(path, OWNER, -1)
    owned_folder.chmod(0o500)
    value, hint = processes.end(processes.start("read_only", kind, place.path))[1]
    assert value == "value"
    assert "point VAULTCTL_DATA_DIR" in hint


def test_a_waiting_writer_is_told_who_holds_the_lock(disk_place: Place):
    """A writer that gives up names the process that holds the lock."""
    disk_place.commit({})
    holder = processes.start("hold_lock", disk_place.kind, disk_place.path)
    assert processes.hear(holder) == "held"
    with pytest.raises(StateLocked, match=f"process {holder.pid} "), disk_place.open(lock_timeout_s=0.05).writer():
        pass
    assert processes.end(holder) == (0, [])


def test_a_long_wait_is_told(disk_place: Place):
    """After a second of waiting the caller is told, once, who holds the lock."""
    disk_place.commit({})
    told: list[str] = []
    holder = processes.start("hold_lock", disk_place.kind, disk_place.path)
    assert processes.hear(holder) == "held"
    backend = disk_place.open(lock_timeout_s=1.2, on_wait=told.append)
    with pytest.raises(StateLocked), backend.writer():
        pass
    processes.end(holder)
    assert [line.split(" (")[0] for line in told] == [f"process {holder.pid}"]


def test_a_dead_holder_leaves_the_lock_free(disk_place: Place):
    """The lock of a process that was killed is free at once."""
    disk_place.commit({"core/a": b"a"})
    holder = processes.start("hold_lock", disk_place.kind, disk_place.path)
    assert processes.hear(holder) == "held"
    processes.kill(holder)
    disk_place.commit({"core/b": b"b"}, disk_place.open(lock_timeout_s=0))
    assert disk_place.read() == {"core/a": b"a", "core/b": b"b"}


def test_a_second_writer_of_one_process_waits_too(disk_place: Place):
    """Within one process the lock holds as well, and says so."""
    disk_place.commit({})
    backend = disk_place.open(lock_timeout_s=0.01)
    with backend.writer(), pytest.raises(StateLocked, match="another thread of this process"), backend.writer():
        pass


def test_a_job_is_locked_once(place: Place):
    """Who asks for a job's lock that somebody holds gets None."""
    place.commit({})
    held = place.open().job_lock("one")
    assert held is not None
    assert place.open().job_lock("one") is None
    held.release()


def test_jobs_are_locked_apart(place: Place):
    """The locks of two jobs do not hinder each other."""
    place.commit({})
    locks = [place.open().job_lock(job) for job in ("one", "two")]
    assert None not in locks
    for lock in locks:
        lock.release()


def test_a_released_job_can_be_taken_again(place: Place):
    """After its release a job's lock is free."""
    place.commit({})
    place.open().job_lock("one").release()
    again = place.open().job_lock("one")
    assert again is not None
    again.release()


def test_a_released_job_leaves_no_file(disk_place: Place):
    """A job's lock file goes with its release."""
    disk_place.commit({})
    before = _names(disk_place.folder)
    disk_place.open().job_lock("one").release()
    assert _names(disk_place.folder) == before


def test_a_dead_owner_leaves_its_job_free(disk_place: Place):
    """The job of a process that was killed can be taken at once, and its lock file goes then."""
    disk_place.commit({})
    before = _names(disk_place.folder)
    owner = processes.start("hold_job_lock", disk_place.kind, disk_place.path, "one")
    assert processes.hear(owner) == "held"
    assert disk_place.open().job_lock("one") is None
    processes.kill(owner)
    lock = disk_place.open().job_lock("one")
    assert lock is not None
    lock.release()
    assert _names(disk_place.folder) == before


def test_a_lock_on_a_file_that_was_removed_is_not_taken(disk_place: Place):
    """Of two who opened a job's lock file, the one that locks it after its removal gets nothing from it."""
    disk_place.commit({})
    first = disk_place.open().job_lock("one")
    lock_file = Path(f"{disk_place.path}.job-one")
    lock_file.unlink()
    second = disk_place.open().job_lock("one")
    assert None not in (first, second)
    first.release()
    assert lock_file.exists() is False
    second.release()


def test_what_was_written_verifies(place: Place):
    """A state that nobody touched passes its checks, after each kind of change."""
    place.commit({"core/a": b"a", "core/b": b"b"})
    place.commit({"core/a": b"A", "core/b": None, "core/c": b"c"})
    with place.open().reader() as snapshot:
        snapshot.verify(place.keys)
        assert snapshot.audit(place.keys) == []


def test_a_json_state_is_json(tmp_path: Path):
    """Any JSON parser reads the file, and finds the header, the entries in order, and the MAC."""
    place = Place("json", tmp_path)
    place.commit(dict.fromkeys(STRANGE, b"value"))
    assert list(json.loads(place.path.read_bytes())) == ["vaultctl", *sorted(STRANGE), "mac"]


def test_a_toml_state_is_toml(tmp_path: Path):
    """Any TOML parser reads the file, and finds the header, the entries in order, and the MAC."""
    place = Place("toml", tmp_path)
    place.commit(dict.fromkeys(STRANGE, b"value"))
    read = tomllib.loads(place.path.read_bytes().decode())
    assert (list(read), list(read["entries"])) == (["vaultctl", "entries", "integrity"], sorted(STRANGE))


def test_an_entry_is_one_line(text_place: Place):
    """A commit that changes one entry of a text file changes that line, the header's and the MAC's."""
    text_place.commit({f"core/{name}": b"same" for name in "abcdef"})
    before = text_place.path.read_bytes().splitlines()
    text_place.commit({"core/c": b"changed"})
    after = text_place.path.read_bytes().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new and b"core/" in new]
    assert len(changed) == 1


def test_a_commit_tells_its_header(place: Place):
    """The next header counts encryptions by term on top of those before."""
    first = next_header(NEW, [], {"1": 2})
    assert dict(next_header(first, [], {"1": 3, "2": 1}).encryptions) == {"1": 5, "2": 1}


def _forget_log(place: Place) -> None:
    """Remove what a database has beside its file, as one does who puts another in its place."""
    for end in ("-wal", "-shm"):
        place.path.with_name(place.path.name + end).unlink(missing_ok=True)


def _abandon(place: Place) -> None:
    with place.open(lock_timeout_s=0).writer() as writer:
        Overlay(writer.snapshot).put("core/a", b"changed")
        raise Enough


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_dead_owners_job_lock_is_swept(disk_place: Place):
    """Whoever takes a job's lock removes the files that killed owners left, and no file that is held."""
    backend, other = disk_place.open(), disk_place.open()
    disk_place.commit({"core/a": b"a"}, backend)
    disk_place.path.with_name(disk_place.path.name + ".job-dead").touch(mode=0o600)
    held = other.job_lock("held")

    backend.job_lock("mine").release()

    assert held is not None
    left = sorted(path.name.partition(".job-")[2] for path in disk_place.folder.iterdir() if ".job-" in path.name)
    assert left == ["held"]
    held.release()


@pytest.mark.parametrize("end", ['":', '":"', '" = ', '" = "', '",', '"}'])
def test_a_name_may_end_like_the_syntax_around_it(place: Place, end: str):
    """A name that looks like what stands between name and value, or behind them, is a name like any other."""
    held = {f"core/a{end}": b"a", f"core/a{end}b": b"b", "core/c": b"c"}
    place.commit(held)
    assert place.read(place.open()) == held
