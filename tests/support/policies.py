"""Policies for tests: tokens that have them, texts good and bad, and strategies for random ones."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from support.states import NOW_S, ROOT_TOKEN
from vaultctl.core import tokens
from vaultctl.core.core import Core
from vaultctl.logical.errors import PermissionDenied, VaultError
from vaultctl.logical.request import MERGE_PATCH, Operation, Request
from vaultctl.logical.response import Response

LIMITED = "s.ALimitedTokenOfTheTests"


def give_token(core: Core, *policies: str, token: str = LIMITED, **fields: object) -> str:
    """Make a token with these policies alone."""
    defaults = {"path": "auth/token/create", "display_name": "token"}
    with core.sessions.writing() as session:
        made = {**defaults, "creation_time_s": NOW_S, **fields}
        tokens.create(session.view, token, policies=policies, **made)
        session.commit()
    return token


def write_policy(core: Core, name: str, text: str, **fields: object) -> Response:
    """Store a policy."""
    return ask(core, Operation.UPDATE, f"sys/policies/acl/{name}", policy=text, **fields)


def ask(core: Core, operation: Operation, path: str, /, token: str = ROOT_TOKEN, **data: object) -> Response:
    """Ask with this data, which is the query of a read. Raises: VaultError."""
    in_query = operation not in (Operation.UPDATE, Operation.PATCH)
    request = Request(operation, path, token=token, **{"query" if in_query else "data": data})
    return core.handle(request._replace(content_type=MERGE_PATCH) if operation is Operation.PATCH else request)


def may(core: Core, operation: Operation, path: str, /, token: str = LIMITED, **data: object) -> bool:
    """Tell whether a request is let in, whatever comes of it then."""
    try:
        ask(core, operation, path, token, **data)
    except PermissionDenied:
        return False
    except VaultError:
        pass
    return True


def hcl(rules: Sequence[Mapping[str, Any]]) -> str:
    """Write rules, each with a `path`, as a policy."""
    return "\n".join(_block(rule) for rule in rules)


def _block(rule: Mapping[str, Any]) -> str:
    lines = [f"  {name} = {json.dumps(value).replace(': ', ' = ')}" for name, value in rule.items() if name != "path"]
    return "\n".join([f"path {json.dumps(rule['path'])} {{", *lines, "}"])


CAPABILITIES = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"]
_SEGMENTS = st.sampled_from(["a", "b", "ab", "abc", "+"])


def _path(parts: list[str], end: str) -> str:
    path = "/".join(parts) + end
    return path.replace("+*", "+/*")


RULE_PATHS = st.builds(_path, st.lists(_SEGMENTS, min_size=1, max_size=4), st.sampled_from(["", "", "/", "*", "/*"]))
PATHS = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(st.sampled_from(["a", "b", "ab", "abc", "c"]), min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
RULES = st.fixed_dictionaries(
    {
        "path": RULE_PATHS,
        "capabilities": st.one_of(
            st.lists(st.sampled_from(CAPABILITIES), max_size=4, unique=True),
            st.just(["deny"]),
            st.just(["read", "deny"]),
        ),
    }
)
POLICIES = st.lists(st.lists(RULES, min_size=1, max_size=6), min_size=1, max_size=3)

GOOD_AND_BAD = (
    'path "a" { capabilities = ["fly","soar"] }',
    'path "a" { bogus = 1 \n foo=2 }',
    'path "a" { bogus = 1 }\npath "b" { foo=2 }',
    "nonsense = 1\nx=2",
    'foo "x" {}',
    'path "a" { foo {} }',
    'path "a" { policy = "huh" }',
    'path "a" { policy = "write" }',
    'path = "x"',
    'path { capabilities=["read"] }',
    'path "a" "b" { capabilities=["read"] }',
    'path "a" { capabilities = "read" }',
    'path "a" { capabilities = ["read" "list"] }',
    'path "a" { capabilities = [1] }',
    'path "a" { capabilities = [true] }',
    'path "a" { capabilities = [["read"]] }',
    'path "a" { capabilities = [{}] }',
    'path "a" { capabilities { } }',
    'path "a" { capabilities=["read"] capabilities=["list"] }',
    'path "a" { min_wrapping_ttl = "x" }',
    'path "a" { min_wrapping_ttl = "10s" max_wrapping_ttl = 5 }',
    'path "a" { min_wrapping_ttl = [] }',
    'path "a" { min_wrapping_ttl = true }',
    'path "a" { min_wrapping_ttl = 1.5 }',
    'path "a" { pagination_limit = "x" }',
    'path "a" { pagination_limit = "5" }',
    'path "a" { pagination_limit = 1.5 }',
    'path "a" { pagination_limit = -1 }',
    'path "a" { allowed_parameters = [] }',
    'path "a" { allowed_parameters = { "a" = "x" } }',
    'path "a" { allowed_parameters = "x" }',
    'path "a" { required_parameters = "x" }',
    'path "a" { required_parameters = { a = 1 } }',
    'path "a" { expiration = "x" }',
    'path "a" { expiration = 5 }',
    'path "a" { expiration = "2020-01-01T00:00:00Z" bogus = 1}',
    'path "a" { expiration = "2020-01-01T00:00:00Z" capabilities=["x"]}',
    'path "a{{" { }',
    'path "a}}" { }',
    'path "{{a}}b{{c}}" { capabilities=["fly"] }',
    'path "{{a}}*" {}',
    'path "/a+*" {}',
    'path "+/+*" {}',
    "name = 5",
    "name = {}",
    'name = "x"',
    'name = "x" "y"',
    'comment = "x"',
    'path "a" { comment = 5 }',
    'path "a" { mfa_methods = ["x"] }',
    'path "a" { list_scan_response_keys_filter_path = "x" }',
    'path "a" { capabilities=["list"] list_scan_response_keys_filter_path = "x" }',
    'path "a" { capabilities=["list"] list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}" }',
    'path "a" { capabilities=["list"] list_scan_response_keys_filter_path = "{{ .path" }',
    'Path "a" {}',
    'path "a" { Capabilities=["read"] }',
    'path "a"',
    'path "a" =',
    'path "a" = { capabilities=["read"] }',
    "path a {}",
    'path "a" {',
    'path "a" { capabilities',
    'path "a" { capabilities =',
    'path "a" { capabilities = [',
    'path "a" { capabilities = ["read"',
    'path "a" { capabilities = ["read",',
    'path "a" { pagination_limit = 5',
    'path "a" { pagination_limit = 0',
    "}",
    "{",
    "[",
    '"x',
    'path "a\nb" {}',
    "/* x",
    "/x",
    "/",
    "a . b",
    'path "\\q" {}',
    'path "\\x4" {}',
    'path "\\u12" {}',
    'path "\\101" {}',
    'path "${a"b}" {}',
    'path "${a" {}',
    "<<",
    "<<EOF",
    "a = <<EOF\nx\n",
    "a = <EOF",
    "a = << EOF\n",
    "a = <<\nx\n",
    "a = <<-\nx",
    "a = <<EOF x\nEOF\n",
    "a = <<EOF\nx\nEOF\n",
    "a = <<-EOF\nx\nEOF\n",
    "a = <<-EOF\n  x\n  EOF\n",
    "a = 0x",
    "a = 09",
    "a = 1e",
    "a = .5",
    "a = .",
    "a = -",
    "a = +",
    "a = ,",
    "a = b",
    "a = }",
    "a = ]",
    "a ] b",
    "a b = 1",
    "a b c",
    "= 1",
    "{}",
    "a {}}",
    "a {} , b {}",
    "a = [1,,2]",
    "a = [1 2]",
    "a = [,]",
    "a = [a]",
    "a=[{]",
    "a=[[}]]",
    'a=[{"x" y}]',
    "@",
    "a = @",
    "a = $",
    '\ufeffpath "a" {}',
    'path "ä" {}',
    "ä = 1",
    'path "a" {} \x00',
    "\x00",
    'a = "\x00"',
    "\ue123",
    '"\ue123" = 1',
    '{"path":{"a":{"capabilities":["fly"]}}}',
    '{"path":',
    '{"path":{"a":{"capabilities":["read"]}}',
    '{"path":{"a":{"bogus":1}}}',
    '{"path":["a"]}',
    '{"path":[{"a":{"capabilities":["read"]}},{"b":{"capabilities":["list"]}}]}',
    '{"path":"x"}',
    '{"foo":1}',
    '{"path":{}}',
    '{"path":{"a":{}}}',
    '{"path":{"a":{"capabilities":"read"}}}',
    '{"path":{"a":{"capabilities":[true]}}}',
    '{"path":{"a":{"capabilities":null}}}',
    '{"path":{"a":null}}',
    '{"path":null}',
    '{"path":{"a":{"min_wrapping_ttl":"x"}}}',
    '{"path":{"a":{"capabilities":["read"]},"a":{"capabilities":["list"]}}}',
    '{"path":{"a":{"capabilities":["read"],"allowed_parameters":{"x":[]}}}}',
    '{"path":{"a":{"allowed_parameters":{"x":["y"]},"denied_parameters":{"z":[]}}}}',
    '{"path":{"a":{"allowed_parameters":{}}}}',
    '{"a":1.5e1.5e3b}',
    "a = .5e3",
    '{"a":{}0',
    "{x}",
    '{"a" 1}',
    '{"a":}',
    '{"a":tru}',
    '{"a":01}',
    '{"a":"\\q"}',
    '{"a":"\\/"}',
    '{"a":1,}',
    '{"path":{"a":{"capabilities":["read"]}}} x',
    "{{}",
    '{"":1}',
    "{,}",
    "{:1}",
    "[]",
    '{"path":{"a":{"capabilities":["read",]}}}',
    '  {"path":{"a":{"capabilities":["nope"]}}}',
    '{"a":-}',
    '{"a":.5}',
    '{"a":[[1],2]}',
    '{"path":[[]]}',
    '{"path":[{"a":{"capabilities":["read"]}},"x"]}',
    '{"path":{"a":"x","b":{"capabilities":["read"]}}}',
    '{"path":{"a":[{"capabilities":["read"]},{"capabilities":["list"]}]}}',
    '{"name":"x","path":{"a/{{b":{}}}',
)
"""Texts of policies, of which about the half is none."""

LAYOUTS = (
    'path "a" { capabilities=["read"]}',
    'path "a" {}\npath "b" {}',
    'path "a" {}\n\n\npath "b" {}',
    '# c\npath "a" {}',
    '# c\n\npath "a" {}',
    'path "a" {} # tail',
    'path "a" { # x\n capabilities=["read"] # y\n}\n# end',
    'path "a" {\ncapabilities=["read"]\nmin_wrapping_ttl=5\n}',
    'path "a" {\ncapabilities=["read"] # one\nmin_wrapping_ttl=5 # two\n\nmax_wrapping_ttl = "1h"\n}',
    'path "a" {\n// lead\ncapabilities=["read",\n"list", # l\n # before\n"update"]\n}',
    'path "a" {\ncapabilities=[\n"read"]\n allowed_parameters = { "a"=["1","2"]\n"bcd"=[]\n } denied_parameters {}\n}',
    '/* multi\n line */\npath "a" {\n/* in\n side */\n}',
    'path "a" { comment = <<EOF\nhi\n  there\nEOF\ncapabilities=["read"]\n}',
    'path "a" {\n\n\n # only comment\n\n}',
    'path "a" {\n # first\n\n # second\n capabilities = ["read"]\n # third\n\n # fourth\n}',
    'path "a" {capabilities=[]}',
    "\n\n\n",
    "# only",
    "",
    "path a {}",
    'path "a" { required_parameters = ["x"] capabilities = ["read"] }',
    'path "a" {\n required_parameters = ["x"]\n # mid\n capabilities = ["read"]\n}',
    'path "a" {\n required_parameters = ["x"]\n capabilities = ["read"]\n # tail in\n}\n',
    'path "ä" {\n comment="éé" # x\n capabilities=["read"] # y\n}',
    'name="x"\npath "a" {}\n# z\npath "b" {}',
    'path "a" {\n capabilities = ["read"] /* b */ /* c */\n}',
    'path "a" "b" {}',
    'path "a" {\n comment = "${x\n}"\n}',
    'path "a" { capabilities=[<<X\nread\nX\n]\n}',
    'path "a" {\n allowed_parameters = {\n # in\n "a" = [] }\n capabilities=["read"]\n}',
    'path "a" {\r\n capabilities=["read"]\r\n}\r\n',
    'path "a" { capabilities=["read"] capabilities=["list"]}',
    'path "a" {\n  capabilities = ["read"]\n  control = 1\n}',
    'path "a" { allowed_parameters = { "x" = [{ a = 1 }, "b"] } }',
    'path "a" { allowed_parameters = { "x" = [[1],[2]] } }',
    'path "a" {\n capabilities =\n # behind\n ["read"]\n}',
    'path "a"\n\n{ }',
    'path "a" {}//x\npath "b" {}',
    '# a\n# b\n\n# c\npath "x" {}\n# d\n\n\n# e\n',
    'path "a" {\n  # x\n  capabilities = ["read"]\n\n  # y\n  min_wrapping_ttl = 5\n  max_wrapping_ttl = 10\n}',
    'path "a" {\n capabilities = ["read",\n # c1\n "list",\n # c2\n "sudo" # c3\n ]\n}',
    '{"path":{"a":{}}}',
)
"""Texts to be laid out."""
