"""Namespaces: what is in one stays in it, and a deletion takes all of it, whatever ends the process meanwhile."""

import pytest
from support.states import ROOT_TOKEN, make_core

from vaultctl.core import jobs
from vaultctl.core.core import Core
from vaultctl.core.system.namespaces import BATCH
from vaultctl.logical.errors import InvalidRequest, NamespaceLocked, NotFound
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

COUNT = 2 * BATCH + 7


@pytest.fixture
def core() -> Core:
    """A core whose requests have no time left for jobs, with the namespaces a/, a/b/ and c/, and a kv mount in each."""
    core = make_core(Memory(), monotonic_s=iter(range(10**9)).__next__)
    for name, above in (("a", ""), ("b", "a"), ("c", "")):
        ask(core, Operation.UPDATE, f"sys/namespaces/{name}", above)
        ask(core, Operation.UPDATE, "sys/mounts/k", f"{above}/{name}".strip("/"), type="kv")
    return core


def ask(core, operation, path, namespace="", **data):
    """Ask with the root token."""
    return core.handle(Request(operation, path, namespace, data=data, token=ROOT_TOKEN))


def names_below(core, prefix):
    """Give what the state holds below a prefix."""
    with core.sessions.reading() as session:
        return list(session.view.below(prefix))


def test_each_namespace_has_its_own_secrets(core):
    """The same path holds another secret in each namespace, by header and by prefix."""
    for namespace in ("a", "a/b", "c"):
        ask(core, Operation.UPDATE, "k/x", namespace, of=namespace)
    found = [ask(core, Operation.READ, f"{name}/k/x").data["of"] for name in ("a", "a/b", "c")]
    assert found == ["a", "a/b", "c"]
    assert ask(core, Operation.READ, "b/k/x", "a").data == {"of": "a/b"}


def test_a_deletion_goes_on_where_it_was(core):
    """Each step deletes a batch; the next process goes on, and in the end nothing of the namespace is left."""
    with core.sessions.writing() as session:
        space = session.namespaces.at("c/")
        prefix = session.mounts.at("k/", space.id).storage_prefix
        for number in range(COUNT):
            session.view.put(f"{prefix}{number}", b"{}")
        session.commit()
    ask(core, Operation.DELETE, "sys/namespaces/c")
    with pytest.raises(NotFound, match="namespace not found"):
        ask(core, Operation.READ, "k/1", "c")
    left = len(names_below(core, prefix))
    assert 0 < left < COUNT
    again = Core(core.state)
    while again.advance(0.0):
        assert len(names_below(again, prefix)) < left
        left = len(names_below(again, prefix))
    with again.sessions.reading() as session:
        assert not session.namespaces.at("c/")
        assert not list(session.mounts.within(space.id))
        assert [job.status for job in jobs.history(session.view)] == [jobs.SUCCESS]
    assert not names_below(again, prefix)


def test_a_name_is_free_once_its_namespace_is_gone(core):
    """A namespace of the same name begins empty, and has another id."""
    before = ask(core, Operation.READ, "sys/namespaces/c").data["id"]
    ask(core, Operation.UPDATE, "k/x", "c", v=1)
    ask(core, Operation.DELETE, "sys/namespaces/c")
    while core.advance(0.0):
        pass
    assert ask(core, Operation.UPDATE, "sys/namespaces/c").data["id"] != before
    assert "k/" not in ask(core, Operation.READ, "sys/mounts", "c").data


def test_a_name_that_is_being_deleted_cannot_be_taken(core):
    """What is left of the old namespace never becomes part of a new one."""
    with core.sessions.writing() as session:
        session.put_namespace(session.namespaces.at("c/")._replace(tainted=True))
        session.commit()
    with pytest.raises(InvalidRequest, match="being deleted"):
        ask(core, Operation.UPDATE, "sys/namespaces/c")


def test_a_move_whose_namespace_is_gone_fails_and_says_so(core):
    """A mount does not end up in the root because the namespace that it was to move to is gone."""
    ask(core, Operation.UPDATE, "sys/mounts/r", type="kv")
    with core.sessions.writing() as session:
        mount, space = session.mounts.at("r/"), session.namespaces.at("c/")
        session.put_mount(mount._replace(tainted=True))
        params = {"source": "r/", "target": "c/r/", "namespace": space.id, "path": "r/", "uuid": mount.uuid}
        jobs.enqueue(session.view, jobs.Job("1", "remount", params, 1, 1))
        session.remove_namespace(space)
        session.commit()
    while core.advance(0.0):
        pass
    with core.sessions.reading() as session:
        assert jobs.find(session.view, "1").error == "the namespace of c/r/ is gone"
        assert not session.mounts.at("r/").tainted


def test_a_lock_holds_for_all_that_is_inside(core):
    """Nothing in a locked namespace answers, with a good token or none; its key opens it."""
    key = ask(core, Operation.UPDATE, "sys/namespaces/api-lock/lock/a").data["unlock_key"]
    for path, namespace in (("k/x", "a"), ("a/b/k/x", ""), ("sys/mounts", "a/b")):
        with pytest.raises(NamespaceLocked, match='"a/" must be unlocked'):
            core.handle(Request(Operation.READ, path, namespace))
    with pytest.raises(InvalidRequest, match="incorrect unlock key"):
        ask(core, Operation.UPDATE, "sys/namespaces/api-lock/unlock/a", unlock_key="x")
    ask(core, Operation.UPDATE, "sys/namespaces/api-lock/unlock/a", unlock_key=key)
    assert "k/" in ask(core, Operation.READ, "sys/mounts", "a/b").data
    assert key not in repr([core.state.backend, names_below(core, "core/namespaces/")])
