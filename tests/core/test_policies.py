"""Policies as the API has them, and what they let tokens do, from one request to the next."""

import pytest
from support.clock import Clock
from support.policies import LIMITED, ask, give_token, may, write_policy
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.core.policies.acls import MOST
from vaultctl.logical.errors import (
    BadToken,
    InvalidRequest,
    NoRoute,
    NotFound,
    NotOffered,
    PermissionDenied,
    UnsupportedOperation,
    VaultError,
)
from vaultctl.logical.request import Operation, Request
from vaultctl.storage.memory import Memory

READ, UPDATE, PATCH, DELETE, LIST = Operation.READ, Operation.UPDATE, Operation.PATCH, Operation.DELETE, Operation.LIST
READS = 'path "secret/*" { capabilities = ["read"] }'


@pytest.fixture
def clock() -> Clock:
    """The core's clock."""
    return Clock()


@pytest.fixture
def core(clock) -> Core:
    """A core with a secret of kv version 2 at `secret/a`."""
    made = make_core(Memory(), now_ns=clock)
    ask(made, UPDATE, "secret/data/a", data={"k": "v"})
    return made


def allow(core: Core, *lines: str) -> None:
    """Give the limited token these rules alone."""
    write_policy(core, "limited", "\n".join(lines))
    give_token(core, "limited")


def rule(path: str, *capabilities: str, more: str = "") -> str:
    """Write a rule."""
    return f'path "{path}" {{ capabilities = [{", ".join(map(repr, capabilities))}] {more} }}'.replace("'", '"')


def test_a_token_without_a_policy_for_a_path_is_refused_in_the_long_form(core):
    """A good token without the right is told otherwise than a bad token."""
    give_token(core, "default")
    with pytest.raises(PermissionDenied) as refused:
        ask(core, READ, "secret/data/a", LIMITED)
    assert refused.value.errors == ("1 error occurred:\n\t* permission denied\n\n",)
    with pytest.raises(BadToken):
        ask(core, READ, "secret/data/a", "s.nobody")


def test_a_slash_in_front_of_a_path_is_none_of_its_rights(core):
    """Who may use the path without the slash is told that there is none with it; others are refused."""
    allow(core, rule("secret/data/*", "read"))
    with pytest.raises(NoRoute) as caught:
        ask(core, READ, "/secret/data/x", LIMITED)
    assert caught.value.errors == ('no handler for route "/secret/data/x". route entry not found.',)
    with pytest.raises(PermissionDenied):
        ask(core, READ, "/secret/metadata/x", LIMITED)


def test_a_change_takes_effect_at_the_next_request(core):
    """A policy that is written, changed or deleted counts at once, for tokens that are there already."""
    give_token(core, "late")
    assert not may(core, READ, "secret/data/a")
    write_policy(core, "late", READS)
    assert may(core, READ, "secret/data/a")
    write_policy(core, "late", rule("secret/*", "list"))
    assert not may(core, READ, "secret/data/a")
    write_policy(core, "late", READS)
    ask(core, DELETE, "sys/policies/acl/late")
    assert not may(core, READ, "secret/data/a")


def test_a_policy_counts_until_it_expires(core, clock):
    """What a policy with a ttl allows is allowed to the second, though nothing is written then."""
    write_policy(core, "short", READS, ttl="10s")
    give_token(core, "short")
    clock.go(9)
    assert may(core, READ, "secret/data/a")
    assert "short" in ask(core, LIST, "sys/policies/acl").data["keys"]
    clock.go(1)
    assert not may(core, READ, "secret/data/a")
    assert "short" not in ask(core, LIST, "sys/policies/acl").data["keys"]
    with pytest.raises(NotFound):
        ask(core, READ, "sys/policies/acl/short")


def test_a_rule_counts_until_it_expires(core, clock):
    """A path with an expiration of its own ends alone."""
    allow(core, rule("secret/*", "read", more='expiration = "2026-01-01T00:00:05Z"'), rule("sys/mounts", "read"))
    assert may(core, READ, "secret/data/a")
    clock.go(5)
    assert not may(core, READ, "secret/data/a")
    assert may(core, READ, "sys/mounts")


@pytest.mark.parametrize(("capability", "new", "known"), [("create", True, False), ("update", False, True)])
@pytest.mark.parametrize(
    ("mount", "path", "data"),
    [("secret", "data/{}", {"data": {}}), ("secret", "metadata/{}", {"max_versions": 3}), ("old", "{}", {"k": "v"})],
)
def test_creating_is_not_updating(core, capability, new, known, mount, path, data):
    """On kv a path that is there needs `update`, and one that is not `create`."""
    ask(core, UPDATE, "sys/mounts/old", type="kv")
    ask(core, UPDATE, "old/a", k="v")
    allow(core, rule(f"{mount}/*", capability))
    assert may(core, UPDATE, f"{mount}/{path.format('a')}", **data) is known
    assert may(core, UPDATE, f"{mount}/{path.format('b')}", **data) is new


def test_creating_in_a_cubbyhole_is_not_updating_there(core):
    """What counts in a cubbyhole is what the token itself stored."""
    ask(core, UPDATE, "cubbyhole/a", k="root's")
    allow(core, rule("cubbyhole/*", "create"))
    assert may(core, UPDATE, "cubbyhole/a", k="v")
    assert not may(core, UPDATE, "cubbyhole/a", k="v")


def test_where_nothing_is_made_only_update_counts(core):
    """`create` does not open a path that cannot tell what is new."""
    allow(core, rule("sys/mounts/x", "create"))
    assert not may(core, UPDATE, "sys/mounts/x", type="kv")
    allow_more = rule("sys/mounts/x", "update")
    write_policy(core, "limited", allow_more)
    assert may(core, UPDATE, "sys/mounts/x", type="kv")


def test_what_needs_sudo_needs_the_verb_too(core):
    """Moving a mount needs `sudo` and `update`, and is refused before its body is looked at."""
    give_token(core, "limited")
    for capabilities, expected in ((["sudo"], False), (["update"], False), (["sudo", "update"], True)):
        write_policy(core, "limited", rule("sys/remount", *capabilities))
        assert may(core, UPDATE, "sys/remount", nonsense=[{}]) is expected


def test_every_verb_has_its_capability(core):
    """A token that may do one thing may do no other."""
    verbs = {"read": READ, "list": LIST, "scan": Operation.SCAN, "patch": PATCH, "delete": DELETE}
    give_token(core, "limited")
    for named in verbs:
        write_policy(core, "limited", rule("secret/*", named))
        let_in = {name for name, verb in verbs.items() if may(core, verb, "secret/metadata/a")}
        assert let_in == {named}


def test_help_needs_no_capability(core):
    """Whoever has a token may ask what a path is for."""
    give_token(core, "default")
    assert core.handle(Request(Operation.HELP, "sys/remount", token=LIMITED)).raw


def test_a_refused_request_still_uses_a_token_up(core):
    """A token with one use is gone after a refusal."""
    give_token(core, "default", num_uses=1)
    with pytest.raises(PermissionDenied):
        ask(core, READ, "secret/data/a", LIMITED)
    with pytest.raises(BadToken):
        ask(core, READ, "secret/data/a", LIMITED)


def test_a_listing_is_cut_to_what_the_policy_lets_through(core):
    """A pagination limit is the most that one listing gives, and more is refused."""
    for name in "abcde":
        ask(core, UPDATE, f"secret/data/{name}", data={})
    allow(core, rule("secret/metadata", "list", more="pagination_limit = 2"))
    assert ask(core, LIST, "secret/metadata", LIMITED).data["keys"] == ["a", "b"]
    assert ask(core, LIST, "secret/metadata", LIMITED, after="b", limit="max").data["keys"] == ["c", "d"]
    assert not may(core, LIST, "secret/metadata", limit="3")


def test_a_listing_shows_what_may_be_read(core):
    """With a filter, keys that the token may not read, and folders that it may not list, are left out."""
    for name in ("b", "c/d", "e/f"):
        ask(core, UPDATE, f"secret/data/{name}", data={})
    filtered = 'list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}"'
    allow(
        core,
        rule("secret/metadata", "list", more=filtered),
        rule("secret/metadata/a", "read"),
        rule("secret/metadata/c/", "list"),
    )
    assert ask(core, LIST, "secret/metadata", LIMITED).data["keys"] == ["a", "c/"]


def test_mounts_are_shown_to_who_may_do_something_there(core):
    """A limited token sees its own mounts, and is told of no other one."""
    allow(core, rule("secret/data/a", "read"), rule("cubbyhole/*", "deny"))
    shown = ask(core, READ, "sys/internal/ui/mounts", LIMITED).data
    assert (list(shown["secret"]), list(shown["auth"])) == (["secret/"], [])
    assert ask(core, READ, "sys/internal/ui/mounts/secret/x", LIMITED).data["path"] == "secret/"
    with pytest.raises(PermissionDenied, match='grant access to path "cubbyhole/"'):
        ask(core, READ, "sys/internal/ui/mounts/cubbyhole", LIMITED)
    described = core.handle(Request(READ, "sys/internal/specs/openapi", token=LIMITED)).raw
    assert {path.split("/")[1] for path in described["paths"]} == {"secret"}


def test_all_rules_of_a_token_are_shown_together(core):
    """`resultant-acl` has exact paths and prefixes, and what narrows them."""
    limits = 'allowed_parameters = { "x" = [1] } required_parameters = ["y"] max_wrapping_ttl = "1h"'
    allow(core, rule("a", "update", more=limits), rule("b/*", "deny"), rule("sys/internal/ui/resultant-acl", "read"))
    assert ask(core, READ, "sys/internal/ui/resultant-acl", LIMITED).data == {
        "root": False,
        "exact_paths": {
            "a": {
                "capabilities": ["update"],
                "max_wrapping_ttl": 3600,
                "allowed_parameters": {"x": [1]},
                "required_parameters": ["y"],
            },
            "sys/internal/ui/resultant-acl": {"capabilities": ["read"]},
        },
        "glob_paths": {"b/": {"capabilities": ["deny"]}},
    }
    assert ask(core, READ, "sys/internal/ui/resultant-acl").data == {"root": True}


def test_capabilities_are_told_by_token_accessor_and_for_oneself(core):
    """Three ways to ask give one answer, and one path has its answer twice."""
    allow(core, rule("secret/*", "read", "list"), rule("sys/capabilities-self", "update"))
    expected = {"secret/a": ["list", "read"], "capabilities": ["list", "read"]}
    assert ask(core, UPDATE, "sys/capabilities-self", LIMITED, path="secret/a").data == expected
    looked_up = core.handle(Request(UPDATE, "auth/token/lookup", data={"token": LIMITED}, token=ROOT_TOKEN))
    by_accessor = {"accessor": looked_up.data["accessor"], "paths": ["secret/a"]}
    assert ask(core, UPDATE, "sys/capabilities-accessor", **by_accessor).data == expected
    of_token = Request(UPDATE, "sys/capabilities", data={"token": LIMITED, "paths": ["secret/a"]}, token=ROOT_TOKEN)
    assert core.handle(of_token).data == expected
    with pytest.raises(InvalidRequest, match="paths must be supplied"):
        ask(core, UPDATE, "sys/capabilities-self", LIMITED)


def test_versions_guard_against_each_other(core):
    """`cas` must be the present version, -1 means that there is none, and once required it stays so."""
    write_policy(core, "p", READS, cas=-1, cas_required=True)
    for cas, problem in (
        (-1, "set to -1 on existing"),
        (2, "2 did not match the current version 1"),
        (None, "required"),
    ):
        with pytest.raises(InvalidRequest, match=problem):
            write_policy(core, "p", READS, **({} if cas is None else {"cas": cas}))
    write_policy(core, "p", READS, cas=1)
    assert ask(core, READ, "sys/policies/acl/p").data["version"] == 2


def test_a_patch_changes_what_it_names(core):
    """A patch keeps the text; one of a policy that is not there is told so."""
    write_policy(core, "p", READS)
    ask(core, PATCH, "sys/policies/acl/p", cas_required=True)
    shown = ask(core, READ, "sys/policies/acl/p").data
    assert (shown["policy"], shown["cas_required"], shown["version"]) == (READS, True, 2)
    with pytest.raises(VaultError, match="policy not found") as missing:
        ask(core, PATCH, "sys/policies/acl/q", cas_required=True)
    assert missing.value.status == 404


def test_default_can_be_written_and_not_deleted(core):
    """A written `default` takes the place of the built-in one, as its second version."""
    give_token(core, "default")
    assert may(core, READ, "cubbyhole/a")
    write_policy(core, "Default", READS)
    assert ask(core, READ, "sys/policies/acl/default").data["version"] == 2
    assert not may(core, READ, "cubbyhole/a")
    with pytest.raises(InvalidRequest, match="cannot delete default policy"):
        ask(core, DELETE, "sys/policies/acl/default")


def test_a_text_may_come_in_base64(core):
    """What is base64 is decoded, even where that makes no sense of it."""
    write_policy(core, "p", "cGF0aCAieCIge30=")
    assert ask(core, READ, "sys/policies/acl/p").data["policy"] == 'path "x" {}'
    with pytest.raises(InvalidRequest, match="failed to parse policy: At 1:1: illegal char"):
        write_policy(core, "p", "path")


@pytest.mark.parametrize(
    "text",
    [
        'path "a" { control_group { factor "f" { identity { group_names = ["g"] } } } }',
        'path "a" { capabilities = ["list"] list_scan_response_keys_filter_path = "{{ lower .key }}" }',
    ],
)
def test_what_cannot_be_kept_is_not_taken(core, text):
    """A policy that asks for more than there is here is refused, and never half kept."""
    with pytest.raises(NotOffered):
        write_policy(core, "p", text)


def test_no_more_lists_are_kept_than_are_wanted(core):
    """Tokens with ever other policies do not make the process grow."""
    give_token(core, "default")
    for number in range(MOST + 20):
        give_token(core, f"p{number}", token=f"s.token{number}")
        may(core, READ, "sys/mounts", f"s.token{number}")
    kept = core.sessions._tables.acls()._kept[1]
    assert 0 < len(kept) <= MOST


def test_a_password_policy_makes_passwords(core):
    """A password is as long as the policy says, of its characters, with as many of each set."""
    text = 'length = 12\nrule "charset" { charset = "abc" }\nrule "charset" { charset = "019" min-chars = 3 }'
    ask(core, UPDATE, "sys/policies/password/p", policy=text)
    password = ask(core, READ, "sys/policies/password/p/generate").data["password"]
    assert (len(password), set(password) <= set("abc019")) == (12, True)
    assert sum(char in "019" for char in password) >= 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('length=3 rule "charset" { charset = "a" }', "passwords must be between 4 and 100 characters"),
        ("length=20", "no charset specified"),
        ('rule "charset" { charset = "a" }', "length must be > 0"),
        ('length=4 rule "charset" { charset="a" min-chars=5 }', "require at least 5 characters but 4 is specified"),
        ('length=20 rule "foo" {}', "unrecognized rule type foo"),
        ("length=x", "unable to decode: At 1:8: Unknown token: 1:8 IDENT x"),
    ],
)
def test_a_password_policy_that_nothing_satisfies_is_refused(core, text, problem):
    """What is wrong with it is said."""
    with pytest.raises(InvalidRequest, match=problem):
        ask(core, UPDATE, "sys/policies/password/p", policy=text)


def in_namespace(core: Core, operation: Operation, path: str, token: str = ROOT_TOKEN, **data: object) -> object:
    """Ask in the namespace `n`."""
    return core.handle(Request(operation, path, "n/", data=data, token=token)).data


def test_each_namespace_has_policies_of_its_own(core):
    """A policy counts in its namespace, for paths within it, and goes with it."""
    ask(core, UPDATE, "sys/namespaces/n")
    in_namespace(core, UPDATE, "sys/policies/acl/p", policy=rule("sys/mounts", "read"))
    id_ = ask(core, READ, "sys/namespaces/n").data["id"]
    give_token(core, "p", namespace=id_)
    assert in_namespace(core, READ, "sys/mounts", LIMITED)
    assert not may(core, READ, "sys/mounts")
    assert in_namespace(core, LIST, "sys/policies/acl") == {"keys": ["default", "p"]}
    with pytest.raises(NotFound):
        ask(core, READ, "sys/policies/acl/p")
    ask(core, DELETE, "sys/namespaces/n")
    with core.sessions.reading() as session:
        assert list(session.view.below("core/policies/")) == []


def test_policies_of_the_root_name_full_paths(core):
    """A token of the root namespace needs the namespace in its policy's paths."""
    ask(core, UPDATE, "sys/namespaces/n")
    allow(core, rule("n/sys/mounts", "read"))
    assert in_namespace(core, READ, "sys/mounts", LIMITED)
    assert not may(core, READ, "sys/mounts")


def test_root_of_a_namespace_is_root_there_alone(core):
    """What it may do ends where its namespace does."""
    ask(core, UPDATE, "sys/namespaces/n")
    give_token(core, "root", namespace=ask(core, READ, "sys/namespaces/n").data["id"])
    assert in_namespace(core, READ, "sys/mounts", LIMITED)
    assert not may(core, READ, "sys/mounts")


def test_namespaces_are_shown_to_who_may_do_something_there(core):
    """A policy that names a path in a namespace shows that namespace, and no other one."""
    for name in ("m", "n"):
        ask(core, UPDATE, f"sys/namespaces/{name}")
    allow(core, rule("n/secret/*", "read"))
    assert ask(core, READ, "sys/internal/ui/namespaces", LIMITED).data == {"keys": ["n/"]}
    assert ask(core, READ, "sys/internal/ui/namespaces").data == {"keys": ["m/", "n/"]}
    write_policy(core, "limited", READS)
    assert ask(core, READ, "sys/internal/ui/namespaces", LIMITED).data == {}


def test_a_denial_leaves_no_parameters(core):
    """What is shown of a denied path is the denial alone."""
    allow(core, rule("a", "read", more='allowed_parameters = { "x" = [] }'), rule("a", "deny"))
    write_policy(core, "show", rule("sys/internal/ui/resultant-acl", "read"))
    give_token(core, "limited", "show")
    shown = ask(core, READ, "sys/internal/ui/resultant-acl", LIMITED).data["exact_paths"]
    assert shown["a"] == {"capabilities": ["deny"]}


@pytest.mark.parametrize("depth", [199, 201, 5000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [("a {", "}"), ("a = [[", "]]"), ("[{a=", "}]"), ('{"a":', "}"), ('{"a":[', "]}"), ("a = [", "")],
)
def test_no_text_is_nested_too_deeply_to_be_refused(core, depth, opening, closing):
    """However deep a text goes, it is refused in words."""
    with pytest.raises(InvalidRequest, match="failed to parse policy: "):
        write_policy(core, "p", f"x = {opening * depth}{closing * depth}")
    with pytest.raises(InvalidRequest, match="failed to parse policy: "):
        write_policy(core, "p", f"{opening * depth}{closing * depth}")


@pytest.mark.parametrize(
    "path", ["sys/policy", "sys/policies/acl", "sys/policies/detailed/acl", "sys/policies/password"]
)
def test_a_listing_may_end_in_a_slash(core, path):
    """Many clients put one behind what they list."""
    ask(core, UPDATE, "sys/policies/password/p", policy='length = 20 rule "charset" { charset = "a" }')
    assert ask(core, LIST, path + "/").data == ask(core, LIST, path).data


@pytest.mark.parametrize("path", ["secret/data/top/", "secret/data//top", "secret/data/top//", "secret//data/top"])
@pytest.mark.parametrize("operation", [READ, UPDATE, PATCH, DELETE])
def test_more_slashes_are_no_way_around_a_rule(core, operation, path):
    """What an engine takes for the same secret needs the right to that secret."""
    everything = ("create", "read", "update", "patch", "delete", "list")
    allow(core, rule("secret/*", *everything), rule("secret/data/top", "deny"))
    ask(core, UPDATE, "secret/data/top", data={"k": "v"})
    with pytest.raises((PermissionDenied, InvalidRequest)) as refused:
        ask(core, operation, path, LIMITED, data={"k": "w"})
    assert isinstance(refused.value, PermissionDenied) or "ending in" in refused.value.errors[0]
    assert ask(core, READ, "secret/data/top").data["data"] == {"k": "v"}


@pytest.mark.parametrize("path", ["kv//x/deny", "kv/x/deny/", "kv///x/deny"])
@pytest.mark.parametrize("rule_path", ["kv/x/*", "kv/+/deny", "kv/x/deny"])
def test_more_slashes_are_no_way_around_a_rule_of_the_first_kv(core, rule_path, path):
    """The same holds where the key begins right behind the mount."""
    ask(core, UPDATE, "sys/mounts/kv", type="kv")
    ask(core, UPDATE, "kv/x/deny", k="v")
    allow(core, rule("kv/*", "create", "read", "update", "delete", "list"), rule(rule_path, "deny"))
    assert not may(core, READ, path)
    assert not may(core, DELETE, path)
    assert ask(core, READ, "kv/x/deny").data == {"k": "v"}
    if rule_path == "kv/x/*":
        assert not may(core, LIST, "kv//x")


@pytest.mark.parametrize("name", ["SecretPol", "SECRETPOL", "secretpol ", " secretpol"])
def test_another_spelling_of_a_policys_name_needs_the_same_right(core, name):
    """Names of policies are lower-case, however they are typed; so are the rights to them."""
    write_policy(core, "secretpol", rule("x", "read"))
    allow(
        core,
        *(rule(f"sys/{kind}/*", "create", "read", "update", "delete", "list") for kind in ("policies/acl", "policy")),
        *(rule(f"sys/{kind}/secretpol", "deny") for kind in ("policies/acl", "policy")),
    )
    for kind in ("policies/acl", "policy"):
        assert not may(core, READ, f"sys/{kind}/{name}")
        assert not may(core, UPDATE, f"sys/{kind}/{name}", policy=rule("*", "sudo"))
        assert not may(core, DELETE, f"sys/{kind}/{name}")
        assert may(core, READ, f"sys/{kind}/other")


def test_two_slashes_in_front_of_a_rule_are_no_other_rule(core):
    """One slash in front of a rule's path is none; with two the rule is for paths that nothing has."""
    allow(core, rule("//secret/*", "read"))
    assert not may(core, READ, "secret/data/a")
    allow(core, rule("/secret/*", "read"))
    assert may(core, READ, "secret/data/a")


def test_no_policy_has_an_empty_name(core):
    """A name of blanks is none."""
    with pytest.raises(UnsupportedOperation):
        write_policy(core, " ", rule("x", "read"))
