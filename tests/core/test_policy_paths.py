"""Paths of policies that name a mount which moves: what is found, what it shall say, and that nothing else changes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.soak import times

from vaultctl.core.policies import rules
from vaultctl.core.policies.acl import Acl
from vaultctl.core.policies.rule import Rule
from vaultctl.logical import policy_paths
from vaultctl.logical.errors import VaultError
from vaultctl.logical.hcl.tree import HclError
from vaultctl.logical.remounting import Place

OLD, NEW = Place("", "secret/"), Place("", "apps/kv/")


def after(text: str, namespace: str = "", old: Place = OLD, new: Place = NEW) -> str:
    """Give a policy's text after a move."""
    return policy_paths.rewritten(text, policy_paths.uses(policy_paths.paths_in(text), namespace, old, new))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("secret/*", "apps/kv/*"),
        ("secret/", "apps/kv/"),
        ("secret", "apps/kv"),
        ("secret/data/a", "apps/kv/data/a"),
        ("secret/metadata/+/b*", "apps/kv/metadata/+/b*"),
        ("/secret/data/a", "/apps/kv/data/a"),
        ("secret/data/{{identity.entity.id}}/*", "apps/kv/data/{{identity.entity.id}}/*"),
        ("sys/mounts/secret", "sys/mounts/apps/kv"),
        ("sys/mounts/secret/tune", "sys/mounts/apps/kv/tune"),
        ("sys/internal/ui/mounts/secret/*", "sys/internal/ui/mounts/apps/kv/*"),
        ("sys/leases/revoke-prefix/secret/creds/*", "sys/leases/revoke-prefix/apps/kv/creds/*"),
        ("sys/leases/lookup/secret/*", "sys/leases/lookup/apps/kv/*"),
        ("secret2/*", "secret2/*"),
        ("a/secret/*", "a/secret/*"),
        ("secret*", "secret*"),
        ("+/data/a", "+/data/a"),
        ("sys/remount", "sys/remount"),
        ("sys/auth/secret", "sys/auth/secret"),
        ("auth/secret/login", "auth/secret/login"),
    ],
)
def test_a_path_that_spells_the_mount_out_is_rewritten(path, expected):
    """The parts that name the mount change, and no others; what names something else stays."""
    text = '# secret/*\npath "{}" {{ capabilities = ["read"] }} // secret\n'
    assert after(text.format(path)) == text.format(expected)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("auth/people/login/*", "auth/staff/login/*"),
        ("sys/auth/people", "sys/auth/staff"),
        ("sys/auth/people/tune", "sys/auth/staff/tune"),
        ("sys/mounts/auth/people/tune", "sys/mounts/auth/staff/tune"),
        ("people/x", "people/x"),
        ("sys/mounts/people", "sys/mounts/people"),
    ],
)
def test_paths_of_an_auth_method_are_rewritten(path, expected):
    """Both forms of the API's paths of an auth method follow it."""
    text = 'path "{}" {{ capabilities = ["read"] }}'
    assert after(text.format(path), "", Place("", "auth/people/"), Place("", "auth/staff/")) == text.format(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('path "secret/a" {}\r\n\r\npath "secret/b" {}\r\n', 'path "apps/kv/a" {}\r\n\r\npath "apps/kv/b" {}\r\n'),
        ('"path" "se\\x63ret/a" {}', '"path" "apps/kv/a" {}'),
        ('path "secret/\\"a" {}', 'path "apps/kv/\\"a" {}'),
        ("path secret {}", 'path "apps/kv" {}'),
        ('PATH "secret/a" {}', 'PATH "apps/kv/a" {}'),
        ('/* path "secret/a" */ path "secret/a" { comment = "secret/a" }', None),
        ('{"path": {"secret/a": {"capabilities": ["read"]}}}', '{"path": {"apps/kv/a": {"capabilities": ["read"]}}}'),
        ('{"path": [{"secret/a": {}}, {"b": {}},\n {"secret/a": {}}]}', None),
        (' {"path": {"secret\\u002fa": {}}}', ' {"path": {"apps/kv\\u002fa": {}}}'),
        ('name = "é\U0001f512"\npath "secret/é" {}', 'name = "é\U0001f512"\npath "apps/kv/é" {}'),
        ('path "secret/a" {}' * 3, 'path "apps/kv/a" {}' * 3),
    ],
)
def test_all_else_in_a_text_stays(text, expected):
    """Comments, layout, line ends and spellings are those of before, in HCL and in JSON."""
    if expected is None:
        at = [each.start for each in policy_paths.paths_in(text) if each.path == "secret/a"]
        expected = text
        for start in reversed(at):
            expected = expected[:start] + '"apps/kv/a"' + expected[start + len('"secret/a"') :]
        assert expected.count("apps/kv") == len(at) > 0
    assert after(text) == expected


@pytest.mark.parametrize(
    ("namespace", "old", "new", "path", "expected"),
    [
        ("", ("n/", "a/"), ("n/", "b/"), "n/a/*", "n/b/*"),
        ("", ("n/", "a/"), ("m/", "b/"), "n/a/*", "m/b/*"),
        ("", ("n/", "a/"), ("m/", "b/"), "n/sys/mounts/a", "m/sys/mounts/b"),
        ("n/", ("n/", "a/"), ("n/in/", "b/"), "a/*", "in/b/*"),
        ("n/", ("n/", "a/"), ("m/", "b/"), "a/*", "outside"),
        ("n/", ("n/", "a/"), ("m/", "b/"), "*", "outside"),
        ("", ("n/", "a/"), ("n/", "b/"), "a/*", None),
        ("n/", ("", "a/"), ("", "b/"), "a/*", None),
    ],
)
def test_namespaces(namespace, old, new, path, expected):
    """A policy speaks of what is in its own namespace, by paths from there; of what leaves it, it cannot."""
    found = policy_paths.uses(policy_paths.paths_in(f'path "{path}" {{}}'), namespace, Place(*old), Place(*new))
    if expected is None:
        assert found == []
    elif expected == "outside":
        assert (found[0].is_outside, found[0].breaks, found[0].new) == (True, True, "")
    else:
        assert found[0].new == expected


@pytest.mark.parametrize(
    ("path", "kind", "covers"),
    [
        ("*", "pattern", True),
        ("+/*", "pattern", True),
        ("sec*", "pattern", False),
        ("secret*", "pattern", False),
        ("+/data/a", "pattern", False),
        ("+/+/a", "pattern", False),
        ("sys/mounts/*", "pattern", True),
        ("sys/mounts/+", "pattern", False),
        ("{{identity.entity.name}}/*", "template", False),
        ("s{{identity.entity.name}}t/a", "template", False),
    ],
)
def test_patterns_are_judged(path, kind, covers):
    """What reaches the mount by a pattern is not rewritten, and breaks where it does not reach the new place."""
    (found,) = policy_paths.uses(policy_paths.paths_in(f'path "{path}" {{}}'), "", OLD, NEW)
    assert (found.kind, found.covers_new, found.new, found.breaks) == (kind, covers, "", not covers)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("+/", "secret/data/*"),
        ("+/", "secret"),
        ("a/+/", "secret/x"),
        ("a/+b/", "secret/x"),
        ("+/", "sys/mounts/secret/tune"),
        ("s*/", "secret"),
        ("s*/", "sys/mounts/secret"),
        ("{{identity.entity.id}}/", "secret/x"),
        ("a}}/", "secret/x"),
        ("x+*y/", "secret/x"),
        ("a${b/", "secret/x"),
    ],
)
def test_a_place_that_a_policy_cannot_name_is_not_written_into_one(target, path):
    """Where the new path would be a pattern or a template in a policy, the rule stays, and that is told to break it."""
    (use,) = policy_paths.uses(policy_paths.paths_in(f'path "{path}" {{}}'), "", OLD, Place("", target))
    assert (use.kind, use.new, use.is_unspeakable, use.breaks) == ("named", "", True, True)


@pytest.mark.parametrize(
    ("target", "path", "expected"),
    [
        ("s*/", "secret/x", "s*/x"),
        ("s*/", "secret/*", "s*/*"),
        ("b+/", "secret/*", "b+/*"),
        ('q"r/', "secret/x", 'q\\"r/x'),
        ("b\\c/", "secret/x", "b\\\\c/x"),
    ],
)
def test_odd_places_that_a_policy_can_name_are_written(target, path, expected):
    """A star that ends no path, and what can be escaped, means itself."""
    assert after(f'path "{path}" {{}}', "", OLD, Place("", target)) == f'path "{expected}" {{}}'


@pytest.mark.parametrize(
    ("source", "path", "kind"),
    [
        ("+/", "+/x", "pattern"),
        ("+/", "sys/mounts/+/tune", "pattern"),
        ("a/+/", "a/+/x", "pattern"),
        ("{{identity.entity.id}}/", "{{identity.entity.id}}/x", "template"),
        ("s*/", "s*", "pattern"),
        ("s*/", "s*/x", "named"),
        ("+b/", "+b/x", "named"),
        ("secret/", "s*/x", None),
    ],
)
def test_a_pattern_is_not_the_name_of_a_mount(source, path, kind):
    """A rule with a plus or a template is for all mounts that it fits, also where one of them is called just so."""
    found = policy_paths.uses(policy_paths.paths_in(f'path "{path}" {{}}'), "", Place("", source), Place("", "plain/"))
    assert [use.kind for use in found] == ([kind] if kind else [])
    assert all(bool(use.new) == (kind == "named") for use in found)


def test_a_namespace_with_braces_in_its_name_is_no_template():
    """In the part of a path that is its namespace nothing is a pattern; seen from above it could be nothing else."""
    odd, plain = "{{identity.entity.id}}/", "n/"
    paths = policy_paths.paths_in('path "secret/x" {}')
    (use,) = policy_paths.uses(paths, odd, Place(odd, "secret/"), Place(odd, "kv/"))
    assert (use.kind, use.new) == ("named", "kv/x")
    assert policy_paths.uses(paths, odd, Place(plain, "secret/"), Place(plain, "kv/")) == []
    (use,) = policy_paths.uses(
        policy_paths.paths_in('path "n/secret/x" {}'), "", Place(plain, "secret/"), Place(odd, "kv/")
    )
    assert (use.new, use.is_unspeakable) == ("", True)


def test_what_reaches_a_place_is_found():
    """Paths that reach the new place already are told of."""
    text = 'path "apps/*" {}\npath "apps/kv/data/x" {}\npath "apps/kvx" {}\npath "+/kv/*" {}\npath "app" {}'
    assert [each.line for each in policy_paths.reaching(policy_paths.paths_in(text), "", NEW)] == [1, 2, 4]


def test_a_text_that_is_no_policy_says_so():
    """What cannot be read is not rewritten."""
    with pytest.raises(HclError):
        policy_paths.paths_in('path "secret/*" {')


SEGMENTS = st.sampled_from(["secret", "sec", "apps", "kv", "data", "a", "+", "+", "sys", "mounts", ""])
PATHS = st.builds(
    lambda parts, star: "/".join(parts) + star, st.lists(SEGMENTS, max_size=5), st.sampled_from(["", "*"])
)
BELOW = st.lists(st.sampled_from(["data", "a", "kv", "secret", ""]), max_size=3).map("/".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=times(300, 20_000))
@given(PATHS.filter(lambda path: path and "+*" not in path), st.lists(BELOW, min_size=1, max_size=8))
def test_what_is_said_of_a_path_is_what_policies_do(path, below):
    """A rewritten path reaches below the new place just what it reached below the old one, and judgements are true."""
    text = f'path "{path}" {{ capabilities = ["read"] }}'
    found = policy_paths.uses(policy_paths.paths_in(text), "", OLD, NEW)
    before, later = (Acl(rules.parse(each, 0)) for each in (text, policy_paths.rewritten(text, found)))
    for rest in below:
        was = before.at(f"secret/{rest}") is not None
        now = later.at(f"apps/kv/{rest}") is not None
        if not found:
            assert not was
        elif found[0].new:
            assert was == now
        elif found[0].covers_new and not path.startswith("sys"):
            assert now or not was


ODD = st.lists(st.sampled_from(["+", "s*", "*", "a+", "+b", "secret", "kv", "+*"]), min_size=1, max_size=3).map(
    lambda parts: Place("", "/".join(parts) + "/")
)
ODD_PATHS = st.builds(lambda place, rest: place.path + rest, ODD, st.sampled_from(["", "x", "*", "x*", "+/x"]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=times(300, 20_000))
@given(ODD, ODD, st.one_of(ODD_PATHS, ODD.map(lambda place: place.path.rstrip("/"))), st.lists(BELOW, max_size=4))
def test_a_rewritten_path_reaches_its_mount_alone(old, new, path, below):
    """Whatever the two places are called, what is rewritten reaches other mounts neither before nor after."""
    try:
        before = Acl(rules.parse(f'path "{path}" {{ capabilities = ["read"] }}', 0))
    except VaultError:
        return
    found = policy_paths.uses([policy_paths.Written(path, 1, 0, 0)], "", old, new)
    for use in found:
        if not use.new:
            continue
        later = Acl(rules.parse(f'path "{use.new}" {{ capabilities = ["read"] }}', 0))
        for rest in below:
            there = [f"{place.path}{rest}" for place in (old, new)]
            assert (before.at(there[0]) is None) == (later.at(there[1]) is None)
        for other in ("other/x", "other", "sys/x", "q/x/x", "otherx", "s/x", "sx/x"):
            assert later.at(other) is None


def test_a_rule_keeps_what_it_allows():
    """Only the path of a rule changes."""
    text = (
        'path "secret/data/a" {\n  capabilities = ["create"]\n  allowed_parameters = { "secret/x" = ["secret/y"] }\n}'
    )
    (old,), (new,) = rules.parse(text, 0), rules.parse(after(text), 0)
    assert isinstance(old, Rule)
    assert new == old._replace(path="apps/kv/data/a")
