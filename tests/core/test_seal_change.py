"""A change of the seal, in the one commit that makes it."""

import os

import pytest
from support.places import Place
from support.seals import Module, fill, finish, key_ids, read_all

from vaultctl.core import rewrap, seal_change
from vaultctl.logical.errors import StateUnavailable


@pytest.fixture
def module(tmp_path):
    """A folder of keys."""
    return Module(tmp_path / "module")


@pytest.fixture
def core(tmp_path, module):
    """A state under a key of its own, with three wrapped entries."""
    core = module.make(Place("sqlite", tmp_path).open(), module.generate())
    fill(core, 3)
    yield core
    core.close()


def change(core, module, seal) -> None:
    """Put the state under another seal, without stepping the rewrap."""
    with core.sessions.writing() as session:
        seal_change.check_no_rewrap(session.transaction)
        seal_change.put_under(session.transaction, seal, module.find)
        rewrap.start(session, core.host.now_ns(), os.urandom)
        session.commit()


def previous(core) -> list[str]:
    """Name the earlier keys that the header knows."""
    with core.state.reader() as view:
        return [each["key_id"] for each in view.header.seal.get("previous", [])]


def test_an_earlier_seal_is_known_until_the_rewrap_is_over(core, module):
    """Entries that it wraps can be read meanwhile; afterwards the state is under the new one alone."""
    with core.state.reader() as view:
        old = view.seal.key_id
    seal = module.generate()
    change(core, module, seal)
    assert (previous(core), read_all(core, 3)) == ([old], [f"secret {number}" for number in range(3)])
    finish(core)
    assert (previous(core), key_ids(core)) == ([], {seal.key_id: 3})


def test_an_old_seal_gives_no_root_key_of_today(core, module):
    """With a copy of the root key's entry from before and the old seal, people have another root key."""
    with core.state.reader() as view:
        old, before = view.root_key(), view.header.epoch
    change(core, module, module.generate())
    with core.state.reader() as view:
        assert (view.root_key() != old, view.header.epoch) == (True, before)


def test_a_seal_that_wraps_nothing_is_no_earlier_one(core, module):
    """From a seal that people open, nothing but the root key was wrapped."""
    change(core, module, module.generate(is_auto=False))
    finish(core)
    change(core, module, module.generate())
    assert previous(core) == []
    finish(core)
    assert read_all(core, 3) == [f"secret {number}" for number in range(3)]


def test_back_to_the_seal_that_it_had(core, module):
    """A seal is never an earlier one of itself."""
    with core.state.reader() as view:
        first = view.seal
    change(core, module, module.generate())
    finish(core)
    change(core, module, first)
    assert first.key_id not in previous(core)
    finish(core)
    assert key_ids(core)[first.key_id] == 3


def test_no_change_while_a_rewrap_runs(core, module):
    """It needs the keys as they are."""
    change(core, module, module.generate())
    with pytest.raises(StateUnavailable, match="a rewrap is running"):
        change(core, module, module.generate())


def test_new_shares_keep_the_earlier_seal(core, module):
    """Whoever makes new shares of an unseal key while entries are unwrapped leaves them what opens them."""
    change(core, module, module.generate(is_auto=False))
    earlier = previous(core)
    with core.sessions.writing() as session:
        session.transaction.replace_root_key(module.generate(is_auto=False))
        session.commit()
    assert (previous(core), read_all(core, 3)) == (earlier, [f"secret {number}" for number in range(3)])
