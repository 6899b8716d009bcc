"""The policies that every state has: `default`, until somebody writes another, and `response-wrapping`, for ever.

`root` has no rules: it allows everything. The texts are what the API shows; the rules beside them are what they say, so
that no state has to be given them, and none has to read HCL. A test holds the two together. Source: OpenBao 2.7, for
the rules of both, and for the text of `response-wrapping`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vaultctl.core.policies.rule import Rule


class BuiltIn(NamedTuple):
    """A text, and its rules."""

    text: str
    rules: Sequence[Rule]


_DEFAULT = """\
# What a token may ask about itself, and do to itself.
path "auth/token/lookup-self" {
    capabilities = ["read"]
}

path "auth/token/renew-self" {
    capabilities = ["update"]
}

path "auth/token/revoke-self" {
    capabilities = ["update"]
}

path "sys/capabilities-self" {
    capabilities = ["update"]
}

# All its policies together, as user interfaces want them.
path "sys/internal/ui/resultant-acl" {
    capabilities = ["read"]
}

# Its own entity.
path "identity/entity/id/{{identity.entity.id}}" {
    capabilities = ["read"]
}

path "identity/entity/name/{{identity.entity.name}}" {
    capabilities = ["read"]
}

# Leases, for whoever knows their ids.
path "sys/leases/renew" {
    capabilities = ["update"]
}

path "sys/leases/lookup" {
    capabilities = ["update"]
}

# Its own cubbyhole, which no other token sees.
path "cubbyhole/*" {
    capabilities = ["create", "read", "update", "delete", "list"]
}

# Wrapped answers.
path "sys/wrapping/wrap" {
    capabilities = ["update"]
}

path "sys/wrapping/lookup" {
    capabilities = ["update"]
}

path "sys/wrapping/unwrap" {
    capabilities = ["update"]
}

# Hashes of any data.
path "sys/tools/hash" {
    capabilities = ["update"]
}

path "sys/tools/hash/*" {
    capabilities = ["update"]
}

# Signing in elsewhere through an OIDC provider.
path "identity/oidc/provider/+/authorize" {
    capabilities = ["read", "update"]
}
"""

_RESPONSE_WRAPPING = """
path "cubbyhole/response" {
    capabilities = ["create", "read"]
}

path "sys/wrapping/unwrap" {
    capabilities = ["update"]
}

path "auth/token/revoke-self" {
    capabilities = ["update"]
}
"""

_READ, _UPDATE = ("read",), ("update",)

BUILT_IN: Mapping[str, BuiltIn] = {
    "default": BuiltIn(
        _DEFAULT,
        (
            Rule("auth/token/lookup-self", _READ),
            Rule("auth/token/renew-self", _UPDATE),
            Rule("auth/token/revoke-self", _UPDATE),
            Rule("sys/capabilities-self", _UPDATE),
            Rule("sys/internal/ui/resultant-acl", _READ),
            Rule("identity/entity/id/{{identity.entity.id}}", _READ, templated=True),
            Rule("identity/entity/name/{{identity.entity.name}}", _READ, templated=True),
            Rule("sys/leases/renew", _UPDATE),
            Rule("sys/leases/lookup", _UPDATE),
            Rule("cubbyhole/*", ("create", "delete", "list", "read", "update")),
            Rule("sys/wrapping/wrap", _UPDATE),
            Rule("sys/wrapping/lookup", _UPDATE),
            Rule("sys/wrapping/unwrap", _UPDATE),
            Rule("sys/tools/hash", _UPDATE),
            Rule("sys/tools/hash/*", _UPDATE),
            Rule("identity/oidc/provider/+/authorize", ("read", "update")),
        ),
    ),
    "response-wrapping": BuiltIn(
        _RESPONSE_WRAPPING,
        (
            Rule("cubbyhole/response", ("create", "read")),
            Rule("sys/wrapping/unwrap", _UPDATE),
            Rule("auth/token/revoke-self", _UPDATE),
        ),
    ),
}
