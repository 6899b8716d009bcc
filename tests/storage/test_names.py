"""Ranges of names: what stands below a prefix, page by page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultctl.storage.buckets import Buckets
from vaultctl.storage.memory import MemorySnapshot
from vaultctl.storage.names import below, children
from vaultctl.storage.overlay import Overlay

NAMES = ["a", "a!b", "a-b", "a/x", "a/y/z", "a/y", "a0", "b/", "b/c/d", "ä/ö", "z"]


@pytest.fixture
def overlay(place):
    """A transaction over a state of each kind: half of the names are stored, half are changes."""
    place.commit({"core/" + name: b"" for name in NAMES[::2]} | {"before": b"", "core0": b""})
    with place.open().reader() as snapshot:
        overlay = Overlay(snapshot)
        for name in NAMES[1::2]:
            overlay.put("core/" + name, b"")
        yield overlay


def test_a_list_holds_keys_and_folders_in_byte_order(overlay: Overlay):
    """A key and the folder of its name are both given, and what sorts between them stands between them."""
    listed = children(overlay.names, "core/", "", None)
    assert listed == ["a", "a!b", "a-b", "a/", "a0", "b/", "z", "ä/"]


def test_a_list_looks_into_one_folder(overlay: Overlay):
    """Below a folder only its own keys and folders are given."""
    assert children(overlay.names, "core/a/", "", None) == ["x", "y", "y/"]


def test_a_list_of_nothing_is_empty(overlay: Overlay):
    """A prefix that nothing lies below gives nothing."""
    assert children(overlay.names, "core/a/x/", "", None) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_make_up_the_list(overlay: Overlay, limit: int):
    """Pages, each asked for behind the last name of the one before, are together the whole list."""
    names = overlay.names
    found: list[str] = []
    while page := children(names, "core/", found[-1] if found else "", limit):
        assert len(page) <= limit
        found += page
    assert found == children(names, "core/", "", None)


def test_a_page_begins_behind_a_folder(overlay: Overlay):
    """Behind a folder nothing of that folder is given again."""
    assert children(overlay.names, "core/", "a/", 2) == ["a0", "b/"]


def test_a_page_may_begin_behind_a_name_that_is_not_there(overlay: Overlay):
    """`after` need not be stored."""
    assert children(overlay.names, "core/", "a.", 2) == ["a/", "a0"]


def test_a_page_of_none_is_empty(overlay: Overlay):
    """A limit of 0 gives nothing."""
    assert children(overlay.names, "core/", "", 0) == []


def test_a_folder_goes_with_its_last_entry(overlay: Overlay):
    """A folder that a transaction emptied is not listed."""
    for name in ("a/x", "a/y/z", "a/y"):
        overlay.delete("core/" + name)
    assert children(overlay.names, "core/", "", 4) == ["a", "a!b", "a-b", "a0"]


def test_everything_below_a_prefix_is_walked(overlay: Overlay):
    """A walk gives the names that begin with the prefix and stops at the first that does not."""
    assert list(below(overlay.names, "core/a/")) == ["core/a/x", "core/a/y", "core/a/y/z"]


_names = st.from_regex(r"[ab/!0é]{0,5}[ab!0é]", fullmatch=True)


@given(st.sets(_names), st.sampled_from(["", "a/", "a/b/", "/"]), _names | st.just(""), st.integers(0, 4) | st.none())
def test_a_list_is_what_a_plain_search_finds(names, prefix, after, limit):
    """The skipping search gives what filtering all names gives."""
    parts = {name[len(prefix) :].partition("/") for name in names if name.startswith(prefix)}
    expected = sorted({head + slash for head, slash, _ in parts if head + slash > after} - {""})
    found = children(lambda start: iter(sorted(name for name in names if name >= start)), prefix, after, limit)
    assert found == (expected if limit is None else expected[:limit])


@given(st.sets(_names), st.dictionaries(_names, st.none() | st.just(b"")), _names | st.just(""))
def test_an_overlay_walks_as_one(base, changes, start):
    """A base and the changes over it walk as if they had been applied."""
    overlay = Overlay(MemorySnapshot(None, Buckets().changed(dict.fromkeys(base, b"")), {}))
    for name, blob in changes.items():
        if blob is None:
            overlay.delete(name)
        else:
            overlay.put(name, blob)
    expected = (base | {name for name, blob in changes.items() if blob is not None}) - {
        name for name, blob in changes.items() if blob is None
    }
    assert list(overlay.names(start)) == sorted(name for name in expected if name >= start)
