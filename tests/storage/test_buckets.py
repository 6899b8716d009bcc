"""Entries in order that never change, in buckets: what is changed is what a plain dictionary would have."""

import random

from hypothesis import given
from hypothesis import strategies as st

from vaultctl.storage.buckets import Buckets

MANY = 5_000

_names = st.integers(0, 400).map("{:03}".format)
_changes = st.dictionaries(_names, st.none() | st.binary(max_size=1), max_size=300)


def name_of(number: int) -> str:
    """Name an entry."""
    return f"folder/{number:06}"


def applied(entries: dict[str, bytes], changes: dict[str, bytes | None]) -> dict[str, bytes]:
    """Change a plain dictionary."""
    return {name: blob for name, blob in {**entries, **changes}.items() if blob is not None}


@given(st.lists(_changes, max_size=6), _names, _names)
def test_buckets_are_what_a_plain_dictionary_is(rounds, start, end):
    """Each entry, the walk from a name on, and the count between two names are the same after any changes."""
    buckets, entries = Buckets(), dict[str, bytes]()
    for changes in rounds:
        buckets, entries = buckets.changed(changes), applied(entries, changes)
        assert list(buckets.names("")) == sorted(entries)
    assert list(buckets.names(start)) == sorted(name for name in entries if name >= start)
    assert buckets.count(start, end) == sum(start <= name < end for name in entries)
    assert all(buckets.get(f"{number:03}") == entries.get(f"{number:03}") for number in range(402))


def test_what_was_changed_stays_as_it_was():
    """A generation that somebody still reads does not see what others change."""
    before = Buckets().changed({name_of(number): b"1" for number in range(MANY)})
    names = list(before.names(""))
    for part in range(5):
        before.changed({name_of(number): None if number % 2 else b"2" for number in range(part, MANY, 5)})
    assert list(before.names("")) == names
    assert {before.get(name) for name in names} == {b"1"}


def test_a_small_change_shares_nearly_all_with_what_was_before():
    """One entry of many makes one bucket anew, so that no change takes the longer, the more there is."""
    before = Buckets().changed({name_of(number): b"" for number in range(MANY)})
    after = before.changed({name_of(MANY // 2): None, name_of(MANY): b""})
    former = {id(bucket) for bucket in before._buckets}
    assert sum(id(bucket) not in former for bucket in after._buckets) == 2


def test_what_is_left_of_many_lies_in_few_buckets():
    """Where nearly all went, in whatever order, no small rests stay each by itself."""
    chance = random.Random(1)
    buckets = Buckets().changed({name_of(number): b"" for number in range(MANY)})
    gone = [name_of(number) for number in range(MANY) if number % 50]
    chance.shuffle(gone)
    for begun in range(0, len(gone), 500):
        buckets = buckets.changed(dict.fromkeys(gone[begun : begun + 500]))
    assert list(buckets.names("")) == [name_of(number) for number in range(0, MANY, 50)]
    assert len(buckets._buckets) < 10
