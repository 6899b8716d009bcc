"""No change that was made to a state from outside is read as if vaultctl had written it."""

import random
import re
import sqlite3

import pytest
from support.places import Place
from support.soak import times
from support.states import make_state, open_state, values, write

from vaultctl.core.state import damaged_entries
from vaultctl.logical.errors import IntegrityError, SealKeyError, StateError

VALUES = {"core/test/a": b"value of a", "core/test/b": b"value of b", "logical/u/c": b"value of c", "logical/u/d": b""}
BITS = [1 << bit for bit in range(8)]


@pytest.fixture
def written(disk_place: Place) -> Place:
    """A place with a small state, in one file."""
    backend = disk_place.open()
    state = make_state(backend)
    write(state, VALUES)
    backend.close()
    return disk_place


@pytest.mark.parametrize("bit", BITS)
def test_no_flipped_bit_of_a_text_file_is_overlooked(text_place: Place, bit: int):
    """Whichever byte of a text file changes, opening it is a StateError."""
    write(make_state(text_place.open()), VALUES)
    whole = text_place.path.read_bytes()
    overlooked = []
    for position in range(len(whole)):
        text_place.damage(_flipped(whole, position, bit))
        if _opens(text_place):
            overlooked.append(position)
    assert overlooked == []


@pytest.mark.parametrize("column", ["header", "digest", "mac"])
def test_no_flipped_byte_of_a_state_row_is_overlooked(tmp_path, column: str):
    """Whichever byte of the header, digest or MAC of a database changes, opening it is a StateError."""
    place = _database(tmp_path)
    kind = "TEXT" if column == "header" else "BLOB"
    whole = _column(place, f"SELECT CAST({column} AS BLOB) FROM state")
    for position in range(len(whole)):
        flipped = _flipped(whole, position, BITS[position % 8])
        _execute(place, f"UPDATE state SET {column} = CAST(? AS {kind})", flipped)
        assert _opens(place) is False, position


@pytest.mark.parametrize("name", [*VALUES, "core/keyring", "core/seal/root-key"])
def test_no_flipped_byte_of_a_value_is_overlooked(tmp_path, name: str):
    """Whichever byte of an entry in a database changes, reading it is an IntegrityError that names it."""
    place = _database(tmp_path)
    whole = _column(place, "SELECT value FROM entry WHERE name = ?", name)
    for position in range(len(whole)):
        flipped = _flipped(whole, position, BITS[position % 8])
        _execute(place, "UPDATE entry SET value = ? WHERE name = ?", flipped, name)
        with pytest.raises(IntegrityError, match=name):
            values(open_state(place.open()))


def test_no_flipped_byte_of_a_name_is_overlooked(tmp_path):
    """Whichever byte of an entry's name in a database changes, reading all of it is an IntegrityError."""
    place = _database(tmp_path)
    name = "core/test/b"
    value = _column(place, "SELECT value FROM entry WHERE name = ?", name)
    for position in range(len(name)):
        flipped = _flipped(name.encode(), position, BITS[position % 8])
        _execute(place, "UPDATE entry SET name = CAST(? AS TEXT) WHERE value = ?", flipped, value)
        with pytest.raises(IntegrityError):
            values(open_state(place.open()))


def test_no_flipped_byte_of_a_database_gives_a_wrong_value(tmp_path):
    """Whichever byte of a database changes, a value is right, an error, or absent; then the audit says so."""
    place = _database(tmp_path)
    whole = place.path.read_bytes()
    chance = random.Random(1)
    for _ in range(times(400, 20_000)):
        position, bit = chance.randrange(len(whole)), chance.choice(BITS)
        place.damage(_flipped(whole, position, bit))
        _check_sound(place, f"bit {bit} at {position}")


def test_no_flipped_byte_of_a_database_header_gives_a_wrong_value(tmp_path):
    """The first hundred bytes of a database, which say how to read it, change nothing that is believed either."""
    place = _database(tmp_path)
    whole = place.path.read_bytes()
    for position in range(100):
        for bit in (1, 4, 128):
            place.damage(_flipped(whole, position, bit))
            _check_sound(place, f"bit {bit} at {position}")


def test_a_damaged_text_value_is_named(text_place: Place):
    """The error for a changed value in a text file names the entry."""
    write(make_state(text_place.open()), VALUES)
    whole = text_place.path.read_bytes()
    begin = whole.index(b"core/test/b")
    position = whole.index(b"\n", begin) - 20
    text_place.damage(_flipped(whole, position, 1))
    with pytest.raises(IntegrityError, match="the entry core/test/b is damaged"):
        values(open_state(text_place.open()))


def test_a_damaged_value_in_a_database_is_named(tmp_path):
    """A check of a database names each entry that does not decrypt."""
    place = _database(tmp_path)
    _execute(place, "UPDATE entry SET value = zeroblob(60) WHERE name IN ('core/test/b', 'logical/u/c')")
    state = open_state(place.open())
    with state.reader() as view:
        assert list(damaged_entries(view.snapshot, state.keys_of(view.snapshot))) == ["core/test/b", "logical/u/c"]


@pytest.mark.parametrize("name", [*VALUES, "core/keyring", "core/seal/root-key"])
def test_a_removed_line_is_found(text_place: Place, name: str):
    """A text file that lacks an entry does not open."""
    lines = _lines(text_place)
    _write_lines(text_place, {**lines, name: None})
    with pytest.raises(IntegrityError):
        values(open_state(text_place.open()))


def test_a_removed_line_is_told_from_a_damaged_one(text_place: Place):
    """Where each entry decrypts, the error says that one was removed or is an older one."""
    lines = _lines(text_place)
    _write_lines(text_place, {**lines, "core/test/b": None})
    with pytest.raises(IntegrityError, match="one was removed or put back from an older copy"):
        values(open_state(text_place.open()))


def test_a_renamed_line_is_found(text_place: Place):
    """A text file in which an entry has another name does not open, and the error names it."""
    lines = _lines(text_place)
    _write_lines(text_place, {**lines, "core/test/b": lines["core/test/b"].replace(b"core/test/b", b"core/test/bb")})
    with pytest.raises(IntegrityError, match="the entry core/test/bb is damaged"):
        values(open_state(text_place.open()))


def test_swapped_values_are_found(text_place: Place):
    """A text file in which two entries have each other's values does not open, and the error names one of them."""
    lines = _lines(text_place)
    swapped = {
        "core/test/a": lines["core/test/b"].replace(b"core/test/b", b"core/test/a"),
        "core/test/b": lines["core/test/a"].replace(b"core/test/a", b"core/test/b"),
    }
    _write_lines(text_place, {**lines, **swapped})
    with pytest.raises(IntegrityError, match="the entry core/test/a is damaged"):
        values(open_state(text_place.open()))


def test_swapped_lines_are_found(text_place: Place):
    """A text file in which two lines stand the other way round does not open."""
    lines = _lines(text_place)
    _write_lines(text_place, {**lines, "core/test/a": lines["core/test/b"], "core/test/b": lines["core/test/a"]})
    with pytest.raises(IntegrityError):
        values(open_state(text_place.open()))


def test_a_repeated_line_is_found(text_place: Place):
    """A text file in which an entry stands twice does not open."""
    lines = _lines(text_place)
    _write_lines(text_place, {**lines, "core/test/b": lines["core/test/b"] + b"\n" + lines["core/test/b"]})
    with pytest.raises(IntegrityError):
        values(open_state(text_place.open()))


def test_a_line_of_an_older_copy_is_found(text_place: Place):
    """A text file in which an entry is what it was before does not open."""
    old = _lines(text_place)
    write(open_state(text_place.open()), {"core/test/b": b"a newer value"})
    new = _split(text_place)
    _write_lines(text_place, {**new, "core/test/b": old["core/test/b"]})
    with pytest.raises(IntegrityError, match="put back from an older copy"):
        values(open_state(text_place.open()))


def test_a_header_of_an_older_copy_is_found(text_place: Place):
    """A text file whose generation is what it was before does not open."""
    write(make_state(text_place.open()), VALUES)
    generation = re.compile(rb'("generation":|generation = )\d+')
    old = generation.search(text_place.path.read_bytes()).group()
    write(open_state(text_place.open()), {"core/test/b": b"a newer value"})
    text_place.damage(generation.sub(old, text_place.path.read_bytes(), count=1))
    with pytest.raises(IntegrityError):
        values(open_state(text_place.open()))


def test_entries_of_another_state_are_found(tmp_path):
    """Entries that were copied from another state under the same seal do not decrypt."""
    ours, theirs = _database(tmp_path / "ours"), _database(tmp_path / "theirs")
    other = _column(theirs, "SELECT value FROM entry WHERE name = ?", "core/test/b")
    _execute(ours, "UPDATE entry SET value = ? WHERE name = 'core/test/b'", other)
    with pytest.raises(IntegrityError, match="core/test/b"):
        values(open_state(ours.open()))


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entry WHERE name = 'core/test/b'",
        "UPDATE entry SET name = 'core/test/bb' WHERE name = 'core/test/b'",
        "UPDATE entry SET value = (SELECT value FROM entry WHERE name = 'core/test/a') WHERE name = 'core/test/b'",
    ],
    ids=["removed", "renamed", "swapped"],
)
def test_an_audit_finds_what_was_done_to_a_database(tmp_path, change: str):
    """An entry that was removed, renamed or swapped in a database is found by its audit."""
    place = _database(tmp_path)
    _execute(place, change)
    assert len(_audit(place)) == 1


def test_an_audit_finds_an_older_entry_of_a_database(tmp_path):
    """An entry of a database that is what it was before decrypts, and is found by its audit."""
    place = _database(tmp_path)
    old = _column(place, "SELECT value FROM entry WHERE name = ?", "core/test/b")
    write(open_state(place.open()), {"core/test/b": b"a newer value"})
    _execute(place, "UPDATE entry SET value = ? WHERE name = 'core/test/b'", old)
    assert values(open_state(place.open()))["core/test/b"] == VALUES["core/test/b"]
    assert len(_audit(place)) == 1


def test_an_untouched_database_passes_its_audit(tmp_path):
    """An audit of a state after many kinds of change finds nothing."""
    place = _database(tmp_path)
    write(open_state(place.open()), {"core/test/a": None, "core/test/b": b"changed", "core/test/e": b"new"})
    assert _audit(place) == []


def test_another_seal_key_is_told(written: Place):
    """A state that is opened with another key is a SealKeyError that tells both ids."""
    with pytest.raises(SealKeyError, match=r"has the id [0-9a-f]{16}, and the state was sealed with [0-9a-f]{16}"):
        values(open_state(written.open(), key=bytes(32)))


def test_a_damaged_state_is_not_written_over(written: Place):
    """A writer does not open a state that does not verify, and leaves the file as it is."""
    whole = written.path.read_bytes()
    damaged = whole.replace(b"5a7e0000", b"5a7e1111")
    written.damage(damaged)
    with pytest.raises(IntegrityError):
        write(open_state(written.open()), {"core/test/a": b"new"})
    assert written.path.read_bytes() == damaged


def test_an_error_that_damage_causes_says_what_to_do(written: Place):
    """Each IntegrityError at opening has a hint that names the command to go on with."""
    whole = written.path.read_bytes()
    written.damage(whole.replace(b"5a7e0000", b"5a7e1111"))
    with pytest.raises(IntegrityError) as caught:
        values(open_state(written.open()))
    assert "operator snapshot restore" in caught.value.hint


@pytest.mark.parametrize("name", ["core/keyring", "core/seal/root-key"])
def test_a_state_without_its_keys_says_what_to_do(tmp_path, name: str):
    """A state that lacks the entries that open it is an IntegrityError that names them, with a hint."""
    place = _database(tmp_path)
    _execute(place, "DELETE FROM entry WHERE name = ?", name)
    with pytest.raises(IntegrityError, match=name) as caught:
        values(open_state(place.open()))
    assert "operator snapshot restore" in caught.value.hint


def _opens(place: Place) -> bool:
    """Read everything; an error that is no StateError is one of the test."""
    try:
        values(open_state(place.open()))
    except StateError:
        return False
    return True


def _check_sound(place: Place, what: str) -> None:
    """Check that a damaged database gives no wrong value, and hides none without its audit's telling."""
    try:
        found = {name: value for name, value in values(open_state(place.open())).items() if value is not None}
        complaints = [] if found == VALUES else _audit(place)
    except StateError:
        return
    wrong = {name: value for name, value in found.items() if VALUES.get(name) != value}
    assert wrong == {}, what
    assert found == VALUES or complaints, what


def _audit(place: Place) -> list[str]:
    state = open_state(place.open())
    with state.backend.reader() as snapshot:
        return snapshot.audit(state.keys_of(snapshot).barrier)


def _database(folder) -> Place:
    folder.mkdir(exist_ok=True)
    place = Place("sqlite", folder)
    backend = place.open()
    write(make_state(backend), VALUES)
    backend.close()
    return place


def _lines(place: Place) -> dict[str, bytes | None]:
    """Make a state, and give its entries' lines by name."""
    write(make_state(place.open()), VALUES)
    return _split(place)


def _split(place: Place) -> dict[str, bytes | None]:
    lines = [line for line in place.path.read_bytes().split(b"\n") if line.startswith((b'"core/', b'"logical/'))]
    return {line.split(b'"')[1].decode(): line for line in lines}


def _write_lines(place: Place, lines: dict[str, bytes | None]) -> None:
    whole = place.path.read_bytes()
    for name, line in _split(place).items():
        whole = whole.replace(line + b"\n", b"" if lines[name] is None else b"<" + name.encode() + b">\n")
    for name, line in lines.items():
        whole = whole.replace(b"<" + name.encode() + b">", line or b"")
    place.damage(whole)


def _flipped(whole: bytes, position: int, bit: int) -> bytes:
    return whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :]


def _column(place: Place, query: str, *arguments: object):
    connection = sqlite3.connect(place.path)
    try:
        return connection.execute(query, arguments).fetchone()[0]
    finally:
        connection.close()


def _execute(place: Place, statement: str, *arguments: object) -> None:
    connection = sqlite3.connect(place.path)
    with connection:
        connection.execute(statement, arguments)
    connection.close()
