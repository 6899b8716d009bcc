"""Policies that go with a move: all of them in the commit that gives the mount its new path, or none."""

import random

import pytest
from support import processes
from support.lender import Lender
from support.places import Place
from support.policies import LIMITED, ask, give_token, may, write_policy
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
    with pytest.raises(VaultError, match="a policy of namespace root is to be rewritten, and may not be") as caught:
        move(core, token=LIMITED)
    assert caught.value.status == 403
    assert "a/" in ask(core, READ, "sys/mounts").data
    assert text(core, "hcl") == TEXT.format("a")
    write_policy(core, "mover", MOVER + 'path "sys/policies/acl/*" { capabilities = ["update"] }')
    assert move(core, token=LIMITED)["status"] == "success"
    assert text(core, "json") == JSON.format("b/c")


@pytest.mark.parametrize("seen", ['"sys/policies/acl" {{ {} ["list"] }}', '"sys/policies/acl/json" {{ {} ["read"] }}'])
def test_a_refusal_names_the_policy_to_who_may_know_of_it(core, seen):
    """Who may list policies, or read this one, hears which one it is."""
    allowed = 'path "sys/policies/acl/hcl" { capabilities = ["update"] }\npath ' + seen.format("capabilities =")
    write_policy(core, "mover", MOVER + allowed)
    give_token(core, "mover")
    with pytest.raises(VaultError, match="sys/policies/acl/json is to be rewritten, and may not be"):
        move(core, token=LIMITED)


@pytest.mark.parametrize(
    ("limit", "is_let"),
    [
        ('allowed_parameters = { "policy" = ["path \\"a/*\\" {}"] }', False),
        ('allowed_parameters = { "policy" = ["path \\"b/*\\" {}"] }', True),
        ('denied_parameters = { "policy" = ["path \\"b/*"] }', False),
        ('denied_parameters = { "policy" = ["path \\"c/*"] }', True),
        ('denied_parameters = { "*" = [] }', False),
        ('allowed_parameters = { "ttl" = [] }', False),
        ('required_parameters = ["policy"]', True),
        ('required_parameters = ["ttl"]', False),
        ("min_wrapping_ttl = 60", False),
    ],
)
def test_limits_on_what_may_be_written_hold_for_moves(core, limit, is_let):
    """Who may not write the new text as a policy does not have a move write it: it is judged as that very write."""
    write_policy(core, "one", 'path "a/*" {}')
    for name in ("hcl", "json"):
        ask(core, Operation.DELETE, f"sys/policies/acl/{name}")
    write_policy(core, "mover", MOVER + f'path "sys/policies/acl/one" {{ capabilities = ["update"]\n{limit}\n}}')
    give_token(core, "mover")
    assert may(core, UPDATE, "sys/policies/acl/one", policy='path "b/*" {}') is is_let
    write_policy(core, "one", 'path "a/*" {}')
    if is_let:
        assert move(core, target="b", token=LIMITED)["status"] == "success"
        assert text(core, "one") == 'path "b/*" {}'
        return
    with pytest.raises(VaultError, match="to be rewritten, and may not be"):
        move(core, target="b", token=LIMITED)
    assert (text(core, "one"), "a/" in ask(core, READ, "sys/mounts").data) == ('path "a/*" {}', True)


def test_what_was_judged_under_limits_is_what_is_written(tmp_path, monkeypatch):
    """Where the new text was looked at, and somebody wrote another one meanwhile, the move fails."""
    lender = Lender(tmp_path / "lender")
    lender.install(monkeypatch)
    core = make_core(Memory(), monotonic_s=iter(range(10**9)).__next__)
    ask(core, UPDATE, "sys/mounts/db", type="lender")
    for _ in range(40):
        ask(core, READ, "db/creds/a")
    write_policy(core, "one", 'path "db/*" {}')
    limit = 'allowed_parameters = { "policy" = ["path \\"x/*\\" {}"] }'
    write_policy(core, "mover", MOVER + f'path "sys/policies/acl/one" {{ capabilities = ["update"]\n{limit}\n}}')
    give_token(core, "mover")
    data = {"from": "db", "to": "x", "rewrite_policies": True}
    status = f"sys/remount/status/{ask(core, UPDATE, 'sys/remount', LIMITED, **data).data['migration_id']}"
    changed = 'path "db/creds/*" { capabilities = ["read"] }'
    with core.sessions.writing() as session:
        policy = store.find(session.view, "one", 0, "root")
        store.put(session.view, "one", policy._replace(text=changed, rules=rules.parse(changed, 0)), None, "root")
        session.commit()
    while core.advance(1):
        pass
    told = ask(core, READ, status).data["migration_info"]
    assert (told["status"], text(core, "one")) == ("failure", changed)
    assert "it was written meanwhile, and what may be written there is limited" in told["error"]
    assert "db/" in ask(core, READ, "sys/mounts").data


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        ("a", "+", 'path "a/*" { capabilities = ["read"] }'),
        ("a", "s*", 'path "a" { capabilities = ["list"] }'),
        ("a", "{{identity.entity.id}}", 'path "a/*" { capabilities = ["read"] }'),
        ("+", "plain", 'path "+/x" { capabilities = ["deny"] }'),
        ("a", "q/+", 'path "sys/mounts/a/tune" { capabilities = ["read"] }'),
    ],
)
def test_no_policy_comes_to_mean_more_by_a_move(core, source, target, rule):
    """A path that would be a pattern at its new place, or is one at its old, stays as it is; the mount moves."""
    if source != "a":
        ask(core, UPDATE, f"sys/mounts/{source}", type="kv")
    write_policy(core, "app", rule)
    told = move(core, source, target)
    assert (told["status"], "app" in told["policies"], text(core, "app")) == ("success", False, rule)


def test_a_list_of_moves_is_one_of_the_namespace():
    """A namespace hears of moves from and to what is in it, and of no policy above the token."""
    core = make_core(Memory())
    for path in ("n", "n/in", "m"):
        parent, _, name = path.rpartition("/")
        core.handle(Request(UPDATE, f"sys/namespaces/{name}", parent, token=ROOT_TOKEN))
    ids = {}
    moves = {
        "root": ("a", "b"),
        "n": ("n/a", "n/b"),
        "in": ("n/in/a", "n/in/b"),
        "m": ("m/a", "m/b"),
        "out": ("n/c", "m/c"),
    }
    write_policy(core, "above", 'path "n/a/*" {}')
    ask(core, UPDATE, "n/sys/policies/acl/inside", policy='path "a/*" {}')
    for name, (old, new) in moves.items():
        namespace, _, mount = old.rpartition("/")
        core.handle(Request(UPDATE, f"sys/mounts/{mount}", namespace, data={"type": "kv"}, token=ROOT_TOKEN))
        answer = ask(core, UPDATE, "sys/remount", **{"from": old, "to": new, "rewrite_policies": True})
        ids[answer.data["migration_id"]] = name
    assert answer.data["policies"] == []

    def listed(namespace: str, token: str = ROOT_TOKEN) -> dict:
        found = core.handle(Request(LIST, "sys/remount/status", namespace, token=token)).data
        return {ids[key]: found["key_info"][key].get("policies") for key in found["keys"]}

    assert sorted(listed("")) == sorted(moves)
    assert sorted(listed("n")) == ["in", "n", "out"]
    assert sorted(listed("n/in")) == ["in"]
    assert sorted(listed("m")) == ["m", "out"]
    assert listed("n")["n"] == ["above", "n/inside"]
    ask(core, UPDATE, "n/sys/policies/acl/seer", policy='path "sys/remount/status" { capabilities = ["list"] }')
    made = ask(core, UPDATE, "n/auth/token/create-orphan", policies=["seer"]).auth
    assert listed("n", made["client_token"])["n"] == ["n/inside"]


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
