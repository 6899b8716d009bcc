"""`secrets move -check` and `-rewrite-policies`: on the local state, on a server of ours, and on a real OpenBao."""

import json
from pathlib import Path

import pytest
from support.bao import await_that

from vaultctl.logical.request import Operation

POLICY = '# the team\'s\npath "secret/data/*" {\n  capabilities = ["read"] # of secret/\n}\n'
REWRITTEN = POLICY.replace("secret/data", "apps/kv/data")
EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'


class Door:
    """The program on one door."""

    def __init__(self, run, kind, env):
        self.run = run
        self.kind = kind
        self.env = env

    def __call__(self, *args, stdin=b"", **env):
        """Run one command line."""
        return self.run(*args, stdin=stdin, env={**self.env, **env})

    def check(self, *args, **env):
        """Check a move; give the exit code, and what is told for machines."""
        ran = self("secrets" if "auth/" not in args[0] else "auth", "move", "-check", "-format=json", *args, **env)
        return ran.code, json.loads(ran.out) if ran.out else ran.err

    def policy(self, name, text, **env):
        """Write a policy."""
        assert self("policy", "write", name, "-", stdin=text.encode(), **env).code == 0

    def token(self, *policies):
        """Make a token; give the variable that has it."""
        ran = self("token", "create", "-orphan", "-field=token", *(f"-policy={name}" for name in policies))
        assert ran.code == 0, ran.err
        return {"BAO_TOKEN": ran.out}


@pytest.fixture(params=["local", "server", "bao"])
def door(request, fresh):
    """The program on the local state, on a server of ours, and on a real OpenBao."""
    if request.param == "local":
        return Door(fresh.used(), "local", {})
    if request.param == "server":
        vault = request.getfixturevalue("vault")
        return Door(fresh, "server", {"BAO_ADDR": vault.address, "BAO_TOKEN": vault.token, "HOME": str(fresh.home)})
    bao = request.getfixturevalue("bao")
    bao.reset()
    return Door(fresh, "bao", {**bao.env, "HOME": str(fresh.home)})


def everything(door):
    """Give all that a move could change: mounts and policies."""
    lists = door("secrets", "list", "-format=json").out, door("auth", "list", "-format=json").out
    names = json.loads(door("policy", "list", "-format=json").out)
    return lists, [door("policy", "read", name).out for name in names if name != "root"]


def test_nothing_hangs_on_it(door):
    """A move that would break nothing is exit code 0, and says so."""
    code, told = door.check("secret", "apps/kv")
    assert (code, told["verdict"], told["allowed"], told["breaks"], told["unseen"]) == (0, "clean", True, [], [])
    assert (told["leases"], told["tokens"], told["type"]) == ({"count": 0, "is_exact": True}, None, "kv")
    ran = door("secrets", "move", "-check", "secret", "apps/kv")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[2].split() == ["Allowed", "yes"]


def test_nothing_is_changed(door):
    """Mounts and policies are the same after a check, also one with -rewrite-policies."""
    door.policy("app", POLICY)
    before = everything(door)
    assert door.check("secret", "apps/kv")[0] == 3
    assert door.check("-rewrite-policies", "secret", "apps/kv")[0] == 0
    assert everything(door) == before


def test_the_local_state_is_not_written(fresh):
    """A check leaves the state's file as it is."""
    fresh.used()
    before = (fresh.data / "state.json").read_bytes()
    assert fresh("secrets", "move", "-check", "secret", "apps/kv").code == 0
    assert (fresh.data / "state.json").read_bytes() == before


def test_policies_that_name_the_old_path(door):
    """Each is shown by a unified diff; what is reached by a pattern is told of, and so is what reaches the new path."""
    door.policy("app", POLICY + 'path "+/data/x" {}\npath "apps/*" {}\n')
    door.policy("json", '{"path": {"secret/metadata/*": {"capabilities": ["list"]}}}')
    door.policy("all", EVERYTHING)
    ran = door("secrets", "move", "-check", "secret", "apps/kv")
    assert ran.code == 3
    assert '-path "secret/data/*" {\n+path "apps/kv/data/*" {\n   capabilities' in ran.out
    assert '+{"path": {"apps/kv/metadata/*": {"capabilities": ["list"]}}}' in ran.out
    assert "3 things would break: nothing was changed" in ran.err
    code, told = door.check("secret", "apps/kv")
    found = {policy["name"]: policy for policy in told["policies"]}
    assert (code, told["verdict"], sorted(found)) == (3, "breaks", ["all", "app", "json"])
    assert [(path["line"], path["kind"], path["new"]) for path in found["app"]["paths"]] == [
        (2, "named", "apps/kv/data/*"),
        (5, "pattern", ""),
    ]
    assert [path["breaks"] for path in found["app"]["paths"] + found["all"]["paths"]] == [False, True, False]
    assert found["app"]["reaches_target"] == [{"line": 6, "path": "apps/*"}]
    code, told = door.check("-rewrite-policies", "secret", "apps/kv")
    assert (code, len(told["breaks"])) == (3, 1)
    assert "+/data/x" in told["breaks"][0]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("secret", "sys/x"),
        ("secret", "secret/below"),
        ("secret", "cubbyhole"),
        ("nowhere", "x"),
        ("sys", "x"),
        ("secret", "auth/x"),
        ("secret", "/"),
        ("secret", "a/../b"),
        ("secret", "n"),
        ("secret", "taken"),
        ("secret", "taken/below"),
        ("taken", "n/there"),
        ("auth/token", "auth/x"),
        ("auth/token", "x"),
    ],
)
def test_a_target_that_is_no_good_is_refused_as_the_move_is(door, source, target):
    """A check says to the letter what the move says, with exit code 2."""
    door("secrets", "enable", "-path=taken", "kv")
    door("namespace", "create", "n")
    door("secrets", "enable", "-namespace=n", "-path=there", "kv")
    checked = door("secrets", "move", "-check", source, target)
    moved = door("secrets", "move", source, target)
    assert (checked.code, moved.code) == (2, 2)
    assert checked.err == moved.err.replace("PUT ", "POST ")
    code, told = door.check(source, target)
    assert (code, told["verdict"], told["refusals"][0]["status"]) == (2, "refused", 400)


def test_a_mount_above_the_source(door):
    """A source within a mount is no mount, and the check knows that the move would fail."""
    checked = door("secrets", "move", "-check", "secret/below", "x")
    assert (checked.code, "no mount is enabled at secret/below/ itself" in checked.err) == (2, True)


def test_a_token_that_may_not(door):
    """Without update and sudo on sys/remount the move would be refused; all that can be seen is told all the same."""
    door.policy("mounts", 'path "sys/mounts" { capabilities = ["read"] }\npath "sys/remount" {capabilities=["update"]}')
    door.policy("app", POLICY)
    token = door.token("mounts")
    code, told = door.check("secret", "apps/kv", **token)
    assert (code, told["allowed"], told["refusals"][0]["status"]) == (2, False, 403)
    assert told["type"] == "kv"
    assert {each["path"] for each in told["unseen"]} >= {"sys/policies/acl", "sys/leases/lookup/secret/"}
    ran = door("secrets", "move", "-check", "secret", "apps/kv", **token)
    moved = door("secrets", "move", "secret", "apps/kv", **token)
    assert (ran.code, moved.code) == (2, 2)
    assert ran.err.splitlines()[-3:] == moved.err.splitlines()[-3:]


def test_a_token_that_may_move_and_see_little(door):
    """What could not be seen is named, and is not taken for clean."""
    door.policy("mover", 'path "sys/remount" { capabilities = ["update", "sudo"] }')
    code, told = door.check("secret", "apps/kv", **door.token("mover"))
    assert (code, told["verdict"], told["allowed"], told["breaks"]) == (3, "breaks", True, [])
    assert {"sys/mounts", "sys/policies/acl", "sys/leases/lookup/secret/"} <= {each["path"] for each in told["unseen"]}
    assert told["notes"] == ["the token may not read sys/remount/status: how the move ends would not be heard"]


def test_a_token_that_is_none(door):
    """A token that nothing is shown to ends the check as a refusal."""
    ran = door("secrets", "move", "-check", "secret", "apps/kv", BAO_TOKEN="s.nobody", VAULT_TOKEN="s.nobody")
    assert (ran.code, ran.out, "permission denied" in ran.err) == (2, "", True)


def test_leases_are_counted(door):
    """All leases of the mount are counted, in whatever folders, and none of another one."""
    for path in ("ssh", "other"):
        door("secrets", "enable", f"-path={path}", "ssh")
        for role in ("a", "b"):
            written = door("write", f"{path}/roles/{role}", "key_type=otp", "default_user=u", "cidr_list=10.0.0.0/8")
            assert written.code == 0
    for role in ("a", "a", "b"):
        assert door("write", f"ssh/creds/{role}", "ip=10.0.0.1").code == 0
    code, told = door.check("ssh", "apps/ssh")
    assert (code, told["leases"], told["breaks"]) == (3, {"count": 3, "is_exact": True}, ["3 lease(s) are revoked"])


def test_an_auth_method(door):
    """Its tokens are counted, and its users, aliases and quotas named; policies follow in all forms of its path."""
    door("auth", "enable", "-path=people", "userpass")
    for name in ("ann", "bob"):
        door("write", f"auth/people/users/{name}", "password=canary-1")
    for name in ("ann", "ann", "bob"):
        login = door("login", "-no-store", "-method=userpass", "-path=people", f"username={name}", "password=canary-1")
        assert login.code == 0, login.err
    door.policy("p", 'path "auth/people/login/*" {}\npath "sys/auth/people" {}')
    code, told = door.check("auth/people", "auth/staff")
    assert (code, told["tokens"], told["leases"]) == (3, {"count": 3, "is_exact": True}, None)
    assert (told["users"], told["roles"]) == (["ann", "bob"], [])
    assert [path["new"] for path in told["policies"][0]["paths"]] == ["auth/staff/login/*", "sys/auth/staff"]
    assert sorted(alias["name"] for alias in told["entity_aliases"]) == ["ann", "bob"]
    ran = door("auth", "move", "-check", "auth/people", "auth/staff")
    assert "2: ann, bob" in ran.out


def test_approle_roles_and_quotas(door):
    """Roles are named, and the quotas of the mount and of what is below it, not others'."""
    door("auth", "enable", "approle")
    door("write", "auth/approle/role/ci", "token_policies=default")
    for name, path in (("q1", "auth/approle/"), ("q2", "auth/approle/login"), ("q3", "secret/"), ("q4", "")):
        written = door("write", f"sys/quotas/rate-limit/{name}", f"path={path}", "rate=1000")
        assert written.code == 0, written.err
    try:
        code, told = door.check("auth/approle", "auth/ci")
    finally:
        for name in ("q1", "q2", "q3", "q4"):
            door("delete", f"sys/quotas/rate-limit/{name}")
    assert (code, told["roles"], sorted(quota["name"] for quota in told["quotas"])) == (0, ["ci"], ["q1", "q2"])


def test_across_namespaces(door):
    """Policies above both are rewritten, those that stay behind break, and what tokens there may do is said."""
    for name in ("n", "m"):
        assert door("namespace", "create", name).code == 0
    door("secrets", "enable", "-namespace=n", "-path=kv", "kv")
    door.policy("above", 'path "n/kv/*" {}')
    door.policy("inside", 'path "kv/*" {}', BAO_NAMESPACE="n")
    code, told = door.check("n/kv", "m/kv")
    found = {policy["namespace"] + policy["name"]: policy for policy in told["policies"]}
    assert (code, told["source_namespace"], told["target_namespace"]) == (3, "n/", "m/")
    assert [path["new"] for path in found["above"]["paths"]] == ["m/kv/*"]
    assert "the new one is outside of its namespace" in found["n/inside"]["paths"][0]["why"]
    assert told["notes"] == [
        "no policy of namespace m/ reaches the new path: its own tokens, but root's, cannot use it"
    ]
    door.policy("there", 'path "kv/*" {}', BAO_NAMESPACE="m")
    _code, told = door.check("n/kv", "m/kv")
    assert told["notes"] == ["tokens of namespace m/ reach the new path by the policies there alone"]
    code, told = door.check("kv", "kv2", BAO_NAMESPACE="n")
    assert [policy["diff"] != "" for policy in told["policies"]] == [True, True]


def test_rewriting_with_the_move(door):
    """The policies say the new path afterwards; comments and other settings stay."""
    door.policy("app", POLICY)
    settings = ["cas_required=true", "allow_slashes_in_identity_templates=true", "cas=-1"]
    text = '{"path": {"secret/x": {}}}'
    assert door("write", "sys/policies/acl/two", f"policy={text}", *settings).code == 0
    ran = door("secrets", "move", "-rewrite-policies", "secret", "apps/kv")
    assert (ran.code, ran.out.splitlines()[2:]) == (
        0,
        ["Success! Rewrote policy: app", "Success! Rewrote policy: two"],
    ), ran
    assert door("policy", "read", "app").out == REWRITTEN
    two = json.loads(door("read", "-format=json", "sys/policies/acl/two").out)["data"]
    assert two["policy"] == '{"path": {"apps/kv/x": {}}}'
    assert (two["cas_required"], two["allow_slashes_in_identity_templates"], two["version"]) == (True, True, 2)


def test_rewriting_for_machines(door):
    """In JSON the policies are named."""
    door.policy("app", POLICY)
    ran = door("secrets", "move", "-rewrite-policies", "-format=json", "secret", "apps/kv")
    told = json.loads(ran.out)
    assert (ran.code, told["status"], told["policies"]) == (0, "success", ["app"])


def test_rewriting_without_the_right(door):
    """A token that may move, and may not write one of the policies, does neither."""
    mover = 'path "sys/remount*" { capabilities = ["read", "update", "sudo"] }'
    door.policy("mover", mover + ' path "sys/policies/acl*" { capabilities = ["read", "list"] }')
    door.policy("app", POLICY)
    before = everything(door)
    ran = door("secrets", "move", "-rewrite-policies", "secret", "apps/kv", **door.token("mover"))
    assert (ran.code, "sys/policies/acl/app is to be rewritten, and may not be" in ran.err) == (2, True)
    assert everything(door) == before


def test_a_rewriting_that_fails_midway(fresh, bao):
    """What was made and what not is said; the old texts are kept, and `remount watch` does what was left."""
    door = Door(fresh, "bao", {**bao.env, "HOME": str(fresh.home)})
    for name in ("one", "two"):
        door.policy(name, POLICY)
    unwritable = 'path "sys/policies/acl/two" { capabilities = ["read", "update"] allowed_parameters = {"x" = []} }'
    door.policy("mover", f"{EVERYTHING} {unwritable}")
    ran = door("secrets", "move", "-rewrite-policies", "secret", "apps/kv", **door.token("mover"))
    assert ran.code == 2
    assert "Success! Rewrote policy: one\n" in ran.out
    assert "The move is made, and 1 of its policies are not rewritten" in ran.err
    assert "* policy two: 1 error occurred" in ran.err
    assert (door("policy", "read", "one").out, door("policy", "read", "two").out) == (REWRITTEN, POLICY)
    (kept,) = fresh.data.glob("remote-policies-*.json")
    assert [(each["name"], each["status"], each["old"]) for each in json.loads(kept.read_text())["policies"]] == [
        ("one", "rewritten", POLICY),
        ("two", "left", POLICY),
    ]
    assert kept.stat().st_mode & 0o077 == 0
    migration_id = ran.err.split("remount watch ")[1].strip()
    door.policy("two", POLICY + "# and more\n")
    again = door("remount", "watch", migration_id)
    assert (again.code, door("policy", "read", "two").out) == (0, REWRITTEN + "# and more\n"), again
    assert json.loads(kept.read_text())["policies"][1]["old"] == POLICY + "# and more\n"


def test_a_refused_rewriting_is_asked_for_once(fresh, audited_bao, tmp_path):
    """A 403 is not tried again by itself; `remount watch` asks once more, and says the same where nothing changed."""
    door = Door(fresh, "bao", {**audited_bao.env, "HOME": str(fresh.home)})
    log = tmp_path / "audit.log"
    options = {"file_path": str(log), "log_raw": "true"}
    audited_bao.ask(Operation.UPDATE, "sys/audit/file", {"type": "file", "options": options})
    door.policy("one", POLICY)
    unwritable = 'path "sys/policies/acl/one" { capabilities = ["read", "update"] allowed_parameters = {"x" = []} }'
    door.policy("mover", f"{EVERYTHING} {unwritable}")
    mover = door.token("mover")
    ran = door("secrets", "move", "-rewrite-policies", "secret", "apps/kv", **mover)
    assert (ran.code, "* policy one: 1 error occurred" in ran.err) == (2, True)
    assert _refused_writes(log, "one") == 1
    again = door("remount", "watch", ran.err.split("remount watch ")[1].strip(), **mover)
    assert (again.code, "permission denied" in again.err) == (2, True)
    assert _refused_writes(log, "one") == 2
    assert door("policy", "read", "one").out == POLICY


def _refused_writes(log: Path, policy: str) -> int:
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return sum(
        entry["type"] == "response" and "permission denied" in entry.get("error", "")
        for entry in entries
        if entry["request"].get("path") == f"sys/policies/acl/{policy}" and entry["request"]["operation"] == "update"
    )


def test_a_remote_move_that_fails_rewrites_nothing(fresh, bao):
    """On a cluster policies are written after the move, so that one which is refused leaves them as they are."""
    door = Door(fresh, "bao", {**bao.env, "HOME": str(fresh.home)})
    door.policy("app", POLICY)
    ran = door("secrets", "move", "-rewrite-policies", "secret", "sys/x")
    assert (ran.code, door("policy", "read", "app").out) == (2, POLICY)
    assert not list(fresh.data.glob("remote-policies-*"))


def test_no_move_begins_whose_texts_cannot_be_kept(fresh, bao):
    """Where the old texts cannot be written down, nothing is done."""
    door = Door(fresh, "bao", {**bao.env, "HOME": str(fresh.home)})
    door.policy("app", POLICY)
    fresh.data.write_text("")
    ran = door("secrets", "move", "-rewrite-policies", "secret", "apps/kv")
    assert ran.code == 2
    assert "secret/" in json.loads(door("secrets", "list", "-format=json").out)
    assert door("policy", "read", "app").out == POLICY


def test_the_check_of_a_namespace_that_is_not_there(door):
    """It is refused as anything else there."""
    ran = door("secrets", "move", "-check", "-namespace=nope", "secret", "x")
    assert (ran.code, "namespace not found" in ran.err) == (2, True)


def test_it_asks_for_no_confirmation(door):
    """What changes nothing is not asked about."""
    assert door("secrets", "move", "-check", "-confirm", "secret", "x").code == 0


def test_rewriting_for_an_auth_method(door):
    """The policies of an auth method follow it in both forms of its path, and its users log in at the new one."""
    door("auth", "enable", "-path=people", "userpass")
    door("write", "auth/people/users/ann", "password=canary-1")
    door.policy("p", 'path "auth/people/users/*" {}\npath "sys/auth/people" {}')
    ran = door("auth", "move", "-rewrite-policies", "auth/people", "auth/staff")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Success! Rewrote policy: p"), ran
    assert door("policy", "read", "p").out.rstrip() == 'path "auth/staff/users/*" {}\npath "sys/auth/staff" {}'
    login = door("login", "-no-store", "-method=userpass", "-path=staff", "username=ann", "password=canary-1")
    assert login.code == 0, login.err


def test_rewriting_across_namespaces(door):
    """What can name the new place does so afterwards; the policies of the namespace that is left stay as they are."""
    for name in ("n", "m"):
        assert door("namespace", "create", name).code == 0
    door("secrets", "enable", "-namespace=n", "-path=kv", "kv")
    door.policy("above", 'path "n/kv/*" {}')
    door.policy("inside", 'path "kv/*" {}', BAO_NAMESPACE="n")
    ran = door("secrets", "move", "-rewrite-policies", "n/kv", "m/kv")
    assert (ran.code, ran.out.splitlines()[2:]) == (0, ["Success! Rewrote policy: above"]), ran
    assert door("policy", "read", "above").out.rstrip() == 'path "m/kv/*" {}'
    assert door("policy", "read", "-namespace=n", "inside").out.rstrip() == 'path "kv/*" {}'


@pytest.mark.parametrize(
    ("source", "target", "text", "breaks"),
    [
        ("mv", "+", 'path "mv/*" {\n  capabilities = ["read"]\n}', True),
        ("mv", "s*", 'path "mv" {\n  capabilities = ["list"]\n}', True),
        ("mv", "{{identity.entity.id}}", 'path "mv/x" {\n  capabilities = ["read"]\n}', True),
        ("+", "plain", 'path "+/x" {\n  capabilities = ["deny"]\n}', False),
    ],
)
def test_a_rule_never_comes_to_mean_other_mounts(door, source, target, text, breaks):
    """Where a policy cannot name the new place, or names more than the old one, it stays; what breaks is told."""
    assert door("secrets", "enable", f"-path={source}", "kv").code == 0
    door.policy("app", text)
    code, told = door.check("-rewrite-policies", source, target)
    assert (code, told["verdict"]) == ((3, "breaks") if breaks else (0, "clean"))
    (app,) = [policy for policy in told["policies"] if policy["name"] == "app"]
    assert (app["diff"], app["paths"][0]["kind"]) == ("", "named" if breaks else "pattern")
    assert ("in a policy the new one would mean something else" in "".join(told["breaks"])) is breaks
    assert door("secrets", "move", "-rewrite-policies", source, target).code == 0
    assert door("policy", "read", "app").out.rstrip() == text


def test_a_client_that_is_killed_while_it_rewrites(vaultctl, bao):
    """`remount watch` finishes what a killed client left, and no old text is lost."""
    env = {**bao.env, "HOME": str(vaultctl.home)}
    names = [f"p{number:02}" for number in range(40)]
    for name in names:
        bao.ask(Operation.UPDATE, f"sys/policies/acl/{name}", {"policy": POLICY})

    def text(name):
        return bao.ask(Operation.READ, f"sys/policies/acl/{name}").data["policy"]

    mover = vaultctl.start("secrets", "move", "-rewrite-policies", "secret", "apps/kv", env=env)
    await_that(lambda: text(names[2]) == REWRITTEN or mover.poll() is not None)
    mover.kill()
    mover.communicate()
    (noted,) = [json.loads(line) for line in (vaultctl.data / "remote-moves.jsonl").read_text().splitlines()]
    kept = vaultctl.data / f"remote-policies-{noted['rewrites']}.json"
    assert [each["old"] for each in json.loads(kept.read_text())["policies"]] == [POLICY] * len(names)
    ran = vaultctl("remount", "watch", noted["migration_id"], env=env)
    assert ran.code == 0, ran.err
    assert {text(name) for name in names} == {REWRITTEN}
    assert {each["status"] for each in json.loads(kept.read_text())["policies"]} == {"rewritten"}
