"""The state above its backend: making it, its keys, and what a transaction leaves."""

import os

import pytest
from support.places import Place
from support.states import CLUSTER, NOW, initialise, make_state, open_state, values, write

from vaultctl.core.views import KEYRING, ROOT_KEY
from vaultctl.crypto.barrier import SEALED
from vaultctl.crypto.seals.static import StaticSeal
from vaultctl.logical.errors import IntegrityError, NoState, Sealed, SealKeyError
from vaultctl.storage.memory import Memory


def test_a_state_that_was_not_made_is_none():
    """Without a state neither a reader nor a writer opens."""
    state = open_state(Memory())
    with pytest.raises(NoState), state.reader():
        pass
    with pytest.raises(NoState), state.writer():
        pass


def test_a_state_is_made_once():
    """Of two who make a state the second one gets the first one's."""
    backend = Memory()
    made = initialise(open_state(backend), lambda transaction: transaction.put("core/test/a", b"first"))
    again = initialise(open_state(backend), lambda transaction: transaction.put("core/test/a", b"second"))
    assert (made, again) == (True, False)
    assert values(open_state(backend)) == {"core/test/a": b"first"}


def test_a_state_whose_filling_fails_is_not_made():
    """An exception while the first entries are written leaves no state."""
    backend = Memory()
    with pytest.raises(ZeroDivisionError):
        initialise(open_state(backend), lambda _transaction: 1 // 0)
    assert backend.exists() is False


def test_a_new_state_says_what_it_is():
    """The header of a new state names the cluster, the moment, the seal and the tables."""
    state = make_state(Memory())
    with state.reader() as view:
        header = view.header
    assert (header.cluster_id, header.created, header.generation, header.sealed) == (CLUSTER, NOW, 1, False)
    assert header.seal["type"] == "static"
    assert dict(header.tables) == {"keyring": 1, "seal": 1}


def test_a_view_takes_no_changes():
    """A put or a delete outside a transaction is a RuntimeError."""
    state = make_state(Memory())
    with state.reader() as view:
        with pytest.raises(RuntimeError, match="a write on a snapshot"):
            view.put("core/test/a", b"")
        with pytest.raises(RuntimeError, match="a write on a snapshot"):
            view.delete("core/test/a")


def test_a_transaction_reads_its_own_changes():
    """Inside a transaction what it stored is there, and what it removed is not."""
    state = make_state(Memory())
    write(state, {"core/test/a": b"a", "core/test/b": b"b"})
    with state.writer() as transaction:
        transaction.put("core/test/c", b"c")
        transaction.delete("core/test/a")
        assert transaction.list("core/test/") == ["b", "c"]
        assert [transaction.get(f"core/test/{name}") for name in "abc"] == [None, b"b", b"c"]


def test_a_transaction_without_a_commit_leaves_nothing():
    """A transaction that ends by itself changes neither entries nor counters."""
    state = make_state(Memory())
    with state.reader() as view:
        before = view.header
    with state.writer() as transaction:
        transaction.put("core/test/a", b"a")
    write(state, {"core/test/b": b"b"})
    with state.reader() as view:
        assert view.header.encryptions["1"] == before.encryptions.get("1", 0) + 1
    assert values(state) == {"core/test/b": b"b"}


def test_encryptions_are_counted_by_term():
    """Each entry that is stored counts for the term that encrypts it, and one that is read or removed for none."""
    state = make_state(Memory())
    with state.reader() as view:
        before = view.header.encryptions.get("1", 0)
    with state.writer() as transaction:
        transaction.put("core/test/a", b"a")
        transaction.rotate()
        transaction.put("core/test/a", b"A")
        transaction.put("core/test/b", b"b")
        transaction.get("core/test/a")
        transaction.delete("core/test/b")
        transaction.commit()
    with state.reader() as view:
        assert view.header.encryptions == {"1": before + 1, "2": 2}


def test_a_rollback_undoes_what_came_after_its_mark():
    """A rollback brings back what was replaced, removed and added since the savepoint, and keeps what came before."""
    state = make_state(Memory())
    write(state, {"core/test/a": b"a", "core/test/b": b"b"})
    with state.writer() as transaction:
        transaction.put("core/test/kept", b"kept")
        mark = transaction.mark()
        transaction.put("core/test/a", b"A")
        transaction.put("core/test/a", b"AA")
        transaction.delete("core/test/b")
        transaction.put("core/test/kept", b"changed")
        transaction.put("core/test/added", b"added")
        transaction.rollback(mark)
        transaction.commit()
    assert values(state) == {"core/test/a": b"a", "core/test/b": b"b", "core/test/kept": b"kept"}


def test_encryptions_are_counted():
    """The header counts what was encrypted under each term."""
    state = make_state(Memory())
    write(state, {f"core/test/{number}": b"" for number in range(5)})
    with state.reader() as view:
        assert dict(view.header.encryptions) == {"1": 5}


def test_a_term_that_was_used_enough_is_replaced(place: Place):
    """A commit under a term with many encryptions begins a new one, and both terms' entries are read."""
    state = make_state(place.open())
    write(state, {"core/test/old": b"old"})
    _rotate(state, {"core/test/at": b"at"})
    write(state, {"core/test/new": b"new"})
    expected = {"core/test/at": b"at", "core/test/new": b"new", "core/test/old": b"old"}
    assert values(open_state(place.open())) == expected
    assert _terms(place, *expected) == [1, 2, 1]


def test_a_rotation_is_seen_by_others(place: Place):
    """A process that has the keys takes the new ones when another one began a term."""
    mine, other = make_state(place.open()), open_state(place.open())
    assert values(other) == {}
    _rotate(mine, {})
    write(mine, {"core/test/a": b"a"})
    assert values(other) == {"core/test/a": b"a"}
    write(other, {"core/test/b": b"b"})
    assert values(mine) == {"core/test/a": b"a", "core/test/b": b"b"}


def test_a_state_passes_its_audit_after_a_rotation(place: Place):
    """What proves the whole of a state outlives the term that it was begun with."""
    state = make_state(place.open())
    write(state, {"core/test/a": b"a", "core/test/b": b"b"})
    _rotate(state, {"core/test/a": None})
    write(state, {"core/test/b": b"B"})
    with state.reader() as view:
        assert view.snapshot.audit(state.keys_of(view.snapshot).barrier) == []


def test_a_value_can_be_wrapped_by_the_seal(place: Place):
    """An entry that asks for it is encrypted by the seal too, and reads like any other."""
    state = make_state(place.open())
    with state.writer() as transaction:
        transaction.put("core/test/a", b"wrapped", seal_wrap=True)
        transaction.commit()
    assert values(open_state(place.open())) == {"core/test/a": b"wrapped"}
    with place.open().reader() as snapshot:
        assert snapshot.get("core/test/a")[0] == SEALED


def test_the_seal_binds_a_wrapped_value_to_its_name():
    """A wrapped entry that was put under another name does not open."""
    state = make_state(Memory())
    with state.writer() as transaction:
        transaction.put("core/test/a", b"wrapped", seal_wrap=True)
        transaction.commit()
    with state.reader() as view, pytest.raises(IntegrityError, match="core/test/b"):
        view.decrypt("core/test/b", view.snapshot.get("core/test/a"))


def test_a_sealed_state_does_not_open():
    """A state with the mark of a seal is Sealed for readers and writers, also for those who have its keys."""
    backend = Memory()
    state = make_state(backend)
    _seal(state)
    for other in (state, open_state(backend)):
        with pytest.raises(Sealed), other.reader():
            pass
        with pytest.raises(Sealed), other.writer():
            pass


def test_a_state_goes_under_another_key(place: Place):
    """Under another seal a state opens with its key alone, and has all entries; without a commit nothing changed."""
    state = make_state(place.open())
    write(state, {"core/test/a": b"a"})
    other = StaticSeal(bytes(32), os.urandom)
    with state.writer() as transaction:
        transaction.replace_root_key(other)
        assert transaction.changed
    assert values(open_state(place.open())) == {"core/test/a": b"a"}
    with state.writer() as transaction:
        transaction.replace_root_key(other)
        assert transaction.commit().seal["key_id"] == other.key_id
    assert values(open_state(place.open(), key=bytes(32))) == {"core/test/a": b"a"}
    with pytest.raises(SealKeyError), open_state(place.open()).reader():
        pass


def test_a_rollback_undoes_what_was_done_to_the_seal():
    """A savepoint holds the header too: another seal, or a mark, behind it is gone with the rest."""
    state = make_state(Memory())
    with state.writer() as transaction:
        mark = transaction.mark()
        transaction.mark_sealed(sealed=True)
        transaction.rollback(mark)
        assert not transaction.changed
        transaction.put("core/test/a", b"a")
        transaction.commit()
    assert values(state) == {"core/test/a": b"a"}


def test_another_key_does_not_open_a_state(place: Place):
    """A state is opened by its own key only."""
    make_state(place.open())
    with pytest.raises(SealKeyError), open_state(place.open(), key=bytes(32)).reader():
        pass


def test_the_keys_are_no_entries_of_a_term():
    """The root key lies under the seal and the keyring under the root key: no term opens them."""
    state = make_state(Memory())
    with state.reader() as view:
        for name in (KEYRING, ROOT_KEY):
            assert view.snapshot.get(name)[0] != 1


def test_pages_of_a_view_make_up_its_list(place: Place):
    """A view lists like its backend, page by page."""
    state = make_state(place.open())
    write(state, {f"core/test/{name}": b"" for name in ("a", "a/b", "a/c", "b", "c/d")})
    with state.reader() as view:
        assert view.list("core/test/", limit=2) == ["a", "a/"]
        assert view.list("core/test/", after="a/", limit=2) == ["b", "c/"]


def _rotate(state, changes: dict[str, bytes | None]) -> None:
    with state.writer() as transaction:
        for name, value in changes.items():
            transaction.delete(name) if value is None else transaction.put(name, value)
        transaction.commit(rotate_after=0)


def _seal(state) -> None:
    with state.writer() as transaction:
        transaction.mark_sealed(sealed=True)
        transaction.commit()


def _terms(place: Place, *names: str) -> list[int]:
    with place.open().reader() as snapshot:
        return [int.from_bytes(snapshot.get(name)[1:5], "big") for name in names]
