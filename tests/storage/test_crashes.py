"""What a loss of power, or a disk that refuses, leaves of a state: at every call, before it and after it."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from support import processes
from support.disk import REFUSALS, CrashNow, Disk, become, look
from support.places import Place
from support.states import SEAL_KEY, initialise, make_state, open_state, values, write

from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import StateUnavailable
from vaultctl.storage import files
from vaultctl.storage.sqlite import Sqlite

OLD = {"core/test/a": b"old", "core/test/b": b"b", "core/test/gone": b"gone"}
CHANGES = {"core/test/a": b"new", "core/test/gone": None, "core/test/made": b"made"}
NEW = {"core/test/a": b"new", "core/test/b": b"b", "core/test/made": b"made"}


class Outcome:
    """A folder after a commit that crashed, or went through: each world that may be found there."""

    def __init__(self, place: Place, disk: Disk, *, answered: bool) -> None:
        self.place = place
        self.answered = answered
        self.calls = disk.calls
        self.worlds = list(disk.worlds())

    def __repr__(self) -> str:
        return f"crash at {self.calls}"


@pytest.fixture(params=[True, False], ids=["before", "after"])
def before(request) -> bool:
    """Whether the power goes before the call or after it."""
    return request.param


def test_a_crash_leaves_the_old_state_or_the_new_one(text_place: Place, before: bool):
    """Wherever a commit breaks off, the state opens and is as before, or as after; after an answer it is as after."""
    for outcome in _crashes(text_place, before):
        for world in outcome.worlds:
            become(outcome.place.folder, world)
            expected = [NEW] if outcome.answered else [OLD, NEW]
            assert values(open_state(outcome.place.open())) in expected, outcome


def test_no_temporary_file_outlives_the_next_write(text_place: Place, before: bool):
    """After a crash the next write goes through, and leaves the state and nothing else."""
    for outcome in _crashes(text_place, before):
        for world in outcome.worlds:
            become(outcome.place.folder, world)
            write(open_state(outcome.place.open()), {"core/test/next": b"next"})
            assert list(look(outcome.place.folder)) == [outcome.place.path.name], outcome


def test_a_crash_after_a_crash_is_no_worse(text_place: Place, before: bool):
    """A write that breaks off over what another one left behind leaves the old state, or its own."""
    text_place.folder.mkdir(exist_ok=True)
    for outcome in _crashes(text_place, before, left_behind=b'{"vaultctl":'):
        for world in outcome.worlds:
            become(outcome.place.folder, world)
            expected = [NEW] if outcome.answered else [OLD, NEW]
            assert values(open_state(outcome.place.open())) in expected, outcome


def test_a_crash_at_first_use_can_be_repeated(disk_place: Place, before: bool):
    """Wherever the first use breaks off, the next one finds a state, or makes it; a key that is there is whole."""
    for number in count(1):
        place = Place(disk_place.kind, disk_place.folder / str(number))
        disk = Disk(place.folder, crash_at=number, before=before)
        if _survives(lambda place=place, disk=disk: _first_use(place, disk)):
            break
        for world in list(disk.worlds()):
            become(place.folder, world)
            assert world.get("seal.key") in (None, SEAL_KEY), disk.calls
            _first_use(place, files.Files())
            assert values(open_state(place.open())) == OLD, disk.calls
            assert [name for name in look(place.folder) if name.endswith(".tmp")] == [], disk.calls


def test_what_the_first_use_answered_is_on_the_disk(text_place: Place):
    """After the first use the key and the state outlive a loss of power."""
    disk = Disk(text_place.folder)
    _first_use(text_place, disk)
    for world in list(disk.worlds()):
        become(text_place.folder, world)
        assert world["seal.key"] == SEAL_KEY
        assert values(open_state(text_place.open())) == OLD


def test_the_disk_of_these_tests_finds_a_missing_sync(text_place: Place):
    """A commit that does not sync its file loses what it answered, and is seen to."""
    worlds = _careless(text_place, "sync")
    assert text_place.path.read_bytes() in worlds
    assert b"" in worlds


def test_the_disk_of_these_tests_finds_a_missing_sync_of_the_folder(text_place: Place):
    """A commit that does not sync its folder loses what it answered, and is seen to."""
    write(make_state(text_place.open()), OLD)
    old = text_place.path.read_bytes()
    assert old in _careless(text_place, "sync_folder")


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_commit_changes_nothing(text_place: Place, error: int):
    """Whichever call the system refuses, it is StateUnavailable; the state is as before, and so is the folder."""
    for call, place, caught in _refusals(text_place, error):
        expected = NEW if call == "sync_folder" else OLD
        assert values(open_state(place.open())) == expected, call
        assert list(look(place.folder)) == [place.path.name], call
        assert os.strerror(error).lower() in caught.errors[0], call


@pytest.mark.parametrize("refusal", ["full", "read-only"])
def test_a_refusal_says_what_to_do(text_place: Place, refusal: str):
    """A disk that is full or read-only is met with a hint."""
    hints = {caught.hint for call, _, caught in _refusals(text_place, REFUSALS[refusal]) if call != "sync_folder"}
    expected = {"full": "free some space", "read-only": "mount it for writing"}[refusal]
    assert [expected in hint for hint in hints] == [True]


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_a_change_that_may_not_last_is_told(text_place: Place, error: int):
    """Where only the folder's names could not be brought to the disk, the error says that the change was made."""
    told = [caught for call, _, caught in _refusals(text_place, error) if call == "sync_folder"]
    assert ["the change was made" in caught.hint for caught in told] == [True]


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_a_backend_goes_on_after_a_refusal(text_place: Place, error: int):
    """A process whose commit was refused reads the state as it is, and writes again."""
    for number in count(1):
        place = _prepared(text_place, number)
        disk = Disk(place.folder, fail_at=number, error=error)
        state = open_state(place.open(seam=disk))
        if _commits(state):
            break
        expected = NEW if disk.calls[-1] == "sync_folder" else OLD
        assert values(state) == expected, disk.calls
        write(state, CHANGES)
        assert values(state) == NEW, disk.calls


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_first_use_can_be_repeated(disk_place: Place, error: int):
    """Whichever call the system refuses at first use, the next one makes the state."""
    for number in count(1):
        place = Place(disk_place.kind, disk_place.folder / str(number))
        try:
            _first_use(place, Disk(place.folder, fail_at=number, error=error))
            break
        except (StateUnavailable, OSError):
            _first_use(place, files.Files())
            assert values(open_state(place.open())) == OLD, number


@pytest.mark.parametrize(
    ("limit", "hint"),
    [("PRAGMA max_page_count = 1", "free some space"), ("PRAGMA query_only = ON", "read-only")],
    ids=["full", "read-only"],
)
def test_a_database_that_is_refused_room_is_as_before(tmp_path: Path, limit: str, hint: str):
    """A database that cannot grow, or be written, is StateUnavailable with a hint, and keeps what it had."""

    class Limited(Sqlite):
        """A database to which SQLite itself refuses more."""

        def _connect(self) -> sqlite3.Connection:
            connection = super()._connect()
            connection.execute(limit)
            return connection

    place = _database(tmp_path, OLD)
    with pytest.raises(StateUnavailable) as caught:
        write(open_state(Limited(str(place.path))), {"core/test/a": bytes(1 << 20)})
    assert hint in caught.value.hint
    assert values(open_state(place.open())) == OLD


def test_a_new_file_is_never_put_in_the_place_of_another(tmp_path: Path):
    """A file that was there is neither written over nor removed."""
    path = tmp_path / "seal.key"
    path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        files.write_new(files.Files(), str(path), b"ours")
    assert look(tmp_path) == {"seal.key": b"theirs"}


def test_a_database_survives_a_kill_at_every_statement(tmp_path: Path):
    """A process that is killed at its nth SQL statement leaves the old state; one that ended, the new one."""
    for number in count(1):
        place = _database(tmp_path / str(number), OLD)
        code, _ = processes.end(processes.start("die_at", "sqlite", place.path, number))
        assert values(open_state(place.open())) == (OLD if code else NEW), number
        if code == 0:
            break
        assert code == -signal.SIGKILL
        write(open_state(place.open()), CHANGES)
        assert values(open_state(place.open())) == NEW, number


def test_a_database_survives_a_kill_at_first_use(tmp_path: Path):
    """A process that is killed while it makes a database leaves none or a whole one, and another makes it."""
    for number in count(1):
        place = Place("sqlite", tmp_path / str(number))
        code, _ = processes.end(processes.start("die_at", "sqlite", place.path, number))
        state = open_state(place.open())
        initialise(state)
        assert values(state) in ({}, {name: NEW[name] for name in ("core/test/a", "core/test/made")}), number
        if code == 0:
            break


def _crashes(base: Place, before: bool, left_behind: bytes | None = None) -> Iterator[Outcome]:
    """Commit once for each call that a commit makes, with a crash at that call, and once without."""
    for number in count(1):
        place = _prepared(base, number)
        if left_behind is not None:
            (place.folder / (place.path.name + ".tmp")).write_bytes(left_behind)
        disk = Disk(place.folder, crash_at=number, before=before)
        state = open_state(place.open(seam=disk))
        answered = _survives(lambda state=state: write(state, CHANGES))
        yield Outcome(place, disk, answered=answered)
        if answered:
            return


def _refusals(base: Place, error: int) -> Iterator[tuple[str, Place, StateUnavailable]]:
    """Commit once for each call that a commit makes, and give the call that was refused, and what was said."""
    for number in count(1):
        place = _prepared(base, number)
        disk = Disk(place.folder, fail_at=number, error=error)
        try:
            write(open_state(place.open(seam=disk)), CHANGES)
        except StateUnavailable as caught:
            yield disk.calls[number - 1], place, caught
        else:
            return


def _prepared(base: Place, number: int) -> Place:
    place = Place(base.kind, base.folder / str(number))
    write(make_state(place.open()), OLD)
    return place


def _database(folder: Path, held: dict[str, bytes]) -> Place:
    place = Place("sqlite", folder)
    backend = place.open()
    write(make_state(backend), held)
    backend.close()
    return place


def _first_use(place: Place, seam: files.Files) -> None:
    """Make the key and the state, in this order, as a first command does."""

    def find_seal() -> StaticSeal:
        path = place.folder / "seal.key"
        try:
            files.write_new(seam, str(path), SEAL_KEY)
        except FileExistsError:
            assert path.exists()
        return StaticSeal(path.read_bytes(), os.urandom)

    open_state(place.open(seam=seam)).initialise(
        "a-cluster", find_seal, lambda transaction: [transaction.put(*item) for item in OLD.items()]
    )


def _survives(act) -> bool:
    try:
        act()
    except CrashNow:
        return False
    return True


def _commits(state) -> bool:
    try:
        write(state, CHANGES)
    except StateUnavailable:
        return False
    return True


def _careless(place: Place, forgotten: str) -> list[bytes]:
    """Commit without one of the calls, and give what may be in the file after a loss of power."""

    class Careless(Disk):
        """A disk that says yes to this call, and does not hear it."""

    setattr(Careless, forgotten, lambda _self, _what: None)
    disk = Careless(place.folder)
    state = open_state(place.open(seam=disk))
    initialise(state)
    write(state, CHANGES)
    return [world.get(place.path.name, b"") for world in disk.worlds()]
