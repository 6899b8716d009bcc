"""How the `auth` of an answer is shown: a token that was given out, or renewed. Source: OpenBao 2.7."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaultctl.logical.durations import humanise

_SHOWN = (
    "client_token",
    "accessor",
    "policies",
    "token_policies",
    "identity_policies",
    "metadata",
    "orphan",
    "entity_id",
    "lease_duration",
    "renewable",
    "mfa_requirement",
)
"""What bao shows in JSON, in its order."""

_ABSENT: Mapping[str, Any] = {
    "client_token": "",
    "accessor": "",
    "orphan": False,
    "entity_id": "",
    "lease_duration": 0,
    "renewable": False,
}


def block(auth: Mapping[str, Any]) -> dict[str, Any]:
    """Give the object that JSON and YAML show."""
    shown = {name: auth.get(name, _ABSENT.get(name)) for name in _SHOWN}
    if auth.get("metadata"):
        shown["metadata"] = dict(sorted(auth["metadata"].items()))
    return shown


def rows(auth: Mapping[str, Any]) -> list[list[str]]:
    """Give the rows of a table."""
    found = fields(auth)
    duration_s = found["token_duration"]
    return [
        ["token", found["token"]],
        ["token_accessor", found["token_accessor"]],
        ["token_duration", humanise(duration_s) if duration_s else "∞"],
        ["token_renewable", str(found["token_renewable"]).lower()],
        *([name, _quoted(found[name] or ())] for name in ("token_policies", "identity_policies", "policies")),
        *([f"token_meta_{name}", str(value)] for name, value in sorted((auth.get("metadata") or {}).items())),
    ]


def fields(auth: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `-field` can name."""
    return {
        "token": auth.get("client_token", ""),
        "token_accessor": auth.get("accessor", ""),
        "token_duration": auth.get("lease_duration", 0),
        "token_renewable": auth.get("renewable", False),
        "token_policies": auth.get("token_policies"),
        "identity_policies": auth.get("identity_policies"),
        "policies": auth.get("policies"),
    }


def _quoted(names: Sequence[str]) -> str:
    return "[" + " ".join(f'"{name}"' for name in names) + "]"
