"""Policies that go with a move: all of them in the commit that gives the mount its new path, or none."""

import random

import pytest
from support import processes
from support.lender import Lender
from support.places import Place
from support.policies import LIMITED, ask, give_token, write_policy
from support.soak import times
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.core.core import Core
from vaultctl.core.policies import rules, store
from vaultctl.logical.errors import VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

READ, LIST, UPDATE = Operation.READ, Operation.LIST, Operation.UPDATE
TEXT = '# of {0}\npath "{0}/*" {{\n  capabilities = ["read"] # {0}\n}}\npath "sys/mounts/{0}/tune" {{}}\n'
JSON = '{{"path": {{"{0}/x": {{"capabilities": ["read"]}}}}}}'
MOVER = 'path "sys/remount" { capabilities = ["update", "sudo"] }\n'


@pytest.fixture
def core() -> Core:
    """A core with a mount at a/, and two policies that name it, one of them in JSON."""
    return filled(make_core(Memory()))


def filled(core: Core) -> Core:
    """Give a core that mount and those policies."""
    ask(core, UPDATE, "sys/mounts/a", type="kv")
    write_policy(core, "hcl", TEXT.format("a"))
    write_policy(core, "json", JSON.format("a"), cas_required=True, cas=-1)
    write_policy(core, "other", 'path "ab/*" {}')
    return core


def move(core: Core, source: str = "a", target: str = "b/c", token: str = ROOT_TOKEN, **more: object) -> dict:
    """Move a mount with its policies; give its status at the end."""
    answer = ask(core, UPDATE, "sys/remount", token, **{"from": source, "to": target, "rewrite_policies": True}, **more)
    while core.advance(1):
        pass
    told = ask(core, READ, f"sys/remount/status/{answer.data['migration_id']}").data
    return dict(told["migration_info"])


def text(core: Core, name: str, namespace: str = "") -> str:
    """Give a policy's text."""
    request = Request(READ, f"sys/policies/acl/{name}", namespace, token=ROOT_TOKEN)
    return core.handle(request).data["policy"]


def test_the_policies_go_with_the_mount(core):
    """Both forms are rewritten, comments stay, the versions rise by one, and the status names them."""
    told = move(core)
    assert (told["status"], told["policies"]) == ("success", ["hcl", "json"])
    assert text(core, "hcl") == TEXT.format("a").replace('"a/*"', '"b/c/*"').replace("mounts/a/", "mounts/b/c/")
    assert text(core, "json") == JSON.format("b/c")
    assert text(core, "other") == 'path "ab/*" {}'
    shown = ask(core, READ, "sys/policies/acl/json").data
    assert (shown["version"], shown["cas_required"]) == (2, True)


def test_tokens_are_judged_by_the_rewritten_policies(core):
    """Who had the mount has it at its new path, and nothing is left at the old one."""
    ask(core, UPDATE, "a/x", k="v")
    give_token(core, "hcl")
    assert ask(core, READ, "a/x", LIMITED).data == {"k": "v"}
    move(core)
    assert ask(core, READ, "b/c/x", LIMITED).data == {"k": "v"}
    with pytest.raises(VaultError):
        ask(core, READ, "a/x", LIMITED)


def test_a_move_that_does_not_ask_leaves_policies_alone(core):
    """Nothing is rewritten, and the status does not speak of policies."""
    answer = ask(core, UPDATE, "sys/remount", **{"from": "a", "to": "b/c"})
    told = ask(core, READ, f"sys/remount/status/{answer.data['migration_id']}").data["migration_info"]
    assert (told["status"], "policies" in told, "policies" in answer.data) == ("success", False, False)
    assert text(core, "hcl") == TEXT.format("a")


def test_who_may_not_write_a_policy_does_not_move(core):
    """The right to move is not the right to rewrite: the request is refused, and nothing has changed."""
    write_policy(core, "mover", MOVER + 'path "sys/policies/acl/hcl" { capabilities = ["update"] }')
    give_token(core, "mover")
    with pytest.raises(VaultError, match="sys/policies/acl/json is to be rewritten, and may not be") as caught:
        move(core, token=LIMITED)
    assert caught.value.status == 403
    assert "a/" in ask(core, READ, "sys/mounts").data
    assert text(core, "hcl") == TEXT.format("a")
    write_policy(core, "mover", MOVER + 'path "sys/policies/acl/*" { capabilities = ["update"] }')
    assert move(core, token=LIMITED)["status"] == "success"
    assert text(core, "json") == JSON.format("b/c")


def test_a_policy_that_was_written_meanwhile_is_rewritten_as_it_is(core, tmp_path, monkeypatch):
    """While leases are revoked policies may change: what the last step finds is what it rewrites."""
    lender = Lender(tmp_path / "lender")
    lender.install(monkeypatch)
    core = make_core(Memory(), monotonic_s=iter(range(10**9)).__next__)
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(40):
        ask(core, READ, "db/creds/a")
    write_policy(core, "one", 'path "db/*" {}')
    write_policy(core, "two", 'path "db/*" {}')
    answer = ask(core, UPDATE, "sys/remount", **{"from": "db", "to": "x", "rewrite_policies": True})
    status = f"sys/remount/status/{answer.data['migration_id']}"
    assert ask(core, READ, status).data["migration_info"]["status"] == "in-progress"
    with core.sessions.writing() as session:
        policy = store.find(session.view, "one", 0, "root")
        changed = 'path "db/creds/*" {} # by somebody else'
        store.put(session.view, "one", policy._replace(text=changed, rules=rules.parse(changed, 0)), None, "root")
        store.remove(session.view, "two", "root")
        session.commit()
    while core.advance(1):
        pass
    assert ask(core, READ, status).data["migration_info"]["status"] == "success"
    assert text(core, "one") == 'path "x/creds/*" {} # by somebody else'


def test_a_move_that_fails_rewrites_nothing(core, tmp_path, monkeypatch):
    """Where a lease cannot be revoked the mount stays, and so do the policies."""
    lender = Lender(tmp_path / "lender")
    lender.install(monkeypatch)
    core = make_core(Memory())
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    ask(core, READ, "db/creds/a")
    write_policy(core, "one", 'path "db/*" {}')
    (lender.folder / "broken").write_text("a")
    told = move(core, "db", "x")
    assert (told["status"], text(core, "one")) == ("failure", 'path "db/*" {}')


def test_across_namespaces():
    """Policies above both places follow; those of the namespace that the mount leaves cannot name it, and stay."""
    core = make_core(Memory())
    for name in ("n", "m"):
        ask(core, UPDATE, f"sys/namespaces/{name}")
    ask(core, UPDATE, "n/sys/mounts/a", type="kv")
    write_policy(core, "above", 'path "n/a/*" {} path "n/sys/mounts/a" {}')
    ask(core, UPDATE, "n/sys/policies/acl/inside", policy='path "a/*" {}')
    told = move(core, "n/a", "m/b")
    assert (told["status"], told["policies"]) == ("success", ["above"])
    assert text(core, "above") == 'path "m/b/*" {} path "m/sys/mounts/b" {}'
    assert text(core, "inside", "n") == 'path "a/*" {}'


def test_who_is_at_home_in_a_namespace_rewrites_its_policies_alone():
    """A token of a namespace does not see the policies above it, and moves all the same."""
    core = make_core(Memory())
    ask(core, UPDATE, "sys/namespaces/n")
    ask(core, UPDATE, "n/sys/mounts/a", type="kv")
    write_policy(core, "above", 'path "n/a/*" {}')
    ask(core, UPDATE, "n/sys/policies/acl/inside", policy='path "a/*" {}')
    everything = MOVER + 'path "sys/policies/acl/*" { capabilities = ["update"] }'
    ask(core, UPDATE, "n/sys/policies/acl/admin", policy=everything)
    made = ask(core, UPDATE, "n/auth/token/create-orphan", policies=["admin"]).auth
    data = {"from": "a", "to": "b", "rewrite_policies": True}
    answer = core.handle(Request(UPDATE, "sys/remount", "n", data=data, token=made["client_token"]))
    assert answer.data["policies"] == ["n/inside"]
    assert (text(core, "inside", "n"), text(core, "above")) == ('path "b/*" {}', 'path "n/a/*" {}')


def test_an_auth_method_takes_its_policies_along():
    """Logins, tuning and both forms of its path follow."""
    core = make_core(Memory())
    ask(core, UPDATE, "sys/auth/people", type="userpass")
    write_policy(core, "p", 'path "auth/people/login/*" {} path "sys/auth/people" {}')
    assert move(core, "auth/people", "auth/staff")["policies"] == ["p"]
    assert text(core, "p") == 'path "auth/staff/login/*" {} path "sys/auth/staff" {}'


@pytest.mark.parametrize("kind", ["json", "sqlite"])
def test_a_kill_leaves_both_or_neither(kind, tmp_path):
    """Killed at any moment, the mount and its policies are at the old path together, or at the new one."""
    place, chance = Place(kind, tmp_path), random.Random()
    filled(make_core(place.open())).close()
    for _ in range(times(12, 300)):
        mover = processes.start("move_on", place.kind, place.path)
        for _ in range(chance.randrange(1, 4)):
            processes.hear(mover)
        for _ in range(chance.randrange(200_000)):
            pass
        processes.kill(mover)
        core = open_core(place.open())
        (at,) = [path for path in ask(core, READ, "sys/mounts").data if path in ("a/", "b/c/")]
        assert f'path "{at}*"' in text(core, "hcl")
        assert f"sys/mounts/{at}tune" in text(core, "hcl")
        assert text(core, "json") == JSON.format(at.rstrip("/"))
        core.close()
    core = open_core(place.open())
    while core.advance(1):
        pass
    assert all(job["status"] == "success" for job in ask(core, LIST, "sys/remount/status").data["key_info"].values())
    core.close()
