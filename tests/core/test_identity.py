"""Entities, aliases and quotas: what counts at once, what goes along, and what nothing is left of."""

import json

import pytest
from support.states import ROOT_TOKEN, make_core

from vaultctl.core import identity, pipeline, quotas
from vaultctl.core.core import Core
from vaultctl.core.exchange import Exchange
from vaultctl.logical.errors import BadToken, InvalidRequest, NotFound, NotOffered, PermissionDenied, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

READ, LIST, UPDATE, DELETE = Operation.READ, Operation.LIST, Operation.UPDATE, Operation.DELETE
ANYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'
BCRYPT = "$2b$05$FbfH7K1eae5c/aPtsKZEn.bpjbl8Fq7tVe93JIuwhI4iSNWBvJqZ6"
"""Of the password "secret"."""


@pytest.fixture
def core() -> Core:
    """A core with the namespaces n1/ and n2/, and bob at auth/up/."""
    made = make_core(Memory())
    for name in ("n1", "n2"):
        ask(made, UPDATE, f"sys/namespaces/{name}")
    ask(made, UPDATE, "sys/auth/up", type="userpass")
    ask(made, UPDATE, "auth/up/users/bob", password="right")
    return made


def ask(core: Core, operation: Operation, path: str, by: str = ROOT_TOKEN, /, **data: object) -> Response:
    """Ask, in the namespace that the path begins with."""
    return core.handle(Request(operation, path, data=data, token=by))


class Login:
    """A login of bob's: the token, and the entity."""

    def __init__(self, core: Core, at: str = "auth/up") -> None:
        auth = ask(core, UPDATE, f"{at}/login/bob", "", password="right").auth or {}
        self.token, self.entity = str(auth["client_token"]), str(auth["entity_id"])


def move(core: Core, source: str, target: str) -> None:
    """Move a mount, which is done when it returns."""
    ask(core, UPDATE, "sys/remount", **{"from": source, "to": target})
    while core.advance(1):
        pass


def names_below(core: Core, *prefixes: str) -> list[str]:
    """Give the names of what is stored."""
    with core.sessions.reading() as session:
        return [name for prefix in prefixes for name in session.view.below(prefix)]


def test_what_an_entity_may_counts_at_once(core):
    """A policy that an entity is given, or loses, changes what its tokens may do with the next request."""
    bob = Login(core)
    ask(core, UPDATE, "sys/policies/acl/all", policy=ANYTHING)
    for policies in (["all"], [], ["all"]):
        ask(core, UPDATE, f"identity/entity/id/{bob.entity}", policies=policies)
        if policies:
            assert ask(core, READ, "sys/mounts", bob.token).data
        else:
            with pytest.raises(PermissionDenied):
                ask(core, READ, "sys/mounts", bob.token)


def test_a_path_follows_the_name_of_an_entity(core):
    """What a templated path allows is what the entity is called now."""
    bob = Login(core)
    ask(
        core,
        UPDATE,
        "sys/policies/acl/own",
        policy='path "a/{{identity.entity.name}}" { capabilities = ["update"] }',
    )
    for name in ("bob", "robert"):
        ask(core, UPDATE, f"identity/entity/id/{bob.entity}", name=name, policies=["own"])
        found = ask(core, UPDATE, "sys/capabilities", token=bob.token, paths=["a/bob", "a/robert"]).data
        assert found == {"a/bob": ["deny"], "a/robert": ["deny"], f"a/{name}": ["update"]}


def test_a_use_of_a_disabled_entitys_token_is_not_counted(core):
    """A token with a limit of uses has as many left when its entity is enabled again."""
    ask(core, UPDATE, "auth/up/users/bob", token_num_uses=2)
    bob = Login(core)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", disabled=True)
    for _ in range(3):
        with pytest.raises(BadToken):
            ask(core, READ, "auth/token/lookup-self", bob.token)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", disabled=False)
    assert ask(core, READ, "auth/token/lookup-self", bob.token).data


def test_a_refused_login_makes_nothing(core):
    """Neither a wrong password nor a disabled entity leaves a row behind."""
    with pytest.raises(InvalidRequest):
        ask(core, UPDATE, "auth/up/login/bob", "", password="wrong")
    assert names_below(core, *identity.TABLES) == []
    bob = Login(core)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", disabled=True)
    before = names_below(core, *identity.TABLES)
    with pytest.raises(VaultError, match="permission denied"):
        Login(core)
    assert names_below(core, *identity.TABLES) == before


def test_a_token_that_is_not_made_makes_no_entity(core):
    """An alias of `auth/token/create` is made only with its token."""
    ask(core, UPDATE, "auth/token/roles/r", allowed_entity_aliases=["a"], allowed_policies=["p"])
    with pytest.raises(InvalidRequest):
        ask(core, UPDATE, "auth/token/create/r", entity_alias="a", policies=["other"])
    assert names_below(core, *identity.TABLES) == []


def test_an_entity_goes_with_all_its_rows(core):
    """Of an entity that is removed nothing is left, nor of the names that it and its aliases had."""
    bob = Login(core)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", name="robert")
    ask(core, UPDATE, "auth/up/login/bob", "", password="right")
    ask(core, DELETE, f"identity/entity/id/{bob.entity}")
    assert names_below(core, *identity.TABLES) == []


def test_an_alias_that_changes_leaves_nothing_behind(core):
    """An alias that gets another name, mount and entity is found by those alone."""
    bob = Login(core)
    alias = ask(core, READ, f"identity/entity/id/{bob.entity}").data["aliases"][0]
    rows = len(names_below(core, *identity.TABLES))
    ask(core, UPDATE, "sys/auth/other", type="userpass")
    accessor = ask(core, READ, "sys/auth/other").data["accessor"]
    ask(core, UPDATE, f"identity/entity-alias/id/{alias['id']}", name="rob", mount_accessor=accessor)
    assert len(names_below(core, *identity.TABLES)) == rows
    ask(core, UPDATE, "auth/other/users/rob", password="right")
    auth = ask(core, UPDATE, "auth/other/login/rob", "", password="right").auth
    assert auth["entity_id"] == bob.entity != Login(core).entity


def test_a_token_made_in_an_inner_namespace_has_its_own_policies(core):
    """It is good, unlike OpenBao's; the entity's policies do not count there, and it ends with the entity."""
    bob = Login(core)
    ask(core, UPDATE, "sys/policies/acl/all", policy=ANYTHING)
    ask(core, UPDATE, "n1/sys/policies/acl/all", policy=ANYTHING)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", policies=["all"])
    auth = ask(core, UPDATE, "n1/auth/token/create", bob.token, policies=["none"]).auth
    inner = str(auth["client_token"])
    assert (auth["entity_id"], auth["policies"]) == (bob.entity, ["default", "none"])
    assert ask(core, READ, "n1/auth/token/lookup-self", inner).data["policies"] == ["default", "none"]
    with pytest.raises(PermissionDenied):
        ask(core, READ, "n1/sys/mounts", inner)
    ask(core, UPDATE, f"identity/entity/id/{bob.entity}", disabled=True)
    with pytest.raises(BadToken):
        ask(core, READ, "n1/auth/token/lookup-self", inner)


def test_a_namespace_takes_entities_and_quotas_along(core):
    """Of a namespace that is deleted no entity, alias or quota is left; those of others stay."""
    move(core, "auth/up", "n1/auth/up")
    Login(core, "n1/auth/up")
    for name, path in (("a", "n1"), ("b", "n1/auth/up"), ("c", "n1/sys/x"), ("d", "n2")):
        ask(core, UPDATE, f"sys/quotas/rate-limit/{name}", rate=5, path=path)
    ask(core, DELETE, "sys/namespaces/n1")
    while core.advance(1):
        pass
    assert names_below(core, *identity.TABLES, quotas.PREFIX) == [quotas.PREFIX + "d"]


@pytest.mark.parametrize("path", ["oidc/config", "mfa/method", "entity/merge", "group", "group-alias", "lookup/group"])
@pytest.mark.parametrize("operation", [READ, UPDATE, LIST, DELETE])
def test_what_is_elsewhere_says_so(core, path, operation):
    """Groups, OIDC, MFA and merging are refused by name."""
    with pytest.raises(NotOffered, match="not part of vaultctl"):
        ask(core, operation, f"identity/{path}")


@pytest.mark.parametrize("place", ["group/id", "group/name", "group-alias/id"])
def test_there_are_no_groups(core, place):
    """Who looks for groups hears that there are none; nobody can make one."""
    for operation, path in ((LIST, place), (READ, f"{place}/x")):
        with pytest.raises(NotFound):
            ask(core, operation, f"identity/{path}")
    assert ask(core, DELETE, f"identity/{place}/x").data is None
    with pytest.raises(NotOffered):
        ask(core, UPDATE, f"identity/{place}/x", name="x")


@pytest.mark.parametrize("rate", ["NaN", "Inf", "-Inf"])
def test_a_rate_is_a_number(core, rate):
    """What is no number of requests is refused, and not stored."""
    with pytest.raises(InvalidRequest, match="'rate' is invalid"):
        ask(core, UPDATE, "sys/quotas/rate-limit/q", rate=rate)
    assert names_below(core, quotas.PREFIX) == []


def test_a_quota_says_that_it_limits_nothing(core):
    """The write of a quota warns, and a hundred requests are answered though there may be one a minute."""
    written = ask(core, UPDATE, "sys/quotas/rate-limit/q", rate=1, interval="1m")
    assert written.warnings == ("vaultctl keeps and shows quotas, and limits nothing by them",)
    assert all(ask(core, READ, "sys/mounts").data for _ in range(100))


def test_a_quota_stays_with_a_mount_that_is_not_disabled(core):
    """While a mount that has leases is being disabled its quota is there; with the mount it is gone."""
    ask(core, UPDATE, "sys/mounts/ssh", type="ssh")
    ask(core, UPDATE, "ssh/roles/r", key_type="otp", default_user="u", cidr_list="10.0.0.0/8")
    ask(core, UPDATE, "ssh/creds/r", ip="10.0.0.1")
    ask(core, UPDATE, "sys/quotas/rate-limit/q", rate=1, path="ssh")
    with core.sessions.writing() as session:
        pipeline.run(Exchange(core.host, session, Request(DELETE, "sys/mounts/ssh", token=ROOT_TOKEN), writing=True))
    assert ask(core, READ, "sys/quotas/rate-limit/q").data["path"] == "ssh/"
    while core.advance(1):
        pass
    assert names_below(core, quotas.PREFIX) == []


def test_a_bcrypt_hash_becomes_argon2_with_the_first_login(core):
    """A hash that came from elsewhere is good, and is replaced by one that needs memory."""

    def stored() -> str:
        with core.sessions.reading() as session:
            uuid = session.mounts.at("auth/up/").uuid
            return str(json.loads(session.view.get(f"logical/{uuid}/user/eve"))["password"])

    ask(core, UPDATE, "auth/up/users/eve", password_hash=BCRYPT)
    assert stored() == BCRYPT
    with pytest.raises(InvalidRequest):
        ask(core, UPDATE, "auth/up/login/eve", "", password="wrong")
    assert stored() == BCRYPT
    ask(core, UPDATE, "auth/up/login/eve", "", password="secret")
    assert stored().startswith("$argon2id$")
    assert ask(core, UPDATE, "auth/up/login/eve", "", password="secret").auth
