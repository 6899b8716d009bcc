"""What policies allow together: the compiled list beside an oracle that looks at every rule for every path."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.policies import CAPABILITIES, PATHS, POLICIES, hcl
from support.soak import times

from vaultctl.core.policies import rules
from vaultctl.core.policies.acl import Acl
from vaultctl.core.policies.built_in import BUILT_IN
from vaultctl.core.policies.rule import Rule, from_record
from vaultctl.logical.request import Operation

NOW_S = 1_800_000_000


def compiled(*texts: str) -> Acl:
    """Give what policies allow together."""
    return Acl([rule for text in texts for rule in rules.parse(text, NOW_S)], NOW_S)


def meant(rule_path: str, path: str) -> bool:
    """Tell whether a rule's path stands for a path: `+` is any segment, a star at the end anything."""
    pieces = [("[^/]*" if piece == "+" else re.escape(piece)) for piece in rule_path.removesuffix("*").split("/")]
    return bool(re.fullmatch("/".join(pieces) + (".*" if rule_path.endswith("*") else ""), path))


def weight(rule_path: str) -> tuple[bool, int, bool, int, int]:
    """Weigh a rule's path against others that stand for the same path; the heaviest decides."""
    wild = [index for index, char in enumerate(rule_path) if char in "+*"]
    return (
        not wild,
        wild[0] if wild else 0,
        not rule_path.endswith("*"),
        -rule_path.count("+"),
        len(rule_path),
    )


def oracle(policies: Sequence[Sequence[Mapping[str, Any]]], path: str) -> list[str]:
    """Tell what may be done at a path, the slow way."""
    every = [rule for policy in policies for rule in policy]
    for asked in dict.fromkeys([path, path.removesuffix("/")]):
        exact = [rule for rule in every if rule["path"] == asked]
        if exact:
            return _joined(exact)
    for asked in dict.fromkeys([path, path.removesuffix("/")]):
        fitting = [rule for rule in every if meant(rule["path"], asked)]
        if fitting:
            heaviest = max(fitting, key=lambda rule: (*weight(rule["path"]), rule["path"]))["path"]
            return _joined([rule for rule in fitting if rule["path"] == heaviest])
    return ["deny"]


def _joined(decisive: Sequence[Mapping[str, Any]]) -> list[str]:
    named = {name for rule in decisive for name in rule["capabilities"]}
    return ["deny"] if "deny" in named else sorted(named) or ["deny"]


@given(policies=POLICIES, paths=st.lists(PATHS, min_size=1, max_size=20))
@settings(max_examples=times(400, 20_000), deadline=None)
def test_the_compiled_list_says_what_the_oracle_says(policies, paths):
    """For random policies and paths, both name the same capabilities."""
    acl = compiled(*(hcl(policy) for policy in policies))
    assert {path: acl.capabilities(path) for path in paths} == {path: oracle(policies, path) for path in paths}


@given(policies=POLICIES)
@settings(max_examples=times(200, 5_000), deadline=None)
def test_rules_are_stored_without_loss(policies):
    """A rule read from its record is the rule that was parsed."""
    parsed = rules.parse("\n".join(hcl(policy) for policy in policies), NOW_S)
    assert [from_record(rule.record()) for rule in parsed] == parsed


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_rules_of_built_in_policies_are_those_of_their_texts(name):
    """What is judged by is what the API shows."""
    assert rules.parse(BUILT_IN[name].text, NOW_S) == list(BUILT_IN[name].rules)


DECIDES = [
    ("a/b", {"a/*": "list", "a/b": "read"}, "read"),
    ("a/b/c", {"a/*": "list", "a/b*": "read"}, "read"),
    ("a/b/c", {"a/+/c": "list", "a/b/*": "read"}, "read"),
    ("a/b/c", {"a/+/*": "list", "a/+/c": "read"}, "read"),
    ("a/b/c", {"a/+/+": "list", "a/+/c": "read"}, "read"),
    ("a/b/cd", {"a/+/c*": "list", "a/+/cd*": "read"}, "read"),
    ("a/b", {"a/*": "list", "a/+": "read"}, "read"),
    ("a", {"*": "list", "+": "read"}, "read"),
    ("x", {"*": "read"}, "read"),
    ("a/b/c", {"/a/b/c": "read"}, "read"),
    ("a/", {"a": "read"}, "read"),
    ("a/x/", {"a/+": "read"}, "read"),
]


@pytest.mark.parametrize(("path", "paths", "expected"), DECIDES)
def test_one_rule_decides(path, paths, expected):
    """Of several rules for a path the most specific one counts, and the others not at all."""
    acl = compiled(hcl([{"path": each, "capabilities": [name]} for each, name in paths.items()]))
    assert acl.capabilities(path) == [expected]


def test_a_denial_in_one_policy_outweighs_what_others_allow():
    """Where the same path is denied and allowed, it is denied, in whichever order."""
    allowed, denied = ('path "a" { capabilities = ["' + name + '"] }' for name in ("read", "deny"))
    assert compiled(allowed, denied).capabilities("a") == ["deny"]
    assert compiled(denied, allowed).capabilities("a") == ["deny"]


def test_a_denial_of_less_leaves_what_is_said_of_more():
    """A denied prefix does not touch a path that another rule names."""
    acl = compiled('path "a/*" { capabilities = ["deny"] } path "a/b" { capabilities = ["read"] }')
    assert (acl.capabilities("a/b"), acl.capabilities("a/c")) == (["read"], ["deny"])


def test_a_rule_ends_when_it_expires():
    """An expired rule does not count, and the list says until when it is good."""
    text = 'path "a" { capabilities = ["read"] expiration = "2027-01-15T08:00:10Z" }'
    parsed = rules.parse(text, NOW_S)
    assert Acl(parsed, NOW_S).valid_until_s == NOW_S + 10
    assert Acl(parsed, NOW_S).capabilities("a") == ["read"]
    assert Acl(parsed, NOW_S + 10).capabilities("a") == ["deny"]


def test_a_templated_path_counts_for_nothing_without_an_entity():
    """What has a place for an entity's name is no path until there is one."""
    acl = compiled('path "a/{{identity.entity.id}}/*" { capabilities = ["read"] } path "b" { capabilities = ["read"] }')
    assert (acl.capabilities("a/{{identity.entity.id}}/x"), acl.capabilities("b")) == (["deny"], ["read"])


def test_limits_of_one_path_are_joined():
    """Of TTLs and pages the lower counts; values of parameters add up, and no value stands for any."""
    one, other = (
        Rule("a", ("update",), {"x": [1], "y": ["b"]}, {"d": [1]}, ("q",), 5, 50, 10),
        Rule("a", ("update",), {"x": [2], "y": []}, {"d": [2]}, ("q", "r"), 3, 60, 20),
    )
    joined = Acl([one, other]).at("a")
    assert (joined.shortest_s, joined.longest_s, joined.pagination_limit) == (3, 50, 10)
    assert (joined.allowed, joined.denied, joined.required) == ({"x": [2, 1], "y": []}, {"d": [2, 1]}, ["q", "r"])


PARAMETERS = [
    ("", {"a": 1}, True),
    ("allowed_parameters = { a = [] }", {"a": 1}, True),
    ("allowed_parameters = { a = [] }", {"A": 1}, True),
    ("allowed_parameters = { a = [] }", {"b": 1}, False),
    ("allowed_parameters = { a = [] }", {}, True),
    ('allowed_parameters = { a = ["x", "y*", "*z", "*m*"] }', {"a": "x"}, True),
    ('allowed_parameters = { a = ["x", "y*", "*z", "*m*"] }', {"a": "yes"}, True),
    ('allowed_parameters = { a = ["x", "y*", "*z", "*m*"] }', {"a": "jazz"}, True),
    ('allowed_parameters = { a = ["x", "y*", "*z", "*m*"] }', {"a": "lamp"}, True),
    ('allowed_parameters = { a = ["x", "y*", "*z", "*m*"] }', {"a": "no"}, False),
    ("allowed_parameters = { a = [true] }", {"a": True}, True),
    ("allowed_parameters = { a = [true] }", {"a": 1}, False),
    ("allowed_parameters = { a = [1] }", {"a": 1}, False),
    ('allowed_parameters = { a = [["x"]] }', {"a": ["x"]}, True),
    ('allowed_parameters = { a = [] "*" = [] }', {"b": 1}, True),
    ('allowed_parameters = { a = ["x"] "*" = [] }', {"a": "y"}, False),
    ("denied_parameters = { a = [] }", {"a": 1}, False),
    ("denied_parameters = { a = [] }", {"b": 1}, True),
    ('denied_parameters = { a = ["x"] }', {"a": "y"}, True),
    ('denied_parameters = { a = ["x"] }', {"a": "x"}, False),
    ('denied_parameters = { "*" = [] }', {"b": 1}, False),
    ('denied_parameters = { "*" = [] }', {}, True),
    ('required_parameters = ["a"]', {"a": 1}, True),
    ('required_parameters = ["A"]', {"a": 1}, True),
    ('required_parameters = ["a"]', {"b": 1}, False),
    ('required_parameters = ["a"]', {}, False),
    ("allowed_parameters = { a = [] } denied_parameters = { a = [] }", {"a": 1}, False),
]


@pytest.mark.parametrize(("limits", "data", "expected"), PARAMETERS)
def test_parameters_narrow_a_write(limits, data, expected):
    """What is not allowed, what is denied, and what is missing, refuses the whole request."""
    found = compiled('path "a" { capabilities = ["update"] ' + limits + " }").at("a")
    assert found.allow(Operation.UPDATE, "update", data, 0) is expected


@pytest.mark.parametrize(("ttl_s", "expected"), [(0, False), (4, False), (5, True), (60, True), (61, False)])
def test_wrapping_can_be_asked_for(ttl_s, expected):
    """A path with wrapping TTLs answers only what is wrapped for as long as they say."""
    found = compiled('path "a" { capabilities = ["read"] min_wrapping_ttl = 5 max_wrapping_ttl = "1m" }').at("a")
    assert found.allow(Operation.READ, "read", {}, ttl_s) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"limit": "10"}),
        ({"limit": "0"}, {"limit": "10"}),
        ({"limit": "max"}, {"limit": "10"}),
        ({"limit": "7", "after": "x"}, {"limit": "7", "after": "x"}),
        ({"limit": "11"}, None),
        ({"limit": "-1"}, None),
        ({"limit": "x"}, None),
    ],
)
def test_listings_are_limited(query, expected):
    """A listing asks for no more than the policy lets it; without a word it gets that many."""
    assert compiled('path "a" { capabilities = ["list"] pagination_limit = 10 }').at("a").page(query) == expected


@pytest.mark.parametrize(
    ("path", "mount", "expected"),
    [
        ("a/*", "a/", True),
        ("a/b/c", "a/", True),
        ("a", "a/", True),
        ("ab/*", "a/", False),
        ("+/b", "a/", True),
        ("a/+/c", "a/b/", True),
        ("x/+/c", "a/b/", False),
        ("a/+/c*", "a/b/", True),
        ("a/b*", "a/bcd/", True),
        ("a", "a/b/", False),
    ],
)
def test_a_mount_is_seen_where_anything_below_it_is_allowed(path, mount, expected):
    """A denial shows nothing."""
    assert compiled(hcl([{"path": path, "capabilities": ["read"]}])).reaches(mount) is expected
    assert not compiled(hcl([{"path": path, "capabilities": ["deny"]}])).reaches(mount)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_one_capability_is_no_other(name):
    """Each capability is named for itself alone."""
    assert compiled(hcl([{"path": "a", "capabilities": [name]}])).capabilities("a") == [name]
