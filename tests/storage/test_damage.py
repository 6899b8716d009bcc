"""A state file that is not what a backend wrote, seen from the level of entries."""

import os
import sqlite3

import pytest
from support.places import Place, entries

from vaultctl.crypto.barrier import Barrier
from vaultctl.crypto.keyring import new_keyring
from vaultctl.logical.errors import IntegrityError, NewerFormat, NoState, StateError
from vaultctl.storage import header
from vaultctl.storage.header import Header

SEAL = {"type": "static", "key_id": "k"}
ENTRIES = {"core/a": b"a", "core/b": b"b", "logical/x/y": b"y"}


def test_the_wrong_keys_do_not_verify(disk_place: Place):
    """Keys of another state find that this one is not theirs."""
    disk_place.commit(ENTRIES)
    others = Barrier(new_keyring(os.urandom, ""), os.urandom)
    with disk_place.open().reader() as snapshot:
        with pytest.raises(IntegrityError, match="its MAC does not match"):
            snapshot.verify(others)
        assert len(snapshot.audit(others)) == 1


def test_an_empty_text_file_is_damage(text_place: Place):
    """A text file of no bytes is an IntegrityError that says so, never a place for a new state."""
    text_place.path.touch(mode=0o600)
    with pytest.raises(IntegrityError, match="is empty"):
        text_place.read()
    with pytest.raises(IntegrityError, match="is empty"):
        text_place.commit({})


def test_an_empty_database_is_no_state(tmp_path):
    """A database file of no bytes is what a crash before the first commit leaves, so it takes a first commit."""
    place = Place("sqlite", tmp_path)
    place.path.touch(mode=0o600)
    with pytest.raises(NoState):
        place.read()
    place.commit({"core/a": b"a"})
    assert place.read() == {"core/a": b"a"}


def test_zeros_are_damage(disk_place: Place):
    """A file whose blocks never reached the disk is an IntegrityError, for a writer too."""
    disk_place.commit(ENTRIES)
    disk_place.damage(bytes(disk_place.path.stat().st_size))
    with pytest.raises(IntegrityError):
        disk_place.read()
    with pytest.raises(IntegrityError):
        disk_place.commit({})


@pytest.mark.parametrize(
    "garbage",
    [b"\n\n", b"{}\n", b"garbage", b"\xff" * 5000, b'{"vaultctl":{}}\n', b"[vaultctl]\n", b"# vaultctl\n\n[entries]\n"],
)
def test_garbage_is_damage(disk_place: Place, garbage: bytes):
    """A file that is no state is an IntegrityError with a hint."""
    disk_place.damage(garbage)
    with pytest.raises(IntegrityError) as caught:
        disk_place.read()
    assert "operator snapshot restore" in caught.value.hint


def test_a_text_file_cut_off_anywhere_is_damage(text_place: Place):
    """Whatever is missing at a text file's end, opening it is an IntegrityError."""
    text_place.commit(ENTRIES)
    whole = text_place.path.read_bytes()
    for size_b in range(len(whole)):
        text_place.damage(whole[:size_b])
        with pytest.raises(IntegrityError):
            text_place.read()


def test_a_cut_off_text_file_is_called_that(text_place: Place):
    """A file that ends in the middle of a line is said to be cut off."""
    text_place.commit(ENTRIES)
    text_place.damage(text_place.path.read_bytes()[:-2])
    with pytest.raises(IntegrityError, match="is cut off: its end is missing"):
        text_place.read()


def test_bytes_behind_the_end_are_damage(text_place: Place):
    """A text file that goes on behind its MAC is an IntegrityError."""
    text_place.commit(ENTRIES)
    text_place.damage(text_place.path.read_bytes() + b"\n")
    with pytest.raises(IntegrityError):
        text_place.read()


def test_a_database_cut_off_anywhere_is_damage(tmp_path):
    """A database that lacks pages is a StateError, or its audit says what is wrong."""
    place = Place("sqlite", tmp_path)
    place.commit({**ENTRIES, "core/large": os.urandom(20_000)})
    whole = place.path.read_bytes()
    for size_b in range(1, len(whole), 512):
        place.damage(whole[:size_b])
        assert _complaints(place) != [], size_b


@pytest.mark.parametrize("number", [header.FORMAT + 1, 99])
def test_a_newer_format_is_named(disk_place: Place, number: int, newer_headers):
    """A state of a newer format is NewerFormat, which tells both numbers and what to do."""
    newer_headers(disk_place, number)
    with pytest.raises(
        NewerFormat, match=f"format {number}, this vaultctl knows formats up to {header.FORMAT}"
    ) as caught:
        disk_place.read()
    assert "install a newer vaultctl" in caught.value.hint


def test_a_newer_format_is_not_written_over(disk_place: Place, newer_headers):
    """A writer refuses a state of a newer format, and leaves it as it is."""
    newer_headers(disk_place, header.FORMAT + 1)
    before = disk_place.path.read_bytes()
    with pytest.raises(NewerFormat):
        disk_place.commit({})
    assert disk_place.path.read_bytes() == before


def test_a_newer_database_may_have_other_tables(tmp_path):
    """A database says its format apart from its tables, so a newer one may have any."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    _execute(place, f"PRAGMA user_version = {header.FORMAT + 1}", "ALTER TABLE state RENAME TO head")
    with pytest.raises(NewerFormat):
        place.read()


@pytest.mark.parametrize("field", Header._fields)
def test_a_header_without_a_field_is_damage(field: str):
    """A header that lacks a field, or has it as another type, is an IntegrityError that names it."""
    record = Header("c", "t", 1, {}, SEAL, False, 0, {}).to_record()
    for damaged in ({**record, field: None}, {name: value for name, value in record.items() if name != field}):
        with pytest.raises(IntegrityError, match=f"without a good {field}"):
            header.from_record(damaged, "the state")


@pytest.mark.parametrize(
    "change",
    [
        {"type": None},
        {"type": ["static"]},
        {"key_id": 5},
        {"key_id": None},
        {"type": "shamir"},
        {"type": "shamir", "shares": 3, "threshold": "2"},
        {"type": "shamir", "shares": 3, "threshold": None},
        {"type": "shamir", "shares": True, "threshold": True},
        {"type": "shamir", "shares": 3, "threshold": 4},
        {"type": "shamir", "shares": 3, "threshold": 0},
        {"type": "shamir", "shares": 10**30, "threshold": 2},
        {"previous": {}},
        {"previous": [5]},
        {"previous": [{"type": "static"}]},
        {"previous": [{**SEAL, "previous": [SEAL]}]},
    ],
)
def test_a_header_with_another_seal_than_there_can_be_is_damage(change):
    """What is read before a key proves it is refused as damage, not met later."""
    record = Header("c", "t", 1, {}, {**SEAL, **change}, False, 0, {}).to_record()
    with pytest.raises(IntegrityError, match="without a good seal") as caught:
        header.from_record(record, "the state")
    assert "restore a backup" in caught.value.hint


@pytest.mark.parametrize("field", ["tables", "encryptions"])
@pytest.mark.parametrize("number", ["1", None, 1.5, True, [1]])
def test_a_header_that_counts_in_no_numbers_is_damage(field, number):
    """Generations and counts are whole numbers."""
    record = {**Header("c", "t", 1, {}, SEAL, False, 0, {}).to_record(), field: {"seal": number}}
    with pytest.raises(IntegrityError, match=f"without a good {field}"):
        header.from_record(record, "the state")


@pytest.mark.parametrize("column", ["header", "digest", "mac"])
@pytest.mark.parametrize("value", [None, 0, 1 << 40, 1.5, "", b"", "text", b"\xff\xfe", "{}", "[]", "{"])
def test_a_state_row_of_any_type_is_damage(tmp_path, column: str, value: object):
    """Whatever stands in a column of the state row, it is an IntegrityError unless vaultctl wrote it."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    _execute(
        place,
        "CREATE TABLE loose (id, header, digest, mac)",
        "INSERT INTO loose SELECT * FROM state",
        "DROP TABLE state",
        "ALTER TABLE loose RENAME TO state",
    )
    _execute(place, f"UPDATE state SET {column} = ?", arguments=(value,))
    with pytest.raises(IntegrityError):
        place.read()


def test_a_database_of_something_else_is_not_written_over(tmp_path):
    """A database that holds other tables is an IntegrityError, for a writer too."""
    place = Place("sqlite", tmp_path)
    place.path.touch(mode=0o600)
    _execute(place, "CREATE TABLE recipe (name)")
    with pytest.raises(IntegrityError):
        place.read()
    with pytest.raises(IntegrityError):
        place.commit({})


def test_an_entry_that_is_no_text_is_damage(tmp_path):
    """A name that is no UTF-8 is an IntegrityError for whoever lists it."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    _execute(place, "UPDATE entry SET name = CAST(x'636f72652fff' AS TEXT) WHERE name = 'core/b'")
    with pytest.raises(IntegrityError):
        place.read()


def test_a_schema_that_is_no_text_is_damage(tmp_path):
    """A database whose table definitions hold bytes that are no UTF-8 is an IntegrityError."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    whole = place.path.read_bytes()
    definition = whole.index(b"CREATE TABLE entry (name TEXT")
    for position in range(definition, definition + len("CREATE TABLE entry (name")):
        place.damage(whole[:position] + bytes([whole[position] ^ 0x80]) + whole[position + 1 :])
        with pytest.raises(IntegrityError):
            place.read()


def test_a_missing_table_is_damage(tmp_path):
    """A database without its entries is an IntegrityError."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    _execute(place, "DROP TABLE entry")
    with pytest.raises(IntegrityError):
        place.read()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entry WHERE name = 'core/a'",
        "INSERT INTO entry (name, value) VALUES ('core/z', x'00')",
        "UPDATE entry SET name = 'core/aa' WHERE name = 'core/a'",
        "UPDATE entry SET value = x'62' WHERE name = 'core/a'",
        "UPDATE entry SET value = CAST(value AS TEXT) || 'x' WHERE name = 'core/a'",
    ],
)
def test_an_audit_finds_a_changed_set_of_entries(tmp_path, change: str):
    """An audit of a database finds an entry that was removed, added, renamed or changed."""
    place = Place("sqlite", tmp_path)
    place.commit(ENTRIES)
    _execute(place, change)
    with place.open().reader() as snapshot:
        snapshot.verify(place.keys)
        assert ["was added, removed or put back" in line for line in snapshot.audit(place.keys)] == [True]


def test_an_audit_finds_an_entry_of_an_older_copy(tmp_path):
    """An audit of a database finds an entry that was put back as it once was."""
    place = Place("sqlite", tmp_path)
    place.commit({"core/a": b"first"})
    place.commit({"core/a": b"second"})
    _execute(place, "UPDATE entry SET value = CAST('first' AS BLOB)")
    assert len(_complaints(place)) == 1


@pytest.fixture
def newer_headers():
    """Gives the function that makes a state of another format."""

    def make(place: Place, number: int) -> None:
        place.commit(ENTRIES)
        if place.kind == "sqlite":
            _execute(
                place,
                f"PRAGMA user_version = {number}",
                f"UPDATE state SET header = replace(header, ':1,', ':{number},')",
            )
            return
        old, new = {"json": ('"format":1', '"format":{}'), "toml": ("format = 1", "format = {}")}[place.kind]
        place.damage(place.path.read_bytes().replace(old.encode(), new.format(number).encode(), 1))

    return make


def _complaints(place: Place) -> list[str]:
    """Give what reading all and auditing finds."""
    try:
        with place.open().reader() as snapshot:
            snapshot.verify(place.keys)
            entries(snapshot)
            return snapshot.audit(place.keys)
    except StateError as error:
        return list(error.errors)


def _execute(place: Place, *statements: str, arguments: tuple[object, ...] = ()) -> None:
    with sqlite3.connect(place.path) as connection:
        for statement in statements:
            connection.execute(statement, arguments)
    connection.close()
