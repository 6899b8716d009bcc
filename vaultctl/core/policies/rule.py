"""One rule of a policy, as it is stored and judged by. Nothing here reads HCL."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

ORDER = ("create", "delete", "list", "patch", "read", "scan", "sudo", "update")
"""All capabilities but "deny"."""

EXPANDED: Mapping[str, Sequence[str]] = {
    "deny": ("deny",),
    "read": ("read", "list"),
    "write": ("create", "read", "update", "delete", "list"),
    "sudo": ("create", "read", "update", "delete", "list", "sudo"),
}
"""What the words stand for that `policy` took before there were capabilities."""

Kind = Literal["exact", "prefix", "segments"]


class Rule(NamedTuple):
    """What a policy allows on a path: `a/b`, `a/*` or `a/+/b`, in a `templated` one with {{…}} in it.

    Parameters are by lower-case name; None is no limit, an empty list of values allows or denies any. `expires_s` is in
    seconds since the epoch, and 0 is never.
    """

    path: str
    capabilities: Sequence[str] = ()
    allowed_parameters: Mapping[str, Sequence[Any]] | None = None
    denied_parameters: Mapping[str, Sequence[Any]] | None = None
    required_parameters: Sequence[str] = ()
    min_wrapping_ttl_s: float = 0
    max_wrapping_ttl_s: float = 0
    pagination_limit: int = 0
    keys_filter: str = ""
    expires_s: float = 0
    templated: bool = False

    def record(self) -> dict[str, Any]:
        """Give what is stored: the fields that say something."""
        return {name: value for name, value in self._asdict().items() if value != self._field_defaults.get(name)}


def from_record(record: Mapping[str, Any]) -> Rule:
    """Give a rule as it was stored."""
    return Rule(**record)


def place(path: str) -> tuple[str, Kind]:
    """Tell how a rule's path is looked up, and by what: the text before the star of a prefix, else the path itself.

    Source: OpenBao 2.7, where a path with a segment `+` keeps its star.
    """
    if path == "+" or path.startswith("+/") or "/+" in path:
        return path, "segments"
    return (path[:-1], "prefix") if path.endswith("*") else (path, "exact")


def is_templated(path: str) -> bool:
    """Tell whether a path has places for what an entity is."""
    return "{{" in path
