"""Which policies a new token gets. Source: OpenBao 2.7, with its order of checks and its messages."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vaultctl.core.session import Session
from vaultctl.core.tokens import ROOT_POLICY
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.go_text import quoted

DEFAULT = "default"
NOT_ASSIGNABLE = frozenset({"response-wrapping"})
"""Policies that belong to the engine itself."""


class Rules(NamedTuple):
    """What a role says of policies."""

    allowed: Sequence[str] = ()
    allowed_glob: Sequence[str] = ()
    disallowed: Sequence[str] = ()
    disallowed_glob: Sequence[str] = ()
    no_default: bool = False

    @property
    def decide(self) -> bool:
        """Tell whether the role decides, and not the parent's policies."""
        return any((self.allowed, self.allowed_glob, self.disallowed, self.disallowed_glob))


def sanitised(names: Iterable[str], *, add_default: bool = False) -> list[str]:
    """Give names in lower case, sorted, each once; root stands alone."""
    found = {name.strip().lower() for name in names} - {""}
    if ROOT_POLICY in found:
        return [ROOT_POLICY]
    return sorted(found | {DEFAULT}) if add_default else sorted(found)


def resolve(
    wanted: Sequence[str],
    parent: Sequence[str],
    rules: Rules | None,
    *,
    no_default: bool,
    has_sudo: bool,
    is_from_above: bool = False,
) -> list[str]:
    """Give the policies of a token that a parent, maybe one of an outer namespace, makes. Raises: InvalidRequest."""
    add_default = False
    if rules and rules.decide:
        wanted = _by_role(wanted, parent, rules, no_default=no_default)
    elif is_from_above:
        add_default = not no_default
    elif not wanted:
        wanted = sanitised(parent)
    elif has_sudo:
        add_default = not no_default
    else:
        if not set(sanitised(wanted)) <= set(sanitised(parent)):
            raise InvalidRequest("child policies must be subset of parent")
        add_default = not no_default and DEFAULT in parent
    final = sanitised(wanted, add_default=add_default)
    if no_default and DEFAULT in final:
        final.remove(DEFAULT)
    check_assignable(final)
    return final


def check_assignable(names: Iterable[str]) -> None:
    """Refuse policies that no token may be given. Raises: InvalidRequest."""
    for name in names:
        if name in NOT_ASSIGNABLE:
            raise InvalidRequest(f'cannot assign policy "{name}"')


def exists(session: Session, name: str, namespace: str, now_s: float) -> bool:
    """Tell whether a namespace has a policy of this name."""
    from vaultctl.core.policies import store

    return store.find(session.view, name, now_s, namespace) is not None


def _by_role(wanted: Sequence[str], parent: Sequence[str], rules: Rules, *, no_default: bool) -> list[str]:
    add_default = not (
        no_default or rules.no_default or DEFAULT in rules.disallowed or _fits_any(DEFAULT, rules.disallowed_glob)
    )
    final = sanitised(wanted, add_default=add_default) if wanted else []
    if rules.allowed or rules.allowed_glob:
        allowed = sanitised(rules.allowed, add_default=add_default)
        if not final:
            final = allowed
        elif not all(name in allowed or _fits_any(name, rules.allowed_glob) for name in final):
            raise InvalidRequest(
                f"token policies ({_quoted(final)}) must be subset of the role's allowed policies"
                f" ({_quoted(allowed)}) or glob policies ({_quoted(rules.allowed_glob)})"
            )
    elif not final:
        final = sanitised(parent, add_default=add_default)
    for name in final:
        if name in rules.disallowed or _fits_any(name, rules.disallowed_glob):
            raise InvalidRequest(f"token policy {quoted(name)} is disallowed by this role")
    return final


def fits(text: str, pattern: str) -> bool:
    """Fit a text to a pattern in which each `*` stands for any text."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first) or len(text) < len(first) + len(rest[-1]) or not text.endswith(rest[-1]):
        return False
    place, end = len(first), len(text) - len(rest[-1])
    for part in rest[:-1]:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _fits_any(text: str, patterns: Iterable[str]) -> bool:
    return any(fits(text, pattern) for pattern in patterns)


def _quoted(names: Sequence[str]) -> str:
    return "[" + " ".join(quoted(name) for name in names) + "]"
