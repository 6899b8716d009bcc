"""A state that is replaced, renamed or rescued as a whole, whatever its file holds."""

import os
import sqlite3

import pytest
from support.places import NEW, Place, open_backend

from vaultctl.crypto.barrier import Barrier
from vaultctl.crypto.keyring import new_keyring
from vaultctl.logical.errors import NoState, StateUnavailable
from vaultctl.storage.header import Commit, Header
from vaultctl.storage.sqlite import Sqlite

HELD = {"core/a": b"a", "core/b": b"b", "logical/x/y": b"y"}
OTHER = {"core/b": b"B", "core/c": b"c"}


def test_a_whole_commit_is_all_there_is(place: Place):
    """A whole commit leaves nothing of what was there before."""
    place.commit(HELD)
    _replace(place)
    assert place.read() == OTHER
    place.commit({"core/d": b"d"})
    assert place.read() == {**OTHER, "core/d": b"d"}


def test_a_whole_commit_makes_a_state(place: Place):
    """A whole commit needs no state to be there."""
    _replace(place)
    assert place.read() == OTHER


@pytest.mark.parametrize("garbage", [b"", b"garbage\n", bytes(5000), os.urandom(5000)])
def test_a_whole_commit_needs_no_state_that_can_be_read(disk_place: Place, garbage: bytes):
    """A whole commit goes over a file that is no state."""
    disk_place.damage(garbage)
    _replace(disk_place)
    assert disk_place.read() == OTHER


def test_a_whole_commit_is_seen_by_others(place: Place):
    """A backend that has the old state open reads the new one next."""
    backend = place.open()
    place.commit(HELD, backend)
    _replace(place)
    assert place.read(backend) == OTHER


def test_a_retired_state_is_whole_under_its_new_name(disk_place: Place):
    """A state that gave its name away is one file that holds everything, and its place is free."""
    disk_place.commit(HELD)
    backend, name = disk_place.open(), str(disk_place.path) + ".old"
    with backend.locked():
        backend.retire(name)
    assert disk_place.open().exists() is False
    assert disk_place.read(open_backend(disk_place.kind, name)) == HELD


def test_a_state_that_others_have_open_can_be_retired(disk_place: Place):
    """A process that read the state before is no hindrance, and finds none there after that."""
    backend, other, name = disk_place.open(), disk_place.open(), str(disk_place.path) + ".old"
    disk_place.commit(HELD, backend)
    assert disk_place.read(other) == HELD
    with backend.locked():
        backend.retire(name)
    assert other.exists() is False
    other.close()
    assert disk_place.read(open_backend(disk_place.kind, name)) == HELD


def test_a_place_can_be_used_again(disk_place: Place):
    """Where a state was retired another one can be made, and nothing of the first is in it."""
    backend, other, name = disk_place.open(), disk_place.open(), str(disk_place.path) + ".old"
    disk_place.commit(HELD, backend)
    assert disk_place.read(other) == HELD
    with backend.locked():
        backend.retire(name)
    disk_place.commit(OTHER)
    assert disk_place.read(other) == OTHER
    assert disk_place.read(open_backend(disk_place.kind, name)) == HELD


def test_a_database_that_is_being_read_is_not_retired(tmp_path):
    """While another process is in the middle of reading, the database keeps its name, and nothing is lost."""

    class Hasty(Sqlite):
        """A database that waits for nobody."""

        def _connect(self) -> sqlite3.Connection:
            connection = super()._connect()
            connection.execute("PRAGMA busy_timeout = 0")
            return connection

    place = Place("sqlite", tmp_path)
    place.commit({"core/a": b"a"})
    backend = Hasty(str(place.path))
    with place.open().reader():
        place.commit(HELD, backend)
        with backend.locked(), pytest.raises(StateUnavailable, match="is being read by another process"):
            backend.retire(str(place.path) + ".old")
    assert place.read() == HELD


def test_a_locked_state_can_be_read(disk_place: Place):
    """While all writers are kept out, readers are not."""
    disk_place.commit(HELD)
    with disk_place.open().locked():
        assert disk_place.read() == HELD


def test_an_untouched_state_is_saved_whole(place: Place):
    """A rescue of a good state gives its header and every entry."""
    place.commit(HELD)
    found = place.open().salvage()
    assert (found.header.generation, dict(found.entries)) == (1, HELD)


def test_there_must_be_something_to_save(place: Place):
    """A rescue where nothing is gives NoState."""
    with pytest.raises(NoState):
        place.open().salvage()


def test_the_lines_that_are_good_are_saved(text_place: Place):
    """A rescue of a text file with a line that is no entry gives all others, and tells of that line."""
    text_place.commit(HELD)
    lines = text_place.path.read_bytes().split(b"\n")
    at = next(number for number, line in enumerate(lines) if b"core/b" in line)
    text_place.damage(b"\n".join([*lines[:at], b"\xff\xfe garbage", *lines[at + 1 :]]))
    found = dict(text_place.open().salvage().entries)
    assert {name: blob for name, blob in found.items() if blob is not None} == _without(HELD, "core/b")
    assert list(found.values()).count(None) == 1


@pytest.mark.parametrize("left", range(1, 8))
def test_what_is_there_of_a_cut_off_file_is_saved(text_place: Place, left: int):
    """A rescue of a text file that ends too early gives the entries before that, and no torn one as if it were good."""
    text_place.commit(HELD)
    whole = text_place.path.read_bytes()
    text_place.damage(whole[: whole.index(b"logical/x/y") + len("logical/x/y") + left])
    found = dict(text_place.open().salvage().entries)
    assert {name: blob for name, blob in found.items() if blob is not None} == _without(HELD, "logical/x/y")


def test_a_header_that_is_gone_is_none(text_place: Place):
    """A rescue of a text file without a good header gives its entries all the same."""
    text_place.commit(HELD)
    text_place.damage(text_place.path.read_bytes().replace(NEW.cluster_id.encode(), b"\xff", 1))
    found = text_place.open().salvage()
    assert (found.header, dict(found.entries)) == (None, HELD)


def test_the_pages_of_a_database_that_are_good_are_saved(tmp_path):
    """A rescue of a database in which one page is zeros gives the entries of all other pages."""
    place = Place("sqlite", tmp_path)
    held = {f"core/{number:03d}": os.urandom(1500) for number in range(60)}
    place.commit(held)
    whole = place.path.read_bytes()
    page = whole.index(held["core/030"]) // 4096 * 4096
    place.damage(whole[:page] + bytes(4096) + whole[page + 4096 :])
    found = {name: blob for name, blob in place.open().salvage().entries if blob is not None}
    assert {name: blob for name, blob in found.items() if held.get(name) != blob} == {}
    assert 50 < len(found) < 60


def _replace(place: Place) -> None:
    with place.open().overwriter() as writer:
        writer.commit(Commit(NEW, OTHER, whole=True), place.keys)


def _without(entries: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {other: blob for other, blob in entries.items() if other != name}


@pytest.mark.parametrize(("kind", "large"), [("toml", 1_000), ("json", 20_000)])
def test_a_large_text_file_says_so(tmp_path, kind, large):
    """The first write that leaves more entries than the file is good for tells of it, and none before or behind it."""
    told = []
    barrier = Barrier(new_keyring(os.urandom, "2026-01-01T00:00:00Z"), os.urandom)
    backend = open_backend(kind, str(tmp_path / f"state.{kind}"), on_large=told.append)
    header = Header("c", "", 1, {}, {"type": "static", "key_id": "k"}, sealed=False, epoch=0, encryptions={})

    for count in (large, large + 1, large + 2):
        with backend.writer() as writer:
            writer.commit(Commit(header, {f"a/{n}": b"x" for n in range(count)}, whole=True), barrier)

    assert told == [large + 1]
