"""What is kept from one request to the next is never what has changed meanwhile."""

import os
import threading
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest

from vaultctl.connect.local import now
from vaultctl.core import bootstrap, pipeline, tokens
from vaultctl.core.core import Core
from vaultctl.core.state import State
from vaultctl.core.token_store import sweep
from vaultctl.crypto.aead import KEY_B
from vaultctl.crypto.seals import static
from vaultctl.logical import json_text
from vaultctl.logical.errors import BadToken, NoRoute
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.json_file import JsonSyntax, json_file
from vaultctl.storage.memory import Memory
from vaultctl.storage.text_file import TextFile

ROOT, OTHER = "s.the-root-token", "s.another-root-token"
NOW_S = 1_800_000_000


class Clocked:
    """A core over a state in memory, and the time that it takes for now."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        key = os.urandom(KEY_B)
        state = State(Memory(), lambda _: static.StaticSeal(key, os.urandom), random=os.urandom, now=now)
        seal = static.StaticSeal(key, os.urandom)
        state.initialise("cluster", lambda: seal, lambda made: bootstrap.fill(made, ROOT, os.urandom, NOW_S))
        self.core = Core(state, now_ns=lambda: self.now_s * 10**9)

    def ask(self, path="sys/mounts", token=ROOT, operation=Operation.READ, **data):
        return self.core.handle(Request(operation, path, token=token, data=data))

    def create(self, **fields):
        with self.core.sessions.writing() as session:
            fields = {"policies": ("root",), "path": "", "display_name": "", "creation_time_s": NOW_S, **fields}
            made = tokens.create(session.view, OTHER, **fields)
            session.commit()
        return made


@pytest.fixture
def clocked() -> Clocked:
    """A core with a clock of the test's."""
    return Clocked()


def test_a_token_that_was_good_expires(clocked):
    """A token that was used a moment ago counts as absent from the second on at which it ends."""
    clocked.create(ttl_s=60)
    clocked.now_s += 59
    assert clocked.ask(token=OTHER).data
    clocked.now_s += 1
    with pytest.raises(BadToken):
        clocked.ask(token=OTHER)


def test_a_token_that_was_good_is_revoked(clocked):
    """A token that was used a moment ago opens nothing once it is removed."""
    token = clocked.create()
    assert clocked.ask(token=OTHER).data
    with clocked.core.sessions.writing() as session:
        sweep.revoke(session, token)
        session.commit()
    with pytest.raises(BadToken):
        clocked.ask(token=OTHER)


def test_a_token_that_was_bad_is_made(clocked):
    """A token that nobody knew a moment ago is good once it is made."""
    with pytest.raises(BadToken):
        clocked.ask(token=OTHER)
    clocked.create()
    assert clocked.ask(token=OTHER).data


def test_uses_are_counted_from_one_request_to_the_next(clocked):
    """A token of two uses is good twice, reads though both are."""
    clocked.create(num_uses=2)
    assert [bool(clocked.ask(token=OTHER).data) for _ in range(2)] == [True, True]
    with pytest.raises(BadToken):
        clocked.ask(token=OTHER)


def test_the_list_of_mounts_is_that_of_now(clocked):
    """Each change of the table is seen by the next listing, and an answer given before stays as it was."""
    before = clocked.ask()
    assert clocked.ask().data is before.data
    clocked.ask("sys/mounts/secret/tune", operation=Operation.UPDATE, description="changed")
    after = clocked.ask()
    assert (before.data["secret/"]["description"], after.data["secret/"]["description"]) == (
        "key/value secret storage",
        "changed",
    )
    clocked.ask("sys/mounts/secret", operation=Operation.DELETE)
    assert "secret/" not in clocked.ask().data
    assert before.request_id != after.request_id


def test_each_namespace_has_a_list_of_its_own(clocked):
    """What is kept of one namespace is not given in another, be it asked for by header or by path."""
    clocked.ask("sys/namespaces/team", operation=Operation.UPDATE)
    assert "secret/" in clocked.ask().data
    by_header = clocked.core.handle(Request(Operation.READ, "sys/mounts", namespace="team/", token=ROOT))
    by_path = clocked.ask("team/sys/mounts")
    assert sorted(by_header.data) == sorted(by_path.data) == ["cubbyhole/", "identity/", "sys/"]
    assert (by_header.mirrored, by_path.mirrored) == (True, False)


def test_a_change_that_was_not_committed_is_not_kept(clocked):
    """A session that ends without a commit leaves no trace in the next one's table of mounts."""
    with clocked.core.sessions.writing() as session:
        session.remove_mount(session.mounts.at("secret/"))
    assert "secret/" in clocked.ask().data


def test_what_is_kept_is_written_as_anything_else():
    """The JSON of a kept mapping is that of the same dict, safe in a page, and made once."""
    value = {"a/": {"b": "<&\u2028>", "n": json_text.Number("1.10"), "\udc80": [None, True, 2]}}
    kept = json_text.Kept(value)
    assert json_text.page(kept) == json_text.page(value)
    assert json_text.page(kept) is json_text.page(kept)
    assert json_text.dumps(kept, indent=2) == json_text.dumps(value, indent=2)


@pytest.mark.parametrize("indent", [None, 2])
def test_any_mapping_is_written_as_a_map(indent):
    """However deep it stands, a mapping that is no dict is a map, and its numbers keep their spelling."""
    inner = {"n": json_text.Number("1.10"), "empty": {}}
    for value in ({"a": 1}, inner):
        shown = {"x": [MappingProxyType({"y": MappingProxyType(value)})], "z": MappingProxyType({})}
        plain = {"x": [{"y": value}], "z": {}}
        assert json_text.dumps(shown, indent=indent) == json_text.dumps(plain, indent=indent)
        assert json_text.page(shown) == json_text.page(plain)


def test_what_json_does_not_have_is_refused():
    """A value of no kind that JSON has is no text of whatever Python calls it."""
    with pytest.raises(TypeError, match="complex is not JSON"):
        json_text.dumps({"a": 1j}, compact=True)


def test_where_paths_lead_is_kept_for_some_of_them(clocked, monkeypatch):
    """As many routes are kept as there is room for, none of long paths, and none beyond a change of mounts."""
    monkeypatch.setattr(pipeline, "_KEPT_ROUTES", 3)
    for name in (*"abcde", "x" * 300):
        clocked.ask(f"cubbyhole/{name}", operation=Operation.UPDATE, a=1)
    with clocked.core.sessions.reading() as session:
        assert set(session.mounts.routes) == {("root", "cubbyhole/d"), ("root", "cubbyhole/e")}
    clocked.ask("sys/mounts/one", operation=Operation.UPDATE, type="kv")
    clocked.ask("one/a", operation=Operation.UPDATE, b=2)
    clocked.ask("sys/remount", operation=Operation.UPDATE, **{"from": "one", "to": "two"})
    with pytest.raises(NoRoute):
        clocked.ask("one/a")
    assert clocked.ask("two/a").data == {"b": 2}


def test_what_was_kept_of_a_token_goes_with_the_write_that_stored_it(clocked):
    """A record that was kept by a write that never was committed is nobody's; another one in its place counts."""
    with clocked.core.sessions.writing() as session:
        fields = {"policies": ("root",), "path": "", "display_name": "", "creation_time_s": NOW_S}
        made = tokens.create(session.view, OTHER, **fields)
        tokens.keep_stored(session.view, made)
        assert tokens.load(session.view, made.id_hash) is made
    with pytest.raises(BadToken):
        clocked.ask(token=OTHER)
    clocked.create(policies=("default",))
    with clocked.core.sessions.reading() as session:
        assert tokens.load(session.view, made.id_hash).policies == ("default",)


def test_what_was_kept_of_a_token_is_what_is_stored(clocked):
    """A wrapping token that was kept when it was made is the same as one that is read."""
    wrapping = Request(Operation.UPDATE, "sys/wrapping/wrap", token=ROOT, data={"a": 1}, wrap_ttl_s=60.5)
    first, other = (clocked.core.handle(wrapping).wrap_info["token"] for _ in range(2))
    for token in (first, other):
        clocked.core.handle(Request(Operation.UPDATE, "sys/wrapping/rewrap", token=ROOT, data={"token": token}))
    clocked.core.handle(wrapping)
    with clocked.core.sessions.reading() as session:
        view = session.view
        hashes = [name for name in view.list(tokens.BY_ID) if not name.endswith("/")]
        kept = [tokens.load(view, id_hash) for id_hash in hashes]
        view.memo.clear()
        assert kept == [tokens.load(view, id_hash) for id_hash in hashes]
        assert any(token.rewrapped for token in kept)


class Stopping(TextFile):
    """A state's file, in which a thread called "old" stops once it has the newest generation in hand."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), JsonSyntax())
        self.has_it, self.goes_on = threading.Event(), threading.Event()

    def newest(self):
        """Give the newest generation."""
        found = super().newest()
        if threading.current_thread().name == "old":
            self.has_it.set()
            assert self.goes_on.wait(60)
        return found


def test_what_was_kept_of_a_state_is_not_taken_for_another_ones(tmp_path):
    """Another state comes in the place of one, under the same key, while threads have either in hand.

    Its own token is good, then and later, and that of the former state is not.
    """
    key, tokens_of = os.urandom(KEY_B), {"former": "s.of-the-former", "latter": "s.of-the-latter"}
    path, asked, unsealed = tmp_path / "state.json", threading.Event(), threading.Event()
    seal = static.StaticSeal(key, os.urandom)
    for name, token in tokens_of.items():
        state = State(json_file(str(tmp_path / name)), lambda _: seal, random=os.urandom, now=now)
        state.initialise(name, lambda: seal, partial(bootstrap.fill, root_token=token, random=os.urandom, now_s=NOW_S))

    def find_seal(_header):
        if threading.current_thread().name == "new":  # one that takes its time
            asked.set()
            assert unsealed.wait(60)
        return static.StaticSeal(key, os.urandom)

    def is_good(name):
        try:
            return bool(core.handle(Request(Operation.READ, "sys/mounts", token=tokens_of[name])).data)
        except BadToken:
            return False

    backend = Stopping(path)
    core = Core(State(backend, find_seal, random=os.urandom, now=now), now_ns=lambda: NOW_S * 10**9)
    (tmp_path / "former").rename(path)
    assert is_good("former")
    old = threading.Thread(target=is_good, args=("former",), name="old")
    new = threading.Thread(target=is_good, args=("latter",), name="new")
    old.start()
    assert backend.has_it.wait(60)
    (tmp_path / "latter").rename(path)
    new.start()
    assert asked.wait(60)
    backend.goes_on.set()
    old.join()
    unsealed.set()
    new.join()
    for _ in range(2):
        assert (is_good("latter"), is_good("former")) == (True, False)
