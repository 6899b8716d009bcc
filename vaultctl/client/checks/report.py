"""What was found of a move before it is made, and what that comes to. `as_json` is the documented form."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaultctl.logical.errors import VaultError
    from vaultctl.logical.remounting import Place

CLEAN, REFUSED, BREAKS = "clean", "refused", "breaks"
"""What a check comes to: nothing would break; the move would be refused; it would be made, and something break."""


@dataclass(frozen=True)
class Line:
    """A path in a policy that reaches the mount. `new` is what it would say; "" where it stays as it is."""

    line: int
    path: str
    kind: str
    new: str
    breaks: bool
    why: str


@dataclass(frozen=True)
class PolicyFound:
    """A policy that reaches the mount, or the place that it moves to. `namespace` is its own, in full."""

    namespace: str
    name: str
    paths: list[Line]
    diff: str
    """A unified diff to the rewritten text, "" where nothing is rewritten."""
    may_rewrite: bool | None = None
    """Whether the token may write it; None where that was not asked, or cannot be told."""
    reaches_target: list[dict[str, Any]] = field(default_factory=list)
    """Its paths that reach the new place, and did not reach the old one."""
    text: str = field(default="", repr=False)
    new_text: str = field(default="", repr=False)

    @property
    def full_name(self) -> str:
        """Name it with its namespace."""
        return self.namespace + self.name

    def as_json(self) -> dict[str, Any]:
        """Give what is shown of it."""
        shown = asdict(self)
        del shown["text"], shown["new_text"]
        return shown


@dataclass(frozen=True)
class Count:
    """How many there are; where counting was given up, that many or more."""

    count: int
    is_exact: bool = True

    def __str__(self) -> str:
        """Say it."""
        return str(self.count) if self.is_exact else f"at least {self.count}"


@dataclass(frozen=True)
class Unseen:
    """What could not be seen, where that would be, and what the door said."""

    what: str
    path: str
    why: str


@dataclass
class Report:
    """All that was found. Paths are those that were typed; places are None where the paths lead nowhere."""

    source: str
    target: str
    rewrites: bool = False
    """Whether policies go with the move."""
    allowed: bool | None = None
    refusals: list[VaultError] = field(default_factory=list)
    old: Place | None = None
    new: Place | None = None
    type: str = ""
    accessor: str = ""
    leases: Count | None = None
    tokens: Count | None = None
    policies: list[PolicyFound] = field(default_factory=list)
    entity_aliases: list[dict[str, Any]] = field(default_factory=list)
    quotas: list[dict[str, Any]] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)

    @property
    def breaks(self) -> list[str]:
        """Say what would break, a line each."""
        found = []
        if self.leases and self.leases.count:
            found.append(f"{self.leases} lease(s) are revoked")
        if self.tokens and self.tokens.count:
            found.append(f"{self.tokens} token(s) are revoked, with all that descend from them")
        for policy in self.policies:
            broken = (path for path in policy.paths if path.breaks or (path.new and not self.rewrites))
            found += [f'policy {policy.full_name}, line {path.line}: "{path.path}" {path.why}' for path in broken]
        return found

    @property
    def verdict(self) -> str:
        """Say what it comes to; what could not be seen is not clean."""
        if self.refusals:
            return REFUSED
        return BREAKS if self.breaks or self.unseen else CLEAN

    def as_json(self) -> dict[str, Any]:
        """Give all of it as the machine's form."""
        return {
            "verdict": self.verdict,
            "source_mount": self.source,
            "target_mount": self.target,
            "type": self.type,
            "accessor": self.accessor,
            "source_namespace": self.old.namespace if self.old else None,
            "target_namespace": self.new.namespace if self.new else None,
            "allowed": self.allowed,
            "refusals": [{"status": each.status, "errors": list(each.errors)} for each in self.refusals],
            "leases": asdict(self.leases) if self.leases else None,
            "tokens": asdict(self.tokens) if self.tokens else None,
            "policies": [policy.as_json() for policy in self.policies],
            "rewrites_policies": self.rewrites,
            "entity_aliases": self.entity_aliases,
            "quotas": self.quotas,
            "roles": self.roles,
            "users": self.users,
            "breaks": self.breaks,
            "unseen": [asdict(each) for each in self.unseen],
            "notes": self.notes,
        }
