"""Auth methods as time goes by: lockouts, secret ids that end, and what a move or a removal does to tokens."""

import json

import pytest
from support.clock import Clock
from support.places import Place
from support.states import ROOT_TOKEN, make_core, open_core

from vaultctl.auth.userpass import passwords
from vaultctl.core import identity, jobs, lockouts, pipeline, tokens
from vaultctl.core.core import Core
from vaultctl.core.exchange import Exchange
from vaultctl.core.plugins import Catalogue
from vaultctl.core.system import remount
from vaultctl.framework.endpoint import Context, Endpoint, Engine, Entry
from vaultctl.framework.fields import Field
from vaultctl.framework.login import Login
from vaultctl.logical.errors import BadToken, InvalidRequest, NoRoute, PermissionDenied, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

MINUTE_S = 60


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def core(clock: Clock) -> Core:
    """A core with bob at auth/userpass/, whose time passes by that clock."""
    made = make_core(Memory(), now_ns=clock)
    write(made, "sys/auth/userpass", type="userpass")
    write(made, "auth/userpass/users/bob", password="right")
    return made


def write(core: Core, path: str, /, token: str = ROOT_TOKEN, **data: object) -> Response:
    """Write to a path."""
    return core.handle(Request(Operation.UPDATE, path, data=data, token=token))


def read(core: Core, path: str, token: str = ROOT_TOKEN) -> Response:
    """Read a path."""
    return core.handle(Request(Operation.READ, path, token=token))


def log_in(core: Core, path: str = "userpass", name: str = "bob", password: str = "right") -> str:
    """Log in, and give the token."""
    return str((write(core, f"auth/{path}/login/{name}", "", password=password).auth or {})["client_token"])


def fail(core: Core, times: int = 1) -> None:
    """Log in with a wrong password."""
    for _ in range(times):
        with pytest.raises(InvalidRequest, match="invalid username or password"):
            log_in(core, password="wrong")


def move(core: Core, source: str, target: str) -> dict:
    """Move a mount, and give how that went."""
    started = write(core, "sys/remount", **{"from": source, "to": target}).data["migration_id"]
    return dict(read(core, f"sys/remount/status/{started}").data["migration_info"])


def is_good(core: Core, token: str) -> bool:
    """Tell whether a token opens anything."""
    try:
        read(core, "auth/token/lookup-self", token)
    except BadToken:
        return False
    return True


def test_five_failures_lock_a_user_out_for_a_while(core, clock):
    """After five failures even the right password is refused, and a quarter of an hour later it is good again."""
    fail(core, 5)
    with pytest.raises(VaultError, match="permission denied"):
        log_in(core)
    clock.go(15 * MINUTE_S)
    assert log_in(core)


def test_a_login_that_succeeds_forgets_the_failures(core):
    """Failures count in a row."""
    fail(core, 4)
    log_in(core)
    fail(core, 4)
    assert log_in(core)


def test_old_failures_do_not_count(core, clock):
    """A failure counts as long as the mount says."""
    fail(core, 4)
    clock.go(15 * MINUTE_S + 1)
    fail(core)
    assert log_in(core)


def test_a_lockout_is_kept_although_the_login_was_refused(place: Place):
    """What a refused login left behind is in the state, for every process."""
    core = make_core(place.open())
    write(core, "sys/auth/userpass", type="userpass")
    write(core, "auth/userpass/users/bob", password="right")
    fail(core, 5)
    core.close()
    with pytest.raises(VaultError, match="permission denied"):
        log_in(open_core(place.open()))


def test_a_mount_says_what_locks_its_users_out(core, clock):
    """Threshold, duration and whether anybody is locked out at all are tuned."""
    write(core, "sys/auth/userpass/tune", user_lockout_config={"lockout_threshold": 2, "lockout_duration": "1m"})
    fail(core, 2)
    with pytest.raises(VaultError, match="permission denied"):
        log_in(core)
    clock.go(MINUTE_S)
    log_in(core)
    write(core, "sys/auth/userpass/tune", user_lockout_config={"lockout_disable": True})
    fail(core, 6)
    assert log_in(core)


def test_nobody_can_be_locked_out_who_is_not_there(core):
    """Names that are made up leave nothing in the state."""
    for _ in range(6):
        with pytest.raises(InvalidRequest):
            log_in(core, name="nobody")
    with core.sessions.reading() as session:
        assert not list(session.view.below(lockouts.PREFIX))


def test_who_is_locked_out_is_told_and_let_in_again(core):
    """sys/locked-users names them, and unlocks them."""
    fail(core, 5)
    found = read(core, "sys/locked-users").data
    accessor = read(core, "sys/auth/userpass").data["accessor"]
    assert found["total"] == 1
    assert found["by_namespace"][0]["mount_accessors"] == [
        {"mount_accessor": accessor, "counts": 1, "alias_identifiers": ["bob"]}
    ]
    write(core, f"sys/locked-users/{accessor}/unlock/bob")
    assert log_in(core)


def test_a_password_is_not_in_the_state(core):
    """What is stored of a password is a hash that takes memory to try, with a salt of its own."""
    write(core, "auth/userpass/users/amy", password="right")
    with core.sessions.reading() as session:
        uuid = session.mounts.at("auth/userpass/").uuid
        bob, amy = (json.loads(session.view.get(f"logical/{uuid}/user/{name}")) for name in ("bob", "amy"))
    assert bob["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert bob["password"] != amy["password"]


def test_a_login_brings_a_weaker_hash_to_the_cost_of_today(core, monkeypatch):
    """A password that was stored at another cost is good, and is stored anew."""
    with monkeypatch.context() as then:
        then.setattr(passwords, "COST", passwords.Cost(64, 1, 1))
        write(core, "auth/userpass/users/bob", password="right")
    log_in(core)
    with core.sessions.reading() as session:
        uuid = session.mounts.at("auth/userpass/").uuid
        stored = json.loads(session.view.get(f"logical/{uuid}/user/bob"))["password"]
    assert not passwords.is_outdated(stored, "right")
    assert log_in(core)


def test_an_entity_is_one_as_long_as_its_mount(core):
    """Each login of a user is the same entity, after a move too; another user is another."""
    write(core, "auth/userpass/users/amy", password="right")
    first, amy = (read(core, "auth/token/lookup-self", log_in(core, name=name)).data for name in ("BOB", "amy"))
    move(core, "auth/userpass", "auth/staff")
    moved = read(core, "auth/token/lookup-self", log_in(core, "staff")).data
    assert first["entity_id"] == moved["entity_id"] != amy["entity_id"]
    with core.sessions.reading() as session:
        assert len(list(session.view.below(identity.ENTITIES))) == 2


def test_a_move_revokes_what_the_mount_gave_and_nothing_else(core):
    """Tokens of a moved auth mount, and their children, are good no more; users, other tokens and new logins are."""
    token = log_in(core)
    write(core, "sys/policies/acl/p", policy='path "auth/token/create" { capabilities = ["update"] }')
    write(core, "auth/userpass/users/amy", password="right", token_policies="p")
    amy = log_in(core, name="amy")
    child = write(core, "auth/token/create", amy).auth["client_token"]
    other = write(core, "auth/token/create", ttl="1h").auth["client_token"]
    went = move(core, "auth/userpass", "auth/staff")
    assert (went["status"], went["done"], went["total"]) == ("success", 2, 2)
    assert [is_good(core, each) for each in (token, amy, child, other)] == [False, False, False, True]
    new = log_in(core, "staff")
    assert is_good(core, new)
    with pytest.raises(VaultError, match="permission denied"):
        log_in(core)
    move(core, "auth/staff", "auth/userpass")
    assert not is_good(core, new)
    assert is_good(core, log_in(core))


def test_a_move_takes_one_step_and_the_rows_go_later(core):
    """However many tokens there are, none is good after one step; jobs remove their rows, and leave no trace."""
    given = [log_in(core) for _ in range(3)]
    request = Request(
        Operation.UPDATE, "sys/remount", data={"from": "auth/userpass", "to": "auth/staff"}, token=ROOT_TOKEN
    )
    with core.sessions.writing() as session:
        pipeline.run(Exchange(core.host, session, request, writing=True))  # committed, and then the process died
    with core.sessions.writing() as session:
        job = jobs.pending(session.view)
        assert remount.step(session, job).status == jobs.SUCCESS
        jobs._settle(session.view, job.succeeded())
        session.commit()
    with core.sessions.reading() as session:
        assert len(list(session.view.below(tokens.BY_MOUNT))) > len(given)
    assert not any(is_good(core, token) for token in given)
    while core.advance(1):
        pass
    with core.sessions.reading() as session:
        assert not list(session.view.below(tokens.REVOKED))
        by_root = session.mounts.at("auth/token/").uuid
        assert all(by_root in name for name in session.view.below(tokens.BY_MOUNT))


def test_a_move_across_namespaces_takes_users_along_and_no_token(core):
    """Users log in where the mount is now, and get tokens of that namespace."""
    for name in ("n1", "n2"):
        write(core, f"sys/namespaces/{name}")
    token = log_in(core)
    assert move(core, "auth/userpass", "n1/auth/up")["status"] == "success"
    assert not is_good(core, token)
    inner = log_in_at(core, "n1/auth/up")
    assert inner.rpartition(".")[2] == read(core, "sys/namespaces/n1").data["id"]
    assert move(core, "n1/auth/up", "n2/auth/up")["status"] == "success"
    assert log_in_at(core, "n2/auth/up") != inner


def test_a_namespace_takes_its_logins_along(core):
    """Of a namespace that is deleted nothing is left: no token, entity, alias, or user who was locked out."""
    write(core, "sys/namespaces/n1")
    move(core, "auth/userpass", "n1/auth/up")
    token = log_in_at(core, "n1/auth/up")
    for _ in range(5):
        with pytest.raises(InvalidRequest):
            write(core, "n1/auth/up/login/bob", "", password="wrong")
    core.handle(Request(Operation.DELETE, "sys/namespaces/n1", token=ROOT_TOKEN))
    while core.advance(1):
        pass
    assert not is_good(core, token)
    with core.sessions.reading() as session:
        prefixes = (*identity.TABLES, lockouts.PREFIX, tokens.REVOKED)
        assert [name for prefix in prefixes for name in session.view.below(prefix)] == []


def log_in_at(core: Core, path: str) -> str:
    """Log in at a full path."""
    return str(write(core, f"{path}/login/bob", "", password="right").auth["client_token"])


def test_a_move_that_fails_revokes_nothing(core):
    """Where the target was taken meanwhile, the mount goes on as if nothing had been."""
    token = log_in(core)
    request = Request(
        Operation.UPDATE, "sys/remount", data={"from": "auth/userpass", "to": "auth/staff"}, token=ROOT_TOKEN
    )
    with core.sessions.writing() as session:
        started = pipeline.run(Exchange(core.host, session, request, writing=True)).data["migration_id"]
    with core.sessions.writing() as session:
        taken = session.mounts.at("auth/token/")._replace(path="auth/staff/", uuid="taken", type="userpass")
        session.put_mount(taken)
        session.commit()
    core.advance(1)
    assert read(core, f"sys/remount/status/{started}").data["migration_info"]["status"] == "failure"
    assert is_good(core, token)
    assert log_in(core)


def test_disabling_revokes_and_leaves_nothing(core):
    """With an auth method go its tokens, its users and who was locked out."""
    token = log_in(core)
    fail(core, 5)
    core.handle(Request(Operation.DELETE, "sys/auth/userpass", token=ROOT_TOKEN))
    assert not is_good(core, token)
    with core.sessions.reading() as session:
        left = [name for name in session.view.below("") if "user/" in name or name.startswith(lockouts.PREFIX)]
        assert left == []
    write(core, "sys/auth/userpass", type="userpass")
    with pytest.raises(InvalidRequest):
        log_in(core)


def test_disabling_a_secrets_engine_takes_no_auth_method(core):
    """The two have paths of their own."""
    core.handle(Request(Operation.DELETE, "sys/mounts/auth/userpass", token=ROOT_TOKEN))
    assert log_in(core)


def test_a_moving_mount_lets_nobody_in(core):
    """While it is being moved, a login is answered as any path of it is."""
    with core.sessions.writing() as session:
        session.put_mount(session.mounts.at("auth/userpass/")._replace(tainted=True))
        session.commit()
    with pytest.raises(VaultError):
        log_in(core)
    with pytest.raises(NoRoute, match="tainted"):
        read(core, "auth/userpass/users/bob")


def test_everything_of_auth_mounts_needs_sudo(core):
    """The right to update alone is not enough."""
    write(core, "sys/policies/acl/p", policy='path "sys/auth*" { capabilities = ["read", "update", "delete"] }')
    token = write(core, "auth/token/create", policies=["p"]).auth["client_token"]
    for operation, path in (
        (Operation.READ, "sys/auth"),
        (Operation.READ, "sys/auth/userpass"),
        (Operation.UPDATE, "sys/auth/x"),
        (Operation.DELETE, "sys/auth/userpass"),
        (Operation.READ, "sys/auth/userpass/tune"),
        (Operation.UPDATE, "sys/auth/userpass/tune"),
    ):
        with pytest.raises(PermissionDenied):
            core.handle(Request(operation, path, token=token))


@pytest.mark.parametrize("below", ["users/BOB", "users/BOB/policies", "users/Bob/password"])
def test_a_name_in_other_letters_is_no_way_around_a_policy(core, below):
    """What is denied for a user is denied however the name is written."""
    rules = 'path "auth/userpass/*" { capabilities = ["create", "update"] }'
    rules += ' path "auth/userpass/users/bob*" { capabilities = ["deny"] }'
    write(core, "sys/policies/acl/p", policy=rules)
    token = write(core, "auth/token/create", policies=["p"]).auth["client_token"]
    with pytest.raises(PermissionDenied):
        write(core, f"auth/userpass/{below}", token, password="mine", token_policies="p")
    write(core, "auth/userpass/users/amy", token, password="hers")


def give(core: Core, role: str = "r", **terms: object) -> str:
    """Make a role with its name as its id, and give a secret id of it."""
    if "approle/" not in read(core, "sys/auth").data:
        write(core, "sys/auth/approle", type="approle")
    write(core, f"auth/approle/role/{role}", role_id=role, **terms)
    return str(write(core, f"auth/approle/role/{role}/secret-id").data["secret_id"])


def come_in(core: Core, secret_id: str, role: str = "r", remote_addr: str = "") -> Response:
    """Log in with approle."""
    data = {"role_id": role, "secret_id": secret_id}
    return core.handle(Request(Operation.UPDATE, "auth/approle/login", data=data, remote_addr=remote_addr))


def test_a_secret_id_ends(core, clock):
    """It is good for as long as its role says, and then it counts as absent, though its row is there."""
    secret_id = give(core, secret_id_ttl="10m")
    clock.go(10 * MINUTE_S - 1)
    assert come_in(core, secret_id).auth
    clock.go(1)
    with pytest.raises(InvalidRequest, match="invalid role or secret ID"):
        come_in(core, secret_id)
    with pytest.raises(VaultError):
        core.handle(Request(Operation.LIST, "auth/approle/role/r/secret-id", token=ROOT_TOKEN))


@pytest.mark.parametrize("how", ["tidy/secret-id", "role/r/secret-id"])
def test_what_is_left_of_secret_ids_goes(core, clock, how):
    """A tidy, and any new one, removes rows of those that have ended."""
    give(core, secret_id_ttl="10m")
    with core.sessions.reading() as session:
        uuid = session.mounts.at("auth/approle/").uuid
    clock.go(10 * MINUTE_S)
    write(core, f"auth/approle/{how}")
    with core.sessions.reading() as session:
        left = list(session.view.below(f"logical/{uuid}/secret/"))
    assert len(left) == (0 if how.startswith("tidy") else 1)


def test_a_use_is_taken_from_a_login_that_is_refused_afterwards(core):
    """A secret id that was shown from a wrong address has one use less."""
    secret_id = give(core, secret_id_num_uses=2, secret_id_bound_cidrs="10.0.0.0/8")
    with pytest.raises(InvalidRequest, match="unauthorized by CIDR"):
        come_in(core, secret_id, remote_addr="11.0.0.1")
    assert come_in(core, secret_id, remote_addr="10.1.2.3").auth
    with pytest.raises(InvalidRequest, match="invalid role or secret ID"):
        come_in(core, secret_id, remote_addr="10.1.2.3")


def test_secret_ids_are_not_in_the_state(core):
    """Neither a secret id nor a role's id names an entry, and the first is in none."""
    secret_id = give(core)
    with core.sessions.reading() as session:
        uuid = session.mounts.at("auth/approle/").uuid
        entries = list(session.view.entries(f"logical/{uuid}/"))
    assert entries
    assert not any(secret_id in name or secret_id.encode() in data for name, data in entries)


def test_a_role_takes_its_secret_ids_along(core):
    """A role that is removed and made again knows none of them."""
    secret_id = give(core)
    core.handle(Request(Operation.DELETE, "auth/approle/role/r", token=ROOT_TOKEN))
    give(core)
    with pytest.raises(InvalidRequest, match="invalid role or secret ID"):
        come_in(core, secret_id)


def _who(_ctx: Context, fields: object) -> str:
    return str(dict(fields)["name"])


def _believe(_ctx: Context, fields: object) -> Login:
    name = str(dict(fields)["name"])
    return Login(policies=("p",), display_name=name, alias=name, ttl_s=60)


TRUSTING = Engine(
    type="trusting",
    endpoints=(
        Endpoint(
            "login",
            {},
            "Believe whoever comes.",
            fields={"name": Field("string", "Who it is.")},
            unauthenticated=True,
            login=Entry(_who, _believe),
        ),
    ),
    help="Lets everybody in.",
)


def test_a_method_of_somebody_elses_is_one_like_ours():
    """A method that only says who it is gets tokens with the mount's limits, names and renewals."""
    core = make_core(Memory(), catalogue=Catalogue(methods={"trusting": TRUSTING}))
    write(core, "sys/auth/t", type="trusting")
    auth = write(core, "auth/t/login", "", name="eve").auth
    found = read(core, "auth/token/lookup-self", auth["client_token"]).data
    assert (found["display_name"], found["policies"], found["creation_ttl"]) == ("t-eve", ["default", "p"], 60)
    renewed = write(core, "auth/token/renew-self", auth["client_token"], increment=30).auth
    assert renewed["lease_duration"] == 30
    assert move(core, "auth/t", "auth/u")["done"] == 1
