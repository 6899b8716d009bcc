"""What the seal wraps, and how a rewrap brings it to the seal's current key."""

import sqlite3
from contextlib import contextmanager
from itertools import count as counting
from pathlib import Path

import pytest
from support.places import Place
from support.seals import Module, ask, fill, fill_quickly, finish, key_ids, read_all, status
from support.states import ROOT_TOKEN

from vaultctl.core import rewrap
from vaultctl.core.jobs import DONE
from vaultctl.logical.errors import IntegrityError, InvalidRequest, SealUnavailable
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.sqlite_snapshot import SqliteWriter

COUNT = 40
MANY = 1_000
"""So many take some batches."""


@pytest.fixture
def module(tmp_path) -> Module:
    """A module without keys."""
    return Module(tmp_path / "module")


def succeeded(number: int) -> dict[str, int]:
    """Give the counters of a rewrap that succeeded."""
    return {"processed": number, "succeeded": number, "failed": 0}


def test_a_rewrap_brings_every_wrapped_entry_to_the_new_key(place: Place, module: Module):
    """After the seal's key was rotated the rewrap leaves no entry, and no header, that needs the old one."""
    old, new = module.generate(), module.generate()
    core = module.make(place.open(), old)
    fill(core, COUNT)
    assert key_ids(core) == {old.key_id: COUNT}
    module.rotate(core, new)
    told = finish(core)
    assert (told["entries"], told["is_running"], told["total"]) == (succeeded(COUNT + 1), False, COUNT + 1)
    assert key_ids(core) == {new.key_id: COUNT}
    with core.state.reader() as view:
        assert view.header.seal == new.describe()
    old.take_away()
    core.close()
    assert read_all(module.open(place.open()), COUNT) == [f"secret {number}" for number in range(COUNT)]


def test_a_rewrap_changes_the_seals_layer_alone(place: Place, module: Module):
    """What is below the seal's encryption is what the barrier made, byte by byte."""
    old, new = module.generate(), module.generate()
    core = module.make(place.open(), old)
    fill(core, 3)

    def inner(seal):
        with core.state.reader() as view:
            return {name: seal.unwrap(name, view.snapshot.get(name)) for name in view.below("logical/")}

    before = inner(old)
    module.rotate(core, new)
    finish(core)
    assert inner(new) == before


def test_what_waits_to_be_unwrapped_comes_along(place: Place, module: Module):
    """The content of a wrapping token, which lies under the seal where its mount does, is brought along."""
    old, new = module.generate(), module.generate()
    core = module.make(place.open(), old)
    fill(core, 1)
    answer = core.handle(Request(Operation.READ, "w/00000", token=ROOT_TOKEN, wrap_ttl_s=60))
    module.rotate(core, new)
    assert finish(core)["entries"] == succeeded(3)  # the root key is one of them
    old.take_away()
    assert len(ask(core, Operation.LIST, "auth/token/accessors").data["keys"]) == 2
    unwrapped = ask(core, Operation.UPDATE, "sys/wrapping/unwrap", token=answer.wrap_info["token"])
    assert unwrapped.data == ask(core, Operation.READ, "w/00000").data


def test_the_state_is_whole_after_a_rewrap(place: Place, module: Module):
    """The backend's own proofs hold for what a rewrap wrote."""
    core = module.make(place.open(), module.generate())
    fill(core, COUNT)
    module.rotate(core, module.generate())
    finish(core)
    with core.state.reader() as view:
        assert view.snapshot.audit(core.state.keys_of(view.snapshot).barrier) == []


def test_it_starts_with_204_and_says_200_while_it_runs(module: Module, tmp_path):
    """The second start of a rewrap that runs starts nothing."""
    core = module.make(Place("memory", tmp_path).open(), module.generate(), monotonic_s=counting().__next__)
    fill_quickly(core, MANY)
    assert ask(core, Operation.UPDATE, "sys/sealwrap/rewrap").status == 0
    first = status(core)
    assert first["is_running"]
    again = ask(core, Operation.UPDATE, "sys/sealwrap/rewrap")
    assert (again.status, again.raw) == (200, {})
    assert finish(core)["started"] == first["started"]
    assert ask(core, Operation.UPDATE, "sys/sealwrap/rewrap").status == 0


def test_it_is_of_the_root_namespace_alone(module: Module, tmp_path):
    """In another namespace neither starting nor reading it is allowed."""
    core = module.make(Place("memory", tmp_path).open(), module.generate())
    ask(core, Operation.UPDATE, "sys/namespaces/n")
    for operation in (Operation.READ, Operation.UPDATE):
        with pytest.raises(InvalidRequest, match="unavailable in namespaces"):
            core.handle(Request(operation, "sys/sealwrap/rewrap", "n", token=ROOT_TOKEN))


def test_exactly_the_damaged_entry_is_reported(module: Module, tmp_path):
    """One entry with changed bytes fails by name, and all others are rewrapped; restored, it is rewrapped too."""
    place = Place("sqlite", tmp_path)
    old, new = module.generate(), module.generate()
    core = module.make(place.open(), old)
    fill(core, COUNT)
    name, whole = damage(place.path, "%/data/00007")
    module.rotate(core, new)
    told = finish(core)
    assert told["entries"] == {"processed": COUNT + 1, "succeeded": COUNT, "failed": 1}
    assert [(each["entry"], each["mount"]) for each in told["failed_entries"]] == [(name, "w/")]
    assert key_ids(core) == {new.key_id: COUNT - 1, old.key_id: 1}
    assert told["error"].startswith("1 entry could not be rewrapped: the entry " + name)
    overwrite(place.path, name, whole)
    ask(core, Operation.UPDATE, "sys/sealwrap/rewrap")
    assert finish(core)["entries"] == succeeded(COUNT + 1)
    assert key_ids(core) == {new.key_id: COUNT}


def test_an_entry_of_a_key_that_nobody_knows_is_reported(module: Module, tmp_path):
    """An entry that a key wrapped that is none of the state's fails by name, and all others are rewrapped."""
    place = Place("sqlite", tmp_path)
    core = module.make(place.open(), module.generate())
    fill(core, COUNT)
    with core.state.reader() as view:
        name = next(name for name in view.below("logical/") if name.endswith("00011"))
    gone = module.generate()
    overwrite(place.path, name, gone.wrap(name, b"whatever"))
    new = module.generate()
    module.rotate(core, new)
    told = finish(core)
    assert told["entries"] == {"processed": COUNT + 1, "succeeded": COUNT, "failed": 1}
    assert [each["entry"] for each in told["failed_entries"]] == [name]
    assert gone.key_id in told["failed_entries"][0]["error"]
    with pytest.raises(IntegrityError, match=gone.key_id):
        ask(core, Operation.READ, "w/00011")


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_seal_that_is_gone_in_the_middle_stops_it_and_it_goes_on_there(module: Module, tmp_path, which: str):
    """The rewrap fails with the cause, and goes on where it was when the seal is back, with its counters."""
    place = Place("sqlite", tmp_path)
    old, new = module.generate(), module.generate()
    core = module.make(place.open(), old, monotonic_s=counting().__next__)
    fill_quickly(core, MANY)
    module.rotate(core, new)
    while status(core)["entries"]["processed"] < MANY // 2:
        core.advance(0)
    away = {"old": old, "new": new}[which]
    away.take_away()
    done = status(core)["entries"]["processed"]
    told = finish(core)
    assert (told["is_running"], told["error"], told["phase"]) == (False, "the module does not answer", "stopped")
    assert told["entries"] == succeeded(done)
    assert ask(core, Operation.UPDATE, "sys/sealwrap/rewrap").status == 0
    assert finish(core)["error"] == "the module does not answer"
    away.bring_back()
    ask(core, Operation.UPDATE, "sys/sealwrap/rewrap")
    told = finish(core)
    assert (told["entries"], told["error"]) == (succeeded(MANY + 1), "")
    assert key_ids(core) == {new.key_id: MANY}


def test_a_seal_out_of_reach_fails_what_it_wraps_and_nothing_else(place: Place, module: Module):
    """Reads and writes of wrapped entries fail with words; all else goes on, and nothing is stored unwrapped."""
    seal = module.generate()
    core = module.make(place.open(), seal)
    fill(core, 2)
    seal.take_away()
    for operation in (Operation.READ, Operation.UPDATE):
        with pytest.raises(SealUnavailable, match="the module does not answer"):
            ask(core, operation, "w/00000", value="other")
    with pytest.raises(SealUnavailable):
        ask(core, Operation.UPDATE, "w/new", value="other")
    ask(core, Operation.UPDATE, "secret/data/a", data={"a": 1})
    assert ask(core, Operation.READ, "secret/data/a").data["data"] == {"a": 1}
    assert "w/" in ask(core, Operation.READ, "sys/mounts").data
    seal.bring_back()
    assert key_ids(core)[seal.key_id] == 2
    assert read_all(core, 2) == ["secret 0", "secret 1"]


def test_a_seal_that_wraps_nothing_counts_nothing_and_says_why(place: Place, module: Module):
    """Under a seal that needs people a rewrap starts, counts 0, and tells the reason."""
    core = module.make(place.open(), module.generate(is_auto=False))
    warned = ask(core, Operation.UPDATE, "sys/mounts/warned", type="kv", seal_wrap=True).warnings
    assert warned == (
        "a shamir seal wraps no entries: seal_wrap is kept, and is heeded once the state has an auto seal",
    )
    fill(core, 2)
    assert set(key_ids(core)) == {""}
    answer = ask(core, Operation.UPDATE, "sys/sealwrap/rewrap")
    assert "a shamir seal wraps no entries" in answer.warnings[0]
    told = finish(core)
    assert (told["entries"], told["is_running"], told["error"]) == (succeeded(0), False, "")
    assert "a shamir seal wraps no entries" in told["note"]


def test_a_migration_to_an_auto_seal_wraps_and_from_it_unwraps(place: Place, module: Module):
    """A rewrap to the current seal is all that a migration needs, either way."""
    shamir, auto = module.generate(is_auto=False), module.generate()
    core = module.make(place.open(), shamir)
    fill(core, COUNT)
    module.rotate(core, auto)
    assert finish(core)["entries"] == succeeded(COUNT + 1)
    assert key_ids(core) == {auto.key_id: COUNT}
    module.rotate(core, shamir)
    assert finish(core)["entries"] == succeeded(COUNT)
    assert key_ids(core) == {"": COUNT}
    auto.take_away()
    assert read_all(core, COUNT)[-1] == f"secret {COUNT - 1}"


def test_disabled_wrapping_is_lazy_and_a_rewrap_makes_it_true(place: Place, module: Module):
    """`disable_sealwrap` changes what is written, either way; a rewrap changes all the rest."""
    seal = module.generate()
    core = module.make(place.open(), seal)
    fill(core, 4)
    core.close()
    off = module.open(place.open(), wraps=False)
    ask(off, Operation.UPDATE, "w/00000", value="secret 0")
    assert key_ids(off) == {seal.key_id: 3, "": 1}
    ask(off, Operation.UPDATE, "sys/sealwrap/rewrap")
    assert finish(off)["entries"] == succeeded(4)
    assert key_ids(off) == {"": 4}
    assert "disable_sealwrap" in status(off)["note"]
    assert key_ids(off, "core/seal/") == {seal.key_id: 1}
    off.close()
    on = module.open(place.open())
    ask(on, Operation.UPDATE, "w/00000", value="secret 0")
    assert key_ids(on) == {seal.key_id: 1, "": 3}
    ask(on, Operation.UPDATE, "sys/sealwrap/rewrap")
    assert finish(on)["entries"] == succeeded(5)
    assert key_ids(on) == {seal.key_id: 4}
    assert read_all(on, 4) == [f"secret {number}" for number in range(4)]


@pytest.mark.parametrize("kind", ["1", "2"])
def test_a_mount_wraps_what_its_engine_declares(module: Module, tmp_path, kind: str):
    """kv of version 1 wraps all that it has; of version 2 the versions' data, and not what lists them."""
    seal = module.generate()
    core = module.make(Place("memory", tmp_path).open(), seal)
    ask(core, Operation.UPDATE, "sys/mounts/k", type="kv", seal_wrap=True, options={"version": kind})
    ask(core, Operation.UPDATE, "k/data/a", data={"a": "b"})
    assert key_ids(core) == ({seal.key_id: 1} if kind == "1" else {seal.key_id: 1, "": 1})


def test_the_seal_backends_are_shown_without_a_token(module: Module, tmp_path):
    """Healthy and wrapped whole before and after a rewrap, not whole before its end."""
    old, new = module.generate(), module.generate()
    core = module.make(Place("memory", tmp_path).open(), old, monotonic_s=counting().__next__)
    fill(core, COUNT)

    def told():
        return core.handle(Request(Operation.READ, "sys/seal-backend-status")).raw

    one = {
        "name": "static",
        "key_id": old.key_id,
        "healthy": True,
        "configured": True,
        "disabled": False,
        "wraps": True,
    }
    assert told() == {"healthy": True, "fully_wrapped": True, "backends": [one]}
    module.rotate(core, new)
    assert told() == {
        "healthy": True,
        "fully_wrapped": False,
        "backends": [{**one, "key_id": new.key_id}, {**one, "disabled": True, "wraps": False}],
    }
    finish(core)
    assert told() == {"healthy": True, "fully_wrapped": True, "backends": [{**one, "key_id": new.key_id}]}


def test_an_ill_seal_is_shown_since_when(module: Module, tmp_path):
    """A seal that cannot be asked is told of with the moment of the first look that found it so."""
    now_ns = [1767225600 * 10**9]
    seal = module.generate()
    core = module.make(Place("memory", tmp_path).open(), seal, now_ns=lambda: now_ns[0])
    assert core.handle(Request(Operation.READ, "sys/seal-backend-status")).raw["healthy"]
    seal.take_away()
    now_ns[0] += 601 * 10**9
    for _ in range(2):
        told = core.handle(Request(Operation.READ, "sys/seal-backend-status")).raw
        assert (told["healthy"], told["unhealthy_since"]) == (False, "2026-01-01T00:10:01Z")
        assert told["backends"][0]["unhealthy_since"] == "2026-01-01T00:10:01Z"
        now_ns[0] += 61 * 10**9
    seal.bring_back()
    assert core.handle(Request(Operation.READ, "sys/seal-backend-status")).raw["healthy"]


def test_the_entries_of_each_wrapped_mount_are_counted(module: Module, tmp_path):
    """For each seal-wrapped mount it is told how many entries are under which key."""
    core = module.make(Place("memory", tmp_path).open(), module.generate(), monotonic_s=counting().__next__)
    fill(core, 3)
    ask(core, Operation.UPDATE, "sys/namespaces/n")
    core.handle(
        Request(Operation.UPDATE, "sys/mounts/k", "n", data={"type": "kv", "seal_wrap": True}, token=ROOT_TOKEN)
    )

    def told():
        info = ask(core, Operation.LIST, "sys/sealwrap/mounts").data["key_info"]
        return {path: (each["current"], each["old"], each["unwrapped"]) for path, each in info.items()}

    assert told() == {"w/": (3, 0, 0), "n/k/": (0, 0, 0)}
    module.rotate(core, module.generate())
    assert told()["w/"] == (0, 3, 0)
    finish(core)
    assert told()["w/"] == (3, 0, 0)


def test_a_second_rotation_while_one_is_under_way_starts_nothing(module: Module, tmp_path):
    """As long as a rewrap runs, another one is not started."""
    core = module.make(Place("memory", tmp_path).open(), module.generate(), monotonic_s=counting().__next__)
    fill(core, 3)
    module.rotate(core, module.generate())
    with core.sessions.writing() as session:
        assert not rewrap.start(session, 0, bytes)


def damage(path: Path, like: str) -> tuple[str, bytes]:
    """Change a bit of an entry's ciphertext; give its name, and what it was."""
    with sqlite3.connect(path) as connection:
        name, value = connection.execute("SELECT name, value FROM entry WHERE name LIKE ?", (like,)).fetchone()
    overwrite(path, name, value[:-1] + bytes([value[-1] ^ 1]))
    return name, value


def overwrite(path: Path, name: str, value: bytes) -> None:
    """Put other bytes in an entry's place."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entry SET value = ? WHERE name = ?", (value, name))


def test_the_last_commit_of_a_rewrap_is_synced(module: Module, tmp_path):
    """Batches on the way may be put off; the commit that ends the job, after which an old key may go, never is."""
    place = Place("sqlite", tmp_path)
    core = module.make(place.open(), module.generate())
    fill_quickly(core, 400)
    module.rotate(core, module.generate())
    backend, synced, ended = core.state.backend, [], []
    writer, commit = backend.writer, SqliteWriter.commit

    class Watching(SqliteWriter):
        """Notes how the connection syncs when something is committed, and whether a job ends by it."""

        def commit(self, what, integrity):
            """Commit."""
            synced.append(self._connection.execute("PRAGMA synchronous").fetchone()[0])
            ended.append(any(name.startswith(DONE) for name in what.changes))
            commit(self, what, integrity)

    def watched(**options):
        return _rebuilt(writer(**options), Watching)

    backend.writer = watched
    told = finish(core)
    core.close()
    assert (told["entries"]["processed"], told["entries"]["failed"]) == (401, 0)
    assert ended[-1:] == [True]
    assert (synced[-1], 1 in synced) == (2, True)  # FULL at the end, NORMAL on the way


@contextmanager
def _rebuilt(writers, kind):
    with writers as writer:
        writer.__class__ = kind
        yield writer
